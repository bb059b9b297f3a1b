"""A run owns its inputs, covers them by its id, and is written to by the runner only."""

from __future__ import annotations

import json
import os

import pandas as pd
import pytest
import yaml

from naome.core import code_version
from naome.core.errors import RunError
from naome.core.results import make_results
from naome.core.seal import file_digest
from naome.workflow.run import WRITES, open_run


def change_copy(run, change):
    """Change a run's copy of its parameters as if the run had been read with the changed file."""
    file = run.inputs / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(raw)
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    record = json.loads((run.inputs / "read.json").read_text(encoding="utf-8"))
    record["params_sha256"] = file_digest(file)
    (run.inputs / "read.json").write_text(json.dumps(record), encoding="utf-8")
    return open_run(run_dir=str(run.folder))


def test_parameters_and_definitions_are_the_runs_own_copies(make_run):
    run = change_copy(make_run("england"), lambda raw: raw.update(title="Mine", rules={"gap_months": 6}))
    assert run.params.title == "Mine" and run.params.rules["gap_months"] == 6
    assert run.definitions.folder == run.inputs / "definitions"


def test_a_changed_copy_is_refused(make_run):
    run = make_run("wales")
    (run.inputs / "params.yaml").write_text("audit: wales\n", encoding="utf-8")
    with pytest.raises(RunError, match=r"params.yaml: was changed after the run began"):
        print(open_run(run_dir=str(run.folder)).params)
    run = make_run("england")
    (run.inputs / "definitions" / "indicators.yaml").write_text("indicators: []\n", encoding="utf-8")
    with pytest.raises(RunError, match="definitions: was changed after the run began"):
        print(open_run(run_dir=str(run.folder)).definitions)


CHANGES = {
    "parameters": lambda run: change_copy(run, lambda raw: raw["disclosure"].update(policy="lt10")),
    "inputs": lambda run: change_record(run, inputs={"av_patient.csv": "0" * 64}),
}


def change_record(run, **update):
    file = run.inputs / "read.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | update), encoding="utf-8")
    return open_run(run_dir=str(run.folder))


@pytest.mark.parametrize("part", CHANGES)
def test_the_run_id_covers(make_run, part):
    run = make_run("england")
    before = run.run_id
    assert open_run(run_dir=str(run.folder)).run_id == before
    assert CHANGES[part](run).run_id != before


def test_the_run_id_covers_definitions(make_run):
    run = make_run("england")
    before = run.run_id
    (run.inputs / "definitions" / "codelists" / "cns_indicator.csv").write_text("x", encoding="utf-8")
    changed = change_record(run, definitions_sha256=type(run.definitions)(run.inputs / "definitions").digest)
    assert changed.run_id != before


def test_the_run_id_covers_code(make_run, monkeypatch):
    run = make_run("england")
    before = run.run_id
    monkeypatch.setattr("naome.workflow.run.code_version", lambda: code_version.CodeVersion("0" * 64, "", None))
    assert open_run(run_dir=str(run.folder)).run_id != before


def test_the_run_id_does_not_depend_on_where_the_data_lie_or_on_comments(make_run):
    run = make_run("england")
    before = run.run_id
    moved = change_copy(run, lambda raw: raw.update(data_dir="/elsewhere"))
    assert moved.run_id == before


def test_by_hand_nothing_of_the_run_is_written(make_run, as_runner, monkeypatch):
    run = as_runner(make_run("england"))
    run.save("analysis", pd.DataFrame({"age": [1]}))
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    monkeypatch.delenv(WRITES)
    byhand = open_run(run_dir=str(run.folder))
    assert not byhand.official
    byhand.save("analysis", pd.DataFrame({"age": [2]}))
    assert byhand.load("analysis")["age"].tolist() == [2]
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before
    as_runner(make_run("wales"))
    assert run.load("analysis")["age"].tolist() == [1], "the runner of another run reads what was not written by hand"


def test_parameters_are_frozen_all_the_way_down(make_run):
    params = make_run("england").params
    for change in (
        lambda: params.rules.__setitem__("gap_months", 6),
        lambda: params.rules.update(gap_months=6),
        lambda: params.rules.setdefault("gap_months", 6),
        lambda: params.rules.__ior__({"gap_months": 6}),
        lambda: params.rules_not_checked.clear(),
    ):
        with pytest.raises(TypeError, match=r"frozen.*what_if"):
            change()
    assert dict(params.rules) == {}


