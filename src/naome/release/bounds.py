"""What can be worked out about counts from what is published of them: bounds of integers under linear relations.

Nothing here knows what is counted. Counts have a least and a greatest possible value each; relations are sums of some
of them, with weights, that lie between two numbers. Each relation narrows each of its counts to what the others leave
it, again and again, until nothing changes. The truth is never outside the bounds; they need not be the narrowest ones
(:func:`solve_bounds` narrows them further with linear programmes, at a price).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

__all__ = ["Relations", "Step", "solve_bounds", "tighten"]

#: More counts than any table has: the greatest value of one about which nothing is published
LARGEST_COUNT = 10_000_000
ROUNDS = 100


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
        return np.unique(self.number[np.isin(self.count, counts)])

    def around(self, counts: np.ndarray) -> np.ndarray:
        """Return the counts that a relation has together with one of `counts`, those among them."""
        return np.unique(self.count[np.isin(self.number, self.touching(counts))])

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Return for each relation whether values of all counts fulfil it."""
        sums = np.bincount(self.number, self.weight * values[self.count], len(self.low))
        return (sums >= self.low - 1e-6) & (sums <= self.high + 1e-6)


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
    lower: np.ndarray, upper: np.ndarray, relations: Relations, steps: list[Step] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Narrow bounds of integer counts until no single relation narrows them further.

    Parameters
    ----------
    lower, upper : array of float, shape (n,)
        Least and greatest possible value of each count before the relations are used.
    relations : Relations
    steps : list of Step, optional
        Is filled with what each round changed.

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
    number, count, weight, size = relations.number, relations.count, relations.weight, len(relations.low)
    positive = weight > 0
    for _ in range(ROUNDS):
        least = np.where(positive, weight * lower[count], weight * upper[count])
        most = np.where(positive, weight * upper[count], weight * lower[count])
        rest_least = np.bincount(number, least, size)[number] - least
        rest_most = np.bincount(number, most, size)[number] - most
        at_most, at_least = relations.high[number] - rest_least, relations.low[number] - rest_most
        greatest = np.floor(np.where(positive, at_most, at_least) / weight + 1e-6)
        smallest = np.ceil(np.where(positive, at_least, at_most) / weight - 1e-6)
        new_lower, new_upper = lower.copy(), upper.copy()
        np.maximum.at(new_lower, count, smallest)
        np.minimum.at(new_upper, count, greatest)
        if (new_lower > new_upper).any():
            raise ValueError(f"{int((new_lower > new_upper).sum())} counts have no possible value")
        if (new_lower == lower).all() and (new_upper == upper).all():
            break
        if steps is not None:
            low = np.flatnonzero((smallest > lower[count]) & (smallest == new_lower[count]))
            high = np.flatnonzero((greatest < upper[count]) & (greatest == new_upper[count]))
            both = np.concatenate([low, high])
            steps.append(Step(count[both], np.repeat([0, 1], [len(low), len(high)]), number[both]))
        lower, upper = new_lower, new_upper
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
    counts = np.array([target])
    for _ in range(steps):
        rows = relations.touching(counts)
        counts = np.unique(relations.count[np.isin(relations.number, rows)])
    place = np.full(len(lower), -1)
    place[counts] = np.arange(len(counts))
    used = np.isin(relations.number, rows)
    row_place = np.searchsorted(rows, relations.number[used])
    shape = (len(rows), len(counts))
    matrix = csr_array((relations.weight[used], (row_place, place[relations.count[used]])), shape=shape)
    constraint = LinearConstraint(matrix, relations.low[rows], relations.high[rows])
    ends = []
    for sign in (1.0, -1.0):
        objective = np.zeros(len(counts))
        objective[place[target]] = sign
        found = milp(
            objective,
            integrality=np.zeros(len(counts)),
            bounds=Bounds(lower[counts], upper[counts]),
            constraints=constraint,
        )
        known = lower[target] if sign > 0 else upper[target]
        # the count is whole: the ends are rounded inwards
        end = (np.ceil(found.fun - 1e-6) if sign > 0 else np.floor(-found.fun + 1e-6)) if found.status == 0 else known
        ends.append(float(end))
    return ends[0], ends[1]
