"""Regions and alliances of organisations: the code is the unit and the name is for readers, whatever an extract has."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reading import read_people

from naome.core.definitions import project_definitions
from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract
from naome.extract.areas import AREA, AREA_RULES, find_ambiguous, fold_name, unite_areas
from naome.extract.clean import CLEANING_RULES as OF_VALUES
from naome.extract.clean import Refused

CLEANER = AREA.bind(project_definitions())
SOURCES = {"england": "ncrd", "wales": "wcn", "england-rcrd": "rcrd"}
AREAS = {"england": ("REGION", "ALLIANCE"), "wales": ("REGION",), "england-rcrd": ("REGION", "ALLIANCE")}
nations = pytest.mark.parametrize("audit", ["england", "wales"])
without = pytest.mark.parametrize("how", ["empty", "no column"])


@pytest.fixture
def extract(copy):
    def make(audit):
        folder = copy(f"clean-{audit}")
        (folder.path / "extract.json").unlink()
        return folder

    return make


def take_away(folder, columns, how):
    empty = ", ".join(f"NULL AS {column}" for column in columns)
    change = f"REPLACE ({empty})" if how == "empty" else f"EXCLUDE ({', '.join(columns)})"
    folder.edit("organisations", f"SELECT * {change} FROM t")


def read(audit, folder, out=None):
    return read_extract(read_people(READERS[SOURCES[audit]]), folder.path, out, progress=lambda line: None)


def read_units(audit, folder, tmp_path):
    """Return (organisation, unit, its name) of each kind of area, and the log of what was repaired."""
    extract = read(audit, folder, tmp_path / "out")
    file = tmp_path / "out" / "organisations.parquet"
    units = {
        area: duckdb.execute(f"SELECT provider, {area}, {area}_name FROM '{file}' ORDER BY 1").fetchall()
        for area in AREAS[audit]
    }
    return units, {(entry["rule"], entry["column"]): entry["rows"] for entry in extract.quality}


def read_raw(audit, folder):
    """Return (organisation, code, name) of each kind of area, of the organisations that are open."""
    select = "SELECT ORG_CODE, {0}_CODE, {0}_NAME FROM '{1}' WHERE nullif(SUCCESSOR_CODE, '') IS NULL ORDER BY 1"
    return {area: duckdb.execute(select.format(area, folder.file("organisations"))).fetchall() for area in AREAS[audit]}


def find_largest(rows):
    """Return the organisations of the area that has most of them."""
    codes = [code for _, code, _ in rows]
    return [provider for provider, code, _ in rows if code == max(codes, key=codes.count)]


@pytest.mark.parametrize("audit", AREAS)
def test_the_code_is_the_unit_where_an_extract_has_both(extract, tmp_path, audit):
    folder = extract(audit)
    units, log = read_units(audit, folder, tmp_path)
    assert units == read_raw(audit, folder) and not log
    numbers = {area: len({unit for _, unit, _ in rows}) for area, rows in units.items()}
    assert numbers == ({"REGION": 1} if audit == "wales" else {"REGION": 7, "ALLIANCE": 21})


@nations
@without
def test_the_name_is_the_unit_where_an_extract_has_no_codes(extract, tmp_path, audit, how):
    folder = extract(audit)
    raw = read_raw(audit, folder)
    take_away(folder, [f"{area}_CODE" for area in raw], how)
    units, log = read_units(audit, folder, tmp_path)
    assert units == {area: [(provider, name, name) for provider, _, name in rows] for area, rows in raw.items()}
    assert log == {("name_as_code", f"{area}_CODE"): len(rows) for area, rows in raw.items()}


@nations
@without
def test_the_code_is_the_name_where_an_extract_has_no_names(extract, tmp_path, audit, how):
    folder = extract(audit)
    raw = read_raw(audit, folder)
    take_away(folder, [f"{area}_NAME" for area in raw], how)
    units, log = read_units(audit, folder, tmp_path)
    assert units == {area: [(provider, code, code) for provider, code, _ in rows] for area, rows in raw.items()}
    assert log == {("code_as_name", f"{area}_NAME"): len(rows) for area, rows in raw.items()}


@nations
def test_an_extract_without_columns_of_codes_and_names_is_refused(extract, audit):
    folder = extract(audit)
    take_away(folder, ["REGION_CODE", "REGION_NAME"], "no column")
    with pytest.raises(ExtractError, match=r"organisations\S*: none of the columns REGION_CODE and REGION_NAME is the"):
        read(audit, folder)


@nations
def test_names_of_one_code_are_read_as_the_most_frequent_of_them(extract, tmp_path, audit):
    folder = extract(audit)
    raw = read_raw(audit, folder)
    for area, rows in raw.items():
        folder.put("organisations", f"{area}_NAME", "'Another wording'", f"ORG_CODE = '{find_largest(rows)[0]}'")
    units, log = read_units(audit, folder, tmp_path)
    assert units == raw and log == {("name_of_code", f"{area}_NAME"): 1 for area in raw}


@nations
def test_blank_codes_and_names_are_filled_from_rows_of_the_same_area(extract, tmp_path, audit):
    folder = extract(audit)
    raw = read_raw(audit, folder)
    for area, rows in raw.items():
        first, second, third, *_ = find_largest(rows)
        folder.put("organisations", f"{area}_CODE", "NULL", f"ORG_CODE IN ('{first}', '{third}')")
        folder.put("organisations", f"{area}_NAME", f"upper({area}_NAME)", f"ORG_CODE = '{third}'")
        folder.put("organisations", f"{area}_NAME", "''", f"ORG_CODE = '{second}'")
    units, log = read_units(audit, folder, tmp_path)
    assert units == raw
    assert log == {("area_filled", f"{area}_CODE"): 2 for area in raw} | {
        (rule, f"{area}_NAME"): 1 for area in raw for rule in ("area_filled", "name_spelling")
    }


def test_an_organisation_without_code_and_name_belongs_to_none(extract, tmp_path):
    folder = extract("england")
    folder.put("organisations", "REGION_CODE", "'UNKNOWN'", "n < 3")
    folder.put("organisations", "REGION_NAME", "NULL", "n < 3")
    units, log = read_units("england", folder, tmp_path)
    assert sum(unit is None and name is None for _, unit, name in units["REGION"]) == 3
    assert log == {("organisation_default", "REGION_CODE"): 3}


@nations
def test_a_name_with_two_codes_is_refused_without_saying_the_name(extract, audit):
    folder = extract(audit)
    raw = read_raw(audit, folder)
    for area, rows in raw.items():
        folder.put("organisations", f"{area}_CODE", "'E40000003'", f"ORG_CODE = '{find_largest(rows)[0]}'")
    with pytest.raises(ExtractError) as refused:
        read(audit, folder)
    message = str(refused.value)
    assert message.count("has another code in other rows") == len(raw)
    for area, rows in raw.items():
        assert f"organisations.parquet: column {area}_CODE, row " in message
        assert not [name for _, _, name in rows if name in message.replace(str(folder.path), "").split("\n", 1)[1]]


def test_codes_of_closed_organisations_may_be_those_of_an_earlier_list(extract, tmp_path):
    folder = extract("england")
    raw = read_raw("england", folder)
    folder.put("organisations", "REGION_CODE", "'Y01'", "nullif(SUCCESSOR_CODE, '') IS NOT NULL")
    units, log = read_units("england", folder, tmp_path)
    assert units == raw and not log


@pytest.mark.parametrize(("column", "code"), [("REGION_CODE", "'E92000001'"), ("ALLIANCE_CODE", "REGION_CODE")])
def test_codes_of_larger_areas_are_refused(extract, column, code):
    folder = extract("england")
    folder.edit("organisations", f"SELECT * REPLACE ({code} AS {column}) FROM t")
    with pytest.raises(ExtractError, match=rf"column {column}: most rows \(\d+ of 124\) have another name"):
        read("england", folder)


def test_names_in_the_column_of_codes_are_refused_by_their_shape(extract):
    folder = extract("england")
    folder.edit("organisations", "SELECT * REPLACE (REGION_NAME AS REGION_CODE) FROM t")
    with pytest.raises(ExtractError, match=r"column REGION_CODE.*'Aaaaaaaaa \(aaaaaaaaaa aaaaaa\)'.*letters and dig"):
        read("england", folder)


@pytest.mark.parametrize(
    ("raw", "code"),
    [("E40000003", "E40000003"), (" y56", "Y56"), ("A", "A"), ("3.0", "3"), ("", None), ("-", None), ("NULL", None)],
)
def test_a_code_is_read_in_capitals_and_a_word_for_none_as_none(raw, code):
    assert CLEANER.clean(raw)[0] == code


@pytest.mark.parametrize("raw", ["North West", "Y56/Y57", "E400000031", "Y-56", "(unknown)"])
def test_what_is_no_code_of_a_region_is_refused(raw):
    with pytest.raises(Refused):
        CLEANER.clean(raw)


CODES = st.sampled_from(["Y56", "Y58", "LONDON", None])
NAMES = st.sampled_from(["London", "LONDON", "North  West", "North West", "Y56", "y58", "Midlands", None])
PAIRS = st.lists(st.tuples(CODES, NAMES), max_size=12)


@given(PAIRS)
def test_every_unit_has_one_name_and_every_name_one_unit(pairs):
    assume(not find_ambiguous(pairs))
    united = unite_areas(pairs)
    both = {(code or name, name or code) for code, name in united if code or name}
    assert len({unit for unit, _ in both}) == len(both) == len({fold_name(name) for _, name in both})
    for old, new in zip(pairs, united, strict=True):
        assert (new == (None, None)) == (old == (None, None))
        assert old[0] in (None, new[0]), "a code that is written is kept"


@given(PAIRS, st.integers(0, 11))
def test_units_do_not_depend_on_the_order_of_the_rows(pairs, start):
    assume(not find_ambiguous(pairs))
    others = [*pairs[start:], *pairs[:start]][::-1]
    united = dict(zip(pairs, unite_areas(pairs), strict=True))
    assert unite_areas(others) == [united[pair] for pair in others]


@given(PAIRS)
def test_what_has_been_united_stays_as_it_is(pairs):
    assume(not find_ambiguous(pairs))
    assert unite_areas(unite_areas(pairs)) == unite_areas(pairs)


def test_the_rules_of_areas_have_names_of_their_own():
    assert not set(AREA_RULES) & set(OF_VALUES)
