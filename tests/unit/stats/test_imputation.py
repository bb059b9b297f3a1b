import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import optimize, special

from naome.stats.cox import fit_cox
from naome.stats.imputation import (
    RECORDED_PER_PARAMETER,
    RECORDING_PROVIDERS,
    impute,
    nelson_aalen,
    plan_imputation,
)
from naome.stats.level_models import fit_multinomial, fit_ordered, multinomial_probabilities, ordered_probabilities
from naome.stats.logistic import fit_logistic
from naome.stats.rubin import imputations_needed, pool, pool_scores


def make_frame(seed=1, n=600, share=0.3):
    rng = np.random.default_rng(seed)
    age = rng.normal(60, 10, n)
    er = rng.random(n) < 1 / (1 + np.exp(-(age - 60) / 5))
    grade = np.where(rng.random(n) < 0.3 + 0.3 * ~er, "G3", rng.choice(["G1", "G2"], n))
    size = 20 + 0.5 * (age - 60) + 5 * (grade == "G3") + rng.normal(0, 5, n)
    death = rng.exponential(np.exp(1 - 0.5 * (grade == "G3")), n)
    frame = pd.DataFrame({"id": range(n), "age": age, "er": er.astype(object), "grade": grade, "size": size})
    frame["time"], frame["dead"] = np.minimum(death, 3), death <= 3
    for name in ["er", "grade", "size"]:
        frame.loc[rng.random(n) < share, name] = None
    frame["grade"] = pd.Categorical(frame["grade"], ["G1", "G2", "G3"], ordered=True)
    return frame


def run(frame, **arguments):
    return impute(
        frame, **{"m": 3, "iterations": 4, "seed": 7, "exclude": ["id"], "outcome": ("time", "dead")} | arguments
    )


def test_only_missing_values_change_and_types_stay():
    frame = make_frame()
    for done in run(frame):
        assert done.columns.tolist() == frame.columns.tolist()
        assert done.index.equals(frame.index)
        assert done.notna().all(axis=None)
        for name in frame:
            seen = frame[name].notna()
            assert (done.loc[seen, name] == frame.loc[seen, name]).all()
        assert done["grade"].dtype == frame["grade"].dtype
        assert done["er"].dtype == bool
        assert set(done["er"].unique()) == {True, False}


def test_the_input_is_not_touched_and_any_index_will_do():
    frame = make_frame().set_index(pd.Index(np.arange(600) * 3 % 601))
    before = frame.copy()
    done = run(frame, m=1)[0]
    pd.testing.assert_frame_equal(frame, before)
    assert done.index.equals(frame.index)


def test_a_chain_depends_on_seed_and_number_only():
    frame = make_frame()
    few, many = run(frame, m=2), run(frame, m=3)
    for one, other in zip(few, many, strict=False):
        pd.testing.assert_frame_equal(one, other)
    assert not many[0]["size"].equals(many[1]["size"])
    assert not run(frame, m=1, seed=8)[0]["size"].equals(few[0]["size"])


def test_relations_survive_and_uncertainty_is_not_lost():
    frame = make_frame(n=4000)
    done = run(frame, m=2, iterations=8)[0]
    gone = frame["size"].isna()
    slope = np.polyfit(done.loc[gone, "age"], done.loc[gone, "size"], 1)[0]
    assert slope == pytest.approx(0.5, abs=0.08)
    assert done.loc[gone, "size"].std() == pytest.approx(frame["size"].std(), rel=0.06)  # not regression to the mean
    gone = frame["grade"].isna()
    by_outcome = (done["grade"] == "G3")[gone].groupby(frame.loc[gone, "dead"]).mean()
    assert by_outcome[True] > by_outcome[False] + 0.03  # the outcome is used


def test_delta_shifts_what_was_imputed():
    frame = make_frame(n=2000)
    gone = {name: frame[name].isna() for name in ["size", "er", "grade"]}
    plain = run(frame, m=1, iterations=6)[0]
    moved = run(frame, m=1, iterations=6, delta={"size": 10.0, "er": -3.0, "grade": {"G1": 4.0}})[0]
    assert moved.loc[gone["size"], "size"].mean() - plain.loc[gone["size"], "size"].mean() == pytest.approx(10, abs=2)
    assert moved.loc[gone["er"], "er"].mean() < plain.loc[gone["er"], "er"].mean() - 0.2
    assert (moved["grade"] == "G1")[gone["grade"]].mean() > (plain["grade"] == "G1")[gone["grade"]].mean() + 0.4


