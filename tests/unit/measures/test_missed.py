"""Capture-recapture: against closed forms, and against a simulated truth including where it fails."""

import itertools

import numpy as np
import pandas as pd
import pytest

from naome.core.params import load_params
from naome.measures.ascertainment import SOURCES, choose_sources, correction_factor, measure_missed
from naome.measures.prevalence import measure_living, measure_prevalence
from naome.measures.study import make_study
from naome.release import release
from naome.report.pages.prevalence import MISSED_TITLES, say_missed, tabulate_people
from naome.stats.capture_recapture import (
    CAPTURE_SCENARIOS,
    CaptureScenario,
    chapman,
    loglinear_population,
    simulate_capture,
)

THREE = ("a", "b", "c")


def make_counts(sources, people):
    cells = [cell for cell in itertools.product([True, False], repeat=len(sources)) if any(cell)]
    return pd.DataFrame(cells, columns=list(sources)).assign(people=people)


def test_sentence_names_the_sources_of_the_models_and_counts_those_they_saw():
    counts = make_counts(SOURCES, 100)  # deaths are left out: seven cells of the living sources, twice
    params = load_params("england")
    released = release(measure_missed(counts, make_study(params, run_id="r")), params)
    assert say_missed(released, counts).text.endswith(
        "The sources in the models (admissions, reported, treatment) together identified 1,400 of them."
    )


def test_chapman_is_the_formula_with_its_variance():
    n1, n2, m = 200, 150, 60
    estimate = chapman(n1, n2, m)
    population = 201 * 151 / 61 - 1
    variance = 201 * 151 * 140 * 90 / (61**2 * 62)
    hidden = population - 290
    factor = np.exp(1.959963984540054 * np.sqrt(np.log(1 + variance / hidden**2)))
    assert estimate.observed == 290
    assert estimate.population == pytest.approx(population)
    assert estimate.lower == pytest.approx(290 + hidden / factor)
    assert estimate.upper == pytest.approx(290 + hidden * factor)
    assert estimate.warning == ""


def test_chapman_at_its_edges():
    everyone = chapman(50, 50, 50)
    assert (everyone.population, everyone.lower) == (50, 50)
    nobody_twice = chapman(9, 9, 0)
    assert nobody_twice.population == 99
    assert "fewer than 10 people were identified by both" in nobody_twice.warning
    for wrong in [(10, 5, 6), (-1, 5, 0), (5, 5, -1), (np.nan, 5, 2), (10.5, 5, 2), (10, 5, np.nan), (np.inf, 5, 2)]:
        with pytest.raises(ValueError, match="m at most"):
            chapman(*wrong)


@pytest.mark.parametrize(("one", "other"), [(60, 60), (200, 60), (60, 200)])
def test_one_source_within_the_other_is_no_certainty(one, other):
    """If the larger source sees a share of .025 ** (1 / 60), it sees all 60 of the other with a probability of 2.5%."""
    estimate = chapman(one, other, 60)
    assert estimate.population == estimate.lower == max(one, other)
    assert (max(one, other) / estimate.upper) ** 60 == pytest.approx(0.025)
    assert estimate.method == "chapman, exact upper limit"


def test_chapman_symmetric_and_wider_with_confidence():
    one, other = chapman(200, 150, 60), chapman(150, 200, 60)
    assert (one.population, one.lower, one.upper) == (other.population, other.lower, other.upper)
    assert chapman(200, 150, 60, 0.99).upper > chapman(200, 150, 60, 0.9).upper


def test_model_with_all_pairs_is_the_closed_form():
    # Fienberg 1972: with all pairwise interactions the unseen cell is fixed by the odd and even cells
    people = [40, 60, 55, 210, 70, 190, 230]
    counts = make_counts(THREE, people)
    cell = dict(zip(itertools.product([True, False], repeat=3), people, strict=False))
    odd = cell[True, True, True] * cell[True, False, False] * cell[False, True, False] * cell[False, False, True]
    even = cell[True, True, False] * cell[True, False, True] * cell[False, True, True]
    models = loglinear_population(counts, THREE).models.set_index("model")
    assert models.loc["a*b + a*c + b*c", "hidden"] == pytest.approx(odd / even, rel=1e-6)
    # One interaction, a*b: c is independent of the two, so hidden = n(c only) * n(a or b, not c) / n(a or b, c)
    with_c = cell[True, True, True] + cell[True, False, True] + cell[False, True, True]
    without_c = cell[True, True, False] + cell[True, False, False] + cell[False, True, False]
    assert models.loc["a*b", "hidden"] == pytest.approx(cell[False, False, True] * without_c / with_c, rel=1e-6)


