"""A local action plan says what is released of an organisation, and nothing else."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace

import docx
import pandas as pd
import pytest
from made_results import HOSTILE, make_finished

from naome.core.errors import RunError
from naome.report.action_plans import (
    collect_plans,
    name_plan,
    open_source,
    write_action_plan,
    write_action_plans,
    zip_plans,
)
from naome.report.display import format_number
from naome.report.finished import open_finished
from naome.workflow.cli import main

NAMES = ["Low Trust", "High Trust", "Small Trust", *(f"Trust {k}" for k in range(3, 9))]


@pytest.fixture
def finished(make_run, as_runner):
    return make_finished(as_runner(make_run("england")), NAMES)


def plans_of(run):
    return dict(collect_plans(open_source(run)))


def texts(document: bytes) -> list[str]:
    """Return the texts of a docx file: paragraphs, then cells."""
    opened = docx.Document(io.BytesIO(document))
    cells = [cell.text for table in opened.tables for row in table.rows for cell in row.cells]
    return [paragraph.text for paragraph in opened.paragraphs] + cells


def lines(plan, number):
    return next(each["lines"] for each in plan["recommendations"] if each["number"] == number)


def test_every_organisation_has_a_plan_with_its_position(finished):
    plans = plans_of(finished)
    assert list(plans) == [f"Z{k:02}" for k in range(len(NAMES))]
    mdt = {code: lines(plan, 1)[0] for code, plan in plans.items()}
    assert [mdt[code]["position"] for code in ("Z00", "Z01", "Z02", "Z03")] == [
        *("Negative tail", "Positive tail", "Not shown", "Central mass")
    ]
    assert mdt["Z00"]["own"].startswith("40.8% (") and mdt["Z00"]["people"] == "600"
    assert (mdt["Z02"]["own"], mdt["Z02"]["people"]) == ("suppressed", "–") and mdt["Z02"]["nation"] == "60.0%"


def test_actions_fit_the_position(finished):
    plans = plans_of(finished)
    actions = {code: [a["text"] for a in plan["recommendations"][0]["actions"]] for code, plan in plans.items()}
    shared = set.intersection(*map(set, actions.values()))
    assert "" in shared and len(shared) == 3  # a row is free for another action
    own = {code: set(texts) - shared for code, texts in actions.items()}
    assert own["Z02"] == set() and len({frozenset(own[code]) for code in ("Z00", "Z01", "Z03")}) == 3
    methods = plans["Z00"]["recommendations"][0]["methods"]
    assert len(methods) == 1 and methods[0].startswith("Negative tail: ")


@pytest.mark.parametrize(("recorded", "said"), [(0.057, True), (0.6, False)])
def test_what_is_rarely_recorded_says_that_the_position_can_be_of_recording(finished, recorded, said):
    source = open_source(finished)
    nation = source.results[source.results["level"] == "nation"]
    row = nation[nation["measure"] == "completeness.er"].assign(measure="completeness.mdt_date", estimate=recorded)
    plans = dict(collect_plans(replace(source, results=pd.concat([source.results, row]))))
    assert "completeness.mdt_date" not in set(source.results["measure"])
    notes = " ".join(plans["Z03"]["recommendations"][0]["notes"])
    assert ("recorded for 5.7% of people" in notes and "recording rather than care" in notes) is said


def test_what_cannot_be_derived_says_so(finished):
    plan = plans_of(finished)["Z00"]
    form = next(line for line in lines(plan, 5) if line["measure"].startswith("Fitness"))
    assert (form["own"], form["nation"], form["position"]) == ("not derivable", "not derivable", "Not derivable")
    notes = plan["recommendations"][4]["notes"]
    assert any("the form is not in the extracts." in note for note in notes)
    assert lines(plan, 3)[0]["own"] == "not derivable"  # the run has no such result
    assert plan["recommendations"][0]["notes"][0].startswith("Discussions of people with recurrent disease")


def test_a_goal_is_compared_by_the_interval(finished):
    plans = plans_of(finished)
    er = {code: next(each for each in lines(plans[code], 5) if "ER" in each["measure"])["goal"] for code in plans}
    assert er["Z00"] == "90% (not reached)" and er["Z01"] == "90% (reached)" and er["Z02"] == "90%"
    assert lines(plans["Z00"], 1)[0]["goal"] == "–"


def test_every_number_of_a_plan_is_in_the_released_rows(finished):
    rows = next(frame for name, frame in finished.read_released() if name == "indicators")
    for code, plan in plans_of(finished).items():
        own = rows[rows["unit"].isin([code, "england"])]
        known = {format_number(v, "percent1") for v in own[["estimate", "lower", "upper"]].stack()}
        shown = [line for each in plan["recommendations"] for line in each["lines"]]
        numbers = {n for line in shown for n in re.findall(r"[\d.]+%", f"{line['own']} {line['nation']}")}
        assert numbers and numbers <= known
        counts = {format_number(int(v), "count") for v in own.loc[own["unit"] == code, "denominator"].dropna()}
        assert {line["people"] for line in shown} <= counts | {"–"}


def test_a_plan_is_a_document_with_its_marking(finished):
    plan = plans_of(finished)["Z00"]
    document = write_action_plan(plan)
    found = texts(document)
    assert "Local action plan: Low Trust" in found and "Low Trust (Z00)" in found and "An alliance (ZA1)" in found
    assert any(text.startswith("Synthetic data.") for text in found)
    assert not any("{{" in text or "{%" in text for text in found)
    header = docx.Document(io.BytesIO(document)).sections[0].header
    assert header.paragraphs[0].text.startswith("Synthetic data.")
    heads = [row.cells[0].text for table in docx.Document(io.BytesIO(document)).tables[1:] for row in table.rows[:1]]
    assert heads == ["Measure", "Suggested action"] * len(plan["recommendations"])


@pytest.mark.parametrize("marking", ["synthetic", "real"])
def test_the_marking_is_that_of_the_run(make_run, as_runner, marking):
    run = make_finished(as_runner(make_run("wales", marking=marking)), NAMES, marking=marking)
    found = " ".join(texts(write_action_plan(plans_of(run)["Z00"])))
    assert ("invented" in found) == (marking == "synthetic") and f"{marking.capitalize()} data." in found


def test_a_hostile_name_is_text(make_run, as_runner):
    run = make_finished(as_runner(make_run("england")), [HOSTILE, "\x0bB", *NAMES])
    plans = plans_of(run)
    found = texts(write_action_plan(plans["Z00"]))
    assert f"'{HOSTILE} (Z00)" in found  # an apostrophe, so that a spreadsheet runs nothing of a pasted cell
    assert any("B (Z01)" in text for text in texts(write_action_plan(plans["Z01"])))
    with zipfile.ZipFile(io.BytesIO(write_action_plan(plans["Z00"]))) as archive:
        assert not any("https://b.c" in archive.read(n).decode() for n in archive.namelist() if n.endswith(".rels"))


def test_the_same_results_give_the_same_bytes(finished):
    first = zip_plans([finished])
    assert zip_plans([finished]) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == [f"england/{name_plan(f'Z{k:02}')}" for k in range(len(NAMES))]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        document = archive.read(archive.namelist()[0])
    core = docx.Document(io.BytesIO(document)).core_properties
    assert core.author == core.last_modified_by == "" and core.created is core.modified is None


@pytest.mark.parametrize("number", [0, 1])
def test_none_and_one_organisation(make_run, as_runner, number):
    run = make_finished(as_runner(make_run("england")), NAMES[:number])
    plans = plans_of(run)
    assert len(plans) == number and bool(zip_plans([run])) == bool(number)
    for plan in plans.values():
        assert lines(plan, 1)[0]["position"] == "Not compared"
        assert any("there is no other organisation." in note for note in plan["recommendations"][0]["notes"])


@pytest.mark.parametrize("audit", ["england-rcrd", "rotterdam"])
def test_other_audits_get_none(make_run, as_runner, tmp_path, audit):
    run = make_finished(as_runner(make_run(audit)), NAMES)
    assert open_source(run) is None and zip_plans([run]) == b""
    with pytest.raises(RunError, match=f"run {audit}-.*get no action plans"):
        write_action_plans([run], tmp_path / "out")


def test_the_command_writes_all_or_one(finished, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["action-plans", "--run", str(finished.folder), "--out", str(out)]) == 0
    assert len(list(out.glob("*.docx"))) == len(NAMES) and "action plans in" in capsys.readouterr().out
    one = ["action-plans", "--run", str(finished.folder), "--out", str(tmp_path / "one"), "--organisation"]
    assert main([*one, "Z01"]) == 0 and [f.name for f in (tmp_path / "one").iterdir()] == ["action-plan-Z01.docx"]
    assert (tmp_path / "one" / "action-plan-Z01.docx").read_bytes() == (out / "action-plan-Z01.docx").read_bytes()
    assert main([*one, "Z11"]) == 2
    assert "released no result of an organisation 'Z11'" in capsys.readouterr().err


def test_a_run_of_an_earlier_version_is_refused_with_a_hint(finished, tmp_path):
    manifest = finished.folder / "manifest.json"
    held = json.loads(manifest.read_text(encoding="utf-8"))
    del held["files"]["release/organisations.parquet"]
    manifest.write_text(json.dumps(held), encoding="utf-8")
    (finished.folder / "release" / "organisations.parquet").unlink()
    with pytest.raises(RunError, match=r"organisations.parquet: .* earlier version. Hint: run the chain of england"):
        write_action_plans([open_finished(finished.folder)], tmp_path / "out")
