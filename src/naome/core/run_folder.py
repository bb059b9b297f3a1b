"""The folder of a run: how it is named, what shows that a folder is one, and which runs there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from naome.core.errors import RunError, suggest
from naome.core.paths import runs_root

#: What a run was made from, and what a finished run ends with
INPUTS, MANIFEST = "inputs", "manifest.json"
#: The record of reading; the copy of the parameters, beside it
READ_RECORD, PARAMS_COPY = f"{INPUTS}/read.json", "params.yaml"
SHOWN_RUNS = 5


def is_run(folder: Path) -> bool:
    """Return whether a folder is that of a run, finished or not."""
    return any((folder / name).is_file() for name in (READ_RECORD, MANIFEST))


def list_runs(sign: str = READ_RECORD) -> list[str]:
    """List the names of the runs in the folder of all runs that have a file: that were read, by default."""
    return sorted(folder.name for folder in _list_folders(runs_root()) if (folder / sign).is_file())


def place_run(name: str) -> str:
    """Return the folder of a run: of a plain name, the run of that name, unless only a folder here is called so."""
    plain = Path(name).name == name and name not in ("", ".", "..")
    known = plain and ((runs_root() / name).is_dir() or not Path(name).is_dir())
    return str(runs_root() / name) if known else name


def find_run_folder(name: str | Path, sign: str = READ_RECORD) -> Path:
    """Return the folder of a run that is there.

    Parameters
    ----------
    name : str or Path
        The run's name under the folder of all runs (``NAOME_RUNS``, or ``runs`` in the project), or its folder.
    sign : str
        The file that the runs have which are offered instead.

    Raises
    ------
    RunError
        If there is no such run, or a folder is none of a run: what one has, and the runs near it.
    """
    folder = Path(place_run(str(name))).expanduser().absolute()
    if folder.is_dir() and is_run(folder):
        return folder
    known = list_runs(sign)
    if folder.is_dir():
        said = (
            f"is no folder of a run, which holds {READ_RECORD} once an extract has been read, and {MANIFEST} at its end"
        )
    elif folder.exists():
        said = "is a file; a run is named by its name or its folder"
    else:
        said = f"there is no run {folder.name!r}{suggest(folder.name, known)}"
    near = [str(each) for each in islice(_list_near(folder), SHOWN_RUNS) if each.parent != runs_root()]
    beside = f"near it: {', '.join(near)}; " if near else ""
    raise RunError(
        f"{folder}: {said}; runs {beside}in {runs_root()}: {', '.join(known) or 'none'}. Hint: `naome chain` makes a "
        "run; one elsewhere is named by the path of its folder."
    )


def _list_near(folder: Path) -> Iterator[Path]:
    """Go through the runs around a folder: that in which it lies, those in it, and those beside it."""
    around = [*folder.parents[:2], *_list_folders(folder), *_list_folders(folder.parent)]
    return (each for each in dict.fromkeys(around) if is_run(each))


def _list_folders(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return []
