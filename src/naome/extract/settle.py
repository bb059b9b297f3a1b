"""Settling one canonical table: select its rows, apply the named row rules, write it, hold it to the contract."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from naome.extract.files import quote_text
from naome.extract.lanes import Lane
from naome.extract.problems import Problems, say_rows
from naome.extract.quality import Log, log_rows
from naome.extract.schema import CANONICAL, Column

#: Tables that rules of other tables may look into (``deaths.death_date``), one row per person each.
PERSON_TABLES = ("deaths", "people")
PLACES = 1000  # more rows than any record gives
BLOCK = 1 << 20
#: What gives rows in any order; the cleaned views only scan.
REARRANGES = r"\bJOIN\b|\bGROUP BY\b"


@dataclass(frozen=True)
class Selection:
    """How the rows of a canonical table come from cleaned tables.

    Attributes
    ----------
    raw : str
        Raw table the rows stand for; messages and the log name it.
    sql : str
        A SELECT over ``clean_<raw table>``; columns it does not give are not
        recorded. Extra columns serve the rules; ``row_`` is the record's number.
    hold : bool
        Whether rows are gathered once before rules are applied: right where the
        SELECT joins large tables, wasteful where it only scans one.
    place : str
        Column that tells the rows of one record apart, in their order; empty where a record gives one row.
    """

    raw: str
    sql: str
    hold: bool = False
    place: str = ""

    @property
    def order(self) -> str:
        """SQL order of the rows in the file: that of the extract."""
        return f"row_, {self.place}" if self.place else "row_"


@dataclass(frozen=True)
class RowRule:
    """Rows that are left out or refused, by a named rule.

    Attributes
    ----------
    rule, meaning : str
    table : str
        Canonical table.
    where : str
        SQL condition on the selected row ``t``; ``deaths`` and ``people`` are that person's rows.
    refuse : bool
        Whether such rows stop the run instead of being left out.
    allowed, hint : str
        For rules that refuse.
    """

    rule: str
    meaning: str
    table: str
    where: str
    refuse: bool = False
    allowed: str = ""
    hint: str = ""


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
        Columns in SQL order (``registered DESC NULLS LAST``); the first row is kept. Ties go to the row that stands
        first.
    agree : tuple of str
        Columns in which such rows must agree; they are different things otherwise.
    """

    rule: str
    meaning: str
    table: str
    key: str
    order: tuple[str, ...] = ()
    agree: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """The file that stands behind a canonical table, for messages."""

    name: str
    first_row: int


def find_tables(selection: Selection | None, rules: tuple[RowRule | Duplicates, ...]) -> frozenset[str]:
    """Return the canonical tables that the rows or the rules of one look into: they must be settled before."""
    words = set(re.findall(r"\w+", selection.sql if selection else ""))
    looked_into = {table for table in CANONICAL if {f"canon_{table}", f"is_left_out_of_{table}"} & words}
    return frozenset(looked_into.union(_person_tables(rule for rule in rules if isinstance(rule, RowRule))))


def settle_table(
    connection: Lane,
    name: str,
    selection: Selection | None,
    rules: tuple[RowRule | Duplicates, ...],
    source: Source,
    folder: Path | None,
    problems: Problems,
    quality: Log,
) -> int:
    """Make canonical table `name` as view ``canon_<name>``; return its rows.

    Parameters
    ----------
    selection : Selection or None
        None when the source has nothing for this table.
    rules : tuple
        Rules of this table, in order.
    folder : Path or None
        Folder to write ``<name>.parquet`` to; None keeps a lazy view.
    quality : list
        The data-quality log; receives the rows left out.
    """
    if selection is None:
        connection.execute(f"CREATE VIEW select_{name} AS {_empty(name)}")
        kept = f"SELECT * FROM select_{name}"
    else:
        connection.execute(f"CREATE VIEW select_{name} AS {selection.sql}")
        mark = _hold if selection.hold else _mark
        kept = mark(connection, name, selection, rules, source, problems, quality)
        if folder is not None and (selection.hold or re.search(REARRANGES, selection.sql)):
            kept += f" ORDER BY {selection.order}"
    if folder is None:
        connection.execute(f"CREATE VIEW canon_{name} AS {kept}")
    else:
        # Rows stay in the order of the extract, so the same extract gives the same rows in the same order.
        file = folder / f"{name}.parquet"
        connection.execute(
            f"COPY ({kept}) TO {quote_text(file)} "
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, WRITE_BLOOM_FILTER false)"
        )
        connection.execute(f"CREATE VIEW canon_{name} AS SELECT * FROM read_parquet({quote_text(file)})")
        connection.execute(f"DROP TABLE IF EXISTS held_{name}")
    one_each = selection is not None and any(isinstance(rule, Duplicates) for rule in rules)
    return _check_contract(connection, name, source, problems, check_key=not one_each)


