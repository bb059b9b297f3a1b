"""Sampling with fixed totals: draws whose counts are right by design, so that chance does not blur calibration."""

from __future__ import annotations

import numpy as np

EPOCH = np.datetime64("1970-01-01", "D")


def spread_uniform(rng: np.random.Generator, key: np.ndarray) -> np.ndarray:
    """Spread one uniform number per person evenly over each stratum.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    key : ndarray of int, shape (n,)
        Stratum of each person, 0 or more.

    Returns
    -------
    ndarray of float, shape (n,)
        Within a stratum of m people the values are (rank + u) / m with one u per stratum and ranks in random order:
        any share read off them is exact to one person. An empty input gives an empty result.

    Examples
    --------
    >>> import numpy as np
    >>> u = spread_uniform(np.random.default_rng(1), np.zeros(100, dtype=int))
    >>> int((u < 0.25).sum())
    25
    """
    key = np.asarray(key)
    if key.size == 0:
        return np.empty(0)
    order = shuffle_within(rng, key)
    size = np.bincount(key)
    first = np.concatenate(([0], np.cumsum(size)[:-1]))
    rank = np.arange(key.size) - first[key[order]]
    offset = rng.random(size.size)
    out = np.empty(key.size)
    out[order] = (rank + offset[key[order]]) / size[key[order]]
    return out


def draw_fixed(rng: np.random.Generator, p: np.ndarray, key: np.ndarray | None = None) -> np.ndarray:
    """Draw yes or no for each person with probability `p`, keeping each stratum's total to its expectation.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    p : ndarray of float in [0, 1], shape (n,)
        Each person's probability of yes.
    key : ndarray of int, shape (n,), optional
        Stratum of each person; the number of yes in a stratum differs from the sum of its `p` by less than 1.

    Returns
    -------
    ndarray of bool, shape (n,)

    Notes
    -----
    Randomised systematic sampling (Madow WG. Ann Math Stat 1949;20:333-354): yes where the running sum of `p`, started
    at a random offset, passes a whole number. Every person keeps exactly probability `p`.

    Examples
    --------
    >>> import numpy as np
    >>> int(draw_fixed(np.random.default_rng(1), np.full(1000, 0.3)).sum())
    300
    """
    p = np.asarray(p, dtype=float)
    if p.size == 0:
        return np.zeros(0, dtype=bool)
    order = shuffle_within(rng, np.zeros(p.size, dtype=np.int64) if key is None else np.asarray(key))
    # Rounding at 1e-9 keeps a sum of, say, a thousand times 0.3 from falling a hair short of 300.
    total = np.round(np.cumsum(p[order]), 9) + rng.random()
    before = np.concatenate(([total[0] - p[order[0]]], total[:-1]))
    out = np.empty(p.size, dtype=bool)
    out[order] = np.floor(total) > np.floor(before)
    return out


def draw_calibrated(
    rng: np.random.Generator, eta: np.ndarray, target: np.ndarray | float, key: np.ndarray | None = None
) -> np.ndarray:
    """Draw yes or no with log-odds `eta` plus whatever intercept makes each stratum's share equal `target`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    eta : ndarray of float, shape (n,)
        Each person's log-odds before calibration; -inf means never.
    target : float or ndarray of float in [0, 1], shape (number of strata,)
        Share of yes wanted in each stratum, over all its people (those with -inf included).
    key : ndarray of int, shape (n,), optional
        Stratum of each person, an index into `target`.

    Returns
    -------
    ndarray of bool, shape (n,)
        A target that the people with a finite `eta` cannot reach is met as nearly as they can.
    """
    eta = np.asarray(eta, dtype=float)
    key = np.zeros(eta.size, dtype=np.int64) if key is None else np.asarray(key)
    if eta.size == 0:
        return np.zeros(0, dtype=bool)
    groups = int(key.max()) + 1
    target = np.broadcast_to(np.asarray(target, dtype=float), (groups,)) if np.ndim(target) == 0 else np.asarray(target)
    wanted = np.bincount(key, minlength=target.size) * target
    low, high = np.full(target.size, -30.0), np.full(target.size, 30.0)
    for _ in range(45):
        middle = (low + high) / 2
        expected = np.bincount(key, weights=expit(eta + middle[key]), minlength=target.size)
        low, high = np.where(expected < wanted, middle, low), np.where(expected < wanted, high, middle)
    return draw_fixed(rng, expit(eta + ((low + high) / 2)[key]), key)


def choose_category(u: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Turn uniform numbers into category numbers with the given shares.

    Parameters
    ----------
    u : ndarray of float in [0, 1), shape (n,)
    shares : ndarray of float, shape (k,)
        Non-negative weights; they need not add to 1.

    Returns
    -------
    ndarray of int, shape (n,)
        Values 0..k-1.
    """
    cumulative = np.cumsum(np.asarray(shares, dtype=float))
    return np.minimum(np.searchsorted(cumulative / cumulative[-1], u, side="right"), len(cumulative) - 1)


def invert_survival(u: np.ndarray, alive_at_day: dict[int, float]) -> np.ndarray:
    """Turn uniform numbers into days survived, for a survival curve known at a few days.

    Parameters
    ----------
    u : ndarray of float in [0, 1), shape (n,)
        Share of the cohort that dies before this person.
    alive_at_day : dict of int to float
        Percentage alive at the end of each day; the hazard is constant between two of them and after the last.

    Returns
    -------
    ndarray of float, shape (n,)
        Days from the origin; `floor` of it is the day of death.
    """
    day = np.array([0.0, *[d + 1.0 for d in alive_at_day]])
    cumulative_hazard = -np.log(np.array([1.0, *[v / 100 for v in alive_at_day.values()]]))
    last_rate = (cumulative_hazard[-1] - cumulative_hazard[-2]) / (day[-1] - day[-2])
    wanted = -np.log1p(-np.minimum(u, 1 - 1e-12))
    beyond = np.maximum(wanted - cumulative_hazard[-1], 0) / last_rate
    return np.interp(wanted, cumulative_hazard, day) + beyond


def shuffle_within(rng: np.random.Generator, key: np.ndarray) -> np.ndarray:
    """Return the order that sorts people by stratum, at random within a stratum."""
    return np.lexsort((rng.random(len(key)), key))


def expit(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)); exact 0 at -inf."""
    return 1 / (1 + np.exp(-np.clip(x, -500, 500))) * (x > -400)


def day_number(iso: object) -> int:
    """Return days since 1970-01-01 of a date (an ISO text or a date)."""
    return int((np.datetime64(str(iso), "D") - EPOCH).astype(int))
