"""Cleaning the columns of one raw file by their distinct values, and saying the result in SQL.

A column of ten million codes has a few thousand different ones. They are counted
for all columns in one scan, cleaned in Python one by one, and the answer goes
back as SQL: the column itself where nothing changes, else a join with the values that do.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from duckdb import DuckDBPyConnection

from naome.extract.clean import MISSING_WORDS, Cleaner, Refused
from naome.extract.dates import DATE_SPELLINGS, spell_date
from naome.extract.files import RawFile
from naome.extract.problems import SHOWN_SHAPES, Problems, say_rows, show_shape
from naome.extract.sql import may_hold_blanks, quote_name, quote_text

COLUMNS_AT_ONCE = 48  # GROUPING SETS name at most 64 columns
SHOWN_COLUMNS = 6  # of those in which values were refused for one reason
#: (what was allowed, hint) -> shape of the values -> column -> value and its rows
Refusals = dict[tuple[str, str], dict[str, dict[str, list[tuple[object, int]]]]]


#: What is said of a value that columns of different kinds refuse
WORD_FOR_MISSING = (
    "a value of its own kind in each column, or nothing at all",
    "the same is in columns of different kinds: does it mean that there is none? Export missing values as empty.",
)
#: Hint for values that look like what is allowed
BEYOND_ASCII = "a letter, figure or dash in it is not the usual one, although it may look so; type or export it again."
#: A spelling of dates in which no day is above 12 is one with day and month exchanged where it has at least so many
#: rows, different dates, and different numbers in the place of the day. Of real days three in five are above 12, so
#: twenty dates all have one below by chance once in a hundred million columns; and the first day of each month or
#: quarter, written where the day is not known, is one number and not many.
EXCHANGED_ROWS, EXCHANGED_DATES, EXCHANGED_DAYS = 30, 20, 4
LAST_MONTH = 12


@dataclass
class Spelling:
    """Dates of one column that are written alike: rows, the different ones, the days in them, and one of each."""

    rows: int = 0
    dates: int = 0
    days: set[int] = field(default_factory=set)
    sample: str = ""

    @property
    def exchanged(self) -> bool:
        """Whether the numbers in the place of the day can only be months."""
        return (
            max(self.days) <= LAST_MONTH
            and self.rows >= EXCHANGED_ROWS
            and self.dates >= EXCHANGED_DATES
            and len(self.days) >= EXCHANGED_DAYS
        )


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
    spellings : dict
        Label -> shapes of the dates that are written as text, and their rows.
    placed : dict
        Column of a vocabulary -> where values stand (:mod:`naome.extract.vocabulary`) -> value in capitals -> rows.
    written : dict
        Label -> ways in which its dates are written in figures -> what is found of each.
    doubts : dict
        Label -> why the meaning of its codes is doubtful.
    """

    repairs: dict[tuple[str, str], int] = field(default_factory=dict)
    values: dict[str, dict[object, object]] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)
    spellings: dict[str, Counter[str]] = field(default_factory=dict)
    placed: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    written: dict[str, dict[tuple[object, ...], Spelling]] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)


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
    refused: Refusals = {}
    for start in range(0, len(wanted), COLUMNS_AT_ONCE):
        part = wanted[start : start + COLUMNS_AT_ONCE]
        for (column, label, cleaner), counts in zip(part, _count_values(connection, file, part, counted), strict=True):
            _clean_column(column, label, cleaner, counts, found, refused)
    _note_refused(connection, file, refused, problems)
    _note_exchanged(file, found.written, problems)
    for label, reason in found.doubts.items():
        problems.add(f"{file.name}: column {label}: {reason}")
    return found


def list_identifiers(connection, file: RawFile) -> list[str]:
    """Return the columns of a file whose values may identify somebody; rows that were chosen have fewer columns."""
    there = [row[0] for row in connection.execute(f"DESCRIBE {file.view}").fetchall()]
    return [name for name in there if re.search("ID$|NUMBER|LINK|ALF|EPIKEY|DEID", name)]


def find_identifiers(connection, file: RawFile, values: Sequence[str]) -> set[str]:
    """Return which of some values in capitals stand in a column of identifiers of the same file."""
    if not values:
        return set()
    columns = list_identifiers(connection, file)
    if not columns:
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
    names = [quote_name(column) for column, _, _ in part]
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


