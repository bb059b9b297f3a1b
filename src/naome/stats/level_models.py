"""Weighted, penalised fits of models for an outcome with levels, in order or not.

They serve the imputation of items with levels, which needs many fits of one kind: a weight for every person, a normal
prior that keeps coefficients finite where levels are nearly determined, and a start that is near the maximum.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg, special

__all__ = ["fit_multinomial", "fit_ordered", "multinomial_probabilities", "ordered_probabilities"]

ROUNDS = 50


def fit_ordered(x, tilt, codes, n_levels: int, *, weights=None, penalty=0.0, start=None, gain=1e-9) -> np.ndarray:
    """Fit a proportional odds model, its probabilities tilted by what follows from the level.

    Parameters
    ----------
    x : array of float, shape (n, p)
        Predictors that have one slope each; without a column of ones.
    tilt : array of float, shape (n, q)
        Predictors that have a coefficient for every level but the first: P(level k) is that of proportional odds
        times exp(tilt g_k), divided by the sum over levels. With q = 0 the model is proportional odds.
    codes : array of int, shape (n,)
        Positions of the levels, 0 to n_levels - 1; every level is somebody's.
    n_levels : int
    weights : array of float, shape (n,), optional
        Weight of each person, > 0; 1 each by default.
    penalty : float
        Half the precision of a normal prior on every coefficient; thresholds have none. 0 is maximum likelihood.
    start : array, shape as returned, optional
        Values to start from.
    gain : float
        The fit ends when a step adds less than this to the log likelihood, relative to its size.

    Returns
    -------
    numpy.ndarray, shape (n_levels - 1 + p + (n_levels - 1) q,)
        Thresholds in increasing order; slopes b, logit P(level <= k | x) = threshold k - x b before the tilt; g_1,
        g_2, ...

    Raises
    ------
    ValueError
        If a level has no one.

    Notes
    -----
    McCullagh (1980) JRSS B 42:109. If the level has proportional odds given x, and survival has a proportional hazard
    for every level, Bayes' theorem gives the level given x and survival this form (with event and cumulative hazard as
    `tilt`, as in White & Royston 2009 Stat Med 28:1982). Fisher scoring with step halving. Without `tilt` R's
    ``MASS::polr`` fits the same model.

    Examples
    --------
    >>> x, codes = np.array([[0.0], [0], [0], [1], [1], [1]]), np.array([0, 0, 1, 0, 1, 1])
    >>> fit_ordered(x, np.zeros((6, 0)), codes, 2).round(4).tolist()
    [0.6931, 1.3863]
    """
    x, tilt, codes = np.asarray(x, dtype=float), np.asarray(tilt, dtype=float), np.asarray(codes, dtype=int)
    weights, share = _weigh(codes, n_levels, weights)
    cuts, p = n_levels - 1, x.shape[1]
    n_coefficients = p + cuts * tilt.shape[1]
    if start is None:
        start = np.r_[special.logit(np.cumsum(share)[:-1] / share.sum()), np.zeros(n_coefficients)]
    ridge = np.r_[np.zeros(cuts), np.full(n_coefficients, 2 * penalty)]
    people = np.arange(len(codes))
    carriers = [np.ones((len(codes), 1))] * cuts + [x] + [tilt] * cuts

    def assess(at: np.ndarray) -> tuple[float, np.ndarray]:
        logs = _ordered_logs(x, tilt, at, cuts)
        value = float(weights @ logs[people, codes] - (ridge * at**2).sum() / 2) if logs is not None else -np.inf
        return value, logs

    def step(at: np.ndarray, logs: np.ndarray) -> np.ndarray:
        slopes, probability = _ordered_slopes(x, at, cuts), np.exp(logs)
        slopes = slopes - np.einsum("nk,nks->ns", probability, slopes)[:, None]
        own = slopes[people, codes] * weights[:, None]
        score = np.concatenate([carrier.T @ own[:, s] for s, carrier in enumerate(carriers)]) - ridge * at
        spread = np.einsum("nk,nkr,nks->rsn", probability * weights[:, None], slopes, slopes, optimize=True)
        return linalg.cho_solve(linalg.cho_factor(_join(spread, carriers) + np.diag(ridge)), score)

    return _climb(np.array(start, dtype=float), assess, step, gain)


def ordered_probabilities(x: np.ndarray, tilt: np.ndarray, parameters: np.ndarray, n_levels: int) -> np.ndarray:
    """Return the probability of every level.

    Parameters
    ----------
    x, tilt : array of float, shapes (n, p) and (n, q)
    parameters : array
        As :func:`fit_ordered` returns them.
    n_levels : int

    Returns
    -------
    numpy.ndarray, shape (n, n_levels)

    Examples
    --------
    >>> ordered_probabilities(np.zeros((1, 1)), np.zeros((1, 0)), np.array([-1.0, 1.0, 2.0]), 3).round(3).tolist()
    [[0.269, 0.462, 0.269]]
    """
    return np.exp(_ordered_logs(x, tilt, parameters, n_levels - 1))


def fit_multinomial(x, codes, n_levels: int, *, weights=None, penalty=0.0, start=None, gain=1e-9) -> np.ndarray:
    """Fit a multinomial logistic model.

    Parameters
    ----------
    x : array of float, shape (n, p)
        Predictors, without a column of ones.
    codes, n_levels, weights, penalty, start, gain
        As :func:`fit_ordered`; intercepts have no prior.

    Returns
    -------
    numpy.ndarray, shape ((n_levels - 1) (1 + p),)
        Intercept and coefficients of level 1, then of level 2, and so on: the log of P(level k)/P(level 0).

    Raises
    ------
    ValueError
        If a level has no one.

    Notes
    -----
    Newton's method with step halving; the log likelihood is concave. With two levels it is logistic regression.

    Examples
    --------
    >>> fit_multinomial(np.zeros((4, 0)), np.array([0, 1, 1, 2]), 3).round(4).tolist()
    [0.6931, 0.0]
    """
    x, codes = np.asarray(x, dtype=float), np.asarray(codes, dtype=int)
    weights, share = _weigh(codes, n_levels, weights)
    x = np.column_stack([np.ones(len(x)), x])
    shape = (n_levels - 1, x.shape[1])
    target = np.eye(n_levels)[codes][:, 1:]
    if start is None:
        start = np.zeros(shape)
        start[:, 0] = np.log(share[1:] / share[0])
    ridge = np.full(shape, 2.0 * penalty)
    ridge[:, 0] = 0.0
    ridge = ridge.ravel()

    def assess(at: np.ndarray) -> tuple[float, np.ndarray]:
        eta = x @ at.reshape(shape).T
        total = np.logaddexp(0.0, special.logsumexp(eta, axis=1))
        value = float(weights @ ((target * eta).sum(axis=1) - total) - (ridge * at**2).sum() / 2)
        return value, eta - total[:, None]

    def step(at: np.ndarray, logs: np.ndarray) -> np.ndarray:
        probability = np.exp(logs)
        score = (((target - probability) * weights[:, None]).T @ x).ravel() - ridge * at
        own = np.eye(shape[0])[:, :, None] - probability.T
        spread = weights * probability.T[:, None] * own
        return linalg.cho_solve(linalg.cho_factor(_join(spread, [x] * shape[0]) + np.diag(ridge)), score)

    return _climb(np.array(start, dtype=float).ravel(), assess, step, gain)


def multinomial_probabilities(x: np.ndarray, coef: np.ndarray, n_levels: int) -> np.ndarray:
    """Return the probability of every level.

    Parameters
    ----------
    x : array of float, shape (n, p)
    coef : array
        As :func:`fit_multinomial` returns them.
    n_levels : int

    Returns
    -------
    numpy.ndarray, shape (n, n_levels)

    Examples
    --------
    >>> multinomial_probabilities(np.zeros((1, 0)), np.array([np.log(2), 0.0]), 3).round(6).tolist()
    [[0.25, 0.5, 0.25]]
    """
    coef = coef.reshape(n_levels - 1, 1 + x.shape[1])
    eta = coef[:, 0] + x @ coef[:, 1:].T
    return special.softmax(np.column_stack([np.zeros(len(x)), eta]), axis=1)


def _weigh(codes: np.ndarray, n_levels: int, weights) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights, and their sum by level."""
    weights = np.ones(len(codes)) if weights is None else np.asarray(weights, dtype=float)
    share = np.bincount(codes, weights, minlength=n_levels)
    if not (share > 0).all():
        raise ValueError(f"level {int(np.argmin(share))} of {n_levels} has no one; leave it out")
    return weights, share


