"""One run in one folder at a time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from naome.core.errors import RunError
from naome.core.lock import lock_folder

HOLD = """
import sys, time
from pathlib import Path
from naome.core.lock import lock_folder
with lock_folder(Path(sys.argv[1]), shared={shared}):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def hold(tmp_path):
    held = []

    def start(shared):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD.format(shared=shared), str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        held.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in held:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_second_run_is_told_who_holds_the_folder(tmp_path, hold):
    process = hold(False)
    with (
        pytest.raises(RunError, match=f"process {process.pid} .*works in this folder.*--run"),
        lock_folder(tmp_path),
    ):
        raise AssertionError("the folder is held")


def test_a_killed_process_holds_nothing(tmp_path, hold):
    process = hold(False)
    process.kill()
    process.wait()
    with lock_folder(tmp_path):
        assert f'"process": {os.getpid()}' in (tmp_path / ".lock").read_text()


def test_steps_share_and_reading_does_not(tmp_path, hold):
    hold(True)
    with lock_folder(tmp_path, shared=True):
        pass
    with pytest.raises(RunError, match="works in this folder"), lock_folder(tmp_path):
        raise AssertionError("the folder is held")


def test_nothing_is_left_of_a_folder_in_which_nothing_was_written(tmp_path):
    with lock_folder(tmp_path / "runs" / "wales"):
        pass
    assert list(tmp_path.iterdir()) == []
    with lock_folder(tmp_path / "runs" / "wales"):
        (tmp_path / "runs" / "wales" / "inputs").mkdir()
    assert sorted(path.name for path in (tmp_path / "runs" / "wales").iterdir()) == [".lock", "inputs"]


def test_a_folder_that_somebody_else_made_open_is_closed_to_others(tmp_path):
    """As Snakemake makes the folder of a run, before the step that fills it."""
    folder = tmp_path / "england"
    folder.mkdir()
    folder.chmod(0o755)
    with lock_folder(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
