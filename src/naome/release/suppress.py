"""Suppression and rounding of results.

Counts are protected first (:mod:`naome.release.protect`), for a whole run at once, and the proportion is computed again
from what is shown, so that the hidden count cannot be worked out from the percentage.

Numbers adjusted for case mix are re-based on the rounded counts: an exact interval beside rounded
counts gives the exact counts away, because its width depends on nothing else (see
:func:`carry_adjusted`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri

from naome.core.params import Params
from naome.core.results import NATIONAL_LEVELS, NUMBERS
from naome.measures.casemix.outliers import MINIMUM_UNITS
from naome.measures.description import PEOPLE, SHARE, SITE
from naome.measures.indicators import MISSING
from naome.measures.methods import RANDOM_INTERCEPT, STANDARDISED_GAP
from naome.measures.value_reasons import says_value
from naome.release.cells import DERIVED, LESS, OF_COHORTS, Cells, Scheme, list_cells
from naome.release.policy import DECIMALS, METHODS, POLICIES, Policy, leave_few, list_pairs, name_rounded, round_counts
from naome.release.protect import ShownRows, protect
from naome.release.types import Released, release_checked
from naome.stats.intervals import wilson

#: One wording for small numbers and for those that they could be worked out from: which of them it is, is hidden too
WHY_SUPPRESSED = "a small number, or one from which a small number could be worked out"
NO_RULE = "there is no rule for the disclosure of this method"
#: What is said where a reason for no result would say what a suppressed national value is
VALUE_SUPPRESSED = "The national value is suppressed."
#: Methods whose results have another number than people as their denominator
NOT_OF_PEOPLE = (RANDOM_INTERCEPT,)
#: Methods that make a number of counts which no row shows, such as those of every age: solved for, it gives them away
OF_STRATA = (STANDARDISED_GAP,)
#: Before the name of an indicator: how many people could have been counted
ELIGIBLE = "eligible."
#: Measures of people of a cohort: what is left of them is a number of people of a group
PEOPLE_OR_SHARE = (*OF_COHORTS, SHARE)
#: Where nothing is known of measures: each has people and events of its own
EMPTY = Scheme({}, frozenset(), {}, pd.DataFrame())
SCALES = {
    "survival": (lambda s: np.log(-np.log(s)), lambda y: np.exp(-np.exp(y))),
    "proportion": (logit, expit),
    "ratio": (np.log, np.exp),
}


@dataclass(frozen=True)
class ReleasePlan:
    """What was decided about the release of a run before its single results are released.

    Attributes
    ----------
    scheme : Scheme
        Which counts are the same, and which add up.
    results : DataFrame
        Results whose decision is made, with their exact counts.
    hidden : array of bool
        Which of them are hidden.
    """

    scheme: Scheme
    results: pd.DataFrame
    hidden: np.ndarray

    def list_suppressed(self, group_by: str) -> set[tuple[str, str, str]]:
        """Return cohort, measure and group of the nation's results that are suppressed, of one characteristic."""
        rows = self.results[
            self.hidden & self.results["level"].isin(NATIONAL_LEVELS) & (self.results["group_by"] == group_by)
        ]
        return set(rows[["cohort", "measure", "group"]].itertuples(index=False, name=None))


def plan_release(results: pd.DataFrame, params: Params, scheme: Scheme) -> ReleasePlan:
    """Decide about results that are protected together.

    Parameters
    ----------
    results : DataFrame
        Results (:mod:`naome.core.results`) of several measures with their exact counts, for all levels.
    params : Params
    scheme : Scheme

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        If the promise of the policy cannot be kept by hiding rows below the nation.
    """
    nothing = ReleasePlan(scheme, results.iloc[:0], np.zeros(0, dtype=bool))
    return ReleasePlan(scheme, results, _find_hidden(results, params, nothing))


