"""Codes of organisations: sites, default codes, mergers; and the table that says which organisations there are."""

from __future__ import annotations

import shutil

import duckdb
import pytest
from reading import read_about, read_people

from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract
from naome.extract.provider_codes import PROVIDER_CODE, Organisations
from naome.extract.vocabulary import GROUPED, NOT_COUNTED, UNKNOWN

TODAY = Organisations({"RAA": "RCC", "RBB": "RCC", "RCC": "RCC", "NT401": "NT401"})
CLEANER = PROVIDER_CODE.bind(project_definitions()).among(TODAY)
TABLES = {
    "england": ("ncrd", "av_tumour", "DIAG_TRUST"),
    "wales": ("wcn", "wcn_registration", "HEALTH_BOARD_OF_DIAGNOSIS"),
}


@pytest.mark.parametrize(
    ("raw", "code", "rules", "place"),
    [
        ("RCC", "RCC", (), GROUPED),
        (" rcc ", "RCC", ("white_space", "lower_case"), GROUPED),
        ("RAA", "RCC", ("merged_provider",), GROUPED),
        ("RAA02", "RCC", ("site_code", "merged_provider"), GROUPED),
        ("NT401", "NT401", (), GROUPED),
        ("NT402", "NT402", (), UNKNOWN),
        ("RZZ01", "RZZ01", (), UNKNOWN),
        ("RCC0", "RCC0", (), UNKNOWN),
        ("89999", None, ("organisation_default",), NOT_COUNTED),
        ("89997", None, ("organisation_default",), NOT_COUNTED),
        ("899", None, ("organisation_default",), NOT_COUNTED),
        ("R9998", None, ("organisation_default",), NOT_COUNTED),
        ("x98", None, ("organisation_default",), NOT_COUNTED),
        ("NA", None, ("missing_word",), NOT_COUNTED),
        ("null", None, ("missing_word",), NOT_COUNTED),
        ("Unknown", None, ("organisation_default",), NOT_COUNTED),
    ],
)
def test_a_code_is_read_as_the_organisation_that_has_its_records(raw, code, rules, place):
    assert CLEANER.clean(raw) == (code, rules)
    assert CLEANER.place(code, rules) == place


def read(nation, folder, out=None, tables=read_people):
    return read_extract(tables(READERS[TABLES[nation][0]]), folder.path, out, progress=lambda line: None)


def providers(out):
    return duckdb.execute(f"SELECT provider FROM '{out}/tumours.parquet'").fetchall()


@pytest.mark.parametrize("nation", TABLES)
def test_codes_of_sites_give_the_same_organisations(copy, tmp_path, nation):
    folder, (_, table, column) = copy(f"clean-{nation}"), TABLES[nation]
    read(nation, folder, tmp_path / "before")
    folder.edit(table, f"SELECT * REPLACE ({column} || '01' AS {column}) FROM t")
    extract = read(nation, folder, tmp_path / "after")
    assert providers(tmp_path / "before") == providers(tmp_path / "after")
    assert {entry["rule"] for entry in extract.quality} == {"site_code"}


@pytest.mark.parametrize("nation", TABLES)
def test_a_site_with_a_row_of_its_own_is_read_as_its_trust(copy, tmp_path, nation):
    folder, (_, table, column) = copy(f"clean-{nation}"), TABLES[nation]
    read(nation, folder, tmp_path / "before")
    folder.edit("organisations", "SELECT * FROM t UNION ALL SELECT * REPLACE (ORG_CODE || '01' AS ORG_CODE) FROM t")
    folder.edit(table, f"SELECT * REPLACE ({column} || '01' AS {column}) FROM t")
    (folder.path / "extract.json").unlink()
    extract = read(nation, folder, tmp_path / "after")
    assert providers(tmp_path / "before") == providers(tmp_path / "after")
    assert {entry["rule"] for entry in extract.quality} == {"site_code"}


@pytest.mark.parametrize("nation", TABLES)
@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("NA", "missing_word"),
        ("89999", "organisation_default"),
        ("NULL", "missing_word"),
        ("UNKNOWN", "organisation_default"),
    ],
)
def test_a_default_code_is_no_organisation(copy, tmp_path, nation, word, rule):
    folder, (_, table, column) = copy(f"clean-{nation}"), TABLES[nation]
    folder.put(table, column, f"'{word}'", "n % 5 = 0")
    extract = read(nation, folder, tmp_path / "out")
    rows = sum(provider is None for (provider,) in providers(tmp_path / "out"))
    assert rows and [(e["rule"], e["rows"]) for e in extract.quality] == [(rule, rows)]
    found = next(v for v in extract.vocabularies if v.column == column)
    assert not found.unknown and found.not_counted == 1


def test_sites_of_hospital_records_are_read_by_their_first_three_characters(copy, tmp_path):
    folder, hospital = copy("clean-wales"), lambda reader: read_about(reader, "pedw_oper")
    read("wales", folder, tmp_path / "before", hospital)
    for table in ("pedw_spell", "pedw_episode", "pedw_diag", "pedw_oper"):
        folder.edit(table, "SELECT * REPLACE (PROV_UNIT_CD || 'C7' AS PROV_UNIT_CD) FROM t")
    extract = read("wales", folder, tmp_path / "after", hospital)
    before, after = (
        duckdb.execute(f"SELECT provider FROM '{tmp_path}/{name}/admissions.parquet'").fetchall()
        for name in ("before", "after")
    )
    assert before == after
    assert any(found.column == "PROV_UNIT_CD" and found.grouped for found in extract.vocabularies)


