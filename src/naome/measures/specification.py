"""What is measured: indicators, groups, levels and data items, read from the definitions and checked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, get_args

import numpy as np
import pandas as pd
import yaml
from pydantic import Field, field_validator, model_validator

from naome.cohort.columns import list_columns
from naome.cohort.feature_definitions import EVERY, list_left_out, read_features
from naome.core.definitions import CohortRules, Definitions, project_definitions, read_once
from naome.core.errors import DefinitionError, suggest
from naome.core.yaml_files import DUMPER, FrozenModel, Text, read_model
from naome.measures.expressions import Expression, parse_expression
from naome.measures.satisfiable import count_possible

Kind = Literal["performance", "data_quality", "contextual"]
KINDS: tuple[str, ...] = get_args(Kind)
NATION = "nation"
PROVIDER = "provider"
#: Indicators that pages and measures name
NAMED = (
    "survival",
    "mdt_discussion",
    "cdk46_first_line",
    "anti_her2_first_line",
    "chemotherapy",
    "death_30d_chemotherapy",
)
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _IndicatorEntry(FrozenModel):
    """An indicator as the file has it."""

    id: Id
    title: Text
    kind: Kind
    goal: Annotated[int, Field(ge=0, le=9)] = 0
    cohorts: Annotated[tuple[Literal["denovo", "recurrent"], ...], Field(strict=False, min_length=1)]
    denominator: Text
    numerator: Text
    windows: dict[Id, Annotated[int, Field(ge=0, le=36_525)]] = Field(default_factory=dict)
    needs: dict[str, Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]] = Field(default_factory=dict)
    exclusions: str = ""
    polarity: Literal["higher", "lower", "neutral"]
    provider: Literal["provider", "treating_provider"] = "provider"
    risk_adjusted: bool = False
    codelists: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    guidance: str = ""
    source: Text
    not_derivable: str = ""
    item_needed: str = ""
    estimator: Literal["proportion", "kaplan_meier"] = "proportion"

    @field_validator("cohorts")
    @classmethod
    def _once(cls, cohorts: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(cohorts)) < len(cohorts):
            raise ValueError("a cohort is named twice")
        return cohorts

    @model_validator(mode="after")
    def _reason_with_item(self) -> _IndicatorEntry:
        if bool(self.not_derivable) != bool(self.item_needed):
            raise ValueError(f"indicator {self.id}: not_derivable and item_needed belong together; one is missing")
        return self


class _GroupEntry(FrozenModel):
    title: Text
    column: str | Annotated[tuple[str, ...], Field(strict=False)] = ()
    where: Text | None = None
    label: Text = "all"
    used_for: Literal["everything", "proportions", "survival"] = "everything"


class _LevelEntry(FrozenModel):
    title: Text


class _IndicatorsFile(FrozenModel):
    groups: dict[Id, _GroupEntry]
    levels: dict[Id, _LevelEntry]
    indicators: Annotated[tuple[_IndicatorEntry, ...], Field(strict=False, min_length=1)]

    @field_validator("levels")
    @classmethod
    def _always_there(cls, levels: dict[str, _LevelEntry]) -> dict[str, _LevelEntry]:
        for name in (NATION, PROVIDER):
            if name not in levels:
                raise ValueError(f"level {name!r} is missing")
        largest, *_, smallest = levels
        if largest != NATION or smallest != PROVIDER:
            raise ValueError(f"levels go from {NATION} to {PROVIDER}, the larger first; found {', '.join(levels)}")
        return levels


class _ItemEntry(FrozenModel):
    id: Id
    title: Text
    recorded: Text
    table_2: bool


_Pair = Annotated[tuple[str, ...], Field(strict=False, min_length=2, max_length=2)]
_Several = Annotated[tuple[str, ...], Field(strict=False, min_length=2)]


class Together(FrozenModel):
    """A group that holds the people of several values of a column."""

    column: str
    group: str
    values: tuple[str, ...] = Field(strict=False, min_length=2)


class TableRelations(FrozenModel):
    """What ``relations.yaml`` says; the meaning of each key is in the file."""

    sums: tuple[Annotated[tuple[str, ...], Field(strict=False, min_length=3)], ...] = Field(strict=False, min_length=1)
    nested: tuple[_Pair, ...] = Field(strict=False, min_length=1)
    same: tuple[_Pair, ...] = Field(strict=False, min_length=1)
    together: tuple[Together, ...] = Field(strict=False, default=())
    recorded: tuple[_Several, ...] = Field(strict=False, default=())
    within: tuple[_Pair, ...] = Field(strict=False, default=())


class _ItemsFile(FrozenModel):
    items: Annotated[tuple[_ItemEntry, ...], Field(strict=False, min_length=1)]


@dataclass(frozen=True)
class Indicator:
    """One indicator; `denominator` and `numerator` are None for everyone.

    `needs` holds, by cohort, the columns of the numerator without which there is no result; all of them by default.
    `exclusions` is a template over options and windows: :meth:`say_exclusions` fills it. `inferred_codes` says which
    codes the indicator rests on are inferred; it is empty when all have a public source.
    """

    id: str
    title: str
    kind: str
    goal: int
    cohorts: tuple[str, ...]
    denominator: Expression | None
    numerator: Expression | None
    windows: Mapping[str, int]
    needs: Mapping[str, tuple[str, ...]]
    exclusions: str
    polarity: str
    provider: str
    risk_adjusted: bool
    codelists: tuple[str, ...]
    guidance: str
    source: str
    not_derivable: str
    item_needed: str
    estimator: str
    inferred_codes: str
    version: str

    def say_exclusions(self, rules: CohortRules) -> str:
        """Say who is left out and how words are meant, under the options of a run; empty when there is nothing to say.

        Examples
        --------
        >>> rules = project_definitions().rules({"last_chemotherapy": "cycle_start"})
        >>> load_specification()["death_30d_chemotherapy"].say_exclusions(rules).split(". ")[1][:35]
        'The last is the latest cycle start '
        """
        return rules.fill(self.exclusions, self.windows)

    def select(self, people: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return who is in the denominator, and who fulfils the numerator's condition, denominator or not.

        Returns
        -------
        array of bool, array of bool
            Of shape (n,), for the rows of `people`.
        """
        everyone = np.ones(len(people), dtype=bool)
        inside = self.denominator.evaluate(people) if self.denominator else everyone
        return inside, self.numerator.evaluate(people) if self.numerator else everyone

    @property
    def definition_id(self) -> str:
        """Identifier with the version of the definition, as results carry it."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True)
class Group:
    """A characteristic that divides people: columns, and a condition that limits them.

    Attributes
    ----------
    used_for : {"everything", "proportions", "survival"}
        Survival is given by what is known at the time origin, and not by what only those who live can have later.
    """

    id: str
    title: str
    columns: tuple[str, ...]
    where: Expression | None
    label: str
    used_for: str = "everything"


@dataclass(frozen=True)
class DataItem:
    """One data item; `recorded` says when it is there."""

    id: str
    title: str
    recorded: Expression
    table_2: bool


@dataclass(frozen=True)
class Specification:
    """Everything in the indicator file.

    Attributes
    ----------
    indicators : tuple of Indicator
    groups : tuple of Group
    levels : mapping of a level to its title
        From the nation to the organisation, the larger first.
    definitions : Definitions
        The folder it comes from, for code lists, rules and data items.
    """

    indicators: tuple[Indicator, ...]
    groups: tuple[Group, ...]
    levels: Mapping[str, str]
    definitions: Definitions = field(repr=False, compare=False)

    def __getitem__(self, indicator_id: str) -> Indicator:
        for indicator in self.indicators:
            if indicator.id == indicator_id:
                return indicator
        raise KeyError(indicator_id)

    def groups_for(self, what: str) -> tuple[Group, ...]:
        """Return the groups by which ``proportions`` or ``survival`` are given.

        Examples
        --------
        >>> [group.id for group in load_specification().groups_for("survival") if group.label == "bone"]
        ['bone_early']
        """
        return tuple(group for group in self.groups if group.used_for in ("everything", what))

    @property
    def levels_within(self) -> tuple[str, ...]:
        """The levels within the nation, from the organisation to the largest.

        Examples
        --------
        >>> load_specification().levels_within
        ('provider', 'alliance', 'region')
        """
        return tuple(level for level in reversed(tuple(self.levels)) if level != NATION)


def load_specification() -> Specification:
    """Return the specification of the checkout; a run has its own."""
    return read_specification(project_definitions())


@read_once
def read_specification(definitions: Definitions) -> Specification:
    """Read and check ``indicators.yaml`` of a folder of definitions.

    Raises
    ------
    DefinitionError
        Naming file, entry and key: unknown or missing key, unknown column, wrong
        type, duplicate id, unknown code list, option or window.
    """
    file = definitions.folder / "indicators.yaml"
    read = read_model(file, _IndicatorsFile, error=DefinitionError)
    _check_once([entry.id for entry in read.indicators], file)
    ids = [entry.id for entry in read.indicators]
    for name in NAMED:
        if name not in ids:
            raise DefinitionError(f"{file}: indicator {name!r} is missing; pages are about it{suggest(name, ids)}")
    _check_names(read, [column.name for column in list_columns(definitions)], file)
    indicators = tuple(_indicator(entry, file, definitions) for entry in read.indicators)
    groups = tuple(_group(name, entry, file, definitions) for name, entry in read.groups.items())
    levels = MappingProxyType({name: entry.title for name, entry in read.levels.items()})
    return Specification(indicators, groups, levels, definitions)


@read_once
def read_data_items(definitions: Definitions) -> tuple[DataItem, ...]:
    """Read and check ``data_items.yaml`` of a folder of definitions: the items whose completeness is reported.

    Raises
    ------
    DefinitionError
        Naming file, entry and key.
    """
    file, columns = definitions.folder / "data_items.yaml", list_columns(definitions)
    read = read_model(file, _ItemsFile, error=DefinitionError)
    _check_once([entry.id for entry in read.items], file)
    return tuple(
        DataItem(
            entry.id,
            entry.title,
            parse_expression(entry.recorded, f"{file.name}: item {entry.id}, recorded", columns=columns),
            entry.table_2,
        )
        for entry in read.items
    )


@read_once
def read_relations(definitions: Definitions) -> TableRelations:
    """Read and check ``relations.yaml`` of a folder of definitions: how counts of different names are related.

    Raises
    ------
    DefinitionError
        If it names an indicator or a column that is not there, or a condition that cannot be read.
    """
    file, columns = definitions.folder / "relations.yaml", list_columns(definitions)
    read = read_model(file, TableRelations, error=DefinitionError)
    known = [indicator.id for indicator in read_specification(definitions).indicators]
    for name in (name for sums in read.sums for name in sums):
        if name not in known:
            raise DefinitionError(f"{file}: sums: there is no indicator {name!r}{suggest(name, known)}")
    names = [column.name for column in columns]
    said = {
        "nested": (name for pair in read.nested for name in pair),
        "together": (each.column for each in read.together),
        "recorded": (name for made in read.recorded for name in made),
    }
    for key, name in ((key, name) for key, mentioned in said.items() for name in mentioned):
        if name not in names:
            raise DefinitionError(f"{file}: {key}: there is no column {name!r}{suggest(name, names)}")
    for key, pairs in (("same", read.same), ("within", read.within)):
        for text in (text for pair in pairs for text in pair):
            parse_expression(text, f"{file}: {key}", columns=columns)
    return read


def _check_names(read: _IndicatorsFile, columns: list[str], file: Path) -> None:
    """Check that levels are columns, and that windows have names of their own."""
    allowed = [NATION, *columns]
    for name in read.levels:
        if name not in allowed:
            raise DefinitionError(
                f"{file}: level {name!r} is neither {NATION} nor a column of the analysis table{suggest(name, allowed)}"
            )
    for entry in read.indicators:
        for name in entry.windows:
            if name in columns:
                raise DefinitionError(
                    f"{file}: indicator {entry.id}: window {name!r} has the name of a column; choose another"
                )


def _check_once(ids: list[str], file: Path) -> None:
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise DefinitionError(f"{file}: duplicate ids: {', '.join(twice)}")


def note_inferred_codes(results: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Let every result that rests on inferred codes say so in ``reason``, by the definition it carries.

    A code is inferred when no public document names it for this use. Results
    that are not ok keep the reason they have.

    Returns
    -------
    DataFrame
        The same rows in the same order.
    """
    notes = {i.definition_id: i.inferred_codes for i in specification.indicators}
    note = results["definition_id"].map(notes).fillna("")
    concerned = (results["status"] == "ok") & (results["reason"] == "") & (note != "")
    return results.assign(reason=results["reason"].mask(concerned, note))


