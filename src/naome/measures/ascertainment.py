"""How many people with metastatic disease the sources missed: sources cross-classified, capture and recapture."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

from naome.cohort.codes import is_breast_cancer
from naome.cohort.eligible import code_dates, eligible_people, flag_tumours, metastatic_codes
from naome.cohort.evidence import metastatic_drugs
from naome.cohort.feature_definitions import read_features
from naome.cohort.tables import CanonicalTables
from naome.core.definitions import CohortRules
from naome.core.params import Params
from naome.measures.methods import COUNT
from naome.measures.study import Study
from naome.stats.capture_recapture import PopulationEstimate, chapman, loglinear_population

SOURCES = ("admissions", "reported", "treatment", "death")


def count_sources(study: Study, tables: CanonicalTables, *, alive_on: dt.date | None = None) -> pd.DataFrame:
    """Count the people each combination of sources saw; see :func:`cross_classify_sources`.

    Parameters
    ----------
    tables : CanonicalTables
    alive_on : date, optional
        Count only people alive on that day, by what was seen until then: for prevalence.

    Returns
    -------
    DataFrame
        A boolean column per source of ``SOURCES`` and ``people``; combinations nobody has are absent.

    Examples
    --------
    >>> counts = count_sources(run.study, run.tables)          # doctest: +SKIP
    >>> loglinear_population(counts, SOURCES).population                    # doctest: +SKIP
    """
    counts = cross_classify_sources(tables, study.params, study.rules, alive_on).execute()
    counts[list(SOURCES)] = counts[list(SOURCES)].astype(bool)
    return counts.sort_values(list(SOURCES), ascending=False, ignore_index=True)


def list_seen(counts: pd.DataFrame) -> tuple[str, ...]:
    """Return the sources that saw anyone, in the order of ``SOURCES``; `counts` as :func:`count_sources` gives it."""
    return tuple(name for name in SOURCES if counts.loc[counts[name], "people"].sum() > 0)


def choose_sources(counts: pd.DataFrame) -> tuple[str, ...]:
    """Return the sources to model: those that saw anybody, without deaths where three others remain.

    A death from breast cancer is weak evidence of *recurrence*: many who die of it
    a year after diagnosis were metastatic from the start and never staged, and a
    certificate can be wrong. On the synthetic extract, with known true values, three
    sources without deaths hold the truth and four with deaths are too high.
    """
    seen = list_seen(counts)
    living = tuple(name for name in seen if name != "death")
    return living if len(living) >= 3 else seen


def cross_classify_sources(
    tables: CanonicalTables, params: Params, rules: CohortRules, alive_on: dt.date | None = None
) -> Table:
    """Cross-classify people with recurrent disease by the sources that saw it.

    People: eligible, stage 0 to 3 or unknown, whom no source saw before the end of
    the gap after diagnosis (their disease was metastatic near the start). A source saw somebody when
    its first date is not after the end of follow-up and not after death. Whoever no
    source saw is not in the table: that number is the question.

    Returns
    -------
    Table
        A boolean column per source and ``people``. No identifiers.
    """
    codes = metastatic_codes(tables, rules.replace(evidence=("admissions",)))
    coded = code_dates(eligible_people(flag_tumours(tables, params, rules)), codes, rules)
    primary = coded.filter(coded.stage.isin(["0", "1", "2", "3"]).fill_null(True))
    last_day = alive_on or params.censor_date
    if alive_on:
        primary = primary.filter((primary.death_date > ibis.date(str(alive_on))).fill_null(True))
    reported = tables.recurrences.filter(tables.recurrences.kind == "distant")
    reported = reported.select("person_id", seen_date=reported.recurrence_date)
    drugs = tables.drugs.filter(tables.drugs.drug.isin(list(metastatic_drugs(rules.definitions))))
    drugs = drugs.filter(drugs.given_date <= ibis.date(str(read_features(rules.definitions).metastatic_only.until)))
    given = drugs.select("person_id", seen_date=drugs.given_date)
    deaths = tables.deaths.filter(is_breast_cancer(tables.deaths, rules))
    died = deaths.select("person_id", seen_date=deaths.death_date)
    admitted = primary.filter(primary.first_code_date.notnull())
    admitted = admitted.select("person_id", seen_date=admitted.first_code_date)
    everything = ibis.union(
        *(
            events.mutate(source=ibis.literal(name))
            for name, events in zip(SOURCES, (admitted, reported, given, died), strict=True)
        )
    )
    dated = everything.inner_join(primary.select("person_id", "anniversary", "death_date"), "person_id")
    dated = dated.filter(
        dated.seen_date <= ibis.date(str(last_day)),
        (dated.seen_date <= dated.death_date).fill_null(True),
    )
    people = dated.group_by("person_id").aggregate(
        early=(dated.seen_date < dated.anniversary).any(), **{name: (dated.source == name).any() for name in SOURCES}
    )
    people = people.filter(~people.early)
    return people.group_by(*SOURCES).aggregate(people=people.count())


def measure_missed(counts: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Measure how many people with recurrent disease there are, and the share that admissions found.

    Parameters
    ----------
    counts : DataFrame
        From :func:`count_sources`.

    Returns
    -------
    DataFrame
        Results of cohort ``primary``, national: ``recurrent_seen`` (people, by the source
        in ``group``), ``recurrent_population_chapman`` (admissions and reported
        recurrences), ``recurrent_population_loglinear`` (the sources of
        :func:`choose_sources`; with deaths as well under ``..._loglinear_with_death``),
        and for each the share found by admissions (``recurrent_found_...``), whose
        limits are those of the population. Numerators are people found by admissions,
        denominators people seen by any of the sources used. Fewer sources than a method
        needs make it not derivable. ``reason`` says why an estimate is not reliable, where it is not, and which
        codes are not verified.
    """
    seen = {name: int(counts.loc[counts[name], "people"].sum()) for name in SOURCES}
    anyone = int(counts["people"].sum())
    rows = [
        {"measure": "recurrent_seen", "group_by": "source", "group": name, "numerator": n, "denominator": anyone}
        | {"estimate": n, "unit_of_estimate": "people", "method": COUNT}
        for name, n in seen.items()
        if n
    ]
    present = tuple(name for name in SOURCES if seen[name])
    estimates: dict[str, PopulationEstimate | str] = {}
    if "admissions" in present and "reported" in present:
        both = int(counts.loc[counts["admissions"] & counts["reported"], "people"].sum())
        estimates["chapman"] = chapman(seen["admissions"], seen["reported"], both)
    else:
        estimates["chapman"] = "Needs admissions and reported recurrences; the data have one of them only."
    modelled = choose_sources(counts)
    if len(modelled) >= 3:
        estimates["loglinear"] = loglinear_population(counts, modelled)
    else:
        estimates["loglinear"] = f"Needs three sources; the data have {len(present)}: {', '.join(present) or 'none'}."
    if len(present) > len(modelled):
        estimates["loglinear_with_death"] = loglinear_population(counts, present)
    frames = [pd.DataFrame(rows)]
    for name, estimate in estimates.items():
        measures = (f"recurrent_population_{name}", f"recurrent_found_{name}")
        if isinstance(estimate, str) or not np.isfinite(estimate.population):
            reason = estimate if isinstance(estimate, str) else estimate.warning
            frames.append(study.not_derivable_rows(measures, reason))
        else:
            rows = _population_rows(measures, estimate, seen["admissions"])
            frames.append(pd.DataFrame(rows).assign(reason=say_unreliable(estimate.warning)))
    results = study.results(pd.concat(frames, ignore_index=True), cohort="primary")
    treated = (results["group"] == "treatment") | results["measure"].str.contains("loglinear")
    inferred = study.definitions.say_inferred_codes([read_features(study.definitions).metastatic_only.codes])
    noted = treated & (results["status"] == "ok")
    results.loc[noted, "reason"] = [f"{reason} {inferred}".strip() for reason in results.loc[noted, "reason"]]
    return results


