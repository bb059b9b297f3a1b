"""Reading repairs exactly the defects that were planted, column by column, and nothing else."""

from __future__ import annotations

from collections import Counter

import duckdb
import pyarrow.parquet as pq
import pytest

from naome.extract import READERS, read_extract
from naome.extract.clean import OPTIONAL_IDENTIFIER
from naome_synthetic import write_extract
from naome_synthetic.defects import DEFECTS, ON_REQUEST

READER_OF = {"england": "ncrd", "wales": "wcn", "england-rcrd": "rcrd"}
RULE_OF = {
    "sentinel_dates": "sentinel_date",
    "float_like_text": "float_text",
    "lower_case_codes": "lower_case",
    "x_padded_codes": "icd10_padding",
    "dotted_codes": "code_dot",
    "dagger_asterisk_codes": "icd10_dagger",
    "empty_code_marks": "empty_marker",
    "cause_lists": "code_list_in_field",
    "borderline_receptors": "borderline_receptor",
    "white_space": "white_space",
    "old_trust_codes": "merged_provider",
}
#: Defects that add rows: the log counts rows left out, of the table that is read.
ROWS_OF = {
    "duplicate_deaths": "duplicate_death",
    "admissions_after_death": "event_after_death",
    "treatment_after_death": "event_after_death",
    "unlinked_records": "unlinked_record",
}
#: Planted in columns that no reader reads. They stay as they are, and nothing is said about them.
NOT_READ = {
    ("latin1_text", "sact_regimen", "MAPPED_REGIMEN"),
    ("unmapped_values", "sact_regimen", "INTENT_OF_TREATMENT"),
    ("unmapped_values", "sact_outcome", "REGIMEN_OUTCOME_SUMMARY"),
    ("sentinel_dates", "hes_apc", "DISDATE"),
    ("sentinel_dates", "hes_apc", "EPIEND"),
    ("sentinel_dates", "pedw_spell", "DISCH_DT"),
    ("float_like_text", "rtds_episode", "RADIOTHERAPYINTENT"),
    ("float_like_text", "rtds_prescription", "RTTREATMENTMODALITY"),
    ("float_like_text", "sact_cycle", "PERF_STATUS_START_OF_CYCLE"),
    ("float_like_text", "sact_drug_detail", "ADMINISTRATION_ROUTE"),
    ("float_like_text", "sact_outcome", "REGIMEN_OUTCOME_SUMMARY"),
    ("lower_case_codes", "av_tumour", "CANCERCAREPLANINTENT"),
    ("lower_case_codes", "rtds_prescription", "RTTREATMENTREGION"),
    ("lower_case_codes", "sact_regimen", "INTENT_OF_TREATMENT"),
    *(
        (defect, table, column)
        for defect in ("lower_case_codes", "x_padded_codes", "dotted_codes", "cause_lists")
        for table, column in (
            ("av_patient", "DEATHCAUSECODE_1A"),
            ("av_patient", "DEATHCAUSECODE_2"),
            ("av_patient", "DEATHCAUSECODE_UNDERLYING"),
            ("cwt", "SITE_ICD10"),
        )
    ),
}


def label_of(reader, table: str, column: str) -> str | None:
    """Return how the log names a column, or None if the reader does not read it."""
    raw = reader.raw.get(table)
    return next((label for name, label, _ in raw.cleaned() if name == column), None) if raw else None


@pytest.mark.parametrize("nation", READER_OF)
def test_reading_repairs_exactly_what_was_planted(extracts, nation):
    folder = extracts[f"{nation}-truth"]
    reader = READERS[READER_OF[nation]]
    truth = pq.read_table(folder.parent / "truth" / "defects.parquet").to_pylist()
    expected, not_read = Counter(), set()
    for defect in truth:
        name, table, column = defect["name"], defect["table"], defect["column"]
        if name in RULE_OF:
            label = label_of(reader, table, column)
            if label is None:
                not_read.add((name, table, column))
            else:
                expected[RULE_OF[name], table, label] += defect["rows"]
        elif name in ROWS_OF:
            expected[ROWS_OF[name], table, "ALF_STS_CD" if table == "pedw_spell" else ""] += defect["rows"]
        elif name == "duplicate_registrations":
            expected["duplicate_registration", table, ""] += defect["rows"] - count_superseded(folder, table)
        else:
            not_read.add((name, table, column))
    # A cycle after death is left out with its drugs: drugs are what is read.
    expected.pop(("event_after_death", "sact_cycle", ""), None)
    assert not_read <= NOT_READ
    extract = read_extract(reader, folder, None, progress=lambda line: None)
    log = Counter()
    for entry in extract.quality:
        log[entry["rule"], entry["table"], entry["column"]] += entry["rows"]
    assert log == +expected
    assert len(log) > 18


def count_superseded(folder, table: str) -> int:
    """Count registrations that the registry itself marks as superseded (England): read, and not eligible."""
    if table != "av_tumour":
        return 0
    return duckdb.execute(f"SELECT count(*) FROM '{folder}/{table}.parquet' WHERE DEDUP_FLAG = '0'").fetchone()[0]


@pytest.mark.parametrize("nation", READER_OF)
def test_a_clean_extract_needs_no_repair(extracts, nation):
    extract = read_extract(READERS[READER_OF[nation]], extracts[f"clean-{nation}"], None, progress=lambda line: None)
    assert extract.quality == []


@pytest.mark.parametrize("nation", READER_OF)
def test_every_row_is_read_or_left_out_by_a_named_rule(extracts, nation):
    extract = read_extract(READERS[READER_OF[nation]], extracts[f"{nation}-truth"], None, progress=lambda line: None)
    left_out = Counter()
    for entry in extract.quality:
        if entry["kind"] == "left out":
            left_out[entry["table"]] += entry["rows"]
    pairs = {
        "england": {
            "av_patient": "people",
            "av_tumour": "tumours",
            "hes_apc": "admissions",
            "sact_drug_detail": "drugs",
            "rtds_prescription": "radiotherapy",
            "ons_deaths": "deaths",
        },
        "england-rcrd": {"rcrd_tumour": "tumours", "hes_apc": "admissions"},
        "wales": {"wcn_registration": "tumours", "pedw_episode": "admissions", "adde_deaths": "deaths"},
    }
    for raw, canonical in pairs[nation].items():
        assert extract.raw_rows[raw] == extract.rows[canonical] + left_out[raw], raw


@pytest.mark.parametrize("nation", READER_OF)
def test_what_is_read_after_repair_is_what_a_clean_extract_holds(tmp_path, nation):
    """The same people with and without the defects of cells give the same canonical tables, value by value."""
    cells = [name for name in list(DEFECTS)[5:] if name not in ON_REQUEST and name != "sentinel_dates"]
    assert cells[0] == "old_trust_codes"
    for name, defects in (("clean", False), ("spoilt", cells)):
        write_extract(nation, tmp_path / name, tmp_path / f"{name}-truth", scale=0.01, defects=defects)
        read_extract(READERS[READER_OF[nation]], tmp_path / name, tmp_path / f"{name}-out", progress=lambda line: None)
    for file in sorted((tmp_path / "clean-out").glob("*.parquet")):
        clean, spoilt = pq.read_table(file), pq.read_table(tmp_path / "spoilt-out" / file.name)
        assert clean.to_pydict() == spoilt.to_pydict(), file.stem


def test_identifiers_that_may_be_missing_are_not_cleaned():
    assert OPTIONAL_IDENTIFIER.clean("1000000017") == ("1000000017", ())
