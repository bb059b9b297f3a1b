"""What is possible of deaths and admissions and improbable: it is read, and a warning asks whether it is meant.

Codes may be those of other rows, and parts of a table may be missing: what admissions usually are like tells it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from duckdb import DuckDBPyConnection

from naome.core.definitions import Definitions
from naome.extract.exchanged import ENOUGH_ROWS
from naome.extract.improbable_tumours import MOSTLY, TELLING_STAGES
from naome.extract.sql import quote_text

#: Of people of stage 4 with admissions, four in five have a code of metastases in one; of fewer nothing is said
LEAST_CODED, TELLING_PEOPLE = 0.5, 20
#: Fewer biopsies tell nothing
TELLING_BIOPSIES = 20
#: Of episodes with a biopsy of the breast, those with a diagnosis of it; benign disease may come before cancer
BIOPSY, LEAST_OF_THE_BREAST = "breast_biopsy", 0.3
#: Fewer admissions tell nothing of all
TELLING_ADMISSIONS = 300
#: Diagnoses of an admission; in most extracts many have more
FEW_CODES = 3
#: Share of the episodes that may be of one person, day and organisation with another
MOST_ALIKE = 0.2


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
    if biopsies < TELLING_BIOPSIES or found >= LEAST_OF_THE_BREAST * biopsies:
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
            "metastases in one. Were codes lost, or are the stages, or the admissions, those of other people?"
        )
    return said
