"""What a run will release of its people, decided for all measures and levels together before a page shows any of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import pandas as pd

from naome.core.atomic import write_frame
from naome.core.errors import ParamsError
from naome.core.run_files import read_frame
from naome.measures.completeness import measure_completeness
from naome.measures.deaths_check import measure_records_before_death
from naome.measures.description import count_people, count_shares
from naome.measures.indicators import evaluate_indicators
from naome.measures.inequalities import measure_gaps
from naome.measures.landmark import compare_landmarks
from naome.measures.quarterly import measure_quarters
from naome.measures.specification import PROVIDER, read_relations
from naome.measures.study import Study
from naome.measures.survival import estimate_survival
from naome.measures.trend import measure_trends
from naome.release.cells import Scheme, find_nesting, make_scheme
from naome.release.policy import POLICIES
from naome.release.suppress import ReleasePlan, plan_release
from naome.workflow.small_nation import explain_small

FILE = "release_plan.parquet"


def read_scheme(study: Study, analysis: pd.DataFrame) -> Scheme:
    """Read which counts are the same and which add up, from the definitions and the organisations of people.

    Parameters
    ----------
    study : Study
    analysis : DataFrame
        The analysis table: each organisation has one unit at each larger level, such as one alliance.
    """
    people = analysis[list(study.specification.levels_within)].astype(object)
    parents = people.dropna(subset=PROVIDER).drop_duplicates(PROVIDER).reset_index(drop=True)
    relations = read_relations(study.definitions)
    nested = {(fine, coarse): find_nesting(analysis, fine, coarse) for fine, coarse in relations.nested}
    params = study.params
    times = {years: years not in params.earlier_periods for years in params.survival.horizons_years}
    return make_scheme(study.specification, study.data_items, parents, relations, nested, times)


def name_key(*keys: str) -> str:
    """Name a key of the parameters where no file is known."""
    return f"key {'.'.join(keys)!r}"


def make_plan(
    analysis: pd.DataFrame,
    primary: pd.DataFrame | None,
    study: Study,
    frames: Collection[str],
    *,
    real: bool,
    locate: Callable[..., str] = name_key,
) -> ReleasePlan:
    """Decide what of the people of the cohorts, indicators, completeness and the check of deaths is released.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table.
    primary : DataFrame or None
        Counts of people with primary breast cancer, where a run has them.
    study : Study
    frames : collection of str
        Frames that the run's pages save: what is not measured is not protected.
    real : bool
        Whether these are real people: then a small nation may not show its small groups.
    locate : callable, optional
        Returns file, line and name of a key of the parameters (:meth:`naome.workflow.run.Run.locate`).

    Raises
    ------
    ParamsError
        If the parameters would show small groups of a small nation, or the promise cannot be kept.
    """
    params = study.params
    if real and (why := explain_small(analysis["cohort"].value_counts().to_dict(), params, locate)):
        raise ParamsError(why)
    results = [count_people(analysis, study), count_shares(analysis, study)]
    if "indicators" in frames:
        results.append(evaluate_indicators(analysis, study))
    if "completeness" in frames and "denovo" in params.cohorts:
        results.append(measure_completeness(analysis, study))
    if "validation" in frames and primary is not None and len(primary):
        results.append(measure_records_before_death(primary, study))
    if params.disclosure.national != "show":
        results += _measure_nation(analysis, study, frames)
    try:
        scheme = read_scheme(study, analysis)
        return plan_release(pd.concat(results, ignore_index=True), params, scheme)
    except ValueError as error:
        others = [name for name in POLICIES if name not in ("none", params.disclosure.policy)]
        raise ParamsError(
            f"{locate('disclosure', 'policy')} is {params.disclosure.policy!r}, by which the release cannot be "
            f"protected: {error}. Allowed: a policy that can be kept ({', '.join(others)} are others), or fewer "
            f"results. Hint: {locate('not_derivable')} takes an indicator out, with the reason that is shown instead."
        ) from None


def _measure_nation(analysis: pd.DataFrame, study: Study, frames: Collection[str]) -> list[pd.DataFrame]:
    """Measure what is shown of the nation only, where its groups are protected too."""
    found = []
    if "survival" in frames:
        found.append(estimate_survival(analysis, study))
    if "quarterly" in frames and "denovo" in study.params.cohorts:
        found.append(measure_quarters(analysis, study)[1])
    if "inequalities" in frames:
        found += [measure_gaps(analysis, study), measure_trends(analysis, study)[1], compare_landmarks(analysis, study)]
    return found


def write_release_plan(plan: ReleasePlan, folder: Path, people: str) -> None:
    """Keep a plan in a folder, with the digest of the analysis table it was made of."""
    write_frame(plan.results.assign(hidden=plan.hidden, people=people), folder / FILE, private=True)


def read_plan(folder: Path, people: str, study: Study, analysis: pd.DataFrame) -> ReleasePlan | None:
    """Read a plan that was kept; None where there is none, or one of another analysis table or run."""
    if not (folder / FILE).is_file():
        return None
    kept = read_frame(folder / FILE)
    if "people" not in kept or set(kept["people"]) != {people} or set(kept["run_id"]) != {study.run_id}:
        return None
    scheme = read_scheme(study, analysis)
    return ReleasePlan(scheme, kept.drop(columns=["hidden", "people"]), kept["hidden"].to_numpy(dtype=bool))
