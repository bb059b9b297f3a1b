"""Checks of the case-mix model: coefficients, proportional hazards, calibration, discrimination, alternatives."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from naome.core.durations import YEAR_DAYS
from naome.core.params import Params
from naome.measures.casemix.adjust import Assessment, list_comparable
from naome.measures.casemix.alternatives import (
    compare_models,
    correlate_recording,
    describe_treatments,
    tabulate_ratios,
    tabulate_treatments,
    treat_missing,
)
from naome.measures.casemix.outliers import MINIMUM_UNITS
from naome.measures.casemix.prepare import CHECKED, COX, CaseMix
from naome.stats.concordance import concordance, uno_concordance
from naome.stats.diagnostics import (
    calibration,
    calibration_summary,
    cox_zph,
    schoenfeld_residuals,
    schoenfeld_smooth,
)
from naome.stats.risk_adjustment import ExpectedModel
from naome.stats.robust import robust_covariance
from naome.stats.rubin import pool

BOOTSTRAP = 20

ROBUST = ("Lower, robust", "Upper, robust")


TABLES = (
    *("coefficients", "hazards", "smooth", "tenths", "whole", "discrimination", "uno", "others", "treatments"),
    *("ratios", "habits"),
)


@dataclass(frozen=True)
class ModelChecks:
    """Everything on the page of the case-mix model; tables without rows where there is nothing to show.

    Attributes
    ----------
    coefficients, hazards, smooth, tenths, whole, discrimination, uno, others, treatments, ratios, habits : DataFrame
        From :func:`pool_coefficients` with :func:`add_robust_limits`, :func:`check_proportional_hazards`,
        :func:`smooth_residuals`, :func:`check_calibration` (by tenth, and over everybody),
        :func:`check_discrimination`, :func:`check_discrimination_by_time`, :func:`compare_models`,
        :func:`tabulate_treatments`, :func:`tabulate_ratios` and :func:`correlate_recording`.
    worst : str
        The term that departs most from proportional hazards.
    error, missing : str
        Sentences: Monte Carlo error of imputation; which treatments of missing items are compared.
    reason : str
        Why there is no model, and nothing to check; empty when there is.
    """

    coefficients: pd.DataFrame
    hazards: pd.DataFrame
    smooth: pd.DataFrame
    tenths: pd.DataFrame
    whole: pd.DataFrame
    discrimination: pd.DataFrame
    uno: pd.DataFrame
    others: pd.DataFrame
    treatments: pd.DataFrame
    ratios: pd.DataFrame
    habits: pd.DataFrame
    worst: str
    error: str
    missing: str
    reason: str = ""


def collect_checks(assessment: Assessment, params: Params) -> ModelChecks:
    """Check the national model of a cohort in every way of its page.

    Parameters
    ----------
    assessment : Assessment
        With its models: only what differs from them is fitted again.
    params : Params
    """
    case_mix, models = assessment.case_mix, list(assessment.models)
    if assessment.reason:
        nothing = {name: pd.DataFrame() for name in TABLES}
        return ModelChecks(**nothing, worst="", error="", missing="", reason=assessment.reason)
    coefficients = pool_coefficients(models, int(case_mix.observed["event"].sum()))
    hazards = check_proportional_hazards(case_mix)
    worst = str(hazards["Term"].iloc[0])
    reached = list_comparable(case_mix.observed, params.survival.horizons_years)
    tenths, whole = check_calibration(case_mix, models, reached)
    # Time points that older diagnoses serve have models of their own
    parts = [part for part in assessment.parts if not part.reason]
    treated_parts = [(treat_missing(part, params), part) for part in parts]
    treated = treated_parts[0][0]
    treatments = [tabulate_treatments(each, params, part) for each, part in treated_parts if each]
    return ModelChecks(
        coefficients=add_robust_limits(coefficients, case_mix, models),
        hazards=hazards,
        smooth=smooth_residuals(case_mix, worst, models[0]),
        tenths=tenths,
        whole=whole,
        discrimination=check_discrimination(case_mix, models, params),
        uno=check_discrimination_by_time(case_mix, models, params),
        others=pd.concat([compare_models(part, params) for part in parts], ignore_index=True),
        treatments=pd.concat(treatments, ignore_index=True) if treatments else pd.DataFrame(),
        ratios=tabulate_ratios(treated) if treated else pd.DataFrame(),
        habits=correlate_recording(treated, case_mix) if treated else pd.DataFrame(),
        worst=worst,
        error=describe_error(coefficients, len(models)),
        missing=describe_treatments(treated, assessment),
    )


def pool_coefficients(models: list[ExpectedModel], deaths: int) -> pd.DataFrame:
    """Pool the coefficients of completed data sets by Rubin's rules.

    Parameters
    ----------
    models : list of ExpectedModel
        One per completed data set.
    deaths : int
        The complete-data degrees of freedom are deaths less coefficients.

    Returns
    -------
    DataFrame
        ``Term, Hazard ratio, Lower, Upper, p, FMI`` (fraction of missing information; 0 for one data set).
    """
    first = models[0].coefficients
    if len(models) == 1:
        pooled = first.rename(columns={"coef": "estimate"}).assign(fmi=0.0)
        p = pooled["p"]
    else:
        estimates = np.array([model.coefficients["coef"] for model in models])
        variances = np.array([model.coefficients["std_error"] ** 2 for model in models])
        pooled = pool(estimates, variances, df_complete=deaths - estimates.shape[1])
        p = 2 * ndtr(-np.abs(pooled["estimate"] / pooled["std_error"]))
    return pd.DataFrame(
        {
            "Term": list(first["term"]),
            "Hazard ratio": np.exp(pooled["estimate"].to_numpy()),
            "Lower": np.exp(pooled["lower"].to_numpy()),
            "Upper": np.exp(pooled["upper"].to_numpy()),
            "p": np.asarray(p),
            "FMI": pooled["fmi"].to_numpy(),
        }
    )


def add_robust_limits(coefficients: pd.DataFrame, case_mix: CaseMix, models: list[ExpectedModel]) -> pd.DataFrame:
    """Add limits that allow for people of one organisation being alike.

    Parameters
    ----------
    coefficients : DataFrame
        From :func:`pool_coefficients`.
    case_mix : CaseMix
    models : list of ExpectedModel
        One per completed data set.

    Returns
    -------
    DataFrame
        With ``Lower, robust`` and ``Upper, robust``: the variance within each data set is the sandwich with
        organisations as clusters (:func:`naome.stats.robust.robust_covariance`); the rest is as in
        :func:`pool_coefficients`. NaN, with a ``reason``, where organisations are too few for it: fewer than
        ``MINIMUM_UNITS``, or than coefficients.
    """
    organisations = case_mix.completed[0]["unit"].nunique()
    needed = max(MINIMUM_UNITS, len(coefficients))
    if organisations < needed:
        reason = f"robust limits need at least {needed} organisations; there are {organisations}"
        return coefficients.assign(**dict.fromkeys(ROBUST, np.nan), status="ok", reason=reason)
    variances = []
    for model, frame in zip(models, case_mix.completed, strict=True):
        data = (model.design.matrix(frame), frame["duration"], frame["event"])
        variances.append(np.diag(robust_covariance(model.cox, *data, cluster=frame["unit"])))
    estimates = np.array([model.cox.coef for model in models])
    if len(models) == 1:
        half = ndtri(0.975) * np.sqrt(variances[0])
        lower, upper = estimates[0] - half, estimates[0] + half
    else:
        deaths = int(case_mix.observed["event"].sum())
        pooled = pool(estimates, np.array(variances), df_complete=deaths - estimates.shape[1])
        lower, upper = pooled["lower"].to_numpy(), pooled["upper"].to_numpy()
    return coefficients.assign(**dict(zip(ROBUST, (np.exp(lower), np.exp(upper)), strict=True)))


def describe_error(coefficients: pd.DataFrame, m: int) -> str:
    """Say how large the Monte Carlo standard error of a coefficient is, from a number ``m`` of imputed data sets.

    Source: White, Royston and Wood 2011, section 7.
    """
    if m == 1:
        return "No case-mix item is missing, so nothing was imputed."
    largest = float(coefficients["FMI"].max())
    return (
        f"The largest fraction of missing information of a coefficient is {largest:.2f}. With {m} data sets, the Monte "
        f"Carlo standard error of that coefficient is {np.sqrt(largest / m):.2f} of its standard error."
    )


def check_proportional_hazards(case_mix: CaseMix) -> pd.DataFrame:
    """Test every coefficient and the model as a whole for dependence on time.

    Returns
    -------
    DataFrame
        ``Term, Chi-squared, Degrees of freedom, p``, the largest statistic first and GLOBAL last. Over completed data
        sets the median of the statistic and of p is given (the median-p rule).
    """
    tests = [cox_zph(frame, **COX, covariates=list(case_mix.covariates)) for frame in case_mix.completed[:CHECKED]]
    table = pd.concat(tests).groupby("term", sort=False)[["chi_squared", "df", "p_value"]].median().reset_index()
    order = table.sort_values(
        "chi_squared", ascending=False, kind="stable", key=lambda c: c.where(table["term"] != "GLOBAL", -1)
    )
    headings = ["Term", "Chi-squared", "Degrees of freedom", "p"]
    return order.astype({"df": int}).set_axis(headings, axis=1).reset_index(drop=True)


def smooth_residuals(case_mix: CaseMix, term: str, model: ExpectedModel) -> pd.DataFrame:
    """Smooth the scaled Schoenfeld residuals of one term in the first completed data set, whose model is given.

    Returns
    -------
    DataFrame
        ``years, estimate, lower, upper`` (log hazard ratio as it varies) and the constant ``coefficient``.
    """
    frame, covariates = case_mix.completed[0], list(case_mix.covariates)
    residuals = schoenfeld_residuals(frame, **COX, covariates=covariates)
    table = schoenfeld_smooth(residuals[residuals["term"] == term])
    coefficients = model.coefficients.set_index("term")["coef"]
    return table.assign(years=table["time"] / YEAR_DAYS, coefficient=coefficients[term])


def check_earlier(assessment: Assessment) -> pd.DataFrame:
    """Check the calibration of a cohort's models of older diagnoses, each at the time point that needs them.

    Returns
    -------
    DataFrame
        ``Time point, People, deaths, dead, Predicted, Observed, Difference, Slope`` and its limits, `dead` being deaths
        until the time point; without rows where the audit period serves every time point, or no model is fitted to
        older diagnoses.
    """
    rows = []
    for part in assessment.earlier:
        if part.tables:
            _, whole = check_calibration(part.case_mix, list(part.models), list(part.tables))
            events, until = (part.case_mix.observed[name] for name in ("event", "duration"))
            dead = [int(events[until <= years * YEAR_DAYS].sum()) for years in part.tables]
            rows.append(whole.assign(People=len(events), deaths=int(events.sum()), dead=dead))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def predict_survival(case_mix: CaseMix, models: list[ExpectedModel], at: list[float]) -> np.ndarray:
    """Predict each person's survival, averaged over completed data sets: shape (people, times)."""
    pairs = list(zip(models, case_mix.completed, strict=True))[:CHECKED]
    return np.mean([model.expected_survival(frame, at) for model, frame in pairs], axis=0)


