"""How well a reader guesses the counts behind numbers adjusted for case mix.

Rounding leaves several pairs of counts, and a reader who must name one is sometimes right. An adjusted number beside
the rounded counts must not make that more frequent than the policy allows. Three readers weigh the pairs: one knows
the rounded counts and what is usual, one also what is expected of each organisation, which the adjusted number gives,
and one takes the adjusted number to be made from the exact counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from naome.release.policy import Policy, find_kinds, list_pairs
from naome.release.suppress import SCALES

__all__ = ["Guesses", "guess_counts"]

#: Rows about different measures and cohorts are not alike
GROUP_KEY = ["cohort", "measure", "group_by", "group"]
#: Fewest organisations of which a reader learns what is usual
ENOUGH = 10
#: As many standard errors more than blind guesses may be right by chance, also where that is more than the ratio
ERRORS = 3


@dataclass(frozen=True)
class Guesses:
    """How often readers guess the number of events behind a rounded one.

    Attributes
    ----------
    made : int
        Rows with a number adjusted for case mix.
    blind : float
        Right guesses from the rounded counts and what is usual. Where several counts are equally likely one of them
        counts as the share that is right on average.
    right : float
        Right guesses of the better of the readers who use the adjusted number.
    allowed : float
        Most right guesses that are allowed: the policy's ratio times `blind`, or three standard errors of the
        difference more than `blind` where these are more.
    """

    made: int = 0
    blind: float = 0.0
    right: float = 0.0
    allowed: float = 0.0


def guess_counts(released: pd.DataFrame, truth: pd.DataFrame, policy: Policy) -> Guesses:
    """Guess the events behind released numbers adjusted for case mix, and score the guesses.

    Parameters
    ----------
    released : DataFrame
        Results as published, in the order of `truth`.
    truth : DataFrame
        The same results with their exact counts, used only to score.
    policy : Policy
        Where it does not round, the counts are shown and nothing is guessed.

    Returns
    -------
    Guesses

    Notes
    -----
    On the scale T of :func:`naome.release.suppress.carry_adjusted` a number is T(s) of its counts plus what case mix
    adds. Events are binomial about the usual share of events for the first reader, and about the share that case mix
    makes expected for the second. The third multiplies the first one's weights by the normal density of what
    case mix would add if a pair were the exact one, with mean and spread over organisations.
    """
    kinds = find_kinds(released["method"])
    adjusted = kinds.isin(list(SCALES)) & released["estimate"].notna() & released["numerator"].gt(0).fillna(False)
    if policy.round_to == 1:
        return Guesses()
    scores = [
        _score(weights, events, truth.loc[rows.index, "numerator"].to_numpy(dtype=int))
        for _, rows in released[adjusted].groupby(GROUP_KEY, sort=False)
        if len(rows) >= ENOUGH
        for weights, events in [_weigh(rows, policy)]
    ]
    if not scores:
        return Guesses()
    share = np.vstack(scores)
    blind, *informed = share.sum(axis=0)
    error = np.sqrt(2 * blind * (1 - blind / len(share)))
    allowed = max(policy.guess_ratio * blind, blind + ERRORS * error)
    return Guesses(len(share), float(blind), float(max(informed)), float(allowed))


def _weigh(rows: pd.DataFrame, policy: Policy) -> tuple[np.ndarray, np.ndarray]:
    """Return what three readers believe of each pair of counts, shape (rows, pairs, 3), and the events of the pairs."""
    kind = find_kinds(rows["method"].head(1)).iloc[0]
    there, back = SCALES[kind]
    shown = rows["numerator"].to_numpy(dtype=int), rows["denominator"].to_numpy(dtype=int)
    events, people, possible = list_pairs(*shown, policy)
    usual = shown[0].sum() / shown[1].sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = there(_share(events / np.maximum(people, 1), kind))
        value = there(rows["estimate"].to_numpy(dtype=float))
        added = value - there(_share(shown[0] / shown[1], kind))
        # a ratio is 1 where all is as expected; the others are then the usual share
        expected = back((0.0 if kind == "ratio" else there(_share(usual, kind))) - added)
        away = (value[:, None] - plain - np.nanmean(added)) / np.nanstd(added)
    expected = np.clip(_share(expected, kind), 1e-6, 1 - 1e-6)
    first = np.where(possible, stats.binom.pmf(events, people, usual), 0.0)
    second = np.where(possible, stats.binom.pmf(events, people, expected[:, None]), 0.0)
    third = first * np.nan_to_num(np.exp(-(away**2) / 2))
    return np.stack([first, second, third], axis=2), events


def _share(events: np.ndarray | float, kind: str) -> np.ndarray | float:
    """Return survival for the share of deaths and the reverse; other shares are what they are."""
    return 1 - events if kind == "survival" else events


def _score(weights: np.ndarray, events: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return how often each reader who names the likeliest number of events is right, shape (rows, readers)."""
    alike = events[:, :, None] == events[:, None, :]
    belief = np.einsum("rpq,rqk->rpk", alike, weights)
    named = belief >= belief.max(axis=1, keepdims=True) * (1 - 1e-9)
    right = events == truth[:, None]
    # each number of events is in several pairs: a reader names a number, not a pair
    first_of_its_kind = ~np.tril(alike, -1).any(axis=2)
    named &= first_of_its_kind[:, :, None]
    return (named & right[:, :, None]).sum(axis=1) / named.sum(axis=1)
