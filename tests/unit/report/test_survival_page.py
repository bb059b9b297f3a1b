"""The page of survival shows no percentage from which few people follow."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.core.params import Disclosure, load_params
from naome.measures.study import make_study
from naome.measures.survival import LATE_CLOCK, estimate_medians
from naome.release import release_curves
from naome.release.types import HIDDEN, Hidden, release_checked
from naome.report.pages.kaplan_meier_survival import (
    list_left,
    list_withheld,
    release_survival,
    tabulate_clocks,
    tabulate_medians,
)

FEW = Hidden("fewer than 8 differ")


def survive(
    dead: int | None,
    people: int = 181,
    *,
    clock: str = "initial",
    left_out: int = 0,
    years: float = 1.0,
    cohort: tuple[int, int | None] = (1000, None),
) -> dict:
    """Survival of some people to a time point, of whom a number died."""
    row = {"route": "DN2", "clock": clock, "years": years, "people": people, "left_out": left_out, "dead": dead}
    row |= {"cohort_people": cohort[0], "cohort_dead": cohort[1], "status": "ok", "reason": ""}
    share = 0.7 if dead is None else 1 - dead / people
    return {**row, "n_risk": people - (dead or 0), "survival": share, "lower": share, "upper": share}


def suppress_small(national: str = "suppress_small"):
    small = Disclosure(policy="hes2018", national=national)
    return make_study(load_params("wales").model_copy(update={"disclosure": small}), run_id="r")


def list_clocks(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame(rows).astype({"dead": "Int64", "cohort_dead": "Int64"})


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
    frame = tabulate_clocks(list_clocks(row, survive(57, clock=LATE_CLOCK)), study).frame
    assert frame.loc[0, ["people", "survival"]].tolist() == [people, survival]
    # who is excluded is all of the rule, whom the other row shows, less the people
    assert frame.loc[0, "left_out"] == (HIDDEN if people in (HIDDEN, FEW) else row["left_out"])
    assert frame.loc[0, "n_risk"] is HIDDEN
    assert frame.loc[1, "survival"] == 1 - 57 / 181 and "dead" not in frame


@pytest.mark.parametrize("national", ["show", "suppress_small"])
def test_people_are_those_of_the_rule_at_time_points_that_no_other_origin_reaches(national):
    """No one is followed for five years from the metastatic diagnosis: 269 less 268 is one person all the same."""
    late = survive(57, 269, clock=LATE_CLOCK)
    entry = [survive(None, 268, clock="entry", left_out=1, years=years) for years in (3.0, 5.0)]
    frame = tabulate_clocks(list_clocks(late, *entry), suppress_small(national)).frame
    assert frame["people"].tolist() == [269, FEW, FEW] and frame["survival"].tolist()[1:] == [HIDDEN] * 2
    # nor where the others are not told apart from all of the rule, but from each other
    rows = [survive(None, 250 - few, clock=str(few), left_out=19 + few) for few in (0, 1)]
    assert tabulate_clocks(list_clocks(*rows), suppress_small(national)).frame["people"].tolist() == [250, FEW]


@pytest.mark.parametrize(("cohort", "hidden"), [((184, None), True), ((400, 60), True), ((181, 57), False)])
def test_a_rule_gives_no_few_people_or_deaths_of_the_other_rule_of_its_cohort(cohort, hidden):
    """Of 184 people three came by the other rule; of 60 deaths of the cohort three are theirs."""
    clocks = list_clocks(survive(57, clock=LATE_CLOCK, cohort=cohort))
    assert (tabulate_clocks(clocks, suppress_small()).frame["people"].tolist() == [HIDDEN]) == hidden
    assert tabulate_clocks(clocks, suppress_small("show")).frame["people"].tolist() == [181]


def test_few_deaths_between_two_time_points_are_not_what_two_percentages_differ_by():
    rows = [survive(dead, clock=LATE_CLOCK, years=years) for dead, years in ((57, 1.0), (60, 3.0), (80, 5.0))]
    shown = tabulate_clocks(list_clocks(*rows), suppress_small()).frame["survival"].tolist()
    assert shown == [1 - 57 / 181, FEW, 1 - 80 / 181]
    assert tabulate_clocks(list_clocks(*rows), suppress_small("show")).frame["survival"].tolist()[1] == 1 - 60 / 181


def test_who_is_excluded_is_not_shown_where_all_of_the_rule_are_suppressed():
    """Three of 184 people came by the other rule: 162 and 19 excluded would be the others."""
    rows = [survive(57, clock=LATE_CLOCK, cohort=(184, None)), survive(None, 162, left_out=19, cohort=(184, None))]
    frame = tabulate_clocks(list_clocks(*rows), suppress_small()).frame
    assert frame["people"].tolist() == [HIDDEN, 162] and frame["left_out"].tolist() == [HIDDEN, HIDDEN]


@pytest.mark.parametrize(("route", "said"), [("DN2", FEW), ("RC2", 1 - 60 / 181)])
def test_few_deaths_between_two_time_points_of_two_origins_are_given_by_no_two_percentages(route, said):
    """57 die within a year of a metastatic diagnosis, itself within a year of the first; 60 within 3 years of that."""
    initial, late = survive(60, years=3.0), [survive(57, clock=LATE_CLOCK), survive(90, clock=LATE_CLOCK, years=3.0)]
    clocks = list_clocks(initial, *late).assign(route=route)
    shown = tabulate_clocks(clocks, suppress_small()).frame
    assert shown["clock"].tolist() == ["initial", LATE_CLOCK, LATE_CLOCK]
    assert shown["survival"].tolist() == [said, 1 - 57 / 181, 1 - 90 / 181]


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


@pytest.mark.parametrize(
    ("people", "deaths", "hidden"), [(97, 40, True), (88, 37, True), (88, 30, False), (100, 40, False)]
)
def test_few_people_in_no_life_table_are_not_people_less_those_of_net_survival(people, deaths, hidden):
    """Of 100 people 40 died: three, or of twelve three who died, are in no life table."""
    measures = ["survival_1y", "net_survival_1y", "net_survival_1y", "net_survival_1y_standardised"]
    rows = pd.DataFrame({"measure": measures, "group": ["all", "all", "0-54", "all"], "estimate": 0.6, "lower": 0.5})
    rows = rows.assign(cohort="denovo", level="nation", status="ok", reason="", upper=0.7)
    rows["group_by"] = ["all", "all", "age_standard", "all"]
    rows["denominator"] = pd.array([100, people, people // 2, people], "Int64")
    rows["numerator"] = pd.array([40, deaths, deaths // 2, deaths], "Int64")
    other = rows.assign(cohort="recurrent", denominator=100, numerator=40)
    released = release_checked(pd.concat([rows, other], ignore_index=True))
    frame = release_survival(released, suppress_small()).frame
    assert frame["status"].tolist() == ["ok"] + (["suppressed"] if hidden else ["ok"]) * 3 + ["ok"] * 4
    assert (
        frame["denominator"].isna().tolist() == frame["lower"].isna().tolist() == [s != "ok" for s in frame["status"]]
    )
    assert release_survival(released, suppress_small("show")).frame["status"].eq("ok").all()


def test_those_left_are_people_less_deaths_until_a_time_point_and_unknown_where_it_is_suppressed():
    rows = pd.DataFrame({"measure": ["survival_1y", "survival_3y", "survival_5y", "survival_5y_period", "survival_1y"]})
    rows = rows.assign(cohort="denovo", level="nation", group_by=["all"] * 4 + ["subtype"], group=["all"] * 4 + ["a"])
    rows["status"] = ["ok", "suppressed", "not_derivable", "ok", "ok"]
    rows = rows.assign(denominator=[141, None, None, 147, 60], numerator=[42, None, None, 42, 14])
    released = release_checked(rows)
    assert list_left(released) == {"De novo": {"0 y": 141, "1 y": 99, "3 y": None}}
    assert list_left(released, group_by="subtype") == {"a": {"0 y": 60, "1 y": 46}}


@pytest.mark.parametrize(
    ("national", "dead_after_1_year", "hidden"),
    [
        ("suppress_small", 129, True),
        ("suppress_small", 120, False),
        ("suppress_small", 135, False),
        ("show", 129, False),
    ],
)
def test_a_median_few_deaths_from_what_results_say_is_suppressed(national, dead_after_1_year, hidden):
    """Of 269 people the median is the day of the 135th death, where no one is censored before."""
    duration = np.arange(1.0, 270.0)
    analysis = pd.DataFrame({"cohort": "recurrent", "survival_days": duration, "died": True})
    params = suppress_small().params.model_copy(update={"cohorts": ("recurrent",)})
    medians = estimate_medians(analysis, params)
    assert medians["dead_median"].tolist() == [135] and medians["median"].tolist() == [135.0]
    left = {"Recurrent": {"0 y": 269, "1 y": 269 - dead_after_1_year, "3 y": None}}
    table = tabulate_medians(medians, suppress_small(national), left).frame
    assert (table["median"].iloc[0] is HIDDEN) == hidden
