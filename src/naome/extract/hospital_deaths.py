"""Deaths in hospital, held against the registered deaths: what shows that deaths were lost, or are those of others."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from naome.extract.problems import say_part

#: Days after the start of the episode, or of the spell, within which nearly everybody who dies in it has died
LONGEST_STAY = 90
#: Deaths of the last days of an extract may not be registered yet
NOT_YET_REGISTERED = 90
#: Share of the people who died in hospital that may have no such registered death; of fewer people nothing is said
MOST_OTHERS, TELLING_PEOPLE = 0.05, 20
#: Of those who died after an admission a third or more die in hospital; of fewer deaths nothing is said
FEWEST_IN_HOSPITAL, TELLING_DEATHS = 0.05, 100


@dataclass(frozen=True)
class HospitalDeaths:
    """The columns of a raw table that say who left hospital dead.

    Attributes
    ----------
    table, person : str
        Raw table, and its column of the person.
    method : str
        Column of the method of discharge, as text: a number, perhaps with a zero before it or a decimal point.
    died : int
        Its code of those who died.
    date : str
        Column of the first day of the episode or spell.
    """

    table: str
    person: str
    method: str
    died: int
    date: str


def say_deaths_apart(connection: DuckDBPyConnection, discharges: HospitalDeaths, deaths: str) -> list[str]:
    """Return a sentence where many deaths in hospital are not registered at that time, or where there are few of them.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the cleaned tables and the canonical people and deaths.
    discharges : HospitalDeaths
    deaths : str
        The raw table of the deaths, as messages call it.
    """
    left_dead = f"coalesce(TRY_CAST({discharges.method} AS DECIMAL(9, 2)) = {discharges.died}, false)"
    dead, in_hospital, people, without, apart = connection.execute(
        f"WITH admitted AS (SELECT {discharges.person} AS person_id, bool_or({left_dead}) AS left_dead, "
        f"max({discharges.date}) FILTER ({left_dead}) AS first_day "
        f"FROM clean_{discharges.table} WHERE {discharges.method} IS NOT NULL GROUP BY 1), "
        "found AS (SELECT left_dead, first_day, death_date, "
        f"first_day <= (SELECT max(death_date) FROM canon_deaths) - {NOT_YET_REGISTERED} AS is_registered "
        "FROM admitted JOIN canon_people USING (person_id) LEFT JOIN canon_deaths USING (person_id)) "
        "SELECT count(death_date), count(death_date) FILTER (left_dead), "
        "count(*) FILTER (is_registered), count(*) FILTER (is_registered AND death_date IS NULL), "
        f"count(*) FILTER (is_registered AND death_date - first_day NOT BETWEEN 0 AND {LONGEST_STAY}) FROM found"
    ).fetchall()[0]
    place = f"{discharges.table}, column {discharges.method}"
    if dead >= TELLING_DEATHS and in_hospital < FEWEST_IN_HOSPITAL * dead:
        return [
            f"{place}: fewer than {FEWEST_IN_HOSPITAL:.0%} of the people who were admitted and have died left hospital "
            f"dead (code {discharges.died}). Is this the method of discharge?"
        ]
    if people < TELLING_PEOPLE or without + apart <= MOST_OTHERS * people:
        return []
    lost, other = (say_part(n, people, ".0%") for n in (without, apart))
    return [
        f"{place}: of the people who died in hospital {lost} have no death in {deaths}, and {other} one before "
        f"{discharges.date} or more than {LONGEST_STAY} days after it. Were deaths lost, are identifiers or dates "
        "those of other rows, or is this another column?"
    ]
