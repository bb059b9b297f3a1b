"""A run's national estimates beside those of a second implementation, on the same people.

The project has estimators of its own (decision 0025). So that a run on real data does not depend on them alone, its
notebooks fit the same curves and models with lifelines and statsmodels, and the functions here compare the numbers that
the pages show with those fits. A run whose estimates differ by more than rounding is refused.

Nothing here fits anything, and neither library is imported: the fits are made in the notebook, where they are read.

Every Kaplan-Meier estimate of a cohort or subgroup is compared, and one that is hidden although the rule for showing it
is met is refused, as is a fit that is missing. Of the case-mix models, that of the first completed data set of every
time point is compared: the numbers of its table, and those from which expected survival is computed.

Where the libraries rightly differ, nothing is compared:

* the baseline of a Cox model and predictions from it (lifelines takes Breslow's baseline with Efron's coefficients, and
  interpolates it linearly between deaths);
* limits where the curve of lifelines is 1 or 0 (here exact binomial limits; lifelines says (1, 1) and (0, 0));
* a median on a stretch where the curve is exactly one half (here its middle, in lifelines one of its ends): any time on
  that stretch counts as equal;
* a model in which both libraries find a coefficient without a finite estimate: the table says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from naome.core.durations import YEAR_DAYS
from naome.core.errors import EstimateError
from naome.core.params import Params
from naome.core.results import COUNTS, NUMBERS
from naome.measures.casemix.adjust import Assessment, list_parts
from naome.measures.casemix.prepare import COX
from naome.measures.indicators import divide_people
from naome.measures.study import Study
from naome.measures.survival import (
    list_times,
    numbers_at_risk,
    reason_for_no_group,
    survival_arrays,
    survival_curves,
)
from naome.stats.risk_adjustment import ExpectedModel

# By default lifelines stops early: up to 2e-5 standard errors from the maximum on the shipped audits;
# with these values, 1e-7
PRECISE = {"precision": 1e-14, "r_precision": 1e-14}

# Largest difference allowed, by quantity. Each lies between what rounding makes and the smallest real mistake known.
# Curves: sums of logarithms of 100,000 people round at 1e-13, and one person more or less moves a curve by 1e-5.
# Coefficients and standard errors, both in standard errors: at most 1e-7 on the shipped audits. Breslow's treatment of
# ties instead of Efron's moves them by 9e-4 to 2e-2 where deaths are tied; a page shows two decimal places of a ratio.
# Covariances of coefficients as correlations: divided by the two standard errors. Medians are days. Numbers of people
# are equal or wrong.
TOLERANCES = {
    "survival curve": 1e-9,
    "limits of the curve": 1e-9,
    "survival and limits at the time points": 1e-9,
    "survival and limits, subgroups": 1e-9,
    "people and deaths, time points and subgroups": 0,
    "numbers at risk and deaths of the curve": 0,
    "people, deaths and number at risk, median": 0,
    "median and limits, days": 1e-6,
    "log hazard ratios, in standard errors": 1e-5,
    "standard errors, relative": 1e-5,
    "covariances, over standard errors": 1e-5,
    "people and deaths of the model": 0,
    "log likelihood, relative": 1e-9,
}

COLUMNS = ["cohort", "years", "library", "quantity", "values", "difference", "tolerance", "reason"]
NO_PEOPLE = "there are no people with a time under observation"
# the standard error of a standardised covariate beyond which naome.stats.cox warns of no finite estimate
LARGEST_ERROR = 1 / np.sqrt(1e-3)
FLAT = "a coefficient has no finite estimate, and libraries stop at different values on the way"


def list_curve_people(analysis: pd.DataFrame, study: Study) -> dict[tuple[str, str, str], pd.DataFrame]:
    """Return the people of each curve whose survival the page shows, as a library takes them.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table.
    study : Study

    Returns
    -------
    dict of (str, str, str) to DataFrame
        (cohort, grouping, group) -> ``duration``, days from the time origin to death or the end of follow-up, and
        ``event``, death from any cause. The grouping "all" has the whole cohort. Without cohorts for which the data
        lack deaths, groups that have no survival (:func:`naome.measures.survival.reason_for_no_group`), and groups
        without people.
    """
    people: dict[tuple[str, str, str], pd.DataFrame] = {}
    for cohort in study.params.cohorts:
        if study.reason(study.specification["survival"], cohort):
            continue
        members = analysis[analysis["cohort"] == cohort]
        for group in study.specification.groups_for("survival"):
            if reason_for_no_group(study, group, cohort):
                continue
            within, labels = divide_people(members, group)
            duration, event, keep = survival_arrays(members[within])
            frame = pd.DataFrame({"duration": duration, "event": event})
            named = labels[within][keep].fillna("not recorded").astype(str).to_numpy()
            people.update({(cohort, group.id, str(name)): rows for name, rows in frame.groupby(named)})
    return people


def compare_curves(
    fits: dict[tuple[str, str, str], Any],
    analysis: pd.DataFrame,
    estimates: pd.DataFrame,
    medians: pd.DataFrame,
    study: Study,
) -> pd.DataFrame:
    """Compare the national survival of a run, and that of its subgroups, with Kaplan-Meier fits of lifelines.

    Parameters
    ----------
    fits : dict of (str, str, str) to lifelines.KaplanMeierFitter
        By cohort, grouping and group: fitted to :func:`list_curve_people`.
    analysis : DataFrame
        The analysis table, from which the page's curves and numbers at risk are made.
    estimates : DataFrame
        From :func:`naome.measures.survival.estimate_survival`: the rows that the page shows. Where lifelines has enough
        people, and enough of them at risk, the estimate must be there.
    medians : DataFrame
        From :func:`naome.measures.survival.estimate_medians`.
    study : Study

    Returns
    -------
    DataFrame
        ``cohort, years`` (time points of a model; none here), ``library, quantity, values`` (how many numbers were
        compared), ``difference`` (the largest, absolute), ``tolerance``, and ``reason`` where there is nothing to
        compare.

    Raises
    ------
    EstimateError
        If a group with people has no fit.
    """
    params, people = study.params, list_curve_people(analysis, study)
    for key in people:
        _find_fit(fits, key, "lifelines")
    curves = survival_curves(analysis, analysis["cohort"], params)
    at_risk = numbers_at_risk(analysis, analysis["cohort"], list_times(params)).set_index("group")
    rows = []
    for cohort in params.cohorts:
        if (cohort, "all") not in [key[:2] for key in people]:
            reason = study.reason(study.specification["survival"], cohort).rstrip(".")
            rows.append(_nothing(cohort, (), "lifelines", reason or NO_PEOPLE))
            continue
        fit = next(fit for key, fit in fits.items() if key[:2] == (cohort, "all"))
        rows += [
            _compare(cohort, (), "lifelines", *each) for each in _pair_curves(fit, cohort, curves, at_risk, params)
        ]
        own = estimates[(estimates["cohort"] == cohort) & estimates["measure"].str.fullmatch(r"survival_\d+y")]
        ours = {key: fit for key, fit in fits.items() if key[0] == cohort}
        rows += [_compare(cohort, (), "lifelines", *each) for each in _pair_estimates(ours, own, params)]
        own_median = medians.set_index("cohort").reindex([cohort]).iloc[0]
        rows += [_compare(cohort, (), "lifelines", *each) for each in _pair_medians(fit, own_median)]
    return pd.DataFrame(rows, columns=COLUMNS)


def list_model_people(assessments: dict[str, Assessment]) -> dict[tuple[str, tuple[int, ...]], pd.DataFrame]:
    """Return the people of each case-mix model as a library takes them, from the first completed data set.

    Parameters
    ----------
    assessments : dict of str to Assessment
        By cohort; those of older diagnoses among them.

    Returns
    -------
    dict of (str, tuple of int) to DataFrame
        (cohort, years that the model serves) -> one column per coefficient (the design matrix of the project's own
        model), ``duration`` in days and ``event``. People without a model are not in it.
    """
    people = {}
    for part in list_parts(assessments):
        if not part.models:
            continue
        frame, model = part.case_mix.completed[0], part.models[0]
        design = pd.DataFrame(np.asarray(model.design.matrix(frame)), columns=list(model.cox.terms))
        design = design.assign(**{name: frame[column].to_numpy() for name, column in COX.items()})
        people[part.cohort, part.time_points] = design
    return people


def list_starts(assessments: dict[str, Assessment]) -> dict[tuple[str, tuple[int, ...]], np.ndarray]:
    """Return the project's own coefficients, from which a library is to start.

    A library leaves them if by its own score they are no maximum. From zero both end elsewhere where a hazard is steep:
    lifelines shortens its steps too far, and statsmodels does not shorten them at all.

    Parameters
    ----------
    assessments : dict of str to Assessment
        By cohort; those of older diagnoses among them.

    Returns
    -------
    dict of (str, tuple of int) to array of float
        By the keys of :func:`list_model_people`; log hazard ratios in the order of its columns.
    """
    parts = [part for part in list_parts(assessments) if part.models]
    return {(part.cohort, part.time_points): np.asarray(part.models[0].cox.coef) for part in parts}


def compare_coefficients(
    lifelines_fits: dict[tuple[str, tuple[int, ...]], Any],
    statsmodels_fits: dict[tuple[str, tuple[int, ...]], Any],
    assessments: dict[str, Assessment],
) -> pd.DataFrame:
    """Compare the case-mix models of a run with fits of lifelines and statsmodels.

    Parameters
    ----------
    lifelines_fits : dict of (str, tuple of int) to lifelines.CoxPHFitter
        Fitted to :func:`list_model_people` with ``fit_options=PRECISE``.
    statsmodels_fits : dict of (str, tuple of int) to results of statsmodels.PHReg
        The same with ``ties="efron"``.
    assessments : dict of str to Assessment
        The first model of each of their parts is compared: the pooled coefficients of the page are means of such
        models. Both what the page shows (the table of coefficients) and what predicts (``cox``).

    Returns
    -------
    DataFrame
        As :func:`compare_curves`.

    Raises
    ------
    EstimateError
        If a model has no fit of a library.
    """
    rows, people = [], list_model_people(assessments)
    for part in list_parts(assessments):
        key = (part.cohort, part.time_points)
        if key not in people:
            rows.append(_nothing(*key, "", part.reason or "there is no time point with a model"))
            continue
        one = _find_fit(lifelines_fits, key, "lifelines")
        other = _find_fit(statsmodels_fits, key, "statsmodels")
        # judged by the libraries, so that a wrong covariance of the project's own does not end the comparison
        spread = people[key].drop(columns=list(COX)).to_numpy(dtype=float).std(axis=0)
        if all((np.asarray(error) * spread > LARGEST_ERROR).any() for error in (one.standard_errors_, other.bse)):
            rows.append(_nothing(*key, "", FLAT))
            continue
        counts = ([len(one.durations), one.event_observed.sum()], [len(other.model.endog), other.model.status.sum()])
        theirs = {
            "lifelines": (one.params_, one.standard_errors_, one.variance_matrix_, one.log_likelihood_, counts[0]),
            "statsmodels": (other.params, other.bse, other.cov_params(), other.llf, counts[1]),
        }
        for library, numbers in theirs.items():
            rows += [_compare(*key, library, *each) for each in _pair_models(part.models[0], *numbers)]
    return pd.DataFrame(rows, columns=COLUMNS)


def refuse_differences(compared: pd.DataFrame) -> pd.DataFrame:
    """Return a comparison whose differences are all within the tolerance.

    Parameters
    ----------
    compared : DataFrame
        From :func:`compare_curves` or :func:`compare_coefficients`.

    Returns
    -------
    DataFrame
        The same.

    Raises
    ------
    EstimateError
        Naming every quantity whose difference is above the tolerance, or is no number.

    Examples
    --------
    >>> row = ["denovo", (), "lifelines", "survival curve", 900, 2e-3, 1e-9, ""]
    >>> refuse_differences(pd.DataFrame([row], columns=COLUMNS))
    Traceback (most recent call last):
        ...
    naome.core.errors.EstimateError: the run's estimates differ from those of a second implementation: survival curve \
(denovo, lifelines) by 0.002, allowed 1e-09. Hint: the same people, ties and time unit on both sides? If so, one of \
the two is wrong, and no result of this run may be used.
    """
    judged = compared[compared["reason"] == ""]
    wrong = judged[~(judged["difference"] <= judged["tolerance"])]  # written this way round so that NaN is caught
    if len(wrong):
        said = "; ".join(
            f"{row.quantity} ({row.cohort}{_say_years(row.years)}, {row.library}) by {row.difference:.2g}, "
            f"allowed {row.tolerance:g}"
            for row in wrong.itertuples()
        )
        raise EstimateError(
            f"the run's estimates differ from those of a second implementation: {said}. Hint: the same people, ties "
            "and time unit on both sides? If so, one of the two is wrong, and no result of this run may be used."
        )
    return compared


def _say_years(years: tuple[int, ...]) -> str:
    return "".join(f", {each} y" for each in years)


def _find_fit(fits: dict, key: tuple, library: str) -> Any:
    if key not in fits:
        raise EstimateError(
            f"no fit of {library} for {key}, which has people. Hint: a notebook fits every group that "
            "list_curve_people or list_model_people names, so that nothing goes unchecked."
        )
    return fits[key]


def _pair_curves(fit: Any, cohort: str, curves: pd.DataFrame, at_risk: pd.DataFrame, params: Params) -> list[tuple]:
    """Pair the curve of a cohort, its limits and its numbers with those of lifelines, at the times of either."""
    events = fit.event_table
    events = events[events["at_risk"] >= params.survival.minimum_at_risk]
    own = curves[curves["group"] == cohort].set_index("time")
    times = own.index.union(events.index)
    own, events = own.reindex(times), events.reindex(times)
    theirs = _read_fit(fit, times.to_numpy())
    theirs[events["at_risk"].isna().to_numpy()] = np.nan
    numbers = at_risk.loc[cohort].to_numpy(dtype=float)
    years = np.array([float(label.split()[0]) for label in at_risk.columns])
    return [
        ("survival curve", own["survival"], theirs["survival"]),
        ("limits of the curve", *_leave_ends(own[["survival", "lower", "upper"]].to_numpy(), theirs.to_numpy())),
        (
            "numbers at risk and deaths of the curve",
            np.r_[own["n_risk"], own["n_event"], numbers],
            np.r_[events["at_risk"], events["observed"], _count_at_risk(fit, years * YEAR_DAYS)],
        ),
    ]


def _pair_estimates(fits: dict[tuple[str, str, str], Any], own: pd.DataFrame, params: Params) -> list[tuple]:
    """Pair the survival of a cohort and its subgroups at the time points: what is shown, and what should be."""
    years = np.array(params.survival.horizons_years)
    tables = []
    for (_, group_by, group), fit in fits.items():
        at, events = years * YEAR_DAYS, fit.event_table
        table = pd.DataFrame(_read_fit(fit, at).to_numpy(), columns=NUMBERS)
        table["denominator"] = events["entrance"].sum()
        table["numerator"] = [events.loc[events.index <= time, "observed"].sum() for time in at]
        few = (_count_at_risk(fit, at) < params.survival.minimum_at_risk) | (
            table["denominator"] < params.minimum_denominator
        )
        table = table.mask(few)
        names = [f"survival_{each}y" for each in years]
        tables.append(table.assign(group_by=group_by, group=group, measure=names))
    keys = ["group_by", "group", "measure"]
    shown = own[[*NUMBERS, *COUNTS]].astype(float).where(own["status"] == "ok").assign(**{k: own[k] for k in keys})
    both = shown.merge(pd.concat(tables), on=keys, how="outer", suffixes=("", "_theirs"))
    pairs = []
    for quantity, rows in (
        ("survival and limits at the time points", both[both["group_by"] == "all"]),
        ("survival and limits, subgroups", both[both["group_by"] != "all"]),
    ):
        ours, theirs = (rows[[name + end for name in NUMBERS]].to_numpy() for end in ("", "_theirs"))
        limits = _leave_ends(ours, theirs)
        pairs.append((quantity, np.c_[ours[:, :1], limits[0]], np.c_[theirs[:, :1], limits[1]]))
    counts = (both[[name + end for name in COUNTS]].to_numpy() for end in ("", "_theirs"))
    return [*pairs, ("people and deaths, time points and subgroups", *counts)]


def _pair_medians(fit: Any, own: pd.Series) -> list[tuple]:
    time, survival = fit.survival_function_.index.to_numpy(), fit.survival_function_.to_numpy()[:, 0]
    lower, upper = fit.confidence_interval_.to_numpy().T
    inside = (survival > 0) & (survival < 1)
    curves = {
        "median": (time, survival),
        "lower": (time[inside], lower[inside]),
        "upper": (time[inside], upper[inside]),
    }
    distances = []
    for name, (times, values) in curves.items():
        first, last = (_first_time(times, values <= 0.5 + 1e-12), _first_time(times, values < 0.5 - 1e-12))
        ours = np.inf if np.isnan(own[name]) else own[name]
        inside_stretch = first <= ours <= last or (np.isinf(last) and ours == first)
        distances.append(0.0 if inside_stretch else min(abs(ours - first), abs(ours - last)))
    events = fit.event_table
    reached = 0 if np.isnan(own["median"]) else _count_at_risk(fit, np.array([own["median"]]))[0]
    return [
        ("median and limits, days", np.array(distances), np.zeros(3)),
        (
            "people, deaths and number at risk, median",
            own[["people", "deaths", "n_risk"]],
            [events["entrance"].sum(), events["observed"].sum(), reached],
        ),
    ]


def _pair_models(
    model: ExpectedModel, coef: Any, error: Any, covariance: Any, value: float, counts: list
) -> list[tuple]:
    coef, error, covariance = (np.asarray(each, dtype=float) for each in (coef, error, covariance))
    table, cox = model.coefficients, model.cox
    return [
        (
            "log hazard ratios, in standard errors",
            np.r_[table["coef"] / error, cox.coef / error],
            np.tile(coef / error, 2),
        ),
        ("standard errors, relative", table["std_error"] / error, np.ones(len(error))),
        (
            "covariances, over standard errors",
            cox.covariance / np.outer(error, error),
            covariance / np.outer(error, error),
        ),
        ("log likelihood, relative", [cox.log_likelihood / value], [1.0]),
        ("people and deaths of the model", [cox.n, cox.n_event], counts),
    ]


def _leave_ends(own: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits, with those blank on both sides where the survival of lifelines is 1 or 0."""
    end = ((theirs[:, 0] <= 0) | (theirs[:, 0] >= 1))[:, None]
    return np.where(end, np.nan, own[:, 1:]), np.where(end, np.nan, theirs[:, 1:])


