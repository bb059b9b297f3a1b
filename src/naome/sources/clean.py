"""Cleaning one value: every repair is a named rule, and what is not understood is refused.

Cleaners work on distinct values, not on rows: a column of ten million codes has
a few thousand different ones. Each returns the cleaned value with the rules that
were needed; :class:`Refused` says what would have been allowed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

RULES: dict[str, str] = {
    "white_space": "Blanks around the value are dropped.",
    "lower_case": "A code in lower case is read as its capital.",
    "float_text": "A whole number written as a decimal (3.0) is read as the whole number.",
    "sentinel_date": "1800-01-01, 1801-01-01, 1900-01-01 and 1582-10-15 stand for a missing date.",
    "truncated_date": "A date without day and month (1899-) is read as missing.",
    "empty_marker": "'-', '&' and blank stand for no code.",
    "icd10_dot": "The dot of an ICD-10 code is dropped.",
    "icd10_padding": "The X or - that pads a three-character ICD-10 code is dropped.",
    "icd10_dagger": "A dagger, asterisk or trailing D or A mark of an ICD-10 code is dropped.",
    "code_list_in_field": "Several codes in one cause-of-death field are read one by one.",
    "borderline_receptor": "A borderline receptor result counts as not recorded.",
    "receptor_suffix": "A receptor result with the registry's m suffix is read without it.",
    "unmapped_code": "A code outside the published list of a secondary item is read as not recorded.",
    "age_text": "An age with blanks or decimals is read as completed years.",
}

SENTINEL_DATES = {dt.date(1800, 1, 1), dt.date(1801, 1, 1), dt.date(1900, 1, 1), dt.date(1582, 10, 15)}
EARLIEST, LATEST = dt.date(1900, 1, 2), dt.date(2100, 1, 1)


class Refused(Exception):
    """A value that cannot be read without guessing."""

    def __init__(self, allowed: str, hint: str = "") -> None:
        super().__init__(allowed)
        self.allowed, self.hint = allowed, hint


@dataclass(frozen=True)
class Cleaner:
    """How one kind of column is cleaned.

    Attributes
    ----------
    sql_type : str
        DuckDB type of the cleaned column.
    clean : callable
        Raw value (text, or a date where the file has dates) -> ``(value, rules)``.
    """

    sql_type: str
    clean: Callable[[object], tuple[object, tuple[str, ...]]]


def tidy(value: object) -> tuple[str, tuple[str, ...]]:
    """Return text without blanks around it.

    Examples
    --------
    >>> tidy(" C50 ")
    ('C50', ('white_space',))
    """
    text = str(value)
    stripped = text.strip()
    return stripped, ("white_space",) if stripped != text else ()


def clean_date(value: object) -> tuple[dt.date | None, tuple[str, ...]]:
    """Read a date: DATE columns, YYYY-MM-DD, dd/mm/yyyy or yyyymmdd.

    Examples
    --------
    >>> clean_date("01/02/2020")
    (datetime.date(2020, 2, 1), ())
    >>> clean_date("1800-01-01")
    (None, ('sentinel_date',))
    """
    if isinstance(value, dt.datetime):
        value = value.date()
    rules: tuple[str, ...] = ()
    if not isinstance(value, dt.date):
        text, rules = tidy(value)
        if text in ("", "-"):
            return None, rules
        if re.fullmatch(r"\d{4}-?", text) and text.endswith("-"):
            return None, (*rules, "truncated_date")
        value = _parse_date(text)
    if value in SENTINEL_DATES:
        return None, (*rules, "sentinel_date")
    if not EARLIEST <= value <= LATEST:
        raise Refused("a date between 1900 and 2100", "is the century mistyped?")
    return value, rules


def _parse_date(text: str) -> dt.date:
    text = re.sub(r"[ T]00:00(:00(\.0+)?)?$", "", text)
    if re.fullmatch(r"\d{8}\.0", text):
        text = text[:8]
    for pattern in ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d"):
        try:
            return dt.datetime.strptime(text, pattern).date()
        except ValueError:
            continue
    raise Refused("a date as YYYY-MM-DD, dd/mm/yyyy or yyyymmdd", "is this another column, or a month/day/year date?")


def clean_icd10(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Read one ICD-10 code.

    Examples
    --------
    >>> clean_icd10("c79.5")
    ('C795', ('lower_case', 'icd10_dot'))
    >>> clean_icd10("C50X")
    ('C50', ('icd10_padding',))
    """
    text, rules = tidy(value)
    if text in ("", "-", "&"):
        return None, (*rules, "empty_marker") if text else rules
    if text != text.upper():
        text, rules = text.upper(), (*rules, "lower_case")
    if "." in text:
        text, rules = text.replace(".", ""), (*rules, "icd10_dot")
    if match := re.fullmatch(r"([A-Z]\d[\dA-Z]\d{0,2})([†*+]|[DA])", text):
        text, rules = match[1], (*rules, "icd10_dagger")
    if match := re.fullmatch(r"([A-Z]\d[\dA-Z]\d?)[X-]{1,2}", text):
        text, rules = match[1], (*rules, "icd10_padding")
    if not re.fullmatch(r"[A-Z]\d[\dA-Z]\d{0,2}", text):
        raise Refused("an ICD-10 code such as C795", "is this an OPCS-4 code, or a column shifted by one?")
    return text, rules


