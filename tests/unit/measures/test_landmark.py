"""Treatment with death competing, beside the landmark proportion."""

from __future__ import annotations

import pytest

from naome.measures.landmark import compare_landmarks, list_landmarked
from naome.measures.specification import load_specification
from naome.measures.study import make_study

SPECIFICATION = load_specification()


@pytest.fixture
def people(make_people):
    """
    ten ER+ HER2- people, nobody censored before a year; CDK4/6 day, death day:
      treated on day 20, 40, 366        3
      died on day 10 and 25 untreated   2   (left out at the landmark)
      died on day 100 untreated         1
      alive untreated                   4
    """
    return make_people(
        10,
        er="positive",
        her2=["negative", None] * 5,
        cdk46_days=[20, 40, 366] + [None] * 7,
        survival_days=[500, 500, 500, 10, 25, 100, 500, 500, 500, 500],
        died=[False] * 3 + [True] * 3 + [False] * 4,
        died_within_30_days=[False] * 3 + [True] * 2 + [False] * 5,
    )


def test_each_proportion_answers_its_own_question(england, people):
    table = compare_landmarks(people, make_study(england, run_id="r")).set_index("measure")
    assert table.loc["cdk46_first_line_landmark", ["numerator", "denominator"]].tolist() == [2, 8]
    assert table.loc["cdk46_first_line_no_landmark", ["numerator", "denominator"]].tolist() == [2, 10]
    # nobody is censored within the window, so the incidences are plain shares of everyone
    assert table.loc["cdk46_first_line_incidence", "estimate"] == pytest.approx(0.2)
    assert table.loc["cdk46_first_line_died_untreated", "estimate"] == pytest.approx(0.3)
    assert (table.loc["anti_her2_first_line_incidence", "status"]) == "not_derivable"


def test_censoring_is_allowed_for(england, people):
    """One person is lost on day 5: the other nine share their chance, 2 of 9 and not 2 of 10."""
    people.loc[9, "survival_days"] = 5
    table = compare_landmarks(people, make_study(england, run_id="r")).set_index("measure")
    assert table.loc["cdk46_first_line_incidence", "estimate"] == pytest.approx(2 / 9)


def test_treatment_on_the_day_of_death_counts(england, people):
    people.loc[3, "cdk46_days"] = 10
    table = compare_landmarks(people, make_study(england, run_id="r")).set_index("measure")
    assert table.loc["cdk46_first_line_incidence", "estimate"] == pytest.approx(0.3)


def test_indicators_that_need_more_than_a_day_are_not_landmarked():
    assert [i.id for i in list_landmarked(SPECIFICATION)] == [
        "cdk46_first_line",
        "anti_her2_first_line",
        "endocrine_first_line",
    ]


def test_not_derivable_keeps_its_reason(wales, people):
    table = compare_landmarks(people, make_study(wales, run_id="r"))
    assert set(table["status"]) == {"not_derivable"} and table["reason"].str.contains("SACT").all()
