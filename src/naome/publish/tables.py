"""Tables for pages, made from released results: reader's words, units and order."""

from __future__ import annotations

import re

import pandas as pd

from naome.disclosure import release_counts
from naome.measures.completeness import load_data_items
from naome.measures.indicators import MISSING
from naome.measures.specification import Specification
from naome.params import Params
from naome.publish.prose import say_interval

PERCENT = {"Percent": "percent1", "Lower": "percent1", "Upper": "percent1", "People": "int", "Of these": "int"}
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
PEOPLE_FORMATS = {"People": "int", "Lower": "int", "Upper": "int"}
SENSITIVITY_FORMATS = {
    "People": "int",
    "In both": "int",
    "Jaccard": "decimal2",
    "Chemotherapy": "percent1",
    "CDK4/6": "percent1",
    "Death in 30 days": "percent1",
    "1-year survival": "percent1",
}
DEATH_FORMATS = {"Deaths": "int", "With a record": "int", **dict.fromkeys(("Percent", "Lower", "Upper"), "percent1")}
WINDOW_FORMATS = {"Window, days": "int", "People": "int", "Percent": "percent1"}
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


def tabulate_proportions(results: pd.DataFrame, labels: pd.Series, heading: str) -> pd.DataFrame:
    """Lay out released proportions for :func:`naome.publish.display.show_table` (formats in ``PERCENT``).

    A percentage of too few people is not shown; its counts are.

    Parameters
    ----------
    results : DataFrame
        Released results, one row each in the order wanted.
    labels : Series
        What stands in the first column.
    heading : str
        Heading of the first column.
    """
    few = results["status"] == "too_few"
    return pd.DataFrame(
        {
            heading: list(labels),
            "People": results["denominator"].to_numpy(),
            "Of these": results["numerator"].to_numpy(),
            "Percent": results["estimate"].mask(few).to_numpy(),
            "Lower": results["lower"].mask(few).to_numpy(),
            "Upper": results["upper"].mask(few).to_numpy(),
            "status": results["status"].to_numpy(),
            "reason": results["reason"].to_numpy(),
        }
    )


def tabulate_indicators(results: pd.DataFrame, specification: Specification, kind: str) -> pd.DataFrame:
    """Lay out the national value of every indicator of a kind, one row per cohort."""
    rows = results[(results["level"] == "nation") & (results["group_by"] == "all")]
    order = {i.id: n for n, i in enumerate(specification.indicators) if i.kind == kind}
    rows = rows[rows["measure"].isin(list(order))]
    rows = rows.sort_values(["measure", "cohort"], key=lambda c: c.map(order) if c.name == "measure" else c)
    titles = [
        f"{specification[m].title} ({COHORT_NAMES[c].lower()})"
        for m, c in zip(rows["measure"], rows["cohort"], strict=True)
    ]
    return tabulate_proportions(rows, pd.Series(titles, dtype=object), "Indicator")


def tabulate_group(results: pd.DataFrame, measure: str, group_by: str, heading: str, cohort: str) -> pd.DataFrame:
    """Lay out one measure by one characteristic, ages in order and *not recorded* last."""
    rows = pick_rows(results, measure=measure, group_by=group_by, cohort=cohort, level="nation")
    if rows.empty:  # not derivable: one row says so for all groups
        rows = pick_rows(results, measure=measure, cohort=cohort, level="nation", group_by="all")
    rank = {name: n for n, name in enumerate(AGE_ORDER)}
    key = [(label == MISSING, rank.get(label.split(" / ")[0], 99), label) for label in rows["group"]]
    rows = rows.iloc[sorted(range(len(rows)), key=key.__getitem__)]
    return tabulate_proportions(rows, rows["group"], heading)


def pick_rows(results: pd.DataFrame, **key: str) -> pd.DataFrame:
    """Return the results with these values."""
    for column, value in key.items():
        results = results[results[column] == value]
    return results


