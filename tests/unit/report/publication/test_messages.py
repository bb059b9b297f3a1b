"""Key messages: none, one and several results; suppressed, not derivable; higher, lower and no clear difference."""

from __future__ import annotations

import re

import pytest
from made_audits import missing, proportion

from naome.report.publication import messages
from naome.report.publication.report_page import show_percent

AGES = ("18-49", "50-69", "70-79", "80+")


def by_age(*shares, n=1000):
    return [
        proportion("biopsy", round(share * n), n, "recurrent", group_by="age_group", group=age)
        for age, share in zip(AGES, shares, strict=False)
    ]


def find(population, measure="mdt_discussion", cohort="denovo", **group):
    return population.find(measure, cohort, *group.values())


def plain(text):
    """The words of a sentence, without the addresses of its links."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)(\{[^}]*\})?", r"\1", text)


def test_a_share_is_said_with_interval_and_denominator(report):
    _, (england,), page = report(england=[proportion("mdt_discussion", 610, 1000)])
    said = messages.say_share(page, england, find(england), "people", "had a discussion")
    assert plain(said) == "In England, 61.0% (95% interval 57.9% to 64.0%) of 1,000 people had a discussion."
    identifier = find(england)["result_id"]
    assert f"sources/mdt-discussion.qmd#{identifier}" in said


def test_survival_is_an_estimate_and_no_share_of_the_people(report):
    _, (england,), page = report(england=[proportion("survival_3y", 610, 1000)])
    row = england.find("survival_3y", "denovo")
    assert plain(messages.say_survival(page, england, row, "people", "three years", "diagnosis")) == (
        "In England, survival to three years from diagnosis was 61.0% (Kaplan-Meier estimate, 95% interval 57.9% to "
        "64.0%), among 1,000 people."
    )
    _, (england,), page = report(england=[missing("survival_3y", "suppressed", "Small.")])
    row = england.find("survival_3y", "denovo")
    said = messages.say_survival(page, england, row, "people", "three years", "diagnosis")
    assert said.startswith("In England, the percentage of people who survived three years from diagnosis is suppressed")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("suppressed", "In England, the percentage of people who had it is suppressed by disclosure control."),
        ("too_few", "In England, the percentage of people who had it is not shown, because there are too few people."),
        ("not_derivable", "For England this could not be derived: no dates."),
    ],
)
def test_what_is_missing_is_said_without_a_number(report, status, expected):
    _, (england,), page = report(england=[missing("mdt_discussion", status, "No dates.")])
    assert messages.say_share(page, england, find(england), "people", "had it") == expected


def test_a_result_that_the_run_does_not_have_is_not_spoken_of(report):
    _, (england,), page = report(england=[proportion("biopsy", 1, 2)])
    assert messages.say_share(page, england, find(england), "people", "had it") == ""


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((), ""),
        ((0.5,), ""),
        ((0.48, 0.4, 0.16), "was lower in people aged 70 to 79 (16.0%) than in those aged 18 to 49 (48.0%)"),
        ((0.16, 0.48), "was higher in people aged 50 to 69 (48.0%) than in those aged 18 to 49 (16.0%)"),
        ((0.50, 0.52), "did not clearly differ between people aged 18 to 49 (50.0%) and those aged 50 to 69 (52.0%)"),
    ],
)
def test_a_difference_by_age_is_claimed_only_where_the_interval_shows_it(report, shares, expected):
    _, (england,), page = report(england=[*by_age(*shares), proportion("biopsy", 1, 2, "recurrent")])
    said = plain(messages.say_gradient(page, england, "biopsy", "recurrent"))
    assert said == (f"In England the percentage {expected}." if expected else "")


@pytest.mark.parametrize("age", ["18-49", "80+"])
def test_ages_are_not_compared_where_the_youngest_or_the_oldest_is_suppressed(report, age):
    ages = [row for row in by_age(0.9, 0.5, 0.3, 0.1) if row["group"] != age]
    small = missing("biopsy", "suppressed", "small", "recurrent", group_by="age_group", group=age)
    _, (england,), page = report(england=[*ages, small])
    assert messages.say_gradient(page, england, "biopsy", "recurrent") == ""


def test_the_message_about_age_is_of_the_women_of_the_table_beside_it(report):
    women = [{**row, "group_by": "age_group_women"} for row in by_age(0.8, 0.2)]
    _, (england,), page = report(england=[*by_age(0.7, 0.3), *women])
    said = plain(messages.say_gradient_of_women(page, england, "biopsy", "recurrent"))
    assert "lower in women aged 50 to 69 (20.0%) than in those aged 18 to 49 (80.0%)" in said
    _, (few,), page = report(england=by_age(0.7, 0.3))
    assert "people aged 50 to 69 (30.0%)" in plain(messages.say_gradient_of_women(page, few, "biopsy", "recurrent"))


def test_men_and_women_are_compared_by_the_interval_of_the_difference(report):
    def say(men):
        rows = [
            proportion("mdt_discussion", 500, 1000, group_by="sex", group="female"),
            proportion("mdt_discussion", *men, group_by="sex", group="male"),
        ]
        _, (england,), page = report(england=rows)
        return plain(messages.say_sexes(page, england, "mdt_discussion", "denovo"))

    assert "no clear difference for men (60.0% of 20; women 50.0%)" in say((12, 20))
    assert "a higher percentage for men" in say((190, 200))
    assert "a lower percentage for men" in say((10, 200))


def test_one_sex_alone_is_not_compared(report):
    women = proportion("mdt_discussion", 500, 1000, group_by="sex", group="female")
    men = missing("mdt_discussion", "suppressed", "small", group_by="sex", group="male")
    _, (england,), page = report(england=[women, men])
    assert messages.say_sexes(page, england, "mdt_discussion", "denovo") == ""


def test_items_recorded_too_rarely_are_named_from_the_lowest(report):
    items = [(title, proportion(f"completeness.{title}", n, 100)) for title, n in (("A", 90), ("B", 60), ("C", 20))]
    _, (england,), page = report(england=[row for _, row in items])
    held = [(title, england.find(f"completeness.{title}", "denovo")) for title, _ in items]
    said = plain(messages.say_low_items(page, england, held, 0.75))
    low = "recorded for less than 75% of people"
    assert said == f"In England, 2 of the 3 items of the table are {low}: C (20.0%) and B (60.0%)."
    assert f"1 of the 2 items of the table is {low}" in plain(messages.say_low_items(page, england, held[:2], 0.75))
    assert "every item of the table" in messages.say_low_items(page, england, held, 0.2)
    assert messages.say_low_items(page, england, [], 0.75) == ""


def test_a_reason_that_several_nations_share_is_given_once(report):
    rows = [missing("mdt_discussion", "not_derivable", "No dates.")]
    _, populations, _ = report(england=rows, wales=rows)
    said = messages.say_not_derivable([(each, find(each)) for each in populations])
    assert said == "For England and Wales this could not be derived: no dates."
    named = messages.say_not_derivable([(each, find(each)) for each in populations], "the percentage")
    assert named == "For England and Wales the percentage could not be derived: no dates."


def test_a_range_needs_two_groups(report):
    rows = [proportion("mdt_discussion", n, 100, group_by="subtype", group=g) for g, n in (("a", 70), ("b", 20))]
    _, (england,), page = report(england=rows)
    named = [(group, england.find("mdt_discussion", "denovo", "subtype", group)) for group in ("a", "b")]
    ranged = "ranged over the receptor subgroups"
    assert plain(messages.say_range(page, england, named)).endswith(f"{ranged} from 20.0% (b) to 70.0% (a).")
    assert messages.say_range(page, england, named[:1]) == ""
    some = [*named, ("c", missing("mdt_discussion", "suppressed", "small", group_by="subtype", group="c"))]
    assert f"{ranged} that are shown (2 of 3) from" in plain(messages.say_range(page, england, some))
    _, (few,), page = report(england=[{**row, "lower": 0.1, "upper": 0.9} for row in rows])
    named = [(group, few.find("mdt_discussion", "denovo", "subtype", group)) for group in ("a", "b")]
    assert plain(messages.say_range(page, few, named)).endswith("to 70.0% (a), whose intervals overlap.")


@pytest.mark.parametrize(("recorded", "expected"), [(27, True), (400, False)])
def test_a_percentage_of_what_is_rarely_recorded_is_not_to_be_compared(report, recorded, expected):
    rows = [proportion("mdt_discussion", recorded, 471), proportion("completeness.mdt_date", recorded, 471)]
    audits, populations, page = report(wales=rows)
    notes = messages.say_notes(page, audits, populations, "mdt_discussion")
    assert ("Wales" in notes and "5.7%" in notes["Wales"]) is expected


@pytest.mark.parametrize("status", ["ok", "suppressed"])
def test_a_percentage_of_both_nations_that_includes_such_people_says_so(report, status):
    own = [proportion("mdt_discussion", 27, 471), proportion("completeness.mdt_date", 27, 471)]
    both = proportion("mdt_discussion", 6500, 11000, level="england+wales") | {"status": status, "reason": status}
    audits, populations, page = report(england=[both], wales=own)
    notes = messages.say_notes(page, audits, populations, "mdt_discussion")
    assert ("The percentage of England and Wales includes these people." in notes["Wales"]) is (status == "ok")


def test_a_nation_without_dates_of_treatment_has_a_note_where_dates_matter(report):
    rows = [proportion("chemotherapy", 400, 1000)]
    audits, populations, page = report(england=rows, wales=rows)
    assert list(messages.say_notes(page, audits, populations, "chemotherapy")) == ["Wales"]
    assert messages.say_notes(page, audits, populations, "biopsy") == {}


def test_a_known_name_in_a_sentence_and_at_a_row_leads_to_its_definition(report):
    _, (england,), page = report(england=[proportion("completeness.her2", 20, 100)])
    row = england.find("completeness.her2", "denovo")
    said = messages.say_low_items(page, england, [("HER2 status", row)], 0.75)
    assert "[HER2 status](../methodology/definitions.qmd#" in said
    page.table("tbl-items", "Items.", ["", "England"], [["HER2 status", show_percent(england, row)], ["Other", "x"]])
    assert '<a href="../methodology/definitions.html#' in page.parts[-1] and ">Other</th>" in page.parts[-1]
