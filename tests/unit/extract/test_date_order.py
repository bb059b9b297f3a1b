"""Dates that contradict each other: columns exchanged, day and month exchanged where both are possible, a year off."""

from __future__ import annotations

import pytest

from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.core.seal import SEAL
from naome.extract import READERS, read_extract

DAY = "try_strptime({c}::VARCHAR, ['%Y-%m-%d', '%Y%m%d'])"
#: Day and month exchanged wherever the day may be a month, all dates in one spelling
EXCHANGED = f"CASE WHEN day({DAY}) <= 12 THEN strftime({DAY}, '%m/%d/%Y') ELSE strftime({DAY}, '%d/%m/%Y') END"
YEAR_BACK = f"strftime({DAY} - INTERVAL 1 YEAR, '%Y-%m-%d')"


def refuse(name, folder, match):
    reader = READERS[load_params(name.removeprefix("clean-")).source]
    with pytest.raises(ExtractError, match=match):
        read_extract(reader, folder.path, None, progress=lambda line: None)


@pytest.mark.parametrize("wrong", [EXCHANGED, YEAR_BACK])
@pytest.mark.parametrize(
    ("name", "table", "column", "said"),
    [
        ("clean-england", "hes_apc", "EPISTART", "hes_apc.parquet: column EPISTART, row .* before ADMIDATE"),
        ("clean-england", "sact_drug_detail", "ADMINISTRATION_DATE", "before START_DATE_OF_CYCLE of sact_cycle"),
        ("clean-england", "sact_cycle", "START_DATE_OF_CYCLE", "before START_DATE_OF_REGIMEN of sact_regimen"),
        ("clean-england", "av_patient", "VITALSTATUSDATE", "alive on the day of their death in ons_deaths"),
        ("clean-england-rcrd", "hes_apc", "EPISTART", "hes_apc.parquet: column EPISTART, row .* before ADMIDATE"),
        (
            "clean-wales",
            "pedw_oper",
            "OPER_DT",
            "pedw_oper.parquet: column OPER_DT, row .* before ADMIS_DT of",
        ),
        ("clean-wales", "pedw_episode", "EPI_STR_DT", "EPI_STR_DT, row .* before ADMIS_DT of pedw_spell"),
    ],
)
def test_dates_before_those_that_come_first_are_refused(copy, name, table, column, said, wrong):
    folder = copy(name)
    folder.edit(table, f"SELECT * REPLACE ({wrong.format(c=column)} AS {column}) FROM t")
    refuse(name, folder, said)


@pytest.mark.parametrize("wrong", [EXCHANGED, YEAR_BACK])
def test_operations_before_their_admission_are_refused(copy, wrong):
    folder = copy("clean-england")
    columns = [f"OPDATE_{n:02d}" for n in range(1, 25)]
    folder.edit("hes_apc", f"SELECT * REPLACE ({', '.join(f'{wrong.format(c=c)} AS {c}' for c in columns)}) FROM t")
    refuse("clean-england", folder, "hes_apc.parquet: column OPDATE_01 to OPDATE_24, row .* before ADMIDATE")


def test_the_dead_who_are_all_alive_in_the_registry_are_refused(copy):
    folder = copy("clean-england")
    folder.put("av_patient", "VITALSTATUS", "'A'", "true")
    refuse("clean-england", folder, "columns VITALSTATUS and VITALSTATUSDATE, row .* alive on the day of their death")


def test_whoever_died_after_the_day_of_the_vital_status_is_alive_there(copy):
    folder = copy("clean-england")
    folder.edit(
        "av_patient",
        "SELECT * REPLACE (CASE WHEN VITALSTATUSDATE > '2020-06-30' THEN 'A' ELSE VITALSTATUS END AS VITALSTATUS, "
        "CASE WHEN VITALSTATUSDATE > '2020-06-30' THEN '2020-06-30' ELSE VITALSTATUSDATE END AS VITALSTATUSDATE) "
        "FROM t",
    )
    read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)


def test_a_few_deaths_without_a_date_are_read_and_more_are_refused(copy):
    """Five are few in any table; more than one in 200 of the dead is not."""
    folder = copy("clean-england")
    unregistered = "VITALSTATUS LIKE 'D%' AND PATIENTID NOT IN (SELECT DEC_CONF_NHS_NUMBER_CLEAN_DEID FROM deaths)"
    deaths = f"WITH deaths AS (FROM '{folder.path}/ons_deaths.parquet')"
    emptied = "SELECT * REPLACE (CASE WHEN {where} THEN NULL ELSE VITALSTATUSDATE END AS VITALSTATUSDATE) FROM t"
    few = f"PATIENTID IN (SELECT PATIENTID FROM t WHERE {unregistered} ORDER BY 1 LIMIT 5)"
    folder.edit("av_patient", f"{deaths} {emptied.format(where=few)}")
    read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)
    folder.edit("av_patient", f"{deaths} {emptied.format(where=unregistered)}")
    refuse("clean-england", folder, "column VITALSTATUSDATE, row .* no date of death, here or in ons_deaths; allowed")


def test_registrations_of_deaths_of_some_years_are_read(copy):
    folder = copy("clean-england")
    (folder.path / SEAL).unlink()
    folder.edit("ons_deaths", "SELECT * FROM t WHERE REG_DATE_OF_DEATH >= '2021-01-01'")
    read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)


def test_a_date_in_the_wrong_century_is_refused(copy):
    folder = copy("clean-england")
    folder.put("av_tumour", "DIAGNOSISDATEBEST", "'1918-03-04'", "n % 20 = 0")
    refuse("clean-england", folder, "column DIAGNOSISDATEBEST, row 1: .* from 1930 to today")