def tabulate_completeness(results: pd.DataFrame, *, table_2: bool) -> pd.DataFrame:
    """Lay out national completeness, the report's six items or the others."""
    titles = {f"completeness.{item.id}": item.title for item in load_data_items() if item.table_2 == table_2}
    rows = results[
        (results["level"] == "nation") & (results["group_by"] == "all") & results["measure"].isin(list(titles))
    ]
    return tabulate_proportions(rows, rows["measure"].map(titles), "Data item")


def tabulate_completeness_years(results: pd.DataFrame) -> pd.DataFrame:
    """Lay out national completeness of the report's six items by year of origin.

    Returns
    -------
    DataFrame
        Texts, one row per year and one column per item that the data have: percent with its 95% interval, or why there
        is none. A single sentence where no item can be shown.
    """
    titles = {f"completeness.{item.id}": item.title for item in load_data_items() if item.table_2}
    rows = pick_rows(results, level="nation", group_by="year")
    rows = rows[rows["measure"].isin(list(titles))]
    if rows.empty:
        return NOTHING.rename(columns={"Indicator": "Year"})
    texts = [
        say_interval(row) if row["status"] == "ok" else row["status"].replace("_", " ")
        for row in rows.to_dict("records")
    ]
    table = rows.assign(text=texts).pivot(index="group", columns="measure", values="text")
    table = table[[measure for measure in titles if measure in table.columns]].rename(columns=titles)
    return table.reset_index(names="Year").rename_axis(columns=None)


def tabulate_survival(results: pd.DataFrame, *, group_by: str = "all") -> pd.DataFrame:
    """Lay out survival by cohort, group and horizon."""
    rows = results[(results["group_by"] == group_by) & results["measure"].str.startswith("survival_")]
    years = rows["measure"].str.extract(r"survival_(\d+)y(_period)?")
    horizon = years[0] + " years" + years[1].notna().map({True: " (period analysis)", False: ""})
    horizon = horizon.str.replace("^1 years", "1 year", regex=True)
    group = rows["group"] if group_by != "all" else None
    table = pd.DataFrame({"Cohort": rows["cohort"].map(COHORT_NAMES)})
    if group is not None:
        table["Group"] = group
    return table.assign(
        Horizon=horizon,
        People=rows["denominator"],
        Deaths=rows["numerator"],
        Survival=rows["estimate"],
        Lower=rows["lower"],
        Upper=rows["upper"],
        status=rows["status"],
        reason=rows["reason"],
    ).reset_index(drop=True)


