"""The table of characteristics: percentages of people whose value is recorded, from released numbers of people."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from naome.measures.indicators import MISSING
from naome.report.display import format_number
from naome.report.labels import AGE_ORDER, CHARACTERISTICS
from naome.report.publication.audits import Population, Row, is_ok
from naome.report.publication.page import STATUS_CLASS, STATUS_TEXT, Cell, ReportPage, show_people

PEOPLE = "people"
#: Characteristic -> (title, groups that are shown as one) of each line; None: the groups as they are
LINES: dict[str, list[tuple[str, tuple[str, ...]]] | None] = {
    "age_band": None,
    "sex": [("Female", ("female",)), ("Male", ("male",))],
    "grade": None,
    "performance_status": [
        ("0: fully active", ("0",)),
        ("1: restricted in strenuous activity", ("1",)),
        ("2: active half of the day or more", ("2",)),
        ("3 or 4: active less than half of the day", ("3", "4")),
    ],
    "er": [("Positive", ("positive",)), ("Negative", ("negative",))],
    "her2": [("Positive", ("positive",)), ("Negative", ("negative",))],
    "charlson": None,
    "frailty": None,
    "deprivation": None,
    "ethnic_group": None,
}
SITES = {"bone": "Bone", "lung": "Lung", "liver": "Liver", "brain": "Brain"}


def add_characteristics(
    page: ReportPage, label: str, caption: str, populations: Sequence[Population], cohort: str
) -> None:
    """Add the table of the characteristics of a cohort, a column per nation.

    A percentage is of the people whose value is recorded; their number is in the heading of the characteristic. It is
    shown only where all released numbers that make it are shown.
    """
    nations = [population for population in populations if not population.together]
    rows: list[list[str | Cell]] = [["People", *(show_people(p, p.find(PEOPLE, cohort)) for p in nations)]]
    rows += [
        [f"{year}", *(show_people(p, p.find(PEOPLE, cohort, "year", year)) for p in nations)]
        for year in _groups(nations, cohort, "year")
    ]
    for name, lines in LINES.items():
        groups = _groups(nations, cohort, name)
        if not groups:
            continue
        recorded = [_count_recorded(p, cohort, name) for p in nations]
        counts = ", ".join(f"{p.name} {n:,}" for p, n in zip(nations, recorded, strict=True) if n is not None)
        rows.append([f"{CHARACTERISTICS[name]}, % of those recorded ({counts or 'numbers suppressed'})"])
        for title, members in lines or [(group[:1].upper() + group[1:], (group,)) for group in groups]:
            cells = [_share(p, cohort, name, members, n) for p, n in zip(nations, recorded, strict=True)]
            rows.append([title, *cells])
    rows.append(["Sites of metastases at the time origin, % of everyone"])
    for site, title in SITES.items():
        everyone = [_number(p.find(PEOPLE, cohort)) for p in nations]
        rows.append([title, *(_share(p, cohort, site, (site,), n) for p, n in zip(nations, everyone, strict=True))])
    page.table(label, caption, ["", *(population.name for population in nations)], rows)


def _groups(populations: Sequence[Population], cohort: str, name: str) -> list[str]:
    found = dict.fromkeys(g for p in populations for g in p.groups(PEOPLE, cohort, name) if g != MISSING)
    order = {group: n for n, group in enumerate(AGE_ORDER)}
    return sorted(found, key=lambda group: (order.get(group, 99), group))


def _count_recorded(population: Population, cohort: str, name: str) -> int | None:
    """Return how many people have a value; None where a number that is needed is suppressed."""
    everyone, missing = population.find(PEOPLE, cohort), population.find(PEOPLE, cohort, name, MISSING)
    total, unknown = _number(everyone), 0 if missing is None else _number(missing)
    return None if total is None or unknown is None else total - unknown


def _share(population: Population, cohort: str, name: str, groups: tuple[str, ...], recorded: int | None) -> Cell:
    rows = [row for group in groups if (row := population.find(PEOPLE, cohort, name, group)) is not None]
    if not rows:
        return Cell("–", css="missing", note="no one in this group")
    hidden = next((row for row in rows if _number(row) is None), None)
    if hidden is not None or not recorded:
        shown = hidden or rows[0]
        status = shown["status"] if shown["status"] in STATUS_TEXT else "suppressed"
        return Cell(
            STATUS_TEXT[status],
            shown,
            population,
            STATUS_CLASS[status],
            shown["reason"] or "a number that is needed is suppressed",
        )
    people = sum(_number(row) or 0 for row in rows)
    share = format_number(people / recorded, "percent1")
    return Cell(share, rows[0], population, counts=f"{people:,} of {recorded:,}")


def _number(row: Row | None) -> int | None:
    return int(row["denominator"]) if is_ok(row) and not pd.isna(row["denominator"]) else None
