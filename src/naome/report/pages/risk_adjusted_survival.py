"""The page of risk-adjusted survival by organisation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import ndtri

from naome.core.durations import YEAR_DAYS
from naome.core.params import Params
from naome.core.results import NUMBERS
from naome.measures.casemix.adjust import (
    Assessment,
    find_national,
    list_parts,
    list_tables,
    say_no_comparison,
)
from naome.measures.casemix.impute import plan_case_mix
from naome.measures.casemix.outliers import MINIMUM_UNITS, detection_power
from naome.measures.casemix.prepare import CaseMix, prepare_case_mix
from naome.release import Declared, Released, declare_not_counts
from naome.release.level_chances import expect_levels, find_published_power
from naome.release.outlier_levels import NATION_NOT_SHOWN, SUPPRESSED, settle_changes
from naome.report.axes import begin_at_zero, share_legend
from naome.report.display import Figure, Sentence, Table
from naome.report.figures import INK, PALETTE, draw_empty, use_style
from naome.report.funnels import (
    LEVELS_COUNTED,
    NOT_NAMED,
    OUTSIDE_LIMITS,
    draw_levels,
    drawable_units,
    find_largest,
    say_expected,
    say_levels,
    say_near_limits,
    say_units,
)
from naome.report.labels import COHORT_NAMES, name_term
from naome.report.prose import lower_first, say_count, say_day, say_interval, say_list, say_percent, say_years
from naome.stats.funnel import classify_z
from naome.stats.imputation import RECORDED_PER_PARAMETER, RECORDING_PROVIDERS
from naome.stats.overdispersion import null_mean_square, simulate_spread
from naome.stats.simulation import SCENARIOS

#: The nation among the organisations of a table
EVERYONE = "all organisations"
OUTSIDE_FORMATS = {"People": "count", **dict.fromkeys(("Adjusted survival", "Lower", "Upper"), "percent1")}


#: True difference in survival for which power is stated
TRUE_DIFFERENCE = 0.10


OF_PERIODS = "Dates of periods, and shares of items recorded."


VARIED = {
    **dict.fromkeys(("Organisations", "Outlier status changed"), "int"),
    **dict.fromkeys(("Largest change, percentage points", "Largest change of z"), "decimal2"),
    "Rank correlation": "decimal3",
}


COUNT_FORMATS = {"Mean z of these": "decimal2", "Alarms expected": "decimal2", "Alerts expected": "decimal1"}


def describe_assessments(assessments: dict[str, Assessment], params: Params) -> Sentence:
    """State for every cohort how many organisations are outside the limits, how many are expected, or why not.

    Returns
    -------
    Sentence
        A Markdown list.
    """
    lines = []
    for each in list_parts(assessments):
        name = COHORT_NAMES[each.cohort]
        if each.reason:
            when = f", {say_list([say_years(years) for years in each.time_points])}" if each.time_points else ""
            lines.append(f"- **{name}{when}**: organisations are not compared: {each.reason}.")
            continue
        for years, table in each.tables.items():
            counts = table["level"].value_counts()
            alerts, alarms = expect_levels(table, params)
            assessed = int((table["level"] != "not_assessed").sum())
            national = "not shown" if np.isnan(each.national[years]) else say_percent(each.national[years])
            line = f"- **{name}, {say_years(years)}**{_say_period(each)}: national survival is {national}."
            if not assessed:
                lines.append(f"{line} No organisation ({params.unit_name}) meets the conditions for assessment.")
                continue
            lines.append(
                f"{line} Among {say_count(assessed, 'organisation')} assessed ({params.unit_name}): "
                f"{say_levels(counts)}, lower and higher survival together; {say_expected(alerts, alarms, params)}."
                f"{_say_few_shown(table)}"
            )
        for years in each.time_points:
            if years not in each.tables:
                covered = years in each.national  # it has no comparison, and is not shown
                why = NATION_NOT_SHOWN if covered else say_no_comparison(each.case_mix.observed, years)
                lines.append(f"- **{name}, {say_years(years)}**: not compared, since {why}.")
    return Sentence("\n".join(lines), declare_not_counts("\n".join(lines), LEVELS_COUNTED))


def describe_periods(
    assessments: dict[str, Assessment], earlier: pd.DataFrame, analysis: pd.DataFrame, params: Params
) -> Sentence:
    """State on which diagnoses each time point is assessed, and what is poorer than in the audit period.

    Parameters
    ----------
    assessments : dict of str to Assessment
    earlier : DataFrame
        From :func:`naome.cohort.derive.derive_earlier`.
    analysis : DataFrame
        The people of the audit period.
    params : Params

    Returns
    -------
    Sentence
        A Markdown list; empty where the audit period serves every time point.
    """
    audit_period = (params.metastatic_from, params.metastatic_to)
    lines = []
    for each in assessments.values():
        others = [part for part in each.parts if part.period not in (None, audit_period)]
        if others:
            same = next((part.case_mix for part in each.parts if part.period == audit_period), None)
            now = same or prepare_case_mix(analysis, params, each.cohort)
            lines += [_compare_periods(part, now, earlier, params) for part in others]
    if not lines:
        return Sentence("", declare_not_counts("", OF_PERIODS))
    every = "Unless the parameters name a period, every" if params.survival.comparison_periods else "Every"
    text = "\n".join(
        [
            f"{every} time point is assessed on the latest people who can be followed to it. Where these "
            f"are not the people of the audit period ({_say_length(*audit_period)}):\n",
            *lines,
        ]
    )
    return Sentence(text, declare_not_counts(text, OF_PERIODS))


def _compare_periods(part: Assessment, now: CaseMix, earlier: pd.DataFrame, params: Params) -> str:
    first, last = part.period or (params.metastatic_from, params.metastatic_to)
    line = f"- **{COHORT_NAMES[part.cohort]}, {say_list([say_years(years) for years in part.time_points])}**: "
    if first > last:
        return (
            f"{line}there is no period. People who can be followed so long were diagnosed by {say_day(last)}, and "
            f"diagnoses are read from {say_day(first)}."
        )
    given = part.time_points[0] in params.survival.comparison_periods
    line += f"{say_day(first)} to {say_day(last)} ({_say_length(first, last)}{', named in the parameters' * given})."
    if not given and last - first < params.metastatic_to - params.metastatic_from:
        line += f" It is shorter than the audit period because diagnoses are read from {say_day(first)}."
    if part.reason:
        return f"{line} Organisations are not compared: {part.reason}."
    recorded = [case_mix.recorded["recorded"].mean() for case_mix in (part.case_mix, now)]
    line += (
        f" Case-mix items that can be missing are recorded for {say_percent(recorded[0])} on average over "
        f"organisations ({say_percent(recorded[1])} in the audit period)."
    )
    begins = earlier["records_from"].dropna()
    if len(begins):
        looks = [_look_back(begins.iloc[0], day) for day in (first, params.metastatic_from)]
        line += f" Hospital records begin {looks[0]} its first day ({looks[1]} that of the audit period)."
    if part.cohort == "recurrent":
        longest = [(day - params.diagnosed_from).days / YEAR_DAYS for day in (last, params.metastatic_to)]
        line += (
            f" Only recurrences within {longest[0]:.1f} years of the initial diagnosis can be among them, because "
            f"diagnoses are read from {say_day(params.diagnosed_from)} (within {longest[1]:.1f} in the audit period)."
        )
    return line


def _say_length(first: dt.date, last: dt.date) -> str:
    """Say how long a period is: in days up to two months, else in months."""
    days = (last - first).days + 1
    return say_count(days, "day") if days < 61 else say_count(round(days / 30.4375), "month")


def _look_back(begins: pd.Timestamp, first: dt.date) -> str:
    years = (pd.Timestamp(first) - begins).days / YEAR_DAYS
    return f"{abs(years):.1f} years {'before' if years >= 0 else 'after'}"


def _say_period(part: Assessment) -> str:
    return f" ({say_day(part.period[0])} to {say_day(part.period[1])})" if part.period else ""


def describe_case_mix(assessments: dict[str, Assessment], params: Params) -> Sentence:
    """State for every cohort which case mix is recorded, imputed and excluded, and what depends on random draws.

    Returns
    -------
    Sentence
        A Markdown list; a cohort without a model has no line.
    """
    lines = []
    for each in list_parts(assessments):
        if each.reason:
            continue
        case_mix = each.case_mix
        made, needed = len(case_mix.completed), case_mix.needed
        share = say_percent(case_mix.recorded["recorded"].mean())
        line = (
            f"- **{COHORT_NAMES[each.cohort]}, {say_list([say_years(y) for y in each.tables])}**: case-mix items that "
            f"can be missing are recorded for {share} on average over organisations. The model uses "
            f"{say_count(made, 'imputed data set')}."
        )
        if made > 1:
            fmi = max(table["fmi"].max() for table in each.tables.values())
            line += f" The largest fraction of missing information of an organisation's estimate is {fmi:.2f}."
        several = len(each.tables) > 1
        near = {f" at {say_years(years)}" * several: table for years, table in each.tables.items()}
        line += f" {say_near_limits(near, params)}".rstrip()
        if needed > made:
            line += f" This requires {needed} data sets, but the parameters set a maximum."
        line += say_sparse_items(case_mix) + say_beyond_study(case_mix)
        if case_mix.dropped:
            line += f" Excluded, because it cannot be estimated from these people: {say_list(case_mix.dropped)}."
        lines.append(line)
    made = declare_not_counts("\n".join(lines), "Shares of items recorded, and numbers of completed data sets.")
    return Sentence(
        "\n".join(lines)
        + "\n\nThe imputation models include the outcome and the organisation. Checks of the models, and results under "
        "other methods for missing data, are on the page of the case-mix model.",
        made,
    )


def say_sparse_items(case_mix: CaseMix) -> str:
    """Say which items have too few recorded people for all predictors, and which too few organisations."""
    plan = plan_case_mix(case_mix)
    short, alone = plan[plan["left_aside"].map(len) > 0], plan[~plan["cluster"]]
    text = ""
    for row in short.to_dict("records"):
        used, aside = ([lower_first(name_term(name)) for name in row[key]] for key in ("used", "left_aside"))
        few, rest = say_list(used or ["survival"]), say_list(aside)
        chosen = f"only {few}" if len(row["used"]) < len(row["left_aside"]) else f"all items but {rest}"
        text += (
            f" {name_term(row['column'])} is imputed from {chosen}, because too few people have it recorded for more "
            f"(at least {RECORDED_PER_PARAMETER} are required for each parameter)."
        )
        if row["recorded"] < RECORDED_PER_PARAMETER * row["parameters"]:
            text += " Even these are too many, so imputed values depend on the form of the model."
    if len(alone):
        items = say_list([lower_first(name_term(column)) for column in alone["column"]])
        text += (
            f" Fewer than {RECORDING_PROVIDERS} organisations record {items}: imputed values do not allow for "
            "differences between organisations."
        )
    return text


def say_beyond_study(case_mix: CaseMix) -> str:
    """Say which items are missing for more people than in any scenario of the simulation study; nothing where none is.

    Named only: how many lack an item is a number of people.
    """
    most = max(scenario.missing for scenario in SCENARIOS)
    observed = case_mix.observed
    columns = [column for column in observed.columns if observed[column].isna().mean() > most]
    if not columns:
        return ""
    items = say_list([lower_first(name_term(column)) for column in columns])
    return (
        f" For more than {100 * most:.0f}% of people there is no record of {items}. The simulation study has no "
        "scenario with so many missing, so its rates of false alerts need not hold here."
    )


def describe_spread(assessments: dict[str, Assessment], params: Params) -> Sentence:
    """State the overdispersion between organisations, and whether the policy adjusts for it."""
    found = [
        f"{table['phi'].max():.2f} ({COHORT_NAMES[cohort].lower()}, {say_years(years)})"
        for (cohort, years), table in list_tables(assessments).items()
        if np.isfinite(table["phi"].max())
    ]
    if not found:
        few = f"Overdispersion is not estimated: this requires at least {MINIMUM_UNITS} organisations."
        return Sentence(few, declare_not_counts(few, LEVELS_COUNTED))
    rule = "does not adjust" if params.outliers.overdispersion == "none" else "adjusts"
    return Sentence(
        f"Phi, the mean squared z-score after 10% winsorising, is {say_list(found)}. With chance alone it is "
        f"{null_mean_square():.2f} on average. {_say_no_spread(assessments)}{say_winsorising(assessments)} The outlier "
        f"policy was fixed in advance and {rule} for overdispersion. Adjustment can mask real differences; without it, "
        "unmeasured case mix can cause false alarms. Results are shown both ways.",
        declare_not_counts(say_list(found), "Measures of variation between organisations."),
    )


def _say_no_spread(assessments: dict[str, Assessment]) -> str:
    """Say where adjustment for overdispersion changes nothing, because no variation beyond chance is estimated."""
    spread = {key: table["tau2"].max() for key, table in list_tables(assessments).items()}
    known = {key: tau2 for key, tau2 in spread.items() if np.isfinite(tau2)}
    none = [
        f"{COHORT_NAMES[cohort].lower()}, {say_years(years)}" for (cohort, years), tau2 in known.items() if not tau2
    ]
    if not none:
        return ""
    where = "in any of these comparisons" if len(none) == len(known) else f"in {say_list(none)}"
    return (
        f"No variation beyond chance is estimated {where}: the limits adjusted for overdispersion are those without "
        "adjustment. "
    )


def describe_power(assessments: dict[str, Assessment], params: Params) -> Sentence:
    """State how likely an organisation with truly low survival is to be found, in the run's own sizes.

    Returns
    -------
    Sentence
        A Markdown list: one line per cohort and time point with a comparison.
    """
    lines = []
    for (cohort, years), table in list_tables(assessments).items():
        power = find_published_power(table, TRUE_DIFFERENCE, params)
        if power.empty:
            continue
        middle, best = power[["alert", "alarm"]].median(), power[["alert", "alarm"]].max()
        lines.append(
            f"- **{COHORT_NAMES[cohort]}, {say_years(years)}**: the typical (median) organisation would have an alert "
            f"or alarm with probability {say_percent(middle['alert'])} and an alarm with {say_percent(middle['alarm'])}"
            f"; the organisation with the most information, {say_percent(best['alert'])} and "
            f"{say_percent(best['alarm'])}.{_say_exact_power(table, params)}"
        )
    if not lines:
        none = "No organisation is assessed, so there is no power to detect a difference."
        return Sentence(none, declare_not_counts(none, LEVELS_COUNTED))
    text = "\n".join(lines)
    return Sentence(
        f"If survival of one organisation were truly {100 * TRUE_DIFFERENCE:.0f} percentage points below that of the "
        f"others:\n\n{text}",
        declare_not_counts(text, "Probabilities from sizes, expected numbers and standard errors of a model."),
    )


def _say_exact_power(table: pd.DataFrame, params: Params) -> str:
    """Say the power before disclosure control; nothing where there is none."""
    if params.disclosure.policy == "none":
        return ""
    middle = detection_power(table, TRUE_DIFFERENCE, params)[["alert", "alarm"]].median()
    return (
        f" Without disclosure control it would be {say_percent(middle['alert'])} and {say_percent(middle['alarm'])} "
        "for the typical organisation."
    )


def _say_few_shown(table: pd.DataFrame) -> str:
    """Say that fewer than half of the organisations that could be assessed are shown; nothing where more are."""
    shown, hidden = int((table["level"] != "not_assessed").sum()), int((table["reason"] == SUPPRESSED).sum())
    if hidden <= shown:
        return ""
    return (
        f" Of {shown + hidden} organisations {hidden} are suppressed. Which are shown depends on their results, so "
        "they are not a fair sample of all."
    )


def say_winsorising(assessments: dict[str, Assessment]) -> str:
    """Say how far winsorising makes the estimated variation between organisations too small, by simulation.

    Of the first comparison with enough organisations: their standard errors, and a true variation as large as the
    median one.
    """
    for table in list_tables(assessments).values():
        errors = table.loc[table["level"] != "not_assessed", "std_error"].dropna().to_numpy(dtype=float)
        if len(errors) >= MINIMUM_UNITS:
            true = float(np.median(errors))
            found = simulate_spread(errors, true)
            return (
                "Winsorising makes the estimate of variation too small: in simulated data with the standard errors of "
                f"these organisations and a true standard deviation between them of {100 * true:.1f} percentage "
                f"points, the mean estimate is {100 * found['winsorised']:.1f}, and {100 * found['paule_mandel']:.1f} "
                "with the Paule-Mandel estimator."
            )
    return ""


def tabulate_outside(
    tables: dict[tuple[str, int], pd.DataFrame], released: Released, params: Params, names: dict[str, str]
) -> Table:
    """Lay out the organisations outside the alert limits at any time point, both tails.

    Parameters
    ----------
    tables : dict of (str, int) to DataFrame
        (cohort, years) -> assessed organisations with ``early_warning_z`` and ``logistic_z``.
    released : Released
        Results: numbers come from here, and only organisations whose result is shown are named.
    params : Params
    names : dict of str to str
        Code -> name.

    Returns
    -------
    Table
        ``Organisation, Cohort, Time point, Direction, Outlier status`` (the policy's), the status with or without
        adjustment for overdispersion (the other one), ``Early warning`` and ``Logistic`` (supplementary tests: deaths
        against expected deaths, and a logistic model of people with complete potential follow-up; they never change
        the status), people and adjusted survival. Alarms first; one row per cohort and time point counts those that
        are suppressed.
    """
    additive = params.outliers.overdispersion != "none"
    other = "level_plain" if additive else "level_spread"
    heading = "Status without overdispersion adjustment" if additive else "Status adjusted for overdispersion"
    tails = (params.outliers.alert_tail, params.outliers.alarm_tail)
    columns = ["Organisation", "Cohort", "Time point", "Direction", "Outlier status", heading]
    columns += ["Early warning", "Logistic"]
    rows = []
    for (cohort, years), table in tables.items():
        outside = table[table["level_plain"].isin(OUTSIDE_LIMITS) | table["level_spread"].isin(OUTSIDE_LIMITS)]
        outside = outside.assign(
            early=classify_z(outside["early_warning_z"], tails=tails, higher_is="worse")["level"].to_numpy(),
            logistic=classify_z(outside["logistic_z"], tails=tails, higher_is="worse")["level"].to_numpy(),
            # by name: an order by exact numbers would tell more than the numbers that are shown
            name=outside["unit"].map(lambda unit: names.get(unit, unit)),
        ).sort_values(["level", "name"])
        shown = drawable_units(released, f"survival_{years}y_adjusted", cohort).frame.set_index("unit")
        for row in outside[outside["unit"].isin(shown.index)].to_dict("records"):
            result = shown.loc[row["unit"]]
            logistic = row["logistic"] if np.isfinite(row["logistic_z"]) else "not fitted"
            side = "higher than expected" if row["z"] < 0 else "lower than expected"
            words = (names.get(row["unit"], row["unit"]), COHORT_NAMES[cohort], f"{years} y", side, row["level"])
            rows.append((*words, row[other], row["early"], logistic, result["denominator"], *result[NUMBERS]))
        hidden = int((~outside["unit"].isin(shown.index)).sum())
        if hidden:
            words = (f"{hidden} not named", COHORT_NAMES[cohort], f"{years} y", "", NOT_NAMED, "", "", "")
            rows.append((*words, None, None, None, None))
    rows = rows or [("none", *[""] * 7, None, None, None, None)]
    table = pd.DataFrame(rows, columns=[*columns, *OUTSIDE_FORMATS]).replace("not_assessed", "not assessed")
    table = table.astype({**dict.fromkeys(OUTSIDE_FORMATS, "float64"), "People": "Int64"})
    return Table(table, released, OUTSIDE_FORMATS)


def tabulate_counts(tables: dict[tuple[str, int], pd.DataFrame], params: Params) -> Table:
    """Count alerts and alarms at every time point, with and without adjustment for overdispersion, and those expected.

    Returns
    -------
    Table
        Two rows per cohort and time point, one where variation is not estimated. ``Without an estimate``: assessed, but
        no one is at risk at the time point, so that adjusted survival is not shown; alarms are not counted among the
        alerts, and are in ``Alerts expected`` neither. One row that says none when there is no comparison.
    """
    rows = []
    for (cohort, years), table in tables.items():
        beyond_alert, beyond_alarm = expect_levels(table, params)
        assessed = table["level"] != "not_assessed"
        # no one at risk at the time point: z is known, and being without an estimate depends on how many died
        silent = assessed & table["survival_adjusted"].isna()
        estimated = np.isfinite(table["tau2"].max())
        both = (("level_plain", "no"), ("level_spread", "yes"))
        for column, adjusted in both if estimated else (("level_plain", "no, not estimated"),):
            counts = {
                f"{level.capitalize()}s, {side}": int(((table[column] == level) & (np.sign(table["z"]) == sign)).sum())
                for level in ("alarm", "alert")
                for side, sign in (("lower survival", 1), ("higher survival", -1))
            }
            rows.append(
                {
                    "Cohort": COHORT_NAMES[cohort],
                    "Time point": f"{years} y",
                    "Adjusted for overdispersion": adjusted,
                    "Assessed": int(assessed.sum()),
                    "Not assessed": int((~assessed).sum()),
                    **counts,
                    "Without an estimate": int(silent.sum()),
                    "Mean z of these": table.loc[silent, "z"].mean(),
                    "Alarms expected": beyond_alarm,
                    "Alerts expected": beyond_alert - beyond_alarm,
                }
            )
    nothing = {"Cohort": "none", "Time point": "", "Mean z of these": np.nan}
    frame = pd.DataFrame(rows or [nothing | {"Alarms expected": np.nan, "Alerts expected": np.nan}])
    formats = dict.fromkeys(frame.columns[3:-3], "int") | COUNT_FORMATS
    return Table(frame, declare_not_counts(frame, "Numbers of organisations."), formats)


def tabulate_variations(varied: pd.DataFrame, params: Params) -> Table:
    """Lay out how levels change with another time origin and with deaths that fail to link.

    Parameters
    ----------
    varied : DataFrame
        From :func:`naome.measures.casemix.deaths_and_origins.vary_assessments`.
    params : Params
    """
    varied = settle_changes(varied, params)
    if varied.empty:
        frame = pd.DataFrame({"Cohort": ["none"], "Reason": ["organisations are not compared"]})
        return Table(frame, declare_not_counts(frame, "Numbers of organisations."))
    frame = varied.rename(columns={"cohort": "Cohort"}).assign(Cohort=varied["cohort"].map(COHORT_NAMES))
    frame["reason"] = frame["reason"].fillna("")
    frame["Time point"] = frame["Time point"].fillna("")
    frame = frame[["Cohort", *(column for column in frame.columns if column != "Cohort")]].convert_dtypes()
    return Table(frame, declare_not_counts(frame, "Numbers of organisations, and changes of estimates."), VARIED)


def tabulate_not_assessed(assessments: dict[str, Assessment], names: dict[str, str]) -> Table:
    """Lay out the cohorts and organisations that are not assessed at a time point, and why."""
    rows = []
    for each in list_parts(assessments):
        cohort = COHORT_NAMES[each.cohort]
        if each.reason:
            rows.append((cohort, say_list([f"{years} y" for years in each.time_points]), "all", each.reason))
        for years, table in each.tables.items():
            for row in table[table["level"] == "not_assessed"].to_dict("records"):
                rows.append((cohort, f"{years} y", names.get(row["unit"], row["unit"]), row["reason"]))
    frame = pd.DataFrame(rows or [("none", "", "", "")], columns=["Cohort", "Time point", "Organisation", "Reason"])
    return Table(frame, declare_not_counts(frame, "Names of organisations and the limits they do not reach."))


def tabulate_adjusted_survival(released: Released, names: dict[str, str], cohorts: Iterable[str]) -> Table:
    """Lay out risk-adjusted survival: one row per organisation and cohort, two columns per time point.

    Each time point has people of its own: those who can be followed so long.

    Parameters
    ----------
    released : Released
        Results ``survival_<y>y_adjusted``.
    names : dict of str to str
    cohorts : iterable of str

    Returns
    -------
    Table
        People, and texts: estimate with its 95% interval, or why there is none. The first rows are of everyone
        compared, without adjustment; the only row of a cohort that is not compared says why.
    """
    rows = released.frame[released.frame["measure"].str.fullmatch(r"survival_\d+y_adjusted")]
    order = {cohort: position for position, cohort in enumerate(cohorts)}
    years = rows["measure"].str.extract(r"_(\d+)y_")[0].astype(int)
    organisations = rows["level"] == "provider"
    rows = rows.assign(
        Organisation=rows["unit"].map(lambda unit: names.get(unit, unit)).where(organisations, EVERYONE),
        below=organisations,
        Cohort=rows["cohort"].map(COHORT_NAMES),
        order=rows["cohort"].map(order),
        years=years,
        text=[_write_survival(row) for row in rows.to_dict("records")],
    )
    reached = set(years[organisations]) or set(years)
    rows = rows[rows["years"].isin(reached)]
    rows = rows.sort_values(["below", "Organisation", "order", "years"], kind="stable")
    keys = ["Organisation", "Cohort"]
    table = rows.pivot_table(index=keys, columns="years", values="text", aggfunc="first", sort=False)
    table = table[sorted(table.columns)].fillna("")
    people = {
        f"People, {say_years(year)}": rows[rows["years"] == year].set_index(keys)["denominator"] for year in table
    }
    for place, (heading, numbers) in enumerate(people.items()):
        table.insert(2 * place, heading, numbers.reindex(table.index).astype("Int64"))
    table = table.rename(columns={year: say_years(year) for year in sorted(reached)}).reset_index()
    return Table(table.rename_axis(columns=None), released, dict.fromkeys(people, "count"))


#: Columns of the record of an assessment as the page names them
RECORD_TITLES = {
    "run_id": "Run",
    "definition_id": "Definition of survival",
    "formula": "Method of the score",
    "naome": "Version of naome",
    "audit": "Audit",
    "diagnosed_from": "First day of diagnosis",
    "diagnosed_to": "Last day of diagnosis",
    "limits": "Control limits, %",
    "alert_tail": "Probability beyond an alert limit, each side",
    "alarm_tail": "Probability beyond an alarm limit, each side",
    "minimum_n": "Fewest people of an organisation that is assessed",
    "minimum_completeness": "Least share of case mix recorded",
    "overdispersion": "Adjustment of limits for overdispersion",
    "phi": "phi, mean squared winsorised z-score",
    "tau2": "tau², variance between organisations",
    "imputations": "Imputed data sets",
    "seed": "Seed of the random draws",
    "within": "Organisations within the limits",
    "alert": "Alerts",
    "alarm": "Alarms",
    "not_assessed": "Not assessed",
    "false_alarms_expected": "Alarms expected by chance, before rounding and suppression",
}


def tabulate_record(record: Declared) -> Table:
    """Lay out the record of an assessment: one row per item; a value that is the same throughout is given once."""
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
        rows.append([RECORD_TITLES[item], values[0] if same else "", *([""] * len(values) if same else values)])
    return pd.DataFrame(rows, columns=["Item", "All time points", *heads])


def _write_survival(row: dict) -> str:
    if row["status"] == "ok":
        return say_interval(row)
    words = {
        "too_few": str(row["reason"]),
        "suppressed": "suppressed",
        "not_derivable": f"not compared: {lower_first(row['reason']).rstrip('.')}",
    }
    return words[row["status"]]


def draw_survival_funnels(
    assessments: dict[str, Assessment], released: Released, params: Params, *, alt: str
) -> Figure:
    """Draw risk-adjusted survival against size: one row per cohort, one column per time point, on the same scales.

    Organisations differ in the variance of their patients' outcomes, so that one curve over the number of people would
    be wrong for most of them. Each is plotted at its effective number of people: as many with the national survival
    have the same standard error. Dotted limits are adjusted for overdispersion. The level comes from the score of the
    organisation, as far as its rounded counts support it, and not from the drawn curve, which knows no skewness; the
    effective number is made from the released number of people.

    Parameters
    ----------
    assessments : dict of str to Assessment
    released : Released
        Results ``survival_<y>y_adjusted``.
    params : Params
    alt : str
        How the text alternative begins; what each panel shows is added.
    """
    tables = {key: table for key, table in list_tables(assessments).items() if find_national(assessments, *key) >= 0}
    if not tables:
        return draw_empty("There is no comparison, or national survival is not shown, so no figure is drawn.", released)
    use_style()
    cohorts = list(dict.fromkeys(cohort for cohort, _ in tables))
    horizons = sorted({years for _, years in tables})
    figure, panels = plt.subplots(
        len(cohorts),
        len(horizons),
        figsize=(4.2 * len(horizons), 3.5 * len(cohorts)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    drawn = {}
    for (cohort, years), table in tables.items():
        shown = drawable_units(released, f"survival_{years}y_adjusted", cohort).frame
        shown = shown.merge(table[["unit", "level", "n", "std_error"]], on="unit", suffixes=("_of_result", ""))
        share = effective_share(shown, find_national(assessments, cohort, years))
        drawn[cohort, years] = shown.assign(people=shown["denominator"], denominator=shown["denominator"] * share)
    largest, said = find_largest(drawn.values(), 50), []
    begin_at_zero(panels[0][0])
    panels[0][0].set_xlim(0, largest)
    for line, cohort in zip(panels, cohorts, strict=True):
        for axes, years in zip(line, horizons, strict=True):
            if (cohort, years) not in tables:
                axes.set_axis_off()
                continue
            target, shown = find_national(assessments, cohort, years), drawn[cohort, years]
            _draw_funnel_panel(axes, shown, tables[cohort, years], target, params, largest)
            title = f"{COHORT_NAMES[cohort]}, {say_years(years)}"
            axes.set_title(title)
            plotted = say_units(shown.assign(denominator=shown["people"]), target, assessed=True)
            said.append(f"{title}: {lower_first(plotted)}.")
        line[0].set_ylabel("Risk-adjusted survival, %")
    for axes in panels[-1]:
        axes.set_xlabel("Effective number of people")
    share_legend(figure)
    text = f"{alt}. {' '.join(said)}"
    return Figure(figure, text, (released, declare_not_counts(text, LEVELS_COUNTED)))


def effective_share(table: pd.DataFrame, national: float) -> pd.Series:
    """Return effective people per person: how many of the national survival have the organisation's standard error.

    Parameters
    ----------
    table : DataFrame
        ``n, std_error``.
    national : float
        Survival at the time point, strictly between 0 and 1.

    Examples
    --------
    >>> effective_share(pd.DataFrame({"n": [100], "std_error": [0.05]}), 0.5).round(6).tolist()
    [1.0]
    """
    return national * (1 - national) / table["std_error"] ** 2 / table["n"]


def _draw_funnel_panel(
    axes: Axes, shown: pd.DataFrame, table: pd.DataFrame, target: float, params: Params, largest: float
) -> None:
    sizes = np.linspace(5, largest, 300)
    error = np.sqrt(target * (1 - target) / sizes)
    tau2 = float(table["tau2"].max())
    policy = params.outliers
    for tail, style, name in ((policy.alert_tail, "--", "alert limits"), (policy.alarm_tail, "-", "alarm limits")):
        wide = np.sqrt(error**2 + tau2) if tau2 > 0 else None
        for sign in (-1, 1):
            limit = 100 * np.clip(target + sign * ndtri(1 - tail) * error, 0, 1)
            axes.plot(sizes, limit, style, color=INK, linewidth=0.9, label=name if sign == 1 else None)
            if wide is not None:
                limit = 100 * np.clip(target + sign * ndtri(1 - tail) * wide, 0, 1)
                axes.plot(
                    sizes, limit, ":", color=PALETTE[4], linewidth=1.0, label="limits adjusted for overdispersion"
                )
    axes.axhline(100 * target, color=INK, linewidth=0.8)
    draw_levels(axes, shown)
    alarms = int((table["level"] == "alarm").sum())
    above = target < 0.5  # the side where large organisations are not
    axes.text(
        0.98,
        0.97 if above else 0.03,
        f"outside alarm limits: {alarms}; expected by chance {expect_levels(table, params)[1]:.1f}",
        transform=axes.transAxes,
        ha="right",
        va="top" if above else "bottom",
        fontsize=8,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85},
    )
    if shown.empty:
        axes.text(0.5, 0.85, "no organisation to plot", transform=axes.transAxes, ha="center", color=INK)
