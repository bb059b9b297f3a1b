"""A life table is read, or the file, line and column of what is wrong with it are named."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.errors import ExtractError
from naome.extract.life_table import read_life_table


def list_rows(qx=lambda age: 0.00003 * 1.1**age, ages=range(18, 91)):
    return [f"{sex},{age},{year},{qx(age):.6f}" for sex in ("female", "male") for age in ages for year in (2018, 2019)]


ROWS = list_rows()


@pytest.fixture
def write(tmp_path):
    def write(rows, header="sex,age,year,qx"):
        file = tmp_path / "life.csv"
        file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return file

    return write


def test_a_whole_table_is_read(write):
    table = read_life_table(write(ROWS))
    assert len(table) == 2 * 73 * 2
    assert table.iloc[3].tolist() == ["female", 19, 2019, 0.000183]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["F,18,2018,0.01", *ROWS[1:]], r"life\.csv:2: sex is 'F'; allowed: female, male"),
        (["female,18.5,2018,0.01", *ROWS[1:]], r"life\.csv:2: age is '18\.5'; allowed: whole years"),
        (["female,999,2018,0.01", *ROWS[1:]], r"life\.csv:2: age is '999'; allowed: whole years to 120"),
        (["female,99999999,2018,0.01", *ROWS[1:]], r"age is '99999999'; allowed: whole years to 120"),
        (["female,18,2018,1", *ROWS[1:]], r"life\.csv:2: qx is 1 at age 18; allowed: less than 1 before the last age"),
        (list_rows(lambda age: 0.00003 * 1.1**age / 365), r"ages 30 to 40 is .*daily rates"),
        (list_rows(lambda age: 1 - 0.00003 * 1.1**age), r"ages 30 to 40 is .*probabilities to live"),
        (list_rows(lambda age: 0), r"ages 30 to 40 is 0; .*nothing filled"),
        (["female,18,2018-19,0.01", *ROWS[1:]], r"life\.csv:2: year is '2018-19'; allowed: whole years"),
        (["female,18,2018,941.5", *ROWS[1:]], r"life\.csv:2: qx is '941\.5'; allowed: a probability.*not a rate"),
        (["female,18,2018,nan", *ROWS[1:]], r"life\.csv:2: qx is 'nan'"),
        (["female,18,2018,", *ROWS[1:]], r"life\.csv:2: qx is ''"),
        ([*ROWS, ROWS[4]], r"life\.csv:294: female, age 20, year 2018 is already in line 6"),
        ([*ROWS[:4], *ROWS[5:]], r"there is no row of female, age 20, year 2018 \(1 are missing in all\)"),
        ([row for row in ROWS if row.startswith("female")], "there is no row of sex male; both are needed"),
        ([row for row in ROWS if int(row.split(",")[1]) < 86], "ages 18 to 85; needed: every age from 18 to 90"),
        (["female,18,2018", *ROWS[1:]], r"life\.csv:2: 3 fields; there must be 4"),
        ([], "there is no row of sex female, male"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write, rows, expected):
    with pytest.raises(ExtractError, match=expected):
        read_life_table(write(rows))


def test_usual_forms_of_a_table_are_read(write):
    """Other columns and order, blank lines, ages as decimals, a last age of all above it, and one at which all die."""
    whole = read_life_table(write(ROWS))
    other = [",".join((*row.split(",")[::-1], "UK")) for row in ROWS]
    assert read_life_table(write(other, header="qx,Year,AGE,sex,nation")).equals(whole)
    assert read_life_table(write([*ROWS, "", ",,,"])).equals(whole)
    decimals = [row.replace(",50,", ",50.0,").replace(",90,", ",90+,") for row in ROWS]
    assert read_life_table(write(decimals)).equals(whole)
    closed = list_rows(lambda age: 1 if age == 91 else 0.00003 * 1.1**age, range(18, 92))
    assert read_life_table(write(closed)).equals(whole)


def test_another_header_and_a_file_that_is_not_there_are_named(write, tmp_path):
    with pytest.raises(ExtractError, match=r"life\.csv:1: header is sex,age,qx; it must be sex,age,year,qx"):
        read_life_table(write([], header="sex,age,qx"))
    with pytest.raises(ExtractError, match=r"none\.csv: no such life table\. Hint: key life_table"):
        read_life_table(tmp_path / "none.csv")


def test_the_table_of_the_reference_values_is_one(write):
    from naome.core.paths import project_root

    table = pd.read_csv(project_root() / "tests" / "reference" / "data" / "slopop.csv")
    rows = [",".join(map(str, row)) for row in table.itertuples(index=False)]
    assert len(read_life_table(write(rows))) == len(table)


def test_a_table_in_another_encoding_is_named_with_its_line(write):
    file = write(ROWS)
    file.write_bytes(file.read_bytes() + b"female,18,2018,0.01 \xe9\n")
    with pytest.raises(ExtractError, match=rf"life\.csv:{len(ROWS) + 2}: not UTF-8"):
        read_life_table(file)
