"""The preview renderer on the sample project: numbers, captions, link targets, offline, search, determinism."""

import filecmp
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pypandoc
import pytest
from sample_project import make_sample, read_index

from sitepreview import Problem, Refused, check_portable, check_site, check_sources, render_site
from sitepreview.__main__ import main
from sitepreview.draw import find_sidebar
from sitepreview.htmlpage import read_html
from sitepreview.portable import read_checked
from sitepreview.source import join_lines

NOTEBOOK = "runs/england/04-survival.html"
NBSP = "\N{NO-BREAK SPACE}"


def read(project, page):
    return (project / "_site" / page).read_text(encoding="utf-8")


def text_of(html):
    """Strip tags and squeeze blanks, so that a test reads as the page does."""
    import html as entities

    plain = re.sub(r"<annotation.*?</annotation>|<[^>]+>", "", html, flags=re.S)
    return re.sub(r"[ \n]+", " ", entities.unescape(plain)).replace(NBSP, " ").strip()


def captions(html):
    return [text_of(c) for c in re.findall(r"<figcaption.*?</figcaption>", html, re.S)]


def main_of(html):
    return html[html.index("<main") : html.index("</main>")]


def test_sample_is_portable_and_clean(built):
    project, report, rows = built
    assert check_portable(project) == []
    assert check_site(project / "_site") == []
    assert (report.renderer, report.pages, report.why) == ("preview", 3, "asked for")
    assert re.fullmatch(r"pandoc [\d.]+, smalldocs [\d.]+", report.version)
    assert rows[0] == "renderer: preview (asked for)"


def test_figures_and_tables_are_numbered_page_by_page(built):
    project, _, _ = built
    assert captions(read(project, "index.html")) == [
        "Figure 1: Survival, with S(t) [see methods]",
        "Table 1: Median survival",
        "Figure 2: A drawing of the flow.",
        "(a) First half",
        "(b) Second half",
        "Figure 3: A pair of drawings.",
    ]
    assert captions(read(project, "methodology/survival.html")) == ["Table 1: Women by stage", "Figure 1"]
    assert captions(read(project, NOTEBOOK)) == [
        "Figure 1: Survival, with S(t) [see methods]",
        "(a) Left",
        "(b) Right",
        "Figure 2: Two halves",
        "Table 1: Median survival",
    ]


def test_references_say_and_lead_where_they_should(built):
    project, _, _ = built
    found = re.findall(r'<a href="(#[\w-]+)" class="quarto-xref">([^<]*)</a>', read(project, "index.html"))
    assert [(target, text.replace(NBSP, " ")) for target, text in found] == [
        ("#fig-km", "Figure 1"),
        ("#tbl-median", "Table 1"),
        ("#fig-km", "Fig. 1"),
        ("#fig-km", "1"),
        ("#fig-km", "Figure 1"),  # in the embedded sentence
        ("#fig-pair", "Figure 3"),
        ("#fig-pair-a", "Figure 3 (a)"),
        ("#fig-pair-b", "Figure 3 (b)"),
        ("#fig-flow", "Figure 2"),
    ]
    methods = read(project, "methodology/survival.html")
    assert '<a href="#eq-km" class="quarto-xref">Equation' in methods
    assert re.search(r'<span id="eq-cox" class="equation">.*?<span class="equation-number">\(2\)</span>', methods, re.S)
    sub = re.findall(r'<a href="#fig-halves-1" class="quarto-xref">([^<]*)</a>', read(project, NOTEBOOK))
    assert [s.replace(NBSP, " ") for s in sub] == ["Figure 2 (a)"]


def test_links_lead_to_built_pages(built):
    project, _, _ = built
    methods = read(project, "methodology/survival.html")
    assert '<a href="../index.html#fig-km">on the front page</a>' in methods
    assert '<a href="../runs/england/04-survival.html#fig-km">in the notebook</a>' in methods
    assert '<a href="../../methodology/survival.html#kaplan-meier">its page</a>' in read(project, NOTEBOOK)
    assert '<a href="methodology/survival.html#kaplan-meier">the methods</a>' in read(project, "index.html")
    assert (
        project / "_site" / "definitions" / "codes.csv"
    ).read_text() == "code,term\nC50,Malignant neoplasm of breast\n"
    assert ".ipynb" not in "".join(read(project, p) for p in ("index.html", "methodology/survival.html", NOTEBOOK))


