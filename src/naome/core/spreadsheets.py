"""Text that a spreadsheet opens and runs nothing of: every CSV for readers is written here.

A spreadsheet takes a cell that begins with ``= + - @`` for a formula, whether it was opened from a file or pasted; it
passes over blanks and quotes before the sign, and takes a full-width sign for the plain one. Names of organisations
come from the extract and may begin with anything. An apostrophe before such a name makes a text of it.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pandas as pd

from naome.core.atomic import write_text

#: Signs by which a formula begins; those that are compatible with them (full width, small, superscript) are alike
FORMULA = frozenset("=+-@")
#: Signs that cut a cell in two: all but the semicolon wherever cells are pasted, the semicolon where commas are decimal
CUTS = frozenset("\t\r\n;")
#: Not the apostrophe, which makes a text of what follows it
QUOTES = frozenset('"`´')
#: What begins with a sign and is a number all the same: a spreadsheet reads it and runs nothing
SIGNED_NUMBER = re.compile(r"[+-][\d,.]*\d%?")


def write_csv(table: pd.DataFrame, path: Path, *, float_format: str | None = None, private: bool = False) -> None:
    """Write a table as CSV for readers, whose texts no spreadsheet runs.

    Parameters
    ----------
    table : DataFrame
        Without its index.
    path : Path
    float_format : str, optional
        Of numbers, as ``"%.6g"``; all their digits by default.
    private : bool
        Whether only the owner may read the file.
    """
    # A carriage return alone would end the row: nothing quotes it
    escaped = escape_formulae(table).replace({r"\r\n?": "\n"}, regex=True)
    write_text(escaped.to_csv(index=False, lineterminator="\n", float_format=float_format), path, private=private)


def escape_formulae(table: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before the texts of a table, and the names of its columns, that a spreadsheet would run.

    Numbers stay numbers, negative ones too.

    Examples
    --------
    >>> table = pd.DataFrame({"unit": ["=1+1", "North East"], "estimate": [-0.1, 0.2]})
    >>> escape_formulae(table).values.tolist()
    [["'=1+1", -0.1], ['North East', 0.2]]
    """
    texts = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name].dtype)]
    # not by assign(): a column may be named like one of its arguments
    escaped = table.copy()
    for name in texts:
        escaped[name] = [escape_formula(value) if isinstance(value, str) else value for value in table[name]]
    return escaped.set_axis([escape_formula(str(name)) for name in table.columns], axis="columns")


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run, and inside it wherever a cell might begin.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        The text itself where it is harmless, as nearly every one is.

    Examples
    --------
    >>> escape_formula("=1+1"), escape_formula(' "@SUM(A1)'), escape_formula("North; =1+1")
    ("'=1+1", '\\' "@SUM(A1)', "North;' =1+1")
    >>> escape_formula("Stoke-on-Trent"), escape_formula("<=20")
    ('Stoke-on-Trent', '<=20')
    """
    out, cell = [], ""
    for sign in text:
        cell += sign
        if sign in CUTS:
            out.append(_escape_cell(cell))
            cell = ""
    escaped = "".join([*out, _escape_cell(cell)])
    return f"'{escaped}" if text[:1] in CUTS - {";"} else escaped


def _escape_cell(cell: str) -> str:
    """Put an apostrophe before a cell whose first sign, quotes and what is blank or unseen aside, begins a formula."""
    first = next((sign for sign in cell if not _is_passed_over(sign)), "")
    return f"'{cell}" if FORMULA & set(unicodedata.normalize("NFKC", first)[:1]) else cell


def _is_passed_over(sign: str) -> bool:
    # Separators, control and format characters, opening and closing quotes
    return sign in QUOTES or unicodedata.category(sign) in ("Zs", "Zl", "Zp", "Cc", "Cf", "Pi", "Pf")
