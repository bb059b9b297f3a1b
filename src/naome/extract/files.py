"""Finding the files of an extract and opening them in DuckDB, whatever their dialect."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from naome.core.errors import ExtractError, suggest

SUFFIXES = (".parquet", ".csv", ".csv.gz")
MAX_LINE_BYTES = 2_000_000
READ_BLOCK = 1 << 20
READABLE_TYPES = (
    "VARCHAR|BOOLEAN|DATE|TIMESTAMP(_S|_MS|_NS)?|FLOAT|DOUBLE|DECIMAL.*|U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)"
)
#: UTF-8 sequences of two bytes that nobody writes on purpose in latin-1 (an accented capital A before a sign).
UTF8_PAIR = re.compile(rb"[\xc2\xc3][\x80-\xbf]")


@dataclass(frozen=True)
class RawFile:
    """One file of an extract, opened as a view.

    Attributes
    ----------
    table : str
        Name of the raw table, e.g. ``av_tumour``.
    path : Path
    view : str
        DuckDB view with the file's columns in capitals, and ``row_``, the number of the record from 0.
    columns : dict of str to str
        Column name in capitals -> DuckDB type.
    first_row : int
        Number of the first record in messages: 2 in a CSV file (the header is 1), 1 in Parquet.
    encoding : str
        ``parquet``, ``utf-8``, ``utf-8 with byte-order mark`` or ``latin-1``.
    empty : frozenset of str
        Columns in which no row holds anything.
    rows : int
    left_out : int
        Rows of them that the view leaves out by a rule that the log has counted.
    """

    table: str
    path: Path
    view: str
    columns: dict[str, str]
    first_row: int
    encoding: str
    empty: frozenset[str]
    rows: int
    left_out: int = 0

    def identifier(self, column: str) -> str:
        """Return an identifier in SQL, without the blanks around it."""
        return f"trim(CAST({quote_name(column)} AS VARCHAR))"


def find_file(folder: Path, table: str) -> Path | None:
    """Return the file of a raw table: ``<table>`` or ``sim_<table>``, any case, Parquet or CSV; None if there is none.

    Raises
    ------
    ExtractError
        If there is more than one, or it is a folder.
    """
    names = [f"{stem}{suffix}" for stem in (table, f"sim_{table}") for suffix in SUFFIXES]
    found = sorted(path for path in folder.iterdir() if path.name.lower() in names)
    if not found:
        return None
    if len(found) > 1:
        raise ExtractError(
            f"{found[0].name}: {len(found)} files for table {table}: {', '.join(p.name for p in found)}; allowed: one. "
            "Hint: keep the one that is meant."
        )
    if found[0].is_dir():
        raise ExtractError(
            f"{found[0].name}: is a folder; allowed: a file. Hint: name the folder that holds the files."
        )
    return found[0]


def open_file(
    connection: DuckDBPyConnection, path: Path, table: str, scratch: Path, expected: frozenset[str]
) -> RawFile:
    """Open a raw file as a DuckDB view with capital column names.

    CSV files are read as text only, UTF-8 (with or without a byte-order mark)
    or latin-1, quoted or not, plain or gzip; nothing is guessed from the values.
    They are packed into `scratch` once, because every column is looked at before
    any row is read.

    Parameters
    ----------
    scratch : Path
        Folder for the packed copy.
    expected : frozenset of str
        Column names in capitals; a file with none of them is refused before its first line, which may be a
        record, is shown to anybody.

    Raises
    ------
    ExtractError
        If the file is empty, unreadable or not what its name says.
    """
    try:
        with path.open("rb") as handle:
            if not handle.read(1):
                raise ExtractError(f"{path.name}: the file is empty (0 bytes). Hint: was the copy cut off?")
        if path.suffix.lower() == ".parquet":
            source, encoding, first_row = path, "parquet", 1
        else:
            source, first_row = scratch / f"raw_{table}.parquet", 2
            encoding, header = _scan_csv(path)
            _check_names(path, table, header, expected)
            _pack_csv(connection, path, source, header, encoding)
        names = _parquet_columns(connection, source)
        _check_names(path, table, names, expected)
        view = f"raw_{table}"
        renamed = ", ".join(f'{quote_name(name)} AS "{name.strip().upper()}"' for name in names)
        connection.execute(
            f"CREATE VIEW {view} AS SELECT {renamed}, file_row_number AS row_ "
            f"FROM read_parquet({quote_text(source)}, file_row_number = true)"
        )
        described = connection.execute(f"DESCRIBE {view}").fetchall()
        empty, rows = _look_into_metadata(connection, source)
    except PermissionError:
        raise ExtractError(f"{path.name}: no permission to read the file. Hint: who owns it?") from None
    except duckdb.Error as error:
        raise ExtractError(f"{path.name}: not readable: {_explain(error)}") from None
    except OSError as error:
        raise ExtractError(f"{path.name}: not readable: {error.strerror or type(error).__name__}") from None
    columns = {row[0]: row[1] for row in described if row[0] != "row_"}
    return RawFile(table, path, view, columns, first_row, encoding, empty, rows)


def quote_text(value: object) -> str:
    """Return a text as an SQL literal."""
    return "'" + str(value).replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _parquet_columns(connection, path: Path) -> list[str]:
    # The first row is the root; children of nested columns follow their parent.
    rows = connection.execute(f"SELECT name, num_children FROM parquet_schema({quote_text(path)})").fetchall()
    names, skip = [], 0
    for name, children in rows[1:]:
        if skip:
            skip += (children or 0) - 1
            continue
        names.append(name)
        skip = children or 0
    return names


def _look_into_metadata(connection, path: Path) -> tuple[frozenset[str], int]:
    """Return the columns that hold nothing, as most of a wide table's repeated ones do, and the number of rows."""
    found = connection.execute(
        "SELECT path_in_schema, sum(stats_null_count) = sum(num_values), sum(row_group_num_rows) "
        f"FROM parquet_metadata({quote_text(path)}) GROUP BY 1"
    ).fetchall()
    return frozenset(row[0].strip().upper() for row in found if row[1]), max((row[2] for row in found), default=0)


