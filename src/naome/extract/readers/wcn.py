"""Wales: cancer registration supplied by the Wales Cancer Network, PEDW admissions and deaths.

The network's physical schema is not public; column names follow the item names of
the Welsh data dictionary. There is no regimen-level systemic therapy.
"""

from __future__ import annotations

from dataclasses import replace

from naome.extract import areas, shared_items
from naome.extract.clean import (
    CAUSES,
    ICD10,
    OPCS4,
    OPTIONAL_IDENTIFIER,
    TEXT,
    TUMOUR_SITE,
    UPPER,
    Coded,
    integer,
)
from naome.extract.date_order import in_order, registered_later
from naome.extract.dates import DATE
from naome.extract.hospital_deaths import HospitalDeaths
from naome.extract.linkage import no_such_person
from naome.extract.provider_codes import PROVIDER_CODE
from naome.extract.reader import Belongs, Count, RawTable, Reader
from naome.extract.readers.ncrd import (
    DEATH_BEFORE_DIAGNOSIS,
    DEATH_WITHOUT_DATE,
    DUPLICATE_DEATH,
    DUPLICATE_EPISODE,
    DUPLICATE_TUMOUR,
    MOST_HAVE,
    ORGANISATION_WITHOUT_KIND,
    after_death,
    class_missing,
    class_recorded,
    country_missing,
    person_differs,
    status_recorded,
    without_date,
)
from naome.extract.settle import RowRule, Selection, of_person
from naome.extract.table_checks import Check, FewWrong, count_in_groups

LINKED = Coded("linkage_status", "BOOLEAN", refuse=False)
FLAG = Coded("flag_wales", "BOOLEAN")
POSITION = integer(1, 99)
SPELL = Belongs(("PROV_UNIT_CD", "SPELL_NUM_PE"), of="pedw_spell")
EPISODE = Belongs((*SPELL.columns, "EPI_NUM"), of="pedw_episode")
#: Share of the codes whose episodes may be numbered with a gap or twice the same
MOST_OUT_OF_ORDER = 0.01
#: Of the records of a hospital or registrar, about one in a hundred has no pseudonym; far more mean that linkage failed
MOST_UNLINKED = 0.1
#: Share of the codes that may be the first of an episode and another than its main diagnosis; an episode has several
MOST_OTHER_DIAGNOSIS = 0.03
#: Codes of an episode that is no admission of the audit are left out with it.
OF_ADMISSION = """
        JOIN clean_pedw_episode e USING (PROV_UNIT_CD, SPELL_NUM_PE, EPI_NUM)
        JOIN canon_admissions a ON a.episode = e.row_"""

