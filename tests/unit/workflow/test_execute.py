"""The strict runner: what papermill lets pass is refused before anything runs."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
import yaml

from naome.core.errors import RunError
from naome.extract.problems import find_shape
from naome.workflow import chain
from naome.workflow.cli import main
from naome.workflow.execute import check_parameters, declared_parameters, mask_values, run_notebook
from naome.workflow.new_audit import write_audit
from naome.workflow.pages import find_notebook
from naome.workflow.warm import WARM, keep_warm

START = ["forked", "as usual"]
CELL = 'audit = "england"\nrun_dir = ""'


def notebook(folder: Path, *cells: tuple[str, list[str]]) -> Path:
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book.cells = [nbformat.v4.new_code_cell(source, metadata={"tags": tags}) for source, tags in cells]
    path = folder / "07-test.ipynb"
    nbformat.write(book, path)
    return path


@pytest.fixture(scope="module", autouse=True)
def parent(tmp_path_factory):
    """The kernels of these tests are forked, as those of a chain are."""
    with keep_warm(tmp_path_factory.mktemp("warm") / "parent"):
        yield


@pytest.fixture
def start(request, monkeypatch):
    """How kernels start: both ways where it could make a difference."""
    if request.param == "as usual":
        monkeypatch.setenv(WARM, "no")


@pytest.fixture
def run(tmp_path, make_run):
    """A run of the Rotterdam audit that has been read, as far as the runner can tell."""
    return make_run("rotterdam", folder=tmp_path / "run", marking="open")


def test_unknown_key(tmp_path):
    path = notebook(tmp_path, (CELL, ["parameters"]))
    with pytest.raises(RunError, match="unknown parameter 'run_dri'.*did you mean 'run_dir'.*declared: audit"):
        check_parameters(path, {"audit": "wales", "run_dri": ""})


def test_missing_audit(tmp_path):
    path = notebook(tmp_path, (CELL, ["parameters"]))
    with pytest.raises(RunError, match="'audit' must be declared and given"):
        check_parameters(path, {"run_dir": ""})


def test_wrong_type(tmp_path):
    path = notebook(tmp_path, (CELL, ["parameters"]))
    with pytest.raises(RunError, match="'run_dir' is 3 .int.; allowed: str"):
        check_parameters(path, {"audit": "wales", "run_dir": 3})


def test_no_parameters_tag_would_run_the_wrong_nation(tmp_path):
    path = notebook(tmp_path, (CELL, []))
    with pytest.raises(RunError, match="0 cells tagged 'parameters'"):
        declared_parameters(path)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({}, "has neither kernelspec nor language_info"),
        ({"kernelspec": {"name": "python3", "display_name": "Python 3"}}, "has neither"),
        ({"language_info": {"name": "R"}}, "says 'R'"),
        ({"kernelspec": "python"}, "not readable as a notebook"),
    ],
)
def test_a_notebook_that_does_not_say_that_it_is_python(tmp_path, metadata, said):
    path = notebook(tmp_path, (CELL, ["parameters"]))
    book = json.loads(path.read_text())
    path.write_text(json.dumps(book | {"metadata": metadata}))
    with pytest.raises(RunError, match=said):
        declared_parameters(path)


def test_two_parameters_cells(tmp_path):
    path = notebook(tmp_path, (CELL, ["parameters"]), (CELL, ["parameters"]))
    with pytest.raises(RunError, match="2 cells tagged 'parameters'"):
        declared_parameters(path)


def test_expressions_in_the_parameters_cell(tmp_path):
    path = notebook(tmp_path, ('audit = "eng" + "land"', ["parameters"]))
    with pytest.raises(RunError, match="may only assign plain values"):
        declared_parameters(path)


def test_unreadable_notebook(tmp_path):
    path = tmp_path / "07-test.ipynb"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match="not readable as a notebook"):
        declared_parameters(path)


def test_find_notebook():
    assert find_notebook("04").stem == "04-kaplan-meier-survival"
    with pytest.raises(RunError, match="did you mean '00-cohort'"):
        find_notebook("00-cohrt")


@pytest.mark.parametrize("start", START, indirect=True)
def test_a_failing_cell_is_explained_kept_and_never_rendered(tmp_path, run, start):
    path = notebook(tmp_path, (CELL, ["parameters"]), ("x = 1\nraise KeyError('provider')", []))
    with pytest.raises(RunError) as caught:
        run_notebook(run, path)
    message = str(caught.value)
    assert "07-test.ipynb: cell" in message and "KeyError: 'provider'" in message
    assert (run.folder / "failed" / "07-test.failed.ipynb").is_file()
    assert not list(run.folder.glob("notebooks/*"))


@pytest.mark.parametrize(
    "value", ["Mrs Jane Canary", "1000000003", "07/03/1931", "1931-03-07", "943 476 5919", "ZZ99 3VZ"]
)
def test_a_value_in_a_librarys_message_is_shown_as_a_shape(value):
    for message in (f"could not convert '{value}' to INT32", f'invalid literal: "{value}" (line 3)'):
        shown = mask_values(message)
        assert value not in shown and find_shape(value) in shown
    assert "age_band" in mask_values("column 'age_band' not found; row 12 of Python 3.11.7")
    assert mask_values("row 12 of Python 3.11.7, it's so") == "row 12 of Python 3.11.7, it's so"


def test_a_repaired_notebook_replaces_the_failed_copy(tmp_path, run):
    path = notebook(tmp_path, (CELL, ["parameters"]), ("assert False", []))
    with pytest.raises(RunError):
        run_notebook(run, path)
    path = notebook(tmp_path, (CELL, ["parameters"]), ("assert audit == 'rotterdam'", []))
    executed = run_notebook(run, path)
    assert executed.is_file() and not (run.folder / "failed" / "07-test.failed.ipynb").exists()
    cells = nbformat.read(executed, as_version=4).cells
    assert ["injected-parameters", "remove-cell"] in [cell.metadata.get("tags", []) for cell in cells]
    assert not any("execution" in cell.metadata or cell.metadata.get("tags") == [] for cell in cells)


def test_the_command_line_refuses_with_exit_code_2(capsys):
    assert main(["run", "04", "--audit", "rotterdam", "-p", "colour=blue"]) == 2
    assert "unknown parameter 'colour'" in capsys.readouterr().err


def test_works_from_any_directory(tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened = "from naome.workflow.run import open_run as o\nrun = o(audit, run_dir)\nassert run.run_id and run.official"
    path = notebook(tmp_path, (CELL, ["parameters"]), (opened, []))
    assert run_notebook(run, path).is_file()


@pytest.mark.parametrize("exit_", ["import sys; sys.exit(0)", "raise SystemExit"])
def test_a_notebook_that_ends_before_its_last_cell_is_not_finished(tmp_path, run, exit_):
    path = notebook(tmp_path, (CELL, ["parameters"]), (exit_, []), ("late = 1", []))
    with pytest.raises(RunError, match=r"07-test.ipynb: cell \d ended the notebook"):
        run_notebook(run, path)
    assert not (run.folder / "notebooks" / path.name).exists()


def test_an_exit_in_the_last_cell_is_no_end_either(tmp_path, run):
    path = notebook(tmp_path, (CELL, ["parameters"]), ("import sys; sys.exit(0)", []))
    with pytest.raises(RunError, match="07-test.ipynb: cell"):
        run_notebook(run, path)


@pytest.mark.parametrize("start", START, indirect=True)
def test_a_dead_kernel_is_said(tmp_path, run, start):
    path = notebook(tmp_path, (CELL, ["parameters"]), ("import os; os._exit(9)", []))
    with pytest.raises(RunError, match="the kernel died"):
        run_notebook(run, path)


@pytest.mark.parametrize("start", START, indirect=True)
def test_a_killed_kernel_is_said(tmp_path, run, start):
    path = notebook(tmp_path, (CELL, ["parameters"]), ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", []))
    with pytest.raises(RunError, match="the kernel died"):
        run_notebook(run, path)


def test_a_forked_kernel_says_nothing_beside_its_page(tmp_path, run, capfd):
    uses = "import duckdb\nconnection = duckdb.connect()\nrows = connection.sql('SELECT 1 AS x')\nframe = rows.df()"
    executed = run_notebook(run, notebook(tmp_path, (CELL, ["parameters"]), (uses, [])))
    assert capfd.readouterr() == ("", "")
    outputs = [cell.get("outputs", []) for cell in nbformat.read(executed, as_version=4).cells]
    assert not any(outputs)


@pytest.mark.parametrize("start", START, indirect=True)
def test_the_record_of_a_step_says_how_long_its_cells_took(tmp_path, run, start):
    run_notebook(run, notebook(tmp_path, (CELL, ["parameters"]), ("import time; time.sleep(1)", [])))
    took = json.loads((run.folder / "steps" / "07-test.json").read_text(encoding="utf-8"))["seconds"]
    assert 1 <= took["own"] < took["own"] + took["start"] <= took["total"]


def test_a_parameters_cell_that_is_not_python(tmp_path):
    path = notebook(tmp_path, ("audit = ", ["parameters"]))
    with pytest.raises(RunError, match="parameters cell is not Python"):
        declared_parameters(path)


@pytest.mark.parametrize("title", ['Mersey "2022"', "C:\\data", "Mersey: north & south", "l'année"])
def test_any_title_makes_a_page(tmp_path, make_run, title):
    file = write_audit("mersey", like="rotterdam", title=title, folder=tmp_path)
    run = make_run(str(file), folder=tmp_path / "run", marking="real")
    path = notebook(tmp_path, (CELL, ["parameters"]))
    book = nbformat.read(path, as_version=4)
    book.cells.insert(0, nbformat.v4.new_raw_cell("---\ntitle: Survival\n---"))
    nbformat.write(book, path)
    front = nbformat.read(run_notebook(run, path), as_version=4).cells[0].source
    assert yaml.safe_load(front.strip("-")) == {"title": f"Survival: {title}"}


def test_pages_are_their_owners_only(tmp_path, run):
    executed = run_notebook(run, notebook(tmp_path, (CELL, ["parameters"])))
    assert executed.stat().st_mode & 0o077 == 0
    assert [path.name for path in run.folder.iterdir() if path.name.endswith(".tmp")] == []


def test_every_notebook_of_the_chain_is_checked_before_the_first_runs(tmp_path, run, monkeypatch):
    good = find_notebook("00")
    bad = notebook(tmp_path, (CELL, []))
    monkeypatch.setattr(chain, "notebooks_of", lambda params: [good, bad])
    with pytest.raises(RunError, match="0 cells tagged"):
        chain.run_chain([run])
    assert not (run.folder / "notebooks").exists()
