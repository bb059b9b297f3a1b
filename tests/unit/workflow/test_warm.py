"""Processes and kernels that are forked from a warm parent: fast, alone, and gone with whoever asked for them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from naome.core.atomic import is_alive
from naome.workflow import warm
from naome.workflow.kernels import NAME, use_warm_kernels
from naome.workflow.warm import WARM, keep_warm, start_warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forking from a warm parent needs Linux")

LEAVES = """
import builtins, os, random, sys, types
import duckdb, matplotlib.pyplot as plt, numpy as np, pandas as pd
builtins.left, sys.modules["left"] = 1, types.ModuleType("left")
os.environ["LEFT"] = "1"
os.chdir("/")
random.seed(1), np.random.seed(1)
plt.figure()
pd.set_option("display.max_rows", 7)
duckdb.sql("CREATE TABLE left_over AS SELECT 1")
left = 1
"""
FINDS = """
import builtins, os, sys
import duckdb, matplotlib.pyplot as plt, numpy as np, pandas as pd
found = {
    "name": "left" in globals() or hasattr(builtins, "left"),
    "module": "left" in sys.modules,
    "environment": "LEFT" in os.environ,
    "folder": os.getcwd() == "/",
    "figure": bool(plt.get_fignums()),
    "option": pd.get_option("display.max_rows") == 7,
    "table": bool(duckdb.sql("SELECT 1 FROM duckdb_tables() WHERE table_name = 'left_over'").fetchall()),
}
print([name for name, there in found.items() if there])
"""


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """A warm parent for the tests of this file."""
    folder = tmp_path_factory.mktemp("warm") / "parent"
    with keep_warm(folder):
        yield folder


def run(code: str, folder) -> str:
    """Run a notebook of one cell in a kernel of its own; return what it prints."""
    use_warm_kernels()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(
        notebook, kernel_name="python3", timeout=120, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return "".join(output.text for output in notebook.cells[0].outputs if output.output_type == "stream").strip()


def test_nothing_of_one_notebook_is_seen_by_the_next(parent, tmp_path):
    run(LEAVES, tmp_path)
    assert run(FINDS, tmp_path) == "[]"


def test_random_numbers_are_not_those_of_the_kernel_before(parent, tmp_path):
    code = "import random\nimport numpy as np\nprint(random.random(), np.random.random())"
    assert run(code, tmp_path) != run(code, tmp_path)


def test_a_kernel_is_forked_from_the_parent_and_starts_as_usual_without_one(parent, tmp_path, monkeypatch):
    code = "import os, sys\nprint('naome.stats.cox' in sys.modules)"
    assert run(code, tmp_path) == "True"
    monkeypatch.setenv(WARM, "no")
    assert run(code, tmp_path) == "False"


def test_a_computation_gives_the_same_digits_either_way(parent, tmp_path, monkeypatch):
    code = (
        "import numpy as np\nfrom naome.stats.kaplan_meier import kaplan_meier\n"
        "rng = np.random.default_rng(1)\ntime = rng.exponential(size=500)\n"
        "print(kaplan_meier(time, rng.random(500) < 0.6).to_csv(float_format='%.17g'))"
    )
    forked = run(code, tmp_path)
    monkeypatch.setenv(WARM, "no")
    assert run(code, tmp_path) == forked


def test_the_socket_is_its_owners_only(parent):
    assert parent.stat().st_mode & 0o777 == 0o700


def test_a_process_of_another_program_or_project_starts_as_usual(parent, monkeypatch):
    monkeypatch.setenv("NAOME_PROJECT", "/elsewhere")
    assert start_warm("naome.workflow.cli", ["--version"]) is None


def test_who_waits_may_give_up_and_ask_again(parent, tmp_path):
    kernel = start_warm("ipykernel_launcher", ["-f", str(tmp_path / "kernel.json")], streams=(0, 1, 1))
    with pytest.raises(subprocess.TimeoutExpired):
        kernel.wait(timeout=0.1)
    assert kernel.poll() is None
    kernel.kill()
    assert kernel.wait(timeout=20) == -signal.SIGKILL


def test_the_parent_has_one_thread(parent):
    assert start_warm("naome.workflow.cli", ["--version"], streams=(0, 1, 1)).wait() == 0  # it has imported
    [process] = [each for each in Path("/proc").glob("[0-9]*") if _is_parent(each)]
    names = {(task / "comm").read_text().strip() for task in (process / "task").iterdir()}
    assert not any("jemalloc" in name or "arrow" in name.lower() for name in names)
    if os.environ.get("OPENBLAS_NUM_THREADS") == "1":
        assert len(list((process / "task").iterdir())) == 1


@pytest.mark.skipif(signal.getsignal(signal.SIGINT) == signal.SIG_IGN, reason="run in the background by a shell")
def test_an_interrupted_command_says_so(parent, tmp_path):
    naome = [sys.executable, "-m", "naome.workflow.cli"]
    command = [*naome, "simulation-study", "--replicates", "9999", "--out", str(tmp_path)]
    asking = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    said = ""
    time.sleep(3)
    try:
        for _ in range(4):  # Python loses an interruption that comes while it calls a finaliser: again, then
            if asking.poll() is None:
                asking.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    _, said = asking.communicate(timeout=15)
    finally:
        asking.kill()
    assert asking.returncode == 130 and "naome: interrupted" in said


@pytest.mark.parametrize("start", ["forked", "as usual"])
def test_an_interrupted_notebook_leaves_no_kernel_and_no_scratch(parent, make_run, tmp_path, start):
    sleeps = f"import os, time\nopen({str(tmp_path / 'kernel')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    cells = ['audit = "england"\nrun_dir = ""', sleeps]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.cells[0].metadata["tags"] = ["parameters"]
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "07-test.ipynb")
    run = make_run("rotterdam", folder=tmp_path / "run", marking="open")
    runs = (
        "import sys\nfrom pathlib import Path\nfrom naome.workflow.execute import run_notebook\n"
        "from naome.workflow.run import Run\nrun_notebook(Run(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    environment = os.environ | ({WARM: "no"} if start == "as usual" else {})
    command = [sys.executable, "-c", runs, str(run.folder), str(tmp_path / "07-test.ipynb")]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    while not (tmp_path / "kernel").is_file() or not (tmp_path / "kernel").read_text():
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode != 0 and "KeyboardInterrupt" in said
    assert _ends(int((tmp_path / "kernel").read_text()))
    assert not [path.name for path in run.folder.iterdir() if path.name.endswith(".tmp")]


@pytest.mark.parametrize(
    ("arguments", "expected"), [(["--version"], 0), (["run", "00-cohort", "--audit", "atlantis"], 2)]
)
def test_the_exit_code_of_a_step_is_passed_on(parent, arguments, expected):
    process = start_warm("naome.workflow.cli", arguments, streams=(0, 1, 1))
    assert process.wait() == expected
    assert process.wait() == process.poll() == process.returncode


def test_what_was_asked_for_ends_with_whoever_asked(parent, tmp_path):
    asks = (
        "import sys, time\nfrom naome.workflow.warm import start_warm\n"
        "kernel = start_warm('ipykernel_launcher', ['-f', sys.argv[1]])\nprint(kernel.pid, flush=True)\ntime.sleep(600)"
    )
    asking = subprocess.Popen(
        [sys.executable, "-c", asks, str(tmp_path / "kernel.json")], stdout=subprocess.PIPE, text=True
    )
    kernel = int(asking.stdout.readline())
    assert is_alive(kernel)
    asking.kill()
    asking.communicate()
    assert _ends(kernel)


def test_the_parent_and_its_processes_end_with_whoever_keeps_it(tmp_path):
    keeps = (
        "import sys, time\nfrom pathlib import Path\nfrom naome.workflow.warm import keep_warm, start_warm\n"
        "with keep_warm(Path(sys.argv[1])):\n"
        "    process = start_warm('ipykernel_launcher', ['-f', sys.argv[2]])\n"
        "    print(process.pid, flush=True)\n    time.sleep(600)"
    )
    environment = {name: value for name, value in os.environ.items() if name != WARM}
    keeping = subprocess.Popen(
        [sys.executable, "-c", keeps, str(tmp_path / "parent"), str(tmp_path / "kernel.json")],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    process = int(keeping.stdout.readline())
    keeping.send_signal(signal.SIGKILL)
    keeping.communicate()
    assert _ends(process)


def test_elsewhere_than_on_linux_kernels_start_as_usual(tmp_path, monkeypatch):
    monkeypatch.delenv(WARM, raising=False)
    monkeypatch.setattr(warm.sys, "platform", "darwin")
    with keep_warm(tmp_path / "parent"):
        assert WARM not in os.environ and not (tmp_path / "parent").exists()
        assert start_warm("ipykernel_launcher", []) is None


def test_the_provisioner_is_one_of_jupyters(parent):
    from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

    use_warm_kernels()
    factory = KernelProvisionerFactory.instance()
    assert factory.default_provisioner_name == NAME and issubclass(factory.provisioners[NAME].load(), LocalProvisioner)


def _is_parent(process: Path) -> bool:
    """Return whether a process is the warm parent that this one keeps."""
    try:
        return (
            b"naome.workflow.warm" in (process / "cmdline").read_bytes()
            and int((process / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid()
        )
    except OSError:
        return False


def _ends(process: int) -> bool:
    for _ in range(100):
        if not is_alive(process):
            return True
        time.sleep(0.05)
    return False
