"""What organisations' levels become with another time origin, and if deaths had failed to link."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from naome.core.durations import YEAR_DAYS
from naome.core.params import Params
from naome.measures.casemix.adjust import (
    Assessment,
    adjust_frame,
    choose_people,
    fit_national,
    list_comparable,
    list_parts,
    say_no_comparison,
)
from naome.measures.casemix.alternatives import compare_tables
from naome.measures.casemix.prepare import FOLLOWED_DAYS, CaseMix, fit_for_model, prepare_case_mix, say_too_few_deaths
from naome.measures.study import Study

# Shares of deaths that fail to link
UNLINKED = (0.01, 0.02, 0.05)


ONLY_DN1 = "Stage 4 at diagnosis only (DN1)"


FROM_EVIDENCE = "From the first evidence of metastatic disease"


COLUMNS = ["Variation", "Time point", "Organisations", "Rank correlation", "Largest change, percentage points"]
COLUMNS += ["Largest change of z", "Outlier status changed"]


def vary_assessments(
    analysis: pd.DataFrame, earlier: pd.DataFrame, assessments: dict[str, Assessment], study: Study
) -> pd.DataFrame:
    """Compare organisations' results with those for another time origin, and for deaths that failed to link.

    In the first completed data set, with the model fitted anew. De novo disease: people with stage 4 at diagnosis
    alone, since those who were found later (DN2) had to live until then, and an organisation that records less stage
    has more of them; and everybody from the first evidence of metastatic disease. Every cohort: a share of the deaths,
    and the same share of the largest organisation's own, count as alive at the end of follow-up.

    Parameters
    ----------
    analysis, earlier : DataFrame
        The people of the assessments, as in :func:`naome.measures.casemix.adjust.assess_cohorts`.
    assessments : dict of str to Assessment
        By cohort.
    study : Study

    Returns
    -------
    DataFrame
        ``cohort`` and the columns of :func:`naome.measures.casemix.alternatives.compare_tables`, with ``Variation`` for
        ``Model``; one row per variation and horizon. A variation with too few deaths for the model is one row with
        ``status`` and ``reason``.
    """
    pieces = []
    for part in list_parts(assessments):
        if not part.reason:
            people = choose_people(analysis, earlier, study.params, part.cohort, part.time_points[0])
            pieces.append(_vary(people, part, study.params).assign(cohort=part.cohort))
    nothing = pd.DataFrame(columns=["cohort", *COLUMNS, "status", "reason"])
    return pd.concat(pieces, ignore_index=True) if pieces else nothing


def lose_deaths(
    frame: pd.DataFrame, share: float, rng: np.random.Generator, *, unit: str | None = None
) -> pd.DataFrame:
    """Turn a share of the deaths, of everybody or of one organisation, into people alive at the end of follow-up.

    Parameters
    ----------
    frame : DataFrame
        ``duration, event, unit, follow_up``.
    share : float
        0 to 1; the number of deaths is rounded.
    rng : numpy.random.Generator
    unit : str, optional

    Returns
    -------
    DataFrame
        A copy.
    """
    dead = frame["event"] == 1
    of = np.flatnonzero(dead if unit is None else dead & (frame["unit"] == unit))
    lost = frame.index[rng.permutation(of)[: round(share * len(of))]]
    frame = frame.copy()
    frame.loc[lost, "event"] = 0
    frame.loc[lost, "duration"] = frame.loc[lost, ["duration", FOLLOWED_DAYS]].max(axis=1)
    return frame


def _vary(analysis: pd.DataFrame, assessment: Assessment, params: Params) -> pd.DataFrame:
    case_mix, first = assessment.case_mix, assessment.case_mix.completed[0]
    at = [years * YEAR_DAYS for years in assessment.tables]
    base = adjust_frame(first, assessment.models[0], at, params)
    rows = []
    for name, frame in _list_variations(analysis, assessment, params):
        frame, terms = fit_for_model(frame.reset_index(drop=True), case_mix.covariates)
        reason = say_too_few_deaths(frame, terms)
        times = {years: years * YEAR_DAYS for years in list_comparable(frame, assessment.tables)}
        if reason or not times:
            why = reason or "; ".join(say_no_comparison(frame, years) for years in assessment.tables)
            rows.append(pd.DataFrame([{"Model": name, "status": "too_few", "reason": why}]))
            continue
        other = adjust_frame(frame, fit_national(frame, terms), list(times.values()), params)
        rows.append(compare_tables(base, {name: other}, times, params).assign(status="ok", reason=""))
    return pd.concat(rows, ignore_index=True).rename(columns={"Model": "Variation"})


def _list_variations(
    analysis: pd.DataFrame, assessment: Assessment, params: Params
) -> Iterator[tuple[str, pd.DataFrame]]:
    frame = assessment.case_mix.completed[0]
    if assessment.cohort == "denovo":
        late, from_evidence = _find_origins(analysis, assessment.case_mix, params)
        if late.any():
            yield ONLY_DN1, frame[~late]
            known = from_evidence >= 0
            yield FROM_EVIDENCE, frame.assign(duration=from_evidence)[known]
    largest = str(frame["unit"].value_counts().sort_index(kind="stable").idxmax())
    for share in UNLINKED:
        rng = np.random.default_rng([params.seed, round(1000 * share)])
        yield f"{share:.0%} of all deaths not linked", lose_deaths(frame, share, rng)
        yield (
            f"{share:.0%} of the largest organisation's deaths not linked",
            lose_deaths(frame, share, rng, unit=largest),
        )


def _find_origins(analysis: pd.DataFrame, case_mix: CaseMix, params: Params) -> tuple[np.ndarray, np.ndarray]:
    """Return who entered by DN2, and days of survival from the first evidence, in the rows of the case mix."""
    more = {
        "entered_late": (analysis["route"] == "DN2").fillna(False).astype(float),
        "from_evidence": analysis["survival_from_metastatic_days"].astype("Float64").astype(float),
    }
    observed = prepare_case_mix(analysis.assign(**more), params, "denovo", also=tuple(more)).observed
    if len(observed) != len(case_mix.observed):
        raise ValueError(f"the analysis table has {len(observed):,} people, the case mix {len(case_mix.observed):,}")
    return observed["entered_late"].to_numpy() > 0, observed["from_evidence"].to_numpy()
