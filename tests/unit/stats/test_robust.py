"""Robust covariance of a Cox model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.stats.cox import PartialLikelihood, fit_cox
from naome.stats.robust import robust_covariance


def draw(n=300, seed=1):
    rng = np.random.default_rng(seed)
    x = pd.DataFrame({"a": rng.normal(size=n), "b": rng.random(n) < 0.4}, dtype=float)
    time = np.ceil(6 * rng.exponential(size=n) * np.exp(-0.5 * x["a"] - 0.3 * x["b"]))  # many ties
    return x, np.minimum(time, 12), (time <= 12).astype(int)


def test_score_residuals_add_up_to_nothing_at_the_maximum_with_ties_and_strata_and_delayed_entry():
    x, time, died = draw()
    entry = np.where(np.arange(len(x)) % 3 == 0, time - 0.5, 0)
    for more in ({}, {"strata": np.arange(len(x)) % 2}, {"entry": entry}):
        likelihood = PartialLikelihood(x, time, died, **more)
        residuals = likelihood.score_residuals(fit_cox(x, time, died, **more).coef * likelihood.scale)
        assert np.abs(residuals.sum(axis=0)).max() < 1e-8
        assert np.abs(residuals).max() > 0.1


def test_score_residuals_are_those_of_the_definition():
    """Each person's part, summed death by death as Efron's likelihood defines it."""
    x, time, died = draw(n=40)
    matrix, likelihood = x.to_numpy(), PartialLikelihood(x, time, died)
    coef = np.array([0.4, -0.2])
    weight = np.exp(matrix @ coef)
    expected = np.zeros_like(matrix)
    for t in np.unique(time[died == 1]):
        dead, risk = (time == t) & (died == 1), time >= t
        for place in range(dead.sum()):
            share = np.where(dead, 1 - place / dead.sum(), risk.astype(float)) * weight
            mean = share @ matrix / share.sum()
            expected += np.where(dead, 1 / dead.sum(), 0)[:, None] * (matrix - mean)
            expected -= (share / share.sum())[:, None] * (matrix - mean)
    np.testing.assert_allclose(likelihood.score_residuals(coef * likelihood.scale), expected, atol=1e-10)


def test_people_entered_twice_as_one_cluster_give_no_information_more():
    x, time, died = draw()
    single = fit_cox(x, time, died, ties="breslow")
    once = robust_covariance(single, x, time, died)
    twice = [pd.concat([x, x]), np.r_[time, time], np.r_[died, died]]
    people = np.r_[np.arange(len(x)), np.arange(len(x))]
    fit = fit_cox(*twice, ties="breslow")
    np.testing.assert_allclose(robust_covariance(fit, *twice, cluster=people), once, rtol=1e-8)
    np.testing.assert_allclose(fit.covariance, single.covariance / 2, rtol=1e-6)  # the model counts every death twice


def test_robust_limits_cover_where_a_covariate_is_shared_by_an_organisation_and_model_limits_do_not():
    """A covariate of the organisation and a frailty of it: 400 replicates, Monte Carlo error of coverage 0.011."""
    rng = np.random.default_rng(20261128)
    covered = np.zeros(2)
    for _ in range(400):
        unit = np.repeat(np.arange(60), 20)
        x = rng.normal(size=60)[unit][:, None]
        time = rng.exponential(size=1200) * np.exp(-0.4 * rng.normal(size=60)[unit])
        fit = fit_cox(x, time, np.ones(1200))
        errors = [
            fit.covariance[0, 0] ** 0.5,
            robust_covariance(fit, x, time, np.ones(1200), cluster=unit)[0, 0] ** 0.5,
        ]
        covered += np.abs(fit.coef[0]) <= 1.96 * np.array(errors)
    model, robust = covered / 400
    assert model < 0.75
    assert 0.90 <= robust <= 0.98


def test_other_columns_than_those_of_the_fit_are_refused():
    x, time, died = draw()
    fit = fit_cox(x, time, died)
    with pytest.raises(ValueError, match=r"covariates are \['b', 'a'\], those of the fit \['a', 'b'\]"):
        robust_covariance(fit, x[["b", "a"]], time, died)


def test_what_no_covariance_can_come_from_is_refused():
    x, time, died = draw()
    fit, other = fit_cox(x, time, died), np.random.default_rng(5).permutation(time)
    for given, message in (
        ((x, time, died, np.zeros(len(x))), r"cluster has 1 distinct value\(s\)"),
        ((x, time, np.zeros(len(x)), None), "no one died"),
        ((x.iloc[1:], time[1:], died[1:], None), "the data have 299 people and .* those of the fit 300"),
        ((x, time, np.where(np.arange(len(x)) == np.argmax(died), 0, died), None), "deaths, those of the fit 300"),
        ((x, other, died, None), "not at the maximum of these data: '[ab]' is .* standard errors away"),
    ):
        with pytest.raises(ValueError, match=message):
            robust_covariance(fit, *given[:3], cluster=given[3])


def test_two_clusters_are_enough():
    x, time, died = draw()
    found = robust_covariance(fit_cox(x, time, died), x, time, died, cluster=np.arange(len(x)) % 2)
    assert np.isfinite(found).all() and (np.diag(found) > 0).all()
