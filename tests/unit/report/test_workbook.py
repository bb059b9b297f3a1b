"""The workbook holds every released row, explains its symbols, and runs nothing."""

from __future__ import annotations

import io
import re
import time
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import pandas as pd
import pytest
from made_results import HOSTILE, make_finished

from naome.core.definitions import project_definitions
from naome.measures.specification import load_specification
from naome.report.downloads import collect_released, write_downloads
from naome.report.plain_zip import make_plain, write_plain_zip
from naome.report.workbook import HEADINGS, list_metrics, name_measure, write_workbook

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
NAMES = [HOSTILE, "B", "Small", "D", "E"]


@pytest.fixture
def finished(make_run, as_runner):
    return make_finished(as_runner(make_run("england")), NAMES)


def read_workbook(data: bytes) -> dict[str, list[list[str]]]:
    """Return sheet -> rows -> texts of cells, read from the XML itself; a formula is an error."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        shared = [
            "".join(part.text or "" for part in entry.iter(f"{SHEET}t"))
            for entry in ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
        ]
        names = [
            each.attrib["name"]
            for each in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter(f"{SHEET}sheet")
        ]
        sheets = {}
        for number, name in enumerate(names, start=1):
            root = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))
            assert not list(root.iter(f"{SHEET}f")), f"{name} holds a formula"
            sheets[name] = [[_text(cell, shared) for cell in row] for row in root.iter(f"{SHEET}row")]
    return sheets


def _text(cell, shared):
    value = cell.find(f"{SHEET}v")
    if value is None:
        return ""
    return shared[int(value.text)] if cell.attrib.get("t") == "s" else value.text


def write(run):
    frames = [frame.assign(frame=name) for name, frame in run.read_released() if "result_id" in frame]
    return write_workbook(pd.concat(frames), [run], project_definitions())


def rows_of(sheets, name):
    heads = list(HEADINGS)
    start = next(n for n, row in enumerate(sheets[name]) if row[: len(heads)] == heads)
    return pd.DataFrame(sheets[name][start + 1 :], columns=heads)


def test_the_workbook_has_the_rows_of_the_other_tables(finished, tmp_path):
    write_downloads([finished], tmp_path)
    sheets = read_workbook((tmp_path / "results.xlsx").read_bytes())
    assert list(sheets) == ["Cover", "Contents", "Notes", "Indicators", "Metrics"]
    expected = collect_released(finished)
    shown = rows_of(sheets, "Indicators")
    assert sorted(shown["Result identifier"]) == sorted(expected["result_id"])
    table, parquet = pd.read_csv(tmp_path / "results.csv"), pd.read_parquet(tmp_path / "results.parquet")
    assert table["result_id"].tolist() == parquet["result_id"].tolist() and len(table) == len(shown)
    organisations = pd.read_csv(tmp_path / "organisations.csv", keep_default_na=False)
    assert set(organisations["code"]) == set(table.loc[table["level"] == "provider", "unit"])
    assert organisations.loc[0, "name"].startswith("'=HYPERLINK") and set(organisations["region_code"]) == {""}


def test_a_value_that_is_missing_has_a_symbol_that_is_explained(finished):
    sheets = read_workbook(write(finished))
    shown = rows_of(sheets, "Indicators").set_index(["Measure code", "Code"])
    assert set(shown.loc[("mdt_discussion", "Z02"), ["Denominator", "Estimate", "Lower limit"]]) == {"[c]"}
    assert shown.loc[("fitness_form_recorded", "england"), "Estimate"] == "[x]"
    assert not (shown == "").any(axis=None)
    text = " ".join(cell for row in sheets["Indicators"] for cell in row)
    assert all(f"{symbol} = " in text for symbol in ("[c]", "[u]", "[x]", "[z]"))
    assert "1 to 7 suppressed" in " ".join(cell for row in sheets["Notes"] for cell in row)


def test_rows_go_from_the_nation_to_the_organisation_with_code_and_name(finished):
    shown = rows_of(read_workbook(write(finished)), "Indicators")
    for _, rows in shown.groupby("Measure code"):
        assert rows["Level"].iloc[0] == "nation" and set(rows["Level"].iloc[1:]) <= {"provider"}
    named = shown.set_index("Code")["Name"].to_dict()
    assert named["Z01"] == "B" and named["england"] == "England"


def test_nothing_in_it_is_run_or_leads_elsewhere(finished):
    data = write(finished)
    names = {row for row in rows_of(read_workbook(data), "Indicators")["Name"]}
    hostile = next(name for name in names if "HYPERLINK" in name)
    assert hostile.startswith("'=") and "](" not in hostile and "$$" not in hostile
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        relations = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".rels")]
    assert not any("b.c" in text for text in relations)


def test_the_marking_is_on_the_cover(finished):
    cover = " ".join(cell for row in read_workbook(write(finished))["Cover"] for cell in row)
    assert "Synthetic data." in cover and finished.run_id in cover


def test_the_same_results_give_the_same_bytes(finished):
    first = write(finished)
    time.sleep(1.1)  # seconds are what a workbook notes
    assert write(finished) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        core = archive.read("docProps/core.xml").decode()
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist()[0] == "[Content_Types].xml"
    assert not re.search(r"\d{4}-\d\d-\d\dT|creator|modified", core)


def test_metrics_define_every_measure_in_words_and_conditions():
    metrics = list_metrics(load_specification()).set_index("Measure code")
    assert set(metrics.index) >= {i.id for i in load_specification().indicators} | {"completeness.er"}
    row = metrics.loc["cdk46_first_line"]
    assert row["Denominator"].startswith("People with ER-positive") and "cdk46_days" in row["Numerator, condition"]
    assert row["Code lists"] == "sact_drugs.cdk46" and ",." not in row["Denominator"]


def test_a_derived_measure_is_named_after_its_indicator():
    names = [
        name_measure(each, load_specification()) for each in ("survival_1y_adjusted", "cns_contact_gap", "age_mean")
    ]
    assert names[0].startswith("Survival after") and names[0].endswith(", 1-year adjusted")
    assert names[1].endswith(", gap") and names[2] == "Age mean"


def test_a_plain_zip_forgets_dates_and_users():
    buffer = io.BytesIO()
    core = (
        "<cp:coreProperties><dc:creator>Jane</dc:creator><dc:title>T</dc:title><cp:lastModifiedBy/></cp:coreProperties>"
    )
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
        archive.writestr("docProps/core.xml", core)
        archive.writestr("[Content_Types].xml", "<b/>")
    plain = make_plain(buffer.getvalue())
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        assert archive.namelist() == ["[Content_Types].xml", "docProps/core.xml", "word/document.xml"]
        assert archive.read("docProps/core.xml") == b"<cp:coreProperties><dc:title>T</dc:title></cp:coreProperties>"
    assert make_plain(plain) == plain and make_plain(write_plain_zip({})) == write_plain_zip({})
    with pytest.raises(zipfile.BadZipFile):
        make_plain(b"no zip file")


def test_policies_that_differ_are_said_of_their_audits(finished):
    other = replace(finished, manifest={**finished.manifest, "title": "Tumour bank", "attack": {"policy": "none"}})
    results = pd.concat([frame.assign(frame=name) for name, frame in finished.read_released() if "result_id" in frame])
    notes = str(read_workbook(write_workbook(results, [finished, other], project_definitions()))["Notes"])
    assert f"{finished.title}: NHS England HES" in notes and "Tumour bank: no suppression" in notes
    alone = str(read_workbook(write_workbook(results, [finished], project_definitions()))["Notes"])
    assert "Policy below the nation: NHS England HES" in alone
