"""Small expressions over the analysis table, parsed against an allow-list and never evaluated as code.

The language has ``and``, ``or``, ``not``, comparisons of a column with a number, a
quoted text, a named window or a column, ``in`` with a list of those, and ``missing(column)``.
A column that is true or false stands alone: ``m1``, ``not m1``.
Logic has three values: a comparison with a missing item is missing, and whoever's
condition is missing is not counted.
"""

from __future__ import annotations

import ast
import operator
import warnings
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from naome.cohort.columns import AnalysisColumn, list_columns
from naome.core.definitions import project_definitions
from naome.core.errors import DefinitionError, suggest

LONGEST = 1_000  # characters of an expression
DEEPEST = 20  # operations inside each other
LARGEST = 1_000_000  # what a number may be
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
    kinds : tuple of str
        Kind of each of them: boolean, integer, category or date.
    """

    text: str
    where: str
    tree: ast.expr = field(compare=False)  # the text, parsed
    windows: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    kinds: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """Columns and windows that it names."""
        return frozenset(node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))

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


def parse_expression(
    text: str,
    where: str,
    windows: dict[str, int] | None = None,
    columns: tuple[AnalysisColumn, ...] | None = None,
) -> Expression:
    """Parse and check an expression.

    Parameters
    ----------
    text : str
        For example ``er == "positive" and missing(her2) and cdk46_days <= first_line``.
    where : str
        File and key it stands in, for the error message.
    windows : dict of str to int, optional
        Named numbers, e.g. ``{"first_line": 365}``.
    columns : tuple of AnalysisColumn
        Columns that may be named; those of the checkout's definitions by default.

    Raises
    ------
    DefinitionError
        For a syntax error, anything outside the language, an unknown name, a
        comparison of a column with a value of another type, with a value that
        the column never takes, or without a column, and for more than 1,000 characters
        or 20 operations inside each other.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": pd.array([40, None], dtype="Int64")})
    >>> parse_expression("age >= 18", "example").evaluate(frame).tolist()
    [True, False]
    """
    tree = _parse(text, where)
    checker = _Checker(text, where, windows or {}, columns or list_columns(project_definitions()))
    if checker.kind(tree) != "boolean":
        raise DefinitionError(f"{where}: {text!r} is not a condition; write a comparison, e.g. age >= 70")
    named = tuple(dict.fromkeys(checker.columns))
    kinds = tuple(checker.kinds[name] for name in named)
    return Expression(text, where, tree, tuple((windows or {}).items()), named, kinds)


def _parse(text: str, where: str) -> ast.expr:
    """Return the syntax tree of a text within bounds."""
    if len(text) > LONGEST:
        raise DefinitionError(
            f"{where}: an expression of {len(text):,} characters, beginning {text[:40]!r}; allowed: {LONGEST:,}"
        )
    try:
        with warnings.catch_warnings(action="error"):
            tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise DefinitionError(
            f"{where}: {text!r} is not an expression: {error.msg} at character {error.offset}"
        ) from None
    except (ValueError, RecursionError, MemoryError):  # a NUL, half of a character, nested too deep
        raise DefinitionError(f"{where}: {text!r} is not an expression") from None
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if depth > DEEPEST:
        raise DefinitionError(f"{where}: {text!r} nests {depth} operations inside each other; allowed: {DEEPEST}")
    return tree


class _Checker:
    def __init__(self, text: str, where: str, windows: dict[str, int], columns: tuple[AnalysisColumn, ...]) -> None:
        self.text, self.where, self.windows = text, where, windows
        self.values = {column.name: column.values for column in columns if column.values}
        self.kinds = {column.name: column.kind.replace("number", "integer") for column in columns}
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
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, int | float | str)
            and not isinstance(node.value, bool)
        ):
            return self._constant(node.value)
        self._refuse(f"{ast.unparse(node)!r} is not allowed")

    def _constant(self, value: float | str) -> str:
        if isinstance(value, str):
            if not value.isprintable():
                self._refuse("a quoted text holds a character that cannot be printed")
            return "category"
        if not abs(value) <= LARGEST:
            self._refuse(f"a number is larger than {LARGEST:,}")
        return "integer"

    def _comparison(self, node: ast.Compare) -> str:
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            kind = self.kind(left)
            if isinstance(op, ast.In | ast.NotIn):
                kinds = [self.kind(item) for item in self._members(left, right)]
            elif type(op) in COMPARISONS:
                if not self._is_column(left) and not self._is_column(right):
                    self._refuse(f"{ast.unparse(node)!r} compares no column; it is true for everyone or for no one")
                kinds = [self.kind(right)]
            else:
                self._refuse(f"the comparison in {ast.unparse(node)!r} is not allowed")
            self._need(kinds, kind, ast.unparse(node))
            if kind in ("category", "boolean") and not isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                self._refuse(f"{ast.unparse(node)!r} orders values that have no order")
            self._check_values(left, right)
            left = right
        return "boolean"

    def _members(self, left: ast.expr, right: ast.expr) -> list[ast.expr]:
        """Return the values of an ``in``; refuse all but a column in a list of values, at the end of a chain."""
        if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
            self._refuse("'in' needs a list of values in square brackets")
        if not self._is_column(left):
            self._refuse("'in' needs a column on its left")
        if any(self._is_column(item) for item in right.elts):
            self._refuse("the list of 'in' holds a column; allowed: numbers, quoted texts and windows")
        return right.elts

    def _is_column(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id not in self.windows

    def _check_values(self, left: ast.expr, right: ast.expr) -> None:
        """Refuse a value that a column never takes: a misspelt one would quietly select nobody."""
        sides = [left, *(right.elts if isinstance(right, ast.List | ast.Tuple) else [right])]
        named = [side.id for side in sides if isinstance(side, ast.Name)]
        for side in sides:
            if isinstance(side, ast.Constant) and isinstance(side.value, str):
                for column in named:
                    allowed = self.values.get(column, (side.value,))
                    if side.value not in allowed:
                        hint = suggest(side.value, list(allowed))
                        self._refuse(f"{column} is never {side.value!r}{hint}; values: {', '.join(allowed)}")

    def _missing(self, node: ast.Call) -> str:
        simple = (
            isinstance(node.func, ast.Name) and node.func.id == "missing" and len(node.args) == 1 and not node.keywords
        )
        column = node.args[0] if simple else None
        if not isinstance(column, ast.Name):
            self._refuse(f"{ast.unparse(node)!r}: the only function is missing(column)")
        if not self._is_column(column):
            self._refuse(f"{ast.unparse(node)!r}: a window is never missing; missing() takes a column")
        self._name(column.id)
        return "boolean"

    def _name(self, name: str) -> str:
        if name in self.windows:
            return "integer"
        if name not in self.kinds:
            known = [*self.kinds, *self.windows]
            self._refuse(f"unknown column {name!r}{suggest(name, known)}")
        self.columns.append(name)
        return self.kinds[name]

    def _need(self, kinds: list[str], wanted: str, what: str) -> None:
        for kind in kinds:
            if kind != wanted:
                self._refuse(f"{what}: wrong type, {kind} where {wanted} is needed")

    def _refuse(self, message: str) -> NoReturn:
        raise DefinitionError(f"{self.where}: {message} (in {self.text!r})")


def _evaluate(node: ast.expr, frame: pd.DataFrame, windows: dict[str, int]) -> Any:
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
        return _evaluate(node.args[0], frame, windows).isna().astype("boolean")
    if isinstance(node, ast.Name):
        return windows[node.id] if node.id in windows else frame[node.id]
    return ast.literal_eval(node)


def _compare(node: ast.Compare, frame: pd.DataFrame, windows: dict[str, int]) -> pd.Series:
    left, total = _evaluate(node.left, frame, windows), None
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        if isinstance(comparator, ast.List | ast.Tuple):
            right = [_evaluate(item, frame, windows) for item in comparator.elts]
            held = left.isin(right).astype("boolean").mask(left.isna())
            held = ~held if isinstance(op, ast.NotIn) else held
        else:
            right = _evaluate(comparator, frame, windows)
            held = COMPARISONS[type(op)](left, right)
        total = held if total is None else total & held
        left = right
    return total
