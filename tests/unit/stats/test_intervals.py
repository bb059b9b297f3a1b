import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from naome.stats.intervals import poisson_exact, smr, wilson

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from([0.8, 0.95, 0.998]))
def test_intervals_contain_the_estimate_and_reflect(count, level):
    x, n = count
    row, mirror = wilson(x, n, level).loc[0], wilson(n - x, n, level).loc[0]
    assert 0 <= row["lower"] <= row["estimate"] <= row["upper"] <= 1
    assert row["lower"] == pytest.approx(1 - mirror["upper"], abs=1e-12)


@given(counts)
def test_wilson_solves_the_score_equation(count):
    x, n = count
    row = wilson(x, n).loc[0]
    for limit in (row["lower"], row["upper"]):
        if 0 < limit < 1:
            assert abs(x / n - limit) / np.sqrt(limit * (1 - limit) / n) == pytest.approx(1.959964, abs=1e-5)


@given(st.integers(0, 3000))
def test_count_limits_invert_their_tests(observed):
    exact = poisson_exact(observed).loc[0]
    assert stats.poisson.cdf(observed, exact["upper"]) == pytest.approx(0.025, abs=1e-8)
    assert 0 <= exact["lower"] <= observed < exact["upper"]


def test_nobody_gives_nan_and_a_series_keeps_its_index():
    table = wilson(pd.Series([0, 3], index=["a", "b"]), pd.Series([0, 10], index=["a", "b"]))
    assert table.loc["a", ["estimate", "lower", "upper"]].isna().all()
    assert table.loc["b", "estimate"] == 0.3
    assert smr(3, 0.0).loc[0, ["ratio", "lower", "upper"]].isna().all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson(11, 10), r"x\[0\] is 11, more than n\[0\] = 10"),
        (lambda: wilson([1, -2], 10), r"x\[1\] is -2"),
        (lambda: wilson(1, np.nan), r"n\[0\] is nan"),
        (lambda: poisson_exact(2.5), r"observed\[0\] is 2.5"),
        (lambda: poisson_exact(-1), r"observed\[0\] is -1"),
        (lambda: wilson(pd.Series([1, None], dtype="Int64"), 3), r"x\[1\] is nan"),
        (lambda: smr(1, -0.5), r"expected\[0\] is"),
        (lambda: wilson(1, 2, 95), "conf_level is 95"),
    ],
)
def test_what_is_not_allowed_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@settings(max_examples=5)
@given(st.integers(0, 10_000))
def test_wilson_coverage_is_about_nominal(seed):
    rng = np.random.default_rng(seed)
    table = wilson(rng.binomial(100, 0.35, 4000), 100)
    assert ((table["lower"] <= 0.35) & (table["upper"] >= 0.35)).mean() == pytest.approx(0.95, abs=0.025)


def test_a_table_of_counts_is_refused():
    with pytest.raises(ValueError, match="x has 2 dimensions; allowed: a number or a one-dimensional array"):
        wilson([[1, 2]], [[10, 20]])
