"""What was found of a vocabulary: of the values of a column, which are in its list, and which are not.

Drugs, organisations and coded items are vocabularies: their values are names that somebody has published. A value in
no group is kept or read as not recorded, counted, and named, because a name that nobody has looked at makes results
wrong without a word. Names are shown only where they have the form of one; of anything else, its shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from naome.extract.problems import PART_OF_POSTCODE, POSTCODE, Problems, find_shape, say_rows

#: Where a value stands: its group counts somewhere; it is known, and counts nowhere; no list has it
GROUPED, NOT_COUNTED, UNKNOWN = "grouped", "not counted", "unknown"
#: Values that are named of one column
SHOWN_UNKNOWN = 20
#: Numbers of rows below this are not said
SMALLEST_SAID = 8
#: Values that are looked for among the identifiers before they are named; a vocabulary has fewer that nobody knows
LOOKED_FOR = 200
#: The code of an organisation has no more digits than this: pseudonyms, NHS numbers and dates have more
MOST_DIGITS = 5
#: Nor more letters side by side than this: parts of an address have more
MOST_LETTERS = 3
DAY = re.compile(r"\d(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\d", re.IGNORECASE)
CODE = re.compile(r"(?=.*[A-Z])(?=.*\d)[A-Z0-9]{3,9}", re.IGNORECASE)


@dataclass(frozen=True)
class Vocabulary:
    """What was found of the vocabulary of one column.

    Attributes
    ----------
    table, column : str
        Raw table and its column.
    grouped : int
        Distinct values in a group that counts.
    not_counted : int
        Distinct values that are known and count nowhere.
    unknown : mapping of str to int
        Values in no group, as they may be shown -> rows; most rows first, at most :data:`SHOWN_UNKNOWN`.
    others, other_rows : int
        Further values in no group, and their rows.
    rows : int
        Rows that hold a value.
    limit : float
        Largest share of the rows whose values may be in no group.
    """

    table: str
    column: str
    grouped: int = 0
    not_counted: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)
    others: int = 0
    other_rows: int = 0
    rows: int = 0
    limit: float = 1.0

    @property
    def unknown_rows(self) -> int:
        """Rows whose values are in no group."""
        return sum(self.unknown.values()) + self.other_rows

    def say_unknown(self) -> str:
        """Name the values in no group with their rows; small numbers are not said.

        Examples
        --------
        >>> Vocabulary("sact_drug_detail", "DRUG_GROUP", unknown={"STUDY DRUG": 12, "ZZ9": 3}).say_unknown()
        'STUDY DRUG (12 rows), ZZ9 (fewer than 8 rows)'
        """
        parts = [f"{value} ({say_few_rows(rows)})" for value, rows in self.unknown.items()]
        if self.others:
            noun = "value" if self.others == 1 else "values"
            parts.append(f"and {self.others:,} other {noun} ({say_few_rows(self.other_rows)})")
        return ", ".join(parts)


def say_few_rows(rows: int) -> str:
    """Return a number of rows in words, small ones only as such.

    Examples
    --------
    >>> say_few_rows(7), say_few_rows(1200)
    ('fewer than 8 rows', '1,200 rows')
    """
    return f"fewer than {SMALLEST_SAID} rows" if rows < SMALLEST_SAID else say_rows(rows)


def show_code(value: str) -> str:
    """Return the code of an organisation that is in no list: itself where it looks like one, else its shape.

    What may be a postcode, or the beginning of one, is shown as a shape: no postcode begins like most trusts (RA7) and
    independent providers (NT999), and of the few codes with which one could (RG1) only the shape is left.

    Examples
    --------
    >>> show_code("NT999"), show_code("SW1A1AA"), show_code("O'BRIEN, MARY"), show_code("943476591")
    ('NT999', '(AA9A9AA)', "(A'AAAAA, AAAA)", '(999999999)')
    >>> show_code("RA701"), show_code("7A3"), show_code("SW1A1"), show_code("RG1")
    ('RA701', '7A3', '(AA9A9)', '(AA9)')
    """
    text = value.strip()
    is_code = (
        CODE.fullmatch(text)
        and len(re.findall(r"\d", text)) <= MOST_DIGITS
        and not re.search(rf"[A-Za-z]{{{MOST_LETTERS + 1}}}", text)
        and not POSTCODE.search(text)
        and not PART_OF_POSTCODE.fullmatch(text)
        and not DAY.search(text)
    )
    return text if is_code else show_only_shape(text)


def show_only_shape(value: str) -> str:
    """Return the shape of a value in brackets.

    Examples
    --------
    >>> show_only_shape("Q77")
    '(A99)'
    """
    return f"({find_shape(value.strip())})"


def summarise(
    table: str,
    column: str,
    placed: Mapping[str, Mapping[str, int]],
    identifiers: Iterable[str],
    limit: float,
    show: Callable[[str], str] = show_only_shape,
) -> Vocabulary:
    """Return what was found of a column.

    Parameters
    ----------
    placed : mapping
        Where values stand -> value -> rows.
    identifiers : iterable of str
        Those of the values in no group that stand in a column of identifiers too.
    limit : float
        As in :class:`Vocabulary`.
    show : callable
        Returns a value as it may be shown.
    """
    known = set(identifiers)
    shown: dict[str, int] = {}
    values: dict[str, int] = {}
    for value, rows in placed.get(UNKNOWN, {}).items():
        name = show_only_shape(value) if value in known else show(value)
        shown[name] = shown.get(name, 0) + rows
        values[name] = values.get(name, 0) + 1
    order = sorted(shown, key=lambda name: (-shown[name], name))
    rest = order[SHOWN_UNKNOWN:]
    return Vocabulary(
        table,
        column,
        len(placed.get(GROUPED, {})),
        len(placed.get(NOT_COUNTED, {})),
        {name: shown[name] for name in order[:SHOWN_UNKNOWN]},
        sum(values[name] for name in rest),
        sum(shown[name] for name in rest),
        sum(rows for values in placed.values() for rows in values.values()),
        limit,
    )


def check_shares(vocabularies: Iterable[Vocabulary], files: Mapping[str, str], problems: Problems) -> None:
    """Refuse columns of which too large a share is in no group; a handful of rows tells nothing.

    Parameters
    ----------
    vocabularies : iterable of Vocabulary
    files : mapping of str to str
        Raw table -> name of its file.
    problems : Problems
        Receives one message per column, with the names.
    """
    for found in vocabularies:
        if found.unknown_rows < SMALLEST_SAID or found.unknown_rows <= found.limit * found.rows:
            continue
        share, limit = found.unknown_rows / found.rows, f"{found.limit:.0%}"
        said = f"{share:.1%}" if f"{share:.0%}" == limit else f"{share:.0%}"
        problems.add(
            f"{files[found.table]}: column {found.column}: {said} of "
            f"{say_rows(found.rows)} hold values that no list has: {found.say_unknown()}; allowed: at most "
            f"{limit} (unknown_share in the parameters). Hint: is this another column, or a newer list "
            "than that of the definitions?"
        )
