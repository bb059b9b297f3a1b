"""Dates as extracts write them: every spelling that has one meaning is read, and what may be another day is refused."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from dataclasses import dataclass

from naome.extract.clean import Cleaner, Refused, tidy

DATE_SPELLINGS = "a date as YYYY-MM-DD, dd/mm/yyyy, yyyymmdd or with the month as a word (28FEB2019)"
SENTINEL_DATES = {
    dt.date(*day)
    for day in (
        (1582, 10, 15), (1600, 1, 1), (1800, 1, 1), (1801, 1, 1),
        (1, 1, 1), (1753, 1, 1), (1899, 12, 30), (1899, 12, 31), (1900, 1, 1), (1904, 1, 1), (1960, 1, 1), (1970, 1, 1),
    )
}  # fmt: skip
NULL_YEAR = 9999
#: Nobody in the extracts was in hospital before; a date of 100 years before its own is
EARLIEST = dt.date(1930, 1, 1)
#: Later dates are no sentinels
FIRST_PLAIN = max(SENTINEL_DATES) + dt.timedelta(1)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)
#: The spellings of a date that have one meaning: year first, day before month, or the month as a word
_DAY_TEXTS = (
    r"(?P<year>\d{4})(?P<s>[-/.])(?P<month>\d\d?)(?P=s)(?P<day>\d\d?)",
    r"(?P<day>\d\d?)(?P<s>[-/. ])(?P<month>\d\d?)(?P=s)(?P<year>\d{4})",
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)([.,]0+)?",
    rf"(?P<day>\d\d?)(st|nd|rd|th)?[-/. ]?(?P<month>{_MONTH})[-/. ,]{{0,2}}(?P<year>\d{{4}})",
    rf"(?P<year>\d{{4}})[-/. ]?(?P<month>{_MONTH})[-/. ]?(?P<day>\d\d?)",
    rf"(?P<month>{_MONTH})[-/. ]{{0,2}}(?P<day>\d\d?)(st|nd|rd|th)?[-/ ,]{{1,2}}(?P<year>\d{{4}})",
)
_TIME = (
    r"([ T:]+(?P<time>\d\d?:\d\d(:\d\d([.,]\d+)?)?( ?[AP]M)?|\d\d\.\d\d\.\d\d([.,]\d+)?)"
    r"(?P<zone> ?(Z|UTC|GMT|[-+]\d\d(:?\d\d)?))?)?"
)
DATE_TEXTS = tuple(re.compile(day + _TIME, re.ASCII | re.IGNORECASE) for day in _DAY_TEXTS)
#: A day of the week before a date
WEEKDAY = re.compile(
    r"(mon(day)?|tue(s|sday)?|wed(nesday)?|thu(r|rs|rsday)?|fri(day)?|sat(urday)?|sun(day)?)[,. ]+", re.IGNORECASE
)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TWO_DIGIT_YEAR = re.compile(rf"(\d\d?[-/. ]?(\d\d?|{_MONTH})[-/. ]?\d\d)" + _TIME, re.ASCII | re.IGNORECASE)
#: A year, with a month or without one; a day or month of 0 stands for none
NO_DAY = re.compile(
    rf"\d{{4}}|(\d\d?|{_MONTH})[-/. ]?(18|19|20)\d\d|(18|19|20)\d\d[-/. ](\d\d?|{_MONTH})|\d{{4}}[-/.]\d\d[-/.]00"
    r"|00[-/.]\d\d[-/.]\d{4}|\d\d[-/.]00[-/.]\d{4}",
    re.ASCII | re.IGNORECASE,
)
#: Days since a first one, seconds, or thousandths of them
DAY_NUMBER = re.compile(r"-?(\d{5}|\d{9,13})([.,]\d+)?", re.ASCII)
#: Words in the place of a date: why there is none is for the provider to say
NO_DATE = re.compile("0|n/?k|unk(nown)?|not (known|recorded|available|applicable)|missing", re.IGNORECASE)


def clean_date(value: object) -> tuple[dt.date | None, tuple[str, ...]]:
    """Read a date: DATE columns and every spelling that has one meaning; no later than today.

    Examples
    --------
    >>> clean_date("01/02/2020")
    (datetime.date(2020, 2, 1), ())
    >>> clean_date("28FEB2019")
    (datetime.date(2019, 2, 28), ())
    >>> clean_date("1800-01-01")
    (None, ('sentinel_date',))
    """
    rules: tuple[str, ...] = ()
    if isinstance(value, dt.datetime):
        rules = ("time_of_day",) if value.time() != dt.time() else ()
        value = value.date()
    if not isinstance(value, dt.date):
        text, rules = tidy(value)
        if text == "":
            return None, rules
        if re.fullmatch(r"[-?]+", text):
            return None, (*rules, "empty_marker")
        if NO_DATE.fullmatch(text):
            raise Refused(DATE_SPELLINGS, "a word for an unknown date: export such dates as empty.")
        if re.fullmatch(r"0000([-/.]?)00\1?00|00([-/.])00\2?0000", text):
            return None, (*rules, "sentinel_date")
        if re.fullmatch(r"\d{4}-", text):
            return None, (*rules, "truncated_date")
        named = WEEKDAY.match(text)
        value, dropped = _parse_date(text[named.end() :] if named else text)
        if named and WEEKDAYS[value.weekday()] != named[1][:3].lower():
            raise Refused("a date whose day of the week is right", "are day and month exchanged?")
        rules += dropped
    if value in SENTINEL_DATES:
        return None, (*rules, "sentinel_date")
    if not EARLIEST <= value <= dt.date.today():
        hint = "is a digit of the year or the century mistyped, or is this a planned date?"
        if value.year == NULL_YEAR:
            hint = "programs write 9999 where there is no date; export such dates as empty."
        raise Refused(f"a date from {EARLIEST.year} to today", hint)
    return value, rules


def plain_dates() -> tuple[dt.date, dt.date]:
    """Return the first and the last date that is read as it stands: from after the sentinels to today."""
    return FIRST_PLAIN, dt.date.today()


def _parse_date(text: str) -> tuple[dt.date, tuple[str, ...]]:
    for pattern in DATE_TEXTS:
        if match := pattern.fullmatch(text):
            part = match.groupdict()
            month = part["month"]
            number = int(month) if month.isdigit() else MONTHS.index(month[:3].lower()) + 1
            time, zone = part["time"] or "", (part["zone"] or "").strip().upper()
            _check_zone(time, zone)
            with suppress(ValueError):  # no such day
                dropped = bool(re.search("[1-9]", time)) and not re.fullmatch("12:00(:00)? ?AM", time, re.IGNORECASE)
                return dt.date(int(part["year"]), number, int(part["day"])), ("time_of_day",) if dropped else ()
            if 1 <= number <= len(MONTHS) and int(part["day"]):
                raise Refused(DATE_SPELLINGS, "the month has no such day: ask for the date, or export it as empty.")
    hint = "is this another column, or a month/day/year date?"
    if DAY_NUMBER.fullmatch(text):
        hint = (
            "a number of days, seconds or the like, as spreadsheets, SAS and others count them? Export dates as text."
        )
    elif NO_DAY.fullmatch(text):
        hint = "the day, or the month too, is not there: ask for whole dates, or export such dates as empty."
    elif TWO_DIGIT_YEAR.fullmatch(text) and not text.isdigit():
        hint = "a year of two digits may be of either century; export dates as YYYY-MM-DD."
    raise Refused(DATE_SPELLINGS, hint)


@dataclass(frozen=True)
class DateSpelling:
    """How a date is written in figures: what says so, and the number that stands in the place of the day."""

    kind: tuple[object, ...]
    day: int


def spell_date(text: str) -> DateSpelling | None:
    """Return how a date is written; None where its month is a word, or where it is no date.

    Two dates are written alike where year, separator, time of day and zeros before small numbers are.

    Examples
    --------
    >>> spell_date("01/02/2020").day, spell_date("2020-02-01").day, spell_date("1FEB2020")
    (1, 1, None)
    >>> spell_date("1/2/2020").kind == spell_date("01/02/2020").kind
    False
    """
    text = text.strip()
    for number, pattern in enumerate(DATE_TEXTS):
        if match := pattern.fullmatch(text):
            part = match.groupdict()
            if not part["month"].isdigit():
                return None
            both = (part["day"], part["month"])
            zeros = "none" if any(len(each) == 1 for each in both) else ""
            zeros = "before" if any(each[0] == "0" for each in both) else zeros
            return DateSpelling((number, part.get("s"), part["time"] is not None, zeros), int(part["day"]))
    return None


def _check_zone(time: str, zone: str) -> None:
    """Refuse a moment of another time zone, and one of universal time that is midnight of the next day in summer."""
    if zone in ("", "+01", "+0100", "+01:00"):
        return
    if zone not in ("Z", "UTC", "GMT", "+00", "+0000", "+00:00") or time.startswith("23:"):
        raise Refused(
            "a date, or a moment of local time", "is midnight written in universal time? Export dates without a time."
        )


DATE = Cleaner("DATE", clean_date, f"{DATE_SPELLINGS}, no later than today", plain=plain_dates)
