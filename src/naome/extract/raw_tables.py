"""The raw tables of an extract: opening their files as the reader expects them, and making their clean views."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from duckdb import DuckDBPyConnection

from naome.core.errors import ExtractError, suggest
from naome.extract.absent import UNDELIVERED_ROWS
from naome.extract.candidates import NOT_CANDIDATES
from naome.extract.clean import OPTIONAL_IDENTIFIER
from naome.extract.column_names import find_misspelt, is_published, may_be_shown, show_file, show_header
from naome.extract.files import READABLE_TYPES, Part, RawFile, holds_table, open_table, say_columns
from naome.extract.folder import Source, TableFiles, explain_missing, find_table
from naome.extract.problems import Problems, say_rows
from naome.extract.provider_codes import UNKNOWN_CODES, Organisations, ProviderCleaner
from naome.extract.quality import Log, log_repairs, log_rows
from naome.extract.reader import RawTable, Reader, Repeated
from naome.extract.sql import quote_name, quote_text
from naome.extract.traced_columns import list_necessary
from naome.extract.values import (
    MISSING_IDENTIFIER,
    CleanColumns,
    Mapped,
    check_identifiers,
    clean_columns,
    find_identifiers,
    map_column,
)
from naome.extract.vocabulary import LOOKED_FOR, UNKNOWN, Vocabulary, show_code, show_only_shape, summarise


@dataclass(frozen=True)
class FileNote:
    """What was seen of the file or files of a raw table: names of columns, and the shapes of its dates.

    In the columns of `empty` none of many rows has a value; repeated columns are called as in the log.
    """

    table: str
    name: str
    rows: int
    encoding: str
    used: tuple[str, ...]
    ignored: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    spellings: Mapping[str, Counter[str]] = field(default_factory=dict)
    empty: tuple[str, ...] = ()

    def rows_of_parts(self) -> list[int]:
        """Return the rows of each file of the table."""
        starts = [part.start for part in self.parts] or [0]
        return [end - start for start, end in zip(starts, [*starts[1:], self.rows], strict=True)]

    def say_empty(self) -> str:
        """Return a sentence about the columns without a value; an empty text where there are none.

        Examples
        --------
        >>> FileNote("hes_apc", "hes_apc.csv", 500, "utf-8", ("CLASSPAT",), (), empty=("CLASSPAT",)).say_empty()
        'hes_apc.csv: no row has a value in column CLASSPAT. Was it not exported?'
        """
        if not self.empty:
            return ""
        several = len(self.empty) > 1
        return (
            f"{self.name}: no row has a value in column{'s' if several else ''} {say_columns(self.empty)}. "
            f"{'Were they' if several else 'Was it'} not exported?"
        )


def choose_version(connection: DuckDBPyConnection, reader: Reader, folder: Path, scratch: Path) -> Reader:
    """Return the reader for the version of an extract, told by a column of its first raw table.

    Raises
    ------
    ExtractError
        If the table is absent or of no known version.
    """
    if not reader.versions:
        return reader
    table = next(iter(reader.versions[0][1].raw))
    files = _find_files(reader.versions[0][1], table, folder)
    if files is None:
        raise ExtractError(f"{folder}: {explain_missing(folder, table, with_listing=True)}")
    expected = frozenset(marker for marker, _ in reader.versions) | reader.versions[0][1].raw[table].expected()
    file = open_table(connection, files, scratch, expected)
    connection.execute(f"DROP VIEW {file.view}")
    for marker, version in reader.versions:
        if marker in file.columns:
            return version
    raise ExtractError(
        f"{file.name}: the version of the extract is not known; allowed: one of the columns "
        f"{', '.join(marker for marker, _ in reader.versions)}. "
        f"Hint: the file has {say_columns(show_header(list(file.columns)))}."
    )


def _find_files(reader: Reader, name: str, folder: Path) -> TableFiles | None:
    table = reader.raw[name]
    wanted = table.needed()

    def holds(source: Source) -> bool:
        return holds_table(source, wanted, table.expected())

    try:
        return find_table(folder, name, reader.raw, holds)
    except OSError as error:
        where = show_file(Path(error.filename or folder).name)
        raise ExtractError(f"{where}: not readable: {error.strerror or type(error).__name__}") from None


def open_raw_tables(
    connection: DuckDBPyConnection, reader: Reader, folder: Path, scratch: Path, problems: Problems
) -> dict[str, RawFile]:
    """Open the files of all raw tables and check their columns; one that may be absent and is gets an empty view."""
    files = {}
    for name, table in reader.raw.items():
        try:
            found = _find_files(reader, name, folder)
            if found is not None:
                files[name] = _open_table(connection, reader, found, scratch, problems)
            elif table.may_be_absent:
                _make_empty(connection, name, table)
            else:
                problems.add(explain_missing(folder, name, with_listing=not problems.count))
        except ExtractError as error:
            problems.add(str(error))
    return {name: file for name, file in files.items() if file is not None}


#: Hint for a column that the source may not have
EMPTY_COLUMN = (
    " Hint: if the source does not have it, add an empty column of this name; what needs it is then not derivable."
)
#: ... and for one without which no record can be read
NECESSARY_COLUMN = " Hint: nearly every record needs a value of it: ask for an extract that has the column."
#: What may stand around a name in a header: blanks, quotation marks, and the mark that begins a file
AROUND_NAMES = ' \t"\ufeff'
#: A shorter name of a column may be in another by chance: AGE in LANGUAGE
LONG_NAME = 7


def _find_renamed(column: str, file: RawFile) -> str:
    """Say which column of the header has the name of one that is missing, with other signs in or around it."""
    wanted = re.sub(r"[^A-Z0-9]", "", column.upper())
    for place, name in enumerate(file.columns, start=1):
        found = re.sub(r"[^A-Z0-9]", "", name.upper())
        # a word that goes on behind it is the name of another item: STAGE_BEST_SYSTEM is not STAGE_BEST
        other_item = re.fullmatch(r"\w+", name) and not re.search(rf"{wanted}\d*$", found)
        if wanted == found or (len(wanted) >= LONG_NAME and wanted in found and not other_item):
            return f" Hint: column {place} of the header seems to be it, with other signs in its name; rename it."
    return ""


def _open_table(
    connection: DuckDBPyConnection, reader: Reader, files: TableFiles, scratch: Path, problems: Problems
) -> RawFile | None:
    """Open a table's files and check their columns; None if they are not what is read."""
    name = files.table
    table = reader.raw[name]
    file = open_table(connection, files, scratch, table.expected())
    file = _rename_aliases(connection, file, table)
    needed, neither = table.needed(), [names for names in table.either if not {*names} & {*file.columns}]
    missing = [column for column in table.wanted() if column in needed and column not in file.columns]
    other = _recognise(reader, name, file.columns) if len(missing) > 1 else ""
    misspelt = find_misspelt(file.columns, needed)
    others = [column for column in file.columns if column not in table.wanted()]
    # a published name is that of another item, however much it is like the one that is missing
    spare = [column for column in others if column in misspelt or (may_be_shown(column) and not is_published(column))]
    has = f"the file has {say_columns(show_header(list(file.columns), misspelt))}."
    necessary = list_necessary(reader) if missing else set()
    for column in missing:
        hint = f" Hint: this looks like the file of table {other}." if other else _find_renamed(column, file)
        # of a file that lacks most of its columns it is not these that are missing
        may_be_empty = column not in table.identifiers and not misspelt and 2 * len(missing) < len(needed)
        if not hint and may_be_empty:
            hint = NECESSARY_COLUMN if (name, column) in necessary else EMPTY_COLUMN
        problems.add(f"{file.name}: column {column} is missing{suggest(column, spare)}; {has}{hint}")
    for names in neither:
        problems.add(
            f"{file.name}: none of the columns {' and '.join(names)} is there; allowed: one of them at least; {has}"
            " Hint: if the source has neither, add an empty column of one of these names."
        )
    unreadable = _check_types(file, table, problems)
    if missing or neither or unreadable or _repeats_header(connection, file, table, problems):
        return None
    if table.only:
        only = f"{file.view}_only"
        connection.execute(f"CREATE VIEW {only} AS SELECT * FROM {file.view} WHERE {table.only}")
        file = replace(file, view=only)
    return file