def _check_names(path: Path, table: str, names: list[str], expected: frozenset[str]) -> None:
    capital = [name.strip().upper() for name in names]
    if len(names) == 1 and re.search(r"[;\t|]", names[0]):
        raise ExtractError(f"{path.name}: the header has one column. Hint: save the file separated by commas.")
    if not expected & set(capital):
        raise ExtractError(
            f"{path.name}: none of the columns of table {table} is in the header; allowed: "
            f"{', '.join(sorted(expected)[:8])} ... Hint: is the header line missing, or is this another file?"
        )
    twice = sorted({name for name in capital if capital.count(name) > 1})
    if twice:
        raise ExtractError(
            f"{path.name}: column {list_columns(twice)} is listed more than once (case is ignored); allowed: once."
        )


def _pack_csv(connection, path: Path, target: Path, header: list[str], encoding: str) -> None:
    columns = ", ".join(f"{quote_text(name)}: 'VARCHAR'" for name in header)
    connection.execute(
        f"COPY (SELECT * FROM read_csv({quote_text(path)}, columns = {{{columns}}}, auto_detect = false, "
        f"header = true, sep = ',', quote = '\"', escape = '\"', nullstr = '', encoding = '{encoding.split()[0]}', "
        f"strict_mode = true, null_padding = false, ignore_errors = false, max_line_size = {MAX_LINE_BYTES})) "
        f"TO {quote_text(target)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )


def _scan_csv(path: Path) -> tuple[str, list[str]]:
    """Look at every byte once: encoding, NUL bytes, endless lines; return the encoding and the header."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    decoder = codecs.getincrementaldecoder("utf-8")()
    first, offset, line_start, not_utf8, utf8_pair = b"", 0, 0, None, None
    try:
        with opener(path, "rb") as handle:
            while block := handle.read(READ_BLOCK):
                if not first:
                    first = block
                if b"\x00" in block:
                    raise ExtractError(
                        f"{path.name}: holds a NUL byte; allowed: text. Hint: is it UTF-16, or damaged? Save as UTF-8."
                    )
                line_start = _check_lines(path, block, offset, line_start)
                if not_utf8 is None:
                    try:
                        decoder.decode(block)
                    except UnicodeDecodeError:
                        not_utf8 = offset
                if utf8_pair is None and UTF8_PAIR.search(block):
                    utf8_pair = offset
                offset += len(block)
    except (EOFError, gzip.BadGzipFile, gzip.zlib.error):
        raise ExtractError(f"{path.name}: not readable: the gzip file is damaged or cut off.") from None
    if not_utf8 is None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            not_utf8 = offset
    if not_utf8 is not None and utf8_pair is not None:
        raise ExtractError(
            f"{path.name}: mixes UTF-8 and latin-1; allowed: one of them. Hint: were two files pasted together?"
        )
    encoding = "utf-8" if not_utf8 is None else "latin-1"
    if first.startswith(codecs.BOM_UTF8):
        encoding, first = f"{encoding} with byte-order mark", first[3:]
    line = re.split(rb"\r\n|\n|\r", first, maxsplit=1)[0].decode(encoding.split()[0], errors="replace")
    return encoding, next(csv.reader([line]), [])


def _check_lines(path: Path, block: bytes, offset: int, line_start: int) -> int:
    """Refuse a line longer than any record can be; return where the last line of the block starts."""
    start = max(line_start - offset, 0)
    while True:
        # Jumping to the last newline that is still in reach costs one step per block, not one per line.
        end = line_start + MAX_LINE_BYTES - offset
        newline = max(block.rfind(b"\n", start, end), block.rfind(b"\r", start, end))
        if newline < 0:
            if len(block) >= end:
                raise ExtractError(
                    f"{path.name}: a line is longer than {MAX_LINE_BYTES:,} bytes. "
                    "Hint: is a quotation mark not closed, or is this another kind of file?"
                )
            return line_start
        start = newline + 1
        line_start = offset + start


def _explain(error: Exception) -> str:
    """Say what DuckDB found in our words: its own message repeats the record."""
    text = str(error)
    line = re.search(r"CSV Error on Line: (\d+)", text)
    where = f"line {line[1]}: " if line else ""
    for pattern, reason in (
        (r"Expected Number of Columns: \d+ Found: \d+", "{0}; is the file cut off, or a comma not quoted?"),
        (r"unterminated quote", "a quotation mark is not closed, or is inside a quoted value"),
        (r"Maximum line size", f"a record is longer than {MAX_LINE_BYTES:,} bytes"),
        (
            r"invalid state|not RFC 4180",
            "the line ends differ (CR LF in some lines, LF in others) or a quote is misplaced",
        ),
        (r"GZIP", "the gzip file is damaged or cut off"),
        (r"No magic bytes|too small to be a Parquet", "not a Parquet file, or cut off"),
        (r"(?i)permission denied", "no permission to read the file"),
    ):
        if match := re.search(pattern, text):
            return where + reason.format(match[0].lower())
    return f"{where}damaged, or not the kind of file its name says ({type(error).__name__})"


def explain_damage(path: Path, error: duckdb.Error) -> str:
    """Return the message for a file that could be opened but not read to its end."""
    return (
        f"{path.name}: not readable to its end: {_explain(error)}. Hint: copy the file again and compare its checksum."
    )


def list_columns(names: list[str], most: int = 12) -> str:
    """Return column names for a message: at most some, and nothing that looks like a value."""
    shown = [name for name in names if re.fullmatch(r"[A-Z_][A-Z0-9_ ]{0,60}", name) and not re.search(r"\d{6}", name)]
    return ", ".join(shown[:most]) + (" ..." if len(names) > most else "")


def explain_missing(folder: Path, table: str, *, with_listing: bool) -> str:
    """Return the message about a missing file: what was looked for and, on request, what is there."""
    there = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    stems = [name.split(".")[0].lower() for name in there]
    shown = ", ".join(there[:15]) + (f" and {len(there) - 15} more" if len(there) > 15 else "")
    names = f"{table}.parquet, {table}.csv or {table}.csv.gz, with or without sim_ before it"
    hint = f" Hint: the folder holds {shown or 'nothing'}." if with_listing else ""
    return f"no file for table {table}{suggest(table, stems)}; allowed: {names}.{hint}"
