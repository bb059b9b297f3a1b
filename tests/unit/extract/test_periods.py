"""The time that each table covers is on the page, and a table that ends before the others is named."""

from __future__ import annotations

import datetime as dt

import duckdb

from naome.extract import READERS, read_extract
from naome.extract.periods import say_early
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
        line.startswith("hes_apc ends on 2018-1") and "(admission_date)" in line for line in say_early(extract.periods)
    )
    assert "hes_apc ends on 2018-1" in describe_extract(extract)
    assert not [line for line in say_early(extract.periods, dt.date(2019, 1, 31)) if line.startswith("hes_apc")]
