"""Items that several feeds share, each with its coding (``definitions/codings``)."""

from __future__ import annotations

from naome.extract.clean import Coded, integer

#: z_stage of the registry: staging systems of other cancers (A, B, C, L, M ...) are unknown for the breast.
STAGE = Coded("stage", spelling=r"({codes})(?:[A-Z][A-Z0-9]{0,4})?")
#: Clinical or pathological, after treatment (y), of a recurrence (r) or at autopsy (a)
M_CATEGORY = Coded("m_category", "BOOLEAN", spelling=r"[YRA]?[CP]?M?({codes})(?:[A-E]|\(I\+\))?")
PERFORMANCE_STATUS = Coded("performance_status", "INTEGER")
GRADE = Coded("grade", "INTEGER")
RECEPTOR = Coded("receptor")
GENDER = Coded("gender")
ETHNIC_GROUP = Coded("ethnic_group", refuse=False)
#: Wales has codes of its own: T is Arab there, and Traveller in England
ETHNIC_GROUP_WALES = Coded("ethnic_group_wales", refuse=False)
VITAL_STATUS = Coded("vital_status")
CNS_INDICATOR = Coded("cns_indicator", refuse=False)
PATIENT_CLASS = Coded("patient_class")
BASIS = Coded("basis_of_diagnosis")
REGISTRATION_STATUS = Coded("registration_status")
QUINTILE_1_MOST_DEPRIVED = Coded("deprivation_1_most", "INTEGER")
#: Simulacrum version 1 and some registry extracts count from the other end.
QUINTILE_1_LEAST_DEPRIVED = Coded("deprivation_1_least", "INTEGER")
#: Registrations of another country are not eligible, so a spelling that no list has must not pass in silence
COUNTRY = Coded("country", refuse=False)
#: No result rests on it: a row of another kind is a row that was cut, shifted or joined from another table
ORGANISATION_KIND = Coded("organisation_kind", refuse=False)
AGE = integer(0, 120)
