"""The canonical tables as lazy table expressions, on DuckDB or on any other Ibis engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ibis
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection
from ibis.backends.duckdb import Backend as DuckDB
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
    return _join_admissions(files, known)


def open_views(connection: DuckDBPyConnection) -> CanonicalTables:
    """Open the canonical tables of an extract that is being checked, which its database holds and no file.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With a view ``canon_<name>`` for each canonical table; its settings may be locked.
    """
    engine = _Held.from_connection(connection)
    views = {name: engine.table(f"canon_{name}") for name in CANONICAL}
    admission = connection.execute("SELECT 1 FROM canon_admissions LIMIT 1").fetchone()
    return _join_admissions(views, admission is not None)


class _Held(DuckDB):
    """A database that somebody else opened: its settings stay as they are."""

    def _post_connect(self, extensions: object = None) -> None:
        self._record_batch_readers_consumed: dict = {}


def _join_admissions(tables: dict[str, Table], known: bool) -> CanonicalTables:
    for name in ("diagnoses", "procedures"):
        tables[name] = tables[name].inner_join(tables["admissions"], "episode")
    return CanonicalTables(**tables, admissions_known=known)