def _rename_aliases(connection, file: RawFile, table: RawTable) -> RawFile:
    renamed = {
        alias: name for alias, name in table.aliases.items() if alias in file.columns and name not in file.columns
    }
    if not renamed:
        return file
    view = f"{file.view}_renamed"
    names = ", ".join(f"{quote_name(alias)} AS {quote_name(name)}" for alias, name in renamed.items())
    connection.execute(f"CREATE VIEW {view} AS SELECT * RENAME ({names}) FROM {file.view}")
    columns = {renamed.get(column, column): kind for column, kind in file.columns.items()}
    return replace(file, view=view, columns=columns, empty=frozenset(renamed.get(c, c) for c in file.empty))


def _recognise(reader: Reader, name: str, columns: dict[str, str]) -> str:
    """Return the raw table whose columns a file has, when it is not the one its name says."""
    for other, table in reader.raw.items():
        wanted = table.needed()
        if other != name and len(wanted & set(columns)) > 0.8 * len(wanted):
            return other
    return ""


def _check_types(file: RawFile, table: RawTable, problems: Problems) -> bool:
    wrong: dict[str, list[str]] = {}
    for column in table.wanted():
        kind = file.columns.get(column)
        if kind is not None and not re.fullmatch(READABLE_TYPES, kind):
            wrong.setdefault(kind, []).append(column)
    for kind, columns in wrong.items():
        one = len(columns) == 1
        problems.add(
            f"{file.name}: column{'' if one else 's'} {say_columns(columns)}: {'is' if one else 'are'} of type "
            f"{kind[:60]}; allowed: text, numbers, dates. Hint: was the column written as bytes, as a list, or with a "
            "time zone in some parts only?"
        )
    return bool(wrong)


