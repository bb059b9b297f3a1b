"""Risk adjustment of a cohort: what enters the model, imputation by missing information, pooling."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from naome.core.errors import EstimateError
from naome.measures.casemix import impute, pool, prepare
from naome.measures.casemix.adjust import (
    adjust_proportion,
    assess_cohorts,
    assess_organisations,
    collect_imputations,
    compare_followed,
)
from naome.measures.casemix.alternatives import treat_missing
from naome.measures.casemix.checks import collect_checks
from naome.measures.casemix.impute import complete_case_mix
from naome.measures.casemix.pool import CLOGLOG, LOGIT, pool_tables
from naome.measures.casemix.prepare import list_terms, prepare_case_mix
from naome.measures.study import make_study
from naome.report.pages.risk_adjusted_survival import describe_assessments

#: No older diagnoses
NOBODY = pd.DataFrame({"time_point": []})


@pytest.fixture
def params(england):
    survival = england.survival.model_copy(update={"case_mix": ("age", "grade", "sex"), "horizons_years": (1, 3, 5)})
    return england.model_copy(update={"survival": survival})


@pytest.fixture
def people(make_people):
    def make(n=600, missing=0.0, men=0, seed=1):
        rng = np.random.default_rng(seed)
        grade = rng.integers(1, 4, n)
        age = rng.integers(40, 90, n)
        time = rng.exponential(900 / np.exp(0.03 * (age - 65) + 0.3 * (grade - 2)))
        follow_up = rng.uniform(400, 1500, n)
        sex = np.array(["female"] * n, dtype=object)
        sex[:men] = "male"
        time[:men] = follow_up[:men] + 1  # no man dies
        return make_people(
            n,
            provider=[f"P{k % 12:02d}" for k in range(n)],
            age=age,
            grade=[None if gap else g for g, gap in zip(grade, rng.random(n) < missing, strict=True)],
            sex=list(sex),
            survival_days=np.floor(np.minimum(time, follow_up)).astype(int),
            died=list(time <= follow_up),
        )

    return make


def assess(table, params):
    return assess_organisations(table, make_study(params, run_id="r"), "denovo")


def test_a_level_in_which_nobody_died_is_merged_or_left_out(people, params):
    """Three men who all lived: sex would have an infinite coefficient."""
    case_mix = complete_case_mix(people(men=3), params, "denovo")
    assert case_mix.covariates == ("age", "grade") and case_mix.dropped == ("sex",)
    levels = np.repeat(["a", "b", "c"], 10)
    values = pd.Series(pd.Categorical([*levels, None]))
    died = np.array([1, 0] * 5 + [0] * 10 + [1, 0] * 5 + [1])
    merged = prepare.merge_levels(values, died)
    assert merged[:-1].tolist() == ["a or b"] * 20 + ["c"] * 10 and merged.isna().tolist()[-1]


@pytest.mark.parametrize("deaths", [0, 1, 4, 8, 9])
def test_a_level_of_few_people_is_merged_whatever_became_of_them(deaths):
    """Four of the comorbid all died; were only such levels merged, the name of the merged one would say so."""
    values = pd.Series(pd.Categorical(["0"] * 40 + ["1"] * 40 + ["2+"] * 9, ordered=True))
    died = np.r_[np.tile([0, 1], 40), np.arange(9) < deaths].astype(int)
    assert prepare.merge_levels(values, died).unique().tolist() == ["0", "1 or 2+"]
    enough = pd.concat([values, pd.Series(["2+"])], ignore_index=True).astype(values.dtype)
    assert prepare.merge_levels(enough, np.append(died, 1)).nunique() == (2 if deaths == 9 else 3)


def test_recorded_share_counts_only_items_that_can_be_missing(people, params):
    table = people(missing=0.4)
    case_mix = complete_case_mix(table, params, "denovo")
    own = table["grade"].notna().groupby(table["provider"]).mean()
    np.testing.assert_allclose(case_mix.recorded.set_index("unit")["recorded"], own)
    assert (complete_case_mix(people(), params, "denovo").recorded["recorded"] == 1).all()


def test_nothing_missing_one_data_set(people, params):
    assessment = assess(people(), params)
    assert len(assessment.case_mix.completed) == 1 and assessment.case_mix.needed == 1
    assert (assessment.first["fmi"] == 0).all()


def test_more_missing_information_more_imputations_up_to_the_cap(people, params, monkeypatch):
    monkeypatch.setattr(pool, "imputations_needed", lambda fmi: 14)
    table = people(missing=0.5)
    assessment = assess(table, params)
    assert len(assessment.case_mix.completed) == 14 and assessment.case_mix.needed == 14
    monkeypatch.setattr(pool, "imputations_needed", lambda fmi: 60)
    capped = assess(table, params).case_mix
    assert len(capped.completed) == params.survival.imputations_at_most and capped.needed == 60
    for made, same in zip(assessment.case_mix.completed, capped.completed, strict=False):
        pd.testing.assert_frame_equal(made, same)


def test_horizons_that_nobody_reaches_have_no_table(people, params):
    assessment = assess(people(), params)
    assert list(assessment.tables) == [1, 3]
    row = assessment.results.set_index("measure").loc["survival_5y_adjusted"]
    assert (row["status"], row["reason"]) == ("not_derivable", "No one has been followed for 5 years.")


def _end_within(table, days):
    """Leave those who died within so many days, and nobody else."""
    return table[table["died"].fillna(False) & (table["survival_days"] <= days)].reset_index(drop=True)


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        (lambda t: _end_within(t, 365), ["0%", "0%", "0%"]),
        (lambda t: _end_within(t, 1095), ["", "0%", "0%"]),
        (lambda t: t.assign(survival_days=0, died=True), ["0%", "0%", "0%"]),
        (lambda t: t[t["survival_days"] > 365].assign(died=True), ["100%", "", "0%"]),
        (lambda t: t[t["survival_days"] > 1100].assign(died=True), ["100%", "100%", "0%"]),
        # the last person followed is alive: the curve does not end at zero
        (lambda t: t[t["survival_days"] <= 365].assign(died=lambda f: f["survival_days"] < 365), ["followed"] * 3),
    ],
    ids=["within 1 y", "within 3 y", "on day 0", "after 1 y", "after 3 y", "not followed"],
)
def test_time_points_at_which_all_or_none_survive_are_not_compared(people, params, change, reasons):
    table = people(n=2000)
    table.loc[0, ["survival_days", "died"]] = [365, False]
    assessment = assess(change(table), params)
    rows = assessment.results.set_index("measure")
    assert list(assessment.tables) == [years for years, part in zip((1, 3, 5), reasons, strict=True) if not part]
    for years, part in zip((1, 3, 5), reasons, strict=True):
        at = f"{years} year{'s' * (years > 1)}"
        reason = (
            f"No one has been followed for {at}." if part == "followed" else f"National survival at {at} is {part}."
        )
        if part:
            row = rows.loc[f"survival_{years}y_adjusted"]
            assert (row["status"], row["reason"]) == ("not_derivable", reason)
    assert bool(assessment.reason) == (not assessment.tables)
    said = describe_assessments({"denovo": assessment}, params).text
    assert all(f"survival at {years} y" in said for years, part in zip((1, 3, 5), reasons, strict=True) if "%" in part)


def test_a_time_point_that_complete_cases_do_not_survive_to_is_left_out_of_their_comparison(people, params):
    """Everyone with a recorded grade is dead by year 3, and those without are not."""
    table = people(n=2000, missing=0.4)
    recorded = table["grade"].notna() & (table["survival_days"] > 500)
    table.loc[recorded, ["survival_days", "died"]] = [500, True]
    assessment = assess(table, params)
    treated = treat_missing(assessment, params)
    assert list(assessment.tables) == [1, 3]
    assert set(treated["Complete cases"].table["time"]) == {365.25}


def test_too_few_deaths_say_so(people, params):
    assessment = assess(people(n=20), params)
    assert assessment.reason == "a case-mix model of 1 coefficient is not fitted to fewer than 15 deaths"
    results = assessment.results
    assert results["measure"].tolist() == [f"survival_{years}y_adjusted" for years in (1, 3, 5)]
    assert set(results["status"]) == {"not_derivable"} and set(results["reason"]) == {f"A{assessment.reason[1:]}."}
    assert assessment.first.empty and assessment.models == ()


def test_pooling_keeps_what_has_no_place_on_the_scale():
    """An organisation where everybody lived is 1 in every data set and stays 1, its z pooled all the same."""
    tables = [
        pd.DataFrame(
            {
                "survival_adjusted": [0.6 + shift, 1.0],
                "lower": [0.5 + shift, 0.8],
                "upper": [0.7 + shift, 1.0],
                "z": [0.5, -1.0],
            }
        )
        for shift in (-0.01, 0.0, 0.01)
    ]
    pooled = pool_tables(tables, "survival_adjusted", CLOGLOG)
    assert pooled["survival_adjusted"].tolist() == [pytest.approx(0.6, abs=1e-3), 1.0]
    assert pooled["upper"].iloc[1] == 1.0 and pooled["z"].tolist() == [0.5, -1.0]
    assert 0 < pooled["fmi"].iloc[0] < 1 and np.isnan(pooled["fmi"].iloc[1])
    assert pooled["lower"].iloc[0] < 0.5 + 0.005


def test_what_one_data_set_cannot_estimate_is_not_estimated():
    columns = ["ratio", "ratio_lower", "ratio_upper", "proportion_adjusted", "lower", "upper", "z"]
    known = pd.DataFrame({name: [0.4, 0.5] for name in columns} | {"status": "ok", "n": 30})
    known = known.assign(observed=[4, 5], expected=[10.0, 10.0], lower=[0.2, 0.3], upper=[0.6, 0.7])
    unknown = known.copy()
    unknown.loc[1, columns], unknown.loc[1, "status"] = np.nan, "not_estimable"
    for tables in ([known, unknown], [unknown, known]):
        pooled = pool_tables(tables, "proportion_adjusted", LOGIT)
        assert pooled["status"].tolist() == ["ok", "not_estimable"]
        assert pooled.loc[0, columns].notna().all() and pooled.loc[1, columns].isna().all()


def test_uncertain_case_mix_makes_alarms_rarer():
    def table(z):
        return pd.DataFrame({"survival_adjusted": [0.5], "lower": [0.4], "upper": [0.6], "z": [z]})

    agreed = pool_tables([table(3.2)] * 5, "survival_adjusted", CLOGLOG)["z"].iloc[0]
    unsure = pool_tables([table(3.2 + d) for d in (-0.5, -0.2, 0.0, 0.2, 0.5)], "survival_adjusted", CLOGLOG)["z"].iloc[
        0
    ]
    assert agreed == pytest.approx(3.2)
    assert unsure == pytest.approx(3.2 / np.sqrt(1 + 6 / 5 * 0.145))  # the variance of the five is 0.58 / 4


def test_a_bad_organisation_is_found_on_an_indicator(people, params):
    """One organisation in twelve has thrice the odds of the outcome."""
    table = people(n=3000, missing=0.3)
    rng = np.random.default_rng(3)
    odds = np.where(table["provider"] == "P05", np.log(3), 0.0) - 1.2
    positive = rng.random(len(table)) < expit(odds)
    judged = adjust_proportion(table, np.ones(len(table), bool), positive, "provider", params, higher_is="worse")
    worst = judged.set_index("unit").loc["P05"]
    assert (worst["level"], worst["direction"]) == ("alarm", "worse")
    assert (judged["level"] == "alarm").sum() == 1


def recurrences(table: pd.DataFrame, days) -> pd.DataFrame:
    return table.assign(
        cohort=pd.Series(["recurrent"] * len(table), dtype="string"),
        diagnosis_to_metastatic_days=pd.array(days, dtype="Int64"),
    )


def test_time_since_diagnosis_is_case_mix_of_recurrence_alone(people, params):
    """De novo, the time to metastasis is the future: whoever died early has none. It must not reach that model."""
    table = people()
    days = np.random.default_rng(4).integers(365, 2500, len(table))
    later = recurrences(table, days)
    case_mix = complete_case_mix(later, params, "recurrent")
    assert case_mix.covariates[-1] == "rcs(years_since_diagnosis, 4)"
    np.testing.assert_allclose(case_mix.observed["years_since_diagnosis"], days / 365.25)
    both = pd.concat([table.assign(diagnosis_to_metastatic_days=days), later], ignore_index=True)
    before = assess(table, params)
    after = assess(both, params)
    assert not any("years_since_diagnosis" in term for term in list_terms(params, "denovo"))
    pd.testing.assert_frame_equal(before.tables[1], after.tables[1])


def test_a_spline_whose_knots_coincide_is_a_straight_line(people, params):
    """Nearly all recurrences at two years: the quantiles of four knots fall on one value."""
    days = np.where(np.arange(600) % 50 == 0, 1500, 730)
    case_mix = complete_case_mix(recurrences(people(), days), params, "recurrent")
    assert case_mix.covariates[-1] == "years_since_diagnosis"


def test_what_was_imputed_is_used_again_and_nothing_else(people, params, monkeypatch):
    table = people(missing=0.4)
    first = assess(table, params)
    imputed = collect_imputations({"denovo": first})
    assert len(imputed) == table["grade"].isna().sum() * len(first.case_mix.completed)
    monkeypatch.setattr(impute, "impute", lambda *_, **__: pytest.fail("imputed again"))
    again = assess_organisations(table, make_study(params, run_id="r"), "denovo", imputed=imputed)
    for one, other in zip(first.case_mix.completed, again.case_mix.completed, strict=True):
        pd.testing.assert_frame_equal(one, other)
    pd.testing.assert_frame_equal(first.results, again.results)
    assert again.case_mix.needed == first.case_mix.needed
    with pytest.raises(ValueError, match="fill .* gaps, the analysis table has"):
        complete_case_mix(table.iloc[10:], params, "denovo", imputed=imputed)
    with pytest.raises(ValueError, match="no imputed values of the denovo cohort"):
        complete_case_mix(table, params, "denovo", imputed=imputed.iloc[:0])
    assert collect_imputations({"denovo": assess(people(), params)}).empty


def test_every_cohort_is_assessed_or_says_why(people, params):
    table = people()
    both = pd.concat([table, recurrences(table, [800] * len(table))], ignore_index=True)
    found = assess_cohorts(both, NOBODY, make_study(params, run_id="r"))
    assert list(found) == ["denovo", "recurrent"] and not any(each.reason for each in found.values())
    assert set(found["recurrent"].results["cohort"]) == {"recurrent"}
    one = params.model_copy(
        update={"cohorts": ("denovo",), "not_derivable": {"survival.recurrent": "There are no admissions."}}
    )
    found = assess_cohorts(table, NOBODY, make_study(one, run_id="r"))
    assert found["recurrent"].reason == "There are no admissions" and found["recurrent"].first.empty
    assert set(found["recurrent"].results["status"]) == {"not_derivable"}
    silent = one.model_copy(update={"not_derivable": {}})
    assert (
        assess_cohorts(table, NOBODY, make_study(silent, run_id="r"))["recurrent"].reason
        == "This run has no recurrent cohort"
    )


@pytest.mark.parametrize("unit", ["provider", "diagnosis_year"])
def test_nobody_and_hardly_anybody_is_said_and_not_an_error(people, params, make_people, unit):
    swapped = params.model_copy(update={"survival": params.survival.model_copy(update={"unit": unit})})
    for table in (people(n=12), make_people(0), people(n=12).assign(provider=pd.NA, diagnosis_year=2019)):
        found = assess_cohorts(table, NOBODY, make_study(swapped, run_id="r"))
        assert all(each.reason for each in found.values())
        assert all((each.results["status"] == "not_derivable").all() for each in found.values())


def test_years_may_stand_for_organisations(people, params):
    """Where there are none, as in public data: the unit is a number and becomes a label."""
    table = people().assign(provider=pd.NA)
    table["diagnosis_year"] = pd.array(2016 + np.arange(len(table)) % 4, dtype="Int64")
    by_year = params.model_copy(update={"survival": params.survival.model_copy(update={"unit": "diagnosis_year"})})
    assert assess(table, by_year).first["unit"].tolist() == ["2016", "2017", "2018", "2019"]


def test_the_logistic_companion_chooses_by_date_and_never_by_outcome(people, params):
    """Follow-up ends in June 2023: only origins in January 2020 can be followed for three years."""
    table = people(n=2400, seed=2)
    late = np.arange(len(table)) % 2 == 1
    table["origin_date"] = np.where(late, np.datetime64("2022-01-01"), np.datetime64("2020-01-01"))
    # the end of follow-up cuts what survival there was
    room = np.where(late, 516, 1247)
    cut = table["survival_days"].to_numpy() > room
    table["survival_days"] = np.minimum(table["survival_days"].to_numpy(), room)
    table["died"] = table["died"].to_numpy() & ~cut
    case_mix = complete_case_mix(table, params, "denovo")
    three = compare_followed(case_mix, 3, params)
    lost = (~table["died"] & (table["survival_days"] < 3 * 365.25) & ~late).sum()
    assert three["logistic_n"].sum() == (~late).sum() - lost
    assert (
        compare_followed(case_mix, 1, params)["logistic_n"].sum()
        == len(table) - (~table["died"] & (table["survival_days"] < 365.25)).sum()
    )
    one = assess(table, params).tables[1]
    assert np.corrcoef(one["z"], one["logistic_z"])[0, 1] > 0.97


def test_ratios_are_pooled_about_the_mean_expectation():
    """Expected 10 and 12.5 for 10 deaths: 10 / 11.25, and limits wider than either data set's on the log scale."""
    tables = [
        pd.DataFrame(
            {
                "observed": [10, 0],
                "expected": [e, 2.0],
                "ratio": [10 / e, 0.0],
                "ratio_lower": [5 / e, 0.0],
                "ratio_upper": [18 / e, 1.7],
                "proportion_adjusted": [0.2, 0.0],
                "lower": [0.1, 0.0],
                "upper": [0.3, 0.2],
                "z": [0.0, -1.0],
            }
        )
        for e in (10.0, 12.5)
    ]
    pooled = pool_tables(tables, "proportion_adjusted", pool.LOGIT)
    assert pooled["ratio"].tolist() == [pytest.approx(10 / 11.25), 0.0]
    # the mean end of the two intervals, and the variance of log 10 and log 12.5, which is log(1.25) ** 2 / 2
    extra = 1.959963984540054**2 * 3 / 2 * np.log(1.25) ** 2 / 2
    centre, expected = np.log(10 / 11.25), np.log(10 * 12.5) / 2
    below = np.hypot(centre - (np.log(5) - expected), np.sqrt(extra))
    above = np.hypot(np.log(18) - expected - centre, np.sqrt(extra))
    assert np.log(pooled.loc[0, "ratio_lower"]) == pytest.approx(centre - below)
    assert np.log(pooled.loc[0, "ratio_upper"]) == pytest.approx(centre + above)
    assert pooled.loc[1, ["ratio_lower", "ratio_upper"]].tolist() == [0.0, pytest.approx(1.7)]


