"""Survival against R's survival package (values and scripts: README.md in this folder)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from naome.stats.competing import aalen_johansen
from naome.stats.cox import fit_cox
from naome.stats.diagnostics import cox_zph
from naome.stats.kaplan_meier import kaplan_meier, logrank, median_survival
from naome.stats.pseudo import pseudo_observations
from naome.stats.risk_adjustment import fit_expected

YEAR = 365.25
TIMES = [YEAR, 3 * YEAR, 5 * YEAR]
VALUES = ["survival", "std_error", "lower", "upper"]


@pytest.fixture(scope="module")
def summaries():
    return json.loads((Path(__file__).parent / "expected" / "km_median_logrank.json").read_text())


@pytest.mark.parametrize("by", [None, "grade", "size"])
def test_kaplan_meier_greenwood_and_log_log_limits(rotterdam, expected, by):
    reference = expected("km_at_times.csv")
    reference = reference[reference["dataset"] == "rotterdam_death" + (f"_by_{by}" if by else "")]
    reference = reference.assign(stratum=reference["stratum"].astype(str)).set_index(["stratum", "time"]).sort_index()
    ours = kaplan_meier(rotterdam["dtime"], rotterdam["death"], group=rotterdam[by] if by else None, at=TIMES)
    ours = ours.assign(group=ours["group"].astype(str)).set_index(["group", "time"]).sort_index()
    assert ours.index.tolist() == reference.index.tolist()
    assert ours["n_risk"].tolist() == reference["n_risk"].tolist()
    np.testing.assert_allclose(ours[VALUES], reference[["surv", "std_err", "lower", "upper"]], rtol=0, atol=1e-10)


def test_kaplan_meier_with_delayed_entry_and_with_the_clock_reset(recurrent, expected):
    reference = expected("km_rotterdam_recurrent_left_truncation.csv")
    delayed = kaplan_meier(recurrent["dtime"], recurrent["death"], entry=recurrent["rtime"], at=[*TIMES, 10 * YEAR])
    reset = kaplan_meier(recurrent["dtime"] - recurrent["rtime"], recurrent["death"], at=TIMES)
    ours = pd.concat([delayed, reset])
    np.testing.assert_allclose(ours[VALUES], reference[["surv", "std_err", "lower", "upper"]], rtol=0, atol=1e-10)
    # R prints the risk set at the next follow-up time when t is not one, so counts people who enter in between; ours
    # is the number with entry < t <= duration
    for time, count in zip(delayed["time"], delayed["n_risk"], strict=True):
        assert count == ((recurrent["rtime"] < time) & (recurrent["dtime"] >= time)).sum()
        following = recurrent.loc[recurrent["dtime"] >= time, "dtime"].min()
        at_next = ((recurrent["rtime"] < following) & (recurrent["dtime"] >= following)).sum()
        assert at_next == reference.loc[reference["time"] == time, "n_risk"].iloc[0]


def test_median(rotterdam, summaries):
    median = median_survival(rotterdam["dtime"], rotterdam["death"]).loc[0, ["median", "lower", "upper"]]
    assert median.to_dict() == summaries["median_loglog"]["rotterdam"]


@pytest.mark.parametrize("group", ["grade", "size"])
def test_logrank(rotterdam, summaries, group):
    reference = summaries["logrank"][f"rotterdam_{group}"]
    labels = pd.Categorical(rotterdam["size"], ["<=20", "20-50", ">50"]) if group == "size" else rotterdam[group]
    ours = logrank(rotterdam["dtime"], rotterdam["death"], labels)
    assert ours["chi_squared"].iloc[0] == pytest.approx(reference["chisq"], abs=1e-10)
    assert ours["p_value"].iloc[0] == pytest.approx(reference["p"], rel=1e-10)
    assert ours["df"].iloc[0] == reference["df"]
    np.testing.assert_allclose(ours["expected"], reference["exp"], atol=1e-10)
    assert ours["observed"].tolist() == reference["obs"]


def test_aalen_johansen(rotterdam, expected):
    reference = expected("aalen_johansen_rotterdam.csv")
    recurred = rotterdam["recur"] == 1
    cause = np.where(recurred, 1, np.where(rotterdam["death"] == 1, 2, 0))
    ours = aalen_johansen(np.where(recurred, rotterdam["rtime"], rotterdam["dtime"]), cause, at=TIMES)
    estimates = np.r_[reference["cif_recur"], reference["cif_death"]]
    np.testing.assert_allclose(ours["cumulative_incidence"], estimates, rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours["std_error"], np.r_[reference["se_recur"], reference["se_death"]], atol=1e-10)


def test_pseudo_observations_are_the_exact_jackknife(rotterdam, expected):
    reference = expected("pseudo_observations_rotterdam.csv").set_index("pid")
    ours = pseudo_observations(rotterdam["dtime"], rotterdam["death"], TIMES)
    ours = pd.DataFrame(ours, index=rotterdam["pid"]).loc[reference.index]
    np.testing.assert_allclose(ours, reference[["jack_1y", "jack_3y", "jack_5y"]], rtol=0, atol=1e-8)
    # the infinitesimal jackknife is something else
    assert np.abs(ours.to_numpy() - reference[["ij_1y", "ij_3y", "ij_5y"]].to_numpy()).max() > 1e-6


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_coefficients_and_step_baseline(rotterdam, covariates, expected, ties):
    reference = expected("cox_coefficients.csv").query("model == 'rotterdam_death' and ties == @ties")
    fit = fit_cox(rotterdam[covariates], rotterdam["dtime"], rotterdam["death"], ties=ties)
    np.testing.assert_allclose(fit.coef, reference["coef"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(fit.table()["std_error"], reference["se"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(fit.table()["p"], reference["p"], rtol=0, atol=1e-6)
    assert fit.log_likelihood == pytest.approx(reference["loglik"].iloc[0], abs=1e-6)
    baseline = expected(f"cox_rotterdam_basehaz_{ties}_x0.csv")
    at_zero = np.zeros((len(baseline), len(covariates)))
    ours = fit.cumulative_hazard(at_zero, baseline["time"])
    np.testing.assert_allclose(ours, baseline["H0_x0"], rtol=0, atol=1e-6)


def test_cox_covariance(rotterdam, covariates, expected):
    fit = fit_cox(rotterdam[covariates], rotterdam["dtime"], rotterdam["death"])
    reference = expected("cox_rotterdam_efron_vcov.csv").iloc[:, 1:]
    np.testing.assert_allclose(fit.covariance, reference, rtol=0, atol=1e-9)


def test_cox_with_strata(rotterdam, covariates, expected):
    reference = expected("cox_coefficients.csv").query("model == 'rotterdam_death_strata_meno'")
    others = [name for name in covariates if name != "meno"]
    fit = fit_cox(rotterdam[others], rotterdam["dtime"], rotterdam["death"], strata=rotterdam["meno"])
    np.testing.assert_allclose(fit.coef, reference["coef"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(fit.table()["std_error"], reference["se"], rtol=0, atol=1e-6)


def test_cox_with_delayed_entry(recurrent, covariates, expected):
    reference = expected("cox_coefficients.csv").query("model == 'rotterdam_recurrent_delayed_entry'")
    fit = fit_cox(recurrent[covariates], recurrent["dtime"], recurrent["death"], entry=recurrent["rtime"])
    np.testing.assert_allclose(fit.coef, reference["coef"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(fit.table()["std_error"], reference["se"], rtol=0, atol=1e-6)


def test_expected_survival_of_people_and_of_groups(rotterdam, covariates, expected):
    model = fit_expected(rotterdam, duration="dtime", event="death", covariates=covariates)
    survival = model.expected_survival(rotterdam, TIMES)
    reference = expected("cox_rotterdam_individual_predictions.csv").set_index("pid")
    ours = pd.DataFrame(survival, index=rotterdam["pid"]).loc[reference.index]
    np.testing.assert_allclose(ours, reference[["S1", "S3", "S5"]], rtol=0, atol=1e-6)
    groups = expected("survexp_cox_rotterdam.csv")
    groups = groups[groups["method"].str.startswith("ederer")]
    for grade, rows in groups.groupby("grade", dropna=False):
        chosen = rotterdam["grade"] == grade if pd.notna(grade) else np.ones(len(rotterdam), dtype=bool)
        np.testing.assert_allclose(survival[chosen].mean(axis=0), rows["surv"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("transform", ["km", "identity", "log", "rank"])
def test_proportional_hazards_score_test(rotterdam, covariates, expected, transform):
    reference = expected("cox_zph.csv").query("transform == @transform")
    ours = cox_zph(rotterdam, duration="dtime", event="death", covariates=covariates, transform=transform)
    assert ours["term"].tolist() == reference["term"].tolist()
    np.testing.assert_allclose(ours["chi_squared"], reference["chisq"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours["p_value"], reference["p"], rtol=0, atol=1e-6)
