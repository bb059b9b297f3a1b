"""What the attack on a run reads beside the numbers of that run: results of nations together, rows without a result."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.release.guess import GROUP_KEY
from naome.workflow.attack_run import list_given_away, list_without_result

NUMBERS = {"denominator": 60, "numerator": 20, "estimate": 1 / 3, "lower": 0.2, "upper": 0.5}


def rows(*of: tuple[str, str, str, str], level: str = "nation") -> pd.DataFrame:
    """Make rows of (measure, group_by, group, status); those that are shown have numbers."""
    frame = pd.DataFrame(of, columns=["measure", "group_by", "group", "status"])
    frame = frame.assign(cohort="denovo", level=level, **NUMBERS)
    frame.loc[frame["status"] != "ok", list(NUMBERS)] = None
    assert set(GROUP_KEY) <= set(frame)
    return frame


@pytest.mark.parametrize("status", ["suppressed", "too_few", "not_derivable"])
def test_a_result_of_both_nations_is_given_away_where_that_of_one_is_not_shown_for_whatever_reason(status):
    own = rows(("biopsy", "all", "all", "ok"), ("biopsy", "sex", "male", status))
    both = rows(("biopsy", "all", "all", "ok"), ("biopsy", "sex", "male", "ok"), level="england+wales")
    assert len(list_given_away(own, both)) == 1
    both.loc[1, list(NUMBERS)] = None
    assert len(list_given_away(own, both)) == 0


@pytest.mark.parametrize(
    ("pooled", "suppressed"),
    [
        (("cohort_size", "year", "2020"), ("year", "2020")),
        (("share", "ethnic_group", "asian"), ("ethnic_group", "asian")),
        (("share", "ethnic_group", "asian"), ("ethnic_group", "not recorded")),
        (("share", "site", "brain"), ("brain", "brain")),
    ],
)
def test_a_share_of_both_nations_leaves_the_people_of_one(pooled, suppressed):
    """576 of both less 550 of England are 26 of Wales, though Wales does not say how many there are."""
    both = rows((*pooled, "ok"), level="england+wales")
    own = rows(("people", *suppressed, "ok"), ("people", "ethnic_group", "white", "suppressed"))
    assert len(list_given_away(own, both)) == 0
    assert len(list_given_away(own.assign(status="suppressed"), both)) == 1


@pytest.mark.parametrize("column", list(NUMBERS))
def test_a_row_without_a_result_has_no_number_at_all(column):
    frame = rows(("biopsy", "all", "all", "ok"), ("biopsy", "sex", "male", "not_derivable"))
    assert len(list_without_result(frame)) == 0
    frame.loc[1, column] = 1
    assert len(list_without_result(frame)) == 1
