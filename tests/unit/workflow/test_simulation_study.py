"""The simulation study's command, its kept summary and its page."""

from __future__ import annotations

import json

import numpy as np
import pytest

from naome.core.errors import RunError
from naome.report.pages import simulation_study as page
from naome.stats.simulation import SCENARIOS, describe_first
from naome.workflow import simulation_study as study
from naome.workflow.cli import main


@pytest.fixture(scope="module")
def kept():
    return study.load_study()


def test_command_writes_summary_and_record(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(study, "simulate", lambda **given: study.load_study()[0].frame.head(3))
    monkeypatch.setattr(study, "describe_first", lambda scenario, seed: {"C": 0.1 * seed})
    assert main(["simulation-study", "--replicates", "7", "--seed", "5", "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / study.RECORD).read_text())
    assert (record["replicates"], record["seed"]) == (7, 5) and "numpy" in record["packages"]
    assert set(record["first_data_sets"]) == {scenario.name for scenario in SCENARIOS}
    assert len(study.load_study(tmp_path)[0].frame) == 3
    assert "7 data sets" in capsys.readouterr().out


def test_command_refuses_no_replicates(capsys, tmp_path):
    assert main(["simulation-study", "--replicates", "0", "--out", str(tmp_path)]) == 2
    assert "at least 1" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_study_that_was_not_run_says_so(tmp_path):
    with pytest.raises(RunError, match="naome simulation-study"):
        study.load_study(tmp_path)


def test_kept_study_is_reproducible_and_small(kept):
    _, record = kept
    assert record["replicates"] >= 200 and record["seed"] >= 0
    assert (study.study_folder() / study.RESULTS).stat().st_size < 300_000


def test_kept_study_is_of_the_present_scenarios_and_code(kept):
    """The first data set of every scenario gives the z that it gave when the study was run."""
    summary, record = kept
    assert summary.frame["scenario"].unique().tolist() == [scenario.name for scenario in SCENARIOS]
    for scenario in SCENARIOS:
        first = describe_first(scenario, record["seed"])
        assert first == pytest.approx(record["first_data_sets"][scenario.name], abs=1e-4), scenario.name


@pytest.mark.parametrize(("scenario", "method"), [(page.NULL, "C"), (page.NULL_MISSING, "C imputed"), (page.NULL, "B")])
def test_kept_study_holds_what_the_methods_promise(kept, scenario, method):
    """Variance of z within 0.95 to 1.05 and the nominal rates near, in both tails; early warning likewise."""
    row = page.spread_measures(kept[0], scenario).loc[method]
    assert 0.95 <= row["variance_z"] <= 1.05
    for side in ("high", "low"):
        assert row[f"alert_{side}"] == pytest.approx(0.025, abs=0.004)
        assert row[f"alarm_{side}"] == pytest.approx(0.001, abs=0.0008)


def test_no_class_of_organisation_has_more_false_alerts_or_alarms_than_stated(kept):
    """Such a class must have no outlier status. Where they are rarer than stated it has, and the page names it."""
    claimed = page.list_classes(kept[0])
    outside = claimed[claimed["claimed"] & ~claimed["held"]]
    assert (outside["measure"] != "variance_z").all() and (outside["value"] < outside["nominal"]).all()
    text = page.describe_classes(kept[0]).text
    assert all(f"{row.scenario}, {row.by}, {row.group}: " in text for row in outside.itertuples())


@pytest.mark.parametrize("method", ["D", "C"])
def test_kept_study_estimates_are_right_whatever_the_hazard(kept, method):
    for scenario in (page.NULL, page.PROPORTIONAL, "early outliers", "late outliers"):
        row = page.spread_measures(kept[0], scenario).loc[method]
        assert abs(row["bias"]) < 0.003 and 0.94 <= row["coverage"] <= 0.975
        if scenario != page.NULL:
            assert abs(row["outlier_bias"]) < 0.01


def test_kept_study_shows_what_mistakes_cost(kept):
    null, missing = (page.spread_measures(kept[0], name) for name in (page.NULL, page.NULL_MISSING))
    assert null.loc["unadjusted", "variance_z"] > 1.5 and null.loc["poisson", "variance_z"] < 0.6
    assert null.loc["dropped", "national_bias"] < -0.1 and missing.loc["D complete", "national_bias"] > 0.1
    text = page.describe_costs(kept[0]).text
    assert text.count("\n") == 4 and f"{null.loc['poisson', 'variance_z']:.2f}" in text


def test_funnel_limits_are_one_event_apart_and_half_an_event_mends_it():
    table = page.tabulate_reflection(0.001).frame
    np.testing.assert_allclose(table["Difference"], 1, atol=1e-9)
    np.testing.assert_allclose(table["Difference with half an event added"], 0, atol=1e-9)


def test_every_method_of_the_study_has_a_name(kept):
    assert set(kept[0].frame["method"]) <= set(page.STUDIED_METHODS)
