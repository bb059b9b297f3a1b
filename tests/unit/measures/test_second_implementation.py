"""A run's estimates are compared with lifelines and statsmodels, and a wrong one is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter
from statsmodels.duration.hazard_regression import PHReg

from naome.core.errors import EstimateError
from naome.core.paths import project_root
from naome.measures.casemix.adjust import Assessment
from naome.measures.casemix.prepare import COX, CaseMix
from naome.measures.second_implementation import (
    PRECISE,
    compare_coefficients,
    compare_curves,
    list_model_people,
    refuse_differences,
)
from naome.measures.study import make_study
from naome.measures.survival import estimate_medians, estimate_survival, survival_arrays
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
    people = list_model_people(assessments)["denovo"]
    columns = people.drop(columns=["duration", "event"])
    return (
        {"denovo": CoxPHFitter().fit(people, "duration", "event", fit_options=PRECISE)},
        {"denovo": PHReg(people["duration"], columns, status=people["event"], ties="efron").fit()},
    )


def change_model(assessments, **changes) -> dict[str, Assessment]:
    """Return the assessments with other numbers in the project's own model."""
    each = assessments["denovo"]
    model = each.models[0]
    table = model.coefficients.assign(**{k: v for k, v in changes.items() if k in model.coefficients})
    cox = replace(model.cox, **{k: v for k, v in changes.items() if k == "log_likelihood"})
    return {"denovo": replace(each, models=(replace(model, coefficients=table, cox=cox),))}


@pytest.fixture
def survival(england, make_people):
    params = england.model_copy(update={"cohorts": ["denovo"]})
    analysis = make_people(
        len(PEOPLE), survival_days=PEOPLE["dtime"], died=PEOPLE["death"].astype(bool), origin_date="2008-01-01"
    )
    fits = {}
    for cohort in params.cohorts:
        days, died, _ = survival_arrays(analysis[analysis["cohort"] == cohort])
        fits[cohort] = KaplanMeierFitter().fit(days, died)
    study = make_study(params, run_id="r")
    return fits, analysis, estimate_survival(analysis, study), estimate_medians(analysis, params), params


def test_equal_models_pass(assessments, models):
    compared = refuse_differences(compare_coefficients(*models, assessments))
    assert compared["library"].tolist() == ["lifelines"] * 3 + ["statsmodels"] * 3
    assert compared["values"].tolist() == [6, 6, 1] * 2 and (compared["reason"] == "").all()
    assert (compared["difference"] < compared["tolerance"] / 50).all()


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
        wrong = change_model(assessments, log_likelihood=model.cox.log_likelihood + 0.01)
        refuse_differences(compare_coefficients(*models, wrong))


def test_a_library_with_another_treatment_of_ties_is_refused(assessments, models):
    people = list_model_people(assessments)["denovo"]
    breslow = PHReg(people["duration"], people.drop(columns=["duration", "event"]), status=people["event"]).fit()
    with pytest.raises(EstimateError, match="statsmodels"):
        refuse_differences(compare_coefficients(models[0], {"denovo": breslow}, assessments))


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


@pytest.mark.filterwarnings("ignore:no finite estimate")
def test_a_coefficient_without_a_finite_estimate_is_not_compared_and_said(assessments):
    frame = assessments["denovo"].case_mix.completed[0]
    alive = frame["event"].eq(0) & (np.arange(len(frame)) % 20 == 0)
    never_dies = assess(frame.assign(marker=alive.astype(float)), ("age", "marker"))
    assert list_model_people(never_dies) == {}
    assert "finite" in compare_coefficients({}, {}, never_dies)["reason"].iloc[0]


def test_equal_curves_pass(survival):
    compared = refuse_differences(compare_curves(*survival)).set_index("quantity")
    assert compared.loc["survival and limits at the time points", "values"] == 9
    assert compared.loc["survival curve", "values"] > 1000
    assert (compared["difference"] < compared["tolerance"] / 1000).all()


@pytest.mark.parametrize("column", ["estimate", "lower", "upper"])
def test_a_shown_survival_that_is_wrong_in_the_sixth_place_is_refused(survival, column):
    fits, analysis, estimates, medians, params = survival
    wrong = estimates.copy()
    row = wrong.index[(wrong["measure"] == "survival_3y") & (wrong["group_by"] == "all")]
    wrong.loc[row, column] += 1e-6
    with pytest.raises(EstimateError, match=r"survival and limits at the time points \(denovo, lifelines\) by 1e-06"):
        refuse_differences(compare_curves(fits, analysis, wrong, medians, params))


def test_curves_of_other_people_are_refused(survival):
    fits, analysis, estimates, medians, params = survival
    with pytest.raises(EstimateError, match="survival curve.*limits of the curve"):
        refuse_differences(compare_curves(fits, analysis.iloc[1:], estimates, medians, params))


@pytest.mark.parametrize("column", ["median", "lower", "upper"])
def test_a_median_that_is_a_day_late_is_refused(survival, column):
    fits, analysis, estimates, medians, params = survival
    with pytest.raises(EstimateError, match=r"median and limits, days \(denovo, lifelines\) by 1,"):
        late = medians.assign(**{column: medians[column] + 1})
        refuse_differences(compare_curves(fits, analysis, estimates, late, params))


def test_a_median_on_a_stretch_at_exactly_one_half_is_no_difference(england, make_people):
    params = england.model_copy(update={"cohorts": ["denovo"]})
    days = [100] * 10 + [300] * 10  # half die on day 100, the others on day 300
    analysis = make_people(20, survival_days=days, died=True)
    fit = KaplanMeierFitter().fit(days, [1] * 20)
    medians = estimate_medians(analysis, params)
    assert fit.median_survival_time_ in (100, 300) and medians["median"].iloc[0] == 200
    estimates = estimate_survival(analysis, make_study(params, run_id="r"))
    refuse_differences(compare_curves({"denovo": fit}, analysis, estimates, medians, params))


def test_a_median_that_is_not_reached_is_no_difference(england, make_people):
    params = england.model_copy(update={"cohorts": ["denovo"]})
    analysis = make_people(20, survival_days=[400] * 20, died=[True] * 5 + [False] * 15)
    fit = KaplanMeierFitter().fit([400] * 20, [1] * 5 + [0] * 15)
    medians = estimate_medians(analysis, params)
    assert medians["median"].isna().all()
    estimates = estimate_survival(analysis, make_study(params, run_id="r"))
    compared = compare_curves({"denovo": fit}, analysis, estimates, medians, params).set_index("quantity")
    assert compared.loc["median and limits, days", "difference"] == 0


def test_a_cohort_without_people_is_said_and_does_not_stop_the_run(survival):
    fits, analysis, estimates, medians, params = survival
    both = params.model_copy(update={"cohorts": ["denovo", "recurrent"]})
    compared = refuse_differences(compare_curves(fits, analysis, estimates, medians, both))
    reasons = compared.loc[compared["cohort"] == "recurrent", "reason"].tolist()
    assert reasons == ["there are no people with a time under observation"]
