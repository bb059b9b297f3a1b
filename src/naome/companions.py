"""Runs that belong together: England and Wales of one audit period, so that both can be read and pooled."""

from __future__ import annotations

from naome.measures.pooled import reason_not_poolable
from naome.params import load_params
from naome.paths import project_root
from naome.run import Run, open_run


def open_companions(run: Run) -> dict[str, Run]:
    """Open a run together with the runs beside it that cover the same audit period in the other nation.

    A companion lies in the folder beside the run's (``runs/england`` and ``runs/wales``), has the same period, cohort
    rules and disclosure policy, has derived its cohorts, and its data are of the same marking: synthetic people are
    never put beside real ones.

    Parameters
    ----------
    run : Run

    Returns
    -------
    dict of str to Run
        Nation -> run, the given one first.

    Examples
    --------
    >>> from naome.run import open_run
    >>> next(iter(open_companions(open_run("wales"))))  # doctest: +SKIP
    'wales'
    """
    found = {run.params.nation: run}
    for file in sorted((project_root() / "params").glob("*.yaml")):
        folder = run.folder.parent / file.stem
        if file.stem == run.params.audit or not (folder / "analysis.parquet").is_file():
            continue
        params = load_params(file.stem)
        if params.nation in found or reason_not_poolable([run.params, params]):
            continue
        other = open_run(file.stem, run_dir=str(folder))
        if other.marking == run.marking:
            found[params.nation] = other
    return found
