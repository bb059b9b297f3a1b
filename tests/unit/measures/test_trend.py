"""Trend over years."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.measures.indicators import count_proportions
from naome.measures.inequalities import standardise_proportion
from naome.measures.quarterly import count_quarters
from naome.measures.specification import load_specification
from naome.measures.study import make_study
from naome.measures.trend import count_trends, find_trend, measure_trends

LABELS = pd.Series(list("ppqq"))
DAYS = pd.Series(pd.to_datetime(["2020-01-31", "2020-03-31", "2020-03-31", "2020-04-01"]))
PERIOD = pd.Timestamp("2020-01-01"), pd.Timestamp("2020-06-30")
SPECIFICATION = load_specification()


def by_year(counts):
    year = np.concatenate([np.full(n, y) for y, (_, n) in counts.items()])
    positive = np.concatenate([np.arange(n) < x for x, n in counts.values()])
    return year, positive


def test_score_test_by_hand():
    """Armitage's formula: z^2 = (sum x (r - n p))^2 / (p (1 - p) (sum n x^2 - (sum n x)^2 / N))."""
    counts = {2019: (30, 100), 2020: (45, 110), 2021: (60, 120)}
    found = find_trend(*by_year(counts))
    x, r, n = np.array([0, 1, 2]), np.array([30, 45, 60]), np.array([100, 110, 120])
    p = r.sum() / n.sum()
    z = (x * (r - n * p)).sum() / np.sqrt(p * (1 - p) * ((n * x**2).sum() - (n * x).sum() ** 2 / n.sum()))
    assert found["z"] == pytest.approx(z) and found["p_value"] < 0.01
    assert (found["first"], found["last"]) == (0.3, 0.5)
    assert 1 < found["lower"] < found["odds_ratio"] < found["upper"]


def test_zeros_and_ones_are_events_and_not_positions():
    year, positive = by_year({2019: (30, 100), 2020: (45, 110), 2021: (60, 120)})
    assert find_trend(year, positive.astype(int)) == find_trend(pd.Series(year), positive.tolist())
    assert find_trend(year, positive.astype(float))["odds_ratio"] == find_trend(year, positive)["odds_ratio"]
    for wrong, message in ((positive * 2, r"positive\[0\] is 2; allowed: 0 or 1"), (positive[1:], "they must agree")):
        with pytest.raises(ValueError, match=message):
            find_trend(year, wrong)
    with pytest.raises(ValueError, match=r"year\[0\] is nan"):
        find_trend(np.where(np.arange(len(year)) == 0, np.nan, year), positive)


@pytest.mark.parametrize(
    "count",
    [
        lambda a, b: count_proportions(a, b, LABELS, 1)[["denominator", "numerator"]].to_numpy(),
        lambda a, b: count_quarters(a, b, DAYS, *PERIOD)[["denominator", "numerator"]].to_numpy(),
        lambda a, b: list(
            standardise_proportion(a, b, pd.Series(list("ppqq")), pd.Series({"p": 0.3, "q": 0.7})).values()
        ),
    ],
    ids=["by label", "by quarter", "standardised"],
)
def test_counts_take_zeros_and_ones_for_people_and_not_for_positions(count):
    inside, positive = np.array([True, False, True, True]), np.array([True, False, False, True])
    expected = np.asarray(count(inside, positive))
    assert np.array_equal(count(inside.astype(int), positive.astype(int)), expected)
    for wrong in (positive * 3, positive[1:]):
        with pytest.raises(ValueError, match=r"positive\[0\] is 3; allowed: 0 or 1|positive has shape"):
            count(inside, wrong)


def test_two_years_are_the_odds_ratio():
    found = find_trend(*by_year({2019: (20, 100), 2021: (40, 100)}))
    assert found["odds_ratio"] ** 2 == pytest.approx((40 / 60) / (20 / 80))
    width = 1.959963984540054 * np.sqrt(1 / 40 + 1 / 60 + 1 / 20 + 1 / 80)  # Woolf's, of two years
    assert np.log([found["lower"], found["upper"]]) == pytest.approx(
        [np.log(found["odds_ratio"]) - width / 2, np.log(found["odds_ratio"]) + width / 2], rel=1e-6
    )


def test_rejects_five_in_a_hundred_when_nothing_changes():
    rng = np.random.default_rng(8)
    year = np.repeat([2019, 2020, 2021], 200)
    p = np.array([find_trend(year, rng.random(600) < 0.3)["p_value"] for _ in range(1000)])
    assert 0.035 <= (p < 0.05).mean() <= 0.067


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({2019: (3, 10)}, "There are fewer than two years to compare."),
        ({2019: (0, 10), 2020: (0, 10)}, "Everyone, or no one, has the outcome."),
        ({2019: (10, 10), 2020: (9, 9)}, "Everyone, or no one, has the outcome."),
        ({2019: (0, 10), 2020: (10, 10)}, "The outcome is perfectly separated by year."),
    ],
)
def test_what_cannot_be_tested_says_why(counts, reason):
    assert find_trend(*by_year(counts))["reason"] == reason


def test_every_indicator_has_a_row(england, wales, make_people):
    year, positive = by_year({2019: (30, 50), 2020: (20, 50)})
    people = make_people(100, year=year, mdt_recorded=positive)
    table, results = measure_trends(people, make_study(england, run_id="r"))
    assert table.set_index("measure").loc["mdt_discussion", "z"] < 0
    row = results.set_index("measure").loc["mdt_discussion_trend"]
    assert (row["denominator"], row["numerator"]) == (100, 50) and row["estimate"] < 1
    tested, significant, chance = count_trends(table)
    assert tested >= significant and chance == pytest.approx(0.05 * tested)
    _, welsh = measure_trends(people, make_study(wales, run_id="r"))
    assert "SACT" in welsh.set_index("measure").loc["cdk46_first_line_trend", "reason"]


def test_shorter_follow_up_of_later_years_is_a_caution(england, make_people):
    table, _ = measure_trends(make_people(5), make_study(england, run_id="r"))
    cautions = table.set_index("measure")["caution"]
    assert (
        "People in later years have shorter follow-up" in cautions["death_30d_chemotherapy"].iloc[0]
        and cautions["mdt_discussion"] == ""
    )


@pytest.mark.parametrize("turn", [False, True])
def test_years_that_separate_give_a_reason_and_no_odds_ratio(turn):
    """Also where the two share the year in which they meet: the odds ratio that fits best is then infinite too."""
    year, positive = np.array([2019, 2019, 2020, 2020, 2021]), np.array([False, False, False, True, True])
    found = find_trend(year, positive ^ turn)
    assert found["reason"] == "The outcome is perfectly separated by year."
    assert "odds_ratio" not in found
