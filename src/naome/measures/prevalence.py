"""How many people are living with metastatic disease on a date: limited-duration point prevalence.

Only people diagnosed since the first diagnosis date of the run can be counted. Somebody diagnosed before and
metastatic now is alive with the disease and not in the number: it is a prevalence of limited duration, and says so.
"""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

from naome.cohort.eligible import code_dates, eligible_people, flag_tumours, metastatic_codes
from naome.cohort.feature_definitions import read_features
from naome.cohort.membership import de_novo, recurrent
from naome.cohort.tables import CanonicalTables
from naome.core.definitions import CohortRules
from naome.core.params import Params
from naome.measures.ascertainment import SOURCES, correction_factor, say_unreliable
from naome.measures.methods import CAPTURE_RECAPTURE, COUNT
from naome.measures.study import Study
from naome.stats.capture_recapture import loglinear_population

TOO_FEW_SOURCES = "The data have too few sources to estimate ascertainment."
NO_RECURRENT = "Recurrent disease is not a cohort of this run, and the correction is for recurrent disease alone."
TOO_FEW_LIVING = "Too few people with recurrent disease are alive on this date to correct their number."
OBSERVED, CORRECTED = "limited_duration_prevalence", "limited_duration_prevalence_corrected"
NOT_FOLLOWED = "Most people who are not known to have died were not followed to this date."


def count_living(study: Study, tables: CanonicalTables, *, on: dt.date | None = None) -> pd.DataFrame:
    """Count people found to have metastatic disease by a date, by whether they were alive on it.

    Parameters
    ----------
    study : Study
    tables : CanonicalTables
    on : date, optional
        The run's end of follow-up by default; not later than it.

    Returns
    -------
    DataFrame
        ``cohort, alive, dead, lost``: people diagnosed with breast cancer since ``diagnosed_from`` whose metastatic
        disease was found on or before the date, under the rules of the cohorts without their audit period. Death on
        the date itself is dead. Somebody lost to follow-up by then is neither.

    Raises
    ------
    ValueError
        If the date is before the first diagnosis or after the end of follow-up.

    Examples
    --------
    >>> count_living(run.study, run.tables, on=dt.date(2021, 12, 31))  # doctest: +SKIP
    """
    params, rules = study.params, study.rules
    on = on or params.censor_date
    if not params.diagnosed_from < on <= params.censor_date:
        raise ValueError(f"on={on} must be after {params.diagnosed_from} and not after {params.censor_date}")
    coded = code_dates(eligible_people(flag_tumours(tables, params, rules)), metastatic_codes(tables, rules), rules)
    found = _found_by(coded, params, rules, on)
    day = ibis.date(str(on))
    dead = (found.death_date <= day).fill_null(False)
    lost = ((found.vital_status == "lost") & (found.vital_date <= day)).fill_null(False) & ~dead
    counted = found.mutate(dead=dead, lost=lost, alive=~dead & ~lost).group_by("cohort")
    table = counted.aggregate(**{state: ibis._[state].sum() for state in ("alive", "dead", "lost")}).execute()
    cohorts = pd.DataFrame({"cohort": [name for name in ("denovo", "recurrent") if name in params.cohorts]})
    table = cohorts.merge(table, how="left", on="cohort").fillna(0)
    return table.astype({"alive": int, "dead": int, "lost": int})


