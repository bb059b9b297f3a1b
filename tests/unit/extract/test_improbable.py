"""What is possible and improbable is read, and is a warning: many rows excluded, one stage only, young people."""

from __future__ import annotations

import duckdb
import pytest
from unit.extract.reading import read_people

from naome.cohort.evidence import signs_of
from naome.core.definitions import project_definitions
from naome.core.params import load_params
from naome.extract import READERS, read_extract
from naome.extract.improbable_tumours import say_improbable_tumours
from naome.report.pages.cohort import say_warnings

OF_PEOPLE = {"av_tumour", "wcn_registration", "rcrd_tumour", "ons_deaths", "adde_deaths"}
REGISTRATIONS = [
    ("clean-england", "av_tumour"),
    ("clean-wales", "wcn_registration"),
    ("clean-england-rcrd", "rcrd_tumour"),
]


def warn(name, folder, table="") -> list[str]:
    """Return the warnings of an extract; where a table of people or tumours is spoilt, its events are not read."""
    (folder.path / "extract.json").unlink(missing_ok=True)
    reader = READERS[load_params(name.removeprefix("clean-")).source]
    reader = read_people(reader) if table in OF_PEOPLE else reader
    return read_extract(reader, folder.path, None, progress=lambda line: None).list_warnings()


@pytest.mark.parametrize(
    ("name", "table", "column", "dead"),
    [
        ("clean-england", "ons_deaths", "REG_DATE_OF_DEATH", "true"),
        ("clean-wales", "adde_deaths", "DEATH_DT", "true"),
        ("clean-england-rcrd", "rcrd_tumour", "VITALSTATUSDATE", "VITALSTATUS LIKE 'D%'"),
    ],
)
@pytest.mark.parametrize("day", ["'19000101'", "NULL"])
def test_deaths_without_a_date_are_a_warning_where_they_are_many(copy, name, table, column, dead, day):
    folder = copy(name)
    kind = folder_type(folder, table, column)
    value = day if kind == "VARCHAR" or day == "NULL" else f"strptime({day}, '%Y%m%d')::DATE"
    folder.put(table, column, value, f"hash(n) % 3 = 0 AND {dead}")
    about = [line for line in warn(name, folder, table) if line.startswith(f"{table}: ")]
    said = [line for line in about if "death_without_date" in line]
    assert len(said) == 1 and "of the deaths are excluded" in said[0] and said[0].endswith("Were dates lost?")
    assert 20 < int(said[0].partition("% of")[0].rpartition(" ")[2]) < 50


def folder_type(folder, table, column) -> str:
    return duckdb.execute(f"SELECT typeof({column}) FROM '{folder.file(table)}' LIMIT 1").fetchall()[0][0]


def test_a_day_that_stands_for_none_is_a_warning_where_it_is_frequent(copy):
    folder = copy("clean-england")
    folder.put("av_tumour", "FIRSTMDTMEETINGDATE", "DATE '1900-01-01'", "n % 10 = 0")
    (said,) = warn("clean-england", folder)
    assert said.startswith("av_tumour, column FIRSTMDTMEETINGDATE: 10% of the rows hold a day that stands for none")


@pytest.mark.parametrize(("name", "table"), [*REGISTRATIONS, ("clean-england", "hes_apc")])
def test_a_table_that_was_pasted_twice_is_a_warning(copy, name, table):
    folder = copy(name)
    folder.edit(table, "SELECT * EXCLUDE (n) FROM t UNION ALL SELECT * EXCLUDE (n) FROM t")
    start = f"{table}: 50% of the rows are excluded (duplicate"
    said = [line for line in warn(name, folder, table) if line.startswith(start)]
    assert len(said) == 1 and said[0].endswith("Was the table exported or pasted twice?")


def test_identifiers_of_other_rows_are_a_warning_where_events_are_after_death_more_often(copy):
    folder = copy("clean-england")
    person = "coalesce(lag(STUDY_ID) OVER (ORDER BY n), STUDY_ID)"
    folder.edit("hes_apc", f"SELECT * REPLACE ({person} AS STUDY_ID, NULL AS STARTAGE) FROM t")
    (said,) = [line for line in warn("clean-england", folder) if "event_after_death" in line]
    assert said.startswith("hes_apc: ") and "of the rows of people who have died are excluded" in said
    assert 1 < float(said.partition("%")[0].rpartition(" ")[2]) < 5


