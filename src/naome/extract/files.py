"""Opening the files of an extract in DuckDB: whatever a table's files are, it becomes one view with capital names."""

from __future__ import annotations

import bisect
import filecmp
import gzip
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from naome.core.errors import ExtractError
from naome.extract import delimited
from naome.extract.column_names import name_expected, show_column
from naome.extract.delimited import EMPTY_FILE, EXPORT, RESERVED, is_readable, is_utf16, pack_text, read_header
from naome.extract.folder import TEXT_ENDING, Source, TableFiles
from naome.extract.problems import COPY_AGAIN, CUT_OFF, DAMAGED_GZIP
from naome.extract.sql import has_control, is_pattern, quote_name, quote_path, quote_text, trim_blanks

READABLE_TYPES = (
    "VARCHAR|BOOLEAN|DATE|TIMESTAMP(_S|_MS|_NS)?|FLOAT|DOUBLE|DECIMAL.*|U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)"
)
#: DuckDB's type of a Parquet column that was written without one, because nothing stands in it
NO_TYPE = '"NULL"'
#: Types of moments, which Spark and others write for dates: they are read as the text of one in universal time is
MOMENT = re.compile("TIMESTAMP(_NS)? WITH TIME ZONE|TIMESTAMPTZ(_NS)?")
#: What the system says where nothing more can be written
NO_ROOM = re.compile("No space left|quota exceeded", re.IGNORECASE)
#: Share of a table's columns by which a file is taken for one of its
MOST = 0.8


@dataclass(frozen=True)
class Part:
    """One file of a table.

    Attributes
    ----------
    name : str
        As messages call it.
    start : int
        ``row_`` of its first record in the table's view.
    first_row : int
        Number of that record in messages: 2 in delimited text (the header is 1), 1 in Parquet.
    """

    name: str
    start: int
    first_row: int


def locate_row(parts: Sequence[Part], row: int, what: str = "") -> str:
    """Return where a row of a table stands, as messages say it: its file, what it is about, and its number there.

    Parameters
    ----------
    parts : sequence of Part
        In order.
    row : int
        ``row_`` of the table's view.
    what : str
        Such as ``column DIAG_01``; the row alone by default.

    Examples
    --------
    >>> locate_row([Part("hes_apc_2019.csv", 0, 2), Part("hes_apc_2020.csv", 10, 2)], 12, "column DIAG_01")
    'hes_apc_2020.csv: column DIAG_01, row 4'
    """
    part = parts[bisect.bisect_right([part.start for part in parts], row) - 1]
    return f"{part.name}: {f'{what}, ' if what else ''}row {row - part.start + part.first_row:,}"


@dataclass(frozen=True)
class RawFile:
    """The file or files of a raw table, opened as a view.

    Attributes
    ----------
    table : str
        Name of the raw table, e.g. ``av_tumour``.
    path : Path
        The file, or the folder of several.
    view : str
        DuckDB view with the file's columns in capitals, and ``row_``, the number of the record from 0.
    columns : dict of str to str
        Column name in capitals -> DuckDB type.
    first_row : int
        Number of the first record in messages: 2 in delimited text (the header is 1), 1 in Parquet.
    encoding : str
        ``parquet``, ``utf-8``, ``utf-8 with byte-order mark``, ``utf-16``, ``latin-1`` or ``windows-1252``; several
        of them, separated by commas, where parts differ.
    empty : frozenset of str
        Columns in which no row holds anything.
    rows : int
    left_out : int
        Rows of them that the view leaves out by a rule that the log has counted.
    several : tuple of Part
        The files, where there are several.
    label : str
        As messages call several files together.
    """

    table: str
    path: Path
    view: str
    columns: dict[str, str]
    first_row: int
    encoding: str
    empty: frozenset[str]
    rows: int
    several: tuple[Part, ...] = ()
    label: str = ""
    left_out: int = 0

    @property
    def name(self) -> str:
        """As messages call the table's files together."""
        return self.label or self.path.name

    @property
    def parts(self) -> tuple[Part, ...]:
        """The files, in order; one where there is one."""
        return self.several or (Part(self.name, 0, self.first_row),)

    def identifier(self, column: str) -> str:
        """Return an identifier in SQL, without the blanks around it."""
        return trim_blanks(f"CAST({quote_name(column)} AS VARCHAR)")

    def key(self, columns: Iterable[str]) -> str:
        """Return what identifies a row, or what rows that belong to it call it, in SQL: identifiers side by side."""
        return " || ' ' || ".join(map(self.identifier, columns))

    def written(self, columns: Iterable[str]) -> str:
        """Return the same as it is written, blanks around an identifier among it."""
        return " || ' ' || ".join(f"CAST({quote_name(column)} AS VARCHAR)" for column in columns)

    def locate(self, row: int, what: str = "") -> str:
        """Return where a row stands, as messages say it (:func:`locate`)."""
        return locate_row(self.parts, row, what)

    def locate_each(self, rows: Mapping[str, int]) -> str:
        """Return where a row of each of some columns is; one in another part than the first is said with its file."""
        places = [self.locate(row, column) for column, row in rows.items()]
        first, _, rest = places[0].partition(": ")
        others = [place.removeprefix(f"{first}: ") for place in places[1:]]
        return f"{first}: column{'s' * bool(others)} {'; '.join([rest, *others])}"


