"""The reading engine: raw files in, canonical tables and a data-quality log out.

A reader (England, Wales, Simulacrum ...) says which raw tables and columns there
are, how each column is cleaned, how the rows of canonical tables are selected
from the cleaned ones, and by which named rules rows are left out or refused.
Everything else is here. Tables are lazy views over the files; each canonical
table is written once, to a temporary folder that takes its place when everything
is right.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import duckdb

from naome.errors import ExtractError, suggest
from naome.sources.canonical import Duplicates, RowRule, Selection, Source, settle_table
from naome.sources.clean import OPTIONAL_IDENTIFIER, Cleaner
from naome.sources.contract import CANONICAL
from naome.sources.files import (
    READABLE_TYPES,
    RawFile,
    explain_damage,
    explain_missing,
    find_file,
    list_columns,
    open_file,
    quote_name,
    quote_text,
)
from naome.sources.follow import NOT_FOLLOWED, Belongs, Signs, follow_people
from naome.sources.problems import Problems
from naome.sources.values import (
    CleanColumns,
    check_identifiers,
    check_unique,
    clean_columns,
    log_repairs,
    map_column,
)

#: File beside the canonical tables that says by which signs people were followed; none where everybody was.
FOLLOWED = "followed.json"
#: DuckDB spills to the scratch folder beyond this; reading then takes longer but not more memory.
MEMORY_LIMIT = "1500MB"
#: Errors of DuckDB that no file is to blame for.
NOT_THE_FILE = (
    duckdb.CatalogException,
    duckdb.BinderException,
    duckdb.ParserException,
    duckdb.OutOfMemoryException,
)


@dataclass(frozen=True)
class Repeated:
    """Columns of a raw table that repeat (diagnosis 1 to 20); they become rows.

    Attributes
    ----------
    columns : tuple of str
    cleaner : Cleaner
    seconds : tuple of str
        Columns that go with them one by one (the date of each operation).
    second_cleaner : Cleaner or None
    """

    columns: tuple[str, ...]
    cleaner: Cleaner
    seconds: tuple[str, ...] = ()
    second_cleaner: Cleaner | None = None

    def parts(self) -> Iterator[tuple[tuple[str, ...], Cleaner]]:
        """Go through the groups of columns with their cleaners."""
        yield self.columns, self.cleaner
        if self.second_cleaner is not None:
            yield self.seconds, self.second_cleaner


@dataclass(frozen=True)
class RawTable:
    """A raw table as a reader expects it.

    Attributes
    ----------
    columns : mapping of str to Cleaner or None
        Raw column -> how it is cleaned; None marks an identifier, which must be
        present in every row and is kept as it is.
    unique : tuple of str
        Identifiers that no two rows share, because other tables are joined by them.
    optional : frozenset of str
        Columns that may be absent (read as not recorded).
    aliases : mapping of str to str
        Another name in the file's header -> the column it is.
    long : mapping of str to Repeated
        Name of the long table -> its columns.
    only : str
        SQL condition on the raw columns; other rows are not this audit's and are not read.
    only_rule : tuple of str
        Name and meaning of that condition in the data-quality log.
    may_be_absent : bool
        Whether the whole file may be absent or without rows.
    belongs : Belongs or None
        How its rows belong to people.
    signs : mapping of str to str
        Column or long table -> kind of sign of metastatic disease that its values may be.
    events : bool
        Whether rows of people without any sign are not read, where a run follows people by signs.
    """

    columns: Mapping[str, Cleaner | None]
    unique: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    long: Mapping[str, Repeated] = field(default_factory=dict)
    only: str = ""
    only_rule: tuple[str, str] = ("", "")
    may_be_absent: bool = False
    belongs: Belongs | None = None
    signs: Mapping[str, str] = field(default_factory=dict)
    events: bool = False

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Columns that are identifiers."""
        return tuple(column for column, cleaner in self.columns.items() if cleaner is None)

    def cleaned(self) -> Iterator[tuple[str, str, Cleaner]]:
        """Go through all columns that are cleaned: column, label in the log, cleaner."""
        for column, cleaner in self.columns.items():
            if cleaner is not None and cleaner is not OPTIONAL_IDENTIFIER:
                yield column, column, cleaner
        for repeated in self.long.values():
            for columns, cleaner in repeated.parts():
                yield from ((column, f"{columns[0]}..{columns[-1]}", cleaner) for column in columns)

    def cleaned_at(self, place: str) -> dict[str, Cleaner]:
        """Return the columns, with their cleaners, that a column or the codes of a long table stand for."""
        if place in self.long:
            return dict.fromkeys(self.long[place].columns, self.long[place].cleaner)
        return {place: self.columns[place]}

    def expected(self) -> frozenset[str]:
        """Return every name that a column of the file may have."""
        return frozenset((*self.wanted(), *self.aliases))

    def wanted(self) -> tuple[str, ...]:
        """Return every column that is read."""
        return (*self.columns, *(c for r in self.long.values() for columns, _ in r.parts() for c in columns))


