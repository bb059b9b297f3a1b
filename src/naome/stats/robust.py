"""Standard errors of a Cox model that do not assume that people of one organisation are independent."""

from __future__ import annotations

import numpy as np

from naome.stats.cox import CoxFit, PartialLikelihood
from naome.stats.inputs import check_groups, check_same_rows

__all__ = ["robust_covariance"]

# Standard errors that a fit may be away from the maximum: fits end within 1e-6, those of other data do not
AT_MAXIMUM = 1e-3


def robust_covariance(fit: CoxFit, covariates, duration, event, *, cluster=None, entry=None, strata=None) -> np.ndarray:
    """Estimate the covariance of the coefficients of a Cox model by the sandwich estimator.

    Parameters
    ----------
    fit : CoxFit
        Of these data.
    covariates, duration, event, entry, strata
        As given to :func:`naome.stats.cox.fit_cox`.
    cluster : array, shape (n,), optional
        One label per person, for example the organisation; without it each person is a cluster.

    Returns
    -------
    numpy.ndarray, shape (p, p)
        Covariance of the log hazard ratios. Its diagonal is valid with many clusters, also when hazards are not
        proportional. From few clusters it is too small, and with fewer clusters than coefficients it is singular.

    Raises
    ------
    ValueError
        If the data have other columns, people or deaths than the fit, or another maximum; if nobody died; if there are
        fewer than two clusters, whose residuals add up to nothing; or if a value is not allowed.

    Notes
    -----
    Lin & Wei (1989) JASA 84:1074; clusters: Lee, Wei & Amato (1992). Sums over clusters of the score residuals, exact
    for Efron's ties, times the inverse information: R's ``coxph(..., cluster = )``, without a correction for the number
    of clusters.

    Examples
    --------
    >>> from naome.stats.cox import fit_cox
    >>> x, time, died = [[0.0], [0], [1], [1], [1], [0]], [4, 2, 3, 1, 6, 5], [1, 1, 1, 1, 0, 1]
    >>> robust_covariance(fit_cox(x, time, died), x, time, died, cluster=list("aabbcc")).round(3).tolist()
    [[0.607]]
    """
    check_same_rows(covariates=covariates, duration=duration, event=event, entry=entry, strata=strata, cluster=cluster)
    likelihood = PartialLikelihood(covariates, duration, event, entry=entry, strata=strata, ties=fit.ties)
    if likelihood.terms != fit.terms:
        raise ValueError(f"covariates are {list(likelihood.terms)}, those of the fit {list(fit.terms)}")
    deaths = int(np.asarray(event, dtype=float).sum())
    if not deaths:
        raise ValueError("no one died, so that there is nothing from which a covariance could be estimated")
    if (likelihood.n, deaths) != (fit.n, fit.n_event):
        raise ValueError(
            f"the data have {likelihood.n} people and {deaths} deaths, those of the fit {fit.n} and {fit.n_event}"
        )
    residuals = likelihood.score_residuals(fit.coef * likelihood.scale)
    away = np.abs(fit.covariance @ residuals.sum(axis=0)) / np.sqrt(np.diag(fit.covariance))
    if (away > AT_MAXIMUM).any():
        raise ValueError(
            f"the fit is not at the maximum of these data: {fit.terms[int(away.argmax())]!r} is {away.max():.2g} "
            "standard errors away; give the data of the fit"
        )
    if cluster is not None:
        codes, labels = check_groups(cluster, likelihood.n, "cluster")
        if len(labels) < 2:
            raise ValueError(f"cluster has {len(labels)} distinct value(s); the variation between clusters needs two")
        sums = np.zeros((len(labels), residuals.shape[1]))
        np.add.at(sums, codes, residuals)
        residuals = sums
    changes = residuals @ fit.covariance  # how far the coefficients move without each cluster, to first order
    return changes.T @ changes
