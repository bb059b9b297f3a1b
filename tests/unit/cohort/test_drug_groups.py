"""Groups of drugs in the analysis: the same drugs by other names, in other fields, give the same people."""

import duckdb
import pytest

from naome.cohort.derive import derive_cohorts
from naome.core.definitions import project_definitions
from naome.core.params import load_params
from naome.extract import READERS, read_extract
from naome_synthetic import write_extract

NAMES = {
    "TRASTUZUMAB": "Herceptin SC 600mg/5ml",
    "PERTUZUMAB + TRASTUZUMAB": "PHESGO (TRASTUZUMAB / PERTUZUMAB)",
    "PERTUZUMAB": "PERJETA 420MG",
    "PALBOCICLIB": "IBRANCE",
    "PACLITAXEL": "TAXOL",
    "NAB-PACLITAXEL": "PACLITAXEL ALBUMIN BOUND",
    "EPIRUBICIN": "EPIRUBICIN HYDROCHLORIDE",
    "DENOSUMAB": "DENOSUMAB (XGEVA)",
}


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drugs") / "extract"
    write_extract("england", folder, folder.parent / "truth", scale=0.02, defects=False)
    return folder


@pytest.fixture(scope="module")
def before(extract, tmp_path_factory):
    """The analysis table of the extract as it is."""
    return derive(extract, tmp_path_factory.mktemp("before") / "out", "DRUG_GROUP")


def derive(extract, out, select):
    """Return the analysis table of an extract with its table of drugs written again."""
    file, kept = extract / "sact_drug_detail.parquet", extract.parent / "kept.parquet"
    file.rename(kept)
    try:
        duckdb.execute(f"COPY (SELECT * REPLACE ({select} AS DRUG_GROUP) FROM '{kept}') TO '{file}' (FORMAT parquet)")
        read_extract(READERS["ncrd"], extract, out, progress=lambda line: None)
    finally:
        kept.rename(file)
    return derive_cohorts(load_params("england"), out, rules=project_definitions().rules()).analysis


def test_other_names_of_the_same_drugs_give_the_same_analysis(extract, before, tmp_path):
    renamed = " ".join(f"WHEN '{drug}' THEN '{name}'" for drug, name in NAMES.items())
    after = derive(extract, tmp_path / "after", f"CASE DRUG_GROUP {renamed} ELSE DRUG_GROUP END")
    assert before["anti_her2_days"].notna().sum() > 10
    assert before.equals(after)


def test_a_drug_given_beside_others_in_one_field_counts_as_itself(extract, before, tmp_path):
    beside = "CASE DRUG_GROUP WHEN 'TRASTUZUMAB' THEN 'RITUXIMAB / TRASTUZUMAB' ELSE DRUG_GROUP END"
    after = derive(extract, tmp_path / "after", beside)
    assert before.equals(after)  # rituximab is known, and counts nowhere


def test_two_agents_in_one_field_are_two(extract, before, tmp_path):
    product = "CASE DRUG_GROUP WHEN 'TRASTUZUMAB' THEN 'DOCETAXEL+PERTUZUMAB+TRASTUZUMAB' ELSE DRUG_GROUP END"
    after = derive(extract, tmp_path / "after", product)
    given = before["anti_her2_agents"] > 0
    assert (after.loc[given, "anti_her2_agents"] >= before.loc[given, "anti_her2_agents"]).all()
    assert (after["anti_her2_agents"] >= 2).sum() > (before["anti_her2_agents"] >= 2).sum()


def test_an_antibody_with_a_payload_is_not_the_antibody(extract, tmp_path):
    payload = "CASE DRUG_GROUP WHEN 'PERTUZUMAB' THEN 'TRASTUZUMAB (KADCYLA)' ELSE DRUG_GROUP END"
    derive(extract, tmp_path / "out", payload)
    found = dict(duckdb.execute(f"SELECT drug, count(*) FROM '{tmp_path}/out/drugs.parquet' GROUP BY 1").fetchall())
    assert found["TRASTUZUMAB EMTANSINE"] > 0 and "PERTUZUMAB" not in found
