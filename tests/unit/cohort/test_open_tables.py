"""Canonical tables written by another version are refused before anything is derived from them."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

import naome
from naome.cohort.tables import open_tables
from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract.schema import CANONICAL


def write_tables(folder, without: str = "") -> None:
    for name, table in CANONICAL.items():
        columns = [f"NULL::{c.type} AS {c.name}" for c in table.columns if f"{name}.{c.name}" != without]
        duckdb.execute(f"COPY (SELECT {', '.join(columns)} WHERE false) TO '{folder / name}.parquet'")


def test_tables_of_this_version_are_opened(tmp_path):
    write_tables(tmp_path)
    tables = open_tables(tmp_path, load_params("wales"))
    assert {"episode", "code", "position", "person_id", "admission_date", "provider"} <= set(tables.diagnoses.columns)


def test_what_memory_does_not_hold_goes_beside_the_tables_and_not_to_the_current_folder(tmp_path, monkeypatch):
    folder = tmp_path / "canonical"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    write_tables(folder)
    connection = open_tables(folder, load_params("wales")).people.get_backend().con
    connection.execute("SET memory_limit = '60MB'; SET threads = 1")
    connection.execute("CREATE TABLE t AS SELECT hash(i) FROM range(8000000) r(i)")
    assert list((folder / ".spill").iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["canonical"]
    connection.close()
    assert not (folder / ".spill").exists()


def test_a_missing_column_says_how_to_go_on(tmp_path):
    write_tables(tmp_path, without="diagnoses.episode")
    with pytest.raises(ExtractError, match=r"diagnoses\.parquet: column episode is missing.*naome read --audit wales"):
        open_tables(tmp_path, load_params("wales"))


@pytest.mark.parametrize("column", sorted({c.name for table in CANONICAL.values() for c in table.columns}))
def test_no_column_is_kept_that_nobody_uses(column):
    package = Path(naome.__file__).parent
    rooms = ["cohort", "measures"]
    if column in CANONICAL["organisations"].column_names:  # nobody's: their names are for readers
        rooms.append("report")
    used = "".join(file.read_text() for room in rooms for file in (package / room).glob("*.py"))

    assert re.search(rf"\b{column}\b", used), f"{column}: personal data without a purpose (decision 0016)"
