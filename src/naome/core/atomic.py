"""Files and folders written whole: nobody ever reads half of one, and what a killed process leaves is swept.

Everything that is not finished yet has a name that begins with a dot and holds the number of the process that writes
it, so that the next process can tell what nobody will finish any more (:func:`sweep`).
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: Of one person each, or of few: readable by their owner only
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
_NAME = re.compile(r"^\.(?P<name>.+)\.(?P<process>\d+)-\d+\.(tmp|old)(\.\w+)?$")
_count = itertools.count()
#: Unfinished names of this process. Another with its number may have been killed before: a container starts at 1 again
_mine: set[Path] = set()


def write_text(text: str, path: Path, *, private: bool = False) -> None:
    """Write a text, in UTF-8 and with its own line ends.

    Parameters
    ----------
    private : bool
        Whether only the owner may read the file, and a folder made for it, whatever the umask; the umask decides
        otherwise.
    """
    _write(path, lambda name: name.write_text(text, encoding="utf-8", newline=""), private)


def write_bytes(data: bytes, path: Path, *, private: bool = False) -> None:
    """Write bytes; see :func:`write_text`."""
    _write(path, lambda name: name.write_bytes(data), private)


def write_json(record: dict[str, Any], path: Path, *, private: bool = False) -> None:
    """Write a record as JSON with its keys in order; see :func:`write_text`."""
    write_text(json.dumps(record, indent=1, sort_keys=True, default=str) + "\n", path, private=private)


def write_frame(frame: pd.DataFrame, path: Path, *, private: bool = False) -> None:
    """Write a frame as Parquet, without its index and with checksums; see :func:`write_text`."""
    _write(path, lambda name: frame.to_parquet(name, index=False, write_page_checksum=True), private)


@contextmanager
def scratch_folder(beside: Path, name: str) -> Iterator[Path]:
    """Make a folder for what is only needed meanwhile, for its owner only; it is removed at the end.

    Parameters
    ----------
    beside : Path
        Folder in which it is made.
    name : str
        What it is for.
    """
    beside.mkdir(parents=True, exist_ok=True)
    folder = _temporary(beside / name)
    folder.mkdir(mode=PRIVATE_FOLDER)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def write_together(folder: Path) -> Iterator[Path]:
    """Make a folder for files that belong together; they are moved into theirs when all of them have been written.

    Parameters
    ----------
    folder : Path
        Theirs; what else is in it stays.
    """
    folder = folder.expanduser().resolve()
    with scratch_folder(folder.parent, folder.name) as scratch:
        yield scratch
        folder.mkdir(exist_ok=True)
        for file in sorted(scratch.iterdir()):
            os.replace(file, folder / file.name)


def replace_folder(new: Path, target: Path) -> None:
    """Put a finished folder in the place of another; an old one is moved aside first and removed last.

    A process that is killed between the two renames leaves no folder under the name, and never a mixture.
    """
    old = _temporary(target, "old")
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def sweep(folder: Path, name: str = "") -> list[str]:
    """Remove what processes that are gone left unfinished in a folder; return the names.

    Parameters
    ----------
    folder : Path
    name : str
        Only what was to become this; everything by default. For a folder that others use too.
    """
    removed = []
    for path in sorted(folder.glob(".*")) if folder.is_dir() else ():
        left = _NAME.match(path.name)
        if left and name in ("", left["name"]) and not _is_in_use(path, int(left["process"])):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            removed.append(path.name)
    return removed


def is_unfinished(path: Path) -> bool:
    """Return whether a file or folder has the name of what some process has not finished."""
    return bool(_NAME.match(path.name))


def is_alive(process: int) -> bool:
    """Return whether a process of this machine is still there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner only, whatever the umask.

    One that is there is closed to others, where it is this user's; those above it stay as they are.

    Raises
    ------
    NotADirectoryError
        If a file has its name; the file stays as it is.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "is a file; a folder is needed", str(folder))
    for each in reversed([folder, *folder.parents]):
        if not each.exists():
            each.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) != PRIVATE_FOLDER:
        with suppress(PermissionError):  # somebody else's: the files in it are private themselves
            folder.chmod(PRIVATE_FOLDER)


def _write(path: Path, write: Callable[[Path], object], private: bool) -> None:
    if private and not path.parent.exists():
        make_private_folder(path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    name = _temporary(path)
    try:
        name.open("xb").close()
        if private:
            name.chmod(PRIVATE_FILE)
        write(name)
        os.replace(name, path)
    except BaseException as error:
        name.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from None  # a library does not say where
        raise


def _is_in_use(path: Path, process: int) -> bool:
    return path.absolute() in _mine if process == os.getpid() else is_alive(process)


def _temporary(path: Path, end: str = "tmp") -> Path:
    """Return a name that is not taken, not even by a killed process that had this one's number."""
    while (name := path.with_name(f".{path.name}.{os.getpid()}-{next(_count)}.{end}")).exists():
        pass
    _mine.add(name.absolute())
    return name
