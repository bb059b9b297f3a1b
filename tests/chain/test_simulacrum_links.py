"""Files as the public ones: every link between their tables is counted and held to one spelling of identifiers."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from simulacrum_files import write_simulacrum

from naome.core.errors import ExtractError
from naome.extract import READERS, read_extract


def make_public(folder: Path, version: int) -> Path:
    """Write files as those that are published, with enough people for shares to tell something."""
    write_simulacrum(folder, version=version, tumours=3000)
    return folder


def respell(folder: Path, table: str, column: str, sql: str, rows: str = "true") -> None:
    file = folder / f"sim_{table}.csv"
    duckdb.execute(
        f"COPY (SELECT * REPLACE (CASE WHEN {rows} THEN {sql} ELSE {column} END AS {column}) "
        f"FROM read_csv('{file}', all_varchar = true, header = true)) TO '{folder}/new' (FORMAT csv, HEADER)"
    )
    (folder / "new").replace(file)


LINKS = [
    (2, "av_tumour", "PATIENTID", "av_patient"),
    (1, "av_tumour", "PATIENTID", "av_patient"),
    (1, "sact_patient", "LINK_NUMBER", "av_patient"),
    (1, "sact_regimen", "MERGED_PATIENT_ID", "sact_patient"),
]


@pytest.mark.parametrize(("version", "table", "column", "to"), LINKS)
@pytest.mark.parametrize("rows", ["true", "hash({c}) % 10 < 4"])
def test_every_link_of_the_public_files_is_held_to_one_spelling(tmp_path, version, table, column, to, rows):
    folder = make_public(tmp_path / "files", version)
    extract = read_extract(READERS["simulacrum"], folder, None, progress=lambda line: None)
    link = next(link for link in extract.linkage if (link.table, link.column) == (table, column))
    assert (link.to, link.linked) == (to, link.rows)
    respell(folder, table, column, f"'00' || {column}", rows.format(c=column))
    with pytest.raises(ExtractError, match=f"{table}.csv: column {column}: .* if leading zeros did not count"):
        read_extract(READERS["simulacrum"], folder, None, progress=lambda line: None)


@pytest.mark.parametrize(("version", "table", "column", "to"), LINKS)
def test_other_identifiers_in_the_public_files_are_refused(tmp_path, version, table, column, to):
    folder = make_public(tmp_path / "files", version)
    respell(folder, table, column, f"md5({column})")
    with pytest.raises(ExtractError, match=f"{table}.csv: column {column}: 0 of .* link to {to}"):
        read_extract(READERS["simulacrum"], folder, None, progress=lambda line: None)


def test_a_morphology_among_the_sites_of_all_cancers_is_no_other_cancer(tmp_path):
    folder = make_public(tmp_path, 2)
    respell(folder, "av_tumour", "SITE_ICD10_O2", "'M8500'", "hash(TUMOURID) % 10 = 0")
    with pytest.raises(ExtractError, match="column SITE_ICD10_O2, row .*morphology code of ICD-O"):
        read_extract(READERS["simulacrum"], folder, None, progress=lambda line: None)


def test_stage_and_metastases_of_artificial_records_need_not_agree(tmp_path):
    folder = make_public(tmp_path, 2)
    respell(folder, "av_tumour", "M_BEST", "'1b'", "STAGE_BEST[1] IN ('1', '2', '3') AND hash(TUMOURID) % 2 = 0")
    read_extract(READERS["simulacrum"], folder, None, progress=lambda line: None)