def release(results: pd.DataFrame, params: Params, plan: ReleasePlan | None = None) -> Released:
    """Return results that may leave the run.

    Parameters
    ----------
    results : DataFrame
        Results (:mod:`naome.core.results`).
    params : Params
        Its ``disclosure`` says which policy, and how national figures are shown.
    plan : Plan, optional
        What is decided already: results in it are released as it says, others beside it.

    Returns
    -------
    Released
        The same rows in the same order. Hidden ones have status ``suppressed``, a reason, and no numbers; those that
        are not derivable or have too few people have a reason and no numbers. Hidden are small counts, rows with too
        few people for an estimate, and counts from which others could be worked out (:mod:`naome.release.protect`).
        Where counts are rounded, a number below the national level by a method without a rule
        (:data:`naome.release.policy.METHODS`) is hidden too, and a proportion has the interval of
        :func:`cover_rounded`, which its ``method`` says.

    Raises
    ------
    ValueError
        If the promise of the policy cannot be kept by hiding more.
    """
    policy = POLICIES[params.disclosure.policy]
    out = results.copy()
    if policy.name == "none":
        return release_checked(out)
    plan = plan or ReleasePlan(EMPTY, results.iloc[:0], np.zeros(0, dtype=bool))
    always, exact = _shown_always(out, params), _shown_exactly(out, params)
    solved = _can_be_solved(out, plan, policy) & ~(always & ~out["method"].isin(NOT_OF_PEOPLE))
    hidden = pd.Series(_find_hidden(out, params, plan), index=out.index) | solved
    no_rule = hidden & _lacks_rule(out, policy) & ~exact
    out["reason"] = cover_reasons(out, plan.list_suppressed("all"))
    # no page shows the numbers of what is not derivable or of too few, but a file of the release would hold them: also
    # where national figures are shown, since those of another nation are what is left of those of both together
    bare = out["status"].isin(["too_few", "not_derivable"])
    hidden &= out["status"].isin(["ok", "too_few"])
    out.loc[hidden, "status"] = "suppressed"
    out.loc[hidden, "reason"] = WHY_SUPPRESSED
    out.loc[hidden & no_rule, "reason"] = NO_RULE
    out.loc[hidden | bare, NUMBERS] = np.nan
    out.loc[hidden | bare, ["denominator", "numerator"]] = pd.NA
    return release_checked(_round(out, ~exact & (out["status"] == "ok"), policy) if policy.round_to > 1 else out)


def cover_reasons(results: pd.DataFrame, suppressed: Collection[tuple[str, str, str]]) -> pd.Series:
    """Return reasons for no result, without those that say what a suppressed national value is.

    Parameters
    ----------
    results : DataFrame
        ``cohort, measure, reason``; a measure may be made of that of the nation (``survival_1y_adjusted``).
    suppressed : collection of (str, str, str)
        Cohort, measure and group of suppressed results of the nation (:meth:`ReleasePlan.list_suppressed`).

    Examples
    --------
    >>> row = {"cohort": "denovo", "measure": "survival_1y_adjusted", "reason": "national survival at 1 year is 0%"}
    >>> cover_reasons(pd.DataFrame([row]), [("denovo", "survival_1y", "all")]).tolist()
    ['The national value is suppressed.']
    """
    gone = {key[:2] for key in suppressed}
    measures = results["measure"].str.partition(".")[0].str.replace(f"({'|'.join(DERIVED)})$", "", regex=True)
    hidden = np.array([key in gone for key in zip(results["cohort"], measures, strict=True)], dtype=bool)
    said = results["reason"].fillna("").map(says_value).to_numpy(dtype=bool)
    return results["reason"].mask(said & hidden, VALUE_SUPPRESSED)


def list_needed(row: tuple[str, str, str, str]) -> list[tuple[str, str, str, str]]:
    """List the results of a nation that follow from a result of several by subtraction."""
    cohort, measure, group_by, group = row
    if measure not in PEOPLE_OR_SHARE:
        return [row]
    if group_by == SITE:
        return [(cohort, "people", group, group)]
    rest = [(cohort, PEOPLE, group_by, MISSING)] if measure == SHARE else []
    return [(cohort, PEOPLE, group_by, group), *rest]


