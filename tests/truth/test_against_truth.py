"""The rules against the truth of a synthetic extract; no audit run does this, because no audit has a truth."""

import datetime as dt
import json
import warnings

import pandas as pd
import pytest

from naome.cohort.derive import identify_members
from naome.cohort.tables import open_tables
from naome.core.errors import RunError
from naome.core.params import load_params
from naome.extract import READERS, read_extract
from naome.measures.ascertainment import count_sources
from naome.measures.study import make_study
from naome.stats.capture_recapture import loglinear_population
from naome_synthetic import write_extract
from naome_synthetic.report import tabulate_estimates, write_report
from naome_synthetic.validate import compare_with_truth, count_true_recurrences, load_truth, measure_date_error

PERIOD = (dt.date(2019, 1, 1), dt.date(2021, 12, 31))


@pytest.fixture(autouse=True)
def _quiet_ibis():
    """Ibis 12 calls DuckDB 2 by a deprecated name; nothing of ours to mend."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="fetch_arrow_table", category=DeprecationWarning)
        yield


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    root = tmp_path_factory.mktemp("truth")
    write_extract("england", root / "raw", root / "hidden", scale=0.05)
    params = load_params("england")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_extract(READERS["ncrd"], root / "raw", root / "canonical", progress=lambda _: None)
        found = identify_members(params, root / "canonical")
    return params, root / "canonical", found, load_truth(root / "hidden")


def make_truth(rows):
    truth = pd.DataFrame(rows, columns=["person_id", "diagnosis_date", "distant_date", "kind", "died_of_it"])
    for column in ("diagnosis_date", "distant_date"):
        truth[column] = pd.to_datetime(truth[column])
    return truth.assign(death_date=pd.NaT)


def make_found(rows):
    found = pd.DataFrame(rows, columns=["person_id", "cohort", "metastatic_date"])
    return found.assign(metastatic_date=pd.to_datetime(found["metastatic_date"]))


def test_sensitivity_and_predictive_value_by_hand():
    truth = make_truth(
        [
            ("found", "2016-01-01", "2019-05-01", "recurrent", True),
            ("missed", "2016-01-01", "2019-05-01", "recurrent", True),
            ("survivor", "2016-01-01", "2019-05-01", "recurrent", False),
            ("earlier", "2016-01-01", "2018-12-01", "recurrent", False),
            ("well", "2016-01-01", None, "none", False),
            ("four", "2020-01-01", "2020-01-01", "denovo", False),
        ]
    )
    found = make_found(
        [
            ("found", "recurrent", "2019-05-11"),
            ("earlier", "recurrent", "2019-01-05"),
            ("well", "recurrent", "2019-06-01"),
            ("four", "denovo", "2020-01-01"),
        ]
    )
    table = compare_with_truth(found, truth, PERIOD).set_index(["cohort", "measure"])
    counts = table[["numerator", "denominator"]].apply(tuple, axis=1)
    assert counts["recurrent"].to_dict() == {
        "sensitivity": (1, 3),
        "sensitivity_died": (1, 2),
        "ppv_disease": (2, 3),
        "ppv_kind": (2, 3),
        "ppv_period": (1, 3),
    }
    assert counts["denovo"]["sensitivity"] == (1, 1)
    errors = measure_date_error(found, truth).set_index("cohort")
    assert errors.loc["recurrent", "people"] == 2
    assert errors.loc["recurrent", "median"] == (10 + 35) / 2
    assert errors.loc["recurrent", "within_30_days"] == 0.5
    assert count_true_recurrences(truth, dt.date(2018, 12, 31)) == 1


def test_rules_find_what_they_say_and_miss_many(extract):
    """The recurrent rule is precise and insensitive, its date late; the de novo cohort is nearly complete."""
    params, _, found, truth = extract
    table = compare_with_truth(found, truth, (params.metastatic_from, params.metastatic_to))
    table = table.set_index(["cohort", "measure"])["estimate"]
    assert table["recurrent", "ppv_disease"] > 0.95
    assert 0.35 < table["recurrent", "sensitivity"] < 0.85
    assert table["denovo", "sensitivity"] > table["recurrent", "sensitivity"]
    errors = measure_date_error(found, truth).set_index("cohort")
    assert errors.loc["recurrent", "median"] > 0, "an admission comes after the onset"
    assert errors.loc["denovo", "within_365_days"] > 0.99


def test_capture_recapture_comes_nearer_to_the_living_than_counting(extract):
    params, canonical, _, truth = extract
    on = params.metastatic_to
    counts = count_sources(make_study(params, run_id="r"), open_tables(canonical, params), alive_on=on)
    estimate = loglinear_population(counts, ("admissions", "reported", "treatment"))
    true = count_true_recurrences(truth, on, alive=True)
    found = int(counts.loc[counts["admissions"], "people"].sum())
    assert found < true
    assert abs(estimate.population - true) < abs(found - true)


def read_as_run(make_run, canonical, marking):
    """Make a run whose tables are those that were read."""
    run = make_run("england", marking=marking)
    run.canonical.symlink_to(canonical)
    return run


def test_the_report_sets_every_figure_beside_the_truth(extract, make_run):
    params, canonical, found, truth = extract
    run = read_as_run(make_run, canonical, "synthetic")
    page = write_report([run], [canonical.parent / "hidden"])
    table = compare_with_truth(found, truth, (params.metastatic_from, params.metastatic_to))
    sensitivity = table.set_index(["cohort", "measure"]).loc[("recurrent", "sensitivity")]
    assert f"| {int(sensitivity['denominator']):,} | {sensitivity['estimate']:.1%} |" in page
    estimates = tabulate_estimates(run, truth)
    assert (estimates["truth"] == count_true_recurrences(truth, params.censor_date)).all()
    assert len(estimates) == 4 and f"{estimates['people'].iloc[-1]:,.0f}" in page


def test_the_report_names_what_is_computed_now_and_not_an_earlier_run_of_the_folder(extract, make_run):
    _, canonical, _, _ = extract
    run = read_as_run(make_run, canonical, "synthetic")
    digests = {key: run.read_record[key] for key in ("params_sha256", "definitions_sha256")}
    earlier = {"run_id": "england-earlier", "inputs_sha256": run.read_record["inputs"], **digests}
    (run.folder / "manifest.json").write_text(json.dumps(earlier), encoding="utf-8")
    assert run.run_id == "england-earlier"
    page = write_report([run], [canonical.parent / "hidden"])
    assert f"runs: [{run.current_id}]" in page and f"Run `{run.current_id}`" in page
    assert "england-earlier" not in page


@pytest.mark.parametrize("marking", ["real", "open"])
def test_an_extract_that_is_not_synthetic_has_no_report(extract, make_run, marking):
    _, canonical, _, _ = extract
    run = read_as_run(make_run, canonical, marking)
    with pytest.raises(RunError, match="not synthetic"):
        write_report([run], [canonical.parent / "hidden"])