def _clean_column(column: str, label: str, cleaner: Cleaner, counts, found: CleanColumns, refused: Refusals) -> None:
    cleaned: dict[object, object] = {}
    filled = 0
    placed: dict[str, dict[str, int]] = {}
    for value, count in counts:
        filled += count
        if cleaner.sql_type == "DATE" and isinstance(value, str):
            found.spellings.setdefault(label, Counter())[show_shape(value)] += count
            _note_spelling(found.written.setdefault(label, {}), value, count)
        try:
            cleaned[value], rules = cleaner.clean(value)
        except Refused as refusal:
            hint = refusal.hint if str(value).strip().isascii() else BEYOND_ASCII
            shapes = refused.setdefault((refusal.allowed, hint), {})
            shapes.setdefault(show_shape(value), {}).setdefault(column, []).append((value, count))
            continue
        if cleaner.place is not None and (text := str(value).strip().upper()):
            stands = placed.setdefault(cleaner.place(cleaned[value], rules), {})
            stands[text] = stands.get(text, 0) + count
        for rule in rules:
            found.repairs[label, rule] = found.repairs.get((label, rule), 0) + count
    found.values[column], found.filled[column] = cleaned, filled
    if cleaner.place is not None:
        found.placed[column] = placed
    if cleaner.doubt is not None:
        rows: Counter[str] = Counter()
        for value, count in counts:
            rows[str(value).strip().upper().removesuffix(".0")] += count
        if reason := cleaner.doubt(rows):
            found.doubts[label] = reason


def _note_spelling(written: dict[tuple[object, ...], Spelling], value: str, count: int) -> None:
    spelt = spell_date(value)
    if spelt is not None:
        spelling = written.setdefault(spelt.kind, Spelling(sample=value))
        spelling.rows += count
        spelling.dates += 1
        spelling.days.add(spelt.day)


def _note_exchanged(file: RawFile, written: dict[str, dict[tuple[object, ...], Spelling]], problems: Problems) -> None:
    """Note a column of dates in two spellings where in one of them no day is above 12, though others have such days."""
    for label, spellings in written.items():
        right = [each for each in spellings.values() if max(each.days) > LAST_MONTH]
        wrong = [each for each in spellings.values() if each.exchanged]
        if right and wrong:
            usual, odd = (max(some, key=lambda each: each.rows) for some in (right, wrong))
            problems.add(
                f"{file.name}: column {label}: dates are written in two ways, {show_shape(usual.sample)} "
                f"({say_rows(usual.rows)}) and {show_shape(odd.sample)} ({say_rows(odd.rows)}), and in the second no "
                f"day is above {LAST_MONTH}: day and month are exchanged there; allowed: {DATE_SPELLINGS}, in one way. "
                "Hint: a spreadsheet does this where its own dates begin with the month; export again from the source."
            )


def _note_refused(connection, file: RawFile, refused: Refusals, problems: Problems) -> None:
    """Note what was refused: one problem for one reason, in however many columns and shapes."""
    for (allowed, hint), shapes in _gather_words(refused).items():
        shape, columns = max(shapes.items(), key=lambda each: _count_rows(each[1]))
        first = {
            column: _first_row(connection, file, column, values)
            for column, values in list(columns.items())[:SHOWN_COLUMNS]
        }
        more = f" and {len(columns) - SHOWN_COLUMNS} more" if len(columns) > SHOWN_COLUMNS else ""
        others = {other: found for other, found in shapes.items() if other != shape}
        said = _say_others(connection, file, others)
        problems.add(
            f"{file.locate_each(first)}{more}: {shape} ({say_rows(_count_rows(columns))}){said}; "
            f"allowed: {allowed}.{f' Hint: {hint}' if hint else ''}"
        )


def _say_others(connection, file: RawFile, shapes: dict[str, dict[str, list[tuple[object, int]]]]) -> str:
    """Return the other shapes of values that were refused for the same reason, each with its rows and the first row."""
    if not shapes:
        return ""
    said = []
    for shape, columns in list(shapes.items())[:SHOWN_SHAPES]:
        row = min(_first_row(connection, file, column, values) for column, values in columns.items())
        where = file.locate(row).removeprefix(f"{file.name}: ")
        said.append(f"{shape} ({say_rows(_count_rows(columns))}, {where})")
    more = len(shapes) - SHOWN_SHAPES
    return f", of other shapes {', '.join(said)}{f', and {more:,} more' if more > 0 else ''}"


def _count_rows(columns: dict[str, list[tuple[object, int]]]) -> int:
    return sum(count for values in columns.values() for _, count in values)


