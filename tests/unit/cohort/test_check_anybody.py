"""A run in which nobody is left is refused, and the message says at which rule."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.cohort.attrition import check_anybody
from naome.core.errors import ExtractError
from naome.core.params import load_params


def attrition(*remaining: int) -> pd.DataFrame:
    """Registered, EL1, EL7, DN1, DN2, RC1, RC2 with what each leaves."""
    steps = ["registered", "EL1", "EL7", "DN1", "DN2", "RC1", "RC2"]
    table = pd.DataFrame({"step": steps, "cohort": ["both"] * 3 + ["denovo"] * 2 + ["recurrent"] * 2})
    table["remaining"] = remaining
    table["left_out"] = (table["remaining"].shift(1) - table["remaining"]).astype("Int64")
    return table.assign(unit="tumours", text="A rule.")


def test_a_cohort_with_people_is_enough():
    check_anybody(attrition(8, 5, 5, 1, 0, 0, 0), load_params("england"))
    check_anybody(attrition(8, 5, 5, 0, 0, 2, 2), load_params("england"))


def test_recurrent_people_do_not_count_in_a_run_without_that_cohort():
    with pytest.raises(ExtractError, match="audit simulacrum: no one is in a cohort"):
        check_anybody(attrition(8, 5, 5, 0, 0, 2, 2), load_params("simulacrum"))


def test_the_first_rule_that_leaves_nobody_is_named():
    with pytest.raises(ExtractError, match=r"At EL1 \(A rule\) none of 8 tumours is left.*2015-01-01 to 2021-12-31"):
        check_anybody(attrition(8, 0, 0, 0, 0, 0, 0), load_params("england"))


def test_the_last_rule_of_the_cohorts_is_named_when_some_are_eligible():
    with pytest.raises(ExtractError, match=r"At RC2 \(A rule\)"):
        check_anybody(attrition(8, 5, 5, 0, 0, 0, 0), load_params("england"))


def test_no_tumour_at_all():
    with pytest.raises(ExtractError, match="At registered .* no tumour is there"):
        check_anybody(attrition(0, 0, 0, 0, 0, 0, 0), load_params("england"))


def test_a_primary_cohort_needs_eligible_people_only():
    check_anybody(attrition(8, 5, 5, 0, 0, 0, 0), load_params("rotterdam"))
    with pytest.raises(ExtractError, match="At EL7"):
        check_anybody(attrition(8, 5, 0, 0, 0, 0, 0), load_params("rotterdam"))
