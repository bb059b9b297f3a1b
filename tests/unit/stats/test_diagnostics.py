import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from naome.stats.concordance import concordance, uno_concordance
from naome.stats.cox import fit_cox
from naome.stats.diagnostics import (
    calibration,
    calibration_summary,
    cox_zph,
    schoenfeld_residuals,
    schoenfeld_smooth,
)
from naome.stats.provider_variation import provider_variation
from naome.stats.spc import simulate_charts, xmr_chart


def make_patients(seed, n=2000, changing=False):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), (rng.random(n) < 0.4).astype(float)
    target = rng.exponential(size=n) / np.exp(0.4 * y)
    # with `changing`, the effect of x is 1 before time 0.5 and 0 after
    early = np.exp(x) if changing else np.exp(0.5 * x)
    late = np.ones(n) if changing else early
    death = np.where(target <= 0.5 * early, target / early, 0.5 + (target - 0.5 * early) / late)
    censoring = rng.uniform(0.5, 2.5, n)
    return pd.DataFrame({"t": np.minimum(death, censoring), "d": death <= censoring, "x": x, "y": y})


ARGUMENTS = {"duration": "t", "event": "d", "covariates": ["x", "y"]}


def test_score_test_holds_its_level_and_finds_a_changing_effect():
    p = [cox_zph(make_patients(seed, n=300), **ARGUMENTS)["p_value"] for seed in range(150)]
    assert (np.array(p) < 0.05).mean(axis=0) == pytest.approx(0.05, abs=0.045)
    table = cox_zph(make_patients(1, changing=True), **ARGUMENTS).set_index("term")
    assert table.loc["x", "p_value"] < 1e-6
    assert table.loc["y", "p_value"] > 1e-3
    assert table.loc["GLOBAL", "df"] == 2


def test_score_test_does_not_care_for_scale_and_takes_entry_and_strata():
    frame = make_patients(2).assign(entry=0.0, group=lambda f: np.arange(len(f)) % 3)
    plain = cox_zph(frame, **ARGUMENTS)
    moved = cox_zph(frame.assign(x=frame["x"] * 100 + 7), **ARGUMENTS)
    np.testing.assert_allclose(plain["chi_squared"], moved["chi_squared"], rtol=1e-7)
    same = cox_zph(frame.assign(entry=-1.0), entry="entry", **ARGUMENTS)
    np.testing.assert_allclose(plain["chi_squared"], same["chi_squared"], rtol=1e-9)
    assert (cox_zph(frame, strata="group", **ARGUMENTS)["p_value"] > 0).all()
    with pytest.raises(ValueError, match="allowed"):
        cox_zph(frame, transform="sqrt", **ARGUMENTS)


def test_scaled_residuals_average_to_the_coefficient_and_show_its_course():
    frame = make_patients(3, n=4000, changing=True)
    residuals = schoenfeld_residuals(frame, transform="identity", **ARGUMENTS)
    coef = fit_cox(frame[["x", "y"]], frame["t"], frame["d"]).coef
    means = residuals.groupby("term", sort=False)["scaled_residual"].mean()
    np.testing.assert_allclose(means, coef, atol=1e-8)
    smooth = schoenfeld_smooth(residuals).query("term == 'x'")
    early, late = (smooth["time"] < 0.3), (smooth["time"] > 1.0)
    assert smooth.loc[early, "estimate"].mean() > 0.7
    assert abs(smooth.loc[late, "estimate"].mean()) < 0.35
    assert (smooth["lower"] < smooth["upper"]).all()


def test_calibration_of_a_right_and_a_wrong_model():
    frame = make_patients(4, n=8000)
    truth = np.exp(-np.exp(0.5 * frame["x"] + 0.4 * frame["y"]))
    table = calibration(frame["t"], frame["d"], truth, at=1.0)
    assert table["n"].sum() == 8000
    assert ((table["lower"] <= table["predicted"]) & (table["predicted"] <= table["upper"])).sum() >= 8
    assert (np.diff(table["predicted"]) > 0).all()
    summary = calibration_summary(frame["t"], frame["d"], truth, at=1.0).loc[0]
    assert summary["slope"] == pytest.approx(1, abs=0.1)
    assert abs(summary["difference"]) < 0.02
    extreme = np.exp(-np.exp(2 * (0.5 * frame["x"] + 0.4 * frame["y"])))
    assert calibration_summary(frame["t"], frame["d"], extreme, at=1.0).loc[0, "slope_upper"] < 0.7
    with pytest.raises(ValueError, match=r"predicted\[0\] is 1.5"):
        calibration([1, 2], [1, 1], [1.5, 0.5], at=1, groups=2)


