"""The page of survival shows no percentage from which few people follow."""

from __future__ import annotations

import pandas as pd
import pytest

from naome.core.params import Disclosure, load_params
from naome.measures.study import make_study
from naome.measures.survival import LATE_CLOCK
from naome.release import release_curves
from naome.release.types import HIDDEN, Hidden, release_checked
from naome.report.pages.kaplan_meier_survival import list_withheld, tabulate_clocks

FEW = Hidden("fewer than 8 differ")


def survive(dead: int | None, people: int = 181, *, clock: str = "initial", left_out: int = 0) -> dict:
    """Survival of some people to one year, of whom a number died."""
    row = {"route": "DN2", "clock": clock, "years": 1.0, "people": people, "left_out": left_out, "dead": dead}
    share = 0.7 if dead is None else 1 - dead / people
    return {**row, "n_risk": people - (dead or 0), "survival": share, "lower": share, "upper": share}


def suppress_small():
    small = Disclosure(policy="hes2018", national="suppress_small")
    return make_study(load_params("wales").model_copy(update={"disclosure": small}), run_id="r")


@pytest.mark.parametrize(
    ("row", "people", "survival"),
    [
        (survive(40), 181, 1 - 40 / 181),
        (survive(52), HIDDEN, FEW),  # 5 died within a year of the later date and not of the earlier one
        (survive(57), 181, 1 - 57 / 181),
        (survive(0), 181, 1.0),
        (survive(3), HIDDEN, HIDDEN),  # 3 of 181 died: 98.3% says so
        (survive(177), HIDDEN, HIDDEN),
        (survive(None, 162, left_out=19), 162, 0.7),
        (survive(None, 178, left_out=3), FEW, HIDDEN),  # 181 less 178 were left out
    ],
)
def test_survival_from_another_origin_gives_no_few_people(row, people, survival):
    study = suppress_small()
    clocks = pd.DataFrame([row, survive(57, clock=LATE_CLOCK)]).astype({"dead": "Int64"})
    frame = tabulate_clocks(clocks, study).frame
    assert frame.loc[0, ["people", "survival"]].tolist() == [people, survival]
    assert frame.loc[0, ["left_out", "n_risk"]].tolist() == [HIDDEN, HIDDEN]
    assert frame.loc[1, "survival"] == 1 - 57 / 181 and "dead" not in frame


def test_a_group_of_which_survival_is_suppressed_has_no_curve():
    """5 of its 120 people died within a year, as the first step of its curve would say: 115 of 120."""
    results = pd.DataFrame({"cohort": "denovo", "group": ["a", "b", "a"], "group_by": ["subtype", "subtype", "all"]})
    results["measure"], results["status"] = "survival_1y", ["suppressed", "ok", "ok"]
    withheld = list_withheld(release_checked(results), group_by="subtype")
    assert withheld == ["a"] and list_withheld(release_checked(results.assign(status="suppressed"))) == ["De novo"]
    times = pd.DataFrame({"years": [0, 0.5], "survival": [1, 115 / 120], "n_event": [0, 5], "n_risk": [120, 120]})
    both = pd.concat([times.assign(group=group, lower=0.0, upper=1.0) for group in "ab"], ignore_index=True)
    curves = release_curves(both, suppress_small(), withheld=withheld).frame
    assert curves["group"].unique().tolist() == ["b"]
