"""Risk-adjusted survival and outcomes of organisations."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from naome.core.durations import YEAR_DAYS
from naome.core.params import Params
from naome.measures.casemix.impute import complete_case_mix
from naome.measures.casemix.outliers import judge_organisations
from naome.measures.casemix.pool import CLOGLOG, LOGIT, adjust_pooled
from naome.measures.casemix.prepare import (
    COX,
    DEATHS_PER_COEFFICIENT,
    FOLLOWED_DAYS,
    CaseMix,
    count_coefficients,
    fit_for_model,
    prepare_case_mix,
    say_too_few_deaths,
)
from naome.measures.methods import ADJUSTED_SURVIVAL, KAPLAN_MEIER
from naome.measures.study import Study, say_too_few
from naome.measures.value_reasons import say_national_survival
from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.risk_adjustment import ExpectedModel, fit_expected, risk_adjusted_proportion, risk_adjusted_survival

# The logistic companion looks at this many completed data sets: it stands beside the level and never changes it
COMPANION_SETS = 5


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
    time_points : tuple of int
        Years for which these people are looked at.
    period : (date, date) or None
        First and last day of their metastatic diagnoses; None where that is no matter (everyone with primary cancer).
    earlier : tuple of Assessment
        The same cohort at time points for which older diagnoses are needed, each with a case mix and models of its own.
    """

    cohort: str
    case_mix: CaseMix
    tables: dict[int, pd.DataFrame]
    national: dict[int, float]
    results: pd.DataFrame
    reason: str
    models: tuple[ExpectedModel, ...] = ()
    time_points: tuple[int, ...] = ()
    period: tuple[dt.date, dt.date] | None = None
    earlier: tuple[Assessment, ...] = ()

    @property
    def parts(self) -> tuple[Assessment, ...]:
        """The assessments of this cohort: that of the audit period, and those of older diagnoses."""
        return (self, *self.earlier)

    @property
    def first(self) -> pd.DataFrame:
        """The table of the first horizon; empty when there is no model."""
        columns = ["unit", "n", "z", "survival_adjusted", "recorded", "level", "std_error", "reason", "phi", "tau2"]
        return next(iter(self.tables.values()), pd.DataFrame(columns=columns))


def assess_cohorts(
    analysis: pd.DataFrame, earlier: pd.DataFrame, study: Study, *, imputed: pd.DataFrame | None = None
) -> dict[str, Assessment]:
    """Compare the organisations of every cohort of a run on survival.

    Every time point is assessed on the latest people who can be followed to it
    (:meth:`naome.core.params.Params.comparison_period`).

    Parameters
    ----------
    analysis : DataFrame
    earlier : DataFrame
        Older diagnoses, by ``time_point`` (:func:`naome.cohort.derive.derive_earlier`).
    study : Study
        A cohort that the run's data cannot support gets an assessment that says why.
    imputed : DataFrame, optional
        From :func:`collect_imputations`: what an earlier step imputed is used again.

    Returns
    -------
    dict of str to Assessment
        By cohort, in the order of the parameters.
    """
    params, definition = study.params, study.specification["survival"]
    known = [cohort for cohort in definition.cohorts if cohort not in params.cohorts]
    absent = {cohort: study.reason(definition, cohort) for cohort in known}
    assessments: dict[str, Assessment] = {
        cohort: _assess_cohort(analysis, earlier, study, cohort, imputed) for cohort in params.cohorts
    }
    for cohort, reason in absent.items():
        if reason:
            nobody = prepare_case_mix(analysis.iloc[:0], params, cohort)
            reason = reason.rstrip(".")
            results = _no_results(study, cohort, dict.fromkeys(params.survival.horizons_years, reason))
            assessments[cohort] = Assessment(cohort, nobody, {}, {}, results, reason)
    return assessments


def choose_people(
    analysis: pd.DataFrame, earlier: pd.DataFrame, params: Params, cohort: str, years: int
) -> pd.DataFrame:
    """Return the people on whom a cohort's organisations are compared at a time point, other cohorts among them.

    Parameters
    ----------
    analysis, earlier : DataFrame
        As in :func:`assess_cohorts`.
    params : Params
    cohort : str
    years : int
    """
    if cohort == "primary" or years not in params.earlier_periods:
        return analysis
    people = earlier[earlier["time_point"] == years]
    return people if len(people) else analysis.iloc[:0]


