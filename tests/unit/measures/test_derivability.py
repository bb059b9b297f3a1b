"""What cannot be derived follows from what a feed or an extract has not: never a zero, whatever the parameters say."""

from __future__ import annotations

import datetime as dt
import shutil

import pytest

from naome.cohort.columns import list_columns
from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import ParamsError
from naome.core.params import load_params
from naome.extract import READERS
from naome.extract.absent import EXTRACT, FEED, Absent, find_absent, list_missing, list_optional
from naome.measures.derivability import presume_absent, reasons_not_derivable, say_taken_away
from naome.measures.description import describe_cohorts
from naome.measures.indicators import evaluate_indicators
from naome.measures.specification import read_specification
from naome.measures.study import make_study

AUDITS = ("england", "wales", "england-rcrd", "rotterdam", "simulacrum", "simulacrum-v1")
DRUGS = {
    "cdk46_first_line", "anti_her2_first_line", "bone_modifying_agent", "endocrine_first_line", "single_anti_her2",
    "dual_anti_her2",
}  # fmt: skip
#: What the parameter files named one by one before it was computed, and why the set differs where it does
BEFORE = {
    "england": set(),
    "wales": DRUGS
    | {"biopsy", "chemotherapy.recurrent", "radiotherapy.recurrent", "death_30d_chemotherapy", "bone_radiotherapy"}
    | {"brain_radiotherapy", "m1_or_recurrence_recorded.recurrent"},
}


def without_sentences(params):
    return params.model_copy(update={"absent": {}})


def find_reasons(audit, absent=None, params=None, definitions=None):
    params = params or load_params(audit)
    rules = (definitions or project_definitions()).rules(params.rules)
    return reasons_not_derivable(absent or presume_absent(params), params, rules)


@pytest.mark.parametrize("audit", BEFORE)
def test_what_each_nation_cannot_derive(audit):
    assert set(find_reasons(audit)) == BEFORE[audit]


@pytest.mark.parametrize("audit", AUDITS)
def test_without_the_sentences_the_same_is_not_derivable_and_the_reason_is_poorer(audit):
    params = load_params(audit)
    absent = presume_absent(params)
    said, bare = find_reasons(audit, absent), find_reasons(audit, absent, without_sentences(params))

    def spread(reasons):
        cohorts = ("denovo", "recurrent")
        indicators = read_specification(project_definitions()).indicators
        return {
            f"{i.id}.{c}"
            for i in indicators
            for c in cohorts
            if c in i.cohorts and {i.id, f"{i.id}.{c}"} & set(reasons)
        } | {key for key in reasons if key.partition(".")[0] == "completeness" or "death" in key}

    assert spread(said) == spread(bare)
    assert all(bare.values())


def test_the_sentence_of_the_nearest_absent_thing_is_given():
    reasons = find_reasons("wales")
    assert reasons["cdk46_first_line"].startswith("There is no regimen-level SACT")
    assert reasons["chemotherapy.recurrent"] == "The Welsh chemotherapy flag refers to the initial diagnosis only."
    assert reasons["death_30d_chemotherapy"].startswith("There are no dates of chemotherapy cycles")
    bare = find_reasons("wales", params=without_sentences(load_params("wales")))
    assert bare["cdk46_first_line"] == "The feed has no drugs."


def test_a_result_by_drug_is_never_a_zero_where_there_are_no_drugs(make_people):
    """Dropping every sentence from the Welsh parameters once gave 0 of 232, ok."""
    study = make_study(without_sentences(load_params("wales")), run_id="r")
    results = evaluate_indicators(make_people(40), study)
    rows = results[results["measure"].isin(DRUGS)]
    assert len(rows) and set(rows["status"]) == {"not_derivable"}


def test_a_new_indicator_by_drug_is_not_derivable_in_wales_without_an_edit_of_parameters(tmp_path):
    folder = shutil.copytree(project_definitions().folder, tmp_path / "definitions")
    entry = """
  - id: checkpoint
    title: Immune checkpoint inhibitor
    kind: contextual
    cohorts: [denovo, recurrent]
    denominator: all
    numerator: checkpoint_days <= 365
    polarity: neutral
    source: a test
"""
    with (folder / "indicators.yaml").open("a", encoding="utf-8") as file:
        file.write(entry)
    for audit, derivable in (("england", True), ("wales", False)):
        params = load_params(audit)
        reasons = reasons_not_derivable(presume_absent(params), params, Definitions(folder).rules(params.rules))
        assert ("checkpoint" not in reasons) == derivable


