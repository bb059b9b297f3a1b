"""Turn named covariates into columns of numbers: numeric, one-hot, and restricted cubic splines."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["Design", "build_design", "restricted_cubic_spline"]

# Harrell (2015) Regression Modeling Strategies, table 2.3: default knot quantiles
KNOT_QUANTILES = {
    3: (0.10, 0.50, 0.90),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.50, 0.725, 0.95),
    6: (0.05, 0.23, 0.41, 0.59, 0.77, 0.95),
    # printed there to four decimals; evenly spread in full precision, as in Hmisc and rms
    7: tuple(0.025 + 0.95 * i / 6 for i in range(7)),
}
_SPLINE = re.compile(r"^\s*rcs\(\s*(?P<column>.+?)\s*,\s*(?P<knots>\d+)\s*\)\s*$")


@dataclass(frozen=True)
class _Term:
    column: str
    kind: str  # "numeric", "levels" or "spline"
    levels: tuple = ()
    knots: tuple[float, ...] = ()

    @property
    def names(self) -> list[str]:
        if self.kind == "levels":
            return [f"{self.column}[{level}]" for level in self.levels[1:]]
        if self.kind == "spline":
            return [self.column + "'" * i for i in range(len(self.knots) - 1)]
        return [self.column]


@dataclass(frozen=True)
class Design:
    """The recipe for a design matrix, learnt on one frame and applied to others."""

    terms: tuple[_Term, ...]

    @property
    def names(self) -> list[str]:
        """Column names of the matrix, in order."""
        return [name for term in self.terms for name in term.names]

    def matrix(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Build the design matrix of a frame.

        Parameters
        ----------
        frame : pandas.DataFrame
            Holds every covariate; levels must have been seen when the design was built.

        Returns
        -------
        pandas.DataFrame
            float, shape (n, p), same index; no intercept.

        Raises
        ------
        ValueError
            Naming the column and value: missing column, missing value, unknown level, not a number.

        Examples
        --------
        >>> frame = pd.DataFrame({"size": ["s", "m"]})
        >>> build_design(frame, ["size"]).matrix(frame).values.tolist()
        [[1.0], [0.0]]
        """
        blocks = [_term_columns(term, frame) for term in self.terms]
        values = np.column_stack(blocks) if blocks else np.zeros((len(frame), 0))
        return pd.DataFrame(values, columns=self.names, index=frame.index)


def build_design(frame: pd.DataFrame, covariates) -> Design:
    """Learn levels and knots of covariates from a frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per person, no missing values in the covariates.
    covariates : list of str
        Column names, or ``"rcs(column, k)"`` for a restricted cubic spline with k = 3..7 knots at Harrell's quantiles.
        Numeric and boolean columns enter as they are, whatever their type (numbers kept as objects are numbers); text
        and categorical columns become indicators against their first level (the first category in use, else the first
        in sorted order).

    Returns
    -------
    Design

    Raises
    ------
    ValueError
        Naming what is missing, repeated or not allowed.

    Examples
    --------
    >>> build_design(pd.DataFrame({"age": range(100)}), ["rcs(age, 4)"]).names
    ['age', "age'", "age''"]
    """
    if covariates is None or isinstance(covariates, str):
        raise ValueError(f"covariates is {covariates!r}; give a list of names (an empty one for no adjustment)")
    terms = tuple(_read_term(each, frame) for each in covariates)
    columns = [term.column for term in terms]
    repeated = {column for column in columns if columns.count(column) > 1}
    if repeated:
        raise ValueError(f"covariate {sorted(repeated)[0]!r} is given more than once")
    return Design(terms)


def restricted_cubic_spline(x, knots) -> np.ndarray:
    """Compute the restricted cubic spline basis: linear beyond the outer knots.

    Parameters
    ----------
    x : array of float, shape (n,)
        Values.
    knots : sequence of float, length k >= 3
        Increasing.

    Returns
    -------
    numpy.ndarray, shape (n, k - 1)
        x itself and k - 2 non-linear terms, divided by (last knot - first knot)^2 so that all are in the unit of x.

    Notes
    -----
    Harrell (2015) eq. 2.25, the parametrisation of R's ``rms::rcs`` and ``Hmisc::rcspline.eval(norm=2)``.

    Examples
    --------
    >>> restricted_cubic_spline([0.0, 1.0, 2.0, 3.0], [0, 1, 2]).round(3)[:, 1].tolist()
    [0.0, 0.25, 1.5, 3.0]
    """
    x, knots = np.asarray(x, dtype=float), np.asarray(knots, dtype=float)
    last, before = knots[-1], knots[-2]

    def cube(shift):
        return np.maximum(x - shift, 0.0) ** 3

    columns = [x]
    for knot in knots[:-2]:
        bend = (
            cube(knot) - cube(before) * (last - knot) / (last - before) + cube(last) * (before - knot) / (last - before)
        )
        columns.append(bend / (last - knots[0]) ** 2)
    return np.column_stack(columns)