def list_parts(assessments: dict[str, Assessment]) -> list[Assessment]:
    """Return the assessments of all cohorts, those of older diagnoses among them."""
    return [part for each in assessments.values() for part in each.parts]


def _assess_cohort(
    analysis: pd.DataFrame, earlier: pd.DataFrame, study: Study, cohort: str, imputed: pd.DataFrame | None
) -> Assessment:
    horizons, everyone = study.params.survival.horizons_years, cohort == "primary"
    older = {} if everyone else study.params.earlier_periods
    now = tuple(years for years in horizons if years not in older)
    parts = [
        replace(
            assess_organisations(
                choose_people(analysis, earlier, study.params, cohort, time_points[0]),
                study,
                cohort,
                imputed=imputed,
                time_points=time_points,
            ),
            period=None if everyone else study.params.comparison_period(time_points[0]),
        )
        for time_points in [now, *((years,) for years in older)]
        if time_points
    ]
    results = pd.concat([each.results for each in parts], ignore_index=True)
    return replace(parts[0], results=results, earlier=tuple(parts[1:]))


def assess_organisations(
    analysis: pd.DataFrame,
    study: Study,
    cohort: str,
    *,
    imputed: pd.DataFrame | None = None,
    time_points: tuple[int, ...] | None = None,
) -> Assessment:
    """Compare the organisations of a cohort on survival at every horizon that follow-up reaches.

    A case-mix model needs at least ``DEATHS_PER_COEFFICIENT`` deaths for each of its coefficients, ``FEWEST_DEATHS``
    in all, and two organisations to compare; where there are fewer, and at horizons at which nothing can be compared
    (:func:`say_no_comparison`), the results say so instead.

    Parameters
    ----------
    analysis : DataFrame
    study : Study
    cohort : str
    imputed : DataFrame, optional
        From :func:`collect_imputations`: what an earlier step imputed is used again.
    time_points : tuple of int, optional
        Years to look at; all of the parameters without it.
    """
    params = study.params
    wanted = params.survival.horizons_years if time_points is None else time_points
    if imputed is not None:
        imputed = imputed[imputed["time_point"] == _name_part(wanted)]
    case_mix = complete_case_mix(analysis, params, cohort, imputed=imputed)
    observed = case_mix.observed
    horizons = list_comparable(observed, wanted)
    reason = _reason_for_no_model(case_mix, wanted)
    absent = {y: reason or say_no_comparison(observed, y) for y in wanted if reason or y not in horizons}
    if not horizons:  # there is no time point at which a model could compare anything
        reason = "; ".join(dict.fromkeys(absent.values()))
    whole = estimate_whole(case_mix, horizons)
    national = dict(zip(horizons, whole["survival"], strict=True))
    tables: dict[int, pd.DataFrame] = {}
    models: tuple[ExpectedModel, ...] = ()
    if not reason:
        case_mix, tables, models = adjust_survival(case_mix, params, horizons)
    frames = [adjusted_results(table, study, cohort, years) for years, table in tables.items()]
    if tables:
        frames.append(national_results(whole, study, cohort))
    if absent:
        frames.append(_no_results(study, cohort, absent))
    results = pd.concat(frames, ignore_index=True)
    return Assessment(cohort, case_mix, tables, national, results, reason, models, tuple(wanted))


def list_tables(assessments: dict[str, Assessment]) -> dict[tuple[str, int], pd.DataFrame]:
    """Return the organisation tables of all cohorts and horizons by (cohort, years)."""
    return {(part.cohort, y): table for part in list_parts(assessments) for y, table in part.tables.items()}


def find_national(assessments: dict[str, Assessment], cohort: str, years: int) -> float:
    """Return national survival of a cohort at a time point, among the people on whom it is assessed."""
    return next(part.national[years] for part in assessments[cohort].parts if years in part.national)


