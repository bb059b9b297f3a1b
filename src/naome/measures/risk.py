"""Risk-adjusted survival and outcomes of organisations, with missing case mix imputed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtr, ndtri

from naome.measures.description import merge_poor_fitness
from naome.measures.outliers import judge_organisations
from naome.measures.study import Study, say_too_few
from naome.params import Params
from naome.stats.design import build_design
from naome.stats.imputation import imputations_needed, impute, pool
from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.risk_adjustment import (
    ExpectedModel,
    fit_expected,
    risk_adjusted_proportion,
    risk_adjusted_survival,
)

YEAR_DAYS = 365.25
METHOD = "risk-adjusted Kaplan-Meier ratio (D), alarms from pseudo-observations (C)"
IMPUTATION_ROUNDS = 5
DEATHS_PER_COEFFICIENT = 5
# The logistic companion looks at this many completed data sets: it stands beside the level and never changes it
COMPANION_SETS = 5
# What a cohort has in its case mix beside the parameters' terms: known at its origin, and at no other cohort's
# (time to metastasis is known at the origin of a recurrence; of de-novo disease it would be the future)
ADDED_TERMS = {"recurrent": ("rcs(years_since_diagnosis, 4)",)}
FOLLOW_UP = "follow_up"
IMPUTED = ["cohort", "imputation", "item", "row", "value"]
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
        As recorded: ``duration`` (days), ``event`` (0/1), ``unit``, ``follow_up`` (days from origin to the end of
        follow-up, had nothing happened) and the covariates, with gaps.
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
    cohort : str
    case_mix : CaseMix
    tables : dict of int to DataFrame
        Years -> organisation table (:func:`adjust_survival`); empty when the model cannot be fitted.
    national : dict of int to float
        Years -> national survival, the target.
    results : DataFrame
        Everything in the result schema.
    reason : str
        Why there is no model; empty when there is.
    models : tuple of ExpectedModel
        The national model of every completed data set.
    """

    cohort: str
    case_mix: CaseMix
    tables: dict[int, pd.DataFrame]
    national: dict[int, float]
    results: pd.DataFrame
    reason: str
    models: tuple[ExpectedModel, ...] = ()

    @property
    def first(self) -> pd.DataFrame:
        """The table of the first horizon; empty when there is no model."""
        columns = ["unit", "n", "z", "survival_adjusted", "recorded", "level", "spread", "reason", "phi", "tau2"]
        return next(iter(self.tables.values()), pd.DataFrame(columns=columns))


def assess_cohorts(
    analysis: pd.DataFrame, study: Study, *, imputed: pd.DataFrame | None = None
) -> dict[str, Assessment]:
    """Compare the organisations of every cohort of a run on survival.

    Parameters
    ----------
    analysis : DataFrame
    study : Study
        A cohort that the run's data cannot support gets an assessment that says why.
    imputed : DataFrame, optional
        From :func:`pack_imputed`: what an earlier step imputed is used again.

    Returns
    -------
    dict of str to Assessment
        By cohort, in the order of the parameters.
    """
    params, definition = study.params, study.specification["survival"]
    known = [cohort for cohort in definition.cohorts if cohort not in params.cohorts]
    absent = {cohort: study.reason(definition, cohort) for cohort in known}
    assessments = {cohort: assess_organisations(analysis, study, cohort, imputed=imputed) for cohort in params.cohorts}
    for cohort, reason in absent.items():
        if reason:
            nobody = prepare_case_mix(analysis.iloc[:0], params, cohort)
            reason = reason.rstrip(".")
            results = _no_results(study, cohort, dict.fromkeys(params.survival.horizons_years, reason))
            assessments[cohort] = Assessment(cohort, nobody, {}, {}, results, reason)
    return assessments