def say_unreliable(warning: str) -> str:
    """Say in a sentence why an estimate is not reliable; empty without a warning.

    Examples
    --------
    >>> say_unreliable(chapman(204, 153, 3).warning)
    'This estimate is not reliable: fewer than 10 people were identified by both sources.'
    """
    return f"This estimate is not reliable: {warning}." if warning else ""


def correction_factor(estimate: PopulationEstimate, found: int) -> tuple[float, float, float]:
    """Return by how much the number of people found must be multiplied, with its limits.

    Parameters
    ----------
    estimate : PopulationEstimate
    found : int
        People found by the sources that the number to be corrected counts, among those of the estimate.

    Examples
    --------
    >>> [round(value, 2) for value in correction_factor(chapman(200, 150, 60), found=200)]
    [2.48, 2.15, 2.96]
    """
    if not found > 0:
        raise ValueError(f"found={found}: no one was found, so there is nothing to correct")
    return estimate.population / found, estimate.lower / found, estimate.upper / found


def _population_rows(measures: tuple[str, str], estimate: PopulationEstimate, found: int) -> list[dict[str, object]]:
    counts = {"numerator": found, "denominator": estimate.observed, "method": estimate.method}
    population = {"estimate": estimate.population, "lower": estimate.lower, "upper": estimate.upper}
    share = {"estimate": found / estimate.population, "lower": found / estimate.upper, "upper": found / estimate.lower}
    return [
        {"measure": measures[0], "unit_of_estimate": "people", **counts, **population},
        {"measure": measures[1], **counts, **share},
    ]
