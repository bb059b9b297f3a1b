"""Labels at lines, scales and axes of figures: what a reader sees, read from the drawing."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.text import Text

from naome.core.params import load_params
from naome.measures.adjusted import Adjusted
from naome.measures.casemix.checks import TABLES, ModelChecks
from naome.measures.specification import load_specification
from naome.measures.study import make_study
from naome.release import HIDDEN, declare_not_counts
from naome.release.types import release_checked
from naome.report.axes import End, fit_labels, label_ends, share_span, spread_labels
from naome.report.display import Figure, find_alt, put_alt
from naome.report.figures import draw_intervals, draw_stacked
from naome.report.funnels import draw_funnel
from naome.report.pages.case_mix_model import draw_calibration
from naome.report.pages.data_quality_quarterly import draw_xmr
from naome.report.pages.kaplan_meier_survival import draw_survival
from naome.report.pages.organisations import draw_proportion_funnels
from naome.report.proportions import tabulate_proportions

YEARS = [0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def boxes(figure, names):
    """Where the texts with these names are, in pixels, from below."""
    figure.draw_without_rendering()
    texts = [
        text for axes in figure.axes for text in axes.texts if text.get_text() in names and text.get_ha() == "left"
    ]
    assert sorted(text.get_text() for text in texts) == sorted(names)
    return sorted((Text.get_window_extent(text) for text in texts), key=lambda box: box.y0)  # without its line


def overlap(figure, names):
    return any(upper.y0 < lower.y1 - 0.5 for lower, upper in pairwise(boxes(figure, names)))


@pytest.mark.parametrize("wanted", [[5, 5, 5, 5], [0, 0, 10, 10], [9.9, 0.1, 9.8, 5], [3, 1, 2, 4]])
def test_labels_are_moved_apart_in_their_order_and_stay_inside(wanted):
    placed = spread_labels(wanted, [2.0] * 4, 0, 10)
    pairs = sorted(zip(wanted, placed, strict=True))
    assert all(later[1] - former[1] >= 2 - 1e-9 for former, later in pairwise(pairs))
    assert min(placed) >= 1 and max(placed) <= 9
    assert spread_labels(wanted, [3.0] * 4, 0, 10) is None and spread_labels([], [], 0, 1) == []


def test_labels_that_have_room_are_where_the_lines_end():
    assert spread_labels([1, 9, 5], [2.0, 2.0, 2.0], 0, 10) == [1, 9, 5]


def test_names_of_lines_that_end_together_do_not_overlap_and_too_many_are_not_written():
    figure, axes = plt.subplots()
    axes.set_ylim(0, 100)
    names = [f"line {n}" for n in range(6)]
    assert label_ends(axes, [End(1, 50 + n / 10, name, "k") for n, name in enumerate(names)])
    assert not overlap(figure, names)
    by_height = sorted(axes.texts, key=lambda text: Text.get_window_extent(text).y0)
    assert [text.get_text() for text in by_height] == names
    assert not label_ends(axes, [End(1, 50, f"more {n}", "k") for n in range(60)]) and len(axes.texts) == 6


def survival(ends, counts):
    """A figure of curves that fall to 40% at the given times, and numbers at risk."""
    rows = [
        {"group": group, "years": year, "survival": share, "lower": share - 0.05, "upper": share + 0.05}
        for group, end in ends.items()
        for year, share in ((0.0, 1.0), (end / 2, 0.7), (end, 0.4))
    ]
    at_risk = pd.DataFrame(counts, columns=YEARS).rename(columns=lambda year: f"{year:g} y")
    at_risk.insert(0, "group", list(ends))
    return draw_survival(release_checked(pd.DataFrame(rows)), release_checked(at_risk), YEARS, alt="Curves")


def test_curves_are_named_at_their_ends_and_differ_in_more_than_colour():
    groups = ["HER2+ER+", "HER2+ER-", "HER2-ER+", "HER2-ER-", "not recorded"]
    names = ["HER2+, ER+", "HER2+, ER−", "HER2−, ER+", "HER2−, ER−", "not recorded"]
    ends = dict(zip(groups, (4.3, 4.2, 4.1, 4.0, 3.9), strict=True))
    figure = survival(ends, [[50, 40, 30, 20, 10, 5, 0]] * 5)
    axes = figure.drawing.axes[0]
    assert axes.get_legend() is None and not overlap(figure.drawing, names)
    steps = [line for line in axes.lines if line.get_label() in names]
    assert len({str(line._unscaled_dash_pattern) for line in steps}) == len({line.get_color() for line in steps}) == 5
    assert figure.alt.startswith(
        "Curves. Alive, as drawn: HER2+, ER+, 100% after 1 year, 100% after 2 years, 70% after 3 years"
    )


def test_time_ends_where_no_one_is_followed_longer():
    figure = survival(
        {"De novo": 4.3, "Recurrent": 3.2}, [[90, 80, 70, 50, 30, 20, 0], [50, 40, 30, 20, 10, HIDDEN, 0]]
    )
    below = figure.drawing.axes[1]
    assert [label.get_text() for label in below.get_xticklabels()] == ["0", "0.5", "1", "2", "3", "4"]
    assert 4.3 <= below.get_xlim()[1] < 4.5
    written = [text.get_text() for text in below.texts]
    assert "0" not in written and written.count(str(HIDDEN)) == 1
    long = survival({"De novo": 9.0, "Recurrent": 9.0}, [[90, 80, 70, 50, 30, 20, 10]] * 2).drawing.axes[1]
    assert 5 <= long.get_xlim()[1] < 5.2 and long.get_xticklabels()[-1].get_text() == "5"


def test_percentages_begin_at_zero():
    rows = pd.DataFrame({"denominator": [90, 80], "numerator": [80, 70], "estimate": [0.9, 0.46], "status": "ok"})
    rows = rows.assign(lower=rows["estimate"] - 0.01, upper=rows["estimate"] + 0.01, reason="")
    table = tabulate_proportions(rows, pd.Series(["Grade", "Stage"]), "Data item", release_checked(rows))
    figure = draw_intervals(table, axis="Recorded, %", alt="Completeness")
    low, high = figure.drawing.axes[0].get_xlim()
    assert -5 < low <= 0 and 100 <= high < 105
    assert figure.alt == "Completeness: Grade 90%; Stage 46%."


def test_parts_of_bars_are_named_in_their_order_and_a_bar_with_a_suppressed_part_is_marked():
    shares = {"2015": (0.05, 0.03), "2016": (0.02, HIDDEN), "2017": (0.02, 0.02)}
    frame = pd.DataFrame(
        [
            {"year": year, "outcome": outcome, "share": share}
            for year, both in shares.items()
            for outcome, share in zip(("Alive", "Died"), both, strict=True)
        ]
    )
    figure = draw_stacked(release_checked(frame), by="year", of="outcome", axis="Share, %", alt="Outcomes")
    axes = figure.drawing.axes[0]
    assert len(axes.patches) == 4 and axes.get_legend() is None
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2015", "2016 suppressed", "2017"]
    assert not overlap(figure.drawing, ["Alive", "Died"])
    heights = {text.get_text(): Text.get_window_extent(text).y0 for text in axes.texts}
    assert heights["Alive"] < heights["Died"]
    assert "2015 8.0%; 2017 4.0%" in figure.alt and "alive 5.0%; died 3.0%" in figure.alt
    hidden = release_checked(frame[frame["year"] == "2016"])
    assert "suppressed" in draw_stacked(hidden, by="year", of="outcome", axis="Share, %", alt="Outcomes").alt


def units(sizes, estimates):
    named = {"cohort": "denovo", "level": "provider", "status": "ok", "group_by": "all"}
    return pd.DataFrame({"unit": list("ABCDEFG")[: len(sizes)], "denominator": sizes, "estimate": estimates, **named})


def test_limits_of_a_funnel_are_named_and_its_label_fits_the_axis():
    released = release_checked(units([40, 300], [0.5, 0.66]))
    title = "Discussed at a multidisciplinary team meeting, of those with a date of diagnosis (de novo), %"
    figure = draw_funnel(released, target=0.6, tails=(0.025, 0.001), axis=title, alt="Funnel")
    fit_labels(figure.drawing)
    figure.drawing.draw_without_rendering()
    axes = figure.drawing.axes[0]
    label = axes.yaxis.label
    assert label.get_window_extent().height <= axes.get_window_extent().height
    assert " ".join(label.get_text().split()) == title
    assert axes.get_legend() is None and not overlap(figure.drawing, ["95% limits", "99.8% limits", "national"])
    assert figure.alt == "Funnel. National value 60%, two organisations, from 50% to 66%, of 40 to 300 people."


def test_panels_of_an_indicator_share_the_scale_of_percentages_and_all_that_of_people():
    found, frames = [], []
    for measure, cohort, sizes, estimates, national in (
        ("death_30d_chemotherapy", "denovo", [40, 60], [0.0, 0.2], 0.08),
        ("death_30d_chemotherapy", "recurrent", [30, 50], [0.1, 0.4], 0.2),
        ("anti_her2_first_line", "denovo", [20, 90], [0.6, 0.8], 0.7),
    ):
        one = units(sizes, estimates).assign(measure=f"{measure}_adjusted", cohort=cohort)
        levels = pd.DataFrame({"unit": ["A", "B"], "level": ["within", "alarm"]})
        found.append(Adjusted(measure, cohort, "treating_provider", levels, national, one, ""))
        frames.append(one)
    released = release_checked(pd.concat(frames, ignore_index=True))
    figure = draw_proportion_funnels(found, released, load_specification(), (0.025, 0.001), alt="Funnels")
    one, two, three = (axes for axes in figure.drawing.axes if axes.axison)
    assert one.get_ylim() == two.get_ylim() != three.get_ylim()
    assert one.get_xlim() == two.get_xlim() == three.get_xlim()
    assert "from 10% to 40%, of 30 to 50 people, one alarm and no alerts" in figure.alt


def test_panels_of_calibration_share_the_whole_scale():
    study = make_study(load_params("england"), run_id="r")
    tenths = {"Predicted": 0.5, "Observed": 0.6, "Lower": 0.4, "Upper": 0.7, "People": 50, "deaths": 20}
    frame = pd.DataFrame([{"Time point": "1 y", **tenths}, {"Time point": "3 y", **tenths, "Predicted": 0.9}])
    checks = ModelChecks(
        **({name: pd.DataFrame() for name in TABLES} | {"tenths": frame}), worst="age", error="", missing=""
    )
    figure = draw_calibration({"denovo": checks}, study, alt="Calibration")
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in figure.drawing.axes}) == 1
    assert "3 y: one point, predicted 90% to 90%; observed differs by at most 30.0 percentage points" in figure.alt


def test_charts_of_percentages_have_the_same_span():
    rows = [
        {"measure": measure, "title": measure, "quarter": f"2019 Q{n}", "estimate": value, "special_cause": n == 2}
        | dict(zip(("limit_upper", "centre", "limit_lower"), levels, strict=True))
        for measure, values, levels in (
            ("cohort_size", (880, 910), (950, 890, 800)),
            ("stage", (0.97, 0.98), (0.99, 0.975, 0.96)),
            ("status", (0.5, 0.6), (0.7, 0.55, 0.4)),
        )
        for n, value in enumerate(values, start=1)
    ]
    measures = ["cohort_size", "stage", "status"]
    figure = draw_xmr(release_checked(pd.DataFrame(rows)), measures, alt="Charts")
    size, stage, status = figure.drawing.axes
    assert stage.get_ylim()[1] - stage.get_ylim()[0] == pytest.approx(status.get_ylim()[1] - status.get_ylim()[0])
    assert size.get_ylim()[0] > 700 and stage.get_ylim()[1] <= 100.5
    assert "cohort_size: from 880 in 2019 Q1 to 910 in 2019 Q2; special-cause variation at one point." in figure.alt
    share_span([])


def test_what_a_figure_says_of_itself_becomes_the_text_alternative_of_its_cell():
    drawing = plt.figure()
    assert Figure(drawing, "Curves", declare_not_counts("", "Numbers of a test.")).alt == "Curves"
    outputs = [{"data": {"text/markdown": "A"}}, {"data": {"image/png": "", "text/plain": ["Figure: 7", '0% "x"']}}]
    source = "#| label: fig-a\n#| fig-alt: General\nshow(a)"
    assert find_alt(outputs) == '70% "x"' and find_alt(outputs[:1]) == ""
    assert put_alt(source, '70% "x"') == '#| label: fig-a\n#| fig-alt: "70% \\"x\\""\nshow(a)'
    assert put_alt(source, "") == source
