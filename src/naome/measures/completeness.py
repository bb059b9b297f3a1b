"""Completeness of data items: who is recorded, where, and whether what is missing could mislead."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.measures.indicators import count_proportions
from naome.measures.study import Study
from naome.stats.kaplan_meier import logrank


def measure_completeness(analysis: pd.DataFrame, study: Study, *, cohort: str = "denovo") -> pd.DataFrame:
    """Measure the completeness of every data item, nationally, by year and by organisation.

    Returns
    -------
    DataFrame
        Results with measure ``completeness.<item>``, Wilson intervals.
    """
    people = analysis[analysis["cohort"] == cohort]
    everyone = np.ones(len(people), dtype=bool)
    nation = pd.Series("all", index=people.index, dtype="string")
    minimum, frames = study.params.minimum_denominator, []
    for item in study.data_items:
        measure = f"completeness.{item.id}"
        if reason := study.reason(measure):
            frames.append(study.not_derivable_rows(measure, reason))
            continue
        recorded = item.recorded.evaluate(people)
        for group_by, labels in (("all", nation), ("year", people["year"])):
            counted = count_proportions(everyone, recorded, labels, minimum)
            frames.append(counted.assign(measure=measure, level="nation", group_by=group_by))
        named = people["provider"].notna().to_numpy()
        if not named.any():
            continue
        counted = count_proportions(named, recorded, people["provider"], minimum)
        counted = counted[counted["denominator"] > 0].rename(columns={"group": "unit"})
        frames.append(counted.assign(measure=measure, level="provider", group="all"))
    return study.results(pd.concat(frames, ignore_index=True), cohort=cohort)


def flag_biased_items(analysis: pd.DataFrame, study: Study, *, cohort: str = "denovo") -> pd.DataFrame:
    """Test whether being recorded goes with the organisation or with survival.

    An item that is missing for reasons tied to where or how ill a person was can
    bias every result that leaves the missing out.

    Returns
    -------
    DataFrame
        ``item, n, recorded, provider_p, survival_p, flag``: p of a chi-squared
        test between organisations (those with 10 people or more) and of a log-rank
        test of survival between recorded and not recorded; ``flag`` names what
        differs at p < 0.001. NaN where an item is always or never recorded. Items that
        the data do not have are not listed.
    """
    people = analysis[(analysis["cohort"] == cohort) & (analysis["survival_days"] >= 0)]
    rows = []
    for item in study.data_items:
        if study.reason(f"completeness.{item.id}"):
            continue
        recorded = item.recorded.evaluate(people)
        provider_p = _provider_test(recorded, people["provider"])
        survival_p = _survival_test(recorded, people)
        flags = [name for name, p in (("organisation", provider_p), ("survival", survival_p)) if p < 0.001]
        rows.append(
            (item.title, len(people), int(recorded.sum()), provider_p, survival_p, " and ".join(flags) or "none")
        )
    return pd.DataFrame(rows, columns=["item", "n", "recorded", "provider_p", "survival_p", "flag"])


def _provider_test(recorded: np.ndarray, provider: pd.Series) -> float:
    from scipy.stats import chi2_contingency

    table = pd.crosstab(provider.astype("string"), recorded)
    table = table[table.sum(axis=1) >= 10]
    table = table.loc[:, table.sum() > 0]
    if table.shape[0] < 2 or table.shape[1] < 2:
        return float("nan")
    return float(chi2_contingency(table.to_numpy()).pvalue)


def _survival_test(recorded: np.ndarray, people: pd.DataFrame) -> float:
    if recorded.all() or not recorded.any():
        return float("nan")
    duration = people["survival_days"].to_numpy(dtype=float)
    event = people["died"].fillna(False).to_numpy(dtype=int)
    return float(logrank(duration, event, recorded.astype(int))["p_value"].iloc[0])
