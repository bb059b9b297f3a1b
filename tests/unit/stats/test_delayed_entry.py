"""Delayed entry at 0 means from the start, in every estimator that takes it: deaths at time 0 count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naome.stats.cox import fit_cox
from naome.stats.diagnostics import cox_zph
from naome.stats.inputs import check_survival
from naome.stats.kaplan_meier import kaplan_meier, median_survival
from naome.stats.risk_adjustment import fit_expected, risk_adjusted_survival


def draw(seed: int, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "time": np.floor(rng.exponential(4, n)),
            "dead": rng.integers(0, 2, n),
            "x": rng.normal(size=n),
            "group": rng.integers(0, 2, n),
        }
    )
    frame.loc[:5, ["time", "dead"]] = [0.0, 1]  # deaths on the first day
    return frame


@given(seed=st.integers(0, 10_000), start=st.sampled_from([0.0, -1.0, -3.5]))
@settings(max_examples=25, deadline=None)
def test_with_nobody_truncated_every_estimate_is_the_plain_one(seed, start):
    frame = draw(seed)
    time, dead, entry = frame["time"], frame["dead"], np.full(len(frame), start)
    for estimate in (
        lambda **more: kaplan_meier(time, dead, group=frame["group"], **more),
        lambda **more: kaplan_meier(time, dead, at=[0, 1, 3], **more),
        lambda **more: median_survival(time, dead, **more),
        lambda **more: fit_cox(frame[["x"]], time, dead, **more).table(),
    ):
        pd.testing.assert_frame_equal(estimate(entry=entry), estimate(), check_exact=False, rtol=1e-12)


def test_tests_of_the_model_and_expected_deaths_are_the_plain_ones():
    frame = draw(7, n=200).assign(entry=0.0)
    names = {"duration": "time", "event": "dead", "covariates": ["x"]}
    pd.testing.assert_frame_equal(cox_zph(frame, entry="entry", **names), cox_zph(frame, **names))
    late, plain = fit_expected(frame, entry="entry", **names), fit_expected(frame, **names)
    np.testing.assert_allclose(late.expected_hazard(frame, [0, 2, 5]), plain.expected_hazard(frame, [0, 2, 5]))


def test_a_death_on_the_first_day_is_one_at_risk():
    table = kaplan_meier([0, 0, 5, 5], [1, 1, 0, 0], entry=[0, 0, 0, 2], at=[0, 5])
    assert table["n_risk"].tolist() == [3, 2]
    assert table["survival"].round(6).tolist() == [round(1 / 3, 6)] * 2


def test_entry_at_the_end_of_follow_up_is_refused_but_for_the_first_day():
    check_survival([0.0], [1], entry=[0.0])
    with pytest.raises(ValueError, match="entry must be less than duration"):
        check_survival([2.0], [1], entry=[2.0])


def test_a_model_with_delayed_entry_is_refused_where_people_must_be_followed_from_the_start():
    frame = draw(3, n=100).assign(entry=0.0)
    model = fit_expected(frame, duration="time", event="dead", covariates=["x"], entry="entry")
    with pytest.raises(ValueError, match="fitted with delayed entry"):
        risk_adjusted_survival(frame, model, provider="group", at=2.0)


@pytest.mark.parametrize(
    "times",
    [
        [np.datetime64("2020-01-01"), np.datetime64("2020-01-02")],
        [np.timedelta64(3, "D"), np.timedelta64(4, "D")],
        pd.to_datetime(["2020-01-01", "2020-01-02"]).date,
        pd.Series(pd.to_timedelta([1, 2], unit="D")),
    ],
)
def test_dates_and_time_spans_are_refused_in_whatever_holds_them(times):
    with pytest.raises(ValueError, match="dates or time spans"):
        kaplan_meier(times, [1, 0])


def test_numbers_written_as_text_are_refused():
    with pytest.raises(ValueError, match=r"duration\[1\] is '5'; it must be a number"):
        kaplan_meier([3, "5"], [1, 0])


def test_columns_with_different_indexes_are_refused():
    with pytest.raises(ValueError, match="duration and event have different indexes"):
        kaplan_meier(pd.Series([1.0, 2]), pd.Series([1, 0], index=[1, 0]))


def test_a_person_who_enters_within_the_first_unit_of_time_is_not_at_risk_before():
    table = kaplan_meier([0.3, 2.0], [1, 1], entry=[0.0, 0.5])
    assert table.set_index("time").loc[0.3, ["n_risk", "survival"]].tolist() == [1, 0]
