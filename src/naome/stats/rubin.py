"""Rubin's rules: one estimate from those of several completed data sets, and how many of these are needed."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from naome.stats.inputs import check_same_rows, normal_quantile, read_numbers

__all__ = ["imputations_needed", "pool", "pool_scores"]


def pool(estimates, variances, df_complete: float = np.inf, *, conf_level: float = 0.95) -> pd.DataFrame:
    """Pool estimates of completed data sets by Rubin's rules.

    Parameters
    ----------
    estimates, variances : array or DataFrame, shape (m,) or (m, k)
        One row per completed data set: estimates on a near-normal scale (log hazard ratio, logit, log(-log S)) and
        their squared standard errors.
    df_complete : float
        Residual degrees of freedom of the complete-data analysis: people minus coefficients for a linear or logistic
        model, deaths minus coefficients for a Cox model. Infinity gives Rubin's large-sample degrees of freedom.
    conf_level : float
        Coverage of the t limits.

    Returns
    -------
    pandas.DataFrame
        One row per estimate: ``term`` (column names of a frame, else 0..k-1), ``estimate, std_error, df, fmi, lambda,
        riv, lower, upper``: Barnard-Rubin degrees of freedom, fraction of missing information, share of the variance
        due to missingness, relative increase in variance.

    Raises
    ------
    ValueError
        If shapes differ, m < 2, or a variance or `df_complete` is not positive.

    Notes
    -----
    Rubin (1987) ch. 3; Barnard & Rubin (1999) Biometrika 86:948; FMI = (riv + 2/(df + 3))/(riv + 1).

    Examples
    --------
    >>> pool([1.0, 1.2, 0.8], [0.04, 0.04, 0.04]).round(3)[["estimate", "std_error"]].values.tolist()
    [[1.0, 0.306]]
    """
    quantile = normal_quantile(conf_level)
    terms = list(estimates.columns) if isinstance(estimates, pd.DataFrame) else None
    check_same_rows(estimates=estimates, variances=variances)
    if terms is not None and isinstance(variances, pd.DataFrame) and list(variances.columns) != terms:
        raise ValueError(f"estimates have the columns {terms} and variances {list(variances.columns)}; they must agree")
    q, u = read_numbers(estimates, "estimates"), read_numbers(variances, "variances")
    if q.shape != u.shape:
        raise ValueError(f"estimates have shape {q.shape} and variances {u.shape}; they must agree")
    q, u = (each[:, None] if each.ndim == 1 else each for each in (q, u))
    m = len(q)
    if m < 2:
        raise ValueError("pooling needs at least two completed data sets; there is 1")
    if not (np.isfinite(q).all() and np.isfinite(u).all() and (u > 0).all()):
        raise ValueError("every estimate must be finite and every variance a number > 0")
    if not df_complete > 0:
        raise ValueError(f"df_complete is {df_complete!r}; it must be a number > 0, or infinity")
    within, between = u.mean(axis=0), q.var(axis=0, ddof=1)
    excess = (1 + 1 / m) * between
    total = within + excess
    share, riv = excess / total, excess / within
    df = _barnard_rubin(share, m, float(df_complete))
    std_error = np.sqrt(total)
    half_width = stats.t.ppf(0.5 + conf_level / 2, df) * std_error
    normal = np.isinf(df)
    half_width[normal] = quantile * std_error[normal]
    estimate = q.mean(axis=0)
    return pd.DataFrame(
        {
            "term": terms if terms is not None else np.arange(q.shape[1]),
            "estimate": estimate,
            "std_error": std_error,
            "df": df,
            "fmi": (riv + 2 / (df + 3)) / (riv + 1),
            "lambda": share,
            "riv": riv,
            "lower": estimate - half_width,
            "upper": estimate + half_width,
        }
    )


def pool_scores(z) -> pd.DataFrame:
    """Pool test statistics of completed data sets: their mean, less extreme the more the data sets differ.

    Parameters
    ----------
    z : array, shape (m,) or (m, k)
        One row per completed data set: statistics with variance 1 under the null hypothesis. One that is missing in a
        data set is missing in the result.

    Returns
    -------
    pandas.DataFrame
        One row per statistic: ``z``, the mean over data sets divided by the root of 1 + (1 + 1/m) B, B their variance
        between data sets, so that uncertainty about what is imputed makes extreme values rarer; ``simulation_error``,
        the Monte Carlo standard error of that z: how far it moves when as many data sets are drawn anew.

    Raises
    ------
    ValueError
        If there are fewer than two data sets.

    Notes
    -----
    Rubin's rules with variance 1 within each data set. The error is that of the delta method for the mean
    (variance B/m) and for B (variance 2 B^2 / (m - 1)), which are independent for normal statistics.

    Examples
    --------
    >>> pool_scores([2.0, 2.2, 1.8]).round(3).values.tolist()
    [[1.949, 0.123]]
    """
    z = read_numbers(z, "z")
    z = z[:, None] if z.ndim == 1 else z
    m = len(z)
    if m < 2:
        raise ValueError(f"pooling needs at least two completed data sets; there {'is' if m == 1 else 'are'} {m}")
    mean, between = z.mean(axis=0), z.var(axis=0, ddof=1)
    total = 1 + (1 + 1 / m) * between
    of_mean = between / (m * total)
    of_between = (mean * (1 + 1 / m) * between) ** 2 / (2 * (m - 1) * total**3)
    return pd.DataFrame({"z": mean / np.sqrt(total), "simulation_error": np.sqrt(of_mean + of_between)})


def imputations_needed(fmi) -> int:
    """Compute how many imputations to make: max(10, 100 times the largest fraction of missing information).

    Parameters
    ----------
    fmi : float or array of float
        Fractions of missing information, 0 to 1.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If a fraction is not between 0 and 1.

    Notes
    -----
    White, Royston & Wood (2011) Stat Med 30:377, s.7.2.

    Examples
    --------
    >>> imputations_needed(0.46), imputations_needed([0.02, 0.05])
    (46, 10)
    """
    fmi = np.atleast_1d(read_numbers(fmi, "fmi"))
    if not ((fmi >= 0) & (fmi <= 1)).all():
        raise ValueError(f"fmi is {fmi[~((fmi >= 0) & (fmi <= 1))][0]}; it must lie between 0 and 1")
    # 100 * 0.14 is 14.000000000000002 in floating point: round away the noise before going up
    return max(10, math.ceil(round(100 * float(fmi.max()), 9)))


def _barnard_rubin(share: np.ndarray, m: int, df_complete: float) -> np.ndarray:
    with np.errstate(divide="ignore", over="ignore"):
        old = np.where(share > 0, (m - 1) / np.where(share > 0, share, 1.0) ** 2, np.inf)
    if np.isinf(df_complete):
        return old
    seen = (df_complete + 1) / (df_complete + 3) * df_complete * (1 - share)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(old), seen, old * seen / (np.where(np.isinf(old), 0.0, old) + seen))
