"""The defects of real extracts, each a named function that counts the rows it touched. None moves a calibrated figure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from naome.synthetic.tables import Table

DEFECTS: dict[str, Callable] = {}


def choose_defects(defects: bool | Collection[str], nation: str) -> list[str]:
    """Return the names of the defects wanted, in the order they are applied."""
    if isinstance(defects, bool):
        return list(DEFECTS) if defects else []
    unknown = sorted(set(defects) - set(DEFECTS))
    if unknown:
        raise ValueError(f"unknown defects {unknown}; allowed: {', '.join(DEFECTS)}")
    return [name for name in DEFECTS if name in defects]


class DefectLog:
    """Apply defects to tables and count what they touched."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.counts: dict[tuple[str, str, str], int] = {}

    def apply(self, tables: dict[str, Table], rng: np.random.Generator, fmt: str) -> dict[str, Table]:
        """Apply every chosen defect to one chunk."""
        return tables

    def total(self) -> dict[str, int]:
        """Return rows affected per defect."""
        return {}

    def write(self, path: Path) -> None:
        """Write name, table, column, rows."""
        rows = [(*key, n) for key, n in sorted(self.counts.items())]
        names = ("name", "table", "column", "rows")
        types = (pa.string(), pa.string(), pa.string(), pa.int64())
        pq.write_table(pa.table({n: pa.array([r[i] for r in rows], types[i]) for i, n in enumerate(names)}), path)
