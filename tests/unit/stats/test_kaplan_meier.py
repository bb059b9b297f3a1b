import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from naome.stats.kaplan_meier import kaplan_meier, logrank, median_survival

sizes = st.integers(1, 60)


@st.composite
def follow_up(draw, with_entry=False):
    n = draw(sizes)
    duration = draw(hnp.arrays(float, n, elements=st.integers(1, 15)))
    event = draw(hnp.arrays(bool, n))
    if not with_entry:
        return duration, event
    return duration, event, duration - draw(hnp.arrays(float, n, elements=st.integers(1, 15)))


def product_limit(duration, event, at, entry=None):
    entry = np.full(len(duration), -np.inf) if entry is None else entry
    survival = 1.0
    for t in np.unique(duration[event]):
        if t <= at:
            at_risk = ((entry < t) & (duration >= t)).sum()
            survival *= 1 - (event & (duration == t)).sum() / at_risk
    return survival


@given(follow_up(with_entry=True))
def test_curve_is_the_product_limit_with_delayed_entry(data):
    duration, event, entry = data
    curve = kaplan_meier(duration, event, entry=entry)
    for row in curve.itertuples():
        assert row.survival == pytest.approx(product_limit(duration, event, row.time, entry), abs=1e-12)
        if row.time > 0:
            assert row.n_risk == ((entry < row.time) & (duration >= row.time)).sum()
            assert row.n_event == (event & (duration == row.time)).sum()


@given(follow_up())
def test_curve_falls_from_one_and_limits_hold_it(data):
    curve = kaplan_meier(*data)
    assert curve["time"].iloc[0] == 0
    assert curve["survival"].iloc[0] == 1
    assert (np.diff(curve["survival"]) <= 1e-12).all()
    assert (curve["lower"] <= curve["survival"] + 1e-12).all()
    assert (curve["upper"] >= curve["survival"] - 1e-12).all()
    assert curve[["lower", "upper"]].notna().all(axis=None)
    assert curve[["lower", "upper"]].stack().between(0, 1).all()


@given(follow_up())
def test_without_censoring_it_is_the_share_alive(data):
    duration, _ = data
    for row in kaplan_meier(duration, np.ones(len(duration))).itertuples():
        assert row.survival == pytest.approx((duration > row.time).mean(), abs=1e-12)


@given(follow_up(), st.integers(1, 4))
def test_groups_are_the_curves_of_their_people(data, n_groups):
    duration, event = data
    group = np.arange(len(duration)) % n_groups
    together = kaplan_meier(duration, event, group=group, at=[3, 8])
    for label in np.unique(group):
        alone = kaplan_meier(duration[group == label], event[group == label], at=[3, 8])
        rows = together[together["group"] == label].reset_index(drop=True)
        np.testing.assert_allclose(
            rows.drop(columns="group").to_numpy(float), alone.drop(columns="group").to_numpy(float), atol=1e-12
        )


@given(follow_up())
def test_requested_times_read_the_step_function(data):
    duration, event = data
    curve = kaplan_meier(duration, event)
    times = [2.5, 0.0, 7.0, 100.0]
    read = kaplan_meier(duration, event, at=times)
    assert read["time"].tolist() == times
    for row in read.itertuples():
        step = curve[curve["time"] <= row.time].iloc[-1]
        assert row.survival == step["survival"]
        assert row.n_risk == (duration >= row.time).sum()
    ordered = read.sort_values("time")
    assert ordered["n_event"].sum() == event.sum()


def test_deaths_come_before_censorings_at_a_tie():
    assert kaplan_meier([5, 5], [1, 0], at=5)["survival"].tolist() == [0.5]


def test_limits_where_survival_is_one_or_zero():
    nobody = kaplan_meier([10] * 20, [0] * 20, at=[0, 5, 11])
    assert nobody["survival"].tolist() == [1, 1, 1]
    assert nobody["lower"].tolist() == pytest.approx([1, 0.025 ** (1 / 20), 0])  # 0: nobody left to tell
    assert nobody["std_error"].tolist() == [0, 0, 0]
    # half censored before the last two die: the effective number is 2 / S just before
    everybody = kaplan_meier([1, 1, 2, 2, 3, 3], [1, 0, 1, 0, 1, 1], at=[3, 9])
    before = (5 / 6) * (3 / 4)
    assert everybody["survival"].tolist() == [0, 0]
    assert everybody["upper"].tolist() == pytest.approx([1 - 0.025 ** (before / 2)] * 2)
    assert everybody["std_error"].isna().all()


