import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from naome.stats.funnel import binomial_limits, classify, classify_z, realised_tail_probabilities
from naome.stats.overdispersion import null_mean_square, overdispersion, simulate_spread

targets = st.floats(0.02, 0.98)
sizes = st.integers(1, 600)
tails = st.sampled_from([0.025, 0.001, 0.00135])


@given(targets, sizes, tails)
def test_published_limits_are_one_event_apart_between_tails(target, n, tail):
    # counting survivors instead of deaths moves the published limit by exactly one event; the mid-P one stays
    here, mirror = (binomial_limits(t, n, tail, "spiegelhalter").loc[0] for t in (target, 1 - target))
    if 0 < mirror["upper"] < 1 and here["lower"] > 0:
        assert 1 - mirror["upper"] == pytest.approx(here["lower"] + 1 / n, abs=1e-6)
    here, mirror = (binomial_limits(t, n, tail, "midp").loc[0] for t in (target, 1 - target))
    assert 1 - mirror["upper"] == pytest.approx(here["lower"], abs=1e-6)
    assert 1 - mirror["lower"] == pytest.approx(here["upper"], abs=1e-6)


@given(targets, st.integers(20, 600), tails)
def test_published_upper_limit_always_raises_more_alarms_than_nominal(target, n, tail):
    distribution = stats.binom(n, target)
    first = distribution.ppf(1 - tail)
    if (
        abs(distribution.cdf(first) - (1 - tail)) < 1e-9
        or binomial_limits(target, n, tail, "spiegelhalter")["upper"].iloc[0] > 1 - 1e-9
    ):
        return
    rates = realised_tail_probabilities(target, n, tail, "spiegelhalter").loc[0]
    assert rates["upper_tail"] > tail
    assert rates["lower_tail"] < tail
    strict = realised_tail_probabilities(target, n, tail, "exact_tail").loc[0]
    assert strict["upper_tail"] <= tail
    assert strict["lower_tail"] < tail


@given(targets, sizes, tails)
def test_midp_line_and_midp_test_cannot_disagree(target, n, tail):
    x = np.arange(n + 1)
    table = classify(x, n, target, tails=(0.4, tail))
    limits = binomial_limits(target, n, tail).loc[0]
    beyond = (x / n < limits["lower"] - 1e-9) | (x / n > limits["upper"] + 1e-9)
    # away from exact ties of the tail probability and the nominal one
    clear = np.abs(table["tail_probability"] - tail) > 1e-9
    clipped = (limits["lower"] == 0) & (x == 0) | (limits["upper"] == 1) & (x == n)
    assert (beyond == (table["level"] == "alarm"))[clear & ~clipped].all()


@pytest.mark.parametrize(
    ("tail", "method", "means", "worst"),
    [
        (0.025, "spiegelhalter", (0.66, 1.54), 3.7),
        (0.001, "spiegelhalter", (0.55, 3.42), 57),
        (0.025, "midp", (0.79, 0.93), 1.6),
        (0.001, "midp", (0.76, 0.86), 1.8),
        (0.025, "exact_tail", (0.66, 0.70), 1),
        (0.001, "exact_tail", (0.55, 0.60), 1),
    ],
)
def test_average_false_alarm_rates_stated_in_the_module(tail, method, means, worst):
    sizes_used = [10, 20, 30, 50, 100, 200, 500, 1000]
    rates = pd.concat(
        [realised_tail_probabilities(t, sizes_used, tail, method) for t in (0.083, 0.207, 0.349, 0.612, 0.75)]
    )
    ratios = rates[["lower_tail", "upper_tail"]] / tail
    assert ratios.mean().tolist() == pytest.approx(means, abs=0.0051)
    assert ratios.max(axis=None) <= worst


@given(targets, sizes)
def test_realised_tails_are_sums_over_all_counts(target, n):
    limits = binomial_limits(target, n, 0.025, "normal").loc[0]
    rates = realised_tail_probabilities(target, n, 0.025, "normal").loc[0]
    x = np.arange(n + 1)
    pmf = stats.binom.pmf(x, n, target)
    assert rates["lower_tail"] == pytest.approx(pmf[x / n < limits["lower"] - 1e-12].sum(), abs=1e-10)
    assert rates["upper_tail"] == pytest.approx(pmf[x / n > limits["upper"] + 1e-12].sum(), abs=1e-10)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), targets)
