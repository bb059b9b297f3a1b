"""Codings: what each raw code of an item means, as data in ``definitions/codings``.

The file is what is computed: readers clean values by it (:mod:`naome.extract`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from naome.core.definitions import Code, CodeList, read_rows
from naome.core.errors import DefinitionError

CODING_COLUMNS = ("code", "value", "rule", "term", "status", "source")
CODE_STATUSES = ("sourced", "inferred")


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

    def as_codelist(self) -> CodeList:
        """Return the codes as a code list whose groups are the canonical values (``missing`` where not recorded).

        A code with a rule is another spelling of one that stands there too, and is left out.
        """
        lines = [line for line in self.lines if not line.rule]
        codes = (Code(line.code, line.term, line.value or "missing", line.status, line.source) for line in lines)
        return CodeList(self.name, tuple(codes))


def read_coding(file: Path) -> Coding:
    """Read and check one coding file.

    Raises
    ------
    DefinitionError
        Naming file and line: wrong header, a code that is empty or stands twice, an unknown status, an empty source.
    """
    lines: dict[str, CodedValue] = {}
    for number, row in read_rows(file, list(CODING_COLUMNS)):
        line = CodedValue(**row)
        if not line.code or line.code in lines:
            raise DefinitionError(f"{file}:{number}: code {line.code!r} is empty or is listed more than once")
        if line.status not in CODE_STATUSES or not line.source.strip():
            raise DefinitionError(
                f"{file}:{number}: {line.code} needs a source and a status, {' or '.join(map(repr, CODE_STATUSES))}"
            )
        lines[line.code] = line
    if not lines:
        raise DefinitionError(f"{file}: no codes")
    return Coding(file.stem, tuple(lines.values()))
