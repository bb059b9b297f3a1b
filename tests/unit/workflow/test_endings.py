"""A command that is asked to end, or whose terminal is closed, leaves nothing half-written and says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from naome.workflow.warm import WARM

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
NAOME = [sys.executable, "-m", "naome.workflow.cli"]


def start_work(folder, **options):
    """Start a command of naome whose work is to hold a temporary folder."""
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom naome.core.atomic import scratch_folder\n"
        "from naome.workflow import cli\n"
        f"def work(parsed):\n    with scratch_folder(Path({str(folder)!r}), 'site'):\n"
        "        print('begun', flush=True)\n        time.sleep(60)\n"
        "cli._attack = work\nsys.argv = ['naome', 'attack']\nsys.exit(cli.main())"
    )
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = os.environ | {WARM: "no"}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment, **streams, **options)
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize("request_name", ["SIGTERM", "SIGHUP"])
def test_a_request_to_end_removes_what_is_not_finished(tmp_path, request_name):
    process = start_work(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(getattr(signal, request_name))
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + getattr(signal, request_name)
    assert said == "naome: interrupted; nothing is left half-written\n"
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_ignores_a_closed_terminal_goes_on(tmp_path):
    process = start_work(tmp_path, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM


def test_help_whose_reader_has_gone_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*NAOME, "--help"], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.returncode in (0, 141) and done.stderr == ""
