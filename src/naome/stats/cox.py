"""Cox regression with Efron or Breslow ties, delayed entry and strata, and a step-function baseline.

Why not a library: lifelines interpolates the baseline linearly between event times and always uses Breslow's baseline;
statsmodels counts a person who enters at t as at risk at t. Both move the expected survival of a provider. This fit
reproduces R's ``coxph`` and ``survfit`` (at risk when entry < t <= duration) and costs one sort and a few matrix
products per iteration; nothing loops over people.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg, special

from naome.stats.inputs import (
    check_groups,
    check_same_rows,
    check_survival,
    check_times,
    normal_quantile,
    read_numbers,
)
from naome.stats.linear import solve_symmetric

__all__ = ["CoxFit", "PartialLikelihood", "fit_cox"]


#: Sizes of covariates beyond which their squares are no numbers in double precision, and below one over which
LARGEST_UNIT = 1e100


@dataclass(frozen=True)
class CoxFit:
    """A fitted Cox model.

    Attributes
    ----------
    terms : tuple of str
        Column names of the design matrix.
    coef, covariance : numpy.ndarray
        Log hazard ratios, shape (p,), and their inverse information, shape (p, p).
    log_likelihood : float
        Partial log likelihood at the estimate.
    n, n_event : int
        People and deaths.
    baseline : pandas.DataFrame
        ``stratum, time, n_risk, n_event, hazard, cumulative_hazard`` at covariates 0: jumps at death times only. With
        covariates far from 0 (a calendar year) these may be too large or too small for a number; predictions do not
        use them.
    ties : str
        "efron" or "breslow"; the baseline is of the same kind as the likelihood.
    strata_labels : tuple
        The strata of the baseline, ("all",) when there are none.
    centre : numpy.ndarray
        Mean covariates, shape (p,).
    central_hazard : numpy.ndarray
        Cumulative hazard at the mean covariates, one for each row of the baseline.
    """

    terms: tuple[str, ...]
    coef: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    n: int
    n_event: int
    baseline: pd.DataFrame
    ties: str
    strata_labels: tuple
    centre: np.ndarray
    central_hazard: np.ndarray

    def table(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients as a frame.

        Parameters
        ----------
        conf_level : float
            Coverage of the Wald limits.

        Returns
        -------
        pandas.DataFrame
            ``term, coef, std_error, lower, upper, p`` on the log hazard scale.

        Examples
        --------
        >>> fit_cox([[0], [0], [1], [1]], [4, 2, 3, 1], [1, 1, 1, 1]).table()["term"].tolist()
        ['x0']
        """
        z = normal_quantile(conf_level)
        std_error = np.sqrt(np.diag(self.covariance))
        with np.errstate(divide="ignore", invalid="ignore"):
            p = 2 * special.ndtr(-np.abs(self.coef / std_error))
        return pd.DataFrame(
            {
                "term": list(self.terms),
                "coef": self.coef,
                "std_error": std_error,
                "lower": self.coef - z * std_error,
                "upper": self.coef + z * std_error,
                "p": p,
            }
        )

    def linear_predictor(self, covariates) -> np.ndarray:
        """Return X b.

        Parameters
        ----------
        covariates : array or DataFrame, shape (n, p)
            Same columns, in the same order, as the fit.

        Returns
        -------
        numpy.ndarray, shape (n,)

        Examples
        --------
        >>> fit_cox([[0], [0], [1], [1]], [4, 2, 3, 1], [1, 1, 1, 1]).linear_predictor([[0.0]]).tolist()
        [0.0]
        """
        return _as_matrix(covariates)[0] @ self.coef

    def cumulative_hazard(self, covariates, at, strata=None) -> np.ndarray:
        """Predict each person's cumulative hazard at a time of their own, as a step function of time.

        Parameters
        ----------
        covariates : array or DataFrame, shape (n, p)
            As in the fit.
        at : float or array of float, shape (n,)
            A time for everybody, or one for each; the jump at a death time is included.
        strata : array, shape (n,), optional
            Stratum of each person, when the fit is stratified.

        Returns
        -------
        numpy.ndarray, shape (n,)
            0 before the first death; constant after the last.

        Raises
        ------
        ValueError
            If the fit is stratified and no strata, or an unknown stratum, is given.

        Examples
        --------
        >>> fit = fit_cox(np.zeros((3, 0)), [1, 2, 3], [1, 1, 1])
        >>> fit.cumulative_hazard(np.zeros((2, 0)), [0.5, 2]).round(4).tolist()
        [0.0, 0.8333]
        """
        risk = np.exp((_as_matrix(covariates)[0] - self.centre) @ self.coef)
        at = np.asarray(np.broadcast_to(at, len(risk)), dtype=float)
        codes = self._stratum_codes(strata, len(at))
        central = np.zeros(len(at))
        for number, label in enumerate(self.strata_labels):
            rows = self.baseline["stratum"].to_numpy() == label
            time = self.baseline["time"].to_numpy()[rows]
            steps = np.r_[0.0, self.central_hazard[rows]]
            mine = codes == number
            central[mine] = steps[np.searchsorted(time, at[mine], side="right")]
        return risk * central

    def survival(self, covariates, at, strata=None) -> np.ndarray:
        """Predict S(t | x) as a step function of t.

        Parameters
        ----------
        covariates : array or DataFrame, shape (n, p)
            As in the fit.
        at : float or list of float, length k
            Times.
        strata : array, shape (n,), optional
            Stratum of each person, when the fit is stratified.

        Returns
        -------
        numpy.ndarray, shape (n, k)

        Examples
        --------
        >>> fit_cox(np.zeros((3, 0)), [1, 2, 3], [1, 1, 1]).survival(np.zeros((1, 0)), [2]).round(4).tolist()
        [[0.4346]]
        """
        columns = [self.cumulative_hazard(covariates, each, strata) for each in check_times(at)]
        return np.exp(-np.column_stack(columns))

    def _stratum_codes(self, strata, n: int) -> np.ndarray:
        if len(self.strata_labels) == 1 and strata is None:
            return np.zeros(n, dtype=np.int64)
        if strata is None:
            raise ValueError(f"the model is stratified ({list(self.strata_labels)}); give each person's stratum")
        values = pd.Series(np.asarray(strata, dtype=object))
        codes = pd.Index(self.strata_labels).get_indexer(values)
        if (codes < 0).any():
            at = int(np.flatnonzero(codes < 0)[0])
            raise ValueError(f"strata[{at}] is {values[at]!r}; the strata in the model are {list(self.strata_labels)}")
        return codes


