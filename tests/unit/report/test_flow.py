"""The flow diagram shows the attrition table, all of it, the same way every time."""

import io

import pandas as pd
import pytest

from naome.core.params import load_params
from naome.measures.study import make_study
from naome.release import release_attrition
from naome.report.flow import describe_flow, draw_flow

STEPS = [
    ("registered", "both", "tumours", 1200, None, "Tumours in the extract."),
    (
        "EL1",
        "both",
        "tumours",
        1100,
        100,
        "A registered primary breast tumour with a text so long that it must be wrapped twice.",
    ),
    ("EL7", "both", "people", 1000, 100, "One tumour per person."),
    ("DN1", "denovo", "people", 70, 930, "Stage 4 at initial diagnosis."),
    ("DN2", "denovo", "people", 30, 970, "A code within 12 months."),
    ("RC1", "recurrent", "people", 90, 910, "A code after 12 months."),
    ("RC2", "recurrent", "people", 45, 45, "Within the audit period."),
]


@pytest.fixture
def attrition():
    return release(load_params("england"))


def release(params, **remaining):
    """Release the steps; some may leave other numbers."""
    table = pd.DataFrame(STEPS, columns=["step", "cohort", "unit", "remaining", "left_out", "text"])
    table["remaining"] = table["step"].map(remaining).fillna(table["remaining"])
    return release_attrition(table, make_study(params, run_id="r"))


def texts(figure):
    return [text.get_text() for text in figure.drawing.axes[0].texts if text.get_text()]


def test_every_number_and_rule_is_drawn(attrition):
    drawn = texts(draw_flow(attrition, load_params("england")))
    for step, _, unit, remaining, _, _ in STEPS[1:]:
        assert f"{step}  {remaining:,} {unit}" in drawn
    assert "1,200 tumours" in drawn
    assert drawn.count("100 tumours excluded") == 2
    assert "De novo cohort: 100 people" in drawn, "DN1 and DN2 add up"
    assert "Recurrent cohort: 45 people" in drawn, "RC2 follows RC1"
    words = " ".join(drawn)
    assert all(word in words for row in STEPS for word in row[5].split())


def test_nothing_overlaps_or_leaves_the_card(attrition):
    figure = draw_flow(attrition, load_params("england")).drawing
    axes = figure.axes[0]
    boxes = [patch.get_bbox() for patch in axes.patches if hasattr(patch, "get_boxstyle")]
    assert len(boxes) == 7 + 2 + 2, "steps, left out, totals"
    for number, one in enumerate(boxes):
        assert axes.get_xlim()[0] <= one.x0 and one.x1 <= axes.get_xlim()[1]
        assert axes.get_ylim()[0] <= one.y0 and one.y1 <= axes.get_ylim()[1]
        for other in boxes[number + 1 :]:
            apart = one.x1 <= other.x0 or other.x1 <= one.x0 or one.y1 <= other.y0 or other.y1 <= one.y0
            assert apart, "boxes overlap"
    figure.canvas.draw()
    inverse = axes.transData.inverted()
    for text in axes.texts:
        if text.get_text() in ("", "or"):
            continue
        extent = text.get_window_extent().transformed(inverse)
        assert any(
            b.x0 <= extent.x0 and extent.x1 <= b.x1 and b.y0 <= extent.y0 and extent.y1 <= b.y1 for b in boxes
        ), f"{text.get_text()!r} leaves its box"


def test_same_table_gives_same_bytes_on_white(attrition):
    images = []
    for _ in range(2):
        figure = draw_flow(attrition, load_params("england")).drawing
        assert figure.get_facecolor() == (1, 1, 1, 1)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        images.append(buffer.getvalue())
    assert images[0] == images[1]


def test_only_the_cohorts_of_the_run_are_drawn(attrition):
    params = load_params("england").model_copy(update={"cohorts": ("primary", "recurrent")})
    drawn = texts(draw_flow(attrition, params))
    assert any(text.startswith("RC2") for text in drawn)
    assert not any(text.startswith("DN") for text in drawn)


def test_a_hidden_number_is_said_to_be_hidden():
    params = load_params("england")
    disclosure = params.disclosure.model_copy(update={"policy": "lt10", "national": "suppress"})
    strict = params.model_copy(update={"disclosure": disclosure})
    figure = draw_flow(release(strict, RC2=5), strict)
    assert "RC2  suppressed people" in texts(figure)
    assert "Recurrent cohort: suppressed people" in texts(figure)
    assert figure.alt.endswith("90 people by RC1, suppressed people by RC2.")


def test_description_names_the_ends(attrition):
    assert describe_flow(attrition, load_params("england")) == (
        "Flow diagram: 1,200 tumours registered, 1,000 people eligible, 70 people by DN1, 30 people by DN2, "
        "90 people by RC1, 45 people by RC2."
    )


def test_a_way_in_that_the_data_cannot_show_has_no_number(attrition):
    params = load_params("simulacrum")
    drawn = texts(draw_flow(attrition, params))
    assert "DN2  not derivable" in drawn
    assert any("Not applied:" in text or "hospital admissions" in text for text in drawn)
    assert "DN2" not in describe_flow(attrition, params)
