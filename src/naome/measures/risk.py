"""Risk-adjusted survival and outcomes of organisations, with missing case mix imputed."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from naome.cohort.columns import COLUMNS
from naome.params import Params
from naome.results import make_results
from naome.stats.funnel import classify_z
from naome.stats.imputation import impute, pool
from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.risk_adjustment import fit_expected, risk_adjusted_proportion, risk_adjusted_survival

YEAR_DAYS = 365.25
METHOD = "risk-adjusted Kaplan-Meier ratio (D), alarms from pseudo-observations (C)"
IMPUTATION_ROUNDS = 5
DEATHS_PER_COEFFICIENT = 5
KINDS = {column.name: column.kind for column in COLUMNS}
AS_CATEGORIES = ("grade", "performance_status", "deprivation", "year", "metastatic_year", "diagnosis_year")


@dataclass(frozen=True)
class CaseMix:
    """Completed data sets for a cohort.

    Attributes
    ----------
    completed : list of DataFrame
        ``duration`` (days), ``event`` (0/1), ``unit`` and the covariates.
    covariates : tuple of str
        Case-mix terms that vary in this cohort.
    dropped : tuple of str
        Terms left out because everyone has the same value or nobody has any.
    recorded : DataFrame
        ``unit, n, recorded``: share of case-mix items recorded per organisation.
    """

    completed: list[pd.DataFrame]
    covariates: tuple[str, ...]
    dropped: tuple[str, ...]
    recorded: pd.DataFrame


@dataclass(frozen=True)
class Assessment:
    """Organisations of a cohort compared on survival.

    Attributes
    ----------
    case_mix : CaseMix
    tables : dict of int to DataFrame
        Years -> organisation table (:func:`adjust_survival`); empty when the model cannot be fitted.
    national : dict of int to float
        Years -> national survival, the target.
    results : DataFrame
        Everything in the result schema.
    reason : str
        Why there is no model; empty when there is.
    """

    case_mix: CaseMix
    tables: dict[int, pd.DataFrame]
    national: dict[int, float]
    results: pd.DataFrame
    reason: str

    @property
    def first(self) -> pd.DataFrame:
        """The table of the first horizon; empty when there is no model."""
        return next(
            iter(self.tables.values()), pd.DataFrame(columns=["unit", "n", "survival_adjusted", "level", "spread"])
        )


def assess_organisations(
    analysis: pd.DataFrame, params: Params, cohort: str, *, run_id: str, definition_id: str
) -> Assessment:
    """Compare the organisations of a cohort on survival at every horizon that follow-up reaches.

    A case-mix model needs at least ``DEATHS_PER_COEFFICIENT`` deaths for each of
    its coefficients (and two organisations to compare); where there are fewer the
    results say so instead.
    """
    case_mix = complete_case_mix(analysis, params, cohort)
    reason = _reason_for_no_model(case_mix)
    horizons = [years for years in params.survival.horizons_years if horizon_reached(case_mix, years)]
    national = {years: national_survival(case_mix, years) for years in horizons}
    tables = {} if reason else adjust_survival(case_mix, params)
    constants = {"run_id": run_id, "definition_id": definition_id}
    if reason:
        row = pd.DataFrame({"measure": ["survival_adjusted"], "status": ["not_derivable"], "reason": [reason]})
        named = {"audit": params.audit, "nation": params.nation, "cohort": cohort, "unit": params.nation}
        results = make_results(row, **named, **constants)
    else:
        frames = [adjusted_results(table, params, cohort, years, **constants) for years, table in tables.items()]
        results = pd.concat(frames, ignore_index=True)
    return Assessment(case_mix, tables, national, results, reason)


def complete_case_mix(analysis: pd.DataFrame, params: Params, cohort: str, *, delta: dict | None = None) -> CaseMix:
    """Prepare and impute the case mix of a cohort.

    The imputation model holds the outcome (event and Nelson-Aalen hazard), all
    covariates and the organisation; outcome and organisation are never imputed.
    """
    people = analysis[(analysis["cohort"] == cohort) & (analysis["survival_days"] >= 0).fillna(False)]
    people = people[people[params.survival.unit].notna()]
    columns = [_column(term) for term in params.survival.case_mix]
    frame = pd.DataFrame({column: _plain(people[column], column) for column in columns})
    usable = [c for c in columns if frame[c].nunique(dropna=True) > 1]
    covariates = tuple(t for t, c in zip(params.survival.case_mix, columns, strict=True) if c in usable)
    dropped = tuple(t for t, c in zip(params.survival.case_mix, columns, strict=True) if c not in usable)
    frame = frame[usable].reset_index(drop=True)
    frame["duration"] = people["survival_days"].to_numpy(dtype=float)
    frame["event"] = people["died"].fillna(False).to_numpy(dtype=int)
    frame["unit"] = people[params.survival.unit].astype(str).to_numpy()
    shares = frame[usable].notna().mean(axis=1)
    recorded = shares.groupby(frame["unit"]).agg(["size", "mean"]).reset_index()
    recorded.columns = ["unit", "n", "recorded"]
    completed = [frame]
    if frame[usable].isna().to_numpy().any() and not _too_few_deaths(frame, covariates):
        completed = impute(
            frame,
            m=params.survival.imputations,
            iterations=IMPUTATION_ROUNDS,
            seed=params.seed,
            cluster="unit",
            outcome=("duration", "event"),
            delta=delta,
        )
    return CaseMix(completed, covariates, dropped, recorded)


def adjust_survival(case_mix: CaseMix, params: Params) -> dict[int, pd.DataFrame]:
    """Estimate risk-adjusted survival of every organisation at every horizon reached, pooled over imputations.

    Returns
    -------
    dict of int to DataFrame
        Years -> the columns of
        :func:`naome.stats.risk_adjustment.risk_adjusted_survival` (z positive
        when more die than expected) with ``level`` (within, alert, alarm,
        not_assessed), ``direction`` and ``recorded`` (share of case mix
        recorded). Organisations below the outlier policy's completeness are not
        assessed. A horizon that nobody's follow-up reaches has no table.
    """
    horizons = [years for years in params.survival.horizons_years if horizon_reached(case_mix, years)]
    tables = [
        risk_adjusted_survival(
            frame,
            duration="duration",
            event="event",
            provider="unit",
            covariates=list(case_mix.covariates),
            at=[years * YEAR_DAYS for years in horizons],
            minimum_n=params.outliers.minimum_n,
        )
        for frame in case_mix.completed
    ]
    pooled = _pool_tables(tables, "survival_adjusted", _cloglog, _inverse_cloglog).rename(columns={"provider": "unit"})
    return {
        years: _classify(pooled[np.isclose(pooled["time"], years * YEAR_DAYS)], case_mix, params, higher_is="worse")
        for years in horizons
    }


def adjust_proportion(
    analysis: pd.DataFrame, inside: np.ndarray, positive: np.ndarray, unit: str, params: Params, *, higher_is: str
) -> pd.DataFrame:
    """Compare organisations on a yes/no outcome with the case mix of the run.

    Parameters
    ----------
    analysis : DataFrame
        People of one cohort.
    inside, positive : array of bool
        Denominator and numerator of the indicator.
    unit : str
        Column that names the organisation.
    higher_is : {"better", "worse", "neutral"}

    Returns
    -------
    DataFrame
        Columns of :func:`naome.stats.risk_adjustment.risk_adjusted_proportion`
        with ``level`` and ``direction``, pooled over imputations.
    """
    people = analysis[inside].assign(outcome=positive[inside].astype(int))
    people = people[people[unit].notna() & (people["survival_days"] >= 0).fillna(False)]
    swapped = params.model_copy(update={"survival": params.survival.model_copy(update={"unit": unit})})
    cohort = str(people["cohort"].iloc[0])
    case_mix = complete_case_mix(people, swapped, cohort)
    tables = [
        risk_adjusted_proportion(
            frame.assign(outcome=people["outcome"].to_numpy()),
            event="outcome",
            provider="unit",
            covariates=list(case_mix.covariates),
            minimum_n=params.outliers.minimum_n,
        )
        for frame in case_mix.completed
    ]
    table = _pool_tables(tables, "proportion_adjusted", _logit, _expit)
    return _classify(table.rename(columns={"provider": "unit"}), case_mix, params, higher_is=higher_is)


def adjusted_results(
    table: pd.DataFrame, params: Params, cohort: str, years: int, *, run_id: str, definition_id: str
) -> pd.DataFrame:
    """Bring an organisation table into the result schema (``survival_<y>y_adjusted``)."""
    reasons = {
        "too_few": f"fewer than {params.outliers.minimum_n} people",
        "not_estimable": "everyone or no one survived, or nobody was followed to the horizon",
    }
    rows = pd.DataFrame(
        {
            "unit": table["unit"],
            "denominator": table["n"],
            "numerator": table["observed"],
            "estimate": table["survival_adjusted"],
            "lower": table["lower"],
            "upper": table["upper"],
            "status": np.where(table["status"] == "ok", "ok", "too_few"),
            "reason": table["status"].map(reasons).fillna(""),
        }
    )
    return make_results(
        rows,
        audit=params.audit,
        nation=params.nation,
        cohort=cohort,
        measure=f"survival_{years}y_adjusted",
        level="provider",
        method=METHOD,
        run_id=run_id,
        definition_id=definition_id,
    )


def model_coefficients(case_mix: CaseMix) -> pd.DataFrame:
    """Fit the national Cox model on each completed data set and pool the coefficients.

    Returns
    -------
    DataFrame
        ``term, hazard_ratio, lower, upper, p, fmi`` by Rubin's rules; the
        complete-data degrees of freedom are deaths less coefficients.
    """
    models = [
        fit_expected(f, duration="duration", event="event", covariates=list(case_mix.covariates))
        for f in case_mix.completed
    ]
    first = models[0].coefficients
    if len(models) == 1:
        table, fmi = first, np.zeros(len(first))
        low, high, p = table["lower"], table["upper"], table["p"]
        return _ratios(table["term"], table["coef"], low, high, p, fmi)
    estimates = np.array([m.coefficients["coef"] for m in models])
    variances = np.array([m.coefficients["std_error"] ** 2 for m in models])
    deaths = int(case_mix.completed[0]["event"].sum())
    pooled = pool(estimates, variances, df_complete=deaths - estimates.shape[1])
    z = pooled["estimate"] / pooled["std_error"]
    return _ratios(
        first["term"], pooled["estimate"], pooled["lower"], pooled["upper"], 2 * ndtr(-np.abs(z)), pooled["fmi"]
    )


def national_survival(case_mix: CaseMix, years: int) -> float:
    """Return the national Kaplan-Meier survival at a horizon (the funnel's target)."""
    frame = case_mix.completed[0]
    return float(kaplan_meier(frame["duration"], frame["event"], at=years * YEAR_DAYS)["survival"].iloc[0])


def horizon_reached(case_mix: CaseMix, years: int) -> bool:
    """Return whether anybody is still at risk at a horizon, so that it can be estimated at all."""
    return bool((case_mix.completed[0]["duration"] >= years * YEAR_DAYS).any())


def drawable(table: pd.DataFrame, released: pd.DataFrame, years: int) -> pd.DataFrame:
    """Return the organisations of a table whose result may be shown."""
    shown = released[(released["measure"] == f"survival_{years}y_adjusted") & (released["status"] == "ok")]
    return table[table["unit"].isin(shown["unit"])]


def expected_false_alarms(table: pd.DataFrame, params: Params) -> tuple[float, float]:
    """Return how many alerts and alarms chance alone gives among the assessed organisations."""
    assessed = int((table["level"] != "not_assessed").sum())
    return 2 * params.outliers.alert_tail * assessed, 2 * params.outliers.alarm_tail * assessed


def _too_few_deaths(frame: pd.DataFrame, covariates: tuple[str, ...]) -> str:
    coefficients = sum(_width(frame, term) for term in covariates)
    deaths = int(frame["event"].sum())
    if deaths < DEATHS_PER_COEFFICIENT * coefficients:
        return f"{deaths:,} deaths are too few for a case-mix model of {coefficients} coefficients"
    return ""


def _reason_for_no_model(case_mix: CaseMix) -> str:
    frame = case_mix.completed[0]
    if frame["unit"].nunique() < 2:
        return "there are no two organisations to compare"
    return _too_few_deaths(frame, case_mix.covariates)


def _width(frame: pd.DataFrame, term: str) -> int:
    """Return how many coefficients a case-mix term has."""
    spline = re.fullmatch(r"rcs\(\s*\w+\s*,\s*(\d+)\s*\)", term)
    if spline:
        return int(spline[1]) - 1
    values = frame[term]
    return values.nunique() - 1 if isinstance(values.dtype, pd.CategoricalDtype) else 1


def _column(term: str) -> str:
    match = re.fullmatch(r"rcs\(\s*(\w+)\s*,\s*\d+\s*\)", term)
    return match[1] if match else term


def _plain(values: pd.Series, column: str) -> pd.Series:
    """Give a column a plain type: categories for codes, numbers for the rest."""
    kind = KINDS[column]
    if column == "performance_status":
        values = values.clip(upper=3)
    if kind == "category" or column in AS_CATEGORIES:
        text = values.astype("string").astype(object).where(values.notna(), None)
        return pd.Series(pd.Categorical(text), index=values.index)
    return values.astype("float64")


def _pool_tables(tables: list[pd.DataFrame], estimate: str, scale, inverse) -> pd.DataFrame:
    """Pool organisation tables of completed data sets.

    The estimate by Rubin's rules on a near-normal scale; z as the mean over
    imputations divided by the root of one plus its variance between them, so that
    uncertainty about the case mix makes alarms rarer, never more common.
    """
    first = tables[0].copy()
    if len(tables) == 1:
        return first
    m = len(tables)
    stack = {
        name: np.array([t[name].to_numpy(dtype=float) for t in tables]) for name in (estimate, "lower", "upper", "z")
    }
    with np.errstate(invalid="ignore", divide="ignore"):
        points = scale(stack[estimate])
        widths = np.abs(scale(stack["upper"]) - scale(stack["lower"])) / (2 * ndtri(0.975))
        within, between = (widths**2).mean(axis=0), points.var(axis=0, ddof=1)
        error = np.sqrt(within + (1 + 1 / m) * between)
        centre = points.mean(axis=0)
        ends = [inverse(centre - ndtri(0.975) * error), inverse(centre + ndtri(0.975) * error)]
        first[estimate] = inverse(centre)
        first["lower"], first["upper"] = np.minimum(*ends), np.maximum(*ends)
        z = stack["z"].mean(axis=0) / np.sqrt(1 + (1 + 1 / m) * stack["z"].var(axis=0, ddof=1))
    first["z"], first["tail_probability"] = z, ndtr(-np.abs(z))
    for name in ("expected", "survival_expected", "early_warning_z", "proportion_expected"):
        if name in first:
            first[name] = np.mean([t[name].to_numpy(dtype=float) for t in tables], axis=0)
    return first


def _classify(table: pd.DataFrame, case_mix: CaseMix, params: Params, *, higher_is: str) -> pd.DataFrame:
    tails = (params.outliers.alert_tail, params.outliers.alarm_tail)
    table = table.merge(case_mix.recorded[["unit", "recorded"]], on="unit", how="left")
    poor = table["recorded"] < params.outliers.minimum_completeness
    levels = classify_z(table["z"].mask(poor), tails=tails, higher_is=higher_is)
    return table.assign(level=levels["level"].to_numpy(), direction=levels["direction"].to_numpy())


def _ratios(terms, coef, lower, upper, p, fmi) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "term": list(terms),
            "hazard_ratio": np.exp(np.asarray(coef)),
            "lower": np.exp(np.asarray(lower)),
            "upper": np.exp(np.asarray(upper)),
            "p": np.asarray(p),
            "fmi": np.asarray(fmi),
        }
    )


def _cloglog(s: np.ndarray) -> np.ndarray:
    return np.log(-np.log(s))


def _inverse_cloglog(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.exp(x))


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log1p(-p)


def _expit(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
