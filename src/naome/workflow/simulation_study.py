"""The simulation study of provider methods: it is run, and its summary is kept.

The study itself is :mod:`naome.stats.simulation`; it takes an hour or more, so it is run by
``naome simulation-study`` and its summary is kept in ``methodology/simulation``. The
page is a notebook that reads the summary (:mod:`naome.report.pages.simulation_study`).
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from naome.core.atomic import write_json
from naome.core.errors import RunError
from naome.core.paths import project_root
from naome.core.spreadsheets import write_csv
from naome.release import Declared, declare_not_counts
from naome.stats.simulation import SCENARIOS, describe_first, simulate

RESULTS, RECORD = "results.csv", "study.json"
PACKAGES = ("naome", "numpy", "pandas", "scipy")


def holds_study(folder: Path) -> bool:
    """Return whether a folder holds the summary of a study."""
    return (folder / RECORD).is_file()


def run_study(
    *, replicates: int, seed: int, workers: int, folder: Path, progress: Callable[[str], None] = print
) -> Path:
    """Run the study and keep its summary.

    Parameters
    ----------
    replicates : int
        Data sets per scenario.
    seed : int
        The same seed and versions give the same file.
    workers : int
        Processes; the numbers do not depend on them.
    folder : Path
        Where ``results.csv`` and ``study.json`` go.
    progress : callable, optional
        Takes a line when a scenario is done.

    Returns
    -------
    Path
        The CSV file: ``scenario, method, by, group, measure, value, lower, upper, nominal, n``,
        see :func:`naome.stats.simulation.simulate`.

    Raises
    ------
    RunError
        If replicates or workers is below 1.

    Examples
    --------
    >>> run_study(replicates=2, seed=1, workers=1, folder=Path("somewhere"))  # doctest: +SKIP
    """
    try:
        table = simulate(replicates=replicates, seed=seed, workers=workers, progress=progress)
    except ValueError as error:
        raise RunError(str(error)) from None
    path = folder / RESULTS
    write_csv(table, path, float_format="%.6g")
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    first = {scenario.name: describe_first(scenario, seed) for scenario in SCENARIOS}
    record = {"replicates": replicates, "seed": seed, "packages": packages, "python": platform.python_version()}
    record["first_data_sets"] = first
    write_json(record, folder / RECORD)
    return path


def study_folder() -> Path:
    """Return the folder of the study that is kept with the project."""
    return project_root() / "methodology" / "simulation"


def load_study(folder: Path | None = None) -> tuple[Declared, dict]:
    """Read the kept study: its summary and the record of how it was made.

    Raises
    ------
    RunError
        If it has not been run.
    """
    folder = folder or study_folder()
    if not (folder / RESULTS).is_file():
        raise RunError(f"{folder / RESULTS}: the study has not been run. Hint: naome simulation-study.")
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return declare_not_counts(pd.read_csv(folder / RESULTS), "Summaries of simulated data sets."), record
