"""Survival by group: who may be grouped, and who has no time under observation."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.measures.study import make_study
from naome.measures.survival import (
    BEYOND,
    LATE_CLOCK,
    compare_clocks,
    estimate_survival,
    reason_for_no_group,
    survival_curves,
)


@pytest.fixture
def study(england):
    return make_study(england, run_id="r")


def test_survival_is_not_given_by_what_only_those_who_live_have(make_people, study):
    """A site coded in the year after the diagnosis: ten people who die at once have none, thirty who live do."""
    people = make_people(
        40, survival_days=[0] * 10 + [500] * 30, died=[True] * 10 + [False] * 30, brain=[False] * 10 + [True] * 30
    )
    table = estimate_survival(people, study)
    assert not table["group_by"].isin(["bone", "liver", "lung", "brain"]).any()
    known = table[(table["group_by"] == "brain_early") & (table["cohort"] == "denovo")]
    assert known.empty  # nobody had one within 30 days
    known = estimate_survival(people.assign(brain_early=people["brain"]), study)
    known = known[(known["group_by"] == "brain_early") & (known["measure"] == "survival_1y")]
    assert known.loc[known["cohort"] == "denovo", ["group", "estimate"]].to_numpy().tolist() == [["brain", 1]]
    whole = table[(table["measure"] == "survival_1y") & (table["group_by"] == "all") & (table["cohort"] == "denovo")]
    assert whole["estimate"].tolist() == [pytest.approx(0.75)]


def test_every_other_group_has_survival(study):
    known = {group.id: reason_for_no_group(study, group, "denovo") for group in study.specification.groups}
    assert [group for group, reason in known.items() if reason] == ["bone", "liver", "lung", "brain"]


def test_a_year_of_diagnosis_that_is_followed_for_less_says_so(make_people, study, england):
    """Everybody of the last year is followed for less than three years; those of earlier years are not."""
    last = pd.Timestamp(england.censor_date)
    origin = [last - pd.Timedelta(days=1500)] * 20 + [last - pd.Timedelta(days=700)] * 20 + [last] * 5
    people = make_people(45, survival_days=[1500] * 20 + [700] * 20 + [0] * 5, died=False, origin_date=origin)
    people["year"] = ["first"] * 20 + ["last"] * 20 + ["few"] * 5
    group = next(group for group in study.specification.groups if group.id == "year")
    table = estimate_survival(people.assign(**dict.fromkeys(group.columns, people["year"])), study)
    rows = table[(table["group_by"] == "year") & (table["measure"] == "survival_3y") & (table["cohort"] == "denovo")]
    said = rows.set_index("group")[["status", "reason"]]
    assert said.loc["first", "status"] == "ok"
    assert said.loc["last"].tolist() == ["not_derivable", BEYOND]
    assert said.loc["few", "status"] == "too_few"


def test_people_without_a_time_stop_nothing(make_people, study, england):
    """A group all of whose people have none is left out; the cohort says why it has no survival."""
    some = make_people(30, survival_days=[None] * 5 + [500] * 25, died=False, sex=["male"] * 5 + ["female"] * 25)
    table = estimate_survival(some, study)
    assert table.loc[table["group_by"] == "sex", "group"].unique().tolist() == ["female"]
    at_once = estimate_survival(make_people(12, survival_days=0, died=True), study).query("group_by == 'all'")
    assert at_once.loc[at_once["measure"] == "survival_1y", ["denominator", "numerator"]].to_numpy().tolist() == [
        [12, 12]
    ]
    table = estimate_survival(make_people(5, survival_days=None, died=None), study)
    assert table.loc[table["cohort"] == "denovo", "reason"].str.contains("no one has a time", case=False).any()


def test_a_clock_without_people_under_observation_has_no_row(make_people, england):
    people = make_people(
        20,
        route="RC2",
        survival_days=0,
        died=True,
        survival_from_metastatic_days=0,
        survival_from_diagnosis_days=100,
        diagnosis_to_metastatic_days=100,
    )
    assert "initial diagnosis, with delayed entry" not in compare_clocks(people, england)["clock"].tolist()


@pytest.mark.parametrize(("n", "status"), [(10, "ok"), (9, "too_few")])
def test_survival_needs_ten_people_still_at_risk_and_no_more(make_people, study, england, n, status):
    people = make_people(n, survival_days=[100] + [400] * (n - 1), died=[True] + [False] * (n - 1))
    people = pd.concat([people, people.iloc[1:2]], ignore_index=True)  # n at risk at one year, of n + 1
    whole = estimate_survival(people, study).query("group_by == 'all' and cohort == 'denovo'").set_index("measure")
    assert whole.loc["survival_1y", ["status", "denominator", "numerator"]].tolist() == [status, n + 1, 1]
    curve = survival_curves(people, pd.Series("all", index=people.index), england)
    assert curve["n_risk"].min() >= 10 and (n in curve["n_risk"].tolist()) == (status == "ok")


def test_survival_needs_ten_people(make_people, england):
    survey = england.survival.model_copy(update={"minimum_at_risk": 1})
    study = make_study(england.model_copy(update={"survival": survey}), run_id="r")
    for n, status in ((10, "ok"), (9, "too_few")):
        table = estimate_survival(make_people(n, survival_days=400, died=False), study)
        assert table.query("measure == 'survival_1y' and group_by == 'all'")["status"].iloc[0] == status


def test_clocks_by_hand(make_people, england):
    """Twenty found 100 days after diagnosis: 5 die 300 days after it, one is not followed after being found.

    From the diagnosis on, as if they had been found then, 15 of 20 live for a year. With entry on day 100 the one who
    died on that day is never under observation: 4 of 19 die. Somebody found at diagnosis has no such clock.
    """
    total = [100] + [300] * 4 + [800] * 15
    people = make_people(
        20,
        route="RC2",
        cohort="recurrent",
        died=[True] * 5 + [False] * 15,
        survival_days=[days - 100 for days in total],
        survival_from_diagnosis_days=total,
        survival_from_metastatic_days=[days - 100 for days in total],
        diagnosis_to_metastatic_days=100,
    )
    others = people.head(9).assign(route="RC1")
    unknown = people.head(3).assign(survival_from_metastatic_days=pd.array([-1] * 3, dtype="Int64"))
    found = compare_clocks(pd.concat([people, others, unknown], ignore_index=True), england)
    assert set(found["route"]) == {"RC2"} and set(found["years"]) == {1}
    before, late, delayed = (row for _, row in found.iterrows())
    for row, numbers in ((before, [20, 0, 5, 15]), (late, [20, 0, 5, 15])):
        assert row[["people", "left_out", "dead", "n_risk"]].tolist() == numbers
        assert row["survival"] == pytest.approx(15 / 20)
    assert delayed[["people", "left_out", "n_risk"]].tolist() == [19, 1, 15] and pd.isna(delayed["dead"])
    assert delayed["survival"] == pytest.approx(15 / 19)
    assert late["clock"] == LATE_CLOCK
    assert set(found["cohort_people"]) == {32} and late["cohort_dead"] == 13 and pd.isna(before["cohort_dead"])


@pytest.mark.parametrize(("early", "status"), [(9, "ok"), (8, "too_few")])
def test_delayed_entry_needs_ten_people_at_risk_at_every_death_until_the_time_point(
    make_people, england, early, status
):
    """One person of those who enter early dies before the others enter, one year after diagnosis."""
    enters = [10] * (early + 1) + [365] * 30
    people = make_people(
        early + 31,
        route="RC2",
        cohort="recurrent",
        died=[True] + [False] * (early + 30),
        survival_from_diagnosis_days=[200] + [1200] * (early + 30),
        survival_from_metastatic_days=[190] + [1200 - days for days in enters[1:]],
        diagnosis_to_metastatic_days=enters,
    )
    found = compare_clocks(people, england).query("clock == 'initial diagnosis, with delayed entry'")
    assert set(found["status"]) == {status} and set(found["years"]) == {1, 3}
    assert found["survival"].notna().all() == found["people"].notna().all() == (status == "ok")
    assert all("fewer than 10 people under observation" in why for why in found["reason"]) == (status != "ok")
