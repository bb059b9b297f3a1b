"""England's rapid registration (RCRD) with HES admissions: quicker, with less stage and no receptors.

Registrations are provisional; there is one row per tumour, and the person's sex,
ethnic group and vital status stand in it.
"""

from __future__ import annotations

from naome.extract import shared_items
from naome.extract.clean import TUMOUR_SITE
from naome.extract.dates import DATE
from naome.extract.provider_codes import PROVIDER_CODE
from naome.extract.reader import Belongs, Count, RawTable, Reader
from naome.extract.readers import ncrd
from naome.extract.settle import Selection, of_person
from naome.extract.table_checks import Check, count_in_groups

RAW = {
    "organisations": ncrd.RAW["organisations"],
    "rcrd_tumour": RawTable(
        {
            "TUMOURID": None,
            "PATIENTID": None,
            "DIAGNOSISDATE": DATE,
            "SITE_ICD10": TUMOUR_SITE,
            "GENDER": shared_items.GENDER,
            "AGE": shared_items.AGE,
            "ETHNICITY": shared_items.ETHNIC_GROUP,
            "STAGE": shared_items.STAGE,
            "QUINTILE_2019": shared_items.QUINTILE_1_MOST_DEPRIVED,
            "DIAG_TRUST": PROVIDER_CODE,
            "PERFORMANCESTATUS": shared_items.PERFORMANCE_STATUS,
            "CNS": shared_items.CNS_INDICATOR,
            "VITALSTATUS": shared_items.VITAL_STATUS,
            "VITALSTATUSDATE": DATE,
        },
        belongs=Belongs(("PATIENTID",)),
        signs={"STAGE": "stage"},
    ),
    "hes_apc": ncrd.RAW["hes_apc"],
}
SELECTIONS = {
    "people": Selection(
        "rcrd_tumour",
        f"""
        SELECT min(row_) AS row_, PATIENTID AS person_id, {of_person("GENDER", "DIAGNOSISDATE")} AS sex,
               {of_person("ETHNICITY", "DIAGNOSISDATE")} AS ethnic_group,
               first(VITALSTATUS ORDER BY VITALSTATUS IS NULL, VITALSTATUS <> 'dead', VITALSTATUSDATE DESC, VITALSTATUS)
               AS vital_status,
               coalesce(min(CASE WHEN VITALSTATUS = 'dead' THEN VITALSTATUSDATE END), max(VITALSTATUSDATE))
               AS vital_date
        FROM clean_rcrd_tumour GROUP BY PATIENTID""",
    ),
    # Rapid registrations have no state or deduplication flag: every one counts.
    "tumours": Selection(
        "rcrd_tumour",
        """
        SELECT row_, TUMOURID AS tumour_id, PATIENTID AS person_id, DIAGNOSISDATE AS diagnosis_date,
               SITE_ICD10 AS site, AGE AS age, STAGE AS stage, PERFORMANCESTATUS AS performance_status,
               true AS eligible_registration, DIAG_TRUST AS provider,
               QUINTILE_2019 AS deprivation, CNS AS cns
        FROM clean_rcrd_tumour""",
    ),
    "admissions": ncrd.ADMISSIONS,
    "diagnoses": ncrd.DIAGNOSES,
    "procedures": ncrd.PROCEDURES,
    # Causes of death come later than the rapid registration: only the date is known.
    "deaths": Selection(
        "rcrd_tumour",
        """
        SELECT min(row_) AS row_, PATIENTID AS person_id, min(VITALSTATUSDATE) AS death_date
        FROM clean_rcrd_tumour WHERE VITALSTATUS = 'dead' GROUP BY PATIENTID""",
    ),
    "organisations": ncrd.ORGANISATION_ROWS,
}
ROWS = (
    ncrd.DEATH_WITHOUT_DATE,
    ncrd.DEATH_BEFORE_DIAGNOSIS,
    ncrd.DUPLICATE_TUMOUR,
    *ncrd.HES_RULES,
    ncrd.ORGANISATION_WITHOUT_KIND,
)
#: SQL of the people whose rows differ in what they say of them, with the first of these rows
DIFFERING = (
    "SELECT count(*) AS n, min(row_) AS first FROM clean_rcrd_tumour GROUP BY PATIENTID "
    "HAVING count(DISTINCT VITALSTATUS) > 1 OR count(DISTINCT VITALSTATUSDATE) > 1"
)
#: Share of the rows that may be of such people
MOST_DIFFERING = 0.01
COUNTED = (
    Count(
        "vital_status_differs",
        "Where the rows of a person differ in vital status, a death counts, and else the last date.",
        "rcrd_tumour",
        "VITALSTATUS",
        f"SELECT coalesce(sum(n), 0) FROM ({DIFFERING})",
    ),
    ncrd.class_missing("hes_apc", "CLASSPAT"),
    *(ncrd.person_differs("rcrd_tumour", "PATIENTID", column) for column in ("GENDER", "ETHNICITY")),
)
#: A person has several tumours in rows of their own; what the rows say of the person must agree.
CONTRADICTION = Check(
    "rcrd_tumour",
    "columns VITALSTATUS and VITALSTATUSDATE",
    count_in_groups(DIFFERING, "rcrd_tumour", MOST_DIFFERING),
    "{n} are of people whose rows contradict each other; allowed: one vital status for a person, but for "
    f"{MOST_DIFFERING:.0%}. Hint: were two snapshots joined?",
)
READER = Reader(
    "rcrd", "england", RAW, SELECTIONS, ROWS, COUNTED, checks=(CONTRADICTION, *ncrd.HES_CHECKS), ages=(ncrd.HES_AGE,),
    hospital_deaths=ncrd.HES_DEATHS,
)  # fmt: skip
