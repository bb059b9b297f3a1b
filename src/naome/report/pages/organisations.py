"""The page that compares organisations on indicators."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naome.core.params import Params
from naome.core.results import NUMBERS, RESULT_KEY
from naome.measures.adjusted import Adjusted
from naome.measures.casemix.outliers import MINIMUM_UNITS
from naome.measures.specification import Specification
from naome.measures.variation import Variation, total_by_chance
from naome.release import Released, declare_not_counts
from naome.release.level_chances import expect_levels
from naome.report.axes import begin_at_zero, share_legend
from naome.report.display import Figure, Sentence, Table
from naome.report.figures import INK, draw_empty, use_style
from naome.report.funnels import (
    LEVELS_COUNTED,
    NOT_NAMED,
    OUTSIDE_LIMITS,
    count_everyone,
    draw_levels,
    drawable_units,
    find_funnel_top,
    find_largest,
    say_expected,
    say_levels,
    say_near_limits,
    say_units,
)
from naome.report.labels import COHORT_NAMES, name_term, title_of
from naome.report.proportions import LIMITS
from naome.report.prose import lower_first, say_count, say_list, say_percent, say_result
from naome.stats.funnel import binomial_limits

MORTALITY = "death_30d_chemotherapy"
TOO_FEW_TO_VARY = f"with fewer than {MINIMUM_UNITS} organisations their counts could be found from it"
FEW_SUPPRESSED = f"the counts of fewer than {MINIMUM_UNITS} suppressed organisations could be found from it"

ALERT_FORMATS = {"People": "count", "Percent": "percent1"}


VARIATION_FORMATS = {
    **dict.fromkeys(("Organisations", "Assessed", "Negative tail", "Central mass", "Positive tail"), "int"),
    **dict.fromkeys(("Alerts", "Alarms", "Alerts, adjusted for overdispersion"), "int"),
    "Alarms, adjusted for overdispersion": "int",
    "National": "percent1",
    "Alerts expected": "decimal1",
    "Alarms expected": "decimal2",
}


SPREAD_FORMATS = {
    "Variance": "decimal2",
    "Share beyond chance": "percent0",
    "p": "pvalue",
    **dict.fromkeys(("Median odds ratio", "Lower", "Upper", "phi"), "decimal2"),
}


ADJUSTED_FORMATS = {
    "People": "count",
    "Observed": "count",
    **dict.fromkeys(("Observed / expected", "from", "to"), "decimal2"),
    **dict.fromkeys(("Adjusted", "Lower", "Upper"), "percent1"),
}


def tabulate_alerts(
    variation: Variation, released: Released, specification: Specification, names: dict[str, str]
) -> Table:
    """Lay out the organisations outside the limits in both tails.

    Parameters
    ----------
    variation : Variation
    released : Released
        Indicators: numbers come from here, and only organisations whose result is shown are named.
    specification : Specification
    names : dict of str to str
        Code -> name.

    Returns
    -------
    Table
        Alarms first. Suppressed organisations are counted in one row per indicator.
    """
    outside = variation.units[variation.units["level"].isin(OUTSIDE_LIMITS)]
    shown = _released_providers(released)
    rows, hidden = [], {}
    # by name: an order by exact numbers would tell more than the numbers that are shown
    ordered = outside.assign(name=outside["unit"].map(lambda unit: names.get(unit, unit))).sort_values(
        ["level", "name"]
    )
    for row in ordered.to_dict("records"):
        title = title_of(specification, row["measure"], row["cohort"])
        found = shown.get((row["cohort"], row["measure"], row["unit"]))
        if found is None:
            hidden[title] = hidden.get(title, 0) + 1
            continue
        name = names.get(row["unit"], row["unit"])
        people, percent = found
        rows.append((title, name, row["level"], row["domain"], people, percent))
    rows += [(title, f"{n} not named", NOT_NAMED, "", None, None) for title, n in hidden.items()]
    columns = ["Indicator", "Organisation", "Outlier status", "Domain", "People", "Percent"]
    if not rows:
        rows = [("none", "", "", "", None, None)]
    order = {title_of(specification, i.id, c): k for k, i in enumerate(specification.indicators) for c in i.cohorts}
    table = pd.DataFrame(rows, columns=columns)
    table = table.sort_values("Indicator", key=lambda c: c.map(order), kind="stable").reset_index(drop=True)
    return Table(table.astype({"Percent": "float64", "People": "Int64"}), released, ALERT_FORMATS)


def say_comparisons(variation: Variation, params: Params) -> Sentence:
    """State how many organisations are outside the limits over all indicators, and how many are expected by chance."""
    summary, chance = variation.summary, total_by_chance(variation.summary)
    comparisons = int((summary["reason"] == "").sum())
    if not comparisons:
        return Sentence(
            f"No organisations ({params.unit_name}) could be compared.", declare_not_counts(summary, LEVELS_COUNTED)
        )
    alarms, alerts = (say_count(int(summary[name].sum()), name[:-1]) for name in ("alarms", "alerts"))
    return Sentence(
        f"{say_count(comparisons, 'comparison').capitalize()} of organisations ({params.unit_name}) on performance "
        f"indicators gave {alarms} and {alerts}, both tails together; {say_expected(*chance, params)}.",
        declare_not_counts(summary, LEVELS_COUNTED),
    )


def tabulate_domains(variation: Variation, released: Released, specification: Specification) -> Table:
    """Lay out how many organisations are in each domain, and how many are expected outside the limits by chance.

    For a neutral indicator the negative tail is the low one and the positive tail the high one.
    """
    s = variation.summary
    national = released.where(level="nation", group_by="all", status="suppressed").frame
    hidden = set(zip(national["measure"], national["cohort"], strict=True))
    shown = [pair not in hidden for pair in zip(s["measure"], s["cohort"], strict=True)]
    frame = pd.DataFrame(
        {
            "Indicator": _titles(s, specification),
            "National": s["target"].where(shown).to_numpy(),
            "Organisations": s["organisations"].to_numpy(),
            "Assessed": s["assessed"].to_numpy(),
            "Negative tail": s["low"].to_numpy(),
            "Central mass": s["central"].to_numpy(),
            "Positive tail": s["high"].to_numpy(),
            "Alerts": s["alerts"].to_numpy(),
            "Alerts expected": (s["chance_alerts"] - s["chance_alarms"]).to_numpy(),
            "Alarms": s["alarms"].to_numpy(),
            "Alarms expected": s["chance_alarms"].to_numpy(),
            "Alerts, adjusted for overdispersion": s["alerts_spread"].to_numpy(),
            "Alarms, adjusted for overdispersion": s["alarms_spread"].to_numpy(),
            **_status(s),
        }
    )
    return Table(frame, (released, declare_not_counts(s, LEVELS_COUNTED)), VARIATION_FORMATS)


def tabulate_spread(variation: Variation, specification: Specification) -> Table:
    """Lay out the variation between organisations beyond chance."""
    s = variation.summary
    frame = pd.DataFrame(
        {
            "Indicator": _titles(s, specification),
            "Median odds ratio": s["median_odds_ratio"].to_numpy(),
            "Lower": s["mor_lower"].to_numpy(),
            "Upper": s["mor_upper"].to_numpy(),
            "Variance": s["variance"].to_numpy(),
            "Share beyond chance": s["share_beyond_chance"].to_numpy(),
            "p": s["p_value"].to_numpy(),
            "phi": s["phi"].to_numpy(),
            **_status(s),
        }
    )
    silent = frame[["phi", "p", "Share beyond chance"]].isna().all(axis=1) & (frame["status"] == "ok")
    few = (s["organisations"] < MINIMUM_UNITS).to_numpy()
    frame.loc[silent & few, ["status", "reason"]] = "suppressed", TOO_FEW_TO_VARY
    frame.loc[silent & ~few, ["status", "reason"]] = "suppressed", FEW_SUPPRESSED
    return Table(frame, declare_not_counts(s, "Measures of variation between organisations."), SPREAD_FORMATS)


def tabulate_adjusted(
    adjusted: Iterable[Adjusted],
    released: Released,
    specification: Specification,
    names: dict[str, str],
    *,
    outside: bool = False,
) -> Table:
    """Lay out the organisations of risk-adjusted indicators, in the order of their names.

    Parameters
    ----------
    adjusted : iterable of Adjusted
    released : Released
        Their results; suppressed organisations are counted together and not named.
    specification : Specification
        For the titles.
    names : dict of str to str
    outside : bool
        Only organisations outside the alert limits.

    Returns
    -------
    Table
        ``from, to`` are the limits of observed over expected. An indicator without a
        model is one row that says why.
    """
    columns = ["Indicator", "Organisation", *ADJUSTED_FORMATS, "Outlier status", "Direction", "status", "reason"]
    pieces = [_adjusted_rows(each, released.frame, specification, names, outside) for each in adjusted]
    rows = [row for piece in pieces for row in piece] or [{"Indicator": "none"}]
    table = pd.DataFrame(rows).reindex(columns=columns)
    texts = ["Organisation", "Outlier status", "Direction", "reason"]
    table[texts] = table[texts].fillna("")
    table["status"] = table["status"].fillna("ok")
    kinds = {"People": "Int64", "Observed": "Int64", **dict.fromkeys(list(ADJUSTED_FORMATS)[2:], "float64")}
    return Table(table.astype(kinds), released, ADJUSTED_FORMATS)


def say_shown(released: Released, specification: Specification) -> Sentence:
    """Say on which indicators fewer than half of the organisations have a result that can be shown."""
    few = _count_shown(released)
    if few.empty:
        return Sentence("On every indicator, at least half of the organisations have a result that can be shown.")
    lines = [
        f"- {title_of(specification, row.measure, row.cohort)}: {row.shown} of {row.organisations}"
        for row in few.itertuples()
    ]
    head = (
        "Disclosure control leaves fewer than half of the organisations with a result on these indicators. Which are "
        "shown depends on their results, so they are not a fair sample of all:"
    )
    return Sentence("\n".join([head, "", *lines]), released)


def tabulate_alliances(released: Released, specification: Specification) -> Table | Sentence:
    """Lay out the results of cancer alliances on the indicators on which few organisations have one.

    Returns
    -------
    Table or Sentence
        Suppressed alliances are counted in one row per indicator; a sentence where there is nothing to lay out.
    """
    alliances = released.where(level="alliance", group_by="all").frame
    pieces = []
    for row in _count_shown(released).itertuples():
        mine = alliances[(alliances["measure"] == row.measure) & (alliances["cohort"] == row.cohort)]
        if mine.empty:
            continue
        shown = mine[mine["status"] == "ok"].sort_values("unit_name")
        rows = shown[["denominator", "estimate", "lower", "upper"]].set_axis(["People", *LIMITS], axis=1)
        rows.insert(0, "Cancer alliance", shown["unit_name"])
        if len(mine) > len(shown):
            rest = pd.DataFrame(
                {"Cancer alliance": [say_count(len(mine) - len(shown), "other")], "status": ["suppressed"]}
            )
            rows = pd.concat([rows, rest.astype(object)], ignore_index=True)
        rows.insert(0, "Indicator", title_of(specification, row.measure, row.cohort))
        pieces.append(rows)
    if alliances.empty or not pieces:
        return Sentence("There are no results of cancer alliances to show.")
    return Table(pd.concat(pieces, ignore_index=True), released, {"People": "count", **LIMITS})


def _count_shown(released: Released) -> pd.DataFrame:
    """Return ``measure, cohort, shown, organisations`` of indicators on which fewer than half have a result."""
    rows = released.where(level="provider", group_by="all").frame
    rows = rows[rows["status"].isin(["ok", "suppressed", "too_few"])]
    shown = rows.assign(shown=rows["status"] == "ok").groupby(["measure", "cohort"], sort=False)["shown"]
    counts = shown.agg(shown="sum", organisations="size").reset_index()
    return counts[2 * counts["shown"] < counts["organisations"]]


def say_women(adjusted: Iterable[Adjusted], released: Released) -> Sentence:
    """Say the published figure of death within 30 days of chemotherapy, which is of women; or why there is none."""
    rows = released.where(measure=MORTALITY, group_by="sex", group="female").frame.to_dict("records")
    said = [f"{COHORT_NAMES[row['cohort']].lower()} {say_result(row)}" for row in rows]
    if said:
        return Sentence(
            f"The published figure is for women: {say_list(said)}. The comparison of organisations includes everyone.",
            released,
        )
    reason = next(each.reason for each in adjusted if each.indicator == MORTALITY)
    return Sentence(reason, declare_not_counts(reason, "Why an indicator cannot be derived."))


def describe_rare_levels(adjusted: Iterable[Adjusted], specification: Specification) -> Sentence:
    """State which levels of the case mix are too rare to estimate a coefficient."""
    rare = [
        f"{', '.join(map(name_term, each.rare))} ({lower_first(title_of(specification, each.indicator, each.cohort))})"
        for each in adjusted
        if each.rare
    ]
    if not rare:
        return Sentence("An effect could be estimated for every level of the case mix.")
    text = (
        "No effect could be estimated for some levels of the case mix, because too few people with them had the "
        f"outcome or too few did not: {'; '.join(rare)}. Expected numbers are not affected."
    )
    return Sentence(text, declare_not_counts(text, "Names of levels and indicators."))


def describe_adjusted(adjusted: Iterable[Adjusted], specification: Specification, params: Params) -> Sentence:
    """Say for every risk-adjusted indicator the national value, alerts and alarms, or why there is none.

    Returns
    -------
    Sentence
        A Markdown list.
    """
    lines = []
    for each in adjusted:
        title = title_of(specification, each.indicator, each.cohort)
        if each.reason:
            lines.append(f"- {title}: {each.reason}")
            continue
        counts = each.table["level"].value_counts()
        alerts, alarms = expect_levels(each.table, params)
        national = "national value not shown" if np.isnan(each.national) else f"{say_percent(each.national)} nationally"
        line = (
            f"- {title}: {national}; {say_levels(counts)}, both tails together; {say_expected(alerts, alarms, params)}."
        )
        lines.append(f"{line} {say_near_limits({'': each.table}, params)}".rstrip())
    return Sentence("\n".join(lines), declare_not_counts("\n".join(lines), LEVELS_COUNTED))


def collect_panels(
    adjusted: Iterable[Adjusted], released: Released, specification: Specification
) -> list[tuple[str, float, pd.DataFrame, str]]:
    """Return title, national value, released organisations with their ``level``, and indicator, of every model.

    There is no panel where the national value is not shown: points and limits are drawn around it.
    """
    panels = []
    for each in adjusted:
        if not each.reason and not np.isnan(each.national):
            units = drawable_units(released, f"{each.indicator}_adjusted", each.cohort).frame.drop(columns="level")
            units = units.merge(each.table[["unit", "level"]], on="unit")
            title = title_of(specification, each.indicator, each.cohort)
            panels.append((title, each.national, units, each.indicator))
    return panels


def most_variable(variation: Variation) -> tuple[str, str] | None:
    """Return measure and cohort of the indicator with most variation beyond chance; None if none."""
    compared = variation.summary[variation.summary["reason"] == ""]
    if compared.empty:
        return None
    row = compared.loc[compared["share_beyond_chance"].astype(float).idxmax()]
    return row["measure"], row["cohort"]


def _released_providers(released: Released) -> dict[tuple, tuple]:
    rows = released.where(level="provider", group_by="all", status="ok").frame
    keys = rows[[c for c in RESULT_KEY if c in ("cohort", "measure", "unit")]].itertuples(index=False)
    return {tuple(k): (d, e) for k, d, e in zip(keys, rows["denominator"], rows["estimate"], strict=True)}


def _adjusted_rows(
    each: Adjusted, released: pd.DataFrame, specification: Specification, names: dict[str, str], outside: bool
) -> list[dict]:
    title = title_of(specification, each.indicator, each.cohort)
    if each.reason:
        return [{"Indicator": title, "Organisation": "all", "status": "not_derivable", "reason": each.reason}]
    mine = released[(released["cohort"] == each.cohort) & (released["level"] == "provider")]
    rows = mine[mine["measure"] == f"{each.indicator}_adjusted"].set_index("unit")
    ratios = mine[mine["measure"] == f"{each.indicator}_ratio"].set_index("unit").reindex(rows.index)
    table = each.table.set_index("unit")
    if outside:
        rows = rows[table["level"].reindex(rows.index).isin(OUTSIDE_LIMITS)]
    shown = rows.index[rows["status"] == "ok"]
    order = sorted(shown, key=lambda unit: names.get(unit, unit))
    out = [
        {
            "Indicator": title,
            "Organisation": names.get(unit, unit),
            "People": rows.loc[unit, "denominator"],
            "Observed": rows.loc[unit, "numerator"],
            **dict(zip(("Observed / expected", "from", "to"), ratios.loc[unit, NUMBERS], strict=True)),
            **dict(zip(("Adjusted", "Lower", "Upper"), rows.loc[unit, NUMBERS], strict=True)),
            "Outlier status": table.loc[unit, "level"].replace("_", " "),
            "Direction": table.loc[unit, "direction"],
        }
        for unit in order
    ]
    left = len(rows) - len(shown)
    if left:
        word = NOT_NAMED if outside else "too few people or suppressed"
        out.append({"Indicator": title, "Organisation": f"{left} not named", "Outlier status": word})
    return out


def _titles(summary: pd.DataFrame, specification: Specification) -> list[str]:
    return [title_of(specification, m, c) for m, c in zip(summary["measure"], summary["cohort"], strict=True)]


def _status(summary: pd.DataFrame) -> dict[str, list]:
    reasons = summary["reason"].tolist()
    return {"status": ["not_derivable" if reason else "ok" for reason in reasons], "reason": reasons}


def draw_proportion_funnels(
    adjusted: Iterable[Adjusted],
    released: Released,
    specification: Specification,
    tails: tuple[float, float],
    *,
    alt: str,
) -> Figure:
    """Draw adjusted proportions of organisations against their size, one panel per indicator and cohort.

    The scale of people is that of all panels, the scale of percentages that of all cohorts of an indicator.

    Parameters
    ----------
    adjusted : iterable of Adjusted
    released : Released
        Their results.
    specification : Specification
        For the titles.
    tails : (float, float)
        One-sided tail probabilities of the two pairs of limits.
    alt : str
        How the text alternative begins; what each panel shows is added.
    """
    panels = collect_panels(adjusted, released, specification)
    if not panels:
        return draw_empty("There is no comparison, or no national value is shown, so no figure is drawn.", released)
    use_style()
    rows = -(-len(panels) // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(8.6, 3.3 * rows), sharex=True, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    largest = find_largest([units for _, _, units, _ in panels], 50)
    sizes = np.unique(np.linspace(5, largest, 150).astype(int))
    said = []
    for axes, (title, target, units, indicator) in zip(grid.flat, panels, strict=False):
        for tail, style, name in zip(tails, ("--", "-"), ("alert limits", "alarm limits"), strict=True):
            limits = binomial_limits(target, sizes, tail, everyone=count_everyone(units, sizes))
            for side in ("lower", "upper"):
                label = name if side == "upper" else None
                axes.plot(sizes, 100 * limits[side], style, color=INK, linewidth=0.9, label=label)
        axes.axhline(100 * target, color=INK, linewidth=0.8)
        draw_levels(axes, units)
        axes.set_xlim(0, largest)
        begin_at_zero(axes, find_funnel_top([(value, drawn) for _, value, drawn, of in panels if of == indicator]))
        axes.set_title(textwrap.fill(title, 48), fontsize=9.5)
        said.append(f"{title}: {lower_first(say_units(units, target, assessed=True))}.")
    for axes in grid[-1]:
        axes.set_xlabel("People in the organisation")
    for line in grid:
        line[0].set_ylabel("Adjusted, %")
    share_legend(figure)
    text = f"{alt}. {' '.join(said)}"
    return Figure(figure, text, (released, declare_not_counts(text, LEVELS_COUNTED)))
