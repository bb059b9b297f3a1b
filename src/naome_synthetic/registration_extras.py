"""Registrations beside each person's first tumour: second primaries, same-day tumours, people who never enter."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from naome_synthetic import codes
from naome_synthetic.course import NEVER
from naome_synthetic.sampling import day_number
from naome_synthetic.tables import Table, count_rows, take_rows


@dataclass(frozen=True)
class Names:
    """What a nation calls the columns of a registration; `empty` are dates that a second tumour does not have."""

    tumour: str
    person: str
    day: str
    age: str
    site: str
    behaviour: str
    stage: str
    basis: str
    status: str
    country: str
    empty: tuple[str, ...]
    site3: str | None = None


def append_other_tumours(rng: np.random.Generator, p: SimpleNamespace, table: Table, names: Names) -> Table:
    """Append tumours that the cohort must pass over: the first registered one of each person stays the one to choose.

    Parameters
    ----------
    rng : numpy.random.Generator
    p : types.SimpleNamespace
        The course; row i of `table` is person i.
    table : Table
        One registration per person.
    names : Names

    Returns
    -------
    Table
        With later second primaries (2% of people), in situ tumours of the same day (0.5% of invasive ones) and lower
        stage tumours of the same day (0.3%), the latter with a smaller tumour number than the one to choose.
    """
    last = day_number("2022-06-30")
    able = (p.death - p.diagnosed > 500) & (p.diagnosed < last - 400) & (p.stage < 4)
    later = np.flatnonzero((rng.random(p.n) < 0.02) & able)
    room = np.minimum(p.death[later], last) - p.diagnosed[later] - 200
    gap = 200 + np.floor(rng.random(later.size) * room).astype(np.int32)
    second = _copy(p, table, names, later, 2)
    second[names.day].values = second[names.day].values + gap
    second[names.age].values = (p.age[later] + gap / 365.25).astype(np.int32)
    invasive = ~p.in_situ & (rng.random(p.n) < 0.005)
    same_day = np.flatnonzero(invasive)
    in_situ = _copy(p, table, names, same_day, 3)
    in_situ[names.site].values = np.full(same_day.size, codes.number_icd10("D051")[0], dtype=np.int32)
    in_situ[names.behaviour].values = np.full(same_day.size, in_situ[names.behaviour].words.index("2"), dtype=np.int32)
    in_situ[names.stage].values = np.full(same_day.size, in_situ[names.stage].words.index("0"), dtype=np.int32)
    if names.site3 is not None:
        in_situ[names.site3].values = np.full(same_day.size, in_situ[names.site3].words.index("D05"), dtype=np.int32)
    staged = np.flatnonzero(~p.in_situ & ~p.unstaged & (p.stage >= 2) & (rng.random(p.n) < 0.003))
    lower = _copy(p, table, names, staged, 0)
    lower[names.stage].values = np.full(staged.size, lower[names.stage].words.index("1"), dtype=np.int32)
    for more in (second, in_situ, lower):
        table = stack_tables(table, more)
    return table


def append_ineligible(
    rng: np.random.Generator, p: SimpleNamespace, table: Table, names: Names, first: int
) -> tuple[Table, np.ndarray, np.ndarray]:
    """Append people who must not enter: death certificate only, provisional, abroad, under 18, before the period.

    Parameters
    ----------
    rng : numpy.random.Generator
    p : types.SimpleNamespace
        The course; row i of `table` is person i, for i below `p.n`.
    table : Table
    names : Names
    first : int
        Added to a person's number to make the new one.

    Returns
    -------
    table : Table
    people : ndarray of int
        The persons (rows of the course) the new ones are copies of.
    kind : ndarray of int
        0-4 as listed in the first line; 5 stays eligible here, and the caller must make it ineligible.
    """
    people = np.flatnonzero(rng.random(p.n) < 0.012)
    kind = rng.integers(0, 6, people.size)
    extra = take_rows(table, people)
    extra[names.person].values = first + p.person[people]
    extra[names.tumour].values = extra[names.person].values * 10 + 1
    for name, word, which in ((names.basis, "0", kind == 0), (names.status, "P", kind == 1)):
        extra[name].values = np.where(which, extra[name].words.index(word), extra[name].values).astype(np.int32)
    abroad = len(extra[names.country].words) - 1
    extra[names.country].values = np.where(kind == 2, abroad, extra[names.country].values).astype(np.int32)
    extra[names.age].values = np.where(kind == 3, 17, extra[names.age].values).astype(np.int32)
    before = day_number("2014-06-30") - people % 180
    extra[names.day].values = np.where(kind == 4, before, extra[names.day].values).astype(np.int32)
    for name in names.empty:
        extra[name].values = np.full(people.size, NEVER, dtype=np.int32)
    return stack_tables(table, extra), people, kind


def stack_tables(above: Table, below: Table) -> Table:
    """Put one table below another with the same columns and vocabularies."""
    size = count_rows(above)
    both = take_rows(above, np.concatenate([np.arange(size), np.zeros(count_rows(below), dtype=int)]))
    for name, column in both.items():
        column.values[size:] = below[name].values
    return both


def _copy(p: SimpleNamespace, table: Table, names: Names, people: np.ndarray, digit: int) -> Table:
    out = take_rows(table, people)
    out[names.tumour].values = p.person[people] * 10 + digit
    for name in names.empty:
        out[name].values = np.full(people.size, NEVER, dtype=np.int32)
    return out
