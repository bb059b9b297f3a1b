"""The page of sensitivity analyses."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from naome.measures.derivability import RECORD_BEFORE_CANCER_DEATH
from naome.measures.sensitivity import BASE, HEADLINES
from naome.measures.study import Study
from naome.release import Released, is_hidden, release_variants
from naome.release.counts import hide_columns, hide_numbers
from naome.report.display import Sentence, Table
from naome.report.labels import COHORT_NAMES
from naome.report.proportions import LIMITS, NOTHING
from naome.report.prose import say_percent

#: The result that the validation against deaths is about
#: Cohort, measure and group of results of everyone that are suppressed: no table here shows their numbers either
Suppressed = Collection[tuple[str, str, str]]


def release_switches(options: pd.DataFrame, study: Study, suppressed: Suppressed = ()) -> Released:
    """Release what every option of the cohort rules changes: nothing where one to seven are in one version only.

    Parameters
    ----------
    options : DataFrame
        The cohorts under every option of the rules: a row for each option and cohort.
    study : Study
    suppressed : collection of (str, str, str)
        Cohort, measure and group of suppressed results
        (:meth:`naome.release.suppress.ReleasePlan.list_suppressed`): the base case does not show them.
    """
    base = options[options["option"] == BASE].drop_duplicates("cohort").set_index("cohort")["people"]
    own = options["cohort"].map(base)
    known = pd.DataFrame({"people": own, "shared": own})
    with_it = ("jaccard", *(c for c in options.columns if c.endswith(("_value", "_1y")) or c in HEADLINES))
    both = [("shared", "people")]
    released = release_variants(
        options, ("people", "shared"), known, study, overlaps=both, of_one=("option", "cohort"), with_it=with_it
    )
    if study.params.disclosure.shows_nation:
        return released
    # of a small nation: percentages before and after give the events of the people who differ; the Jaccard index does
    # not, which follows from the people of both versions
    return released.transform(lambda frame: _take_out(frame, list(with_it[1:]), suppressed))


def _take_out(frame: pd.DataFrame, columns: list[str], suppressed: Suppressed) -> pd.DataFrame:
    hide_numbers(frame, columns, frame["option"] != BASE)
    for column in columns:
        measures = frame["other_indicator"] if column == "other_value" else pd.Series(column, index=frame.index)
        hide_numbers(frame, [column], _list_suppressed(frame["cohort"], measures, suppressed))
    return frame


def _list_suppressed(cohorts: pd.Series, measures: pd.Series, suppressed: Suppressed) -> pd.Series:
    """Mark the rows of which the result of everyone is suppressed."""
    gone = {key[:2] for key in suppressed}
    return pd.Series([key in gone for key in zip(cohorts, measures, strict=True)], index=cohorts.index)


def tabulate_sensitivity(switches: Released) -> Table:
    """Lay out the sensitivity analyses of the cohort rules, one row per option and cohort."""
    rows = switches.frame
    frame = pd.DataFrame(
        {
            "Option": rows["title"],
            "Value": rows["choice"].fillna(""),
            "Cohort": rows["cohort"].map(COHORT_NAMES).fillna(""),
            "People": rows["people"],
            "In both versions": rows["shared"],
            "Jaccard index": rows["jaccard"],
            "Chemotherapy": rows["chemotherapy"],
            "CDK4/6": rows["cdk46_first_line"],
            "Death within 30 days": rows["death_30d_chemotherapy"],
            "1-year survival": rows["survival_1y"],
            "reason": rows["reason"].fillna(""),
        }
    )
    shares = dict.fromkeys(("Chemotherapy", "CDK4/6", "Death within 30 days", "1-year survival"), "percent1")
    return Table(
        frame, switches, {"People": "count", "In both versions": "count", "Jaccard index": "decimal2", **shares}
    )


def tabulate_death_sensitivity(options: pd.DataFrame, study: Study, suppressed: Suppressed = ()) -> Table:
    """Lay out the validation against deaths under every option that changes it.

    Parameters
    ----------
    options : DataFrame
        Deaths and those with an earlier record under every option, a row each.
    study : Study
    suppressed : collection of (str, str, str)
        As of :func:`release_switches`; where the validation is suppressed, so is every option.
    """
    columns = ["denominator", "numerator"]
    base = options.loc[options["option"] == BASE, columns].head(1)
    own = pd.concat([base] * len(options), ignore_index=True)
    parts, with_it = [("numerator", "denominator")], ("estimate", "lower", "upper")
    released = release_variants(options, columns, own, study, parts=parts, of_one=["option"], with_it=with_it)
    if any(key[1] == RECORD_BEFORE_CANCER_DEATH for key in suppressed):
        released = hide_columns(released, [*columns, *with_it])
    rows = released.frame
    frame = pd.DataFrame(
        {
            "Option": rows["title"],
            "Value": rows["choice"].fillna(""),
            "Deaths": rows["denominator"],
            "With an earlier record": rows["numerator"],
            "Percent": rows["estimate"],
            "Lower": rows["lower"],
            "Upper": rows["upper"],
            "reason": rows["reason"],
        }
    )
    return Table(frame, released, {"Deaths": "count", "With an earlier record": "count", **LIMITS})


def tabulate_window_sensitivity(windows: pd.DataFrame, study: Study, suppressed: Suppressed = ()) -> Table:
    """Lay out every indicator with a window at its default and at other lengths; a sentence where there is none.

    Parameters
    ----------
    windows : DataFrame
        From :func:`naome.measures.sensitivity.tabulate_windows`.
    study : Study
    suppressed : collection of (str, str, str)
        As of :func:`release_switches`; a suppressed indicator is so at every length.
    """
    key = ["indicator", "cohort", "window"]
    columns = ["denominator", "numerator"]
    own = windows.groupby(key, sort=False)[columns].transform("first")
    parts, with_it = [("numerator", "denominator")], ("estimate", "lower", "upper")
    released = release_variants(windows, columns, own, study, parts=parts, of_one=key, with_it=with_it)
    gone = _list_suppressed(windows["cohort"], windows["indicator"], suppressed).reset_index(drop=True)
    released = hide_columns(released, [*columns, *with_it] if gone.any() else [], gone)
    rows = released.frame[windows["estimate"].notna().to_numpy()]
    if rows.empty:
        return Table(NOTHING, released)
    frame = pd.DataFrame(
        {
            "Indicator": [study.specification[name].title for name in rows["indicator"]],
            "Cohort": rows["cohort"].map(COHORT_NAMES),
            "Window, days": rows["days"],
            "People": rows["denominator"],
            "Percent": rows["numerator"].astype(object).where(rows["numerator"].map(is_hidden), rows["estimate"]),
            "Lower": rows["lower"],
            "Upper": rows["upper"],
        }
    ).reset_index(drop=True)
    return Table(frame, released, {"Window, days": "int", "People": "count", **LIMITS})


def say_most_changed(switches: Released) -> Sentence:
    """Say which choice changes a cohort most."""
    rows = switches.frame
    rows = rows[rows["jaccard"].notna() & (rows["option"] != BASE)]
    hidden = rows["jaccard"].map(is_hidden).astype(bool)
    if len(rows) and hidden.all():
        return Sentence("The Jaccard index of every choice is suppressed, so the largest change cannot be named.")
    rows = rows[~hidden].sort_values("jaccard")
    if rows.empty or rows["jaccard"].iloc[0] == 1:
        nothing = "No choice changes a cohort here: these data lack the records that matter, or the records agree."
        some = "No choice whose Jaccard index is shown changes a cohort here; that of others is suppressed."
        return Sentence(some if hidden.any() else nothing)
    most = rows.iloc[0]
    of_shown = "Of the choices whose Jaccard index is shown, the" if hidden.any() else "The"
    return Sentence(
        f"{of_shown} {COHORT_NAMES[most['cohort']].lower()} cohort is most sensitive to the choice *{most['title']}*: "
        f"with *{most['choice']}*, {say_percent(most['jaccard'])} of the people in either version of the cohort are "
        "in both.",
        switches,
    )
