"""What can be worked out about counts from what is published of them: bounds of integers under linear relations.

Nothing here knows what is counted. Counts have a least and a greatest possible value each; relations are sums of some
of them, with weights, that lie between two numbers. Each relation narrows each of its counts to what the others leave
it, again and again, until nothing changes. The truth is never outside the bounds; they need not be the narrowest ones
(:func:`solve_bounds` narrows them further with linear programmes, at a price; :func:`find_attainable` says of many
counts at once that programmes would not narrow them below what is asked).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

__all__ = ["Relations", "Step", "find_attainable", "solve_bounds", "tighten"]

#: More counts than any table has: the greatest value of one about which nothing is published
LARGEST_COUNT = 10_000_000
ROUNDS = 100
#: A programme over all relations takes as long as many over those near one count: it is not worth it for fewer counts
MANY_COUNTS = 100
#: By how much solutions of programmes may be wrong
TOLERANCE = 1e-7


@dataclass(frozen=True)
class Relations:
    """Linear relations between counts: low <= sum of weight x count <= high, one pair of limits a relation.

    Attributes
    ----------
    number, count : array of int, shape (k,)
        Relation and count of each term.
    weight : array of float, shape (k,)
    low, high : array of float, shape (r,)
    """

    number: np.ndarray
    count: np.ndarray
    weight: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def touching(self, counts: np.ndarray) -> np.ndarray:
        """Return the numbers of the relations that have a term in one of `counts`."""
        return np.unique(self.number[self._by_count.find(counts)])

    def around(self, counts: np.ndarray) -> np.ndarray:
        """Return the counts that a relation has together with one of `counts`, those among them."""
        return np.unique(self.count[self.terms(self.touching(counts))])

    def terms(self, numbers: np.ndarray) -> np.ndarray:
        """Return the places of the terms of some relations, one relation after the other."""
        return self._by_number.find(numbers)

    @cached_property
    def _by_number(self) -> _Index:
        return _Index.of(self.number)

    @cached_property
    def _by_count(self) -> _Index:
        return _Index.of(self.count)

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Return for each relation whether values of all counts fulfil it."""
        sums = np.bincount(self.number, self.weight * values[self.count], len(self.low))
        return (sums >= self.low - 1e-6) & (sums <= self.high + 1e-6)


@dataclass(frozen=True)
class _Index:
    """Where each value is in an array: `places` in the order of the values, those of value v from ``first[v]``."""

    places: np.ndarray
    first: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> _Index:
        """Make the index of an array of whole numbers from 0."""
        places = np.argsort(values, kind="stable")
        size = int(values.max(initial=-1)) + 1
        return cls(places, np.searchsorted(values[places], np.arange(size + 1)))

    def find(self, values: np.ndarray) -> np.ndarray:
        """Return the places of some values, one value after the other."""
        values = values[values < len(self.first) - 1]
        begin, length = self.first[values], self.first[values + 1] - self.first[values]
        skipped = np.repeat(begin - np.cumsum(length) + length, length)
        return self.places[skipped + np.arange(len(skipped))]


@dataclass(frozen=True)
class Step:
    """What one round of narrowing changed.

    Attributes
    ----------
    count : array of int
        Counts of which a bound was narrowed.
    side : array of int
        0 for the lower bound, 1 for the upper.
    number : array of int
        The relation that narrowed it.
    """

    count: np.ndarray
    side: np.ndarray
    number: np.ndarray


