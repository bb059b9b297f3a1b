"""Outlier status of organisations as it may be shown: of those whose result is shown, as rounded counts support it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from naome.core.params import Params
from naome.core.results import NATIONAL_LEVELS
from naome.measures.adjusted import HIGHER_IS, Adjusted
from naome.measures.casemix.adjust import Assessment, list_tables
from naome.measures.casemix.outliers import MINIMUM_UNITS, give_levels
from naome.measures.specification import Specification
from naome.measures.value_reasons import says_value
from naome.measures.variation import (
    NOT_ASSESSED,
    Variation,
    count_domains,
)
from naome.release.level_chances import expect_placed
from naome.release.policy import POLICIES, Policy, leave_few, round_counts
from naome.release.rounded_levels import place_counts, soften
from naome.release.suppress import VALUE_SUPPRESSED
from naome.release.types import Declared, Released, declare_not_counts

#: Measures of variation between organisations
SPREAD = (
    *("phi", "tau2", "variance", "variance_lower", "variance_upper", "median_odds_ratio", "mor_lower", "mor_upper"),
    *("share_beyond_chance", "p_value"),
)
#: What changes under another model
CHANGES = ("Rank correlation", "Largest change, percentage points", "Largest change of z", "Outlier status changed")
FEW_UNITS = f"fewer than {MINIMUM_UNITS} organisations, whose counts could be worked out"
#: Why a time point has no comparison where national survival is suppressed
NATION_NOT_SHOWN = "national survival is not shown"
#: Why an organisation has no level although it could be compared
SUPPRESSED = "its result is suppressed"

__all__ = [
    "list_outlier_status",
    "settle_adjusted",
    "settle_assessments",
    "settle_changes",
    "settle_variation",
]

STATUS_COLUMNS = ["cohort", "measure", "unit", "outlier_status", "direction", "reason"]


def settle_levels(table: pd.DataFrame, shown: Iterable[str], params: Params, higher_is: str) -> pd.DataFrame:
    """Give organisations compared by a model the levels that their rounded counts support.

    Parameters
    ----------
    table : DataFrame
        From :func:`naome.measures.casemix.outliers.judge_organisations`, with ``n, observed, expected``.
    shown : iterable of str
        Organisations whose result is shown; others have no level.
    params : Params
    higher_is : {"better", "worse", "neutral"}

    Returns
    -------
    DataFrame
        ``z``, the supplementary scores and all levels are those, and ``n`` is rounded, with the ``std_error`` of so
        many people; spread between organisations stays as it is.
    """
    policy = POLICIES[params.disclosure.policy]
    if policy.name == "none" or table.empty:
        return table
    scores = {
        name: soften(table, table[name], policy)
        for name in ("z", "early_warning_z", "logistic_z")
        if name in table.columns
    }
    # also of those with too few people: how many there are is what is suppressed
    reason = table["reason"].mask(~table["unit"].isin(list(shown)), SUPPRESSED)
    given = _round_sizes(give_levels(table.assign(**scores, reason=reason), params, higher_is=higher_is), policy)
    # the spread of organisations that are nearly all suppressed would be that of the suppressed ones
    few = (given["level"] != "not_assessed").sum() < MINIMUM_UNITS
    return given.assign(**dict.fromkeys({"phi", "tau2"} & set(given.columns), np.nan)) if few else given


def _round_sizes(table: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Return organisations with people as they are shown, and the expected events and standard errors of so many.

    What people of an organisation vary by stays; how well a difference would be found, or where a point of a funnel
    lies, would give the number of them otherwise.
    """
    rounded = round_counts(table["n"], policy).astype(int)
    table = table.assign(expected=table["expected"] * rounded / table["n"].where(table["n"] > 0))
    if "std_error" not in table:
        return table.assign(n=rounded)
    return table.assign(n=rounded, std_error=table["std_error"] * np.sqrt(table["n"] / rounded.where(rounded > 0)))


