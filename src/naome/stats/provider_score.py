"""How far the patients of a provider are from what is expected of them, in standard errors of that difference.

Three things are wrong with one standard deviation for all providers, each with a normal tail:

* *Variance.* The outcome of a patient whose expected survival is S varies by S(1 - S). A provider whose patients have a
  good prognosis at five years varies more than one whose patients have a poor prognosis. Each provider has the sum of
  its own patients.
* *Own share.* A provider's patients are among those from whom the expectation was estimated, and pull it towards
  themselves. What they explain of it is subtracted from the variance; with seven providers that is a seventh.
* *Skewness.* A sum of few rare events has a long upper tail. Its tail probability is that of a gamma distribution with
  the same mean, variance and skewness.

:func:`naome.stats.simulation.simulate` shows the variance of z and both tails by class of case mix and size.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from naome.stats.funnel import SMALLEST_TAIL, midp_tail

__all__ = ["explained_variance", "gamma_tails", "own_share", "score_providers", "third_moment"]

#: Of a provider's variance, less than this left by the model is rounding, not a basis for a comparison
NOTHING_LEFT = 1e-9
#: Of the largest weight of a patient (the root of a variance), no more than this is none
NO_WEIGHT = 1e-8
#: Skewness so close to zero that the gamma distribution is the normal one to more digits than anyone reads
SYMMETRIC = 1e-4


def score_providers(residual, survival, design, codes) -> pd.DataFrame:
    """Score providers by the sum of their patients' residuals from a model fitted to everybody.

    Parameters
    ----------
    residual : array of float, shape (n,)
        Observed less expected: pseudo-observation of survival at t, or 1 and 0 for alive and dead, minus S(t | x).
    survival : array of float, shape (n,)
        Expected S(t | x), 0 to 1.
    design : array of float, shape (n, p)
        Covariates of the model, without an intercept.
    codes : array of int, shape (n,)
        Provider of each patient, 0 to k - 1.

    Returns
    -------
    pandas.DataFrame
        One row per provider: ``z`` (normal score, positive when more die than expected), ``tail_probability`` (of the
        side on which the provider lies), ``std_error`` (of the mean residual, if the provider is as the model says),
        ``skewness`` (of deaths less expected deaths) and ``own_share`` (of its variance that it contributes to its own
        expectation). NaN where the model leaves a provider no variance: where a
        covariate names the provider, or everybody has an expectation of 0 or 1.

    Notes
    -----
    Residuals are centred: they add up to zero over all providers. The variance of the sum of a provider is
    k (V - L): V is the sum of S(1 - S) over its patients, L what it contributes to its own expectation
    (:func:`explained_variance`), and k the variance of the residuals relative to S(1 - S), one number for all, above 1
    where follow-up is censored before t or the model fits other times than t. With complete follow-up and a logistic
    model, z squared times k is the score test of a term for the provider. Skewness: :func:`third_moment`.

    One k is not right for everybody where many are censored before t. Of 100 providers all alike, followed for two to
    seven years each patient, 1.6 of 1,000 were on alarm for many deaths at five years and 2.7 of the fifth with the
    poorest prognosis (500 replicates); with everybody followed to t it was 0.8 and 1.0 (300; nominal 1).

    Examples
    --------
    >>> dead = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0])
    >>> table = score_providers(0.6 - dead, np.full(10, 0.6), np.zeros((10, 0)), np.repeat([0, 1], 5))
    >>> table["z"].round(2).tolist()
    [2.45, -2.45]
    """
    residual, survival = np.asarray(residual, dtype=float), np.asarray(survival, dtype=float)
    codes = np.asarray(codes)
    k = int(codes.max()) + 1
    residual = residual - residual.mean()
    variance = survival * (1 - survival)
    basis, sums = _explain(variance, np.asarray(design, dtype=float), codes)
    own, left = _sum_explained(variance, basis, sums)
    total = np.bincount(codes, variance, k)
    share = own_share(own, total)
    rest = np.where(np.isnan(share), np.nan, total - own)
    # a model with as many terms as people leaves no variance; what is computed of it is rounding
    inflation = (residual**2).sum() / left if left > NOTHING_LEFT * total.sum() else np.nan
    error = np.sqrt(inflation * rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = _sum_cubes(survival, basis, sums, codes) / rest**1.5
    z, tail = midp_tail(*gamma_tails(-np.bincount(codes, residual, k) / error, skewness))
    return pd.DataFrame(
        {
            "z": z,
            "tail_probability": tail,
            "std_error": error / np.bincount(codes, minlength=k),
            "skewness": skewness,
            "own_share": share,
        }
    )


def explained_variance(variance, design, codes) -> tuple[np.ndarray, float]:
    """Compute how much of the variance of each provider's sum goes into the expectation it is compared with.

    Parameters
    ----------
    variance : array of float, shape (n,)
        Variance of each patient's outcome, p(1 - p).
    design : array of float, shape (n, p)
        Covariates of the model, without an intercept.
    codes : array of int, shape (n,)
        Provider of each patient, 0 to k - 1.

    Returns
    -------
    numpy.ndarray, shape (k,)
        To be subtracted from the sum of `variance` over the provider's patients: w' (X' W X)^-1 w with X the covariates
        and an intercept, W the variances and w the sum of variance times x over the provider. Without covariates and
        with equal variances: the share of the provider in all patients.
    float
        Variance that is left to the residuals of everybody together.

    Notes
    -----
    Rao's score test (1948) of a further term in a generalised linear model; Pregibon (1982) in GLIM 82.

    Examples
    --------
    >>> own, left = explained_variance(np.full(10, 0.25), np.zeros((10, 0)), np.repeat([0, 1], [4, 6]))
    >>> own.round(3).tolist(), round(left, 3)
    ([0.4, 0.9], 2.25)
    """
    variance, codes = np.asarray(variance, dtype=float), np.asarray(codes)
    return _sum_explained(variance, *_explain(variance, np.asarray(design, dtype=float), codes))


def third_moment(survival, design, codes) -> np.ndarray:
    """Compute the third central moment of each provider's deaths less those expected by a model fitted to everybody.

    Parameters
    ----------
    survival : array of float, shape (n,)
        Expected S(t | x), 0 to 1.
    design : array of float, shape (n, p)
        Covariates of the model, without an intercept.
    codes : array of int, shape (n,)
        Provider of each patient, 0 to k - 1.

    Returns
    -------
    numpy.ndarray, shape (k,)

    Notes
    -----
    The model takes from the sum of provider j what its covariates explain, so patient i enters it with
    a = 1(i in j) - x' (X' W X)^-1 w, in the terms of :func:`explained_variance`, and the moment is the sum of
    a^3 S (1 - S) (2 S - 1) over everybody. The sum of a^2 S (1 - S) is the variance that is left, V - L. Where one
    provider has most of the patients with a characteristic, a is near 0 for them, and they tell nothing.

    Examples
    --------
    >>> survival, codes = np.full(10, 0.6), np.repeat([0, 1], [4, 6])
    >>> third_moment(survival, np.zeros((10, 0)), codes).round(4).tolist()
    [0.023, -0.023]
    """
    survival, codes = np.asarray(survival, dtype=float), np.asarray(codes)
    return _sum_cubes(survival, *_explain(survival * (1 - survival), np.asarray(design, dtype=float), codes), codes)


def _sum_explained(variance: np.ndarray, basis: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, float]:
    """Return what each provider explains of its own variance, and the variance left to everybody's residuals."""
    return (sums**2).sum(axis=1), float((variance * (1 - (basis**2).sum(axis=1))).sum())


