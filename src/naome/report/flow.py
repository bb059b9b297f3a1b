"""The flow diagram of the cohorts, drawn from the attrition table and from nothing else."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import pairwise

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from naome.core.params import Params
from naome.release import HIDDEN, Released, is_hidden
from naome.report.display import EN_DASH, Figure, format_number
from naome.report.figures import INK, PALETTE, use_style
from naome.report.labels import COHORT_NAMES

matplotlib.use("agg")


PAPER = "#ffffff"


SHADE = {"both": "#eef2f6", "denovo": "#e6eef6", "recurrent": "#faeee6"}


EDGE = {"both": "#6b7c8d", "denovo": PALETTE[0], "recurrent": PALETTE[1]}


WIDTH = 7.2  # inches; heights below are inches too


LINE = 0.165


PADDING = 0.11


GAP = 0.24


TRUNK = 4.35


CHARACTERS = {"main": 60, "cohort": 45}


@dataclass(frozen=True)
class _Box:
    left: float
    width: float
    top: float
    lines: tuple[str, ...]
    kind: str

    @property
    def height(self) -> float:
        return LINE * len(self.lines) + 2 * PADDING

    @property
    def bottom(self) -> float:
        return self.top - self.height

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


def draw_flow(attrition: Released, params: Params) -> Figure:
    """Draw the derivation of the cohorts: numbers remaining and excluded at every rule.

    The figure is a white card, so that it can be read on paper and on a dark page.
    Numbers are those of the attrition table; one that is suppressed is marked. The same table gives the same bytes.

    Parameters
    ----------
    attrition : Released
        ``step, cohort, unit, remaining, left_out, text`` (:func:`naome.cohort.attrition.count_attrition`). Steps of
        ``both`` make the trunk, each further cohort of the run a branch; DN1 and DN2 are alternatives and add up,
        RC1 and RC2 follow each other.
    params : Params
        Its ``cohorts`` say which branches are drawn.

    Returns
    -------
    Figure

    Examples
    --------
    >>> show(draw_flow(release_attrition(run.load("attrition"), run.study), run.params))  # doctest: +SKIP
    """
    use_style()
    table = explain_rules(attrition.frame, params)
    table = table.assign(unknown=table["step"].isin(params.rules_not_checked))
    trunk, outs = _place_trunk(table[table["cohort"] == "both"])
    cohorts = [cohort for cohort in params.cohorts if (table["cohort"] == cohort).any()]
    top = trunk[-1].bottom - 1.6 * GAP
    branches = [
        _place_branch(table[table["cohort"] == cohort], cohort, number, len(cohorts), top)
        for number, cohort in enumerate(cohorts)
    ]
    lowest = min(box.bottom for box in [*trunk, *(box for branch in branches for box in branch)])
    figure, axes = plt.subplots(figsize=(WIDTH, 0.1 - lowest), facecolor=PAPER)
    axes.set_position((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(lowest - 0.05, 0.05)
    axes.set_axis_off()
    for upper, lower in pairwise(trunk):
        _arrow(axes, (upper.middle, upper.bottom), (lower.middle, lower.top))
    for box, out in outs:
        level = out.top - out.height / 2
        _arrow(axes, (box.middle, level), (out.left, level))
        _draw(axes, out)
    for box in trunk:
        _draw(axes, box)
    _draw_branches(axes, trunk[-1], branches)
    return Figure(figure, describe_flow(attrition, params), attrition)


def describe_flow(attrition: Released, params: Params) -> str:
    """Say in a sentence what the flow diagram shows, as its text alternative."""
    shown = attrition.frame.assign(number=[_count(value) for value in attrition.frame["remaining"]])
    both = shown[shown["cohort"] == "both"]
    parts = [f"{both['number'].iloc[0]} {both['unit'].iloc[0]} registered"]
    parts.append(f"{both['number'].iloc[-1]} {both['unit'].iloc[-1]} eligible")
    parts += [
        f"{row['number']} people by {row['step']}"
        for _, row in shown[shown["cohort"].isin(params.cohorts)].iterrows()
        if row["step"] not in params.rules_not_checked
    ]
    return f"Flow diagram: {', '.join(parts)}."


def _place_trunk(rows: pd.DataFrame) -> tuple[list[_Box], list[tuple[_Box, _Box]]]:
    """Place the common steps below each other, and the number excluded beside each."""
    boxes: list[_Box] = []
    outs: list[tuple[_Box, _Box]] = []
    top, width, unit = 0.0, TRUNK, ""
    for row in rows.itertuples():
        rule = "" if row.step == "registered" else f"{row.step}  "
        lines = (f"{rule}{_count(row.remaining)} {row.unit}", *textwrap.wrap(row.text, CHARACTERS["main"]))
        box = _Box(0.05, width, top, lines, "both")
        boxes.append(box)
        if row.step != "registered":
            out = _Box(width + 0.55, WIDTH - width - 0.6, box.top, (f"{_count(row.left_out)} {unit} excluded",), "out")
            shift = (box.height - out.height) / 2
            outs.append((box, _Box(out.left, out.width, box.top - shift, out.lines, "out")))
        top, unit = box.bottom - GAP, row.unit
    return boxes, outs


def _place_branch(rows: pd.DataFrame, cohort: str, number: int, of: int, top: float) -> list[_Box]:
    """Place a cohort's steps below each other and its size at the end."""
    width = TRUNK if of == 1 else (WIDTH - 0.1 - 0.3 * (of - 1)) / of
    left = 0.05 + number * (width + 0.3)
    characters = CHARACTERS["cohort"] if of > 1 else CHARACTERS["main"]
    boxes = []
    for row in rows.itertuples():
        number = "not derivable" if row.unknown else f"{_count(row.remaining)} {row.unit}"
        lines = (f"{row.step}  {number}", *textwrap.wrap(row.text, characters))
        boxes.append(_Box(left, width, top, lines, cohort))
        top = boxes[-1].bottom - GAP
    # De novo rules are two ways in, recurrent rules two steps
    sizes = list(rows["remaining"]) if cohort == "denovo" else [rows["remaining"].iloc[-1]]
    size = HIDDEN if HIDDEN in sizes else pd.NA if any(map(pd.isna, sizes)) else sum(sizes)
    boxes.append(_Box(left, width, top, (f"{COHORT_NAMES[cohort]} cohort: {_count(size)} people",), f"{cohort} total"))
    return boxes