def test_differences_between_providers_survive():
    rng = np.random.default_rng(3)
    unit = np.repeat(np.arange(40), 60)
    level = rng.normal(0, 1.0, 40)
    frame = pd.DataFrame({"unit": unit, "x": rng.normal(size=2400), "y": level[unit] + rng.normal(size=2400)})
    frame["positive"] = (rng.random(2400) < 1 / (1 + np.exp(-1.5 * level[unit]))).astype(float)
    for name in ["y", "positive"]:
        frame.loc[rng.random(2400) < 0.4, name] = np.nan
    gone = frame["y"].isna()

    def slope(done, name):
        means = done.loc[frame[name].isna()].groupby("unit")[name].mean()
        truth = level if name == "y" else 1 / (1 + np.exp(-1.5 * level))
        return np.polyfit(truth[means.index], means, 1)[0]

    assert gone.any()
    with_unit = run(frame, m=1, exclude=[], outcome=None, cluster="unit")[0]
    without = run(frame, m=1, exclude=["unit"], outcome=None)[0]
    for name in ["y", "positive"]:
        assert slope(with_unit, name) == pytest.approx(1, abs=0.2)
        assert slope(without, name) < 0.6


def test_the_rest_of_its_case_mix_speaks_for_a_provider_with_few_recorded_values():
    # the provider's mean of 12 recorded values is drawn two thirds of the way to the overall mean; that of age is not
    slopes = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        unit = np.repeat(np.arange(300), 20)
        mix = rng.normal(0, 0.35, 300)
        frame = pd.DataFrame({"unit": unit, "age": rng.normal(mix[unit], 1)})
        frame["liver"] = (rng.random(6000) < 1 / (1 + np.exp(1.5 - mix[unit]))).astype(float)
        gone = rng.random(6000) < 0.4
        frame.loc[gone, "liver"] = np.nan
        plan = plan_imputation(frame, cluster="unit").iloc[0]
        assert plan["means"] == ("age",) and plan["parameters"] == 4
        done = impute(frame, m=5, iterations=2, seed=1, cluster="unit")
        share = pd.concat(each[gone] for each in done).groupby("unit")["liver"].mean()
        slopes.append(np.polyfit(1 / (1 + np.exp(1.5 - mix[share.index])), share, 1)[0])
    error = np.std(slopes, ddof=1) / np.sqrt(4)
    assert error < 0.1
    assert np.mean(slopes) > 0.75


@pytest.mark.parametrize(("recorded", "columns", "means"), [(40, 2, 0), (80, 4, 2), (200, 4, 4)])
def test_means_of_the_provider_are_predictors_where_all_columns_are(recorded, columns, means):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(400, 4)), columns=list("abcd")).assign(unit=np.repeat(np.arange(20), 20))
    y = pd.Series(rng.random(400) < 0.5).astype(float)
    frame["y"] = y.mask(np.arange(400) % (400 // recorded) > 0)
    plan = plan_imputation(frame, cluster="unit").iloc[0]
    assert (plan["recorded"], len(plan["used"]), len(plan["means"])) == (recorded, columns, means)


def test_differences_between_small_providers_are_not_exaggerated():
    # a person's own value must not enter the mean that predicts it: with four people each, the covariance of imputed
    # with recorded values of the same unit would be 0.85 instead of the between-unit variance 0.49
    covariances = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        unit = np.repeat(np.arange(1500), 4)
        y = rng.normal(0, 0.7, 1500)[unit] + rng.normal(size=6000)
        gone = rng.random(6000) < 0.4
        frame = pd.DataFrame({"unit": unit, "x": rng.normal(size=6000), "y": np.where(gone, np.nan, y)})
        done = impute(frame, m=1, iterations=1, seed=1, cluster="unit")[0]
        recorded = frame[~gone].groupby("unit")["y"].mean().reindex(unit[gone]).to_numpy()
        known = ~np.isnan(recorded)
        covariances.append(np.cov(done["y"][gone][known], recorded[known])[0, 1])
    assert np.mean(covariances) == pytest.approx(0.49, abs=0.08)


def test_a_level_that_separates_does_not_blow_up():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"x": rng.normal(size=200)})
    frame["y"] = (frame["x"] > 0).astype(float)
    frame["g"] = np.where(frame["x"] > 1, "c", np.where(frame["x"] > 0, "b", "a"))
    frame.loc[::4, "y"] = np.nan
    frame.loc[1::4, "g"] = None
    done = impute(frame, m=1, iterations=5, seed=1)[0]
    assert ((done["y"] == 1) == (frame["x"] > 0)).mean() > 0.9


