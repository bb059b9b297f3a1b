"""The page of the validation against death records."""

from __future__ import annotations

import pandas as pd

from naome.measures.derivability import CANCER_SHARE_OF_DEATHS, RECORD_BEFORE_CANCER_DEATH, RECORD_BEFORE_DEATH
from naome.measures.study import Study
from naome.release import HIDDEN, Released, is_hidden, release_counts
from naome.release.counts import hide_columns
from naome.report.display import Sentence, Table
from naome.report.prose import pick, say_result


def say_deaths(released: Released) -> Sentence:
    """Say how many deaths have an earlier record of metastatic disease."""
    seen, anyone, share = (
        say_result(pick(released, measure=measure))
        for measure in (RECORD_BEFORE_CANCER_DEATH, RECORD_BEFORE_DEATH, CANCER_SHARE_OF_DEATHS)
    )
    return Sentence(
        f"Deaths from breast cancer with an earlier record of metastatic disease: {seen}. "
        f"Deaths from any cause with such a record: {anyone}. Deaths from breast cancer, of all deaths: {share}.",
        released,
    )


def choose_measure(released: Released) -> str:
    """Return the measure to divide: breast cancer deaths, or all deaths where causes are not in the data."""
    seen = pick(released, measure=RECORD_BEFORE_CANCER_DEATH)
    return RECORD_BEFORE_CANCER_DEATH if seen["status"] == "ok" else RECORD_BEFORE_DEATH


def release_outcomes(outcomes: pd.DataFrame, study: Study) -> Released:
    """Release the outcomes of :func:`naome.measures.deaths_check.classify_outcomes` by year of diagnosis."""
    totals = [["outcome"], ["diagnosis_year"]]
    released = release_counts(outcomes, "people", study, totals=totals, with_it=["share"])
    if study.params.disclosure.national == "show":
        return released
    return released.transform(_take_out_years)


def _take_out_years(frame: pd.DataFrame) -> pd.DataFrame:
    """Suppress every outcome of a year of which one is suppressed: other tables of the page have parts of the rest."""
    hidden = frame["people"].map(is_hidden).astype(bool)
    years = hidden.groupby(frame["diagnosis_year"]).transform("any")
    for column in ("people", "share"):
        frame[column] = frame[column].astype(object).mask(years, HIDDEN) if years.any() else frame[column]
    return frame


def tabulate_outcomes(outcomes: Released) -> Table:
    """Lay out outcomes by year of diagnosis."""
    frame = outcomes.frame
    wide = frame.pivot(index="outcome", columns="diagnosis_year", values="people")
    wide = wide.reindex(dict.fromkeys(frame["outcome"]))
    wide.columns = [str(int(year)) for year in wide.columns]
    wide = wide.reset_index().rename(columns={"outcome": "Outcome"})
    return Table(wide, outcomes, dict.fromkeys(wide.columns[1:], "count"))


def tabulate_intervals(intervals: pd.DataFrame, study: Study, released: Released) -> Table | Sentence:
    """Lay out the time from the first metastatic record to death, or say that no death has one.

    Parameters
    ----------
    intervals : DataFrame
        From :func:`naome.measures.deaths_check.intervals_to_death`.
    study : Study
    released : Released
        The validation against deaths: where deaths with a record are suppressed, so are they by the time.
    """
    if intervals.empty:
        return Sentence(
            "No death has an earlier record of metastatic disease, or records are not derivable from these data."
        )
    counted = release_counts(intervals, "people", study, totals=[[]], with_it=["share"])
    whole = [RECORD_BEFORE_CANCER_DEATH, RECORD_BEFORE_DEATH]
    rows = released.where(level="nation", group_by="all", measure=whole, status="suppressed").frame
    counted = hide_columns(counted, ["people", "share"]) if len(rows) else counted
    frame = counted.frame.rename(columns=str.capitalize)
    return Table(frame, counted, {"People": "count", "Share": "percent1"})
