"""What is possible and improbable in an extract: it is read, and a warning asks whether it is meant.

Each value is allowed, and even all of them together are (:mod:`naome.extract.implausible` refuses what cannot be). But
most extracts are not of one stage or of young people, and few rows are excluded or hold a day that stands for none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from duckdb import DuckDBPyConnection

from naome.core.definitions import Definitions
from naome.extract.candidates import NOT_CANDIDATES
from naome.extract.exchanged import ENOUGH_ROWS
from naome.extract.linkage import NO_SUCH_PERSON, NO_SUCH_RECORD
from naome.extract.quality import Log, count_logged
from naome.extract.sql import quote_text
from naome.extract.vocabulary import Vocabulary

#: Fewer tumours, or rows, tell nothing
TELLING_TUMOURS, TELLING_ROWS = 100, 20
#: Of tumours of the breast with a stage 1 in 17 is of stage 4; of fewer than so many none may be
LEAST_OF_STAGE_4, MOST_OF_STAGE_4, TELLING_STAGES = 0.005, 0.5, 300
#: Share of the registrations that are usually eligible, and have an organisation
MOSTLY = 0.8
#: How much more frequent than ER the rarer PR may be, and chemotherapy than radiotherapy
ABOUT_AS_FREQUENT = 0.05
#: Of people with breast cancer 1 in 1,000 is so young, and 1 in 150 so old
YOUNG, MOST_YOUNG, OLD, MOST_OLD = 25, 0.01, 95, 0.03
#: Share of the rows of a table that a rule may exclude, or whose date may be a day that stands for none
MANY_ROWS = 0.05
#: Share of the rows whose value may be in no list before they are a warning; of more, a column is refused
MANY_UNKNOWN = 0.01
#: Rules that exclude rows by design, or of which the table of links says more. Records that are not linked are no
#: one's, so they are many beside those of the few people of whom events are read
NO_SIGN = ("other_site", "unlinked_record", NOT_CANDIDATES[0], NO_SUCH_PERSON[0], NO_SUCH_RECORD[0])
#: What may be behind many rows that a rule excludes, by a word in its name
LIKELY_CAUSES = {"duplicate": "Was the table exported or pasted twice?", "without_date": "Were dates lost?"}
#: Of people of stage 4 with admissions, four in five have a code of metastases in one; of fewer nothing is said
LEAST_CODED, TELLING_PEOPLE = 0.2, 20
#: Of episodes with a biopsy of the breast, those with a diagnosis of it; benign disease may come before cancer
BIOPSY, LEAST_OF_THE_BREAST = "breast_biopsy", 0.3
#: Fewer admissions tell nothing of all
TELLING_ADMISSIONS = 300
#: Diagnoses of an admission; in most extracts many have more
FEW_CODES = 3
#: Share of the episodes that may be of one person, day and organisation with another
MOST_ALIKE = 0.2
#: Rules that exclude deaths
OF_DEATHS = ("death_without_date", "duplicate_death")
#: Rules that read a value as not recorded, and what it is
NOT_RECORDED_BY = {
    "sentinel_date": "a day that stands for none, such as 1900-01-01, and are read without a date. Were dates lost?",
    "truncated_date": "a date that is cut off, and are read without one. Were dates lost?",
    "organisation_default": "a code that stands for no organisation, and count in none. Were codes lost?",
}


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
    if staged >= TELLING_TUMOURS and four > MOST_OF_STAGE_4 * staged:
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
    return (*said, *_say_exchanged_items(connection, table))


def say_improbable_events(
    connection: DuckDBPyConnection, names: Mapping[str, str], definitions: Definitions
) -> tuple[str, ...]:
    """Return a sentence for each of deaths and admissions that is as in few extracts.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the canonical tables.
    names : mapping of str to str
        Canonical table of the source -> the raw one, as messages call it.
    definitions : Definitions
        Their code lists say which codes are of metastases, of the breast, and of a biopsy of the breast.
    """
    said = []
    people, deaths = connection.execute(
        "SELECT (SELECT count(*) FROM canon_people), (SELECT count(*) FROM canon_deaths)"
    ).fetchall()[0]
    if people >= TELLING_STAGES and not deaths:
        said.append(f"{names['deaths']}: no one has died. Were deaths not linked, or not exported?")
    if "admissions" in names and "diagnoses" in names:
        said += _say_improbable_admissions(connection, names, definitions)
    if {"diagnoses", "procedures"} <= set(names):
        said += _say_codes_of_others(connection, names["diagnoses"], definitions)
    return tuple(said)


def _say_codes_of_others(connection: DuckDBPyConnection, table: str, definitions: Definitions) -> list[str]:
    """Say that operations on the breast are without its diagnosis: the diagnoses may be those of another row."""
    listed = definitions.codelist("opcs4_biopsy")
    if BIOPSY not in listed.groups:
        return []
    of_the_breast = _is_of(definitions.codelist("icd10_breast").prefixes())
    biopsies, found = connection.execute(
        f"WITH biopsies AS (SELECT DISTINCT episode FROM canon_procedures WHERE {_is_of(listed.prefixes(BIOPSY))}) "
        "SELECT (SELECT count(*) FROM biopsies), count(DISTINCT episode) FROM canon_diagnoses "
        f"WHERE {of_the_breast} AND episode IN (FROM biopsies)"
    ).fetchall()[0]
    if biopsies < TELLING_ROWS or found >= LEAST_OF_THE_BREAST * biopsies:
        return []
    return [
        f"{table}: {found / biopsies:.0%} of the episodes with a biopsy of the breast have a diagnosis of it. Are the "
        "diagnoses those of other rows?"
    ]


def _is_of(codes: Collection[str]) -> str:
    """Return the SQL condition that a code begins with the first three characters of one of these."""
    return f"left(code, 3) IN ({', '.join(map(quote_text, sorted({code[:3] for code in codes})))})"


def _say_improbable_admissions(
    connection: DuckDBPyConnection, names: Mapping[str, str], definitions: Definitions
) -> list[str]:
    (all_,) = connection.execute("SELECT count(*) FROM canon_admissions").fetchall()[0]
    each = 1 + all_ // ENOUGH_ROWS
    rows, kinds, alike = connection.execute(
        "SELECT sum(n), count(DISTINCT patient_class), coalesce(sum(n) FILTER (n > 1), 0) FROM (SELECT count(*) AS n, "
        "any_value(patient_class) AS patient_class FROM canon_admissions "
        f"WHERE hash(person_id) % {each} = 0 GROUP BY person_id, admission_date, episode_date, provider)"
    ).fetchall()[0]
    if not rows or rows < TELLING_ADMISSIONS:
        return []
    said = []
    if kinds == 1:
        said.append(f"{names['admissions']}: all admissions are of one kind. Are day cases not in the extract?")
    if alike > MOST_ALIKE * rows:
        said.append(
            f"{names['admissions']}: {alike / rows:.0%} of the episodes are of one person, day and organisation with "
            "another. Was the table pasted twice, with other identifiers of episodes?"
        )
    last, first, coded = connection.execute(
        "SELECT max(position), count(DISTINCT episode) FILTER (position = 1), count(DISTINCT episode) "
        f"FROM canon_diagnoses WHERE episode % {each} = 0"
    ).fetchall()[0]
    if coded >= TELLING_ADMISSIONS and last <= FEW_CODES:
        said.append(f"{names['diagnoses']}: no episode has more than {last} diagnoses. Were further ones not exported?")
    if coded >= TELLING_ADMISSIONS and first < MOSTLY * coded:
        said.append(
            f"{names['diagnoses']}: {first / coded:.0%} of the episodes with a diagnosis have a first one. Are the "
            "columns in another order?"
        )
    of_code = _is_of(definitions.codelist("icd10_metastatic").prefixes())
    four, found = connection.execute(
        "WITH admitted AS (SELECT person_id, episode FROM canon_admissions WHERE person_id IN (SELECT person_id FROM "
        "canon_tumours WHERE stage = '4')), coded AS (SELECT DISTINCT episode FROM canon_diagnoses WHERE episode IN "
        f"(SELECT episode FROM admitted) AND {of_code}) SELECT count(DISTINCT person_id), "
        "count(DISTINCT person_id) FILTER (episode IN (FROM coded)) FROM admitted"
    ).fetchall()[0]
    if four >= TELLING_PEOPLE and found < LEAST_CODED * four:
        said.append(
            f"{names['diagnoses']}: {found / four:.0%} of the people of stage 4 with an admission have a code of "
            "metastases in one. Were codes lost, or are the admissions those of others?"
        )
    return said


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


def say_many_rows(log: Log, rows: Mapping[str, int], deaths: int = 0) -> list[str]:
    """Return a sentence for each rule that concerns many rows of a table and few elsewhere.

    Parameters
    ----------
    log : Log
        The data-quality log.
    rows : mapping of str to int
        Raw table -> its rows.
    deaths : int
        Deaths that are read; where registrations say of a person that they have died, few rows of the table do.

    Examples
    --------
    >>> entry = {"rule": "duplicate_episode", "table": "hes", "column": "", "kind": "left out", "rows": 50}
    >>> say_many_rows([{**entry, "meaning": "One is kept."}], {"hes": 100})
    ['hes: 50% of the rows are excluded (duplicate_episode). One is kept. Was the table exported or pasted twice?']
    """
    unread = {str(entry["table"]): count_logged(entry) for entry in log if entry["rule"] == NOT_CANDIDATES[0]}
    said = []
    for entry in log:
        table, rule, column, count = str(entry["table"]), str(entry["rule"]), str(entry["column"]), count_logged(entry)
        read = deaths + count if rule in OF_DEATHS else rows.get(table, 0) - unread.get(table, 0)
        if count < TELLING_ROWS or count <= MANY_ROWS * read or rule in NO_SIGN:
            continue
        share = min(count / read, 1.0) if read else 1.0
        if entry["kind"] == "left out":
            causes = " ".join(cause for word, cause in LIKELY_CAUSES.items() if word in rule)
            which = "deaths" if rule in OF_DEATHS else "rows"
            sentence = f"{table}: {share:.0%} of the {which} are excluded ({rule}). {entry['meaning']} {causes}"
            said.append(sentence.strip())
        elif rule in NOT_RECORDED_BY and ".." not in column:  # the date of no operation is often such a day
            said.append(f"{table}, column {column}: {share:.0%} of the rows hold {NOT_RECORDED_BY[rule]}")
    return said


def say_many_unknown(vocabularies: Sequence[Vocabulary]) -> list[str]:
    """Return a sentence for each column of which more than a few rows hold a value that is in no list."""
    return [
        f"{found.table}, column {found.column}: {found.unknown_rows / found.rows:.1%} of the rows hold a value that is "
        f"in no list: {found.say_unknown()}. They count in no group. Is a list older than the extract?"
        for found in vocabularies
        if found.unknown_rows >= TELLING_ROWS and found.unknown_rows > MANY_UNKNOWN * found.rows
    ]
