"""What may be shown, by type: frames that passed disclosure control, and frames that hold no counts of people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass

import numpy as np
import pandas as pd

from naome.core.results import NUMBERS

_TOKEN = object()
HOW = (
    "Hint: results are released by run.release(...), counts of people by naome.release.release_counts(...); "
    "what holds no count of people is declared with naome.release.declare_not_counts(what, why)."
)


@dataclass(frozen=True)
class Hidden:
    """A number that is suppressed; no arithmetic is possible with it.

    Attributes
    ----------
    words : str
        What is shown in its place.
    """

    words: str = "suppressed"

    def __repr__(self) -> str:
        return self.words


HIDDEN = Hidden()


def is_hidden(value: object) -> bool:
    """Return whether a value is a number that is suppressed.

    Examples
    --------
    >>> is_hidden(HIDDEN), is_hidden(12)
    (True, False)
    """
    return isinstance(value, Hidden)


def shown_numbers(values: pd.Series) -> pd.Series:
    """Return values as numbers to draw; a hidden one is NaN."""
    return values.mask(values.map(is_hidden).astype(bool)).astype("float64")


@dataclass(frozen=True, eq=False)
class Released:
    """A frame that may be shown; only :mod:`naome.release` makes one.

    Attributes
    ----------
    frame : DataFrame
        Results with their status, or counts in which a hidden one is ``HIDDEN``.
    """

    frame: pd.DataFrame
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise TypeError(f"only naome.release makes a Released. {HOW}")

    def where(self, **key: object) -> Released:
        """Return the rows with these values; a list or tuple allows each of its values."""
        frame = self.frame
        for column, value in key.items():
            allowed = value if isinstance(value, list | tuple) else [value]
            frame = frame[frame[column].isin(allowed)]
        return Released(frame, _TOKEN)

    def transform(self, function: Callable[[pd.DataFrame], pd.DataFrame]) -> Released:
        """Return what a function makes of the released frame and of nothing else that counts people."""
        return Released(function(self.frame.copy()), _TOKEN)


@dataclass(frozen=True, eq=False)
class Declared:
    """A frame that holds no counts of people.

    Attributes
    ----------
    frame : DataFrame
    why : str
        A sentence: what the numbers are instead.
    """

    frame: pd.DataFrame
    why: str


def declare_not_counts(what: pd.DataFrame | str, why: str) -> Declared:
    """Declare that a frame, or a text, holds no counts of people.

    Parameters
    ----------
    what : DataFrame or str
        For example coefficients, published figures, dates, texts of rules, numbers of organisations.
    why : str
        A sentence that says what the numbers are. A test lists all of them.

    Raises
    ------
    ValueError
        If the reason is not a sentence.

    Examples
    --------
    >>> declare_not_counts(pd.DataFrame({"term": ["age"], "ratio": [1.2]}), "Coefficients of a model.").why
    'Coefficients of a model.'
    """
    if not (why[:1].isupper() and why.endswith(".")):
        raise ValueError(f"why is {why!r}; say in a sentence what the numbers are if not counts of people")
    return Declared(pd.DataFrame({"text": [what]}) if isinstance(what, str) else what, why)


def join_released(parts: Iterable[Released]) -> Released:
    """Put released frames one below the other."""
    return Released(pd.concat([part.frame for part in parts], ignore_index=True), _TOKEN)


def suppress_rows(frame: pd.DataFrame, rows: pd.Series, reason: str) -> pd.DataFrame:
    """Suppress the numbers of some rows of results, for a reason; rows without numbers keep theirs."""
    rows = rows & frame["status"].isin(["ok", "too_few"])
    frame.loc[rows, "status"], frame.loc[rows, "reason"] = "suppressed", reason
    frame.loc[rows, NUMBERS] = np.nan
    frame.loc[rows, ["denominator", "numerator"]] = pd.NA
    return frame


def release_checked(frame: pd.DataFrame) -> Released:
    """Wrap a frame that a function of this package has protected."""
    return Released(frame, _TOKEN)
