"""Published figures beside what a run computed: difference, interval, verdict; nothing is tuned to them.

This is the only place of the analysis that opens ``definitions/published/``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from naome.core.definitions import Definitions, project_definitions, read_rows
from naome.core.errors import DefinitionError, suggest
from naome.core.results import NATIONAL_LEVELS, name_nation
from naome.measures.study import Study

VERDICTS = ("agrees", "differs", "not derivable here", "other period", "not compared")
SCALE = {"percent": 100.0, "people": 1.0, "years": 1.0}
PUBLISHED_KEY = ["nation", "our_cohort", "our_measure", "our_group_by", "our_group"]
PUBLISHED = [
    *("id", "source", "section", "nation", "cohort", "measure", "group_by", "group", "denominator", "value", "unit"),
    *("note", "period_from", "period_to", "rounding", "our_cohort", "our_measure", "our_group_by", "our_group"),
    "not_compared",
]
SHOWN = [
    *("id", "section", "nation", "cohort", "measure", "group_by", "group", "unit", "value", "published_denominator"),
    *("denominator", "estimate", "lower", "upper", "difference", "verdict", "reason", "result_id", "period", "source"),
    "note",
]
TOLERANCE = 1e-9


def load_published(name: str = "sotn2024", definitions: Definitions | None = None) -> pd.DataFrame:
    """Load and check ``published/<name>.csv`` of the definitions (of the checkout where none are given).

    Returns
    -------
    DataFrame
        All columns as text. ``value`` is as printed; ``rounding`` is half of the last printed digit (more where the
        text says approximately); ``our_*`` name the result that measures the same; ``not_compared`` says why there is
        none.

    Raises
    ------
    DefinitionError
        Naming file, line and column: unknown or missing column, duplicate id, unknown unit, a date or number that is
        not one, or a row that has neither a result to compare with nor a reason.

    Examples
    --------
    >>> int((load_published()["unit"] == "percent").sum()) > 50
    True
    """
    folder = (definitions or project_definitions()).folder / "published"
    file = folder / f"{name}.csv"
    if not file.is_file():
        known = sorted(f.stem for f in folder.glob("*.csv"))
        raise DefinitionError(f"no published figures {name!r}{suggest(name, known)}; there are: {', '.join(known)}")
    rows = read_rows(file, PUBLISHED)
    for line, row in rows:
        problem = _problem(row)
        if problem:
            raise DefinitionError(f"{file}:{line}: {row['id']}: {problem}")
    table = pd.DataFrame([row for _, row in rows], columns=PUBLISHED)
    twice = table["id"].duplicated()
    if twice.any():
        raise DefinitionError(f"{file}: duplicate ids: {', '.join(sorted(table.loc[twice, 'id']))}")
    return table


def compare_published(published: pd.DataFrame, results: pd.DataFrame, studies: Mapping[str, Study]) -> pd.DataFrame:
    """Set every published figure beside the run's own result.

    Parameters
    ----------
    published : DataFrame
        From :func:`load_published`.
    results : DataFrame
        Released results of whole nations and of England + Wales (:func:`naome.measures.pooled.measure_nation`).
    studies : mapping of nation to Study
        The runs the results come from, and the pooled one when they were pooled.

    Returns
    -------
    DataFrame
        One row per published figure in the same order: ``id, section, nation, cohort, measure, group_by, group, unit,
        published, published_denominator, denominator, estimate, lower, upper, difference, verdict, reason, result_id,
        period, source, note``; numbers in the unit of the published figure, `difference` ours less published. *agrees*:
        the published figure lies within our 95% interval widened by what rounding left open. *differs*: it does not.
        *other period*: the run's audit period is not the figure's. *not derivable here*: with the reason. *not
        compared*: it measures something else.
    """
    table = published.reset_index(drop=True).copy()
    ours = results.rename(
        columns={
            "unit": "nation",
            "cohort": "our_cohort",
            "measure": "our_measure",
            "group_by": "our_group_by",
            "group": "our_group",
        }
    )
    columns = ["denominator", "estimate", "lower", "upper", "status", "reason", "result_id"]
    ours = ours[ours["level"].isin(NATIONAL_LEVELS)].drop(columns=["level"])
    ours = ours.loc[:, ~ours.columns.duplicated()]
    own = ours.set_index(PUBLISHED_KEY)[columns]
    table = table.rename(columns={"denominator": "published_denominator"})
    rows = [_find(own, tuple(key)) for key in table[PUBLISHED_KEY].itertuples(index=False)]
    table = pd.concat([table, pd.DataFrame(rows, columns=columns)], axis=1)
    scale = table["unit"].map(SCALE)
    for column in ("estimate", "lower", "upper"):
        table[column] = pd.to_numeric(table[column]).astype("float64") * scale
    value, rounding = (pd.to_numeric(table[c], errors="coerce") for c in ("value", "rounding"))
    verdicts = [_judge(row, studies) for row in table.assign(v=value, r=rounding).to_dict("records")]
    table["verdict"], table["reason"] = (list(each) for each in zip(*verdicts, strict=True))
    silent = ~table["verdict"].isin(["agrees", "differs"])
    table.loc[silent, ["denominator", "estimate", "lower", "upper"]] = np.nan
    table["difference"] = table["estimate"] - value
    table["period"] = [_period(a, b) for a, b in zip(table["period_from"], table["period_to"], strict=True)]
    table["denominator"] = table["denominator"].astype("float64").astype("Int64")
    return table[SHOWN].rename(columns={"value": "published"})


def count_verdicts(compared: pd.DataFrame) -> pd.DataFrame:
    """Count verdicts by nation.

    Returns
    -------
    DataFrame
        ``nation`` and one column per verdict of ``VERDICTS``, with a last row for all.

    Examples
    --------
    >>> frame = pd.DataFrame({"nation": ["wales"] * 2, "verdict": ["agrees", "differs"]})
    >>> count_verdicts(frame)["agrees"].tolist()
    [1, 1]
    """
    counts = pd.crosstab(compared["nation"], compared["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)
    counts.loc["all"] = counts.sum()
    counts.columns.name = None
    return counts.reset_index()


def _find(own: pd.DataFrame, key: tuple) -> dict:
    if key in own.index:
        return own.loc[key].to_dict()
    whole = (*key[:3], "all", "all")  # an indicator that is not derivable has one row, for everyone
    if whole in own.index and own.loc[whole, "status"] == "not_derivable":
        return own.loc[whole].to_dict()
    return {"status": "absent", "reason": "", "result_id": ""}


def _judge(row: dict, studies: Mapping[str, Study]) -> tuple[str, str]:
    """Return the verdict and its reason."""
    if row["not_compared"]:
        return "not compared", row["not_compared"]
    if row["nation"] not in studies:
        return "not derivable here", f"There is no run of {name_nation(row['nation'])} to compare with."
    run = studies[row["nation"]].params
    period = (str(run.metastatic_from), str(run.metastatic_to))
    if (row["period_from"], row["period_to"]) != period:
        return "other period", f"The figure refers to {_period(row['period_from'], row['period_to'])}."
    if row["status"] != "ok" or not np.isfinite(row["estimate"]):
        return "not derivable here", row["reason"] or "No one in this run is in the group."
    low, high = row["lower"] - row["r"] - TOLERANCE, row["upper"] + row["r"] + TOLERANCE
    return ("agrees", "") if low <= row["v"] <= high else ("differs", "")


def _period(first: str, last: str) -> str:
    if not first:
        return "no period given"
    a, b = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    return f"{a.year} to {b.year}" if (a.month, b.month) == (1, 12) else f"{a:%B %Y} to {b:%B %Y}"


def _problem(row: dict[str, str]) -> str:
    if row["unit"] not in SCALE:
        return f"unit {row['unit']!r} is not allowed; allowed: {', '.join(SCALE)}"
    for column in ("period_from", "period_to"):
        try:
            if row[column]:
                dt.date.fromisoformat(row[column])
        except ValueError:
            return f"{column} is {row[column]!r}; write YYYY-MM-DD"
    if bool(row["our_measure"]) == bool(row["not_compared"]):
        return "it needs either a result to compare with (our_measure) or a reason (not_compared), and not both"
    for column in ("value", "rounding"):
        try:
            if row["our_measure"]:
                float(row[column])
        except ValueError:
            return f"{column} is {row[column]!r}, not a number"
    return ""
