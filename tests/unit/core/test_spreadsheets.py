"""Nothing that a table for readers holds is run by the spreadsheet that opens it."""

from __future__ import annotations

import csv
import re

import pandas as pd
import pytest

from naome.core.paths import project_root
from naome.core.results import make_results
from naome.core.spreadsheets import escape_formula, escape_formulae, write_csv

HOSTILE = [
    '=HYPERLINK("http://x.invalid")',
    "+1",
    "-2",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    "\tx",
    "\rx",
    "\nx",
    "\t=1+1",
    "  =1+1",
    "\u00a0=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\x00=1+1",
    '"=1+1',
    '" =1+1"',
    "\u201c=1+1\u201d",
    "\u00ab@SUM(A1)",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    "\ufe661+1",
]
HARMLESS = [
    "North East",
    "Stoke-on-Trent",
    "a = b",
    "<=20",
    "England + Wales",
    "x@y",
    "\u2013",
    "\u22125",
    "",
    "Humber, Coast and Vale",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe(text):
    escaped = escape_formula(text)
    assert escaped.startswith("'") and escaped.replace("'", "") == text.replace("'", "")
    assert escape_formula(escaped) == escaped


@pytest.mark.parametrize("text", HARMLESS)
def test_any_other_text_stays_as_it_is(text):
    assert escape_formula(text) == text


@pytest.mark.parametrize("cut", [";", "\t", "\r", "\n", "\r\n", "; \uff1d"])
def test_a_text_that_is_cut_into_cells_runs_in_none_of_them(cut):
    escaped = escape_formula(f"North{cut}=1+1{cut}East")
    for cell in re.split(r"[;\t\r\n]", escaped):
        assert not re.match(r'[\s"]*[=+@\uff1d-]', cell), escaped


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_a_text_of_the_file_and_a_negative_number_stays_one(tmp_path, name):
    rows = pd.DataFrame({"measure": "m", "level": "region", "unit": [name, "London"], "estimate": [-0.5, 0.5]})
    results = make_results(rows, audit="england", nation="england", cohort="denovo", run_id="r")
    write_csv(results, tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8", newline="") as file:
        [first, second] = csv.DictReader(file)
    assert first["unit"] == escape_formula(name).replace("\r", "\n") != name and second["unit"] == "London"
    assert first["estimate"] == "-0.5" and second["estimate"] == "0.5"
    assert first["result_id"] == results.loc[0, "result_id"]  # that of the name as the source has it


def test_categories_and_names_of_columns_are_escaped_too():
    table = pd.DataFrame({"=unit": pd.Categorical(["+a", "b"]), "n": pd.array([-1, None], dtype="Int64")})
    escaped = escape_formulae(table)
    assert list(escaped) == ["'=unit", "n"] and list(escaped["'=unit"]) == ["'+a", "b"]
    assert escaped["n"].equals(table["n"]) and list(table) == ["=unit", "n"]


def test_every_file_for_readers_is_written_by_one_function():
    """What the generator writes is an extract, not a file for readers: it may hold anything."""
    writes = re.compile(r"\.to_csv\(|\.to_excel\(|\.to_clipboard\(|csv\.writer\(|DictWriter\(|write_csv\(")
    owner = project_root() / "src" / "naome" / "core" / "spreadsheets.py"
    found = {
        f"{path.stem}: {line.strip()}"
        for room in ("naome", "sitepreview")
        for path in (project_root() / "src" / room).rglob("*.py")
        if path != owner
        for line in path.read_text(encoding="utf-8").splitlines()
        if writes.search(line)
    }
    assert found == {
        'egress: write_csv(files, run.folder / "egress.csv", private=True)',
        "egress: write_csv(files, target, private=True)",
        'downloads: write_csv(table, scratch / "results.csv")',
        'downloads: write_csv(organisations, scratch / "organisations.csv")',
        "cli: write_csv(revisions, parsed.out)",
        'simulation_study: write_csv(table, path, float_format="%.6g")',
    }
