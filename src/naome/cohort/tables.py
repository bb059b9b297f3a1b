"""The canonical tables as lazy table expressions, on DuckDB or on any other Ibis engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table

from naome.sources.contract import CANONICAL


@dataclass(frozen=True)
class CanonicalTables:
    """All canonical tables on one engine."""

    people: Table
    tumours: Table
    admissions: Table
    diagnoses: Table
    procedures: Table
    drugs: Table
    radiotherapy: Table
    recurrences: Table
    deaths: Table
    organisations: Table


def open_tables(folder: Path, connection: ibis.BaseBackend | None = None) -> CanonicalTables:
    """Open the canonical Parquet files of a run as lazy tables.

    Parameters
    ----------
    folder : Path
        Folder with one Parquet file per canonical table.
    connection : ibis backend, optional
        DuckDB in memory by default; a PySpark connection works as well.
    """
    connection = connection or ibis.duckdb.connect()
    return CanonicalTables(
        **{name: connection.read_parquet(str(folder / f"{name}.parquet"), table_name=name) for name in CANONICAL}
    )


def hold(table: Table) -> Table:
    """Compute a table once and keep it on its engine.

    DuckDB gets a temporary table. Other engines get the expression back: their
    planners keep what they reuse, and a table would need somewhere to be written.
    """
    connection = table.get_backend()
    if connection.name != "duckdb":
        return table
    return connection.create_table(ibis.util.gen_name("held"), table, temp=True)


def code_in(column: StringValue, prefixes: tuple[str, ...]) -> BooleanValue:
    """Return whether a code starts with one of the prefixes (grouped by length, so that engines can use sets)."""
    by_length: dict[int, list[str]] = {}
    for prefix in prefixes:
        by_length.setdefault(len(prefix), []).append(prefix)
    conditions = [column.substr(0, length).isin(sorted(codes)) for length, codes in sorted(by_length.items())]
    return ibis.or_(*conditions)