def test_organisations_in_no_list_are_a_warning_and_are_named(copy):
    folder = copy("clean-england")
    folder.put("hes_apc", "PROCODE3", "'NT999'", "n % 50 = 0")
    (said,) = warn("clean-england", folder)
    assert said.startswith("hes_apc, column PROCODE3: 2.0% of the rows hold a value that is in no list: NT999 (")


def test_a_few_organisations_in_no_list_are_usual(copy):
    folder = copy("clean-england")
    folder.put("hes_apc", "PROCODE3", "'NT999'", "n % 200 = 0")
    assert warn("clean-england", folder) == []


@pytest.mark.parametrize(
    ("name", "table", "stage", "spread"),
    [
        ("clean-england", "av_tumour", "STAGE_BEST", ", 'M1' AS M_BEST"),
        ("clean-wales", "wcn_registration", "STAGE_GROUPING", ", 'M1' AS M_CATEGORY"),
        ("clean-england-rcrd", "rcrd_tumour", "STAGE", ""),
    ],
)
def test_an_extract_of_stage_4_is_read_and_said_to_be_one(copy, name, table, stage, spread):
    folder = copy(name)
    folder.edit(table, f"SELECT * REPLACE ('4' AS {stage}{spread}) FROM t")
    (said,) = warn(name, folder, table)
    assert said.startswith(f"{table}: 100% of the tumours with a stage are of stage 4.")


@pytest.mark.parametrize(
    ("rows", "four", "warned"), [(20, 20, True), (20, 19, False), (19, 19, False), (99, 60, False)]
)
def test_few_tumours_are_said_to_be_of_stage_4_where_all_are(rows, four, warned):
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE VIEW canon_tumours AS SELECT if(range < {four}, '4', '1') AS stage, 60 AS age, TRUE AS "
            "eligible_registration, range AS person_id, NULL AS diagnosis_date, NULL AS site, NULL AS deprivation, "
            "'RXX' AS provider, NULL AS er, NULL AS pr, NULL AS chemotherapy_flag, NULL AS "
            f"radiotherapy_flag FROM range({rows})"
        )
        said = say_improbable_tumours(connection, "t")
    assert any("are of stage 4. Is this an extract of stage 4?" in line for line in said) == warned


@pytest.mark.parametrize(("name", "table"), REGISTRATIONS)
@pytest.mark.parametrize(("age", "said"), [("18 + n % 8", "10% of the people were 25 or younger"), ("97", "95 or old")])
def test_many_people_of_an_unusual_age_are_a_warning(copy, name, table, age, said):
    folder = copy(name)
    column = "AGE_AT_DIAGNOSIS" if name == "clean-wales" else "AGE"
    folder.put(table, column, age, "n % 10 = 0")
    assert [line for line in warn(name, folder, table) if line.startswith(f"{table}: ") and said in line]


@pytest.mark.parametrize(
    ("name", "table", "change", "said"),
    [
        (
            "clean-england",
            "av_tumour",
            "CASE WHEN {c} LIKE '4%' THEN 'U' ELSE {c} END AS {c}|STAGE_BEST",
            "none of the",
        ),
        (
            "clean-england-rcrd",
            "rcrd_tumour",
            "CASE WHEN {c} LIKE '4%' THEN 'X' ELSE {c} END AS {c}|STAGE",
            "none of the",
        ),
        ("clean-england", "av_tumour", "CASE WHEN n % 3 = 0 THEN 'W' ELSE {c} END AS {c}|CTRY_CODE", "66% of the tum"),
        ("clean-wales", "wcn_registration", "CASE WHEN n % 3 > 0 THEN {c} END AS {c}|HEALTH_BOARD_OF_DIAGNOSIS", "67%"),
        ("clean-england", "av_tumour", "ER_STATUS AS PR_STATUS, PR_STATUS AS ER_STATUS|", "for PR, and"),
        (
            "clean-wales",
            "wcn_registration",
            "CHEMOTHERAPY_FLAG AS RADIOTHERAPY_FLAG, RADIOTHERAPY_FLAG AS CHEMOTHERAPY_FLAG|",
            "had chemotherapy, and",
        ),
    ],
)
def test_items_as_few_extracts_have_them_are_a_warning(copy, name, table, change, said):
    folder = copy(name)
    values, _, column = change.partition("|")
    folder.edit(table, f"SELECT * REPLACE ({values.format(c=column)}) FROM t")
    (warning,) = warn(name, folder, table)
    assert warning.startswith(f"{table}: ") and said in warning and warning.endswith("?")


