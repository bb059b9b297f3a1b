"""Code lists, cohort rules and their options: definitions as data, checked when loaded.

A clinician reviews these as a diff of a CSV or YAML file. A malformed or
duplicate code, an unknown key or an option without a reason is an error that
names file and line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from naome.codings import load_coding
from naome.errors import DefinitionError, suggest
from naome.paths import project_root
from naome.yaml_files import read_yaml

CODE_PATTERNS = {
    "icd10": (re.compile(r"[A-Z]\d[\dA-Z](\d[\dA-Z]?)?"), "ICD-10 without a dot, three to five characters, e.g. C795"),
    "opcs4": (re.compile(r"[A-Z]\d{2}\d?"), "OPCS-4 without a dot, three or four characters, e.g. X721"),
    "sact": (re.compile(r"[A-Z0-9][A-Z0-9 +/()-]*"), "a SACT drug group in capitals, e.g. PALBOCICLIB"),
}
#: Rule of an option that changes what is measured and not who belongs
NO_RULE = "none"
CODELIST_COLUMNS = ["code", "term", "group", "status", "source"]


@dataclass(frozen=True)
class Code:
    """One line of a code list."""

    code: str
    term: str
    group: str
    status: str
    source: str


@dataclass(frozen=True)
class CodeList:
    """A code list; codes shorter than the recorded code match as prefixes.

    Attributes
    ----------
    name : str
        File stem under ``definitions/codelists``; the part before the first
        underscore says which classification the codes belong to.
    codes : tuple of Code
    """

    name: str
    codes: tuple[Code, ...]

    def prefixes(self, *groups: str) -> tuple[str, ...]:
        """Return the codes of the named groups (of all groups when none is named).

        Raises
        ------
        DefinitionError
            If a group is not in the list.
        """
        known = self.groups
        for group in groups:
            if group not in known:
                raise DefinitionError(
                    f"{self.name}.csv has no group {group!r}{suggest(group, list(known))}; groups: {', '.join(known)}"
                )
        return tuple(c.code for c in self.codes if not groups or c.group in groups)

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups in file order."""
        return tuple(dict.fromkeys(c.group for c in self.codes))


@cache
def load_codelist(name: str) -> CodeList:
    """Load and check ``definitions/codelists/<name>.csv``, or the codes of a coding of that name.

    Raises
    ------
    DefinitionError
        Naming file and line: wrong header, code not valid in its
        classification, duplicate code within a group, empty source, or a
        status other than ``sourced`` and ``inferred``.

    Examples
    --------
    >>> load_codelist("icd10_metastatic").prefixes("bone")
    ('C795',)
    """
    file = project_root() / "definitions" / "codelists" / f"{name}.csv"
    if (file.parents[1] / "codings" / file.name).is_file():
        coding = load_coding(file.parents[1], name)
        # A code with a rule is another spelling of one that stands there too
        lines = [line for line in coding.lines if not line.rule]
        codes = (Code(line.code, line.term, line.value or "missing", line.status, line.source) for line in lines)
        return CodeList(name, tuple(codes))
    if not file.is_file():
        known = sorted(f.stem for f in file.parent.glob("*.csv"))
        raise DefinitionError(f"no code list {name!r}{suggest(name, known)}; there are: {', '.join(known)}")
    return read_codelist(file)


def read_codelist(file: Path) -> CodeList:
    """Read and check one code list file; see :func:`load_codelist`."""
    kind = file.stem.split("_")[0]
    pattern, wanted = CODE_PATTERNS.get(kind, (re.compile(r".+"), "any text"))
    codes: list[Code] = []
    seen: dict[tuple[str, str], int] = {}
    with file.open(encoding="utf-8", newline="") as handle:
        reader = csv.reader(handle)
        header = next(reader, [])
        if header != CODELIST_COLUMNS:
            raise DefinitionError(f"{file}:1: header is {','.join(header)}; it must be {','.join(CODELIST_COLUMNS)}")
        for line, row in enumerate(reader, start=2):
            if len(row) != len(CODELIST_COLUMNS):
                raise DefinitionError(f"{file}:{line}: {len(row)} fields; there must be {len(CODELIST_COLUMNS)}")
            code = Code(*row)
            if not pattern.fullmatch(code.code):
                raise DefinitionError(f"{file}:{line}: {code.code!r} is not {wanted}")
            if code.status not in ("sourced", "inferred"):
                raise DefinitionError(f"{file}:{line}: status {code.status!r} must be 'sourced' or 'inferred'")
            if not code.group or not code.source:
                raise DefinitionError(f"{file}:{line}: {code.code} needs a group and a source")
            key = (code.code, code.group)
            if key in seen:
                raise DefinitionError(
                    f"{file}:{line}: {code.code} stands in line {seen[key]} already (group {code.group})"
                )
            seen[key] = line
            codes.append(code)
    if not codes:
        raise DefinitionError(f"{file}: no codes")
    return CodeList(file.stem, tuple(codes))


