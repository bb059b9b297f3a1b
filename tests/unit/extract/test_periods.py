"""The time that each table covers is on the page, and a table that ends before the others is named."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest

from naome.extract import READERS, read_extract
from naome.extract.periods import find_gaps, say_early, say_untraced
from naome.workflow.extract_report import describe_extract


def read(folder):
    return read_extract(READERS["ncrd"], folder, None, progress=lambda line: None)


def test_the_first_and_last_date_of_every_table_are_on_the_page(extracts):
    extract = read(extracts["clean-england"])
    period = next(each for each in extract.periods if each.table == "admissions")
    first, last, rows = duckdb.execute(
        "SELECT min(coalesce(ADMIDATE, EPISTART)), max(coalesce(ADMIDATE, EPISTART)), count(*) "
        f"FROM '{extracts['clean-england']}/hes_apc.parquet'"
    ).fetchone()
    assert (period.first, period.last) == (first, last)
    assert period.rows <= rows
    assert f"{first}" in describe_extract(extract)
    assert not say_early(extract.periods)


def test_a_table_that_ends_before_the_others_is_named(copy):
    folder = copy("clean-england")
    (folder.path / "extract.json").unlink()
    folder.edit("hes_apc", "SELECT * FROM t WHERE EPISTART < DATE '2019-01-01' AND ADMIDATE < DATE '2019-01-01'")
    extract = read(folder.path)
    assert any(
        line.startswith("hes_apc ends on 2018-1") and "(columns ADMIDATE and EPISTART)" in line
        for line in say_early(extract.periods)
    )
    assert "hes_apc ends on 2018-1" in describe_extract(extract)
    assert not [line for line in say_early(extract.periods, dt.date(2019, 1, 31)) if line.startswith("hes_apc")]


def test_a_table_that_begins_long_after_the_diagnoses_is_named(copy):
    folder = copy("clean-england")
    (folder.path / "extract.json").unlink()
    folder.edit("hes_apc", "SELECT * FROM t WHERE coalesce(ADMIDATE, EPISTART) >= DATE '2018-01-01'")
    (warning,) = read(folder.path).list_warnings()
    assert warning.startswith("hes_apc begins on 2018-01") and "after the diagnoses (2015-01-01)" in warning


@pytest.mark.parametrize(
    ("table", "date", "months"),
    [("hes_apc", "ADMIDATE", ("2019-03", "2019-05")), ("av_tumour", "DIAGNOSISDATEBEST", ("2020-01", "2020-12"))],
)
def test_a_table_without_rows_of_some_months_is_named(copy, table, date, months):
    folder = copy("clean-england")
    (folder.path / "extract.json").unlink()
    first, last = months
    folder.edit(
        table, f"SELECT * FROM t WHERE {date} IS NULL OR left({date}::VARCHAR, 7) NOT BETWEEN '{first}' AND '{last}'"
    )
    found = read(folder.path).list_warnings()
    assert [line for line in found if line.startswith(f"{table} has hardly a row, or none, in {first} to {last} (")]


def test_a_year_that_is_missing_by_the_end_of_episodes_is_a_gap_although_some_had_begun_in_it():
    months = dict.fromkeys(range(12 * 2019, 12 * 2022), 1000) | dict.fromkeys(range(12 * 2020 + 3, 12 * 2021 + 2), 5)
    assert find_gaps(months | {12 * 2021 + 2: 100}) == ("2020-04 to 2021-03",)
    assert find_gaps(months | dict.fromkeys(range(12 * 2020 + 3, 12 * 2021 + 2), 400)) == ()


def test_few_records_of_years_before_the_others_are_no_gap():
    assert find_gaps({12 * 2014 + n: 6 for n in range(6)} | {12 * 2015 + n: 500 for n in range(24)}) == ()


def test_the_living_of_an_early_day_are_a_warning():
    until = dt.date(2023, 6, 1)
    (line,) = say_untraced(dt.date(2021, 12, 31), until)
    assert "517 days before people are followed to the end (2023-06-01)" in line
    assert not say_untraced(dt.date(2023, 5, 1), until) and not say_untraced(None, until)
    assert not say_untraced(dt.date(2021, 12, 31), None)
