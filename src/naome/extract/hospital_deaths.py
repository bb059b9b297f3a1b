"""Deaths in hospital, held against the registered deaths: what shows that deaths were lost, or are those of others."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

#: Days after the start of the episode, or of the spell, within which nearly everybody who dies in it has died
LONGEST_STAY = 90
#: Deaths of the last days of an extract may not be registered yet
NOT_YET_REGISTERED = 90
#: Share of the people who died in hospital that may have no such registered death; of fewer people nothing is said
MOST_OTHERS, TELLING_DEATHS = 0.05, 20


@dataclass(frozen=True)
class HospitalDeaths:
    """The columns of a raw table that say who left hospital dead.

    Attributes
    ----------
    table, person : str
        Raw table, and its column of the person.
    method, died : str
        Column of the method of discharge, and its code of those who died.
    date : str
        Column of the first day of the episode or spell.
    """

    table: str
    person: str
    method: str
    died: str
    date: str


def say_deaths_apart(connection: DuckDBPyConnection, discharges: HospitalDeaths, deaths: str) -> list[str]:
    """Return a sentence where many people who died in hospital have no registered death of that time.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the cleaned tables and the canonical people and deaths.
    discharges : HospitalDeaths
    deaths : str
        The raw table of the deaths, as messages call it.
    """
    people, without, apart = connection.execute(
        f"WITH discharged AS (SELECT {discharges.person} AS person_id, max({discharges.date}) AS first_day "
        f"FROM clean_{discharges.table} WHERE {discharges.method} = '{discharges.died}' GROUP BY 1) "
        "SELECT count(*), count(*) FILTER (death_date IS NULL), "
        f"count(*) FILTER (death_date - first_day NOT BETWEEN 0 AND {LONGEST_STAY}) "
        "FROM discharged JOIN canon_people USING (person_id) LEFT JOIN canon_deaths USING (person_id) "
        f"WHERE first_day <= (SELECT max(death_date) FROM canon_deaths) - {NOT_YET_REGISTERED}"
    ).fetchall()[0]
    if people < TELLING_DEATHS or without + apart <= MOST_OTHERS * people:
        return []
    return [
        f"{discharges.table}, column {discharges.method}: of the people who died in hospital {without / people:.0%} "
        f"have no death in {deaths}, and {apart / people:.0%} one before {discharges.date} or more than "
        f"{LONGEST_STAY} days after it. Were deaths lost, or are identifiers or dates "
        "those of other rows?"
    ]
