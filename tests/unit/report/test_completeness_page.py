"""The page of completeness says of organisations what its results show, and nothing where they show nothing."""

from __future__ import annotations

import pytest
from made_results import make_finished

from naome.core.params import load_params
from naome.release.types import release_checked
from naome.report.pages.data_completeness import say_variation


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["A", "B", "Small", "D", "E"], "Outside the alert limits: 2 of 4 organisations compared; up to 0.2 would be"),
        ([], "These data do not show whether completeness varies by organisation."),
    ],
)
def test_organisations_outside_the_limits_are_counted(make_run, as_runner, names, said):
    finished = make_finished(as_runner(make_run("england")), names)
    (frame,) = [frame for name, frame in finished.read_released() if name == "indicators"]
    text = say_variation(release_checked(frame), "completeness.er", load_params("england")).text
    assert text.startswith(said)
