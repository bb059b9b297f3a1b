"""Columns cleaned by their distinct values: what is counted, and what the SQL makes of the rows."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from naome.extract.dates import DATE
from naome.extract.files import RawFile
from naome.extract.problems import Problems
from naome.extract.values import clean_columns, map_column

TODAY = dt.date.today()
DAY = dt.timedelta(days=1)


def _file(connection, kind: str, values) -> RawFile:
    connection.execute(f"CREATE TABLE raw_x (row_ BIGINT, D {kind})")
    for row, value in enumerate(values):
        connection.execute("INSERT INTO raw_x VALUES (?, ?)", [row, value])
    return RawFile("x", Path("x.parquet"), "raw_x", {"D": kind}, 1, "parquet", frozenset(), len(values))


def _clean(connection, file: RawFile, problems: Problems | None = None):
    found = clean_columns(connection, file, [("D", "D", DATE)], problems or Problems(Path("extract")))
    mapped = map_column(connection, "x_D", "v.D", file.columns["D"], found.values["D"], "DATE")
    rows = connection.execute(f"SELECT {mapped.expression} FROM raw_x v {mapped.join} ORDER BY v.row_").fetchall()
    return found, [row[0] for row in rows]


def test_plain_dates_stay_and_sentinels_among_them_become_missing(connection):
    days = [dt.date(2020, 2, 29), dt.date(1800, 1, 1), None, dt.date(1930, 1, 1), TODAY, dt.date(1800, 1, 1)]

    found, cleaned = _clean(connection, _file(connection, "DATE", days))

    assert cleaned == [dt.date(2020, 2, 29), None, None, dt.date(1930, 1, 1), TODAY, None]
    assert found.repairs == {("D", "sentinel_date"): 2}
    assert found.filled == {"D": 5}


def test_a_column_of_nothing_but_sentinels_becomes_missing(connection):
    found, cleaned = _clean(connection, _file(connection, "DATE", [dt.date(1800, 1, 1)] * 2))

    assert cleaned == [None, None]
    assert found.repairs == {("D", "sentinel_date"): 2}


def test_a_date_after_today_is_refused_with_its_row(connection):
    problems = Problems(Path("extract"))
    today = dt.date.today()  # of now, and not of when the tests were collected: they may run over midnight

    _clean(connection, _file(connection, "DATE", [today, today + DAY]), problems)

    assert problems.count == 1
    assert "row 2" in problems.messages[0]


def test_dates_with_a_time_of_day_are_looked_at_one_by_one(connection):
    moments = [dt.datetime(2020, 2, 1, 9, 30), dt.datetime(2020, 2, 2)]

    found, cleaned = _clean(connection, _file(connection, "TIMESTAMP", moments))

    assert cleaned == [dt.date(2020, 2, 1), dt.date(2020, 2, 2)]
    assert found.repairs == {("D", "time_of_day"): 1}


@pytest.mark.parametrize("length", [3, 1000])
def test_values_that_change_are_looked_up_and_others_stay(connection, length):
    raw = [f"C{n}X" for n in range(length)]
    _file(connection, "VARCHAR", [*raw, None, raw[0]])
    values = {value: value.lower() if value.endswith("1X") else value for value in raw} | {raw[2]: None}

    mapped = map_column(connection, "x_D", "v.D", "VARCHAR", values, "VARCHAR")

    cleaned = connection.execute(f"SELECT {mapped.expression} FROM raw_x v {mapped.join} ORDER BY v.row_").fetchall()
    assert [row[0] for row in cleaned] == [*values.values(), None, values[raw[0]]]


def test_a_column_in_which_nothing_changes_is_taken_as_it_is(connection):
    mapped = map_column(connection, "x_D", "v.D", "VARCHAR", {"C795": "C795"}, "VARCHAR")
    assert (mapped.expression, mapped.join) == ("v.D", "")


@pytest.mark.parametrize("length", [3, 1000])
def test_a_value_that_was_not_counted_is_an_error(connection, length):
    raw = [f"C{n}X" for n in range(length)]
    _file(connection, "VARCHAR", [*raw, None, "C795"])

    mapped = map_column(connection, "x_D", "v.D", "VARCHAR", {value: value.lower() for value in raw}, "VARCHAR")

    with pytest.raises(duckdb.Error, match="not there when values were counted"):
        connection.execute(f"SELECT {mapped.expression} FROM raw_x v {mapped.join}").fetchall()


@pytest.mark.parametrize("clean", ["c2x", "C2X"])
def test_a_number_that_was_not_counted_is_an_error_wherever_others_change(connection, clean):
    _file(connection, "INTEGER", [1, 2, None, 3])

    mapped = map_column(connection, "x_D", "v.D", "INTEGER", {1: "a", 2: clean}, "VARCHAR")

    with pytest.raises(duckdb.Error, match="not there when values were counted"):
        connection.execute(f"SELECT {mapped.expression} FROM raw_x v {mapped.join}").fetchall()
