"""Dates of which one is never before the other: what shows that columns, or day and month in one, are exchanged."""

from __future__ import annotations

from naome.extract.table_checks import Check, FewWrong

#: Share of the deaths that may be registered on their day
MOST_SAME_DAY = 0.5
#: Ends a hint: of dates whose day was taken out
FIRST_OF_MONTH = "does day 1 of a month stand for the others"
#: What is further away stands for no date (:mod:`naome.extract.implausible`)
YEARS_AWAY = 3


def in_order(
    table: str,
    early: str,
    late: str,
    *,
    at_most: float = 0.01,
    of: str = "",
    by: tuple[str, ...] = (),
    called: tuple[str, str] | None = None,
) -> Check:
    """Return the check of a reader that the date in one column is not before that in another.

    Parameters
    ----------
    table : str
        Raw table of the later date.
    early, late : str
        Columns.
    at_most : float
        Share of the rows in which it may be before.
    of : str
        Raw table of the earlier date, where it is another.
    by : tuple of str
        Columns by which rows of the two tables belong together.
    called : tuple of str, optional
        The table and the later column as messages call them, where these are not those of a file.

    Examples
    --------
    >>> in_order("ons_deaths", "REG_DATE_OF_DEATH", "REG_DATE").message.partition(";")[0]
    '{n} are before REG_DATE_OF_DEATH'
    """
    rows = f"clean_{table} t JOIN clean_{of} e USING ({', '.join(by)})" if of else f"clean_{table}"
    first = f"e.{early}" if of else early
    other = f"{early} of {of}" if of else early
    file, column = called or (table, late)
    before = f"{late} < {first} AND {late} > {first} - INTERVAL {YEARS_AWAY} YEAR"
    return Check(
        file,
        f"column {column}",
        FewWrong(before, rows, at_most, row="t.row_" if of else "row_"),
        f"{{n}} are before {other}; allowed: at most {at_most:.0%}. Hint: is either column exchanged with the "
        f"other or with a third, or day and month in one of them, is one column another row's, or {FIRST_OF_MONTH}?",
    )


def registered_later(table: str, death: str, registered: str) -> Check:
    """Return the check, a warning, that most deaths are registered after their day; one in twenty is on it.

    Examples
    --------
    >>> registered_later("ons_deaths", "REG_DATE_OF_DEATH", "REG_DATE").message.partition(",")[0]
    'most are those of REG_DATE_OF_DEATH'
    """
    return Check(
        table,
        f"column {registered}",
        FewWrong(f"{registered} = {death}", f"clean_{table}", MOST_SAME_DAY),
        f"most are those of {death}, where few are expected. Is either column a copy of the other?",
        warn=True,
    )


def deaths_agree(deaths: str, person: str, date: str) -> Check:
    """Return the check that a registry's vital status says of deaths what their registrations say.

    Who died after the day of the vital status is rightly alive there.

    Parameters
    ----------
    deaths : str
        Raw table of the registrations of deaths.
    person, date : str
        Its columns of the person and of the date of death.
    """
    died = f"SELECT {person} AS person, max({date}) AS death FROM clean_{deaths} GROUP BY 1"
    wrong = "VITALSTATUS = 'dead' AND VITALSTATUSDATE <> death OR VITALSTATUS = 'alive' AND VITALSTATUSDATE >= death"
    return Check(
        "av_patient",
        "columns VITALSTATUS and VITALSTATUSDATE",
        FewWrong(wrong, f"clean_av_patient JOIN ({died}) ON person = PATIENTID", 0.05),
        f"{{n}} are of people who are alive on the day of their death in {deaths}, or died on another day; allowed: at "
        "most 5%. Hint: is the same status in every row, are day and month exchanged in one of the tables, are they of "
        f"different extracts, or {FIRST_OF_MONTH}?",
    )


def deaths_dated(deaths: str, person: str, date: str) -> Check:
    """Return the check that those who are dead in a registry's vital status have a date of death, here or there.

    Without one it is not known for how long they were followed, and cohort rule EL6 excludes them.

    Parameters
    ----------
    deaths : str
        Raw table of the registrations of deaths.
    person, date : str
        Its columns of the person and of the date of death.
    """
    dated = f"SELECT {person} FROM clean_{deaths} WHERE {date} IS NOT NULL AND {person} IS NOT NULL"
    return Check(
        "av_patient",
        "column VITALSTATUSDATE",
        FewWrong(
            f"VITALSTATUSDATE IS NULL AND PATIENTID NOT IN ({dated})",
            "clean_av_patient WHERE VITALSTATUS = 'dead'",
            0.005,
        ),
        f"{{n}} are of people who have died and have no date of death, here or in {deaths}; allowed: at most 0.5%. "
        "Hint: is the column empty for the dead?",
    )


def deaths_registered(deaths: str, person: str, date: str) -> Check:
    """Return the check that most of those who are dead in a registry's vital status have a registration of their death.

    Only deaths between the first and the last registered one count: a table may be of some years, which is said
    elsewhere (:mod:`naome.extract.periods`).

    Parameters
    ----------
    deaths : str
        Raw table of the registrations of deaths.
    person, date : str
        Its columns of the person and of the date of death.
    """
    years = f"(SELECT min({date}) FROM clean_{deaths}) AND (SELECT max({date}) FROM clean_{deaths})"
    without = f"PATIENTID NOT IN (SELECT {person} FROM clean_{deaths} WHERE {person} IS NOT NULL)"
    return Check(
        "av_patient",
        "column VITALSTATUS",
        FewWrong(without, f"clean_av_patient WHERE VITALSTATUS = 'dead' AND VITALSTATUSDATE BETWEEN {years}", 0.2),
        f"{{n}} are of people who died in the years of {deaths} and have no row there; allowed: at most 20%. Hint: is "
        f"{deaths} cut off, or of some causes of death only?",
    )