def _repeats_header(connection, file: RawFile, table: RawTable, problems: Problems) -> bool:
    """Refuse a file with a header among the records: of two columns, each would hold the name of one."""
    texts = [column for column in table.wanted() if file.columns.get(column) == "VARCHAR"][:2]
    if len(texts) < 2:
        return False
    # no name begins with a digit, and most identifiers do: a comparison of first characters leaves few to be looked at
    names = ", ".join(map(quote_text, {**dict.fromkeys(table.wanted()), **file.columns}))
    again = " AND ".join(
        f"NOT ({quote_name(column)} BETWEEN '0' AND ':') "
        f"AND upper(trim({quote_name(column)}, {quote_text(AROUND_NAMES)})) IN ({names})"
        for column in texts
    )
    rows, first = connection.execute(f"SELECT count(*), min(row_) FROM {file.view} WHERE {again}").fetchone()
    if rows:
        problems.add(
            f"{file.locate(first)}: names of columns are in column {texts[0]} and in others ({say_rows(rows)}); "
            "allowed: one header line, the first. Hint: were files with a header each pasted together?"
        )
    # sqlcmd and others draw a line below the header
    drawn = " AND ".join(f"regexp_full_match(trim({quote_name(column)}), '-+')" for column in texts)
    drawn_first = connection.execute(f"SELECT 1 FROM {file.view} WHERE row_ = 0 AND {drawn}").fetchall()
    if drawn_first:
        problems.add(
            f"{file.locate(0)}: a line of hyphens; allowed: records below the header. Hint: delete the line, which a "
            "program drew below the names."
        )
    return bool(rows or drawn_first)


def clean_table(
    connection: DuckDBPyConnection,
    file: RawFile,
    table: RawTable,
    problems: Problems,
    quality: Log,
    organisations: Organisations | None = None,
) -> tuple[dict[str, Counter[str]], tuple[str, ...], list[Vocabulary]]:
    """Check the identifiers of a file, clean its columns and make its clean views ``clean_<table>``.

    Returns
    -------
    dict
        Column -> the shapes of its dates, where they are written as text, and their rows.
    tuple of str
        Columns in which none of many rows has a value.
    list of Vocabulary
        What was found of the columns that are vocabularies.
    """
    table = _know_organisations(table, organisations)
    if file.rows == 0 and not table.may_be_absent:
        problems.add(f"{file.name}: no rows under the header; allowed: at least one. Hint: was the extract cut off?")
    (read,) = connection.execute(f"SELECT count(*) FROM {file.view}").fetchone()
    if table.only or table.events:
        rule, meaning = table.only_rule if table.only else NOT_CANDIDATES
        log_rows(quality, rule, file.table, "", file.rows - file.left_out - read, meaning, "left out")
    optional = [column for column in table.optional_identifiers if column in file.columns]
    repairs = check_identifiers(connection, file, table.identifiers, optional, problems)
    found = clean_columns(connection, file, [c for c in table.cleaned() if c[0] in file.columns], problems)
    if table.provider and organisations is not None:
        _place_provider(connection, file, table, organisations, found)
    log_repairs(quality, file.table, found.repairs | repairs)
    _make_clean_views(connection, file, table, found, repairs)
    empty = _find_empty(table, found) if read >= UNDELIVERED_ROWS else ()
    return found.spellings, empty, _describe_vocabularies(connection, file, table, found)


