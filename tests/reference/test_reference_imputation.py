"""Chained equations against the distribution R's mice gives (m = 100; see README.md in this folder)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from naome.stats.cox import fit_cox
from naome.stats.imputation import impute, nelson_aalen
from naome.stats.logistic import fit_logistic
from naome.stats.rubin import pool

HERE = Path(__file__).parent
M = 100


@pytest.fixture(scope="module")
def completed(amputed):
    return impute(amputed, m=M, iterations=10, seed=4711, exclude=["pid"], outcome=("dtime", "death"))


@pytest.fixture(scope="module")
def growth():
    people = pd.read_csv(HERE / "data" / "growth.csv")
    for name in ("five", "six"):
        people[name] = pd.Categorical(people[name], ordered=True)
    return people, impute(people, m=M, iterations=10, seed=4711)


def design(frame: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "agec": frame["agec"],
        "size20-50": frame["size"] == "20-50",
        "size>50": frame["size"] == ">50",
        "grade31": frame["grade3"],
        "erpos1": frame["erpos"],
    }
    columns |= {name: frame[name] for name in ["lpgr", "nodes_c", "hormon", "chemo"]}
    return pd.DataFrame(columns).astype(float)


def test_pooled_cox_model_agrees_with_mice(completed, expected):
    reference = expected("mi_reference_distribution_rotterdam.csv").set_index("term")
    fits = [fit_cox(design(frame), frame["dtime"], frame["death"]) for frame in completed]
    estimates = pd.DataFrame([fit.coef for fit in fits], columns=fits[0].terms)
    pooled = pool(estimates, [np.diag(fit.covariance) for fit in fits], 1272 - 9).set_index("term").loc[reference.index]
    monte_carlo = reference["between_sd"] * np.sqrt(1 / M + 1 / 100)
    assert (np.abs(pooled["estimate"] - reference["mi"]) < 3 * monte_carlo).all()
    np.testing.assert_allclose(pooled["std_error"], reference["mi_se"], rtol=0.06)
    np.testing.assert_allclose(pooled["fmi"], reference["fmi"], atol=0.12)


def test_imputed_margins_agree_with_mice(completed, amputed, expected):
    reference = expected("mi_reference_imputed_margins.csv")["est"].to_numpy()
    checks = [("erpos", 1.0), ("grade3", 1.0), ("lpgr", None), ("size", ">50")]
    for (name, level), value in zip(checks, reference, strict=True):
        gone = amputed[name].isna().to_numpy()
        means = np.array([(f[name] if level is None else f[name] == level)[gone].mean() for f in completed])
        monte_carlo = means.std(ddof=1) * np.sqrt(1 / M + 1 / 100)
        assert abs(means.mean() - value) < 3 * monte_carlo, name


def test_complete_cases_reproduce_the_reference(amputed, expected):
    # checks that mask and design are those of the R script: no chance is involved here
    reference = expected("mi_reference_distribution_rotterdam.csv")
    kept = amputed.dropna()
    fit = fit_cox(design(kept), kept["dtime"], kept["death"])
    np.testing.assert_allclose(fit.coef, reference["complete_case"], atol=1e-6)
    np.testing.assert_allclose(fit.table()["std_error"], reference["cc_se"], atol=1e-6)


def test_a_factor_is_imputed_as_a_whole(completed):
    # trap: statsmodels' MICEData imputes each indicator of a factor on its own and makes impossible rows
    for frame in completed[:3]:
        assert set(frame["size"].unique()) == {"<=20", "20-50", ">50"}
        assert (design(frame)[["size20-50", "size>50"]].sum(axis=1) <= 1).all()


def test_two_level_items_stay_two_level(completed):
    # trap: Gaussian draws for 0/1 items
    assert set(np.unique(completed[0]["erpos"])) == {0.0, 1.0}


def test_nelson_aalen_is_the_plain_sum(rotterdam):
    ours = nelson_aalen(rotterdam["dtime"], rotterdam["death"])
    # by the definition, the slow way, for a few people
    for row in [0, 1000, 2981]:
        times = np.unique(rotterdam.loc[(rotterdam["death"] == 1), "dtime"])
        times = times[times <= rotterdam["dtime"].iloc[row]]
        steps = [
            ((rotterdam["dtime"] == t) & (rotterdam["death"] == 1)).sum() / (rotterdam["dtime"] >= t).sum()
            for t in times
        ]
        assert ours[row] == pytest.approx(sum(steps), abs=1e-12)


@pytest.mark.parametrize("kind", ["augmented", "plain"])
def test_ordered_items_agree_with_mice_where_age_nearly_determines_them(growth, expected, kind):
    # augmented: mice as it is, with weighted people added to every level; plain: without them
    people, done = growth
    for name in ("five", "six"):
        row = expected("mi_reference_ordered.csv").set_index(["kind", "item"]).loc[(kind, name)]
        last = people[name].cat.categories[-1]
        slopes, variances, shares = [], [], []
        for frame in done:
            top = (frame[name] == last).to_numpy()
            coef, covariance = fit_logistic(np.column_stack([np.ones(len(frame)), frame["age"]]), top.astype(int))
            slopes.append(coef[1])
            variances.append(covariance[1, 1])
            shares.append(top[people[name].isna()].mean())
        pooled = pool(slopes, variances).loc[0]
        monte_carlo = np.std(slopes, ddof=1) * np.sqrt(1 / M + 1 / 100)
        assert abs(pooled["estimate"] - row["slope"]) < 3 * monte_carlo, name
        assert abs(np.mean(shares) - row["share_top"]) < 3 * np.std(shares, ddof=1) * np.sqrt(1 / M + 1 / 100), name
        # mice draws no parameters of a model of levels, so its standard errors are a little smaller
        assert 0.95 * row["std_error"] < pooled["std_error"] < 1.3 * row["std_error"]
