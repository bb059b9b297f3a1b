"""Definitions as data: code lists, cohort rules and their options, opened as one folder and checked when loaded.

A clinician reviews these as a diff of a CSV or YAML file. A malformed or
duplicate code, an unknown key or an option without a reason is an error that
names file and line. Words that a reader sees are templates over the options in force.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from naome.core.atomic import write_bytes
from naome.core.errors import DefinitionError, suggest
from naome.core.paths import project_root
from naome.core.yaml_files import FrozenModel, Text, read_model, read_text

if TYPE_CHECKING:
    from naome.core.codings import Coding

CODE_PATTERNS = {
    "icd10": (re.compile(r"[A-Z]\d[\dA-Z](\d[\dA-Z]?)?"), "ICD-10 without a dot, three to five characters"),
    "opcs4": (re.compile(r"[A-Z]\d{2}\d?"), "OPCS-4 without a dot, three or four characters"),
    "sact": (re.compile(r"[A-Z0-9][A-Z0-9 +/()-]*"), "a SACT drug group in capitals"),
}
#: The rules that the cohort code applies, in its order
COHORT_RULES = ("EL1", "EL2", "EL3", "EL4", "EL5", "EL6", "EL7", "DN1", "DN2", "RC1", "RC2")
#: Rule of an option that changes what is measured and not who belongs
NO_RULE = "none"
#: Files that calibrate the generator, or say which pages there are and what these say; no result rests on them
NOT_OF_A_RUN = (
    *("synthetic", "pages", "wording", "patient_summary", "corrections"),
    *("recommendations", "quality_improvement"),
)
#: ``{option}`` is the title of the value in force, ``{option.word}`` one of its words
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
#: Words may hold placeholders themselves, this many times over
DEEPEST_WORDS = 3
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


def read_codelist(file: Path) -> CodeList:
    """Read and check one code list file.

    Raises
    ------
    DefinitionError
        Naming file and line: wrong header, code not valid in its
        classification, duplicate code within a group, empty source, or a
        status other than ``sourced`` and ``inferred``.
    """
    kind = file.stem.split("_")[0]
    pattern, wanted = CODE_PATTERNS.get(kind, (re.compile(r".+"), "any text"))
    codes: list[Code] = []
    seen: dict[tuple[str, str], int] = {}
    for line, row in read_rows(file, CODELIST_COLUMNS):
        code = Code(**row)
        if not pattern.fullmatch(code.code):
            raise DefinitionError(f"{file}:{line}: {code.code!r} is not {wanted}")
        if code.status not in ("sourced", "inferred"):
            raise DefinitionError(f"{file}:{line}: status {code.status!r} must be 'sourced' or 'inferred'")
        if not code.group.strip() or not code.source.strip():
            raise DefinitionError(f"{file}:{line}: {code.code} needs a group and a source")
        key = (code.code, code.group)
        if key in seen:
            raise DefinitionError(
                f"{file}:{line}: {code.code} is already listed in line {seen[key]} (group {code.group})"
            )
        seen[key] = line
        codes.append(code)
    if not codes:
        raise DefinitionError(f"{file}: no codes")
    return CodeList(file.stem, tuple(codes))


def read_rows(file: Path, columns: list[str]) -> list[tuple[int, dict[str, str]]]:
    """Read a small CSV file: UTF-8, this header, no row longer or shorter.

    Returns
    -------
    list of (int, dict)
        Line and row; every value is text.

    Raises
    ------
    DefinitionError
        Naming file and line.
    """
    text = read_text(file, DefinitionError)
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows = []
    try:
        header = next(reader, [])
        if header != columns:
            raise DefinitionError(f"{file}:1: header is {','.join(header)}; it must be {','.join(columns)}")
        for row in reader:
            if len(row) != len(columns):
                raise DefinitionError(f"{file}:{reader.line_num}: {len(row)} fields; there must be {len(columns)}")
            rows.append((reader.line_num, dict(zip(columns, row, strict=True))))
    except csv.Error as found:
        raise DefinitionError(f"{file}:{reader.line_num}: not readable as CSV: {found}") from None
    return rows


class Rule(FrozenModel):
    """One numbered cohort rule; the id stands in code, attrition, tests and pages."""

    id: Annotated[str, Field(pattern=r"^[A-Z]{2}[0-9]$")]
    cohort: Literal["both", "denovo", "recurrent"]
    text: Text
    source: Text


class Choice(FrozenModel):
    """One value of an option: how a reader sees it, and the words it puts into rules and sentences."""

    value: bool | int | str | Annotated[tuple[str, ...], Field(strict=False)]
    title: Text
    words: dict[str, str] = Field(default_factory=dict)


class Option(FrozenModel):
    """A choice the public documents leave open."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Text
    choices: Annotated[tuple[Choice, ...], Field(strict=False, alias="values", min_length=1)]
    default: bool | int | str | Annotated[tuple[str, ...], Field(strict=False)]
    rule: Text
    reason: Text
    source: Text

    @field_validator("choices")
    @classmethod
    def _same_words(cls, choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
        for choice in choices:
            if set(choice.words) != set(choices[0].words):
                raise ValueError(f"value {choice.value!r} has other words than {choices[0].value!r}; all need the same")
            if sum(_same(choice.value, other.value) for other in choices) > 1:
                raise ValueError(f"value {choice.value!r} is given twice")
        return choices

    @field_validator("default")
    @classmethod
    def _default_allowed(cls, default: Any, info: ValidationInfo) -> Any:
        choices = info.data.get("choices", ())
        if choices and not any(_same(default, choice.value) for choice in choices):
            allowed = [str(choice.value) for choice in choices]
            raise ValueError(
                f"{default!r} is not allowed{suggest(str(default), allowed)}; allowed: {', '.join(allowed)}"
            )
        return default

    @property
    def values(self) -> tuple[Any, ...]:
        """The values, in file order."""
        return tuple(choice.value for choice in self.choices)

    def choice(self, value: Any) -> Choice:
        """Return the choice that has a value.

        Raises
        ------
        DefinitionError
            If the value is not allowed.
        """
        value = tuple(value) if isinstance(value, list) else value
        for choice in self.choices:
            if _same(choice.value, value):
                return choice
        allowed = ", ".join(repr(each) for each in self.values)
        raise DefinitionError(f"option {self.name}: {value!r} is not allowed; allowed: {allowed}")


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other  # 0 is not false


class _RulesFile(FrozenModel):
    rules: Annotated[tuple[Rule, ...], Field(strict=False, min_length=1)]
    options: Annotated[tuple[Option, ...], Field(strict=False)]


@dataclass(frozen=True)
class CohortRules:
    """The numbered rules and the options in force.

    Attributes
    ----------
    templates : tuple of Rule
        The rules with placeholders for options in their texts; `rules` are the same in words.
    options : tuple of Option
    chosen : tuple of (str, value)
        Every option and its value in force.
    definitions : Definitions
        The folder they come from, for its code lists.
    """

    templates: tuple[Rule, ...]
    options: tuple[Option, ...]
    chosen: tuple[tuple[str, Any], ...]
    definitions: Definitions = field(repr=False, compare=False)

    def __getitem__(self, option: str) -> Any:
        self.option(option)
        return dict(self.chosen)[option]

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, their texts under the options in force."""
        return tuple(rule.model_copy(update={"text": self.fill(rule.text)}) for rule in self.templates)

    def rule(self, rule_id: str) -> Rule:
        """Return the rule with this id.

        Raises
        ------
        DefinitionError
            If there is none.
        """
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        ids = [rule.id for rule in self.rules]
        raise DefinitionError(f"cohort_rules.yaml has no rule {rule_id!r}; rules: {', '.join(ids)}")

    def option(self, name: str) -> Option:
        """Return the option with this name.

        Raises
        ------
        DefinitionError
            If there is none.
        """
        for option in self.options:
            if option.name == name:
                return option
        known = [option.name for option in self.options]
        raise DefinitionError(
            f"cohort_rules.yaml has no option {name!r}{suggest(name, known)}; options: {', '.join(known)}"
        )

    def replace(self, **overrides: Any) -> CohortRules:
        """Return the same rules with some options chosen differently, checked like a file's."""
        return self.definitions.rules({**dict(self.chosen), **overrides})

    def fill(self, template: str, numbers: Mapping[str, int] | None = None) -> str:
        """Return a text with the options in force in place of its placeholders.

        Parameters
        ----------
        template : str
            ``{option}`` becomes the title of the option's value, ``{option.word}`` one of the value's words.
        numbers : mapping of str to int, optional
            Further names that may stand in the template, such as windows of an indicator.

        Raises
        ------
        DefinitionError
            If a placeholder names no option or word, or a brace stands alone.

        Examples
        --------
        >>> rules = project_definitions().rules({"gap_months": 6})
        >>> rules.fill("no record {gap_months.before} diagnosis")
        'no record within 6 months of diagnosis'
        """
        return self._fill(template, numbers or {}, 0)

    def _fill(self, template: str, numbers: Mapping[str, int], depth: int) -> str:
        if depth > DEEPEST_WORDS:
            raise DefinitionError(f"words refer to words more than {DEEPEST_WORDS} times over; the last: {template!r}")

        def put(found: re.Match[str]) -> str:
            name, _, word = found[1].partition(".")
            if name in numbers and not word:
                return str(numbers[name])
            choice = self.option(name).choice(self[name])
            if word and word not in choice.words:
                known = list(choice.words)
                raise DefinitionError(
                    f"option {name} has no word {word!r}{suggest(word, known)}; words: {', '.join(known) or 'none'}"
                )
            return self._fill(choice.words[word] if word else choice.title, {}, depth + 1)

        text = PLACEHOLDER.sub(put, template)
        if "{" in text or "}" in text:
            raise DefinitionError(f"a brace is not paired in {template!r}; a placeholder is written {{option}}")
        return text


@dataclass(frozen=True)
class Definitions:
    """A folder of definitions; everything in it is read once and checked when it is first asked for.

    Attributes
    ----------
    folder : Path
        The project's ``definitions/``, or the copy that a run holds.

    Examples
    --------
    >>> project_definitions().codelist("icd10_metastatic").prefixes("bone")
    ('C795',)
    """

    folder: Path
    _lists: dict[str, CodeList] = field(default_factory=dict, init=False, repr=False, compare=False)
    _codings: dict[str, Coding] = field(default_factory=dict, init=False, repr=False, compare=False)
    _read: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def codelists(self) -> tuple[str, ...]:
        """Names of the code lists, in order."""
        return tuple(sorted(file.stem for file in (self.folder / "codelists").glob("*.csv")))

    def codelist(self, name: str) -> CodeList:
        """Return the code list ``codelists/<name>.csv``, or the codes of the coding of that name.

        Raises
        ------
        DefinitionError
            If there is no such list, or as :func:`read_codelist`.
        """
        if name not in self._lists:
            if name in self.codings:
                self._lists[name] = self.coding(name).as_codelist()
                return self._lists[name]
            known = self.codelists
            if name not in known:
                raise DefinitionError(
                    f"no code list {name!r}{suggest(name, list(known))}; there are: {', '.join(known)}"
                )
            self._lists[name] = read_codelist(self.folder / "codelists" / f"{name}.csv")
        return self._lists[name]

    @property
    def codings(self) -> tuple[str, ...]:
        """Names of the codings, in order."""
        return tuple(sorted(file.stem for file in (self.folder / "codings").glob("*.csv")))

    def coding(self, name: str) -> Coding:
        """Return the coding ``codings/<name>.csv``.

        Raises
        ------
        DefinitionError
            If there is no such coding, or as :func:`naome.core.codings.read_coding`.

        Examples
        --------
        >>> project_definitions().coding("gender").values["2"]
        'female'
        """
        from naome.core.codings import read_coding

        if name not in self._codings:
            known = self.codings
            if name not in known:
                raise DefinitionError(f"no coding {name!r}{suggest(name, list(known))}; there are: {', '.join(known)}")
            self._codings[name] = read_coding(self.folder / "codings" / f"{name}.csv")
        return self._codings[name]

    def find_codes(self, reference: str, leave_out: Collection[str] = ()) -> tuple[Code, ...]:
        """Return the codes of a reference: a code list (``cns_indicator``) or one group of it (``sact_drugs.cdk46``).

        Parameters
        ----------
        reference : str
        leave_out : collection of str
            Groups whose codes are not returned.

        Raises
        ------
        DefinitionError
            If there is no such list or group.

        Examples
        --------
        >>> len(project_definitions().find_codes("sact_drugs.cdk46"))
        3
        """
        name, _, group = reference.partition(".")
        codelist = self.codelist(name)
        if group:
            codelist.prefixes(group)  # an unknown group is an error that says which there are
        return tuple(code for code in codelist.codes if group in ("", code.group) and code.group not in leave_out)

    def say_inferred_codes(
        self, references: Iterable[str], left_out: Mapping[str, Collection[str]] | None = None
    ) -> str:
        """Say which codes of some references are inferred: no public document names them for this use.

        Parameters
        ----------
        references : iterable of str
            As in :meth:`find_codes`.
        left_out : mapping of str to collection of str, optional
            Reference -> its groups that are not used.

        Returns
        -------
        str
            One sentence with how many of how many codes are inferred; empty when none is.

        Examples
        --------
        >>> project_definitions().say_inferred_codes(["icd10_breast", "sact_drugs.cdk46"])
        'Uses unverified codes: sact drugs, cdk46 (3 of 3 codes).'
        """
        parts = []
        for reference in references:
            codes = self.find_codes(reference, (left_out or {}).get(reference, ()))
            inferred = sum(code.status == "inferred" for code in codes)
            if inferred:
                name = reference.replace(".", ", ").replace("_", " ")
                parts.append(f"{name} ({inferred} of {len(codes)} codes)")
        return f"Uses unverified codes: {'; '.join(parts)}." if parts else ""

    def rules(self, overrides: Mapping[str, Any] | None = None) -> CohortRules:
        """Return the cohort rules with a run's choices.

        Parameters
        ----------
        overrides : mapping, optional
            Option name -> value, as under ``rules:`` in a parameter file.

        Raises
        ------
        DefinitionError
            For a malformed file, an unknown option or a value that is not allowed.

        Examples
        --------
        >>> project_definitions().rules()["early_code_bars_recurrence"]
        True
        """
        base = self._rules
        chosen = dict(base.chosen)
        for name, value in (overrides or {}).items():
            chosen[name] = base.option(name).choice(value).value
        return CohortRules(base.templates, base.options, tuple(chosen.items()), self)

    @cached_property
    def _rules(self) -> CohortRules:
        """The rules under the default options, checked."""
        file = self.folder / "cohort_rules.yaml"
        read = read_model(file, _RulesFile, error=DefinitionError)
        ids, names = [rule.id for rule in read.rules], [option.name for option in read.options]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DefinitionError(f"{file}: options given twice: {', '.join(twice)}")
        if ids != list(COHORT_RULES):
            raise DefinitionError(
                f"{file}: rules are {', '.join(ids)}; they must be, in order, {', '.join(COHORT_RULES)}"
            )
        for option in read.options:
            if option.rule not in (*ids, NO_RULE):
                raise DefinitionError(
                    f"{file}: option {option.name} belongs to rule {option.rule!r}; rules: {', '.join(ids)}, "
                    f"or {NO_RULE}"
                )
        defaults = tuple((option.name, option.default) for option in read.options)
        rules = CohortRules(read.rules, read.options, defaults, self)
        for option in read.options:
            for choice in option.choices:
                chosen = tuple((dict(defaults) | {option.name: choice.value}).items())
                self._check_words(CohortRules(read.rules, read.options, chosen, self), file)
        return rules

    def _check_words(self, rules: CohortRules, file: Path) -> None:
        """Refuse a template that cannot be filled."""
        texts = {f"rule {rule.id}, text": rule.text for rule in rules.templates}
        for option in rules.options:
            texts[f"option {option.name}, reason"] = option.reason
            choice = option.choice(rules[option.name])
            texts |= {f"option {option.name}, {word}": text for word, text in choice.words.items()}
        for where, text in texts.items():
            try:
                rules.fill(text)
            except DefinitionError as error:
                raise DefinitionError(f"{file}: {where}: {error}") from None

    def files(self) -> tuple[Path, ...]:
        """Return every file that a run copies, relative to the folder and in order: all that analyses may read."""
        found = (file.relative_to(self.folder) for file in self.folder.rglob("*") if file.is_file())
        kept = [file for file in found if file.stem not in NOT_OF_A_RUN and not file.name.startswith(".")]
        return tuple(sorted(kept, key=lambda file: file.as_posix()))

    @property
    def digest(self) -> str:
        """The sha256 of the names and bytes of all files that a run copies."""
        digest = hashlib.sha256()
        for file in self.files():
            content = (self.folder / file).read_bytes()
            digest.update(f"{file.as_posix()}\n{len(content)}\n".encode())
            digest.update(content)
        return digest.hexdigest()

    def copy_to(self, folder: Path) -> Definitions:
        """Copy the files that a run keeps; return the copies as the definitions that they are."""
        for file in self.files():
            write_bytes((self.folder / file).read_bytes(), folder / file, private=True)
        return Definitions(folder)

    def compare(self, other: Definitions) -> list[str]:
        """Return the names of files that another folder has not, or has otherwise."""
        here, there = ({file.as_posix(): (d.folder / file).read_bytes() for file in d.files()} for d in (self, other))
        return sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))


Function = TypeVar("Function", bound=Callable[..., Any])


def read_once(read: Function) -> Function:
    """Let a function that reads something from definitions do so once for each :class:`Definitions`."""

    @wraps(read)
    def remember(definitions: Definitions) -> Any:
        if read not in definitions._read:
            definitions._read[read] = read(definitions)
        return definitions._read[read]

    return remember  # type: ignore[return-value]


def project_definitions() -> Definitions:
    """Return the definitions of the checkout; a run has its own."""
    return _open(project_root() / "definitions")


@cache
def _open(folder: Path) -> Definitions:
    return Definitions(folder)
