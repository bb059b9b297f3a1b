"""England + Wales: people of several runs counted together, never percentages averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from naome.measures.completeness import measure_completeness
from naome.measures.description import describe_cohorts
from naome.measures.indicators import evaluate_indicators
from naome.measures.specification import Specification
from naome.measures.survival import estimate_survival
from naome.measures.validation import measure_records_before_death
from naome.params import Params

POOLED = "england+wales"
SAME = ("diagnosed_from", "diagnosed_to", "metastatic_from", "metastatic_to", "censor_date", "rules", "disclosure")


def reason_not_poolable(params: list[Params]) -> str:
    """Return why runs cannot be pooled, or an empty text.

    People are pooled only from one run of England and one of Wales with the same
    audit period, the same cohort rules and the same disclosure policy.
    """
    nations = sorted(p.nation for p in params)
    if nations != ["england", "wales"]:
        return f"England + Wales needs one run of each; found {', '.join(nations) or 'none'}."
    for key in SAME:
        if getattr(params[0], key) != getattr(params[1], key):
            return f"The runs differ in {key}: {getattr(params[0], key)} and {getattr(params[1], key)}."
    return ""


def pool_params(params: list[Params]) -> Params:
    """Return the parameters of the pooled people: derivable is only what is derivable in every nation.

    Raises
    ------
    ValueError
        If the runs cannot be pooled.
    """
    reason = reason_not_poolable(params)
    if reason:
        raise ValueError(reason)
    reasons: dict[str, str] = {}
    for each in params:
        for key, text in each.not_derivable.items():
            said = f"{each.title}: {text}"
            reasons[key] = f"{reasons[key]} {said}" if key in reasons else said
    cohorts = tuple(c for c in params[0].cohorts if all(c in each.cohorts for each in params))
    update = {"audit": POOLED, "nation": POOLED, "title": "England + Wales", "not_derivable": reasons}
    return params[0].model_copy(update={**update, "cohorts": cohorts})


def measure_nation(
    analysis: pd.DataFrame, primary: pd.DataFrame | None, params: Params, specification: Specification, *, run_id: str
) -> pd.DataFrame:
    """Measure everything that is published for a whole nation, from its people.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table.
    primary : DataFrame or None
        Counts of people with primary breast cancer (:func:`naome.cohort.primary.count_primary`); without them the
        deaths of the primary cohort are left out.
    params : Params
        Of the run, or of the pooled people (:func:`pool_params`).
    specification : Specification
    run_id : str

    Returns
    -------
    DataFrame
        Results of the nation: indicators, completeness, survival, description and records before death.
    """
    national = replace(specification, levels={"nation": specification.levels["nation"]})
    frames = [
        describe_cohorts(analysis, params, national, run_id=run_id),
        evaluate_indicators(analysis, params, national, run_id=run_id),
        estimate_survival(analysis, params, national, run_id=run_id),
    ]
    if "denovo" in params.cohorts:
        frames.append(measure_completeness(analysis, params, run_id=run_id))
    if primary is not None and len(primary):
        frames.append(measure_records_before_death(primary, params, run_id=run_id))
    table = pd.concat(frames, ignore_index=True)
    return table[table["level"] == "nation"].reset_index(drop=True)


def measure_pooled(
    analyses: Mapping[str, pd.DataFrame],
    primaries: Mapping[str, pd.DataFrame],
    params: Mapping[str, Params],
    specification: Specification,
    *,
    run_ids: Mapping[str, str],
) -> pd.DataFrame:
    """Measure England + Wales from the people of both runs.

    Parameters
    ----------
    analyses, primaries, params, run_ids : mapping of nation to value
        Of the two runs; `primaries` may lack a nation, then deaths of the primary cohort are left out.
    specification : Specification

    Returns
    -------
    DataFrame
        Results with level, unit, nation and audit ``england+wales``. What one nation cannot derive is not derivable
        for both, with that nation's reason.

    Raises
    ------
    ValueError
        If the runs cannot be pooled.
    """
    order = sorted(params)
    both = pool_params([params[nation] for nation in order])
    people = pd.concat([analyses[nation] for nation in order], ignore_index=True)
    counts = [primaries[nation] for nation in order if nation in primaries]
    primary = pd.concat(counts, ignore_index=True) if len(counts) == len(order) else None
    run_id = "+".join(run_ids[nation] for nation in order)
    return measure_nation(people, primary, both, specification, run_id=run_id).assign(level=POOLED)
