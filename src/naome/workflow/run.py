"""One run of one audit: a folder that owns its inputs, and what the steps have written from them.

``inputs/`` appears whole when an extract has been read and is never changed: the parameter file as given, the
definitions in force, the canonical tables (person-level), the data-quality log, and ``read.json``, which says where all
of it came from. Every step reads these copies and nothing else. Steps write ``analysis.parquet`` (one row per person,
no identifiers), ``results/`` (one file per frame), ``release/`` (what passed disclosure control), ``notebooks/``
(executed copies) and ``manifest.json``.

Only the runner writes to a run. A notebook opened by hand writes to ``.lab/`` beside the runs and reads the run.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from naome.core.atomic import write_frame
from naome.core.code_version import NO_COMMIT, CodeVersion, code_version
from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import RunError, say_some, suggest
from naome.core.params import Params, read_params
from naome.core.paths import runs_root
from naome.core.results import name_units
from naome.core.run_files import read_frame, read_record, say_again
from naome.core.run_folder import INPUTS, MANIFEST, PARAMS_COPY, READ_RECORD, find_run_folder
from naome.core.seal import file_digest
from naome.core.yaml_files import locate_key
from naome.extract.absent import Absent
from naome.extract.life_table import read_life_table
from naome.measures.specification import Specification, note_inferred_codes, read_specification
from naome.measures.study import Study, make_study
from naome.report.labels import name_units_of
from naome.workflow.pages import check_frame, list_frames, notebooks_of, saved_by

if TYPE_CHECKING:
    from naome.cohort.tables import CanonicalTables
    from naome.release import Declared, Released
    from naome.release.suppress import ReleasePlan
    from naome.workflow.explore import WhatIf

LIFE_TABLE = "life_table.csv"
#: The environment variable by which the runner tells a kernel which run it works for
WRITES = "NAOME_WRITES_RUN"
LAB = ".lab"
#: Folder of a run for what Jupyter, IPython and Matplotlib keep
CACHE = ".cache"
#: What the record of reading holds, as far as all steps need it
RECORD_KEYS = {
    "audit": str, "marking": str, "params_from": str, "params_sha256": str, "definitions_sha256": str,
    "data_dir": str, "inputs": dict, "canonical_sha256": dict,
}  # fmt: skip
#: What holds where a finished run is opened under other code or definitions
AS_IT_WAS = (
    "Its id and definitions are those of the manifest; what is computed now is computed by the code that runs now."
)
#: What the workflow leaves when an extract has been read
MARK = ".read"


@dataclass(frozen=True)
class Run:
    """An audit run on disk; make one with :func:`open_run`.

    Attributes
    ----------
    folder : Path
        ``runs/<audit>`` unless told otherwise.
    """

    folder: Path

    def __repr__(self) -> str:
        since = f"; {'; '.join(self.changes)}" if self.changes else ""
        return f"Run({self.run_id}, {self.marking} data, {self.folder}{since})"

    @property
    def inputs(self) -> Path:
        """Folder of what the run was made from."""
        return self.folder / INPUTS

    @cached_property
    def canonical(self) -> Path:
        """Folder of the canonical tables, once they have been found as they were read."""
        folder = self.inputs / "canonical"
        for name, digest in self.read_record["canonical_sha256"].items():
            if not (folder / name).is_file() or file_digest(folder / name) != digest:
                raise RunError(
                    f"{folder / name}: not there, damaged or changed: its digest is not the one in {READ_RECORD}. "
                    f"{say_again(folder / name)}"
                )
        return folder

    @cached_property
    def tables(self) -> CanonicalTables:
        """The canonical tables, as lazy expressions on DuckDB."""
        from naome.cohort.tables import open_tables

        return open_tables(self.canonical, self.params, definitions=self.definitions)

    @cached_property
    def read_record(self) -> dict[str, Any]:
        """What reading the extract recorded: where from, digests, rows, marking."""
        file = self.folder / READ_RECORD
        if not file.is_file():
            raise RunError(
                f"{file}: the extract has not been read yet. "
                f"Hint: run `naome read --audit {self.folder.name}`, with --data and --run as for the other steps."
            )
        return read_record(file, RECORD_KEYS)

    @cached_property
    def params(self) -> Params:
        """The parameters, from the run's copy of the file."""
        return read_params(self._check_copy(PARAMS_COPY, "params_sha256"))

    @cached_property
    def definitions(self) -> Definitions:
        """The definitions, from the run's copies."""
        definitions = Definitions(self.inputs / "definitions")
        if definitions.digest != self.read_record["definitions_sha256"]:
            raise RunError(self._explain_change(definitions.folder))
        return definitions

    @property
    def specification(self) -> Specification:
        """The indicator definitions."""
        return read_specification(self.definitions)

    @property
    def run_id(self) -> str:
        """Identifier of the run: of a finished one as its manifest has it, else :attr:`current_id`."""
        finished = self.manifest
        return finished["run_id"] if finished else self.current_id

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest of a finished run; empty where the run is not finished, or is being written to."""
        file = self.folder / MANIFEST
        if WRITES in os.environ or not file.is_file():
            return {}
        found = read_record(file, {"run_id": str})
        same = ("params_sha256", "definitions_sha256")
        own = all(found.get(key) == self.read_record[key] for key in same)
        return found if own and found.get("inputs_sha256") == self.read_record["inputs"] else {}

    @property
    def changes(self) -> list[str]:
        """What is other than when the run was finished, a phrase for each; empty where it is the same.

        What is computed now, by hand, is computed with the code that runs now, and has the id :attr:`current_id`.
        """
        if not (finished := self.manifest):
            return []
        found = []
        code, made_by = code_version(), finished.get("code_sha256", "")
        if made_by != code.sha256:
            commit = finished.get("commit", "").removeprefix(NO_COMMIT)
            before = CodeVersion(made_by, commit, finished.get("dirty"))
            found.append(f"finished with {before.describe()}, now runs {code.describe()}")
        if others := self.definitions.compare(project_definitions()):
            found.append(f"definitions of the project changed since: {say_some(others)}")
        return found

    def describe_changes(self) -> str:
        """Say what :attr:`changes` lists and what it means; empty where nothing changed."""
        if not self.changes:
            return ""
        return f"run {self.run_id} in {self.folder}: {'; '.join(self.changes)}. {AS_IT_WAS}"

    @cached_property
    def current_id(self) -> str:
        """Identifier of what this process computes: effective parameters, definitions, inputs and code.

        The same four, the same id.
        """
        record = self.read_record
        inputs = [record["marking"], record["inputs"], record["canonical_sha256"], record.get("life_table_sha256", "")]
        parts = [self.params.effective, self.definitions.digest, inputs, code_version().sha256]
        text = json.dumps(parts, sort_keys=True)
        return f"{self.params.audit}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    @cached_property
    def study(self) -> Study:
        """What the measures of this run need to know besides its people."""
        absent = Absent(self.read_record["absent"])
        return make_study(self.params, run_id=self.current_id, definitions=self.definitions, absent=absent)

    @cached_property
    def life_table(self) -> pd.DataFrame | None:
        """Mortality of the general population (``sex, age, year, qx``), from the run's copy; None without one."""
        if not self.read_record.get("life_table_sha256"):
            return None
        return read_life_table(self._check_copy(LIFE_TABLE, "life_table_sha256"))

    @cached_property
    def _unit_names(self) -> dict[str, dict[str, str]]:
        return name_units_of(self.inputs / "canonical")

    @property
    def marking(self) -> str:
        """What the data are, as reading found: synthetic (by the generator's seal), open (by the reader) or real."""
        return self.read_record["marking"]

    @property
    def about(self) -> str:
        """What the reader says of open data; empty for other data."""
        return self.read_record["about"]

    @cached_property
    def analysis(self) -> pd.DataFrame:
        """The analysis table: one row per person per cohort; :attr:`dictionary` says what the columns are."""
        return self.load("analysis")

    @property
    def official(self) -> bool:
        """Whether this process works for the runner, and so may write to the run."""
        return os.environ.get(WRITES) == str(self.folder)

    @property
    def lab(self) -> Path:
        """Folder to which a notebook opened by hand writes."""
        return self.folder.parent / LAB / self.current_id

    def save(self, name: str, frame: pd.DataFrame | Declared, released: Released | None = None) -> None:
        """Write a frame of the run (``results/<name>.parquet``; the analysis table in the run's folder).

        A frame in the result schema says which of its results rest on inferred
        codes, has the names of its units, and is released at once: its protected copy goes to
        ``release/<name>.parquet``. So does a frame that is declared to hold no counts of people, as it is. Outside the
        runner all goes to :attr:`lab`.

        Parameters
        ----------
        name : str
        frame : DataFrame or Declared
        released : Released, optional
            The protected copy where it depends on other runs too; made here by default.

        Raises
        ------
        RunError
            If no page declares that it saves such a frame.
        """
        check_frame(name)
        root = self.folder if self.official else self.lab
        if not isinstance(frame, pd.DataFrame):
            for place in (root / _place(name), root / "release" / f"{name}.parquet"):
                write_frame(frame.frame, place, private=True)
            return
        if "result_id" not in frame.columns:
            write_frame(frame, root / _place(name), private=True)
            return
        noted = name_units(note_inferred_codes(frame, self.specification), self._unit_names)
        write_frame(noted, root / _place(name), private=True)
        shown = name_units((released or self.release(noted)).frame, self._unit_names)
        write_frame(shown, root / "release" / f"{name}.parquet", private=True)

    def load(self, name: str) -> pd.DataFrame:
        """Read a frame of the run; by hand, what was written by hand under the same inputs and code comes first.

        Raises
        ------
        RunError
            If there is no such frame, or no step has written it yet.
        """
        file = self._find(name)
        if file is not None:
            return read_frame(file)
        if name not in (known := list_frames()):
            raise RunError(f"a run has no frame {name!r}{suggest(name, known)}; frames: {', '.join(known)}.")
        raise RunError(
            f"{self.folder / _place(name)}: not written yet. Hint: run the notebooks of audit {self.params.audit} in "
            "order."
        )

    def has(self, name: str) -> bool:
        """Return whether a step of the run, or by hand somebody, has written a frame."""
        return self._find(name) is not None

    def release(self, results: pd.DataFrame | str) -> Released:
        """Return results as they may be shown: the only thing a notebook displays.

        Parameters
        ----------
        results : DataFrame or str
            Rows in the schema of results (:mod:`naome.core.results`), or the name of a frame of the run that holds
            such rows.

        Raises
        ------
        RunError
            If there is no such frame, or it does not hold results.
        """
        from naome.release import release  # with scipy's distributions, which reading an extract does not need

        what = f"the frame {results!r}" if isinstance(results, str) else f"a {type(results).__name__}"
        results = self.load(results) if isinstance(results, str) else results
        if not isinstance(results, pd.DataFrame) or "result_id" not in results.columns:
            raise RunError(
                f"release: {what} does not hold results, which have the columns of naome.core.results.COLUMNS. Hint: "
                'the name of a frame of results, as in run.release("indicators"), or such rows of it.'
            )
        return release(note_inferred_codes(results, self.specification), self.params, self.plan)

    @cached_property
    def plan(self) -> ReleasePlan | None:
        """What the run releases of its indicators, completeness and deaths, decided together."""
        return self.decide_release() if self.has("analysis") else None

    def decide_release(self) -> ReleasePlan:
        """Decide what the run releases, or read what was decided of the same people."""
        from naome.workflow.release_plan import make_plan, read_plan, write_release_plan

        file = self._find("analysis")
        root, people = self.folder if self.official else self.lab, file_digest(file) if file else ""
        for folder in (root, self.folder):
            # The runner makes a plan again that is damaged; who looks at a finished run is told of it
            with suppress(RunError) if self.official else nullcontext():
                if (kept := read_plan(folder, people, self.study, self.analysis)) is not None:
                    return kept
        frames = {frame for notebook in notebooks_of(self.params) for frame in saved_by(notebook)}
        primary = self.load("primary") if self.has("primary") else None
        real = self.marking == "real"
        plan = make_plan(self.analysis, primary, self.study, frames, real=real, locate=self.locate)
        write_release_plan(plan, root, people)
        return plan

    def what_if(self, **choices: object) -> WhatIf:
        """Derive the cohorts with some choices made differently, beside the run's own; nothing is written.

        Examples
        --------
        >>> open_run("wales").what_if(gap_months=6).sizes  # doctest: +SKIP
        """
        from naome.workflow.explore import ask_what_if

        return ask_what_if(self, **choices)

    def people(self, cohort: str) -> pd.DataFrame:
        """Return a cohort with plain types and ordered categories, on which formulas of models work."""
        from naome.workflow.explore import take_people

        return take_people(self, cohort)

    @property
    def dictionary(self) -> pd.DataFrame:
        """What each column of the analysis table is."""
        from naome.workflow.explore import make_dictionary

        return make_dictionary(self.definitions)

    def locate(self, *keys: str) -> str:
        """Say where a key of the parameters stands: the file that was given, line and key, as an error begins."""
        given = Path(self.read_record["params_from"])
        return locate_key(self._check_copy(PARAMS_COPY, "params_sha256"), *keys, named=given)

    def _find(self, name: str) -> Path | None:
        # A runner never reads what was written by hand, of another run beside its own neither
        roots = [self.folder] if WRITES in os.environ else [self.lab, self.folder]
        return next((root / _place(name) for root in roots if (root / _place(name)).is_file()), None)

    def _check_copy(self, name: str, key: str) -> Path:
        file = self.inputs / name
        if not file.is_file() or file_digest(file) != self.read_record[key]:
            raise RunError(self._explain_change(file))
        return file

    def _explain_change(self, path: Path) -> str:
        return (
            f"{path}: was changed after the run began, damaged or taken away; a run's inputs are never changed. Change "
            f"the file that was given ({self.read_record['params_from']}) or the project's definitions instead. "
            f"{say_again(path)}"
        )


