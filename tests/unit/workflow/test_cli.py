"""What the operating system refuses is one sentence with path and cause, and exit code 2."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from naome.core.errors import RunError
from naome.core.paths import project_root
from naome.workflow import chain, cli, ingest
from naome.workflow.chain import NotebookStep
from naome.workflow.cli import main
from naome.workflow.pages import notebooks_of


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "/data/runs/x: No space left on device. Hint: make room"),
        (errno.EACCES, "/data/runs/x: Permission denied. Hint: whose is it?"),
        (errno.EROFS, "/data/runs/x: Read-only file system. Hint: set NAOME_RUNS"),
        (errno.EIO, "/data/runs/x: Input/output error."),
    ],
)
def test_an_error_of_the_system_is_one_sentence(monkeypatch, capsys, number, said):
    def refuse(parsed):
        raise OSError(number, os.strerror(number), "/data/runs/x")

    monkeypatch.setattr(cli, "_read", refuse)
    assert main(["read", "--audit", "rotterdam"]) == 2
    written = capsys.readouterr()
    assert said in written.err and written.err.count("\n") == 1 and "Traceback" not in written.err


@pytest.mark.parametrize("command", ["read", "chain"])
def test_a_folder_that_cannot_be_made_is_said(command, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main([command, "--audit", "rotterdam", "--run-dir", str(tmp_path / "file" / "run")]) == 2
    written = capsys.readouterr()
    assert f"{tmp_path / 'file'}" in written.err and "Not a directory" in written.err


def test_a_folder_that_is_not_the_runs_is_left_alone(tmp_path, capsys):
    assert main(["run", "04", "--run-dir", str(tmp_path)]) == 2
    assert "is no folder of a run" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_as_many_folders_as_audits(capsys):
    assert main(["chain", "--params", "england", "--params", "wales", "--data", "x"]) == 2
    assert "--data is given 1 times for 2 audits" in capsys.readouterr().err


def test_a_new_audit_starts_from_another(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new-audit", "mersey-2022", "--like", "england"]) == 0
    assert "naome chain --params" in capsys.readouterr().out
    text = (tmp_path / "mersey-2022.yaml").read_text(encoding="utf-8")
    assert "audit: mersey-2022" in text and "title: Mersey 2022" in text and "data_dir" not in text
    assert text.startswith("# England: annual registration")
    assert main(["new-audit", "mersey-2022", "--like", "england"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["new-audit", "Mersey", "--like", "england"]) == 2
    assert main(["new-audit", "mersey", "--like", "englnd"]) == 2
    assert "did you mean 'england'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["england"], "'england' is one of those that are shipped (england, "),
        (["mersey", "--data", "none"], "none: no such folder; --data names"),
        (["mersey", "--data", "file"], "file: is a file; --data names"),
        (["mersey", "--out", "none"], "none: no such folder. Hint: make it"),
    ],
)
def test_a_new_audit_makes_no_folder_and_takes_no_name_that_is_taken(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert main(["new-audit", *arguments, "--like", "england"]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_new_audit_says_what_small_cohorts_require(tmp_path, capsys):
    assert main(["new-audit", "mersey-2022", "--like", "england", "--out", str(tmp_path), "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"naome check-extract {tmp_path} --params {tmp_path / 'mersey-2022.yaml'}" in said
    assert "key 'disclosure.national' is 'show': allowed where each cohort of real people has at least 1,000" in said


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (["manifest", "--run"], ["manifest", "--run-dir"]),
        (["explain", "r-0123456789", "--run"], ["explain", "r-0123456789", "--audits"]),
        (["downloads", "--run"], ["downloads", "--audits"]),
        (["render", "--run"], ["render", "--audits"]),
    ],
)
def test_a_run_is_named_by_the_same_option_everywhere_and_earlier_spellings_work(new, old, tmp_path, capsys):
    said = []
    for arguments in (new, old):
        assert main([*arguments, str(tmp_path / "none")]) == 2
        said.append(capsys.readouterr().err)
    assert said[0] == said[1] and "none" in said[0]
    with pytest.raises(SystemExit):
        main([new[0], "--help"])
    shown = capsys.readouterr().out
    assert "--run " in shown and old[-1] not in shown


@pytest.mark.parametrize(
    ("command", "now"),
    [
        ("simulate", "naome-synthetic simulate"),
        ("compare-truth", "naome-synthetic compare-truth"),
        ("simulate-study", "naome simulation-study"),
    ],
)
def test_a_command_of_an_earlier_version_says_what_it_is_now(command, now, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "england"])
    assert ended.value.code == 2 and f"{command} is now `{now}`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["attack", "--help"],
        ["read", "--audit", "englnd"],
        ["check-extract", ".", "--params", "senseless.yaml"],
        ["chain", "--params", "senseless.yaml", "--data", "."],
        ["new-audit", "Mersey", "--like", "england"],
        ["run", "99", "--audit", "england"],
    ],
)
def test_help_and_refused_parameters_come_before_what_takes_seconds_to_import(arguments, tmp_path):
    (tmp_path / "senseless.yaml").write_text("audit: senseless\n", encoding="utf-8")
    program = (
        "import sys\nfrom naome.workflow.cli import main\n"
        "try:\n    code = main(sys.argv[1:])\nexcept SystemExit as ended:\n    code = ended.code\n"
        "print(*({'pandas', 'duckdb', 'papermill', 'ibis', 'matplotlib'} & sys.modules.keys()), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == (0 if "--help" in arguments else 2)
    assert done.stderr.splitlines()[-1] == ""


@pytest.mark.parametrize(
    "command",
    [
        ["downloads", "--run", "none", "--out"],
        ["action-plans", "--run", "none", "--out"],
        ["simulation-study", "--out"],
        ["chain", "--params", "rotterdam", "--site"],
    ],
)
def test_a_folder_of_other_files_is_refused_before_anything_is_read(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NAOME_RUNS", str(tmp_path / "runs"))
    (tmp_path / "extract").mkdir()
    (tmp_path / "extract" / "av_patient.csv").write_text("PATIENTID\n", encoding="utf-8")
    assert main([*command, str(tmp_path / "extract")]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'extract'}: holds other files; nothing was written. Hint: {command[-1]} with" in said
    assert [path.name for path in tmp_path.rglob("*")] == ["extract", "av_patient.csv"]


@pytest.mark.parametrize("state", ["finished", "not finished"])
def test_the_chain_of_a_run_that_is_there_says_that_it_is_made_again(make_run, monkeypatch, capsys, state):
    run = make_run("rotterdam", data_dir=str(project_root() / "data" / "open"))
    if state == "finished":
        (run.folder / "manifest.json").write_text("{}", encoding="utf-8")

    def stop(plan):
        raise RunError("stopped")

    monkeypatch.setattr(cli, "_read_plan", stop)
    assert main(["chain", "--params", "rotterdam", "--run", str(run.folder), "--no-site"]) == 2
    said = capsys.readouterr().out
    assert f"rotterdam: the run is there, {state}; it is made again" in said and f"render --run {run.folder}" in said


def test_a_chain_that_goes_on_reads_nothing_again_and_says_what_stays(make_run, monkeypatch, capsys):
    run = make_run("rotterdam", data_dir=str(project_root() / "data" / "open"))
    first = NotebookStep(run.folder, notebooks_of(run.params)[0])
    asked = {}

    def stop(runs, **options):
        asked.update(options)
        raise RunError("stopped")

    monkeypatch.setattr(ingest, "is_read", lambda plan: plan.folder == run.folder)
    monkeypatch.setattr(chain, "list_executed", lambda runs: {first})
    monkeypatch.setattr(chain, "run_chain", stop)
    assert main(["chain", "--params", "rotterdam", "--run", str(run.folder), "--no-site", "--resume"]) == 2
    said = capsys.readouterr().out
    assert "the extract is read already" in said and "notebooks that are executed already and stay: 1" in said
    assert asked["executed"] == {first}


def test_make_names_a_run_as_the_commands_do(root):
    text = (root / "Makefile").read_text(encoding="utf-8")
    assert "--run-dir" not in text and '--run "$(RUN)"' in text
