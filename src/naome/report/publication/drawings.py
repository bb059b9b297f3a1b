"""Figures of the report, drawn from released results; what is suppressed is not drawn and is marked as such."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.patheffects import withStroke

from naome.report.axes import MARKERS, begin_at_zero, legend_above
from naome.report.display import format_number
from naome.report.figures import INK, PALETTE, use_style
from naome.report.labels import SUBTYPES
from naome.report.publication.audits import Population, Row, is_ok
from naome.report.publication.report_page import STATUS_TEXT

#: What a letter in place of a bar means
NOT_DRAWN = "s: suppressed, or too few people"
PLOTTED_AGES = ["18-49", "50-69", "70-79", "80+"]
AGE_COLOURS = ["#9cbcd9", "#5c88b3", "#1f4e79", "#0b2440"]


def draw_age_by_subtype(population: Population, measure: str, cohort: str) -> tuple[Drawing, str] | None:
    """Draw a proportion of women by age within receptor subgroup, with 95% intervals (Figures 2 and 3 of the report).

    Returns
    -------
    Figure, str
        With a text alternative that gives the values; None where no group is shown.
    """
    found = {
        (subtype, age): population.find(measure, cohort, "age_by_subtype_women", f"{age} / {subtype}")
        for subtype in SUBTYPES
        for age in PLOTTED_AGES
    }
    if not any(is_ok(row) for row in found.values()):
        return None
    use_style()
    drawing, axes = plt.subplots(figsize=(7.2, 3.6))
    width = 0.2
    for n, (age, colour) in enumerate(zip(PLOTTED_AGES, AGE_COLOURS, strict=True)):
        for at, subtype in enumerate(SUBTYPES):
            row, place = found[subtype, age], at + (n - 1.5) * width
            if is_ok(row):
                axes.bar(place, 100 * row["estimate"], width * 0.92, color=colour)
                limits = axes.vlines(place, 100 * row["lower"], 100 * row["upper"], color=INK, linewidth=0.9)
                limits.set_path_effects([withStroke(linewidth=2.4, foreground="white")])  # on dark bars too
            else:
                axes.text(place, 1, "s", ha="center", va="bottom", fontsize=8, color=INK)
        axes.bar(0, 0, color=colour, label=f"{age} years")
    axes.set_xticks(range(len(SUBTYPES)), list(SUBTYPES.values()))
    axes.set_ylim(0, 100)
    axes.set_ylabel("Percent of women")
    legend_above(axes, len(PLOTTED_AGES))
    values = [f"{SUBTYPES[subtype]}, {age}: {_say(row)}" for (subtype, age), row in found.items()]
    return drawing, f"Bars by receptor subgroup and age, {population.name}. {'; '.join(values)}."


def _say(row: Row | None) -> str:
    """Say a proportion, or why there is none."""
    if row is None:
        return "no result"
    return format_number(row["estimate"], "percent0") if is_ok(row) else STATUS_TEXT[row["status"]]


def draw_groups(
    populations: Sequence[Population], lines: Sequence[tuple[str, tuple[str, str, str, str]]], axis: str
) -> tuple[Drawing, str] | None:
    """Draw proportions with 95% intervals by group, a colour per population.

    Parameters
    ----------
    populations : sequence of Population
        At most three.
    lines : sequence of (title, key)
        One line of the figure each, from above.
    axis : str
        Text under the axis.

    Returns
    -------
    Figure, str
        With a text alternative that gives the values; None where nothing is shown.
    """
    kept = [(title, key) for title, key in lines if any(is_ok(p.find(*key)) for p in populations)]
    if not kept:
        return None
    use_style()
    drawing, axes = plt.subplots(figsize=(7.2, 0.9 + 0.3 * len(kept)))
    said: list[str] = []
    for n, population in enumerate(populations):
        shift = (n - (len(populations) - 1) / 2) * 0.26
        for at, (title, key) in enumerate(kept):
            row = population.find(*key)
            if row is None or not is_ok(row):
                continue
            y = len(kept) - at - shift
            axes.hlines(y, 100 * row["lower"], 100 * row["upper"], color=PALETTE[n], linewidth=1.8)
            axes.plot(100 * row["estimate"], y, MARKERS[n], color=PALETTE[n], markersize=4.5)
            said.append(f"{population.name}, {title}: {format_number(row['estimate'], 'percent0')}")
        axes.plot([], [], MARKERS[n], color=PALETTE[n], label=population.name)
    axes.set_yticks(np.arange(len(kept), 0, -1), [title for title, _ in kept])
    axes.set_ylim(0.4, len(kept) + 0.6)
    begin_at_zero(axes, side="x")
    axes.set_xlabel(axis)
    axes.grid(axis="x", alpha=0.25)
    if len(populations) > 1:
        legend_above(axes, len(populations))
    return drawing, f"Percentages with 95% intervals. {'; '.join(said)}."
