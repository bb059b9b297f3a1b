"""After any kill the workflow goes on, or says who holds the project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_real_audit import copy_project

from naome.workflow.warm import WARM

pytestmark = pytest.mark.chain
EXTRACT = "data/synthetic/wales.written"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return copy_project(tmp_path_factory.mktemp("workflow") / "project")


def workflow(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if name != WARM}
    environment["PYTHONPATH"] = str(project / "src")
    command = [sys.executable, "-m", "naome.workflow.cli", "workflow", *arguments]
    options = {"cwd": project, "env": environment, "umask": 0o022}
    return subprocess.run(command, **options, capture_output=True, text=True, check=False)


def test_the_lock_of_a_killed_run_does_not_stop_the_next(project):
    locks = project / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    for kind in ("input", "output"):
        (locks / f"0.{kind}.lock").write_text(f"{project / EXTRACT}\n", encoding="utf-8")
    done = workflow(project, EXTRACT, "--scale", "0.01")
    assert done.returncode == 0, done.stderr
    assert (project / EXTRACT).is_file()
    assert "going on where it was" in done.stdout
    assert list(locks.glob("*")) == []


def test_a_second_workflow_is_told_who_is_at_work(project):
    hold = (
        "import sys, time; from pathlib import Path; from naome.core.lock import lock_folder\n"
        "with lock_folder(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", hold, str(project / ".snakemake")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            done = workflow(project, EXTRACT)
            assert done.returncode == 2
            assert f"process {holder.pid}" in done.stderr and "works in this folder" in done.stderr
        finally:
            holder.kill()


def test_what_snakemake_refuses_is_said(project):
    done = workflow(project, "no-such-file")
    assert done.returncode != 0 and "no-such-file" in done.stderr
    done = workflow(project, "--audits", "englnd")
    assert done.returncode != 0 and "did you mean 'england'" in done.stderr


def test_what_the_workflow_makes_of_people_is_its_owners_only(project):
    """Snakemake makes the folders of what a step will write, as the umask has it, before the step runs."""
    done = workflow(project, "runs/rotterdam/notebooks/00-cohort.ipynb")
    assert done.returncode == 0, done.stderr
    for folder in (project / ".snakemake", project / "runs" / "rotterdam"):
        assert folder.stat().st_mode & 0o777 == 0o700
    files = [path for path in (project / "runs" / "rotterdam").rglob("*") if path.is_file()]
    assert "analysis.parquet" in {path.name for path in files}
    # the mark is Snakemake's and empty
    assert [path.name for path in files if path.stat().st_mode & 0o077 and path.name != "README"] == [".read"]
