"""One maker of result rows, of rows that cannot be derived, and of the reason for too few people."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from naome.core.params import load_params
from naome.core.paths import project_root
from naome.measures.specification import load_specification
from naome.measures.study import make_study


@pytest.fixture
def study():
    wales = make_study(load_params("wales"), run_id="wales-r")
    return replace(wales, not_derivable={"biopsy": "No procedures.", "survival.recurrent": "No codes."})


def test_a_reason_is_looked_up_by_indicator_cohort_and_key(study):
    specification = load_specification()
    assert study.reason(specification["biopsy"], "denovo") == study.reason("biopsy") == "No procedures."
    assert study.reason(specification["survival"], "recurrent") == "No codes."
    assert study.reason(specification["survival"], "denovo") == study.reason("completeness.grade") == ""
    needing = next(each for each in specification.indicators if each.not_derivable)
    assert study.reason(needing, "denovo").endswith(f"Needed: {needing.item_needed}.")


def test_results_carry_the_run_and_rows_of_the_nation_its_name(study):
    frame = pd.DataFrame({"measure": ["m", "m"], "level": ["nation", "provider"], "unit": [None, "ZW1"]})
    results = study.results(frame, cohort="denovo")
    assert results["unit"].tolist() == ["wales", "ZW1"]
    assert results[["audit", "nation", "run_id"]].drop_duplicates().values.tolist() == [["wales", "wales", "wales-r"]]


def test_what_cannot_be_derived_is_a_row_with_a_sentence(study):
    rows = study.not_derivable_rows(["a", "b"], "nobody was followed", group_by=["sex", "all"], cohort="denovo")
    results = study.results(rows)
    assert results[["measure", "group_by"]].values.tolist() == [["a", "sex"], ["a", "all"], ["b", "sex"], ["b", "all"]]
    assert set(results["status"]) == {"not_derivable"} and set(results["reason"]) == {"Nobody was followed."}
    assert results["denominator"].isna().all() and results["estimate"].isna().all()


def test_too_few_is_decided_by_the_parameters(study):
    assert study.too_few(9) == "fewer than 10 people in the denominator" and study.too_few(10) == ""


def test_no_measure_makes_rows_or_reasons_of_its_own():
    for file in (project_root() / "src" / "naome" / "measures").rglob("*.py"):
        if file.name == "study.py":  # the one maker
            continue
        text = file.read_text(encoding="utf-8")
        for own in ("make_results(", "fewer than {", "Fewer than {", "project_definitions().rules(dict("):
            assert own not in text, f"{file.name}: {own}"