def test_classification_is_symmetric_under_counting_the_others(count, target):
    x, n = count
    here, mirror = classify(x, n, target).loc[0], classify(n - x, n, 1 - target).loc[0]
    assert here["z"] == pytest.approx(-mirror["z"], abs=1e-6) or min(abs(here["z"]), abs(mirror["z"])) > 37
    assert here["tail_probability"] == pytest.approx(mirror["tail_probability"], rel=1e-6, abs=1e-300)
    if abs(here["tail_probability"] - 0.025) > 1e-6 and abs(here["tail_probability"] - 0.001) > 1e-6:
        assert here["level"] == mirror["level"]
        swap = {"higher": "lower", "lower": "higher", "none": "none"}
        assert here["direction"] == swap[mirror["direction"]]


def test_levels_directions_and_empty_providers():
    table = classify([0, 3, 9, 16, 20], [0, 100, 100, 100, 100], 0.083, higher_is="better")
    assert table["level"].tolist() == ["not_assessed", "alert", "within", "alert", "alarm"]
    assert table["direction"].tolist() == ["none", "worse", "none", "better", "better"]
    assert table.loc[0, ["proportion", "z", "tail_probability"]].isna().all()
    assert classify([20], [100], 0.083, higher_is="worse")["direction"].tolist() == ["worse"]


def test_level_follows_the_tail_probability_not_a_rounded_z():
    just_inside = stats.norm.isf(0.0010001)
    table = classify_z([just_inside, stats.norm.isf(0.0009999), np.nan])
    assert table["level"].tolist() == ["alert", "alarm", "not_assessed"]
    assert classify_z([3.05], tails=(0.02275, 0.00135))["level"].tolist() == ["alarm"]  # three standard deviations


def test_three_standard_deviations_and_998_are_parameters():
    table = classify([17], [100], 0.083, tails=(0.025, 0.001))
    looser = classify([17], [100], 0.083, tails=(0.025, 0.005))
    assert (table["level"].iloc[0], looser["level"].iloc[0]) == ("alert", "alarm")


def test_a_series_keeps_its_index():
    table = classify(pd.Series([1, 2], index=["a", "b"]), pd.Series([10, 10], index=["a", "b"]), 0.2)
    assert table.index.tolist() == ["a", "b"]
    assert table["z"].notna().all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: binomial_limits(8.3, 10, 0.025), "target is 8.3"),
        (lambda: binomial_limits(0.2, [10, 0], 0.025), r"n\[1\] is 0"),
        (lambda: binomial_limits(0.2, 10, 0.975), "tail is 0.975"),
        (lambda: binomial_limits(0.2, 10, 0.025, "exact"), "allowed"),
        (lambda: classify(11, 10, 0.2), r"x\[0\] is 11, more than n\[0\] = 10"),
        (lambda: classify(-1, 10, 0.2), r"x\[0\] is -1"),
        (lambda: classify(1, 10, 0.2, higher_is="good"), "allowed"),
        (lambda: classify(1, 10, 0.2, tails=(0.001, 0.025)), "must be smaller"),
        (lambda: overdispersion([1.0, np.nan], 1.0, 0.0), r"y\[1\] is nan"),
        (lambda: overdispersion([1.0, 2.0], [1.0, 0.0], 0.0), r"std_error\[1\] is 0"),
        (lambda: overdispersion([1.0], 1.0, 0.0), "at least two"),
        (lambda: overdispersion([1.0, 2.0], 1.0, 0.0, winsorise=0.5), "winsorise is 0.5"),
    ],
)
def test_what_is_not_allowed_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_overdispersion_finds_the_variance_it_is_given():
    rng = np.random.default_rng(2)
    std_error = rng.uniform(0.05, 0.3, 4000)
    y = rng.normal(1.0, np.sqrt(std_error**2 + 0.04))
    result = overdispersion(y, std_error, 1.0, winsorise=0.0)
    assert result.tau2 == pytest.approx(0.04, rel=0.1)
    assert np.var((y - 1.0) / np.sqrt(std_error**2 + result.tau2)) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("tau", [0.0, 0.05, 0.1, 0.2])
