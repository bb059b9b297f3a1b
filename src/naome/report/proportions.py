"""Tables of proportions, which several pages show: indicators, and one indicator by groups."""

from __future__ import annotations

import pandas as pd

from naome.core.results import NATIONAL_LEVELS
from naome.measures.indicators import MISSING
from naome.measures.specification import Specification
from naome.release import Released
from naome.report.display import Table
from naome.report.labels import AGE_ORDER, COHORT_NAMES, name_value

LIMITS = {"Percent": "percent1", "Lower": "percent1", "Upper": "percent1"}


PERCENT = {"Denominator": "count", "Numerator": "count", **LIMITS}


NOTHING = pd.DataFrame({"Indicator": ["none can be derived from these data"]})


def tabulate_proportions(rows: pd.DataFrame, labels: pd.Series, heading: str, released: Released) -> Table:
    """Lay out released proportions; of too few people neither the percentage nor the counts are there.

    Parameters
    ----------
    rows : DataFrame
        Rows of `released` in the order wanted.
    labels : Series
        Text of the first column.
    heading : str
        Heading of the first column.
    released : Released
    """
    few = rows["status"] == "too_few"
    frame = pd.DataFrame(
        {
            heading: list(labels),
            "Denominator": rows["denominator"].to_numpy(),
            "Numerator": rows["numerator"].to_numpy(),
            "Percent": rows["estimate"].mask(few).to_numpy(),
            "Lower": rows["lower"].mask(few).to_numpy(),
            "Upper": rows["upper"].mask(few).to_numpy(),
            "status": rows["status"].to_numpy(),
            "reason": rows["reason"].to_numpy(),
        }
    )
    return Table(frame, released, PERCENT)


def tabulate_indicators(released: Released, specification: Specification, kind: str) -> Table:
    """Lay out the value for the whole nation, or for all nations pooled, of every indicator of a kind by cohort."""
    rows = released.where(level=NATIONAL_LEVELS, group_by="all").frame
    order = {i.id: n for n, i in enumerate(specification.indicators) if i.kind == kind}
    rows = rows[rows["measure"].isin(list(order))]
    rows = rows.sort_values(["measure", "cohort"], key=lambda c: c.map(order) if c.name == "measure" else c)
    titles = [
        f"{specification[m].title} ({COHORT_NAMES[c].lower()})"
        for m, c in zip(rows["measure"], rows["cohort"], strict=True)
    ]
    return tabulate_proportions(rows, pd.Series(titles, dtype=object), "Indicator", released)


def tabulate_group(released: Released, measure: str, group_by: str, heading: str, cohort: str) -> Table:
    """Lay out one measure by one characteristic, ages in order and *not recorded* last."""
    one = released.where(measure=measure, cohort=cohort, level="nation")
    rows = one.where(group_by=group_by).frame
    if rows.empty:  # not derivable: one row says so for all groups
        rows = one.where(group_by="all").frame
    rank = {name: n for n, name in enumerate(AGE_ORDER)}
    key = [(label == MISSING, rank.get(label.split(" / ")[0], 99), label) for label in rows["group"]]
    rows = rows.iloc[sorted(range(len(rows)), key=key.__getitem__)]
    return tabulate_proportions(rows, rows["group"].map(name_value), heading, released)