def test_a_time_point_beyond_the_audit_period_is_assessed_on_older_diagnoses(people, params):
    """Deaths are complete to June 2023: three and five years need diagnoses before the audit period."""
    now, old = people(seed=1), people(n=900, missing=0.3, seed=2)
    old = old.assign(survival_days=old["survival_days"] * 2)
    earlier = pd.concat([old.assign(time_point=3), old.iloc[:300].assign(time_point=5)])
    one = params.model_copy(update={"cohorts": ("denovo",)})
    found = assess_cohorts(now, earlier, make_study(one, run_id="r"))["denovo"]
    assert [part.time_points for part in found.parts] == [(1,), (3,), (5,)]
    assert list(found.tables) == [1] and list(found.earlier[0].tables) == [3]
    assert len(found.case_mix.observed) == 600 and len(found.earlier[0].case_mix.observed) == 900
    assert found.earlier[0].period == params.comparison_period(3)
    shown = found.results[found.results["level"] == "provider"].groupby("measure")["denominator"].sum()
    assert shown["survival_1y_adjusted"] == 600 and shown["survival_3y_adjusted"] == 900
    nation = found.results[found.results["level"] == "nation"].set_index("measure")
    for part, years in zip(found.parts, (1, 3), strict=False):
        row, frame = nation.loc[f"survival_{years}y_adjusted"], part.case_mix.observed
        assert row["estimate"] == part.national[years] and row["lower"] < row["estimate"] < row["upper"]
        assert row["denominator"] == len(frame) == shown[f"survival_{years}y_adjusted"]
        assert row["numerator"] == ((frame["event"] == 1) & (frame["duration"] <= 365.25 * years)).sum()
    imputed = collect_imputations({"denovo": found})
    assert set(imputed["time_point"]) == {3, 5}
    again = assess_cohorts(now, earlier, make_study(one, run_id="r"), imputed=imputed)["denovo"]
    pd.testing.assert_frame_equal(found.results, again.results)
    # and each model is compared with others on its own people
    checked = collect_checks(found, one)
    assert set(checked.others["Time point"]) == {"1 y", "3 y", "5 y"}
    assert set(checked.treatments["Time point"]) == {"3 y", "5 y"}  # nothing is missing in the audit period
    assert checked.treatments.set_index("Time point").loc["3 y", "People"].max() == 900


def test_without_older_diagnoses_the_later_time_points_say_so(people, params):
    one = params.model_copy(update={"cohorts": ("denovo",)})
    found = assess_cohorts(people(), NOBODY, make_study(one, run_id="r"))["denovo"]
    late = found.results[found.results["measure"] == "survival_5y_adjusted"]
    assert late["status"].tolist() == ["not_derivable"]
    assert late["reason"].str.contains("followed for 5 years").all()


def test_a_case_mix_item_that_names_the_organisations_is_refused(people, params):
    table = people()
    table["trust_like"] = "Trust " + table["provider"]
    survival = params.survival.model_copy(update={"case_mix": ("age", "trust_like")})
    named = params.model_copy(update={"survival": survival})
    with pytest.raises(EstimateError, match="'trust_like' has one value for each organisation"):
        prepare_case_mix(table, named, "denovo")
    table.loc[0, "trust_like"] = "Trust P05"  # no longer a name: two organisations share it
    assert "trust_like" in prepare_case_mix(table, named, "denovo").covariates
