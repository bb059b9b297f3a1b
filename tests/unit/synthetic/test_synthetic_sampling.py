"""The sampling primitives: totals fixed by design, every person keeping the chance they were given."""

from __future__ import annotations

import numpy as np
import pytest

from naome_synthetic.calibration import load_calibration
from naome_synthetic.course import plan_strata, take_chunk
from naome_synthetic.sampling import (
    choose_category,
    draw_calibrated,
    draw_fixed,
    expit,
    invert_survival,
    spread_uniform,
)


def test_fixed_draws_keep_every_stratum_to_its_expectation():
    rng = np.random.default_rng(1)
    key = rng.integers(0, 40, 5000)
    p = rng.random(5000) * 0.6
    drawn = draw_fixed(rng, p, key)
    gap = np.bincount(key, weights=drawn - p)
    assert np.abs(gap).max() < 1


def test_fixed_draws_keep_each_persons_probability():
    p = np.array([0.05, 0.3, 0.5, 0.95, 0.2])
    total = sum(draw_fixed(np.random.default_rng(s), p) for s in range(4000))
    assert np.abs(total / 4000 - p).max() < 4 * np.sqrt(0.25 / 4000)


@pytest.mark.parametrize("size", [0, 1])
def test_fixed_draws_of_none_and_one(size):
    assert draw_fixed(np.random.default_rng(1), np.ones(size)).tolist() == [True] * size
    assert draw_fixed(np.random.default_rng(1), np.zeros(size)).tolist() == [False] * size


def test_calibrated_draws_meet_the_target_and_keep_the_odds_ratio():
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, 20000)
    drawn = draw_calibrated(rng, 1.1 * x, np.array([0.2, 0.7]), rng.integers(0, 2, 20000))
    assert abs(drawn.mean() - 0.45) < 0.01
    key = np.zeros(20000, dtype=int)
    drawn = draw_calibrated(rng, 1.1 * x, 0.3, key)
    assert abs(drawn.sum() - 6000) <= 1
    odds = [drawn[x == v].mean() / (1 - drawn[x == v].mean()) for v in (0, 1)]
    assert np.log(odds[1] / odds[0]) == pytest.approx(1.1, abs=0.1)


def test_calibrated_draws_never_take_the_impossible():
    rng = np.random.default_rng(3)
    eta = np.where(np.arange(1000) < 500, -np.inf, 0.0)
    drawn = draw_calibrated(rng, eta, 0.4)
    assert not drawn[:500].any()
    assert abs(drawn.sum() - 400) <= 1
    assert draw_calibrated(rng, eta, 0.9).sum() == 500


def test_spread_numbers_are_even_in_each_stratum():
    key = np.repeat([0, 3, 7], [10, 1000, 1])
    u = spread_uniform(np.random.default_rng(4), key)
    assert ((u >= 0) & (u < 1)).all()
    assert (np.bincount((u[key == 3] * 10).astype(int)) == 100).all()
    assert choose_category(u[key == 0], [2, 3, 5]).tolist().count(2) == 5


def test_survival_is_inverted_exactly_at_the_knots():
    u = (np.arange(100_000) + 0.5) / 100_000
    day = np.floor(invert_survival(u, {30: 96.0, 365: 70.0, 1095: 47.0}))
    for knot, alive in ((30, 0.96), (365, 0.70), (1095, 0.47)):
        assert (day > knot).mean() == pytest.approx(alive, abs=1e-4)
    assert day.max() > 2000


def test_expit_at_the_ends():
    assert expit(np.array([-np.inf, 0, 800.0])).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(("scale", "chunks"), [(1, 7), (0.02, 1), (3, 22)])
def test_chunks_share_out_the_plan_exactly(scale, chunks):
    plan = plan_strata(load_calibration(), "england", scale)
    assert plan[:, 3].min() >= 0
    assert plan[:, 3].sum() == 350_000 * scale
    parts = [take_chunk(plan, c, chunks) for c in range(chunks)]
    assert (sum(p[:, 3] for p in parts) == plan[:, 3]).all()
    sizes = [p[:, 3].sum() for p in parts]
    assert max(sizes) - min(sizes) <= 1
