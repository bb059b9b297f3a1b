"""A run's estimates are compared with lifelines and statsmodels, and a wrong one is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.exceptions import ConvergenceWarning
from statsmodels.duration.hazard_regression import PHReg

from naome.core.errors import EstimateError
from naome.core.paths import project_root
from naome.measures import second_implementation
from naome.measures.casemix.adjust import Assessment
from naome.measures.casemix.prepare import COX, CaseMix
from naome.measures.second_implementation import (
    PRECISE,
    compare_coefficients,
    compare_curves,
    list_curve_people,
    list_model_people,
    list_starts,
    refuse_differences,
)
from naome.measures.study import make_study
from naome.measures.survival import estimate_medians, estimate_survival, survival_curves
from naome.stats.risk_adjustment import fit_expected

# survival of 2,982 people with primary breast cancer, followed for up to 19 years
PEOPLE = pd.read_csv(project_root() / "data" / "open" / "rotterdam.csv")


def assess(frame: pd.DataFrame, covariates: tuple[str, ...], reason: str = "") -> dict[str, Assessment]:
    models = () if reason else (fit_expected(frame, **COX, covariates=list(covariates)),)
    case_mix = CaseMix(frame, [frame], covariates, (), pd.DataFrame())
    return {"denovo": Assessment("denovo", case_mix, {}, {}, pd.DataFrame(), reason, models)}


@pytest.fixture(scope="module")
def assessments():
    frame = pd.DataFrame(
        {
            "duration": PEOPLE["dtime"].astype(float),
            "event": PEOPLE["death"],
            "age": PEOPLE["age"].astype(float),
            "size": pd.Categorical(PEOPLE["size"], ["<=20", "20-50", ">50"]),
            "grade": pd.Categorical(PEOPLE["grade"].astype(str)),
        }
    )
    return assess(frame, ("rcs(age, 4)", "size", "grade"))


@pytest.fixture(scope="module")
def models(assessments):
    return fit_models(assessments)


def fit_models(assessments) -> tuple[dict, dict]:
    """Fit the models as the notebook does."""
    one, other, starts = {}, {}, list_starts(assessments)
    for key, people in list_model_people(assessments).items():
        columns = people.drop(columns=[*COX])
        model = PHReg(people["duration"], columns, status=people["event"], ties="efron")
        other[key] = model.fit(start_params=starts[key])
        scaled = starts[key] * columns.std().to_numpy()
        one[key] = CoxPHFitter().fit(people, "duration", "event", initial_point=scaled, fit_options=PRECISE)
    return one, other


def change_model(assessments, **changes) -> dict[str, Assessment]:
    """Return the assessments with other numbers in the project's own model."""
    each = assessments["denovo"]
    model = each.models[0]
    table = model.coefficients.assign(**{k: v for k, v in changes.items() if k in model.coefficients})
    cox = replace(model.cox, **{k.removeprefix("cox_"): v for k, v in changes.items() if k not in model.coefficients})
    return {"denovo": replace(each, models=(replace(model, coefficients=table, cox=cox),))}


@pytest.fixture(scope="module")
def survival(england, make_people):
    params = england.model_copy(update={"cohorts": ["denovo"]})
    analysis = make_people(
        len(PEOPLE),
        survival_days=PEOPLE["dtime"],
        died=PEOPLE["death"].astype(bool),
        origin_date="2008-01-01",
        grade=PEOPLE["grade"].map({2: "2", 3: "3"}),
    )
    return fit_and_estimate(analysis, params)


def fit_and_estimate(analysis, params) -> tuple:
    """Fit the curves as the notebook does, and make the estimates of its page."""
    study = make_study(params, run_id="r")
    people = list_curve_people(analysis, study)
    fits = {key: KaplanMeierFitter().fit(each["duration"], each["event"]) for key, each in people.items()}
    return fits, analysis, estimate_survival(analysis, study), estimate_medians(analysis, params), study


def test_equal_models_pass(assessments, models):
    compared = refuse_differences(compare_coefficients(*models, assessments))
    assert compared["library"].tolist() == ["lifelines"] * 5 + ["statsmodels"] * 5
    assert compared["values"].tolist() == [12, 6, 36, 1, 2] * 2 and (compared["reason"] == "").all()
    assert (compared["difference"] <= compared["tolerance"] / 50).all()


