"""The check against deaths: who died of breast cancer without a record of metastatic disease (Figure 1)."""

from __future__ import annotations

import pandas as pd

from naome.cohort.primary import INTERVALS_TO_DEATH
from naome.measures.derivability import (
    CANCER_SHARE_OF_DEATHS,
    DEATHS_CHECK,
    RECORD_BEFORE_CANCER_DEATH,
    RECORD_BEFORE_DEATH,
)
from naome.measures.methods import WILSON
from naome.measures.study import Study
from naome.stats.intervals import wilson

OUTCOMES = {
    ("alive", True): "Alive, metastatic record",
    ("breast_cancer", True): "Died of breast cancer, metastatic record",
    ("breast_cancer", False): "Died of breast cancer, no metastatic record",
    ("other_cause", True): "Died of another cause, metastatic record",
    ("other_cause", False): "Died of another cause, no metastatic record",
    ("unknown_cause", True): "Died, cause not recorded, metastatic record",
    ("unknown_cause", False): "Died, cause not recorded, no metastatic record",
}
DEATHS = {
    "breast_cancer": "Died of breast cancer",
    "other_cause": "Died of another cause",
    "unknown_cause": "Died, cause not recorded",
}
WHO_IS_MISSED = ("diagnosis_year", "age_group", "deprivation", "subtype", "stage")


def classify_outcomes(primary: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Classify people under 70 with primary breast cancer as Figure 1 does.

    Parameters
    ----------
    primary : DataFrame
        Counts from :func:`naome.cohort.primary.count_primary`.
    study : Study
        Where records before death are not derivable, deaths are not divided by them.

    Returns
    -------
    DataFrame
        ``diagnosis_year, outcome, people, share`` for the outcomes that occur; ``share`` is
        of everyone of the year, including those alive without a record.
    """
    under_70 = primary[primary["age_under_70"]]
    if study.reason(RECORD_BEFORE_DEATH):
        return _classify_deaths(under_70)
    totals = under_70.groupby("diagnosis_year")["people"].sum()
    counts = under_70.groupby(["diagnosis_year", "outcome", "metastatic_record"])["people"].sum()
    occur = set(under_70["outcome"])
    shown = {key: label for key, label in OUTCOMES.items() if key[0] in occur}
    rows = []
    for value, total in totals.items():
        for (outcome, record), label in shown.items():
            people = int(counts.get((value, outcome, record), 0))
            rows.append((value, label, people, people / total))
    return pd.DataFrame(rows, columns=["diagnosis_year", "outcome", "people", "share"])


def measure_records_before_death(primary: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Measure how many deaths had a prior record of metastatic disease, and how many deaths were from breast cancer.

    Returns
    -------
    DataFrame
        Results, cohort ``primary``: ``record_before_breast_cancer_death``,
        ``record_before_death`` (any cause) and ``breast_cancer_share_of_deaths``, nationally, by the columns of
        ``WHO_IS_MISSED`` and by organisation of diagnosis.
    """
    under_70 = primary[primary["age_under_70"]].assign(all="all")
    dead = under_70[under_70["outcome"] != "alive"]
    reasons = {measure: reason for measure in DEATHS_CHECK if (reason := study.reason(measure))}
    breast = dead[dead["outcome"] == "breast_cancer"]
    frames = [study.not_derivable_rows(measure, reason) for measure, reason in reasons.items()]
    for group_by in ("all", *WHO_IS_MISSED, "provider"):
        for measure, base, hit in (
            (RECORD_BEFORE_CANCER_DEATH, breast, breast["metastatic_record"]),
            (RECORD_BEFORE_DEATH, dead, dead["metastatic_record"]),
            (
                CANCER_SHARE_OF_DEATHS,
                dead[dead["outcome"] != "unknown_cause"],
                dead["outcome"] == "breast_cancer",
            ),
        ):
            if measure in reasons:
                continue
            if group_by == "provider":
                base = base[base["provider"].notna()]
            counted = _share(base, hit, group_by, study)
            if group_by == "provider":
                counted = counted.rename(columns={"group": "unit"}).assign(
                    level="provider", group_by="all", group="all"
                )
            else:
                counted = counted.assign(level="nation", group_by=group_by)
            frames.append(counted.assign(measure=measure))
            if counted.empty and group_by == "all":
                frames.append(study.not_derivable_rows(measure, "Causes of death are not in the data, or no one died."))
    return study.results(pd.concat(frames, ignore_index=True), cohort="primary")


def intervals_to_death(primary: pd.DataFrame) -> pd.DataFrame:
    """Count deaths of breast cancer (or of a cause not recorded) by the time from the first metastatic record to death.

    Returns
    -------
    DataFrame
        ``interval, people, share``, shares of deaths with a record; no rows where no death has one.
    """
    dead = primary["outcome"].isin(["breast_cancer", "unknown_cause"])
    rows = primary[primary["age_under_70"] & dead & primary["metastatic_record"]]
    counts = rows.groupby("record_to_death")["people"].sum()
    order = list(INTERVALS_TO_DEATH) if counts.sum() else []
    counts = counts.reindex(order, fill_value=0)
    return pd.DataFrame({"interval": order, "people": counts.to_numpy(), "share": (counts / counts.sum()).to_numpy()})


def _classify_deaths(under_70: pd.DataFrame) -> pd.DataFrame:
    totals = under_70.groupby("diagnosis_year")["people"].sum()
    counts = under_70.groupby(["diagnosis_year", "outcome"])["people"].sum()
    occur = [outcome for outcome in DEATHS if outcome in set(under_70["outcome"])]
    rows = [
        (value, DEATHS[outcome], people := int(counts.get((value, outcome), 0)), people / total)
        for value, total in totals.items()
        for outcome in occur
    ]
    return pd.DataFrame(rows, columns=["diagnosis_year", "outcome", "people", "share"])


def _share(base: pd.DataFrame, hit: pd.Series, group_by: str, study: Study) -> pd.DataFrame:
    hit = hit.reindex(base.index)
    labels = base[group_by].astype("string").fillna("not recorded")
    denominator = base.groupby(labels)["people"].sum()
    numerator = base[hit].groupby(labels[hit])["people"].sum().reindex(denominator.index, fill_value=0)
    interval = wilson(numerator.to_numpy(), denominator.to_numpy())
    reasons = [study.too_few(n) for n in denominator]
    return pd.DataFrame(
        {
            "group": denominator.index.astype(str),
            "denominator": denominator.to_numpy(),
            "numerator": numerator.to_numpy(),
            "estimate": interval["estimate"],
            "lower": interval["lower"],
            "upper": interval["upper"],
            "method": WILSON,
            "status": ["too_few" if reason else "ok" for reason in reasons],
            "reason": reasons,
        }
    )
