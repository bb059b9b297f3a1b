"""Three domains, spread beyond chance, and what chance alone gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, hypergeom, norm

from naome.measures.indicators import evaluate_indicators
from naome.measures.specification import load_specification
from naome.measures.study import make_study
from naome.measures.variation import compare_organisations, judge_proportions, total_by_chance

SPECIFICATION = load_specification()


def compare(people, params, *indicators):
    """Compare organisations on some indicators, all by default."""
    study = make_study(params, run_id="r")
    if indicators:
        chosen = tuple(SPECIFICATION[name] for name in indicators)
        study = replace(study, specification=replace(SPECIFICATION, indicators=chosen))
    return compare_organisations(evaluate_indicators(people, study), study)


@pytest.mark.parametrize(("regions", "given"), [(["N"] * 40, set()), (["N"] * 20 + ["S"] * 20, {"N", "S"})])
def test_the_only_region_of_a_nation_has_no_results_beside_the_nation(make_people, england, regions, given):
    people = make_people(40, region=regions, provider="A", mdt_recorded=True, sex="female")
    results = evaluate_indicators(people, make_study(england, run_id="r"), only=("mdt_discussion",))
    assert set(results.loc[results["level"] == "region", "unit"]) == given
    assert set(results.loc[results["level"] == "provider", "unit"]) == {"A"}


def test_organisations_without_anybody_in_the_denominator_have_no_row(make_people, england):
    """Nobody of B has the disease that CDK4/6 inhibitors are for; the nation still says that no man has."""
    inside = [True] * 10 + [False] * 2
    people = make_people(
        12,
        provider=["A"] * 10 + ["B"] * 2,
        sex=["female"] * 10 + ["male"] * 2,
        er=["positive" if each else "negative" for each in inside],
        her2="negative",
        died_within_30_days=False,
    )
    results = evaluate_indicators(people, make_study(england, run_id="r"), only=("cdk46_first_line",))
    assert results.loc[results["level"] == "provider", ["unit", "denominator"]].to_numpy().tolist() == [["A", 10]]
    sexes = results[results["group_by"] == "sex"].set_index("group")["denominator"]
    assert sexes.to_dict() == {"female": 10, "male": 0}


def providers(make_people, sizes, events):
    """People by provider with so many discussed at a meeting."""
    names = [f"U{i:03}" for i, n in enumerate(sizes) for _ in range(n)]
    discussed = [i < x for n, x in zip(sizes, events, strict=True) for i in range(n)]
    return make_people(len(names), provider=names, mdt_recorded=discussed, sex="female")


@pytest.mark.parametrize(
    ("polarity", "low", "high"),
    [
        ("higher", "negative tail", "positive tail"),
        ("lower", "positive tail", "negative tail"),
        ("neutral", "low tail", "high tail"),
    ],
)
def test_domains_by_polarity(england, polarity, low, high):
    """20, 50, 80 of 100 around a target of 50%."""
    counts = pd.DataFrame({"numerator": [20, 50, 80], "denominator": 100})
    judged, _ = judge_proportions(counts, 0.5, england, polarity=polarity)
    assert judged["domain"].tolist() == [low, "central mass", high]


def test_levels_are_mid_p_at_the_own_size(england):
    """Upper tail P(R > x) + P(R = x)/2 of 60 people at 30%: x on either side of 0.025 and 0.001."""
    x = np.arange(15, 40)
    tail = binom.sf(x, 60, 0.3) + binom.pmf(x, 60, 0.3) / 2
    expected = np.select([tail < 0.001, tail < 0.025], ["alarm", "alert"], "within")
    judged, _ = judge_proportions(pd.DataFrame({"numerator": x, "denominator": 60}), 0.3, england, polarity="neutral")
    above = x > 18
    assert judged["level_plain"].to_numpy()[above].tolist() == expected[above].tolist()
    assert {"within", "alert", "alarm"} == set(expected[above])


def test_like_organisations_give_chance_and_unlike_ones_do_not(england, make_people):
    rng = np.random.default_rng(5)
    sizes = np.full(60, 80)
    alike = compare(providers(make_people, sizes, rng.binomial(sizes, 0.6)), england, "mdt_discussion")
    row = alike.summary[alike.summary["measure"] == "mdt_discussion"].iloc[0]
    assert row["organisations"] == row["assessed"] == 60
    assert row["variance_lower"] == 0 and row["share_beyond_chance"] < 0.4 and row["p_value"] > 0.01
    assert row["low"] + row["central"] + row["high"] == 60
    assert row["chance_alerts"] == pytest.approx(60 * 0.05, rel=0.35)
    spread = rng.binomial(sizes, 1 / (1 + np.exp(-rng.normal(0.4, 1.0, 60))))
    unlike = compare(providers(make_people, sizes, spread), england, "mdt_discussion", "biopsy")
    row = unlike.summary[unlike.summary["measure"] == "mdt_discussion"].iloc[0]
    assert row["mor_lower"] < np.exp(np.sqrt(2) * 0.6745) < row["mor_upper"]
    assert row["share_beyond_chance"] > 0.8 and row["p_value"] < 1e-6
    assert row["alerts"] + row["alarms"] > 4 * row["chance_alerts"]
    assert row["alerts_spread"] + row["alarms_spread"] < row["alerts"] + row["alarms"]
    assert total_by_chance(unlike.summary)[0] >= row["chance_alerts"]


def test_small_organisations_are_listed_and_not_assessed(england, make_people):
    found = compare(providers(make_people, [9, 40, 40], [0, 20, 30]), england, "mdt_discussion")
    units = found.units[found.units["measure"] == "mdt_discussion"].set_index("unit")
    assert units.loc["U000", ["level", "domain"]].tolist() == ["not_assessed", "not assessed"]
    assert found.summary.set_index("measure").loc["mdt_discussion", "assessed"] == 2


def test_two_organisations_of_ten_people_are_compared(england, make_people):
    """7 and 2 of 10 among 9 of 29: z is that of a hypergeometric count, by mid-P; the tail of 7 is 0.11%."""
    found = compare(providers(make_people, [10, 10, 9], [7, 2, 0]), england, "mdt_discussion")
    row = found.summary.set_index("measure").loc["mdt_discussion"]
    assert (row["organisations"], row["assessed"], row["reason"]) == (3, 2, "")
    z = found.units.set_index("unit")["z"]
    for unit, x in (("U000", 7), ("U001", 2)):
        low = hypergeom.cdf(x - 1, 29, 9, 10) + hypergeom.pmf(x, 29, 9, 10) / 2
        assert z[unit] == pytest.approx(norm.ppf(low))
    assert found.units.set_index("unit")["level"].to_dict() == dict(U000="alert", U001="within", U002="not_assessed")
    alone = compare(providers(make_people, [10, 9], [7, 0]), england, "mdt_discussion")
    assert alone.summary.set_index("measure").loc["mdt_discussion", "assessed"] == 1
    assert (alone.units["level"] == "not_assessed").all()


def test_a_few_organisations_have_no_overdispersion(england, make_people):
    found = compare(providers(make_people, [100] * 5, [10, 30, 50, 70, 90]), england, "mdt_discussion")
    row = found.summary.set_index("measure").loc["mdt_discussion"]
    assert np.isnan(row["tau2"]) and row["alarms_spread"] == row["alarms"] == 4


def test_the_policy_chooses_the_level(england, make_people):
    rng = np.random.default_rng(6)
    sizes = np.full(40, 80)
    people = providers(make_people, sizes, rng.binomial(sizes, 1 / (1 + np.exp(-rng.normal(0, 1, 40)))))
    additive = england.model_copy(
        update={"outliers": england.outliers.model_copy(update={"overdispersion": "additive"})}
    )
    for params, column in ((england, "level_plain"), (additive, "level_spread")):
        units = compare(people, params, "mdt_discussion").units
        assert units["level"].tolist() == units[column].tolist()


def test_what_cannot_be_compared_says_why(wales, make_people):
    found = compare(providers(make_people, [30], [20]), wales)
    row = found.summary.set_index("measure").loc["mdt_discussion"]
    assert row["reason"] == "There are fewer than two organisations with 10 people or more to compare."
    results = found.results.set_index("measure")
    assert results.loc["biopsy.median_odds_ratio", "status"] == "not_derivable"
    assert "PEDW" in results.loc["biopsy.median_odds_ratio", "reason"]


def test_a_run_without_organisations_still_has_its_tables(england, make_people):
    found = compare(make_people(20, mdt_recorded=True), england)
    assert list(found.units.columns)[-1] == "level_spread" and (found.summary["reason"] != "").all()
