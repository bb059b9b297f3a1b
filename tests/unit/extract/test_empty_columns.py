"""Columns in which no row has a value: named, with what is made of less without them, or refused."""

from __future__ import annotations

import pytest

from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract
from naome.extract.raw_tables import FileNote
from naome.workflow.ingest import say_lacking
from naome.workflow.plan import plan_check

SOURCES = {"england": "ncrd", "wales": "wcn"}


def read(folder, audit, out=None):
    return read_extract(READERS[SOURCES[audit]], folder.path, out, progress=lambda line: None)


def blank(folder, table, *columns):
    nothing = ", ".join(f"NULL::VARCHAR AS {column}" for column in columns)
    folder.edit(table, f"SELECT * REPLACE ({nothing}) FROM t")


@pytest.mark.parametrize(
    ("audit", "table", "column", "canonical"),
    [
        ("england", "av_tumour", "STAGE_BEST", "tumours.stage"),
        ("england", "cosd_recurrence", "CANCERRECURRENCECAREPLANINDICATOR", "recurrences.kind"),
        ("england", "hes_apc", "EPISTART", ""),
        ("wales", "wcn_registration", "KEY_WORKER_SEEN", "tumours.cns"),
        ("wales", "adde_deaths", "DEATHCAUSE_DIAG_UNDERLYING_CD", "deaths.underlying_cause"),
        ("wales", "pedw_oper", "OPER_DT", ""),
    ],
)
def test_a_column_without_a_value_is_a_warning_and_what_needs_it_is_absent(
    copy, tmp_path, audit, table, column, canonical
):
    folder = copy(f"clean-{audit}")
    blank(folder, table, column)
    for out in (None, tmp_path / "canonical"):  # checked, and read
        extract = read(folder, audit, out)
        (warning,) = extract.list_warnings()
        assert warning == f"{table}.parquet: no row has a value in column {column}. Was it not exported?"
        assert [name for name, known in extract.absent.things.items() if known == "extract"] == [canonical][
            : bool(canonical)
        ]


def test_a_column_of_words_for_missing_has_no_value(copy):
    folder = copy("clean-wales")
    folder.edit("wcn_registration", "SELECT * REPLACE ('not known' AS ER_STATUS) FROM t")
    assert "no row has a value in column ER_STATUS" in "".join(read(folder, "wales").list_warnings())


def test_the_last_of_numbered_columns_may_be_empty_and_all_of_them_may_not(copy):
    folder, causes = copy("clean-wales"), [f"DEATHCAUSE_DIAG_{n}_CD" for n in range(1, 9)]
    blank(folder, "adde_deaths", *causes[1:])
    assert not read(folder, "wales").list_warnings()
    blank(folder, "adde_deaths", *causes)
    (warning,) = read(folder, "wales").list_warnings()
    assert f"columns {', '.join(causes)}. Were they" in warning


@pytest.mark.parametrize(
    ("audit", "table", "columns", "match"),
    [
        ("england", "hes_apc", ["CLASSPAT"], r"hes_apc\.parquet: column CLASSPAT, row 1: not recorded in [\d,]+ rows"),
        ("wales", "pedw_spell", ["PAT_CLASS_CD"], r"pedw_spell\.parquet: column PAT_CLASS_CD, row 1: not recorded in"),
        ("england", "hes_apc", [f"OPERTN_{n:02d}" for n in range(1, 25)], r"procedures: none in [\d,]+ admissions"),
        ("wales", "pedw_oper", ["OPER_CD"], r"procedures: none in [\d,]+ admissions"),
        ("england", "av_patient", ["VITALSTATUSDATE"], r"column VITALSTATUSDATE, row .*are of people who have died"),
    ],
)
def test_columns_without_which_admissions_or_deaths_say_nothing_are_refused(copy, audit, table, columns, match):
    folder = copy(f"clean-{audit}")
    blank(folder, table, *columns)
    with pytest.raises(ExtractError, match=match) as refused:
        read(folder, audit)
    assert "1 problem;" in str(refused.value)


def test_a_few_admissions_without_their_kind_are_read(copy):
    folder = copy("clean-wales")
    folder.put("pedw_spell", "PAT_CLASS_CD", "NULL", "n % 10 = 0")
    assert not read(folder, "wales").list_warnings()


def test_episodes_without_a_provider_are_refused_and_not_a_python_error(copy):
    folder = copy("clean-wales")
    blank(folder, "pedw_episode", "PROV_UNIT_CD")
    with pytest.raises(ExtractError, match=r"pedw_episode\.parquet: column PROV_UNIT_CD, row 1: empty identifier"):
        read(folder, "wales")


@pytest.mark.parametrize(
    ("audit", "table", "column", "said"),
    [
        ("wales", "wcn_registration", "STAGE_GROUPING", "People enter the de novo cohort by other records only."),
        ("wales", "wcn_registration", "HEALTH_BOARD_OF_DIAGNOSIS", "Without a value in the analysis: provider."),
        (
            "england",
            "cosd_recurrence",
            "CANCERRECURRENCECAREPLANINDICATOR",
            "without: m1_or_recurrence_recorded.recurrent.",
        ),
    ],
)
def test_what_is_made_of_less_is_said(copy, audit, table, column, said):
    folder = copy(f"clean-{audit}")
    blank(folder, table, column)
    plan = plan_check(audit, folder.path)
    (sentence,) = say_lacking(plan, read(folder, audit))
    assert sentence.startswith("This extract has no ") and sentence.endswith(said)


def test_a_code_may_be_empty_where_its_name_is_not(copy):
    folder = copy("clean-england")
    blank(folder, "organisations", "REGION_CODE", "ORG_TYPE")
    assert not read(folder, "england").list_warnings()
    blank(folder, "organisations", "REGION_CODE", "REGION_NAME")
    (warning,) = read(folder, "england").list_warnings()
    assert "columns REGION_CODE, REGION_NAME. Were they" in warning


def test_a_result_that_needs_two_things_that_are_absent_is_named_with_both(copy):
    folder = copy("clean-wales")
    blank(folder, "wcn_registration", "ER_STATUS", "HER2_STATUS")
    said = say_lacking(plan_check("wales", folder.path), read(folder, "wales"))
    assert len(said) == 2 and all("molecular_status_recorded" in sentence for sentence in said)


def test_a_file_with_every_column_filled_has_no_sentence():
    assert FileNote("hes_apc", "hes_apc.csv", 500, "utf-8", (), ()).say_empty() == ""