def test_citations_are_those_of_citeproc(built):
    project, _, _ = built
    text = text_of(read(project, "methodology/survival.html"))
    assert (
        "The estimator of Kaplan and Meier (1958; see also Cox 1972, ch. 3) is Equation 1; the year alone (1958)."
        in text
    )
    assert "Cox, D. R. 1972. ‘Regression Models and Life-Tables’." in text
    assert text_of(read(project, NOTEBOOK)).count("References Kaplan, E. L., and Paul Meier. 1958.") == 1


def test_markdown_survives_as_pandoc_reads_it(built):
    project, _, _ = built
    html = main_of(read(project, "index.html"))
    text = text_of(html)
    assert "It costs $5 and $6, 3 * 4 * 5 = 60, a_b_c, raw and “quotes” – with an en dash." in text
    assert "this page is What the preview must draw. Plain {{< var audit.period >}} in code stays." in text
    assert "Sample audit, 1 January to 31 December 2021" in text
    assert text.count("This sentence is shared by two pages.") == 1
    assert "Seen in HTML." in text and "Seen in print only." not in text
    assert "<dt>Term</dt>" in html and "<em>emphasis</em>" in html
    assert "H<sub>2</sub>O and x<sup>2</sup>" in read(project, "methodology/survival.html")
    assert "21 November 2026" in text
    assert '<html lang="en-GB"' in read(project, "index.html")


def test_nesting_and_odd_markup(sample):
    shutil.copy(Path(__file__).parent / "odd.qmd", sample / "odd.qmd")
    config = sample / "_quarto.yml"
    config.write_text(config.read_text().replace("    - index.qmd\n", "    - index.qmd\n    - odd.qmd\n", 1))
    render_site(sample, renderer="preview")
    html = main_of(read(sample, "odd.html"))
    text = text_of(html)
    assert re.findall(r'<section id="([\w-]+)" class="level', html) == [
        "england", "same", "england-1", "same-1", "references",
    ]  # fmt: skip
    tabs = re.findall(r'role="tabpanel"(.*?)(?=<div id="tabset|<ol type)', html, re.S)
    assert ["fig-km" in tab for tab in tabs] == [True, False]
    assert ['id="tbl-in"' in tab for tab in tabs] == [False, True]
    assert "Nested1 in a tab, see Table 1 and 1." in text and "Table 1: Caption with a note2 and bold" in text
    assert "note m with code and a second paragraph. ↩︎" in text
    assert html.count('<pre class="python"><code>def ') == 2  # code in a list: no identifiers of its own
    assert '<a href="methodology/survival.html">link</a>' in html
    assert '<p>Raw <strong>HTML</strong> with <a href="index.html#results">a link</a>.</p>' in html
    assert (
        "line two. A – b — c … “q” ‘r’ 50% <del>struck</del> x<sup>a b</sup> <code>a|b</code> © &lt;"
        in html.replace(NBSP, " ")
    )
    assert '<div id="own-id" class="own-class" data-x="1">' in html and 'id="heading-in-div"' in html
    assert "<mtable>" in html and "Odd: things &amp; <code>code</code>" in html


def test_maths_is_mathml(built):
    project, _, _ = built
    methods = read(project, "methodology/survival.html")
    assert methods.count('<math display="block"') == 2
    assert "katex" not in methods.lower() and "mathjax" not in methods.lower()


def test_footnotes_are_numbered_over_the_page(built):
    project, _, _ = built
    html = read(project, "index.html")
    assert [int(n) for n in re.findall(r'<a href="#fn(\d)" class="footnote-ref"', html)] == [1, 2]
    section = html[html.index('<section id="footnotes"') :]
    assert text_of(re.search(r'<li id="fn2">.*?</li>', section, re.S)[0]) == "Second note. ↩︎"


def test_callouts_tabsets_and_margin_are_drawn(built):
    project, _, _ = built
    html = read(project, "index.html")
    assert len(re.findall(r'class="callout callout-style-\w+ callout-(note|warning|tip)', html)) == 3
    assert "A titled note" in html and "A folded warning" in html and 'class="callout-collapse collapse"' in html
    assert re.findall(r'role="tab"[^>]*>([^<]+)</a>', html) == ["England", "Wales"]
    assert '<div class="column-margin">' in html
    assert "<strong>example.py</strong>" in re.sub(r"<pre>|</pre>", "", read(project, "methodology/survival.html"))


