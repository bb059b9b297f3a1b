"""Finished runs as the site and the downloads read them: what the manifest lists, and nothing else of the folder."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from naome.core.code_version import NO_COMMIT, CodeVersion
from naome.core.errors import ChainError, NaomeError, suggest
from naome.core.paths import MANIFEST, runs_root
from naome.core.results import name_nation
from naome.report.marking import MARKINGS

#: Which organisations a run released results of, and the outlier status of their survival
ORGANISATIONS, OUTLIER_STATUS = "organisations", "outlier_status"
#: What a manifest has to hold for a site, and of which kind
NEEDED = {
    "audit": str, "title": str, "nation": str, "period": list, "run_id": str, "marking": str,
    "code_sha256": str, "commit": str, "pages": dict, "files": dict, "attack": dict,
    "finished": str,
}  # fmt: skip


@dataclass(frozen=True)
class FinishedRun:
    """A run whose manifest is written.

    Attributes
    ----------
    folder : Path
    manifest : mapping
        What ``manifest.json`` holds.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def audit(self) -> str:
        """Name of the audit."""
        return self.manifest["audit"]

    @property
    def run_id(self) -> str:
        """Identifier of the run."""
        return self.manifest["run_id"]

    @property
    def marking(self) -> str:
        """What the data are: a key of :data:`naome.report.marking.MARKINGS`."""
        return self.manifest["marking"]

    @property
    def title(self) -> str:
        """How pages name the audit."""
        return self.manifest["title"]

    @property
    def nation(self) -> str:
        """The nation, as a heading has it."""
        return name_nation(self.manifest["nation"])

    @property
    def period(self) -> tuple[dt.date, dt.date]:
        """First and last day of metastatic diagnosis."""
        first, last = (dt.date.fromisoformat(day) for day in self.manifest["period"])
        return first, last

    @property
    def finished(self) -> dt.date:
        """The day on which the run was finished."""
        return dt.datetime.fromisoformat(self.manifest["finished"]).date()

    @property
    def pages(self) -> list[str]:
        """Names of the executed notebooks, without their ending, in order."""
        return sorted(Path(name).stem for name in self.manifest["pages"])

    def describe(self) -> str:
        """Say which run this is, with which code it was made, in Markdown.

        Examples
        --------
        >>> code = {"code_sha256": "f" * 64, "commit": "0123456789abcdef", "dirty": False}
        >>> FinishedRun(Path("m"), {"audit": "m", "run_id": "m-1f", **code}).describe()
        'run `m-1f` of audit *m*, code `0123456789ab`'
        """
        commit = self.manifest["commit"].removeprefix(NO_COMMIT)
        made_by = CodeVersion(self.manifest["code_sha256"], commit, self.manifest["dirty"])
        return f"run `{self.run_id}` of audit *{self.audit}*, {made_by.describe()}"

    def read_page(self, name: str) -> bytes:
        """Return an executed notebook as it was when the run ended.

        Raises
        ------
        ChainError
            If it is not there, or is not the file of the manifest.
        """
        return self._read(f"notebooks/{name}.ipynb", "pages")

    def read_released(self) -> list[tuple[str, pd.DataFrame]]:
        """Return the released frames by name, in the order of their names.

        Raises
        ------
        ChainError
            If one is not the file of the manifest, or is only in the folder or only in the manifest.
        """
        found = {f"release/{file.name}" for file in (self.folder / "release").glob("*.parquet")}
        declared = {name for name in self.manifest["files"] if name.startswith("release/")}
        names = sorted(found | declared)
        return [(Path(name).stem, pd.read_parquet(io.BytesIO(self._read(name, "files")))) for name in names]

    def read_organisations(self) -> pd.DataFrame:
        """Return the organisations of which the run released results: codes, names, and where each belongs.

        Raises
        ------
        ChainError
            If a run of an earlier version has no such table, or it is not the file of the manifest.
        """
        table = self.read_table(ORGANISATIONS)
        if table is None:
            raise ChainError(
                f"{self.folder}/release/{ORGANISATIONS}.parquet: {MANIFEST} does not list it; run {self.run_id} is of "
                f"an earlier version. Hint: run the chain of {self.audit} again."
            )
        return table

    def read_table(self, name: str) -> pd.DataFrame | None:
        """Return one released frame, or None where the run has none of this name.

        Raises
        ------
        ChainError
            If it is not the file of the manifest.
        """
        file = f"release/{name}.parquet"
        if file not in self.manifest["files"]:
            return None
        return pd.read_parquet(io.BytesIO(self._read(file, "files")))

    def check_pages(self) -> None:
        """Refuse a notebook that lies in the folder although the run did not make it, and a run without pages.

        Raises
        ------
        ChainError
            Naming the file.
        """
        extra = {file.stem for file in (self.folder / "notebooks").glob("*.ipynb")}.difference(self.pages)
        if extra:
            file = self.folder / "notebooks" / f"{min(extra)}.ipynb"
            raise ChainError(
                f"{file} is not of run {self.run_id}: {MANIFEST} does not list it. "
                "Hint: run the chain again, or take the file away."
            )
        if not self.pages:
            raise ChainError(f"{self.folder / MANIFEST} lists no notebook. Hint: run the chain of {self.audit} first.")

    def _read(self, name: str, listed: str) -> bytes:
        file = self.folder / name
        if not file.is_file():
            raise ChainError(
                f"{file}: not there, although run {self.run_id} made it. Hint: run the chain of {self.audit} again."
            )
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != self.manifest[listed].get(name):
            what = "was changed after" if name in self.manifest[listed] else "is not of"
            raise ChainError(
                f"{file} {what} run {self.run_id}: its digest is not the one in {MANIFEST}. "
                f"Hint: run the chain of {self.audit} again."
            )
        return data


