"""Values that are each allowed and together cannot be: codes of another list, and days that stand for none."""

from __future__ import annotations

import pytest
from reading import read_about

from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract import READERS, read_extract

SITES = [
    ("clean-england", "av_tumour", "SITE_ICD10_O2"),
    ("clean-england-rcrd", "rcrd_tumour", "SITE_ICD10"),
    ("clean-wales", "wcn_registration", "PRIMARY_DIAGNOSIS_ICD"),
]


def read(name, folder, table):
    reader = read_about(READERS[load_params(name.removeprefix("clean-")).source], table)
    return read_extract(reader, folder.path, None, progress=lambda line: None)


def refuse(name, folder, table, match):
    with pytest.raises(ExtractError, match=match) as error:
        read(name, folder, table)
    assert "1 problem;" in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(("name", "table", "column"), SITES)
@pytest.mark.parametrize("code", ["M8500", "M8500/3", "8500/3", "8500"])
def test_a_morphology_in_the_place_of_a_site_is_refused(copy, name, table, column, code):
    folder = copy(name)
    folder.put(table, column, f"'{code}'", "n % 10 = 0")
    refuse(name, folder, table, f"column {column}, row 1: .*morphology code of ICD-O")


@pytest.mark.parametrize("change", ["CASE GENDER WHEN 1 THEN 2 ELSE 1 END", "GENDER - 1"])
def test_codes_of_sex_that_make_most_people_men_are_refused(copy, change):
    folder = copy("clean-england")
    folder.edit("av_patient", f"SELECT * REPLACE ({change.replace('GENDER', 'GENDER::INTEGER')} AS GENDER) FROM t")
    refuse("clean-england", folder, "av_patient", "av_patient.parquet: column GENDER: .*% of the people.*are men")


@pytest.mark.parametrize("age", [0, 120])
def test_an_age_that_stands_for_none_is_refused_above_a_share(copy, age):
    folder = copy("clean-england")
    folder.put("av_tumour", "AGE", str(age), "n % 20 = 0")
    refuse("clean-england", folder, "av_tumour", "av_tumour.parquet: column AGE, row 1: .*below 15 or above 105")


@pytest.mark.parametrize(
    ("table", "column", "columns"),
    [
        ("hes_apc", "OPDATE_01", "columns OPDATE_01 to OPDATE_24, EPISTART and ADMIDATE"),
        ("hes_apc", "ADMIDATE", "columns ADMIDATE and EPISTART"),
        ("av_tumour", "FIRSTMDTMEETINGDATE", "column FIRSTMDTMEETINGDATE"),
    ],
)
@pytest.mark.parametrize("day", ["1931-01-01", "1990-01-01"])
def test_a_day_of_many_rows_far_from_all_others_is_refused(copy, table, column, columns, day):
    folder = copy("clean-england")
    folder.put(table, column, f"DATE '{day}'", f"n % 10 = 0 AND {column} IS NOT NULL")
    message = refuse("clean-england", folder, table, rf"{columns}: one day of {day[:4]} \([\d,]+ rows\)")
    assert day not in message


def test_the_first_day_of_a_calendar_is_no_date(copy):
    folder = copy("clean-england")
    folder.put("av_tumour", "FIRSTMDTMEETINGDATE", "DATE '1970-01-01'", "n % 10 = 0")
    log = read("clean-england", folder, "av_tumour").quality
    assert [each for each in log if (each["rule"], each["column"]) == ("sentinel_date", "FIRSTMDTMEETINGDATE")]


def test_a_zero_before_codes_of_performance_status_is_refused(copy):
    folder = copy("clean-england")
    folder.edit("av_tumour", "SELECT * REPLACE ('0' || PERFORMANCESTATUS AS PERFORMANCESTATUS) FROM t")
    refuse("clean-england", folder, "av_tumour", "column PERFORMANCESTATUS: 00 to 11 are in")


def test_a_link_to_itself_is_refused_in_a_sentence(copy):
    folder = copy("clean-wales")
    folder.file("pedw_oper").unlink()
    folder.file("pedw_oper").symlink_to("pedw_oper.parquet")
    with pytest.raises(ExtractError, match="pedw_oper.parquet: not readable: Too many levels of symbolic links"):
        read_extract(READERS["wcn"], folder.path, None, progress=lambda line: None)


