"""The table of organisations has those of which something is released, and is on the egress sheet."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.atomic import write_frame
from naome.core.results import make_results
from naome.release import declare_not_counts
from naome.report.finished import ORGANISATIONS
from naome.workflow.egress import NO_COUNTS, tabulate_files
from naome.workflow.organisation_names import list_organisations, write_organisation_names

KNOWN = pd.DataFrame(
    {"provider": ["B", "A", "C", "D"], "name": ["Beta", None, "Gamma", "Delta"], "alliance": ["E1", None, "E1", "E1"],
     "alliance_name": ["East", None, "East", "East"], "region": "R", "region_name": "North"}
)  # fmt: skip


def released(units, levels="provider"):
    rows = pd.DataFrame({"measure": "mdt_discussion", "level": levels, "unit": units, "denominator": 1000})
    rows = rows.assign(numerator=500, estimate=0.5, method="wilson")
    return make_results(rows, audit="england", nation="england", cohort="denovo", run_id="r")


@pytest.mark.parametrize("units", [[], ["B"], ["B", "A", "not recorded"]])
def test_organisations_with_a_released_row_are_listed_by_code(units):
    listed = list_organisations(
        [released(units), released(["england", "E1"], ["nation", "alliance"])], KNOWN, "england"
    )
    assert listed["code"].tolist() == sorted(set(units) & {"A", "B"}) and (listed["nation"] == "england").all()
    assert listed.isna().sum().sum() == 0


def test_one_without_a_name_is_called_by_its_code():
    listed = list_organisations([released(["A"])], KNOWN, "england").iloc[0]
    assert (listed["name"], listed["alliance_code"], listed["region_name"]) == ("A", "", "North")


def test_results_by_something_else_have_no_organisations():
    assert list_organisations([released(["1988"])], pd.DataFrame(), "netherlands").empty


def test_the_table_is_written_beside_what_is_released_and_on_the_egress_sheet(make_run, as_runner):
    run = as_runner(make_run("england"))
    write_frame(KNOWN, run.inputs / "canonical" / "organisations.parquet")
    run.save("indicators", released(["A", "C"]))
    file = write_organisation_names(run)
    assert write_organisation_names(run) == file and pd.read_parquet(file)["code"].tolist() == ["A", "C"]
    status = pd.DataFrame({"measure": ["survival_1y_adjusted"], "unit": ["A"], "outlier_status": ["within"]})
    run.save("outlier_status", declare_not_counts(status, "Outlier status."))
    assert write_organisation_names(run) == file and pd.read_parquet(file)["code"].tolist() == ["A", "C"]
    pd.testing.assert_frame_equal(pd.read_parquet(run.folder / "release" / "outlier_status.parquet"), status)
    names = {f"release/{name}.parquet": "0" * 64 for name in ("indicators", ORGANISATIONS)}
    sheet = tabulate_files(run, names).set_index("file")
    assert sheet.loc[f"release/{ORGANISATIONS}.parquet", "exceptions"] == NO_COUNTS
    assert sheet.loc[f"release/{ORGANISATIONS}.parquet", "rows"] == 2
