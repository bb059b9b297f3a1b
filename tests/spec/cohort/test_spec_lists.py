"""Every code list decides something, and a class of drugs is data: a group of a list and an entry in features.yaml."""

import re
import shutil

import pandas as pd
import pytest
import yaml

from naome.cohort.columns import list_columns
from naome.cohort.derive import derive_cohorts
from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import DefinitionError
from naome.core.params import load_params
from naome.measures.derivability import presume_absent, reasons_not_derivable
from naome.measures.specification import read_specification
from naome.report.reference.definitions import write_definitions

#: A code of each classification that nobody in the case has
NOBODYS = {"icd10": "U99", "opcs4": "Q99", "sact": "NOTHING"}


def derive(case, definitions):
    params = case.params().model_copy(update={"cohorts": ("denovo", "recurrent")})
    cohorts = derive_cohorts(params, case.folder, rules=definitions.rules())
    return cohorts.analysis, cohorts.primary


def copy_definitions(tmp_path):
    return shutil.copytree(project_definitions().folder, tmp_path / "copied")


def same(one, other):
    return all(a.equals(b) for a, b in zip(one, other, strict=True))


CASE = """{}

    tumours
    person    diagnosis_date  stage
    ill       2020-03-01      4
    operated  2020-03-01      4
    attended  2020-03-01      4
    treated   2020-03-01      4

    codes
    person    code  admission_date
    ill       I50   2019-12-01
    ill       F00   2019-12-01
    ill       C795  2020-03-05
    attended  Z511  2020-04-01

    procedures
    person    code  procedure_date
    operated  X722  2020-05-01
    operated  J13   2020-03-20

    drugs
    person    drug                      given_date
    treated   PACLITAXEL                2020-05-01
    treated   PERTUZUMAB + TRASTUZUMAB  2020-05-02
    treated   OLAPARIB                  2020-05-11

    radiotherapy
    person    site  treatment_date
    treated   Z63   2020-06-01
    """


def say_case(text):
    """Give a test the case of this module as its docstring."""

    def decorate(function):
        function.__doc__ = CASE.format(text)
        return function

    return decorate


@pytest.fixture(scope="module")
def as_shipped(make_case, tmp_path_factory):
    """What the shipped definitions make of the case."""
    return derive(make_case(CASE, tmp_path_factory.mktemp("shipped")), project_definitions())


@pytest.mark.parametrize("name", project_definitions().codelists)
@say_case("A list without its codes gives another analysis table.")
def test_every_list_is_read(case, as_shipped, tmp_path, name):
    folder = copy_definitions(tmp_path)
    codelist = project_definitions().codelist(name)
    code = NOBODYS[name.split("_")[0]]
    rows = [f"{code},nobody has it,{group},inferred,a test" for group in codelist.groups]
    text = "\n".join(["code,term,group,status,source", *rows]) + "\n"
    (folder / "codelists" / f"{name}.csv").write_text(text, encoding="utf-8")
    assert not same(derive(case, Definitions(folder)), as_shipped)


@say_case("A product counts as the agents that its coding says.")
def test_the_number_of_agents_of_a_product_is_read(case, as_shipped, tmp_path):
    folder = copy_definitions(tmp_path)
    file = folder / "codings" / "sact_agents.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(",2,", ",3,"), encoding="utf-8")
    tables = (as_shipped, derive(case, Definitions(folder)))
    assert [analysis["anti_her2_agents"].max() for analysis, _ in tables] == [2, 3]


@say_case("A window is read from features.yaml.")
def test_a_window_is_data(case, as_shipped, tmp_path):
    folder = copy_definitions(tmp_path)
    file = folder / "features.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("from_days: -365", "from_days: -30"), encoding="utf-8")
    tables = (as_shipped, derive(case, Definitions(folder)))
    assert [analysis["charlson_count"].max() for analysis, _ in tables] == [2, 0]


