"""Figures and tables of the case-mix model's page, with and without a model, of one cohort or several."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from naome.core.params import load_params
from naome.measures.adjusted import Adjusted
from naome.measures.casemix.adjust import Assessment
from naome.measures.casemix.checks import TABLES, ModelChecks
from naome.measures.casemix.outliers import judge_organisations
from naome.measures.casemix.prepare import CaseMix
from naome.measures.specification import load_specification
from naome.measures.study import make_study
from naome.release import HIDDEN
from naome.release.types import release_checked
from naome.report.pages.case_mix_model import (
    draw_calibration,
    draw_coefficients_over_time,
    draw_ratios,
    say_slopes,
    say_splines,
    tabulate_checks,
    tabulate_earlier,
)
from naome.report.pages.organisations import draw_proportion_funnels
from naome.report.pages.risk_adjusted_survival import draw_survival_funnels

STUDY = make_study(load_params("england"), run_id="r")
NOTHING = ModelChecks(**{name: pd.DataFrame() for name in TABLES}, worst="", error="", missing="", reason="too few")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def checked(**tables) -> ModelChecks:
    empty = {name: pd.DataFrame() for name in TABLES}
    return ModelChecks(**(empty | tables), worst="age", error="", missing="No item is missing.")


def test_tables_of_cohorts_are_stacked_and_one_without_a_model_says_why():
    some = checked(coefficients=pd.DataFrame({"Term": ["age"], "Hazard ratio": [1.1]}))
    both = tabulate_checks({"denovo": some, "recurrent": NOTHING}, "coefficients", STUDY).frame
    assert both["Cohort"].tolist() == ["De novo", "Recurrent"]
    assert both["status"].tolist() == ["ok", "not_derivable"] and both["reason"].tolist() == ["", "too few"]
    none = tabulate_checks({"denovo": some, "recurrent": NOTHING}, "habits", STUDY).frame
    assert none["Reason"].tolist() == ["No item is missing", "too few"]


def slopes(*limits):
    rows = [(f"{years} y", lower + 0.1, lower, upper) for years, (lower, upper) in zip((1, 3), limits, strict=False)]
    return checked(whole=pd.DataFrame(rows, columns=["Time point", "Slope", "Slope, lower", "Slope, upper"]))


def test_slopes_whose_intervals_exclude_one_are_said_with_their_meaning():
    both = say_slopes({"denovo": slopes((1.2, 1.4), (0.9, 1.1)), "recurrent": slopes((0.6, 0.8))}).text
    assert "Slopes above 1, with 95% intervals that exclude 1: de novo, 1 y: 1.30 (1.20 to 1.40)." in both
    assert "Slopes below 1, with 95% intervals that exclude 1: recurrent, 1 y: 0.70 (0.60 to 0.80)." in both
    assert "3 y" not in both and both.endswith("alone would change.")
    assert say_slopes({"denovo": slopes((0.9, 1.1))}).text == "No interval of a slope excludes 1."
    assert say_slopes({"denovo": NOTHING}).text == "No slope is estimated."


def test_the_knots_of_splines_are_said():
    def assess(*terms):
        return {"denovo": SimpleNamespace(parts=(SimpleNamespace(case_mix=SimpleNamespace(covariates=terms)),))}

    assert say_splines(assess("rcs(age, 3)", "grade")).text == (
        "Restricted cubic splines: age, with knots at the quantiles 0.1, 0.5 and 0.9."
    )
    assert say_splines(assess("age", "grade")).text == "No item is modelled with a spline."


def test_without_a_model_figures_say_so():
    for draw in (draw_ratios, draw_calibration, draw_coefficients_over_time):
        given = (STUDY,) if draw is draw_calibration else ()
        figure = draw({"denovo": NOTHING}, *given, alt="Nothing").drawing
        assert "There is no model" in figure.axes[0].texts[0].get_text()


def test_splines_are_not_drawn_as_ratios():
    table = pd.DataFrame(
        {"Term": ["age", "age'", "sex[male]"], "Hazard ratio": 1.2, "Lower": 1.0, "Upper": 1.4, "p": 0.01, "FMI": 0.0}
    )
    axes = draw_ratios({"denovo": checked(coefficients=table), "recurrent": NOTHING}, alt="Ratios").drawing.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Sex: male"]


def test_calibration_has_a_panel_for_each_cohort_and_horizon():
    tenths = pd.DataFrame(
        {"Time point": ["1 y", "3 y"], "People": 50, "deaths": 20, "Predicted": 0.5, "Observed": 0.6}
    ).assign(Lower=0.4, Upper=0.7)
    checks = {"denovo": checked(tenths=tenths), "recurrent": checked(tenths=tenths.iloc[:1])}
    figure = draw_calibration(checks, STUDY, alt="Calibration").drawing
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert titles == ["De novo, 1 y", "De novo, 3 y", "Recurrent, 1 y"]


def test_a_tenth_of_which_few_died_is_neither_shown_nor_drawn_where_small_counts_are_hidden():
    """Of 47 people 93.6% lived: 3 died. Another tenth goes with it, since the whole is on the page."""
    people, alive = [48, 47, 46], [0.5, 0.936, 0.3]
    tenths = pd.DataFrame({"Time point": "1 y", "Tenth": [1, 8, 9], "People": people, "Predicted": [0.5, 0.9, 0.4]})
    tenths = tenths.assign(Observed=alive, Lower=[0.4, 0.866, 0.2], Upper=[0.6, 1.007, 0.4], deaths=[24, 3, 32])
    strict = STUDY.params.disclosure.model_copy(update={"policy": "lt10", "national": "suppress"})
    study = make_study(STUDY.params.model_copy(update={"disclosure": strict}), run_id="r")
    laid = tabulate_checks({"denovo": checked(tenths=tenths)}, "tenths", study).frame
    assert laid["People"].tolist() == people and laid["Observed"].tolist() == [0.5, HIDDEN, HIDDEN]
    axes = draw_calibration({"denovo": checked(tenths=tenths)}, study, alt="Calibration").drawing.axes[0]
    assert np.isnan(axes.lines[1].get_ydata()).tolist() == [False, True, True]
    exact = tabulate_checks({"denovo": checked(tenths=tenths)}, "tenths", STUDY).frame
    assert exact["Observed"].tolist() == alive


def test_a_tenth_of_which_few_died_is_not_shown_where_more_would_have_without_censoring():
    """6 of 47 died and others were followed for less than 3 years: observed survival is that of 10 deaths."""
    tenths = pd.DataFrame({"Time point": "3 y", "Tenth": [1, 2, 3], "People": 47, "Predicted": [0.3, 0.5, 0.8]})
    tenths = tenths.assign(Observed=[0.3, 0.5, 0.787], Lower=0.2, Upper=0.9, deaths=[33, 24, 6])
    laid = tabulate_checks({"denovo": checked(tenths=tenths)}, "tenths", of_nation("suppress_small")).frame
    assert laid["Observed"].tolist() == [HIDDEN, 0.5, HIDDEN] and "deaths" not in laid
    axes = draw_calibration({"denovo": checked(tenths=tenths)}, of_nation("suppress_small"), alt="C").drawing.axes[0]
    assert np.isnan(axes.lines[1].get_ydata()).tolist() == [True, False, True]


def test_tenths_do_not_add_up_to_survival_that_is_suppressed_as_a_result():
    tenths = pd.DataFrame({"Time point": ["1 y", "1 y", "3 y"], "People": 50, "deaths": 20, "Predicted": 0.5})
    tenths = tenths.assign(Observed=0.6, Lower=0.4, Upper=0.7)
    checks, suppressed = {"denovo": checked(tenths=tenths), "recurrent": NOTHING}, {("denovo", "survival_1y", "all")}
    laid = tabulate_checks(checks, "tenths", of_nation("suppress_small"), suppressed=suppressed).frame
    assert laid["Observed"].tolist()[:3] == [HIDDEN, HIDDEN, 0.6] and "withheld" not in laid
    figure = draw_calibration(checks, of_nation("suppress_small"), alt="C", suppressed=suppressed)
    assert "De novo, 1 y: suppressed" in figure.alt and "De novo, 3 y: one point" in figure.alt


def of_nation(national: str):
    params = load_params("wales")
    disclosure = params.disclosure.model_copy(update={"policy": "hes2018", "national": national})
    return make_study(params.model_copy(update={"disclosure": disclosure}), run_id="r")


@pytest.mark.parametrize(
    ("deaths", "observed", "hidden"),
    [(120, 0.29, False), (5, 0.97, True), (120, 0.03, True), (120, 0.97, True), (150, 0.5, True)],
)
@pytest.mark.parametrize("dead", [80, 6])
def test_older_diagnoses_of_which_few_died_have_no_people_nor_observed_survival(
    monkeypatch, deaths, observed, hidden, dead
):
    hidden |= dead == 6  # until the time point; most were not followed as long
    row = {"Time point": "5 y", "People": 154, "deaths": deaths, "Predicted": 0.3, "Observed": observed, "dead": dead}
    row |= {"Difference": observed - 0.3, "Slope": 1.0, "Slope, lower": 0.8, "Slope, upper": 1.2}
    monkeypatch.setattr("naome.report.pages.case_mix_model.check_earlier", lambda each: pd.DataFrame([each]))
    numbers = ["People", "Observed", "Difference"]
    shown = [HIDDEN] * 3 if hidden else [row[name] for name in numbers]
    frame = tabulate_earlier({"denovo": row}, of_nation("suppress_small")).frame
    assert frame.loc[0, numbers].tolist() == shown and frame.loc[0, "Predicted"] == 0.3 and "alive" not in frame
    frame = tabulate_earlier({"denovo": row}, of_nation("show")).frame
    assert frame.loc[0, numbers].tolist() == [row[name] for name in numbers]


def test_observed_survival_of_everyone_is_not_shown_where_it_is_suppressed_as_a_result():
    whole = pd.DataFrame({"Time point": ["1 y", "3 y"], "Predicted": 0.5, "Observed": 0.6, "Difference": 0.1})
    checks = {cohort: checked(whole=whole) for cohort in ("denovo", "recurrent")}
    suppressed = {("recurrent", "survival_3y", "all"), ("denovo", "cohort_size", "all")}
    frame = tabulate_checks(checks, "whole", STUDY, suppressed=suppressed).frame
    assert frame["Observed"].tolist() == [0.6, 0.6, 0.6, HIDDEN]
    assert frame["Difference"].tolist() == [0.1, 0.1, 0.1, HIDDEN] and frame["Predicted"].tolist() == [0.5] * 4


def test_funnels_draw_released_numbers_only():
    """The exact size is 47 and the exact survival 61.3%: neither may be read off the figure."""
    params = load_params("england")
    table = pd.DataFrame({"unit": ["A", "B"], "n": [47, 52], "z": [0.0, 1.0], "recorded": 1.0})
    table = table.assign(expected=0.3 * table["n"])
    # the standard error of 47 people with the national survival: each counts as one
    table = table.assign(std_error=np.sqrt(0.7 * 0.3 / table["n"]))
    table = judge_organisations(table.assign(survival_adjusted=[0.613, 0.5]), params, higher_is="worse")
    frame = pd.DataFrame({"duration": [1.0], "event": [1], "unit": ["A"]})
    assessment = Assessment("denovo", CaseMix(frame, [frame], (), (), table), {1: table}, {1: 0.7}, frame, "")
    released = pd.DataFrame(
        {"unit": ["A", "B"], "denominator": [45, 50], "estimate": [0.6, np.nan], "status": ["ok", "suppressed"]}
    ).assign(measure="survival_1y_adjusted", cohort="denovo", level="provider", group_by="all")
    released = release_checked(released)
    axes = draw_survival_funnels({"denovo": assessment}, released, params, alt="Funnels").drawing.axes[0]
    points = [line.get_xydata().tolist() for line in axes.lines if line.get_label() == "within"]
    assert len(points) == 1 and points[0][0] == pytest.approx([45.0, 60.0])
    assert "expected by chance 0.0" in axes.texts[0].get_text()
    empty = draw_survival_funnels({}, released, params, alt="Funnels").drawing
    assert "There is no comparison" in empty.axes[0].texts[0].get_text()


def test_panels_of_proportions_say_levels():
    units = pd.DataFrame({"unit": ["A", "B"], "denominator": [40, 60], "estimate": [0.1, 0.3]})
    named = {"measure": "death_30d_chemotherapy_adjusted", "cohort": "denovo", "level": "provider", "status": "ok"}
    released = release_checked(units.assign(**named, group_by="all"))
    levels = pd.DataFrame({"unit": ["A", "B"], "level": ["within", "alarm"]})
    found = Adjusted("death_30d_chemotherapy", "denovo", "treating_provider", levels, 0.1, units, "")
    tails, specification = (0.025, 0.001), load_specification()
    axes = draw_proportion_funnels([found], released, specification, tails, alt="Funnels").drawing.axes[0]
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert drawn["alarm"] == [[60.0, 30.0]] and drawn["within"] == [[40.0, 10.0]]
    empty = draw_proportion_funnels([], released, specification, tails, alt="Funnels").drawing
    assert "There is no comparison" in empty.axes[0].texts[0].get_text()
