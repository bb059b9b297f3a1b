"""Scores of providers: variance of their own, own share in the expectation, skewness."""

import numpy as np
import pytest
from scipy import stats

from naome.stats.logistic import fit_logistic
from naome.stats.provider_score import explained_variance, gamma_tails, score_providers, third_moment


def draw(rng, sizes, survival):
    """Return residuals, expectations and codes of patients who are as the model says."""
    codes = np.repeat(np.arange(len(sizes)), sizes)
    expected = np.asarray(survival, dtype=float)[codes]
    return (rng.random(len(codes)) < expected) - expected, expected, codes


def test_scores_of_providers_that_differ_in_nothing_add_up_to_nothing():
    rng = np.random.default_rng(1)
    sizes = np.array([20, 30, 50, 80])
    residual, expected, codes = draw(rng, sizes, [0.5] * 4)
    table = score_providers(residual, expected, np.zeros((len(codes), 0)), codes)
    assert (table["z"] * table["std_error"] * sizes).sum() == pytest.approx(0, abs=1e-9)
    assert table["skewness"].to_numpy() == pytest.approx(0, abs=1e-12)


def test_a_provider_has_the_variance_of_its_own_patients():
    # 40 providers of 100: half with a good prognosis, half with a middling one; a pooled variance fits neither
    rng = np.random.default_rng(2)
    survival = np.repeat([0.95, 0.5], 20)
    z = []
    for _ in range(150):
        residual, expected, codes = draw(rng, [100] * 40, survival)
        z.append(score_providers(residual, expected, np.zeros((len(codes), 0)), codes)["z"].to_numpy())
    z = np.array(z)
    for half in (slice(0, 20), slice(20, 40)):  # 3,000 values: two Monte Carlo errors are 0.05
        assert (z[:, half] ** 2).mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("providers", [2, 4, 7])
