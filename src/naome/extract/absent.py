"""What a feed has not: the canonical tables and columns that its reader never fills, or not from this extract.

Nothing of this is written down twice: it follows from the reader's own selections.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import duckdb

from naome.core.errors import ParamsError, suggest
from naome.extract.reader import RawTable, Reader
from naome.extract.schema import CANONICAL
from naome.extract.settle import Selection
from naome.extract.traced_columns import trace_columns

#: How something is known to be absent, and how a sentence about it begins
FEED = "feed"
#: A column that is empty in so many rows was not delivered
UNDELIVERED_ROWS = 100
EXTRACT = "extract"
WHERE = {FEED: "The feed", EXTRACT: "This extract"}


@dataclass(frozen=True)
class Absent:
    """Canonical tables and columns that are not there.

    Attributes
    ----------
    things : mapping of str to str
        ``table`` or ``table.column`` -> how it is known: ``feed`` (the feed never has it) or ``extract`` (it is not
        in this extract). A table that is absent stands for all its columns.
    """

    things: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.things or name.partition(".")[0] in self.things

    def say(self, name: str) -> str:
        """Say that something is absent, for whoever gives no reason of their own.

        Examples
        --------
        >>> Absent({"drugs": "feed"}).say("drugs.given_date")
        'The feed has no drugs.'
        """
        table = name.partition(".")[0]
        known = self.things.get(table) or self.things[name]
        return f"{WHERE[known]} has no {name_thing(table if table in self.things else name)}."


def name_thing(name: str) -> str:
    """Name a canonical table or column as a reader would.

    Examples
    --------
    >>> name_thing("tumours.her2"), name_thing("drugs")
    ('HER2', 'drugs')
    """
    table, _, column = name.partition(".")
    if not column:
        return CANONICAL[table].title
    return next(c.title for c in CANONICAL[table].columns if c.name == column)


#: Every canonical table and column
THINGS = (*CANONICAL, *(f"{table.name}.{column}" for table in CANONICAL.values() for column in table.column_names))


def check_thing(name: str, where: str) -> None:
    """Raise ParamsError if a name is no canonical table or column; `where` begins the message."""
    if name not in THINGS:
        raise ParamsError(
            f"{where} names {name!r}{suggest(name, list(THINGS))}; allowed: a canonical table "
            f"({', '.join(CANONICAL)}) or one of its columns, such as drugs.cycle_date."
        )


def find_absent(reader: Reader, without: Mapping[str, Collection[str]] | None = None) -> Absent:
    """Return what a reader never fills, and what it cannot fill from one extract.

    Parameters
    ----------
    reader : Reader
        Of one version.
    without : mapping of str to collection of str, optional
        Raw table -> its columns that are not in this extract; all of them where the file is not there. A file without
        rows is there.

    Examples
    --------
    >>> from naome.extract import READERS
    >>> find_absent(READERS["wcn"]).things["drugs"]
    'feed'
    """
    without = without or {}
    things = {}
    for table, contract in CANONICAL.items():
        selection = reader.canonical.get(table)
        if selection is None:
            things[table] = FEED
            continue
        if set(reader.raw[selection.raw].columns) <= set(without.get(selection.raw, ())):
            things[table] = EXTRACT
            continue
        used = trace_columns(reader, selection)
        gone = _find_gone(reader, selection, without)
        for column in contract.column_names:
            raw = used.get(column)
            if raw is None:
                things[f"{table}.{column}"] = FEED
            elif raw and set(raw) <= gone:
                things[f"{table}.{column}"] = EXTRACT
    return Absent(things)


def add_empty(absent: Absent, connection: duckdb.DuckDBPyConnection, empty: Absent) -> Absent:
    """Add the canonical columns in which nobody has anything, as things that are not in this extract.

    Parameters
    ----------
    absent : Absent
    connection : DuckDBPyConnection
        With a view ``canon_<name>`` for each canonical table.
    empty : Absent
        What is absent if raw columns in which no row has a value are.

    Returns
    -------
    Absent
        Other columns of tables of fewer than :data:`UNDELIVERED_ROWS` rows are not added: nobody may have it by chance.
    """
    found = {}
    for table, contract in CANONICAL.items():
        names = contract.column_names
        given = ", ".join(f"count({name})" for name in names)
        ((rows, *filled),) = connection.execute(f"SELECT count(*), {given} FROM canon_{table}").fetchall()
        without = (f"{table}.{name}" for name, there in zip(names, filled, strict=True) if not there)
        found |= {
            name: EXTRACT for name in without if name not in absent and (rows >= UNDELIVERED_ROWS or name in empty)
        }
    return Absent({**absent.things, **found})


def list_missing(raw: Mapping[str, RawTable], found: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    """Return which columns of each raw table are not in an extract.

    Parameters
    ----------
    raw : mapping of str to RawTable
    found : mapping of str to collection of str
        Raw table -> columns of its file; a table whose file is not there is left out.
    """
    missing = {
        name: tuple(column for column in table.columns if column not in found.get(name, ()))
        for name, table in raw.items()
    }
    return {name: columns for name, columns in missing.items() if columns}


def list_optional(reader: Reader) -> dict[str, tuple[str, ...]]:
    """Return the columns of each raw table that an extract may lack: all of a table that may be absent."""
    return {
        name: tuple(table.columns) if table.may_be_absent else tuple(sorted(table.optional))
        for name, table in reader.raw.items()
        if table.may_be_absent or table.optional
    }


def _find_gone(reader: Reader, selection: Selection, without: Mapping[str, Collection[str]]) -> set[str]:
    """Return the raw columns that a selection names and no file of the extract has."""
    looked_into = [name for name, table in reader.raw.items() if selection.reads & {name, *table.long}]
    there = {
        column for name in looked_into for column in reader.raw[name].columns if column not in without.get(name, ())
    }
    return {column for name in looked_into for column in without.get(name, ())} - there