def test_paule_mandel_finds_the_spread_that_winsorising_makes_too_small(tau):
    # 124 organisations of 15 to 300 people on the arcsine scale; 200 sets, so a Monte Carlo error of about 1%
    std_error = 0.5 / np.sqrt(np.random.default_rng(8).integers(15, 300, 124))
    found = simulate_spread(std_error, tau)
    assert found["winsorised"] < (0.002 if tau == 0 else 0.85 * tau)
    assert found["paule_mandel"] == pytest.approx(tau, rel=0.03, abs=0.012)


def test_paule_mandel_solves_its_equation():
    y, std_error = np.array([0.3, -0.2, 0.1, -0.4]), np.array([0.1, 0.1, 0.2, 0.05])
    found = overdispersion(y, std_error, 0.05, estimator="paule_mandel")
    assert ((y - 0.05) ** 2 / (std_error**2 + found.tau2)).sum() == pytest.approx(4)
    assert overdispersion(y, std_error * 100, 0.05, estimator="paule_mandel").tau2 == 0


def test_the_mean_square_of_winsorised_scores_is_exact():
    z = np.linspace(-9, 9, 400_001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    for share in (0.05, 0.1, 0.2):
        cut = stats.norm.isf(share)
        integral = np.trapezoid(np.clip(z, -cut, cut) ** 2 * density, z)
        assert null_mean_square(share) == pytest.approx(integral, abs=1e-9)


def test_winsorising_biases_phi_down_under_the_null():
    rng = np.random.default_rng(3)
    result = overdispersion(rng.normal(size=20000), 1.0, 0.0)
    assert result.phi == pytest.approx(0.6787, abs=0.02)  # variance of a normal winsorised at 10% (integration)
    assert result.tau2 == 0


def test_two_halves_of_a_whole_are_equally_far_from_it():
    table = classify([30, 10], [60, 60], 40 / 120, everyone=120)
    assert table["z"].sum() == pytest.approx(0, abs=1e-9)
    # each half of the probability of this table and of all more extreme ones: Fisher's exact test, mid-P
    below = stats.hypergeom(120, 40, 60)
    assert table["tail_probability"].to_numpy() == pytest.approx(below.cdf(9) + below.pmf(10) / 2)


def test_a_provider_in_its_own_target_is_judged_at_the_nominal_rate():
    rng = np.random.default_rng(4)
    sizes, z, alone = np.array([40, 60, 80, 120]), [], []
    for _ in range(800):
        x = rng.binomial(sizes, 0.4)
        z.append(classify(x, sizes, x.sum() / 300, everyone=300)["z"].to_numpy())
        alone.append(classify(x, sizes, x.sum() / 300)["z"].to_numpy())
    assert (np.array(z) ** 2).mean() == pytest.approx(1, abs=0.06)  # 3,200 values, three of each four independent
    assert (np.array(alone) ** 2).mean() < 0.8


def test_limits_of_a_part_agree_with_its_classification():
    n, everyone, target = 50, 200, 0.3
    limits = binomial_limits(target, n, 0.025, everyone=everyone).loc[0]
    x = np.arange(n + 1)
    outside = (x / n < limits["lower"]) | (x / n > limits["upper"])
    levels = classify(x, np.full(n + 1, n), target, everyone=everyone)["level"]
    assert (outside == (levels != "within").to_numpy()).all()
    wide = binomial_limits(target, n, 0.025).loc[0]
    assert limits["upper"] - limits["lower"] < 0.92 * (wide["upper"] - wide["lower"])


def test_fewer_people_in_all_than_in_one_provider_are_refused():
    with pytest.raises(ValueError, match="fewer than the 60 people"):
        classify([30], [60], 0.5, everyone=59)
    with pytest.raises(ValueError, match="normal"):
        binomial_limits(0.5, 60, 0.025, "normal", everyone=100)


def test_z_is_finite_however_improbable_a_count_is():
    found = classify([500, 0, 2000], [500, 100_000, 2000], 0.05)
    assert np.isfinite(found["z"]).all() and found["level"].tolist() == ["alarm"] * 3