def test_models_are_weighted_by_aic():
    models = loglinear_population(make_counts(THREE, [40, 60, 55, 210, 70, 190, 230]), THREE).models
    assert set(models["model"]) >= {"independent", "a*b", "a*b + a*c + b*c"} and len(models) == 8
    assert models["weight"].sum() == pytest.approx(1)
    assert models["weight"].is_monotonic_decreasing
    ratio = models["weight"].iloc[0] / models["weight"].iloc[1]
    assert ratio == pytest.approx(np.exp((models["aic"].iloc[1] - models["aic"].iloc[0]) / 2))


def test_absent_combinations_count_zero_and_sparse_ones_warn():
    counts = make_counts(THREE, [0, 0, 20, 50, 10, 60, 70])
    full = loglinear_population(counts, THREE)
    assert "could not be estimated" in full.warning
    assert full.population == loglinear_population(counts[counts["people"] > 0], THREE).population
    alone = make_counts(THREE, [0, 0, 0, 50, 0, 60, 70])
    nothing = loglinear_population(alone, THREE)
    assert np.isnan(nothing.population)
    assert nothing.warning


def test_loglinear_refuses_what_it_cannot_use():
    counts = make_counts(THREE, 10)
    with pytest.raises(ValueError, match="three sources or more; there are 2"):
        loglinear_population(counts, ("a", "b"))
    with pytest.raises(ValueError, match="no one was identified by c"):
        loglinear_population(counts.assign(people=counts["people"].where(~counts["c"], 0)), THREE)
    for wrong in (np.nan, -1, 2.5):
        with pytest.raises(ValueError, match=rf"people\[6\] is {wrong:g}; allowed: whole numbers"):
            loglinear_population(counts.assign(people=[10] * 6 + [wrong]), THREE)


def test_another_source_is_summed_over():
    four = make_counts(("a", "b", "c", "d"), 10)
    three = four.groupby(list(THREE), as_index=False)["people"].sum()
    three = three[three[list(THREE)].any(axis=1)]
    assert loglinear_population(four, THREE).population == loglinear_population(three, THREE).population


def test_correction_factor_is_population_over_found():
    estimate = chapman(200, 150, 60)
    assert correction_factor(estimate, 200) == (
        estimate.population / 200,
        estimate.lower / 200,
        estimate.upper / 200,
    )
    with pytest.raises(ValueError, match="no one was found"):
        correction_factor(estimate, 0)
    with pytest.raises(ValueError, match="no one was found"):
        correction_factor(estimate, np.nan)


@pytest.fixture(scope="module")
def simulated():
    table = simulate_capture(people=4000, repetitions=40, seed=3)
    return table.set_index(["scenario", "method"])


def test_both_are_right_when_sources_are_independent(simulated):
    rows = simulated.loc["independent sources"]
    assert (rows["bias"].abs() < 0.01).all()
    assert (rows["coverage"] > 0.88).all()


def test_dependence_biases_two_sources_and_not_the_models(simulated):
    for odds, sign in (("positive dependence", -1), ("negative dependence", 1)):
        name = next(s.name for s in CAPTURE_SCENARIOS if odds in s.name)
        assert simulated.loc[(name, "chapman"), "bias"] * sign > 0.1
        assert simulated.loc[(name, "chapman"), "coverage"] < 0.1
        assert abs(simulated.loc[(name, "log-linear"), "bias"]) < 0.02
        assert simulated.loc[(name, "log-linear"), "coverage"] > 0.85


def test_neither_sees_people_who_are_hard_or_impossible_to_see(simulated):
    for scenario in CAPTURE_SCENARIOS[3:]:
        rows = simulated.loc[scenario.name]
        assert (rows["bias"] < -0.15).all(), "both must be far too low, and the docstrings say so"
        assert (rows["coverage"] < 0.05).all()


