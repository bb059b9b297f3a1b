"""No message holds a value of a person: a name and a postcode in every column of every table are shown as shapes."""

from __future__ import annotations

import duckdb
import pytest

from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract import READERS, read_extract
from naome.workflow.extract_report import describe_extract

CANARY = "Smithson ZZ9 9ZZ"
TABLES = [(nation, table) for nation, name in (("england", "ncrd"), ("wales", "wcn")) for table in READERS[name].raw]


@pytest.mark.parametrize(("nation", "table"), TABLES)
@pytest.mark.parametrize("rows", ["n = 3", "n % 2 = 0"])
def test_a_name_and_a_postcode_in_any_column_are_shown_as_shapes(copy, nation, table, rows):
    folder = copy(nation)
    reader = READERS[load_params(nation).source]
    there = {row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM '{folder.file(table)}'").fetchall()}
    columns = [column for column in reader.raw[table].wanted() if column in there]
    spoilt = ", ".join(f"CASE WHEN {rows} THEN '{CANARY}' ELSE {c}::VARCHAR END AS {c}" for c in columns)
    folder.edit(table, f"SELECT * REPLACE ({spoilt}) FROM t")
    said = []
    try:
        said.append(describe_extract(read_extract(reader, folder.path, None, progress=said.append)))
    except ExtractError as error:
        said.append(str(error))
    text = "\n".join(said).upper()
    assert "SMITHSON" not in text
    assert "ZZ9" not in text
    assert table.upper() in text