def _find_empty(table: RawTable, found: CleanColumns) -> tuple[str, ...]:
    """Return the columns without a value, but those that may be absent.

    Of numbered ones (causes 1 to 8) the last may be empty where the first are not, and so may a code or its name.
    """
    families = {column: re.sub(r"\d+", "#", label) for column, label, _ in table.cleaned() if column in found.values}
    given = (column for column, values in found.values.items() if any(value is not None for value in values.values()))
    filled = {families[column] for column in given}
    may_be = table.optional.union(*(names for names in table.either if {families.get(name) for name in names} & filled))
    empty = {column for column in families if families[column] not in filled} - may_be
    return tuple(dict.fromkeys(label for column, label, _ in table.cleaned() if column in empty))


def note_file(
    file: RawFile, table: RawTable, spellings: Mapping[str, Counter[str]], empty: tuple[str, ...]
) -> FileNote:
    """Return what was seen of a table's files as they were opened, all their columns among it."""
    used = tuple(column for column in file.columns if column in table.wanted())
    shown = zip(file.columns, show_header(list(file.columns)), strict=True)
    ignored = tuple(dict.fromkeys(name for column, name in shown if column not in used))
    return FileNote(file.table, file.name, file.rows, file.encoding, used, ignored, file.parts, spellings, empty)


def _know_organisations(table: RawTable, organisations: Organisations | None) -> RawTable:
    """Return a table whose codes of organisations are read by those of the extract."""
    columns = {
        column: cleaner.among(organisations) if organisations and isinstance(cleaner, ProviderCleaner) else cleaner
        for column, cleaner in table.columns.items()
    }
    return replace(table, columns=columns)


