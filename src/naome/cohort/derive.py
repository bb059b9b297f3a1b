"""From canonical tables to the analysis table, the attrition and the primary-cancer counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import ibis
import pandas as pd

from naome.cohort.attrition import count_attrition
from naome.cohort.deaths_check import count_primary
from naome.cohort.eligible import code_dates, eligible_people, flag_tumours, metastatic_codes
from naome.cohort.features import describe_people, keep_people
from naome.cohort.frames import fetch_analysis, type_primary
from naome.cohort.materialise import hold
from naome.cohort.membership import find_members, possible_members, recurrence_found
from naome.cohort.tables import open_tables
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


def identify_members(
    params: Params, folder: Path, *, rules: CohortRules | None = None, connection: ibis.BaseBackend | None = None
) -> pd.DataFrame:
    """Return who is in which cohort, by pseudonym: for checks against other records, never written anywhere.

    Returns
    -------
    DataFrame
        ``person_id, cohort, route, diagnosis_date, metastatic_date`` in order of cohort and person.
    """
    rules = rules or project_definitions().rules(params.rules)
    tables = open_tables(folder, params, connection, rules.definitions)
    coded = code_dates(eligible_people(flag_tumours(tables, params, rules)), metastatic_codes(tables, rules), rules)
    members = find_members(coded, params, rules)
    columns = ("person_id", "cohort", "route", "diagnosis_date", "metastatic_date")
    frame = members.select(*columns).order_by("cohort", "person_id").execute()
    return frame.astype({"diagnosis_date": "datetime64[s]", "metastatic_date": "datetime64[s]"})
