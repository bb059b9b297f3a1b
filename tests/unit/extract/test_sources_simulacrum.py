"""Simulacrum: both versions read, told apart by their header; what it cannot show is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract import READERS, read_extract
from naome.measures.specification import load_specification
from naome.measures.study import make_study

DATA = Path(__file__).parent / "data"


def read(folder: Path, tmp_path: Path):
    extract = read_extract(READERS["simulacrum"], folder, tmp_path / "canonical", progress=lambda line: None)
    tables = {
        name: duckdb.execute(f"SELECT * FROM '{tmp_path}/canonical/{name}.parquet'").fetchdf()
        for name in ("people", "tumours", "drugs", "radiotherapy", "deaths", "admissions", "organisations")
    }
    return extract, tables


def link_sample(tmp_path: Path) -> Path:
    """Copy the sample of version 2 with the treatments of its people: the published rows are of others."""
    folder = tmp_path / "linked"
    shutil.copytree(DATA / "simulacrum_v2", folder)
    patients = [line.split(",")[0] for line in (folder / "sim_av_patient.csv").read_text().splitlines()[1:]]
    for name in ("sim_sact_regimen.csv", "sim_rtds_prescription.csv"):
        header, *lines = (folder / name).read_text().splitlines()
        given = [f"{person},{line.split(',', 1)[1]}" for person, line in zip(patients, lines, strict=False)]
        (folder / name).write_text("\n".join([header, *given]) + "\n")
    return folder


def test_the_sample_rows_of_version_2_read(tmp_path):
    extract, tables = read(link_sample(tmp_path), tmp_path)
    assert extract.raw_rows["av_tumour"] == 8
    tumours = tables["tumours"].set_index("tumour_id")
    assert list(tumours["site"]) == ["C504", "C504", "C508", "C509", "C505"]  # five breast tumours; three of the skin
    assert tumours.loc["11340118", ["stage", "er", "her2"]].tolist() == ["3", "positive", "negative"]
    assert tumours.loc["11340118", "m1"]
    assert tumours["deprivation"].tolist() == [2, 4, 1, 5, 3]
    assert tumours["performance_status"].tolist()[2] == 4
    assert len(tables["drugs"]) == 6
    assert len(tables["radiotherapy"]) == 6
    assert tables["deaths"]["causes"].tolist() == ["C56 K566 G309 C449", "F019 J189 I259"]
    assert tables["admissions"].empty
    assert tables["organisations"].empty


def test_treatments_of_people_who_are_not_in_the_sample_are_left_out_and_counted(tmp_path):
    extract, tables = read(DATA / "simulacrum_v2", tmp_path)
    assert tables["drugs"].empty
    assert tables["radiotherapy"].empty
    counted = {(e["table"], e["rows"]) for e in extract.quality if e["rule"] == "no_such_person"}
    assert counted == {("rtds_prescription", 6), ("sact_regimen", 6), ("sact_drug_detail", 6)}


def test_people_without_a_record_are_not_followed(tmp_path):
    extract, tables = read(DATA / "simulacrum_v2", tmp_path)
    people = tables["people"].set_index("person_id")
    assert len(people) == 13  # eight rows, and five women and men who only have a tumour in the sample
    assert people.loc["10300617", "vital_status"] is None
    assert {(e["rule"], e["rows"]) for e in extract.quality} >= {("person_without_record", 5), ("other_site", 3)}


def test_version_1_reads_with_its_quintiles_turned_round(tmp_path):
    extract, tables = read(DATA / "simulacrum_v1", tmp_path)
    tumours = tables["tumours"].set_index("tumour_id")
    raw = duckdb.execute(
        f"SELECT QUINTILE_2015 FROM '{DATA}/simulacrum_v1/sim_av_tumour.csv' WHERE SITE_ICD10_O2 LIKE 'C50%'"
    )
    assert [row[0] for row in raw.fetchall()] == ["1 - least deprived", "5 - most deprived", "4"]
    assert tumours["deprivation"].tolist() == [5, 1, 4, 2]
    assert tumours["cns"].tolist() == ["seen", "not_seen", "seen", None]
    assert tables["people"]["vital_status"].tolist() == ["alive", "dead", "alive", "dead", "lost"]
    # Drugs are linked through the SACT patient's link number; the fourth belongs to nobody, the third has no name.
    assert tables["drugs"]["person_id"].tolist() == ["810000001", "810000002"]
    left_out = {e["rule"]: e["rows"] for e in extract.quality if e["kind"] == "left out"}
    assert left_out == {"other_site": 1, "no_such_record": 1, "regimen_without_person": 1, "drug_without_name": 1}


@pytest.mark.parametrize("version", ["simulacrum_v1", "simulacrum_v2"])
def test_files_read_without_the_prefix_and_in_any_case(tmp_path, version):
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for file in (DATA / version).iterdir():
        header, rest = file.read_text().split("\n", 1)
        (renamed / file.name.removeprefix("sim_").upper()).write_text(header.lower() + "\n" + rest)
    first, tables = read(DATA / version, tmp_path / "first")
    second, again = read(renamed, tmp_path / "second")
    assert first.rows == second.rows
    assert first.quality == second.quality
    assert all(tables[name].equals(again[name]) for name in tables)


def test_headers_of_the_dictionary_are_read_as_those_of_the_files(tmp_path):
    folder = link_sample(tmp_path)
    file = folder / "sim_rtds_prescription.csv"
    text = file.read_text()
    file.write_text(text.replace("RTTREATMENTANATOMICALSITE", "TREATMENTANATOMICALSITE"))
    _, tables = read(folder, tmp_path)
    assert tables["radiotherapy"]["site"].tolist()[0] == "Z501"


def test_a_version_that_is_not_known_is_refused(tmp_path):
    folder = tmp_path / "extract"
    shutil.copytree(DATA / "simulacrum_v2", folder)
    file = folder / "sim_av_patient.csv"
    file.write_text(file.read_text().replace("VITALSTATUS,", "STATUS_OF_LIFE,", 1))
    with pytest.raises(
        ExtractError, match="version of the extract is not known; allowed: .* NEWVITALSTATUS, VITALSTATUS"
    ):
        read_extract(READERS["simulacrum"], folder, None, progress=lambda line: None)


def test_the_parameters_say_what_cannot_be_derived_and_why():
    params = load_params("simulacrum")
    study = make_study(params, run_id="r")
    assert params.cohorts == ("denovo",)
    derivable = {
        indicator.id
        for indicator in load_specification().indicators
        if "denovo" in indicator.cohorts and not study.reason(indicator, "denovo")
    }
    assert {"chemotherapy", "death_30d_chemotherapy", "survival"} <= derivable
    assert not derivable & {"mdt_discussion", "cns_contact", "biopsy", "bone_modifying_agent", "cdk46_first_line"}
    assert "do not agree" in study.not_derivable["anti_her2_first_line"]


def test_an_interruption_from_the_keyboard_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*_):
        raise RuntimeError("Query interrupted")  # what DuckDB makes of it

    monkeypatch.setattr("naome.extract.read.open_raw_tables", interrupt)

    with pytest.raises(KeyboardInterrupt):
        read_extract(READERS["simulacrum"], DATA / "simulacrum_v2", tmp_path / "out", progress=lambda line: None)

    assert list(tmp_path.iterdir()) == []
