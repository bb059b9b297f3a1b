"""Robust covariance of Cox models, and standard errors of concordance, against R."""

import numpy as np
import pytest

from naome.stats.concordance import concordance, uno_concordance
from naome.stats.cox import fit_cox
from naome.stats.robust import robust_covariance

YEAR = 365.25


@pytest.fixture(scope="module")
def people(rotterdam):
    return rotterdam.assign(months=np.ceil(rotterdam["dtime"] / (YEAR / 12)))


@pytest.fixture(scope="module")
def risk(people, covariates):
    fit = fit_cox(people[covariates], people["dtime"], people["death"])
    return np.round(people[covariates].to_numpy() @ fit.coef, 1)


@pytest.mark.parametrize("cluster", ["person", "provider"])
@pytest.mark.parametrize("model", ["days", "months", "strata", "entry"])
def test_robust_covariance(people, recurrent, covariates, expected, model, cluster):
    reference = expected("robust_cox.csv").query("model == @model and cluster == @cluster")
    frame = recurrent if model == "entry" else people
    columns = [name for name in covariates if model != "strata" or name != "meno"]
    data = (frame[columns], frame["dtime" if model in ("days", "entry") else "months"], frame["death"])
    more = {"strata": {"strata": frame["meno"]}, "entry": {"entry": frame.get("rtime")}}.get(model, {})
    fit = fit_cox(*data, **more)
    ours = robust_covariance(fit, *data, **more, cluster=None if cluster == "person" else frame["provider"])
    place = {name: number for number, name in enumerate(fit.terms)}
    values = [
        ours[place[row], place[column]] for row, column in zip(reference["row"], reference["column"], strict=True)
    ]
    assert len(reference) == len(columns) * (len(columns) + 1) / 2
    size = np.sqrt(np.diag(ours))
    scale = [
        size[place[row]] * size[place[column]]
        for row, column in zip(reference["row"], reference["column"], strict=True)
    ]
    assert np.max(np.abs(values - reference["covariance"]) / scale) < 1e-8


def test_ties_matter_to_the_robust_covariance(people, covariates):
    data = (people[covariates], people["months"], people["death"])
    efron, breslow = (np.sqrt(np.diag(robust_covariance(fit_cox(*data, ties=t), *data))) for t in ("efron", "breslow"))
    assert np.abs(efron / breslow - 1).max() > 1e-4


@pytest.mark.parametrize("unit", ["dtime", "months"])
def test_harrell_concordance_and_its_standard_error(people, risk, expected, unit):
    reference = expected("concordance_variance.csv").query("time_unit == @unit and weight == 'n'").iloc[0]
    ours = concordance(people[unit], people["death"], risk).iloc[0]
    assert ours["concordance"] == pytest.approx(reference["concordance"], abs=1e-12)
    assert ours["std_error"] ** 2 == pytest.approx(reference["variance"], rel=1e-10)


@pytest.mark.parametrize("unit", ["dtime", "months"])
def test_uno_concordance_and_its_standard_error(people, risk, expected, unit):
    reference = expected("concordance_variance.csv").query("time_unit == @unit and weight == 'n/G2'")
    ours = uno_concordance(people[unit], people["death"], risk, at=reference["at"].tolist())
    np.testing.assert_allclose(ours["concordance"], reference["concordance"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours["std_error"] ** 2, reference["variance"], rtol=1e-10)
