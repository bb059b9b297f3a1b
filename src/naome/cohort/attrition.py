"""Attrition: how many are left after each numbered rule, as a table."""

from __future__ import annotations

import pandas as pd
from ibis.expr.types import Table

from naome.cohort.eligible import ELIGIBILITY
from naome.core.definitions import CohortRules
from naome.core.errors import ExtractError
from naome.core.params import Params


def count_attrition(flagged: Table, found: Table, members: Table, rules: CohortRules) -> pd.DataFrame:
    """Count what each rule leaves.

    Parameters
    ----------
    flagged : Table
        All tumours with their eligibility flags.
    found : Table
        People who meet RC1.
    members : Table
        Members of both cohorts with ``cohort`` and ``route``.
    rules : CohortRules

    Returns
    -------
    DataFrame
        ``step, cohort, unit, remaining, left_out, text`` in order; ``unit`` is
        tumours before EL7 and people from there on. The steps of a cohort
        start again from the eligible people.
    """
    passed, cumulative = [], None
    for rule in ELIGIBILITY:
        condition = flagged[rule].fill_null(False)
        cumulative = condition if cumulative is None else cumulative & condition
        passed.append(cumulative.sum().name(rule))
    counts = flagged.aggregate([flagged.count().name("all"), *passed]).execute().iloc[0].astype(int)
    routes = members.group_by("cohort", "route").aggregate(n=members.count()).execute().set_index("route")["n"]
    steps = [("registered", "both", "tumours", counts["all"], "Tumours in the extract.")]
    for rule in ELIGIBILITY:
        unit = "people" if rule == "EL7" else "tumours"
        steps.append((rule, "both", unit, counts[rule], rules.rule(rule).text))
    eligible = counts["EL7"]
    for rule in ("DN1", "DN2"):
        steps.append((rule, "denovo", "people", int(routes.get(rule, 0)), rules.rule(rule).text))
    steps.append(("RC1", "recurrent", "people", int(found.count().execute()), rules.rule("RC1").text))
    steps.append(("RC2", "recurrent", "people", int(routes.get("RC2", 0)), rules.rule("RC2").text))
    table = pd.DataFrame(steps, columns=["step", "cohort", "unit", "remaining", "text"])
    before = table["remaining"].shift(1)
    before[table["step"].isin(["DN1", "DN2", "RC1"])] = eligible
    table.insert(4, "left_out", (before - table["remaining"]).astype("Int64"))
    return table


def check_anybody(attrition: pd.DataFrame, params: Params) -> None:
    """Refuse a run in which nobody is left in any cohort: every page would be empty.

    Raises
    ------
    ExtractError
        Naming the first rule that leaves nobody and how many stood before it.
    """
    eligible = attrition[attrition["cohort"] == "both"]
    if "primary" not in params.cohorts:
        rows = attrition[attrition["cohort"].isin(params.cohorts)]
        if rows["remaining"].any():
            return
        last = rows.iloc[-1:]
    elif eligible["remaining"].iloc[-1]:
        return
    else:
        last = eligible.iloc[-1:]
    empty = eligible[eligible["remaining"] == 0]
    step = (empty if len(empty) else last).iloc[0]
    unit = "tumours" if step["cohort"] == "both" else "people"
    left_out = "no tumour is there" if pd.isna(step["left_out"]) else f"none of {step['left_out']:,} {unit} is left"
    dates = f"{params.diagnosed_from} to {params.diagnosed_to}"
    raise ExtractError(
        f"audit {params.audit}: no one is in a cohort. At {step['step']} ({step['text'].rstrip('.')}) {left_out}. "
        f"Hint: are the dates of diagnosis in the parameters ({dates}) those of the extract, and are all files there?"
    )
