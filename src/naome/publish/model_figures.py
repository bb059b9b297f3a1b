"""Figures of the case-mix model's page and of the simulation study's page."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from naome.publish.figures import INK, PALETTE, use_style

NO_MODEL = "There is no model, so there is nothing to draw."


def draw_empty(reason: str) -> Figure:
    """Draw a figure that says why there is none."""
    use_style()
    figure, axes = plt.subplots(figsize=(7.2, 1.2))
    axes.text(0.5, 0.5, reason, ha="center", va="center", wrap=True, color=INK)
    axes.set_axis_off()
    return figure


def draw_coefficient_over_time(smooth: pd.DataFrame, term: str) -> Figure:
    """Draw a coefficient as it varies with time beside the constant of the model.

    Parameters
    ----------
    smooth : DataFrame
        ``years, estimate, lower, upper, coefficient`` (:func:`naome.measures.model_checks.smooth_residuals`).
    term : str
    """
    if "estimate" not in smooth:
        return draw_empty(NO_MODEL)
    use_style()
    figure, axes = plt.subplots(figsize=(7.2, 4.0))
    axes.fill_between(smooth["years"], smooth["lower"], smooth["upper"], color=PALETTE[0], alpha=0.18, linewidth=0)
    axes.plot(smooth["years"], smooth["estimate"], color=PALETTE[0], label="as it varies, with 95% limits")
    axes.axhline(smooth["coefficient"].iloc[0], color=PALETTE[1], linestyle="--", label="constant in the model")
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set_xlabel("Years from origin")
    axes.set_ylabel(f"Log hazard ratio, {term}")
    axes.legend(loc="upper right")
    return figure


def draw_calibration(table: pd.DataFrame) -> Figure:
    """Draw observed against predicted survival by tenth, one panel per horizon.

    Parameters
    ----------
    table : DataFrame
        ``Horizon, Predicted, Observed, Lower, Upper``, proportions.
    """
    if "Predicted" not in table:
        return draw_empty(NO_MODEL)
    use_style()
    horizons = list(dict.fromkeys(table["Horizon"]))
    figure, panels = plt.subplots(1, len(horizons), figsize=(3.4 * len(horizons) + 0.6, 3.6), squeeze=False)
    for axes, horizon in zip(panels[0], horizons, strict=True):
        rows = table[table["Horizon"] == horizon]
        axes.plot([0, 100], [0, 100], color=INK, linewidth=0.8)
        axes.vlines(100 * rows["Predicted"], 100 * rows["Lower"], 100 * rows["Upper"], color=PALETTE[0], linewidth=1.5)
        axes.plot(100 * rows["Predicted"], 100 * rows["Observed"], "o", color=PALETTE[0], markersize=4.5)
        low = max(0.0, 100 * float(rows[["Predicted", "Lower"]].min().min()) - 5)
        axes.set_xlim(low, 102)
        axes.set_ylim(low, 102)
        axes.set_title(horizon)
        axes.set_xlabel("Predicted survival, %")
    panels[0][0].set_ylabel("Observed survival, %")
    return figure


def draw_alarm_rates(study: pd.DataFrame, scenario: str, names: dict[str, str]) -> Figure:
    """Draw the rates of false alerts and alarms of every method, both tails, beside the nominal ones.

    Parameters
    ----------
    study : DataFrame
        ``scenario, method, measure, value, lower, upper, nominal``.
    scenario : str
    names : dict of str to str
        Method -> what it is called, in the order wanted.
    """
    use_style()
    rows = study[study["scenario"] == scenario]
    methods = [method for method in names if method in set(rows["method"])]
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 0.9 + 0.42 * len(methods)), sharey=True)
    positions = np.arange(len(methods))[::-1]
    for axes, level in zip(panels, ("alert", "alarm"), strict=True):
        for side, shift, colour, word in (("high", 0.12, PALETTE[1], "worse"), ("low", -0.12, PALETTE[0], "better")):
            part = rows[rows["measure"] == f"{level}_{side}"].set_index("method").loc[methods]
            axes.hlines(positions + shift, 100 * part["lower"], 100 * part["upper"], color=colour, linewidth=1.6)
            axes.plot(100 * part["value"], positions + shift, "o", color=colour, markersize=4, label=word)
        axes.axvline(100 * part["nominal"].iloc[0], color=INK, linewidth=0.9, linestyle="--", label="nominal")
        axes.set_title(f"False {level}s")
        axes.set_xlabel("Organisations, % per tail")
        axes.set_xlim(left=0)
    panels[0].set_yticks(positions, [names[method] for method in methods])
    panels[1].legend(loc="lower right")
    return figure


def draw_funnel_tails(table: pd.DataFrame, names: dict[str, str]) -> Figure:
    """Draw realised over nominal tail probability of funnel limits against size, low and high tail.

    Parameters
    ----------
    table : DataFrame
        ``n, method, nominal, lower_tail, upper_tail`` averaged over targets.
    names : dict of str to str
        Method -> what it is called.
    """
    use_style()
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.8), sharey=True)
    for axes, side, word in zip(panels, ("lower_tail", "upper_tail"), ("Low tail", "High tail"), strict=True):
        for colour, (method, name) in zip(PALETTE, names.items(), strict=False):
            rows = table[table["method"] == method]
            axes.plot(rows["n"], rows[side] / rows["nominal"], "o-", color=colour, markersize=3.5, label=name)
        axes.axhline(1, color=INK, linewidth=0.9, linestyle="--")
        axes.set_xscale("log")
        axes.set_title(word)
        axes.set_xlabel("People in the organisation")
    panels[0].set_ylabel("Realised over nominal")
    panels[0].legend(loc="upper left", fontsize=8)
    return figure
