"""Judging organisations: the level of each by the outlier policy, spread between them, and the record of both."""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from naome.core.params import Params
from naome.measures.study import Study, say_too_few
from naome.stats.funnel import classify_z
from naome.stats.overdispersion import Estimator, Overdispersion, overdispersion
from naome.stats.risk_adjustment import LARGEST_SHARE, LARGEST_SKEWNESS

LEVELS = ("within", "alert", "alarm", "not_assessed")


FORMULA = (
    "z of pseudo-observations, variance and skewness of each organisation, less its own share in the expectation; "
    "pooled over imputations; additive overdispersion; version 3"
)


# A variance between organisations cannot be estimated from a handful of them (decision 0009)
MINIMUM_UNITS = 20

#: Why an organisation has no adjusted proportion although it has people enough
NOTHING_TO_EXPECT = "no events, or only events, are expected of its people"

#: Monte Carlo standard errors from a limit within which an outlier status depends on the random draws of the imputation
NEAR_LIMIT = 2


def judge_organisations(table: pd.DataFrame, params: Params, *, higher_is: str) -> pd.DataFrame:
    """Give every organisation its level, direction and, when it is not assessed, the reason.

    Parameters
    ----------
    table : DataFrame
        ``unit, n, z`` (NaN where there is none), ``recorded`` (share of case mix
        recorded, 0 to 1; NaN when nothing can be missing), and if there is one ``std_error``: the standard
        error of the organisation's difference under the null, on the scale on
        which organisations spread. Without it the scale is that of z.
    params : Params
    higher_is : {"better", "worse", "neutral"}
        What a positive z means. For survival give the z of deaths and ``worse``.

    Returns
    -------
    DataFrame
        The table with ``level, direction, reason``; ``level_plain`` and
        ``level_spread`` (without and with allowance for spread between
        organisations) and ``z_spread``; ``phi`` (mean square of winsorised z),
        ``tau2`` (variance between organisations). With fewer than
        ``MINIMUM_UNITS`` assessed organisations spread is not estimated: phi and tau2 are NaN and
        both levels are the same.

    Notes
    -----
    An organisation with fewer than ``minimum_n`` people, or whose case mix is
    recorded for less than ``minimum_completeness``, is not assessed and does not
    count in the estimate of spread. A tail probability equal to the limit is within.

    Examples
    --------
    >>> from naome.core.params import load_params
    >>> table = pd.DataFrame({"unit": ["A", "B"], "n": [50, 4], "z": [3.5, 0.1], "recorded": [0.9, 0.9]})
    >>> judge_organisations(table, load_params("england"), higher_is="worse")[["level", "direction"]].values.tolist()
    [['alarm', 'worse'], ['not_assessed', 'none']]
    """
    reason = _reasons(table, params)
    spread = estimate_spread(table.assign(z=table["z"].mask(reason != "")), params.outliers.spread_estimator)
    found = {"phi": np.nan, "tau2": np.nan} if spread is None else {"phi": spread.phi, "tau2": spread.tau2}
    return give_levels(table.assign(reason=reason, **found), params, higher_is=higher_is)


def give_levels(table: pd.DataFrame, params: Params, *, higher_is: str) -> pd.DataFrame:
    """Give organisations the level and direction of their z, with the spread between them already known.

    Parameters
    ----------
    table : DataFrame
        As for :func:`judge_organisations`, with ``reason`` (why not assessed, or empty) and ``tau2``.
    params : Params
    higher_is : {"better", "worse", "neutral"}
    """
    policy = params.outliers
    tails = (policy.alert_tail, policy.alarm_tail)
    z = table["z"].mask(table["reason"] != "").to_numpy(dtype=float)
    z_spread = _allow_for_spread(table, z)
    plain = classify_z(z, tails=tails, higher_is=higher_is)
    wide = classify_z(z_spread, tails=tails, higher_is=higher_is)
    chosen = plain if policy.overdispersion == "none" else wide
    return table.assign(
        level=chosen["level"].to_numpy(),
        direction=chosen["direction"].to_numpy(),
        level_plain=plain["level"].to_numpy(),
        level_spread=wide["level"].to_numpy(),
        z_spread=z_spread,
    )


