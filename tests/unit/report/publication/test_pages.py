"""Pages of the report: of whom they are made, every number is a link to its result, nothing suppressed is shown."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html import unescape

import pytest
import yaml
from made_audits import make_audit, missing, proportion

from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import DefinitionError
from naome.core.params import load_params
from naome.report.labels import SUBTYPES
from naome.report.publication import state_of_the_nation
from naome.report.publication.audits import choose_audits, list_populations
from naome.report.publication.drawings import draw_age_by_subtype
from naome.report.publication.home import write_headlines
from naome.report.publication.indicator import write_indicator
from naome.report.publication.public import (
    HALF,
    digest_text,
    draw_people,
    read_summaries,
    say_in_ten,
    write_patient_summary,
    write_public,
)
from naome.report.publication.source_lists import Sources

PEOPLE = [proportion("people", n, n, cohort) for cohort, n in (("denovo", 12345), ("recurrent", 6789))]
RESULT = re.compile(r'\[([^\]]*)\]\(([^)]*)\)\{\.result\}|<a class="result" href="([^"]*)">([^<]*)</a>')


def with_frames(nation, folder, rows=(), **held):
    return make_audit(nation, [*PEOPLE, proportion("mdt_discussion", 777, 1000), *rows], folder, **held)


def list_links(text):
    """Text and target of each number that is a link to its result."""
    return [(words or shown, target or href) for words, target, href, shown in RESULT.findall(text)]


def test_real_and_synthetic_people_are_never_in_one_report(tmp_path):
    audits = [with_frames("england", tmp_path, marking="real"), with_frames("wales", tmp_path)]
    assert [audit.name for audit in choose_audits(audits)] == ["England"]


def test_a_run_without_indicators_is_in_no_report(tmp_path):
    assert choose_audits([make_audit("england", PEOPLE, tmp_path)]) == []


def test_the_latest_run_of_a_nation_is_reported_and_the_first_of_those_of_one_period(tmp_path):
    first, second = with_frames("england", tmp_path), with_frames("england", tmp_path)
    (chosen,) = choose_audits([first, second])
    assert chosen.results is first.results and chosen.earlier is None
    later = with_frames("england", tmp_path, period=["2022-01-01", "2024-12-31"])
    (chosen,) = choose_audits([first, later])
    assert chosen.results is later.results and chosen.earlier is first


def test_rapid_registration_is_no_edition_of_the_annual_audit(tmp_path):
    annual = with_frames("england", tmp_path)
    rapid = with_frames("england", tmp_path, period=["2022-01-01", "2024-12-31"])
    rapid = replace(rapid, params=load_params("england-rcrd"))
    (chosen,) = choose_audits([annual, rapid])
    assert chosen.results is annual.results and chosen.earlier is None


@pytest.mark.parametrize(
    ("numerator", "period", "expected"),
    [
        (700, ["2022-01-01", "2024-12-31"], "-7.7</a>|lower"),
        (777, ["2022-01-01", "2024-12-31"], "no clear difference"),
        (700, ["2021-01-01", "2023-12-31"], "people in common"),
    ],
)
def test_a_change_is_read_by_its_interval_and_only_between_different_people(tmp_path, numerator, period, expected):
    rows = [*PEOPLE, proportion("mdt_discussion", numerator, 1000)]
    later = make_audit("england", rows, tmp_path, period=period, run_id="england-later")
    audits = choose_audits([with_frames("england", tmp_path), later])
    text = write_headlines(audits, list_populations(audits), Sources())
    change = text.partition("Change since the edition before, England")[2]
    assert re.search(expected, change) and "77.7%" in change
    assert any(shown == "77.7%" and target.endswith("-england-0123456789") for shown, target in list_links(change))


def test_headlines_of_two_nations_are_side_by_side_and_each_number_is_a_link(tmp_path):
    audits = [with_frames("england", tmp_path), with_frames("wales", tmp_path)]
    sources = Sources()
    text = write_headlines(audits, list_populations(audits), sources)
    assert re.search(r"<th scope=\"col\"[^>]*>England</th><th scope=\"col\"[^>]*>Wales</th>", text)
    links = list_links(text)
    assert [shown for shown, _ in links].count("77.7%") == 3  # a finding of the first nation, and two cells
    _, written = sources.write("mdt_discussion")
    for shown, target in links:
        if shown == "77.7%":
            assert f'id="{target.partition("#")[2]}"' in written[-1]


def test_a_suppressed_result_has_no_number_on_any_page(tmp_path):
    hidden = missing("cdk46_first_line", "suppressed", "fewer than ten people")
    audits = [with_frames("wales", tmp_path, [hidden])]
    populations, sources = list_populations(audits), Sources()
    for page in (
        state_of_the_nation.write_state_of_the_nation(audits, populations, sources),
        write_indicator("cdk46_first_line", audits, populations, sources),
        *(page for page, _ in write_public(audits, populations, sources)),
    ):
        for part in page.parts:
            for shown, target in list_links(part):
                assert "cdk46" not in target or not re.search(r"\d", shown)
    _, written = sources.write("cdk46_first_line") if "cdk46_first_line" in sources.families else ("", [""])
    assert not re.search(r'class="num">\d', written[-1])


def test_the_pandemic_note_is_there_only_for_periods_it_is_about(tmp_path):
    def write(period):
        audits = [with_frames("england", tmp_path, period=period)]
        page = state_of_the_nation.write_state_of_the_nation(audits, list_populations(audits), Sources())
        return "\n\n".join(page.parts)

    assert state_of_the_nation.PANDEMIC_NOTE in write(["2019-01-01", "2021-12-31"])
    assert state_of_the_nation.PANDEMIC_NOTE not in write(["2022-01-01", "2024-12-31"])
    assert state_of_the_nation.PANDEMIC_NOTE not in write(["2016-01-01", "2019-12-31"])


def test_a_share_of_those_recorded_leads_to_its_counts_and_interval(tmp_path):
    shares = [proportion("share", n, 12345, group_by="sex", group=sex) for sex, n in (("female", 12000), ("male", 345))]
    shares += [
        missing("share", "suppressed", "small", group_by="er", group="positive"),
        missing("share", "suppressed", "small", group_by="er", group="negative"),
    ]
    audits, sources = [with_frames("england", tmp_path, shares)], Sources()
    page = state_of_the_nation.write_state_of_the_nation(audits, list_populations(audits), sources)
    table = next(part for part in page.parts if "tbl-denovo" in part)
    assert "% of those recorded (England 12,345)" in unescape(table)
    assert "% of those recorded (numbers suppressed)" in unescape(table)
    (target,) = [target for shown, target in list_links(table) if shown == "2.8%"]
    _, written = sources.write("people")
    entry = re.search(rf'<tr id="{target.partition("#")[2]}">.*?</tr>', written[-1])[0]
    assert "345 of 12,345" in entry and "2.5% to 3.1%" in entry


def test_the_recurrent_cohort_is_shown_with_its_caution(tmp_path):
    audits = [with_frames("england", tmp_path)]
    page = state_of_the_nation.write_state_of_the_nation(audits, list_populations(audits), Sources())
    table = next(part for part in page.parts if "tbl-recurrent" in part)
    assert "holds only people who have an admission with a metastatic code" in table
    introduction = next(part for part in page.parts if part.startswith("**Caution.**"))
    assert "whose recurrence was treated without an admission" in introduction
    reported = replace(audits[0], params=audits[0].params.model_copy(update={"rules": {"evidence": ["reported"]}}))
    said = state_of_the_nation.say_caution([reported])
    assert "who have a reported distant recurrence after a primary diagnosis" in said and "admission" not in said


def write_state(audits):
    """The text of State of the Nation, and its tables by label."""
    page = state_of_the_nation.write_state_of_the_nation(audits, list_populations(audits), Sources())
    tables = {
        part.partition("}")[0].removeprefix("::: {#"): part for part in page.parts if part.startswith("::: {#tbl")
    }
    return "\n\n".join(page.parts), tables


def test_survival_by_receptor_subgroup_is_among_the_people_it_is_of(tmp_path):
    rows = [proportion("survival_1y", 70, 100), proportion("survival_1y", 50, 100, "recurrent")]
    rows += [proportion("survival_3y", 50, 100, group_by="subtype", group=each) for each in SUBTYPES]
    _, tables = write_state([with_frames("england", tmp_path, rows)])
    denovo, _, recurrent = unescape(tables["tbl-survival"]).partition("Recurrent disease")
    for title in SUBTYPES.values():
        assert f"{title}, 3 years" in denovo and title not in recurrent


def test_a_caution_is_in_the_box_of_the_number_it_is_about(tmp_path):
    rows = [proportion("completeness.mdt_date", 27, 471)]
    audits = [make_audit("wales", [*PEOPLE, proportion("mdt_discussion", 27, 471), *rows], tmp_path)]
    page = state_of_the_nation.write_state_of_the_nation(audits, list_populations(audits), Sources())
    box = next(part for part in page.parts if "had a recorded MDT discussion" in part)
    assert "must not be compared with those of other nations" in box
    page = write_indicator("mdt_discussion", audits, list_populations(audits), Sources())
    assert sum("must not be compared" in part for part in page.parts) == 1
    assert "must not be compared" in next(part for part in page.parts if ".key-messages" in part)
    assert (
        "must not be compared" in write_headlines(audits, list_populations(audits), Sources()).partition("Headline")[0]
    )


def test_every_key_finding_has_its_denominator(tmp_path):
    rows = [
        proportion(measure, 600, 1234, cohort)
        for measure, cohort in (
            ("cdk46_first_line", "denovo"), ("death_30d_chemotherapy", "recurrent"), ("survival_3y", "denovo"),
            ("record_before_breast_cancer_death", "primary"),
        )
    ]  # fmt: skip
    audits = [with_frames("england", tmp_path, rows)]
    found = write_headlines(audits, list_populations(audits), Sources()).partition("## Headline")[0].split("\n- ")[1:]
    assert len(found) == 5 and all(re.search(r"\) of 1,\d{3} |\), among 1,\d{3} ", each) for each in found)


def test_an_interval_can_be_seen_on_a_dark_bar(tmp_path):
    row = proportion("chemotherapy", 40, 100, group_by="age_by_subtype_women", group="80+ / HER2+ER-")
    drawing, _ = draw_age_by_subtype(
        *list_populations([with_frames("england", tmp_path, [row])]), "chemotherapy", "denovo"
    )
    (limits,) = drawing.axes[0].collections
    assert limits.get_path_effects()


def test_a_key_finding_is_of_a_nation_that_can_be_compared(tmp_path):
    rows = [proportion("completeness.mdt_date", 27, 471), proportion("mdt_discussion", 27, 471)]
    audits = [make_audit("wales", [*PEOPLE, *rows], tmp_path), with_frames("england", tmp_path)]
    text = write_headlines(audits, list_populations(audits), Sources())
    assert "In England, [77.7%]" in text.partition("Headline figures")[0] and "In Wales, [5.7%]" not in text


def test_a_cohort_that_an_audit_does_not_have_has_no_table_and_no_empty_section(tmp_path):
    rows = [PEOPLE[1], missing("mdt_discussion", "not_derivable", "No meetings.")]
    audits = [make_audit("rotterdam", rows, tmp_path)]
    _, tables = write_state(audits)
    assert "tbl-denovo" not in tables and "tbl-completeness" not in tables
    recurrent = tables["tbl-recurrent"]
    assert "no one in this group" not in recurrent and "Sites of metastases" not in recurrent
    text = write_headlines(audits, list_populations(audits), Sources())
    assert "## Key findings" not in text and "De novo" not in text and "Recurrent disease" in text


def test_a_nation_with_an_article_has_it_in_sentences(tmp_path):
    audits = [replace(make_audit("rotterdam", PEOPLE, tmp_path), name="Netherlands")]
    page = state_of_the_nation.write_state_of_the_nation(audits, list_populations(audits), Sources())
    text = "\n\n".join([page.description, *page.parts])
    assert "cancer in the Netherlands" in text and ". The Netherlands has [12,345]" in text
    assert "in Netherlands" not in text + write_patients(audits)


def test_a_group_of_what_cannot_be_derived_has_its_reason(tmp_path):
    women = {"group_by": "sex", "group": "female"}
    england = with_frames(
        "england", tmp_path, [proportion("biopsy", 30, 90, "recurrent", **each) for each in ({}, women)]
    )
    wales = with_frames("wales", tmp_path, [missing("biopsy", "not_derivable", "No sites of biopsies.", "recurrent")])
    _, tables = write_state([england, wales])
    assert (
        tables["tbl-biopsy-recurrent"].count("not derivable") == 2
        and "not measured" not in tables["tbl-biopsy-recurrent"]
    )


def test_mean_age_is_that_of_everyone_where_women_and_men_are_suppressed(tmp_path):
    rows = [
        {**proportion("age_mean", 1, 1), "estimate": 65.26, "lower": 65.0, "upper": 65.6, "unit_of_estimate": "years"}
    ]
    rows += [missing("age_mean", "suppressed", "small", group_by="sex", group=sex) for sex in ("female", "male")]
    text, _ = write_state([with_frames("england", tmp_path, rows)])
    assert "was [65.3]" in text and "that of women and men is not shown" in text


def test_the_earlier_record_of_deaths_is_given_for_the_first_and_the_last_year(tmp_path):
    ascertained = "record_before_breast_cancer_death"
    rows = [
        proportion(ascertained, n, 100, "primary", group_by="diagnosis_year", group=year)
        for year, n in (("2015", 63), ("2016", 60), ("2021", 41))
    ]
    rows.append(proportion("breast_cancer_share_of_deaths", 60, 100, "primary"))
    text, _ = write_state([with_frames("england", tmp_path, rows)])
    said = re.sub(r"\[([^\]]*)\]\([^)]*\)(\{[^}]*\})?", r"\1", text)
    assert "60.0% of 100 deaths of these people were from breast cancer" in said
    assert "63.0% of those diagnosed in 2015 and 41.0% of those diagnosed in 2021" in said


def test_gaps_are_named_in_words_and_their_margin_is_stated(tmp_path):
    rows = [
        {
            **proportion("mdt_discussion_gap_standardised", 1, 1),
            "estimate": 0.02,
            "lower": -0.01,
            "upper": 0.05,
            **group,
        }
        for group in (
            {"group_by": "deprivation", "group": "1 less 5"},
            {"group_by": "ethnic_group", "group": "asian less white"},
            {"group_by": "ethnic_group", "group": "all"},
        )
    ]
    audits = [with_frames("england", tmp_path, rows)]
    page = write_indicator("mdt_discussion", audits, list_populations(audits), Sources())
    table = next(part for part in page.parts if "tbl-gaps" in part)
    assert "most deprived minus least deprived quintile" in table and "Asian minus White" in table
    assert "each other ethnic group minus White" in table and "within 10 percentage points" in table


def test_a_bar_that_is_not_drawn_says_why(tmp_path):
    groups = ("18-49 / HER2+ER-", "80+ / HER2+ER-", "70-79 / HER2+ER-")
    rows = [
        proportion("chemotherapy", 40, 100, group_by="age_by_subtype_women", group=groups[0]),
        missing("chemotherapy", "too_few", "few", group_by="age_by_subtype_women", group=groups[1]),
        missing("chemotherapy", "suppressed", "small", group_by="age_by_subtype_women", group=groups[2]),
    ]
    (population,) = list_populations([with_frames("england", tmp_path, rows)])
    _, alt = draw_age_by_subtype(population, "chemotherapy", "denovo")
    assert "80+: too few" in alt and "70-79: suppressed" in alt and "HER2−, ER+, 80+: no result" in alt


@pytest.mark.parametrize("share", [0.0, 0.04, 0.05, 0.07, 0.22, 0.26, 0.35, 0.47, 0.5, 0.94, 0.95, 1.0])
def test_a_picture_of_ten_people_fills_as_many_as_its_words_say(share):
    from matplotlib import pyplot

    drawing = draw_people(share)
    patches = drawing.axes[0].patches
    filled = sum(patch.get_facecolor()[:3] != (1, 1, 1) for patch in patches if patch.get_label() != HALF) / 2
    half = any(patch.get_label() == HALF for patch in patches)
    pyplot.close(drawing)
    words = say_in_ten(share, read_summaries(project_definitions())[0])
    said = re.match(r"(about|more than|nearly) (\d+) in 10", words)
    assert half == bool(said and said[1] in ("more than", "nearly"))
    all_of_them = {"nearly all": 10, "fewer than 1 in 10": 0}
    assert filled == (int(said[2]) - (said[1] == "nearly") if said else all_of_them[words])


def count_syllables(word):
    """Groups of vowels, without a silent e at the end; at least one."""
    groups = re.findall(r"[aeiouy]+", word.lower())
    silent = word.lower().endswith("e") and not word.lower().endswith("le") and len(groups) > 1
    return max(1, len(groups) - silent)


def grade(text):
    """Flesch-Kincaid grade: 0.39 words per sentence + 11.8 syllables per word - 15.59."""
    sentences = [each for each in re.split(r"[.?!]\s|\n\n", text) if re.search(r"[A-Za-z]", each)]
    words = re.findall(r"[A-Za-z]+(?:['-][A-Za-z]+)*", text)
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(count_syllables, words)) / len(words) - 15.59


def test_the_grade_is_that_of_known_texts():
    assert grade("The cat sat on the mat. The dog ran to the park.") == pytest.approx(0.39 * 6 + 11.8 - 15.59, abs=0.01)
    assert grade("Epidemiological heterogeneity necessitates multidisciplinary interpretation.") > 20


def test_a_person_of_eleven_or_twelve_can_read_the_summary_for_patients(tmp_path):
    rows = [
        proportion(measure, 600, 1000, cohort)
        for measure, cohort in (
            ("cns_contact", "denovo"), ("chemotherapy", "denovo"), ("anti_her2_first_line", "denovo"),
            ("cdk46_first_line", "denovo"), ("biopsy", "recurrent"), ("survival_3y", "denovo"),
            ("record_before_breast_cancer_death", "primary"),
        )
    ]  # fmt: skip
    audits = [with_frames("england", tmp_path, rows)]
    ((page, _),) = write_public(audits, list_populations(audits), Sources())
    prose = [part for part in page.parts if not part.startswith("![")]
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)(\{[^}]*\})?", r"\1", "\n\n".join(prose))
    assert grade(re.sub(r"[#*-]+", " ", text)) < 7


def write_patients(audits):
    ((page, _),) = write_public(audits, list_populations(audits), Sources())
    return re.sub(r"\[([^\]]*)\]\([^)]*\)(\{[^}]*\})?", r"\1", "\n\n".join(page.parts))


def test_patients_are_told_what_the_records_of_a_nation_cannot_show(tmp_path):
    rows = [
        proportion("completeness.mdt_date", 27, 471),
        proportion("mdt_discussion", 27, 471),
        proportion("chemotherapy", 240, 471),
        missing("biopsy", "not_derivable", "No sites.", "recurrent"),
    ]
    wales = make_audit("wales", [*PEOPLE, *rows], tmp_path)
    alone = write_patients([wales])
    discussed, _, rest = alone.partition("### Care discussed")[2].partition("### Chemotherapy")
    assert "In Wales, the records cannot show this." in discussed and "6%" not in discussed
    assert "(51%)" in rest and "in another way" not in rest  # with no other nation there is no comparison
    assert "### A sample taken to test the cancer\n\nIn Wales, the records cannot show this." in alone
    both = write_patients([with_frames("england", tmp_path, [proportion("chemotherapy", 427, 1000)]), wales])
    assert "In Wales, this was written down in another way, so the numbers cannot be compared." in both


def test_people_are_said_to_be_missing_only_where_deaths_show_it(tmp_path):
    deaths = proportion("record_before_breast_cancer_death", 58, 100, "primary")
    said = "many people whose cancer came back are missing"
    assert said in write_patients([with_frames("england", tmp_path, [deaths])])
    assert said not in write_patients([with_frames("england", tmp_path)])


def translate(tmp_path, change=None, **extra):
    """Definitions with a Welsh text for each English one, and then another English text."""
    definitions = project_definitions()
    held = yaml.safe_load((definitions.folder / "patient_summary.yaml").read_text(encoding="utf-8"))
    made = {key: {"of": digest_text(text), "text": f"Cymraeg: {text}"} for key, text in held["texts"].items()}
    held["translations"] = {"cy": made | extra}
    held["texts"] |= change or {}
    copied = shutil.copytree(definitions.folder, tmp_path / "definitions")
    (copied / "patient_summary.yaml").write_text(yaml.safe_dump(held, allow_unicode=True), encoding="utf-8")
    return Definitions(copied)


def test_a_translation_is_up_to_date_until_its_english_text_changes(tmp_path):
    _, welsh = read_summaries(translate(tmp_path))
    assert welsh.stale == ()
    audits = [with_frames("wales", tmp_path)]
    page = write_patient_summary(welsh, audits, list_populations(audits), Sources())
    assert page.path == "report/for-patients-cy.qmd" and page.title.startswith("Cymraeg: ")


def test_a_stale_translation_is_named_and_not_shown(tmp_path):
    _, welsh = read_summaries(translate(tmp_path, {"limits": "Another sentence."}))
    assert welsh.stale == ("limits",)


def test_a_translation_of_nothing_is_refused_by_name(tmp_path):
    with pytest.raises(DefinitionError, match=r"patient_summary\.yaml: cy: there is no text 'limit'.*'limits'"):
        read_summaries(translate(tmp_path, limit={"of": "0" * 8, "text": "x"}))
