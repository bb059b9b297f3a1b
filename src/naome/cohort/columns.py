"""The analysis table, column by column: one row per person per cohort, no identifiers.

Dates say what they are the date of; durations say from when to when. This list
is the contract: the table is built in this order, indicator expressions may name
only these columns, and the data dictionary page is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AnalysisColumn:
    """One column of the analysis table; `kind` is boolean, integer, number, date or category.

    `values` are those a category may take; empty where they are the run's own (organisations, nation).
    """

    name: str
    kind: str
    meaning: str
    values: tuple[str, ...] = ()


RECEPTOR = ("positive", "negative")
VALUES: dict[str, tuple[str, ...]] = {
    "cohort": ("denovo", "recurrent", "primary"),
    "route": ("DN1", "DN2", "RC2", "EL7"),
    "sex": ("female", "male"),
    "ethnic_group": ("asian", "black", "mixed", "other", "white"),
    "age_band": ("under 40", "40-49", "50-59", "60-69", "70-79", "80+"),
    "age_group": ("18-49", "50-69", "70-79", "80+"),
    "stage": ("0", "1", "2", "3", "4"),
    "er": RECEPTOR,
    "pr": RECEPTOR,
    "her2": RECEPTOR,
    "subtype": ("HER2+ER+", "HER2+ER-", "HER2-ER+", "HER2-ER-"),
    "charlson": ("0", "1", "2", "3+"),
    "frailty": ("fit", "mild", "moderate", "severe"),
    "size_group": ("<=20", "20-50", ">50"),
    "cns": ("seen", "not_seen"),
}


def _columns(kind: str, **meanings: str) -> tuple[AnalysisColumn, ...]:
    return tuple(AnalysisColumn(name, kind, meaning, VALUES.get(name, ())) for name, meaning in meanings.items())


COLUMNS: tuple[AnalysisColumn, ...] = (
    *_columns(
        "category",
        cohort="denovo, recurrent or primary.",
        route="Rule by which the person entered: DN1, DN2, RC2, or EL7 (primary cohort).",
        nation="Nation of the run.",
        sex="female or male.",
        ethnic_group="Five census groups.",
        age_band="Age band of the report's characteristics table, age at origin.",
        age_group="Age band of the report's indicators, age at origin.",
        stage="Overall stage at the initial diagnosis.",
        er="Oestrogen receptor of the primary tumour.",
        pr="Progesterone receptor of the primary tumour.",
        her2="HER2 of the primary tumour.",
        subtype="Receptor subgroup from ER and HER2: HER2+ER+, HER2+ER-, HER2-ER+, HER2-ER-; missing when either is.",
        provider="Organisation of diagnosis.",
        treating_provider="Organisation that gave the last chemotherapy; of several on that day the first by code.",
        alliance="Cancer alliance of the organisation of diagnosis.",
        region="Region of the organisation of diagnosis.",
        charlson="RCS Charlson groups other than cancer, 12 months before origin: 0, 1, 2, 3+; missing where the feed "
        "has no admissions.",
        frailty="SCARF frailty band, 12 months before origin: fit, mild, moderate, severe; missing as charlson.",
        size_group="Tumour size in mm: <=20, 20-50, >50.",
        cns="Clinical nurse specialist at the initial diagnosis: seen or not_seen; missing when not recorded.",
    ),
    *_columns(
        "integer",
        age="Completed years at origin.",
        age_at_diagnosis="Completed years at the initial diagnosis.",
        diagnosis_year="Year of the initial diagnosis.",
        metastatic_year="Year of the metastatic diagnosis.",
        year="Year of origin.",
        grade="Grade 1 to 3.",
        performance_status="WHO performance status 0 to 4 at the initial diagnosis.",
        deprivation="Quintile of area deprivation, 1 = most deprived.",
        nodes_positive="Positive axillary lymph nodes.",
        charlson_count="Number of RCS Charlson groups other than cancer.",
        frailty_count="Number of SCARF deficits.",
        biopsy_days="Days from the metastatic diagnosis to the first biopsy in the biopsy window.",
        cdk46_days="Days from origin to the first CDK4/6 inhibitor on or after origin.",
        anti_her2_days="Days from origin to the first anti-HER2 drug on or after origin.",
        anti_her2_agents="Different anti-HER2 drugs in the 12 months after origin.",
        endocrine_days="Days from origin to the first endocrine drug on or after origin.",
        checkpoint_days="Days from origin to the first immune checkpoint inhibitor on or after origin.",
        chemotherapy_days="Days from origin to the first chemotherapy from 31 days before origin.",
        bone_agent_days="Days from origin to the first bisphosphonate or denosumab on or after origin.",
        radiotherapy_days="Days from origin to the first radiotherapy on or after origin.",
        bone_radiotherapy_days="Days from origin to the first radiotherapy of bone on or after origin.",
        brain_radiotherapy_days="Days from origin to the first radiotherapy of brain on or after origin.",
        last_chemotherapy_to_death_days="Days from the last chemotherapy to death.",
        last_chemotherapy_to_cutoff_days="Days from the last chemotherapy to the run's end of follow-up; the last is "
        "the latest cycle start, administration or hospital attendance.",
        diagnosis_to_metastatic_days="Days from the initial to the metastatic diagnosis.",
        survival_days="Days from origin to death or the end of follow-up.",
        survival_from_diagnosis_days="Days from the initial diagnosis to death or the end of follow-up.",
        survival_from_metastatic_days="Days from the metastatic diagnosis to death or the end of follow-up.",
    ),
    *_columns(
        "number",
        er_log="Natural logarithm of 1 + oestrogen receptor in fmol/mg (historical assays).",
        pr_log="Natural logarithm of 1 + progesterone receptor in fmol/mg (historical assays).",
    ),
    *_columns(
        "boolean",
        postmenopausal="Whether menopause had passed at the initial diagnosis.",
        endocrine_flag="Record says endocrine therapy was given.",
        m1="M category M1 at the initial diagnosis; missing when M is not recorded.",
        bone="Bone metastasis coded from 30 days before to 12 months after the metastatic diagnosis.",
        liver="Liver metastasis, as bone.",
        lung="Lung metastasis, as bone.",
        brain="Brain metastasis, as bone.",
        bone_early="Bone metastasis coded from 30 days before to 30 days after origin: known at the start, "
        "fit for case mix.",
        liver_early="Liver metastasis, as bone_early.",
        lung_early="Lung metastasis, as bone_early.",
        brain_early="Brain metastasis, as bone_early.",
        site_recorded="Any specific metastatic site coded, as bone.",
        stage_recorded="Overall stage 0 to 4 recorded.",
        grade_recorded="Grade 1 to 3 recorded.",
        er_recorded="Oestrogen receptor positive or negative recorded.",
        pr_recorded="Progesterone receptor positive or negative recorded.",
        her2_recorded="HER2 positive or negative recorded.",
        performance_status_recorded="Performance status 0 to 4 recorded.",
        cns_recorded="Contact with a clinical nurse specialist recorded, whatever it was.",
        mdt_recorded="A multidisciplinary team meeting recorded.",
        cosd_distant="A distant recurrence reported in cancer outcomes data.",
        chemotherapy_flag="Registry's chemotherapy flag (Wales).",
        radiotherapy_flag="Registry's radiotherapy flag (Wales).",
        died="Died by the end of follow-up.",
        died_of_breast_cancer="Died of breast cancer, by the rule chosen for cause of death.",
        died_within_30_days="Died within 30 days of origin.",
    ),
    *_columns(
        "date",
        diagnosis_date="Initial diagnosis.",
        metastatic_date="Metastatic diagnosis: the diagnosis (DN1) or the first admission with a metastatic code.",
        origin_date="Origin of the cohort's clock: the diagnosis (de novo) or the metastatic diagnosis (recurrent).",
    ),
)
COLUMN_NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)
