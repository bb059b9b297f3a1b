import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from naome.stats.funnel import midp_tail
from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.risk_adjustment import (
    LARGEST_SHARE,
    LARGEST_SKEWNESS,
    fit_expected,
    poisson_binomial_pmf,
    risk_adjusted_proportion,
    risk_adjusted_survival,
)


def adjust_survival(frame, *, provider, at, minimum_n=10, calibrate=True, **columns):
    """Adjust by a model of the same frame."""
    model = fit_expected(frame, **columns)
    return risk_adjusted_survival(frame, model, provider=provider, at=at, minimum_n=minimum_n, calibrate=calibrate)


def make_patients(seed, n=3000, units=10, hazard_ratio=None):
    rng = np.random.default_rng(seed)
    unit = np.arange(n) % units
    x = rng.normal(np.linspace(-0.5, 0.5, units)[unit], 1)
    site = rng.choice(["bone", "liver", "lung"], n)
    risk = np.exp(0.5 * x + 0.6 * (site == "liver"))
    if hazard_ratio is not None:
        risk = risk * np.asarray(hazard_ratio)[unit]
    death = rng.exponential(2 / risk)
    censoring = rng.uniform(0.5, 4, n)
    return pd.DataFrame(
        {
            "time": np.minimum(death, censoring),
            "dead": death <= censoring,
            "x": x,
            "site": site,
            "unit": [f"U{u}" for u in unit],
        }
    )


ARGUMENTS = {"duration": "time", "event": "dead", "provider": "unit", "covariates": ["x", "site"]}


def test_rows_columns_and_order():
    table = adjust_survival(make_patients(1), at=[2.0, 1.0], **ARGUMENTS)
    assert table.columns.tolist() == [
        *["provider", "time", "n", "n_risk", "observed", "expected", "survival_unadjusted", "survival_expected"],
        *["survival_adjusted", "lower", "upper", "z", "tail_probability", "early_warning_z"],
        *["std_error", "own_share", "skewness", "early_own_share", "status"],
    ]
    assert table["provider"].tolist() == [f"U{u}" for u in range(10) for _ in range(2)]
    assert table["time"].tolist() == [2.0, 1.0] * 10
    one = adjust_survival(make_patients(1), at=1.0, **ARGUMENTS)
    pd.testing.assert_frame_equal(one, table[table["time"] == 1.0].reset_index(drop=True))


def test_calibrated_expectations_are_national():
    frame = make_patients(2)
    table = adjust_survival(frame, at=1.5, **ARGUMENTS)
    assert table["expected"].sum() == pytest.approx(table["observed"].sum())
    single = adjust_survival(frame.assign(unit="all"), at=1.5, **ARGUMENTS).loc[0]
    national = kaplan_meier(frame["time"], frame["dead"], at=1.5)["survival"].iloc[0]
    assert single["survival_adjusted"] == pytest.approx(national, abs=1e-12)
    raw = adjust_survival(frame.assign(unit="all"), at=1.5, calibrate=False, **ARGUMENTS).loc[0]
    assert raw["survival_adjusted"] != pytest.approx(national, abs=1e-6)


def test_adjustment_removes_case_mix_and_finds_the_outlier():
    ratio = np.ones(10)
    ratio[4] = 1.8
    table = adjust_survival(make_patients(3, n=6000, hazard_ratio=ratio), at=1.5, **ARGUMENTS)
    table = table.set_index("provider")
    others = table.drop("U4")
    # unadjusted values follow the case mix; adjusted ones do not
    assert np.corrcoef(others["survival_unadjusted"], np.arange(9))[0, 1] < -0.8
    assert others["survival_adjusted"].std() < others["survival_unadjusted"].std() / 2
    assert table.loc["U4", "z"] > 4
    assert table.loc["U4", "early_warning_z"] > 4
    assert table.loc["U4", "tail_probability"] < 0.001
    assert (others["z"] < 3).all()
    assert ((table["lower"] < table["survival_adjusted"]) & (table["survival_adjusted"] < table["upper"])).all()


