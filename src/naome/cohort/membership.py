"""Who is in the de novo (DN1, DN2) and the recurrent (RC1, RC2) cohort."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from naome.core.definitions import CohortRules
from naome.core.params import Params


def de_novo(coded: Table, params: Params) -> Table:
    """Return the de novo cohort with ``route`` DN1 or DN2 and its metastatic date.

    Parameters
    ----------
    coded : Table
        Eligible people with the dates of their metastatic codes
        (:func:`naome.cohort.eligible.code_dates`).
    """
    in_period = _within(coded.diagnosis_date, params)
    early = coded.first_code_date < coded.anniversary
    dn1 = in_period & (coded.stage == "4").fill_null(False)
    not_in_situ_or_four = coded.stage.isin(["1", "2", "3"]).fill_null(True)
    dn2 = in_period & not_in_situ_or_four & early.fill_null(False)
    return (
        coded.mutate(
            cohort=ibis.literal("denovo"),
            route=ibis.cases((dn1, "DN1"), (dn2, "DN2")),
            metastatic_date=ibis.cases((dn1, coded.diagnosis_date), else_=coded.first_code_date),
            origin_date=coded.diagnosis_date,
        )
        .filter(dn1 | dn2)
        .drop("anniversary", "first_code_date", "late_code_date")
    )


def recurrent(coded: Table, params: Params, rules: CohortRules) -> Table:
    """Return the recurrent cohort; the metastatic date is the first qualifying admission."""
    found = recurrence_found(coded, rules)
    first = found.recurrence_date
    return (
        found.mutate(
            cohort=ibis.literal("recurrent"), route=ibis.literal("RC2"), metastatic_date=first, origin_date=first
        )
        .filter(_within(first, params).fill_null(False))
        .drop("anniversary", "first_code_date", "late_code_date", "recurrence_date")
    )


def find_members(coded: Table, params: Params, rules: CohortRules) -> Table:
    """Return the members of the run's cohorts from people with the dates of their codes."""
    makers = {
        "denovo": lambda: de_novo(coded, params),
        "recurrent": lambda: recurrent(coded, params, rules),
        "primary": lambda: primary(coded),
    }
    cohorts = [makers[name]() for name in params.cohorts]
    return cohorts[0] if len(cohorts) == 1 else ibis.union(*cohorts)


def possible_members(coded: Table) -> Table:
    """Return the people who can be in the de novo or the recurrent cohort: they have stage 4 or a metastatic code."""
    return coded.filter((coded.stage == "4").fill_null(False) | coded.first_code_date.notnull())


def primary(coded: Table) -> Table:
    """Return everyone eligible, followed from the initial diagnosis; the metastatic date is the first evidence."""
    return coded.mutate(
        cohort=ibis.literal("primary"),
        route=ibis.literal("EL7"),
        metastatic_date=coded.first_code_date,
        origin_date=coded.diagnosis_date,
    ).drop("anniversary", "first_code_date", "late_code_date")


def recurrence_found(coded: Table, rules: CohortRules) -> Table:
    """Return everyone who meets RC1, before the audit period is applied, with the date of recurrence."""
    first = coded.first_code_date if rules["early_code_bars_recurrence"] else coded.late_code_date
    rc1 = _recurrence_stage(coded, rules) & (first >= coded.anniversary).fill_null(False)
    return coded.mutate(recurrence_date=first).filter(rc1)


def _recurrence_stage(coded: Table, rules: CohortRules) -> ibis.Value:
    stages = ["1", "2", "3"] + (["0"] if rules["stage_0_can_recur"] else [])
    return coded.stage.isin(stages).fill_null(True)


def _within(date: ibis.Value, params: Params) -> ibis.Value:
    return date.between(ibis.date(str(params.metastatic_from)), ibis.date(str(params.metastatic_to)))
