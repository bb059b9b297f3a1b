"""Indicator expressions: an allow-list, three-valued logic, errors that name file and key."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.errors import DefinitionError
from naome.measures.expressions import parse_expression

FRAME = pd.DataFrame(
    {
        "age": pd.array([40, 70, None], dtype="Int64"),
        "er": pd.array(["positive", None, "negative"], dtype="string"),
        "died": pd.array([True, False, None], dtype="boolean"),
        "biopsy_days": pd.array([-30, 90, 91], dtype="Int64"),
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age >= 70", [False, True, False]),
        ("not (age >= 70)", [True, False, False]),
        ("missing(er)", [False, True, False]),
        ('er == "positive" or missing(er)', [True, True, False]),
        ("not died", [False, True, False]),
        ("-30 <= biopsy_days <= to", [True, True, False]),
        ('er in ["positive", "negative"]', [True, False, True]),
        ('er not in ["positive"]', [False, False, True]),
        ("age < 50 and died", [True, False, False]),
        ("age in [40, to]", [True, False, False]),
        ("40 == age", [True, False, False]),
        (" or ".join(["died"] * 100), [True, False, False]),
    ],
)
def test_evaluates(text, expected):
    assert parse_expression(text, "f", {"to": 90}).evaluate(FRAME).tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os')", "only function is missing"),
        ("age.real > 1", "not allowed"),
        ("(lambda: age)()", "only function is missing"),
        ("[x for x in age]", "not allowed"),
        ("age + 1 > 3", "not allowed"),
        ("aeg > 3", "did you mean 'age'"),
        ('age == "old"', "wrong type"),
        ("er > 3", "wrong type"),
        ('er < "p"', "no order"),
        ("age", "not a condition"),
        ("age and died", "wrong type"),
        ("age >", "not an expression"),
        ("age is None", "not allowed"),
        ("missing(age, er)", "only function is missing"),
        ("missing(age + 1)", "only function is missing"),
        ('er == "postive"', "er is never 'postive' (did you mean 'positive'?); values: positive, negative"),
        ('"postive" == er', "er is never 'postive'"),
        ('er in ["positive", "borderline"]', "er is never 'borderline'"),
        ('subtype != "HER2-, ER-"', "subtype is never 'HER2-, ER-'"),
        ("5 in [age]", "'in' needs a column on its left"),
        ("age in [age]", "the list of 'in' holds a column"),
        ("age in []", "'in' needs a list of values"),
        ("age in age", "'in' needs a list of values"),
        ("age in [40] == 40", "not allowed"),
        ("missing(first_line)", "a window is never missing"),
        ("1 == 1", "compares no column"),
        ("first_line < 400", "compares no column"),
        ('"a" == "a"', "compares no column"),
        ("age > first_line > 3", "compares no column"),
        ("died == True", "'True' is not allowed"),
        ("true", "unknown column 'true'"),
        ("age < 1e999", "a number is larger than 1,000,000"),
        ("age < " + "9" * 400, "a number is larger"),
        (r'ethnic_group == "\ud800"', "cannot be printed"),
        ("age < \ud800", "is not an expression"),
        ("age \0 < 3", "is not an expression"),
        (r'er == "\d"', "is not an expression"),
        ("not " * 5_000 + "died", "an expression of 20,004 characters"),
        ("age" + " < 3 < age" * 5_000, "characters, beginning 'age < 3"),
        ("not " * 200 + "died", "nests 202 operations inside each other; allowed: 20"),
        ("(" * 300 + "died" + ")" * 300, "is not an expression"),
        ("-" * 400 + "age < 3", "nests"),
    ],
)
def test_refuses(text, message):
    with pytest.raises(DefinitionError, match="indicators.yaml: indicator x, numerator") as caught:
        parse_expression(text, "indicators.yaml: indicator x, numerator", {"first_line": 365})
    assert message in str(caught.value)
