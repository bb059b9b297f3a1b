"""Treatment by time with death as a competing event, beside the proportion among those alive at the landmark."""

from __future__ import annotations

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
        plain proportion with early deaths counted as not treated.

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


def _rows(people: pd.DataFrame, indicator: Indicator, study: Study) -> pd.DataFrame:
    inside, positive = indicator.select(people)
    eligible = _eligible(people, indicator)
    counts = {"landmark": (inside, positive & inside), "no_landmark": (eligible, positive & eligible)}
    rows = []
    for name, (d, n) in counts.items():
        interval = wilson(int(n.sum()), int(d.sum())).iloc[0]
        rows.append(
            {
                "name": name,
                "denominator": int(d.sum()),
                "numerator": int(n.sum()),
                "method": WILSON,
                **_limits(interval),
            }
        )
    duration, cause = _competing(people[eligible], indicator)
    window = next(iter(indicator.windows.values()))
    curves = aalen_johansen(duration, cause, at=window, causes=(TREATED, DIED)).set_index("cause")
    for name, number in (("incidence", TREATED), ("died_untreated", DIED)):
        happened = int(((cause == number) & (duration <= window)).sum())
        interval = _limits(curves.loc[number].rename({"cumulative_incidence": "estimate"}))
        rows.append(
            {"name": name, "denominator": len(duration), "numerator": happened, "method": AALEN_JOHANSEN, **interval}
        )
    table = pd.DataFrame(rows)
    # those alive at the landmark may be fewer than those eligible
    reasons = [study.too_few(people) for people in table["denominator"]]
    followed = study.too_few(
        int(((cause > 0) | (duration >= window)).sum()), "people with follow-up to the end of the window"
    )
    by_time = table["method"] == AALEN_JOHANSEN
    reasons = [reason or (followed if late else "") for reason, late in zip(reasons, by_time, strict=True)]
    table = table.assign(status=["too_few" if reason else "ok" for reason in reasons], reason=reasons)
    return table.assign(measure=indicator.id + "_" + table["name"]).drop(columns="name")


def _eligible(people: pd.DataFrame, indicator: Indicator) -> np.ndarray:
    """Return who would be in the denominator had nobody died early, and has a survival time."""
    lived = people.assign(**{LANDMARK: pd.array([False] * len(people), dtype="boolean")})
    return indicator.select(lived)[0] & (people["survival_days"] >= 0).fillna(False).to_numpy(dtype=bool)


def _competing(people: pd.DataFrame, indicator: Indicator) -> tuple[np.ndarray, np.ndarray]:
    assert indicator.numerator is not None, "see list_landmarked"
    treated = people[list(indicator.numerator.columns)].astype("float64").min(axis=1).to_numpy()
    end = people["survival_days"].to_numpy(dtype=float)
    died = people["died"].fillna(False).to_numpy(dtype=bool)
    first = np.isfinite(treated) & (treated <= end)
    return np.where(first, treated, end), np.where(first, TREATED, np.where(died, DIED, 0))


def _limits(interval: pd.Series) -> dict[str, float]:
    return {name: float(interval[name]) for name in ("estimate", "lower", "upper")}