def assess_organisations(
    analysis: pd.DataFrame, study: Study, cohort: str, *, imputed: pd.DataFrame | None = None
) -> Assessment:
    """Compare the organisations of a cohort on survival at every horizon that follow-up reaches.

    A case-mix model needs at least ``DEATHS_PER_COEFFICIENT`` deaths for each of
    its coefficients (and two organisations to compare); where there are fewer, and at horizons nobody has been
    followed to, the results say so instead.

    Parameters
    ----------
    analysis : DataFrame
    study : Study
    cohort : str
    imputed : DataFrame, optional
        From :func:`pack_imputed`: what an earlier step imputed is used again.
    """
    params = study.params
    case_mix = complete_case_mix(analysis, params, cohort, imputed=imputed)
    reason = _reason_for_no_model(case_mix)
    horizons = [years for years in params.survival.horizons_years if horizon_reached(case_mix, years)]
    national = {years: national_survival(case_mix, years) for years in horizons}
    tables, models = {}, ()
    if not reason:
        case_mix, tables, models = adjust_survival(case_mix, params)
    frames = [adjusted_results(table, study, cohort, years) for years, table in tables.items()]
    absent = {y: reason or say_horizon_not_reached(y) for y in params.survival.horizons_years if y not in tables}
    if absent:
        frames.append(_no_results(study, cohort, absent))
    return Assessment(cohort, case_mix, tables, national, pd.concat(frames, ignore_index=True), reason, models)


def list_tables(assessments: dict[str, Assessment]) -> dict[tuple[str, int], pd.DataFrame]:
    """Return the organisation tables of all cohorts and horizons by (cohort, years)."""
    return {(c, years): table for c, each in assessments.items() for years, table in each.tables.items()}


def pack_imputed(assessments: dict[str, Assessment]) -> pd.DataFrame:
    """Write down what was imputed, so that a later step of the run need not impute again.

    Returns
    -------
    DataFrame
        ``cohort, imputation, item, row`` (position in the cohort's case mix), ``value`` (the number, or the position
        of the level): one row per gap filled. Person-level: it stays in the run's folder.
    """
    pieces = []
    for cohort, each in assessments.items():
        observed = each.case_mix.observed
        lacking = [column for column in observed if observed[column].isna().any()]
        if len(each.case_mix.completed) == 1:
            continue
        for number, frame in enumerate(each.case_mix.completed):
            for item in lacking:
                row = np.flatnonzero(observed[item].isna())
                values = frame[item].cat.codes if isinstance(frame[item].dtype, pd.CategoricalDtype) else frame[item]
                value = values.to_numpy(dtype=float)[row]
                pieces.append(
                    pd.DataFrame({"cohort": cohort, "imputation": number, "item": item, "row": row, "value": value})
                )
    return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=IMPUTED)


