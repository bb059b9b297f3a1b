"""What notebooks show: formats, missing numbers in words, HTML that survives Markdown, figures of fixed bytes."""

import base64
import html as entities
import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pypandoc
import pytest
from made_pages import capture_outputs, draw_curve, show_table
from matplotlib import pyplot

from naome.core.spreadsheets import escape_formula
from naome.release import HIDDEN, declare_not_counts
from naome.report.display import FORMATS, CountText, Figure, Sentence, Table, format_number, show, show_banner

MADE_UP = declare_not_counts("", "Numbers of a test.")


def shown(function, *args, **kwargs):
    """Call a display function; give the one output's data."""
    with capture_outputs() as outputs:
        assert function(*args, **kwargs) is None
    (output,) = outputs
    return output["data"]


def read_back(markdown):
    """Read Markdown with pandoc and give the table's cells: what a renderer makes of it."""
    command = [pypandoc.get_pandoc_path(), "-f", "markdown", "-t", "html5"]
    drawn = subprocess.run(command, input=markdown, capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"<tr>(.*?)</tr>", drawn, re.S)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in rows]
    return [[entities.unescape(" ".join(c.split())) for c in row] for row in cells]


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        (1234567, "int", "1,234,567"),
        (np.int64(-5), "int", "−5"),
        (1234.6, "int", "1,235"),
        (0.1234, "percent1", "12.3%"),
        (0.5, "percent0", "50%"),
        (-0.0004, "percent1", "0.0%"),
        (-0.25, "decimal2", "−0.25"),
        (1.23456, "decimal3", "1.235"),
        (1234.56, "decimal1", "1,234.6"),
        (2.5, "years", "2.5"),
        (0.0004, "pvalue", "<0.001"),
        (0.0456, "pvalue", "0.046"),
        (float("inf"), "decimal1", "∞"),
        (float("-inf"), "decimal1", "−∞"),
        (float("nan"), "decimal1", "–"),
        (None, "int", "–"),
        (pd.NA, "int", "–"),
        (np.float64("nan"), "percent1", "–"),
        (0, "decimal1", "0.0"),
        ("text", "text", "text"),
    ],
)
def test_format_number(value, name, text):
    assert format_number(value, name) == text


def test_unknown_format_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="'percent' is not known; use one of text, count, int, percent0"):
        format_number(1, "percent")


def test_table_has_one_markdown_output_and_a_fixed_plain_text():
    frame = pd.DataFrame({"Stage": ["1", "4"], "n": [1200, 3], "share": [0.1, 0.95]})
    data = shown(show_table, frame, formats={"n": "count", "share": "percent1"}, headings={"n": "Women"})
    assert set(data) == {"text/markdown", "text/plain"}
    assert data["text/plain"] == "Stage  Women  share\n1      1,200  10.0%\n4          3  95.0%"
    assert data["text/markdown"].split("\n") == [
        '<table class="table naome-table">',
        "<thead>",
        '<tr><th scope="col">Stage</th><th scope="col" class="num" style="text-align:right">Women</th>'
        '<th scope="col" class="num" style="text-align:right">share</th></tr>',
        "</thead>",
        "<tbody>",
        '<tr><th scope="row">1</th><td class="num count" style="text-align:right">1,200</td>'
        '<td class="num" style="text-align:right">10.0%</td></tr>',
        '<tr><th scope="row">4</th><td class="num count" style="text-align:right">3</td>'
        '<td class="num" style="text-align:right">95.0%</td></tr>',
        "</tbody>",
        "</table>",
    ]


def test_missing_numbers_say_why():
    frame = pd.DataFrame(
        {
            "unit": list("abcdef"),
            "n": [10, 20, 30, 40, 3, 60],
            "rate": [0.5, 0.5, 0.5, np.nan, np.nan, np.nan],
            "hi": [0.6, 0.6, 0.6, np.nan, np.nan, np.nan],
            "status": ["", "suppressed", "not_derivable", "not derivable", "too_few", ""],
            "reason": ["", "small number", "", "no feed", "fewer than 10", ""],
        }
    )
    data = shown(show_table, frame, formats={"n": "int", "rate": "percent0", "hi": "percent0"})
    assert read_back(data["text/markdown"]) == [
        ["unit", "n", "rate", "hi"],
        ["a", "10", "50%", "60%"],
        ["b", "suppressed: small number"],
        ["c", "not derivable"],
        ["d", "not derivable: no feed"],
        ["e", "3", "too few: fewer than 10"],
        ["f", "60", "–", "–"],
    ]
    assert data["text/markdown"].count('colspan="3" class="suppressed"') == 1
    assert data["text/markdown"].count('class="not-derivable"') == 2
    assert "20" not in data["text/plain"].split("\n")[2]  # a suppressed number is nowhere in the output