@dataclass(frozen=True)
class Count:
    """What the selection of a canonical table repairs or leaves out, counted by its own SQL; `kind` as in the log."""

    rule: str
    meaning: str
    table: str
    column: str
    sql: str
    kind: str = "repair"


@dataclass(frozen=True)
class Reader:
    """A source of extracts.

    Attributes
    ----------
    name : str
    raw : mapping of str to RawTable
    canonical : mapping of str to Selection
    rows : tuple of RowRule or Duplicates
        In the order in which they are applied; a row counts under the first that applies.
    counts : tuple of Count
    country : tuple of str
        ``(raw table, column, code)``: a file without a single such code is another nation's.
    checks : tuple of (str, str)
        SQL that returns offending values, and the message; none may return a row.
    versions : tuple of (str, Reader)
        For a source with versions: a column that only this version of the first raw table has, and its reader.
    """

    name: str
    raw: Mapping[str, RawTable]
    canonical: Mapping[str, Selection]
    rows: tuple[RowRule | Duplicates, ...] = ()
    counts: tuple[Count, ...] = ()
    country: tuple[str, str, str] | None = None
    checks: tuple[tuple[str, str], ...] = ()
    versions: tuple[tuple[str, Reader], ...] = ()


@dataclass(frozen=True)
class FileNote:
    """What was seen of one raw file: `used` and `ignored` are column names."""

    table: str
    name: str
    rows: int
    encoding: str
    used: tuple[str, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class Extract:
    """What reading an extract gave.

    Attributes
    ----------
    folder : Path
        Folder of canonical Parquet files, one per table (of the raw files, when only checked).
    rows : dict of str to int
        Rows of each canonical table.
    raw_rows : dict of str to int
        Rows of each raw file.
    quality : list of dict
        The data-quality log: ``rule, table, column, rows, kind, meaning``.
    synthetic : bool
        Whether the extract says of itself that it is synthetic.
    files : tuple of FileNote
    """

    folder: Path
    rows: dict[str, int]
    raw_rows: dict[str, int]
    quality: list[dict[str, object]]
    synthetic: bool
    files: tuple[FileNote, ...] = ()


def read_extract(
    reader: Reader,
    folder: Path,
    out: Path | None,
    *,
    diagnosed: tuple[dt.date, dt.date] | None = None,
    signs: Signs | None = None,
    progress: Callable[[str], None] = print,
) -> Extract:
    """Read, check and repair an extract and write its canonical tables.

    Parameters
    ----------
    reader : Reader
    folder : Path
        Folder of the raw files.
    out : Path or None
        Folder to write to; replaced whole. None checks only.
    diagnosed : tuple of date, optional
        First and last day of the run's diagnoses; an extract with none between them is of other years.
    signs : Signs, optional
        Read the events only of people with a sign of metastatic disease; everybody's by default.
    progress : callable
        Receives one line per raw table.

    Raises
    ------
    ExtractError
        With every problem of the extract: file, column, row, value, what was
        allowed and a hint. Nothing is written then.
    """
    note = _read_note(folder)
    problems = Problems(folder)
    quality: list[dict[str, object]] = []
    with _open_scratch(out) as scratch, _connect(scratch) as connection:
        (scratch / "canonical").mkdir()
        _check_kind(reader, note, problems)
        reader = _choose_version(connection, reader, folder, scratch)
        notes = _open_tables(connection, reader, folder, scratch, signs, problems, quality, progress)
        _check_note(note, notes, problems)
        problems.raise_if_any()
        _check_nation(connection, reader, problems)
        _make_successors(connection, reader)
        rows = _settle_tables(connection, reader, notes, scratch / "canonical" if out else None, problems, quality)
        _check_years(connection, diagnosed, problems)
        for count in reader.counts:
            found = connection.execute(count.sql).fetchone()[0]
            _log(quality, count.rule, count.table, count.column, found, count.meaning, count.kind)
        problems.raise_if_any()
        if out is not None:
            if signs is not None:
                (scratch / "canonical" / FOLLOWED).write_text(json.dumps(asdict(signs)) + "\n", encoding="utf-8")
            _replace_folder(scratch / "canonical", out)
    return Extract(
        out or folder, rows, {n.table: n.rows for n in notes.values()}, quality, note.get("synthetic", False) is True,
        tuple(notes.values()),
    )  # fmt: skip


@contextmanager
def _open_scratch(out: Path | None) -> Iterator[Path]:
    """Make a folder for what is only needed meanwhile, beside the output so that it can be renamed; always removed."""
    if out is not None:
        made = [parent for parent in (out.parent, *out.parent.parents) if not parent.exists()]
        out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-" if out else "naome-", dir=out.parent if out else None))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if out is not None and not out.exists():
            for parent in made:
                if not any(parent.iterdir()):
                    parent.rmdir()


@contextmanager
def _connect(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(scratch / "spill"),
            "preserve_insertion_order": "true",
            "autoinstall_known_extensions": "false",
        }
    )
    try:
        yield connection
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        reason = "the disk is full" if "No space left" in str(error) else type(error).__name__
        raise ExtractError(
            f"{scratch.parent}: reading stopped: {reason}; nothing was written. Hint: reading needs {MEMORY_LIMIT} of "
            "memory, and room on the disk for the canonical tables and, meanwhile, for rows that memory does not hold."
        ) from None
    finally:
        connection.close()