def find_codes(reference: str) -> tuple[Code, ...]:
    """Return the codes of a reference: a code list (``cns_indicator``) or one group of it (``sact_drugs.cdk46``).

    Raises
    ------
    DefinitionError
        If there is no such list or group.

    Examples
    --------
    >>> len(find_codes("sact_drugs.cdk46"))
    3
    """
    name, _, group = reference.partition(".")
    codelist = load_codelist(name)
    if group:
        codelist.prefixes(group)  # an unknown group is an error that says which there are
    return tuple(code for code in codelist.codes if group in ("", code.group))


def say_inferred_codes(references: Iterable[str]) -> str:
    """Say which codes of some references are inferred: no public document names them for this use.

    Parameters
    ----------
    references : iterable of str
        As in :func:`find_codes`.

    Returns
    -------
    str
        One sentence with how many of how many codes are inferred; empty when none is.

    Examples
    --------
    >>> say_inferred_codes(["icd10_breast", "sact_drugs.cdk46"])
    'Rests on inferred codes: sact drugs, cdk46 (3 of 3 codes).'
    """
    parts = []
    for reference in references:
        codes = find_codes(reference)
        inferred = sum(code.status == "inferred" for code in codes)
        if inferred:
            name = reference.replace(".", ", ").replace("_", " ")
            parts.append(f"{name} ({inferred} of {len(codes)} codes)")
    return f"Rests on inferred codes: {'; '.join(parts)}." if parts else ""


@dataclass(frozen=True)
class Rule:
    """One numbered cohort rule; the id stands in code, attrition, tests and pages."""

    id: str
    cohort: str
    text: str
    source: str


@dataclass(frozen=True)
class Option:
    """A choice the public documents leave open."""

    name: str
    default: Any
    values: tuple[Any, ...]
    rule: str
    reason: str
    source: str


@dataclass(frozen=True)
class CohortRules:
    """The numbered rules and the options chosen for a run."""

    rules: tuple[Rule, ...]
    options: tuple[Option, ...]
    chosen: tuple[tuple[str, Any], ...]

    def __getitem__(self, option: str) -> Any:
        return dict(self.chosen)[option]

    def rule(self, rule_id: str) -> Rule:
        """Return the rule with this id."""
        return next(rule for rule in self.rules if rule.id == rule_id)

    def replace(self, **overrides: Any) -> CohortRules:
        """Return the same rules with some options chosen differently, checked like a file's."""
        return CohortRules(self.rules, self.options, _choose(self.options, {**dict(self.chosen), **overrides}))


def load_cohort_rules(overrides: dict[str, Any] | None = None, file: Path | None = None) -> CohortRules:
    """Load ``definitions/cohort_rules.yaml`` with a run's choices.

    Parameters
    ----------
    overrides : dict, optional
        Option name -> value, as under ``rules:`` in a parameter file.

    Raises
    ------
    DefinitionError
        For a malformed file, an unknown option or a value that is not allowed.

    Examples
    --------
    >>> load_cohort_rules()["early_code_bars_recurrence"]
    True
    """
    file = file or project_root() / "definitions" / "cohort_rules.yaml"
    raw = read_yaml(file)
    rules = tuple(_entry(Rule, item, file, "rules") for item in raw["rules"])
    options = tuple(
        _entry(
            Option,
            {**item, "values": _tuples(item.get("values", ())), "default": _tuple(item.get("default"))},
            file,
            "options",
        )
        for item in raw["options"]
    )
    ids = [rule.id for rule in rules]
    if len(set(ids)) != len(ids):
        raise DefinitionError(f"{file}: duplicate rule ids in {ids}")
    for option in options:
        if option.rule not in (*ids, NO_RULE):
            raise DefinitionError(
                f"{file}: option {option.name} belongs to rule {option.rule!r}; rules: {', '.join(ids)}, or {NO_RULE}"
            )
    return CohortRules(rules, options, _choose(options, overrides or {}))


def _choose(options: tuple[Option, ...], overrides: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    by_name = {option.name: option for option in options}
    for name, value in overrides.items():
        if name not in by_name:
            raise DefinitionError(
                f"cohort_rules.yaml has no option {name!r}{suggest(name, list(by_name))}; options: {', '.join(by_name)}"
            )
        value = _tuple(value)
        if value not in by_name[name].values:
            allowed = ", ".join(repr(v) for v in by_name[name].values)
            raise DefinitionError(f"option {name}: {value!r} is not allowed; allowed: {allowed}")
    chosen = {name: option.default for name, option in by_name.items()} | overrides
    return tuple((name, _tuple(v)) for name, v in chosen.items())


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _tuples(values: list[Any]) -> tuple[Any, ...]:
    return tuple(_tuple(v) for v in values)


def _entry(kind: type, item: dict[str, Any], file: Path, section: str) -> Any:
    fields = set(kind.__dataclass_fields__)
    if set(item) != fields:
        missing, unknown = fields - set(item), set(item) - fields
        raise DefinitionError(
            f"{file}: {section} entry {item.get('id', item.get('name', '?'))!r}: "
            f"missing {sorted(missing) or 'nothing'}, unknown {sorted(unknown) or 'nothing'}"
        )
    return kind(**item)
