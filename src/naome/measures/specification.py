"""Indicator specifications: ``definitions/indicators.yaml``, parsed and checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from naome.cohort.columns import COLUMN_NAMES
from naome.definitions import find_codes, load_cohort_rules, say_inferred_codes
from naome.errors import DefinitionError, ParamsError, suggest
from naome.measures.expressions import Expression, parse_expression
from naome.measures.probe import count_possible
from naome.measures.validation import MEASURES as VALIDATION
from naome.params import Params
from naome.paths import project_root
from naome.sources.absent import THINGS
from naome.yaml_files import read_yaml

KINDS = ("performance", "data_quality", "contextual")
POLARITIES = ("higher", "lower", "neutral")
ESTIMATORS = ("proportion", "kaplan_meier")
REQUIRED = ("id", "title", "kind", "cohorts", "denominator", "numerator", "polarity", "source")
OPTIONAL: dict[str, Any] = {
    "goal": 0,
    "windows": {},
    "exclusions": "",
    "provider": "provider",
    "risk_adjusted": False,
    "codelists": [],
    "guidance": "",
    "not_derivable": "",
    "item_needed": "",
    "estimator": "proportion",
}


@dataclass(frozen=True)
class Indicator:
    """One indicator; `denominator` and `numerator` are None for everyone."""

    id: str
    title: str
    kind: str
    goal: int
    cohorts: tuple[str, ...]
    denominator: Expression | None
    numerator: Expression | None
    windows: dict[str, int]
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
    version: str

    def reason_not_derivable(self, params: Params, cohort: str) -> str:
        """Return why a run cannot derive the indicator for a cohort, or an empty text."""
        if self.not_derivable:
            return f"{self.not_derivable} Needed: {self.item_needed}."
        return params.not_derivable.get(f"{self.id}.{cohort}", params.not_derivable.get(self.id, ""))

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

    @property
    def inferred_codes(self) -> str:
        """Say which codes it rests on are inferred; empty when all have a public source."""
        return say_inferred_codes(self.codelists)


@dataclass(frozen=True)
class Group:
    """A characteristic that divides people: columns, and a condition that limits them."""

    id: str
    title: str
    columns: tuple[str, ...]
    where: Expression | None
    label: str


@dataclass(frozen=True)
class Specification:
    """Everything in the indicator file."""

    indicators: tuple[Indicator, ...]
    groups: tuple[Group, ...]
    levels: dict[str, str]

    def __getitem__(self, indicator_id: str) -> Indicator:
        for indicator in self.indicators:
            if indicator.id == indicator_id:
                return indicator
        raise KeyError(indicator_id)


@cache
def load_specification(file: Path | None = None) -> Specification:
    """Load and check the indicator definitions.

    Raises
    ------
    DefinitionError
        Naming file, entry and key: unknown or missing key, unknown column, wrong
        type, duplicate id, unknown code list.
    """
    file = file or project_root() / "definitions" / "indicators.yaml"
    raw = read_yaml(file)
    indicators = tuple(_indicator(entry, file) for entry in raw["indicators"])
    ids = [indicator.id for indicator in indicators]
    twice = {name for name in ids if ids.count(name) > 1}
    if twice:
        raise DefinitionError(f"{file}: duplicate indicator ids: {', '.join(sorted(twice))}")
    groups = tuple(_group(name, entry, file) for name, entry in raw["groups"].items())
    return Specification(indicators, groups, {name: entry["title"] for name, entry in raw["levels"].items()})


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


def check_not_derivable(params: Params, specification: Specification) -> None:
    """Raise ParamsError if the parameters give a reason for something that does not exist.

    ``not_derivable`` names indicators, cohorts of an indicator, data items, measures of the check against deaths or
    canonical tables and columns;
    ``rules_not_checked`` names cohort rules.
    """
    file = project_root() / "definitions" / "data_items.yaml"
    data_items = [entry["id"] for entry in read_yaml(file)["items"]]
    allowed = [i.id for i in specification.indicators]
    allowed += [f"{i.id}.{cohort}" for i in specification.indicators for cohort in i.cohorts]
    allowed += [f"completeness.{item}" for item in data_items]
    allowed += [*VALIDATION, *THINGS]
    rules = [rule.id for rule in load_cohort_rules().rules]
    for key in params.rules_not_checked:
        if key not in rules:
            raise ParamsError(
                f"{params.audit}.yaml: rules_not_checked names {key!r}{suggest(key, rules)}; "
                f"allowed: {', '.join(rules)}."
            )
    for key in params.not_derivable:
        if key not in allowed:
            raise ParamsError(
                f"{params.audit}.yaml: not_derivable names {key!r}{suggest(key, allowed)}; not an indicator."
            )


def _indicator(entry: dict[str, Any], file: Path) -> Indicator:
    name = entry.get("id", "?")
    where = f"{file.name}: indicator {name}"
    unknown = sorted(set(entry) - set(REQUIRED) - set(OPTIONAL))
    missing = [key for key in REQUIRED if key not in entry]
    if unknown or missing:
        hint = suggest(unknown[0], [*REQUIRED, *OPTIONAL]) if unknown else ""
        raise DefinitionError(f"{where}: unknown keys {unknown}{hint}, missing keys {missing}")
    full = OPTIONAL | entry
    for key, allowed in (("kind", KINDS), ("polarity", POLARITIES), ("estimator", ESTIMATORS)):
        if full[key] not in allowed:
            raise DefinitionError(f"{where}: {key} is {full[key]!r}; allowed: {', '.join(allowed)}")
    if full["provider"] not in ("provider", "treating_provider"):
        raise DefinitionError(f"{where}: provider is {full['provider']!r}; allowed: provider, treating_provider")
    if not set(full["cohorts"]) <= {"denovo", "recurrent"}:
        raise DefinitionError(f"{where}: cohorts are {full['cohorts']}; allowed: denovo, recurrent")
    for reference in full["codelists"]:
        find_codes(reference)
    conditions = {
        key: None if full[key] == "all" else parse_expression(str(full[key]), f"{where}, {key}", full["windows"])
        for key in ("denominator", "numerator")
    }
    _check_inside(conditions, where)
    version = hashlib.sha256(yaml.safe_dump(entry, sort_keys=True).encode()).hexdigest()[:8]
    sequences = {key: tuple(full[key]) for key in ("cohorts", "codelists")}
    return Indicator(**{**full, **conditions, **sequences, "version": version})


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


def _group(name: str, entry: dict[str, Any], file: Path) -> Group:
    where = f"{file.name}: group {name}"
    unknown = sorted(set(entry) - {"title", "column", "where", "label"})
    if unknown:
        raise DefinitionError(f"{where}: unknown keys {unknown}; allowed: title, column, where, label")
    columns = entry.get("column", [])
    columns = tuple([columns] if isinstance(columns, str) else columns)
    for column in columns:
        if column not in COLUMN_NAMES:
            raise DefinitionError(f"{where}: unknown column {column!r}{suggest(column, list(COLUMN_NAMES))}")
    condition = parse_expression(entry["where"], f"{where}, where") if "where" in entry else None
    return Group(name, entry["title"], columns, condition, entry.get("label", "all"))
