"""Who is in the cohorts: sizes, mean age, shares of those recorded, and how many each indicator counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import ndtri

from naome.measures.indicators import MISSING, count_proportions, divide_people
from naome.measures.methods import EXACT_POISSON, MEAN
from naome.measures.study import Study
from naome.stats.intervals import poisson_exact

SHARED = (
    *("age_band", "sex", "grade", "performance_status", "er", "pr", "her2", "stage", "charlson", "frailty"),
    *("deprivation", "ethnic_group"),
)
#: Measures of the people of a cohort and of a share of those recorded; the sites of metastases as one characteristic
PEOPLE, SHARE, SITE = "people", "share", "site"
METASTATIC_SITES = ("bone", "liver", "lung", "brain")
COUNTED_BY = ("all", "sex", "year")
POOR_FITNESS = 3


#: Characteristics by which the people of a cohort are counted, missing as a value of its own; sites besides
CHARACTERISTICS = (
    *("year", "age_band", "age_group", "sex", "stage", "grade", "performance_status", "charlson", "frailty", "er"),
    *("pr", "her2", "subtype", "size_group", "deprivation", "ethnic_group"),
)
ROUTES = "route / year"


def count_people(analysis: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Count the people of every cohort, by characteristic, by site, and by route of entry and year.

    Returns
    -------
    DataFrame
        Results of the nation, measure ``people``, without an estimate: ``denominator`` people in the group. A
        characteristic that no one has recorded gives no row; people without it are the group *not recorded*.
    """
    frames = []
    for cohort in study.params.cohorts:
        people = analysis[analysis["cohort"] == cohort]
        divided = {"all": pd.Series("all", index=people.index, dtype="string")}
        divided |= {name: people[name].astype("string") for name in CHARACTERISTICS if people[name].notna().any()}
        divided |= {site: people[site].map({True: site}).astype("string") for site in METASTATIC_SITES}
        divided[ROUTES] = people["route"].astype("string") + " / " + people["year"].astype("string")
        for name, labels in divided.items():
            labels = labels.dropna() if name in METASTATIC_SITES else labels.fillna(MISSING)
            counts = labels.value_counts().sort_index()
            frames.append(
                pd.DataFrame({"group": counts.index.astype(str), "denominator": counts.to_numpy()}).assign(
                    group_by=name, cohort=cohort
                )
            )
    return study.results(pd.concat(frames, ignore_index=True), measure=PEOPLE, unit_of_estimate="people")