@pytest.mark.parametrize("byhand", [False, True])
def test_files_of_a_run_are_their_owners_only(make_run, as_runner, byhand):
    """Those of a notebook in JupyterLab as well, which has not the umask of the command line."""
    run = make_run("england")
    run = run if byhand else as_runner(run)
    before = os.umask(0o022)
    try:
        row = pd.DataFrame({"measure": ["m"], "level": ["provider"], "unit": ["A"], "denominator": [3]})
        named = {"audit": "england", "nation": "england", "cohort": "denovo", "run_id": run.run_id}
        run.save("indicators", make_results(row, **named))
        run.save("analysis", pd.DataFrame({"age": [1]}))
    finally:
        os.umask(before)
    root = run.lab if byhand else run.folder
    written = [root / name for name in ("analysis.parquet", "results/indicators.parquet", "release/indicators.parquet")]
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (root / "results", root / "release")} == {0o700}
    assert not byhand or root.stat().st_mode & 0o777 == root.parent.stat().st_mode & 0o777 == 0o700


def test_a_run_is_named(tmp_path, make_run):
    with pytest.raises(RunError, match="no run is named"):
        open_run()
    run = make_run("wales")
    with pytest.raises(RunError, match="holds a run of audit 'wales', not of 'england'"):
        open_run("england", str(run.folder))
    assert str(run.folder) in repr(run) and len(repr(run)) < 300


def finish(run, **manifest):
    """Leave a manifest as a finished run has it, made by the code that runs now unless told otherwise."""
    record = run.read_record
    known = {
        "run_id": run.current_id,
        "code_sha256": code_version.code_version().sha256,
        "commit": "",
        "dirty": None,
        "params_sha256": record["params_sha256"],
        "definitions_sha256": record["definitions_sha256"],
        "inputs_sha256": record["inputs"],
    }
    (run.folder / "manifest.json").write_text(json.dumps(known | manifest), encoding="utf-8")
    return run


def test_a_finished_run_keeps_the_id_of_its_manifest_under_other_code(make_run):
    run = finish(make_run("england"), run_id="england-0123456789", code_sha256="f" * 64)
    with pytest.warns(
        UserWarning, match="england-0123456789 .*finished with code sha256 `ffffffffffff`.*now runs code"
    ):
        opened = open_run(run_dir=str(run.folder))
    assert opened.run_id == "england-0123456789" and "finished with code" in repr(opened)
    assert opened.study.run_id == opened.current_id != opened.run_id, (
        "what is computed now is of the code that runs now"
    )
    assert opened.lab.name == opened.current_id


def test_a_finished_run_says_which_definitions_have_changed_since(make_run, monkeypatch, tmp_path):
    run = finish(make_run("england"))
    assert run.changes == [] and open_run(run_dir=str(run.folder)).run_id == run.current_id
    other = run.definitions.copy_to(tmp_path / "definitions")
    (other.folder / "codelists" / "cns_indicator.csv").write_text("x", encoding="utf-8")
    monkeypatch.setattr("naome.workflow.run.project_definitions", lambda: other)
    with pytest.warns(UserWarning, match="definitions of the project changed since: .*cns_indicator"):
        open_run(run_dir=str(run.folder))


@pytest.mark.parametrize("other", ["params_sha256", "definitions_sha256", "inputs_sha256"])
def test_the_manifest_of_other_inputs_does_not_count(make_run, other):
    run = finish(make_run("england"), **{other: "other", "run_id": "england-0123456789"})
    assert open_run(run_dir=str(run.folder)).run_id == run.current_id


def test_the_runner_works_under_the_id_of_the_code_that_runs(make_run, as_runner):
    run = as_runner(finish(make_run("england"), run_id="england-0123456789", code_sha256="f" * 64))
    assert open_run(run_dir=str(run.folder)).run_id == run.current_id


def test_a_run_that_is_not_there_is_refused_with_the_nearest(make_run, monkeypatch, tmp_path):
    make_run("england")
    monkeypatch.setenv("NAOME_RUNS", str(tmp_path))
    with pytest.raises(RunError, match=r"no run 'englnd' \(did you mean 'england'\?\); runs in .*: england\. Hint"):
        open_run("englnd")


def test_what_is_no_result_is_not_released(make_run, as_runner):
    run = as_runner(make_run("england"))
    run.save("analysis", pd.DataFrame({"age": [1]}))
    with pytest.raises(RunError, match="indicator.*did you mean 'indicators'"):
        run.release("indicator")
    for wrong in ("analysis", pd.DataFrame({"age": [1]}), 7):
        with pytest.raises(RunError, match="does not hold results.*Hint"):
            run.release(wrong)
    with pytest.raises(RunError, match="did you mean 'survival'"):
        run.load("survivl")
