"""Measures by quarter as XmR charts, judged by the rules of NHS England's Making Data Count."""

from __future__ import annotations

import numpy as np
import pandas as pd

from naome.measures.methods import WILSON
from naome.measures.study import Study, say_too_few
from naome.stats.inputs import check_events
from naome.stats.intervals import wilson
from naome.stats.spc import xmr_chart

CHART_RULES = {
    "outside_limits": "a single point outside the process limits",
    "run": "seven or more points in a row on one side of the mean",
    "trend": "seven or more points in a row all rising or all falling",
    "two_of_three": "two of three points in a row close to a process limit",
}
# Fewer points give limits that the next quarter overturns
MINIMUM_QUARTERS = 8


def measure_quarters(analysis: pd.DataFrame, study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Chart the number of people and the completeness of every data item by quarter of origin, of the de novo cohort.

    Parameters
    ----------
    analysis : DataFrame
        The analysis table.
    study : Study
        Quarters that the audit period covers wholly are charted.

    Returns
    -------
    DataFrame, DataFrame
        Charts, one row per measure and quarter: ``measure, title`` and the columns of :func:`chart_quarters`; and
        results (``cohort_size`` and ``completeness.<item>``, grouped by ``quarter``). Items that are not derivable
        or that nobody has recorded, and everything if a quarter has nobody, are left out of the charts.
    """
    people = analysis[analysis["cohort"] == "denovo"]
    everyone = np.ones(len(people), dtype=bool)
    period = pd.Timestamp(study.params.metastatic_from), pd.Timestamp(study.params.metastatic_to)
    charts, results = [], []
    for item in study.data_items:
        measure = f"completeness.{item.id}"
        if study.reason(measure):
            continue
        recorded = item.recorded.evaluate(people)
        counted = count_quarters(everyone, recorded, people["origin_date"], *period)
        if not recorded.any() or len(counted) < 2 or (counted["denominator"] == 0).any():
            continue
        results.append(quarterly_results(counted, study, measure=measure, cohort="denovo"))
        charts.append(chart_quarters(counted).assign(measure=measure, title=item.title))
    if not charts:
        return pd.DataFrame(columns=["measure", "title", "quarter", "rules"]), study.results(pd.DataFrame())
    sizes = _chart_sizes(charts[0])
    charts.insert(0, sizes.assign(measure="cohort_size", title="People in the cohort"))
    return pd.concat(charts, ignore_index=True), pd.concat(results, ignore_index=True)


def count_quarters(
    inside: np.ndarray, positive: np.ndarray, day: pd.Series, first: pd.Timestamp, last: pd.Timestamp
) -> pd.DataFrame:
    """Count a proportion by calendar quarter, quarters without people included.

    Parameters
    ----------
    inside, positive : array of bool, shape (n,)
        Denominator and numerator.
    day : Series of dates, shape (n,)
        Day that puts a person in a quarter; people without one, or outside the period, are left out.
    first, last : Timestamp
        The period. A quarter that it covers only in part is left out.

    Returns
    -------
    DataFrame
        ``quarter`` ("2020 Q1"), ``denominator, numerator, estimate, lower, upper`` (Wilson), in order of time.

    Examples
    --------
    >>> days = pd.Series(pd.to_datetime(["2020-01-31", "2020-03-31", "2020-04-01"]))
    >>> who = np.array([True, True, True])
    >>> period = pd.Timestamp("2020-01-01"), pd.Timestamp("2020-06-30")
    >>> count_quarters(who, np.array([True, False, False]), days, *period)["estimate"].tolist()
    [0.5, 0.0]
    """
    inside, positive = check_events(inside, len(day), "inside"), check_events(positive, len(day), "positive")
    quarters = pd.period_range(first, last, freq="Q")
    whole = [q for q in quarters if q.start_time >= first and q.end_time.normalize() <= last]
    label = pd.to_datetime(day).dt.to_period("Q")
    n = label[inside].value_counts().reindex(whole, fill_value=0)
    x = label[inside & positive].value_counts().reindex(whole, fill_value=0)
    interval = wilson(x.to_numpy(), n.to_numpy())
    return pd.DataFrame(
        {
            "quarter": [f"{q.year} Q{q.quarter}" for q in whole],
            "denominator": n.to_numpy(),
            "numerator": x.to_numpy(),
            **{name: interval[name].to_numpy() for name in ("estimate", "lower", "upper")},
        }
    )


def chart_quarters(counted: pd.DataFrame) -> pd.DataFrame:
    """Give counted quarters their XmR limits and mark special-cause variation.

    Parameters
    ----------
    counted : DataFrame
        From :func:`count_quarters`.

    Returns
    -------
    DataFrame
        The quarters with the columns of :func:`naome.stats.spc.xmr_chart` (process limits ``limit_lower,
        limit_upper``, kept within 0 and 1) and ``rules``: the rules each point takes part in, in words.

    Raises
    ------
    ValueError
        If a quarter has nobody: its proportion does not exist, and leaving it out would join its neighbours.
    """
    empty = counted.loc[counted["denominator"] == 0, "quarter"]
    if len(empty):
        raise ValueError(f"no one is counted in {', '.join(empty)}; a chart needs every quarter")
    chart = _chart(counted["estimate"].to_numpy())
    for column in ("limit_lower", "limit_upper"):
        chart[column] = chart[column].clip(0, 1)
    return pd.concat([counted.reset_index(drop=True), chart], axis=1)


def say_chart(chart: pd.DataFrame, title: str) -> str:
    """Say what a chart shows: common-cause variation, or which rules were broken when.

    Examples
    --------
    >>> quarters = pd.DataFrame({"quarter": ["2020 Q1", "2020 Q2"], "rules": ["", ""]})
    >>> say_chart(quarters, "Stage recorded")
    'Stage recorded: 2 quarters are too few to assess (8 are needed).'
    """
    if len(chart) < MINIMUM_QUARTERS:
        return f"{title}: {len(chart)} quarters are too few to assess ({MINIMUM_QUARTERS} are needed)."
    broken = []
    for text in CHART_RULES.values():
        when = chart.loc[chart["rules"].str.contains(text, regex=False), "quarter"].tolist()
        if when:
            broken.append(f"{text} ({when[0]}{f' to {when[-1]}' if len(when) > 1 else ''})")
    if not broken:
        return f"{title}: common-cause variation only; no rule of Making Data Count is met."
    return f"{title}: special-cause variation: {'; '.join(broken)}."


def say_growing_quarters(study: Study) -> str:
    """Say which quarters of diagnosis are incomplete, because the time in which DN2 looks is not over.

    Examples
    --------
    >>> from naome.core.params import load_params
    >>> from naome.measures.study import make_study
    >>> study = make_study(load_params("england-rcrd"), run_id="r")
    >>> say_growing_quarters(study).split(":")[0]
    '2022 Q2 to 2022 Q4 are incomplete'
    """
    params = study.params
    if "denovo" not in params.cohorts or "DN2" in params.rules_not_checked:
        return ""
    rules = study.rules
    months = rules["gap_months"]
    quarters = pd.period_range(params.metastatic_from, params.metastatic_to, freq="Q")
    end = pd.Timestamp(params.censor_date)
    growing = [
        f"{q.year} Q{q.quarter}" for q in quarters if q.end_time.normalize() + pd.DateOffset(months=months) > end
    ]
    if not growing:
        return ""
    which = growing[0] if len(growing) == 1 else f"{growing[0]} to {growing[-1]}"
    return (
        f"{which} are incomplete: rule DN2 looks for {rules.fill('{evidence.short}')} in the {months} months "
        "after diagnosis, and for them these months are not over. Their number, and what is recorded of them, may "
        "differ for that reason."
    )


def quarterly_results(counted: pd.DataFrame, study: Study, *, measure: str, cohort: str) -> pd.DataFrame:
    """Bring counted quarters into the result schema, grouped by ``quarter``."""
    minimum = study.params.minimum_denominator
    few = counted["denominator"] < minimum
    rows = counted.rename(columns={"quarter": "group"}).assign(
        group_by="quarter",
        method=WILSON,
        status=np.where(few, "too_few", "ok"),
        reason=np.where(few, say_too_few(minimum), ""),
    )
    return study.results(rows, cohort=cohort, measure=measure)


def _chart(values: np.ndarray) -> pd.DataFrame:
    chart = xmr_chart(values).rename(columns={"lower": "limit_lower", "upper": "limit_upper"}).drop(columns="value")
    rules = [", ".join(text for name, text in CHART_RULES.items() if row[name]) for row in chart.to_dict("records")]
    return chart.assign(rules=rules)


def _chart_sizes(counted: pd.DataFrame) -> pd.DataFrame:
    """Chart the number of people, which has no upper end and no interval of its own."""
    sizes = counted[["quarter", "denominator"]].assign(
        numerator=counted["denominator"], estimate=counted["denominator"].astype(float), lower=np.nan, upper=np.nan
    )
    chart = _chart(sizes["estimate"].to_numpy())
    return pd.concat([sizes, chart.assign(limit_lower=chart["limit_lower"].clip(lower=0))], axis=1)