RAW = {
    "organisations": RawTable(
        {
            "ORG_CODE": None,
            "ORG_NAME": TEXT,
            "ORG_TYPE": shared_items.ORGANISATION_KIND,
            "REGION_CODE": areas.AREA,
            "REGION_NAME": TEXT,
            "SUCCESSOR_CODE": UPPER,
        },
        unique=("ORG_CODE",),
        optional=frozenset({"ORG_TYPE"}),
        either=(("REGION_CODE", "REGION_NAME"),),
    ),
    "wcn_registration": RawTable(
        {
            "TUMOUR_ID": None,
            "ALF_PE": None,
            "DATE_OF_DIAGNOSIS": DATE,
            "PRIMARY_DIAGNOSIS_ICD": TUMOUR_SITE,
            "SEX_AT_BIRTH": Coded("sex_wales"),
            "AGE_AT_DIAGNOSIS": shared_items.AGE,
            "ETHNIC_GROUP": shared_items.ETHNIC_GROUP_WALES,
            "M_CATEGORY": shared_items.M_CATEGORY,
            "STAGE_GROUPING": shared_items.STAGE,
            "TUMOUR_GRADE": shared_items.GRADE,
            "ER_STATUS": shared_items.RECEPTOR,
            "PR_STATUS": shared_items.RECEPTOR,
            "HER2_STATUS": shared_items.HER2,
            "PERFORMANCE_STATUS": shared_items.PERFORMANCE_STATUS,
            "BASIS_OF_DIAGNOSIS": shared_items.BASIS,
            "REGISTRATION_STATUS": shared_items.REGISTRATION_STATUS,
            "COUNTRY_CODE": shared_items.COUNTRY,
            "HEALTH_BOARD_OF_DIAGNOSIS": PROVIDER_CODE,
            "MDT_DISCUSSION_DATE": DATE,
            "KEY_WORKER_SEEN": Coded("key_worker", refuse=False),
            "WIMD_2019_QUINTILE": shared_items.QUINTILE_1_MOST_DEPRIVED,
            "CHEMOTHERAPY_FLAG": FLAG,
            "RADIOTHERAPY_FLAG": FLAG,
        },
        belongs=Belongs(("ALF_PE",)),
        signs={"STAGE_GROUPING": "stage"},
    ),
    "pedw_spell": RawTable(
        {
            "PROV_UNIT_CD": None,
            "SPELL_NUM_PE": None,
            "ALF_PE": OPTIONAL_IDENTIFIER,
            "ALF_STS_CD": LINKED,
            "ADMIS_DT": DATE,
            "PAT_CLASS_CD": shared_items.PATIENT_CLASS,
            "DISCH_MTHD_CD": TEXT,
        },
        optional=frozenset({"DISCH_MTHD_CD"}),  # only held against the registered deaths
        unique=SPELL.columns,
        belongs=Belongs(("ALF_PE",), usual=MOST_HAVE),
        events=True,
    ),
    "pedw_episode": RawTable(
        {"PROV_UNIT_CD": None, "SPELL_NUM_PE": None, "EPI_NUM": None, "EPI_STR_DT": DATE, "DIAG_CD_1234": ICD10},
        optional=frozenset({"DIAG_CD_1234"}),  # only held against the first code of the episode
        belongs=replace(SPELL, each_has=MOST_HAVE),
        events=True,
        provider="PROV_UNIT_CD",
    ),
    "pedw_diag": RawTable(
        {"PROV_UNIT_CD": None, "SPELL_NUM_PE": None, "EPI_NUM": None, "DIAG_NUM": POSITION, "DIAG_CD_1234": ICD10},
        belongs=SPELL,
        also_belongs=(replace(EPISODE, each_has=MOST_HAVE),),  # not every episode has an operation
        signs={"DIAG_CD_1234": "code"},
        events=True,
    ),
    "pedw_oper": RawTable(
        {
            "PROV_UNIT_CD": None,
            "SPELL_NUM_PE": None,
            "EPI_NUM": None,
            "OPER_NUM": POSITION,
            "OPER_CD": OPCS4,
            "OPER_DT": DATE,
        },
        belongs=SPELL,
        also_belongs=(EPISODE,),
        events=True,
    ),
    "adde_deaths": RawTable(
        {
            "ALF_PE": OPTIONAL_IDENTIFIER,
            "ALF_STS_CD": LINKED,
            "DEATH_DT": DATE,
            "DEATH_REG_DT": DATE,
            "DEATHCAUSE_DIAG_UNDERLYING_CD": CAUSES,
            **{f"DEATHCAUSE_DIAG_{n}_CD": CAUSES for n in range(1, 9)},
        },
        belongs=Belongs(("ALF_PE",)),
    ),
}

