"""Suppression and rounding of results.

Counts are protected first and the proportion is computed again from what is
shown, so that the hidden count cannot be worked out from the percentage. When a
single organisation of a table is hidden and the national total is shown, the next
smallest is hidden with it (complementary suppression).

Numbers adjusted for case mix are re-based on the rounded counts: an exact interval beside rounded
counts gives the exact counts away, because its width depends on nothing else (see
:func:`carry_adjusted`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri

from naome.core.params import Params
from naome.core.results import NUMBERS, WHOLE
from naome.release.policy import METHODS, PLACES, POLICIES, Policy, round_counts
from naome.release.types import Released, release_checked
from naome.stats.intervals import wilson

HIDDEN = "small number that could identify a person"
COMPLEMENT = "secondary suppression: otherwise another suppressed number could be derived"
NO_RULE = "there is no rule for the disclosure of this method"
# The units of a group, and the groups of a unit, are in one table with their total
UNITS = ["cohort", "measure", "level", "group_by", "group"]
GROUPS = ["cohort", "measure", "level", "unit", "group_by"]
SCALES = {
    "survival": (lambda s: np.log(-np.log(s)), lambda y: np.exp(-np.exp(y))),
    "proportion": (logit, expit),
    "ratio": (np.log, np.exp),
}


def release(results: pd.DataFrame, params: Params) -> Released:
    """Return results that may leave the run.

    Parameters
    ----------
    results : DataFrame
        Results (:mod:`naome.core.results`).
    params : Params
        Its ``disclosure`` says which policy, and whether national figures are shown as they are.

    Returns
    -------
    Released
        The same rows in the same order; hidden ones have status ``suppressed``,
        a reason, and no numbers; those that are not derivable have no numbers. Hidden are small counts, rows with too
        few people for an estimate, and counts that would be told by their rounded neighbours.
        Where counts are rounded, a number below the national level by a method without a rule
        (:data:`naome.release.policy.METHODS`) is hidden too, and a proportion has the interval of
        :func:`cover_rounded`, which its ``method`` says.
    """
    policy = POLICIES[params.disclosure.policy]
    out = results.copy()
    shown = (params.disclosure.national == "show") & out["level"].isin(WHOLE)
    protected = out["status"].isin(["ok", "too_few"]) & ~shown
    if policy.name == "none":
        return release_checked(out)
    # no page shows the numbers of what is not derivable, but a file of the release would hold them
    bare = (out["status"] == "not_derivable") & ~shown
    out.loc[bare, NUMBERS] = np.nan
    out.loc[bare, ["denominator", "numerator"]] = pd.NA
    if not protected.any():
        return release_checked(out)
    hide = protected & (_small(out, policy) | _nearly_everybody(out, policy) | (out["status"] == "too_few"))
    complement = protected & ~hide & (_complementary(out, hide, UNITS) | _complementary(out, hide, GROUPS))
    unruled = protected & ~hide & ~complement & out["estimate"].notna() & ~out["method"].isin(METHODS)
    unruled &= policy.round_to > 1
    out.loc[hide, "reason"], out.loc[complement, "reason"], out.loc[unruled, "reason"] = HIDDEN, COMPLEMENT, NO_RULE
    hidden = hide | complement | unruled
    out.loc[hidden, "status"] = "suppressed"
    out.loc[hidden, NUMBERS] = np.nan
    out.loc[hidden, ["denominator", "numerator"]] = pd.NA
    return release_checked(_round(out, protected & ~hidden, policy) if policy.round_to > 1 else out)


def name_rounded(policy: Policy) -> str:
    """Return the name of the method of :func:`cover_rounded`.

    Examples
    --------
    >>> name_rounded(POLICIES["hes2018"])
    'wilson, counts rounded to 5'
    """
    return f"wilson, counts rounded to {policy.round_to}"


def cover_rounded(numerator: np.ndarray, denominator: np.ndarray, policy: Policy) -> pd.DataFrame:
    """Compute an interval for a proportion of which only the rounded counts are known.

    Parameters
    ----------
    numerator, denominator : array of int
        Counts as a policy shows them.
    policy : Policy

    Returns
    -------
    DataFrame
        ``estimate``, of the rounded counts, and ``lower, upper``: from the lowest to the highest limit of the Wilson
        intervals of all pairs of exact counts that the policy shows as this pair. It holds the interval of the exact
        counts, and tells no more about them than the rounded counts do.

    Examples
    --------
    >>> cover_rounded(np.array([10]), np.array([15]), POLICIES["hes2018"]).round(3).iloc[0].tolist()
    [0.667, 0.262, 0.738]
    """
    x, n = (np.asarray(each, dtype=int)[:, None] for each in (numerator, denominator))
    near = np.arange(-policy.round_to + 1, policy.round_to)
    near = near[np.round(near / policy.round_to) == 0]
    more, people = (each.ravel()[None, :] for each in np.meshgrid(near, near))
    x_exact, n_exact = x + more, n + people
    possible = (x_exact >= 0) & (x_exact <= n_exact) & (n_exact > 0)
    for count in (x_exact, n_exact, n_exact - x_exact):
        possible &= ~((count >= policy.hide_from) & (count <= policy.hide_to))
    # counts that no policy would show as they are (an invented table) keep their own interval
    possible |= ~possible.any(axis=1, keepdims=True) & (more == 0) & (people == 0)
    pairs = wilson(np.where(possible, x_exact, 0).ravel(), np.where(possible, n_exact, 1).ravel())
    lower, upper = (pairs[name].to_numpy().reshape(possible.shape) for name in ("lower", "upper"))
    return pd.DataFrame(
        {
            "estimate": (x / n)[:, 0],
            "lower": np.where(possible, lower, 1.0).min(axis=1),
            "upper": np.where(possible, upper, 0.0).max(axis=1),
        }
    )


def carry_adjusted(values: pd.DataFrame, rounded: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Carry numbers adjusted for case mix from exact to rounded counts.

    Parameters
    ----------
    values : DataFrame
        ``numerator, denominator`` as counted, ``estimate, lower, upper`` as computed.
    rounded : DataFrame
        ``numerator, denominator`` as they will be shown, in the same rows.
    kind : {"survival", "proportion", "ratio"}

    Returns
    -------
    DataFrame
        ``estimate, lower, upper``, in the order lower <= estimate <= upper, to ``PLACES``.

    Notes
    -----
    On a scale T (log minus log of survival, logit, or log) each number is the simple one, T(s), of the counts, plus
    what case mix (and censoring, and imputation) adds. T(s) is taken out at the exact counts and put in at the rounded
    ones: T(v') = T(v) + T(s(rounded)) - T(s(exact)), with s the plain proportion with Wilson's limits, or survival
    without censoring with log-log limits. What an attacker can take out again is then what case mix adds, and not the
    counts. The estimate of survival itself stays: one number with one unknown, what case mix adds, tells nothing; its
    limits keep their distance as the rounded counts have it. An adjusted proportion moves, because observed over
    expected stands beside it. Where T is infinite (nobody, or everybody) the number stays as it is.

    Examples
    --------
    >>> exact = pd.DataFrame({"numerator": [33], "denominator": [98], "estimate": 0.4, "lower": 0.3, "upper": 0.5})
    >>> shown = pd.DataFrame({"numerator": [35], "denominator": [100]})
    >>> carry_adjusted(exact, shown, "proportion").iloc[0].tolist()
    [0.414, 0.314, 0.513]
    """
    there, back = SCALES[kind]
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = _simple(rounded, kind) - _simple(values, kind)
        if kind == "survival":
            moved = moved - moved[:, :1]
        numbers = values[NUMBERS].to_numpy(dtype=float)
        carried = back(there(numbers) + moved)
    carried = np.where(np.isfinite(carried), carried, numbers)
    estimate = carried[:, 0]
    carried[:, 1], carried[:, 2] = np.fmin(carried[:, 1], estimate), np.fmax(carried[:, 2], estimate)
    carried[np.isnan(numbers)] = np.nan
    return pd.DataFrame(carried.round(PLACES[kind]), columns=NUMBERS, index=values.index)