def test_text_and_nullable_columns():
    frame = pd.DataFrame(
        {
            "text": ["a", "b", "c", None] * 30,
            "flag": pd.array([True, None, False, True] * 30, dtype="boolean"),
            "whole": pd.array([1, 2, None, 4] * 30, dtype="Int64"),
            "x": np.arange(120.0),
        }
    )
    done = impute(frame, m=1, iterations=2, seed=1)[0]
    assert done.notna().all(axis=None)
    assert set(done["text"]) == {"a", "b", "c"}
    assert done["flag"].dtype == "boolean"


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"time": np.nan}, {}, "the outcome is never imputed"),
        ({"unit": None}, {"cluster": "unit"}, "the provider is never imputed"),
        ({"when": pd.Timestamp("2020-01-01")}, {}, "'when' holds dates"),
        ({"er": None}, {}, "0 distinct recorded"),
        ({}, {"methods": {"size": "pmm"}}, "allowed"),
        ({}, {"methods": {"grade": "normal"}}, "not numeric"),
        ({}, {"methods": {"grade": "logistic"}}, "has 3 levels"),
        ({}, {"exclude": "id"}, "list of column names"),
        ({}, {"delta": {"grades": 1}}, "'grades' is not in the frame"),
        ({}, {"delta": {"grade": 1}}, "dict level"),
        ({}, {"delta": {"grade": {"G4": 1}}}, "G4"),
        ({}, {"m": 0}, "at least 1"),
    ],
)
def test_what_is_not_allowed_is_named(change, arguments, message):
    with pytest.raises(ValueError, match=message):
        run(make_frame().assign(**change), **arguments)


@given(
    st.integers(1, 30).flatmap(
        lambda n: st.tuples(hnp.arrays(float, n, elements=st.integers(0, 9)), hnp.arrays(bool, n))
    )
)
def test_nelson_aalen_adds_up_to_the_deaths(data):
    # the sum of cumulative hazards over everybody is the number of deaths
    duration, event = data
    assert nelson_aalen(duration, event).sum() == pytest.approx(event.sum())


def test_rubins_rules_by_hand():
    q, u, m = np.array([1.0, 1.4, 0.9, 1.1]), np.array([0.10, 0.12, 0.11, 0.09]), 4
    within, between = u.mean(), q.var(ddof=1)
    total = within + 1.25 * between
    row = pool(q, u, 50).loc[0]
    share = 1.25 * between / total
    old, seen = (m - 1) / share**2, 51 / 53 * 50 * (1 - share)
    df = old * seen / (old + seen)
    assert row["estimate"] == pytest.approx(1.1)
    assert row["std_error"] == pytest.approx(np.sqrt(total))
    assert row["df"] == pytest.approx(df)
    assert row["lambda"] == pytest.approx(share)
    riv = 1.25 * between / within
    assert row["riv"] == pytest.approx(riv)
    assert row["fmi"] == pytest.approx((riv + 2 / (df + 3)) / (riv + 1))
    large = pool(q, u).loc[0]
    assert large["df"] == pytest.approx(old)
    assert row["lower"] < large["lower"]