def test_notebook_cells_follow_their_options(built):
    project, _, _ = built
    html = main_of(read(project, NOTEBOOK))
    text = text_of(html)
    assert "secret_setup" not in html  # include: false
    assert "show_banner()" not in text  # echo: false
    assert "a warning that is not shown" not in text  # execute.warning: false
    assert 'audit = "england"' in text  # the parameters cell is shown
    assert html.count('<details class="code-fold">') == 3 and "<summary>Draw</summary>" in html
    assert "<p>a <em>plain</em> line</p>" in html and re.search(r"<code[^>]*>a \*plain\* line</code>", html)
    assert re.search(r"<code[^>]*>42</code>", html)
    assert 'alt="A falling &quot;step&quot; curve"' in html
    assert re.findall(r'src="04-survival_files/fig-halves-\d\.(\w+)" alt="([^"]+)"', html) == [
        ("png", "Left curve"),
        ("svg", "Right curve"),
    ]


def test_table_keeps_its_cells_through_markdown(built):
    project, _, _ = built
    html = read(project, "index.html")
    table = re.search(r'<table class="table">.*?</table>', html, re.S)[0]
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
    assert 'aria-labelledby="tbl-median-caption"' in html and 'id="tbl-median-caption"' in html


def test_no_page_asks_the_network(built):
    project, _, _ = built
    for file in (project / "_site").rglob("*"):
        if file.suffix in (".html", ".css"):
            found = file.read_text(encoding="utf-8")
            assert not re.search(r"@import[^;]*//|url\(\s*['\"]?(https?:)?//", found), file
            assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"'](https?:)?//", found), file
    theme = (project / "_site" / "site_libs" / "themes" / "cosmo.min.css").read_text(encoding="utf-8")
    assert ":root,[data-bs-theme=light]{--bs-blue" in theme  # nothing but the import was cut out


def test_every_page_says_who_drew_it(built):
    project, _, _ = built
    for page in ("index.html", "methodology/survival.html", NOTEBOOK):
        footer = re.search(r"<footer.*?</footer>", read(project, page), re.S)[0]
        assert re.search(
            r"Drawn by the preview renderer \(pandoc [\d.]+ and smalldocs [\d.]+\), not by Quarto\.", footer
        )
        assert "Not the national audit" in footer


def test_a_site_without_a_footer_says_it_too(sample):
    config = sample / "_quarto.yml"
    text = config.read_text()
    config.write_text(re.sub(r"  page-footer:\n(    .*\n)+", "", text))
    render_site(sample, renderer="preview")
    assert read(sample, "index.html").count("Drawn by the preview renderer") == 1


def test_search_finds_text_of_every_kind_and_works_from_a_file(built):
    project, _, _ = built
    site = project / "_site"
    entries = read_index(site)
    by_href = {e["href"]: e for e in entries}
    assert "98,765" in by_href["index.html#results"]["text"]  # inside a raw HTML table
    assert by_href["methodology/survival.html#kaplan-meier"]["title"] == "Survival"
    assert by_href["methodology/survival.html#kaplan-meier"]["section"] == "Kaplan–Meier"
    assert not (site / "search.json").exists()
    assert '<script src="../../site_libs/search-file.js"></script></head>' in read(project, NOTEBOOK)


def test_search_can_be_switched_off(sample):
    config = sample / "_quarto.yml"
    config.write_text(config.read_text().replace("search: true", "search: false"))
    render_site(sample, renderer="preview")
    assert not (sample / "_site" / "site_libs" / "search-index.js").exists()


def test_a_page_begins_with_a_way_to_its_text_and_names_its_navigations(built):
    project, _, _ = built
    for page in ("index.html", NOTEBOOK):
        html = read(project, page)
        assert re.search(r'<body[^>]*><a class="skip-link" href="#quarto-document-content">', html)
        assert '<main class="content" id="quarto-document-content" tabindex="-1"' in html
        names = re.findall(r'<nav\b[^>]*?aria-label(?:ledby)?="([^"]*)"', html)
        assert len(names) == html.count("<nav") == len(set(names)), names
        assert re.search(
            r'<button type="button" class="quarto-color-scheme-toggle[^>]*aria-label="Toggle dark mode"', html
        )
        assert "scroll-boxes.js" in html
    assert (project / "_site" / "site_libs" / "scroll-boxes.js").is_file()


