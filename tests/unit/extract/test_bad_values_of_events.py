"""A bad value gets its message in every column of every table of events, also when only candidates' rows are read."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import read_about

from naome.cohort.evidence import signs_of
from naome.core.definitions import project_definitions
from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract import READERS, read_extract

#: Name of an audit -> the synthetic extract that it reads
AUDITS = {"england": "england", "wales": "wales", "england-rcrd": "clean-england-rcrd"}


def list_columns() -> list[tuple[str, str, str]]:
    """Return audit, table and column of everything that is cleaned in tables of events, one of repeated columns."""
    found = []
    for audit in AUDITS:
        reader = READERS[load_params(audit).source].bind(project_definitions())
        for name, table in reader.raw.items():
            if table.events:
                labels = {}
                for column, label, cleaner in table.cleaned():
                    if cleaner.sql_type == "DATE" or refuses(cleaner):
                        labels.setdefault(label, column)
                found += [(audit, name, column) for column in labels.values()]
    return found


def refuses(cleaner) -> bool:
    try:
        cleaner.clean("~~bad~~")
    except Exception:
        return True
    return False


COLUMNS = list_columns()


def test_every_table_of_events_has_a_column_that_can_be_bad():
    tables = {(audit, table) for audit, table, _ in COLUMNS}
    for audit in AUDITS:
        reader = READERS[load_params(audit).source]
        assert {name for name, table in reader.raw.items() if table.events} == {t for a, t in tables if a == audit}
    assert len(COLUMNS) >= 15


@pytest.mark.parametrize(("audit", "table", "column"), COLUMNS)
@pytest.mark.parametrize("followed", [True, False], ids=["candidates", "everybody"])
def test_a_bad_value_gets_its_message(copy, audit, table, column, followed):
    folder = copy(AUDITS[audit])
    held = pq.read_table(folder.file(table))
    spoilt = ["~~bad~~"] * len(held)  # whoever is a candidate has one
    place = held.schema.get_field_index(column)
    held = held.set_column(place, column, pa.array(spoilt, pa.string()))
    held = held.append_column("SOMETHING_ID", pa.array([str(n) for n in range(len(held))]))
    folder.file(table).unlink()
    pq.write_table(held, folder.file(table))
    params = load_params(audit)
    signs = signs_of(params, project_definitions()) if followed else None
    reader = READERS[params.source]
    reader = read_about(reader, table, *({"av_tumour"} & set(reader.raw)))  # the stage of tumours makes candidates
    with pytest.raises(ExtractError) as error:
        read_extract(reader, folder.path, None, signs=signs, progress=lambda line: None)
    assert re.search(rf"{table}\.parquet: column {column}, row [\d,]+: .*allowed: ", str(error.value))


def test_columns_that_are_not_read_are_told_also_when_only_candidates_are(copy):
    folder = copy("wales")
    folder.edit("pedw_diag", "SELECT *, 'x' AS RECORD_NUMBER FROM t")
    signs = signs_of(load_params("wales"), project_definitions())
    extract = read_extract(READERS["wcn"], folder.path, None, signs=signs, progress=lambda line: None)
    assert "RECORD_NUMBER" in {note.table: note for note in extract.files}["pedw_diag"].ignored