def _climb(at: np.ndarray, assess: Callable, step: Callable, gain: float) -> np.ndarray:
    """Go up by steps, halved where they go down, until one gains next to nothing."""
    value, pieces = assess(at)
    for _ in range(ROUNDS):
        move = step(at, pieces)
        new_value, new_pieces = assess(at + move)
        while new_value < value - 1e-9 * abs(value) and np.max(np.abs(move)) > 1e-10:
            move = move / 2
            new_value, new_pieces = assess(at + move)
        if new_pieces is None:
            break
        at, gained, value, pieces = at + move, new_value - value, new_value, new_pieces
        if abs(gained) <= gain * max(1.0, abs(value)):
            break
    return at


def _ordered_logs(x, tilt, parameters, cuts: int):
    """Return the log probability of every level, shape (n, levels); None where thresholds are not in order.

    With a and b the thresholds above and below minus x b, P = F(a) - F(b) = F(a) F(-b) (1 - exp(b - a)): no difference
    of two numbers near 1 is taken.
    """
    thresholds, eta = parameters[:cuts], x @ parameters[cuts : cuts + x.shape[1]]
    gaps = np.diff(thresholds, prepend=-np.inf, append=np.inf)
    if not (gaps > 0).all():
        return None
    beyond = thresholds - eta[:, None]
    edge = np.full((len(eta), 1), np.inf)
    above, below = np.hstack([beyond, edge]), np.hstack([-edge, beyond])
    logs = np.log(-np.expm1(-gaps)) - np.logaddexp(0.0, -above) - np.logaddexp(0.0, below)
    if not tilt.shape[1]:
        return logs
    logs[:, 1:] += tilt @ parameters[cuts + x.shape[1] :].reshape(cuts, -1).T
    return logs - special.logsumexp(logs, axis=1)[:, None]


