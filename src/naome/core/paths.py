"""Where things lie: the project's own files beside this package, the runs where the user wants them."""

from __future__ import annotations

import os
from pathlib import Path


def project_root() -> Path:
    """Return the project folder.

    ``NAOME_PROJECT`` wins where it is set (an installed package in a secure
    environment); otherwise the checkout that holds this package.

    Raises
    ------
    FileNotFoundError
        If no project folder with ``params/`` and ``definitions/`` is found.
    """
    chosen = os.environ.get("NAOME_PROJECT")
    root = Path(chosen).resolve() if chosen else Path(__file__).resolve().parents[3]
    if not (root / "definitions").is_dir() or not (root / "params").is_dir():
        raise FileNotFoundError(
            f"{root} is not a naome project: it has no params/ and definitions/. Set NAOME_PROJECT to the checkout."
        )
    return root


def runs_root() -> Path:
    """Return the folder of all runs: ``NAOME_RUNS``, relative to the current directory, or ``runs`` in the project."""
    chosen = os.environ.get("NAOME_RUNS")
    return Path(chosen).expanduser().absolute() if chosen else project_root() / "runs"
