"""Dates of which only the month or the year is known are read and named, as are years of a run without diagnoses."""

from __future__ import annotations

import datetime as dt

import pytest

from naome.core.params import load_params
from naome.extract import READERS, read_extract

#: Clean extract, table and date
PLACES = [
    ("clean-england", "av_tumour", "DIAGNOSISDATEBEST"),
    ("clean-england", "hes_apc", "ADMIDATE"),
    ("clean-england", "rtds_prescription", "APPTDATE"),
    ("clean-england-rcrd", "rcrd_tumour", "DIAGNOSISDATE"),
    ("clean-wales", "pedw_spell", "ADMIS_DT"),
]


def read(audit, folder, **options):
    reader = READERS[load_params(audit.removeprefix("clean-")).source]
    return read_extract(reader, folder.path, None, progress=lambda line: None, **options)


@pytest.mark.parametrize(("audit", "table", "date"), PLACES)
def test_a_table_whose_dates_have_no_day_is_named(copy, audit, table, date):
    folder = copy(audit)
    of_month = f"date_trunc('month', {date}::DATE)::DATE"
    folder.edit(table, f"SELECT * REPLACE ({of_month} AS {date}) FROM t")
    warnings = read(audit, folder).list_warnings()
    said = [line for line in warnings if "few are expected" in line]
    assert len(said) == 1
    assert "day 1 of a month in " in said[0]
    assert not [line for line in warnings if "exchanged in some rows" in line], "other tables are compared with it"


@pytest.mark.parametrize(
    ("audit", "table", "provider", "change"),
    [
        ("clean-england", "av_tumour", "DIAG_TRUST", "make_date(year(DIAGNOSISDATEBEST), 7, 1) AS DIAGNOSISDATEBEST"),
        (
            "clean-wales",  # of a seventh of the table
            "wcn_registration",
            "HEALTH_BOARD_OF_DIAGNOSIS",
            "left(DATE_OF_DIAGNOSIS, 4) || '0701' AS DATE_OF_DIAGNOSIS",
        ),
    ],
)
def test_an_organisation_that_knows_the_year_alone_is_named(copy, audit, table, provider, change):
    folder = copy(audit)
    value, _, day = change.partition(" AS ")
    folder.edit(
        table,
        f"SELECT * REPLACE (CASE WHEN {provider} = (SELECT mode({provider}) FROM t) THEN {value} ELSE {day} END "
        f"AS {day}) FROM t",
    )
    (said,) = [line for line in read(audit, folder).list_warnings() if "few are expected" in line]
    assert said.startswith(f"{table}, column {day}: 1 July in ")
    assert " rows of Z" in said


@pytest.mark.parametrize("audit", ["clean-england", "clean-wales", "clean-england-rcrd"])
def test_real_dates_are_of_all_days(extracts, audit):
    reader = READERS[load_params(audit.removeprefix("clean-")).source]
    assert not any(each.one_day for each in read_extract(reader, extracts[audit], None, progress=str).periods)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (dt.date(2015, 1, 1), dt.date(2021, 12, 31), []),
        (dt.date(2015, 1, 1), dt.date(2022, 12, 31), ["after 2021-12-31, and the run's end on 2022-12-31"]),
        (dt.date(2010, 1, 1), dt.date(2021, 12, 31), ["before 2015-01-01, and the run's begin on 2010-01-01"]),
    ],
)
def test_years_of_the_run_without_diagnoses_are_named(extracts, first, last, said):
    folder = extracts["clean-england"]
    extract = read_extract(READERS["ncrd"], folder, None, diagnosed=(first, last), progress=lambda line: None)
    found = [line for line in extract.list_warnings() if "few diagnoses" in line]
    assert len(found) == len(said)
    assert all(part in line for part, line in zip(said, found, strict=True))


def test_a_few_who_died_before_their_diagnosis_are_left_out_and_counted(copy):
    """Of real registrations some are; cohort rule EL6 is about them."""
    folder = copy("clean-england")
    folder.put("ons_deaths", "REG_DATE_OF_DEATH", "'20141231'", "n < 3")
    folder.put("ons_deaths", "REG_DATE", "'20150105'", "n < 3")
    (counted,) = [each for each in read("clean-england", folder).quality if each["rule"] == "death_before_diagnosis"]
    assert (counted["table"], counted["kind"]) == ("av_tumour", "left out")
    assert 0 < counted["rows"] <= 3
