"""Where in a release something fails: measure, cohort, level and characteristic, and nothing that tells who it is.

Neither a count nor a group nor an organisation is named: that the group *male* fails would say that few are men.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from naome.core.results import NATIONAL_LEVELS
from naome.release.cells import Cells

__all__ = ["Place", "find_places", "list_places", "say_places"]

COLUMNS = ["measure", "cohort", "level", "group_by"]
#: The characteristic of results whose people are not grouped
UNGROUPED = "all"
#: How many places a message names
MOST_SAID = 8


@dataclass(frozen=True, order=True)
class Place:
    """A table of a release in which something fails.

    Attributes
    ----------
    measure, cohort, level : str
        As in the results (:data:`naome.core.results.COLUMNS`).
    characteristic : str
        By which its people are grouped; ``all`` where they are not.

    Examples
    --------
    >>> Place("chemotherapy", "denovo", "nation", "age_group").describe()
    'chemotherapy (cohort denovo, level nation, by age_group)'
    """

    measure: str
    cohort: str
    level: str
    characteristic: str

    @property
    def of_nation(self) -> bool:
        """Whether its results are of a nation, or of several."""
        return self.level in NATIONAL_LEVELS

    def describe(self) -> str:
        """Say in one phrase what the place is."""
        by = "" if self.characteristic == UNGROUPED else f", by {self.characteristic}"
        return f"{self.measure} (cohort {self.cohort}, level {self.level}{by})"

    def to_dict(self) -> dict[str, str]:
        """Return it as plain values."""
        return asdict(self)


def list_places(rows: pd.DataFrame) -> list[Place]:
    """List the places of some results, each once, in order.

    Parameters
    ----------
    rows : DataFrame
        Results, with the columns ``measure``, ``cohort``, ``level`` and ``group_by``.
    """
    return sorted({Place(*values) for values in rows[COLUMNS].itertuples(index=False, name=None)})


def find_places(results: pd.DataFrame, cells: Cells, counts: Iterable[int]) -> list[Place]:
    """List the places whose rows show or leave some counts.

    Parameters
    ----------
    results : DataFrame
        The results of which `cells` are the counts.
    cells : Cells
    counts : iterable of int
        Numbers of counts. One that no row shows, such as the men of an age group, is that of the groups beside it:
        the rows whose relations it is part of.

    Returns
    -------
    list of Place
    """
    wanted = np.unique(np.fromiter(counts, dtype=int))
    shown = np.isin(wanted, np.concatenate([cells.people, cells.events, cells.rest]))
    places = list_places(results[_show(cells, wanted[shown])])
    beside = list_places(results[_show(cells, cells.relations.around(wanted[~shown]))])
    groups = [place for place in beside if place.characteristic != UNGROUPED]
    return sorted({*places, *(groups or beside)})


def _show(cells: Cells, counts: np.ndarray) -> np.ndarray:
    """Mark the rows that show or leave one of some counts."""
    return np.isin(cells.people, counts) | np.isin(cells.events, counts) | np.isin(cells.rest, counts)


def say_places(places: Iterable[Place]) -> str:
    """Name places in one phrase; of many, the first and how many more.

    Examples
    --------
    >>> say_places([Place("biopsy", "denovo", "provider", "all")])
    'biopsy (cohort denovo, level provider)'
    """
    places = list(places)
    more = f"; and {len(places) - MOST_SAID} more" if len(places) > MOST_SAID else ""
    return "; ".join(place.describe() for place in places[:MOST_SAID]) + more
