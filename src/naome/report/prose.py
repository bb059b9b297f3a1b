"""Sentences from results: every number in the text is computed here and nowhere typed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from naome.release import Released, is_hidden

NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def say_count(n: object, noun: str, plural: str | None = None) -> str:
    """Say a number of things; a number of people that is suppressed is marked.

    Examples
    --------
    >>> say_count(0, "organisation"), say_count(1, "organisation"), say_count(1200, "person", "people")
    ('no organisations', 'one organisation', '1,200 people')
    """
    if is_hidden(n):
        return f"a suppressed number of {plural or noun + 's'}"
    word = NUMBER_WORDS[n] if n < len(NUMBER_WORDS) else f"{n:,}"
    return f"{word} {noun if n == 1 else plural or noun + 's'}"


def say_number(n: object, noun: str) -> str:
    """Say a number of people in figures, or that it is suppressed.

    Examples
    --------
    >>> from naome.release import HIDDEN
    >>> say_number(1200, "deaths"), say_number(HIDDEN, "deaths")
    ('1,200 deaths', 'a suppressed number of deaths')
    """
    return f"a suppressed number of {noun}" if is_hidden(n) else f"{n:,} {noun}"


def say_years(years: int) -> str:
    """Say a number of years.

    Examples
    --------
    >>> say_years(1), say_years(3)
    ('1 year', '3 years')
    """
    return f"{years} year{'' if years == 1 else 's'}"


def lower_first(text: str) -> str:
    """Begin a title in lower case, as inside a sentence; an abbreviation such as HER2 keeps its capitals.

    Examples
    --------
    >>> lower_first("Tumour grade"), lower_first("HER2 status"), lower_first("M1 recorded")
    ('tumour grade', 'HER2 status', 'M1 recorded')
    """
    return text[:1].lower() + text[1:] if text.split(" ", 1)[0][1:].islower() else text


def upper_first(text: str) -> str:
    """Begin a text with a capital letter, as a sentence does.

    Examples
    --------
    >>> upper_first("the Netherlands has")
    'The Netherlands has'
    """
    return text[:1].upper() + text[1:]


def say_percent(estimate: float, digits: int = 1) -> str:
    """Say a proportion as a percentage.

    Examples
    --------
    >>> say_percent(0.3494)
    '34.9%'
    """
    return f"{100 * estimate:.{digits}f}%"


def say_interval(row: pd.Series | dict) -> str:
    """Say a proportion with its interval.

    Examples
    --------
    >>> say_interval({"estimate": 0.5, "lower": 0.4, "upper": 0.6})
    '50.0% (40.0% to 60.0%)'
    """
    return f"{say_percent(row['estimate'])} ({say_percent(row['lower'])} to {say_percent(row['upper'])})"


def say_day(day: dt.date) -> str:
    """Write a day.

    Examples
    --------
    >>> say_day(dt.date(2019, 1, 5))
    '5 January 2019'
    """
    return f"{day.day} {day:%B %Y}"


def say_period(first: dt.date, last: dt.date) -> str:
    """Say a period by its first and last day; by its months where these are whole.

    Examples
    --------
    >>> say_period(dt.date(2017, 6, 1), dt.date(2020, 2, 29)), say_period(dt.date(2015, 1, 1), dt.date(2015, 6, 29))
    ('June 2017 to February 2020', '1 January 2015 to 29 June 2015')
    """
    if first.day == 1 and (last + dt.timedelta(days=1)).day == 1:
        return f"{first:%B %Y} to {last:%B %Y}"
    return f"{say_day(first)} to {say_day(last)}"


def say_list(items: Sequence[str]) -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> say_list([]), say_list(["a"]), say_list(["a", "b"]), say_list(["a", "b", "c"])
    ('none', 'a', 'a and b', 'a, b and c')
    """
    items = list(items)
    if not items:
        return "none"
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def say_result(row: pd.Series | dict) -> str:
    """Say one released result with its denominator and interval, or why there is none.

    Examples
    --------
    >>> say_result({"status": "ok", "estimate": 0.5, "lower": 0.4, "upper": 0.6, "denominator": 96, "reason": ""})
    '50.0% (95% interval 40.0% to 60.0%, n = 96)'
    >>> say_result({"status": "not_derivable", "reason": "No cycle dates."})
    'not derivable: No cycle dates'
    """
    if row["status"] != "ok":
        word = {"not_derivable": "not derivable", "too_few": "too few to show", "suppressed": "suppressed"}[
            row["status"]
        ]
        return f"{word}: {str(row['reason']).rstrip('.')}"
    interval = f"{say_percent(row['lower'])} to {say_percent(row['upper'])}"
    return f"{say_percent(row['estimate'])} (95% interval {interval}, n = {int(row['denominator']):,})"


def pick(released: Released, **key: str) -> pd.Series:
    """Return the one released result with these values (level nation and everyone unless the key says otherwise).

    Raises
    ------
    KeyError
        If there is none, or more than one.
    """
    key = {"level": "nation", "group_by": "all", "group": "all", **key}
    rows = released.where(**key).frame
    if len(rows) != 1:
        raise KeyError(f"{len(rows)} results match {key}; exactly one was expected")
    return rows.iloc[0]
