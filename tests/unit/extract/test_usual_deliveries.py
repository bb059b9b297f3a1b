"""What programs and people usually write: types of Parquet, words for no date, and codes that a spreadsheet turned."""

from __future__ import annotations

import datetime as dt
import zipfile

import duckdb
import pandas as pd
import pytest

from naome.core.definitions import project_definitions
from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract
from naome.extract.clean import Coded, Refused
from naome.extract.dates import clean_date
from naome.extract.provider_codes import Organisations, clean_by


def read(source, folder, out=None):
    return read_extract(READERS[source], folder, out, progress=lambda line: None)


def test_a_flag_that_parquet_holds_as_true_or_false_is_read_as_1_or_0(copy, extracts, tmp_path):
    read("wcn", extracts["clean-wales"], tmp_path / "plain")
    folder = copy("clean-wales")
    folder.edit(
        "wcn_registration",
        "SELECT * REPLACE (CHEMOTHERAPY_FLAG::VARCHAR IN ('1', 'Y') AS CHEMOTHERAPY_FLAG) FROM t",
    )
    read("wcn", folder.path, tmp_path / "typed")
    plain, typed = (pd.read_parquet(tmp_path / each / "tumours.parquet") for each in ("plain", "typed"))
    assert plain["chemotherapy_flag"].eq(True).equals(typed["chemotherapy_flag"].eq(True))
    assert typed["chemotherapy_flag"].eq(True).any() and typed["chemotherapy_flag"].eq(False).any()


@pytest.mark.parametrize(("kind", "right"), [("DECIMAL(18,0)", True), ("DECIMAL(18,2)", False)])
def test_whole_decimals_are_identifiers_and_others_are_not(copy, kind, right):
    folder = copy("clean-england-rcrd")
    for table, column in (("rcrd_tumour", "PATIENTID"), ("hes_apc", "STUDY_ID")):
        folder.edit(table, f"SELECT * REPLACE (trim({column})::{kind} AS {column}) FROM t")
    if right:
        assert read("rcrd", folder.path).rows["admissions"]
        return
    with pytest.raises(ExtractError, match="decimals lose digits"):
        read("rcrd", folder.path)


@pytest.mark.parametrize("text", ["--", "?", "-"])
def test_a_mark_for_no_date_is_a_named_rule(text):
    assert clean_date(text) == (None, ("empty_marker",))


@pytest.mark.parametrize("text", ["Thu 12 Mar 2020", "Thursday, 12 March 2020", "thu 12/03/2020", "Thurs. 2020-03-12"])
def test_a_day_of_the_week_before_a_date_is_read_if_it_is_right(text):
    assert clean_date(text) == (dt.date(2020, 3, 12), ())
    with pytest.raises(Refused) as refused:
        clean_date(text.replace("hu", "ue", 1).replace("Tuersday", "Tuesday").replace("Tuers", "Tue"))
    assert "day of the week" in refused.value.allowed


@pytest.mark.parametrize(
    ("label", "group"),
    [
        ("A - White British", "white"), ("M: Black Caribbean", "black"), ("C - Any other White background", "white"),
        ("mixed: White & Asian", "mixed"), ("Welsh/English/Scottish/Northern Irish/British", "white"),
        ("H - Black African", None), ("Q - Indian", None),
    ],
)  # fmt: skip
def test_a_label_of_an_ethnic_group_may_have_its_code_before_it(label, group):
    for coding in ("ethnic_group", "ethnic_group_wales"):
        value, rules = Coded(coding, refuse=False).bind(project_definitions()).clean(label)
        assert value == group
        assert ("unmapped_code" in rules) == (group is None)


@pytest.mark.parametrize("text", ["unknown", "Not recorded", "0"])
def test_a_word_for_an_unknown_date_is_refused_with_its_own_hint(text):
    with pytest.raises(Refused) as refused:
        clean_date(text)
    assert "a word for an unknown date" in refused.value.hint


@pytest.mark.parametrize("value", ["9999-12-31", dt.date(9999, 12, 31), "31/12/9999"])
def test_a_date_in_the_year_9999_is_refused_with_its_own_hint(value):
    with pytest.raises(Refused) as refused:
        clean_date(value)
    assert "9999 where there is no date" in refused.value.hint


def test_a_default_code_that_a_spreadsheet_turned_into_a_decimal_is_read():
    cleaner = clean_by(frozenset({"89999"})).among(Organisations({}))
    assert cleaner.clean("89999.0") == (None, ("float_text", "organisation_default"))


def test_an_organisation_in_capitals_and_in_small_letters_is_refused(copy):
    folder = copy("clean-england")
    (folder.path / "extract.json").unlink()
    folder.edit(
        "organisations",
        "SELECT * FROM t UNION ALL BY NAME SELECT * REPLACE (lower(ORG_CODE) AS ORG_CODE) FROM t WHERE n = 2",
    )
    with pytest.raises(ExtractError, match="column ORG_CODE: .* in capitals and in small letters"):
        read("ncrd", folder.path)


def test_a_note_to_the_reader_in_a_zip_file_is_passed_over(copy, tmp_path):
    folder = copy("clean-england")
    duckdb.execute(f"COPY (FROM '{folder.file('hes_apc')}') TO '{tmp_path}/hes.csv' (FORMAT csv, HEADER)")
    folder.file("hes_apc").unlink()
    with zipfile.ZipFile(folder.path / "hes_apc.zip", "w") as archive:
        archive.write(tmp_path / "hes.csv", "hes_apc.csv")
        archive.writestr("README.txt", "These are the admissions.")
    assert read("ncrd", folder.path).rows["admissions"]


@pytest.fixture(scope="module")
def plain_admissions(extracts, tmp_path_factory):
    return read_admissions(extracts["clean-england-rcrd"], tmp_path_factory.mktemp("plain") / "out")


def read_admissions(folder, out):
    read("rcrd", folder, out)
    return {table: pd.read_parquet(out / f"{table}.parquet") for table in ("admissions", "diagnoses", "procedures")}


@pytest.mark.parametrize(
    "names",
    [
        {f"{name}_{n:02d}": f"{name}_{n}" for name, last in (("DIAG", 9), ("OPERTN", 9), ("OPDATE", 9))
         for n in range(1, last + 1)},
        {f"{name}_{n:02d}": f"{name}_4_{n:02d}" for name, last in (("DIAG", 20), ("OPERTN", 24))
         for n in range(1, last + 1)},
        {"PROCODE3": "PROCODE5"},
        {"PROCODE3": "PROCODE"},
        {name: f"hes_apc.{name}" for name in ("STUDY_ID", "EPIKEY", "DIAG_01", "CLASSPAT")},
    ],
)  # fmt: skip
def test_columns_of_hes_are_read_by_their_names_in_other_deliveries(copy, plain_admissions, tmp_path, names):
    folder = copy("clean-england-rcrd")
    renamed = ", ".join(f'{old} AS "{new}"' for old, new in names.items())
    folder.edit("hes_apc", f"SELECT * RENAME ({renamed}) FROM t")
    other = read_admissions(folder.path, tmp_path / "out")
    for table, rows in plain_admissions.items():
        assert rows.equals(other[table])


def test_an_extract_of_another_cancer_is_refused(copy):
    folder = copy("clean-england")
    folder.put("av_tumour", "SITE_ICD10_O2", "'C349'", "true")
    with pytest.raises(ExtractError, match="av_tumour.parquet: column SITE_ICD10_O2: none is of the breast"):
        read("ncrd", folder.path)
