"""Reading a run's extract: canonical tables, the data-quality log and a record of the inputs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from naome.errors import ExtractError
from naome.run import Run, file_digest, write_json
from naome.sources import READERS, Extract, read_extract


def read_run(run: Run, *, progress: Callable[[str], None] = print) -> Extract:
    """Read the extract of a run into its folder.

    Writes ``canonical/``, ``results/data_quality.parquet`` and ``read.json``
    (sha256 and rows of every input). Nothing is written when the extract has a
    problem.

    Raises
    ------
    ExtractError
        With all problems of the extract.
    """
    started = dt.datetime.now(dt.UTC)
    extract = read_extract(_reader(run), run.data_dir, run.canonical, diagnosed=_diagnosed(run), progress=progress)
    quality = pd.DataFrame(extract.quality, columns=["rule", "table", "column", "rows", "kind", "meaning"])
    run.save("data_quality", quality)
    record = {
        "audit": run.params.audit,
        "reader": run.params.source,
        "data_dir": str(run.data_dir),
        "inputs": {path.name: file_digest(path) for path in _inputs(run.data_dir)},
        "raw_rows": extract.raw_rows,
        "canonical_rows": extract.rows,
        "synthetic": extract.synthetic,
        "started": started.isoformat(timespec="seconds"),
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    write_json(record, run.folder / "read.json")
    return extract


def check_run(run: Run, *, progress: Callable[[str], None] = print) -> Extract:
    """Check the extract of a run without writing anything."""
    return read_extract(_reader(run), run.data_dir, None, diagnosed=_diagnosed(run), progress=progress)


def _reader(run: Run):
    if run.params.source not in READERS:
        raise ExtractError(f"there is no reader {run.params.source!r}; readers: {', '.join(READERS)}")
    return READERS[run.params.source]


def _diagnosed(run: Run) -> tuple[dt.date, dt.date]:
    return run.params.diagnosed_from, run.params.diagnosed_to


def _inputs(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and p.name.endswith((".parquet", ".csv", ".csv.gz")))
