"""The manifest of a run: what ran, on which inputs, with which code, and the digest of every file."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from naome.core.atomic import write_json
from naome.core.code_version import NO_COMMIT, code_version
from naome.core.errors import RunError, say_some
from naome.core.run_files import read_frame, read_record
from naome.core.run_folder import MANIFEST
from naome.core.seal import file_digest
from naome.report.finished import ORGANISATIONS
from naome.workflow.attack_run import attack_run
from naome.workflow.egress import write_egress
from naome.workflow.organisation_names import write_organisation_names
from naome.workflow.pages import list_notebooks, notebooks_of, saved_by
from naome.workflow.run import Run

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


def write_manifest(run: Run, renderer: str = "") -> Path:
    """Write ``manifest.json``: what ran, on which inputs, with which code and packages, and the digest of every file.

    What notebooks left behind that the audit does not run any more is removed first, so that a page or a result of
    earlier parameters never stands beside today's. The site and the downloads take only files named here.

    Returns
    -------
    Path

    Raises
    ------
    RunError
        If a page or a released result was made by other code than now runs, or an attack on what is released finds more
        than the disclosure policy promises.
    """
    _forget_others(run)
    write_organisation_names(run)
    pages = _digest_files(run, "notebooks/*.ipynb")
    release = _digest_files(run, "release/*.parquet")
    _check_made_together(run, release)
    path = run.folder / MANIFEST
    path.unlink(missing_ok=True)  # without a manifest nothing is drawn or downloaded: not before the attack has failed
    attack = attack_run(run)
    write_egress(run, attack, {**pages, **release})
    records = _read_steps(run)
    code, record = code_version(), run.read_record
    manifest = {
        "audit": run.params.audit,
        "title": run.params.title,
        "nation": run.params.nation,
        "period": [run.params.metastatic_from, run.params.metastatic_to],
        "run_id": run.current_id,
        "marking": run.marking,
        "about": record["about"],
        "commit": code.commit or NO_COMMIT,
        "dirty": code.dirty,
        "code_sha256": code.sha256,
        "params_from": Path(record["params_from"]).name,
        "params_sha256": record["params_sha256"],
        "definitions_sha256": record["definitions_sha256"],
        "inputs_sha256": record["inputs"],
        "seed": run.params.seed,
        "rows_in": record["raw_rows"],
        "rows_canonical": record["canonical_rows"],
        "linkage": record["linkage"],
        "rows_out": {"analysis": len(run.analysis)} if run.has("analysis") else {},
        "pages": pages,
        "files": release,
        "attack": attack.to_dict(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "started": record["started"],
        "finished": max([r["finished"] for r in records], default=record["finished"]),
        "steps": records,
        "renderer": renderer,
    }
    write_json(manifest, path, private=True)
    return path


def _digest_files(run: Run, pattern: str) -> dict[str, str]:
    return {path.relative_to(run.folder).as_posix(): file_digest(path) for path in sorted(run.folder.glob(pattern))}


def _read_steps(run: Run) -> list[dict[str, Any]]:
    """Read what each step of a run recorded of itself."""
    steps = sorted((run.folder / "steps").glob("*.json"))
    return [read_record(step, {"notebook": str, "run_id": str, "finished": str}) for step in steps]


def _check_made_together(run: Run, release: Mapping[str, str]) -> None:
    """Check that pages and released results carry this run's id: the same inputs, and the same code."""
    other = [
        f"notebooks/{record['notebook']}.ipynb" for record in _read_steps(run) if record["run_id"] != run.current_id
    ]
    for name in release:
        if Path(name).stem == ORGANISATIONS:  # written with this manifest
            continue
        ids = set(read_frame(run.folder / name, columns=["run_id"])["run_id"])
        if not all(run.current_id in each.split("+") for each in ids):
            other.append(name)
    if other:
        raise RunError(
            f"{run.folder}: made by other code or from other inputs than {run.current_id}: {say_some(other)}. "
            "Hint: run these notebooks again, or the whole chain."
        )


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
