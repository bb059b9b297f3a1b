"""The downloads: everything that runs released, as tables and as a workbook, and action plans of organisations."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from naome.core.atomic import write_bytes, write_frame, write_text, write_together
from naome.core.errors import RunError
from naome.core.results import COUNTS, NUMBERS, RESULT_COLUMNS, RESULT_KEY, STATUSES
from naome.core.spreadsheets import write_csv
from naome.report.action_plans import zip_plans
from naome.report.finished import FinishedRun
from naome.report.labels import list_organisation_columns
from naome.report.workbook import open_definitions, write_workbook

#: Columns of ``organisations.csv`` -> what they mean
ORGANISATION_COLUMNS = {name: column.meaning for name, column in list_organisation_columns().items()} | {
    "code": "Code of the organisation, as in column unit of the results.",
    "nation": "Nation.",
}
# An estimate is kept to nine places: enough to compute with, the same text on every machine
PLACES = 9
#: The description of downloads, beside them
PACKAGE = "datapackage.json"
#: Everything that downloads may hold
FILES = ("results.csv", "results.parquet", "results.xlsx", "organisations.csv", "action-plans.zip", PACKAGE)


def collect_released(run: FinishedRun) -> pd.DataFrame:
    """Put together all released results of a run, in the order of their keys, with the released file in ``frame``.

    Raises
    ------
    RunError
        If two steps of the run released the same result, or a file is not the one that the run released.
    """
    released = run.read_released()
    frames = [frame.assign(frame=name) for name, frame in released if "result_id" in frame.columns]
    if not frames:
        return pd.DataFrame(columns=[*RESULT_COLUMNS, "frame"])
    table = pd.concat(frames, ignore_index=True).sort_values(RESULT_KEY, kind="stable").reset_index(drop=True)
    twice = table.duplicated(RESULT_KEY)
    if twice.any():
        first = ", ".join(f"{c}={table.loc[twice, c].iloc[0]}" for c in RESULT_KEY)
        raise RunError(f"{run.folder}: {twice.sum()} results were released by two steps, first: {first}")
    return table


def holds_downloads(folder: Path) -> bool:
    """Return whether a folder holds earlier downloads, and nothing else that can be seen."""
    return {PACKAGE} <= {path.name for path in folder.iterdir() if not path.name.startswith(".")} <= {*FILES}


def write_downloads(runs: Iterable[FinishedRun], folder: Path) -> tuple[Path, Path]:
    """Write all released results of some runs, and ``datapackage.json`` that explains them.

    ``results.csv``, ``results.parquet`` and ``results.xlsx`` have the same rows; ``organisations.csv`` has names and
    areas of organisations; ``action-plans.zip`` has a local action plan for each organisation that gets one.

    Parameters
    ----------
    runs : iterable of FinishedRun
        England + Wales results, which both nations' runs hold, are written once.
    folder : Path
        For example ``_site/downloads``.

    Returns
    -------
    Path, Path
        ``results.csv`` and ``datapackage.json``; the same results give the same bytes in every file.

    Raises
    ------
    RunError
        See :func:`collect_released`; also if a run of an earlier version lists no organisations.
    """
    runs = list(runs)
    organisations = pd.concat([run.read_organisations() for run in runs], ignore_index=True).drop_duplicates(
        ["nation", "code"]
    )
    table = pd.concat([collect_released(run) for run in runs], ignore_index=True)
    table = table.sort_values([*RESULT_KEY, "run_id", "nation"], kind="stable").drop_duplicates(["result_id"])
    for column in NUMBERS:
        table[column] = table[column].astype(float).round(PLACES)
    package = describe_package(sorted({run.marking for run in runs}), len(table))
    definitions = open_definitions(runs)
    with write_together(folder) as scratch:
        if definitions is not None and len(table):
            write_bytes(write_workbook(table, runs, definitions), scratch / "results.xlsx")
        if plans := zip_plans(runs):
            write_bytes(plans, scratch / "action-plans.zip")
        table = table[list(RESULT_COLUMNS)]
        write_csv(table, scratch / "results.csv")
        write_frame(table, scratch / "results.parquet")
        write_csv(organisations, scratch / "organisations.csv")
        write_text(json.dumps(package, indent=2, ensure_ascii=False) + "\n", scratch / PACKAGE)
        written = [path.name for path in scratch.iterdir()]
    for name in set(FILES).difference(written):
        (folder / name).unlink(missing_ok=True)  # of earlier downloads
    return folder / "results.csv", folder / PACKAGE


def describe_package(markings: list[str], rows: int) -> dict:
    """Return the Frictionless data package that describes ``results.csv`` and ``organisations.csv``.

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
                    "fields": [_field(name, meaning) for name, meaning in RESULT_COLUMNS.items()],
                    "primaryKey": "result_id",
                    "missingValues": [""],
                },
            },
            {
                "name": "organisations",
                "path": "organisations.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": {
                    "fields": [
                        {"name": name, "type": "string", "description": meaning}
                        for name, meaning in ORGANISATION_COLUMNS.items()
                    ],
                    "primaryKey": ["nation", "code"],
                },
            },
        ],
    }


def _field(name: str, meaning: str) -> dict:
    kind = "integer" if name in COUNTS else "number" if name in NUMBERS else "string"
    field: dict[str, object] = {"name": name, "type": kind, "description": meaning}
    if name == "status":
        field["constraints"] = {"required": True, "enum": list(STATUSES)}
    elif name in RESULT_KEY or name == "result_id":
        field["constraints"] = {"required": True}
    if name in COUNTS:
        field["constraints"] = {"minimum": 0}
    return field
