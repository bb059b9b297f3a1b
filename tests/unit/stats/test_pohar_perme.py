"""Net survival: its definition by hand, its two limits, and a known excess hazard."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from naome.stats.kaplan_meier import kaplan_meier
from naome.stats.pohar_perme import LifeTable, make_life_table, net_survival, standardise_survival

YEAR = 365.25


def gompertz(level=1.0, years=range(2000, 2021)) -> pd.DataFrame:
    """A population whose mortality doubles every seven years of age, lower in women, falling by 1% a year."""
    cells = pd.MultiIndex.from_product([["female", "male"], range(30, 101), years], names=["sex", "age", "year"])
    frame = cells.to_frame(index=False)
    hazard = 1e-4 * np.exp(0.1 * (frame["age"] - 30)) * np.where(frame["sex"] == "male", 1.4, 1.0)
    return frame.assign(qx=1 - np.exp(-level * hazard * 0.99 ** (frame["year"] - 2000)))


def estimate(duration, event, at, table, *, sex="female", age=60.0, origin="2005-03-01", **more) -> pd.DataFrame:
    n = len(duration)
    whole = [np.broadcast_to(np.asarray(value, dtype=object), n) for value in (sex, age, origin)]
    days = whole[1].astype(float) * YEAR
    return net_survival(
        duration, event, sex=whole[0], age_days=days, start_date=whole[2], life_table=table, at=at, **more
    )


def test_without_other_causes_it_is_kaplan_meier_with_deaths_on_day_0_and_ties():
    rng = np.random.default_rng(1)
    duration, event = rng.integers(0, 400, 300), rng.random(300) < 0.6
    duration[:5], event[:5] = 0, True
    at = [0, 1, 37.5, 200, 399]
    ours = estimate(duration, event, at, make_life_table(gompertz(level=0)))
    theirs = kaplan_meier(duration, event, at=at)
    np.testing.assert_allclose(ours["survival"], theirs["survival"], atol=1e-12)
    assert ours["survival"].iloc[0] < 1
    assert ours["n_risk"].tolist() == theirs["n_risk"].tolist()


def test_a_hazard_that_everybody_shares_divides_survival_by_that_of_the_population():
    """With one sex, age and day of origin all weights are equal: net = Kaplan-Meier / expected survival."""
    rng = np.random.default_rng(2)
    duration, event = rng.integers(1, 1500, 500), rng.random(500) < 0.7
    frame = gompertz(level=30)
    table = make_life_table(frame)
    ours = estimate(duration, event, [365, 1000], table)
    # age 60 on 1 March 2005: each calendar year and each year of age has its own hazard
    days = pd.date_range("2005-03-01", periods=1000)
    ages = (60 * YEAR + np.arange(1000)) // YEAR
    cells = frame[frame["sex"] == "female"].set_index(["age", "year"])["qx"]
    hazard = -np.log(1 - cells.reindex(list(zip(ages, days.year, strict=True))).to_numpy()) / YEAR
    expected = np.exp(-np.array([hazard[:365].sum(), hazard.sum()]))
    observed = kaplan_meier(duration, event, at=[365, 1000])["survival"]
    # a product over days differs from the exponential by the product of both hazards of a day
    np.testing.assert_allclose(ours["survival"], observed / expected, rtol=2e-3)
    assert (expected < 0.95).all()


def test_by_hand_with_two_people_of_different_hazard():
    table = LifeTable(("f", "m"), 60, 2005, np.array([[[0.1]], [[0.2]]]))  # 0.1 and 0.2 a day
    ours = estimate([1, 2, 3], [0, 1, 1], [1, 2, 3], table, sex=["f", "m", "f"])
    # on day 1 nobody dies; weights in the middle of the day
    women, men = np.exp(0.05), np.exp(0.10)
    first = 1 + (2 * women * 0.1 + men * 0.2) / (2 * women + men)
    women, men = np.exp(0.15), np.exp(0.30)
    mean = (women * 0.1 + men * 0.2) / (women + men)
    dead, total = np.exp(0.4), np.exp(0.4) + np.exp(0.2)
    second = first * (1 - dead / total + mean)
    third = second * (1 - 1 + 0.1)
    np.testing.assert_allclose(ours["survival"], [first, second, third], rtol=1e-12)
    np.testing.assert_allclose(ours["std_error"] ** 2, [0, (dead / total) ** 2, (dead / total) ** 2 + 1], rtol=1e-12)


def test_where_nobody_died_the_lower_limit_is_that_of_survival_and_not_certainty():
    table = make_life_table(gompertz(level=30))
    ours = estimate([400] * 20, [0] * 20, [0, 365, 1], table)
    assert ours["survival"].iloc[1] > 1 and ours["std_error"].iloc[1] == 0
    assert ours["lower"].iloc[1] / ours["survival"].iloc[1] == pytest.approx(0.025 ** (1 / 20))
    assert ours["upper"].iloc[1] == ours["survival"].iloc[1]
    assert ours.loc[0, ["survival", "lower", "upper"]].tolist() == [1, 1, 1]
    assert ours["lower"].iloc[2] / ours["survival"].iloc[2] == pytest.approx(0.025 ** (1 / 20))


def test_ages_and_years_beyond_the_table_have_the_nearest_hazard():
    table = make_life_table(gompertz(years=range(2000, 2003)))
    late, last = (estimate([30, 40], [1, 0], [30], table, origin=day) for day in ("2015-03-01", "2002-03-01"))
    pd.testing.assert_frame_equal(late, last)
    old, oldest = (estimate([30, 40], [1, 0], [30], table, age=age) for age in (108.0, 100.0))
    pd.testing.assert_frame_equal(old, oldest)


def test_an_excess_hazard_that_is_known_is_estimated_and_covered():
    """600 people of ages 40 to 90 with an excess hazard of 0.3 a year; 120 replicates.

    Monte Carlo errors: of the mean at three years 0.002, of the coverage 0.02.
    """
    rng = np.random.default_rng(20261128)
    table = make_life_table(gompertz(level=4, years=range(2005, 2006)))  # 0.8% at 60, 6% at 80; the same each year
    at, truth = np.array([1, 3]) * YEAR, np.exp(-0.3 * np.array([1, 3]))
    age = np.repeat(np.linspace(40, 90, 60), 10)
    cells = ((age[:, None] * YEAR + np.arange(1500)) // YEAR).astype(int) - table.first_age
    cumulative = np.cumsum(table.hazard[0, np.clip(cells, 0, 70), 0], axis=1)
    covered, mean, crude = np.zeros(2), np.zeros(2), np.zeros(2)
    for _ in range(120):
        other = (cumulative < rng.exponential(size=600)[:, None]).sum(axis=1) + rng.random(600)
        death = np.ceil(np.minimum(other, YEAR * rng.exponential(1 / 0.3, 600)))
        censored = rng.integers(2 * 365, 4 * 365, 600)
        duration, event = np.minimum(death, censored), death <= censored
        ours = estimate(duration, event, at, table, age=age)
        covered += (ours["lower"] <= truth) & (truth <= ours["upper"])
        mean += ours["survival"] / 120
        crude += kaplan_meier(duration, event, at=at)["survival"] / 120
    assert np.abs(mean - truth).max() < 0.006
    assert (truth - crude > 0.006).all()  # overall survival is not net survival
    assert ((covered / 120 >= 0.90) & (covered / 120 <= 0.99)).all()


def test_standardised_survival_is_the_weighted_mean_with_its_variance():
    table = pd.DataFrame(
        {
            "group": ["a", "b"] * 2,
            "time": [1, 1, 2, 2],
            "survival": [0.8, 0.4, 0.5, 0.1],
            "std_error": [0.1, 0.2, 0.2, 0.5],
        }
    )
    ours = standardise_survival(table, {"a": 25, "b": 75})
    assert ours["survival"].round(12).tolist() == [0.5, 0.2]
    error = np.sqrt((0.25 * 0.8 * 0.1) ** 2 + (0.75 * 0.4 * 0.2) ** 2) / 0.5
    assert ours["std_error"].iloc[0] == pytest.approx(error)
    assert ours["lower"].iloc[0] == pytest.approx(0.5 * np.exp(-1.959963984540054 * error))
    with pytest.raises(ValueError, match=r"groups at time 1 are \['a', 'b'\]; needed once each: \['a', 'b', 'c'\]"):
        standardise_survival(table, {"a": 1, "b": 1, "c": 1})


@pytest.mark.parametrize("column", ["survival", "std_error"])
def test_a_group_without_an_estimate_is_not_left_out_of_the_standard(column):
    table = pd.DataFrame({"group": ["a", "b"], "time": 1.0, "survival": [0.5, 0.6], "std_error": 0.1})
    table.loc[1, column] = np.nan
    with pytest.raises(ValueError, match=f"{column} of group 'b' at time 1 is missing"):
        standardise_survival(table, {"a": 1, "b": 1})


def test_what_is_wrong_is_named():
    table = make_life_table(gompertz())
    with pytest.raises(ValueError, match=r"duration\[1\] is 2.5; net survival needs whole days"):
        estimate([1, 2.5], [1, 1], [1], table)
    with pytest.raises(ValueError, match=r"sex\[0\] is 'unknown'; in the life table: \['female', 'male'\]"):
        estimate([1, 2], [1, 1], [1], table, sex=["unknown", "male"])
    with pytest.raises(ValueError, match="must not be missing"):
        estimate([1, 2], [1, 1], [1], table, age=[np.nan, 60.0])
    frame = gompertz()
    with pytest.raises(
        ValueError, match="sex female, age 45, year 2003 is missing, and 1 in all; needed: each sex, ages 30"
    ):
        make_life_table(frame.drop(frame.query("sex == 'female' and age == 45 and year == 2003").index))
    with pytest.raises(ValueError, match="sex female, age 30, year 2000 is listed more than once"):
        make_life_table(pd.concat([frame, frame.iloc[:1]]))
    with pytest.raises(ValueError, match=r"qx\[0\] is 1; allowed: 0 to less than 1"):
        make_life_table(frame.assign(qx=1.0))
    with pytest.raises(ValueError, match="age must hold whole years"):
        make_life_table(frame.assign(age=frame["age"] + 0.5))
