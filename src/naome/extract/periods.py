"""The time that each table covers: first and last date, rows per year, and tables that end early or have a gap."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from duckdb import DuckDBPyConnection

from naome.extract.problems import say_rows
from naome.extract.reader import Reader
from naome.extract.source_files import SourceFiles
from naome.extract.vocabulary import show_code

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
#: Share of the rows of a usual month that they must have: few records are of years before those of the extract. Months
#: with fewer are those of a gap: of a year that is missing by the end of episodes, some episodes had begun in it
LEAST_USUAL = 0.25
#: Share of the dates that may be of one day of the month, and of one day of the year; of fewer rows nothing is said
ONE_DAY, ONE_DAY_OF_YEAR, TELLING_DATES, ON_ONE_DAY = 0.5, 0.1, 20, 10
#: Organisations that are named
SHOWN = 5


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
        Months with hardly a row, or none, between months with many, as ``2019-03 to 2019-05``.
    usual : tuple of date
        First day of the first month, and last day of the last, with about as many rows as others have.
    one_day : tuple of str
        Where far too many dates are of one day, as ``day 1 of the month in 9,120 of 9,120 rows``.
    """

    table: str
    raw: str
    date: str
    first: dt.date
    last: dt.date
    years: Mapping[int, int] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    usual: tuple[dt.date, ...] = ()
    one_day: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that have the date."""
        return sum(self.years.values())


def find_periods(
    connection: DuckDBPyConnection, reader: Reader, sources: Mapping[str, SourceFiles]
) -> tuple[Period, ...]:
    """Return the time that each canonical table covers; tables without a date are left out."""
    found = []
    for table, date in DATES.items():
        if table not in reader.canonical:
            continue
        days = _count_rows(connection, table, date)
        if days:
            first, last = next(iter(days)), next(reversed(days))
            years, months = dict.fromkeys(range(first.year, last.year + 1), 0), Counter[int]()
            for day, rows in days.items():
                years[day.year] += rows
                months[12 * day.year + day.month - 1] += rows
            raw = reader.canonical[table].raw
            one_day = () if reader.open_names else _find_one_day(connection, table, date, days)
            named = sources[table].name_columns(date)
            found.append(Period(table, raw, named, first, last, years, find_gaps(months), find_usual(months), one_day))
    return tuple(found)


def _count_rows(connection: DuckDBPyConnection, table: str, date: str) -> dict[dt.date, int]:
    """Count the rows of each day of a canonical table, in the order of the days."""
    counted = f"SELECT {date}, count(*) FROM canon_{table} WHERE {date} IS NOT NULL GROUP BY 1 ORDER BY 1"
    return dict(connection.execute(counted).fetchall())


def find_gaps(months: Mapping[int, int]) -> tuple[str, ...]:
    """Return the months with hardly a row, or none, that cannot be chance, by the months before and after them.

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
    least = LEAST_USUAL * median(months.values())
    listed = [month for month, rows in months.items() if rows >= least]
    for before, after in itertools.pairwise(listed):
        around = (range(before - MONTHS_AROUND + 1, before + 1), range(after, after + MONTHS_AROUND))
        usual = min(months.get(month, 0) for month in itertools.chain(*around))
        most = max((months.get(month, 0) for month in range(before + 1, after)), default=0)
        missing = (after - before - 1) * usual
        if missing >= EXPECTED_ROWS and usual >= least and most < LEAST_USUAL * usual:
            first, last = (f"{month // 12}-{month % 12 + 1:02d}" for month in (before + 1, after - 1))
            found.append(first if first == last else f"{first} to {last}")
    return tuple(found)


