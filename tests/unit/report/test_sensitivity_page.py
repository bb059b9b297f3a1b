"""The page of sensitivity analyses says what can be said where few people differ."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.params import load_params
from naome.measures.sensitivity import BASE
from naome.measures.study import make_study
from naome.release.types import HIDDEN, release_checked
from naome.report.pages.sensitivity import say_most_changed, tabulate_window_sensitivity

STUDY = make_study(load_params("england"), run_id="r")


def switches(*jaccard):
    rows = pd.DataFrame({"option": [BASE, *(f"o{n}" for n in range(len(jaccard)))], "jaccard": [1.0, *jaccard]})
    return release_checked(rows.assign(cohort="denovo", title="gap", choice="none"))


@pytest.mark.parametrize(
    ("jaccard", "said"),
    [
        ((0.9, 0.5), "most sensitive to the choice *gap*: with *none*, 50.0%"),
        ((HIDDEN, 0.9), "90.0%"),
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
    frame = tabulate_window_sensitivity(windows, STUDY).frame
    assert [str(value) for value in frame["Percent"]] == ["0.5", "fewer than 8 differ", "0.3"]
    plain = tabulate_window_sensitivity(windows.assign(numerator=50, estimate=0.5), STUDY).frame
    assert plain["Percent"].tolist() == [0.5, 0.5, 0.5]
