"""Dates with day and month exchanged that are spelt as the others are (:mod:`naome.extract.values` sees spellings).

A trust that exports dates with the month first, read with the day first, keeps those dates alone that have a meaning
both ways: no day of that organisation is above 12, and it is refused. Where other dates of the column were not lost,
only those with a day up to 12 can be wrong: they are compared with the others, of which none can.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from naome.extract.periods import DATES
from naome.extract.problems import Problems, say_rows
from naome.extract.reader import Reader
from naome.extract.schema import CANONICAL
from naome.extract.source_files import SourceFiles
from naome.extract.values import EXCHANGED_DATES, EXCHANGED_DAYS, EXCHANGED_ROWS, LAST_MONTH
from naome.extract.vocabulary import show_code

#: Organisations that are named of one table
SHOWN = 5
#: What becomes more frequent among dates of which some are wrong, in SQL: most records of a person are near another,
#: and diagnoses and treatments are rarely of a weekend
NEAR_DAYS = 61
SIGNS = {
    f"more than {NEAR_DAYS} days from any other record of the person": f"gap > {NEAR_DAYS}",
    "on a Saturday or Sunday": "dayofweek(day) IN (0, 6)",
}
#: A difference of so many standard errors, and of so much, is neither chance nor a small one between days of a month
FAR_FROM_CHANCE, TELLING_DIFFERENCE = 5.0, 0.03
#: Dates beside the main ones of their tables
FURTHER = (("tumours", "mdt_date"), ("drugs", "cycle_date"))
#: Rows of so many are looked at: those of some people, but all of theirs
ENOUGH_ROWS = 150_000


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


def say_exchanged_in_part(
    connection: DuckDBPyConnection, reader: Reader, sources: Mapping[str, SourceFiles]
) -> tuple[str, ...]:
    """Return a sentence for each table in which some dates seem to have day and month exchanged.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the canonical tables.
    reader : Reader
        Artificial records that are published for everybody's use have dates that were drawn apart from each other, so
        nothing is said of them.
    sources : mapping of str to SourceFiles
        What stands behind each canonical table.
    """
    dates = [each for each in (*DATES.items(), *FURTHER) if each[0] in reader.canonical]
    if reader.open_names or not dates:
        return ()
    rows = sum(connection.execute(f"SELECT count({date}) FROM canon_{table}").fetchall()[0][0] for table, date in dates)
    some = f"hash(person_id) % {1 + rows // ENOUGH_ROWS} = 0"
    days = " UNION ".join(
        f"SELECT '{date}' AS date, person_id, {date} AS day FROM canon_{table} WHERE {date} IS NOT NULL AND {some}"
        for table, date in dates
    )
    signs = ", ".join(f"count_if({sign})" for sign in SIGNS.values())
    # The first of a month is what is written where the day is not known, and 5 May is the same either way
    found = connection.execute(
        f"SELECT date, day(day) <= {LAST_MONTH}, count(*), {signs} FROM (SELECT date, day, "
        "least(day - lag(day) OVER one, lead(day) OVER one - day) AS gap, count(*) OVER (PARTITION BY person_id) AS n "
        f"FROM ({days}) WINDOW one AS (PARTITION BY person_id ORDER BY day)) "
        "WHERE n > 1 AND day(day) > 1 AND day(day) <> month(day) GROUP BY 1, 2"
    ).fetchall()
    counted = {(date, may_be): counts for date, may_be, *counts in found}
    said = []
    for table, date in dates:
        if {(date, True), (date, False)} <= set(counted):
            # dates of cycles may be in a file of their own, beside that of the drugs
            file = f"{reader.canonical[table].raw}: " if (table, date) != ("drugs", "cycle_date") else ""
            (of, *some), (others, *right) = counted[date, True], counted[date, False]
            said += [
                f"{file}{n / of:.0%} of the dates with a day from 2 to {LAST_MONTH} "
                f"({sources[table].name_columns(date)}, {say_rows(of)}) are {sign}, and {usual / others:.0%} of the "
                "later days of a month: are day and month exchanged in some rows?"
                for sign, n, usual in zip(SIGNS, some, right, strict=True)
                if _is_more(n, of, usual, others)
            ]
    return tuple(said)


def _is_more(some: int, of: int, usual: int, others: int) -> bool:
    """Return whether a sign is so much more frequent in the first that chance does not explain it.

    Examples
    --------
    >>> _is_more(500, 1000, 300, 1000), _is_more(310, 1000, 300, 1000), _is_more(5, 10, 3, 10)
    (True, False, False)
    """
    share = (some + usual) / (of + others)
    error = math.sqrt(share * (1 - share) * (1 / of + 1 / others))
    difference = some / of - usual / others
    return difference >= TELLING_DIFFERENCE and difference >= FAR_FROM_CHANCE * error
