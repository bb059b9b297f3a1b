"""Each defect touches exactly what it says it does, can be switched, and is independent of the others."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from naome_synthetic import write_extract
from naome_synthetic.defects import DEFECTS, ON_REQUEST, choose_defects

SCALE = {"england": 0.006, "wales": 0.04, "england-rcrd": 0.006}
ONLY = {
    "admissions_after_death": ["england"],
    "treatment_after_death": ["england"],
    "unlinked_records": ["wales"],
    "cause_lists": ["england"],
    "unmapped_values": ["england"],
    "latin1_text": ["england"],
    "empty_code_marks": ["england", "england-rcrd"],
    "old_trust_codes": ["england", "england-rcrd"],
    "borderline_receptors": ["england", "wales"],
    "duplicate_deaths": ["england", "wales"],
    "reversed_quintiles": ["england", "england-rcrd"],
}
#: Defects that also change cells of the rows they append.
WHOLE_ROWS = (
    "duplicate_registrations",
    "duplicate_deaths",
    "admissions_after_death",
    "treatment_after_death",
    "unlinked_records",
)


def write(folder: Path, nation: str, defects) -> tuple[dict, list[dict]]:
    write_extract(nation, folder / "x", folder / "t", scale=SCALE[nation], defects=defects)
    tables = {p.stem: pq.read_table(p).to_pydict() for p in (folder / "x").glob("*.parquet")}
    return tables, pq.read_table(folder / "t" / "defects.parquet").to_pylist()


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> dict[str, dict]:
    return {nation: write(tmp_path_factory.mktemp(nation), nation, False) for nation in SCALE}


def compare(before: dict, after: dict) -> tuple[Counter, Counter]:
    """Count changed cells by table and column, and added rows by table."""
    cells, rows = Counter(), Counter()
    assert set(before) == set(after)
    for table, columns in before.items():
        assert list(columns) == list(after[table]), table
        for name, values in columns.items():
            size = len(values)
            changed = sum(a != b for a, b in zip(values, after[table][name][:size], strict=True))
            if changed:
                cells[table, name] = changed
            rows[table] = len(after[table][name]) - size
    return cells, Counter({t: n for t, n in rows.items() if n})


def count_added(before: dict, after: dict) -> Counter:
    """Count the rows added to each table, wherever they stand; no row may have gone or changed."""
    added = Counter()
    for table, columns in before.items():
        old = Counter(zip(*columns.values(), strict=True))
        new = Counter(zip(*after[table].values(), strict=True))
        assert not old - new, table
        added[table] = sum((new - old).values())
    return +added


@pytest.mark.parametrize("nation", SCALE)
def test_a_clean_extract_has_none(clean, nation):
    assert clean[nation][1] == []


CASES = [
    (d, n)
    for d in DEFECTS
    if d not in ON_REQUEST
    for n in ONLY.get(d, list(SCALE))
    if (d, n) != ("duplicate_deaths", "england-rcrd")
]


@pytest.mark.parametrize(("defect", "nation"), CASES)
def test_each_defect_alone_touches_exactly_what_it_counts(clean, tmp_path, defect, nation):
    tables, counted = write(tmp_path, nation, [defect])
    assert counted, "the defect left no trace"
    assert {c["name"] for c in counted} == {defect}
    said = {(c["table"], c["column"]): c["rows"] for c in counted}
    if defect in WHOLE_ROWS:
        assert count_added(clean[nation][0], tables) == Counter(
            {t: sum(n for (u, _), n in said.items() if u == t) for t, _ in said}
        )
    else:
        cells, rows = compare(clean[nation][0], tables)
        assert not rows
        assert cells == Counter(said)


@pytest.mark.parametrize("nation", SCALE)
def test_counts_stay_exact_with_all_defects_on(clean, tmp_path, nation):
    tables, counted = write(tmp_path, nation, True)
    row_level, counted_rows = write(tmp_path, nation, list(WHOLE_ROWS))
    cells, rows = compare(row_level, tables)
    assert not rows
    said = Counter()
    for c in counted:
        if c["name"] not in WHOLE_ROWS:
            said[c["table"], c["column"]] += c["rows"]
    assert cells == said
    assert [c for c in counted if c["name"] in WHOLE_ROWS] == counted_rows


def test_a_defect_does_not_depend_on_the_others(tmp_path):
    alone, _ = write(tmp_path, "wales", ["float_like_text"])
    together, _ = write(tmp_path, "wales", ["float_like_text", "borderline_receptors"])
    assert alone["pedw_spell"] == together["pedw_spell"]
    assert alone["wcn_registration"]["TUMOUR_GRADE"] == together["wcn_registration"]["TUMOUR_GRADE"]


@pytest.mark.parametrize(("nation", "table"), [("england", "av_tumour"), ("england-rcrd", "rcrd_tumour")])
def test_reversed_quintiles_only_on_request(clean, tmp_path, nation, table):
    assert "reversed_quintiles" not in choose_defects(True)
    tables, counted = write(tmp_path, nation, ["reversed_quintiles"])
    assert "QUINTILE_2019" not in tables[table]
    before, after = clean[nation][0][table]["QUINTILE_2019"], tables[table]["QUINTILE_2015"]
    seen = set(zip(before, after, strict=True))
    assert seen == {
        ("1 - most deprived", "5 - most deprived"),
        ("2", "4"),
        ("3", "3"),
        ("4", "2"),
        ("5 - least deprived", "1 - least deprived"),
    }
    assert [c["rows"] for c in counted] == [len(after)]


FORMS = {
    ("england", "hes_apc", "DIAG_01"): [
        r"[A-Z]\d\d\.\d",
        r"[a-z]\d\d\d?",
        r"[A-Z]\d\dX",
        r"[A-Z]\d\d\dX",
        r"[A-Z]\d\d\d[DA+*]",
        r" +[A-Z]\d\d\d?|[A-Z]\d\d\d? +",
    ],
    ("england", "hes_apc", "DIAG_02"): ["-"],
    ("england", "hes_apc", "OPERTN_01"): ["-", "&", r" [A-Z]\d\d\d|[A-Z]\d\d\d +"],
    ("england", "hes_apc", "OPDATE_01"): ["1800-01-01", "1801-01-01"],
    ("england", "sact_regimen", "INTENT_OF_TREATMENT"): [r"01\|02", "[acpd]"],
    ("england", "sact_regimen", "MAPPED_REGIMEN"): [".*m².*"],
    ("england", "av_patient", "DEATHCAUSECODE_1A"): [r"[A-Z]\d+,[A-Z]\d+"],
    ("england", "av_patient", "GENDER"): [r"2\.0"],
    ("england", "av_tumour", "ER_STATUS"): ["B", "p|n", " [PN]|[PN] +"],
    ("england", "av_tumour", "DEDUP_FLAG"): ["0"],
    ("wales", "wcn_registration", "TUMOUR_GRADE"): [r"[123]\.0"],
    ("wales", "pedw_diag", "DIAG_CD_1234"): [r"[A-Z]\d\d\d[DA+*]", r"[A-Z]\d\d\.\d"],
    ("wales", "pedw_spell", "ALF_STS_CD"): ["99"],
}


@pytest.mark.parametrize(("place", "forms"), FORMS.items())
def test_what_the_defects_write_looks_like_the_real_thing(made, place, forms):
    nation, table, column = place
    values = {
        str(v) for v in pq.read_table(made.extract[nation] / f"{table}.parquet", columns=[column])[column].to_pylist()
    }
    for form in forms:
        assert any(re.fullmatch(form, value) for value in values), form
