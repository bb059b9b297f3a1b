"""The canonical tables: what every reader must deliver and all analysis may rely on.

Identifiers live only here and above; the analysis table has none. All dates are
days (DATE). A missing value is NULL and means *not recorded*, never *no*.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One canonical column.

    Attributes
    ----------
    name, type : str
        ``type`` is a DuckDB type name.
    meaning : str
    allowed : tuple of str
        Allowed values, empty when any value of the type is allowed.
    required : bool
        Whether NULL is an error.
    short : str
        Its name in a sentence; the beginning of its meaning where not given.
    """

    name: str
    type: str
    meaning: str
    allowed: tuple[str, ...] = ()
    required: bool = False
    short: str = ""

    @property
    def title(self) -> str:
        """Its name in a sentence."""
        text = self.short or self.meaning.rstrip(".").split(";")[0].split(",")[0].split(" (")[0]
        return text if text[:2].isupper() else text[0].lower() + text[1:]

    @property
    def is_listed(self) -> bool:
        """Whether its values are those of a list, or yes and no."""
        return bool(self.allowed) or self.type == "BOOLEAN"


@dataclass(frozen=True)
class CanonicalTable:
    """One canonical table, `title` in a sentence; `key` columns identify a row (empty: rows may repeat)."""

    name: str
    title: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(c.name for c in self.columns)


RECEPTOR_STATUSES = ("positive", "negative")
PATIENT_CLASSES = ("ordinary", "day_case", "regular", "other")


def _id(name: str, meaning: str) -> Column:
    return Column(name, "VARCHAR", meaning, required=True)


def _episode(meaning: str) -> Column:
    return Column("episode", "BIGINT", meaning, required=True)


def _person() -> Column:
    return _id("person_id", "Pseudonym of the person, the same in all tables of an extract.")