@dataclass(frozen=True)
class _Opened:
    """A part as a Parquet file: its own, or a packed copy."""

    source: Source
    file: Path
    names: list[str]
    kinds: dict[str, str]
    encoding: str
    empty: frozenset[str]
    rows: int

    @property
    def first_row(self) -> int:
        return 1 if self.encoding == "parquet" else 2


def open_table(connection: DuckDBPyConnection, files: TableFiles, scratch: Path, expected: frozenset[str]) -> RawFile:
    """Open the files of a raw table as one DuckDB view with capital column names.

    Delimited text is read as text only (:mod:`naome.extract.delimited`); nothing is guessed from the values. It is
    packed into `scratch` once, because every column is looked at before any row is read.

    Parameters
    ----------
    files : TableFiles
        From :func:`naome.extract.folder.find_table`.
    scratch : Path
        Folder for packed copies.
    expected : frozenset of str
        Column names in capitals; a file with none of them is refused before its first line, which may be a
        record, is shown to anybody.

    Raises
    ------
    ExtractError
        If a file is empty, not understood or not what its name says, or parts have different columns.
    """
    kinds = {source.suffix == ".parquet" for source in files.sources}
    if len(kinds) > 1:
        parquet = next(source.name for source in files.sources if source.suffix == ".parquet")
        text = next(source.name for source in files.sources if source.suffix != ".parquet")
        raise ExtractError(
            f"{files.table}: parts are Parquet ({parquet}) and text ({text}); whether they hold the same rows is "
            "not known; allowed: one kind. Hint: keep the ones that are meant."
        )
    opened = [
        _open_part(connection, files, source, scratch / f"raw_{files.table}_{number}.parquet", expected)
        for number, source in enumerate(files.sources)
    ]
    for part in opened[1:]:
        _check_same_columns(opened[0], part, expected)
    _check_different(opened)
    opened = _keep_common(opened)
    return _make_view(connection, files, opened)


def _open_part(
    connection: DuckDBPyConnection, files: TableFiles, source: Source, target: Path, expected: frozenset[str]
) -> _Opened:
    check = partial(_check_names, source.name, files.table, expected)
    if is_pattern(source.path):
        source = _link(source, target)
    try:
        with source.path.open("rb") as handle:
            if not handle.read(1):
                raise ExtractError(f"{source.name}: {EMPTY_FILE}")
        file, encoding = source.path, "parquet"
        if source.suffix == ".parquet":
            file = _unpack_gzip(source, target.with_suffix(".gunzip")) if source.packed else file
            written = _parquet_columns(connection, file)
            names = written if any(map(has_control, written)) else name_expected(written, expected)
            check(names)
            if _need_other_names(written, names, len(files.sources) > 1):
                file, names = _copy_with_plain_names(connection, file, target, written, names)
        else:
            file = target
            names, encoding = pack_text(connection, source, target, expected, check)
        names = [name for name in names if is_readable(name)]
        rows = connection.execute(f"DESCRIBE SELECT {', '.join(map(quote_name, names))} FROM {_read(file)}").fetchall()
        kinds = {name.strip().upper(): row[1] for name, row in zip(names, rows, strict=True)}
        empty, count = _look_into_metadata(connection, file)
        empty |= {column for column, kind in kinds.items() if kind == NO_TYPE}
        return _Opened(source, file, names, kinds, encoding, empty, count)
    except PermissionError:
        raise ExtractError(f"{source.name}: no permission to read the file. Hint: who owns it?") from None
    except duckdb.Error as error:
        if is_no_room(error):
            raise
        known = _explain(error)
        if known.endswith(CUT_OFF):
            known = f"{known}. {COPY_AGAIN}."
        raise ExtractError(f"{source.name}: not readable: {known or _say_unknown(error)}") from None
    except OSError as error:
        if is_no_room(error):
            raise
        raise ExtractError(f"{source.name}: not readable: {error.strerror or type(error).__name__}") from None


