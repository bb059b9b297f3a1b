"""Simulacrum: the public synthetic copy of England's cancer registration, versions 1 and 2.

It has no hospital admissions, so people with metastatic disease at diagnosis
(stage 4) are all it can show, and no organisations: the registry area of
residence (CREG_CODE) and the radiotherapy provider (LINKCODE) are obfuscated
codes, so ``provider`` stays empty. Regimens and drugs of one person do not agree
with one another (a regimen of one drug holds administrations of another), so
results by drug show that the files are read, not what patients received.

The tables hold all cancers; tumours of other sites than the breast are not read.
"""

from __future__ import annotations

from dataclasses import replace

from naome.extract import shared_items
from naome.extract.clean import CAUSES, MORPHOLOGY, TUMOUR_SITE, Coded
from naome.extract.dates import DATE
from naome.extract.reader import Belongs, Count, RawTable, Reader
from naome.extract.readers.ncrd import (
    DEATH_WITHOUT_DATE,
    DRUG_RULES,
    DUPLICATE_TUMOUR,
    RADIOTHERAPY,
    RTDS_PRESCRIPTION,
    SACT_CYCLE,
    SACT_DRUG,
    after_death,
    without_date,
)
from naome.extract.settle import RowRule, Selection

#: Rare grades outside the published list (G5, G6) occur; grade is a secondary item.
GRADE_AS_GIVEN = Coded("grade_simulacrum", "INTEGER", refuse=False)
#: What is no code of a site is kept, so that it is refused and not taken for a tumour of another
BREAST_ONLY = f"upper(trim(CAST(SITE_ICD10_O2 AS VARCHAR))) SIMILAR TO '(@codes(icd10_breast)).*|{MORPHOLOGY.pattern}'"
CAUSE_COLUMNS = ("UNDERLYING", "1A", "1B", "1C", "2")


def _patients(sex: str, vital_status: str) -> RawTable:
    return RawTable(
        {
            "PATIENTID": None,
            sex: shared_items.GENDER,
            "ETHNICITY": shared_items.ETHNIC_GROUP,
            **{f"DEATHCAUSECODE_{place}": CAUSES for place in CAUSE_COLUMNS},
            vital_status: shared_items.VITAL_STATUS,
            "VITALSTATUSDATE": DATE,
        },
        unique=("PATIENTID",),
        belongs=Belongs(("PATIENTID",)),
    )


def _tumours(sex: str, quintile: str, deprivation) -> RawTable:
    return RawTable(
        {
            "TUMOURID": None,
            "PATIENTID": None,
            sex: shared_items.GENDER,
            "DIAGNOSISDATEBEST": DATE,
            "SITE_ICD10_O2": TUMOUR_SITE,
            "AGE": shared_items.AGE,
            "STAGE_BEST": shared_items.STAGE,
            "M_BEST": shared_items.M_CATEGORY,
            "GRADE": GRADE_AS_GIVEN,
            "ER_STATUS": shared_items.RECEPTOR,
            "PR_STATUS": shared_items.RECEPTOR,
            "HER2_STATUS": shared_items.HER2,
            "PERFORMANCESTATUS": shared_items.PERFORMANCE_STATUS,
            quintile: deprivation,
            "CNS": shared_items.CNS_INDICATOR,
        },
        optional=frozenset({"CNS"}),  # version 1 only
        belongs=Belongs(("PATIENTID",)),
        signs={"STAGE_BEST": "stage"},
        only=BREAST_ONLY,
        only_rule=("other_site", "Tumours of other sites than the breast (@codes(icd10_breast)) are not read."),
    )


RAW_V2 = {
    "av_patient": _patients("GENDER", "VITALSTATUS"),
    "av_tumour": _tumours("GENDER", "QUINTILE_2019", shared_items.QUINTILE_1_MOST_DEPRIVED),
    "sact_regimen": RawTable(
        {"ENCORE_PATIENT_ID": None, "MERGED_REGIMEN_ID": None, "START_DATE_OF_REGIMEN": DATE},
        unique=("MERGED_REGIMEN_ID",),
        belongs=Belongs(("ENCORE_PATIENT_ID",)),
        events=True,
    ),
    "sact_cycle": SACT_CYCLE,
    "sact_drug_detail": SACT_DRUG,
    # The dictionary and the files name the site differently.
    "rtds_prescription": replace(RTDS_PRESCRIPTION, aliases={"TREATMENTANATOMICALSITE": "RTTREATMENTANATOMICALSITE"}),
}
RAW_V1 = {
    "av_patient": replace(
        _patients("SEX", "NEWVITALSTATUS"),
        columns={**_patients("SEX", "NEWVITALSTATUS").columns, "LINKNUMBER": None},
        unique=("PATIENTID",),
    ),
    "av_tumour": _tumours("SEX", "QUINTILE_2015", shared_items.QUINTILE_1_LEAST_DEPRIVED),
    # Link numbers were made for the SACT side too: not all need be in the registry's table. Below half, no drug counts.
    "sact_patient": RawTable(
        {"MERGED_PATIENT_ID": None, "LINK_NUMBER": None},
        unique=("MERGED_PATIENT_ID",),
        belongs=Belongs(("LINK_NUMBER",), of="av_patient", minimum=0.5, named=("LINKNUMBER",)),
    ),
    "sact_regimen": RawTable(
        {"MERGED_PATIENT_ID": None, "MERGED_REGIMEN_ID": None, "START_DATE_OF_REGIMEN": DATE},
        unique=("MERGED_REGIMEN_ID",),
        belongs=Belongs(("MERGED_PATIENT_ID",), of="sact_patient"),
    ),
    # Regimens reach people over a link that two may share, so everybody's are read.
    "sact_cycle": replace(SACT_CYCLE, events=False),
    "sact_drug_detail": replace(SACT_DRUG, events=False, signs={}),
}


