"""The page of the case-mix model: coefficients, checks, and what other models would change."""

from __future__ import annotations

from collections.abc import Collection

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naome.measures.casemix.adjust import Assessment
from naome.measures.casemix.alternatives import DELTA, SHIFTED, TREATMENTS
from naome.measures.casemix.checks import ROBUST, ModelChecks, check_earlier
from naome.measures.casemix.impute import IMPUTATION_ROUNDS
from naome.measures.casemix.prepare import split_spline
from naome.measures.study import Study
from naome.release import HIDDEN, Released, declare_not_counts, is_hidden, release_counts, shown_numbers
from naome.release.counts import hide_columns, hide_numbers, is_small, policy_in_force
from naome.release.outlier_levels import settle_changes
from naome.release.policy import POLICIES
from naome.report.axes import MARKERS, End, begin_at_zero, label_ends, legend_above, use_whole_ticks
from naome.report.display import Figure, Sentence, Table, format_number
from naome.report.figures import INK, PALETTE, draw_empty, use_style
from naome.report.labels import COHORT_NAMES, name_term
from naome.report.prose import lower_first, say_count, say_list, say_number
from naome.stats.design import KNOT_QUANTILES

NO_MODEL = "There is no model, so no figure is drawn."


OF_MODELS = "Coefficients, tests and predictions of models, and what would change with other models."


_ESTIMATE = dict.fromkeys(("Lower", "Upper"), "percent1")


_CONCORDANCE = dict.fromkeys(("Concordance", "Lower", "Upper"), "decimal3")


FORMATS = {
    "coefficients": {"p": "pvalue", **dict.fromkeys(("Hazard ratio", "Lower", "Upper", "FMI", *ROBUST), "decimal2")},
    "hazards": {"Chi-squared": "decimal1", "Degrees of freedom": "int", "p": "pvalue"},
    "tenths": {"Tenth": "int", "People": "count", "Predicted": "percent1", "Observed": "percent1", **_ESTIMATE},
    "whole": {
        **dict.fromkeys(("Predicted", "Observed", "Difference"), "percent1"),
        **dict.fromkeys(("Slope", "Slope, lower", "Slope, upper"), "decimal2"),
    },
    "discrimination": {**_CONCORDANCE, **dict.fromkeys(("Optimism", "Corrected"), "decimal3"), "Refits": "int"},
    "uno": _CONCORDANCE,
    "ratios": dict.fromkeys(TREATMENTS, "decimal2"),
    "habits": {"Organisations": "int", **dict.fromkeys(("Correlation", "Lower", "Upper"), "decimal2")},
}


_CHANGE = {
    **dict.fromkeys(("Organisations", "Outlier status changed"), "int"),
    **dict.fromkeys(("Largest change, percentage points", "Largest change of z"), "decimal2"),
    "Rank correlation": "decimal3",
}


FORMATS |= {"others": _CHANGE, "treatments": {"People": "count", **_CHANGE}}


def tabulate_checks(
    checks: dict[str, ModelChecks], name: str, study: Study, *, suppressed: Collection[tuple[str, str, str]] = ()
) -> Table:
    """Lay out one table of the model's page for all cohorts, the cohort in its first column.

    Parameters
    ----------
    checks : dict of str to ModelChecks
        By cohort.
    name : str
        Attribute of :class:`naome.measures.casemix.checks.ModelChecks`.
    study : Study
    suppressed : collection of (str, str, str)
        Cohort, measure and group of results of the nation that are suppressed: survival of everyone is one, and has no
        observed survival here, nor have the tenths that make up everyone
        (:meth:`naome.release.suppress.ReleasePlan.list_suppressed`).

    Returns
    -------
    Table
        A cohort without a model, or with nothing to show, is one row that says why.
    """
    pieces = []
    for cohort, each in checks.items():
        table = getattr(each, name)
        if table.empty:
            reason = (each.reason or each.missing).rstrip(".")
            table = pd.DataFrame({"status": ["not_derivable"], "reason": [reason]})
        elif name == "whole":
            gone = _list_withheld(table, cohort, suppressed)
            table = table.copy()
            hide_numbers(table, ["Observed", "Difference"] if gone.any() else [], gone)
        elif name == "tenths":
            table = table.assign(withheld=_list_withheld(table, cohort, suppressed))
        pieces.append(table.assign(Cohort=COHORT_NAMES[cohort]))
    table = settle_changes(pd.concat(pieces, ignore_index=True), study.params)
    if all(getattr(each, name).empty for each in checks.values()):
        table = table.rename(columns={"reason": "Reason"})[["Cohort", "Reason"]]
        return Table(table, declare_not_counts(table, OF_MODELS))
    if "Term" in table:
        table["Term"] = table["Term"].map(name_term, na_action="ignore")
    for column in ("status", "reason"):
        if column in table:
            table[column] = table[column].fillna({"status": "ok", "reason": ""}[column])
    table = table[["Cohort", *(column for column in table.columns if column != "Cohort")]].convert_dtypes()
    made = _release_people(table, study) if "People" in table else declare_not_counts(table, OF_MODELS)
    return Table(made.frame, made, {c: kind for c, kind in FORMATS[name].items() if c in table})


