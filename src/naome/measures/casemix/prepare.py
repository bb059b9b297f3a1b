"""The case mix of a cohort as a model takes it: terms, levels, and which of them can be estimated."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from naome.core.durations import YEAR_DAYS
from naome.core.errors import EstimateError
from naome.core.params import Params
from naome.measures.description import merge_poor_fitness
from naome.measures.study import say_too_few
from naome.stats.design import build_design

#: Deaths that a model needs for each coefficient, and at least: one without coefficients needs some too
DEATHS_PER_COEFFICIENT, FEWEST_DEATHS = 5, 15


#: Fewest people with a recorded value that make a level of their own
SMALLEST_LEVEL = 10


# What a cohort has in its case mix beside the parameters' terms: known at its origin, and at no other cohort's
# (time to metastasis is known at the origin of a recurrence; of de novo disease it would be the future)
ADDED_TERMS = {"recurrent": ("rcs(years_since_diagnosis, 4)",)}


FOLLOWED_DAYS = "follow_up"


AS_CATEGORIES = ("grade", "performance_status", "deprivation", "year", "metastatic_year", "diagnosis_year")


# Categories whose order is one of severity: imputed with one slope over the levels (naome.stats.imputation). A year is
# in order too, but always known
ORDERED = ("grade", "performance_status", "deprivation")


@dataclass(frozen=True)
class CaseMix:
    """Completed data sets for a cohort.

    Attributes
    ----------
    observed : DataFrame
        As recorded: ``duration`` (days), ``event`` (0/1), ``unit``, ``follow_up`` (days from origin to the end of
        follow-up, had nothing happened) and the covariates, with gaps.
    completed : list of DataFrame
        The same with the gaps filled; one data set when nothing is missing.
    covariates : tuple of str
        Case-mix terms that vary in this cohort.
    dropped : tuple of str
        Terms left out: everyone has the same value, nobody has any, or a value whose people all lived or all died.
    recorded : DataFrame
        ``unit, n, recorded``: share recorded, per organisation, of the case-mix items that
        anybody lacks; 1 when nobody lacks any.
    needed : int
        Data sets that the fraction of missing information asks for (``naome.stats.imputation.imputations_needed``
        for the organisations' adjusted values); 1 when nothing is missing. More than there are where the parameters
        cap them.
    """

    observed: pd.DataFrame
    completed: list[pd.DataFrame]
    covariates: tuple[str, ...]
    dropped: tuple[str, ...]
    recorded: pd.DataFrame
    needed: int = 1


def list_terms(params: Params, cohort: str) -> tuple[str, ...]:
    """Return the case-mix terms of a cohort: those of the parameters, and what is known only at its own origin.

    Examples
    --------
    >>> from naome.core.params import load_params
    >>> list_terms(load_params("england"), "recurrent")[-1]
    'rcs(years_since_diagnosis, 4)'
    """
    return (*params.survival.case_mix, *ADDED_TERMS.get(cohort, ()))


def prepare_case_mix(analysis: pd.DataFrame, params: Params, cohort: str, *, also: tuple[str, ...] = ()) -> CaseMix:
    """Take a cohort's case mix from the analysis table; see :func:`complete_case_mix`. Nothing is imputed.

    A spline whose knots coincide (few people, or few distinct values) becomes a straight line.

    Raises
    ------
    EstimateError
        If a term names the organisation: expected survival would be the organisation's own.
    """
    people = analysis[(analysis["cohort"] == cohort) & (analysis["survival_days"] >= 0).fillna(False)]
    people = people[people[params.survival.unit].notna()]
    people = people.assign(years_since_diagnosis=people["diagnosis_to_metastatic_days"] / YEAR_DAYS)
    terms = list_terms(params, cohort)
    columns = [term_column(term) for term in terms]
    died = people["died"].fillna(False).to_numpy(dtype=int)
    frame = pd.DataFrame({column: merge_levels(_plain(people[column], column), died) for column in columns})
    usable = [column for column in columns if frame[column].nunique(dropna=True) > 1]
    covariates = tuple(_straighten(t, frame) for t, c in zip(terms, columns, strict=True) if c in usable)
    dropped = tuple(t for t, c in zip(terms, columns, strict=True) if c not in usable)
    frame = frame[usable].reset_index(drop=True)
    for column in also:
        frame[column] = people[column].to_numpy(dtype=float)
    frame["duration"] = people["survival_days"].to_numpy(dtype=float)
    frame["event"] = died
    frame["unit"] = people[params.survival.unit].astype(str).to_numpy()
    frame[FOLLOWED_DAYS] = (pd.Timestamp(params.censor_date) - people["origin_date"]).dt.days.to_numpy(dtype=float)
    _refuse_names(frame, usable)
    lacking = [column for column in usable if frame[column].isna().any()]
    shares = frame[lacking].notna().mean(axis=1) if lacking else pd.Series(1.0, index=frame.index)
    recorded = shares.groupby(frame["unit"]).agg(["size", "mean"]).reset_index()
    recorded.columns = ["unit", "n", "recorded"]
    return CaseMix(frame, [frame], covariates, dropped, recorded)


def _refuse_names(frame: pd.DataFrame, columns: list[str]) -> None:
    """Refuse an item of which every organisation has one value and every value one organisation."""
    units = frame["unit"].nunique()
    if units < 3 or len(frame) < 5 * units:  # so few that an item may part them by chance
        return
    for column in columns:
        pairs = frame[["unit", column]].dropna().drop_duplicates()
        if len(pairs) == pairs["unit"].nunique() == pairs[column].nunique() == units:
            raise EstimateError(
                f"case-mix item {column!r} has one value for each organisation, so that it names them and no "
                "organisation can be compared. Hint: remove it from survival.case_mix."
            )


def merge_levels(values: pd.Series, died: np.ndarray) -> pd.Series:
    """Merge a level of few people, or whose people all lived or all died, with its neighbour.

    Levels stand in their order; the first merges with the second, others with the one before. Of two levels one
    remains, and a term with one level is left out. No coefficient would be finite of people who all lived. Levels with
    fewer than ``SMALLEST_LEVEL`` people are merged regardless of outcome: otherwise the name of a merged level, which
    is published, would say that few people all died.
    """
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return values
    while len(values.cat.categories) > 1:
        deaths = pd.Series(died, index=values.index).groupby(values, observed=False).agg(["size", "mean"])
        merged = (deaths["size"] < SMALLEST_LEVEL) | ~deaths["mean"].between(0, 1, inclusive="neither")
        if not merged.any():
            break
        levels = list(values.cat.categories)
        second = max(int(np.argmax(merged)), 1)
        names = dict.fromkeys(levels[second - 1 : second + 1], f"{levels[second - 1]} or {levels[second]}")
        order = list(dict.fromkeys(names.get(level, level) for level in levels))
        values = pd.Series(
            pd.Categorical(
                values.astype(object).map(names).where(values.isin(list(names)), values.astype(object)),
                order,
                ordered=values.cat.ordered,
            ),
            index=values.index,
        )
    return values


def fit_for_model(frame: pd.DataFrame, covariates: tuple[str, ...]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Merge levels of a subset as :func:`merge_levels`, and leave out terms in which nobody differs."""
    frame = frame.copy()
    for column in frame.select_dtypes("category"):
        frame[column] = merge_levels(frame[column].cat.remove_unused_categories(), frame["event"].to_numpy())
    usable = [term for term in covariates if frame[term_column(term)].nunique() > 1]
    return frame, tuple(_straighten(term, frame) for term in usable)


def term_column(term: str) -> str:
    """Return the column of a case-mix term.

    Examples
    --------
    >>> term_column("rcs(age, 4)"), term_column("grade")
    ('age', 'grade')
    """
    spline = split_spline(term)
    return spline[0] if spline else term


def split_spline(term: str) -> tuple[str, int] | None:
    """Return the column and the number of knots of a spline; None of another term.

    Examples
    --------
    >>> split_spline("rcs(age, 4)"), split_spline("grade")
    (('age', 4), None)
    """
    match = re.fullmatch(r"rcs\(\s*(\w+)\s*,\s*(\d+)\s*\)", term)
    return (match[1], int(match[2])) if match else None


def say_too_few_deaths(frame: pd.DataFrame, covariates: tuple[str, ...]) -> str:
    """Say that there are too few deaths for a model with these terms; empty when there are enough."""
    coefficients = sum(count_coefficients(frame, term) for term in covariates)
    needed = max(DEATHS_PER_COEFFICIENT * coefficients, FEWEST_DEATHS)
    if int(frame["event"].sum()) < needed:
        few = say_too_few(needed, "deaths")
        terms = f"{coefficients} coefficient{'' if coefficients == 1 else 's'}"
        return f"a case-mix model of {terms} is not fitted to {few}"
    return ""


def count_coefficients(frame: pd.DataFrame, term: str) -> int:
    """Return how many coefficients a case-mix term has."""
    spline = split_spline(term)
    if spline:
        return spline[1] - 1
    values = frame[term]
    return values.nunique() - 1 if isinstance(values.dtype, pd.CategoricalDtype) else 1


def list_covariates(case_mix: CaseMix) -> list[str]:
    """Return the columns of the terms of a case mix."""
    return [term_column(term) for term in case_mix.covariates]


def _straighten(term: str, frame: pd.DataFrame) -> str:
    """Return a spline as a straight line when its knots would coincide; any other term as it is."""
    column = term_column(term)
    if column == term:
        return term
    try:
        build_design(frame[[column]].dropna(), [term])
    except ValueError:
        return column
    return term


def _plain(values: pd.Series, column: str) -> pd.Series:
    """Give a column a plain type: categories for codes, numbers for the rest."""
    is_text = not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values))
    if is_text or column in AS_CATEGORIES:
        text = merge_poor_fitness(values) if column == "performance_status" else values.astype("string")
        levels = pd.Categorical(text.astype(object).where(values.notna(), None), ordered=column in ORDERED)
        return pd.Series(levels, index=values.index)
    return values.astype("float64")


COX = {"duration": "duration", "event": "event"}


# Checks and comparisons look at this many completed data sets: they are about the model, not about its last digit
CHECKED = 5
