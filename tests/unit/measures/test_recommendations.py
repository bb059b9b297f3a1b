"""Recommendations and methods of improvement are read from the definitions, and what is wrong in them is named."""

from __future__ import annotations

import shutil

import pytest

from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import DefinitionError
from naome.measures.recommendations import read_quality_improvement, read_recommendations


@pytest.fixture
def change(tmp_path):
    """Return definitions of which one text in one file is another."""

    def make(name, before, after):
        folder = shutil.copytree(project_definitions().folder, tmp_path / "definitions")
        text = (folder / name).read_text(encoding="utf-8")
        assert before in text
        (folder / name).write_text(text.replace(before, after, 1), encoding="utf-8")
        return Definitions(folder)

    return make


def test_both_editions_address_both_nations():
    read = read_recommendations(project_definitions())
    for edition in read.editions:
        numbers = [each.number for each in read.select("england", edition)]
        assert numbers == list(range(1, len(numbers) + 1)) == [e.number for e in read.select("wales", edition)]
    assert read.select("wales") == read.select("wales", max(read.editions))
    assert read.select("netherlands") == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("measure: biopsy", "measure: biopsi", r"recommendations.yaml: .* 2024-2, measures: 'biopsi' .*'biopsy'"),
        ("measure: completeness.er,", "measure: completeness.eye,", "2024-3, measures: 'completeness.eye' is neither"),
        ("measure: biopsy, cohort: recurrent", "measure: biopsy, cohort: denovo", "not measured for cohort 'denovo'"),
        ("goals: [1]", "goals: [7]", "2024-1, goals: there is no goal 7; allowed: 1, 2, 3, 4, 5"),
        ("id: 2024-2", "id: 2024-1", "2024-1 is given twice"),
        ("id: 2024-2", "id: 2023-2", "2023-2: there is no edition 2023"),
        ("source: 'https://www.nice", "source: 'http://www.nice", "source"),
        ("    audience:", "    audiences:", "unknown key 'recommendations.2024-1.audiences'.*'audience'"),
        ("    actions:\n", "    what:\n", r"unknown key 'recommendations.2025-1.what'"),
    ],
)
def test_what_is_wrong_is_named(change, before, after, said):
    with pytest.raises(DefinitionError, match=said):
        read_recommendations(change("recommendations.yaml", before, after))


def test_the_latest_edition_has_actions(change):
    definitions = change("recommendations.yaml", "\neditions:", "\neditions:\n  2026: 'A later report'")
    read = read_recommendations(definitions)
    assert read.select("england") == ()
    later = change_id(definitions, "2024-1", "2026-1")
    with pytest.raises(DefinitionError, match="2026-1: key 'actions' is missing"):
        read_recommendations(later)


def change_id(definitions, before, after):
    file = definitions.folder / "recommendations.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(f"id: {before}", f"id: {after}"), encoding="utf-8")
    return Definitions(definitions.folder)


def test_every_goal_of_an_indicator_is_there(change):
    with pytest.raises(DefinitionError, match="quality_improvement.yaml: goals: goal 4 of indicator 'cns_contact'"):
        read_quality_improvement(change("quality_improvement.yaml", "  4:\n    title", "  8:\n    title"))


def test_a_goal_with_a_driver_diagram_has_two_kinds_of_drivers():
    goals = read_quality_improvement(project_definitions()).goals
    drawn = [goal for goal in goals.values() if goal.drivers]
    assert drawn and all(driver.secondary for goal in drawn for driver in goal.drivers)