def test_pool_without_between_variance_and_with_names():
    table = pool(pd.DataFrame({"a": [1.0, 1.0], "b": [2.0, 3.0]}), pd.DataFrame({"a": [0.1, 0.1], "b": [0.2, 0.2]}), 20)
    assert table["term"].tolist() == ["a", "b"]
    assert table.loc[0, "lambda"] == 0
    assert table.loc[0, "df"] == pytest.approx(21 / 23 * 20)
    assert np.isinf(pool([1.0, 1.0], [0.1, 0.1]).loc[0, "df"])
    assert pool([1.0, 1.0], [1.0, 1.0]).loc[0, "upper"] == pytest.approx(2.959964, abs=1e-6)


@pytest.mark.parametrize(
    ("q", "u", "message"),
    [([1.0], [1.0], "at least two"), ([1.0, 2.0], [1.0, 0.0], "variance"), ([1.0, 2.0], [1.0], "must agree")],
)
def test_pool_refuses(q, u, message):
    with pytest.raises(ValueError, match=message):
        pool(q, u)


def test_pooled_scores_have_the_spread_that_repeated_imputation_gives():
    """Ten data sets drawn 1,500 times over: the Monte Carlo error stated is the spread of the pooled z."""
    draws = np.random.default_rng(11).normal([0.0, 2.5, -4.0], [0.3, 0.4, 1.0], size=(1500, 10, 3))
    pooled = [pool_scores(each) for each in draws]
    spread = np.std([each["z"] for each in pooled], axis=0)
    stated = np.sqrt(np.mean([each["simulation_error"] ** 2 for each in pooled], axis=0))
    np.testing.assert_allclose(stated, spread, rtol=0.1)


def test_pooled_scores_of_data_sets_that_agree_are_theirs_without_error():
    table = pool_scores([[1.5, -2.0, 0.3]] * 4)
    assert table["z"].tolist() == pytest.approx([1.5, -2.0, 0.3]) and (table["simulation_error"] == 0).all()
    with pytest.raises(ValueError, match="at least two"):
        pool_scores([[1.5, -2.0]])


@pytest.mark.parametrize(
    ("fmi", "needed"), [(0.0, 10), (0.1, 10), (0.14, 14), (0.141, 15), ([0.2, 0.57], 57), (1, 100)]
)
def test_imputations_needed(fmi, needed):
    assert imputations_needed(fmi) == needed


def test_imputations_needed_refuses_a_percentage():
    with pytest.raises(ValueError, match="fmi is 46"):
        imputations_needed(46)


def make_levels(seed=2, n=400):
    rng = np.random.default_rng(seed)
    x, tilt = rng.normal(size=(n, 3)), rng.normal(size=(n, 2))
    codes = np.digitize(x @ [1.0, -0.5, 2.0] + tilt @ [0.5, 0.0] + rng.logistic(size=n), [-2.0, 0.0, 3.0])
    return x, tilt, codes, rng.integers(1, 4, n)


def ordered_likelihood(parameters, x, tilt, codes, weights, penalty):
    logs = np.log(ordered_probabilities(x, tilt, parameters, 4)[np.arange(len(codes)), codes])
    return weights @ logs - penalty * (parameters[3:] ** 2).sum()


@pytest.mark.parametrize("columns", [0, 2])
def test_ordered_levels_are_fitted_at_the_maximum_of_the_penalised_likelihood(columns):
    x, tilt, codes, weights = make_levels()
    tilt = tilt[:, :columns]
    best = fit_ordered(x, tilt, codes, 4, weights=weights, penalty=0.2, gain=1e-13)
    for place in range(len(best)):
        either = [
            ordered_likelihood(best + size * np.eye(len(best))[place], x, tilt, codes, weights, 0.2)
            for size in (-1e-3, 0, 1e-3)
        ]
        assert max(either) == either[1]
        # the slope at the maximum is nothing beside the curvature
        assert abs(either[2] - either[0]) < 0.01 * (2 * either[1] - either[0] - either[2])
    np.testing.assert_allclose(ordered_probabilities(x, tilt, best, 4).sum(axis=1), 1)


def test_whole_weights_are_repeated_people():
    x, tilt, codes, weights = make_levels()
    again = [np.repeat(each, weights, axis=0) for each in (x, tilt, codes)]
    np.testing.assert_allclose(fit_ordered(x, tilt, codes, 4, weights=weights), fit_ordered(*again, 4), atol=1e-5)
    np.testing.assert_allclose(
        fit_multinomial(x, codes, 4, weights=weights), fit_multinomial(again[0], again[2], 4), atol=1e-5
    )


