"""England: annual cancer registration (NCRD), HES admissions, SACT, RTDS, COSD recurrence and ONS deaths."""

from __future__ import annotations

from naome.extract import areas, shared_items
from naome.extract.ages import AgeAt
from naome.extract.clean import CAUSES, ICD10, OPCS4, OPCS4_SITE, TEXT, TUMOUR_SITE, UPPER, Coded
from naome.extract.date_order import deaths_agree, deaths_dated, deaths_registered, in_order, registered_later
from naome.extract.dates import DATE
from naome.extract.drug_names import DRUG
from naome.extract.duplicates import Duplicates
from naome.extract.hospital_deaths import HospitalDeaths
from naome.extract.linkage import no_such_person
from naome.extract.provider_codes import PROVIDER_CODE, PROVIDER_SITE
from naome.extract.reader import Belongs, Count, RawTable, Reader, Repeated
from naome.extract.settle import RowRule, Selection
from naome.extract.table_checks import Check, FewWrong

#: Least share of the rows above a table that have a row in it, where every one should: a cycle has drugs
MOST_HAVE = 0.8
#: Share of cycles that may begin before their regimen, and of drugs that may be given before their cycle
MOST_TREATED_EARLY = 0.1
#: Cycles, drugs and radiotherapy; Simulacrum has the same.
SACT_CYCLE = RawTable(
    {"MERGED_REGIMEN_ID": None, "MERGED_CYCLE_ID": None, "START_DATE_OF_CYCLE": DATE},
    unique=("MERGED_CYCLE_ID",),
    belongs=Belongs(("MERGED_REGIMEN_ID",), of="sact_regimen", each_has=MOST_HAVE),
    events=True,
)
SACT_DRUG = RawTable(
    {"MERGED_CYCLE_ID": None, "ADMINISTRATION_DATE": DATE, "DRUG_GROUP": DRUG},
    belongs=Belongs(("MERGED_CYCLE_ID",), of="sact_cycle", each_has=MOST_HAVE),
    signs={"DRUG_GROUP": "drug"},
    events=True,
)
RTDS_PRESCRIPTION = RawTable(
    {"PATIENTID": None, "APPTDATE": DATE, "RTTREATMENTANATOMICALSITE": OPCS4_SITE},
    belongs=Belongs(("PATIENTID",)),
    events=True,
)

#: Columns of HES by the names of other deliveries: codes of four characters have a 4 in theirs, and numbers no zero
HES_ALIASES = {
    **{f"DIAG_4_{n:02d}": f"DIAG_{n:02d}" for n in range(1, 21)},
    **{f"OPERTN_4_{n:02d}": f"OPERTN_{n:02d}" for n in range(1, 25)},
    **{f"DIAG_{n}": f"DIAG_{n:02d}" for n in range(1, 10)},
    **{f"{name}_{n}": f"{name}_{n:02d}" for name in ("OPERTN", "OPDATE") for n in range(1, 10)},
    "PROCODE5": "PROCODE3",
    "PROCODE": "PROCODE3",
}

