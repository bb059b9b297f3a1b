"""Variation between providers in a proportion, beyond chance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import optimize, special

from naome.stats.inputs import check_same_rows, normal_quantile, read_numbers
from naome.stats.intervals import wilson

__all__ = ["provider_variation"]

NODES = 25
NODE, WEIGHT = np.polynomial.hermite.hermgauss(NODES)
#: Standard deviation at which the search ends; a likelihood that still rises there has no maximum
LARGEST_SD, AT_THE_END = 10.0, 1e-3


def provider_variation(x, n, *, conf_level: float = 0.95) -> pd.DataFrame:
    """Estimate the between-provider variance on the logit scale and the median odds ratio.

    Parameters
    ----------
    x, n : array of int, shape (J,)
        Events and people per provider, 0 <= x <= n; providers with n = 0 are left out.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    pandas.DataFrame
        One row: ``n_providers, proportion`` (of the median provider), ``variance, variance_lower, variance_upper``
        (logit scale), ``median_odds_ratio, mor_lower, mor_upper``, ``share_beyond_chance`` (variance / (variance +
        typical sampling variance), 0 to 1: the part of the observed variation between providers' logits that chance
        does not explain), ``p_value`` (likelihood-ratio test of variance 0). Where providers have all or nothing the
        likelihood has no maximum: variance, odds ratio and share are then NaN, and the lower limits are given.

    Raises
    ------
    ValueError
        If fewer than two providers have people, nobody or everybody has the event, or x > n.

    Notes
    -----
    Random-intercept logistic model, by maximum likelihood with adaptive Gauss-Hermite quadrature (25 nodes); limits
    from the profile likelihood, which are approximate: with few providers they tend to be too narrow; the test halves
    the chi-squared tail since 0 is at the edge. MOR = exp(sqrt(2 variance) 0.6745): Larsen & Merlo (2005) Am J
    Epidemiol 161:81 - the median, over pairs of providers, of the odds ratio between the one with the higher and the
    one with the lower propensity. Typical sampling variance: Higgins & Thompson (2002), with binomial weights under
    the common proportion.

    Examples
    --------
    >>> provider_variation([10, 20, 30, 12], [50, 50, 50, 50]).round(2).loc[0, "median_odds_ratio"].item() > 1
    True
    """
    normal_quantile(conf_level)  # refuses a level that is not one
    x, n = _read_counts(x, n)

    def fitted(sd: float) -> tuple[float, float]:
        return _profile(x, n, sd)

    none = fitted(0.0)[0]
    found = optimize.minimize_scalar(
        lambda sd: -fitted(sd)[0], bounds=(0.0, LARGEST_SD), method="bounded", options={"xatol": 1e-8}
    )
    sd, best = (float(found.x), -float(found.fun)) if -found.fun > none + 1e-9 else (0.0, none)
    drop = special.chdtri(1, 1 - conf_level) / 2
    low = 0.0 if none > best - drop else optimize.brentq(lambda s: fitted(s)[0] - best + drop, 0.0, sd, xtol=1e-9)
    high = math.nan
    if fitted(LARGEST_SD)[0] < best - drop:
        high = optimize.brentq(lambda s: fitted(s)[0] - best + drop, sd, LARGEST_SD, xtol=1e-9)
    endless = sd > LARGEST_SD - AT_THE_END
    centre = special.expit(fitted(0.0)[1])
    weight = n * centre * (1 - centre)
    sampling = (len(n) - 1) * weight.sum() / (weight.sum() ** 2 - (weight**2).sum())
    ratio = 2 * max(best - none, 0.0)
    return pd.DataFrame(
        {
            "n_providers": [len(n)],
            "proportion": float(special.expit(fitted(sd)[1])),
            "variance": math.nan if endless else sd**2,
            "variance_lower": low**2,
            "variance_upper": high**2,
            "median_odds_ratio": math.nan if endless else _median_odds_ratio(sd),
            "mor_lower": _median_odds_ratio(low),
            "mor_upper": _median_odds_ratio(high),
            "share_beyond_chance": math.nan if endless else sd**2 / (sd**2 + sampling),
            "p_value": special.chdtrc(1, ratio) / 2 if ratio > 0 else 1.0,
        }
    )


def _median_odds_ratio(sd: float) -> float:
    return math.exp(math.sqrt(2) * sd * special.ndtri(0.75))


def _profile(x, n, sd: float) -> tuple[float, float]:
    """Return the log likelihood maximised over the intercept, and that intercept."""
    middle = special.logit(x.sum() / n.sum())
    reach = 2.0 + 3 * sd
    found = optimize.minimize_scalar(
        lambda mean: -_log_likelihood(x, n, np.full(len(x), mean), sd),
        bounds=(middle - reach, middle + reach),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return -float(found.fun), float(found.x)


def _log_likelihood(x, n, eta, sd: float) -> float:
    if sd == 0:
        return float((x * eta - n * np.logaddexp(0.0, eta)).sum())
    mode, width = _posterior_mode(x, n, eta, sd)
    b = mode[:, None] + math.sqrt(2) * width[:, None] * NODE
    inner = eta[:, None] + sd * b
    log_f = x[:, None] * inner - n[:, None] * np.logaddexp(0.0, inner) - b**2 / 2 - 0.5 * math.log(2 * math.pi)
    total = special.logsumexp(log_f + NODE**2 + np.log(WEIGHT), axis=1) + np.log(math.sqrt(2) * width)
    return float(total.sum())


def _posterior_mode(x, n, eta, sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mode and curvature width of each provider's effect; the function is concave, Newton steps are bounded."""
    b = np.zeros(len(x))
    for _ in range(100):
        p = special.expit(eta + sd * b)
        curvature = sd**2 * n * p * (1 - p) + 1
        step = np.clip((sd * (x - n * p) - b) / curvature, -1.0, 1.0)
        b = b + step
        if np.max(np.abs(step)) < 1e-12:
            break
    p = special.expit(eta + sd * b)
    return b, 1 / np.sqrt(sd**2 * n * p * (1 - p) + 1)


def _read_counts(x, n) -> tuple[np.ndarray, np.ndarray]:
    check_same_rows(x=x, n=n)
    table = wilson(read_numbers(x, "x"), read_numbers(n, "n"))  # for its checks of counts
    keep = table["n"].to_numpy() > 0
    x, n = (table[name].to_numpy()[keep].astype(float) for name in ("x", "n"))
    if len(n) < 2:
        raise ValueError(f"{len(n)} provider(s) with people; variation needs at least two")
    if not 0 < x.sum() < n.sum():
        raise ValueError(f"{x.sum():g} events among {n.sum():g} people; there is no variation to speak of")
    return x, n
