"""Text, numbers and captions of a page, kept in a file: what either renderer draws must say the same.

Where Quarto is on PATH the same pages are drawn by it too. To keep what the preview renderer says now:
``python tests/sitepreview/test_golden.py``.
"""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from page_content import list_differences, read_content
from sample_project import TABLE, code_cell, draw_curve, markdown_cell, raw_cell, show, write_notebook

from sitepreview import render_site

GOLDEN = Path(__file__).parent / "golden.json"
CONFIG = """project: {type: website, render: [index.qmd, methods.qmd, runs/a/notebooks/04-survival.ipynb]}
website:
  title: A report
  navbar: {left: [{text: Home, href: index.qmd}, {text: Methods, href: methods.qmd}]}
format:
  html: {html-math-method: mathml, theme: {light: cosmo, dark: darkly}, toc: true, code-fold: true, code-summary: Code}
from: markdown-markdown_in_html_blocks
bibliography: references.bib
execute: {enabled: false}
notebook-links: false
lang: en-GB
"""
INDEX = """---
title: A report
description: What both renderers say alike
---

## Key findings

Of **1,234** women, 12.3% (95% interval 10.5 to 14.2) survived five years --- as [the methods](methods.qmd#model) say.

- Survival is *lower* in Wales: 30.2%
- It is "not derivable" for 7 of 131 organisations, and <em>H~0~</em> is 5 × 10^-3^

{{< embed runs/a/notebooks/04-survival.ipynb#fig-km >}}

{{< embed runs/a/notebooks/04-survival.ipynb#tbl-median >}}

@fig-km falls and @tbl-median agrees.
"""
METHODS = """---
title: Methods
---

## Model {#model}

The estimator of @kaplan1958, with $S(t)$ in @eq-km.

$$S(t) = \\prod_{i} (1 - d_i / n_i)$$ {#eq-km}

| Item | Rule | People |
|:-----|:----:|-------:|
| DN1 | `stage == 4` | 10,661 |
| DN2 | M1 within 31 days | 471 |

: Rules of the de novo cohort {#tbl-rules}

Origin
:   The date of diagnosis, 1 January 2019 at the earliest.

```python
kaplan_meier(duration, event, at=365.25)
```
"""
# The same paragraph, caption, table and code as Quarto 1.9 marks them up
QUARTO = """<main class="content" id="quarto-document-content">
<header id="title-block-header"><h1 class="title">T</h1></header>
<section id="s" class="level2"><h2 class="anchored" data-anchor-id="s">Section<a class="anchorjs-link" href="#s">#</a>
</h2>
<p>Of <strong>1,234</strong> women; <span class="math inline"><math><mi>x</mi></math></span>.</p>
<p><span id="eq-a"><span class="math display"><math><mtext>(1)</mtext></math></span></span></p>
<div id="tbl-a" class="cell quarto-float quarto-figure"><figure class="quarto-float quarto-float-tbl figure">
<figcaption class="quarto-float-caption-top quarto-float-caption">Table&nbsp;1: Caption</figcaption>
<div aria-describedby="tbl-a-caption"><div class="cell-output cell-output-display">
<table class="caption-top table"><thead><tr><th>n</th></tr></thead><tbody><tr><td>12</td></tr></tbody></table>
</div></div></figure></div>
<details class="code-fold"><summary>Code</summary><div class="sourceCode cell-code">
<pre class="sourceCode"><code>f(<span class="dv">1</span>)</code><button title="Copy to Clipboard"
class="code-copy-button"><i class="bi"></i></button></pre></div></details>
<p><img src="a.png" class="img-fluid" alt="A curve"></p></section></main>"""
PREVIEW = """<main class="content"><header><div><h1 class="title">T</h1></div></header><section id="s"><h2>Section</h2>
<p>Of <strong>1,234</strong> women; <math><mi>x</mi></math>.</p><div><p><math></math></p><p>(1)</p></div>
<div id="tbl-a"><figure><figcaption>
Table 1: Caption
</figcaption><div class="table-scroll">
<table><thead><tr><th>n</th></tr></thead><tbody><tr><td>12</td></tr></tbody></table>
</div></figure></div><details><summary>Code</summary><pre><code>f(1)</code></pre><button>Copy</button></details>
<p><img src="a.png" alt="A curve" /></p></section></main>"""


