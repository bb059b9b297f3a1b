"""Treatment by time with death as a competing event, beside the proportion among those alive at the landmark."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import numpy as np
import pandas as pd

from naome.measures.methods import AALEN_JOHANSEN, WILSON
from naome.measures.specification import Indicator, Specification
from naome.measures.study import Study
from naome.stats.competing import aalen_johansen
from naome.stats.intervals import wilson

LANDMARK = "died_within_30_days"
TREATED, DIED = 1, 2
WAYS = ("landmark", "no_landmark", "incidence", "died_untreated")


def list_landmarked(specification: Specification) -> list[Indicator]:
    """Return the indicators that leave early deaths out and count a treatment by its day.

    Examples
    --------
    >>> from naome.measures.specification import load_specification
    >>> [i.id for i in list_landmarked(load_specification())][:2]
    ['cdk46_first_line', 'anti_her2_first_line']
    """
    return [
        i
        for i in specification.indicators
        if i.denominator is not None
        and i.numerator is not None
        and LANDMARK in i.denominator.columns
        and len(i.windows) == 1
        and all(column.endswith("_days") for column in i.numerator.columns)
    ]


def compare_landmarks(analysis: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Estimate the cumulative incidence of treatment by the end of its window, with death competing.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table.
    study : Study

    Returns
    -------
    DataFrame
        Results of the nation for each indicator of :func:`list_landmarked`: ``<id>_landmark``, the audit's proportion
        among those alive at 30 days; ``<id>_incidence``, treated by the end of the window, of everyone eligible at
        origin, early deaths included; ``<id>_died_untreated``, died before treatment by then; ``<id>_no_landmark``, the
        plain proportion with early deaths counted as not treated. The two by time are not derivable where the
        numerator does not say on which day somebody was treated (:func:`find_day`).

    Notes
    -----
    The landmark answers "of those who lived long enough to be treated"; the incidence answers "of everyone diagnosed".
    Treatment on the day of death counts as treatment. People alive and untreated are censored at the end of follow-up.
    """
    frames = []
    for indicator in list_landmarked(study.specification):
        for cohort in indicator.cohorts:
            people = analysis[analysis["cohort"] == cohort]
            reason = study.reason(indicator, cohort) or study.too_few(int(_eligible(people, indicator).sum()))
            measures = [f"{indicator.id}_{way}" for way in WAYS]
            rows = study.not_derivable_rows(measures, reason) if reason else _rows(people, indicator, study)
            frames.append(rows.assign(cohort=cohort, definition_id=indicator.definition_id))
    return study.results(pd.concat(frames, ignore_index=True))


def find_day(people: pd.DataFrame, indicator: Indicator) -> np.ndarray | None:
    """Find the day from which somebody is in the numerator of an indicator.

    Parameters
    ----------
    people : DataFrame, n rows
    indicator : Indicator
        Of :func:`list_landmarked`.

    Returns
    -------
    ndarray of float, shape (n,), or None
        Days from origin, NaN for people who never are: the first day of treatments joined by ``or``, the last of those
        joined by ``and``. None where the numerator is not made of ``<column> <= <window>`` joined by these.

    Examples
    --------
    >>> from naome.measures.specification import load_specification
    >>> people = pd.DataFrame({"endocrine_days": [30.0, 30, None], "cdk46_days": [10.0, None, None]})
    >>> find_day(people, load_specification()["endocrine_first_line"]).tolist()
    [10.0, 30.0, nan]
    """
    return None if indicator.numerator is None else _find_day(indicator.numerator.tree, people, indicator.windows)


def _find_day(node: ast.expr, people: pd.DataFrame, windows: Mapping[str, int]) -> np.ndarray | None:
    if isinstance(node, ast.BoolOp):
        parts = [_find_day(value, people, windows) for value in node.values]
        days = [part for part in parts if part is not None]
        if len(days) < len(parts):
            return None
        # NaN, never, is not before any day, and is after every one
        return np.fmin.reduce(days) if isinstance(node.op, ast.Or) else np.maximum.reduce(days)
    if not (isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.LtE)):
        return None
    column, limit = node.left, node.comparators[0]
    if not (isinstance(column, ast.Name) and isinstance(limit, ast.Name) and limit.id in windows):
        return None
    return None if column.id in windows else people[column.id].astype("float64").to_numpy()


def _rows(people: pd.DataFrame, indicator: Indicator, study: Study) -> pd.DataFrame:
    inside, positive = indicator.select(people)
    eligible = _eligible(people, indicator)
    counts = {"landmark": (inside, positive & inside), "no_landmark": (eligible, positive & eligible)}
    rows = []
    for name, (d, n) in counts.items():
        interval = wilson(int(n.sum()), int(d.sum())).iloc[0]
        # those alive at the landmark may be fewer than those eligible
        reason = study.too_few(int(d.sum()))
        rows.append(
            {
                "measure": f"{indicator.id}_{name}",
                "denominator": int(d.sum()),
                "numerator": int(n.sum()),
                "method": WILSON,
                "status": "too_few" if reason else "ok",
                "reason": reason,
                **_limits(interval),
            }
        )
    return pd.concat([pd.DataFrame(rows), _rows_by_time(people[eligible], indicator, study)], ignore_index=True)


def _rows_by_time(people: pd.DataFrame, indicator: Indicator, study: Study) -> pd.DataFrame:
    """Estimate the incidence of treatment, and of death before it, among those eligible."""
    measures = [f"{indicator.id}_{way}" for way in WAYS[2:]]
    day = find_day(people, indicator)
    if day is None:
        text = indicator.numerator.text if indicator.numerator else ""
        reason = f"the numerator ({text}) does not say on which day a person was treated"
        return study.not_derivable_rows(measures, reason)
    duration, cause = _competing(people, day)
    window = next(iter(indicator.windows.values()))
    curves = aalen_johansen(duration, cause, at=window, causes=(TREATED, DIED)).set_index("cause")
    reason = study.too_few(len(duration)) or study.too_few(
        int(((cause > 0) | (duration >= window)).sum()), "people with follow-up to the end of the window"
    )
    rows = []
    for measure, number in zip(measures, (TREATED, DIED), strict=True):
        happened = int(((cause == number) & (duration <= window)).sum())
        interval = _limits(curves.loc[number].rename({"cumulative_incidence": "estimate"}))
        rows.append({"measure": measure, "denominator": len(duration), "numerator": happened, **interval})
    return pd.DataFrame(rows).assign(method=AALEN_JOHANSEN, status="too_few" if reason else "ok", reason=reason)


def _eligible(people: pd.DataFrame, indicator: Indicator) -> np.ndarray:
    """Return who would be in the denominator had nobody died early, and has a survival time."""
    lived = people.assign(**{LANDMARK: pd.array([False] * len(people), dtype="boolean")})
    return indicator.select(lived)[0] & (people["survival_days"] >= 0).fillna(False).to_numpy(dtype=bool)


def _competing(people: pd.DataFrame, treated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    end = people["survival_days"].to_numpy(dtype=float)
    died = people["died"].fillna(False).to_numpy(dtype=bool)
    first = np.isfinite(treated) & (treated <= end)
    return np.where(first, treated, end), np.where(first, TREATED, np.where(died, DIED, 0))


def _limits(interval: pd.Series) -> dict[str, float]:
    return {name: float(interval[name]) for name in ("estimate", "lower", "upper")}
