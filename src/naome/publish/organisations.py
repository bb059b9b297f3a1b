"""Tables and names of the pages that compare organisations; whoever is hidden is not named."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from naome.disclosure import Declared, Released, declare_not_counts
from naome.measures.adjusted import Adjusted
from naome.measures.outliers import MINIMUM_UNITS, expected_false_alarms
from naome.measures.risk import Assessment, list_tables, say_horizon_not_reached
from naome.measures.specification import Specification
from naome.measures.variation import Variation, total_by_chance
from naome.params import Params
from naome.publish.display import Sentence, Table
from naome.publish.prose import lower_first, say_count, say_interval, say_list, say_percent, say_result
from naome.publish.tables import COHORT_NAMES, name_term
from naome.results import KEY
from naome.run import Run
from naome.stats.funnel import classify_z

OUTSIDE = ("alert", "alarm")
MORTALITY = "death_30d_chemotherapy"
ALERT_FORMATS = {"People": "count", "Percent": "percent1"}
VARIATION_FORMATS = {
    **{name: "int" for name in ("Organisations", "Assessed", "Negative tail", "Central mass", "Positive tail")},
    **{name: "int" for name in ("Alerts", "Alarms", "Alerts, spread allowed", "Alarms, spread allowed")},
    "National": "percent1",
    "Alerts by chance": "decimal1",
    "Alarms by chance": "decimal2",
}
SPREAD_FORMATS = {
    "Variance": "decimal2",
    "Beyond chance": "percent0",
    "p": "pvalue",
    **{name: "decimal2" for name in ("Median odds ratio", "Lower", "Upper", "phi")},
}
ADJUSTED_FORMATS = {
    "People": "count",
    "Observed": "count",
    **{name: "decimal2" for name in ("Observed / expected", "from", "to")},
    **{name: "percent1" for name in ("Adjusted", "Lower", "Upper")},
}
OUTSIDE_FORMATS = {"People": "count", **{name: "percent1" for name in ("Adjusted survival", "Lower", "Upper")}}
COUNT_FORMATS = {"Alarms expected": "decimal2", "Alerts expected": "decimal1"}
# Whoever is beyond the limits without a result that may be shown
NOT_NAMED = "hidden by disclosure control"
_NUMBERS = ["estimate", "lower", "upper"]
LEVELS_COUNTED = "Numbers of organisations, and national values of models that many events are needed for."


def name_organisations(run: Run) -> dict[str, str]:
    """Return code -> name of the organisations of a run; empty where the data hold no names."""
    file = run.canonical / "organisations.parquet"
    if not file.is_file():
        return {}
    table = pd.read_parquet(file)
    return dict(zip(table["provider"].astype(str), table["name"].astype(str), strict=True))


def title_of(specification: Specification, measure: str, cohort: str) -> str:
    """Return an indicator's title with its cohort."""
    return f"{specification[measure].title} ({COHORT_NAMES[cohort].lower()})"


def tabulate_alerts(
    variation: Variation, released: Released, specification: Specification, names: dict[str, str]
) -> Table:
    """Lay out the organisations beyond the limits in both tails.

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
        Alarms first. Organisations hidden by disclosure control stand together in one row per indicator.
    """
    outside = variation.units[variation.units["level"].isin(OUTSIDE)]
    shown = _released_providers(released)
    rows, hidden = [], {}
    ordered = outside.assign(size=outside["z"].abs()).sort_values(["level", "size"], ascending=[True, False])
    for row in ordered.to_dict("records"):
        title = title_of(specification, row["measure"], row["cohort"])
        found = shown.get((row["cohort"], row["measure"], row["unit"]))
        if found is None:
            hidden[title] = hidden.get(title, 0) + 1
            continue
        name = names.get(row["unit"], row["unit"])
        people, percent = found
        rows.append((title, name, row["level"], row["domain"], people, percent))
    rows += [(title, f"{n} not named", "hidden by disclosure control", "", None, None) for title, n in hidden.items()]
    columns = ["Indicator", "Organisation", "Level", "Domain", "People", "Percent"]
    if not rows:
        rows = [("none", "", "", "", None, None)]
    order = {title_of(specification, i.id, c): k for k, i in enumerate(specification.indicators) for c in i.cohorts}
    table = pd.DataFrame(rows, columns=columns)
    table = table.sort_values("Indicator", key=lambda c: c.map(order), kind="stable").reset_index(drop=True)
    return Table(table.astype({"Percent": "float64", "People": "Int64"}), released, ALERT_FORMATS)


