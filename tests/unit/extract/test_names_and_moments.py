"""Names of columns with other signs, moments with a time zone, and a header among the records."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from reading import read_about

from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract

SIGNS = {
    "blanks": lambda name: name.replace("_", " "),
    "dots": lambda name: name.replace("_", ".").lower(),
    "none": lambda name: name.replace("_", ""),
    "brackets": lambda name: f"[{name}]",
    "quotation marks": lambda name: f"'{name}'",
    "a byte-order mark": lambda name: f"\ufeff{name}",
}


def read(folder, table="rtds_prescription", out=None):
    return read_extract(read_about(READERS["ncrd"], table), folder.path, out, progress=lambda line: None)


def rename(folder, table, change):
    names = [row[0] for row in duckdb.execute(f"DESCRIBE FROM '{folder.file(table)}'").fetchall()]
    folder.edit(table, "SELECT " + ", ".join(f'"{name}" AS "{change(name)}"' for name in names) + " FROM t")


@pytest.mark.parametrize("signs", SIGNS)
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_signs_in_and_around_the_names_of_columns_do_not_count(copy, signs, suffix):
    folder = copy("clean-england")
    before = read(folder).rows
    rename(folder, "rtds_prescription", SIGNS[signs])
    if suffix == "csv":
        folder.as_csv("rtds_prescription")
    found = read(folder)
    assert found.rows == before
    assert "APPTDATE" in next(each.used for each in found.files if each.table == "rtds_prescription")


def test_a_name_that_is_there_is_not_read_out_of_another(copy):
    folder = copy("clean-england")
    before = read(folder).rows
    folder.edit("rtds_prescription", "SELECT *, 'note' AS \"APPT DATE\" FROM t")
    assert read(folder).rows == before


def write_moments(folder, zone, where="true"):
    moment = f"timezone('{zone}', CAST(APPTDATE AS TIMESTAMP))"
    folder.edit("rtds_prescription", f"SELECT * REPLACE ({moment} AS APPTDATE) FROM t WHERE {where}")


def test_midnight_of_universal_time_is_its_day(copy, tmp_path):
    folder = copy("clean-england")
    read(folder, out=tmp_path / "before")
    write_moments(folder, "UTC")
    read(folder, out=tmp_path / "after")
    first, second = (
        duckdb.execute(f"SELECT treatment_date FROM '{tmp_path / name}/radiotherapy.parquet'").fetchall()
        for name in ("before", "after")
    )
    assert first == second and isinstance(first[0][0], date)


def test_midnight_of_summer_written_in_universal_time_is_refused_once(copy):
    folder = copy("clean-england")
    write_moments(folder, "Europe/London")
    with pytest.raises(ExtractError, match="column APPTDATE, row .*midnight written in universal time") as error:
        read(folder)
    assert "1 problem;" in str(error.value)


@pytest.mark.parametrize("table", ["av_patient", "organisations", "sact_drug_detail", "hes_apc"])
def test_a_header_among_the_records_is_one_problem_with_its_row(copy, table):
    folder = copy("clean-england")
    folder.as_csv(table, lambda data: data + data.partition(b"\n")[0] + b"\n")
    with pytest.raises(ExtractError, match=rf"{table}.csv: row [\d,]+: names of columns are in column") as error:
        read(folder, table)
    assert "1 problem;" in str(error.value)


@pytest.mark.parametrize(
    "header", [lambda names: names[::-1], lambda names: [b"\xef\xbb\xbf" + names[0], *names[1:]]], ids=["order", "mark"]
)
def test_a_header_in_another_order_or_behind_the_mark_of_a_file_is_one_problem(copy, header):
    folder = copy("clean-england")
    folder.as_csv("av_tumour", lambda data: data + b",".join(header(data.partition(b"\n")[0].split(b","))) + b"\n")
    with pytest.raises(ExtractError, match=r"1 problem;.*\n.*av_tumour.csv: row 3,6\d\d: names of columns"):
        read(folder, "av_tumour")


def test_an_identifier_stored_as_a_decimal_is_one_problem(copy):
    folder = copy("clean-england")
    folder.edit("rtds_prescription", "SELECT * REPLACE (PATIENTID::DOUBLE AS PATIENTID) FROM t")
    with pytest.raises(ExtractError, match="column PATIENTID: identifiers are stored as DOUBLE") as error:
        read(folder)
    assert str(error.value).count("PATIENTID: identifiers") == 1 and "in powers of ten" not in str(error.value)


def test_an_identifier_with_a_decimal_comma_is_one_written_as_a_decimal(copy):
    folder = copy("clean-england")
    folder.edit("rtds_prescription", "SELECT * REPLACE (PATIENTID || ',0' AS PATIENTID) FROM t")
    with pytest.raises(ExtractError, match="column PATIENTID, row 1: an identifier written as a decimal"):
        read(folder)
