"""From an engine's tables to pandas frames with the documented types."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from ibis.expr.types import Table

from naome.cohort.columns import list_columns
from naome.core.definitions import Definitions


def fetch_analysis(described: Table, definitions: Definitions) -> pd.DataFrame:
    """Fetch an analysis table from its engine, with the documented types (nullable integers and booleans, text)."""
    kinds = {
        "integer": (pa.int64(), pd.Int64Dtype()),
        "boolean": (pa.bool_(), pd.BooleanDtype()),
        "number": (pa.float64(), None),
        "category": (pa.string(), pd.StringDtype()),
        "date": (pa.timestamp("s"), None),
    }
    schema = pa.schema([(column.name, kinds[column.kind][0]) for column in list_columns(definitions)])
    return described.to_pyarrow().cast(schema).to_pandas(types_mapper=dict(kinds.values()).get)


def type_primary(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the counts of everyone with primary cancer their types, whatever the engine makes of empty columns."""
    kinds = dict.fromkeys(frame.columns, "string") | {
        "diagnosis_year": "int64",
        "people": "int64",
        "deprivation": "Int64",
        "age_under_70": "bool",
        "metastatic_record": "bool",
    }
    return frame.astype(kinds)