def say_comparisons(variation: Variation, params: Params) -> Sentence:
    """Say how many organisations are beyond the limits over all indicators, and how many would be by chance."""
    summary, chance = variation.summary, total_by_chance(variation.summary)
    compared = say_count(int((summary["reason"] == "").sum()), "comparison").capitalize()
    return Sentence(
        f"{compared} of organisations ({params.unit_name}) on performance indicators: {summary['alarms'].sum():.0f} "
        f"alarms and {summary['alerts'].sum():.0f} alerts in both tails. If all organisations were alike, chance alone "
        f"would give {chance[1]:.1f} alarms and {chance[0] - chance[1]:.1f} alerts over all of them.",
        declare_not_counts(summary, LEVELS_COUNTED),
    )


def tabulate_domains(variation: Variation, released: Released, specification: Specification) -> Table:
    """Lay out how many organisations lie in each domain, and how many would by chance.

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
            "Alerts by chance": s["chance_alerts"].to_numpy(),
            "Alarms": s["alarms"].to_numpy(),
            "Alarms by chance": s["chance_alarms"].to_numpy(),
            "Alerts, spread allowed": s["alerts_spread"].to_numpy(),
            "Alarms, spread allowed": s["alarms_spread"].to_numpy(),
            **_status(s),
        }
    )
    return Table(frame, (released, declare_not_counts(s, LEVELS_COUNTED)), VARIATION_FORMATS)


def tabulate_spread(variation: Variation, specification: Specification) -> Table:
    """Lay out the variation between organisations that chance does not explain."""
    s = variation.summary
    frame = pd.DataFrame(
        {
            "Indicator": _titles(s, specification),
            "Median odds ratio": s["median_odds_ratio"].to_numpy(),
            "Lower": s["mor_lower"].to_numpy(),
            "Upper": s["mor_upper"].to_numpy(),
            "Variance": s["variance"].to_numpy(),
            "Beyond chance": s["share_beyond_chance"].to_numpy(),
            "p": s["p_value"].to_numpy(),
            "phi": s["phi"].to_numpy(),
            **_status(s),
        }
    )
    return Table(frame, declare_not_counts(s, "Measures of spread between organisations."), SPREAD_FORMATS)


def tabulate_adjusted(
    adjusted: Iterable[Adjusted],
    released: Released,
    specification: Specification,
    names: dict[str, str],
    *,
    outside: bool = False,
) -> Table:
    """Lay out the organisations of risk-adjusted indicators, those furthest from expectation first.

    Parameters
    ----------
    adjusted : iterable of Adjusted
    released : Released
        Their results; organisations that are hidden are counted together and not named.
    specification : Specification
        For the titles.
    names : dict of str to str
    outside : bool
        Only organisations beyond the alert limits.

    Returns
    -------
    Table
        ``from, to`` are the limits of observed over expected. An indicator without a
        model is one row that says why.
    """
    columns = ["Indicator", "Organisation", *ADJUSTED_FORMATS, "Level", "Side", "status", "reason"]
    pieces = [_adjusted_rows(each, released.frame, specification, names, outside) for each in adjusted]
    rows = [row for piece in pieces for row in piece] or [{"Indicator": "none"}]
    table = pd.DataFrame(rows).reindex(columns=columns)
    table[["Organisation", "Level", "Side", "reason"]] = table[["Organisation", "Level", "Side", "reason"]].fillna("")
    table["status"] = table["status"].fillna("ok")
    kinds = {"People": "Int64", "Observed": "Int64", **dict.fromkeys(list(ADJUSTED_FORMATS)[2:], "float64")}
    return Table(table.astype(kinds), released, ADJUSTED_FORMATS)


def say_women(adjusted: Iterable[Adjusted], released: Released) -> Sentence:
    """Say the published figure of death within 30 days of chemotherapy, which is of women; or why there is none."""
    rows = released.where(measure=MORTALITY, group_by="sex", group="female").frame.to_dict("records")
    said = [f"{COHORT_NAMES[row['cohort']].lower()} {say_result(row)}" for row in rows]
    if said:
        return Sentence(f"The audit publishes women: {say_list(said)}. The comparison here is of everyone.", released)
    reason = next(each.reason for each in adjusted if each.indicator == MORTALITY)
    return Sentence(reason, declare_not_counts(reason, "Why an indicator cannot be derived."))


def describe_rare_levels(adjusted: Iterable[Adjusted], specification: Specification) -> Sentence:
    """Say which levels of the case mix are too rare for a coefficient of their own."""
    rare = [
        f"{', '.join(map(name_term, each.rare))} ({lower_first(title_of(specification, each.indicator, each.cohort))})"
        for each in adjusted
        if each.rare
    ]
    if not rare:
        return Sentence("Every level of the case mix could be estimated.")
    text = (
        "No effect could be estimated for some levels of the case mix, because everybody with them, or nobody, had the "
        f"outcome: {'; '.join(rare)}. Expected numbers are not affected."
    )
    return Sentence(text, declare_not_counts(text, "Names of levels and indicators."))


def describe_adjusted(adjusted: Iterable[Adjusted], specification: Specification, params: Params) -> Sentence:
    """Say for every risk-adjusted indicator the national value, the levels and what chance gives, or why there is none.

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
        alerts, alarms = expected_false_alarms(each.table, params)
        lines.append(
            f"- {title}: {say_percent(each.national)} nationally; {_count_levels(counts)}, {alarms:.1f} and "
            f"{alerts - alarms:.1f} by chance alone."
        )
    return Sentence("\n".join(lines), declare_not_counts("\n".join(lines), LEVELS_COUNTED))


