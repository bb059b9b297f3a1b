"""Jackknife pseudo-observations of survival probabilities."""

from __future__ import annotations

import numpy as np

from naome.stats.inputs import check_survival, check_times

__all__ = ["pseudo_observations"]


def pseudo_observations(duration, event, at) -> np.ndarray:
    """Compute exact jackknife pseudo-observations of S(t): n S(t) - (n - 1) S without person i (t).

    Parameters
    ----------
    duration : array of float, shape (n,)
        Time from origin to death or censoring, >= 0; at least two people.
    event : array, shape (n,)
        1 (True) for a death, 0 (False) for censoring.
    at : float or list of float, length k
        Times t, >= 0 and not beyond the last follow-up time (unless the curve has reached 0 by then).

    Returns
    -------
    numpy.ndarray
        Shape (n,) for a single time, (n, k) for a list. Without censoring before t they are the indicators T > t.
        Their mean is S(t) up to the jackknife's bias of order 1/n; single values may lie outside [0, 1].

    Raises
    ------
    ValueError
        Naming the position and value of a missing or negative duration or an event that is not 0/1; if there is only
        one person; or if t is beyond the last follow-up.

    Notes
    -----
    Andersen, Klein & Rosthoj (2003) Biometrika 90:15. Leaving person i out takes one from the risk set at every death
    time up to T_i, and one death at T_i if they died; the products over the three stretches are cumulative sums, so the
    cost is that of one sort. Ties: deaths before censorings. When i is the last one at risk the curve without i stays
    where it was.

    Examples
    --------
    >>> pseudo_observations([1, 2, 3, 4], [1, 1, 1, 1], 2.5).round(12).tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    duration, event, _ = check_survival(duration, event)
    times_wanted = check_times(at)
    n = len(duration)
    if n < 2:
        raise ValueError("pseudo-observations need at least two people; there is 1")
    times, position = np.unique(duration, return_inverse=True)
    n_risk = (n - np.r_[0, np.cumsum(np.bincount(position))[:-1]]).astype(float)
    deaths = np.bincount(position[event], minlength=len(times)).astype(float)
    beyond = times_wanted > times[-1]
    if beyond.any() and deaths[-1] < n_risk[-1]:
        raise ValueError(
            f"at is {times_wanted[beyond][0]:g}, beyond the last follow-up time {times[-1]:g}; S is unknown"
        )
    # prefix sums: everybody at risk (full) and with one person fewer at risk, not themselves dying (fewer)
    full, full_zeros = _prefix(deaths, n_risk)
    fewer, fewer_zeros = _prefix(deaths, n_risk - 1)
    # the factor at one's own time, without oneself
    own_log, own_zero = _log_factor(deaths[position] - event, n_risk[position] - 1)
    result = np.empty((n, len(times_wanted)))
    for column, wanted in enumerate(times_wanted):
        end = np.searchsorted(times, wanted, side="right")  # steps 0..end-1 are at or before t
        before = np.minimum(position, end)  # steps strictly before one's own time, and not after t
        seen = position < end  # own time is at or before t
        after = np.where(seen, position + 1, end)
        log_s = fewer[before] + np.where(seen, own_log, 0.0) + full[end] - full[after]
        zeros = fewer_zeros[before] + np.where(seen, own_zero, 0) + full_zeros[end] - full_zeros[after]
        without = np.where(zeros > 0, 0.0, np.exp(log_s))
        whole = 0.0 if full_zeros[end] else np.exp(full[end])
        result[:, column] = n * whole - (n - 1) * without
    return result[:, 0] if np.ndim(at) == 0 else result


def _prefix(deaths: np.ndarray, n_risk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    log_factor, zero = _log_factor(deaths, n_risk)
    return np.r_[0.0, np.cumsum(log_factor)], np.r_[0, np.cumsum(zero)]


def _log_factor(deaths: np.ndarray, n_risk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log(1 - d/n), and 1 where the factor is 0 (kept apart from the sums); no risk set, no change."""
    zero = (deaths >= n_risk) & (n_risk > 0)
    safe = (deaths > 0) & (deaths < n_risk)
    log_factor = np.zeros(len(deaths))
    log_factor[safe] = np.log1p(-deaths[safe] / n_risk[safe])
    return log_factor, zero.astype(np.int64)