def settle_changes(changes: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Return what changes for organisations under another model, without the numbers of few organisations.

    Parameters
    ----------
    changes : DataFrame
        From :func:`naome.measures.casemix.alternatives.compare_tables`, or made of it.
    params : Params

    Returns
    -------
    DataFrame
        Fewer than ``MINIMUM_UNITS`` organisations have status ``suppressed`` and a reason: such numbers are made of
        exact counts, also of organisations whose result is suppressed.
    """
    if params.disclosure.policy == "none" or not {"Organisations", *CHANGES} <= set(changes.columns):
        return changes
    few = (changes["Organisations"] < MINIMUM_UNITS).fillna(False).astype(bool)
    out = changes.astype(dict.fromkeys(CHANGES, "float64"))
    out.loc[few, list(CHANGES)] = np.nan
    if few.any():
        given = {"status": "ok", "reason": ""}
        out = out.assign(**{name: out[name].fillna(text) if name in out else text for name, text in given.items()})
        out.loc[few, ["status", "reason"]] = "suppressed", FEW_UNITS
    return out


def settle_assessments(assessments: dict[str, Assessment], released: Released, params: Params) -> dict[str, Assessment]:
    """Return comparisons of survival with the levels that may be shown (:func:`settle_table`)."""
    return {cohort: _settle_assessment(each, released, params) for cohort, each in assessments.items()}


def _settle_assessment(each: Assessment, released: Released, params: Params) -> Assessment:
    tables = {
        years: settle_levels(table, _list_shown(released, f"survival_{years}y_adjusted", each.cohort), params, "worse")
        for years, table in each.tables.items()
    }
    national = {
        years: _show_national(released, f"survival_{years}y_adjusted", each.cohort, value)
        for years, value in each.national.items()
    }
    covered = set(released.where(cohort=each.cohort, reason=VALUE_SUPPRESSED).frame["measure"])
    national |= {years: float("nan") for years in each.time_points if f"survival_{years}y_adjusted" in covered}
    reason = NATION_NOT_SHOWN if covered and says_value(each.reason) else each.reason
    earlier = tuple(_settle_assessment(part, released, params) for part in each.earlier)
    return replace(each, tables=tables, national=national, reason=reason, earlier=earlier)


def _show_national(released: Released, measure: str, cohort: str, value: float) -> float:
    """Return a national value as it is released; NaN where it is not shown, and the given one where there is none."""
    rows = released.where(measure=measure, cohort=cohort, level=NATIONAL_LEVELS, group_by="all").frame
    shown = rows.loc[rows["status"] == "ok", "estimate"]
    return value if rows.empty else float(shown.iloc[0]) if len(shown) else float("nan")


def list_outlier_status(settled: dict[str, Assessment], released: Released, run_id: str) -> Declared:
    """List the outlier status of the organisations whose survival is shown.

    Parameters
    ----------
    settled : dict of str to Assessment
        From :func:`settle_assessments`.
    released : Released
        Results ``survival_<y>y_adjusted``.
    run_id : str

    Returns
    -------
    Declared
        ``cohort, measure, unit, outlier_status`` (within, alert, alarm, not_assessed), ``direction`` (better, worse,
        none), ``reason`` (why not assessed), ``run_id``.
    """
    frames = [pd.DataFrame(columns=STATUS_COLUMNS, dtype=str)]
    for (cohort, years), table in list_tables(settled).items():
        measure = f"survival_{years}y_adjusted"
        shown = table[table["unit"].isin(_list_shown(released, measure, cohort))].assign(cohort=cohort, measure=measure)
        frames.append(shown.rename(columns={"level": "outlier_status"})[STATUS_COLUMNS])
    table = pd.concat(frames, ignore_index=True).assign(run_id=run_id)
    return declare_not_counts(table, "The outlier status that the rounded counts of an organisation support.")


def settle_adjusted(
    adjusted: Iterable[Adjusted], released: Released, params: Params, specification: Specification, indicators: Released
) -> list[Adjusted]:
    """Return risk-adjusted indicators with the levels that may be shown (:func:`settle_table`).

    Their national value is missing where that of `indicators`, as they are shown, is not shown, and that one where the
    nation's counts are rounded.
    """
    rounded = params.disclosure.national == "suppress"
    settled = []
    for each in adjusted:
        if not each.reason:
            shown = _list_shown(released, f"{each.indicator}_adjusted", each.cohort)
            higher_is = HIGHER_IS[specification[each.indicator].polarity]
            seen = _show_national(indicators, each.indicator, each.cohort, each.national)  # of all, and not of these
            national = seen if rounded or np.isnan(seen) else each.national
            each = replace(each, table=settle_levels(each.table, shown, params, higher_is), national=national)
        settled.append(each)
    return settled


def _list_shown(released: Released, measure: str, cohort: str) -> list[str]:
    """Return the organisations whose result is shown, or has no estimate for another reason than its counts."""
    rows = released.where(measure=measure, cohort=cohort, level="provider").frame
    return rows.loc[rows["status"] == "ok", "unit"].tolist()


def settle_variation(
    variation: Variation, released: Released, params: Params, specification: Specification
) -> Variation:
    """Return a comparison of organisations with the levels that may be shown, of those whose result is shown.

    Parameters
    ----------
    variation : Variation
        From exact counts.
    released : Released
        The indicators as they are shown.
    params : Params
    specification : Specification

    Returns
    -------
    Variation
        The level of an organisation is the least extreme of all counts that round to those shown; domains and the
        numbers of alerts and alarms follow. Measures of variation stay as they are; few organisations have none.
    """
    policy = POLICIES[params.disclosure.policy]
    if policy.name == "none":
        return variation
    rows = released.where(level="provider", group_by="all", status="ok").frame
    shown = rows[["cohort", "measure", "unit", "denominator", "numerator"]]
    units, rows = [], []
    for row in variation.summary.to_dict("records"):
        own = (variation.units["cohort"] == row["cohort"]) & (variation.units["measure"] == row["measure"])
        known = shown[(shown["cohort"] == row["cohort"]) & (shown["measure"] == row["measure"])].set_index("unit")
        table, numbers = _settle_units(variation.units[own], known, row, params, specification[row["measure"]].polarity)
        units.append(table)
        row["target"] = _show_national(released, row["measure"], row["cohort"], row["target"])
        if np.isnan(row["target"]) and says_value(row["reason"]):
            row["reason"] = VALUE_SUPPRESSED
        rows.append({**row, **numbers})
    return replace(
        variation,
        units=pd.concat(units, ignore_index=True)[list(variation.units.columns)],
        summary=pd.DataFrame(rows)[list(variation.summary.columns)],
    )


def _settle_units(
    table: pd.DataFrame, known: pd.DataFrame, row: dict, params: Params, polarity: str
) -> tuple[pd.DataFrame, dict]:
    # where no organisation was assessed these columns are missing numbers, and words are written into them
    table = table.astype(dict.fromkeys(("level", "level_plain", "level_spread", "direction", "domain"), object))
    mine = table["unit"].isin(known.index) & (table["level"] != "not_assessed")
    table.loc[~mine, ["level", "level_plain", "level_spread"]] = "not_assessed"
    table.loc[~mine, "direction"], table.loc[~mine, "domain"] = "none", NOT_ASSESSED
    # the counts of few organisations, or of few that are not shown, can be found from their variation
    hidden = int((~table["unit"].isin(known.index)).sum())
    few = len(table) < MINIMUM_UNITS or bool(leave_few(hidden, POLICIES[params.disclosure.policy]))
    silent = dict.fromkeys(SPREAD, np.nan) if few else {}
    if not mine.any():
        nothing = {"assessed": 0, "chance_alerts": 0.0, "chance_alarms": 0.0}
        return table, {} if row["reason"] else {**count_domains(table, polarity), **nothing, **silent}
    here = known.loc[table.loc[mine, "unit"]]
    everyone = int(row["everyone"])
    given = place_counts(here, [row["target"]], params, polarity, everyone=everyone, tau2=row["tau2"])
    given.index = table.index[mine]
    table.loc[mine, given.columns] = given
    sizes = np.minimum(here["denominator"].to_numpy(dtype=int), everyone)
    chance = expect_placed(row["target"], sizes, params, everyone)
    numbers = {"assessed": int(mine.sum()), "chance_alerts": chance[0], "chance_alarms": chance[1]}
    return table, {**count_domains(table, polarity), **numbers, **silent}
