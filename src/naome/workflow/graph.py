"""The workflow behind ``make site``: Snakemake, started so that a run that was killed can always go on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from naome.core.lock import lock_folder, write_holder
from naome.core.paths import project_root
from naome.workflow.endings import heed_requests
from naome.workflow.warm import die_with_parent, keep_warm

#: How lines of Snakemake begin that tell a user nothing; its errors and its count of steps are passed on
NOISE = (
    "Assuming unrestricted shared",
    "Building DAG",
    "Using shell",
    "Select jobs",
    "Execute ",
    "Touching output",
    "Nothing to be done",
    "Complete log",
    "Elapsed time",
)


def run_workflow(targets: Sequence[str] = (), *, cores: int = 2, scale: str = "1", audits: str = "") -> int:
    """Run the workflow; what is there and still right is not made again.

    A killed Snakemake leaves a lock of its own that never goes away. Whoever holds the project's lock, which the
    operating system drops with its process, knows that nobody else runs the workflow and takes the old one away.

    Parameters
    ----------
    targets : sequence of str
        Files to make; the site by default.
    cores : int
    scale : str
        Size of the synthetic extracts; 1 is national size.
    audits : str
        Names separated by commas instead of the site's audits.

    Returns
    -------
    int
        Snakemake's exit code.

    Raises
    ------
    RunError
        If another process runs the workflow in this project.
    """
    root = project_root()
    config = [f"scale={scale}", *([f"audits={audits}"] if audits else [])]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile"), "--directory", str(root)]
    with lock_folder(root / ".snakemake") as lock:
        locks = root / ".snakemake" / "locks"
        if locks.is_dir() and any(locks.iterdir()):
            print("an earlier run was stopped half-way: going on where it was", flush=True)
            subprocess.run([*command, "--unlock", "--quiet", "all"], check=True, cwd=root)
        make = ["--cores", str(cores), "--rerun-incomplete", "--quiet", "rules", "host", "reason"]
        make += ["--config", *config, "--", *targets]
        with (
            keep_warm(root / ".snakemake" / "warm"),  # the steps call naome, which hands them to the warm parent
            subprocess.Popen(
                [*command, *make],
                cwd=root,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=[lock],
                # Elsewhere than on Linux it goes on and holds the project's lock, so that nobody starts beside it
                preexec_fn=die_with_parent,
            ) as process,
        ):
            write_holder(lock, process.pid)
            heed_requests(lambda *_: process.terminate())
            for line in process.stderr or ():
                if line.strip() and not line.startswith(NOISE):
                    print(line, end="", file=sys.stderr, flush=True)
            return process.wait()