RAW = {
    "organisations": RawTable(
        {
            "ORG_CODE": None,
            "ORG_NAME": TEXT,
            "ORG_TYPE": shared_items.ORGANISATION_KIND,
            "REGION_CODE": areas.AREA,
            "REGION_NAME": TEXT,
            "ALLIANCE_CODE": areas.AREA,
            "ALLIANCE_NAME": TEXT,
            "SUCCESSOR_CODE": UPPER,
        },
        unique=("ORG_CODE",),
        optional=frozenset({"ORG_TYPE"}),
        either=areas.AREA_COLUMNS,
    ),
    "av_patient": RawTable(
        {
            "PATIENTID": None,
            "GENDER": shared_items.GENDER,
            "ETHNICITY": shared_items.ETHNIC_GROUP,
            "VITALSTATUS": shared_items.VITAL_STATUS,
            "VITALSTATUSDATE": DATE,
        },
        unique=("PATIENTID",),
        belongs=Belongs(("PATIENTID",)),
    ),
    "av_tumour": RawTable(
        {
            "TUMOURID": None,
            "PATIENTID": None,
            "DIAGNOSISDATEBEST": DATE,
            "SITE_ICD10_O2": TUMOUR_SITE,
            "AGE": shared_items.AGE,
            "STAGE_BEST": shared_items.STAGE,
            "M_BEST": shared_items.M_CATEGORY,
            "GRADE": shared_items.GRADE,
            "ER_STATUS": shared_items.RECEPTOR,
            "PR_STATUS": shared_items.RECEPTOR,
            "HER2_STATUS": shared_items.HER2,
            "PERFORMANCESTATUS": shared_items.PERFORMANCE_STATUS,
            "CNS": shared_items.CNS_INDICATOR,
            "QUINTILE_2019": shared_items.QUINTILE_1_MOST_DEPRIVED,
            "BASISOFDIAGNOSIS": shared_items.BASIS,
            "STATUSOFREGISTRATION": shared_items.REGISTRATION_STATUS,
            "CTRY_CODE": shared_items.COUNTRY,
            "DEDUP_FLAG": Coded("deduplication", "BOOLEAN"),
            "DIAG_TRUST": PROVIDER_CODE,
            "FIRSTMDTMEETINGDATE": DATE,
        },
        belongs=Belongs(("PATIENTID",), minimum=1),
        signs={"STAGE_BEST": "stage"},
    ),
    "hes_apc": RawTable(
        {
            "STUDY_ID": None,
            "EPIKEY": None,
            "EPISTART": DATE,
            "ADMIDATE": DATE,
            "CLASSPAT": shared_items.PATIENT_CLASS,
            "PROCODE3": PROVIDER_CODE,
            "STARTAGE": TEXT,
            "DISMETH": TEXT,
        },
        optional=frozenset({"STARTAGE", "DISMETH"}),  # only held against ages and deaths of registrations
        long={
            "hes_diagnosis": Repeated(tuple(f"DIAG_{n:02d}" for n in range(1, 21)), ICD10),
            "hes_operation": Repeated(
                tuple(f"OPERTN_{n:02d}" for n in range(1, 25)),
                OPCS4,
                tuple(f"OPDATE_{n:02d}" for n in range(1, 25)),
                DATE,
            ),
        },
        aliases=HES_ALIASES,
        belongs=Belongs(("STUDY_ID",), usual=MOST_HAVE),
        signs={"hes_diagnosis": "code"},
        events=True,
    ),
    "sact_regimen": RawTable(
        {
            "ENCORE_PATIENT_ID": None,
            "MERGED_REGIMEN_ID": None,
            "START_DATE_OF_REGIMEN": DATE,
            "ORGANISATION_CODE_OF_PROVIDER": PROVIDER_SITE,
        },
        unique=("MERGED_REGIMEN_ID",),
        belongs=Belongs(("ENCORE_PATIENT_ID",)),
        events=True,
    ),
    "sact_cycle": SACT_CYCLE,
    "sact_drug_detail": SACT_DRUG,
    "rtds_prescription": RTDS_PRESCRIPTION,
    "cosd_recurrence": RawTable(
        {
            "PATIENTID": None,
            "CANCERRECURRENCECAREPLANINDICATOR": Coded("recurrence_indicator"),
            "DATEOFRECURRENCE": DATE,
        },
        may_be_absent=True,
        belongs=Belongs(("PATIENTID",)),
        signs={"CANCERRECURRENCECAREPLANINDICATOR": "recurrence"},
    ),
    "ons_deaths": RawTable(
        {
            "DEC_CONF_NHS_NUMBER_CLEAN_DEID": None,
            "REG_DATE": DATE,
            "REG_DATE_OF_DEATH": DATE,
            "S_UNDERLYING_COD_ICD10": CAUSES,
            **{f"S_COD_CODE_{n}": CAUSES for n in range(1, 16)},
            "DEC_AGEC": TEXT,
        },
        optional=frozenset({"DEC_AGEC"}),  # only held against the age at diagnosis
        belongs=Belongs(("DEC_CONF_NHS_NUMBER_CLEAN_DEID",)),
    ),
}

