"""What every page has: the banner that says which data it shows, and where its numbers come from."""

from __future__ import annotations

import pandas as pd

from naome.marking import describe_data
from naome.measures.completeness import item_title
from naome.measures.specification import Specification
from naome.publish.display import show_banner, show_text
from naome.publish.prose import lower_first, say_count, say_percent
from naome.publish.tables import COHORT_NAMES, SITES
from naome.run import Run
from naome.sources.follow import NOT_FOLLOWED
from naome.study import Study

VALIDATION_TITLES = {
    "record_before_breast_cancer_death": "deaths from breast cancer with an earlier record of metastatic disease",
    "record_before_death": "deaths from any cause with such a record",
    "breast_cancer_share_of_deaths": "share of deaths that were from breast cancer",
}


def show_marking(run: Run) -> None:
    """Show the banner of the run's data."""
    show_banner(*describe_data(run.marking, run.read_record["about"]))


def show_not_derivable(run: Run) -> None:
    """List what this nation's data cannot support, by reason."""
    by_reason: dict[str, list[str]] = {}
    for key, reason in run.study.not_derivable.items():
        by_reason.setdefault(reason, []).append(name_result(key, run.specification))
    if not by_reason:
        show_text("Everything defined for which a data item exists can be derived from these data.")
        return
    lines = [f"- {reason} Therefore not: {'; '.join(names)}." for reason, names in by_reason.items()]
    show_text("Not derivable from these data:\n\n" + "\n".join(lines))


def name_result(key: str, specification: Specification) -> str:
    """Name a key of ``not_derivable`` as a reader would.

    Examples
    --------
    >>> from naome.measures.specification import load_specification
    >>> name_result("completeness.grade", load_specification()), name_result("biopsy", load_specification())
    ('completeness of tumour grade', 'biopsy of a metastatic lesion')
    """
    if key in VALIDATION_TITLES:
        return VALIDATION_TITLES[key]
    name, _, part = key.partition(".")
    if name == "completeness":
        return f"completeness of {lower_first(item_title(key))}"
    cohort = f" ({COHORT_NAMES[part].lower()})" if part else ""
    return f"{lower_first(specification[name].title)}{cohort}"


def say_routes(study: Study) -> str:
    """Say which rules make the cohorts of a run, and why there is no recurrent cohort where there is none.

    Examples
    --------
    >>> from naome.params import load_params
    >>> from naome.study import make_study
    >>> say_routes(make_study(load_params("simulacrum"), run_id="r")).split(".")[0]
    'Rules DN1 and DN2 make the de-novo cohort'
    """
    params, parts = study.params, []
    if "denovo" in params.cohorts:
        parts.append("Rules DN1 and DN2 make the de-novo cohort.")
    if "recurrent" in params.cohorts:
        parts.append(
            study.rules.fill("Rules RC1 and RC2 make the recurrent cohort. {early_code_bars_recurrence.later}").strip()
        )
    elif reason := study.reason("survival", "recurrent"):
        parts.append(f"There is no recurrent cohort. {reason}")
    if "primary" in params.cohorts:
        parts.append("The primary cohort is everyone eligible, from the initial diagnosis.")
    return " ".join(parts)


def say_reading(quality: pd.DataFrame, raw_rows: dict[str, int]) -> str:
    """Say how many rows of the extract were read, whose were not, and how many rules were used on the rest.

    Parameters
    ----------
    quality : DataFrame
        The data-quality log, a row per use of a rule: ``rule, rows``.
    raw_rows : dict of str to int
        Rows of each raw file.

    Examples
    --------
    >>> log = pd.DataFrame({"rule": ["code_dot", NOT_FOLLOWED[0]], "rows": [7, 60]})
    >>> say_reading(log, {"hes_apc": 80, "av_patient": 20})[:58]
    'The extract has 100 rows. 60 of them (60.0%) are events of'
    """
    unread = int(quality.loc[quality["rule"] == NOT_FOLLOWED[0], "rows"].sum())
    used = quality.loc[quality["rule"] != NOT_FOLLOWED[0], "rule"].nunique()
    rows = sum(raw_rows.values())
    parts = [f"The extract has {rows:,} rows."]
    if unread:
        parts.append(
            f"{unread:,} of them ({say_percent(unread / rows)}) are events of people without any sign of metastatic "
            "disease and were not read."
        )
    parts.append(f"On the rows read, {say_count(used, 'rule')} had to be used; every use is counted.")
    return " ".join([*parts, "Nothing else was changed."])


def say_sites(analysis: pd.DataFrame, study: Study) -> str:
    """Say what metastatic sites in the table of characteristics mean, or why there are none."""
    reason = study.reason("site_recorded", study.params.cohorts[0])
    if reason:
        return f"Metastatic sites are not shown. {reason}"
    if not analysis[list(SITES)].fillna(False).to_numpy().any():
        return "Nobody has a metastatic site coded."
    return (
        "Metastatic sites are those coded in admissions around the metastatic diagnosis; a person can have several, "
        "and somebody without an admission has none coded, so these percentages are lower limits."
    )
