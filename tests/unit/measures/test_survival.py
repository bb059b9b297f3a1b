"""Survival by group: who may be grouped, and who has no time under observation."""

from __future__ import annotations

import pytest

from naome.measures.study import make_study
from naome.measures.survival import compare_clocks, estimate_survival, reason_for_no_group


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


def test_people_without_a_time_stop_nothing(make_people, study, england):
    """A group all of whose people have none is left out; the cohort says why it has no survival."""
    some = make_people(30, survival_days=[None] * 5 + [500] * 25, died=False, sex=["male"] * 5 + ["female"] * 25)
    table = estimate_survival(some, study)
    assert table.loc[table["group_by"] == "sex", "group"].unique().tolist() == ["female"]
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
