"""Files that a run has written, read back: a damaged one is named, with the command that makes it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from naome.core.errors import RunError
from naome.core.run_folder import INPUTS, MANIFEST, READ_RECORD, is_run

if TYPE_CHECKING:
    import pandas as pd

DAMAGED = "damaged, or cut off"


def read_frame(file: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a frame that a run has written.

    Parameters
    ----------
    file : Path
    columns : list of str, optional
        Only these; all by default.

    Raises
    ------
    RunError
        If it is not whole, with what makes it again (:func:`say_again`).
    """
    import pandas as pd  # takes long to import

    with _open(file) as handle:
        try:
            return pd.read_parquet(handle, columns=columns, page_checksum_verification=True)
        except (ValueError, OSError, NotImplementedError):  # Arrow's errors are of these kinds
            raise RunError(f"{file}: not readable as Parquet: {DAMAGED}. {say_again(file)}") from None


def is_finished(folder: Path) -> bool:
    """Return whether a folder holds the manifest of a run, and not another file of that name."""
    try:
        return bool(read_record(folder / MANIFEST, {"run_id": str}))
    except (RunError, OSError):
        return False


def read_record(file: Path, needed: Mapping[str, type] | None = None) -> dict[str, Any]:
    """Read a JSON object that a run has written.

    Parameters
    ----------
    file : Path
    needed : mapping of str to type, optional
        Key that has to be there -> of which kind.

    Raises
    ------
    RunError
        If it is not whole, or a key is missing, with what makes it again (:func:`say_again`).
    """
    with _open(file) as handle:
        try:
            record = json.load(handle)
        except (ValueError, RecursionError):
            raise RunError(f"{file}: not readable as JSON: {DAMAGED}. {say_again(file)}") from None
    held = record if isinstance(record, dict) else {}
    for key, kind in (needed or {}).items():
        if not isinstance(held.get(key), kind):
            raise RunError(
                f"{file}: key {key!r} is missing, or not a {kind.__name__}: {DAMAGED}, or of an earlier version. "
                f"{say_again(file)}"
            )
    return held


def say_again(file: Path) -> str:
    """Say in a hint which command makes a file of a run again.

    Examples
    --------
    >>> say_again(Path("/nowhere/results/survival.parquet"))  # in no run's folder
    'Hint: it was written by hand; take it away, and run the notebook that writes it again.'
    """
    folder = next((parent for parent in file.parents if is_run(parent)), None)
    if folder is None:
        return "Hint: it was written by hand; take it away, and run the notebook that writes it again."
    name = file.relative_to(folder).as_posix()
    if name == MANIFEST:
        return f"Hint: `naome manifest --run {shlex.quote(str(folder))}` writes it again."
    if name == READ_RECORD:
        return f"Hint: `naome chain {_say_origin(folder)} --replace` makes the run again."
    command = "read" if name.startswith(f"{INPUTS}/") else "chain"
    return f"Hint: `naome {command} {_say_origin(folder)}` makes it again."


def _say_origin(folder: Path) -> str:
    """Write the options by which a run was read, as far as its record says them."""
    params, data = "FILE", "FOLDER"
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        record = json.loads((folder / READ_RECORD).read_bytes())
        params, data = shlex.quote(record["params_from"]), shlex.quote(record["data_dir"])
    return f"--params {params} --data {data} --run {shlex.quote(str(folder))}"


def _open(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except FileNotFoundError:
        raise RunError(f"{file}: not there. {say_again(file)}") from None
