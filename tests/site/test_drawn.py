"""What the display functions show, as the preview renderer draws it; and the strip that every page needs."""

import html as entities
import re

import pandas as pd
import pytest
from made_pages import capture_outputs, code_cell, draw_curve, raw_cell, show_table, write_notebook

from naome.release import declare_not_counts
from naome.report import display
from naome.workflow.cli import main
from naome.workflow.site import check_strips
from sitepreview import read_pages, render_site

CONFIG = """project:
  type: website
  render: [index.ipynb]
website: {title: A site}
format: {html: {html-math-method: mathml}}
execute: {enabled: false}
notebook-links: false
"""
PAGE = "<html><head></head><body>\n<main><h1>T</h1>\n{}</main></body></html>"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A page with a strip, a table, a figure and a sentence, drawn."""
    project = tmp_path_factory.mktemp("drawn")
    made = declare_not_counts("", "Numbers of a test.")
    frame = pd.DataFrame(
        {
            "Cohort": ["De novo", "Recurrent *all*", "1. Wales"],
            "n": [1234, 98765, 4],
            "median": [2.55, 1.0, 9.9],
            "share": [0.1234, None, 0.5],
            "status": ["", "too_few", "not_derivable"],
            "reason": ["", "", "no regimen-level feed"],
        }
    )
    formats = {"n": "count", "median": "years", "share": "percent1"}
    with capture_outputs() as banner:
        display.show_banner("synthetic", "**Synthetic data.** Nobody here exists.")
    with capture_outputs() as table:
        show_table(frame, formats=formats, headings={"median": "Median (years)"})
    with capture_outputs() as curve:
        display.show(display.Figure(draw_curve(), 'A falling "step" curve', made))
    with capture_outputs() as sentence:
        display.show(display.Sentence("Of **1,234** women, 12.3% survived; see @fig-km.", made))
    cells = [
        raw_cell("---\ntitle: A page\n---"),
        code_cell("#| echo: false\nshow_marking()", banner),
        code_cell("#| label: tbl-median\n#| tbl-cap: Median survival\nshow(table)", table),
        code_cell('#| label: fig-km\n#| fig-cap: Survival\n#| fig-alt: A falling "step" curve\ndraw()', curve),
        code_cell("#| label: sentence\nsay()", sentence),
    ]
    write_notebook(project / "index.ipynb", cells)
    (project / "_quarto.yml").write_text(CONFIG)
    render_site(project, renderer="preview", own_check=check_strips)
    return (project / "_site" / "index.html").read_text(encoding="utf-8")


def text_of(html):
    return re.sub(r"\s+", " ", entities.unescape(re.sub(r"<[^>]+>", "", html))).strip()


def test_a_table_keeps_its_cells_through_markdown(drawn):
    table = re.search(r'<table class="table naome-table">.*?</table>', drawn, re.S)[0]
    rows = [
        [text_of(c) for c in re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.S)]
        for row in re.findall(r"<tr>.*?</tr>", table, re.S)
    ]
    assert rows == [
        ["Cohort", "n", "Median (years)", "share"],
        ["De novo", "1,234", "2.5", "12.3%"],
        ["Recurrent *all*", "98,765", "1.0", "too few"],
        ["1. Wales", "not derivable: no regimen-level feed"],
    ]
    assert table.count('<th scope="row">') == 3 and table.count('scope="col"') == 4
    assert 'aria-labelledby="tbl-median-caption"' in drawn


def test_a_strip_a_figure_and_a_sentence_are_drawn(drawn):
    assert re.search(r'<div class="banner-synthetic">\s*<p><strong>Synthetic data.</strong> Nobody here', drawn)
    assert re.search(r'src="index_files/fig-km-1.png" alt="A falling &quot;step&quot; curve"', drawn)
    assert 'Of <strong>1,234</strong> women, 12.3% survived; see <a href="#fig-km" class="quarto-xref">' in drawn


STRIP = '<div class="banner-real">Real data</div>\n'


@pytest.mark.parametrize("page", [PAGE.format(""), PAGE.format("").replace("<main>", f"{STRIP}<main>")])
def test_a_page_without_a_strip_in_its_main_part_is_found(tmp_path, page):
    (tmp_path / "index.html").write_text(page)
    (tmp_path / "other.html").write_text(PAGE.format(STRIP))
    (problem,) = check_strips(read_pages(tmp_path))
    assert problem.file == "index.html" and "no banner" in problem.what


def test_pages_outside_the_subset_are_one_refusal_of_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("naome.core.paths.project_root", lambda: tmp_path)
    (tmp_path / "_quarto.yml").write_text(CONFIG.replace("index.ipynb", "index.qmd"))
    (tmp_path / "index.qmd").write_text("---\ntitle: T\n---\n\n@fig-none\n")
    assert main(["render", "--check"]) == 2
    assert capsys.readouterr().err.startswith("naome: refused: 1 problem to mend first\n  index.qmd:5: @fig-none")