@pytest.mark.parametrize(
    ("name", "table", "death", "registered"),
    [
        ("clean-england", "ons_deaths", "REG_DATE_OF_DEATH", "REG_DATE"),
        ("clean-wales", "adde_deaths", "DEATH_DT", "DEATH_REG_DT"),
    ],
)
def test_deaths_of_the_day_of_their_registration_are_a_warning(copy, name, table, death, registered):
    folder = copy(name)
    folder.edit(table, f"SELECT * REPLACE ({death} AS {registered}) FROM t")
    (warning,) = warn(name, folder, table)
    assert warning.startswith(f"{table}, column {registered}: ") and "Is either column a copy of the other?" in warning


@pytest.mark.parametrize(
    ("name", "table", "column", "without", "said"),
    [
        ("clean-england", "av_tumour", "QUINTILE_2019", "5", "5 of area"),
        ("clean-england", "av_tumour", "QUINTILE_2019", "1", "1 of area"),
        ("clean-england-rcrd", "rcrd_tumour", "QUINTILE_2019", "2|3", "2, 3 of area"),
    ],
)
def test_a_quintile_that_never_occurs_is_a_warning(copy, name, table, column, without, said):
    folder = copy(name)
    numbers = f"regexp_extract({column}::VARCHAR, '[1-5]')"
    folder.put(table, column, "NULL", f"regexp_matches({numbers}, '{without}')")
    (warning,) = warn(name, folder, table)
    assert warning.startswith(f"{table}: no tumour is of quintile {said} deprivation")


@pytest.mark.parametrize(("name", "table"), REGISTRATIONS)
def test_registrations_pasted_twice_under_other_identifiers_are_a_warning(copy, name, table):
    folder = copy(name)
    key = "TUMOUR_ID" if name == "clean-wales" else "TUMOURID"
    again = f"SELECT * EXCLUDE (n) REPLACE ('9' || {key} AS {key}) FROM t"
    folder.edit(table, f"SELECT * EXCLUDE (n) REPLACE ({key}::VARCHAR AS {key}) FROM t UNION ALL {again}")
    (warning,) = warn(name, folder, table)
    assert warning.startswith(f"{table}: 100% of the eligible tumours are of one person, day and site with another.")


