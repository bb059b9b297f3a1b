"""The page of recommendations: for whom, the finding behind each, its goal and guidance; drivers and methods."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure as Drawing

from naome.core.definitions import project_definitions
from naome.measures.recommendations import (
    COMPLETENESS,
    Basis,
    ImprovementGoal,
    Recommendation,
    read_quality_improvement,
    read_recommendations,
)
from naome.measures.specification import read_data_items
from naome.report.display import format_number
from naome.report.figures import INK, PALETTE, use_style
from naome.report.labels import METASTATIC
from naome.report.marking import join_names
from naome.report.prose import lower_first, say_list
from naome.report.publication import messages
from naome.report.publication.audits import Audit, Population, is_ok
from naome.report.publication.report_page import ReportPage
from naome.report.publication.source_lists import Sources
from naome.report.publication.wording import locate_indicator

PATH = "report/recommendations.qmd"
DOMAIN_TITLES = {
    "negative_tail": "Negative tail",
    "central_mass": "Central mass",
    "positive_tail": "Positive tail",
    "no_position": "No position",
}


def write_recommendations(audits: list[Audit], populations: list[Population], sources: Sources) -> ReportPage:
    """Write the page."""
    read = read_recommendations(project_definitions())
    names = join_names([audit.spoken for audit in audits])
    page = ReportPage(PATH, "Recommendations", f"What is recommended for {names}, and the findings behind it", sources)
    page.add(
        "Recommendations are those of the audit's reports, in other words. The findings are computed from the runs of "
        "this site. The audit's later reports replace the earlier ones."
    )
    for edition in sorted(read.editions, reverse=True):
        page.add(f"## Edition {edition}", f"Source: {read.editions[edition]}.")
        for each in read.recommendations:
            if each.edition == edition:
                page.add(*_write_recommendation(page, each, audits, populations))
    _add_improvement(page)
    return page


def list_goals(indicator: str) -> list[str]:
    """Return the recommendations that are about an indicator, as links within the report's folder.

    Examples
    --------
    >>> list_goals("mdt_discussion")[-1]
    '[2025-1: Discussion by a multidisciplinary team](/report/recommendations.qmd#recommendation-2025-1)'
    """
    read = read_recommendations(project_definitions())
    return [
        f"[{each.id}: {each.title}](/{PATH}#recommendation-{each.id})"
        for each in read.recommendations
        if any(basis.measure == indicator for basis in each.measures)
    ]


def _write_recommendation(
    page: ReportPage, each: Recommendation, audits: Sequence[Audit], populations: Sequence[Population]
) -> Iterator[str]:
    improvement = read_quality_improvement(project_definitions())
    yield f"### {each.number}. {each.title} {{#recommendation-{each.id}}}"
    yield each.text
    nations = {audit.run.manifest["nation"]: audit.name for audit in audits}
    findings = [text for basis in each.measures for text in _say_finding(page, basis, audits[0], populations)]
    asked = each.goals if len(each.goals) < len(improvement.goals) else ()
    goals = [f"goal {number}, {lower_first(improvement.goals[number].title)}" for number in asked]
    lines = [f"**{nations[nation]}:** {audience}." for nation, audience in each.audience.items() if nation in nations]
    lines += [f"**Finding:** {finding}" for finding in findings]
    lines += [f"**Not measured:** {each.lacking}"] if each.lacking else []
    if each.goal:
        lines.append(f"**Asked for:** {format_number(each.goal.share, 'percent0')} ({each.goal.source}).")
    lines.append(f"**Improvement goals:** {'; '.join(goals) or 'all'}.")
    lines.append("**Guidance:** " + "; ".join(f"[{document.name}]({document.source})" for document in each.guidance))
    yield "\n".join(f"- {line}" for line in lines)


def _say_finding(page: ReportPage, basis: Basis, first: Audit, populations: Sequence[Population]) -> Iterator[str]:
    """Say the national result behind a recommendation, a sentence per nation."""
    cohort = METASTATIC[basis.cohort]
    people, did, more = f"people with {cohort} metastatic breast cancer", "", ""
    notes: dict[str, str] = {}
    if basis.measure in first.wording:
        audits = [population.audit for population in populations if not population.together]
        notes = messages.say_notes(page, audits, populations, basis.measure)
        words = first.wording[basis.measure]
        people, did = words.name_people(cohort), words.did
        more = f" [More]({page.link(locate_indicator(basis.measure))})."
    elif basis.measure.startswith(COMPLETENESS):
        items = {f"{COMPLETENESS}{item.id}": item.title for item in read_data_items(first.definitions)}
        did = f"have a value for {lower_first(items[basis.measure])}"
    else:
        did = f"have {lower_first(first.specification[basis.measure].title)}"
    said = []
    for population in populations:
        row = population.find(basis.measure, basis.cohort)
        if row is not None and not population.together and row["status"] != "not_derivable":
            said.append(messages.say_share(page, population, row, people, did))
            said.append(notes.get(population.name, "") if is_ok(row) else "")
    said.append(messages.say_not_derivable((p, p.find(basis.measure, basis.cohort)) for p in populations))
    if any(said):
        yield " ".join(filter(None, said)) + more


def _add_improvement(page: ReportPage) -> None:
    """Add goals, the driver diagram and the methods by domain."""
    improvement = read_quality_improvement(project_definitions())
    page.add(
        "## Improvement goals",
        "\n".join(f"{number}. {goal.title}" for number, goal in sorted(improvement.goals.items())),
    )
    for number, goal in sorted(improvement.goals.items()):
        if goal.drivers:
            drawing, alt = draw_drivers(goal)
            page.figure(f"fig-drivers-{number}", f"Driver diagram of goal {number}.", alt, drawing)
    page.add(
        "## Methods of improvement",
        "Which method suits an organisation depends on where its result lies in the distribution of all organisations. "
        "Tables of organisations give the position of each result, by the limits of the outlier policy.",
    )
    rows = [
        [title, domain.meaning, "; ".join(domain.methods)]
        for name, title in DOMAIN_TITLES.items()
        if (domain := getattr(improvement.domains, name))
    ]
    heads = ["Position", "What it means", "Methods that suit it"]
    page.table("tbl-methods", "Methods of improvement by position.", heads, rows)


def draw_drivers(goal: ImprovementGoal) -> tuple[Drawing, str]:
    """Draw a driver diagram: the goal, its primary drivers, and the secondary drivers by which these change.

    Returns
    -------
    Figure, str
        With a text alternative that gives all texts.
    """
    use_style()
    heights = [len(driver.secondary) for driver in goal.drivers]
    total = sum(heights)
    drawing, axes = plt.subplots(figsize=(8.4, 0.62 * total + 0.3))
    axes.set_axis_off()
    axes.set_xlim(0, 3.1)
    axes.set_ylim(0, total)
    _box(axes, 0, total / 2, goal.title, PALETTE[0], "white")
    top = total
    for driver, height in zip(goal.drivers, heights, strict=True):
        middle = top - height / 2
        _box(axes, 1.05, middle, driver.primary, "#dfe9f3", INK)
        axes.plot([0.92, 1.05], [total / 2, middle], color=INK, linewidth=0.8)
        for n, text in enumerate(driver.secondary):
            at = top - n - 0.5
            _box(axes, 2.1, at, text, "white", INK)
            axes.plot([1.97, 2.1], [middle, at], color=INK, linewidth=0.8)
        top -= height
    said = [f"{driver.primary}, by: {say_list([lower_first(s) for s in driver.secondary])}" for driver in goal.drivers]
    return drawing, f"Goal: {goal.title}. Primary drivers: {'; '.join(said)}."


def _box(axes: plt.Axes, left: float, middle: float, text: str, fill: str, ink: str) -> None:
    axes.add_patch(plt.Rectangle((left, middle - 0.42), 0.92, 0.84, facecolor=fill, edgecolor=INK, linewidth=0.8))
    wrapped = "\n".join(textwrap.wrap(text, 34))
    axes.text(left + 0.46, middle, wrapped, ha="center", va="center", fontsize=7.5, color=ink)