def _place_provider(connection, file: RawFile, table: RawTable, organisations: Organisations, found) -> None:
    """Read the identifier that is the code of an organisation: ``provider_of(code)`` gives the organisation."""
    column = table.provider
    cleaner = organisations.cleaner()
    counted = connection.execute(
        f"SELECT {file.identifier(column)}, count(*) FROM {file.view} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    cases, placed = [], found.placed.setdefault(column, {})
    for code, rows in counted:
        if code is None:
            continue
        provider, rules = cleaner.clean(code)
        cases.append(f"WHEN {quote_text(code)} THEN {'NULL' if provider is None else quote_text(provider)}")
        placed.setdefault(cleaner.place(provider, rules), {})[code.upper()] = rows
        for rule in rules:
            found.repairs[column, rule] = found.repairs.get((column, rule), 0) + rows
    placed_code = f"CASE c {' '.join(cases)} ELSE c END" if cases else "c"
    connection.execute(f"CREATE OR REPLACE MACRO provider_of(c) AS {placed_code}")


def _describe_vocabularies(connection, file: RawFile, table: RawTable, found: CleanColumns) -> list[Vocabulary]:
    described = []
    for column, placed in found.placed.items():
        unknown = placed.get(UNKNOWN, {})
        cleaner = table.columns.get(column)
        limit, show = (UNKNOWN_CODES, show_code) if cleaner is None else (cleaner.limit, cleaner.show)
        # Only what would be shown is looked for among identifiers
        most = sorted(unknown, key=lambda value: (-unknown[value], value))[:LOOKED_FOR]
        named = [value for value in most if show(value) != show_only_shape(value)]
        identifiers = find_identifiers(connection, file, named) | (set(unknown) - set(named))
        described.append(summarise(file.table, column, placed, identifiers, limit, show))
    return described


def _make_clean_views(connection, file: RawFile, table: RawTable, found: CleanColumns, repairs) -> None:
    columns = {column: _clean_column(connection, file, column, table, found, repairs) for column in table.columns}
    named = (f"{mapped.expression} AS {quote_name(column)}" for column, mapped in columns.items())
    selected = ", ".join(["v.row_", *named])
    rows = " ".join([f"{file.view} v", *(mapped.join for mapped in columns.values())])
    connection.execute(f"CREATE VIEW clean_{file.table} AS SELECT {selected} FROM {rows}")
    for name, repeated in table.long.items():
        _make_long_view(connection, name, repeated, file, found, selected, rows)


def _clean_column(connection, file: RawFile, column: str, table: RawTable, found: CleanColumns, repairs) -> Mapped:
    cleaner, kind, raw = table.columns[column], file.columns.get(column), f"v.{quote_name(column)}"
    text = raw if kind == "VARCHAR" else f"CAST({raw} AS VARCHAR)"
    text = f"trim({text})" if (column, "white_space") in repairs or cleaner is OPTIONAL_IDENTIFIER else text
    if kind is None:
        return Mapped(f"NULL::{cleaner.sql_type if cleaner else 'VARCHAR'}")
    if cleaner is None:
        return Mapped(text)
    if cleaner is OPTIONAL_IDENTIFIER:
        if (column, "missing_word") in repairs:
            return Mapped(f"CASE WHEN NOT ({MISSING_IDENTIFIER.format(v=text)}) THEN nullif({text}, '') END")
        return Mapped(f"nullif({text}, '')")
    return map_column(connection, f"{file.table}_{column}", raw, kind, found.values[column], cleaner.sql_type)


def _make_long_view(
    connection, name: str, repeated: Repeated, file: RawFile, found: CleanColumns, selected: str, rows: str
) -> None:
    """Turn repeated columns into rows: one per code, with its position and, if there is one, its second value."""
    positions = [n for n, column in enumerate(repeated.columns) if found.filled[column]]
    if not positions:
        types = f"0 AS position, NULL::{repeated.cleaner.sql_type} AS code"
        second = f", NULL::{repeated.second_cleaner.sql_type} AS second" if repeated.second_cleaner else ""
        connection.execute(f"CREATE VIEW clean_{name} AS SELECT {selected}, {types}{second} FROM {rows} WHERE false")
        return
    lists = [f"unnest([{', '.join(str(n + 1) for n in positions)}]) AS position"]
    outer, joins = [], []
    for (columns, cleaner), word in zip(repeated.parts(), ("code", "second"), strict=False):
        picked = [columns[n] for n in positions]
        kinds = {file.columns[column] for column in picked}
        kind = kinds.pop() if len(kinds) == 1 else "VARCHAR"
        lists.append(f"unnest([{', '.join(f'CAST(v.{quote_name(c)} AS {kind})' for c in picked)}]) AS raw_{word}")
        values = {raw: clean for column in picked for raw, clean in found.values[column].items()}
        mapped = map_column(connection, f"{name}_{word}", f"long.raw_{word}", kind, values, cleaner.sql_type)
        outer.append(f"{mapped.expression} AS {word}")
        joins.append(mapped.join)
    raw = "raw_code, raw_second" if repeated.seconds else "raw_code"
    connection.execute(
        f"CREATE VIEW clean_{name} AS SELECT * FROM (SELECT long.* EXCLUDE ({raw}), {', '.join(outer)} FROM "
        f"(SELECT {selected}, {', '.join(lists)} FROM {rows}) long {' '.join(joins)} "
        "WHERE raw_code IS NOT NULL) WHERE code IS NOT NULL"
    )


def _make_empty(connection, name: str, table: RawTable) -> None:
    columns = ["0 AS row_"]
    columns += [
        f"NULL::{cleaner.sql_type if cleaner else 'VARCHAR'} AS {quote_name(column)}"
        for column, cleaner in table.columns.items()
    ]
    connection.execute(f"CREATE VIEW clean_{name} AS SELECT {', '.join(columns)} WHERE false")