def test_a_table_of_html_stays_one_block_where_the_project_says_so(sample):
    config = sample / "_quarto.yml"
    text = config.read_text().replace(
        "html-math-method: mathml", "html-math-method: mathml\n    grid: {body-width: 70em}"
    )
    config.write_text(text + "from: markdown-markdown_in_html_blocks\n")
    project, pages, problems = read_checked(sample)
    assert problems == []
    page = next(page for page in pages if page.path.endswith(".ipynb"))
    command = [pypandoc.get_pandoc_path(), "--from", project.config["from"], "--to", "json"]
    given = join_lines(page.lines)
    tree = subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
    (table,) = [text for text in re.findall(r'"<table(?:[^"\\]|\\.)*"', tree) if "Median" in text]
    assert table.endswith('</table>"') and "1,234" in table
    render_site(sample, renderer="preview")
    assert "1,234" in read(sample, NOTEBOOK)
    assert (sample / "_site" / "preview.css").read_text().startswith("#quarto-content { --sd-body-width: 70em; }")


def test_dark_sidebar_is_mended(built):
    project, _, _ = built
    css = (project / "_site" / "preview.css").read_text()
    assert re.search(r"html\.quarto-dark[^{]*\{[^}]*--bs-tertiary-bg: color-mix\(", css)
    assert re.search(r"html\.quarto-dark[^{]*\{[^}]*--bs-emphasis-color: var\(--bs-body-color\)", css)
    html = read(project, "index.html")
    assert html.index("preview.css") < html.index("assets/look.css")  # the project's own look has the last word


def test_contents_and_page_navigation(built):
    project, _, _ = built
    html = read(project, "index.html")
    assert re.findall(r'id="toc-([\w-]+)"', html) == ["title", "results", "ways-to-say-it"]
    assert 'href="runs/england/04-survival.html" class="pagination-link"' in html


def test_sidebars_by_folder_are_drawn_each_on_its_own_pages(sample):
    config = sample / "_quarto.yml"
    bars = """  sidebar:
    - {title: England, style: docked, contents: "runs/england/*"}
    - title: Methods
      contents:
        - auto: "methodology/*"
"""
    config.write_text(re.sub(r"  sidebar:\n(    .*\n)+", bars, config.read_text()))
    render_site(sample, renderer="preview")
    sidebars = {}
    for page in (NOTEBOOK, "methodology/survival.html"):
        sidebars[page] = text_of(re.search(r'<nav id="quarto-sidebar".*?</nav>', read(sample, page), re.S)[0])
    assert "Kaplan–Meier survival, England" in sidebars[NOTEBOOK]
    assert (
        "Survival" in sidebars["methodology/survival.html"] and "England" not in sidebars["methodology/survival.html"]
    )


def test_two_builds_are_the_same(built, tmp_path):
    project, _, _ = built
    again = make_sample(tmp_path / "again")
    render_site(again, renderer="preview")

    def differing(a, b):
        comparison = filecmp.dircmp(a, b, ignore=[])
        _, different, errors = filecmp.cmpfiles(a, b, comparison.common_files, shallow=False)
        found = comparison.left_only + comparison.right_only + different + errors
        for name in comparison.common_dirs:
            found += differing(f"{a}/{name}", f"{b}/{name}")
        return found

    assert differing(str(project / "_site"), str(again / "_site")) == []


def test_manifest_names_sources(built):
    project, _, _ = built
    manifest = json.loads((project / "_site" / "render.json").read_text())
    assert manifest["renderer"] == "preview" and set(manifest["versions"]) == {"pandoc", "smalldocs"}
    index = next(p for p in manifest["pages"] if p["source"] == "index.qmd")
    assert index["sha256"] == hashlib.sha256((project / "index.qmd").read_bytes()).hexdigest()


def test_refusal_leaves_the_old_site_and_lists_everything(sample):
    render_site(sample, renderer="preview")
    before = read(sample, "index.html")
    (sample / "index.qmd").write_text(
        (sample / "index.qmd").read_text() + "\n@fig-none and @nobody2020\n\n{{< kbd X >}}\n"
    )
    with pytest.raises(Refused) as refusal:
        render_site(sample, renderer="preview")
    shown = str(refusal.value)
    assert all(word in shown for word in ("@fig-none", "@nobody2020", "'kbd'", "3 problems"))
    assert read(sample, "index.html") == before
    assert [p.name for p in sample.iterdir() if p.name.startswith("._site")] == []


def test_broken_link_is_found_after_the_build(sample):
    page = sample / "methodology" / "survival.qmd"
    page.write_text(page.read_text() + "\n[gone](../gone.qmd) [nowhere](../index.qmd#nowhere) ![pic](../gone.png)\n")
    with pytest.raises(Refused) as refusal:
        render_site(sample, renderer="preview")
    found = [p.what for p in refusal.value.problems]
    assert any("broken link ../gone.html" in what for what in found)
    assert any("index.html#nowhere: no such place" in what for what in found)
    assert any("missing image ../gone.png" in what for what in found)
    assert not (sample / "_site").exists()


