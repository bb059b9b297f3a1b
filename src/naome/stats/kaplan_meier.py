"""Kaplan-Meier estimates, median survival, and the log-rank test.

Conventions are those of R's ``survival`` package: at a tied time deaths come before censorings, a person is at risk at
time t when entry < t <= duration, and times that differ by rounding only are one time (see inputs.py). Time is in
whatever unit the caller uses; this project uses days since diagnosis and 1 year = 365.25 days. Groups (for example 130
providers) are handled in one sort, without a loop over people or groups.

Limits are on the log(-log S) scale with Greenwood's variance. Where that is undefined - nobody has died (S = 1), or the
curve has reached 0 - the limit on the open side is the exact binomial (Clopper-Pearson) one for Peto's effective
sample size m, the number at risk divided by S just before: lower = (alpha/2)^(1/m) when S = 1, m being the number at
risk at t; upper = 1 - (alpha/2)^(1/m) when S = 0, m being (number at risk at the last death) / (S just before it).
Without censoring m is the number of people and this is the Clopper-Pearson limit for m out of m or 0 out of m. With
nobody at risk the S = 1 limit is 0: no information. The closed side is S itself. At time 0 with no death at time 0 both
limits are 1, by definition. (R gives NaN in these places and lifelines (1, 1) or (0, 0), as if nothing were uncertain.)

One difference from R: with delayed entry R's ``summary(fit, times=t)`` prints the risk set at the next follow-up time
after t when t itself is not one, and so counts people who enter in between; here ``n_risk`` is counted at t.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from naome.stats.inputs import check_groups, check_same_rows, check_survival, check_times, normal_quantile

__all__ = ["kaplan_meier", "logrank", "median_survival"]


def kaplan_meier(duration, event, *, entry=None, group=None, at=None, conf_level: float = 0.95) -> pd.DataFrame:
    """Estimate survival curves by Kaplan-Meier, for everybody or by group.

    Parameters
    ----------
    duration : array of float, shape (n,)
        Time from origin to death or censoring, >= 0.
    event : array, shape (n,)
        1 (True) for a death, 0 (False) for censoring.
    entry : array of float, shape (n,), optional
        Delayed entry (left truncation): time at which observation starts, less than the duration; at 0 or before means
        from the start.
    group : array, shape (n,), optional
        One label per person, e.g. provider; a curve per label, in sorted (category) order.
    at : float or list of float, optional
        Times at which to read the curve. None gives every distinct follow-up time, and time 0.
    conf_level : float
        Coverage of the limits, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Columns ``group`` ("all" without groups), ``time``, ``n_risk`` (number with entry < time <= duration; at time 0
        everybody observed from time 0), ``n_event`` (deaths at that time; with `at`, deaths since the next smaller
        requested time, as R's summary does), ``survival``, ``std_error`` (Greenwood; NaN where S = 0, where it is
        undefined), ``lower``, ``upper`` (log-log; see the module's text for S = 1 and S = 0). With `at`, one row per
        group and requested time in the order asked. Beyond a group's last follow-up the last value is carried on with
        ``n_risk`` 0, which the caller must look at.

    Raises
    ------
    ValueError
        Naming the position and value of a missing or negative duration, an event that is not 0/1, entry >= duration, a
        missing group, or a level outside (0, 1).

    Notes
    -----
    Kaplan & Meier (1958) JASA 53:457; Greenwood (1926); Kalbfleisch & Prentice (2002) s.1.4 for the log-log limits;
    Peto et al. (1977) Br J Cancer 35:1 for the effective sample size.

    Examples
    --------
    >>> kaplan_meier([1, 2, 3, 4], [1, 0, 1, 1], at=3)[["time", "n_risk", "survival"]].values.tolist()
    [[3.0, 2.0, 0.375]]
    """
    z = normal_quantile(conf_level)
    check_same_rows(duration=duration, event=event, entry=entry, group=group)
    duration, event, entry = check_survival(duration, event, entry)
    codes, labels = check_groups(group, len(duration))
    curve = _build_curve(duration, event, entry, codes, len(labels))
    if at is None:
        groups, times, rows, n_risk, n_event = _all_steps(curve)
    else:
        times = check_times(at)
        groups, rows, n_risk, n_event = _steps_at(curve, times)
        times = np.tile(times, len(labels))
    survival, greenwood, effective = curve.read(rows)
    effective = np.where(survival == 1, n_risk, effective)
    std_error = np.where(survival > 0, survival * np.sqrt(greenwood), np.nan)
    lower, upper = _log_log_limits(survival, greenwood, z)
    lower, upper = _fill_exact_limits(survival, effective, times, lower, upper, 1 - conf_level)
    return pd.DataFrame(
        {
            "group": labels[groups],
            "time": times,
            "n_risk": n_risk,
            "n_event": n_event,
            "survival": survival,
            "std_error": std_error,
            "lower": lower,
            "upper": upper,
        }
    )


def median_survival(duration, event, *, entry=None, group=None, conf_level: float = 0.95) -> pd.DataFrame:
    """Estimate median survival with limits read off the log-log limits of the curve.

    Parameters
    ----------
    duration, event, entry, group, conf_level
        As in :func:`kaplan_meier`.

    Returns
    -------
    pandas.DataFrame
        Columns ``group, n, n_event, median, lower, upper``. The median is the first time at which S < 0.5, or the
        middle of the stretch on which S is exactly 0.5, or its beginning when the curve ends there (R's convention,
        that of its printed table); NaN where the curve (or its limit, undefined at S = 0) never gets there.

    Raises
    ------
    ValueError
        As :func:`kaplan_meier`.

    Notes
    -----
    Brookmeyer & Crowley (1982) Biometrics 38:29, on the log-log scale.

    Examples
    --------
    >>> median_survival([1, 2, 3, 4, 5], [1, 1, 1, 1, 1])["median"].tolist()
    [3.0]
    """
    z = normal_quantile(conf_level)
    check_same_rows(duration=duration, event=event, entry=entry, group=group)
    duration, event, entry = check_survival(duration, event, entry)
    codes, labels = check_groups(group, len(duration))
    curve = _build_curve(duration, event, entry, codes, len(labels))
    # here the limits where S is 1 or 0 stay undefined, as in R: an exact limit there says nothing about the median
    lower, upper = _log_log_limits(curve.survival, curve.greenwood, z)
    return pd.DataFrame(
        {
            "group": labels,
            "n": np.bincount(codes, minlength=len(labels)),
            "n_event": np.bincount(codes[event], minlength=len(labels)),
            "median": _crossing_times(curve, curve.survival),
            "lower": _crossing_times(curve, np.where(np.isnan(lower), 1.0, lower)),
            "upper": _crossing_times(curve, np.where(np.isnan(upper), 1.0, upper)),
        }
    )


def logrank(duration, event, group) -> pd.DataFrame:
    """Compare survival between groups by the log-rank test.

    Parameters
    ----------
    duration, event
        As in :func:`kaplan_meier`.
    group : array, shape (n,)
        At least two different labels.

    Returns
    -------
    pandas.DataFrame
        One row per group: ``group, n, observed, expected``, and the test's ``chi_squared, df, p_value`` repeated.

    Raises
    ------
    ValueError
        As :func:`kaplan_meier`, or if there are fewer than two groups.

    Notes
    -----
    Mantel (1966), hypergeometric variance; equals R's ``survdiff(rho = 0)``.

    Examples
    --------
    >>> logrank([1, 2, 3, 4], [1, 1, 1, 1], ["a", "a", "b", "b"])["chi_squared"].round(4).tolist()
    [2.8824, 2.8824]
    """
    check_same_rows(duration=duration, event=event, group=group)
    duration, event, _ = check_survival(duration, event)
    codes, labels = check_groups(group, len(duration))
    if len(labels) < 2:
        raise ValueError(f"group has only one label, {labels[0]!r}; a comparison needs at least two")
    n_groups = len(labels)
    pooled = _build_curve(duration, event, None, np.zeros_like(codes), 1)
    rows = pooled.n_event > 0
    total, deaths = pooled.n_risk[rows].astype(float), pooled.n_event[rows].astype(float)
    share = _count_at_risk(duration, codes, n_groups, pooled.time[rows]) / total[:, None]
    expected = deaths @ share
    observed = np.bincount(codes[event], minlength=n_groups).astype(float)
    factor = np.where(total > 1, deaths * (total - deaths) / np.maximum(total - 1, 1), 0.0)
    covariance = np.diag(factor @ share) - (share * factor[:, None]).T @ share
    difference = (observed - expected)[1:]
    covariance = covariance[1:, 1:]
    df = int(np.linalg.matrix_rank(covariance))
    chi_squared = float(difference @ np.linalg.pinv(covariance, hermitian=True) @ difference)
    return pd.DataFrame(
        {
            "group": labels,
            "n": np.bincount(codes, minlength=n_groups),
            "observed": observed.astype(np.int64),
            "expected": expected,
            "chi_squared": chi_squared,
            "df": df,
            "p_value": float(special.chdtrc(df, chi_squared)) if df else np.nan,
        }
    )


@dataclass(frozen=True)
class _Counter:
    """Counts of people at risk from sorted integer (group, time) keys."""

    exits: np.ndarray
    entries: np.ndarray | None
    grid: np.ndarray  # all distinct times, entries included

    def key(self, group: np.ndarray, time: np.ndarray, side: Literal["left", "right"]) -> np.ndarray:
        return group * (len(self.grid) + 1) + np.searchsorted(self.grid, time, side=side)

    def count_at_risk(self, group: np.ndarray, time: np.ndarray) -> np.ndarray:
        here, end = self.key(group, time, "left"), (group + 1) * (len(self.grid) + 1)
        at_risk = np.searchsorted(self.exits, end) - np.searchsorted(self.exits, here)
        if self.entries is None:
            return at_risk
        # entry == t is not yet at risk
        return at_risk - (np.searchsorted(self.entries, end) - np.searchsorted(self.entries, here))


@dataclass(frozen=True)
class _Curve:
    """Product-limit curves of several groups, one after the other; a row per group and distinct follow-up time."""

    group: np.ndarray
    time: np.ndarray
    n_risk: np.ndarray
    n_event: np.ndarray
    survival: np.ndarray
    greenwood: np.ndarray  # sum of d / (n (n - d)), over deaths that left somebody at risk
    effective: np.ndarray  # Peto's effective sample size at the death that took the group's S to 0; NaN if none did
    first: np.ndarray  # first row of each group
    counter: _Counter

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        before = rows < 0  # before the group's first time: S = 1
        rows = np.maximum(rows, 0)
        survival = np.where(before, 1.0, self.survival[rows])
        greenwood = np.where(before, 0.0, self.greenwood[rows])
        return survival, greenwood, np.where(before, np.nan, self.effective[rows])


def _build_curve(duration, event, entry, codes, n_groups) -> _Curve:
    grid = np.unique(duration if entry is None else np.concatenate([duration, entry[entry >= 0]]))
    width = len(grid) + 1
    key = codes * width + np.searchsorted(grid, duration)
    order = np.argsort(key, kind="stable")
    exits = key[order]
    starts = np.flatnonzero(np.r_[True, exits[1:] != exits[:-1]])
    group, time = exits[starts] // width, grid[exits[starts] % width]
    n_event = np.add.reduceat(event[order].astype(np.int64), starts)
    entries = None
    if entry is not None:
        # an entry before time 0 is the same as none at all: everything counted happens at or after 0
        late = entry >= 0
        entries = np.sort(codes[late] * width + np.searchsorted(grid, entry[late]))
    first = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    counter = _Counter(exits, entries, grid)
    n_risk = counter.count_at_risk(group, time)
    gone = (n_event > 0) & (n_event == n_risk)  # everybody at risk died: S becomes 0 and stays there
    some = (n_event > 0) & ~gone
    log_factor, step = np.zeros(len(group)), np.zeros(len(group))
    log_factor[some] = np.log1p(-n_event[some] / n_risk[some])
    step[some] = n_event[some] / (n_risk[some] * (n_risk[some] - n_event[some]).astype(float))
    times_gone = _cumulate(gone.astype(float), first, group)
    survival = np.where(times_gone > 0, 0.0, np.exp(_cumulate(log_factor, first, group)))
    effective = np.full(n_groups, np.nan)
    fatal = np.flatnonzero(gone & (times_gone == 1))
    before = np.where(fatal > first[group[fatal]], survival[np.maximum(fatal - 1, 0)], 1.0)
    # with delayed entry n / S can exceed the number of people: never claim more than were seen
    size = np.bincount(codes, minlength=n_groups)
    effective[group[fatal]] = np.minimum(n_risk[fatal] / before, size[group[fatal]])
    greenwood = _cumulate(step, first, group)
    return _Curve(group, time, n_risk, n_event, survival, greenwood, effective[group], first, counter)


def _cumulate(values: np.ndarray, first: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Sum cumulatively within groups."""
    total = np.cumsum(values)
    return total - (total[first] - values[first])[group]


def _all_steps(curve: _Curve):
    n_rows = len(curve.time)
    lacking = np.flatnonzero(curve.time[curve.first] > 0)
    groups = np.r_[lacking, curve.group]
    times = np.r_[np.zeros(len(lacking)), curve.time]
    order = np.lexsort((times, groups))
    n_risk = np.r_[curve.counter.count_at_risk(lacking, np.zeros(len(lacking))), curve.n_risk][order]
    n_event = np.r_[np.zeros(len(lacking), dtype=np.int64), curve.n_event][order]
    rows = np.r_[np.full(len(lacking), -1), np.arange(n_rows)][order]
    return groups[order], times[order], rows, n_risk, n_event


def _steps_at(curve: _Curve, times: np.ndarray):
    n_groups, n_times = len(curve.first), len(times)
    groups = np.repeat(np.arange(n_groups), n_times)
    wanted = np.tile(times, n_groups)
    row_keys = curve.counter.key(curve.group, curve.time, "right")
    rows = np.searchsorted(row_keys, curve.counter.key(groups, wanted, "right"), side="right") - 1
    rows = np.where(rows < curve.first[groups], -1, rows)
    n_risk = curve.counter.count_at_risk(groups, wanted)
    so_far = _cumulate(curve.n_event.astype(float), curve.first, curve.group)
    deaths = np.where(rows < 0, 0, so_far[np.maximum(rows, 0)]).astype(np.int64).reshape(n_groups, n_times)
    ascending = np.argsort(times, kind="stable")
    n_event = np.empty_like(deaths)
    n_event[:, ascending] = np.diff(deaths[:, ascending], axis=1, prepend=0)
    return groups, rows, n_risk, n_event.ravel()


def _log_log_limits(survival, greenwood, z: float) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        log_survival = np.log(survival)
        spread = z * np.sqrt(greenwood) / np.abs(log_survival)
        lower, upper = np.exp(log_survival * np.exp(spread)), np.exp(log_survival * np.exp(-spread))
    inside = (survival > 0) & (survival < 1)
    return np.where(inside, lower, np.nan), np.where(inside, upper, np.nan)


def _fill_exact_limits(survival, effective, times, lower, upper, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore"):
        root = np.exp(np.log(alpha / 2) / effective)  # (alpha/2)^(1/m); 0 when nobody is at risk
    full, none = survival == 1, survival == 0
    lower = np.where(full, np.where(times == 0, 1.0, root), np.where(none, 0.0, lower))
    upper = np.where(full, 1.0, np.where(none, 1 - root, upper))
    return lower, upper


def _crossing_times(curve: _Curve, values: np.ndarray) -> np.ndarray:
    tolerance = 1e-9  # a product of factors that should be 1/2 is rarely 1/2 to the last bit
    n_groups, n_rows = len(curve.first), len(values)
    reached = _first_row(values <= 0.5 + tolerance, curve.group, n_groups)
    passed = _first_row(values < 0.5 - tolerance, curve.group, n_groups)
    never, flat_end = reached == n_rows, passed == n_rows
    begin = curve.time[np.minimum(reached, n_rows - 1)]
    end = np.where(flat_end, begin, curve.time[np.minimum(passed, n_rows - 1)])
    return np.where(never, np.nan, (begin + end) / 2)


def _first_row(condition: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    rows = np.flatnonzero(condition)
    first = np.full(n_groups, len(condition))
    first[group[rows[::-1]]] = rows[::-1]
    return first


def _count_at_risk(duration, codes, n_groups: int, time) -> np.ndarray:
    """Count those at risk at each time, a column per group."""
    grid = np.unique(duration)
    width = len(grid) + 1
    keys = np.sort(codes * width + np.searchsorted(grid, duration))
    groups = np.arange(n_groups)[None, :]
    start = np.searchsorted(keys, groups * width + np.searchsorted(grid, time)[:, None])
    return (np.searchsorted(keys, (groups + 1) * width) - start).astype(float)
