"""Period analysis against a known hazard, and its refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.core.params import load_params
from naome.measures.period import derive_period_people, estimate_period_survival, period_survival
from naome.measures.study import make_study
from naome.measures.survival import YEAR_DAYS


def diagnosed(n: int, hazard, seed=1, first="2015-01-01", last="2021-12-31") -> pd.DataFrame:
    """People diagnosed evenly over a window, with a yearly hazard by year of diagnosis, followed to 2023-06-01."""
    rng = np.random.default_rng(seed)
    days = (pd.Timestamp(last) - pd.Timestamp(first)).days
    origin = pd.Timestamp(first) + pd.to_timedelta(rng.integers(0, days, n), unit="D")
    rate = np.array([hazard(year) for year in origin.year])
    time = np.floor(rng.exponential(YEAR_DAYS / rate)).astype(int)
    follow_up = (pd.Timestamp("2023-06-01") - origin).days.to_numpy()
    return pd.DataFrame(
        {
            "cohort": "denovo",
            "origin_date": origin,
            "survival_days": pd.array(np.minimum(time, follow_up), dtype="Int64"),
            "died": pd.array(time <= follow_up, dtype="boolean"),
            "sex": "female",
            "age_group": np.where(np.arange(n) % 2, "50-69", "80+"),
            "subtype": pd.array([None] * n, dtype="string"),
        }
    )


@pytest.fixture
def everyone():
    return lambda table: pd.Series("all", index=table.index)


def test_constant_hazard_gives_the_truth(england, everyone):
    """A hazard of 0.25 a year: 28.65% alive at five years, though nobody of the audit period is followed so long."""
    table = diagnosed(20_000, lambda year: 0.25)
    row = period_survival(table, everyone(table), england, 5).iloc[0]
    truth = np.exp(-0.25 * 5)
    assert row["status"] == "ok" and row["lower"] < truth < row["upper"]
    assert abs(row["estimate"] - truth) < 0.015


def test_only_the_last_two_years_count(england, everyone):
    """Deaths before the period change nothing: who died before it is not under observation in it."""
    table = diagnosed(5_000, lambda year: 0.25)
    start = pd.Timestamp("2021-06-01")
    gone = table["origin_date"] + pd.to_timedelta(table["survival_days"].astype(int), unit="D") <= start
    with_all = period_survival(table, everyone(table), england, 5)
    without = period_survival(table[~gone], everyone(table[~gone]), england, 5)
    assert gone.any()
    pd.testing.assert_frame_equal(with_all, without)


def test_thin_risk_sets_are_not_shown(england, everyone):
    """Nobody diagnosed after 2018: the first years of the curve rest on nobody, whatever the number at the horizon."""
    table = diagnosed(5_000, lambda year: 0.1, last="2018-12-31")
    row = period_survival(table, everyone(table), england, 5).iloc[0]
    assert (row["status"], row["reason"]) == ("too_few", "fewer than 10 people at risk on the way")
    assert np.isnan(row["estimate"])


def test_results_by_cohort_and_group(england):
    results = estimate_period_survival(diagnosed(4_000, lambda year: 0.25), make_study(england, run_id="r")).set_index(
        ["cohort", "group_by", "group"]
    )
    assert set(results["measure"]) == {"survival_5y_period"}
    assert results.loc[("denovo", "all", "all"), "status"] == "ok"
    assert results.loc[("denovo", "age_group", "80+"), "status"] == "ok"
    recurrent = results.loc[("recurrent", "all", "all")]
    assert recurrent["status"] == "not_derivable" and "soon after diagnosis" in recurrent["reason"]


def test_nobody_before_the_audit_period_says_so(england):
    table = diagnosed(500, lambda year: 0.25, first="2019-01-01")
    results = estimate_period_survival(table, make_study(england, run_id="r"))
    assert (results["status"] == "not_derivable").all()
    assert "before the audit period" in results.loc[results["cohort"] == "denovo", "reason"].iloc[0]


def test_an_audit_of_the_whole_window_needs_none():
    rotterdam = load_params("rotterdam")
    people = derive_period_people(make_study(rotterdam, run_id="r"), None)
    results = estimate_period_survival(people, make_study(rotterdam, run_id="r"))
    assert people.empty and (results["status"] == "not_derivable").all()
    assert results["reason"].str.contains("whole diagnosed window").all()


def test_period_survival_by_hand(england, everyone):
    """Of 40 people, 20 come with the period and 20 came 1,461 days before it; of each, 5 die with 20 at risk.

    Two who died before the period and three deaths after five years do not count: (15 / 20) ** 2 are alive. The fewest
    at risk are 15.
    """
    start = pd.Timestamp(england.censor_date) - pd.DateOffset(years=2)
    people = pd.DataFrame(
        {
            "origin_date": [start - pd.Timedelta(days=1461)] * 22 + [start] * 20,
            "survival_days": [100] * 2 + [1500] * 5 + [1827] * 3 + [2000] * 12 + [200] * 5 + [1499] * 15,
            "died": [True] * 10 + [False] * 12 + [True] * 5 + [False] * 15,
        }
    )
    for least, status in ((15, "ok"), (16, "too_few")):
        survey = england.survival.model_copy(update={"minimum_at_risk": least})
        row = period_survival(people, everyone(people), england.model_copy(update={"survival": survey}), 5).iloc[0]
        assert (row["denominator"], row["numerator"], row["status"]) == (40, 10, status)
        assert row["estimate"] == pytest.approx(15 / 20 * 15 / 20 if status == "ok" else np.nan, nan_ok=True)
    groups = period_survival(people, pd.Series(["before"] * 22 + ["within"] * 20), england, 5).set_index("group")
    assert groups[["denominator", "numerator"]].to_numpy().tolist() == [[20, 5], [20, 5]]


def test_ten_people_from_before_the_audit_period_are_enough(england):
    for n, status in ((10, "too_few"), (9, "not_derivable")):
        table = diagnosed(500, lambda year: 0.25, first="2019-01-01")
        table.loc[: n - 1, "origin_date"] = pd.Timestamp("2018-12-31")
        row = estimate_period_survival(table, make_study(england, run_id="r")).query("cohort == 'denovo'").iloc[0]
        assert row["status"] == status
