import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from naome.stats.cox import PartialLikelihood, fit_cox
from naome.stats.design import build_design, restricted_cubic_spline
from naome.stats.risk_adjustment import fit_expected


@pytest.fixture
def tied():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(120, 2)) * [1, 40] + [0, 1000]
    entry = rng.integers(0, 4, 120)
    duration = entry + rng.integers(1, 9, 120)
    return x, duration, rng.random(120) < 0.6, entry, rng.integers(0, 3, 120)


def slow_log_likelihood(coef, x, duration, event, entry, strata, efron):
    total = 0.0
    for s in np.unique(strata):
        for t in np.unique(duration[event & (strata == s)]):
            risk = np.exp(x @ coef)
            at_risk = risk[(strata == s) & (entry < t) & (duration >= t)].sum()
            tied = (strata == s) & event & (duration == t)
            d = tied.sum()
            total += (x @ coef)[tied].sum()
            for k in range(d):
                total -= np.log(at_risk - (k / d * risk[tied].sum() if efron else 0))
    return total


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_fit_maximises_the_likelihood_as_written(tied, ties):
    x, duration, event, entry, strata = tied
    fit = fit_cox(x, duration, event, entry=entry, strata=strata, ties=ties)
    scale = x.std(axis=0)

    def negative(b):
        return -slow_log_likelihood(b / scale, x - x.mean(axis=0), duration, event, entry, strata, ties == "efron")

    found = optimize.minimize(negative, np.zeros(2), method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose(fit.coef * scale, found.x, atol=1e-5)
    # the constant x.mean() b drops out of a partial likelihood
    assert fit.log_likelihood == pytest.approx(-found.fun, abs=1e-8)


def test_information_is_the_curvature(tied):
    x, duration, event, entry, strata = tied
    likelihood = PartialLikelihood(x, duration, event, entry=entry, strata=strata)
    at, h = np.array([0.3, -0.2]), 1e-4
    information = likelihood.information(likelihood.parts(at))
    for i in range(2):
        for j in range(2):
            e, f = np.eye(2)[i] * h, np.eye(2)[j] * h
            values = [likelihood.value(at + a * e + b * f) * a * b for a in (1, -1) for b in (1, -1)]
            assert information[i, j] == pytest.approx(-sum(values) / (4 * h * h), rel=1e-3, abs=1e-3)


def test_coefficients_do_not_care_for_location_and_scale(tied):
    x, duration, event, _, _ = tied
    plain, moved = fit_cox(x, duration, event), fit_cox(x * 10 + 5, duration, event)
    np.testing.assert_allclose(moved.coef * 10, plain.coef, rtol=1e-8)
    at = np.array([2.0, 5.0])
    np.testing.assert_allclose(moved.survival(x * 10 + 5, at), plain.survival(x, at), atol=1e-10)


def test_recovers_a_known_hazard_ratio():
    rng = np.random.default_rng(11)
    x = rng.normal(size=(20000, 2))
    death = rng.exponential(1 / np.exp(x @ [0.5, -0.3]))
    censoring = rng.uniform(0.2, 2, 20000)
    fit = fit_cox(x, np.minimum(death, censoring), death <= censoring)
    assert (np.abs(fit.coef - [0.5, -0.3]) < 3 * fit.table()["std_error"]).all()
    assert fit.cumulative_hazard([[0.0, 0.0]], 1.0)[0] == pytest.approx(1.0, abs=0.05)


def test_breslow_expected_deaths_add_up(tied):
    x, duration, event, entry, _ = tied
    fit = fit_cox(x, duration, event, entry=entry, ties="breslow")
    expected = fit.cumulative_hazard(x, duration) - fit.cumulative_hazard(x, entry)
    assert expected.sum() == pytest.approx(event.sum())


def test_strata_have_their_own_baseline(tied):
    x, duration, event, _, strata = tied
    labels = np.array(["a", "b", "c"])[strata]
    fit = fit_cox(x[:, :0], duration, event, strata=labels)
    alone = fit_cox(x[strata == 1, :0], duration[strata == 1], event[strata == 1])
    nobody = np.zeros((1, 0))
    assert fit.cumulative_hazard(nobody, 4.0, ["b"]) == pytest.approx(alone.cumulative_hazard(nobody, 4.0))
    with pytest.raises(ValueError, match=r"strata\[0\] is 'z'"):
        fit.cumulative_hazard(nobody, 4.0, ["z"])
    with pytest.raises(ValueError, match="stratified"):
        fit.cumulative_hazard(nobody, 4.0)


def test_a_level_without_deaths_warns_and_still_predicts():
    rng = np.random.default_rng(1)
    x = np.r_[np.zeros(100), np.ones(20)]
    event = np.r_[rng.random(100) < 0.5, np.zeros(20, dtype=bool)]
    with pytest.warns(UserWarning, match="no finite estimate for 'x0'"):
        fit = fit_cox(x, rng.exponential(size=120), event)
    assert fit.survival([[1.0]], [1.0])[0, 0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1.0, 2], [2, 4], [3, 6], [5, 10]], "combination of the others"),
        ([[1.0, 2], [1, 4], [1, 5], [1, 9]], "'x0' is the same for everyone"),
        ([[1.0, np.nan], [2, 4], [3, 6], [5, 1]], "'x1' is nan in row 0"),
    ],
)
def test_columns_that_cannot_be_fitted_are_named(x, message):
    with pytest.raises(ValueError, match=message):
        fit_cox(x, [1, 2, 3, 4], [1, 1, 1, 0])