@pytest.mark.parametrize(
    ("name", "table", "select", "columns"),
    [
        ("clean-england", "hes_apc", "* REPLACE ({diagnoses})", "columns DIAG_01 to DIAG_20, row 1"),
        ("clean-england", "hes_apc", "* REPLACE ({operations})", "columns OPERTN_01 to OPERTN_24, row 2"),
        ("clean-wales", "pedw_diag", "* REPLACE (DIAG_CD_123 AS DIAG_CD_1234)", "column DIAG_CD_1234, row 1"),
    ],
)
def test_codes_without_their_last_character_are_refused(copy, name, table, select, columns):
    folder = copy(name)
    cut = {
        "diagnoses": ", ".join(f"left(DIAG_{n:02d}, 3) AS DIAG_{n:02d}" for n in range(1, 21)),
        "operations": ", ".join(f"left(OPERTN_{n:02d}, 3) AS OPERTN_{n:02d}" for n in range(1, 25)),
    }
    folder.edit(table, f"SELECT {select.format_map(cut)} FROM t")
    refuse(name, folder, table, f"{table}.parquet: {columns}: .* have three characters")


def test_codes_of_metastases_without_their_site_are_refused_in_a_part_of_the_rows(copy):
    folder = copy("clean-wales")
    folder.edit(
        "pedw_diag",
        "SELECT * REPLACE (CASE WHEN n % 5 = 0 AND left(DIAG_CD_1234, 2) = 'C7' THEN DIAG_CD_123 ELSE DIAG_CD_1234 END "
        "AS DIAG_CD_1234) FROM t",
    )
    refuse("clean-wales", folder, "pedw_diag", "codes of C77, C78, C79 have three characters")


@pytest.mark.parametrize(
    ("name", "table", "select", "columns"),
    [
        (
            "clean-england",
            "hes_apc",
            f"* REPLACE ({', '.join(f'NULL AS DIAG_{n:02d}' for n in range(2, 21))}) FROM t",
            "columns DIAG_01 to DIAG_20",
        ),
        ("clean-wales", "pedw_diag", "* FROM t WHERE DIAG_NUM::INTEGER = 1", "column DIAG_NUM"),
    ],
)
def test_diagnoses_of_which_only_the_first_are_there_are_refused(copy, name, table, select, columns):
    folder = copy(name)
    (folder.path / "extract.json").unlink()  # it says how many rows there are
    folder.edit(table, f"SELECT {select}")
    refuse(name, folder, table, f"{table}.parquet: {columns}: the first in all")


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("clean-england", "av_tumour", "STATUSOFREGISTRATION"),
        ("clean-england", "av_tumour", "DEDUP_FLAG"),
        ("clean-england", "av_tumour", "CTRY_CODE"),
        ("clean-wales", "wcn_registration", "REGISTRATION_STATUS"),
    ],
)
@pytest.mark.parametrize("rows", ["n % 10 = 0", "true"])
def test_a_column_that_makes_registrations_eligible_is_filled(copy, name, table, column, rows):
    folder = copy(name)
    folder.put(table, column, "NULL", rows)
    refuse(name, folder, table, f"{table}.parquet: column {column}, row 1: not recorded in")


@pytest.mark.parametrize(
    ("column", "code"),
    [
        ("STATUSOFREGISTRATION", "'P'"),
        ("DEDUP_FLAG", "CASE WHEN n % 20 = 0 THEN '1' ELSE '0' END"),
    ],
)
def test_registrations_of_which_few_are_eligible_are_refused(copy, column, code):
    folder = copy("clean-england")
    folder.put("av_tumour", column, code, "true")
    refuse("clean-england", folder, "av_tumour", "columns STATUSOFREGISTRATION, CTRY_CODE and DEDUP_FLAG, row [12]: ")


@pytest.mark.parametrize(
    ("name", "table", "column", "code"),
    [
        ("clean-england", "av_tumour", "ER_STATUS", "'P'"),
        ("clean-wales", "wcn_registration", "CHEMOTHERAPY_FLAG", "nullif(CHEMOTHERAPY_FLAG, 'N')"),
    ],
)
def test_an_item_of_which_only_one_value_is_there_is_refused(copy, name, table, column, code):
    folder = copy(name)
    folder.put(table, column, code, "true")
    refuse(name, folder, table, f"{table}.parquet: column {column}: .* in all .* rows that have one")


