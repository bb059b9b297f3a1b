"""Cleaning one value: every repair is a named rule, and what is not understood is refused.

Cleaners work on distinct values, not on rows: a column of ten million codes has
a few thousand different ones. Each returns the cleaned value with the rules that
were needed; :class:`Refused` says what would have been allowed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from naome.core.definitions import Definitions
from naome.extract.vocabulary import GROUPED, NOT_COUNTED, UNKNOWN, show_only_shape

CLEANING_RULES: dict[str, str] = {
    "white_space": "Blanks around the value are dropped.",
    "lower_case": "A code in lower case is read as its capitals.",
    "float_text": "A whole number written as a decimal (3.0) is read as the whole number.",
    "missing_word": "NA, NULL, NaN, a single dot and the like are words of programs for a missing value.",
    "not_recorded_word": "A word for what is not known or not recorded, in the place of a code, is read as not "
    "recorded.",
    "hidden_character": "Characters that are not seen (a blank of no width) are dropped, and those of full width are "
    "read as others.",
    "sentinel_date": "1582-10-15, 1600-01-01, 1800-01-01, 1801-01-01 and the first days of programs' calendars "
    "(0000-00-00, 0001-01-01, 1753-01-01, 1899-12-30, 1899-12-31, 1900-01-01, 1904-01-01, 1960-01-01, 1970-01-01) "
    "stand for a missing date.",
    "truncated_date": "A date without day and month (1899-) is read as missing.",
    "empty_marker": "'-', '&' and blank stand for no code, '-' and '?' for no date.",
    "no_diagnosis": "R69X3 (invalid) and R69X6 (not known) stand for no diagnosis in HES.",
    "code_dot": "The dot of an ICD-10 or OPCS-4 code is dropped.",
    "code_split": "A blank or dash in the place of the dot of a code is dropped.",
    "icd10_padding": "The X that fills the fourth place of an ICD-10 code is dropped, and what follows it, and the - "
    "that fills the fifth.",
    "opcs4_padding": "The X or - that fills the fourth place of an OPCS-4 code is dropped.",
    "icd10_dagger": "A dagger, asterisk or trailing D or A mark of an ICD-10 code is dropped.",
    "code_list_in_field": "Several codes in one cause-of-death field are read one by one.",
    "borderline_receptor": "A borderline receptor result counts as not recorded.",
    "her2_score": "A score of HER2 immunohistochemistry is read as its meaning: 0 and 1+ negative, 3+ positive.",
    "roman_numeral": "A stage in Roman numerals is read as the number.",
    "registry_suffix": "A code with the registry's m suffix is read without it.",
    "unmapped_code": "A code outside the published list of a secondary item is read as not recorded.",
    "time_of_day": "The time of day in a date is dropped.",
    "label_spelling": "A code or label is read with any signs between its words.",
    "drug_brand": "A brand name is read as its drug.",
    "drug_name": "An older name, an abbreviation or a common misspelling is read as the drug's name in the code list.",
    "drug_regimen": "The abbreviation of a regimen is read as its drugs.",
    "drug_salt": "The salt is dropped from the name of a drug.",
    "drug_form": "How a drug is made up, given or funded, and who makes it, is dropped from its name.",
    "drug_strength": "Strengths and doses are dropped from the name of a drug.",
    "drug_suffix": "The four letters that distinguish biological medicines (trastuzumab-dkst) are dropped.",
    "drug_spelling": "A drug's name is read with its words in any order and any signs between them.",
    "drug_combination": "Several drugs in one field are a row each; a product with two agents in the code list is one.",
    "drug_blinded": "A drug or placebo is read as a drug of a trial: which was given is not known.",
    "organisation_default": "A default code of the NHS, or a word for missing, in place of an organisation means that "
    "none is recorded.",
    "site_code": "The code of a site (five characters, in no row of organisations) is read by its first three.",
    "merged_provider": "An organisation that has merged is read as its successor.",
}

#: What programs write where nothing is known; no code is spelt like this.
MISSING_WORDS = frozenset({"NA", "N/A", "#N/A", "<NA>", "NAN", "NAT", "NULL", "(NULL)", "\\N", "NONE", "."})
#: What a tumour is made of, in ICD-O: M8500/3
MORPHOLOGY = re.compile(r"(M-?)?[89]\d{3}([./]\d)*", re.IGNORECASE)
#: A code with a blank or a dash where others have a dot
SPLIT_CODE = re.compile("[A-Z][0-9]{2}[ -][0-9]{1,2}")
#: What spreadsheets write where a formula failed.
BROKEN = frozenset({"#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"})
#: Codes are no longer than this; labels are, and are read whatever signs stand between their words
LONGEST_CODE = 3
#: Coding of the words that stand for no code in every item
NOT_RECORDED = "not_recorded"
#: Share of the rows of a coded item whose codes may be outside its list
UNMAPPED_LIMIT = 0.05


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
    allowed : str
        What may stand in the column, for the data dictionary.
    plain : callable, optional
        Returns the first and the last value that stay as they are, of columns that are of `sql_type` already.
        What lies between them need not be looked at one by one.
    place : callable, optional
        Of a vocabulary: says of a cleaned value, with its rules, whether its group counts, it is known or unknown.
    limit : float
        Of a vocabulary: largest share of the rows whose values may be unknown.
    show : callable
        Of a vocabulary: returns an unknown value, in capitals, as it may be shown; its shape by default.
    doubt : callable, optional
        Of a vocabulary: says of the values of a whole column, in capitals, with their rows, why their meaning is
        doubtful; nothing where it is not.
    """

    sql_type: str
    clean: Callable[[object], tuple[object, tuple[str, ...]]]
    allowed: str
    plain: Callable[[], tuple[object, object]] | None = None
    place: Callable[[object, tuple[str, ...]], str] | None = None
    limit: float = 1.0
    show: Callable[[str], str] = show_only_shape
    doubt: Callable[[Mapping[str, int]], str] | None = None