def clean_opcs4(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Read one OPCS-4 code.

    Examples
    --------
    >>> clean_opcs4("x72.1")
    ('X721', ('lower_case', 'icd10_dot'))
    """
    text, rules = tidy(value)
    if text in ("", "-", "&"):
        return None, (*rules, "empty_marker") if text else rules
    if text != text.upper():
        text, rules = text.upper(), (*rules, "lower_case")
    if "." in text:
        text, rules = text.replace(".", ""), (*rules, "icd10_dot")
    if not re.fullmatch(r"[A-Z]\d{2}\d?", text):
        raise Refused("an OPCS-4 code such as X721", "is this an ICD-10 code?")
    return text, rules


def clean_cause_list(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Read a cause-of-death field that may hold several codes; return them separated by blanks.

    Examples
    --------
    >>> clean_cause_list("G309,C449")
    ('G309 C449', ('code_list_in_field',))
    """
    text, rules = tidy(value)
    codes = []
    parts = [part for part in re.split(r"[,;\s]+", text) if part]
    for part in parts:
        code, used = clean_icd10(part)
        rules += tuple(rule for rule in used if rule not in rules)
        if code:
            codes.append(code)
    if len(parts) > 1:
        rules = (*rules, "code_list_in_field")
    return " ".join(codes) or None, rules


def clean_text(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Keep text as it is, without blanks around it."""
    text, rules = tidy(value)
    return text or None, rules


def clean_upper(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Keep text in capitals (drug groups, organisation codes).

    Examples
    --------
    >>> clean_upper("palbociclib")
    ('PALBOCICLIB', ('lower_case',))
    """
    text, rules = tidy(value)
    if text != text.upper():
        text, rules = text.upper(), (*rules, "lower_case")
    return text or None, rules


def choice(mapping: Mapping[str, object], *, sql_type: str = "VARCHAR", refuse: bool = True, **special: str) -> Cleaner:
    """Return a cleaner for a coded item.

    Parameters
    ----------
    mapping : mapping
        Raw code -> canonical value; None means *not recorded*.
    refuse : bool
        Whether an unknown code stops the run. Only secondary items may pass
        one, and then it is counted as ``unmapped_code``.
    **special : str
        Raw code (as keyword) -> name of the rule to count when it is met.

    Examples
    --------
    >>> choice({"1": "male", "2": "female"}).clean("2.0")
    ('female', ('float_text',))
    """

    def clean(value: object) -> tuple[object, tuple[str, ...]]:
        text, rules = tidy(value)
        if text == "":
            return None, rules
        if text not in mapping and re.fullmatch(r"\d+\.0+", text):
            text, rules = text.split(".")[0], (*rules, "float_text")
        if text not in mapping and text.upper() in mapping:
            text, rules = text.upper(), (*rules, "lower_case")
        if text not in mapping:
            if refuse:
                raise Refused(
                    "one of " + ", ".join(mapping), "is this another column, or a newer version of the code list?"
                )
            return None, (*rules, "unmapped_code")
        if text in special:
            rules = (*rules, special[text])
        return mapping[text], rules

    return Cleaner(sql_type, clean)


def integer(low: int, high: int) -> Cleaner:
    """Return a cleaner for a whole number between `low` and `high` inclusive.

    Examples
    --------
    >>> integer(0, 120).clean("65.0")
    (65, ('float_text',))
    """

    def clean(value: object) -> tuple[int | None, tuple[str, ...]]:
        text, rules = tidy(value)
        if text == "":
            return None, rules
        if re.fullmatch(r"-?\d+\.0+", text):
            text, rules = text.split(".")[0], (*rules, "float_text")
        if not re.fullmatch(r"-?\d+", text) or not low <= int(text) <= high:
            raise Refused(f"a whole number from {low} to {high}")
        return int(text), rules

    return Cleaner("INTEGER", clean)


def prefix(mapping: Mapping[str, object], *, sql_type: str = "VARCHAR") -> Cleaner:
    """Return a cleaner that reads an item by its first character (stage, M category).

    Anything whose first character is not in `mapping` is *not recorded*, as the
    registry's own guidance has it for stage (6, ?, U, X).

    Examples
    --------
    >>> prefix({"4": "4"}).clean("4A")
    ('4', ())
    """

    def clean(value: object) -> tuple[object, tuple[str, ...]]:
        text, rules = tidy(value)
        if text != text.upper():
            text, rules = text.upper(), (*rules, "lower_case")
        return mapping.get(text[:1]), rules

    return Cleaner(sql_type, clean)


DATE = Cleaner("DATE", clean_date)
ICD10 = Cleaner("VARCHAR", clean_icd10)
OPCS4 = Cleaner("VARCHAR", clean_opcs4)
CAUSES = Cleaner("VARCHAR", clean_cause_list)
TEXT = Cleaner("VARCHAR", clean_text)
UPPER = Cleaner("VARCHAR", clean_upper)
