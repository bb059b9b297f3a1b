"""Day and month exchanged in part of a column, as spreadsheets do: seen by a spelling in which no day is above 12."""

from __future__ import annotations

import re

import pytest
from reading import read_about

from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract import READERS, read_extract

#: How messages call the start of a cycle
CYCLE = "START_DATE_OF_CYCLE of sact_cycle"

PLACES = [
    ("england", "av_tumour", "DIAGNOSISDATEBEST"),
    ("england", "hes_apc", "EPISTART"),
    ("england", "rtds_prescription", "APPTDATE"),
    ("clean-wales", "adde_deaths", "DEATH_DT"),
    ("clean-england-rcrd", "rcrd_tumour", "DIAGNOSISDATE"),
]
#: What a spreadsheet that puts the month first makes of days that it takes for months
EXCHANGED = ("%Y-%d-%m", "%m/%d/%Y 12:00:00 AM", "%-m/%-d/%Y", "%m-%d-%Y", "%Y%d%m")


def read(name, folder, table):
    reader = read_about(READERS[load_params(name.removeprefix("clean-")).source], table)
    return read_extract(reader, folder.path, None, progress=lambda line: None)


def write_dates(folder, table, column, spelling, other, rows):
    day = f"CAST({column} AS DATE)"
    folder.edit(
        table,
        f"SELECT * REPLACE (CASE WHEN {rows.format(day=f'day({day})')} THEN strftime({day}, '{other}') "
        f"ELSE strftime({day}, '{spelling}') END AS {column}) FROM t",
    )


@pytest.mark.parametrize(("name", "table", "column"), PLACES)
@pytest.mark.parametrize("other", EXCHANGED[:2])
def test_a_column_with_day_and_month_exchanged_in_part_is_refused_once(copy, name, table, column, other):
    folder = copy(name)
    write_dates(folder, table, column, "%d/%m/%Y", other, "{day} <= 12")
    with pytest.raises(ExtractError, match=f"column {column}: dates are written in two ways, '99/99/9999'") as error:
        read(name, folder, table)
    assert str(error.value).count("dates are written in two ways") == 1


@pytest.mark.parametrize("other", EXCHANGED)
@pytest.mark.parametrize("rows", ["{day} <= 12", "{day} <= 12 AND n % 4 = 0"])
def test_every_way_of_exchanging_day_and_month_is_seen(copy, other, rows):
    folder = copy("clean-england-rcrd")
    write_dates(folder, "rcrd_tumour", "DIAGNOSISDATE", "%d/%m/%Y", other, rows)
    with pytest.raises(ExtractError, match="column DIAGNOSISDATE: dates are written in two ways"):
        read("clean-england-rcrd", folder, "rcrd_tumour")


@pytest.mark.parametrize(
    ("other", "rows"),
    [
        ("%Y-%m-%d", "n % 3 = 0"),  # two spellings, both right
        ("%-d/%-m/%Y", "n % 3 = 0"),  # small numbers with and without zeros
        ("%Y%m%d", "{day} <= 12 AND n < 25"),  # too few to tell
        ("%Y-%m-01", "n % 3 = 0"),  # the day is not known, written as the first
        ("%d%b%Y", "{day} <= 12"),  # the month is a word
        ("%d/%m/%Y 00:00", "n % 2 = 0"),
    ],
)
def test_two_spellings_that_are_both_right_are_read(copy, other, rows):
    folder = copy("clean-england-rcrd")
    write_dates(folder, "rcrd_tumour", "DIAGNOSISDATE", "%d/%m/%Y", other, rows)
    assert read("clean-england-rcrd", folder, "rcrd_tumour").rows["tumours"]


def exchange(column: str) -> str:
    return f"make_date(year({column}), day({column}), month({column}))"


def test_an_organisation_with_day_and_month_exchanged_is_named(copy):
    folder = copy("clean-england")
    folder.edit("av_tumour", "SELECT * REPLACE (CAST(DIAGNOSISDATEBEST AS DATE) AS DIAGNOSISDATEBEST) FROM t")
    one = "(SELECT mode(DIAG_TRUST) FROM t)"
    other = f"CASE WHEN day(DIAGNOSISDATEBEST) <= 12 THEN {exchange('DIAGNOSISDATEBEST')} END"
    rest = "day(DIAGNOSISDATEBEST) <= 12"  # what had no meaning with the month first is not there
    folder.edit(
        "av_tumour",
        f"SELECT * REPLACE (CASE WHEN DIAG_TRUST = {one} THEN {other} ELSE DIAGNOSISDATEBEST END AS DIAGNOSISDATEBEST) "
        f"FROM t WHERE DIAG_TRUST <> {one} OR {rest}",
    )
    (folder.path / "extract.json").unlink()
    with pytest.raises(ExtractError, match=r"tumours: diagnosis_date: no day is above 12 in the records of \w+ \("):
        read("clean-england", folder, "av_tumour")


