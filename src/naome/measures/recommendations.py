"""What the audit recommends, and how care improves: recommendations, goals, drivers and methods."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from naome.core.definitions import Definitions, read_once
from naome.core.errors import DefinitionError, suggest
from naome.core.yaml_files import FrozenModel, Text, read_model
from naome.measures.specification import Id, read_data_items, read_specification

#: Before the id of a data item in the measure of its completeness
COMPLETENESS = "completeness."
Texts = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
Cohort = Literal["denovo", "recurrent"]


class Basis(FrozenModel):
    """A measure, of a cohort, on which a recommendation is based."""

    measure: Text
    cohort: Cohort


class Goal(FrozenModel):
    """The share of people that a document asks for, and which document."""

    share: Annotated[float, Field(gt=0, le=1)]
    source: Text


class Guidance(FrozenModel):
    """A document behind a recommendation."""

    name: Text
    source: Annotated[str, Field(pattern=r"^https://\S+$")]


class Actions(FrozenModel):
    """What a local team can do: always, and by the position of its result."""

    always: Texts
    negative_tail: Texts
    central_mass: Texts
    positive_tail: Texts


class Recommendation(FrozenModel):
    """A recommendation of one edition; the meaning of each key is in the file."""

    id: Annotated[str, Field(pattern=r"^\d{4}-\d+$")]
    title: Text
    text: Text
    audience: Annotated[dict[Id, Text], Field(min_length=1)]
    goals: Annotated[tuple[int, ...], Field(strict=False, min_length=1)]
    measures: Annotated[tuple[Basis, ...], Field(strict=False, min_length=1)]
    lacking: str = ""
    goal: Goal | None = None
    guidance: Annotated[tuple[Guidance, ...], Field(strict=False, min_length=1)]
    actions: Actions | None = None

    @property
    def edition(self) -> int:
        """Year of the report."""
        return int(self.id.partition("-")[0])

    @property
    def number(self) -> int:
        """Number within the edition."""
        return int(self.id.partition("-")[2])


class Recommendations(FrozenModel):
    """All recommendations, by edition and number."""

    editions: Annotated[dict[int, Text], Field(min_length=1)]
    recommendations: Annotated[tuple[Recommendation, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _in_editions(self) -> Recommendations:
        ids = [each.id for each in self.recommendations]
        for each in self.recommendations:
            if ids.count(each.id) > 1:
                raise ValueError(f"recommendation {each.id} is given twice")
            if each.edition not in self.editions:
                raise ValueError(f"recommendation {each.id}: there is no edition {each.edition}")
            if each.edition == max(self.editions) and each.actions is None:
                raise ValueError(f"recommendation {each.id}: key 'actions' is missing; the latest edition has them")
        return self

    def select(self, nation: str, edition: int | None = None) -> tuple[Recommendation, ...]:
        """Return the recommendations of an edition, by default the latest, that address a nation.

        Parameters
        ----------
        nation : str
            For example ``wales``.
        edition : int, optional
        """
        year = max(self.editions) if edition is None else edition
        return tuple(each for each in self.recommendations if each.edition == year and nation in each.audience)


class Driver(FrozenModel):
    """A primary driver of a goal, and the secondary drivers by which it changes."""

    primary: Text
    secondary: Texts


class ImprovementGoal(FrozenModel):
    """A goal of the audit's quality improvement plan."""

    title: Text
    drivers: Annotated[tuple[Driver, ...], Field(strict=False)] = ()


class Domain(FrozenModel):
    """A part of the distribution of organisations, and the methods that suit it."""

    meaning: Text
    methods: Texts


class Domains(FrozenModel):
    """The parts of the distribution, and organisations without a position in it."""

    negative_tail: Domain
    central_mass: Domain
    positive_tail: Domain
    no_position: Domain


class QualityImprovement(FrozenModel):
    """What ``quality_improvement.yaml`` says; the meaning of each key is in the file."""

    goals: Annotated[dict[int, ImprovementGoal], Field(min_length=1)]
    domains: Domains


@read_once
def read_quality_improvement(definitions: Definitions) -> QualityImprovement:
    """Read and check ``quality_improvement.yaml``: goals, drivers, and methods by part of the distribution.

    Raises
    ------
    DefinitionError
        Naming file, line and key; also for a goal of an indicator that is not there.

    Examples
    --------
    >>> from naome.core.definitions import project_definitions
    >>> read_quality_improvement(project_definitions()).goals[4].title
    'Improve access to nursing support'
    """
    file = definitions.folder / "quality_improvement.yaml"
    read = read_model(file, QualityImprovement, error=DefinitionError)
    for indicator in read_specification(definitions).indicators:
        if indicator.goal and indicator.goal not in read.goals:
            raise DefinitionError(f"{file}: goals: goal {indicator.goal} of indicator {indicator.id!r} is missing.")
    return read


@read_once
def read_recommendations(definitions: Definitions) -> Recommendations:
    """Read and check ``recommendations.yaml``.

    Raises
    ------
    DefinitionError
        Naming file, line and key; also for a measure that is neither an indicator nor the completeness of a data item,
        a cohort that an indicator does not have, and a goal that is not in ``quality_improvement.yaml``.

    Examples
    --------
    >>> from naome.core.definitions import project_definitions
    >>> [each.title for each in read_recommendations(project_definitions()).select("wales")][:2]
    ['Discussion by a multidisciplinary team', 'CDK4/6 inhibitors']
    """
    file = definitions.folder / "recommendations.yaml"
    read = read_model(file, Recommendations, error=DefinitionError)
    known = {each.id: each.cohorts for each in read_specification(definitions).indicators}
    known |= {f"{COMPLETENESS}{item.id}": ("denovo",) for item in read_data_items(definitions)}
    goals = read_quality_improvement(definitions).goals
    for each in read.recommendations:
        where = f"{file}: recommendation {each.id}"
        for goal in each.goals:
            if goal not in goals:
                raise DefinitionError(
                    f"{where}, goals: there is no goal {goal}; allowed: {', '.join(map(str, goals))}."
                )
        for basis in each.measures:
            if basis.measure not in known:
                raise DefinitionError(
                    f"{where}, measures: {basis.measure!r} is neither an indicator nor the completeness of a data item"
                    f"{suggest(basis.measure, list(known))}."
                )
            if basis.cohort not in known[basis.measure]:
                raise DefinitionError(
                    f"{where}, measures: {basis.measure!r} is not measured for cohort {basis.cohort!r}; "
                    f"allowed: {', '.join(known[basis.measure])}."
                )
    return read
