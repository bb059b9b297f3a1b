"""Risk-adjusted proportions: organisations compared with what their case mix would lead one to expect."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from naome.measures.casemix.adjust import adjust_proportion
from naome.measures.casemix.outliers import NOTHING_TO_EXPECT
from naome.measures.methods import ADJUSTED_PROPORTION, ADJUSTED_RATIO
from naome.measures.specification import Indicator, Specification
from naome.measures.study import Study, say_too_few
from naome.stats.logistic import NoFiniteEstimate

# A national model with fewer is a guess; the smaller of those with and without the outcome counts (decision 0010)
SMALLEST_OUTCOME = 100
LOG = logging.getLogger(__name__)
HIGHER_IS = {"higher": "better", "lower": "worse", "neutral": "neutral"}


@dataclass(frozen=True)
class Adjusted:
    """Organisations compared on one risk-adjusted indicator.

    Attributes
    ----------
    indicator : str
    cohort : str
    unit : str
        Column that attributes a person to an organisation: of diagnosis, or the one that gave the treatment.
    table : DataFrame
        From :func:`naome.measures.casemix.adjust.adjust_proportion`: ``unit, n, observed, expected, ratio, ratio_lower,
        ratio_upper, proportion_adjusted, lower, upper, z, level, direction, status``; empty when there is no model.
    national : float
        Proportion of those attributed to an organisation: the funnel's target.
    results : DataFrame
        ``<indicator>_adjusted`` (proportion) and ``<indicator>_ratio`` (observed over expected), both with limits, in
        the result schema.
    reason : str
        Why there is no model; empty when there is.
    rare : tuple of str
        Terms whose coefficient is not finite: levels without events, or with events only.
    """

    indicator: str
    cohort: str
    unit: str
    table: pd.DataFrame
    national: float
    results: pd.DataFrame
    reason: str
    rare: tuple[str, ...] = ()


def adjust_indicator(analysis: pd.DataFrame, study: Study, indicator_id: str, cohort: str) -> Adjusted:
    """Compare organisations on one yes/no indicator with the case mix of the run.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table.
    study : Study
    indicator_id : str
        A proportion marked ``risk_adjusted``.
    cohort : str

    Returns
    -------
    Adjusted
        People who cannot be attributed to an organisation are left out. Everyone is compared; sex is part of the case
        mix, while the audit's published figures are of women.

    Raises
    ------
    ValueError
        If the indicator is not a risk-adjusted proportion of the cohort.

    Notes
    -----
    Observed and expected events with binomial (not Poisson) variance: the variance of O - E is the sum of p(1 - p).
    For death within 30 days of chemotherapy the unit is a person, the last cycle decides, and the organisation is the
    one that gave it: Wallington et al. (2016) Lancet Oncol 17:1203.
    """
    indicator = study.specification[indicator_id]
    if not indicator.risk_adjusted or indicator.estimator != "proportion" or cohort not in indicator.cohorts:
        raise ValueError(f"{indicator_id} of {cohort} is not a risk-adjusted proportion")
    people = analysis[analysis["cohort"] == cohort]
    reason = study.reason(indicator, cohort)
    national = float("nan")
    if not reason:
        inside, positive = indicator.select(people)
        inside = inside & people[indicator.provider].notna().to_numpy()
        national = float(positive[inside].mean()) if inside.any() else national
        reason = _reason_for_no_model(people, inside, positive, indicator.provider)
    if reason:
        known = {"cohort": cohort, "definition_id": indicator.definition_id}
        results = study.results(study.not_derivable_rows(f"{indicator.id}_adjusted", reason, **known))
        return Adjusted(indicator_id, cohort, indicator.provider, pd.DataFrame(), national, results, reason)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        table = adjust_proportion(
            people, inside, positive, indicator.provider, study.params, higher_is=HIGHER_IS[indicator.polarity]
        )
    terms = set()
    for each in caught:
        LOG.info("%s of %s: %s", indicator_id, cohort, each.message)
        terms |= set(each.message.terms) if isinstance(each.message, NoFiniteEstimate) else set()
    rare = tuple(sorted(terms - {"intercept"}))
    results = _results(table, indicator, cohort, study)
    return Adjusted(indicator_id, cohort, indicator.provider, table, national, results, "", rare)


def list_adjusted(specification: Specification) -> list[tuple[str, str]]:
    """Return (indicator, cohort) of every risk-adjusted proportion.

    Examples
    --------
    >>> from naome.measures.specification import load_specification
    >>> ("death_30d_chemotherapy", "denovo") in list_adjusted(load_specification())
    True
    """
    return [
        (indicator.id, cohort)
        for indicator in specification.indicators
        if indicator.risk_adjusted and indicator.estimator == "proportion"
        for cohort in indicator.cohorts
    ]


def _reason_for_no_model(people: pd.DataFrame, inside: np.ndarray, positive: np.ndarray, unit: str) -> str:
    if people.loc[inside, unit].nunique() < 2:
        return "There are fewer than two organisations with people to compare."
    events = int(positive[inside].sum())
    fewer = min(events, int(inside.sum()) - events)
    if fewer < SMALLEST_OUTCOME:
        return f"A case-mix model is not fitted to {say_too_few(SMALLEST_OUTCOME, 'people on the rarer side')}."
    return ""


def _results(table: pd.DataFrame, indicator: Indicator, cohort: str, study: Study) -> pd.DataFrame:
    few, unknown = say_too_few(study.params.outliers.minimum_n, "people"), table["status"] == "not_estimable"
    ok = (table["status"] == "ok").to_numpy()
    shared = pd.DataFrame(
        {
            "unit": table["unit"].astype(str),
            "denominator": table["n"],
            "numerator": table["observed"],
            "status": np.where(ok, "ok", "too_few"),
            "reason": np.select([ok, unknown], ["", NOTHING_TO_EXPECT], few),
        }
    )
    adjusted = shared.assign(
        measure=f"{indicator.id}_adjusted",
        estimate=table["proportion_adjusted"].to_numpy(),
        lower=table["lower"].to_numpy(),
        upper=table["upper"].to_numpy(),
        method=ADJUSTED_PROPORTION,
    )
    ratio = shared.assign(
        measure=f"{indicator.id}_ratio",
        estimate=table["ratio"].mask(~ok).to_numpy(),
        lower=table["ratio_lower"].to_numpy(),
        upper=table["ratio_upper"].to_numpy(),
        method=ADJUSTED_RATIO,
        unit_of_estimate="ratio",
    )
    table = pd.concat([adjusted, ratio], ignore_index=True)
    return study.results(table, cohort=cohort, level="provider", definition_id=indicator.definition_id)
