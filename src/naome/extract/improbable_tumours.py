"""What is possible of tumours and improbable: it is read, and a warning asks whether it is meant.

Each value is allowed, and even all of them together are (:mod:`naome.extract.implausible` refuses what cannot be). But
most extracts are not of one stage or of young people, and have more of the more frequent of two items.
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from naome.extract.duplicates import FEW_ROWS, MOST_DIFFERENT

#: Fewer tumours tell nothing; of fewer it is told where all are alike
TELLING_TUMOURS, TELLING_IF_ALL = 100, 20
#: Of tumours of the breast with a stage 1 in 17 is of stage 4; of fewer than so many none may be
LEAST_OF_STAGE_4, MOST_OF_STAGE_4, TELLING_STAGES = 0.005, 0.5, 300
#: Share of the registrations that are usually eligible, and have an organisation
MOSTLY = 0.8
#: Share of the eligible registrations that may be of one person, day and site with another: both breasts may have one
MOST_OF_ONE_DAY = 0.1
#: How much more frequent than ER the rarer PR may be, and chemotherapy than radiotherapy
ABOUT_AS_FREQUENT = 0.05
#: Of people with breast cancer 1 in 1,000 is so young, and 1 in 150 so old
YOUNG, MOST_YOUNG, OLD, MOST_OLD = 25, 0.01, 95, 0.03


def say_improbable_tumours(connection: DuckDBPyConnection, table: str) -> tuple[str, ...]:
    """Return a sentence for each of stage, age, receptors, treatment and organisation that is as in few extracts.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the canonical tumours.
    table : str
        The raw table of the tumours, as messages call it.
    """
    tumours, staged, four, aged, young, old, eligible, placed = connection.execute(
        f"SELECT count(*), count(stage), count_if(stage = '4'), count(age), count_if(age <= {YOUNG}), "
        f"count_if(age >= {OLD}), count_if(eligible_registration), count(provider) FROM canon_tumours"
    ).fetchall()[0]
    said = []
    if staged >= TELLING_STAGES and four < LEAST_OF_STAGE_4 * staged:
        said.append(
            f"{table}: {'none' if four == 0 else f'{four / staged:.1%}'} of the tumours with a stage are of stage 4. "
            "Was the value lost, or are these people not in the extract?"
        )
    all_four = staged >= TELLING_IF_ALL and four == staged
    if all_four or (staged >= TELLING_TUMOURS and four > MOST_OF_STAGE_4 * staged):
        said.append(
            f"{table}: {four / staged:.0%} of the tumours with a stage are of stage 4. Is this an extract of stage 4? "
            "Recurrent disease is that of people whose first diagnosis was of another stage, who are then not in it."
        )
    for rows, most, which in ((young, MOST_YOUNG, f"{YOUNG} or younger"), (old, MOST_OLD, f"{OLD} or older")):
        if aged >= TELLING_TUMOURS and rows > most * aged:
            said.append(
                f"{table}: {rows / aged:.0%} of the people were {which} at diagnosis, where at most {most:.0%} are "
                "expected. Is this the age at diagnosis, in years?"
            )
    for rows, what, why in (
        (eligible, "are final registrations of this nation, once each", "Are these people meant to be in the extract?"),
        (placed, "have an organisation of diagnosis", "The others count in no organisation. Was it not exported?"),
    ):
        if tumours >= TELLING_TUMOURS and 0 < rows < MOSTLY * tumours:
            said.append(f"{table}: {rows / tumours:.0%} of the tumours {what}. {why}")
    return (
        *said,
        *_say_other_identifiers(connection, table),
        *_say_no_quintile(connection, table),
        *_say_exchanged_items(connection, table),
    )


def _say_other_identifiers(connection: DuckDBPyConnection, table: str) -> list[str]:
    """Say that many tumours are of one person, day and site with another: they may be there twice.

    The stage of a person is the highest: of stage 4 it is said where fewer are.
    """
    rows, alike, four, other = connection.execute(
        "SELECT count(*), count(*) FILTER (n > 1), count(*) FILTER (stage = '4'), "
        "count(*) FILTER (stage = '4' AND lower) FROM ("
        "SELECT stage, count(*) OVER same AS n, bool_or(stage <> '4') OVER same AS lower FROM canon_tumours "
        "WHERE eligible_registration WINDOW same AS (PARTITION BY person_id, diagnosis_date, site))"
    ).fetchall()[0]
    said = []
    if rows >= TELLING_TUMOURS and alike > MOST_OF_ONE_DAY * rows:
        said.append(
            f"{table}: {alike / rows:.0%} of the eligible tumours are of one person, day and site with another. Was "
            "the table pasted twice, with other identifiers of tumours?"
        )
    if other >= FEW_ROWS and other > MOST_DIFFERENT * four:
        said.append(
            f"{table}: {other / four:.0%} of the eligible tumours of stage 4 are of one person, day and site with one "
            "of a lower stage, and are read as another tumour. Were some tumours registered again, with other "
            "identifiers?"
        )
    return said


def _say_no_quintile(connection: DuckDBPyConnection, table: str) -> list[str]:
    """Say that a quintile of deprivation never occurs: each has a fifth of the nation."""
    rows, found = connection.execute(
        "SELECT count(deprivation), list(DISTINCT deprivation) FROM canon_tumours"
    ).fetchall()[0]
    never = [str(quintile) for quintile in range(1, 6) if quintile not in (found or ())]
    if rows < TELLING_STAGES or not never:
        return []
    return [
        f"{table}: no tumour is of quintile {', '.join(never)} of area deprivation (1 is the most deprived). Are the "
        "quintiles counted otherwise, or is this a part of the nation?"
    ]


def _say_exchanged_items(connection: DuckDBPyConnection, table: str) -> list[str]:
    """Say that the rarer of two items is the more frequent: the columns may be exchanged."""
    said = []
    for rarer, usual, positive, words in (
        ("pr", "er", "= 'positive'", "are positive for PR, and {} for ER"),
        ("chemotherapy_flag", "radiotherapy_flag", "", "had chemotherapy, and {} radiotherapy"),
    ):
        few, rare, many, frequent = connection.execute(
            f"SELECT count({rarer}), count_if({rarer} {positive}), count({usual}), count_if({usual} {positive}) "
            "FROM canon_tumours"
        ).fetchall()[0]
        if min(few, many) >= TELLING_TUMOURS and rare / few > frequent / many + ABOUT_AS_FREQUENT:
            said.append(
                f"{table}: {rare / few:.0%} of the tumours that say so {words.format(f'{frequent / many:.0%}')}, where "
                "it is the other way round in most extracts. Are the two columns exchanged?"
            )
    return said
