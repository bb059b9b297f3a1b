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
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from naome.core.atomic import PRIVATE_FILE, PRIVATE_FOLDER, scratch_folder, write_json
from naome.core.code_version import code_version, digest_notebook
from naome.core.errors import NaomeError, RunError, suggest
from naome.core.paths import project_root
from naome.extract.problems import find_shape
from naome.report.display import find_alt, put_alt
from naome.workflow.fonts import VARIABLE, lacks_font_list
from naome.workflow.pages import load_pages
from naome.workflow.run import CACHE, Run, write_to

if TYPE_CHECKING:
    import nbformat
    from papermill.exceptions import PapermillExecutionError

DATE_OR_NUMBER = re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{4}|\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{5,}")
REFUSALS = {error.__name__ for error in NaomeError.__subclasses__()}


def declared_parameters(notebook: Path) -> dict[str, object]:
    """Return the names and default values in a notebook's ``parameters`` cell.

    Raises
    ------
    RunError
        If the notebook does not say that it is Python, has not exactly one such cell, or the cell holds anything
        but assignments of plain values.
    """
    try:
        content = json.loads(notebook.read_bytes())  # a refusal need not wait until nbformat is imported
        cells = [cell for cell in content["cells"] if "parameters" in cell.get("metadata", {}).get("tags", [])]
        said = content.get("metadata", {})
        language = said.get("kernelspec", {}).get("language") or said.get("language_info", {}).get("name")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _not_readable(notebook, error) from None
    if language != "python":
        found = f"says {language!r}" if language else "has neither kernelspec nor language_info"
        raise RunError(
            f"{notebook}: its metadata {found}; allowed: a notebook of Python. Hint: open it in JupyterLab, choose the "
            "kernel Python 3 and save it."
        )
    if len(cells) != 1 or cells[0]["cell_type"] != "code":
        raise RunError(f"{notebook}: {len(cells)} cells tagged 'parameters'; there must be exactly one code cell.")
    defaults: dict[str, object] = {}
    try:
        statements = ast.parse("".join(cells[0]["source"])).body
    except SyntaxError as error:
        raise RunError(f"{notebook}: the parameters cell is not Python: {error.msg} in line {error.lineno}") from None
    for statement in statements:
        simple = isinstance(statement, ast.Assign) and len(statement.targets) == 1
        if (
            not simple
            or not isinstance(statement.targets[0], ast.Name)
            or not isinstance(statement.value, ast.Constant)
        ):
            raise RunError(
                f"{notebook}: the parameters cell may only assign plain values, one name a line; "
                f"found {ast.unparse(statement)!r}"
            )
        defaults[statement.targets[0].id] = statement.value.value
    return defaults


def check_parameters(notebook: Path, given: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters to inject, after checking them against what the notebook declares.

    Raises
    ------
    RunError
        For an unknown key, a key whose default is empty and that is not given
        (``audit``), or a value of another type than the default.
    """
    declared = declared_parameters(notebook)
    for key, value in given.items():
        if key not in declared:
            raise RunError(
                f"{notebook}: unknown parameter {key!r}{suggest(key, list(declared))}; declared: {', '.join(declared)}"
            )
        if type(value) is not type(declared[key]):
            raise RunError(
                f"{notebook}: parameter {key!r} is {value!r} ({type(value).__name__}); "
                f"allowed: {type(declared[key]).__name__}"
            )
    missing = [key for key in ("audit",) if key in declared and key not in given]
    if missing or "audit" not in declared:
        raise RunError(f"{notebook}: parameter 'audit' must be declared and given; declared: {', '.join(declared)}")
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
    RunError
        With notebook, cell and the last lines of the traceback; also when a notebook ends before its last cell.
    """
    given = check_parameters(notebook, {"audit": run.params.audit, "run_dir": str(run.folder), **(parameters or {})})
    import papermill  # takes long to import; what is refused is refused before
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from naome.workflow.kernels import use_warm_kernels

    use_warm_kernels()
    target = run.folder / "notebooks" / notebook.name
    failed = run.folder / "failed" / f"{notebook.stem}.failed.ipynb"
    logging.getLogger("papermill").setLevel(logging.ERROR)
    started, began = time.monotonic(), dt.datetime.now(dt.UTC)
    with scratch_folder(run.folder, notebook.stem) as scratch, _surroundings(run, scratch), write_to(run):
        copy = scratch / notebook.name
        try:
            papermill.execute_notebook(
                str(notebook),
                str(copy),
                parameters=given,
                cwd=str(project_root()),
                kernel_name="python3",
                progress_bar=False,
                log_output=False,
            )
            _check_finished(notebook, copy)
        except PapermillExecutionError as error:
            _keep(copy, failed)
            raise RunError(_explain_failure(notebook, failed, error)) from None
        except DeadKernelError:
            _keep(copy, failed)
            raise RunError(
                f"{notebook.name}: the kernel died: its process was killed, or memory ran out.\n"
                f"  The unfinished notebook is kept: {failed}"
            ) from None
        if any(page.notebook == notebook.stem and "analysis" in page.saves for page in load_pages().notebooks):
            run.decide_release()  # before any page shows a result
        source, took = digest_notebook(_read(notebook)), _time_cells(copy, began)
        _finish_copy(copy, run, source)
        _keep(copy, target)
    failed.unlink(missing_ok=True)
    _record_step(run, notebook, source, took | {"total": round(time.monotonic() - started, 2)})
    return target


@contextmanager
def _surroundings(run: Run, scratch: Path) -> Iterator[None]:
    """Let Jupyter, IPython and Matplotlib keep what they write inside the run's folder, and nowhere else."""
    cache = run.folder / CACHE
    cache.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    mine = {"JUPYTER_RUNTIME_DIR": str(scratch / "runtime"), "IPYTHONDIR": str(cache / "ipython")}
    if lacks_font_list():
        mine[VARIABLE] = str(cache / "matplotlib")
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _keep(copy: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    copy.chmod(PRIVATE_FILE)
    os.replace(copy, target)


def _check_finished(notebook: Path, copy: Path) -> None:
    """Check that every cell with code ran: an exit in the middle ends a notebook without an error."""
    for number, cell in enumerate(_read(copy).cells, start=1):
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            raise RunError(
                f"{notebook.name}: cell {number} ended the notebook, and what comes after it did not run. "
                "Hint: does it call exit()?"
            )
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            raise RunError(f"{notebook.name}: cell {number} did not run.")


def _read(notebook: Path) -> nbformat.NotebookNode:
    import nbformat

    try:
        return nbformat.read(notebook, as_version=4)
    except Exception as error:
        raise _not_readable(notebook, error) from None


def _not_readable(notebook: Path, error: Exception) -> RunError:
    return RunError(f"{notebook}: not readable as a notebook: {type(error).__name__}: {error}")


def _finish_copy(path: Path, run: Run, source: str) -> None:
    """Make the executed copy a page: its title names the audit, its end says which run made it.

    The text alternative of a figure is what the figure says of itself. What tells of the machine goes: folders, and
    when each cell ran.
    """
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    front = notebook.cells[0]
    if front.cell_type == "raw" and front.source.startswith("---"):
        fields = yaml.safe_load(front.source.strip().removeprefix("---").removesuffix("---"))
        fields["title"] = f"{fields['title']}: {run.params.title}"
        front.source = f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1000)}---"
    notebook.cells.append(nbformat.v4.new_markdown_cell(_provenance(run, source), id="provenance"))
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        cell.source = put_alt(cell.source, find_alt(cell.get("outputs", [])))
        tags = cell.metadata.get("tags", [])
        if not tags:
            cell.metadata.pop("tags", None)
        if "injected-parameters" in tags:
            cell.id = "injected-parameters"  # papermill draws one by lot
            cell.metadata["tags"] = list(dict.fromkeys([*tags, "remove-cell"]))
            cell.source = re.sub(r"(?m)^run_dir = .*\n?", "", cell.source)
    nbformat.write(notebook, path)


