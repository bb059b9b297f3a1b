"""Events are read of people with a sign of metastatic disease; nothing that is derived depends on the others'."""

from __future__ import annotations

import json
from dataclasses import replace

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from naome.cohort.derive import derive_cohorts
from naome.cohort.evidence import check_candidates, signs_of
from naome.cohort.tables import open_tables
from naome.core.errors import ExtractError
from naome.core.params import load_params
from naome.extract import READERS, read_extract
from naome.extract.candidates import CANDIDATES, Signs
from naome.extract.schema import CANONICAL
from naome.measures.ascertainment import count_sources
from naome.measures.prevalence import count_living
from naome.measures.sensitivity import tabulate_death_switches
from naome.measures.study import make_study

READER_OF = {"england": "ncrd", "wales": "wcn", "england-rcrd": "rcrd"}
EVENTS = ("admissions", "diagnoses", "procedures", "drugs", "radiotherapy")


def quiet(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def both(extracts, tmp_path_factory):
    """Canonical tables of an extract read for everybody and for people with a sign, with its data-quality log."""
    read = {}
    for audit, reader in READER_OF.items():
        folder = tmp_path_factory.mktemp(audit)
        source = extracts[f"{audit}-truth"]
        read_extract(READERS[reader], source, folder / "all", progress=quiet)
        signs = signs_of(load_params(audit))
        extract = read_extract(READERS[reader], source, folder / "followed", signs=signs, progress=quiet)
        read[audit] = folder / "all", folder / "followed", extract
    return read


@pytest.mark.parametrize("audit", READER_OF)
def test_people_tumours_and_deaths_are_everybodys(both, audit):
    everybody, followed, _ = both[audit]
    for name in set(CANONICAL) - set(EVENTS):
        assert pq.read_table(followed / f"{name}.parquet").equals(pq.read_table(everybody / f"{name}.parquet")), name


@pytest.mark.parametrize("audit", READER_OF)
def test_whoever_is_followed_has_all_events_in_the_same_order(both, audit):
    everybody, followed, _ = both[audit]
    people = signs_seen(everybody, signs_of(load_params(audit)))
    for name in EVENTS:
        kept, full = read_events(followed, name), read_events(everybody, name)
        assert people & set(full["person_id"]) <= set(kept["person_id"]), name
        same = full[full["person_id"].isin(kept["person_id"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, same)
    admissions = pd.read_parquet(everybody / "admissions.parquet")
    assert len(pd.read_parquet(followed / "admissions.parquet")) < 0.3 * len(admissions)


def read_events(folder, name: str) -> pd.DataFrame:
    """Read a table of events with the person; that of a code stands in its admission."""
    events = pd.read_parquet(folder / f"{name}.parquet")
    if "person_id" in events.columns:
        return events
    return events.merge(pd.read_parquet(folder / "admissions.parquet")[["episode", "person_id"]], how="left")


def signs_seen(folder, signs: Signs) -> set[str]:
    """Find the people with a sign in canonical tables of everybody, in another way than the reader does."""
    tables = {name: read_events(folder, name) for name in ("tumours", "recurrences", "diagnoses", "drugs")}
    coded = tables["diagnoses"]["code"].map(lambda code: any(code.startswith(sign) for sign in signs.codes))
    return {
        *tables["tumours"].loc[tables["tumours"]["stage"] == "4", "person_id"],
        *tables["recurrences"]["person_id"],
        *tables["diagnoses"].loc[coded.astype(bool), "person_id"],
        *tables["drugs"].loc[tables["drugs"]["drug"].isin(signs.drugs), "person_id"],
    }


def test_nobody_is_followed_without_a_sign_in_the_raw_files(extracts, both):
    raw = extracts["england-truth"]
    signs = signs_of(load_params("england"))
    codes = "|".join(signs.codes)
    shown = " OR ".join(
        f"regexp_matches(replace(upper(trim(DIAG_{n:02d})), '.', ''), '^({codes})')" for n in range(1, 21)
    )
    drugs = ", ".join(f"'{drug}'" for drug in signs.drugs)
    people = duckdb.execute(
        f"""
        SELECT trim(STUDY_ID) FROM '{raw}/hes_apc.parquet' WHERE {shown}
        UNION SELECT trim(PATIENTID) FROM '{raw}/av_tumour.parquet' WHERE trim(STAGE_BEST) LIKE '4%'
        UNION SELECT trim(PATIENTID) FROM '{raw}/cosd_recurrence.parquet'
            WHERE upper(trim(CANCERRECURRENCECAREPLANINDICATOR)) IN ('YL', 'YD')
        UNION SELECT trim(ENCORE_PATIENT_ID) FROM '{raw}/sact_drug_detail.parquet'
            JOIN '{raw}/sact_cycle.parquet' USING (MERGED_CYCLE_ID)
            JOIN '{raw}/sact_regimen.parquet' USING (MERGED_REGIMEN_ID) WHERE upper(trim(DRUG_GROUP)) IN ({drugs})"""
    ).fetchall()
    _, followed, extract = both["england"]
    kept = {person for name in EVENTS for person in read_events(followed, name)["person_id"]}
    assert kept <= {row[0] for row in people}
    left_out = {entry["table"]: entry["rows"] for entry in extract.quality if entry["rule"] == "no_sign_of_metastasis"}
    assert set(left_out) == {"hes_apc", "sact_regimen", "sact_cycle", "sact_drug_detail", "rtds_prescription"}
    listed = ", ".join(f"'{row[0]}'" for row in people)
    others = f"SELECT count(*) FROM '{raw}/hes_apc.parquet' WHERE trim(STUDY_ID) NOT IN ({listed})"
    assert left_out["hes_apc"] == duckdb.execute(others).fetchone()[0]


@pytest.mark.parametrize("audit", ["england", "wales"])
def test_nothing_derived_depends_on_who_is_not_followed(both, audit):
    everybody, followed, _ = both[audit]
    params = load_params(audit)
    full, few = derive_cohorts(params, everybody), derive_cohorts(params, followed)
    assert len(few.analysis) > 30
    for name in ("analysis", "attrition", "primary"):
        pd.testing.assert_frame_equal(getattr(few, name), getattr(full, name))
    for measure in (count_sources, count_living, tabulate_death_switches):
        study = make_study(params, run_id="r")
        few, full = (measure(study, open_tables(each, params)) for each in (followed, everybody))
        pd.testing.assert_frame_equal(few, full)


def test_blanks_around_a_pseudonym_lose_nobody(copy, both, tmp_path):
    extract = copy("england-truth")
    extract.put("hes_apc", "STUDY_ID", "' ' || STUDY_ID", "n % 3 = 0")
    extract.put("sact_cycle", "MERGED_CYCLE_ID", "MERGED_CYCLE_ID || ' '", "n % 5 = 0")
    extract.put("sact_drug_detail", "MERGED_CYCLE_ID", "' ' || MERGED_CYCLE_ID", "n % 7 = 0")
    signs = signs_of(load_params("england"))
    read_extract(READERS["ncrd"], extract.path, tmp_path / "out", signs=signs, progress=quiet)
    for name in EVENTS:
        kept, here = read_events(both["england"][1], name), read_events(tmp_path / "out", name)
        here = here[here["person_id"].isin(kept["person_id"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(here, kept)


def test_a_code_that_cannot_be_read_might_be_a_sign_and_stops_the_run(copy, both, tmp_path):
    extract = copy("england-truth")
    raw = extract.file("hes_apc")
    known = set(pd.read_parquet(both["england"][1] / "admissions.parquet")["person_id"])
    persons = [row[0] for row in duckdb.execute(f"SELECT trim(STUDY_ID) FROM '{raw}'").fetchall()]
    row = next(n for n, person in enumerate(persons) if person not in known)
    signs = signs_of(load_params("england"))
    extract.put("hes_apc", "DIAG_02", "'C7_95'", f"n = {row}")
    with pytest.raises(ExtractError, match=rf"DIAG_02, row {row + 1}: 'A9_99'"):
        read_extract(READERS["ncrd"], extract.path, tmp_path / "out", signs=signs, progress=quiet)
    # Another value in that row is not read; checking the whole extract finds it
    extract.put("hes_apc", "DIAG_02", "NULL", f"n = {row}")
    extract.put("hes_apc", "OPERTN_01", "'bad'", f"n = {row}")
    read_extract(READERS["ncrd"], extract.path, tmp_path / "out", signs=signs, progress=quiet)
    with pytest.raises(ExtractError, match=f"OPERTN_01, row {row + 1}: 'aaa'"):
        read_extract(READERS["ncrd"], extract.path, None, progress=quiet)


def test_tables_read_by_fewer_signs_than_asked_for_now_are_refused(tmp_path):
    params = load_params("england")
    signs = signs_of(params)
    check_candidates(tmp_path, params)  # nothing said: everybody was read
    file = tmp_path / CANDIDATES
    file.write_text(json.dumps({"codes": [*signs.codes, "R99"], "drugs": list(signs.drugs)}), encoding="utf-8")
    check_candidates(tmp_path, params)
    with pytest.raises(ExtractError, match="read the extract again"):
        check_candidates(tmp_path, params.model_copy(update={"cohorts": ("primary",)}))
    for fewer in (replace(signs, codes=signs.codes[1:]), replace(signs, drugs=signs.drugs[1:])):
        file.write_text(json.dumps({"codes": fewer.codes, "drugs": fewer.drugs}), encoding="utf-8")
        with pytest.raises(ExtractError, match="events of fewer people than the definitions ask for"):
            check_candidates(tmp_path, params)


def test_a_cohort_of_everybody_reads_everybody():
    assert signs_of(load_params("rotterdam")) is None
