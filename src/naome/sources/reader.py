"""The reading engine: raw files in, canonical tables and a data-quality log out.

A reader (England, Wales, Simulacrum ...) says which raw tables and columns there
are, how each column is cleaned, and how canonical tables are selected from the
cleaned ones. Everything else is here: missing files and columns, cleaning by
distinct value, all problems of an extract at once, row rules with counts, and
writing to a temporary folder that is renamed when everything is right.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from naome.errors import ExtractError, suggest
from naome.sources.clean import RULES, Cleaner, Refused
from naome.sources.contract import CANONICAL
from naome.sources.files import RawFile, find_file, open_file

SHOWN_PROBLEMS = 20

#: An identifier that may be missing (a record that could not be linked to a person); kept as it is.
OPTIONAL_IDENTIFIER = Cleaner("VARCHAR", lambda value: (value, ()))


@dataclass(frozen=True)
class RawTable:
    """A raw table as a reader expects it.

    Attributes
    ----------
    columns : mapping of str to Cleaner or None
        Raw column -> how it is cleaned; None marks an identifier, which must be
        present in every row and is kept as it is.
    optional : frozenset of str
        Columns that may be absent (read as not recorded).
    long : mapping
        Name of a long table -> ``(raw columns in order, cleaner, second raw
        columns, second cleaner)``; repeated columns (diagnosis 1 to 20) become rows.
    may_be_absent : bool
        Whether the whole file may be absent.
    """

    columns: Mapping[str, Cleaner | None]
    optional: frozenset[str] = frozenset()
    long: Mapping[str, tuple[tuple[str, ...], Cleaner, tuple[str, ...], Cleaner | None]] = field(default_factory=dict)
    may_be_absent: bool = False


@dataclass(frozen=True)
class RowRule:
    """Rows that are left out or refused, by a named rule.

    Attributes
    ----------
    rule, meaning : str
    table : str
        Canonical table.
    where : str
        SQL condition on the canonical table (alias ``t``) that selects the rows.
    refuse : bool
        Whether such rows stop the run instead of being left out.
    hint : str
    """

    rule: str
    meaning: str
    table: str
    where: str
    refuse: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Count:
    """A repair that the selection of a canonical table makes, counted by its own SQL."""

    rule: str
    meaning: str
    table: str
    sql: str


@dataclass(frozen=True)
class Reader:
    """A source of extracts: raw tables, selections of canonical tables, row rules, counts and checks."""

    name: str
    raw: Mapping[str, RawTable]
    canonical: Mapping[str, str]
    rows: tuple[RowRule, ...]
    counts: tuple[Count, ...] = ()
    checks: Callable[[duckdb.DuckDBPyConnection, Path], list[str]] = lambda connection, folder: []


@dataclass(frozen=True)
class Extract:
    """What reading an extract gave.

    Attributes
    ----------
    folder : Path
        Folder of canonical Parquet files, one per table.
    rows : dict of str to int
        Rows of each canonical table.
    raw_rows : dict of str to int
        Rows of each raw file.
    quality : list of dict
        The data-quality log: ``rule, table, column, rows, kind, meaning``.
    synthetic : bool
        Whether the extract says of itself that it is synthetic.
    """

    folder: Path
    rows: dict[str, int]
    raw_rows: dict[str, int]
    quality: list[dict[str, object]]
    synthetic: bool


def read_extract(reader: Reader, folder: Path, out: Path | None, *, progress: Callable[[str], None] = print) -> Extract:
    """Read, check and repair an extract and write its canonical tables.

    Parameters
    ----------
    reader : Reader
    folder : Path
        Folder of the raw files.
    out : Path or None
        Folder to write to; replaced whole. None checks only.
    progress : callable
        Receives one line per raw table.

    Raises
    ------
    ExtractError
        With every problem of the extract: file, column, row, value, what was
        allowed and a hint. Nothing is written then.
    """
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = true")
    quality: list[dict[str, object]] = []
    problems: list[str] = []
    raw_rows: dict[str, int] = {}
    for name, table in reader.raw.items():
        file = _open_raw(connection, folder, name, table, problems)
        if file is None:
            continue
        count = connection.execute(f"SELECT count(*) FROM {file.view}").fetchone()[0]
        raw_rows[name] = count
        if count == 0:
            problems.append(f"{file.path.name}: no rows. Hint: was the extract cut off?")
            continue
        _clean_table(connection, file, table, problems, quality)
        progress(f"  {name}: {count:,} rows")
    if problems:
        raise ExtractError(_list_problems(folder, problems))
    for name in CANONICAL:
        sql = reader.canonical.get(name) or _empty(name)
        given = {row[0] for row in connection.execute(f"DESCRIBE {sql}").fetchall()}
        connection.execute(f"CREATE TABLE canon_{name} AS SELECT {_casts(name, given)} FROM ({sql})")
    for count in reader.counts:
        rows = connection.execute(count.sql).fetchone()[0]
        if rows:
            quality.append(
                {
                    "rule": count.rule,
                    "table": count.table,
                    "column": "",
                    "rows": rows,
                    "kind": "repair",
                    "meaning": count.meaning,
                }
            )
    problems += reader.checks(connection, folder)
    for rule in reader.rows:
        _apply_row_rule(connection, rule, problems, quality)
    problems += _check_contract(connection)
    if problems:
        raise ExtractError(_list_problems(folder, problems))
    rows = {name: connection.execute(f"SELECT count(*) FROM canon_{name}").fetchone()[0] for name in CANONICAL}
    if out is not None:
        _write(connection, out)
    connection.close()
    return Extract(out or folder, rows, raw_rows, quality, _says_synthetic(folder))


def _open_raw(
    connection: duckdb.DuckDBPyConnection, folder: Path, name: str, table: RawTable, problems: list[str]
) -> RawFile | None:
    wanted = [*table.columns, *(c for spec in table.long.values() for c in (*spec[0], *spec[2]))]
    try:
        file = open_file(connection, find_file(folder, name), name)
    except ExtractError as error:
        if table.may_be_absent and "no file for table" in str(error):
            nothing = ", ".join(f'NULL::VARCHAR AS "{column}"' for column in wanted)
            connection.execute(f"CREATE VIEW clean_{name} AS SELECT {nothing} WHERE false")
            for long in table.long:
                connection.execute(f"CREATE VIEW clean_{long} AS SELECT {nothing}, 0 AS position WHERE false")
        else:
            problems.append(str(error))
        return None
    missing = [column for column in wanted if column not in file.columns and column not in table.optional]
    for column in missing:
        problems.append(
            f"{file.path.name}: column {column} is missing{suggest(column, list(file.columns))}. "
            f"The file has: {', '.join(list(file.columns)[:12])}{' ...' if len(file.columns) > 12 else ''}."
        )
    return None if missing else file


def _clean_table(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,
    table: RawTable,
    problems: list[str],
    quality: list[dict[str, object]],
) -> None:
    selected, joins = [], []
    for column, cleaner in table.columns.items():
        if column not in file.columns:
            selected.append(f'NULL::{cleaner.sql_type if cleaner else "VARCHAR"} AS "{column}"')
        elif cleaner is None:
            _check_identifier(connection, file, column, problems)
            selected.append(f'trim(CAST(r."{column}" AS VARCHAR)) AS "{column}"')
        elif cleaner is OPTIONAL_IDENTIFIER:
            selected.append(f"nullif(trim(CAST(r.\"{column}\" AS VARCHAR)), '') AS \"{column}\"")
        else:
            values = _clean_values(connection, file, file.view, column, column, cleaner, problems, quality)
            expression, join = _mapped(connection, f"{file.table}_{column}", f'r."{column}"', values, cleaner)
            selected.append(f'{expression} AS "{column}"')
            joins += join
    connection.execute(
        f"CREATE VIEW clean_{file.table} AS SELECT {', '.join(selected)} FROM {file.view} r {' '.join(joins)}"
    )
    for name, (columns, cleaner, seconds, second_cleaner) in table.long.items():
        _clean_long(connection, file, table, name, (columns, cleaner, seconds, second_cleaner), problems, quality)


def _clean_long(connection, file, table, name, spec, problems, quality) -> None:
    columns, cleaner, seconds, second_cleaner = spec
    keys = [column for column, kind in table.columns.items() if kind is None]
    parts = []
    for position, column in enumerate(columns, start=1):
        second = f', "{seconds[position - 1]}" AS second' if seconds else ""
        empties = f"WHERE \"{column}\" IS NOT NULL AND \"{column}\" NOT IN ('', '-', '&')"
        key_list = ", ".join(f'trim(CAST("{key}" AS VARCHAR)) AS "{key}"' for key in keys)
        parts.append(
            f'SELECT {key_list}, {position} AS position, "{column}" AS code{second} FROM {file.view} {empties}'
        )
    connection.execute(f"CREATE TABLE long_{name} AS {' UNION ALL '.join(parts)}")
    values = _clean_values(
        connection, file, f"long_{name}", "code", f"{columns[0]}..{columns[-1]}", cleaner, problems, quality
    )
    code, joins = _mapped(connection, f"{name}_code", "r.code", values, cleaner)
    second = ""
    if seconds:
        label = f"{seconds[0]}..{seconds[-1]}"
        dates = _clean_values(connection, file, f"long_{name}", "second", label, second_cleaner, problems, quality)
        expression, join = _mapped(connection, f"{name}_second", "r.second", dates, second_cleaner)
        second, joins = f", {expression} AS second", joins + join
    key_list = ", ".join(f'r."{key}"' for key in keys)
    connection.execute(
        f"CREATE VIEW clean_{name} AS SELECT * FROM (SELECT {key_list}, r.position, {code} AS code{second} "
        f"FROM long_{name} r {' '.join(joins)}) WHERE code IS NOT NULL"
    )


def _clean_values(connection, file, view, column, label, cleaner, problems, quality) -> dict[object, object]:
    """Clean the distinct values of a column; count repairs; note problems. Returns raw -> clean."""
    cleaned: dict[object, object] = {}
    repairs: dict[str, int] = {}
    for value, count in connection.execute(f'SELECT "{column}", count(*) FROM {view} GROUP BY 1').fetchall():
        if value is None:
            continue
        try:
            cleaned[value], rules = cleaner.clean(value)
        except Refused as refused:
            row = connection.execute(
                f'SELECT min(n) FROM (SELECT row_number() OVER () AS n, "{column}" AS v FROM {view}) WHERE v = ?',
                [value],
            ).fetchone()[0]
            where = f"row {row + file.first_row - 1}" if view == file.view else f"record {row}"
            hint = f" Hint: {refused.hint}" if refused.hint else ""
            problems.append(
                f"{file.path.name}: column {label}, {where}: {_shown(value)} ({count:,} row{'s' if count > 1 else ''}); "
                f"allowed: {refused.allowed}.{hint}"
            )
            continue
        for rule in rules:
            repairs[rule] = repairs.get(rule, 0) + count
    for rule, rows in sorted(repairs.items()):
        quality.append(
            {"rule": rule, "table": file.table, "column": label, "rows": rows, "kind": "repair", "meaning": RULES[rule]}
        )
    return cleaned


def _mapped(connection, name, expression, values, cleaner) -> tuple[str, list[str]]:
    """Return the SQL of the cleaned column and the join it needs (none when nothing changes)."""
    if all(type(raw) is type(clean) and raw == clean for raw, clean in values.items()):
        return f"CAST({expression} AS {cleaner.sql_type})", []
    raw_type = "DATE" if any(isinstance(v, dt.date) for v in values) else "VARCHAR"
    connection.execute(f'CREATE TABLE "map_{name}" (raw {raw_type}, clean {cleaner.sql_type})')
    rows = [[raw if raw_type == "DATE" else str(raw), clean] for raw, clean in values.items()]
    connection.executemany(f'INSERT INTO "map_{name}" VALUES (?, ?)', rows)
    alias = f'"m_{name}"'
    return f"{alias}.clean", [f'LEFT JOIN "map_{name}" {alias} ON {alias}.raw = CAST({expression} AS {raw_type})']


def _check_identifier(connection, file: RawFile, column: str, problems: list[str]) -> None:
    count, row = connection.execute(
        f'SELECT count(*), min(n) FROM (SELECT row_number() OVER () AS n, "{column}" AS v FROM {file.view}) '
        "WHERE v IS NULL OR trim(CAST(v AS VARCHAR)) = ''"
    ).fetchone()
    if count:
        problems.append(
            f"{file.path.name}: column {column}, row {row + file.first_row - 1}: empty identifier ({count:,} rows); "
            "allowed: a pseudonym in every row."
        )


def _apply_row_rule(connection, rule: RowRule, problems: list[str], quality: list[dict[str, object]]) -> None:
    count = connection.execute(f"SELECT count(*) FROM canon_{rule.table} t WHERE {rule.where}").fetchone()[0]
    if not count:
        return
    if rule.refuse:
        problems.append(f"{rule.table}: {rule.meaning} ({count:,} rows).{' Hint: ' + rule.hint if rule.hint else ''}")
        return
    connection.execute(f"DELETE FROM canon_{rule.table} t WHERE {rule.where}")
    quality.append(
        {
            "rule": rule.rule,
            "table": rule.table,
            "column": "",
            "rows": count,
            "kind": "left out",
            "meaning": rule.meaning,
        }
    )


def _check_contract(connection) -> list[str]:
    problems = []
    for name, table in CANONICAL.items():
        for column in table.columns:
            if column.required:
                missing = connection.execute(
                    f'SELECT count(*) FROM canon_{name} WHERE "{column.name}" IS NULL'
                ).fetchone()[0]
                if missing:
                    problems.append(
                        f"{name}.{column.name}: not recorded in {missing:,} rows; it is needed in every row."
                    )
            if column.allowed:
                allowed = ", ".join(f"'{value}'" for value in column.allowed)
                wrong = connection.execute(
                    f'SELECT "{column.name}", count(*) FROM canon_{name} WHERE "{column.name}" NOT IN ({allowed}) GROUP BY 1 LIMIT 3'
                ).fetchall()
                problems += [
                    f"{name}.{column.name}: {value!r} ({count:,} rows); allowed: {allowed}." for value, count in wrong
                ]
        if table.key:
            keys = ", ".join(table.key)
            twice = connection.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM canon_{name} GROUP BY {keys} HAVING count(*) > 1)"
            ).fetchone()[0]
            if twice:
                problems.append(f"{name}: {twice:,} values of the key ({keys}) stand more than once.")
    return problems


def _casts(name: str, given: set[str]) -> str:
    """Select every column of a canonical table; what the source does not have is not recorded."""
    columns = CANONICAL[name].columns
    return ", ".join(f'CAST({c.name if c.name in given else "NULL"} AS {c.type}) AS "{c.name}"' for c in columns)


def _empty(name: str) -> str:
    return "SELECT " + ", ".join(f'NULL::{c.type} AS "{c.name}"' for c in CANONICAL[name].columns) + " WHERE false"


def _write(connection, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        for name in CANONICAL:
            connection.execute(f"COPY canon_{name} TO '{staging / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        if out.exists():
            shutil.rmtree(out)
        staging.rename(out)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _says_synthetic(folder: Path) -> bool:
    note = folder / "extract.json"
    return bool(note.is_file() and json.loads(note.read_text(encoding="utf-8")).get("synthetic"))


def _list_problems(folder: Path, problems: list[str]) -> str:
    shown = "\n".join(f"  - {problem}" for problem in problems[:SHOWN_PROBLEMS])
    more = f"\n  ... and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
    return f"{folder}: {len(problems)} problem{'s' if len(problems) > 1 else ''}; nothing was written\n{shown}{more}"


def _shown(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else text[:40] + "…")
