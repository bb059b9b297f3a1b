"""People under other pseudonyms, in rows of another order, are the same people."""

import duckdb
import pandas as pd
import pytest

from naome.cohort.derive import derive_cohorts
from naome.core.definitions import project_definitions
from naome.core.params import load_params
from naome.extract import READERS, read_extract
from naome_synthetic import write_extract

SOURCES = {"england": "ncrd", "wales": "wcn"}
SCALES = {"england": 0.02, "wales": 0.05}
#: One digit for another, nought for itself: an identifier keeps its length and its shape
DIGITS = "translate(CAST({0} AS VARCHAR), '123456789', '683917254')"


@pytest.fixture(scope="module", params=SOURCES)
def extract(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pseudonyms") / request.param
    write_extract(request.param, folder, folder.parent / "truth", scale=SCALES[request.param], defects=False)
    return request.param, folder


def derive(audit, folder, out):
    reader = READERS[SOURCES[audit]]
    read_extract(reader, folder, out, progress=lambda line: None)
    return derive_cohorts(load_params(audit), out, rules=project_definitions().rules()).analysis


def rename_people(audit, folder, out):
    """Write an extract again under other identifiers, its rows in another order."""
    out.mkdir()
    tables = READERS[SOURCES[audit]].raw
    organisations = {*tables["organisations"].identifiers, *(table.provider for table in tables.values())}
    for file in (folder / f"{name}.parquet" for name in tables):
        types = duckdb.execute(
            f"SELECT name, duckdb_type FROM parquet_schema('{file}') WHERE type IS NOT NULL"
        ).fetchall()
        named = {*tables[file.stem].identifiers, *tables[file.stem].optional_identifiers} - organisations
        columns = ", ".join(
            f"CAST({DIGITS.format(name)} AS {kind}) AS {name}" if name in named else name for name, kind in types
        )
        duckdb.execute(
            f"COPY (SELECT {columns} FROM '{file}' AS t ORDER BY hash(t)) TO '{out / file.name}' (FORMAT parquet)"
        )
    return out


def list_people(canonical):
    return {row for (row,) in duckdb.execute(f"SELECT person_id FROM '{canonical}/people.parquet'").fetchall()}


def test_other_pseudonyms_and_another_order_of_rows_give_the_same_analysis_table(extract, tmp_path):
    audit, folder = extract
    renamed = rename_people(audit, folder, tmp_path / "renamed")
    before = derive(audit, folder, tmp_path / "before")
    after = derive(audit, renamed, tmp_path / "after")
    assert list_people(tmp_path / "before") != list_people(tmp_path / "after")
    assert len(before) > 30
    pd.testing.assert_frame_equal(before, after)
