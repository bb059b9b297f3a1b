"""Rows of one thing that is recorded more than once: which one is kept, and what such rows may say differently."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from naome.extract.problems import Problems, say_part, say_rows
from naome.extract.schema import CANONICAL
from naome.extract.source_files import SourceFiles

#: Fewer rows that a rule leaves out, or that do not link, are no sign of a fault in a whole column
FEW_ROWS = 10
#: Share of the things of a table, or of those with one value, that may be recorded twice with different values
MOST_DIFFERENT = 0.05


@dataclass(frozen=True)
class Duplicates:
    """Rows with the same key of which one is kept.

    Attributes
    ----------
    rule, meaning : str
    table : str
        Canonical table.
    key : str
        Column of the selection that tells things apart.
    order : tuple of str
        Columns in SQL order (``registered DESC NULLS LAST``); the first row is kept. Of rows that come first together
        it is the one with most values recorded, then the one whose values come first in their order: which one does
        not depend on the order of the file.
    agree : tuple of str
        Columns in which such rows must agree; they are different things otherwise.
    mostly_agree : tuple of str
        Columns in which they may differ, but not for more than :data:`MOST_DIFFERENT` of the keys: more are two
        editions of the table that contradict each other. Where rows that come first together differ, a warning says
        so; and of the keys with one value of a list, no more than this share may have another one too.
    """

    rule: str
    meaning: str
    table: str
    key: str
    order: tuple[str, ...] = ()
    agree: tuple[str, ...] = ()
    mostly_agree: tuple[str, ...] = ()


def leave_out_duplicates(
    connection: DuckDBPyConnection, number: int, rule: Duplicates, source: SourceFiles, problems: Problems
) -> list[str]:
    """Mark the rows of ``held_<table>`` that repeat another; return a warning for each column in which some differ.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the table ``held_<table>``, in which ``which`` is the number of the rule that leaves a row out.
    number : int
        That of this rule.
    """
    held, same = f"held_{rule.table}", f"same_{rule.table}"
    given = {row[0] for row in connection.execute(f"DESCRIBE {held}").fetchall()}
    order = f"ORDER BY {', '.join(rule.order)}" if rule.order else ""
    connection.execute(
        f"CREATE TABLE {same} AS SELECT *, rank() OVER (PARTITION BY {rule.key} {order}) AS place FROM {held} "
        f"WHERE which IS NULL AND {rule.key} IN "
        f"(SELECT {rule.key} FROM {held} WHERE which IS NULL GROUP BY {rule.key} HAVING count(*) > 1)"
    )
    for column in rule.agree:
        _check_same(connection, rule, column, source, problems)
    doubts = []
    before = problems.count
    for column in (column for column in CANONICAL[rule.table].columns if column.name in {*rule.mostly_agree} & given):
        _check_editions(connection, rule, column.name, source, problems)
        contradictory, _ = _count(connection, _different(rule, column.name, "place = 1"))
        if contradictory and column.is_listed and problems.count == before:
            _check_values(connection, rule, column.name, source, problems)
        if problems.count > before:
            break  # other columns of these rows may differ for the same reason
        if contradictory:
            share = say_part(contradictory, _count_keys(connection, rule))
            doubts.append(_say_contradictory(rule, column.name, source, share))
    _mark(connection, number, rule, given)
    connection.execute(f"DROP TABLE {same}")
    return doubts


def _mark(connection, number: int, rule: Duplicates, given: set[str]) -> None:
    """Leave out all but the first row of each key."""
    table = CANONICAL[rule.table]
    recorded = [column.name for column in table.columns if column.name in given and column.name not in table.key]
    order = [
        "place",
        " + ".join(f"({column} IS NULL)::INTEGER" for column in recorded),
        *(f"{column} NULLS LAST" for column in recorded),
        "row_",
    ]
    connection.execute(
        f"UPDATE held_{rule.table} SET which = {number} WHERE row_ IN (SELECT row_ FROM same_{rule.table} "
        f"QUALIFY row_number() OVER (PARTITION BY {rule.key} ORDER BY {', '.join(order)}) > 1)"
    )


def _different(rule: Duplicates, column: str, where: str = "true") -> str:
    """Return SQL of the keys of which rows differ in a column, with the last of these rows."""
    return (
        f"SELECT {rule.key}, max(row_) AS second FROM same_{rule.table} WHERE {where} GROUP BY 1 "
        f"HAVING count(DISTINCT {column}) > 1"
    )


def _count(connection, sql: str) -> tuple[int, int]:
    """Count keys; and the first row that is the last of its key."""
    return connection.execute(f"SELECT count(*), min(second) FROM ({sql})").fetchone()


def _count_keys(connection, rule: Duplicates) -> int:
    sql = f"SELECT count(DISTINCT {rule.key}) FROM held_{rule.table} WHERE which IS NULL"
    return connection.execute(sql).fetchone()[0]


def _name_key(rule: Duplicates, source: SourceFiles) -> str:
    return ", ".join(source.list_columns(rule.key))


def _check_same(connection, rule: Duplicates, column: str, source: SourceFiles, problems: Problems) -> None:
    n, first = _count(connection, _different(rule, column))
    if n:
        problems.add(
            f"{source.locate(first, source.name_columns(column))}: another value than in a row of the same "
            f"{_name_key(rule, source)} ({say_rows(n)}); allowed: one. Hint: were two extracts joined"
            f"{', or are day and month exchanged in some rows' if column.endswith('date') else ''}?"
        )


def _check_editions(connection, rule: Duplicates, column: str, source: SourceFiles, problems: Problems) -> None:
    """Refuse a table in which much is recorded twice with different values."""
    n, first = _count(connection, _different(rule, column))
    if n < FEW_ROWS:
        return
    keys = _count_keys(connection, rule)
    if n > MOST_DIFFERENT * keys:
        problems.add(
            f"{source.locate(first, source.name_columns(column))}: {n:,} of {keys:,} values of "
            f"{_name_key(rule, source)} have several values of it; allowed: at most "
            f"{MOST_DIFFERENT:.0%}. Hint: are these two editions of the table? Keep the one that is meant.",
            cause=True,
        )


def _check_values(connection, rule: Duplicates, column: str, source: SourceFiles, problems: Problems) -> None:
    """Refuse a table in which many of the things with one value have another one too.

    A cohort is of one stage: what few of all tumours contradict, many of that stage may.
    """
    value, n, keys, first = connection.execute(
        f"WITH different AS ({_different(rule, column, 'place = 1')}) "
        f"SELECT {column}, count(DISTINCT {rule.key}) FILTER (second IS NOT NULL) AS n, "
        f"count(DISTINCT {rule.key}) AS keys, min(second) "
        f"FROM held_{rule.table} LEFT JOIN different USING ({rule.key}) "
        f"WHERE which IS NULL AND {column} IS NOT NULL GROUP BY {column} ORDER BY n / keys DESC, {column} LIMIT 1"
    ).fetchone() or ("", 0, 0, 0)
    if n >= FEW_ROWS and n > MOST_DIFFERENT * keys:
        problems.add(
            f"{source.locate(first, source.name_columns(column))}: of {keys:,} values of {_name_key(rule, source)} "
            f"with {value} in one row, {n:,} have another one in another row; allowed: at most "
            f"{MOST_DIFFERENT:.0%}. Hint: are these two editions of some rows? Keep those that are meant.",
            cause=True,
        )


def _say_contradictory(rule: Duplicates, column: str, source: SourceFiles, share: str) -> str:
    return (
        f"{source.name_columns(column)}: {share} of the values of "
        f"{_name_key(rule, source)} are there more than once with different values of it. The row with most values "
        "recorded is read, and of equally complete ones that with the lower value. Which one is meant?"
    )