def test_columns_that_say_nothing_within_strata_are_named():
    rng = np.random.default_rng(4)
    centre = np.repeat([0.0, 1.0], 30)
    x = np.c_[rng.normal(size=60), centre]
    with pytest.raises(ValueError, match="'x1' never varies among the people at risk at a death"):
        fit_cox(x, rng.exponential(size=60), np.ones(60), strata=centre)
    # the sum of the first two, but for what is constant in a stratum
    x = np.c_[rng.normal(size=(60, 2)), np.zeros(60)]
    x[:, 2] = x[:, 0] + x[:, 1] + 5 * centre
    with pytest.raises(ValueError, match="combination of the others among the people at risk"):
        fit_cox(x, rng.exponential(size=60), np.ones(60), strata=centre)
    # differs only among people who leave before the first death
    x = np.c_[rng.normal(size=60), np.r_[np.ones(3), np.zeros(57)]]
    with pytest.raises(ValueError, match="'x1' never varies"):
        fit_cox(x, np.r_[0.1, 0.1, 0.1, 1 + rng.exponential(size=57)], np.r_[np.zeros(3), np.ones(57)])


def test_covariates_far_from_zero_do_not_overflow():
    """A calendar year with a strong effect: the hazard at year 0 is no number, survival in this century is."""
    rng = np.random.default_rng(5)
    year = rng.integers(2015, 2022, 400).astype(float)
    frame = pd.DataFrame({"t": rng.exponential(np.exp(0.8 * (year - 2018))), "d": 1, "year": year, "off": year - 2018})
    far = fit_expected(frame, duration="t", event="d", covariates=["year"])
    near = fit_expected(frame, duration="t", event="d", covariates=["off"])
    np.testing.assert_allclose(
        far.expected_survival(frame, [0.5, 2]), near.expected_survival(frame, [0.5, 2]), atol=1e-9
    )
    np.testing.assert_allclose(far.expected_hazard(frame, 2.0), near.expected_hazard(frame, 2.0), atol=1e-9)
    assert np.isfinite(far.expected_hazard(frame, np.inf)).all()


def test_times_that_differ_by_rounding_are_tied():
    rng = np.random.default_rng(6)
    months = rng.integers(1, 300, 300)
    start = rng.integers(25, 90, 300)
    x, event = rng.normal(size=300), rng.random(300) < 0.6
    exact = fit_cox(x, start * 12.0 + months, event, entry=start * 12.0)
    years = fit_cox(x, start + months / 12, event, entry=start.astype(float))
    assert len(np.unique(start + months / 12)) > len(np.unique(start * 12 + months))
    assert years.coef[0] == pytest.approx(exact.coef[0], abs=1e-9)
    with pytest.raises(ValueError, match="entry must be less than duration"):
        fit_cox(x, start + months / 12, event, entry=start + months / 12 - 1e-12)


def test_nobody_died():
    with pytest.raises(ValueError, match="at least one death"):
        fit_cox([[1.0], [2.0]], [1, 2], [0, 0])


def test_design_columns_and_names():
    frame = pd.DataFrame(
        {
            "age": np.arange(40, 80.0),
            "size": pd.Categorical(["s", "m"] * 20, categories=["s", "m", "l"]),
            "er": [True, False] * 20,
            "site": ["b", "a"] * 20,
        }
    )
    design = build_design(frame, ["rcs(age, 3)", "size", "er", "site"])
    assert design.names == ["age", "age'", "size[m]", "er", "site[b]"]
    row = design.matrix(frame).iloc[0]
    assert row[["size[m]", "er", "site[b]"]].tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="'size' is 'l' in row 0"):
        design.matrix(frame.assign(size="l"))


@pytest.mark.parametrize(
    ("covariates", "message"),
    [
        (["ages"], "'ages' is not a column"),
        ("age", "give a list"),
        (["age", "rcs(age, 4)"], "more than once"),
        (["rcs(age, 9)"], "number of knots"),
        (["rcs(er, 4)"], "coincide"),
        (["gap"], "'gap' is missing in 1 of 20 rows"),
        (["one"], "for everyone"),
        (["rcs(text, 4)"], "not numeric"),
    ],
)
def test_covariates_that_cannot_be_used_are_named(covariates, message):
    frame = pd.DataFrame({"age": range(20), "er": [0, 1] * 10, "one": "x", "text": list("ab") * 10})
    frame["gap"] = np.r_[np.nan, np.ones(19)]
    with pytest.raises(ValueError, match=message):
        build_design(frame, covariates)


def test_spline_is_linear_outside_and_smooth_inside():
    knots = [1.0, 2.0, 4.0, 7.0]
    x = np.linspace(-2, 10, 2401)
    basis = restricted_cubic_spline(x, knots)
    second = np.diff(basis, 2, axis=0) / (x[1] - x[0]) ** 2
    outside = (x[1:-1] < 0.99) | (x[1:-1] > 7.01)
    assert np.abs(second[outside]).max() < 1e-6
    assert np.abs(np.diff(second, axis=0)).max() < 0.02  # no jump in curvature
    assert basis.shape == (2401, 3)


def test_no_warning_on_ordinary_data(tied):
    x, duration, event, _, _ = tied
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_cox(x, duration, event)


def test_limits_of_coefficients_are_a_normal_quantile_on_either_side():
    rng = np.random.default_rng(4)
    table = fit_cox(rng.normal(size=(60, 2)), rng.exponential(size=60), np.ones(60)).table(0.9)
    for limit, sign in (("lower", -1), ("upper", 1)):
        wanted = table["coef"] + sign * 1.6448536269514722 * table["std_error"]
        np.testing.assert_allclose(table[limit], wanted, rtol=1e-12)
