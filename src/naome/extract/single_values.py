"""Columns in which all rows hold the same value, where extracts have many: a warning asks whether it is meant."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from duckdb import DuckDBPyConnection

from naome.extract.source_files import SourceFiles

#: Fewer rows may be alike
TELLING_ROWS = 100
#: Canonical table -> columns of which extracts of so many rows have several values
SEVERAL = {
    "tumours": ("diagnosis_date", "age", "provider"),
    "admissions": ("provider",),
    "diagnoses": ("code",),
    "procedures": ("code",),
    "drugs": ("drug", "provider"),
    "radiotherapy": ("site",),
    "deaths": ("underlying_cause",),
}


def say_single_values(
    connection: DuckDBPyConnection, names: Mapping[str, str], sources: Mapping[str, SourceFiles]
) -> list[str]:
    """Return a sentence for each table with columns in which all rows hold the same value.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the canonical tables.
    names : mapping of str to str
        Canonical table of the source -> the raw one, as messages call it.
    sources : mapping of str to SourceFiles
        What stands behind each canonical table.
    """
    said = []
    for table in (table for table in SEVERAL if table in names):
        if same := _find_single(connection, table, SEVERAL[table]):
            said.append(
                f"{names[table]}, {sources[table].name_columns(*same)}: all rows with a value hold the same one. "
                "Was it filled down the column, or is this a part of the extract?"
            )
    return said


def _find_single(connection: DuckDBPyConnection, table: str, columns: Collection[str]) -> list[str]:
    looks = ", ".join(f"count({column}) >= {TELLING_ROWS} AND min({column}) = max({column})" for column in columns)
    found = connection.execute(f"SELECT {looks} FROM canon_{table}").fetchall()[0]
    return [column for column, single in zip(columns, found, strict=True) if single]
