"""A small reader of built HTML pages, on the standard library's parser."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
}  # fmt: skip
INLINE = {
    "a", "abbr", "b", "code", "em", "i", "mark", "math", "mi", "mn", "mo", "mrow", "mtext", "small", "span",
    "strong", "sub", "sup", "u",
}  # fmt: skip
SKIPPED_TEXT = {
    "script", "style", "nav", "annotation", "template", "pre", "summary",
}  # fmt: skip


@dataclass
class Element:
    """One start tag: its name, attributes and line, and whether it stands in the page's main part."""

    tag: str
    attributes: dict[str, str]
    line: int
    in_main: bool


@dataclass
class Section:
    """The text under one heading."""

    anchor: str
    heading: str
    words: list[str] = field(default_factory=list)


@dataclass
class HtmlPage:
    """What the checks and the search index need of a page."""

    title: str
    elements: list[Element]
    sections: list[Section]
    styles: list[tuple[str, int]]


def read_html(file: Path) -> HtmlPage:
    """Read a built page: elements with lines, and the text of the main part by section."""
    reader = _Reader()
    reader.feed(file.read_text(encoding="utf-8"))
    reader.close()
    return HtmlPage(" ".join("".join(reader.title).split()), reader.elements, reader.sections, reader.styles)


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.sections = [Section("", "")]
        self.styles: list[tuple[str, int]] = []
        self.title: list[str] = []
        self.stack: list[str] = []
        self.heading: Section | None = None

    def handle_starttag(self, tag, attrs):
        attributes = {name: value or "" for name, value in attrs}
        in_main = "main" in self.stack
        self.elements.append(Element(tag, attributes, self.getpos()[0], in_main))
        if in_main and tag in ("h2", "h3", "h4"):
            self.heading = Section(attributes.get("data-anchor-id") or attributes.get("id", ""), "")
        if tag not in VOID:
            self.stack.append(tag)
        if tag not in INLINE:
            self.sections[-1].words.append(" ")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag in self.stack:
            while self.stack.pop() != tag:
                pass
        if self.heading is not None and tag in ("h2", "h3", "h4"):
            self.heading.heading = " ".join(self.heading.heading.split())
            self.sections.append(self.heading)
            self.heading = None

    def handle_data(self, data):
        if self.stack and self.stack[-1] == "style":
            self.styles.append((data, self.getpos()[0]))
        if "main" not in self.stack:
            return
        if "h1" in self.stack:
            self.title.append(data)
        elif self.heading is not None:
            self.heading.heading += data
        elif not SKIPPED_TEXT.intersection(self.stack):
            self.sections[-1].words.append(data)
