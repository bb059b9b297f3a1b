"""Confidence intervals for proportions, counts and standardised ratios.

Every function takes scalars or arrays that broadcast against each other and returns a tidy frame with one row per
element; the index of a Series is kept. Nothing here is an approximation by simulation: all limits are closed forms or
quantiles of a chi-squared distribution.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special

from naome.stats.inputs import check_same_rows, normal_quantile, read_numbers

__all__ = ["poisson_exact", "smr", "square_and_add", "wilson"]


def wilson(x, n, conf_level: float = 0.95) -> pd.DataFrame:
    """Compute Wilson score intervals for proportions.

    Parameters
    ----------
    x : int or array of int
        Number of people with the characteristic, 0 <= x <= n.
    n : int or array of int
        Number of people, n >= 0.
    conf_level : float
        Coverage, between 0 and 1 (0.95 for reporting, 0.998 for funnel work).

    Returns
    -------
    pandas.DataFrame
        Columns ``x, n, estimate, lower, upper``. ``n = 0`` gives NaN for the last three. The lower limit is exactly 0
        when x = 0 and the upper limit exactly 1 when x = n (floating-point noise is clipped).

    Raises
    ------
    ValueError
        If x or n is negative, missing or not a whole number, or x > n; the message names the value and its position.

    Notes
    -----
    Wilson (1927) JASA 22:209; Newcombe & Altman (2000), no continuity correction.

    Examples
    --------
    >>> wilson(65, 100).round(4).loc[0, ["lower", "upper"]].tolist()
    [0.5525, 0.7364]
    """
    check_same_rows(x=x, n=n)
    index = _index_of(x, n)
    x, n = _check_proportion(x, n)
    z = normal_quantile(conf_level)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = x / n
        half_width = z * np.sqrt(z**2 + 4 * x * (1 - estimate))
        denominator = 2 * (n + z**2)
        # at x = 0 and x = n the limit is the estimate, but rounding leaves it a bit to one side or the other
        lower = np.where(x == 0, 0.0, np.clip((2 * x + z**2 - half_width) / denominator, 0, 1))
        upper = np.where(x == n, 1.0, np.clip((2 * x + z**2 + half_width) / denominator, 0, 1))
    return _proportion_frame(x, n, estimate, lower, upper, index)


def poisson_exact(observed, conf_level: float = 0.95) -> pd.DataFrame:
    """Compute exact (Garwood) limits for Poisson counts.

    Parameters
    ----------
    observed : int or array of int
        Counts, >= 0.
    conf_level : float
        Coverage, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Columns ``observed, lower, upper``; the lower limit is 0 for a count of 0.

    Raises
    ------
    ValueError
        If a count is negative, missing or not whole.

    Notes
    -----
    Garwood (1936) Biometrika 28:437: chi-squared quantiles with 2O and 2O + 2 degrees of freedom.

    Examples
    --------
    >>> poisson_exact(0).round(4).loc[0, "upper"].item()
    3.6889
    """
    index = _index_of(observed)
    observed = _check_counts(observed, "observed")
    lower, upper = _poisson_limits(observed, 1 - _check_level(conf_level))
    return pd.DataFrame({"observed": observed.astype(np.int64), "lower": lower, "upper": upper}, index=index)


def smr(observed, expected, conf_level: float = 0.95) -> pd.DataFrame:
    """Compute standardised ratios observed / expected with exact (Garwood) limits for a Poisson count.

    Parameters
    ----------
    observed : int or array of int
        Observed counts, >= 0.
    expected : float or array of float
        Expected counts, >= 0, treated as known.
    conf_level : float
        Coverage, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Columns ``observed, expected, ratio, lower, upper``; NaN where the expected count is 0.

    Raises
    ------
    ValueError
        If a count is negative, missing or not whole, or an expected count is negative or missing.

    Examples
    --------
    >>> smr(10, 8.0).round(3).loc[0, ["ratio", "lower", "upper"]].tolist()
    [1.25, 0.599, 2.299]
    """
    check_same_rows(observed=observed, expected=expected)
    index = _index_of(observed, expected)
    observed, expected = _check_counts(observed, "observed"), np.atleast_1d(read_numbers(expected, "expected"))
    observed, expected = _match_lengths(observed=observed, expected=expected)
    wrong = ~(np.isfinite(expected) & (expected >= 0))
    if wrong.any():
        position = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"expected[{position}] is {expected[position]:g}; it must be a number >= 0")
    lower, upper = _poisson_limits(observed, 1 - _check_level(conf_level))
    with np.errstate(divide="ignore", invalid="ignore"):
        table = {"ratio": observed / expected, "lower": lower / expected, "upper": upper / expected}
    table = {key: np.where(expected > 0, value, np.nan) for key, value in table.items()}
    return pd.DataFrame({"observed": observed.astype(np.int64), "expected": expected, **table}, index=index)


def square_and_add(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    """Subtract two independent proportions with limits (square-and-add; of Wilson limits, Newcombe's method 10).

    Parameters
    ----------
    first, second : mapping
        ``estimate, lower, upper``, between 0 and 1.

    Returns
    -------
    dict
        ``estimate, lower, upper`` of first less second, between -1 and 1.

    Notes
    -----
    Newcombe (1998) Stat Med 17:873; Zou and Donner (2008) Stat Med 27:1693 for other limits.

    Examples
    --------
    >>> one, two = (wilson(x, n).iloc[0] for x, n in ((56, 70), (48, 80)))
    >>> [round(value, 4) for value in square_and_add(one, two).values()]
    [0.2, 0.0524, 0.3339]
    """
    estimate = float(first["estimate"] - second["estimate"])
    below = float(np.hypot(first["estimate"] - first["lower"], second["upper"] - second["estimate"]))
    above = float(np.hypot(first["upper"] - first["estimate"], second["estimate"] - second["lower"]))
    return {"estimate": estimate, "lower": max(-1.0, estimate - below), "upper": min(1.0, estimate + above)}


def _poisson_limits(observed: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    lower = np.where(observed == 0, 0.0, special.gammaincinv(np.maximum(observed, 1), alpha / 2))
    return lower, special.chdtri(2 * observed + 2, alpha / 2) / 2


def _proportion_frame(x, n, estimate, lower, upper, index) -> pd.DataFrame:
    empty = n == 0
    limits = {"estimate": estimate, "lower": lower, "upper": upper}
    limits = {key: np.where(empty, np.nan, value) for key, value in limits.items()}
    return pd.DataFrame({"x": x.astype(np.int64), "n": n.astype(np.int64), **limits}, index=index)


def _check_proportion(x, n) -> tuple[np.ndarray, np.ndarray]:
    x, n = _check_counts(x, "x"), _check_counts(n, "n")
    x, n = _match_lengths(x=x, n=n)
    wrong = x > n
    if wrong.any():
        position = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"x[{position}] is {x[position]:g}, more than n[{position}] = {n[position]:g}; need 0 <= x <= n"
        )
    return x, n


def _match_lengths(**arrays: np.ndarray) -> list[np.ndarray]:
    lengths = {name: len(each) for name, each in arrays.items()}
    if len(set(lengths.values()) - {1}) > 1:
        raise ValueError(f"lengths differ: {lengths}; they must agree (or be 1)")
    return list(np.broadcast_arrays(*arrays.values()))


def _index_of(*inputs) -> pd.Index | None:
    # a caller who passes a Series can assign the result's columns back without misalignment
    return next((each.index for each in inputs if isinstance(each, pd.Series)), None)


def _check_counts(values, name: str) -> np.ndarray:
    values = read_numbers(values, name)
    if values.ndim > 1:
        raise ValueError(f"{name} has {values.ndim} dimensions; allowed: a number or a one-dimensional array")
    values = np.atleast_1d(values)
    wrong = ~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))
    if wrong.any():
        position = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"{name}[{position}] is {values[position]:g}; it must be a whole number >= 0")
    return values


def _check_level(conf_level: float) -> float:
    normal_quantile(conf_level)  # refuses a level that is not one
    return float(conf_level)
