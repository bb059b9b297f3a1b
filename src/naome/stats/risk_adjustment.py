"""Risk-adjusted survival and proportions of providers.

Three answers to three questions, for survival at t:

* *What is the provider's survival, had it treated the national case mix?* (`survival_adjusted`) The ratio of log
  survivals, RA_j = S_nat ^ (ln KM_j / ln Sexp_j), where Sexp_j is the mean over the provider's patients of the
  national model's S(t | x). It stays in (0, 1) and is close to right whatever the shape of the provider's hazard over
  time. Calibrated: ln Sexp_j is multiplied by ln S_nat / ln(mean S over everybody), so that a provider whose patients
  have the national mean expectation and the national Kaplan-Meier gets exactly S_nat. Limits: Kaplan-Meier's log-log
  limits carried through the same power; a little wide (96% instead of 95% in simulation.py), because Greenwood's
  variance includes the spread that case mix explains.
* *Is the provider an outlier?* (`z`, `tail_probability`) The sum over its patients of pseudo-observation minus
  S(t | x), centred to sum to zero nationally, in standard errors of its own, with a tail for its skewness
  (:mod:`naome.stats.provider_score`).
* *Is something going wrong early?* (`early_warning_z`) Deaths observed by t against expected cumulative hazard, by the
  mid-P tail of a Poisson, less the provider's own share in the expectation. More powerful when hazards are
  proportional, but it is a statement about hazards, not about S(t).

All z are positive when there are more deaths than expected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from naome.stats.cox import CoxFit, fit_cox
from naome.stats.design import Design, build_design
from naome.stats.funnel import midp_tail
from naome.stats.inputs import (
    check_columns,
    check_events,
    check_groups,
    check_survival,
    check_times,
    normal_quantile,
    read_numbers,
)
from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.logistic import fit_logistic
from naome.stats.provider_score import explained_variance, gamma_tails, own_share, score_providers, third_moment
from naome.stats.pseudo import pseudo_observations

__all__ = [
    "LARGEST_SHARE",
    "LARGEST_SKEWNESS",
    "ExpectedModel",
    "fit_expected",
    "poisson_binomial_pmf",
    "risk_adjusted_proportion",
    "risk_adjusted_survival",
]


#: The variance of z is that of a logistic model at the time point. The expectation is that of a Cox model, which also
#: learns from other times. The two are near while a provider's own patients decide less than this of its expectation
#: (a test simulates shares on both sides of it); beyond, false alarms exceed their nominal rate.
LARGEST_SHARE = 0.6
#: Skewness of the deaths of a provider: about one over the root of the expected deaths or survivors, whichever are
#: fewer. With less than four, tails are not those of a gamma distribution where follow-up is censored.
LARGEST_SKEWNESS = 0.5
#: A provider whose own people decide more than this of its expectation is judged by what the others leave of it: the
#: shape of its own count is the wrong way round, since the rarer outcome of the others bounds the difference
MOST_OF_ITSELF = 0.5
#: Variance of the events of a provider (sum of p(1 - p)) below which only levels without events, or with events only,
#: have its people: their coefficients run off to infinity, and there is nothing left to compare
SMALLEST_VARIANCE = 1e-4
#: Tails of a Poisson-binomial distribution are exact to this, so that smaller ones are rounding
SMALLEST_EXACT_TAIL = 1e-15


@dataclass(frozen=True)
class ExpectedModel:
    """The national model of survival, without provider terms.

    Attributes
    ----------
    coefficients : pandas.DataFrame
        ``term, coef, std_error, lower, upper, p``; 95% Wald limits, log hazard scale.
    cox : CoxFit
    design : Design
    duration, event, entry : str or None
        Columns that the model was fitted to.
    strata : tuple of str
    """

    coefficients: pd.DataFrame
    cox: CoxFit
    design: Design
    duration: str
    event: str
    entry: str | None
    strata: tuple[str, ...]

    def expected_survival(self, frame: pd.DataFrame, at) -> np.ndarray:
        """Predict each person's S(t).

        Parameters
        ----------
        frame : pandas.DataFrame, n rows
            Holds the covariates (and strata).
        at : float or list of float, length k
            Times, in the unit of the durations.

        Returns
        -------
        numpy.ndarray, shape (n, k)
            From the step function: the baseline's jump at t is included, nothing is interpolated.

        Examples
        --------
        >>> frame = pd.DataFrame({"t": [5.0, 3, 4, 2, 6, 1], "d": 1, "x": [0, 0, 0, 1, 1, 1]})
        >>> model = fit_expected(frame, duration="t", event="d", covariates=["x"])
        >>> model.expected_survival(frame, [2, 4]).shape
        (6, 2)
        """
        return self.cox.survival(self.design.matrix(frame), at, _strata_labels(frame, self.strata))

    def expected_hazard(self, frame: pd.DataFrame, upto) -> np.ndarray:
        """Predict each person's cumulative hazard over their own follow-up, cut at t.

        Parameters
        ----------
        frame : pandas.DataFrame, n rows
            Holds the covariates, the duration (and entry, strata) columns of the fit.
        upto : float or list of float, length k
            Horizon t; ``numpy.inf`` for all follow-up.

        Returns
        -------
        numpy.ndarray, shape (n,), or (n, k) for a list
            H(min(T, t) | x), less H(entry | x) with delayed entry. Their sum is the number of deaths where no two
            people die together. With Efron's ties it exceeds the deaths, the more the fewer times there are (months
            instead of days), because everybody who dies at a time is given the whole hazard of that time.

        Examples
        --------
        >>> frame = pd.DataFrame({"t": [5.0, 3, 4, 2, 6, 1], "d": 1, "x": [0, 0, 0, 1, 1, 1]})
        >>> model = fit_expected(frame, duration="t", event="d", covariates=["x"])
        >>> round(float(model.expected_hazard(frame, np.inf).sum()), 6)
        6.0
        """
        check_columns(frame, [self.duration, *([self.entry] if self.entry else [])])
        matrix, strata = self.design.matrix(frame), _strata_labels(frame, self.strata)
        duration = frame[self.duration].to_numpy(dtype=float)
        columns = []
        for horizon in np.atleast_1d(np.asarray(upto, dtype=float)):
            hazard = self.cox.cumulative_hazard(matrix, np.minimum(duration, horizon), strata)
            if self.entry is not None:
                entry = np.minimum(frame[self.entry].to_numpy(dtype=float), horizon)
                before = self.cox.cumulative_hazard(matrix, np.maximum(entry, 0), strata)
                hazard = hazard - np.where(entry <= 0, 0.0, before)  # at 0 means from the start: nothing was before
            columns.append(hazard)
        return columns[0] if np.ndim(upto) == 0 else np.column_stack(columns)


def fit_expected(
    frame: pd.DataFrame, *, duration: str, event: str, covariates, strata=None, entry=None
) -> ExpectedModel:
    """Fit the national Cox model from which expected survival comes.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per person.
    duration, event : str
        Columns: time from origin (>= 0) and 1 for death, 0 for censoring.
    covariates : list of str
        Column names or ``"rcs(column, knots)"``; see :func:`naome.stats.design.build_design`.
    strata : str or list of str, optional
        Columns with separate baselines.
    entry : str, optional
        Column of delayed entry times.

    Returns
    -------
    ExpectedModel
        Efron ties, in the coefficients and in the baseline, as R's ``coxph`` and ``survfit``. Because of that the
        expected deaths add up to the observed ones closely but not exactly when deaths are tied.

    Raises
    ------
    ValueError
        Naming the column, position and value that is not allowed (missing covariates are never dropped silently).

    Examples
    --------
    >>> frame = pd.DataFrame({"t": [5.0, 3, 4, 2, 6, 1], "d": 1, "x": [0, 0, 0, 1, 1, 1]})
    >>> fit_expected(frame, duration="t", event="d", covariates=["x"]).coefficients["term"].tolist()
    ['x']
    """
    strata = (strata,) if isinstance(strata, str) else tuple(strata or ())
    check_columns(frame, [duration, event, *strata, *([entry] if entry else [])])
    design = build_design(frame, covariates)
    cox = fit_cox(
        design.matrix(frame),
        frame[duration],
        frame[event],
        entry=None if entry is None else frame[entry],
        strata=_strata_labels(frame, strata),
    )
    return ExpectedModel(cox.table(), cox, design, duration, event, entry, strata)


def risk_adjusted_survival(
    frame: pd.DataFrame,
    model: ExpectedModel,
    *,
    provider: str,
    at,
    conf_level: float = 0.95,
    minimum_n: int = 10,
    calibrate: bool = True,
) -> pd.DataFrame:
    """Compute risk-adjusted survival at fixed times for every provider.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per person; covariates complete.
    model : ExpectedModel
        The national model, fitted to this frame without delayed entry (:func:`fit_expected`); it knows which columns
        are the time from origin, the event and the covariates.
    provider : str
        Column with the provider of each person.
    at : float or list of float
        Times, in the unit of the durations, within the national follow-up.
    conf_level : float
        Coverage of `lower` and `upper`.
    minimum_n : int
        Providers with fewer patients are "too_few". The number of *patients* counts, not the number at risk at t: that
        depends on the outcome, and would hide providers where many die.
    calibrate : bool
        True: expected survival and expected deaths are scaled to the national Kaplan-Meier and death count. False: as
        they come from the model, whose expected deaths exceed the observed ones where there are few distinct times.

    Returns
    -------
    pandas.DataFrame
        One row per provider (sorted) and time: ``provider, time, n`` (patients), ``n_risk`` (at risk at t),
        ``observed`` (deaths by t), ``expected`` (cumulative hazard to min(T, t)), ``survival_unadjusted``
        (Kaplan-Meier), ``survival_expected`` (mean S(t | x), calibrated if asked), ``survival_adjusted, lower, upper,
        z, tail_probability, early_warning_z, std_error, own_share, skewness, early_own_share, status``. ``std_error``
        is that of the provider's mean pseudo-observation about its expectation, if it is as the model says: funnel
        limits are S(t) +/- z std_error.
        ``own_share`` is the share of its own patients in what the provider is compared with
        (:func:`naome.stats.provider_score.own_share`), ``skewness`` that of its deaths less expected deaths. z and its
        tail are NaN where one exceeds ``LARGEST_SHARE`` or, on either side, ``LARGEST_SKEWNESS``.
        ``early_own_share`` is the share of a provider in its own expected deaths, with cumulative hazards for
        variances; ``early_warning_z`` is divided by the root of one less it, and NaN where it exceeds
        ``LARGEST_SHARE``. See the module's text.

        ``status``: "ok"; "too_few" (fewer than `minimum_n` patients: adjusted survival, limits and all z are NaN);
        "not_estimable" (the provider's Kaplan-Meier is 0 or 1, or none of its patients was followed to t: adjusted
        survival and limits are NaN, but z is still given, since a provider where everybody died must not escape).

    Raises
    ------
    ValueError
        Naming the column and value that is not allowed; or if t is beyond the national follow-up, or nobody (or
        everybody) has died by t.

    Notes
    -----
    Pseudo-observations: Andersen & Pohar Perme (2010) SMMR 19:71; they suppose censoring that does not depend on the
    covariates. Early warning: the one-sample log-rank test (Breslow 1975) with an exact tail.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"t": rng.exponential(2, 200), "d": 1, "x": rng.normal(size=200)})
    >>> frame["unit"] = list("AB") * 100
    >>> model = fit_expected(frame, duration="t", event="d", covariates=["x"])
    >>> risk_adjusted_survival(frame, model, provider="unit", at=1.0)["status"].tolist()
    ['ok', 'ok']
    """
    check_columns(frame, [model.duration, model.event, provider])
    times = check_times(at)
    if model.entry is not None:
        raise ValueError(
            f"model was fitted with delayed entry ({model.entry!r}); pseudo-observations need people who are followed "
            "from the start"
        )
    codes, labels = check_groups(frame[provider], len(frame), "provider")
    t, d, _ = check_survival(frame[model.duration], frame[model.event])
    national = kaplan_meier(t, d, at=times)["survival"].to_numpy()
    _check_horizons(times, national, t)
    units = kaplan_meier(t, d, group=codes, at=times, conf_level=conf_level)
    survival, hazard = model.expected_survival(frame, times), model.expected_hazard(frame, times)
    pseudo = pseudo_observations(t, d, times)
    design = _design_with_strata(model, frame)
    pieces = []
    for k, time in enumerate(times):
        observed = np.bincount(codes, d & (t <= time), len(labels))
        unit = units.iloc[k :: len(times)].reset_index(drop=True).assign(group=labels, observed=observed)
        score = score_providers(pseudo[:, k] - survival[:, k], survival[:, k], design, codes)
        pieces.append(_adjust_at(codes, survival[:, k], hazard[:, k], unit, score, national[k], calibrate, design))
    table = pd.concat(pieces, ignore_index=True)
    # rows in the order provider, then time as asked
    order = np.argsort(np.tile(np.arange(len(labels)), len(times)), kind="stable")
    return _set_status(table.iloc[order].reset_index(drop=True), minimum_n)


def risk_adjusted_proportion(
    frame: pd.DataFrame,
    *,
    event: str,
    provider: str,
    covariates,
    conf_level: float = 0.95,
    minimum_n: int = 10,
) -> pd.DataFrame:
    """Compute risk-adjusted proportions of providers for a yes/no outcome with complete follow-up.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per person *eligible by date* (potential follow-up covers the horizon). Never leave people out because
        of what happened to them: dropping those censored early keeps the early deaths of late diagnoses.
    event, provider : str
        Columns: 1/0 and provider label.
    covariates : list of str
        Of the national logistic model; may be empty.
    conf_level : float
        Coverage of `lower` and `upper`.
    minimum_n : int
        Providers with fewer people are "too_few".

    Returns
    -------
    pandas.DataFrame
        One row per provider: ``provider, n, observed, expected, ratio, ratio_lower, ratio_upper,
        proportion_unadjusted, proportion_expected, proportion_adjusted, lower, upper, z, tail_probability, status``. z
        is positive when there are more events than expected; NaN where too little is left to compare a provider with.
        ``status``: "ok"; "too_few" (adjusted values, limits and z are NaN; so are the limits of the ratio); or
        "not_estimable" (the same and the ratio are NaN: all its people have values of case mix with which nobody has
        the event, or everybody, so that practically no events, or only events, are expected).

    Raises
    ------
    ValueError
        Naming the column and value that is not allowed.

    Warns
    -----
    UserWarning
        If a level has no events or only events: its coefficient is infinite, expected events are still right.

    Notes
    -----
    Expected events are sums of the national model's probabilities. The adjusted proportion is on the odds scale,
    expit(logit(national) + logit(O/n) - logit(E/n)), which stays in [0, 1] where O/E times the national rate does not.
    Its limits are Wilson's for O of n, with n enlarged so that the variance is sum p(1 - p) rather than n times the
    variance at the mean, carried through the same shift. The limits of the ratio O/E are the same score limits of the
    mean of O, divided by E/n: they leave out 1 exactly when (O - E)^2 exceeds the square of the normal quantile times
    sum p(1 - p). (Hosmer & Lemeshow 1995 Stat Med 14:2161 take that variance in limits symmetric about O/E, which
    reach below zero in small units.) The count under the null is Poisson-binomial (each person has
    their own p): its distribution is computed exactly by convolution; z is the normal score of P(R < O) + P(R = O)/2,
    divided by the root of the share of the variance that the provider does not contribute to its own expectation
    (:func:`naome.stats.provider_score.explained_variance`); the limits take the expectation as known. A Poisson would
    be far too wide: at p = 0.5 its standard deviation is 1.4 times too large. Where that share is less than a half, the
    difference from the expectation is decided by the people of the others, and z is that of a gamma distribution with
    the variance and skewness of the difference (:func:`naome.stats.provider_score.third_moment`), or NaN where the
    skewness exceeds ``LARGEST_SKEWNESS``.

    Examples
    --------
    >>> frame = pd.DataFrame({"dead": [0, 1] * 40, "unit": ["A"] * 40 + ["B"] * 40, "x": range(80)})
    >>> risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=["x"])["status"].tolist()
    ['ok', 'ok']
    """
    check_columns(frame, [event, provider])
    dead = check_events(frame[event], len(frame))
    if dead.all() or not dead.any():
        raise ValueError(f"{event!r} is {int(dead[0])} for everyone; nothing can be adjusted")
    codes, labels = check_groups(frame[provider], len(frame), "provider")
    design = build_design(frame, covariates)
    # fitted probabilities do not care for location and scale, the arithmetic does (a calendar year)
    matrix = design.matrix(frame).to_numpy()
    spread = matrix.std(axis=0)
    matrix = (matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    x = np.column_stack([np.ones(len(frame)), matrix])
    p = special.expit(x @ fit_logistic(x, dead.astype(float), names=["intercept", *design.names])[0])
    n = np.bincount(codes, minlength=len(labels))
    observed, expected = np.bincount(codes, dead, len(labels)), np.bincount(codes, p, len(labels))
    variance = np.bincount(codes, p * (1 - p), len(labels))
    crude, model = observed / n, expected / n
    unknown = variance < SMALLEST_VARIANCE
    enlarged = n * model * (1 - model) * n / np.where(unknown, np.nan, variance)
    lower, upper = _wilson_limits(crude, enlarged, normal_quantile(conf_level))
    shift = special.logit(dead.mean()) - special.logit(model)
    low, high = _poisson_binomial_tails(codes, p, observed.astype(np.int64))
    own, _ = explained_variance(p * (1 - p), matrix, codes)
    z = _score_counts(observed - expected, midp_tail(low, high)[0], p, variance, own, matrix, codes)
    with np.errstate(divide="ignore"):
        adjusted = {
            "ratio_lower": lower / model,
            "ratio_upper": upper / model,
            "proportion_adjusted": special.expit(special.logit(crude) + shift),
            "lower": special.expit(special.logit(lower) + shift),
            "upper": special.expit(special.logit(upper) + shift),
            "z": z,
            "tail_probability": special.ndtr(-np.abs(z)),
        }
    few = n < minimum_n
    table = pd.DataFrame(
        {
            "provider": labels,
            "n": n,
            "observed": observed.astype(np.int64),
            "expected": expected,
            "ratio": observed / np.where(unknown, np.nan, expected),
            "proportion_unadjusted": crude,
            "proportion_expected": model,
        }
    )
    table = table.assign(**{name: np.where(few | unknown, np.nan, values) for name, values in adjusted.items()})
    return table.assign(status=np.select([few, unknown], ["too_few", "not_estimable"], "ok"))


def poisson_binomial_pmf(p) -> np.ndarray:
    """Compute the distribution of the number of events among people with their own probabilities.

    Parameters
    ----------
    p : array of float, shape (n,)
        Probabilities.

    Returns
    -------
    numpy.ndarray, shape (n + 1,)
        P(R = 0), ..., P(R = n); exact to about 1e-16 absolute.

    Raises
    ------
    ValueError
        Naming the position and value of a probability outside 0 to 1.

    Notes
    -----
    The generating function prod(1 - p_i + p_i s), multiplied out pairwise by fast Fourier transforms: O(n log^2 n) and
    no loop over people.

    Examples
    --------
    >>> poisson_binomial_pmf([0.5, 0.5]).round(12).tolist()
    [0.25, 0.5, 0.25]
    """
    p = read_numbers(p, "p")
    wrong = ~((p >= 0) & (p <= 1))
    if wrong.any():
        raise ValueError(f"p[{int(np.flatnonzero(wrong)[0])}] is {p[wrong][0]:g}; allowed: 0 to 1")
    if not len(p):
        return np.ones(1)
    rows = np.column_stack([1 - p, p])
    while len(rows) > 1:
        if len(rows) % 2:
            rows = np.vstack([rows, np.eye(1, rows.shape[1])])
        size = 2 * rows.shape[1] - 1
        product = np.fft.rfft(rows[0::2], size) * np.fft.rfft(rows[1::2], size)
        rows = np.maximum(np.fft.irfft(product, size), 0.0)
    return rows[0, : len(p) + 1]


def _adjust_at(codes, survival, hazard, unit, score, national, calibrate, design) -> pd.DataFrame:
    """Adjust at one time: expected survival and hazard of people; curve, observed deaths and score of providers."""
    n, observed = np.bincount(codes, minlength=len(unit)), unit["observed"].to_numpy()
    model = np.bincount(codes, survival, len(unit)) / n
    expected = np.bincount(codes, hazard, len(unit))
    power = np.log(model)
    if calibrate:
        power = power * np.log(national) / np.log(survival.mean())
        expected = expected * observed.sum() / expected.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        adjusted = [national ** (np.log(unit[name].to_numpy()) / power) for name in ("survival", "lower", "upper")]
    here = special.pdtr(observed, expected) - np.where(observed > 0, special.pdtr(observed - 1, expected), 0.0)
    low = np.where(observed > 0, special.pdtr(observed - 1, expected), 0.0) + here / 2
    early, _ = midp_tail(low, special.pdtrc(observed, expected) + here / 2)
    own, _ = explained_variance(hazard, design, codes)
    early_share = own_share(own, np.bincount(codes, hazard, len(unit)))
    early = np.where(early_share <= LARGEST_SHARE, early / np.sqrt(1 - early_share), np.nan)
    return pd.DataFrame(
        {
            "provider": unit["group"],
            "time": unit["time"],
            "n": n,
            "n_risk": unit["n_risk"],
            "observed": observed.astype(np.int64),
            "expected": expected,
            "survival_unadjusted": unit["survival"],
            "survival_expected": np.exp(power) if calibrate else model,
            "survival_adjusted": adjusted[0],
            "lower": adjusted[1],
            "upper": adjusted[2],
            "z": score["z"],
            "tail_probability": score["tail_probability"],
            "early_warning_z": early,
            "std_error": score["std_error"],
            "own_share": score["own_share"],
            "skewness": score["skewness"],
            "early_own_share": early_share,
        }
    )


def _set_status(table: pd.DataFrame, minimum_n: int) -> pd.DataFrame:
    few = table["n"] < minimum_n
    curve = table["survival_unadjusted"]
    unknown = (curve <= 0) | (curve >= 1) | (table["n_risk"] == 0)
    table.loc[few | unknown, ["survival_adjusted", "lower", "upper"]] = np.nan
    table.loc[few, ["z", "tail_probability", "early_warning_z"]] = np.nan
    judged = (table["own_share"] <= LARGEST_SHARE) & (table["skewness"].abs() <= LARGEST_SKEWNESS)
    table.loc[~judged, ["z", "tail_probability"]] = np.nan
    return table.assign(status=np.select([few, unknown], ["too_few", "not_estimable"], "ok"))


def _poisson_binomial_tails(codes, p, observed) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(codes, kind="stable")
    parts = np.split(p[order], np.cumsum(np.bincount(codes, minlength=len(observed)))[:-1])
    low, high = np.empty(len(observed)), np.empty(len(observed))
    for j, part in enumerate(parts):  # over providers
        pmf = poisson_binomial_pmf(part)
        half = pmf[observed[j]] / 2
        low[j], high[j] = pmf[: observed[j]].sum() + half, pmf[observed[j] + 1 :].sum() + half
    return np.maximum(low, SMALLEST_EXACT_TAIL), np.maximum(high, SMALLEST_EXACT_TAIL)


def _score_counts(difference, exact, p, variance, own, design, codes) -> np.ndarray:
    """Return z of observed less expected events, less what a provider contributes to its own expectation."""
    share = own_share(own, variance)
    z = exact / np.sqrt(1 - share)
    large = share > MOST_OF_ITSELF
    if large.any():
        rest = np.where(large, variance - own, np.nan)
        skewness = third_moment(1 - p, design, codes) / rest**1.5
        of_rest = midp_tail(*gamma_tails(difference / np.sqrt(rest), skewness))[0]
        z = np.where(large, np.where(np.abs(skewness) <= LARGEST_SKEWNESS, of_rest, np.nan), z)
    return z


def _wilson_limits(crude, n, z: float) -> tuple[np.ndarray, np.ndarray]:
    middle = crude + z**2 / (2 * n)
    half_width = z * np.sqrt(crude * (1 - crude) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    lower = np.where(crude == 0, 0.0, np.clip((middle - half_width) / scale, 0, 1))
    return lower, np.where(crude == 1, 1.0, np.clip((middle + half_width) / scale, 0, 1))


def _design_with_strata(model: ExpectedModel, frame: pd.DataFrame) -> np.ndarray:
    """Return the covariates, with an indicator of every stratum but one: each has a baseline of its own."""
    matrix = model.design.matrix(frame).to_numpy()
    labels = _strata_labels(frame, model.strata)
    if labels is None:
        return matrix
    return np.column_stack([matrix, pd.get_dummies(labels).to_numpy(dtype=float)[:, 1:]])


def _strata_labels(frame: pd.DataFrame, strata: tuple[str, ...]):
    if not strata:
        return None
    check_columns(frame, list(strata))
    if len(strata) == 1:
        return frame[strata[0]].astype(object)
    missing = frame[list(strata)].isna().any(axis=1)
    labels = pd.Series(list(frame[list(strata)].itertuples(index=False, name=None)), index=frame.index)
    return labels.map(lambda parts: " / ".join(str(part) for part in parts)).mask(missing)


def _check_horizons(times: np.ndarray, national: np.ndarray, duration: np.ndarray) -> None:
    for time, survival in zip(times, national, strict=True):
        if time > duration.max():
            raise ValueError(f"at is {time:g}, beyond the last follow-up time {duration.max():g}")
        if not 0 < survival < 1:
            raise ValueError(f"national survival at {time:g} is {survival:g}; there is nothing to adjust")
