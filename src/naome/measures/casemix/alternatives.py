"""What organisations' results become under other models and other treatments of missing items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import least_squares
from scipy.stats import spearmanr

from naome.core.durations import YEAR_DAYS
from naome.core.params import Params
from naome.measures.casemix.adjust import Assessment, adjust_frame, fit_national, list_comparable
from naome.measures.casemix.impute import impute_case_mix
from naome.measures.casemix.outliers import MINIMUM_UNITS, judged_scores
from naome.measures.casemix.pool import CLOGLOG, pool_tables
from naome.measures.casemix.prepare import CHECKED, CaseMix, fit_for_model, term_column
from naome.measures.study import say_too_few
from naome.stats.design import build_design
from naome.stats.funnel import classify_z
from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.provider_score import score_providers
from naome.stats.pseudo import pseudo_observations
from naome.stats.risk_adjustment import ExpectedModel

# Values not missing at random are imputed anew, which is most of the time this page takes
SHIFTED = 3


DELTA = 0.5


NOT_RECORDED = "not recorded"


TREATMENTS = ("Imputed", "Imputed, not at random", "Complete cases", "Missing-indicator category")


def compare_models(assessment: Assessment, params: Params) -> pd.DataFrame:
    """Say what organisations' results become under other models than the national one.

    The other models: numeric items as splines where they are straight and straight where they are splines; separate
    baselines for receptor subgroups (grades, where there are no subgroups, or neither); and a model of survival at the
    horizon itself, fitted to pseudo-observations, that supposes nothing about hazards.

    Returns
    -------
    DataFrame
        One row per model and horizon; see :func:`compare_tables`. All models see the same completed data sets.
    """
    case_mix = assessment.case_mix
    times = {years: years * YEAR_DAYS for years in assessment.tables}
    at, fitted = list(times.values()), list(zip(case_mix.completed, assessment.models, strict=True))[:CHECKED]

    def pooled(adjust: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
        return pool_tables([adjust(frame) for frame, _ in fitted], "survival_adjusted", CLOGLOG)

    tables = [adjust_frame(frame, model, at, params) for frame, model in fitted]
    base = pool_tables(tables, "survival_adjusted", CLOGLOG)
    ready = iter(tables)
    bent = tuple(_bend(term, case_mix.observed) for term in case_mix.covariates)

    def with_model(terms: tuple[str, ...], strata: str | None = None) -> pd.DataFrame:
        return pooled(lambda frame: adjust_frame(frame, fit_national(frame, terms, strata=strata), at, params))

    others = {_name_bending(case_mix): with_model(bent)}
    for by in [term for term in ("subtype", "grade") if term in case_mix.covariates][:1]:
        rest = tuple(term for term in case_mix.covariates if term != by)
        others[f"Separate baselines by {by}"] = with_model(rest, strata=by)
    others["Pseudo-observation model"] = pooled(
        lambda frame: adjust_by_pseudo(frame, case_mix.covariates, at, next(ready))
    )
    return compare_tables(base, others, times, params)


def adjust_by_pseudo(
    frame: pd.DataFrame, covariates: tuple[str, ...], at: list[float], table: pd.DataFrame
) -> pd.DataFrame:
    """Adjust organisations with a regression of pseudo-observations instead of the Cox model.

    Parameters
    ----------
    frame : DataFrame
        One completed data set.
    covariates : tuple of str
    at : list of float
        Days.
    table : DataFrame
        The organisations of the same data set adjusted by the Cox model.

    Returns
    -------
    DataFrame
        As :func:`naome.stats.risk_adjustment.risk_adjusted_survival`, with ``survival_adjusted, lower, upper, z``
        from S(t | x) = exp(-exp(b'x)) fitted at each time by least squares to pseudo-observations (Andersen, Klein
        and Rosthoj 2003, complementary log-log link).
    """
    table = table.copy()
    matrix = build_design(frame, list(covariates)).matrix(frame).to_numpy()
    # standardised columns keep the iterations tame
    x = np.column_stack([np.ones(len(frame)), (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)])
    codes, labels = pd.factorize(frame["unit"], sort=True)
    pseudo = pseudo_observations(frame["duration"], frame["event"], at)
    national = kaplan_meier(frame["duration"], frame["event"], at=at)["survival"].to_numpy()
    for column, time in enumerate(at):
        expected = fit_pseudo(x, pseudo[:, column], national[column])
        z = score_providers(pseudo[:, column] - expected, expected, x[:, 1:], codes)["z"].to_numpy()
        mean = np.bincount(codes, expected) / np.bincount(codes)
        # a handful of people whom the model gives no hope, or no risk, cannot be adjusted by a ratio of logarithms
        mean[(mean <= 0) | (mean >= 1)] = np.nan
        power = np.log(mean) * np.log(national[column]) / np.log(expected.mean())
        rows = table.index[np.isclose(table["time"], time)]
        place = pd.Index(labels).get_indexer(table.loc[rows, "provider"])
        # the limits were raised to the Cox model's power; put the new one in its place
        change = np.log(table.loc[rows, "survival_expected"].to_numpy()) / power[place]
        for name in ("survival_adjusted", "lower", "upper"):
            table.loc[rows, name] = table.loc[rows, name].to_numpy() ** change
        table.loc[rows, "z"] = np.where(table.loc[rows, "z"].isna(), np.nan, z[place])
    return table


def fit_pseudo(x: np.ndarray, pseudo: np.ndarray, mean: float) -> np.ndarray:
    """Fit S = exp(-exp(b'x)) to pseudo-observations by least squares (Levenberg-Marquardt); return the fitted S.

    Parameters
    ----------
    x : array, shape (n, p)
        Ones in the first column, the others standardised.
    pseudo : array, shape (n,)
    mean : float
        National survival, where the iterations start.

    Notes
    -----
    Where nobody of a level survives by the model its coefficient has no limit, but the fitted S have: it is they that
    are returned. Undamped (Gauss-Newton) iterations do not settle there.
    """
    start = np.zeros(x.shape[1])
    start[0] = np.log(-np.log(mean))

    def slopes(coef: np.ndarray) -> np.ndarray:
        fitted = _survive(x @ coef)
        # fitted is 0 where somebody has no hope by the model; 0 log 0 is 0
        return x * np.where(fitted > 0, fitted * np.log(np.maximum(fitted, 1e-300)), 0.0)[:, None]

    best = least_squares(
        lambda coef: _survive(x @ coef) - pseudo, start, jac=slopes, method="lm", xtol=1e-12, ftol=1e-14, gtol=1e-12
    )
    return _survive(x @ best.x)


def compare_tables(
    base: pd.DataFrame, others: dict[str, pd.DataFrame], times: dict[int, float], params: Params
) -> pd.DataFrame:
    """Compare organisations' results under other methods with those of the national model.

    Returns
    -------
    DataFrame
        ``Model, Time point, Organisations`` (with a value under both), ``Rank correlation`` (Spearman) and ``Largest
        change, percentage points`` of adjusted survival, ``Largest change of z, Outlier status changed`` (by the z that
        the outlier policy judges, each table with the spread found in it).
    """
    tails = (params.outliers.alert_tail, params.outliers.alarm_tail)
    rows = []
    for name, other in others.items():
        for years, time in times.items():
            old, new = (
                here.assign(judged=judged_scores(here, params)).set_index("provider")[
                    ["survival_adjusted", "z", "judged"]
                ]
                for here in (table[np.isclose(table["time"], time)] for table in (base, other))
            )
            both = old.join(new, how="inner", rsuffix="_other").dropna()
            levels = [classify_z(both[c], tails=tails)["level"].to_numpy() for c in ("judged", "judged_other")]
            change = both["survival_adjusted_other"] - both["survival_adjusted"]
            known = len(both) > 2
            rows.append(
                {
                    "Model": name,
                    "Time point": f"{years} y",
                    "Organisations": len(both),
                    "Rank correlation": _rank_correlation(both) if known else np.nan,
                    "Largest change, percentage points": 100 * change.abs().max() if len(both) else np.nan,
                    "Largest change of z": (both["z_other"] - both["z"]).abs().max() if len(both) else np.nan,
                    "Outlier status changed": int((levels[0] != levels[1]).sum()),
                }
            )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Treatment:
    """Organisations under one treatment of missing items.

    Attributes
    ----------
    table : DataFrame
        Pooled organisation table with every horizon reached.
    frames : list of DataFrame
        The data sets.
    models : list of ExpectedModel
        Their national models.
    """

    table: pd.DataFrame
    frames: list[pd.DataFrame]
    models: list[ExpectedModel]


def treat_missing(assessment: Assessment, params: Params) -> dict[str, Treatment]:
    """Adjust organisations under other treatments of missing case-mix items.

    Complete cases only; a category *not recorded* (for numbers: the mean, and a flag); and imputation as if values
    were not missing at random: the log odds of imputed levels shifted by ``DELTA`` per level towards the last one
    (the worst grade and performance status).

    Returns
    -------
    dict of str to Treatment
        First the national model's own. Empty when no item is missing.
    """
    case_mix = assessment.case_mix
    lacking = [c for c in case_mix.observed.columns if case_mix.observed[c].isna().any()]
    if not lacking or assessment.reason:
        return {}
    shifted = impute_case_mix(case_mix, SHIFTED, params.seed, delta=make_delta(case_mix.observed[lacking]))
    flagged, terms = fit_for_model(*flag_missing(case_mix.observed, case_mix.covariates))
    complete, kept = fit_for_model(case_mix.observed.dropna().reset_index(drop=True), case_mix.covariates)
    treatments = {
        TREATMENTS[1]: (shifted, case_mix.covariates),
        TREATMENTS[2]: ([complete], kept),
        TREATMENTS[3]: ([flagged], terms),
    }
    at = [years * YEAR_DAYS for years in list_comparable(complete, assessment.tables)]
    own = pd.concat(assessment.tables.values()).rename(columns={"unit": "provider"})
    result = {TREATMENTS[0]: Treatment(own, case_mix.completed, list(assessment.models))}
    for name, (frames, covariates) in treatments.items():
        if _enough(frames[0], covariates, at):
            models = [fit_national(frame, covariates) for frame in frames]
            fitted = zip(frames, models, strict=True)
            tables = [adjust_frame(frame, model, at, params) for frame, model in fitted]
            result[name] = Treatment(pool_tables(tables, "survival_adjusted", CLOGLOG), frames, models)
    return result


def tabulate_treatments(treated: dict[str, Treatment], params: Params, assessment: Assessment) -> pd.DataFrame:
    """Compare organisations under other treatments of missing items with imputation."""
    base = treated[TREATMENTS[0]].table
    others = {name: each.table for name, each in treated.items() if name != TREATMENTS[0]}
    # a horizon that complete cases do not reach is compared under no treatment
    reached = set.intersection(*({*each["time"].round(6)} for each in others.values())) if others else set()
    times = {years: years * YEAR_DAYS for years in assessment.tables if round(years * YEAR_DAYS, 6) in reached}
    if not times:
        return pd.DataFrame()
    table = compare_tables(base, others, times, params)
    people = {name: len(each.frames[0]) for name, each in treated.items()}
    table.insert(1, "People", table["Model"].map(people))
    return table.rename(columns={"Model": "Missing items"})


def describe_treatments(treated: dict[str, Treatment], assessment: Assessment) -> str:
    """Say which treatments of missing items are compared, and why others are not."""
    if not treated:
        return "No case-mix item is missing, so every method for missing data gives the same result."
    absent = [name for name in TREATMENTS if name not in treated]
    if absent:
        return f"Not shown, because too few deaths or organisations remain to fit the model: {', '.join(absent)}."
    complete, everyone = len(treated[TREATMENTS[2]].frames[0]), len(assessment.case_mix.observed)
    return (
        f"Every case-mix item is recorded for {complete / everyone:.0%} of people; the others are not complete cases."
    )


def tabulate_ratios(treated: dict[str, Treatment]) -> pd.DataFrame:
    """Lay out hazard ratios under every treatment of missing items, one row per term, one column per treatment."""
    columns = {}
    for name, each in treated.items():
        coef = np.mean([model.coefficients["coef"] for model in each.models], axis=0)
        columns[name] = pd.Series(np.exp(coef), index=each.models[0].coefficients["term"])
    order = list(dict.fromkeys(term for column in columns.values() for term in column.index))
    return pd.DataFrame(columns).reindex(order).rename_axis("Term").reset_index()


def correlate_recording(treated: dict[str, Treatment], case_mix: CaseMix) -> pd.DataFrame:
    """Correlate organisations' share of recorded case mix with their z of deaths.

    A positive correlation rewards poor recorders: the less they record, the fewer deaths beyond what is expected.

    Returns
    -------
    DataFrame
        ``Missing items, Organisations, Correlation, Lower, Upper`` at the first horizon: Pearson's correlation with
        Fisher's 95% limits; NaN, with status and reason, for fewer than ``MINIMUM_UNITS`` organisations.
    """
    rows = []
    recorded = case_mix.recorded.set_index("unit")["recorded"]
    for name, each in treated.items():
        table = each.table
        z = table[table["time"] == table["time"].min()].set_index("provider")["z"].dropna()
        both = pd.concat([z, recorded], axis=1, join="inner")
        few = len(both) < MINIMUM_UNITS
        values = (np.nan, np.nan, np.nan) if few else correlate(both["recorded"], both["z"])
        status = ("too_few", say_too_few(MINIMUM_UNITS, "organisations")) if few else ("ok", "")
        rows.append((name, len(both), *values, *status))
    return pd.DataFrame(
        rows, columns=["Missing items", "Organisations", "Correlation", "Lower", "Upper", "status", "reason"]
    )


def correlate(x: pd.Series, y: pd.Series) -> tuple[float, float, float]:
    """Return Pearson's correlation with Fisher's 95% limits; NaN when fewer than four pairs or no spread."""
    if len(x) < 4 or np.isclose(x.std(), 0) or np.isclose(y.std(), 0):
        return np.nan, np.nan, np.nan
    r = float(np.corrcoef(x, y)[0, 1])
    half = 1.959964 / np.sqrt(len(x) - 3)
    return r, float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))


def flag_missing(frame: pd.DataFrame, covariates: tuple[str, ...]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Make *not recorded* a category of its own; a number that is missing becomes the mean, and a flag says so."""
    frame, terms = frame.copy(), list(covariates)
    for column in [c for c in frame.columns if frame[c].isna().any()]:
        if isinstance(frame[column].dtype, pd.CategoricalDtype):
            frame[column] = frame[column].cat.add_categories([NOT_RECORDED]).fillna(NOT_RECORDED)
        else:
            frame[f"{column}_missing"] = frame[column].isna().astype(float)
            frame[column] = frame[column].fillna(frame[column].mean())
            terms.append(f"{column}_missing")
    return frame, tuple(terms)


def make_delta(frame: pd.DataFrame) -> dict:
    """Return the shift of imputed values: ``DELTA`` log odds per level, ``DELTA`` standard deviations of numbers."""
    shifts: dict = {}
    for column in frame.columns:
        values = frame[column]
        if not isinstance(values.dtype, pd.CategoricalDtype):
            shifts[column] = DELTA * float(values.std()) if values.nunique() > 2 else DELTA
            continue
        levels = list(values.cat.remove_unused_categories().cat.categories)
        steps = {level: DELTA * position for position, level in enumerate(levels)}
        shifts[column] = DELTA if len(levels) == 2 else steps
    return shifts


def _survive(eta: np.ndarray) -> np.ndarray:
    """Return exp(-exp(eta)) without overflow: beyond 10 nobody survives to the last digit."""
    return np.exp(-np.exp(np.minimum(eta, 10.0)))


def _enough(frame: pd.DataFrame, covariates: tuple[str, ...], at: list[float]) -> bool:
    """Return whether there are people, organisations, deaths and survivors enough to adjust at all."""
    if not at or frame["unit"].nunique() < 2:
        return False
    deaths = int(frame["event"].sum())
    return deaths >= 5 * len(build_design(frame, list(covariates)).names)


def _bend(term: str, frame: pd.DataFrame) -> str:
    """Return a spline straightened, and a number bent; levels as they are."""
    column = term_column(term)
    if column != term:
        return column
    values = frame[column]
    if isinstance(values.dtype, pd.CategoricalDtype) or values.nunique() < 10:
        return term
    knots = np.quantile(values.dropna(), (0.10, 0.50, 0.90))
    return f"rcs({term}, 3)" if len(np.unique(knots)) == 3 else term


def _name_bending(case_mix: CaseMix) -> str:
    straight = [term for term in case_mix.covariates if term_column(term) != term]
    if straight:
        return f"Linear term for {' and '.join(_say(term_column(term)) for term in straight)}"
    bent = [t for t in case_mix.covariates if _bend(t, case_mix.observed) != t]
    return f"Splines for {', '.join(_say(term) for term in bent)}" if bent else "The same model"


def _say(column: str) -> str:
    return column.replace("_", " ")


def _rank_correlation(both: pd.DataFrame) -> float:
    return float(spearmanr(both["survival_adjusted"], both["survival_adjusted_other"]).statistic)
