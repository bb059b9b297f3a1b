"""Organisations suppressed by disclosure control are counted and not named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from naome.core.params import load_params
from naome.core.results import make_results
from naome.measures import methods
from naome.measures.adjusted import Adjusted
from naome.measures.casemix.adjust import Assessment
from naome.measures.casemix.outliers import judge_organisations, record_assessment
from naome.measures.casemix.prepare import CaseMix
from naome.measures.specification import load_specification
from naome.measures.study import make_study
from naome.measures.variation import SUMMARY, Variation
from naome.release import Released, declare_not_counts, release
from naome.release.level_chances import expect_levels
from naome.release.outlier_levels import SUPPRESSED, settle_adjusted, settle_assessments
from naome.release.suppress import VALUE_SUPPRESSED
from naome.release.types import release_checked
from naome.report.funnels import drawable_units, say_near_limits
from naome.report.pages.organisations import (
    collect_panels,
    describe_adjusted,
    describe_rare_levels,
    most_variable,
    say_comparisons,
    say_shown,
    tabulate_adjusted,
    tabulate_alerts,
    tabulate_alliances,
)
from naome.report.pages.risk_adjusted_survival import (
    describe_assessments,
    describe_spread,
    draw_survival_funnels,
    say_beyond_study,
    say_sparse_items,
    tabulate_adjusted_survival,
    tabulate_counts,
    tabulate_not_assessed,
    tabulate_outside,
    tabulate_record,
)
from naome.stats.overdispersion import simulate_spread

SPECIFICATION = load_specification()
NAMES = {"A": "Alpha", "B": "Beta", "C": "Gamma"}


def release_levels(**counts: list[int]) -> Released:
    """Release an indicator for the units of some levels; events of 100 people each."""
    units = [(level, f"{level} {n}", events) for level, each in counts.items() for n, events in enumerate(each)]
    rows = pd.DataFrame(units, columns=["level", "unit", "numerator"])
    rows = rows.assign(denominator=100, estimate=rows["numerator"] / 100, unit_name=rows["unit"].str.title())
    rows = rows.assign(measure="mdt_discussion", method="wilson")
    return release(
        make_results(rows, audit="england", nation="england", cohort="denovo", run_id="r"), load_params("england")
    )


def test_alliances_are_shown_where_fewer_than_half_of_the_organisations_can_be():
    few = release_levels(provider=[3, 2, 40, 4, 5], alliance=[30, 4, 5, 20])
    text = say_shown(few, SPECIFICATION).text
    assert "fewer than half" in text and text.endswith("team meeting (de novo): 1 of 5")
    rows = tabulate_alliances(few, SPECIFICATION).frame
    assert rows["Cancer alliance"].tolist() == ["Alliance 0", "Alliance 3", "two others"]
    assert rows["Percent"].tolist()[:2] == [0.3, 0.2] and rows["status"].tolist()[2] == "suppressed"


def test_no_comparison_is_said_in_words():
    summary = pd.DataFrame(
        {"reason": ["too few"], "alarms": [0], "alerts": [0], "chance_alerts": [0.0], "chance_alarms": [0.0]}
    )
    text = say_comparisons(Variation(pd.DataFrame(), summary, pd.DataFrame()), load_params("england")).text
    assert text.startswith("No organisations (") and text.endswith("could be compared.")


def test_alerts_and_those_expected_leave_alarms_out():
    numbers = {
        "reason": ["", ""],
        "alarms": [1, 0],
        "alerts": [3, 2],
        "chance_alerts": [2.0, 1.0],
        "chance_alarms": [0.5, 0.0],
    }
    text = say_comparisons(
        Variation(pd.DataFrame(), pd.DataFrame(numbers), pd.DataFrame()), load_params("england")
    ).text
    assert "gave one alarm and five alerts, both tails together; by chance alone, 0.5 alarms and 2.5 alerts" in text


def test_no_alliances_are_shown_where_half_of_the_organisations_can_be_or_there_are_none():
    half = release_levels(provider=[30, 20, 3, 4], alliance=[30, 20])
    assert "fewer than half" not in say_shown(half, SPECIFICATION).text
    alone = release_levels(provider=[3, 4, 2])
    assert "0 of 3" in say_shown(alone, SPECIFICATION).text
    for shown in (half, alone):
        assert tabulate_alliances(shown, SPECIFICATION).text == "There are no results of cancer alliances to show."


@pytest.fixture
def released():
    """A: 60 of 100, B: 3 of 50 (hidden), C: 20 of 90; D: 10 of 20."""
    rows = pd.DataFrame(
        {"unit": list("ABCD"), "numerator": [60, 3, 20, 10], "denominator": [100, 50, 90, 20], "method": "wilson"}
    )
    rows = rows.assign(estimate=rows["numerator"] / rows["denominator"], measure="mdt_discussion", level="provider")
    named = {"audit": "england", "nation": "england", "cohort": "denovo", "run_id": "r"}
    adjusted = rows.iloc[:3].assign(measure="death_30d_chemotherapy_adjusted", method=methods.ADJUSTED_PROPORTION)
    adjusted = adjusted.assign(lower=adjusted["estimate"] - 0.02, upper=adjusted["estimate"] + 0.02)
    ratio = adjusted.assign(measure="death_30d_chemotherapy_ratio", method=methods.ADJUSTED_RATIO)
    both = pd.concat([rows, adjusted, ratio.assign(unit_of_estimate="ratio", upper=1.5)])
    return release(make_results(both, **named), load_params("england"))


def variation(levels, z):
    units = pd.DataFrame({"unit": list("ABCD"), "level": levels, "z": z, "domain": "negative tail"})
    summary = pd.DataFrame(columns=SUMMARY)
    return Variation(units.assign(cohort="denovo", measure="mdt_discussion"), summary, pd.DataFrame())


def test_hidden_organisations_are_one_line_without_name_or_number(released):
    hidden = set(released.where(status="suppressed").frame["unit"])
    assert "B" in hidden
    table = tabulate_alerts(
        variation(["alert", "alarm", "alarm", "within"], [2.5, -6, -4, 0]), released, SPECIFICATION, NAMES
    ).frame
    named = {
        NAMES[unit]
        for unit in "AC"
        if unit not in set(released.where(measure="mdt_discussion", status="suppressed").frame["unit"])
    }
    assert set(table["Organisation"]) & set(NAMES.values()) == named and "Beta" not in set(table["Organisation"])
    rest = table[table["Organisation"].str.contains("not named")]
    assert rest["People"].isna().all() and rest["Percent"].isna().all() and len(rest) == 1
    shown = drawable_units(released, "mdt_discussion", "denovo").frame
    assert "B" not in set(shown["unit"])


def test_nothing_beyond_the_limits_is_said(released):
    table = tabulate_alerts(variation(["within"] * 4, [0.0] * 4), released, SPECIFICATION, NAMES).frame
    assert table["Indicator"].tolist() == ["none"]
    assert most_variable(variation(["within"] * 4, [0.0] * 4)) is None


def test_adjusted_rows_of_hidden_organisations_are_counted_only(released):
    table = pd.DataFrame({"unit": list("ABC"), "z": [0.1, -2.5, 3.0], "level": "within", "direction": "none"})
    found = Adjusted("death_30d_chemotherapy", "denovo", "treating_provider", table, 0.4, released.frame, "")
    laid = tabulate_adjusted([found], released, SPECIFICATION, NAMES).frame
    assert "Beta" not in set(laid["Organisation"])
    assert laid["Organisation"].iloc[-1].endswith("not named") and laid["People"].isna().iloc[-1]
    named = laid[laid["People"].notna()]
    assert len(named) and (named["from"] <= named["Observed / expected"]).all()
    assert (named["Observed / expected"] <= named["to"]).all()
    assert {"Alpha", "Gamma"} >= set(collect_panels([found], released, SPECIFICATION)[0][2]["unit"].map(NAMES))
    silent = Adjusted(
        "death_30d_chemotherapy", "denovo", "treating_provider", pd.DataFrame(), 0.4, released.frame, "No dates."
    )
    laid = tabulate_adjusted([silent, silent], released, SPECIFICATION, NAMES).frame
    assert laid["reason"].tolist() == ["No dates."] * 2 and set(laid["status"]) == {"not_derivable"}
    assert collect_panels([silent], released, SPECIFICATION) == []


def judged(z, **columns) -> pd.DataFrame:
    z = np.asarray(z, dtype=float)
    table = pd.DataFrame({"unit": [f"U{k:02d}" for k in range(len(z))], "n": 50, "z": z, "recorded": 0.9, "fmi": 0.1})
    table = table.assign(**{"early_warning_z": 0.1, "logistic_z": np.nan, "survival_adjusted": 0.7} | columns)
    table = table.assign(expected=0.3 * table["n"])
    return judge_organisations(table, load_params("england"), higher_is="worse")


def survival_results(estimates, statuses, years=1, cohort="denovo"):
    rows = pd.DataFrame({"estimate": estimates, "status": statuses, "denominator": 50, "numerator": 20})
    rows = rows.assign(
        unit=[f"U{k:02d}" for k in range(len(rows))],
        lower=rows["estimate"] - 0.1,
        upper=rows["estimate"] + 0.1,
        reason=["" if status == "ok" else "small number" for status in statuses],
        measure=f"survival_{years}y_adjusted",
        method=methods.ADJUSTED_SURVIVAL,
    )
    return make_results(rows, audit="england", nation="england", cohort=cohort, level="provider", run_id="r")


def assessed(tables, reason="", cohort="denovo"):
    frame = pd.DataFrame({"duration": [1.0], "event": [0], "unit": ["U00"]})
    nobody = CaseMix(frame, [frame], (), (), pd.DataFrame({"unit": [], "n": [], "recorded": []}))
    national = dict.fromkeys(tables, 0.7)
    return Assessment(cohort, nobody, tables, national, pd.DataFrame(), reason, time_points=(1, 3))


def test_outside_shows_both_tails_the_companions_and_only_what_may_be_shown():
    table = judged([3.5, -2.5, 0.0, 2.2]).assign(early_warning_z=[0.1, -4.0, 5.0, 0.0], logistic_z=[3.3, np.nan, 0, 0])
    released = release_checked(survival_results([0.5, 0.8, 0.7, np.nan], ["ok", "ok", "ok", "suppressed"]))
    laid = tabulate_outside({("denovo", 1): table}, released, load_params("england"), {"U00": "Alpha"}).frame
    assert laid["Organisation"].tolist() == ["Alpha", "U01", "1 not named"]
    assert laid["Outlier status"].tolist()[:2] == ["alarm", "alert"]
    assert laid["Direction"].tolist() == ["lower than expected", "higher than expected", ""]
    assert laid["Early warning"].tolist()[:2] == ["within", "alarm"]
    assert laid["Logistic"].tolist()[:2] == ["alarm", "not fitted"]
    assert laid["Adjusted survival"].tolist()[:2] == [0.5, 0.8] and laid.iloc[2][["People", "Lower"]].isna().all()
    assert "U03" not in laid.to_string()
    assert not {"z", "z of deaths"} & set(laid.columns)
    assert tabulate_outside({}, released, load_params("england"), {}).frame["Organisation"].tolist() == ["none"]


def test_counts_stand_beside_chance_for_every_cohort():
    tables = {("denovo", 1): judged([0.0] * 100 + [np.nan] * 5), ("recurrent", 3): judged([4.0, -2.0])}
    counts = tabulate_counts(tables, load_params("england")).frame
    assert counts["Cohort"].tolist() == ["De novo", "De novo", "Recurrent"]
    # two organisations are too few to estimate variation: there is nothing to adjust for
    assert counts["Adjusted for overdispersion"].tolist() == ["no", "yes", "no, not estimated"]
    assert counts["Assessed"].tolist() == [100, 100, 2] and counts["Not assessed"].tolist() == [5, 5, 0]
    beyond_alert, beyond_alarm = expect_levels(tables["denovo", 1], load_params("england"))
    assert counts["Alerts expected"].iloc[0] == pytest.approx(beyond_alert - beyond_alarm)
    assert 0 < beyond_alert < 5.0, "fewer than the limits say, as levels are those of rounded counts"
    assert counts[["Alarms, lower survival", "Alerts, higher survival"]].iloc[2].tolist() == [1, 1]
    assert tabulate_counts({}, load_params("england")).frame["Cohort"].tolist() == ["none"]


def test_assessed_organisations_without_an_estimate_are_counted_with_their_z():
    # no one is at risk at the time point: whether that is so depends on how many died
    table = judged([0.0, 1.0, 2.0, np.nan], survival_adjusted=[0.6, np.nan, np.nan, np.nan])
    counts = tabulate_counts({("denovo", 5): table}, load_params("england")).frame
    assert counts[["Without an estimate", "Mean z of these"]].values.tolist() == [[2, 1.5]]


def test_the_size_of_the_bias_of_winsorising_is_simulated_for_the_run():
    errors = np.linspace(0.02, 0.12, 40)
    table = judged(np.linspace(-2, 2, 40), std_error=errors)
    said = describe_spread({"denovo": assessed({1: table})}, load_params("england")).text
    found = simulate_spread(errors, float(np.median(errors)))
    assert "With chance alone it is 0.68 on average" in said
    assert f"is {100 * found['winsorised']:.1f}, and {100 * found['paule_mandel']:.1f} with the Paule-Mandel" in said
    assert found["winsorised"] < 0.8 * np.median(errors)
    assert "No variation beyond chance" not in said


def test_where_no_variation_beyond_chance_is_estimated_adjustment_is_said_to_change_nothing():
    none, some = (judged(z, std_error=0.1) for z in ([0.0] * 40, np.linspace(-4, 4, 40)))
    said = describe_spread({"denovo": assessed({1: none, 3: some})}, load_params("england")).text
    assert "No variation beyond chance is estimated in de novo, 1 year: the limits adjusted" in said
    said = describe_spread({"denovo": assessed({1: none})}, load_params("england")).text
    assert "is estimated in any of these comparisons: the limits adjusted" in said


def test_predictors_that_too_few_recorded_people_allow_are_named():
    rng = np.random.default_rng(2)
    n = 300
    frame = pd.DataFrame(
        {
            "duration": rng.exponential(1, n),
            "event": 1,
            "unit": [f"U{k % 7}" for k in range(n)],
            "age": rng.normal(70, 9, n),
            "charlson": pd.Categorical(rng.choice(list("0123"), n)),
            "grade": pd.Categorical(rng.choice(list("123"), n), ordered=True),
        }
    )
    frame.loc[np.arange(n) >= 90, "grade"] = None
    case_mix = CaseMix(frame, [frame], ("age", "charlson", "grade"), (), pd.DataFrame())
    # two thresholds, event and hazard for each, the organisation and age make eight; 90 people bear nine
    assert "Grade is imputed from all items but comorbidities" in say_sparse_items(case_mix)
    frame.loc[frame["unit"] > "U3", "grade"] = None
    assert "Fewer than 5 organisations record grade" in say_sparse_items(case_mix)
    assert "For more than 75% of people there is no record of grade." in say_beyond_study(case_mix)
    assert say_beyond_study(replace(case_mix, observed=frame.dropna())) == ""


def test_statuses_that_other_imputations_could_change_are_counted():
    params = load_params("england")
    one, none = (judged([0.0, z]).assign(simulation_error=0.05) for z in (1.9, 1.5))
    assert say_near_limits({"": none}, params) == ""
    assert say_near_limits({"": one}, params).startswith("Imputation draws at random: one organisation is within two ")
    both = say_near_limits({" at 1 year": one, " at 3 years": one, " at 5 years": none}, params)
    assert ": one organisation at 1 year and one organisation at 3 years are within" in both


def test_a_cohort_or_organisation_that_is_not_assessed_says_why():
    assessments = {
        "denovo": assessed({1: judged([0.0, 1.0], n=[50, 9])}),
        "recurrent": assessed({}, "there are no two organisations to compare", "recurrent"),
    }
    laid = tabulate_not_assessed(assessments, {"U01": "Beta"}).frame
    assert laid.to_numpy().tolist() == [
        ["De novo", "1 y", "Beta", "fewer than 10 people"],
        ["Recurrent", "1 y and 3 y", "all", "there are no two organisations to compare"],
    ]
    said = describe_assessments(assessments, load_params("england")).text
    assert "**Recurrent, 1 year and 3 years**: organisations are not compared: there are no two organisations" in said
    assert "**De novo, 3 years**: not compared, since no one has been followed for 3 years." in said
    assert "no alarms and no alerts" in said and "; by chance alone, fewer than 0.1 alarms and " in said
    none = assessed({1: judged([0.0, 1.0], n=[9, 9])})
    said = describe_assessments({"denovo": none}, load_params("england")).text
    assert "No organisation (NHS trust) meets the conditions for assessment." in said and "Among" not in said
    assert (
        "not estimated: this requires at least 20 organisations"
        in describe_spread(assessments, load_params("england")).text
    )


@pytest.mark.parametrize("status", ["ok", "suppressed"])
def test_national_survival_is_neither_said_nor_drawn_where_it_is_suppressed(status):
    nation = survival_results([0.7], [status]).assign(level="nation", unit="wales")
    released = release_checked(pd.concat([survival_results([0.5, 0.8], ["ok", "ok"]), nation], ignore_index=True))
    table, params = judged([0.0, 1.0]).assign(observed=15, std_error=0.05, simulation_error=0.0), load_params("england")
    settled = settle_assessments({"denovo": assessed({1: table})}, released, params)
    said = describe_assessments(settled, params).text
    assert f"national survival is {'70.0%' if status == 'ok' else 'not shown'}." in said and "Among two" in said
    figure = draw_survival_funnels(settled, released, params, alt="Funnels")
    assert ("national value 70%" in figure.alt) == (status == "ok")
    rows = survival_results([np.nan], ["not_derivable"], years=3).assign(level="nation", reason=VALUE_SUPPRESSED)
    settled = settle_assessments({"denovo": assessed({1: table})}, release_checked(rows), params)
    assert (
        "3 years**: not compared, since national survival is not shown." in describe_assessments(settled, params).text
    )
    alone = {"denovo": assessed({}, "national survival at 3 years is 0%")}
    settled = settle_assessments(alone, release_checked(rows), params)
    assert "not compared: national survival is not shown." in describe_assessments(settled, params).text
    # an indicator that is adjusted is compared with the national proportion, which is a result of its own
    rows = pd.DataFrame({"measure": ["mdt_discussion"], "cohort": "denovo", "level": "nation", "group_by": "all"})
    nation = release_checked(rows.assign(status=status, estimate=0.4))
    one = Adjusted("mdt_discussion", "denovo", "provider", table, 0.4, released.frame, "")
    settled = settle_adjusted([one], released, params, SPECIFICATION, nation)
    assert ("40.0% nationally" in describe_adjusted(settled, SPECIFICATION, params).text) == (status == "ok")
    assert bool(collect_panels(settled, released, SPECIFICATION)) == (status == "ok")
    rounded = params.model_copy(update={"disclosure": params.disclosure.model_copy(update={"national": "suppress"})})
    (settled,) = settle_adjusted(
        [one], released, rounded, SPECIFICATION, release_checked(rows.assign(status=status, estimate=0.38))
    )
    assert settled.national == pytest.approx(0.38 if status == "ok" else np.nan, nan_ok=True)


def test_survival_of_every_organisation_stands_in_one_row_per_cohort():
    released = pd.concat(
        [
            survival_results([0.7, np.nan], ["ok", "suppressed"]),
            survival_results([0.5, 0.4], ["ok", "ok"], years=3),
            survival_results([0.55], ["ok"], cohort="recurrent"),
        ],
        ignore_index=True,
    )
    laid = tabulate_adjusted_survival(release_checked(released), {"U00": "Alpha"}, ["denovo", "recurrent"]).frame
    assert laid[["Organisation", "Cohort"]].to_numpy().tolist() == [
        ["Alpha", "De novo"],
        ["Alpha", "Recurrent"],
        ["U01", "De novo"],
    ]
    assert laid["1 year"].tolist() == ["70.0% (60.0% to 80.0%)", "55.0% (45.0% to 65.0%)", "suppressed"]
    assert laid["3 years"].tolist() == ["50.0% (40.0% to 60.0%)", "", "40.0% (30.0% to 50.0%)"]


def test_the_record_says_once_what_is_the_same_throughout():
    tables = {("denovo", 1): judged([3.5, 0.0]), ("recurrent", 1): judged([0.0])}
    made = {"denovo": 10, "recurrent": 12}
    record = record_assessment(tables, make_study(load_params("england"), run_id="england-abc"), imputations=made)
    why = "The policy and what it found."
    laid = tabulate_record(declare_not_counts(record, why)).frame.set_index("Item")
    assert laid.loc["Run"].tolist() == ["england-abc", "", ""]
    assert laid.loc["Imputed data sets"].tolist() == ["", "10", "12"]
    assert laid.columns.tolist() == ["All time points", "De novo, 1 y", "Recurrent, 1 y"]
    assert tabulate_record(declare_not_counts(record.iloc[:0], why)).frame["Item"].tolist() == ["none"]


def test_levels_too_rare_for_a_coefficient_are_named_in_words(released):
    found = Adjusted(
        "death_30d_chemotherapy", "denovo", "u", pd.DataFrame(), 0.4, released.frame, "", ("charlson[3+]",)
    )
    said = describe_rare_levels([found], SPECIFICATION).text
    assert "Comorbidities: 3+ (death within 30 days of the last chemotherapy (de novo))" in said
    assert "finite estimate" not in said and "intercept" not in said
    none = describe_rare_levels([found.__class__(**{**vars(found), "rare": ()})], SPECIFICATION).text
    assert none == "An effect could be estimated for every level of the case mix."


def test_an_assessment_of_which_fewer_than_half_is_shown_is_said_to_be_no_fair_sample():
    table = judged([0.0, 1.0, 2.0, 0.5])
    hidden = table.assign(level=["within"] + ["not_assessed"] * 3, reason=["", SUPPRESSED, SUPPRESSED, SUPPRESSED])
    said = describe_assessments({"denovo": assessed({1: hidden})}, load_params("england")).text
    assert "Of 4 organisations 3 are suppressed. Which are shown depends on their results" in said
    assert "fair sample" not in describe_assessments({"denovo": assessed({1: table})}, load_params("england")).text