PATIENTS = Selection(
    "av_patient",
    """
    SELECT row_, PATIENTID AS person_id, GENDER AS sex, ETHNICITY AS ethnic_group,
           VITALSTATUS AS vital_status, VITALSTATUSDATE AS vital_date
    FROM clean_av_patient""",
)
TUMOURS = Selection(
    "av_tumour",
    """
    SELECT row_, TUMOURID AS tumour_id, PATIENTID AS person_id, DIAGNOSISDATEBEST AS diagnosis_date,
           SITE_ICD10_O2 AS site, AGE AS age, STAGE_BEST AS stage, M_BEST AS m1, GRADE AS grade,
           ER_STATUS AS er, PR_STATUS AS pr, HER2_STATUS AS her2, PERFORMANCESTATUS AS performance_status,
           BASISOFDIAGNOSIS AS basis,
           coalesce(STATUSOFREGISTRATION = 'final' AND CTRY_CODE = 'E' AND DEDUP_FLAG, false)
             AS eligible_registration,
           DIAG_TRUST AS provider, QUINTILE_2019 AS deprivation,
           FIRSTMDTMEETINGDATE AS mdt_date, CNS AS cns
    FROM clean_av_tumour""",
)
#: HES admissions; rapid registration brings the same file.
ADMISSIONS = Selection(
    "hes_apc",
    """
    SELECT row_, row_ AS episode, EPIKEY AS episode_id, STUDY_ID AS person_id,
           coalesce(ADMIDATE, EPISTART) AS admission_date,
           coalesce(EPISTART, ADMIDATE) AS episode_date, coalesce(CLASSPAT, 'other') AS patient_class,
           PROCODE3 AS provider
    FROM clean_hes_apc""",
)
DIAGNOSES = Selection(
    "hes_apc",
    """
    SELECT row_, row_ AS episode, position, code
    FROM clean_hes_diagnosis WHERE row_ NOT IN (SELECT row_ FROM left_out_admissions)""",
    place="position",
)
PROCEDURES = Selection(
    "hes_apc",
    """
    SELECT row_, row_ AS episode, STUDY_ID AS person_id, position, code,
           coalesce(second, EPISTART, ADMIDATE) AS procedure_date
    FROM clean_hes_operation WHERE row_ NOT IN (SELECT row_ FROM left_out_admissions)""",
    place="position",
)
#: A drug row whose cycle or regimen is not there keeps its place (regimen_id is NULL) so that it can be refused.
DRUGS = Selection(
    "sact_drug_detail",
    """
    SELECT d.row_, r.ENCORE_PATIENT_ID AS person_id, r.MERGED_REGIMEN_ID AS regimen_id, d.DRUG_GROUP AS drug,
           coalesce(d.ADMINISTRATION_DATE, c.START_DATE_OF_CYCLE, r.START_DATE_OF_REGIMEN) AS given_date,
           c.START_DATE_OF_CYCLE AS cycle_date,
           r.ORGANISATION_CODE_OF_PROVIDER AS provider
    FROM clean_sact_drug_detail d
    LEFT JOIN clean_sact_cycle c USING (MERGED_CYCLE_ID)
    LEFT JOIN clean_sact_regimen r ON r.MERGED_REGIMEN_ID = c.MERGED_REGIMEN_ID""",
    place="drug",  # several drugs in one field
)
RADIOTHERAPY = Selection(
    "rtds_prescription",
    """
    SELECT row_, PATIENTID AS person_id, APPTDATE AS treatment_date, RTTREATMENTANATOMICALSITE AS site
    FROM clean_rtds_prescription""",
)


#: Codes and names are one to one by now (naome.extract.areas); what has only one of them is known by that.
ORGANISATION_ROWS = Selection(
    "organisations",
    """
    SELECT row_, ORG_CODE AS provider, ORG_NAME AS name,
           coalesce(ALLIANCE_CODE, ALLIANCE_NAME) AS alliance, coalesce(ALLIANCE_NAME, ALLIANCE_CODE) AS alliance_name,
           coalesce(REGION_CODE, REGION_NAME) AS region, coalesce(REGION_NAME, REGION_CODE) AS region_name,
           ORG_TYPE AS kind
    FROM clean_organisations WHERE SUCCESSOR_CODE IS NULL""",
)
SELECTIONS = {
    "people": PATIENTS,
    "tumours": TUMOURS,
    "admissions": ADMISSIONS,
    "diagnoses": DIAGNOSES,
    "procedures": PROCEDURES,
    "drugs": DRUGS,
    "radiotherapy": RADIOTHERAPY,
    # NN says that there was no recurrence.
    "recurrences": Selection(
        "cosd_recurrence",
        """
        SELECT row_, PATIENTID AS person_id, DATEOFRECURRENCE AS recurrence_date,
               CANCERRECURRENCECAREPLANINDICATOR AS kind, row_number() OVER (
                 PARTITION BY PATIENTID, DATEOFRECURRENCE, CANCERRECURRENCECAREPLANINDICATOR ORDER BY row_) AS copy
        FROM clean_cosd_recurrence WHERE CANCERRECURRENCECAREPLANINDICATOR IS NOT NULL""",
    ),
    "deaths": Selection(
        "ons_deaths",
        f"""
        SELECT row_, DEC_CONF_NHS_NUMBER_CLEAN_DEID AS person_id, REG_DATE_OF_DEATH AS death_date,
               split_part(S_UNDERLYING_COD_ICD10, ' ', 1) AS underlying_cause,
               nullif(concat_ws(' ', S_UNDERLYING_COD_ICD10, {", ".join(f"S_COD_CODE_{n}" for n in range(1, 16))}), '')
                 AS causes,
               REG_DATE AS registered
        FROM clean_ons_deaths""",
    ),
    "organisations": ORGANISATION_ROWS,
}


