"""Columns cleaned by their distinct values: what is counted, and what the SQL makes of the rows."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from naome.extract.clean import DATE
from naome.extract.files import RawFile
from naome.extract.problems import Problems
from naome.extract.values import SHORT_LIST, clean_columns, find_tidy, map_column

TODAY = dt.date.today()
DAY = dt.timedelta(days=1)


def _file(lane, kind: str, values) -> RawFile:
    lane.execute(f"CREATE TABLE raw_x (row_ BIGINT, D {kind})")
    for row, value in enumerate(values):
        lane.execute("INSERT INTO raw_x VALUES (?, ?)", [row, value])
    return RawFile("x", Path("x.parquet"), "raw_x", {"D": kind}, 1, "parquet", frozenset(), len(values))


def _clean(lane, file: RawFile, problems: Problems | None = None):
    found = clean_columns(lane, file, [("D", "D", DATE)], problems or Problems(Path("extract")))
    sql = map_column(lane, "x_D", '"D"', file.columns["D"], found.values["D"], "DATE")
    return found, [row[0] for row in lane.execute(f"SELECT {sql} FROM raw_x ORDER BY row_").fetchall()]


def test_plain_dates_stay_and_sentinels_among_them_become_missing(lane):
    days = [dt.date(2020, 2, 29), dt.date(1800, 1, 1), None, dt.date(1900, 1, 2), TODAY, dt.date(1800, 1, 1)]

    found, cleaned = _clean(lane, _file(lane, "DATE", days))

    assert cleaned == [dt.date(2020, 2, 29), None, None, dt.date(1900, 1, 2), TODAY, None]
    assert found.repairs == {("D", "sentinel_date"): 2}
    assert found.filled == {"D": 5}


def test_a_column_of_nothing_but_sentinels_becomes_missing(lane):
    found, cleaned = _clean(lane, _file(lane, "DATE", [dt.date(1800, 1, 1)] * 2))

    assert cleaned == [None, None]
    assert found.repairs == {("D", "sentinel_date"): 2}


def test_a_date_after_today_is_refused_with_its_row(lane):
    problems = Problems(Path("extract"))

    _clean(lane, _file(lane, "DATE", [TODAY, TODAY + DAY]), problems)

    assert problems.count == 1
    assert "row 2" in problems.messages[0]


def test_dates_with_a_time_of_day_are_looked_at_one_by_one(lane):
    moments = [dt.datetime(2020, 2, 1, 9, 30), dt.datetime(2020, 2, 2)]

    found, cleaned = _clean(lane, _file(lane, "TIMESTAMP", moments))

    assert cleaned == [dt.date(2020, 2, 1), dt.date(2020, 2, 2)]
    assert found.repairs == {("D", "time_of_day"): 1}


@pytest.mark.parametrize("value", [" 7", "7 ", "a b"])
def test_an_identifier_with_a_blank_is_not_tidy(lane, value):
    file = _file(lane, "VARCHAR", ["1000000001", value])

    assert find_tidy(lane, file, ("D",)) == frozenset()
    assert file.identifier("D") == 'trim(CAST("D" AS VARCHAR))'


def test_identifiers_without_blanks_are_tidy(lane):
    assert find_tidy(lane, _file(lane, "VARCHAR", ["1000000001", None]), ("D",)) == {"D"}


@pytest.mark.parametrize("length", [SHORT_LIST, SHORT_LIST + 1])
def test_values_are_looked_up_in_short_and_in_long_lists(lane, length):
    raw = [f"C{n}X" for n in range(length)]
    _file(lane, "VARCHAR", [*raw, None, raw[0]])
    values = {value: value.lower() if value.endswith("1X") else value for value in raw} | {raw[2]: None}

    sql = map_column(lane, "x_D", '"D"', "VARCHAR", values, "VARCHAR")

    cleaned = [row[0] for row in lane.execute(f"SELECT {sql} FROM raw_x ORDER BY row_").fetchall()]
    assert cleaned == [*values.values(), None, values[raw[0]]]
    assert ("list_position" in sql) is (length == SHORT_LIST)


@pytest.mark.parametrize("length", [SHORT_LIST, SHORT_LIST + 1])
def test_a_value_that_was_not_counted_is_an_error(lane, length):
    raw = [f"C{n}X" for n in range(length)]
    _file(lane, "VARCHAR", [*raw, "C795"])

    sql = map_column(lane, "x_D", '"D"', "VARCHAR", {value: value.lower() for value in raw}, "VARCHAR")

    with pytest.raises(duckdb.Error):
        lane.execute(f"SELECT {sql} FROM raw_x").fetchall()
