"""The Rotterdam tumour bank: 2,982 women with primary breast cancer, real, public and historical.

Dates are not public, only the year of surgery and days from surgery. Each woman's
surgery is placed on 1 July of her year, so durations are exact and calendar dates
are not. Royston and Altman, BMC Med Res Methodol 2013;13:33.
"""

from __future__ import annotations

from naome.extract.clean import Coded, integer
from naome.extract.reader import RawTable, Reader
from naome.extract.settle import RowRule, Selection

YES_NO = Coded("yes_no", "BOOLEAN")
DAYS = integer(0, 20000)
ER_POSITIVE_FROM = 10  # fmol/mg protein, the assay's usual cut-off

RAW = {
    "rotterdam": RawTable(
        {
            "PID": None,
            "YEAR": integer(1970, 2000),
            "AGE": integer(18, 110),
            "MENO": YES_NO,
            "SIZE": Coded("size_group"),
            "GRADE": integer(1, 3),
            "NODES": integer(0, 100),
            "PGR": integer(0, 100000),
            "ER": integer(0, 100000),
            "HORMON": YES_NO,
            "CHEMO": YES_NO,
            "RTIME": DAYS,
            "RECUR": YES_NO,
            "DTIME": DAYS,
            "DEATH": YES_NO,
        },
        unique=("PID",),
    )
}
SURGERY = "make_date(YEAR, 7, 1)"

SELECTIONS = {
    "people": Selection(
        "rotterdam",
        f"""
        SELECT row_, PID AS person_id, 'female' AS sex, CASE WHEN DEATH THEN 'dead' ELSE 'lost' END AS vital_status,
               {SURGERY} + DTIME AS vital_date
        FROM clean_rotterdam""",
    ),
    "tumours": Selection(
        "rotterdam",
        f"""
        SELECT row_, PID AS tumour_id, PID AS person_id, {SURGERY} AS diagnosis_date,
               '@codes(icd10_breast.breast_invasive)' AS site, AGE AS age,
               GRADE AS grade, CASE WHEN ER >= {ER_POSITIVE_FROM} THEN 'positive' ELSE 'negative' END AS er,
               CASE WHEN PGR >= {ER_POSITIVE_FROM} THEN 'positive' ELSE 'negative' END AS pr,
               true AS eligible_registration, CHEMO AS chemotherapy_flag,
               HORMON AS endocrine_flag, NODES AS nodes_positive, SIZE AS size_group, MENO AS postmenopausal,
               ER AS er_level, PGR AS pr_level
        FROM clean_rotterdam""",
    ),
    "recurrences": Selection(
        "rotterdam",
        f"""
        SELECT row_, PID AS person_id, {SURGERY} + RTIME AS recurrence_date, 'distant' AS kind
        FROM clean_rotterdam WHERE RECUR""",
    ),
    "deaths": Selection(
        "rotterdam",
        f"""
        SELECT row_, PID AS person_id, {SURGERY} + DTIME AS death_date FROM clean_rotterdam WHERE DEATH""",
    ),
}
ROWS = (
    RowRule(
        "recurrence_at_end",
        "A recurrence on the last day of follow-up has no follow-up time.",
        "recurrences",
        "people.vital_date <= t.recurrence_date",
    ),
)
READER = Reader(
    "rotterdam",
    "netherlands",
    RAW,
    SELECTIONS,
    ROWS,
    about="Real people: women treated decades ago, in data published for research. The results do not "
    "describe present care.",
    open_names=r"rotterdam\..*",
    judgements={
        "chemotherapy": "Only adjuvant chemotherapy is known, not treatment of metastatic disease.",
        "endocrine_first_line": "Only adjuvant endocrine therapy is known.",
        "m1_or_recurrence_recorded": "Everyone in the recurrent cohort is there because a recurrence was recorded.",
    },
)
