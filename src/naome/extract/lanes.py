"""Two lanes to one database: connections on which statements stand side by side, with the same variables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

import duckdb

LANES = 2  # one for each of the cores that are asked for

Item = TypeVar("Item", bound=Hashable)
Result = TypeVar("Result")


class Lane:
    """A connection to the database of a reading.

    Tables, views, types and macros are the database's own; a variable is a connection's,
    so it is set through :meth:`set_variable`, and every other lane sets it before its next statement.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, variables: list[_Variable]) -> None:
        self._connection = connection
        self._variables = variables
        self._known = 0
        self._stopped = False

    def execute(self, sql: str, values: object = None) -> duckdb.DuckDBPyConnection:
        """Run a statement, after setting what other lanes have set since."""
        while self._known < len(self._variables):
            lane, statement, given = self._variables[self._known]
            self._known += 1
            if lane is not self:
                self._connection.execute(statement, given)
        if self._stopped:
            raise duckdb.InterruptException("another lane has stopped")
        return self._connection.execute(sql, values)

    def set_variable(self, name: str, expression: str, values: object = None) -> None:
        """Set a variable to the value of an expression, on all lanes."""
        statement = f'SET VARIABLE "{name}" = {expression}'
        self.execute(statement, values)
        self._variables.append((self, statement, values))

    def stop(self) -> None:
        """Stop the statement that is being run, and run no other."""
        self._stopped = True
        self._connection.interrupt()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


#: The lane that set it, the statement and its values
_Variable = tuple[Lane, str, object]


class Lanes:
    """All lanes to a database; the first is the caller's own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        variables: list[_Variable] = []
        self._lanes = [Lane(connection.cursor(), variables) for _ in range(LANES)]
        self._connection = connection
        self._cores = self._threads = connection.execute("SELECT current_setting('threads')").fetchone()[0]

    @property
    def first(self) -> Lane:
        """The lane for what is done one after the other."""
        return self._lanes[0]

    def map(
        self,
        work: Callable[[Lane, Item], Result],
        items: Iterable[Item],
        *,
        after: Mapping[Item, Collection[Item]] | None = None,
    ) -> dict[Item, Result]:
        """Do some work for every item, each lane taking the next; return item -> what it gave, in the order of items.

        An error, also an interruption from the keyboard, stops all lanes and is raised.

        Parameters
        ----------
        items : iterable
            All different.
        after : mapping, optional
            Item -> items that must be done before it.
        """
        items, after = list(items), after or {}
        free, waiting = list(self._lanes), list(items)
        running: dict[Future[Result], tuple[Lane, Item]] = {}
        done: dict[Item, Result] = {}
        with ThreadPoolExecutor(LANES) as threads:
            try:
                while len(done) < len(items):
                    for item in [item for item in waiting if done.keys() >= set(after.get(item, ()))][: len(free)]:
                        lane = free.pop()
                        waiting.remove(item)
                        running[threads.submit(work, lane, item)] = lane, item
                    if not running:
                        raise ValueError(f"{waiting} wait for each other")
                    self._share_cores(len(running))
                    for finished in wait(running, return_when=FIRST_COMPLETED).done:
                        lane, item = running.pop(finished)
                        done[item] = finished.result()
                        free.append(lane)
            except BaseException:
                for lane, _ in running.values():
                    lane.stop()
                raise
        self._share_cores(1)
        return {item: done[item] for item in items}

    def _share_cores(self, busy: int) -> None:
        """Give DuckDB the threads that make one for every core, with those of the busy lanes.

        More of them than cores cost a tenth of the time, fewer leave a core idle when one lane is left.
        """
        threads = max(1, self._cores + 1 - busy)
        if threads != self._threads:
            self._connection.execute(f"SET threads = {threads}")
            self._threads = threads

    def close(self) -> None:
        """Close all lanes."""
        for lane in self._lanes:
            lane.close()
