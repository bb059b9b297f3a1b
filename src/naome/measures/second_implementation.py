"""A run's national estimates beside those of a second implementation, on the same people.

The project has estimators of its own (decision 0025). So that a run on real data does not depend on them alone, its
notebooks fit the same curves and models with lifelines and statsmodels, and the functions here compare the numbers that
the pages show with those fits. A run whose estimates differ by more than rounding is refused.

Nothing here fits anything, and neither library is imported: the fits are made in the notebook, where they are read.

Where the libraries rightly differ, nothing is compared:

* the baseline of a Cox model and predictions from it (lifelines takes Breslow's baseline with Efron's coefficients, and
  interpolates it linearly between deaths);
* limits where the curve is 1 or 0 (here exact binomial limits; lifelines says (1, 1) and (0, 0));
* a median on a stretch where the curve is exactly one half (here its middle, in lifelines one of its ends): any time on
  that stretch counts as equal;
* coefficients without a finite estimate: their models are not compared, and the table says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from naome.core.errors import EstimateError
from naome.core.params import Params
from naome.measures.casemix.adjust import Assessment
from naome.measures.casemix.prepare import COX, YEAR_DAYS
from naome.measures.survival import survival_curves

# By default lifelines stops early: up to 2e-5 standard errors from the maximum on the shipped audits;
# with these values, 1e-7
PRECISE = {"precision": 1e-14, "r_precision": 1e-14}

# Largest difference allowed, by quantity. Each lies between what rounding makes and the smallest real mistake known.
# Curves: sums of logarithms of 100,000 people round at 1e-13, and one person more or less moves a curve by 1e-5.
# Coefficients and standard errors, both in standard errors: at most 1e-7 on the shipped audits. Breslow's treatment of
# ties instead of Efron's moves them by 9e-4 to 2e-2 where deaths are tied; a page shows two decimal places of a ratio.
# Medians are days.
TOLERANCES = {
    "survival curve": 1e-9,
    "limits of the curve": 1e-9,
    "survival and limits at the time points": 1e-9,
    "median and limits, days": 1e-6,
    "log hazard ratios, in standard errors": 1e-5,
    "standard errors, relative": 1e-5,
    "log likelihood, relative": 1e-9,
}

COLUMNS = ["cohort", "library", "quantity", "values", "difference", "tolerance", "reason"]
NO_PEOPLE = "there are no people with a time under observation"
FLAT = "a coefficient has no finite estimate, and libraries stop at different values on the way"


def compare_curves(
    fits: dict[str, Any], analysis: pd.DataFrame, estimates: pd.DataFrame, medians: pd.DataFrame, params: Params
) -> pd.DataFrame:
    """Compare the national survival of a run with Kaplan-Meier fits of lifelines.

    Parameters
    ----------
    fits : dict of str to lifelines.KaplanMeierFitter
        By cohort, of durations in days; a cohort without people has none.
    analysis : DataFrame
        The analysis table, from which the page's curves are made.
    estimates : DataFrame
        From :func:`naome.measures.survival.estimate_survival`: the rows that the page shows.
    medians : DataFrame
        From :func:`naome.measures.survival.estimate_medians`: ``cohort, median, lower, upper``, in days.
    params : Params

    Returns
    -------
    DataFrame
        ``cohort, library, quantity, values`` (how many numbers were compared), ``difference`` (the largest, absolute),
        ``tolerance``, and ``reason`` where there is nothing to compare.
    """
    curves = survival_curves(analysis, analysis["cohort"], params)
    rows = []
    for cohort in params.cohorts:
        if cohort not in fits:
            rows.append(_nothing(cohort, "lifelines", NO_PEOPLE))
            continue
        fit, curve = fits[cohort], curves[curves["group"] == cohort]
        theirs = _read_fit(fit, curve["time"].to_numpy())
        inside = ((curve["survival"] > 0) & (curve["survival"] < 1)).to_numpy()
        pairs = {
            "survival curve": (curve["survival"], theirs["survival"]),
            "limits of the curve": (
                curve.loc[inside, ["lower", "upper"]].to_numpy(),
                theirs.loc[inside, ["lower", "upper"]].to_numpy(),
            ),
        }
        shown = estimates[(estimates["cohort"] == cohort) & (estimates["group_by"] == "all")]
        shown = shown[(shown["status"] == "ok") & shown["measure"].str.fullmatch(r"survival_\d+y")]
        shown = shown[(shown["estimate"] > 0) & (shown["estimate"] < 1)]
        years = shown["measure"].str.extract(r"survival_(\d+)y")[0].astype(int).to_numpy()
        pairs["survival and limits at the time points"] = (
            shown[["estimate", "lower", "upper"]].to_numpy(),
            _read_fit(fit, years * YEAR_DAYS).to_numpy(),
        )
        rows += [_compare(cohort, "lifelines", quantity, *pair) for quantity, pair in pairs.items()]
        rows.append(_compare_medians(cohort, fit, medians[medians["cohort"] == cohort].iloc[0]))
    return pd.DataFrame(rows, columns=COLUMNS)


def list_model_people(assessments: dict[str, Assessment]) -> dict[str, pd.DataFrame]:
    """Return the people of each case-mix model as a library takes them, from the first completed data set.

    Parameters
    ----------
    assessments : dict of str to Assessment
        By cohort.

    Returns
    -------
    dict of str to DataFrame
        One column per coefficient (the design matrix of the project's own model), ``duration`` in days and ``event``.
        A cohort without a model, or with a coefficient that has no finite estimate, is not in it.
    """
    people = {}
    for cohort, each in assessments.items():
        if _reason_not_compared(each):
            continue
        frame, model = each.case_mix.completed[0], each.models[0]
        design = pd.DataFrame(np.asarray(model.design.matrix(frame)), columns=list(model.cox.terms))
        people[cohort] = design.assign(**{name: frame[column].to_numpy() for name, column in COX.items()})
    return people


def compare_coefficients(
    lifelines_fits: dict[str, Any], statsmodels_fits: dict[str, Any], assessments: dict[str, Assessment]
) -> pd.DataFrame:
    """Compare the case-mix models of a run with fits of lifelines and statsmodels.

    Parameters
    ----------
    lifelines_fits : dict of str to lifelines.CoxPHFitter
        By cohort, fitted to :func:`list_model_people` with ``fit_options=PRECISE``.
    statsmodels_fits : dict of str to results of statsmodels.PHReg
        The same with ``ties="efron"``.
    assessments : dict of str to Assessment
        Whose first model is compared: the pooled coefficients of the page are means of such models.

    Returns
    -------
    DataFrame
        As :func:`compare_curves`.
    """
    rows = []
    for cohort, each in assessments.items():
        if reason := _reason_not_compared(each):
            rows.append(_nothing(cohort, "", reason))
            continue
        own, table = each.models[0].cox, each.models[0].coefficients
        coef, error = table["coef"].to_numpy(), table["std_error"].to_numpy()
        one, other = lifelines_fits[cohort], statsmodels_fits[cohort]
        fits = {
            "lifelines": (one.params_, one.standard_errors_, one.log_likelihood_),
            "statsmodels": (other.params, other.bse, other.llf),
        }
        for library, (theirs, their_error, value) in fits.items():
            pairs = {
                "log hazard ratios, in standard errors": (coef / error, np.asarray(theirs) / error),
                "standard errors, relative": (np.ones(len(error)), np.asarray(their_error) / error),
                "log likelihood, relative": (np.ones(1), np.array([value]) / own.log_likelihood),
            }
            rows += [_compare(cohort, library, quantity, *pair) for quantity, pair in pairs.items()]
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
    >>> row = ["denovo", "lifelines", "survival curve", 900, 2e-3, 1e-9, ""]
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
            f"{row.quantity} ({row.cohort}, {row.library}) by {row.difference:.2g}, allowed {row.tolerance:g}"
            for row in wrong.itertuples()
        )
        raise EstimateError(
            f"the run's estimates differ from those of a second implementation: {said}. Hint: the same people, ties "
            "and time unit on both sides? If so, one of the two is wrong, and no result of this run may be used."
        )
    return compared


def _reason_not_compared(assessment: Assessment) -> str:
    if assessment.reason:
        return assessment.reason
    cox = assessment.models[0].cox
    # the information of a standardised covariate that naome.stats.cox warns of as without a finite estimate
    spread = np.asarray(assessment.models[0].design.matrix(assessment.case_mix.completed[0])).std(axis=0)
    flat = np.sqrt(np.diag(cox.covariance)) * spread > 1 / np.sqrt(1e-3)
    return FLAT if flat.any() else ""


def _read_fit(fit: Any, times: np.ndarray) -> pd.DataFrame:
    """Read the curve of a KaplanMeierFitter and its limits as step functions."""
    rows = np.searchsorted(fit.survival_function_.index.to_numpy(), times, side="right") - 1
    limits = fit.confidence_interval_.to_numpy()[rows]
    survival = fit.survival_function_.to_numpy()[rows, 0]
    return pd.DataFrame({"survival": survival, "lower": limits[:, 0], "upper": limits[:, 1]})


def _compare_medians(cohort: str, fit: Any, own: pd.Series) -> list:
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
    return _compare(cohort, "lifelines", "median and limits, days", np.array(distances), np.zeros(3))


def _first_time(times: np.ndarray, reached: np.ndarray) -> float:
    return float(times[np.argmax(reached)]) if reached.any() else np.inf


def _compare(cohort: str, library: str, quantity: str, own: Any, theirs: Any) -> list:
    own, theirs = np.asarray(own, dtype=float), np.asarray(theirs, dtype=float)
    difference = float(np.abs(own - theirs).max()) if own.size else np.nan
    reason = "" if own.size else "no estimate of this quantity is shown"
    return [cohort, library, quantity, own.size, difference, TOLERANCES[quantity], reason]


def _nothing(cohort: str, library: str, reason: str) -> list:
    return [cohort, library, "", 0, np.nan, np.nan, reason]
