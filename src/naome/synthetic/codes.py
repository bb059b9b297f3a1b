"""The ICD-10 and OPCS-4 codes the generator writes, as small numbered vocabularies (a column holds the numbers)."""

from __future__ import annotations

import numpy as np

# Causes of ordinary and emergency admissions; none is a metastatic, chemotherapy or Charlson code.
ACUTE = [
    "N390",
    "J181",
    "R074",
    "R104",
    "K590",
    "S525",
    "M545",
    "H269",
    "K573",
    "R55X",
    "N179",
    "L031",
    "E876",
    "A419",
    "K802",
    "R11X",
    "M179",
    "K409",
    "R42X",
    "J22X",
    "R060",
    "K210",
    "I839",
    "M169",
    "D649",
    "S720",
    "N201",
    "R31X",
    "H250",
    "G560",
]
FRAILTY = ["R54X", "R296", "W190", "Z740", "R268", "F059", "N393", "L899", "R410", "Z993", "M810", "R32X"]
BACKGROUND = ["I10X", "Z853", "E780", "Z921", "F171", "M199", "E039", "Z880", "F329", "I48X"]
# One list of codes per Charlson group of `course.COMORBIDITIES`, in that order.
CHARLSON = (
    ("I21.9 I25.2 I22.9", "mi"),
    ("I50.0 I50.9 I42.0", "ccf"),
    ("I73.9 I71.4 I70.2", "pvd"),
    ("I63.9 I67.9 G45.9", "cvd"),
    ("F03X F01.9 G30.9", "dem"),
    ("J44.9 J45.9 J43.9", "cpd"),
    ("M06.9 M35.3 M05.9", "rhd"),
    ("K74.6 K76.0 K70.3", "liv"),
    ("E11.9 E10.9 E11.2", "dbm"),
    ("N18.3 N18.4 N18.9", "ren"),
)
CHARLSON_CODES = [codes.replace(".", "").split() for codes, _ in CHARLSON]
SITE_CODES = ["C795", "C780", "C787", "C793"]
OTHER_METASTATIC = ["C782", "C772", "C771", "C778", "C798", "C799", "C786", "C792", "C770", "C797"]
BREAST = [f"C50{i}" for i in (0, 1, 2, 3, 4, 5, 6, 8, 9)]
IN_SITU = ["D050", "D051", "D057", "D059"]
OTHER_DEATHS = [
    "I219",
    "I251",
    "J189",
    "J449",
    "I639",
    "F03X",
    "C349",
    "C189",
    "U071",
    "N179",
    "K746",
    "G309",
    "I500",
    "E149",
    "C259",
    "X590",
    "I64X",
    "J22X",
]
METASTATIC_COMPLICATIONS = [
    "R18X",
    "J90X",
    "E835",
    "G551",
    "R522",
    "K769",
    "R571",
    "J189",
    "A419",
    "N179",
    "D70X",
    "R060",
]

ICD10 = list(
    dict.fromkeys(
        [
            *ACUTE,
            *FRAILTY,
            *BACKGROUND,
            *[c for group in CHARLSON_CODES for c in group],
            *SITE_CODES,
            *OTHER_METASTATIC,
            *BREAST,
            *IN_SITU,
            *OTHER_DEATHS,
            *METASTATIC_COMPLICATIONS,
            *["C773", "C779", "Z511", "Z512", "Z510", "Z515", "Z421", "N63X", "R92X"],
        ]
    )
)

SURGERY = ["B282", "B283", "B285", "B271", "B274", "B275", "B278"]
AXILLA = ["T873", "T862", "O142", "T852"]
CHEMOTHERAPY_DELIVERY = ["X721", "X722", "X723", "X724", "X729"]
METASTATIC_BIOPSY = [
    "J132",
    "J131",
    "E592",
    "E491",
    "T111",
    "W361",
    "W365",
    "T877",
    "T911",
    "S151",
    "A084",
    "V471",
    "T431",
    "J141",
]
ORDINARY = [
    "G451",
    "C712",
    "W401",
    "H221",
    "M459",
    "S062",
    "X384",
    "T202",
    "A651",
    "J183",
    "X292",
    "E852",
    "M473",
    "W371",
    "U212",
]
OPCS4 = list(
    dict.fromkeys(
        [
            *SURGERY,
            *AXILLA,
            *CHEMOTHERAPY_DELIVERY,
            *METASTATIC_BIOPSY,
            *ORDINARY,
            *["B321", "B323", "Y981", "Z943", "Z942", "Z152", "X336", "T122", "T461", "B301", "B297"],
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
