"""What two finished runs released differently, value by value."""

import pandas as pd
import pytest
from made_results import make_finished

from naome.core.errors import RunError
from naome.core.results import make_results
from naome.report.revisions import (
    ABSENT,
    COLUMNS,
    compare_released,
    count_small_changes,
    describe_revisions,
    list_revisions,
    summarise_revisions,
)
from naome.workflow.cli import main


def released(audit="first", levels=("", ""), **columns):
    frame = pd.DataFrame({"measure": "m", "unit": ["A", "B"], "level": "provider", "denominator": 100, **columns})
    made = make_results(frame, audit=audit, nation="wales", cohort="denovo", run_id=audit)
    return made.assign(outlier_status=list(levels), direction="", reason_not_assessed="")


def list_values(revisions):
    return revisions[["unit", "column", "before", "after"]].to_numpy().tolist()


def test_every_value_that_differs_is_listed_whatever_the_audit_is_called():
    before = released(estimate=[0.5, 0.25], numerator=[50, 25])
    after = released("second", estimate=[0.5, 0.26], numerator=[50, 26])
    found = compare_released(before, after)
    assert list(found.columns) == COLUMNS
    assert list_values(found) == [["B", "numerator", 25, 26], ["B", "estimate", 0.25, 0.26]]
    assert found["result_id"].unique().tolist() == [after["result_id"].iloc[1]]


def test_the_last_digits_of_the_machine_are_no_difference():
    before, after = released(estimate=[0.1 + 0.2, 0.0]), released(estimate=[0.3, 1e-16])
    assert compare_released(before, after).empty
    assert len(compare_released(before, released(estimate=[0.3 + 1e-8, 0.0]))) == 1


def test_a_number_that_is_no_longer_shown_and_another_outlier_status_are_differences():
    before = released(estimate=[0.5, 0.25], levels=("within", "alert"))
    after = released(
        estimate=[0.5, None], levels=("alarm", "alert"), status=["ok", "suppressed"], reason=["", "few people"]
    )
    found = compare_released(before, after)
    assert ["A", "outlier_status", "within", "alarm"] in list_values(found)
    assert ["B", "status", "ok", "suppressed"] in list_values(found)
    gone = found[(found["unit"] == "B") & (found["column"] == "estimate")].iloc[0]
    assert gone["before"] == 0.25 and pd.isna(gone["after"])


def test_every_value_of_a_result_of_one_run_only_is_listed():
    both = released(estimate=[0.5, 0.25], levels=("", "alarm"))
    new = list_values(compare_released(both.iloc[:1], both))
    assert all(row[0] == "B" and row[2] == ABSENT for row in new)
    assert {"denominator": 100, "estimate": 0.25, "status": "ok", "outlier_status": "alarm"}.items() <= {
        row[1]: row[3] for row in new
    }.items()
    gone = list_values(compare_released(both, both.iloc[1:]))
    assert ["A", "estimate", 0.5, ABSENT] in gone and all(row[3] == ABSENT for row in gone)
    [row] = summarise_revisions(compare_released(both.iloc[:1], both)).to_dict("records")
    assert row["results"] == 1 and pd.isna(row["largest"])


def test_another_name_of_an_organisation_is_a_difference():
    before = released(estimate=[0.5, 0.25], unit_name=["Alpha", "Beta"])
    after = released(estimate=[0.5, 0.25], unit_name=["Alpha", "Gamma"])
    assert list_values(compare_released(before, after)) == [["B", "unit_name", "Beta", "Gamma"]]


def test_differences_are_counted_by_measure_with_the_largest_change_of_an_estimate():
    before = released(estimate=[0.5, 0.25], denominator=[100, 90])
    after = released(estimate=[0.42, 0.30], denominator=[100, 80])
    [row] = summarise_revisions(compare_released(before, after)).to_dict("records")
    assert (row["measure"], row["cohort"], row["level"], row["results"]) == ("m", "denovo", "provider", 2)
    assert row["largest"] == pytest.approx(0.08)


def test_two_runs_are_compared_by_their_folders(tmp_path, make_run, as_runner, capsys):
    runs = {}
    for name in ("before", "after"):
        runs[name] = make_finished(as_runner(make_run("england", folder=tmp_path / name)), ["Alpha", "Beta", "=Gamma"])
    same = list_revisions(runs["before"], runs["after"])
    assert same.empty and "Every released result is the same." in describe_revisions(*runs.values(), same)
    out = tmp_path / "changes.csv"
    assert main(["compare", str(tmp_path / "before"), str(tmp_path / "after"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert f"({tmp_path / 'before'})" in said and str(out) in said
    assert out.read_text(encoding="utf-8") == ",".join(COLUMNS) + "\n"
    assert main(["compare", str(tmp_path / "before"), str(tmp_path / "after"), "--out", str(tmp_path)]) == 2
    assert "no earlier list of differences; allowed: a new file" in capsys.readouterr().err
    manifest = tmp_path / "after" / "manifest.json"
    for path in (manifest, tmp_path / "after" / "new.csv"):
        assert main(["compare", str(tmp_path / "before"), str(tmp_path / "after"), "--out", str(path)]) == 2
        assert "is inside the run" in capsys.readouterr().err
    assert manifest.read_text(encoding="utf-8").startswith("{") and not (tmp_path / "after" / "new.csv").exists()
    other = tmp_path / "other.csv"
    other.write_text("a,b\n", encoding="utf-8")
    assert main(["compare", str(tmp_path / "before"), str(tmp_path / "after"), "--out", str(other)]) == 2
    assert other.read_text(encoding="utf-8") == "a,b\n"
    assert main(["compare", str(tmp_path / "before"), str(tmp_path / "after"), "--out", str(out)]) == 0


def test_a_table_of_organisations_that_differs_is_named(tmp_path, make_run, as_runner):
    before, after = (
        make_finished(as_runner(make_run("england", folder=tmp_path / each)), ["Alpha", each]) for each in ("x", "y")
    )
    said = describe_revisions(before, after, list_revisions(before, after))
    assert "Other released tables that differ, not compared by value: organisations." in said
    values = [released(estimate=[0.5, each], denominator=[100, each * 100]) for each in (0.25, 0.5)]
    said = describe_revisions(before, after, compare_released(*values))
    assert "Columns in which they differ: denominator (1) and estimate (1)." in said
    assert "Caution" not in said
    values = [released(estimate=[0.5, 0.25], denominator=[100, people]) for people in (90, 91)]
    said = describe_revisions(before, after, compare_released(*values))
    assert (
        "Caution: the counts of one result differ by 1 to 7. Who has both releases learns of these few people" in said
    )


@pytest.mark.parametrize(("counts", "few"), [((90, 90), 0), ((90, 97), 1), ((97, 90), 1), ((90, 98), 0)])
def test_results_of_which_a_count_differs_by_few_people_are_counted(counts, few):
    values = [released(estimate=[0.5, 0.25], numerator=[each, each]) for each in counts]
    assert count_small_changes(compare_released(*values), 7) == 2 * few
    assert count_small_changes(compare_released(values[0].iloc[:1], values[0]), 7) == 0


def test_runs_of_two_nations_are_refused(tmp_path, make_run, as_runner):
    england = make_finished(as_runner(make_run("england")), ["Alpha", "Beta"])
    wales = make_finished(as_runner(make_run("wales")), ["Alpha", "Beta"])
    with pytest.raises(RunError, match=r"a run of England, .* of Wales; allowed: two runs of one nation"):
        list_revisions(england, wales)
