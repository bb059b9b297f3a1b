"""The time that each table covers: first and last date, rows per year, and tables that end before the others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from duckdb import DuckDBPyConnection

from naome.extract.reader import Reader

#: Canonical table -> its main date; people are followed in all but the first
DATES = {
    "tumours": "diagnosis_date",
    "admissions": "admission_date",
    "drugs": "given_date",
    "radiotherapy": "treatment_date",
    "recurrences": "recurrence_date",
    "deaths": "death_date",
}
FOLLOWED = tuple(DATES)[1:]
#: A table of so many rows that ends so many days before another of them was cut off, or delivered up to another day;
#: fewer rows may end early by chance
SIZEABLE, EARLY_DAYS = 100, 120


@dataclass(frozen=True)
class Period:
    """The time that a table covers.

    Attributes
    ----------
    table, raw, date : str
        Canonical table, the raw table that its rows are of, and its main date.
    first, last : date
    years : mapping of int to int
        Year -> rows, years without a row between others among them.
    """

    table: str
    raw: str
    date: str
    first: dt.date
    last: dt.date
    years: Mapping[int, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows that have the date."""
        return sum(self.years.values())


def find_periods(connection: DuckDBPyConnection, reader: Reader) -> tuple[Period, ...]:
    """Return the time that each canonical table covers; tables without a date are left out."""
    found = []
    for table, date in DATES.items():
        if table not in reader.canonical:
            continue
        rows = connection.execute(
            f"SELECT year({date}), count(*), min({date}), max({date}) FROM canon_{table} WHERE {date} IS NOT NULL "
            "GROUP BY 1 ORDER BY 1"
        ).fetchall()
        if rows:
            years = dict.fromkeys(range(rows[0][0], rows[-1][0] + 1), 0) | {row[0]: row[1] for row in rows}
            found.append(Period(table, reader.canonical[table].raw, date, rows[0][2], rows[-1][3], years))
    return tuple(found)


def say_early(periods: Sequence[Period], until: dt.date | None = None) -> list[str]:
    """Name the tables in which people are followed that end early.

    Parameters
    ----------
    until : date, optional
        Day to which people are to be followed.
    """
    followed = [each for each in periods if each.table in FOLLOWED and each.rows >= SIZEABLE]
    if not followed:
        return []
    latest = max(followed, key=lambda each: each.last)
    end, what = (latest.last, f"{latest.raw} ends") if until is None else (until, "people are followed to the end")
    return [
        f"{each.raw} ends on {each.last} ({each.date}), {(end - each.last).days:,} days before {what} ({end}): "
        "is it cut off?"
        for each in followed
        if (end - each.last).days > EARLY_DAYS
    ]