def _read_term(covariate: str, frame: pd.DataFrame) -> _Term:
    spline = _SPLINE.match(str(covariate))
    column = spline["column"] if spline else covariate
    if column not in frame.columns:
        raise ValueError(f"covariate {column!r} is not a column of the frame; it has {list(frame.columns)}")
    values = frame[column]
    if isinstance(values, pd.DataFrame):
        raise ValueError(f"covariate {column!r} is in the frame {values.shape[1]} times; rename or drop all but one")
    _refuse_missing(values)
    if values.dtype.kind in "mM":
        raise ValueError(f"covariate {column!r} holds dates or time spans; turn it into a number or a category first")
    if spline:
        return _Term(column, "spline", knots=_place_knots(_numbers(values), column, int(spline["knots"])))
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = tuple(values.cat.remove_unused_categories().cat.categories)
    elif _holds_numbers(values):
        return _Term(column, "numeric")
    else:
        levels = _sort_levels(values)
    if len(levels) < 2:
        raise ValueError(f"covariate {column!r} is {levels[0]!r} for everyone; omit it")
    return _Term(column, "levels", levels=levels)


def _sort_levels(values: pd.Series) -> tuple:
    try:
        return tuple(sorted(values.unique()))
    except TypeError:
        kinds = sorted({type(value).__name__ for value in values})
        raise ValueError(f"covariate {values.name!r} mixes {kinds}; make it text, numbers or a category") from None


def _holds_numbers(values: pd.Series) -> bool:
    if values.dtype == object:
        return pd.api.types.infer_dtype(values) in ("integer", "floating", "mixed-integer-float", "decimal", "boolean")
    return pd.api.types.is_numeric_dtype(values.dtype)  # includes bool


def _place_knots(values: np.ndarray, column: str, number: int) -> tuple[float, ...]:
    if number not in KNOT_QUANTILES:
        raise ValueError(f"rcs({column}, {number}): the number of knots must be one of {list(KNOT_QUANTILES)}")
    knots = np.quantile(values, KNOT_QUANTILES[number])
    if len(np.unique(knots)) < number:
        raise ValueError(f"rcs({column}, {number}): knots {knots.tolist()} coincide; use fewer knots or a linear term")
    return tuple(float(knot) for knot in knots)


def _term_columns(term: _Term, frame: pd.DataFrame) -> np.ndarray:
    if term.column not in frame.columns:
        raise ValueError(f"covariate {term.column!r} is not a column of the frame; it has {list(frame.columns)}")
    values = frame[term.column]
    _refuse_missing(values)
    if term.kind == "spline":
        return restricted_cubic_spline(_numbers(values), term.knots)
    if term.kind == "numeric":
        return _numbers(values)[:, None]
    codes = pd.Index(term.levels).get_indexer(pd.Index(values.astype(object)))
    if (codes < 0).any():
        row = int(np.flatnonzero(codes < 0)[0])
        raise ValueError(
            f"covariate {term.column!r} is {values.iloc[row]!r} in row {row}; allowed: {list(term.levels)}"
        )
    return (codes[:, None] == np.arange(1, len(term.levels))[None, :]).astype(float)


def _numbers(values: pd.Series) -> np.ndarray:
    try:
        return values.to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"covariate {values.name!r} is not numeric; it holds for example {values.iloc[0]!r}") from None


def _refuse_missing(values: pd.Series) -> None:
    missing = values.isna()
    if missing.any():
        raise ValueError(
            f"covariate {values.name!r} is missing in {int(missing.sum())} of {len(values)} rows (first: row "
            f"{int(np.flatnonzero(missing.to_numpy())[0])}); impute first, or leave these people out and say so"
        )
