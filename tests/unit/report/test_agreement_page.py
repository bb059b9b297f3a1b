"""The page of agreement says why a figure has no result here, and does not call a suppressed one not derivable."""

from __future__ import annotations

import pandas as pd

from naome.measures.specification import load_specification
from naome.release import declare_not_counts
from naome.report.pages.agreement import Replication, say_agreement, tabulate_agreement, tabulate_verdicts

SUPPRESSED = "a small number, or one from which a small number could be worked out"


def compare(*rows):
    given = {
        "measure": "chemotherapy", "nation": "england+wales", "cohort": "denovo", "group": "all", "published": "43.2",
        "unit": "percent", "estimate": float("nan"), "lower": float("nan"), "upper": float("nan"),
        "difference": float("nan"), "verdict": "not derivable here", "reason": SUPPRESSED,
    }  # fmt: skip
    return declare_not_counts(pd.DataFrame([{**given, **row} for row in rows]), "Made for a test.")


def test_a_figure_without_a_result_has_its_reason():
    compared = compare(
        {"group": "HER2+ER-"}, {"estimate": 43, "lower": 42, "upper": 44, "verdict": "agrees", "reason": ""}
    )
    table = tabulate_agreement(compared, load_specification()).frame
    assert list(table["Result"]) == [f"no result here: {SUPPRESSED}", "agrees"]
    assert table["Figure"].iloc[0] == "Received chemotherapy: HER2+, ER−"
    assert "No result here" in tabulate_verdicts(compared).frame
    said = say_agreement(Replication({"england": "england-1"}, compared, "", compared, compared)).text
    assert "For 1 there is no result here" in said and "for 0 the period is another" in said
    assert "not derivable" not in said
    assert "published figures have sampling errors of their own" in said
    none = compare({})
    assert "sampling errors" not in say_agreement(Replication({"england": "england-1"}, none, "", none, none)).text