def release_pooled(
    pooled: pd.DataFrame, parts: Iterable[Released], plans: Iterable[ReleasePlan | None] = ()
) -> Released:
    """Release results of several nations counted together, beside those of each.

    Parameters
    ----------
    pooled : DataFrame
        Results of the nations together.
    parts : iterable of Released
        The released results of each nation.
    plans : iterable of Plan
        What is decided of each nation: people of a group that are suppressed there are not left by a share here.

    Returns
    -------
    Released
        A result is hidden where that of a nation is, or is not there: the others would be subtracted.
    """
    key, out = ["cohort", "measure", "group_by", "group"], pooled.copy()
    hidden = pd.Series(False, index=out.index)
    for part in parts:
        rows = part.frame[part.frame["level"].isin(NATIONAL_LEVELS) & (part.frame["status"] == "ok")]
        shown = set(rows[key].itertuples(index=False, name=None))
        hidden |= np.array([row not in shown for row in out[key].itertuples(index=False, name=None)], dtype=bool)
    for plan in filter(None, plans):
        rows = plan.results[plan.hidden & plan.results["level"].isin(NATIONAL_LEVELS)]
        gone = set(rows[key].itertuples(index=False, name=None))
        needed = (list_needed(row) for row in out[key].itertuples(index=False, name=None))
        hidden |= np.array([not gone.isdisjoint(rows) for rows in needed], dtype=bool)
    hidden &= out["status"].isin(["ok", "too_few"])
    bare = hidden | (out["status"] != "ok")
    out.loc[hidden, "status"], out.loc[hidden, "reason"] = "suppressed", WHY_SUPPRESSED
    out.loc[bare, NUMBERS] = np.nan
    out.loc[bare, ["denominator", "numerator"]] = pd.NA
    return release_checked(out)


def _shown_always(results: pd.DataFrame, params: Params) -> pd.Series:
    """Mark the rows that are shown whatever their counts are."""
    return results["level"].isin(NATIONAL_LEVELS) & (params.disclosure.national == "show")


def _shown_exactly(results: pd.DataFrame, params: Params) -> pd.Series:
    """Mark the rows whose counts are not rounded."""
    return results["level"].isin(NATIONAL_LEVELS) & (params.disclosure.national != "suppress")


def _lacks_rule(results: pd.DataFrame, policy: Policy) -> pd.Series:
    """Mark the rows whose numbers rounded counts would give away, since no rule says how they change with them."""
    return results["estimate"].notna() & ~results["method"].isin(METHODS) & (policy.round_to > 1)


def _can_be_solved(results: pd.DataFrame, plan: ReleasePlan, policy: Policy) -> pd.Series:
    """Mark numbers of so few or so small counts that these can be found by trying all that fit.

    The variation of few organisations is one, even where national figures are shown: it holds their counts. So is that
    of many, all but few of which are shown as they are. Who is eligible for an indicator is another: those whom its
    condition excludes are what is left of a group.
    """
    few = (results["denominator"] < MINIMUM_UNITS).fillna(False).astype(bool)
    few |= leave_few(_count_hidden_units(results, plan), policy)
    few &= results["method"].isin(NOT_OF_PEOPLE)
    eligible = results["measure"].str.startswith(ELIGIBLE)
    return few.astype(bool) | results["method"].isin(OF_STRATA) | eligible


def _count_hidden_units(results: pd.DataFrame, plan: ReleasePlan) -> np.ndarray:
    """Count the organisations whose result is hidden, of the measure whose variation each result is."""
    rows = plan.results[plan.hidden & (plan.results["level"] == "provider")]
    hidden = rows.groupby(["cohort", "measure"]).size().to_dict()
    of = zip(results["cohort"], results["measure"].str.rpartition(".")[0], strict=True)
    return np.array([hidden.get(key, 0) for key in of], dtype=int)


def _find_hidden(results: pd.DataFrame, params: Params, plan: ReleasePlan) -> np.ndarray:
    """Decide which results are hidden, beside those of a plan."""
    policy = POLICIES[params.disclosure.policy]
    if policy.name == "none":
        return np.zeros(len(results), dtype=bool)
    by_id = dict(zip(plan.results["result_id"], plan.hidden, strict=True))
    planned = results["result_id"].isin(by_id).to_numpy()
    hidden = results["result_id"].map(by_id).eq(True).to_numpy()
    own = results[~planned]
    if own.empty or _shown_always(own, params).all():
        return hidden
    table = pd.concat([plan.results, own], ignore_index=True)
    fixed = np.arange(len(table)) < len(plan.results)
    always, exact = _shown_always(table, params), _shown_exactly(table, params)
    counted = table.copy()
    counted.loc[table["method"].isin(NOT_OF_PEOPLE), ["denominator", "numerator"]] = pd.NA
    cells = list_cells(counted, plan.scheme)
    before = ~always & ((table["status"] != "ok") | (_lacks_rule(table, policy) & ~exact))
    decided = np.append(plan.hidden, np.zeros(len(own), dtype=bool))
    before |= ~always & _show_withheld(cells, fixed, decided)
    before |= ~always & ~exact & _may_be_too_few(table, params)
    shown = ShownRows(exact.to_numpy(), always.to_numpy(), before.to_numpy(), fixed)
    shown.hidden[fixed] = plan.hidden
    result = protect(cells, counted, shown, policy)
    result |= _compared_with_hidden(table, result) | _made_from_hidden(table, result)
    hidden[~planned] = result[~fixed]
    return hidden


