"""England: annual cancer registration (NCRD), HES admissions, SACT, RTDS, COSD recurrence and ONS deaths."""

from __future__ import annotations

from naome.sources import codings
from naome.sources.clean import CAUSES, DATE, ICD10, OPCS4, TEXT, UPPER, choice
from naome.sources.reader import Count, RawTable, Reader, RowRule

TEXT_FLAG = choice({"F": "F", "P": "P"})

RAW = {
    "organisations": RawTable(
        {
            "ORG_CODE": None,
            "ORG_NAME": TEXT,
            "REGION_NAME": TEXT,
            "ALLIANCE_NAME": TEXT,
            "SUCCESSOR_CODE": UPPER,
        }
    ),
    "av_patient": RawTable(
        {
            "PATIENTID": None,
            "GENDER": codings.GENDER,
            "ETHNICITY": codings.ETHNIC_GROUP,
            "VITALSTATUS": codings.VITAL_STATUS,
            "VITALSTATUSDATE": DATE,
        }
    ),
    "av_tumour": RawTable(
        {
            "TUMOURID": None,
            "PATIENTID": None,
            "DIAGNOSISDATEBEST": DATE,
            "SITE_ICD10_O2": ICD10,
            "AGE": codings.AGE,
            "STAGE_BEST": codings.STAGE,
            "M_BEST": codings.M_CATEGORY,
            "GRADE": codings.GRADE,
            "ER_STATUS": codings.RECEPTOR,
            "PR_STATUS": codings.RECEPTOR,
            "HER2_STATUS": codings.RECEPTOR,
            "PERFORMANCESTATUS": codings.PERFORMANCE_STATUS,
            "CNS": codings.CNS_INDICATOR,
            "QUINTILE_2019": codings.QUINTILE_1_MOST_DEPRIVED,
            "BASISOFDIAGNOSIS": codings.BASIS,
            "STATUSOFREGISTRATION": TEXT_FLAG,
            "CTRY_CODE": UPPER,
            "DEDUP_FLAG": choice({"1": "1", "0": "0"}),
            "DIAG_TRUST": UPPER,
            "FIRSTMDTMEETINGDATE": DATE,
            "DATE_FIRST_SURGERY": DATE,
        }
    ),
    "hes_apc": RawTable(
        {
            "STUDY_ID": None,
            "EPIKEY": None,
            "EPISTART": DATE,
            "ADMIDATE": DATE,
            "CLASSPAT": codings.PATIENT_CLASS,
            "ADMIMETH": codings.EMERGENCY,
            "PROCODE3": UPPER,
        },
        long={
            "hes_diagnosis": (tuple(f"DIAG_{n:02d}" for n in range(1, 21)), ICD10, (), None),
            "hes_operation": (
                tuple(f"OPERTN_{n:02d}" for n in range(1, 25)),
                OPCS4,
                tuple(f"OPDATE_{n:02d}" for n in range(1, 25)),
                DATE,
            ),
        },
    ),
    "sact_regimen": RawTable(
        {
            "ENCORE_PATIENT_ID": None,
            "MERGED_REGIMEN_ID": None,
            "START_DATE_OF_REGIMEN": DATE,
            "ORGANISATION_CODE_OF_PROVIDER": UPPER,
        }
    ),
    "sact_cycle": RawTable({"MERGED_REGIMEN_ID": None, "MERGED_CYCLE_ID": None, "START_DATE_OF_CYCLE": DATE}),
    "sact_drug_detail": RawTable(
        {"MERGED_DRUG_DETAIL_ID": None, "MERGED_CYCLE_ID": None, "ADMINISTRATION_DATE": DATE, "DRUG_GROUP": UPPER}
    ),
    "rtds_prescription": RawTable(
        {
            "PATIENTID": None,
            "APPTDATE": DATE,
            "RTTREATMENTREGION": choice({code: code for code in ("P", "R", "PR", "A", "O", "M")}, refuse=False),
            "RTTREATMENTANATOMICALSITE": UPPER,
        }
    ),
    "cosd_recurrence": RawTable(
        {
            "PATIENTID": None,
            "CANCERRECURRENCECAREPLANINDICATOR": choice({"YL": "local", "YD": "distant", "NN": None}),
            "DATEOFRECURRENCE": DATE,
        },
        may_be_absent=True,
    ),
    "ons_deaths": RawTable(
        {
            "DEC_CONF_NHS_NUMBER_CLEAN_DEID": None,
            "REG_DATE": DATE,
            "REG_DATE_OF_DEATH": DATE,
            "S_UNDERLYING_COD_ICD10": CAUSES,
            **{f"S_COD_CODE_{n}": CAUSES for n in range(1, 16)},
        }
    ),
}

