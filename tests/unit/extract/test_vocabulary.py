"""What was found of a vocabulary: counted, named where a name may be shown, and refused above a share."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from naome.core.definitions import project_definitions
from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract import READERS, read_extract
from naome.extract.drug_names import read_names
from naome.extract.vocabulary import GROUPED, SHOWN_UNKNOWN, UNKNOWN, show_code, show_only_shape, summarise

DRUGS = read_names(project_definitions())


@pytest.mark.parametrize("name", ["TRASTUZUMAB", "FOOBARIB", "NEWIMAB", "DOCETAXEL + FOOPLATIN"])
def test_words_that_are_those_of_drugs_are_named(name):
    assert DRUGS.show(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("TRASTUZUMAB MARY", "TRASTUZUMAB AAAA"),
        ("FOOBARIB 12 HIGH ST", "FOOBARIB 99 AAAA AA"),
        ("STUDY DRUG 12", "(AAAAA AAAA 99)"),
        ("AZD4573", "(AAA9999)"),
        ("KHATIB", "(AAAAAA)"),
        ("MARY O'BRIEN-SMITH", "(AAAA A'AAAAA-AAAAA)"),
    ],
)
def test_of_other_words_in_the_place_of_a_drug_only_the_shape_is_shown(name, shown):
    assert DRUGS.show(name) == shown


@pytest.mark.parametrize("code", ["NT999", "RXX01", "RA701", "XR123", "7A1", "7A3B2", "R1A", "A1B2C"])
def test_what_looks_like_the_code_of_an_organisation_is_named(code):
    assert show_code(code) == code


@pytest.mark.parametrize(
    "value",
    [
        "9434765919",
        "943 476 5919",
        "A943 476 5919",
        "12/03/1950",
        "1 MAR 1950",
        "1MAR1950",
        "1950-3-1",
        "SW1A 1AA",
        "SW1A.1AA",
        "SW1A_1AA",
        "LS1-4AP",
        "ls29jt",
        "LS14AP",
        "SW1A1AA",
        "SW1A1",
        "M11",
        "LS14",
        "LS141",
        "B37",
        "ec1a1b",
        "12HIGHST",
        "O'BRIEN, MARY 12 HIGH ST",
        "someone@example.org",
        "JNJ-75276617",
        "12345",
        "A" * 61,
        "X\u0000Y",
    ],
)
@pytest.mark.parametrize("show", [show_code, DRUGS.show, show_only_shape])
def test_of_anything_else_only_the_shape_is_shown(value, show):
    shown = show(value)
    assert shown.startswith("(") and not any(part in shown for part in ("1", "2", "3", "4", "5", "7", "someone"))


def test_at_most_twenty_values_are_named_and_the_rest_counted():
    placed = {GROUPED: {"A": 100}, UNKNOWN: {f"NAME {chr(65 + n)}": 50 - n for n in range(25)}}
    found = summarise("table", "COLUMN", placed, (), 0.1, str)
    assert len(found.unknown) == SHOWN_UNKNOWN and next(iter(found.unknown)) == "NAME A"
    assert (found.others, found.other_rows) == (5, sum(50 - n for n in range(20, 25)))
    assert found.rows == 100 + found.unknown_rows
    assert found.say_unknown().endswith("and 5 other values (140 rows)")


def test_an_identifier_that_stands_where_a_name_should_is_not_named():
    found = summarise("table", "COLUMN", {UNKNOWN: {"AB12": 9}}, ["AB12"], 0.1, show_code)
    assert dict(found.unknown) == {"(AA99)": 9}


def read(folder, **options):
    return read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None, **options)


def find(extract, column):
    return next(found for found in extract.vocabularies if found.column == column)


def test_a_pseudonym_in_a_column_of_drugs_is_never_shown(copy):
    folder = copy("clean-england")
    folder.edit("sact_drug_detail", "SELECT * REPLACE ('P' || n::VARCHAR AS MERGED_CYCLE_ID) FROM t")
    folder.put("sact_drug_detail", "DRUG_GROUP", "MERGED_CYCLE_ID", "n IN (10, 11)")
    with pytest.raises(ExtractError) as error:  # the cycles of these drugs are not there
        read(folder, unknown_share=0.0)
    assert "P10" not in str(error.value)


def test_drugs_that_no_list_has_are_named_with_their_rows(copy, run_naome, capsys):
    folder = copy("clean-england")
    folder.put("sact_drug_detail", "DRUG_GROUP", "'FOOBARIB'", "n < 12")
    folder.put("sact_drug_detail", "DRUG_GROUP", "'9434765919'", "n = 30")
    found = find(read(folder), "DRUG_GROUP")
    assert dict(found.unknown) == {"FOOBARIB": 12, "(9999999999)": 1}
    assert found.grouped > 10
    assert run_naome("check-extract", folder.path, "--params", "england") == 2, "of few people no run is made"
    told = capsys.readouterr().out
    assert "FOOBARIB (12 rows), (9999999999) (fewer than 8 rows)" in " ".join(told.split())
    assert "9434765919" not in told


def test_a_share_above_the_limit_refuses_and_the_parameter_moves_it(copy):
    folder = copy("clean-england")
    folder.put("sact_drug_detail", "DRUG_GROUP", "'FOOBARIB'", "n % 4 = 0")
    with pytest.raises(
        ExtractError, match=r"sact_drug_detail.parquet: column DRUG_GROUP: 25% of .*FOOBARIB.*at most 10%"
    ):
        read(folder)
    assert find(read(folder, unknown_share=0.3), "DRUG_GROUP").unknown_rows


def test_a_handful_of_unknown_values_never_refuses(copy):
    folder = copy("clean-england")
    folder.put("cosd_recurrence", "DATEOFRECURRENCE", "DATEOFRECURRENCE", "n = 0")
    folder.put("av_patient", "ETHNICITY", "'Q77'", "n < 7")
    assert dict(find(read(folder, unknown_share=0.0), "ETHNICITY").unknown) == {"(A99)": 7}


def test_secondary_codes_that_no_list_has_are_shown_as_shapes_and_refused_above_a_share(copy):
    folder = copy("clean-england")
    folder.put("av_tumour", "CNS", "'Q7'", "n % 3 = 0")
    with pytest.raises(ExtractError, match=r"column CNS: .*\(A9\).*at most 5%"):
        read(folder)


def test_a_run_keeps_what_was_found(copy, run_naome, few_people, tmp_path):
    folder = copy("england")
    folder.put("sact_drug_detail", "DRUG_GROUP", "'FOOBARIB'", "n % 20 = 0")
    run = tmp_path / "run"
    assert run_naome("read", "--params", few_people, "--data", folder.path, "--run", run) == 0
    record = json.loads((run / "inputs" / "read.json").read_text(encoding="utf-8"))
    drugs = next(found for found in record["vocabularies"] if found["column"] == "DRUG_GROUP")
    assert drugs["unknown"]["FOOBARIB"] > 0


@pytest.mark.parametrize(
    ("name", "table", "column", "code", "spellings"),
    [
        ("england", "av_tumour", "CTRY_CODE", "E", ("ENG", "England", "E92000001", "921", "e")),
        ("wales", "wcn_registration", "COUNTRY_CODE", "W", ("Wales", "W92000004", "WLS")),
    ],
)
def test_a_country_is_read_in_every_published_spelling(copy, extracts, tmp_path, name, table, column, code, spellings):
    reader = READERS[load_params(name).source]
    plain = read_extract(reader, extracts[name], tmp_path / "plain", progress=lambda line: None)
    folder = copy(name)
    for number, spelling in enumerate(spellings):
        folder.put(table, column, f"'{spelling}'", f"{column} = '{code}' AND n % 11 = {number}")
    read_extract(reader, folder.path, tmp_path / "spelt", progress=lambda line: None)
    tables = [pd.read_parquet(tmp_path / each / "tumours.parquet") for each in ("plain", "spelt")]
    assert tables[0].equals(tables[1])
    assert plain.rows["tumours"]


@pytest.mark.parametrize(
    ("name", "table", "column"), [("england", "av_tumour", "CTRY_CODE"), ("wales", "wcn_registration", "COUNTRY_CODE")]
)
def test_countries_that_no_list_has_are_counted_and_refused_above_a_share(copy, name, table, column):
    reader = READERS[load_params(name).source]
    folder = copy(name)
    folder.put(table, column, "'ENGLD'", "n % 30 = 0")
    extract = read_extract(reader, folder.path, None, progress=lambda line: None)
    assert {e["column"] for e in extract.quality if e["rule"] == "country_missing"} == {column}
    assert find(extract, column).unknown_rows
    folder.put(table, column, "'ENGLD'", "n % 3 = 0")
    with pytest.raises(ExtractError, match=f"column {column}: 3.% of .* hold values that no list has.*at most 5%"):
        read_extract(reader, folder.path, None, progress=lambda line: None)


def test_sites_of_radiotherapy_that_are_no_codes_are_counted_and_refused_above_a_share(copy, tmp_path):
    folder = copy("clean-england")
    folder.put("rtds_prescription", "RTTREATMENTANATOMICALSITE", "'Z665'", "true")
    folder.put("rtds_prescription", "RTTREATMENTANATOMICALSITE", "'z66.3'", "n % 7 = 5")
    folder.put("rtds_prescription", "RTTREATMENTANATOMICALSITE", "'SPINE'", "n = 6")
    extract = read_extract(READERS["ncrd"], folder.path, tmp_path / "out", progress=lambda line: None)
    found = find(extract, "RTTREATMENTANATOMICALSITE")
    assert (found.unknown_rows, found.grouped) == (1, 2)
    sites = pd.read_parquet(tmp_path / "out" / "radiotherapy.parquet")["site"]
    assert set(sites.dropna()) == {"Z663", "Z665"} and sites.isna().sum() == 1
    folder.put("rtds_prescription", "RTTREATMENTANATOMICALSITE", "'SPINE'", "n % 9 = 0")
    with pytest.raises(ExtractError, match="column RTTREATMENTANATOMICALSITE: 11% of .* hold values that no list has"):
        read_extract(READERS["ncrd"], folder.path, None, progress=lambda line: None)