def test_adjusted_survival_is_right_when_hazards_are_not_proportional():
    # one unit kills early (hazard doubled for half a year), then does better (0.8); the truth is known
    rng = np.random.default_rng(4)
    n = 60000
    x = rng.normal(size=n)
    risk = 0.35 * np.exp(0.6 * x)
    target = rng.exponential(size=n)
    bad = np.arange(n) < n // 4
    # cumulative hazard of the bad unit: 2 t up to 0.5, then 1 + 0.8 (t - 0.5)
    scaled = target / risk
    death = np.where(bad, np.where(scaled <= 1, scaled / 2, 0.5 + (scaled - 1) / 0.8), scaled)
    censoring = rng.uniform(1.4, 4.4, n)
    frame = pd.DataFrame(
        {"time": np.minimum(death, censoring), "dead": death <= censoring, "x": x, "unit": np.where(bad, "bad", "rest")}
    )
    table = adjust_survival(frame, duration="time", event="dead", provider="unit", covariates=["x"], at=3.0).set_index(
        "provider"
    )
    truth = (death[bad] > 3).mean()  # same case mix everywhere
    by_hazard = kaplan_meier(frame["time"], frame["dead"], at=3.0)["survival"].iloc[0] ** (
        table.loc["bad", "observed"] / table.loc["bad", "expected"]
    )
    assert table.loc["bad", "survival_adjusted"] == pytest.approx(truth, abs=0.01)
    assert abs(by_hazard - truth) > 0.02


def test_status_says_what_cannot_be_said():
    frame = make_patients(5)
    small = frame.iloc[:9].assign(unit="small")
    doomed = frame.iloc[9:29].assign(unit="doomed", time=0.3, dead=True)
    early = frame.iloc[29:49].assign(unit="early", time=np.linspace(0.2, 0.9, 20), dead=[True, False] * 10)
    alive = frame.iloc[49:69].assign(unit="alive", time=1.5, dead=False)
    everyone = pd.concat([frame.iloc[69:], small, doomed, early, alive])
    table = adjust_survival(everyone, at=1.0, **ARGUMENTS).set_index("provider")
    assert table.loc["small", "status"] == "too_few"
    assert table.loc["small", ["survival_adjusted", "lower", "upper", "z", "early_warning_z"]].isna().all()
    unknown = table.loc[["doomed", "early", "alive"]]
    assert unknown["status"].tolist() == ["not_estimable"] * 3
    assert unknown[["survival_adjusted", "lower", "upper"]].isna().all(axis=None)
    assert table.loc["alive", "survival_unadjusted"] == 1 and table.loc["alive", "z"] < -1
    assert table.loc["doomed", "z"] > 3.09  # a unit where everybody died must not escape
    assert table.loc["doomed", "tail_probability"] < 0.001
    assert (table.drop(["small", "doomed", "early", "alive"])["status"] == "ok").all()
    relaxed = adjust_survival(everyone, at=1.0, minimum_n=9, **ARGUMENTS)
    assert "too_few" not in relaxed["status"].tolist()


def test_expected_hazard_is_cut_at_the_horizon_and_respects_entry():
    frame = make_patients(6, n=400).assign(entry=0.05)
    frame = frame[frame["time"] > 0.06]
    model = fit_expected(frame, duration="time", event="dead", covariates=["rcs(x, 4)", "site"], entry="entry")
    whole, cut = model.expected_hazard(frame, np.inf), model.expected_hazard(frame, [1.0, np.inf])
    np.testing.assert_allclose(cut[:, 1], whole)
    assert (cut[:, 0] <= whole + 1e-12).all()
    assert whole.sum() == pytest.approx(frame["dead"].sum())  # no ties here, so Efron is Breslow
    survival = model.expected_survival(frame, [0.5, 1.0, 2.0])
    assert survival.shape == (len(frame), 3)
    assert (np.diff(survival, axis=1) <= 0).all()
    assert model.coefficients.columns.tolist() == ["term", "coef", "std_error", "lower", "upper", "p"]
    assert model.coefficients["term"].tolist() == ["x", "x'", "x''", "site[liver]", "site[lung]"]


def test_without_covariates_it_is_the_plain_curve_against_the_national_one():
    frame = make_patients(12, n=600)
    table = adjust_survival(frame, at=1.0, **{**ARGUMENTS, "covariates": []})
    np.testing.assert_allclose(table["survival_adjusted"], table["survival_unadjusted"], atol=1e-12)