CANONICAL = {
    "people": """
        SELECT PATIENTID AS person_id, GENDER AS sex, ETHNICITY AS ethnic_group,
               VITALSTATUS AS vital_status, VITALSTATUSDATE AS vital_date
        FROM clean_av_patient""",
    "tumours": """
        SELECT TUMOURID AS tumour_id, PATIENTID AS person_id, DIAGNOSISDATEBEST AS diagnosis_date, SITE_ICD10_O2 AS site,
               AGE AS age, STAGE_BEST AS stage, M_BEST AS m1, GRADE AS grade, ER_STATUS AS er, PR_STATUS AS pr,
               HER2_STATUS AS her2, PERFORMANCESTATUS AS performance_status, BASISOFDIAGNOSIS AS basis,
               coalesce(STATUSOFREGISTRATION = 'F' AND CTRY_CODE = 'E' AND DEDUP_FLAG = '1', false) AS eligible_registration,
               coalesce(o.SUCCESSOR_CODE, DIAG_TRUST) AS provider, QUINTILE_2019 AS deprivation,
               FIRSTMDTMEETINGDATE AS mdt_date, CNS AS cns, DATE_FIRST_SURGERY AS surgery_date
        FROM clean_av_tumour LEFT JOIN clean_organisations o ON o.ORG_CODE = DIAG_TRUST""",
    "admissions": """
        SELECT EPIKEY AS episode_id, STUDY_ID AS person_id, coalesce(ADMIDATE, EPISTART) AS admission_date,
               coalesce(EPISTART, ADMIDATE) AS episode_date, CLASSPAT AS patient_class, ADMIMETH AS emergency,
               coalesce(o.SUCCESSOR_CODE, PROCODE3) AS provider
        FROM clean_hes_apc LEFT JOIN clean_organisations o ON o.ORG_CODE = PROCODE3
        WHERE coalesce(ADMIDATE, EPISTART) IS NOT NULL""",
    "diagnoses": """
        SELECT a.person_id, a.episode_id, d.position, d.code, a.admission_date, a.episode_date, a.patient_class
        FROM clean_hes_diagnosis d JOIN canon_admissions a ON a.episode_id = d.EPIKEY""",
    "procedures": """
        SELECT a.person_id, a.episode_id, p.position, p.code, coalesce(p.second, a.episode_date) AS procedure_date, a.provider
        FROM clean_hes_operation p JOIN canon_admissions a ON a.episode_id = p.EPIKEY""",
    "drugs": """
        SELECT r.ENCORE_PATIENT_ID AS person_id, r.MERGED_REGIMEN_ID AS regimen_id, d.DRUG_GROUP AS drug,
               coalesce(d.ADMINISTRATION_DATE, c.START_DATE_OF_CYCLE, r.START_DATE_OF_REGIMEN) AS given_date,
               c.START_DATE_OF_CYCLE AS cycle_date,
               coalesce(o.SUCCESSOR_CODE, left(r.ORGANISATION_CODE_OF_PROVIDER, 3)) AS provider
        FROM clean_sact_drug_detail d
        JOIN clean_sact_cycle c USING (MERGED_CYCLE_ID)
        JOIN clean_sact_regimen r ON r.MERGED_REGIMEN_ID = c.MERGED_REGIMEN_ID
        LEFT JOIN clean_organisations o ON o.ORG_CODE = left(r.ORGANISATION_CODE_OF_PROVIDER, 3)
        WHERE d.DRUG_GROUP IS NOT NULL
          AND coalesce(d.ADMINISTRATION_DATE, c.START_DATE_OF_CYCLE, r.START_DATE_OF_REGIMEN) IS NOT NULL""",
    "radiotherapy": """
        SELECT PATIENTID AS person_id, APPTDATE AS treatment_date, RTTREATMENTREGION AS region,
               RTTREATMENTANATOMICALSITE AS site
        FROM clean_rtds_prescription WHERE APPTDATE IS NOT NULL""",
    "recurrences": """
        SELECT PATIENTID AS person_id, DATEOFRECURRENCE AS recurrence_date, CANCERRECURRENCECAREPLANINDICATOR AS kind
        FROM clean_cosd_recurrence WHERE CANCERRECURRENCECAREPLANINDICATOR IS NOT NULL""",
    "deaths": f"""
        SELECT DEC_CONF_NHS_NUMBER_CLEAN_DEID AS person_id, REG_DATE_OF_DEATH AS death_date,
               split_part(S_UNDERLYING_COD_ICD10, ' ', 1) AS underlying_cause,
               nullif(concat_ws(' ', S_UNDERLYING_COD_ICD10, {", ".join(f"S_COD_CODE_{n}" for n in range(1, 16))}), '') AS causes
        FROM clean_ons_deaths WHERE REG_DATE_OF_DEATH IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY REG_DATE DESC NULLS LAST, REG_DATE_OF_DEATH DESC) = 1""",
    "organisations": """
        SELECT ORG_CODE AS provider, ORG_NAME AS name, ALLIANCE_NAME AS alliance, REGION_NAME AS region
        FROM clean_organisations WHERE SUCCESSOR_CODE IS NULL""",
}


