"""Codings: what each raw code of an item means, as data in ``definitions/codings``.

The file is what is computed: readers clean values by it (:mod:`naome.sources`).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from naome.errors import DefinitionError, suggest

COLUMNS = ("code", "value", "rule", "term", "status", "source")
STATUSES = ("sourced", "inferred")


@dataclass(frozen=True)
class CodedValue:
    """One line of a coding; an empty `value` means *not recorded*, `rule` names the repair that reading counts."""

    code: str
    value: str
    rule: str
    term: str
    status: str
    source: str


@dataclass(frozen=True)
class Coding:
    """What the codes of one item mean.

    Attributes
    ----------
    name : str
        File stem under ``definitions/codings``.
    lines : tuple of CodedValue
    """

    name: str
    lines: tuple[CodedValue, ...]

    @property
    def values(self) -> dict[str, str]:
        """Raw code -> canonical value as text, in file order."""
        return {line.code: line.value for line in self.lines}

    @property
    def rules(self) -> dict[str, str]:
        """Raw code -> rule to count, where there is one."""
        return {line.code: line.rule for line in self.lines if line.rule}


@cache
def load_coding(folder: Path, name: str) -> Coding:
    """Load and check ``codings/<name>.csv`` of a folder of definitions.

    Parameters
    ----------
    folder : Path
        Folder of definitions.
    name : str
        File stem.

    Raises
    ------
    DefinitionError
        Naming file and line: wrong header, a code that stands twice, an unknown status, an empty source.

    Examples
    --------
    >>> from naome.paths import project_root
    >>> load_coding(project_root() / "definitions", "gender").values
    {'1': 'male', '2': 'female', '9': '', '0': '', 'X': ''}
    """
    file = folder / "codings" / f"{name}.csv"
    if not file.is_file():
        known = sorted(f.stem for f in file.parent.glob("*.csv"))
        raise DefinitionError(f"{file}: no coding {name!r}{suggest(name, known)}; there are: {', '.join(known)}")
    lines: dict[str, CodedValue] = {}
    with file.open(encoding="utf-8", newline="") as handle:
        reader = csv.reader(handle)
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise DefinitionError(f"{file}:1: header is {','.join(header)}; it must be {','.join(COLUMNS)}")
        for number, row in enumerate(reader, start=2):
            if len(row) != len(COLUMNS):
                raise DefinitionError(f"{file}:{number}: {len(row)} fields; there must be {len(COLUMNS)}")
            line = CodedValue(*row)
            if not line.code or line.code in lines:
                raise DefinitionError(f"{file}:{number}: code {line.code!r} is empty or stands more than once")
            if line.status not in STATUSES or not line.source:
                raise DefinitionError(
                    f"{file}:{number}: {line.code} needs a source and a status, {' or '.join(map(repr, STATUSES))}"
                )
            lines[line.code] = line
    if not lines:
        raise DefinitionError(f"{file}: no codes")
    return Coding(name, tuple(lines.values()))