def _list_withheld(table: pd.DataFrame, cohort: str, suppressed: Collection[tuple[str, str, str]]) -> pd.Series:
    """Mark the time points at which survival of everyone in a cohort is suppressed as a result."""
    measures = "survival_" + table["Time point"].str.replace(" ", "")
    return measures.isin({measure for of, measure, _ in suppressed if of == cohort})


def tabulate_earlier(assessments: dict[str, Assessment], study: Study) -> Table:
    """Lay out the calibration of the models of older diagnoses, one row per cohort and time point."""
    pieces = [(cohort, check_earlier(each)) for cohort, each in assessments.items()]
    made = [table.assign(Cohort=COHORT_NAMES[cohort]) for cohort, table in pieces if len(table)]
    if not made:
        table = pd.DataFrame({"Cohort": ["all"], "Reason": ["No model is fitted to older diagnoses"]})
        return Table(table, declare_not_counts(table, OF_MODELS))
    released = _release_earlier(pd.concat(made, ignore_index=True), study)
    order = ["Cohort", "Time point", "People", "Predicted", "Observed", "Difference"]
    released = released.transform(lambda frame: frame[[*order, "Slope", "Slope, lower", "Slope, upper"]])
    return Table(released.frame, released, {"People": "count", **FORMATS["whole"]})


def _release_earlier(table: pd.DataFrame, study: Study) -> Released:
    """Release calibration by older diagnoses: no people or survival where few died, or few did not, in all or by then.

    Observed survival of so many people is so many deaths, and predicted survival and the difference are observed.
    """
    alive = (table["Observed"].astype("Float64").clip(0, 1) * table["People"]).round().astype("Int64")
    numbers, counts = ("Observed", "Difference"), ["deaths", "dead", "alive"]
    released = release_counts(table.assign(alive=alive), counts, study, of="People", with_it=numbers)
    hidden = released.frame[counts].map(is_hidden).any(axis=1)
    return hide_columns(released, ["People"], hidden)


def _release_people(table: pd.DataFrame, study: Study) -> Released:
    """Release a table of a model with numbers of people; of tenths of these observed survival, if neither is small.

    Survivors are as many as observed survival says, or, where few died or few did not, those who did not: where people
    are censored, fewer die than would have.
    """
    if "Observed" not in table:
        return release_counts(table, "People", study)
    policy, left = POLICIES[study.params.disclosure.policy], table["People"] - table["deaths"]
    alive = (table["Observed"].astype("Float64").clip(0, 1) * table["People"]).round().astype("Int64")
    alive = alive.mask(is_small(table["deaths"], policy) | is_small(left, policy), left)
    # the whole of a cohort at a time point is on the page too, so that one tenth alone would be the rest
    whole = [name for name in ("Cohort", "Time point") if name in table]
    limits = ["Observed", "Lower", "Upper"]
    counted = release_counts(table.assign(alive=alive), "alive", study, of="People", totals=[whole], with_it=limits)
    withheld = table["withheld"].fillna(False).astype(bool).reset_index(drop=True)
    counted = hide_columns(counted, limits if withheld.any() else [], withheld)
    return counted.transform(lambda frame: frame.drop(columns=["alive", "deaths", "withheld"]))