def test_strata_may_be_several_columns():
    frame = make_patients(7, n=600).assign(year=lambda f: np.arange(len(f)) % 2, nation="E")
    both = fit_expected(frame, duration="time", event="dead", covariates=["x"], strata=["nation", "year"])
    one = fit_expected(frame, duration="time", event="dead", covariates=["x"], strata="year")
    np.testing.assert_allclose(both.expected_survival(frame, 1.0), one.expected_survival(frame, 1.0))
    table = adjust_survival(frame, at=1.0, strata="year", **ARGUMENTS)
    assert (table["status"] == "ok").all()


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"x": np.nan}, {}, "covariate 'x' is missing in 3000 of 3000 rows"),
        ({"unit": None}, {}, r"provider\[0\] is missing"),
        ({"dead": 2}, {}, r"event\[0\] is 2"),
        ({}, {"at": 9.0}, "at is 9, beyond the last follow-up"),
        ({}, {"at": 0.0}, "national survival at 0 is 1"),
        ({}, {"provider": "trust"}, "column 'trust' is not in the frame"),
    ],
)
def test_what_is_not_allowed_is_named(change, arguments, message):
    frame = make_patients(8).assign(**change)
    with pytest.raises(ValueError, match=message):
        adjust_survival(frame, **{"at": 1.0, **ARGUMENTS, **arguments})


@given(hnp.arrays(float, st.integers(1, 9), elements=st.floats(0, 1)))
@settings(max_examples=50)
def test_poisson_binomial_by_enumeration(p):
    pmf = np.zeros(len(p) + 1)
    for outcome in range(2 ** len(p)):
        bits = (outcome >> np.arange(len(p))) & 1
        pmf[bits.sum()] += np.prod(np.where(bits, p, 1 - p))
    np.testing.assert_allclose(poisson_binomial_pmf(p), pmf, atol=1e-12)


@given(st.integers(1, 3000), st.floats(0.01, 0.99))
@settings(max_examples=30)
def test_poisson_binomial_of_equal_people_is_binomial(n, p):
    np.testing.assert_allclose(poisson_binomial_pmf(np.full(n, p)), stats.binom.pmf(np.arange(n + 1), n, p), atol=1e-11)


def make_outcomes(seed, n=4000, units=20, shift=None):
    rng = np.random.default_rng(seed)
    unit = np.arange(n) % units
    x = rng.normal(np.linspace(-0.7, 0.7, units)[unit], 1)
    effect = np.zeros(units) if shift is None else shift
    p = 1 / (1 + np.exp(-(0.1 + x + effect[unit])))
    return pd.DataFrame({"dead": (rng.random(n) < p).astype(int), "x": x, "unit": unit})


def test_proportions_add_up_and_stay_inside():
    frame = make_outcomes(1)
    frame.loc[frame["unit"] == 3, "dead"] = 1
    frame.loc[frame["unit"] == 4, "dead"] = 0
    table = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=["x"])
    assert table["expected"].sum() == pytest.approx(table["observed"].sum())
    assert table[["proportion_adjusted", "lower", "upper"]].stack().between(0, 1).all()
    assert (table["lower"] <= table["proportion_adjusted"]).all()
    assert (table["proportion_adjusted"] <= table["upper"]).all()
    assert table.loc[3, ["proportion_adjusted", "upper"]].tolist() == [1, 1]
    assert table.loc[4, ["proportion_adjusted", "lower"]].tolist() == [0, 0]
    assert table.loc[3, "z"] > 5
    assert table.loc[4, "z"] < -5


def test_z_under_the_null_is_standard_normal():
    z = np.concatenate(
        [
            risk_adjusted_proportion(make_outcomes(seed), event="dead", provider="unit", covariates=["x"])["z"]
            for seed in range(40)
        ]
    )
    assert z.mean() == pytest.approx(0, abs=0.1)
    assert z.var() == pytest.approx(1, abs=0.16)  # 800 values: two Monte Carlo errors are 0.1; less 2 estimated terms


def test_coverage_of_the_adjusted_proportion():
    # the target of the odds scale under the null is the national proportion itself
    inside = []
    for seed in range(40):
        frame = make_outcomes(100 + seed)
        table = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=["x"])
        inside.append((table["lower"] <= frame["dead"].mean()) & (frame["dead"].mean() <= table["upper"]))
    assert np.mean(inside) == pytest.approx(0.95, abs=0.025)


def test_limits_use_the_variance_of_people_with_their_own_risks():
    # half die almost surely, half hardly ever: the count varies far less than a binomial at the mean
    rng = np.random.default_rng(7)
    high = np.arange(8000) % 2 == 0
    frame = pd.DataFrame({"dead": rng.random(8000) < np.where(high, 0.95, 0.05), "high": high, "unit": 0})
    frame["unit"] = (np.arange(8000) // 2) % 40
    table = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=["high"])
    width = (table["upper"] - table["lower"]).mean()
    assert width == pytest.approx(2 * 1.96 * np.sqrt(0.95 * 0.05 / 200), rel=0.1)
    assert table["z"].var() == pytest.approx(1, abs=0.5)


