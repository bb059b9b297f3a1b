"""Whoever is hidden by disclosure control is counted and not named."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.disclosure import release
from naome.measures.adjusted import Adjusted
from naome.measures.specification import load_specification
from naome.measures.variation import SUMMARY, Variation
from naome.params import load_params
from naome.publish.organisations import drawable_units, most_variable, tabulate_adjusted, tabulate_alerts
from naome.results import make_results

SPECIFICATION = load_specification()
NAMES = {"A": "Alpha", "B": "Beta", "C": "Gamma"}


@pytest.fixture
def released():
    """A: 60 of 100, B: 3 of 50 (hidden), C: 20 of 90; D: 10 of 20."""
    rows = pd.DataFrame(
        {"unit": list("ABCD"), "numerator": [60, 3, 20, 10], "denominator": [100, 50, 90, 20], "method": "wilson"}
    )
    rows = rows.assign(estimate=rows["numerator"] / rows["denominator"], measure="mdt_discussion", level="provider")
    named = {"audit": "england", "nation": "england", "cohort": "denovo", "run_id": "r"}
    both = pd.concat([rows, rows.iloc[:3].assign(measure="death_30d_chemotherapy_adjusted", method="m")])
    return release(make_results(both, **named), load_params("england"))


def variation(levels, z):
    units = pd.DataFrame({"unit": list("ABCD"), "level": levels, "z": z, "domain": "negative tail"})
    summary = pd.DataFrame(columns=SUMMARY)
    return Variation(units.assign(cohort="denovo", measure="mdt_discussion"), summary, pd.DataFrame())


def test_hidden_organisations_are_one_line_without_name_or_number(released):
    hidden = set(released.loc[released["status"] == "suppressed", "unit"])
    assert "B" in hidden
    table = tabulate_alerts(
        variation(["alert", "alarm", "alarm", "within"], [2.5, -6, -4, 0]), released, SPECIFICATION, NAMES
    )
    named = {
        NAMES[unit]
        for unit in "AC"
        if unit not in set(released.query("measure == 'mdt_discussion' and status == 'suppressed'")["unit"])
    }
    assert set(table["Organisation"]) & set(NAMES.values()) == named and "Beta" not in set(table["Organisation"])
    rest = table[table["Organisation"].str.contains("not named")]
    assert rest["People"].isna().all() and rest["Percent"].isna().all() and len(rest) == 1
    shown = drawable_units(released, "mdt_discussion", "denovo")
    assert "B" not in set(shown["unit"])


def test_nothing_beyond_the_limits_is_said(released):
    table = tabulate_alerts(variation(["within"] * 4, [0.0] * 4), released, SPECIFICATION, NAMES)
    assert table["Indicator"].tolist() == ["none"]
    assert most_variable(variation(["within"] * 4, [0.0] * 4)) is None


def test_adjusted_rows_of_hidden_organisations_are_counted_only(released):
    table = pd.DataFrame({"unit": list("ABC"), "z": [0.1, -2.5, 3.0], "level": "within", "direction": "none"})
    found = Adjusted("death_30d_chemotherapy", "denovo", "treating_provider", table, 0.4, released, "")
    laid = tabulate_adjusted(found, released, NAMES)
    assert "Beta" not in set(laid["Organisation"])
    assert laid["Organisation"].iloc[-1].endswith("not named") and laid["People"].isna().iloc[-1]
    silent = Adjusted(
        "death_30d_chemotherapy", "denovo", "treating_provider", pd.DataFrame(), 0.4, released, "No dates."
    )
    assert tabulate_adjusted(silent, released, NAMES)["Reason"].tolist() == ["No dates."]