def _indicator(entry: _IndicatorEntry, file: Path, definitions: Definitions) -> Indicator:
    where = f"{file.name}: indicator {entry.id}"
    # What a feed must hold changes no number, so that it is no part of the version
    raw = entry.model_dump(exclude_unset=True, exclude={"needs"})
    columns = list_columns(definitions)
    conditions = {
        key: None if text == "all" else parse_expression(text, f"{where}, {key}", entry.windows, columns)
        for key, text in (("denominator", entry.denominator), ("numerator", entry.numerator))
    }
    codelists = _list_codelists(entry, conditions.values(), definitions)
    if codelists:
        raw["codelists"] = codelists
    try:
        left_out = {each: list_left_out(each, definitions) for each in codelists}
        inferred = definitions.say_inferred_codes(codelists, left_out)
        if entry.exclusions:
            # The version is that of the definition as it reads under the default options
            raw["exclusions"] = definitions.rules().fill(entry.exclusions, entry.windows)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: {error}") from None
    _check_inside(conditions, where)
    _check_needs(entry, conditions["numerator"], where)
    version = hashlib.sha256(yaml.dump(raw, Dumper=DUMPER, sort_keys=True).encode()).hexdigest()[:8]
    frozen = {"windows": MappingProxyType(entry.windows), "needs": MappingProxyType(entry.needs)}
    found = {**dict(entry), **conditions, **frozen, "codelists": codelists}
    return Indicator(**found, inferred_codes=inferred, version=version)