def test_multinomial_levels_are_fitted_at_the_maximum():
    x, _, codes, weights = make_levels()
    chance = multinomial_probabilities(x, fit_multinomial(x, codes, 4, weights=weights), 4)
    short = weights[:, None] * (np.eye(4)[codes] - chance)
    np.testing.assert_allclose(short.sum(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(short.T @ x, 0, atol=1e-4)


def fit_penalised(x, y, penalty):
    """Return the maximum of the log likelihood less `penalty` times the squared slopes, by another search."""
    slopes = np.arange(x.shape[1]) > 0

    def minus(coef):
        eta = x @ coef
        value = np.logaddexp(0.0, eta).sum() - y @ eta + penalty * (coef[slopes] ** 2).sum()
        return value, x.T @ (special.expit(eta) - y) + 2 * penalty * coef * slopes

    return optimize.minimize(minus, np.zeros(x.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-9}).x


def test_two_levels_are_logistic_regression():
    x, _, codes, _ = make_levels()
    codes = (codes > 1).astype(int)
    theirs = fit_penalised(np.column_stack([np.ones(len(x)), x]), codes, 0.3)
    np.testing.assert_allclose(fit_multinomial(x, codes, 2, penalty=0.3), theirs, atol=1e-6)
    ordered = fit_ordered(x, np.zeros((len(x), 0)), codes, 2, penalty=0.3, gain=1e-13)
    np.testing.assert_allclose(ordered, np.r_[-theirs[0], theirs[1:]], atol=1e-6)


@pytest.mark.parametrize("fit", [fit_multinomial, lambda x, *rest: fit_ordered(x, x, *rest)])
def test_a_level_of_nobody_is_refused(fit):
    with pytest.raises(ValueError, match="level 1 of 3 has no one"):
        fit(np.zeros((2, 1)), np.array([0, 2]), 3)


def test_an_ordered_item_keeps_the_shape_of_its_hazard_ratios():
    """A hazard that rises at the last level only: imputed with one slope for survival it would rise at all of them.

    Monte Carlo error over 8 sets of 1,500 people, 40% missing at random, is stated by the spread of the differences.
    """
    found = []
    for number in range(8):
        rng = np.random.default_rng([34, number])
        age = rng.normal(size=1500)
        item = np.digitize(age + rng.logistic(size=1500), [-0.5, 1.0])
        time = rng.exponential(np.exp(-np.array([0, 0, 1.2])[item]))
        frame = pd.DataFrame({"age": age, "item": pd.Categorical(item, ordered=True)})
        frame["time"], frame["dead"] = np.minimum(time, 2), time <= 2
        part = frame.assign(item=frame["item"].where(rng.random(1500) > 0.4))
        done = impute(part, m=4, iterations=3, seed=number, outcome=("time", "dead"))
        found.append(np.mean([hazard_of_middle(each) for each in done]) - hazard_of_middle(frame))
    error = np.std(found, ddof=1) / np.sqrt(8)
    assert error < 0.05
    assert abs(np.mean(found)) < 3 * error


def hazard_of_middle(frame: pd.DataFrame) -> float:
    x = pd.DataFrame({"age": frame["age"], **{f"l{k}": (frame["item"] == k).astype(float) for k in (1, 2)}})
    return float(fit_cox(x, frame["time"], frame["dead"]).coef[1])


def test_ordered_categories_are_imputed_as_ordered_levels():
    frame = make_frame()
    plan = plan_imputation(frame, exclude=["id"], outcome=("time", "dead")).set_index("column")
    assert plan["method"].to_dict() == {"er": "logistic", "grade": "ordered", "size": "normal"}
    # two thresholds, event and hazard for each, age, er and size
    assert plan.loc["grade", "parameters"] == 2 + 2 * 2 + 3
    loose = frame.assign(grade=frame["grade"].cat.as_unordered())
    plan = plan_imputation(loose, exclude=["id"], outcome=("time", "dead")).set_index("column")
    assert plan.loc["grade", ["method", "parameters"]].tolist() == ["multinomial", 2 * (1 + 2 + 3)]


def test_predictors_are_limited_by_recorded_people_strongest_first():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.normal(size=(200, 8)), columns=list("abcdefgh"))
    frame["y"] = (2 * frame["c"] + frame["f"] + rng.normal(size=200) > 0).astype(float)
    frame.loc[40:, "y"] = np.nan
    plan = plan_imputation(frame).iloc[0]
    assert plan["recorded"] == 40 and plan["parameters"] == 40 / RECORDED_PER_PARAMETER
    assert {"c", "f"} < set(plan["used"]) and len(plan["left_aside"]) == 5
    done = impute(frame, m=1, iterations=1, seed=1)[0]
    changed = impute(frame.assign(**{plan["left_aside"][0]: 0.0}), m=1, iterations=1, seed=1)[0]
    pd.testing.assert_series_equal(done["y"], changed["y"])


@pytest.mark.parametrize("recording", [1, 2])
def test_an_item_recorded_by_one_or_two_providers_keeps_its_spread(recording):
    # the provider's mean over its other patients is then a function of the person's own value
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"unit": np.repeat(np.arange(10), 60), "x": rng.normal(size=600)})
    frame["y"] = rng.normal(0, 1.2, 600)
    frame["g"] = pd.Categorical(rng.choice(3, 600, p=[0.43, 0.3, 0.27]), ordered=True)
    gone = frame["unit"] >= recording
    frame.loc[gone, ["y", "g"]] = None
    assert not plan_imputation(frame, cluster="unit")["cluster"].any()
    done = impute(frame, m=20, iterations=5, seed=1, cluster="unit")
    assert np.mean([each["y"][gone].std() for each in done]) == pytest.approx(1.2, rel=0.15)
    shares = np.mean([(each["g"] == 0)[gone].mean() for each in done])
    error = np.sqrt(0.43 * 0.57 / (60 * recording))
    assert abs(shares - 0.43) < 3 * error