@given(
    st.integers(2, 40).flatmap(
        lambda n: st.tuples(
            hnp.arrays(float, n, elements=st.integers(1, 8)),
            hnp.arrays(bool, n),
            hnp.arrays(float, n, elements=st.integers(-3, 3)),
        )
    )
)
@settings(max_examples=200)
def test_concordance_counts_every_pair(data):
    duration, event, risk = data
    concordant = discordant = tied = 0
    for i in range(len(duration)):
        for j in range(len(duration)):
            later = duration[j] > duration[i] or (duration[j] == duration[i] and not event[j])
            if i != j and event[i] and later:
                concordant += risk[i] > risk[j]
                discordant += risk[i] < risk[j]
                tied += risk[i] == risk[j]
    if concordant + discordant + tied == 0:
        with pytest.raises(ValueError, match="no pair"):
            concordance(duration, event, risk)
        return
    row = concordance(duration, event, risk).loc[0]
    assert (row["concordant"], row["discordant"], row["tied_risk"]) == (concordant, discordant, tied)
    assert row["concordance"] == pytest.approx((concordant + tied / 2) / (concordant + discordant + tied))


def test_bootstrap_takes_off_the_optimism_of_noise():
    rng = np.random.default_rng(6)
    x, t = rng.normal(size=(80, 8)), rng.exponential(size=80)
    fit = fit_cox(x, t, np.ones(80))
    row = concordance(t, np.ones(80), x @ fit.coef, covariates=x, bootstrap=60, seed=1).loc[0]
    assert row["concordance"] > 0.57
    assert row["corrected"] == pytest.approx(0.5, abs=0.05)  # there is nothing to find
    again = concordance(t, np.ones(80), x @ fit.coef, covariates=x, bootstrap=60, seed=1).loc[0]
    assert again.equals(row)
    with pytest.raises(ValueError, match="covariates and a seed"):
        concordance(t, np.ones(80), x @ fit.coef, bootstrap=5)


def test_chart_limits_by_hand():
    chart = xmr_chart([10, 14, 12, 16])
    mean_range = (4 + 2 + 4) / 3
    assert chart["centre"].unique().tolist() == [13]
    assert chart["upper"].iloc[0] == pytest.approx(13 + 2.66 * mean_range)
    assert chart["lower"].iloc[0] == pytest.approx(13 - 2.66 * mean_range)
    assert chart["moving_range_limit"].iloc[0] == pytest.approx(3.267 * mean_range)
    assert np.isnan(chart["moving_range"].iloc[0])
    assert not chart["special_cause"].any()


def test_a_single_point_outside():
    chart = xmr_chart([10, 12, 11, 10, 12, 11, 10, 40], baseline=7)
    assert chart["outside_limits"].tolist() == [False] * 7 + [True]
    assert chart["signal"].iloc[-1] == "high"


@pytest.mark.parametrize(("length", "expected"), [(6, 0), (7, 7), (8, 8)])
def test_a_run_is_seven_on_one_side(length, expected):
    values = [12, 10] * 6 + [11.1, 11.2, 11.1, 11.2, 11.1, 11.2, 11.1, 11.2][:length]
    chart = xmr_chart([*values, 10.9], baseline=12)
    assert chart["run"].sum() == expected


@pytest.mark.parametrize(("length", "expected"), [(6, 0), (7, 7), (8, 8)])
def test_a_trend_is_seven_rising_or_falling(length, expected):
    # starts at the centre line's other side so that no run comes in
    values = [10, 12] * 6 + list(np.linspace(9.5, 12.2, length)) + [11.0]
    for chart, word in [
        (xmr_chart(values, baseline=12), "high"),
        (xmr_chart([-v for v in values], baseline=12), "low"),
    ]:
        assert chart["trend"].sum() == expected
        if expected:
            assert chart.loc[chart["trend"], "signal"].iloc[-1] == word


