"""Tables that set populations side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from naome.measures.indicators import MISSING
from naome.report.labels import AGE_ORDER
from naome.report.publication.audits import Population, Row
from naome.report.publication.report_page import Cell, ReportPage, show_percent

Line = tuple[str, str, str, str, str]


def compare_groups(
    page: ReportPage,
    label: str,
    caption: str,
    populations: Sequence[Population],
    lines: Iterable[Line | str],
) -> None:
    """Add a table of proportions with their intervals and numbers of people, a column per population.

    Parameters
    ----------
    page : ReportPage
    label, caption : str
    populations : sequence of Population
    lines : iterable
        ``(title, measure, cohort, group_by, group)``, or a heading over the lines that follow. A line of which no
        population has a result is not there, and neither is a heading without lines, or a table without any.
    """
    rows: list[list[str | Cell]] = []
    for line in lines:
        if isinstance(line, str):
            if rows and len(rows[-1]) == 1:
                rows.pop()
            rows.append([line])
            continue
        title, *key = line
        found = [population.find(*key) for population in populations]
        if any(row is not None for row in found):
            found = [row or _not_derivable(p, *key[:2]) for p, row in zip(populations, found, strict=True)]
            pairs = zip(populations, found, strict=True)
            rows.append([title, *(show_percent(p, row, interval=True, people=True) for p, row in pairs)])
    if rows and len(rows[-1]) == 1:
        rows.pop()
    if rows:
        page.table(label, caption, ["", *(population.name for population in populations)], rows)


def list_groups(populations: Sequence[Population], measure: str, cohort: str, group_by: str) -> list[str]:
    """Return the groups of a characteristic over all populations: ages by age, then the others, *not recorded* last."""
    found = dict.fromkeys(group for p in populations for group in p.groups(measure, cohort, group_by))
    order = {group: n for n, group in enumerate(AGE_ORDER)}
    return sorted(found, key=lambda group: (group == MISSING, order.get(group, 99), group))


def _not_derivable(population: Population, measure: str, cohort: str) -> Row | None:
    """Return the result of everyone where it cannot be derived, so that a group has the same reason; else None."""
    everyone = population.find(measure, cohort)
    return everyone if everyone is not None and everyone["status"] == "not_derivable" else None
