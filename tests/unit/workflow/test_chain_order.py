"""The order in which notebooks are begun, and what becomes of the others when one fails."""

from __future__ import annotations

import nbformat
import pytest

from naome.core.atomic import write_json, write_text
from naome.core.code_version import digest_notebook
from naome.core.errors import RunError
from naome.core.lock import lock_folder
from naome.workflow.chain import NotebookStep, list_executed, order_steps, run_chain
from naome.workflow.pages import list_chained, list_notebooks, load_pages, notebooks_of, reads_from
from naome.workflow.run import Run


@pytest.fixture
def runs(make_run, tmp_path):
    """Two runs that are read."""
    return [make_run(audit, folder=tmp_path / audit) for audit in ("england", "wales")]


def test_a_notebook_waits_for_what_it_reads_and_for_the_people_of_all_runs_it_reads(runs):
    waits = order_steps(runs)
    first = list_notebooks()[0]
    assert len(waits) == sum(len(notebooks_of(run.params)) for run in runs)
    for step, waited in waits.items():
        if step.notebook == first:
            assert waited == set()
            continue
        assert {NotebookStep(step.run, notebook) for notebook in reads_from(step.notebook)} <= waited
        cohorts = {each for each in waited if each.notebook == first}
        assert len(cohorts) == (2 if load_pages().find(step.notebook.stem).companions else 1)
        assert all(each.run == step.run for each in waited - cohorts)


def test_what_others_wait_for_is_begun_before_what_no_other_waits_for(runs):
    stems = [step.notebook.stem for step in order_steps(runs)]
    assert stems[:2] == [list_notebooks()[0].stem] * 2
    chained = [stem in list_chained() for stem in stems[2:]]
    assert chained == sorted(chained, reverse=True) and any(chained)


def test_a_notebook_that_fails_ends_the_chain_with_what_it_says(runs):
    said = []
    with (
        lock_folder(runs[0].folder),  # as `naome chain` does, for its notebooks too
        pytest.raises(RunError, match=r"^00-cohort.ipynb: cell \d+ failed") as caught,
    ):
        run_chain(runs, progress=said.append)
    assert "naome: " not in str(caught.value) and said == []
    for run in runs:
        assert not [path.name for path in run.folder.iterdir() if path.name.endswith(".tmp")]
        assert not Run(run.folder).has("analysis")


def execute(run, **record):
    """Leave what executed notebooks leave behind, as far as a chain that goes on looks at it."""
    for notebook in notebooks_of(run.params):
        source = digest_notebook(nbformat.read(notebook, as_version=4))
        made = {"notebook": notebook.stem, "notebook_sha256": source, "run_id": run.current_id, "finished": ""}
        write_json(made | record, run.folder / "steps" / f"{notebook.stem}.json")
        write_text("{}", run.folder / "notebooks" / notebook.name)


def name_again(runs):
    """Name the notebooks that would be executed, beside those that are because they read the runs beside theirs."""
    executed = list_executed(runs)
    again = {(step.run.name, step.notebook.stem) for step in order_steps(runs) if step not in executed}
    assert {(run.folder.name, stem) for run in runs for stem in list_beside()} <= again
    return {(name, stem) for name, stem in again if stem not in list_beside()}


def list_beside():
    """List the notebooks that read the runs beside theirs."""
    return {notebook.stem for notebook in list_notebooks() if load_pages().find(notebook.stem).companions}


def test_a_chain_that_goes_on_executes_nothing_again_but_pages_that_read_other_runs(runs):
    for run in runs:
        execute(run)
    assert name_again(runs) == set()


def test_a_notebook_that_is_missing_is_executed_with_what_reads_it_in_its_own_run_only(runs):
    for run in runs:
        execute(run)
    missing, first = "03-treatment-indicators", list_notebooks()[0].stem
    (runs[0].folder / "steps" / f"{missing}.json").unlink()
    (runs[1].folder / "notebooks" / f"{first}.ipynb").unlink()
    again = name_again(runs)
    readers = {path.stem for path in list_notebooks() if missing in {read.stem for read in reads_from(path)}}
    assert {stem for name, stem in again if name == "england"} >= {missing, *readers - list_beside()}
    assert ("england", first) not in again
    assert {stem for name, stem in again if name == "wales"} == stems_of(runs[1]) - list_beside()


@pytest.mark.parametrize("other", [{"run_id": "england-0"}, {"notebook_sha256": "0"}])
def test_what_other_inputs_code_or_text_made_is_executed_again(runs, other):
    execute(runs[0], **other)
    execute(runs[1])
    assert name_again(runs) == {("england", stem) for stem in stems_of(runs[0]) - list_beside()}


def stems_of(run):
    return {notebook.stem for notebook in notebooks_of(run.params)}
