"""Checks of the case-mix model on data whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from naome.measures.casemix import adjust, alternatives, checks, prepare
from naome.measures.casemix.adjust import Assessment, adjust_survival
from naome.measures.casemix.prepare import YEAR_DAYS, CaseMix
from naome.stats.provider_score import score_providers
from naome.stats.risk_adjustment import fit_expected


def made(n=3000, *, crossing=False, missing=0.0, seed=1) -> CaseMix:
    """People in 24 organisations with age and a marker of two levels; its effect turns at one year when crossing."""
    rng = np.random.default_rng(seed)
    age, marker = rng.normal(size=n), rng.random(n) < 0.5
    target = rng.exponential(size=n) / np.exp(0.4 * age)
    early, late = (2.5, 0.6) if crossing else (1.6, 1.6)
    factor = np.where(marker, early, 1.0)
    reached = target / factor / 0.35
    after = 1 + (target - 0.35 * factor) / (0.35 * np.where(marker, late, 1.0))
    time = np.where(reached <= 1, reached, after)
    follow_up = rng.uniform(1.5, 4.4, n)
    frame = pd.DataFrame(
        {
            "age": age,
            "subtype": pd.Categorical(np.where(marker, "b", "a")),
            "duration": np.ceil(YEAR_DAYS * np.minimum(time, follow_up)),
            "event": (time <= follow_up).astype(int),
            "unit": [f"U{k % 24:02d}" for k in range(n)],
            "follow_up": np.ceil(YEAR_DAYS * follow_up),
        }
    )
    frame.loc[rng.random(n) < missing, "subtype"] = None
    lacking = frame["subtype"].notna().groupby(frame["unit"]).agg(["size", "mean"]).reset_index()
    lacking.columns = ["unit", "n", "recorded"]
    case_mix = CaseMix(frame, [frame], ("age", "subtype"), (), lacking)
    if missing:
        from naome.measures.casemix.impute import impute_case_mix

        return CaseMix(frame, impute_case_mix(case_mix, 5, 1), ("age", "subtype"), (), lacking)
    return case_mix


def assess(case_mix: CaseMix, params) -> Assessment:
    case_mix, tables, models = adjust_survival(case_mix, params, [1, 3])
    return Assessment("denovo", case_mix, tables, {}, pd.DataFrame(), "", models)


def fit(case_mix: CaseMix) -> list:
    return [fit_expected(frame, **prepare.COX, covariates=list(case_mix.covariates)) for frame in case_mix.completed]


def test_proportional_hazards_are_found_to_be_so_and_not(england):
    right, wrong = checks.check_proportional_hazards(made()), checks.check_proportional_hazards(made(crossing=True))
    assert right["Term"].iloc[-1] == wrong["Term"].iloc[-1] == "GLOBAL"
    assert right["p"].iloc[-1] > 0.01 and wrong["p"].iloc[-1] < 1e-6
    assert wrong["Term"].iloc[0] == "subtype[b]"


def test_smoothed_residuals_show_the_effect_that_ends():
    case_mix = made(crossing=True)
    smooth = checks.smooth_residuals(case_mix, "subtype[b]", fit(case_mix)[0]).set_index("years")
    early, late = smooth.loc[:0.5, "estimate"].mean(), smooth.loc[2:, "estimate"].mean()
    assert early > 0.6 and late < 0


def test_calibration_by_tenth_and_over_everybody(england):
    case_mix = made()
    tenths, whole = checks.check_calibration(case_mix, fit(case_mix), [1, 3])
    assert tenths.groupby("Time point").size().tolist() == [10, 10]
    assert whole["Difference"].abs().max() < 0.005
    assert whole["Slope"].between(0.8, 1.2).all()
    covered = (tenths["Lower"] <= tenths["Predicted"]) & (tenths["Predicted"] <= tenths["Upper"])
    assert covered.mean() >= 0.8


def test_discrimination_is_seeded_and_corrected_downwards(england):
    case_mix = made(n=600)
    models = fit(case_mix)
    first, second = (checks.check_discrimination(case_mix, models, england) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert 0.5 < first["Concordance"].iloc[0] < 0.8


def test_pseudo_observation_regression_recovers_survival():
    """No censoring: pseudo-observations are 0 and 1, and exp(-exp(b'x)) is the truth."""
    rng = np.random.default_rng(2)
    x = np.column_stack([np.ones(20_000), rng.normal(size=20_000)])
    truth = np.exp(-np.exp(x @ [-0.5, 0.6]))
    fitted = alternatives.fit_pseudo(x, (rng.random(len(x)) < truth).astype(float), truth.mean())
    assert np.abs(fitted - truth).max() < 0.02


def test_pseudo_observation_model_equals_cox_where_cox_is_right(england):
    case_mix = made()
    at = [YEAR_DAYS, 3 * YEAR_DAYS]
    frame = case_mix.completed[0]
    cox = adjust.adjust_frame(frame, adjust.fit_national(frame, case_mix.covariates), at, england)
    pseudo = alternatives.adjust_by_pseudo(case_mix.completed[0], case_mix.covariates, at, cox)
    assert (cox["survival_adjusted"] - pseudo["survival_adjusted"]).abs().max() < 0.01
    assert (cox["z"] - pseudo["z"]).abs().max() < 0.3
    ordered = (pseudo["lower"] < pseudo["survival_adjusted"]) & (pseudo["survival_adjusted"] < pseudo["upper"])
    assert ordered.all()


def test_comparing_a_table_with_itself_changes_nothing(england):
    case_mix = made(n=1000)
    frame = case_mix.completed[0]
    table = adjust.adjust_frame(frame, adjust.fit_national(frame, case_mix.covariates), [YEAR_DAYS], england)
    row = alternatives.compare_tables(table, {"same": table}, {1: YEAR_DAYS}, england).iloc[0]
    assert row["Rank correlation"] == pytest.approx(1) and row["Outlier status changed"] == 0
    assert row["Largest change, percentage points"] == 0 and row["Largest change of z"] == 0


def test_a_changed_status_is_that_of_the_policy(england):
    """A z of 2 becomes 1.9: an alert less without allowance for spread; with it both are within the limits."""
    z = np.r_[np.linspace(-3, 3, 29), 2.0]
    table = pd.DataFrame({"provider": [f"P{k:02d}" for k in range(30)], "time": YEAR_DAYS, "z": z})
    table = table.assign(survival_adjusted=0.5 - z / 20, std_error=0.05)
    other = table.assign(z=np.r_[z[:-1], 1.9])
    for overdispersion, changed in (("none", 1), ("additive", 0)):
        outliers = england.outliers.model_copy(update={"overdispersion": overdispersion})
        params = england.model_copy(update={"outliers": outliers})
        row = alternatives.compare_tables(table, {"other": other}, {1: YEAR_DAYS}, params).iloc[0]
        assert row["Outlier status changed"] == changed


def test_other_models_are_named_and_compared(england):
    table = alternatives.compare_models(assess(made(), england), england)
    assert table["Model"].unique().tolist() == [
        "Splines for age",
        "Separate baselines by subtype",
        "Pseudo-observation model",
    ]
    assert table["Rank correlation"].min() > 0.95


def test_models_are_compared_where_there_are_neither_receptors_nor_grade(england):
    case_mix = made(n=1500)
    without = replace(case_mix, covariates=tuple(term for term in case_mix.covariates if term != "subtype"))
    table = alternatives.compare_models(assess(without, england), england)
    assert table["Model"].unique().tolist() == ["Splines for age", "Pseudo-observation model"]


def test_treatments_of_missing_items(england):
    """Every treatment is compared, and the not-at-random one moves as asked."""
    case_mix = made(missing=0.4)
    assessment = assess(case_mix, england)
    treated = alternatives.treat_missing(assessment, england)
    assert tuple(treated) == alternatives.TREATMENTS
    ratios = alternatives.tabulate_ratios(treated).set_index("Term")
    assert ratios.loc["subtype[b]", list(alternatives.TREATMENTS)].notna().all()
    shares = [np.mean([(f["subtype"] == "b").mean() for f in treated[n].frames]) for n in alternatives.TREATMENTS[:2]]
    assert shares[1] > shares[0] + 0.02
    habits = alternatives.correlate_recording(treated, case_mix)
    assert habits["Organisations"].tolist() == [24] * 4
    assert "Every case-mix item is recorded" in alternatives.describe_treatments(treated, assessment)


def test_imputation_finds_the_coefficient_that_complete_data_would_have_given():
    """40% missing at random: the difference has a standard error of 0.8 of the complete data's, so 0.33 over six."""
    differences = []
    for seed in range(6):
        whole = fit(made(seed=seed))[0].coefficients.set_index("term").loc["subtype[b]"]
        models = fit(made(missing=0.4, seed=seed))
        imputed = np.mean([model.coefficients.set_index("term").loc["subtype[b]", "coef"] for model in models])
        differences.append((imputed - whole["coef"]) / whole["std_error"])
    assert abs(np.mean(differences)) < 1


def test_nothing_missing_nothing_to_treat(england):
    assessment = assess(made(n=1000), england)
    assert alternatives.treat_missing(assessment, england) == {}
    assert "No case-mix item is missing" in alternatives.describe_treatments({}, assessment)


def test_no_model_gives_a_page_that_says_so(england):
    frame = made(n=50).observed
    nothing = CaseMix(frame, [frame], ("age",), (), pd.DataFrame({"unit": [], "n": [], "recorded": []}))
    page = checks.collect_checks(Assessment("denovo", nothing, {}, {}, pd.DataFrame(), "too few deaths"), england)
    assert page.reason == "too few deaths" and all(getattr(page, name).empty for name in checks.TABLES)


def test_nothing_is_fitted_twice(england, monkeypatch):
    """Checks take the assessment's models: only other models are fitted, once for each data set and treatment."""
    assessment = assess(made(missing=0.4), england)
    fitted = []

    def count(frame, covariates):
        fitted.append((covariates, frame["subtype"].isna().sum(), len(frame)))
        return adjust.fit_national(frame, covariates)

    monkeypatch.setattr(alternatives, "fit_national", count)
    alternatives.treat_missing(assessment, england)
    assert len(fitted) == alternatives.SHIFTED + 2


def test_pseudo_observations_of_very_few_people_do_not_overflow():
    """Ten covariates, forty people: undamped steps would go to where survival is exactly 0."""
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(40), rng.normal(size=(40, 10))])
    fitted = alternatives.fit_pseudo(x, (x[:, 1] + 0.1 * rng.normal(size=40) > 0).astype(float), 0.5)
    assert np.isfinite(fitted).all() and ((fitted >= 0) & (fitted <= 1)).all()


