"""What happened to the people of a cohort: sites, comorbidity, treatments, death."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import ibis
from ibis.expr.types import Table

from naome.cohort.codes import code_groups, code_in, is_breast_cancer
from naome.cohort.columns import COLUMN_VALUES, list_columns
from naome.cohort.eligible import MEMBERSHIP
from naome.cohort.feature_definitions import EVERY, Feature, read_features
from naome.cohort.materialise import hold
from naome.cohort.tables import CanonicalTables
from naome.core.definitions import CohortRules, Definitions
from naome.core.durations import YEAR_DAYS
from naome.core.params import Params

RECORDED = {name: name for name in ("stage", "grade", "er", "pr", "her2", "performance_status", "cns")} | {
    "mdt": "mdt_date"
}
PERSON_KEY = ("person_id", "cohort")
# Days after a chemotherapy in which a death counts against it. Of cycles whose days are not all observed only those of
# the dead would be known, so they cannot be the last
OBSERVED_DAYS = 30
# The columns of the event tables that describing people takes: reading fewer is most of the speed
NEEDED_COLUMNS = {
    "diagnoses": ("person_id", "code", "admission_date", "provider"),
    "procedures": ("person_id", "code", "procedure_date", "provider"),
    "drugs": ("person_id", "drug", "given_date", "cycle_date", "provider"),
    "radiotherapy": ("person_id", "site", "treatment_date"),
    "recurrences": ("person_id", "kind"),
}


def describe_people(members: Table, tables: CanonicalTables, codes: Table, params: Params, rules: CohortRules) -> Table:
    """Return the analysis table: one row per person per cohort, columns as documented, no identifiers.

    Its rows are in the order of their own values, which depends neither on pseudonyms nor on the order of the extract.

    Parameters
    ----------
    members : Table
        De novo and recurrent members with ``metastatic_date`` and ``origin_date``.
    codes : Table
        Metastatic codes (:func:`naome.cohort.eligible.metastatic_codes`).
    """
    definitions = rules.definitions
    names = [column.name for column in list_columns(definitions)]
    last = read_features(definitions)[read_features(definitions).chemotherapy]
    clock = members.select(*PERSON_KEY, "diagnosis_date", "metastatic_date", "origin_date")
    cycles_only = rules["last_chemotherapy"] == "cycle_start"
    table = add_records(members, tables)
    features = (
        *_conditions(clock, codes, definitions),
        *(_groups(clock, tables, feature, definitions) for feature in read_features(definitions).counting("groups")),
        *_first_days(clock, tables, params, definitions),
        *_agents(clock, tables, definitions),
        _last_chemotherapy(clock, find_events(tables, last, definitions), params, last, cycles_only=cycles_only),
        _distant_recurrence(tables),
        _death(tables, rules),
        tables.organisations.select([name for name in names if name in tables.organisations.columns]),
    )
    # One chain of joins with one selection at its end: a selection after each would have to be compiled into the next
    columns = list(table.columns)
    for number, feature in enumerate(features):
        keys = [key for key in (*PERSON_KEY, "provider") if key in feature.columns]
        table = table.left_join(feature, keys, rname=f"{{name}}_{number}")
        columns += [column for column in feature.columns if column not in keys]
    table = table.select(columns)
    derived = _derive(table, params, definitions, admissions_known=tables.admissions_known)
    table = table.select(**{name: derived[name] if name in derived else table[name] for name in names})
    # Imputation draws row by row: with rows in the order of what they hold, other pseudonyms give the same results
    return table.order_by(names)


def keep_people(tables: CanonicalTables, members: Table) -> CanonicalTables:
    """Keep only these people's rows of the event tables: the cohorts are a twentieth of everyone."""
    people = hold(members.select("person_id").distinct())
    kept = {
        name: hold(getattr(tables, name).select(*columns).semi_join(people, "person_id"))
        for name, columns in NEEDED_COLUMNS.items()
    }
    return replace(tables, **kept)


