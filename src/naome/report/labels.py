"""What readers see for cohorts, items of case mix, characteristics and organisations."""

from __future__ import annotations

import re
from pathlib import Path

from naome.core.run_files import read_frame
from naome.extract.schema import CANONICAL, Column
from naome.measures.specification import PROVIDER, Specification

COHORT_NAMES = {"denovo": "De novo", "recurrent": "Recurrent", "primary": "Primary"}
#: The cohorts of metastatic disease, in a sentence
METASTATIC = {cohort: COHORT_NAMES[cohort].lower() for cohort in ("denovo", "recurrent")}


#: Cohort -> its time origin, in a sentence
ORIGINS = {"denovo": "the initial diagnosis", "recurrent": "the first record of metastatic disease"}


CHARACTERISTIC_NAMES = {
    "year": "Year",
    "age_band": "Age at the time origin",
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
    "postmenopausal": "Postmenopausal",
    "size_group": "Tumour size, mm",
    "nodes_positive": "Positive lymph nodes",
    "er_log": "ER, logarithm of fmol/mg",
    "pr_log": "PR, logarithm of fmol/mg",
    "endocrine_flag": "Endocrine therapy",
    "chemotherapy_flag": "Chemotherapy",
    "GLOBAL": "The whole model",
}


SITE_NAMES = {"bone": "Bone", "liver": "Liver", "lung": "Lung", "brain": "Brain"}


AGE_ORDER = ["under 40", "18-49", "40-49", "50-59", "50-69", "60-69", "70-79", "80+"]


#: Receptor subgroup -> its name
SUBTYPES = {"HER2+ER-": "HER2+, ER−", "HER2+ER+": "HER2+, ER+", "HER2-ER-": "HER2−, ER−", "HER2-ER+": "HER2−, ER+"}


def name_value(group: str) -> str:
    """Return how pages name a group of people, by one characteristic or by two.

    Examples
    --------
    >>> name_value("HER2+ER-"), name_value("18-49 / HER2-ER+"), name_value("80+")
    ('HER2+, ER−', '18-49 / HER2−, ER+', '80+')
    """
    return " / ".join(SUBTYPES.get(value, value) for value in group.split(" / "))


def name_comparison(group: str) -> str:
    """Return how pages name the difference between two groups of people.

    Examples
    --------
    >>> name_comparison("asian less white"), name_comparison("1 less 5"), name_comparison("all")
    ('Asian minus White', '1 minus 5', 'all')
    """
    first, less, second = group.partition(" less ")
    return f"{first.capitalize()} minus {second.capitalize()}" if less else group


def name_term(term: str) -> str:
    """Name a coefficient of a case-mix model in words: the item, and the level it compares with the first.

    Examples
    --------
    >>> name_term("performance_status[2]"), name_term("bone_early"), name_term("age'"), name_term("grade_missing")
    ('Performance status: 2', 'Bone metastasis at the time origin', "Age'", 'Grade: missing')
    """
    item, primes, level = re.fullmatch(r"(.+?)('*)(?:\[(.*)\])?", term).groups()
    missing = item.endswith("_missing")
    item = item.removesuffix("_missing")
    title = CASE_MIX.get(item) or CHARACTERISTIC_NAMES.get(item)
    if title is None and item.removesuffix("_early") in SITE_NAMES:
        title = f"{SITE_NAMES[item.removesuffix('_early')]} metastasis at the time origin"
    level = "missing" if missing else level
    words = title or item.replace("_", " ").capitalize()
    return f"{words}{primes}" + (f": {level}" if level else "")


#: Level -> column of the organisations that has the names of its units
NAMES = {PROVIDER: "name", "alliance": "alliance_name", "region": "region_name"}


def list_organisation_columns() -> dict[str, Column]:
    """Return the columns of the list of organisations that is released -> the canonical columns they are made of.

    Examples
    --------
    >>> {name: column.name for name, column in list_organisation_columns().items() if "region" in name}
    {'region_code': 'region', 'region_name': 'region_name'}
    """
    canonical = {column.name: column for column in CANONICAL["organisations"].columns}
    named = {}
    for level, name in NAMES.items():
        start = "" if level == PROVIDER else f"{level}_"
        named |= {f"{start}code": canonical[level], f"{start}name": canonical[name]}
    return named


def name_units_of(canonical: Path) -> dict[str, dict[str, str]]:
    """Return level -> code -> name of the units in a folder of canonical tables, of those that have a name."""
    file = canonical / "organisations.parquet"
    if not file.is_file():
        return {}
    table = read_frame(file).reindex(columns=[column for pair in NAMES.items() for column in pair])
    known = {level: table[[level, name]].dropna().astype(str) for level, name in NAMES.items()}
    return {level: dict(rows.itertuples(index=False, name=None)) for level, rows in known.items()}


def name_organisations(canonical: Path) -> dict[str, str]:
    """Return code -> name of the organisations in a folder of canonical tables, of those that have a name."""
    return name_units_of(canonical).get(PROVIDER, {})


def title_of(specification: Specification, measure: str, cohort: str) -> str:
    """Return an indicator's title with its cohort."""
    return f"{specification[measure].title} ({COHORT_NAMES[cohort].lower()})"
