"""Proportions by group and level: indicators evaluated on the analysis table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.measures.specification import Group, Indicator, Specification
from naome.params import Params
from naome.results import make_results
from naome.stats.intervals import wilson

MISSING = "not recorded"


def evaluate_indicators(
    analysis: pd.DataFrame, params: Params, specification: Specification, *, run_id: str, only: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Evaluate every indicator for every group and level.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table.
    params : Params
    specification : Specification
    run_id : str
    only : tuple of str
        Indicator ids to evaluate; all by default.

    Returns
    -------
    DataFrame
        Results (:mod:`naome.results`). Sub-national levels are given for
        everyone; groups are given nationally. What cannot be derived is one row
        that says why.
    """
    frames = []
    for indicator in specification.indicators:
        if indicator.estimator != "proportion" or (only and indicator.id not in only):
            continue
        for cohort in indicator.cohorts:
            reason = indicator.reason_not_derivable(params, cohort)
            if reason:
                frames.append(_not_derivable(indicator, cohort, params, reason))
                continue
            people = analysis[analysis["cohort"] == cohort]
            frames.append(_evaluate(people, indicator, cohort, params, specification))
    return make_results(pd.concat(frames, ignore_index=True), audit=params.audit, nation=params.nation, run_id=run_id)


def count_proportions(inside: np.ndarray, positive: np.ndarray, labels: pd.Series, minimum: int) -> pd.DataFrame:
    """Count a proportion by label with its Wilson interval.

    Parameters
    ----------
    inside, positive : array of bool, shape (n,)
        Whether each person is in the denominator, and in the numerator.
    labels : Series, shape (n,)
        Group of each person; missing labels are counted as *not recorded*.
    minimum : int
        Smaller denominators get the status ``too_few``.

    Returns
    -------
    DataFrame
        ``group, denominator, numerator, estimate, lower, upper, method, status, reason``
        sorted by group, *not recorded* last. Groups without a denominator are
        kept, with status ``too_few`` and no estimate.
    """
    labels = labels.astype("string").fillna(MISSING)
    frame = pd.DataFrame({"group": labels.to_numpy(), "d": inside, "n": inside & positive})
    counts = frame.groupby("group", sort=True)[["d", "n"]].sum().astype(int)
    counts = counts.loc[sorted(counts.index, key=lambda label: (label == MISSING, label))]
    interval = wilson(counts["n"].to_numpy(), counts["d"].to_numpy())
    few = counts["d"].to_numpy() < minimum
    return pd.DataFrame(
        {
            "group": counts.index,
            "denominator": counts["d"].to_numpy(),
            "numerator": counts["n"].to_numpy(),
            "estimate": interval["estimate"].to_numpy(),
            "lower": interval["lower"].to_numpy(),
            "upper": interval["upper"].to_numpy(),
            "method": "wilson",
            "status": np.where(few, "too_few", "ok"),
            "reason": np.where(few, f"fewer than {minimum} people in the denominator", ""),
        }
    )


def divide_people(people: pd.DataFrame, group: Group) -> tuple[np.ndarray, pd.Series]:
    """Return whom a group concerns and each person's label in it.

    Returns
    -------
    array of bool, Series of str
    """
    within = group.where.evaluate(people) if group.where else np.ones(len(people), dtype=bool)
    if not group.columns:
        return within, pd.Series(group.label, index=people.index, dtype="string")
    parts = [people[column].astype("string").fillna(MISSING) for column in group.columns]
    labels = parts[0]
    for part in parts[1:]:
        labels = labels + " / " + part
    return within, labels


def _evaluate(people, indicator: Indicator, cohort: str, params: Params, specification: Specification) -> pd.DataFrame:
    inside, positive = indicator.select(people)
    frames = []
    for group in specification.groups:
        within, labels = divide_people(people, group)
        counted = count_proportions(inside[within], positive[within], labels[within], params.minimum_denominator)
        frames.append(counted.assign(level="nation", unit=params.nation, group_by=group.id))
    for level in specification.levels:
        if level == "nation":
            continue
        column = indicator.provider if level == "provider" else level
        if people[column].isna().all():
            continue
        counted = count_proportions(inside, positive, people[column], params.minimum_denominator)
        counted = counted[counted["denominator"] > 0].rename(columns={"group": "unit"})
        frames.append(counted.assign(level=level, group_by="all", group="all"))
    table = pd.concat(frames, ignore_index=True)
    return table.assign(cohort=cohort, measure=indicator.id, definition_id=indicator.definition_id)


def _not_derivable(indicator: Indicator, cohort: str, params: Params, reason: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cohort": [cohort],
            "measure": [indicator.id],
            "level": ["nation"],
            "unit": [params.nation],
            "status": ["not_derivable"],
            "reason": [reason],
            "definition_id": [indicator.definition_id],
        }
    )
