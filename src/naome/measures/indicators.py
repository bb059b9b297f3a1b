"""Proportions by group and level: indicators evaluated on the analysis table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.measures.specification import Group, Indicator
from naome.measures.study import Study, say_too_few
from naome.stats.intervals import wilson

MISSING = "not recorded"


def evaluate_indicators(analysis: pd.DataFrame, study: Study, *, only: tuple[str, ...] = ()) -> pd.DataFrame:
    """Evaluate every indicator for every group and level.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table.
    study : Study
    only : tuple of str
        Indicator ids to evaluate; all by default.

    Returns
    -------
    DataFrame
        Results (:mod:`naome.core.results`). Sub-national levels are given for
        everyone, regions and alliances where there are several; groups are given
        nationally. What cannot be derived is one row that says why.
    """
    frames = []
    for indicator in study.specification.indicators:
        if indicator.estimator != "proportion" or (only and indicator.id not in only):
            continue
        for cohort in indicator.cohorts:
            known = {"cohort": cohort, "definition_id": indicator.definition_id}
            reason = study.reason(indicator, cohort)
            if reason:
                frames.append(study.not_derivable_rows(indicator.id, reason, **known))
                continue
            people = analysis[analysis["cohort"] == cohort]
            frames.append(_evaluate(people, indicator, study, cohort).assign(**known))
    return study.results(pd.concat(frames, ignore_index=True))


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
            "reason": np.where(few, say_too_few(minimum), ""),
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


def _evaluate(people: pd.DataFrame, indicator: Indicator, study: Study, cohort: str) -> pd.DataFrame:
    minimum = study.params.minimum_denominator
    inside, positive = indicator.select(people)
    frames = []
    for group in study.specification.groups:
        if reason := study.lacks((*group.columns, *(group.where.columns if group.where else ())), cohort):
            frames.append(study.not_derivable_rows(indicator.id, reason, group_by=group.id))
            continue
        within, labels = divide_people(people, group)
        counted = count_proportions(inside[within], positive[within], labels[within], minimum)
        frames.append(counted.assign(level="nation", group_by=group.id))
    for level in study.specification.levels:
        if level == "nation":
            continue
        column = indicator.provider if level == "provider" else level
        # the only region of a nation is the nation itself, whose counts have another policy
        if people[column].nunique() < (1 if level == "provider" else 2):
            continue
        counted = count_proportions(inside, positive, people[column], minimum)
        counted = counted[counted["denominator"] > 0].rename(columns={"group": "unit"})
        frames.append(counted.assign(level=level, group_by="all", group="all"))
    return pd.concat(frames, ignore_index=True).assign(measure=indicator.id)
