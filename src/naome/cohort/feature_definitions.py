"""The features of people as data: ``definitions/features.yaml``, parsed and checked."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from naome.core.definitions import Definitions, read_once
from naome.core.errors import DefinitionError, suggest
from naome.core.yaml_files import FrozenModel, Text, read_model
from naome.extract.absent import THINGS
from naome.extract.schema import CANONICAL

#: What events of a kind need of a feed where a feature does not say it itself; for evidence see :func:`read_features`
NEEDS = {
    "diagnoses": "diagnoses",
    "procedures": "procedures",
    "drugs": "drugs.drug",
    "radiotherapy": "radiotherapy.site",
    "evidence": "evidence.admissions",
}
#: Code lists as a reference: every event of the table counts
EVERY = "all"


class Feature(FrozenModel):
    """One column that is derived from coded events; ``definitions/features.yaml`` says what each key means."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    meaning: Text
    count: Literal["first_day", "any", "groups", "agents"]
    events: dict[Literal["diagnoses", "procedures", "drugs", "radiotherapy", "evidence"], str] = Field(min_length=1)
    leave_out: tuple[str, ...] = Field(default=(), strict=False)
    clock: Literal["origin", "metastatic"]
    from_days: int | None = None
    to_days: int | None = None
    to_censoring: bool = False
    cycle_starts: bool = False
    flag: str = ""
    needs: tuple[str, ...] = Field(default=(), strict=False)
    source: Text
    status: Literal["sourced", "inferred"]

    @model_validator(mode="after")
    def _one_way_to_need(self) -> Feature:
        if len(self.events) > 1 and not self.needs:
            raise ValueError("events of several kinds, and no needs: say what a feed must hold for it")
        return self

    @property
    def kind(self) -> str:
        """Kind of the column."""
        return "boolean" if self.count == "any" else "integer"

    @property
    def needed(self) -> tuple[str, ...]:
        """What a feed must hold for the column, as :class:`naome.cohort.columns.AnalysisColumn` says it."""
        every = {"radiotherapy": "radiotherapy.treatment_date"}
        return self.needs or tuple(
            every.get(table, table) if reference == EVERY else NEEDS[table] for table, reference in self.events.items()
        )


class Evidence(FrozenModel):
    """Which metastatic codes are evidence of metastatic disease."""

    codes: Text
    never: tuple[str, ...] = Field(strict=False)
    optional: dict[str, str]
    reported: str
    source: Text


class Codes(FrozenModel):
    """Codes with one meaning for the cohorts."""

    codes: Text
    source: Text


class MetastaticOnly(Codes):
    """Drugs that were given for metastatic disease only, until a day."""

    until: Annotated[dt.date, Field(strict=False)]


class Features(FrozenModel):
    """Everything in the file of features."""

    evidence: Evidence
    breast_cancer_death: Codes
    metastatic_only: MetastaticOnly
    chemotherapy: str
    features: tuple[Feature, ...] = Field(strict=False)

    @model_validator(mode="after")
    def _names_stand_once(self) -> Features:
        names = [feature.name for feature in self.features]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the same name more than once: {', '.join(twice)}")
        if self.chemotherapy not in names:
            raise ValueError(f"chemotherapy names {self.chemotherapy!r}; allowed: {', '.join(names)}")
        return self

    def __getitem__(self, name: str) -> Feature:
        return next(feature for feature in self.features if feature.name == name)

    def counting(self, how: str) -> tuple[Feature, ...]:
        """Return the features that count events in one way, in the order of the file."""
        return tuple(feature for feature in self.features if feature.count == how)


@read_once
def read_features(definitions: Definitions) -> Features:
    """Read ``features.yaml`` and hold it against the code lists, the options and the canonical tables it names.

    Raises
    ------
    DefinitionError
        Naming file and entry: an unknown key, code list, group, option, canonical table or column.
    """
    file = definitions.folder / "features.yaml"
    read = read_model(file, Features, error=DefinitionError)
    flags = [column.name for column in CANONICAL["tumours"].columns if column.type == "BOOLEAN"]
    for feature in read.features:
        where = f"{file}: feature {feature.name}"
        for reference in feature.events.values():
            if reference != EVERY:
                _check_codes(definitions, reference, feature.leave_out, where)
        if feature.flag:
            _check_one_of(feature.flag, flags, f"{where}: flag")
        for thing in (thing for need in feature.needs for thing in need.partition(" in ")[0].split(" or ")):
            _check_one_of(thing, list(THINGS), f"{where}: needs")
    evidence = read.evidence
    _check_codes(definitions, evidence.codes, (*evidence.never, *evidence.optional), f"{file}: evidence")
    for option in evidence.optional.values():
        _check_one_of(option, [each.name for each in definitions.rules().options], f"{file}: evidence: option")
    for reference in (evidence.reported, read.breast_cancer_death.codes, read.metastatic_only.codes):
        _check_codes(definitions, reference, (), f"{file}")
    filled = (_fill_meaning(_say_evidence(each, evidence, definitions), file) for each in read.features)
    return read.model_copy(update={"features": tuple(filled)})


def list_left_out(reference: str, definitions: Definitions) -> frozenset[str]:
    """List the groups of a code list that no feature uses which counts its events.

    Examples
    --------
    >>> from naome.core.definitions import project_definitions
    >>> sorted(list_left_out("opcs4_biopsy", project_definitions()))
    ['breast_biopsy']
    """
    features = [each for each in read_features(definitions).features if reference in each.events.values()]
    return frozenset.intersection(*(frozenset(each.leave_out) for each in features)) if features else frozenset()


def _fill_meaning(feature: Feature, file: Path) -> Feature:
    """Put the days of a feature's window into its words."""
    days = {"before": -(feature.from_days or 0), "after": feature.to_days or 0}
    given = {f"{{{name}}}": str(number) for name, number in days.items() if number > 0}
    meaning = feature.meaning
    for brace, number in given.items():
        meaning = meaning.replace(brace, number)
    if "{" in meaning or "}" in meaning:
        raise DefinitionError(
            f"{file}: feature {feature.name}: meaning: has a brace that stands for nothing; allowed: "
            f"{', '.join(given) or 'none, as from_days is not before and to_days not after the day counted from'}."
        )
    return feature.model_copy(update={"meaning": meaning})


def _say_evidence(feature: Feature, evidence: Evidence, definitions: Definitions) -> Feature:
    """Let a feature on evidence need admissions, or a reported recurrence too where its code is one that counts."""
    if "evidence" not in feature.events or feature.needs:
        return feature
    counted = {code.code for code in definitions.find_codes(feature.events["evidence"], feature.leave_out)}
    reported = {code.code for code in definitions.find_codes(evidence.reported)}
    need = NEEDS["evidence"] + (" or evidence.reported" if reported & counted else "")
    return feature.model_copy(update={"needs": (need,)})


def _check_codes(definitions: Definitions, reference: str, groups: tuple[str, ...], where: str) -> None:
    try:
        definitions.find_codes(reference)
        definitions.codelist(reference.partition(".")[0]).prefixes(*groups)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: {error}") from None


def _check_one_of(name: str, known: list[str], where: str) -> None:
    if name not in known:
        raise DefinitionError(f"{where} names {name!r}{suggest(name, known)}; there is no such thing.")
