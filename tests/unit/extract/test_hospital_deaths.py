"""Who left hospital dead has a registered death of that time; where many have not, deaths were lost or are others'."""

from __future__ import annotations

import pytest

from naome.extract import READERS, read_extract

#: Extract -> its reader, table of admissions and method of discharge, and deaths of half of the people taken out
SOURCES = {
    "clean-wales": ("wcn", "pedw_spell", "DISCH_MTHD_CD", "adde_deaths", "SELECT * EXCLUDE (n) FROM t WHERE n % 2 = 0"),
    "clean-england-rcrd": (
        "rcrd",
        "hes_apc",
        "DISMETH",
        "rcrd_tumour",
        "SELECT * EXCLUDE (n, lost) REPLACE (if(lost, 'A', VITALSTATUS) AS VITALSTATUS, "
        "if(lost, DATE '2025-12-31', VITALSTATUSDATE) AS VITALSTATUSDATE) "
        "FROM (SELECT *, PATIENTID::BIGINT % 2 = 0 AS lost FROM t)",
    ),
}


@pytest.fixture(params=SOURCES)
def source(request, copy):
    folder = copy(request.param)
    (folder.path / "extract.json").unlink()
    return folder, *SOURCES[request.param]


def warn(folder, reader) -> list[str]:
    warnings = read_extract(READERS[reader], folder.path, None, progress=lambda line: None).list_warnings()
    return [line for line in warnings if "of the people who died in hospital" in line]


@pytest.mark.parametrize("written", ["{}", "'0' || {}", "{} || '.0'"])
def test_half_of_the_deaths_missing_is_a_warning(source, written):
    folder, reader, table, method, deaths, half = source
    folder.edit(table, f"SELECT * REPLACE ({written.format(method)} AS {method}) FROM t")
    folder.edit(deaths, half)
    (said,) = warn(folder, reader)
    assert said.startswith(f"{table}, column {method}: of the people who died in hospital ") and f"in {deaths}" in said
    assert 30 < int(said.partition("hospital ")[2].partition("%")[0]) < 70


def test_deaths_half_a_year_late_are_a_warning(copy):
    folder = copy("clean-wales")
    (folder.path / "extract.json").unlink()
    folder.edit(
        "adde_deaths", "SELECT * REPLACE (DEATH_DT + 182 AS DEATH_DT, DEATH_REG_DT + 182 AS DEATH_REG_DT) FROM t"
    )
    (said,) = warn(folder, "wcn")
    assert "one before ADMIS_DT or more than 90 days after it" in said


def test_few_people_who_have_no_registered_death_are_not_counted(copy):
    folder = copy("clean-wales")
    (folder.path / "extract.json").unlink()
    folder.edit("adde_deaths", "SELECT * EXCLUDE (n) FROM t WHERE n % 11 > 0")
    (said,) = warn(folder, "wcn")
    assert "in hospital a few have no death in adde_deaths, and none one before" in said


def test_another_column_than_the_method_is_a_warning(source):
    folder, reader, table, method, *_ = source
    folder.edit(table, f"SELECT * REPLACE ('1' AS {method}) FROM t")
    warnings = read_extract(READERS[reader], folder.path, None, progress=lambda line: None).list_warnings()
    (said,) = [line for line in warnings if line.endswith("Is this the method of discharge?")]
    assert said.startswith(f"{table}, column {method}: fewer than 5% of the people who were admitted and have died")


def test_nothing_is_said_where_they_agree_or_the_method_is_not_there(source):
    folder, reader, table, method, *_ = source
    assert not warn(folder, reader)
    folder.edit(table, f"SELECT * EXCLUDE (n, {method}) FROM t")
    assert not warn(folder, reader)