def estimate_spread(table: pd.DataFrame, estimator: Estimator = "winsorised") -> Overdispersion | None:
    """Estimate the spread between organisations beyond chance; None when too few have a z."""
    rows = table[table["z"].notna()]
    if len(rows) < MINIMUM_UNITS:
        return None
    error = rows["std_error"].to_numpy(dtype=float) if "std_error" in rows else np.ones(len(rows))
    return overdispersion(rows["z"].to_numpy(dtype=float) * error, error, 0.0, estimator=estimator)


def judged_scores(table: pd.DataFrame, params: Params) -> np.ndarray:
    """Return the z that the outlier policy judges: as they are, or with allowance for the spread found among them.

    Parameters
    ----------
    table : DataFrame, one row per organisation
        ``z`` (NaN where there is none), and if there is one ``std_error``, as for :func:`judge_organisations`.
    params : Params

    Returns
    -------
    ndarray of float, shape (organisations,)
    """
    z, policy = table["z"].to_numpy(dtype=float), params.outliers
    spread = None if policy.overdispersion == "none" else estimate_spread(table, policy.spread_estimator)
    return z if spread is None else _allow_for_spread(table.assign(tau2=spread.tau2), z)


def expected_false_alarms(table: pd.DataFrame, params: Params) -> tuple[float, float]:
    """Return how many alerts and alarms chance alone gives among the assessed organisations.

    An organisation on alarm counts among the alerts too: these are the numbers beyond the limits.
    """
    assessed = int((table["level"] != "not_assessed").sum())
    return 2 * params.outliers.alert_tail * assessed, 2 * params.outliers.alarm_tail * assessed


def find_near_limits(table: pd.DataFrame, params: Params) -> pd.Series:
    """Find the organisations whose outlier status other random draws of the imputation could change.

    Parameters
    ----------
    table : DataFrame
        Judged organisations: ``level, z, z_spread``, ``simulation_error`` (Monte Carlo standard error of z), and what
        :func:`judge_organisations` has of spread.
    params : Params

    Returns
    -------
    Series of bool
        Of each organisation assessed: whether its z is within ``NEAR_LIMIT`` Monte Carlo standard errors of a limit.
    """
    policy = params.outliers
    assessed = table[table["level"] != "not_assessed"]
    z, error = assessed["z"], assessed["simulation_error"].to_numpy(dtype=float)
    if policy.overdispersion != "none":
        z, error = assessed["z_spread"], _allow_for_spread(assessed, error)
    limits = -ndtri([policy.alert_tail, policy.alarm_tail])
    distance = np.abs(np.abs(z.to_numpy(dtype=float))[:, None] - limits).min(axis=1)
    return pd.Series(distance < NEAR_LIMIT * error, index=assessed.index)


def detection_power(table: pd.DataFrame, difference: float, params: Params) -> pd.DataFrame:
    """Compute how likely it is that an organisation whose survival truly differs is found.

    Parameters
    ----------
    table : DataFrame
        Judged organisations: ``unit, n, std_error, level, tau2``.
    difference : float
        True difference of its survival from the national one, on the scale of survival (0.1 is 10 percentage points).
    params : Params
        The limits, and whether the level of an organisation allows for spread between them.

    Returns
    -------
    DataFrame
        ``unit, n, alert`` (probability of an alert or alarm on the right side) and ``alarm``, of those assessed. The
        organisation is part of the national value, which moves with it. Where the level allows for spread, limits are
        wider by as much, and the difference is the whole of what the organisation differs by.

    Examples
    --------
    >>> from naome.core.params import load_params
    >>> table = pd.DataFrame({"unit": ["A", "B"], "n": [50, 950], "std_error": [0.07, 0.004], "level": "within"})
    >>> detection_power(table, 0.1, load_params("england"))["alert"].round(2).tolist()
    [0.27, 0.24]
    """
    share = table["n"] / table["n"].sum()
    shift = difference * (1 - share) / table["std_error"]
    policy = params.outliers
    shown = np.ones(len(table)) if policy.overdispersion == "none" else _allow_for_spread(table, np.ones(len(table)))
    power = {
        name: ndtr(shift + ndtri(tail) / shown)
        for name, tail in (("alert", policy.alert_tail), ("alarm", policy.alarm_tail))
    }
    return table[["unit", "n"]].assign(**power)[table["level"] != "not_assessed"].reset_index(drop=True)


