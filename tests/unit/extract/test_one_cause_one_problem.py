"""What one export does to a whole file is one problem: its word for a missing value, its way of writing dates."""

from __future__ import annotations

import pytest
from reading import read_about

from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract
from naome.extract.clean import Refused
from naome.extract.dates import clean_date


def refuse(folder, table):
    with pytest.raises(ExtractError) as error:
        read_extract(read_about(READERS["ncrd"], table), folder.path, None, progress=lambda line: None)
    assert "1 problem;" in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("word", ["N/D", "NIL", "[NULL]", "Unknown to us", "*"])
def test_a_word_that_columns_of_different_kinds_refuse_is_one_problem(copy, word):
    folder = copy("clean-england")
    columns = ("GRADE", "M_BEST", "FIRSTMDTMEETINGDATE")
    changed = ", ".join(
        f"CASE WHEN n % 3 = 0 THEN '{word}' ELSE {column}::VARCHAR END AS {column}" for column in columns
    )
    folder.edit("av_tumour", f"SELECT * REPLACE ({changed}) FROM t")
    message = refuse(folder, "av_tumour")
    assert "column" in message and "Export missing values as empty" in message
    assert word == "*" or word not in message


def test_values_of_several_shapes_that_are_refused_for_one_reason_are_one_problem(copy):
    folder = copy("clean-england")
    spelt = "strftime(CAST(EPISTART AS DATE), '%d of %B %Y')"
    folder.edit("hes_apc", f"SELECT * REPLACE ({spelt} AS EPISTART) FROM t")
    message = refuse(folder, "hes_apc")
    assert message.count("column EPISTART, row") == 1 and "of other shapes '99 aa Aaa" in message


def test_the_first_row_of_each_shape_is_said(copy):
    folder = copy("clean-england")
    spelt = "CASE WHEN row_ IN (3, 5) THEN 'x1' WHEN row_ = 7 THEN 'unknownish' ELSE DIAGNOSISDATEBEST::VARCHAR END"
    numbered = "(SELECT *, row_number() OVER () AS row_ FROM t)"
    folder.edit("av_tumour", f"SELECT * EXCLUDE (row_) REPLACE ({spelt} AS DIAGNOSISDATEBEST) FROM {numbered}")
    message = refuse(folder, "av_tumour")
    assert "'a9' (2 rows), of other shapes 'aaaaaaaaaa' (1 row, row " in message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("43831", "a number of days"),
        ("43831.0", "a number of days"),
        ("1893456000", "a number of days, seconds"),
        ("Mar-2020", "the day, or the month too, is not there"),
        ("03/2020", "the day, or the month too, is not there"),
        ("2020-03", "the day, or the month too, is not there"),
        ("2020", "the day, or the month too, is not there"),
        ("2020-03-00", "the day, or the month too, is not there"),
        ("01/02/20", "a year of two digits"),
        ("31/02/2020", "the month has no such day"),
        ("30FEB2020", "the month has no such day"),
        ("2021-02-29", "the month has no such day"),
        ("02/31/2020", "or a month/day/year date"),
    ],
)
def test_the_hint_names_what_the_text_is(text, hint):
    with pytest.raises(Refused) as refused:
        clean_date(text)
    assert hint in refused.value.hint


def test_identifiers_of_one_table_that_no_other_has_are_one_problem(copy):
    """The people of the registry have leading zeros that every other table has lost."""
    folder = copy("clean-england")
    for table in ("av_patient", "av_tumour"):
        folder.edit(table, "SELECT * REPLACE ('00' || PATIENTID AS PATIENTID) FROM t")
    with pytest.raises(ExtractError) as error:
        read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)
    said = str(error.value)
    assert "1 problem;" in said and said.count("leading zeros") == 1 and "minimum_linkage" not in said
    assert "usually written '9999999999' here, and '999999999999' in av_patient" in said
    assert said.partition("The same is so of the tables ")[2].startswith("sact_regimen, rtds_prescription, ")
