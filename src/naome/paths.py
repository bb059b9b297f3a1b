"""Where things lie, resolved from the project's own folder and never from the current directory."""

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
    root = Path(chosen).resolve() if chosen else Path(__file__).resolve().parents[2]
    if not (root / "definitions").is_dir() or not (root / "params").is_dir():
        raise FileNotFoundError(
            f"{root} is not a naome project: it has no params/ and definitions/. Set NAOME_PROJECT to the checkout."
        )
    return root


def resolve(path: str | Path) -> Path:
    """Return `path` absolute, read from the project folder when it is relative.

    Examples
    --------
    >>> resolve("params").name
    'params'
    """
    path = Path(path).expanduser()
    return path if path.is_absolute() else project_root() / path


def runs_root() -> Path:
    """Return the folder of all runs: ``NAOME_RUNS``, or ``runs`` in the project."""
    return resolve(os.environ.get("NAOME_RUNS", "runs"))