#: What only a check of the extract reads: no canonical column comes from it
ONLY_CHECKED = {
    *(("organisations", "ORG_TYPE"), ("pedw_episode", "DIAG_CD_1234")),
    *(("hes_apc", "STARTAGE"), ("ons_deaths", "DEC_AGEC")),
    *(("hes_apc", "DISMETH"), ("pedw_spell", "DISCH_MTHD_CD")),
}
OPTIONAL = [
    (name, version, table, column)
    for name, reader in READERS.items()
    for version in ([v for _, v in reader.versions] or [reader])
    for table, columns in list_optional(version).items()
    for column in (columns if set(columns) < set(version.raw[table].columns) else ["*"])
    if (table, column) not in ONLY_CHECKED
]
AUDIT_OF = {"ncrd": "england", "simulacrum": "simulacrum"}


@pytest.mark.parametrize(
    ("name", "reader", "table", "column"), OPTIONAL, ids=[f"{n}-{t}-{c}" for n, _, t, c in OPTIONAL]
)
def test_nothing_that_needs_an_optional_thing_is_derivable_without_it(name, reader, table, column):
    gone = {table: tuple(reader.raw[table].columns) if column == "*" else (column,)}
    absent = find_absent(reader, gone)
    names = [thing for thing, known in absent.things.items() if known == EXTRACT]
    assert names, "an optional thing that no canonical column comes from"
    params = without_sentences(load_params(AUDIT_OF[name]))
    reasons = find_reasons(AUDIT_OF[name], absent, params)
    rules = project_definitions().rules(params.rules)
    columns = {c.name: c for c in list_columns(project_definitions())}
    needing = {
        indicator.id
        for indicator in read_specification(project_definitions()).indicators
        for condition in (indicator.numerator, indicator.denominator)
        for read in (condition.columns if condition else ())
        for need in columns[read].needs
        if any(thing in Absent(dict.fromkeys(names, EXTRACT)) for thing in need.any_of) and not indicator.not_derivable
    }
    needing |= {"cns_recorded"} if "tumours.cns" in names else set()
    assert needing and needing <= {key.partition(".")[0] for key in reasons}
    (sentence,) = say_taken_away(absent, params, rules)
    assert sentence.startswith("This extract has no ") and all(result in sentence for result in needing)


def test_a_table_without_rows_is_there(tmp_path):
    raw = READERS["ncrd"].raw
    everything = {name: tuple(table.wanted()) for name, table in raw.items()}
    assert list_missing(raw, everything) == {}
    assert "recurrences" not in find_absent(READERS["ncrd"], list_missing(raw, everything))
    lacking = {name: columns for name, columns in everything.items() if name != "cosd_recurrence"}
    assert find_absent(READERS["ncrd"], list_missing(raw, lacking)).things["recurrences"] == EXTRACT


def test_the_reader_knows_what_its_feed_never_has():
    never = find_absent(READERS["wcn"]).things
    assert never["drugs"] == never["radiotherapy"] == never["recurrences"] == FEED
    assert "tumours.chemotherapy_flag" not in never and "tumours.chemotherapy_flag" in find_absent(READERS["ncrd"])
    # A constant is filled, nothing at all is not
    assert "tumours.eligible_registration" not in find_absent(READERS["rcrd"])


def test_a_sentence_about_something_that_is_there_is_refused():
    with pytest.raises(ParamsError, match="absent' names 'recurrences', which is in these data"):
        find_reasons("england", params=load_params("england").model_copy(update={"absent": {"recurrences": "No."}}),
                     absent=Absent({}))  # fmt: skip
    with pytest.raises(ParamsError, match="names the cohort 'recurrent', which this run has"):
        find_reasons("england", params=load_params("england").model_copy(update={"absent": {"recurrent": "No."}}))


def test_a_judgement_on_a_column_speaks_for_all_that_reads_it():
    reasons = find_reasons("simulacrum")
    assert all("do not agree" in reasons[key] for key in ("cdk46_first_line", "dual_anti_her2", "bone_modifying_agent"))
    assert "chemotherapy.denovo" not in reasons and "chemotherapy" not in reasons


def test_a_cohort_that_a_run_has_not_has_no_results():
    england = load_params("england").model_copy(update={"cohorts": ("denovo",)})
    reasons = find_reasons("england", params=england)
    assert reasons["survival.recurrent"] == "This run has no recurrent cohort."
    assert "survival.denovo" not in reasons


def test_every_column_says_what_it_needs_or_needs_nothing():
    bare = {column.name for column in list_columns(project_definitions()) if not column.needs}
    assert bare == {
        "cohort", "route", "nation", "age_band", "age_group", "age", "age_at_diagnosis", "diagnosis_year",
        "metastatic_year", "year", "diagnosis_to_metastatic_days", "diagnosis_date", "metastatic_date", "origin_date",
    }  # fmt: skip


#: Cohort rule -> what it reads
READ_BY_RULE = {"EL4": "tumours.basis", "DN2": "diagnoses"}