def describe_cohorts(analysis: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Describe the cohorts of a run in the result schema.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table.
    study : Study

    Returns
    -------
    DataFrame
        Results of the nation: ``cohort_size`` (people, exact Poisson limits) and ``age_mean`` (years at origin, normal
        limits) for everyone, by sex and by year; ``share`` by characteristic, of those whose characteristic is recorded
        (metastatic sites under ``site``, of everyone, not exclusive; performance status 3 and 4 together as 3+); and
        ``eligible.<indicator>``, the people an indicator's denominator holds, also where its numerator cannot be
        derived. Characteristics that the data have not, or that nobody has recorded, give no row.
    """
    frames = []
    for cohort in study.params.cohorts:
        people = analysis[analysis["cohort"] == cohort]
        if people.empty:
            continue
        for group in study.specification.groups:
            if group.id in COUNTED_BY:
                within, labels = divide_people(people, group)
                frames.append(_sizes(people[within], labels[within]).assign(group_by=group.id, cohort=cohort))
        frames.append(_share(people, study, cohort))
        frames.append(_eligible(people, study, cohort).assign(cohort=cohort))
    return study.results(pd.concat(frames, ignore_index=True))


def count_shares(analysis: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Count the share of each value of a characteristic, of those with a value recorded, in every cohort.

    Returns
    -------
    DataFrame
        Results of the nation, measure ``share``, as :func:`describe_cohorts` has them.
    """
    people = ((cohort, analysis[analysis["cohort"] == cohort]) for cohort in study.params.cohorts)
    return study.results(pd.concat([_share(table, study, cohort) for cohort, table in people], ignore_index=True))


def _share(people: pd.DataFrame, study: Study, cohort: str) -> pd.DataFrame:
    frames = [
        count_proportions_of(inside, labels, study.params.minimum_denominator).assign(group_by=name)
        for name, inside, labels in _characteristics(people, study, cohort)
    ]
    return pd.concat(frames, ignore_index=True).assign(measure=SHARE, cohort=cohort) if frames else pd.DataFrame()


def count_proportions_of(inside: np.ndarray, labels: dict[str, np.ndarray], minimum: int) -> pd.DataFrame:
    """Count the share of each label among the same people, with Wilson intervals.

    Parameters
    ----------
    inside : array of bool, shape (n,)
        Who is counted in the denominator.
    labels : dict of str to array of bool
        Label -> who has it; labels need not exclude each other.
    minimum : int
        Smaller denominators get the status ``too_few``.

    Examples
    --------
    >>> count_proportions_of(np.ones(4, bool), {"a": np.array([True, True, False, False])}, 1)["estimate"].tolist()
    [0.5]
    """
    one = pd.Series("all", index=range(len(inside)), dtype="string")
    rows = [count_proportions(inside, has, one, minimum).assign(group=label) for label, has in labels.items()]
    return pd.concat(rows, ignore_index=True)


def _sizes(people: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
    grouped = people["age"].astype("float64").groupby(labels.fillna("not recorded").astype(str))
    counts = grouped.size()
    limits = poisson_exact(counts.to_numpy())
    sizes = pd.DataFrame(
        {
            "measure": "cohort_size",
            "group": counts.index,
            "denominator": counts.to_numpy(),
            "numerator": counts.to_numpy(),
            "estimate": counts.to_numpy(dtype=float),
            "lower": limits["lower"],
            "upper": limits["upper"],
            "unit_of_estimate": "people",
            "method": EXACT_POISSON,
        }
    )
    known = grouped.count()
    half_width = ndtri(0.975) * grouped.std() / np.sqrt(known)
    ages = pd.DataFrame(
        {
            "measure": "age_mean",
            "group": counts.index,
            "denominator": known.to_numpy(),
            "numerator": known.to_numpy(),
            "estimate": grouped.mean().to_numpy(),
            "lower": (grouped.mean() - half_width).to_numpy(),
            "upper": (grouped.mean() + half_width).to_numpy(),
            "unit_of_estimate": "years",
            "method": MEAN,
        }
    )
    return pd.concat([sizes, ages[ages["denominator"] > 1]], ignore_index=True)


def merge_poor_fitness(status: pd.Series) -> pd.Series:
    """Return WHO performance status as text, with the levels of poor fitness in one; missing stays missing.

    Examples
    --------
    >>> merge_poor_fitness(pd.Series([0, 3, 4, None], dtype="Int64")).tolist()
    ['0', '3+', '3+', <NA>]
    """
    return status.astype("string").mask((status >= POOR_FITNESS).fillna(False), f"{POOR_FITNESS}+")


def _characteristics(
    people: pd.DataFrame, study: Study, cohort: str
) -> Iterator[tuple[str, np.ndarray, dict[str, np.ndarray]]]:
    """Yield (name, denominator, label -> who has it)."""
    for column in SHARED:
        values = people[column]
        if values.isna().all():
            continue
        text = merge_poor_fitness(values) if column == "performance_status" else values.astype("string")
        recorded = text.notna().to_numpy(dtype=bool)
        levels = sorted(text.dropna().unique())
        yield column, recorded, {level: (text == level).fillna(False).to_numpy(dtype=bool) for level in levels}
    if study.lacks(METASTATIC_SITES, cohort):
        return
    yield (
        SITE,
        np.ones(len(people), dtype=bool),
        {site: people[site].fillna(False).to_numpy(dtype=bool) for site in METASTATIC_SITES},
    )


def _eligible(people: pd.DataFrame, study: Study, cohort: str) -> pd.DataFrame:
    rows = []
    for indicator in study.specification.indicators:
        if cohort not in indicator.cohorts or indicator.not_derivable or indicator.denominator is None:
            continue
        columns = list(indicator.denominator.columns)
        if study.lacks(columns, cohort) or people[columns].isna().all().any():
            continue
        n = int(indicator.denominator.evaluate(people).sum())
        rows.append((f"eligible.{indicator.id}", n, f"{indicator.id}@{indicator.version}"))
    table = pd.DataFrame(rows, columns=["measure", "denominator", "definition_id"])
    limits = poisson_exact(table["denominator"].to_numpy())
    return table.assign(
        numerator=table["denominator"],
        estimate=table["denominator"].astype("float64"),
        lower=limits["lower"],
        upper=limits["upper"],
        unit_of_estimate="people",
        method=EXACT_POISSON,
    )