def record_assessment(
    tables: dict[tuple[str, int], pd.DataFrame], study: Study, *, imputations: dict[str, int]
) -> pd.DataFrame:
    """Write down how the levels came about: one row per cohort and horizon, enough to judge them again.

    Parameters
    ----------
    tables : dict of (str, int) to DataFrame
        (cohort, years) -> judged organisations.
    study : Study
    imputations : dict of str to int
        Cohort -> completed data sets behind its tables.

    Returns
    -------
    DataFrame
        ``run_id`` (a hash of inputs and parameters), ``definition_id``, formula, program version, every
        parameter of the policy, the spread found, and how many were assessed and lie outside.
    """
    policy, definition = study.params.outliers, study.specification["survival"].definition_id
    rows = []
    for (cohort, years), table in tables.items():
        counts = table["level"].value_counts()
        rows.append(
            {
                "run_id": study.run_id,
                "definition_id": definition,
                "formula": FORMULA,
                "naome": importlib.metadata.version("naome"),
                "audit": study.params.audit,
                "cohort": cohort,
                "measure": f"survival_{years}y_adjusted",
                **_name_period(cohort, years, study.params),
                "limits": policy.limits,
                "alert_tail": policy.alert_tail,
                "alarm_tail": policy.alarm_tail,
                "minimum_n": policy.minimum_n,
                "minimum_completeness": policy.minimum_completeness,
                "overdispersion": policy.overdispersion,
                "phi": table["phi"].max(),
                "tau2": table["tau2"].max(),
                "imputations": imputations[cohort],
                "seed": study.params.seed,
                **{level: int(counts.get(level, 0)) for level in LEVELS},
                "false_alarms_expected": expected_false_alarms(table, study.params)[1],
            }
        )
    return pd.DataFrame(rows)


def _name_period(cohort: str, years: int, params: Params) -> dict[str, str]:
    first, last = params.comparison_period(years)
    everyone = cohort == "primary"
    return {
        "diagnosed_from": str(params.diagnosed_from if everyone else first),
        "diagnosed_to": str(params.diagnosed_to if everyone else last),
    }


def _reasons(table: pd.DataFrame, params: Params) -> pd.Series:
    policy = params.outliers
    poor = table["recorded"] < policy.minimum_completeness
    quality = table["recorded"].map(
        lambda share: f"data quality: {share:.0%} of case mix recorded, {policy.minimum_completeness:.0%} needed"
    )
    reason = pd.Series("", index=table.index, dtype=object)
    nothing = "no people to compare with expected survival"
    if "proportion_adjusted" in table:
        nothing = "its own people decide nearly all of what they are compared with"
    reason = reason.mask(table["z"].isna(), nothing)
    if "proportion_adjusted" in table and "status" in table:
        reason = reason.mask(table["status"] == "not_estimable", NOTHING_TO_EXPECT)
    if "own_share" in table:
        own = f"its own people decide more than {LARGEST_SHARE:.0%} of what they are compared with"
        skewed = ~(table["skewness"].abs() <= LARGEST_SKEWNESS)
        reason = reason.mask(skewed, "too few deaths or too few survivors are expected")
        reason = reason.mask(~(table["own_share"] <= LARGEST_SHARE), own)
    reason = reason.mask(poor, quality)
    return reason.mask(table["n"] < policy.minimum_n, say_too_few(policy.minimum_n, "people"))


def _allow_for_spread(table: pd.DataFrame, z: np.ndarray) -> np.ndarray:
    error = table["std_error"].to_numpy(dtype=float) if "std_error" in table else np.ones(len(table))
    return np.where(table["tau2"].isna(), z, z * error / np.sqrt(error**2 + table["tau2"].fillna(0.0)))
