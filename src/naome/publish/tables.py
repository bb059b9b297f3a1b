"""Tables for pages, made from released results: reader's words, units and order."""

from __future__ import annotations

import re

import pandas as pd

from naome.disclosure import HIDDEN, Released, release_counts, release_variants
from naome.measures.indicators import MISSING
from naome.measures.sensitivity import BASE, HEADLINES
from naome.measures.specification import Specification, read_data_items
from naome.measures.study import Study
from naome.params import Params
from naome.publish.display import STATUS_WORDS, Table
from naome.publish.prose import say_interval
from naome.results import WHOLE

LIMITS = {"Percent": "percent1", "Lower": "percent1", "Upper": "percent1"}
PERCENT = {"People": "count", "Of these": "count", **LIMITS}
MISSED_TITLES = {
    "recurrent_seen": "Seen by",
    "recurrent_population_chapman": "Estimated, two sources (Chapman)",
    "recurrent_population_loglinear": "Estimated, log-linear models",
}
PREVALENCE_TITLES = {
    "limited_duration_prevalence": "Living, as found",
    "limited_duration_prevalence_corrected": "Living, corrected for those missed",
}
NOTHING = pd.DataFrame({"Indicator": ["none of them can be derived from these data"]})
COHORT_NAMES = {"denovo": "De novo", "recurrent": "Recurrent", "primary": "Primary"}
CHARACTERISTICS = {
    "year": "Year",
    "age_band": "Age at origin",
    "sex": "Sex",
    "stage": "Stage at diagnosis",
    "grade": "Grade",
    "performance_status": "Performance status",
    "charlson": "Comorbidities (RCS Charlson)",
    "frailty": "Frailty (SCARF)",
    "er": "ER status",
    "pr": "PR status",
    "her2": "HER2 status",
    "size_group": "Tumour size, mm",
    "deprivation": "Deprivation quintile (1 = most deprived)",
    "ethnic_group": "Ethnic group",
}
#: Items of a case-mix model in words, where they are not characteristics of a cohort or more must be said.
CASE_MIX = {
    "age": "Age",
    "subtype": "Subtype",
    "charlson": "Comorbidities",
    "frailty": "Frailty",
    "deprivation": "Deprivation quintile",
    "years_since_diagnosis": "Years since initial diagnosis",
    "postmenopausal": "After menopause",
    "size_group": "Tumour size, mm",
    "nodes_positive": "Positive lymph nodes",
    "er_log": "ER, logarithm of fmol/mg",
    "pr_log": "PR, logarithm of fmol/mg",
    "endocrine_flag": "Endocrine therapy",
    "chemotherapy_flag": "Chemotherapy",
    "GLOBAL": "The whole model",
}
SITES = {"bone": "Bone", "liver": "Liver", "lung": "Lung", "brain": "Brain"}
AGE_ORDER = ["under 40", "18-49", "40-49", "50-59", "50-69", "60-69", "70-79", "80+"]


def name_term(term: str) -> str:
    """Name a coefficient of a case-mix model in words: the item, and the level it compares with the first.

    Examples
    --------
    >>> name_term("performance_status[2]"), name_term("bone_early"), name_term("age'"), name_term("grade_missing")
    ('Performance status: 2', 'Bone metastasis at the start', "Age'", 'Grade: missing')
    """
    item, bends, level = re.fullmatch(r"(.+?)('*)(?:\[(.*)\])?", term).groups()
    missing = item.endswith("_missing")
    item = item.removesuffix("_missing")
    title = CASE_MIX.get(item) or CHARACTERISTICS.get(item)
    if title is None and item.removesuffix("_early") in SITES:
        title = f"{SITES[item.removesuffix('_early')]} metastasis at the start"
    level = "missing" if missing else level
    words = title or item.replace("_", " ").capitalize()
    return f"{words}{bends}" + (f": {level}" if level else "")


