"""Cleaning the columns of one raw file by their distinct values, and saying the result in SQL.

A column of ten million codes has a few thousand different ones. They are counted
for all columns in one scan, cleaned in Python one by one, and the answer goes
back as SQL: the column itself where nothing changes, else a join with the values that do.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from duckdb import DuckDBPyConnection

from naome.extract.clean import Cleaner, Refused
from naome.extract.files import RawFile, quote_name, quote_text
from naome.extract.problems import SHOWN_VALUES, Problems, say_rows, show_value

COLUMNS_AT_ONCE = 48  # GROUPING SETS name at most 64 columns


@dataclass
class CleanColumns:
    """What cleaning the columns of one file found.

    Attributes
    ----------
    repairs : dict
        ``(label, rule)`` -> rows.
    values : dict
        Column -> {raw value: cleaned value}, refused and missing values left out; of those that stay as they are
        anyhow (``Cleaner.plain``) one stands for all.
    filled : dict
        Column -> rows that hold something.
    placed : dict
        Column of a vocabulary -> where values stand (:mod:`naome.extract.vocabulary`) -> value in capitals -> rows.
    """

    repairs: dict[tuple[str, str], int] = field(default_factory=dict)
    values: dict[str, dict[object, object]] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)
    placed: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)


def clean_columns(
    connection: DuckDBPyConnection,
    file: RawFile,
    columns: Sequence[tuple[str, str, Cleaner]],
    problems: Problems,
    *,
    counted: bool = True,
) -> CleanColumns:
    """Clean the distinct values of some columns of a file.

    Parameters
    ----------
    columns : sequence of (column, label, cleaner)
        Repairs are counted under the label (``DIAG_01..DIAG_20`` for repeated columns).
    problems : Problems
        Receives every value that cannot be read.
    counted : bool
        Whether the rows of each value are counted, which takes half as long again; each counts as one otherwise.
    """
    found = CleanColumns()
    kinds: dict[str, set[str]] = {}
    for column, label, _ in columns:
        kinds.setdefault(label, set()).add(file.columns[column])
    wanted = []
    for column, label, cleaner in columns:
        if column in file.empty:
            found.values[column], found.filled[column] = {}, 0
            continue
        # Repeated columns are looked up together, and where their types differ, as texts: every value is needed then
        same = kinds[label] == {cleaner.sql_type}
        wanted.append((column, label, cleaner if same else replace(cleaner, plain=None)))
    identifiers = list_identifiers(connection, file)
    for start in range(0, len(wanted), COLUMNS_AT_ONCE):
        part = wanted[start : start + COLUMNS_AT_ONCE]
        for (column, label, cleaner), counts in zip(part, _count_values(connection, file, part, counted), strict=True):
            _clean_column(connection, file, (column, label, cleaner), counts, found, problems, identifiers)
    return found


def list_identifiers(connection, file: RawFile) -> list[str]:
    """Return the columns of a file whose values may identify somebody; rows that were chosen have fewer columns."""
    there = [row[0] for row in connection.execute(f"DESCRIBE {file.view}").fetchall()]
    return [name for name in there if re.search("ID$|NUMBER|LINK|ALF|EPIKEY|DEID", name)]


def find_identifiers(connection, file: RawFile, values: Sequence[str]) -> set[str]:
    """Return which of some values in capitals stand in a column of identifiers of the same file."""
    columns = list_identifiers(connection, file)
    if not values or not columns:
        return set()
    texts = " UNION ALL ".join(f"SELECT upper({file.identifier(name)}) AS text FROM {file.view}" for name in columns)
    found = connection.execute(
        f"SELECT DISTINCT text FROM ({texts}) WHERE text IN (SELECT unnest(CAST(? AS VARCHAR[])))", [list(values)]
    ).fetchall()
    return {row[0] for row in found}


def _count_values(connection, file: RawFile, part, counted: bool) -> list[list[tuple[object, int]]]:
    """Count the distinct values of some columns, missing ones left out, in one scan.

    Of values that stay as they are one stands for all.
    """
    names = [f'"{column}"' for column, _, _ in part]
    looked_at = ", ".join(_look_at(column, cleaner) for column, _, cleaner in part)
    sets = ", ".join(f"({name})" for name in names)
    cursor = connection.execute(
        f"SELECT grouping_id({', '.join(names)}), {'count(*)' if counted else '1'}, {', '.join(names)} "
        f"FROM (SELECT {looked_at} FROM {file.view}) GROUP BY GROUPING SETS ({sets})"
    )
    # The grouping id has a bit for every column, the first column's the highest; only that of the row's own is not set
    everything, last = (1 << len(names)) - 1, len(names) - 1
    places = {everything - (1 << (last - place)): place for place in range(len(names))}
    counts: list[list[tuple[object, int]]] = [[] for _ in names]
    while rows := cursor.fetchmany(10_000):
        for which, n, *values in rows:
            place = places[which]
            if values[place] is not None:
                counts[place].append((values[place], n))
    return counts


def _look_at(column: str, cleaner: Cleaner) -> str:
    name = quote_name(column)
    if cleaner.plain is None:
        return name
    first, last = (f"{cleaner.sql_type} {quote_text(value)}" for value in cleaner.plain())
    return f"CASE WHEN {name} BETWEEN {first} AND {last} THEN {first} ELSE {name} END AS {name}"


def _clean_column(connection, file, what, counts, found: CleanColumns, problems: Problems, identifiers) -> None:
    column, label, cleaner = what
    cleaned: dict[object, object] = {}
    refused: list[tuple[object, int, Refused]] = []
    filled = wrong = 0
    placed: dict[str, dict[str, int]] = {}
    for value, count in counts:
        filled += count
        try:
            cleaned[value], rules = cleaner.clean(value)
        except Refused as refusal:
            wrong += 1
            if len(refused) < SHOWN_VALUES:
                refused.append((value, count, refusal))
            continue
        if cleaner.place is not None and (text := str(value).strip().upper()):
            stands = placed.setdefault(cleaner.place(cleaned[value], rules), {})
            stands[text] = stands.get(text, 0) + count
        for rule in rules:
            found.repairs[label, rule] = found.repairs.get((label, rule), 0) + count
    found.values[column], found.filled[column] = cleaned, filled
    if cleaner.place is not None:
        found.placed[column] = placed
    if refused:
        _note_refused(connection, file, column, cleaner, refused, wrong, problems, identifiers)


def _note_refused(connection, file, column, cleaner, refused, wrong, problems: Problems, identifiers) -> None:
    raw = [value for value, _, _ in refused]
    slots = ", ".join("?" for _ in raw)
    rows = dict(
        connection.execute(
            f'SELECT "{column}", min(row_) FROM {file.view} WHERE "{column}" IN ({slots}) GROUP BY 1', raw
        ).fetchall()
    )
    anywhere = " OR ".join(
        f'trim(CAST("{name}" AS VARCHAR)) = trim(CAST(? AS VARCHAR))' for name in identifiers if name != column
    )
    for number, (value, count, refusal) in enumerate(refused):
        known = (
            bool(anywhere)
            and connection.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM {file.view} WHERE {anywhere} LIMIT 1)",
                [str(value)] * anywhere.count("?"),
            ).fetchone()[0]
        )
        shown = show_value(value, is_identifier=bool(known), is_date=cleaner.sql_type == "DATE")
        hint = f" Hint: {refusal.hint}" if refusal.hint else ""
        rest = wrong - len(refused) if number == len(refused) - 1 else 0
        others = f" And {rest:,} other values of this column." if rest else ""
        problems.add(
            f"{file.path.name}: column {column}, row {rows[value] + file.first_row:,}: {shown} "
            f"({say_rows(count)}); allowed: {refusal.allowed}.{hint}{others}",
            stands_for=1 + rest,
        )


@dataclass(frozen=True)
class Mapped:
    """A cleaned column in SQL: its expression, and the join that the expression needs; empty where it needs none."""

    expression: str
    join: str = ""


def map_column(
    connection: DuckDBPyConnection, name: str, column: str, kind: str, values: dict[object, object], to: str
) -> Mapped:
    """Return a cleaned column: the raw one where a cast reads it as the cleaner does, else looked up in a table.

    Parameters
    ----------
    name : str
        Name for the table of the values that change.
    column : str
        The raw column in SQL.
    kind : str
        Its DuckDB type.
    values : dict
        Raw value -> cleaned value, of all that are in the column.
    to : str
        DuckDB type of the cleaned column.
    """
    cast = column if kind == to else f"CAST({column} AS {to})"
    changed = {str(_day(raw)): clean for raw, clean in values.items() if not _same_after_cast(raw, clean)}
    if not changed:
        return Mapped(cast)
    table = quote_name(f"map_{name}")
    # A value that is several things (drugs in one field) has a line for each, so that the join makes rows of them
    lines = [(raw, one) for raw, clean in changed.items() for one in (clean if isinstance(clean, tuple) else (clean,))]
    cleaned = [value if value is None or isinstance(value, bool | int) else str(value) for _, value in lines]
    connection.execute(
        f"CREATE TABLE {table} AS SELECT unnest(CAST(? AS VARCHAR[])) AS raw, unnest(CAST(? AS {to}[])) AS clean",
        [[raw for raw, _ in lines], cleaned],
    )
    key = f"CAST({column} AS DATE)" if re.match("DATE|TIMESTAMP", kind) else column
    kept = "NULL" if len(changed) >= len(values) else cast
    return Mapped(
        f"CASE WHEN {table}.raw IS NOT NULL THEN {table}.clean ELSE {kept} END",
        f"LEFT JOIN {table} ON {table}.raw = CAST({key} AS VARCHAR)",
    )


def _same_after_cast(raw: object, clean: object) -> bool:
    """Say whether a cast in SQL reads this value as the cleaner does."""
    if clean is None or isinstance(clean, bool | tuple):
        return False
    return raw is clean or str(_day(raw)) == str(clean)


def _day(value: object) -> object:
    return value.date() if isinstance(value, dt.datetime) else value


def check_identifiers(
    connection: DuckDBPyConnection, file: RawFile, columns: list[str], problems: Problems
) -> dict[str, int]:
    """Check that identifiers stand in every row and have not been mangled; return rows with blanks around them."""
    text = {column: f'CAST("{column}" AS VARCHAR)' for column in columns}
    blanks: dict[str, int] = {}
    for column in columns:
        if re.match("FLOAT|DOUBLE|DECIMAL", file.columns[column]):
            problems.add(
                f"{file.path.name}: column {column}: identifiers are stored as {file.columns[column]}; "
                "allowed: text or whole numbers. Hint: decimals lose digits; write the file again from its source."
            )
    # Searching for single characters costs a tenth of the exact conditions; those follow only where one is found.
    screens = {
        column: " OR ".join(f"contains({v}, '{character}')" for character in "+. ") for column, v in text.items()
    }
    counts = ", ".join(f"count({v}), min(length({v})), count_if({screens[column]})" for column, v in text.items())
    row = connection.execute(f"SELECT count(*), {counts} FROM {file.view}").fetchone()
    suspect = {
        column: v
        for n, (column, v) in enumerate(text.items())
        if row[0] and (row[1 + 3 * n] < row[0] or row[2 + 3 * n] < 7 or row[3 + 3 * n])
    }
    if not suspect:
        return blanks
    checks = {
        "empty": "{v} IS NULL OR upper(trim({v})) IN ('', '-', 'NAN', 'NULL', 'NONE', '<NA>')",
        "mangled": "{v} LIKE '%E+%' OR {v} LIKE '%.0'",
        "blanks": "{v} <> trim({v})",
    }
    counts = ", ".join(f"count_if({sql.format(v=v)})" for v in suspect.values() for sql in checks.values())
    row = iter(connection.execute(f"SELECT {counts} FROM {file.view}").fetchone())
    wording = {
        "empty": "empty identifier ({rows}); allowed: a pseudonym in every row. Hint: is the table cut off or shifted?",
        "mangled": "an identifier written as a decimal or in powers of ten ({rows}); "
        "allowed: a pseudonym as it was given. Hint: a spreadsheet does this; export again without opening it.",
    }
    for column, v in suspect.items():
        for check, sql in checks.items():
            n = next(row)
            if check == "blanks" and n:
                blanks[column] = n
            elif n:
                first = connection.execute(f"SELECT min(row_) FROM {file.view} WHERE {sql.format(v=v)}").fetchone()[0]
                problems.add(
                    f"{file.path.name}: column {column}, row {first + file.first_row:,}: "
                    + wording[check].format(rows=say_rows(n))
                )
    return blanks


def check_unique(connection: DuckDBPyConnection, file: RawFile, columns: tuple[str, ...], problems: Problems) -> None:
    """Check that identifiers occur once: a row that is joined to others by them must be the only one."""
    keys = ", ".join(map(file.identifier, columns))
    # Equal counts of hashes prove that all differ, at a fraction of the memory of the identifiers themselves.
    rows, hashes = connection.execute(f"SELECT count(*), count(DISTINCT hash({keys})) FROM {file.view}").fetchone()
    if rows == hashes:
        return
    n, first = connection.execute(
        f"SELECT count(*), min(second) FROM (SELECT max(row_) AS second FROM {file.view} "
        f"GROUP BY {keys} HAVING count(*) > 1)"
    ).fetchone()
    if n:
        problems.add(
            f"{file.path.name}: column {' + '.join(columns)}, row {first + file.first_row:,}: {n:,} "
            f"identifier{'s stand' if n > 1 else ' stands'} more than once; allowed: once. "
            "Hint: was the table exported twice, or joined to another?"
        )