def _mark(connection, name, selection: Selection, rules, source: Source, problems, quality) -> str:
    """Note the rows that rules leave out by their number; return the SELECT of the others."""
    connection.execute(f"CREATE TABLE left_out_{name} (row_ BIGINT, place INTEGER, which INTEGER)")
    conditions = [(n, rule) for n, rule in enumerate(rules) if isinstance(rule, RowRule)]
    place = f"t.{selection.place}" if selection.place else "0"
    if conditions:
        connection.execute(
            f"INSERT INTO left_out_{name} SELECT * FROM (SELECT t.row_, {place}, {_which(conditions)} AS which "
            f"FROM select_{name} t {_person_joins(conditions)}) WHERE which IS NOT NULL"
        )
    for n, rule in enumerate(rules):
        if isinstance(rule, Duplicates):
            _mark_duplicates(connection, name, n, rule, source, problems)
    _report(connection, f"left_out_{name}", selection, rules, source, problems, quality)
    _make_test(connection, name)
    left_out = f"is_left_out_of_{name}(row_)"
    if selection.place:
        places = f"SELECT list(row_ * {PLACES} + place) FROM left_out_{name}"
        connection.set_variable(f"places_left_out_of_{name}", f"({places})")
        left_out += f" AND list_contains(getvariable('places_left_out_of_{name}'), row_ * {PLACES} + {place})"
    return f"SELECT {_casts(connection, name)} FROM select_{name} t WHERE NOT ({left_out})"


def _make_test(connection, name: str) -> None:
    """Make ``is_left_out_of_<name>(row_)``, for this table and those that follow its rows."""
    # A bit for every row: as quick for a million rows left out as for one, and unlike a join it keeps the order.
    # In blocks, because DuckDB copies a constant for every 2,048 rows.
    blocks = connection.execute(f"SELECT DISTINCT row_ // {BLOCK} FROM left_out_{name} ORDER BY 1").fetchall()
    cases = ""
    for (block,) in blocks:
        variable = f"left_out_of_{name}_{block}"
        bits = (
            f"SELECT bitstring_agg(row_ % {BLOCK}, 0, {BLOCK - 1}) FROM left_out_{name} WHERE row_ // {BLOCK} = {block}"
        )
        connection.set_variable(variable, f"({bits})")
        cases += f" WHEN {block} THEN get_bit(getvariable('{variable}'), CAST(r % {BLOCK} AS INTEGER)) = 1"
    test = f"CASE r // {BLOCK}{cases} ELSE false END" if cases else "false"
    connection.execute(f"CREATE MACRO is_left_out_of_{name}(r) AS {test}")


def _mark_duplicates(connection, name, number, rule: Duplicates, source: Source, problems) -> None:
    rest = f"select_{name} ANTI JOIN left_out_{name} USING (row_)"
    # Hashes that all differ prove that all keys do, at a fraction of the memory; few rows share one otherwise.
    shared = connection.execute(
        f"CREATE OR REPLACE TABLE shared_{name} AS SELECT hash({rule.key}) AS hash FROM {rest} "
        f"WHERE {rule.key} IS NOT NULL GROUP BY hash HAVING count(*) > 1"
    ).fetchone()[0]
    if not shared:
        return
    columns = dict.fromkeys(["row_", rule.key, *rule.agree, *(part.split()[0] for part in rule.order)])
    connection.execute(
        f"CREATE TABLE same_{name} AS SELECT {', '.join(columns)} FROM {rest} "
        f"WHERE hash({rule.key}) IN (SELECT hash FROM shared_{name})"
    )
    for column in rule.agree:
        n, first = connection.execute(
            f"SELECT count(*), min(second) FROM (SELECT max(row_) AS second FROM same_{name} GROUP BY {rule.key} "
            f"HAVING count(DISTINCT {column}) > 1)"
        ).fetchone()
        if n:
            problems.add(
                f"{source.name}: row {first + source.first_row:,}: the same {rule.key} with another {column} "
                f"({say_rows(n)}); allowed: one {column} for one {rule.key}. "
                "Hint: were two extracts joined?"
            )
    order = ", ".join([*rule.order, "row_"])
    connection.execute(
        f"INSERT INTO left_out_{name} SELECT row_, 0, {number} FROM (SELECT row_, row_number() OVER "
        f"(PARTITION BY {rule.key} ORDER BY {order}) AS place FROM same_{name}) WHERE place > 1"
    )
    connection.execute(f"DROP TABLE same_{name}")


def _hold(connection, name, selection: Selection, rules, source: Source, problems, quality) -> str:
    """Gather the rows with the rule that applies to each; return the SELECT of those no rule applies to."""
    conditions = list(enumerate(rules))
    connection.execute(
        f"CREATE TABLE held_{name} AS SELECT {_casts(connection, name)}, t.row_, {_which(conditions)} AS which "
        f"FROM select_{name} t {_person_joins(conditions)}"
    )
    _report(connection, f"held_{name}", selection, rules, source, problems, quality)
    return f"SELECT * EXCLUDE (row_, which) FROM held_{name} WHERE which IS NULL"


