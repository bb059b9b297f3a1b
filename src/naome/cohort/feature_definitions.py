"""The features of people as data: ``definitions/features.yaml``, parsed and checked."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from naome.errors import DefinitionError
from naome.yaml_files import read_yaml

#: What events of a kind need of a feed where a feature does not say it itself
NEEDS = {
    "diagnoses": "diagnoses",
    "procedures": "procedures",
    "drugs": "drugs.drug",
    "radiotherapy": "radiotherapy.site",
    "evidence": "diagnoses",
}
#: Code lists as a reference: every event of the table counts
ALL = "all"


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Feature(_Frozen):
    """One column that is derived from coded events; ``definitions/features.yaml`` says what each key means."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    meaning: str
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
    source: str
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
            every.get(table, table) if reference == ALL else NEEDS[table] for table, reference in self.events.items()
        )


class Evidence(_Frozen):
    """Which metastatic codes are evidence of metastatic disease."""

    codes: str
    never: tuple[str, ...] = Field(strict=False)
    optional: dict[str, str]
    reported: str
    source: str


class Codes(_Frozen):
    """Codes with one meaning for the cohorts."""

    codes: str
    source: str


class MetastaticOnly(Codes):
    """Drugs that were given for metastatic disease only, until a day."""

    until: Annotated[dt.date, Field(strict=False)]


class Features(_Frozen):
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


@cache
def load_features(folder: Path) -> Features:
    """Load and check ``features.yaml`` of a folder of definitions.

    Parameters
    ----------
    folder : Path
        Folder of definitions.

    Raises
    ------
    DefinitionError
        Naming file and key.

    Examples
    --------
    >>> from naome.paths import project_root
    >>> load_features(project_root() / "definitions")["cdk46_days"].events
    {'drugs': 'sact_drugs.cdk46'}
    """
    file = folder / "features.yaml"
    try:
        return Features.model_validate(read_yaml(file))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
        raise DefinitionError(f"{file}: {problems}") from None