def test_pseudo_observation_model_does_not_hang_on_rounding_where_a_level_has_no_survivors():
    """The coefficient of such a level has no limit; what is compared of organisations is the same on every machine."""
    rng = np.random.default_rng(4)
    level = rng.random((600, 4)) < [0.03, 0.3, 0.5, 0.2]
    x = np.column_stack([np.ones(600), (level - level.mean(axis=0)) / level.std(axis=0), rng.normal(size=600)])
    alive = (rng.random(600) < 0.4 - 0.1 * level[:, 1]) & ~level[:, 0]
    codes = np.arange(600) % 20

    def score(scale):
        moved = x * (1 + scale * rng.normal(size=x.shape))
        fitted = alternatives.fit_pseudo(moved, alive.astype(float), alive.mean())
        return fitted, score_providers(alive - fitted, fitted, x[:, 1:], codes)["z"].to_numpy()

    fitted, z = score(0)
    assert fitted[level[:, 0]].max() < 1e-3
    for again, other in (score(1e-13) for _ in range(10)):
        assert np.abs(again - fitted).max() < 1e-4
        assert np.abs(other - z).max() < 1e-3


def test_people_whom_a_model_gives_no_hope_are_not_adjusted(england, monkeypatch):
    """A ratio of logarithms has no value where expected survival is exactly 0; others keep theirs."""
    case_mix = made(n=1000)
    frame = case_mix.completed[0]
    first = sorted(frame["unit"].unique())[0]
    table = adjust.adjust_frame(frame, adjust.fit_national(frame, case_mix.covariates), [YEAR_DAYS], england)
    hopeless = (frame["unit"] == first).to_numpy()
    monkeypatch.setattr(alternatives, "fit_pseudo", lambda x, pseudo, mean: np.where(hopeless, 0.0, mean))
    adjusted = alternatives.adjust_by_pseudo(frame, case_mix.covariates, [YEAR_DAYS], table).set_index("provider")
    assert np.isnan(adjusted.loc[first, "survival_adjusted"])
    assert adjusted["survival_adjusted"].drop(first).notna().all()


