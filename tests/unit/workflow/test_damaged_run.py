"""A file of a run that is cut off is named by every command that reads it, with what makes it again; exit code 2."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from naome.core.atomic import write_json
from naome.core.errors import RunError
from naome.core.results import make_results
from naome.core.seal import file_digest
from naome.report.finished import open_finished
from naome.workflow.cli import main
from naome.workflow.organisation_names import write_organisation_names
from naome.workflow.plan import plan_run
from naome.workflow.run import WRITES, open_run

ROW = {
    "measure": ["mdt_discussion"],
    "level": ["nation"],
    "unit": ["england"],
    "denominator": [1000],
    "estimate": [0.6],
}


@pytest.fixture
def run(make_run, as_runner, monkeypatch):
    """A finished run of one released result."""
    run = as_runner(make_run("england"))
    named = {"audit": "england", "nation": "england", "cohort": "denovo", "run_id": run.current_id}
    run.save("indicators", make_results(pd.DataFrame(ROW), **named))
    run.save("analysis", pd.DataFrame({"cohort": ["denovo"], "provider": ["A"], "alliance": ["B"], "region": ["C"]}))
    write_organisation_names(run)
    files = {f"release/{file.name}": file_digest(file) for file in (run.folder / "release").glob("*.parquet")}
    record = run.read_record
    manifest = {
        "audit": "england", "title": "T", "nation": "england", "marking": "synthetic", "run_id": run.current_id,
        "code_sha256": "f" * 64, "commit": "", "dirty": None, "period": ["2020-01-01", "2022-12-31"],
        "params_sha256": record["params_sha256"], "definitions_sha256": record["definitions_sha256"],
        "inputs_sha256": record["inputs"], "pages": {}, "files": files, "attack": {"verdict": "pass"},
        "finished": "2024-05-06T07:08:09+00:00",
    }  # fmt: skip
    write_json(manifest, run.folder / "manifest.json")
    write_json({"notebook": "00-cohort", "run_id": run.current_id, "finished": ""}, run.folder / "steps" / "00.json")
    monkeypatch.delenv(WRITES)
    return run


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("analysis.parquet", "attack"),
        ("results/indicators.parquet", "attack"),
        ("release/indicators.parquet", "attack"),
        ("inputs/read.json", "attack"),
        ("inputs/params.yaml", "attack"),
        ("inputs/definitions/indicators.yaml", "attack"),
        ("manifest.json", "attack"),
        ("steps/00.json", "manifest"),
        ("release/indicators.parquet", "manifest"),
        ("manifest.json", "explain"),
        ("inputs/params.yaml", "explain"),
        ("manifest.json", "downloads"),
        ("release/indicators.parquet", "downloads"),
        ("inputs/definitions/indicators.yaml", "downloads"),
        ("inputs/params.yaml", "action-plans"),
    ],
)
def test_a_file_that_is_cut_off_is_named(run, name, command, tmp_path, capsys):
    cut(run.folder / name)
    out = ["--out", str(tmp_path / "out")] if command in ("downloads", "action-plans") else []
    result = ["r-0123456789"] if command == "explain" else []
    assert main([command, *result, "--run", str(run.folder), *out]) == 2
    said = capsys.readouterr().err
    place = name if "/definitions/" not in name else "inputs/definitions"
    assert f"{run.folder / place}" in said and "Hint: " in said and "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_in_a_notebook_too(run):
    cut(run.folder / "analysis.parquet")
    with pytest.warns(UserWarning), pytest.raises(RunError, match="analysis.parquet: not readable as Parquet"):
        open_run(run_dir=str(run.folder)).people("denovo")


def test_a_finished_run_whose_inputs_were_read_can_be_sent_to_a_process(run):
    finished = open_finished(run.folder)
    assert finished.params.audit == "england" and finished.definitions.rules({})
    assert pickle.loads(pickle.dumps(finished)).params == finished.params


def test_a_damaged_input_of_a_finished_run_is_no_run_without_action_plans(run):
    (run.folder / "inputs" / "params.yaml").unlink()
    with pytest.raises(RunError, match="params.yaml: not there, damaged or changed.*Hint: `naome read --params"):
        print(open_finished(run.folder).params)


def open_again(run):
    return type(run)(run.folder)


def test_the_runner_makes_a_damaged_plan_again(run, as_runner, monkeypatch):
    made = []
    monkeypatch.setattr("naome.workflow.release_plan.make_plan", lambda *_, **__: made.append("plan") or "plan")
    monkeypatch.setattr("naome.workflow.release_plan.write_release_plan", lambda *_: made.append("written"))
    (run.folder / "release_plan.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match="release_plan.parquet: not readable as Parquet.*Hint: `naome chain"):
        open_again(run).decide_release()
    assert as_runner(open_again(run)).decide_release() == "plan" and made == ["plan", "written"]


def test_a_damaged_manifest_is_written_again(run, monkeypatch):
    cut(run.folder / "manifest.json")
    called = []
    monkeypatch.setattr(
        "naome.workflow.manifest.write_manifest", lambda *given: called.append(given) or "manifest.json"
    )
    assert main(["manifest", "--run", str(run.folder)]) == 0 and len(called) == 1


def test_a_run_without_its_record_is_replaced_on_demand_only(make_run, root, tmp_path):
    run = make_run("rotterdam")
    cut(run.folder / "inputs" / "read.json")
    data = str(root / "data" / "open")
    with pytest.raises(
        RunError, match="read.json: not readable as JSON.*naome chain .* --replace` makes the run again"
    ):
        plan_run("rotterdam", data, str(run.folder))
    assert plan_run("rotterdam", data, str(run.folder), replace=True).folder == run.folder


def test_a_result_is_explained_though_another_run_is_damaged_or_a_copy(run, monkeypatch, capsys):
    monkeypatch.setenv("NAOME_RUNS", str(run.folder.parent))
    result = pd.read_parquet(run.folder / "release" / "indicators.parquet")["result_id"].iloc[0]
    for name in ("copied", "damaged"):
        shutil.copytree(run.folder, run.folder.with_name(name))
    damaged = run.folder.with_name("damaged")
    cut(damaged / "release" / "indicators.parquet")
    write_json(json.loads((damaged / "manifest.json").read_text()) | {"run_id": "england-0"}, damaged / "manifest.json")
    assert main(["explain", result]) == 0
    said = capsys.readouterr().out
    assert said.count(f"Result: {result}") == 1
    assert "\n\nNot searched: " in said and "damaged/release/indicators.parquet was changed after run" in said
    assert main(["explain", "r-0000000000"]) == 2
    assert "damaged/release/indicators.parquet" in capsys.readouterr().err


def test_output_that_is_not_read_to_its_end_is_no_fault(run, monkeypatch):
    monkeypatch.setenv("NAOME_RUNS", str(run.folder.parent))
    result = pd.read_parquet(run.folder / "release" / "indicators.parquet")["result_id"].iloc[0]
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{sys.executable} -m naome.workflow.cli explain {result} | true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (141, "")
