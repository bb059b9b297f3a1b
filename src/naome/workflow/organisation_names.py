"""The table of organisations of which a run released results, for readers of its downloads."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from naome.core.atomic import write_frame
from naome.core.run_files import read_frame
from naome.report.finished import ORGANISATIONS
from naome.report.labels import list_organisation_columns
from naome.workflow.run import Run

#: Column of the table -> column of the canonical table of organisations
COLUMNS = {name: column.name for name, column in list_organisation_columns().items()}


def write_organisation_names(run: Run) -> Path:
    """Write ``release/organisations.parquet`` of a run: codes and names, and no count of people.

    Returns
    -------
    Path
    """
    file = run.folder / "release" / f"{ORGANISATIONS}.parquet"
    frames = [read_frame(each) for each in sorted(file.parent.glob("*.parquet")) if each != file]
    frames = [frame for frame in frames if "result_id" in frame.columns]
    known = run.inputs / "canonical" / "organisations.parquet"
    table = read_frame(known) if known.is_file() else pd.DataFrame()
    write_frame(list_organisations(frames, table, run.params.nation), file, private=True)
    return file


def list_organisations(released: list[pd.DataFrame], canonical: pd.DataFrame, nation: str) -> pd.DataFrame:
    """List the organisations of which a run released a result, also one that is suppressed.

    Parameters
    ----------
    released : list of DataFrame
        Released results.
    canonical : DataFrame
        The canonical table of organisations: those that are open, under the code of today.
    nation : str

    Returns
    -------
    DataFrame
        ``code, name, alliance_code, alliance_name, region_code, region_name, nation``, by code. An organisation
        without a name is called by its code; one without alliance or region has empty texts there. Data whose results
        are by something else have none.

    Examples
    --------
    >>> rows = pd.DataFrame({"level": ["nation", "provider"], "unit": ["wales", "7A3"]})
    >>> known = pd.DataFrame({"provider": ["7A3", "7A4"], "name": ["Swansea Bay", "Cardiff and Vale"]})
    >>> list_organisations([rows], known, "wales")[["code", "name", "region_code", "nation"]].values.tolist()
    [['7A3', 'Swansea Bay', '', 'wales']]
    """
    units = {unit for rows in released for unit in rows.loc[rows["level"] == "provider", "unit"]}
    table = canonical.reindex(columns=list(COLUMNS.values())).set_axis(list(COLUMNS), axis="columns").astype("string")
    table["name"] = table["name"].fillna(table["code"])
    table = table[table["code"].isin(units)].fillna("").sort_values("code", ignore_index=True)
    return table.assign(nation=pd.Series(nation, index=table.index, dtype="string"))