def _count_at_risk(fit: Any, times: np.ndarray) -> np.ndarray:
    """Count the people with a duration of at least each time."""
    events = fit.event_table
    staying = events["removed"].to_numpy(dtype=float)[::-1].cumsum()[::-1]
    return np.r_[staying, 0.0][np.searchsorted(events.index.to_numpy(), times)]


def _read_fit(fit: Any, times: np.ndarray) -> pd.DataFrame:
    """Read the curve of a KaplanMeierFitter and its limits as step functions."""
    rows = np.searchsorted(fit.survival_function_.index.to_numpy(), times, side="right") - 1
    limits = fit.confidence_interval_.to_numpy()[rows]
    survival = fit.survival_function_.to_numpy()[rows, 0]
    return pd.DataFrame({"survival": survival, "lower": limits[:, 0], "upper": limits[:, 1]})


def _first_time(times: np.ndarray, reached: np.ndarray) -> float:
    return float(times[np.argmax(reached)]) if reached.any() else np.inf


def _compare(cohort: str, years: tuple[int, ...], library: str, quantity: str, own: Any, theirs: Any) -> list:
    """Return the largest difference; a number that only one side has gives NaN, one that neither has is no number."""
    own, theirs = np.asarray(own, dtype=float), np.asarray(theirs, dtype=float)
    known = ~(np.isnan(own) & np.isnan(theirs))
    difference = float(np.abs(own - theirs)[known].max()) if known.any() else np.nan
    reason = "" if known.any() else "no estimate of this quantity is shown"
    return [cohort, years, library, quantity, int(known.sum()), difference, TOLERANCES[quantity], reason]


def _nothing(cohort: str, years: tuple[int, ...], library: str, reason: str) -> list:
    return [cohort, years, library, "", 0, np.nan, np.nan, reason]