def describe_assessments(assessments: dict[str, Assessment], params: Params) -> Sentence:
    """Say for every cohort how many organisations lie outside the limits and how many would by chance, or why not.

    Returns
    -------
    Sentence
        A Markdown list.
    """
    lines = []
    for cohort, each in assessments.items():
        name = COHORT_NAMES[cohort]
        if each.reason:
            lines.append(f"- **{name}**: organisations are not compared: {each.reason}.")
            continue
        for years, table in each.tables.items():
            counts = table["level"].value_counts()
            alerts, alarms = expected_false_alarms(table, params)
            assessed = int((table["level"] != "not_assessed").sum())
            lines.append(
                f"- **{name}, {_years(years)}**: national survival is {say_percent(each.national[years])}. Among "
                f"{say_count(assessed, 'organisation')} assessed ({params.unit_name}): "
                f"{_count_levels(counts)}, in both directions; chance alone would give {alarms:.1f} and "
                f"{alerts - alarms:.1f}."
            )
        for years in params.survival.horizons_years:
            if years not in each.tables:
                lines.append(f"- **{name}, {_years(years)}**: not compared, since {say_horizon_not_reached(years)}.")
    return Sentence("\n".join(lines), declare_not_counts("\n".join(lines), LEVELS_COUNTED))


def describe_case_mix(assessments: dict[str, Assessment]) -> Sentence:
    """Say for every cohort what the model rests on: what is recorded, imputed, and left out.

    Returns
    -------
    Sentence
        A Markdown list; a cohort without a model has no line.
    """
    lines = []
    for cohort, each in assessments.items():
        if each.reason:
            continue
        case_mix = each.case_mix
        made, needed = len(case_mix.completed), case_mix.needed
        share = say_percent(case_mix.recorded["recorded"].mean())
        line = (
            f"- **{COHORT_NAMES[cohort]}**: case-mix items that can be missing are recorded for {share} on average "
            f"over organisations. The model rests on {say_count(made, 'completed data set')}."
        )
        if made > 1:
            fmi = max(table["fmi"].max() for table in each.tables.values())
            line += f" The largest fraction of missing information of an organisation's estimate is {fmi:.2f}."
        if needed > made:
            line += f" That asks for {needed}; the parameters cap them."
        if case_mix.dropped:
            line += f" Left out, since nobody differs or no coefficient is finite: {say_list(case_mix.dropped)}."
        lines.append(line)
    made = declare_not_counts("\n".join(lines), "Shares of items recorded, and numbers of completed data sets.")
    return Sentence(
        "\n".join(lines)
        + "\n\nImputation knows outcome and organisation. The models, their checks and what other ways "
        "of handling missing items would change are on the page of the case-mix model.",
        made,
    )


