"""Net survival of the cohorts: survival if metastatic breast cancer were the only cause of death.

Estimated for people whose disease was metastatic at diagnosis, for all and by the age groups of a standard population,
and standardised to it (``definitions/age_standard.yaml``). It needs the mortality of the general population, which is
no part of the project: the parameter ``life_table`` names a file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from naome.core.definitions import Definitions, read_once
from naome.core.durations import YEAR_DAYS
from naome.core.errors import DefinitionError
from naome.core.params import Params
from naome.core.yaml_files import FrozenModel, Text, read_model
from naome.measures.methods import POHAR_PERME
from naome.measures.study import Study, say_too_few
from naome.measures.survival import BEYOND, survival_arrays
from naome.stats.inputs import normal_quantile
from naome.stats.pohar_perme import LifeTable, make_life_table, net_survival, standardise_survival

STANDARDISED = "Pohar Perme by age, directly standardised, interval on the logarithmic scale"
#: Time runs from a diagnosis in these cohorts, as in published net survival
FROM_DIAGNOSIS = ("denovo", "primary")
GROUP_BY = "standard_age"
FOUND = ["n_risk", "n_event", "survival", "std_error", "lower", "upper"]
NO_TABLE = (
    "The mortality of the general population by sex, age and year is needed; the parameters of this run name no file "
    "of it (life_table)."
)


class _StandardGroup(FrozenModel):
    group: Text
    first_age: int = Field(ge=0)
    weight: float = Field(gt=0)


class AgeStandard(FrozenModel):
    """A standard population by age, from ``age_standard.yaml``."""

    title: Text
    source: Text
    groups: tuple[_StandardGroup, ...] = Field(strict=False, min_length=2)

    @property
    def weights(self) -> dict[str, float]:
        """Group -> weight."""
        return {each.group: each.weight for each in self.groups}

    def group(self, age: pd.Series) -> pd.Series:
        """Return the group of each age in completed years; missing below the first group."""
        edges = [each.first_age for each in self.groups]
        names = [each.group for each in self.groups]
        return pd.cut(age.astype("float64"), [*edges, np.inf], right=False, labels=names).astype(object)


@read_once
def read_age_standard(definitions: Definitions) -> AgeStandard:
    """Read and check ``age_standard.yaml`` of a folder of definitions.

    Raises
    ------
    DefinitionError
        If ages do not rise, or groups are not different.
    """
    file = definitions.folder / "age_standard.yaml"
    standard = read_model(file, AgeStandard, error=DefinitionError)
    ages = [each.first_age for each in standard.groups]
    if ages != sorted(set(ages)) or len(standard.weights) != len(ages):
        raise DefinitionError(f"{file}: groups must have names of their own, and first_age must rise; found {ages}")
    return standard


@dataclass(frozen=True)
class NetSurvival:
    """Net survival of a run.

    Attributes
    ----------
    results : DataFrame
        In the result schema: ``net_survival_1y`` ... for all and by :data:`GROUP_BY`, and
        ``net_survival_1y_standardised`` ...
    excluded : dict of str to int
        Cohort -> people without a sex or an age, who are in no life table.
    years : tuple of int
        First and last year of the life table; empty without one.
    """

    results: pd.DataFrame
    excluded: dict[str, int]
    years: tuple[int, ...] = ()


def estimate_net_survival(analysis: pd.DataFrame, study: Study, life_table: pd.DataFrame | None) -> NetSurvival:
    """Estimate net survival at the run's horizons.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table. Age is in completed years at the time origin; half a year is added.
    study : Study
    life_table : DataFrame or None
        ``sex, age, year, qx`` (:func:`naome.extract.life_table.read_life_table`).

    Returns
    -------
    NetSurvival
        An estimate is shown where follow-up reaches the horizon and at least ``minimum_at_risk`` people are at risk; a
        standardised one where every age group has an estimate. Results that are not derivable say why.
    """
    params = study.params
    horizons = params.survival.horizons_years
    plain, standardised = ([f"net_survival_{y}y{end}" for y in horizons] for end in ("", "_standardised"))
    table = None if life_table is None else make_life_table(life_table)
    frames: list[pd.DataFrame] = []
    excluded: dict[str, int] = {}
    for cohort in (each for each in params.cohorts if each in FROM_DIAGNOSIS):
        people = analysis[analysis["cohort"] == cohort]
        reason = study.reason(study.specification["survival"], cohort) or study.lacks(("sex", "age"), cohort)
        if table is None or reason:
            frames.append(study.not_derivable_rows([*plain, *standardised], reason or NO_TABLE, cohort=cohort))
            continue
        known = people["sex"].notna() & people["age"].notna()
        excluded[cohort] = int((~known).sum())
        frames.append(_estimate_cohort(people[known], study, table).assign(cohort=cohort))
    if not frames:
        return NetSurvival(study.results(study.not_derivable_rows(plain, NO_TABLE).iloc[:0], cohort=""), {})
    definition = study.specification["survival"].definition_id
    results = study.results(pd.concat(frames, ignore_index=True), definition_id=definition)
    return NetSurvival(results, excluded, () if table is None else table.years)


def _estimate_cohort(people: pd.DataFrame, study: Study, table: LifeTable) -> pd.DataFrame:
    """Estimate net survival of one cohort: rows of the result schema without its cohort."""
    params, standard = study.params, read_age_standard(study.definitions)
    groups = standard.group(people["age"])
    reach = (pd.Timestamp(params.censor_date) - people["origin_date"].min()).days
    whole = _estimate_group(people, params, table, reach).assign(group="all", group_by="all")
    parts = [
        _estimate_group(people[(groups == name).to_numpy()], params, table, reach).assign(group=name, group_by=GROUP_BY)
        for name in standard.weights
    ]
    by_age = pd.concat(parts, ignore_index=True)
    rows = [whole, by_age]
    for years in params.survival.horizons_years:
        here = by_age[by_age["years"] == years]
        lacking = here.loc[here["status"] != "ok", "group"].tolist()
        row = whole[whole["years"] == years].assign(method=STANDARDISED)
        row["measure"] += "_standardised"
        if row["status"].iloc[0] == "ok" and lacking:
            why = f"no estimate in the age groups {', '.join(lacking)}"
            row = row.assign(status="too_few", reason=why, estimate=np.nan, lower=np.nan, upper=np.nan)
        elif not lacking:
            at = here.rename(columns={"estimate": "survival"}).assign(time=float(years))
            # where nobody of an age group has died the error is 0, and what is not certain is its lower limit
            open_end = np.log(at["survival"] / at["lower"]) / normal_quantile(0.95)
            at["std_error"] = at["std_error"].where(at["std_error"] > 0, open_end)
            made = standardise_survival(at[["group", "time", "survival", "std_error"]], standard.weights).iloc[0]
            row = row.assign(estimate=made["survival"], lower=made["lower"], upper=made["upper"])
        rows.append(row)
    return pd.concat(rows, ignore_index=True).drop(columns=["years", "std_error"])


def _estimate_group(people: pd.DataFrame, params: Params, table: LifeTable, reach: int) -> pd.DataFrame:
    duration, event, keep = survival_arrays(people)
    people, horizons = people[keep], params.survival.horizons_years
    frame = pd.DataFrame({"years": horizons, "measure": [f"net_survival_{years}y" for years in horizons]})
    if len(duration):
        found = net_survival(
            duration,
            event,
            sex=people["sex"].astype(str),
            age_days=(people["age"].astype("float64") + 0.5) * YEAR_DAYS,
            start_date=people["origin_date"],
            life_table=table,
            at=[years * YEAR_DAYS for years in horizons],
        )
    else:
        found = pd.DataFrame(0.0, range(len(horizons)), FOUND)
    beyond = np.array(horizons) * YEAR_DAYS > reach
    small = np.full(len(horizons), len(duration) < params.minimum_denominator)
    few = (found["n_risk"] < params.survival.minimum_at_risk).to_numpy()
    reasons = np.select(
        [beyond, small, few],
        [
            BEYOND,
            say_too_few(params.minimum_denominator),
            say_too_few(params.survival.minimum_at_risk, "people still at risk at the time point"),
        ],
        "",
    )
    hidden = reasons != ""
    return frame.assign(
        denominator=pd.array(np.full(len(horizons), len(duration)), dtype="Int64"),
        numerator=pd.array(found["n_event"].astype(int), dtype="Int64"),
        estimate=found["survival"].mask(hidden).to_numpy(),
        std_error=found["std_error"].to_numpy(),
        lower=found["lower"].mask(hidden).to_numpy(),
        upper=found["upper"].mask(hidden).to_numpy(),
        method=POHAR_PERME,
        status=np.select([beyond, hidden], ["not_derivable", "too_few"], "ok"),
        reason=reasons,
    ).assign(**{name: lambda f, name=name: f[name].mask(beyond) for name in ("denominator", "numerator")})
