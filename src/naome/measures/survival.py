"""Survival of the cohorts: Kaplan-Meier by group, and the clock's origin."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.cohort.feature_definitions import read_features
from naome.core.durations import YEAR_DAYS
from naome.core.params import Params
from naome.measures.indicators import divide_people
from naome.measures.methods import KAPLAN_MEIER
from naome.measures.specification import Group
from naome.measures.study import Study, say_too_few
from naome.stats.inputs import is_observed
from naome.stats.kaplan_meier import kaplan_meier, median_survival

BEYOND = "follow-up does not reach the time point for anyone"
NO_TIME = "no one has a time from the time origin to death or the end of follow-up"
#: Days after the time origin until which what is recorded counts as known at it (decision 0004)
KNOWN_WITHIN_DAYS = 30
#: Time origin of people found after diagnosis with which other origins are compared
LATE_CLOCK = "metastatic diagnosis"
FIRST_CLOCK = "initial diagnosis, time before detection included"
ENTRY_CLOCK = "initial diagnosis, with delayed entry"


def list_times(params: Params) -> list[float]:
    """Return the times at which a page gives the numbers at risk, in years from the origin.

    Examples
    --------
    >>> from naome.core.params import load_params
    >>> list_times(load_params("england"))
    [0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0]
    """
    return [0.0, 0.5, *map(float, range(1, max(params.survival.horizons_years) + 1))]


def estimate_survival(analysis: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Estimate survival at the run's horizons for every cohort and group.

    Time runs from the cohort's origin to death from any cause, censored at the
    end of follow-up; one year is 365.25 days. Nobody is left out for being
    censored early.

    Returns
    -------
    DataFrame
        Results with measures ``survival_1y`` ... An estimate is shown only where
        follow-up can reach the horizon and at least ``minimum_at_risk`` people are
        still at risk. Five years by period analysis: :mod:`naome.measures.period`. Groups that are known only later
        (:func:`reason_for_no_group`) have none.
    """
    frames = []
    survival = study.specification["survival"]
    measures = [f"survival_{years}y" for years in study.params.survival.horizons_years]
    for cohort in study.params.cohorts:
        people = analysis[analysis["cohort"] == cohort]
        for group in study.specification.groups_for("survival"):
            if reason := study.reason(survival, cohort) or reason_for_no_group(study, group, cohort):
                frames.append(study.not_derivable_rows(measures, reason, group_by=group.id, cohort=cohort))
                continue
            within, labels = divide_people(people, group)
            members = people[within]
            if not (members["survival_days"] >= 0).any():
                if len(members) and group.id == "all":
                    frames.append(study.not_derivable_rows(measures, NO_TIME, cohort=cohort))
                continue
            table = _horizons(members, labels[within], study.params)
            frames.append(table.assign(cohort=cohort, group_by=group.id))
    definition = survival.definition_id
    return study.results(pd.concat(frames, ignore_index=True), definition_id=definition)


def reason_for_no_group(study: Study, group: Group, cohort: str) -> str:
    """Return why survival is not given by a group: a column is absent, or known only of those who lived.

    Parameters
    ----------
    study : Study
    group : Group
    cohort : str

    Returns
    -------
    str
        Empty where survival can be given. A group that is counted from records later than ``KNOWN_WITHIN_DAYS`` after
        the time origin has none: who lives longer is more often in it (immortal time bias). Metastatic sites are coded
        up to 12 months after the metastatic diagnosis: survival is given by those known at the time origin.
    """
    columns = (*group.columns, *(group.where.columns if group.where else ()))
    if absent := study.lacks(columns, cohort):
        return absent
    features = {feature.name: feature for feature in read_features(study.definitions).features}
    for feature in (features[name] for name in columns if name in features):
        known = feature.to_days is not None and feature.to_days <= (
            KNOWN_WITHIN_DAYS if feature.clock == "origin" else 0
        )
        if not known:
            until = "follow-up" if feature.to_days is None else f"the next {feature.to_days} days"
            return f"the group is known from records of {until}, which only those who live have (immortal time bias)"
    return ""


