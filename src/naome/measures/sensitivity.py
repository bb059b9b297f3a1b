"""What each open choice changes: the cohorts and the headline figures under every switch, one row each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table

from naome.cohort.codes import code_between, code_in, is_breast_cancer
from naome.cohort.columns import AnalysisColumn, list_columns
from naome.cohort.eligible import code_dates, eligible_people, flag_tumours, metastatic_codes
from naome.cohort.evidence import possible_evidence
from naome.cohort.features import add_records, describe_people, keep_people
from naome.cohort.frames import fetch_analysis
from naome.cohort.materialise import hold
from naome.cohort.membership import find_members
from naome.cohort.tables import CanonicalTables
from naome.core.definitions import CohortRules, Option
from naome.core.durations import YEAR_DAYS
from naome.core.params import Params
from naome.measures.derivability import RECORD_BEFORE_CANCER_DEATH
from naome.measures.expressions import parse_expression
from naome.measures.specification import Indicator
from naome.measures.study import Study, say_too_few
from naome.measures.survival import survival_arrays
from naome.stats.intervals import wilson
from naome.stats.kaplan_meier import kaplan_meier

BASE = "base case"
NO_SWITCH = {"option": BASE, "value": "", "title": BASE, "choice": ""}
HEADLINES = ("chemotherapy", "cdk46_first_line", "death_30d_chemotherapy")
# Options that only the check against deaths reads: they change no cohort and no figure of the cohorts
OF_DEATHS = ("unknown_stage_in_figure_1", "breast_cancer_death")
ONLY_DEATHS = "Changes only the validation against deaths: see the next table."
# Options that change which records of metastatic disease come before a death
OF_RECORDS = ("count_c779", "count_c770_c771", "diagnosis_position", "admission_classes", "code_date", "evidence")
# The option that says which sources are believed, and what is said of those that a nation's data do not have
OF_SOURCES = "evidence"
NOT_HELD = {
    "admissions": "No admissions are in these data.",
    "reported": "No recurrences are reported in these data.",
}
# The option that changes how people are described, not who they are
OF_DESCRIPTION = "last_chemotherapy"
# What a window of days is tried at, as multiples of its default
WINDOW_FACTORS = (0.5, 1.5)


@dataclass(frozen=True)
class _Shared:
    """What all variants need.

    Attributes
    ----------
    eligible : Table
        Eligible people.
    evidence : CanonicalTables
        With the diagnoses that could be evidence of metastasis.
    near : CanonicalTables
        With the records and events of everybody who could be in a cohort.
    held : frozenset of str
        Sources of evidence that the data have.
    described : dict
        How the last chemotherapy is found -> the compiled description of a variant's people.
    """

    eligible: Table
    evidence: CanonicalTables
    near: CanonicalTables
    held: frozenset[str]
    described: dict[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class _Variant:
    members: pd.DataFrame
    analysis: pd.DataFrame


def tabulate_switches(study: Study, tables: CanonicalTables) -> pd.DataFrame:
    """Derive the cohorts again under every other value of every cohort rule option.

    The eligible people and the tables are read once; each variant takes its codes
    from what is held. A row is a variant and a cohort.

    Parameters
    ----------
    study : Study
        The run; its own choices are the base case.
    tables : CanonicalTables

    Returns
    -------
    DataFrame
        ``option, value`` as the parameters name them and ``title, choice`` as a reader does, ``rule, cohort, people,
        shared, jaccard``, a column per headline
        indicator, ``other_indicator, other_value, survival_1y, reason``. ``shared`` is
        people also in that cohort of the base case, ``jaccard`` shared of those in
        either. ``survival_1y`` is Kaplan-Meier from the cohort's origin, missing where
        fewer than ``minimum_at_risk`` are at risk. A headline indicator that the run
        cannot derive for a cohort is missing; where it can derive none,
        ``other_indicator`` is the first it can. An indicator on fewer than
        ``minimum_denominator`` people is missing. Options that only the check against
        deaths reads have one row that says so, as have sources that the data lack.

    Examples
    --------
    >>> tabulate_switches(run.study, run.tables)  # doctest: +SKIP
    """
    params, base_rules = study.params, study.rules
    shared = _hold_shared(params, base_rules, tables)
    base = _derive_variant(shared, params, base_rules)
    rows = list(_variant_rows(NO_SWITCH, "", base, base, study))
    for option in base_rules.options:
        for value in option.values:
            if value == base_rules[option.name]:
                continue
            reason = ONLY_DEATHS if option.name in OF_DEATHS else _say_not_held(option.name, value, shared.held)
            if reason:
                rows.append({**_switch(option, value), "rule": option.rule, "reason": reason})
                continue
            variant = _derive_variant(shared, params, base_rules.replace(**{option.name: value}))
            rows += _variant_rows(_switch(option, value), option.rule, variant, base, study)
    return _tidy(rows)


def tabulate_death_switches(study: Study, tables: CanonicalTables) -> pd.DataFrame:
    """Measure the share of breast cancer deaths with an earlier metastatic record under every option that changes it.

    Deaths are those of the check against deaths: under 70 at diagnosis, until the
    end of follow-up.

    Returns
    -------
    DataFrame
        ``option, value, title, choice, denominator, numerator, estimate, lower, upper, reason`` (95% Wilson
        intervals), the base case first; a switch to sources that the data lack has a reason instead. One row with a
        reason where the data have no causes of death or no admissions.
    """
    columns = ["option", "value", "title", "choice", "denominator", "numerator", "estimate", "lower", "upper", "reason"]
    params, base = study.params, study.rules
    reason = study.reason(RECORD_BEFORE_CANCER_DEATH)
    if reason:
        return pd.DataFrame([{**NO_SWITCH, "reason": reason}]).reindex(columns=columns)
    deaths = hold(_deaths_under_70(tables, params, base))
    events = {name: hold(getattr(tables, name).semi_join(deaths, "person_id")) for name in ("diagnoses", "recurrences")}
    near = replace(tables, **events)
    held = _find_sources(tables)
    rows = [{**NO_SWITCH, **_count_recorded(deaths, near, base)}]
    for option in base.options:
        for value in option.values if option.name in (*OF_DEATHS, *OF_RECORDS) else ():
            if value == base[option.name]:
                continue
            reason = _say_not_held(option.name, value, held)
            variant = base.replace(**{option.name: value})
            found = {"reason": reason} if reason else _count_recorded(deaths, near, variant)
            rows.append({**_switch(option, value), **found})
    table = pd.DataFrame(rows).reindex(columns=columns)
    counted = table.dropna(subset=["denominator"])
    limits = wilson(counted["numerator"].to_numpy(), counted["denominator"].to_numpy()).set_index(counted.index)
    few = table["denominator"] < params.minimum_denominator
    shares = {name: limits[name].mask(few) for name in ("estimate", "lower", "upper")}
    too_few = say_too_few(params.minimum_denominator, "breast cancer deaths, or causes of death are not in the data")
    reasons = table["reason"].fillna("").mask(few, too_few)
    return table.astype(dict.fromkeys(["denominator", "numerator"], "Int64")).assign(**shares, reason=reasons)


def tabulate_windows(analysis: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Evaluate every indicator with a window of days at its default, at half of it and at one and a half times it.

    Windows are read off the analysis table, so nothing is derived again. A window
    cannot look further than the events the table holds, and one in which events are counted no further than everyone
    of the audit period can be followed: people diagnosed last would count as without the event.

    Returns
    -------
    DataFrame
        ``indicator, cohort, window, days, denominator, numerator, estimate, lower, upper, reason``, limits of Wilson's
        95% interval; the first row of each group is the default.
    """
    rows, columns = [], list_columns(study.definitions)
    for indicator in study.specification.indicators:
        for cohort in indicator.cohorts if indicator.windows else ():
            reason = study.reason(indicator, cohort)
            people = analysis[analysis["cohort"] == cohort]
            for window in indicator.windows:
                for days in _list_days(indicator, window, study.params):
                    row = {"indicator": indicator.id, "cohort": cohort, "window": window, "days": days}
                    changed = _with_window(indicator, window, days, columns)
                    found = _proportion(people, changed, study) if not reason else {}
                    rows.append({**row, **found, "reason": reason or found["reason"]})
    named = ["indicator", "cohort", "window", "days", "denominator", "numerator", "estimate", "reason"]
    table = pd.DataFrame(rows).reindex(columns=named)
    table = table.astype({"denominator": "Int64", "numerator": "Int64", "estimate": "float64"})
    known = table.dropna(subset=["estimate"])
    limits = wilson(known["numerator"].to_numpy(dtype=int), known["denominator"].to_numpy(dtype=int))
    return table.join(limits.set_index(known.index)[["lower", "upper"]])


