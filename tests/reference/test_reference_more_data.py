"""Other data than Rotterdam against R: lung, mgus2 (delayed entry, competing risks), pbc (strata, providers)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from naome.stats.competing import aalen_johansen
from naome.stats.concordance import concordance
from naome.stats.diagnostics import cox_zph, schoenfeld_residuals
from naome.stats.kaplan_meier import kaplan_meier, median_survival
from naome.stats.risk_adjustment import fit_expected, risk_adjusted_survival
from naome.stats.rubin import pool

DATA = Path(__file__).parent / "data"
MODELS = {
    "lung": {"duration": "time", "event": "died", "covariates": ["age", "sex", "ecog"]},
    "mgus2": {"duration": "end", "event": "death", "entry": "start", "covariates": ["hgb", "creat", "sex"]},
    "pbc": {
        "duration": "time",
        "event": "died",
        "strata": "trt",
        "covariates": ["age", "edema", "lbili", "albumin", "sex"],
    },
}


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    lung = pd.read_csv(DATA / "lung.csv").dropna(subset="ph.ecog").reset_index(drop=True)
    lung = lung.assign(died=lung["status"] == 2, ecog=lung["ph.ecog"].clip(upper=2).astype(int).astype("category"))
    mgus2 = pd.read_csv(DATA / "mgus2.csv").dropna(subset=["hgb", "creat"]).query("futime > 0").reset_index(drop=True)
    mgus2 = mgus2.assign(start=mgus2["age"].astype(float), end=mgus2["age"] + mgus2["futime"] / 12)
    pbc = pd.read_csv(DATA / "pbc.csv")
    pbc = pbc.assign(died=pbc["status"] == 2, lbili=np.log(pbc["bili"]), provider=[f"P{i % 6}" for i in pbc["id"]])
    return {"lung": lung, "mgus2": mgus2, "pbc": pbc}


def follow_up(frames, name: str) -> dict:
    frame, model = frames[name], MODELS[name]
    return {
        "duration": frame[model["duration"]],
        "event": frame[model["event"]],
        "entry": frame[model["entry"]] if "entry" in model else None,
        "group": frame["sex"].astype(str),
    }


@pytest.mark.parametrize("name", ["lung", "mgus2"])
def test_kaplan_meier_and_median(frames, expected, name):
    reference = expected("more_kaplan_meier.csv").query("data == @name")
    times = reference["time"].unique().tolist()
    ours = kaplan_meier(**follow_up(frames, name), at=times)
    assert ours["group"].tolist() == reference["group"].astype(str).tolist()
    values = ["survival", "std_error", "lower", "upper"]
    inside = reference["survival"].between(0, 1, inclusive="neither").to_numpy()  # at 1 and 0 R gives no limits
    np.testing.assert_allclose(ours.loc[inside, values], reference.loc[inside, values], rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours["survival"], reference["survival"], rtol=0, atol=1e-10)
    reference = expected("more_medians.csv").query("data == @name")
    median = median_survival(**follow_up(frames, name))
    np.testing.assert_allclose(
        median[["n", "median", "lower", "upper"]], reference[["n", "median", "lower", "upper"]], rtol=1e-14
    )


def test_ages_that_differ_by_rounding_are_one_age(frames):
    """Without that 38 people's ages would come apart and the tied deaths with them."""
    end = frames["mgus2"]["end"]
    months = frames["mgus2"]["age"] * 12 + frames["mgus2"]["futime"]
    assert end.nunique() > months.nunique()
    years = kaplan_meier(end, frames["mgus2"]["death"], entry=frames["mgus2"]["start"])
    exact = kaplan_meier(months, frames["mgus2"]["death"], entry=frames["mgus2"]["age"] * 12)
    np.testing.assert_allclose(years["time"], exact["time"] / 12, rtol=1e-12)
    np.testing.assert_allclose(years["survival"], exact["survival"], rtol=0, atol=1e-14)
    assert years["n_risk"].tolist() == exact["n_risk"].tolist()


