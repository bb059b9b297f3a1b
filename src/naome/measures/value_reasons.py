"""Reasons for no result that say what a national value is: where that value is suppressed, they are not given."""

from __future__ import annotations

from typing import Final

#: Of an outcome
ALL_OR_NONE: Final = "Everyone, or no one, has the outcome."
NEARLY_ALL_OR_NONE: Final = "In nearly every organisation everyone, or no one, has the outcome."
#: How the reason for no comparison of survival begins (:func:`say_national_survival`)
NATIONAL_SURVIVAL: Final = "national survival at"


def say_national_survival(years: int, percent: int) -> str:
    """Say that no organisations are compared because national survival is 0% or 100%.

    Examples
    --------
    >>> say_national_survival(1, 100)
    'national survival at 1 year is 100%'
    """
    return f"{NATIONAL_SURVIVAL} {years} year{'' if years == 1 else 's'} is {percent}%"


def says_value(reason: str) -> bool:
    """Whether a reason, or one of several in a sentence, says what a national value is.

    Examples
    --------
    >>> says_value(f"no one has been followed for 5 years; {say_national_survival(3, 0)}"), says_value("")
    (True, False)
    """
    return any(each in reason for each in (ALL_OR_NONE, NEARLY_ALL_OR_NONE, NATIONAL_SURVIVAL))
