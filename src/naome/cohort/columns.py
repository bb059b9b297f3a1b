"""The analysis table, column by column: one row per person per cohort, no identifiers.

Dates say what they are the date of; durations say from when to when. This list
is the contract: the table is built in this order, indicator expressions may name
only these columns, and the data dictionary page is made from it. Columns that count
coded events come from ``definitions/features.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from naome.cohort.feature_definitions import read_features
from naome.core.definitions import Definitions, read_once
from naome.core.errors import DefinitionError
from naome.extract.schema import RECEPTOR_STATUSES


@dataclass(frozen=True)
class Need:
    """What a column needs of a feed.

    Attributes
    ----------
    any_of : tuple of str
        Canonical tables (``drugs``), canonical columns (``tumours.her2``), columns of the analysis table, or sources
        of evidence of metastatic disease as the rules name them (``evidence.admissions``); one of them is enough, and
        the first is the one to speak of where none is there.
    cohorts : tuple of str
        Cohorts in which it is needed; empty for all.
    """

    any_of: tuple[str, ...]
    cohorts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Need:
        """Read a need as it is written.

        Examples
        --------
        >>> Need.parse("drugs.given_date or tumours.chemotherapy_flag in denovo primary")
        Need(any_of=('drugs.given_date', 'tumours.chemotherapy_flag'), cohorts=('denovo', 'primary'))
        """
        things, _, cohorts = text.partition(" in ")
        return cls(tuple(things.split(" or ")), tuple(cohorts.split()))


@dataclass(frozen=True)
class AnalysisColumn:
    """One column of the analysis table; `kind` is boolean, integer, number, date or category.

    `values` are those a category may take; empty where they are the run's own (organisations, nation).
    `needs` is what a feed must hold for it; empty where every feed does.
    """

    name: str
    kind: str
    meaning: str
    values: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()


COLUMN_VALUES: dict[str, tuple[str, ...]] = {
    "cohort": ("denovo", "recurrent", "primary"),
    "route": ("DN1", "DN2", "RC2", "EL7"),
    "sex": ("female", "male"),
    "ethnic_group": ("asian", "black", "mixed", "other", "white"),
    "age_band": ("under 40", "40-49", "50-59", "60-69", "70-79", "80+"),
    "age_group": ("18-49", "50-69", "70-79", "80+"),
    "stage": ("0", "1", "2", "3", "4"),
    "er": RECEPTOR_STATUSES,
    "pr": RECEPTOR_STATUSES,
    "her2": RECEPTOR_STATUSES,
    "subtype": ("HER2+ER+", "HER2+ER-", "HER2-ER+", "HER2-ER-"),
    "charlson": ("0", "1", "2", "3+"),
    "frailty": ("fit", "mild", "moderate", "severe"),
    "size_group": ("<=20", "20-50", ">50"),
    "cns": ("seen", "not_seen"),
}

#: Column -> what it needs of a feed (:class:`Need`); a column of another's name needs what that one needs
ITEMS = (
    "stage", "er", "pr", "her2", "grade", "performance_status", "deprivation", "provider", "cns", "m1",
    "nodes_positive", "size_group", "postmenopausal", "endocrine_flag", "chemotherapy_flag", "radiotherapy_flag",
)  # fmt: skip
FOLLOWED_UP = ("people.vital_status or deaths.death_date",)
NEEDS: Mapping[str, tuple[str, ...]] = {
    **{item: (f"tumours.{item}",) for item in ITEMS},
    **{f"{item}_recorded": (item,) for item in ("stage", "grade", "er", "pr", "her2", "performance_status", "cns")},
    "mdt_recorded": ("tumours.mdt_date",),
    "sex": ("people.sex",),
    "ethnic_group": ("people.ethnic_group",),
    "subtype": ("er", "her2"),
    "alliance": ("provider", "organisations.alliance"),
    "region": ("provider", "organisations.region"),
    "treating_provider": ("drugs.provider or admissions.provider",),
    "charlson": ("charlson_count",),
    "frailty": ("frailty_count",),
    "er_log": ("tumours.er_level",),
    "pr_log": ("tumours.pr_level",),
    "last_chemotherapy_to_death_days": ("drugs.cycle_date",),
    "last_chemotherapy_to_cutoff_days": ("drugs.cycle_date",),
    "cosd_distant": ("recurrences.kind",),
    "survival_days": FOLLOWED_UP,
    "survival_from_diagnosis_days": FOLLOWED_UP,
    "survival_from_metastatic_days": FOLLOWED_UP,
    "died": FOLLOWED_UP,
    "died_within_30_days": FOLLOWED_UP,
    "died_of_breast_cancer": ("deaths.underlying_cause",),
}


def _column(name: str, kind: str, meaning: str, needs: tuple[str, ...] = ()) -> AnalysisColumn:
    return AnalysisColumn(name, kind, meaning, COLUMN_VALUES.get(name, ()), tuple(map(Need.parse, needs)))


def _columns(kind: str, **meanings: str) -> tuple[AnalysisColumn, ...]:
    return tuple(_column(name, kind, meaning, NEEDS.get(name, ())) for name, meaning in meanings.items())


#: Columns before the numbers that count events, between those and the conditions on events, and after these
FIRST = (
    *_columns(
        "category",
        cohort="Cohort: denovo, recurrent or primary.",
        route="Rule by which the person entered: DN1, DN2, RC2, or EL7 (primary cohort).",
        nation="Nation of the run.",
        sex="Sex: female or male.",
        ethnic_group="Ethnic group: one of five census groups.",
        age_band="Age band of the report's characteristics table, age at the time origin.",
        age_group="Age band of the report's indicators, age at the time origin.",
        stage="Overall stage at the initial diagnosis.",
        er="Oestrogen receptor of the primary tumour.",
        pr="Progesterone receptor of the primary tumour.",
        her2="HER2 of the primary tumour.",
        subtype="Receptor subgroup from ER and HER2: HER2+ER+, HER2+ER-, HER2-ER+, HER2-ER-; missing when either is.",
        provider="Organisation of diagnosis.",
        treating_provider="Organisation that gave the last chemotherapy at least 30 days before the end of follow-up; "
        "of several on that day the first by code.",
        alliance="Cancer alliance of the organisation of diagnosis, by its code (its name where it has none).",
        region="Region of the organisation of diagnosis, by its code (its name where it has none).",
        charlson="RCS Charlson groups other than cancer, 12 months before the time origin: 0, 1, 2, 3+; missing where "
        "the feed has no admissions.",
        frailty="SCARF frailty band, 12 months before the time origin: fit, mild, moderate, severe; missing as "
        "charlson.",
        size_group="Tumour size in mm: <=20, 20-50, >50.",
        cns="Clinical nurse specialist at the initial diagnosis: seen or not_seen; missing when not recorded.",
    ),
    *_columns(
        "integer",
        age="Completed years at the time origin.",
        age_at_diagnosis="Completed years at the initial diagnosis.",
        diagnosis_year="Year of the initial diagnosis.",
        metastatic_year="Year of the metastatic diagnosis.",
        year="Year of the time origin.",
        grade="Tumour grade: 1 to 3.",
        performance_status="WHO performance status 0 to 4 at the initial diagnosis.",
        deprivation="Quintile of area deprivation, 1 = most deprived.",
        nodes_positive="Positive axillary lymph nodes.",
    ),
)
BETWEEN = (
    *_columns(
        "integer",
        last_chemotherapy_to_death_days="Days from the last chemotherapy to death; the last as in the next column.",
        last_chemotherapy_to_cutoff_days="Days from the last chemotherapy to the run's end of follow-up; the "
        "last by the chosen definition, among those at least 30 days before that end.",
        diagnosis_to_metastatic_days="Days from the initial to the metastatic diagnosis.",
        survival_days="Days from the time origin to death or the end of follow-up.",
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
    ),
)
LAST = (
    *_columns(
        "boolean",
        stage_recorded="Overall stage 0 to 4 recorded.",
        grade_recorded="Grade 1 to 3 recorded.",
        er_recorded="Oestrogen receptor positive or negative recorded.",
        pr_recorded="Progesterone receptor positive or negative recorded.",
        her2_recorded="HER2 positive or negative recorded.",
        performance_status_recorded="Performance status 0 to 4 recorded.",
        cns_recorded="Contact with a clinical nurse specialist recorded (any value).",
        mdt_recorded="A multidisciplinary team meeting recorded.",
        cosd_distant="A distant recurrence reported in cancer outcomes data.",
        chemotherapy_flag="Registry's chemotherapy flag (Wales).",
        radiotherapy_flag="Registry's radiotherapy flag (Wales).",
        died="Died by the end of follow-up.",
        died_of_breast_cancer="Died of breast cancer, by the chosen definition of cause of death.",
        died_within_30_days="Died within 30 days of the time origin.",
    ),
    *_columns(
        "date",
        diagnosis_date="Initial diagnosis.",
        metastatic_date="Metastatic diagnosis: the diagnosis (DN1) or the first evidence of it that the rules count.",
        origin_date="Time origin: the diagnosis (de novo) or the metastatic diagnosis (recurrent).",
    ),
)


@read_once
def list_columns(definitions: Definitions) -> tuple[AnalysisColumn, ...]:
    """Return the columns of the analysis table in their order, those of ``features.yaml`` among them.

    Raises
    ------
    DefinitionError
        If a feature has the name of another column.
    """
    found: dict[str, list[AnalysisColumn]] = {"integer": [], "boolean": []}
    for feature in read_features(definitions).features:
        found[feature.kind].append(_column(feature.name, feature.kind, feature.meaning, feature.needed))
    columns = (*FIRST, *found["integer"], *BETWEEN, *found["boolean"], *LAST)
    names = [column.name for column in columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DefinitionError(
            f"features.yaml: {', '.join(twice)}: the analysis table has a column of that name already"
        )
    return columns