def after_death(table: str, date: str) -> RowRule:
    """Return the rule that leaves out events dated after the person's death."""
    return RowRule(
        "event_after_death",
        "Events dated after the person's registered death are excluded.",
        table,
        f"t.{date} > deaths.death_date",
        at_most=0.05,
        among="deaths.death_date IS NOT NULL",
        of_what="of people who have died",
    )


def without_date(table: str, date: str) -> RowRule:
    """Return the rule that leaves out events without any date."""
    return RowRule("event_without_date", "Events without any date are excluded.", table, f"t.{date} IS NULL")


ORGANISATION_WITHOUT_KIND = RowRule(
    "organisation_without_kind",
    "the organisation is of no known kind, and others are",
    "organisations",
    "t.kind IS NULL AND EXISTS (FROM clean_organisations WHERE ORG_TYPE IS NOT NULL)",
    refuse=True,
    allowed="a kind of definitions/codings/organisation_kind.csv in every row, or no column ORG_TYPE",
    hint="is the row cut, shifted or from another table?",
)
DUPLICATE_TUMOUR = Duplicates(
    "duplicate_registration",
    "A tumour registered more than once is kept once: the eligible registration, then the one with most recorded.",
    "tumours",
    key="tumour_id",
    order=("eligible_registration DESC",),
    agree=("person_id", "diagnosis_date"),
    mostly_agree=("age", "stage", "m1", "er", "her2"),
)
DUPLICATE_EPISODE = Duplicates(
    "duplicate_episode",
    "A hospital episode that is recorded more than once is kept once.",
    "admissions",
    key="episode_id",
    agree=("person_id", "admission_date"),
)
DEATH_WITHOUT_DATE = RowRule(
    "death_without_date",
    "A registered death without its date is excluded.",
    "deaths",
    "t.death_date IS NULL",
)
DUPLICATE_DEATH = Duplicates(
    "duplicate_death",
    "Of several registrations of a death the latest is kept.",
    "deaths",
    key="person_id",
    order=("registered DESC NULLS LAST",),
    mostly_agree=("death_date",),
)
DEATH_BEFORE_DIAGNOSIS = RowRule(
    "death_before_diagnosis",
    "A tumour that was diagnosed after the person's registered death is excluded.",
    "tumours",
    "t.eligible_registration AND deaths.death_date < t.diagnosis_date "
    "AND t.person_id NOT IN (SELECT person_id FROM canon_people WHERE vital_status = 'untraced')",
    about=("diagnosis_date",),
    at_most=0.01,
    among="deaths.death_date IS NOT NULL",
    of_what="of people who have died",
)
DRUG_RULES = (
    RowRule(
        "drug_without_regimen",
        "the drug belongs to no cycle, or its cycle to no regimen",
        "drugs",
        "t.regimen_id IS NULL",
        refuse=True,
        allowed="cycles and regimens of the same extract",
        hint="are the SACT tables from the same extract?",
    ),
    no_such_person("drugs"),
    RowRule("drug_without_name", "Drugs without a drug group are excluded.", "drugs", "t.drug IS NULL"),
    without_date("drugs", "given_date"),
    after_death("drugs", "given_date"),
)
HES_RULES = (
    without_date("admissions", "admission_date"),
    after_death("admissions", "admission_date"),
    DUPLICATE_EPISODE,
    after_death("procedures", "procedure_date"),
)
ROWS = (
    DEATH_WITHOUT_DATE,
    DUPLICATE_DEATH,
    DEATH_BEFORE_DIAGNOSIS,
    DUPLICATE_TUMOUR,
    *HES_RULES,
    *DRUG_RULES,
    without_date("radiotherapy", "treatment_date"),
    after_death("radiotherapy", "treatment_date"),
    after_death("recurrences", "recurrence_date"),
    RowRule("repeated_record", "A recurrence that is reported twice is kept once.", "recurrences", "t.copy > 1"),
    ORGANISATION_WITHOUT_KIND,
)