def test_what_pandoc_warns_of_is_refused_at_its_line(sample):
    page = sample / "methodology" / "survival.qmd"
    line = page.read_text().count("\n") + 2
    page.write_text(page.read_text() + "\n::: {.callout-note}\nNever closed, $\\frac{1}$ broken.\n")
    with pytest.raises(Refused) as refusal:
        render_site(sample, renderer="preview")
    problems = refusal.value.problems
    assert {p.file for p in problems} == {"methodology/survival.qmd"}
    assert any(p.line == line and "unclosed" in p.what for p in problems)
    assert any("frac{1}" in p.what for p in problems)


def test_sources_that_are_not_portable_are_refused(sample):
    check_sources(sample)
    (sample / "index.qmd").write_text((sample / "index.qmd").read_text() + "\n@fig-none\n")
    with pytest.raises(Refused, match="refused: 1 problem to mend first"):
        check_sources(sample)
    with pytest.raises(FileNotFoundError, match="no _quarto.yml"):
        check_sources(sample / "nowhere")


def test_strange_folder_is_not_overwritten(sample, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else"):
        render_site(sample, renderer="preview", out_dir=precious)
    assert (precious / "thesis.txt").read_text() == "mine"


def test_out_dir_and_unknown_renderer(sample, tmp_path):
    report = render_site(sample, renderer="preview", out_dir=tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "index.html").is_file() and report.out_dir == tmp_path / "elsewhere"
    assert not (sample / "_site").exists()
    with pytest.raises(ValueError, match="one of auto, quarto, preview"):
        render_site(sample, renderer="pandoc")


def test_reader_keeps_words_apart_but_not_letters(tmp_path):
    page = tmp_path / "x.html"
    page.write_text(
        "<main><h1>T</h1><p>H<sub>2</sub>O</p><p>end</p><h2 id='a'>Two <em>words</em></h2><td>1</td><td>2</td></main>"
    )
    found = read_html(page)
    assert [(s.anchor, s.heading, " ".join("".join(s.words).split())) for s in found.sections] == [
        ("", "", "H2O end"),
        ("a", "Two words", "1 2"),
    ]


def test_a_caller_may_check_the_built_pages_too(sample):
    def ask_for_a_title(pages):
        seen.append("index.html" in pages)
        return [Problem("index.html", None, "the title is dull", "a better one")]

    seen = []
    with pytest.raises(Refused, match=r"index.html: the title is dull. Instead: a better one"):
        render_site(sample, renderer="preview", own_check=ask_for_a_title)
    assert seen == [True] and not (sample / "_site").exists()


def test_what_a_killed_build_left_is_removed_and_nothing_else(sample):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, another = (sample / f".{name}-build.{gone.pid}-0.tmp" for name in ("_site", "_other"))
    alive = sample / f"._site-build.{os.getpid()}-9999.tmp"
    for folder in (left, another, alive):
        folder.mkdir()
    render_site(sample, renderer="preview")
    assert not left.exists() and another.exists() and alive.exists()


def test_the_command_draws_checks_and_refuses(sample, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # no Quarto
    assert main([str(sample), "--check"]) == 0
    assert capsys.readouterr().out == "every page is inside the portable subset\n"
    assert main([str(sample), "--out", str(tmp_path / "out")]) == 0
    assert "3 pages in" in capsys.readouterr().out and (tmp_path / "out" / "index.html").is_file()
    (sample / "index.qmd").write_text((sample / "index.qmd").read_text() + "\n@fig-none\n")
    for arguments in (["--check"], ["--out", str(tmp_path / "new")]):
        assert main([str(sample), *arguments]) == 2
        assert capsys.readouterr().err.startswith("sitepreview: refused: 1 problem to mend first\n  index.qmd:")
    assert main([str(tmp_path)]) == 2
    assert "no _quarto.yml in" in capsys.readouterr().err


def test_of_several_sidebars_a_page_has_the_one_that_it_is_in():
    def bar(*pages):
        return {"items": [SimpleNamespace(contains=lambda page, own=own: page == own) for own in pages]}

    first, second = bar("a"), bar("b", "c")
    several, one = SimpleNamespace(sidebars=[first, second]), SimpleNamespace(sidebars=[first])
    assert find_sidebar(several, "c") is second
    assert find_sidebar(several, "d") is None
    assert find_sidebar(one, "d") is first