def describe_models(
    assessments: dict[str, Assessment], checks: dict[str, ModelChecks], study: Study, *, missing: bool = False
) -> Sentence:
    """State for every cohort which data its model uses, or which methods for missing data are compared.

    Returns
    -------
    Sentence
        A Markdown list.
    """
    observed = {cohort: each.case_mix.observed["event"] for cohort, each in assessments.items()}
    sizes = [(cohort, len(event), int(event.sum())) for cohort, event in observed.items()]
    counts = pd.DataFrame(sizes, columns=["cohort", "people", "deaths"])
    counted = release_counts(counts, "deaths", study, of="people")
    lines = []
    for cohort, each in assessments.items():
        made, row = len(each.case_mix.completed), counted.where(cohort=cohort).frame.iloc[0]
        # all deaths, with those until a time point, give those after it
        died = row["deaths"] if policy_in_force(study) is None else HIDDEN
        people, deaths = say_count(row["people"], "person", "people"), say_number(died, "deaths")
        data = f"{say_count(made, 'data set')}{' with imputed values' if made > 1 else ''}"
        said = f"the model uses {people}, {deaths} and {data}. {checks[cohort].error}"
        if missing:
            said = checks[cohort].missing
        if each.reason:
            said = f"there is no model: {each.reason}."
        lines.append(f"- **{COHORT_NAMES[cohort]}**: {said}")
    return Sentence("\n".join(lines), (counted, declare_not_counts("\n".join(lines), OF_MODELS)))


def say_slopes(checks: dict[str, ModelChecks]) -> Sentence:
    """Say at which time points the interval of the calibration slope excludes 1, and what that means."""
    above, below = [], []
    for cohort, each in checks.items():
        for row in each.whole.to_dict("records"):
            slope, lower, upper = (format_number(row[f"Slope{end}"], "decimal2") for end in ("", ", lower", ", upper"))
            said = f"{lower_first(COHORT_NAMES[cohort])}, {row['Time point']}: {slope} ({lower} to {upper})"
            if row["Slope, lower"] > 1:
                above.append(said)
            elif row["Slope, upper"] < 1:
                below.append(said)
    lines = []
    if above:
        lines.append(
            f"Slopes above 1, with 95% intervals that exclude 1: {'; '.join(above)}. Survival differs more between "
            "people than predicted, so that expected survival of an organisation with an unusual case mix is too near "
            "the national value."
        )
    if below:
        lines.append(
            f"Slopes below 1, with 95% intervals that exclude 1: {'; '.join(below)}. Survival differs less between "
            "people than predicted, so that expected survival of an organisation with an unusual case mix is too far "
            "from the national value."
        )
    if lines:
        lines.append("The section on other models shows what a model of survival at the time point alone would change.")
    elif any(len(each.whole) for each in checks.values()):
        lines.append("No interval of a slope excludes 1.")
    text = " ".join(lines) or "No slope is estimated."
    return Sentence(text, declare_not_counts(text, OF_MODELS))


def say_splines(assessments: dict[str, Assessment]) -> Sentence:
    """Say which items are modelled with a spline, and where its knots are."""
    terms = (term for each in assessments.values() for part in each.parts for term in part.case_mix.covariates)
    found = {term: split_spline(term) for term in dict.fromkeys(terms)}
    said = [
        f"{lower_first(name_term(spline[0]))}, with knots at the quantiles "
        f"{say_list([f'{quantile:.3g}' for quantile in KNOT_QUANTILES[spline[1]]])}"
        for spline in found.values()
        if spline
    ]
    text = f"Restricted cubic splines: {'; '.join(said)}." if said else "No item is modelled with a spline."
    return Sentence(text, declare_not_counts(text, OF_MODELS))


def say_imputation() -> Sentence:
    """Say how values are imputed, and what is imputed where they are supposed not to be missing at random."""
    text = (
        f"Values are imputed by chained equations, with {say_count(IMPUTATION_ROUNDS, 'round')} for each data set. Not "
        f"at random: for each level nearer to the last one, the log odds of an imputed level are {DELTA:g} higher; "
        f"imputed numbers are {DELTA:g} standard deviations higher; in {say_count(SHIFTED, 'data set')}."
    )
    return Sentence(text, declare_not_counts(text, OF_MODELS))