def _gather_words(refused: Refusals) -> Refusals:
    """Take together a value that columns of different kinds refuse: it is the file's word for a missing one."""
    reasons: dict[str, set[tuple[str, str]]] = {}
    for reason, shapes in refused.items():
        for columns in shapes.values():
            for values in columns.values():
                for value, _ in values:
                    reasons.setdefault(str(value).strip().upper(), set()).add(reason)
    # A figure may be refused in two columns because both are shifted
    words = {word for word, found in reasons.items() if len(found) > (2 if re.search(r"\d", word) else 1)}
    gathered: Refusals = {}
    for reason, shapes in refused.items():
        for shape, columns in shapes.items():
            for column, values in columns.items():
                for value, count in values:
                    to = WORD_FOR_MISSING if str(value).strip().upper() in words else reason
                    gathered.setdefault(to, {}).setdefault(shape, {}).setdefault(column, []).append((value, count))
    return gathered


def _first_row(connection, file: RawFile, column: str, values: list[tuple[object, int]]) -> int:
    return connection.execute(
        f"SELECT min(row_) FROM {file.view} WHERE {quote_name(column)} IN (SELECT unnest(?))",
        [[value for value, _ in values]],
    ).fetchone()[0]


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
    key = f"CAST({column} AS DATE)" if re.match("DATE|TIMESTAMP", kind) else column
    kept, known = "NULL" if len(changed) >= len(values) else cast, changed
    if re.fullmatch("VARCHAR|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?", kind) and not any(
        isinstance(raw, dt.date) for raw in values
    ):
        # Of these every value was counted; of dates one stands for all that stay as they are
        known = {str(raw): clean for raw, clean in values.items()}
        unknown = quote_text(f"{name}: a value that was not there when values were counted; was the file replaced?")
        kept = f"CASE WHEN {column} IS NOT NULL THEN error({unknown}) END"
    table = quote_name(f"map_{name}")
    # A value that is several things (drugs in one field) has a line for each, so that the join makes rows of them
    lines = [(raw, one) for raw, clean in known.items() for one in (clean if isinstance(clean, tuple) else (clean,))]
    cleaned = [value if value is None or isinstance(value, bool | int) else str(value) for _, value in lines]
    connection.execute(
        f"CREATE TABLE {table} AS SELECT unnest(CAST(? AS VARCHAR[])) AS raw, unnest(CAST(? AS {to}[])) AS clean",
        [[raw for raw, _ in lines], cleaned],
    )
    # Of a group there is one: DuckDB need not join where the column is not asked for. Several drugs stay several
    one_each = len(lines) == len(known)
    looked_up = f"(SELECT raw, any_value(clean) AS clean FROM {table} GROUP BY raw)" if one_each else table
    return Mapped(
        f"CASE WHEN {table}.raw IS NOT NULL THEN {table}.clean ELSE {kept} END",
        f"LEFT JOIN {looked_up} {table} ON {table}.raw = CAST({key} AS VARCHAR)",
    )


def _same_after_cast(raw: object, clean: object) -> bool:
    """Say whether a cast in SQL reads this value as the cleaner does."""
    if clean is None or isinstance(clean, bool | tuple):
        return False
    return raw is clean or str(_day(raw)) == str(clean)


