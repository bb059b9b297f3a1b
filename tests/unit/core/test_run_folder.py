"""What is no run is said to be none, with what a run's folder holds and the runs near it."""

from __future__ import annotations

import pytest

from naome.core.errors import RunError
from naome.core.run_folder import find_run_folder, list_runs, place_run


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs among all runs, one of them finished, and one elsewhere."""
    monkeypatch.setenv("NAOME_RUNS", str(tmp_path / "runs"))
    for folder in ("runs/mersey", "runs/tyne", "elsewhere/humber"):
        (tmp_path / folder / "inputs").mkdir(parents=True)
        (tmp_path / folder / "inputs" / "read.json").touch()
    (tmp_path / "runs" / "tyne" / "manifest.json").touch()
    (tmp_path / "runs" / ".lab").mkdir()
    return tmp_path / "runs"


def test_a_run_is_found_by_name_and_by_folder(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert find_run_folder("mersey") == find_run_folder(runs / "mersey") == runs / "mersey"
    assert find_run_folder("humber") == tmp_path / "elsewhere" / "humber"
    assert list_runs() == ["mersey", "tyne"] and list_runs("manifest.json") == ["tyne"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("runs/mersy", r"runs/mersy: there is no run 'mersy' \(did you mean 'mersey'\?\); runs in .*: mersey, tyne"),
        ("elsewhere", "is no folder of a run, which holds inputs/read.json once .*, and manifest.json .* runs near it: "
         ".*elsewhere/humber; in .*: mersey, tyne. Hint: `naome chain`"),
        ("elsewhere/humber/inputs", "inputs: is no folder of a run.* near it: .*elsewhere/humber; "),
        ("elsewhere/humbr", "there is no run 'humbr'; runs near it: .*elsewhere/humber; "),
        ("elsewhere/humber/inputs/read.json", "read.json: is a file; a run is named by its name or its folder; "),
        ("empty", "empty: is no folder of a run"),
    ],
)  # fmt: skip
def test_what_is_no_run_is_said_to_be_none(runs, tmp_path, place, said):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=said):
        find_run_folder(tmp_path / place)


def test_a_run_may_be_named_by_its_name_or_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NAOME_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    for name in ("runs/both", "runs/mine", "both", "here"):
        (tmp_path / name).mkdir(parents=True)
    runs = tmp_path / "runs"
    placed = {name: place_run(name) for name in ("both", "mine", "here", "new", "./both", "a/b", "")}
    assert placed == {
        "both": str(runs / "both"),
        "mine": str(runs / "mine"),
        "here": "here",
        "new": str(runs / "new"),
        "./both": "./both",
        "a/b": "a/b",
        "": "",
    }
