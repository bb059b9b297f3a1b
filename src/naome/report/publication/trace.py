"""Where a released result comes from: definition, rules, code lists with versions, method, notebook, run."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from naome.core.definitions import CohortRules
from naome.measures.derivability import CANCER_SHARE_OF_DEATHS, RECORD_BEFORE_CANCER_DEATH, RECORD_BEFORE_DEATH
from naome.measures.specification import Indicator, Specification, read_data_items
from naome.report.display import format_number
from naome.report.labels import CHARACTERISTIC_NAMES, COHORT_NAMES, SITE_NAMES, name_term
from naome.report.publication.audits import Audit, Row
from naome.report.publication.forms import say_form
from naome.report.reference.definitions import describe_indicator

#: Families of measures that are no indicators: first part of the name -> family
FAMILIES = {
    "people": "people", "cohort_size": "people", "age_mean": "people", "share": "people", "eligible": "people",
    "completeness": "completeness",
    "survival": "survival", "net_survival": "survival",
    RECORD_BEFORE_DEATH: "ascertainment", RECORD_BEFORE_CANCER_DEATH: "ascertainment",
    CANCER_SHARE_OF_DEATHS: "ascertainment",
    "limited_duration_prevalence": "prevalence", "recurrent_found": "prevalence",
    "recurrent_population": "prevalence", "recurrent_seen": "prevalence",
}  # fmt: skip
#: Family -> title, what its numbers are, page of the methods
ABOUT = {
    "people": ("People in the cohorts", "Numbers of people, and their characteristics.", "methodology/cohorts.qmd"),
    "completeness": (
        "Data completeness",
        "The share of people whose record has a value for a data item, with Wilson intervals.",
        "methodology/proportions.qmd",
    ),
    "survival": (
        "Survival",
        "Kaplan-Meier survival from the time origin of the cohort to death from any cause, with log-log intervals.",
        "methodology/survival.qmd",
    ),
    "ascertainment": (
        "Validation against deaths",
        "Deaths of people who were aged under 70 at diagnosis of primary breast cancer, and how many had an earlier "
        "record of metastatic disease, with Wilson intervals.",
        "methodology/cohorts.qmd",
    ),
    "prevalence": (
        "Ascertainment and prevalence",
        "Numbers of people from capture-recapture models and from counts of people alive.",
        "methodology/proportions.qmd",
    ),
}


#: Page of the methods -> how a link names it
METHODS_PAGES = {
    "methodology/cohorts.qmd": "How the cohorts are made",
    "methodology/proportions.qmd": "How proportions and counts are estimated and compared",
    "methodology/survival.qmd": "How survival is estimated and compared",
}


def find_family(measure: str, specification: Specification) -> str:
    """Return the family of a measure: the indicator that it is about, or a key of ``ABOUT``.

    Raises
    ------
    KeyError
        For a measure of no family.

    Examples
    --------
    >>> from naome.measures.specification import load_specification
    >>> [find_family(m, load_specification()) for m in ("biopsy_trend", "completeness.er", "survival_1y_adjusted")]
    ['biopsy', 'completeness', 'survival']
    """
    own = [i.id for i in specification.indicators if i.id not in ABOUT and measure.startswith(i.id)]
    if own:
        return max(own, key=len)
    known = [name for name in FAMILIES if measure.startswith(name)]
    return FAMILIES[max(known, key=len)] if known else FAMILIES[measure]


def title_family(family: str, specification: Specification) -> str:
    """Return the title of a family of measures."""
    return ABOUT[family][0] if family in ABOUT else specification[family].title


def describe_family(family: str, audit: Audit) -> list[tuple[str, str]]:
    """Describe what a family of measures is, as named texts in Markdown.

    Parameters
    ----------
    family : str
        See :func:`find_family`.
    audit : Audit
        Under whose definitions and options.
    """
    if family in ABOUT:
        _, meaning, page = ABOUT[family]
        found = [("Meaning", meaning), ("Methods", f"[{METHODS_PAGES[page]}](/{page})")]
        if family == "completeness":
            items = read_data_items(audit.definitions)
            found.append(("Recorded when", "; ".join(f"{item.title}: `{item.recorded.text}`" for item in items)))
        return [*found, ("Cohort rules", say_cohort_rules(audit.rules, audit.params.cohorts))]
    indicator: Indicator = audit.specification[family]
    found = describe_indicator(indicator, audit.rules, audit.definitions)
    return [*found, ("Cohort rules", say_cohort_rules(audit.rules, indicator.cohorts))]


def say_cohort_rules(rules: CohortRules, cohorts: Iterable[str]) -> str:
    """Say the rules by which people enter some cohorts, under the options in force."""
    wanted = {"both", *cohorts}
    return " ".join(f"**{rule.id}** {rule.text}" for rule in rules.rules if rule.cohort in wanted)


def say_group(row: Row) -> str:
    """Say who is counted by a result: everyone, or the people of a group.

    Examples
    --------
    >>> say_group({"group_by": "all", "group": "all"}), say_group({"group_by": "sex", "group": "male"})
    ('everyone', 'Sex: male')
    """
    if row["group_by"] == "all":
        return "everyone"
    by = CHARACTERISTIC_NAMES.get(row["group_by"]) or SITE_NAMES.get(row["group_by"]) or name_term(row["group_by"])
    return f"{by[:1].upper()}{by[1:]}: {row['group']}"


def say_estimate(row: Row) -> tuple[str, str]:
    """Say an estimate and its interval in the unit of the result; of a result that is not ok, its status and reason."""
    if row["status"] != "ok":
        return row["status"].replace("_", " "), row["reason"]
    if pd.isna(row["estimate"]):
        return "", ""
    unit = row["unit_of_estimate"]
    form = {"proportion": "percent1", "people": "int", "years": "decimal1", "days": "decimal1"}.get(unit, "decimal3")
    limits = [format_number(row[name], form) for name in ("lower", "upper")]
    return format_number(row["estimate"], form), " to ".join(limits)


def say_counts(row: Row) -> str:
    """Say numerator and denominator, as far as the result has them.

    Examples
    --------
    >>> say_counts({"numerator": 3, "denominator": 1200}), say_counts({"numerator": None, "denominator": 7})
    ('3 of 1,200', '7')
    """
    known = [row[name] for name in ("numerator", "denominator") if not pd.isna(row[name])]
    return " of ".join(format_number(int(count), "count") for count in known)


def explain_result(row: Row, audit: Audit) -> list[tuple[str, str]]:
    """Explain one released result, as named texts in Markdown: what it is, how it was made, by which run.

    Parameters
    ----------
    row : mapping
        A row of the result schema, with ``frame``.
    audit : Audit
        Of the run that released it.
    """
    family = find_family(row["measure"], audit.specification)
    estimate, interval = say_estimate(row)
    deaths = family == "survival" and not pd.isna(row["numerator"])
    return [
        ("Result", f"`{row['result_id']}`"),
        ("Measure", f"{title_family(family, audit.specification)} (`{row['measure']}`)"),
        ("What it is", say_form(row["measure"])),
        ("Cohort", COHORT_NAMES.get(row["cohort"], row["cohort"])),
        ("People of", f"{row['unit_name'] or row['unit']} ({row['level']}), {say_group(row)}"),
        ("Estimate", f"{estimate} ({interval})" if interval else estimate),
        ("Deaths by the time point" if deaths else "Counts", say_counts(row)),
        ("Method", row["method"]),
        ("Note", row["reason"] if row["status"] == "ok" else ""),
        ("Definition", f"`{row['definition_id']}`" if row["definition_id"] else ""),
        *describe_family(family, audit),
        ("Released file", f"`release/{row['frame']}.parquet`"),
        ("Notebook", audit.pages.get(row["frame"], "")),
        ("Run", audit.run.describe()),
    ]