def _read_note(folder: Path) -> dict:
    if not folder.is_dir():
        raise ExtractError(
            f"{folder}: no such folder. Hint: data_dir in the parameters (or --data) names the folder of the extract."
        )
    file = folder / "extract.json"
    if not file.is_file():
        return {}
    try:
        note = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        note = None
    if not isinstance(note, dict):
        raise ExtractError(f"{file}: not readable as JSON. Hint: write the extract again; the file says what it holds.")
    return note


def _choose_version(connection, reader: Reader, folder: Path, scratch: Path) -> Reader:
    if not reader.versions:
        return reader
    table = next(iter(reader.versions[0][1].raw))
    path = find_file(folder, table)
    if path is None:
        raise ExtractError(f"{folder}: {explain_missing(folder, table, with_listing=True)}")
    expected = frozenset(marker for marker, _ in reader.versions) | reader.versions[0][1].raw[table].expected()
    file = open_file(connection, path, table, scratch, expected)
    connection.execute(f"DROP VIEW {file.view}")
    for marker, version in reader.versions:
        if marker in file.columns:
            return version
    raise ExtractError(
        f"{path.name}: the version of the extract is not known; allowed: one of the columns "
        f"{', '.join(marker for marker, _ in reader.versions)}. "
        f"Hint: the file has {list_columns(list(file.columns))}."
    )


def _open_tables(
    connection, reader: Reader, folder, scratch, signs, problems, quality, progress
) -> dict[str, FileNote]:
    files = read = _open_files(connection, reader, folder, scratch, problems)
    # What is wrong with an extract is best looked for everywhere, so nobody is left out of one with a problem
    if signs is not None and not problems.count:
        read = _follow(connection, reader, folder, files, signs, progress)
    notes: dict[str, FileNote] = {}
    for name, file in files.items():
        try:
            # Which row belongs to which is checked of all rows, values of those that are read
            if reader.raw[name].unique:
                check_unique(connection, file, reader.raw[name].unique, problems)
            notes[name] = _clean_table(connection, read[name], reader.raw[name], problems, quality)
        except NOT_THE_FILE:
            raise
        except duckdb.Error as error:
            problems.add(explain_damage(file.path, error))
            continue
        progress(f"  {name}: {notes[name].rows:,} rows")
    return notes


