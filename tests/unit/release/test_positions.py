"""The position of an organisation beside its nation is made from released rows, and says no more than these."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.core.params import Disclosure, load_params
from naome.core.results import make_results
from naome.measures.specification import load_specification
from naome.measures.study import make_study
from naome.measures.variation import NOT_ASSESSED, compare_organisations
from naome.release import release
from naome.release.outlier_levels import SPREAD, settle_variation
from naome.release.positions import NOT_COMPARED, NOT_DERIVABLE, NOT_SHOWN, place_by_status, place_organisations
from naome.release.suppress import VALUE_SUPPRESSED
from naome.release.types import release_checked

ENGLAND = load_params("england")
MDT = {"mdt_discussion": "higher"}


def results(units, nation=None, measure="mdt_discussion", **columns):
    """Results of a nation, by default the sum, and of organisations: ``(numerator, denominator, status)``."""
    x, n = (sum(each[k] or 0 for each in units) for k in (0, 1))
    rows = [(*(nation or (x, n)), "ok"), *units]
    frame = pd.DataFrame(rows, columns=["numerator", "denominator", "status"])
    shown = frame["status"] == "ok"
    frame[["numerator", "denominator"]] = frame[["numerator", "denominator"]].where(shown)
    frame["estimate"] = frame["numerator"] / frame["denominator"]
    frame["reason"] = np.where(shown, "", "Small number.")
    frame["level"] = ["nation", *["provider"] * len(units)]
    frame["unit"] = ["england", *(f"Z{k:02}" for k in range(len(units)))]
    columns = {
        "measure": measure,
        "cohort": "denovo",
        "audit": "england",
        "nation": "england",
        "run_id": "r",
        **columns,
    }
    return make_results(frame, **columns)


def place(frame, params=ENGLAND, polarities=MDT):
    return place_organisations(release_checked(frame), params, polarities).set_index("unit")


CENTRE = [(60, 100, "ok")] * 6


@pytest.mark.parametrize(
    ("polarity", "low", "high"),
    [
        ("higher", "negative tail", "positive tail"),
        ("lower", "positive tail", "negative tail"),
        ("neutral", "low tail", "high tail"),
    ],
)
def test_tails_and_centre_by_polarity(polarity, low, high):
    placed = place(results([*CENTRE, (30, 100, "ok"), (90, 100, "ok")]), polarities={"mdt_discussion": polarity})
    assert placed["position"].tolist() == ["central mass"] * 6 + [low, high]


def test_no_position_says_why():
    units = [*CENTRE, (None, None, "suppressed"), (None, None, "not_derivable"), (10, 10, "ok")]
    placed = place(results(units)).iloc[6:]
    assert placed["position"].tolist() == [NOT_SHOWN, NOT_DERIVABLE, NOT_COMPARED]
    assert placed["reason"].tolist() == ["Small number.", "Small number.", "It may have fewer than 10 people."]


def test_nobody_and_a_single_organisation_are_not_compared():
    assert place(results([]).iloc[:1]).empty
    one = place(results([(60, 100, "ok")], nation=(600, 1000)))
    assert one["position"].tolist() == [NOT_COMPARED] and "no other" in one["reason"].iloc[0]


def test_a_national_value_of_everyone_is_nothing_to_compare_with():
    placed = place(results([(100, 100, "ok")] * 3))
    assert set(placed["position"]) == {NOT_COMPARED} and "of everyone or no one" in placed["reason"].iloc[0]
    assert set(place(results(CENTRE).iloc[1:])["position"]) == {NOT_COMPARED}


def test_counts_shown_alike_have_one_position_and_no_worse_one_than_their_own():
    """A count of 45 of 100 may be 43 of 102: the position is one that each of them has."""
    exact = [(x, n) for x in range(43, 48) for n in range(98, 103)]
    order = ["positive tail", "central mass", "negative tail"]
    lt10 = ENGLAND.model_copy(update={"disclosure": Disclosure(policy="lt10", national="show")})
    nation = (551, 1000)
    own = [place(results([(x, n, "ok"), *CENTRE], nation), lt10)["position"].iloc[0] for x, n in exact]
    shown = place(results([(45, 100, "ok"), *CENTRE], nation))["position"].iloc[0]
    assert {"central mass", "negative tail"} == set(own)
    assert order.index(shown) == min(order.index(each) for each in own)


@pytest.mark.parametrize("overdispersion", ["none", "additive"])
def test_positions_agree_with_the_page_on_organisations(overdispersion):
    """Both give an organisation the same part of the distribution; the page compares by exact counts."""
    outliers = ENGLAND.outliers.model_copy(update={"overdispersion": overdispersion})
    params = ENGLAND.model_copy(update={"outliers": outliers})
    rng = np.random.default_rng(7)
    n = rng.integers(30, 300, 60)
    x = rng.binomial(n, rng.choice([0.4, 0.6, 0.6, 0.6, 0.8], 60))
    exact = results([(int(a), int(b), "ok") for a, b in zip(x, n, strict=True)], method="wilson")
    study = make_study(params, run_id="r")
    shown = release(exact, params)
    page = settle_variation(compare_organisations(exact, study), shown, params, load_specification()).units
    page = page[page["measure"] == "mdt_discussion"].set_index("unit")["domain"]
    placed = place_organisations(shown, params, MDT).set_index("unit")["position"]
    compared = placed[~placed.isin([NOT_SHOWN, NOT_COMPARED])].index
    assert len(compared) > 40 and placed[compared].nunique() > 1
    agree = (placed[compared] == page[compared]).mean()
    assert agree == 1 if overdispersion == "none" else agree >= 0.9
    assert not (page[compared] == NOT_ASSESSED).any()


@pytest.mark.parametrize(("organisations", "silent"), [(19, True), (20, False)])
def test_the_variation_of_few_organisations_is_not_shown(organisations, silent):
    exact = results([(40 + 2 * (k % 6), 100, "ok") for k in range(organisations)], method="wilson")
    compared = compare_organisations(exact, make_study(ENGLAND, run_id="r"))
    settled = settle_variation(compared, release(exact, ENGLAND), ENGLAND, load_specification())
    before, after = (each.summary.set_index("measure").loc["mdt_discussion"] for each in (compared, settled))
    assert before[["share_beyond_chance", "p_value", "variance"]].notna().all()
    assert after[list(SPREAD)].isna().all() if silent else after[list(SPREAD)].equals(before[list(SPREAD)])
    assert after["assessed"] == before["assessed"] == organisations


@pytest.mark.parametrize("events", [40, 0])
def test_a_national_value_that_is_suppressed_stands_beside_no_comparison(events):
    exact = results([(events, 100, "ok") for _ in range(25)], method="wilson")
    compared = compare_organisations(exact, make_study(ENGLAND, run_id="r"))
    shown = release(exact, ENGLAND)
    hidden = shown.transform(lambda frame: frame.assign(status=frame["status"].mask(frame["level"] == "nation", "x")))
    settled = (settle_variation(compared, each, ENGLAND, load_specification()) for each in (shown, hidden))
    kept, gone = (each.summary.set_index("measure").loc["mdt_discussion"] for each in settled)
    assert kept["reason"] == ("" if events else "Everyone, or no one, has the outcome.") and np.isnan(gone["target"])
    assert gone["reason"] == ("" if events else VALUE_SUPPRESSED)


def test_a_rounded_national_value_is_taken_at_its_limits():
    hidden = ENGLAND.model_copy(update={"disclosure": Disclosure(policy="hes2018", national="suppress")})
    frame = results([(35, 60, "ok"), (15, 60, "ok"), (20, 25, "ok")], nation=(70, 145))
    known, rounded = place(frame)["position"].tolist(), place(frame, hidden)["position"].tolist()
    assert known == ["central mass", "negative tail", "positive tail"]
    assert rounded[1] == "negative tail" and set(rounded) <= {"central mass", *known}


def test_a_position_is_made_of_released_rows_alone():
    """Exact counts that are released alike give the same position."""
    first = release(results([(60, 100, "ok")] * 5 + [(41, 99, "ok")], (600, 1000), method="wilson"), ENGLAND)
    second = release(results([(61, 101, "ok")] * 5 + [(39, 101, "ok")], (600, 1000), method="wilson"), ENGLAND)
    placed = [place_organisations(each, ENGLAND, MDT).drop(columns="reason") for each in (first, second)]
    pd.testing.assert_frame_equal(*placed)


def test_measures_that_are_not_asked_for_have_no_position():
    assert place(results(CENTRE), polarities={"biopsy": "higher"}).empty


def test_the_position_on_survival_is_the_outlier_status():
    units = [*CENTRE[:4], (None, None, "suppressed")]
    frame = results(units, measure="survival_1y_adjusted")
    statuses = pd.DataFrame(
        [
            ("Z00", "within", "none", ""),
            ("Z01", "alarm", "worse", ""),
            ("Z02", "alert", "better", ""),
            ("Z03", "not_assessed", "none", "data quality"),
        ],
        columns=["unit", "outlier_status", "direction", "reason"],
    ).assign(cohort="denovo", measure="survival_1y_adjusted", run_id="r")
    placed = place_by_status(release_checked(frame), statuses).set_index("unit")
    assert placed["position"].tolist() == [
        "central mass",
        "negative tail (alarm)",
        "positive tail (alert)",
        NOT_COMPARED,
        NOT_SHOWN,
    ]
    assert placed.loc["Z03", "reason"] == "data quality" and placed.loc["Z04", "reason"] == "Small number."
