"""Every public function takes any of pandas' column types, and says what is wrong with what it cannot take."""

import numpy as np
import pandas as pd
import pytest

from naome.stats.capture_recapture import chapman
from naome.stats.competing import aalen_johansen
from naome.stats.concordance import concordance
from naome.stats.cox import fit_cox
from naome.stats.diagnostics import calibration, calibration_summary, cox_zph
from naome.stats.funnel import binomial_limits, classify, classify_z
from naome.stats.imputation import impute
from naome.stats.intervals import smr, wilson
from naome.stats.kaplan_meier import kaplan_meier, median_survival
from naome.stats.overdispersion import overdispersion
from naome.stats.provider_variation import provider_variation
from naome.stats.pseudo import pseudo_observations
from naome.stats.risk_adjustment import (
    fit_expected,
    poisson_binomial_pmf,
    risk_adjusted_proportion,
    risk_adjusted_survival,
)
from naome.stats.rubin import pool
from naome.stats.spc import xmr_chart


def adjust_survival(frame, *, provider, at, **columns):
    """Adjust by a model of the same frame."""
    model = fit_expected(frame, **columns)
    return risk_adjusted_survival(frame, model, provider=provider, at=at)


def make_frame() -> pd.DataFrame:
    rng = np.random.default_rng(12)
    n = 240
    return pd.DataFrame(
        {
            "t": rng.integers(1, 60, n).astype(float),
            "d": (rng.random(n) < 0.6).astype(int),
            "age": rng.integers(30, 90, n),
            "er": rng.random(n) < 0.7,
            "size": rng.choice(["s", "m", "l"], n),
            "unit": rng.choice(["A", "B", "C"], n),
        }
    )


