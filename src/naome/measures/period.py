"""Five-year survival by period analysis, from people diagnosed before the audit period.

Nobody diagnosed within the audit period has been followed for five years. Those
diagnosed before it have: each lends the survival of the last two years of follow-up, from the
day they entered those years. The estimate is of people diagnosed now if each year
after diagnosis goes on as it went lately (Brenner and Gefeller 1996).

Metastatic disease at the initial diagnosis is found in the same way over the whole
diagnosed window, so the de novo cohort has such an estimate. The recurrent cohort has
none: recurrences before the audit period are only those that came soon after
diagnosis, which are not like the others.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from naome.cohort.eligible import code_dates, eligible_people, flag_tumours, metastatic_codes
from naome.cohort.features import NEEDED_COLUMNS, describe_people
from naome.cohort.frames import fetch_analysis
from naome.cohort.materialise import hold
from naome.cohort.membership import de_novo, possible_members
from naome.cohort.tables import CanonicalTables
from naome.core.durations import YEAR_DAYS
from naome.core.params import Params
from naome.measures.indicators import divide_people
from naome.measures.methods import PERIOD_ANALYSIS
from naome.measures.study import Study, say_too_few
from naome.measures.survival import survival_arrays
from naome.stats.inputs import is_observed
from naome.stats.kaplan_meier import kaplan_meier

PERIOD_YEARS = 2
# What describes these people without their treatments and admissions, which are not read for this
COLUMNS = ("cohort", "route", "sex", "age", "age_group", "subtype", "year", "origin_date", "survival_days", "died")
GROUPS = ("all", "sex", "age_group", "subtype")
LEFT_OUT = {
    "primary": "Before the audit period, only metastatic disease at diagnosis is identified.",
    "recurrent": "Recurrences before the audit period include only those soon after diagnosis; they do not represent "
    "the others.",
}
DIRECT = (
    "The audit period is the whole diagnosed window; there is no one before it, and follow-up reaches the time point."
)


def derive_period_people(study: Study, tables: CanonicalTables) -> pd.DataFrame:
    """Find everyone with metastatic disease at the initial diagnosis over the whole diagnosed window.

    Parameters
    ----------
    study : Study
        Rules as for the de novo cohort, but for the first day: ``diagnosed_from`` instead of ``metastatic_from``.
    tables : CanonicalTables

    Returns
    -------
    DataFrame
        One row per person, no identifiers, ``COLUMNS``; empty when the run has no de novo cohort.
    """
    if "denovo" not in study.params.cohorts:
        return pd.DataFrame(columns=list(COLUMNS))
    params = study.params.model_copy(update={"metastatic_from": study.params.diagnosed_from})
    rules = study.rules
    bare = replace(
        tables, **{name: getattr(tables, name).select(*columns).limit(0) for name, columns in NEEDED_COLUMNS.items()}
    )
    codes = hold(metastatic_codes(tables, rules))
    eligible = hold(eligible_people(flag_tumours(tables, params, rules)))
    members = hold(de_novo(hold(possible_members(code_dates(eligible, codes, rules))), params))
    described = describe_people(members, bare, codes, params, rules)
    return fetch_analysis(described, rules.definitions)[list(COLUMNS)]


def estimate_period_survival(people: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Estimate survival at the last horizon by period analysis, for every cohort and for the groups in ``GROUPS``.

    Parameters
    ----------
    people : DataFrame
        From :func:`derive_period_people`.
    study : Study

    Returns
    -------
    DataFrame
        Results with measure ``survival_<y>y_period``: denominator the people under
        observation in the period, numerator their deaths in it up to the horizon. An
        estimate is shown only where at least ``minimum_at_risk`` people were at risk all the way to the
        horizon. A cohort that has no such estimate has a row that says why.
    """
    params = study.params
    years = max(params.survival.horizons_years)
    measure = f"survival_{years}y_period"
    frames = []
    for cohort in params.cohorts:
        reason = _reason_for_none(cohort, people, params)
        if reason:
            frames.append(study.not_derivable_rows(measure, reason, cohort=cohort))
            continue
        for group in (each for each in study.specification.groups if each.id in GROUPS):
            within, labels = divide_people(people, group)
            table = period_survival(people[within], labels[within], params, years)
            frames.append(table.assign(cohort=cohort, group_by=group.id))
    definition = study.specification["survival"].definition_id
    table = pd.concat(frames, ignore_index=True)
    return study.results(table, measure=measure, method=PERIOD_ANALYSIS, definition_id=definition)


def period_survival(people: pd.DataFrame, labels: pd.Series, params: Params, years: int) -> pd.DataFrame:
    """Estimate survival at a horizon from the last ``PERIOD_YEARS`` of follow-up, one row per label.

    Returns
    -------
    DataFrame
        ``group, denominator, numerator, estimate, lower, upper, status, reason``.
    """
    duration, event, keep = survival_arrays(people)
    groups = labels[keep].fillna("not recorded").astype(str).to_numpy()
    start = pd.Timestamp(params.censor_date) - pd.DateOffset(years=PERIOD_YEARS)
    entry = np.maximum((start - people.loc[keep, "origin_date"]).dt.days.to_numpy(dtype=float), 0)
    horizon = years * YEAR_DAYS
    inside = is_observed(duration, entry) & (entry < horizon)
    duration, event, groups, entry = duration[inside], event[inside], groups[inside], entry[inside]
    if not len(duration):
        return pd.DataFrame()
    curve = kaplan_meier(duration, event, entry=entry, group=groups)
    deaths = curve[curve["time"] <= horizon].groupby("group")["n_event"].sum()
    table = kaplan_meier(duration, event, entry=entry, group=groups, at=horizon).set_index("group")
    sizes = pd.Series(groups).value_counts()
    thinnest = [_fewest_at_risk(entry[groups == group], duration[groups == group], horizon) for group in table.index]
    few = pd.Series(thinnest, index=table.index) < params.survival.minimum_at_risk
    return pd.DataFrame(
        {
            "group": table.index,
            "denominator": sizes.reindex(table.index).to_numpy(),
            "numerator": deaths.reindex(table.index).fillna(0).astype(int).to_numpy(),
            "estimate": table["survival"].mask(few).to_numpy(),
            "lower": table["lower"].mask(few).to_numpy(),
            "upper": table["upper"].mask(few).to_numpy(),
            "status": np.where(few, "too_few", "ok"),
            "reason": np.where(few, say_too_few(params.survival.minimum_at_risk, "people at risk on the way"), ""),
        }
    )


def _fewest_at_risk(entry: np.ndarray, duration: np.ndarray, horizon: float) -> int:
    """Return the fewest people at risk on any day up to the horizon.

    Every day counts, not only those of deaths: where nobody is under observation nobody is seen to die, and the
    curve would pass over the gap as if all had lived.
    """
    days = np.arange(1, int(horizon) + 1)
    entered = np.searchsorted(np.sort(entry), days, side="left")
    left = np.searchsorted(np.sort(duration), days, side="left")
    return int((entered - left).min())


def _reason_for_none(cohort: str, people: pd.DataFrame, params: Params) -> str:
    """Say why a cohort has no estimate by period analysis; empty when it has one."""
    if params.metastatic_from <= params.diagnosed_from:
        return DIRECT
    if cohort in LEFT_OUT:
        return LEFT_OUT[cohort]
    before = int((people["origin_date"] < pd.Timestamp(params.metastatic_from)).sum())
    if before < params.minimum_denominator:
        return "Too few people with metastatic disease at diagnosis before the audit period are in the extract."
    return ""
