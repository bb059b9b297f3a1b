"""Where an organisation lies beside its nation, by what is released of both and by nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from naome.core.params import Params
from naome.measures.indicators import MISSING
from naome.measures.variation import DOMAINS, judge_proportions
from naome.release.policy import POLICIES, Policy, list_pairs
from naome.release.rounded_levels import place_counts
from naome.release.types import Released

NOT_SHOWN, NOT_COMPARED, NOT_DERIVABLE = "not shown", "not compared", "not derivable"
#: Status of a result -> the position of an organisation that has no number
WITHOUT_NUMBER = {"not_derivable": NOT_DERIVABLE, "suppressed": NOT_SHOWN, "too_few": NOT_SHOWN}
NO_TARGET = "The national value is not shown, or is that of everyone or no one."
UNIT_COLUMNS = ["measure", "cohort", "unit", "position", "reason"]


def place_organisations(released: Released, params: Params, polarities: Mapping[str, str]) -> pd.DataFrame:
    """Return the position of each organisation on some proportions.

    Parameters
    ----------
    released : Released
        Results of a run, those of the nation among them.
    params : Params
        ``outliers`` sets the limits and the smallest organisation that is compared.
    polarities : mapping of str to str
        Measure -> which side is better: "higher", "lower" or "neutral". Others have no position.

    Returns
    -------
    DataFrame
        ``measure, cohort, unit, position, reason``: one row for each released row of an organisation. Negative tail,
        central mass, positive tail (low and high tail of a neutral measure): the part of the distribution that every
        pair of counts supports which is shown like the organisation's. Not shown: its result is suppressed, or of too
        few people. Not derivable. Not compared: smaller than the smallest that is compared, the only organisation, or
        beside a national value that is not shown or is that of everyone or no one.

    Notes
    -----
    Not adjusted for case mix. Limits as in :func:`naome.measures.variation.give_domains`; where these are adjusted for
    overdispersion, it is estimated from the counts that are shown. Positions are made from released rows, so that they
    disclose nothing that these do not.
    """
    frame = released.frame
    frame = frame[(frame["group_by"] == "all") & frame["measure"].isin(list(polarities))]
    nation = frame[frame["level"] == "nation"].set_index(["measure", "cohort"])
    units = frame[(frame["level"] == "provider") & (frame["unit"] != MISSING)]
    placed = [
        _place(table, nation.loc[[key]].iloc[0] if key in nation.index else None, params, polarities[key[0]])
        for key, table in units.groupby(["measure", "cohort"], sort=False)
    ]
    return pd.concat(placed)[UNIT_COLUMNS] if placed else pd.DataFrame(columns=UNIT_COLUMNS)


def place_by_status(released: Released, statuses: pd.DataFrame) -> pd.DataFrame:
    """Return the position of each organisation on risk-adjusted survival, by its outlier status.

    Parameters
    ----------
    released : Released
        Results of a run.
    statuses : DataFrame
        From :func:`naome.release.outlier_levels.list_outlier_status`.

    Returns
    -------
    DataFrame
        As :func:`place_organisations`; beyond the limits the position says whether it is an alert or an alarm. Not
        compared: not assessed, for the reason given.
    """
    frame = released.frame
    rows = frame[(frame["level"] == "provider") & frame["measure"].isin(set(statuses["measure"]))]
    table = rows[["measure", "cohort", "unit", "status", "reason"]].merge(
        statuses.drop(columns="run_id"), on=["cohort", "measure", "unit"], how="left", suffixes=("", "_of_status")
    )
    low, centre, high = DOMAINS
    side = table["direction"].map({"worse": low, "better": high})
    outside = side + " (" + table["outlier_status"] + ")"
    position = outside.mask(table["outlier_status"] == "within", centre).fillna(NOT_COMPARED)
    ok = table["status"] == "ok"
    return table.assign(
        position=position.where(ok, table["status"].map(WITHOUT_NUMBER)),
        reason=table["reason"].where(~ok, table["reason_of_status"].fillna("")),
    )[UNIT_COLUMNS]


def _place(table: pd.DataFrame, nation: pd.Series | None, params: Params, polarity: str) -> pd.DataFrame:
    """Place the organisations of one measure."""
    table = table[["measure", "cohort", "unit", "status", "reason", "denominator", "numerator"]].copy()
    ok = table["status"] == "ok"
    table["position"] = table["status"].map(WITHOUT_NUMBER).fillna(NOT_COMPARED)
    table.loc[ok, "reason"] = ""
    targets = _list_targets(nation, params)
    if nation is None or not targets or len(table) < 2:
        why = "There is no other organisation." if len(table) < 2 else NO_TARGET
        table.loc[ok, "reason"] = why
        return table
    counts = table.loc[ok, ["denominator", "numerator"]].astype(int)
    _, people, possible = list_pairs(counts["numerator"].to_numpy(), counts["denominator"].to_numpy(), _policy(params))
    fewest = np.min(people, axis=1, where=possible, initial=np.iinfo(int).max)
    here = counts[fewest >= params.outliers.minimum_n]
    small = counts.index.difference(here.index)
    table.loc[small, "reason"] = f"It may have fewer than {params.outliers.minimum_n} people."
    if here.empty:
        return table
    everyone = None if params.disclosure.national == "suppress" else int(nation["denominator"])
    tau2 = np.nan
    if params.outliers.overdispersion != "none":
        tau2 = judge_proportions(here, targets[0], params, polarity=polarity, everyone=everyone)[1]["tau2"]
    given = place_counts(here, targets, params, polarity, everyone=everyone, tau2=tau2)
    table.loc[here.index, "position"] = given["domain"]
    return table


def _list_targets(nation: pd.Series | None, params: Params) -> list[float]:
    """Return the national proportion, or its limits where its counts are rounded; none of 0 or 1, or not shown."""
    if nation is None or nation["status"] != "ok":
        return []
    target = [float(nation["estimate"])]
    if params.disclosure.national == "suppress":
        x, n, possible = list_pairs(np.array([nation["numerator"]]), np.array([nation["denominator"]]), _policy(params))
        shares = x[possible] / n[possible]
        target = [float(shares.min()), float(shares.max())]
    return target if all(0 < each < 1 for each in target) else []


def _policy(params: Params) -> Policy:
    return POLICIES[params.disclosure.policy]
