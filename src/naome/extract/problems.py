"""Collecting what is wrong with an extract, without ever repeating an identifier."""

from __future__ import annotations

import re
from pathlib import Path

from naome.core.errors import ExtractError

SHOWN_PROBLEMS = 20
DATE_LIKE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ T][\d:.]+)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{8}")
SHOWN_VALUES = 5  # of one column, so that one bad column does not hide the others


class Problems:
    """All problems of an extract: the first are shown, all are counted.

    Examples
    --------
    >>> problems = Problems(Path("extract"))
    >>> problems.add("av_tumour.csv: column AGE is missing.")
    >>> problems.count
    1
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.messages: list[str] = []
        self.count = 0

    def add(self, message: str, *, stands_for: int = 1) -> None:
        """Note a problem; `stands_for` counts it with others of its kind that are not shown."""
        self.count += stands_for
        if len(self.messages) < SHOWN_PROBLEMS:
            self.messages.append(message)

    def include(self, other: Problems) -> None:
        """Note the problems that work on a part of the extract found."""
        self.count += other.count
        self.messages += other.messages[: SHOWN_PROBLEMS - len(self.messages)]

    def raise_if_any(self) -> None:
        """Raise ExtractError with what has been noted so far, if anything has."""
        if not self.count:
            return
        shown = "\n".join(f"  - {message}" for message in self.messages)
        rest = self.count - len(self.messages)
        more = f"\n  ... and {rest:,} more" if rest > 0 else ""
        word = "problem" if self.count == 1 else "problems"
        raise ExtractError(f"{self.folder}: {self.count:,} {word}; nothing was written\n{shown}{more}")


def say_rows(count: int) -> str:
    """Return a number of rows in words.

    Examples
    --------
    >>> say_rows(1), say_rows(1200)
    ('1 row', '1,200 rows')
    """
    return f"{count:,} row{'' if count == 1 else 's'}"


def show_value(value: object, *, is_identifier: bool = False, is_date: bool = False) -> str:
    """Return an offending value as it may stand in a message.

    An identifier, or anything that holds as many digits as one, is not repeated:
    a shifted column puts identifiers where codes are expected.

    Examples
    --------
    >>> show_value("C5O9")
    "'C5O9'"
    >>> show_value("9434765919")
    '(a number of 10 digits, not shown)'
    >>> show_value("20201399", is_date=True)
    "'20201399'"
    """
    text = str(value)
    if is_identifier:
        return "(an identifier, not shown)"
    digits = len(re.sub(r"\D", "", text))
    plain_date = is_date and DATE_LIKE.fullmatch(text.strip())
    if digits >= 6 and not plain_date and not re.fullmatch(r"[A-Za-z]\d{2}\.\d+", text):
        return (
            f"(a number of {digits} digits, not shown)" if text.isdigit() else "(a value with many digits, not shown)"
        )
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return repr(printable if len(printable) <= 40 else printable[:40] + "…")
