"""The outlier policy: levels, reasons, spread, chance, and the record."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from naome.core.params import load_params
from naome.measures.casemix.outliers import (
    MINIMUM_UNITS,
    detection_power,
    expected_false_alarms,
    find_near_limits,
    give_levels,
    judge_organisations,
    judged_scores,
    record_assessment,
)
from naome.measures.specification import load_specification
from naome.measures.study import make_study


def policy(**changes):
    params = load_params("england")
    return params.model_copy(update={"outliers": params.outliers.model_copy(update=changes)})


def organisations(z, n=50, recorded=0.9) -> pd.DataFrame:
    z = np.asarray(z, dtype=float)
    return pd.DataFrame({"unit": [f"U{k:02d}" for k in range(len(z))], "n": n, "z": z, "recorded": recorded})


def test_levels_and_directions_in_both_tails():
    """Deaths: z above is worse. 1.95 and 1.97 lie either side of the alert limit, 3.08 and 3.10 of the alarm limit."""
    judged = judge_organisations(organisations([1.95, 1.97, 3.08, 3.10, -1.97, -3.10]), policy(), higher_is="worse")
    assert judged["level"].tolist() == ["within", "alert", "alert", "alarm", "alert", "alarm"]
    assert judged["direction"].tolist() == ["none", "worse", "worse", "worse", "better", "better"]


@pytest.mark.parametrize(("higher_is", "direction"), [("better", "better"), ("worse", "worse"), ("neutral", "higher")])
def test_polarity(higher_is, direction):
    assert judge_organisations(organisations([4.0]), policy(), higher_is=higher_is)["direction"].tolist() == [direction]


def test_limits_are_one_parameter():
    """z = 3.05 is beyond three standard deviations, not beyond 99.8% limits; 1.97 beyond 95%, not beyond two."""
    z = [3.05, 1.97]
    assert judge_organisations(organisations(z), policy(), higher_is="worse")["level"].tolist() == ["alert", "alert"]
    sd = judge_organisations(organisations(z), policy(limits="2sd/3sd"), higher_is="worse")
    assert sd["level"].tolist() == ["alarm", "within"]
    assert -ndtri(policy(limits="2sd/3sd").outliers.alarm_tail) == pytest.approx(3, abs=1e-12)
    assert -ndtri(policy(limits="2sd/3sd").outliers.alert_tail) == pytest.approx(2, abs=1e-12)


def test_not_assessed_says_why():
    """Too few comes before poor recording; at the limits themselves an organisation is assessed."""
    table = organisations([5.0, 5.0, 5.0, 5.0, np.nan], n=[9, 10, 50, 9, 50], recorded=[0.9, 0.3, 0.29, 0.1, 0.9])
    judged = judge_organisations(table, policy(minimum_n=10, minimum_completeness=0.3), higher_is="worse")
    assert judged["level"].tolist() == ["not_assessed", "alarm", "not_assessed", "not_assessed", "not_assessed"]
    assert judged["reason"].tolist() == [
        "fewer than 10 people",
        "",
        "data quality: 29% of case mix recorded, 30% needed",
        "fewer than 10 people",
        "no people to compare with expected survival",
    ]
    assert (judged.loc[judged["level"] == "not_assessed", "direction"] == "none").all()


def test_spread_is_allowed_for_only_when_the_policy_says_so_and_both_are_there():
    z = np.r_[np.linspace(-4, 4, 40), 4.5]
    without = judge_organisations(organisations(z), policy(overdispersion="none"), higher_is="worse")
    allowing = judge_organisations(organisations(z), policy(overdispersion="additive"), higher_is="worse")
    assert without["tau2"].iloc[0] > 1
    np.testing.assert_allclose(without["z_spread"], z / np.sqrt(1 + without["tau2"].iloc[0]))
    assert (without["level"] == without["level_plain"]).all() and (allowing["level"] == allowing["level_spread"]).all()
    assert (without["level_spread"] == allowing["level_spread"]).all()
    assert (without["level"] == "alarm").sum() > (allowing["level"] == "alarm").sum()


def test_a_status_within_two_simulation_errors_of_a_limit_depends_on_the_draws():
    """The alert limit is 1.96, the alarm limit 3.09; the last organisation is not assessed."""
    table = organisations([1.87, 1.85, -2.05, 3.0, 2.5, 0.0, 1.96], n=[50] * 6 + [3]).assign(simulation_error=0.05)
    judged = judge_organisations(table, policy(overdispersion="none"), higher_is="worse")
    assert find_near_limits(judged, policy(overdispersion="none")).tolist() == [True, False, True, True, False, False]
    exact = find_near_limits(judged.assign(simulation_error=0.0), policy(overdispersion="none"))
    assert not exact.any()


def test_what_shrinks_a_score_shrinks_its_simulation_error():
    """Allowing for spread of 3 times its variance halves z: 3.92 is at the alert limit, and 0.05 becomes 0.025."""
    judged = organisations([3.92, 4.01, 4.03]).assign(simulation_error=0.05, tau2=3.0, level="within")
    judged = judged.assign(z_spread=judged["z"] / 2)
    assert find_near_limits(judged, policy(overdispersion="additive")).tolist() == [True, True, False]


def test_spread_on_the_scale_of_the_difference_weighs_large_organisations():
    """With spread on survival itself the same tau matters more where the standard error is small."""
    z = np.tile([-3.0, 3.0], 20)
    table = organisations(z).assign(std_error=np.r_[np.full(20, 0.02), np.full(20, 0.08)])
    judged = judge_organisations(table, policy(), higher_is="worse")
    shrunk = (judged["z_spread"] / judged["z"]).to_numpy()
    assert judged["tau2"].iloc[0] > 0
    assert (shrunk[:20] < shrunk[20:]).all()


def test_poorly_recorded_organisations_do_not_count_in_the_spread():
    z = np.linspace(-1, 1, 30)
    mixed = pd.concat([organisations(z), organisations([30.0] * 5, recorded=0.1)], ignore_index=True)
    clean = judge_organisations(organisations(z), policy(), higher_is="worse")
    assert judge_organisations(mixed, policy(), higher_is="worse")["phi"].iloc[0] == clean["phi"].iloc[0]


@pytest.mark.parametrize("number", [MINIMUM_UNITS - 1, MINIMUM_UNITS])
def test_spread_needs_enough_organisations(number):
    judged = judge_organisations(organisations(np.full(number, 4.0)), policy(), higher_is="worse")
    assert judged["tau2"].isna().all() == (number < MINIMUM_UNITS)
    assert (judged["level_spread"] == "alarm").all() == (number < MINIMUM_UNITS)


def test_false_alarms_that_chance_gives():
    judged = judge_organisations(organisations([0.0] * 100 + [np.nan] * 5), policy(), higher_is="worse")
    assert expected_false_alarms(judged, policy()) == (pytest.approx(5.0), pytest.approx(0.2))


def test_record_repeats_policy_inputs_and_outcome():
    judged = judge_organisations(organisations([3.5, -2.5, 0.0, np.nan]), policy(), higher_is="worse")
    record = record_assessment(
        {("denovo", 1): judged, ("recurrent", 1): judged},
        make_study(policy(), run_id="england-abc"),
        imputations={"denovo": 10, "recurrent": 12},
    )
    assert record["cohort"].tolist() == ["denovo", "recurrent"] and record["imputations"].tolist() == [10, 12]
    row = record.iloc[0]
    assert (row["run_id"], row["definition_id"], row["limits"]) == (
        "england-abc",
        load_specification()["survival"].definition_id,
        "95/99.8",
    )
    assert (row["within"], row["alert"], row["alarm"], row["not_assessed"]) == (1, 1, 1, 1)
    assert row["false_alarms_expected"] == pytest.approx(0.006)


def test_power_grows_with_information_and_falls_with_an_organisations_own_share():
    table = pd.DataFrame({"unit": list("ABC"), "n": [50, 50, 400], "std_error": [0.07, 0.035, 0.07], "level": "within"})
    power = detection_power(table, 0.1, policy()).set_index("unit")
    assert power.loc["B", "alert"] > power.loc["A", "alert"] > power.loc["C", "alert"]
    assert (power["alarm"] < power["alert"]).all()
    assert detection_power(table, 0.0, policy())["alert"].tolist() == pytest.approx([0.025] * 3)
    few = table.assign(level=["within", "not_assessed", "alert"])
    assert detection_power(few, 0.1, policy())["unit"].tolist() == ["A", "C"]


@pytest.mark.parametrize("overdispersion", ["none", "additive", "paule_mandel"])
def test_power_is_that_of_the_levels_that_the_policy_gives(overdispersion):
    """Scores of an organisation of each size drawn about its true difference, and judged as the policy judges."""
    rng, params = np.random.default_rng(5), policy(overdispersion=overdispersion)
    n = np.repeat([60, 120, 300], 20)
    error = np.sqrt(0.25 / n)
    spread = rng.normal(0, np.sqrt(1 + 0.05**2 / error**2))
    table = organisations(spread, n=n, recorded=1.0).assign(std_error=error)
    judged = judge_organisations(table, params, higher_is="worse")
    power = detection_power(judged, 0.1, params)
    assert (judged["tau2"] > 0.0005).all()
    for size in (0, 20, 40):
        one = judged.loc[[size] * 40_000].reset_index(drop=True)
        shift = 0.1 * (1 - one["n"] / n.sum()) / one["std_error"]
        levels = give_levels(one.assign(z=rng.normal(shift)), params, higher_is="worse")
        found = levels["level"].where(levels["direction"] == "worse")
        assert (found == "alarm").mean() == pytest.approx(power.loc[size, "alarm"], abs=0.012)
        assert found.isin(["alert", "alarm"]).mean() == pytest.approx(power.loc[size, "alert"], abs=0.012)


@pytest.mark.parametrize("overdispersion", ["none", "additive", "paule_mandel"])
def test_scores_are_those_that_the_policy_judges(overdispersion):
    params = policy(overdispersion=overdispersion)
    table = organisations(np.linspace(-4, 4, 25)).assign(std_error=np.linspace(0.02, 0.1, 25))
    judged = judge_organisations(table, params, higher_is="worse")
    expected = judged["z"] if overdispersion == "none" else judged["z_spread"]
    assert judged_scores(table, params).tolist() == expected.tolist()
    assert (judged["z_spread"].abs() < judged["z"].abs()).sum() == 24
    assert judged_scores(table[:10], params).tolist() == table["z"][:10].tolist()  # too few to find a spread


def test_an_organisation_that_cannot_be_tested_at_its_nominal_rate_says_why(england):
    table = pd.DataFrame({"unit": list("ABC"), "n": 50, "z": [np.nan, np.nan, 4.0], "recorded": 1.0})
    table = table.assign(own_share=[0.7, 0.2, 0.2], skewness=[0.1, -0.6, 0.1])
    judged = judge_organisations(table, england, higher_is="worse")
    assert judged["reason"].tolist() == [
        "its own people decide more than 60% of what they are compared with",
        "too few deaths or too few survivors are expected",
        "",
    ]
    assert judged["level"].tolist() == ["not_assessed", "not_assessed", "alarm"]