def tighten(
    lower: np.ndarray,
    upper: np.ndarray,
    relations: Relations,
    steps: list[Step] | None = None,
    *,
    changed: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Narrow bounds of integer counts until no single relation narrows them further.

    Parameters
    ----------
    lower, upper : array of float, shape (n,)
        Least and greatest possible value of each count before the relations are used.
    relations : Relations
    steps : list of Step, optional
        Is filled with what each round changed.
    changed : array of int, optional
        The counts whose bounds were narrowed since the relations narrowed no further; by default any may be.

    Returns
    -------
    lower, upper : array of float, shape (n,)

    Raises
    ------
    ValueError
        If no values fulfil the relations: what is published contradicts itself.

    Examples
    --------
    Three parts of 10, two of them between 3 and 7:

    >>> three = Relations(np.zeros(3, int), np.arange(3), np.ones(3), np.array([10.0]), np.array([10.0]))
    >>> tighten(np.array([3.0, 3.0, 0.0]), np.array([7.0, 7.0, 99.0]), three)
    (array([3., 3., 0.]), array([7., 7., 4.]))
    """
    lower, upper = lower.astype(float).copy(), upper.astype(float).copy()
    # only relations with a count whose bounds have changed can narrow others
    active = np.arange(len(relations.low)) if changed is None else relations.touching(changed)
    for _ in range(ROUNDS):
        terms = relations.terms(active)
        count, weight, place = relations.count[terms], relations.weight[terms], relations.number[terms]
        number, size = np.searchsorted(active, place), len(active)
        positive, highest, lowest = weight > 0, relations.high[place], relations.low[place]
        least = np.where(positive, weight * lower[count], weight * upper[count])
        most = np.where(positive, weight * upper[count], weight * lower[count])
        rest_least = np.bincount(number, least, size)[number] - least
        rest_most = np.bincount(number, most, size)[number] - most
        at_most, at_least = highest - rest_least, lowest - rest_most
        greatest = np.floor(np.where(positive, at_most, at_least) / weight + 1e-6)
        smallest = np.ceil(np.where(positive, at_least, at_most) / weight - 1e-6)
        new_lower, new_upper = lower.copy(), upper.copy()
        np.maximum.at(new_lower, count, smallest)
        np.minimum.at(new_upper, count, greatest)
        if (new_lower > new_upper).any():
            raise ValueError(f"{int((new_lower > new_upper).sum())} counts have no possible value")
        moved = np.flatnonzero((new_lower != lower) | (new_upper != upper))
        if not len(moved):
            break
        if steps is not None:
            low = np.flatnonzero((smallest > lower[count]) & (smallest == new_lower[count]))
            high = np.flatnonzero((greatest < upper[count]) & (greatest == new_upper[count]))
            both = np.concatenate([low, high])
            steps.append(Step(count[both], np.repeat([0, 1], [len(low), len(high)]), place[both]))
        lower, upper, active = new_lower, new_upper, relations.touching(moved)
    return lower, upper


def solve_bounds(
    target: int, lower: np.ndarray, upper: np.ndarray, relations: Relations, *, steps: int = 3
) -> tuple[float, float]:
    """Find the narrowest bounds of one count by linear programmes over the relations near it.

    Parameters
    ----------
    target : int
        Which count.
    lower, upper : array of float, shape (n,)
        Bounds already known (:func:`tighten`).
    relations : Relations
    steps : int
        Relations up to this many counts away are used together; those farther away enter by the bounds they left.

    Returns
    -------
    float, float
        Whole numbers. Integer programmes would be narrower in theory, and take hours where these take seconds.
    """
    counts, rows = np.array([target]), np.array([], dtype=int)
    for _ in range(steps):
        rows, before = relations.touching(counts), len(counts)
        counts = np.union1d(counts, relations.count[relations.terms(rows)])
        if len(counts) == before:
            break
    if not len(rows):
        return float(lower[target]), float(upper[target])
    programme = _Programme(counts, rows, lower, upper, relations)
    ends = []
    for sign in (1.0, -1.0):
        found = programme.solve(np.array([target]), sign)
        known = lower[target] if sign > 0 else upper[target]
        # the count is whole: the ends are rounded inwards
        end = known if found is None else np.ceil(found[0] - 1e-6) if sign > 0 else np.floor(found[0] + 1e-6)
        ends.append(float(end))
    return ends[0], ends[1]


def find_attainable(
    targets: np.ndarray,
    least: np.ndarray,
    most: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    relations: Relations,
) -> np.ndarray:
    """Find counts that can certainly be as small and as great as asked: by values of all counts that fulfil everything.

    One solution of a programme over all relations shows it of many counts. A count that is not found may be able to all
    the same; :func:`solve_bounds` says so. Of fewer than :data:`MANY_COUNTS` nothing is looked for.

    Parameters
    ----------
    targets : array of int, shape (k,)
        Which counts.
    least, most : array of float, shape (k,)
        How small and how great each should be able to be.
    lower, upper : array of float, shape (n,)
        Bounds already known (:func:`tighten`).
    relations : Relations

    Returns
    -------
    array of bool, shape (k,)
    """
    attained = {1.0: np.zeros(len(targets), dtype=bool), -1.0: np.zeros(len(targets), dtype=bool)}
    if len(targets) < MANY_COUNTS:
        return attained[1.0]
    rows = np.unique(relations.number[(lower < upper)[relations.count]])
    counts = np.unique(np.concatenate([targets, relations.count[relations.terms(rows)]]))
    programme = _Programme(counts, rows, lower, upper, relations)
    signs = [1.0, -1.0]
    while signs:
        sign = signs.pop(0)
        open_ = np.flatnonzero(~attained[sign])
        if len(open_) < MANY_COUNTS:
            continue
        found = programme.solve(targets[open_], sign, targets)
        if found is None:
            break
        attained[1.0] |= found <= least + TOLERANCE
        attained[-1.0] |= found >= most - TOLERANCE
        if attained[sign][open_].any():  # the next programme is about the others
            signs.append(sign)
    return attained[1.0] & attained[-1.0]


class _Programme:
    """A linear programme over some counts and relations, which is solved for different counts."""

    def __init__(
        self, counts: np.ndarray, rows: np.ndarray, lower: np.ndarray, upper: np.ndarray, relations: Relations
    ) -> None:
        terms = relations.terms(rows)
        places = np.searchsorted(rows, relations.number[terms]), np.searchsorted(counts, relations.count[terms])
        matrix = csr_array((relations.weight[terms], places), shape=(len(rows), len(counts)))
        self.counts, self.bounds = counts, Bounds(lower[counts], upper[counts])
        self.constraint = LinearConstraint(matrix, relations.low[rows], relations.high[rows])

    def solve(self, targets: np.ndarray, sign: float, asked: np.ndarray | None = None) -> np.ndarray | None:
        """Make the sum of some counts least (1) or greatest (-1); return the values of those, or of others `asked`.

        None where nothing is found.
        """
        objective = np.zeros(len(self.counts))
        objective[np.searchsorted(self.counts, targets)] = sign
        found = milp(objective, integrality=np.zeros(len(objective)), bounds=self.bounds, constraints=self.constraint)
        if found.status != 0:
            return None
        return found.x[np.searchsorted(self.counts, targets if asked is None else asked)]
