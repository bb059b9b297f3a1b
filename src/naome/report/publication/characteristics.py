"""The table of characteristics: percentages of people whose value is recorded."""

from __future__ import annotations

from collections.abc import Sequence

from naome.measures.description import PEOPLE, SHARE, SITE
from naome.report.labels import CHARACTERISTIC_NAMES, ORIGINS, SITE_NAMES
from naome.report.publication.audits import Population, is_ok
from naome.report.publication.group_tables import list_groups
from naome.report.publication.report_page import Cell, ReportPage, show_people, show_percent

#: Characteristic -> title of each group; None: the groups as they are
LINES: dict[str, dict[str, str] | None] = {
    "age_band": None,
    "sex": {"female": "Female", "male": "Male"},
    "grade": None,
    "performance_status": {
        "0": "0: fully active",
        "1": "1: restricted in strenuous activity",
        "2": "2: active half of the day or more",
        "3+": "3 or 4: active less than half of the day",
    },
    "er": {"positive": "Positive", "negative": "Negative"},
    "her2": {"positive": "Positive", "negative": "Negative"},
    "charlson": None,
    "frailty": None,
    "deprivation": None,
    "ethnic_group": None,
}
AGE = "age_band"
SITES = ("bone", "lung", "liver", "brain")


def add_characteristics(
    page: ReportPage, label: str, caption: str, populations: Sequence[Population], cohort: str
) -> None:
    """Add the table of the characteristics of a cohort, a column per nation.

    A percentage is of the people whose value is recorded; their number is in the heading of the characteristic.
    """
    nations = [population for population in populations if not population.together]
    rows: list[list[str | Cell]] = [["People", *(show_people(p, p.find(PEOPLE, cohort)) for p in nations)]]
    rows += [
        [f"{year}", *(show_people(p, p.find(PEOPLE, cohort, "year", year)) for p in nations)]
        for year in list_groups(nations, PEOPLE, cohort, "year")
    ]
    for name, titles in LINES.items():
        groups = list_groups(nations, SHARE, cohort, name)
        if not groups:
            continue
        recorded = {p.name: n for p in nations if (n := _count_recorded(p, cohort, name, groups)) is not None}
        counts = ", ".join(f"{nation} {n:,}" for nation, n in recorded.items())
        title = f"Age at {ORIGINS[cohort]}" if name == AGE else CHARACTERISTIC_NAMES[name]
        rows.append([f"{title}, % of those recorded ({counts or 'numbers suppressed'})"])
        named = titles or {group: group[:1].upper() + group[1:] for group in groups}
        rows += [[title, *_share(nations, cohort, name, group)] for group, title in named.items()]
    if any(p.groups(SHARE, cohort, SITE) for p in nations):
        rows.append(
            ["Sites of metastases coded up to a year after the metastatic diagnosis, % of everyone (lower bounds)"]
        )
        rows += [[SITE_NAMES[site], *_share(nations, cohort, SITE, site)] for site in SITES]
    page.table(label, caption, ["", *(population.name for population in nations)], rows)


def _count_recorded(population: Population, cohort: str, name: str, groups: Sequence[str]) -> int | None:
    """Return how many people have a value; None where every share is suppressed."""
    rows = [row for group in groups if is_ok(row := population.find(SHARE, cohort, name, group))]
    return int(rows[0]["denominator"]) if rows else None


def _share(populations: Sequence[Population], cohort: str, name: str, group: str) -> list[Cell]:
    """Return the cells of a group, with intervals."""
    none = Cell("–", css="missing", note="no one in this group")
    cells = []
    for population in populations:
        row = population.find(SHARE, cohort, name, group)
        empty = row is None and population.groups(SHARE, cohort, name)
        cells.append(none if empty else show_percent(population, row, interval=True))
    return cells
