import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from naome.stats.competing import aalen_johansen
from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.pseudo import pseudo_observations


@st.composite
def people(draw, causes=2):
    n = draw(st.integers(2, 30))
    duration = draw(hnp.arrays(float, n, elements=st.integers(0, 10)))
    cause = draw(hnp.arrays(int, n, elements=st.integers(0, causes)))
    return duration, cause


@given(people())
def test_incidences_and_survival_add_up_to_one(data):
    duration, cause = data
    if not cause.any():
        return
    table = aalen_johansen(duration, cause, at=[0, 3, 7])
    survival = kaplan_meier(duration, cause > 0, at=[0, 3, 7])["survival"].to_numpy()
    total = table.groupby("time")["cumulative_incidence"].sum().to_numpy()
    np.testing.assert_allclose(total + survival, 1, atol=1e-12)


@given(people(causes=1))
def test_one_cause_is_kaplan_meier_with_greenwood(data):
    duration, cause = data
    if not cause.any():
        return
    ours, curve = aalen_johansen(duration, cause), kaplan_meier(duration, cause)
    np.testing.assert_allclose(ours["cumulative_incidence"], 1 - curve["survival"], atol=1e-12)
    known = (curve["survival"] > 0).to_numpy()
    np.testing.assert_allclose(ours["std_error"][known], curve["std_error"][known], atol=1e-7)
    inside = known & (curve["survival"] < 1).to_numpy()
    np.testing.assert_allclose(ours["lower"][inside], 1 - curve["upper"][inside], atol=1e-6)


def test_incidence_limits_hold_the_estimate_and_groups_are_separate():
    rng = np.random.default_rng(1)
    duration, cause, group = rng.integers(1, 20, 200), rng.integers(0, 3, 200), np.arange(200) % 2
    table = aalen_johansen(duration, cause, group=group, at=[5, 10])
    assert ((table["lower"] <= table["cumulative_incidence"]) & (table["cumulative_incidence"] <= table["upper"])).all()
    alone = aalen_johansen(duration[group == 1], cause[group == 1], at=[5, 10])
    rows = table[table["group"] == 1].reset_index(drop=True)
    np.testing.assert_allclose(rows["std_error"], alone["std_error"], atol=1e-14)


@pytest.mark.parametrize("cause", [[0, -1], [0, 1.5], [0, np.nan]])
def test_a_cause_that_is_none_is_named(cause):
    with pytest.raises(ValueError, match=r"cause\[1\]"):
        aalen_johansen([1, 2], cause)


@settings(max_examples=50)
@given(people(causes=1), st.integers(0, 10))
def test_pseudo_observations_are_leave_one_out(data, at):
    duration, event = data
    at = min(at, duration.max())
    n = len(duration)
    whole = kaplan_meier(duration, event, at=at)["survival"].iloc[0]
    brute = [
        n * whole - (n - 1) * kaplan_meier(np.delete(duration, i), np.delete(event, i), at=at)["survival"].iloc[0]
        for i in range(n)
    ]
    np.testing.assert_allclose(pseudo_observations(duration, event, at), brute, atol=1e-10)


@given(people(causes=1), st.integers(0, 10))
def test_without_censoring_pseudo_observations_are_indicators(data, at):
    duration, _ = data
    ours = pseudo_observations(duration, np.ones(len(duration)), at)
    np.testing.assert_allclose(ours, duration > at, atol=1e-10)


def test_the_mean_pseudo_observation_is_survival_up_to_jackknife_bias():
    rng = np.random.default_rng(4)
    death, censoring = rng.exponential(1, 5000), rng.uniform(0.2, 2, 5000)
    duration, event = np.minimum(death, censoring), death <= censoring
    mean = pseudo_observations(duration, event, [0.5, 1.0]).mean(axis=0)
    np.testing.assert_allclose(mean, kaplan_meier(duration, event, at=[0.5, 1.0])["survival"], atol=1e-4)


def test_shapes_and_refusals():
    assert pseudo_observations([1, 2, 3], [1, 0, 1], 2).shape == (3,)
    assert pseudo_observations([1, 2, 3], [1, 0, 1], [2]).shape == (3, 1)
    with pytest.raises(ValueError, match="beyond the last follow-up time 3"):
        pseudo_observations([1, 2, 3], [1, 1, 0], 4)
    with pytest.raises(ValueError, match="at least two"):
        pseudo_observations([1], [1], 1)


def test_a_million_people_take_seconds():
    rng = np.random.default_rng(1)
    duration = np.ceil(rng.exponential(900, 1_000_000))
    begin = time.perf_counter()
    pseudo_observations(duration, rng.random(1_000_000) < 0.5, [365.25, 1095.75])
    assert time.perf_counter() - begin < 5


def test_causes_may_be_named_that_nobody_had():
    table = aalen_johansen([1, 2, 3, 4], [0, 0, 0, 0], at=2, causes=(1, 2))
    assert table["cumulative_incidence"].tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match=r"causes are \[2\]; .* among them \[1\]"):
        aalen_johansen([1, 2], [1, 0], causes=[2])


@pytest.mark.parametrize("seed", range(5))
def test_limits_are_given_at_both_ends_and_hold_the_estimate(seed):
    """With one cause they are those of Kaplan-Meier, where everybody has died too."""
    rng = np.random.default_rng(seed)
    duration = rng.integers(0, 20, 30)
    cause = (rng.random(30) < 0.8).astype(int)
    cause[duration == duration.max()] = 1
    ours, curve = aalen_johansen(duration, cause), kaplan_meier(duration, cause)
    assert ours["cumulative_incidence"].iloc[-1] == pytest.approx(1)
    np.testing.assert_allclose(ours["lower"], 1 - curve["upper"], atol=1e-9)
    np.testing.assert_allclose(ours["upper"], 1 - curve["lower"], atol=1e-9)
    two = aalen_johansen(duration, np.where(cause, rng.integers(1, 3, 30), 0))
    assert two[["lower", "upper"]].notna().all(axis=None)
    assert (
        (two["lower"] <= two["cumulative_incidence"] + 1e-9) & (two["cumulative_incidence"] <= two["upper"] + 1e-9)
    ).all()