def adjust_survival(
    case_mix: CaseMix, params: Params, horizons: list[int]
) -> tuple[CaseMix, dict[int, pd.DataFrame], tuple[ExpectedModel, ...]]:
    """Estimate risk-adjusted survival of every organisation at some horizons, pooled over imputations.

    More data sets are imputed where the largest fraction of missing information of an
    organisation's adjusted survival asks for them, up to ``survival.imputations_at_most``.

    Returns
    -------
    CaseMix
        With all data sets that were used.
    dict of int to DataFrame
        Years -> the columns of
        :func:`naome.stats.risk_adjustment.risk_adjusted_survival` (z positive
        when more die than expected), ``fmi`` (fraction of missing information), ``recorded`` (share of case mix
        recorded), those of :func:`compare_followed` and of
        :func:`naome.measures.casemix.outliers.judge_organisations`. One table per horizon
        asked for.
    tuple of ExpectedModel
        The national model of every data set.
    """
    at, models = [years * YEAR_DAYS for years in horizons], []

    def adjust(frame: pd.DataFrame) -> pd.DataFrame:
        models.append(fit_national(frame, case_mix.covariates))
        return adjust_frame(frame, models[-1], at, params)

    case_mix, pooled = adjust_pooled(case_mix, params, adjust, "survival_adjusted", CLOGLOG)
    tables = {}
    for years in horizons:
        table = pooled[np.isclose(pooled["time"], years * YEAR_DAYS)]
        table = table.merge(compare_followed(case_mix, years, params), on="unit", how="left")
        tables[years] = _judge(table, case_mix, params, higher_is="worse")
    return case_mix, tables, tuple(models)


def fit_national(frame: pd.DataFrame, covariates: tuple[str, ...], strata: str | None = None) -> ExpectedModel:
    """Fit the national model to one completed data set."""
    return fit_expected(frame, **COX, covariates=list(covariates), strata=strata)


def adjust_frame(frame: pd.DataFrame, model: ExpectedModel, at: list[float], params: Params) -> pd.DataFrame:
    """Adjust the survival of organisations in one completed data set by the model that was fitted to it."""
    return risk_adjusted_survival(frame, model, provider="unit", at=at, minimum_n=params.outliers.minimum_n)


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
        chosen = frame[(frame[FOLLOWED_DAYS] >= at) & ~lost].reset_index(drop=True)
        chosen["event"] = ((chosen["event"] == 1) & (chosen["duration"] <= at)).astype(int)
        chosen, terms = fit_for_model(chosen, case_mix.covariates)
        fewer = min(chosen["event"].sum(), (1 - chosen["event"]).sum())
        if fewer < DEATHS_PER_COEFFICIENT * max(1, sum(count_coefficients(chosen, term) for term in terms)):
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
        :func:`naome.measures.casemix.outliers.judge_organisations`. The outcome is a predictor in the imputation.
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

    case_mix, table = adjust_pooled(case_mix, params, adjust, "proportion_adjusted", LOGIT)
    return _judge(table, case_mix, params, higher_is=higher_is)


def adjusted_results(table: pd.DataFrame, study: Study, cohort: str, years: int) -> pd.DataFrame:
    """Bring an organisation table into the result schema (``survival_<y>y_adjusted``)."""
    reasons = {
        "too_few": say_too_few(study.params.outliers.minimum_n, "people"),
        "not_estimable": "everyone or no one survived, or no one was followed to the time point",
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
        method=ADJUSTED_SURVIVAL,
        definition_id=study.specification["survival"].definition_id,
    )


def estimate_whole(case_mix: CaseMix, horizons: Sequence[int]) -> pd.DataFrame:
    """Estimate the survival of everyone who is compared (Kaplan-Meier): the funnel's target.

    Returns
    -------
    DataFrame
        ``years, people, deaths`` (by the time point), ``n_risk, survival, lower, upper``, one row a time point.
    """
    duration, event = case_mix.completed[0]["duration"], case_mix.completed[0]["event"]
    if not horizons:
        return pd.DataFrame(columns=["years", "people", "deaths", "n_risk", "survival", "lower", "upper"])
    table = kaplan_meier(duration, event, at=[years * YEAR_DAYS for years in horizons])
    deaths = [int(((event == 1) & (duration <= time)).sum()) for time in table["time"]]
    return table[["n_risk", "survival", "lower", "upper"]].assign(years=horizons, people=len(duration), deaths=deaths)


def national_results(whole: pd.DataFrame, study: Study, cohort: str) -> pd.DataFrame:
    """Bring the survival of everyone who is compared into the result schema (``survival_<y>y_adjusted`` of the nation).

    It is not adjusted. Where older diagnoses are compared it is their survival, and not that of the audit period.

    Parameters
    ----------
    whole : DataFrame
        From :func:`estimate_whole`.
    study : Study
    cohort : str
    """
    fewest = study.params.survival.minimum_at_risk
    few = (whole["n_risk"] < fewest).to_numpy()
    rows = whole[["lower", "upper"]].assign(
        measure=[f"survival_{years}y_adjusted" for years in whole["years"]],
        denominator=whole["people"],
        numerator=whole["deaths"],
        estimate=whole["survival"],
        status=np.where(few, "too_few", "ok"),
        reason=np.where(few, say_too_few(fewest, "people still at risk at the time point"), ""),
    )
    rows.loc[few, ["estimate", "lower", "upper"]] = np.nan
    definition = study.specification["survival"].definition_id
    return study.results(rows, cohort=cohort, method=KAPLAN_MEIER, definition_id=definition)


