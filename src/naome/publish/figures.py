"""Static figures, one style: made from released tables, deterministic, no judgement in colour."""

from __future__ import annotations

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from naome.disclosure import HIDDEN, Released, shown_numbers
from naome.params import Params
from naome.publish.display import Figure, Source, Table, format_number
from naome.stats.funnel import binomial_limits

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
        From :func:`naome.publish.tables.tabulate_proportions`; only rows that are ok are drawn.
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


def draw_survival(curves: Released, at_risk: Released, years: list[float], *, alt: str) -> Figure:
    """Draw Kaplan-Meier curves with intervals and the numbers at risk below.

    Parameters
    ----------
    curves : Released
        ``group, years, survival, lower, upper``.
    at_risk : Released
        ``group`` and one column per time in `years`.
    years : list of float
    alt : str
    """
    groups = list(dict.fromkeys(curves.frame["group"]))
    if not groups:
        return draw_empty("Curves are not drawn: too few people, or hidden by disclosure control.", curves)
    use_style()
    figure, (axes, below) = plt.subplots(
        2, 1, figsize=(7.2, 4.2 + 0.22 * len(groups)), sharex=True, height_ratios=[10, 1 + 0.9 * len(groups)]
    )
    for colour, group in zip(_colours(len(groups)), groups, strict=True):
        rows = curves.where(group=group).frame
        axes.step(rows["years"], 100 * rows["survival"], where="post", color=colour, label=group)
        axes.fill_between(
            rows["years"], 100 * rows["lower"], 100 * rows["upper"], step="post", color=colour, alpha=0.15, linewidth=0
        )
    axes.set_ylim(0, 101)
    axes.set_ylabel("Alive, %")
    axes.grid(axis="y", alpha=0.25)
    if len(groups) > 1:
        axes.legend(loc="lower left")
    table = at_risk.frame.set_index("group").reindex(groups)
    for position, (group, counts) in enumerate(table.iterrows()):
        for year, count in zip(years, counts, strict=True):
            number = str(HIDDEN) if count is HIDDEN else format_number(int(count), "count")
            below.text(year, -position, number, ha="center", va="center", fontsize=8.5, color=INK)
        below.text(
            -0.07, -position, group, ha="right", va="center", fontsize=8.5, transform=below.get_yaxis_transform()
        )
    below.set_ylim(-len(groups) + 0.4, 0.6)
    below.set_yticks([])
    below.spines["left"].set_visible(False)
    below.set_title("At risk", fontsize=9)
    below.set_xticks(years)
    below.set_xlim(0, max(years) * 1.02)
    below.set_xlabel("Years from origin")
    return Figure(figure, alt, (curves, at_risk))


def draw_funnel(released: Released, *, target: float, tails: tuple[float, float], axis: str, alt: str) -> Figure:
    """Draw proportions of organisations against their denominators, with mid-P binomial limits.

    Parameters
    ----------
    released : Released
        Results of the organisations to draw.
    target : float
        National proportion, as released; NaN where there is none.
    tails : (float, float)
        One-sided tail probabilities of the two pairs of limits.
    axis : str
        Text of the vertical axis.
    alt : str
    """
    use_style()
    units = released.frame
    figure, axes = plt.subplots(figsize=(7.2, 4.4))
    largest = max(float(units["denominator"].max() if len(units) else 20), 20.0)
    sizes = np.unique(np.linspace(5, largest * 1.05, 200).astype(int))
    target = float(target)  # NaN where the item is not in the data
    if 0 < target < 1:
        for tail, line in zip(tails, ("--", "-"), strict=True):
            limits = binomial_limits(target, sizes, tail)
            name = f"{100 * (1 - 2 * tail):.3g}% limits"
            axes.plot(sizes, 100 * limits["lower"], line, color=INK, linewidth=0.9, label=name)
            axes.plot(sizes, 100 * limits["upper"], line, color=INK, linewidth=0.9)
    axes.axhline(100 * target, color=INK, linewidth=0.8)
    axes.plot(
        units["denominator"].astype(float), 100 * units["estimate"], "o", color=PALETTE[0], markersize=4.5, alpha=0.8
    )
    axes.set_xlim(0, largest * 1.05)
    top = 102.0
    if len(units) and target < 0.4:  # low proportions: spend the height on them
        top = min(102.0, 1.35 * 100 * max(float(units["estimate"].max()), 2 * target))
    axes.set_ylim(-0.02 * top, top)
    axes.set_xlabel("People in the organisation")
    axes.set_ylabel(axis)
    if units.empty:
        axes.text(0.5, 0.85, "no organisation to draw", transform=axes.transAxes, ha="center", color=INK)
    if 0 < target < 1:
        axes.legend(loc="upper right" if target < 0.4 else "lower right")
    return Figure(figure, alt, released)


def tails(params: Params) -> tuple[float, float]:
    """Return the run's one-sided tail probabilities of alert and alarm."""
    return params.outliers.alert_tail, params.outliers.alarm_tail


def draw_stacked(released: Released, *, by: str, of: str, axis: str, alt: str) -> Figure:
    """Draw shares stacked by category (Figure 1 of the report).

    Parameters
    ----------
    released : Released
        ``<by>, <of>, share``; ``share`` is a proportion, and one that is hidden is not drawn.
    by, of : str
        Columns: of the bars, and of their parts.
    axis : str
        Text of the vertical axis.
    alt : str
    """
    use_style()
    table = released.frame.assign(share=shown_numbers(released.frame["share"]).fillna(0.0))
    if not table["share"].any():
        return draw_empty("There is nothing to draw, or it is hidden by disclosure control.", released)
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


def _colours(n: int) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(n)]
