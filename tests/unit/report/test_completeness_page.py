"""The page of completeness says of organisations what its results show, and nothing where they show nothing."""

from __future__ import annotations

import pandas as pd
import pytest
from made_results import make_finished

from naome.core.params import Disclosure, load_params
from naome.measures.specification import load_specification
from naome.measures.study import make_study
from naome.release.types import HIDDEN as H
from naome.release.types import Released, release_checked
from naome.report.pages.data_completeness import release_bias, say_bias, say_completeness, say_variation, tabulate_bias


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["A", "B", "Small", "D", "E"],
            "Outside the alert limits: 2 of 4 organisations compared; 0.1 would be by chance alone after",
        ),
        ([], "These data do not show whether completeness varies by organisation."),
    ],
)
def test_organisations_outside_the_limits_are_counted(make_run, as_runner, names, said):
    finished = make_finished(as_runner(make_run("england")), names)
    (frame,) = [frame for name, frame in finished.read_released() if name == "indicators"]
    text = say_variation(release_checked(frame), "completeness.er", load_params("england")).text
    assert text.startswith(said)


@pytest.mark.parametrize(
    ("flags", "provider_p", "said"),
    [
        (
            ["survival", "organisation"],
            0.0,
            "One item of 2 (grade) differs in survival between people with",
        ),
        (["organisation and survival", "survival"], 0.0, "Two items of 2 (grade and stage) differ in survival"),
        (["none", "organisation"], 0.0, "without a record; recording of one item differs between organisations."),
        (["none", "none"], float("nan"), "No items of 2 differ in survival"),
    ],
)
def test_items_recorded_by_survival_are_told_from_those_recorded_by_organisation(flags, provider_p, said):
    frame = pd.DataFrame({"item": ["Grade", "Stage"], "flag": flags, "provider_p": provider_p, "survival_p": 0.5})
    text = say_bias(release_checked(frame)).text
    assert said in text and ("were not compared" in text) == pd.isna(provider_p)


def make_bias(national: str, *, organisations: int = 40) -> Released:
    """Of 57 people 44 have PR, of whom 37 have all receptors: PR is suppressed as a result, ER and grade are not."""
    disclosure = Disclosure(policy="hes2018", national=national)
    study = make_study(load_params("wales").model_copy(update={"disclosure": disclosure}), run_id="r")
    titles = {item.id: item.title for item in study.data_items}
    results = pd.DataFrame({"measure": ["completeness.pr", "completeness.er", "completeness.grade"]})
    results = results.assign(level="nation", group_by="all", group="all", status=["suppressed", "ok", "ok"])
    results["denominator"] = pd.array([None, 58, 58], "Int64")
    results["numerator"] = pd.array([None, 38, 30], "Int64")
    flags = pd.DataFrame({"item": [titles["pr"], titles["er"], titles["grade"]], "n": 57, "recorded": [44, 37, 30]})
    flags = flags.assign(provider_p=0.5, survival_p=[0.0001, 0.0001, 0.4], flag=["survival", "survival", "none"])
    return release_bias(flags, release_checked(results), study, organisations=organisations)


def test_what_is_suppressed_as_a_result_has_neither_counts_nor_a_test_in_the_table_of_bias():
    biased = make_bias("suppress_small")
    rows = tabulate_bias(biased).frame.set_index("item").to_numpy().tolist()
    assert rows == [[H, H, H, H, H], [58, 38, 0.5, 0.0001, "survival"], [58, 30, 0.5, 0.4, "none"]]
    said = say_bias(biased).text
    assert said.startswith("One item of 2 (oestrogen receptor (ER) status) differs") and "suppressed: one item" in said


def test_counts_of_the_test_are_shown_where_national_figures_are():
    frame = make_bias("show").frame
    assert frame["n"].tolist() == [57] * 3 and frame["survival_p"].tolist() == [0.0001, 0.0001, 0.4]


def test_few_organisations_are_not_said_to_be_alike_by_a_test_that_is_suppressed():
    biased = make_bias("show", organisations=7)
    assert biased.frame["provider_p"].tolist() == [H] * 3 and biased.frame["flag"].tolist() == ["survival"] * 2 + [H]
    assert "whether recording differs between organisations is suppressed" in say_bias(biased).text


def test_items_that_are_suppressed_are_not_said_to_be_lacking():
    rows = pd.DataFrame({"measure": [f"completeness.{each}" for each in ("grade", "stage", "er", "her2")]})
    rows = rows.assign(estimate=[None, 0.7, 0.9, 0.8], status=["suppressed", "ok", "ok", "ok"], reason="")
    rows = rows.assign(level="nation", group_by="all", group="all", cohort="denovo")
    said = say_completeness(release_checked(rows), load_specification()).text
    assert said.startswith(
        "Of the three items of the report's Table 2 that are shown (suppressed: one item), oestrogen"
    )
    assert "in these data" in say_completeness(release_checked(rows.iloc[1:]), load_specification()).text
