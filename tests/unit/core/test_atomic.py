"""Files appear whole, private ones for their owner only, and what a killed process left is swept."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import subprocess
import sys

import pandas as pd
import pytest

from naome.core import atomic
from naome.core.atomic import (
    make_private_folder,
    replace_folder,
    scratch_folder,
    sweep,
    write_frame,
    write_json,
    write_text,
)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_private_files_are_their_owners_only_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_frame(pd.DataFrame({"a": [1]}), tmp_path / "private.parquet", private=True)
        write_text("x", tmp_path / "public.txt")
    finally:
        os.umask(before)
    assert (tmp_path / "private.parquet").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "public.txt").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_folders_made_for_a_private_file_are_their_owners_only(tmp_path, umask):
    tmp_path.chmod(0o755)
    before = os.umask(umask)
    try:
        write_text("x", tmp_path / "runs" / "england" / "a.txt", private=True)
        (tmp_path / "open").mkdir(mode=0o755)
        make_private_folder(tmp_path / "open")
    finally:
        os.umask(before)
    for name in ("runs", "runs/england", "open"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700, name
    assert tmp_path.stat().st_mode & 0o777 == 0o755, "what is above and was there stays as it was"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "a.json"
    write_json({"a": 1}, file)
    with pytest.raises(UnicodeEncodeError):
        write_text("\ud800", file)
    assert file.read_text() == '{\n "a": 1\n}\n' and os.listdir(tmp_path) == ["a.json"]


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".inputs.{dead.pid}-0.tmp").mkdir()
    (tmp_path / f".inputs.{dead.pid}-0.tmp" / "people.parquet").touch()
    (tmp_path / f".analysis.parquet.{dead.pid}-3.tmp").touch()
    (tmp_path / f".site.{dead.pid}-1.old").mkdir()
    with scratch_folder(tmp_path, "mine") as mine:
        assert len(sweep(tmp_path)) == 3
        assert [path.name for path in tmp_path.iterdir()] == [mine.name]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_the_place_of_another(tmp_path):
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "old").touch()
    with scratch_folder(tmp_path, "inputs") as new:
        (new / "new").touch()
        replace_folder(new, tmp_path / "inputs")
    assert [path.name for path in tmp_path.rglob("*")] == ["inputs", "new"]


def test_files_that_belong_together_appear_together_or_not_at_all(tmp_path):
    write_text("earlier", tmp_path / "out" / "a")
    write_text("another's", tmp_path / "out" / "b")
    with pytest.raises(KeyboardInterrupt), atomic.write_together(tmp_path / "out") as scratch:
        write_text("half", scratch / "a")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["out"] and (tmp_path / "out" / "a").read_text() == "earlier"
    with atomic.write_together(tmp_path / "out") as scratch:
        write_text("whole", scratch / "a")
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {"a": "whole", "b": "another's"}


def test_a_full_disk_is_said_with_the_path(tmp_path, monkeypatch):
    def refuse(frame, name, **_):
        raise OSError(errno.ENOSPC, "Error writing bytes")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", refuse)
    with pytest.raises(OSError, match="No space left") as caught:
        write_frame(pd.DataFrame({"a": [1]}), tmp_path / "a.parquet")
    assert caught.value.filename == str(tmp_path / "a.parquet") and list(tmp_path.iterdir()) == []


def test_what_a_killed_process_with_the_same_number_left_blocks_nobody_and_is_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_count", itertools.count(7))
    left = tmp_path / f".scratch.{os.getpid()}-7.tmp"
    left.mkdir()

    with atomic.scratch_folder(tmp_path, "scratch") as mine:
        assert mine != left
        assert atomic.sweep(tmp_path, "scratch") == [left.name]
        assert mine.is_dir()


def test_a_file_in_the_place_of_a_private_folder_stays_as_it_is(tmp_path):
    file = tmp_path / "run"
    file.write_text("mine")
    file.chmod(0o644)
    with pytest.raises(NotADirectoryError, match="a folder is needed"):
        make_private_folder(file)
    assert file.read_text() == "mine" and stat.S_IMODE(file.stat().st_mode) == 0o644
