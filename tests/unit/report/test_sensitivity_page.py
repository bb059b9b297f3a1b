"""The page of sensitivity analyses says what can be said where few people differ."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.params import Disclosure, load_params
from naome.measures.sensitivity import BASE
from naome.measures.study import make_study
from naome.release.types import HIDDEN, is_hidden, release_checked
from naome.report.pages.cohort_validation import tabulate_intervals
from naome.report.pages.sensitivity import (
    release_switches,
    say_most_changed,
    tabulate_death_sensitivity,
    tabulate_window_sensitivity,
)

STUDY = make_study(load_params("england"), run_id="r")


def switches(*jaccard):
    rows = pd.DataFrame({"option": [BASE, *(f"o{n}" for n in range(len(jaccard)))], "jaccard": [1.0, *jaccard]})
    return release_checked(rows.assign(cohort="denovo", title="gap", choice="none"))


@pytest.mark.parametrize(
    ("jaccard", "said"),
    [
        ((0.9, 0.5), "most sensitive to the choice *gap*: with *none*, 50.0%"),
        ((HIDDEN, 0.9), "90.0%"),
        ((HIDDEN, 0.9), "Of the choices whose Jaccard index is shown"),
        ((HIDDEN, 1.0), "No choice whose Jaccard index is shown changes a cohort"),
        ((HIDDEN, HIDDEN), "suppressed, so the largest change cannot be named"),
        ((1.0, 1.0), "No choice changes a cohort here"),
        ((), "No choice changes a cohort here"),
    ],
)
def test_the_largest_change_is_named_where_it_is_shown(jaccard, said):
    assert said in say_most_changed(switches(*jaccard)).text


def test_a_window_that_changes_few_people_says_so_in_place_of_its_percentage():
    windows = pd.DataFrame({"days": [365, 182, 548], "numerator": [50, 47, 30], "denominator": 100})
    windows = windows.assign(indicator="chemotherapy", cohort="denovo", window="chemotherapy_days")
    windows["estimate"] = windows["numerator"] / 100
    windows = windows.assign(lower=(windows["estimate"] - 0.1).round(2), upper=(windows["estimate"] + 0.1).round(2))
    frame = tabulate_window_sensitivity(windows, STUDY).frame
    assert [str(value) for value in frame["Percent"]] == ["0.5", "fewer than 8 differ", "0.3"]
    plain = tabulate_window_sensitivity(windows.assign(numerator=50, estimate=0.5), STUDY).frame
    assert plain["Percent"].tolist() == [0.5, 0.5, 0.5]
    assert frame["Lower"].tolist() == [0.4, HIDDEN, 0.2] and frame["Upper"].tolist() == [0.6, HIDDEN, 0.4]


def make_strict():
    small = Disclosure(policy="hes2018", national="suppress_small")
    return make_study(load_params("wales").model_copy(update={"disclosure": small}), run_id="r")


def test_what_is_suppressed_as_a_result_is_in_no_window_and_not_in_the_base_case():
    windows = pd.DataFrame({"days": [365, 182] * 2, "numerator": [50, 30, 60, 40], "denominator": 100})
    windows = windows.assign(indicator=["chemotherapy"] * 2 + ["radiotherapy"] * 2, cohort="denovo", window="w")
    windows["estimate"] = windows["numerator"] / 100
    windows = windows.assign(lower=(windows["estimate"] - 0.1).round(2), upper=(windows["estimate"] + 0.1).round(2))
    suppressed = {("denovo", "chemotherapy", "all"), ("recurrent", "radiotherapy", "all")}
    frame = tabulate_window_sensitivity(windows, make_strict(), suppressed).frame
    assert frame["Percent"].tolist() == [HIDDEN, HIDDEN, 0.6, 0.4] == [*frame["People"][:2], 0.6, 0.4]
    assert frame["Lower"].tolist() == [HIDDEN, HIDDEN, 0.5, 0.3]
    plain = {"option": [BASE, BASE], "cohort": ["denovo", "recurrent"], "people": 100, "shared": 100, "jaccard": 1.0}
    rows = pd.DataFrame(plain).assign(chemotherapy=0.5, other_indicator="radiotherapy", other_value=0.6)
    shown = release_switches(rows, make_strict(), suppressed).frame
    assert shown["chemotherapy"].tolist() == [HIDDEN, 0.5] and shown["other_value"].tolist() == [0.6, HIDDEN]
    assert shown["people"].tolist() == [100, 100]


def test_the_jaccard_index_is_shown_where_the_counts_are_from_which_it_follows():
    """339 of 471 people are in both versions; few differ in a version of 468; percentages would give their events."""
    rows = pd.DataFrame({"option": [BASE, "position", "position"], "choice": ["", "primary", "first"]})
    rows = rows.assign(cohort="denovo", title="p", people=[471, 339, 468], shared=[471, 339, 468], survival_1y=0.7)
    rows["jaccard"] = rows["shared"] / 471
    released = release_switches(rows, make_strict())
    assert released.frame["people"].tolist()[:2] == [471, 339] and is_hidden(released.frame["people"].iloc[2])
    assert released.frame["jaccard"].tolist() == [1.0, 339 / 471, HIDDEN]
    assert released.frame["survival_1y"].tolist() == [0.7, HIDDEN, HIDDEN]
    assert "with *primary*, 72.0% of the people" in say_most_changed(released).text


@pytest.mark.parametrize("gone", [True, False])
def test_deaths_with_a_record_that_are_suppressed_are_in_no_other_table(gone):
    """27 of 45 deaths from breast cancer, and 31 of all deaths, had a record: 4 died of another cause with one."""
    deaths = pd.DataFrame({"option": [BASE, "gap"], "denominator": 45, "numerator": 27, "estimate": 0.6})
    deaths = deaths.assign(title=BASE, choice="", lower=0.5, upper=0.7, reason="")
    suppressed = {("primary", "record_before_breast_cancer_death", "all")} if gone else set()
    frame = tabulate_death_sensitivity(deaths, make_strict(), suppressed).frame
    assert frame[["With an earlier record", "Percent", "Lower"]].loc[1].tolist() == (
        [HIDDEN] * 3 if gone else [27, 0.6, 0.5]
    )
    intervals = pd.DataFrame({"interval": ["early", "late"], "people": [15, 12], "share": [15 / 27, 12 / 27]})
    results = pd.DataFrame({"measure": ["record_before_breast_cancer_death", "record_before_death"]})
    results = results.assign(level="nation", group_by="all", status=["suppressed" if gone else "ok", "ok"])
    frame = tabulate_intervals(intervals, make_strict(), release_checked(results)).frame
    assert frame["People"].tolist() == ([HIDDEN] * 2 if gone else [15, 12])
    assert frame["Share"].tolist() == ([HIDDEN] * 2 if gone else [15 / 27, 12 / 27])