def class_missing(table: str, column: str) -> Count:
    """Return the count of admissions without a kind."""
    return Count(
        "patient_class_missing",
        "An admission whose kind is not recorded is one of another kind.",
        table,
        column,
        f"SELECT count(*) FROM clean_{table} WHERE {column} IS NULL",
    )


def country_missing(table: str, column: str) -> Count:
    """Return the count of registrations without a country."""
    return Count(
        "country_missing",
        "A registration whose country is not recorded is not an eligible one.",
        table,
        column,
        f"SELECT count(*) FROM clean_{table} WHERE {column} IS NULL",
    )


def person_differs(table: str, person: str, column: str) -> Count:
    """Return the count of registrations that say of a person what their other registrations do not."""
    return Count(
        "person_differs",
        "Where the registrations of a person differ in sex or ethnic group, that of the first diagnosis with one is "
        "read.",
        table,
        column,
        f"SELECT count(*) FROM clean_{table} WHERE {person} IN (SELECT {person} FROM clean_{table} GROUP BY {person} "
        f"HAVING count(DISTINCT {column}) > 1)",
    )


COUNTED = (class_missing("hes_apc", "CLASSPAT"), country_missing("av_tumour", "CTRY_CODE"))


def recorded(table: str, column: str, at_most: float, otherwise: str) -> Check:
    """Return the check that a column is filled by which records count."""
    return Check(
        table,
        f"column {column}",
        FewWrong(f"{column} IS NULL", f"clean_{table}", at_most),
        f"not recorded in {{n}}, which would {otherwise}; allowed: at most {at_most:.0%}. Hint: export the column "
        "again, or only the rows that are meant.",
        filled=column,
    )


def class_recorded(table: str, column: str) -> Check:
    """Return the check that the kind of an admission is recorded."""
    return recorded(table, column, 0.2, "be no admissions")


def status_recorded(table: str, column: str) -> Check:
    """Return the check that a column is filled by which registrations are eligible."""
    return recorded(table, column, 0.05, "be no eligible registrations")


HES_AGE = AgeAt("hes_apc", "STUDY_ID", "STARTAGE", "EPISTART")
#: 4 of the discharge method is *patient died* (NHS Data Dictionary)
HES_DEATHS = HospitalDeaths("hes_apc", "STUDY_ID", "DISMETH", 4, "EPISTART")
#: Some operations of an admission are dated before the episode in which they are recorded
HES_CHECKS = (
    class_recorded("hes_apc", "CLASSPAT"),
    in_order("hes_apc", "ADMIDATE", "EPISTART"),
    in_order("hes_operation", "ADMIDATE", "second", at_most=0.05, called=("hes_apc", "OPDATE_01 to OPDATE_24")),
)
READER = Reader(
    "ncrd",
    "england",
    RAW,
    SELECTIONS,
    ROWS,
    COUNTED,
    country=("av_tumour", "CTRY_CODE", "E"),
    ages=(HES_AGE, AgeAt("ons_deaths", "DEC_CONF_NHS_NUMBER_CLEAN_DEID", "DEC_AGEC", "REG_DATE_OF_DEATH")),
    hospital_deaths=HES_DEATHS,
    checks=(
        *(status_recorded("av_tumour", column) for column in ("STATUSOFREGISTRATION", "DEDUP_FLAG", "CTRY_CODE")),
        *HES_CHECKS,
        in_order(
            "sact_cycle",
            "START_DATE_OF_REGIMEN",
            "START_DATE_OF_CYCLE",
            at_most=MOST_TREATED_EARLY,
            of="sact_regimen",
            by=("MERGED_REGIMEN_ID",),
        ),
        in_order(
            "sact_drug_detail",
            "START_DATE_OF_CYCLE",
            "ADMINISTRATION_DATE",
            at_most=MOST_TREATED_EARLY,
            of="sact_cycle",
            by=("MERGED_CYCLE_ID",),
        ),
        in_order("ons_deaths", "REG_DATE_OF_DEATH", "REG_DATE"),
        registered_later("ons_deaths", "REG_DATE_OF_DEATH", "REG_DATE"),
        deaths_agree("ons_deaths", "DEC_CONF_NHS_NUMBER_CLEAN_DEID", "REG_DATE_OF_DEATH"),
        deaths_dated("ons_deaths", "DEC_CONF_NHS_NUMBER_CLEAN_DEID", "REG_DATE_OF_DEATH"),
        deaths_registered("ons_deaths", "DEC_CONF_NHS_NUMBER_CLEAN_DEID", "REG_DATE_OF_DEATH"),
    ),
)
