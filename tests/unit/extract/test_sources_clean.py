"""Cleaners, value by value: what is read, by which named rules, and what is refused."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naome.core.definitions import project_definitions
from naome.extract import clean, dates, drug_names, provider_codes
from naome.extract import shared_items as items
from naome.extract.clean import CLEANING_RULES, Refused

D = dt.date
DEFINITIONS = project_definitions()
#: The shared items, each with the cleaner that its coding makes
codings = SimpleNamespace(
    **{
        name: item.bind(DEFINITIONS) if isinstance(item, clean.Coded) else item
        for name, item in vars(items).items()
        if isinstance(item, clean.Coded | clean.Cleaner)
    }
)
DRUG = drug_names.DRUG.bind(DEFINITIONS)
PROVIDER = provider_codes.PROVIDER_CODE.bind(DEFINITIONS).among(
    provider_codes.Organisations({"RXX": "RYY", "RYY": "RYY"})
)
YES_NO = clean.Coded("flag_wales", "BOOLEAN").bind(DEFINITIONS)
READ = [
    # cleaner, raw, value, rules
    (dates.DATE, D(2020, 2, 1), D(2020, 2, 1), ()),
    (dates.DATE, dt.datetime(2020, 2, 1), D(2020, 2, 1), ()),
    (dates.DATE, dt.datetime(2020, 2, 1, 9, 30), D(2020, 2, 1), ("time_of_day",)),
    (dates.DATE, "2020-02-01", D(2020, 2, 1), ()),
    (dates.DATE, "01/02/2020", D(2020, 2, 1), ()),
    (dates.DATE, "1/2/2020", D(2020, 2, 1), ()),
    (dates.DATE, "20200201", D(2020, 2, 1), ()),
    (dates.DATE, "20200201.0", D(2020, 2, 1), ()),
    (dates.DATE, " 2020-02-01 ", D(2020, 2, 1), ("white_space",)),
    (dates.DATE, "2020-02-01 00:00:00", D(2020, 2, 1), ()),
    (dates.DATE, "2020-02-01T00:00:00.000", D(2020, 2, 1), ()),
    (dates.DATE, "2020-02-01 13:45:00", D(2020, 2, 1), ("time_of_day",)),
    (dates.DATE, "29/02/2020", D(2020, 2, 29), ()),
    (dates.DATE, "Feb  1 2020 12:00AM", D(2020, 2, 1), ()),
    (dates.DATE, "1st February 2020", D(2020, 2, 1), ()),
    (dates.DATE, "01 02 2020", D(2020, 2, 1), ()),
    (dates.DATE, "01-FEB-2020 00.00.00", D(2020, 2, 1), ()),
    (dates.DATE, "01-FEB-2020 09.30.00", D(2020, 2, 1), ("time_of_day",)),
    (dates.DATE, "20200201,00", D(2020, 2, 1), ()),
    (dates.DATE, "1800-01-01", None, ("sentinel_date",)),
    (dates.DATE, D(1801, 1, 1), None, ("sentinel_date",)),
    (dates.DATE, "15/10/1582", None, ("sentinel_date",)),
    (dates.DATE, "1899-", None, ("truncated_date",)),
    (dates.DATE, "-", None, ("empty_marker",)),
    (dates.DATE, "", None, ()),
    (dates.DATE, "1600-01-01", None, ("sentinel_date",)),
    (dates.DATE, "01/01/1600", None, ("sentinel_date",)),
    (dates.DATE, "0001-01-01T00:00:00", None, ("sentinel_date",)),
    (dates.DATE, "31DEC1899", None, ("sentinel_date",)),
    (dates.DATE, "0000-00-00", None, ("sentinel_date",)),
    (dates.DATE, "00/00/0000", None, ("sentinel_date",)),
    (dates.DATE, "00000000", None, ("sentinel_date",)),
    (dates.DATE, "12AUG2014", D(2014, 8, 12), ()),
    (dates.DATE, "12-Aug-2014", D(2014, 8, 12), ()),
    (dates.DATE, "12 august 2014", D(2014, 8, 12), ()),
    (dates.DATE, "Aug 12, 2014", D(2014, 8, 12), ()),
    (dates.DATE, "2014-AUG-12", D(2014, 8, 12), ()),
    (dates.DATE, "28FEB2019:00:00:00.000", D(2019, 2, 28), ()),
    (dates.DATE, "28FEB2019:09:30:00", D(2019, 2, 28), ("time_of_day",)),
    (dates.DATE, "2014/08/12", D(2014, 8, 12), ()),
    (dates.DATE, "2014.08.12", D(2014, 8, 12), ()),
    (dates.DATE, "12-08-2014", D(2014, 8, 12), ()),
    (dates.DATE, "12.08.2014", D(2014, 8, 12), ()),
    (dates.DATE, "12/08/2014 0:00", D(2014, 8, 12), ()),
    (dates.DATE, "12/08/2014 12:00:00 AM", D(2014, 8, 12), ()),
    (dates.DATE, "2014-08-12T00:00:00Z", D(2014, 8, 12), ()),
    (dates.DATE, "2014-08-12T00:00:00.000+00:00", D(2014, 8, 12), ()),
    (dates.DATE, "2014-08-12T00:00:00+01:00", D(2014, 8, 12), ()),
    (dates.DATE, "NA", None, ("missing_word",)),
    (dates.DATE, "NaT", None, ("missing_word",)),
    (dates.DATE, ".", None, ("missing_word",)),
    (clean.ICD10, "C795", "C795", ()),
    (clean.ICD10, "C79.5", "C795", ("code_dot",)),
    (clean.ICD10, "c795", "C795", ("lower_case",)),
    (clean.ICD10, "C50X", "C50", ("icd10_padding",)),
    (clean.ICD10, "C795X", "C795", ("icd10_padding",)),
    (clean.ICD10, "C50-", "C50", ("icd10_padding",)),
    (clean.ICD10, "C795D", "C795", ("icd10_dagger",)),
    (clean.ICD10, "C795A", "C795", ("icd10_dagger",)),
    (clean.ICD10, "C795*", "C795", ("icd10_dagger",)),
    (clean.ICD10, "C795+", "C795", ("icd10_dagger",)),
    (clean.ICD10, "M4955", "M4955", ()),
    # The NHS format: X fills the fourth place, - the fifth, the sixth is a mark
    (clean.ICD10, "C795-D", "C795", ("icd10_dagger", "icd10_padding")),
    (clean.ICD10, "D630-A", "D630", ("icd10_dagger", "icd10_padding")),
    (clean.ICD10, "E113-D", "E113", ("icd10_dagger", "icd10_padding")),
    (clean.ICD10, "G01XA", "G01", ("icd10_dagger", "icd10_padding")),
    (clean.ICD10, "G01X-A", "G01", ("icd10_dagger", "icd10_padding")),
    (clean.ICD10, "I10X-", "I10", ("icd10_padding",)),
    (clean.ICD10, "C50.-", "C50", ("code_dot", "icd10_padding")),
    (clean.ICD10, "M45X9", "M45", ("icd10_padding",)),
    (clean.ICD10, "M0690A", "M0690", ("icd10_dagger",)),
    (clean.ICD10, "R69X6", None, ("no_diagnosis",)),
    (clean.ICD10, "R69X3", None, ("no_diagnosis",)),
    (clean.ICD10, "R69X", "R69", ("icd10_padding",)),
    (clean.ICD10, "----", None, ("empty_marker",)),
    (clean.ICD10, "NULL", None, ("missing_word",)),
    (clean.ICD10, "C50 9", "C509", ("code_split",)),
    (clean.ICD10, "C79-5", "C795", ("code_split",)),
    (clean.OPCS4, "X70 1", "X701", ("code_split",)),
    (clean.ICD10, "C50\u200b9", "C509", ("hidden_character",)),
    (YES_NO, "Not known", None, ("not_recorded_word",)),
    (clean.ICD10, "-", None, ("empty_marker",)),
    (clean.ICD10, "&", None, ("empty_marker",)),
    (clean.ICD10, "  ", None, ("white_space",)),
    (clean.ICD10, " c79.5 ", "C795", ("white_space", "lower_case", "code_dot")),
    (clean.OPCS4, "B274", "B274", ()),
    (clean.OPCS4, "x72.1", "X721", ("lower_case", "code_dot")),
    (clean.OPCS4, "&", None, ("empty_marker",)),
    (clean.OPCS4, "B27-", "B27", ("opcs4_padding",)),
    (clean.OPCS4, "B27X", "B27", ("opcs4_padding",)),
    (clean.OPCS4, "B274 ", "B274", ("white_space",)),
    (clean.OPCS4, "NA", None, ("missing_word",)),
    (clean.CAUSES, "C509", "C509", ()),
    (clean.CAUSES, "G309,C449", "G309 C449", ("code_list_in_field",)),
    (clean.CAUSES, "c50.9; J189", "C509 J189", ("lower_case", "code_dot", "code_list_in_field")),
    (clean.CAUSES, "", None, ()),
    (clean.TEXT, " A trust", "A trust", ("white_space",)),
    (clean.UPPER, "palbociclib", "PALBOCICLIB", ("lower_case",)),
    (clean.UPPER, "null", None, ("missing_word",)),
    (clean.TEXT, "#N/A", None, ("missing_word",)),
    (codings.STAGE, "NaN", None, ("missing_word",)),
    (codings.M_CATEGORY, "nan", None, ("missing_word",)),
    (codings.ETHNIC_GROUP, "NaN", None, ("missing_word",)),
    (codings.AGE, "NA", None, ("missing_word",)),
    (codings.STAGE, "4", "4", ()),
    (codings.STAGE, "4A", "4", ()),
    (codings.STAGE, "3Aii", "3", ()),
    (codings.STAGE, "0IS", "0", ()),
    (codings.STAGE, "2a", "2", ("lower_case",)),
    (codings.STAGE, "3.0", "3", ("float_text",)),
    (codings.STAGE, "I", "1", ("roman_numeral",)),
    (codings.STAGE, "IIB", "2", ("roman_numeral",)),
    (codings.STAGE, "III", "3", ("roman_numeral",)),
    (codings.STAGE, "IIIc1", "3", ("lower_case", "roman_numeral")),
    (codings.STAGE, " IV ", "4", ("white_space", "roman_numeral")),
    (codings.STAGE, "iva", "4", ("lower_case", "roman_numeral")),
    (codings.HER2, "0", "negative", ("her2_score",)),
    (codings.HER2, 0, "negative", ("her2_score",)),
    (codings.HER2, "1+", "negative", ("her2_score",)),
    (codings.HER2, "2+", None, ("borderline_receptor",)),
    (codings.HER2, "3+", "positive", ("her2_score",)),
    (codings.HER2, "N2", "negative", ("her2_score",)),
    (codings.HER2, "Positive (3+)", "positive", ("lower_case", "her2_score")),
    (codings.HER2, "P", "positive", ()),
    (codings.HER2, "Bm", None, ("borderline_receptor",)),
    (codings.STAGE, "6", None, ()),
    (codings.STAGE, "?", None, ()),
    (codings.STAGE, "u", None, ("lower_case",)),
    (codings.M_CATEGORY, "1b", True, ()),
    (codings.M_CATEGORY, "0", False, ()),
    (codings.M_CATEGORY, "X", None, ()),
    (codings.M_CATEGORY, "M1", True, ()),
    (codings.RECEPTOR, "P", "positive", ()),
    (codings.RECEPTOR, "n", "negative", ("lower_case",)),
    (codings.RECEPTOR, "B", None, ("borderline_receptor",)),
    (codings.RECEPTOR, "Pm", "positive", ("registry_suffix",)),
    (codings.RECEPTOR, "U", None, ()),
    (codings.GRADE, "G2", 2, ()),
    (codings.GRADE, "3", 3, ()),
    (codings.GRADE, "GX", None, ()),
    (codings.GRADE, "G4", None, ()),
    (codings.PERFORMANCE_STATUS, "3.0", 3, ("float_text",)),
    (codings.PERFORMANCE_STATUS, "2m", 2, ("registry_suffix",)),
    (codings.PERFORMANCE_STATUS, "9", None, ()),
    (codings.CNS_INDICATOR, "Y1", "seen", ()),
    (codings.CNS_INDICATOR, "NIm", "not_seen", ("registry_suffix",)),
    (codings.CNS_INDICATOR, "Q7", None, ("unmapped_code",)),
    (codings.GENDER, "2.0", "female", ("float_text",)),
    (codings.ETHNIC_GROUP, "M", "black", ()),
    (codings.ETHNIC_GROUP, "Z", None, ()),
    (codings.VITAL_STATUS, "D4", "untraced", ()),
    (codings.QUINTILE_1_MOST_DEPRIVED, "1 - most deprived", 1, ()),
    (codings.QUINTILE_1_LEAST_DEPRIVED, "1 - least deprived", 5, ()),
    (codings.QUINTILE_1_LEAST_DEPRIVED, "5 - most deprived", 1, ()),
    (codings.QUINTILE_1_LEAST_DEPRIVED, "2", 4, ()),
    (codings.ETHNIC_GROUP, "White - British", "white", ("label_spelling",)),
    (codings.AGE, "65.0", 65, ("float_text",)),
    (DRUG, "HERCEPTIN", "TRASTUZUMAB", ("drug_brand",)),
    (DRUG, "MYTOMYCIN", "MITOMYCIN", ("drug_name",)),
    (DRUG, "EC", ("CYCLOPHOSPHAMIDE", "EPIRUBICIN"), ("drug_regimen", "drug_combination")),
    (DRUG, "DOXORUBICIN HCL", "DOXORUBICIN", ("drug_salt",)),
    (DRUG, "TRASTUZUMAB SC", "TRASTUZUMAB", ("drug_form",)),
    (DRUG, "CAPECITABINE 500MG", "CAPECITABINE", ("drug_strength",)),
    (DRUG, "TRASTUZUMAB-DKST", "TRASTUZUMAB", ("drug_suffix",)),
    (DRUG, "TRASTUZUMAB/PERTUZUMAB", "PERTUZUMAB + TRASTUZUMAB", ("drug_spelling",)),
    (DRUG, "PALBOCICLIB / PLACEBO", "TRIAL", ("drug_blinded",)),
    (PROVIDER, "89999", None, ("organisation_default",)),
    (PROVIDER, "RXX01", "RYY", ("site_code", "merged_provider")),
    (codings.AGE, 65, 65, ()),
    (YES_NO, "y", True, ("lower_case",)),
]
REFUSED = [
    (dates.DATE, "31/02/2020"),
    (dates.DATE, "12/31/2020"),
    (dates.DATE, "01/02/20"),
    (dates.DATE, "0202-01-01"),
    (dates.DATE, "2999-01-01"),
    (dates.DATE, D(2999, 1, 1)),
    (dates.DATE, "43831"),
    (dates.DATE, "unknown"),
    (dates.DATE, "12-AUG-14"),
    (dates.DATE, "12/08/14"),
    (dates.DATE, "28FEB19"),
    (dates.DATE, "07/13/2015"),
    (dates.DATE, "30FEB2019"),
    (dates.DATE, "9999-12-31"),
    (dates.DATE, "2014-08-11T23:00:00Z"),  # midnight of the 12th in summer, written in universal time
    (dates.DATE, "2014-08-11T23:30:00Z"),
    (dates.DATE, "2014-08-12T10:00:00-05:00"),
    (dates.DATE, "12-08/2014"),
    (clean.TEXT, "#REF!"),
    (codings.AGE, "#VALUE!"),
    (clean.ICD10, "C795-B"),
    (clean.ICD10, "C7-5"),
    (clean.OPCS4, "B2740"),
    (clean.ICD10, "C79.50000"),
    (clean.ICD10, "1E+05"),
    (clean.ICD10, "BREAST"),
    (clean.ICD10, "C5O9"),
    (clean.OPCS4, "B2"),
    (clean.CAUSES, "HEART FAILURE"),
    (codings.STAGE, "IIV"),
    (codings.STAGE, "IIII"),
    (codings.STAGE, "V"),
    (codings.STAGE, "IX"),
    (codings.STAGE, "IS"),
    (codings.STAGE, "IBC"),
    (codings.STAGE, "ICU"),
    (codings.HER2, "1"),
    (codings.HER2, "2"),
    (codings.HER2, "3"),
    (codings.HER2, "+3"),
    (codings.HER2, "+"),
    (codings.HER2, "4+"),
    (codings.RECEPTOR, "3+"),
    (codings.RECEPTOR, "0"),
    (codings.STAGE, "45"),
    (codings.M_CATEGORY, "7"),
    (codings.RECEPTOR, "perhaps"),
    (codings.RECEPTOR, "PP"),
    (codings.GRADE, "17"),
    (codings.PERFORMANCE_STATUS, "5"),
    (codings.GENDER, "Q"),
    (codings.VITAL_STATUS, "GONE"),
    (codings.PATIENT_CLASS, "0"),
    (codings.BASIS, "Q"),
    (codings.QUINTILE_1_MOST_DEPRIVED, "1 - least deprived"),
    (codings.QUINTILE_1_LEAST_DEPRIVED, "1 - most deprived"),
    (codings.AGE, "200"),
    (codings.AGE, "-1"),
    (codings.AGE, "65,5"),
    (codings.AGE, "65.5"),
    (codings.AGE, "1E+02"),
    (codings.AGE, "sixty"),
]


@pytest.mark.parametrize(("cleaner", "raw", "value", "rules"), READ)
def test_a_value_is_read_by_named_rules(cleaner, raw, value, rules):
    read, used = cleaner.clean(raw)
    assert (read, used) == (value, rules)
    assert type(read) is type(value)
    assert set(used) <= set(CLEANING_RULES)


@pytest.mark.parametrize(("cleaner", "raw"), REFUSED)
def test_a_value_is_refused_with_what_is_allowed(cleaner, raw):
    with pytest.raises(Refused) as refusal:
        cleaner.clean(raw)
    assert refusal.value.allowed


ALL = {
    name: c for module in (clean, dates, codings) for name, c in vars(module).items() if isinstance(c, clean.Cleaner)
}


@pytest.mark.parametrize("cleaner", ALL.values(), ids=ALL)
@given(raw=st.text(max_size=12))
def test_any_text_is_read_or_refused(cleaner, raw):
    try:
        value, rules = cleaner.clean(raw)
    except Refused:
        return
    assert set(rules) <= set(CLEANING_RULES)
    if value is not None and cleaner.sql_type == "VARCHAR":
        # What has been read once is read as itself: cleaning twice changes nothing (codes and text, not coded items).
        assert value == value.strip()


@given(
    day=st.dates(min_value=D(1930, 1, 1), max_value=D(2025, 12, 31)).filter(lambda day: day not in dates.SENTINEL_DATES)
)
def test_every_way_of_writing_a_day_is_the_same_day(day):
    for text in (f"{day:%Y-%m-%d}", f"{day:%d/%m/%Y}", f"{day:%Y%m%d}", f"{day:%Y-%m-%d} 00:00:00"):
        assert dates.DATE.clean(text) == (day, ())


@given(letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), digits=st.from_regex("[0-9]{2,3}", fullmatch=True))
def test_an_icd10_code_is_found_in_all_its_dresses(letter, digits):
    code = letter + digits
    dresses = [code, code.lower(), f" {code}", f"{code}  ", f"{code}X"]
    dresses += [f"{code[:3]}.{code[3:]}", *(code + mark for mark in "D+A*")] if len(code) == 4 else []
    assert {clean.ICD10.clean(dress)[0] for dress in dresses} == {code}


@given(number=st.integers(0, 120))
def test_an_age_is_read_as_number_text_and_decimal(number):
    assert [codings.AGE.clean(raw)[0] for raw in (number, str(number), f"{number}.0", f" {number}")] == [number] * 4


def test_every_rule_is_used_by_a_cleaner():
    used = {rule for cleaner, raw, _, _ in READ for rule in cleaner.clean(raw)[1]}
    assert used == set(CLEANING_RULES)


def test_dates_between_the_first_and_the_last_plain_one_stay_as_they_are():
    first, last = dates.plain_dates()
    day = dt.timedelta(days=1)
    days = {first, first + day, D(2020, 2, 29), last - day, last}

    assert all(dates.clean_date(plain) == (plain, ()) for plain in days)
    assert dates.clean_date(first - day) == (None, ("sentinel_date",))
    with pytest.raises(Refused):
        dates.clean_date(last + day)
