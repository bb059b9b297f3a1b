"""Quarterly charts and the rules of Making Data Count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.core.params import load_params
from naome.measures.quarterly import (
    CHART_RULES,
    chart_quarters,
    count_quarters,
    measure_quarters,
    quarterly_results,
    say_chart,
    say_growing_quarters,
)
from naome.measures.study import make_study

FIRST, LAST = pd.Timestamp("2019-10-01"), pd.Timestamp("2022-09-30")


def quarters(numerators, n=100):
    days, positive = [], []
    for period, x in zip(pd.period_range(FIRST, periods=len(numerators), freq="Q"), numerators, strict=True):
        days += [period.start_time] * n
        positive += [i < x for i in range(n)]
    last = pd.period_range(FIRST, periods=len(numerators), freq="Q")[-1].end_time.normalize()
    return count_quarters(np.ones(len(days), bool), np.array(positive), pd.Series(days), FIRST, last)


def test_days_fall_into_their_quarter_and_partial_quarters_are_left_out():
    days = pd.Series(pd.to_datetime(["2019-09-30", "2019-10-01", "2019-12-31", "2020-01-01", None, "2022-10-01"]))
    who = np.ones(6, dtype=bool)
    counted = count_quarters(who, who, days, FIRST, LAST)
    assert counted["quarter"].tolist()[:2] == ["2019 Q4", "2020 Q1"] and len(counted) == 12
    assert counted["denominator"].tolist()[:3] == [2, 1, 0] and counted["denominator"].sum() == 3
    short = count_quarters(who, who, days, FIRST + pd.Timedelta(days=1), LAST - pd.Timedelta(days=1))
    assert short["quarter"].tolist()[0] == "2020 Q1" and short["quarter"].tolist()[-1] == "2022 Q2"


def test_nobody_in_a_quarter_is_an_error():
    with pytest.raises(ValueError, match="no one is counted in 2020 Q1"):
        chart_quarters(quarters([5, 0]).assign(denominator=[100, 0]))


@pytest.mark.parametrize(
    ("numerators", "rule", "first"),
    [
        ([50, 52, 50, 52, 50, 52, 50, 52, 50, 52, 50, 75], "outside_limits", "2022 Q3"),
        ([55, 57, 54, 58, 56, 54, 57, 40, 43, 41, 42, 40], "run", "2019 Q4"),
        ([50, 44, 49, 45, 50, 43, 44, 46, 48, 50, 51, 52], "trend", "2021 Q1"),
    ],
)
def test_each_rule_is_named_where_it_is_broken(numerators, rule, first):
    chart = chart_quarters(quarters(numerators))
    broken = chart.loc[chart[rule], "quarter"].tolist()
    assert broken[0] == first
    text = say_chart(chart, "Stage recorded")
    assert f"{CHART_RULES[rule]} ({first}" in text and "special-cause" in text


def test_common_cause_is_said_plainly():
    chart = chart_quarters(quarters([50, 53, 49, 52, 51, 48, 52, 50]))
    assert say_chart(chart, "X") == "X: common-cause variation only; no rule of Making Data Count is met."
    assert chart["limit_lower"].min() >= 0 and set(chart["rules"]) == {""}


def test_results_are_in_the_schema(england):
    table = quarterly_results(quarters([5, 6], n=8), make_study(england, run_id="r"), measure="stage", cohort="denovo")
    assert table["status"].tolist() == ["too_few"] * 2 and table["group"].tolist() == ["2019 Q4", "2020 Q1"]
    ten = quarterly_results(quarters([5, 6], n=10), make_study(england, run_id="r"), measure="stage", cohort="denovo")
    assert ten["status"].tolist() == ["ok"] * 2


def test_limits_of_a_proportion_end_at_none_and_all():
    """Of [0, 2, 0, 2] tenths the limits are 0.1 -/+ 2.66 x 0.2; turned round they are 0.9 -/+ as much."""
    rare, usual = chart_quarters(quarters([0, 2, 0, 2], n=10)), chart_quarters(quarters([10, 8, 10, 8], n=10))
    assert rare["limit_lower"].tolist() == [0] * 4 and rare["limit_upper"].tolist() == pytest.approx([0.632] * 4)
    assert usual["limit_upper"].tolist() == [1] * 4 and usual["limit_lower"].tolist() == pytest.approx([0.368] * 4)


def test_two_quarters_are_charted_and_one_is_not(england, make_people):
    for last, charted in (("2020-06-30", True), ("2020-03-31", False)):
        dates = {"metastatic_from": pd.Timestamp("2020-01-01").date(), "metastatic_to": pd.Timestamp(last).date()}
        people = make_people(20, origin_date=["2020-01-01", "2020-06-30"] * 10, stage_recorded=True)
        charts, _ = measure_quarters(people, make_study(england.model_copy(update=dates), run_id="r"))
        assert (not charts.empty) == charted


def test_people_and_items_are_charted_and_never_recorded_ones_are_not(england, make_people):
    """Twelve quarters of 20 people; stage recorded for 5 of them, the mean the centre line; grade never."""
    days = [period.start_time for period in pd.period_range("2019-01-01", "2021-12-31", freq="Q") for _ in range(20)]
    people = make_people(len(days), origin_date=days, grade_recorded=False)
    people["stage_recorded"] = pd.array([i % 4 == 0 for i in range(len(days))], dtype="boolean")
    charts, results = measure_quarters(people, make_study(england, run_id="r"))
    assert charts["measure"].unique().tolist() == ["cohort_size", "completeness.stage"]
    sizes = charts[charts["measure"] == "cohort_size"]
    assert sizes["estimate"].tolist() == [20] * 12 and len(results) == 12
    stage = charts[charts["measure"] == "completeness.stage"]
    assert stage["centre"].iloc[0] == pytest.approx(0.25) and set(results["group_by"]) == {"quarter"}


def test_a_quarter_without_people_leaves_no_chart(england, make_people):
    charts, results = measure_quarters(make_people(3, stage_recorded=True), make_study(england, run_id="r"))
    assert charts.empty and results.empty


def test_growing_quarters_follow_the_options():
    params = load_params("england-rcrd")
    six = params.model_copy(update={"rules": {"gap_months": 6, "evidence": ["admissions", "reported"]}})
    said, after_six = (say_growing_quarters(make_study(each, run_id="r")) for each in (params, six))
    assert "rule DN2 looks for an admission in the 12 months after diagnosis, and" in said
    assert "an admission or a reported recurrence in the 6 months after" in after_six
    assert "12 months" not in after_six