def _link(source: Source, target: Path) -> Source:
    """Return a file under a name of its own in the scratch folder, which is no pattern."""
    endings = "".join(re.findall(rf"(?:\.parquet|{TEXT_ENDING}|\.gz|\.zip)(?=\.|$)", source.path.name.lower()))
    link = target.with_name(f"{target.stem}_link{endings}")
    link.symlink_to(source.path.resolve())
    return replace(source, path=link)


def _make_view(connection: DuckDBPyConnection, files: TableFiles, opened: list[_Opened]) -> RawFile:
    first, view = opened[0], f"raw_{files.table}"
    empty = frozenset.intersection(*[part.empty for part in opened if part.rows] or [first.empty])
    # A column without a type, or of one that is not read, holds nothing that could be misread where it is empty
    blank = {name for name in first.kinds if name in empty and any(not _is_read(part.kinds[name]) for part in opened)}
    renamed = ", ".join(
        f"{'NULL::VARCHAR' if upper in blank else _select(name, first.kinds[upper])} AS {quote_name(upper)}"
        for name, upper in zip(first.names, first.kinds, strict=True)
    )
    rows, number = _read(first.file), "file_row_number"
    parts, start = [], 0
    for part in opened:
        parts.append(Part(part.source.name, start, part.first_row))
        start += part.rows
    if len(opened) > 1:
        starts = ", ".join(str(part.start) for part in parts)
        listed = ", ".join(quote_path(part.file) for part in opened)
        rows = f"read_parquet([{listed}], union_by_name = true)"
        number = f"CAST(([{starts}])[CAST(file_index AS BIGINT) + 1] + file_row_number AS BIGINT)"
    connection.execute(f"CREATE VIEW {view} AS SELECT {renamed}, {number} AS row_ FROM {rows}")
    described = connection.execute(f"DESCRIBE {view}").fetchall()
    columns = {row[0]: row[1] for row in described if row[0] != "row_"}
    # DuckDB makes one type of those of the parts: one that is not read must not be hidden by that
    for part in opened:
        columns |= {name: kind for name, kind in part.kinds.items() if name not in blank and not _may_be_read(kind)}
        # Nor may it make moments of what has no zone, in the zone of this computer
        mixed = {name for name, kind in first.kinds.items() if MOMENT.search(f"{kind} {part.kinds[name]}")}
        columns |= {
            name: f"{first.kinds[name]} and {part.kinds[name]}"
            for name in mixed - blank
            if first.kinds[name] != part.kinds[name]
        }
    several = tuple(parts) if len(parts) > 1 else ()
    encodings = ", ".join(dict.fromkeys(part.encoding for part in opened))
    return RawFile(
        files.table, files.path, view, columns, first.first_row, encodings, empty, start, several, files.name
    )


def _select(name: str, kind: str) -> str:
    if MOMENT.fullmatch(kind):
        moment = f"CAST({quote_name(name)} AS TIMESTAMP WITH TIME ZONE)"
        return f"strftime(make_timestamp(epoch_us({moment})), '%Y-%m-%d %H:%M:%S+00')"
    return quote_name(name)


def _is_read(kind: str) -> bool:
    return re.fullmatch(f"{READABLE_TYPES}|{MOMENT.pattern}", kind) is not None


def _may_be_read(kind: str) -> bool:
    return kind == NO_TYPE or _is_read(kind)


def _read(file: Path) -> str:
    return f"read_parquet({quote_path(file)})"


def _unpack_gzip(source: Source, target: Path) -> Path:
    try:
        with gzip.open(source.path, "rb") as packed, target.open("wb") as copy:
            shutil.copyfileobj(packed, copy)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ExtractError(f"{source.name}: {DAMAGED_GZIP}.") from None
    return target


def _need_other_names(written: list[str], names: list[str], several: bool) -> bool:
    """Return whether DuckDB keeps a name for itself, or would not find it in parts that spell it in another way."""
    reserved = any(name.upper() in RESERVED for name in names)
    return reserved or written != names or (several and not all(map(str.isascii, names)))


