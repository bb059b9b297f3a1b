"""Which rows of a release are hidden: small numbers, and what they could be worked out from.

Small numbers come first. Then the release is attacked (:mod:`naome.release.bounds`): where a hidden number could be
narrowed below the promise, or a rounded one to fewer values than rounding leaves, the row of fewest people that narrows
it is hidden too, until nothing is narrower than promised. At the end each row that was hidden for others is shown again
if the promise still holds. Equal input gives equal output.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from naome.core.results import NATIONAL_LEVELS
from naome.release.bounds import LARGEST_COUNT, Step, find_attainable, solve_bounds, tighten
from naome.release.cells import BESIDE_HEADLINE, Cells
from naome.release.needed import find_needed
from naome.release.policy import Policy, round_counts

__all__ = [
    "Bounds",
    "ShownRows",
    "bound_counts",
    "find_broken",
    "find_held",
    "find_small",
    "list_near",
    "protect",
    "reach",
]

ROUNDS = 60
#: A hidden count is near the promise if its bounds are wider by no more than this
NEAR = 3
#: Relations up to this many counts away are used together in a linear programme; of the nation, which is not rounded
STEPS, NATIONAL_STEPS = 2, 3
#: ... and up to this many where all relations are used that have to do with a count at all
ALL_STEPS = 1_000
#: Linear programmes at most for counts below the nation, those with the narrowest bounds first
PROGRAMMES = 300
#: What it costs to hide a total of the nation, which readers look for first: more than to hide any groups
TOTAL = 1e9
#: What it costs to hide a person of a measure beside a headline
BESIDE = 1e-3
#: Counts tried, the cheapest first, before one that does not help alone is hidden
TRIALS = 6


@dataclass(frozen=True)
class ShownRows:
    """How the rows of some results may be shown.

    Attributes
    ----------
    exact : array of bool, shape (rows,)
        Rows whose counts are not rounded: the nation's.
    always : array of bool, shape (rows,)
        Rows whose counts are shown whatever they are, as the policy for the nation says.
    hidden : array of bool, shape (rows,)
        Rows already hidden, for reasons of their own.
    fixed : array of bool, shape (rows,)
        Rows that were decided before and stay as they are.
    """

    exact: np.ndarray
    always: np.ndarray
    hidden: np.ndarray
    fixed: np.ndarray


def find_small(cells: Cells, policy: Policy) -> np.ndarray:
    """Return which counts a policy hides, and those of no one that would tell where few people are."""
    small = (cells.value >= policy.hide_from) & (cells.value <= policy.hide_to)
    none, others = cells.beside.T
    found = small.copy()
    found[none[small[others]]] = True
    return found


@dataclass(frozen=True)
class Bounds:
    """What can be worked out of every count.

    Attributes
    ----------
    lower, upper : array of float, shape (counts,)
        Least and greatest possible value.
    known : array of int, shape (counts,)
        0 where no row shows the count, 1 where one shows it rounded, 2 where one shows it as it is.
    history : list of Step
        How the relations narrowed the bounds.
    """

    lower: np.ndarray
    upper: np.ndarray
    known: np.ndarray
    history: list[Step]

    @cached_property
    def made_by(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """For a count and a side, the rounds that narrowed it, each with its relation."""
        found: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for when, step in enumerate(self.history):
            for count, side, number in zip(step.count, step.side, step.number, strict=True):
                found.setdefault((int(count), int(side)), []).append((when, int(number)))
        return found


def reach(cells: Cells, shown: ShownRows, hidden: np.ndarray, policy: Policy) -> Bounds:
    """Work out the least and greatest possible value of every count from the rows that are not hidden.

    Parameters
    ----------
    cells : Cells
    shown : Shown
    hidden : array of bool, shape (rows,)
        Rows that are not shown.
    policy : Policy
    """
    people, events = (np.where(hidden, np.nan, numbers) for numbers in _show_numbers(cells, shown, policy))
    return bound_counts(cells, people, events, shown.exact, policy)


def _show_numbers(cells: Cells, shown: ShownRows, policy: Policy) -> list[np.ndarray]:
    """Return the people and the events of each row as they would be shown; NaN where it has none."""
    rounded = round_counts(pd.Series(cells.value), policy).to_numpy(dtype=float)
    return [
        np.where(counts < 0, np.nan, np.where(shown.exact, cells.value[counts], rounded[counts]))
        for counts in (cells.people, cells.events)
    ]


def bound_counts(
    cells: Cells,
    people: np.ndarray,
    events: np.ndarray,
    exact: np.ndarray,
    policy: Policy,
    least: np.ndarray | float = 0.0,
    *,
    before: Bounds | None = None,
) -> Bounds:
    """Work out the least and greatest possible value of every count from published numbers alone.

    Parameters
    ----------
    cells : Cells
        Which row shows which count, and the relations; the values of the counts are not looked at, but for the national
        totals that are taken to be known.
    people, events : array of float, shape (rows,)
        The numbers that each row shows; NaN where it shows none.
    exact : array of bool, shape (rows,)
        Rows whose numbers are not rounded.
    policy : Policy
    least : array of float, shape (rows,), or float
        Fewest people of a row that is shown: as many as an estimate needs.
    before : Bounds, optional
        What can be worked out of fewer of these numbers; the history is then of what the others narrow.
    """
    lower, upper = np.zeros(len(cells.value)), np.full(len(cells.value), float(LARGEST_COUNT))
    known = np.zeros(len(cells.value), dtype=int)
    half = (policy.round_to - 1) // 2
    # a total that is taken to be known is rounded where the rows of the nation are
    nation = (cells.people >= 0) & cells.national[cells.people]
    total, as_is = cells.value[cells.public], bool(exact[nation].all())
    shown = total if as_is else round_counts(pd.Series(total), policy).to_numpy(dtype=float)
    spread = np.where(as_is | (total == 0), 0, half)
    lower[cells.public], upper[cells.public] = np.maximum(shown - spread, 0), shown + spread
    known[cells.public] = np.where(as_is | (total == 0), 2, 1)
    fewest = np.broadcast_to(least, people.shape)
    for counts, published, known_least in ((cells.people, people, fewest), (cells.events, events, 0 * fewest)):
        rows = (counts >= 0) & ~np.isnan(published)
        here, value, as_is = counts[rows], published[rows], exact[rows]
        np.maximum.at(known, here, np.where(as_is, 2, 1))
        protected = np.where(value > 0, np.maximum(value - half, policy.hide_to + 1), 0)
        np.maximum.at(lower, here, np.where(as_is, value, np.maximum(protected, known_least[rows])))
        np.minimum.at(upper, here, np.where(as_is | (value == 0), value, value + half))
    rows = (cells.rest >= 0) & ~np.isnan(people) & ~np.isnan(events)
    rest, left, as_is = cells.rest[rows], (people - events)[rows], exact[rows]
    np.maximum.at(known, rest, np.where(as_is, 2, 1))
    # a row that is shown says that the rest is none, or is not small
    np.maximum.at(lower, rest[~as_is & (left > 0)], policy.hide_to + 1.0)
    np.minimum.at(upper, rest[~as_is & (left == 0)], 0.0)
    history: list[Step] = []
    changed = None
    if before is not None:
        lower, upper = np.maximum(lower, before.lower), np.minimum(upper, before.upper)
        changed = np.flatnonzero((lower > before.lower) | (upper < before.upper))
    lower, upper = tighten(lower, upper, cells.relations, history, changed=changed)
    return Bounds(lower, upper, known, history)


def find_broken(cells: Cells, bounds: Bounds, policy: Policy, protected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which counts are narrower than promised: hidden ones, and shown ones.

    A hidden small count may have every value that is hidden (as far as the nation's own count allows, where that is
    small and shown); a rounded one as many values as rounding leaves, unless it
    is zero, or the same as one that is shown as it is.
    """
    lower, upper, known = bounds.lower, bounds.upper, bounds.known
    small, width = find_small(cells, policy), upper - lower + 1
    in_rows = cells.in_rows(protected, differences=True)
    public = np.isin(cells.same, cells.same[known == 2])
    narrow = (lower > policy.hide_from) | (upper < np.minimum(policy.hide_to, cells.ceiling))
    hidden = in_rows & small & (known == 0) & narrow & ~public
    rounded = in_rows & (known == 1) & (cells.value > 0) & (width < policy.round_to) & ~public
    return hidden, rounded


