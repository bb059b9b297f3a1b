"""The files behind a canonical table and their columns, as messages call them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from duckdb import DuckDBPyConnection

from naome.extract.files import Part, locate_row


@dataclass(frozen=True)
class SourceFiles:
    """The file or files that stand behind a canonical table.

    Attributes
    ----------
    table : str
        The canonical table.
    name : str
        The file, or the folder of several.
    parts : tuple of Part
        In order.
    columns : mapping of str to tuple of str
        Column of the table, or of what is selected for it -> columns of the extract that it follows from.
    """

    table: str
    name: str
    parts: tuple[Part, ...]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def locate(self, row: int, what: str = "") -> str:
        """Return where a row stands, as messages say it: its file, what it is about, and its number there."""
        return locate_row(self.parts, row, what)

    def list_columns(self, *columns: str) -> list[str]:
        """List the columns of the extract from which canonical ones follow; the canonical ones where none does.

        Examples
        --------
        >>> file = SourceFiles("tumours", "t.csv", (), {"m1": ("M_BEST",)})
        >>> file.list_columns("m1"), file.list_columns("er")
        (['M_BEST'], ['tumours.er'])
        """
        found = [*dict.fromkeys(name for column in columns for name in self.columns.get(column, ()))]
        return found or [f"{self.table}.{column}" for column in columns]

    def name_columns(self, *columns: str) -> str:
        """Name the columns of the extract from which canonical ones follow.

        Examples
        --------
        >>> file = SourceFiles("tumours", "t.csv", (), {"m1": ("M_BEST",), "stage": ("STAGE_BEST",)})
        >>> file.name_columns("stage", "m1"), file.name_columns("m1")
        ('columns STAGE_BEST and M_BEST', 'column M_BEST')
        """
        *first, last = self.list_columns(*columns)
        if first:
            return f"columns {', '.join(first)} and {last}"
        return f"column{'s' * (' to ' in last)} {last}"

    def name_place(self, *columns: str) -> str:
        """Return the place of a problem that is in all rows: the file and the columns of it."""
        return f"{self.name}: {self.name_columns(*columns)}"

    def find_place(self, connection: DuckDBPyConnection, where: str, *columns: str) -> str:
        """Return the place of a problem: the file, the columns, and the first of the rows that a condition is true of.

        Parameters
        ----------
        connection : DuckDBPyConnection
            With the view ``select_<table>``.
        where : str
            SQL condition on the selected rows.
        *columns : str
            Canonical columns.
        """
        given = {row[0].lower() for row in connection.execute(f"DESCRIBE select_{self.table}").fetchall()}
        if not {"row_", *columns} <= given:
            return self.name_place(*columns)
        first = connection.execute(f"SELECT min(row_) FROM select_{self.table} WHERE {where}").fetchone()[0]
        return self.name_place(*columns) if first is None else self.locate(first, self.name_columns(*columns))
