"""Eligibility (rules EL1 to EL7) and evidence of metastasis in admissions."""

from __future__ import annotations

import ibis
from ibis.expr.types import BooleanValue, Table

from naome.cohort.codes import code_between, code_in
from naome.cohort.evidence import evidence_codes
from naome.cohort.feature_definitions import read_features
from naome.cohort.materialise import hold
from naome.cohort.tables import CanonicalTables
from naome.core.definitions import CohortRules
from naome.core.params import Params

ELIGIBILITY = ("EL1", "EL2", "EL3", "EL4", "EL5", "EL6", "EL7")
#: What deciding about membership takes of a tumour and its person
MEMBERSHIP = ("tumour_id", "person_id", "diagnosis_date", "stage", "vital_status", "vital_date", "death_date")


def flag_tumours(tables: CanonicalTables, params: Params, rules: CohortRules) -> Table:
    """Return all tumours with one boolean per eligibility rule, EL1 to EL7, and what membership takes.

    EL7 is true for the first of a person's tumours that meet all other rules.

    Returns
    -------
    Table
        ``tumour_id, person_id, diagnosis_date, stage, vital_status, vital_date, death_date`` and the rules. The date
        of death is that of the death registration, else that of the registry's vital status.
    """
    breast = rules.definitions.codelist("icd10_breast")
    people = tables.people.select("person_id", "vital_status", "vital_date")
    registered = tables.deaths.select("person_id", "death_date")
    t = tables.tumours.left_join(people, "person_id").drop("person_id_right")
    t = t.left_join(registered, "person_id").drop("person_id_right")
    t = t.mutate(death_date=ibis.coalesce(t.death_date, ibis.cases((t.vital_status == "dead", t.vital_date))))
    # somebody who has died, no record says when, was followed for a time that is not known
    undated = ((t.vital_status == "dead") & t.death_date.isnull()).fill_null(False)
    dated = t.diagnosis_date.between(_day(params.diagnosed_from), _day(params.diagnosed_to))
    t = t.mutate(
        EL1=code_in(t.site, breast.prefixes()),
        EL2=dated,
        EL3=t.age >= 18,
        EL4=(t.basis != "death_certificate").fill_null(True),
        EL5=t.eligible_registration,
        EL6=(t.vital_status != "untraced").fill_null(False)
        & ~undated
        & (t.death_date >= t.diagnosis_date).fill_null(True),
        in_situ=code_in(t.site, breast.prefixes("breast_in_situ")),
    )
    t = t.mutate(eligible=ibis.and_(*(t[rule].fill_null(False) for rule in ELIGIBILITY[:-1])))
    # Last by the values of the registration, so that other pseudonyms choose the same tumour
    values = [t[column] for column in tables.tumours.columns if column not in ("tumour_id", "person_id")]
    order = [t.eligible.desc(), t.diagnosis_date, t.in_situ, t.stage.fill_null("").desc(), *values, t.tumour_id]
    first = ibis.row_number().over(ibis.window(group_by=t.person_id, order_by=order)) == 0
    return t.select(*MEMBERSHIP, *ELIGIBILITY[:-1], EL7=t.eligible & first)


def eligible_people(flagged: Table) -> Table:
    """Return the eligible tumours, one per person, with the columns in ``MEMBERSHIP``."""
    return flagged.filter(flagged.EL7).select(*MEMBERSHIP)


def metastatic_codes(tables: CanonicalTables, rules: CohortRules) -> Table:
    """Return the evidence of metastasis with its date, under the chosen options.

    Evidence is a metastatic code in an admission and, where the option says so, a
    distant recurrence reported in cancer outcomes data (its ``code`` names no site).

    Returns
    -------
    Table
        ``person_id, code, code_date``.
    """
    prefixes = evidence_codes(rules)
    (unspecified,) = rules.definitions.find_codes(read_features(rules.definitions).evidence.reported)
    r = tables.recurrences.filter(tables.recurrences.kind == "distant", tables.recurrences.recurrence_date.notnull())
    reported = r.select(r.person_id, code=ibis.literal(unspecified.code), code_date=r.recurrence_date)
    d = tables.diagnoses
    d = d.filter(code_between(d.code, prefixes))
    d = d.filter(code_in(d.code, prefixes), d.patient_class.isin(list(rules["admission_classes"])), _position(d, rules))
    date = d.admission_date if rules["code_date"] == "admission" else d.episode_date
    admitted = d.select(d.person_id, d.code, code_date=date)
    sources = {"admissions": admitted, "reported": reported}
    chosen = [sources[name] for name in rules["evidence"]]
    return chosen[0] if len(chosen) == 1 else ibis.union(*chosen)


def code_dates(eligible: Table, codes: Table, rules: CohortRules) -> Table:
    """Return eligible people with the first metastatic code and the first one after the gap.

    Adds ``first_code_date`` (on or after diagnosis less the look-back, and not after death),
    ``late_code_date`` and ``anniversary`` (diagnosis plus the gap in calendar months, 12 by default).
    """
    e = eligible.mutate(anniversary=(eligible.diagnosis_date + ibis.interval(months=rules["gap_months"])).cast("date"))
    window = e.select("person_id", "diagnosis_date", "anniversary", "death_date")
    joined = codes.inner_join(window, "person_id")
    earliest = joined.diagnosis_date - ibis.interval(days=rules["lookback_days"])
    alive = (joined.code_date <= joined.death_date).fill_null(True)
    joined = joined.filter(joined.code_date >= earliest.cast("date"), alive)
    firsts = joined.group_by("person_id").aggregate(
        first_code_date=joined.code_date.min(),
        late_code_date=joined.code_date.min(where=joined.code_date >= joined.anniversary),
    )
    # The few who have a code are held, not everybody with everything
    return e.left_join(hold(firsts), "person_id").drop("person_id_right")


def _position(diagnoses: Table, rules: CohortRules) -> BooleanValue:
    if rules["diagnosis_position"] == "primary":
        return diagnoses.position == 1
    if rules["diagnosis_position"] == "secondary":
        return diagnoses.position > 1
    return diagnoses.position >= 1


def _day(date: object) -> ibis.Value:
    return ibis.date(str(date))