@pytest.mark.parametrize(
    ("day", "rows"),
    [
        ("date_trunc('month', {c})::DATE", "true"),  # the day is not known, written as the first
        ("make_date(year({c}), month({c}), 1 + day({c}) % 3)", "true"),  # too few different days to tell
        ("make_date(year({c}), month({c}), 1 + day({c}) % 12)", "n < 400"),  # too few rows of any organisation
    ],
)
def test_organisations_of_which_days_tell_nothing_are_read(copy, day, rows):
    folder = copy("clean-england")
    written = day.format(c="DIAGNOSISDATEBEST")
    folder.edit("av_tumour", "SELECT * REPLACE (CAST(DIAGNOSISDATEBEST AS DATE) AS DIAGNOSISDATEBEST) FROM t")
    folder.edit(
        "av_tumour",
        f"SELECT * REPLACE (CASE WHEN {rows} THEN {written} ELSE DIAGNOSISDATEBEST END AS DIAGNOSISDATEBEST) FROM t",
    )
    assert "no day is above 12" not in said_of(folder)


@pytest.mark.parametrize(
    ("name", "table", "column", "date"),
    [
        ("clean-england", "av_tumour", "DIAGNOSISDATEBEST", "column DIAGNOSISDATEBEST"),
        ("clean-england", "av_tumour", "FIRSTMDTMEETINGDATE", "column FIRSTMDTMEETINGDATE"),
        (
            "clean-england",
            "sact_drug_detail",
            "ADMINISTRATION_DATE",
            f"columns ADMINISTRATION_DATE, {CYCLE} and START_DATE_OF_REGIMEN of sact_regimen",
        ),
        ("clean-england", "sact_cycle", "START_DATE_OF_CYCLE", f"column {CYCLE}"),
        ("clean-wales", "wcn_registration", "DATE_OF_DIAGNOSIS", "column DATE_OF_DIAGNOSIS"),
        ("clean-england-rcrd", "rcrd_tumour", "DIAGNOSISDATE", "column DIAGNOSISDATE"),
    ],
)
def test_dates_exchanged_in_some_rows_are_a_warning_with_numbers(copy, name, table, column, date):
    """In one spelling, and only where both readings are dates: they are far from the other records of the person."""
    folder = copy(name)
    day = f"coalesce(TRY_CAST({column} AS DATE), try_strptime({column}::VARCHAR, '%Y%m%d')::DATE)"
    folder.edit(
        table,
        f"SELECT * REPLACE (CASE WHEN n % 2 = 0 AND day({day}) <= 12 THEN {exchange(day)} ELSE {day} END AS {column}) "
        "FROM t",
    )
    (folder.path / "extract.json").unlink()
    said = read_all(name, folder).list_warnings()
    assert [line for line in said if f"({date}, " in line and "are day and month exchanged in some rows?" in line]


def test_dates_that_are_more_often_of_a_weekend_are_a_warning(copy):
    folder = copy("clean-england-rcrd")
    weekday = "DIAGNOSISDATE - CASE dayofweek(DIAGNOSISDATE) WHEN 6 THEN 1 WHEN 0 THEN 2 ELSE 0 END"
    folder.edit("rcrd_tumour", "SELECT * REPLACE (CAST(DIAGNOSISDATE AS DATE) AS DIAGNOSISDATE) FROM t")
    folder.edit("rcrd_tumour", f"SELECT * REPLACE (CAST({weekday} AS DATE) AS DIAGNOSISDATE) FROM t")
    assert not read_all("clean-england-rcrd", folder).improbable
    other = f"CASE WHEN day(DIAGNOSISDATE) <= 12 THEN {exchange('DIAGNOSISDATE')} ELSE DIAGNOSISDATE END"
    folder.edit("rcrd_tumour", f"SELECT * REPLACE ({other} AS DIAGNOSISDATE) FROM t")
    said = read_all("clean-england-rcrd", folder).improbable
    assert [line for line in said if re.search(r"\d% of the dates .* are on a Saturday or Sunday, and \d% of", line)]


def read_all(name, folder):
    reader = READERS[load_params(name.removeprefix("clean-")).source]
    return read_extract(reader, folder.path, None, progress=lambda line: None)


def said_of(folder) -> str:
    """Return the problems of an extract of which the days were changed; an empty text where there are none."""
    try:
        read("clean-england", folder, "av_tumour")
    except ExtractError as error:
        return str(error)
    return ""