def test_simulation_repeats_with_its_seed():
    scenario = (CaptureScenario("one", (1.0,), ((0.5, 0.4, 0.3),)),)
    first = simulate_capture(scenario, people=500, repetitions=5, seed=9)
    pd.testing.assert_frame_equal(first, simulate_capture(scenario, people=500, repetitions=5, seed=9))
    assert first["mean_estimate"].iloc[0] != simulate_capture(scenario, people=500, repetitions=5, seed=8).iloc[0, 3]


def test_results_say_what_cannot_be_derived():
    params = load_params("wales")
    counts = make_counts(SOURCES, 0).assign(people=lambda f: 100 * (~f["reported"] & ~f["treatment"]))
    results = measure_missed(counts, make_study(params, run_id="r"))
    found = results[results["measure"].str.startswith(("recurrent_pop", "recurrent_found"))]
    assert set(found["status"]) == {"not_derivable"}
    assert found["reason"].str.contains("admissions, death").sum() == 2


def test_results_hold_population_and_share_found():
    params = load_params("england")
    counts = make_counts(SOURCES, range(10, 160, 10))
    results = measure_missed(counts, make_study(params, run_id="r")).set_index(["measure", "group"])
    assert choose_sources(counts) == SOURCES[:3]
    estimate = loglinear_population(counts, SOURCES[:3])
    with_death = loglinear_population(counts, SOURCES)
    assert results.loc[("recurrent_population_loglinear_with_death", "all"), "estimate"] == with_death.population
    row = results.loc[("recurrent_population_loglinear", "all")]
    assert row["estimate"] == pytest.approx(estimate.population)
    assert row["denominator"] == estimate.observed
    share = results.loc[("recurrent_found_loglinear", "all")]
    admitted = int(counts.loc[counts["admissions"], "people"].sum())
    assert share["estimate"] == pytest.approx(admitted / estimate.population)
    assert share["lower"] == pytest.approx(admitted / estimate.upper)
    assert results.loc[("recurrent_seen", "death"), "numerator"] == counts.loc[counts["death"], "people"].sum()
    # what rests on drugs, which show metastatic disease by inference, says so
    inferred = results[results["reason"] != ""].index.tolist()
    assert set(inferred) == {("recurrent_seen", "treatment"), *(row for row in results.index if "loglinear" in row[0])}


def test_results_and_page_carry_the_warning_of_an_estimate_beside_other_notes():
    """Three people were identified by both sources of Chapman's estimate, and some combinations have nobody."""
    study = make_study(load_params("england"), run_id="r")
    cells = [(1, 1, 0, 0, 3), (1, 0, 0, 0, 200), (0, 1, 0, 0, 150), (0, 0, 1, 0, 20), (1, 0, 1, 0, 9), (0, 0, 0, 1, 50)]
    counts = pd.DataFrame(cells, columns=[*SOURCES, "people"]).astype(dict.fromkeys(SOURCES, bool))
    results = measure_missed(counts, study)
    reason = results.set_index("measure")["reason"]
    told = {"chapman": chapman(212, 153, 3).warning}
    told |= {"loglinear": loglinear_population(counts, SOURCES[:3]).warning}
    told |= {"loglinear_with_death": loglinear_population(counts, SOURCES).warning}
    assert all(told.values()) and len(set(told.values())) == 3
    for name, warning in told.items():
        for measure in (f"recurrent_population_{name}", f"recurrent_found_{name}"):
            assert reason[measure].startswith(f"This estimate is not reliable: {warning}.")
            assert ("Uses unverified codes" in reason[measure]) == ("loglinear" in name)
    released = release(results, study.params)
    shown = tabulate_people(released, MISSED_TITLES).frame.set_index("Measure")
    title = "Estimated from admissions and reported recurrences (Chapman)"
    assert shown.loc[title, "reason"] == reason["recurrent_population_chapman"]
    assert say_missed(released, counts).text.endswith(f"This estimate is not reliable: {told['loglinear']}.")


