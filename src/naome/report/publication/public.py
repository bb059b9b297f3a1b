"""The summary for patients, carers and the public: plain English, one message a picture."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
from matplotlib.figure import Figure as Drawing

from naome.report.figures import INK, PALETTE, use_style
from naome.report.marking import join_names
from naome.report.prose import say_list
from naome.report.publication.audits import Audit, Population, is_ok, period_of
from naome.report.publication.characteristics import PEOPLE
from naome.report.publication.page import ReportPage
from naome.report.publication.sources import Sources

PATH = "report/for-patients.qmd"
PEOPLE_IN_PICTURE = 10
WHO = {"denovo": "found when they were first diagnosed", "recurrent": "that came back"}
#: Messages, in order: indicator and cohort
SHOWN = (
    ("mdt_discussion", "denovo"),
    ("cns_contact", "denovo"),
    ("chemotherapy", "denovo"),
    ("anti_her2_first_line", "denovo"),
    ("cdk46_first_line", "denovo"),
    ("biopsy", "recurrent"),
)
WORDS = """- **Metastatic (secondary) breast cancer** is breast cancer that has spread to other parts of the body.
- **De novo** means that the spread was found at the time of the first diagnosis.
- **Recurrent** means that the cancer came back after earlier treatment.
- **HER2** and **hormone receptors** are markers on cancer cells. They show which drugs may help.
- **Chemotherapy** is treatment with drugs that kill cancer cells.
- **Suppressed** means that we do not show a number, so that no person can be recognised."""

QUESTIONS = """- Has a team of specialists talked about my care?
- Who is my specialist nurse, and how can I reach them?
- Is a new sample of the cancer needed?
- Which treatments could help me, and what are their side effects?"""


def write_public(audits: list[Audit], populations: list[Population], sources: Sources) -> ReportPage:
    """Write the page."""
    names = join_names([audit.name for audit in audits])
    first, last = period_of(audits)
    page = ReportPage(
        PATH, "For patients and the public", f"What the audit found about care in {names}, in plain English", sources
    )
    page.add(
        f"This page is for people with secondary breast cancer, and for their families and friends. It shows the care "
        f"that people had in {names} from {first.year} to {last.year}.",
        "The numbers are about groups of people. They cannot say what will happen to one person. If you are worried "
        "about anything here, please talk to your nurse or doctor.",
        "## Who was in the audit",
        *_say_people(page, populations),
        "We know that many people whose cancer came back are missing from the records. So the real number is higher.",
        "## What we found",
    )
    for indicator, cohort in SHOWN:
        _add_message(page, audits, populations, indicator, cohort)
    _add_survival(page, populations)
    page.add("## What you can ask", QUESTIONS, "## Words on this page", WORDS)
    page.add(f"More for professionals: [State of the Nation]({page.link('report/state-of-the-nation.qmd')}).")
    return page


def say_in_ten(share: float) -> str:
    """Say a proportion as people out of ten.

    Examples
    --------
    >>> say_in_ten(0.61), say_in_ten(0.34), say_in_ten(0.97), say_in_ten(0.02)
    ('about 6 in 10', 'about 3 in 10', 'nearly all', 'fewer than 1 in 10')
    """
    if share >= 0.95:
        return "nearly all"
    if share < 0.05:
        return "fewer than 1 in 10"
    return f"about {round(PEOPLE_IN_PICTURE * share)} in {PEOPLE_IN_PICTURE}"


def draw_people(share: float) -> Drawing:
    """Draw ten people, as many filled as the proportion is in tenths."""
    use_style()
    drawing, axes = plt.subplots(figsize=(4.2, 0.7))
    for n in range(PEOPLE_IN_PICTURE):
        filled = n < round(PEOPLE_IN_PICTURE * share)
        colour = PALETTE[0] if filled else "white"
        axes.add_patch(plt.Circle((n, 0.78), 0.16, facecolor=colour, edgecolor=INK, linewidth=1))
        axes.add_patch(plt.Rectangle((n - 0.2, 0), 0.4, 0.56, facecolor=colour, edgecolor=INK, linewidth=1))
    axes.set_xlim(-0.6, PEOPLE_IN_PICTURE - 0.4)
    axes.set_ylim(-0.05, 1)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return drawing


def _say_people(page: ReportPage, populations: list[Population]) -> Iterator[str]:
    for population in populations:
        said = [
            f"{page.count(row, population)} people had cancer {words}"
            for cohort, words in WHO.items()
            if is_ok(row := population.find(PEOPLE, cohort))
        ]
        if said and not population.together:
            yield f"In {population.name}, {say_list(said)}."


def _add_message(
    page: ReportPage, audits: list[Audit], populations: list[Population], indicator: str, cohort: str
) -> None:
    words = audits[0].wording[indicator]
    shown = [(p, row) for p in populations if not p.together and is_ok(row := p.find(indicator, cohort))]
    if not shown:
        return
    population, row = shown[0]
    share = say_in_ten(row["estimate"])
    page.add(f"### {words.picture}")
    percent = page.percent(row, population, 0)
    page.add(f"In {population.name}, {share} people {words.plain} ({percent}).")
    label = f"fig-{indicator}".replace("_", "-")
    page.figure(
        label,
        f"{words.picture}: {share} people, {population.name}.",
        f"Ten people, of whom {share} are filled.",
        draw_people(row["estimate"]),
    )
    others = [f"In {p.name} it was {page.percent(other, p, 0)}." for p, other in shown[1:]]
    page.add(" ".join(others))


def _add_survival(page: ReportPage, populations: list[Population]) -> None:
    for population in reversed(populations):
        row = population.find("survival_3y", "denovo")
        if is_ok(row):
            share = say_in_ten(row["estimate"])
            percent = page.percent(row, population, 0)
            page.add(
                "### How long people live",
                f"In {population.name}, {share} people whose cancer had spread at the first diagnosis were alive three "
                f"years later ({percent}). Some people live for many years. It depends on the type of cancer, its "
                "treatment and general health.",
            )
            page.figure(
                "fig-survival",
                f"Alive after three years: {share} people, {population.name}.",
                f"Ten people, of whom {share} are filled.",
                draw_people(row["estimate"]),
            )
            return
