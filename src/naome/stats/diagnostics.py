"""Checks of the national survival model: proportional hazards and calibration (discrimination: concordance.py)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import linalg, special, stats

from naome.stats.cox import PartialLikelihood, fit_cox
from naome.stats.design import build_design, restricted_cubic_spline
from naome.stats.inputs import check_columns, check_same_rows, check_survival, normal_quantile, read_numbers
from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.pseudo import pseudo_observations

__all__ = [
    "calibration",
    "calibration_summary",
    "cox_zph",
    "schoenfeld_residuals",
    "schoenfeld_smooth",
]

# Variance of pseudo-observations that are the same for everybody, but for rounding
ROUNDING = 1e-20
TRANSFORMS = ("km", "identity", "log", "rank")


def cox_zph(
    frame: pd.DataFrame, *, duration: str, event: str, covariates, strata=None, entry=None, transform: str = "km"
) -> pd.DataFrame:
    """Test proportional hazards: does any coefficient depend on time?

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per person.
    duration, event, covariates, entry
        As in :func:`naome.stats.risk_adjustment.fit_expected`.
    strata : str, optional
        Column with separate baselines.
    transform : {"km", "identity", "log", "rank"}
        The function of time g(t) with which a coefficient might vary: 1 - left-continuous Kaplan-Meier (R's default),
        t, log t, or the rank of t among all follow-up times.

    Returns
    -------
    pandas.DataFrame
        One row per column of the design and a last row "GLOBAL": ``term, chi_squared, df, p_value``.

    Raises
    ------
    ValueError
        If a value is not allowed (see fit_expected), `transform` is unknown, or "log" meets a death at time 0.

    Notes
    -----
    The score test of adding x g(t) to the model, exact form of Grambsch & Therneau (1994) Biometrika 81:515 as in R's
    ``cox.zph`` from survival 3.0. The approximation of earlier versions, which lifelines uses, is badly wrong when
    covariates are correlated.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"t": rng.exponential(size=50), "d": 1, "x": rng.normal(size=50)})
    >>> cox_zph(frame, duration="t", event="d", covariates=["x"])["term"].tolist()
    ['x', 'GLOBAL']
    """
    likelihood, coef, g, _ = _fit_with_time(frame, duration, event, covariates, strata, entry, transform)
    parts = likelihood.parts(coef)
    score = g @ (likelihood.x[likelihood.dead] - parts["mean"])
    constant, cross, varying = (likelihood.information(parts, power) for power in (None, g, g**2))
    factor = linalg.cho_factor(constant)
    adjusted = varying - cross.T @ linalg.cho_solve(factor, cross)
    single = score**2 / np.diag(adjusted)
    overall = float(score @ linalg.solve(adjusted, score, assume_a="sym"))
    df = np.r_[np.ones(len(single), dtype=np.int64), len(single)]
    chi_squared = np.r_[single, overall]
    return pd.DataFrame(
        {
            "term": [*likelihood.terms, "GLOBAL"],
            "chi_squared": chi_squared,
            "df": df,
            "p_value": special.chdtrc(df, chi_squared),
        }
    )


def schoenfeld_residuals(
    frame: pd.DataFrame, *, duration: str, event: str, covariates, strata=None, entry=None, transform: str = "km"
) -> pd.DataFrame:
    """Compute scaled Schoenfeld residuals: their local mean estimates the coefficient as a function of time.

    Parameters
    ----------
    frame, duration, event, covariates, strata, entry, transform
        As in :func:`cox_zph`.

    Returns
    -------
    pandas.DataFrame
        One row per term and death, in order of time: ``term, time, transformed_time, scaled_residual`` (log hazard
        ratio scale; the coefficient is added). With tied deaths the mean is that of the Efron likelihood. Deaths in a
        stratum in which a term does not vary say nothing about it: they are left out for that term.

    Raises
    ------
    ValueError
        As :func:`cox_zph`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"t": rng.exponential(size=50), "d": 1, "x": rng.normal(size=50)})
    >>> len(schoenfeld_residuals(frame, duration="t", event="d", covariates=["x"]))
    50
    """
    likelihood, coef, _, times = _fit_with_time(frame, duration, event, covariates, strata, entry, transform)
    parts = likelihood.parts(coef)
    k = likelihood.time_of_death
    # tied deaths share their mean, as R does: the Efron terms of one time are averaged
    mean = (np.add.reduceat(parts["mean"], np.r_[0, np.cumsum(likelihood.deaths)[:-1]]) / likelihood.deaths[:, None])[k]
    residual = likelihood.x[likelihood.dead] - mean
    scaled = (_scale_residuals(likelihood, parts, residual) + coef) / likelihood.scale
    order = np.argsort(times[0], kind="stable")
    p = len(likelihood.terms)
    table = pd.DataFrame(
        {
            "term": np.repeat(likelihood.terms, len(order)),
            "time": np.tile(times[0][order], p),
            "transformed_time": np.tile(times[1][order], p),
            "scaled_residual": scaled[order].T.ravel(),
        }
    )
    return table.dropna(subset="scaled_residual", ignore_index=True)


def schoenfeld_smooth(residuals: pd.DataFrame, *, points: int = 40, conf_level: float = 0.95) -> pd.DataFrame:
    """Smooth scaled Schoenfeld residuals by a restricted cubic spline with four knots in transformed time.

    Parameters
    ----------
    residuals : pandas.DataFrame
        From :func:`schoenfeld_residuals`.
    points : int
        Number of points per term, evenly spread in transformed time.
    conf_level : float
        Coverage of the pointwise limits.

    Returns
    -------
    pandas.DataFrame
        ``term, time, transformed_time, estimate, lower, upper``: the coefficient (log hazard ratio) as it varies.

    Raises
    ------
    ValueError
        If a term has fewer than 10 deaths or too few distinct times for four knots.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"t": rng.exponential(size=50), "d": 1, "x": rng.normal(size=50)})
    >>> len(schoenfeld_smooth(schoenfeld_residuals(frame, duration="t", event="d", covariates=["x"]), points=5))
    5
    """
    z = normal_quantile(conf_level)
    pieces = []
    for term, rows in residuals.groupby("term", sort=False):
        x, y = rows["transformed_time"].to_numpy(), rows["scaled_residual"].to_numpy()
        knots = np.quantile(x, (0.05, 0.35, 0.65, 0.95))
        if len(x) < 10 or len(np.unique(knots)) < 4:
            raise ValueError(f"{term!r} has {len(x)} deaths; a smooth needs at least 10 at different times")
        grid = np.linspace(x.min(), x.max(), points)
        basis = np.column_stack([np.ones(len(x)), restricted_cubic_spline(x, knots)])
        at = np.column_stack([np.ones(points), restricted_cubic_spline(grid, knots)])
        coef, _, _, _ = np.linalg.lstsq(basis, y, rcond=None)
        sigma2 = ((y - basis @ coef) ** 2).sum() / (len(x) - 4)
        std_error = np.sqrt(sigma2 * np.einsum("ij,jk,ik->i", at, np.linalg.pinv(basis.T @ basis), at))
        estimate = at @ coef
        pieces.append(
            pd.DataFrame(
                {
                    "term": term,
                    "time": np.interp(grid, x, rows["time"].to_numpy()),
                    "transformed_time": grid,
                    "estimate": estimate,
                    "lower": estimate - z * std_error,
                    "upper": estimate + z * std_error,
                }
            )
        )
    return pd.concat(pieces, ignore_index=True)


def calibration(duration, event, predicted, *, at: float, groups: int = 10, conf_level: float = 0.95) -> pd.DataFrame:
    """Compare predicted with observed survival at t by tenths of the prediction.

    Parameters
    ----------
    duration, event : array, shape (n,)
        Follow-up and 1/0.
    predicted : array, shape (n,)
        Predicted S(t) of each person, 0 to 1.
    at : float
        The time t.
    groups : int
        Number of groups, of equal size as far as possible (ties broken by order).
    conf_level : float
        Coverage of the normal limits of the observed value.

    Returns
    -------
    pandas.DataFrame
        ``group`` (1 = lowest predicted survival), ``n, deaths`` (until t), ``predicted`` (mean), ``observed`` (mean
        pseudo-observation), ``std_error, lower, upper``. The observed value and its limits may fall outside [0, 1] in
        extreme groups. Where everybody, or nobody, of a group is observed to survive the standard error is NaN, as 0
        would claim certainty, and the open limit is exact (Clopper-Pearson).

    Raises
    ------
    ValueError
        If a prediction is missing or outside [0, 1], or there are fewer people than groups.

    Notes
    -----
    Pseudo-observations: see :func:`naome.stats.pseudo.pseudo_observations`.

    Examples
    --------
    >>> calibration(range(1, 21), [1] * 20, [0.5] * 20, at=10, groups=2)["n"].tolist()
    [10, 10]
    """
    z = normal_quantile(conf_level)
    check_same_rows(duration=duration, event=event, predicted=predicted)
    predicted = _check_predicted(predicted, len(np.asarray(duration)))
    if groups < 2 or len(predicted) < 2 * groups:
        raise ValueError(f"groups is {groups} for {len(predicted)} people; allowed: 2 up to half the number of people")
    pseudo = pseudo_observations(duration, event, float(at))
    until, died = np.asarray(duration, dtype=float), np.asarray(event, dtype=bool)
    group = (np.argsort(np.argsort(predicted, kind="stable"), kind="stable") * groups) // len(predicted)
    n = np.bincount(group)
    observed = np.bincount(group, pseudo) / n
    spread = np.bincount(group, (pseudo - observed[group]) ** 2) / (n - 1)
    std_error = np.where(spread > ROUNDING, np.sqrt(spread / n), np.nan)
    lower, upper = observed - z * std_error, observed + z * std_error
    exact = ((1 - conf_level) / 2) ** (1 / n)
    alike, alive = np.isnan(std_error), observed > 0.5
    lower = np.where(alike, np.where(alive, exact, observed), lower)
    upper = np.where(alike, np.where(alive, observed, 1 - exact), upper)
    return pd.DataFrame(
        {
            "group": np.arange(1, groups + 1),
            "n": n,
            "deaths": np.bincount(group[died & (until <= at)], minlength=groups),
            "predicted": np.bincount(group, predicted) / n,
            "observed": observed,
            "std_error": std_error,
            "lower": lower,
            "upper": upper,
        }
    )


def calibration_summary(duration, event, predicted, *, at: float, conf_level: float = 0.95) -> pd.DataFrame:
    """Compute calibration in the large and the calibration slope at t.

    Parameters
    ----------
    duration, event, predicted, at, conf_level
        As in :func:`calibration`; predictions strictly between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        One row: ``time, n, predicted`` (mean), ``observed`` (Kaplan-Meier), ``difference`` (observed - predicted),
        ``slope, slope_lower, slope_upper``. The slope is the Cox coefficient of log(-log predicted) over follow-up cut
        at t: 1 is right, below 1 predictions are too extreme.

    Raises
    ------
    ValueError
        As :func:`calibration`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=500)
    >>> t = rng.exponential(1 / np.exp(x))
    >>> summary = calibration_summary(t, np.ones(500), np.exp(-np.exp(x)), at=1.0)
    >>> bool(summary.loc[0, "slope_lower"] < 1 < summary.loc[0, "slope_upper"])
    True
    """
    check_same_rows(duration=duration, event=event, predicted=predicted)
    duration, event, _ = check_survival(duration, event)
    predicted = _check_predicted(predicted, len(duration))
    if ((predicted <= 0) | (predicted >= 1)).any():
        raise ValueError("a prediction is exactly 0 or 1; the slope needs predictions strictly between")
    if not 0 < at <= duration.max():
        raise ValueError(f"at is {at:g}; allowed: above 0, up to the last follow-up time {duration.max():g}")
    observed = float(kaplan_meier(duration, event, at=at)["survival"].iloc[0])
    fit = fit_cox(np.log(-np.log(predicted)), np.minimum(duration, at), event & (duration <= at))
    slope = fit.table(conf_level).iloc[0]
    return pd.DataFrame(
        {
            "time": [float(at)],
            "n": len(duration),
            "predicted": predicted.mean(),
            "observed": observed,
            "difference": observed - predicted.mean(),
            "slope": slope["coef"],
            "slope_lower": slope["lower"],
            "slope_upper": slope["upper"],
        }
    )


def _fit_with_time(frame, duration, event, covariates, strata, entry, transform):
    if transform not in TRANSFORMS:
        raise ValueError(f"transform is {transform!r}; allowed: {list(TRANSFORMS)}")
    check_columns(frame, [name for name in (duration, event, strata, entry) if name is not None])
    matrix = build_design(frame, covariates).matrix(frame)
    labels = None if strata is None else frame[strata]
    start = None if entry is None else frame[entry]
    fit = fit_cox(matrix, frame[duration], frame[event], entry=start, strata=labels)
    likelihood = PartialLikelihood(matrix, frame[duration], frame[event], entry=start, strata=labels)
    times, died, start = check_survival(frame[duration], frame[event], start)
    transformed = _transform_time(times, died, start, transform)[likelihood.order][likelihood.dead]
    times = times[likelihood.order][likelihood.dead]
    if not np.isfinite(transformed).all():
        raise ValueError("transform 'log' is not allowed with a death at time 0; use 'km'")
    return likelihood, fit.coef * likelihood.scale, transformed - transformed.mean(), (times, transformed)


def _scale_residuals(likelihood: PartialLikelihood, parts, residual: np.ndarray) -> np.ndarray:
    """Multiply each death's residual by the inverse of the average information per death; NaN where a term is constant.

    As in R's cox.zph, a stratum counts towards the average of two terms only when both vary in it.
    """
    stratum = likelihood.stratum_of_death
    deaths = np.bincount(stratum)
    within = np.array(
        [np.diag(likelihood.information(parts, (stratum == s).astype(float))) for s in range(len(deaths))]
    )
    varies = within > 1e-10 * np.maximum(deaths, 1)[:, None]
    pairs = np.einsum("sj,sk,s->jk", varies.astype(float), varies.astype(float), deaths.astype(float))
    average = likelihood.information(parts) / np.maximum(pairs, 1.0)
    scaled = np.full(residual.shape, np.nan)
    for s in np.flatnonzero(varies.any(axis=1)):  # strata are few
        rows, terms = np.ix_(stratum == s, varies[s])
        block = average[np.ix_(varies[s], varies[s])]
        scaled[rows, terms] = linalg.solve(block, residual[rows, terms].T, assume_a="pos").T
    return scaled


def _transform_time(times: np.ndarray, event, entry, transform: str) -> np.ndarray:
    if transform == "identity":
        return times
    if transform == "rank":
        return stats.rankdata(times)
    if transform == "log":
        with np.errstate(divide="ignore"):
            return np.log(times)
    curve = kaplan_meier(times, event, entry=entry)
    before = np.searchsorted(curve["time"].to_numpy(), times, side="left")  # steps strictly before each time
    return 1 - np.r_[1.0, curve["survival"].to_numpy()][before]


def _check_predicted(predicted, n: int) -> np.ndarray:
    predicted = read_numbers(predicted, "predicted")
    if predicted.shape != (n,):
        raise ValueError(f"predicted has shape {predicted.shape} but there are {n} people; they must agree")
    wrong = ~((predicted >= 0) & (predicted <= 1))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"predicted[{at}] is {predicted[at]:g}; allowed: 0 to 1")
    return predicted
