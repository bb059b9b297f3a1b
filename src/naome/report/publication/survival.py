"""The page of survival: after one, three and five years, by group, net of other causes, and between organisations."""

from __future__ import annotations

from collections.abc import Sequence

from naome.measures.period import PERIOD_YEARS
from naome.report.display import format_number
from naome.report.labels import METASTATIC, ORIGINS, SUBTYPES
from naome.report.markdown import write_list
from naome.report.prose import say_day, say_list, say_period, say_years
from naome.report.publication import messages
from naome.report.publication.audits import Audit, Population, Row, is_ok
from naome.report.publication.drawings import draw_groups
from naome.report.publication.group_tables import Line, compare_groups
from naome.report.publication.indicator import PLOTTED, list_lines, title_line
from naome.report.publication.report_page import Cell, ReportPage, show_people, show_percent
from naome.report.publication.source_lists import Sources
from naome.report.publication.state_of_the_nation import say_pandemic
from naome.report.publication.trace import describe_family
from naome.report.publication.wording import locate_indicator

SURVIVAL_INDICATOR = "survival"
#: Time point of the figure and of comparisons between groups, years
COMPARED = 3
NET = (
    "Net survival is survival if breast cancer were the only possible cause of death (Pohar Perme estimator); "
    "standardised: to the age distribution of the International Cancer Survival Standard."
)


def write_survival(audits: list[Audit], populations: list[Population], sources: Sources) -> ReportPage:
    """Write the page."""
    first = audits[0]
    specification, words = first.specification[SURVIVAL_INDICATOR], first.wording[SURVIVAL_INDICATOR]
    horizons = first.params.survival.horizons_years
    page = ReportPage(locate_indicator(SURVIVAL_INDICATOR), specification.title, words.asks, sources)
    page.add(words.why)
    for cohort in [each for each in specification.cohorts if _has_results(populations, each, horizons)]:
        people = words.name_people(METASTATIC[cohort])
        _add_cohort(page, cohort, people, populations, horizons)
    _add_net(page, populations, horizons)
    page.add("## Variation between organisations", *_say_organisations(page, audits, horizons))
    page.add("## What to keep in mind", words.caution, _say_end(audits), say_pandemic(audits))
    page.add("## Definition", write_list(describe_family(SURVIVAL_INDICATOR, first)))
    return page


def _say_end(audits: Sequence[Audit]) -> str:
    """Say to which day people are followed."""
    days = dict.fromkeys(audit.params.censor_date for audit in audits)
    named = [f"{say_day(day)} ({say_list([a.name for a in audits if a.params.censor_date == day])})" for day in days]
    return f"People are followed to {say_list(named)}; those alive then are censored."


def _has_results(populations: Sequence[Population], cohort: str, horizons: Sequence[int]) -> bool:
    """Return whether survival of a cohort was measured."""
    return any(population.find(f"survival_{years}y", cohort) for population in populations for years in horizons)


def _add_cohort(
    page: ReportPage, cohort: str, people: str, populations: Sequence[Population], horizons: Sequence[int]
) -> None:
    name, origin, compared = METASTATIC[cohort], ORIGINS[cohort], f"survival_{COMPARED}y"
    nations = [population for population in populations if not population.together]
    page.add(f"## {name.capitalize()} disease")
    said = []
    for population in nations:
        for years in horizons:
            row = population.find(f"survival_{years}y", cohort)
            if is_ok(row):
                said.append(messages.say_survival(page, population, row, people, say_years(years), origin))
            said.append(_say_period(page, population, population.find(f"survival_{years}y_period", cohort), years))
        gradient = messages.say_gradient(page, population, compared, cohort)
        said.append(gradient.replace("the percentage", f"survival to {say_years(COMPARED)}", 1))
        groups = [(text, population.find(compared, cohort, "subtype", group)) for group, text in SUBTYPES.items()]
        ranged = messages.say_range(page, population, groups)
        said.append(ranged.replace("the percentage", f"survival to {say_years(COMPARED)}", 1))
    for years in horizons:
        reason = messages.say_not_derivable((p, p.find(f"survival_{years}y", cohort)) for p in nations)
        said.append(
            reason.replace("this could", f"the Kaplan-Meier estimate of survival to {say_years(years)} could", 1)
        )
    page.add_messages(said)
    lines = list_lines(compared, cohort, nations)
    plotted = [(title_line(*line), line[1:]) for line in lines if not isinstance(line, str) and line[3] in PLOTTED]
    if drawn := draw_groups(nations[:2], plotted, f"Survival to {say_years(COMPARED)}, %"):
        drawing, alt = drawn
        caption = f"Survival to {say_years(COMPARED)}, {name} disease, by group, with 95% intervals."
        page.figure(f"fig-survival-{cohort}", f"{caption} Groups that are suppressed are not drawn.", alt, drawing)
    for population in nations:
        _add_table(page, cohort, population, horizons)


