"""Funnel plots of organisations."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from naome.core.params import Params
from naome.release import Released
from naome.report.display import Figure
from naome.report.figures import INK, PALETTE, use_style
from naome.report.prose import say_count
from naome.stats.funnel import binomial_limits


def draw_funnel(released: Released, *, target: float, tails: tuple[float, float], axis: str, alt: str) -> Figure:
    """Draw proportions of organisations against their denominators, with mid-P limits.

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
    everyone = count_everyone(units, sizes)
    target = float(target)  # NaN where the item is not in the data
    if 0 < target < 1:
        for tail, line in zip(tails, ("--", "-"), strict=True):
            limits = binomial_limits(target, sizes, tail, everyone=everyone)
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
        axes.text(0.5, 0.85, "no organisation to plot", transform=axes.transAxes, ha="center", color=INK)
    if 0 < target < 1:
        axes.legend(loc="upper right" if target < 0.4 else "lower right")
    return Figure(figure, alt, released)


def count_everyone(units: pd.DataFrame, sizes: np.ndarray) -> int:
    """Return the people of all organisations together, at least as many as the largest size for which limits are drawn.

    Limits of a part of them are narrower: an organisation counts in the value with which it is compared.
    """
    return max(int(units["denominator"].sum()), int(np.max(sizes)) + 1)


def tails(params: Params) -> tuple[float, float]:
    """Return the run's one-sided tail probabilities of alert and alarm."""
    return params.outliers.alert_tail, params.outliers.alarm_tail


LEVEL_STYLES = {
    "within": ("o", PALETTE[0]),
    "alert": ("D", PALETTE[1]),
    "alarm": ("s", PALETTE[3]),
    "not_assessed": ("x", PALETTE[4]),
}


def draw_levels(axes: Axes, shown: pd.DataFrame) -> None:
    """Draw organisations against their denominators, each level with a shape and a colour of its own."""
    for level, (marker, colour) in LEVEL_STYLES.items():
        rows = shown[shown["level"] == level]
        if len(rows):
            place = (rows["denominator"].astype(float), 100 * rows["estimate"])
            axes.plot(*place, marker, color=colour, markersize=4.5, linestyle="", label=level.replace("_", " "))


def share_legend(figure: Drawing) -> None:
    """Put one legend of all panels under the figure."""
    found = [axes.get_legend_handles_labels() for axes in figure.axes]
    handles = {label: handle for each in found for handle, label in zip(*each, strict=True)}
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=3)


def drawable_units(released: Released, measure: str, cohort: str) -> Released:
    """Return the released organisations of a measure that may be drawn."""
    return released.where(measure=measure, cohort=cohort, level="provider", status="ok", group_by="all")


OUTSIDE = ("alert", "alarm")


# Organisations outside the limits without a result that may be shown
NOT_NAMED = "suppressed by disclosure control"


LEVELS_COUNTED = "Numbers of organisations, and national values of models that many events are needed for."


def say_levels(counts: pd.Series) -> str:
    """Say how many alarms and alerts there are."""
    return f"{say_count(int(counts.get('alarm', 0)), 'alarm')} and {say_count(int(counts.get('alert', 0)), 'alert')}"
