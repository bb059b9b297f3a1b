"""The order in which notebooks are begun, and what becomes of the others when one fails."""

from __future__ import annotations

import pytest

from naome.core.errors import RunError
from naome.core.lock import lock_folder
from naome.workflow.chain import NotebookStep, order_steps, run_chain
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
