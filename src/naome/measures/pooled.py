"""England + Wales: people of several runs counted together, never percentages averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from naome.core.params import Params
from naome.core.results import POOLED, name_nation
from naome.measures.completeness import measure_completeness
from naome.measures.deaths_check import measure_records_before_death
from naome.measures.description import describe_cohorts
from naome.measures.indicators import evaluate_indicators
from naome.measures.study import Study
from naome.measures.survival import estimate_survival

TITLE = name_nation(POOLED)
NATIONS = POOLED.split("+")
SAME = ("diagnosed_from", "diagnosed_to", "metastatic_from", "metastatic_to", "censor_date", "rules")


def reason_not_poolable(params: list[Params]) -> str:
    """Return why runs cannot be pooled, or an empty text.

    People are pooled only from one run of England and one of Wales with the same
    audit period, the same cohort rules and the same disclosure policy.
    """
    nations = sorted(p.nation for p in params)
    if nations != NATIONS:
        return f"{TITLE} needs one run of each; found {', '.join(nations) or 'none'}."
    for key in SAME:
        if getattr(params[0], key) != getattr(params[1], key):
            return f"The runs differ in {key}: {getattr(params[0], key)} and {getattr(params[1], key)}."
    policies = [p.disclosure.policy for p in params]
    if policies[0] != policies[1]:
        return f"The runs differ in disclosure.policy: {policies[0]} and {policies[1]}."
    return ""


def pool_studies(studies: Sequence[Study]) -> Study:
    """Return the study of the pooled people: derivable is only what is derivable in every nation.

    Raises
    ------
    ValueError
        If the runs cannot be pooled.
    """
    params = [study.params for study in studies]
    reason = reason_not_poolable(params)
    if reason:
        raise ValueError(reason)
    reasons: dict[str, str] = {}
    for study in studies:
        for key, text in study.not_derivable.items():
            said = f"{study.params.title}: {text}"
            reasons[key] = f"{reasons[key]} {said}" if key in reasons else said
    cohorts = tuple(c for c in params[0].cohorts if all(c in each.cohorts for each in params))
    named = {"audit": POOLED, "nation": POOLED, "title": TITLE, "cohorts": cohorts}
    run_id = "+".join(study.run_id for study in studies)
    columns = {key: f"{s.params.title}: {text}" for s in studies for key, text in s.absent_columns.items()}
    pooled = params[0].model_copy(update=named)
    return replace(studies[0], params=pooled, run_id=run_id, not_derivable=reasons, absent_columns=columns)


def measure_nation(analysis: pd.DataFrame, primary: pd.DataFrame | None, study: Study) -> pd.DataFrame:
    """Measure everything that is published for a whole nation, from its people.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table.
    primary : DataFrame or None
        Counts of people with primary breast cancer (:func:`naome.cohort.primary.count_primary`); without them the
        deaths of the primary cohort are left out.
    study : Study
        Of the run, or of the pooled people (:func:`pool_studies`).

    Returns
    -------
    DataFrame
        Results of the nation: indicators, completeness, survival, description and records before death.
    """
    levels = {"nation": study.specification.levels["nation"]}
    national = replace(study, specification=replace(study.specification, levels=levels))
    frames = [measure(analysis, national) for measure in (describe_cohorts, evaluate_indicators, estimate_survival)]
    if "denovo" in study.params.cohorts:
        frames.append(measure_completeness(analysis, study))
    if primary is not None and len(primary):
        frames.append(measure_records_before_death(primary, study))
    table = pd.concat(frames, ignore_index=True)
    return table[table["level"] == "nation"].reset_index(drop=True)


def measure_pooled(
    analyses: Mapping[str, pd.DataFrame], primaries: Mapping[str, pd.DataFrame], studies: Mapping[str, Study]
) -> pd.DataFrame:
    """Measure England + Wales from the people of both runs.

    Parameters
    ----------
    analyses, primaries, studies : mapping of nation to value
        Of the two runs; `primaries` may lack a nation, then deaths of the primary cohort are left out.

    Returns
    -------
    DataFrame
        Results with level, unit, nation and audit ``POOLED``. What one nation cannot derive is not derivable
        for both, with that nation's reason.

    Raises
    ------
    ValueError
        If the runs cannot be pooled.
    """
    order = sorted(studies)
    both = pool_studies([studies[nation] for nation in order])
    people = pd.concat([analyses[nation] for nation in order], ignore_index=True)
    counts = [primaries[nation] for nation in order if nation in primaries]
    primary = pd.concat(counts, ignore_index=True) if len(counts) == len(order) else None
    return measure_nation(people, primary, both).assign(level=POOLED)
