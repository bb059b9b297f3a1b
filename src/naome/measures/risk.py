"""Risk-adjusted survival and outcomes of organisations, with missing case mix imputed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtr, ndtri

from naome.cohort.columns import COLUMNS
from naome.measures.outliers import judge_organisations
from naome.params import Params
from naome.results import make_results
from naome.stats.imputation import imputations_needed, impute, pool
from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.risk_adjustment import risk_adjusted_proportion, risk_adjusted_survival

YEAR_DAYS = 365.25
METHOD = "risk-adjusted Kaplan-Meier ratio (D), alarms from pseudo-observations (C)"
IMPUTATION_ROUNDS = 5
DEATHS_PER_COEFFICIENT = 5
KINDS = {column.name: column.kind for column in COLUMNS}
AS_CATEGORIES = ("grade", "performance_status", "deprivation", "year", "metastatic_year", "diagnosis_year")


@dataclass(frozen=True)
class Scale:
    """A near-normal scale: there, and back."""

    there: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]


CLOGLOG = Scale(lambda s: np.log(-np.log(s)), lambda x: np.exp(-np.exp(x)))
LOGIT = Scale(logit, expit)


@dataclass(frozen=True)
class CaseMix:
    """Completed data sets for a cohort.

    Attributes
    ----------
    observed : DataFrame
        As recorded: ``duration`` (days), ``event`` (0/1), ``unit`` and the covariates, with gaps.
    completed : list of DataFrame
        The same with the gaps filled; one data set when nothing is missing.
    covariates : tuple of str
        Case-mix terms that vary in this cohort.
    dropped : tuple of str
        Terms left out: everyone has the same value, nobody has any, or a value whose people all lived or all died.
    recorded : DataFrame
        ``unit, n, recorded``: share recorded, per organisation, of the case-mix items that
        anybody lacks; 1 when nobody lacks any.
    needed : int
        Data sets that the fraction of missing information asks for (``naome.stats.imputation.imputations_needed``
        for the organisations' adjusted values); 1 when nothing is missing. More than there are where the parameters
        cap them.
    """

    observed: pd.DataFrame
    completed: list[pd.DataFrame]
    covariates: tuple[str, ...]
    dropped: tuple[str, ...]
    recorded: pd.DataFrame
    needed: int = 1


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
        columns = ["unit", "n", "z", "survival_adjusted", "recorded", "level", "spread", "reason", "phi", "tau2"]
        return next(iter(self.tables.values()), pd.DataFrame(columns=columns))


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
    tables = {}
    if not reason:
        case_mix, tables = adjust_survival(case_mix, params)
    constants = {"run_id": run_id, "definition_id": definition_id}
    if reason:
        row = pd.DataFrame({"measure": ["survival_adjusted"], "status": ["not_derivable"], "reason": [reason]})
        named = {"audit": params.audit, "nation": params.nation, "cohort": cohort, "unit": params.nation}
        results = make_results(row, **named, **constants)
    else:
        frames = [adjusted_results(table, params, cohort, years, **constants) for years, table in tables.items()]
        results = pd.concat(frames, ignore_index=True)
    return Assessment(case_mix, tables, national, results, reason)


def complete_case_mix(
    analysis: pd.DataFrame, params: Params, cohort: str, *, also: tuple[str, ...] = (), delta: dict | None = None
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
    delta : dict, optional
        Column -> shift of imputed values, for sensitivity to values not missing at
        random (:func:`naome.stats.imputation.impute`).
    """
    people = analysis[(analysis["cohort"] == cohort) & (analysis["survival_days"] >= 0).fillna(False)]
    people = people[people[params.survival.unit].notna()]
    columns = [_column(term) for term in params.survival.case_mix]
    died = people["died"].fillna(False).to_numpy(dtype=int)
    frame = pd.DataFrame({column: merge_levels(_plain(people[column], column), died) for column in columns})
    usable = [c for c in columns if frame[c].nunique(dropna=True) > 1]
    covariates = tuple(t for t, c in zip(params.survival.case_mix, columns, strict=True) if c in usable)
    dropped = tuple(t for t, c in zip(params.survival.case_mix, columns, strict=True) if c not in usable)
    frame = frame[usable].reset_index(drop=True)
    for column in also:
        frame[column] = people[column].to_numpy(dtype=float)
    frame["duration"] = people["survival_days"].to_numpy(dtype=float)
    frame["event"] = died
    frame["unit"] = people[params.survival.unit].astype(str).to_numpy()
    lacking = [column for column in usable if frame[column].isna().any()]
    shares = frame[lacking].notna().mean(axis=1) if lacking else pd.Series(1.0, index=frame.index)
    recorded = shares.groupby(frame["unit"]).agg(["size", "mean"]).reset_index()
    recorded.columns = ["unit", "n", "recorded"]
    case_mix = CaseMix(frame, [frame], covariates, dropped, recorded)
    if not lacking or _too_few_deaths(frame, covariates):
        return case_mix
    completed = impute_case_mix(case_mix, params.survival.imputations, params.seed, delta=delta)
    return replace(case_mix, completed=completed)


def impute_case_mix(case_mix: CaseMix, m: int, seed: int, *, delta: dict | None = None) -> list[pd.DataFrame]:
    """Complete the case mix m times; see :func:`complete_case_mix`."""
    return impute(
        case_mix.observed,
        m=m,
        iterations=IMPUTATION_ROUNDS,
        seed=seed,
        cluster="unit",
        outcome=("duration", "event"),
        delta=delta,
    )


def adjust_survival(case_mix: CaseMix, params: Params) -> tuple[CaseMix, dict[int, pd.DataFrame]]:
    """Estimate risk-adjusted survival of every organisation at every horizon reached, pooled over imputations.

    More data sets are imputed where the largest fraction of missing information of an
    organisation's adjusted survival asks for them, up to ``survival.imputations_at_most``.

    Returns
    -------
    CaseMix
        With all data sets that were used.
    dict of int to DataFrame
        Years -> the columns of
        :func:`naome.stats.risk_adjustment.risk_adjusted_survival` (z positive
        when more die than expected), ``fmi`` (fraction of missing information), ``std_error`` (of the
        difference under the null), ``recorded`` (share of case mix recorded) and the columns of
        :func:`naome.measures.outliers.judge_organisations`. A horizon that nobody's follow-up reaches has no table.
    """
    horizons = [years for years in params.survival.horizons_years if horizon_reached(case_mix, years)]

    def adjust(frame: pd.DataFrame) -> pd.DataFrame:
        return adjust_frame(frame, case_mix.covariates, [years * YEAR_DAYS for years in horizons], params)

    case_mix, pooled = _adjust_pooled(case_mix, params, adjust, "survival_adjusted", CLOGLOG)
    pooled["std_error"] = pooled["spread"] / np.sqrt(pooled["n"])
    return case_mix, {
        years: _judge(pooled[np.isclose(pooled["time"], years * YEAR_DAYS)], case_mix, params, higher_is="worse")
        for years in horizons
    }


def adjust_frame(
    frame: pd.DataFrame, covariates: tuple[str, ...], at: list[float], params: Params, *, strata: str | None = None
) -> pd.DataFrame:
    """Adjust the survival of organisations in one completed data set."""
    return risk_adjusted_survival(
        frame,
        duration="duration",
        event="event",
        provider="unit",
        covariates=list(covariates),
        at=at,
        strata=strata,
        minimum_n=params.outliers.minimum_n,
    )


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
        Columns of :func:`naome.stats.risk_adjustment.risk_adjusted_proportion`, pooled over imputations, and of
        :func:`naome.measures.outliers.judge_organisations`. The outcome is a predictor in the imputation.
    """
    people = analysis[inside].assign(outcome=positive[inside].astype(int))
    swapped = params.model_copy(update={"survival": params.survival.model_copy(update={"unit": unit})})
    cohort = str(people["cohort"].iloc[0])
    case_mix = complete_case_mix(people, swapped, cohort, also=("outcome",))

    def adjust(frame: pd.DataFrame) -> pd.DataFrame:
        return risk_adjusted_proportion(
            frame,
            event="outcome",
            provider="unit",
            covariates=list(case_mix.covariates),
            minimum_n=params.outliers.minimum_n,
        )

    case_mix, table = _adjust_pooled(case_mix, params, adjust, "proportion_adjusted", LOGIT)
    return _judge(table, case_mix, params, higher_is=higher_is)


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


def pool_tables(tables: list[pd.DataFrame], estimate: str, scale: Scale) -> pd.DataFrame:
    """Pool organisation tables of completed data sets.

    The estimate by Rubin's rules on a near-normal scale; z as the mean over
    imputations divided by the root of one plus its variance between them, so that
    uncertainty about the case mix makes alarms rarer, never more common. An estimate of 0 or 1, which has no
    place on the scale, is averaged as it is.
    """
    first = tables[0].copy()
    if len(tables) == 1:
        return first.assign(fmi=0.0)
    m = len(tables)
    names = (estimate, "lower", "upper", "z")
    stack = {name: np.array([t[name].to_numpy(dtype=float) for t in tables]) for name in names}
    with np.errstate(invalid="ignore", divide="ignore"):
        points = scale.there(stack[estimate])
        widths = np.abs(scale.there(stack["upper"]) - scale.there(stack["lower"])) / (2 * ndtri(0.975))
    sound = np.isfinite(points).all(axis=0) & (np.isfinite(widths) & (widths > 0)).all(axis=0)
    for name in (estimate, "lower", "upper"):
        first[name] = stack[name].mean(axis=0)
    first["fmi"] = np.nan
    if sound.any():
        rubin = pool(points[:, sound], widths[:, sound] ** 2)
        ends = np.sort([scale.back(rubin["lower"].to_numpy()), scale.back(rubin["upper"].to_numpy())], axis=0)
        first.loc[sound, estimate] = scale.back(rubin["estimate"].to_numpy())
        first.loc[sound, "lower"], first.loc[sound, "upper"] = ends
        first.loc[sound, "fmi"] = rubin["fmi"].to_numpy()
    first["z"] = stack["z"].mean(axis=0) / np.sqrt(1 + (1 + 1 / m) * stack["z"].var(axis=0, ddof=1))
    first["tail_probability"] = ndtr(-np.abs(first["z"]))
    for name in ("expected", "survival_expected", "early_warning_z", "proportion_expected", "spread"):
        if name in first:
            first[name] = np.mean([t[name].to_numpy(dtype=float) for t in tables], axis=0)
    return first


def merge_levels(values: pd.Series, died: np.ndarray) -> pd.Series:
    """Merge a level whose people all lived or all died with its neighbour: no coefficient of it would be finite.

    Levels stand in their order; the first merges with the second, others with the one before. Of two levels one
    remains, and a term with one level is left out.
    """
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return values
    while len(values.cat.categories) > 1:
        share = pd.Series(died, index=values.index).groupby(values, observed=False).mean()
        extreme = [position for position, mean in enumerate(share) if not 0 < mean < 1]
        if not extreme:
            break
        levels = list(values.cat.categories)
        second = max(extreme[0], 1)
        names = {level: f"{levels[second - 1]} or {levels[second]}" for level in levels[second - 1 : second + 1]}
        order = list(dict.fromkeys(names.get(level, level) for level in levels))
        values = pd.Series(
            pd.Categorical(
                values.map(names).astype(object).where(values.isin(list(names)), values.astype(object)), order
            ),
            index=values.index,
        )
    return values


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


def _adjust_pooled(
    case_mix: CaseMix, params: Params, adjust: Callable[[pd.DataFrame], pd.DataFrame], estimate: str, scale: Scale
) -> tuple[CaseMix, pd.DataFrame]:
    """Adjust every completed data set and pool, imputing more where missing information asks for it."""
    tables = [adjust(frame) for frame in case_mix.completed]
    pooled = pool_tables(tables, estimate, scale)
    m = len(tables)
    if m > 1:
        needed = imputations_needed(np.append(pooled["fmi"].dropna(), 0.0))
        more = min(needed, params.survival.imputations_at_most) - m
        case_mix = replace(case_mix, needed=needed)
        if more > 0:
            # another seed: the first data sets stay as they are and need not be made again
            extra = impute_case_mix(case_mix, more, params.seed + 1)
            case_mix = replace(case_mix, completed=[*case_mix.completed, *extra])
            pooled = pool_tables([*tables, *map(adjust, extra)], estimate, scale)
    return case_mix, pooled.rename(columns={"provider": "unit"})


def _judge(table: pd.DataFrame, case_mix: CaseMix, params: Params, *, higher_is: str) -> pd.DataFrame:
    table = table.merge(case_mix.recorded[["unit", "recorded"]], on="unit", how="left")
    return judge_organisations(table, params, higher_is=higher_is)
