"""The notebooks of some runs: each a command of its own, several at the same time, each after what it reads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from tqdm import tqdm

from naome.core.atomic import scratch_folder, sweep
from naome.core.code_version import digest_notebook
from naome.core.errors import RunError
from naome.core.lock import HELD
from naome.core.run_files import read_record
from naome.workflow.execute import check_parameters
from naome.workflow.pages import list_chained, list_notebooks, load_pages, notebooks_of, reads_from
from naome.workflow.run import Run
from naome.workflow.warm import WarmProcess, die_with_parent, keep_warm, start_warm

#: Seconds between two looks at whether a notebook has ended
LOOK = 0.05
INTERRUPT = signal.SIGINT if os.name == "posix" else signal.SIGTERM


@dataclass(frozen=True)
class NotebookStep:
    """One notebook of one run.

    Attributes
    ----------
    run : Path
        Folder of the run.
    notebook : Path
    """

    run: Path
    notebook: Path


@dataclass(frozen=True)
class _Started:
    process: WarmProcess | subprocess.Popen[bytes]
    said: Path
    began: float


def order_steps(runs: Sequence[Run]) -> dict[NotebookStep, set[NotebookStep]]:
    """Return every notebook that some runs' audits have, in the order in which to begin, with those that it waits for.

    All wait for the first notebook of their run, and pages that read the runs beside theirs for that of all runs. What
    others wait for is begun first, so that it does not begin last.
    """
    first, chained, pages = list_notebooks()[0], list_chained(), load_pages()
    steps = [NotebookStep(run.folder, notebook) for run in runs for notebook in notebooks_of(run.params)]
    cohorts = {step for step in steps if step.notebook == first}
    waits = {}
    for step in sorted(steps, key=lambda step: (step not in cohorts, step.notebook.stem not in chained)):
        read = {NotebookStep(step.run, notebook) for notebook in reads_from(step.notebook)}
        shared = pages.find(step.notebook.stem).companions
        own = {cohort for cohort in cohorts if shared or cohort.run == step.run}
        waits[step] = (read | own) - {step} if step not in cohorts else set()
    return waits


def list_executed(runs: Sequence[Run]) -> set[NotebookStep]:
    """List the notebooks that were executed already as they would be now: from the same inputs, by the same code.

    What reads a notebook that is to be executed is executed too, and so are pages that read the runs beside theirs.
    """
    found, waits = set[NotebookStep](), order_steps(runs)
    own, pages = {run.folder: run for run in runs}, load_pages()
    for step in TopologicalSorter(waits).static_order():
        alone = not pages.find(step.notebook.stem).companions
        if alone and waits[step] <= found and _is_executed(own[step.run], step.notebook):
            found.add(step)
    return found


def _is_executed(run: Run, notebook: Path) -> bool:
    """Return whether the page of a notebook is there, made by its present text in the run as it is now."""
    import nbformat

    if not (run.folder / "notebooks" / notebook.name).is_file():
        return False
    try:
        record = read_record(run.folder / "steps" / f"{notebook.stem}.json", {"notebook_sha256": str, "run_id": str})
    except RunError:
        return False
    source = digest_notebook(nbformat.read(notebook, as_version=4))
    return (record["run_id"], record["notebook_sha256"]) == (run.current_id, source)


def run_chain(
    runs: Sequence[Run],
    *,
    cores: int = 2,
    executed: Collection[NotebookStep] = (),
    progress: Callable[[str], None] = print,
) -> list[Path]:
    """Check all notebooks that some runs' audits have, then execute them: each as ``naome run`` does.

    Whoever calls this holds the folders of the runs (:func:`naome.core.lock.lock_folder`), for the notebooks too.

    Parameters
    ----------
    runs : sequence of Run
    cores : int
        How many notebooks run at the same time.
    executed : collection of NotebookStep
        Those that stay as they are (:func:`list_executed`).
    progress : callable
        Receives a line for each notebook that is done.

    Returns
    -------
    list of Path
        The executed notebooks, in the order in which they ended.

    Raises
    ------
    RunError
        What the first notebook that failed has to say; those that run beside it are interrupted.
    """
    for run in runs:
        for notebook in notebooks_of(run.params):
            check_parameters(notebook, {"audit": run.params.audit, "run_dir": ""})
    waits = {step: before.difference(executed) for step, before in order_steps(runs).items() if step not in executed}
    done: list[NotebookStep] = []
    with (
        scratch_folder(runs[0].folder, "warm") as scratch,
        keep_warm(scratch / "parent"),
        tqdm(total=len(waits), unit="notebook", leave=False, disable=None) as bar,  # in a terminal only
        _interrupted_at_the_end() as running,
    ):
        while len(done) < len(waits):
            ready = (step for step in waits if step not in running and step not in done and waits[step] <= {*done})
            for step in [*ready][: cores - len(running)]:
                running[step] = _start(step, scratch / f"{len(done)}-{len(running)}.txt")
            bar.set_description(", ".join(f"{step.run.name}: {step.notebook.stem}" for step in running))
            step, seconds = _wait_for_one(running)
            done.append(step)
            with tqdm.external_write_mode():
                progress(f"{len(done)}/{len(waits)} {step.run.name}: {step.notebook.stem} ({seconds:.1f} s)")
            bar.update()
    return [step.run / "notebooks" / step.notebook.name for step in done]


@contextmanager
def _interrupted_at_the_end() -> Iterator[dict[NotebookStep, _Started]]:
    """Keep what runs; what still does at the end, after an error or an interruption, is interrupted and waited for."""
    running: dict[NotebookStep, _Started] = {}
    try:
        yield running
    finally:
        for started in running.values():
            started.process.send_signal(INTERRUPT)
        for step, started in running.items():
            started.process.wait()
            sweep(step.run)  # an interruption may have come while it removed what it had not finished


def _start(step: NotebookStep, said: Path) -> _Started:
    """Start a notebook as a process, forked where that is to be had; what it has to say goes to a file."""
    arguments = ["run", step.notebook.stem, "--run", str(step.run)]
    with open(os.devnull, "r+b") as nothing, said.open("wb") as errors:
        environment = os.environ | {HELD: str(step.run.absolute())}
        process = start_warm(
            "naome.workflow.cli",
            arguments,
            env=environment,
            streams=(nothing.fileno(), nothing.fileno(), errors.fileno()),
        ) or subprocess.Popen(
            [sys.executable, "-m", "naome.workflow.cli", *arguments],
            env=environment,
            stdin=nothing,
            stdout=nothing,
            stderr=errors,
            start_new_session=True,
            preexec_fn=die_with_parent if os.name == "posix" else None,
        )
    return _Started(process, said, time.monotonic())


def _wait_for_one(running: dict[NotebookStep, _Started]) -> tuple[NotebookStep, float]:
    """Wait until a notebook has ended; take it out of what runs, and return it with its seconds from start to end."""
    while True:
        for step, started in running.items():
            if (code := started.process.poll()) is not None:
                del running[step]
                said = started.said.read_text(encoding="utf-8", errors="replace").strip()
                if code:
                    raise RunError(said.removeprefix("naome: ") or f"{step.notebook.name}: ended with code {code}.")
                if said:
                    print(said, file=sys.stderr, flush=True)
                return step, time.monotonic() - started.began
        time.sleep(LOOK)