@dataclass(frozen=True)
class Coded:
    """A column that is cleaned by a coding of ``definitions/codings``; it becomes a cleaner when definitions are there.

    Attributes
    ----------
    coding : str
        File stem of the coding.
    sql_type : str
        DuckDB type of the cleaned column.
    refuse : bool
        Whether an unknown code stops the run; see :func:`choice`.
    spelling : str
        Pattern of the values that begin with a code, which stands for ``{codes}`` in it; empty where values are codes.
    doubt : callable, optional
        As in :class:`Cleaner`.
    also : str
        Another coding whose codes may stand in the column too; empty where there is none.
    """

    coding: str
    sql_type: str = "VARCHAR"
    refuse: bool = True
    spelling: str = ""
    doubt: Callable[[Mapping[str, int]], str] | None = None
    also: str = ""

    def bind(self, definitions: Definitions) -> Cleaner:
        """Return the cleaner that some definitions make.

        Raises
        ------
        DefinitionError
            If there is no such coding.

        Examples
        --------
        >>> from naome.core.definitions import project_definitions
        >>> Coded("gender").bind(project_definitions()).clean("2.0")
        ('female', ('float_text',))
        """
        codings = [definitions.coding(name) for name in (self.coding, self.also) if name]
        values = {code: _typed(value, self.sql_type) for each in codings for code, value in each.values.items()}
        rules = {code: rule for each in codings for code, rule in each.rules.items()}
        absent = frozenset(definitions.coding(NOT_RECORDED).values)
        if not self.spelling:
            cleaner = choice(values, sql_type=self.sql_type, refuse=self.refuse, absent=absent, **rules)
            return replace(cleaner, doubt=self.doubt)
        known = {code: value for code, value in values.items() if value is not None}
        longest_first = sorted(known, key=len, reverse=True)
        pattern = self.spelling.replace("{codes}", "|".join(map(re.escape, longest_first)))
        unknown = tuple(code for code, value in values.items() if value is None)
        return leading(pattern, known, unknown, rules, sql_type=self.sql_type, absent=absent)


def _typed(value: str, sql_type: str) -> object:
    if value == "":
        return None
    return {"INTEGER": int, "BOOLEAN": lambda text: text == "true"}.get(sql_type, str)(value)


def tidy(value: object, codes: Iterable[str] = ()) -> tuple[str, tuple[str, ...]]:
    """Return text without blanks around it, and none where a word stands for a missing value.

    Parameters
    ----------
    codes : iterable of str
        Codes of the item, which are no words for missing whatever they look like.

    Examples
    --------
    >>> tidy(" C50 ")
    ('C50', ('white_space',))
    >>> tidy("NULL")
    ('', ('missing_word',))
    """
    text, rules = _show_hidden(str(value))
    stripped = text.strip()
    if stripped != text:
        rules = (*rules, "white_space")
    if stripped.upper() in BROKEN:
        raise Refused("a value, or nothing at all", "a formula of a spreadsheet failed; export from the source again.")
    if stripped.upper() in MISSING_WORDS and stripped not in codes:
        return "", (*rules, "missing_word")
    return stripped, rules