def fit_cox(covariates, duration, event, *, entry=None, strata=None, ties: str = "efron") -> CoxFit:
    """Fit a Cox model by maximum partial likelihood.

    Parameters
    ----------
    covariates : array or DataFrame of float, shape (n, p)
        Design matrix without an intercept; no missing values. p = 0 fits the baseline only.
    duration, event, entry
        As in :func:`naome.stats.kaplan_meier.kaplan_meier`.
    strata : array, shape (n,), optional
        Labels with separate baselines.
    ties : {"efron", "breslow"}
        Treatment of tied deaths, in the likelihood and in the baseline. Efron is R's default.

    Returns
    -------
    CoxFit

    Raises
    ------
    ValueError
        If data are not allowed (position and value named), a column is constant or a combination of others (also: among
        the people at risk at deaths, within strata), or nobody died.

    Warns
    -----
    UserWarning
        If a coefficient runs off to infinity (a group without deaths): expected survival is then still right, the
        coefficient and its limits mean nothing.

    Notes
    -----
    Cox (1972); Efron (1977) JASA 72:557. Newton-Raphson with step halving until the log likelihood is stationary to
    1e-11 relative.

    Examples
    --------
    >>> fit_cox([[0], [0], [1], [1]], [4, 2, 3, 1], [1, 1, 1, 1]).coef.round(4).tolist()
    [0.9406]
    """
    likelihood = PartialLikelihood(covariates, duration, event, entry=entry, strata=strata, ties=ties)
    if not likelihood.n_event:
        raise ValueError("event is 0 for everyone; a Cox model needs at least one death")
    likelihood.check_columns()
    coef, value, information = _maximise(likelihood)
    covariance = likelihood.unscale_covariance(_invert(information, likelihood.terms))
    baseline, central_hazard = likelihood.baseline(coef)
    return CoxFit(
        terms=likelihood.terms,
        coef=coef / likelihood.scale,
        covariance=covariance,
        log_likelihood=value,
        n=likelihood.n,
        n_event=likelihood.n_event,
        baseline=baseline,
        ties=ties,
        strata_labels=tuple(likelihood.strata_labels),
        centre=likelihood.centre,
        central_hazard=central_hazard,
    )