def estimate_medians(analysis: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Estimate the median survival of every cohort.

    Returns
    -------
    DataFrame
        ``cohort, people, deaths, median, lower, upper`` (days from the cohort's origin; NaN where the curve, or its
        log-log limit, stays above one half), ``n_risk``, the people at risk at the median, and ``dead_median,
        dead_lower, dead_upper``, those who have died by each of the days. A cohort without people has no row.
    """
    times, rows = ["median", "lower", "upper"], []
    for cohort in params.cohorts:
        duration, event, _ = survival_arrays(analysis[analysis["cohort"] == cohort])
        if len(duration):
            row = median_survival(duration, event).iloc[0]
            dead = [int(event[duration <= row[time]].sum()) for time in times]
            numbers = [*row[times], int((duration >= row["median"]).sum()), *dead]
            rows.append([cohort, len(duration), int(event.sum()), *numbers])
    columns = ["cohort", "people", "deaths", *times, "n_risk", *(f"dead_{time}" for time in times)]
    return pd.DataFrame(rows, columns=columns)


def survival_curves(people: pd.DataFrame, labels: pd.Series, params: Params) -> pd.DataFrame:
    """Return Kaplan-Meier step curves by label, cut where fewer than ``minimum_at_risk`` are at risk.

    Returns
    -------
    DataFrame
        Columns of :func:`naome.stats.kaplan_meier.kaplan_meier` with ``years``.
    """
    duration, event, keep = survival_arrays(people)
    curves = kaplan_meier(duration, event, group=labels[keep].fillna("not recorded").astype(str).to_numpy())
    curves = curves[curves["n_risk"] >= params.survival.minimum_at_risk]
    return curves.assign(years=curves["time"] / YEAR_DAYS)


def numbers_at_risk(people: pd.DataFrame, labels: pd.Series, years: list[float]) -> pd.DataFrame:
    """Return the numbers at risk at given years, one row per label."""
    duration, event, keep = survival_arrays(people)
    at = [year * YEAR_DAYS for year in years]
    table = kaplan_meier(duration, event, group=labels[keep].fillna("not recorded").astype(str).to_numpy(), at=at)
    wide = table.pivot(index="group", columns="time", values="n_risk").astype(int)
    wide.columns = [f"{year:g} y" for year in years]
    return wide.reset_index()


def survival_arrays(people: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, pd.Series]:
    """Return durations in days, deaths as 0/1, and which people they are (those with a duration of 0 or more)."""
    keep = (people["survival_days"] >= 0).fillna(False).astype(bool)
    chosen = people[keep]
    return chosen["survival_days"].to_numpy(dtype=float), chosen["died"].fillna(False).to_numpy(dtype=int), keep


def compare_clocks(analysis: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Estimate survival of those found after diagnosis (DN2, recurrent) under three clocks.

    From the initial diagnosis as if metastatic from then (nobody could die before
    being found: immortal time); from the metastatic diagnosis; and from the
    initial diagnosis with entry at the metastatic diagnosis (delayed entry).

    Returns
    -------
    DataFrame
        ``route, clock, years, people, left_out, dead, n_risk, survival, lower, upper, cohort_people, cohort_dead,
        status, reason``: `people` counted and those left out because the clock gives them no time under observation
        (death on the day of delayed entry); `dead` until the time point, missing with delayed entry, where survival is
        no share of the people. `cohort_people` and `cohort_dead` are those of the whole cohort under its own clock,
        `cohort_dead` missing under the others. Status ``too_few``, without numbers, where at a death before the time
        point fewer than ``minimum_at_risk`` people were under observation: with delayed entry few are in the first
        months, and one death among them would count as much as many later ones.
    """
    columns = ["route", "clock", "years", "people", "left_out", "dead", "n_risk", "survival", "lower", "upper"]
    columns += ["cohort_people", "cohort_dead", "status", "reason"]
    minimum, rows = params.survival.minimum_at_risk, []
    at = [year * YEAR_DAYS for year in params.survival.horizons_years]
    for route in ("DN2", "RC2"):
        people = analysis[(analysis["route"] == route) & (analysis["survival_from_metastatic_days"] >= 0).fillna(False)]
        if people.empty:
            continue
        whole = analysis[analysis["cohort"].isin(people["cohort"])]
        died = people["died"].fillna(False).to_numpy(dtype=int)
        total = people["survival_from_diagnosis_days"].to_numpy(dtype=float)
        late = people["survival_from_metastatic_days"].to_numpy(dtype=float)
        entry = people["diagnosis_to_metastatic_days"].to_numpy(dtype=float)
        clocks = {FIRST_CLOCK: (total, None), LATE_CLOCK: (late, None), ENTRY_CLOCK: (total, entry)}
        for clock, (duration, start) in clocks.items():
            seen = np.ones(len(people), dtype=bool) if start is None else is_observed(duration, start)
            if not seen.any():
                continue
            within = (duration[seen], died[seen])
            entered = None if start is None else start[seen]
            table = kaplan_meier(*within, entry=entered, at=at)
            table = table[table["n_risk"] >= minimum]
            dead = [pd.NA if start is not None else int(died[duration <= time].sum()) for time in table["time"]]
            counts = {"people": int(seen.sum()), "left_out": int((~seen).sum()), "dead": pd.array(dead, "Int64")}
            own = clock == {"DN2": FIRST_CLOCK, "RC2": LATE_CLOCK}[route]
            counts |= {"cohort_people": len(whole), "cohort_dead": _count_dead(whole, table["time"], known=own)}
            table = table.assign(route=route, clock=clock, years=table["time"] / YEAR_DAYS, **counts)
            steps = kaplan_meier(*within, entry=entered)
            few = steps.loc[(steps["n_event"] > 0) & (steps["n_risk"] < minimum), "time"].min()
            rows.append(_leave_out_few(table, (table["time"] >= few).to_numpy(), minimum))
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def _count_dead(people: pd.DataFrame, times: pd.Series, *, known: bool) -> pd.api.extensions.ExtensionArray:
    """Count deaths of a cohort until some times from its own origin; missing where they are not `known`."""
    duration, event, _ = survival_arrays(people)
    return pd.array([int(event[duration <= time].sum()) if known else pd.NA for time in times], "Int64")


def _leave_out_few(table: pd.DataFrame, few: np.ndarray, minimum: int) -> pd.DataFrame:
    """Give rows a status; those of too few people at risk before the time point have no numbers."""
    reason = say_too_few(minimum, "people under observation at each death before the time point")
    out = table.assign(status=np.where(few, "too_few", "ok"), reason=np.where(few, reason, ""))
    counts = ["people", "left_out", "dead", "n_risk", "cohort_people", "cohort_dead"]
    out = out.astype(dict.fromkeys(counts, "Int64"))
    for number in (*counts, "survival", "lower", "upper"):
        out[number] = out[number].mask(few)
    return out


def _horizons(people: pd.DataFrame, labels: pd.Series, params: Params) -> pd.DataFrame:
    duration, event, keep = survival_arrays(people)
    groups = labels[keep].fillna("not recorded").astype(str).to_numpy()
    at = [year * YEAR_DAYS for year in params.survival.horizons_years]
    table = kaplan_meier(duration, event, group=groups, at=at)
    sizes = pd.Series(groups).value_counts()
    first = people.loc[keep, "origin_date"].groupby(groups).min()
    reach = (pd.Timestamp(params.censor_date) - first).dt.days
    few = table["n_risk"] < params.survival.minimum_at_risk
    small = table["group"].map(sizes) < params.minimum_denominator
    reasons = np.select(
        # people of the last years of diagnosis may all be followed for less, where the others are not
        [table["time"] > reach.max(), small, table["time"] > table["group"].map(reach), few],
        [
            BEYOND,
            say_too_few(params.minimum_denominator),
            BEYOND,
            say_too_few(params.survival.minimum_at_risk, "people still at risk at the time point"),
        ],
        "",
    )
    hidden = reasons != ""
    return pd.DataFrame(
        {
            "group": table["group"],
            "measure": [f"survival_{round(time / YEAR_DAYS)}y" for time in table["time"]],
            "denominator": table["group"].map(sizes).to_numpy(),
            "numerator": _deaths_by(duration, event, groups, table),
            "estimate": table["survival"].mask(hidden),
            "lower": table["lower"].mask(hidden),
            "upper": table["upper"].mask(hidden),
            "method": KAPLAN_MEIER,
            "status": np.select([reasons == BEYOND, hidden], ["not_derivable", "too_few"], "ok"),
            "reason": reasons,
        }
    )


def _deaths_by(duration: np.ndarray, event: np.ndarray, groups: np.ndarray, table: pd.DataFrame) -> list[int]:
    dead = pd.DataFrame({"group": groups[event == 1], "time": duration[event == 1]})
    times = {group: np.sort(rows["time"].to_numpy()) for group, rows in dead.groupby("group")}
    return [
        int(np.searchsorted(times.get(g, np.array([])), t, side="right"))
        for g, t in zip(table["group"], table["time"], strict=True)
    ]
