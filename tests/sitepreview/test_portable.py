"""Every refusal, one by one: what is written where, and the file, line and advice that come back."""

import json

import pytest
from sample_project import code_cell, markdown_cell, raw_cell, write_notebook

from sitepreview import check_portable

FRONT = "---\ntitle: Page\n---\n"


def add_to_page(project, text, page="index.qmd"):
    """Append lines to a page; give the number of the first."""
    file = project / page
    old = file.read_text()
    file.write_text(old + text + "\n")
    return old.count("\n") + 1


def only(problems):
    assert len(problems) == 1, [str(p) for p in problems]
    return problems[0]


@pytest.mark.parametrize(
    ("text", "line", "what", "instead"),
    [
        ("```{python}\n1 + 1\n```", 0, "a cell that runs, {python}", "to show code: {.python}"),
        ("```{r}\nx\n```", 0, "a cell that runs, {r}", "put it into a notebook"),
        ("```{mermaid}\ngraph\n```", 0, "a mermaid diagram", "commit an SVG"),
        ("```{dot}\ngraph\n```", 0, "a dot diagram", "commit an SVG"),
        ("```python\nx = 1  # <1>\n```", 1, "a code annotation", "say it in the text"),
        ("```\n{{< var audit.period >}}\n```", 1, "inside a code block", "outside the block"),
        ("{{< kbd Ctrl-P >}}", 0, "unknown shortcode 'kbd'", "include, embed, var, meta, pagebreak"),
        ("See {{< var audit.nothing >}}.", 0, "var 'audit.nothing' is not defined", "_variables.yml"),
        ("See {{< meta nothing >}}.", 0, "meta 'nothing' is not defined", "front matter"),
        ("{{< include /_includes/none.qmd >}}", 0, "no such file in the project", "/folder/file.qmd"),
        ("{{< include ../outside.qmd >}}", 0, "no such file in the project", "/folder/file.qmd"),
        ("Within {{< include /_includes/shared.qmd >}} text", 0, "include within a line", "a line of its own"),
        ("{{< embed runs/england/none.ipynb#x >}}", 0, "no notebook runs/england/none.ipynb", "executed notebook"),
        (
            "{{< embed runs/england/04-survival.ipynb#fig-none >}}",
            0,
            "no cell labelled 'fig-none'",
            "fig-km, fig-halves",
        ),
        (
            "{{< embed /runs/england/04-survival.ipynb#fig-km >}}",
            0,
            "starts at the project's top",
            "folder of the page",
        ),
        ("{{< embed runs/england/04-survival.ipynb >}}", 0, "not of a known form", "notebook.ipynb#label"),
        ("@fig-none shows", 0, "@fig-none: no such label on this page", "[text](page.qmd#fig-none)"),
        ("@sec-methods says", 0, "@sec-methods: references of this kind", "[text](#sec-methods)"),
        ("@thm-a says", 0, "@thm-a: references of this kind", "[text](#thm-a)"),
        ("As said [@nobody2020].", 0, "@nobody2020: no such entry", "add it"),
        ("![again](assets/flow.svg){#fig-flow}", 0, "label 'fig-flow' is used twice", "rename one"),
        ("![x](assets/flow.svg){#lst-x}", 0, "label 'lst-x' is of a kind", "fig-, tbl- or eq-"),
        ("::: {.grid}\nx\n:::", 0, "class .grid", "layout-ncol"),
        (":::: {.columns}\n::: {.column-margin}\nx\n:::\n::::", 0, "class .columns", "layout-ncol"),
        ('::: {.content-hidden when-format="pdf"}\nx\n:::', 0, "class .content-hidden", "content-visible"),
        ('::: {.content-visible when-profile="x"}\nx\n:::', 0, "attribute when-profile=", "when-format"),
        ('::: {#fig-z layout="[[1,1]]"}\nx\n\ncap\n:::', 0, "attribute layout=", "layout-ncol"),
        ("[x]{.aside}", 0, "class .aside", "column-margin"),
        ("![x](https://example.org/x.png)", 0, "https://example.org/x.png would be fetched", "commit the file"),
        ('<img src="//cdn.org/x.png" alt="x">', 0, "//cdn.org/x.png would be fetched", "commit the file"),
        ("## The $x$ of it", 0, "maths or a link in a heading", "in words"),
        ("### See [there](x.qmd)", 0, "maths or a link in a heading", "in words"),
        ("<script>alert(1)</script>", 0, "a <script> with its code on the page", "a local file"),
        ("text\n\n<script>\nalert(1)\n</script>", 2, "a <script> with its code on the page", "a local file"),
        ('<script type="module">go()</script>', 0, "a <script> with its code on the page", "a local file"),
        ('<script type="application/json-seq">1</script>', 0, "a <script> with its code", "a local file"),
        ('<script\nsrc="assets/look.css"></script>', 0, "a <script> tag over several lines", "one line"),
        ('<script src="https://cdn.org/x.js"></script>', 0, "https://cdn.org/x.js would be fetched", "commit the file"),
        ("<script src=//cdn.org/x.js></script>", 0, "//cdn.org/x.js would be fetched", "commit the file"),
        ('<link rel="stylesheet" href="//cdn.org/x.css">', 0, "//cdn.org/x.css would be fetched", "commit the file"),
        ('<p class="x" onclick="go()">x</p>', 0, "an inline program, onclick", "a local script"),
        ('<a href="javascript:go()">x</a>', 0, "an inline program, javascript", "a local script"),
        ("```{=html}\n<script>alert(1)</script>\n```", 1, "a <script> with its code on the page", "a local file"),
        ('```{=html}\n<img src="https://x.org/x.png" alt="x">\n```', 1, "https://x.org/x.png would be", "commit"),
        ("<iframe src='x.html'></iframe>", 0, "a <iframe> tag", "a static figure"),
        ("![x](attachment:x.png)", 0, "an attachment image", "commit the image"),
    ],
)
def test_page_refusals(sample, text, line, what, instead):
    first = add_to_page(sample, text)
    problem = only(check_portable(sample))
    assert (problem.file, problem.line, problem.cell) == ("index.qmd", first + line, None)
    assert what in problem.what
    assert instead in problem.instead
    assert str(problem).startswith(f"index.qmd:{first + line}: ")