def _small(results: pd.DataFrame, policy: Policy) -> pd.Series:
    rest = results["denominator"] - results["numerator"]
    small = pd.Series(False, index=results.index)
    for counts in (results["denominator"], results["numerator"], rest):
        small |= counts.between(policy.hide_from, policy.hide_to).fillna(False).astype(bool)
    return small


def _nearly_everybody(results: pd.DataFrame, policy: Policy) -> pd.Series:
    """Mark rows whose rounded counts differ by less than the smallest that is shown: few exact counts remain.

    Shown as 10 of 15, with 1 to 7 hidden, the counts could only be 8 of 16, 8 of 17 or 9 of 17.
    """
    numerator, denominator = (round_counts(results[name], policy) for name in ("numerator", "denominator"))
    rest = denominator - numerator
    return ((rest > 0) & (rest < policy.smallest_shown)).fillna(False).astype(bool)


def _complementary(results: pd.DataFrame, hide: pd.Series, table: list[str]) -> pd.Series:
    """Mark the next smallest row wherever exactly one row of a table is hidden; `table` has the keys of one."""
    extra = pd.Series(False, index=results.index)
    for _, rows in results[hide.groupby([results[key] for key in table]).transform("any")].groupby(table, sort=False):
        hidden = hide.loc[rows.index]
        if hidden.sum() == 1 and len(rows) > 1:
            candidates = rows.loc[~hidden, "numerator"].dropna()
            if len(candidates):
                extra.loc[candidates.astype(int).idxmin()] = True
    return extra


def _round(out: pd.DataFrame, shown: pd.Series, policy: Policy) -> pd.DataFrame:
    exact = out.copy()
    for column in ("denominator", "numerator"):
        out.loc[shown, column] = round_counts(out.loc[shown, column], policy)
    counted = shown & (out["denominator"] > 0) & out["numerator"].notna()
    for kind in sorted(set(METHODS.values())):
        rows = counted & (out["method"].map(METHODS) == kind)
        if not rows.any():
            continue
        if kind == "counts":
            x, n = (out.loc[rows, c].astype(int).to_numpy() for c in ("numerator", "denominator"))
            again = cover_rounded(x, n, policy)
            out.loc[rows, "method"] = name_rounded(policy)
        else:
            again = carry_adjusted(exact[rows], out[rows], kind)
        for column in NUMBERS:
            out.loc[rows, column] = again[column].to_numpy()
    return out


def _simple(counts: pd.DataFrame, kind: str) -> np.ndarray:
    """Return estimate, lower and upper of the counts alone, on the scale of a kind: shape (rows, 3)."""
    x, n = (counts[name].to_numpy(dtype=float) for name in ("numerator", "denominator"))
    if kind == "survival":
        survival = 1 - x / n
        half = ndtri(0.975) * np.sqrt(x / (n * (n - x))) / np.abs(np.log(survival))
        centre = SCALES[kind][0](survival)
        return np.column_stack([centre, centre + half, centre - half])
    return SCALES[kind][0](wilson(x.astype(int), n.astype(int))[NUMBERS].to_numpy())
