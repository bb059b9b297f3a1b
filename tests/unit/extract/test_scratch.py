"""What a killed check of an extract leaves behind is removed by the next one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from naome.core.atomic import PRIVATE_FOLDER
from naome.extract import READERS, read_extract
from naome.extract.read import SCRATCH

WAITS = """
import time
from pathlib import Path
from naome.extract.read import _open_scratch
with _open_scratch(None) as folder:
    (folder / "spill").mkdir()
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_killed_check_leaves_nothing_after_the_next_one(copy, run_naome, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    others = temporary / ".other.1-0.tmp"  # of another program: left alone
    others.write_text("")
    running = subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True)
    folder = running.stdout.readline().strip()
    assert SCRATCH in folder and os.stat(folder).st_mode & 0o777 == PRIVATE_FOLDER
    extract = copy("wales").path
    assert run_naome("check-extract", extract, "--params", "wales") == 0
    assert os.path.isdir(folder), "its process is still alive"
    running.kill()
    running.communicate()
    assert run_naome("check-extract", extract, "--params", "wales") == 0
    assert [path.name for path in temporary.iterdir()] == [others.name]


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_canonical_tables_are_their_owners_only_whoever_has_them_written(copy, tmp_path, umask):
    before = os.umask(umask)
    try:
        read_extract(READERS["wcn"], copy("clean-wales").path, tmp_path / "canonical", progress=lambda line: None)
    finally:
        os.umask(before)
    found = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "canonical").iterdir()}
    assert "people.parquet" in found and set(found.values()) == {0o600}
    assert (tmp_path / "canonical").stat().st_mode & 0o777 == PRIVATE_FOLDER