def open_run(audit: str = "", run_dir: str = "") -> Run:
    """Open a run whose extract has been read.

    A finished run that is opened under other code, or beside other definitions, keeps the id of its manifest; a
    warning says what has changed since.

    Parameters
    ----------
    audit : str
        Name of the run's folder under the folder of all runs: the audit's name, if nothing else was chosen.
    run_dir : str
        The run's folder, which wins; relative to the current directory.

    Raises
    ------
    RunError
        If there is no such run, nothing has been read into its folder, or its copies were changed.

    Examples
    --------
    >>> open_run("wales").params.nation  # doctest: +SKIP
    'wales'
    """
    run = find_run(audit, run_dir)
    if run.changes:
        warnings.warn(run.describe_changes(), stacklevel=2)
    return run


def find_run(audit: str = "", run_dir: str = "") -> Run:
    """Return a run as :func:`open_run` does, without a warning where it was finished with other code."""
    if not (audit or run_dir):
        raise RunError(
            "no run is named. Hint: give the name of an audit (--audit), or the name or folder of a run (--run)."
        )
    run = Run(find_run_folder(Path(run_dir).absolute() if run_dir else runs_root() / audit))
    _ = run.read_record
    if audit and run_dir and run.params.audit != audit:
        raise RunError(f"{run.folder}: holds a run of audit {run.params.audit!r}, not of {audit!r}.")
    return run


@contextmanager
def write_to(run: Run) -> Iterator[None]:
    """Let this process and the kernels it starts write to a run: the runner, and nobody else, says so."""
    before = os.environ.get(WRITES)
    os.environ[WRITES] = str(run.folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[WRITES]
        else:
            os.environ[WRITES] = before


def _place(name: str) -> str:
    if name == "data_quality":
        return f"{INPUTS}/data_quality.parquet"
    return "analysis.parquet" if name == "analysis" else f"results/{name}.parquet"
