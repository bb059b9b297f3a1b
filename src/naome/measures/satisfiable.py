"""Whether a condition can be fulfilled at all: expressions evaluated on every kind of person they could tell apart."""

from __future__ import annotations

import ast
import itertools
from functools import cache

import numpy as np
import pandas as pd

from naome.measures.expressions import Expression

DTYPES = {"boolean": "boolean", "integer": "Int64", "category": "string"}
ANOTHER = "another value"
LARGEST = 200_000


@cache
def count_possible(*conditions: Expression) -> int:
    """Count the kinds of person who fulfil all conditions at once.

    Parameters
    ----------
    *conditions : Expression

    Returns
    -------
    int
        0 when nobody could: the conditions exclude each other.

    Notes
    -----
    People differ only in the columns that the conditions name. Each column takes every value that could matter: both
    truth values; the texts that the conditions name for it and one other; whole numbers just below, at and just above
    every number and window in the conditions, and zero; and missing. All combinations are tried; beyond 200,000 of
    them, that many drawn with a fixed seed.

    Examples
    --------
    >>> from naome.measures.expressions import parse_expression
    >>> positive, negative = (parse_expression(f'her2 == "{v}"', "example") for v in ("positive", "negative"))
    >>> count_possible(positive), count_possible(positive, negative)
    (1, 0)
    """
    frame = make_probe(conditions)
    held = np.ones(len(frame), dtype=bool)
    for condition in conditions:
        held &= condition.evaluate(frame)
    return int(held.sum())


def make_probe(conditions: tuple[Expression, ...]) -> pd.DataFrame:
    """Return one row per kind of person the conditions could tell apart, with the columns they name."""
    kinds = {name: kind for c in conditions for name, kind in zip(c.columns, c.kinds, strict=True)}
    columns = list(kinds)
    values = {name: _values(kind, conditions) for name, kind in kinds.items()}
    if np.prod([float(len(each)) for each in values.values()]) <= LARGEST:
        rows = list(itertools.product(*values.values()))
        drawn = {name: [row[i] for row in rows] for i, name in enumerate(columns)}
    else:
        rng = np.random.default_rng(0)
        drawn = {name: [each[i] for i in rng.integers(len(each), size=LARGEST)] for name, each in values.items()}
    return pd.DataFrame({n: pd.Series(v, dtype=DTYPES.get(kinds[n], "datetime64[ns]")) for n, v in drawn.items()})


def _values(kind: str, conditions: tuple[Expression, ...]) -> list:
    if kind == "boolean":
        return [True, False, None]
    if kind == "category":
        return [*sorted(set(_constants(conditions, str))), ANOTHER, None]
    if kind == "integer":
        edges = {0, *_constants(conditions, int, float), *(days for c in conditions for _, days in c.windows)}
        near = {int(np.floor(edge)) + step for edge in edges for step in (-1, 0, 1)}
        near |= {-edge for edge in near}  # a minus stands outside the number
        return [*sorted(near), None]
    return [pd.Timestamp("2000-01-01"), None]


def _constants(conditions: tuple[Expression, ...], *kinds: type) -> list:
    nodes = (node for condition in conditions for node in ast.walk(condition.tree) if isinstance(node, ast.Constant))
    return [node.value for node in nodes if isinstance(node.value, kinds) and not isinstance(node.value, bool)]
