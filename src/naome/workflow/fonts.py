"""Where Matplotlib keeps its list of fonts: in the home of its user only where it has one already."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "MPLCONFIGDIR"


def lacks_font_list() -> bool:
    """Return whether Matplotlib would write into the home."""
    return VARIABLE not in os.environ and not list((Path.home() / ".cache" / "matplotlib").glob("fontlist-*.json"))


@contextmanager
def fonts_apart() -> Iterator[None]:
    """Let Matplotlib, with which the report draws, keep its list of fonts in a folder that goes, not in the home."""
    if not lacks_font_list():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="naome-") as folder:
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]
