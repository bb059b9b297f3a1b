"""Protection of the people that combinations of sources identified, and of what is estimated from them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.measures.study import Study
from naome.release.counts import hide_columns, is_small, policy_in_force, release_counts
from naome.release.policy import Policy
from naome.release.types import Released, is_hidden, suppress_rows

#: Why an estimate, of all combinations of sources at once, is not shown: trying all counts that fit gives them
WHY_SOLVED = "made of suppressed numbers of people identified by combinations of sources, which could be worked out"
#: Why what a source identified is not shown
WHY_BESIDE = "with the people living with recurrent disease, small numbers of people could be worked out"
SEEN, LIVING, CORRECTED = "recurrent_seen", "limited_duration_prevalence", "limited_duration_prevalence_corrected"
ESTIMATED = ("recurrent_population_", "recurrent_found_")


def release_sources(counts: pd.DataFrame, study: Study, released: Released | None = None) -> Released:
    """Release the people that each combination of sources identified.

    Parameters
    ----------
    counts : DataFrame
        From :func:`naome.measures.ascertainment.count_sources`.
    study : Study
    released : Released, optional
        Results of :func:`release_estimates`: where what a source identified is suppressed beside other tables, so is
        every combination.

    Returns
    -------
    Released
        The same rows and columns, people suppressed where they are few, or where few follow from the others.
    """
    sources = [column for column in counts if column != "people"]
    shown = release_counts(counts, "people", study, totals=[[], *([source] for source in sources)])
    beside = released is not None and released.frame["reason"].eq(WHY_BESIDE).any()
    return hide_columns(shown, ["people"]) if beside else shown


def release_estimates(released: Released, counts: pd.DataFrame, alive: pd.DataFrame, study: Study) -> Released:
    """Suppress results from which the combinations of sources that few people have could be worked out.

    Parameters
    ----------
    released : Released
        Results of :func:`naome.measures.ascertainment.measure_missed` and
        :func:`naome.measures.prevalence.measure_living`, each by itself protected.
    counts, alive : DataFrame
        People by the combination of sources, all and those alive on the last day of follow-up
        (:func:`naome.measures.ascertainment.count_sources`).
    study : Study

    Returns
    -------
    Released
        The same rows. Unless national figures are shown as they are, estimates by capture and recapture are suppressed
        where a combination is: an estimate and its limits are made of the exact counts. So is corrected prevalence
        where a combination has few people alive, or few who died. What a source identified is suppressed where few
        people tell those admitted from the recurrent cohort, or died of another cause: those admitted less those alive
        and those who died of breast cancer.
    """
    policy = policy_in_force(study)
    if policy is None:
        return released
    hidden = release_sources(counts, study).frame["people"].map(is_hidden).any()
    split = hidden or _split_few(counts, alive, policy)
    beside = _leaves_few(released.frame, counts, policy)

    def take_out(frame: pd.DataFrame) -> pd.DataFrame:
        estimated = frame["measure"].str.startswith(ESTIMATED) & (hidden | beside)
        estimated |= (frame["measure"] == CORRECTED) & (split | beside)
        return suppress_rows(
            suppress_rows(frame, estimated, WHY_SOLVED), (frame["measure"] == SEEN) & beside, WHY_BESIDE
        )

    return released.transform(take_out)


def _split_few(counts: pd.DataFrame, alive: pd.DataFrame, policy: Policy) -> bool:
    """Return whether few people of a combination of sources are alive, or few are not."""
    sources = [column for column in counts if column != "people"]
    both = counts.merge(alive, how="outer", on=sources, suffixes=("", "_alive"))
    everyone, living = (both[column].fillna(0) for column in ("people", "people_alive"))
    return bool((is_small(living, policy) | is_small(everyone - living, policy)).any())


def _leaves_few(results: pd.DataFrame, counts: pd.DataFrame, policy: Policy) -> bool:
    """Return whether people admitted, less others that are shown, are few."""
    rows = results[(results["measure"] == LIVING) & (results["cohort"] == "recurrent") & (results["status"] == "ok")]
    if rows.empty or "admissions" not in counts:
        return False
    admitted = counts[counts["admissions"]]
    seen, died = int(admitted["people"].sum()), int(admitted.loc[admitted["death"], "people"].sum())
    found, living = int(rows["denominator"].iloc[0]), int(rows["numerator"].iloc[0])
    rests = pd.Series(np.abs([found - seen, seen - living, seen - living - died, found - living - died]))
    return bool(is_small(rests, policy).any())