def _ordered_slopes(x, parameters, cuts: int) -> np.ndarray:
    """Return the derivatives of each level's log share, before division by their sum: (n, levels, 2 cuts + 1).

    By each threshold, by the linear predictor -x b, and by what tilts each level but the first.
    """
    thresholds, eta = parameters[:cuts], x @ parameters[cuts : cuts + x.shape[1]]
    below = special.expit(thresholds - eta[:, None])
    with np.errstate(over="ignore"):
        narrow = 1 / np.expm1(np.diff(thresholds, prepend=-np.inf, append=np.inf))
    slopes = np.zeros((len(x), cuts + 1, 2 * cuts + 1))
    for level in range(cuts + 1):
        upper = below[:, level] if level < cuts else 1.0
        lower = below[:, level - 1] if level else 0.0
        slopes[:, level, cuts] = lower + upper - 1
        if level < cuts:
            slopes[:, level, level] = 1 - upper + narrow[level]
        if level:
            slopes[:, level, level - 1] = -lower - narrow[level]
            slopes[:, level, cuts + level] = 1.0
    return slopes


def _join(spread: np.ndarray, carriers: list[np.ndarray]) -> np.ndarray:
    """Return the information of coefficients whose slopes are those of ``spread`` times predictors.

    Parameters
    ----------
    spread : array of float, shape (m, m, n)
        For each person the weighted covariance of m slopes over levels; symmetric.
    carriers : list of array of float, shapes (n, p_1), ..., (n, p_m)
        What each slope is multiplied by.

    Returns
    -------
    numpy.ndarray, shape (p_1 + ... + p_m, p_1 + ... + p_m)
    """
    ends = np.cumsum([carrier.shape[1] for carrier in carriers])
    places = [slice(end - carrier.shape[1], end) for end, carrier in zip(ends, carriers, strict=True)]
    information = np.empty((ends[-1], ends[-1]))
    for r, first in enumerate(carriers):
        for s in range(r, len(carriers)):
            block = (first * spread[r, s][:, None]).T @ carriers[s]
            information[places[r], places[s]], information[places[s], places[r]] = block, block.T
    return information
