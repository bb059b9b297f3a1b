"""Exploring a run in JupyterLab: what a choice would change, people ready for a model, and what the columns mean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd
from pydantic import ValidationError

from naome.cohort.columns import list_columns
from naome.cohort.derive import Cohorts, derive_cohorts
from naome.core.definitions import Definitions
from naome.core.errors import ParamsError, suggest
from naome.core.params import Params
from naome.measures.indicators import evaluate_indicators
from naome.measures.study import Study
from naome.measures.survival import estimate_survival
from naome.workflow.run import Run

#: Categories that have an order; what is graded in numbers stays a number
ORDERED = ("age_band", "age_group", "stage", "charlson", "frailty", "size_group")
HEADLINE = ["measure", "cohort"]


@dataclass(frozen=True)
class WhatIf:
    """What a run would find with other choices.

    Attributes
    ----------
    choices : dict
        What was chosen differently.
    sizes : DataFrame
        People per cohort: ``run``, ``what_if``, ``change``.
    headline : DataFrame
        National performance indicators and survival: denominators, estimates and, where there is none, its reason, of
        the run and of the choice, and the change in the estimate; of people, not released.
    cohorts : Cohorts
        Analysis table and attrition under the choice.
    study : Study
        With which any measure can be computed on ``cohorts.analysis``.
    """

    choices: dict[str, object]
    sizes: pd.DataFrame = field(repr=False)
    headline: pd.DataFrame = field(repr=False)
    cohorts: Cohorts = field(repr=False)
    study: Study = field(repr=False)


def ask_what_if(run: Run, **choices: object) -> WhatIf:
    """Derive a run's cohorts again with some choices made differently; nothing is written.

    Parameters
    ----------
    run : Run
    **choices
        Options of the cohort rules (``gap_months=6``) or parameters with a single value
        (``metastatic_from=date(2020, 1, 1)``).

    Returns
    -------
    WhatIf

    Raises
    ------
    ParamsError, DefinitionError
        For a choice that does not exist, or a value that is not allowed.
    """
    options = [option.name for option in run.study.rules.options]
    simple = [
        name for name, value in run.params if not isinstance(value, dict) and name not in ("audit", "nation", "source")
    ]
    unknown = [name for name in choices if name not in (*options, *simple)]
    if unknown:
        raise ParamsError(
            f"what_if: there is no option or parameter {unknown[0]!r}{suggest(unknown[0], [*options, *simple])}; "
            f"options: {', '.join(options)}; parameters: {', '.join(simple)}."
        )
    overrides = dict(run.params.rules) | {name: value for name, value in choices.items() if name in options}
    rules = run.definitions.rules(overrides)
    changed = {name: value for name, value in choices.items() if name not in options}
    try:
        params = Params.model_validate({**dict(run.params), **changed, "rules": overrides})
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}" for each in error.errors()
        )
        raise ParamsError(f"what_if: {said}.") from None
    if params.censor_date > run.params.censor_date:
        raise ParamsError(
            f"what_if: censor_date is {params.censor_date}, but deaths are complete to {run.params.censor_date} only."
        )
    name = "+".join(f"{key}={value}" for key, value in choices.items())
    study = replace(run.study, params=params, rules=rules, run_id=f"{run.current_id}?{name}")
    cohorts = derive_cohorts(params, run.canonical, rules=rules)
    own, other = _measure(run.analysis, run.study), _measure(cohorts.analysis, study)
    headline = own.join(other, how="outer", lsuffix="_run", rsuffix="_what_if")
    headline["change"] = headline["estimate_what_if"] - headline["estimate_run"]
    sizes = pd.DataFrame(
        {
            "run": run.analysis["cohort"].value_counts(),
            "what_if": cohorts.analysis["cohort"].value_counts(),
        }
    ).reindex(list(params.cohorts))
    sizes = sizes.fillna(0).astype(int)
    sizes["change"] = sizes["what_if"] - sizes["run"]
    return WhatIf(dict(choices), sizes, headline, cohorts, study)


def take_people(run: Run, cohort: str) -> pd.DataFrame:
    """Return the people of a cohort with the plain types that formulas of statsmodels and lifelines take.

    Parameters
    ----------
    run : Run
    cohort : {"denovo", "recurrent", "primary"}
        One of the run's cohorts.

    Returns
    -------
    DataFrame
        Numbers and booleans (0 and 1) as int, or as float where something is missing; categories as categoricals,
        ordered where the values have an order; dates as datetime64.

    Raises
    ------
    ParamsError
        If the run has no such cohort.
    """
    if cohort not in run.params.cohorts:
        known = list(run.params.cohorts)
        raise ParamsError(f"the run has no cohort {cohort!r}{suggest(cohort, known)}; cohorts: {', '.join(known)}.")
    people = run.analysis[run.analysis["cohort"] == cohort].reset_index(drop=True)
    for column in list_columns(run.definitions):
        values = people[column.name]
        if column.kind == "category":
            seen = list(column.values) or sorted(values.dropna().astype(str).unique())
            ordered = column.name in ORDERED
            people[column.name] = pd.Categorical(values.astype(object), categories=seen, ordered=ordered)
        elif column.kind in ("integer", "boolean", "number"):
            plain = "float64" if column.kind == "number" or values.isna().any() else "int64"
            people[column.name] = values.astype(plain)
    return people


def make_dictionary(definitions: Definitions) -> pd.DataFrame:
    """Return what each column of the analysis table is: its kind, what it means and the values it may take."""
    rows = [
        (column.name, column.kind, column.meaning, ", ".join(column.values)) for column in list_columns(definitions)
    ]
    return pd.DataFrame(rows, columns=["column", "kind", "meaning", "values"]).set_index("column")


def _measure(analysis: pd.DataFrame, study: Study) -> pd.DataFrame:
    national = replace(study.specification, levels={"nation": study.specification.levels["nation"]})
    everyone = replace(national, groups=tuple(group for group in national.groups if group.id == "all"))
    study = replace(study, specification=everyone)
    performance = tuple(each.id for each in everyone.indicators if each.kind == "performance")
    table = pd.concat(
        [evaluate_indicators(analysis, study, only=performance), estimate_survival(analysis, study)], ignore_index=True
    )
    return table.set_index(HEADLINE)[["denominator", "estimate", "reason"]]
