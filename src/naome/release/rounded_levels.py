"""Levels of organisations that say no more than their rounded counts.

A level computed from exact counts excludes some of the counts that round to those shown. What is shown is the level
that every such pair of counts supports: the least extreme of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from naome.core.params import Params
from naome.measures.variation import give_domains, score_counts
from naome.release.policy import POLICIES, Policy, list_pairs


def soften(table: pd.DataFrame, z: pd.Series, policy: Policy) -> np.ndarray:
    """Move scores towards zero, to the least extreme that counts rounded alike would have.

    Parameters
    ----------
    table : DataFrame
        ``n, observed, expected`` (people, events, expected events), and ``std_error`` of the mean difference if there
        is one.
    z : Series
        Scores, positive when there are more events than expected.
    policy : Policy

    Returns
    -------
    array of float
        With other counts the score is that of this organisation, moved by the difference in events less expected
        events in standard errors; people more or fewer are expected to have the events of the others.
    """
    if policy.round_to == 1:
        return z.to_numpy(dtype=float)
    x, n = table["observed"].to_numpy(dtype=int), table["n"].to_numpy(dtype=int)
    events, people, possible = list_pairs(x, n, policy)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(table["expected"].to_numpy(dtype=float) / n, 0.0, 1.0)
        error = np.sqrt(n * share * (1 - share))
        if "std_error" in table:
            error = np.where(table["std_error"].notna(), table["std_error"].to_numpy(dtype=float) * n, error)
        moved = (events - x[:, None] - (people - n[:, None]) * share[:, None]) / error[:, None]
    scores = z.to_numpy(dtype=float)[:, None] + moved
    low = np.where(possible, scores, np.inf).min(axis=1)
    high = np.where(possible, scores, -np.inf).max(axis=1)
    settled = _least_extreme(low, high)
    return np.where(z.isna() | ~np.isfinite(settled), np.nan, settled)


def _least_extreme(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the scores nearest to zero between two ends."""
    return np.where(low > 0, low, np.where(high < 0, high, 0.0))


def place_counts(
    shown: pd.DataFrame, targets: Sequence[float], params: Params, polarity: str, *, everyone: int | None, tau2: float
) -> pd.DataFrame:
    """Give organisations the levels that every pair of counts supports which is shown as theirs is.

    Parameters
    ----------
    shown : DataFrame
        ``denominator, numerator`` of at least one organisation, as they are shown.
    targets : sequence of float
        The national proportion; several where it is known within limits only.
    params : Params
    polarity : {"higher", "lower", "neutral"}
        Which side is better.
    everyone : int or None
        People behind the target, those of the organisations among them.
    tau2 : float
        As for :func:`naome.measures.variation.score_counts`.

    Returns
    -------
    DataFrame
        As :func:`naome.measures.variation.give_domains`, in the rows of `shown`.
    """
    x, n = shown["numerator"].to_numpy(dtype=int), shown["denominator"].to_numpy(dtype=int)
    events, people, possible = list_pairs(x, n, POLICIES[params.disclosure.policy])
    if everyone is not None:
        possible &= people <= everyone
    pairs = [score_counts(events[possible], people[possible], t, everyone=everyone, tau2=tau2) for t in targets]
    ends = pd.concat(pairs).groupby(np.tile(np.nonzero(possible)[0], len(pairs))).agg(["min", "max"])
    least = {
        name: _least_extreme(ends[name, "min"].to_numpy(), ends[name, "max"].to_numpy()) for name in ("z", "z_spread")
    }
    return give_domains(pd.DataFrame(least, index=shown.index), params, polarity)
