"""A run keeps a copy of its life table, and is another run with another."""

from __future__ import annotations

import json

import pytest
import yaml

from naome.core.errors import ExtractError, ParamsError, RunError
from naome.core.paths import project_root
from naome.workflow.ingest import read_run
from naome.workflow.plan import plan_run
from naome.workflow.run import LIFE_TABLE, open_run


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write Rotterdam's parameters and a life table beside them."""
    monkeypatch.setenv("NAOME_RUNS", str(tmp_path / "runs"))

    def write(years=(1985, 1990), times=1.0):
        raw = yaml.safe_load((project_root() / "params" / "rotterdam.yaml").read_text(encoding="utf-8"))
        raw["life_table"] = "life.csv"
        file = tmp_path / "rotterdam.yaml"
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        rows = [
            f"{s},{a},{y},{times * 0.00003 * 1.1**a:.6f}"
            for s in ("female", "male")
            for a in range(18, 91)
            for y in range(*years)
        ]
        (tmp_path / "life.csv").write_text("\n".join(["sex,age,year,qx", *rows]), encoding="utf-8")
        return str(file)

    return write


def read(file):
    return read_run(plan_run(file, str(project_root() / "data" / "open")), progress=lambda line: None)[0]


def test_the_copy_is_what_the_run_uses_and_the_run_id_covers_it(write, tmp_path):
    run = read(write())
    before = run.run_id
    assert len(run.life_table) == 2 * 73 * 5
    (tmp_path / "life.csv").unlink()
    assert len(open_run(run_dir=str(run.folder)).life_table) == 2 * 73 * 5
    assert json.loads((run.inputs / "read.json").read_text())["life_table_from"].endswith("life.csv")
    assert read(write(times=1.5)).run_id != before


def test_another_life_table_makes_results_out_of_date(write):
    run = read(write())
    (run.folder / "results").mkdir()
    read(write())
    assert (run.folder / "results").is_dir()
    read(write(times=1.5))
    assert not (run.folder / "results").exists()


def test_a_copy_that_was_changed_is_refused(write):
    run = read(write())
    copy = run.inputs / LIFE_TABLE
    copy.chmod(0o600)
    copy.write_text(copy.read_text().replace("0.00", "0.01", 1))
    with pytest.raises(RunError, match="was changed after the run began"):
        _ = open_run(run_dir=str(run.folder)).life_table


def test_what_is_wrong_is_found_before_anything_is_read(write, tmp_path):
    said = r":\d+: key 'life_table': its file has the years 1950 to 1959; needed: years from"
    with pytest.raises(ParamsError, match=said):
        plan_run(write(years=(1950, 1960)), str(project_root() / "data" / "open"))
    with pytest.raises(ExtractError, match="qx is '"):
        plan_run(write(times=1e5), str(project_root() / "data" / "open"))
    file = write()
    (tmp_path / "life.csv").unlink()
    with pytest.raises(ExtractError, match=r"life\.csv: no such life table"):
        plan_run(file, str(project_root() / "data" / "open"))


def test_a_run_without_a_life_table_has_none(tmp_path, monkeypatch):
    monkeypatch.setenv("NAOME_RUNS", str(tmp_path / "runs"))
    assert read("rotterdam").life_table is None
