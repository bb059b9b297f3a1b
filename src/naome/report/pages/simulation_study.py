"""The page of the simulation study."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from naome.release import Declared
from naome.report.display import Figure
from naome.report.figures import INK, PALETTE, use_style


def draw_alarm_rates(simulated: Declared, scenario: str, names: dict[str, str], *, alt: str) -> Figure:
    """Draw the rates of false alerts and alarms of every method, both tails, beside the nominal ones.

    Parameters
    ----------
    simulated : Declared
        ``scenario, method, measure, value, lower, upper, nominal``.
    scenario : str
    names : dict of str to str
        Method -> what it is called, in the order wanted.
    """
    use_style()
    rows = simulated.frame[(simulated.frame["scenario"] == scenario) & (simulated.frame["by"] == "all")]
    methods = [method for method in names if method in set(rows["method"])]
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 0.9 + 0.42 * len(methods)), sharey=True)
    positions = np.arange(len(methods))[::-1]
    for axes, level in zip(panels, ("alert", "alarm"), strict=True):
        for side, shift, colour, word in (
            ("high", 0.12, PALETTE[1], "lower survival"),
            ("low", -0.12, PALETTE[0], "higher survival"),
        ):
            part = rows[rows["measure"] == f"{level}_{side}"].set_index("method").loc[methods]
            axes.hlines(positions + shift, 100 * part["lower"], 100 * part["upper"], color=colour, linewidth=1.6)
            axes.plot(100 * part["value"], positions + shift, "o", color=colour, markersize=4, label=word)
        axes.axvline(100 * part["nominal"].iloc[0], color=INK, linewidth=0.9, linestyle="--", label="nominal")
        axes.set_title(f"False {level}s")
        axes.set_xlabel("Organisations, % per tail")
        axes.set_xlim(left=0)
    panels[0].set_yticks(positions, [names[method] for method in methods])
    panels[1].legend(loc="lower right")
    return Figure(figure, alt, simulated)


def draw_funnel_tails(exact: Declared, names: dict[str, str], *, alt: str) -> Figure:
    """Draw realised over nominal tail probability of funnel limits against size, low and high tail.

    Parameters
    ----------
    exact : Declared
        ``n, method, nominal, lower_tail, upper_tail`` averaged over targets.
    names : dict of str to str
        Method -> what it is called.
    """
    use_style()
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.8), sharey=True)
    for axes, side, word in zip(panels, ("lower_tail", "upper_tail"), ("Lower tail", "Upper tail"), strict=True):
        for colour, (method, name) in zip(PALETTE, names.items(), strict=False):
            rows = exact.frame[exact.frame["method"] == method]
            axes.plot(rows["n"], rows[side] / rows["nominal"], "o-", color=colour, markersize=3.5, label=name)
        axes.axhline(1, color=INK, linewidth=0.9, linestyle="--")
        axes.set_xscale("log")
        axes.set_title(word)
        axes.set_xlabel("People in the organisation")
    panels[0].set_ylabel("Realised over nominal")
    panels[0].legend(loc="upper left", fontsize=8)
    return Figure(figure, alt, exact)