@pytest.mark.parametrize("term", range(6))
def test_a_coefficient_that_is_off_by_a_thousandth_of_its_standard_error_is_refused(assessments, models, term):
    table = assessments["denovo"].models[0].coefficients
    coef = table["coef"] + 1e-3 * table["std_error"] * (np.arange(6) == term)
    with pytest.raises(EstimateError, match=r"log hazard ratios, in standard errors \(denovo, lifelines\) by 0\.001"):
        refuse_differences(compare_coefficients(*models, change_model(assessments, coef=coef)))


def test_a_wrong_standard_error_and_a_wrong_likelihood_are_refused(assessments, models):
    model = assessments["denovo"].models[0]
    with pytest.raises(EstimateError, match="standard errors, relative"):
        wrong = change_model(assessments, std_error=model.coefficients["std_error"] * 1.001)
        refuse_differences(compare_coefficients(*models, wrong))
    with pytest.raises(EstimateError, match="log likelihood, relative"):
        wrong = change_model(assessments, cox_log_likelihood=model.cox.log_likelihood + 0.01)
        refuse_differences(compare_coefficients(*models, wrong))


def test_a_library_with_another_treatment_of_ties_is_refused(assessments, models):
    people = list_model_people(assessments)["denovo", ()]
    breslow = PHReg(people["duration"], people.drop(columns=["duration", "event"]), status=people["event"]).fit()
    with pytest.raises(EstimateError, match="statsmodels"):
        refuse_differences(compare_coefficients(models[0], {("denovo", ()): breslow}, assessments))


def test_an_estimate_that_is_no_number_is_refused(assessments, models):
    coef = assessments["denovo"].models[0].coefficients["coef"].where(lambda c: c.index != 2)
    with pytest.raises(EstimateError, match="by nan"):
        refuse_differences(compare_coefficients(*models, change_model(assessments, coef=coef)))


def test_without_a_model_the_reason_is_given(assessments):
    frame = assessments["denovo"].case_mix.completed[0]
    none = assess(frame, ("age",), reason="there are too few deaths")
    assert list_model_people(none) == {}
    compared = refuse_differences(compare_coefficients({}, {}, none))
    assert compared[["cohort", "reason"]].values.tolist() == [["denovo", "there are too few deaths"]]


@pytest.mark.filterwarnings("ignore")  # each of the three programs warns in words of its own
def test_a_coefficient_without_a_finite_estimate_is_not_compared_and_said(assessments):
    frame = assessments["denovo"].case_mix.completed[0]
    alive = frame["event"].eq(0) & (np.arange(len(frame)) % 20 == 0)
    never_dies = assess(frame.assign(marker=alive.astype(float)), ("age", "marker"))
    assert "finite" in compare_coefficients(*fit_models(never_dies), never_dies)["reason"].iloc[0]


@pytest.mark.parametrize("factor", [0.5, 0.999, 1.5])
def test_programs_that_start_from_a_wrong_maximum_leave_it(assessments, factor):
    wrong = change_model(assessments, cox_coef=assessments["denovo"].models[0].cox.coef * factor)
    refuse_differences(compare_coefficients(*fit_models(wrong), assessments))
    with pytest.raises(EstimateError, match="log hazard ratios"):
        refuse_differences(compare_coefficients(*fit_models(wrong), wrong))


@pytest.mark.parametrize("amplitude", [1.0, 2.0])
def test_a_steep_hazard_is_compared_where_neither_program_finds_it_from_zero(amplitude):
    """lifelines ends before the maximum; statsmodels has no step at all for the steeper one."""
    random = np.random.default_rng(0)
    x = random.exponential(1, 300)
    survival = np.ceil(random.exponential(500 * np.exp(-amplitude * np.cos(2 * np.pi * np.minimum(x / 3, 1)))))
    frame = pd.DataFrame({"duration": survival.clip(max=800), "event": (survival < 800).astype(int), "x": x})
    steep = assess(frame, ("rcs(x, 4)",))
    (people,) = list_model_people(steep).values()
    with pytest.warns(ConvergenceWarning, match="failed to converge"):
        CoxPHFitter().fit(people, "duration", "event", fit_options=PRECISE)
    compared = refuse_differences(compare_coefficients(*fit_models(steep), steep))
    assert (compared["reason"] == "").all() and len(compared) == 10


def test_a_wrong_coefficient_of_the_model_that_predicts_is_refused(assessments, models):
    cox = assessments["denovo"].models[0].cox
    with pytest.raises(EstimateError, match="log hazard ratios"):
        refuse_differences(compare_coefficients(*models, change_model(assessments, cox_coef=cox.coef * 0.5)))


@pytest.mark.parametrize("factor", [1.001, 1e5])
def test_a_wrong_covariance_of_the_model_that_predicts_is_refused(assessments, models, factor):
    wrong = change_model(assessments, cox_covariance=assessments["denovo"].models[0].cox.covariance * factor)
    with pytest.raises(EstimateError, match="covariances"):
        refuse_differences(compare_coefficients(*models, wrong))


