"""One run of one audit: its parameters, its folder, and what its steps have written.

A run's folder holds ``canonical/`` (person-level, never leaves), ``analysis.parquet``
(one row per person, no identifiers), ``results/`` (one file per notebook),
``release/`` (what passed the disclosure door), ``notebooks/`` (executed copies),
``read.json`` and ``manifest.json``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from naome.definitions import load_cohort_rules
from naome.disclosure import release
from naome.errors import ChainError
from naome.measures.derivability import reasons_not_derivable
from naome.measures.specification import (
    Specification,
    check_not_derivable,
    load_specification,
    note_inferred_codes,
)
from naome.params import Params, load_params, params_digest
from naome.paths import resolve, runs_root, write_text
from naome.results import write_frame
from naome.sources import READERS
from naome.sources.absent import Absent, find_absent


@dataclass(frozen=True)
class Run:
    """An audit run on disk.

    Attributes
    ----------
    params : Params
    folder : Path
        ``runs/<audit>`` unless told otherwise.
    data_dir : Path
        Folder of the extract.
    """

    params: Params
    folder: Path
    data_dir: Path

    @cached_property
    def specification(self) -> Specification:
        """The indicator definitions."""
        return load_specification()

    @property
    def canonical(self) -> Path:
        """Folder of the canonical tables."""
        return self.folder / "canonical"

    @cached_property
    def read_record(self) -> dict[str, Any]:
        """What reading the extract recorded: input digests, rows, whether it is synthetic."""
        file = self.folder / "read.json"
        if not file.is_file():
            raise ChainError(
                f"{file}: the extract has not been read yet. "
                f"Hint: run `naome read --audit {self.params.audit}` (make extracts)."
            )
        return json.loads(file.read_text(encoding="utf-8"))

    @cached_property
    def run_id(self) -> str:
        """Identifier of the run: parameters and inputs; the same inputs give the same id."""
        text = json.dumps([params_digest(self.params.audit), self.read_record["inputs"]], sort_keys=True)
        return f"{self.params.audit}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    @property
    def marking(self) -> str:
        """Banner of every page; an extract that says it is synthetic is synthetic whatever the parameters say."""
        return "synthetic" if self.read_record["synthetic"] else self.params.marking

    @cached_property
    def analysis(self) -> pd.DataFrame:
        """The analysis table."""
        return self.load("analysis")

    def save(self, name: str, frame: pd.DataFrame) -> None:
        """Write a frame of the run (``results/<name>.parquet``; the analysis table in the run's folder).

        A frame in the result schema says which of its results rest on inferred
        codes, and is released at once: its protected copy goes to
        ``release/<name>.parquet``.
        """
        if "result_id" not in frame.columns:
            write_frame(frame, self._file(name))
            return
        noted = note_inferred_codes(frame, self.specification)
        write_frame(noted, self._file(name))
        write_frame(release(noted, self.params), self.folder / "release" / f"{name}.parquet")

    def load(self, name: str) -> pd.DataFrame:
        """Read a frame of the run.

        Raises
        ------
        ChainError
            If no step has written it yet; the message says which notebook to run first.
        """
        file = self._file(name)
        if not file.is_file():
            raise ChainError(f"{file}: not written yet. Hint: run the notebooks of audit {self.params.audit} in order.")
        return pd.read_parquet(file)

    def release(self, results: pd.DataFrame) -> pd.DataFrame:
        """Return results as they may be shown: the only thing a notebook displays."""
        return release(note_inferred_codes(results, self.specification), self.params)

    def _file(self, name: str) -> Path:
        return self.folder / ("analysis.parquet" if name == "analysis" else f"results/{name}.parquet")


def open_run(audit: str, data_dir: str = "", run_dir: str = "") -> Run:
    """Open the run of an audit.

    Parameters
    ----------
    audit : str
        Name of a parameter file.
    data_dir, run_dir : str
        Folders that replace the defaults (the parameters' ``data_dir``; ``runs/<audit>``).

    Examples
    --------
    >>> open_run("wales").params.nation
    'wales'
    """
    params = load_params(audit)
    check_not_derivable(params, load_specification())
    folder = resolve(run_dir) if run_dir else runs_root() / params.audit
    return Run(
        params=with_reasons(params, folder / "read.json"),
        folder=folder,
        data_dir=resolve(data_dir or params.data_dir),
    )


def with_reasons(params: Params, record: Path | None = None) -> Params:
    """Return parameters whose ``not_derivable`` says of every result why it is not derivable.

    Parameters
    ----------
    params : Params
    record : Path, optional
        ``read.json`` of the run; where it is not there yet, what the feed never has is absent.
    """
    if record is not None and record.is_file():
        absent = Absent(json.loads(record.read_text(encoding="utf-8"))["absent"])
    else:
        reader = READERS[params.source]
        absent = find_absent(reader.versions[-1][1] if reader.versions else reader)
        params = params.model_copy(update={"absent": {k: v for k, v in params.absent.items() if k in absent}})
    rules = load_cohort_rules(dict(params.rules))
    reasons = reasons_not_derivable(absent, params, load_specification(), rules, rules.definitions.columns)
    return params.model_copy(update={"not_derivable": reasons})


def file_digest(path: Path) -> str:
    """Return the sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_json(record: dict[str, Any], path: Path) -> None:
    """Write a record as JSON to a temporary name and rename it."""
    write_text(json.dumps(record, indent=1, sort_keys=True, default=str) + "\n", path)
