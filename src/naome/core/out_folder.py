"""Folders that a command may write to: looked at before the work begins, so that nobody else's file is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from naome.core.errors import RunError
from naome.core.paths import project_root
from naome.core.run_folder import is_run
from naome.core.seal import SEAL

#: Folders of the project that a run is made by
PROJECT = ("definitions", "notebooks", "params", "src")
#: Folders of a run that its steps write, and nobody else
STEPS = ("inputs", "results", "release", "notebooks", "steps", "failed")


def check_out(
    folder: Path,
    is_own: Callable[[Path], bool],
    *,
    option: str = "--out",
    extracts: Iterable[Path] = (),
    runs: Iterable[Path] = (),
) -> None:
    """Refuse a folder that holds or belongs to something else.

    Parameters
    ----------
    folder : Path
        Where a command would write.
    is_own : callable
        Says whether a folder with files in it is one that the same command wrote.
    option : str
        What names the folder.
    extracts : iterable of Path
        Folders of extracts that the command reads.
    runs : iterable of Path
        Folders of runs that the command writes, and that may not be there yet.

    Raises
    ------
    RunError
        If it is a file or holds other files, or lies in an extract, in what the steps of a run write, or in what the
        project is made of.
    """
    target = folder.expanduser().resolve()
    reason = next(_find_reasons(target, is_own, [each.resolve() for each in extracts], [*map(Path.resolve, runs)]), "")
    if reason:
        raise RunError(
            f"{folder}: {reason}; nothing was written. Hint: {option} with a folder that is new, empty, or written by "
            "the same command before."
        )


def _find_reasons(
    target: Path, is_own: Callable[[Path], bool], extracts: list[Path], runs: list[Path]
) -> Iterator[str]:
    above = [target, *target.parents]
    there = next(path for path in above if path.exists())
    if not there.is_dir():
        yield "is a file" if there == target else f"{there} is a file"
    for place in above:
        if place in extracts or (place / SEAL).is_file():
            yield f"is the folder of an extract, {place}, or lies in it"
        if place.name in STEPS and (place.parent in runs or is_run(place.parent)):
            yield f"belongs to the run in {place.parent}"
    for place in [*extracts, *runs]:
        if target in (place, *place.parents):
            yield f"is, or holds, {place}"
    for name in PROJECT:
        if project_root() / name in above:
            yield f"belongs to the project, {project_root()}"
    if target.is_dir() and any(target.iterdir()) and not is_own(target):
        yield "holds other files"