@pytest.mark.parametrize("number", ["n", "n_event"])
def test_a_model_of_another_number_of_people_or_deaths_is_refused(assessments, models, number):
    wrong = change_model(assessments, **{f"cox_{number}": getattr(assessments["denovo"].models[0].cox, number) + 7})
    with pytest.raises(EstimateError, match="people and deaths of the model .* by 7,"):
        refuse_differences(compare_coefficients(*models, wrong))


def test_models_of_earlier_periods_are_compared_too(assessments):
    frame = assessments["denovo"].case_mix.completed[0]
    older = replace(assess(frame.iloc[::2].reset_index(drop=True), ("age",))["denovo"], time_points=(3,))
    both = {"denovo": replace(assessments["denovo"], time_points=(1,), earlier=(older,))}
    fits = fit_models(both)
    compared = refuse_differences(compare_coefficients(*fits, both))
    assert compared["years"].drop_duplicates().tolist() == [(1,), (3,)] and (compared["reason"] == "").all()
    half = change_model({"denovo": older}, cox_coef=older.models[0].cox.coef * 0.5)["denovo"]
    with pytest.raises(EstimateError, match=r"log hazard ratios, in standard errors \(denovo, 3 y, lifelines\)"):
        refuse_differences(
            compare_coefficients(*fits, {"denovo": replace(both["denovo"], earlier=(half,))}),
        )


def test_a_model_without_a_fit_of_a_library_is_an_error(assessments, models):
    for fits in (({}, models[1]), (models[0], {})):
        with pytest.raises(EstimateError, match=r"no fit of (lifelines|statsmodels) for \('denovo', \(\)\)"):
            compare_coefficients(*fits, assessments)


def test_equal_curves_pass(survival):
    compared = refuse_differences(compare_curves(*survival)).set_index("quantity")
    assert compared.loc["survival and limits at the time points", "values"] == 9
    assert compared.loc["survival curve", "values"] > 1000
    assert compared.loc["survival and limits, subgroups", "values"] > 18  # by grade, beside sex and others
    assert (compared["difference"] <= compared["tolerance"] / 1000).all() and (compared["reason"] == "").all()


@pytest.mark.parametrize("column", ["estimate", "lower", "upper"])
def test_a_shown_survival_that_is_wrong_in_the_sixth_place_is_refused(survival, column):
    fits, analysis, estimates, medians, study = survival
    wrong = estimates.copy()
    row = wrong.index[(wrong["measure"] == "survival_3y") & (wrong["group_by"] == "all")]
    wrong.loc[row, column] += 1e-6
    with pytest.raises(EstimateError, match=r"survival and limits at the time points \(denovo, lifelines\) by 1e-06"):
        refuse_differences(compare_curves(fits, analysis, wrong, medians, study))


def test_curves_of_other_people_are_refused(survival):
    fits, analysis, estimates, medians, study = survival
    with pytest.raises(EstimateError, match="survival curve.*limits of the curve"):
        refuse_differences(compare_curves(fits, analysis.iloc[1:], estimates, medians, study))


@pytest.mark.parametrize("column", ["median", "lower", "upper"])
def test_a_median_that_is_a_day_late_is_refused(survival, column):
    fits, analysis, estimates, medians, study = survival
    with pytest.raises(EstimateError, match=r"median and limits, days \(denovo, lifelines\) by 1,"):
        late = medians.assign(**{column: medians[column] + 1})
        refuse_differences(compare_curves(fits, analysis, estimates, late, study))


def test_a_median_on_a_stretch_at_exactly_one_half_is_no_difference(england, make_people):
    params = england.model_copy(update={"cohorts": ["denovo"]})
    days = [100] * 10 + [300] * 10  # half die on day 100, the others on day 300
    given = fit_and_estimate(make_people(20, survival_days=days, died=True), params)
    fit = next(iter(given[0].values()))
    assert fit.median_survival_time_ in (100, 300) and given[3]["median"].iloc[0] == 200
    refuse_differences(compare_curves(*given))


def test_a_median_that_is_not_reached_is_no_difference(england, make_people):
    params = england.model_copy(update={"cohorts": ["denovo"]})
    given = fit_and_estimate(make_people(20, survival_days=[400] * 20, died=[True] * 5 + [False] * 15), params)
    assert given[3]["median"].isna().all()
    compared = compare_curves(*given).set_index("quantity")
    assert compared.loc["median and limits, days", "difference"] == 0


