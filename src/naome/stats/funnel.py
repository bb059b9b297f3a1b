"""Funnel-plot limits, and the classification of providers by exact mid-P tail probabilities.

Why the published limits are not used by default
------------------------------------------------
Spiegelhalter (2005, Stat Med 24:1185, appendix A.1.1) draws the p-limit at y_p = (r_p - a)/n, where r_p is the smallest
count with F(r_p) >= p and a = (F(r_p) - p)/(F(r_p) - F(r_p - 1)), F being the distribution function of the count under
the target. Two facts follow at once (both are checked exactly by :func:`realised_tail_probabilities` and the tests):

1. *Upper tail too large.* A count lies beyond the upper limit when r > r_p - a, that is r >= r_p (unless F(r_p) = p
   exactly). Its probability under the target is 1 - F(r_p - 1) > 1 - p, because r_p is the smallest count with
   F >= p. So the upper limit raises more false alarms than its nominal rate for every target and every n.
   A count lies below the lower limit when r <= r_p - 1, with probability F(r_p - 1) < p: always fewer than nominal.
2. *One event apart.* Count the people without the event instead: R' = n - R, target 1 - t, tail 1 - p. The smallest r'
   with 1 - F(n - r' - 1) >= 1 - p is r' = n - r_p, and its interpolation fraction is (p - F(r_p - 1))/(F(r_p) -
   F(r_p - 1)) = 1 - a. Reflected back, the limit is 1 - (n - r_p - 1 + a)/n = y_p + 1/n. The same data give limits
   exactly one event apart according to whether deaths or survivors are counted.

Adding half an event (``method="midp"``) removes both: the limits are symmetric under reflection, and - not only
approximately - a whole count r lies beyond them if and only if its mid-P tail probability, P(R < r) + P(R = r)/2 on the
low side, is below p. (r = r_p lies beyond when a < 1/2, which is F(r_p) - p < (F(r_p) - F(r_p - 1))/2, which is
F(r_p) - P(R = r_p)/2 < p; smaller counts always, larger never.) So the drawn line and :func:`classify` cannot disagree
at the provider's own n. Classification still never reads a drawn curve. ``method="exact_tail"`` shifts the upper limit
by a whole event and is the conservative test.

Realised over nominal tail probability, low / high tail, mean over targets .083, .207, .349, .612, .75 and n = 10, 20,
30, 50, 100, 200, 500, 1000 (exact sums): published 0.66 / 1.54 at 2.5% and 0.55 / 3.42 at 0.1% (at worst 56 times);
mid-P 0.79 / 0.93 and 0.76 / 0.86; exact tail 0.66 / 0.70 and 0.55 / 0.60; normal 0.79 / 1.04 and 0.92 / 1.41. Mid-P is
about nominal on average, not a guarantee: for a single target and n it reaches 1.7 times nominal.

The formula is as quoted in implementations and teaching material; whether the paper meant it for the drawing of a
smooth line only, and not for classification, cannot be settled from the formula.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special, stats

from naome.stats.inputs import check_same_rows, read_numbers

__all__ = [
    "binomial_limits",
    "classify",
    "classify_z",
    "midp_tail",
    "realised_tail_probabilities",
]

#: Tail probabilities end here, z at 37: a provider where everybody died has a finite score
SMALLEST_TAIL = 1e-300
FUNNEL_TESTS = ("midp", "spiegelhalter", "exact_tail", "normal")


def binomial_limits(
    target: float, n, tail: float, method: str = "midp", *, everyone: int | None = None
) -> pd.DataFrame:
    """Compute funnel limits for a proportion.

    Parameters
    ----------
    target : float
        The proportion under the null, strictly between 0 and 1.
    n : int or array of int
        Numbers of people, >= 1.
    tail : float
        Probability in each tail: 0.025 for 95% limits, 0.001 for 99.8%, 0.00135 for three standard deviations.
    method : {"midp", "spiegelhalter", "exact_tail", "normal"}
        See the module's text. "normal" is target +/- z sqrt(target (1 - target) / n), which the UK public-health
        formula equals.
    everyone : int, optional
        People from whom the target was computed, if the n people are among them: limits are then those of a part of a
        whole with the target's proportion (hypergeometric), narrower than binomial ones, by the root of
        1 - n / everyone or nearly so. Not with "normal".

    Returns
    -------
    pandas.DataFrame
        Columns ``n, target, tail, lower, upper``, proportions clipped to [0, 1].

    Raises
    ------
    ValueError
        Naming the value that is not allowed.

    Examples
    --------
    >>> binomial_limits(0.207, 100, 0.025).round(4).loc[0, ["lower", "upper"]].tolist()
    [0.1301, 0.2894]
    """
    target, tail = _check_target(target), _check_tail(tail)
    n = _check_sizes(n)
    if method == "normal":
        if everyone is not None:
            raise ValueError("everyone is given with method 'normal', which knows no limits of a part of a whole")
        half_width = -special.ndtri(tail) * np.sqrt(target * (1 - target) / n)
        lower, upper = target - half_width, target + half_width
    else:
        below, above = _shifts(method)
        distribution = _distribution(n, target, everyone)
        lower = (_interpolated_count(distribution, tail) + below) / n
        upper = (_interpolated_count(distribution, 1 - tail) + above) / n
    return pd.DataFrame(
        {"n": n, "target": target, "tail": tail, "lower": np.clip(lower, 0, 1), "upper": np.clip(upper, 0, 1)}
    )


def classify(
    x, n, target: float, *, tails=(0.025, 0.001), higher_is: str = "neutral", everyone: int | None = None
) -> pd.DataFrame:
    """Classify providers by the exact mid-P tail probability at their own n.

    Parameters
    ----------
    x, n : int or array of int
        Events and people per provider, 0 <= x <= n. n = 0 is "not_assessed".
    target : float
        The proportion under the null, strictly between 0 and 1.
    tails : tuple of two floats
        Probability in each tail beyond which a provider is on alert and on alarm.
    higher_is : {"better", "worse", "neutral"}
        The indicator's polarity; sets the wording of `direction`.
    everyone : int, optional
        People from whom the target was computed, if all providers' people are among them: the count of a provider is
        then hypergeometric, so that a provider that is a large part of its own target is not hidden by it.

    Returns
    -------
    pandas.DataFrame
        Columns ``x, n, proportion, z, tail_probability, level, direction``. ``z`` is the normal score of
        P(R < x) + P(R = x)/2: positive when the proportion is higher than the target. ``tail_probability`` is that of
        the side on which the provider lies (at most 0.5). ``level``: "within", "alert" (tail probability below the
        first tail), "alarm" (below the second) or "not_assessed". ``direction``: "better" / "worse" ("higher" /
        "lower" for a neutral indicator) for alerts and alarms, else "none". n = 0 gives NaN for the numbers.

    Raises
    ------
    ValueError
        Naming the value that is not allowed.

    Examples
    --------
    >>> classify([5, 20], [100, 100], 0.083, higher_is="worse")[["level", "direction"]].values.tolist()
    [['within', 'none'], ['alarm', 'worse']]
    """
    target = _check_target(target)
    check_same_rows(x=x, n=n)
    index = next((each.index for each in (x, n) if isinstance(each, pd.Series)), None)
    x, n = np.atleast_1d(read_numbers(x, "x")), np.atleast_1d(read_numbers(n, "n"))
    if x.ndim > 1 or n.ndim > 1:
        raise ValueError(f"x has {x.ndim} dimensions and n has {n.ndim}; allowed: numbers or one-dimensional arrays")
    if len(x) != len(n) and 1 not in (len(x), len(n)):
        raise ValueError(f"x has {len(x)} values but n has {len(n)}; they must agree (or be 1)")
    x, n = (each.copy() for each in np.broadcast_arrays(x, n))
    x, n = _check_counts_within(x, n)
    distribution = _distribution(np.maximum(n, 1), target, everyone)
    half = distribution.pmf(x) / 2
    z, tail = midp_tail(distribution.cdf(x - 1) + half, distribution.sf(x) + half)
    empty = n == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        proportion = x / n
    table = pd.DataFrame({"x": x, "n": n, "proportion": proportion}, index=index)
    return table.join(
        classify_z(np.where(empty, np.nan, z), tails=tails, higher_is=higher_is, tail=tail).set_axis(table.index)
    )


def classify_z(z, *, tails=(0.025, 0.001), higher_is: str = "neutral", tail=None) -> pd.DataFrame:
    """Classify providers by z scores (for risk-adjusted results, which bring their own z).

    Parameters
    ----------
    z : array of float
        Normal scores, positive when the quantity is higher than expected; NaN is "not_assessed". For survival, give the
        z of deaths with ``higher_is="worse"``.
    tails, higher_is
        As in :func:`classify`.
    tail : array of float, optional
        Exact tail probabilities that belong to z; None takes them from the normal distribution.

    Returns
    -------
    pandas.DataFrame
        Columns ``z, tail_probability, level, direction`` as in :func:`classify`.

    Raises
    ------
    ValueError
        If tails do not decrease or `higher_is` is unknown.

    Examples
    --------
    >>> classify_z([0.5, -3.5], higher_is="worse")["direction"].tolist()
    ['none', 'better']
    """
    words = {"better": ("better", "worse"), "worse": ("worse", "better"), "neutral": ("higher", "lower")}
    if higher_is not in words:
        raise ValueError(f"higher_is is {higher_is!r}; allowed: {list(words)}")
    alert, alarm = (_check_tail(each) for each in tails)
    if not alarm < alert:
        raise ValueError(f"tails are {tuple(tails)!r}; the second (alarm) must be smaller than the first (alert)")
    check_same_rows(z=z, tail=tail)
    z = np.atleast_1d(read_numbers(z, "z"))
    unknown = np.isnan(z)
    tail = special.ndtr(-np.abs(z)) if tail is None else read_numbers(tail, "tail")
    tail = np.where(unknown, np.nan, tail)
    level = np.select([unknown, tail < alarm, tail < alert], ["not_assessed", "alarm", "alert"], "within")
    high, low = words[higher_is]
    direction = np.where(np.isin(level, ["alert", "alarm"]), np.where(z > 0, high, low), "none")
    return pd.DataFrame({"z": z, "tail_probability": tail, "level": level, "direction": direction})


def midp_tail(low, high) -> tuple[np.ndarray, np.ndarray]:
    """Turn mid-P probabilities of both sides into a z score and the smaller tail probability.

    Parameters
    ----------
    low, high : array of float
        P(R < r) + P(R = r)/2 and P(R > r) + P(R = r)/2, each computed for itself so that neither loses digits.

    Returns
    -------
    tuple of numpy.ndarray
        (z, positive when `high` is the smaller; tail probability, at least 1e-300, so that every z is finite).

    Examples
    --------
    >>> [each.round(3).tolist() for each in midp_tail(np.array([0.975]), np.array([0.025]))]
    [[1.96], [0.025]]
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    tail = np.clip(np.minimum(low, high), SMALLEST_TAIL, 0.5)
    return np.where(high < low, -1.0, 1.0) * special.ndtri(tail), tail


