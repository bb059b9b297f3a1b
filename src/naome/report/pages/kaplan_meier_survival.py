"""The page of survival: Kaplan-Meier curves, numbers at risk, time points."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import matplotlib.pyplot as plt
import pandas as pd

from naome.core.durations import YEAR_DAYS
from naome.measures.net_survival import NetSurvival, read_age_standard
from naome.measures.study import Study, say_too_few
from naome.measures.survival import LATE_CLOCK
from naome.release import HIDDEN, Released, declare_not_counts, is_hidden, release_counts, release_variants
from naome.release.counts import hide_columns, is_near_known, is_small, policy_in_force
from naome.release.policy import POLICIES
from naome.release.suppress import WHY_SUPPRESSED
from naome.release.types import suppress_rows
from naome.report.axes import LINE_STYLES, End, begin_at_zero, label_ends, limit_years
from naome.report.display import Figure, Sentence, Table, format_number
from naome.report.figures import INK, PALETTE, draw_empty, use_style
from naome.report.labels import COHORT_NAMES, name_value
from naome.report.prose import say_count, say_list, say_years

NO_COHORT = "It is estimated from a diagnosis, and no cohort of this run begins with one."
ALIVE = "more than half of the people were alive when follow-up ended"


def tabulate_kaplan_meier(released: Released, *, group_by: str = "all") -> Table:
    """Lay out survival by cohort, group and time point."""
    rows = released.where(group_by=group_by).frame
    rows = rows[rows["measure"].str.startswith("survival_")]
    years = rows["measure"].str.extract(r"survival_(\d+)y(_period)?")
    time_point = years[0] + " years" + years[1].notna().map({True: " (period analysis)", False: ""})
    time_point = time_point.str.replace("^1 years", "1 year", regex=True)
    group = rows["group"].map(name_value) if group_by != "all" else None
    table = pd.DataFrame({"Cohort": rows["cohort"].map(COHORT_NAMES)})
    if group is not None:
        table["Group"] = group
    table["Time point"] = time_point
    frame = table.assign(
        People=rows["denominator"],
        Deaths=rows["numerator"],
        Survival=rows["estimate"],
        Lower=rows["lower"],
        Upper=rows["upper"],
        status=rows["status"],
        reason=rows["reason"],
    ).reset_index(drop=True)
    formats = {"People": "count", "Deaths": "count", **dict.fromkeys(("Survival", "Lower", "Upper"), "percent1")}
    return Table(frame, released, formats)


def tabulate_medians(
    medians: pd.DataFrame, study: Study, left: Mapping[str, Mapping[str, int | None]] = MappingProxyType({})
) -> Table:
    """Lay out median survival by cohort, in years.

    Parameters
    ----------
    medians : DataFrame
        From :func:`naome.measures.survival.estimate_medians`.
    study : Study
    left : mapping of str to mapping of str to int or None
        What results say of each cohort (:func:`list_left`). While everyone is followed, as many have died by the median
        as are half, and by its limits a number that follows from that of people: unless national figures are shown as
        they are, a time is suppressed where these are few more or fewer than results say have died by a time point.
    """
    times, counts = ["median", "lower", "upper"], ["people", "deaths"]
    minimum = study.params.survival.minimum_at_risk
    reached, few = medians["median"].notna(), medians["n_risk"] < minimum
    status = pd.Series("ok", index=medians.index).mask(few, "too_few").mask(~reached, "not_derivable")
    frame = medians.assign(
        cohort=medians["cohort"].map(COHORT_NAMES),
        **{name: (medians[name] / YEAR_DAYS).mask(status != "ok") for name in times},
        status=status,
        reason=status.map(
            {"too_few": say_too_few(minimum, "people still at risk at the median"), "not_derivable": ALIVE}
        ),
    )[["cohort", *counts, *times, "status", "reason"]]
    released = release_counts(frame, counts, study, with_it=times)
    if policy_in_force(study) is not None:  # with deaths until a time point, all deaths give those after it
        released = hide_columns(released, ["deaths"])
        policy = POLICIES[study.params.disclosure.policy]
        of_cohort = [left.get(COHORT_NAMES[cohort], {}) for cohort in medians["cohort"]]
        for time in times:
            dead = zip(medians[f"dead_{time}"], of_cohort, strict=True)
            near = pd.Series([is_near_known(*each, policy) for each in dead], index=medians.index, dtype=bool)
            released = hide_columns(released, [time], near)
    headings = {"cohort": "Cohort", "people": "People", "deaths": "Deaths", "median": "Median, years"}
    headings |= {"lower": "Lower", "upper": "Upper"}
    formats = {**dict.fromkeys(counts, "count"), **dict.fromkeys(times, "decimal2")}
    return Table(released.frame, released, formats, headings)


def release_survival(released: Released, study: Study) -> Released:
    """Suppress net survival whose people, or deaths, are few less than those of survival itself.

    Parameters
    ----------
    released : Released
        Survival and net survival of the nation, each by itself protected.
    study : Study

    Returns
    -------
    Released
        The same rows: unless national figures are shown as they are, a cohort has no net survival, nor by age, where
        few people, or few who died until a time point, are in no life table.
    """
    policy = policy_in_force(study)
    if policy is None:
        return released
    rows = released.where(level="nation", group_by="all", group="all", status="ok").frame
    counts = rows.set_index(["cohort", "measure"])[["denominator", "numerator"]]
    few = set()
    for cohort, measure in counts.index:
        whole = (cohort, measure.removeprefix("net_"))
        if measure.startswith("net_") and whole in counts.index:
            rest = counts.loc[whole].astype("Int64") - counts.loc[(cohort, measure)].astype("Int64")
            few |= {cohort} if is_small(rest, policy).any() else set()

    def take_out(frame: pd.DataFrame) -> pd.DataFrame:
        net = frame["measure"].str.startswith("net_survival_") & frame["cohort"].isin(few)
        return suppress_rows(frame, net, WHY_SUPPRESSED)

    return released.transform(take_out)


def list_withheld(released: Released, *, group_by: str = "all") -> list[str]:
    """List the groups, or cohorts, of which survival to a time point is suppressed: they have no curve."""
    rows = released.where(group_by=group_by, status="suppressed").frame
    rows = rows[rows["measure"].str.fullmatch(r"survival_\d+y")]
    return list(dict.fromkeys(rows["cohort"].map(COHORT_NAMES) if group_by == "all" else rows["group"]))


def list_left(released: Released, *, group_by: str = "all") -> dict[str, dict[str, int | None]]:
    """List the people of each group, or cohort, and those not known to have died until each time point, as shown.

    Returns
    -------
    dict of str to dict of str to int or None
        By group, or name of the cohort, and by the column of the numbers at risk (``1 y``); None where the result is
        suppressed.
    """
    rows = released.where(level="nation", group_by=group_by, status=["ok", "suppressed"]).frame
    rows = rows[rows["measure"].str.fullmatch(r"survival_\d+y")]
    found: dict[str, dict[str, int | None]] = {}
    for row in rows.to_dict("records"):
        left = found.setdefault(COHORT_NAMES[row["cohort"]] if group_by == "all" else row["group"], {})
        years = row["measure"].removeprefix("survival_").removesuffix("y")
        left[f"{years} y"] = None if row["status"] == "suppressed" else int(row["denominator"] - row["numerator"])
        if row["status"] == "ok":
            left["0 y"] = int(row["denominator"])
    return found


def tabulate_net_survival(released: Released) -> Table | Sentence:
    """Lay out net survival, for all ages, by age and standardised; a sentence where there is none at all."""
    rows = released.where(level="nation").frame
    rows = rows[rows["measure"].str.startswith("net_survival_")]
    if not (rows["status"] != "not_derivable").any():
        return Sentence(f"Net survival is not given. {' '.join(dict.fromkeys(rows['reason'])) or NO_COHORT}")
    years = rows["measure"].str.extract(r"net_survival_(\d+)y")[0].astype(int)
    age = rows["group"].where(rows["group_by"] != "all", "All ages")
    frame = pd.DataFrame(
        {
            "Cohort": rows["cohort"].map(COHORT_NAMES),
            "Age": age.mask(rows["measure"].str.endswith("_standardised"), "Standardised for age"),
            "Time point": years.map(lambda y: f"{y} year{'' if y == 1 else 's'}"),
            "People": rows["denominator"],
            "Deaths": rows["numerator"],
            "Net survival": rows["estimate"],
            "Lower": rows["lower"],
            "Upper": rows["upper"],
            "status": rows["status"],
            "reason": rows["reason"],
        }
    ).reset_index(drop=True)
    formats = {"People": "count", "Deaths": "count", **dict.fromkeys(("Net survival", "Lower", "Upper"), "percent1")}
    return Table(frame, released, formats)


def describe_net_survival(net: NetSurvival, study: Study) -> Sentence:
    """State which life table and which standard net survival uses, and how many people are in no life table."""
    standard, (first, last) = read_age_standard(study.definitions), net.years
    table = pd.DataFrame({"cohort": list(net.excluded), "excluded": list(net.excluded.values())})
    counted = release_counts(table, "excluded", study)
    numbers = dict(zip(table["cohort"], counted.frame["excluded"], strict=True))
    said = [f"{COHORT_NAMES[cohort].lower()}, {say_count(n, 'person', 'people')}" for cohort, n in numbers.items()]
    weights = say_list([f"{each.group} years {each.weight:g}%" for each in standard.groups])
    text = (
        f"The life table has the years {first} to {last}; other years have the mortality of the nearest. Excluded, "
        f"because sex or age is not recorded: {'; '.join(said)}. Age standard: {standard.title} ({weights})."
    )
    return Sentence(text, (counted, declare_not_counts(text, "Years of a life table, and weights of a standard.")))


def tabulate_at_risk(at_risk: Released) -> Table:
    """Lay out the numbers at risk of every cohort."""
    frame = at_risk.frame.rename(columns={"group": "Cohort"})
    return Table(frame, at_risk, dict.fromkeys(frame.columns[1:], "count"))


def tabulate_clocks(clocks: pd.DataFrame, study: Study) -> Table:
    """Lay out survival under other time origins (:func:`naome.measures.survival.compare_clocks`).

    Survival is not shown where few more, or fewer, people die than from the metastatic diagnosis: until everyone is
    followed it is a share of the same people, so that two of them give the people between. People are compared with all
    of the rule, and with those of every row above, at any time point; in a nation whose small groups are suppressed
    also the rest of the cohort, and those who die between two time points of one time origin, or of DN2 of any two: it
    is found within a year, so that who died within a year of it had died by the third year after the initial diagnosis.
    """
    counts = ("people", "left_out", "n_risk")
    clocks = clocks.sort_values("clock", key=lambda clock: clock != LATE_CLOCK, kind="stable")
    order, clocks = clocks.index, clocks.reset_index(drop=True)  # with that from which people are told first
    clocks["within"] = clocks["clock"].mask(clocks["route"] == "DN2", "")
    late = clocks.loc[clocks["clock"] == LATE_CLOCK, ["route", "years", "dead"]]
    own = clocks[["route", "years"]].merge(late, how="left", on=["route", "years"])
    own["people"] = clocks["people"] + clocks["left_out"]  # all of the rule, at every time point
    wholes = ["cohort_people", "cohort_dead"]
    own[wholes] = clocks[wholes]
    parts = [("dead", "people"), ("people", "cohort_people"), ("dead", "cohort_dead")]
    with_it, above = ("survival", "lower", "upper", "left_out", "n_risk"), {"people": ["route"]}
    if policy_in_force(study) is not None:
        above["dead"] = ["route", "within"]
    released = release_variants(clocks, ["people", "dead"], own, study, parts=parts, above=above, with_it=with_it)
    if study.params.disclosure.national != "show":  # the origins have the same people, who leave at other times
        released = hide_columns(released, ["n_risk"])
        # who is excluded is what people shown are less than all of the rule, and else would give these
        everyone = clocks["left_out"].eq(0) & ~released.frame["people"].map(is_hidden)
        released = hide_columns(released, ["left_out"], ~clocks["route"].isin(clocks.loc[everyone, "route"]))
    said = released.frame["dead"].map(is_hidden).astype(bool)  # in how few they differ, where that is why
    released = released.transform(
        lambda frame: (
            frame.assign(survival=frame["survival"].mask(said, frame["dead"]))
            .drop(columns=["dead", "within", *wholes])
            .set_axis(order)
            .sort_index()
        )
    )
    headings = {"route": "Rule", "clock": "Time origin", "years": "Years", "people": "People", "left_out": "Excluded"}
    headings |= {"n_risk": "At risk"}
    headings |= {"survival": "Survival", "lower": "Lower", "upper": "Upper"}
    formats = {
        "years": "int",
        **dict.fromkeys(counts, "count"),
        **dict.fromkeys(("survival", "lower", "upper"), "percent1"),
    }
    return Table(released.frame, released, formats, headings)


def draw_survival(curves: Released, at_risk: Released, years: list[float], *, alt: str) -> Figure:
    """Draw Kaplan-Meier curves with intervals, named where they end, and the numbers at risk below.

    Time ends where no one is followed longer.

    Parameters
    ----------
    curves : Released
        ``group, years, survival, lower, upper``.
    at_risk : Released
        ``group`` and one column per time in `years`.
    years : list of float
    alt : str
        How the text alternative begins; survival of each group is added.
    """
    groups = list(dict.fromkeys(curves.frame["group"]))
    if not groups:
        return draw_empty("Curves are not drawn: too few people, or suppressed by disclosure control.", curves)
    use_style()
    figure, (axes, below) = plt.subplots(
        2, 1, figsize=(7.2, 4.2 + 0.22 * len(groups)), sharex=True, height_ratios=[10, 1 + 0.9 * len(groups)]
    )
    table = at_risk.frame.set_index("group").reindex(groups).set_axis(years, axis=1)
    followed = [any(is_hidden(count) or count > 0 for count in table[year]) for year in years]
    times, end = limit_years(years, followed, float(curves.frame["years"].max()))
    ends, said = [], []
    for number, group in enumerate(groups):
        colour, style = PALETTE[number % len(PALETTE)], LINE_STYLES[number % len(LINE_STYLES)]
        rows, name = curves.where(group=group).frame, name_value(group)
        axes.step(rows["years"], 100 * rows["survival"], where="post", color=colour, linestyle=style, label=name)
        axes.fill_between(
            rows["years"], 100 * rows["lower"], 100 * rows["upper"], step="post", color=colour, alpha=0.15, linewidth=0
        )
        last = rows[rows["years"] <= end].iloc[-1]
        ends.append(End(min(float(last["years"]), end), 100 * float(last["survival"]), name, colour))
        said.append(_say_curve(name, rows, [year for year in times if year >= 1]))
    begin_at_zero(axes)
    axes.set_ylabel("Alive, %")
    axes.grid(axis="y", alpha=0.25)
    for position, group in enumerate(groups):
        for year in times:
            count = table.loc[group, year]
            number = str(HIDDEN) if is_hidden(count) else format_number(int(count), "count")
            below.text(year, -position, number, ha="center", va="center", fontsize=8.5, color=INK)
        beside = below.get_yaxis_transform()
        below.text(-0.07, -position, name_value(group), ha="right", va="center", fontsize=8.5, transform=beside)
    below.set_ylim(-len(groups) + 0.4, 0.6)
    below.set_yticks([])
    below.spines["left"].set_visible(False)
    below.set_title("At risk", fontsize=9)
    below.set_xticks(times, [f"{year:g}" for year in times])
    below.set_xlim(0, end * 1.01)
    below.set_xlabel("Years from the time origin")
    if len(groups) > 1 and not label_ends(axes, ends):
        axes.legend(loc="lower left")
    return Figure(figure, f"{alt}. Alive, as drawn: {'; '.join(said)}.", (curves, at_risk))


def _say_curve(group: str, curve: pd.DataFrame, years: list[float]) -> str:
    """Say what a curve shows at some times and at its end."""
    reached = [year for year in years if year <= curve["years"].max()]
    at = [(curve[curve["years"] <= year].iloc[-1]["survival"], say_years(int(year))) for year in reached]
    if not at:
        at = [(curve.iloc[-1]["survival"], f"{curve['years'].iloc[-1]:.1f} years")]
    parts = [f"{format_number(share, 'percent0')} after {when}" for share, when in at]
    return f"{group}, {', '.join(parts)}"