@pytest.mark.parametrize(
    "text",
    [
        "Write `@fig-none`, `{{< kbd x >}}` or `[@x]` in code.",
        "```\n@fig-none and ![x](https://example.org/x.png)\n```",
        "<!-- @fig-none -->",
        "<!--\n@fig-none\n-->",
        "Mail to someone@example.org or look at https://example.org/@user; \\@nobody.",
        "[NHS](https://www.nhs.uk) is a link, not a request.",
        "```{.python}\nx\n```",
        "![new](assets/flow.svg){#fig-new fig-alt='x'} @kaplan1958; @fig-new.",
        '<link rel="stylesheet" href="assets/look.css">\n<script src="assets/look.js"></script>',
        '<script type="application/json" id="data">{"mail": "a @nobody", "url": "https://x.org"}</script>',
        '<script type="application/json">\n{"a": "@nobody <b onclick=x> {#fig-flow}"}\n</script>\n\n@fig-flow',
    ],
)
def test_what_is_not_refused(sample, text):
    add_to_page(sample, text)
    assert check_portable(sample) == []


def test_problem_in_an_included_file_names_that_file(sample):
    (sample / "_includes" / "shared.qmd").write_text("---\ntitle: x\n---\nfine\n\n@fig-none\n")
    problem = only([p for p in check_portable(sample) if p.file != "index.qmd"])
    assert (problem.file, problem.line) == ("_includes/shared.qmd", 6)


def test_relative_path_inside_an_included_file(sample):
    (sample / "_includes" / "shared.qmd").write_text("{{< include banner.qmd >}}\n")
    problem = only(check_portable(sample))
    assert (problem.file, problem.line) == ("_includes/shared.qmd", 1)
    assert "relative path inside an included file" in problem.what


def test_include_without_end(sample):
    (sample / "_includes" / "shared.qmd").write_text("{{< include /_includes/shared.qmd >}}\n")
    assert "nested deeper than 5" in only(check_portable(sample)).what


