"""Where an attack succeeds, the refusal says which keys and values of the parameter file hide more."""

from __future__ import annotations

import pytest

from naome.core.definitions import project_definitions
from naome.core.params import find_params, load_params
from naome.measures.derivability import check_reasons
from naome.measures.specification import read_specification
from naome.release.attack import Attack
from naome.release.places import Place
from naome.workflow.attack_hints import list_hints
from naome.workflow.attack_run import explain_attack
from naome.workflow.pages import notebooks_of

NATION = Place("chemotherapy_adjusted", "denovo", "nation", "age_group")
SURVIVAL = Place("survival_1y", "recurrent", "nation", "sex")
FRAMES = {"survival_1y": {"survival"}, "survival_1y_adjusted": {"risk_adjusted"}, "people": {"people"}}


def hints(found: Attack, audit="wales", **disclosure) -> list[str]:
    params = load_params(audit)
    params = params.model_copy(update={"disclosure": params.disclosure.model_copy(update=disclosure)})
    specification = read_specification(project_definitions())
    return list_hints(found, params, specification, FRAMES, lambda *keys: f"m.yaml: key {'.'.join(keys)!r}")


def narrow(*places: Place) -> Attack:
    return Attack("hes2018", hidden_narrow=len(places), where={"hidden_narrow": list(places)})


def test_a_nation_can_be_suppressed_like_any_other():
    said = hints(narrow(NATION), national="suppress_small")
    assert said[0].startswith("m.yaml: key 'disclosure.national' is 'suppress_small'; 'suppress' rounds")
    assert not any("national" in each for each in hints(narrow(NATION), national="suppress"))
    below = Place("chemotherapy", "denovo", "provider", "all")
    assert not any("national" in each for each in hints(narrow(below), national="suppress_small"))


@pytest.mark.parametrize(("policy", "said"), [("lt5", "'lt10' or 'hes2018' hides"), ("lt10", "'hes2018' hides")])
def test_a_stricter_policy_is_named(policy, said):
    assert any(said in each for each in hints(narrow(NATION), policy=policy))
    assert not any("disclosure.policy" in each for each in hints(narrow(NATION), policy="hes2018"))


def test_results_are_named_as_the_parameters_take_them_out():
    [said] = [each for each in hints(narrow(NATION)) if "not_derivable" in each]
    assert said.endswith("here: chemotherapy.")
    params = load_params("wales").model_copy(update={"not_derivable": {"chemotherapy": "Too few."}})
    check_reasons(params, project_definitions(), find_params("wales"))


def test_notebooks_are_left_out_with_those_that_read_theirs():
    place = Place("survival_1y_adjusted", "denovo", "provider", "all")
    found = Attack("hes2018", guesses_right=9.0, where={"guesses_right": [place]})
    [said] = hints(found)
    assert "excludes 05-risk-adjusted-survival, 10-case-mix-model" in said
    chosen = said.partition("[")[2].partition("]")[0]
    notebooks = tuple(each.strip().strip('"') for each in chosen.split(","))
    assert notebooks_of(load_params("wales").model_copy(update={"notebooks": notebooks}))
    assert "04-kaplan-meier-survival" in hints(narrow(SURVIVAL))[-1]
    assert not any("notebooks" in each for each in hints(narrow(Place("people", "denovo", "nation", "sex"))))


def test_results_of_nations_together_are_left_out():
    [said] = hints(Attack("hes2018", pooled_broken=1))
    assert "key 'notebooks': [" in said and "excludes 09-agreement" in said


def test_a_fault_of_the_definitions_is_not_the_parameters():
    [said] = hints(Attack("hes2018", relations_broken=1))
    assert said.startswith("no parameter changes")


def test_the_refusal_names_file_line_key_and_the_tables(make_run):
    run = make_run("wales")
    found = narrow(SURVIVAL)
    said = explain_attack(run, found)
    assert "hidden narrow 1: small counts" in said
    assert "In: survival_1y (cohort recurrent, level nation, by sex)." in said
    assert f"Hint: {run.read_record['params_from']}:" in said and "key 'disclosure.national' is" in said
