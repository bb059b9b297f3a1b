"""Dates of which one is never before the other: what shows that columns, or day and month in one, are exchanged."""

from __future__ import annotations

#: So few rows are no sign of a fault in a whole column
FEW_DATES = 5
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
) -> tuple[str, str]:
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

    Returns
    -------
    tuple of str
        SQL that gives the number of such rows if it is too large, and the message.

    Examples
    --------
    >>> in_order("ons_deaths", "REG_DATE_OF_DEATH", "REG_DATE")[1].partition(";")[0]
    'ons_deaths: column REG_DATE: {values} rows are before REG_DATE_OF_DEATH'
    """
    joined = f" JOIN clean_{of} e USING ({', '.join(by)})" if of else ""
    first = f"e.{early}" if of else early
    other = f"{early} of {of}" if of else early
    file, column = called or (table, late)
    before = f"{late} < {first} AND {late} > {first} - INTERVAL {YEARS_AWAY} YEAR"
    return (
        f"SELECT wrong FROM (SELECT count_if({before}) AS wrong, count(*) AS n FROM clean_{table}{joined}) "
        f"WHERE wrong > greatest({FEW_DATES}, {at_most} * n)",
        f"{file}: column {column}: {{values}} rows are before {other}; allowed: at most {at_most:.0%}. Hint: are the "
        "two columns exchanged, or day and month in one of them, or is one column another row's?",
    )


def deaths_agree(deaths: str, person: str, date: str) -> tuple[str, str]:
    """Return the check that a registry's vital status says of deaths what their registrations say.

    Who died after the day of the vital status is rightly alive there.

    Parameters
    ----------
    deaths : str
        Raw table of the registrations of deaths.
    person, date : str
        Its columns of the person and of the date of death.

    Returns
    -------
    tuple of str
        SQL that gives the number of people if it is too large, and the message.
    """
    died = f"SELECT {person} AS person, max({date}) AS death FROM clean_{deaths} GROUP BY 1"
    wrong = "VITALSTATUS = 'dead' AND VITALSTATUSDATE <> death OR VITALSTATUS = 'alive' AND VITALSTATUSDATE >= death"
    return (
        f"SELECT wrong FROM (SELECT count_if({wrong}) AS wrong, count(*) AS n FROM clean_av_patient "
        f"JOIN ({died}) ON person = PATIENTID) WHERE wrong > greatest({FEW_DATES}, 0.05 * n)",
        f"av_patient: columns VITALSTATUS and VITALSTATUSDATE: {{values}} people are alive on the day of their death "
        f"in {deaths}, or died on another day; allowed: at most 5%. Hint: are day and month exchanged in one of the "
        "tables, or are they of different extracts?",
    )


def deaths_registered(deaths: str, person: str, date: str) -> tuple[str, str]:
    """Return the check that most of those who are dead in a registry's vital status have a registration of their death.

    Only deaths between the first and the last registered one count: a table may be of some years, which is said
    elsewhere (:mod:`naome.extract.periods`).

    Parameters
    ----------
    deaths : str
        Raw table of the registrations of deaths.
    person, date : str
        Its columns of the person and of the date of death.

    Returns
    -------
    tuple of str
        SQL that gives the number of people without one if it is too large, and the message.
    """
    without = f"PATIENTID NOT IN (SELECT {person} FROM clean_{deaths} WHERE {person} IS NOT NULL)"
    return (
        f"SELECT gone FROM (SELECT count(*) FILTER ({without}) AS gone, count(*) AS n FROM clean_av_patient "
        f"WHERE VITALSTATUS = 'dead' AND VITALSTATUSDATE BETWEEN (SELECT min({date}) FROM clean_{deaths}) "
        f"AND (SELECT max({date}) FROM clean_{deaths})) WHERE gone > greatest({FEW_DATES}, 0.2 * n)",
        f"{deaths}: {{values}} people who died in its years by av_patient have no row here; allowed: at most 20%. "
        "Hint: is the table cut off, or of some causes of death only?",
    )