def list_terms(params: Params, cohort: str) -> tuple[str, ...]:
    """Return the case-mix terms of a cohort: those of the parameters, and what is known only at its own origin.

    Examples
    --------
    >>> from naome.params import load_params
    >>> list_terms(load_params("england"), "recurrent")[-1]
    'rcs(years_since_diagnosis, 4)'
    """
    return (*params.survival.case_mix, *ADDED_TERMS.get(cohort, ()))


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
        From :func:`pack_imputed`, of the same analysis table: nothing is imputed then.

    Raises
    ------
    ValueError
        If `imputed` fills other gaps than the analysis table has.
    """
    case_mix = prepare_case_mix(analysis, params, cohort, also=also)
    frame = case_mix.observed
    if not frame[_columns_of(case_mix)].isna().any(axis=None) or _too_few_deaths(frame, case_mix.covariates):
        return case_mix
    if imputed is not None:
        return replace(case_mix, completed=_fill_gaps(case_mix, imputed[imputed["cohort"] == cohort], cohort))
    return replace(case_mix, completed=impute_case_mix(case_mix, params.survival.imputations, params.seed))


def prepare_case_mix(analysis: pd.DataFrame, params: Params, cohort: str, *, also: tuple[str, ...] = ()) -> CaseMix:
    """Take a cohort's case mix from the analysis table; see :func:`complete_case_mix`. Nothing is imputed.

    A spline whose knots coincide (few people, or few distinct values) becomes a straight line.
    """
    people = analysis[(analysis["cohort"] == cohort) & (analysis["survival_days"] >= 0).fillna(False)]
    people = people[people[params.survival.unit].notna()]
    people = people.assign(years_since_diagnosis=people["diagnosis_to_metastatic_days"] / YEAR_DAYS)
    terms = list_terms(params, cohort)
    columns = [term_column(term) for term in terms]
    died = people["died"].fillna(False).to_numpy(dtype=int)
    frame = pd.DataFrame({column: merge_levels(_plain(people[column], column), died) for column in columns})
    usable = [column for column in columns if frame[column].nunique(dropna=True) > 1]
    covariates = tuple(_straighten(t, frame) for t, c in zip(terms, columns, strict=True) if c in usable)
    dropped = tuple(t for t, c in zip(terms, columns, strict=True) if c not in usable)
    frame = frame[usable].reset_index(drop=True)
    for column in also:
        frame[column] = people[column].to_numpy(dtype=float)
    frame["duration"] = people["survival_days"].to_numpy(dtype=float)
    frame["event"] = died
    frame["unit"] = people[params.survival.unit].astype(str).to_numpy()
    frame[FOLLOW_UP] = (pd.Timestamp(params.censor_date) - people["origin_date"]).dt.days.to_numpy(dtype=float)
    lacking = [column for column in usable if frame[column].isna().any()]
    shares = frame[lacking].notna().mean(axis=1) if lacking else pd.Series(1.0, index=frame.index)
    recorded = shares.groupby(frame["unit"]).agg(["size", "mean"]).reset_index()
    recorded.columns = ["unit", "n", "recorded"]
    return CaseMix(frame, [frame], covariates, dropped, recorded)


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
    return impute(
        case_mix.observed,
        m=m,
        iterations=IMPUTATION_ROUNDS,
        seed=seed,
        exclude=[column for column in (FOLLOW_UP,) if column in case_mix.observed],
        cluster="unit",
        outcome=("duration", "event"),
        delta=delta,
    )


def adjust_survival(
    case_mix: CaseMix, params: Params
) -> tuple[CaseMix, dict[int, pd.DataFrame], tuple[ExpectedModel, ...]]:
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
        difference under the null), ``recorded`` (share of case mix recorded), those of :func:`compare_followed` and
        of :func:`naome.measures.outliers.judge_organisations`. A horizon that nobody's follow-up reaches has no table.
    tuple of ExpectedModel
        The national model of every data set.
    """
    horizons = [years for years in params.survival.horizons_years if horizon_reached(case_mix, years)]
    at, models = [years * YEAR_DAYS for years in horizons], []

    def adjust(frame: pd.DataFrame) -> pd.DataFrame:
        models.append(fit_expected(frame, duration="duration", event="event", covariates=list(case_mix.covariates)))
        return adjust_frame(frame, case_mix.covariates, at, params, model=models[-1])

    case_mix, pooled = _adjust_pooled(case_mix, params, adjust, "survival_adjusted", CLOGLOG)
    pooled["std_error"] = pooled["spread"] / np.sqrt(pooled["n"])
    tables = {}
    for years in horizons:
        table = pooled[np.isclose(pooled["time"], years * YEAR_DAYS)]
        table = table.merge(compare_followed(case_mix, years, params), on="unit", how="left")
        tables[years] = _judge(table, case_mix, params, higher_is="worse")
    return case_mix, tables, tuple(models)


def adjust_frame(
    frame: pd.DataFrame,
    covariates: tuple[str, ...],
    at: list[float],
    params: Params,
    *,
    strata: str | None = None,
    model: ExpectedModel | None = None,
) -> pd.DataFrame:
    """Adjust the survival of organisations in one completed data set, by a model fitted to it already or by its own."""
    return risk_adjusted_survival(
        frame,
        duration="duration",
        event="event",
        provider="unit",
        covariates=list(covariates),
        at=at,
        strata=strata,
        minimum_n=params.outliers.minimum_n,
        model=model,
    )


