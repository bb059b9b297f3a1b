"""Tables that an engine computes once and keeps."""

from __future__ import annotations

import ibis
import ibis.expr.operations as ops
import pandas as pd
from ibis.backends.duckdb import Backend as DuckDB
from ibis.expr.types import Table

from naome.extract.sql import quote_name, quote_text

#: Where DuckDB keeps what goes with its connection
TEMPORARY = ops.Namespace(catalog="temp", database="main")


def hold(table: Table, name: str = "") -> Table:
    """Compute a table once and keep it on its engine.

    DuckDB gets a temporary table, which goes with the connection; under a name of its
    own it takes the place of the one held under that name. Other engines get
    Ibis's cache: Spark keeps the data frame when it is first used, and spills it to
    disk when memory is short.
    """
    connection = table.get_backend()
    if not isinstance(connection, DuckDB):
        # Ibis does not tell Spark of Python's lists before it caches: such a table is computed when it is asked for
        return table if table.op().find(ops.InMemoryTable) else table.cache()
    return _keep(connection, name or ibis.util.gen_name("held"), table.schema(), _compile(connection, table))


def hold_rows(frame: pd.DataFrame, beside: Table) -> Table:
    """Put a short list of texts on the engine of a table that is to be joined with it."""
    connection = beside.get_backend()
    if not isinstance(connection, DuckDB):
        return ibis.memtable(frame)
    rows = ", ".join(f"({', '.join(map(quote_text, row))})" for row in frame.itertuples(index=False))
    schema = ibis.schema(dict.fromkeys(frame.columns, "string"))
    columns = ", ".join(map(quote_name, frame.columns))
    sql = f"SELECT * FROM (VALUES {rows}) AS listed ({columns})"
    return _keep(connection, ibis.util.gen_name("listed"), schema, sql)


def _compile(connection: DuckDB, table: Table) -> str:
    """Write a table in SQL, selections inside each other as they were made: DuckDB fuses them sooner than Ibis does."""
    options, before = ibis.options.sql, ibis.options.sql.fuse_selects
    options.fuse_selects = False
    try:
        return connection.compile(table)
    finally:
        options.fuse_selects = before


def _keep(connection: DuckDB, name: str, schema: ibis.Schema, sql: str) -> Table:
    connection.raw_sql(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {sql}').fetchall()
    return ops.DatabaseTable(name, schema=schema, source=connection, namespace=TEMPORARY).to_expr()