def test_a_level_without_events_is_named_and_does_not_stop_the_audit():
    frame = make_outcomes(3, n=600).assign(site=np.where(np.arange(600) % 10 == 0, "rare", "usual"))
    frame.loc[frame["site"] == "rare", "dead"] = 0
    with pytest.warns(UserWarning, match=r"no finite estimate for .*'site\[usual\]'"):
        table = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=["x", "site"])
    usual = frame[frame["site"] == "usual"]
    alone = risk_adjusted_proportion(usual, event="dead", provider="unit", covariates=["x"])
    ours = table.set_index("provider")["expected"].reindex(alone["provider"])
    np.testing.assert_allclose(ours, alone["expected"], atol=1e-4)


@pytest.mark.parametrize("dead", [(0,) * 30, (1,) * 30, (0,) * 15 + (1,) * 15], ids=["none", "all", "both"])
def test_a_provider_with_levels_that_decide_the_outcome_alone_is_not_estimable(dead):
    """Its expected events are practically none, all, or known for each of its people; others keep their values."""
    usual = make_outcomes(5).assign(site="breast")
    there = usual.head(30).assign(dead=dead, unit="Z", site=[f"level {event}" for event in dead])
    shared = there.assign(unit=["Z", "Y"] * 15)
    for rest in (there, shared):
        frame = pd.concat([usual, rest], ignore_index=True)
        with pytest.warns(UserWarning, match="no finite estimate"):
            table = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=["site"])
        table = table.set_index("provider")
        silent = table.loc[sorted(set(rest["unit"]))]
        assert set(silent["status"]) == {"not_estimable"}
        values = ["ratio", "ratio_lower", "ratio_upper", "proportion_adjusted", "lower", "upper", "z"]
        assert silent[[*values, "tail_probability"]].isna().all(axis=None)
        others = table.drop(silent.index)
        assert set(others["status"]) == {"ok"} and others[values].notna().all(axis=None)
        alone = risk_adjusted_proportion(usual, event="dead", provider="unit", covariates=[]).set_index("provider")
        assert others["ratio"].to_numpy() == pytest.approx(alone["ratio"].to_numpy())


def test_a_rare_event_is_estimable_without_any():
    frame = pd.DataFrame({"dead": [1] * 5 + [0] * 4995, "unit": ["A"] * 2000 + ["B"] * 2980 + ["C"] * 20})
    table = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=[]).set_index("provider")
    assert table.loc["C", "status"] == "ok" and table.loc["C", "ratio"] == 0


def test_proportion_status_and_errors():
    frame = make_outcomes(2, n=400)
    frame["unit"] = np.where(np.arange(400) < 5, "small", "rest")
    table = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=["x"]).set_index("provider")
    assert table["status"].to_dict() == {"rest": "ok", "small": "too_few"}
    assert table.loc["small", ["proportion_adjusted", "lower", "upper", "z", "tail_probability"]].isna().all()
    with pytest.raises(ValueError, match="for everyone"):
        risk_adjusted_proportion(frame.assign(dead=0), event="dead", provider="unit", covariates=["x"])
    with pytest.raises(ValueError, match="separates the events"):
        risk_adjusted_proportion(frame.assign(x=frame["dead"] * 2.0), event="dead", provider="unit", covariates=["x"])


@pytest.mark.parametrize(("inside", "elsewhere", "judged"), [(0.3, 0.3, True), (0.8, 0.1, True), (0.98, 0.02, False)])
def test_a_provider_that_decides_its_own_expectation_has_no_score(inside, elsewhere, judged):
    """Seven like providers of 60; the first has most patients with a characteristic that doubles the hazard."""
    rng = np.random.default_rng(6)
    codes, z = np.repeat(np.arange(7), 60), []
    for _ in range(250):
        x = (rng.random(420) < np.where(codes == 0, inside, elsewhere)).astype(int)
        days = np.ceil(rng.exponential(1500 / (1 + x)))
        frame = pd.DataFrame({"t": np.minimum(days, 1300), "d": days <= 1300, "x": x, "unit": codes.astype(str)})
        table = adjust_survival(frame, duration="t", event="d", provider="unit", covariates=["x"], at=1096)
        assert ((table["own_share"] > LARGEST_SHARE) == table["z"].isna()).all()
        assert table["survival_adjusted"].notna().all()
        z.append(table["z"][0])
    if not judged:
        assert np.isnan(z).all()
        return
    # 250 sets: the variance of z has a standard error of 0.09; more than 4 alarms happen once in 400 times
    assert np.var(z) == pytest.approx(1, abs=0.3)
    assert (np.abs(z) > 3.09).sum() <= 4


