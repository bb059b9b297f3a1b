"""Tables of gaps, trends and treatment with death competing."""

from __future__ import annotations

import pandas as pd

from naome.measures.inequalities import read_gap
from naome.measures.landmark import list_landmarked
from naome.measures.specification import Specification
from naome.publish.organisations import title_of

POINTS = ("Crude, points", "Standardised, points", "Lower", "Upper")
GAP_FORMATS = {"People": "int", **dict.fromkeys(POINTS, "decimal1")}
TREND_FORMATS = {
    "First year": "percent1",
    "Last year": "percent1",
    "Odds ratio per year": "decimal2",
    "Lower": "decimal2",
    "Upper": "decimal2",
    "p": "pvalue",
}
LANDMARK_FORMATS = {"People": "int", "Of these": "int", "Percent": "percent1", "Lower": "percent1", "Upper": "percent1"}
WAYS = {
    "landmark": "treated, of those alive at 30 days (the audit's)",
    "no_landmark": "treated, early deaths counted as not treated",
    "incidence": "treated, cumulative incidence with death competing",
    "died_untreated": "died before treatment, cumulative incidence",
}


def tabulate_gaps(released: pd.DataFrame, specification: Specification, group_by: str, kind: str) -> pd.DataFrame:
    """Lay out crude and age-standardised gaps in percentage points, with what they can say (``GAP_FORMATS``).

    Parameters
    ----------
    released : DataFrame
        Released results of :func:`naome.measures.inequalities.measure_gaps`.
    specification : Specification
    group_by : {"deprivation", "ethnic_group"}
    kind : {"performance", "data_quality", "contextual"}

    Returns
    -------
    DataFrame
        The interval and the reading are those of the standardised gap.
    """
    rows = released[released["group_by"] == group_by]
    key = ["cohort", "group"]
    pieces = []
    for indicator in specification.indicators:
        if indicator.kind != kind:
            continue
        crude = rows[rows["measure"] == f"{indicator.id}_gap"].set_index(key)["estimate"]
        for row in rows[rows["measure"] == f"{indicator.id}_gap_standardised"].to_dict("records"):
            pieces.append(
                {
                    "Indicator": title_of(specification, indicator.id, row["cohort"]),
                    "Compared": row["group"],
                    "People": row["denominator"],
                    "Crude, points": 100 * crude.get((row["cohort"], row["group"]), float("nan")),
                    "Standardised, points": 100 * row["estimate"],
                    "Lower": 100 * row["lower"],
                    "Upper": 100 * row["upper"],
                    "Reading": read_gap(row),
                    "status": row["status"],
                    "reason": row["reason"],
                }
            )
    return pd.DataFrame(pieces).astype({"People": "Int64"})


def tabulate_trends(trends: pd.DataFrame, specification: Specification, kind: str) -> pd.DataFrame:
    """Lay out trends over years (formats in ``TREND_FORMATS``)."""
    kinds = {indicator.id: indicator.kind for indicator in specification.indicators}
    t = trends[trends["measure"].map(kinds) == kind]
    return pd.DataFrame(
        {
            "Indicator": [title_of(specification, m, c) for m, c in zip(t["measure"], t["cohort"], strict=True)],
            "First year": t["first"].to_numpy(),
            "Last year": t["last"].to_numpy(),
            "Odds ratio per year": t["odds_ratio"].to_numpy(),
            "Lower": t["lower"].to_numpy(),
            "Upper": t["upper"].to_numpy(),
            "p": t["p_value"].to_numpy(),
            "Caution": t["caution"].to_numpy(),
            "status": t["status"].to_numpy(),
            "reason": t["reason"].to_numpy(),
        }
    )


def tabulate_landmarks(released: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Lay out the ways to count treatment when people may die first (formats in ``LANDMARK_FORMATS``)."""
    pieces = []
    for indicator in list_landmarked(specification):
        for way, words in WAYS.items():
            rows = released[released["measure"] == f"{indicator.id}_{way}"]
            pieces.append(
                pd.DataFrame(
                    {
                        "Indicator": [title_of(specification, indicator.id, c) for c in rows["cohort"]],
                        "Counted": words,
                        "People": rows["denominator"].to_numpy(),
                        "Of these": rows["numerator"].to_numpy(),
                        "Percent": rows["estimate"].to_numpy(),
                        "Lower": rows["lower"].to_numpy(),
                        "Upper": rows["upper"].to_numpy(),
                        "status": rows["status"].to_numpy(),
                        "reason": rows["reason"].to_numpy(),
                    }
                )
            )
    return pd.concat(pieces, ignore_index=True)