def after_death(table: str, date: str) -> RowRule:
    """Return the rule that leaves out events dated after the person's death."""
    return RowRule(
        "event_after_death",
        "Events dated after the person's registered death are left out.",
        table,
        f"EXISTS (SELECT 1 FROM canon_deaths d WHERE d.person_id = t.person_id AND t.{date} > d.death_date)",
    )


DUPLICATE_TUMOUR = RowRule(
    "duplicate_registration",
    "A tumour registered more than once is kept once, the eligible registration first.",
    "tumours",
    "t.rowid NOT IN (SELECT first(rowid ORDER BY eligible_registration DESC, rowid) FROM canon_tumours GROUP BY tumour_id)",
)
DUPLICATE_EPISODE = RowRule(
    "duplicate_episode",
    "A hospital episode that stands more than once is kept once.",
    "admissions",
    "t.rowid NOT IN (SELECT min(rowid) FROM canon_admissions GROUP BY episode_id)",
)
ROWS = (
    DUPLICATE_TUMOUR,
    DUPLICATE_EPISODE,
    RowRule(
        "death_before_diagnosis",
        "The registered death is before the diagnosis",
        "tumours",
        "t.eligible_registration AND EXISTS (SELECT 1 FROM canon_deaths d JOIN canon_people p USING (person_id) "
        "WHERE d.person_id = t.person_id AND d.death_date < t.diagnosis_date AND p.vital_status <> 'untraced')",
        refuse=True,
        hint="are the dates of two people or two columns exchanged?",
    ),
    RowRule(
        "tumour_without_person",
        "A tumour belongs to nobody in the table of people",
        "tumours",
        "NOT EXISTS (SELECT 1 FROM canon_people p WHERE p.person_id = t.person_id)",
        refuse=True,
        hint="are the tables from the same extract?",
    ),
    after_death("admissions", "admission_date"),
    after_death("diagnoses", "admission_date"),
    after_death("procedures", "procedure_date"),
    after_death("drugs", "given_date"),
    after_death("radiotherapy", "treatment_date"),
)
DUPLICATE_DEATHS = Count(
    "duplicate_death",
    "Of several registrations of a death the latest is kept.",
    "ons_deaths",
    "SELECT count(*) - count(DISTINCT DEC_CONF_NHS_NUMBER_CLEAN_DEID) FROM clean_ons_deaths WHERE REG_DATE_OF_DEATH IS NOT NULL",
)
COUNTS = (
    DUPLICATE_DEATHS,
    Count(
        "merged_provider",
        "An organisation that has merged is read as its successor.",
        "av_tumour",
        "SELECT count(*) FROM clean_av_tumour JOIN clean_organisations o ON o.ORG_CODE = DIAG_TRUST WHERE o.SUCCESSOR_CODE IS NOT NULL",
    ),
    Count(
        "episode_without_date",
        "An episode with neither an admission nor an episode date is left out.",
        "hes_apc",
        "SELECT count(*) FROM clean_hes_apc WHERE coalesce(ADMIDATE, EPISTART) IS NULL",
    ),
)

READER = Reader("ncrd", RAW, CANONICAL, ROWS, COUNTS)
