"""Sentences of pages follow the options in force."""

from __future__ import annotations

from naome.core.params import load_params
from naome.measures.study import make_study
from naome.report.pages.cohort import say_routes


def test_the_ways_into_the_cohorts_follow_the_options():
    params = load_params("england")
    assert "is never counted as recurrent later" in say_routes(make_study(params, run_id="r")).text
    other = params.model_copy(update={"rules": {"early_code_bars_recurrence": False}})
    later = say_routes(make_study(other, run_id="r")).text
    assert "counts as recurrent when another follows after the gap" in later and "never" not in later
    assert "the gap" not in say_routes(make_study(load_params("rotterdam"), run_id="r")).text, "its rules have none"