def tabulate_people(released: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Lay out results that count people, in the order of `titles` (formats in ``PEOPLE_FORMATS``)."""
    rows = released[released["measure"].isin(list(titles))]
    rows = rows.sort_values("measure", key=lambda c: c.map({m: n for n, m in enumerate(titles)}), kind="stable")
    names = rows["measure"].map(titles)
    labels = names.where(rows["group"] == "all", names + ": " + rows["group"])
    return pd.DataFrame(
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


def tabulate_sensitivity(switches: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Lay out what every switch changes, one row per switch and cohort (formats in ``SENSITIVITY_FORMATS``)."""
    rows = switches.reset_index(drop=True)
    people = release_counts(rows["people"], params, national=True)
    table = pd.DataFrame(
        {
            "Option": rows["title"],
            "Value": rows["choice"].fillna(""),
            "Cohort": rows["cohort"].map(COHORT_NAMES).fillna(""),
            "People": people,
            "In both": release_counts(rows["shared"], params, national=True),
            "Jaccard": rows["jaccard"],
            "Chemotherapy": rows["chemotherapy"],
            "CDK4/6": rows["cdk46_first_line"],
            "Death in 30 days": rows["death_30d_chemotherapy"],
            "1-year survival": rows["survival_1y"],
        }
    )
    return table.assign(reason=rows["reason"].fillna(""))


def tabulate_death_sensitivity(switches: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Lay out the check against deaths under every option that changes it (formats in ``DEATH_FORMATS``)."""
    return pd.DataFrame(
        {
            "Option": switches["title"],
            "Value": switches["choice"].fillna(""),
            "Deaths": release_counts(switches["denominator"], params, national=True),
            "With a record": release_counts(switches["numerator"], params, national=True),
            "Percent": switches["estimate"],
            "Lower": switches["lower"],
            "Upper": switches["upper"],
            "reason": switches["reason"],
        }
    )


def tabulate_window_sensitivity(windows: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Lay out every indicator with a window at its default and at other lengths (formats in ``WINDOW_FORMATS``)."""
    rows = windows[windows["estimate"].notna()]
    titles = [specification[name].title for name in rows["indicator"]]
    return pd.DataFrame(
        {
            "Indicator": titles,
            "Cohort": rows["cohort"].map(COHORT_NAMES),
            "Window, days": rows["days"],
            "People": rows["denominator"],
            "Percent": rows["estimate"],
        }
    ).reset_index(drop=True)


def tabulate_attrition(attrition: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Lay out the attrition table; its numbers pass the disclosure door.

    A rule that the data cannot show stands with the reason: an eligibility rule then leaves everybody, and a way into
    a cohort has no number.
    """
    rows = explain_rules(attrition, params)
    rows = rows[rows["cohort"].isin(["both", *params.cohorts])]
    unknown = (rows["cohort"] != "both") & rows["step"].isin(params.rules_not_checked)
    return pd.DataFrame(
        {
            "Rule": rows["step"],
            "What it asks": rows["text"],
            "Counted": rows["unit"],
            "Remaining": release_counts(rows["remaining"], params, national=True).mask(unknown),
            "Left out": release_counts(rows["left_out"], params, national=True).mask(unknown),
            "status": unknown.map({True: "not_derivable", False: "ok"}),
        }
    ).reset_index(drop=True)


def explain_rules(attrition: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Add to the text of rules that the data cannot show why they were not checked."""
    reasons = attrition["step"].map(params.rules_not_checked)
    return attrition.assign(
        text=attrition["text"].where(reasons.isna(), attrition["text"] + " Not checked: " + reasons)
    )


def tabulate_characteristics(analysis: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Count the characteristics of every cohort: people and percent of everyone, missing shown and not dropped.

    Returns
    -------
    DataFrame
        ``Characteristic, Value`` and two columns per cohort; formats by ``characteristic_formats``.
    """
    pieces = []
    for column, title in CHARACTERISTICS.items():
        if analysis[column].isna().all():
            continue
        pieces.append(_characteristic(analysis, params, analysis[column].astype("string").fillna(MISSING), title))
    for column, title in SITES.items():
        if analysis[column].fillna(False).any():
            pieces.append(
                _characteristic(analysis, params, analysis[column].map({True: title, False: ""}), "Metastatic site")
            )
    table = pd.concat(pieces, ignore_index=True)
    return table[table["Value"] != ""].reset_index(drop=True)


def characteristic_formats(params: Params) -> dict[str, str]:
    """Return the formats of the characteristics table."""
    names = [COHORT_NAMES[cohort] for cohort in params.cohorts]
    return {**{name: "int" for name in names}, **{f"{name}, %": "percent1" for name in names}}


def _characteristic(analysis: pd.DataFrame, params: Params, labels: pd.Series, title: str) -> pd.DataFrame:
    rank = {name: n for n, name in enumerate(AGE_ORDER)}
    values = sorted(labels.dropna().unique(), key=lambda v: (v == MISSING, rank.get(v, 99), v))
    table = pd.DataFrame({"Characteristic": title, "Value": values})
    for cohort in params.cohorts:
        mine = labels[analysis["cohort"] == cohort]
        counts = mine.value_counts().reindex(values, fill_value=0).astype("Int64")
        shown = release_counts(pd.Series(counts.to_numpy()), params, national=True)
        table[COHORT_NAMES[cohort]] = shown
        table[f"{COHORT_NAMES[cohort]}, %"] = (shown / max(len(mine), 1)).astype("float64")
    return table