@pytest.mark.parametrize(
    ("front", "line", "what"),
    [
        ("title: x\nabstract: y", 3, "front matter abstract:"),
        ("title: x\nformat: pdf", 3, "front matter format:"),
        ("title: x\nnumber-sections: true", 3, "front matter number-sections:"),
        ("title: x\nauthor: [A, B]", 3, "author is not a text"),
        ("title: x\ndate: today", 3, "date 'today' is not a day"),
        ("subtitle: x", 1, "no title"),
        ("title: x\nbibliography: none.bib", 3, "'none.bib' is not a file"),
        ("title: x\n\tbad: y", 3, "cannot read YAML"),
        ("title: x\nsearch: yes please", 3, "search: yes please says nothing"),
    ],
)
def test_front_matter_refusals(sample, front, line, what):
    page = sample / "new.qmd"
    page.write_text(f"---\n{front}\n---\n")
    config = sample / "_quarto.yml"
    config.write_text(config.read_text().replace("    - index.qmd\n", "    - index.qmd\n    - new.qmd\n", 1))
    found = [(p.line, p.what) for p in check_portable(sample) if p.file == "new.qmd"]
    assert [row for row, text in found if what in text] == [line]


@pytest.mark.parametrize(
    ("old", "new", "what", "at"),
    [
        (
            "      - index.qmd\n      - section",
            "      - auto: gone/*\n      - section",
            "lists 'gone/*', in which",
            "auto: gone/*",
        ),
        ("type: website", "type: book", "project.type is 'book'", "type: book"),
        ("  html:\n", "  pdf: default\n  html:\n", "format.pdf is outside", "pdf: default"),
        ("lang: en-GB", "filters: [a.lua]", "filters is outside", "filters:"),
        ("lang: en-GB", "crossref: {fig-title: Abb.}", "crossref is outside", "crossref:"),
        ("lang: en-GB", "engine: knitr", "engine is outside", "engine:"),
        ("lang: en-GB", "number-sections: true", "number-sections is outside", "number-sections:"),
        ("light: cosmo", "light: [cosmo, custom.scss]", "layer 'custom.scss' is not an scss file", "light:"),
        ("light: cosmo", "light: [cosmo, assets/look.css]", "layer 'assets/look.css' is not an scss file", "light:"),
        ("light: cosmo", "light: [assets/look.css]", "theme 'assets/look.css' is not one Bootswatch theme", "light:"),
        ("lang: en-GB", "from: gfm", "from: gfm is not Pandoc's Markdown", "from:"),
        ("dark: darkly", "dark: midnight", "theme 'midnight' is not one Bootswatch theme", "dark:"),
        ("css: assets/look.css", "css: assets/none.css", "css 'assets/none.css' is not a file", "css:"),
        ("html-math-method: mathml", "html-math-method: katex", "html-math-method is 'katex'", "html-math-method"),
        ("    html-math-method: mathml\n", "", "html-math-method is missing", "  html:"),
        ("notebook-links: false", "", "notebook-links is missing", None),
        ("  enabled: false", "  enabled: true", "execute.enabled is True", "enabled:"),
        ("bibliography: references.bib", "bibliography: none.bib", "'none.bib' is not a file", "bibliography:"),
        ("lang: en-GB", "csl: none.csl", "csl 'none.csl' is not a file", "csl:"),
        ("    - index.qmd\n", "    - index.qmd\n    - gone.qmd\n", "names 'gone.qmd'", "- gone.qmd"),
        ("    - index.qmd\n", "", "the site has no front page", "render:"),
        ('title: "Sample audit"', 'title: "{{< var x >}}"', "a shortcode in _quarto.yml", "{{< var x >}}"),
        (
            "      - text: Home\n        href: index.qmd",
            "      - icon: house\n        href: index.qmd",
            "icon is outside",
            "icon",
        ),
        (
            "      - text: Home\n        href: index.qmd",
            "      - index.qmd",
            "a navbar entry without text",
            "      - index.qmd",
        ),
        (
            "        href: methodology/survival.qmd",
            "        href: methodology/none.qmd",
            "which is no page",
            "none.qmd",
        ),
        ("    style: docked", "    style: docked\n    logo: x.png", "website.sidebar.logo is outside", "logo"),
    ],
)
def test_config_refusals(sample, old, new, what, at):
    config = sample / "_quarto.yml"
    text = config.read_text()
    assert old in text
    changed = text.replace(old, new, 1)
    config.write_text(changed)
    found = [p for p in check_portable(sample) if what in p.what]
    assert found, [str(p) for p in check_portable(sample)]
    assert found[0].file == "_quarto.yml"
    if at is not None:
        assert at in changed.split("\n")[found[0].line - 1]


