"""How many people are in a cohort, how old they are, and who has what, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from naome.measures.description import describe_cohorts
from naome.measures.study import make_study
from naome.stats.intervals import wilson


@pytest.fixture
def describe(england):
    keys = ["measure", "cohort", "group_by", "group"]
    return lambda people: describe_cohorts(people, make_study(england, run_id="r")).set_index(keys).sort_index()


def test_sizes_and_ages(make_people, describe):
    """Ages 40, 50, 90 and one not known: mean 60, sd sqrt(700); the limits of 4 people are exact (Garwood)."""
    people = make_people(4, age=[40, 50, 90, None], sex=["female", "female", "female", "male"], year=2020)
    found = describe(people)
    size = found.loc[("cohort_size", "denovo", "all", "all")]
    assert size[["denominator", "numerator", "estimate"]].tolist() == [4, 4, 4]
    assert size[["lower", "upper"]].tolist() == pytest.approx([chi2.ppf(0.025, 8) / 2, chi2.ppf(0.975, 10) / 2])
    age = found.loc[("age_mean", "denovo", "all", "all")]
    half_width = 1.959963984540054 * np.sqrt(700 / 3)
    assert age[["denominator", "estimate"]].tolist() == [3, 60]
    assert age[["lower", "upper"]].tolist() == pytest.approx([60 - half_width, 60 + half_width])
    assert found.loc[("cohort_size", "denovo", "sex", "male"), "estimate"] == 1
    assert "male" not in found.loc[("age_mean", "denovo", "sex")].index  # of one person there is no spread
    pair = describe(people.assign(age=[40, 50, 60, 70], sex=["female", "female", "male", "male"]))
    assert pair.loc[("age_mean", "denovo", "sex", "male"), "estimate"] == 65


def test_shares_are_of_those_recorded_and_sites_of_everyone(make_people, describe):
    """Of 20 people 12 have a performance status, 3 of these 3 or 4; 5 have a metastasis in bone and liver."""
    status = [0] * 9 + [3, 4, 4] + [None] * 8
    people = make_people(20, performance_status=status, bone=[True] * 5 + [False] * 15, liver=[True] * 5 + [False] * 15)
    people = people.assign(lung=False, brain=False)
    found = describe(people)
    poor = found.loc[("share", "denovo", "performance_status", "3+")]
    assert poor[["denominator", "numerator", "status"]].tolist() == [12, 3, "ok"]
    assert poor[["lower", "upper"]].tolist() == pytest.approx(wilson(3, 12)[["lower", "upper"]].iloc[0].tolist())
    assert found.loc[("share", "denovo", "performance_status")].index.tolist() == ["0", "3+"]
    sites = found.loc[("share", "denovo", "site")]
    assert sites["denominator"].tolist() == [20] * 4
    assert sites["numerator"].to_dict() == {"bone": 5, "brain": 0, "liver": 5, "lung": 0}
    assert "grade" not in found.loc[("share", "denovo")].index.get_level_values("group_by")


def test_people_that_an_indicator_counts(make_people, describe):
    """CDK4/6 inhibitors count women and men with HER2- and ER+ disease who did not die within 30 days."""
    people = make_people(
        6,
        er=["positive"] * 4 + ["negative"] * 2,
        her2=["negative"] * 3 + ["positive"] * 3,
        died_within_30_days=[False, False, True, False, False, False],
    )
    row = describe(people).loc[("eligible.cdk46_first_line", "denovo", "all", "all")]
    assert row[["denominator", "numerator", "estimate"]].tolist() == [2, 2, 2]
    assert row[["lower", "upper"]].tolist() == pytest.approx([chi2.ppf(0.025, 4) / 2, chi2.ppf(0.975, 6) / 2])
