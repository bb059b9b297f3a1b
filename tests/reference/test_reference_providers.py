"""Intervals, funnels, overdispersion and provider tables against R (see README.md in this folder)."""

import json
from pathlib import Path

import numpy as np
import pytest

from naome.stats.funnel import binomial_limits, classify, realised_tail_probabilities
from naome.stats.intervals import poisson_exact, smr, wilson
from naome.stats.overdispersion import overdispersion
from naome.stats.risk_adjustment import fit_expected, risk_adjusted_proportion, risk_adjusted_survival

YEAR = 365.25
EXACT = {"rtol": 0, "atol": 1e-9}
FUNNEL_COLUMNS = {
    "midp": "midp_symmetric_interp",
    "spiegelhalter": "spiegelhalter_exact_interp",
    "exact_tail": "exact_tail_interp",
    "normal": "normal",
}
RATE_COLUMNS = {"midp": "midsym", "spiegelhalter": "spieg", "exact_tail": "exacttail", "normal": "normal"}


@pytest.mark.parametrize("level", [0.95, 0.998])
def test_proportion_intervals(expected, level):
    reference = expected("proportion_ci.csv").query("abs(conf - @level) < 1e-12")
    score = wilson(reference["x"], reference["n"], level)
    np.testing.assert_allclose(score["lower"], reference["wilson_lo"], **EXACT)
    np.testing.assert_allclose(score["upper"], reference["wilson_hi"], **EXACT)


@pytest.mark.parametrize("level", [0.95, 0.998])
def test_count_intervals(expected, level):
    reference = expected("poisson_count_ci.csv").query("abs(conf - @level) < 1e-12")
    ours = poisson_exact(reference["O"], level)
    np.testing.assert_allclose(ours[["lower", "upper"]], reference[["exact_lo", "exact_hi"]], **EXACT)


@pytest.mark.parametrize("level", [0.95, 0.998])
def test_standardised_ratio_intervals(expected, level):
    reference = expected("smr_ci.csv").query("abs(conf - @level) < 1e-12")
    ours = smr(reference["O"], reference["E"], level)
    columns = ["ratio", "lower", "upper"]
    np.testing.assert_allclose(ours[columns], reference[["smr", "exact_lo", "exact_hi"]], **EXACT)


@pytest.mark.parametrize("method", FUNNEL_COLUMNS)
def test_binomial_funnel_limits(expected, method):
    reference = expected("funnel_limits_binomial.csv")
    for (target, limit), rows in reference.groupby(["theta0", "limit"]):
        ours = binomial_limits(target, rows["n"], 0.025 if limit.endswith("95") else 0.001, method)
        side = "lower" if limit.startswith("l") else "upper"
        np.testing.assert_allclose(ours[side], rows[FUNNEL_COLUMNS[method]], **EXACT)


@pytest.mark.parametrize("method", RATE_COLUMNS)
def test_realised_false_alarm_rates(expected, method):
    for row in expected("funnel_false_alarm_rates.csv").itertuples():
        ours = realised_tail_probabilities(row.theta0, int(row.n), row.nominal_each_tail, method).loc[0]
        assert ours["lower_tail"] == pytest.approx(getattr(row, f"{RATE_COLUMNS[method]}_low"), abs=1e-9)
        assert ours["upper_tail"] == pytest.approx(getattr(row, f"{RATE_COLUMNS[method]}_high"), abs=1e-9)


def test_midp_scores_of_the_surgical_hospitals(surgical, expected):
    reference = expected("funnel_classification_surgical.csv")
    ours = classify(surgical["r"], surgical["n"], surgical["r"].sum() / surgical["n"].sum(), higher_is="worse")
    np.testing.assert_allclose(ours["z"], reference["z_midp"], **EXACT)
    # the published limits put B, E, H and K outside; the mid-P test adds A (no deaths among 47, 3.5 expected)
    outside = surgical.loc[ours["level"] != "within", "hospital"].tolist()
    assert outside == ["A", "B", "E", "H", "K"]
    assert surgical.loc[ours["level"] == "alarm", "hospital"].tolist() == ["H"]