def test_a_provider_with_few_expected_survivors_or_deaths_has_no_score():
    """Of 40 people, one in two hundred is expected to live: the deaths of a provider cannot be far from expected."""
    rng = np.random.default_rng(7)
    x = np.r_[np.full(40, 1.0), np.full(40, 1.0), np.zeros(360)] + rng.normal(0, 0.1, 440)
    days = np.ceil(rng.exponential(1500 * np.exp(-2 * x)))
    frame = pd.DataFrame({"t": np.minimum(days, 1300), "d": days <= 1300, "x": x})
    frame["unit"] = np.r_[np.repeat("few", 40), np.resize(list("ABCD"), 400)]
    table = adjust_survival(frame, duration="t", event="d", provider="unit", covariates=["x"], at=1096)
    few = table["provider"] == "few"
    assert (table["skewness"].abs() > LARGEST_SKEWNESS).tolist() == few.tolist()
    assert table["z"].isna().tolist() == few.tolist()


def test_limits_of_the_ratio_are_those_of_the_adjusted_proportion_on_another_scale():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"unit": np.repeat(["A", "B", "C"], [40, 60, 90]), "x": rng.normal(size=190)})
    frame["dead"] = (rng.random(190) < 1 / (1 + np.exp(0.8 - frame["x"]))).astype(int)
    table = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=["x"])
    model = table["expected"] / table["n"]

    def logit(p):
        return np.log(p / (1 - p))

    for limit in ("lower", "upper"):
        crude = 1 / (1 + np.exp(-(logit(table[limit]) - logit(frame["dead"].mean()) + logit(model))))
        np.testing.assert_allclose(table[f"ratio_{limit}"], crude / model, rtol=1e-9)
    assert (table["ratio_lower"] < table["ratio"]).all() and (table["ratio"] < table["ratio_upper"]).all()


@pytest.mark.parametrize(("everyone", "others", "events"), [(2000, 100, 80), (2000, 200, 60), (1000, 400, 30)])
def test_a_provider_with_most_of_the_people_is_judged_by_what_the_others_leave(everyone, others, events):
    """Without covariates the count of the others is hypergeometric, and its tails are those of the large provider."""
    for few in range(0, 2 * events * others // everyone):
        dead = np.r_[np.arange(everyone - others) < events - few, np.arange(others) < few].astype(int)
        frame = pd.DataFrame({"dead": dead, "unit": ["large"] * (everyone - others) + ["small"] * others})
        z = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=[])["z"]
        exact = stats.hypergeom(everyone, events, others)
        half = exact.pmf(few) / 2
        expected = -midp_tail(exact.cdf(few - 1) + half, exact.sf(few) + half)[0]
        if abs(expected) < 3.3:  # beyond the limit of alarms, at 3.09, what counts is the side
            assert z[0] == pytest.approx(expected, abs=0.12)
        else:
            assert abs(z[0]) > 3.2 and np.sign(z[0]) == np.sign(expected)


@pytest.mark.parametrize("dead_there", [0, 1])
@pytest.mark.parametrize("rate", [0.05, 0.5, 0.95])
def test_z_is_finite_where_everybody_or_nobody_has_the_event(dead_there, rate):
    """An infinite z has no mean over completed data sets: the provider would not be assessed."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"dead": (rng.random(3000) < rate).astype(int), "unit": np.repeat(list("abcdefghij"), 300)})
    frame.loc[frame["unit"] == "a", "dead"] = dead_there
    table = risk_adjusted_proportion(frame, event="dead", provider="unit", covariates=[])
    assert np.isfinite(table["z"]).all()
    assert np.sign(table["z"][0]) == (1 if dead_there else -1)


def test_early_warning_of_a_few_providers_alike_has_variance_one():
    """Each is a seventh of its own expectation; taken as known, the variance was 0.8."""
    rng = np.random.default_rng(12)
    codes = np.repeat(np.arange(7), [35, 50, 60, 80, 100, 120, 150])
    x, found = rng.normal(size=len(codes)), []
    for _ in range(120):
        death, end = rng.exponential(2 * np.exp(-0.5 * x)), rng.uniform(1, 4, len(codes))
        frame = pd.DataFrame({"t": np.minimum(death, end), "d": death <= end, "x": x, "unit": codes})
        table = adjust_survival(frame, duration="t", event="d", provider="unit", covariates=["x"], at=2.0)
        found.append(table["early_warning_z"])
    # 840 values: a standard error of 0.05
    assert np.var(np.concatenate(found)) == pytest.approx(1, abs=0.13)
    assert table["early_own_share"].sum() == pytest.approx(1, abs=0.4)
