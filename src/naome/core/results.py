"""The one schema of everything the project publishes.

A result is a row. What could not be derived, or is hidden, is a row too, with a
status and a reason: never a blank and never a zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

# Level, unit, nation and audit of results of several nations together
POOLED = "england+wales"
NATIONAL_LEVELS = ("nation", POOLED)


def name_nation(nation: str) -> str:
    """Return a nation, or several counted together, as a reader names them.

    Examples
    --------
    >>> name_nation("wales"), name_nation("england+wales")
    ('Wales', 'England + Wales')
    """
    return nation.replace("+", " + ").title()


#: Nations whose name has an article inside a sentence
WITH_ARTICLE = {"Netherlands"}


def say_nation(name: str) -> str:
    """Say a nation, or several counted together, inside a sentence.

    Examples
    --------
    >>> say_nation("England + Wales"), say_nation("Netherlands")
    ('England and Wales', 'the Netherlands')
    """
    return " and ".join(f"the {each}" if each in WITH_ARTICLE else each for each in name.split(" + "))


#: A result by its columns
Row = Mapping[str, Any]
RESULT_COLUMNS: dict[str, str] = {
    "result_id": "Stable identifier of the result: the same measure, unit and group have the same id in every run.",
    "audit": "Audit run (name of its parameter file).",
    "nation": "Nation.",
    "cohort": "denovo, recurrent or primary.",
    "measure": "Identifier of the measure (an indicator, a completeness item, survival at a time point ...).",
    "level": f"nation, region, alliance, provider, or {POOLED}.",
    "unit": "Which one: the nation; an organisation, alliance or region by its code, or by its name where it has none.",
    "unit_name": "Its name for readers; two organisations may have the same.",
    "group_by": "all, or the characteristic by which people are grouped.",
    "group": "all, or the value of that characteristic.",
    "denominator": "People counted in the denominator (for survival: people at the time origin).",
    "numerator": "People counted in the numerator (for survival: deaths by the time point).",
    "estimate": "Estimate, in unit_of_estimate.",
    "lower": "Lower limit of the interval.",
    "upper": "Upper limit of the interval.",
    "unit_of_estimate": "proportion, people, days, years, ratio, odds ratio per year, difference of proportions.",
    "method": "Name of the interval or estimator.",
    "status": "ok, too_few, suppressed or not_derivable.",
    "reason": "Why a result is not ok; for a result that is ok, the unverified codes that it uses; empty otherwise.",
    "definition_id": "Identifier of the definition, with its version hash.",
    "run_id": "Identifier of the run that computed it.",
}
STATUSES = ("ok", "too_few", "suppressed", "not_derivable")
#: Columns of counts of people; of the estimate and its interval
COUNTS = ["denominator", "numerator"]
NUMBERS = ["estimate", "lower", "upper"]
RESULT_KEY = ["audit", "cohort", "measure", "level", "unit", "group_by", "group"]
ALL_PEOPLE = {
    "level": "nation",
    "group_by": "all",
    "group": "all",
    "status": "ok",
    "reason": "",
    "definition_id": "",
    "method": "",
    "unit_of_estimate": "proportion",
}


def make_results(frame: pd.DataFrame, **constants: object) -> pd.DataFrame:
    """Bring a frame of results into the schema.

    Parameters
    ----------
    frame : DataFrame
        Any of the schema's columns; others are an error.
    **constants
        Values of columns that are the same in every row.

    Returns
    -------
    DataFrame
        All columns of ``COLUMNS`` in order with their types, and ``result_id`` filled.

    Raises
    ------
    ValueError
        For an unknown column, an unknown status, a row that is not ok and gives
        no reason, or two rows with the same key.

    Examples
    --------
    >>> row = pd.DataFrame({"measure": ["mdt_discussion"], "denominator": [10], "numerator": [6], "estimate": [0.6]})
    >>> made = make_results(row, audit="wales", nation="wales", cohort="denovo", unit="wales", run_id="r")
    >>> made.loc[0, "status"]
    'ok'
    """
    frame = frame.assign(**constants).reset_index(drop=True)
    unknown = set(frame.columns) - set(RESULT_COLUMNS)
    if unknown:
        raise ValueError(f"not columns of a result: {sorted(unknown)}; allowed: {', '.join(RESULT_COLUMNS)}")
    for column, value in ALL_PEOPLE.items():
        frame[column] = frame[column].fillna(value) if column in frame else value
    frame = frame.reindex(columns=list(RESULT_COLUMNS))
    for column in ("denominator", "numerator"):
        frame[column] = frame[column].astype("Int64")
    for column in NUMBERS:
        frame[column] = frame[column].astype("float64")
    texts = [c for c in RESULT_COLUMNS if c not in (*COUNTS, *NUMBERS)]
    frame[texts] = frame[texts].fillna("").astype(str)
    wrong = set(frame["status"]) - set(STATUSES)
    if wrong:
        raise ValueError(f"status {sorted(wrong)} is not allowed; allowed: {', '.join(STATUSES)}")
    silent = (frame["status"] != "ok") & (frame["reason"] == "")
    if silent.any():
        raise ValueError(f"{silent.sum()} results are not ok and give no reason, first: {_row(frame, silent)}")
    twice = frame.duplicated(RESULT_KEY)
    if twice.any():
        raise ValueError(f"{twice.sum()} results are listed twice, first: {_row(frame, twice)}")
    frame["result_id"] = [result_id(*values) for values in frame[RESULT_KEY].itertuples(index=False)]
    return frame


def name_units(results: pd.DataFrame, names: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Fill in the names of the units of results.

    Parameters
    ----------
    results : DataFrame
        Results (:func:`make_results`).
    names : mapping of str to mapping of str to str
        Level -> code -> name, as the source spells it; a unit without a name is called by its code.

    Returns
    -------
    DataFrame
        The same rows with ``unit_name``.

    Examples
    --------
    >>> rows = pd.DataFrame({"measure": "m", "level": ["nation", "region", "provider"], "unit": ["wales", "W", "7A3"]})
    >>> rows = make_results(rows, audit="wales", nation="wales", cohort="denovo", run_id="r")
    >>> name_units(rows, {"provider": {"7A3": "Swansea Bay"}, "region": {"W": "Cymru"}})["unit_name"].tolist()
    ['Wales', 'Cymru', 'Swansea Bay']
    """
    unit, level = results["unit"], results["level"]
    called = unit.mask(level.isin(NATIONAL_LEVELS), unit.map(name_nation))
    for below, known in names.items():
        called = called.mask(level == below, unit.map(lambda code, known=known: known.get(code, code)))
    return results.assign(unit_name=called)


def result_id(*key: str) -> str:
    """Return the stable id of a result from its key.

    Examples
    --------
    >>> result_id("wales", "denovo", "mdt_discussion", "nation", "wales", "all", "all")
    'r-e95e3097f7'
    """
    return "r-" + hashlib.sha256("|".join(map(str, key)).encode()).hexdigest()[:10]


def _row(frame: pd.DataFrame, mask: pd.Series) -> str:
    return ", ".join(f"{column}={frame.loc[mask, column].iloc[0]}" for column in RESULT_KEY)
