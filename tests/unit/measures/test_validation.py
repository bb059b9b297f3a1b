"""The check against deaths: who is counted where, on a small cube of counts."""

import pandas as pd
import pytest

from naome.core.params import load_params
from naome.measures.deaths_check import OUTCOMES, classify_outcomes, intervals_to_death, measure_records_before_death
from naome.measures.study import make_study
from naome.stats.intervals import wilson

COLUMNS = ["outcome", "metastatic_record", "record_to_death", "people"]
ROWS = [
    ("alive", False, None, 1000),
    ("alive", True, None, 40),
    ("breast_cancer", True, "0-30 days", 30),
    ("breast_cancer", True, "over a year", 40),
    ("breast_cancer", False, None, 30),
    ("other_cause", True, "over a year", 5),
    ("other_cause", False, None, 45),
    ("unknown_cause", False, None, 10),
]


@pytest.fixture
def primary():
    cube = pd.DataFrame(ROWS, columns=COLUMNS).assign(
        diagnosis_year=2016,
        age_under_70=True,
        age_group="50-69",
        subtype="HER2+",
        deprivation=1,
        provider="A",
        stage="2",
    )
    older = cube.assign(age_under_70=False, age_group="80+", people=9999)
    return pd.concat([cube, older], ignore_index=True).astype({"record_to_death": "string"})


def test_figure_1_counts_people_under_70_only(primary):
    table = classify_outcomes(primary, make_study(load_params("england"), run_id="r")).set_index("outcome")
    assert table.loc["Died of breast cancer, no metastatic record", "people"] == 30
    assert table.loc["Alive, metastatic record", "share"] == pytest.approx(40 / 1200)
    assert "Alive, no metastatic record" not in table.index
    assert set(table.index) <= set(OUTCOMES.values())


def test_outcomes_that_do_not_occur_are_not_shown(primary):
    without = primary[primary["outcome"] != "unknown_cause"]
    assert (
        not classify_outcomes(without, make_study(load_params("england"), run_id="r"))["outcome"]
        .str.contains("cause not recorded")
        .any()
    )


def test_records_before_death_are_shares_of_deaths(primary):
    results = measure_records_before_death(primary, make_study(load_params("england"), run_id="r"))
    national = results[results["group_by"].eq("all") & results["level"].eq("nation")].set_index("measure")
    expected = {
        "record_before_breast_cancer_death": (70, 100),
        "record_before_death": (75, 160),
        "breast_cancer_share_of_deaths": (100, 150),
    }
    for measure, (numerator, denominator) in expected.items():
        row = national.loc[measure]
        assert (row["numerator"], row["denominator"]) == (numerator, denominator)
        limits = wilson(numerator, denominator)
        assert row["lower"] == pytest.approx(limits["lower"].iloc[0])
        assert row["upper"] == pytest.approx(limits["upper"].iloc[0])
    assert set(results.loc[results["group_by"] == "deprivation", "group"]) == {"1"}
    assert set(results.loc[results["level"] == "provider", "unit"]) == {"A"}


def test_few_deaths_are_marked(primary):
    few = primary.assign(people=1)
    results = measure_records_before_death(few, make_study(load_params("england"), run_id="r"))
    assert set(results["status"]) == {"too_few"}


def test_no_causes_of_death_is_not_derivable(primary):
    alive = primary[primary["outcome"] == "alive"]
    results = measure_records_before_death(alive, make_study(load_params("wales"), run_id="r"))
    assert set(results["status"]) == {"not_derivable"}
    assert results["reason"].str.contains("Causes of death").all()


def test_without_admissions_records_are_not_derivable_and_deaths_are_not_divided_by_them(primary):
    params = load_params("simulacrum")
    results = measure_records_before_death(primary, make_study(params, run_id="r")).set_index("measure")
    for measure in ("record_before_breast_cancer_death", "record_before_death"):
        assert results.loc[[measure], "status"].tolist() == ["not_derivable"]
        assert "no hospital admissions" in results.loc[measure, "reason"]
    assert results.loc[["breast_cancer_share_of_deaths"], "status"].isin(["ok", "too_few"]).all()
    undivided = classify_outcomes(primary, make_study(params, run_id="r"))
    assert not undivided["outcome"].str.contains("metastatic record").any()
    divided = classify_outcomes(primary, make_study(load_params("england"), run_id="r"))
    died = divided["outcome"].str.startswith("Died of breast cancer")
    assert undivided.set_index("outcome").loc["Died of breast cancer", "people"] == divided[died]["people"].sum()


def test_no_record_has_no_interval(primary):
    assert intervals_to_death(primary[~primary["metastatic_record"]]).empty


def test_interval_from_record_to_death(primary):
    table = intervals_to_death(primary).set_index("interval")
    assert table["people"].to_dict() == {"0-30 days": 30, "31-182 days": 0, "183-365 days": 0, "over a year": 40}
    assert table["share"].sum() == pytest.approx(1)
    assert table.loc["0-30 days", "share"] == pytest.approx(3 / 7)


def test_people_without_a_group_are_counted_as_such_and_without_an_organisation_in_none(primary):
    """Half of the deaths have no deprivation and no organisation: 35 records before 50 deaths of breast cancer each."""
    halves = primary.assign(people=primary["people"] // 2)
    missing = halves.assign(deprivation=pd.NA, provider=None)
    both = pd.concat([halves, missing], ignore_index=True).astype({"deprivation": "Int64", "provider": "string"})
    results = measure_records_before_death(both, make_study(load_params("england"), run_id="r"))
    rows = results[results["measure"] == "record_before_breast_cancer_death"]
    counts = rows.set_index(["level", "group_by", "group", "unit"])[["numerator", "denominator"]].apply(tuple, axis=1)
    assert counts["nation", "deprivation", "1", "england"] == (35, 50)
    assert counts["nation", "deprivation", "not recorded", "england"] == (35, 50)
    assert counts["nation", "all", "all", "england"] == (70, 100)
    assert counts["provider"].tolist() == [(35, 50)]


def test_ten_deaths_are_enough(primary):
    for people, status in ((10, "ok"), (9, "too_few")):
        few = primary[(primary["outcome"] == "breast_cancer") & ~primary["metastatic_record"]].assign(people=people)
        results = measure_records_before_death(few, make_study(load_params("england"), run_id="r"))
        assert set(results["status"]) == {status}
