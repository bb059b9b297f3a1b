"""Levels of organisations say no more than their rounded counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.core.params import load_params
from naome.measures.casemix.outliers import detection_power, judge_organisations
from naome.measures.variation import give_domains, score_counts
from naome.release.outlier_levels import settle_levels
from naome.release.policy import POLICIES, list_pairs
from naome.release.rounded_levels import soften

PARAMS = load_params("england")
HES = POLICIES["hes2018"]


def score(x: int, n: int, expected: float) -> float:
    """Score of x events of n people, of whom a share is expected to have one."""
    return (x - expected * n) / np.sqrt(n * expected * (1 - expected))


def table(pairs: list[tuple[int, int]], share: float = 0.3) -> pd.DataFrame:
    x, n = (np.array(each) for each in zip(*pairs, strict=True))
    return pd.DataFrame(
        {
            "unit": [f"Z{k}" for k in range(len(x))],
            "n": n,
            "observed": x,
            "expected": share * n,
            "z": [score(a, b, share) for a, b in pairs],
            "recorded": 1.0,
        }
    )


@pytest.mark.parametrize("shown", [(20, 40), (30, 55), (10, 60), (45, 100)])
def test_all_counts_that_are_shown_alike_have_the_same_level(shown):
    events, people, possible = list_pairs(np.array([shown[0]]), np.array([shown[1]]), HES)
    pairs = [(int(x), int(n)) for x, n in zip(events[possible], people[possible], strict=True)]
    assert len(pairs) > 15
    given = judge_organisations(table(pairs), PARAMS, higher_is="worse")
    settled = settle_levels(given, given["unit"], PARAMS, "worse")
    assert settled["level"].nunique() == 1 and settled["direction"].nunique() == 1
    # it is the least extreme, so that none is worse than it was
    order = ["within", "alert", "alarm"]
    before, after = ([order.index(level) for level in each["level"]] for each in (given, settled))
    assert after[0] == min(before)


def test_a_score_is_moved_towards_zero_and_never_beyond_it():
    rng = np.random.default_rng(3)
    n = rng.integers(20, 200, 300)
    pairs = [(int(x), int(m)) for x, m in zip(rng.binomial(n, 0.4), n, strict=True)]
    rows = table([(x, m) for x, m in pairs if x > 7 and m - x > 7])
    moved = soften(rows, rows["z"], HES)
    assert (np.abs(moved) <= np.abs(rows["z"]) + 1e-9).all() and (moved * rows["z"] >= 0).all()
    assert (soften(rows, rows["z"], POLICIES["lt10"]) == rows["z"]).all()


def test_a_score_is_that_of_the_least_extreme_counts_that_are_shown_alike():
    """10 of 1,000 with 5 expected, z = 2: of 8 of 1,002 it is less by (2 + 2 x 0.005) / sqrt(1000 x 0.005 x 0.995)."""
    rows = pd.DataFrame({"n": [1000], "observed": [10], "expected": [5.0]})
    less = (2 + 2 * 0.005) / np.sqrt(1000 * 0.005 * 0.995)
    assert soften(rows, pd.Series([2.0]), HES)[0] == pytest.approx(2 - less)
    assert soften(rows, pd.Series([-0.5]), HES)[0] == 0  # of 12 of 998 it is above 0
    rows["std_error"] = 0.004
    assert soften(rows, pd.Series([2.0]), HES)[0] == pytest.approx(2 - (2 + 2 * 0.005) / 4)


def test_an_organisation_without_a_score_stays_without_one():
    rows = table([(30, 60), (5, 40)])
    rows["z"] = [np.nan, 1.0]
    assert np.isnan(soften(rows, rows["z"], HES)[0])


def test_levels_of_unadjusted_proportions_are_those_of_scores():
    scores = score_counts(np.array([10, 50, 90]), np.array([100, 100, 100]), 0.5, everyone=None, tau2=float("nan"))
    given = give_domains(scores, PARAMS, "higher")
    assert given["level"].tolist() == ["alarm", "within", "alarm"]
    assert given["domain"].tolist() == ["negative tail", "central mass", "positive tail"]


def test_an_organisation_whose_result_is_suppressed_has_no_level():
    given = judge_organisations(table([(30, 60), (55, 60)]), PARAMS, higher_is="worse")
    assert given["level"].tolist()[1] == "alarm"
    settled = settle_levels(given, ["Z0"], PARAMS, "worse")
    assert settled.loc[1, "level"] == "not_assessed" and "suppressed" in settled.loc[1, "reason"]


def test_how_well_a_difference_is_found_says_no_more_than_the_rounded_number_of_people():
    """73 to 77 people are shown as 75; with the same variance of each, the power is that of 75."""
    sizes = range(73, 78)
    given = judge_organisations(table([(30, n) for n in sizes]), PARAMS, higher_is="worse")
    given["std_error"] = np.sqrt(0.15 / given["n"])
    settled = settle_levels(given, given["unit"], PARAMS, "worse")
    assert (settled["n"] == 75).all() and np.allclose(settled["std_error"], np.sqrt(0.15 / 75))
    assert detection_power(settled, 0.1, PARAMS)["alert"].round(9).nunique() == 1
    assert detection_power(given, 0.1, PARAMS)["alert"].nunique() == 5


def test_a_pair_that_no_policy_would_show_is_possible_beside_others():
    """3 of 9 are shown as nothing: its own rounding, 5 of 10, is all that is possible; 10 of 15 may be three pairs."""
    events, people, possible = list_pairs(np.array([10, 3]), np.array([15, 9]), HES)
    assert possible.sum(axis=1).tolist() == [3, 1]
    assert (events[1][possible[1]].tolist(), people[1][possible[1]].tolist()) == ([5], [10])


def test_everybody_of_so_many_may_be_five_pairs():
    """10 of 10 are 8 of 8 to 12 of 12: one to seven people without an event would be suppressed."""
    events, people, possible = list_pairs(np.array([10]), np.array([10]), HES)
    assert events[possible].tolist() == people[possible].tolist() == [8, 9, 10, 11, 12]
