"""The page of ascertainment, and of people living with metastatic disease."""

from __future__ import annotations

import pandas as pd

from naome.core.params import Params
from naome.measures.ascertainment import choose_sources, list_seen, say_unreliable
from naome.measures.study import Study
from naome.release import Released, declare_not_counts, is_hidden
from naome.release.combinations import release_sources
from naome.report.display import Sentence, Table
from naome.report.labels import COHORT_NAMES
from naome.report.prose import say_day, say_list
from naome.stats.capture_recapture import loglinear_population

#: What the sources of :data:`naome.measures.ascertainment.SOURCES` are
SOURCE_NAMES = {
    "admissions": "hospital admissions",
    "reported": "reported recurrences",
    "treatment": "drugs given only for metastatic disease",
    "death": "deaths from breast cancer",
}


def say_sources(counts: pd.DataFrame) -> Sentence:
    """State which of the sources identified people in these data, and which did not.

    Parameters
    ----------
    counts : DataFrame
        From :func:`naome.measures.ascertainment.count_sources`.
    """
    seen = list_seen(counts)
    absent = [text for name, text in SOURCE_NAMES.items() if name not in seen]
    text = f"In these data recurrent disease is identified by {say_list([SOURCE_NAMES[name] for name in seen])}."
    text = text if seen else "In these data no source identifies recurrent disease."
    if seen and absent:
        text += f" There is nothing from {say_list(absent).replace(' and ', ' or ')}."
    return Sentence(text, declare_not_counts(text, "Names of sources."))


def say_missed(released: Released, counts: pd.DataFrame) -> Sentence:
    """State which sources the log-linear estimate uses, what it is and whether it is reliable.

    Parameters
    ----------
    released : Released
        Results of :func:`naome.measures.ascertainment.measure_missed`: the numbers.
    counts : DataFrame
        From :func:`naome.measures.ascertainment.count_sources`: which sources there are, and how the models went.
    """
    sources = choose_sources(counts)
    if len(sources) < 3:
        few = (
            f"The data have {len(sources)} of the sources; three are needed to estimate how they depend on each other."
        )
        return Sentence(few, declare_not_counts(few, "The number of sources."))
    row = released.where(measure="recurrent_population_loglinear").frame.iloc[0]
    warning = loglinear_population(counts, sources).warning
    if row["status"] != "ok":
        text = f"The number of people with recurrent disease is not shown: {row['reason'].removesuffix('.')}."
    else:
        text = (
            f"An estimated {row['estimate']:,.0f} people (95% interval {row['lower']:,.0f} to {row['upper']:,.0f}) "
            f"have recurrent disease. The sources in the models ({', '.join(sources)}) together identified "
            f"{row['denominator']:,} of them."
        )
    models = declare_not_counts(warning, "How many models could not be estimated.")
    warned = f"{text} {say_unreliable(warning)}".strip()
    return Sentence(warned if row["status"] != "suppressed" else text, (released, models))


def say_identified(counts: pd.DataFrame, study: Study, released: Released) -> Sentence:
    """State how many people all sources together identified, and which estimates and limits are lower than that.

    Parameters
    ----------
    counts : DataFrame
        From :func:`naome.measures.ascertainment.count_sources`.
    study : Study
    released : Released
        What is estimated from them (:func:`naome.release.combinations.release_estimates`).

    Returns
    -------
    Sentence
        Empty where a combination of sources is suppressed: the number is their sum.
    """
    people = release_sources(counts, study, released)
    if people.frame["people"].map(is_hidden).any() or not len(counts):
        return Sentence("", people)
    found = int(people.frame["people"].sum())
    text = f"All sources together, deaths included, identified {found:,} people."
    low = [
        f"{what} ({rows.iloc[0][number]:,.0f})"
        for measure, name in (("chapman", "two sources (Chapman)"), ("loglinear", "the log-linear models"))
        for number, what in (("estimate", f"the estimate from {name}"), ("lower", f"the lower limit from {name}"))
        if len(rows := released.where(measure=f"recurrent_population_{measure}", status="ok").frame)
        and rows.iloc[0][number] < found
    ]
    if low:
        too_low = "numbers are" if len(low) > 1 else "number is"
        text += (
            f" Deaths are not among the sources of these numbers. If all of these people had recurrent disease, these "
            f"{too_low} too low: {say_list(low)}. Some of them may have died of disease that was metastatic at "
            "diagnosis and not recorded as such."
        )
    return Sentence(text, (released, people))


def tabulate_simulated(simulated: pd.DataFrame) -> Table:
    """Lay out the performance of the estimators in simulations (:mod:`naome.stats.capture_recapture`)."""
    made = declare_not_counts(simulated, "Estimates on simulated populations.")
    frame = simulated[["scenario", "method", "bias", "coverage"]].rename(columns=str.capitalize)
    return Table(frame, made, {"Bias": "percent1", "Coverage": "percent0"})


def say_window(params: Params) -> Sentence:
    """State who is counted in limited-duration prevalence."""
    first, last = params.diagnosed_from, min(params.censor_date, params.diagnosed_to)
    text = (
        f"Limited-duration prevalence counts people alive on {say_day(params.censor_date)} whose breast cancer was "
        f"diagnosed from {say_day(first)} to {say_day(last)}. People diagnosed earlier are not in "
    )
    return Sentence(f"{text}the data.", declare_not_counts(text, "Dates of the parameters."))


MISSED_TITLES = {
    "recurrent_seen": "Identified by",
    "recurrent_population_chapman": "Estimated from admissions and reported recurrences (Chapman)",
    "recurrent_population_loglinear": "Estimated, log-linear models",
}


PREVALENCE_TITLES = {
    "limited_duration_prevalence": "Observed prevalence",
    "limited_duration_prevalence_corrected": "Prevalence corrected for incomplete ascertainment",
}


def tabulate_people(released: Released, titles: dict[str, str]) -> Table:
    """Lay out results that count people, in the order of `titles`."""
    rows = released.where(measure=list(titles)).frame
    rows = rows.sort_values("measure", key=lambda c: c.map({m: n for n, m in enumerate(titles)}), kind="stable")
    names = rows["measure"].map(titles)
    labels = names.where(rows["group"] == "all", names + ": " + rows["group"])
    frame = pd.DataFrame(
        {
            "Measure": labels,
            "Cohort": rows["cohort"].map({**COHORT_NAMES, "primary": "All"}),
            "People": rows["estimate"].round(),
            "Lower": rows["lower"].round(),
            "Upper": rows["upper"].round(),
            "status": rows["status"],
            "reason": rows["reason"],
        }
    ).reset_index(drop=True)
    return Table(frame, released, dict.fromkeys(("People", "Lower", "Upper"), "count"))


def tabulate_sources(counts: pd.DataFrame, study: Study, released: Released) -> Table:
    """Lay out the people that each combination of sources identified.

    Parameters
    ----------
    counts : DataFrame
        From :func:`naome.measures.ascertainment.count_sources`.
    study : Study
    released : Released
        What is estimated from them, and who is alive (:func:`naome.release.combinations.release_estimates`).
    """
    sources = [column for column in counts if column != "people"]
    people = release_sources(counts, study, released)
    frame = people.frame.replace({source: {True: "yes", False: "no"} for source in sources})
    return Table(frame.rename(columns=str.capitalize), people, {"People": "count"})