def _provenance(run: Run, source: str) -> str:
    record, version = run.read_record, importlib.metadata.version("naome")
    return (
        "::: {.provenance}\n"
        f"Run `{run.current_id}` of audit *{run.params.audit}*; parameters sha256 `{record['params_sha256'][:12]}`; "
        f"{code_version().describe()}; notebook sha256 `{source[:12]}`; naome {version}. "
        "The run's manifest holds inputs and package versions.\n"
        ":::"
    )


def _explain_failure(notebook: Path, failed: Path, error: PapermillExecutionError) -> str:
    kept = f"  The failed notebook is kept for debugging: {failed}"
    if error.ename in REFUSALS:  # says itself what was wrong, and in which file
        return f"{error.evalue}\n  Found while {notebook.name} ran.\n{kept}"
    trace = mask_values(re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)))
    last = "\n".join([f"    {line}" for line in trace.splitlines() if line.strip()][-8:])
    said = mask_values(error.evalue)
    return f"{notebook.name}: cell {error.exec_count} failed with {error.ename}: {said}\n{last}\n{kept}"


def mask_values(text: str) -> str:
    """Show only the shapes of what may be a person's in the message of an error that some library raised.

    What is in quotation marks stays where it looks like a name in a program; long numbers and dates never stay. The
    failed notebook, which is its owner's only, holds the message itself.

    Examples
    --------
    >>> mask_values("could not convert string 'Mrs Jane 1' to INT32; row 12 of 'age_band'")
    "could not convert string 'Aaa Aaaa 9' to INT32; row 12 of 'age_band'"
    >>> mask_values("1931-03-07 is before 2019, person 1000000003")
    '9999-99-99 is before 2019, person 9999999999'
    """
    quoted = re.sub(r"""(?<!\w)(['"])((?!\1)[^\n]*?)\1""", _mask_quoted, text)
    return DATE_OR_NUMBER.sub(lambda match: find_shape(match[0]), quoted)


def _mask_quoted(match: re.Match[str]) -> str:
    sign, inner = match[1], match[2]
    return match[0] if re.fullmatch(r"[a-z_][a-z0-9_]*", inner) else f"{sign}{find_shape(inner)}{sign}"


def _time_cells(copy: Path, began: dt.datetime) -> dict[str, float]:
    """Return how long an executed copy's cells took (``own``) and when the first began (``start``), in seconds."""
    times = [
        cell.metadata["papermill"] for cell in _read(copy).cells if cell.metadata.get("papermill", {}).get("duration")
    ]
    first = min(dt.datetime.fromisoformat(each["start_time"]) for each in times)
    return {
        "own": round(sum(each["duration"] for each in times), 2),
        "start": round((first.replace(tzinfo=dt.UTC) - began).total_seconds(), 2),
    }


def _record_step(run: Run, notebook: Path, source: str, seconds: Mapping[str, float]) -> None:
    record = {
        "notebook": notebook.stem,
        "notebook_sha256": source,
        "run_id": run.current_id,
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
    }
    write_json(record, run.folder / "steps" / f"{notebook.stem}.json", private=True)
