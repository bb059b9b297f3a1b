"""Whether being recorded goes with the organisation or with survival: p values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from naome.measures.completeness import flag_biased_items
from naome.measures.study import make_study


@pytest.fixture
def flags(england):
    return lambda people: flag_biased_items(people, make_study(england, run_id="r")).set_index("item")


def test_the_flag_names_what_differs(make_people, flags):
    """Stage is recorded of 18 of 20 people of A and of 4 of 20 of B; the 9 of C are too few to compare.

    Yates: 40 (|18 x 16 - 2 x 4| - 20)^2 / (20 x 20 x 22 x 18) = 17.07.
    """
    recorded = [True] * 18 + [False] * 2 + [True] * 4 + [False] * 16 + [True] * 9
    provider = ["A"] * 20 + ["B"] * 20 + ["C"] * 9
    people = make_people(49, provider=provider, survival_days=100, died=True, cns_recorded=True, grade_recorded=False)
    people["stage_recorded"] = np.array(recorded)
    found = flags(people)
    stage = found.loc["Overall stage"]
    statistic = 40 * (abs(18 * 16 - 2 * 4) - 20) ** 2 / (20 * 20 * 22 * 18)
    assert stage["provider_p"] == pytest.approx(chi2.sf(statistic, 1))
    assert (stage["n"], stage["recorded"], stage["flag"]) == (49, 31, "organisation")
    never_and_always = found[found["recorded"].isin([0, 49])]
    assert len(never_and_always) >= 2 and set(never_and_always["flag"]) == {"none"}
    assert never_and_always[["provider_p", "survival_p"]].isna().all(axis=None)


def test_survival_is_compared_between_recorded_and_not_recorded(make_people, flags):
    """Deaths on days 1 to 4, the first two not recorded: 2.8824 by the log-rank test (R's survdiff)."""
    people = make_people(5, survival_days=[1, 2, 3, 4, None], died=True)
    people["stage_recorded"] = np.array([False, False, True, True, True])
    stage = flags(people).loc["Overall stage"]
    assert stage["n"] == 4  # nobody is followed for no time
    assert stage["survival_p"] == pytest.approx(chi2.sf(2.8824, 1), abs=5e-6)
    assert np.isnan(stage["provider_p"])


def test_ten_people_of_each_of_two_organisations_are_compared(make_people, flags):
    people = make_people(20, provider=["A"] * 10 + ["B"] * 10, survival_days=0, died=False)
    people["stage_recorded"] = np.array([True] * 10 + [False] * 10)
    assert flags(people).loc["Overall stage", "provider_p"] < 0.001
    assert np.isnan(flags(people.iloc[1:]).loc["Overall stage", "provider_p"])
