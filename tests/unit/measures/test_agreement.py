"""The agreement page's comparison and England + Wales from people."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.definitions import Definitions
from naome.core.errors import DefinitionError
from naome.core.results import POOLED, make_results
from naome.measures.agreement import PUBLISHED, compare_published, count_verdicts, load_published
from naome.measures.pooled import measure_nation, measure_pooled, pool_studies, reason_not_poolable
from naome.measures.specification import load_specification
from naome.measures.study import make_study


def published(**changes) -> pd.DataFrame:
    row = dict.fromkeys(PUBLISHED, "")
    row |= {"id": "x", "nation": "england", "cohort": "denovo", "measure": "m", "group_by": "all", "group": "all"}
    row |= {"value": "61.2", "unit": "percent", "rounding": "0.05", "our_cohort": "denovo", "our_measure": "m"}
    row |= {"our_group_by": "all", "our_group": "all", "period_from": "2019-01-01", "period_to": "2021-12-31"}
    return pd.DataFrame([{**row, **changes}])


def result(**changes) -> pd.DataFrame:
    row = {"measure": "m", "denominator": 1000, "numerator": 600, "estimate": 0.6, "lower": 0.58, "upper": 0.61}
    named = {"audit": "england", "nation": "england", "cohort": "denovo", "unit": "england", "run_id": "r"}
    return make_results(pd.DataFrame([{**row, **changes}]), **named)


@pytest.mark.parametrize(
    ("upper", "verdict"),
    [
        (0.6120, "agrees"),
        (0.6115, "agrees"),  # 61.15 is printed as 61.2
        (0.6114, "differs"),
    ],
)
def test_agrees_within_the_interval_and_rounding(england, upper, verdict):
    """published 61.2 (61.15 to 61.25), interval from 58.0 to the upper limit."""
    row = compare_published(published(), result(upper=upper), {"england": make_study(england, run_id="r")}).iloc[0]
    assert row["verdict"] == verdict
    assert row["difference"] == pytest.approx(-1.2)
    assert (row["estimate"], row["upper"]) == (pytest.approx(60), pytest.approx(100 * upper))


def test_a_value_below_the_interval_differs(england):
    row = compare_published(published(value="57.9"), result(), {"england": make_study(england, run_id="r")}).iloc[0]
    assert row["verdict"] == "differs"


def test_another_period_is_not_compared(england):
    changed = published(period_from="2020-01-01", period_to="2022-12-31")
    row = compare_published(changed, result(), {"england": make_study(england, run_id="r")}).iloc[0]
    assert row["verdict"] == "other period" and "2020 to 2022" in row["reason"]
    assert pd.isna(row["estimate"]) and pd.isna(row["difference"])


def test_not_derivable_says_why(england):
    """The reason stands in the row for everyone, also for a group of an indicator that cannot be derived."""
    missing = result(status="not_derivable", reason="No cycle dates.", estimate=None, lower=None, upper=None)
    for group in ({}, {"our_group_by": "sex", "our_group": "female"}):
        row = compare_published(published(**group), missing, {"england": make_study(england, run_id="r")}).iloc[0]
        assert (row["verdict"], row["reason"]) == ("not derivable here", "No cycle dates.")


def test_a_nation_without_a_run_and_a_group_without_people(england):
    elsewhere = compare_published(
        published(nation="wales"), result(), {"england": make_study(england, run_id="r")}
    ).iloc[0]
    assert elsewhere["reason"] == "There is no run of Wales to compare with."
    nobody = compare_published(
        published(our_group_by="sex", our_group="male"),
        result(),
        {"england": make_study(england, run_id="r")},
    ).iloc[0]
    assert nobody["verdict"] == "not derivable here" and "No one" in nobody["reason"]


def test_something_else_is_not_compared(england):
    row = compare_published(
        published(our_measure="", not_compared="Prevalence."),
        result(),
        {"england": make_study(england, run_id="r")},
    )
    assert row.loc[0, ["verdict", "reason"]].tolist() == ["not compared", "Prevalence."]


def test_every_published_figure_has_a_verdict_and_counts_add_up(england):
    table = load_published()
    assert len(table) == 121
    compared = compare_published(table, result(), {"england": make_study(england, run_id="r")})
    assert list(compared["id"]) == list(table["id"])
    counts = count_verdicts(compared)
    assert counts.iloc[-1].drop("nation").sum() == 121


def test_every_mapped_figure_names_a_measure_that_exists():
    specification = load_specification()
    known = {i.id for i in specification.indicators} | {"cohort_size", "age_mean", "share"}
    known |= {"breast_cancer_share_of_deaths", "record_before_breast_cancer_death", "survival_1y", "survival_3y"}
    groups = {g.id for g in specification.groups} | {"site", "grade", "age_band", "er", "her2", "diagnosis_year"}
    for name in ("sotn2024", "other"):
        for row in load_published(name).query("our_measure != ''").to_dict("records"):
            measure = row["our_measure"].removeprefix("eligible.").split("completeness.")[0] or "share"
            assert measure in known, row["id"]
            assert row["our_group_by"] in groups, row["id"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "per cent"}, "unit 'per cent'"),
        ({"value": "about 60"}, "value is 'about 60', not a number"),
        ({"period_from": "2019"}, "period_from is '2019'"),
        ({"our_measure": ""}, "either a result"),
    ],
)
def test_a_malformed_row_is_an_error_with_its_line(tmp_path, change, message):
    (tmp_path / "published").mkdir()
    published(**change).to_csv(tmp_path / "published" / "bad.csv", index=False)
    with pytest.raises(DefinitionError, match=r"bad\.csv:2: x: .*" + message):
        load_published("bad", Definitions(tmp_path))


def test_pooled_results_count_people_and_do_not_average(england, wales, make_people):
    """England 9 of 10 discussed, Wales 0 of 90: pooled 9 of 100, not 45%."""
    here = make_people(10, age=60, survival_days=100, mdt_recorded=[True] * 9 + [False], sex="female")
    there = make_people(90, age=60, survival_days=100, mdt_recorded=False, sex="female")
    pooled = measure_pooled(
        {"england": here, "wales": there},
        {},
        {"england": make_study(england, run_id="e"), "wales": make_study(wales, run_id="w")},
    )
    everyone = pooled[(pooled["measure"] == "mdt_discussion") & (pooled["group_by"] == "all")].iloc[0]
    assert everyone[["numerator", "denominator", "estimate"]].tolist() == [9, 100, 0.09]
    assert set(pooled["level"]) == set(pooled["unit"]) == {POOLED}
    assert set(pooled["run_id"]) == {"e+w"}
    biopsy = pooled[pooled["measure"] == "biopsy"].iloc[0]
    assert biopsy["status"] == "not_derivable" and biopsy["reason"].startswith("Wales: PEDW")


def test_what_cannot_be_pooled_is_refused(england, wales):
    assert reason_not_poolable([england, wales]) == ""
    assert "found england" in reason_not_poolable([england])
    later = wales.model_copy(update={"censor_date": england.censor_date.replace(year=2024)})
    assert "differ in censor_date" in reason_not_poolable([england, later])
    with pytest.raises(ValueError, match="differ in censor_date"):
        pool_studies([make_study(each, run_id="r") for each in (england, later)])


def test_description_counts_sizes_shares_and_who_is_eligible(england, make_people):
    """
    age  sex     grade  ps   er        her2
    60   female  1      0    positive  negative
    70   female  3      3    positive  -
    80   male    3      4    negative  negative
    -    female  -      -    -         -
    """
    people = make_people(
        4,
        age=[60, 70, 80, None],
        sex=["female", "female", "male", "female"],
        grade=[1, 3, 3, None],
        performance_status=[0, 3, 4, None],
        er=["positive", "positive", "negative", None],
        her2=["negative", None, "negative", None],
        bone=[True, False, True, None],
        year=2020,
        survival_days=10,
        died_within_30_days=False,
    )
    results = measure_nation(people, None, make_study(england, run_id="r"))
    table = results[results["cohort"] == "denovo"].set_index(["measure", "group_by", "group"]).sort_index()
    assert table.loc[("cohort_size", "sex", "female"), "estimate"] == 3
    assert table.loc[("age_mean", "all", "all"), ["estimate", "denominator"]].tolist() == [70, 3]
    assert table.loc[("share", "grade", "3"), ["numerator", "denominator"]].tolist() == [2, 3]
    assert table.loc[("share", "performance_status", "3+"), ["numerator", "denominator"]].tolist() == [2, 3]
    assert table.loc[("share", "site", "bone"), ["numerator", "denominator"]].tolist() == [2, 4]
    assert table.loc[("eligible.cdk46_first_line", "all", "all"), "estimate"] == 2