def draw_ratios(checks: dict[str, ModelChecks], *, alt: str) -> Figure:
    """Draw hazard ratios with their intervals, one colour per cohort; splines have no single ratio and are excluded.

    Parameters
    ----------
    checks : dict of str to ModelChecks
    alt : str
        How the text alternative begins; the highest and lowest ratios are added.
    """
    fitted = {cohort: each.coefficients for cohort, each in checks.items() if not each.reason}
    if not fitted:
        return draw_empty(NO_MODEL, declare_not_counts(NO_MODEL, OF_MODELS))
    use_style()
    bent = {term.rstrip("'") for table in fitted.values() for term in table["Term"] if term.endswith("'")}
    terms = list(dict.fromkeys(term for table in fitted.values() for term in table["Term"]))
    terms = [term for term in terms if term.rstrip("'") not in bent]
    figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.3 * len(terms)))
    positions, said = np.arange(len(terms))[::-1], []
    for number, (cohort, table) in enumerate(fitted.items()):
        rows = table.set_index("Term").reindex(terms)
        place, colour = positions + 0.13 - 0.26 * number, PALETTE[number]
        axes.hlines(place, rows["Lower"], rows["Upper"], color=colour, linewidth=1.6)
        axes.plot(rows["Hazard ratio"], place, MARKERS[number], color=colour, markersize=4, label=COHORT_NAMES[cohort])
        said.append(f"{COHORT_NAMES[cohort]}: {_say_ratios(rows)}")
    axes.axvline(1, color=INK, linewidth=0.8, linestyle="--")
    axes.set_xscale("log")
    ticks = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5]
    low, high = axes.get_xlim()
    axes.set_xticks([t for t in ticks if low <= t <= high], [f"{t:g}" for t in ticks if low <= t <= high])
    axes.minorticks_off()
    axes.set_yticks(positions, map(name_term, terms))
    axes.set_ylim(-0.7, len(terms) - 0.3)
    axes.set_xlabel("Hazard ratio, logarithmic scale")
    axes.grid(axis="x", alpha=0.25)
    legend_above(axes, len(fitted))
    return Figure(figure, f"{alt}. {'. '.join(said)}.", declare_not_counts(pd.concat(fitted.values()), OF_MODELS))


def _say_ratios(rows: pd.DataFrame) -> str:
    """Say the highest and the lowest hazard ratio, and how many intervals do not include one."""
    ratios = rows["Hazard ratio"].dropna().astype(float)
    if ratios.empty:
        return "no ratio"
    apart = int(((rows["Lower"] > 1) | (rows["Upper"] < 1)).sum())
    high, low = (
        f"{word} {format_number(ratios[term], 'decimal2')} ({lower_first(name_term(term))})"
        for word, term in (("highest", ratios.idxmax()), ("lowest", ratios.idxmin()))
    )
    return f"{high}, {low}; {apart} of {len(ratios)} intervals do not include 1"


def draw_coefficients_over_time(checks: dict[str, ModelChecks], *, alt: str) -> Figure:
    """Draw each cohort's most time-dependent coefficient as it varies, and the constant of the model.

    Parameters
    ----------
    checks : dict of str to ModelChecks
        With ``smooth``: ``years, estimate, lower, upper, coefficient``
        (:func:`naome.measures.casemix.checks.smooth_residuals`).
    alt : str
        How the text alternative begins; where the curves begin and end is added.
    """
    fitted = {cohort: each for cohort, each in checks.items() if not each.reason}
    if not fitted:
        return draw_empty(NO_MODEL, declare_not_counts(NO_MODEL, OF_MODELS))
    use_style()
    size = (max(7.2, 4.3 * len(fitted)), 3.8)
    figure, panels = plt.subplots(1, len(fitted), figsize=size, sharex=True, sharey=True, squeeze=False)
    ends, said = [], []
    for axes, (cohort, each) in zip(panels[0], fitted.items(), strict=True):
        smooth, constant = each.smooth, each.smooth["coefficient"].iloc[0]
        axes.fill_between(smooth["years"], smooth["lower"], smooth["upper"], color=PALETTE[0], alpha=0.18, linewidth=0)
        axes.plot(smooth["years"], smooth["estimate"], color=PALETTE[0])
        axes.axhline(constant, color=PALETTE[1], linestyle="--")
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_xlabel("Years from the time origin")
        title = f"{COHORT_NAMES[cohort]}: {name_term(each.worst)}"
        axes.set_title(title, fontsize=10)
        first, last = smooth.iloc[0], smooth.iloc[-1]
        ends = [
            End(last["years"], last["estimate"], "time-varying,\nwith 95% limits", PALETTE[0]),
            End(last["years"], constant, "constant\nin the model", PALETTE[1]),
        ]
        one, two, same = (format_number(n, "decimal2") for n in (first["estimate"], last["estimate"], constant))
        said.append(f"{title}, from {one} to {two}; constant {same}")
    panels[0][0].set_ylabel("Log hazard ratio")
    use_whole_ticks(panels[0][0], "x")
    use_whole_ticks(panels[0][0], "y")
    label_ends(panels[0][-1], ends)
    made = declare_not_counts(pd.concat(each.smooth for each in fitted.values()), OF_MODELS)
    return Figure(figure, f"{alt}. {'. '.join(said)}.", made)