FRAME = make_frame()
MODEL = {"duration": "t", "event": "d", "covariates": ["age", "er", "size"]}
SURVIVAL = MODEL | {"provider": "unit", "at": 20}
VARIANTS = {
    "nullable": lambda f: f.convert_dtypes(),
    "boolean event": lambda f: f.assign(d=f["d"].astype("boolean"), er=f["er"].astype("boolean")),
    "integer durations": lambda f: f.assign(t=f["t"].astype("Int64"), d=f["d"].astype("Int8")),
    "categories": lambda f: f.assign(size=f["size"].astype("category"), unit=f["unit"].astype("category")),
    "unused categories": lambda f: f.assign(
        unit=pd.Categorical(f["unit"], list("ABCZ")), size=pd.Categorical(f["size"], list("klms"), ordered=True)
    ),
    "objects": lambda f: f.astype(object),
    "repeated index": lambda f: f.set_index(np.zeros(len(f), dtype=int)),
    "shuffled index": lambda f: f.set_index(np.random.default_rng(1).permutation(len(f))),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_type_of_a_column_and_the_index_do_not_matter(name):
    other = VARIANTS[name](FRAME)
    calls = [
        lambda f: adjust_survival(f, **SURVIVAL),
        lambda f: risk_adjusted_proportion(f, event="d", provider="unit", covariates=["age", "er", "size"]),
        lambda f: cox_zph(f, **MODEL),
        lambda f: kaplan_meier(f["t"], f["d"], group=f["unit"]),
        lambda f: aalen_johansen(f["t"], f["d"], group=f["unit"]),
        lambda f: concordance(f["t"], f["d"], f["age"]),
    ]
    for call in calls:
        want, got = call(FRAME), call(other)
        numbers = want.select_dtypes("number").columns
        np.testing.assert_allclose(got[numbers].to_numpy(float), want[numbers].to_numpy(float), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("value", "shown"), [(-1.0, "-1"), (np.nan, "nan"), (np.inf, "inf")])
def test_a_duration_that_is_none_is_named_everywhere(value, shown):
    frame = FRAME.assign(t=FRAME["t"].where(FRAME.index != 7, value))
    t, d = frame["t"], frame["d"]
    for call in [
        lambda: kaplan_meier(t, d),
        lambda: median_survival(t, d),
        lambda: pseudo_observations(t, d, 20),
        lambda: aalen_johansen(t, d),
        lambda: concordance(t, d, frame["age"]),
        lambda: fit_cox(frame[["age"]], t, d),
        lambda: cox_zph(frame, **MODEL),
        lambda: fit_expected(frame, **MODEL),
        lambda: adjust_survival(frame, **SURVIVAL),
    ]:
        with pytest.raises(ValueError, match=rf"duration\[7\] is {shown}; it must be a number >= 0"):
            call()


PREDICTED = np.linspace(0.2, 0.9, len(FRAME))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kaplan_meier([1], [1], at="5y"), r"at\[0\] is '5y'; it must be a number"),
        (lambda: kaplan_meier([1, 2], [1, 1], entry=["x", 0]), r"entry\[0\] is 'x'"),
        (lambda: kaplan_meier([1, 2], [1, 1], entry=pd.Series([0, None], dtype="Int64")), r"entry\[1\] is nan"),
        (lambda: aalen_johansen([1, 2], ["a", "b"]), r"cause\[0\] is 'a'; it must be a number"),
        (lambda: cox_zph(FRAME, **MODEL | {"duration": "days"}), "column 'days' is not in the frame"),
        (lambda: cox_zph(FRAME, **MODEL, strata="nation"), "column 'nation' is not in the frame"),
        (lambda: cox_zph(FRAME, **MODEL, transform="sqrt"), "transform is 'sqrt'; allowed"),
        (lambda: fit_expected(FRAME, **MODEL | {"covariates": None}), "covariates is None; give a list"),
        (lambda: fit_expected(FRAME, **MODEL | {"covariates": [5]}), "covariate 5 is not a column"),
        (
            lambda: fit_expected(FRAME.assign(age=pd.Timestamp("2020-01-01")), **MODEL),
            "covariate 'age' holds dates or time spans",
        ),
        (lambda: fit_expected(FRAME.assign(size=["s", 1] * 120), **MODEL), r"'size' mixes \['int', 'str'\]"),
        (lambda: fit_expected(pd.concat([FRAME, FRAME[["age"]]], axis=1), **MODEL), "'age' is in the frame 2 times"),
        (lambda: fit_expected(pd.concat([FRAME, FRAME[["t"]]], axis=1), **MODEL), "'t' is in the frame 2 times"),
        (lambda: fit_expected(FRAME.assign(d=0), **MODEL), "event is 0 for everyone"),
        (lambda: fit_expected(FRAME, **MODEL).expected_hazard(FRAME[["age", "er", "size"]], 5), "column 't' is not"),
        (lambda: adjust_survival(FRAME, **SURVIVAL | {"provider": "trust"}), "column 'trust' is not"),
        (lambda: adjust_survival(FRAME, **SURVIVAL | {"at": 99}), "at is 99, beyond the last follow-up time 59"),
        (
            lambda: adjust_survival(FRAME.assign(t=5.0, d=1), **SURVIVAL | {"at": 5}),
            "national survival at 5 is 0; there is nothing to adjust",
        ),
        (
            lambda: risk_adjusted_proportion(FRAME.assign(d=1), event="d", provider="unit", covariates=[]),
            "'d' is 1 for",
        ),
        (lambda: poisson_binomial_pmf([0.5, 2]), r"p\[1\] is 2; allowed: 0 to 1"),
        (lambda: calibration(FRAME["t"], FRAME["d"], PREDICTED, at=99), "at is 99, beyond the last follow-up"),
        (lambda: calibration_summary(FRAME["t"], FRAME["d"], PREDICTED, at=99), "at is 99; allowed: above 0, up to"),
        (lambda: wilson([1, 2], [3, 4, 5]), r"lengths differ: \{'x': 2, 'n': 3\}"),
        (lambda: smr([1, 2], [1.0, 2, 3]), "lengths differ"),
        (lambda: smr(1, -1), r"expected\[0\] is -1; it must be a number >= 0"),
        (lambda: classify([1, 2], [3, 4, 5], 0.1), "x has 2 values but n has 3"),
        (lambda: classify([5], [3], 0.1), r"x\[0\] is 5, more than n\[0\] = 3"),
        (lambda: binomial_limits(0.1, 10, 0.025, "exact"), "method is 'exact'; allowed"),
        (lambda: overdispersion([1, 2, 3], [1, 1], 0), r"std_error has shape \(2,\) but y has \(3,\)"),
        (lambda: overdispersion([1, 2, 3], 1.0, np.nan), "target is nan"),
        (lambda: pool([1, 2], [1, 1], -3), "df_complete is -3; it must be a number > 0"),
        (lambda: pool([1, 2], [1, 1], np.nan), "df_complete is nan"),
        (lambda: impute(FRAME, m=1.5, iterations=1, seed=1), "m is 1.5 .* whole numbers"),
        (
            lambda: impute(pd.DataFrame({"a": [1, np.inf, None, 3], "b": [1.0, 2, 3, 5]}), m=1, iterations=1, seed=1),
            "column 'a' holds an infinite value",
        ),
        (
            lambda: impute(pd.concat([FRAME, FRAME[["age"]]], axis=1), m=1, iterations=1, seed=1),
            "'age' is in the frame more than once",
        ),
    ],
)
def test_what_is_not_allowed_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_proportion_does_not_care_where_a_covariate_starts():
    year = FRAME.assign(year=FRAME["age"] / 10 + 2e7)
    arguments = {"event": "d", "provider": "unit"}
    near = risk_adjusted_proportion(FRAME, covariates=["age"], **arguments)
    far = risk_adjusted_proportion(year, covariates=["year"], **arguments)
    np.testing.assert_allclose(far["z"], near["z"], atol=1e-6)


