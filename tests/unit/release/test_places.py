"""A failure of the attack names the tables in which it is, and never a count, a group or an organisation."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from naome.core.results import make_results
from naome.release.attack import FAILURES, Attack, attack_release
from naome.release.cells import Scheme, list_cells
from naome.release.places import Place, find_places, say_places
from naome.release.policy import POLICIES

PARENTS = pd.DataFrame({"provider": list("AB"), "alliance": "N", "region": "R"})
SCHEME = Scheme({"m": (frozenset(), frozenset(["any"]))}, frozenset(), {"sex": ("sex", frozenset())}, PARENTS)
ROWS = [
    ("m", "nation", "wales", "all", "all", 120, 272),
    ("m", "nation", "wales", "sex", "female", 117, 266),
    ("m", "nation", "wales", "sex", "male", 3, 6),
]


def make() -> pd.DataFrame:
    names = ["measure", "level", "unit", "group_by", "group", "numerator", "denominator"]
    frame = pd.DataFrame(ROWS, columns=names).assign(lower=0.0, upper=1.0, method="wilson", status="ok")
    frame["estimate"] = frame["numerator"] / frame["denominator"]
    return make_results(frame, audit="a", nation="wales", cohort="denovo", run_id="r")


@pytest.fixture
def failed() -> Attack:
    """Men are hidden, and everybody less women are men."""
    truth = make()
    released = truth.copy()
    men = released["group"] == "male"
    released.loc[men, ["numerator", "denominator", "estimate", "lower", "upper"]] = pd.NA
    released.loc[men, "status"] = "suppressed"
    return attack_release(released, truth, SCHEME, POLICIES["hes2018"], national="suppress_small")


def test_what_can_be_worked_out_is_placed(failed):
    assert failed.hidden_narrow and failed.where["hidden_narrow"] == [Place("m", "denovo", "nation", "sex")]
    assert set(failed.where) == set(failed.failures)


def test_no_group_and_no_count_is_named(failed):
    where = json.dumps(failed.to_dict()["where"])
    assert '"characteristic": "sex"' in where
    assert "male" not in where and not any(sign.isdigit() for sign in where)
    assert "male" not in say_places(failed.where["hidden_narrow"])


def test_an_attack_that_passes_names_no_place():
    truth = make().iloc[:1]
    found = attack_release(truth, truth, SCHEME, POLICIES["hes2018"], national="show")
    assert found.passed and found.where == {} and found.to_dict()["where"] == {}


def test_contradictions_are_placed():
    truth = make()
    released = truth.assign(numerator=[100, 117, 3])
    found = attack_release(released, truth, SCHEME, POLICIES["hes2018"], national="suppress_small")
    assert found.truth_outside and Place("m", "denovo", "nation", "all") in found.where["truth_outside"]


def test_a_count_that_no_row_shows_is_placed_where_its_relations_are():
    rows = make()
    cells = list_cells(rows, SCHEME)
    shown = {*cells.people, *cells.events, *cells.rest}
    for count in range(len(cells.value)):
        places = find_places(rows, cells, [count])
        assert places or count not in shown
    assert {place.level for place in find_places(rows, cells, range(len(cells.value)))} == {"nation"}


def test_of_many_places_some_are_named():
    places = [Place(f"m{number:02}", "denovo", "provider", "all") for number in range(20)]
    assert say_places(places).endswith("m07 (cohort denovo, level provider); and 12 more")


def test_every_failure_has_words():
    assert all(Attack("hes2018", **{name: 1}).failures == {name: 1} for name in FAILURES)
