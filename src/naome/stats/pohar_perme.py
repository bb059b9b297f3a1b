"""Net survival by Pohar Perme's estimator: survival if the disease were the only cause of death.

The hazard that people of the same age, sex and calendar year have anyway comes from a life table. Each person counts
with the inverse of its probability of having survived the other causes, so that the old, who leave early for other
reasons, stay represented. Survival is the product over days of one less the net hazard of the day, as R's ``relsurv``
gives it when asked for every day; with a life table of zeros it is the Kaplan-Meier estimate.

Times are whole days. The hazard of the life table is constant within a year of age and a calendar year; a person moves
to the next cell on the first day on or after its birthday, and on 1 January. Integrals over a day use its middle, which
with a constant hazard within the day leaves an error of about 1e-9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from naome.stats.inputs import (
    check_columns,
    check_same_rows,
    check_survival,
    check_times,
    normal_quantile,
    read_numbers,
)

__all__ = ["LifeTable", "make_life_table", "net_survival", "standardise_survival"]

#: Days of a year of age and of calendar time in a life table
TABLE_YEAR_DAYS = 365.25


@dataclass(frozen=True)
class LifeTable:
    """Mortality of a general population, complete for every sex, year of age and calendar year.

    Attributes
    ----------
    sexes : tuple of str
    first_age, first_year : int
        In completed years; calendar year.
    hazard : numpy.ndarray, shape (sexes, ages, years)
        Per day. Ages and years outside the table have the hazard of the nearest inside it.
    """

    sexes: tuple[str, ...]
    first_age: int
    first_year: int
    hazard: np.ndarray

    @property
    def years(self) -> tuple[int, int]:
        """First and last calendar year."""
        return self.first_year, self.first_year + self.hazard.shape[2] - 1


def make_life_table(frame: pd.DataFrame) -> LifeTable:
    """Make a life table from annual probabilities of death.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``sex``, ``age`` (completed years), ``year`` (calendar year), ``qx`` (probability of death within the year, 0 to
        less than 1): one row for every combination from the first to the last age and year.

    Returns
    -------
    LifeTable
        With the daily hazard -ln(1 - qx) / 365.25.

    Raises
    ------
    ValueError
        Naming the column, or the combination that is missing or listed twice.

    Examples
    --------
    >>> frame = pd.DataFrame({"sex": "female", "age": [60, 61], "year": 2020, "qx": [0.0, 0.01]})
    >>> make_life_table(frame).hazard.shape, make_life_table(frame).years
    ((1, 2, 1), (2020, 2020))
    """
    check_columns(frame, ["sex", "age", "year", "qx"])
    for name in ("age", "year"):
        if not np.array_equal(frame[name], np.round(frame[name].astype(float))):
            raise ValueError(f"{name} must hold whole years")
    qx = frame["qx"].to_numpy(dtype=float)
    wrong = ~((qx >= 0) & (qx < 1))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"qx[{at}] is {qx[at]:g}; allowed: 0 to less than 1")
    sexes = tuple(sorted(frame["sex"].astype(str).unique()))
    key = frame[["sex", "age", "year"]].astype({"sex": str, "age": int, "year": int})
    twice = key.duplicated()
    if twice.any():
        raise ValueError(f"{_name_cell(key[twice].iloc[0])} is listed more than once")
    ages, years = (range(key[name].min(), key[name].max() + 1) for name in ("age", "year"))
    whole = pd.MultiIndex.from_product([sexes, ages, years], names=["sex", "age", "year"])
    values = pd.Series(qx, index=pd.MultiIndex.from_frame(key)).reindex(whole)
    if values.isna().any():
        missing = whole[int(np.flatnonzero(values.isna())[0])]
        raise ValueError(
            f"{_name_cell(pd.Series(missing, whole.names))} is missing, and {int(values.isna().sum())} in all; needed: "
            f"each sex, ages {ages[0]} to {ages[-1]}, years {years[0]} to {years[-1]}"
        )
    hazard = -np.log1p(-values.to_numpy().reshape(len(sexes), len(ages), len(years))) / TABLE_YEAR_DAYS
    return LifeTable(sexes, ages[0], years[0], hazard)


def net_survival(
    duration, event, *, sex, age_days, start_date, life_table: LifeTable, at, conf_level: float = 0.95
) -> pd.DataFrame:
    """Estimate net survival at fixed times.

    Parameters
    ----------
    duration : array, shape (n,)
        Whole days from the time origin to death from any cause or censoring, >= 0.
    event : array, shape (n,)
        1 for a death, 0 for censoring.
    sex : array of str, shape (n,)
        As in the life table.
    age_days : array of float, shape (n,)
        Age at the time origin, in days.
    start_date : array of dates, shape (n,)
        Day of the time origin.
    life_table : LifeTable
    at : float or list of float
        Times in days.
    conf_level : float
        Coverage of the limits, on the scale of the logarithm of net survival.

    Returns
    -------
    pandas.DataFrame
        One row per time: ``time, n_risk`` (people with duration >= time), ``n_event`` (deaths up to it),
        ``survival`` (net; may exceed 1 where fewer die than in the general population), ``std_error`` (of its
        logarithm), ``lower, upper``. Beyond the last follow-up the last value is carried on with ``n_risk`` 0. Where
        nobody has died the variance is 0, which is no certainty: the lower limit is then that of survival for `n_risk`
        out of `n_risk` (Clopper-Pearson), divided by the survival of the life table.

    Raises
    ------
    ValueError
        If a duration is not a whole number of days, a sex is not in the life table, or a value is missing.

    Notes
    -----
    Pohar Perme, Stare & Esteve (2012) Biometrics 68:113. With weights 1/S_P of each person's survival in the life
    table, the net hazard is (sum of weights of deaths) / (sum of weights at risk), less the mean hazard of the life
    table with the same weights; its variance is the sum of (squared weights of deaths) / (sum of weights at risk)
    squared. Deaths on one day are counted together, before the censorings of the day. A death on day 0 counts on day 0.

    Examples
    --------
    >>> table = make_life_table(pd.DataFrame({"sex": "f", "age": [60, 61], "year": 2020, "qx": 0.0}))
    >>> one = {"sex": ["f"] * 4, "age_days": [22_000] * 4, "start_date": ["2020-03-01"] * 4, "life_table": table}
    >>> net_survival([1, 2, 3, 4], [1, 0, 1, 1], **one, at=3)["survival"].tolist()
    [0.375]
    """
    z = normal_quantile(conf_level)
    check_same_rows(duration=duration, event=event, sex=sex, age_days=age_days, start_date=start_date)
    duration, event, _ = check_survival(duration, event)
    at = check_times(at)
    people = _People(duration, event, sex, age_days, start_date, life_table)
    survival, variance = people.follow(int(min(at.max(), duration.max())))
    day = np.minimum(at, len(survival) - 1).astype(np.int64)
    value, std_error = survival[day], np.sqrt(variance[day])
    n_risk = np.array([(duration >= time).sum() for time in at])
    n_event = np.array([(event & (duration <= time)).sum() for time in at])
    with np.errstate(divide="ignore"):
        exact = np.exp(np.log((1 - conf_level) / 2) / n_risk)
    lower = value * np.where((n_event == 0) & (at > 0), exact, np.exp(-z * std_error))
    return pd.DataFrame(
        {
            "time": at,
            "n_risk": n_risk,
            "n_event": n_event,
            "survival": value,
            "std_error": std_error,
            "lower": lower,
            "upper": value * np.exp(z * std_error),
        }
    )


def standardise_survival(
    survival: pd.DataFrame, weights: Mapping[str, float], *, conf_level: float = 0.95
) -> pd.DataFrame:
    """Standardise survival directly to the weights of a standard population.

    Parameters
    ----------
    survival : pandas.DataFrame
        ``group, time, survival, std_error`` (of the logarithm of survival): rows of :func:`net_survival` by group.
    weights : mapping of str to float
        Group -> weight; they are divided by their sum.
    conf_level : float
        Coverage of the limits, on the scale of the logarithm of survival.

    Returns
    -------
    pandas.DataFrame
        One row per time: ``time, survival, std_error`` (of the logarithm), ``lower, upper``.

    Raises
    ------
    ValueError
        If a group is missing at a time, has no survival or standard error there, or is not in the weights.

    Notes
    -----
    Corazziari, Quinn & Capocaccia (2004) Eur J Cancer 40:2307. The groups are independent: the variance is the sum of
    squared weights times the variances.

    Examples
    --------
    >>> table = pd.DataFrame({"group": ["a", "b"], "time": 365.0, "survival": [0.8, 0.4], "std_error": 0.1})
    >>> standardise_survival(table, {"a": 3, "b": 1})["survival"].round(4).tolist()
    [0.7]
    """
    z = normal_quantile(conf_level)
    share = pd.Series(weights, dtype=float) / sum(weights.values())
    rows = []
    for time, table in survival.groupby("time", sort=True):
        groups = table.set_index("group")
        if set(groups.index) != set(share.index) or len(groups) != len(share):
            raise ValueError(
                f"groups at time {time:g} are {sorted(groups.index)}; needed once each: {list(share.index)}"
            )
        for name in ("survival", "std_error"):
            lacking = groups.index[groups[name].isna()]
            if len(lacking):
                raise ValueError(f"{name} of group {lacking[0]!r} at time {time:g} is missing; needed of every group")
        value = float((share * groups["survival"]).sum())
        error = float(np.sqrt(((share * groups["survival"] * groups["std_error"]) ** 2).sum()) / value)
        rows.append((time, value, error, value * np.exp(-z * error), value * np.exp(z * error)))
    return pd.DataFrame(rows, columns=["time", "survival", "std_error", "lower", "upper"])


def _name_cell(cell: pd.Series) -> str:
    return ", ".join(f"{name} {value}" for name, value in cell.items())


class _People:
    """People in order of falling duration, so that those at risk are always the first of them."""

    def __init__(self, duration, event, sex, age_days, start_date, life_table: LifeTable) -> None:
        n, table = len(duration), life_table
        if not np.array_equal(duration, np.floor(duration)):
            at = int(np.flatnonzero(duration != np.floor(duration))[0])
            raise ValueError(f"duration[{at}] is {duration[at]:g}; net survival needs whole days")
        code = pd.Index(table.sexes).get_indexer(pd.Index(np.asarray(sex, dtype=object)))
        if (code < 0).any():
            at = int(np.flatnonzero(code < 0)[0])
            raise ValueError(
                f"sex[{at}] is {np.asarray(sex, dtype=object)[at]!r}; in the life table: {list(table.sexes)}"
            )
        age, day = read_numbers(age_days, "age_days"), pd.to_datetime(pd.Series(np.asarray(start_date)))
        if len(age) != n or len(day) != n or len(code) != n:
            raise ValueError(f"sex, age_days and start_date must have one value for each of the {n} people")
        if not np.isfinite(age).all() or day.isna().any():
            raise ValueError("age_days and start_date must not be missing")
        order = np.argsort(-duration, kind="stable")
        self.duration, self.event, self.age = duration[order].astype(np.int64), event[order], age[order]
        self.day = (day - day.min()).dt.days.to_numpy()[order]
        calendar = pd.date_range(day.min(), periods=int(self.day.max() + self.duration.max()))
        self.year = np.clip(calendar.year.to_numpy() - table.first_year, 0, table.hazard.shape[2] - 1)
        self.sex, self.table = code[order], table

    def follow(self, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Return net survival at the end of each day from 0 to the last, and the variance of its logarithm."""
        exits = np.bincount(self.duration, minlength=last + 1)
        at_risk = len(self.duration) - np.r_[0, np.cumsum(exits)]
        cumulative = np.zeros(len(self.duration))  # hazard of the life table so far
        net_hazard, variance = np.zeros(last + 1), np.zeros(last + 1)
        for day in range(last + 1):
            n = at_risk[day]
            if day:
                hazard = self._hazard_on(day - 1, n)
                weight = np.exp(cumulative[:n] + hazard / 2)
                net_hazard[day] -= (weight @ hazard) / weight.sum()
                cumulative[:n] += hazard
            leaving = slice(at_risk[day + 1], n)
            if self.event[leaving].any():
                total = np.exp(cumulative[:n]).sum()
                died = np.exp(cumulative[leaving][self.event[leaving]])
                net_hazard[day] += died.sum() / total
                variance[day] = (died**2).sum() / total**2
        return np.cumprod(1 - net_hazard), np.cumsum(variance)

    def _hazard_on(self, day: int, n: int) -> np.ndarray:
        """Return the hazard of the life table from one day to the next, of the n people at risk."""
        ages = ((self.age[:n] + day) // TABLE_YEAR_DAYS).astype(np.int64) - self.table.first_age
        ages = np.clip(ages, 0, self.table.hazard.shape[1] - 1)
        return self.table.hazard[self.sex[:n], ages, self.year[self.day[:n] + day]]
