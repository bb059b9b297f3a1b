"""What is said of an extract that was read gives no number that the pages of the run suppress."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from naome.workflow.extract_report import describe_reading


@pytest.mark.parametrize(
    ("exact", "said"),
    [
        (True, "900 rows of 1 tables, 207 rows excluded by 3 rules, 12 rows repaired by 1 rule"),
        (
            False,
            "193 rows excluded by 1 rule, 12 rows repaired by 1 rule; not counted, rules with fewer than 10 rows: 2",
        ),
    ],
)
def test_rows_of_a_rule_that_is_suppressed_are_not_those_of_all_rules_less_the_others(exact, said):
    """Pages show 193 and 12 rows, and suppress the others; a rule has its rows in several tables."""
    rows = [
        ("unlinked", "left out", 100),
        ("unlinked", "left out", 93),
        ("death", "left out", 5),
        ("death", "left out", 4),
    ]
    rows += [("age", "left out", 5), ("lower_case", "repair", 12)]
    log = [{"rule": rule, "kind": kind, "rows": n} for rule, kind, n in rows]
    assert said in describe_reading(SimpleNamespace(raw_rows={"t": 900}, quality=log), exact=exact)
