"""The strict notebook runner.

Papermill exits 0 on an unknown key and on a notebook without a ``parameters``
tag, and then runs with the notebook's own defaults: the wrong nation under the
right name. Here each of these is an error before anything runs.
"""

from __future__ import annotations

import ast
import datetime as dt
import importlib.metadata
import json
import logging
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError

from naome.errors import ChainError, NaomeError, suggest
from naome.notebooks import list_notebooks, notebooks_of, saved_by
from naome.params import params_digest
from naome.paths import project_root
from naome.run import Run, write_json

PACKAGES = (
    "naome",
    "pandas",
    "numpy",
    "scipy",
    "lifelines",
    "statsmodels",
    "duckdb",
    "ibis-framework",
    "papermill",
    "nbval",
)
REFUSALS = {error.__name__ for error in NaomeError.__subclasses__()}


def declared_parameters(notebook: Path) -> dict[str, object]:
    """Return the names and default values in a notebook's ``parameters`` cell.

    Raises
    ------
    ChainError
        If the notebook has not exactly one such cell, or the cell holds anything
        but assignments of plain values.
    """
    cells = [c for c in _read(notebook).cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1 or cells[0].cell_type != "code":
        raise ChainError(f"{notebook}: {len(cells)} cells tagged 'parameters'; there must be exactly one code cell.")
    defaults: dict[str, object] = {}
    for statement in ast.parse(cells[0].source).body:
        simple = isinstance(statement, ast.Assign) and len(statement.targets) == 1
        if (
            not simple
            or not isinstance(statement.targets[0], ast.Name)
            or not isinstance(statement.value, ast.Constant)
        ):
            raise ChainError(
                f"{notebook}: the parameters cell may only assign plain values, one name a line; "
                f"found {ast.unparse(statement)!r}"
            )
        defaults[statement.targets[0].id] = statement.value.value
    return defaults


def check_parameters(notebook: Path, given: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters to inject, after checking them against what the notebook declares.

    Raises
    ------
    ChainError
        For an unknown key, a key whose default is empty and that is not given
        (``audit``), or a value of another type than the default.
    """
    declared = declared_parameters(notebook)
    for key, value in given.items():
        if key not in declared:
            raise ChainError(
                f"{notebook}: unknown parameter {key!r}{suggest(key, list(declared))}; declared: {', '.join(declared)}"
            )
        if type(value) is not type(declared[key]):
            raise ChainError(
                f"{notebook}: parameter {key!r} is {value!r} ({type(value).__name__}); "
                f"allowed: {type(declared[key]).__name__}"
            )
    missing = [key for key in ("audit",) if key in declared and key not in given]
    if missing or "audit" not in declared:
        raise ChainError(f"{notebook}: parameter 'audit' must be declared and given; declared: {', '.join(declared)}")
    return dict(given)


def run_notebook(run: Run, notebook: Path, parameters: Mapping[str, object] | None = None) -> Path:
    """Execute one notebook of a run and keep the executed copy.

    The copy goes to ``<run>/notebooks/<name>.ipynb`` under its final name only
    when every cell ran. A notebook that fails is kept as
    ``<run>/failed/<name>.failed.ipynb`` and is never rendered.

    Returns
    -------
    Path
        The executed notebook.

    Raises
    ------
    ChainError
        With notebook, cell and the last lines of the traceback.
    """
    given = check_parameters(
        notebook,
        {"audit": run.params.audit, "data_dir": str(run.data_dir), "run_dir": str(run.folder), **(parameters or {})},
    )
    target = run.folder / "notebooks" / notebook.name
    failed = run.folder / "failed" / f"{notebook.stem}.failed.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{notebook.stem}-", suffix=".ipynb", dir=target.parent)
    os.close(handle)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    started = time.monotonic()
    try:
        papermill.execute_notebook(
            str(notebook),
            name,
            parameters=given,
            cwd=str(project_root()),
            kernel_name="python3",
            progress_bar=False,
            log_output=False,
        )
        _finish_copy(Path(name), run)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except PapermillExecutionError as error:
        failed.parent.mkdir(exist_ok=True)
        os.replace(name, failed)
        raise ChainError(_explain_failure(notebook, failed, error)) from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    failed.unlink(missing_ok=True)
    _record_step(run, notebook, time.monotonic() - started)
    return target


def run_chain(run: Run, *, progress: Callable[[str], None] = print) -> list[Path]:
    """Check all notebooks that a run's audit has, then execute them in order."""
    notebooks = notebooks_of(run.params)
    for notebook in notebooks:
        check_parameters(notebook, {"audit": run.params.audit, "data_dir": "", "run_dir": ""})
    done = []
    for number, notebook in enumerate(notebooks, start=1):
        started = time.monotonic()
        done.append(run_notebook(run, notebook))
        progress(f"{run.params.audit}: {number}/{len(notebooks)} {notebook.stem} ({time.monotonic() - started:.1f} s)")
    write_manifest(run)
    return done


def write_manifest(run: Run, renderer: str = "") -> Path:
    """Write ``manifest.json``: what ran, on which inputs, with which code and packages.

    What notebooks left behind that the audit does not run any more is removed first, so that a page or a result of
    earlier parameters never stands beside today's.

    Returns
    -------
    Path
    """
    _forget_others(run)
    steps = sorted((run.folder / "steps").glob("*.json"))
    records = [json.loads(step.read_text(encoding="utf-8")) for step in steps]
    analysis = run.folder / "analysis.parquet"
    manifest = {
        "audit": run.params.audit,
        "run_id": run.run_id,
        "marking": run.marking,
        "commit": _git("rev-parse", "HEAD") or "not a git checkout",
        "dirty": bool(_git("status", "--porcelain")),
        "params_sha256": params_digest(run.params.audit),
        "inputs_sha256": run.read_record["inputs"],
        "seed": run.params.seed,
        "rows_in": run.read_record["raw_rows"],
        "rows_canonical": run.read_record["canonical_rows"],
        "rows_out": {"analysis": len(run.analysis)} if analysis.is_file() else {},
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "started": run.read_record["started"],
        "finished": max([r["finished"] for r in records], default=run.read_record["finished"]),
        "steps": records,
        "renderer": renderer,
    }
    path = run.folder / "manifest.json"
    write_json(manifest, path)
    return path


def _forget_others(run: Run) -> None:
    kept = notebooks_of(run.params)
    for notebook in list_notebooks():
        if notebook in kept:
            continue
        (run.folder / "notebooks" / notebook.name).unlink(missing_ok=True)
        (run.folder / "steps" / f"{notebook.stem}.json").unlink(missing_ok=True)
        for name in saved_by(notebook):
            (run.folder / "results" / f"{name}.parquet").unlink(missing_ok=True)
            (run.folder / "release" / f"{name}.parquet").unlink(missing_ok=True)


def _read(notebook: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(notebook, as_version=4)
    except Exception as error:
        raise ChainError(f"{notebook}: not readable as a notebook: {type(error).__name__}: {error}") from None


def _finish_copy(path: Path, run: Run) -> None:
    """Make the executed copy a page: its title names the audit, its end says which run made it."""
    notebook = nbformat.read(path, as_version=4)
    front = notebook.cells[0]
    if front.cell_type == "raw":
        front.source = re.sub(r"(?m)^title: (.*)$", rf'title: "\1: {run.params.title}"', front.source, count=1)
    notebook.cells.append(nbformat.v4.new_markdown_cell(_provenance(run), id="provenance"))
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags and "remove-cell" not in tags:
            cell.metadata["tags"] = [*tags, "remove-cell"]
    nbformat.write(notebook, path)


def _provenance(run: Run) -> str:
    commit = _git("rev-parse", "--short=12", "HEAD") or "not a git checkout"
    dirty = " with uncommitted changes" if _git("status", "--porcelain") else ""
    digest = params_digest(run.params.audit)[:12]
    return (
        "::: {.provenance}\n"
        f"Run `{run.run_id}` of audit *{run.params.audit}*; parameters sha256 `{digest}`; code `{commit}`{dirty}; "
        f"naome {importlib.metadata.version('naome')}. The run's manifest holds inputs and package versions.\n"
        ":::"
    )


def _explain_failure(notebook: Path, failed: Path, error: PapermillExecutionError) -> str:
    kept = f"  The failed notebook is kept for debugging: {failed}"
    if error.ename in REFUSALS:  # says itself what was wrong; where it was raised would only distract
        return f"{notebook.name}: {error.evalue}\n{kept}"
    trace = [re.sub(r"\x1b\[[0-9;]*m", "", line) for part in error.traceback for line in part.splitlines()]
    last = "\n".join(f"    {line}" for line in trace if line.strip())
    last = "\n".join(last.splitlines()[-8:])
    return f"{notebook.name}: cell {error.exec_count} failed with {error.ename}: {error.evalue}\n{last}\n{kept}"


def _record_step(run: Run, notebook: Path, seconds: float) -> None:
    record = {
        "notebook": notebook.stem,
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
    }
    write_json(record, run.folder / "steps" / f"{notebook.stem}.json")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=project_root(), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