def test_the_days_of_a_window_are_in_the_words_of_its_column(tmp_path):
    folder = copy_definitions(tmp_path)
    file = folder / "features.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("from_days: -31", "from_days: -14"), encoding="utf-8")
    of = {column.name: column.meaning for column in list_columns(Definitions(folder))}
    assert of["chemotherapy_days"] == "Days from the time origin to the first chemotherapy from 14 days before it."
    typed = [
        each for each in yaml.safe_load(file.read_text())["features"] if re.search(r"\d+ (day|month)", each["meaning"])
    ]
    assert typed == []


PARP = """
  - name: parp_days
    meaning: Days from origin to the first PARP inhibitor on or after origin.
    count: first_day
    events: {drugs: sact_drugs.parp_inhibitor}
    clock: origin
    from_days: 0
    source: a test
    status: inferred
"""
INDICATOR = """
  - id: parp
    title: PARP inhibitor
    kind: contextual
    cohorts: [denovo]
    denominator: all
    numerator: parp_days <= 365
    polarity: neutral
    source: a test
"""


@say_case("A new class of drugs is an entry in features.yaml: column, indicator, page and derivability follow.")
def test_a_class_of_drugs_is_data(case, tmp_path):
    folder = copy_definitions(tmp_path)
    for name, entry in (("features.yaml", PARP), ("indicators.yaml", INDICATOR)):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(entry)
    definitions = Definitions(folder)
    analysis, _ = derive(case, definitions)
    assert analysis.set_index("provider")["parp_days"].dropna().to_dict() == {"treated": 71}
    indicator = read_specification(definitions)["parp"]
    assert indicator.numerator.evaluate(analysis).sum() == 1 and indicator.codelists == ("sact_drugs.parp_inhibitor",)
    for audit, there in (("england", True), ("wales", False)):
        params = load_params(audit)
        reasons = reasons_not_derivable(presume_absent(params), params, definitions.rules(params.rules))
        assert ("parp" not in reasons) == there


@say_case("The order and types of the table are those of the columns in force.")
def test_the_table_has_the_columns_in_force(as_shipped):
    analysis, primary = as_shipped
    assert isinstance(primary, pd.DataFrame)
    assert list(analysis.columns) == [column.name for column in list_columns(project_definitions())]
    assert "parp_days" not in write_definitions()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "sact_drugs.cdk46}",
            "sact_drugs.cdk4}",
            "feature cdk46_days: .*no group 'cdk4' .did you mean",
        ),
        ("{diagnoses: icd10_scarf}", "{diagnoses: icd10_scarff}", "feature frailty_count: no code list 'icd10_scarff'"),
        ("never: [lymph_node_regional]", "never: [lymph_node_regonal]", "evidence: .*no group 'lymph_node_regonal'"),
        ("leave_out: [breast_biopsy]", "leave_out: [breast_biopsies]", "feature biopsy_days: .*'breast_biopsies'"),
        ("count_c779,", "count_c778,", "option names 'count_c778' .did you mean 'count_c779'"),
        ("[drugs.given_date or", "[drugs.given or", "needs names 'drugs.given' .did you mean 'drugs.given_date'"),
        ("flag: chemotherapy_flag", "flag: chemo_flag", "flag names 'chemo_flag'"),
        ("name: cdk46_days", "name: survival_days", "survival_days: the analysis table has a column of that name"),
        ("count: agents", "count: agent", "(?s)features.yaml:.*agent"),
        ("from_days: -365", "from_day: -365", "(?s)features.yaml:.*from_day"),
        ("breast from {before}", "breast from {befor}", "feature biopsy_days: meaning: .*allowed: {before}"),
        ("breast from {before}", "breast from {after}", "feature biopsy_days: meaning: .*allowed: {before}"),
        ("breast from {before}", "breast from {{before}}", "feature biopsy_days: meaning: .*allowed: {before}"),
        ("breast from {before}", "breast from {before!r:>9}", "feature biopsy_days: meaning: .*allowed: {before}"),
        ("on or after it.", "on or after {after}.", "feature cdk46_days: meaning: .*allowed: none"),
    ],
)
def test_a_feature_that_names_nothing_is_refused(tmp_path, old, new, said):
    folder = copy_definitions(tmp_path)
    text = (folder / "features.yaml").read_text(encoding="utf-8")
    assert old in text
    (folder / "features.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DefinitionError, match=said):
        assert list_columns(Definitions(folder))
