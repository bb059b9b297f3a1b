"""How often chance alone, or a true difference, gives the levels of organisations that are published.

A published level is the least extreme of all counts that round to those shown, and organisations with small counts have
none (:mod:`naome.release.rounded_levels`). So published alerts and alarms are rarer than the limits say, and how rare
follows from the sizes of the organisations.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import binom, hypergeom

from naome.core.params import Params
from naome.measures.casemix.outliers import detection_power, expected_false_alarms
from naome.release.counts import is_small
from naome.release.policy import POLICIES, Policy, round_counts
from naome.release.rounded_levels import place_counts, soften

#: Counts so many standard deviations from the expected one, and less probable ones, are left out
FURTHEST, LEAST_PROBABLE = 6.0, 1e-6
#: Share of the nation's people up to which an organisation is scored with binomial counts, which takes less time
LARGE_PART = 0.02


def expect_levels(table: pd.DataFrame, params: Params) -> tuple[float, float]:
    """Return how many published alerts and alarms chance alone gives among the assessed organisations.

    Parameters
    ----------
    table : DataFrame
        Organisations with the levels that may be shown (:func:`naome.release.outlier_levels.settle_levels`): ``n,
        expected, level``, and ``std_error`` of the mean difference if there is one.
    params : Params

    Returns
    -------
    float, float
        Numbers of organisations beyond the alert limits and beyond the alarm limits, on both sides, given that their
        results are shown.

    Notes
    -----
    Events are normal about the expected number, with the standard error of the comparison, and binomial where there is
    none. What is suppressed because of other counts (secondary suppression) is left out of account.
    """
    policy = POLICIES[params.disclosure.policy]
    assessed = table[table["level"] != "not_assessed"]
    if policy.name == "none" or assessed.empty:
        return expected_false_alarms(table, params)
    counts = _score_counts(assessed, 0.0, params, policy)
    shown = counts[counts["shown"]]
    chance = shown["chance"].groupby(shown["row"]).sum()
    alerts, alarms = (
        float((shown["chance"].where(shown["z"].abs() > limit, 0.0).groupby(shown["row"]).sum() / chance).sum())
        for limit in _limits(params)
    )
    return alerts, alarms


def find_published_power(table: pd.DataFrame, difference: float, params: Params) -> pd.DataFrame:
    """Compute how likely it is that an organisation whose survival truly differs is published with an alert or alarm.

    Parameters
    ----------
    table, params
        As for :func:`expect_levels`, with ``unit``.
    difference : float
        As for :func:`naome.measures.casemix.outliers.detection_power`: deaths more than expected, as a proportion.

    Returns
    -------
    DataFrame
        ``unit, n, alert, alarm``, of those assessed: probabilities that the result is shown with such a level on the
        right side.
    """
    policy = POLICIES[params.disclosure.policy]
    assessed = table[table["level"] != "not_assessed"].reset_index(drop=True)
    if policy.name == "none" or assessed.empty:
        return detection_power(table, difference, params)
    moved = difference * (1 - assessed["n"] / table["n"].sum())
    counts = _score_counts(assessed, moved.to_numpy(dtype=float), params, policy)
    shown = counts["chance"].where(counts["shown"], 0.0)
    power = {
        name: shown.where(counts["z"] > limit, 0.0).groupby(counts["row"]).sum().to_numpy()
        for name, limit in zip(("alert", "alarm"), _limits(params), strict=True)
    }
    return assessed[["unit", "n"]].assign(**power)


def expect_placed(target: float, sizes: np.ndarray, params: Params, everyone: int) -> tuple[float, float]:
    """Return how many published alerts and alarms chance alone gives organisations that are not adjusted for case mix.

    Parameters
    ----------
    target : float
        The national proportion.
    sizes : array of int, shape (k,)
        People of each organisation whose result is shown, as they are shown.
    params : Params
    everyone : int
        People behind the target, those of the organisations among them.

    Returns
    -------
    float, float
        Numbers of organisations beyond the alert limits and beyond the alarm limits, on both sides, given that their
        results are shown: with hypergeometric counts of the nation's events.
    """
    policy = POLICIES[params.disclosure.policy]
    of_size = pd.Series(np.minimum(sizes, everyone)).value_counts().sort_index()
    pieces = []
    for n in of_size.index:
        x = np.arange(n + 1)
        chance = hypergeom.pmf(x, everyone, round(target * everyone), n)
        pieces.append(pd.DataFrame({"row": n, "n": n, "observed": x, "chance": chance})[chance > LEAST_PROBABLE])
    counts = pd.concat(pieces, ignore_index=True)
    shown = counts[_are_shown(counts, policy)]
    rounded = pd.DataFrame(
        {"denominator": round_counts(shown["n"], policy), "numerator": round_counts(shown["observed"], policy)}
    ).astype(int)
    pairs = rounded.drop_duplicates().reset_index(drop=True)
    large = of_size.index.max() > LARGE_PART * everyone
    placed = place_counts(pairs, [target], params, "neutral", everyone=everyone if large else None, tau2=0.0)
    level = rounded.merge(pairs.assign(level=placed["level_plain"].to_numpy()), how="left")["level"].to_numpy()
    chance = shown["chance"].groupby(shown["row"]).sum()
    alerts, alarms = (
        float((shown["chance"].where(np.isin(level, levels), 0.0).groupby(shown["row"]).sum() / chance * of_size).sum())
        for levels in (("alert", "alarm"), ("alarm",))
    )
    return alerts, alarms


def _limits(params: Params) -> tuple[float, float]:
    alert, alarm = -ndtri([params.outliers.alert_tail, params.outliers.alarm_tail])
    return float(alert), float(alarm)


def _score_counts(table: pd.DataFrame, moved: np.ndarray | float, params: Params, policy: Policy) -> pd.DataFrame:
    """Return every count of events that an organisation may have: its chance, its published z, whether it is shown.

    Returns
    -------
    DataFrame
        ``row`` (position of the organisation), ``n, observed, expected, std_error, chance, z, shown``.
    """
    n = table["n"].to_numpy(dtype=int)
    share = np.clip(table["expected"].to_numpy(dtype=float) / np.maximum(n, 1), 0.0, 1.0)
    simple = np.sqrt(share * (1 - share) / np.maximum(n, 1))
    given = table["std_error"].to_numpy(dtype=float) if "std_error" in table else np.full(len(table), np.nan)
    error = np.where(np.isnan(given), simple, given)
    spread = np.zeros(len(table))
    if params.outliers.overdispersion != "none" and "tau2" in table:
        spread = table["tau2"].fillna(0.0).to_numpy(dtype=float)
    # as levels are given (naome.measures.casemix.outliers): in the scale of the error, or of z where there is none
    wider = np.sqrt(error**2 + np.where(np.isnan(given), spread * error**2, spread))
    pieces = []
    for row, (people, centre) in enumerate(zip(n, share + moved, strict=True)):
        sd = people * wider[row]
        low, high = (int(np.clip(people * centre + k * FURTHEST * sd, 0, people)) for k in (-1, 1))
        x = np.arange(low, high + 1)
        if np.isnan(given[row]) and not spread[row]:
            chance = binom.pmf(x, people, np.clip(centre, 0.0, 1.0))
            z = -ndtri(binom.sf(x, people, share[row]) + binom.pmf(x, people, share[row]) / 2)
        else:
            ends = (np.append(x, high + 1) - 0.5 - people * centre) / sd
            ends[0], ends[-1] = -np.inf, np.inf
            chance = np.diff(ndtr(ends))
            z = (x - people * share[row]) / (people * error[row])
        narrow = error[row] / wider[row] if wider[row] > 0 else 1.0
        pieces.append(
            pd.DataFrame({"row": row, "n": people, "observed": x, "chance": chance, "z": z, "narrow": narrow}).assign(
                expected=people * share[row], std_error=error[row]
            )
        )
    counts = pd.concat(pieces, ignore_index=True)
    return counts.assign(z=soften(counts, counts["z"], policy) * counts["narrow"], shown=_are_shown(counts, policy))


def _are_shown(counts: pd.DataFrame, policy: Policy) -> pd.Series:
    """Return whether a policy shows ``observed`` of ``n``: neither they nor the others are few."""
    few = [is_small(each, policy) for each in (counts["n"], counts["observed"], counts["n"] - counts["observed"])]
    return ~(few[0] | few[1] | few[2])
