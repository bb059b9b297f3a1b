"""What every page has: the banner that says which data it shows, and where its numbers come from."""

from __future__ import annotations

import pandas as pd

from naome.disclosure import HIDDEN, Released, declare_not_counts, release_counts
from naome.marking import SIMULATED, describe_data
from naome.measures.specification import Specification, read_data_items
from naome.measures.study import Study
from naome.publish.display import Sentence, Table, show, show_banner
from naome.publish.prose import lower_first, say_count, say_list, say_number, say_percent
from naome.publish.tables import COHORT_NAMES, SITES
from naome.run import Run
from naome.sources.follow import NOT_FOLLOWED

VALIDATION_TITLES = {
    "record_before_breast_cancer_death": "deaths from breast cancer with an earlier record of metastatic disease",
    "record_before_death": "deaths from any cause with such a record",
    "breast_cancer_share_of_deaths": "share of deaths that were from breast cancer",
}


def show_marking(run: Run) -> None:
    """Show the banner of the run's data."""
    show_banner(*describe_data(run.marking, run.read_record["about"]))


def show_simulated() -> None:
    """Show the banner of a page that holds simulated numbers and nothing of a run."""
    show_banner("neutral", SIMULATED)


def show_not_derivable(run: Run) -> None:
    """List what this nation's data cannot support, by reason."""
    by_reason: dict[str, list[str]] = {}
    for key, reason in run.study.not_derivable.items():
        by_reason.setdefault(reason, []).append(name_result(key, run.specification))
    if not by_reason:
        show(Sentence("Everything defined for which a data item exists can be derived from these data."))
        return
    lines = [f"- {reason} Therefore not: {'; '.join(names)}." for reason, names in by_reason.items()]
    text = "Not derivable from these data:\n\n" + "\n".join(lines)
    show(Sentence(text, declare_not_counts(text, "Why indicators cannot be derived, and their names.")))


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
        titles = {item.id: item.title for item in read_data_items(specification.definitions)}
        return f"completeness of {lower_first(titles[part])}"
    cohort = f" ({COHORT_NAMES[part].lower()})" if part else ""
    return f"{lower_first(specification[name].title)}{cohort}"


def say_sizes(analysis: pd.DataFrame, study: Study) -> Sentence:
    """Say how many people are in the cohorts, in which period, and until when deaths are complete."""
    params = study.params
    sizes = analysis["cohort"].value_counts().reindex(params.cohorts, fill_value=0)
    counts = release_counts(sizes.rename_axis("cohort").reset_index(name="people"), "people", study)
    parts = [
        f"{say_number(n, 'people') if n is HIDDEN else f'{n:,}'} in the {COHORT_NAMES[cohort].lower()} cohort"
        for cohort, n in counts.frame.itertuples(index=False)
    ]
    period = f"{params.metastatic_from:%-d %B %Y} to {params.metastatic_to:%-d %B %Y}"
    end = f"Deaths are complete to {params.censor_date:%-d %B %Y}."
    return Sentence(f"{params.title}, {period}: {say_list(parts)}. {end}", counts)


def say_routes(study: Study) -> Sentence:
    """Say which rules make the cohorts of a run, and why there is no recurrent cohort where there is none.

    Examples
    --------
    >>> from naome.params import load_params
    >>> from naome.measures.study import make_study
    >>> say_routes(make_study(load_params("simulacrum"), run_id="r")).text.split(".")[0]
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
    text = " ".join(parts)
    return Sentence(text, declare_not_counts(text, "Identifiers of rules."))


def release_quality(quality: pd.DataFrame, study: Study) -> Released:
    """Add up the uses of every named rule of reading, and release them: a row can be a person."""
    by_rule = quality.groupby(["rule", "kind"], as_index=False).agg(rows=("rows", "sum"), meaning=("meaning", "first"))
    return release_counts(by_rule, "rows", study)


def tabulate_quality(by_rule: Released) -> Table:
    """Lay out the uses of every named rule of reading."""
    frame = by_rule.frame.assign(rule=by_rule.frame["rule"].str.replace("_", " "))
    frame = frame[["rule", "kind", "meaning", "rows"]].rename(columns=str.capitalize)
    return Table(frame, by_rule, {"Rows": "count"})


def say_reading(by_rule: Released, raw_rows: dict[str, int]) -> Sentence:
    """Say how many rows of the extract were read, whose were not, and how many rules were used on the rest.

    Parameters
    ----------
    by_rule : Released
        From :func:`release_quality`.
    raw_rows : dict of str to int
        Rows of each raw file.
    """
    unread = by_rule.where(rule=NOT_FOLLOWED[0]).frame["rows"].tolist()
    used = by_rule.frame.loc[by_rule.frame["rule"] != NOT_FOLLOWED[0], "rule"].nunique()
    rows = sum(raw_rows.values())
    parts = [f"The extract has {rows:,} rows."]
    if unread and unread[0] is not HIDDEN:
        parts.append(
            f"{unread[0]:,} of them ({say_percent(unread[0] / rows)}) are events of people without any sign of "
            "metastatic disease and were not read."
        )
    parts.append(f"On the rows read, {say_count(used, 'rule')} had to be used; every use is counted.")
    lines = declare_not_counts(" ".join(parts), "Rows of the raw files, and the number of rules used.")
    return Sentence(" ".join([*parts, "Nothing else was changed."]), (by_rule, lines))


def say_sites(analysis: pd.DataFrame, study: Study) -> Sentence:
    """Say what metastatic sites in the table of characteristics mean, or why there are none."""
    reason = study.reason("site_recorded", study.params.cohorts[0])
    if reason:
        text = f"Metastatic sites are not shown. {reason}"
        return Sentence(text, declare_not_counts(text, "Why metastatic sites cannot be derived."))
    if not analysis[list(SITES)].fillna(False).to_numpy().any():
        return Sentence("Nobody has a metastatic site coded.")
    return Sentence(
        "Metastatic sites are those coded in admissions around the metastatic diagnosis; a person can have several, "
        "and somebody without an admission has none coded, so these percentages are lower limits."
    )
