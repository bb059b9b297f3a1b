"""Finding the files of an extract and opening them in DuckDB, whatever their dialect."""

from __future__ import annotations

import codecs
import gzip
from dataclasses import dataclass
from pathlib import Path

import duckdb

from naome.errors import ExtractError, suggest

SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True)
class RawFile:
    """One file of an extract, opened as a view.

    Attributes
    ----------
    table : str
        Name of the raw table, e.g. ``av_tumour``.
    path : Path
    view : str
        Name of the DuckDB view or table that holds it.
    columns : dict of str to str
        Column name in capitals -> DuckDB type.
    first_row : int
        Line number of the first record: 2 in a CSV file, 1 in Parquet.
    """

    table: str
    path: Path
    view: str
    columns: dict[str, str]
    first_row: int


def find_file(folder: Path, table: str) -> Path:
    """Return the file of a raw table: ``<table>`` or ``sim_<table>``, any case, Parquet or CSV.

    Raises
    ------
    ExtractError
        If there is none, more than one, or it is a folder.
    """
    if not folder.is_dir():
        raise ExtractError(
            f"{folder}: no such folder. Hint: data_dir in the parameters names the folder of the extract."
        )
    names = {f"{stem}{suffix}" for stem in (table, f"sim_{table}") for suffix in SUFFIXES}
    found = sorted(path for path in folder.iterdir() if path.name.lower() in names)
    if not found:
        there = sorted(path.name for path in folder.iterdir())
        stems = [name.split(".")[0].lower() for name in there]
        raise ExtractError(
            f"{folder}: no file for table {table}{suggest(table, stems)}. Allowed names: {', '.join(sorted(names))}. "
            f"The folder holds: {', '.join(there) or 'nothing'}."
        )
    if len(found) > 1:
        raise ExtractError(
            f"{folder}: {len(found)} files for table {table}: {', '.join(p.name for p in found)}. Keep one."
        )
    if found[0].is_dir():
        raise ExtractError(f"{found[0]}: is a folder; a file was expected.")
    return found[0]


def open_file(connection: duckdb.DuckDBPyConnection, path: Path, table: str) -> RawFile:
    """Open a raw file as a DuckDB view with capital column names.

    CSV files are read as text only, UTF-8 (with or without a byte-order mark)
    or latin-1, quoted or not; nothing is guessed from the values.

    Raises
    ------
    ExtractError
        If the file is empty, unreadable or not what its name says.
    """
    view = f"raw_{table}"
    try:
        if path.stat().st_size == 0:
            raise ExtractError(f"{path}: the file is empty.")
        if path.suffix == ".parquet":
            connection.execute(f"CREATE VIEW {view} AS SELECT * FROM read_parquet({_quote(path)})")
            first_row = 1
        else:
            encoding = _csv_encoding(path)
            connection.execute(
                f"CREATE TABLE {view} AS SELECT * FROM read_csv({_quote(path)}, all_varchar = true, header = true, "
                f"sep = ',', quote = '\"', escape = '\"', nullstr = '', encoding = '{encoding}', strict_mode = true, "
                "null_padding = false, ignore_errors = false, max_line_size = 2000000)"
            )
            first_row = 2
    except PermissionError:
        raise ExtractError(f"{path}: no permission to read the file.") from None
    except duckdb.Error as error:
        raise ExtractError(f"{path}: not readable: {_first_line(error)}") from None
    columns = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {view}").fetchall()}
    capital = {name.strip().upper(): kind for name, kind in columns.items()}
    if len(capital) != len(columns):
        raise ExtractError(f"{path}: two columns have the same name when capitals are ignored.")
    if any(name != name.strip().upper() for name in columns):
        renamed = ", ".join(f'"{name}" AS "{name.strip().upper()}"' for name in columns)
        connection.execute(f"CREATE VIEW {view}_capital AS SELECT {renamed} FROM {view}")
        view = f"{view}_capital"
    return RawFile(table, path, view, capital, first_row)


def _csv_encoding(path: Path) -> str:
    opener = gzip.open if path.suffix == ".gz" else open
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = "utf-8"
    try:
        with opener(path, "rb") as handle:
            while block := handle.read(1 << 22):
                if b"\x00" in block:
                    raise ExtractError(
                        f"{path}: holds a NUL byte. Hint: is it a UTF-16 or a damaged file? Save it as UTF-8."
                    )
                if encoding == "utf-8":
                    try:
                        decoder.decode(block)
                    except UnicodeDecodeError:
                        encoding = "latin-1"
    except (OSError, EOFError) as error:
        raise ExtractError(f"{path}: not readable: {type(error).__name__}: {error}") from None
    return encoding


def _quote(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])[:400]
