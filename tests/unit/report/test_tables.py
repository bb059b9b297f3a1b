"""Tables made from released results."""

from __future__ import annotations

import pandas as pd

from naome.measures.specification import load_specification
from naome.release.types import release_checked
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
