"""The published figures, re-derived from the raw extracts in SQL, come out as published."""

from __future__ import annotations

import os

import pytest
from derive_published import Comparison, compare_with_published

from naome_synthetic import write_extract

FULL = pytest.mark.skipif(os.environ.get("NAOME_FULL_SCALE") != "1", reason="set NAOME_FULL_SCALE=1 (about a minute)")


def show(outside: list[Comparison]) -> str:
    return "\n".join(
        f"{c.id}: published {c.published:.2f}, derived {c.derived:.2f}, allowed {c.tolerance:.2f}" for c in outside
    )


def test_published_figures_come_out_at_small_scale(made):
    rows = compare_with_published(made.extract["england"], made.extract["wales"])
    outside = [c for c in rows if not c.agrees]
    assert not outside, show(outside)
    assert len(rows) >= 117  # of 121: at this scale there may be no man with HER2 positive disease, say


def test_defects_do_not_move_the_figures(made, tmp_path):
    for nation in ("england", "wales"):
        write_extract(nation, tmp_path / nation, tmp_path / f"{nation}-truth", scale=0.02, defects=False)
    clean = compare_with_published(tmp_path / "england", tmp_path / "wales")
    spoilt = compare_with_published(made.extract["england"], made.extract["wales"])
    assert [(c.id, round(c.derived, 9), c.n) for c in clean] == [(c.id, round(c.derived, 9), c.n) for c in spoilt]


def test_the_comparison_can_fail():
    assert not Comparison("x", 50.0, 54.0, 1000, 3.9).agrees
    assert Comparison("x", 50.0, 53.9, 1000, 3.9).agrees


@FULL
@pytest.mark.parametrize("seed", [2024, 1])
def test_published_figures_come_out_at_national_size(tmp_path, seed):
    for nation in ("england", "wales"):
        write_extract(nation, tmp_path / nation, tmp_path / f"{nation}-truth", seed=seed)
    rows = compare_with_published(tmp_path / "england", tmp_path / "wales")
    outside = [c for c in rows if not c.agrees]
    assert not outside, show(outside)
    assert len(rows) == 121