def _report(connection, table, selection: Selection, rules, source: Source, problems, quality) -> None:
    counts = connection.execute(
        f"SELECT which, count(*), min(row_) FROM {table} WHERE which IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    for number, rows, first in counts:
        rule = rules[number]
        if isinstance(rule, RowRule) and rule.refuse:
            problems.add(
                f"{source.name}: row {first + source.first_row:,}: {rule.meaning} ({say_rows(rows)}); "
                f"allowed: {rule.allowed}. Hint: {rule.hint}"
            )
        else:
            log_rows(quality, rule.rule, selection.raw, "", rows, rule.meaning, "left out")


def _which(conditions: list[tuple[int, RowRule]]) -> str:
    if not conditions:
        return "NULL::INTEGER"
    return "CASE " + " ".join(f"WHEN {rule.where} THEN {n}" for n, rule in conditions) + " END"


def _person_tables(rules: Iterable[RowRule]) -> list[str]:
    conditions = [rule.where for rule in rules]
    return [table for table in PERSON_TABLES if any(f"{table}." in where for where in conditions)]


def _person_joins(conditions: list[tuple[int, RowRule]]) -> str:
    used = _person_tables(rule for _, rule in conditions)
    return " ".join(f"LEFT JOIN canon_{table} {table} ON {table}.person_id = t.person_id" for table in used)


def _check_contract(connection, name: str, source: Source, problems: Problems, *, check_key: bool) -> int:
    table = CANONICAL[name]
    looks = []
    for column in table.columns:
        if column.required:
            looks.append((column, f"count(*) - count({column.name})"))
        if column.allowed:
            # Which values there are is told in a fifth of the time that looking for another one in every row takes
            looks.append((column, f"list(DISTINCT {column.name})"))
    rows, *found = connection.execute(
        f"SELECT {', '.join(['count(*)', *(sql for _, sql in looks)])} FROM canon_{name}"
    ).fetchone()
    for (column, _), seen in zip(looks, found, strict=True):
        if isinstance(seen, int) and seen:
            problems.add(
                f"{source.name}: {name}.{column.name}{_first_missing(connection, name, column.name, source)}: "
                f"not recorded ({say_rows(seen)}); allowed: a value in every row. Hint: is the column filled?"
            )
        elif isinstance(seen, list) and set(seen) - {None, *column.allowed}:
            problems.add(_say_other_values(connection, name, column, source))
    if table.key and rows and check_key:
        keys = ", ".join(table.key)
        if connection.execute(f"SELECT count(DISTINCT hash({keys})) FROM canon_{name}").fetchone()[0] != rows:
            twice = connection.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM canon_{name} GROUP BY {keys} HAVING count(*) > 1)"
            ).fetchone()[0]
            if twice:
                problems.add(f"{source.name}: {twice:,} values of {keys} stand more than once; allowed: once.")
    return rows


def _say_other_values(connection, name: str, column: Column, source: Source) -> str:
    allowed = ", ".join(map(quote_text, column.allowed))
    rows = connection.execute(f"SELECT count(*) FROM canon_{name} WHERE {column.name} NOT IN ({allowed})").fetchone()[0]
    return f"{source.name}: {name}.{column.name}: another value in {rows:,} rows; allowed: {', '.join(column.allowed)}."


def _first_missing(connection, name: str, column: str, source: Source) -> str:
    given = {row[0] for row in connection.execute(f"DESCRIBE select_{name}").fetchall()}
    if not {"row_", column} <= given:
        return ""
    first = connection.execute(f"SELECT min(row_) FROM select_{name} WHERE {column} IS NULL").fetchone()[0]
    return "" if first is None else f", row {first + source.first_row:,}"


def _casts(connection, name: str) -> str:
    """Select every column of a canonical table; what the source does not have is not recorded.

    An ENUM stays one: Parquet writes it as the text it stands for.
    """
    given = {row[0]: row[1] for row in connection.execute(f"DESCRIBE select_{name}").fetchall()}
    kinds = {c: "ENUM" if given.get(c.name, "").startswith("ENUM") else c.type for c in CANONICAL[name].columns}
    return ", ".join(
        f"t.{c.name}"
        if kinds[c] in ("ENUM", given.get(c.name))
        else f"CAST({f't.{c.name}' if c.name in given else 'NULL'} AS {c.type}) AS {c.name}"
        for c in CANONICAL[name].columns
    )


def _empty(name: str) -> str:
    return "SELECT " + ", ".join(f"NULL::{c.type} AS {c.name}" for c in CANONICAL[name].columns) + " WHERE false"