def list_least(results: pd.DataFrame, params: Params) -> np.ndarray:
    """List the fewest people that each result with an estimate has: others have the status *too few*.

    Returns
    -------
    array of int, shape (rows,)
        0 where a result has no estimate, or one that is not a proportion.
    """
    adjusted = results["measure"].str.endswith(("_adjusted", "_ratio")).to_numpy()
    least = np.where(adjusted, params.outliers.minimum_n, params.minimum_denominator)
    counted = (results["estimate"].notna() & results["unit_of_estimate"].isin(["proportion", "ratio"])).to_numpy()
    return np.where(counted & ~results["method"].isin(NOT_OF_PEOPLE).to_numpy(), least, 0)


def _may_be_too_few(results: pd.DataFrame, params: Params) -> pd.Series:
    """Mark results some of whose people, rounded alike, would be too few: that it is shown says that they are not."""
    policy = POLICIES[params.disclosure.policy]
    fewest = round_counts(results["denominator"], policy) - (policy.round_to - 1) // 2
    return (fewest < list_least(results, params)).fillna(False).astype(bool)


def _show_withheld(cells: Cells, fixed: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Mark rows with a count that all rows of a plan hide which hold it: what is suppressed once is nowhere shown.

    Nor is what a count that is seen leaves of it: who has no value recorded, and who has one.
    """
    seen, gone = (np.zeros(len(cells.value), dtype=bool) for _ in range(2))
    for counts in (cells.people, cells.events):
        seen[counts[fixed & ~hidden & (counts >= 0)]] = True
        gone[counts[fixed & hidden & (counts >= 0)]] = True
    gone &= ~seen
    relations = cells.relations
    in_two = (np.bincount(relations.number, minlength=len(relations.low)) == 3) & (relations.high == 0)
    for whole, *parts in relations.count[in_two[relations.number]].reshape(-1, 3):
        if seen[whole] and gone[parts].any():
            gone[parts] |= ~seen[parts]
    gone = np.append(gone, False)  # the last is that of rows without a count, -1
    return gone[cells.people] | gone[cells.events]


def _made_from_hidden(results: pd.DataFrame, hidden: np.ndarray) -> np.ndarray:
    """Mark trends over years one of which is hidden: one number with one hidden count in it gives the count away."""
    keys = results[["cohort", "measure"]].agg(tuple, axis=1)
    years = set(keys[hidden & (results["group_by"] == "year")])
    made_of = zip(results["cohort"], results["measure"].str.removesuffix("_trend"), strict=True)
    of_hidden = np.array([each in years for each in made_of], dtype=bool)
    return of_hidden & results["measure"].str.endswith("_trend").to_numpy()


def _compared_with_hidden(results: pd.DataFrame, hidden: np.ndarray) -> np.ndarray:
    """Mark differences between two groups of which one is hidden: the other and the difference give it away."""
    keys = ["cohort", "level", "unit", "group_by"]
    gone = {tuple(row) for row in results.loc[hidden, ["measure", *keys, "group"]].itertuples(index=False)}
    marked = np.zeros(len(results), dtype=bool)
    for place, row in enumerate(results[["measure", *keys, "group"]].itertuples(index=False)):
        if LESS in row.group:
            measure = row.measure.removesuffix("_standardised").removesuffix("_gap")
            marked[place] = any((measure, *row[1:5], group) in gone for group in row.group.split(LESS))
    return marked


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
    x_exact, n_exact, possible = list_pairs(numerator, denominator, policy)
    pairs = wilson(np.where(possible, x_exact, 0).ravel(), np.where(possible, n_exact, 1).ravel())
    lower, upper = (pairs[name].to_numpy().reshape(possible.shape) for name in ("lower", "upper"))
    return pd.DataFrame(
        {
            "estimate": np.asarray(numerator, dtype=float) / np.asarray(denominator, dtype=float),
            "lower": np.where(possible, lower, 1.0).min(axis=1),
            "upper": np.where(possible, upper, 0.0).max(axis=1),
        }
    )


def carry_adjusted(values: pd.DataFrame, rounded: pd.DataFrame, kind: str, policy: Policy) -> pd.DataFrame:
    """Carry numbers adjusted for case mix from exact to rounded counts.

    Parameters
    ----------
    values : DataFrame
        ``numerator, denominator`` as counted, ``estimate, lower, upper`` as computed.
    rounded : DataFrame
        ``numerator, denominator`` as they will be shown, in the same rows.
    kind : {"survival", "proportion", "ratio"}
    policy : Policy

    Returns
    -------
    DataFrame
        ``estimate, lower, upper``, in the order lower <= estimate <= upper, to ``PLACES``.

    Notes
    -----
    On a scale T (log minus log of survival, logit, or log) each number is the simple one, T(s), of the counts, plus
    what case mix (and censoring, and imputation) adds. T(s) is taken out at the exact counts and put in at others:
    T(v') = T(v) + T(s(others)) - T(s(exact)), with s the plain proportion with Wilson's limits, or survival
    without censoring with log-log limits. What an attacker can take out again is then what case mix adds, and not the
    counts. The estimate is that of the rounded counts; its limits are the lowest and the highest over all pairs of
    counts that are shown as these, so that the interval holds that of the exact counts. Where T is infinite (no one, or
    everyone) the number stays as it is.

    Examples
    --------
    >>> exact = pd.DataFrame({"numerator": [33], "denominator": [98], "estimate": 0.4, "lower": 0.3, "upper": 0.5})
    >>> shown = pd.DataFrame({"numerator": [35], "denominator": [100]})
    >>> carry_adjusted(exact, shown, "proportion", POLICIES["hes2018"]).iloc[0].tolist()
    [0.414, 0.288, 0.542]
    """
    there, back = SCALES[kind]
    exact = values["numerator"].to_numpy(dtype=int), values["denominator"].to_numpy(dtype=int)
    numbers = values[NUMBERS].to_numpy(dtype=float)
    events, people, possible = list_pairs(*exact, policy)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = there(numbers) - _simple(*exact, kind)
        shown = rounded["numerator"].to_numpy(dtype=int), rounded["denominator"].to_numpy(dtype=int)
        estimate = back(own[:, 0] + _simple(*shown, kind)[:, 0])
        pairs = np.where(possible, events, exact[0][:, None]), np.where(possible, people, exact[1][:, None])
        simple = _simple(pairs[0].ravel(), pairs[1].ravel(), kind).reshape(*possible.shape, 3)
        every = back(own[:, None, :] + simple)
    estimate = np.where(np.isfinite(estimate), estimate, numbers[:, 0])
    every = np.where(np.isfinite(every) & possible[..., None], every, np.nan)
    # the counts themselves are among the pairs; where none of these has a finite number the limits stay
    lower = np.fmin.reduce(np.column_stack([every[..., 1], estimate]), axis=1)
    upper = np.fmax.reduce(np.column_stack([every[..., 2], estimate]), axis=1)
    none = np.isnan(every[..., 1]).all(axis=1)
    lower, upper = np.where(none, numbers[:, 1], lower), np.where(none, numbers[:, 2], upper)
    carried = np.column_stack([estimate, lower, upper])
    carried[np.isnan(numbers)] = np.nan
    # limits are rounded outwards, so that they hold those of the exact counts
    places = 10 ** DECIMALS[kind]
    outwards = [np.round(carried[:, 0] * places), np.floor(carried[:, 1] * places), np.ceil(carried[:, 2] * places)]
    return pd.DataFrame(np.column_stack(outwards) / places, columns=NUMBERS, index=values.index)


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
        else:
            again = carry_adjusted(exact[rows], out[rows], kind, policy)
        out.loc[rows, "method"] = [name_rounded(method, policy) for method in out.loc[rows, "method"]]
        for column in NUMBERS:
            out.loc[rows, column] = again[column].to_numpy()
    return out


def _simple(x: np.ndarray, n: np.ndarray, kind: str) -> np.ndarray:
    """Return estimate, lower and upper of the counts alone, on the scale of a kind: shape (rows, 3)."""
    if kind == "survival":
        survival = 1 - x / n
        half = ndtri(0.975) * np.sqrt(x / (n * (n - x))) / np.abs(np.log(survival))
        centre = SCALES[kind][0](survival)
        return np.column_stack([centre, centre + half, centre - half])
    return SCALES[kind][0](wilson(x, n)[NUMBERS].to_numpy())
