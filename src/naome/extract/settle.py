"""Settling one canonical table: select its rows, apply the named row rules, write it, hold it to the contract."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from duckdb import DuckDBPyConnection

from naome.extract.duplicates import FEW_ROWS, Duplicates, leave_out_duplicates
from naome.extract.problems import FEW_SHOWN, Problems, say_part, say_rows
from naome.extract.quality import Log, log_rows
from naome.extract.schema import CANONICAL, Column
from naome.extract.source_files import SourceFiles
from naome.extract.sql import quote_path, quote_text

#: Tables that rules of other tables may look into (``deaths.death_date``), one row per person each.
PERSON_TABLES = ("deaths", "people")
#: Share of the rows to which a rule can apply that it excludes in most extracts, where these are not all
FEW_OF_SOME = 0.01


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
    place : str
        Column that tells the rows of one record apart, in their order; empty where a record gives one row.
    """

    raw: str
    sql: str
    place: str = ""

    @property
    def reads(self) -> set[str]:
        """The cleaned tables that the SELECT reads, without ``clean_``."""
        return {*re.findall(r"\bclean_(\w+)", self.sql)}

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
    at_most : float
        Share of a table's rows that the rule may leave out; a larger one stops the run.
    among : str
        SQL condition on the rows of which it is a share, where they are not all: an event can be after death only of
        somebody who has died.
    of_what : str
        Such rows in a message.
    about : tuple of str
        Columns of the selected row that a message names; by default, all at which the rule looks.
    """

    rule: str
    meaning: str
    table: str
    where: str
    refuse: bool = False
    allowed: str = ""
    hint: str = ""
    at_most: float = 0.5
    among: str = ""
    of_what: str = ""
    about: tuple[str, ...] = ()


def of_person(column: str, date: str) -> str:
    """Return SQL of what the registrations of a person say of them: the value of the first diagnosis that has one.

    Which one it is depends neither on the order of the rows nor on the spelling of pseudonyms.

    Examples
    --------
    >>> of_person("GENDER", "DIAGNOSISDATE")
    'first(GENDER ORDER BY GENDER IS NULL, DIAGNOSISDATE, GENDER)'
    """
    return f"first({column} ORDER BY {column} IS NULL, {date}, {column})"


def find_tables(selection: Selection | None, rules: tuple[RowRule | Duplicates, ...]) -> frozenset[str]:
    """Return the canonical tables that the rows or the rules of one look into: they must be settled before."""
    conditions = [rule.where for rule in rules if isinstance(rule, RowRule)]
    words = set(re.findall(r"\w+", " ".join([selection.sql if selection else "", *conditions])))
    looked_into = {table for table in CANONICAL if {f"canon_{table}", f"left_out_{table}"} & words}
    return frozenset(looked_into.union(_person_tables(rule for rule in rules if isinstance(rule, RowRule))))


def settle_table(
    connection: DuckDBPyConnection,
    name: str,
    selection: Selection | None,
    rules: tuple[RowRule | Duplicates, ...],
    source: SourceFiles,
    folder: Path | None,
    problems: Problems,
    quality: Log,
    doubts: list[str],
) -> int:
    """Make canonical table `name` as view ``canon_<name>``; return its rows.

    Parameters
    ----------
    selection : Selection or None
        None when the source has nothing for this table.
    rules : tuple
        Rules of this table, in order.
    folder : Path or None
        Folder to write ``<name>.parquet`` to; None keeps the rows in the database.
    quality : list
        The data-quality log; receives the rows left out.
    doubts : list of str
        Receives warnings: where it is a choice which rows are kept.
    """
    connection.execute(f"CREATE VIEW select_{name} AS {selection.sql if selection else _empty(name)}")
    given = {row[0] for row in connection.execute(f"DESCRIBE select_{name}").fetchall()}
    casts = _casts(name, given)
    kept = f"SELECT {casts} FROM select_{name} t"
    # What no rule looks at is held only where it is not written
    if selection is not None and (rules or folder is None):
        found = _apply_rules(connection, name, rules, source, problems)
        doubts += [f"{selection.raw}, {doubt}" for doubt in found]
        doubts += _report(connection, name, selection, rules, source, problems, quality)
        kept = f"SELECT {casts} FROM held_{name} t WHERE which IS NULL"
    if folder is None:
        connection.execute(f"CREATE VIEW canon_{name} AS {kept}")
    else:
        # Rows stay in the order of the extract, so the same extract gives the same rows in the same order.
        order = f" ORDER BY {selection.order}" if selection else ""
        file = folder / f"{name}.parquet"
        connection.execute(
            f"COPY ({kept}{order}) TO {quote_text(file)} "
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, WRITE_BLOOM_FILTER false)"
        )
        connection.execute(f"CREATE VIEW canon_{name} AS SELECT * FROM read_parquet({quote_path(file)})")
        connection.execute(f"DROP TABLE IF EXISTS held_{name}")
    one_each = selection is not None and any(isinstance(rule, Duplicates) for rule in rules)
    return _check_contract(connection, name, source, problems, check_key=not one_each)


def _apply_rules(connection, name: str, rules, source: SourceFiles, problems: Problems) -> list[str]:
    """Gather the selected rows in ``held_<name>``: ``which`` is the number of the rule that leaves a row out.

    The records left out are in ``left_out_<name>``, for the tables that follow from them. Returns warnings.
    """
    conditions = [(n, rule) for n, rule in enumerate(rules) if isinstance(rule, RowRule)]
    connection.execute(
        f"CREATE TABLE held_{name} AS SELECT t.*, {_which(conditions)} AS which "
        f"FROM select_{name} t {_person_joins(conditions)}"
    )
    doubts = []
    for number, rule in enumerate(rules):
        if isinstance(rule, Duplicates):
            doubts += leave_out_duplicates(connection, number, rule, source, problems)
    connection.execute(f"CREATE TABLE left_out_{name} AS SELECT row_ FROM held_{name} WHERE which IS NOT NULL")
    return doubts


def _report(connection, name, selection: Selection, rules, source: SourceFiles, problems, quality) -> list[str]:
    """Refuse or log the rows of each rule; return warnings of those that exclude more than a few that they may."""
    counts = connection.execute(f"SELECT which, count(*), min(row_) FROM held_{name} GROUP BY 1 ORDER BY 1").fetchall()
    everything = sum(rows for _, rows, _ in counts)
    doubts = []
    for number, rows, first in counts:
        if number is None:  # the rows that are kept
            continue
        rule = rules[number]
        total = everything
        if isinstance(rule, RowRule) and rule.among and rows >= FEW_ROWS:
            total = _count_among(connection, name, rule)
        if isinstance(rule, RowRule) and not rule.refuse and rows > rule.at_most * total and rows >= FEW_ROWS:
            of = f" {rule.of_what}" if rule.among else ""
            problems.add(
                f"{_locate_rule(source, first, rule)}: the rule {rule.rule} would exclude {rows:,} of "
                f"{say_rows(total)}{of}, this the first; allowed: at most {rule.at_most:.0%}. {rule.meaning} "
                "Hint: is a column empty, shifted, or exchanged with another, are day and month exchanged, or is the "
                "identifier another row's?"
            )
        elif isinstance(rule, RowRule) and rule.refuse:
            problems.add(
                f"{_locate_rule(source, first, rule)}: {rule.meaning} ({say_rows(rows)}); allowed: {rule.allowed}. "
                f"Hint: {rule.hint}"
            )
        else:
            log_rows(quality, rule.rule, selection.raw, "", rows, rule.meaning, "left out")
            if isinstance(rule, RowRule) and rule.among and rows >= FEW_SHOWN and rows > FEW_OF_SOME * total:
                doubts.append(
                    f"{selection.raw}: {say_part(rows, total)} of the rows {rule.of_what} are excluded ({rule.rule}). "
                    f"{rule.meaning} Are identifiers or dates those of other rows?"
                )
    return doubts


def _locate_rule(source: SourceFiles, row: int, rule: RowRule) -> str:
    """Return the place of a row that a rule is about, with the columns that it looks at."""
    about = rule.about or re.findall(r"\bt\.(\w+)", rule.where)
    columns = [column for column in about if source.columns.get(column)]
    return source.locate(row, source.name_columns(*columns) if columns else "")


def _count_among(connection, name: str, rule: RowRule) -> int:
    joins = _person_joins([(0, replace(rule, where=rule.among))])
    return connection.execute(f"SELECT count(*) FROM held_{name} t {joins} WHERE {rule.among}").fetchone()[0]


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


def _check_contract(connection, name: str, source: SourceFiles, problems: Problems, *, check_key: bool) -> int:
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
                f"{source.find_place(connection, f'{column.name} IS NULL', column.name)}: not recorded "
                f"({say_rows(seen)}); allowed: a value in every row. Hint: is the column filled?"
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
                place = source.name_place(*table.key)
                problems.add(f"{place}: {twice:,} values are listed more than once; allowed: once.")
    return rows


def _say_other_values(connection, name: str, column: Column, source: SourceFiles) -> str:
    allowed = ", ".join(map(quote_text, column.allowed))
    rows = connection.execute(f"SELECT count(*) FROM canon_{name} WHERE {column.name} NOT IN ({allowed})").fetchone()[0]
    place = source.find_place(connection, f"{column.name} NOT IN ({allowed})", column.name)
    return f"{place}: another value in {rows:,} rows; allowed: {', '.join(column.allowed)}."


def _casts(name: str, given: set[str]) -> str:
    """Select every column of a canonical table; what the source does not give is not recorded."""
    return ", ".join(
        f"CAST({f't.{c.name}' if c.name in given else 'NULL'} AS {c.type}) AS {c.name}" for c in CANONICAL[name].columns
    )


def _empty(name: str) -> str:
    return "SELECT " + ", ".join(f"NULL::{c.type} AS {c.name}" for c in CANONICAL[name].columns) + " WHERE false"