def compare_followed(case_mix: CaseMix, years: int, params: Params) -> pd.DataFrame:
    """Compare deaths by a horizon with a logistic model, among those whose follow-up could have reached it.

    The companion that supposes nothing about hazards. People are chosen by their date of origin, never by what
    happened to them; the few who were lost to follow-up before the horizon have no outcome and are left out.

    Returns
    -------
    DataFrame
        ``unit, logistic_n`` (people), ``logistic_z`` (positive when more died than expected): the mean over the first
        ``COMPANION_SETS`` data sets. No rows where deaths or survivors are too few for the model.
    """
    nothing = pd.DataFrame({"unit": pd.Series(dtype=str), "logistic_n": [], "logistic_z": []})
    at, tables = years * YEAR_DAYS, []
    for frame in case_mix.completed[:COMPANION_SETS]:
        lost = (frame["event"] == 0) & (frame["duration"] < at)
        chosen = frame[(frame[FOLLOW_UP] >= at) & ~lost].reset_index(drop=True)
        chosen["event"] = ((chosen["event"] == 1) & (chosen["duration"] <= at)).astype(int)
        chosen, terms = fit_for_model(chosen, case_mix.covariates)
        fewer = min(chosen["event"].sum(), (1 - chosen["event"]).sum())
        if fewer < DEATHS_PER_COEFFICIENT * max(1, sum(_width(chosen, term) for term in terms)):
            return nothing
        with warnings.catch_warnings():
            # a level where everybody died has no finite coefficient; its expected deaths are right all the same
            warnings.filterwarnings("ignore", message="no finite estimate")
            tables.append(
                risk_adjusted_proportion(
                    chosen,
                    event="event",
                    provider="unit",
                    covariates=list(terms),
                    minimum_n=params.outliers.minimum_n,
                )
            )
    z = np.mean([table["z"].to_numpy() for table in tables], axis=0)
    return pd.DataFrame({"unit": tables[0]["provider"], "logistic_n": tables[0]["n"], "logistic_z": z})