def test_equal_values_break_a_trend_and_a_point_on_the_centre_breaks_a_run():
    assert not xmr_chart([1, 2, 3, 4, 4, 5, 6, 7, 0, 9])["trend"].any()
    values = [12, 10] * 6 + [11.1, 11.2, 11.1, 11.0, 11.1, 11.2, 11.1, 10.9]
    assert not xmr_chart(values, baseline=12)["run"].any()


def test_two_of_three_near_a_limit():
    base = [10, 12] * 6  # centre 11, mean range 2, limits 5.68 and 16.32, outer third above 14.55
    chart = xmr_chart([*base, 15, 11, 15, 11, 11, 15, 11, 11, 7], baseline=12)
    assert chart["two_of_three"].tolist() == [False] * 12 + [
        True,
        False,
        True,
        False,
        False,
        False,
        False,
        False,
        False,
    ]
    assert not xmr_chart([*base, 15, 7, 11], baseline=12)["two_of_three"].any()  # opposite sides do not count


def test_the_side_of_a_point_goes_before_the_direction_of_a_trend():
    """Seven points rise below the centre and seven stay above it: the first are low although they rise."""
    chart = xmr_chart([1, 2, 3, 4, 5, 6, 7, *[20] * 7])
    assert chart["trend"].tolist() == [True] * 8 + [False] * 6 and chart["run"].all()
    assert chart["signal"].tolist() == ["low"] * 7 + ["high"] * 7


def test_constant_values_signal_nothing():
    assert not xmr_chart([0.1] * 12)["special_cause"].any()


@pytest.mark.parametrize(
    ("values", "baseline", "message"),
    [([1], None, "at least two"), ([1, np.nan, 2], None, r"values\[1\]"), ([1, 2, 3], 1, "baseline is 1")],
)
def test_charts_that_cannot_be_drawn(values, baseline, message):
    with pytest.raises(ValueError, match=message):
        xmr_chart(values, baseline=baseline)


def test_false_alarms_of_a_stable_process_are_rare():
    rng = np.random.default_rng(9)
    outside = [xmr_chart(rng.normal(size=24))["outside_limits"].mean() for _ in range(300)]
    assert np.mean(outside) < 0.01


def test_charts_without_any_change_are_marked_more_often_the_longer_and_the_nearer_to_all():
    """What the page says of chance: the share of charts on which a constant proportion breaks a rule."""
    table = simulate_charts(charts=600, seed=3)
    usual, longer, near = table["marked"]
    assert table["points"].tolist() == [12, 28, 12] and table["proportion"].tolist() == [0.6, 0.6, 0.999]
    assert 0.02 < usual < 0.08 and 0.12 < longer < 0.28 and 0.1 < near < 0.25
    drawn = np.random.default_rng([3, 0]).binomial(1000, 0.6, (600, 12)) / 1000
    assert usual == np.mean([xmr_chart(values)["signal"].ne("none").any() for values in drawn])


def test_variation_is_found_and_its_interval_covers():
    covered, estimates = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        n = rng.integers(30, 200, 60)
        x = rng.binomial(n, 1 / (1 + np.exp(-(-0.4 + 0.5 * rng.normal(size=60)))))
        row = provider_variation(x, n).loc[0]
        covered.append(row["variance_lower"] <= 0.25 <= row["variance_upper"])
        estimates.append(row["variance"])
    assert np.mean(estimates) == pytest.approx(0.25, abs=0.06)
    assert np.mean(covered) >= 0.75
    assert row["median_odds_ratio"] == pytest.approx(np.exp(np.sqrt(2 * row["variance"]) * 0.6744897502))
    assert row["mor_lower"] < row["median_odds_ratio"] < row["mor_upper"]


def test_likelihood_agrees_with_brute_force_integration():
    from scipy import integrate, special, stats

    from naome.stats.provider_variation import _log_likelihood

    x, n, mean, sd = np.array([0.0, 30, 200]), np.array([20.0, 100, 210]), -0.3, 0.8
    slow = 0.0
    for a, b in zip(x, n, strict=True):

        def f(u, a=a, b=b):
            return special.expit(mean + sd * u) ** a * special.expit(-mean - sd * u) ** (b - a) * stats.norm.pdf(u)

        mode = np.linspace(-9, 9, 4001)[np.argmax(f(np.linspace(-9, 9, 4001)))]
        slow += np.log(integrate.quad(f, mode - 4, mode + 4, epsabs=0, epsrel=1e-10, limit=300)[0])
    assert _log_likelihood(x, n, np.full(3, mean), sd) == pytest.approx(slow, abs=1e-4)