def _say_period(page: ReportPage, population: Population, row: Row | None, years: int) -> str:
    """Say survival by period analysis, which uses people diagnosed earlier too; empty where there is none."""
    if not is_ok(row):
        return ""
    share, limits = page.percent(row, population), messages.say_from_to(row)
    return (
        f"In {population.spoken}, survival to {say_years(years)} by period analysis is {share} (95% interval "
        f"{limits}), from the follow-up of {page.count(row, population)} people in its last "
        f"{say_years(PERIOD_YEARS)}."
    )


def _add_table(page: ReportPage, cohort: str, population: Population, horizons: Sequence[int]) -> None:
    """Add a table of a nation with a column per time point that anyone has reached."""
    name = METASTATIC[cohort]
    reached = [y for y in horizons if is_ok(population.find(f"survival_{y}y", cohort))]
    rows: list[list[str | Cell]] = []
    for line in list_lines(f"survival_{COMPARED}y", cohort, [population]) if reached else []:
        if isinstance(line, str):
            rows.append([line])
            continue
        title, _, *key = line
        found = [population.find(f"survival_{years}y", *key) for years in reached]
        people = next((row for row in found if is_ok(row)), found[0])
        shown = (show_percent(population, row, interval=True) for row in found)
        rows.append([title, show_people(population, people), *shown])
    if not rows:
        return
    page.table(
        f"tbl-survival-{cohort}-{population.name.lower().replace(' ', '-')}",
        f"Survival of people with {name} disease from {ORIGINS[cohort]}, {population.name}: Kaplan-Meier estimates "
        "with 95% intervals.",
        ["", "People", *map(say_years, reached)],
        rows,
    )


def _add_net(page: ReportPage, populations: Sequence[Population], horizons: Sequence[int]) -> None:
    lines: list[Line | str] = []
    for ending, title in (("", "Net survival"), ("_standardised", "Net survival, standardised for age")):
        lines.append(title)
        lines += [(say_years(y), f"net_survival_{y}y{ending}", "denovo", "all", "all") for y in horizons]
    nations = [population for population in populations if not population.together]
    if not any(population.find(*line[1:]) for population in nations for line in lines if not isinstance(line, str)):
        return
    page.add("## Net survival", NET)
    compare_groups(page, "tbl-net-survival", "Net survival, de novo disease, with 95% intervals.", nations, lines)


def _say_organisations(page: ReportPage, audits: Sequence[Audit], horizons: Sequence[int]) -> list[str]:
    parts = []
    for audit in audits:
        for cohort, name in METASTATIC.items():
            said = []
            for years in horizons:
                rows = audit.results[audit.results["measure"] == f"survival_{years}y_adjusted"]
                rows = rows[(rows["cohort"] == cohort) & (rows["level"] == "provider")]
                if len(rows):
                    shown = format_number(int((rows["status"] == "ok").sum()), "count")
                    said.append(f"{shown} of {format_number(len(rows), 'count')} organisations at {say_years(years)}")
            if said:
                parts.append(f"- {audit.name}, {name} disease: {'; '.join(said)}.")
    if not parts:
        return ["There are no results of organisations."]
    places = [f"[{a.name}]({page.link(a.pages['risk_adjusted'])})" for a in audits if "risk_adjusted" in a.pages]
    more = f"Funnel plots, models and outliers: {', '.join(places)}." if places else ""
    periods = {years: period for audit in audits for years, period in audit.params.earlier_periods.items()}
    others = [f"{say_period(*period)} at {say_years(years)}" for years, period in periods.items()]
    about = (
        "Organisations are compared on the latest people who can be followed to each time point: people found to have "
        f"metastatic disease in {say_list(others)}. Survival of the nation is theirs there, and not that of the tables "
        "above."
    )
    return ["Risk-adjusted survival is shown for:", "\n".join(parts), about if others else "", more]