def check_calibration(
    case_mix: CaseMix, models: list[ExpectedModel], horizons: list[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare predicted with observed survival by tenth of the prediction, at horizons that follow-up reaches.

    Returns
    -------
    tuple of DataFrame
        By tenth: ``Time point, Tenth, People, deaths, Predicted, Observed, Lower, Upper``; over
        everyone: ``Time point, Predicted, Observed, Difference, Slope`` and its limits.
    """
    frame = case_mix.completed[0]
    predicted = predict_survival(case_mix, models, [years * YEAR_DAYS for years in horizons])
    tenths, wholes = [], []
    for column, years in enumerate(horizons):
        at = years * YEAR_DAYS
        by_tenth = calibration(frame["duration"], frame["event"], predicted[:, column], at=at)
        tenths.append(by_tenth.assign(horizon=f"{years} y"))
        whole = calibration_summary(frame["duration"], frame["event"], predicted[:, column], at=at)
        wholes.append(whole.assign(horizon=f"{years} y"))
    names = {"horizon": "Time point", "group": "Tenth", "n": "People", "predicted": "Predicted", "observed": "Observed"}
    names |= {"lower": "Lower", "upper": "Upper", "difference": "Difference", "slope": "Slope"}
    names |= {"slope_lower": "Slope, lower", "slope_upper": "Slope, upper"}
    table, summary = pd.concat(tenths, ignore_index=True), pd.concat(wholes, ignore_index=True)
    chosen = ["horizon", "group", "n", "deaths", "predicted", "observed", "lower", "upper"]
    overall = ["horizon", "predicted", "observed", "difference", "slope", "slope_lower", "slope_upper"]
    return table[chosen].rename(columns=names), summary[overall].rename(columns=names)


def check_discrimination(case_mix: CaseMix, models: list[ExpectedModel], params: Params) -> pd.DataFrame:
    """Compute Harrell's concordance of the first completed data set, corrected for optimism by ``BOOTSTRAP`` refits."""
    frame, model = case_mix.completed[0], models[0]
    matrix = model.design.matrix(frame)
    risk = model.cox.linear_predictor(matrix)
    with warnings.catch_warnings():
        # a resample may lack the only deaths of a rare level; its people are then ranked first or last, as they should
        warnings.filterwarnings("ignore", message="no finite estimate")
        table = concordance(
            frame["duration"], frame["event"], risk, covariates=matrix, bootstrap=BOOTSTRAP, seed=params.seed
        )
    headings = {"concordance": "Concordance", "lower": "Lower", "upper": "Upper", "optimism": "Optimism"}
    headings["corrected"] = "Corrected"
    return table[list(headings)].rename(columns=headings).assign(Refits=BOOTSTRAP)


def check_discrimination_by_time(case_mix: CaseMix, models: list[ExpectedModel], params: Params) -> pd.DataFrame:
    """Compute Uno's concordance for deaths up to every horizon reached, in the first completed data set.

    Returns
    -------
    DataFrame
        ``Time point, Concordance, Lower, Upper``.
    """
    frame, model = case_mix.completed[0], models[0]
    horizons = list_comparable(frame, params.survival.horizons_years)
    risk = model.cox.linear_predictor(model.design.matrix(frame))
    table = uno_concordance(frame["duration"], frame["event"], risk, at=[years * YEAR_DAYS for years in horizons])
    headings = {"concordance": "Concordance", "lower": "Lower", "upper": "Upper"}
    table = table[list(headings)].rename(columns=headings)
    table.insert(0, "Time point", [f"{years} y" for years in horizons])
    return table
