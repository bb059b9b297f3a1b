"""Missing case mix imputed, and kept so that a later step need not impute again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from naome.core.params import Params
from naome.measures.casemix.prepare import FOLLOWED_DAYS, CaseMix, list_covariates, prepare_case_mix, say_too_few_deaths
from naome.stats.imputation import impute, plan_imputation

IMPUTATION_ROUNDS = 5
ROLES: dict[str, Any] = {"cluster": "unit", "outcome": ("duration", "event")}


def complete_case_mix(
    analysis: pd.DataFrame,
    params: Params,
    cohort: str,
    *,
    also: tuple[str, ...] = (),
    imputed: pd.DataFrame | None = None,
) -> CaseMix:
    """Prepare the case mix of a cohort and impute what is missing.

    The imputation model holds the outcome (event and Nelson-Aalen hazard), all
    covariates and the organisation; outcome and organisation are never imputed.

    Parameters
    ----------
    analysis : DataFrame
    params : Params
        ``survival.imputations`` data sets are made.
    cohort : str
    also : tuple of str
        Complete columns that predict in the imputation and are no case mix (the outcome of an indicator).
    imputed : DataFrame, optional
        From :func:`collect_imputations`, of the same analysis table: nothing is imputed then.

    Raises
    ------
    ValueError
        If `imputed` fills other gaps than the analysis table has.
    """
    case_mix = prepare_case_mix(analysis, params, cohort, also=also)
    frame = case_mix.observed
    if not frame[list_covariates(case_mix)].isna().any(axis=None) or say_too_few_deaths(frame, case_mix.covariates):
        return case_mix
    if imputed is not None:
        return replace(case_mix, completed=_fill_gaps(case_mix, imputed[imputed["cohort"] == cohort], cohort))
    return replace(case_mix, completed=impute_case_mix(case_mix, params.survival.imputations, params.seed))


def impute_case_mix(case_mix: CaseMix, m: int, seed: int, *, delta: dict | None = None) -> list[pd.DataFrame]:
    """Complete the case mix m times; see :func:`complete_case_mix`.

    Parameters
    ----------
    case_mix : CaseMix
    m, seed : int
    delta : dict, optional
        Column -> shift of imputed values, for sensitivity to values not missing at
        random (:func:`naome.stats.imputation.impute`).
    """
    observed = case_mix.observed
    return impute(
        observed, m=m, iterations=IMPUTATION_ROUNDS, seed=seed, delta=delta, exclude=_list_unused(observed), **ROLES
    )


def plan_case_mix(case_mix: CaseMix) -> pd.DataFrame:
    """Say how each case-mix item with gaps is imputed, and which predictors its recorded people are too few for.

    Returns
    -------
    DataFrame
        See :func:`naome.stats.imputation.plan_imputation`; no rows when nothing is missing.
    """
    return plan_imputation(case_mix.observed, exclude=_list_unused(case_mix.observed), **ROLES)


def _list_unused(observed: pd.DataFrame) -> list[str]:
    return [column for column in (FOLLOWED_DAYS,) if column in observed]


def _fill_gaps(case_mix: CaseMix, imputed: pd.DataFrame, cohort: str) -> list[pd.DataFrame]:
    observed, completed = case_mix.observed, []
    lacking = [column for column in list_covariates(case_mix) if observed[column].isna().any()]
    for _, values in imputed.groupby("imputation", sort=True):
        frame = observed.copy()
        for item in lacking:
            mine = values[values["item"] == item]
            if not np.array_equal(mine["row"], np.flatnonzero(observed[item].isna())):
                raise ValueError(
                    f"imputed values of {item!r} ({cohort}) fill {len(mine):,} gaps, the analysis table has "
                    f"{int(observed[item].isna().sum()):,}, or others; impute again"
                )
            if isinstance(frame[item].dtype, pd.CategoricalDtype):
                codes = frame[item].cat.codes.to_numpy().copy()
                codes[mine["row"].to_numpy()] = mine["value"].to_numpy(dtype=int)
                frame[item] = pd.Categorical.from_codes(codes, dtype=frame[item].dtype)
            else:
                frame.loc[mine["row"].to_numpy(), item] = mine["value"].to_numpy()
        completed.append(frame)
    if not completed:
        raise ValueError(f"there are no imputed values of the {cohort} cohort; impute again")
    return completed
