"""The part of the front page that is made from results: headline figures and five key findings."""

from __future__ import annotations

from collections.abc import Sequence

from naome.measures.derivability import RECORD_BEFORE_CANCER_DEATH
from naome.measures.description import PEOPLE
from naome.report.display import format_number
from naome.report.labels import METASTATIC, ORIGINS
from naome.report.prose import say_years
from naome.report.publication import messages
from naome.report.publication.audits import Audit, Population, Row, is_ok, open_earlier
from naome.report.publication.report_page import Cell, ReportPage, show_people, show_percent
from naome.report.publication.source_lists import Sources
from naome.report.publication.state_of_the_nation import say_ascertained, say_pandemic
from naome.stats.intervals import square_and_add

HOME = "index.qmd"


def write_headlines(audits: list[Audit], populations: list[Population], sources: Sources) -> str:
    """Write key findings and headline figures, in Markdown."""
    page = ReportPage(HOME, "", "", sources)
    findings = [f"- {text}" for text in list_findings(page, audits, populations) if text]
    page.add(*(["## Key findings", "\n".join(findings)] if findings else []))
    page.add("## Headline figures")
    _add_headlines(page, audits, populations)
    notes = {
        words.short: note
        for indicator, words in audits[0].wording.items()
        for note in messages.say_notes(page, audits, populations, indicator).values()
    }
    page.add("\n".join(f"- {short}. {note}" for short, note in notes.items()), say_pandemic(audits))
    _add_changes(page, audits, populations)
    return "\n\n".join(page.parts)


def list_findings(page: ReportPage, audits: list[Audit], populations: list[Population]) -> list[str]:
    """Return five key findings, each of the first nation that has the results and can be compared with others.

    Where no nation can be compared, the finding is of the first that has the results, with the caution.
    """
    words = audits[0].wording

    def say(indicator: str, cohort: str) -> str:
        people = words[indicator].name_people(METASTATIC[cohort])
        notes = messages.say_notes(page, audits, populations, indicator)
        found = [(p, row) for p in populations if is_ok(row := p.find(indicator, cohort))]
        found.sort(key=lambda each: each[0].name in notes)
        said = [messages.say_share(page, p, row, people, words[indicator].did) for p, row in found[:1]]
        return " ".join([*said, *(notes.get(p.name, "") for p, _ in found[:1])]).strip()

    ascertained = (
        say_ascertained(page, p) for p in populations if is_ok(p.find(RECORD_BEFORE_CANCER_DEATH, "primary"))
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
            people = "people with de novo metastatic breast cancer"
            return messages.say_survival(page, population, row, people, "three years", ORIGINS["denovo"])
    return ""


def _add_headlines(page: ReportPage, audits: list[Audit], populations: list[Population]) -> None:
    rows: list[list[str | Cell]] = []
    for cohort, name in METASTATIC.items():
        known = [p.find(PEOPLE, cohort) for p in populations if not p.together]
        if not any(known):
            continue
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
                rows.append([words.short, *_show_all(populations, found)])
        for years in (1, 3):
            found = [p.find(f"survival_{years}y", cohort) for p in populations]
            if any(is_ok(row) for row in found) and cohort == "denovo":
                rows.append([f"Survival, {say_years(years)}", *_show_all(populations, found)])
    page.table(
        "tbl-headlines",
        "Headline figures: percentages with 95% confidence intervals and numbers of people (n). Each result is a link "
        "to its source.",
        ["", *(p.name for p in populations)],
        rows,
    )


def _add_changes(page: ReportPage, audits: list[Audit], populations: list[Population]) -> None:
    """Add the changes since the edition before, of each nation that has one."""
    for population in populations:
        earlier = open_earlier(population)
        if earlier is None:
            continue
        rows: list[list[str | Cell]] = []
        for name, title in _list_headlines(audits):
            for cohort, words in METASTATIC.items():
                now, before = population.find(name, cohort), earlier.find(name, cohort)
                if is_ok(now) and is_ok(before):
                    cells = _show_all((earlier, population), (before, now))
                    rows.append([f"{title}, {words}", *cells, *_show_change(population, earlier, now, before)])
        if rows:
            first, then = (p.audit.run.period for p in (earlier, population))
            heads = ["", *(f"{start.year} to {end.year}" for start, end in (first, then)), "Change", "Reading"]
            page.add(f"### Change since the edition before, {population.name}")
            label = f"tbl-change-{population.name.lower().replace(' ', '-')}"
            page.table(label, "Changes in percentage points, with 95% intervals.", heads, rows)


def _show_change(population: Population, earlier: Population, now: Row, before: Row) -> list[str | Cell]:
    """Show a change with its interval, where the two periods have no day in common."""
    change = format_number(100 * (now["estimate"] - before["estimate"]), "decimal1")
    if population.audit.run.period[0] <= earlier.audit.run.period[1]:
        return [Cell(change), "people in common"]
    gap = square_and_add(now, before)
    limits = " to ".join(format_number(100 * gap[name], "decimal1") for name in ("lower", "upper"))
    return [Cell(change, interval=limits), messages.compare(now, before)]


def _list_headlines(audits: list[Audit]) -> list[tuple[str, str]]:
    found = [(name, words.short) for name, words in audits[0].wording.items()]
    return [*found, ("survival_1y", "Survival, 1 year"), ("survival_3y", "Survival, 3 years")]


def _show_all(populations: Sequence[Population], found: Sequence[Row | None]) -> list[Cell]:
    pairs = zip(populations, found, strict=True)
    return [show_percent(population, row, interval=True, people=True) for population, row in pairs]


def _pooled(population: Population, cohort: str) -> Cell:
    return show_people(population, population.find("cohort_size", cohort))
