"""Of whom a source has a row for each tumour: what is read of a person depends on no order of rows and no pseudonym."""

from __future__ import annotations

import duckdb
import pytest
from reading import read_about

from naome.core.params import load_params
from naome.extract import READERS, read_extract

#: Audit, table, and its columns of the person, tumour, date, sex and ethnic group, with a code of another sex
SOURCES = {
    "clean-wales": ("wcn_registration", "ALF_PE", "TUMOUR_ID", "DATE_OF_DIAGNOSIS", "SEX_AT_BIRTH", "ETHNIC_GROUP"),
    "clean-england-rcrd": ("rcrd_tumour", "PATIENTID", "TUMOURID", "DIAGNOSISDATE", "GENDER", "ETHNICITY"),
}
OTHER_SEX = {"clean-wales": "'M'", "clean-england-rcrd": "'1'"}


def read(audit, folder, out):
    source = READERS[load_params(audit.removeprefix("clean-")).source]
    return read_extract(read_about(source, SOURCES[audit][0]), folder.path, out, progress=lambda line: None)


def add_earlier_tumours(folder, audit, people, sex, ethnic_group, order):
    """Give some people a tumour, years before, whose row says something else of them."""
    (folder.path / "extract.json").unlink()
    table, _, tumour, date, sex_column, ethnic_column = SOURCES[audit]
    kind = duckdb.execute(f"SELECT typeof({date}) FROM '{folder.file(table)}' LIMIT 1").fetchone()[0]
    spelling = "%Y%m%d" if kind == "VARCHAR" else "%Y-%m-%d"
    day = f"strptime({date}::VARCHAR, '{spelling}')::DATE - INTERVAL 700 DAY"
    earlier = (
        f"SELECT * REPLACE ('9' || {tumour} AS {tumour}, CAST(strftime({day}, '{spelling}') AS {kind}) AS {date}, "
        f"{sex} AS {sex_column}, "
        f"{ethnic_group} AS {ethnic_column}) FROM t WHERE n < {people}"
    )
    folder.edit(table, f"SELECT * EXCLUDE (n) FROM (FROM t UNION ALL BY NAME {earlier}) ORDER BY {order}")


def list_people(out):
    return duckdb.execute(f"SELECT * FROM '{out}/people.parquet' ORDER BY person_id").fetchall()


@pytest.mark.parametrize("audit", SOURCES)
def test_what_one_registration_does_not_record_another_does(copy, audit, tmp_path):
    folder = copy(audit)
    read(audit, folder, tmp_path / "before")
    add_earlier_tumours(folder, audit, 40, SOURCES[audit][4], "NULL", "n")
    extract = read(audit, folder, tmp_path / "after")
    assert list_people(tmp_path / "after") == list_people(tmp_path / "before")
    assert "person_differs" not in {entry["rule"] for entry in extract.quality}


@pytest.mark.parametrize("audit", SOURCES)
def test_registrations_that_differ_are_read_by_the_first_diagnosis_and_counted(copy, audit, tmp_path):
    folder, found = copy(audit), []
    add_earlier_tumours(folder, audit, 5, OTHER_SEX[audit], "'J'", "n")
    for order in ("n", "n DESC", "hash(n)"):
        folder.edit(SOURCES[audit][0], f"SELECT * FROM t ORDER BY {order}")
        extract = read(audit, folder, tmp_path / "out")
        found.append(list_people(tmp_path / "out"))
        counted = {entry["column"]: entry["rows"] for entry in extract.quality if entry["rule"] == "person_differs"}
        assert counted[SOURCES[audit][4]] == 10
        assert 0 < counted[SOURCES[audit][5]] <= 10
    assert found[0] == found[1] == found[2]


def test_a_few_people_whose_rows_differ_in_vital_status_are_read_and_counted(copy, tmp_path):
    """Of two rows one has a death: it counts, in whatever order they are."""
    folder, audit = copy("clean-england-rcrd"), "clean-england-rcrd"
    add_earlier_tumours(folder, audit, 5, "GENDER", "ETHNICITY", "n")
    read(audit, folder, tmp_path / "before")
    before = list_people(tmp_path / "before")
    first = "TUMOURID LIKE '9%' AND PATIENTID IN (SELECT PATIENTID FROM t WHERE n < 5)"
    folder.edit(
        "rcrd_tumour", f"SELECT * REPLACE (CASE WHEN {first} THEN 'D' ELSE VITALSTATUS END AS VITALSTATUS) FROM t"
    )
    extract = read(audit, folder, tmp_path / "after")
    (entry,) = [entry for entry in extract.quality if entry["rule"] == "vital_status_differs"]
    assert 0 < entry["rows"] <= 10 and len(before) == extract.rows["people"]
    folder.edit("rcrd_tumour", "SELECT * FROM t ORDER BY n DESC")
    again = list_people(tmp_path / "after")
    read(audit, folder, tmp_path / "reversed")
    assert list_people(tmp_path / "reversed") == again
