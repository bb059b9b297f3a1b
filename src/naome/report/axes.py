"""What the axes of all figures have in common: direct labels, scales of percentages, whole numbers, labels that fit."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import MaxNLocator
from scipy.optimize import isotonic_regression

#: Styles of lines, so that colour is never the only difference
LINE_STYLES = ("-", (0, (5, 1.5)), (0, (7, 1.5, 1.5, 1.5)), (0, (1.5, 1.2)), (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2)))
#: Shapes of points, likewise
MARKERS = "os^Dv"
#: Size of labels at lines, in points; height of a line of text as a multiple of it
LABEL_SIZE, LINE_HEIGHT = 9.0, 1.35
#: Room below zero on an axis that begins there, of its height, so that a point at zero is whole
BELOW_ZERO = 0.02
#: A percentage above this is drawn on the whole scale from 0 to 100
LOW_PERCENTAGES = 60.0


@dataclass(frozen=True)
class End:
    """Where a line ends, and what is written there.

    Attributes
    ----------
    x, y : float
        In units of the axes.
    text : str
    colour : str
    """

    x: float
    y: float
    text: str
    colour: str


def spread_labels(wanted: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float] | None:
    """Move labels apart as little as possible, in their order, so that none overlap and all are between two limits.

    Parameters
    ----------
    wanted : sequence of float
        Middle of each label, where it would be alone.
    heights : sequence of float
        Of the labels.
    low, high : float

    Returns
    -------
    list of float
        Middle of each label (least squares of the shifts); None where there is no room for all.

    Examples
    --------
    >>> spread_labels([1.0, 5.0, 5.0], [2.0, 2.0, 2.0], 0.0, 10.0)
    [1.0, 4.0, 6.0]
    >>> spread_labels([1.0, 5.0], [6.0, 6.0], 0.0, 10.0) is None
    True
    """
    if not len(wanted):
        return []
    if sum(heights) > high - low:
        return None
    order = np.argsort(wanted, kind="stable")
    tall = np.asarray(heights, dtype=float)[order]
    stacked = np.concatenate([[0.0], np.cumsum((tall[1:] + tall[:-1]) / 2)])
    free = isotonic_regression(np.asarray(wanted, dtype=float)[order] - stacked).x
    placed = np.clip(free, low + tall[0] / 2, high - tall[-1] / 2 - stacked[-1]) + stacked
    out = np.empty(len(order))
    out[order] = placed
    return out.tolist()


def label_ends(axes: Axes, ends: Sequence[End], *, beside: bool = True) -> bool:
    """Write the name of each line where it ends, to the right, moved up or down so that names do not overlap.

    Limits and size of the axes must be final.

    Parameters
    ----------
    axes : Axes
    ends : sequence of End
    beside : bool
        To the right of the axes; otherwise to the right of the last end.

    Returns
    -------
    bool
        Whether there was room; if not, nothing is written, and the figure needs a legend.
    """
    figure = axes.figure.get_figure(root=True)
    figure.draw_without_rendering()
    frame, dots = axes.get_window_extent(), figure.dpi / 72
    places = axes.transData.transform([(end.x, end.y) for end in ends]).reshape(-1, 2)
    heights = [LABEL_SIZE * LINE_HEIGHT * dots * (1 + end.text.count("\n")) for end in ends]
    middles = spread_labels(places[:, 1], heights, frame.y0, frame.y1)
    if middles is None:
        return False
    right = 1.0 if beside else float((places[:, 0].max() - frame.x0) / frame.width)
    for end, middle in zip(ends, middles, strict=True):
        axes.annotate(
            end.text,
            xy=(end.x, end.y),
            xytext=(right + 0.03, (middle - frame.y0) / frame.height),
            textcoords="axes fraction",
            ha="left",
            va="center",
            fontsize=LABEL_SIZE,
            color=end.colour,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": end.colour,
                "linewidth": 0.7,
                "alpha": 0.7,
                "shrinkA": 2,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )
    return True


def legend_above(axes: Axes, columns: int) -> None:
    """Put a legend over the axes, where it covers nothing: for points, which have no end to be labelled at."""
    axes.legend(ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def share_legend(figure: Drawing) -> None:
    """Put one legend of all panels under the figure."""
    found = [axes.get_legend_handles_labels() for axes in figure.axes]
    handles = {label: handle for each in found for handle, label in zip(*each, strict=True)}
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=3)


def find_top(highest: float) -> float:
    """Return where an axis of percentages ends: at 100, or, where all are low, at the next multiple of five.

    Examples
    --------
    >>> find_top(61.0), find_top(22.6), find_top(0.0)
    (100.0, 25.0, 5.0)
    """
    if highest > LOW_PERCENTAGES or not math.isfinite(highest):
        return 100.0
    return max(5.0, 5.0 * math.ceil(highest / 5))


def begin_at_zero(axes: Axes, top: float = 100.0, *, side: str = "y") -> None:
    """Draw an axis from zero, in whole numbers.

    Parameters
    ----------
    axes : Axes
    top : float
    side : {"x", "y"}
    """
    room = BELOW_ZERO * top
    (axes.set_ylim if side == "y" else axes.set_xlim)(-room, top + (room if top == 100 else 0))
    use_whole_ticks(axes, side)


def use_whole_ticks(axes: Axes, side: str) -> None:
    """Put marks at whole numbers only."""
    (axes.yaxis if side == "y" else axes.xaxis).set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))


def share_span(panels: Sequence[Axes]) -> None:
    """Give axes of percentages the same span, each around what it shows: a change looks equally large on all.

    Parameters
    ----------
    panels : sequence of Axes
        None is moved beyond 100 for it, or below zero.
    """
    limits = [axes.get_ylim() for axes in panels]
    span = max((high - low for low, high in limits), default=0.0)
    for axes, (low, high) in zip(panels, limits, strict=True):
        start = min((low + high - span) / 2, max(100.0, high) - span)
        start = max(start, min(0.0, low))
        axes.set_ylim(start, start + span)


def limit_years(years: Sequence[float], followed: Sequence[bool], curves_end: float) -> tuple[list[float], float]:
    """Return at which times numbers at risk are given, and where the axis of time ends.

    Parameters
    ----------
    years : sequence of float
        Times at which numbers at risk are known, ascending.
    followed : sequence of bool
        Whether anyone is followed so long.
    curves_end : float
        Where the last curve ends.

    Returns
    -------
    list of float, float

    Examples
    --------
    >>> limit_years([0.0, 1.0, 2.0, 3.0], [True, True, True, False], 2.4)
    ([0.0, 1.0, 2.0], 2.4)
    >>> limit_years([0.0, 1.0], [True, True], 9.0)
    ([0.0, 1.0], 1.0)
    """
    kept = [year for year, anyone in zip(years, followed, strict=True) if anyone]
    return kept, max([*kept, min(curves_end, max(years))])


def fit_labels(figure: Drawing) -> None:
    """Break the label of an axis that is longer than the axis into lines."""
    long = [axis for axes in figure.axes if axes.axison for axis in (axes.xaxis, axes.yaxis) if axis.get_label_text()]
    if not long:
        return
    figure.draw_without_rendering()
    for axis in long:
        length, room = (
            getattr(box, "width" if axis.axis_name == "x" else "height")
            for box in (axis.label.get_window_extent(), axis.axes.get_window_extent())
        )
        if length > room:
            text = " ".join(axis.get_label_text().split())
            axis.set_label_text("\n".join(_break_evenly(text, int(0.95 * len(text) * room / length))))


def _break_evenly(text: str, longest: int) -> list[str]:
    """Break a text into as few lines as fit, of about the same length."""
    lines = textwrap.wrap(text, max(longest, 10))
    widths = range(len(text) // len(lines), longest + 1)
    return next((even for width in widths if len(even := textwrap.wrap(text, width)) <= len(lines)), lines)