def _draw_branches(axes: Axes, last: _Box, branches: list[list[_Box]]) -> None:
    if not branches:
        return
    level = last.bottom - 0.8 * GAP
    axes.plot([last.middle, last.middle], [last.bottom, level], color=INK, linewidth=1)
    ends = [branch[0].middle for branch in branches]
    axes.plot([min(*ends, last.middle), max(*ends, last.middle)], [level, level], color=INK, linewidth=1)
    for branch in branches:
        _arrow(axes, (branch[0].middle, level), (branch[0].middle, branch[0].top))
        for upper, lower in pairwise(branch):
            alternative = upper.kind == "denovo" and lower.kind == "denovo"
            if alternative:
                axes.text(
                    upper.middle,
                    (upper.bottom + lower.top) / 2,
                    "or",
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=INK,
                )
            else:
                _arrow(axes, (upper.middle, upper.bottom), (lower.middle, lower.top))
        for box in branch:
            _draw(axes, box)


def _draw(axes: Axes, box: _Box) -> None:
    cohort, total = box.kind.removesuffix(" total"), box.kind.endswith(" total")
    if box.kind == "out":
        face, edge, style = PAPER, "#a0a0a0", "--"
    else:
        face, edge, style = EDGE[cohort] if total else SHADE[cohort], EDGE[cohort], "-"
    shape = FancyBboxPatch(
        (box.left, box.bottom),
        box.width,
        box.height,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=face,
        edgecolor=edge,
        linestyle=style,
        linewidth=1,
        zorder=2,
    )
    axes.add_patch(shape)
    colour = PAPER if total else INK
    for number, line in enumerate(box.lines):
        axes.text(
            box.middle if total else box.left + 0.12,
            box.top - PADDING - LINE * (number + 0.5),
            line,
            ha="center" if total else "left",
            va="center",
            fontsize=9.5 if number == 0 else 8.5,
            fontweight="bold" if number == 0 and box.kind != "out" else "normal",
            color=colour,
            zorder=3,
        )


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": INK, "linewidth": 1, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
    axes.annotate("", xy=end, xytext=start, arrowprops=style, zorder=1)


def _count(value: object) -> str:
    if is_hidden(value):
        return str(value)
    return EN_DASH if pd.isna(value) else format_number(int(value), "count")


def explain_rules(attrition: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Add to the text of rules that the data cannot show why they were not applied."""
    reasons = attrition["step"].map(params.rules_not_checked)
    return attrition.assign(
        text=attrition["text"].where(reasons.isna(), attrition["text"] + " Not applied: " + reasons)
    )