def add_records(people: Table, tables: CanonicalTables) -> Table:
    """Add what the registry holds of people and of their eligible tumours; done late, when only few are left.

    All of them are there: nobody is eligible without a vital status (EL6).
    """
    more = [column for column in tables.tumours.columns if column not in MEMBERSHIP]
    t = people.inner_join(tables.tumours.select("tumour_id", *more), "tumour_id")
    return t.inner_join(tables.people.select("person_id", "sex", "ethnic_group"), "person_id")


def _conditions(clock: Table, codes: Table, definitions: Definitions) -> list[Table]:
    """Say whether a metastatic code lies in a window, for the features with the same window together.

    A site coded a year later is known only of those who lived to be coded, so each feature has its own window.
    """
    windows: dict[tuple[str, int | None, int | None], list[Feature]] = {}
    for feature in read_features(definitions).counting("any"):
        windows.setdefault((feature.clock, feature.from_days, feature.to_days), []).append(feature)
    tables = []
    for (_, *_), features in windows.items():
        j = codes.inner_join(clock, "person_id")
        j = j.filter(_in_window(features[0], days_between(j.code_date, j[f"{features[0].clock}_date"])))
        flags = {
            feature.name: code_in(j.code, _codes(definitions, reference, feature.leave_out)).any()
            for feature in features
            for reference in feature.events.values()
        }
        tables.append(j.group_by(*PERSON_KEY).aggregate(**flags))
    return tables


def _groups(clock: Table, tables: CanonicalTables, feature: Feature, definitions: Definitions) -> Table:
    """Count the different groups of codes in admissions that start in the window."""
    d = tables.diagnoses.inner_join(clock, "person_id")
    d = d.filter(_in_window(feature, days_between(d.admission_date, d[f"{feature.clock}_date"])))
    codelist = definitions.codelist(feature.events["diagnoses"])
    coded = code_groups(d.select(*PERSON_KEY, "code"), codelist, feature.leave_out)
    return coded.group_by(*PERSON_KEY).aggregate(**{feature.name: coded.group.nunique()})


def _first_days(clock: Table, tables: CanonicalTables, params: Params, definitions: Definitions) -> list[Table]:
    """Count the days to the first event, for all features whose events stand in the same tables together."""
    by_tables: dict[tuple[str, ...], list[Feature]] = {}
    for feature in read_features(definitions).counting("first_day"):
        by_tables.setdefault(tuple(feature.events), []).append(feature)
    return [_first_days_of(clock, tables, params, features, definitions) for features in by_tables.values()]


def _first_days_of(
    clock: Table, tables: CanonicalTables, params: Params, features: list[Feature], definitions: Definitions
) -> Table:
    found = [
        find_events(tables, feature, definitions).mutate(feature=ibis.literal(feature.name)) for feature in features
    ]
    e = ibis.union(*found) if len(found) > 1 else found[0]
    e = e.inner_join(clock, "person_id")
    firsts = {}
    for feature in features:
        days = days_between(e.event_date, e[f"{feature.clock}_date"])
        counted = (e.feature == feature.name) & _in_window(feature, days)
        if feature.to_censoring:
            counted &= e.event_date <= ibis.date(str(params.censor_date))
        firsts[feature.name] = days.min(where=counted)
    return e.group_by(*PERSON_KEY).aggregate(**firsts)


def _agents(clock: Table, tables: CanonicalTables, definitions: Definitions) -> list[Table]:
    """Count the different drugs given in a window; a product with several agents counts as many."""
    agents = definitions.coding("sact_agents").values
    found = []
    for feature in read_features(definitions).counting("agents"):
        d = tables.drugs.inner_join(clock, "person_id")
        d = d.filter(_in_window(feature, days_between(d.given_date, d[f"{feature.clock}_date"])))
        # Drug by drug: to count the different ones, DuckDB would take all drugs of all people apart first
        given = {
            drug: (d.drug == drug).any() for drug in _codes(definitions, feature.events["drugs"], feature.leave_out)
        }
        count = sum(any_given.cast("int64") * int(agents.get(drug, 1)) for drug, any_given in given.items())
        found.append(d.group_by(*PERSON_KEY).aggregate(**{feature.name: count}))
    return found


