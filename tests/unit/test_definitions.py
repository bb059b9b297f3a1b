"""Code lists and cohort rules: what is malformed is refused with file and line."""

from __future__ import annotations

import pytest
import yaml

from naome.definitions import load_codelist, load_cohort_rules, read_codelist
from naome.errors import DefinitionError
from naome.paths import project_root

HEADER = "code,term,group,status,source\n"
CODELISTS = sorted((project_root() / "definitions" / "codelists").glob("*.csv"))


@pytest.mark.parametrize("file", CODELISTS, ids=lambda f: f.stem)
def test_shipped_codelists_are_valid(file):
    assert read_codelist(file).codes
    assert b"\r" not in file.read_bytes(), "line endings must be LF"


BAD = {
    "header": ("code,term\nC50,x\n", ":1: header"),
    "opcs code in an icd10 list": (HEADER + "X7211A,Chemotherapy,g,sourced,s\n", ":2: 'X7211A' is not ICD-10"),
    "dotted code": (HEADER + "C79.5,Bone,g,sourced,s\n", ":2: 'C79.5' is not ICD-10"),
    "mangled by a spreadsheet": (HEADER + "7.95E+01,Bone,g,sourced,s\n", ":2:"),
    "duplicate": (HEADER + "C795,Bone,g,sourced,s\nC795,Bone,g,sourced,s\n", ":3: C795 stands in line 2"),
    "unknown status": (HEADER + "C795,Bone,g,guessed,s\n", "must be 'sourced' or 'inferred'"),
    "no source": (HEADER + "C795,Bone,g,sourced,\n", "needs a group and a source"),
    "too few fields": (HEADER + "C795,Bone\n", ":2: 2 fields"),
    "empty": (HEADER, "no codes"),
}


@pytest.mark.parametrize("name", BAD)
def test_malformed_codelist_is_refused(tmp_path, name):
    text, expected = BAD[name]
    file = tmp_path / "icd10_test.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        read_codelist(file)
    assert expected in str(caught.value) and "icd10_test.csv" in str(caught.value)


def test_unknown_list_and_group():
    with pytest.raises(DefinitionError, match="did you mean 'icd10_metastatic'"):
        load_codelist("icd10_metastatc")
    with pytest.raises(DefinitionError, match="did you mean 'bone'"):
        load_codelist("icd10_metastatic").prefixes("bonee")


def test_axillary_nodes_are_not_distant():
    assert "C773" not in load_codelist("icd10_metastatic").prefixes("lymph_node_distant")


def test_options_are_checked():
    rules = load_cohort_rules()
    assert rules["count_c779"] is False
    assert rules.replace(count_c779=True)["count_c779"] is True
    assert rules["count_c779"] is False, "replacing leaves the original"
    with pytest.raises(DefinitionError, match="did you mean 'count_c779'"):
        load_cohort_rules({"count_c77": True})
    with pytest.raises(DefinitionError, match="'maybe' is not allowed; allowed: False, True"):
        load_cohort_rules({"count_c779": "maybe"})


def test_rule_file_with_a_missing_key_is_refused(tmp_path):
    raw = yaml.safe_load((project_root() / "definitions" / "cohort_rules.yaml").read_text(encoding="utf-8"))
    del raw["options"][0]["reason"]
    file = tmp_path / "cohort_rules.yaml"
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(DefinitionError, match="count_c779.*reason"):
        load_cohort_rules(file=file)
