"""The ICD-10 and OPCS-4 codes the generator writes, as small numbered vocabularies (a column holds the numbers)."""

from __future__ import annotations

import numpy as np


def _split(codes: str) -> list[str]:
    return codes.split()


# Causes of ordinary and emergency admissions; none is a metastatic, chemotherapy or Charlson code.
ACUTE = _split(
    "N390 J181 R074 R104 K590 S525 M545 H269 K573 R55X N179 L031 E876 A419 K802 R11X M179 K409 R42X J22X "
    "R060 K210 I839 M169 D649 S720 N201 R31X H250 G560"
)
FRAILTY = _split("R54X R296 W190 Z740 R268 F059 N393 L899 R410 Z993 M810 R32X")
BACKGROUND = _split("I10X Z853 E780 Z921 F171 M199 E039 Z880 F329 I48X")
# One list of codes per Charlson group of `course.COMORBIDITIES`, in that order.
CHARLSON = (
    _split("I219 I252 I229"),
    _split("I500 I509 I420"),
    _split("I739 I714 I702"),
    _split("I639 I679 G459"),
    _split("F03X F019 G309"),
    _split("J449 J459 J439"),
    _split("M069 M353 M059"),
    _split("K746 K760 K703"),
    _split("E119 E109 E112"),
    _split("N183 N184 N189"),
)
SITE_CODES = _split("C795 C780 C787 C793")
OTHER_METASTATIC = _split("C782 C772 C771 C778 C798 C799 C786 C792 C770 C797")
BREAST = [f"C50{i}" for i in (0, 1, 2, 3, 4, 5, 6, 8, 9)]
IN_SITU = _split("D050 D051 D057 D059")
OTHER_DEATHS = _split("I219 I251 J189 J449 I639 F03X C349 C189 U071 N179 K746 G309 I500 E149 C259 X590 I64X J22X")
METASTATIC_COMPLICATIONS = _split("R18X J90X E835 G551 R522 K769 R571 J189 A419 N179 D70X R060")

ICD10 = list(
    dict.fromkeys(
        [
            *ACUTE,
            *FRAILTY,
            *BACKGROUND,
            *[c for group in CHARLSON for c in group],
            *SITE_CODES,
            *OTHER_METASTATIC,
            *BREAST,
            *IN_SITU,
            *OTHER_DEATHS,
            *METASTATIC_COMPLICATIONS,
            *_split("C773 C779 Z511 Z515"),
        ]
    )
)

MASTECTOMY = _split("B271 B274 B275 B278")
BREAST_CONSERVING = _split("B282 B283 B285")
AXILLA = _split("T873 T862 T862")
CHEMOTHERAPY_DELIVERY = _split("X721 X722 X723 X724 X729")
METASTATIC_BIOPSY = _split("J132 J131 E592 E491 T111 W361 W365 T877 T911 S151 A084 V471 T431 J141")
ORDINARY = _split("G451 C712 W401 H221 M459 S062 Q181 T202 A651 J183 X292 E852 M473 W371 U212")
OPCS4 = list(
    dict.fromkeys(
        [
            *MASTECTOMY,
            *BREAST_CONSERVING,
            *AXILLA,
            *CHEMOTHERAPY_DELIVERY,
            *METASTATIC_BIOPSY,
            *ORDINARY,
            *_split("B321 B323 Z943 Z942"),
        ]
    )
)

_ICD10_NUMBER = {code: number for number, code in enumerate(ICD10)}
_OPCS4_NUMBER = {code: number for number, code in enumerate(OPCS4)}


def number_icd10(codes: str | list[str]) -> np.ndarray:
    """Return the vocabulary numbers of ICD-10 codes (a list, or a text separated by blanks)."""
    return np.array([_ICD10_NUMBER[c] for c in (codes.split() if isinstance(codes, str) else codes)], dtype=np.int16)


def number_opcs4(codes: str | list[str]) -> np.ndarray:
    """Return the vocabulary numbers of OPCS-4 codes (a list, or a text separated by blanks)."""
    return np.array([_OPCS4_NUMBER[c] for c in (codes.split() if isinstance(codes, str) else codes)], dtype=np.int16)
