from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from naome.core.paths import project_root
from naome.workflow.cli import main
from naome_synthetic import write_extract

CSV = "FORMAT csv, HEADER, DATEFORMAT '%d/%m/%Y', FORCE_QUOTE *"
#: In which extracts are spoilt; it holds nothing
DATABASE = duckdb.connect()


@dataclass(frozen=True)
class Folder:
    """A copy of an extract that a test may spoil; files are replaced, never changed in place (they are hard links)."""

    path: Path

    def file(self, table: str, suffix: str = "parquet") -> Path:
        return self.path / f"{table}.{suffix}"

    def edit(self, table: str, select: str) -> None:
        """Write a table again as `select` over ``t``; ``n`` numbers its rows from 0."""
        file, new = self.file(table), self.path / "new"
        with DATABASE.cursor() as connection:  # a database of its own for each change would cost more than the change
            rows = f"read_parquet('{file}', file_row_number = true)"
            connection.execute(f"CREATE OR REPLACE TEMP VIEW t AS SELECT * RENAME (file_row_number AS n) FROM {rows}")
            columns = connection.execute(select).description
            extra = " EXCLUDE (n)" if any(column[0] == "n" for column in columns) else ""
            connection.execute(f"COPY (SELECT *{extra} FROM ({select})) TO '{new}' (FORMAT parquet)")
        new.replace(file)

    def put(self, table: str, column: str, value: str, rows: str = "n = 3") -> None:
        """Put an SQL value into some rows of a column."""
        self.edit(table, f"SELECT * REPLACE (CASE WHEN {rows} THEN {value} ELSE {column} END AS {column}) FROM t")

    def as_csv(self, table: str, change: Callable[[bytes], bytes] = lambda data: data, suffix: str = "csv") -> None:
        """Turn a table into CSV, and change its bytes."""
        file, new = self.file(table), self.path / "new.csv"
        duckdb.execute(f"COPY (SELECT * FROM read_parquet('{file}')) TO '{new}' ({CSV})")
        file.unlink()
        self.file(table, suffix).write_bytes(change(new.read_bytes()))
        new.unlink()

    def put_csv(self, table: str, column: str, text: str) -> None:
        """Put a text into the fourth row of a column of a table in CSV, all of it as text."""
        self.edit(table, "SELECT COLUMNS(*)::VARCHAR FROM (SELECT * EXCLUDE (n) FROM t)")
        self.edit(
            table,
            f"SELECT * REPLACE (CASE WHEN n = 3 THEN '{text}' ELSE {column} END AS {column}) FROM t",
        )
        self.as_csv(table)


@pytest.fixture(scope="session")
def extracts(tmp_path_factory) -> dict[str, Path]:
    """Write small extracts: `england` and `wales` for spoiling, `-truth` with their truth, `clean-` without defects."""
    root = tmp_path_factory.mktemp("extracts")
    made = {}
    for name, nation, scale, defects in (
        ("england", "england", 0.004, True),
        ("wales", "wales", 0.02, True),
        ("england-truth", "england", 0.02, True),
        ("wales-truth", "wales", 0.1, True),
        ("england-rcrd-truth", "england-rcrd", 0.02, True),
        ("clean-england-rcrd", "england-rcrd", 0.01, False),
        ("clean-england", "england", 0.01, False),
        ("clean-wales", "wales", 0.1, False),
    ):
        made[name] = root / name / "extract"
        (root / name).mkdir()
        write_extract(nation, made[name], root / name / "truth", scale=scale, defects=defects)
    return made


@pytest.fixture
def copy(extracts, tmp_path) -> Callable[[str], Folder]:
    """Copy an extract cheaply (hard links)."""

    def make(name: str) -> Folder:
        target = tmp_path / "extract"
        shutil.copytree(extracts[name], target, copy_function=lambda a, b: Path(b).hardlink_to(a))
        return Folder(target)

    return make


@pytest.fixture(scope="session")
def run_naome():
    """Run the command line in this process; return exit code."""
    return lambda *arguments: main([str(a) for a in arguments])


@pytest.fixture
def few_people(tmp_path) -> Path:
    """Write the parameters of England for cohorts of few real people."""
    file = tmp_path / "few.yaml"
    text = (project_root() / "params" / "england.yaml").read_text(encoding="utf-8")
    own = text.replace("audit: england", "audit: few").replace("  national: show", "  national: suppress_small")
    file.write_text(own, encoding="utf-8")
    return file


@pytest.fixture
def connection():
    """An empty database."""
    with duckdb.connect() as connection:
        yield connection
