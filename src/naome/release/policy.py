"""Disclosure policies as data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from naome.measures.casemix.outliers import MINIMUM_UNITS
from naome.measures.methods import ADJUSTED_PROPORTION, ADJUSTED_RATIO, ADJUSTED_SURVIVAL, WILSON


@dataclass(frozen=True)
class Policy:
    """A rule for small numbers.

    Attributes
    ----------
    hide_from, hide_to : int
        Counts from ``hide_from`` to ``hide_to`` inclusive are hidden: what is hidden may have any of these values.
    round_to : int
        Shown counts are rounded to a multiple of this; 1 leaves them. So many values a shown count may have at least.
    source : str
    least_at_risk : int
        Fewest people at risk where a survival curve is drawn.
    smallest_curve : int
        Fewest people of a curve in a nation whose small groups are hidden.
    guess_ratio : float
        How often an informed reader may guess a count right, at most, for each time that a blind guess among the
        counts that are shown alike is right.
    """

    name: str
    hide_from: int
    hide_to: int
    round_to: int
    source: str
    least_at_risk: int = 10
    smallest_curve: int = 100
    guess_ratio: float = 1.25

    @property
    def deaths_per_step(self) -> int:
        """Fewest deaths behind a step of a survival curve: more than are hidden."""
        return self.hide_to + 1

    @property
    def smallest_shown(self) -> int:
        """The smallest count above zero that is shown, as it is rounded."""
        return round((self.hide_to + 1) / self.round_to) * self.round_to


POLICIES = {
    policy.name: policy
    for policy in (
        Policy("none", 1, 0, 1, "no suppression; for use inside a secure environment only"),
        Policy("lt5", 1, 4, 1, "counts of 1 to 4 suppressed"),
        Policy("lt10", 1, 9, 1, "counts of 1 to 9 suppressed"),
        Policy(
            "hes2018", 1, 7, 5, "NHS England HES disclosure control, 2018: 1 to 7 suppressed, others to the nearest 5"
        ),
    )
}


def round_counts(counts: pd.Series, policy: Policy) -> pd.Series:
    """Return counts as a policy rounds them.

    Examples
    --------
    >>> round_counts(pd.Series([8, 12, 13]), POLICIES["hes2018"]).tolist()
    [10, 10, 15]
    """
    return (counts / policy.round_to).round().astype("Int64") * policy.round_to


def leave_few(hidden: np.ndarray | int, policy: Policy) -> np.ndarray:
    """Return whether all but few counts are known exactly: some are hidden, few, and the others are not rounded.

    Examples
    --------
    >>> leave_few(np.array([0, 3, 20]), POLICIES["lt5"]).tolist(), leave_few(3, POLICIES["hes2018"]).tolist()
    ([False, True, False], False)
    """
    some = np.asarray(hidden)
    return (some > 0) & (some < MINIMUM_UNITS) & (policy.round_to == 1)


def list_pairs(events: np.ndarray, people: np.ndarray, policy: Policy) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List the pairs of exact counts that a policy shows as the same pair.

    Parameters
    ----------
    events, people : array of int, shape (k,)
        Counts, exact or as they are shown.
    policy : Policy

    Returns
    -------
    events, people : array of int, shape (k, pairs)
    possible : array of bool, shape (k, pairs)
        Whether the policy shows the pair as it shows the given one. A given pair that no policy would show is possible.

    Examples
    --------
    >>> events, people, possible = list_pairs(np.array([10]), np.array([15]), POLICIES["hes2018"])
    >>> [(int(x), int(n)) for x, n in zip(events[possible], people[possible])]
    [(8, 16), (8, 17), (9, 17)]
    """
    x = round_counts(pd.Series(events), policy).to_numpy(dtype=int)[:, None]
    n = round_counts(pd.Series(people), policy).to_numpy(dtype=int)[:, None]
    near = np.arange(-policy.round_to + 1, policy.round_to)
    near = near[np.round(near / policy.round_to) == 0]
    more, wider = (each.ravel()[None, :] for each in np.meshgrid(near, near))
    x_exact, n_exact = x + more, n + wider
    possible = (x_exact >= 0) & (x_exact <= n_exact) & (n_exact > 0)
    for count in (x_exact, n_exact, n_exact - x_exact):
        possible &= ~((count >= policy.hide_from) & (count <= policy.hide_to))
    possible |= ~possible.any(axis=1, keepdims=True) & (more == 0) & (wider == 0)
    return x_exact, n_exact, possible


# How a number that a method gives may be shown below the national level, where counts are rounded (decision 0013).
# "counts": computed again from the rounded counts alone. The others are adjusted for case mix: the same simple
# estimate and limits, at the rounded instead of the exact counts, carried by the organisation's own adjustment.
METHODS = {
    WILSON: "counts",
    ADJUSTED_SURVIVAL: "survival",
    ADJUSTED_PROPORTION: "proportion",
    ADJUSTED_RATIO: "ratio",
}
#: What the name of a method ends with where its numbers are those of rounded counts
OF_ROUNDED = ", counts rounded to "
# Places that a number adjusted for case mix keeps: more would say more about single people than about organisations
DECIMALS = {"survival": 3, "proportion": 3, "ratio": 2}


def name_rounded(method: str, policy: Policy) -> str:
    """Return the name of a method whose numbers are those of rounded counts.

    Examples
    --------
    >>> name_rounded("wilson", POLICIES["hes2018"])
    'wilson, counts rounded to 5'
    """
    return f"{method}{OF_ROUNDED}{policy.round_to}"


def find_kinds(methods: pd.Series) -> pd.Series:
    """Return how numbers of each method may be shown (:data:`METHODS`), of exact or of rounded counts; else missing."""
    return methods.str.partition(OF_ROUNDED)[0].map(METHODS)
