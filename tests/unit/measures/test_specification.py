"""Indicators are added as data; definitions that cannot hold are refused when loaded."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import yaml

from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import DefinitionError
from naome.core.paths import project_root
from naome.measures.expressions import parse_expression
from naome.measures.indicators import evaluate_indicators
from naome.measures.satisfiable import count_possible, make_probe
from naome.measures.specification import note_inferred_codes, read_specification
from naome.measures.study import make_study

ENTRY = {
    "id": "liver_biopsy",
    "title": "Biopsy in people with liver metastases",
    "kind": "contextual",
    "cohorts": ["recurrent"],
    "denominator": 'liver and sex == "female"',
    "numerator": "biopsy_days <= soon",
    "windows": {"soon": 14},
    "polarity": "neutral",
    "source": "a test",
}


def extend(tmp_path, **changes):
    """Return the specification of the project's definitions with one more indicator."""
    folder = shutil.copytree(project_root() / "definitions", tmp_path / "definitions")
    file = folder / "indicators.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["indicators"].append({**ENTRY, **changes})
    file.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return read_specification(Definitions(folder))


def test_adding_an_indicator_is_adding_an_entry(tmp_path, make_people, england):
    """
    sex     liver  biopsy_days   counted  positive
    female  yes    14            yes      yes
    female  yes    15            yes      no
    female  yes    -             yes      no
    female  no     3             no
    male    yes    3             no
    """
    people = make_people(
        5,
        cohort="recurrent",
        sex=["female"] * 4 + ["male"],
        liver=[True, True, True, False, True],
        biopsy_days=[14, 15, None, 3, 3],
        provider="A",
    )
    specification = extend(tmp_path)
    results = evaluate_indicators(
        people, replace(make_study(england, run_id="r"), specification=specification), only=("liver_biopsy",)
    )
    for level in ("nation", "provider"):
        row = results[(results["level"] == level) & (results["group_by"] == "all")].iloc[0]
        assert (row["denominator"], row["numerator"]) == (3, 1)
    assert results["definition_id"].str.startswith("liver_biopsy@").all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"denominator": "not liver", "numerator": "liver"}, "numerator: numerator not inside denominator"),
        (
            {"needs": {"denovo": ["biopsy_days"]}},
            "needs: the cohort 'denovo' is not one of the indicator's",
        ),
        ({"needs": {"recurrent": ["biopsi_days"]}}, "needs: the numerator does not read 'biopsi_days'"),
        ({"numerator": "all", "needs": {"recurrent": ["liver"]}}, "needs: the numerator does not read 'liver'"),
        ({"denominator": 'her2 == "positive"', "numerator": 'her2 == "negative"'}, "numerator not inside denominator"),
        ({"denominator": "missing(biopsy_days)"}, "numerator not inside denominator"),
        ({"denominator": "age >= 70", "numerator": "age < 70"}, "numerator not inside denominator"),
        ({"numerator": "biopsy_days <= 3 and biopsy_days > 10"}, "numerator: no person can fulfil"),
        ({"denominator": "liver and not liver"}, "denominator: no person can fulfil"),
        ({"numerator": "biopsy_day <= soon"}, "unknown column 'biopsy_day'"),
    ],
)
def test_what_nobody_could_fulfil_is_an_error_with_file_and_key(tmp_path, changes, message):
    with pytest.raises(DefinitionError, match=r"indicators\.yaml: indicator liver_biopsy, .*" + message):
        extend(tmp_path, **changes)


@pytest.mark.parametrize(
    ("denominator", "numerator"),
    [
        ("age >= 70", "age <= 70"),
        ("biopsy_days > 30", "biopsy_days < 32"),
        ("biopsy_days >= -30", "biopsy_days <= -30"),
        ('frailty in ["moderate", "severe"]', 'frailty != "moderate"'),
        ("missing(er)", "not er_recorded"),
    ],
)
def test_conditions_that_meet_at_an_edge_are_accepted(denominator, numerator):
    assert count_possible(parse_expression(denominator, "d"), parse_expression(numerator, "n"))


