"""Items that several feeds share, each with its coding (``definitions/codings``)."""

from __future__ import annotations

from collections.abc import Mapping

from naome.extract.clean import Coded, integer
from naome.extract.problems import say_rows

#: z_stage of the registry: staging systems of other cancers (A, B, C, L, M ...) are unknown for the breast. Behind
#: Roman numerals only A, B and C are read: IS, IBC and ICU are no stages
STAGE = Coded("stage", spelling=r"(?:STAGE:? ?)?({codes})(?:(?<=\d)[A-Z][A-Z0-9]{0,4}|(?<=[IV])[A-C]\d?)?")
#: Clinical or pathological, after treatment (y), of a recurrence (r) or at autopsy (a)
M_CATEGORY = Coded("m_category", "BOOLEAN", spelling=r"[YRA]?[CP]?M? ?({codes})(?:[A-E]| ?\(I\+\))?")
#: Fewer rows than this tell nothing of what the codes of a column mean
TELLING_DIGITS = 30
#: Share of the rows that may have a performance status on the scale of young people
YOUNG = 0.05


def doubt_scale(rows: Mapping[str, int]) -> str:
    """Say why two-digit codes in a column of performance status may not be those of the scale of young people.

    Parameters
    ----------
    rows : mapping of str to int
        Value -> rows.

    Examples
    --------
    >>> doubt_scale({"0": 900, "1": 400, "01": 4})
    ''
    >>> doubt_scale({"00": 900, "01": 400, "9": 80}).partition(":")[0]
    '00 to 11 are in 1,300 rows'
    """
    young = sum(rows.get(f"{code:02d}", 0) for code in range(12))
    if young < TELLING_DIGITS or young <= YOUNG * sum(rows.values()):
        return ""
    return (
        f"00 to 11 are in {say_rows(young)}: in the registry's list they are a scale of young people, which few people "
        "with breast cancer have; allowed: 0 to 4 and 9. Hint: was a zero written before the codes? Export them as "
        "they are."
    )


PERFORMANCE_STATUS = Coded("performance_status", "INTEGER", doubt=doubt_scale)
GRADE = Coded("grade", "INTEGER")
RECEPTOR = Coded("receptor")


def doubt_zero(rows: Mapping[str, int]) -> str:
    """Say why 0 in a column of HER2 may not be a score.

    Parameters
    ----------
    rows : mapping of str to int
        Value -> rows.

    Examples
    --------
    >>> doubt_zero({"0": 40, "1+": 60, "P": 9})
    ''
    >>> doubt_zero({"0": 40, "P": 9}).partition(":")[0]
    '0 is in 40 rows and 1+, 2+ or 3+ in none'
    """
    if not rows.get("0") or any(rows.get(score) for score in ("1+", "2+", "3+")):
        return ""
    return (
        f"0 is in {say_rows(rows['0'])} and 1+, 2+ or 3+ in none: it may be a score, or mean that there is no result; "
        "allowed: P, N, B, U, X, or scores from 0 to 3+. Hint: export the results as P, N and B."
    )


#: Some trusts export the score of immunohistochemistry, which the registry translates
HER2 = Coded("receptor", also="her2_score", doubt=doubt_zero)
GENDER = Coded("gender")


def doubt_digits(rows: Mapping[str, int]) -> str:
    """Say why figures in a column of ethnic groups may not be those of the list of 1991.

    Parameters
    ----------
    rows : mapping of str to int
        Value -> rows.

    Examples
    --------
    >>> doubt_digits({"0": 900, "1": 40, "4": 12}), doubt_digits({"A": 900, "1": 9})
    ('', '')
    >>> doubt_digits({"1": 900, "2": 40}).partition(":")[0]
    'figures from 1 to 7 are in 940 rows and 0 in 0 rows'
    """
    # In the list of 1991 whites outnumber each other group in every trust and registry
    digits = [rows.get(digit, 0) for digit in "1234567"]
    if sum(digits) < TELLING_DIGITS or rows.get("0", 0) > max(digits):
        return ""
    return (
        f"figures from 1 to 7 are in {say_rows(sum(digits))} and 0 in {say_rows(rows.get('0', 0))}: in the list of "
        "1991 (0 white, 1 black Caribbean ... 7 Chinese) 0 is the most frequent, so this is another; allowed: letters "
        "of the 2001 census (A to Z), the list of 1991, or labels. Hint: are these the five groups of a census? Export "
        "the codes or labels that the groups were made from."
    )


ETHNIC_GROUP = Coded("ethnic_group", refuse=False, doubt=doubt_digits)
#: Wales has codes of its own: T is Arab there, and Traveller in England
ETHNIC_GROUP_WALES = Coded("ethnic_group_wales", refuse=False)
VITAL_STATUS = Coded("vital_status")
CNS_INDICATOR = Coded("cns_indicator", refuse=False)
PATIENT_CLASS = Coded("patient_class")
BASIS = Coded("basis_of_diagnosis")
REGISTRATION_STATUS = Coded("registration_status")


def doubt_quintile(rows: Mapping[str, int]) -> str:
    """Say why figures in a column of deprivation may not be quintiles from 1 to 5.

    Parameters
    ----------
    rows : mapping of str to int
        Value -> rows.

    Examples
    --------
    >>> doubt_quintile({"0": 3, "1": 90, "5": 80})
    ''
    >>> doubt_quintile({"0": 90, "1": 85, "4": 80}).partition(":")[0]
    '0 is in 90 rows and 5 in none'
    """
    if rows.get("0", 0) < TELLING_DIGITS or rows.get("5"):
        return ""
    return (
        f"0 is in {say_rows(rows['0'])} and 5 in none: quintiles counted from 0 would be read as others; allowed: 1 to "
        "5. Hint: add 1 to each, or export the quintiles as they are published."
    )


QUINTILE_1_MOST_DEPRIVED = Coded("deprivation_1_most", "INTEGER", doubt=doubt_quintile)
#: Simulacrum version 1 and some registry extracts count from the other end.
QUINTILE_1_LEAST_DEPRIVED = Coded("deprivation_1_least", "INTEGER", doubt=doubt_quintile)
#: Registrations of another country are not eligible, so a spelling that no list has must not pass in silence
COUNTRY = Coded("country", refuse=False)
#: No result rests on it: a row of another kind is a row that was cut, shifted or joined from another table
ORGANISATION_KIND = Coded("organisation_kind", refuse=False)
AGE = integer(0, 120, above="does 999 mean that it is not known, or is this a year of birth, or an age in months?")
