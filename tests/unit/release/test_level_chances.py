"""How often chance gives published levels: what is computed is what simulated organisations show after rounding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from naome.core.params import load_params
from naome.measures.casemix.outliers import detection_power, expected_false_alarms
from naome.release.level_chances import expect_levels, expect_placed, find_published_power
from naome.release.policy import POLICIES, round_counts
from naome.release.rounded_levels import place_counts, soften

ENGLAND = load_params("england")
SIZES = np.array([30, 45, 60, 80, 120, 200, 350])
EVERYONE, TARGET = 20_000, 0.3
REPEATS = 3_000


def under(policy):
    return ENGLAND.model_copy(update={"disclosure": ENGLAND.disclosure.model_copy(update={"policy": policy})})


def make_table():
    error = np.sqrt(TARGET * (1 - TARGET) / SIZES)
    units = [f"T{n}" for n in SIZES]
    return pd.DataFrame(
        {"unit": units, "n": SIZES, "expected": TARGET * SIZES, "std_error": error, "level": "within", "reason": ""}
    )


def are_shown(x, policy):
    few = [(each >= policy.hide_from) & (each <= policy.hide_to) for each in (x, SIZES - x)]
    return ~(few[0] | few[1])


@pytest.mark.parametrize("name", ["hes2018", "lt10"])
@pytest.mark.parametrize("difference", [0.0, 0.15])
def test_adjusted_levels_are_as_frequent_as_in_simulated_organisations(name, difference):
    policy, table, rng = POLICIES[name], make_table(), np.random.default_rng(7)
    moved = difference * (1 - SIZES / SIZES.sum())
    events = rng.normal(SIZES * (TARGET + moved), SIZES * table["std_error"], (REPEATS, len(SIZES)))
    limit = -norm.ppf(ENGLAND.outliers.alert_tail)
    beyond, shown = np.zeros(len(SIZES)), np.zeros(len(SIZES))
    for row in events.round().clip(0, SIZES).astype(int):
        z = pd.Series((row - table["expected"]) / (SIZES * table["std_error"]))
        published = soften(table.assign(observed=row), z, policy)
        visible = are_shown(row, policy)
        beyond += visible & ((published > limit) if difference else (abs(published) > limit))
        shown += visible
    error = 4 * np.sqrt(0.25 / REPEATS)
    if difference:
        power = find_published_power(table, difference, under(name))["alert"]
        assert np.abs(power.to_numpy() - beyond / REPEATS).max() < error
    else:
        alerts, alarms = expect_levels(table, under(name))
        assert alerts == pytest.approx((beyond / shown).sum(), abs=error)
        assert alarms < alerts


def test_levels_without_adjustment_are_as_frequent_as_in_simulated_organisations():
    policy, rng = POLICIES["hes2018"], np.random.default_rng(8)
    beyond, shown = np.zeros(len(SIZES)), np.zeros(len(SIZES))
    for _ in range(300):
        x = rng.hypergeometric(round(TARGET * EVERYONE), EVERYONE - round(TARGET * EVERYONE), SIZES)
        rounded = [round_counts(pd.Series(each), policy).astype(int) for each in (SIZES, x)]
        pairs = pd.DataFrame({"denominator": rounded[0], "numerator": rounded[1]})
        level = place_counts(pairs, [TARGET], ENGLAND, "neutral", everyone=EVERYONE, tau2=0.0)["level_plain"]
        visible = are_shown(x, policy)
        beyond += visible & level.isin(["alert", "alarm"]).to_numpy()
        shown += visible
    alerts, alarms = expect_placed(TARGET, SIZES, ENGLAND, EVERYONE)
    found = (beyond / shown).sum()
    assert abs(alerts - found) < 4 * np.sqrt(found / 300)
    assert 0 < alarms < alerts < 2 * ENGLAND.outliers.alert_tail * len(SIZES)


def test_without_disclosure_control_the_limits_say_how_many():
    table = make_table()
    assert expect_levels(table, under("none")) == expected_false_alarms(table, ENGLAND)
    power = find_published_power(table, 0.1, under("none"))
    pd.testing.assert_frame_equal(power, detection_power(table, 0.1, ENGLAND))


def test_organisations_that_are_not_assessed_count_in_nothing():
    table = make_table()
    some = table.assign(level=["not_assessed"] * 3 + ["within"] * 4)
    assert expect_levels(some, ENGLAND)[0] == pytest.approx(expect_levels(table.iloc[3:], ENGLAND)[0])
    assert expect_levels(table.assign(level="not_assessed"), ENGLAND) == (0.0, 0.0)
    assert len(find_published_power(some, 0.1, ENGLAND)) == 4