@pytest.mark.parametrize(
    "text",
    [
        "1. First", "- dash", "# head", "*star* _under_ **b**", "a | b", "@fig-x", "$x$ and $y$", "`code`", "[x](y)",
        "<b>&amp;", "x^2^ H~2~O", "a -- b ... c", "(1) one", "i) one", "A. one", "> quote", "+ plus", "::: div",
        "{{< var x >}}", "C50.1, 5%", "\\alpha", "'quotes' \"double\"", "~~~", "---",
    ],
)  # fmt: skip
def test_text_in_a_table_is_text_to_pandoc(text):
    data = shown(show_table, pd.DataFrame({"a": [text], "b": [text]}), headings={"b": text})
    cell = escape_formula(text)
    assert read_back(data["text/markdown"]) == [["a", cell], [cell, cell]]


@pytest.mark.parametrize(
    ("frame", "formats", "message"),
    [
        ({"share": [0.5]}, {}, "column 'share' holds numbers and has no format; name one of"),
        ({"n": [5]}, {}, "column 'n' holds numbers and has no format"),
        ({"n": [HIDDEN, 12]}, {}, "column 'n' holds numbers and has no format"),
        ({"share": [0.5]}, {"shar": "int"}, "formats name no column of the table: shar; columns are share"),
        ({"share": [0.5]}, {"share": "percent"}, "format percent is not known"),
        ({"status": ["x"]}, {}, "no column to show"),
    ],
)
def test_table_errors(frame, formats, message):
    with pytest.raises(ValueError, match=message):
        show_table(pd.DataFrame(frame), formats=formats)


def test_table_takes_every_kind_of_column():
    frame = pd.DataFrame(
        {
            "text": ["a", None],
            "empty": ["b", ""],
            "bool": [True, False],
            "nullable": pd.array([1, None], dtype="Int64"),
            "category": pd.Categorical(["x", "y"]),
            "date": pd.to_datetime(["2021-01-01", None]),
        }
    )
    rows = read_back(shown(show_table, frame, formats={"nullable": "int"})["text/markdown"])
    assert rows[1] == ["a", "b", "True", "1", "x", "2021-01-01"]
    assert rows[2] == ["–", "–", "False", "–", "y", "–"]


def test_long_row_headings_are_marked():
    frame = pd.DataFrame({"unit": ["A" * 24, "A" * 25], "n": [1, 2]})
    assert re.findall(r'<th scope="row"([^>]*)>', shown(show_table, frame, formats={"n": "int"})["text/markdown"]) == [
        "",
        ' class="long"',
    ]


def test_formats_are_all_used_by_format_number():
    assert [format_number(0.5, name) for name in FORMATS] == [
        "0.5", "0", "0", "50%", "50.0%", "0.5", "0.50", "0.500", "0.5", "0.500",
    ]  # fmt: skip


def test_text_and_banner():
    assert shown(show, Sentence("  Of **12** women.\n", MADE_UP)) == {
        "text/markdown": "Of **12** women.",
        "text/plain": "Of **12** women.",
    }
    data = shown(show_banner, "real", "**Real\n data.**")
    assert data == {
        "text/markdown": '<div class="banner-real">\n**Real data.**\n</div>',
        "text/plain": "**Real data.**",
    }
    with pytest.raises(ValueError, match="use one of synthetic, real"):
        show_banner("fake", "x")


def test_figure_is_deterministic_and_closed():
    first = shown(show, Figure(draw_curve(), "A falling\ncurve", MADE_UP))
    second = shown(show, Figure(draw_curve(), "A falling curve", MADE_UP))
    assert first == second
    assert set(first) == {"image/png", "text/plain"} and first["text/plain"] == "Figure: A falling curve"
    assert pyplot.get_fignums() == []
    image = base64.b64decode(first["image/png"]).decode("latin-1")
    assert "PNG" in image and "Matplotlib v" not in image  # the file does not name the version that drew it


def test_a_figure_says_what_it_shows():
    with pytest.raises(ValueError, match="alt is empty"):
        Figure(draw_curve(), " ", MADE_UP)
    pyplot.close("all")


@pytest.mark.parametrize("bare", [pd.DataFrame({"people": [3]}), "3 people died.", pd.Series([3]), None])
def test_what_is_not_released_cannot_be_shown_and_the_error_says_how(bare):
    with pytest.raises(TypeError, match=r"cannot be shown.*run\.release.*release_counts.*declare_not_counts"):
        show(bare)


def test_tables_figures_and_sentences_are_made_from_what_is_released():
    frame = pd.DataFrame({"people": [3]})
    for make in (
        lambda: Table(frame, frame, {"people": "count"}),
        lambda: Figure(draw_curve(), "A curve", frame),
        lambda: Sentence("3 people died."),
        lambda: Sentence("3 people died.", frame),
        lambda: Table(frame, (MADE_UP, frame), {"people": "count"}),
    ):
        with pytest.raises(TypeError, match="not from what is released or declared"):
            make()
    assert Sentence("Nobody is ranked.").text
    pyplot.close("all")


