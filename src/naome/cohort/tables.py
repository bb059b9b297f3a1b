"""The canonical tables as lazy table expressions, on DuckDB or on any other Ibis engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ibis
import pyarrow.parquet as pq
from ibis.expr.types import Table

from naome.cohort.evidence import check_candidates
from naome.core.definitions import Definitions
from naome.core.errors import ExtractError
from naome.core.params import Params
from naome.extract.schema import CANONICAL

#: Folder that DuckDB makes and removes, where a query needs more memory than there is
SPILL = ".spill"


@dataclass(frozen=True)
class CanonicalTables:
    """All canonical tables on one engine; diagnoses and procedures carry the columns of their admission.

    `admissions_known` says whether the extract has admissions at all.
    """

    people: Table
    tumours: Table
    admissions: Table
    diagnoses: Table
    procedures: Table
    drugs: Table
    radiotherapy: Table
    recurrences: Table
    deaths: Table
    organisations: Table
    admissions_known: bool


def open_tables(
    folder: Path,
    params: Params,
    connection: ibis.BaseBackend | None = None,
    definitions: Definitions | None = None,
) -> CanonicalTables:
    """Open the canonical Parquet files of a run as lazy tables.

    Parameters
    ----------
    folder : Path
        Folder with one Parquet file per canonical table.
    params : Params
        Of the run, which says whose events it needs.
    connection : ibis backend, optional
        DuckDB in memory by default; a PySpark connection works as well.
    definitions : Definitions, optional
        Of the run; the project's by default.

    Raises
    ------
    ExtractError
        If the tables were read for fewer people than the definitions ask for now, or by a version with other columns.
    """
    check_candidates(folder, params, definitions)
    # What memory does not hold goes beside the tables, which are their owner's only, and not to the current folder
    connection = connection or ibis.duckdb.connect(temp_directory=str(folder / SPILL))
    files = {name: connection.read_parquet(str(folder / f"{name}.parquet"), table_name=name) for name in CANONICAL}
    for name, table in CANONICAL.items():
        if missing := [column for column in table.column_names if column not in files[name].columns]:
            raise ExtractError(
                f"{folder / name}.parquet: column {missing[0]} is missing; allowed: {', '.join(table.column_names)}. "
                f"Hint: another version wrote it; read the extract again (`naome read --audit {params.audit}`)."
            )
    known = pq.read_metadata(folder / "admissions.parquet").num_rows > 0
    for name in ("diagnoses", "procedures"):
        files[name] = files[name].inner_join(files["admissions"], "episode")
    return CanonicalTables(**files, admissions_known=known)
