"""Conditions of definitions as readers see them: in words, from what the columns mean."""

import pytest

from naome.core.definitions import project_definitions
from naome.measures.expressions import parse_expression
from naome.measures.specification import read_data_items, read_specification
from naome.report.reference.conditions import say_condition

WINDOWS = {"first_line": 365, "earliest": -30}
DRUG = "days from the time origin to the first CDK4/6 inhibitor on or after it"
ER = "oestrogen receptor of the primary tumour"
HER2 = "HER2 of the primary tumour"
MDT = "a multidisciplinary team meeting recorded"
M1 = "M category M1 at the initial diagnosis"
AGE = "completed years at the time origin"


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("cdk46_days <= first_line", f"{DRUG}: at most 365"),
        ("earliest < cdk46_days <= first_line", f"{DRUG}: above -30; and {DRUG}: at most 365"),
        ("18 <= age", f"{AGE}: at least 18"),
        ("age != 70", f"{AGE}: not 70"),
        ('her2 == "negative" or missing(her2)', f"{HER2}: negative or not recorded"),
        ('m1 and (her2 == "negative" or missing(her2))', f"{M1}; and {HER2}: negative or not recorded"),
        ('er == "positive" or her2 == "positive"', f"{ER}: positive; or {HER2}: positive"),
        ("m1 or mdt_recorded", f"{M1}; or {MDT}"),
        ('not missing(her2) and cns == "not_seen"', f"{HER2}: recorded; and clinical nurse specialist at the initial "
         "diagnosis: not seen"),
        ('her2 not in ["negative", "positive"]', f"{HER2}: neither negative nor positive"),
        ("mdt_recorded and not (m1 or age > 70)", f"{MDT}; and not ({M1}; or {AGE}: above 70)"),
        ("mdt_recorded and (m1 or age > 70)", f"{MDT}; and ({M1}; or {AGE}: above 70)"),
    ],
)  # fmt: skip
def test_a_condition_is_said_by_what_its_columns_mean(condition, said):
    assert say_condition(parse_expression(condition, "example", WINDOWS), project_definitions()) == said


def test_no_name_of_a_column_is_left_in_the_words_of_a_definition():
    definitions = project_definitions()
    specification = read_specification(definitions)
    conditions = [each for i in specification.indicators for each in (i.denominator, i.numerator)]
    conditions += [group.where for group in specification.groups] + [i.recorded for i in read_data_items(definitions)]
    assert say_condition(None, definitions) == "everyone in the cohort"
    assert len(conditions) > 50
    for condition in filter(None, conditions):
        assert "_" not in say_condition(condition, definitions), condition.text
