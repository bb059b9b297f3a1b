"""Runs beside each other are read and pooled only when they belong together."""

from __future__ import annotations

import pytest

from naome.workflow.companions import open_companions
from naome.workflow.replication import replicate


@pytest.fixture
def write(tmp_path, make_people, make_run, as_runner):
    def write_run(audit, *, discussed, marking="synthetic", folder=None):
        run = as_runner(make_run(audit, marking=marking, folder=folder))
        n = len(discussed)
        run.save("analysis", make_people(n, sex="female", age=60, survival_days=900, mdt_recorded=discussed, year=2020))
        return run

    return write_run


def test_england_and_wales_side_by_side_are_pooled(write, as_runner):
    england = write("england", discussed=[True] * 30 + [False] * 10)
    write("wales", discussed=[True] * 30 + [False] * 30)
    assert list(open_companions(england)) == ["england", "wales"]
    found = replicate(as_runner(england))
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


@pytest.mark.parametrize("others", [("synthetic", "real"), ("real", "synthetic"), ("open", "real")])
def test_people_of_differently_marked_runs_are_never_pooled(write, others):
    england = write("england", discussed=[True] * 20, marking=others[0])
    write("wales", discussed=[True] * 20, marking=others[1])
    assert list(open_companions(england)) == ["england"]


def test_real_runs_of_any_name_are_pooled(write, tmp_path):
    england = write("england", discussed=[True] * 20, marking="real", folder=tmp_path / "mersey")
    write("wales", discussed=[True] * 20, marking="real", folder=tmp_path / "north wales")
    assert list(open_companions(england)) == ["england", "wales"]


def test_of_several_companions_none_is_taken(write, tmp_path):
    england = write("england", discussed=[True] * 20)
    write("wales", discussed=[True] * 20)
    write("wales", discussed=[True] * 20, folder=tmp_path / "wales-again")
    assert list(open_companions(england)) == ["england"]
