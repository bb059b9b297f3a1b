"""Runs that belong together: England and Wales of one audit period, so that both can be read and pooled."""

from __future__ import annotations

from naome.core.run_folder import READ_RECORD
from naome.measures.pooled import reason_not_poolable
from naome.workflow.run import Run


def open_companions(run: Run) -> dict[str, Run]:
    """Open a run together with the runs beside it that cover the same audit period in the other nation.

    A companion lies in a folder beside the run's (``runs/england`` and ``runs/wales``), has the same period, cohort
    rules, definitions and disclosure policy, has derived its cohorts, and its data are of the same marking: synthetic
    people are never put beside real ones.

    Parameters
    ----------
    run : Run

    Returns
    -------
    dict of str to Run
        Nation -> run, the given one first. Where several runs of the other nation qualify, none is taken: which is
        meant cannot be told.

    Examples
    --------
    >>> from naome.workflow.run import open_run
    >>> next(iter(open_companions(open_run("wales"))))  # doctest: +SKIP
    'wales'
    """
    found: dict[str, list[Run]] = {}
    for folder in sorted(path for path in run.folder.parent.iterdir() if not path.name.startswith(".")):
        other = Run(folder)
        if folder == run.folder or not (folder / READ_RECORD).is_file() or not other.has("analysis"):
            continue
        if not reason_not_together(run, other):
            found.setdefault(other.params.nation, []).append(other)
    return {run.params.nation: run} | {nation: runs[0] for nation, runs in found.items() if len(runs) == 1}


def reason_not_together(run: Run, other: Run) -> str:
    """Return why the people of two runs must not be counted together, or an empty text."""
    if run.marking != other.marking:
        return f"The runs hold data of different kinds: {run.marking} and {other.marking}."
    if run.definitions.digest != other.definitions.digest:
        return "The runs were made with different definitions."
    return reason_not_poolable([run.params, other.params])
