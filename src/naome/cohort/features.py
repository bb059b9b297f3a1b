"""What happened to the people of a cohort: sites, comorbidity, treatments, death."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from naome.cohort.columns import COLUMN_NAMES, VALUES
from naome.cohort.eligible import add_records
from naome.cohort.tables import CanonicalTables, code_groups, code_in
from naome.definitions import CohortRules, load_codelist
from naome.params import Params

SITE_WINDOW = (-30, 365)
EARLY_SITE_WINDOW = (-30, 30)
LOOKBACK_DAYS = 365
BIOPSY_FROM_DAYS = -30
CHEMOTHERAPY_FROM_DAYS = -31
FIRST_LINE_DAYS = 365
# Groups of the Charlson list that everybody in a cancer audit has
CANCER = ("mal", "mst")
SITES = ("bone", "liver", "lung", "brain")
DRUG_CLASSES = {
    "cdk46": "cdk46",
    "anti_her2": "anti_her2",
    "endocrine": "endocrine",
    "immune_checkpoint_inhibitor": "checkpoint",
    "bone_modifying_agent": "bone_agent",
}
#: One product with two agents
DUAL = "PERTUZUMAB + TRASTUZUMAB"
BONE_Z = tuple(f"Z{n}" for n in range(63, 81))
BRAIN_Z = tuple(f"Z{n:02d}" for n in range(1, 6))
RECORDED = {name: name for name in ("stage", "grade", "er", "pr", "her2", "performance_status", "cns")} | {
    "mdt": "mdt_date"
}
KEY = ("person_id", "cohort")


def describe_people(members: Table, tables: CanonicalTables, codes: Table, params: Params, rules: CohortRules) -> Table:
    """Return the analysis table: one row per person per cohort, columns as documented, no identifiers.

    Parameters
    ----------
    members : Table
        De-novo and recurrent members with ``metastatic_date`` and ``origin_date``.
    codes : Table
        Metastatic codes (:func:`naome.cohort.eligible.metastatic_codes`).
    """
    clock = members.select(*KEY, "diagnosis_date", "metastatic_date", "origin_date")
    chemotherapy = _chemotherapy_events(tables)
    cycles_only = rules["last_chemotherapy"] == "cycle_start"
    table = add_records(members, tables)
    features = (
        _metastatic_sites(clock, codes),
        _early_sites(clock, codes),
        _comorbidity(clock, tables, "icd10_charlson", "charlson_count", leave_out=CANCER),
        _comorbidity(clock, tables, "icd10_scarf", "frailty_count"),
        _biopsy(clock, tables),
        _drugs(clock, tables),
        _chemotherapy(clock, chemotherapy, params, cycles_only=cycles_only),
        _radiotherapy(clock, tables),
        _distant_recurrence(tables),
        _death(tables, rules),
        tables.organisations.select("provider", "alliance", "region"),
    )
    # One chain of joins with one selection at its end: a selection after each would have to be compiled into the next
    columns = list(table.columns)
    for number, feature in enumerate(features):
        keys = [key for key in (*KEY, "provider") if key in feature.columns]
        table = table.left_join(feature, keys, rname=f"{{name}}_{number}")
        columns += [column for column in feature.columns if column not in keys]
    table = table.select(columns).order_by("cohort", "person_id")
    derived = _derive(table, params, admissions_known=tables.admissions_known)
    return table.select(**{name: derived[name] if name in derived else table[name] for name in COLUMN_NAMES})


def _metastatic_sites(clock: Table, codes: Table) -> Table:
    metastatic = load_codelist("icd10_metastatic")
    j = codes.inner_join(clock, "person_id")
    j = j.mutate(days=days_between(j.code_date, j.metastatic_date))
    j = j.filter(j.days.between(*SITE_WINDOW))
    flags = {site: code_in(j.code, metastatic.prefixes(site)).any() for site in SITES}
    vague = metastatic.prefixes("unspecified")
    return j.group_by(*KEY).aggregate(**flags, site_recorded=(~code_in(j.code, vague)).any())


def _early_sites(clock: Table, codes: Table) -> Table:
    """Flag the sites known at the start: a site coded a year later is known only of those who lived to be coded."""
    metastatic = load_codelist("icd10_metastatic")
    j = codes.inner_join(clock, "person_id")
    j = j.filter(days_between(j.code_date, j.origin_date).between(*EARLY_SITE_WINDOW))
    return j.group_by(*KEY).aggregate(
        **{f"{site}_early": code_in(j.code, metastatic.prefixes(site)).any() for site in SITES}
    )


def _comorbidity(
    clock: Table, tables: CanonicalTables, codelist: str, name: str, leave_out: tuple[str, ...] = ()
) -> Table:
    """Count the different comorbidity groups coded in the 12 months up to and including the day before origin."""
    d = tables.diagnoses.inner_join(clock, "person_id")
    d = d.filter(days_between(d.admission_date, d.origin_date).between(-LOOKBACK_DAYS, -1))
    coded = code_groups(d.select(*KEY, "code"), load_codelist(codelist), leave_out)
    return coded.group_by(*KEY).aggregate(**{name: coded.group.nunique()})


def _biopsy(clock: Table, tables: CanonicalTables) -> Table:
    biopsies = tuple(code for code in load_codelist("opcs4_biopsy").prefixes() if code != "B32")
    p = tables.procedures.filter(code_in(tables.procedures.code, biopsies)).inner_join(clock, "person_id")
    p = p.mutate(days=days_between(p.procedure_date, p.metastatic_date))
    return p.filter(p.days >= BIOPSY_FROM_DAYS).group_by(*KEY).aggregate(biopsy_days=p.days.min())


def _drugs(clock: Table, tables: CanonicalTables) -> Table:
    sact = load_codelist("sact_drugs")
    d = tables.drugs.inner_join(clock, "person_id")
    d = d.mutate(days=days_between(d.given_date, d.origin_date))
    d = d.filter(d.days >= 0)
    firsts = {
        f"{name}_days": d.days.min(where=d.drug.isin(list(sact.prefixes(group))))
        for group, name in DRUG_CLASSES.items()
    }
    # Drug by drug: to count the different ones, DuckDB would take all drugs of all people apart first
    given = {drug: ((d.drug == drug) & (d.days <= FIRST_LINE_DAYS)).any() for drug in sact.prefixes("anti_her2")}
    agents = sum(any_given.cast("int64") * (2 if drug == DUAL else 1) for drug, any_given in given.items())
    return d.group_by(*KEY).aggregate(**firsts, anti_her2_agents=agents)


def _chemotherapy_events(tables: CanonicalTables) -> Table:
    """Return ``person_id, event_date, provider, cycle_start`` of every chemotherapy, from SACT and from admissions.

    A SACT administration counts on its own date and on the start of its cycle,
    so that the latest activity is found whichever is later; only the latter is the
    start of a cycle.
    """
    cytotoxic = list(load_codelist("sact_drugs").prefixes("cytotoxic"))
    sact = tables.drugs.filter(tables.drugs.drug.isin(cytotoxic))
    given = sact.select("person_id", "provider", event_date=sact.given_date)
    cycle = sact.filter(sact.cycle_date.notnull()).select("person_id", "provider", event_date=sact.cycle_date)
    p = tables.procedures.filter(code_in(tables.procedures.code, load_codelist("opcs4_chemotherapy").prefixes()))
    operations = p.select("person_id", "provider", event_date=p.procedure_date)
    sessions = load_codelist("icd10_treatment").prefixes("chemotherapy")
    d = tables.diagnoses.filter(code_in(tables.diagnoses.code, sessions))
    attendances = d.select("person_id", "provider", event_date=d.admission_date)
    others = ibis.union(given, operations, attendances).mutate(cycle_start=False)
    return ibis.union(cycle.mutate(cycle_start=True), others)


def _chemotherapy(clock: Table, events: Table, params: Params, *, cycles_only: bool) -> Table:
    """Date the first and the last chemotherapy; of several organisations on the last day the first in code order.

    The first may be any event; the last is the latest one, or the latest start of a cycle.
    """
    e = events.inner_join(clock, "person_id")
    e = e.mutate(days=days_between(e.event_date, e.origin_date))
    e = e.filter(e.days >= CHEMOTHERAPY_FROM_DAYS, e.event_date <= ibis.date(str(params.censor_date)))
    counted = e.mutate(may_be_last=e.cycle_start if cycles_only else ibis.literal(True))
    people = ibis.window(group_by=[counted[key] for key in KEY])
    e = counted.mutate(last_date=counted.event_date.max(where=counted.may_be_last).over(people))
    return e.group_by(*KEY).aggregate(
        event_days=e.days.min(),
        last_chemotherapy_date=e.last_date.max(),
        treating_provider=e.provider.min(where=e.may_be_last & (e.event_date == e.last_date)),
    )


def _radiotherapy(clock: Table, tables: CanonicalTables) -> Table:
    r = tables.radiotherapy.inner_join(clock, "person_id")
    r = r.mutate(days=days_between(r.treatment_date, r.origin_date))
    r = r.filter(r.days >= 0)
    return r.group_by(*KEY).aggregate(
        treatment_days=r.days.min(),
        bone_radiotherapy_days=r.days.min(where=code_in(r.site, BONE_Z)),
        brain_radiotherapy_days=r.days.min(where=code_in(r.site, BRAIN_Z)),
    )


def _distant_recurrence(tables: CanonicalTables) -> Table:
    r = tables.recurrences.filter(tables.recurrences.kind == "distant")
    return r.select("person_id", cosd_distant=ibis.literal(True)).distinct()


def _death(tables: CanonicalTables, rules: CohortRules) -> Table:
    d = tables.deaths
    if rules["breast_cancer_death"] == "underlying":
        breast = code_in(d.underlying_cause, ("C50",))
    else:
        breast = d.causes.contains("C50")
    return d.select("person_id", breast_cause=breast.fill_null(False))


def _derive(t: Table, params: Params, *, admissions_known: bool) -> dict[str, ibis.Value]:
    """Return the columns that are not taken over as they are; said at once, so that one selection makes them all."""
    cutoff = ibis.date(str(params.censor_date))
    # Somebody lost to the registry whose death is registered is not lost
    lost_date = ibis.cases(((t.vital_status == "lost") & t.death_date.isnull(), t.vital_date))
    died = (t.death_date <= cutoff).fill_null(False)
    end_date = ibis.least(ibis.coalesce(t.death_date, cutoff), ibis.coalesce(lost_date, cutoff), cutoff)
    age = t.age + (days_between(t.origin_date, t.diagnosis_date) / 365.25).floor().cast("int32")
    # Nobody's comorbidity is known from a feed without admissions; in one with them, nothing coded counts as none
    charlson, frailty = (
        t[name].fill_null(0) if admissions_known else t[name] for name in ("charlson_count", "frailty_count")
    )
    flagged = {
        name: ibis.cases((t[f"{name}_flag"].fill_null(False) & (t.cohort == "denovo"), 0))
        for name in ("chemotherapy", "radiotherapy")
    }
    return dict(
        nation=ibis.literal(params.nation),
        age=age,
        age_at_diagnosis=t.age,
        age_band=band(age, (40, 50, 60, 70, 80), VALUES["age_band"]),
        age_group=band(age, (50, 70, 80), VALUES["age_group"]),
        subtype=ibis.cases(
            ((t.her2 == "positive") & (t.er == "positive"), "HER2+ER+"),
            ((t.her2 == "positive") & (t.er == "negative"), "HER2+ER-"),
            ((t.her2 == "negative") & (t.er == "positive"), "HER2-ER+"),
            ((t.her2 == "negative") & (t.er == "negative"), "HER2-ER-"),
        ),
        charlson_count=charlson,
        frailty_count=frailty,
        charlson=band(charlson, (1, 2, 3), VALUES["charlson"]),
        frailty=band(frailty, (2, 4, 6), VALUES["frailty"]),
        er_log=(t.er_level.cast("float64") + 1).ln(),
        pr_log=(t.pr_level.cast("float64") + 1).ln(),
        diagnosis_year=t.diagnosis_date.year(),
        metastatic_year=t.metastatic_date.year(),
        year=t.origin_date.year(),
        chemotherapy_days=ibis.coalesce(t.event_days, flagged["chemotherapy"]),
        radiotherapy_days=ibis.coalesce(t.treatment_days, flagged["radiotherapy"]),
        last_chemotherapy_to_death_days=ibis.cases((died, days_between(t.death_date, t.last_chemotherapy_date))),
        last_chemotherapy_to_cutoff_days=days_between(cutoff, t.last_chemotherapy_date),
        diagnosis_to_metastatic_days=days_between(t.metastatic_date, t.diagnosis_date),
        survival_days=days_between(end_date, t.origin_date),
        survival_from_diagnosis_days=days_between(end_date, t.diagnosis_date),
        survival_from_metastatic_days=days_between(end_date, t.metastatic_date),
        **{
            flag: t[flag].fill_null(False)
            for flag in (*SITES, *(f"{site}_early" for site in SITES), "site_recorded", "cosd_distant")
        },
        anti_her2_agents=t.anti_her2_agents.fill_null(0),
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