def test_sex_of_which_only_men_are_coded_is_refused(copy):
    folder = copy("clean-england")
    folder.edit("av_patient", "SELECT * REPLACE (CASE WHEN GENDER::INTEGER = 1 THEN '1' ELSE '0' END AS GENDER) FROM t")
    refuse("clean-england", folder, "av_patient", "column GENDER: 100% of the people.*are men")


@pytest.mark.parametrize(
    ("select", "said"),
    [
        ("lag(STAGE_BEST) OVER () AS STAGE_BEST", "s STAGE_BEST and M_BEST, row .*no metastases"),
        ("'4' AS STAGE_BEST", "s STAGE_BEST and M_BEST, row .*no metastases"),
        ("CASE WHEN M_BEST IS NOT NULL THEN '0' END AS M_BEST", "s STAGE_BEST and M_BEST, row .*no metastases"),
        (
            "ER_STATUS AS HER2_STATUS, HER2_STATUS AS ER_STATUS",
            "s ER_STATUS and HER2_STATUS: more are positive for HER2",
        ),
        ("'0' AS BASISOFDIAGNOSIS", " BASISOFDIAGNOSIS: death_certificate in all"),
    ],
)
def test_items_that_contradict_each_other_are_refused(copy, select, said):
    folder = copy("clean-england")
    folder.edit("av_tumour", f"SELECT * REPLACE ({select}) FROM t")
    with pytest.raises(ExtractError, match=f"av_tumour.parquet: column{said}"):
        read("clean-england", folder, "av_tumour")


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [("clean-england", "av_tumour", "AGE"), ("clean-wales", "wcn_registration", "AGE_AT_DIAGNOSIS")],
)
def test_ages_of_which_none_is_recorded_are_refused(copy, name, table, column):
    folder = copy(name)
    folder.put(table, column, "NULL", "true")
    refuse(name, folder, table, f"{table}.parquet: column {column}, row 1: not recorded .*a value in every row")


def test_an_extract_of_metastatic_disease_only_is_read(copy):
    folder = copy("clean-england")
    folder.edit("av_tumour", "SELECT * REPLACE ('4' AS STAGE_BEST, '1' AS M_BEST) FROM t")
    read("clean-england", folder, "av_tumour")


@pytest.mark.parametrize(
    ("code", "hint"), [("\u0421509", "not the usual one"), ("C509,C773", "several codes in one field")]
)
def test_the_hint_names_a_letter_that_only_looks_usual_and_several_codes(copy, code, hint):
    folder = copy("clean-england")
    folder.put("hes_apc", "DIAG_01", f"'{code}'")
    refuse("clean-england", folder, "hes_apc", f"column DIAG_01, row 4: .*{hint}")


def test_operations_that_are_diagnoses_of_their_episode_are_refused(copy):
    folder = copy("clean-england-rcrd")
    codes = ", ".join(f"DIAG_{n:02d} AS OPERTN_{n:02d}" for n in range(1, 21))
    folder.edit("hes_apc", f"SELECT * REPLACE ({codes}) FROM t")
    refuse(
        "clean-england-rcrd",
        folder,
        "hes_apc",
        "columns OPERTN_01 to OPERTN_24: .* are those of diagnoses of the same episode",
    )


def test_codes_of_pedw_that_are_shifted_by_a_row_are_refused(copy):
    folder = copy("clean-wales")
    folder.edit("pedw_diag", "SELECT * REPLACE (lag(DIAG_CD_1234, 1, 'I10') OVER (ORDER BY n) AS DIAG_CD_1234) FROM t")
    said = refuse("clean-wales", folder, "pedw_diag", "first code of an episode and not its main diagnosis in pedw_ep")
    assert "Hint: is the column shifted by a row" in said


def test_pedw_without_main_diagnoses_is_read(copy):
    folder = copy("clean-wales")
    folder.edit("pedw_episode", "SELECT * EXCLUDE (DIAG_CD_1234) FROM t")
    assert read("clean-wales", folder, "pedw_diag").rows["diagnoses"]


@pytest.mark.parametrize("age", ["AGE * 12", "1950"])
def test_an_age_that_is_none_is_asked_for_as_one(copy, age):
    folder = copy("clean-england-rcrd")
    folder.put("rcrd_tumour", "AGE", age)
    refuse("clean-england-rcrd", folder, "rcrd_tumour", "from 0 to 120. Hint: .*a year of birth, or an age in months")
