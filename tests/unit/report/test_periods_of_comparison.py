"""What the page of risk-adjusted survival says of the periods on which organisations are compared."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from naome.core.params import load_params
from naome.measures.casemix.adjust import Assessment
from naome.measures.casemix.prepare import CaseMix
from naome.report.pages import risk_adjusted_survival as page

EARLIER = pd.DataFrame({"records_from": pd.to_datetime(["2014-06-01"])})


def make_case_mix(recorded: float) -> CaseMix:
    """Return a case mix of which this share is recorded."""
    table = pd.DataFrame({"unit": ["A", "B"], "n": 5, "recorded": recorded})
    return CaseMix(pd.DataFrame(), [pd.DataFrame()], (), (), table)


def make_part(years: tuple[int, ...], period, recorded: float, reason: str = "") -> Assessment:
    return Assessment(
        "denovo", make_case_mix(recorded), {}, {}, pd.DataFrame(), reason, time_points=years, period=period
    )


@pytest.fixture
def params():
    return load_params("wales")


@pytest.fixture
def audit_period(params):
    return params.metastatic_from, params.metastatic_to


def with_parts(first: Assessment, *others: Assessment) -> dict[str, Assessment]:
    first.__dict__["earlier"] = others  # a frozen dataclass
    return {"denovo": first}


def test_an_earlier_period_is_compared_with_the_audit_period_and_its_length_said(params, audit_period):
    older = make_part((3,), params.comparison_period(3), 0.8)
    text = page.describe_periods(with_parts(make_part((1,), audit_period, 0.6), older), EARLIER, None, params).text
    assert "(36 months)" in text and "80.0%" in text and "(60.0% in the audit period)" in text
    assert "shorter" not in text and "same length" not in text


def test_a_moved_first_period_is_described_and_compared_with_the_people_of_the_audit_period(params, monkeypatch):
    """The first part is then of other people; the audit period's are taken from the analysis table."""
    period = (dt.date(2016, 1, 1), dt.date(2017, 12, 31))
    survival = params.survival.model_copy(update={"comparison_periods": {1: period}})
    moved = params.model_copy(update={"survival": survival})
    monkeypatch.setattr(page, "prepare_case_mix", lambda analysis, *_: make_case_mix(analysis))
    parts = with_parts(make_part((1,), period, 0.777), make_part((3,), moved.comparison_period(3), 0.73))
    text = page.describe_periods(parts, EARLIER, 0.649, moved).text
    one, three = (line for line in text.splitlines() if line.startswith("- **"))
    assert "1 January 2016 to 31 December 2017 (24 months, named in the parameters)." in one and "77.7%" in one
    assert "(64.9% in the audit period)" in one and "(64.9% in the audit period)" in three
    assert text.startswith("Unless the parameters name a period, every time point") and "named" not in three


def test_a_period_that_the_diagnoses_cut_short_says_so(params, audit_period):
    late = params.model_copy(update={"diagnosed_from": dt.date(2018, 5, 31)})
    parts = with_parts(make_part((1,), audit_period, 0.6), make_part((5,), late.comparison_period(5), 0.8, "too few"))
    text = page.describe_periods(parts, EARLIER, None, late).text
    assert "31 May 2018 to 31 May 2018 (one day). It is shorter than the audit period because" in text
    assert "Organisations are not compared: too few." in text


def test_where_the_diagnoses_begin_too_late_there_is_no_period(params, audit_period):
    later = params.model_copy(update={"diagnosed_from": dt.date(2019, 1, 1)})
    parts = with_parts(make_part((1,), audit_period, 0.6), make_part((5,), later.comparison_period(5), 0.8, "no one"))
    text = page.describe_periods(parts, EARLIER, None, later).text
    assert "there is no period. People who can be followed so long were diagnosed by 31 May 2018" in text
    assert "no one" not in text


def test_where_the_audit_period_serves_all_time_points_nothing_is_said(params, audit_period):
    parts = with_parts(make_part((1, 3), audit_period, 0.6))
    assert page.describe_periods(parts, EARLIER, None, params).text == ""


def test_an_item_imputed_from_survival_alone_says_so(monkeypatch):
    plan = {"column": ["grade"], "recorded": 30, "parameters": 3, "used": [()], "left_aside": [("age",)]}
    monkeypatch.setattr(page, "plan_case_mix", lambda _: pd.DataFrame({**plan, "cluster": True}))
    text = page.say_sparse_items(make_case_mix(0.5))
    assert "is imputed from only survival, because" in text and "none" not in text
