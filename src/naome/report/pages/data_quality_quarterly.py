"""The page of quarterly charts of data quality."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naome.measures.quarterly import CHART_RULES, MINIMUM_QUARTERS, say_chart, say_growing_quarters
from naome.measures.study import Study
from naome.release import HIDDEN, Released, declare_not_counts, is_hidden, release_counts, shown_numbers
from naome.release.counts import hide_numbers
from naome.report.axes import End, label_ends, share_span, use_whole_ticks
from naome.report.display import Figure, Sentence, Table, format_number
from naome.report.figures import INK, PALETTE, use_style
from naome.report.prose import say_count, say_list, say_percent
from naome.stats.spc import simulate_charts

NO_CHART = (
    "No quarter of the audit period can be charted: a quarter has no people, or dates of diagnosis are not known."
)

ALL_SUPPRESSED = "Every chart has a quarter that is suppressed, so that none has a mean or limits."

#: The rules in a word or two, for a column of a table.
SHORT = {
    "outside_limits": "point outside a limit",
    "run": "run on one side",
    "trend": "trend",
    "two_of_three": "two of three near a limit",
}


#: Column -> name of a level line of a chart
LEVELS = {"limit_upper": "upper limit", "centre": "mean", "limit_lower": "lower limit"}


QUARTER_FORMATS = dict.fromkeys(("First", "Latest", "Mean", "Lower limit", "Upper limit"), "percent1")


CHART_FORMATS = {
    "People": "count",
    "Percent": "percent1",
    "Mean": "percent1",
    "Lower limit": "percent1",
    "Upper limit": "percent1",
}


def release_charts(charts: pd.DataFrame, quarters: Released, study: Study) -> Released:
    """Release charts: a quarter that is suppressed has no point, and its chart no mean and no limits.

    Parameters
    ----------
    charts : DataFrame
        From :func:`naome.measures.quarterly.measure_quarters`, and ``quarters`` its results as they are released.
    quarters : Released
    study : Study
    """
    if charts.empty:
        return release_counts(charts, [], study)
    points = ("estimate", "lower", "upper")
    lines = ("centre", "limit_lower", "limit_upper")
    sums = charts.groupby("measure")[["numerator", "denominator"]].transform("sum")
    whole = release_counts(
        charts.assign(all_numerator=sums["numerator"], all_denominator=sums["denominator"]),
        "all_numerator",
        study,
        of="all_denominator",
        with_it=lines,
    ).frame.drop(columns=["all_numerator", "all_denominator"])
    counted = release_counts(whole, "numerator", study, of="denominator", totals=[["measure"]], with_it=points)
    gone = quarters.where(status=["suppressed", "too_few"]).frame
    keys = set(zip(gone["measure"], gone["group"], strict=True))
    return counted.transform(lambda frame: _take_out(frame, keys, points, lines))


def _take_out(frame: pd.DataFrame, keys: set, points: tuple[str, ...], lines: tuple[str, ...]) -> pd.DataFrame:
    """Suppress the points of some quarters, and the lines of their charts: a mean gives away the last point."""
    hidden = pd.Series([key in keys for key in zip(frame["measure"], frame["quarter"], strict=True)], index=frame.index)
    hidden |= frame["estimate"].map(is_hidden).astype(bool)
    whole = hidden.groupby(frame["measure"]).transform("any")
    if hidden.any():
        hide_numbers(frame, ("numerator", "denominator", *points), hidden)
        hide_numbers(frame, lines, whole)
        # which quarters differ from a mean that is suppressed would narrow the quarter that is
        frame["rules"] = frame["rules"].mask(whole, str(HIDDEN))
        frame["special_cause"] = frame["special_cause"] & ~whole
    return frame


def say_charts(charts: Released, measures: list[str], study: Study) -> Sentence:
    """State what each chart shows, and which quarters are incomplete."""
    frame = charts.frame
    said = [
        say_chart(rows, rows["title"].iloc[0])
        for rows in (frame[frame["measure"] == m] for m in measures)
        if not rows["centre"].map(is_hidden).any()
    ]
    growing = say_growing_quarters(study)
    text = "\n".join(f"- {sentence}" for sentence in [*said, growing] if sentence)
    dates = declare_not_counts(growing, "Quarters and the length of a window.")
    return Sentence(text or (NO_CHART if frame.empty else ALL_SUPPRESSED), (charts, dates))


def say_special_cause_rules() -> Sentence:
    """State the rules that identify special-cause variation, and how often chance alone breaks one (simulated)."""
    simulated = simulate_charts()
    often = [
        f"{say_percent(row.marked, 0)} of charts of {row.points} quarters with a proportion of "
        f"{100 * row.proportion:g}%"
        for row in simulated.itertuples()
    ]
    return Sentence(
        "NHS England's *Making Data Count* rules:\n\n"
        + "\n".join(f"- {text}" for text in CHART_RULES.values())
        + "\n\nChance alone breaks a rule on some charts. In simulated data without any change, with "
        + f"{simulated['people'].iloc[0]:,} people in a quarter, a point is marked on {say_list(often)}.",
        declare_not_counts(simulated, "Simulated charts of invented quarters."),
    )


def draw_xmr(charts: Released, measures: list[str], *, alt: str) -> Figure:
    """Draw XmR charts below each other: values, mean, process limits, special-cause points marked by shape and colour.

    Parameters
    ----------
    charts : Released
        From :func:`release_charts`; a suppressed point is not drawn.
    measures : list of str
        Which ones, in order; the number of people is drawn as a number and everything else in per cent. All charts in
        per cent have the same span, not from zero, so that changes between quarters can be seen and compared.
    alt : str
        How the text alternative begins; first and last points are added.
    """
    use_style()
    figure, panels = plt.subplots(
        len(measures), 1, figsize=(7.2, 2.3 * len(measures) + 0.4), sharex=True, squeeze=False
    )
    lines, said = [], []
    for axes, measure in zip(panels[:, 0], measures, strict=True):
        rows = charts.where(measure=measure).frame.reset_index(drop=True)
        for column in ("estimate", *LEVELS):
            rows[column] = shown_numbers(rows[column])
        scale = 1 if measure == "cohort_size" else 100
        x = np.arange(len(rows))
        axes.plot(x, scale * rows["estimate"], "-o", color=PALETTE[0], markersize=4.5, linewidth=1.2)
        levels = {name: scale * float(rows[column].iloc[0]) for column, name in LEVELS.items()}
        for name, level in levels.items():
            axes.axhline(level, color=INK, linewidth=0.9, linestyle="-" if name == "mean" else "--")
        special = rows["special_cause"].to_numpy(dtype=bool)
        axes.plot(x[special], scale * rows.loc[special, "estimate"], "D", color=PALETTE[1], markersize=6.5)
        axes.set_title(rows["title"].iloc[0] + ("" if scale == 1 else ", % recorded"))
        axes.set_xticks(x, rows["quarter"], rotation=90)
        axes.set_xlim(-0.5, len(rows) - 0.5)
        use_whole_ticks(axes, "y")
        lines.append([End(len(rows) - 0.5, at, name, INK) for name, at in levels.items() if not np.isnan(at)])
        said.append(_say_drawn(rows, scale))
    share_span([axes for axes, measure in zip(panels[:, 0], measures, strict=True) if measure != "cohort_size"])
    for axes, ends in zip(panels[:, 0], lines, strict=True):
        label_ends(axes, ends)
    return Figure(figure, f"{alt}. {' '.join(said)}", charts)


def _say_drawn(rows: pd.DataFrame, scale: int) -> str:
    """Say the first and the last point of a chart, and how many mark special-cause variation."""
    points = rows[rows["estimate"].notna()]
    title = rows["title"].iloc[0]
    if points.empty:
        return f"{title}: suppressed."
    first, last = (
        f"{format_number(row['estimate'], 'count' if scale == 1 else 'percent0')} in {row['quarter']}"
        for _, row in points.iloc[[0, -1]].iterrows()
    )
    marked = say_count(int(rows["special_cause"].sum()), "point")
    return f"{title}: from {first} to {last}; special-cause variation at {marked}."


def tabulate_charts(charts: Released) -> Table:
    """Lay out every completeness chart in a row: first and latest quarter, mean, limits, variation."""
    rows = []
    frame = charts.frame
    for _, chart in frame[frame["measure"] != "cohort_size"].groupby("measure", sort=False):
        rows.append(
            {
                "Data item": chart["title"].iloc[0],
                "First": chart["estimate"].iloc[0],
                "Latest": chart["estimate"].iloc[-1],
                "Mean": chart["centre"].iloc[0],
                "Lower limit": chart["limit_lower"].iloc[0],
                "Upper limit": chart["limit_upper"].iloc[0],
                "Variation": _name_variation(chart),
            }
        )
    return Table(pd.DataFrame(rows), charts, QUARTER_FORMATS)


def tabulate_quarters(charts: Released, measure: str) -> Table:
    """Lay out one completeness chart by quarter."""
    rows = charts.where(measure=measure).frame
    frame = pd.DataFrame(
        {
            "Quarter": rows["quarter"].to_numpy(),
            "People": rows["denominator"].to_numpy(),
            "Percent": rows["estimate"].to_numpy(),
            "Mean": rows["centre"].to_numpy(),
            "Lower limit": rows["limit_lower"].to_numpy(),
            "Upper limit": rows["limit_upper"].to_numpy(),
            "Rules met": [text or "none" for text in rows["rules"]],
        }
    )
    return Table(frame, charts, CHART_FORMATS)


def _name_variation(chart: pd.DataFrame) -> str:
    if len(chart) < MINIMUM_QUARTERS:
        return "too few quarters"
    if (chart["rules"] == str(HIDDEN)).any():
        return str(HIDDEN)
    broken = [SHORT[name] for name, text in CHART_RULES.items() if chart["rules"].str.contains(text, regex=False).any()]
    return f"special cause: {', '.join(broken)}" if broken else "common cause"
