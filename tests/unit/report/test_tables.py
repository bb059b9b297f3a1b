"""Tables made from released results."""

from __future__ import annotations

import html as entities
import re

import pandas as pd

from naome.measures.specification import load_specification
from naome.release import declare_not_counts
from naome.release.types import release_checked
from naome.report import display
from naome.report.pages.data_completeness import tabulate_completeness_years

SPECIFICATION = load_specification()
ROW = {"level": "nation", "group_by": "year", "status": "ok", "estimate": 0.5, "lower": 0.4, "upper": 0.6}


def test_completeness_by_year_has_a_row_per_year_and_a_column_per_item():
    rows = [
        {**ROW, "measure": "completeness.grade", "group": "2019"},
        {**ROW, "measure": "completeness.grade", "group": "2020", "status": "too_few", "estimate": None},
        {**ROW, "measure": "completeness.stage", "group": "2019", "estimate": 0.9, "lower": 0.8, "upper": 0.95},
        {**ROW, "measure": "completeness.stage", "group": "2020"},
        {**ROW, "measure": "completeness.age", "group": "2019"},
        {**ROW, "measure": "completeness.grade", "group": "all", "group_by": "all"},
    ]
    table = tabulate_completeness_years(release_checked(pd.DataFrame(rows)), SPECIFICATION).frame
    assert table.to_dict("list") == {
        "Year": ["2019", "2020"],
        "Tumour grade": ["50.0% (40.0% to 60.0%)", "too few"],
        "Overall stage": ["90.0% (80.0% to 95.0%)", "50.0% (40.0% to 60.0%)"],
    }
    assert tabulate_completeness_years(
        release_checked(pd.DataFrame(rows[-1:])), SPECIFICATION
    ).frame.columns.tolist() == ["Year"]


def test_a_name_in_a_cell_is_a_link_to_its_definition_and_plain_text_holds_the_name_only(monkeypatch):
    shown = []
    monkeypatch.setattr(display, "display", lambda data, **_: shown.append(data))
    frame = pd.DataFrame(
        {
            "Indicator": ["Biopsy of a metastatic lesion (recurrent)", "Median"],
            "Item": ["Tumour grade", "a note"],
            "Rule": ["DN2", "-"],
            "Overall stage": [0.5, 0.1],
            "status": ["ok", "not_derivable"],
            "reason": ["Uses unverified codes", "Sex"],
        }
    )
    made = declare_not_counts(frame, "Numbers of a test.")
    display.show(display.Table(frame, made, {"Overall stage": "percent1"}))
    html, plain = shown[0]["text/markdown"], shown[0]["text/plain"]
    found = re.findall(r'<(?:th|td)[^>]*><a href="([^"]*)">([^<]*)</a>', html)
    assert [(address.partition("#")[2], entities.unescape(name)) for address, name in found] == [
        ("item-stage", "Overall stage"),
        ("indicator-biopsy", "Biopsy of a metastatic lesion (recurrent)"),
        ("item-grade", "Tumour grade"),
        ("rule-DN2", "DN2"),
    ]
    assert all(address.startswith("/methodology/definitions.qmd#") for address, _ in found)
    assert "</a><sup>a</sup></th>" in html and "href" not in plain and "methodology" not in plain
    assert "Tumour grade" in plain
