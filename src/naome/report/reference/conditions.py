"""Conditions of definitions in words, from what the columns of the analysis table mean."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from naome.cohort.columns import list_columns
from naome.core.definitions import Definitions
from naome.measures.expressions import Expression

EVERYONE = "everyone in the cohort"
WORDS = {
    ast.Eq: "", ast.NotEq: "not ", ast.LtE: "at most ", ast.Lt: "below ", ast.GtE: "at least ", ast.Gt: "above ",
    ast.In: "", ast.NotIn: "neither ",
}  # fmt: skip
#: The same comparison read from the other side: 18 <= age
MIRRORED = {ast.LtE: ast.GtE, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.Gt: ast.Lt}


def say_condition(condition: Expression | None, definitions: Definitions) -> str:
    """Say a condition in words: what each column means, and the value that it must have.

    Parameters
    ----------
    condition : Expression, optional
        Everyone in the cohort where there is none.
    definitions : Definitions
        Whose columns of the analysis table the condition names.

    Examples
    --------
    >>> from naome.core.definitions import project_definitions
    >>> from naome.measures.expressions import parse_expression
    >>> condition = parse_expression('age >= 70 and not (m1 or missing(her2))', "example")
    >>> say_condition(condition, project_definitions())[:60]
    'completed years at the time origin: at least 70; and not (M '
    """
    if condition is None:
        return EVERYONE
    meanings = {column.name: _shorten(column.meaning) for column in list_columns(definitions)}
    return _say(condition.tree, meanings, dict(condition.windows))


def _shorten(meaning: str) -> str:
    """Take of a meaning what names the column, in the middle of a sentence."""
    named = meaning.partition(":")[0].partition(";")[0].rstrip(".")
    first = named.partition(" ")[0]
    # an abbreviation keeps its capitals, as the M of the M category does
    abbreviated = first.isupper() and first != "A"
    return named if abbreviated else named[:1].lower() + named[1:]


def _say(node: ast.expr, meanings: Mapping[str, str], windows: Mapping[str, int]) -> str:
    if isinstance(node, ast.BoolOp):
        parts = [_say_part(each, meanings, windows) for each in node.values]
        if isinstance(node.op, ast.And):
            return "; and ".join(parts)
        columns, values = zip(*(part.rpartition(": ")[::2] for part in parts), strict=True)
        one = columns[0] and len(set(columns)) == 1
        return f"{columns[0]}: {' or '.join(values)}" if one else "; or ".join(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        if isinstance(node.operand, ast.Call):
            return f"{_say(node.operand.args[0], meanings, windows)}: recorded"
        return f"not ({_say(node.operand, meanings, windows)})"
    if isinstance(node, ast.Compare):
        return _say_comparison(node, meanings, windows)
    if isinstance(node, ast.Call):
        return f"{_say(node.args[0], meanings, windows)}: not recorded"
    if isinstance(node, ast.Name):
        return str(windows[node.id]) if node.id in windows else meanings[node.id]
    value = ast.literal_eval(node)
    return value.replace("_", " ") if isinstance(value, str) else f"{value:,}"


def _say_part(node: ast.expr, meanings: Mapping[str, str], windows: Mapping[str, int]) -> str:
    inside = _say(node, meanings, windows)
    return f"({inside})" if isinstance(node, ast.BoolOp) and "; " in inside else inside


def _say_comparison(node: ast.Compare, meanings: Mapping[str, str], windows: Mapping[str, int]) -> str:
    parts, left = [], node.left
    for op, right in zip(node.ops, node.comparators, strict=True):
        column, value, kind = left, right, type(op)
        if not (isinstance(left, ast.Name) and left.id in meanings):
            column, value, kind = right, left, MIRRORED.get(kind, kind)
        values = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
        said = (" nor " if kind is ast.NotIn else " or ").join(_say(each, meanings, windows) for each in values)
        parts.append(f"{_say(column, meanings, windows)}: {WORDS[kind]}{said}")
        left = right
    return "; and ".join(parts)
