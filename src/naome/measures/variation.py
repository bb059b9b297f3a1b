"""Where variation between organisations lies: two tails and a central mass, and how much of it is beyond chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from naome.core.params import Params
from naome.measures.casemix.outliers import MINIMUM_UNITS
from naome.measures.indicators import MISSING
from naome.measures.methods import RANDOM_INTERCEPT
from naome.measures.specification import Indicator
from naome.measures.study import Study
from naome.measures.value_reasons import ALL_OR_NONE, NEARLY_ALL_OR_NONE
from naome.stats.funnel import classify, classify_z, realised_tail_probabilities
from naome.stats.overdispersion import overdispersion
from naome.stats.provider_variation import provider_variation

DOMAINS = ("negative tail", "central mass", "positive tail")
NEUTRAL_DOMAINS = ("low tail", "central mass", "high tail")
NOT_ASSESSED = "not assessed"
UNITS = [
    *("cohort", "measure", "unit", "denominator", "numerator", "estimate", "target", "z", "level", "direction"),
    *("domain", "level_plain", "level_spread"),
]
SUMMARY = [
    *("cohort", "measure", "organisations", "assessed", "target", "everyone", "low", "central", "high", "alerts"),
    *(
        "alarms",
        "alerts_spread",
        "alarms_spread",
        "chance_alerts",
        "chance_alarms",
        "phi",
        "tau2",
        "variance",
        "variance_lower",
    ),
    *("variance_upper", "median_odds_ratio", "mor_lower", "mor_upper", "share_beyond_chance", "p_value", "reason"),
]


@dataclass(frozen=True)
class Variation:
    """Organisations of a run compared on every indicator.

    Attributes
    ----------
    units : DataFrame
        ``cohort, measure, unit, denominator, numerator, estimate, target, z, level, direction, domain, level_plain,
        level_spread``: one row per organisation. ``level_plain`` by mid-P at the organisation's own size;
        ``level_spread`` when the spread between organisations is allowed for; ``level`` is the one the run's outlier
        policy chose beforehand.
    summary : DataFrame
        ``cohort, measure, organisations, assessed, target, everyone`` (people behind the target): one row per
        indicator, with the number in each domain (``low, central, high``), ``alerts, alarms`` without and
        ``alerts_spread, alarms_spread`` with allowance for overdispersion, ``phi, tau2`` (missing with fewer than 20
        organisations: too unstable), ``variance, variance_lower, variance_upper, median_odds_ratio, mor_lower,
        mor_upper, share_beyond_chance, p_value``, the exact ``chance_alerts, chance_alarms`` if all organisations were
        alike, and ``reason`` where
        nothing can be said.
    results : DataFrame
        The median odds ratio and the share beyond chance in the result schema.
    """

    units: pd.DataFrame
    summary: pd.DataFrame
    results: pd.DataFrame


def compare_organisations(results: pd.DataFrame, study: Study) -> Variation:
    """Compare the organisations of a run on every indicator of performance, unadjusted for case mix.

    Parameters
    ----------
    results : DataFrame
        Indicators before release (:func:`naome.measures.indicators.evaluate_indicators`): exact counts.
    study : Study
        ``params.outliers`` sets the limits and the smallest organisation that is assessed.

    Returns
    -------
    Variation
        Nothing in it has passed the disclosure door: show units only through their released results.

    Notes
    -----
    The three domains of the audit's quality improvement plan (its Figure 3): organisations beyond the alert limits on
    the side that is worse (negative tail) or better (positive tail), and the rest. For a neutral indicator the tails
    are low and high. People whose organisation is not recorded are in the target and are no organisation.
    Overdispersion on the arcsine square-root scale: Spiegelhalter (2005) Stat Med 24:1185.
    """
    units, rows = [], []
    for indicator in study.specification.indicators:
        if indicator.kind != "performance" or indicator.estimator != "proportion":
            continue
        for cohort in indicator.cohorts:
            mine = results[(results["measure"] == indicator.id) & (results["cohort"] == cohort)]
            table, row = _compare(mine, indicator, study.params)
            units.append(table.assign(cohort=cohort, measure=indicator.id))
            rows.append({"cohort": cohort, "measure": indicator.id, **row})
    summary = pd.DataFrame(rows).reindex(columns=SUMMARY)
    table = pd.concat(units, ignore_index=True).reindex(columns=UNITS)
    return Variation(table, summary, _results(summary, study))


def total_by_chance(summary: pd.DataFrame) -> tuple[float, float]:
    """Return how many alerts and alarms chance alone gives over all indicators of a summary together."""
    return float(summary["chance_alerts"].sum()), float(summary["chance_alarms"].sum())


def judge_proportions(
    counts: pd.DataFrame, target: float, params: Params, *, polarity: str, everyone: int | None = None
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Judge organisations by mid-P at their own size, with and without allowing for overdispersion.

    Parameters
    ----------
    counts : DataFrame
        ``numerator, denominator`` of at least ``minimum_n`` people each.
    target : float
        National proportion, strictly between 0 and 1.
    params : Params
    polarity : {"higher", "lower", "neutral"}
        Which side is better.
    everyone : int, optional
        People behind the target, those of the organisations among them.

    Returns
    -------
    DataFrame, dict
        ``z, level, direction, domain, level_plain, level_spread`` with the rows of `counts`; ``phi, tau2`` (NaN for
        fewer than ``MINIMUM_UNITS`` organisations).
    """
    x, n = counts["numerator"].to_numpy(dtype=int), counts["denominator"].to_numpy(dtype=int)
    extra = {"phi": np.nan, "tau2": np.nan}
    if len(counts) >= MINIMUM_UNITS:
        null = float(np.arcsin(np.sqrt(target)))
        error, estimator = 0.5 / np.sqrt(n), params.outliers.spread_estimator
        found = overdispersion(np.arcsin(np.sqrt(x / n)), error, null, estimator=estimator)
        extra = {"phi": found.phi, "tau2": found.tau2}
    scores = score_counts(x, n, target, everyone=everyone, tau2=extra["tau2"])
    return give_domains(scores.set_index(counts.index), params, polarity), extra