def test_what_a_site_says_of_itself_is_allowed(sample):
    (sample / "assets" / "offline.scss").write_text("/*-- scss:defaults --*/\n$web-font-path: false !default;\n")
    (sample / "assets" / "mark.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    config = sample / "_quarto.yml"
    text = config.read_text().replace("light: cosmo", "light: [cosmo, assets/offline.scss]")
    text = text.replace(
        "  search: true\n",
        "  search: true\n  favicon: assets/mark.svg\n  site-url: https://example.org/audit\n"
        "  repo-url: https://example.org/repository\n  repo-actions: [source, issue]\n",
    )
    text = text.replace("  sidebar:\n    style: docked\n    contents:", "  sidebar:\n    - id: all\n      contents:")
    config.write_text(text + "from: markdown-markdown_in_html_blocks\ncitation: true\nlicense: MIT\n")
    page = sample / "index.qmd"
    page.write_text(page.read_text().replace("---\n", "---\nsearch: false\nlicense: MIT\ncitation: true\n", 1))
    assert check_portable(sample) == []


def test_two_sources_of_one_page(sample):
    write_notebook(sample / "index.ipynb", [raw_cell(FRONT), markdown_cell("x")])
    config = sample / "_quarto.yml"
    config.write_text(config.read_text().replace("    - index.qmd\n", "    - index.qmd\n    - index.ipynb\n", 1))
    assert any("makes the same page index.html" in p.what for p in check_portable(sample))


@pytest.mark.parametrize("name", ["_metadata.yml", "methodology/_metadata.yml", "_quarto.yml.local"])
def test_files_that_only_quarto_reads(sample, name):
    (sample / name).write_text("toc: false\n")
    problem = only(check_portable(sample))
    assert problem.file == name and "only Quarto" in problem.what


def html_output(mime, value="<b>1</b>"):
    return {"output_type": "display_data", "data": {mime: value, "text/plain": "1"}, "metadata": {}}


PNG = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=", "text/plain": "Figure"}, "metadata": {}}
ERROR = {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": []}
WIDGET = {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}, "metadata": {}}
PLOTLY = {"output_type": "display_data", "data": {"application/vnd.plotly.v1+json": {}}, "metadata": {}}


@pytest.mark.parametrize(
    ("cell", "line", "what", "instead"),
    [
        (code_cell("1", count=None), None, "a cell that was not run", "execute"),
        (code_cell("1", [ERROR]), None, "an error output, KeyError", "run it again"),
        (code_cell("1", [html_output("text/html")]), None, "a text/html output", "image/svg+xml or image/png"),
        (
            code_cell("1", [html_output("application/javascript")]),
            None,
            "application/javascript",
            "image/svg+xml or image/png",
        ),
        (code_cell("1", [WIDGET]), None, "no static form", "PNG or SVG"),
        (code_cell("1", [PLOTLY]), None, "application/vnd.plotly.v1+json", "PNG or SVG"),
        (code_cell("#| echo: false\n#| column: page\n1"), 2, "cell option column", "one of"),
        (code_cell("#| label: fig-a\n#| fig-alt: x\n1", [PNG]), 1, "fig-a has no caption", "fig-cap"),
        (
            code_cell("#| echo: false\n#| label: fig-a\n#| fig-cap: x\n1", [PNG]),
            2,
            "without a text alternative",
            "fig-alt",
        ),
        (code_cell("draw()", [PNG]), None, "the cell shows a figure without", "fig-alt"),
        (code_cell("#| label: tbl-a\n1"), 1, "tbl-a has no caption", "tbl-cap"),
        (code_cell("#| label: fig-a\n#| fig-cap: x\n#| fig-alt: y\n1", [PNG, PNG]), 1, "shows 2 figures", "fig-subcap"),
        (code_cell("1", tags=["remove-input"]), None, "cell tag 'remove-input'", "echo: false"),
        (markdown_cell("fine\n\n@fig-none"), 3, "@fig-none", "label it"),
        (markdown_cell("{{< embed 04-survival.ipynb#fig-km >}}"), 1, "embed inside a notebook", "from a .qmd page"),
        (raw_cell("x"), None, "a raw cell after the first", "Markdown"),
    ],
)
def test_notebook_refusals(sample, cell, line, what, instead):
    path = sample / "runs" / "wales" / "01-new.ipynb"
    write_notebook(path, [raw_cell("---\ntitle: New\n---"), cell])
    problem = only(check_portable(sample))
    assert (problem.file, problem.cell, problem.line) == ("runs/wales/01-new.ipynb", 2, line)
    assert what in problem.what and instead in problem.instead
    assert str(problem).startswith("runs/wales/01-new.ipynb: cell 2")


def test_notebook_without_front_matter_or_form(sample):
    write_notebook(sample / "runs" / "wales" / "01-new.ipynb", [markdown_cell("x")])
    (sample / "runs" / "wales" / "02-new.ipynb").write_text(json.dumps({"worksheets": []}))
    found = {p.file: p.what for p in check_portable(sample)}
    assert found["runs/wales/01-new.ipynb"] == "no front matter"
    assert "not a notebook" in found["runs/wales/02-new.ipynb"]


def test_embedded_output_must_not_link_from_the_notebooks_folder(sample):
    file = sample / "runs" / "england" / "04-survival.ipynb"
    file.write_text(file.read_text().replace("see @fig-km.", "see [it](../../index.qmd)."))
    problem = only(check_portable(sample))
    assert (problem.file, problem.cell) == ("runs/england/04-survival.ipynb", 9)
    assert "relative link ../../index.qmd" in problem.what and "from the top" in problem.instead


def test_cells_that_were_not_run_are_listed_once_a_notebook(sample):
    cells = [
        raw_cell("---\ntitle: New\n---"),
        code_cell("1", count=None),
        code_cell("", count=None),
        code_cell("2", count=None),
    ]
    write_notebook(sample / "runs" / "wales" / "01-new.ipynb", cells)
    problem = only(check_portable(sample))
    assert (problem.cell, problem.what) == (2, "cells that were not run: 2, 4")


def test_embedding_a_cell_that_was_not_run(sample):
    cells = [raw_cell("---\ntitle: New\n---"), code_cell("#| label: one\n1", [html_output("image/x")], count=None)]
    write_notebook(sample / "notebooks" / "01-new.ipynb", cells)
    add_to_page(sample, "{{< embed notebooks/01-new.ipynb#one >}}")
    problem = only(check_portable(sample))
    assert (problem.file, problem.cell, problem.what) == ("notebooks/01-new.ipynb", 2, "a cell that was not run")


def test_source_notebooks_are_checked_but_may_be_unrun(sample):
    cells = [
        raw_cell("---\ntitle: Source\n---"),
        code_cell("1", count=None),
        code_cell("2", [html_output("text/html")]),
    ]
    write_notebook(sample / "notebooks" / "01-source.ipynb", cells)
    problem = only(check_portable(sample))
    assert (problem.file, problem.cell) == ("notebooks/01-source.ipynb", 3)


def test_problems_are_sorted_and_all_there(sample):
    first = add_to_page(sample, "@fig-b\n\n@fig-a\n\n{{< kbd x >}}")
    add_to_page(sample, "@sec-a", "methodology/survival.qmd")
    found = check_portable(sample)
    assert [(p.file, p.line) for p in found][:3] == [
        ("index.qmd", first),
        ("index.qmd", first + 2),
        ("index.qmd", first + 4),
    ]
    assert found[3].file == "methodology/survival.qmd" and len(found) == 4
