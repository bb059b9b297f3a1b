"""Levels under another time origin, and when deaths fail to link."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.core.params import load_params
from naome.measures.casemix.adjust import assess_cohorts
from naome.measures.casemix.deaths_and_origins import FROM_EVIDENCE, ONLY_DN1, lose_deaths, vary_assessments
from naome.measures.study import make_study
from naome.release.outlier_levels import CHANGES
from naome.report.pages import risk_adjusted_survival as page


def with_policy(policy):
    england = load_params("england")
    return england.model_copy(update={"disclosure": england.disclosure.model_copy(update={"policy": policy})})


@pytest.fixture
def frame():
    return pd.DataFrame(
        {"duration": [10.0, 20, 30, 40], "event": [1, 1, 1, 0], "unit": list("AABB"), "follow_up": [90.0, 80, 70, 40]}
    )


def test_a_death_that_does_not_link_is_somebody_alive_at_the_end_of_follow_up(frame):
    lost = lose_deaths(frame, 1.0, np.random.default_rng(1))
    assert lost["event"].tolist() == [0, 0, 0, 0]
    assert lost["duration"].tolist() == lost["follow_up"].tolist()
    assert frame["event"].tolist() == [1, 1, 1, 0]


def test_deaths_are_lost_in_one_organisation_alone(frame):
    lost = lose_deaths(frame, 0.5, np.random.default_rng(1), unit="A")
    assert lost["event"].groupby(lost["unit"]).sum().tolist() == [1, 1]
    assert lost.loc[2, "duration"] == 30


@pytest.fixture
def late_finder(england, make_people):
    """Twelve organisations alike in care; the first finds half of its people late, and only those who lived to it."""
    rng = np.random.default_rng(5)
    n = 3600
    unit = np.arange(n) % 12
    survival, follow_up = rng.exponential(700, n), rng.integers(1000, 1300, n)
    wait = np.where((unit == 0) & (rng.random(n) < 0.5), rng.uniform(200, 360, n), 0.0)
    age = rng.integers(40, 90, n)
    there = survival > wait
    died = survival <= follow_up
    lived = np.minimum(survival, follow_up).astype(int)
    people = make_people(
        n,
        provider=[f"P{k:02d}" for k in unit],
        age=age,
        route=np.where(wait > 0, "DN2", "DN1"),
        died=died,
        survival_days=lived,
        survival_from_metastatic_days=lived - wait.astype(int),
        diagnosis_to_metastatic_days=wait.astype(int),
        origin_date=list(pd.Timestamp(england.censor_date) - pd.to_timedelta(follow_up, unit="D")),
    )
    survey = england.survival.model_copy(update={"case_mix": ("age",), "unit": "provider"})
    params = england.model_copy(update={"survival": survey, "cohorts": ("denovo",)})
    return people[there].reset_index(drop=True), make_study(params, run_id="r")


def test_an_organisation_that_finds_disease_late_loses_its_advantage(late_finder):
    people, study = late_finder
    assessments = assess_cohorts(people, people.iloc[:0].assign(time_point=0), study)
    varied = vary_assessments(people, people.iloc[:0].assign(time_point=0), assessments, study)
    at_one_year = varied[varied["Time point"] == "1 y"].set_index("Variation")
    main = assessments["denovo"].tables[1].set_index("unit")["z"]
    # immortal time makes its survival look high
    assert main["P00"] < -2
    # the largest change of z is that organisation's, whichever of the two takes the immortal time out
    for name in (ONLY_DN1, FROM_EVIDENCE):
        assert at_one_year.loc[name, "Largest change of z"] > 1.5
        assert at_one_year.loc[name, "Organisations"] == 12
    assert at_one_year.loc["1% of all deaths not linked", "Largest change of z"] < 1


def test_the_more_deaths_are_lost_the_more_results_change(late_finder):
    people, study = late_finder
    varied = vary_assessments(
        people,
        people.iloc[:0].assign(time_point=0),
        assess_cohorts(people, people.iloc[:0].assign(time_point=0), study),
        study,
    )
    rows = varied[varied["Time point"] == "1 y"].set_index("Variation")
    change = [rows.loc[f"{share} of all deaths not linked", "Largest change of z"] for share in ("1%", "5%")]
    assert 0 < change[0] < change[1]
    assert varied["status"].eq("ok").all()


def test_the_page_lays_out_every_variation_or_says_why_not(late_finder):
    people, study = late_finder
    assessments = assess_cohorts(people, people.iloc[:0].assign(time_point=0), study)
    varied = vary_assessments(people, people.iloc[:0].assign(time_point=0), assessments, study)
    table = page.tabulate_variations(varied, with_policy("none"))
    assert set(table.frame["Cohort"]) == {"De novo"}
    assert {ONLY_DN1, FROM_EVIDENCE} < set(table.frame["Variation"])
    nothing = page.tabulate_variations(
        vary_assessments(people, people.iloc[:0].assign(time_point=0), {}, study), with_policy("none")
    )
    assert nothing.frame["Reason"].tolist() == ["organisations are not compared"]


def test_what_changes_for_few_organisations_is_suppressed(late_finder):
    people, study = late_finder
    assessments = assess_cohorts(people, people.iloc[:0].assign(time_point=0), study)
    varied = vary_assessments(people, people.iloc[:0].assign(time_point=0), assessments, study)
    assert varied["Organisations"].max() < 20
    frame = page.tabulate_variations(varied, with_policy("hes2018")).frame
    assert frame[list(CHANGES)].isna().all(axis=None) and set(frame["status"]) == {"suppressed"}
    many = page.tabulate_variations(varied.assign(Organisations=20), with_policy("hes2018")).frame
    assert many[list(CHANGES)].notna().any(axis=None) and set(many["status"]) == {"ok"}