@pytest.mark.parametrize("audit", AUDITS)
def test_a_rule_on_something_absent_is_marked_as_not_checked(audit):
    params = load_params(audit)
    absent = presume_absent(params)
    unchecked = {rule for rule, thing in READ_BY_RULE.items() if thing in absent}
    unchecked -= {"DN2"} if "denovo" not in params.cohorts else set()
    assert unchecked <= set(params.rules_not_checked)


def test_no_group_of_people_is_made_by_a_column_that_is_not_there(make_people):
    study = make_study(load_params("simulacrum"), run_id="r")
    results = evaluate_indicators(make_people(40), study, only=("molecular_status_recorded",))
    rows = results[(results["cohort"] == "denovo") & (results["group_by"] == "bone")]
    assert rows["status"].tolist() == ["not_derivable"] and "no hospital admissions" in rows["reason"].iloc[0]


def test_no_characteristic_is_described_that_is_not_there(make_people):
    """The Simulacrum's people once had bone metastases in 0 of 321, ok."""
    described = describe_cohorts(make_people(40, age=60), make_study(load_params("simulacrum"), run_id="r"))
    assert "site" not in set(described["group_by"]) and "eligible.bone_radiotherapy" not in set(described["measure"])
    england = describe_cohorts(make_people(40, age=60), make_study(load_params("england"), run_id="r"))
    assert "site" in set(england["group_by"])


def test_no_site_of_metastases_is_known_where_only_reported_recurrences_are_evidence(make_people):
    """A reported recurrence names no site: these were once 0%, ok."""
    params = load_params("england").model_copy(update={"rules": {"evidence": ["reported"]}})
    reasons = find_reasons("england", params=params)
    said = "Admissions are not evidence of metastatic disease in this run."
    for key in ("site_recorded", "completeness.metastatic_site", "bone_radiotherapy", "brain_radiotherapy"):
        assert reasons[key] == said, key
    assert not {"biopsy", "survival", "chemotherapy", "m1_or_recurrence_recorded"} & set(reasons)
    results = evaluate_indicators(make_people(40), make_study(params, run_id="r"), only=("site_recorded",))
    assert set(results["status"]) == {"not_derivable"}


@pytest.mark.parametrize(("group", "derivable"), [("unspecified", True), ("bone", False)])
def test_a_feature_on_evidence_needs_what_can_hold_its_codes(group, derivable, tmp_path):
    """Reported recurrences are read as a metastasis of unspecified site, and as no other."""
    folder = shutil.copytree(project_definitions().folder, tmp_path / "definitions")
    features, indicators = folder / "features.yaml", folder / "indicators.yaml"
    features.write_text(
        features.read_text(encoding="utf-8")
        + f"""  - name: other_metastasis
    meaning: A metastasis.
    count: any
    events: {{evidence: icd10_metastatic.{group}}}
    clock: metastatic
    source: a test
    status: inferred
""",
        encoding="utf-8",
    )
    with indicators.open("a", encoding="utf-8") as file:
        file.write("""
  - id: other
    title: Other metastasis
    kind: contextual
    cohorts: [recurrent]
    denominator: all
    numerator: other_metastasis
    polarity: neutral
    source: a test
""")
    params = load_params("england").model_copy(update={"rules": {"evidence": ["reported"]}})
    reasons = find_reasons("england", params=params, definitions=Definitions(folder))
    assert ("other" not in reasons) == derivable


def test_a_new_indicator_on_reported_recurrences_alone_is_not_derivable_in_wales(tmp_path):
    folder = shutil.copytree(project_definitions().folder, tmp_path / "definitions")
    with (folder / "indicators.yaml").open("a", encoding="utf-8") as file:
        file.write("""
  - id: reported
    title: Distant recurrence reported
    kind: data_quality
    cohorts: [denovo, recurrent]
    denominator: all
    numerator: cosd_distant
    polarity: higher
    source: a test
""")
    assert "reported" in find_reasons("wales", definitions=Definitions(folder))
    assert "reported" not in find_reasons("england", definitions=Definitions(folder))


def test_a_window_that_follow_up_does_not_reach_is_not_counted():
    """People diagnosed in the last months would count as not treated, the more the later they were diagnosed."""
    params = load_params("england")
    last = params.censor_date - dt.timedelta(days=365)
    assert not find_reasons("england", params=params.model_copy(update={"metastatic_to": last}))
    reasons = find_reasons("england", params=params.model_copy(update={"metastatic_to": last + dt.timedelta(days=1)}))
    assert f"after {last}" in reasons["chemotherapy"] and "365 days" in reasons["chemotherapy"]
    assert {"cdk46_first_line", "radiotherapy", "bone_modifying_agent"} <= set(reasons)
    # a biopsy has 90 days, and the last chemotherapy leaves people out by date
    assert not {"biopsy", "death_30d_chemotherapy", "mdt_discussion", "survival"} & set(reasons)