def open_finished(name: str | Path) -> FinishedRun:
    """Open a finished run.

    Parameters
    ----------
    name : str or Path
        The run's name under the folder of all runs (``NAOME_RUNS``, or ``runs`` in the project), or its folder.

    Raises
    ------
    ChainError
        If there is no such run, or it has no readable manifest; never passed over.
    """
    folder = runs_root() / name
    if not folder.is_dir():
        folder = Path(name).expanduser().resolve()
    if not folder.is_dir():
        known = sorted(file.parent.name for file in runs_root().glob(f"*/{MANIFEST}"))
        raise ChainError(
            f"{str(name)!r} is neither a run in {runs_root()} nor the folder of one{suggest(str(name), known)}. "
            f"Runs there: {', '.join(known) or 'none'}."
        )
    file = folder / MANIFEST
    if not file.is_file():
        raise ChainError(f"{file}: not there, so the run is not finished. Hint: `naome chain` ends with it.")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ChainError(f"{file}: not readable as JSON: {error}. Hint: run the chain again.") from None
    held = manifest if isinstance(manifest, dict) else {}
    missing = [key for key, kind in NEEDED.items() if not isinstance(held.get(key), kind)]
    if missing:
        raise ChainError(
            f"{file}: key {missing[0]!r} is missing, or not a {NEEDED[missing[0]].__name__}. "
            "Hint: run the chain again; runs of earlier versions cannot be drawn."
        )
    if manifest["marking"] not in MARKINGS:
        raise ChainError(
            f"{file}: key 'marking' is {manifest['marking']!r}{suggest(manifest['marking'], [*MARKINGS])}; "
            f"allowed: {', '.join(MARKINGS)}."
        )
    if manifest["attack"].get("verdict") != "pass":
        raise ChainError(f"{file}: the attack on what the run released has not failed. Hint: run the chain again.")
    return FinishedRun(folder, manifest)


def open_all_finished(names: Iterable[str | Path]) -> list[FinishedRun]:
    """Open several finished runs, each once.

    Raises
    ------
    NaomeError
        Naming every run that cannot be opened, and a run that is named twice.
    """
    runs, problems = [], []
    for name in names:
        try:
            runs.append(open_finished(name))
        except NaomeError as error:
            problems.append(str(error))
    seen: dict[str, Path] = {}
    for run in runs:
        if run.run_id in seen:
            problems.append(f"{run.folder} and {seen[run.run_id]} are the same run, {run.run_id}; name it once.")
        seen[run.run_id] = run.folder
    if problems:
        raise ChainError("\n  ".join(problems))
    return runs
