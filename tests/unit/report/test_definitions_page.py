"""The definitions page says what the definitions say."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from naome.cohort.columns import list_columns
from naome.cohort.feature_definitions import read_features
from naome.core.definitions import project_definitions
from naome.core.paths import project_root
from naome.measures.specification import load_specification
from naome.report.markdown import write_pipe_table
from naome.report.names import find_definition
from naome.report.reference import data_dictionary
from naome.report.reference.definitions import PAGE, list_defined_names, write_definitions


def test_the_page_is_up_to_date():
    page = (project_root() / PAGE).read_text(encoding="utf-8")
    assert page == write_definitions(), "run `make docs`"


@pytest.mark.parametrize("indicator", load_specification().indicators, ids=lambda i: i.id)
def test_every_indicator_is_there_with_its_conditions(indicator):
    section = write_definitions().split(f"### {indicator.title} {{#indicator-{indicator.id}}}\n")[1].split("\n#")[0]
    assert f"`{indicator.definition_id}`" in section
    if indicator.not_derivable:
        assert indicator.not_derivable in section and indicator.item_needed in section
    else:
        texts = [c.text for c in (indicator.denominator, indicator.numerator) if c]
        assert all(f"`{text}`" in section for text in texts)


def test_every_rule_option_and_column_is_there():
    page, rules = write_definitions(), project_definitions().rules()
    for name in [*(r.id for r in rules.rules), *(o.title for o in rules.options)]:
        assert f"| [{name}]{{#" in page
    assert all(f"| `{option.name}` |" in page for option in rules.options)
    assert not re.search(r"\{[a-z_.]+\}", page), "a placeholder is left"
    assert all(f"| `{column.name}` |" in page for column in list_columns(project_definitions()))


def test_every_name_leads_to_a_place_that_is_once_on_its_page():
    pages = {PAGE: write_definitions(), data_dictionary.PAGE: data_dictionary.write_data_dictionary()}
    names = {**list_defined_names(project_definitions()), **data_dictionary.list_cleaning_rules()}
    assert {"Tumour grade", "DN2", "Biopsy of a metastatic lesion", "sact_drugs", "duplicate death"} <= set(names)
    for name, address in names.items():
        page, _, anchor = address.removeprefix("/").partition("#")
        assert pages[page].count(f"{{#{anchor}}}") == 1, name
        assert find_definition(name) == address and find_definition(f"{name} (de novo)") == address
    assert find_definition("not a name") == ""


def test_a_condition_in_a_table_is_written_as_it_is():
    """Inside a code span a backslash would be shown; a bar ends the cell even there."""
    assert "(`age < 40`) |" in write_definitions()
    table = write_pipe_table(pd.DataFrame({"a": ["`x | y < 1`", "x | y < 1"]}))
    assert table.splitlines()[2:] == [r"| `x \| y < 1` |", r"| x \| y \< 1 |"]


def test_every_feature_is_described_with_its_window_and_source():
    section = write_definitions().split("## Columns from coded events")[1].split("## Code lists")[0]
    for feature in read_features(project_definitions()).features:
        (row,) = [line for line in section.splitlines() if line.startswith(f"| `{feature.name}` |")]
        assert feature.source in row and feature.status in row
        assert all(f"`{reference}`" in row for reference in feature.events.values())
    assert "-365 to -1, from the time origin" in section and "-30 to any, from the metastatic diagnosis" in section
