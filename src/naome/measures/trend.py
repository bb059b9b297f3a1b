"""Indicators by year, with a test for trend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from naome.core.results import RESULT_COLUMNS
from naome.measures.methods import LOGISTIC_TREND
from naome.measures.specification import Indicator
from naome.measures.study import Study
from naome.measures.value_reasons import ALL_OR_NONE
from naome.stats.inputs import check_durations, check_events
from naome.stats.logistic import fit_logistic

SIGNIFICANT = 0.05
TESTED = [
    *("cohort", "measure", "definition_id", "first_year", "last_year", "first", "last", "n", "events", "z", "p_value"),
    *("first_n", "first_events", "last_n", "last_events"),
    *("odds_ratio", "lower", "upper", "status", "reason", "caution"),
]
LAST_CYCLE = "last_chemotherapy_to_death_days"
UNEQUAL = "People in later years have shorter follow-up, so fewer have reached their final cycle."


def measure_trends(analysis: pd.DataFrame, study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test every indicator for a trend over the years of origin.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table; ``year`` is the year of origin (diagnosis of de novo disease, first record of recurrence).
    study : Study

    Returns
    -------
    DataFrame, DataFrame
        One row per indicator and cohort: ``cohort, measure, first_year, last_year, first, last`` (proportions) and
        their counts (``first_n, first_events`` ...), ``n, events, z, p_value, odds_ratio, lower, upper, status, reason,
        caution``; and the odds ratio per year as results (``<id>_trend``).
        Values by year themselves are results of the indicators, grouped by year.

    Notes
    -----
    The test is the score test of the logistic model, which is the Cochran-Armitage test for trend (Armitage 1955;
    Agresti 2013, section 5.3.5), without continuity correction. A straight line over three years says little about the
    shape; recording and drug access change too.
    """
    rows = []
    for indicator in study.specification.indicators:
        if indicator.estimator != "proportion":
            continue
        for cohort in indicator.cohorts:
            row: dict[str, Any] = {"cohort": cohort, "measure": indicator.id, "caution": _caution(indicator)}
            row["definition_id"] = indicator.definition_id
            status, reason = "not_derivable", study.reason(indicator, cohort)
            if not reason:
                people = analysis[analysis["cohort"] == cohort]
                inside, positive = indicator.select(people)
                keep = inside & people["year"].notna().to_numpy()
                status, reason = "too_few", study.too_few(int(keep.sum()))
                if not reason:
                    status = "not_derivable"
                    row |= find_trend(people.loc[keep, "year"].to_numpy(dtype=int), positive[keep])
            reason = reason or row.get("reason", "")
            rows.append({**row, "status": status if reason else "ok", "reason": reason})
    table = pd.DataFrame(rows).reindex(columns=TESTED)
    shown = table.rename(columns={"odds_ratio": "estimate", "n": "denominator", "events": "numerator"})
    shown = shown[[column for column in shown if column in RESULT_COLUMNS]]
    shown = shown.assign(measure=shown["measure"] + "_trend")
    results = study.results(shown, unit_of_estimate="odds ratio per year", method=LOGISTIC_TREND)
    return table.drop(columns="definition_id"), results


def find_trend(year: np.ndarray, positive: np.ndarray) -> dict[str, object]:
    """Test a proportion for a linear trend of its log odds over years (Cochran-Armitage).

    Parameters
    ----------
    year : array of int, shape (n,)
    positive : array of bool, or of 0 and 1, shape (n,)

    Returns
    -------
    dict
        ``first_year, last_year, first, last`` and their counts, ``n, events, z`` (positive when rising)``, p_value``
        (two-sided),
        ``odds_ratio, lower, upper`` (per year, 95% Wald limits), ``reason`` when there is nothing to test.

    Raises
    ------
    ValueError
        Naming a year that is missing, or a value of `positive` other than 0 and 1.

    Examples
    --------
    >>> found = find_trend(np.repeat([2019, 2020], 50), np.tile([True, False], 50))
    >>> found["z"], found["p_value"]
    (0.0, 1.0)
    """
    year = check_durations(year, "year")
    positive = check_events(positive, len(year), "positive")
    n, events = len(year), int(np.sum(positive))
    found: dict[str, object] = {"n": n, "events": events, "reason": ""}
    if not n or len(np.unique(year)) < 2:
        return {**found, "reason": "There are fewer than two years to compare."}
    first, last = int(np.min(year)), int(np.max(year))
    ends: dict[str, object] = {}
    for name, chosen in (("first", positive[year == first]), ("last", positive[year == last])):
        ends |= {name: float(chosen.mean()), f"{name}_n": len(chosen), f"{name}_events": int(chosen.sum())}
    found |= {"first_year": first, "last_year": last, **ends}
    if not 0 < events < n:
        return {**found, "reason": ALL_OR_NONE}
    centred, mean = year - year.mean(), events / n
    z = float((centred * positive).sum() / np.sqrt(mean * (1 - mean) * (centred**2).sum()))
    found |= {"z": z, "p_value": float(2 * ndtr(-abs(z)))}
    counted, others = year[positive], year[~positive]
    if counted.max() <= others.min() or others.max() <= counted.min():  # no odds ratio of finite size fits best
        return {**found, "reason": "The outcome is perfectly separated by year."}
    coefficients, covariance = fit_logistic(np.column_stack([np.ones(n), centred]), positive.astype(float))
    half_width = ndtri(0.975) * np.sqrt(covariance[1, 1])
    ratio = np.exp(coefficients[1] + np.array([0, -half_width, half_width]))
    return {**found, **dict(zip(("odds_ratio", "lower", "upper"), map(float, ratio), strict=True))}


def count_trends(table: pd.DataFrame) -> tuple[int, int, float]:
    """Return how many trends were tested, how many have p < 0.05, and how many would by chance alone."""
    tested = table["p_value"].notna()
    return int(tested.sum()), int((table.loc[tested, "p_value"] < SIGNIFICANT).sum()), SIGNIFICANT * int(tested.sum())


def _caution(indicator: Indicator) -> str:
    unequal = indicator.numerator is not None and LAST_CYCLE in indicator.numerator.columns
    return UNEQUAL if unequal else ""