def _list_days(indicator: Indicator, window: str, params: Params) -> list[int]:
    """Return the lengths at which a window is tried, the default first."""
    default = indicator.windows[window]
    lengths = [round(default * factor) for factor in WINDOW_FACTORS]
    if indicator.numerator and window in indicator.numerator.names:
        reach = max(default, (params.censor_date - params.metastatic_to).days)
        lengths = [min(days, reach) for days in lengths]
    return list(dict.fromkeys([default, *lengths]))


def _hold_shared(params: Params, rules: CohortRules, tables: CanonicalTables) -> _Shared:
    """Read once what all variants need: eligible people, every code that could be evidence, all it could concern."""
    eligible = hold(eligible_people(flag_tumours(tables, params, rules)))
    d = tables.diagnoses
    metastatic = possible_evidence(rules.definitions)
    evidence = hold(d.filter(code_between(d.code, metastatic)).filter(code_in(d.code, metastatic)))
    if "primary" not in params.cohorts:
        # Nobody enters the other cohorts without evidence or stage 4
        sources = (
            evidence.select("person_id"),
            tables.recurrences.select("person_id"),
            eligible.filter(eligible.stage == "4").select("person_id"),
        )
        eligible = hold(eligible.semi_join(ibis.union(*sources), "person_id"))
    registry = {name: hold(getattr(tables, name).semi_join(eligible, "person_id")) for name in ("tumours", "people")}
    near = replace(keep_people(tables, eligible), **registry)
    return _Shared(eligible, replace(tables, diagnoses=evidence), near, _find_sources(tables))


