"""The page of the simulation study: what is claimed of every class of organisation is what its rows show."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naome.release import Declared, declare_not_counts
from naome.report.axes import BELOW_ZERO, LINE_STYLES, MARKERS, End, label_ends, share_legend, use_whole_ticks
from naome.report.display import Figure, Sentence, Table, format_number
from naome.report.figures import INK, PALETTE, use_style
from naome.report.prose import lower_first, say_percent
from naome.stats.funnel import binomial_limits, realised_tail_probabilities
from naome.stats.simulation import ALL, BY_EXPECTED, BY_SIZE, JUDGED, SCENARIOS, SIZES

OURS = {
    "D": "Ratio of log survivals (estimate reported)",
    "C": "Pseudo-observations (alerts and alarms)",
    "B": "Deaths against expected deaths (early warning)",
    "A": "Logistic, complete potential follow-up",
    "D imputed": "Ratio of log survivals, imputed (estimate reported)",
    "C imputed": "Pseudo-observations, imputed (alerts and alarms)",
    "B imputed": "Deaths against expected deaths, imputed (early warning)",
}
MISTAKES = {
    "unadjusted": "Error: no adjustment for case mix",
    "dropped": "Error: people censored early excluded",
    "poisson": "Error: Poisson variance for a common outcome",
    "D complete": "Error: complete cases only, ratio of log survivals",
    "C complete": "Error: complete cases only, pseudo-observations",
    "B complete": "Error: complete cases only, deaths against expected",
}
STUDIED_METHODS = {**OURS, **MISTAKES}
NULL, NULL_MISSING = "no outliers", "no outliers, 40% missing"
PROPORTIONAL, PROPORTIONAL_MISSING = "proportional outliers", "proportional outliers, 40% missing"
TARGETS = (0.083, 0.207, 0.349, 0.612, 0.75)
FUNNEL_SIZES = (10, 20, 30, 50, 100, 200, 500, 1000)
RATES = {
    "alert_high": "Alerts, lower survival, %",
    "alert_low": "Alerts, higher survival, %",
    "alarm_high": "Alarms, lower survival, %",
    "alarm_low": "Alarms, higher survival, %",
}
MEASURE_NAMES = {
    "variance_z": "the variance of z",
    "alert_high": "the rate of alerts for lower survival",
    "alert_low": "the rate of alerts for higher survival",
    "alarm_high": "the rate of alarms for lower survival",
    "alarm_low": "the rate of alarms for higher survival",
}
ALARM_FORMATS = {"Variance of z": "decimal2", **dict.fromkeys(RATES.values(), "decimal2")}
ESTIMATE_FORMATS = {
    "Bias, points": "decimal2",
    "Coverage": "percent1",
    "Bias of outliers, points": "decimal2",
    "Coverage of outliers": "percent1",
    "Bias of national survival, points": "decimal2",
}
POWER_FORMATS = {"Alert or alarm": "percent0", "Alarm": "percent0"}
FUNNEL_FORMATS = {
    "Lower tail": "decimal2",
    "Upper tail": "decimal2",
    "Highest": "decimal1",
    "At a target of": "percent1",
    "and people": "int",
}
REFLECTION_FORMATS = {
    "People": "int",
    "Target": "percent1",
    "From deaths": "decimal2",
    "From survivors": "decimal2",
    "Difference": "decimal2",
    "Difference with half an event added": "decimal2",
}
CLASSES = {BY_EXPECTED: "Expected survival", BY_SIZE: "Expected deaths or survivors, the fewer"}
#: What every class of organisation must show where nobody differs, Monte Carlo error allowed
VARIANCE_BAND, RATE_BAND = (0.95, 1.05), 0.25
#: What is said together -> measures
CLASS_KINDS = {
    "Variance of z": ("variance_z",),
    "Rate of alerts in each tail": ("alert_high", "alert_low"),
    "Rate of alarms in each tail": ("alarm_high", "alarm_low"),
}
#: A class with fewer expected deaths or survivors is shown, and nothing is claimed of it
SMALLEST_CLASS = next(iter(SIZES))
EXACT = "Exact binomial probabilities; the organisations are invented."
FUNNEL_METHODS = {
    "spiegelhalter": "As quoted from the paper, interpolated",
    "midp": "Half an event added (used here)",
    "exact_tail": "One event added to the upper limit",
    "normal": "Normal approximation",
}


def spread_measures(study: Declared, scenario: str) -> pd.DataFrame:
    """Return one scenario with a row per method and a column per measure, known methods first to last."""
    chosen = (study.frame["scenario"] == scenario) & (study.frame["by"] == ALL)
    wide = study.frame[chosen].pivot(index="method", columns="measure", values="value")
    return wide.reindex([method for method in STUDIED_METHODS if method in wide.index])


def list_scenarios(study: Declared, *, with_outliers: bool = False) -> list[str]:
    """Return the scenarios to which erroneous methods are applied too, all or those in which organisations differ."""
    names = study.frame.loc[study.frame["method"] == "unadjusted", "scenario"].unique()
    return [name for name in names if not with_outliers or ("outliers" in name and not name.startswith("no "))]


def tabulate_estimates(study: Declared) -> Table:
    """Lay out the accuracy of the estimates: bias in percentage points, coverage of 95% limits."""
    pieces = []
    for scenario in list_scenarios(study):
        wide = spread_measures(study, scenario)
        pieces.append(
            pd.DataFrame(
                {
                    "Method": wide.index.map(STUDIED_METHODS),
                    "Scenario": scenario.capitalize(),
                    "Bias, points": 100 * wide["bias"].to_numpy(),
                    "Coverage": wide["coverage"].to_numpy(),
                    "Bias of outliers, points": 100 * _column(wide, "outlier_bias"),
                    "Coverage of outliers": _column(wide, "outlier_coverage"),
                    "Bias of national survival, points": 100 * wide["national_bias"].to_numpy(),
                }
            )
        )
    return Table(pd.concat(pieces, ignore_index=True), study, ESTIMATE_FORMATS)


def tabulate_alarms(study: Declared, scenario: str) -> Table:
    """Lay out variance of z and false alerts and alarms in both tails, the nominal rates in the first row."""
    wide = spread_measures(study, scenario)
    chosen = (study.frame["scenario"] == scenario) & (study.frame["by"] == ALL)
    nominal = study.frame[chosen].groupby("measure")["nominal"].first()
    columns = {"variance_z": "Variance of z", **RATES}
    table = wide[list(columns)].rename(columns=columns).reset_index(drop=True)
    table.insert(0, "Method", wide.index.map(STUDIED_METHODS))
    first = {"Method": "Nominal", **{title: nominal[name] for name, title in columns.items()}}
    table = pd.concat([pd.DataFrame([first]), table], ignore_index=True)
    return Table(table.assign(**{title: 100 * table[title] for title in RATES.values()}), study, ALARM_FORMATS)


def list_classes(study: Declared) -> pd.DataFrame:
    """List the score that gives the level, by class of organisation, in the scenarios without outliers.

    Returns
    -------
    DataFrame
        ``scenario, by, group, measure, value, lower, upper, nominal, n, claimed, held, within``: ``claimed`` where the
        class has enough expected deaths and survivors. The variance of z should lie within ``VARIANCE_BAND``, a rate
        within ``RATE_BAND`` of its nominal value: ``within`` where the 95% Monte Carlo limits do, ``held`` where some
        value between them does.
    """
    rows = study.frame[
        study.frame["method"].isin(JUDGED)
        & (study.frame["by"] != ALL)
        & ~study.frame["scenario"].isin(study.frame.loc[study.frame["measure"] == "power_alert", "scenario"])
        & study.frame["measure"].isin(["variance_z", *RATES])
    ]
    variance = rows["measure"] == "variance_z"
    low = np.where(variance, VARIANCE_BAND[0], rows["nominal"] * (1 - RATE_BAND))
    high = np.where(variance, VARIANCE_BAND[1], rows["nominal"] * (1 + RATE_BAND))
    held = (rows["upper"] >= low) & (rows["lower"] <= high)
    within = (rows["lower"] >= low) & (rows["upper"] <= high)
    return rows.assign(claimed=rows["group"] != SMALLEST_CLASS, held=held, within=within).reset_index(drop=True)


def tabulate_classes(study: Declared, by: str) -> Table:
    """Lay out variance of z and false alerts and alarms by class of organisation, where no organisation differs.

    Parameters
    ----------
    study : Declared
    by : {"expected survival", "size"}
    """
    rows = list_classes(study)
    rows = rows[(rows["by"] == by) & rows["scenario"].str.contains(r"\d y")]
    wide = rows.pivot_table(index=["scenario", "group"], columns="measure", values="value", sort=False).reset_index()
    counts = rows.groupby(["scenario", "group"], sort=False)["n"].first()
    table = pd.DataFrame({"Scenario": wide["scenario"].str.capitalize(), CLASSES[by]: wide["group"]})
    table["Simulated organisations"] = counts.to_numpy()
    table["Variance of z"] = wide["variance_z"]
    for name, heading in RATES.items():
        table[heading] = 100 * wide[name]
    return Table(table, study, {"Simulated organisations": "int", **ALARM_FORMATS})


def describe_classes(study: Declared) -> Sentence:
    """State in how many classes of organisation the score is calibrated, where it is not, and what is undecided."""
    rows = list_classes(study)
    claimed = rows[rows["claimed"]]
    lines = [_say_kind(claimed[claimed["measure"].isin(measures)], kind) for kind, measures in CLASS_KINDS.items()]
    missing = say_percent(max(scenario.missing for scenario in SCENARIOS))
    text = (
        f"Classes with at least {SIZES['10 to 19']} expected deaths and survivors, and items of which at most "
        f"{missing} are missing; of less complete recording the study says nothing:\n\n" + "\n".join(lines)
    )
    failed = claimed[~claimed["held"]]
    outside = [
        f"- {row['scenario']}, {row['by']}, {row['group']}: {MEASURE_NAMES[row['measure']]} is "
        f"{_say_value(row['measure'], row['value'])} ({_say_value(row['measure'], row['lower'])} to "
        f"{_say_value(row['measure'], row['upper'])})."
        for row in failed.to_dict("records")
    ]
    above = int((failed["value"] > failed["nominal"]).sum())
    if above:
        side = f"Of these, {above} {'is' if above == 1 else 'are'} above."
    else:
        side = (
            "All of these are below: what is false is rarer there than stated, not more frequent. "
            "Outlier status is given in these classes; it would not be in a class shown to have more than stated."
        )
    return Sentence("\n\n".join([text, *(["Outside:", "\n".join(outside), side] if outside else [])]), study)


def _say_kind(rows: pd.DataFrame, kind: str) -> str:
    """State how many values of a kind are shown to be within their limits, and how many to be outside."""
    within, outside = int(rows["within"].sum()), int((~rows["held"]).sum())
    by_size = rows[rows["by"] == BY_SIZE]  # each organisation is in one class
    measure = rows["measure"].iloc[0]
    if measure == "variance_z":
        limits, average = f"{VARIANCE_BAND[0]:.2f} to {VARIANCE_BAND[1]:.2f}", ""
    else:
        limits = f"{_whole(RATE_BAND)} about the nominal rate"
        rate = (by_size["value"] * by_size["n"]).sum() / by_size["n"].sum()
        nominal = 100 * rows["nominal"].iloc[0]
        average = f" Averaged over classes of size, the rate is {100 * rate:.2f}%, nominal {nominal:.1f}%."
    least, most = (_say_value(measure, rows["value"].agg(end)) for end in ("min", "max"))
    return (
        f"- {kind} (limits {limits}): {len(rows)} values from {least} to {most}. By their "
        f"95% Monte Carlo limits, {within} within, {outside} outside, and the study is too small to decide about "
        f"{len(rows) - within - outside}.{average}"
    )


def _say_value(measure: str, value: float) -> str:
    return f"{value:.2f}" if measure == "variance_z" else f"{100 * value:.2f}%"


def tabulate_power(study: Declared) -> Table:
    """Lay out the power to detect outliers."""
    pieces = []
    for scenario in list_scenarios(study, with_outliers=True):
        wide = spread_measures(study, scenario)
        pieces.append(
            pd.DataFrame(
                {
                    "Method": wide.index.map(STUDIED_METHODS),
                    "Scenario": scenario.capitalize(),
                    "Alert or alarm": wide["power_alert"].to_numpy(),
                    "Alarm": wide["power_alarm"].to_numpy(),
                }
            )
        )
    return Table(pd.concat(pieces, ignore_index=True), study, POWER_FORMATS)


def describe_calibration(study: Declared) -> Sentence:
    """State the variance of z, false alarms and coverage of the methods used here when there are no outliers."""
    null, missing = spread_measures(study, NULL), spread_measures(study, NULL_MISSING)
    c, d, imputed = null.loc["C"], null.loc["D"], missing.loc["C imputed"]
    return Sentence(
        f"With no outliers, the z-score from pseudo-observations has variance {c['variance_z']:.2f}. Outside the "
        f"alert limits are {100 * c['alert_high']:.1f}% of organisations with low survival and "
        f"{100 * c['alert_low']:.1f}% with high survival; outside the alarm limits are {100 * c['alarm_high']:.2f}% "
        f"and {100 * c['alarm_low']:.2f}%. With missing case mix, imputed, the variance is "
        f"{imputed['variance_z']:.2f}. Coverage of the 95% limits of the estimate is {100 * d['coverage']:.1f}%. The "
        "limits are slightly wide, because Greenwood's variance includes the variation that case mix explains.",
        study,
    )


def describe_record(record: dict) -> Sentence:
    """Say how the kept study was made."""
    packages = ", ".join(f"{name} {version}" for name, version in sorted(record["packages"].items()))
    replicates, seed = record["replicates"], record["seed"]
    return Sentence(
        f"{replicates} data sets per scenario, and up to {max(each.times for each in SCENARIOS)} times as many where "
        f"rare alarms are counted by class of organisation; seed {seed}; Python {record['python']}, {packages}. "
        f"`naome simulation-study --replicates {replicates} --seed {seed}` reproduces the results.",
        declare_not_counts(packages, "Versions of programs, and how often was simulated."),
    )


def describe_costs(study: Declared) -> Sentence:
    """State the effect of each common error, with the results of the study."""
    null, missing = spread_measures(study, NULL), spread_measures(study, NULL_MISSING)
    power = spread_measures(study, PROPORTIONAL)["power_alert"].map(_whole)
    power_missing = spread_measures(study, PROPORTIONAL_MISSING)["power_alert"].map(_whole)
    alarms = null["alarm_high"] + null["alarm_low"]
    covered = missing["coverage"].map(_whole)
    lines = [
        f"**No adjustment for case mix.** False alarms are {alarms['unadjusted'] / alarms['C']:.0f} times as frequent "
        "as with pseudo-observations, because patients differ between organisations.",
        f"**Excluding people censored early.** National survival is {_points(null.loc['dropped', 'national_bias'])} "
        f"and survival by organisation is {_points(null.loc['dropped', 'bias'])}. Early deaths of people diagnosed "
        "late are kept, and survivors are not.",
        f"**A Poisson variance for a common outcome.** The variance of z is {null.loc['poisson', 'variance_z']:.2f} "
        f"instead of about 1, so power to detect outliers is {power['poisson']} instead of {power['A']}.",
        f"**Complete-case analysis.** National survival is {_points(missing.loc['D complete', 'national_bias'])}. "
        f"Coverage by organisation is {covered['D complete']} instead of {covered['D imputed']}. Power to detect "
        f"outliers is {power_missing['C complete']} instead of {power_missing['C imputed']}.",
        "**Only people with complete potential follow-up.** This is unbiased, but people diagnosed last are excluded: "
        f"power is {power['A']}, compared with {power['C']} for pseudo-observations.",
    ]
    return Sentence("\n".join(f"- {line}" for line in lines), study)


def tabulate_funnel_tails(tail: float) -> Table:
    """Lay out exactly how often an organisation at the target lies beyond each kind of funnel limit.

    Returns
    -------
    Table
        Per kind of limit the mean over targets and sizes of realised over nominal
        tail probability, low and high, and the largest high ratio with its target and size.
    """
    rows = []
    for method, title in FUNNEL_METHODS.items():
        exact = pd.concat([realised_tail_probabilities(target, FUNNEL_SIZES, tail, method) for target in TARGETS])
        low, high = exact["lower_tail"] / tail, exact["upper_tail"] / tail
        worst = exact.iloc[int(np.argmax(high))]
        rows.append(
            {
                "Limits": title,
                "Lower tail": low.mean(),
                "Upper tail": high.mean(),
                "Highest": high.max(),
                "At a target of": worst["target"],
                "and people": int(worst["n"]),
            }
        )
    frame = pd.DataFrame(rows)
    return Table(frame, declare_not_counts(frame, EXACT), FUNNEL_FORMATS)


def average_funnel_tails(tail: float) -> Declared:
    """Average realised tail probabilities over targets, per kind of limit and size (for the figure)."""
    exact = [
        realised_tail_probabilities(target, FUNNEL_SIZES, tail, method)
        for method in FUNNEL_METHODS
        for target in TARGETS
    ]
    columns = ["nominal", "lower_tail", "upper_tail"]
    means = pd.concat(exact).groupby(["method", "n"], sort=False)[columns].mean().reset_index()
    return declare_not_counts(means, EXACT)


def tabulate_reflection(tail: float) -> Table:
    """Lay out limits from deaths and from survivors, in events; the difference should be zero.

    Returns
    -------
    Table
        Per target and size: the upper limit of the published formula for deaths, the
        same limit found by counting survivors, their difference in events, and that
        difference when half an event is added.
    """
    rows = []
    for target in TARGETS[:3]:
        for n in (20, 100, 500):
            row = {"Target": target, "People": n}
            for method in ("spiegelhalter", "midp"):
                deaths = n * binomial_limits(target, n, tail, method)["upper"].iloc[0]
                survivors = n * (1 - binomial_limits(1 - target, n, tail, method)["lower"].iloc[0])
                if method == "spiegelhalter":
                    row |= {"From deaths": deaths, "From survivors": survivors}
                row[f"gap {method}"] = round(survivors - deaths, 9)
            rows.append(row)
    frame = pd.DataFrame(rows).rename(
        columns={"gap spiegelhalter": "Difference", "gap midp": "Difference with half an event added"}
    )
    return Table(frame, declare_not_counts(frame, EXACT), REFLECTION_FORMATS)


def _column(wide: pd.DataFrame, name: str) -> np.ndarray:
    return wide[name].to_numpy() if name in wide else np.full(len(wide), np.nan)


def _points(value: float) -> str:
    return f"{abs(100 * value):.1f} percentage points too {'high' if value > 0 else 'low'}"


def _whole(share: float) -> str:
    return f"{100 * share:.0f}%"


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
