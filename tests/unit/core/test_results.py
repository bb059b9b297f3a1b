"""The result schema: rows that are not ok say why, keys are unique, ids are stable."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.atomic import write_frame
from naome.core.results import RESULT_COLUMNS, make_results, result_id

CONSTANTS = {"audit": "wales", "nation": "wales", "cohort": "denovo", "unit": "wales", "run_id": "r"}


def test_columns_types_and_id():
    made = make_results(
        pd.DataFrame({"measure": ["a", "b"], "denominator": [10, None], "estimate": [0.5, None]}), **CONSTANTS
    )
    assert list(made.columns) == list(RESULT_COLUMNS)
    assert str(made["denominator"].dtype) == "Int64"
    assert made.loc[0, "result_id"] == result_id("wales", "denovo", "a", "nation", "wales", "all", "all")


def test_silent_rows_are_refused():
    with pytest.raises(ValueError, match="give no reason"):
        make_results(pd.DataFrame({"measure": ["a"], "status": ["not_derivable"]}), **CONSTANTS)


def test_duplicates_unknown_columns_and_statuses_are_refused():
    with pytest.raises(ValueError, match="are listed twice"):
        make_results(pd.DataFrame({"measure": ["a", "a"]}), **CONSTANTS)
    with pytest.raises(ValueError, match="not columns of a result"):
        make_results(pd.DataFrame({"measure": ["a"], "colour": ["red"]}), **CONSTANTS)
    with pytest.raises(ValueError, match="status"):
        make_results(pd.DataFrame({"measure": ["a"], "status": ["fine"]}), **CONSTANTS)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    file = tmp_path / "x.parquet"
    write_frame(pd.DataFrame({"a": [1]}), file)
    with pytest.raises(Exception, match=r"(?i)convert|expected|type"):
        write_frame(pd.DataFrame({"a": [1, {"b": object()}]}), file)
    assert pd.read_parquet(file)["a"].tolist() == [1]
    assert [p.name for p in tmp_path.iterdir()] == ["x.parquet"]