def _list_codelists(
    entry: _IndicatorEntry, conditions: Iterable[Expression | None], definitions: Definitions
) -> tuple[str, ...]:
    """List the code lists of the events that an indicator's columns count, and those that its entry names besides."""
    features = {feature.name: feature for feature in read_features(definitions).features}
    used = features.keys() & {name for each in conditions if each is not None for name in each.names}
    in_order = re.findall(r"\w+", f"{entry.numerator} {entry.denominator}")
    lists = [each for name in in_order if name in used for each in features[name].events.values() if each != EVERY]
    return tuple(dict.fromkeys([*lists, *entry.codelists]))


def _check_needs(entry: _IndicatorEntry, numerator: Expression | None, where: str) -> None:
    """Check that needs name cohorts of the indicator, and columns that its numerator reads."""
    read = list(numerator.columns) if numerator else []
    for cohort, columns in entry.needs.items():
        if cohort not in entry.cohorts:
            raise DefinitionError(
                f"{where}, needs: the cohort {cohort!r} is not one of the indicator's; "
                f"allowed: {', '.join(entry.cohorts)}"
            )
        for column in columns:
            if column not in read:
                raise DefinitionError(
                    f"{where}, needs: the numerator does not read {column!r}{suggest(column, read)}; "
                    f"allowed: {', '.join(read) or 'nothing, since it reads no column'}"
                )


def _check_inside(conditions: dict[str, Expression | None], where: str) -> None:
    denominator, numerator = conditions["denominator"], conditions["numerator"]
    for key, condition in conditions.items():
        if condition and not count_possible(condition):
            raise DefinitionError(f"{where}, {key}: no person can fulfil {condition.text!r}")
    if denominator and numerator and not count_possible(denominator, numerator):
        raise DefinitionError(
            f"{where}, numerator: numerator not inside denominator: no person can fulfil both {numerator.text!r} "
            f"and the denominator {denominator.text!r}"
        )


def _group(name: str, entry: _GroupEntry, file: Path, definitions: Definitions) -> Group:
    where = f"{file.name}: group {name}"
    columns = list_columns(definitions)
    known = [column.name for column in columns]
    divided_by = (entry.column,) if isinstance(entry.column, str) else entry.column
    for column in divided_by:
        if column not in known:
            raise DefinitionError(f"{where}: unknown column {column!r}{suggest(column, known)}")
    condition = parse_expression(entry.where, f"{where}, where", columns=columns) if entry.where else None
    return Group(name, entry.title, divided_by, condition, entry.label, entry.used_for)