def _open_files(connection, reader: Reader, folder, scratch, problems) -> dict[str, RawFile]:
    files = {}
    for name, table in reader.raw.items():
        try:
            file = _open_table(connection, reader, folder, name, scratch, problems)
        except _Noted:
            continue
        except ExtractError as error:
            problems.add(str(error))
            continue
        if file is None:
            _make_empty(connection, name, table)
            continue
        files[name] = file
    return files


def _follow(connection, reader: Reader, folder, files, signs: Signs, progress) -> dict[str, RawFile]:
    """Return the files with the rows that are read; with all rows when signs cannot be looked for."""
    unreadable = Problems(folder)
    try:
        kept = follow_people(connection, reader.raw, files, signs, unreadable)
    except NOT_THE_FILE:
        raise
    except duckdb.Error:
        return files  # cleaning finds what it is, and says so
    if unreadable.count:
        return files
    people = connection.execute("SELECT count(*) FROM followed").fetchone()[0]
    progress(f"  {people:,} people with a sign of metastatic disease are followed")
    return kept


def _open_table(connection, reader: Reader, folder, name, scratch, problems) -> RawFile | None:
    """Open a table's file and check its columns; None if it is absent and may be."""
    table = reader.raw[name]
    path = find_file(folder, name)
    if path is None:
        if table.may_be_absent:
            return None
        raise ExtractError(explain_missing(folder, name, with_listing=not problems.count))
    file = open_file(connection, path, name, scratch, table.expected())
    file = _rename_aliases(connection, file, table)
    missing = [column for column in table.wanted() if column not in file.columns and column not in table.optional]
    other = _recognise(reader, name, file.columns) if len(missing) > 1 else ""
    spare = [column for column in file.columns if column not in table.wanted()]
    for column in missing:
        hint = f" Hint: this looks like the file of table {other}." if other else ""
        problems.add(
            f"{path.name}: column {column} is missing{suggest(column, spare)}; "
            f"the file has {list_columns(list(file.columns))}.{hint}"
        )
    unreadable = _check_types(file, table, problems)
    if missing or unreadable:
        raise _Noted
    if table.only:
        only = f"{file.view}_only"
        connection.execute(f"CREATE VIEW {only} AS SELECT * FROM {file.view} WHERE {table.only}")
        file = replace(file, view=only)
    return file


class _Noted(ExtractError):
    """The problems of a file have been noted already."""


def _rename_aliases(connection, file: RawFile, table: RawTable) -> RawFile:
    renamed = {
        alias: name for alias, name in table.aliases.items() if alias in file.columns and name not in file.columns
    }
    if not renamed:
        return file
    view = f"{file.view}_renamed"
    names = ", ".join(f'"{alias}" AS "{name}"' for alias, name in renamed.items())
    connection.execute(f"CREATE VIEW {view} AS SELECT * RENAME ({names}) FROM {file.view}")
    columns = {renamed.get(column, column): kind for column, kind in file.columns.items()}
    return replace(file, view=view, columns=columns, empty=frozenset(renamed.get(c, c) for c in file.empty))


def _recognise(reader: Reader, name: str, columns: dict[str, str]) -> str:
    """Return the raw table whose columns a file has, when it is not the one its name says."""
    for other, table in reader.raw.items():
        wanted = set(table.wanted()) - table.optional
        if other != name and len(wanted & set(columns)) > 0.8 * len(wanted):
            return other
    return ""


def _check_types(file: RawFile, table: RawTable, problems: Problems) -> bool:
    wrong = False
    for column in table.wanted():
        kind = file.columns.get(column)
        if kind is not None and not re.fullmatch(READABLE_TYPES, kind):
            wrong = True
            problems.add(
                f"{file.path.name}: column {column}: is of type {kind[:40]}; allowed: text, numbers, dates. "
                "Hint: was the column written as bytes, as a list or with a time zone?"
            )
    return wrong


