"""The page of completeness says of organisations what its results show, and nothing where they show nothing."""

from __future__ import annotations

import pandas as pd
import pytest
from made_results import make_finished

from naome.core.params import load_params
from naome.release.types import release_checked
from naome.report.pages.data_completeness import say_bias, say_variation


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
    frame = pd.DataFrame({"item": ["Grade", "Stage"], "flag": flags, "provider_p": provider_p})
    text = say_bias(frame).text
    assert said in text and ("were not compared" in text) == pd.isna(provider_p)