def test_a_code_in_no_row_is_kept_counted_and_named(copy, tmp_path):
    folder = copy("clean-england")
    folder.put("av_tumour", "DIAG_TRUST", "'NT999'", "n < 9")
    folder.put("av_tumour", "DIAG_TRUST", "'RQ1'", "n = 20")
    extract = read("england", folder, tmp_path / "out")
    found = next(v for v in extract.vocabularies if v.column == "DIAG_TRUST")
    assert dict(found.unknown) == {"NT999": 9, "RQ1": 1}
    assert found.say_unknown() == "NT999 (9 rows), RQ1 (fewer than 8 rows)"
    assert ("NT999",) in providers(tmp_path / "out")


def test_too_many_codes_in_no_row_refuse_with_their_names(copy):
    folder = copy("clean-england")
    folder.put("av_tumour", "DIAG_TRUST", "'NT999'", "n % 5 = 0")
    with pytest.raises(ExtractError, match=r"av_tumour.parquet: column DIAG_TRUST: 20% of .*NT999.*at most 10%"):
        read("england", folder)


def edit_organisations(folder, *changes):
    """Change rows of organisations: (row, column, value)."""
    for row, column, value in changes:
        folder.put("organisations", column, value, f"n = {row}")


def codes(folder):
    rows = duckdb.execute(f"SELECT ORG_CODE, SUCCESSOR_CODE FROM '{folder.file('organisations')}'").fetchall()
    opened = [n for n, (_, successor) in enumerate(rows) if not successor]
    return [code for code, _ in rows], opened


def test_a_chain_of_successors_is_followed_to_its_end(copy, tmp_path):
    folder = copy("clean-england")
    code, opened = codes(folder)
    first, second, third = opened[:3]
    edit_organisations(
        folder, (first, "SUCCESSOR_CODE", f"'{code[second]}'"), (second, "SUCCESSOR_CODE", f"'{code[third].lower()}'")
    )
    extract = read("england", folder, tmp_path / "out")
    found = {provider for (provider,) in providers(tmp_path / "out")}
    assert code[third] in found and not {code[first], code[second]} & found
    assert extract.rows["organisations"] == len(opened) - 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([(0, "SUCCESSOR_CODE", "{1}"), (1, "SUCCESSOR_CODE", "{0}")], "lead in a circle: .*{0} -> {1}"),
        ([(0, "SUCCESSOR_CODE", "{0}")], "lead in a circle: {0} -> {0}"),
        ([(0, "SUCCESSOR_CODE", "{1};{2}")], "{0} became more than one organisation"),
        (
            [(0, "SUCCESSOR_CODE", "{2}"), (1, "SUCCESSOR_CODE", "{3}"), (1, "ORG_CODE", "{0}")],
            "{0} became more than one",
        ),
        ([(0, "SUCCESSOR_CODE", "ZZZ")], "successor of .*{0}.* is not an open organisation"),
        ([(0, "SUCCESSOR_CODE", "{1}"), (1, "SUCCESSOR_CODE", "ZZZ")], "successor of .*{0}.* is not an open"),
        ([(0, "SUCCESSOR_CODE", "-")], "{0}.* has a word or sign for none .*allowed: an empty cell"),
        ([(0, "SUCCESSOR_CODE", "unknown")], "{0}.* has a word or sign for none .*allowed: an empty cell"),
        ([(0, "ORG_NAME", "")], "column ORG_NAME, row 1: not recorded"),
        ([(2, "ORG_CODE", "A trust of that name")], "column ORG_CODE, row 3: no code of an organisation"),
    ],
)
def test_a_table_of_organisations_that_cannot_be_right_is_refused(copy, changes, message):
    folder = copy("clean-england")
    code, opened = codes(folder)
    named = [code[n] for n in opened]
    edit_organisations(
        folder, *((opened[row], column, f"nullif('{value.format(*named)}', '')") for row, column, value in changes)
    )
    with pytest.raises(ExtractError, match=message.format(*named)):
        read("england", folder)


@pytest.mark.parametrize("nation", TABLES)
@pytest.mark.parametrize("kind", ["'Garage'", "NULL"])
def test_an_organisation_of_no_known_kind_is_refused_where_others_have_one(copy, nation, kind):
    folder = copy(f"clean-{nation}")
    folder.put("organisations", "ORG_TYPE", kind)
    with pytest.raises(
        ExtractError, match="organisations.parquet: column ORG_TYPE, row 4: the organisation is of no known kind"
    ):
        read(nation, folder)
    folder.edit("organisations", "SELECT * EXCLUDE (ORG_TYPE) FROM t")
    assert read(nation, folder).rows["organisations"]


def test_default_codes_are_those_of_the_definitions_that_are_given(tmp_path):
    folder = shutil.copytree(project_definitions().folder, tmp_path / "definitions")
    path = folder / "codings" / "organisation_default.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("89997,", "89996,"), encoding="utf-8")
    cleaner = PROVIDER_CODE.bind(Definitions(folder)).among(TODAY)
    assert cleaner.clean("89997") == ("89997", ()) and cleaner.clean("89996")[0] is None