def _sum_cubes(survival: np.ndarray, basis: np.ndarray, sums: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the third central moment of each provider's deaths less those that the model expects."""
    variance = survival * (1 - survival)
    weight = np.sqrt(variance)[:, None]
    # a patient of whom the model is certain adds nothing, and what is divided by such a weight is rounding
    certain = weight <= NO_WEIGHT * weight.max(initial=0.0)
    explained = np.divide(basis, weight, out=np.zeros_like(basis), where=~certain) @ sums.T
    each = variance * (2 * survival - 1)
    own = explained[np.arange(len(codes)), codes]
    # (1 - u)^3 for its own patients and -u^3 for the others, with u what is explained
    return np.bincount(codes, each * (1 - 3 * own + 3 * own**2), sums.shape[0]) - each @ explained**3


def _explain(variance: np.ndarray, design: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a basis of the weighted covariates, (n, p + 1), and the sums of each provider over it, (k, p + 1)."""
    weight = np.sqrt(variance)[:, None]
    # columns of very different size (a calendar year) lose digits
    scale = np.where(design.std(axis=0) > 0, design.std(axis=0), 1.0)
    x = np.column_stack([np.ones(len(variance)), (design - design.mean(axis=0)) / scale])
    basis, _ = np.linalg.qr(weight * x)
    return basis, np.column_stack([np.bincount(codes, each) for each in (weight * basis).T])


def own_share(own, total) -> np.ndarray:
    """Return which share of its variance a provider contributes to its own expectation; NaN where that is all of it.

    Parameters
    ----------
    own, total : array of float, shape (k,)
        From :func:`explained_variance`, and the sum of the variances of the provider's patients.

    Returns
    -------
    numpy.ndarray, shape (k,)

    Examples
    --------
    >>> own_share(np.array([0.5, 2.0]), np.array([1.0, 2.0])).tolist()
    [0.5, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = own / total
    return np.where(1 - share > NOTHING_LEFT, share, np.nan)


def gamma_tails(z, skewness) -> tuple[np.ndarray, np.ndarray]:
    """Compute both tail probabilities of standardised sums with their own skewness.

    Parameters
    ----------
    z : array of float
        Differences in standard errors.
    skewness : array of float
        Third standardised moment; negative where survivors are the few.

    Returns
    -------
    tuple of numpy.ndarray
        Probabilities below and above z of a gamma distribution shifted and scaled to mean 0 and variance 1 (Pearson's
        type III), mirrored where the skewness is negative. At zero skewness, the normal distribution.

    Examples
    --------
    >>> [each.round(4).tolist() for each in gamma_tails([3.0, 3.0], [0.0, 0.5])]
    [[0.9987, 0.9946], [0.0013, 0.0054]]
    """
    z, skewness = np.asarray(z, dtype=float), np.asarray(skewness, dtype=float)
    size = np.maximum(np.abs(skewness), SYMMETRIC)
    shape = 4 / size**2
    value = np.maximum(shape + np.where(skewness < 0, -z, z) * np.sqrt(shape), 0.0)
    below, above = special.gammainc(shape, value), special.gammaincc(shape, value)
    below, above = np.where(skewness < 0, above, below), np.where(skewness < 0, below, above)
    plain = np.abs(skewness) < SYMMETRIC
    # never 0: a provider where everybody died has a finite score
    below = np.maximum(np.where(plain, special.ndtr(z), below), SMALLEST_TAIL)
    above = np.maximum(np.where(plain, special.ndtr(-z), above), SMALLEST_TAIL)
    missing = np.isnan(z) | np.isnan(skewness)
    return np.where(missing, np.nan, below), np.where(missing, np.nan, above)