def test_no_variation_beyond_chance():
    row = provider_variation([30, 60, 90], [100, 200, 300]).loc[0]
    assert row[["variance", "variance_lower", "share_beyond_chance"]].tolist() == [0, 0, 0]
    assert row["median_odds_ratio"] == 1
    assert row["p_value"] == 1


@pytest.mark.parametrize(
    ("x", "n", "message"),
    [
        ([1], [10], "at least two"),
        ([0, 0], [10, 10], "no variation to speak of"),
        ([11, 0], [10, 10], r"x\[0\] is 11"),
    ],
)
def test_variation_refuses(x, n, message):
    with pytest.raises(ValueError, match=message):
        provider_variation(x, n)


def test_variation_is_the_maximum_of_the_likelihood_with_unequal_numbers():
    """The maximum over intercept and standard deviation together, by another integral and another search."""
    from scipy import optimize, special

    x, n = np.array([4, 50, 9, 15, 26]), np.array([50, 120, 70, 40, 150])
    node, weight = np.polynomial.hermite_e.hermegauss(120)

    def minus_log_likelihood(at):
        eta = at[0] + np.exp(at[1]) * node[None, :]
        likelihood = special.expit(eta) ** x[:, None] * special.expit(-eta) ** (n - x)[:, None] @ weight
        return -np.log(likelihood / np.sqrt(2 * np.pi)).sum()

    best = optimize.minimize(minus_log_likelihood, [-1.2, -0.7], method="Nelder-Mead", options={"xatol": 1e-7}).x
    row = provider_variation(x, n).loc[0]
    assert row["variance"] == pytest.approx(np.exp(2 * best[1]), rel=1e-3)
    assert row["proportion"] == pytest.approx(special.expit(best[0]), rel=1e-4)
    middle = optimize.minimize_scalar(lambda mean: minus_log_likelihood([mean, -30.0])).x
    p = special.expit(middle)
    information = n * p * (1 - p)  # of each provider's log odds
    typical = 4 * information.sum() / (information.sum() ** 2 - (information**2).sum())  # Higgins & Thompson 2002
    assert row["share_beyond_chance"] == pytest.approx(row["variance"] / (row["variance"] + typical), rel=1e-6)


def test_limits_of_concordance_are_a_normal_quantile_away_and_stay_inside():
    rng = np.random.default_rng(3)
    time, risk = rng.exponential(size=80), rng.normal(size=80)
    for table in (concordance(time, np.ones(80), risk), uno_concordance(time, np.ones(80), risk, at=9.0)):
        row = table.iloc[0]
        limits = row["concordance"] + np.array([-1, 1]) * 1.959963984540054 * row["std_error"]
        assert row[["lower", "upper"]].tolist() == pytest.approx(limits.tolist(), abs=1e-12)
    for risk, end, limit in (([1.0, 2, 4, 3], 0, "lower"), ([4.0, 3, 1, 2], 1, "upper")):
        four = concordance([1, 2, 3, 4], np.ones(4), risk), uno_concordance([1, 2, 3, 4], np.ones(4), risk, at=9.0)
        assert [each[limit].iloc[0] for each in four] == [end, end]
        assert [each["concordance"].iloc[0] for each in four] == pytest.approx([1 / 6 + end * 2 / 3] * 2)


@pytest.mark.parametrize(
    ("duration", "risk"),
    [([1, 2], [2.0, 1.0]), ([1, 2], [1.0, 2.0]), ([1, 2, 3, 4], [5.0] * 4), (range(1, 41), -np.arange(40.0))],
)
def test_where_all_pairs_agree_concordance_has_no_standard_error(duration, risk):
    event = np.ones(len(duration))
    for table in (concordance(duration, event, risk), uno_concordance(duration, event, risk, at=max(duration))):
        assert table[["std_error", "lower", "upper"]].isna().all(axis=None) and table["concordance"].notna().all()


