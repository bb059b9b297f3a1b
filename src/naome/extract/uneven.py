"""Organisations and years whose rows do not link, although the table as a whole links well enough.

One hospital that spells its pseudonyms in another way is a small part of a national table. Its own results would be
wrong: nobody treated, nobody admitted. So the rows that do not link are counted by organisation and by year too.
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from naome.extract.files import RawFile
from naome.extract.provider_codes import SITE_LENGTH, TRUST_LENGTH, ProviderCleaner
from naome.extract.reader import RawTable
from naome.extract.sql import quote_name
from naome.extract.vocabulary import show_code

#: Of fewer rows of an organisation or year nothing is said; of as many or more, if so small a share links
UNEVEN_ROWS, UNEVEN_SHARE = 20, 0.5
#: Organisations that are named of one table
SHOWN = 10


def find_uneven(
    connection: DuckDBPyConnection, table: RawTable, file: RawFile, columns: tuple[str, ...], known: str
) -> tuple[str, ...]:
    """Name the organisations and years of which less than half of the rows link.

    Parameters
    ----------
    table : RawTable
        Says which columns are organisations and dates.
    file : RawFile
    columns : tuple of str
        Columns by which a row belongs to a person, or to a row of another table.
    known : str
        Table of the database with the keys of those that are there (``key``).

    Returns
    -------
    tuple of str
        Such as ``organisation RXX`` and ``year 2019``; empty where rows link alike, or the table has neither column.
    """
    by = _group_columns(table, file)
    if not by:
        return ()
    named = ", ".join(f"{sql} AS {name}" for name, sql in by.items())
    found = connection.execute(
        f"SELECT {', '.join(by)} FROM (SELECT {named}, key IN (SELECT key FROM {known}) AS there "
        f"FROM (SELECT *, {file.key(columns)} AS key FROM {file.view})) "
        f"GROUP BY GROUPING SETS ({', '.join(f'({name})' for name in by)}) "
        f"HAVING count(*) >= {UNEVEN_ROWS} AND count_if(there) < {UNEVEN_SHARE} * count(*)"
    ).fetchall()
    said = []
    for number, name in enumerate(by):
        values = sorted({row[number] for row in found if row[number]})
        said += [f"{name} {show_code(value) if name == 'organisation' else value}" for value in values[:SHOWN]]
        said += [f"{len(values) - SHOWN} more of each {name}"] if len(values) > SHOWN else []
    return tuple(said)


def _group_columns(table: RawTable, file: RawFile) -> dict[str, str]:
    """Return SQL of the organisation and of the year of a row, of those that the file has."""
    found: dict[str, str] = {}
    for column, cleaner in table.columns.items():
        if cleaner is None or column not in file.columns:
            continue
        text = f"upper(trim(CAST({quote_name(column)} AS VARCHAR)))"
        if isinstance(cleaner, ProviderCleaner):
            trust = f"CASE WHEN length({text}) = {SITE_LENGTH} THEN left({text}, {TRUST_LENGTH}) ELSE {text} END"
            found.setdefault("organisation", trust)
        elif cleaner.sql_type == "DATE":
            found.setdefault("year", f"regexp_extract({text}, '(19|20)\\d\\d')")
    return found
