"""Gaps in care by deprivation and ethnic group: crude and age-standardised, and whether results are inconclusive."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.measures.methods import STANDARDISED_GAP
from naome.measures.specification import Indicator
from naome.measures.study import Study
from naome.stats.inputs import check_events
from naome.stats.intervals import square_and_add, wilson

MOST_DEPRIVED, LEAST_DEPRIVED = "1", "5"
REFERENCE_ETHNIC_GROUP = "white"
AGE_COLUMN = "age_group"
COMPARED_BY = ("deprivation", "ethnic_group")
# Ten percentage points: a gap this wide matters to people, so data that cannot rule it out have not shown equality
IMPORTANT_GAP = 0.10
CRUDE_METHOD = "newcombe hybrid score interval"
READINGS = ("higher", "lower", "within ten points", "inconclusive", "not derivable", "")


def measure_gaps(analysis: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Measure the gap of every indicator between the most and least deprived, and between ethnic groups.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table; deprivation 1 is the most deprived fifth.
    study : Study

    Returns
    -------
    DataFrame
        Results of the nation, differences of proportions (-1 to 1): ``<id>_gap`` crude and ``<id>_gap_standardised``
        for age; grouped by ``deprivation`` (group "1 less 5") and ``ethnic_group`` ("asian less white" ...).
        ``denominator`` and ``numerator`` are those of the two groups together. People whose group is not recorded are
        left out. Fewer than ``minimum_denominator`` in either group is ``too_few``.

    Notes
    -----
    Direct standardisation: each group's proportion in each age group (18-49, 50-69, 70-79, 80+), weighted by the ages
    of everyone the indicator counts in that cohort: what the groups would show were both of the cohort's own ages.
    Where one of the two has nobody in an age group that the cohort has, it is not derivable. Crude limits: Newcombe
    (1998) Stat Med 17:873, method 10. Standardised: MOVER, Zou & Donner (2008) Stat Med 27:1693, with Wilson limits in
    each age group, which stay honest where a cell has no events. Missing age leaves a person out of the standardised
    gap only.
    """
    frames = []
    for indicator in study.specification.indicators:
        if indicator.estimator != "proportion":
            continue
        for cohort in indicator.cohorts:
            people = analysis[analysis["cohort"] == cohort]
            reason = study.reason(indicator, cohort)
            measures = (f"{indicator.id}_gap", f"{indicator.id}_gap_standardised")
            absent = study.not_derivable_rows(measures, reason, group_by=COMPARED_BY)
            rows = absent if reason else _gaps(people, indicator, study)
            frames.append(rows.assign(cohort=cohort, definition_id=indicator.definition_id))
    return study.results(pd.concat(frames, ignore_index=True), unit_of_estimate="difference of proportions")


def read_gap(row: pd.Series | dict) -> str:
    """Return what a gap with its interval says: one of ``READINGS``.

    *higher* or *lower*: the interval excludes no difference. Otherwise *within ten points* when it lies within ten
    percentage points of none, and *inconclusive* when it does not: no difference and one of ten points or more are
    both compatible with the data. Nothing, an empty text, is said of a gap that is suppressed or of too few people.

    Examples
    --------
    >>> [read_gap({"status": "ok", "lower": low, "upper": 0.05}) for low in (-0.03, -0.2)]
    ['within ten points', 'inconclusive']
    """
    if row["status"] == "not_derivable":
        return "not derivable"
    if row["status"] != "ok":
        return ""
    if row["lower"] > 0:
        return "higher"
    if row["upper"] < 0:
        return "lower"
    within = row["lower"] >= -IMPORTANT_GAP and row["upper"] <= IMPORTANT_GAP
    return "within ten points" if within else "inconclusive"


def standardise_proportion(
    inside: np.ndarray, positive: np.ndarray, strata: pd.Series, weights: pd.Series
) -> dict[str, float] | None:
    """Standardise a proportion directly, with MOVER limits.

    Parameters
    ----------
    inside, positive : array of bool, shape (n,)
    strata : Series, shape (n,)
        Missing leaves a person out.
    weights : Series
        Stratum -> weight, adding up to 1.

    Returns
    -------
    dict or None
        ``estimate, lower, upper``; None when a stratum with weight has nobody.
    """
    inside, positive = check_events(inside, len(strata), "inside"), check_events(positive, len(strata), "positive")
    known = inside & strata.notna().to_numpy()
    labels = strata[known].astype(str)
    n = labels.value_counts().reindex(weights.index, fill_value=0)
    if (n == 0).any():
        return None
    x = labels[positive[known]].value_counts().reindex(weights.index, fill_value=0)
    each = wilson(x.to_numpy(), n.to_numpy())
    estimate = float((weights.to_numpy() * each["estimate"]).sum())
    below = np.sqrt(((weights.to_numpy() * (each["estimate"] - each["lower"])) ** 2).sum())
    above = np.sqrt(((weights.to_numpy() * (each["upper"] - each["estimate"])) ** 2).sum())
    return {"estimate": estimate, "lower": estimate - float(below), "upper": estimate + float(above)}


def _gaps(people: pd.DataFrame, indicator: Indicator, study: Study) -> pd.DataFrame:
    inside, positive = indicator.select(people)
    rows = []
    for group_by, one, other in _pairs(people):
        labels = people[group_by].astype("string")
        chosen = [inside & (labels == label).fillna(False).to_numpy(dtype=bool) for label in (one, other)]
        n = [int(who.sum()) for who in chosen]
        shared = {
            "group_by": group_by,
            "group": f"{one} less {other}",
            "denominator": sum(n),
            "numerator": int((positive & (chosen[0] | chosen[1])).sum()),
        }
        reason = study.too_few(min(n), "people in one of the groups")
        crude = None if reason else _crude(chosen, positive)
        rows.append(_row(indicator, "gap", shared, crude, CRUDE_METHOD, reason))
        standard = None if reason else _standardised(people, inside, positive, chosen)
        empty = reason or ("no one of one of the groups in an age group" if standard is None else "")
        rows.append(_row(indicator, "gap_standardised", shared, standard, STANDARDISED_GAP, empty))
    return pd.DataFrame(rows)


def _pairs(people: pd.DataFrame) -> list[tuple[str, str, str]]:
    pairs = [("deprivation", MOST_DEPRIVED, LEAST_DEPRIVED)]
    others = sorted(set(people["ethnic_group"].dropna()) - {REFERENCE_ETHNIC_GROUP})
    return pairs + [("ethnic_group", other, REFERENCE_ETHNIC_GROUP) for other in others]


def _crude(chosen: list[np.ndarray], positive: np.ndarray) -> dict[str, float]:
    table = wilson([int((positive & who).sum()) for who in chosen], [int(who.sum()) for who in chosen])
    first, second = (row._asdict() for row in table[["estimate", "lower", "upper"]].itertuples(index=False))
    return square_and_add(first, second)


def _standardised(
    people: pd.DataFrame, inside: np.ndarray, positive: np.ndarray, chosen: list[np.ndarray]
) -> dict[str, float] | None:
    strata = people[AGE_COLUMN].astype("string")
    weights = strata[inside].dropna().value_counts(normalize=True).sort_index().astype("float64")
    first, second = (standardise_proportion(who, positive, strata, weights) for who in chosen)
    return square_and_add(first, second) if len(weights) and first and second else None


def _row(indicator: Indicator, name: str, shared: dict, found: dict | None, method: str, reason: str) -> dict:
    status = "ok" if not reason else "too_few"
    return {
        "measure": f"{indicator.id}_{name}",
        **shared,
        **(found or {}),
        "method": method,
        "status": status,
        "reason": reason,
    }
