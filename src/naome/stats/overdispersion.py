"""Overdispersion between providers: its size, multiplicative and additive (variance of random effects)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, special

from naome.stats.inputs import check_same_rows, read_numbers

__all__ = ["Overdispersion", "null_mean_square", "overdispersion", "simulate_spread"]

Estimator = Literal["winsorised", "paule_mandel"]


@dataclass(frozen=True)
class Overdispersion:
    """The result of :func:`overdispersion`.

    Attributes
    ----------
    phi : float
        Mean square of the winsorised z scores; with chance alone :func:`null_mean_square`, 0.68 at 10%.
    tau2 : float
        Between-provider variance on the scale of y, >= 0.
    """

    phi: float
    tau2: float


def overdispersion(
    y, std_error, target: float, winsorise: float = 0.1, estimator: Estimator = "winsorised"
) -> Overdispersion:
    """Estimate overdispersion between providers.

    Parameters
    ----------
    y : array of float, shape (J,)
        Provider values on a variance-stabilised scale (arcsine square root, logit, log ratio, or z with std_error 1).
    std_error : array of float, shape (J,)
        Standard errors under the target, > 0.
    target : float
        The value under the null, on the same scale.
    winsorise : float
        Share of each tail of the z scores pulled in to its quantile, 0 <= share < 0.5; 0 switches it off.
    estimator : {"winsorised", "paule_mandel"}
        Of tau2: from the winsorised phi, which is too small; or the value at which the sum of (y - target)^2 / (se^2 +
        tau2) is J, which is consistent and does not use `winsorise`.

    Returns
    -------
    Overdispersion

    Raises
    ------
    ValueError
        Naming the position and value of a missing y or a standard error that is not positive; or if J < 2.

    Notes
    -----
    Spiegelhalter (2005) Stat Med 24:1185 s.4 and QSHC 14:347. Quantiles are of type 7. tau2 = max(0, (J phi - (J - 1))
    / (sum w - sum w^2 / sum w)), w = 1/se^2 (DerSimonian-Laird form). No correction is made for the variance that
    winsorising takes away (:func:`null_mean_square`), so tau2 is too small, and 0 where chance alone is at work:
    :func:`simulate_spread` gives the size of this. Paule & Mandel (1982) J Res Natl Bur Stand 87:377; DerSimonian &
    Kacker (2007) Contemp Clin Trials 28:105. With fewer than about 20 providers any is unstable. Adjusting hides real
    differences between providers: show both, decide beforehand.

    Examples
    --------
    >>> round(overdispersion([0.3, -0.2, 0.1, -0.4], [0.1] * 4, 0.0, winsorise=0.0).phi, 3)
    7.5
    """
    check_same_rows(y=y, std_error=std_error)
    y, std_error = read_numbers(y, "y"), read_numbers(std_error, "std_error")
    if std_error.ndim and std_error.shape != y.shape:
        raise ValueError(
            f"std_error has shape {std_error.shape} but y has {y.shape}; they must agree (or be one number)"
        )
    std_error = np.broadcast_to(std_error, y.shape)
    if not np.isfinite(target):
        raise ValueError(f"target is {target!r}; it must be a number on the scale of y")
    _check_inputs(y, std_error, winsorise)
    n = len(y)
    z = (y - target) / std_error
    phi = float(np.mean(np.clip(z, *np.quantile(z, [winsorise, 1 - winsorise])) ** 2))
    if estimator == "paule_mandel":
        return Overdispersion(phi, _paule_mandel(y - target, std_error))
    weight = 1 / std_error**2
    tau2 = max(0.0, (n * phi - (n - 1)) / (weight.sum() - (weight**2).sum() / weight.sum()))
    return Overdispersion(phi, float(tau2))


def null_mean_square(winsorise: float = 0.1) -> float:
    """Compute the expected mean square of winsorised z scores when chance alone is at work.

    Parameters
    ----------
    winsorise : float
        Share of each tail, 0 <= share < 0.5.

    Returns
    -------
    float
        Of very many standard normal scores, each pulled in to the quantiles of `winsorise`: 1 without winsorising.

    Examples
    --------
    >>> round(null_mean_square(0.1), 4), null_mean_square(0.0)
    (0.6787, 1.0)
    """
    if winsorise == 0:
        return 1.0
    cut = -special.ndtri(winsorise)
    density = np.exp(-(cut**2) / 2) / np.sqrt(2 * np.pi)
    return float((1 - 2 * winsorise) - 2 * cut * density + 2 * winsorise * cut**2)


def simulate_spread(std_error, tau: float, *, sets: int = 200, seed: int = 1) -> dict[str, float]:
    """Simulate what each estimator makes of a known spread between providers.

    Parameters
    ----------
    std_error : array of float, shape (J,)
        Standard errors of the providers under the target.
    tau : float
        True standard deviation between providers, on the same scale, >= 0.
    sets, seed : int
        Simulated sets of normal values, and the seed.

    Returns
    -------
    dict of str to float
        Estimator -> root of its mean tau2.

    Examples
    --------
    >>> {name: round(value, 2) for name, value in simulate_spread([0.1] * 100, 0.1).items()}
    {'winsorised': 0.06, 'paule_mandel': 0.1}
    """
    std_error, rng = read_numbers(std_error, "std_error"), np.random.default_rng(seed)
    found: dict[str, list[float]] = {"winsorised": [], "paule_mandel": []}
    for _ in range(sets):
        y = rng.normal(0.0, np.sqrt(std_error**2 + tau**2))
        found["winsorised"].append(overdispersion(y, std_error, 0.0).tau2)
        found["paule_mandel"].append(_paule_mandel(y, std_error))
    return {name: float(np.sqrt(np.mean(values))) for name, values in found.items()}


def _paule_mandel(difference: np.ndarray, std_error: np.ndarray) -> float:
    """Return the variance between providers at which the weighted sum of squares is the number of providers."""

    def excess(tau2: float) -> float:
        return float((difference**2 / (std_error**2 + tau2)).sum()) - len(difference)

    # beyond the sum of squares every term is below 1 / J of it, so the root lies between
    high = float((difference**2).sum())
    return 0.0 if excess(0.0) <= 0 else float(optimize.brentq(excess, 0.0, high, xtol=1e-14))


def _check_inputs(y: np.ndarray, std_error: np.ndarray, winsorise: float) -> None:
    if y.ndim != 1 or len(y) < 2:
        raise ValueError(f"y has shape {y.shape}; overdispersion needs at least two providers")
    if not np.isfinite(y).all():
        at = int(np.flatnonzero(~np.isfinite(y))[0])
        raise ValueError(f"y[{at}] is {y[at]}; omit providers without a value")
    wrong = ~(np.isfinite(std_error) & (std_error > 0))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"std_error[{at}] is {std_error[at]:g}; it must be a number > 0")
    if not 0 <= winsorise < 0.5:
        raise ValueError(f"winsorise is {winsorise!r}; it is the share of each tail, 0 <= share < 0.5")