def find_events(tables: CanonicalTables, feature: Feature, definitions: Definitions) -> Table:
    """Return ``person_id, event_date, provider, cycle_start`` of every event of a feature, from all its tables.

    Where the feature says so, a drug counts on the start of its cycle as well as on its own date, so that the latest
    activity is found whichever is later; only the former is the start of a cycle.
    """
    events, cycles = [], []
    for table, reference in feature.events.items():
        t = getattr(tables, table)
        codes = () if reference == EVERY else _codes(definitions, reference, feature.leave_out)
        if table == "drugs":
            t = t.filter(t.drug.isin(list(codes)))
            events.append(t.select("person_id", "provider", event_date=t.given_date))
            if feature.cycle_starts:
                cycle = t.filter(t.cycle_date.notnull())
                cycles.append(cycle.select("person_id", "provider", event_date=cycle.cycle_date))
        elif table == "radiotherapy":
            t = t if reference == EVERY else t.filter(code_in(t.site, codes))
            nowhere = ibis.literal(None, type="string")
            events.append(t.select("person_id", provider=nowhere, event_date=t.treatment_date))
        else:
            t = t.filter(code_in(t.code, codes))
            date = t.procedure_date if table == "procedures" else t.admission_date
            events.append(t.select("person_id", "provider", event_date=date))
    one = ibis.union(*events) if len(events) > 1 else events[0]
    one = one.mutate(cycle_start=ibis.literal(False))
    return ibis.union(*(cycle.mutate(cycle_start=ibis.literal(True)) for cycle in cycles), one) if cycles else one


def _last_chemotherapy(clock: Table, events: Table, params: Params, feature: Feature, *, cycles_only: bool) -> Table:
    """Date the last chemotherapy; of several organisations on the last day the first in code order.

    It is the latest event, or the latest start of a cycle, among those with ``OBSERVED_DAYS`` of follow-up to come.
    People who are still treated at the end of follow-up count with an earlier cycle: to leave them out would be to
    choose people by having lived, and would make deaths look commoner.
    """
    e = events.inner_join(clock, "person_id")
    days = days_between(e.event_date, e[f"{feature.clock}_date"])
    latest = params.censor_date - timedelta(days=OBSERVED_DAYS)
    e = e.filter(_in_window(feature, days), e.event_date <= ibis.date(str(latest)))
    counted = e.mutate(may_be_last=e.cycle_start if cycles_only else ibis.literal(True))
    people = ibis.window(group_by=[counted[key] for key in PERSON_KEY])
    e = counted.mutate(last_date=counted.event_date.max(where=counted.may_be_last).over(people))
    return e.group_by(*PERSON_KEY).aggregate(
        last_chemotherapy_date=e.last_date.max(),
        treating_provider=e.provider.min(where=e.may_be_last & (e.event_date == e.last_date)),
    )


