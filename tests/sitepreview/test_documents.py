"""Pages of a built site as one Word file and one PDF: tables stay tables, links stay in the document."""

from __future__ import annotations

import re
import zipfile

import docx
import pytest

from sitepreview.documents import write_documents

PAGE = """<!doctype html><html><body><nav><a href="index.html">Menu entry</a></nav>
<main id="quarto-document-content"><header id="title-block-header"><h1 class="title">{title}</h1></header>
<p>With <a href="#one">a part</a>, <a href="b.html#one">another page</a>, <a href="c.html">a page outside</a>
and <a href="#ref-cox1972" role="doc-biblioref">Cox 1972</a>.</p>
<section id="one"><h2>Part of {title}</h2><pre><code>hidden_code()</code></pre>
<table><thead><tr><th>Year</th><th>People</th></tr></thead>
<tbody><tr><td>2019</td><td>1,234</td></tr><tr><td colspan="2">everyone</td></tr></tbody></table>
<p><math display="block" xmlns="http://www.w3.org/1998/Math/MathML"><msup><mi>x</mi><mn>2</mn></msup></math></p></section>
<section id="references"><h2>References</h2><div id="refs"><div id="ref-cox1972" class="csl-entry">Cox 1972.
<em>Regression models</em>.</div></div></section></main></body></html>"""


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    for name, title in (("a", "First"), ("b", "Second")):
        (folder / f"{name}.html").write_text(PAGE.format(title=title), encoding="utf-8")
    return folder


def write(site, name):
    return write_documents(site, ["a.html", "b.html"], "Title", "Note", site.parent / name)


def test_tables_are_tables_and_each_page_is_a_chapter(site):
    word, _ = write(site, "document")
    document = docx.Document(str(word))
    cells = [[cell.text for cell in row.cells] for row in document.tables[0].rows]
    assert len(document.tables) == 2
    assert cells[:2] == [["Year", "People"], ["2019", "1,234"]]
    headings = [p.text for p in document.paragraphs if p.style.name == "Heading 1"]
    assert headings == ["First", "Second", "References"]


def test_code_menus_and_links_to_other_pages_are_left_out(site):
    word, _ = write(site, "document")
    xml = zipfile.ZipFile(word).read("word/document.xml").decode()
    assert "hidden_code" not in xml and "Menu entry" not in xml
    assert "a page outside" in xml
    anchors = set(re.findall(r'w:anchor="([^"]+)"', xml))
    marks = set(re.findall(r'<w:bookmarkStart[^>]*w:name="([^"]+)"', xml))
    assert {"a-one", "b-one", "ref-cox1972"} <= anchors <= marks
    assert xml.count("Regression models") == 1


def test_formulae_are_formulae(site):
    word, _ = write(site, "document")
    assert "<m:sSup>" in zipfile.ZipFile(word).read("word/document.xml").decode()


def test_two_builds_are_the_same_bytes_and_nothing_is_left_in_the_site(site):
    before = sorted(file.name for file in site.iterdir())
    first, again = write(site, "first"), write(site, "again")
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert first[1].read_bytes().startswith(b"%PDF-")
    assert sorted(file.name for file in site.iterdir()) == before


def test_a_page_that_is_not_there_is_named(site):
    with pytest.raises(FileNotFoundError, match=r"gone\.html"):
        write_documents(site, ["gone.html"], "Title", "Note", site.parent / "document")
