"""Concordance of a risk score with survival: Harrell's C, Uno's C up to a time, and their standard errors.

Both are the share of comparable pairs of people in which the one with the higher risk dies first; a pair is comparable
when one of the two is seen to die first. Uno's C weights each pair by the inverse of the squared probability of not
being censored before that death, so that it does not depend on how long people happened to be followed.

Pairs are counted for each person, by merging, in O(n log^2 n) without a loop over people: the standard error needs the
part of each person in the sums.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.stats.cox import fit_cox
from naome.stats.inputs import check_same_rows, check_survival, check_times, normal_quantile, read_numbers

__all__ = ["concordance", "uno_concordance"]

# A standard error below this is 0 but for rounding
ROUNDING = 1e-12


def concordance(
    duration, event, risk, *, covariates=None, bootstrap: int = 0, seed: int | None = None, conf_level: float = 0.95
) -> pd.DataFrame:
    """Compute Harrell's concordance, optionally corrected for optimism by the bootstrap.

    Parameters
    ----------
    duration, event : array, shape (n,)
        Follow-up and 1/0.
    risk : array, shape (n,)
        Higher means expected to die sooner (a linear predictor).
    covariates : array or DataFrame, shape (n, p), optional
        Design matrix of the Cox model `risk` came from; needed for the bootstrap.
    bootstrap : int
        Number of bootstrap refits, 0 for none; 100 to 200 is usual.
    seed : int, optional
        Needed when bootstrap > 0.
    conf_level : float
        Coverage of the normal limits.

    Returns
    -------
    pandas.DataFrame
        One row: ``concordance, std_error, lower, upper, concordant, discordant, tied_risk, optimism, corrected`` (the
        last two NaN without bootstrap). Pairs: one person dies first, the other is still under observation (a censoring
        at the same time counts as later). Two deaths at one time are not compared; tied risks count one half. The
        standard error and limits are NaN where all pairs agree (all concordant, or all tied): their share then does
        not vary between people, and an error of 0 would claim certainty, from two people too.

    Raises
    ------
    ValueError
        If no pair can be compared, or the bootstrap lacks covariates or a seed.

    Notes
    -----
    Harrell et al. (1996) Stat Med 15:361. Standard error: the infinitesimal jackknife, as R's ``concordance``; the risk
    score is taken as given, so that the standard error does not include the estimation of its coefficients.

    Examples
    --------
    >>> concordance([1, 2, 3], [1, 1, 1], [3.0, 2.0, 1.0])["concordance"].tolist()
    [1.0]
    """
    duration, event, risk = _check(duration, event, risk)
    pairs = _Pairs(duration, event, risk, np.ones(len(risk)))
    apparent, std_error = pairs.share()
    optimism = np.nan
    if bootstrap:
        if covariates is None or seed is None:
            raise ValueError("the bootstrap refits the model: give covariates and a seed")
        optimism = _bootstrap_optimism(duration, event, np.asarray(covariates, dtype=float), bootstrap, seed)
    concordant, tied, comparable = (round(total) for total in pairs.totals)
    z = normal_quantile(conf_level)
    return pd.DataFrame(
        {
            "concordance": [apparent],
            "std_error": std_error,
            "lower": max(apparent - z * std_error, 0.0),
            "upper": min(apparent + z * std_error, 1.0),
            "concordant": concordant,
            "discordant": comparable - concordant - tied,
            "tied_risk": tied,
            "optimism": optimism,
            "corrected": apparent - optimism,
        }
    )


def uno_concordance(duration, event, risk, *, at, conf_level: float = 0.95) -> pd.DataFrame:
    """Compute Uno's concordance for deaths up to fixed times.

    Parameters
    ----------
    duration, event, risk
        As in :func:`concordance`.
    at : float or list of float
        Times t: pairs whose first death is at t or before count.
    conf_level : float
        Coverage of the normal limits.

    Returns
    -------
    pandas.DataFrame
        One row per time, ``time, concordance, std_error, lower, upper``; the last three NaN where all pairs agree, as
        in :func:`concordance`.

    Raises
    ------
    ValueError
        If no pair can be compared up to a time.

    Notes
    -----
    Uno et al. (2011) Stat Med 30:1105. The probability G of not being censored is the Kaplan-Meier estimate for
    censoring, just before each death; at one time deaths come before censorings. The standard error takes G and the
    risk score as given, as R's ``concordance(timewt = "n/G2", ymax = t)`` does. G at a late time is uncertain: choose t
    where many are still followed.

    Examples
    --------
    >>> uno_concordance([1, 2, 3, 4], [1, 0, 1, 1], [4.0, 2.0, 1.0, 3.0], at=[1, 3])["concordance"].round(4).tolist()
    [1.0, 0.5714]
    """
    duration, event, risk = _check(duration, event, risk)
    weight = 1 / _share_uncensored(duration, event) ** 2
    z = normal_quantile(conf_level)
    rows = []
    for time in check_times(at):
        apparent, std_error = _Pairs(duration, event, risk, np.where(duration <= time, weight, 0.0)).share()
        limits = (max(apparent - z * std_error, 0.0), min(apparent + z * std_error, 1.0))
        rows.append((time, apparent, std_error, *limits))
    return pd.DataFrame(rows, columns=["time", "concordance", "std_error", "lower", "upper"])


class _Pairs:
    """Weighted sums over the comparable pairs of each person, by either of its two people.

    Attributes
    ----------
    concordant, tied, comparable : numpy.ndarray, shape (n,)
        In internal order. A pair has the weight of its first death and is in the sums of both of its people.
    """

    def __init__(self, duration, event, risk, weight) -> None:
        # at one time: deaths first (censorings are later), deaths by risk, so that their own pairs are easy to take out
        order = np.lexsort((risk, ~event, duration))
        rank = np.unique(risk, return_inverse=True)[1][order]
        dead, time, weight = event[order], duration[order], np.where(event, weight, 0.0)[order]
        n, width = len(rank), int(rank.max()) + 1
        self.concordant, self.tied, self.comparable = np.zeros(n), np.zeros(n), np.zeros(n)
        position = np.arange(n)
        for level in range(max(n - 1, 1).bit_length()):  # merge levels: pairs whose positions part at this bit
            block, late = position >> (level + 1), (position >> level) & 1 == 1
            self._add_pairs(np.flatnonzero(~late & dead), np.flatnonzero(late), block * width, rank, width, weight)
        self._take_out_simultaneous(dead, time, rank, width, weight)

    def _add_pairs(self, early, late, low, rank, width, weight) -> None:
        """Add the pairs of a death in the early half of each block and a person in its late half."""
        early = early[np.argsort(low[early] + rank[early], kind="stable")]
        late = late[np.argsort(low[late] + rank[late], kind="stable")]
        early_key, late_key, own = low[early] + rank[early], low[late] + rank[late], weight[early]
        # for each death: late people of its block with a lower rank, up to its rank, and all
        first, below = np.searchsorted(late_key, low[early]), np.searchsorted(late_key, early_key)
        upto, last = np.searchsorted(late_key, early_key, side="right"), np.searchsorted(late_key, low[early] + width)
        self.concordant[early] += own * (below - first)
        self.tied[early] += own * (upto - below)
        self.comparable[early] += own * (last - first)
        # for each late person: the weights of early deaths of its block with a higher rank, from its rank, and all
        total = np.r_[0.0, np.cumsum(own)]
        first, from_here = np.searchsorted(early_key, low[late]), np.searchsorted(early_key, late_key)
        above = np.searchsorted(early_key, late_key, side="right")
        last = np.searchsorted(early_key, low[late] + width)
        self.concordant[late] += total[last] - total[above]
        self.tied[late] += total[above] - total[from_here]
        self.comparable[late] += total[last] - total[first]

    def _take_out_simultaneous(self, dead, time, rank, width, weight) -> None:
        """Two deaths at the same time are not comparable; sorted by risk they were counted as tied or discordant."""
        code = np.unique(time[dead], return_inverse=True)[1]
        same_time = np.bincount(code)[code]
        _, same, count = np.unique(code * width + rank[dead], return_inverse=True, return_counts=True)
        self.comparable[dead] -= weight[dead] * (same_time - 1)
        self.tied[dead] -= weight[dead] * (count[same] - 1)

    @property
    def totals(self) -> tuple[float, float, float]:
        """Concordant, tied and comparable pairs; each is in the sums of two people."""
        return self.concordant.sum() / 2, self.tied.sum() / 2, self.comparable.sum() / 2

    def share(self) -> tuple[float, float]:
        """Return the concordance and its standard error, NaN where no person's pairs differ from the others'."""
        concordant, tied, comparable = self.totals
        if not comparable > 0:
            raise ValueError("no pair of people can be compared: no one dies before another person's last follow-up")
        share = (concordant + tied / 2) / comparable
        influence = (self.concordant + self.tied / 2 - share * self.comparable) / comparable
        std_error = float(np.sqrt((influence**2).sum()))
        return float(share), std_error if std_error > ROUNDING else np.nan


def _share_uncensored(duration: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Return the Kaplan-Meier probability of not being censored before each person's own time."""
    code = np.unique(duration, return_inverse=True)[1]
    leaving = np.bincount(code)
    censored = np.bincount(code, ~event)
    at_risk = len(duration) - np.r_[0, np.cumsum(leaving)[:-1]]
    staying = at_risk - (leaving - censored)  # deaths at a time come before its censorings
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.where(censored > 0, 1 - censored / staying, 1.0)
    return np.r_[1.0, np.cumprod(steps)[:-1]][code]


def _check(duration, event, risk) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    check_same_rows(duration=duration, event=event, risk=risk)
    duration, event, _ = check_survival(duration, event)
    risk = read_numbers(risk, "risk")
    if risk.shape != duration.shape or not np.isfinite(risk).all():
        raise ValueError(f"risk must hold a finite number for each of the {len(duration)} people")
    return duration, event, risk


def _bootstrap_optimism(duration, event, covariates, bootstrap: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    covariates = covariates[:, None] if covariates.ndim == 1 else covariates
    optimism = np.empty(bootstrap)
    for b in range(bootstrap):
        chosen = rng.integers(0, len(duration), len(duration))
        # a resample may have nobody of a rare level; the model refitted to it then lacks that term
        varies = np.ptp(covariates[chosen], axis=0) > 0
        fit = fit_cox(covariates[chosen][:, varies], duration[chosen], event[chosen])
        risk, ones = covariates[:, varies] @ fit.coef, np.ones(len(duration))
        boot, _ = _Pairs(duration[chosen], event[chosen], risk[chosen], ones).share()
        original, _ = _Pairs(duration, event, risk, ones).share()
        optimism[b] = boot - original
    return float(optimism.mean())
