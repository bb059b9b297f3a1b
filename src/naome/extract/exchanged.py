"""Organisations whose dates have day and month exchanged: no day of theirs is above 12.

A trust that exports dates with the month first, read with the day first, keeps those dates alone that have a meaning
both ways; the rest of the column is right, and its spelling is the same (:mod:`naome.extract.values` sees others).
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from naome.extract.periods import DATES
from naome.extract.problems import Problems, say_rows
from naome.extract.reader import Reader
from naome.extract.schema import CANONICAL
from naome.extract.values import EXCHANGED_DATES, EXCHANGED_DAYS, EXCHANGED_ROWS, LAST_MONTH
from naome.extract.vocabulary import show_code

#: Organisations that are named of one table
SHOWN = 5


def check_exchanged(connection: DuckDBPyConnection, reader: Reader, problems: Problems) -> None:
    """Refuse canonical tables with an organisation of many dates and many days of which none is above 12.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the canonical tables.
    reader : Reader
    problems : Problems
        Receives one message per table.
    """
    listed = {row[0] for row in connection.execute("SELECT provider FROM canon_organisations").fetchall()}
    for table, date in DATES.items():
        if table not in reader.canonical or "provider" not in CANONICAL[table].column_names:
            continue
        few = f"provider IS NOT NULL GROUP BY provider HAVING count({date}) >= {EXCHANGED_ROWS} AND max(day({date}))"
        suspect = f"SELECT provider FROM canon_{table} WHERE {few} <= {LAST_MONTH}"
        # Different dates are counted of those few only, which is dear
        found = connection.execute(
            f"SELECT provider, count({date}) FROM canon_{table} WHERE provider IN ({suspect}) GROUP BY provider "
            f"HAVING count(DISTINCT {date}) >= {EXCHANGED_DATES} AND count(DISTINCT day({date})) >= {EXCHANGED_DAYS} "
            "ORDER BY 2 DESC, 1"
        ).fetchall()
        if found:
            shown = [(code if code in listed else show_code(code), rows) for code, rows in found[:SHOWN]]
            named = ", ".join(f"{code} ({say_rows(rows)})" for code, rows in shown)
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            problems.add(
                f"{table}: {date}: no day is above {LAST_MONTH} in the records of {named}{more}: day and month are "
                "exchanged there, and other dates were lost; allowed: days up to 31, as in real dates. Hint: does this "
                "organisation export dates with the month first? Export them as YYYY-MM-DD."
            )