def test_robust_limits_are_as_wide_as_the_model_s_where_organisations_do_not_differ(england):
    case_mix = made(n=3000, missing=0.1)
    models = fit(case_mix)
    table = checks.add_robust_limits(checks.pool_coefficients(models, 1500), case_mix, models)
    widths = {name: np.log(table[f"Upper{name}"] / table[f"Lower{name}"]) for name in ("", ", robust")}
    assert np.abs(widths[", robust"] / widths[""] - 1).max() < 0.35  # 24 organisations: an error of 1/sqrt(48)
    assert (widths[", robust"] != widths[""]).all()
    middle = np.sqrt(table["Lower, robust"] * table["Upper, robust"])
    np.testing.assert_allclose(middle, table["Hazard ratio"], rtol=1e-8)


def test_robust_limits_are_wider_where_organisations_differ(england):
    rng = np.random.default_rng(3)
    case_mix = made(n=3000)
    frame = case_mix.completed[0]
    unit = frame["unit"].str[1:].astype(int)
    shared, frailty = rng.normal(size=24)[unit], 0.5 * rng.normal(size=24)[unit]
    frame = frame.assign(age=shared, duration=np.ceil(365 * rng.exponential(size=3000) * np.exp(-frailty)), event=1)
    case_mix = CaseMix(frame, [frame], ("age",), (), case_mix.recorded)
    models = fit(case_mix)
    row = checks.add_robust_limits(checks.pool_coefficients(models, 3000), case_mix, models).iloc[0]
    assert np.log(row["Upper, robust"] / row["Lower, robust"]) > 1.5 * np.log(row["Upper"] / row["Lower"])