def _clean_table(connection, file: RawFile, table: RawTable, problems, quality) -> FileNote:
    """Check the identifiers of a file, clean its columns and make its clean views."""
    if file.rows == 0 and not table.may_be_absent:
        problems.add(
            f"{file.path.name}: no rows under the header; allowed: at least one. Hint: was the extract cut off?"
        )
    if table.only or table.events:
        rule, meaning = table.only_rule if table.only else NOT_FOLLOWED
        left = file.rows - connection.execute(f"SELECT count(*) FROM {file.view}").fetchone()[0]
        _log(quality, rule, file.table, "", left, meaning, "left out")
    blanks = check_identifiers(connection, file, list(table.identifiers), problems) if table.identifiers else {}
    found = clean_columns(connection, file, [c for c in table.cleaned() if c[0] in file.columns], problems)
    log_repairs(file.table, found, blanks, quality.append)
    _make_clean_views(connection, file, table, found, blanks)
    used = tuple(column for column in file.columns if column in table.wanted())
    ignored = tuple(column for column in file.columns if column not in used)
    return FileNote(file.table, file.path.name, file.rows, file.encoding, used, ignored)


def _make_clean_views(connection, file: RawFile, table: RawTable, found: CleanColumns, blanks) -> None:
    selected = ["row_"]
    for column, cleaner in table.columns.items():
        raw, kind = f'"{column}"', file.columns.get(column)
        text = raw if kind == "VARCHAR" else f"CAST({raw} AS VARCHAR)"
        text = f"trim({text})" if column in blanks or cleaner is OPTIONAL_IDENTIFIER else text
        if kind is None:
            expression = f"NULL::{cleaner.sql_type if cleaner else 'VARCHAR'}"
        elif cleaner is None:
            expression = text
        elif cleaner is OPTIONAL_IDENTIFIER:
            expression = f"nullif({text}, '')"
        else:
            name = f"{file.table}_{column}"
            expression = map_column(connection, name, raw, kind, found.values[column], cleaner.sql_type)
        selected.append(f'{expression} AS "{column}"')
    connection.execute(f"CREATE VIEW clean_{file.table} AS SELECT {', '.join(selected)} FROM {file.view}")
    for name, repeated in table.long.items():
        _make_long_view(connection, name, repeated, file, found, ", ".join(selected))


def _make_long_view(connection, name: str, repeated: Repeated, file: RawFile, found: CleanColumns, selected) -> None:
    """Turn repeated columns into rows: one per code, with its position and, if there is one, its second value."""
    positions = [n for n, column in enumerate(repeated.columns) if found.filled[column]]
    if not positions:
        types = f"0 AS position, NULL::{repeated.cleaner.sql_type} AS code"
        second = f", NULL::{repeated.second_cleaner.sql_type} AS second" if repeated.second_cleaner else ""
        connection.execute(
            f"CREATE VIEW clean_{name} AS SELECT {selected}, {types}{second} FROM {file.view} WHERE false"
        )
        return
    lists = [f"unnest([{', '.join(str(n + 1) for n in positions)}]) AS position"]
    outer = ["* EXCLUDE (raw_code, raw_second)" if repeated.seconds else "* EXCLUDE (raw_code)"]
    recorded = "raw_code IS NOT NULL"
    for (columns, cleaner), word in zip(repeated.parts(), ("code", "second"), strict=False):
        picked = [columns[n] for n in positions]
        kinds = {file.columns[column] for column in picked}
        kind = kinds.pop() if len(kinds) == 1 else "VARCHAR"
        lists.append(f"unnest([{', '.join(f'CAST({quote_name(c)} AS {kind})' for c in picked)}]) AS raw_{word}")
        values = {raw: clean for column in picked for raw, clean in found.values[column].items()}
        expression = map_column(connection, f"{name}_{word}", f"raw_{word}", kind, values, cleaner.sql_type)
        outer.append(f"{expression} AS {word}")
        # Said of the raw value: said of the cleaned one, DuckDB would clean every value twice.
        blank = ", ".join(quote_text(raw) for raw, clean in values.items() if clean is None)
        if word == "code" and blank:
            recorded += f" AND CAST(raw_code AS VARCHAR) NOT IN ({blank})"
    connection.execute(
        f"CREATE VIEW clean_{name} AS SELECT {', '.join(outer)} FROM "
        f"(SELECT {selected}, {', '.join(lists)} FROM {file.view}) WHERE {recorded}"
    )


def _make_empty(connection, name: str, table: RawTable) -> None:
    columns = ["0 AS row_"]
    columns += [f'NULL::{c.sql_type if c else "VARCHAR"} AS "{column}"' for column, c in table.columns.items()]
    connection.execute(f"CREATE VIEW clean_{name} AS SELECT {', '.join(columns)} WHERE false")


