"""Markdown that pages made from code are written in."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd


def write_pipe_table(frame: pd.DataFrame) -> str:
    """Write a frame as a pipe table.

    Examples
    --------
    >>> print(write_pipe_table(pd.DataFrame({"code": ["C79|5"], "term": ["Bone"]})))
    | code | term |
    |:--|:--|
    | C79\\|5 | Bone |
    """
    rows = [list(frame.columns), *frame.astype(str).values.tolist()]
    cells = [[re.sub(r"([|<*])", r"\\\1", cell) for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join(":--" for _ in frame.columns) + "|", *lines[1:]])


def write_code(text: str) -> str:
    """Write text as code, or an empty text.

    Examples
    --------
    >>> write_code("age >= 70")
    '`age >= 70`'
    """
    return f"`{text}`" if text else ""


def write_list(items: Iterable[tuple[str, str]]) -> str:
    """Write named texts as a list, without those that are empty.

    Examples
    --------
    >>> print(write_list([("Counted", "everyone"), ("Window", "")]))
    - **Counted:** everyone
    """
    return "\n".join(f"- **{name}:** {text}" for name, text in items if text)
