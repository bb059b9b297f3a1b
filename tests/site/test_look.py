"""The project's style sheet on pages of both renderers: one look, wide, on a phone and on paper."""

import shutil

import pytest
from made_pages import capture_outputs, code_cell, markdown_cell, raw_cell, show_table, write_notebook
from pandas import DataFrame

from naome.core.paths import project_root
from sitepreview import render_site

CONFIG = """project:
  type: website
  render: [index.ipynb]
website: {title: A site, navbar: {left: [{text: Home, href: index.ipynb}]}}
format: {html: {html-math-method: mathml, theme: {light: cosmo, dark: darkly}, css: assets/naome.css,
                grid: {body-width: 1500px}}}
from: markdown-markdown_in_html_blocks
bibliography: references.bib
execute: {enabled: false}
notebook-links: false
"""
COLUMNS = [f"A long heading {n}" for n in range(14)]
TEXT = "As said [@kaplan1958]; `a_long_name_in_a_line_of_code_that_does_not_end_before_the_edge_of_a_phone_is_reached`."
MATHS = "$$" + "+".join(f"x_{{{n}}}" for n in range(60)) + "$$"
# How Quarto 1.9 builds the same page, by the parts that the style sheet names
QUARTO = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Quarto</title>
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<link rel="stylesheet" href="site_libs/themes/cosmo.min.css"><link rel="stylesheet" href="assets/naome.css">
<style>html {{ font-size: 17px; }} .quarto-float-caption {{ text-align: center; }} code {{ white-space: pre; }}
a {{ text-decoration: none; }}</style>
</head><body class="nav-fixed quarto-light"><div id="quarto-content" class="quarto-container page-columns">
<main class="content" id="quarto-document-content"><header id="title-block-header"><h1 class="title">T</h1></header>
<section id="s" class="level2"><h2>S</h2><p>{text}</p>
<div id="tbl-wide" class="cell quarto-float quarto-figure quarto-figure-center anchored">
<figure class="quarto-float quarto-float-tbl figure">
<figcaption class="quarto-float-caption-top quarto-float-caption quarto-float-tbl">Table 1: Caption</figcaption>
<div aria-describedby="tbl-wide-caption"><div class="cell-output cell-output-display cell-output-markdown">
{table}</div></div></figure></div>
<table class="table">{rows}</table>
<p><span class="math display">{maths}</span></p>
</section></main></div></body></html>"""
# Seen by the reader: how the caption, links, numbers and headings of a table are drawn
STYLES = """(() => {
  const of = (selector, name) => getComputedStyle(document.querySelector("main.content " + selector))[name];
  return {
    caption: of(":is(figcaption, caption)", "textAlign"), link: of("p a[href]", "textDecorationLine"),
    number: of("td.num", "textAlign"), heading: of("thead th:first-child", "textAlign"),
    measure: of("section > p", "maxWidth"), code: of("section p code", "whiteSpace"),
  };
})()"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """One page as the preview renderer draws it, and as Quarto builds it: name -> address."""
    project = tmp_path_factory.mktemp("look")
    shutil.copytree(project_root() / "assets", project / "assets")
    shutil.copy(project_root() / "references.bib", project / "references.bib")
    frame = DataFrame([["Organisation", *range(1, 14)]] * 30, columns=COLUMNS)
    with capture_outputs() as table:
        show_table(frame, formats=dict.fromkeys(COLUMNS[1:], "int"))
    cells = [
        raw_cell("---\ntitle: T\n---"),
        markdown_cell(f"## S\n\n{TEXT}"),
        code_cell("#| label: tbl-wide\n#| tbl-cap: Caption\nshow(table)", table),
        markdown_cell(MATHS),
    ]
    write_notebook(project / "index.ipynb", cells)
    (project / "_quarto.yml").write_text(CONFIG)
    render_site(project, renderer="preview")
    site = project / "_site"
    maths = f'<math display="block"><mrow>{"<mi>x</mi><mo>+</mo>" * 60}</mrow></math>'
    code = TEXT.split("`")[1]
    text = f'As said <a href="#s">(Kaplan 1958)</a>; <code>{code}</code>.'
    html = "".join(table[0]["data"]["text/markdown"])
    rows = f"<tbody><tr>{'<td>unbreakable_word</td>' * 4}</tr></tbody>"
    (site / "quarto.html").write_text(QUARTO.format(text=text, table=html, rows=rows, maths=maths))
    return {name: (site / f"{name}.html").as_uri() for name in ("index", "quarto")}


def test_both_renderers_pages_have_one_look(browser, pages):
    seen = {}
    for name, address in pages.items():
        browser.open(address)
        seen[name] = browser.run(STYLES)
    measure = seen["index"]["measure"]
    assert measure.endswith("px") and measure == seen["quarto"]["measure"]
    expected = {"caption": "left", "link": "underline", "number": "right", "heading": "left", "code": "pre-wrap"}
    assert seen["index"] == seen["quarto"] == {**expected, "measure": measure}


@pytest.mark.parametrize("name", ["index", "quarto"])
def test_no_page_scrolls_sideways_on_a_phone_and_its_table_does(browser, pages, name):
    browser.open(pages[name], width=390)
    assert browser.run("document.documentElement.scrollWidth") == 390
    box = "document.querySelector('main table').closest('.table-scroll, .cell-output-display')"
    assert browser.run(f"{box}.scrollWidth > {box}.clientWidth && getComputedStyle({box}).overflowX") == "auto"


@pytest.mark.parametrize("name", ["index", "quarto"])
def test_on_paper_a_wide_table_is_whole_and_code_that_is_folded_away_is_not_there(browser, pages, name):
    browser.open(pages[name], width=700)  # the text width of a sheet of A4
    browser.call("Emulation.setEmulatedMedia", media="print")
    right = "Math.max(...[...document.querySelectorAll('main td')].map((cell) => cell.getBoundingClientRect().right))"
    assert browser.run(right) <= 701
    assert browser.run("getComputedStyle(document.querySelector('main thead')).display") == "table-header-group"
    assert browser.run("[...document.querySelectorAll('details.code-fold')].every((fold) => !fold.offsetHeight)")


def test_the_head_of_a_long_table_stays_in_view(browser, pages):
    browser.open(pages["index"], width=1900)
    browser.run("window.scrollTo(0, document.querySelector('main tbody tr:nth-child(15)').offsetTop + 600)")
    head = "document.querySelector('main thead th').getBoundingClientRect()"
    header = "document.querySelector('#quarto-header').getBoundingClientRect().bottom"
    assert abs(browser.run(f"{head}.top - {header}")) < 2
