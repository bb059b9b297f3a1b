"""From canonical tables to the analysis table, the attrition and the primary-cancer counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import ibis
import pandas as pd

from naome.cohort.attrition import check_anybody, count_attrition
from naome.cohort.columns import list_columns
from naome.cohort.eligible import code_dates, eligible_people, flag_tumours, metastatic_codes
from naome.cohort.features import describe_people, keep_people
from naome.cohort.frames import fetch_analysis, type_primary
from naome.cohort.materialise import hold
from naome.cohort.membership import find_members, possible_members, recurrence_found
from naome.cohort.primary import count_primary
from naome.cohort.tables import CanonicalTables, open_tables
from naome.core.definitions import CohortRules, project_definitions
from naome.core.params import Params


@dataclass(frozen=True)
class Cohorts:
    """What deriving the cohorts gives; all small pandas frames.

    Attributes
    ----------
    analysis : DataFrame
        One row per person per cohort, no identifiers.
    attrition : DataFrame
        People left after each rule.
    count : callable
        Says how everyone with primary breast cancer is counted.
    """

    analysis: pd.DataFrame
    attrition: pd.DataFrame
    count: Callable[[], ibis.expr.types.Table] = field(repr=False)

    @cached_property
    def primary(self) -> pd.DataFrame:
        """Counts of everyone with primary breast cancer, for the check against deaths; counted when asked for."""
        return type_primary(self.count().execute())


def derive_cohorts(
    params: Params, folder: Path, *, rules: CohortRules | None = None, connection: ibis.BaseBackend | None = None
) -> Cohorts:
    """Derive both cohorts of a run.

    Parameters
    ----------
    params : Params
    folder : Path
        Folder of the canonical tables.
    rules : CohortRules, optional
        The run's rules by default; a methodologist passes
        ``run.study.rules.replace(count_c779=True)``.
    connection : ibis backend, optional
        Engine; DuckDB by default.

    Examples
    --------
    >>> from naome.core.params import load_params# doctest: +SKIP
    >>> derive_cohorts(load_params("wales"), folder).attrition     # doctest: +SKIP
    """
    rules = rules or project_definitions().rules(params.rules)
    tables = open_tables(folder, params, connection, rules.definitions)
    codes, flagged = metastatic_codes(tables, rules), flag_tumours(tables, params, rules)
    codes, flagged = hold(codes), hold(flagged)
    eligible = eligible_people(flagged)
    coded = code_dates(eligible, codes, rules)
    coded = coded if "primary" in params.cohorts else possible_members(coded)
    members, found = find_members(coded, params, rules), recurrence_found(coded, rules)
    members = hold(members)
    described = hold(describe_people(members, keep_people(tables, members), codes, params, rules))
    return Cohorts(
        analysis=fetch_analysis(described, rules.definitions),
        attrition=count_attrition(flagged, found, members, rules),
        count=partial(count_primary, eligible, codes, tables, params, rules),
    )


def derive_earlier(params: Params, folder: Path, *, rules: CohortRules | None = None) -> pd.DataFrame:
    """Derive the cohorts of the periods on which organisations are compared at time points beyond the audit period.

    Parameters
    ----------
    params, folder, rules
        As in :func:`derive_cohorts`; :attr:`naome.core.params.Params.earlier_periods` says which periods.

    Returns
    -------
    DataFrame
        As the analysis table, with ``time_point`` (years) and ``records_from`` (day of the first admission in the
        extract; missing where there is none). Without rows where the audit period serves every time point, and for
        everyone with primary cancer, who are followed from any year.
    """
    rules = rules or project_definitions().rules(params.rules)
    tables = open_tables(folder, params, definitions=rules.definitions)
    records_from = pd.to_datetime(tables.diagnoses.admission_date.min().execute())
    cohorts = tuple(cohort for cohort in params.cohorts if cohort != "primary")
    periods = {years: (first, last) for years, (first, last) in params.earlier_periods.items() if first <= last}
    if not (cohorts and periods):
        names = [column.name for column in list_columns(rules.definitions)]
        return pd.DataFrame(columns=[*names, "time_point", "records_from"])
    # Who belongs to a cohort does not depend on the period, but for its first and last day: one derivation serves all
    first, last = (pick(days) for pick, days in zip((min, max), zip(*periods.values(), strict=True), strict=True))
    moved = params.model_copy(update={"metastatic_from": first, "metastatic_to": last, "cohorts": cohorts})
    people = derive_cohorts(moved, folder, rules=rules).analysis
    frames = [
        people[people["origin_date"].between(pd.Timestamp(first), pd.Timestamp(last))].assign(time_point=years)
        for years, (first, last) in periods.items()
    ]
    return pd.concat(frames, ignore_index=True).assign(records_from=records_from)


def count_cohorts(params: Params, tables: CanonicalTables, rules: CohortRules) -> dict[str, int]:
    """Count the people of each cohort of a run, without what describes them.

    Parameters
    ----------
    params : Params
    tables : CanonicalTables
    rules : CohortRules

    Returns
    -------
    dict of str to int
        Each cohort of the run, in the order of its parameters -> people.

    Raises
    ------
    ExtractError
        If no one is in a cohort, with the rule that leaves no one.
    """
    flagged = hold(flag_tumours(tables, params, rules))
    coded = code_dates(eligible_people(flagged), metastatic_codes(tables, rules), rules)
    members = find_members(coded, params, rules)
    counts = members.group_by("cohort").aggregate(people=members.count()).execute()
    found = dict(zip(counts["cohort"], counts["people"], strict=True))
    if not found:
        check_anybody(count_attrition(flagged, recurrence_found(coded, rules), members, rules), params)
    return {cohort: int(found.get(cohort, 0)) for cohort in params.cohorts}


def identify_members(params: Params, folder: Path) -> pd.DataFrame:
    """Return who is in which cohort, by pseudonym: for checks against other records, never written anywhere.

    Returns
    -------
    DataFrame
        ``person_id, cohort, route, diagnosis_date, metastatic_date`` in order of cohort and person.
    """
    rules = project_definitions().rules(params.rules)
    tables = open_tables(folder, params, definitions=rules.definitions)
    coded = code_dates(eligible_people(flag_tumours(tables, params, rules)), metastatic_codes(tables, rules), rules)
    members = find_members(coded, params, rules)
    columns = ("person_id", "cohort", "route", "diagnosis_date", "metastatic_date")
    frame = members.select(*columns).order_by("cohort", "person_id").execute()
    return frame.astype({"diagnosis_date": "datetime64[s]", "metastatic_date": "datetime64[s]"})