def test_few_providers_are_not_hidden_by_their_share_of_the_expectation(providers):
    rng = np.random.default_rng(providers)
    z = []
    for _ in range(3000 // providers):
        codes = np.repeat(np.arange(providers), 60)
        dead = rng.random(len(codes)) < 0.4
        expected = np.full(len(codes), 1 - dead.mean())
        z.append(score_providers((1 - dead) - expected, expected, np.zeros((len(codes), 0)), codes)["z"].to_numpy())
    assert (np.array(z) ** 2).mean() == pytest.approx(1, abs=0.08)  # without the share: 1 - 1 / providers


@pytest.mark.filterwarnings("error")
def test_patients_of_whom_the_model_is_certain_do_not_overflow_the_third_moment():
    """Two items are the same, so that a direction of the model is nothing but rounding."""
    one = np.random.default_rng(3).normal(size=60)
    design, codes = np.column_stack([one, one, one**2]), np.repeat([0, 1, 2], 20)
    survival = np.append(np.full(3, 1e-280), np.full(57, 0.4))
    moment = third_moment(survival, design, codes)
    # the sum of S(1 - S)(2S - 1) of 20 patients, but for what the model explains of it
    assert (np.abs(moment) < 20 * 0.4 * 0.6 * 0.2).all()


def test_what_a_covariate_explains_of_a_provider_is_not_held_against_it():
    rng = np.random.default_rng(5)
    codes = np.repeat([0, 1, 2], 50)
    own, _ = explained_variance(np.full(150, 0.25), (codes == 0)[:, None].astype(float), codes)
    assert own[0] == pytest.approx(50 * 0.25)  # the covariate is the provider: nothing is left
    residual, expected, codes = draw(rng, [50] * 3, [0.6] * 3)
    table = score_providers(residual, expected, (codes == 0)[:, None].astype(float), codes)
    assert np.isnan(table.loc[0, "z"])
    assert table.loc[1:, "z"].notna().all()


def test_left_over_variance_counts_the_coefficients_of_the_model():
    x = np.random.default_rng(6).normal(size=(100, 4))
    _, left = explained_variance(np.full(100, 0.25), x, np.zeros(100, dtype=int))
    assert left == pytest.approx(0.25 * (100 - 5))


def test_covariates_of_any_size_give_the_same_scores():
    rng = np.random.default_rng(7)
    residual, expected, codes = draw(rng, [40] * 5, [0.7] * 5)
    x = rng.normal(size=(200, 2))
    plain = score_providers(residual, expected, x, codes)
    moved = score_providers(residual, expected, x * [1e-3, 1e4] + [2021, -5e6], codes)
    np.testing.assert_allclose(moved, plain, rtol=1e-7)


def test_tails_are_those_of_pearsons_third_type():
    z, skewness = np.array([-3.0, -1.0, 0.5, 3.0, 4.0]), np.array([0.3, -0.8, 1.2, 0.05, -0.4])
    below, above = gamma_tails(z, skewness)
    np.testing.assert_allclose(below, stats.pearson3.cdf(z, skewness), rtol=1e-9)
    np.testing.assert_allclose(above, stats.pearson3.sf(z, skewness), rtol=1e-9)
    np.testing.assert_allclose(gamma_tails([1.5], [0.0])[1], stats.norm.sf(1.5), rtol=1e-12)


def test_tails_of_small_providers_are_closer_to_the_exact_ones_than_normal_tails():
    n, p = 15, 0.12
    z = (np.arange(n + 1) - n * p) / np.sqrt(n * p * (1 - p))
    exact = stats.binom.sf(np.arange(n + 1), n, p) + stats.binom.pmf(np.arange(n + 1), n, p) / 2
    gamma = gamma_tails(z, np.full(n + 1, (1 - 2 * p) / np.sqrt(n * p * (1 - p))))[1]
    normal = stats.norm.sf(z)
    rare = slice(5, 8)  # tails of 0.03 to 0.0003
    assert (np.abs(np.log(gamma / exact))[rare] < 0.5).all()
    assert (np.abs(np.log(normal / exact))[rare] > 0.5).all()


def test_a_provider_where_everybody_died_has_a_finite_score():
    codes = np.repeat([0, 1, 2, 3], 200)
    dead = codes == 0
    expected = np.full(800, 0.75)
    z = score_providers((1 - dead) - expected, expected, np.zeros((800, 0)), codes)["z"]
    assert 10 < z[0] < 40
    assert np.isfinite(z).all()


def test_missing_scores_stay_missing():
    assert np.isnan(gamma_tails([np.nan, 1.0], [0.1, np.nan])).all()


def concentrate(rng, sizes, inside, elsewhere):
    """Return codes and a covariate of two levels that most patients of the first provider have."""
    codes = np.repeat(np.arange(len(sizes)), sizes)
    return codes, (rng.random(len(codes)) < np.where(codes == 0, inside, elsewhere)).astype(float)


@pytest.mark.parametrize(
    ("sizes", "inside", "elsewhere"), [([60] * 7, 0.97, 0.03), ([40, 40], 0.9, 0.1), ([30] * 7, 0.5, 0.5)]
)
def test_the_third_moment_is_that_of_what_a_fitted_model_leaves(sizes, inside, elsewhere):
    """Against the sum over patients written out, and against refitted logistic models."""
    rng = np.random.default_rng(3)
    codes, x = concentrate(rng, sizes, inside, elsewhere)
    survival = np.where(x == 1, 0.6, 0.3)
    v, full = survival * (1 - survival), np.column_stack([np.ones(len(x)), x])
    third, variance = [], []
    for j in range(len(sizes)):
        w = (full * v[:, None])[codes == j].sum(axis=0)
        a = (codes == j) - full @ np.linalg.solve(full.T @ (full * v[:, None]), w)
        third.append((a**3 * v * (2 * survival - 1)).sum())
        variance.append((a**2 * v).sum())
    np.testing.assert_allclose(third_moment(survival, x[:, None], codes), third, rtol=1e-9, atol=1e-12)
    sums = []
    for _ in range(2000):
        dead = (rng.random(len(x)) > survival).astype(float)
        fitted = 1 / (1 + np.exp(-full @ fit_logistic(full, dead, names=["one", "x"])[0]))
        sums.append((dead - fitted)[codes == 0].sum())
    # the standard error of a skewness from 2,000 is 0.055
    assert stats.skew(sums) == pytest.approx(third[0] / variance[0] ** 1.5, abs=0.15)


@pytest.mark.parametrize(
    ("sizes", "inside"), [([40, 40], 0.95), ([60] * 7, 0.97), ([30] * 7, 0.97), ([200] + [20] * 6, 0.95)]
)
def test_a_provider_with_most_patients_of_a_kind_has_no_false_alarms_beyond_the_nominal_rate(sizes, inside):
    """Nothing truly differs; 600 sets with a limit of 0.2% give 1.2 alarms, and more than 5 once in 300 times."""
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(600):
        codes, x = concentrate(rng, sizes, inside, 1 - inside)
        full = np.column_stack([np.ones(len(x)), x])
        dead = (rng.random(len(x)) > np.where(x == 1, 0.6, 0.3)).astype(float)
        p = 1 / (1 + np.exp(-full @ fit_logistic(full, dead, names=["one", "x"])[0]))
        alarms += abs(score_providers(p - dead, 1 - p, x[:, None], codes)["z"][0]) > 3.09
    assert alarms <= 5
