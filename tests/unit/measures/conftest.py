"""Small analysis tables with every documented column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.cohort.columns import list_columns
from naome.core.definitions import project_definitions
from naome.core.params import load_params

DTYPES = {"category": "string", "integer": "Int64", "number": "float64", "boolean": "boolean", "date": "datetime64[ns]"}


def _make_people(n: int, **columns) -> pd.DataFrame:
    """Return an analysis table of n people; columns not given are missing, and the cohort is denovo."""
    columns = {"cohort": "denovo", "origin_date": "2020-01-01", **columns}
    frame = {}
    for column in list_columns(project_definitions()):
        values = columns.pop(column.name, None)
        values = values if isinstance(values, list | np.ndarray | pd.Series) else [values] * n
        frame[column.name] = pd.Series(list(values)).astype(DTYPES[column.kind])
    assert not columns, f"not columns of the analysis table: {list(columns)}"
    return pd.DataFrame(frame)


@pytest.fixture(scope="session")
def england():
    return load_params("england")


@pytest.fixture(scope="session")
def wales():
    return load_params("wales")


@pytest.fixture(scope="session")
def make_people():
    return _make_people
