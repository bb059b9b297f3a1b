"""Raw tables in memory: columns that defects can edit cheaply and that turn into Arrow arrays at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from naome_synthetic.course import NEVER

MISSING = -1
KINDS = ("code", "date", "datetext", "id", "int", "float")


@dataclass
class Column:
    """One column.

    Attributes
    ----------
    kind : {"code", "date", "datetext", "id", "int", "float"}
        code: `values` are positions in `words`, -1 missing; date and datetext (ccyymmdd): days since 1970-01-01,
        `NEVER` missing; id: whole numbers written as text, -1 missing; int: -1 missing; float: NaN missing.
    values : ndarray
    words : list of str, optional
        The vocabulary of a code column.
    """

    kind: str
    values: np.ndarray
    words: list[str] | None = None

    def take(self, rows: np.ndarray) -> Column:
        """Return the chosen rows as a new column."""
        return Column(self.kind, self.values[rows], self.words)

    def missing(self) -> np.ndarray:
        """Say which rows hold nothing."""
        if self.kind == "float":
            return np.isnan(self.values)
        return self.values == (NEVER if self.kind in ("date", "datetext") else MISSING)

    def rewrite(self, rows: np.ndarray, change: Callable[[str], str]) -> None:
        """Replace the words of some rows (none of them missing) by `change` of them."""
        old, position = np.unique(self.values[rows], return_inverse=True)
        words = list(self.words)
        fresh = []
        for number in old:
            word = change(words[number])
            if word not in words:
                words.append(word)
            fresh.append(words.index(word))
        self.words = words
        self.values = self.values.copy() if not self.values.flags.writeable else self.values
        self.values = self.values.astype(np.int32)
        self.values[rows] = np.array(fresh, dtype=np.int32)[position]

    def to_arrow(self) -> pa.Array:
        """Return the column as an Arrow array; codes stay dictionary-encoded."""
        mask = self.missing()
        if self.kind == "code":
            numbers = pa.array(self.values.astype(np.int32), mask=mask)
            return pa.DictionaryArray.from_arrays(numbers, pa.array(self.words or [""], pa.string()))
        if self.kind == "date":
            return pa.array(np.where(mask, 0, self.values).astype(np.int32), pa.int32(), mask=mask).cast(pa.date32())
        if self.kind == "datetext":
            day = pa.array(np.where(mask, 0, self.values).astype(np.int32), pa.int32(), mask=mask).cast(pa.date32())
            return pc.strftime(day, format="%Y%m%d")
        if self.kind == "id":
            return pa.array(self.values.astype(np.int64), mask=mask).cast(pa.string())
        if self.kind == "int":
            return pa.array(self.values.astype(np.int32), mask=mask)
        return pa.array(self.values.astype(float), mask=mask)


Table = dict[str, Column]


def code(values: np.ndarray, words: list[str]) -> Column:
    """Make a code column from positions in `words`; -1 is missing."""
    return Column("code", np.asarray(values, dtype=np.int32), words)


def words(choice: np.ndarray) -> Column:
    """Make a code column from an array of short texts; the empty text is missing."""
    vocabulary, number = np.unique(choice, return_inverse=True)
    out = Column("code", number.astype(np.int32), [str(w) for w in vocabulary])
    if out.words and out.words[0] == "":
        out.values, out.words = out.values - 1, out.words[1:] or ["?"]
    return out


def constant(word: str | None, rows: int) -> Column:
    """Make a code column that holds one word, or nothing, in every row."""
    return Column("code", np.full(rows, MISSING if word is None else 0, dtype=np.int32), [word or ""])


def date(day: np.ndarray) -> Column:
    """Make a date column from days since 1970-01-01; `NEVER` is missing."""
    return Column("date", np.asarray(day, dtype=np.int32))


def datetext(day: np.ndarray) -> Column:
    """Make a column of ccyymmdd texts from days since 1970-01-01; `NEVER` is missing."""
    return Column("datetext", np.asarray(day, dtype=np.int32))


def identifier(number: np.ndarray) -> Column:
    """Make a text column of whole numbers; -1 is missing."""
    return Column("id", np.asarray(number, dtype=np.int64))


def integer(number: np.ndarray) -> Column:
    """Make a whole-number column; -1 is missing."""
    return Column("int", np.asarray(number, dtype=np.int32))


def real(number: np.ndarray) -> Column:
    """Make a decimal column; NaN is missing."""
    return Column("float", np.asarray(number, dtype=float))


def count_rows(table: Table) -> int:
    """Return the number of rows."""
    return next(iter(table.values())).values.size


def take_rows(table: Table, rows: np.ndarray) -> Table:
    """Return the chosen rows (positions or a mask) of every column."""
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    return {name: column.take(rows) for name, column in table.items()}


def append_copies(table: Table, rows: np.ndarray) -> tuple[Table, np.ndarray]:
    """Append copies of some rows; return the table and the positions of the copies."""
    size = count_rows(table)
    return take_rows(table, np.concatenate([np.arange(size), rows])), np.arange(size, size + rows.size)


def to_arrow(table: Table) -> pa.Table:
    """Return the table in Arrow form."""
    return pa.table({name: column.to_arrow() for name, column in table.items()})
