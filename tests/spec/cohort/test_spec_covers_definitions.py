"""Every rule and every option of the definitions is in the code, in the attrition table and in a spec test."""

import re
from pathlib import Path

import pytest

import naome.cohort
from naome.cohort.feature_definitions import read_features
from naome.core.definitions import project_definitions

RULES = project_definitions().rules()
IDS = [rule.id for rule in RULES.rules]
HERE = Path(__file__).parent
CODE = "".join(file.read_text() for file in Path(naome.cohort.__file__).parent.glob("*.py"))
SPEC = (HERE / "test_spec_rules.py").read_text()
OPTIONS_SPEC = (HERE / "test_spec_options.py").read_text()


@pytest.mark.parametrize("rule", IDS)
def test_rule_is_in_code_and_spec(rule):
    assert re.search(rf"\b{rule}\b", CODE), f"{rule} is not named in naome.cohort"
    assert f"def test_{rule.lower()}_" in SPEC, f"{rule} has no spec test"


def test_rules_are_the_steps_of_the_attrition_table(case):
    """The attrition table has one step per rule, in the file's order, after the registered tumours.

    tumours
    person  diagnosis_date  stage
    ann     2020-03-01      4
    """
    attrition = case.derive().attrition
    assert attrition["step"].tolist() == ["registered", *IDS]
    texts = dict(zip(attrition["step"], attrition["text"], strict=True))
    assert all(texts[rule.id] == rule.text for rule in RULES.rules)


def test_texts_of_the_attrition_table_follow_the_options(case):
    """With a gap of six months no text speaks of twelve.

    tumours
    person  diagnosis_date  stage
    ann     2020-03-01      4
    """
    texts = case.derive(gap_months=6).attrition.set_index("step")["text"]
    assert not texts.str.contains("12 months").any()
    assert "within 6 months of diagnosis" in texts["DN2"] and "6 months or more after" in texts["RC1"]


@pytest.mark.parametrize("option", RULES.options, ids=lambda option: option.name)
def test_option_is_read_and_tried_at_every_value(option):
    switches = read_features(RULES.definitions).evidence.optional.values()
    assert f'rules["{option.name}"]' in CODE or option.name in switches, f"{option.name} is never read"
    body = re.search(rf"def test_option_{option.name}\(.*?(?=\ndef |\Z)", OPTIONS_SPEC, re.S)
    assert body, f"{option.name} has no spec test"
    for value in option.values:
        written = str(list(value) if isinstance(value, tuple) else value).replace("'", "").replace(", ", ",")
        tried = {f"{option.name}={written}", f"{option.name}={written.lower()}"}
        assert value == option.default or any(text in body[0] for text in tried), (
            f"{option.name}={written} is not tried"
        )