def _day(value: object) -> object:
    """Return a raw value so that its text is what a cast in SQL makes of it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.date() if isinstance(value, dt.datetime) else value


#: A word for missing in the place of an identifier, and one written as a number, in SQL of its text ``{v}``
MISSING_IDENTIFIER = f"list_contains(['-', {', '.join(map(quote_text, sorted(MISSING_WORDS)))}], upper(trim({{v}})))"
#: Whether an identifier is there, in SQL of a key ``{k}`` without blanks around it; no word for missing is longer
GIVEN = (
    f"(CASE WHEN length({{k}}) > {max(map(len, MISSING_WORDS))} THEN true "
    f"ELSE coalesce({{k}}, '') <> '' AND NOT {MISSING_IDENTIFIER.format(v='{k}')} END)"
)
MANGLED = (
    r"regexp_full_match(trim({v}), '[-+]?\d+[.,]0+|[-+]?\d+([.,]\d+)?[eE][-+]\d+|[-+]?\d+[.,]\d+[eE]\d+"
    r"|\d{{1,3}}(,\d{{3}})+')"
)
_SUSPICIONS = {
    "empty": f"{{v}} IS NULL OR trim({{v}}) = '' OR {MISSING_IDENTIFIER}",
    "words": MISSING_IDENTIFIER,
    "mangled": MANGLED,
    "blanks": "{v} <> trim({v})",
}
_WORDING = {
    "empty": "empty identifier ({rows}); allowed: a pseudonym in every row. Hint: is the table cut off or shifted?",
    "mangled": "an identifier written as a decimal or in powers of ten ({rows}); "
    "allowed: a pseudonym as it was given. Hint: a spreadsheet does this; export again without opening it.",
}


def check_identifiers(
    connection: DuckDBPyConnection, file: RawFile, columns: Sequence[str], optional: Sequence[str], problems: Problems
) -> dict[tuple[str, str], int]:
    """Check that identifiers are in every row and have not been mangled; return the repairs that they need.

    Parameters
    ----------
    columns : sequence of str
        Identifiers of the file that every row must have.
    optional : sequence of str
        Those that may be missing: a record that could not be linked to a person.

    Returns
    -------
    dict
        ``(column, rule)`` -> rows, of the rules ``white_space`` and ``missing_word``.
    """
    repairs: dict[tuple[str, str], int] = {}
    for column, counts in _count_suspicions(connection, file, [*columns, *optional], problems).items():
        if counts["blanks"]:
            repairs[column, "white_space"] = counts["blanks"]
        if column in optional and counts["words"]:
            repairs[column, "missing_word"] = counts["words"]
        for check in ("mangled",) if column in optional else ("empty", "mangled"):
            if counts[check]:
                _note_suspicion(connection, file, column, check, counts[check], problems)
    return repairs


def note_mangled(connection: DuckDBPyConnection, file: RawFile, column: str, keys: str, problems: Problems) -> bool:
    """Note a problem where identifiers of a column are written as numbers; return whether there are any.

    Parameters
    ----------
    keys : str
        SELECT of the identifiers that may be: ``key`` and the rows ``n`` that have it.
    """
    sql = MANGLED.format(v="key")
    (rows,) = connection.execute(f"SELECT coalesce(sum(n), 0) FROM ({keys}) WHERE {sql}").fetchone()
    if rows and not _is_decimal(file.columns.get(column, "")):  # of which the type is told
        _note_suspicion(connection, file, column, "mangled", rows, problems)
    return bool(rows)


def _note_suspicion(connection, file: RawFile, column: str, check: str, rows: int, problems: Problems) -> None:
    sql = _SUSPICIONS[check].format(v=f"CAST({quote_name(column)} AS VARCHAR)")
    first = connection.execute(f"SELECT min(row_) FROM {file.view} WHERE {sql}").fetchone()[0]
    wording = _WORDING[check].format(rows=say_rows(rows))
    problems.add(f"{file.locate(first, f'column {column}')}: {wording}")


def _is_decimal(kind: str) -> bool:
    return re.match(r"FLOAT|DOUBLE|DECIMAL(?!\(\d+,0\))", kind) is not None


def _count_suspicions(connection, file: RawFile, columns: list[str], problems: Problems) -> dict[str, dict[str, int]]:
    """Return, of the identifiers that one glance at the file does not clear, how often each suspicion is true."""
    decimals = [column for column in columns if _is_decimal(file.columns[column])]
    for column in decimals:
        problems.add(
            f"{file.name}: column {column}: identifiers are stored as {file.columns[column]}; "
            "allowed: text or whole numbers. Hint: decimals lose digits; write the file again from its source."
        )
    text = {column: f"CAST({quote_name(column)} AS VARCHAR)" for column in columns if column not in decimals}
    if not text:
        return {}
    # Searching for single characters costs a tenth of the exact conditions; those follow only where one is found.
    screens = {
        column: " OR ".join([may_hold_blanks(v), *(f"contains({v}, '{character}')" for character in "+.,\\")])
        for column, v in text.items()
    }
    counts = ", ".join(f"count({v}), min(length({v})), count_if({screens[column]})" for column, v in text.items())
    row = connection.execute(f"SELECT count(*), {counts} FROM {file.view}").fetchone()
    suspect = [
        column
        for n, column in enumerate(text)
        if row[0] and (row[1 + 3 * n] < row[0] or row[2 + 3 * n] < 7 or row[3 + 3 * n])
    ]
    if not suspect:
        return {}
    sums = ", ".join(f"count_if({sql.format(v=text[c])})" for c in suspect for sql in _SUSPICIONS.values())
    found = iter(connection.execute(f"SELECT {sums} FROM {file.view}").fetchone())
    return {column: dict(zip(_SUSPICIONS, found, strict=False)) for column in suspect}


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
        where = file.locate(first, f"column {' + '.join(columns)}")
        problems.add(
            f"{where}: {n:,} identifier{'s are' if n > 1 else ' is'} listed more than once; allowed: once. "
            "Hint: was the table exported twice, or joined to another?"
        )