def tabulate_proportions(rows: pd.DataFrame, labels: pd.Series, heading: str, released: Released) -> Table:
    """Lay out released proportions; a percentage of too few people is not shown, its counts are.

    Parameters
    ----------
    rows : DataFrame
        Rows of `released` in the order wanted.
    labels : Series
        What stands in the first column.
    heading : str
        Heading of the first column.
    released : Released
    """
    few = rows["status"] == "too_few"
    frame = pd.DataFrame(
        {
            heading: list(labels),
            "People": rows["denominator"].to_numpy(),
            "Of these": rows["numerator"].to_numpy(),
            "Percent": rows["estimate"].mask(few).to_numpy(),
            "Lower": rows["lower"].mask(few).to_numpy(),
            "Upper": rows["upper"].mask(few).to_numpy(),
            "status": rows["status"].to_numpy(),
            "reason": rows["reason"].to_numpy(),
        }
    )
    return Table(frame, released, PERCENT)


def tabulate_indicators(released: Released, specification: Specification, kind: str) -> Table:
    """Lay out the value for the whole nation, or for all nations pooled, of every indicator of a kind by cohort."""
    rows = released.where(level=WHOLE, group_by="all").frame
    order = {i.id: n for n, i in enumerate(specification.indicators) if i.kind == kind}
    rows = rows[rows["measure"].isin(list(order))]
    rows = rows.sort_values(["measure", "cohort"], key=lambda c: c.map(order) if c.name == "measure" else c)
    titles = [
        f"{specification[m].title} ({COHORT_NAMES[c].lower()})"
        for m, c in zip(rows["measure"], rows["cohort"], strict=True)
    ]
    return tabulate_proportions(rows, pd.Series(titles, dtype=object), "Indicator", released)


def tabulate_group(released: Released, measure: str, group_by: str, heading: str, cohort: str) -> Table:
    """Lay out one measure by one characteristic, ages in order and *not recorded* last."""
    one = released.where(measure=measure, cohort=cohort, level="nation")
    rows = one.where(group_by=group_by).frame
    if rows.empty:  # not derivable: one row says so for all groups
        rows = one.where(group_by="all").frame
    rank = {name: n for n, name in enumerate(AGE_ORDER)}
    key = [(label == MISSING, rank.get(label.split(" / ")[0], 99), label) for label in rows["group"]]
    rows = rows.iloc[sorted(range(len(rows)), key=key.__getitem__)]
    return tabulate_proportions(rows, rows["group"], heading, released)


def tabulate_completeness(released: Released, specification: Specification, *, table_2: bool) -> Table:
    """Lay out national completeness, the report's six items or the others."""
    items = read_data_items(specification.definitions)
    titles = {f"completeness.{item.id}": item.title for item in items if item.table_2 == table_2}
    rows = released.where(level="nation", group_by="all", measure=list(titles)).frame
    return tabulate_proportions(rows, rows["measure"].map(titles), "Data item", released)


def tabulate_completeness_years(released: Released, specification: Specification) -> Table:
    """Lay out national completeness of the report's six items by year of origin.

    Returns
    -------
    Table
        Texts, one row per year and one column per item that the data have: percent with its 95% interval, or why there
        is none. A single sentence where no item can be shown.
    """
    items = read_data_items(specification.definitions)
    titles = {f"completeness.{item.id}": item.title for item in items if item.table_2}
    rows = released.where(level="nation", group_by="year", measure=list(titles)).frame
    if rows.empty:
        return Table(NOTHING.rename(columns={"Indicator": "Year"}), released)
    texts = [
        say_interval(row) if row["status"] == "ok" else STATUS_WORDS[row["status"]][0]
        for row in rows.to_dict("records")
    ]
    table = rows.assign(text=texts).pivot(index="group", columns="measure", values="text")
    table = table[[measure for measure in titles if measure in table.columns]].rename(columns=titles)
    return Table(table.reset_index(names="Year").rename_axis(columns=None), released)


