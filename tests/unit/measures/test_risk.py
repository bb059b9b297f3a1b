"""Risk adjustment of a cohort: what enters the model, imputation by missing information, pooling."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from naome.measures import risk
from naome.measures.risk import CLOGLOG, adjust_proportion, assess_organisations, complete_case_mix, pool_tables


@pytest.fixture
def params(england):
    survival = england.survival.model_copy(update={"case_mix": ("age", "grade", "sex"), "horizons_years": (1, 3, 5)})
    return england.model_copy(update={"survival": survival})


@pytest.fixture
def people(make_people):
    def make(n=600, missing=0.0, men=0, seed=1):
        rng = np.random.default_rng(seed)
        grade = rng.integers(1, 4, n)
        age = rng.integers(40, 90, n)
        time = rng.exponential(900 / np.exp(0.03 * (age - 65) + 0.3 * (grade - 2)))
        follow_up = rng.uniform(400, 1500, n)
        sex = np.array(["female"] * n, dtype=object)
        sex[:men] = "male"
        time[:men] = follow_up[:men] + 1  # no man dies
        return make_people(
            n,
            provider=[f"P{k % 12:02d}" for k in range(n)],
            age=age,
            grade=[None if gap else g for g, gap in zip(grade, rng.random(n) < missing, strict=True)],
            sex=list(sex),
            survival_days=np.floor(np.minimum(time, follow_up)).astype(int),
            died=list(time <= follow_up),
        )

    return make


def assess(table, params):
    return assess_organisations(table, params, "denovo", run_id="r", definition_id="survival@1")


def test_a_level_in_which_nobody_died_is_merged_or_left_out(people, params):
    """Three men who all lived: sex would have an infinite coefficient."""
    case_mix = complete_case_mix(people(men=3), params, "denovo")
    assert case_mix.covariates == ("age", "grade") and case_mix.dropped == ("sex",)
    values = pd.Series(pd.Categorical(["a", "b", "c", "c", "a", None]))
    merged = risk.merge_levels(values, np.array([1, 0, 1, 0, 0, 1]))
    assert merged.tolist()[:5] == ["a or b", "a or b", "c", "c", "a or b"] and merged.isna().tolist()[5]


def test_recorded_share_counts_only_items_that_can_be_missing(people, params):
    table = people(missing=0.4)
    case_mix = complete_case_mix(table, params, "denovo")
    own = table["grade"].notna().groupby(table["provider"]).mean()
    np.testing.assert_allclose(case_mix.recorded.set_index("unit")["recorded"], own)
    assert (complete_case_mix(people(), params, "denovo").recorded["recorded"] == 1).all()


def test_nothing_missing_one_data_set(people, params):
    assessment = assess(people(), params)
    assert len(assessment.case_mix.completed) == 1 and assessment.case_mix.needed == 1
    assert (assessment.first["fmi"] == 0).all()


def test_more_missing_information_more_imputations_up_to_the_cap(people, params, monkeypatch):
    monkeypatch.setattr(risk, "imputations_needed", lambda fmi: 14)
    table = people(missing=0.5)
    assessment = assess(table, params)
    assert len(assessment.case_mix.completed) == 14 and assessment.case_mix.needed == 14
    monkeypatch.setattr(risk, "imputations_needed", lambda fmi: 60)
    capped = assess(table, params).case_mix
    assert len(capped.completed) == params.survival.imputations_at_most and capped.needed == 60
    for made, same in zip(assessment.case_mix.completed, capped.completed, strict=False):
        pd.testing.assert_frame_equal(made, same)


def test_horizons_that_nobody_reaches_have_no_table(people, params):
    assert list(assess(people(), params).tables) == [1, 3]


def test_too_few_deaths_say_so(people, params):
    assessment = assess(people(n=20), params)
    assert "too few for a case-mix model" in assessment.reason
    assert assessment.results["status"].tolist() == ["not_derivable"] and assessment.first.empty


def test_pooling_keeps_what_has_no_place_on_the_scale():
    """An organisation where everybody lived is 1 in every data set and stays 1, its z pooled all the same."""
    tables = [
        pd.DataFrame(
            {
                "survival_adjusted": [0.6 + shift, 1.0],
                "lower": [0.5 + shift, 0.8],
                "upper": [0.7 + shift, 1.0],
                "z": [0.5, -1.0],
            }
        )
        for shift in (-0.01, 0.0, 0.01)
    ]
    pooled = pool_tables(tables, "survival_adjusted", CLOGLOG)
    assert pooled["survival_adjusted"].tolist() == [pytest.approx(0.6, abs=1e-3), 1.0]
    assert pooled["upper"].iloc[1] == 1.0 and pooled["z"].tolist() == [0.5, -1.0]
    assert 0 < pooled["fmi"].iloc[0] < 1 and np.isnan(pooled["fmi"].iloc[1])
    assert pooled["lower"].iloc[0] < 0.5 + 0.005


def test_uncertain_case_mix_makes_alarms_rarer():
    def table(z):
        return pd.DataFrame({"survival_adjusted": [0.5], "lower": [0.4], "upper": [0.6], "z": [z]})

    agreed = pool_tables([table(3.2)] * 5, "survival_adjusted", CLOGLOG)["z"].iloc[0]
    unsure = pool_tables([table(3.2 + d) for d in (-0.5, -0.2, 0.0, 0.2, 0.5)], "survival_adjusted", CLOGLOG)["z"].iloc[
        0
    ]
    assert agreed == pytest.approx(3.2) and 0 < unsure < agreed


def test_a_bad_organisation_is_found_on_an_indicator(people, params):
    """One organisation in twelve has thrice the odds of the outcome."""
    table = people(n=3000, missing=0.3)
    rng = np.random.default_rng(3)
    odds = np.where(table["provider"] == "P05", np.log(3), 0.0) - 1.2
    positive = rng.random(len(table)) < expit(odds)
    judged = adjust_proportion(table, np.ones(len(table), bool), positive, "provider", params, higher_is="worse")
    worst = judged.set_index("unit").loc["P05"]
    assert (worst["level"], worst["direction"]) == ("alarm", "worse")
    assert (judged["level"] == "alarm").sum() == 1