def describe_spread(assessments: dict[str, Assessment], params: Params) -> Sentence:
    """Say how large the spread between organisations beyond chance is, and what the policy does about it."""
    found = [
        f"{table['phi'].max():.2f} ({COHORT_NAMES[cohort].lower()}, {_years(years)})"
        for (cohort, years), table in list_tables(assessments).items()
        if np.isfinite(table["phi"].max())
    ]
    if not found:
        few = f"Spread between organisations is not estimated: that takes {MINIMUM_UNITS} of them."
        return Sentence(few, declare_not_counts(few, LEVELS_COUNTED))
    rule = "does not allow" if params.outliers.overdispersion == "none" else "allows"
    return Sentence(
        f"The mean square of z over organisations, outer tenths pulled in, is {say_list(found)}; chance alone gives "
        f"less than one. The policy, fixed beforehand, {rule} for spread when it gives levels: allowing for it hides "
        "real differences, not allowing for it blames organisations for what no model explains. Both are shown.",
        declare_not_counts(say_list(found), "Measures of spread between organisations."),
    )


def tabulate_outside(
    tables: dict[tuple[str, int], pd.DataFrame], released: Released, params: Params, names: dict[str, str]
) -> Table:
    """Lay out the organisations beyond the alert limits at any horizon, both tails.

    Parameters
    ----------
    tables : dict of (str, int) to DataFrame
        (cohort, years) -> judged organisations with ``early_warning_z`` and ``logistic_z``.
    released : Released
        Results: numbers come from here, and only organisations whose result is shown are named.
    params : Params
    names : dict of str to str
        Code -> name.

    Returns
    -------
    Table
        ``Organisation, Cohort, Horizon, Level`` (the policy's), ``Allowing for spread`` or ``Not allowing for spread``
        (the other one), ``Early warning`` and ``Logistic`` (the levels that deaths against expected deaths, and a
        logistic model of those followed long enough, would give; they never change the level), ``Survival is``, people
        and adjusted survival. Alarms first; one row per cohort and horizon counts those that are hidden.
    """
    additive = params.outliers.overdispersion == "additive"
    other, heading = ("level_plain", "Not allowing for spread") if additive else ("level_spread", "Allowing for spread")
    tails = (params.outliers.alert_tail, params.outliers.alarm_tail)
    columns = ["Organisation", "Cohort", "Horizon", "Survival is", "Level", heading, "Early warning", "Logistic"]
    rows = []
    for (cohort, years), table in tables.items():
        outside = table[table["level_plain"].isin(OUTSIDE) | table["level_spread"].isin(OUTSIDE)]
        outside = outside.assign(
            early=classify_z(outside["early_warning_z"], tails=tails, higher_is="worse")["level"].to_numpy(),
            logistic=classify_z(outside["logistic_z"], tails=tails, higher_is="worse")["level"].to_numpy(),
            size=outside["z"].abs(),
        ).sort_values(["level", "size"], ascending=[True, False])
        shown = drawable_units(released, f"survival_{years}y_adjusted", cohort).frame.set_index("unit")
        for row in outside[outside["unit"].isin(shown.index)].to_dict("records"):
            result = shown.loc[row["unit"]]
            logistic = row["logistic"] if np.isfinite(row["logistic_z"]) else "not fitted"
            side = "better" if row["z"] < 0 else "worse"
            words = (names.get(row["unit"], row["unit"]), COHORT_NAMES[cohort], f"{years} y", side, row["level"])
            rows.append((*words, row[other], row["early"], logistic, result["denominator"], *result[_NUMBERS]))
        hidden = int((~outside["unit"].isin(shown.index)).sum())
        if hidden:
            words = (f"{hidden} not named", COHORT_NAMES[cohort], f"{years} y", "", NOT_NAMED, "", "", "")
            rows.append((*words, None, None, None, None))
    rows = rows or [("none", *[""] * 7, None, None, None, None)]
    table = pd.DataFrame(rows, columns=[*columns, *OUTSIDE_FORMATS]).replace("not_assessed", "not assessed")
    table = table.astype({**dict.fromkeys(OUTSIDE_FORMATS, "float64"), "People": "Int64"})
    return Table(table, released, OUTSIDE_FORMATS)


