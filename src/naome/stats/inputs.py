"""Check survival data before it is counted: one place, one wording.

Times that differ by rounding only are one time. 24 + 193/12 and 25 + 181/12 years are the same age, but not the same
floating-point number; left alone, tied deaths come apart and somebody who enters at a death is counted at risk for it.
:func:`check_survival` therefore gives times closer than 1.5e-8 of the mean follow-up time the value of the first of
them, as R's ``survival`` does (``timefix``). R also merges times less than 1.5e-8 apart whatever their unit; that is
not done here, because it would merge everything measured in very large units.
"""

from __future__ import annotations

import datetime as dt
import numbers

import numpy as np
import pandas as pd
from scipy import special

__all__ = [
    "check_columns",
    "check_durations",
    "check_events",
    "check_groups",
    "check_same_rows",
    "check_survival",
    "check_times",
    "merge_close_times",
    "normal_quantile",
    "read_numbers",
]

# of the mean distinct time: the square root of the machine precision, R's choice
SAME_TIME = float(np.sqrt(np.finfo(float).eps))


#: Entry of a person who is not truncated: before every time, so that a death at time 0 is one at risk
FROM_THE_START = -1.0


def check_survival(duration, event, entry=None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return duration, event and entry as arrays, or say which value is not allowed.

    Parameters
    ----------
    duration : array of float, shape (n,)
        Time from origin to death or censoring, >= 0, any unit.
    event : array, shape (n,)
        1 (True) for a death, 0 (False) for censoring.
    entry : array of float, shape (n,), or None
        Time at which observation starts, less than the duration. At 0 or before means from the start: such a person is
        at risk at time 0 and may have an event there.

    Returns
    -------
    tuple
        (duration as float, event as bool, entry as float or None), times that differ by rounding only made equal; an
        entry at 0 or before is -1.

    Raises
    ------
    ValueError
        Naming the position and the value: missing, negative or infinite times, an event that is not 0 or 1,
        entry >= duration (or less by rounding only), or arrays of unequal length.

    Examples
    --------
    >>> check_survival([1, 2], [0, 1])[1].tolist()
    [False, True]
    """
    check_same_rows(duration=duration, event=event, entry=entry)
    duration = check_durations(duration)
    event = check_events(event, len(duration))
    if entry is None:
        return merge_close_times(duration)[0], event, None
    entry = read_numbers(entry, "entry")
    if entry.shape != duration.shape:
        raise ValueError(f"entry has shape {entry.shape} but duration has {duration.shape}; they must agree")
    merged, merged_entry = merge_close_times(duration, entry)
    merged_entry = np.where(merged_entry <= 0, FROM_THE_START, merged_entry)
    wrong = ~is_observed(merged, merged_entry)  # written this way round so that NaN is caught
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"entry[{at}] is {entry[at]:g} and duration[{at}] is {duration[at]:g}; entry must be less than duration "
            "(drop people with no time under observation, and count them)"
        )
    return merged, event, merged_entry


def is_observed(duration: np.ndarray, entry: np.ndarray) -> np.ndarray:
    """Return who has time under observation: who enters before the end, or is there from the start.

    Parameters
    ----------
    duration, entry : array of float, shape (n,)
        As in :func:`check_survival`. An entry at 0 or before is from the start: a death at time 0 is then observed.

    Returns
    -------
    numpy.ndarray of bool, shape (n,)
        False where a time is missing.

    Examples
    --------
    >>> is_observed(np.array([0.0, 2, 2]), np.array([0.0, 1, 2])).tolist()
    [True, True, False]
    """
    return ((entry <= 0) & (duration >= 0)) | (entry < duration)


def check_same_rows(**columns) -> None:
    """Check that columns of pandas have one index: they are taken row by row, whatever their labels say.

    Parameters
    ----------
    **columns
        Name -> Series, frame or anything else; only the first two have an index.

    Returns
    -------
    None

    Raises
    ------
    ValueError
        Naming the first two columns whose indexes differ.

    Examples
    --------
    >>> check_same_rows(duration=pd.Series([1, 2]), event=[0, 1])
    """
    series = {name: column for name, column in columns.items() if isinstance(column, pd.Series | pd.DataFrame)}
    first = next(iter(series), "")
    for name, column in series.items():
        if not column.index.equals(series[first].index):
            raise ValueError(f"{first} and {name} have different indexes; give columns of one frame, or arrays")


def merge_close_times(*arrays: np.ndarray) -> list[np.ndarray]:
    """Give times that differ by rounding only the value of the smallest of them.

    Parameters
    ----------
    *arrays : array of float, shape (n,)
        Times on one scale; infinite and missing ones are left alone.

    Returns
    -------
    list of numpy.ndarray
        The same times, in order; unchanged where nothing is close.

    Notes
    -----
    R's ``survival::aeqSurv``: neighbours among the distinct times are one time when they are at most 1.5e-8 times the
    mean of the distinct times apart.

    Examples
    --------
    >>> merge_close_times(np.array([0.1 + 0.2, 0.3, 0.4]))[0].tolist()
    [0.3, 0.3, 0.4]
    """
    times = np.unique(np.concatenate(arrays))
    times = times[np.isfinite(times)]
    if len(times) < 2:
        return list(arrays)
    apart = np.diff(times) > SAME_TIME * np.abs(times).mean()
    if apart.all():
        return list(arrays)
    kept = times[np.r_[True, apart]]
    return [np.where(np.isfinite(each), kept[_last_not_after(kept, each)], each) for each in arrays]


def check_durations(duration, name: str = "duration") -> np.ndarray:
    """Return durations as a float array, or name the first one that is missing, negative or infinite.

    Parameters
    ----------
    duration : array of float, shape (n,)
        Times, >= 0, at least one.
    name : str
        What to call it in the message.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    ValueError
        Naming position and value.

    Examples
    --------
    >>> check_durations([1, 2.5]).tolist()
    [1.0, 2.5]
    """
    duration = read_numbers(duration, name)
    if duration.ndim != 1 or not len(duration):
        raise ValueError(f"{name} has shape {duration.shape}; it must be one-dimensional with at least one person")
    wrong = ~(np.isfinite(duration) & (duration >= 0))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"{name}[{at}] is {duration[at]:g}; it must be a number >= 0")
    return duration


def check_events(event, n: int, name: str = "event") -> np.ndarray:
    """Return an event indicator as a bool array, or name the first value that is not 0 or 1.

    Parameters
    ----------
    event : array, shape (n,)
        0/1 or False/True, none missing.
    n : int
        Number of people expected.
    name : str
        What to call it in the message.

    Returns
    -------
    numpy.ndarray of bool

    Raises
    ------
    ValueError
        Naming position and value, or the two lengths.

    Examples
    --------
    >>> check_events([0, 1], 2).tolist()
    [False, True]
    """
    event = read_numbers(event, name)
    if event.shape != (n,):
        raise ValueError(f"{name} has shape {event.shape} but there are {n} people; they must agree")
    wrong = ~((event == 0) | (event == 1))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        allowed = "0 (censored) or 1 (event)" if name == "event" else "0 or 1"
        raise ValueError(f"{name}[{at}] is {event[at]:g}; allowed: {allowed}")
    return event == 1


def check_groups(group, n: int, name: str = "group") -> tuple[np.ndarray, np.ndarray]:
    """Return integer codes and the sorted labels they stand for.

    Parameters
    ----------
    group : array, shape (n,), or None
        Labels, none missing; None puts everybody in one group called "all". Categories keep their order (unused ones
        are left out); anything else is sorted.
    n : int
        Number of people expected.
    name : str
        What to call it in the message.

    Returns
    -------
    tuple
        (codes 0..G-1 of shape (n,), labels of shape (G,)).

    Raises
    ------
    ValueError
        Naming the position of a missing label, or the two lengths.

    Examples
    --------
    >>> codes, labels = check_groups(["b", "a", "b"], 3)
    >>> codes.tolist(), labels.tolist()
    ([1, 0, 1], ['a', 'b'])
    """
    if group is None:
        return np.zeros(n, dtype=np.int64), np.array(["all"], dtype=object)
    series = pd.Series(group).reset_index(drop=True)
    if len(series) != n:
        raise ValueError(f"{name} has {len(series)} values but there are {n} people; they must agree")
    missing = series.isna().to_numpy()
    if missing.any():
        raise ValueError(f"{name}[{int(np.flatnonzero(missing)[0])}] is missing; every person needs one")
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.cat.remove_unused_categories()
        return series.cat.codes.to_numpy().astype(np.int64), np.asarray(series.cat.categories)
    codes, labels = pd.factorize(series, sort=True)
    return codes.astype(np.int64), np.asarray(labels)


def check_times(at) -> np.ndarray:
    """Return requested times as a float array, or name the first that is missing, negative or infinite.

    Parameters
    ----------
    at : float or list of float
        Times since origin, >= 0.

    Returns
    -------
    numpy.ndarray of float, shape (k,)

    Raises
    ------
    ValueError
        Naming position and value.

    Examples
    --------
    >>> check_times(365.25).tolist()
    [365.25]
    """
    return check_durations(np.atleast_1d(read_numbers(at, "at")), "at")


def check_columns(frame: pd.DataFrame, names) -> None:
    """Raise if a frame has no rows, or lacks or repeats a column.

    Parameters
    ----------
    frame : pandas.DataFrame
    names : list of str
        Columns that are needed.

    Returns
    -------
    None

    Raises
    ------
    ValueError
        Naming the column.

    Examples
    --------
    >>> check_columns(pd.DataFrame({"a": [1]}), ["a"])
    """
    for name in names:
        count = int((frame.columns == name).sum())
        if count == 0:
            raise ValueError(f"column {name!r} is not in the frame; it has {list(frame.columns)}")
        if count > 1:
            raise ValueError(f"column {name!r} is in the frame {count} times; rename or drop all but one")
    if not len(frame):
        raise ValueError("the frame has no rows")


def normal_quantile(conf_level: float) -> float:
    """Return the two-sided normal multiplier for a confidence level.

    Parameters
    ----------
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the level is not between 0 and 1.

    Examples
    --------
    >>> round(normal_quantile(0.95), 4)
    1.96
    """
    if not (isinstance(conf_level, numbers.Real) and 0 < conf_level < 1):
        raise ValueError(f"conf_level is {conf_level!r}; it must lie between 0 and 1, e.g. 0.95 (not 95)")
    return float(special.ndtri(0.5 + conf_level / 2))


def _last_not_after(kept: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.maximum(np.searchsorted(kept, times, side="right") - 1, 0)


def read_numbers(values, name: str) -> np.ndarray:
    """Return values as a float array, or name the first one that is no number: nothing is converted without a word.

    Parameters
    ----------
    values : array-like
        Numbers or booleans of any type; missing and masked ones become NaN.
    name : str
        What to call it in the message.

    Returns
    -------
    numpy.ndarray of float
        Of the shape of `values`.

    Raises
    ------
    ValueError
        For dates and spans of time, text (that of numbers too), complex numbers and anything else that is no number,
        with its position.

    Examples
    --------
    >>> read_numbers([1, None, 2.5], "duration").tolist()
    [1.0, nan, 2.5]
    """
    plain_frame = isinstance(values, pd.DataFrame) and all(map(_is_plain, values.dtypes))
    if getattr(getattr(values, "dtype", None), "kind", "") in tuple("mM") or (not plain_frame and _holds_dates(values)):
        # as plain numbers these would be nanoseconds or days
        raise ValueError(f"{name} holds dates or time spans; give numbers, e.g. spans / pandas.Timedelta(days=1)")
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(object), np.nan)
    if isinstance(values, pd.Series) and _is_plain(values.dtype):
        return values.to_numpy(dtype=float, na_value=np.nan)
    if plain_frame:
        return values.to_numpy(dtype=float, na_value=np.nan)
    try:
        flat = np.asarray(values)
        if flat.dtype.kind in "USc":
            raise TypeError("text and complex numbers are no numbers here")
        if flat.dtype.kind == "O":
            if any(isinstance(each, str | bytes) for each in flat.flat):
                raise TypeError("text is no number")
            flat = np.where(pd.isna(flat), np.nan, flat)
        return np.asarray(flat, dtype=float)
    except (TypeError, ValueError):
        flat = np.asarray(values, dtype=object).ravel()
        at = next((i for i, value in enumerate(flat) if not _is_number(value)), None)
        said = f"{name} holds something" if at is None else f"{name}[{at}] is {flat[at]!r}; it must be"
        raise ValueError(f"{said} {'that is no number' if at is None else 'a number'}") from None


def _is_plain(dtype) -> bool:
    """Return whether a column holds numbers or booleans by its type."""
    return pd.api.types.is_numeric_dtype(dtype) and getattr(dtype, "kind", "") != "c"


def _holds_dates(values) -> bool:
    if isinstance(values, np.ndarray | pd.Series) and values.dtype != object:
        return False
    kinds = (np.datetime64, np.timedelta64, dt.date, dt.timedelta)
    return any(isinstance(each, kinds) and not pd.isna(each) for each in np.asarray(values, dtype=object).flat)


def _is_number(value) -> bool:
    if value is None or value is pd.NA:
        return True  # missing, which is told apart later
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, str | bytes | complex)
