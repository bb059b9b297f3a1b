"""Runs beside each other are read and pooled only when they belong together."""

from __future__ import annotations

import pytest

from naome.agree import replicate
from naome.companions import open_companions
from naome.params import load_params
from naome.run import Run, write_json


@pytest.fixture
def write(tmp_path, make_people):
    def write_run(audit, *, discussed, synthetic=True):
        run = Run(params=load_params(audit), folder=tmp_path / audit, data_dir=tmp_path)
        write_json({"synthetic": synthetic, "inputs": {}}, run.folder / "read.json")
        n = len(discussed)
        run.save("analysis", make_people(n, sex="female", age=60, survival_days=900, mdt_recorded=discussed, year=2020))
        return run

    return write_run


def test_england_and_wales_side_by_side_are_pooled(write):
    england = write("england", discussed=[True] * 30 + [False] * 10)
    write("wales", discussed=[True] * 30 + [False] * 30)
    assert list(open_companions(england)) == ["england", "wales"]
    found = replicate(england)
    row = found.pooled.where(measure="mdt_discussion", group_by="all").frame.iloc[0]
    assert (row["numerator"], row["denominator"]) == (60, 100) and found.reason == ""
    assert set(england.load("england_wales")["level"]) == {"england+wales"}
    compared = found.compared.frame.set_index("id")
    assert compared.loc["mdt_w", "verdict"] == "differs" and compared.loc["mdt_w", "estimate"] == 50
    assert compared.loc["n_denovo_ew", "estimate"] == 100
    assert found.later.frame.set_index("id").loc["sotn2025_mdt_e", "verdict"] == "other period"


def test_a_run_alone_compares_its_own_nation_only(write):
    wales = write("wales", discussed=[True] * 20)
    found = replicate(wales)
    compared = found.compared.frame.set_index("id")
    assert "needs one run of each" in found.reason and found.pooled.frame.empty
    assert compared.loc["n_denovo_ew", "verdict"] == compared.loc["mdt_e_f", "verdict"] == "not derivable here"
    assert compared.loc["n_denovo_w", "estimate"] == 20


def test_synthetic_people_are_never_put_beside_real_ones(write, monkeypatch):
    england = write("england", discussed=[True] * 20)
    wales = write("wales", discussed=[True] * 20, synthetic=False)
    monkeypatch.setattr(
        type(wales), "marking", property(lambda run: "synthetic" if run.read_record["synthetic"] else "real")
    )
    assert list(open_companions(england)) == ["england"]
