"""Writing names and texts into SQL: the only two ways in which anything from a file gets there."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def quote_text(value: object) -> str:
    """Return a text as an SQL literal.

    Examples
    --------
    >>> quote_text("St Mary's")
    "'St Mary''s'"
    """
    return "'" + str(value).replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """Return a name as an SQL identifier.

    Raises
    ------
    ValueError
        If it is empty or holds a control character; files with such names are refused before
        (:mod:`naome.extract.files`).

    Examples
    --------
    >>> print(quote_name('size 5" tumour'))
    "size 5"" tumour"
    """
    if not name or has_control(name):
        raise ValueError("a name in SQL is empty or holds a control character")
    return '"' + name.replace('"', '""') + '"'


def trim_blanks(text: str) -> str:
    """Return SQL of a text without the blanks around it.

    Trimming looks at every character: most texts hold neither a blank nor a character beyond ASCII, which is told in
    a fifth of the time.

    Examples
    --------
    >>> trim_blanks("v")
    "CASE WHEN contains(v, ' ') OR strlen(v) > length(v) THEN trim(v) ELSE v END"
    """
    return f"CASE WHEN {may_hold_blanks(text)} THEN trim({text}) ELSE {text} END"


def may_hold_blanks(text: str) -> str:
    """Return the SQL condition that a text holds a blank, or a character beyond ASCII, which may be one."""
    return f"contains({text}, ' ') OR strlen({text}) > length({text})"


def quote_path(path: object) -> str:
    """Return the path of a file as an SQL literal; its brackets, asterisks and question marks are no patterns.

    Examples
    --------
    >>> quote_path("extract [2020]/av_patient.csv")
    "'extract [[]2020]/av_patient.csv'"
    """
    return quote_text("".join(f"[{character}]" if character in "[*?" else character for character in str(path)))


def is_pattern(path: object) -> bool:
    """Return whether DuckDB would take a path for a pattern; confined to some files, it refuses escaped ones."""
    return any(character in "[*?" for character in str(path))


def has_control(text: str) -> bool:
    """Return whether a text holds a control character, a line end among them."""
    return CONTROL.search(text) is not None
