"""Proportions by group and level: indicators evaluated on the analysis table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from naome.measures.methods import WILSON
from naome.measures.specification import Group, Indicator
from naome.measures.study import Study, say_too_few
from naome.stats.inputs import check_events
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
    cohorts: dict[str, _Cohort] = {}
    for indicator in study.specification.indicators:
        if indicator.estimator != "proportion" or (only and indicator.id not in only):
            continue
        for cohort in indicator.cohorts:
            known = {"cohort": cohort, "definition_id": indicator.definition_id}
            reason = study.reason(indicator, cohort)
            if reason:
                frames.append(study.not_derivable_rows(indicator.id, reason, **known))
                continue
            if cohort not in cohorts:
                cohorts[cohort] = _Cohort(analysis[analysis["cohort"] == cohort], study, cohort)
            frames.append(_evaluate(cohorts[cohort], indicator, study).assign(**known))
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
    inside, positive = check_events(inside, len(labels), "inside"), check_events(positive, len(labels), "positive")
    division = _divide(np.ones(len(labels), dtype=bool), labels)
    return _tabulate(division.labels, division.count(inside), division.count(inside & positive), minimum)


@dataclass(frozen=True)
class _Division:
    """Whom a characteristic concerns, its labels in order, and the place of each person's among them."""

    within: np.ndarray
    labels: np.ndarray
    places: np.ndarray

    def count(self, chosen: np.ndarray) -> np.ndarray:
        """Count some people by label."""
        return np.bincount(self.places[chosen[self.within]], minlength=len(self.labels))


def _divide(within: np.ndarray, labels: pd.Series) -> _Division:
    """Divide the people within by their labels, which missing ones count among as *not recorded*."""
    names = labels[within].astype("string").fillna(MISSING).to_numpy(dtype=object)
    codes, found = pd.factorize(names)
    order = sorted(range(len(found)), key=lambda number: (found[number] == MISSING, found[number]))
    places = np.empty(len(found), dtype=int)
    places[order] = np.arange(len(found))
    return _Division(within, found[order], places[codes])


def _tabulate(labels: np.ndarray, denominators: np.ndarray, numerators: np.ndarray, minimum: int) -> pd.DataFrame:
    interval = wilson(numerators, denominators)
    few = denominators < minimum
    return pd.DataFrame(
        {
            "group": labels,
            "denominator": denominators,
            "numerator": numerators,
            "estimate": interval["estimate"].to_numpy(),
            "lower": interval["lower"].to_numpy(),
            "upper": interval["upper"].to_numpy(),
            "method": WILSON,
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


class _Cohort:
    """The people of a cohort, and how characteristics and levels divide them: worked out once for all indicators."""

    def __init__(self, people: pd.DataFrame, study: Study, cohort: str) -> None:
        self.people = people
        self.groups: list[tuple[str, str | _Division]] = []
        for group in study.specification.groups_for("proportions"):
            reason = study.lacks((*group.columns, *(group.where.columns if group.where else ())), cohort)
            self.groups.append((group.id, reason or _divide(*divide_people(people, group))))
        self._units: dict[str, _Division] = {}

    def by_unit(self, column: str) -> _Division:
        """Return how a column of units divides everyone."""
        if column not in self._units:
            self._units[column] = _divide(np.ones(len(self.people), dtype=bool), self.people[column])
        return self._units[column]


def _evaluate(cohort: _Cohort, indicator: Indicator, study: Study) -> pd.DataFrame:
    inside, positive = indicator.select(cohort.people)
    frames, counted = [], []
    for place, (group, division) in enumerate(cohort.groups):
        if isinstance(division, str):
            frames.append(study.not_derivable_rows(indicator.id, division, group_by=group, place=place))
        else:
            counted.append(("nation", group, place, division))
    for level in study.specification.levels:
        if level == "nation":
            continue
        column = indicator.provider if level == "provider" else level
        # the only region of a nation is the nation itself, whose counts have another policy
        if cohort.people[column].nunique() < (1 if level == "provider" else 2):
            continue
        counted.append((level, "all", len(cohort.groups) + len(counted), cohort.by_unit(column)))
    if counted:
        frames.append(_count(inside, inside & positive, counted, study.params.minimum_denominator))
    whole = pd.concat(frames, ignore_index=True).sort_values("place", kind="stable", ignore_index=True)
    return whole.drop(columns="place").assign(measure=indicator.id)


def _count(
    inside: np.ndarray, positive: np.ndarray, parts: list[tuple[str, str, int, _Division]], minimum: int
) -> pd.DataFrame:
    """Count a proportion in every division; each is given as level, characteristic, place among the results, division.

    Of a level below the nation, only the units with people in the denominator are listed.
    """
    levels, groups, places, divisions = zip(*parts, strict=True)
    sizes = [len(division.labels) for division in divisions]
    table = _tabulate(
        np.concatenate([division.labels for division in divisions]),
        np.concatenate([division.count(inside) for division in divisions]),
        np.concatenate([division.count(positive) for division in divisions]),
        minimum,
    ).assign(level=np.repeat(levels, sizes), group_by=np.repeat(groups, sizes), place=np.repeat(places, sizes))
    national = table["level"] == "nation"
    table = table.assign(unit=table["group"].mask(national), group=table["group"].where(national, "all"))
    return table[national | (table["denominator"] > 0)]