def _codes(definitions: Definitions, reference: str, leave_out: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codes of a list (``opcs4_biopsy``) or of one group of it, without some groups."""
    return tuple(code.code for code in definitions.find_codes(reference, leave_out))


def _in_window(feature: Feature, days: ibis.Value) -> ibis.Value:
    """Return whether days from its clock lie in a feature's window."""
    limits = []
    if feature.from_days is not None:
        limits.append(days >= feature.from_days)
    if feature.to_days is not None:
        limits.append(days <= feature.to_days)
    return ibis.and_(*limits)


def _distant_recurrence(tables: CanonicalTables) -> Table:
    r = tables.recurrences.filter(tables.recurrences.kind == "distant")
    return r.select("person_id", cosd_distant=ibis.literal(True)).distinct()


def _death(tables: CanonicalTables, rules: CohortRules) -> Table:
    d = tables.deaths
    return d.select("person_id", breast_cause=is_breast_cancer(d, rules))


def _derive(t: Table, params: Params, definitions: Definitions, *, admissions_known: bool) -> dict[str, ibis.Value]:
    """Return the columns that are not taken over as they are; said at once, so that one selection makes them all."""
    cutoff = ibis.date(str(params.censor_date))
    # Somebody lost to the registry whose death is registered is not lost
    lost_date = ibis.cases(((t.vital_status == "lost") & t.death_date.isnull(), t.vital_date))
    died = (t.death_date <= cutoff).fill_null(False)
    end_date = ibis.least(ibis.coalesce(t.death_date, cutoff), ibis.coalesce(lost_date, cutoff), cutoff)
    age = t.age + (days_between(t.origin_date, t.diagnosis_date) / YEAR_DAYS).floor().cast("int32")
    # Nobody's comorbidity is known from a feed without admissions; in one with them, nothing coded counts as none
    groups = {
        feature.name: t[feature.name].fill_null(0) if admissions_known else t[feature.name]
        for feature in read_features(definitions).counting("groups")
    }
    flagged = {
        feature.name: ibis.coalesce(
            t[feature.name], ibis.cases((t[feature.flag].fill_null(False) & (t.cohort == "denovo"), 0))
        )
        for feature in read_features(definitions).counting("first_day")
        if feature.flag
    }
    return dict(
        nation=ibis.literal(params.nation),
        age=age,
        age_at_diagnosis=t.age,
        age_band=band(age, (40, 50, 60, 70, 80), COLUMN_VALUES["age_band"]),
        age_group=band(age, (50, 70, 80), COLUMN_VALUES["age_group"]),
        subtype=ibis.cases(
            ((t.her2 == "positive") & (t.er == "positive"), "HER2+ER+"),
            ((t.her2 == "positive") & (t.er == "negative"), "HER2+ER-"),
            ((t.her2 == "negative") & (t.er == "positive"), "HER2-ER+"),
            ((t.her2 == "negative") & (t.er == "negative"), "HER2-ER-"),
        ),
        **groups,
        charlson=band(groups["charlson_count"], (1, 2, 3), COLUMN_VALUES["charlson"]),
        frailty=band(groups["frailty_count"], (2, 4, 6), COLUMN_VALUES["frailty"]),
        er_log=(t.er_level.cast("float64") + 1).ln(),
        pr_log=(t.pr_level.cast("float64") + 1).ln(),
        diagnosis_year=t.diagnosis_date.year(),
        metastatic_year=t.metastatic_date.year(),
        year=t.origin_date.year(),
        **flagged,
        last_chemotherapy_to_death_days=ibis.cases((died, days_between(t.death_date, t.last_chemotherapy_date))),
        last_chemotherapy_to_cutoff_days=days_between(cutoff, t.last_chemotherapy_date),
        diagnosis_to_metastatic_days=days_between(t.metastatic_date, t.diagnosis_date),
        survival_days=days_between(end_date, t.origin_date),
        survival_from_diagnosis_days=days_between(end_date, t.diagnosis_date),
        survival_from_metastatic_days=days_between(end_date, t.metastatic_date),
        **{feature.name: t[feature.name].fill_null(False) for feature in read_features(definitions).counting("any")},
        **{feature.name: t[feature.name].fill_null(0) for feature in read_features(definitions).counting("agents")},
        cosd_distant=t.cosd_distant.fill_null(False),
        **{f"{name}_recorded": t[column].notnull() for name, column in RECORDED.items()},
        died=died,
        died_of_breast_cancer=died & t.breast_cause.fill_null(False),
        died_within_30_days=died & (days_between(t.death_date, t.origin_date) <= 30),
    )


def days_between(later: ibis.Value, earlier: ibis.Value) -> ibis.Value:
    """Return whole days from `earlier` to `later`."""
    return later.delta(earlier, unit="day").cast("int64")


def band(value: ibis.Value, lower_bounds: tuple[int, ...], names: tuple[str, ...]) -> ibis.Value:
    """Name the band of a number: the first whose upper bound is above it, else the last; missing stays missing."""
    branches = [(value < bound, name) for bound, name in zip(lower_bounds, names, strict=False)]
    return ibis.cases(*branches, (value.notnull(), names[-1]))