def test_counts_of_people_can_be_told_from_other_numbers_and_hidden_ones_are_words():
    frame = pd.DataFrame(
        {
            "Year": ["2020", "2021"],
            "People": [HIDDEN, 12],
            "Same": [HIDDEN, 12],
            "Days": [8, 9],
            "Ours": [CountText("8"), "50%"],
        }
    )
    html = shown(show_table, frame, formats={"People": "count", "Same": "count", "Days": "int"})["text/markdown"]
    assert html.count('<td class="num suppressed" style="text-align:right">suppressed</td>') == 2, (
        "neighbours that are hidden stay two cells"
    )
    assert (
        html.count('<td class="num count" style="text-align:right">12</td>') == 2 and '<td class="count">8</td>' in html
    )
    assert '<td class="num" style="text-align:right">8</td>' in html and "<td>50%</td>" in html


def test_a_real_kernel_keeps_the_outputs_as_they_are(tmp_path):
    """Run a notebook with papermill: one output a cell, no text/html, nothing left over by the inline backend."""
    code = """
import json, sys
import nbformat, papermill
cells = [
    "import pandas as pd\\nfrom matplotlib import pyplot\\nfrom naome.report.display import *",
    "from naome.release import declare_not_counts\\nmade = declare_not_counts('x', 'Nothing.')",
    "show(Table(pd.DataFrame({'a': ['x'], 'b': ['1']}), made))",
    "show(Sentence('**x**'))",
    "fig, axis = pyplot.subplots()\\nshow(Figure(fig, 'Empty axes', made))",
]
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
nbformat.write(book, sys.argv[1])
papermill.execute_notebook(sys.argv[1], sys.argv[2], progress_bar=False, kernel_name="python3")
done = nbformat.read(sys.argv[2], as_version=4)
print(json.dumps([[sorted(o.get("data", {"stream": 0})) for o in c.outputs] for c in done.cells]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, tmp_path / "in.ipynb", tmp_path / "out.ipynb"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout.strip().splitlines()[-1]) == [
        [],
        [],
        [["text/markdown", "text/plain"]],
        [["text/markdown", "text/plain"]],
        [["image/png", "text/plain"]],
    ]


def test_a_marked_row_has_its_class_and_the_mark_is_not_shown(capsys):
    from naome.report import display as module

    shown = []
    original, module.display = module.display, lambda data, raw, metadata: shown.append(data)
    try:
        show_table(pd.DataFrame({"Figure": ["a", "b"], "Verdict": ["agrees", "differs"], "mark": ["", "differs"]}))
        with pytest.raises(ValueError, match="mark 'wrong' is not known"):
            show_table(pd.DataFrame({"Figure": ["a"], "mark": ["wrong"]}))
    finally:
        module.display = original
    html = shown[0]["text/markdown"]
    assert '<tr class="differs"><th scope="row">b</th>' in html and '<tr><th scope="row">a</th>' in html
    assert ">mark<" not in html


def test_an_ok_row_with_a_reason_has_a_note_under_the_table():
    frame = pd.DataFrame(
        {
            "Indicator": ["One", "Two", "Three", "Four"],
            "Percent": [0.5, 0.25, 0.75, None],
            "status": ["ok", "ok", "ok", "suppressed"],
            "reason": ["codes are inferred", "", "codes are inferred", "small"],
        }
    )
    data = shown(show_table, frame, formats={"Percent": "percent1"})
    cells = read_back(data["text/markdown"])
    assert [row[0] for row in cells] == [
        "Indicator",
        "One<sup>a</sup>",
        "Two",
        "Three<sup>a</sup>",
        "Four",
        "<sup>a</sup> codes are inferred",
    ]
    assert data["text/plain"].splitlines()[1].startswith("One [a]")
    assert data["text/plain"].splitlines()[-1] == "[a] codes are inferred"
    shared = frame.iloc[[0, 2]].assign(Percent=[0.5, None])
    data = shown(show_table, shared, formats={"Percent": "percent1"})
    assert read_back(data["text/markdown"])[1:] == [["One", "50.0%"], ["Three", "–"], ["codes are inferred"]]
    without = shown(show_table, frame.drop(columns="status"), formats={"Percent": "percent1"})
    assert "<tfoot>" not in without["text/markdown"]


def test_a_name_that_a_spreadsheet_would_run_is_a_text_when_the_table_is_copied():
    names = ["=1+1", "\uff1d1+1", " @SUM(A1)", "+0.3", "-", "Stoke-on-Trent"]
    frame = pd.DataFrame({"organisation": names, "beside": names, "change": [-0.1] * len(names)})
    data = shown(show, Table(frame, MADE_UP, {"change": "decimal1"}))
    cells = read_back(data["text/markdown"])[1:]
    assert [row[0] for row in cells] == ["'=1+1", "'\uff1d1+1", "'@SUM(A1)", "+0.3", "'-", "Stoke-on-Trent"]
    assert [row[1] for row in cells] == [row[0] for row in cells] and {row[2] for row in cells} == {"−0.1"}
    assert "'=1+1" in data["text/plain"] and not re.search(r"(?m)^=", data["text/plain"])
