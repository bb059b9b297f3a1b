"""Risk-adjusted proportions of organisations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from naome.measures.adjusted import _reason_for_no_model, adjust_indicator, list_adjusted
from naome.measures.specification import load_specification
from naome.measures.study import make_study
from naome.stats.risk_adjustment import risk_adjusted_proportion

SPECIFICATION = load_specification()
DEATHS = "death_30d_chemotherapy"


def with_case_mix(params):
    survival = params.survival.model_copy(update={"case_mix": ("sex", "performance_status"), "imputations": 2})
    return params.model_copy(update={"survival": survival})


def treated(make_people, n=1200, seed=3, worse="T1", by=3.0):
    """Deaths depend on performance status alone, except in one organisation; T2 treats the frailest."""
    rng = np.random.default_rng(seed)
    unit = rng.choice(["T0", "T1", "T2"], n)
    status = np.where(unit == "T2", rng.choice([2, 3], n), rng.choice([0, 1], n))
    odds = np.exp(-3.0 + 0.8 * status) * np.where(unit == worse, by, 1.0)
    dead = rng.random(n) < odds / (1 + odds)
    return make_people(
        n,
        treating_provider=unit,
        provider="D0",
        sex=rng.choice(["female", "male"], n),
        performance_status=status,
        chemotherapy_days=10,
        last_chemotherapy_to_cutoff_days=400,
        last_chemotherapy_to_death_days=[20 if d else None for d in dead],
        survival_days=[200 if d else 500 for d in dead],
        died=dead,
    )


def test_an_organisation_of_which_no_events_are_expected_says_so(england, make_people):
    """Everyone whom T9 treated has a performance status with which nobody died early, and some died later."""
    people = treated(make_people)
    there = people["performance_status"].astype("string") == "0"
    dead = people["last_chemotherapy_to_death_days"].notna()
    people = people[~(there & dead)].reset_index(drop=True)
    there = (people["performance_status"].astype("string") == "0") & (people.index % 2 == 0)
    people.loc[there, ["treating_provider", "died"]] = "T9", True
    found = adjust_indicator(people, make_study(with_case_mix(england), run_id="r"), DEATHS, "denovo")
    assert found.rare
    row = found.table.set_index("unit").loc["T9"]
    assert row["n"] > 30 and (row["status"], row["level"]) == ("not_estimable", "not_assessed")
    assert row["reason"] == "no events, or only events, are expected of its people"
    results = found.results[found.results["unit"] == "T9"]
    assert results["estimate"].isna().all() and set(results["status"]) == {"too_few"}
    assert set(results["reason"]) == {row["reason"]}


def test_expected_adds_up_and_case_mix_is_not_blamed(england, make_people):
    people = treated(make_people)
    found = adjust_indicator(people, make_study(with_case_mix(england), run_id="r"), DEATHS, "denovo")
    table = found.table.set_index("unit")
    assert found.unit == "treating_provider" and set(table.index) == {"T0", "T1", "T2"}
    assert table["observed"].sum() == pytest.approx(table["expected"].sum())
    assert found.national == pytest.approx(people["last_chemotherapy_to_death_days"].notna().mean())
    crude = table["observed"] / table["n"]
    assert crude["T2"] > crude["T0"] * 2 and table.loc["T2", "level"] != "alarm"
    assert table.loc["T1", ["level", "direction"]].tolist() == ["alarm", "worse"]
    results = found.results.set_index(["measure", "unit"]).sort_index()
    ratio = results.loc[(f"{DEATHS}_ratio", "T1")]
    assert ratio["estimate"] == pytest.approx(table.loc["T1", "observed"] / table.loc["T1", "expected"])
    assert 1 < ratio["lower"] < ratio["estimate"] < ratio["upper"]
    assert ratio["method"] != results.loc[(f"{DEATHS}_adjusted", "T1"), "method"] and ratio["method"]
    unlike = results.loc[(f"{DEATHS}_ratio", "T2")]
    assert unlike["lower"] < 1 < unlike["upper"]
    assert set(results["level"]) == {"provider"}


def test_people_without_an_organisation_are_left_out(england, make_people):
    people = treated(make_people)
    people.loc[:99, "treating_provider"] = None
    found = adjust_indicator(people, make_study(with_case_mix(england), run_id="r"), DEATHS, "denovo")
    assert found.table["n"].sum() == 1100


def test_recent_cycles_and_untreated_people_do_not_count(england, make_people):
    people = treated(make_people)
    people.loc[:49, "last_chemotherapy_to_cutoff_days"] = 29
    people.loc[50:59, "chemotherapy_days"] = None
    found = adjust_indicator(people, make_study(with_case_mix(england), run_id="r"), DEATHS, "denovo")
    assert found.table["n"].sum() == 1140


def test_what_cannot_be_modelled_says_why(england, wales, make_people):
    few = treated(make_people, n=200)
    found = adjust_indicator(few, make_study(with_case_mix(england), run_id="r"), DEATHS, "denovo")
    assert found.table.empty and "not fitted to fewer than 100 people on the rarer side" in found.reason
    assert found.results["status"].tolist() == ["not_derivable"]
    found = adjust_indicator(few, make_study(wales, run_id="r"), DEATHS, "denovo")
    assert found.reason == "There are no dates of chemotherapy cycles in the Welsh feed."
    with pytest.raises(ValueError, match="mdt_discussion of denovo is not a risk-adjusted proportion"):
        adjust_indicator(few, make_study(england, run_id="r"), "mdt_discussion", "denovo")


def test_every_risk_adjusted_proportion_is_listed():
    assert list_adjusted(SPECIFICATION) == [
        ("cdk46_first_line", "denovo"),
        ("anti_her2_first_line", "denovo"),
        (DEATHS, "denovo"),
        (DEATHS, "recurrent"),
    ]


@pytest.mark.parametrize(("base", "odds"), [(0.08, 1.0), (0.08, 2.5), (0.35, 1.0), (0.35, 0.5), (0.75, 1.8)])
def test_limits_of_observed_over_expected_cover_the_truth(base, odds):
    """Five of a hundred organisations of 60, their odds `odds` times expected, 120 draws: 600 intervals.

    95% limits miss 30 times with a standard error of 5.3; Poisson limits would miss 13 times at 35% and twice at 75%.
    """
    rng = np.random.default_rng(17)
    n, draws = 6000, 120
    x = rng.normal(size=n)
    p = expit(logit(base) + 0.8 * x)
    codes = np.arange(n) // 60
    mine = np.where(codes < 5, expit(logit(p) + np.log(odds)), p)
    truth = (np.bincount(codes, mine) / np.bincount(codes, p))[:5]
    frame = pd.DataFrame({"unit": [f"U{code:02d}" for code in codes], "x": x})
    missed = 0
    for _ in range(draws):
        frame["event"] = (rng.random(n) < mine).astype(int)
        table = risk_adjusted_proportion(frame, event="event", provider="unit", covariates=["x"]).iloc[:5]
        missed += int(((table["ratio_lower"] > truth) | (truth > table["ratio_upper"])).sum())
    assert 12 <= missed <= 48


def test_limits_of_observed_over_expected_agree_with_the_score_test(make_people, england):
    """They leave out 1 exactly when (O - E)^2 exceeds 1.96^2 times the sum of p(1 - p)."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=4000)
    frame = pd.DataFrame({"x": x, "unit": [f"U{k % 100:02d}" for k in range(4000)]})
    frame["event"] = (rng.random(4000) < expit(-1 + x)).astype(int)
    table = risk_adjusted_proportion(frame, event="event", provider="unit", covariates=["x"])
    p = expit(-1 + x)  # nearly what the model estimates
    variance = pd.Series(p * (1 - p)).groupby(frame["unit"]).sum().to_numpy()
    score = (table["observed"] - table["expected"]) / np.sqrt(variance)
    outside = (table["ratio_lower"] > 1) | (table["ratio_upper"] < 1)
    clear = (np.abs(score) - 1.96).abs() > 0.1
    assert (outside == (score.abs() > 1.96))[clear].all() and outside.any()
    assert table["ratio"].between(table["ratio_lower"], table["ratio_upper"]).all()


@pytest.mark.parametrize("turn", [False, True])
def test_a_model_needs_a_hundred_people_on_the_rarer_side_and_two_organisations(turn):
    people, inside = pd.DataFrame({"provider": ["A", "B"] * 150 + ["C"]}), np.arange(301) < 300
    positive = (np.arange(301) < 100) ^ turn
    assert _reason_for_no_model(people, inside, positive, "provider") == ""
    positive[0] = turn
    assert "fewer than 100 people on the rarer side" in _reason_for_no_model(people, inside, positive, "provider")
    one = people["provider"].to_numpy() == "A"
    assert "fewer than two organisations" in _reason_for_no_model(people, one, positive, "provider")
