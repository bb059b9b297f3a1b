"""Pages of survival, recommendations, organisations, UPCARE and the site; explanations of results."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape

import pandas as pd
import pytest
from made_audits import make_audit, missing, proportion

from naome.core.definitions import project_definitions
from naome.core.paths import project_root
from naome.measures.landmark import WAYS
from naome.measures.recommendations import read_recommendations
from naome.report.finished import FinishedRun
from naome.report.publication.about import write_about
from naome.report.publication.audits import list_populations
from naome.report.publication.forms import say_form
from naome.report.publication.organisations import (
    say_disclosure,
    say_why_no_years,
    write_explorer,
    write_organisation_pages,
)
from naome.report.publication.recommendations import write_recommendations
from naome.report.publication.source_lists import Sources
from naome.report.publication.survival import write_survival
from naome.report.publication.trace import explain_result
from naome.report.publication.upcare import list_answers, write_upcare

PEOPLE = [proportion("people", n, n, cohort) for cohort, n in (("denovo", 12345), ("recurrent", 6789))]


def survival(years, deaths, people, cohort="denovo", **other):
    row = proportion(f"survival_{years}y", people - deaths, people, cohort, **other)
    return row | {"method": "Kaplan-Meier"}


@pytest.fixture
def areas(monkeypatch):
    """Organisations A and B of an alliance and a region."""
    table = pd.DataFrame(
        {
            "code": ["A", "B"], "name": ["Alpha", "Beta"], "alliance_code": "E1", "alliance_name": "Alliance",
            "region_code": "R1", "region_name": "Region", "nation": "england",
        }
    )  # fmt: skip
    monkeypatch.setattr(FinishedRun, "read_organisations", lambda self: table)


def unit(code, row, level="provider"):
    return {**row, "level": level, "unit": code, "unit_name": {"A": "Alpha", "B": "Beta"}.get(code, code)}


def open_report(folder, rows, nation="england", **held):
    audits = [make_audit(nation, [*PEOPLE, *rows], folder, rows_in={"av_tumour": 5}, **held)]
    return audits, list_populations(audits), Sources()


def write(write_page, opened):
    page = write_page(*opened)
    return "\n\n".join(page.parts)


def test_a_time_point_that_nobody_has_reached_has_a_reason_and_no_column(tmp_path):
    rows = [survival(1, 300, 1000), survival(3, 500, 1000), missing("survival_5y", "not_derivable", "Too early.")]
    text = write(write_survival, open_report(tmp_path, rows))
    assert "For England the Kaplan-Meier estimate of survival to 5 years could not be derived: too early." in text
    table = re.search(r"::: \{#tbl-survival-denovo-england\}.*?:::", text, re.S)[0]
    assert ">3 years</th>" in table and ">5 years</th>" not in table
    assert ">People</th>" in table and ">1,000</a>" in table


def test_period_analysis_is_said_where_it_is_estimated(tmp_path):
    rows = [survival(3, 500, 1000), {**survival(5, 700, 1000), "measure": "survival_5y_period"}]
    text = write(write_survival, open_report(tmp_path, rows))
    assert "survival to 5 years by period analysis is [30.0%]" in text


def test_a_cohort_whose_survival_is_not_measured_has_no_section(tmp_path):
    all_of = missing("survival_3y", "not_derivable", "No subgroups.", "recurrent", group_by="subtype", group="all")
    text = write(write_survival, open_report(tmp_path, [survival(3, 500, 1000, "recurrent"), all_of]))
    assert "## De novo disease" not in text and "## Recurrent disease" in text and "Every group" in text


@pytest.mark.parametrize("status", ["ok", "suppressed", "not_derivable"])
def test_a_recommendation_has_the_finding_behind_it_or_why_there_is_none(tmp_path, status):
    found = proportion("mdt_discussion", 610, 1000)
    row = found if status == "ok" else missing("mdt_discussion", status, "No meetings in the feed.")
    text = write(write_recommendations, open_report(tmp_path, [row]))
    said = {
        "ok": r"\[61\.0%\]\([^)]*\)\{\.result\} \(95% interval 57\.9% to 64\.0%\) of 1,000 people",
        "suppressed": "is suppressed by disclosure control",
        "not_derivable": r"could not be derived: no meetings in the feed\.",
    }[status]
    first = text.partition("### 1.")[2].partition("### 2.")[0]
    assert re.search(said, first)


def test_every_recommendation_and_every_guidance_is_on_the_page(tmp_path):
    text = write(write_recommendations, open_report(tmp_path, []))
    for each in read_recommendations(project_definitions()).recommendations:
        assert f"{{#recommendation-{each.id}}}" in text
        assert all(document.source in text for document in each.guidance)


def test_wales_is_not_addressed_where_only_england_is_reported(tmp_path):
    text = write(write_recommendations, open_report(tmp_path, []))
    assert "**England:**" in text and "**Wales:**" not in text


def test_an_organisation_has_its_results_its_area_and_its_position(tmp_path, areas):
    rows = [
        proportion("mdt_discussion", 600, 1000),
        unit("A", proportion("mdt_discussion", 10, 100)),
        unit("B", missing("mdt_discussion", "suppressed", "small")),
        unit("E1", proportion("mdt_discussion", 60, 100), "alliance"),
    ]
    pages = [page for page, _ in write_organisation_pages(*open_report(tmp_path, rows), {})]
    assert [page.path for page in pages] == [
        "report/organisations.qmd",
        "report/organisations/england.qmd",
        "report/organisations/england-cancer-alliances.qmd",
    ]
    text = "\n\n".join(pages[1].parts)
    alpha, beta = text.partition("## Beta")[0], text.partition("## Beta")[2]
    assert "10.0%" in alpha and "negative tail" in alpha and "[Alliance](england-cancer-alliances.qmd#unit-E1)" in alpha
    row = re.search(r"<tr><th[^>]*><a[^>]*>MDT discussion.*?</tr>", beta, re.S)[0]
    assert ">suppressed<" in row and "not shown" in row


def test_survival_of_an_organisation_is_beside_that_of_the_people_it_is_compared_with(tmp_path, areas, monkeypatch):
    rows = [
        survival(3, 700, 1000),
        {**survival(3, 620, 1000), "measure": "survival_3y_adjusted"},
        unit("A", {**survival(3, 80, 100), "measure": "survival_3y_adjusted", "method": "pseudo-observations"}),
    ]
    columns = ["cohort", "measure", "unit", "outlier_status", "direction", "reason", "run_id"]
    status = pd.DataFrame([("denovo", "survival_3y_adjusted", "A", "alarm", "worse", "", "r")], columns=columns)
    monkeypatch.setattr(FinishedRun, "read_table", lambda run, name: status)
    audits, populations, sources = open_report(tmp_path, rows)
    _, page = [each for each, _ in write_organisation_pages(audits, populations, sources, {})]
    line = re.search(r"<tr><th[^>]*><a[^>]*>3-year survival.*?</tr>", unescape("\n".join(page.parts)), re.S)[0]
    assert "3-year survival, de novo, found June 2017 to May 2020" in line
    assert "38.0%" in line and "30.0%" not in line and "negative tail (alarm)" in line
    write_explorer(audits, populations, tmp_path)
    text = (tmp_path / "report" / "explorer" / "data.js").read_text(encoding="utf-8")
    assert '"nation":0.38' in text


def test_the_charts_have_released_results_only_and_no_name_ends_the_script(tmp_path, areas):
    rows = [
        proportion("mdt_discussion", 600, 1000),
        unit("A", proportion("mdt_discussion", 10, 100)),
        {**unit("B", missing("mdt_discussion", "suppressed", "small")), "unit_name": "</script><b>"},
    ]
    audits, populations, _ = open_report(tmp_path, rows)
    write_explorer(audits, populations, tmp_path)
    text = (tmp_path / "report" / "explorer" / "data.js").read_text(encoding="utf-8")
    assert "</script" not in text
    (held,) = json.loads(text.removeprefix("window.naomeExplorer = ").rstrip(";\n").replace("<\\/", "</"))
    values = {each["code"]: each["values"] for each in held["units"]}
    assert values["A"]["mdt_discussion|denovo"][0] == 0.1 and values["A"]["mdt_discussion|denovo"][3] == 100
    assert values["B"]["mdt_discussion|denovo"] == ["suppressed"]
    assert {each["code"]: each["alliance"] for each in held["units"]} == {"A": "E1", "B": "E1"}


def test_a_position_on_what_is_rarely_recorded_is_said_to_be_of_recording(tmp_path, areas):
    rows = [proportion("completeness.mdt_date", 27, 471), proportion("mdt_discussion", 27, 471)]
    rows.append(unit("A", proportion("mdt_discussion", 5, 70)))
    audits, populations, sources = open_report(tmp_path, rows, nation="wales")
    pages = [page for page, _ in write_organisation_pages(audits, populations, sources, {})]
    assert "The position can show recording rather than care." in "\n".join(pages[1].parts)


@pytest.mark.parametrize(
    ("levels", "label"), [((), "Organisation<"), (("alliance", "region"), "Organisation, cancer alliance or region<")]
)
def test_the_choice_names_the_levels_that_there_are(tmp_path, areas, levels, label):
    one = proportion("mdt_discussion", 10, 100)
    rows = [unit("A", one), *(unit(f"{level[0].upper()}1", one, level) for level in levels)]
    audits, populations, sources = open_report(tmp_path, rows)
    explorer, _ = next(iter(write_organisation_pages(audits, populations, sources, {})))
    assert f'<label for="explorer-unit">{label}' in "\n".join(explorer.parts)


def test_a_hostile_name_is_text_in_headings_and_links(tmp_path, areas):
    name = "=SUM(A1) <script>x</script> ![i](http://canary.invalid/a.png) {{< include x >}} $x$ @y [z](q)"
    hostile = {**unit("A", proportion("mdt_discussion", 10, 100)), "unit_name": name}
    region = {**unit("R1", proportion("mdt_discussion", 60, 100), "region"), "unit": name, "unit_name": name}
    pages = [page for page, _ in write_organisation_pages(*open_report(tmp_path, [hostile, region]), {})]
    for page in pages[1:]:
        text = "\n\n".join(page.parts)
        for mark in ("<script>", "![", "{{<", "$x", "@y", "[z]"):
            assert mark not in text
        assert re.search(r"^## .* \{#unit-[A-Za-z0-9-]+\}$", text, re.M)


def test_answers_that_differ_between_nations_name_them(tmp_path):
    england = make_audit("england", PEOPLE, tmp_path, rows_in={"hes_apc": 1})
    wales = make_audit("wales", PEOPLE, tmp_path, rows_in={"pedw_spell": 1})
    answers = {number: answer for number, _, answer in list_answers([england, wales])}
    assert answers["1.1"] == "England and Wales"
    assert answers["4.1"] == "1 January 2019 to 31 December 2021"
    assert answers["4.15"] == "England: hes_apc. Wales: pedw_spell"
    sources = answers["2.6"].split("; ")
    assert len(sources) == len(set(sources)) > 5
    page = write_upcare([england, wales], Sources())
    assert "EL1" in page.parts[1] and "DN1" in page.parts[1]


def test_the_page_about_the_site_has_every_run_and_every_correction(tmp_path):
    audits, _, sources = open_report(tmp_path, [])
    page = write_about([audit.run for audit in audits], project_definitions(), project_root(), sources)
    text = "\n\n".join(page.parts)
    assert "runs/england-0123456789.json" in text and "England audit" in text
    assert text.count("decision&#32;00") + text.count("decision 00") >= 3
    alone = write_about([audit.run for audit in audits], project_definitions(), project_root(), sources, reported=False)
    assert "## Languages" in text and "## Languages" not in "\n\n".join(alone.parts)


def test_an_explanation_has_definition_rules_code_lists_method_and_run(tmp_path):
    results = [proportion("cdk46_first_line", 350, 1000), proportion("survival_1y", 141, 471)]
    audits, _, _ = open_report(tmp_path, results)
    deaths = next(r for r in audits[0].results.to_dict("records") if r["measure"] == "survival_1y")
    assert dict(explain_result(deaths, audits[0]))["Deaths by the time point"] == "141 of 471"
    row = next(r for r in audits[0].results.to_dict("records") if r["measure"] == "cdk46_first_line")
    facts = dict(explain_result(row, audits[0]))
    assert facts["Result"] == f"`{row['result_id']}`" and facts["Estimate"] == "35.0% (32.1% to 38.0%)"
    assert facts["Counts"] == "350 of 1,000" and facts["Method"] == "wilson"
    assert "**DN1**" in facts["Cohort rules"] and "**RC1**" not in facts["Cohort rules"]
    assert re.search(r"version [0-9a-f]{8}", facts["Code lists"])
    assert facts["Run"].startswith("run `england-0123456789`")


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_counting_early_deaths_is_said_apart(way):
    said = {other: say_form(f"cdk46_first_line_{other}") for other in WAYS}
    assert said[way] and list(said.values()).count(said[way]) == 1


@pytest.mark.parametrize(
    ("measure", "said"),
    [
        ("survival_5y_adjusted", "Survival adjusted for case mix"),
        ("death_30d_chemotherapy_adjusted", "The proportion adjusted for case mix"),
        ("net_survival_1y_standardised", "only cause of death. Standardised to the ages"),
        ("biopsy_gap_standardised", "The difference between the proportions of the two groups after direct"),
        ("recurrent_found_loglinear_with_death", "that was found. Registered deaths are a further source."),
    ],
)
def test_an_explanation_says_what_is_estimated(measure, said):
    assert said in say_form(measure)


def under(policy, audit):
    disclosure = audit.params.disclosure.model_copy(update={"policy": policy})
    return replace(audit, params=audit.params.model_copy(update={"disclosure": disclosure}))


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        (
            ("hes2018", "hes2018"),
            "Counts below the nation are rounded to 5, and a result from which a count of 1 to 7 could be worked out "
            "is suppressed.",
        ),
        (
            ("lt10", "none"),
            "England: counts are exact, and a result from which a count of 1 to 9 could be worked out is suppressed. "
            "Wales: counts are exact and nothing is suppressed.",
        ),
    ],
)
def test_what_is_rounded_and_suppressed_follows_the_policy_of_each_audit(tmp_path, policies, said):
    audits = [make_audit(nation, PEOPLE, tmp_path / nation) for nation in ("england", "wales")]
    assert say_disclosure([under(policy, audit) for policy, audit in zip(policies, audits, strict=True)]) == said


@pytest.mark.parametrize(("policy", "said"), [("hes2018", True), ("none", False)])
def test_why_organisations_have_no_years_is_computed(tmp_path, policy, said):
    rows = [proportion("mdt_discussion", n, 100, level="provider", unit=f"A{n}") for n in (20, 40)]
    text = say_why_no_years([under(policy, make_audit("england", rows, tmp_path))])
    assert text.startswith("Results of organisations are of the whole period; those by year and quarter")
    assert ("Spread evenly over its years, 1 of the 2 results shown for England would" in text) is said
