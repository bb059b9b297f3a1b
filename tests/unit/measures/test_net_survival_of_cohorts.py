"""Net survival of the cohorts: the groups, the standard, and why there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import DefinitionError
from naome.measures.net_survival import GROUP_BY, NO_TABLE, estimate_net_survival, read_age_standard
from naome.measures.study import make_study
from naome.measures.survival import estimate_survival

GROUPS = ["15-44", "45-54", "55-64", "65-74", "75 and over"]


def life_table(level: float) -> pd.DataFrame:
    cells = pd.MultiIndex.from_product([["female", "male"], range(18, 101), range(2015, 2022)])
    table = cells.to_frame(index=False, name=["sex", "age", "year"])
    return table.assign(qx=1 - np.exp(-level * 4e-4 * np.exp(0.1 * (table["age"] - 30))))


@pytest.fixture
def people(make_people):
    rng = np.random.default_rng(5)
    n = 1500
    days = rng.integers(0, 1500, n)
    return make_people(
        n,
        age=rng.integers(25, 95, n),
        sex=np.where(rng.random(n) < 0.02, "male", "female"),
        survival_days=days,
        died=rng.random(n) < 0.6,
        origin_date="2019-06-01",
    )


@pytest.fixture
def study(england):
    return make_study(england, run_id="r")


def pick(results, measure, group="all"):
    rows = results[(results["measure"] == measure) & (results["group"] == group)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_the_standard_is_that_of_breast_cancer():
    standard = read_age_standard(project_definitions())
    assert standard.weights == dict(zip(GROUPS, [7, 12, 23, 29, 29], strict=True))
    groups = standard.group(pd.Series([14, 15, 44, 45, 54, 55, 64, 65, 74, 75, 103]))
    assert pd.isna(groups[0])
    assert groups[1:].tolist() == [name for name in GROUPS for _ in (0, 1)]


def test_without_other_causes_net_survival_is_survival(people, study):
    net = estimate_net_survival(people, study, life_table(0)).results
    overall = estimate_survival(people, study)
    overall = overall[overall["group_by"] == "all"]
    for years in (1, 3):
        one, other = pick(net, f"net_survival_{years}y"), pick(overall, f"survival_{years}y")
        assert one["estimate"] == pytest.approx(other["estimate"], abs=1e-12)
        assert (one["denominator"], one["numerator"]) == (other["denominator"], other["numerator"])


def test_other_causes_matter_more_to_the_old_and_the_standard_weighs_the_groups(people, study):
    made = estimate_net_survival(people, study, life_table(1))
    net, none = made.results, estimate_net_survival(people, study, life_table(0)).results
    gain = [pick(net, "net_survival_3y", g)["estimate"] / pick(none, "net_survival_3y", g)["estimate"] for g in GROUPS]
    assert gain == sorted(gain) and gain[0] < 1.01 and gain[-1] > 1.1
    groups = [pick(net, "net_survival_3y", group) for group in GROUPS]
    weighted = sum(w * row["estimate"] for w, row in zip([0.07, 0.12, 0.23, 0.29, 0.29], groups, strict=True))
    standard = pick(net, "net_survival_3y_standardised")
    assert standard["estimate"] == pytest.approx(weighted) and standard["lower"] < weighted < standard["upper"]
    assert "standardised" in standard["method"] and (net["definition_id"] != "").all()
    assert {row["group_by"] for row in groups} == {GROUP_BY}
    assert made.excluded == {"denovo": 0} and made.years == (2015, 2021)
    beyond = pick(net, "net_survival_5y")
    assert beyond["status"] == "not_derivable" and "follow-up" in beyond["reason"]
    # disclosure control protects what is derivable; what is not has no counts
    assert net.loc[net["status"] == "not_derivable", ["denominator", "numerator"]].isna().all(axis=None)


def test_a_birthday_is_half_a_year_after_the_time_origin(make_people, study):
    table = life_table(0)
    hazard = 0.0005  # a day, from the age of 61
    table["qx"] = np.where(table["age"] >= 61, 1 - np.exp(-hazard * 365.25), 0.0)
    people = make_people(50, age=60, sex="female", survival_days=800, died=False, origin_date="2019-06-01")
    net = pick(estimate_net_survival(people, study, table).results, "net_survival_1y")
    assert np.log(net["estimate"]) / np.log(1 + hazard) == pytest.approx(182, abs=1.01)


def test_a_standard_without_one_of_its_groups_is_not_given(people, study):
    few = people[(people["age"] >= 45) | (np.arange(len(people)) % 100 == 0)]
    net = estimate_net_survival(few, study, life_table(1)).results
    standard = pick(net, "net_survival_1y_standardised")
    assert standard["status"] == "too_few" and standard["reason"] == "no estimate in the age groups 15-44"
    assert pd.isna(standard["estimate"])
    assert pick(net, "net_survival_1y")["status"] == "ok"
    assert pick(net, "net_survival_1y", "15-44")["status"] == "too_few"


def test_people_without_sex_or_age_are_excluded_and_counted(people, study):
    some = people.copy()
    some.loc[:9, "sex"] = pd.NA
    some.loc[5:14, "age"] = pd.NA
    made = estimate_net_survival(some, study, life_table(1))
    assert made.excluded == {"denovo": 15}
    assert pick(made.results, "net_survival_1y")["denominator"] == len(people) - 15


def test_without_a_life_table_the_reason_is_given(people, study):
    made = estimate_net_survival(people, study, None)
    assert len(made.results) == 6 and not made.excluded
    assert (made.results["status"] == "not_derivable").all() and (made.results["reason"] == NO_TABLE).all()


def test_without_survival_there_is_no_net_survival(people, england):
    for missing, of in (({"survival": "No deaths are there."}, "No deaths are there."), ({}, "")):
        study = make_study(england.model_copy(update={"not_derivable": missing}), run_id="r")
        row = pick(estimate_net_survival(people, study, life_table(1)).results, "net_survival_1y")
        assert (row["status"], row["reason"]) == ("not_derivable" if missing else "ok", of)


def test_a_run_of_recurrent_disease_alone_has_no_net_survival(make_people, england):
    study = make_study(england.model_copy(update={"cohorts": ("recurrent",)}), run_id="r")
    assert estimate_net_survival(make_people(3, cohort="recurrent"), study, life_table(1)).results.empty


def test_a_standard_whose_ages_do_not_rise_is_refused(tmp_path):
    text = (project_definitions().folder / "age_standard.yaml").read_text(encoding="utf-8")
    (tmp_path / "age_standard.yaml").write_text(text.replace("first_age: 45", "first_age: 15"), encoding="utf-8")
    with pytest.raises(DefinitionError, match="first_age must rise"):
        read_age_standard(Definitions(tmp_path))


def test_a_standard_of_groups_in_which_nobody_died_is_no_certainty(people, study):
    """The interval had no width; its lower end is that of the open limits of the groups, n of n alive."""
    alive = people.assign(died=False, survival_days=800)
    net = estimate_net_survival(alive, study, life_table(0)).results
    standard = pick(net, "net_survival_1y_standardised")
    assert standard["estimate"] == pytest.approx(1)
    groups = [pick(net, "net_survival_1y", group) for group in GROUPS]
    widths = [w * np.log(row["lower"]) for w, row in zip([0.07, 0.12, 0.23, 0.29, 0.29], groups, strict=True)]
    assert np.log(standard["lower"]) == pytest.approx(-np.sqrt(np.sum(np.square(widths))))


@pytest.mark.parametrize(("n", "status"), [(10, "ok"), (9, "too_few")])
def test_net_survival_needs_ten_people_still_at_risk_and_no_more(make_people, study, england, n, status):
    people = make_people(n + 1, age=60, sex="female", survival_days=[100] + [400] * n, died=False)
    row = pick(estimate_net_survival(people, study, life_table(1)).results, "net_survival_1y")
    assert (row["status"], row["denominator"]) == (status, n + 1)
    survey = england.survival.model_copy(update={"minimum_at_risk": 1})
    small = make_study(england.model_copy(update={"survival": survey}), run_id="r")
    row = pick(estimate_net_survival(people.iloc[1:], small, life_table(1)).results, "net_survival_1y")
    assert (row["status"], row["denominator"]) == (status, n)


def test_follow_up_reaches_as_far_as_that_of_the_first_person(make_people, study):
    """Some came late: the first of them, in June 2019, could be followed for three years, and not for five."""
    origin = ["2019-06-01"] + ["2021-06-01"] * 29
    people = make_people(30, age=60, sex="female", survival_days=[1400] * 30, died=False, origin_date=origin)
    net = estimate_net_survival(people, study, life_table(1)).results
    assert [pick(net, f"net_survival_{years}y")["status"] for years in (1, 3, 5)] == ["ok", "ok", "not_derivable"]
