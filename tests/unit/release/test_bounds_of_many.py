"""Bounds of many counts at once, and from bounds that are known, are those of each by itself and from the start."""

from __future__ import annotations

import numpy as np
import pytest

from naome.release import bounds
from naome.release.bounds import Relations, find_attainable, solve_bounds, tighten
from naome.release.protect import ALL_STEPS


def draw_relations(rng, counts: int = 60, relations: int = 40) -> tuple[np.ndarray, Relations]:
    """Draw counts, and sums of some of them that hold: exactly, or to a multiple of 5."""
    values = rng.integers(0, 15, counts).astype(float)
    terms = [rng.choice(counts, rng.integers(2, 5), replace=False) for _ in range(relations)]
    count, number = np.concatenate(terms), np.repeat(np.arange(relations), [len(each) for each in terms])
    weight = rng.choice([1.0, -1.0], len(count))
    sums = np.bincount(number, weight * values[count], relations)
    spread = rng.choice([0.0, 2.0], relations)
    return values, Relations(number, count, weight, sums - spread, sums + spread)


def draw_bounds(rng, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = rng.random(len(values)) < 0.3
    return np.where(known, values, 0.0), np.where(known, values, 99.0)


@pytest.mark.parametrize("seed", range(8))
def test_bounds_narrowed_from_known_ones_are_those_narrowed_from_the_start(seed):
    rng = np.random.default_rng(seed)
    values, relations = draw_relations(rng)
    lower, upper = draw_bounds(rng, values)
    known_lower, known_upper = tighten(lower, upper, relations)
    more = rng.random(len(values)) < 0.2
    lower, upper = np.where(more, values, lower), np.where(more, values, upper)
    changed = np.flatnonzero((known_lower < lower) | (known_upper > upper))
    assert len(changed)
    steps = []
    quick = tighten(np.maximum(lower, known_lower), np.minimum(upper, known_upper), relations, steps, changed=changed)
    np.testing.assert_array_equal(quick, tighten(lower, upper, relations))
    for step in steps:  # what is noted of a step is of a relation with the count
        for count, number in zip(step.count, step.number, strict=True):
            assert count in relations.count[relations.number == number]


@pytest.mark.parametrize("seed", range(8))
def test_what_a_programme_of_all_finds_attainable_is_so_in_that_of_each_and_most_is_found(seed, monkeypatch):
    monkeypatch.setattr(bounds, "MANY_COUNTS", 1)
    rng = np.random.default_rng(seed)
    values, relations = draw_relations(rng)
    lower, upper = tighten(*draw_bounds(rng, values), relations)
    targets = np.arange(len(values))
    least, most = values - rng.integers(0, 4, len(values)), values + rng.integers(0, 4, len(values))
    found = find_attainable(targets, least, most, lower, upper, relations)
    ends = np.array([solve_bounds(int(each), lower, upper, relations, steps=60) for each in targets])
    able = (ends[:, 0] <= least) & (ends[:, 1] >= most)
    assert not (found & ~able).any()
    assert found.sum() > 0.8 * able.sum() and not able.all()


def test_nothing_is_attainable_of_numbers_that_contradict_each_other(monkeypatch):
    monkeypatch.setattr(bounds, "MANY_COUNTS", 1)
    two = Relations(
        np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.ones(4), np.array([3.0, 5.0]), np.array([3.0, 5.0])
    )
    asked = np.zeros(2), np.ones(2)
    assert not find_attainable(np.arange(2), *asked, np.zeros(2), np.full(2, 9.0), two).any()


def test_relations_far_away_narrow_a_count_where_all_are_used():
    """Count 0 is 1, 1 is 2 and 2 is 3; three sums of two of the counts 3, 4 and 5 are 10 each, so that all are 5."""
    number, count = np.repeat(np.arange(6), 2), np.array([0, 1, 1, 2, 2, 3, 3, 4, 3, 5, 4, 5])
    weight, ends = np.array([1.0, -1.0] * 3 + [1.0] * 6), np.array([0.0] * 3 + [10.0] * 3)
    relations = Relations(number, count, weight, ends, ends)
    lower, upper = tighten(np.zeros(6), np.full(6, 99.0), relations)
    assert solve_bounds(0, lower, upper, relations, steps=3) == (0.0, 10.0)
    assert solve_bounds(0, lower, upper, relations, steps=ALL_STEPS) == (5.0, 5.0)


def test_relations_and_counts_near_each_other():
    three = Relations(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 4, 6]), np.ones(5), np.zeros(3), np.zeros(3))
    assert three.touching(np.array([1])).tolist() == [0, 1]
    assert three.touching(np.array([2, 3, 99])).tolist() == []
    assert three.around(np.array([0])).tolist() == [0, 1]
    assert three.around(np.array([1, 6])).tolist() == [0, 1, 4, 6]
    assert three.terms(np.array([1, 2])).tolist() == [2, 3, 4]
