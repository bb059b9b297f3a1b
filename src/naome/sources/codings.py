"""Codings that several feeds share: receptors, stage, grade, ethnicity, patient class."""

from __future__ import annotations

from naome.sources.clean import Cleaner, choice, integer, leading

#: z_stage of the registry: staging systems of other cancers (A, B, C, L, M ...) are unknown for the breast.
STAGE = leading(
    r"([0-4])(?:[A-Z][A-Z0-9]{0,4})?",
    {str(n): str(n) for n in range(5)},
    ("5", "6", "?", "U", "X", "A", "B", "C", "L1", "L2", "M", "M0", "M1", "M2", "M3", "MS"),
)
M_CATEGORY = leading(
    r"M?([01])(?:[A-E]|\(I\+\))?", {"0": False, "1": True}, ("2", "9", "X", "MX", "+", "?", "U"), sql_type="BOOLEAN"
)
PERFORMANCE_STATUS = choice(
    {**{str(n): n for n in range(5)}, **{f"{n}m": n for n in range(5)}, "9": None, "9m": None},
    sql_type="INTEGER",
    **{f"{n}m": "registry_suffix" for n in (0, 1, 2, 3, 4, 9)},
)
GRADE = choice(
    {
        **{f"G{n}": n for n in (1, 2, 3)},
        **{str(n): n for n in (1, 2, 3)},
        **dict.fromkeys(["G", "G4", "4", "GX", "GH", "GI", "GL", "9", "X"]),
    },
    sql_type="INTEGER",
)
RECEPTOR = choice(
    {
        "P": "positive",
        "Pm": "positive",
        "N": "negative",
        "Nm": "negative",
        **dict.fromkeys(["B", "Bm", "U", "X", "Xm", "9"]),
    },
    B="borderline_receptor",
    Bm="borderline_receptor",
    Pm="registry_suffix",
    Nm="registry_suffix",
    Xm="registry_suffix",
)
GENDER = choice({"1": "male", "2": "female", "9": None, "0": None, "X": None})
ETHNIC_GROUP = choice(
    {
        **dict.fromkeys(["0", "A", "B", "C", "CA", "CH", "CP"], "white"),
        **dict.fromkeys("DEFG", "mixed"),
        **dict.fromkeys("HJKL", "asian"),
        **dict.fromkeys("MNP", "black"),
        **dict.fromkeys("RS8", "other"),
        "X": None,
        "Z": None,
    },
    refuse=False,
)
VITAL_STATUS = choice(
    {
        "A": "alive",
        "D": "dead",
        **dict.fromkeys(["D3", "D4", "D5"], "untraced"),
        **dict.fromkeys(["X", "X2", "X4", "X5"], "lost"),
    }
)
_CNS = {**{f"Y{n}": "seen" for n in range(1, 6)}, "NI": "not_seen", "NN": "not_seen"}
CNS_INDICATOR = choice(
    {**_CNS, **{f"{code}m": meaning for code, meaning in _CNS.items()}, "99": None},
    refuse=False,
    **{f"{code}m": "registry_suffix" for code in _CNS},
)
PATIENT_CLASS = choice(
    {"1": "ordinary", "2": "day_case", "3": "regular", "4": "regular", "5": "other", "8": "other", "9": "other"}
)
BASIS = choice({code: code for code in "012456789"})
QUINTILE_1_MOST_DEPRIVED = choice(
    {
        **{str(n): n for n in range(1, 6)},
        "1 - most deprived": 1,
        "5 - least deprived": 5,
    },
    sql_type="INTEGER",
)
AGE = integer(0, 120)


def yes_no(yes: str = "Y", no: str = "N", *missing: str) -> Cleaner:
    """Return a cleaner of a yes/no item."""
    return choice({yes: True, no: False, **dict.fromkeys(missing)}, sql_type="BOOLEAN")


#: Simulacrum version 1 and some registry extracts count from the other end.
QUINTILE_1_LEAST_DEPRIVED = choice(
    {
        **{str(n): 6 - n for n in range(1, 6)},
        "1 - least deprived": 5,
        "5 - most deprived": 1,
    },
    sql_type="INTEGER",
)
