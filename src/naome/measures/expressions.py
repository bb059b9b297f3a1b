"""Small expressions over the analysis table, parsed against an allow-list and never evaluated as code.

The language has ``and``, ``or``, ``not``, comparisons, ``in``, ``missing(x)``,
names of documented columns, named windows, numbers, true, false and quoted text.
Logic has three values: a comparison with a missing item is missing, and whoever's
condition is missing is not counted.
"""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from naome.cohort.columns import COLUMNS
from naome.errors import DefinitionError, suggest

VALUES = {column.name: column.values for column in COLUMNS if column.values}
KINDS = {column.name: column.kind.replace("number", "integer") for column in COLUMNS}
COMPARISONS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True)
class Expression:
    """A checked expression.

    Attributes
    ----------
    text : str
    where : str
        File and key, for messages.
    columns : tuple of str
        Columns of the analysis table it reads.
    """

    text: str
    where: str
    tree: ast.expr
    windows: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]

    def evaluate(self, frame: pd.DataFrame) -> np.ndarray:
        """Return whether the condition holds for each row; missing counts as not.

        Parameters
        ----------
        frame : DataFrame
            The analysis table.
        """
        value = _evaluate(self.tree, frame, dict(self.windows))
        value = value if isinstance(value, pd.Series) else pd.Series(value, index=frame.index, dtype="boolean")
        return value.astype("boolean").fillna(False).to_numpy(dtype=bool)


def parse_expression(text: str, where: str, windows: dict[str, int] | None = None) -> Expression:
    """Parse and check an expression.

    Parameters
    ----------
    text : str
        For example ``er == "positive" and missing(her2) and cdk46_days <= first_line``.
    where : str
        File and key it stands in, for the error message.
    windows : dict of str to int, optional
        Named numbers, e.g. ``{"first_line": 365}``.

    Raises
    ------
    DefinitionError
        For a syntax error, anything outside the language, an unknown name, a
        comparison of a column with a value of another type, or with a value that
        the column never takes.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": pd.array([40, None], dtype="Int64")})
    >>> parse_expression("age >= 18", "example").evaluate(frame).tolist()
    [True, False]
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise DefinitionError(
            f"{where}: {text!r} is not an expression: {error.msg} at character {error.offset}"
        ) from None
    checker = _Checker(text, where, windows or {})
    if checker.kind(tree) != "boolean":
        raise DefinitionError(f"{where}: {text!r} is not a condition; write a comparison, e.g. age >= 70")
    return Expression(text, where, tree, tuple((windows or {}).items()), tuple(dict.fromkeys(checker.columns)))


class _Checker:
    def __init__(self, text: str, where: str, windows: dict[str, int]) -> None:
        self.text, self.where, self.windows = text, where, windows
        self.columns: list[str] = []

    def kind(self, node: ast.expr) -> str:
        """Return boolean, integer, category or date; refuse what is not allowed."""
        if isinstance(node, ast.BoolOp):
            self._need([self.kind(value) for value in node.values], "boolean", "and / or")
            return "boolean"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._need([self.kind(node.operand)], "boolean", "not")
            return "boolean"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            self._need([self.kind(node.operand)], "integer", "-")
            return "integer"
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.Call):
            return self._missing(node)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
            return {bool: "boolean", str: "category"}.get(type(node.value), "integer")
        self._refuse(f"{ast.unparse(node)!r} is not allowed")

    def _comparison(self, node: ast.Compare) -> str:
        left = self.kind(node.left)
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                if not isinstance(right, ast.List | ast.Tuple):
                    self._refuse("'in' needs a list in square brackets")
                kinds = [self.kind(item) for item in right.elts]
            elif type(op) in COMPARISONS:
                kinds = [self.kind(right)]
            else:
                self._refuse(f"the comparison in {ast.unparse(node)!r} is not allowed")
            self._need(kinds, left, ast.unparse(node))
            if left in ("category", "boolean") and not isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                self._refuse(f"{ast.unparse(node)!r} orders values that have no order")
            self._check_values(node.left, right)
        return "boolean"

    def _check_values(self, left: ast.expr, right: ast.expr) -> None:
        """Refuse a value that a column never takes: a misspelt one would quietly select nobody."""
        sides = [left, *(right.elts if isinstance(right, ast.List | ast.Tuple) else [right])]
        named = [side.id for side in sides if isinstance(side, ast.Name)]
        for side in sides:
            if isinstance(side, ast.Constant) and isinstance(side.value, str):
                for column in named:
                    allowed = VALUES.get(column, (side.value,))
                    if side.value not in allowed:
                        hint = suggest(side.value, list(allowed))
                        self._refuse(f"{column} is never {side.value!r}{hint}; values: {', '.join(allowed)}")

    def _missing(self, node: ast.Call) -> str:
        simple = (
            isinstance(node.func, ast.Name) and node.func.id == "missing" and len(node.args) == 1 and not node.keywords
        )
        if not simple or not isinstance(node.args[0], ast.Name):
            self._refuse(f"{ast.unparse(node)!r}: the only function is missing(column)")
        self._name(node.args[0].id)
        return "boolean"

    def _name(self, name: str) -> str:
        if name in self.windows:
            return "integer"
        if name not in KINDS:
            known = [*KINDS, *self.windows]
            self._refuse(f"unknown column {name!r}{suggest(name, known)}")
        self.columns.append(name)
        return KINDS[name]

    def _need(self, kinds: list[str], wanted: str, what: str) -> None:
        for kind in kinds:
            if kind != wanted:
                self._refuse(f"{what}: wrong type, {kind} where {wanted} is needed")

    def _refuse(self, message: str) -> None:
        raise DefinitionError(f"{self.where}: {message} (in {self.text!r})")


def _evaluate(node: ast.expr, frame: pd.DataFrame, windows: dict[str, int]):
    if isinstance(node, ast.BoolOp):
        values = [_evaluate(value, frame, windows) for value in node.values]
        combine = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        total = values[0]
        for value in values[1:]:
            total = combine(total, value)
        return total
    if isinstance(node, ast.UnaryOp):
        value = _evaluate(node.operand, frame, windows)
        return -value if isinstance(node.op, ast.USub) else ~value if isinstance(value, pd.Series) else not value
    if isinstance(node, ast.Compare):
        return _compare(node, frame, windows)
    if isinstance(node, ast.Call):
        return frame[node.args[0].id].isna().astype("boolean")
    if isinstance(node, ast.Name):
        return windows[node.id] if node.id in windows else frame[node.id]
    return node.value


def _compare(node: ast.Compare, frame: pd.DataFrame, windows: dict[str, int]) -> pd.Series:
    left, total = _evaluate(node.left, frame, windows), None
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        if isinstance(op, ast.In | ast.NotIn):
            right = [_evaluate(item, frame, windows) for item in comparator.elts]
            held = left.isin(right).astype("boolean").mask(left.isna())
            held = ~held if isinstance(op, ast.NotIn) else held
        else:
            right = _evaluate(comparator, frame, windows)
            held = COMPARISONS[type(op)](left, right)
        total = held if total is None else total & held
        left = right
    return total
