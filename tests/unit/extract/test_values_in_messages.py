"""No message holds a value of a person: a name, an address and a postcode anywhere in a table are shown as shapes."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import duckdb
import pytest
from reading import read_about

from naome.core.definitions import project_definitions
from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract import READERS, read_extract
from naome.extract.column_names import may_be_shown, show_file
from naome.extract.sql import quote_name, quote_text
from naome.workflow.extract_report import describe_extract

CANARIES = (
    "Smithson ZZ9 9ZZ",
    "Rosalind O'Brien-Smithson",
    "SMITHSON, ROSALIND",
    "12 Quincy Street",
    "ZZ9.9ZZ",
    "ZZ9_9ZZ",
    "ZZ9-9ZZ",
    "ZZ99ZZ",
)
PARTS = ("SMITHSON", "ROSALIND", "BRIEN", "QUINCY", "STREET", "ZZ9", "9ZZ")
TABLES = [
    (nation, table)
    for nation, name in (("england", "ncrd"), ("wales", "wcn"), ("clean-england-rcrd", "rcrd"))
    for table in READERS[name].raw
]


def hold_nothing(text: str) -> None:
    found = [part for part in PARTS if part in text.upper()]
    assert not found, text


def spoil(folder, table: str, rows: str, columns: list[str]) -> None:
    """Put a different one of the canaries into each row of those that are chosen."""
    listed = ", ".join(map(quote_text, CANARIES))
    value = f"([{listed}])[1 + (n // 2) % {len(CANARIES)}]"
    spoilt = ", ".join(f"CASE WHEN {rows} THEN {value} ELSE {c}::VARCHAR END AS {c}" for c in columns)
    folder.edit(table, f"SELECT * REPLACE ({spoilt}) FROM t")


def list_there(folder, reader, table: str) -> list[str]:
    there = {row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM '{folder.file(table)}'").fetchall()}
    return [column for column in reader.raw[table].wanted() if column in there]


def read_aloud(reader, folder) -> str:
    """Return all that reading an extract says: progress, the page and what ``read.json`` keeps, or the problems."""
    said = []
    try:
        extract = read_extract(reader, folder.path, None, progress=said.append)
        kept = [extract.quality, [asdict(each) for each in (*extract.vocabularies, *extract.linkage)]]
        said += [describe_extract(extract), json.dumps(kept), str([note.ignored for note in extract.files])]
    except ExtractError as error:
        said.append(str(error))
    return "\n".join(said)


@pytest.mark.parametrize(("nation", "table"), TABLES)
@pytest.mark.parametrize("rows", ["n = 3", "n % 2 = 0"])
def test_what_is_a_person_s_is_shown_as_a_shape_in_any_column(copy, nation, table, rows):
    folder = copy(nation)
    reader = read_about(READERS[load_params(nation.removeprefix("clean-")).source], table)
    spoil(folder, table, rows, list_there(folder, reader, table))
    text = read_aloud(reader, folder)
    hold_nothing(text)
    assert table.upper() in text.upper()


@pytest.mark.parametrize(("nation", "table"), TABLES)
def test_what_is_a_person_s_is_shown_as_a_shape_where_a_column_is_a_vocabulary(copy, nation, table):
    folder = copy(nation)
    reader = read_about(READERS[load_params(nation.removeprefix("clean-")).source], table).bind(project_definitions())
    listed = [c for c in list_there(folder, reader, table) if getattr(reader.raw[table].columns.get(c), "place", None)]
    listed += [c for c in list_there(folder, reader, table) if c == "SUCCESSOR_CODE"]
    if not listed:
        pytest.skip("no column of this table is read by a list")
    for rows in ("n % 40 IN (2, 3)", "n % 2 = 0"):
        spoil(folder, table, rows, listed)
        hold_nothing(read_aloud(reader, folder))


@pytest.mark.parametrize("nation", dict(TABLES))
@pytest.mark.parametrize("instead", [True, False])
def test_what_is_a_person_s_is_shown_as_a_shape_in_the_place_of_a_name_of_a_column(copy, nation, instead):
    folder = copy(nation)
    reader = READERS[load_params(nation.removeprefix("clean-")).source]
    for table in reader.raw:
        columns = list_there(folder, reader, table)
        if instead:  # the second of the table's columns and the last are called by other names
            names = {columns[1]: CANARIES[0], columns[-1]: CANARIES[4]}
            renamed = ", ".join(f"{old} AS {quote_name(new)}" for old, new in names.items())
            folder.edit(table, f"SELECT * RENAME ({renamed}) FROM t")
        else:
            added = ", ".join(f"'x' AS {quote_name(name)}" for name in (*CANARIES, "A" * 100_000))
            folder.edit(table, f"SELECT *, {added} FROM t")
    text = read_aloud(reader, folder)
    hold_nothing(text)
    assert [table for table in reader.raw if table.upper() not in text.upper()] == []
    assert len(text) < 60_000


@pytest.mark.parametrize("name", ["SMITHSON", "Rosalind_Smithson", "Smithson_1950", "QUINCY"])
@pytest.mark.parametrize("instead", [True, False])
def test_a_personal_name_as_the_name_of_a_column_is_shown_as_its_shape_and_place(copy, name, instead):
    folder = copy("clean-england")
    if instead:
        folder.edit("sact_cycle", f"SELECT * RENAME (START_DATE_OF_CYCLE AS {name}) FROM t")
    else:
        folder.edit("sact_cycle", f"SELECT *, 'x' AS {name} FROM t")
    text = read_aloud(READERS["ncrd"], folder)
    hold_nothing(text)
    assert re.search(r"column \d+ '[A-Za-z_9]{6,}'", text)
    assert ("column START_DATE_OF_CYCLE is missing" in text) == instead


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("smithson.csv", "aaaaaaaa.csv"),
        ("Rosalind Smithson.xlsx", "Aaaaaaaa Aaaaaaaa.xlsx"),
        ("ons_deaths_smithson.csv", "ons_deaths_aaaaaaaa.csv"),
        ("ons_deaths.smithson.xlsx", "ons_deaths.aaaaaaaa.xlsx"),
    ],
)
def test_a_personal_name_in_the_name_of_a_file_is_shown_as_its_shape(copy, file, said):
    folder = copy("clean-england")
    folder.file("ons_deaths").unlink()
    (folder.path / file).write_text("a note")
    text = read_aloud(READERS["ncrd"], folder)
    hold_nothing(text)
    assert said in text


def test_a_personal_name_in_the_name_of_a_part_is_shown_as_its_shape(copy):
    folder = copy("clean-england")
    folder.as_csv("ons_deaths", lambda data: data.replace(b"REG_DATE_OF_DEATH", b"X", 1))
    (folder.path / "parts").mkdir()
    folder.file("ons_deaths", "csv").rename(folder.path / "parts" / "smithson.csv")
    (folder.path / "parts").rename(folder.path / "ons_deaths")
    text = read_aloud(READERS["ncrd"], folder)
    hold_nothing(text)
    assert "ons_deaths/aaaaaaaa.csv" in text


def test_every_table_and_column_that_is_read_and_misspellings_are_shown():
    for reader in READERS.values():
        for version in [each for _, each in reader.versions] or [reader]:
            for name, table in version.raw.items():
                assert show_file(f"sim_{name}_2019-20_part2.csv.gz") == f"sim_{name}_2019-20_part2.csv.gz"
                for column in table.expected():
                    assert may_be_shown(column), column
                    assert len(column) < 8 or may_be_shown(column[:-2] + column[-1]), column


@pytest.mark.parametrize("command", ["check-extract", "read"])
def test_nothing_that_is_a_person_s_reaches_the_screen_or_the_run(
    copy, run_naome, few_people, capsys, tmp_path, command
):
    folder, run = copy("clean-england"), tmp_path / "run"
    (folder.path / "extract.json").unlink()
    spoil(folder, "av_patient", "n % 60 = 2", ["ETHNICITY"])
    spoil(folder, "av_tumour", "n % 60 = 2", ["CNS", "DIAG_TRUST", "CTRY_CODE"])
    spoil(folder, "sact_drug_detail", "n % 60 = 2", ["DRUG_GROUP"])
    spoil(folder, "rtds_prescription", "n < 3", ["RTTREATMENTANATOMICALSITE"])
    folder.edit("hes_apc", "SELECT *, 'x' AS \"Smithson ZZ9 9ZZ\", 'x' AS ZZ9_9ZZ FROM t")
    # a run of so few real people would be refused, which the check says after all else
    arguments, code = {
        "check-extract": ((folder.path, "--params", "england"), 2),
        "read": (("--params", few_people, "--data", folder.path, "--run", run), 0),
    }[command]
    assert run_naome(command, *arguments) == code
    said = capsys.readouterr()
    assert ("disclosure.national" in said.err) == (command == "check-extract")
    hold_nothing(said.out + said.err)
    if command == "read":
        hold_nothing((run / "inputs" / "read.json").read_text(encoding="utf-8"))
        kept = duckdb.execute(f"SELECT * FROM '{run}/inputs/data_quality.parquet'").fetchall()
        hold_nothing(str(kept))