def tabulate_counts(tables: dict[tuple[str, int], pd.DataFrame], params: Params) -> Table:
    """Count levels at every horizon, with and without allowance for spread, beside chance.

    Returns
    -------
    Table
        Two rows per cohort and horizon; alarms are not counted among the alerts, and are in ``Alerts expected``
        neither. One row that says none when there is no comparison.
    """
    rows = []
    for (cohort, years), table in tables.items():
        beyond_alert, beyond_alarm = expected_false_alarms(table, params)
        assessed = table["level"] != "not_assessed"
        for column, allowing in (("level_plain", "no"), ("level_spread", "yes")):
            counts = {
                f"{level.capitalize()}s, {side}": int(((table[column] == level) & (np.sign(table["z"]) == sign)).sum())
                for level in ("alarm", "alert")
                for side, sign in (("worse", 1), ("better", -1))
            }
            rows.append(
                {
                    "Cohort": COHORT_NAMES[cohort],
                    "Horizon": f"{years} y",
                    "Allowing for spread": allowing,
                    "Assessed": int(assessed.sum()),
                    "Not assessed": int((~assessed).sum()),
                    **counts,
                    "Alarms expected": beyond_alarm,
                    "Alerts expected": beyond_alert - beyond_alarm,
                }
            )
    nothing = {"Cohort": "none", "Horizon": "", "Alarms expected": np.nan, "Alerts expected": np.nan}
    frame = pd.DataFrame(rows or [nothing])
    formats = dict.fromkeys(frame.columns[3:-2], "int") | COUNT_FORMATS
    return Table(frame, declare_not_counts(frame, "Numbers of organisations."), formats)


def tabulate_not_assessed(assessments: dict[str, Assessment], names: dict[str, str]) -> Table:
    """Lay out the cohorts and organisations that are not assessed at the first horizon, and why."""
    rows = []
    for cohort, each in assessments.items():
        if each.reason:
            rows.append((COHORT_NAMES[cohort], "all", each.reason))
        table = each.first
        for row in table[table["level"] == "not_assessed"].to_dict("records"):
            rows.append((COHORT_NAMES[cohort], names.get(row["unit"], row["unit"]), row["reason"]))
    frame = pd.DataFrame(rows or [("none", "", "")], columns=["Cohort", "Organisation", "Why not assessed"])
    return Table(frame, declare_not_counts(frame, "Names of organisations and the limits they do not reach."))


def tabulate_survival(released: Released, names: dict[str, str], cohorts: Iterable[str]) -> Table:
    """Lay out risk-adjusted survival of every organisation: one row per organisation and cohort, horizons side by side.

    Parameters
    ----------
    released : Released
        Results ``survival_<y>y_adjusted``.
    names : dict of str to str
    cohorts : iterable of str

    Returns
    -------
    Table
        Texts: estimate with its 95% interval, or why there is none. A cohort that is not compared is one row.
    """
    rows = released.frame[released.frame["measure"].str.fullmatch(r"survival_\d+y_adjusted")]
    order = {cohort: position for position, cohort in enumerate(cohorts)}
    years = rows["measure"].str.extract(r"_(\d+)y_")[0].astype(int)
    organisations = rows["level"] == "provider"
    rows = rows.assign(
        Organisation=rows["unit"].map(lambda unit: names.get(unit, unit)).where(organisations, "all"),
        Cohort=rows["cohort"].map(COHORT_NAMES),
        order=rows["cohort"].map(order),
        years=years,
        text=[_write_survival(row) for row in rows.to_dict("records")],
    )
    reached = set(years[organisations]) or set(years)
    rows = rows[rows["years"].isin(reached)].sort_values(["Organisation", "order", "years"], kind="stable")
    keys = ["Organisation", "Cohort"]
    table = rows.pivot_table(index=keys, columns="years", values="text", aggfunc="first", sort=False)
    table = table[sorted(table.columns)].rename(columns=_years)
    people = rows.groupby(keys, sort=False)["denominator"].max()
    table.insert(0, "People", people.reindex(table.index).astype("Int64"))
    table = table.reset_index().rename_axis(columns=None)
    table = table.fillna({name: "" for name in table.columns if name != "People"})
    return Table(table, released, {"People": "count"})