def _canonical(sex: str, vital_status: str, quintile: str, regimens: str) -> dict[str, Selection]:
    causes = ", ".join(f"DEATHCAUSECODE_{place}" for place in CAUSE_COLUMNS)
    return {
        # A person whose only trace is a tumour has a sex and no vital status, so that nobody is followed who was not.
        "people": Selection(
            "av_patient",
            f"""
            SELECT row_, PATIENTID AS person_id, {sex} AS sex, ETHNICITY AS ethnic_group,
                   {vital_status} AS vital_status, VITALSTATUSDATE AS vital_date
            FROM clean_av_patient
            UNION ALL
            SELECT * FROM (SELECT -1, PATIENTID, min({sex}), NULL, NULL, NULL FROM clean_av_tumour
                           ANTI JOIN clean_av_patient USING (PATIENTID) GROUP BY PATIENTID ORDER BY PATIENTID)""",
        ),
        "tumours": Selection(
            "av_tumour",
            f"""
            SELECT row_, TUMOURID AS tumour_id, PATIENTID AS person_id, DIAGNOSISDATEBEST AS diagnosis_date,
                   SITE_ICD10_O2 AS site, AGE AS age, STAGE_BEST AS stage, M_BEST AS m1, GRADE AS grade,
                   ER_STATUS AS er, PR_STATUS AS pr, HER2_STATUS AS her2, PERFORMANCESTATUS AS performance_status,
                   true AS eligible_registration, {quintile} AS deprivation, CNS AS cns
            FROM clean_av_tumour""",
        ),
        "drugs": Selection(
            "sact_drug_detail",
            f"""
            SELECT d.row_, r.person_id, r.MERGED_REGIMEN_ID AS regimen_id, d.DRUG_GROUP AS drug,
                   coalesce(d.ADMINISTRATION_DATE, c.START_DATE_OF_CYCLE, r.START_DATE_OF_REGIMEN) AS given_date,
                   c.START_DATE_OF_CYCLE AS cycle_date
            FROM clean_sact_drug_detail d
            LEFT JOIN clean_sact_cycle c USING (MERGED_CYCLE_ID)
            LEFT JOIN ({regimens}) r ON r.MERGED_REGIMEN_ID = c.MERGED_REGIMEN_ID""",
            place="drug",
        ),
        # There is no table of registered deaths: the registry's vital status and causes stand for it.
        "deaths": Selection(
            "av_patient",
            f"""
            SELECT row_, PATIENTID AS person_id, VITALSTATUSDATE AS death_date,
                   split_part(DEATHCAUSECODE_UNDERLYING, ' ', 1) AS underlying_cause,
                   nullif(concat_ws(' ', {causes}), '') AS causes
            FROM clean_av_patient WHERE {vital_status} = 'dead'""",
        ),
    }


REGIMENS_V2 = "SELECT *, ENCORE_PATIENT_ID AS person_id FROM clean_sact_regimen"
REGIMENS_V1 = """
    SELECT g.*, p.PATIENTID AS person_id FROM clean_sact_regimen g
    LEFT JOIN clean_sact_patient s USING (MERGED_PATIENT_ID)
    LEFT JOIN (SELECT LINKNUMBER, min(PATIENTID) AS PATIENTID FROM clean_av_patient
               GROUP BY LINKNUMBER HAVING count(*) = 1) p ON p.LINKNUMBER = s.LINK_NUMBER"""
ROWS = (
    DEATH_WITHOUT_DATE,
    DUPLICATE_TUMOUR,
    *DRUG_RULES[:1],
    RowRule(
        "regimen_without_person",
        "Drugs whose regimen cannot be linked to one person are excluded.",
        "drugs",
        "t.person_id IS NULL",
    ),
    *DRUG_RULES[1:],
    without_date("radiotherapy", "treatment_date"),
    after_death("radiotherapy", "treatment_date"),
)
COUNTED = (
    Count(
        "person_without_record",
        "A person with a tumour and no row in the table of people has no vital status and is not followed.",
        "av_tumour",
        "PATIENTID",
        "SELECT count(DISTINCT PATIENTID) FROM clean_av_tumour ANTI JOIN clean_av_patient USING (PATIENTID)",
    ),
)
VERSION_2 = Reader(
    "simulacrum",
    "england",
    RAW_V2,
    {**_canonical("GENDER", "VITALSTATUS", "QUINTILE_2019", REGIMENS_V2), "radiotherapy": RADIOTHERAPY},
    ROWS,
    COUNTED,
)
VERSION_1 = Reader(
    "simulacrum",
    "england",
    RAW_V1,
    _canonical("SEX", "NEWVITALSTATUS", "QUINTILE_2015", REGIMENS_V1),
    tuple(rule for rule in ROWS if rule.table != "radiotherapy"),
    COUNTED,
)
READER = Reader(
    "simulacrum",
    "england",
    {},
    {},
    versions=(("NEWVITALSTATUS", VERSION_1), ("VITALSTATUS", VERSION_2)),
    about="The Simulacrum: artificial records modelled on England's cancer registry. No row describes a patient.",
    open_names=r"sim_.*",
    judgements={
        "drugs.drug": "Regimens and drugs of one person do not agree in Simulacrum, so a result by drug would say "
        "nothing.",
        "completeness.stage": "Only people with stage 4 can be found, so everyone in the cohort has a stage.",
    },
)
