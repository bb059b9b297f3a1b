"""Suppression and rounding of results.

Counts are protected first and the proportion is computed again from what is
shown, so that the hidden count cannot be worked out from the percentage. When a
single organisation of a table is hidden and the national total is shown, the next
smallest is hidden with it (complementary suppression).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.disclosure.policy import POLICIES, Policy
from naome.params import Params
from naome.stats.intervals import wilson

HIDDEN = "small enough to tell something about a person"
COMPLEMENT = "otherwise another hidden number could be worked out"


def release(results: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Return results that may leave the run.

    Parameters
    ----------
    results : DataFrame
        Results (:mod:`naome.results`).
    params : Params
        Its ``disclosure`` says which policy, and whether national figures are shown as they are.

    Returns
    -------
    DataFrame
        The same rows in the same order; hidden ones have status ``suppressed``,
        a reason, and no numbers.
    """
    policy = POLICIES[params.disclosure.policy]
    out = results.copy()
    protected = out["status"].isin(["ok", "too_few"])
    if params.disclosure.national == "show":
        protected &= ~out["level"].isin(["nation", "england+wales"])
    if not protected.any() or policy.name == "none":
        return out
    hide = protected & _small(out, policy)
    complement = protected & ~hide & _complementary(out, hide)
    out.loc[hide, "reason"], out.loc[complement, "reason"] = HIDDEN, COMPLEMENT
    hidden = hide | complement
    out.loc[hidden, "status"] = "suppressed"
    out.loc[hidden, ["estimate", "lower", "upper"]] = np.nan
    out.loc[hidden, ["denominator", "numerator"]] = pd.NA
    shown = protected & ~hidden & (out["method"] == "wilson")
    if policy.round_to > 1:
        out = _round(out, protected & ~hidden, shown, policy)
    return out


def release_counts(counts: pd.Series, params: Params, *, national: bool) -> pd.Series:
    """Protect a plain column of counts (attrition, cohort sizes).

    Returns
    -------
    Series of nullable integers, hidden ones missing.
    """
    policy = POLICIES[params.disclosure.policy]
    counts = counts.astype("Int64")
    if (national and params.disclosure.national == "show") or policy.name == "none":
        return counts
    small = counts.between(policy.hide_from, policy.hide_to).fillna(False)
    rounded = (counts / policy.round_to).round().astype("Int64") * policy.round_to
    return rounded.mask(small)


def _small(results: pd.DataFrame, policy: Policy) -> pd.Series:
    rest = results["denominator"] - results["numerator"]
    small = pd.Series(False, index=results.index)
    for counts in (results["denominator"], results["numerator"], rest):
        small |= counts.between(policy.hide_from, policy.hide_to).fillna(False).astype(bool)
    return small


def _complementary(results: pd.DataFrame, hide: pd.Series) -> pd.Series:
    """Mark the next smallest unit wherever exactly one unit of a table is hidden."""
    extra = pd.Series(False, index=results.index)
    tables = results.groupby(["cohort", "measure", "level", "group_by", "group"], sort=False)
    for _, rows in tables:
        hidden = hide.loc[rows.index]
        if hidden.sum() == 1 and len(rows) > 1:
            candidates = rows.loc[~hidden, "numerator"].dropna()
            if len(candidates):
                extra.loc[candidates.astype(int).idxmin()] = True
    return extra


def _round(out: pd.DataFrame, rounded: pd.Series, shown: pd.Series, policy: Policy) -> pd.DataFrame:
    for column in ("denominator", "numerator"):
        values = out.loc[rounded, column]
        out.loc[rounded, column] = (values / policy.round_to).round().astype("Int64") * policy.round_to
    usable = shown & (out["denominator"] > 0)
    again = wilson(
        out.loc[usable, "numerator"].astype(int).to_numpy(), out.loc[usable, "denominator"].astype(int).to_numpy()
    )
    for column in ("estimate", "lower", "upper"):
        out.loc[usable, column] = again[column].to_numpy()
    return out