def measure_prevalence(
    living: pd.DataFrame,
    study: Study,
    *,
    on: dt.date | None = None,
    factor: tuple[float, float, float] | None = None,
    warning: str = "",
) -> pd.DataFrame:
    """Measure limited-duration prevalence, as found and corrected for those missed.

    The correction multiplies the recurrent cohort by the ratio of everybody with
    recurrence to those found by the sources of evidence that the cohort rules count
    (:func:`naome.measures.ascertainment.correction_factor`). It carries the
    assumptions of that estimate over. Take a factor estimated among people alive on the date
    (``count_sources(..., alive_on=on)``): many of those missed are known by their death only, and a factor that
    counts them would raise the dead to life. The de novo cohort is not corrected: its route is the registry's
    stage. The interval is that of the factor alone; the number found is a count of everyone, not a sample.

    Parameters
    ----------
    living : DataFrame
        From :func:`count_living`.
    on : date, optional
        The date counted on; the run's end of follow-up by default.
    factor : (float, float, float), optional
        Estimate, lower and upper limit; without it the corrected rows are not derivable.
    warning : str
        Why the factor is not reliable, or why there is none; empty when it is reliable, or when there are too few
        sources.

    Returns
    -------
    DataFrame
        Results, national, in people: ``limited_duration_prevalence`` (cohorts ``denovo``, ``recurrent``, and both
        as ``primary``) and ``limited_duration_prevalence_corrected`` (``recurrent`` and both). The definition names
        the first diagnosis date and the date counted on; the numerator is the number alive as found, the
        denominator everybody found by the date. Not derivable where more people are lost to follow-up than alive;
        corrected, nor without the recurrent cohort or where none of it is alive.

    Examples
    --------
    >>> from naome.core.params import load_params
    >>> from naome.measures.study import make_study
    >>> study = make_study(load_params("england"), run_id="r")
    >>> living = pd.DataFrame({"cohort": ["denovo", "recurrent"], "alive": [60, 40], "dead": [40, 60], "lost": [0, 1]})
    >>> results = measure_prevalence(living, study, factor=(2.0, 1.5, 2.5))
    >>> results.query("measure.str.endswith('corrected')")[["cohort", "estimate", "lower", "upper"]].values.tolist()
    [['recurrent', 80.0, 60.0, 100.0], ['primary', 140.0, 120.0, 160.0]]
    """
    on = on or study.params.censor_date
    counts = living.set_index("cohort")[["alive", "dead", "lost"]]
    counts.loc["primary"] = counts.sum()
    rows, absent = [], []
    for cohort, (alive, dead, lost) in counts.iterrows():
        base = {"cohort": cohort, "numerator": alive, "denominator": alive + dead + lost}
        if lost > alive:
            measures = [OBSERVED] if cohort == "denovo" else [OBSERVED, CORRECTED]
            absent.append(
                study.not_derivable_rows(measures, NOT_FOLLOWED, cohort=cohort, denominator=base["denominator"])
            )
            continue
        rows.append({**base, "measure": OBSERVED, "estimate": alive, "method": COUNT})
        if cohort == "denovo":
            continue
        corrected = {**base, "measure": CORRECTED}
        found = counts["alive"].get("recurrent", 0)
        others = alive - found
        reason = "" if "recurrent" in counts.index else NO_RECURRENT
        if factor is None:
            reason = reason or warning or TOO_FEW_SOURCES
        elif found == 0:  # no factor corrects a number of nobody
            reason = reason or TOO_FEW_LIVING
        if factor is None or reason:
            known = {"cohort": cohort, "denominator": base["denominator"]}
            absent.append(study.not_derivable_rows(corrected["measure"], reason, **known))
            continue
        limits = [others + found * value for value in factor]
        corrected |= dict(zip(("estimate", "lower", "upper"), limits, strict=True))
        inferred = study.definitions.say_inferred_codes([read_features(study.definitions).metastatic_only.codes])
        note = f"{say_unreliable(warning)} {inferred}".strip()
        corrected |= {"method": CAPTURE_RECAPTURE, "reason": note}
        rows.append(corrected)
    definition = f"limited_duration_prevalence@{study.params.diagnosed_from}..{on}"
    table = pd.concat([pd.DataFrame(rows), *absent], ignore_index=True)
    return study.results(table, unit_of_estimate="people", definition_id=definition)


def measure_living(study: Study, tables: CanonicalTables, alive: pd.DataFrame) -> pd.DataFrame:
    """Measure prevalence on the last day of follow-up, corrected where three sources saw anybody.

    Parameters
    ----------
    tables : CanonicalTables
    alive : DataFrame
        Source counts among people alive on that day
        (:func:`naome.measures.ascertainment.count_sources` with ``alive_on``).
    """
    living = count_living(study, tables)
    sources = tuple(s for s in SOURCES if alive.loc[alive[s], "people"].sum() > 0)
    factor, warning = None, ""
    # the number to be corrected counts whoever any of the sources of evidence of the rules found
    found = int(alive.loc[alive[list(study.rules["evidence"])].any(axis=1), "people"].sum())
    if len(sources) >= 3 and found > 0:
        estimate = loglinear_population(alive, sources)
        warning = estimate.warning
        factor = correction_factor(estimate, found) if np.isfinite(estimate.population) else None
    return measure_prevalence(living, study, factor=factor, warning=warning)


def _found_by(coded: Table, params: Params, rules: CohortRules, on: dt.date) -> Table:
    """Return whoever was found by a date; somebody who fits both cohorts is counted with the first evidence."""
    whole = params.model_copy(update={"metastatic_from": params.diagnosed_from, "metastatic_to": on})
    makers = {"denovo": lambda: de_novo(coded, whole), "recurrent": lambda: recurrent(coded, whole, rules)}
    columns = ("person_id", "cohort", "metastatic_date", "death_date", "vital_status", "vital_date")
    parts = [maker().select(*columns) for name, maker in makers.items() if name in params.cohorts]
    found = parts[0] if len(parts) == 1 else ibis.union(*parts)
    found = found.filter(found.metastatic_date <= ibis.date(str(on)))
    order = ibis.window(group_by=found.person_id, order_by=[found.metastatic_date, found.cohort])
    return found.mutate(rank=ibis.row_number().over(order)).filter(ibis._.rank == 0)
