"""Rows of canonical tables stand in the order of the extract, whatever is cleaned and left out on the way."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from naome.extract import READERS, read_extract


def read(folder: Path, out: Path) -> dict[str, bytes]:
    read_extract(READERS["ncrd"], folder, out, progress=lambda line: None)
    return {file.name: file.read_bytes() for file in out.glob("*.parquet")}


@pytest.fixture
def someone_dead(copy):
    """An extract in which some people have admissions after every death, all through the file."""
    extract = copy("england")
    file = extract.file("hes_apc")
    chosen = f"SELECT STUDY_ID FROM read_parquet('{file}', file_row_number = true) WHERE file_row_number % 600 = 7"
    extract.put("hes_apc", "ADMIDATE", "DATE '2022-12-30'", f"STUDY_ID IN ({chosen})")
    extract.put("hes_apc", "EPISTART", "DATE '2022-12-30'", f"STUDY_ID IN ({chosen})")
    return extract


def test_codes_stand_in_the_order_of_the_records_and_only_they(someone_dead, tmp_path):
    read(someone_dead.path, tmp_path / "out")
    raw, admissions = someone_dead.file("hes_apc"), tmp_path / "out" / "admissions.parquet"
    kept = duckdb.execute(f"SELECT count(*) FROM '{admissions}'").fetchone()[0]
    assert 0 < kept < duckdb.execute(f"SELECT count(*) FROM '{raw}'").fetchone()[0]
    for table in ("diagnoses", "procedures"):
        file = tmp_path / "out" / f"{table}.parquet"
        wrong = duckdb.execute(
            f"""
            SELECT count(*) FROM (
                SELECT (episode, position) < lag((episode, position)) OVER (ORDER BY file_row_number) AS back
                FROM read_parquet('{file}', file_row_number = true)
            ) WHERE back"""
        ).fetchone()[0]
        assert wrong == 0
        strangers = f"SELECT count(*) FROM '{file}' ANTI JOIN '{admissions}' USING (episode)"
        assert duckdb.execute(strangers).fetchone()[0] == 0
    elsewhere = duckdb.execute(
        f"""
        SELECT count(*) FROM '{admissions}'
        ANTI JOIN (SELECT file_row_number AS episode, trim(STUDY_ID) AS person_id, coalesce(ADMIDATE, EPISTART) AS
                   admission_date FROM read_parquet('{raw}', file_row_number = true))
        USING (episode, person_id, admission_date)"""
    ).fetchone()[0]
    assert elsewhere == 0


def test_a_repeated_column_may_change_its_type(copy, tmp_path):
    """A column of dates that is text in one of its repetitions is read as the dates it holds."""
    extract = copy("england")
    expected = read(extract.path, tmp_path / "usual")
    extract.edit(
        "hes_apc", "SELECT * REPLACE (strftime(OPDATE_02, '%d/%m/%Y') AS OPDATE_02, CLASSPAT::INT AS CLASSPAT) FROM t"
    )
    assert read(extract.path, tmp_path / "text") == expected
