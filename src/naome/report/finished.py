"""Finished runs as the site and the downloads read them: what the manifest lists, and nothing else of the folder."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from naome.core.code_version import NO_COMMIT, CodeVersion
from naome.core.definitions import Definitions
from naome.core.errors import NaomeError, RunError, suggest
from naome.core.params import Params, read_params
from naome.core.results import name_nation
from naome.core.run_files import read_record, say_again
from naome.core.run_folder import INPUTS, MANIFEST, PARAMS_COPY, find_run_folder
from naome.core.seal import file_digest
from naome.report.marking import MARKINGS

#: Which organisations a run released results of, and the outlier status of their survival
ORGANISATIONS, OUTLIER_STATUS = "organisations", "outlier_status"
#: What a manifest has to hold for a site, and of which kind
NEEDED = {
    "audit": str, "title": str, "nation": str, "period": list, "run_id": str, "marking": str,
    "code_sha256": str, "commit": str, "pages": dict, "files": dict, "attack": dict,
    "params_sha256": str, "definitions_sha256": str, "finished": str,
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
        made_by = CodeVersion(self.manifest["code_sha256"], commit, self.manifest.get("dirty"))
        return f"run `{self.run_id}` of audit *{self.audit}*, {made_by.describe()}"

    @property
    def has_inputs(self) -> bool:
        """Whether what the run was made from is in its folder: its results may have been copied alone."""
        return (self.folder / INPUTS).is_dir()

    @cached_property
    def params(self) -> Params:
        """The parameters, from the run's copy of the file.

        Raises
        ------
        RunError
            If it is not the file that the run was made with.
        """
        file = self.folder / INPUTS / PARAMS_COPY
        self._check_input(file, "params_sha256", file_digest(file) if file.is_file() else "")
        return read_params(file)

    @property
    def definitions(self) -> Definitions:
        """The definitions, from the run's copies; not kept, for what they have read cannot be sent to a process.

        Raises
        ------
        RunError
            If they are not those that the run was made with.
        """
        definitions = Definitions(self.folder / INPUTS / "definitions")
        self._check_input(definitions.folder, "definitions_sha256", definitions.digest)
        return definitions

    def read_page(self, name: str) -> bytes:
        """Return an executed notebook as it was when the run ended.

        Raises
        ------
        RunError
            If it is not there, or is not the file of the manifest.
        """
        return self._read(f"notebooks/{name}.ipynb", "pages")

    def read_released(self) -> list[tuple[str, pd.DataFrame]]:
        """Return the released frames by name, in the order of their names.

        Raises
        ------
        RunError
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
        RunError
            If a run of an earlier version has no such table, or it is not the file of the manifest.
        """
        table = self.read_table(ORGANISATIONS)
        if table is None:
            raise RunError(
                f"{self.folder}/release/{ORGANISATIONS}.parquet: {MANIFEST} does not list it; run {self.run_id} is of "
                f"an earlier version. Hint: run the chain of {self.audit} again."
            )
        return table

    def read_table(self, name: str) -> pd.DataFrame | None:
        """Return one released frame, or None where the run has none of this name.

        Raises
        ------
        RunError
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
        RunError
            Naming the file.
        """
        extra = {file.stem for file in (self.folder / "notebooks").glob("*.ipynb")}.difference(self.pages)
        if extra:
            file = self.folder / "notebooks" / f"{min(extra)}.ipynb"
            raise RunError(
                f"{file} is not of run {self.run_id}: {MANIFEST} does not list it. "
                "Hint: run the chain again, or take the file away."
            )
        if not self.pages:
            raise RunError(f"{self.folder / MANIFEST} lists no notebook. Hint: run the chain of {self.audit} first.")

    def _check_input(self, path: Path, key: str, digest: str) -> None:
        if digest != self.manifest[key]:
            raise RunError(
                f"{path}: not there, damaged or changed: its digest is not the one that run {self.run_id} has in "
                f"{MANIFEST}. {say_again(path)}"
            )

    def _read(self, name: str, listed: str) -> bytes:
        file = self.folder / name
        if not file.is_file():
            raise RunError(
                f"{file}: not there, although run {self.run_id} made it. Hint: run the chain of {self.audit} again."
            )
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != self.manifest[listed].get(name):
            what = "was changed after" if name in self.manifest[listed] else "is not of"
            raise RunError(
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
    RunError
        If there is no such run, or it has no readable manifest; never passed over.
    """
    folder = find_run_folder(name, MANIFEST)
    file = folder / MANIFEST
    if not file.is_file():
        raise RunError(f"{file}: not there, so the run is not finished. Hint: `naome chain` ends with it.")
    manifest = read_record(file, NEEDED)
    if manifest["marking"] not in MARKINGS:
        raise RunError(
            f"{file}: key 'marking' is {manifest['marking']!r}{suggest(manifest['marking'], [*MARKINGS])}; "
            f"allowed: {', '.join(MARKINGS)}."
        )
    if manifest["attack"].get("verdict") not in ("pass", "not attacked"):
        raise RunError(f"{file}: the attack on what the run released has not failed. Hint: run the chain again.")
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
            problems.append(f"{run.folder} and {seen[run.run_id]} are the same run, {run.run_id}. Hint: name one.")
        seen[run.run_id] = run.folder
    if problems:
        raise RunError("\n  ".join(problems))
    return runs
