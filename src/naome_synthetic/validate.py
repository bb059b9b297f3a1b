"""What the cohort rules find, against the truth behind a synthetic extract.

Never part of an audit run: no audit has a truth. Nothing that analyses imports this
package; this module is given what was found.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd

from naome.stats.intervals import wilson

TRUTH_COLUMNS = ("PERSON_ID", "DIAGNOSED", "STAGE_TRUE", "DISTANT_DISEASE", "DEATH", "CAUSE_TRUE")
GAP_MONTHS = 12
NEAR_DAYS = (30, 90, 365)


def load_truth(folder: Path) -> pd.DataFrame:
    """Load who truly has metastatic disease, and since when, from the folder of an extract's truth.

    Returns
    -------
    DataFrame
        ``person_id, diagnosis_date, distant_date, death_date, kind, died_of_it``; ``kind`` is denovo (stage 4, or
        distant disease within 12 months of diagnosis), recurrent (later) or none.
    """
    people = pd.read_parquet(Path(folder) / "people.parquet", columns=list(TRUTH_COLUMNS))
    days = {name: pd.to_datetime(people[name], errors="coerce") for name in ("DIAGNOSED", "DISTANT_DISEASE", "DEATH")}
    anniversary = days["DIAGNOSED"] + pd.DateOffset(months=GAP_MONTHS)
    distant = days["DISTANT_DISEASE"].mask(people["STAGE_TRUE"] == 4, days["DIAGNOSED"])
    kind = pd.Series("none", index=people.index).mask(distant < anniversary, "denovo")
    return pd.DataFrame(
        {
            "person_id": people["PERSON_ID"].astype(str),
            "diagnosis_date": days["DIAGNOSED"],
            "distant_date": distant,
            "death_date": days["DEATH"],
            "kind": kind.mask(distant >= anniversary, "recurrent"),
            "died_of_it": people["CAUSE_TRUE"] == "breast cancer",
        }
    )


def compare_with_truth(found: pd.DataFrame, truth: pd.DataFrame, period: tuple[dt.date, dt.date]) -> pd.DataFrame:
    """Measure sensitivity and positive predictive value of both cohorts.

    Parameters
    ----------
    found : DataFrame
        ``person_id, cohort, metastatic_date`` of the cohorts denovo and recurrent
        (:func:`naome.cohort.derive.identify_members`).
    truth : DataFrame
        From :func:`load_truth`.
    period : (date, date)
        First and last day of the audit period. It applies to the diagnosis of de novo people and to the onset of
        distant disease of recurrent ones.

    Returns
    -------
    DataFrame
        ``cohort, measure, denominator, numerator, estimate, lower, upper`` (Wilson):
        ``sensitivity`` (of those whose disease truly began in the period, those in the cohort),
        ``sensitivity_died`` (of those who then died of breast cancer), ``ppv_disease`` (of those in the
        cohort, those with true distant disease of either kind by their metastatic date or within a year of it),
        ``ppv_kind`` (those truly of this cohort's kind) and ``ppv_period`` (of this kind and in the period).
    """
    first, last = (pd.Timestamp(day) for day in period)
    rows = []
    for cohort in ("denovo", "recurrent"):
        mine = found[found["cohort"] == cohort].merge(truth, on="person_id", how="left", suffixes=("", "_true"))
        onset = "diagnosis_date" if cohort == "denovo" else "distant_date"
        true = truth[(truth["kind"] == cohort) & truth[onset].between(first, last)]
        hit = true["person_id"].isin(set(mine["person_id"]))
        died = true["died_of_it"]
        late = mine["metastatic_date"] + pd.DateOffset(years=1)
        disease = mine["kind"].isin(["denovo", "recurrent"]) & (mine["distant_date"] <= late)
        kind = mine["kind"] == cohort
        rows += [
            (cohort, "sensitivity", len(true), int(hit.sum())),
            (cohort, "sensitivity_died", int(died.sum()), int((hit & died).sum())),
            (cohort, "ppv_disease", len(mine), int(disease.sum())),
            (cohort, "ppv_kind", len(mine), int(kind.sum())),
            (cohort, "ppv_period", len(mine), int(mine["person_id"].isin(set(true["person_id"])).sum())),
        ]
    table = pd.DataFrame(rows, columns=["cohort", "measure", "denominator", "numerator"])
    limits = wilson(table["numerator"].to_numpy(), table["denominator"].to_numpy())
    return table.assign(**{name: limits[name].to_numpy() for name in ("estimate", "lower", "upper")})


def measure_date_error(found: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Measure how far the metastatic date is from the true onset of distant disease, in days (positive is late).

    Only people who are truly metastatic of the cohort's kind are compared: a
    date of a disease that is not there has no error.

    Returns
    -------
    DataFrame
        Per cohort: ``people, median, quarter, three_quarters, early`` (share dated before the onset) and the shares
        within 30, 90 and 365 days of it.
    """
    rows = []
    for cohort in ("denovo", "recurrent"):
        mine = found[found["cohort"] == cohort].merge(
            truth[truth["kind"] == cohort], on="person_id", suffixes=("", "_t")
        )
        error = (mine["metastatic_date"] - mine["distant_date"]).dt.days
        near = {f"within_{days}_days": float((error.abs() <= days).mean()) for days in NEAR_DAYS}
        quarters = dict(zip(("quarter", "median", "three_quarters"), error.quantile([0.25, 0.5, 0.75]), strict=True))
        rows.append({"cohort": cohort, "people": len(mine), **quarters, "early": float((error < 0).mean()), **near})
    return pd.DataFrame(rows)


def count_true_recurrences(truth: pd.DataFrame, by: dt.date, *, alive: bool = False) -> int:
    """Count people truly recurrent by a day, or those of them alive on it: what capture-recapture should find."""
    day = pd.Timestamp(by)
    there = (truth["kind"] == "recurrent") & (truth["distant_date"] <= day)
    if alive:
        there &= ~(truth["death_date"] <= day)
    return int(there.sum())
