"""The strict runner: what papermill lets pass is refused before anything runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from naome import chain
from naome.chain import check_parameters, declared_parameters, run_notebook
from naome.cli import main
from naome.errors import ChainError
from naome.notebooks import find_notebook
from naome.run import open_run, write_json

CELL = 'audit = "england"\ndata_dir = ""\nrun_dir = ""'


def notebook(folder: Path, *cells: tuple[str, list[str]]) -> Path:
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book.cells = [nbformat.v4.new_code_cell(source, metadata={"tags": tags}) for source, tags in cells]
    path = folder / "07-test.ipynb"
    nbformat.write(book, path)
    return path


@pytest.fixture
def run(tmp_path):
    """A run of the Rotterdam audit that has been read, as far as the runner can tell."""
    folder = tmp_path / "run"
    record = {"inputs": {}, "raw_rows": {}, "canonical_rows": {}, "synthetic": False, "started": "", "finished": ""}
    write_json(record, folder / "read.json")
    return open_run("rotterdam", run_dir=str(folder))


def test_unknown_key(tmp_path):
    path = notebook(tmp_path, (CELL, ["parameters"]))
    with pytest.raises(ChainError, match="unknown parameter 'run_dri'.*did you mean 'run_dir'.*declared: audit"):
        check_parameters(path, {"audit": "wales", "run_dri": ""})


def test_missing_audit(tmp_path):
    path = notebook(tmp_path, (CELL, ["parameters"]))
    with pytest.raises(ChainError, match="'audit' must be declared and given"):
        check_parameters(path, {"run_dir": ""})


def test_wrong_type(tmp_path):
    path = notebook(tmp_path, (CELL, ["parameters"]))
    with pytest.raises(ChainError, match="'run_dir' is 3 .int.; allowed: str"):
        check_parameters(path, {"audit": "wales", "run_dir": 3})


def test_no_parameters_tag_would_run_the_wrong_nation(tmp_path):
    path = notebook(tmp_path, (CELL, []))
    with pytest.raises(ChainError, match="0 cells tagged 'parameters'"):
        declared_parameters(path)


def test_two_parameters_cells(tmp_path):
    path = notebook(tmp_path, (CELL, ["parameters"]), (CELL, ["parameters"]))
    with pytest.raises(ChainError, match="2 cells tagged 'parameters'"):
        declared_parameters(path)


def test_expressions_in_the_parameters_cell(tmp_path):
    path = notebook(tmp_path, ('audit = "eng" + "land"', ["parameters"]))
    with pytest.raises(ChainError, match="may only assign plain values"):
        declared_parameters(path)


def test_unreadable_notebook(tmp_path):
    path = tmp_path / "07-test.ipynb"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ChainError, match="not readable as a notebook"):
        declared_parameters(path)


def test_find_notebook():
    assert find_notebook("04").stem == "04-kaplan-meier-survival"
    with pytest.raises(ChainError, match="did you mean '00-cohort'"):
        find_notebook("00-cohrt")


def test_a_failing_cell_is_explained_kept_and_never_rendered(tmp_path, run):
    path = notebook(tmp_path, (CELL, ["parameters"]), ("x = 1\nraise KeyError('provider')", []))
    with pytest.raises(ChainError) as caught:
        run_notebook(run, path)
    message = str(caught.value)
    assert "07-test.ipynb: cell" in message and "KeyError: 'provider'" in message
    assert (run.folder / "failed" / "07-test.failed.ipynb").is_file()
    assert not list((run.folder / "notebooks").iterdir())


def test_a_repaired_notebook_replaces_the_failed_copy(tmp_path, run):
    path = notebook(tmp_path, (CELL, ["parameters"]), ("assert False", []))
    with pytest.raises(ChainError):
        run_notebook(run, path)
    path = notebook(tmp_path, (CELL, ["parameters"]), ("assert audit == 'rotterdam'", []))
    executed = run_notebook(run, path)
    assert executed.is_file() and not (run.folder / "failed" / "07-test.failed.ipynb").exists()
    tags = [cell.metadata.get("tags", []) for cell in nbformat.read(executed, as_version=4).cells]
    assert ["injected-parameters", "remove-cell"] in tags


def test_the_command_line_refuses_with_exit_code_2(capsys):
    assert main(["run", "04", "--audit", "rotterdam", "-p", "colour=blue"]) == 2
    assert "unknown parameter 'colour'" in capsys.readouterr().err


def test_works_from_any_directory(tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = notebook(
        tmp_path,
        (CELL, ["parameters"]),
        ("from naome.run import open_run\nopen_run(audit, data_dir, run_dir).run_id", []),
    )
    assert run_notebook(run, path).is_file()


def test_every_notebook_of_the_chain_is_checked_before_the_first_runs(tmp_path, run, monkeypatch):
    good = find_notebook("00")
    bad = notebook(tmp_path, (CELL, []))
    monkeypatch.setattr(chain, "notebooks_of", lambda params: [good, bad])
    with pytest.raises(ChainError, match="0 cells tagged"):
        chain.run_chain(run)
    assert not (run.folder / "notebooks").exists()
    shutil.rmtree(run.folder)
