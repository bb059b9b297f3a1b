"""Ages at events, held against the age at diagnosis: what shows that rows, identifiers or dates are those of others."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from naome.core.durations import YEAR_DAYS

#: Years by which an age may differ: both are completed years, so by less than one, and dates may be wrong by months
YEARS_APART = 1.5
#: Share of the rows whose age may differ by more; of fewer rows nothing is said
MOST_APART, TELLING_AGES = 0.05, 100
#: What is more is a code: 7001 and others of hospital episodes are ages below one year
OLDEST = 120
#: Tumours of so many are looked at: those of some people
ENOUGH_TUMOURS = 50_000


@dataclass(frozen=True)
class AgeAt:
    """The columns of a raw table that say how old somebody was at an event.

    Attributes
    ----------
    table, person : str
        Raw table, and its column of the person.
    age : str
        Column of the age in completed years, as text: what is no number of years is passed over.
    date : str
        Column of the day of the event.
    """

    table: str
    person: str
    age: str
    date: str


def say_ages_apart(connection: DuckDBPyConnection, ages: tuple[AgeAt, ...], tumours: str) -> list[str]:
    """Return a sentence for each column of ages that do not follow from the age at the person's first diagnosis.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the cleaned tables and the canonical tumours.
    ages : tuple of AgeAt
    tumours : str
        The raw table of the tumours, as messages call it.
    """
    said = []
    (rows,) = connection.execute("SELECT count(*) FROM canon_tumours").fetchall()[0]
    some = f"hash({{}}) % {1 + rows // ENOUGH_TUMOURS} = 0"
    first = (
        "SELECT person_id, min(diagnosis_date) AS first_day, arg_min(age, diagnosis_date) AS first_age "
        f"FROM canon_tumours WHERE {some.format('person_id')} GROUP BY 1"
    )
    for each in ages:
        apart = f"TRY_CAST({each.age} AS INTEGER) - first_age - ({each.date} - first_day) / {YEAR_DAYS}"
        apart = f"CASE WHEN TRY_CAST({each.age} AS INTEGER) <= {OLDEST} THEN {apart} END"
        rows, wrong = connection.execute(
            f"SELECT count(apart), count_if(abs(apart) > {YEARS_APART}) FROM (SELECT {apart} AS apart "
            f"FROM clean_{each.table} JOIN ({first}) ON person_id = {each.person} WHERE {some.format(each.person)})"
        ).fetchall()[0]
        if rows >= TELLING_AGES and wrong > MOST_APART * rows:
            said.append(
                f"{each.table}, column {each.age}: {wrong / rows:.0%} of the ages are more than {YEARS_APART} years "
                f"from the age that follows from {each.date} and the first diagnosis in {tumours}. Are identifiers, "
                "ages or dates those of other rows?"
            )
    return said