def _copy_with_plain_names(
    connection: DuckDBPyConnection, file: Path, target: Path, written: list[str], names: list[str]
) -> tuple[Path, list[str]]:
    """Copy a Parquet file with its names in capitals as they are read, and without columns that are not readable."""
    plain = {raw: name.upper() for raw, name in zip(written, names, strict=True) if is_readable(name)}
    kept = ", ".join(f"{quote_name(raw)} AS {quote_name(name)}" for raw, name in plain.items())
    connection.execute(f"COPY (SELECT {kept} FROM {_read(file)}) TO {quote_text(target)} (FORMAT parquet)")
    return target, list(plain.values())


def _parquet_columns(connection: DuckDBPyConnection, path: Path) -> list[str]:
    # The first row is the root; children of nested columns follow their parent.
    rows = connection.execute(f"SELECT name, num_children FROM parquet_schema({quote_path(path)})").fetchall()
    names, skip = [], 0
    for name, children in rows[1:]:
        if skip:
            skip += (children or 0) - 1
            continue
        names.append(name)
        skip = children or 0
    return names


def _look_into_metadata(connection: DuckDBPyConnection, path: Path) -> tuple[frozenset[str], int]:
    """Return the columns that hold nothing, as most of a wide table's repeated ones do, and the number of rows."""
    found = connection.execute(
        "SELECT path_in_schema, sum(stats_null_count) = sum(num_values), sum(row_group_num_rows) "
        f"FROM parquet_metadata({quote_path(path)}) GROUP BY 1"
    ).fetchall()
    return frozenset(row[0].strip().upper() for row in found if row[1]), max((row[2] for row in found), default=0)


def _check_names(file: str, table: str, expected: frozenset[str], names: list[str]) -> None:
    capital = [name.strip().upper() for name in names if name.strip()]
    if any(has_control(name) for name in names):
        raise ExtractError(
            f"{file}: a column name holds a line end or another control character; allowed: one line of names. "
            f"Hint: {EXPORT}."
        )
    if not expected & set(capital):
        raise ExtractError(
            f"{file}: none of the columns of table {table} is in the header; allowed: "
            f"{', '.join(sorted(expected)[:8])} ..., separated by {', '.join(delimited.DELIMITERS.values())}. "
            "Hint: is the header line missing, or is this another file?"
        )
    twice = sorted({name for name in capital if capital.count(name) > 1})
    if twice:
        shown = say_columns(map(show_column, twice))
        raise ExtractError(
            f"{file}: column {shown} is listed more than once (case is ignored); allowed: once. Hint: were two tables "
            "joined? Leave one of the columns out."
        )


def _check_same_columns(first: _Opened, other: _Opened, expected: frozenset[str]) -> None:
    """Refuse parts of which one lacks a column that is read; in others they may differ, as layouts of years do."""
    said = [
        f"{one.source.name} alone has {say_columns(alone)}"
        for one, two in ((first, other), (other, first))
        if (alone := sorted(expected & (set(one.kinds) - set(two.kinds))))
    ]
    if said:
        raise ExtractError(
            f"{first.source.name} and {other.source.name}: are parts of one table with different columns: "
            f"{'; '.join(said)}; allowed: the same of the columns that are read, in any order. Hint: is one of them "
            "another table, or of an older layout? Export all parts alike."
        )


def _keep_common(opened: list[_Opened]) -> list[_Opened]:
    """Return parts with the columns that all of them have."""
    common = set.intersection(*(set(part.kinds) for part in opened))
    if all(common == set(part.kinds) for part in opened):
        return opened
    return [
        replace(
            part,
            names=[name for name in part.names if name.strip().upper() in common],
            kinds={name: kind for name, kind in part.kinds.items() if name in common},
        )
        for part in opened
    ]


def _check_different(opened: list[_Opened]) -> None:
    """Refuse parts that are the same file twice; parts without a row may be."""
    seen: dict[tuple[int, int, int], _Opened] = {}
    for part in opened:
        if not part.rows:
            continue
        size, check = _measure(part.source)
        before = seen.setdefault((part.rows, size, check), part)
        same = before is not part and (
            part.source.member or filecmp.cmp(before.source.path, part.source.path, shallow=False)
        )
        if same:
            raise ExtractError(
                f"{before.source.name} and {part.source.name}: are the same file ({part.rows:,} records); allowed: "
                "each record once. Hint: was one year exported twice, or a file copied under another name?"
            )