@pytest.mark.parametrize(
    ("registered", "as_lower", "warned"), [(95, 5, False), (95, 10, True), (300, 10, False), (9, 9, False)]
)
def test_tumours_of_stage_4_registered_again_with_other_identifiers_are_a_warning(registered, as_lower, warned):
    """So few of all tumours that nothing else shows it: what counts is their share of those of stage 4."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE VIEW canon_tumours AS SELECT stage, 60 AS age, TRUE AS eligible_registration, person_id, "
            "DATE '2020-01-01' AS diagnosis_date, 'C50' AS site, NULL AS deprivation, 'RXX' AS provider, NULL AS er, "
            "NULL AS pr, NULL AS chemotherapy_flag, NULL AS radiotherapy_flag FROM "
            f"(SELECT range AS person_id, if(range < {registered}, '4', '1') AS stage FROM range(2000) "
            f"UNION ALL SELECT range, '1' FROM range({as_lower}))"
        )
        said = say_improbable_tumours(connection, "t")
    assert (
        any("of stage 4 are of one person, day and site with one of a lower stage" in line for line in said) == warned
    )


@pytest.mark.parametrize(
    ("name", "table", "column", "value"),
    [
        ("clean-england", "sact_drug_detail", "DRUG_GROUP", "'LETROZOLE'"),
        ("clean-england", "rtds_prescription", "RTTREATMENTANATOMICALSITE", "'Z501'"),
        ("clean-england", "ons_deaths", "S_UNDERLYING_COD_ICD10", "'C509'"),
        ("clean-wales", "wcn_registration", "HEALTH_BOARD_OF_DIAGNOSIS", "'7A1'"),
        ("clean-england-rcrd", "rcrd_tumour", "DIAG_TRUST", "'ZAA'"),
    ],
)
def test_a_column_of_one_value_is_a_warning(copy, name, table, column, value):
    folder = copy(name)
    folder.edit(table, f"SELECT * REPLACE (coalesce((SELECT min({column}) FROM t), {value}) AS {column}) FROM t")
    start = f"{table}, column {column}: all rows with a value"
    assert [line for line in warn(name, folder, table) if line.startswith(start)]


CODES = [f"DIAG_{n:02d}" for n in range(1, 21)]
LOST = "CASE WHEN left({c}, 2) = 'C7' THEN NULL ELSE {c} END AS {c}"


@pytest.mark.parametrize(
    ("table", "select", "said"),
    [
        ("rcrd_tumour", "SELECT * REPLACE ('A' AS VITALSTATUS) FROM t", "no one has died"),
        ("hes_apc", "SELECT * REPLACE ('1' AS CLASSPAT) FROM t", "all admissions are of one kind"),
        (
            "hes_apc",
            "SELECT * REPLACE (CASE WHEN n % 3 = 0 THEN '89999' ELSE PROCODE3 END AS PROCODE3) FROM t",
            "33% of",
        ),
        (
            "hes_apc",
            "SELECT * EXCLUDE (n) FROM t UNION ALL SELECT * EXCLUDE (n) REPLACE ('9' || EPIKEY AS EPIKEY) FROM t",
            "100% of the episodes are of one person, day and organisation with another",
        ),
        (
            "hes_apc",
            f"SELECT * REPLACE ({', '.join(f'NULL::VARCHAR AS {code}' for code in CODES[2:])}) FROM t",
            "no episode has more than 2 diagnoses",
        ),
        (
            "hes_apc",
            f"SELECT * RENAME ({', '.join(f'{a} AS {b}' for a, b in zip(CODES, CODES[::-1], strict=True))}) FROM t",
            "0% of the episodes with a diagnosis have a first one",
        ),
        (
            "hes_apc",
            f"SELECT * REPLACE ({', '.join(LOST.format(c=code) for code in CODES)}) FROM t",
            "0% of the people of stage 4 with an admission have a code of metastases",
        ),
        (
            "hes_apc",
            f"SELECT * REPLACE ({', '.join(f'lag({code}) OVER (ORDER BY n) AS {code}' for code in CODES)}) FROM t",
            "of the episodes with a biopsy of the breast have a diagnosis of it",
        ),
    ],
)
def test_events_as_few_extracts_have_them_are_a_warning(copy, table, select, said):
    folder = copy("clean-england-rcrd")
    folder.edit(table, select)
    assert [line for line in warn("clean-england-rcrd", folder) if line.startswith(table) and said in line]


def test_stages_of_other_people_are_a_warning(copy):
    folder = copy("clean-england")
    shifted = ", ".join(f"lag({item}, 3) OVER (ORDER BY n) AS {item}" for item in ("STAGE_BEST", "M_BEST"))
    folder.edit("av_tumour", f"SELECT * REPLACE ({shifted}) FROM t")
    (said,) = [line for line in warn("clean-england", folder) if "code of metastases" in line]
    assert said.endswith("Were codes lost, or are the stages, or the admissions, those of other people?")


@pytest.mark.parametrize("name", ["england-truth", "wales-truth", "england-rcrd-truth"])
@pytest.mark.parametrize("of_candidates", [False, True])
def test_an_extract_with_the_usual_defects_has_no_warning(extracts, name, of_candidates):
    """Whether everybody's events are read or those of people with a sign of metastatic disease."""
    params = load_params(name.removesuffix("-truth"))
    signs = signs_of(params, project_definitions()) if of_candidates else None
    extract = read_extract(READERS[params.source], extracts[name], None, signs=signs, progress=lambda line: None)
    assert extract.list_warnings(params.censor_date) == []


def test_the_page_shows_the_warnings():
    shown = say_warnings(["av_tumour: 100% of the tumours with a stage are of stage 4."]).text
    assert shown.startswith("Parts of the extract look incomplete or improbable:") and "of stage 4." in shown
