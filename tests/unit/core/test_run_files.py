"""A damaged file of a run is named, with the command that makes it again."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from naome.core.atomic import write_frame, write_json
from naome.core.errors import RunError
from naome.core.run_files import read_frame, read_record

FRAME = pd.DataFrame({"name": [f"Smithson {k}" for k in range(5000)], "age": range(5000)})


@pytest.fixture
def folder(tmp_path):
    record = {"params_from": "/my params/mersey.yaml", "data_dir": "/data"}
    write_json(record, tmp_path / "mersey" / "inputs" / "read.json")
    return tmp_path / "mersey"


def cut(data):
    return data[: len(data) // 2]


def turn_bit(data):
    return bytes([*data[:2000], data[2000] ^ 1, *data[2001:]])


@pytest.mark.parametrize("damage", [cut, turn_bit, lambda data: b"", lambda data: data[4:], lambda data: b"PAR1" * 9])
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("analysis.parquet", "chain"),
        ("results/survival.parquet", "chain"),
        ("release_plan.parquet", "chain"),
        ("inputs/canonical/people.parquet", "read"),
    ],
)
def test_a_damaged_frame_is_named_with_what_makes_it_again(folder, damage, name, command):
    write_frame(FRAME, folder / name)
    assert read_frame(folder / name).equals(FRAME)
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    again = f"naome {command} --params '/my params/mersey.yaml' --data /data --run {folder}"
    with pytest.raises(RunError, match=f"{name}: not readable as Parquet: damaged.*{re.escape(again)}") as refused:
        read_frame(folder / name)
    assert "Smith" not in str(refused.value) and "Traceback" not in str(refused.value)


def test_a_column_that_is_missing_is_damage_too(folder):
    write_frame(FRAME, folder / "release" / "survival.parquet")
    with pytest.raises(RunError, match="release/survival.parquet: not readable"):
        read_frame(folder / "release" / "survival.parquet", columns=["run_id"])


@pytest.mark.parametrize("content", [b"", b"{", b'{"run_id": "a', b"\xff\xfe", b"[" * 200_000, b"PAR1"])
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("manifest.json", "naome manifest --run"),
        ("inputs/read.json", "naome chain --params FILE --data FOLDER --run .* --replace"),
        ("steps/00-cohort.json", "naome chain --params '/my params/mersey.yaml'"),
    ],
)
def test_a_damaged_record_is_named_with_what_makes_it_again(folder, content, name, command):
    write_json({"run_id": "a"}, folder / "steps" / "00-cohort.json")
    write_json({"run_id": "a"}, folder / "manifest.json")
    (folder / name).write_bytes(content)
    with pytest.raises(RunError, match=f"{name}: not readable as JSON: damaged, or cut off. Hint: `{command}"):
        read_record(folder / name)


@pytest.mark.parametrize("content", [{}, [], {"run_id": 7}, None])
def test_a_record_without_what_is_needed_is_refused(folder, content):
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RunError, match=r"manifest.json: key 'run_id' is missing, or not a str.*`naome manifest"):
        read_record(folder / "manifest.json", {"run_id": str})


def test_what_was_written_by_hand_is_made_again_by_hand(tmp_path):
    with pytest.raises(RunError, match=r"survival.parquet: not there. Hint: it was written by hand"):
        read_frame(tmp_path / ".lab" / "mersey-1" / "results" / "survival.parquet")