def test_the_mean_of_the_provider_needs_five_that_record():
    frame = pd.DataFrame({"unit": np.repeat(np.arange(10), 60), "y": np.random.default_rng(7).normal(size=600)})
    for recording in range(1, 10):
        part = frame.assign(y=frame["y"].mask(frame["unit"] >= recording))
        assert plan_imputation(part, cluster="unit")["cluster"].tolist() == [recording >= RECORDING_PROVIDERS]


def test_draws_keep_an_association_that_nearly_determines_a_level():
    """425 people, 43% of two ordered items missing, levels that follow age closely, as stages of puberty do.

    Draws from a normal approximation lose a third of the slope of the top level on age. Missing at random given age,
    so that the full data are the truth; Monte Carlo error over 12 sets is stated by the spread of the differences.
    """
    differences = []
    for number in range(12):
        rng = np.random.default_rng([33, number])
        age = rng.uniform(8.8, 21.2, 425)
        growth = age + 0.8 * rng.normal(size=425)
        frame = pd.DataFrame({"age": age})
        for name, cuts in {"five": [10.8, 13, 14.2, 16], "six": [10.9, 12.6, 13.4, 15, 17.4]}.items():
            frame[name] = pd.Categorical(np.digitize(growth + rng.logistic(0, 1.05, 425), cuts), ordered=True)
        gone = rng.random(425) < 1 / (1 + np.exp(0.3 - 0.1 * (age - 15)))
        part = frame.mask(np.column_stack([np.zeros(425, bool), gone, gone]))
        part = part.astype(frame.dtypes)
        done = impute(part, m=5, iterations=10, seed=number)
        slopes = [slope_of_top(each, "five") for each in [frame, *done]]
        differences.append(np.mean(slopes[1:]) / slopes[0] - 1)
    error = np.std(differences, ddof=1) / np.sqrt(12)
    assert error < 0.06
    assert abs(np.mean(differences)) < 3 * error


def slope_of_top(frame: pd.DataFrame, name: str) -> float:
    top = (frame[name] == frame[name].cat.categories[-1]).to_numpy()
    return fit_logistic(np.column_stack([np.ones(len(frame)), frame["age"] - 15]), top.astype(int))[0][1]