SELECTIONS = {
    "people": Selection(
        "wcn_registration",
        f"""
        SELECT min(row_) AS row_, ALF_PE AS person_id, {of_person("SEX_AT_BIRTH", "DATE_OF_DIAGNOSIS")} AS sex,
               {of_person("ETHNIC_GROUP", "DATE_OF_DIAGNOSIS")} AS ethnic_group,
               CASE WHEN any_value(d.death_date) IS NULL THEN 'alive' ELSE 'dead' END AS vital_status,
               max(d.death_date) AS vital_date
        FROM clean_wcn_registration LEFT JOIN canon_deaths d ON d.person_id = ALF_PE GROUP BY ALF_PE""",
    ),
    "tumours": Selection(
        "wcn_registration",
        """
        SELECT row_, TUMOUR_ID AS tumour_id, ALF_PE AS person_id, DATE_OF_DIAGNOSIS AS diagnosis_date,
               PRIMARY_DIAGNOSIS_ICD AS site, AGE_AT_DIAGNOSIS AS age, STAGE_GROUPING AS stage, M_CATEGORY AS m1,
               TUMOUR_GRADE AS grade, ER_STATUS AS er, PR_STATUS AS pr, HER2_STATUS AS her2,
               PERFORMANCE_STATUS AS performance_status, BASIS_OF_DIAGNOSIS AS basis,
               coalesce(REGISTRATION_STATUS = 'final' AND COUNTRY_CODE = 'W', false) AS eligible_registration,
               HEALTH_BOARD_OF_DIAGNOSIS AS provider, WIMD_2019_QUINTILE AS deprivation,
               MDT_DISCUSSION_DATE AS mdt_date, KEY_WORKER_SEEN AS cns,
               CHEMOTHERAPY_FLAG AS chemotherapy_flag, RADIOTHERAPY_FLAG AS radiotherapy_flag
        FROM clean_wcn_registration""",
    ),
    # An episode without its spell keeps its place (patient_class is NULL) so that it can be refused.
    "admissions": Selection(
        "pedw_episode",
        """
        SELECT e.row_, e.row_ AS episode, PROV_UNIT_CD || '-' || SPELL_NUM_PE || '-' || EPI_NUM AS episode_id,
               s.ALF_PE AS person_id, coalesce(s.ALF_STS_CD, false) AS linked, s.row_ AS spell,
               coalesce(s.ADMIS_DT, e.EPI_STR_DT) AS admission_date,
               coalesce(e.EPI_STR_DT, s.ADMIS_DT) AS episode_date,
               CASE WHEN s.row_ IS NOT NULL THEN coalesce(s.PAT_CLASS_CD, 'other') END AS patient_class,
               provider_of(PROV_UNIT_CD) AS provider
        FROM clean_pedw_episode e LEFT JOIN clean_pedw_spell s USING (PROV_UNIT_CD, SPELL_NUM_PE)""",
    ),
    "diagnoses": Selection(
        "pedw_diag",
        f"""
        SELECT d.row_, a.episode, DIAG_NUM AS position, d.DIAG_CD_1234 AS code
        FROM clean_pedw_diag d {OF_ADMISSION} WHERE d.DIAG_CD_1234 IS NOT NULL""",
    ),
    "procedures": Selection(
        "pedw_oper",
        f"""
        SELECT o.row_, a.episode, a.person_id, OPER_NUM AS position, OPER_CD AS code,
               coalesce(OPER_DT, a.episode_date) AS procedure_date
        FROM clean_pedw_oper o {OF_ADMISSION} WHERE OPER_CD IS NOT NULL""",
    ),
    "deaths": Selection(
        "adde_deaths",
        f"""
        SELECT row_, ALF_PE AS person_id, coalesce(ALF_STS_CD, false) AS linked, DEATH_DT AS death_date,
               split_part(DEATHCAUSE_DIAG_UNDERLYING_CD, ' ', 1) AS underlying_cause,
               nullif(concat_ws(' ', DEATHCAUSE_DIAG_UNDERLYING_CD,
                                {", ".join(f"DEATHCAUSE_DIAG_{n}_CD" for n in range(1, 9))}), '') AS causes,
               DEATH_REG_DT AS registered
        FROM clean_adde_deaths""",
    ),
    "organisations": Selection(
        "organisations",
        """
        SELECT row_, ORG_CODE AS provider, ORG_NAME AS name, coalesce(REGION_CODE, REGION_NAME) AS region,
               coalesce(REGION_NAME, REGION_CODE) AS region_name, ORG_TYPE AS kind
        FROM clean_organisations WHERE SUCCESSOR_CODE IS NULL""",
    ),
}


UNLINKED = ("unlinked_record", "A hospital episode or death that is not linked to a person with certainty is excluded.")


def unlinked(table: str) -> RowRule:
    """Return the rule that leaves out records that are not linked to a person with certainty."""
    return RowRule(
        *UNLINKED,
        table,
        "t.linked IS NOT TRUE OR t.person_id IS NULL",
        at_most=MOST_UNLINKED,
    )


ROWS = (
    unlinked("deaths"),
    DEATH_WITHOUT_DATE,
    DUPLICATE_DEATH,
    DEATH_BEFORE_DIAGNOSIS,
    DUPLICATE_TUMOUR,
    RowRule(
        "episode_without_spell",
        "the episode belongs to no spell",
        "admissions",
        "t.spell IS NULL",
        refuse=True,
        allowed="spells of the same extract",
        hint="are the PEDW tables from the same extract?",
    ),
    unlinked("admissions"),
    no_such_person("admissions"),
    without_date("admissions", "admission_date"),
    after_death("admissions", "admission_date"),
    DUPLICATE_EPISODE,
    after_death("procedures", "procedure_date"),
    ORGANISATION_WITHOUT_KIND,
)


