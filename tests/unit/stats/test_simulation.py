import numpy as np
import pandas as pd
import pytest

from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.simulation import (
    SCENARIOS,
    StudyScenario,
    _mean,
    make_patients,
    make_providers,
    run_replicate,
    simulate,
)

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.fixture(scope="module")
def null():
    table = simulate(replicates=6, seed=3, scenarios=SCENARIOS[:1])
    return table[table["by"] == "all"].set_index(["method", "measure"])


def test_a_study_is_the_same_for_the_same_seed_and_any_number_of_workers():
    few = StudyScenario("no outliers")
    one, two = (simulate(replicates=2, seed=5, scenarios=[few], workers=w) for w in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert not one["value"].equals(simulate(replicates=2, seed=6, scenarios=[few])["value"])


def test_a_replicate_depends_on_its_number_only():
    alone = run_replicate(BY_NAME["early outliers"], 5, 1)
    again = run_replicate(BY_NAME["early outliers"], 5, 1)
    pd.testing.assert_frame_equal(alone, again)
    assert not alone["z"].equals(run_replicate(BY_NAME["early outliers"], 5, 2)["z"])


def test_the_truth_is_the_truth():
    # many patients of one size of provider: Kaplan-Meier of the outliers against the stated survival
    providers = make_providers(1).assign(size=2000, mix=0.0)
    rng = np.random.default_rng(2)
    for scenario in SCENARIOS[:4]:
        patients, truth = make_patients(providers, scenario, rng)
        flagged = truth.set_index("provider")["outlier"][patients["provider"]].to_numpy()
        for value, chosen in truth.groupby("outlier")["truth"].first().items():
            people = patients[flagged == value]
            observed = kaplan_meier(people["time"], people["dead"], at=3.0).loc[0]
            assert abs(observed["survival"] - chosen) < 4 * observed["std_error"] + 0.002, scenario.name
    assert truth["outlier"].sum() == 6


def test_forty_percent_are_missing_and_more_where_patients_died():
    patients, _ = make_patients(make_providers(1), BY_NAME["no outliers, 40% missing"], np.random.default_rng(3))
    assert patients[["er", "liver"]].isna().mean().tolist() == pytest.approx([0.4, 0.4], abs=0.06)
    assert patients[["age", "fit"]].notna().all(axis=None)
    gone = patients["liver"].isna()
    assert gone[patients["dead"]].mean() > gone[~patients["dead"]].mean() + 0.05
    by_unit = gone.groupby(patients["provider"]).mean()
    assert by_unit.std() > 0.1


def test_case_mix_alone_raises_alarms_without_adjustment(null):
    value = null["value"]
    assert value["unadjusted", "variance_z"] > 1.4
    for method in ["A", "C"]:
        assert value[method, "variance_z"] == pytest.approx(1.0, abs=0.2)
        assert value[method, "alert_high"] < 0.05


def test_the_poisson_variance_and_dropping_the_censored_are_wrong(null):
    value = null["value"]
    assert value["poisson", "variance_z"] < 0.6
    assert value["dropped", "national_bias"] < -0.1
    assert abs(value["A", "national_bias"]) < 0.02
    assert abs(value["C", "national_bias"]) < 0.02


def test_limits_of_the_recommended_estimate_cover(null):
    assert null["value"]["D", "coverage"] == pytest.approx(0.95, abs=0.03)
    assert abs(null["value"]["D", "bias"]) < 0.01


def test_hazard_ratios_mislead_as_estimates_when_hazards_are_not_proportional():
    table = simulate(replicates=6, seed=4, scenarios=[BY_NAME["early outliers"]])
    value = table[table["by"] == "all"].set_index(["method", "measure"])["value"]
    assert value["B", "outlier_bias"] < -0.02
    assert abs(value["D", "outlier_bias"]) < 0.03
    assert value["B", "outlier_bias"] < value["D", "outlier_bias"] - 0.02


def test_imputation_and_complete_cases():
    table = simulate(replicates=2, seed=4, scenarios=[BY_NAME["no outliers, 40% missing"]])
    assert set(table["method"]) == {"unadjusted", *(f"{m} {k}" for m in "BCD" for k in ("complete", "imputed"))}
    value = table[table["by"] == "all"].set_index(["method", "measure"])["value"]
    # complete cases are those who survived more often
    assert value["C complete", "national_bias"] > 0.02
    assert abs(value["C imputed", "national_bias"]) < 0.02


def test_tidy_columns_and_limits(null):
    table = null.reset_index()
    assert (table["lower"] <= table["value"] + 1e-12).all()
    assert (table["value"] <= table["upper"] + 1e-12).all()
    assert table.groupby("measure")["nominal"].first()[["alert_high", "alarm_low", "coverage"]].tolist() == [
        0.025,
        0.001,
        0.95,
    ]


def test_refuses_no_replicates():
    with pytest.raises(ValueError, match="replicates is 0"):
        simulate(replicates=0, seed=1)


def test_each_class_of_provider_is_described_and_all_providers_are_in_one():
    table = simulate(replicates=1, seed=3, scenarios=[BY_NAME["no outliers, 5 y, 40% missing"]])
    counts = table[(table["measure"] == "variance_z") & (table["method"] == "C imputed")]
    everybody = counts.loc[counts["by"] == "all", "n"].iloc[0]
    assert counts[counts["by"] == "expected survival"]["group"].nunique() == 5
    assert counts[counts["by"] != "all"].groupby("by")["n"].sum().to_numpy() == pytest.approx(everybody)
    assert set(table["method"]) == {"B imputed", "C imputed", "D imputed"}


def test_few_organisations_keep_the_nominal_variance():
    few = BY_NAME["7 organisations, 5 y"]
    rows = pd.concat([run_replicate(few, 1, number) for number in range(60)])
    assert (rows.loc[rows["method"] == "C", "z"] ** 2).mean() == pytest.approx(1, abs=0.25)  # 420 values


def test_follow_up_reaches_the_horizon_of_a_scenario():
    for scenario in SCENARIOS:
        shortest, longest = scenario.follow_up
        assert 0 < shortest < scenario.horizon < longest


def test_estimates_of_every_method_are_survival_and_lie_within_their_limits():
    table = run_replicate(BY_NAME["no outliers"], 5, 1).dropna(subset=["estimate", "lower", "upper"])
    assert {"dropped", "C", "D"} <= set(table["method"])
    assert ((table["lower"] <= table["estimate"]) & (table["estimate"] <= table["upper"])).all()
    assert table["estimate"].between(0, 1).all()


def test_replicates_are_the_unit_of_the_error_of_a_mean():
    """Means 1.5 and 4.5 of two data sets: 3 +/- 1.96 sqrt(4.5) / sqrt(2)."""
    name, mean, lower, upper, nominal, n = _mean("bias", pd.Series([1.0, 2, 3, 6]), [0, 0, 1, 1], 0.0)
    assert (name, mean, nominal, n) == ("bias", 3.0, 0.0, 4)
    assert [lower, upper] == pytest.approx([3 - 1.959964 * 1.5, 3 + 1.959964 * 1.5])
    assert np.isnan(_mean("bias", pd.Series([1.0, 2]), [0, 0], 0.0)[2])


@pytest.mark.parametrize("workers", [1, 2])
def test_each_scenario_that_is_done_is_said(workers):
    lines, scenarios = [], [BY_NAME["no outliers, 1 y"], BY_NAME["7 organisations, 5 y"]]
    simulate(replicates=1, seed=1, scenarios=scenarios, workers=workers, progress=lines.append)
    assert lines == ["1/2 no outliers, 1 y", "2/2 7 organisations, 5 y"]