def fit_for_model(frame: pd.DataFrame, covariates: tuple[str, ...]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Merge levels of a subset whose people all lived or all died, and leave out terms in which nobody differs."""
    frame = frame.copy()
    for column in frame.select_dtypes("category"):
        frame[column] = merge_levels(frame[column].cat.remove_unused_categories(), frame["event"].to_numpy())
    usable = [term for term in covariates if frame[term_column(term)].nunique() > 1]
    return frame, tuple(_straighten(term, frame) for term in usable)


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


def adjusted_results(table: pd.DataFrame, study: Study, cohort: str, years: int) -> pd.DataFrame:
    """Bring an organisation table into the result schema (``survival_<y>y_adjusted``)."""
    reasons = {
        "too_few": say_too_few(study.params.outliers.minimum_n, "people"),
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
    return study.results(
        rows,
        cohort=cohort,
        measure=f"survival_{years}y_adjusted",
        level="provider",
        method=METHOD,
        definition_id=study.specification["survival"].definition_id,
    )


def pool_tables(tables: list[pd.DataFrame], estimate: str, scale: Scale) -> pd.DataFrame:
    """Pool organisation tables of completed data sets.

    The estimate by Rubin's rules on a near-normal scale; z as the mean over
    imputations divided by the root of one plus its variance between them, so that
    uncertainty about the case mix makes alarms rarer, never more common. An estimate of 0 or 1, which has no
    place on the scale, is averaged as it is. Observed events are the same in every data set; the ratio is taken to the
    mean of the expected ones, and its limits are widened by the variance of the log of expected events.
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
    return _pool_ratios(first, tables) if "ratio" in first else first


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


def say_horizon_not_reached(years: int) -> str:
    """Say why there is no survival at a horizon."""
    return f"nobody has been followed for {years} year{'' if years == 1 else 's'}"


def term_column(term: str) -> str:
    """Return the column of a case-mix term.

    Examples
    --------
    >>> term_column("rcs(age, 4)"), term_column("grade")
    ('age', 'grade')
    """
    match = re.fullmatch(r"rcs\(\s*(\w+)\s*,\s*\d+\s*\)", term)
    return match[1] if match else term


def _too_few_deaths(frame: pd.DataFrame, covariates: tuple[str, ...]) -> str:
    coefficients = sum(_width(frame, term) for term in covariates)
    deaths = int(frame["event"].sum())
    if deaths < DEATHS_PER_COEFFICIENT * coefficients:
        few = say_too_few(DEATHS_PER_COEFFICIENT * coefficients, "deaths")
        return f"a case-mix model of {coefficients} coefficients is not fitted to {few}"
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


def _columns_of(case_mix: CaseMix) -> list[str]:
    return [term_column(term) for term in case_mix.covariates]


def _straighten(term: str, frame: pd.DataFrame) -> str:
    """Return a spline as a straight line when its knots would coincide; any other term as it is."""
    column = term_column(term)
    if column == term:
        return term
    try:
        build_design(frame[[column]].dropna(), [term])
    except ValueError:
        return column
    return term


def _fill_gaps(case_mix: CaseMix, imputed: pd.DataFrame, cohort: str) -> list[pd.DataFrame]:
    observed, completed = case_mix.observed, []
    lacking = [column for column in _columns_of(case_mix) if observed[column].isna().any()]
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


def _no_results(study: Study, cohort: str, reasons: dict[int, str]) -> pd.DataFrame:
    rows = [study.not_derivable_rows(f"survival_{years}y_adjusted", reason) for years, reason in reasons.items()]
    definition = study.specification["survival"].definition_id
    return study.results(pd.concat(rows, ignore_index=True), cohort=cohort, definition_id=definition)


def _pool_ratios(pooled: pd.DataFrame, tables: list[pd.DataFrame]) -> pd.DataFrame:
    m, z = len(tables), ndtri(0.975)
    expected = np.log([t["expected"].to_numpy(dtype=float) for t in tables])
    extra = z**2 * (1 + 1 / m) * expected.var(axis=0, ddof=1)
    ratio = pooled["observed"].to_numpy(dtype=float) / pooled["expected"].to_numpy()
    pooled["ratio"] = ratio
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.log(ratio)
        low, high = (np.log([t[name].to_numpy(dtype=float) for t in tables]) for name in ("ratio_lower", "ratio_upper"))
        below = np.exp(centre - np.sqrt((centre - low.mean(axis=0)) ** 2 + extra))
        above = np.exp(centre + np.sqrt((high.mean(axis=0) - centre) ** 2 + extra))
        # nobody had the event: the lower limit is zero, and only the upper one has a width
        none = ratio == 0
        pooled["ratio_lower"] = np.where(none, 0.0, below)
        pooled["ratio_upper"] = np.where(none, np.exp(high.mean(axis=0) + np.sqrt(extra)), above)
    few = tables[0]["ratio_lower"].isna()
    pooled.loc[few, ["ratio_lower", "ratio_upper"]] = np.nan
    return pooled


def _plain(values: pd.Series, column: str) -> pd.Series:
    """Give a column a plain type: categories for codes, numbers for the rest."""
    is_text = not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values))
    if is_text or column in AS_CATEGORIES:
        text = merge_poor_fitness(values) if column == "performance_status" else values.astype("string")
        return pd.Series(pd.Categorical(text.astype(object).where(values.notna(), None)), index=values.index)
    return values.astype("float64")


def _adjust_pooled(
    case_mix: CaseMix, params: Params, adjust: Callable[[pd.DataFrame], pd.DataFrame], estimate: str, scale: Scale
) -> tuple[CaseMix, pd.DataFrame]:
    """Adjust every completed data set and pool, imputing more where missing information asks for it."""
    tables = [adjust(frame) for frame in case_mix.completed]
    pooled = pool_tables(tables, estimate, scale)
    m = len(tables)
    if m > 1:
        # what the first data sets ask for: the same whether the others are still to be made or were made before
        asking = pool_tables(tables[: params.survival.imputations], estimate, scale)["fmi"]
        needed = imputations_needed(np.append(asking.dropna(), 0.0))
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
