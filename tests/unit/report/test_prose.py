"""Sentences: zero, one and many."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.release.types import release_checked
from naome.report.prose import pick, say_count, say_list, say_percent, say_result


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "no organisations"),
        (1, "one organisation"),
        (2, "two organisations"),
        (12, "12 organisations"),
        (1234, "1,234 organisations"),
    ],
)
def test_counts(n, said):
    assert say_count(n, "organisation") == said


def test_lists():
    assert [say_list(x) for x in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["none", "a", "a and b", "a, b and c"]


def test_percent():
    assert say_percent(0.5836) == "58.4%"


def test_results_that_are_not_ok_say_why():
    row = {"status": "too_few", "reason": "fewer than 10 people.", "estimate": None}
    assert say_result(row) == "too few to show: fewer than 10 people"


def test_pick_wants_exactly_one():
    frame = pd.DataFrame(
        {"measure": ["a", "a"], "level": ["nation"] * 2, "group_by": ["all"] * 2, "group": ["all"] * 2}
    )
    with pytest.raises(KeyError, match="2 results"):
        pick(release_checked(frame), measure="a")
    with pytest.raises(KeyError, match="0 results"):
        pick(release_checked(frame), measure="b")
