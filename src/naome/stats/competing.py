"""Cumulative incidence with competing causes (Aalen-Johansen), with exact handling of ties."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.stats.inputs import (
    check_durations,
    check_groups,
    check_same_rows,
    check_times,
    merge_close_times,
    normal_quantile,
    read_numbers,
)

__all__ = ["aalen_johansen"]


def aalen_johansen(duration, cause, *, at=None, group=None, causes=None, conf_level: float = 0.95) -> pd.DataFrame:
    """Estimate the cumulative incidence of each cause by Aalen-Johansen.

    Parameters
    ----------
    duration : array of float, shape (n,)
        Time to the first event of any cause or to censoring, >= 0.
    cause : array of int, shape (n,)
        0 for censored, otherwise the number of the cause (1, 2, ...).
    at : float or list of float, optional
        Times at which to read the curves. None gives every distinct follow-up time, and time 0.
    group : array, shape (n,), optional
        One label per person; separate curves per label.
    causes : sequence of int, optional
        Causes to estimate, also those that nobody had; all that occur without it.
    conf_level : float
        Coverage of the limits, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Columns ``group, cause, time, n_risk`` (free of any event and uncensored just before), ``n_event`` (events of
        that cause at the time; with `at`, since the next smaller requested time), ``cumulative_incidence, std_error,
        lower, upper``. Limits are on the log(-log(1 - F)) scale. Where F = 0 the lower limit is 0 and the upper the
        exact 1 - (alpha/2)^(1/m), with m the number at risk and of those who had another event before (1, no
        information, when there is nobody); at time 0 with no event both are 0. Where F = 1 the upper limit is 1 and the
        lower (alpha/2)^(1/m), with m the effective sample size of :mod:`naome.stats.kaplan_meier`.

    Raises
    ------
    ValueError
        Naming the position and value of a missing or negative duration, or a cause that is not a whole number >= 0; if
        nobody had an event and no causes are named; or if `causes` lacks one that occurs.

    Notes
    -----
    Aalen & Johansen (1978). Standard errors are the infinitesimal jackknife (the Greenwood-type formula for the
    multinomial), which R's ``survfit`` gives; events of several causes at a tied time share one risk set, and
    censorings come after events.

    Examples
    --------
    >>> aalen_johansen([1, 2, 3, 4], [1, 2, 0, 1], at=2)[["cause", "cumulative_incidence"]].values.tolist()
    [[1.0, 0.25], [2.0, 0.25]]
    """
    z = normal_quantile(conf_level)
    check_same_rows(duration=duration, cause=cause, group=group)
    duration = merge_close_times(check_durations(duration))[0]
    cause = _check_causes(cause, len(duration))
    codes, labels = check_groups(group, len(duration))
    causes = _list_causes(cause, causes)
    frames = []
    for number, label in enumerate(labels):  # groups are few: nations, age bands, providers - never people
        inside = codes == number
        frames.append(_one_group(duration[inside], cause[inside], causes, at, z, 1 - conf_level).assign(group=label))
    columns = ["group", "cause", "time", "n_risk", "n_event", "cumulative_incidence", "std_error", "lower", "upper"]
    return pd.concat(frames, ignore_index=True)[columns]


def _one_group(duration, cause, causes, at, z: float, alpha: float) -> pd.DataFrame:
    times, position = np.unique(duration, return_inverse=True)
    n_risk = (len(duration) - np.r_[0, np.cumsum(np.bincount(position))[:-1]]).astype(float)
    deaths = np.bincount(position[cause > 0], minlength=len(times)).astype(float)
    survivors = n_risk - deaths
    survival_before = np.r_[1.0, np.cumprod(survivors / n_risk)[:-1]]
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.where(survivors > 0, deaths / (n_risk * survivors), 0.0)
    wanted = np.union1d(times, 0.0) if at is None else check_times(at)
    rows = np.searchsorted(times, wanted, side="right")  # number of steps up to and including each time
    at_risk = len(duration) - np.searchsorted(np.sort(duration), wanted, side="left")
    # of people who had an event before it is known that they had no other
    known = at_risk + np.searchsorted(np.sort(duration[cause > 0]), wanted, side="left")
    last = np.flatnonzero(survivors == 0)[:1]
    effective = np.minimum(n_risk[last] / survival_before[last], len(duration)).sum()
    pieces = []
    for number in causes:
        events = np.bincount(position[cause == number], minlength=len(times)).astype(float)
        incidence = np.cumsum(survival_before * events / n_risk)
        # increments that do not depend on t, then Var F(t) = sum (F(t) - F(s))^2 g + own + 2 (F(t) - F(s)) cross
        own = survival_before**2 * events * (n_risk - events) / n_risk**3
        cross = -survival_before * events / n_risk**2
        sums = [greenwood, greenwood * incidence, greenwood * incidence**2, own, cross, cross * incidence]
        g0, g1, g2, own, c0, c1 = (np.r_[0.0, np.cumsum(each)][rows] for each in sums)
        estimate = np.r_[0.0, incidence][rows]
        variance = estimate**2 * g0 - 2 * estimate * g1 + g2 + own + 2 * (estimate * c0 - c1)
        std_error = np.sqrt(np.maximum(variance, 0.0))
        lower, upper = _limits(estimate, std_error, known, effective, wanted, z, alpha)
        pieces.append(
            pd.DataFrame(
                {
                    "cause": number,
                    "time": wanted,
                    "n_risk": at_risk,
                    "n_event": _events_between(np.r_[0, np.cumsum(events)][rows], wanted),
                    "cumulative_incidence": estimate,
                    "std_error": std_error,
                    "lower": lower,
                    "upper": upper,
                }
            )
        )
    return pd.concat(pieces, ignore_index=True)


def _events_between(so_far: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    ascending = np.argsort(wanted, kind="stable")
    between = np.empty(len(wanted), dtype=np.int64)
    between[ascending] = np.diff(so_far[ascending], prepend=0)
    return between


def _limits(
    estimate, std_error, known, effective: float, wanted, z: float, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    # an incidence that has used up everybody is 1 but for rounding: no interval on this scale
    whole = estimate > 1 - 1e-12
    estimate = np.where(whole, np.nan, estimate)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_free = np.log1p(-estimate)
        spread = z * std_error / ((1 - estimate) * np.abs(log_free))
        lower, upper = -np.expm1(log_free * np.exp(-spread)), -np.expm1(log_free * np.exp(spread))
        exact = np.where(wanted == 0, 0.0, 1 - np.exp(np.log(alpha / 2) / known))
        of_whole = np.exp(np.log(alpha / 2) / effective)
    none = estimate == 0
    lower, upper = np.where(none, 0.0, lower), np.where(none, exact, upper)
    return np.where(whole, of_whole, lower), np.where(whole, 1.0, upper)


def _list_causes(cause: np.ndarray, causes) -> np.ndarray:
    found = np.unique(cause[cause > 0])
    if causes is None:
        if not len(found):
            raise ValueError("cause is 0 (censored) for everyone; at least one event is needed, or name the causes")
        return found
    causes = np.unique(_check_causes(causes, len(causes)))
    if (causes == 0).any() or not len(causes) or not np.isin(found, causes).all():
        raise ValueError(f"causes are {causes.tolist()}; allowed: whole numbers above 0, among them {found.tolist()}")
    return causes


def _check_causes(cause, n: int) -> np.ndarray:
    cause = read_numbers(cause, "cause")
    if cause.shape != (n,):
        raise ValueError(f"cause has shape {cause.shape} but there are {n} people; they must agree")
    wrong = ~(np.isfinite(cause) & (cause >= 0) & (cause == np.floor(cause)))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"cause[{at}] is {cause[at]:g}; allowed: 0 (censored) or a whole number naming the cause")
    return cause.astype(np.int64)
