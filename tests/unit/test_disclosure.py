"""The disclosure door: edges of the rule, complementary suppression, proportions from what is shown."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.disclosure import release, release_counts
from naome.params import load_params
from naome.results import make_results

PARAMS = load_params("england")


def results(*counts: tuple[int, int], level: str = "provider") -> pd.DataFrame:
    rows = [
        {"unit": f"Z{i}", "numerator": x, "denominator": n, "estimate": x / n, "lower": 0.0, "upper": 1.0}
        for i, (x, n) in enumerate(counts)
    ]
    frame = pd.DataFrame(rows).assign(measure="mdt_discussion", level=level, method="wilson")
    return make_results(frame, audit="england", nation="england", cohort="denovo", run_id="r")


@pytest.mark.parametrize(("count", "hidden"), [(0, False), (1, True), (7, True), (8, False)])
def test_edges_of_the_rule(count, hidden):
    out = release(results((count, 100), (50, 100), (40, 100)), PARAMS)
    assert (out.loc[0, "status"] == "suppressed") == hidden
    assert (
        out.loc[0, "estimate"] != out.loc[0, "estimate"]
        if hidden
        else out.loc[0, "estimate"] == round(count / 5) * 5 / 100
    )


def test_a_small_remainder_is_hidden_too():
    assert release(results((97, 100), (50, 100), (50, 100)), PARAMS).loc[0, "status"] == "suppressed"


def test_one_hidden_unit_takes_the_next_smallest_with_it():
    out = release(results((3, 100), (20, 100), (60, 100)), PARAMS)
    assert out["status"].tolist() == ["suppressed", "suppressed", "ok"]
    assert "worked out" in out.loc[1, "reason"]


def test_two_hidden_units_need_no_third():
    out = release(results((3, 100), (4, 100), (60, 100)), PARAMS)
    assert out["status"].tolist() == ["suppressed", "suppressed", "ok"]


def test_proportions_are_computed_from_rounded_counts():
    out = release(results((33, 98), (50, 100), (40, 100)), PARAMS)
    assert (out.loc[0, "numerator"], out.loc[0, "denominator"]) == (35, 100)
    assert out.loc[0, "estimate"] == 0.35
    assert out.loc[0, "lower"] < 0.35 < out.loc[0, "upper"]


def test_hidden_rows_hold_no_numbers():
    out = release(results((3, 100), (4, 100)), PARAMS)
    assert out[["numerator", "denominator", "estimate", "lower", "upper"]].isna().all().all()


def test_national_figures_are_shown_as_the_policy_says():
    assert release(results((3, 100), level="nation"), PARAMS)["status"].tolist() == ["ok"]
    strict = PARAMS.model_copy(update={"disclosure": PARAMS.disclosure.model_copy(update={"national": "suppress"})})
    assert release(results((3, 100), level="nation"), strict)["status"].tolist() == ["suppressed"]


def test_plain_counts():
    assert release_counts(pd.Series([0, 3, 8, 102]), PARAMS, national=False).tolist() == [0, pd.NA, 10, 100]
    assert release_counts(pd.Series([3]), PARAMS, national=True).tolist() == [3]
