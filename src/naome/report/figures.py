"""Static figures, one style: made from released tables, deterministic, no judgement in colour."""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from naome.release import Released, shown_numbers
from naome.report.axes import End, begin_at_zero, label_ends, use_whole_ticks
from naome.report.display import Figure, MadeFrom, Table, format_number
from naome.report.prose import lower_first

matplotlib.use("agg")


PALETTE = ["#1f4e79", "#b8571b", "#4f7d4a", "#7a5195", "#6b6b6b", "#7f701f"]


INK = "#333333"


#: Parts of a stacked bar, from below
SHADES = ["#9cbcd9", "#1f4e79", "#5c88b3", "#b8571b", "#e0b48f"]


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


def draw_empty(reason: str, made_from: MadeFrom) -> Figure:
    """Draw a figure that says why there is none."""
    use_style()
    figure, axes = plt.subplots(figsize=(7.2, 1.2))
    axes.text(0.5, 0.5, reason, ha="center", va="center", wrap=True, color=INK)
    axes.set_axis_off()
    return Figure(figure, reason, made_from)


def say_estimates(names: Iterable[object], estimates: Iterable[float], kind: str = "percent0") -> str:
    """Say what a figure shows of each name, for its text alternative.

    Examples
    --------
    >>> say_estimates(["Tumour grade", "HER2 status"], [0.882, 0.7331])
    'Tumour grade 88%; HER2 status 73%'
    """
    return "; ".join(f"{name} {format_number(one, kind)}" for name, one in zip(names, estimates, strict=True))


def draw_intervals(table: Table, *, axis: str, alt: str) -> Figure:
    """Draw percentages with their intervals, one row each, in the order of a table of proportions.

    Parameters
    ----------
    table : Table
        From :func:`naome.report.proportions.tabulate_proportions`; only rows that are ok are drawn.
    axis : str
        Text under the axis.
    alt : str
        How the text alternative begins; the percentages are added.
    """
    use_style()
    rows = table.frame[table.frame["status"] == "ok"].reset_index(drop=True)
    figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.34 * len(rows)))
    positions = np.arange(len(rows))[::-1]
    axes.hlines(positions, 100 * rows["Lower"], 100 * rows["Upper"], color=PALETTE[0], linewidth=2)
    axes.plot(100 * rows["Percent"], positions, "o", color=PALETTE[0], markersize=5)
    axes.set_yticks(positions, rows[table.columns[0]])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    begin_at_zero(axes, side="x")
    axes.set_xlabel(axis)
    axes.grid(axis="x", alpha=0.25)
    said = say_estimates(rows[table.columns[0]], rows["Percent"])
    return Figure(figure, f"{alt}: {said}.", table.made_from)


def draw_stacked(released: Released, *, by: str, of: str, axis: str, alt: str) -> Figure:
    """Draw shares stacked by category (Figure 1 of the report), each named beside the last bar.

    Parameters
    ----------
    released : Released
        ``<by>, <of>, share``; ``share`` is a proportion, and a bar of which one is suppressed is not drawn but marked.
    by, of : str
        Columns: of the bars, and of their parts.
    axis : str
        Text of the vertical axis.
    alt : str
        How the text alternative begins; the heights of the bars are added.
    """
    use_style()
    table = released.frame.assign(share=shown_numbers(released.frame["share"]))
    wide = 100 * table.pivot(index=by, columns=of, values="share")[list(dict.fromkeys(table[of]))].astype(float)
    drawn = np.flatnonzero(wide.notna().all(axis=1))
    if not len(drawn):
        return draw_empty("There is nothing to draw, or it is suppressed by disclosure control.", released)
    figure, axes = plt.subplots(figsize=(7.2, 3.8))
    tops = wide.iloc[drawn].cumsum(axis=1)
    ends = []
    for colour, name in zip(SHADES, wide.columns, strict=False):
        part, bottom = wide[name].iloc[drawn], tops[name] - wide[name].iloc[drawn]
        axes.bar(drawn, part, bottom=bottom, color=colour, label=name, width=0.75)
        ends.append(End(drawn[-1] + 0.375, bottom.iloc[-1] + part.iloc[-1] / 2, name, INK))
    names = [f"{name}{'' if place in drawn else ' suppressed'}" for place, name in enumerate(wide.index)]
    axes.set_xticks(range(len(wide)), names, rotation=0 if len(drawn) == len(wide) else 90)
    axes.set_xlim(-0.6, len(wide) - 0.4)
    axes.set_ylabel(axis)
    axes.set_xlabel(by.replace("_", " ").capitalize())
    axes.set_ylim(0, float(tops.max().max()) * 1.05)
    use_whole_ticks(axes, "y")
    if not label_ends(axes, ends, beside=False):
        axes.legend(*(each[::-1] for each in axes.get_legend_handles_labels()), loc="upper right", fontsize=8)
    whole = say_estimates(wide.index[drawn], tops.iloc[:, -1] / 100, "percent1")
    parts = say_estimates(map(lower_first, wide.columns), wide.iloc[drawn[0]] / 100, "percent1")
    alt = f"{alt}. Height of the bars: {whole}. Parts of {wide.index[drawn[0]]}, from below: {parts}."
    return Figure(figure, alt, released)
