"""Figures and tables of quarterly XmR charts."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from naome.measures.quarterly import MINIMUM_QUARTERS, RULES
from naome.publish.figures import INK, PALETTE, use_style

#: The rules in a word or two, for a column of a table.
SHORT = {
    "outside_limits": "beyond a limit",
    "run": "on one side",
    "trend": "one direction",
    "two_of_three": "near a limit",
}
QUARTER_FORMATS = dict.fromkeys(("First", "Latest", "Mean", "Lower limit", "Upper limit"), "percent1")
CHART_FORMATS = {"Percent": "percent1", "Mean": "percent1", "Lower limit": "percent1", "Upper limit": "percent1"}


def draw_xmr(charts: pd.DataFrame, measures: list[str]) -> Figure:
    """Draw XmR charts below each other: values, mean, process limits, special-cause points marked by shape and colour.

    Parameters
    ----------
    charts : DataFrame
        From :func:`naome.measures.quarterly.measure_quarters`.
    measures : list of str
        Which ones, in order; the number of people is drawn as a number and everything else in per cent.
    """
    use_style()
    figure, panels = plt.subplots(
        len(measures), 1, figsize=(7.2, 2.3 * len(measures) + 0.4), sharex=True, squeeze=False
    )
    for axes, measure in zip(panels[:, 0], measures, strict=True):
        rows = charts[charts["measure"] == measure].reset_index(drop=True)
        scale = 1 if measure == "cohort_size" else 100
        x = np.arange(len(rows))
        axes.plot(x, scale * rows["estimate"], "-o", color=PALETTE[0], markersize=4.5, linewidth=1.2)
        axes.axhline(scale * rows["centre"].iloc[0], color=INK, linewidth=0.9)
        for side in ("limit_lower", "limit_upper"):
            axes.axhline(scale * rows[side].iloc[0], color=INK, linewidth=0.9, linestyle="--")
        special = rows["special_cause"].to_numpy(dtype=bool)
        axes.plot(x[special], scale * rows.loc[special, "estimate"], "D", color=PALETTE[1], markersize=6.5)
        axes.set_title(rows["title"].iloc[0] + ("" if scale == 1 else ", % recorded"))
        axes.set_xticks(x, rows["quarter"], rotation=90)
    return figure


def tabulate_charts(charts: pd.DataFrame) -> pd.DataFrame:
    """Lay out every completeness chart in a row: first and latest quarter, mean, limits, what it says."""
    rows = []
    for _, chart in charts[charts["measure"] != "cohort_size"].groupby("measure", sort=False):
        rows.append(
            {
                "Data item": chart["title"].iloc[0],
                "First": chart["estimate"].iloc[0],
                "Latest": chart["estimate"].iloc[-1],
                "Mean": chart["centre"].iloc[0],
                "Lower limit": chart["limit_lower"].iloc[0],
                "Upper limit": chart["limit_upper"].iloc[0],
                "Variation": _name_variation(chart),
            }
        )
    return pd.DataFrame(rows)


def tabulate_quarters(charts: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Lay out one completeness chart by quarter (formats in ``CHART_FORMATS``)."""
    rows = charts[charts["measure"] == measure]
    return pd.DataFrame(
        {
            "Quarter": rows["quarter"].to_numpy(),
            "People": rows["denominator"].to_numpy(dtype=int),
            "Percent": rows["estimate"].to_numpy(),
            "Mean": rows["centre"].to_numpy(),
            "Lower limit": rows["limit_lower"].to_numpy(),
            "Upper limit": rows["limit_upper"].to_numpy(),
            "Rules broken": [text or "none" for text in rows["rules"]],
        }
    )


def _name_variation(chart: pd.DataFrame) -> str:
    if len(chart) < MINIMUM_QUARTERS:
        return "too few quarters"
    broken = [SHORT[name] for name, text in RULES.items() if chart["rules"].str.contains(text, regex=False).any()]
    return f"special: {', '.join(broken)}" if broken else "common cause"
