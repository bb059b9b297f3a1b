"""One test for each library default that would have given a wrong number: ours is right, the default is not."""

import warnings

import numpy as np
import pandas as pd
import pytest

from naome.stats.competing import aalen_johansen
from naome.stats.cox import fit_cox
from naome.stats.diagnostics import cox_zph
from naome.stats.intervals import wilson
from naome.stats.kaplan_meier import kaplan_meier, logrank
from naome.stats.risk_adjustment import fit_expected, risk_adjusted_proportion

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the libraries' own import-time warnings are not our subject
    import lifelines
    import statsmodels.api as sm
    from lifelines.statistics import proportional_hazard_test

YEAR = 365.25


@pytest.fixture(scope="module")
def lifelines_fit(rotterdam, covariates):
    return lifelines.CoxPHFitter().fit(rotterdam[[*covariates, "dtime", "death"]], "dtime", "death")


def test_expected_survival_is_a_step_function_not_interpolated(rotterdam, covariates):
    model = fit_expected(rotterdam, duration="dtime", event="death", covariates=covariates)
    deaths = np.unique(rotterdam.loc[rotterdam["death"] == 1, "dtime"])
    k = int(np.argmax(np.diff(deaths[:1000])))  # a wide gap between two deaths
    early, late = deaths[k], deaths[k + 1]
    person = rotterdam.iloc[[0]]
    within = model.expected_survival(person, [early, (early + late) / 2, late - 1e-6, late])[0]
    assert within[0] == within[1] == within[2]
    assert within[3] < within[2]


def test_lifelines_interpolates(rotterdam, covariates, lifelines_fit, expected):
    reference = expected("cox_rotterdam_individual_predictions.csv").set_index("pid")
    rows = rotterdam.set_index("pid").loc[reference.index].reset_index()
    theirs = lifelines_fit.predict_survival_function(rows[covariates], times=[5 * YEAR]).to_numpy()[0]
    model = fit_expected(rotterdam, duration="dtime", event="death", covariates=covariates)
    ours = model.expected_survival(rows, 5 * YEAR)[:, 0]
    assert np.abs(theirs - reference["S5"]).max() > 1e-5
    assert np.abs(ours - reference["S5"]).max() < 1e-9


def test_the_baseline_belongs_to_the_ties(rotterdam, covariates, lifelines_fit, expected):
    # lifelines and scikit-survival put Breslow's baseline under Efron's coefficients
    reference = expected("cox_rotterdam_basehaz_efron_x0.csv")
    fit = fit_cox(rotterdam[covariates], rotterdam["dtime"], rotterdam["death"])
    at_zero = np.zeros((len(reference), len(covariates)))
    assert np.abs(fit.cumulative_hazard(at_zero, reference["time"]) - reference["H0_x0"]).max() < 1e-9
    breslow = fit_cox(rotterdam[covariates], rotterdam["dtime"], rotterdam["death"], ties="breslow")
    assert np.abs(breslow.cumulative_hazard(at_zero, reference["time"]) - reference["H0_x0"]).max() > 1e-6


def test_phreg_uses_breslow_unless_told(rotterdam, covariates, expected):
    reference = expected("cox_coefficients.csv").query("model == 'rotterdam_death' and ties == 'efron'")["coef"]
    default = sm.PHReg(rotterdam["dtime"], rotterdam[covariates], status=rotterdam["death"]).fit().params
    ours = fit_cox(rotterdam[covariates], rotterdam["dtime"], rotterdam["death"]).coef
    assert np.abs(np.asarray(default) - reference.to_numpy()).max() > 1e-5
    assert np.abs(ours - reference.to_numpy()).max() < 1e-9


