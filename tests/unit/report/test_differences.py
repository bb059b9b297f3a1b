"""The table of differences from a second implementation has one row per cohort, library and quantity."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.measures.second_implementation import COLUMNS
from naome.report.differences import tabulate_differences


def test_models_of_several_time_points_share_a_row_with_their_largest_difference():
    rows = [
        ["denovo", (1,), "lifelines", "standard errors, relative", 28, 1e-9, 1e-5, ""],
        ["denovo", (3,), "lifelines", "standard errors, relative", 29, 3e-7, 1e-5, ""],
        ["denovo", (5,), "", "", 0, np.nan, np.nan, "there are too few deaths"],
    ]
    frame = tabulate_differences(pd.DataFrame(rows, columns=COLUMNS)).frame
    assert frame["Models"].tolist() == ["1 y and 3 y", "5 y"]
    assert frame["Numbers compared"].iloc[0] == 57 and frame["Largest difference"].tolist() == ["3e-07", ""]
    assert frame["reason"].tolist() == ["", "there are too few deaths"]


def test_curves_have_no_column_of_models():
    rows = [["denovo", (), "lifelines", "survival curve", 900, 2e-14, 1e-9, ""]]
    assert "Models" not in tabulate_differences(pd.DataFrame(rows, columns=COLUMNS)).frame