def test_a_median_limit_is_not_read_where_the_curve_has_none():
    """One person who dies says nothing about a lower limit; R prints NA."""
    assert median_survival([3], [1]).loc[0, ["median", "lower", "upper"]].isna().tolist() == [False, True, True]


def test_no_probabilities_make_a_certain_nothing():
    assert poisson_binomial_pmf([]).tolist() == [1.0]


SPANS = [np.timedelta64(1, "D"), np.timedelta64(2, "D")]
TEXT = pd.Series(["1", "2"], dtype="string")
NUMBERS = {
    "wilson": lambda v: wilson(v, [10, 20]),
    "smr": lambda v: smr([1, 2], v),
    "classify": lambda v: classify(v, [10, 20], 0.3),
    "classify_z": lambda v: classify_z(v),
    "binomial_limits": lambda v: binomial_limits(0.3, v, 0.025),
    "overdispersion": lambda v: overdispersion(v, [1.0, 1.0], 0.0),
    "provider_variation": lambda v: provider_variation(v, [10, 20]),
    "xmr_chart": lambda v: xmr_chart(v),
    "aalen_johansen": lambda v: aalen_johansen([1, 2], v),
    "concordance": lambda v: concordance([1, 2], [1, 1], v),
    "calibration_summary": lambda v: calibration_summary([1, 2], [1, 1], v, at=1),
    "pool": lambda v: pool(v, [1.0, 1.0]),
    "kaplan_meier": lambda v: kaplan_meier(v, [1, 1]),
    "fit_cox": lambda v: fit_cox(pd.DataFrame({"x": v}), [1, 2], [1, 1]),
}


@pytest.mark.parametrize("function", NUMBERS)
@pytest.mark.parametrize(
    "values",
    [SPANS, np.array(SPANS), TEXT, ["1", "2"], TEXT.astype("category"), np.array([1 + 0j, 2])],
    ids=["list of spans", "spans", "string", "list of text", "categories of text", "complex"],
)
def test_only_numbers_are_numbers(function, values):
    with pytest.raises(ValueError, match=r"must be a number|holds dates or time spans"):
        NUMBERS[function](values)


def test_what_is_masked_is_missing():
    with pytest.raises(ValueError, match=r"duration\[1\] is nan"):
        kaplan_meier(np.ma.masked_array([1.0, 99.0], mask=[False, True]), [1, 1])


BACKWARDS = {"index": [1, 0]}
ROWS = {
    "wilson": lambda a, b: wilson(a, b),
    "smr": lambda a, b: smr(a, b),
    "classify": lambda a, b: classify(a, b, 0.3),
    "overdispersion": lambda a, b: overdispersion(a, b, 0.0),
    "provider_variation": lambda a, b: provider_variation(a, b),
    "aalen_johansen": lambda a, b: aalen_johansen(a, b),
    "concordance": lambda a, b: concordance(a, [1, 1], b),
    "kaplan_meier": lambda a, b: kaplan_meier(a, [1, 1], group=b),
    "calibration": lambda a, b: calibration(a, [1, 1], b, at=1),
    "fit_cox": lambda a, b: fit_cox(a.to_frame(), b, [1, 1]),
    "pool": lambda a, b: pool(a, b),
}


@pytest.mark.parametrize("function", ROWS)
def test_series_are_not_joined_by_position(function):
    """Rows of one and the other are different people where the indexes differ."""
    one, other = pd.Series([1, 2]), pd.Series([3, 4], **BACKWARDS)
    with pytest.raises(ValueError, match="different indexes"):
        ROWS[function](one, other)


def test_columns_of_estimates_and_variances_are_the_same():
    one = pd.DataFrame({"a": [1.0, 2], "b": [3.0, 4]})
    with pytest.raises(ValueError, match=r"columns \['a', 'b'\] and variances \['b', 'a'\]"):
        pool(one, one[["b", "a"]])


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_a_covariate_of_another_size_is_not_called_constant(size):
    with pytest.raises(ValueError, match="covariate 'x' has values up to .*another unit"):
        fit_cox(pd.DataFrame({"x": np.array([1.0, 2, 4, 3]) * size}), [1, 2, 3, 4], [1, 1, 1, 1])


@pytest.mark.parametrize("level", [95, "0.95", None, np.nan])
@pytest.mark.parametrize(
    "call",
    [lambda c: chapman(10, 10, 5, c), lambda c: wilson(1, 2, c), lambda c: pool([1.0, 2], [1.0, 1], conf_level=c)],
)
def test_a_level_is_between_0_and_1(call, level):
    with pytest.raises(ValueError, match="conf_level is .* between 0 and 1"):
        call(level)