def test_entry_at_t_is_not_at_risk_at_t(recurrent, covariates, expected):
    reference = expected("cox_coefficients.csv").query("model == 'rotterdam_recurrent_delayed_entry'")["coef"]
    theirs = sm.PHReg(
        recurrent["dtime"],
        recurrent[covariates],
        status=recurrent["death"],
        entry=recurrent["rtime"].to_numpy(),
        ties="efron",
    ).fit()
    ours = fit_cox(recurrent[covariates], recurrent["dtime"], recurrent["death"], entry=recurrent["rtime"]).coef
    assert np.abs(np.asarray(theirs.params) - reference.to_numpy()).max() > 1e-5
    assert np.abs(ours - reference.to_numpy()).max() < 1e-9
    small = kaplan_meier([2, 3, 4], [1, 1, 1], entry=[0, 2, 0], at=2)
    assert small["n_risk"].tolist() == [2]


def test_proportional_hazards_test_is_not_the_approximation(rotterdam, covariates, lifelines_fit, expected):
    reference = expected("cox_zph.csv").query("transform == 'km'").set_index("term")["chisq"]
    training = rotterdam[[*covariates, "dtime", "death"]]
    theirs = proportional_hazard_test(lifelines_fit, training, time_transform="km").summary["test_statistic"]
    ours = cox_zph(rotterdam, duration="dtime", event="death", covariates=covariates).set_index("term")["chi_squared"]
    assert abs(theirs["ler"] - reference["ler"]) > 50
    assert abs(ours["ler"] - reference["ler"]) < 1e-6


def test_limits_where_nobody_or_everybody_died_are_not_certainty():
    theirs = lifelines.KaplanMeierFitter().fit([1, 2, 3, 4], [0, 0, 0, 0]).confidence_interval_.iloc[-1]
    assert theirs.tolist() == [1.0, 1.0]
    ours = kaplan_meier([1, 2, 3, 4], [0, 0, 0, 0], at=1)
    assert ours["lower"].iloc[0] == pytest.approx(0.025 ** (1 / 4))
    gone = kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1], at=4)
    assert gone["lower"].iloc[0] == 0
    assert gone["upper"].iloc[0] == pytest.approx(1 - 0.025 ** (1 / 4))


def test_aalen_johansen_does_not_jitter_ties(rotterdam, expected):
    recurred = rotterdam["recur"] == 1
    cause = np.where(recurred, 1, np.where(rotterdam["death"] == 1, 2, 0))
    time = np.where(recurred, rotterdam["rtime"], rotterdam["dtime"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that it breaks ties at random
        theirs = lifelines.AalenJohansenFitter(seed=1).fit(time, cause, event_of_interest=1)
    reference = expected("aalen_johansen_rotterdam.csv")["cif_recur"].iloc[-1]
    ours = aalen_johansen(time, cause, at=5 * YEAR)["cumulative_incidence"].iloc[0]
    assert abs(theirs.predict(5 * YEAR) - reference) > 1e-8
    assert abs(ours - reference) < 1e-12


def test_weightings_peto_is_not_our_logrank(rotterdam):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peto = lifelines.statistics.multivariate_logrank_test(
            rotterdam["dtime"], rotterdam["grade"], rotterdam["death"], weightings="peto"
        )
    ours = logrank(rotterdam["dtime"], rotterdam["death"], rotterdam["grade"])["chi_squared"].iloc[0]
    assert abs(peto.test_statistic - ours) > 0.1
    assert ours == pytest.approx(54.2218413936028, abs=1e-9)


def test_wilson_limits_do_not_leave_the_unit_interval():
    n = np.arange(1, 300)
    assert (wilson(np.zeros_like(n), n)["lower"] == 0).all()
    assert (wilson(n, n)["upper"] == 1).all()


def test_a_poisson_is_wrong_for_a_common_outcome():
    rng = np.random.default_rng(5)
    ours, poisson = [], []
    for _ in range(40):
        frame = pd.DataFrame({"dead": rng.random(2000) < 0.53, "unit": np.arange(2000) % 20})
        table = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=[])
        ours.append(table["z"])
        poisson.append((table["observed"] - table["expected"]) / np.sqrt(table["expected"]))
    # 800 null providers; the variance is 19/20 because the national rate is estimated from the same 20 providers
    assert np.var(np.concatenate(ours)) == pytest.approx(0.95, abs=0.15)
    assert np.var(np.concatenate(poisson)) == pytest.approx(0.95 * (1 - 0.53), abs=0.08)
