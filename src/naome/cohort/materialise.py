"""Tables that an engine computes once and keeps, and working ahead of it while it does."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

import ibis
import ibis.expr.operations as ops
import pandas as pd
from ibis.backends.duckdb import Backend as DuckDB
from ibis.expr.types import Table

from naome.extract.files import quote_name, quote_text

#: Where DuckDB keeps what goes with its connection
TEMPORARY = ops.Namespace(catalog="temp", database="main")


class _Queue:
    """Statements for DuckDB, done one after the other in a thread of their own."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="held")
        self.statements: list[Future] = []

    def run(self, connection: DuckDB, sql: str) -> None:
        self.statements.append(self.thread.submit(_run, connection, sql))


_queue: ContextVar[_Queue | None] = ContextVar("queue", default=None)


@contextmanager
def working_ahead() -> Iterator[None]:
    """Let DuckDB compute what is held while Python writes the next expressions.

    Writing and compiling the expressions of the cohorts takes as long as computing
    them. At the end of the block all of it is computed; inside, nothing may be asked
    of the engine but :func:`hold`. Engines other than DuckDB compute when asked anyway.

    Raises
    ------
    duckdb.Error
        At the end of the block, for the first statement that failed.
    """
    queue = _Queue()
    before = _queue.set(queue)
    # Expressions are so many small objects that Python would look for garbage among all it holds: a tenth of the time
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    except BaseException:
        queue.thread.shutdown(cancel_futures=True)
        raise
    finally:
        if collecting:
            gc.enable()
        _queue.reset(before)
    queue.thread.shutdown()
    for statement in queue.statements:
        statement.result()


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
    run = queue.run if (queue := _queue.get()) else _run
    run(connection, f'CREATE OR REPLACE TEMP TABLE "{name}" AS {sql}')
    return ops.DatabaseTable(name, schema=schema, source=connection, namespace=TEMPORARY).to_expr()


def _run(connection: DuckDB, sql: str) -> None:
    connection.raw_sql(sql).fetchall()
