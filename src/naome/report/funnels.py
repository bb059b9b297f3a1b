"""Funnel plots of organisations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from naome.core.params import Params
from naome.measures.casemix.outliers import NEAR_LIMIT, find_near_limits
from naome.release import Released
from naome.report.axes import End, begin_at_zero, find_top, label_ends
from naome.report.display import Figure, format_number
from naome.report.figures import INK, PALETTE, use_style
from naome.report.prose import say_count, say_list
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
        How the text alternative begins; what is plotted is added.
    """
    use_style()
    units = released.frame
    figure, axes = plt.subplots(figsize=(7.2, 4.4))
    largest = find_largest([units], 20)
    sizes = np.unique(np.linspace(5, largest, 200).astype(int))
    everyone = count_everyone(units, sizes)
    target = float(target)  # NaN where the item is not in the data
    ends = []
    if 0 < target < 1:
        for tail, line in zip(tails, ("--", "-"), strict=True):
            limits = 100 * binomial_limits(target, sizes, tail, everyone=everyone)
            axes.plot(sizes, limits["upper"], line, color=INK, linewidth=0.9)
            axes.plot(sizes, limits["lower"], line, color=INK, linewidth=0.9)
            ends.append(End(sizes[-1], limits["upper"].iloc[-1], f"{100 * (1 - 2 * tail):.3g}% limits", INK))
        ends.append(End(largest, 100 * target, "national", INK))
    axes.axhline(100 * target, color=INK, linewidth=0.8)
    axes.plot(
        units["denominator"].astype(float), 100 * units["estimate"], "o", color=PALETTE[0], markersize=4.5, alpha=0.8
    )
    axes.set_xlim(0, largest)
    begin_at_zero(axes, find_funnel_top([(target, units)]))
    axes.set_xlabel("People in the organisation")
    axes.set_ylabel(axis)
    if units.empty:
        axes.text(0.5, 0.85, "no organisation to plot", transform=axes.transAxes, ha="center", color=INK)
    label_ends(axes, [end for end in ends if end.y <= axes.get_ylim()[1]])
    return Figure(figure, f"{alt}. {say_units(units, target)}.", released)


def say_units(units: pd.DataFrame, target: float, *, assessed: bool = False) -> str:
    """Say how many organisations a funnel plot shows, of which values, and the national value.

    Parameters
    ----------
    units : DataFrame
        ``denominator, estimate``.
    target : float
        National proportion; NaN where there is none.
    assessed : bool
        Whether ``level`` is that of the assessment, which is said then.
    """
    said = [] if np.isnan(target) else [f"National value {format_number(target, 'percent0')}"]
    said.append(say_count(len(units), "organisation"))
    if len(units):
        values, people = units["estimate"].astype(float), units["denominator"].astype(float)
        lowest, highest = (format_number(value, "percent0") for value in (values.min(), values.max()))
        fewest, most = (format_number(value, "count") for value in (people.min(), people.max()))
        said.append(f"from {lowest} to {highest}, of {fewest} to {most} people")
    if len(units) and assessed:
        said.append(say_levels(units["level"].value_counts()))
    return ", ".join(said)


def find_largest(each: Iterable[pd.DataFrame], least: float) -> float:
    """Return where the axis of people ends: beyond the largest organisation of all panels."""
    sizes = [float(units["denominator"].max()) for units in each if len(units)]
    return 1.05 * max([*sizes, least])


def find_funnel_top(panels: Sequence[tuple[float, pd.DataFrame]]) -> float:
    """Return where the axis of percentages ends for panels of the same indicator: national values and organisations."""
    values = [200 * target for target, _ in panels] + [
        100 * float(units["estimate"].max()) for _, units in panels if len(units)
    ]
    return find_top(1.15 * max(values))


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


def drawable_units(released: Released, measure: str, cohort: str) -> Released:
    """Return the released organisations of a measure that may be drawn."""
    return released.where(measure=measure, cohort=cohort, level="provider", status="ok", group_by="all")


OUTSIDE_LIMITS = ("alert", "alarm")


# Organisations outside the limits without a result that may be shown
NOT_NAMED = "suppressed by disclosure control"


LEVELS_COUNTED = "Numbers of organisations, and national values of models that many events are needed for."


def say_near_limits(tables: Mapping[str, pd.DataFrame], params: Params) -> str:
    """Say how many outlier statuses other random draws of the imputation could change; nothing where none could.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        When organisations are compared, in words (`` at 3 years``; empty where it is said before) -> assessed
        organisations.
    params : Params
    """
    near = {when: int(find_near_limits(table, params).sum()) for when, table in tables.items()}
    named = say_list([f"{say_count(number, 'organisation')}{when}" for when, number in near.items() if number])
    if not any(near.values()):
        return ""
    return (
        f"Imputation draws at random: {named} {'is' if sum(near.values()) == 1 else 'are'} within "
        f"{say_count(NEAR_LIMIT, 'Monte Carlo standard error')} of a limit, where other draws could change the outlier "
        "status."
    )


def say_published(params: Params) -> str:
    """Say, behind a number expected by chance, that it is of levels as they are published; nothing where all are."""
    return "" if params.disclosure.policy == "none" else " after rounding and suppression"


def say_expected(alerts: float, alarms: float, params: Params) -> str:
    """Say how many alarms and alerts would be expected by chance alone, of levels as they are published.

    Parameters
    ----------
    alerts, alarms : float
        Expected organisations beyond the alert limits, and of these beyond the alarm limits.
    params : Params
    """
    numbers = [say_small(value) for value in (alarms, alerts - alarms)]
    return f"by chance alone, {numbers[0]} alarms and {numbers[1]} alerts would be expected{say_published(params)}"


def say_small(value: float) -> str:
    """Say an expected number with one decimal place; one that would be rounded to 0 is below 0.1.

    Examples
    --------
    >>> say_small(0.04), say_small(1.44), say_small(0.0)
    ('fewer than 0.1', '1.4', 'no')
    """
    if value == 0:
        return "no"
    return "fewer than 0.1" if value < 0.1 else f"{value:.1f}"


def say_levels(counts: pd.Series) -> str:
    """Say how many alarms and alerts there are."""
    return f"{say_count(int(counts.get('alarm', 0)), 'alarm')} and {say_count(int(counts.get('alert', 0)), 'alert')}"
