"""One run in one folder at a time: a lock that the operating system drops when its process ends, however it ends."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from naome.atomic import PRIVATE_FILE
from naome.errors import ChainError

try:
    import fcntl
except ImportError:  # Windows has no such lock; its users keep one run to a folder themselves
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


@contextmanager
def lock_folder(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a folder while something is written to it.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    shared : bool
        Whether others that share may write as well: the steps of one run, each of which writes files of its own. The
        whole folder is for whoever does not share.

    Raises
    ------
    ChainError
        If another process holds the folder; the message says which, and since when.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except OSError:
                raise ChainError(f"{folder}: {_describe_holder(file)}") from None
        _write_holder(file)
        yield
    finally:
        os.close(file)


def _describe_holder(file: int) -> str:
    try:
        holder = json.loads(os.pread(file, 4096, 0) or b"{}")
    except ValueError:
        holder = {}
    who = f"process {holder['process']} (`{holder['command']}`, since {holder['since']})" if holder else "a process"
    return (
        f"{who} works in this folder. Hint: wait until it has ended, or name another folder with --run-dir; nothing "
        "was changed."
    )


def _write_holder(file: int) -> None:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    record = json.dumps({"process": os.getpid(), "command": command, "since": since}).encode()
    os.truncate(file, 0)
    os.pwrite(file, record, 0)