def test_the_probe_holds_every_value_and_missing():
    condition = parse_expression('sex == "female" and bone and age < limit', "t", {"limit": 40})
    probe = make_probe((condition,))
    assert {39, 40, 41, 0} <= set(probe["age"].dropna()) and probe["age"].isna().any()
    assert set(probe["sex"].dropna()) == {"female", "another value"}
    assert len(probe) == len(probe.drop_duplicates()) == probe["age"].nunique(dropna=False) * 3 * 3


def test_many_columns_are_sampled():
    names = ["bone", "liver", "lung", "brain", "m1", "died", "er_recorded", "pr_recorded", "her2_recorded"]
    names += ["grade_recorded", "stage_recorded", "cns_recorded"]
    condition = parse_expression(" or ".join(names), "t")
    assert len(make_probe((condition,))) == 200_000 and count_possible(condition)


CNS_CODES = len(project_definitions().find_codes("cns_indicator"))
ALL_OF_CNS = f"Uses unverified codes: cns indicator ({CNS_CODES} of {CNS_CODES} codes)."


@pytest.mark.parametrize(
    ("codelists", "note"),
    [
        (["opcs4_chemotherapy"], ""),
        (["sact_drugs.cdk46"], "Uses unverified codes: sact drugs, cdk46 (3 of 3 codes)."),
        (
            ["opcs4_chemotherapy", "cns_indicator"],
            f"Uses unverified codes: cns indicator ({CNS_CODES} of {CNS_CODES} codes).",
        ),
    ],
)
def test_results_on_inferred_codes_say_so(tmp_path, make_people, england, codelists, note):
    people = make_people(40, cohort="recurrent", sex="female", liver=True, provider=["A"] * 37 + ["B"] * 3)
    specification = extend(tmp_path, codelists=codelists, numerator="died", windows={})
    results = evaluate_indicators(
        people, replace(make_study(england, run_id="r"), specification=specification), only=("liver_biopsy",)
    )
    assert (results["reason"][results["status"] == "ok"] == "").all()
    noted = note_inferred_codes(results, specification)
    assert (noted["status"] == "ok").any() and (noted["status"] == "too_few").any()
    assert (noted["reason"][noted["status"] == "ok"] == note).all()
    few = noted["status"] == "too_few"
    assert (noted["reason"][few] == results["reason"][few]).all(), "a result that is not ok keeps its own reason"


def test_an_indicator_uses_the_code_lists_of_its_columns_and_those_it_names(tmp_path):
    shipped = read_specification(project_definitions())
    assert shipped["bone_radiotherapy"].codelists == ("opcs4_sites.bone", "icd10_metastatic.bone")
    assert shipped["endocrine_first_line"].codelists == ("sact_drugs.endocrine", "sact_drugs.cdk46")
    assert shipped["radiotherapy"].codelists == shipped["mdt_discussion"].codelists == ()
    own = extend(tmp_path / "own", codelists=["cns_indicator", "opcs4_biopsy"])["liver_biopsy"]
    assert own.codelists == ("opcs4_biopsy", "icd10_metastatic.liver", "cns_indicator")
    assert own.version != extend(tmp_path / "none")["liver_biopsy"].version


def test_an_unknown_group_of_a_code_list_is_refused(tmp_path):
    with pytest.raises(DefinitionError, match="did you mean 'cdk46'"):
        extend(tmp_path, codelists=["sact_drugs.cdk64"])


def test_levels_go_from_the_nation_to_the_organisation(tmp_path):
    """Disclosure control relates each level to the larger ones by their order."""
    folder = shutil.copytree(project_root() / "definitions", tmp_path / "definitions")
    file = folder / "indicators.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["levels"] = dict(reversed(raw["levels"].items()))
    file.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    with pytest.raises(DefinitionError, match="levels go from nation to provider, the larger first; found provider, "):
        read_specification(Definitions(folder))
