"""Logistic regression by iteratively reweighted least squares."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from scipy import special

from naome.stats.linear import solve_symmetric

__all__ = ["fit_logistic"]


def fit_logistic(x: np.ndarray, y: np.ndarray, *, names=None):
    """Fit a logistic regression.

    Parameters
    ----------
    x : array of float, shape (n, p)
        Design matrix; include a column of ones for an intercept.
    y : array, shape (n,)
        0/1.
    names : sequence of str, length p, optional
        Names of the columns, for the warning.

    Returns
    -------
    tuple
        (coefficients (p,), covariance = inverse information (p, p)).

    Raises
    ------
    ValueError
        If some combination of columns tells 0 from 1 without error.

    Warns
    -----
    UserWarning
        If a coefficient runs off to infinity (a level without events, or with events only): fitted probabilities are
        then still right, the coefficient and its variance mean nothing.

    Notes
    -----
    Fisher scoring with step halving until the deviance is stationary to 1e-12 relative.

    Examples
    --------
    >>> x = np.c_[np.ones(4), [0, 0, 1, 1]]
    >>> fit_logistic(np.ones((4, 1)), np.array([0, 1, 1, 1]))[0].round(4).tolist()
    [1.0986]
    """
    coef = np.zeros(x.shape[1])
    value = _log_likelihood(x, y, coef)
    for _ in range(100):
        p = special.expit(x @ coef)
        step = solve_symmetric((x * (p * (1 - p))[:, None]).T @ x, x.T @ (y - p))
        for _ in range(30):
            new_value = _log_likelihood(x, y, coef + step)
            if new_value >= value - 1e-9 * abs(value):
                break
            step = step / 2
        coef, gain, value = coef + step, new_value - value, new_value
        still = abs(gain) <= 1e-12 * max(1.0, abs(value))
        if still and (np.max(np.abs(step), initial=0.0) < 1e-8 or np.max(np.abs(x @ coef)) > 20):
            break  # at the maximum, or on the way to an infinite coefficient with nothing left to gain
    _check_finite(x, step, value, names)
    p = special.expit(x @ coef)
    return coef, solve_symmetric((x * (p * (1 - p))[:, None]).T @ x, np.eye(x.shape[1]))


class NoFiniteEstimate(UserWarning):
    """Coefficients on their way to infinity.

    Attributes
    ----------
    terms : tuple of str
    """

    def __init__(self, terms: Sequence[str]) -> None:
        self.terms = tuple(terms)
        which = ", ".join(map(repr, self.terms))
        super().__init__(f"no finite estimate for {which}: a level without events, or all events; merge levels")


def _check_finite(x, step, value: float, names) -> None:
    if value > -1e-6 * len(x):
        raise ValueError(
            "the logistic model has no finite estimate: some combination of covariates separates the events "
            "perfectly; merge rare levels or leave a covariate out"
        )
    moving = np.flatnonzero(np.abs(step) > 1e-3)
    if len(moving):
        which = [str(names[i]) if names is not None else f"column {i}" for i in moving]
        warnings.warn(NoFiniteEstimate(which), stacklevel=3)


def _log_likelihood(x, y, coef) -> float:
    eta = x @ coef
    return float(y @ eta - np.logaddexp(0.0, eta).sum())