CANONICAL: dict[str, CanonicalTable] = {
    table.name: table
    for table in (
        CanonicalTable(
            "people",
            "people",
            "One row per person.",
            ("person_id",),
            (
                _person(),
                Column("sex", "VARCHAR", "Sex as supplied.", ("female", "male")),
                Column(
                    "ethnic_group",
                    "VARCHAR",
                    "Five census groups.",
                    ("asian", "black", "mixed", "other", "white"),
                    short="ethnic group",
                ),
                Column(
                    "vital_status",
                    "VARCHAR",
                    "Registry's vital status.",
                    ("alive", "dead", "lost", "untraced"),
                    short="vital status",
                ),
                Column("vital_date", "DATE", "Date of death, of loss to follow-up, or of the last trace."),
            ),
        ),
        CanonicalTable(
            "tumours",
            "tumours",
            "One row per registered breast tumour.",
            ("tumour_id",),
            (
                _id("tumour_id", "Pseudonym of the tumour."),
                _person(),
                Column("diagnosis_date", "DATE", "Date of diagnosis, best known to the registry.", required=True),
                Column("site", "VARCHAR", "ICD-10 site without a dot, three or four characters.", required=True),
                Column("age", "INTEGER", "Completed years at diagnosis.", required=True),
                Column(
                    "stage",
                    "VARCHAR",
                    "Overall stage at diagnosis; NULL is unknown.",
                    ("0", "1", "2", "3", "4"),
                    short="stage",
                ),
                Column(
                    "m1", "BOOLEAN", "Whether the M category is M1; NULL when M is not recorded.", short="M category"
                ),
                Column("grade", "INTEGER", "Histological grade 1 to 3.", short="tumour grade"),
                Column("er", "VARCHAR", "Oestrogen receptor.", RECEPTOR_STATUSES),
                Column("pr", "VARCHAR", "Progesterone receptor.", RECEPTOR_STATUSES),
                Column("her2", "VARCHAR", "HER2; borderline counts as not recorded.", RECEPTOR_STATUSES),
                Column(
                    "performance_status",
                    "INTEGER",
                    "WHO performance status 0 to 4 at diagnosis.",
                    short="performance status",
                ),
                Column(
                    "basis",
                    "VARCHAR",
                    "Basis of diagnosis; death_certificate is a death certificate only.",
                    short="basis of diagnosis",
                ),
                Column(
                    "eligible_registration",
                    "BOOLEAN",
                    "Final, in the nation, not a duplicate.",
                    required=True,
                    short="state of registration",
                ),
                Column("provider", "VARCHAR", "Organisation of diagnosis (successor after a merger)."),
                Column(
                    "deprivation",
                    "INTEGER",
                    "National quintile of area deprivation, 1 = most deprived.",
                    short="area deprivation",
                ),
                Column(
                    "mdt_date",
                    "DATE",
                    "First multidisciplinary team meeting.",
                    short="date of a multidisciplinary team meeting",
                ),
                Column(
                    "cns", "VARCHAR", "Contact with a clinical nurse specialist at diagnosis.", ("seen", "not_seen")
                ),
                Column(
                    "chemotherapy_flag",
                    "BOOLEAN",
                    "Registry says chemotherapy was given (Wales).",
                    short="chemotherapy flag",
                ),
                Column(
                    "radiotherapy_flag",
                    "BOOLEAN",
                    "Registry says radiotherapy was given (Wales).",
                    short="radiotherapy flag",
                ),
                Column("endocrine_flag", "BOOLEAN", "Record says endocrine therapy was given.", short="endocrine flag"),
                Column("nodes_positive", "INTEGER", "Positive axillary lymph nodes."),
                Column("size_group", "VARCHAR", "Tumour size in mm.", ("<=20", "20-50", ">50")),
                Column(
                    "postmenopausal", "BOOLEAN", "Whether menopause had passed at diagnosis.", short="menopausal status"
                ),
                Column(
                    "er_level",
                    "INTEGER",
                    "Oestrogen receptor, fmol/mg protein (historical assays).",
                    short="level of the oestrogen receptor",
                ),
                Column(
                    "pr_level",
                    "INTEGER",
                    "Progesterone receptor, fmol/mg protein (historical assays).",
                    short="level of the progesterone receptor",
                ),
            ),
        ),
        CanonicalTable(
            "admissions",
            "hospital admissions",
            "One row per hospital episode.",
            ("episode",),
            (
                _episode("Number of the episode's record in the extract."),
                _person(),
                Column("admission_date", "DATE", "Start of the admission.", required=True),
                Column(
                    "episode_date", "DATE", "Start of the episode; the admission's where not recorded.", required=True
                ),
                Column("patient_class", "VARCHAR", "Kind of admission.", PATIENT_CLASSES, required=True),
                Column("provider", "VARCHAR", "Organisation of the admission."),
            ),
        ),
        CanonicalTable(
            "diagnoses",
            "diagnoses of hospital admissions",
            "One row per diagnosis code of an episode.",
            (),
            (
                _episode("Episode of the code, a row of admissions."),
                Column("position", "INTEGER", "1 is the primary diagnosis.", required=True),
                Column("code", "VARCHAR", "ICD-10 without dot, dagger, asterisk or padding.", required=True),
            ),
        ),
        CanonicalTable(
            "procedures",
            "hospital procedures",
            "One row per procedure code of an episode.",
            (),
            (
                _episode("Episode of the code, a row of admissions."),
                Column("position", "INTEGER", "Order in the record.", required=True),
                Column("code", "VARCHAR", "OPCS-4 without a dot.", required=True),
                Column(
                    "procedure_date", "DATE", "Date of the procedure; the episode's start where missing.", required=True
                ),
            ),
        ),
        CanonicalTable(
            "drugs",
            "drugs",
            "One row per administration of systemic anti-cancer therapy.",
            (),
            (
                _person(),
                Column(
                    "drug",
                    "VARCHAR",
                    "Drug, by its name in the code list of SACT drug groups; another name is kept.",
                    required=True,
                ),
                Column("given_date", "DATE", "Date of administration; the cycle's start where missing.", required=True),
                Column("cycle_date", "DATE", "Start of the cycle."),
                Column("provider", "VARCHAR", "Organisation that gave it.", short="organisation that gave a drug"),
            ),
        ),
        CanonicalTable(
            "radiotherapy",
            "radiotherapy",
            "One row per radiotherapy prescription and attendance.",
            (),
            (
                _person(),
                Column("treatment_date", "DATE", "Date of attendance.", required=True),
                Column("site", "VARCHAR", "OPCS-4 Z code of the body part."),
            ),
        ),
        CanonicalTable(
            "recurrences",
            "reported recurrences",
            "One row per recurrence reported in cancer outcomes data.",
            (),
            (
                _person(),
                Column("recurrence_date", "DATE", "Date of recurrence."),
                Column("kind", "VARCHAR", "Kind of recurrence.", ("distant", "local")),
            ),
        ),
        CanonicalTable(
            "deaths",
            "registered deaths",
            "One row per registered death.",
            ("person_id",),
            (
                _person(),
                Column("death_date", "DATE", "Date of death.", required=True),
                Column(
                    "underlying_cause",
                    "VARCHAR",
                    "Underlying cause, ICD-10 without a dot.",
                    short="underlying cause of death",
                ),
                Column(
                    "causes",
                    "VARCHAR",
                    "All causes mentioned, ICD-10 without dots, separated by spaces.",
                    short="causes of death",
                ),
            ),
        ),
        CanonicalTable(
            "organisations",
            "organisations",
            "One row per organisation that is open, with where it belongs.",
            ("provider",),
            (
                _id("provider", "Organisation code."),
                Column("name", "VARCHAR", "Organisation name.", required=True),
                Column(
                    "alliance",
                    "VARCHAR",
                    "Cancer alliance (England), by its code; by its name where it has no code.",
                    short="cancer alliance",
                ),
                Column("alliance_name", "VARCHAR", "Name of the cancer alliance; its code where it has no name."),
                Column("region", "VARCHAR", "Region, by its code; by its name where it has no code."),
                Column("region_name", "VARCHAR", "Name of the region; its code where it has no name."),
            ),
        ),
    )
}