def test_a_cohort_without_people_is_said_and_does_not_stop_the_run(survival):
    fits, analysis, estimates, medians, study = survival
    both = make_study(study.params.model_copy(update={"cohorts": ["denovo", "recurrent"]}), run_id="r")
    compared = refuse_differences(compare_curves(fits, analysis, estimates, medians, both))
    reasons = compared.loc[compared["cohort"] == "recurrent", "reason"].tolist()
    assert reasons == ["there are no people with a time under observation"]


def test_a_cohort_or_subgroup_with_people_and_without_a_fit_is_an_error(survival):
    fits, *rest = survival
    with pytest.raises(EstimateError, match=r"no fit of lifelines for \('denovo', 'all', 'all'\), which has people"):
        compare_curves({}, *rest)
    last = list(fits)[-1]
    with pytest.raises(EstimateError, match=f"no fit of lifelines for .*{last[1]}"):
        compare_curves({key: fit for key, fit in fits.items() if key != last}, *rest)


WHOLE, PARTS = "survival and limits at the time points", "survival and limits, subgroups"


@pytest.mark.parametrize(
    "all_people, changes, quantity",
    [
        (True, lambda rows: {"estimate": 1.0}, WHOLE),
        (True, lambda rows: {"estimate": np.nan}, WHOLE),
        (True, lambda rows: {"estimate": np.nan, "lower": np.nan, "upper": np.nan, "status": "too_few"}, WHOLE),
        (True, lambda rows: {"status": "not_derivable"}, WHOLE),
        (False, lambda rows: {"estimate": rows["estimate"] * 0.9}, PARTS),
        (False, lambda rows: {"status": "too_few"}, PARTS),
        (True, lambda rows: {"denominator": rows["denominator"] + 7}, "people and deaths, .* by 7,"),
        (False, lambda rows: {"numerator": rows["numerator"] + 7}, "people and deaths, .* by 7,"),
    ],
)
def test_every_estimate_that_is_shown_or_should_be_is_compared(survival, all_people, changes, quantity):
    fits, analysis, estimates, medians, study = survival
    rows = (estimates["group_by"] == "all") == all_people
    rows &= estimates["measure"].str.fullmatch(r"survival_\d+y") & (estimates["status"] == "ok")
    wrong = estimates.copy()
    for column, value in changes(estimates[rows]).items():
        wrong.loc[rows, column] = value
    with pytest.raises(EstimateError, match=quantity):
        refuse_differences(compare_curves(fits, analysis, wrong, medians, study))


def test_an_estimate_that_is_shown_from_too_few_people_is_refused(survival):
    fits, analysis, estimates, medians, study = survival
    survival_rule = study.params.survival.model_copy(update={"minimum_at_risk": 2500})
    strict = make_study(study.params.model_copy(update={"survival": survival_rule}), run_id="r")
    with pytest.raises(EstimateError, match=WHOLE):
        refuse_differences(compare_curves(fits, analysis, estimates, medians, strict))


@pytest.mark.parametrize(
    "change, quantity",
    [
        (lambda curve: curve.head(5), "survival curve.*by nan"),
        (lambda curve: curve.assign(n_risk=0), "numbers at risk and deaths of the curve"),
        (lambda curve: curve.assign(n_event=curve["n_event"] + 1), "numbers at risk and deaths of the curve"),
    ],
)
def test_a_curve_that_lacks_times_or_has_other_numbers_is_refused(survival, monkeypatch, change, quantity):
    monkeypatch.setattr(second_implementation, "survival_curves", lambda *given: change(survival_curves(*given)))
    with pytest.raises(EstimateError, match=quantity):
        refuse_differences(compare_curves(*survival))


def test_another_table_of_numbers_at_risk_is_refused(survival, monkeypatch):
    right = second_implementation.numbers_at_risk
    monkeypatch.setattr(
        second_implementation, "numbers_at_risk", lambda *g: right(*g).assign(**{"3 y": lambda t: t["3 y"] + 1})
    )
    with pytest.raises(EstimateError, match="numbers at risk and deaths of the curve"):
        refuse_differences(compare_curves(*survival))


@pytest.mark.parametrize("number", ["people", "deaths", "n_risk"])
def test_other_numbers_beside_the_median_are_refused(survival, number):
    fits, analysis, estimates, medians, study = survival
    with pytest.raises(EstimateError, match="people, deaths and number at risk, median .* by 9,"):
        wrong = medians.assign(**{number: medians[number] + 9})
        refuse_differences(compare_curves(fits, analysis, estimates, wrong, study))