def list_comparable(frame: pd.DataFrame, time_points: Iterable[int]) -> list[int]:
    """Return the time points (years) at which organisations can be compared; see :func:`say_no_comparison`."""
    return [years for years in time_points if not say_no_comparison(frame, years)]


def say_no_comparison(frame: pd.DataFrame, years: int) -> str:
    """Say why organisations cannot be compared on survival at a time point; empty when they can.

    Parameters
    ----------
    frame : DataFrame
        ``duration`` (days), ``event`` (0/1): everyone who is compared.
    years : int

    Examples
    --------
    >>> people = pd.DataFrame({"duration": [500.0, 900.0], "event": [1, 1]})
    >>> [say_no_comparison(people, years) for years in (1, 2)]
    ['national survival at 1 year is 100%', '']
    >>> say_no_comparison(people, 3), say_no_comparison(people.assign(event=0), 3)
    ('national survival at 3 years is 0%', 'no one has been followed for 3 years')
    """
    at = years * YEAR_DAYS
    duration, died = frame["duration"].to_numpy(dtype=float), frame["event"].to_numpy() == 1
    last = duration == duration.max(initial=-np.inf)
    if len(frame) and duration[last][0] <= at and died[last].all():  # the curve ends at zero
        return say_national_survival(years, 0)
    if not (duration >= at).any():
        return say_horizon_not_reached(years)
    return "" if (died & (duration <= at)).any() else say_national_survival(years, 100)


def say_horizon_not_reached(years: int) -> str:
    """Say why there is no survival at a horizon."""
    return f"no one has been followed for {years} year{'' if years == 1 else 's'}"


def _reason_for_no_model(case_mix: CaseMix, time_points: tuple[int, ...]) -> str:
    frame = case_mix.completed[0]
    if frame.empty:
        return say_horizon_not_reached(min(time_points))
    if frame["unit"].nunique() < 2:
        return "there are fewer than two organisations with people to compare"
    return say_too_few_deaths(frame, case_mix.covariates)


def _no_results(study: Study, cohort: str, reasons: dict[int, str]) -> pd.DataFrame:
    rows = [study.not_derivable_rows(f"survival_{years}y_adjusted", reason) for years, reason in reasons.items()]
    definition = study.specification["survival"].definition_id
    return study.results(pd.concat(rows, ignore_index=True), cohort=cohort, definition_id=definition)


def _name_part(time_points: tuple[int, ...]) -> int:
    return min(time_points, default=0)


def _judge(table: pd.DataFrame, case_mix: CaseMix, params: Params, *, higher_is: str) -> pd.DataFrame:
    table = table.merge(case_mix.recorded[["unit", "recorded"]], on="unit", how="left")
    return judge_organisations(table, params, higher_is=higher_is)


IMPUTED = ["cohort", "time_point", "imputation", "item", "row", "value"]


def collect_imputations(assessments: dict[str, Assessment]) -> pd.DataFrame:
    """Write down what was imputed, so that a later step of the run need not impute again.

    Returns
    -------
    DataFrame
        ``cohort, time_point`` (the first of the people in question), ``imputation, item, row`` (position in the
        cohort's case mix), ``value`` (the number, or the position of the level): one row per gap filled. Person-level:
        it stays in the run's folder.
    """
    pieces = []
    for each in list_parts(assessments):
        known = {"cohort": each.cohort, "time_point": _name_part(each.time_points)}
        observed = each.case_mix.observed
        lacking = [column for column in observed if observed[column].isna().any()]
        if len(each.case_mix.completed) == 1:
            continue
        for number, frame in enumerate(each.case_mix.completed):
            for item in lacking:
                row = np.flatnonzero(observed[item].isna())
                values = frame[item].cat.codes if isinstance(frame[item].dtype, pd.CategoricalDtype) else frame[item]
                value = values.to_numpy(dtype=float)[row]
                pieces.append(pd.DataFrame({**known, "imputation": number, "item": item, "row": row, "value": value}))
    return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=IMPUTED)