def tabulate_bias(flags: pd.DataFrame, study: Study) -> Table:
    """Lay out whether being recorded goes with the organisation or with survival.

    Parameters
    ----------
    flags : DataFrame
        From :func:`naome.measures.completeness.flag_biased_items`; a test that no item had is left out.
    study : Study
    """
    released = release_counts(flags, "recorded", study, of="n")
    tests = ["provider_p", "survival_p"]
    frame = released.frame.drop(columns=[test for test in tests if flags[test].isna().all()])
    headings = {"item": "Data item", "n": "People", "recorded": "Recorded", "flag": "Differs by"}
    headings |= {"provider_p": "p, organisations", "survival_p": "p, survival"}
    formats = {"n": "count", "recorded": "count", **{test: "pvalue" for test in tests if test in frame}}
    return Table(frame, released, formats, headings)


def tabulate_survival(released: Released, *, group_by: str = "all") -> Table:
    """Lay out survival by cohort, group and horizon."""
    rows = released.where(group_by=group_by).frame
    rows = rows[rows["measure"].str.startswith("survival_")]
    years = rows["measure"].str.extract(r"survival_(\d+)y(_period)?")
    horizon = years[0] + " years" + years[1].notna().map({True: " (period analysis)", False: ""})
    horizon = horizon.str.replace("^1 years", "1 year", regex=True)
    group = rows["group"] if group_by != "all" else None
    table = pd.DataFrame({"Cohort": rows["cohort"].map(COHORT_NAMES)})
    if group is not None:
        table["Group"] = group
    frame = table.assign(
        Horizon=horizon,
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


def tabulate_at_risk(at_risk: Released) -> Table:
    """Lay out the numbers at risk of every cohort."""
    frame = at_risk.frame.rename(columns={"group": "Cohort"})
    return Table(frame, at_risk, dict.fromkeys(frame.columns[1:], "count"))


def tabulate_clocks(clocks: pd.DataFrame, study: Study) -> Table:
    """Lay out survival under other origins of time (:func:`naome.measures.survival.compare_clocks`)."""
    released = release_counts(clocks, "n_risk", study, with_it=("survival", "lower", "upper"))
    headings = {"route": "Rule", "clock": "Clock", "years": "Years", "n_risk": "At risk"}
    headings |= {"survival": "Survival", "lower": "Lower", "upper": "Upper"}
    formats = {"years": "int", "n_risk": "count", **dict.fromkeys(("survival", "lower", "upper"), "percent1")}
    return Table(released.frame, released, formats, headings)


def tabulate_people(released: Released, titles: dict[str, str]) -> Table:
    """Lay out results that count people, in the order of `titles`."""
    rows = released.where(measure=list(titles)).frame
    rows = rows.sort_values("measure", key=lambda c: c.map({m: n for n, m in enumerate(titles)}), kind="stable")
    names = rows["measure"].map(titles)
    labels = names.where(rows["group"] == "all", names + ": " + rows["group"])
    frame = pd.DataFrame(
        {
            "What": labels,
            "Cohort": rows["cohort"].map({**COHORT_NAMES, "primary": "All"}),
            "People": rows["estimate"].round(),
            "Lower": rows["lower"].round(),
            "Upper": rows["upper"].round(),
            "status": rows["status"],
            "reason": rows["reason"],
        }
    ).reset_index(drop=True)
    return Table(frame, released, dict.fromkeys(("People", "Lower", "Upper"), "count"))


def tabulate_sources(counts: pd.DataFrame, study: Study) -> Table:
    """Lay out how many people each combination of sources saw (:func:`naome.measures.missed.count_sources`)."""
    sources = [column for column in counts if column != "people"]
    released = release_counts(counts, "people", study, totals=[[], *([source] for source in sources)])
    frame = released.frame.replace({source: {True: "seen", False: ""} for source in sources})
    return Table(frame.rename(columns=str.capitalize), released, {"People": "count"})


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


def tabulate_attrition(attrition: Released, params: Params) -> Table:
    """Lay out the attrition table (:func:`naome.disclosure.release_attrition`).

    A rule that the data cannot show stands with the reason: an eligibility rule then leaves everybody, and a way into
    a cohort has no number.
    """
    rows = explain_rules(attrition.frame, params)
    rows = rows[rows["cohort"].isin(["both", *params.cohorts])]
    unknown = (rows["cohort"] != "both") & rows["step"].isin(params.rules_not_checked)
    frame = pd.DataFrame(
        {
            "Rule": rows["step"],
            "What it asks": rows["text"],
            "Counted": rows["unit"],
            "Remaining": rows["remaining"].mask(unknown),
            "Left out": rows["left_out"].mask(unknown),
            "status": unknown.map({True: "not_derivable", False: "ok"}),
        }
    ).reset_index(drop=True)
    return Table(frame, attrition, {"Remaining": "count", "Left out": "count"})


def explain_rules(attrition: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Add to the text of rules that the data cannot show why they were not checked."""
    reasons = attrition["step"].map(params.rules_not_checked)
    return attrition.assign(
        text=attrition["text"].where(reasons.isna(), attrition["text"] + " Not checked: " + reasons)
    )


def tabulate_routes(analysis: pd.DataFrame, study: Study) -> Table:
    """Count the people of every cohort by the rule that found them and the year of origin."""
    sizes = analysis.groupby(["cohort", "route", "year"]).size().unstack(fill_value=0)
    counts = sizes.reset_index().melt(["cohort", "route"], var_name="year", value_name="people")
    released = release_counts(counts, "people", study, totals=[["cohort", "route"], ["cohort", "year"]])
    frame = released.frame.pivot(index=["cohort", "route"], columns="year", values="people")
    frame.columns = [str(year) for year in frame.columns]
    frame = frame.reset_index().replace({"cohort": COHORT_NAMES})
    formats = dict.fromkeys(frame.columns[2:], "count")
    return Table(frame.rename(columns={"cohort": "Cohort", "route": "Rule"}), released, formats)


def tabulate_characteristics(analysis: pd.DataFrame, study: Study) -> Table:
    """Count the characteristics of every cohort: people and percent of everyone, missing shown and not dropped.

    Returns
    -------
    Table
        ``Characteristic, Value`` and two columns per cohort.
    """
    pieces = []
    for column, title in CHARACTERISTICS.items():
        if not analysis[column].isna().all():
            labels = analysis[column].astype("string").fillna(MISSING)
            pieces.append(_count_values(analysis["cohort"], labels, title, study.params.cohorts))
    for column, title in SITES.items():
        if analysis[column].fillna(False).any():
            labels = analysis[column].map({True: title, False: ""})
            pieces.append(_count_values(analysis["cohort"], labels, "Metastatic site", study.params.cohorts))
    counts = pd.concat(pieces, ignore_index=True)
    # a site and its absence are the two parts of a cohort; the values of a characteristic are all parts
    released = release_counts(counts, "people", study, of="everyone", totals=[["cohort", "part"]])
    rows = released.frame[counts["value"].to_numpy() != ""]
    frame = rows.drop_duplicates(["title", "value"])[["title", "value"]].reset_index(drop=True)
    frame.columns = ["Characteristic", "Value"]
    formats = {}
    for cohort in study.params.cohorts:
        mine, name = rows[rows["cohort"] == cohort], COHORT_NAMES[cohort]
        frame[name] = mine["people"].to_numpy()
        frame[name] = frame[name].convert_dtypes()
        frame[f"{name}, %"] = [_share(n, whole) for n, whole in zip(mine["people"], mine["everyone"], strict=True)]
        formats |= {name: "count", f"{name}, %": "percent1"}
    return Table(frame, released, formats)


def _count_values(cohort: pd.Series, labels: pd.Series, title: str, cohorts: tuple[str, ...]) -> pd.DataFrame:
    rank = {name: n for n, name in enumerate(AGE_ORDER)}
    values = sorted(labels.dropna().unique(), key=lambda v: (v == MISSING, rank.get(v, 99), v))
    part = title if "" not in values else max(values)
    rows = []
    for name in cohorts:
        mine = labels[cohort == name]
        counts = mine.value_counts().reindex(values, fill_value=0)
        rows += [(title, part, value, name, int(counts[value]), len(mine)) for value in values]
    return pd.DataFrame(rows, columns=["title", "part", "value", "cohort", "people", "everyone"])


def _share(count: object, whole: object) -> object:
    return HIDDEN if count is HIDDEN or whole is HIDDEN else int(count) / max(int(whole), 1)
