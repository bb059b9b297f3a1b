"""XmR (individuals and moving range) charts with the rules of NHS England's "Making Data Count"."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.stats.inputs import read_numbers

__all__ = ["CHART_SCENARIOS", "simulate_charts", "xmr_chart"]

# 3 / d2 for ranges of two: turns the mean moving range into three standard deviations; 3.267 = D4 for two
LIMIT_FACTOR = 2.66
RANGE_FACTOR = 3.267
RUN_LENGTH = 7
TREND_LENGTH = 7
#: A proportion that never changes, and how many points its chart has
CHART_SCENARIOS = ((0.6, 12), (0.6, 28), (0.999, 12))


def xmr_chart(values, *, baseline: int | None = None) -> pd.DataFrame:
    """Compute XmR limits and mark special-cause variation.

    Parameters
    ----------
    values : array of float, shape (n,)
        Equally spaced values in order of time, n >= 2, none missing.
    baseline : int, optional
        Number of first points from which centre and limits are computed; None uses all.

    Returns
    -------
    pandas.DataFrame
        One row per point: ``point`` (1..n), ``value, moving_range`` (NaN first), ``centre`` (mean), ``lower, upper``
        (centre -/+ 2.66 mean moving range), ``moving_range_limit`` (3.267 mean moving range), and one boolean per rule,
        true for every point that takes part in the pattern:

        * ``outside_limits``: a single point strictly beyond a limit;
        * ``run``: 7 or more points in a row strictly on one side of the centre;
        * ``trend``: 7 or more points in a row, each higher (or each lower) than the one before;
        * ``two_of_three``: two of three points in a row in the outer third between centre and limit, same side (the
          two points are marked; points beyond the limit count);

        ``special_cause`` (any rule) and ``signal`` ("high", "low" or "none": the side or direction of the pattern; for
        a trend, rising is "high"). Equal values break a trend; a point on the centre line breaks a run. When values
        never change the limits equal the centre and nothing is marked.

    Raises
    ------
    ValueError
        Naming the position of a missing value; or fewer than two values in the baseline.

    Notes
    -----
    Wheeler & Chambers (1992); NHS England, Making Data Count: strengthening your decisions. The Making Data Count Excel
    tool lets its user choose 6 or 7 points; NHS England's Model Health System (feedback.model.nhs.uk, article 1979271)
    and the NHS-R community's NHSRplotthedots have 7 for the run and for the trend, as here.

    Examples
    --------
    >>> xmr_chart([10, 12, 11, 13, 12, 20])["outside_limits"].any().item()
    False
    >>> xmr_chart([10, 12, 11, 13, 12, 30], baseline=5)["outside_limits"].tolist()
    [False, False, False, False, False, True]
    """
    values = read_numbers(values, "values")
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"values has shape {values.shape}; a chart needs at least two points in a row")
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"values[{at}] is {values[at]}; omit missing periods, or do not draw the chart")
    size = len(values) if baseline is None else int(baseline)
    if not 2 <= size <= len(values):
        raise ValueError(f"baseline is {baseline}; allowed: 2 to {len(values)} points")
    moving_range = np.r_[np.nan, np.abs(np.diff(values))]
    centre, spread = values[:size].mean(), moving_range[1:size].mean()
    lower, upper = centre - LIMIT_FACTOR * spread, centre + LIMIT_FACTOR * spread
    # a mean of equal numbers may differ from them in the last bit: do not take that for a side
    side = np.where(np.isclose(values, centre, rtol=1e-12, atol=0), 0, np.sign(values - centre)).astype(int)
    beyond = ((values > upper) | (values < lower)) & (side != 0)
    run = _mark_runs(side, RUN_LENGTH)
    steps = np.sign(np.diff(values)).astype(int)
    rising = _mark_steps(steps == 1, TREND_LENGTH)
    falling = _mark_steps(steps == -1, TREND_LENGTH)
    near_high = _mark_two_of_three((values > centre + 2 / 3 * (upper - centre)) & (side == 1))
    near_low = _mark_two_of_three((values < centre - 2 / 3 * (centre - lower)) & (side == -1))
    high = ((beyond | run) & (side == 1)) | near_high | rising
    low = ((beyond | run) & (side == -1)) | near_low | falling
    # a point can end a fall above the centre: the point's own side, when it breaks a rule by itself, has precedence
    own = (beyond | run | near_high | near_low) & (side != 0)
    signal = np.select([own & (side == 1), own & (side == -1), high, low], ["high", "low", "high", "low"], "none")
    return pd.DataFrame(
        {
            "point": np.arange(1, len(values) + 1),
            "value": values,
            "moving_range": moving_range,
            "centre": centre,
            "lower": lower,
            "upper": upper,
            "moving_range_limit": RANGE_FACTOR * spread,
            "outside_limits": beyond,
            "run": run,
            "trend": rising | falling,
            "two_of_three": near_high | near_low,
            "special_cause": high | low,
            "signal": signal,
        }
    )


def simulate_charts(
    scenarios: tuple[tuple[float, int], ...] = CHART_SCENARIOS,
    *,
    people: int = 1000,
    charts: int = 1000,
    seed: int = 1,
) -> pd.DataFrame:
    """Simulate charts of proportions that never change: how many have a point that is marked all the same.

    Limits come from the points of the chart itself, so that they are the nearer the fewer distinct values there are,
    and a longer chart has more occasions to break a rule.

    Parameters
    ----------
    scenarios : tuple of (float, int)
        True proportion, 0 to 1, and number of points.
    people : int
        Behind each point.
    charts : int
        Simulated for each scenario.
    seed : int

    Returns
    -------
    pandas.DataFrame
        One row per scenario: ``proportion, points, people, charts, marked`` (share of charts with special-cause
        variation, 0 to 1).

    Examples
    --------
    >>> simulate_charts(((0.6, 12),), charts=100)["marked"].item() < 0.2
    True
    """
    rows = []
    for number, (proportion, points) in enumerate(scenarios):
        drawn = np.random.default_rng([seed, number]).binomial(people, proportion, (charts, points)) / people
        marked = float(np.mean([xmr_chart(values)["special_cause"].any() for values in drawn]))
        rows.append((proportion, points, people, charts, marked))
    return pd.DataFrame(rows, columns=["proportion", "points", "people", "charts", "marked"])


def _mark_runs(side: np.ndarray, length: int) -> np.ndarray:
    starts = np.flatnonzero(np.r_[True, side[1:] != side[:-1]])
    lengths = np.diff(np.r_[starts, len(side)])
    return np.repeat((lengths >= length) & (side[starts] != 0), lengths)


def _mark_steps(step: np.ndarray, length: int) -> np.ndarray:
    """Mark points joined by at least length - 1 equal steps in a row."""
    long_enough = _mark_runs(step.astype(int), length - 1)
    return np.r_[long_enough, False] | np.r_[False, long_enough]


def _mark_two_of_three(near: np.ndarray) -> np.ndarray:
    marked = np.zeros(len(near), dtype=bool)
    if len(near) < 3:
        return marked
    windows = np.lib.stride_tricks.sliding_window_view(near, 3)
    for shift in range(3):
        marked[shift : shift + len(windows)] |= windows.sum(axis=1) >= 2
    return marked & near
