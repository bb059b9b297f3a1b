"""From canonical tables to the analysis table, the attrition and the primary-cancer counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa

from naome.cohort.attrition import count_attrition
from naome.cohort.columns import list_columns
from naome.cohort.deaths_check import count_primary
from naome.cohort.eligible import code_dates, eligible_people, flag_tumours, metastatic_codes
from naome.cohort.features import describe_people
from naome.cohort.materialise import hold
from naome.cohort.membership import de_novo, possible_members, primary, recurrence_found, recurrent
from naome.cohort.tables import CanonicalTables, open_tables
from naome.core.definitions import CohortRules, Definitions, project_definitions
from naome.core.params import Params

# The columns of the event tables that describing people takes: reading fewer is most of the speed
NEEDED = {
    "diagnoses": ("person_id", "code", "admission_date", "provider"),
    "procedures": ("person_id", "code", "procedure_date", "provider"),
    "drugs": ("person_id", "drug", "given_date", "cycle_date", "provider"),
    "radiotherapy": ("person_id", "site", "treatment_date"),
    "recurrences": ("person_id", "kind"),
}


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
    codes = hold(metastatic_codes(tables, rules))
    flagged = hold(flag_tumours(tables, params, rules))
    eligible = eligible_people(flagged)
    coded = code_dates(eligible, codes, rules)
    if "primary" not in params.cohorts:
        coded = hold(possible_members(coded))
    members = hold(find_members(coded, params, rules))
    near = keep_people(tables, members)
    described = hold(describe_people(members, near, codes, params, rules))
    found = hold(recurrence_found(coded, rules))
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


def fetch_analysis(described: ibis.expr.types.Table, definitions: Definitions) -> pd.DataFrame:
    """Fetch an analysis table from its engine, with the documented types (nullable integers and booleans, text)."""
    kinds = {
        "integer": (pa.int64(), pd.Int64Dtype()),
        "boolean": (pa.bool_(), pd.BooleanDtype()),
        "number": (pa.float64(), None),
        "category": (pa.string(), pd.StringDtype()),
        "date": (pa.timestamp("s"), None),
    }
    schema = pa.schema([(column.name, kinds[column.kind][0]) for column in list_columns(definitions)])
    return described.to_pyarrow().cast(schema).to_pandas(types_mapper=dict(kinds.values()).get)


def type_primary(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the counts of everyone with primary cancer their types, whatever the engine makes of empty columns."""
    kinds = dict.fromkeys(frame.columns, "string") | {
        "diagnosis_year": "int64",
        "people": "int64",
        "deprivation": "Int64",
        "age_under_70": "bool",
        "metastatic_record": "bool",
    }
    return frame.astype(kinds)


def find_members(coded: ibis.expr.types.Table, params: Params, rules: CohortRules) -> ibis.expr.types.Table:
    """Return the members of the run's cohorts from people with the dates of their codes."""
    makers = {
        "denovo": lambda: de_novo(coded, params),
        "recurrent": lambda: recurrent(coded, params, rules),
        "primary": lambda: primary(coded),
    }
    cohorts = [makers[name]() for name in params.cohorts]
    return cohorts[0] if len(cohorts) == 1 else ibis.union(*cohorts)


def keep_people(tables: CanonicalTables, members: ibis.expr.types.Table) -> CanonicalTables:
    """Keep only these people's rows of the event tables: the cohorts are a twentieth of everyone."""
    people = hold(members.select("person_id").distinct())
    kept = {
        name: hold(getattr(tables, name).select(*columns).semi_join(people, "person_id"))
        for name, columns in NEEDED.items()
    }
    return replace(tables, **kept)