def score_counts(x: np.ndarray, n: np.ndarray, target: float, *, everyone: int | None, tau2: float) -> pd.DataFrame:
    """Score organisations by mid-P at their own size: ``z``, and ``z_spread`` that allows for overdispersion.

    Parameters
    ----------
    x, n : array of int, shape (k,)
        Events and people.
    target : float
    everyone : int or None
        People behind the target, those of the organisations among them.
    tau2 : float
        Variance between organisations on the arcsine square-root scale; NaN where it is not known.
    """
    z = classify(x, n, target, everyone=everyone)["z"].to_numpy()
    # no variance between organisations leaves the exact score as it is
    spread = z / np.sqrt(1 + tau2 * 4 * n) if tau2 > 0 else z
    return pd.DataFrame({"z": z, "z_spread": spread})


def give_domains(scores: pd.DataFrame, params: Params, polarity: str) -> pd.DataFrame:
    """Give organisations the levels and the domain of their scores (:func:`score_counts`).

    Returns
    -------
    DataFrame
        ``z, level, direction, domain, level_plain, level_spread`` in the same rows.
    """
    tails = (params.outliers.alert_tail, params.outliers.alarm_tail)
    higher_is = {"higher": "better", "lower": "worse", "neutral": "neutral"}[polarity]
    plain = classify_z(scores["z"], tails=tails, higher_is=higher_is)
    wide = classify_z(scores["z_spread"], tails=tails, higher_is=higher_is)
    chosen = plain if params.outliers.overdispersion == "none" else wide
    out = pd.DataFrame({"z": scores["z"].to_numpy(), "level": chosen["level"], "direction": chosen["direction"]})
    outside = np.isin(out["level"], ["alert", "alarm"])
    high = out["z"] > 0
    if polarity == "lower":
        high = ~high
    low, centre, top = NEUTRAL_DOMAINS if polarity == "neutral" else DOMAINS
    out["domain"] = np.select([outside & high, outside], [top, low], centre)
    out["level_plain"], out["level_spread"] = plain["level"].to_numpy(), wide["level"].to_numpy()
    return out.set_index(scores.index)