def test_robust_limits_of_few_organisations_are_not_given_and_the_reason_is(england):
    case_mix = made(n=600)
    frame = case_mix.completed[0].assign(unit=lambda f: "U" + (np.arange(len(f)) % 7).astype(str).astype(object))
    few = CaseMix(frame, [frame], case_mix.covariates, (), case_mix.recorded)
    models = fit(few)
    table = checks.add_robust_limits(checks.pool_coefficients(models, 300), few, models)
    assert table["Lower, robust"].isna().all() and (table["status"] == "ok").all()
    assert table["reason"].unique().tolist() == ["robust limits need at least 20 organisations; there are 7"]


def test_concordance_has_limits_for_all_deaths_and_up_to_each_time_point(england):
    case_mix = made(n=1500)
    models = fit(case_mix)
    whole = checks.check_discrimination(case_mix, models, england).iloc[0]
    assert whole["Lower"] < whole["Concordance"] < whole["Upper"]
    table = checks.check_discrimination_by_time(case_mix, models, england)
    assert table["Time point"].tolist() == ["1 y", "3 y"]  # no one has been followed for five years
    assert (table["Lower"] < table["Concordance"]).all() and (table["Concordance"] < table["Upper"]).all()
    assert (table["Concordance"] - whole["Concordance"]).abs().max() < 0.05