def test_competing_risks(frames, expected):
    frame, reference = frames["mgus2"], expected("more_aalen_johansen.csv")
    cause = np.where(frame["pstat"] == 1, 1, 2 * frame["death"])
    months = np.where(frame["pstat"] == 1, frame["ptime"], frame["futime"])
    ours = aalen_johansen(months, cause, at=[60, 120, 240], group=frame["sex"])
    keys = ["group", "cause", "time"]
    merged = ours.merge(reference, on=keys, suffixes=("", "_r"), validate="1:1")
    assert len(merged) == len(reference) == 12
    np.testing.assert_allclose(merged["cumulative_incidence"], merged["incidence"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(merged["std_error"], merged["std_error_r"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_cox_models_and_expected_survival(frames, expected, name):
    reference = expected("more_cox.csv").query("data == @name")
    model = fit_expected(frames[name], **MODELS[name])
    np.testing.assert_allclose(model.coefficients["coef"], reference["coef"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.coefficients["std_error"], reference["se"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.cox.log_likelihood, reference["loglik"].iloc[0], rtol=1e-10)
    reference = expected("more_expected_survival.csv").query("data == @name")
    ours = model.expected_survival(frames[name].iloc[:4], reference["time"].unique())
    np.testing.assert_allclose(ours.T.ravel(), reference["survival"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("transform", ["km", "rank", "identity", "log"])
@pytest.mark.parametrize("name", MODELS)
def test_proportional_hazards(frames, expected, name, transform):
    reference = expected("more_cox_zph.csv").query("data == @name and transform == @transform")
    ours = cox_zph(frames[name], **MODELS[name], transform=transform)
    np.testing.assert_allclose(ours["chi_squared"], reference["chisq"], rtol=0, atol=1e-6)


def test_concordance(frames, expected):
    reference = expected("more_concordance.csv").loc[0]
    frame = frames["lung"]
    model = fit_expected(frame, **MODELS["lung"])
    ours = concordance(frame["time"], frame["died"], model.cox.linear_predictor(model.design.matrix(frame))).loc[0]
    names = ["concordant", "discordant", "tied_risk"]
    assert ours[names].astype(int).tolist() == reference[names].astype(int).tolist()
    assert ours["concordance"] == pytest.approx(reference["concordance"], abs=1e-12)


def test_scaled_residuals_leave_out_a_stratum_that_says_nothing(frames, expected):
    reference = expected("more_scaled_residuals.csv")
    model = {"duration": "time", "event": "died", "covariates": ["age", "sex"], "strata": "ph.ecog"}
    ours = schoenfeld_residuals(frames["lung"], **model)
    wide = pd.DataFrame({term: part["scaled_residual"].to_numpy() for term, part in ours.groupby("term")})
    wide["time"] = ours.loc[ours["term"] == "age", "time"].to_numpy()
    died_ecog_3 = (frames["lung"]["died"] & (frames["lung"]["ph.ecog"] == 3)).sum()
    assert len(wide) == frames["lung"]["died"].sum() - died_ecog_3
    every_8th = wide.sort_values(["time", "age"], ignore_index=True).iloc[::8]
    names = ["time", "age", "sex"]
    np.testing.assert_allclose(every_8th[names], reference[names], rtol=0, atol=1e-6)


def test_risk_adjusted_survival_with_strata(frames, expected):
    reference = expected("more_providers_pbc.csv").sort_values(["provider", "time"], ignore_index=True)
    model = fit_expected(frames["pbc"], **MODELS["pbc"])
    ours = risk_adjusted_survival(frames["pbc"], model, provider="provider", at=[1000, 2500])
    assert (ours["status"] == "ok").all()
    assert ours["provider"].tolist() == reference["provider"].tolist()
    # R's early warning takes the expectation as known
    ours["early_warning_z"] *= np.sqrt(1 - ours["early_own_share"])
    names = [name for name in reference.columns if name != "provider"]
    np.testing.assert_allclose(ours[names], reference[names], rtol=0, atol=1e-6)


def test_rubins_rules(expected):
    for row in expected("more_pool.csv").itertuples():
        k = np.arange(1, row.m + 1)
        complete = np.inf if np.isnan(row.df_complete) else row.df_complete
        ours = pool(np.sin(k) + 1, 0.3 + np.cos(k) ** 2, complete).loc[0]
        assert ours["estimate"] == pytest.approx(row.estimate, rel=1e-12)
        assert ours["std_error"] ** 2 == pytest.approx(row.total, rel=1e-12)
        assert ours["riv"] == pytest.approx(row.riv, rel=1e-12)
        assert ours["df"] == pytest.approx(row.df, rel=1e-9)
        assert ours["fmi"] == pytest.approx(row.fmi, rel=1e-9)