@pytest.mark.parametrize("start", [None, 4.0, -9.0])
def test_a_penalised_multinomial_fit_is_the_maximum_from_any_start(start):
    """The maximum of the penalised log likelihood by another search; also where the first steps overshoot."""
    from scipy import optimize, special

    rng = np.random.default_rng(6)
    x, codes, penalty = rng.normal(size=(60, 2)), rng.integers(0, 3, 60), 2.0
    design = np.column_stack([np.ones(60), x])

    def minus_penalised(at):
        eta = np.column_stack([np.zeros(60), design @ at.reshape(2, 3).T])
        slopes = at.reshape(2, 3)[:, 1:]
        return (
            penalty * (slopes**2).sum() - (eta - special.logsumexp(eta, axis=1, keepdims=True))[range(60), codes].sum()
        )

    wanted = optimize.minimize(minus_penalised, np.zeros(6), method="BFGS", options={"gtol": 1e-8}).x
    begin = None if start is None else np.full((2, 3), start)
    found = fit_multinomial(x, codes, 3, penalty=penalty, start=begin, gain=1e-12)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(
    "values",
    [
        [2.5, None, 2.5, 2.5],
        ["a", None, "a", None],
        pd.array([True, None, True, True], dtype="boolean"),
        pd.Categorical(["x", None, "x", "x"], ["w", "x"]),
    ],
)
def test_gaps_of_a_column_with_one_recorded_value_are_filled_with_it_and_said(values):
    y = [1.0, 2.0, None, 4.0, 5.0, 6.5, 7.0, 8.0]
    frame = pd.DataFrame({"constant": pd.concat([pd.Series(values)] * 2, ignore_index=True), "y": y})
    with pytest.warns(UserWarning, match="column 'constant': the only recorded value, .* is filled in for its gaps"):
        done = impute(frame, m=2, iterations=3, seed=1)
    without = impute(frame[["y"]], m=2, iterations=3, seed=1)
    for one, other in zip(done, without, strict=True):
        assert one["constant"].notna().all() and one["constant"].nunique() == 1
        assert one["constant"].dtype == frame["constant"].dtype
        assert one["y"].notna().all() and other["y"].notna().all()
    assert plan_imputation(frame)["column"].tolist() == ["y"]


@pytest.mark.parametrize(("offset", "size"), [(0.0, 1.0), (1e9, 1.0), (0.0, 1e200), (0.0, 1e-200), (-2e5, 1e-3)])
def test_a_number_is_imputed_alike_wherever_its_zero_is_and_in_any_unit(offset, size):
    """A ridge on the intercept drew imputed values towards 0: of a number about 1e9 they had a spread of thousands."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"x": rng.normal(size=400)})
    frame["y"] = (frame["x"] + rng.normal(size=400)).where(rng.random(400) > 0.3)
    moved = frame.assign(y=offset + size * frame["y"])
    plain, other = (impute(each, m=2, iterations=3, seed=3) for each in (frame, moved))
    for one, two in zip(plain, other, strict=True):
        found = (two["y"].to_numpy() - offset) / size
        assert found == pytest.approx(one["y"].to_numpy(), rel=1e-6, abs=1e-6)


def test_a_predictor_of_any_size_is_used():
    frame = make_frame()
    plain, other = (impute(each, m=1, iterations=2, seed=3) for each in (frame, frame.assign(age=frame["age"] * 1e150)))
    assert (plain[0]["grade"] == other[0]["grade"]).all()


def test_numbers_kept_as_objects_are_numbers():
    frame = pd.DataFrame({"x": np.arange(200.0), "y": [None if i % 3 == 0 else i / 7 for i in range(200)]})
    frame["y"] = frame["y"].astype(object).where(frame["y"].notna(), None)
    assert plan_imputation(frame)["method"].tolist() == ["normal"]
    assert impute(frame, m=1, iterations=2, seed=1)[0]["y"].astype(float).between(-2, 31).all()


def test_a_column_that_names_people_is_refused():
    frame = pd.DataFrame({"x": np.arange(60.0), "y": [None if i % 3 == 0 else f"person {i}" for i in range(60)]})
    with pytest.raises(ValueError, match="'y' has 40 levels among 40 recorded people"):
        impute(frame, m=1, iterations=1, seed=1)
