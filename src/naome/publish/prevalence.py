"""Sentences and tables of the page of prevalence and of people who are missed."""

from __future__ import annotations

import pandas as pd

from naome.disclosure import Released, declare_not_counts
from naome.measures.missed import choose_sources, loglinear_population
from naome.measures.prevalence import say_prevalence_window
from naome.params import Params
from naome.publish.display import Sentence, Table


def say_missed(released: Released, counts: pd.DataFrame) -> Sentence:
    """Say which sources the log-linear estimate rests on, what it is and whether it should be believed.

    Parameters
    ----------
    released : Released
        Results of :func:`naome.measures.missed.measure_missed`: the numbers.
    counts : DataFrame
        From :func:`naome.measures.missed.count_sources`: which sources there are, and how the models went.
    """
    sources = choose_sources(counts)
    if len(sources) < 3:
        few = f"The data have {len(sources)} of the sources; three are needed to see how they depend on each other."
        return Sentence(few, declare_not_counts(few, "The number of sources."))
    row = released.where(measure="recurrent_population_loglinear").frame.iloc[0]
    warning = loglinear_population(counts, sources).warning
    if row["status"] != "ok":
        text = f"The number of people with recurrent disease is not shown: {row['reason']}"
    else:
        text = (
            f"The sources of the models ({', '.join(sources)}) together saw {row['denominator']:,} people with "
            f"recurrent disease; the models estimate {row['estimate']:,.0f} (95% interval {row['lower']:,.0f} to "
            f"{row['upper']:,.0f})."
        )
    models = declare_not_counts(warning, "How many models could not be estimated.")
    return Sentence(f"{text} Not to be believed as it stands: {warning}" if warning else text, (released, models))


def tabulate_simulated(simulated: pd.DataFrame) -> Table:
    """Lay out how the estimators do where the truth is known (:func:`naome.measures.missed.simulate_capture`)."""
    made = declare_not_counts(simulated, "Estimates on simulated populations.")
    frame = simulated[["scenario", "method", "bias", "coverage"]].rename(columns=str.capitalize)
    return Table(frame, made, {"Bias": "percent1", "Coverage": "percent0"})


def say_window(params: Params) -> Sentence:
    """Say whom limited-duration prevalence counts."""
    text = f"Limited-duration prevalence counts {say_prevalence_window(params)}. People diagnosed earlier are not in "
    return Sentence(f"{text}the data.", declare_not_counts(text, "Dates of the parameters."))
