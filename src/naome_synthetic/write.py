"""Write tables to files, one row group per chunk, in the order given; Parquet, or CSV in the audit's own dialect."""

from __future__ import annotations

import io
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from naome_synthetic.tables import Table, count_rows, to_arrow

LATIN1_TABLES = frozenset({"sact_regimen"})


class TableWriter:
    """Append chunks of tables to the files of one folder, in the background.

    Parameters
    ----------
    folder : pathlib.Path
        An existing folder.
    fmt : {"parquet", "csv"}

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from naome_synthetic.tables import integer
    >>> with tempfile.TemporaryDirectory() as d:
    ...     with TableWriter(Path(d), "parquet") as writer:
    ...         writer.append({"t": {"N": integer(np.arange(3))}})
    ...     writer.rows
    {'t': 3}
    """

    def __init__(self, folder: Path, fmt: str) -> None:
        self.folder, self.fmt = folder, fmt
        self.rows: dict[str, int] = {}
        self._open: dict[str, object] = {}
        self._pool = ThreadPoolExecutor(1)
        self._pending: Future | None = None

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        try:
            self._wait()
        finally:
            self._pool.shutdown()
            for sink in self._open.values():
                sink.close()

    def append(self, tables: dict[str, Table]) -> None:
        """Append one chunk of tables; returns before it is on disk, after the chunk before it is."""
        self._wait()
        self._pending = self._pool.submit(self._append_all, tables)

    def _wait(self) -> None:
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()

    def _append_all(self, tables: dict[str, Table]) -> None:
        for name in list(tables):
            table = tables.pop(name)
            self.rows[name] = self.rows.get(name, 0) + count_rows(table)
            arrow = to_arrow(table)
            del table
            if self.fmt == "parquet":
                self._append_parquet(name, arrow)
            else:
                self._append_csv(name, arrow)

    def _append_parquet(self, name: str, arrow: pa.Table) -> None:
        if name not in self._open:
            # store_schema=False: dictionary-encoded codes read back as plain text.
            self._open[name] = pq.ParquetWriter(
                self.folder / f"{name}.parquet",
                arrow.schema,
                compression="zstd",
                compression_level=1,
                store_schema=False,
            )
        self._open[name].write_table(arrow, row_group_size=max(arrow.num_rows, 1))

    def _append_csv(self, name: str, arrow: pa.Table) -> None:
        first = name not in self._open
        if first:
            self._open[name] = open(self.folder / f"{name}.csv", "wb")  # noqa: SIM115 (closed in __exit__)
        columns = [_to_text(arrow.column(i)) for i in range(arrow.num_columns)]
        text = pa.table(dict(zip(arrow.column_names, columns, strict=True)))
        buffer = io.BytesIO()
        options = pyarrow.csv.WriteOptions(include_header=first, quoting_style="all_valid")
        pyarrow.csv.write_csv(text, buffer, options)
        data = buffer.getvalue()
        if name in LATIN1_TABLES:
            data = data.decode("utf-8").encode("latin-1")
        self._open[name].write(data)


def _to_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_date(column.type):
        return pc.strftime(column, format="%d/%m/%Y")
    return column.cast(pa.string())
