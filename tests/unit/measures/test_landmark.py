"""Treatment with death competing, beside the landmark proportion."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from naome.measures.expressions import parse_expression
from naome.measures.landmark import WAYS, compare_landmarks, list_landmarked
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


def eligible(make_people, **columns):
    return make_people(20, er="positive", her2="negative", **{"died_within_30_days": False, "died": False, **columns})


def test_nobody_treated_and_nobody_dead_is_a_result(england, make_people):
    """The exact limit of 0 of 20; the page had stopped."""
    people = eligible(make_people, survival_days=500)
    table = compare_landmarks(people, make_study(england, run_id="r")).set_index("measure")
    for name in ("incidence", "died_untreated"):
        row = table.loc[f"cdk46_first_line_{name}"]
        assert row[["estimate", "lower"]].tolist() == [0.0, 0.0]
        assert row["upper"] == pytest.approx(1 - 0.025 ** (1 / 20))


def test_everybody_treated_has_limits(england, make_people):
    people = eligible(make_people, survival_days=500, cdk46_days=0)
    table = compare_landmarks(people, make_study(england, run_id="r")).set_index("measure")
    found = table.loc["cdk46_first_line_incidence", ["lower", "estimate", "upper"]].tolist()
    assert found == pytest.approx([0.025 ** (1 / 20), 1, 1])
    # all of whom were treated are known not to have died before
    assert table.loc["cdk46_first_line_died_untreated", "upper"] == pytest.approx(1 - 0.025 ** (1 / 20))


def test_a_proportion_of_nobody_is_none(england, make_people):
    people = eligible(make_people, survival_days=0, died=True, died_within_30_days=True)
    table = compare_landmarks(people, make_study(england, run_id="r")).set_index("measure")
    assert table.loc["cdk46_first_line_landmark", "status"] == "too_few"


def test_incidence_at_the_end_of_a_window_needs_people_followed_to_it(england, make_people):
    people = eligible(make_people, survival_days=10)
    table = compare_landmarks(people, make_study(england, run_id="r")).set_index("measure")
    assert table.loc["cdk46_first_line_incidence", "status"] == "too_few"


def test_people_followed_just_to_the_end_of_the_window_are_enough(england, make_people):
    """Ten of twenty are followed for the 365 days of the window, nine of them are not enough."""
    for n, status in ((10, "ok"), (9, "too_few")):
        people = eligible(make_people, survival_days=[365] * n + [364] * (20 - n))
        table = compare_landmarks(people, make_study(england, run_id="r")).set_index("measure")
        assert table.loc["cdk46_first_line_incidence", "status"] == status


def test_events_on_the_last_day_of_the_window_are_counted_and_their_limits_hold_them(england, make_people):
    days = [365] * 4 + [366] * 2 + [None] * 14
    people = eligible(make_people, cdk46_days=days, survival_days=[500] * 6 + [365] * 3 + [366] + [500] * 10)
    people["died"] = pd.array([False] * 6 + [True] * 4 + [False] * 10, dtype="boolean")
    table = compare_landmarks(people, make_study(england, run_id="r")).set_index("measure")
    for name, events in (("incidence", 4), ("died_untreated", 3), ("no_landmark", 4)):
        row = table.loc[f"cdk46_first_line_{name}"]
        assert (row["numerator"], row["denominator"]) == (events, 20)
        assert row["estimate"] == pytest.approx(events / 20)
        assert 0 < row["lower"] < row["estimate"] < row["upper"] < 1


def measure_numerator(people, params, text):
    study = make_study(params, run_id="r")
    indicator = study.specification["endocrine_first_line"]
    changed = replace(indicator, numerator=parse_expression(text, "test", dict(indicator.windows)))
    specification = replace(study.specification, indicators=(changed,))
    table = compare_landmarks(people, replace(study, specification=specification))
    return table[table["cohort"] == "denovo"].set_index("measure")


def test_two_treatments_joined_are_given_with_the_last_or_with_the_first_of_them(england, make_people):
    """Of 20, five had both within the window, three had one of them, two had the second too late; two died between."""
    people = eligible(
        make_people,
        survival_days=[500] * 10 + [50] * 2 + [500] * 8,
        died=[False] * 10 + [True] * 2 + [False] * 8,
        endocrine_days=[10] * 5 + [10] * 3 + [10] * 2 + [20] * 2 + [None] * 8,
        cdk46_days=[100] * 5 + [None] * 3 + [400] * 2 + [60] * 2 + [None] * 8,
    )
    for joined, treated, died in (("and", 5, 2), ("or", 12, 0)):
        text = f"endocrine_days <= first_line {joined} cdk46_days <= first_line"
        table = measure_numerator(people, england, text)
        for way, share in (("incidence", treated / 20), ("died_untreated", died / 20)):
            row = table.loc[f"endocrine_first_line_{way}"]
            assert (row["status"], row["estimate"]) == ("ok", pytest.approx(share))
    nested = "anti_her2_days <= first_line or (endocrine_days <= first_line and cdk46_days <= first_line)"
    found = measure_numerator(people, england, nested).loc["endocrine_first_line_incidence", "estimate"]
    assert found == pytest.approx(5 / 20)


@pytest.mark.parametrize(
    "text",
    [
        "endocrine_days <= first_line and not cdk46_days <= first_line",
        "endocrine_days >= first_line",
        "endocrine_days < first_line",
        "endocrine_days <= 30",
        "endocrine_days <= cdk46_days",
        "endocrine_days <= first_line or missing(cdk46_days)",
        "0 <= endocrine_days <= first_line",
    ],
)
def test_a_numerator_that_names_no_day_has_no_incidence_and_says_why(england, make_people, text):
    people = eligible(make_people, survival_days=500, endocrine_days=10, cdk46_days=100)
    table = measure_numerator(people, england, text)
    assert table.index.tolist() == [f"endocrine_first_line_{way}" for way in WAYS]
    assert table["status"].tolist() == ["ok", "ok", "not_derivable", "not_derivable"]
    assert table["reason"].iloc[2:].str.contains(f"({text}) does not say on which day", regex=False).all()