def _find_sources(tables: CanonicalTables) -> frozenset[str]:
    """Return the sources of evidence, values of the option, that the data have."""
    there = {"admissions": tables.admissions_known, "reported": bool(tables.recurrences.count().execute())}
    return frozenset(source for source, held in there.items() if held)


def _say_not_held(option: str, value: Any, held: frozenset[str]) -> str:
    """Return why a switch cannot be tried: its sources are not in the data; empty when they are."""
    missing = [source for source in value if source not in held] if option == OF_SOURCES else []
    return " ".join(NOT_HELD[source] for source in missing)


def _deaths_under_70(tables: CanonicalTables, params: Params, rules: CohortRules) -> Table:
    people = add_records(eligible_people(flag_tumours(tables, params, rules)), tables)
    people = people.filter(people.age < 70, people.death_date <= ibis.date(str(params.censor_date)))
    causes = tables.deaths.select("person_id", "underlying_cause", "causes")
    people = people.left_join(causes, "person_id")
    return people.select(
        "person_id",
        "diagnosis_date",
        "death_date",
        "stage",
        **{by: is_breast_cancer(people, rules.replace(breast_cancer_death=by)) for by in ("underlying", "any_mention")},
    )


def _count_recorded(deaths: Table, near: CanonicalTables, rules: CohortRules) -> dict[str, int]:
    """Count the deaths that a choice of rules takes for breast cancer deaths, and those with a record before."""
    staged = deaths.stage.isin(["0", "1", "2", "3"]).fill_null(bool(rules["unknown_stage_in_figure_1"]))
    breast = deaths.filter(staged, deaths[rules["breast_cancer_death"]])
    dated = metastatic_codes(near, rules).inner_join(breast, "person_id")
    recorded = dated.filter(dated.code_date.between(dated.diagnosis_date, dated.death_date))
    return {
        "denominator": int(breast.count().execute()),
        "numerator": int(recorded.person_id.nunique().execute()),
    }


def _derive_variant(shared: _Shared, params: Params, rules: CohortRules) -> _Variant:
    codes = hold(metastatic_codes(shared.evidence, rules), "variant_codes")
    coded = code_dates(shared.eligible, codes, rules)
    members = hold(find_members(coded, params, rules), "variant_members")
    people = members.select("person_id", "cohort").execute()
    return _Variant(people, fetch_analysis(_describe(shared, members, codes, params, rules), rules.definitions))