def realised_tail_probabilities(
    target: float, n, tail: float, method: str = "midp", *, everyone: int | None = None
) -> pd.DataFrame:
    """Compute exactly how often a provider at the target falls outside limits.

    Parameters
    ----------
    target, n, tail, method, everyone
        As in :func:`binomial_limits`.

    Returns
    -------
    pandas.DataFrame
        Columns ``n, target, method, nominal, lower_tail, upper_tail``: sums of probabilities of the counts
        strictly beyond each limit (a count on the line, to 1e-12, is inside).

    Examples
    --------
    >>> row = realised_tail_probabilities(0.083, 20, 0.001, "spiegelhalter").loc[0]
    >>> bool(row["upper_tail"] > 4 * row["nominal"])
    True
    """
    limits = binomial_limits(target, n, tail, method, everyone=everyone)
    size = limits["n"].to_numpy()
    # the largest count strictly below, and the smallest strictly above
    below = np.ceil((limits["lower"].to_numpy() - 1e-12) * size) - 1
    above = np.floor((limits["upper"].to_numpy() + 1e-12) * size) + 1
    distribution = _distribution(size, target, everyone)
    return pd.DataFrame(
        {
            "n": size,
            "target": target,
            "method": method,
            "nominal": tail,
            "lower_tail": distribution.cdf(below),
            "upper_tail": distribution.sf(above - 1),
        }
    )