class PartialLikelihood:
    """The partial likelihood of one data set: value, score and information at any coefficients.

    Internally covariates are centred and divided by their standard deviation (`scale`), and the coefficients given to
    the methods are on that scale.

    Parameters
    ----------
    covariates, duration, event, entry, strata, ties
        As in :func:`fit_cox`.
    """

    def __init__(self, covariates, duration, event, *, entry=None, strata=None, ties: str = "efron"):
        if ties not in ("efron", "breslow"):
            raise ValueError(f"ties is {ties!r}; allowed: 'efron', 'breslow'")
        check_same_rows(covariates=covariates, duration=duration, event=event, entry=entry, strata=strata)
        matrix, self.terms = _as_matrix(covariates)
        duration, event, entry = check_survival(duration, event, entry)
        codes, self.strata_labels = check_groups(strata, len(duration), "strata")
        if len(matrix) != len(duration):
            raise ValueError(f"covariates have {len(matrix)} rows but there are {len(duration)} people")
        self.n, self.n_event, self.ties = len(duration), int(event.sum()), ties
        self.centre = matrix.mean(axis=0)
        spread = matrix.std(axis=0)
        self.scale = np.where(spread > 0, spread, 1.0)
        # people in order of (stratum, time); integer keys make every risk set a slice
        self.grid = np.unique(duration if entry is None else np.concatenate([duration, entry]))
        self._width = len(self.grid) + 1
        key = codes * self._width + np.searchsorted(self.grid, duration)
        self.order = np.argsort(key, kind="stable")
        self.key, self.event = key[self.order], event[self.order]
        self.x = (matrix[self.order] - self.centre) / self.scale
        self._index_events(codes, entry)

    def _index_events(self, codes: np.ndarray, entry: np.ndarray | None) -> None:
        dead = np.flatnonzero(self.event)
        self.dead = dead
        self.times, self.time_of_death, self.deaths = np.unique(self.key[dead], return_inverse=True, return_counts=True)
        self.stratum_of_death = self.key[dead] // self._width
        stratum_end = (self.times // self._width + 1) * self._width
        self.start, self.end = np.searchsorted(self.key, self.times), np.searchsorted(self.key, stratum_end)
        self.entry_order = None
        if entry is not None:
            entry_key = codes * self._width + np.searchsorted(self.grid, entry)
            by_entry = np.argsort(entry_key, kind="stable")
            self.entry_key = entry_key[by_entry]
            place = np.empty(self.n, dtype=np.int64)
            place[self.order] = np.arange(self.n)
            self.entry_order = place[by_entry]
            # not yet at risk at t: entry >= t (R: at risk when entry < t)
            self.entry_start = np.searchsorted(self.entry_key, self.times)
            self.entry_end = np.searchsorted(self.entry_key, stratum_end)
        # Efron: the l-th of d tied deaths sees the tied deaths with weight 1 - l/d
        place_in_tie = np.arange(len(dead)) - np.r_[0, np.cumsum(self.deaths)[:-1]][self.time_of_death]
        efron = self.ties == "efron"
        self.fraction = place_in_tie / self.deaths[self.time_of_death] if efron else np.zeros(len(dead))

    def check_columns(self) -> None:
        """Raise if a column is constant, or a combination of the others, among the people at risk within strata.

        Raises
        ------
        ValueError
            Naming the column.

        Examples
        --------
        >>> PartialLikelihood([[1.0], [2.0]], [1, 2], [1, 1]).check_columns()
        """
        if not self.x.shape[1]:
            return
        constant = np.flatnonzero((np.abs(self.x) < 1e-12).all(axis=0))
        if len(constant):
            raise ValueError(f"covariate {self.terms[constant[0]]!r} is the same for everyone; omit it")
        _, r, pivots = linalg.qr(self.x, mode="economic", pivoting=True)
        diagonal = np.abs(np.diag(r))
        if diagonal[-1] < 1e-9 * diagonal[0]:
            name = self.terms[pivots[np.flatnonzero(diagonal < 1e-9 * diagonal[0])[0]]]
            raise ValueError(f"covariate {name!r} is a combination of the others; leave one of them out")
        # the same among those who are at risk together: the information per death, at coefficients 0
        information = self.information(self.parts(np.zeros(self.x.shape[1]))) / self.n_event
        spread = np.sqrt(np.maximum(np.diag(information), 0.0))
        flat = np.flatnonzero(spread < 1e-5)
        if len(flat):
            raise ValueError(
                f"covariate {self.terms[flat[0]]!r} never varies among the people at risk at a death (within strata); "
                "leave it out"
            )
        _, r, pivots = linalg.qr(information / np.outer(spread, spread), pivoting=True)
        short = np.abs(np.diag(r)) < 1e-10
        if short.any():
            name = self.terms[pivots[np.flatnonzero(short)[0]]]
            raise ValueError(
                f"covariate {name!r} is a combination of the others among the people at risk at deaths (within "
                "strata); leave one of them out"
            )

    def at_risk_sums(self, values: np.ndarray) -> np.ndarray:
        """Sum a quantity over the risk set of each death time.

        Parameters
        ----------
        values : array, shape (n,) or (n, p)
            In internal order.

        Returns
        -------
        numpy.ndarray, shape (K,) or (K, p)

        Examples
        --------
        >>> PartialLikelihood([[1.0], [2.0]], [1, 2], [1, 1]).at_risk_sums(np.ones(2)).tolist()
        [2.0, 1.0]
        """
        tail = _suffix_sums(values)
        total = tail[self.start] - tail[self.end]
        if self.entry_order is not None:
            late = _suffix_sums(values[self.entry_order])
            total = total - (late[self.entry_start] - late[self.entry_end])
        return total

    def parts(self, coef: np.ndarray) -> dict[str, np.ndarray]:
        """Return the pieces of the likelihood at each single death.

        Parameters
        ----------
        coef : array, shape (p,)
            On the internal scale.

        Returns
        -------
        dict
            ``weight`` (n,) relative hazards; ``s0`` (D,) and ``mean`` (D, p): sum of weights and weighted mean of the
            covariates in the risk set each death sees; ``eta`` (n,).

        Examples
        --------
        >>> PartialLikelihood([[1.0], [2.0]], [1, 2], [1, 1]).parts(np.zeros(1))["s0"].tolist()
        [2.0, 1.0]
        """
        eta = self.x @ coef
        weight = np.exp(eta)
        k, f = self.time_of_death, self.fraction
        s0, s1 = self.at_risk_sums(weight), self.at_risk_sums(weight[:, None] * self.x)
        s0_row, s1_row = s0[k], s1[k]
        if f.any():
            own = np.bincount(k, weight[self.dead], len(self.times))
            own_x = _sum_by(k, weight[self.dead, None] * self.x[self.dead], len(self.times))
            s0_row, s1_row = s0_row - f * own[k], s1_row - f[:, None] * own_x[k]
        return {"eta": eta, "weight": weight, "s0": s0_row, "mean": s1_row / s0_row[:, None]}

    def value(self, coef: np.ndarray) -> float:
        """Return the log partial likelihood.

        Parameters
        ----------
        coef : array, shape (p,)
            On the internal scale.

        Returns
        -------
        float

        Examples
        --------
        >>> round(PartialLikelihood([[1.0], [2.0]], [1, 2], [1, 1]).value(np.zeros(1)), 4)
        -0.6931
        """
        eta = self.x @ coef
        weight = np.exp(eta)
        s0 = self.at_risk_sums(weight)[self.time_of_death]
        if self.fraction.any():
            own = np.bincount(self.time_of_death, weight[self.dead], len(self.times))
            s0 = s0 - self.fraction * own[self.time_of_death]
        return float(eta[self.dead].sum() - np.log(s0).sum())

    def information(self, parts: dict[str, np.ndarray], per_death: np.ndarray | None = None) -> np.ndarray:
        """Return the observed information, each death weighted by `per_death`.

        Parameters
        ----------
        parts : dict
            From :meth:`parts`.
        per_death : array, shape (D,), optional
            Weights g (for sums of g(t) V(t)); None is 1.

        Returns
        -------
        numpy.ndarray, shape (p, p)

        Notes
        -----
        sum over deaths of S2/S0 needs no p x p cumulative sums: person i is in the risk sets of the death times up to
        T_i (and after entry), so S2/S0 summed is X' diag(w a) X with a_i the sum of 1/S0 over those death times.

        Examples
        --------
        >>> likelihood = PartialLikelihood([[1.0], [2.0]], [1, 2], [1, 1])
        >>> likelihood.information(likelihood.parts(np.zeros(1))).tolist()
        [[1.0]]
        """
        g = np.ones(len(self.dead)) if per_death is None else per_death
        inverse = g / parts["s0"]
        exposure = self._sum_while_at_risk(np.bincount(self.time_of_death, inverse, len(self.times)))
        own = np.bincount(self.time_of_death, inverse * self.fraction, len(self.times))
        exposure[self.dead] -= own[self.time_of_death]
        second = (self.x * (parts["weight"] * exposure)[:, None]).T @ self.x
        return second - (parts["mean"] * g[:, None]).T @ parts["mean"]

    def baseline(self, coef: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the baseline hazard at covariates 0, by stratum, and the cumulative hazard at the mean covariates.

        Parameters
        ----------
        coef : array, shape (p,)
            On the internal scale.

        Returns
        -------
        tuple
            (frame with ``stratum, time, n_risk, n_event, hazard, cumulative_hazard``; array with one value per row).

        Examples
        --------
        >>> PartialLikelihood(np.zeros((2, 0)), [1, 2], [1, 1]).baseline(np.zeros(0))[0]["hazard"].tolist()
        [0.5, 1.0]
        """
        s0 = self.parts(coef)["s0"]
        hazard = np.bincount(self.time_of_death, 1 / s0, len(self.times))
        with np.errstate(over="ignore"):
            at_zero = np.exp(-(self.centre / self.scale) @ coef)
        stratum = self.times // self._width
        frame = pd.DataFrame(
            {
                "stratum": np.asarray(self.strata_labels, dtype=object)[stratum],
                "time": self.grid[self.times % self._width],
                "n_risk": np.rint(self.at_risk_sums(np.ones(self.n))).astype(np.int64),
                "n_event": self.deaths,
                "hazard": hazard * at_zero,
            }
        )
        total = np.cumsum(hazard)
        first = np.searchsorted(stratum, stratum)
        central = total - (total[first] - hazard[first])
        return frame.assign(cumulative_hazard=central * at_zero), central

    def unscale_covariance(self, covariance: np.ndarray) -> np.ndarray:
        """Return a covariance matrix of internal coefficients on the original scale.

        Parameters
        ----------
        covariance : array, shape (p, p)

        Returns
        -------
        numpy.ndarray, shape (p, p)

        Examples
        --------
        >>> PartialLikelihood([[1.0], [5.0]], [1, 2], [1, 1]).unscale_covariance(np.array([[4.0]])).tolist()
        [[1.0]]
        """
        return covariance / np.outer(self.scale, self.scale)

    def score_residuals(self, coef: np.ndarray) -> np.ndarray:
        """Return each person's part of the score, in the order of the data given.

        Parameters
        ----------
        coef : array, shape (p,)
            On the internal scale.

        Returns
        -------
        numpy.ndarray, shape (n, p)
            On the original scale of the covariates; columns add up to the score, 0 at the maximum.

        Notes
        -----
        The residual of person i is its covariates less their mean in the risk set, at its death, less the same at every
        death that it was at risk of, times the hazard it had there (Lin & Wei 1989). With Efron's ties the l-th of d
        tied deaths sees the tied people with weight 1 - l/d: each of them has the mean over the d terms at its death.

        Examples
        --------
        >>> PartialLikelihood([[1.0], [2.0]], [1, 2], [1, 1]).score_residuals(np.zeros(1)).tolist()
        [[-0.25], [-0.25]]
        """
        parts = self.parts(coef)
        k, inverse = self.time_of_death, 1 / parts["s0"]
        scaled = inverse[:, None] * parts["mean"]
        size = len(self.times)
        exposure = self._sum_while_at_risk(np.bincount(k, inverse, size))
        weighted = self._sum_while_at_risk(_sum_by(k, scaled, size))
        exposure[self.dead] -= np.bincount(k, inverse * self.fraction, size)[k]
        weighted[self.dead] -= _sum_by(k, scaled * self.fraction[:, None], size)[k]
        residual = -parts["weight"][:, None] * (self.x * exposure[:, None] - weighted)
        residual[self.dead] += self.x[self.dead] - (_sum_by(k, parts["mean"], size) / self.deaths[:, None])[k]
        given = np.empty_like(residual)
        given[self.order] = residual
        return given * self.scale

    def _sum_while_at_risk(self, per_time: np.ndarray) -> np.ndarray:
        total = np.zeros((len(per_time) + 1, *per_time.shape[1:]))
        total[1:] = np.cumsum(per_time, axis=0)
        stratum_start = (self.key // self._width) * self._width
        floor = np.searchsorted(self.times, stratum_start)
        if self.entry_order is not None:
            floor = floor.copy()
            floor[self.entry_order] = np.searchsorted(self.times, self.entry_key, side="right")
        return total[np.searchsorted(self.times, self.key, side="right")] - total[floor]


def _maximise(likelihood: PartialLikelihood):
    coef = np.zeros(likelihood.x.shape[1])
    value = likelihood.value(coef)
    parts = likelihood.parts(coef)
    information = likelihood.information(parts)
    for _ in range(60):
        if not len(coef):
            break
        score = (likelihood.x[likelihood.dead] - parts["mean"]).sum(axis=0)
        step = solve_symmetric(information, score)
        new_value = -np.inf
        for _ in range(30):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                new_value = likelihood.value(coef + step)
            if np.isfinite(new_value) and new_value >= value - 1e-9 * abs(value):
                break
            step = step / 2
        coef = coef + step
        gain, value = new_value - value, new_value
        parts = likelihood.parts(coef)
        information = likelihood.information(parts)
        if abs(gain) <= 1e-11 * max(abs(value), 1.0) and np.max(np.abs(step)) < 1e-7:
            break
        if abs(gain) <= 1e-11 * max(abs(value), 1.0) and np.max(np.abs(coef)) > 8:
            break  # a coefficient on its way to infinity: the likelihood has stopped moving
    _warn_of_infinite(likelihood, coef, information)
    return coef, value, information


def _warn_of_infinite(likelihood: PartialLikelihood, coef: np.ndarray, information: np.ndarray) -> None:
    # standardised covariates: with D deaths an information far below 1 says the data no longer bear on the coefficient
    flat = np.flatnonzero((np.diag(information) < 1e-3) & (np.abs(coef) > 1)) if len(coef) else np.array([], dtype=int)
    if len(flat):
        names = ", ".join(repr(likelihood.terms[i]) for i in flat)
        warnings.warn(
            f"no finite estimate for {names}: a level without deaths, or all deaths; merge levels", stacklevel=3
        )


def _invert(information: np.ndarray, terms: tuple[str, ...]) -> np.ndarray:
    if not len(terms):
        return information
    try:
        return linalg.cho_solve(linalg.cho_factor(information), np.eye(len(terms)))
    except linalg.LinAlgError:
        return np.linalg.pinv(information, hermitian=True)


def _suffix_sums(values: np.ndarray) -> np.ndarray:
    tail = np.zeros((len(values) + 1, *values.shape[1:]))
    tail[:-1] = np.cumsum(values[::-1], axis=0)[::-1]
    return tail


def _sum_by(index: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    # index is ascending, every value present: deaths are in order of time
    return np.add.reduceat(values, np.searchsorted(index, np.arange(size)), axis=0)


def _as_matrix(covariates) -> tuple[np.ndarray, tuple[str, ...]]:
    terms = tuple(str(c) for c in covariates.columns) if isinstance(covariates, pd.DataFrame) else None
    if terms is not None and not all(pd.api.types.is_numeric_dtype(dtype) for dtype in covariates.dtypes):
        # columns of text or dates are refused, numbers of any type are not
        columns = [read_numbers(covariates.iloc[:, k], f"covariate {name!r}") for k, name in enumerate(terms)]
        covariates = np.column_stack(columns)
    matrix = read_numbers(covariates, "covariates")
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2:
        raise ValueError(f"covariates have {matrix.ndim} dimensions; allowed: a table of people by columns")
    terms = terms or tuple(f"x{i}" for i in range(matrix.shape[1]))
    wrong = ~np.isfinite(matrix)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"covariate {terms[column]!r} is {matrix[row, column]} in row {row} (and missing or infinite in "
            f"{int(wrong[:, column].sum())} rows); impute first, or leave these people out and say so"
        )
    size = np.abs(matrix).max(axis=0, initial=0.0)
    beyond = np.flatnonzero((size > LARGEST_UNIT) | ((size > 0) & (size < 1 / LARGEST_UNIT)))
    if len(beyond):
        raise ValueError(
            f"covariate {terms[beyond[0]]!r} has values up to {size[beyond[0]]:g}; give it in another unit (allowed: "
            f"{1 / LARGEST_UNIT:g} to {LARGEST_UNIT:g}), so that its variance is a number"
        )
    return matrix, terms
