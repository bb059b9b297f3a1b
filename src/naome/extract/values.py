"""Cleaning the columns of one raw file by their distinct values, and saying the result in SQL.

A column of ten million codes has a few thousand different ones. They are counted
for all columns in one scan, cleaned in Python one by one, and the answer goes
back as an SQL expression: the column itself where nothing changes, else a look-up
of the cleaned value.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from naome.extract.clean import Cleaner, Refused
from naome.extract.files import RawFile, quote_name, quote_text
from naome.extract.lanes import Lane
from naome.extract.problems import SHOWN_VALUES, Problems, say_rows, show_value

COLUMNS_AT_ONCE = 48  # GROUPING SETS name at most 64 columns
#: A list this long is searched from its beginning: of a column that Parquet holds as a dictionary DuckDB looks up
#: each different value once, but casts every row to an ENUM. Longer ones take too long where there is no dictionary.
SHORT_LIST = 64
WHOLE_NUMBER = "U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)"
MANGLED = re.compile(r"[\d.,]+E\+?\d+", re.IGNORECASE)


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
    """

    repairs: dict[tuple[str, str], int] = field(default_factory=dict)
    values: dict[str, dict[object, object]] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)


def clean_columns(
    connection: Lane,
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
    identifiers = [name for name in file.columns if re.search("ID$|NUMBER|LINK|ALF|EPIKEY|DEID", name)]
    for start in range(0, len(wanted), COLUMNS_AT_ONCE):
        part = wanted[start : start + COLUMNS_AT_ONCE]
        for (column, label, cleaner), counts in zip(part, _count_values(connection, file, part, counted), strict=True):
            _clean_column(connection, file, (column, label, cleaner), counts, found, problems, identifiers)
    return found


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
    for value, count in counts:
        filled += count
        try:
            cleaned[value], rules = cleaner.clean(value)
        except Refused as refusal:
            wrong += 1
            if len(refused) < SHOWN_VALUES:
                refused.append((value, count, refusal))
            continue
        for rule in rules:
            found.repairs[label, rule] = found.repairs.get((label, rule), 0) + count
    found.values[column], found.filled[column] = cleaned, filled
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


def map_column(connection: Lane, name: str, expression: str, kind: str, values: dict[object, object], to: str) -> str:
    """Return the SQL of a cleaned column: the raw one, a CASE, or a look-up by the place of the raw value in a list.

    It is an expression and never a join, so that a scan stays a scan and rows keep their order.

    Parameters
    ----------
    name : str
        Name for what the look-up needs.
    expression : str
        The raw column in SQL.
    kind : str
        Its DuckDB type.
    values : dict
        Raw value -> cleaned value, of all that stand in the column.
    to : str
        DuckDB type of the cleaned column; a text that is looked up becomes an ENUM of the cleaned texts, which
        compares as text and is written to Parquet as text, by number.
    """
    changed = {raw: clean for raw, clean in values.items() if not _same_after_cast(raw, clean)}
    if not changed:
        return expression if kind == to else f"CAST({expression} AS {to})"
    if re.fullmatch(f"VARCHAR|{WHOLE_NUMBER}", kind):
        return _look_up(connection, name, expression, values, to)
    key = f"CAST({expression} AS {'DATE' if re.match('DATE|TIMESTAMP', kind) else 'VARCHAR'})"
    kept = "NULL" if len(changed) >= len(values) else f"CAST({expression} AS {to})"
    day_or_text = {_day(raw) if isinstance(raw, dt.date) else str(raw): clean for raw, clean in changed.items()}
    whens = " ".join(f"WHEN {_literal(raw)} THEN {_literal(clean)}" for raw, clean in day_or_text.items())
    return f"CAST(CASE {key} {whens} ELSE {kept} END AS {to})"


def _look_up(connection, name: str, expression: str, values: dict[object, object], to: str) -> str:
    """Find the place of the raw value in a list and take what stands at that place in the list of cleaned values."""
    cleaned = {str(raw): clean for raw, clean in values.items()}
    if to == "VARCHAR" and (texts := sorted({str(clean) for clean in cleaned.values() if clean is not None})):
        to = f"ENUM({', '.join(map(quote_text, texts))})"
    raw, clean, text = f"raw_{name}", f"clean_{name}", f"CAST({expression} AS VARCHAR)"
    # As parameters: a list that is written out takes DuckDB five times as long to read
    listed = [value if value is None or isinstance(value, (bool, int)) else str(value) for value in cleaned.values()]
    connection.set_variable(clean, f"CAST(? AS {to}[])", [listed])
    if len(cleaned) <= SHORT_LIST:
        # A missing value stands last, where the other list has nothing; a value that is not listed is an error
        connection.set_variable(raw, "CAST(? AS VARCHAR[])", [[*cleaned, None]])
        unknown = quote_text(f"{name}: a value that was not there when values were counted")
        place = f"coalesce(list_position(getvariable({quote_text(raw)}), {text}), error({unknown}))"
    else:
        connection.execute(f"CREATE TYPE {quote_name(raw)} AS ENUM ({', '.join(map(quote_text, cleaned))})")
        place = f"enum_code(CAST({text} AS {quote_name(raw)})) + 1"
    return f"getvariable({quote_text(clean)})[{place}]"


def _same_after_cast(raw: object, clean: object) -> bool:
    """Say whether a cast in SQL reads this value as the cleaner does."""
    if clean is None or isinstance(clean, bool):
        return False
    return raw is clean or str(_day(raw)) == str(clean)


def _day(value: object) -> object:
    return value.date() if isinstance(value, dt.datetime) else value


def _literal(value: object) -> str:
    """Write a value in SQL; a date as text, which is cast with its column: DuckDB binds typed dates slowly."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else quote_text(value)


def check_identifiers(connection: Lane, file: RawFile, columns: list[str], problems: Problems) -> dict[str, int]:
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
        column: " OR ".join(f"contains({v}, '{character}')" for character in ("+." if column in file.tidy else "+. "))
        for column, v in text.items()
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


def find_tidy(connection: Lane, file: RawFile, columns: Sequence[str]) -> frozenset[str]:
    """Return the identifiers in which no blank stands anywhere: looking for one takes a third of trimming."""
    counts = ", ".join(f"count_if(contains(CAST({quote_name(column)} AS VARCHAR), ' '))" for column in columns)
    found = connection.execute(f"SELECT {counts} FROM {file.view}").fetchone()
    return frozenset(column for column, blanks in zip(columns, found, strict=True) if not blanks)


def check_unique(connection: Lane, file: RawFile, columns: tuple[str, ...], problems: Problems) -> None:
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
