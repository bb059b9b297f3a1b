"""The time that each table covers: first and last date, rows per year, and tables that end early or have a gap."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

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
#: Days after the diagnoses on which such a table begins without its first part; few people die in their first months
LATE_DAYS = {"admissions": EARLY_DAYS, "drugs": EARLY_DAYS, "radiotherapy": EARLY_DAYS, "deaths": 365}
#: Years with so large a share of the diagnoses are those of the extract; tumours of earlier years may be in it
USUAL_YEAR = 0.05
#: Months before and after a gap by which it is measured, and the rows that it would have if it were like them
MONTHS_AROUND, EXPECTED_ROWS = 3, 20
#: Share of the rows of a usual month that they must have: few records are of years before those of the extract
LEAST_USUAL = 0.25


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
    gaps : tuple of str
        Months without a row between months with many, as ``2019-03 to 2019-05``.
    """

    table: str
    raw: str
    date: str
    first: dt.date
    last: dt.date
    years: Mapping[int, int] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()

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
            f"SELECT 12 * year({date}) + month({date}) - 1, count(*), min({date}), max({date}) FROM canon_{table} "
            f"WHERE {date} IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
        if rows:
            years = dict.fromkeys(range(rows[0][0] // 12, rows[-1][0] // 12 + 1), 0)
            for month, count, _, _ in rows:
                years[month // 12] += count
            gaps = find_gaps({row[0]: row[1] for row in rows})
            found.append(Period(table, reader.canonical[table].raw, date, rows[0][2], rows[-1][3], years, gaps))
    return tuple(found)


def find_gaps(months: Mapping[int, int]) -> tuple[str, ...]:
    """Return the months without a row that cannot be chance, by the months before and after them.

    Parameters
    ----------
    months : mapping of int to int
        Months since the year 0 -> rows, in order; months without a row are not in it.

    Examples
    --------
    >>> find_gaps({24228: 50, 24229: 60, 24230: 40, 24233: 55, 24234: 50, 24235: 45})
    ('2019-04 to 2019-05',)
    >>> find_gaps({24228: 50, 24240: 50})
    ()
    """
    found = []
    listed = list(months)
    for before, after in itertools.pairwise(listed):
        around = (range(before - MONTHS_AROUND + 1, before + 1), range(after, after + MONTHS_AROUND))
        usual = min(months.get(month, 0) for month in itertools.chain(*around))
        if (after - before - 1) * usual >= EXPECTED_ROWS and usual >= LEAST_USUAL * median(months.values()):
            first, last = (f"{month // 12}-{month % 12 + 1:02d}" for month in (before + 1, after - 1))
            found.append(first if first == last else f"{first} to {last}")
    return tuple(found)


def say_months_missing(periods: Sequence[Period]) -> list[str]:
    """Name the tables without a row in months between others."""
    return [
        f"{each.raw} has no row in {', '.join(each.gaps)} ({each.date}), and many before and after: is a part missing?"
        for each in periods
        if each.gaps
    ]


def say_late(periods: Sequence[Period]) -> list[str]:
    """Name the tables of admissions, treatments and deaths that begin long after the diagnoses."""
    diagnosed = [each for each in periods if each.table == "tumours"]
    if not diagnosed:
        return []
    usual = (year for year, rows in diagnosed[0].years.items() if rows >= USUAL_YEAR * diagnosed[0].rows)
    begin = max(diagnosed[0].first, dt.date(min(usual, default=diagnosed[0].first.year), 1, 1))
    return [
        f"{each.raw} begins on {each.first} ({each.date}), {(each.first - begin).days:,} days after the diagnoses "
        f"({begin}): is its first part missing?"
        for each in periods
        if each.rows >= SIZEABLE and (each.first - begin).days > LATE_DAYS.get(each.table, math.inf)
    ]


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