def count_domains(table: pd.DataFrame, polarity: str) -> dict[str, int]:
    """Count the organisations of a comparison in each domain, and their alerts and alarms."""
    low, centre, high = NEUTRAL_DOMAINS if polarity == "neutral" else DOMAINS
    domains = {"low": low, "central": centre, "high": high}
    return {
        **{name: int((table["domain"] == domain).sum()) for name, domain in domains.items()},
        **{f"{level}s": int((table["level_plain"] == level).sum()) for level in ("alert", "alarm")},
        **{f"{level}s_spread": int((table["level_spread"] == level).sum()) for level in ("alert", "alarm")},
    }


def _compare(results: pd.DataFrame, indicator: Indicator, params: Params) -> tuple[pd.DataFrame, dict]:
    national = results[(results["level"] == "nation") & (results["group_by"] == "all")]
    counts = results[(results["level"] == "provider") & (results["group_by"] == "all") & (results["unit"] != MISSING)]
    counts = counts[["unit", "denominator", "numerator", "estimate"]].reset_index(drop=True)
    assessed = counts[counts["denominator"] >= params.outliers.minimum_n]
    row = {"organisations": len(counts), "assessed": len(assessed), "reason": ""}
    if national.empty or national["status"].iloc[0] == "not_derivable":
        return counts.iloc[:0], {**row, "reason": national["reason"].iloc[0] if len(national) else "Not measured."}
    target = float(national["estimate"].iloc[0])
    if len(assessed) < 2 or not 0 < target < 1:
        reason = (
            f"There are fewer than two organisations with {params.outliers.minimum_n} people or more to compare."
            if len(assessed) < 2
            else ALL_OR_NONE
        )
        return counts.assign(target=target, level="not_assessed", domain=NOT_ASSESSED), {**row, "reason": reason}
    everyone = int(national["denominator"].iloc[0])
    judged, extra = judge_proportions(assessed, target, params, polarity=indicator.polarity, everyone=everyone)
    table = counts.assign(target=target).join(judged)
    small = {"level": "not_assessed", "level_plain": "not_assessed", "level_spread": "not_assessed"}
    table = table.fillna({**small, "direction": "none", "domain": NOT_ASSESSED})
    n = assessed["denominator"].to_numpy(dtype=int)
    chance = expect_by_chance(target, n, params, everyone)
    row |= {
        "target": target,
        "everyone": everyone,
        **count_domains(table, indicator.polarity),
        "chance_alerts": chance[0],
        "chance_alarms": chance[1],
        **extra,
    }
    x = assessed["numerator"].to_numpy(dtype=int)
    if not 0 < x.sum() < n.sum():
        return table, {**row, "reason": ALL_OR_NONE}
    spread = provider_variation(x, n).iloc[0].drop(["n_providers", "proportion"])
    if np.isnan(spread["variance"]):
        return table, {**row, "reason": NEARLY_ALL_OR_NONE}
    return table, {**row, **spread.to_dict()}


def expect_by_chance(target: float, n: np.ndarray, params: Params, everyone: int) -> tuple[float, float]:
    """Return how many organisations of these sizes chance alone puts beyond the alert and the alarm limits."""
    tails = (params.outliers.alert_tail, params.outliers.alarm_tail)
    exact = [realised_tail_probabilities(target, n, tail, everyone=everyone) for tail in tails]
    alerts, alarms = (float((each["lower_tail"] + each["upper_tail"]).sum()) for each in exact)
    return alerts, alarms


def _results(summary: pd.DataFrame, study: Study) -> pd.DataFrame:
    rows = []
    for row in summary.to_dict("records"):
        indicator = study.specification[row["measure"]]
        shared = {
            "cohort": row["cohort"],
            "denominator": row["assessed"],
            "status": "not_derivable" if row["reason"] else "ok",
            "reason": row["reason"],
            "method": RANDOM_INTERCEPT,
            "definition_id": indicator.definition_id,
        }
        ratio = {"estimate": row.get("median_odds_ratio"), "lower": row.get("mor_lower"), "upper": row.get("mor_upper")}
        rows.append({**shared, **ratio, "measure": f"{indicator.id}.median_odds_ratio", "unit_of_estimate": "ratio"})
        share = {"estimate": row.get("share_beyond_chance"), "unit_of_estimate": "proportion"}
        rows.append({**shared, **share, "measure": f"{indicator.id}.share_beyond_chance"})
    return study.results(pd.DataFrame(rows))
