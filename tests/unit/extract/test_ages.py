"""Ages at events follow from the age at diagnosis; where many do not, they or their rows are those of others."""

from __future__ import annotations

import pytest

from naome.extract import READERS, read_extract

SOURCES = {"clean-england": "ncrd", "clean-england-rcrd": "rcrd"}


def warn(copy, name, table, select):
    folder = copy(name)
    (folder.path / "extract.json").unlink()
    folder.edit(table, select)
    warnings = read_extract(READERS[SOURCES[name]], folder.path, None, progress=lambda line: None).list_warnings()
    return [line for line in warnings if "Are identifiers, ages or dates those of other rows?" in line]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize(
    "select",
    [
        "SELECT * REPLACE (coalesce(lag(STUDY_ID, 1) OVER (ORDER BY n), STUDY_ID) AS STUDY_ID) FROM t",
        "SELECT * REPLACE (coalesce(lag(STARTAGE, 3) OVER (ORDER BY n), STARTAGE) AS STARTAGE) FROM t",
        "SELECT * REPLACE ((STARTAGE::INTEGER - 3)::VARCHAR AS STARTAGE) FROM t",
    ],
    ids=["identifiers one row off", "ages three rows off", "ages of other days"],
)
def test_admissions_of_other_people_are_a_warning(copy, name, select):
    (said,) = warn(copy, name, "hes_apc", select)
    assert said.startswith("hes_apc, column STARTAGE: ") and "follows from EPISTART and the first diagnosis in " in said


def test_ages_at_diagnosis_that_are_those_of_other_rows_are_a_warning(copy):
    said = warn(
        copy, "clean-england", "av_tumour", "SELECT * REPLACE (coalesce(lag(AGE) OVER (ORDER BY n), AGE) AS AGE) FROM t"
    )
    assert [line.partition(":")[0] for line in said] == ["hes_apc, column STARTAGE", "ons_deaths, column DEC_AGEC"]


@pytest.mark.parametrize(
    "select",
    [
        "SELECT * EXCLUDE (STARTAGE) FROM t",
        "SELECT * REPLACE (NULL AS STARTAGE) FROM t",
        "SELECT * REPLACE ('7001' AS STARTAGE) FROM t",
        "SELECT * REPLACE (CASE WHEN n < 90 THEN '20' END AS STARTAGE) FROM t",
        "SELECT * REPLACE ('not known' AS STARTAGE) FROM t",
    ],
    ids=["no column", "nothing in it", "a code of babies", "few rows", "words"],
)
def test_without_ages_nothing_is_said(copy, select):
    assert not warn(copy, "clean-england", "hes_apc", select)
