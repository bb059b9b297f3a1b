"""The canonical tables as lazy table expressions, on DuckDB or on any other Ibis engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ibis
import pandas as pd
import pyarrow.parquet as pq
from ibis.expr.types import BooleanValue, StringValue, Table

from naome.cohort.evidence import check_candidates
from naome.cohort.materialise import hold_rows
from naome.core.definitions import CodeList, Definitions
from naome.core.errors import ExtractError
from naome.core.params import Params
from naome.extract.schema import CANONICAL


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
    connection = connection or ibis.duckdb.connect()
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


def code_in(column: StringValue, prefixes: tuple[str, ...]) -> BooleanValue:
    """Return whether a code starts with one of the prefixes (grouped by length, so that engines can use sets).

    A prefix that a shorter one covers is left out: ``C50`` says all that ``C501`` says.
    """
    by_length: dict[int, list[str]] = {}
    for prefix in sorted(set(prefixes), key=len):
        if not any(prefix[:length] in codes for length, codes in by_length.items() if length < len(prefix)):
            by_length.setdefault(len(prefix), []).append(prefix)
    conditions = [column.substr(0, length).isin(sorted(codes)) for length, codes in sorted(by_length.items())]
    return ibis.or_(*conditions)


def code_between(column: StringValue, prefixes: tuple[str, ...]) -> BooleanValue:
    """Return whether a code lies from the first to the last of the prefixes.

    It says less than :func:`code_in` and goes before it: an engine that scans a file of
    codes passes over the others without looking at their first characters.
    """
    after_last = max(prefixes)
    after_last = after_last[:-1] + chr(ord(after_last[-1]) + 1)
    return (column >= min(prefixes)) & (column < after_last)


def code_groups(table: Table, codelist: CodeList, leave_out: tuple[str, ...]) -> Table:
    """Return the rows whose ``code`` is in a code list, once for every group it belongs to, with the ``group``.

    Parameters
    ----------
    table : Table
        With a column ``code``.
    codelist : CodeList
    leave_out : tuple of str
        Groups that are not wanted.
    """
    wanted = pd.DataFrame(
        [(code.code, code.group) for code in codelist.codes if code.group not in leave_out], columns=["prefix", "group"]
    )
    parts = []
    for length, codes in wanted.groupby(wanted["prefix"].str.len()):
        listed = hold_rows(codes, beside=table)
        parts.append(table.mutate(prefix=table.code.substr(0, int(length))).inner_join(listed, "prefix"))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)