def test_a_death_on_the_day_of_the_time_point_counts_for_the_slope():
    rng = np.random.default_rng(2)
    x = rng.normal(size=300)
    time = np.ceil(4 * rng.exponential(1 / np.exp(x)))  # many die at 1, 2, ...
    predicted = np.exp(-0.25 * np.exp(x))
    table = calibration_summary(time, np.ones(300), predicted, at=2.0)
    later = calibration_summary(time, np.ones(300), predicted, at=2.5)  # between two deaths: the same people have died
    assert table["slope"].iloc[0] == pytest.approx(later["slope"].iloc[0], rel=1e-9)


@pytest.mark.parametrize("at", [0, -1, 7.5])
def test_calibration_at_no_time_or_after_the_last_is_refused(at):
    with pytest.raises(ValueError, match="allowed: above 0, up to the last follow-up time 7"):
        calibration_summary([1.0, 4, 7], [1, 1, 1], [0.5, 0.6, 0.7], at=at)


def test_two_points_are_a_baseline():
    chart = xmr_chart([10.0, 12, 11, 30], baseline=2)
    assert chart["centre"].tolist() == [11.0] * 4 and chart["outside_limits"].tolist() == [False] * 3 + [True]


def test_nobody_dead_in_a_group_is_no_certainty():
    """20 people, none of the better half dead by t: the limit of 10 out of 10, and not an interval of no width."""
    table = calibration(range(1, 21), [1] * 20, np.linspace(0, 1, 20), at=10, groups=2)
    assert table["observed"].tolist() == pytest.approx([0, 1])
    assert table["std_error"].isna().all()
    assert table["lower"].tolist() == pytest.approx([0, 0.025**0.1])
    assert table["upper"].tolist() == pytest.approx([1 - 0.025**0.1, 1])


def test_all_or_nothing_of_one_person_each_is_no_share_beyond_chance():
    """Chance alone gives each of them all or nothing."""
    row = provider_variation([1, 0, 1, 0], [1, 1, 1, 1]).loc[0]
    assert np.isnan(row["share_beyond_chance"]) and row["p_value"] > 0.4


@pytest.mark.parametrize("events", [[10, 0, 10, 0], [0, 10], [10, 10, 0]])
def test_all_or_nothing_has_no_finite_variance(events):
    """The search ended at a standard deviation of 10: a median odds ratio of 13,887."""
    row = provider_variation(events, [10] * len(events)).loc[0]
    assert np.isnan(row["variance"]) and np.isnan(row["median_odds_ratio"])
    assert row["mor_lower"] > 5 and np.isnan(row["share_beyond_chance"]) and row["p_value"] < 0.01


def natural_basis(x, knots):
    """Natural cubic splines of Hastie, Tibshirani and Friedman (2009), eq. 5.4: the same curves, written otherwise."""

    def part(k):
        cubes = [np.maximum(x - knots[i], 0) ** 3 for i in (k, -1)]
        return (cubes[0] - cubes[1]) / (knots[-1] - knots[k])

    return np.column_stack([np.ones(len(x)), x, part(0) - part(-2), part(1) - part(-2)])


@pytest.mark.parametrize("n", [60, 10])
def test_the_smooth_and_its_limits_are_least_squares(n):
    rng = np.random.default_rng(n)
    x = np.sort(rng.random(n))
    y = np.sin(4 * x) + rng.normal(0, 0.3, n)
    residuals = pd.DataFrame({"term": "x", "time": 100 * x, "transformed_time": x, "scaled_residual": y})
    smooth = schoenfeld_smooth(residuals, points=7)
    knots, grid = np.quantile(x, [0.05, 0.35, 0.65, 0.95]), np.linspace(x[0], x[-1], 7)
    fit = sm.OLS(y, natural_basis(x, knots)).fit()
    mean = fit.get_prediction(natural_basis(grid, knots))
    assert smooth["estimate"].to_numpy() == pytest.approx(mean.predicted_mean, rel=1e-6)
    half_width = 1.959963984540054 * mean.se_mean
    assert (smooth["upper"] - smooth["estimate"]).to_numpy() == pytest.approx(half_width, rel=1e-6)
    assert (smooth["estimate"] - smooth["lower"]).to_numpy() == pytest.approx(half_width, rel=1e-6)
    assert smooth["time"].to_numpy() == pytest.approx(100 * grid)
    with pytest.raises(ValueError, match="9 deaths"):
        schoenfeld_smooth(residuals.iloc[:9])