def _measure(source: Source) -> tuple[int, int]:
    """Return the size of a part and, of a member of a zip file, its checksum."""
    if not source.member:
        return source.path.stat().st_size, 0
    with zipfile.ZipFile(source.path) as archive:
        info = archive.getinfo(source.member)
    return info.file_size, info.CRC


def holds_table(source: Source, wanted: frozenset[str], expected: frozenset[str]) -> bool:
    """Return whether a file has most of the columns of a table; one that cannot be read may have them."""
    try:
        if source.suffix == ".parquet" and not source.packed:
            names = pq.read_schema(source.path).names
        elif source.suffix == ".parquet":
            return True
        else:
            if is_utf16(source, source.path, source.packed):
                return True
            names = list(read_header(source, source.path, source.packed, expected).names)
    except (pa.ArrowException, OSError, ExtractError):
        return True
    return len(wanted & {name.upper() for name in name_expected(names, expected)}) > MOST * len(wanted)


def _say_where(error: Exception) -> str:
    record = re.search(r"CSV Error on Line: (\d+)", str(error))  # line ends in quotation marks are not counted
    return f"row {int(record[1]):,}: " if record else ""


def _say_unknown(error: Exception) -> str:
    return f"{_say_where(error)}not understood ({type(error).__name__}); allowed: what its name says. Hint: {EXPORT}."


def _explain(error: Exception) -> str:
    """Say what DuckDB found in our words, for its own message repeats the record; empty where the cause is unknown."""
    text = str(error)
    if fields := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text):
        return _say_where(error) + _say_fields(int(fields[1]), int(fields[2]))
    for pattern, reason in (
        (
            r"unterminated quote",
            "a quotation mark is not closed, or is inside a quoted value; allowed: a pair around a whole value, and "
            f"one that belongs to a value written twice. Hint: if the file is cut off, copy it again; else {EXPORT}.",
        ),
        (r"Maximum line size", delimited.say_too_long("a record")),
        (
            r"invalid state|not RFC 4180",
            "a quotation mark is misplaced, or the line ends differ (CR LF in some lines, LF or CR in others); "
            f"allowed: a pair around a whole value, and one kind of line end. Hint: {EXPORT}.",
        ),
        (r"GZIP", f"the gzip file is damaged or {CUT_OFF}"),
        (r"No magic bytes|too small to be a Parquet", f"not a Parquet file, or {CUT_OFF}"),
        (r"(?i)permission denied", "no permission to read the file. Hint: who owns it?"),
    ):
        if re.search(pattern, text):
            return _say_where(error) + reason
    return ""


def _say_fields(names: int, values: int) -> str:
    """Say what is wrong with the number of values in a record; DuckDB counts no more than one too many."""
    what = f"{values} value{'s' * (values != 1)} where the header has {names} names"
    what = f"more values than the {names} names of the header" if values > names else what
    hint = "is the file cut off, or a value with a delimiter or a line end in it not in quotation marks?"
    if values > names:
        hint = "is a value with a delimiter in it not in quotation marks, or are two records in one line?"
    elif values == 1:
        hint = "is this a note below the table, such as a number of rows, or is the file cut off?"
    return f"{what}; allowed: one for each name. Hint: {hint}"


def is_no_room(error: Exception) -> bool:
    """Return whether there was no room on the disk for a copy of what is read: no file of the extract is to blame.

    Examples
    --------
    >>> is_no_room(OSError(28, "No space left on device")), is_no_room(OSError(2, "No such file or directory"))
    (True, False)
    """
    return bool(NO_ROOM.search(str(error)))


def explain_damage(name: str, error: duckdb.Error) -> str:
    """Return the message for a file that could be opened but not read to its end."""
    known = _explain(error) or f"not understood ({type(error).__name__})"
    hint = "" if "Hint: " in known else f". {COPY_AGAIN}."
    return f"{name}: not readable to its end: {known}{hint}"


def say_columns(shown: Iterable[str]) -> str:
    """Return column names, as they may be shown (:mod:`naome.extract.column_names`), for a message: at most twelve."""
    names = list(dict.fromkeys(shown))
    return ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")


__all__ = [
    "READABLE_TYPES",
    "Part",
    "RawFile",
    "explain_damage",
    "holds_table",
    "is_no_room",
    "locate_row",
    "open_table",
    "say_columns",
]
