"""Code lists and cohort rules: what is malformed is refused with file and line."""

from __future__ import annotations

import copy
import random
import shutil

import pytest
import yaml

from naome.core.definitions import Definitions, project_definitions, read_codelist
from naome.core.errors import DefinitionError, NaomeError
from naome.core.paths import project_root
from naome.measures.agreement import load_published
from naome.measures.net_survival import read_age_standard
from naome.measures.recommendations import read_recommendations
from naome.measures.specification import read_data_items, read_relations, read_specification
from naome.report.publication.about import read_corrections
from naome.report.publication.public import read_summaries
from naome.report.publication.wording import read_wording
from naome.workflow.pages import read_pages

HEADER = "code,term,group,status,source\n"
FOLDER = project_root() / "definitions"
CODELISTS = sorted((FOLDER / "codelists").glob("*.csv"))


@pytest.mark.parametrize("file", CODELISTS, ids=lambda f: f.stem)
def test_shipped_codelists_are_valid(file):
    assert read_codelist(file).codes
    assert b"\r" not in file.read_bytes(), "line endings must be LF"


BAD = {
    "header": ("code,term\nC50,x\n", ":1: header"),
    "opcs code in an icd10 list": (HEADER + "X7211A,Chemotherapy,g,sourced,s\n", ":2: 'X7211A' is not ICD-10"),
    "dotted code": (HEADER + "C79.5,Bone,g,sourced,s\n", ":2: 'C79.5' is not ICD-10"),
    "mangled by a spreadsheet": (HEADER + "7.95E+01,Bone,g,sourced,s\n", ":2:"),
    "duplicate": (HEADER + "C795,Bone,g,sourced,s\nC795,Bone,g,sourced,s\n", ":3: C795 is already listed in line 2"),
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
        project_definitions().codelist("icd10_metastatc")
    with pytest.raises(DefinitionError, match="did you mean 'bone'"):
        project_definitions().codelist("icd10_metastatic").prefixes("bonee")


def test_axillary_nodes_are_not_distant():
    assert "C773" not in project_definitions().codelist("icd10_metastatic").prefixes("lymph_node_distant")


def test_options_are_checked():
    rules = project_definitions().rules()
    assert rules["count_c779"] is False
    assert rules.replace(count_c779=True)["count_c779"] is True
    assert rules["count_c779"] is False, "replacing leaves the original"
    with pytest.raises(DefinitionError, match="did you mean 'count_c779'"):
        project_definitions().rules({"count_c77": True})
    with pytest.raises(DefinitionError, match="'maybe' is not allowed; allowed: False, True"):
        project_definitions().rules({"count_c779": "maybe"})


def test_rule_file_with_a_missing_key_is_refused(tmp_path):
    raw = yaml.safe_load((FOLDER / "cohort_rules.yaml").read_text(encoding="utf-8"))
    del raw["options"][0]["reason"]
    (tmp_path / "cohort_rules.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(DefinitionError, match="missing key 'options.count_c779.reason'"):
        Definitions(tmp_path).rules()


def alter(tmp_path, change):
    """Return the project's definitions with cohort_rules.yaml changed."""
    raw = yaml.safe_load((FOLDER / "cohort_rules.yaml").read_text(encoding="utf-8"))
    change(raw, {option["name"]: option for option in raw["options"]})
    (tmp_path / "cohort_rules.yaml").write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return Definitions(tmp_path)


WRONG = {
    "a misspelt default": (
        lambda raw, o: o["diagnosis_position"].update(default="anny"),
        "line [0-9]+: key 'options.diagnosis_position.default': 'anny' is not allowed .did you mean 'any'.*primary",
    ),
    "a default beyond the values": (
        lambda raw, o: o["gap_months"].update(default=120),
        "gap_months.default': 120 is not",
    ),
    "0 for false": (lambda raw, o: o["count_c779"].update(default=0), "count_c779.default': 0 is not allowed"),
    "no title": (lambda raw, o: o["evidence"].pop("title"), "missing key 'options.evidence.title'"),
    "a value without a title": (
        lambda raw, o: o["gap_months"]["values"][1].pop("title"),
        "missing key 'options.gap_months.values.2.title'",
    ),
    "a value given twice": (lambda raw, o: o["gap_months"]["values"][1].update(value=12), "value 12 is given twice"),
    "a value with other words": (
        lambda raw, o: o["gap_months"]["values"][1]["words"].pop("after"),
        "value 6 has other words than 12",
    ),
    "an unknown option in a text": (
        lambda raw, o: raw["rules"][7].update(text="Within {gap_month}."),
        "rule DN1, text: .*no option 'gap_month' .did you mean 'gap_months'",
    ),
    "an unknown word in a text": (
        lambda raw, o: raw["rules"][7].update(text="{gap_months.bfore}"),
        "rule DN1, text: option gap_months has no word 'bfore' .did you mean 'before'",
    ),
    "a lone brace": (lambda raw, o: raw["rules"][7].update(text="Within {gap"), "a brace is not paired"),
    "words in a circle": (
        lambda raw, o: o["gap_months"]["values"][2]["words"].update(before="{gap_months.before}"),
        "rule DN2, text: words refer to words more than 3 times",
    ),
    "an unknown rule": (lambda raw, o: o["gap_months"].update(rule="RC9"), "gap_months belongs to rule 'RC9'"),
    "a rule given twice": (lambda raw, o: raw["rules"].append(dict(raw["rules"][0])), "they must be, in order, EL1"),
    "a rule left out": (lambda raw, o: raw["rules"].pop(2), "rules are EL1, EL2, EL4, .*they must be, in order"),
    "an option given twice": (
        lambda raw, o: raw["options"].append(copy.deepcopy(raw["options"][0])),
        "twice: count_c779",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_rules_that_cannot_be_meant_are_refused(tmp_path, name):
    change, message = WRONG[name]
    with pytest.raises(DefinitionError, match=r"(?s)cohort_rules\.yaml: .*" + message):
        alter(tmp_path, change).rules()


def test_a_value_is_not_taken_for_one_that_python_thinks_equal():
    with pytest.raises(DefinitionError, match="gap_months: False is not allowed; allowed: 12, 6, 0"):
        project_definitions().rules({"gap_months": False})


def test_words_follow_the_options_in_force():
    rules = project_definitions().rules({"gap_months": 6, "stage_0_can_recur": False, "count_c779": True})
    assert rules.rule("RC1").text == (
        "Stage 1 to 3 or unknown, and an admission with a metastatic code 6 months or more after diagnosis. "
        "Unspecified lymph nodes (C77.9) count."
    )
    assert not any("12 months" in rule.text for rule in rules.rules)
    assert rules.fill("{gap_months}, {last_chemotherapy.event}") == (
        "6 months, the latest cycle start, administration or hospital attendance"
    )
    reported = rules.replace(evidence=("reported",))
    assert not any("C77.9" in rule.text or "admission" in rule.text for rule in reported.rules[7:])
    with pytest.raises(DefinitionError, match="no option 'gap'"):
        rules.fill("{gap}")


@pytest.mark.parametrize("option", project_definitions().rules().options, ids=lambda option: option.name)
def test_every_choice_that_changes_a_rule_changes_its_words(option):
    if option.rule == "none":
        return
    base = project_definitions().rules()
    for value in option.values:
        texts = [rule.text for rule in base.replace(**{option.name: value}).rules]
        assert (texts == [rule.text for rule in base.rules]) == (value == option.default)


def test_a_folder_is_read_and_copied_as_a_whole(tmp_path):
    held = shutil.copytree(FOLDER, tmp_path / "definitions")
    own, project = Definitions(held), Definitions(FOLDER)
    assert own.digest == project.digest and own.files() == project.files()
    names = {file.as_posix() for file in own.files()}
    assert {"cohort_rules.yaml", "indicators.yaml", "codelists/sact_drugs.csv", "published/sotn2024.csv"} <= names
    assert "synthetic.yaml" not in names, "no run reads how synthetic people are made"
    file = held / "codelists" / "icd10_metastatic.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("C795,", "C798,", 1), encoding="utf-8")
    assert own.digest != project.digest
    assert own.codelist("icd10_metastatic").prefixes("bone") == ("C798",)
    assert own.rules().definitions is own and read_specification(own).definitions is own
    assert project.codelist("icd10_metastatic").prefixes("bone") == ("C795",)


#: What is put in the place of an entry; None drops it, ... is nothing
CHANGES = (
    ("dropped", None), ("a mapping", {"x": 1}), ("a list", [[1]]), ("a number", 10**9), ("no text", ""),
    ("a long text", "not " * 500), ("nothing", ...), ("odd", "{x"), ("true", True),
)  # fmt: skip


def mutations(file):
    """Yield ways to spoil a file of definitions: of those of its entries, some."""
    content = file.read_bytes()
    yield "empty", b""
    yield "not UTF-8", content.replace(b"e", b"\xe9", 1)
    yield "a NUL", content[:200] + b"\0" + content[200:]
    lines = content.splitlines(keepends=True)
    if file.suffix == ".csv":
        yield "header only", lines[0]
        yield "a quote that never ends", content + b'"a,b'
        yield "a column more", lines[0] + lines[1].rstrip() + b",x\n"
        yield "a line twice", content + lines[1]
        for column in range(len(lines[0].split(b","))):
            cells = lines[1].rstrip(b"\n").split(b",")
            cells[min(column, len(cells) - 1)] = b"\xc2\xa0"
            yield f"column {column} blank", b"".join([lines[0], b",".join(cells), b"\n", *lines[2:]])
        return
    raw = yaml.safe_load(content)
    yield "a list for the whole", yaml.safe_dump([raw]).encode()
    yield "a key twice", content + lines[[line[:1].isalpha() for line in lines].index(True)]
    every = [(path, *change) for path in paths(raw) for change in CHANGES]
    for path, name, change in random.Random(1).sample(every, min(len(every), 35)):
        yield f"{'.'.join(map(str, path))} {name}", yaml.safe_dump(changed(raw, path, change)).encode()


def paths(raw, above=()):
    """Yield every path of keys; of a list only some entries."""
    keys = list(raw) if isinstance(raw, dict) else range(0, len(raw), 5) if isinstance(raw, list) else []
    for key in keys:
        yield (*above, key)
        yield from paths(raw[key], (*above, key))


def changed(raw, path, change):
    """Return a copy with one entry changed (:data:`CHANGES`)."""
    raw = copy.deepcopy(raw)
    inner = raw
    for key in path[:-1]:
        inner = inner[key]
    if change is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = None if change is ... else change
    return raw


def load_everything(folder):
    """Load all that a folder of definitions holds, and say it."""
    definitions = Definitions(folder)
    for name in definitions.codelists:
        definitions.codelist(name)
    rules = definitions.rules()
    for indicator in read_specification(definitions).indicators:
        indicator.say_exclusions(rules)
    assert read_data_items(definitions) and read_age_standard(definitions).groups and rules.rules
    assert read_relations(definitions).sums and read_wording(definitions) and read_corrections(definitions)
    assert read_recommendations(definitions).recommendations and read_summaries(definitions)
    for file in (folder / "published").glob("*.csv"):
        load_published(file.stem, definitions)
    read_pages.__wrapped__(folder / "pages.yaml")


EVERY = sorted(file.relative_to(FOLDER) for file in FOLDER.rglob("*.[cy]*") if file.stem != "synthetic")


@pytest.mark.parametrize("name", EVERY, ids=str)
def test_a_spoilt_file_loads_or_is_refused_by_name(tmp_path, name):
    """No traceback, whatever stands in a file of definitions; what is refused names the file."""
    folder = shutil.copytree(FOLDER, tmp_path / "definitions")
    spoilt, refused = list(mutations(FOLDER / name)), 0
    for _, content in spoilt:
        (folder / name).write_bytes(content)
        try:
            if name.parts[0] == "codings":  # nothing else is read from it
                Definitions(folder).coding(name.stem)
            else:
                load_everything(folder)
        except NaomeError as error:
            refused += 1
            assert name.name in str(error)
    assert refused > len(spoilt) / 3
