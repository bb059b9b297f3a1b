"""Where things lie, resolved from the project's folder and never from the current directory; texts written whole."""

from __future__ import annotations

import os
import tempfile
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


def write_text(text: str, path: Path) -> None:
    """Write a text to a temporary name and rename it, so that nobody reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
        out.write(text)
    os.chmod(name, 0o644)
    os.replace(name, path)
