"""A plugin of pytest: the kernels that nbval starts are forked from a warm parent, as those of the runner are."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from naome.workflow.kernels import use_warm_kernels
from naome.workflow.warm import keep_warm

_open = ExitStack()


def pytest_configure() -> None:
    """Start the warm parent before the first kernel."""
    folder = _open.enter_context(tempfile.TemporaryDirectory(prefix="naome-warm-"))
    _open.enter_context(keep_warm(Path(folder) / "parent"))
    use_warm_kernels()


def pytest_unconfigure() -> None:
    """End it after the last."""
    _open.close()