def _make_successors(connection, reader: Reader) -> None:
    """Make ``successor(code)``: an organisation that has merged becomes the one it merged into."""
    if "organisations" not in reader.raw:
        return
    merged = connection.execute(
        "SELECT ORG_CODE, SUCCESSOR_CODE FROM clean_organisations WHERE SUCCESSOR_CODE IS NOT NULL"
    ).fetchall()
    cases = " ".join(f"WHEN {quote_text(code)} THEN {quote_text(successor)}" for code, successor in merged)
    connection.execute(f"CREATE TEMP MACRO successor(c) AS {f'CASE c {cases} ELSE c END' if cases else 'c'}")


def _settle_tables(connection, reader: Reader, notes, folder: Path | None, problems, quality) -> dict[str, int]:
    rows = {}
    # Deaths and people first: the rules of other tables look into them.
    for name in sorted(
        CANONICAL, key=lambda name: ("deaths", "people").index(name) if name in ("deaths", "people") else 9
    ):
        selection = reader.canonical.get(name)
        rules = tuple(rule for rule in reader.rows if rule.table == name)
        note = notes.get(selection.raw) if selection else None
        source = Source(note.name, 1 if note.encoding == "parquet" else 2) if note else Source(name, 1)

        def log(rule: str, table: str, count: int, meaning: str) -> None:
            _log(quality, rule, table, "", count, meaning, "left out")

        rows[name] = settle_table(connection, name, selection, rules, source, folder, problems, log)
    return {name: rows[name] for name in CANONICAL}


def _check_kind(reader: Reader, note: dict, problems: Problems) -> None:
    kind = note.get("kind", reader.name)
    if kind != reader.name:
        problems.add(
            f"extract.json: kind is {kind!r}; allowed: {reader.name!r}. "
            "Hint: this folder is another nation's or feed's extract; choose the audit whose parameters read it."
        )


def _check_note(note: dict, notes: Mapping[str, FileNote], problems: Problems) -> None:
    """Compare with the rows that the extract says it has: a file cut off at the end of a line looks whole."""
    said = note.get("rows")
    for table, rows in said.items() if isinstance(said, dict) else ():
        if table in notes and notes[table].rows != rows:
            problems.add(
                f"{notes[table].name}: {notes[table].rows:,} rows; allowed: the {rows:,} that extract.json says. "
                "Hint: was the file cut off or changed?"
            )


def _check_nation(connection, reader: Reader, problems: Problems) -> None:
    if reader.country is not None:
        table, column, code = reader.country
        if not connection.execute(f"SELECT count(*) FROM clean_{table} WHERE \"{column}\" = '{code}'").fetchone()[0]:
            problems.add(
                f"{table}: column {column}: no row has {code!r}; allowed: an extract with rows of this nation. "
                "Hint: is this another nation's extract?"
            )
    for sql, message in reader.checks:
        found = [str(row[0]) for row in connection.execute(sql).fetchall()]
        if found:
            problems.add(message.format(values=", ".join(found[:5]), n=len(found)))


def _check_years(connection, diagnosed: tuple[dt.date, dt.date] | None, problems: Problems) -> None:
    if diagnosed is None:
        return
    first, last, within = connection.execute(
        f"SELECT min(diagnosis_date), max(diagnosis_date), count_if(diagnosis_date BETWEEN DATE '{diagnosed[0]}' "
        f"AND DATE '{diagnosed[1]}') FROM canon_tumours"
    ).fetchone()
    if not within:
        held = f"{first} to {last}" if first else "no date"
        problems.add(
            f"tumours: diagnosis_date: no diagnosis within the run; the extract has {held}; allowed: some from "
            f"{diagnosed[0]} to {diagnosed[1]}. Hint: is this the extract of another year?"
        )


def _log(quality, rule: str, table: str, column: str, rows: int, meaning: str, kind: str = "repair") -> None:
    if rows:
        quality.append({"rule": rule, "table": table, "column": column, "rows": rows, "kind": kind, "meaning": meaning})


def _replace_folder(new: Path, target: Path) -> None:
    """Put a finished folder in the place of another; the old one goes only when the new one stands."""
    old = new.parent / "replaced"
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
