"""Gaps by deprivation and ethnic group."""

from __future__ import annotations

import numpy as np
import pytest

from naome.measures.inequalities import measure_gaps, read_gap
from naome.measures.specification import load_specification
from naome.measures.study import make_study
from naome.release import release
from naome.release.types import release_checked
from naome.report.pages.inequalities import say_gaps
from naome.report.prose import say_count

SPECIFICATION = load_specification()


def grouped(make_people, cells):
    """People from {(deprivation, age group): (discussed, people)}."""
    rows = [(d, a, i < x) for (d, a), (x, n) in cells.items() for i in range(n)]
    deprivation, age, discussed = map(list, zip(*rows, strict=True))
    return make_people(len(rows), deprivation=deprivation, age_group=age, mdt_recorded=discussed)


def gap(table, name="gap", group_by="deprivation"):
    return table[(table["measure"] == f"mdt_discussion_{name}") & (table["group_by"] == group_by)].iloc[0]


def test_a_gap_of_ages_alone_vanishes_when_standardised(england, make_people):
    """
    quintile  18-49      80+        crude
    1         80 of 100  10 of 100  45%
    5         32 of 40   16 of 160  24%
    """
    cells = {(1, "18-49"): (80, 100), (1, "80+"): (10, 100), (5, "18-49"): (32, 40), (5, "80+"): (16, 160)}
    table = measure_gaps(grouped(make_people, cells), make_study(england, run_id="r"))
    assert gap(table)["estimate"] == pytest.approx(0.45 - 0.24)
    assert gap(table)["lower"] > 0
    standard = gap(table, "gap_standardised")
    assert standard["estimate"] == pytest.approx(0.0, abs=1e-12)
    assert standard["lower"] < 0 < standard["upper"]
    assert (standard["denominator"], standard["numerator"]) == (400, 138)


def test_weights_are_the_ages_of_all_counted(england, make_people):
    """Three quarters of everyone counted are 80+, a third quintile included: 0.25 * 0.6 + 0.75 * 0.2 = 0.3."""
    cells = {(1, "18-49"): (80, 100), (1, "80+"): (30, 100), (5, "18-49"): (20, 100), (5, "80+"): (10, 100)}
    cells[3, "80+"] = (0, 400)
    table = measure_gaps(grouped(make_people, cells), make_study(england, run_id="r"))
    assert gap(table, "gap_standardised")["estimate"] == pytest.approx(0.25 * 0.6 + 0.75 * 0.2)


def test_crude_limits_are_newcombes(england, make_people):
    """56 of 70 against 48 of 80: Newcombe (1998), table II: 0.0524 to 0.3339."""
    cells = {(1, "18-49"): (56, 70), (5, "18-49"): (48, 80)}
    row = gap(measure_gaps(grouped(make_people, cells), make_study(england, run_id="r")))
    assert row[["lower", "upper"]].tolist() == pytest.approx([0.0524, 0.3339], abs=5e-5)


def test_standardised_interval_covers(england, make_people):
    """True gap 10 points in both ages, small cells: 95% limits hold it in about 95 of 100 samples."""
    rng = np.random.default_rng(11)
    truth = {(1, "18-49"): (0.9, 30), (1, "80+"): (0.2, 30), (5, "18-49"): (0.8, 40), (5, "80+"): (0.1, 60)}
    held = 0
    for _ in range(200):
        cells = {key: (int(rng.binomial(n, p)), n) for key, (p, n) in truth.items()}
        people = grouped(make_people, cells)
        from naome.measures.inequalities import _gaps

        rows = _gaps(people, SPECIFICATION["mdt_discussion"], make_study(england, run_id="r"))
        row = rows[rows["measure"] == "mdt_discussion_gap_standardised"].iloc[0]
        held += row["lower"] <= 0.1 <= row["upper"]
    assert 180 <= held <= 199


def test_small_groups_and_empty_ages_say_so(england, make_people):
    table = measure_gaps(
        grouped(make_people, {(1, "18-49"): (3, 9), (5, "18-49"): (10, 20)}),
        make_study(england, run_id="r"),
    )
    assert gap(table)["status"] == "too_few" and np.isnan(gap(table)["estimate"])
    cells = {(1, "18-49"): (3, 10), (5, "18-49"): (10, 20)}
    table = measure_gaps(grouped(make_people, cells), make_study(england, run_id="r"))
    assert gap(table)["status"] == gap(table, "gap_standardised")["status"] == "ok"
    table = measure_gaps(
        grouped(make_people, {(1, "18-49"): (3, 20), (5, "80+"): (10, 20)}),
        make_study(england, run_id="r"),
    )
    assert gap(table)["status"] == "ok"
    assert gap(table, "gap_standardised")["reason"] == "no one of one of the groups in an age group"


def test_ethnic_groups_are_compared_with_the_largest_reference(england, make_people):
    people = make_people(
        60,
        ethnic_group=["white"] * 30 + ["asian"] * 20 + [None] * 10,
        age_group="50-69",
        mdt_recorded=[True, False] * 30,
    )
    table = measure_gaps(people, make_study(england, run_id="r"))
    row = gap(table, group_by="ethnic_group")
    assert row["group"] == "asian less white" and row["denominator"] == 50 and row["estimate"] == 0


@pytest.mark.parametrize(
    ("lower", "upper", "reading"),
    [
        (0.01, 0.4, "higher"),
        (-0.4, -0.01, "lower"),
        (-0.10, 0.10, "within ten points"),
        (-0.11, 0.10, "inconclusive"),
        (0.0, 0.3, "inconclusive"),
    ],
)
def test_readings(lower, upper, reading):
    assert read_gap({"status": "ok", "lower": lower, "upper": upper}) == reading


def test_a_gap_that_is_not_shown_has_no_reading_and_is_counted_as_such(england, make_people):
    cells = {(1, "18-49"): (12, 20), (5, "18-49"): (10, 20)}
    table = measure_gaps(grouped(make_people, cells), make_study(england, run_id="r"))
    gaps = table["measure"].str.endswith("_gap_standardised") & (table["group_by"] == "deprivation")
    shown = gaps & (table["status"] == "ok")
    assert shown.sum() > 2
    for status, words in (("suppressed", "suppressed"), ("too_few", "of too few people")):
        hidden = table.assign(status=table["status"].mask(shown, status))
        text = say_gaps(release_checked(hidden), "deprivation").text
        assert text.startswith("No age-standardised gap between the most and the least deprived quintile is shown: ")
        assert f"{shown.sum()} {words}" in text or f"{(gaps & (hidden['status'] == status)).sum()} {words}" in text
    assert read_gap({"status": "suppressed"}) == read_gap({"status": "too_few"}) == ""


def test_the_sentence_counts_what_it_says(england, wales, make_people):
    cells = {(1, "18-49"): (12, 20), (5, "18-49"): (10, 20)}
    table = measure_gaps(grouped(make_people, cells), make_study(england, run_id="r"))
    rows = table[table["measure"].str.endswith("_gap_standardised") & (table["group_by"] == "deprivation")]
    text = say_gaps(release(table, england), "deprivation").text
    shown = int((rows["status"] == "ok").sum())
    assert text.startswith(f"Of {say_count(shown, 'age-standardised gap')} between")
    assert f"The other {int((rows.apply(read_gap, axis=1) == 'inconclusive').sum())} are inconclusive" in text