def positions(table: str, column: str) -> Check:
    """Return the check that the codes of an episode are numbered 1, 2, 3 ...: none shifted, columns not exchanged."""
    return Check(
        table,
        f"column {column}",
        count_in_groups(_not_in_order(table, column), table, MOST_OUT_OF_ORDER),
        "{n} are of episodes whose codes are not numbered 1, 2, 3 and so on; allowed: each position once and none "
        f"missing, but for {MOST_OUT_OF_ORDER:.0%}. Hint: are columns exchanged or rows missing?",
    )


def out_of_order(table: str, column: str) -> Count:
    """Return the count of codes of episodes that are not numbered 1, 2, 3 ...: one is missing, or there twice."""
    return Count(
        "position_out_of_order",
        "Codes of an episode that are not numbered 1, 2, 3 and so on are read all the same.",
        table,
        column,
        f"SELECT coalesce(sum(n), 0) FROM ({_not_in_order(table, column)})",
    )


def _not_in_order(table: str, column: str) -> str:
    """Return SQL of the episodes whose codes are not numbered in order: their rows, and the first of them."""
    return (
        f"SELECT count(*) AS n, min(row_) AS first FROM clean_{table} GROUP BY PROV_UNIT_CD, SPELL_NUM_PE, EPI_NUM "
        f"HAVING count(DISTINCT {column}) < count(*) OR max({column}) > count(*) OR count({column}) < count(*)"
    )


#: The main diagnosis of an episode is in its row as well: what shows that codes are another episode's
MAIN_DIAGNOSIS = Check(
    "pedw_diag",
    "column DIAG_CD_1234",
    FewWrong(
        "d.DIAG_NUM = 1 AND left(d.DIAG_CD_1234, 3) <> left(e.DIAG_CD_1234, 3)",
        "clean_pedw_diag d JOIN clean_pedw_episode e USING (PROV_UNIT_CD, SPELL_NUM_PE, EPI_NUM)",
        MOST_OTHER_DIAGNOSIS,
        row="d.row_",
    ),
    "{n} are the first code of an episode and not its main diagnosis in pedw_episode; allowed: at most "
    f"{MOST_OTHER_DIAGNOSIS:.0%}. Hint: is the column shifted by a row, or are the tables of different extracts?",
)


COUNTED = (
    Count(
        *UNLINKED,
        "pedw_spell",
        "ALF_STS_CD",
        "SELECT count(*) FROM clean_pedw_spell WHERE ALF_STS_CD IS NOT TRUE OR ALF_PE IS NULL",
        "left out",
    ),
    class_missing("pedw_spell", "PAT_CLASS_CD"),
    country_missing("wcn_registration", "COUNTRY_CODE"),
    out_of_order("pedw_diag", "DIAG_NUM"),
    out_of_order("pedw_oper", "OPER_NUM"),
    *(person_differs("wcn_registration", "ALF_PE", column) for column in ("SEX_AT_BIRTH", "ETHNIC_GROUP")),
)


READER = Reader(
    "wcn",
    "wales",
    RAW,
    SELECTIONS,
    ROWS,
    COUNTED,
    country=("wcn_registration", "COUNTRY_CODE", "W"),
    checks=(
        *(status_recorded("wcn_registration", column) for column in ("REGISTRATION_STATUS", "COUNTRY_CODE")),
        class_recorded("pedw_spell", "PAT_CLASS_CD"),
        in_order("pedw_episode", "ADMIS_DT", "EPI_STR_DT", of="pedw_spell", by=SPELL.columns),
        in_order("pedw_oper", "ADMIS_DT", "OPER_DT", at_most=0.05, of="pedw_spell", by=SPELL.columns),
        in_order("adde_deaths", "DEATH_DT", "DEATH_REG_DT"),
        registered_later("adde_deaths", "DEATH_DT", "DEATH_REG_DT"),
        MAIN_DIAGNOSIS,
        positions("pedw_diag", "DIAG_NUM"),
        positions("pedw_oper", "OPER_NUM"),
    ),
    hospital_deaths=HospitalDeaths("pedw_spell", "ALF_PE", "DISCH_MTHD_CD", 4, "ADMIS_DT"),
    judgements={
        "biopsy": "PEDW procedures do not show whether a biopsy was taken from a metastatic lesion.",
    },
)