def find_usual(months: Mapping[int, int]) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of the months that have about as many rows as others.

    Parameters
    ----------
    months : mapping of int to int
        As for :func:`find_gaps`.

    Examples
    --------
    >>> [str(day) for day in find_usual({24216: 1, 24228: 50, 24229: 60, 24230: 40, 24240: 2})]
    ['2019-01-01', '2019-03-31']
    """
    usual = [month for month, rows in months.items() if rows >= LEAST_USUAL * median(months.values())]
    first, after = usual[0], usual[-1] + 1
    return dt.date(first // 12, first % 12 + 1, 1), dt.date(after // 12, after % 12 + 1, 1) - dt.timedelta(days=1)


def _find_one_day(
    connection: DuckDBPyConnection, table: str, date: str, days: Mapping[dt.date, int]
) -> tuple[str, ...]:
    """Say where far too many dates of a table are of one day of the month or year: it stands for one not known.

    Organisations are looked at in the diagnoses alone: few rows elsewhere may be of one person's treatment.
    """
    of_year = Counter[tuple[int, int]]()
    for day, rows in days.items():
        of_year[day.month, day.day] += rows
    everywhere = find_one_day(of_year)
    of = _find_one_day_of_each(connection, date) if table == "tumours" else []
    if not of or (everywhere and len(of) > SHOWN):  # few organisations may be enough for the whole table
        return tuple(filter(None, [everywhere]))
    listed = {row[0] for row in connection.execute("SELECT provider FROM canon_organisations").fetchall()}
    named = [f"{said} of {code if code in listed else show_code(code)}" for code, said in of]
    return (*named[:SHOWN], *([f"{len(named) - SHOWN} more"] if len(named) > SHOWN else []))


def _find_one_day_of_each(connection: DuckDBPyConnection, date: str) -> list[tuple[str, str]]:
    """Return the organisations of which that can be said of their diagnoses, and what; the largest first."""
    rows = connection.execute(
        f"SELECT provider, month({date}), day({date}), count(*) FROM canon_tumours "
        f"WHERE {date} IS NOT NULL AND provider IS NOT NULL GROUP BY ALL"
    ).fetchall()
    counted: dict[str, dict[tuple[int, int], int]] = {}
    for provider, month, day, n in rows:
        counted.setdefault(provider, {})[month, day] = n
    largest_first = sorted(counted, key=lambda provider: (-sum(counted[provider].values()), provider))
    said = ((provider, find_one_day(counted[provider])) for provider in largest_first)
    return [each for each in said if each[1]]


def find_one_day(of_year: Mapping[tuple[int, int], int]) -> str:
    """Say that too many dates are of one day of the month, or of the year; an empty text where they are not.

    Parameters
    ----------
    of_year : mapping of (int, int) to int
        Month and day -> rows.

    Examples
    --------
    >>> find_one_day({(1, 1): 30, (6, 12): 40, (8, 21): 30}), find_one_day({(1, 7): 60, (2, 7): 40})
    ('12 June in 40 of 100 rows', 'day 7 of a month in 100 of 100 rows')
    """
    rows = sum(of_year.values())
    if rows < TELLING_DATES:
        return ""
    of_month = Counter[tuple[int, int]]()
    for (_, day), n in of_year.items():
        of_month[0, day] += n
    too_many = [
        (n, each)
        for days, most in ((of_month, ONE_DAY), (of_year, ONE_DAY_OF_YEAR))
        for each, n in days.items()
        if n >= ON_ONE_DAY and n > most * rows
    ]
    if not too_many:
        return ""
    n, (month, day) = min(too_many, key=lambda found: (-found[0], -found[1][0], found[1][1]))
    return f"{_name_day(month, day)} in {n:,} of {say_rows(rows)}"


def _name_day(month: int, day: int) -> str:
    return f"{day} {calendar.month_name[month]}" if month else f"day {day} of a month"


def find_traced(connection: DuckDBPyConnection) -> dt.date | None:
    """Return the day on which half of the living were known to be alive; None where few have such a day."""
    rows, day = connection.execute(
        "SELECT count(*), quantile_disc(vital_date, 0.5) FROM canon_people "
        "WHERE vital_status = 'alive' AND vital_date IS NOT NULL"
    ).fetchall()[0]
    return day if rows >= SIZEABLE else None


def say_untraced(traced: dt.date | None, until: dt.date | None) -> list[str]:
    """Say that the living were last known to be alive long before people are followed to the end.

    Examples
    --------
    >>> say_untraced(dt.date(2021, 12, 31), dt.date(2023, 6, 1))[0].partition(",")[0]
    'Half of the living were last known to be alive by 2021-12-31 (vital_date)'
    """
    if traced is None or until is None or (until - traced).days <= EARLY_DAYS:
        return []
    return [
        f"Half of the living were last known to be alive by {traced} (vital_date), {(until - traced).days:,} days "
        f"before people are followed to the end ({until}): are deaths since then in the extract?"
    ]


def say_one_day(periods: Sequence[Period]) -> list[str]:
    """Name the tables in which too many dates are of one day."""
    return [
        f"{each.raw}, {each.date}: {'; '.join(each.one_day)}, where few are expected. Was the day, or the month, not "
        "exported? Times to and from such dates are wrong."
        for each in periods
        if each.one_day
    ]


def say_years_missing(periods: Sequence[Period], diagnosed: tuple[dt.date, dt.date] | None) -> list[str]:
    """Say that diagnoses of a part of the run's years are hardly there.

    Parameters
    ----------
    diagnosed : tuple of date, optional
        First and last day of the run's diagnoses.
    """
    tumours = next((each for each in periods if each.table == "tumours" and each.rows >= SIZEABLE), None)
    if tumours is None or diagnosed is None or not tumours.usual:
        return []
    (first, last), (begin, end) = diagnosed, tumours.usual
    said = [
        f"before {begin}, and the run's begin on {first} (diagnosed_from)" if (begin - first).days > EARLY_DAYS else "",
        f"after {end}, and the run's end on {last} (diagnosed_to)" if (last - end).days > EARLY_DAYS else "",
    ]
    return [f"{tumours.raw} has few diagnoses, or none, {part}: is a part missing?" for part in said if part]


def say_months_missing(periods: Sequence[Period]) -> list[str]:
    """Name the tables with hardly a row, or none, in months between others."""
    return [
        f"{each.raw} has hardly a row, or none, in {', '.join(each.gaps)} ({each.date}), and many before and after: "
        "is a part missing?"
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
