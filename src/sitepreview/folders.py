"""The folder in which a site is built, beside the one that it will be."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_count = itertools.count()


@contextmanager
def build_folder(target: Path) -> Iterator[Path]:
    """Make a folder beside the site, on the same file system, and remove it at the end.

    Its name holds the number of the process, so that a later build removes what a killed one left.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    folder = target.with_name(f".{target.name}-build.{os.getpid()}-{next(_count)}.tmp")
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(target: Path) -> None:
    name = re.compile(rf"\.{re.escape(target.name)}-build\.(\d+)-\d+\.tmp")
    for folder in target.parent.iterdir():
        found = name.fullmatch(folder.name)
        if found and not _is_alive(int(found[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True
