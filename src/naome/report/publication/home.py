"""The part of the front page that is made from results: headline figures and five key findings."""

from __future__ import annotations

from naome.report.publication import messages
from naome.report.publication.audits import Audit, Population, is_ok
from naome.report.publication.characteristics import PEOPLE
from naome.report.publication.page import Cell, ReportPage, show_people, show_percent
from naome.report.publication.sources import Sources
from naome.report.publication.state_of_the_nation import ASCERTAINED

HOME = "index.qmd"


def write_headlines(audits: list[Audit], populations: list[Population], sources: Sources) -> str:
    """Write key findings and headline figures, in Markdown."""
    page = ReportPage(HOME, "", "", sources)
    page.add("## Key findings", "\n".join(f"- {text}" for text in list_findings(page, audits, populations) if text))
    page.add("## Headline figures")
    _add_headlines(page, audits, populations)
    return "\n\n".join(page.parts)


def list_findings(page: ReportPage, audits: list[Audit], populations: list[Population]) -> list[str]:
    """Return five key findings, each of the first nation that has the results."""
    words = audits[0].wording

    def say(indicator: str, cohort: str) -> str:
        people = words[indicator].name_people(messages.COHORTS[cohort])
        found = (
            messages.say_share(page, p, row, people, words[indicator].did)
            for p in populations
            if is_ok(row := p.find(indicator, cohort))
        )
        return next(found, "")

    ascertained = (
        messages.say_share(
            page,
            p,
            row,
            "deaths from breast cancer of people diagnosed when aged under 70",
            "had an earlier record of metastatic disease",
        )
        for p in populations
        if is_ok(row := p.find(ASCERTAINED, "primary"))
    )
    return [
        say("mdt_discussion", "denovo"),
        say("cdk46_first_line", "denovo"),
        say("death_30d_chemotherapy", "recurrent"),
        _say_survival(page, populations),
        next(ascertained, ""),
    ]


def _say_survival(page: ReportPage, populations: list[Population]) -> str:
    for population in reversed(populations):
        row = population.find("survival_3y", "denovo")
        if is_ok(row):
            share = page.percent(row, population)
            return (
                f"In {population.name}, {share} (95% interval {messages.say_limits(row)}) of people with de-novo "
                "metastatic breast cancer were alive three years after diagnosis."
            )
    return ""


def _add_headlines(page: ReportPage, audits: list[Audit], populations: list[Population]) -> None:
    rows: list[list[str | Cell]] = []
    for cohort, name in messages.COHORTS.items():
        rows.append([f"{name.capitalize()} disease"])
        rows.append(
            [
                "People",
                *(
                    show_people(p, p.find(PEOPLE, cohort)) if not p.together else _pooled(p, cohort)
                    for p in populations
                ),
            ]
        )
        for indicator, words in audits[0].wording.items():
            found = [p.find(indicator, cohort) for p in populations]
            if any(is_ok(row) for row in found):
                rows.append(
                    [
                        words.short,
                        *(show_percent(p, row, interval=True) for p, row in zip(populations, found, strict=True)),
                    ]
                )
        for years in (1, 3):
            found = [p.find(f"survival_{years}y", cohort) for p in populations]
            if any(is_ok(row) for row in found) and cohort == "denovo":
                title = f"Survival, {years} year{'s' if years > 1 else ''}"
                rows.append(
                    [title, *(show_percent(p, row, interval=True) for p, row in zip(populations, found, strict=True))]
                )
    page.table(
        "tbl-headlines",
        "Headline figures: percentages with 95% intervals. Each number is a link to its source.",
        ["", *(p.name for p in populations)],
        rows,
    )


def _pooled(population: Population, cohort: str) -> Cell:
    return show_people(population, population.find("cohort_size", cohort))