def make_project(folder: Path) -> Path:
    """Make a site of the kinds of content that a report has."""
    folder.mkdir()
    (folder / "_quarto.yml").write_text(CONFIG)
    (folder / "index.qmd").write_text(INDEX)
    (folder / "methods.qmd").write_text(METHODS)
    shutil.copy(Path(__file__).parent / "sample" / "references.bib", folder)
    cells = [
        raw_cell("---\ntitle: Survival\n---"),
        markdown_cell("Who is counted: everyone, see [the model](../../../methods.qmd#model)."),
        code_cell(
            '#| label: fig-km\n#| fig-cap: Survival from 0 to 3 years\n#| fig-alt: A falling "step" curve\ndraw(curve)',
            [draw_curve("png")],
        ),
        code_cell(
            "#| label: tbl-median\n#| tbl-cap: Median survival\n#| echo: false\nshow(table)",
            [show("text/markdown", TABLE)],
        ),
        code_cell("#| echo: false\nsay()", [show("text/markdown", "Of **98,765** people, 45% survived; see @fig-km.")]),
    ]
    write_notebook(folder / "runs" / "a" / "notebooks" / "04-survival.ipynb", cells)
    return folder


def read_site(project: Path) -> dict[str, dict[str, list[str]]]:
    pages = sorted((project / "_site").rglob("*.html"))
    return {str(p.relative_to(project / "_site")): read_content(p.read_text(encoding="utf-8")) for p in pages}


def draw(folder: Path, renderer: str) -> dict[str, dict[str, list[str]]]:
    project = make_project(folder / "project")
    render_site(project, renderer=renderer)
    return read_site(project)


@pytest.mark.parametrize(
    "renderer",
    [
        "preview",
        pytest.param("quarto", marks=pytest.mark.skipif(not shutil.which("quarto"), reason="Quarto is not here")),
    ],
)
def test_pages_say_what_the_golden_file_says(tmp_path, renderer):
    golden, drawn = json.loads(GOLDEN.read_text(encoding="utf-8")), draw(tmp_path, renderer)
    assert set(drawn) == set(golden)
    assert [f"{page}: {each}" for page in golden for each in list_differences(golden[page], drawn[page])] == []


def test_the_markup_of_both_renderers_is_read_alike():
    assert read_content(QUARTO) == read_content(PREVIEW)
    assert read_content(QUARTO) == {
        "headings": ["T", "Section"],
        "captions": ["Table 1: Caption"],
        "cells": ["n", "12"],
        "text": ["Of 1,234 women; .", "Code"],
        "code": ["f(1)"],
        "alts": ["A curve"],
        "numbers": ["1,234", "1", "12"],
    }


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (("1,234", "1,235"), ["text 0: 'Of 1,234 women; .' and 'Of 1,235 women; .'", "numbers 0: '1,234' and '1,235'"]),
        (("<td>12</td>", "<td>12</td><td>13</td>"), ["cells: 2 and 3", "numbers: 3 and 4"]),
        (("Table 1: Caption", "Table 2: Caption"), ["captions 0: 'Table 1: Caption' and 'Table 2: Caption'"]),
        (('alt="A curve"', 'alt=""'), ["alts: 1 and 0"]),
        (("f(1)", "f(2)"), ["code 0: 'f(1)' and 'f(2)'"]),
    ],
)
def test_a_difference_in_text_numbers_captions_cells_code_or_alternatives_is_seen(change, seen):
    found = list(list_differences(read_content(PREVIEW), read_content(PREVIEW.replace(*change))))
    assert found[: len(seen)] == seen or set(seen) <= set(found)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        pages = draw(Path(scratch), "preview")
    GOLDEN.write_text(json.dumps(pages, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