def draw_calibration(
    checks: dict[str, ModelChecks], study: Study, *, alt: str, suppressed: Collection[tuple[str, str, str]] = ()
) -> Figure:
    """Draw observed against predicted survival by tenth: one row per cohort, one panel per time point, on one scale.

    Parameters
    ----------
    checks : dict of str to ModelChecks
        With ``tenths``: ``Time point, People, deaths, Predicted, Observed, Lower, Upper``, proportions.
    study : Study
        A tenth in which few survived, or few died, may be suppressed.
    alt : str
        How the text alternative begins; the differences of each panel are added.
    suppressed : collection of (str, str, str)
        As of :func:`tabulate_checks`.
    """
    tables = {cohort: each.tenths for cohort, each in checks.items() if not each.reason}
    tenths = {
        cohort: _release_people(table.assign(withheld=_list_withheld(table, cohort, suppressed)), study)
        for cohort, table in tables.items()
    }
    fitted = {
        cohort: each.frame.assign(**{name: shown_numbers(each.frame[name]) for name in ("Observed", "Lower", "Upper")})
        for cohort, each in tenths.items()
    }
    if not fitted:
        return draw_empty(NO_MODEL, declare_not_counts(NO_MODEL, OF_MODELS))
    use_style()
    horizons = list(dict.fromkeys(horizon for table in fitted.values() for horizon in table["Time point"]))
    size = (3.4 * len(horizons) + 0.6, 3.4 * len(fitted))
    figure, panels = plt.subplots(len(fitted), len(horizons), figsize=size, sharex=True, sharey=True, squeeze=False)
    for side in ("x", "y"):
        begin_at_zero(panels[0][0], side=side)
    said = []
    for line, (cohort, table) in zip(panels, fitted.items(), strict=True):
        for axes, horizon in zip(line, horizons, strict=True):
            rows = table[table["Time point"] == horizon]
            if rows.empty:
                axes.set_axis_off()
                continue
            x = 100 * rows["Predicted"]
            axes.plot([0, 100], [0, 100], color=INK, linewidth=0.8)
            axes.vlines(x, 100 * rows["Lower"], 100 * rows["Upper"], color=PALETTE[0], linewidth=1.5)
            axes.plot(x, 100 * rows["Observed"], "o", color=PALETTE[0], markersize=4.5)
            title = f"{COHORT_NAMES[cohort]}, {horizon}"
            axes.set_title(title)
            said.append(f"{title}: {_say_calibration(rows)}")
        line[0].set_ylabel("Observed survival, %")
    for axes in panels[-1]:
        axes.set_xlabel("Predicted survival, %")
    return Figure(figure, f"{alt}. {'. '.join(said)}.", tuple(tenths.values()))


def _say_calibration(rows: pd.DataFrame) -> str:
    """Say the range of predicted survival, and the largest difference of observed from predicted survival."""
    shown = rows[rows["Observed"].notna()]
    if shown.empty:
        return "suppressed"
    low, high = (format_number(n, "percent0") for n in (shown["Predicted"].min(), shown["Predicted"].max()))
    gap = 100 * float((shown["Observed"] - shown["Predicted"]).abs().max())
    parts = f"{say_count(len(shown), 'point')}, predicted {low} to {high}"
    return f"{parts}; observed differs by at most {format_number(gap, 'decimal1')} percentage points"