def test_a_death_at_time_zero_counts():
    curve = kaplan_meier([0, 1, 2, 3], [1, 0, 0, 0])
    assert curve["time"].tolist() == [0, 1, 2, 3]
    assert curve["survival"].iloc[0] == 0.75


def test_survival_stays_zero_when_the_risk_set_empties_and_refills():
    curve = kaplan_meier([1, 5, 6], [1, 1, 0], entry=[0, 2, 3], at=[1, 4, 6])
    assert curve["survival"].tolist() == [0, 0, 0]


def test_median_on_a_flat_half_is_the_middle_and_may_not_be_reached():
    assert median_survival([1, 2, 3, 4], [1, 1, 1, 1])["median"].iloc[0] == 2.5
    table = median_survival([1, 2, 3, 4], [1, 0, 0, 0])
    assert np.isnan(table["median"].iloc[0])
    assert np.isnan(table["upper"].iloc[0])


@given(follow_up())
@settings(max_examples=30)
def test_logrank_does_not_care_for_names_or_order(data):
    duration, event = data
    if len(duration) < 4 or not event.any():
        return
    group = np.arange(len(duration)) % 2
    first, second = logrank(duration, event, group), logrank(duration[::-1], event[::-1], 1 - group[::-1])
    assert first["chi_squared"].iloc[0] == pytest.approx(second["chi_squared"].iloc[0], abs=1e-9)
    assert first["expected"].sum() == pytest.approx(event.sum())


def test_logrank_is_chi_squared_under_the_null():
    rng = np.random.default_rng(2)
    p = [
        logrank(rng.exponential(size=80), rng.random(80) < 0.7, np.arange(80) % 3)["p_value"].iloc[0]
        for _ in range(300)
    ]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.04)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kaplan_meier([1, -2], [1, 1]), r"duration\[1\] is -2"),
        (lambda: kaplan_meier([1, np.nan], [1, 1]), r"duration\[1\] is nan"),
        (lambda: kaplan_meier([1, 2], [1, 2]), r"event\[1\] is 2; allowed: 0"),
        (lambda: kaplan_meier([1, 2], [1, None]), r"event\[1\]"),
        (lambda: kaplan_meier([1, 2], [1, 1], entry=[0, 2]), r"entry\[1\] is 2 and duration\[1\] is 2"),
        (lambda: kaplan_meier([1, 2], [1, 1], group=["a", None]), r"group\[1\] is missing"),
        (lambda: kaplan_meier([1, 2], [1, 1], at=[1, -1]), r"at\[1\] is -1"),
        (lambda: kaplan_meier([1, 2], [1]), "must agree"),
        (lambda: kaplan_meier([], []), "at least one person"),
        (lambda: kaplan_meier(pd.Series(pd.to_timedelta([1, 2], unit="D")), [1, 1]), "dates or time spans"),
        (lambda: kaplan_meier(pd.Series([1, None], dtype="Int64"), [1, 1]), r"duration\[1\] is nan"),
        (lambda: kaplan_meier(pd.Series(["a", "1"], dtype="category"), [1, 1]), r"duration\[0\] is 'a'"),
        (lambda: kaplan_meier([1, "x"], [1, 1]), r"duration\[1\] is 'x'"),
        (lambda: logrank([1, 2], [1, 1], ["a", "a"]), "only one label"),
    ],
)
def test_what_is_not_allowed_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_coverage_of_the_limits_with_censoring():
    rng = np.random.default_rng(8)
    inside = []
    for _ in range(50):
        death, censoring = rng.exponential(2, 2000), rng.uniform(0.5, 3, 2000)
        group = np.arange(2000) % 20
        table = kaplan_meier(np.minimum(death, censoring), death <= censoring, group=group, at=1.0)
        inside.append((table["lower"] <= np.exp(-0.5)) & (np.exp(-0.5) <= table["upper"]))
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


def test_many_providers_are_quick():
    rng = np.random.default_rng(1)
    n = 200_000
    duration = np.ceil(rng.exponential(900, n))
    begin = time.perf_counter()
    kaplan_meier(duration, rng.random(n) < 0.5, group=rng.integers(0, 130, n), at=[365.25, 1095.75])
    assert time.perf_counter() - begin < 2  # about 0.1 s on a quiet machine; a loop over people would take minutes