def _describe(shared: _Shared, members: Table, codes: Table, params: Params, rules: CohortRules) -> Table:
    """Describe the people of a variant; on DuckDB by a view that every variant fills with its members and codes.

    Compiling the description takes longer than computing it, and only one option changes it.
    """
    connection = members.get_backend()
    if connection.name != "duckdb":
        return describe_people(members, shared.near, codes, params, rules)
    chosen = rules[OF_DESCRIPTION]
    if chosen not in shared.described:
        expression = describe_people(members, shared.near, codes, params, rules)
        shared.described[chosen] = connection.create_view(ibis.util.gen_name("described"), expression)
    return shared.described[chosen]


def _variant_rows(
    switch: dict[str, str],
    rule: str,
    variant: _Variant,
    base: _Variant,
    study: Study,
) -> Iterator[dict[str, Any]]:
    for cohort in study.params.cohorts:
        mine, theirs = (set(v.members.loc[v.members["cohort"] == cohort, "person_id"]) for v in (variant, base))
        people = variant.analysis[variant.analysis["cohort"] == cohort]
        headlines, other = _headlines(study, cohort)
        found = {indicator.id: _proportion(people, indicator, study) for indicator in headlines}
        stand_in = _proportion(people, other, study) if other else {}
        reasons = dict.fromkeys(f["reason"] for f in [*found.values(), stand_in] if f.get("reason"))
        yield {
            **switch,
            "rule": rule,
            "cohort": cohort,
            "people": len(mine),
            "shared": len(mine & theirs),
            "jaccard": len(mine & theirs) / len(mine | theirs) if mine | theirs else np.nan,
            **{name: values.get("estimate") for name, values in found.items()},
            "other_indicator": other.id if other else None,
            "other_value": stand_in.get("estimate"),
            "survival_1y": _survival_1y(people, study.params),
            "reason": "; ".join(reasons),
        }


def _headlines(study: Study, cohort: str) -> tuple[list[Indicator], Indicator | None]:
    """Return the headline indicators that the run can derive for a cohort; when there is none, the first other one."""
    derivable = [
        indicator
        for indicator in study.specification.indicators
        if indicator.estimator == "proportion" and cohort in indicator.cohorts and not study.reason(indicator, cohort)
    ]
    headlines = [indicator for indicator in derivable if indicator.id in HEADLINES]
    return headlines, None if headlines or not derivable else derivable[0]


def _proportion(people: pd.DataFrame, indicator: Indicator, study: Study) -> dict[str, Any]:
    inside, positive = indicator.select(people)
    counts = {"denominator": int(inside.sum()), "numerator": int((inside & positive).sum())}
    if reason := study.too_few(counts["denominator"]):
        return {**counts, "reason": reason}
    return {**counts, "estimate": counts["numerator"] / counts["denominator"], "reason": ""}


def _survival_1y(people: pd.DataFrame, params: Params) -> float:
    duration, event, _ = survival_arrays(people)
    if len(duration) < params.survival.minimum_at_risk:
        return float("nan")
    row = kaplan_meier(duration, event, at=[YEAR_DAYS]).iloc[0]
    return float(row["survival"]) if row["n_risk"] >= params.survival.minimum_at_risk else float("nan")


def _with_window(indicator: Indicator, window: str, days: int, columns: tuple[AnalysisColumn, ...]) -> Indicator:
    windows = {**indicator.windows, window: days}
    denominator, numerator = (
        None if expression is None else parse_expression(expression.text, expression.where, windows, columns)
        for expression in (indicator.denominator, indicator.numerator)
    )
    return replace(indicator, windows=windows, denominator=denominator, numerator=numerator)


def _switch(option: Option, value: Any) -> dict[str, str]:
    """Name a switch as the parameters do (``option, value``) and as a reader does (``title, choice``)."""
    written = "+".join(value) if isinstance(value, tuple) else str(value).lower()
    return {"option": option.name, "value": written, "title": option.title, "choice": option.choice(value).title}


def _tidy(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["option", "value", "title", "choice", "rule", "cohort", "people", "shared", "jaccard"]
    columns += [*HEADLINES, "other_indicator", "other_value", "survival_1y", "reason"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    shares = dict.fromkeys(["jaccard", *HEADLINES, "other_value", "survival_1y"], "float64")
    return table.astype({"people": "Int64", "shared": "Int64", **shares})
