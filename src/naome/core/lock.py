"""One run in one folder at a time: a lock that the operating system drops when its process ends, however it ends."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from naome.core.atomic import PRIVATE_FILE, make_private_folder
from naome.core.errors import RunError

try:
    import fcntl
except ImportError:  # Windows has no such lock; its users keep one run to a folder themselves
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
#: The environment variable with the folder that whoever started this process holds for it
HELD = "NAOME_HELD"


@contextmanager
def lock_folder(folder: Path, *, shared: bool = False) -> Iterator[int]:
    """Hold a folder while something is written to it.

    Parameters
    ----------
    folder : Path
        Made when it is not there; from now on it is its owner's only.
    shared : bool
        Whether others that share may write as well: the steps of one run, each of which writes files of its own. The
        whole folder is for whoever does not share.

    Yields
    ------
    int
        The open lock file: a process that inherits it holds the folder, too, until it ends.

    Raises
    ------
    RunError
        If another process holds the folder; the message says which, and since when.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    file = _take(folder, shared)
    try:
        write_holder(file, os.getpid())
        yield file
    finally:
        if made and [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()  # nothing was written, so nothing is left
            for parent in made:
                parent.rmdir()
        os.close(file)


def _take(folder: Path, shared: bool) -> int:
    """Open the lock file and lock it; again, if its folder went away in between."""
    while True:
        make_private_folder(folder)
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        if fcntl is None:
            return file
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            said = _describe_holder(file)
            os.close(file)
            raise RunError(f"{folder}: {said}") from None
        if os.fstat(file).st_nlink:
            return file
        os.close(file)


def _describe_holder(file: int) -> str:
    try:
        holder = json.loads(os.pread(file, 4096, 0) or b"{}")
    except ValueError:
        holder = {}
    who = f"process {holder['process']} (`{holder['command']}`, since {holder['since']})" if holder else "a process"
    return (
        f"{who} works in this folder. Hint: wait until it has ended, or name another folder with --run; nothing "
        "was changed."
    )


def write_holder(file: int, process: int) -> None:
    """Write into a lock file which process works in the folder."""
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    record = json.dumps({"process": process, "command": command, "since": since}).encode()
    os.truncate(file, 0)
    os.pwrite(file, record, 0)