def find_remainders(cells: Cells, bounds: Bounds, policy: Policy, protected: np.ndarray) -> np.ndarray:
    """Return the relations whose hidden parts are few people together, and exactly so many as all less the others.

    Parameters
    ----------
    cells : Cells
    bounds : Bounds
    policy : Policy
    protected : array of bool, shape (rows,)
        Rows whose numbers are not shown whatever they are.

    Returns
    -------
    array of int
        Numbers of relations.
    """
    relations, size = cells.relations, len(cells.relations.low)
    unknown = (bounds.known == 0) & (bounds.lower < bounds.upper)
    parts = (relations.weight < 0) & unknown[relations.count]
    hidden = parts & cells.in_rows(protected, differences=True)[relations.count]

    def add_up(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        return np.bincount(relations.number[chosen], values[relations.count[chosen]], size)

    together = add_up(cells.value, parts)
    first = np.searchsorted(relations.number, np.arange(size))
    whole, shown = relations.count[first], (relations.weight < 0) & ~parts
    lower = np.maximum(bounds.lower[whole] - add_up(bounds.upper, shown), add_up(bounds.lower, parts))
    upper = np.minimum(bounds.upper[whole] - add_up(bounds.lower, shown), add_up(bounds.upper, parts))
    small = (together >= policy.hide_from) & (together <= policy.hide_to)
    several = np.bincount(relations.number[hidden], minlength=size) > 1
    fewer = add_up(bounds.upper, shown) > 0  # otherwise they are the whole, which is shown by itself
    return np.flatnonzero(several & fewer & small & (lower == upper) & (relations.high == 0))


def list_near(
    cells: Cells, bounds: Bounds, policy: Policy, protected: np.ndarray, most: int | None = PROGRAMMES
) -> np.ndarray:
    """List the hidden small counts that are near the promise: all of the nation, of others those with narrow bounds.

    Parameters
    ----------
    cells : Cells
    bounds : Bounds
    policy : Policy
    protected : array of bool, shape (rows,)
        Rows whose numbers are not shown whatever they are.
    most : int or None
        Counts below the nation at most; None for all.
    """
    secret = find_small(cells, policy) & (bounds.known == 0) & cells.in_rows(protected, differences=True)
    secret &= ~np.isin(cells.same, cells.same[bounds.known == 2])
    spare = np.minimum(policy.hide_from - bounds.lower, bounds.upper - np.minimum(policy.hide_to, cells.ceiling))
    near = np.flatnonzero(secret & (spare <= NEAR))
    near = near[np.argsort((bounds.upper - bounds.lower)[near], kind="stable")]
    return np.concatenate([near[cells.national[near]], near[~cells.national[near]][:most]])


def find_held(
    counts: np.ndarray, cells: Cells, bounds: Bounds, policy: Policy, *, everything: bool = False
) -> np.ndarray:
    """Return to which hidden small counts linear programmes, too, leave every value that is promised.

    Parameters
    ----------
    counts : array of int
    cells : Cells
    bounds : Bounds
    policy : Policy
    everything : bool
        Whether all relations are used together, and not only those near each count: that takes seconds for a count.

    Returns
    -------
    array of bool, shape (counts,)
    """
    least, most = np.full(len(counts), float(policy.hide_from)), np.minimum(policy.hide_to, cells.ceiling[counts])
    held = find_attainable(counts, least, most, bounds.lower, bounds.upper, cells.relations)
    for place in np.flatnonzero(~held):
        held[place] = _is_held(int(counts[place]), cells, bounds, policy, everything=everything)
    return held


def _is_held(count: int, cells: Cells, bounds: Bounds, policy: Policy, *, everything: bool = False) -> bool:
    most = min(policy.hide_to, cells.ceiling[count])
    if bounds.lower[count] > policy.hide_from or bounds.upper[count] < most:  # programmes only narrow
        return False
    steps = ALL_STEPS if everything else NATIONAL_STEPS if cells.national[count] else STEPS
    lower, upper = solve_bounds(count, bounds.lower, bounds.upper, cells.relations, steps=steps)
    return lower <= policy.hide_from and upper >= most


def protect(cells: Cells, rows: pd.DataFrame, shown: ShownRows, policy: Policy) -> np.ndarray:
    """Decide which rows are hidden.

    Parameters
    ----------
    cells : Cells
        The counts of the rows (:func:`naome.release.cells.list_cells`).
    rows : DataFrame
        Results, with ``denominator``: what hiding a row costs.
    shown : Shown
    policy : Policy

    Returns
    -------
    array of bool, shape (rows,)

    Raises
    ------
    ValueError
        If the promise cannot be kept by hiding more; the message names measure and level.
    """
    if not len(cells.value):
        return shown.hidden.copy()
    search = _Search(cells, rows, shown, policy)
    first = search.hide_small()
    hidden = search.show_again(search.repair(first), first)
    while True:
        more = search.repair(search.harden(hidden))
        if (more == hidden).all():
            return search.show_known(hidden, first)
        hidden = more


class _Search:
    """The search for the rows to hide."""

    def __init__(self, cells: Cells, rows: pd.DataFrame, shown: ShownRows, policy: Policy) -> None:
        self.cells, self.rows, self.shown, self.policy = cells, rows, shown, policy
        totals = (rows["level"].isin(NATIONAL_LEVELS) & (rows["group_by"] == "all")).to_numpy()
        beside = rows["measure"].isin(BESIDE_HEADLINE).to_numpy() & ~totals
        people = rows["denominator"].fillna(0).to_numpy(dtype=float)
        self.cost = people * np.where(beside, BESIDE, 1) + np.where(totals, TOTAL, 0)
        self.numbers = _show_numbers(cells, shown, policy)
        self.free = ~shown.always & ~shown.fixed
        self.protected = ~shown.always
        #: counts for which linear programmes have found nothing narrower: with more hidden they still do not
        self.held = np.zeros(len(cells.value), dtype=bool)
        n = len(cells.value)
        #: rows that show a count, as people or events
        self.of_count: list[list[int]] = [[] for _ in range(n)]
        for counts in (cells.people, cells.events):
            for row in np.flatnonzero(counts >= 0):
                self.of_count[counts[row]].append(int(row))
        #: the count to hide so that this one is not shown: of the rest, the events
        self.handle = np.arange(n)
        with_rest = cells.rest >= 0
        self.handle[cells.rest[with_rest]] = cells.events[with_rest]
        # the terms of each relation, which are in its order
        relations = cells.relations
        self.first = np.searchsorted(relations.number, np.arange(len(relations.low) + 1))

    def _reach(self, hidden: np.ndarray, before: Bounds | None = None) -> Bounds:
        """Do as :func:`reach`; `before` is what can be worked out where more rows are hidden, which is quicker."""
        people, events = (np.where(hidden, np.nan, numbers) for numbers in self.numbers)
        return bound_counts(self.cells, people, events, self.shown.exact, self.policy, before=before)

    def hide_small(self) -> np.ndarray:
        """Hide every row that shows or leaves a small number, and every row that shows the same count."""
        cells, small = self.cells, find_small(self.cells, self.policy)
        hidden = self.shown.hidden.copy()
        lost = np.zeros(len(cells.value), dtype=bool)
        for counts in (cells.people, cells.events):
            mine = (counts >= 0) & ~self.shown.always
            lost[counts[mine & small[counts]]] = True
        rest = (cells.rest >= 0) & ~self.shown.always
        lost[cells.events[rest & small[cells.rest]]] = True
        rounded = round_counts(pd.Series(cells.value), self.policy).to_numpy(dtype=float)
        left = np.where(rest, rounded[cells.people] - rounded[cells.events], 0)
        near = rest & ~self.shown.exact & (left > 0) & (left < self.policy.smallest_shown)
        lost[cells.events[near]] = True
        return hidden | self._rows_of(lost)

    def repair(self, hidden: np.ndarray) -> np.ndarray:
        """Hide more rows until nothing is narrower than promised."""
        hidden = hidden.copy()
        for _ in range(ROUNDS):
            bounds = self._reach(hidden)
            broken = np.flatnonzero(np.logical_or(*find_broken(self.cells, bounds, self.policy, self.protected)))
            remainders = find_remainders(self.cells, bounds, self.policy, self.protected)
            if not len(broken) and not len(remainders):
                return hidden
            too_close = [[int(count)] for count in broken] + [self._list_terms(int(each)) for each in remainders]
            found = [self._choose(counts, hidden, bounds) for counts in too_close]
            chosen = {each for each in found if each is not None}
            if not chosen:
                raise ValueError(self._explain(np.unique(np.concatenate(too_close))))
            hidden |= self._rows_of_counts(chosen)
        raise ValueError(self._explain(broken))

    def show_again(self, hidden: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Show rows again that need not be hidden, those of most people first."""
        hidden = hidden.copy()
        known = self._reach(hidden)
        extra = np.flatnonzero(hidden & ~first & self.free)
        for row in extra[np.argsort(-self.cost[extra], kind="stable")]:
            together = [r for r in self.of_count[self.cells.events[row]] if hidden[r] and not first[r] and self.free[r]]
            if not hidden[row] or not together:
                continue
            trial = hidden.copy()
            trial[together] = False
            bounds = self._reach(trial, known)
            broken = np.logical_or(*find_broken(self.cells, bounds, self.policy, self.protected)).any()
            if not broken and not len(find_remainders(self.cells, bounds, self.policy, self.protected)):
                hidden, known = trial, bounds
        return hidden

    def show_known(self, hidden: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Show rows of the nation again that others give exactly: to hide them protects nothing."""
        bounds = self._reach(hidden)
        known = np.append(bounds.lower == bounds.upper, True)  # the last is that of rows without such a count, -1
        cells = self.cells
        given = known[cells.people] & known[cells.events] & known[cells.rest] & (cells.people >= 0)
        return hidden & ~(given & self.shown.exact & self.free & ~first)

    def harden(self, hidden: np.ndarray) -> np.ndarray:
        """Hide more rows until linear programmes find nothing narrower either, where a count is near the promise."""
        hidden, held = hidden.copy(), self.held
        bounds = self._reach(hidden)
        for _ in range(ROUNDS):
            near = list_near(self.cells, bounds, self.policy, self.protected)
            near = near[self._find_moved(bounds)[near]]
            near = near[~held[near]]
            # more that is hidden only widens bounds: what has held once holds
            held[near] = find_held(near, self.cells, bounds, self.policy)
            broken = near[~held[near]].tolist()
            if not broken:
                return hidden
            for count in broken:
                if _is_held(count, self.cells, bounds, self.policy):  # by what was hidden for another
                    continue
                hidden = self._loosen(count, hidden)
                bounds = self._reach(hidden)
        raise ValueError(self._explain(np.array(broken)))

    def _find_moved(self, bounds: Bounds) -> np.ndarray:
        """Mark counts near one about which the rows that are decided here say something; others were seen before."""
        moved = np.flatnonzero((bounds.lower != self._before.lower) | (bounds.upper != self._before.upper))
        for _ in range(NATIONAL_STEPS):
            moved = self.cells.relations.around(moved)
        return np.isin(np.arange(len(self.cells.value)), moved)

    @cached_property
    def _before(self) -> Bounds:
        """What can be worked out without the rows that are decided here."""
        return self._reach(self.shown.hidden | ~self.shown.fixed)

    def _loosen(self, broken: int, hidden: np.ndarray) -> np.ndarray:
        """Hide the cheapest count near a broken one that helps alone, or else few counts that help together."""
        near, costs = np.array([broken]), dict[int, float]()
        for _ in range(NATIONAL_STEPS if self.cells.national[broken] else STEPS):
            near = self.cells.relations.around(near)
            handles = {int(handle) for handle in self.handle[near]} - set(costs)
            new = {handle: cost for handle in handles if (cost := self._cost(handle, hidden)) is not None}
            costs |= new
            widest = self._reach(hidden | self._rows_of_counts(costs))
            groups = [handle for handle in new if new[handle] < TOTAL]
            for handle in sorted(groups, key=lambda each: (new[each], each))[:TRIALS]:
                trial = hidden | self._rows_of_counts([handle])
                if self._is_held(broken, trial, widest):
                    return trial
        order = sorted(costs, key=lambda each: (costs[each], each))

        def holds(handles: Sequence[int]) -> bool:
            return self._is_held(broken, hidden | self._rows_of_counts(handles), widest)

        # the last one that helps is needed; of the others, those of most people are shown again first
        needed = find_needed(order, holds)
        if needed is None:
            raise ValueError(self._explain(np.array([broken])))
        return hidden | self._rows_of_counts(needed)

    def _is_held(self, count: int, hidden: np.ndarray, widest: Bounds) -> bool:
        return _is_held(count, self.cells, self._reach(hidden, widest), self.policy)

    def _rows_of_counts(self, counts: Iterable[int]) -> np.ndarray:
        lost = np.zeros(len(self.cells.value), dtype=bool)
        lost[list(counts)] = True
        return self._rows_of(lost)

    def _choose(self, counts: list[int], hidden: np.ndarray, bounds: Bounds) -> int | None:
        """Return the count of least cost, of some that are known too closely and of those that their bounds rest on."""
        costs = {
            handle: cost
            for count in {*counts, *(each for known in counts for each in self._trace(known, bounds))}
            if (cost := self._cost(handle := int(self.handle[count]), hidden)) is not None
        }
        return min(costs, key=lambda count: (costs[count], count)) if costs else None

    def _list_terms(self, number: int) -> list[int]:
        """List the counts of a relation."""
        return self.cells.relations.count[self.first[number] : self.first[number + 1]].tolist()

    def _trace(self, broken: int, bounds: Bounds) -> list[int]:
        """List the counts that are shown from which the bounds of one follow, back through the rounds."""
        relations = self.cells.relations
        last = len(bounds.history)
        open_ends, seen, shown = [(broken, 0, last), (broken, 1, last)], set(), []
        while open_ends:
            count, side, before = open_ends.pop()
            made = [(when, number) for when, number in bounds.made_by.get((count, side), ()) if when < before]
            if not made:
                shown.append(count)
                continue
            when, number = made[-1]
            if (count, side, when) in seen:
                continue
            seen.add((count, side, when))
            terms = slice(self.first[number], self.first[number + 1])
            counts, weights = relations.count[terms], relations.weight[terms]
            # the upper bound of a count with a positive weight follows from the least values of the others
            least = (weights[counts == count][0] > 0) == (side == 1)
            ends = np.where((weights > 0) == least, 0, 1)
            open_ends += [(int(c), int(e), when) for c, e in zip(counts, ends, strict=True) if c != count]
        return shown

    def _cost(self, count: int, hidden: np.ndarray) -> float | None:
        """Return how many people are in the rows that go with a count; None where none can go."""
        rows = [row for row in self.of_count[count] if not hidden[row]]
        if not rows or any(not self.free[row] for row in rows):
            return None
        return float(self.cost[rows].sum())

    def _rows_of(self, lost: np.ndarray) -> np.ndarray:
        rows = np.zeros(len(self.rows), dtype=bool)
        for counts in (self.cells.people, self.cells.events):
            rows |= (counts >= 0) & lost[counts]
        return rows & self.free

    def _explain(self, broken: np.ndarray) -> str:
        rows = (
            np.isin(self.cells.people, broken) | np.isin(self.cells.events, broken) | np.isin(self.cells.rest, broken)
        )
        where = self.rows.loc[rows, ["measure", "level"]].drop_duplicates().head(3)
        names = "; ".join(f"{measure} at level {level}" for measure, level in where.itertuples(index=False))
        return f"{len(broken)} numbers could be worked out more closely than promised: {names}"
