"""Reading a run's extract: canonical tables, the data-quality log and a record of the inputs."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from naome.cohort.signs import signs_of
from naome.definitions import load_cohort_rules
from naome.errors import ExtractError
from naome.measures.derivability import reasons_not_derivable, say_taken_away
from naome.params import load_params
from naome.run import Run, file_digest, write_json
from naome.sources import READERS, Extract, read_extract


def read_run(run: Run, *, progress: Callable[[str], None] = print) -> Extract:
    """Read the extract of a run into its folder.

    Writes ``canonical/``, ``results/data_quality.parquet`` and ``read.json``
    (sha256 and rows of every input). Events are read of people with a sign of
    metastatic disease only. Nothing is written when the extract has a problem.

    Raises
    ------
    ExtractError
        With all problems of the extract.
    """
    started = dt.datetime.now(dt.UTC)
    reader = _reader(run)
    with ThreadPoolExecutor(max_workers=1) as aside:
        digests = aside.submit(_digest_inputs, run.data_dir)
        extract = read_extract(
            reader,
            run.data_dir,
            run.canonical,
            diagnosed=_diagnosed(run),
            signs=signs_of(run.params),
            progress=progress,
        )
    for sentence in say_lacking(run, extract):
        progress(f"  {sentence}")
    quality = pd.DataFrame(extract.quality, columns=["rule", "table", "column", "rows", "kind", "meaning"])
    run.save("data_quality", quality)
    record = {
        "audit": run.params.audit,
        "reader": run.params.source,
        "data_dir": str(run.data_dir),
        "inputs": digests.result(),
        "raw_rows": extract.raw_rows,
        "canonical_rows": extract.rows,
        "ignored_columns": {note.name: list(note.ignored) for note in extract.files if note.ignored},
        "synthetic": extract.synthetic,
        "absent": dict(extract.absent.things),
        "started": started.isoformat(timespec="seconds"),
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    write_json(record, run.folder / "read.json")
    return extract


def check_run(run: Run, *, progress: Callable[[str], None] = print) -> Extract:
    """Check the whole extract of a run, everybody's events, without writing anything."""
    return read_extract(_reader(run), run.data_dir, None, diagnosed=_diagnosed(run), progress=progress)


def describe_extract(extract: Extract) -> str:
    """Return what was seen of an extract as text: per file rows, columns, encoding and repairs; then the repairs.

    Holds counts and names of files, columns and rules, no values.
    """
    head = ("file", "rows", "columns read", "ignored", "encoding", "repairs", "left out")
    rows = []
    for note in extract.files:
        counts = {kind: 0 for kind in ("repair", "left out")}
        for entry in extract.quality:
            if entry["table"] == note.table:
                counts[str(entry["kind"])] += int(entry["rows"])
        numbers = (f"{note.rows:,}", str(len(note.used)), str(len(note.ignored)))
        rows.append((note.name, *numbers, note.encoding, f"{counts['repair']:,}", f"{counts['left out']:,}"))
    left = {0, 4}  # text to the left, numbers to the right
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if n in left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *rows)
    ]
    for note in extract.files:
        if note.ignored:
            lines += textwrap.wrap(
                f"{note.name}: columns that are not read: {', '.join(note.ignored)}",
                width=118,
                subsequent_indent="    ",
                break_on_hyphens=False,
            )
    if extract.quality:
        lines.append("repairs and rows left out, by rule:")
    for entry in extract.quality:
        where = f"{entry['table']} {entry['column']}".rstrip()
        lines.append(f"  {entry['rows']:>10,}  {entry['rule']} ({entry['kind']}) in {where}")
    return "\n".join(line.rstrip() for line in lines)


def _reader(run: Run):
    if run.params.source not in READERS:
        raise ExtractError(f"there is no reader {run.params.source!r}; readers: {', '.join(READERS)}")
    return READERS[run.params.source]


def say_lacking(run: Run, extract: Extract) -> list[str]:
    """Hold the parameters of a run against what its data have, and say what this extract lacks.

    Returns
    -------
    list of str
        One sentence for each thing that the feed has and the extract has not, and which results go with it.

    Raises
    ------
    ParamsError
        If the parameters say of something that it is absent, and it is there.
    """
    params = load_params(run.params.audit)
    rules = load_cohort_rules(dict(params.rules))
    known = (extract.absent, params, run.specification, rules, rules.definitions.columns)
    reasons_not_derivable(*known)
    return say_taken_away(*known)


def _diagnosed(run: Run) -> tuple[dt.date, dt.date]:
    return run.params.diagnosed_from, run.params.diagnosed_to


def _digest_inputs(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        return {}  # the reader says so
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name.endswith((".parquet", ".csv", ".csv.gz")))
    return {path.name: file_digest(path) for path in files}
