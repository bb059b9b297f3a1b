"""What a report is made from: one finished run per nation, and the released results of each population in columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeGuard

import pandas as pd

from naome.core.definitions import CohortRules, Definitions, project_definitions
from naome.core.params import Params
from naome.core.results import POOLED, Row, name_nation, say_nation
from naome.measures.specification import Specification, read_specification
from naome.report.finished import FinishedRun
from naome.report.publication.wording import Wording, read_wording

#: The frames without which a run is not part of a report: its people and what was done for them
NEEDED = ("people", "indicators")
Key = tuple[str, str, str, str]


@dataclass(frozen=True, eq=False)
class Audit:
    """A finished run as the report shows it.

    Attributes
    ----------
    run : FinishedRun
    name : str
        Its nation.
    params : Params
    definitions : Definitions
        The copy that the run holds.
    results : DataFrame
        Everything that the run released, in the result schema; ``frame`` is the released file of each row.
    pages : mapping of str to str
        Released file -> path of the page of the site whose notebook wrote it.
    earlier : Audit, optional
        The edition before it: the run of the same nation whose period ended last before this one's.
    """

    run: FinishedRun
    name: str
    params: Params
    definitions: Definitions
    results: pd.DataFrame
    pages: Mapping[str, str]
    earlier: Audit | None = None

    @property
    def spoken(self) -> str:
        """How sentences name its nation."""
        return say_nation(self.name)

    @property
    def specification(self) -> Specification:
        """The indicators of the run."""
        return read_specification(self.definitions)

    @property
    def wording(self) -> dict[str, Wording]:
        """The words of each indicator of the run that has any."""
        known = {indicator.id for indicator in self.specification.indicators}
        return {name: words for name, words in read_wording(project_definitions()).items() if name in known}

    @property
    def rules(self) -> CohortRules:
        """The cohort rules under the options of the run."""
        return self.definitions.rules(self.params.rules)


@dataclass(frozen=True, eq=False)
class Population:
    """The people whose results fill a column: those of a nation, or of all nations together.

    Attributes
    ----------
    name : str
        How headings name them.
    audit : Audit
        The run that has their results.
    rows : mapping of (measure, cohort, group_by, group) to row
        National results.
    """

    name: str
    audit: Audit
    rows: Mapping[Key, Row]

    @property
    def spoken(self) -> str:
        """How sentences name them.

        Examples
        --------
        >>> Population("England + Wales", None, {}).spoken
        'England and Wales'
        """
        return say_nation(self.name)

    @property
    def together(self) -> bool:
        """Whether these are people of several nations."""
        return "+" in self.name

    def find(self, measure: str, cohort: str, group_by: str = "all", group: str = "all") -> Row | None:
        """Return a released result, or None where the run has no such result."""
        return self.rows.get((measure, cohort, group_by, group))

    def groups(self, measure: str, cohort: str, group_by: str) -> list[str]:
        """Return the groups of a measure by a characteristic, in the order in which they were released."""
        return [key[3] for key in self.rows if key[:3] == (measure, cohort, group_by)]


def choose_audits(audits: Iterable[Audit]) -> list[Audit]:
    """Return the audits of a report: of each nation the latest that released people and indicators, of one marking.

    Parameters
    ----------
    audits : iterable of Audit
        In the order of the site's menus. The first of a nation says which source is reported; runs of other sources
        have their own pages only. So have those that are not of the first one's marking: real and synthetic people are
        never reported together.
    """
    editions: dict[str, list[Audit]] = {}
    marking = None
    for audit in audits:
        if set(audit.results["frame"]).issuperset(NEEDED) and marking in (None, audit.run.marking):
            marking = audit.run.marking
            editions.setdefault(audit.run.manifest["nation"], []).append(audit)
    chosen = []
    for first, *more in editions.values():
        alike = [first, *(each for each in more if each.params.source == first.params.source)]
        latest, *others = sorted(alike, key=lambda each: each.run.period[1], reverse=True)
        before = [other for other in others if other.run.period[1] < latest.run.period[1]]
        chosen.append(replace(latest, earlier=before[0] if before else None))
    return chosen


def list_populations(audits: list[Audit]) -> list[Population]:
    """Return the columns of the report: each nation, then the nations together where a run has pooled them."""
    nations = [
        Population(audit.name, audit, _index(audit.results[audit.results["level"] == "nation"])) for audit in audits
    ]
    for audit in audits:
        pooled = audit.results[audit.results["level"] == POOLED]
        if len(pooled) and len(audits) > 1:
            return [*nations, Population(name_nation(POOLED), audit, _index(pooled))]
    return nations


def open_earlier(population: Population) -> Population | None:
    """Return the same nation's people of the edition before, or None where there is none."""
    earlier = population.audit.earlier
    if earlier is None or population.together:
        return None
    rows = earlier.results[earlier.results["level"] == "nation"]
    return Population(population.name, earlier, _index(rows))


def is_ok(row: Row | None) -> TypeGuard[Row]:
    """Return whether there is a result, and it is shown."""
    return row is not None and row["status"] == "ok"


def period_of(audits: list[Audit]) -> tuple[dt.date, dt.date]:
    """Return the first and last day of metastatic diagnosis over all audits of a report."""
    periods = [audit.run.period for audit in audits]
    return min(first for first, _ in periods), max(last for _, last in periods)


def _index(frame: pd.DataFrame) -> dict[Key, Row]:
    return dict(_rows(frame))


def _rows(frame: pd.DataFrame) -> Iterator[tuple[Key, Row]]:
    for row in frame.to_dict("records"):
        yield (row["measure"], row["cohort"], row["group_by"], row["group"]), row
