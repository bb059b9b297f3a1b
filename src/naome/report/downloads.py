"""The download of everything that runs released, with its data dictionary."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from naome.core.atomic import write_text
from naome.core.errors import ChainError
from naome.core.results import COLUMNS, KEY, NUMBERS, STATUSES
from naome.core.spreadsheets import write_csv
from naome.report.finished import FinishedRun

COUNTS = ("denominator", "numerator")
# An estimate is kept to nine places: enough to compute with, the same text on every machine
PLACES = 9


def collect_released(run: FinishedRun) -> pd.DataFrame:
    """Put together all released results of a run, in the order of their keys.

    Raises
    ------
    ChainError
        If two steps of the run released the same result, or a file is not the one that the run released.
    """
    frames = [frame for _, frame in run.read_released() if "result_id" in frame.columns]
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.concat(frames, ignore_index=True).sort_values(KEY, kind="stable").reset_index(drop=True)
    twice = table.duplicated(KEY)
    if twice.any():
        first = ", ".join(f"{c}={table.loc[twice, c].iloc[0]}" for c in KEY)
        raise ChainError(f"{run.folder}: {twice.sum()} results were released by two steps, first: {first}")
    return table


def write_downloads(runs: Iterable[FinishedRun], folder: Path) -> tuple[Path, Path]:
    """Write ``results.csv`` of all released results of some runs, and ``datapackage.json`` that explains it.

    Parameters
    ----------
    runs : iterable of FinishedRun
        England + Wales results, which both nations' runs hold, are written once.
    folder : Path
        For example ``_site/downloads``.

    Returns
    -------
    Path, Path
        The two files; the same results give the same bytes.

    Raises
    ------
    ChainError
        See :func:`collect_released`.
    """
    runs = list(runs)
    table = pd.concat([collect_released(run) for run in runs], ignore_index=True)
    table = table.sort_values([*KEY, "run_id", "nation"], kind="stable").drop_duplicates(["result_id"])
    for column in NUMBERS:
        table[column] = table[column].astype(float).round(PLACES)
    data, dictionary = folder / "results.csv", folder / "datapackage.json"
    write_csv(table, data)
    package = describe_package(sorted({run.marking for run in runs}), len(table))
    write_text(json.dumps(package, indent=2, ensure_ascii=False) + "\n", dictionary)
    return data, dictionary


def describe_package(markings: list[str], rows: int) -> dict:
    """Return the Frictionless data package that describes ``results.csv``.

    Examples
    --------
    >>> describe_package(["synthetic"], 2)["resources"][0]["schema"]["primaryKey"]
    'result_id'
    """
    return {
        "name": "naome-results",
        "title": "Results of naome that have passed disclosure control",
        "description": f"Data marked: {', '.join(markings)}. Suppressed results are rows with a reason and no numbers.",
        "resources": [
            {
                "name": "results",
                "path": "results.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "rows": rows,
                "schema": {
                    "fields": [_field(name, meaning) for name, meaning in COLUMNS.items()],
                    "primaryKey": "result_id",
                    "missingValues": [""],
                },
            }
        ],
    }


def _field(name: str, meaning: str) -> dict:
    kind = "integer" if name in COUNTS else "number" if name in NUMBERS else "string"
    field: dict[str, object] = {"name": name, "type": kind, "description": meaning}
    if name == "status":
        field["constraints"] = {"required": True, "enum": list(STATUSES)}
    elif name in KEY or name == "result_id":
        field["constraints"] = {"required": True}
    if name in COUNTS:
        field["constraints"] = {"minimum": 0}
    return field
