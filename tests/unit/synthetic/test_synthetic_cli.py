"""The generator's own command line; `python -m naome_synthetic` is the same."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from naome.core.seal import SEAL
from naome_synthetic.cli import main


def test_simulate_writes_an_extract_and_its_truth_where_it_is_told(tmp_path, capsys):
    out, truth = tmp_path / "out", tmp_path / "truth"
    arguments = ["simulate", "wales", "--scale", "0.01", "--seed", "7", "--format", "csv"]
    assert main([*arguments, "--out", str(out), "--truth", str(truth)]) == 0
    assert "wales: synthetic extract of" in capsys.readouterr().out
    note = json.loads((out / SEAL).read_text(encoding="utf-8"))
    assert (note["nation"], note["scale"], note["seed"]) == ("wales", 0.01, 7)
    assert list(out.glob("*.csv")) and (truth / "people.parquet").is_file()


def test_the_truth_of_a_trial_is_beside_it_and_the_seal_is_named(tmp_path, capsys):
    assert main(["simulate", "wales", "--scale", "0.01", "--out", str(tmp_path / "trial")]) == 0
    assert (tmp_path / "trial-truth" / "people.parquet").is_file()
    assert f"{SEAL} there marks it as synthetic" in capsys.readouterr().out


def test_what_is_refused_is_one_sentence(tmp_path, capsys):
    assert main(["simulate", "wales", "--scale", "0", "--out", str(tmp_path), "--truth", str(tmp_path / "t")]) == 2
    assert capsys.readouterr().err.startswith("naome-synthetic: scale must be a number above 0, got 0.0")
    (tmp_path / "file").touch()
    assert main(["simulate", "wales", "--scale", "0.01", "--out", str(tmp_path / "file" / "x")]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--run", "--audits"])
def test_a_run_without_a_truth_is_refused(option, make_run, tmp_path, monkeypatch, capsys):
    run = make_run("england")
    monkeypatch.setenv("NAOME_RUNS", str(run.folder.parent))
    assert main(["compare-truth", option, "england", "--truth", str(tmp_path / "none")]) == 2
    assert "no truth of the extract here" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["simulate"], ["compare-truth"]])
def test_each_command_has_help(command):
    done = subprocess.run([sys.executable, "-m", "naome_synthetic", *command, "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("usage: naome-synthetic")