@pytest.mark.parametrize("scale", ["untransformed", "arcsine", "logit_cc_target_se", "no_winsor_arcsine", "smr_sqrt"])
def test_overdispersion(surgical, scale):
    reference = json.loads((Path(__file__).parent / "expected" / "overdispersion_surgical.json").read_text())
    target, share, n = reference["theta0"], surgical["r"] / surgical["n"], surgical["n"]

    def logit(p):
        return np.log(p / (1 - p))

    arcsine = (np.arcsin(np.sqrt(share)), 1 / (2 * np.sqrt(n)), np.arcsin(np.sqrt(target)))
    y, std_error, centre = {
        "untransformed": (share, np.sqrt(target * (1 - target) / n), target),
        "arcsine": arcsine,
        "no_winsor_arcsine": arcsine,
        "logit_cc_target_se": (
            logit((surgical["r"] + 0.5) / (n + 1)),
            1 / np.sqrt(n * target * (1 - target)),
            logit(target),
        ),
        "smr_sqrt": (np.sqrt(share / target), 1 / (2 * np.sqrt(n * target)), 1.0),
    }[scale]
    ours = overdispersion(y, std_error, centre, winsorise=0.0 if scale == "no_winsor_arcsine" else 0.1)
    rows = reference[scale]
    assert ours.phi == pytest.approx(rows["phi"], abs=1e-9)
    assert ours.tau2 == pytest.approx(rows["tau2"], abs=1e-9)


def test_risk_adjusted_survival_of_providers(rotterdam, covariates, expected):
    reference = expected("provider_rotterdam.csv").sort_values(["provider", "t_days"])
    model = fit_expected(rotterdam, duration="dtime", event="death", covariates=covariates)
    times = [YEAR, 3 * YEAR, 5 * YEAR]
    ours = risk_adjusted_survival(rotterdam, model, provider="provider", at=times, calibrate=False)
    assert ours["provider"].tolist() == reference["provider"].tolist()
    assert ours["time"].tolist() == reference["t_days"].tolist()
    assert ours["observed"].tolist() == reference["O"].tolist()
    assert (ours["status"] == "ok").all()
    pairs = {
        "expected": "E_cumhaz",
        "survival_unadjusted": "km",
        "survival_expected": "S_expected_mean",
        "survival_adjusted": "RA_D_kmratio_loglog",
        "lower": "RA_D_lo",
        "upper": "RA_D_hi",
        "z": "z_C",
        "std_error": "std_error_C",
        "early_warning_z": "z_B_midp",
    }
    # R's values take the expectation as known
    ours["early_warning_z"] *= np.sqrt(1 - ours["early_own_share"])
    for mine, theirs in pairs.items():
        np.testing.assert_allclose(ours[mine], reference[theirs], rtol=0, atol=1e-4, err_msg=mine)


def test_logistic_expected_deaths_of_providers(rotterdam, covariates, expected):
    # the reference model left out those censored before t: wrong as policy, right as a check of the regression
    reference = expected("provider_rotterdam.csv").query("t_days == 1826.25")
    followed = rotterdam[(rotterdam["dtime"] >= 5 * YEAR) | (rotterdam["death"] == 1)]
    dead = ((followed["dtime"] <= 5 * YEAR) & (followed["death"] == 1)).astype(int)
    ours = risk_adjusted_proportion(
        followed.assign(dead=dead), event="dead", provider="provider", covariates=covariates
    )
    assert ours["observed"].tolist() == reference["logit_O"].tolist()
    np.testing.assert_allclose(ours["expected"], reference["logit_E"], rtol=0, atol=1e-4)
    # R's score test of a term for the provider; ours has an exact tail in place of a normal one
    np.testing.assert_allclose(ours["z"], reference["logit_score"], rtol=0, atol=0.05)
