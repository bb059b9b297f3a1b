"""One document of several pages of a built site, as a Word file and as a PDF, whoever drew the site.

The pages are read as HTML, so that tables, figures and formulae are those of the site; pandoc writes the Word file and
Typst's source, and the wheel `typst` sets the PDF.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import posixpath
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import docx
import pypandoc
import typst
from docx.shared import Mm, Pt
from lxml import html

#: What is on a page for the screen only: code, navigation, scripts, folds
LEFT_OUT = (
    "//pre | //nav | //script | //style | //button | //details | //*[contains(@class, 'sourceCode')]"
    " | //a[contains(@class, 'anchorjs-link')] | //*[contains(@class, 'equation-number')]"
    " | //*[contains(@class, 'quarto-title-meta')] | //*[@id='title-block-header']//*[contains(@class, 'title')]"
)
REFERENCES = "//section[@id='references'] | //section[@id='bibliography']"
#: Tables break over pages and are set small, since they were made for the width of a screen
LOOK = """#show figure: set block(breakable: true)
#set figure(numbering: none, supplement: none)
#show table: set text(size: 7pt)
#show table: set par(justify: false)
#show table: set align(left)
#show raw.where(block: false): it => { show regex("[_/.=]"): sign => sign + sym.zws; it }
#set table(stroke: (x: none, y: 0.3pt + luma(170)), inset: 3pt)
#show link: set text(fill: rgb("#1f4e79"))
"""
#: The first day that a zip file can name: files are the same bytes whenever they are made
NO_DAY = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)


def write_documents(site: str | Path, pages: Sequence[str], title: str, note: str, target: str | Path) -> list[Path]:
    """Write some pages of a built site as one Word file and one PDF.

    Parameters
    ----------
    site : str or Path
        Folder of the built site.
    pages : sequence of str
        Paths of its pages, in the order of the chapters.
    title, note : str
        Of the document; the note is the line below the title.
    target : str or Path
        Path of the files, without an ending.

    Returns
    -------
    list of Path
        The Word file and the PDF. Headings of pages are chapters; references of all pages are one list at the end.

    Raises
    ------
    FileNotFoundError
        For a page that the site does not have.
    """
    root, target = Path(site), Path(target)
    body = _join_pages(root, list(pages))
    about = ["--metadata", f"title={title}", "--metadata", f"subtitle={note}", "--metadata", "lang=en-GB"]
    options = ["--toc", "--toc-depth=2", *about, f"--resource-path={root}"]
    word, pdf = target.with_suffix(".docx"), target.with_suffix(".pdf")
    with tempfile.TemporaryDirectory() as folder:
        look, source = Path(folder, "look.typ"), Path(folder, "document.typ")
        look.write_text(LOOK, encoding="utf-8")
        with mock.patch.dict(os.environ, SOURCE_DATE_EPOCH=str(int(NO_DAY.timestamp()))):
            style = [f"--reference-doc={_write_style(Path(folder, 'style.docx'))}"]
            pypandoc.convert_text(body, "docx", "html", outputfile=str(word), extra_args=[*options, *style])
        own = [
            "--standalone",
            f"--include-in-header={look}",
            "--variable",
            "papersize=a4",
            "--variable",
            "fontsize=10pt",
        ]
        pypandoc.convert_text(body, "typst", "html", outputfile=str(source), extra_args=[*options, *own])
        text = source.read_text(encoding="utf-8").replace(f'"{root}/', '"/')
        source.write_text("#set document(date: none)\n" + text, encoding="utf-8")
        kept = root / f".{target.name}.typ"  # Typst reads pictures below the folder of its source only
        try:
            kept.write_bytes(source.read_bytes())
            typst.compile(str(kept), output=str(pdf), root=str(root), ignore_system_fonts=True)
        finally:
            kept.unlink(missing_ok=True)
    return [word, pdf]


def _write_style(file: Path) -> Path:
    """Write the styles of the Word file: pandoc's, on A4, with small text in tables."""
    subprocess.run(
        [pypandoc.get_pandoc_path(), "--output", file, "--print-default-data-file", "reference.docx"], check=True
    )
    style = docx.Document(str(file))
    style.styles["Compact"].font.size = Pt(7.5)
    style.styles["Verbatim Char"].font.size = Pt(7.5)
    style.styles["Compact"].paragraph_format.space_after = Pt(1)
    for section in style.sections:
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.left_margin = section.right_margin = Mm(18)
    made = io.BytesIO()
    style.save(made)
    with zipfile.ZipFile(made) as parts, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as kept:
        for name in parts.namelist():
            kept.writestr(zipfile.ZipInfo(name), parts.read(name))  # without the time of day
    return file


def _join_pages(root: Path, pages: list[str]) -> str:
    """Return the main parts of pages as one HTML text, with one list of references."""
    chapters: list[str] = []
    references: dict[str, str] = {}
    for page in pages:
        tree = html.document_fromstring((root / page).read_text(encoding="utf-8"))
        heading = tree.xpath("string(//h1)").strip()
        (main,) = tree.xpath("//main")
        for section in main.xpath(REFERENCES):
            for entry in section.xpath(".//*[starts-with(@id, 'ref-')]"):
                entry.tail = None
                references.setdefault(entry.get("id"), html.tostring(entry, encoding="unicode"))
            section.drop_tree()
        for element in main.xpath(LEFT_OUT):
            if element.getparent() is not None:
                element.drop_tree()
        _rename(main, page, pages)
        main.tag = "div"  # pandoc reads the first main part only
        name = html.Element("h1", id=_anchor(page, ""))
        name.text = heading
        chapters += [html.tostring(name, encoding="unicode"), html.tostring(main, encoding="unicode")]
    if references:
        chapters += ["<h1>References</h1>", *(references[key] for key in sorted(references))]
    return "\n".join(chapters)


def _rename(main: html.HtmlElement, page: str, pages: list[str]) -> None:
    """Make identifiers those of the document; links within it stay, those to other pages become their text."""
    for element in main.xpath("descendant-or-self::*[@id]"):
        element.set("id", _anchor(page, element.get("id")))
    for image in main.xpath(".//img[@src]"):
        image.set("width", "13cm")
        image.set("src", posixpath.normpath(posixpath.join(posixpath.dirname(page), image.get("src"))))
    for link in list(main.xpath(".//a[@href]")):
        address = link.get("href")
        if "://" in address or address.startswith("mailto:"):
            continue
        target, _, anchor = address.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), target)) if target else page
        if anchor.startswith("ref-"):
            link.set("href", f"#{anchor}")
        elif target in pages:
            link.set("href", f"#{_anchor(target, anchor)}")
        else:
            link.drop_tag()


def _anchor(page: str, identifier: str) -> str:
    """Return the identifier, in the document, of a place on a page."""
    stem = page.removesuffix(".html").replace("/", "-")
    return f"{stem}-{identifier}" if identifier else stem
