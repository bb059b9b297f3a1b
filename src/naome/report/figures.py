"""Static figures, one style: made from released tables, deterministic, no judgement in colour."""

from __future__ import annotations

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from naome.release import Released, shown_numbers
from naome.report.display import Figure, Source, Table

matplotlib.use("agg")


PALETTE = ["#1f4e79", "#b8571b", "#4f7d4a", "#7a5195", "#6b6b6b", "#a3912e"]


INK = "#333333"


def use_style() -> None:
    """Set the one figure style of the project."""
    sns.set_theme(
        context="notebook",
        style="ticks",
        palette=PALETTE,
        rc={
            "font.family": "DejaVu Sans",
            "font.size": 10,
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "figure.dpi": 100,
            "savefig.dpi": 150,
            "figure.constrained_layout.use": True,
            "svg.hashsalt": "naome",
        },
    )


def draw_empty(reason: str, made_from: Source) -> Figure:
    """Draw a figure that says why there is none."""
    use_style()
    figure, axes = plt.subplots(figsize=(7.2, 1.2))
    axes.text(0.5, 0.5, reason, ha="center", va="center", wrap=True, color=INK)
    axes.set_axis_off()
    return Figure(figure, reason, made_from)


def draw_intervals(table: Table, *, axis: str, alt: str) -> Figure:
    """Draw percentages with their intervals, one row each, in the order of a table of proportions.

    Parameters
    ----------
    table : Table
        From :func:`naome.report.proportions.tabulate_proportions`; only rows that are ok are drawn.
    axis : str
        Text under the axis.
    alt : str
    """
    use_style()
    rows = table.frame[table.frame["status"] == "ok"].reset_index(drop=True)
    figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.34 * len(rows)))
    positions = np.arange(len(rows))[::-1]
    axes.hlines(positions, 100 * rows["Lower"], 100 * rows["Upper"], color=PALETTE[0], linewidth=2)
    axes.plot(100 * rows["Percent"], positions, "o", color=PALETTE[0], markersize=5)
    axes.set_yticks(positions, rows[table.columns[0]])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlabel(axis)
    axes.grid(axis="x", alpha=0.25)
    return Figure(figure, alt, table.made_from)


def draw_stacked(released: Released, *, by: str, of: str, axis: str, alt: str) -> Figure:
    """Draw shares stacked by category (Figure 1 of the report).

    Parameters
    ----------
    released : Released
        ``<by>, <of>, share``; ``share`` is a proportion, and one that is suppressed is not drawn.
    by, of : str
        Columns: of the bars, and of their parts.
    axis : str
        Text of the vertical axis.
    alt : str
    """
    use_style()
    table = released.frame.assign(share=shown_numbers(released.frame["share"]).fillna(0.0))
    if not table["share"].any():
        return draw_empty("There is nothing to draw, or it is suppressed by disclosure control.", released)
    wide = table.pivot(index=by, columns=of, values="share")[list(dict.fromkeys(table[of]))]
    figure, axes = plt.subplots(figsize=(7.2, 4.2))
    bottom = np.zeros(len(wide))
    shades = ["#9cbcd9", "#1f4e79", "#5c88b3", "#b8571b", "#e0b48f"]
    for colour, name in zip(shades, wide.columns, strict=False):
        axes.bar(wide.index.astype(str), 100 * wide[name], bottom=bottom, color=colour, label=name, width=0.75)
        bottom += 100 * wide[name].to_numpy()
    axes.set_ylabel(axis)
    axes.set_xlabel(by.replace("_", " ").capitalize())
    axes.set_ylim(0, bottom.max() * 1.35)
    axes.legend(loc="upper right", fontsize=8)
    return Figure(figure, alt, released)
