"""The items that are needed are those that one trial after the other finds, by fewer trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from naome.release.needed import find_needed


def take_one_by_one(items: Sequence[int], holds: Callable[[Sequence[int]], bool]) -> list[int] | None:
    """Take items until they hold, then leave each, the last first, without which the others still do."""
    taken: list[int] = []
    for item in items:
        taken.append(item)
        if holds(taken):
            break
    else:
        return None
    for item in taken[-2::-1]:
        rest = [each for each in taken if each != item]
        taken = rest if holds(rest) else taken
    return taken[::-1]


@pytest.mark.parametrize("seed", range(60))
def test_the_items_needed_are_those_that_one_trial_after_the_other_finds(seed):
    draw = np.random.default_rng(seed)
    items = draw.permutation(int(draw.integers(4, 40))).tolist()
    # any of some groups of items, each of which must be there as a whole
    groups = [set(draw.choice(len(items) + 1, int(draw.integers(1, 5)), replace=False).tolist()) for _ in range(3)]

    def holds(some: Sequence[int]) -> bool:
        return any(group <= set(some) for group in groups)

    assert find_needed(items, holds) == take_one_by_one(items, holds)


def test_the_trials_grow_with_the_logarithm_of_the_number_of_items():
    trials = 0

    def holds(some: Sequence[int]) -> bool:
        nonlocal trials
        trials += 1
        return {700, 30} <= set(some)

    assert find_needed(range(1000), holds) == [700, 30]
    assert trials < 40
