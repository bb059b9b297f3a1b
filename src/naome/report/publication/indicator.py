"""The page of one indicator: what it asks, the answer, by group, between organisations, and how it is defined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from naome.measures.inequalities import IMPORTANT_GAP, REFERENCE_ETHNIC_GROUP, read_gap
from naome.report.display import format_number
from naome.report.labels import METASTATIC, SUBTYPES, name_comparison
from naome.report.markdown import write_list
from naome.report.marking import join_names
from naome.report.prose import lower_first, upper_first
from naome.report.publication import messages
from naome.report.publication.audits import Audit, Population, Row, is_ok
from naome.report.publication.drawings import NOT_DRAWN, PLOTTED_AGES, draw_age_by_subtype, draw_groups
from naome.report.publication.group_tables import Line, compare_groups, list_groups
from naome.report.publication.recommendations import list_goals
from naome.report.publication.report_page import Cell, ReportPage
from naome.report.publication.source_lists import Sources
from naome.report.publication.state_of_the_nation import say_pandemic
from naome.report.publication.trace import describe_family
from naome.report.publication.wording import locate_indicator

#: Group -> heading over its lines; the groups of the audit's quality improvement plan, in its order
GROUPS = {
    "sex": "Sex",
    "age_group": "Age",
    "under_40": "Of these, by age and frailty",
    "older_frail": "",
    "subtype": "Receptor subgroup",
    "bone": "Sites of metastases",
    "liver": "",
    "lung": "",
    "brain": "",
    "bone_early": "Sites of metastases known at the time origin",
    "liver_early": "",
    "lung_early": "",
    "brain_early": "",
    "performance_status": "Performance status",
    "deprivation": "Deprivation quintile (1 = most deprived)",
    "ethnic_group": "Ethnic group",
    "year": "Year",
}
#: Said where fewer than half of the organisations are shown
UNFAIR = " Which are shown depends on their results, so they are not a fair sample of all."
#: Groups that the figure draws, and what their numbers are numbers of
PLOTTED = (
    "all",
    "sex",
    "age_group",
    "under_40",
    "older_frail",
    "subtype",
    "bone",
    "liver",
    "lung",
    "brain",
    "bone_early",
    "liver_early",
    "lung_early",
    "brain_early",
    "deprivation",
)
#: The group of a result that could be derived for no group
NONE_COMPARED = "all"
NUMBERED = {"deprivation": "Deprivation"}


def write_indicator(indicator: str, audits: list[Audit], populations: list[Population], sources: Sources) -> ReportPage:
    """Write the page of an indicator that is a proportion."""
    first = audits[0]
    specification, words = first.specification[indicator], first.wording[indicator]
    page = ReportPage(locate_indicator(indicator), specification.title, words.asks, sources)
    goal = f"Goal {specification.goal} of the audit. " if specification.goal else ""
    page.add(f"{goal}Guidance: {specification.guidance}." if specification.guidance else goal, words.why)
    if about := list_goals(indicator):
        page.add(f"Recommendations: {'; '.join(about)}.")
    notes = messages.say_notes(page, audits, populations, indicator)
    for cohort in specification.cohorts:
        _add_answer(page, indicator, cohort, words.name_people(METASTATIC[cohort]), words.did, populations, notes)
    page.add("## Variation between organisations", *_say_variation(page, indicator, audits, populations))
    page.add("## Differences between groups of people")
    _add_gaps(page, indicator, populations)
    page.add("## What to keep in mind", words.caution, say_pandemic(audits), *_say_codes(indicator, audits))
    page.add("## Definition", write_list(describe_family(indicator, first)))
    return page


def _add_answer(
    page: ReportPage,
    indicator: str,
    cohort: str,
    people: str,
    did: str,
    populations: Sequence[Population],
    notes: Mapping[str, str],
) -> None:
    name = METASTATIC[cohort]
    nations = [population for population in populations if not population.together]
    rows = [(population, population.find(indicator, cohort)) for population in populations]
    page.add(f"## {name.capitalize()} disease")
    said = [
        messages.say_share(page, p, row, people, did)
        for p, row in rows
        if row is not None and row["status"] != "not_derivable" and not p.together
    ]
    said += [notes[p.name] for p, row in rows if p.name in notes and is_ok(row)]
    said += [messages.say_gradient(page, p, indicator, cohort) for p in nations]
    said += [messages.say_sexes(page, p, indicator, cohort) for p in nations]
    said += [
        messages.say_range(page, p, [(text, p.find(indicator, cohort, "subtype", s)) for s, text in SUBTYPES.items()])
        for p in nations
    ]
    said.append(messages.say_not_derivable(rows, f"the percentage of people with {name} disease"))
    page.add_messages(said)
    shown = [population for population, row in rows if is_ok(row)]
    if not shown:
        return
    lines = list_lines(indicator, cohort, shown)
    plotted = [(title_line(*line), line[1:]) for line in lines if not isinstance(line, str) and line[3] in PLOTTED]
    drawn = draw_groups(shown[:2], plotted, f"{page.title}, %")
    label = f"{indicator}-{cohort}".replace("_", "-")
    if drawn:
        drawing, alt = drawn
        page.figure(
            f"fig-{label}",
            f"{page.title}, {name} disease, by group, with 95% intervals. Groups that are suppressed are not drawn.",
            alt,
            drawing,
        )
    compare_groups(
        page,
        f"tbl-{label}",
        f"{page.title}, {name} disease, by group: percentage, 95% Wilson interval and number of people (n).",
        shown,
        lines,
    )
    if found := draw_age_by_subtype(shown[0], indicator, cohort):
        drawing, alt = found
        page.figure(
            f"fig-age-{label}",
            f"{page.title}, women with {name} disease, {shown[0].name}: percentage by age and receptor subgroup, with "
            f"95% intervals ({NOT_DRAWN}).",
            alt,
            drawing,
        )


def list_lines(indicator: str, cohort: str, populations: Sequence[Population]) -> list[Line | str]:
    """Return the lines of a table of a measure by group, with headings, of the groups that some population has."""
    lines: list[Line | str] = [("Everyone", indicator, cohort, "all", "all")]
    for group_by, heading in GROUPS.items():
        groups = list_groups(populations, indicator, cohort, group_by)
        if heading and groups:
            lines.append(heading)
        lines += [(_name_group(group_by, group), indicator, cohort, group_by, group) for group in groups]
    return lines


def title_line(title: str, measure: str, cohort: str, group_by: str, group: str) -> str:
    """Name a group in a figure, where no heading says what it is a group of."""
    return f"{NUMBERED[group_by]} {lower_first(title)}" if group_by in NUMBERED else title


def _name_group(group_by: str, group: str) -> str:
    known = {
        "age_group": dict(zip(PLOTTED_AGES, (f"{age} years" for age in PLOTTED_AGES), strict=True)),
        "subtype": SUBTYPES,
    }
    if group == NONE_COMPARED:  # what cannot be derived has one row for all its groups
        return "Every group"
    return known.get(group_by, {}).get(group) or upper_first(group)


def _say_variation(page: ReportPage, indicator: str, audits: list[Audit], populations: list[Population]) -> list[str]:
    parts = []
    for audit, population in zip(audits, populations, strict=False):
        units = audit.results[(audit.results["measure"] == indicator) & (audit.results["level"] == "provider")]
        units = units[units["group_by"] == "all"]
        for cohort in dict.fromkeys(units["cohort"]):
            own = units[units["cohort"] == cohort]
            shown = int((own["status"] == "ok").sum())
            of = format_number(len(own), "count")
            disease = f"{METASTATIC[cohort]} disease"
            text = f"{population.name}, {disease}: results of {shown} of {of} organisations are shown"
            text += "; those of the others are suppressed or based on too few people." if shown < len(own) else "."
            text += UNFAIR if 2 * shown < len(own) else ""
            parts.append(text + _say_spread(page, indicator, cohort, population))
    if not parts:
        return ["There are no results of organisations for this indicator."]
    places = [
        f"[{audit.name}]({page.link(audit.pages['variation'])})" for audit in audits if "variation" in audit.pages
    ]
    more = f"Funnel plots and adjusted results: {join_names(places)}." if places else ""
    return ["\n".join(f"- {part}" for part in parts), more]


def _say_spread(page: ReportPage, indicator: str, cohort: str, population: Population) -> str:
    row = population.find(f"{indicator}.median_odds_ratio", cohort)
    if row is None or row["status"] != "ok":
        return ""
    ratio = page.cite(format_number(row["estimate"], "decimal2"), row, population)
    limits = messages.say_from_to(row, "decimal2")
    return f" The median odds ratio between two organisations is {ratio} (95% interval {limits})."


def _add_gaps(page: ReportPage, indicator: str, populations: list[Population]) -> None:
    rows: list[list[str | Cell]] = []
    for population in populations:
        for cohort, name in METASTATIC.items():
            for group_by in ("deprivation", "ethnic_group"):
                for group in population.groups(f"{indicator}_gap_standardised", cohort, group_by):
                    row = population.find(f"{indicator}_gap_standardised", cohort, group_by, group)
                    rows.append(
                        [f"{population.name}, {name}: {_name_gap(group_by, group)}", *_show_gap(population, row)]
                    )
    if not rows:
        page.add("No gaps are measured for this indicator.")
        return
    margin = format_number(100 * IMPORTANT_GAP, "int")
    page.table(
        f"tbl-gaps-{indicator.replace('_', '-')}",
        "Differences between groups, standardised for age, in percentage points, with 95% intervals. *Higher* and "
        f"*lower*: the interval excludes zero. *Within ten points*: it includes zero and lies within {margin} "
        "percentage points of it. *Inconclusive*: it includes zero and a larger gap. The margin is the same for all "
        "indicators, and is wide where the percentage is near 0% or 100%.",
        ["", "Difference", "95% interval", "Reading"],
        rows,
    )


def _name_gap(group_by: str, group: str) -> str:
    if group_by == "deprivation":
        return "most deprived minus least deprived quintile"
    if group == NONE_COMPARED:
        return f"each other ethnic group minus {REFERENCE_ETHNIC_GROUP.capitalize()}"
    return name_comparison(group)


def _show_gap(population: Population, row: Row | None) -> list[str | Cell]:
    if row is None or row["status"] != "ok":
        status = "" if row is None else row["status"].replace("_", " ")
        why = "" if row is None else row["reason"]
        return [Cell(status or "–", row, population, "suppressed", why), Cell("–", css="missing"), ""]
    points = {name: format_number(100 * row[name], "decimal1") for name in ("estimate", "lower", "upper")}
    return [
        Cell(points["estimate"], row, population),
        Cell(f"{points['lower']} to {points['upper']}"),
        read_gap(dict(row)),
    ]


def _say_codes(indicator: str, audits: list[Audit]) -> list[str]:
    inferred = audits[0].specification[indicator].inferred_codes
    return [f"{inferred} An unverified code is one that no public document names for this use."] if inferred else []
