"""The lists of results behind the report: a page per measure, with its definition and every number that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from naome.report.display import TO_THE_RIGHT, escape_markup
from naome.report.labels import COHORT_NAMES
from naome.report.markdown import write_list
from naome.report.publication.audits import Audit, Population, Row
from naome.report.publication.trace import (
    describe_family,
    find_family,
    say_counts,
    say_estimate,
    say_group,
    title_family,
)

FOLDER = "report/sources"
HEADS = ("Result", "People", "Estimate", "Counts", "Method", "Page and run")
NUMERIC = ("Estimate", "Counts")
NUMBER = f' class="num"{TO_THE_RIGHT}'


class Sources:
    """The results that pages of the report have shown, by family of measures."""

    def __init__(self) -> None:
        self._cited: dict[str, dict[str, tuple[Row, Population]]] = {}

    def add(self, row: Row, population: Population) -> str:
        """Note a result that is shown; return the place, within the site, of its entry.

        Parameters
        ----------
        row : mapping
        population : Population
        """
        family = find_family(row["measure"], population.audit.specification)
        cited, anchor = self._cited.setdefault(family, {}), row["result_id"]
        if anchor in cited and cited[anchor][0]["run_id"] != row["run_id"]:  # the same result of another edition
            anchor = f"{anchor}-{row['run_id']}"
        cited[anchor] = (row, population)
        return f"{locate_family(family)}#{anchor}"

    @property
    def families(self) -> list[str]:
        """Families of which a result is shown, in the order in which they were first shown."""
        return list(self._cited)

    def write(self, family: str) -> tuple[str, list[str]]:
        """Return the title and the parts, in Markdown, of the page of a family."""
        cited = self._cited[family]
        audits = {population.audit.run.run_id: population.audit for _, population in cited.values()}
        first = next(iter(audits.values()))
        title = f"Sources: {title_family(family, first.specification)}"
        parts = [
            "Every number of the report that is about this measure, with the method and the run that made it. The "
            "[table of all released results](/downloads/results.csv) has the same rows under the same identifiers.",
            "## Definition",
            write_list(describe_family(family, first)),
        ]
        parts += [
            f"Definition for {other.name}:\n\n{text}"
            for other in audits.values()
            if (text := _differs(family, other, first))
        ]
        return title, [*parts, "## Results", _write_results(cited, locate_family(family))]


def locate_family(family: str) -> str:
    """Return the path of the page of a family."""
    return f"{FOLDER}/{family.replace('_', '-')}.qmd"


def _differs(family: str, audit: Audit, first: Audit) -> str:
    """Return how an audit defines a family where it differs from the first one."""
    known = describe_family(family, first)
    return write_list(item for item in describe_family(family, audit) if item not in known)


def _write_results(cited: Mapping[str, tuple[Row, Population, str]], path: str) -> str:
    heads = "".join(f'<th scope="col"{NUMBER if head in NUMERIC else ""}>{head}</th>' for head in HEADS)
    out = ['<table class="table naome-table sources">', "<thead>", f"<tr>{heads}</tr>", "</thead>", "<tbody>"]
    ordered = sorted(cited.items(), key=lambda each: (each[1][0]["cohort"], each[1][0]["measure"]))
    out += [_write_result(anchor, *each, path) for anchor, each in ordered]
    return "\n".join([*out, "</tbody>", "</table>"])


def _write_result(anchor: str, row: Row, population: Population, path: str) -> str:
    estimate, interval = say_estimate(row)
    cohort = COHORT_NAMES.get(row["cohort"], row["cohort"])
    who = f"{cohort}, {row['unit_name'] or population.name}, {say_group(row)}"
    page = population.audit.pages.get(row["frame"], "")
    up = "../" * len(PurePosixPath(path).parent.parts)
    name = escape_markup(PurePosixPath(page).stem)
    link = f'<a href="{up}{page.replace(".ipynb", ".html")}">{name}</a>, ' if page else ""
    cells = [
        f"<td>{escape_markup(who)}<br>{escape_markup(row['measure'])}</td>",
        f'<td{NUMBER}>{escape_markup(estimate)}<span class="interval">{escape_markup(interval)}</span></td>',
        f"<td{NUMBER}>{escape_markup(say_counts(row))}</td>",
        f"<td>{escape_markup(row['method'])}</td><td>{link}{escape_markup(row['run_id'])}</td>",
    ]
    name = f'<th scope="row"><code>{row["result_id"]}</code></th>'
    return f'<tr id="{anchor}">{name}{"".join(cells)}</tr>'