def _show_hidden(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text without characters that are not seen, and with those of full width as others."""
    if text.isascii():
        return text, ()
    seen = "".join(
        unicodedata.normalize("NFKC", character) if unicodedata.east_asian_width(character) == "F" else character
        for character in text
        if unicodedata.category(character) != "Cf"
    )
    return seen, ("hidden_character",) if seen != text else ()


def clean_icd10(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Read one ICD-10 code in the NHS format: X may fill the fourth place and - the fifth; the sixth is a D or A mark.

    Examples
    --------
    >>> clean_icd10("c79.5")
    ('C795', ('lower_case', 'code_dot'))
    >>> clean_icd10("C50X")
    ('C50', ('icd10_padding',))
    >>> clean_icd10("G01X-A")
    ('G01', ('icd10_dagger', 'icd10_padding'))
    """
    text, rules = _tidy_code(value)
    if text in ("R69X3", "R69X6"):
        return None, (*rules, "no_diagnosis")
    if match := re.fullmatch(r"([A-Z]\d{2}[\dX]?[\d-]?) ?([†*+]|[DA])", text):
        text, rules = match[1], (*rules, "icd10_dagger")
    if match := re.fullmatch(r"([A-Z]\d{2})(X[\dX-]?|--?)|([A-Z]\d{3})[X-]", text):
        text, rules = match[1] or match[3], (*rules, "icd10_padding")
    if text and not re.fullmatch("[A-Z][0-9]{2,4}", text):
        hint = "is this an OPCS-4 code, or a column shifted by one?"
        if len(re.findall("[A-Z][0-9]{2}", text)) > 1:
            hint = "are these several codes in one field? Export one in each column."
        elif not re.match("[A-Z]", text):
            hint = "is this another column, or one shifted by one?"
        raise Refused("an ICD-10 code (letter, two to four digits)", hint)
    return text or None, rules


def clean_site(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Read the ICD-10 code of where a tumour is; what it is made of has a code of much the same form.

    Examples
    --------
    >>> clean_site("C50.4")
    ('C504', ('code_dot',))
    """
    if MORPHOLOGY.fullmatch(str(value).strip()):
        raise Refused(
            "an ICD-10 code (letter, two to four digits)",
            "this is a morphology code of ICD-O: is it the column of the morphology?",
        )
    return clean_icd10(value)


def clean_opcs4(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Read one OPCS-4 code.

    Examples
    --------
    >>> clean_opcs4("x72.1")
    ('X721', ('lower_case', 'code_dot'))
    >>> clean_opcs4("B27-")
    ('B27', ('opcs4_padding',))
    """
    text, rules = _tidy_code(value)
    if match := re.fullmatch(r"([A-Z]\d{2})[X-]{1,2}", text):
        text, rules = match[1], (*rules, "opcs4_padding")
    if text and not re.fullmatch("[A-Z][0-9]{2,3}", text):
        raise Refused("an OPCS-4 code (letter, two or three digits)", "is this an ICD-10 code?")
    return text or None, rules


def _tidy_code(value: object) -> tuple[str, tuple[str, ...]]:
    """Return a code in capitals without blanks or dot; nothing where a mark stands for no code."""
    text, rules = tidy(value)
    if re.fullmatch("-+|&+", text):
        return "", (*rules, "empty_marker")
    if text != text.upper():
        text, rules = text.upper(), (*rules, "lower_case")
    if SPLIT_CODE.fullmatch(text):
        text, rules = text[:3] + text[4:], (*rules, "code_split")
    if "." in text:
        text, rules = text.replace(".", ""), (*rules, "code_dot")
    return text, rules


def clean_opcs4_site(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Read an OPCS-4 code of where a treatment was given; what is none counts as outside the list.

    Examples
    --------
    >>> clean_opcs4_site("Z66.3"), clean_opcs4_site("BREAST")
    (('Z663', ('code_dot',)), (None, ('unmapped_code',)))
    """
    try:
        return clean_opcs4(value)
    except Refused:
        return None, ("unmapped_code",)


def clean_cause_list(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Read a cause-of-death field that may hold several codes; return them separated by blanks.

    Examples
    --------
    >>> clean_cause_list("G309,C449")
    ('G309 C449', ('code_list_in_field',))
    """
    text, rules = tidy(value)
    codes = []
    parts = [part for part in re.split(r"[,;/|\s]+", text) if part]
    for part in parts:
        code, used = clean_icd10(part)
        rules += tuple(rule for rule in used if rule not in rules)
        if code:
            codes.append(code)
    if len(parts) > 1:
        rules = (*rules, "code_list_in_field")
    return " ".join(codes) or None, rules


def clean_text(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Keep text as it is, without blanks around it.

    Examples
    --------
    >>> clean_text(" Fictitious Trust")
    ('Fictitious Trust', ('white_space',))
    """
    text, rules = tidy(value)
    return text or None, rules


def clean_upper(value: object) -> tuple[str | None, tuple[str, ...]]:
    """Keep text in capitals (drug groups, organisation codes).

    Examples
    --------
    >>> clean_upper("palbociclib")
    ('PALBOCICLIB', ('lower_case',))
    """
    text, rules = clean_text(value)
    if text is not None and text != text.upper():
        text, rules = text.upper(), (*rules, "lower_case")
    return text, rules


def choice(
    mapping: Mapping[str, object],
    *,
    sql_type: str = "VARCHAR",
    refuse: bool = True,
    absent: frozenset[str] = frozenset(),
    **special: str,
) -> Cleaner:
    """Return a cleaner for a coded item.

    Parameters
    ----------
    mapping : mapping
        Raw code -> canonical value; None means *not recorded*.
    refuse : bool
        Whether an unknown code stops the run. Only secondary items may pass
        one, and then it is counted as ``unmapped_code``.
    absent : frozenset of str
        Words in capitals that mean *not recorded* where no code is spelt so.
    **special : str
        Raw code (as keyword) -> name of the rule to count when it is met.

    Examples
    --------
    >>> choice({"1": "male", "2": "female"}).clean("2.0")
    ('female', ('float_text',))
    """

    labels = {fold_label(code): code for code in reversed(mapping) if len(code) > LONGEST_CODE}
    capitals = {code.upper(): code for code in reversed(mapping)}
    codes = [code for code in mapping if len(code) <= LONGEST_CODE]
    told = f"one of {', '.join(codes or mapping)}{', or a label of one' if codes and labels else ''}"

    def clean(value: object) -> tuple[object, tuple[str, ...]]:
        # Parquet has a type of its own for what is 1 or 0 elsewhere
        text, rules = tidy(int(value) if isinstance(value, bool) else value, mapping)
        if text == "":
            return None, rules
        if text not in mapping and re.fullmatch(r"\d+\.0+", text):
            text, rules = text.split(".")[0], (*rules, "float_text")
        if text not in mapping and text.upper() in capitals:
            text, rules = capitals[text.upper()], (*rules, "lower_case")
        if text not in mapping and (label := find_label(text, mapping, labels)):
            text, rules = label, (*rules, "label_spelling")
        if text not in mapping:
            if fold_label(text) in absent:
                return None, (*rules, "not_recorded_word")
            if refuse:
                raise Refused(told, "is this another column, or a newer version of the code list?")
            return None, (*rules, "unmapped_code")
        if text in special:
            rules = (*rules, special[text])
        return mapping[text], rules

    return Cleaner(sql_type, clean, ", ".join(mapping), place=place_code, limit=UNMAPPED_LIMIT)


def fold_label(text: str) -> str:
    """Return a label in capitals, with a blank wherever other signs than letters and digits stand.

    Examples
    --------
    >>> fold_label("White - British"), fold_label("white & Asian")
    ('WHITE BRITISH', 'WHITE AND ASIAN')
    """
    return " ".join(re.findall(r"[^\W_]+|[<>]=?", text.upper().replace("&", " AND ")))


def find_label(text: str, mapping: Mapping[str, object], labels: Mapping[str, str]) -> str:
    """Return the code of a label, which may have its own code before it; an empty text where there is none.

    Parameters
    ----------
    mapping : mapping
        Code -> value.
    labels : mapping of str to str
        Folded label -> code.

    Examples
    --------
    >>> mapping = {"A": "white", "C": "white", "H": "asian", "BRITISH": "white"}
    >>> [find_label(text, mapping, {"BRITISH": "BRITISH"}) for text in ("british", "A - British", "H: British")]
    ['BRITISH', 'BRITISH', '']
    """
    folded = fold_label(text)
    code, _, rest = folded.partition(" ")
    whole, behind = labels.get(folded, ""), labels.get(rest, "")
    if not whole and behind and code in mapping and mapping[code] == mapping[behind]:
        return behind
    return whole


def place_code(value: object, rules: tuple[str, ...]) -> str:
    """Return where a cleaned code stands: in a group, known as not recorded, or in no list."""
    if "unmapped_code" in rules:
        return UNKNOWN
    return NOT_COUNTED if value is None else GROUPED


#: Hint for a value that cannot be
NONE_AS_EMPTY = "does it mean that there is none? Export missing values as empty."


def integer(low: int, high: int, *, above: str = NONE_AS_EMPTY) -> Cleaner:
    """Return a cleaner for a whole number between `low` and `high` inclusive.

    Parameters
    ----------
    above : str
        Hint for a larger one.

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
            fraction = re.fullmatch(r"-?\d*[.,]\d+", text)
            larger = re.fullmatch(r"\d+", text) and int(text) > high
            hint = "export it as a whole number, rounded down." if fraction else above if larger else NONE_AS_EMPTY
            raise Refused(f"a whole number from {low} to {high}", hint)
        return int(text), rules

    return Cleaner("INTEGER", clean, f"whole number from {low} to {high}")


def leading(
    known: str,
    mapping: Mapping[str, object],
    unknown: tuple[str, ...],
    special: Mapping[str, str],
    *,
    sql_type: str = "VARCHAR",
    absent: frozenset[str] = frozenset(),
) -> Cleaner:
    """Return a cleaner that reads an item by its first digit or numeral (stage, M category).

    Parameters
    ----------
    known : str
        Pattern of the values that are read, in capitals; its first group is the digit or numeral.
    mapping : mapping
        Digit or numeral -> canonical value.
    unknown : tuple of str
        Values that mean *not recorded*.
    special : mapping of str to str
        Digit or numeral -> name of the rule to count when it is met.
    absent : frozenset of str
        As in :func:`choice`.

    Examples
    --------
    >>> leading(r"(4|IV)[A-C]?", {"4": "4", "IV": "4"}, ("?",), {"IV": "roman_numeral"}).clean("IVA")
    ('4', ('roman_numeral',))
    """

    def clean(value: object) -> tuple[object, tuple[str, ...]]:
        text, rules = tidy(value, unknown)
        if re.fullmatch(r"\d\.0", text):
            text, rules = text[0], (*rules, "float_text")
        capital = text.upper()
        if capital in ("", *unknown):
            return None, (*rules, "lower_case") if capital != text else rules
        if match := re.fullmatch(known, capital):
            code = match[1]
            # Sub-stages may have small letters of their own (3Aii); only the first letter tells.
            small = text[match.start(1)].islower() or text[match.end(1) : match.end(1) + 1].islower()
            if small and sql_type == "VARCHAR":
                rules = (*rules, "lower_case")
            return mapping[code], (*rules, special[code]) if code in special else rules
        if fold_label(text) in absent:
            return None, (*rules, "not_recorded_word")
        raise Refused(
            f"{', '.join(mapping)} with or without a sub-category, or one of {', '.join(unknown)}",
            "is this another column?",
        )

    allowed = f"{', '.join(mapping)} and sub-categories; not recorded: {', '.join(unknown)}"
    return Cleaner(sql_type, clean, allowed, place=place_code, limit=UNMAPPED_LIMIT)


ICD10 = Cleaner("VARCHAR", clean_icd10, "an ICD-10 code")
TUMOUR_SITE = Cleaner("VARCHAR", clean_site, "an ICD-10 code of the site of a tumour")
OPCS4 = Cleaner("VARCHAR", clean_opcs4, "an OPCS-4 code")
OPCS4_SITE = Cleaner("VARCHAR", clean_opcs4_site, "an OPCS-4 code", place=place_code, limit=UNMAPPED_LIMIT)
CAUSES = Cleaner("VARCHAR", clean_cause_list, "one or more ICD-10 codes")
TEXT = Cleaner("VARCHAR", clean_text, "text")
UPPER = Cleaner("VARCHAR", clean_upper, "text in capitals")
#: An identifier that may be missing: a record that could not be linked to a person.
OPTIONAL_IDENTIFIER = Cleaner("VARCHAR", clean_text, "a pseudonym, or nothing")
