"""The page of sensitivity analyses."""

from __future__ import annotations

import pandas as pd

from naome.measures.sensitivity import BASE, HEADLINES
from naome.measures.study import Study
from naome.release import HIDDEN, Released, release_variants
from naome.report.display import Sentence, Table
from naome.report.labels import COHORT_NAMES
from naome.report.proportions import LIMITS, NOTHING
from naome.report.prose import say_percent


def release_switches(switches: pd.DataFrame, study: Study) -> Released:
    """Release what every switch of a cohort rule changes: nothing where few people are in one version only."""
    base = switches[switches["option"] == BASE].drop_duplicates("cohort").set_index("cohort")["people"]
    own = switches["cohort"].map(base)
    known = pd.DataFrame({"people": own, "shared": own})
    with_it = ("jaccard", *(c for c in switches.columns if c.endswith(("_value", "_1y")) or c in HEADLINES))
    parts = [("shared", "people")]
    return release_variants(switches, ("people", "shared"), known, study, parts=parts, with_it=with_it)


def tabulate_sensitivity(switches: Released) -> Table:
    """Lay out what every switch changes, one row per switch and cohort."""
    rows = switches.frame
    frame = pd.DataFrame(
        {
            "Option": rows["title"],
            "Value": rows["choice"].fillna(""),
            "Cohort": rows["cohort"].map(COHORT_NAMES).fillna(""),
            "People": rows["people"],
            "In both": rows["shared"],
            "Jaccard": rows["jaccard"],
            "Chemotherapy": rows["chemotherapy"],
            "CDK4/6": rows["cdk46_first_line"],
            "Death in 30 days": rows["death_30d_chemotherapy"],
            "1-year survival": rows["survival_1y"],
            "reason": rows["reason"].fillna(""),
        }
    )
    shares = dict.fromkeys(("Chemotherapy", "CDK4/6", "Death in 30 days", "1-year survival"), "percent1")
    return Table(frame, switches, {"People": "count", "In both": "count", "Jaccard": "decimal2", **shares})


def tabulate_death_sensitivity(switches: pd.DataFrame, study: Study) -> Table:
    """Lay out the check against deaths under every option that changes it."""
    columns = ["denominator", "numerator"]
    base = switches.loc[switches["option"] == BASE, columns].head(1)
    own = pd.concat([base] * len(switches), ignore_index=True)
    released = release_variants(
        switches, columns, own, study, parts=[("numerator", "denominator")], with_it=("estimate", "lower", "upper")
    )
    rows = released.frame
    frame = pd.DataFrame(
        {
            "Option": rows["title"],
            "Value": rows["choice"].fillna(""),
            "Deaths": rows["denominator"],
            "With a record": rows["numerator"],
            "Percent": rows["estimate"],
            "Lower": rows["lower"],
            "Upper": rows["upper"],
            "reason": rows["reason"],
        }
    )
    return Table(frame, released, {"Deaths": "count", "With a record": "count", **LIMITS})


def tabulate_window_sensitivity(windows: pd.DataFrame, study: Study) -> Table:
    """Lay out every indicator with a window at its default and at other lengths; a sentence where there is none."""
    key = ["indicator", "cohort", "window"]
    columns = ["denominator", "numerator"]
    own = windows.groupby(key, sort=False)[columns].transform("first")
    released = release_variants(
        windows, columns, own, study, parts=[("numerator", "denominator")], with_it=("estimate",)
    )
    rows = released.frame[windows["estimate"].notna().to_numpy()]
    if rows.empty:
        return Table(NOTHING, released)
    frame = pd.DataFrame(
        {
            "Indicator": [study.specification[name].title for name in rows["indicator"]],
            "Cohort": rows["cohort"].map(COHORT_NAMES),
            "Window, days": rows["days"],
            "People": rows["denominator"],
            "Percent": rows["estimate"],
        }
    ).reset_index(drop=True)
    return Table(frame, released, {"Window, days": "int", "People": "count", "Percent": "percent1"})


def say_most_changed(switches: Released) -> Sentence:
    """Say which choice changes a cohort most."""
    rows = switches.frame
    rows = rows[rows["jaccard"].notna() & (rows["option"] != BASE)]
    rows = rows[[value is not HIDDEN for value in rows["jaccard"]]].sort_values("jaccard")
    if rows.empty or rows["jaccard"].iloc[0] == 1:
        nothing = "No choice changes a cohort here: all rest on records that these data do not have, or that agree."
        return Sentence(nothing)
    most = rows.iloc[0]
    return Sentence(
        f"The choice that changes a cohort most is *{most['title']}* set to *{most['choice']}*: "
        f"{say_percent(most['jaccard'])} of the people in either version of the {COHORT_NAMES[most['cohort']].lower()} "
        "cohort are in both.",
        switches,
    )
