"""The page of the simulation study."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naome.release import Declared
from naome.report.axes import BELOW_ZERO, LINE_STYLES, MARKERS, End, label_ends, share_legend, use_whole_ticks
from naome.report.display import Figure, format_number
from naome.report.figures import INK, PALETTE, use_style
from naome.report.prose import lower_first, say_percent


def draw_alarm_rates(simulated: Declared, scenario: str, names: dict[str, str], *, alt: str) -> Figure:
    """Draw the rates of false alerts and alarms of every method, both tails, beside the nominal ones.

    Parameters
    ----------
    simulated : Declared
        ``scenario, method, measure, value, lower, upper, nominal``.
    scenario : str
    names : dict of str to str
        Method -> what it is called, in the order wanted.
    alt : str
        How the text alternative begins; the rates are added.
    """
    use_style()
    rows = simulated.frame[(simulated.frame["scenario"] == scenario) & (simulated.frame["by"] == "all")]
    methods = [method for method in names if method in set(rows["method"])]
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 1.2 + 0.42 * len(methods)), sharey=True)
    positions, said = np.arange(len(methods))[::-1], []
    for axes, level in zip(panels, ("alert", "alarm"), strict=True):
        for side, shift, colour, marker, word in (
            ("high", 0.12, PALETTE[1], MARKERS[0], "lower survival"),
            ("low", -0.12, PALETTE[0], MARKERS[1], "higher survival"),
        ):
            part = rows[rows["measure"] == f"{level}_{side}"].set_index("method").loc[methods]
            axes.hlines(positions + shift, 100 * part["lower"], 100 * part["upper"], color=colour, linewidth=1.6)
            axes.plot(100 * part["value"], positions + shift, marker, color=colour, markersize=4, label=word)
        axes.axvline(100 * part["nominal"].iloc[0], color=INK, linewidth=0.9, linestyle="--", label="nominal")
        axes.set_title(f"False {level}s")
        said.append(_say_rates(rows[rows["measure"].isin([f"{level}_high", f"{level}_low"])], names, level))
        axes.set_xlabel("Organisations, % per tail")
        axes.set_xlim(left=-BELOW_ZERO * axes.get_xlim()[1])
        axes.xaxis.set_major_formatter("{x:g}")
    panels[0].set_yticks(positions, [names[method] for method in methods])
    share_legend(figure)
    return Figure(figure, f"{alt}. {' '.join(said)}", simulated)


def _say_rates(rows: pd.DataFrame, names: dict[str, str], level: str) -> str:
    """Say the nominal rate of false alerts or alarms, and the methods with the lowest and the highest rates."""
    low, high = (
        f"{say_percent(rows.loc[at, 'value'], 2)} ({lower_first(names[rows.loc[at, 'method']])})"
        for at in (rows["value"].astype(float).idxmin(), rows["value"].astype(float).idxmax())
    )
    nominal = say_percent(rows["nominal"].iloc[0])
    return f"False {level}s, nominal rate {nominal}: from {low} to {high}."


def draw_funnel_tails(exact: Declared, names: dict[str, str], *, alt: str) -> Figure:
    """Draw realised over nominal tail probability of funnel limits against size, low and high tail.

    Parameters
    ----------
    exact : Declared
        ``n, method, nominal, lower_tail, upper_tail`` averaged over targets.
    names : dict of str to str
        Method -> what it is called.
    alt : str
        How the text alternative begins; the range of each method is added.
    """
    use_style()
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.8), sharex=True, sharey=True)
    sides = (("lower_tail", "Lower tail"), ("upper_tail", "Upper tail"))
    ends, said = [], []
    for axes, (side, word) in zip(panels, sides, strict=True):
        ends = []
        for number, (method, name) in enumerate(names.items()):
            rows = exact.frame[exact.frame["method"] == method]
            ratios, colour = rows[side] / rows["nominal"], PALETTE[number]
            axes.plot(
                rows["n"], ratios, linestyle=LINE_STYLES[number], marker=MARKERS[number], color=colour, markersize=3.5
            )
            ends.append(End(rows["n"].iloc[-1], ratios.iloc[-1], textwrap.fill(name, 22), colour))
            low, high = (format_number(ratio, "decimal1") for ratio in (ratios.min(), ratios.max()))
            said.append(f"{word}, {lower_first(name)}: {low} to {high}.")
        axes.axhline(1, color=INK, linewidth=0.9, linestyle="--")
        axes.set_xscale("log")
        axes.set_title(word)
        axes.set_xlabel("People in the organisation")
    panels[0].xaxis.set_major_formatter("{x:,.0f}")
    use_whole_ticks(panels[0], "y")
    panels[0].set_ylabel("Realised over nominal")
    label_ends(panels[1], ends)
    return Figure(figure, f"{alt}. {' '.join(said)}", exact)