def tabulate_record(record: Declared) -> Table:
    """Lay out the record of an assessment: one row per item; what is the same throughout stands once."""
    if record.frame.empty:
        return Table(pd.DataFrame({"Item": ["none"], "Value": ["no organisation was assessed"]}), record)
    return Table(_turn_record(record.frame), record)


def _turn_record(record: pd.DataFrame) -> pd.DataFrame:
    text = record.map(lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)).replace(
        "nan", "not estimated"
    )
    years = record["measure"].str.extract(r"_(\d+)y_")[0]
    heads = [f"{COHORT_NAMES[c]}, {y} y" for c, y in zip(record["cohort"], years, strict=True)]
    rows = []
    for item in text.columns.drop(["measure", "cohort"]):
        values = text[item].tolist()
        same = len(set(values)) == 1 and len(values) > 1
        rows.append([item, values[0] if same else "", *([""] * len(values) if same else values)])
    return pd.DataFrame(rows, columns=["Item", "Throughout", *heads])


def collect_panels(
    adjusted: Iterable[Adjusted], released: Released, specification: Specification
) -> list[tuple[str, float, pd.DataFrame]]:
    """Return title, national value and released organisations with their ``level`` of every indicator with a model."""
    panels = []
    for each in adjusted:
        if not each.reason:
            units = drawable_units(released, f"{each.indicator}_adjusted", each.cohort).frame.drop(columns="level")
            units = units.merge(each.table[["unit", "level"]], on="unit")
            panels.append((title_of(specification, each.indicator, each.cohort), each.national, units))
    return panels


def most_variable(variation: Variation) -> tuple[str, str] | None:
    """Return measure and cohort of the indicator whose spread is least due to chance; None if none."""
    compared = variation.summary[variation.summary["reason"] == ""]
    if compared.empty:
        return None
    row = compared.loc[compared["share_beyond_chance"].astype(float).idxmax()]
    return row["measure"], row["cohort"]


def drawable_units(released: Released, measure: str, cohort: str) -> Released:
    """Return the released organisations of a measure that may be drawn."""
    return released.where(measure=measure, cohort=cohort, level="provider", status="ok", group_by="all")


def _released_providers(released: Released) -> dict[tuple, tuple]:
    rows = released.where(level="provider", group_by="all", status="ok").frame
    keys = rows[[c for c in KEY if c in ("cohort", "measure", "unit")]].itertuples(index=False)
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
        rows = rows[table["level"].reindex(rows.index).isin(OUTSIDE)]
    shown = rows.index[rows["status"] == "ok"]
    order = table["z"].abs().reindex(shown).sort_values(ascending=False).index
    out = [
        {
            "Indicator": title,
            "Organisation": names.get(unit, unit),
            "People": rows.loc[unit, "denominator"],
            "Observed": rows.loc[unit, "numerator"],
            **dict(zip(("Observed / expected", "from", "to"), ratios.loc[unit, _NUMBERS], strict=True)),
            **dict(zip(("Adjusted", "Lower", "Upper"), rows.loc[unit, _NUMBERS], strict=True)),
            "Level": table.loc[unit, "level"].replace("_", " "),
            "Side": table.loc[unit, "direction"],
        }
        for unit in order
    ]
    left = len(rows) - len(shown)
    if left:
        word = NOT_NAMED if outside else "too small or hidden"
        out.append({"Indicator": title, "Organisation": f"{left} not named", "Level": word})
    return out


def _write_survival(row: dict) -> str:
    if row["status"] == "ok":
        return say_interval(row)
    words = {
        "too_few": str(row["reason"]),
        "suppressed": "hidden",
        "not_derivable": f"not compared: {lower_first(row['reason']).rstrip('.')}",
    }
    return words[row["status"]]


def _count_levels(counts: pd.Series) -> str:
    return f"{say_count(int(counts.get('alarm', 0)), 'alarm')} and {say_count(int(counts.get('alert', 0)), 'alert')}"


def _years(years: int) -> str:
    return f"{years} year{'' if years == 1 else 's'}"


def _titles(summary: pd.DataFrame, specification: Specification) -> list[str]:
    return [title_of(specification, m, c) for m, c in zip(summary["measure"], summary["cohort"], strict=True)]


def _status(summary: pd.DataFrame) -> dict[str, list]:
    reasons = summary["reason"].tolist()
    return {"status": ["not_derivable" if reason else "ok" for reason in reasons], "reason": reasons}
