"""Markdown that pages made from code are written in."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

#: A column is at most this many times as wide as the narrowest
WIDEST, NARROWEST = 48, 8
ANCHORED = re.compile(r"\[(.*?)\]\{#[^}]*\}")
NUMBER = re.compile(r"[−-]?[\d,.]+%?|–|")


def write_pipe_table(frame: pd.DataFrame, *, aligned: bool = False) -> str:
    """Write a frame as a pipe table: columns as wide as their longest cell asks, numbers to the right.

    Headings begin with a capital, as those of all tables of the site.

    Parameters
    ----------
    frame : DataFrame
    aligned : bool
        Whether cells are filled up with blanks, for a reader of the text itself.

    Examples
    --------
    >>> print(write_pipe_table(pd.DataFrame({"code": ["C79|5 (<8)"], "people": ["1,234"]})))
    | Code | People |
    |:----------|--------:|
    | C79\\|5 (<8) | 1,234 |
    """
    rows = [[name[:1].upper() + name[1:] for name in frame.columns], *frame.astype(str).values.tolist()]
    cells = [[_escape(cell) for cell in row] for row in rows]
    rules = [_rule_off(column) for column in zip(*rows, strict=True)]
    if aligned:
        cells, rules = _align(cells, rules)
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], f"|{'|'.join(rules)}|", *lines[1:]])


def write_code(text: str) -> str:
    """Write text as code, or an empty text.

    Examples
    --------
    >>> write_code("age >= 70")
    '`age >= 70`'
    """
    return f"`{text}`" if text else ""


def write_anchor(text: str, anchor: str) -> str:
    """Write a text to which links lead.

    Examples
    --------
    >>> write_anchor("EL1", "rule-EL1")
    '[EL1]{#rule-EL1}'
    """
    return f"[{text}]{{#{anchor}}}"


def write_list(items: Iterable[tuple[str, str]]) -> str:
    """Write named texts as a list, without those that are empty.

    Examples
    --------
    >>> print(write_list([("Counted", "everyone"), ("Window", "")]))
    - **Counted:** everyone
    """
    return "\n".join(f"- **{name}:** {text}" for name, text in items if text)


def _escape(cell: str) -> str:
    """Escape what would end the cell or start markup; a code span keeps all but the bar, which ends it even there.

    No tag begins with a digit, so that a small number (<8) is left as it is read in a terminal.
    """
    parts = re.split(r"(`[^`]*`)", cell)
    return "".join(re.sub(r"\|" if part.startswith("`") else r"[|*]|<(?!\d)", r"\\\g<0>", part) for part in parts)


def _align(cells: list[list[str]], rules: list[str]) -> tuple[list[list[str]], list[str]]:
    """Fill cells up to the widest of their column, on the side that the rule under the heading says."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [rule.endswith(":") for rule in rules]
    filled = [
        [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)] for row in cells
    ]
    return filled, [f"{'-' * (w + 1)}:" if r else f":{'-' * (w + 1)}" for w, r in zip(widths, right, strict=True)]


def _rule_off(column: tuple[str, ...]) -> str:
    """Return the dashes under a heading: readers take relative widths from their number when lines are long."""
    longest = max(len(ANCHORED.sub(r"\1", cell)) for cell in column)
    dashes = "-" * min(max(longest, NARROWEST), WIDEST)
    return f"{dashes}:" if all(NUMBER.fullmatch(cell) for cell in column[1:]) and any(column[1:]) else f":{dashes}"