def test_the_corrected_number_carries_the_warning_of_its_factor_or_why_there_is_none(monkeypatch):
    living = pd.DataFrame({"cohort": ["denovo", "recurrent"], "alive": [60, 40], "dead": [40, 60], "lost": [0, 0]})
    monkeypatch.setattr("naome.measures.prevalence.count_living", lambda *_, **__: living)
    study = make_study(load_params("england"), run_id="r")
    for people, status in (([0, 0, 20, 50, 10, 60, 70], "ok"), ([0, 0, 0, 50, 0, 60, 70], "not_derivable")):
        counts = make_counts(SOURCES[:3], people).assign(death=False)
        warning = loglinear_population(counts, SOURCES[:3]).warning
        corrected = measure_living(study, None, counts).query("measure == 'limited_duration_prevalence_corrected'")
        assert set(corrected["status"]) == {status} and warning
        assert corrected["reason"].str.lower().str.contains(warning, regex=False).all()
        assert corrected["reason"].str.contains("Uses unverified codes").all() == (status == "ok")


def test_a_number_of_nobody_is_not_corrected():
    """No recurrent cohort, or none of it alive: the number would be what was found, with an interval of no width."""
    study = make_study(load_params("england"), run_id="r")
    living = pd.DataFrame({"cohort": ["denovo", "recurrent"], "alive": [60, 0], "dead": [40, 5], "lost": [0, 0]})
    for rows, why in ((living, "Too few people"), (living[:1], "Recurrent disease is not a cohort")):
        results = measure_prevalence(rows, study, factor=(2.0, 1.5, 2.5)).set_index(["cohort", "measure"])
        corrected = results.loc[("primary", "limited_duration_prevalence_corrected")]
        assert corrected["status"] == "not_derivable" and corrected["reason"].startswith(why)
        assert np.isnan(corrected["estimate"])
        assert results.loc[("primary", "limited_duration_prevalence"), "estimate"] == 60


@pytest.mark.parametrize("evidence", [("admissions",), ("admissions", "reported"), ("reported",)])
def test_the_factor_is_of_the_sources_that_the_number_counts(monkeypatch, evidence):
    """If the cohort were everyone alive whom those sources identified, the corrected number is the population."""
    params = load_params("england")
    study = make_study(params.model_copy(update={"rules": {**params.rules, "evidence": list(evidence)}}), run_id="r")
    counts = make_counts(SOURCES[:3], range(10, 80, 10)).assign(death=False)
    found = int(counts.loc[counts[list(evidence)].any(axis=1), "people"].sum())
    living = pd.DataFrame({"cohort": ["denovo", "recurrent"], "alive": [60, found], "dead": [40, 60], "lost": [0, 0]})
    monkeypatch.setattr("naome.measures.prevalence.count_living", lambda *_, **__: living)
    rows = measure_living(study, None, counts).query("measure == 'limited_duration_prevalence_corrected'")
    population = loglinear_population(counts, SOURCES[:3]).population
    assert rows["estimate"].tolist() == pytest.approx([population, 60 + population])


def test_the_living_are_corrected_by_what_three_sources_saw_of_them(monkeypatch):
    """Everybody the models find over those admitted; where no one was admitted there is nothing to correct."""
    living = pd.DataFrame({"cohort": ["denovo", "recurrent"], "alive": [60, 40], "dead": [40, 60], "lost": [0, 0]})
    monkeypatch.setattr("naome.measures.prevalence.count_living", lambda *_, **__: living)
    study = make_study(load_params("england"), run_id="r")
    counts = make_counts(SOURCES, range(10, 160, 10))
    counts = counts.assign(people=counts["people"].where(~counts["death"], 0))
    factor = loglinear_population(counts, SOURCES[:3]).population / counts.loc[counts["admissions"], "people"].sum()
    corrected = measure_living(study, None, counts).query("measure == 'limited_duration_prevalence_corrected'")
    assert corrected["estimate"].tolist() == pytest.approx([40 * factor, 60 + 40 * factor])
    for missing in (["admissions"], ["reported"]):  # with deaths there are three others
        others = make_counts(SOURCES, 10)
        others["people"] = others["people"].where(~others[missing].any(axis=1), 0)
        found = measure_living(study, None, others).query("measure == 'limited_duration_prevalence_corrected'")
        assert set(found["status"]) == ({"not_derivable"} if missing == ["admissions"] else {"ok"})