def _distribution(n: np.ndarray, target: float, everyone: int | None):
    """Return the distribution of the count of n people under the null: alone, or as a part of everyone."""
    if everyone is None:
        return stats.binom(n, target)
    if everyone < n.max():
        raise ValueError(f"everyone is {everyone}, fewer than the {int(n.max())} people of a provider")
    return stats.hypergeom(everyone, round(target * everyone), n)


def _interpolated_count(distribution, p: float) -> np.ndarray:
    """Return r_p - a of Spiegelhalter (2005) A.1.1, a count."""
    count = distribution.ppf(p)
    here, before = distribution.cdf(count), distribution.cdf(count - 1)
    return count - (here - p) / (here - before)


def _shifts(method: str) -> tuple[float, float]:
    shifts = {"midp": (0.5, 0.5), "spiegelhalter": (0.0, 0.0), "exact_tail": (0.0, 1.0)}
    if method not in shifts:
        raise ValueError(f"method is {method!r}; allowed: {list(FUNNEL_TESTS)}")
    return shifts[method]


def _check_target(target: float) -> float:
    if not 0 < target < 1:
        raise ValueError(f"target is {target!r}; it must lie strictly between 0 and 1 (a proportion, not a percentage)")
    return float(target)


def _check_tail(tail: float) -> float:
    if not 0 < tail < 0.5:
        raise ValueError(f"tail is {tail!r}; it is the probability in one tail, between 0 and 0.5, e.g. 0.025 or 0.001")
    return float(tail)


def _check_sizes(n) -> np.ndarray:
    n = np.atleast_1d(read_numbers(n, "n"))
    wrong = ~(np.isfinite(n) & (n >= 1) & (n == np.floor(n)))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"n[{at}] is {n[at]:g}; it must be a whole number >= 1")
    return n.astype(np.int64)


def _check_counts_within(x, n) -> tuple[np.ndarray, np.ndarray]:
    for name, values in (("x", x), ("n", n)):
        wrong = ~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise ValueError(f"{name}[{at}] is {values[at]:g}; it must be a whole number >= 0")
    if (x > n).any():
        at = int(np.flatnonzero(x > n)[0])
        raise ValueError(f"x[{at}] is {x[at]:g}, more than n[{at}] = {n[at]:g}; need 0 <= x <= n")
    return x.astype(np.int64), n.astype(np.int64)
