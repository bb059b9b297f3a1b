"""Everyone with primary breast cancer, cross-classified: the denominator of the check against deaths."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from naome.cohort.codes import is_breast_cancer
from naome.cohort.columns import COLUMN_VALUES
from naome.cohort.features import add_records, band, days_between
from naome.cohort.tables import CanonicalTables
from naome.core.definitions import CohortRules
from naome.core.params import Params

#: From the first metastatic record to death: days on which all but the first of the intervals begin, and their names
DAYS_TO_DEATH, INTERVALS_TO_DEATH = (31, 183, 366), ("0-30 days", "31-182 days", "183-365 days", "over a year")
CUBE = (
    "diagnosis_year",
    "age_under_70",
    "age_group",
    "subtype",
    "deprivation",
    "provider",
    "stage",
    "outcome",
    "metastatic_record",
    "record_to_death",
)


def count_primary(eligible: Table, codes: Table, tables: CanonicalTables, params: Params, rules: CohortRules) -> Table:
    """Count people with primary breast cancer by outcome and by record of metastatic disease.

    ``outcome`` is alive, breast_cancer, other_cause or unknown_cause at the end of follow-up;
    ``metastatic_record`` is whether there is evidence of metastatic disease, as the
    rules count it, on or after diagnosis and, for those who died, on or before death.
    ``record_to_death`` bands the days from the first such record to death.

    Returns
    -------
    Table
        One row per combination of the columns in ``CUBE`` with ``people``.
    """
    stages = ["0", "1", "2", "3"]
    keep = eligible.stage.isin(stages).fill_null(bool(rules["unknown_stage_in_figure_1"]))
    e = add_records(eligible.filter(keep), tables)
    cutoff = ibis.date(str(params.censor_date))
    deaths = tables.deaths.select("person_id", "underlying_cause", "causes")
    e = e.left_join(deaths, "person_id").drop("person_id_right")
    died = (e.death_date <= cutoff).fill_null(False)
    breast = is_breast_cancer(e, rules)
    known = e.underlying_cause.notnull()
    outcomes = ((died & breast, "breast_cancer"), (died & known, "other_cause"), (died, "unknown_cause"))
    e = e.mutate(outcome=ibis.cases(*outcomes, else_="alive"))
    dated = codes.inner_join(e.select("person_id", "diagnosis_date", "death_date"), "person_id")
    last = ibis.coalesce(ibis.least(dated.death_date, cutoff), cutoff)
    dated = dated.filter(dated.code_date >= dated.diagnosis_date, dated.code_date <= last)
    first = dated.group_by("person_id").aggregate(record_date=dated.code_date.min())
    e = e.left_join(first, "person_id").drop("person_id_right")
    interval = days_between(e.death_date, e.record_date)
    e = e.mutate(
        metastatic_record=e.record_date.notnull(),
        record_to_death=ibis.cases(
            (
                (e.outcome != "alive") & e.record_date.notnull(),
                band(interval, DAYS_TO_DEATH, INTERVALS_TO_DEATH),
            ),
        ),
        diagnosis_year=e.diagnosis_date.year(),
        age_under_70=e.age < 70,
        age_group=band(e.age, (50, 70, 80), COLUMN_VALUES["age_group"]),
        subtype=ibis.cases(
            ((e.her2 == "positive") & e.er.notnull(), "HER2+"),
            ((e.her2 == "negative") & (e.er == "positive"), "HER2-ER+"),
            ((e.her2 == "negative") & (e.er == "negative"), "HER2-ER-"),
            else_="not recorded",
        ),
        stage=e.stage.fill_null("unknown"),
    )
    return e.group_by(*CUBE).aggregate(people=e.count()).order_by(*CUBE)
