"""What a folder of an extract holds: digests of its files, and whether the generator's seal on them is whole.

The generator of synthetic extracts leaves ``extract.json`` beside its files, with the digest of each. Only that makes
data synthetic: a file that was changed, added or taken away breaks the seal, and the data count as real.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from naome.core.errors import ExtractError, say_some

SEAL = "extract.json"
#: What the files of an extract may be; in any case of letters
SUFFIXES = (".parquet", ".csv", ".csv.gz")
#: How files end that hold several
PACKED = (".zip", ".7z", ".tar", ".tgz", ".gz", ".rar")


@dataclass(frozen=True)
class Inputs:
    """The files of an extract as they were when they were digested.

    Attributes
    ----------
    folder : Path
    digests : mapping of str to str
        File name -> sha256, the seal among them.
    seen : mapping of str to tuple
        File name -> size, time of change and identity, by which :meth:`check_unchanged` tells another file.
    find : callable
        Finds the files that are read, as for :func:`digest_inputs`.
    """

    folder: Path
    digests: Mapping[str, str]
    seen: Mapping[str, tuple[int, int, int]]
    find: Callable[[Path], Iterable[Path]] = lambda folder: ()

    def check_unchanged(self) -> None:
        """Check that the files are still those that were digested.

        Raises
        ------
        ExtractError
            If one was changed, added or taken away meanwhile.
        """
        now = {name: _look_at(path) for name, path in _name_files(self.folder, self.find).items()}
        changed = sorted(name for name in {*now, *self.seen} if now.get(name) != self.seen.get(name))
        if changed:
            raise ExtractError(
                f"{self.folder}: {say_some(changed)} changed while the extract was read; nothing was kept. "
                "Hint: wait until the files have been copied, and read again."
            )


def check_is_folder(folder: Path) -> None:
    """Refuse a folder of an extract that is not there, or is a file.

    Raises
    ------
    ExtractError
    """
    if folder.is_file():
        unpack = "unpack it, and " if folder.suffix.lower() in PACKED else ""
        raise ExtractError(f"{folder}: a file. Hint: {unpack}name the folder that holds all tables of the extract.")
    if not folder.is_dir():
        raise ExtractError(
            f"{folder}: no such folder. Hint: the folder of the extract is the argument of check-extract; elsewhere "
            "--data names it, or data_dir in the parameters."
        )


def list_files(folder: Path) -> list[Path]:
    """Return the files of an extract that are tables by their suffix, and its seal.

    Raises
    ------
    ExtractError
        If there is no such folder, or an entry with a readable name is not a file (a named pipe never ends).
    """
    check_is_folder(folder)
    named = [p for p in sorted(folder.iterdir()) if p.name.lower().endswith(SUFFIXES) or p.name == SEAL]
    for path in named:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ExtractError(f"{path}: is not a file but a pipe or a device; allowed: files.")
    return [path for path in named if path.is_file()]


def digest_inputs(folder: Path, find: Callable[[Path], Iterable[Path]] = lambda folder: ()) -> Inputs:
    """Digest the files of an extract: tables by their suffix, the seal, and what is read beside them.

    Parameters
    ----------
    folder : Path
    find : callable, optional
        Returns the files that are read of a folder, whatever they are named (text, zip files, parts in folders).
    """
    digests, seen = {}, {}
    for name, path in _name_files(folder, find).items():
        seen[name] = _look_at(path)
        digests[name] = file_digest(path)
    return Inputs(folder, digests, seen, find)


def _name_files(folder: Path, find: Callable[[Path], Iterable[Path]]) -> dict[str, Path]:
    """Return the files by name; a part in a folder is named with it."""
    paths = {*list_files(folder), *(path for path in find(folder) if path.is_file())}
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}


def read_note(folder: Path) -> dict[str, Any]:
    """Return what an extract says of itself in its seal; empty when it has none.

    Raises
    ------
    ExtractError
        If the file is not a JSON object.
    """
    file = folder / SEAL
    if not file.is_file():
        return {}
    try:
        note = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        note = None
    if not isinstance(note, dict):
        raise ExtractError(f"{file}: not readable as JSON. Hint: write the extract again; the file says what it holds.")
    return note


def check_seal(inputs: Inputs) -> tuple[bool, str]:
    """Return whether the generator's seal is there and whole, and why not where it claims to be.

    Returns
    -------
    bool, str
        False with an empty text when the extract does not claim to be synthetic.
    """
    note = read_note(inputs.folder)
    if note.get("synthetic") is not True:
        return False, ""
    sealed = note.get("files")
    if not isinstance(sealed, dict):
        return False, f"{SEAL} holds no digests of the files, so it proves nothing"
    there = {name: digest for name, digest in inputs.digests.items() if name != SEAL}
    broken = sorted(name for name in {*sealed, *there} if sealed.get(name) != there.get(name))
    if broken:
        one = len(broken) == 1
        return (
            False,
            f"{say_some(broken)} {'is' if one else 'are'} not as the generator wrote {'it' if one else 'them'}",
        )
    return True, ""


def file_digest(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _look_at(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
