"""What a page of a site says, read alike from the HTML of either renderer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser

#: Element -> what its text is. Text belongs to the innermost of these elements.
KINDS = {
    **dict.fromkeys(("h1", "h2", "h3", "h4"), "headings"),
    **dict.fromkeys(("figcaption", "caption"), "captions"),
    **dict.fromkeys(("td", "th"), "cells"),
    **dict.fromkeys(("p", "li", "dt", "dd", "summary", "blockquote"), "text"),
    "pre": "code",
}
#: What a renderer adds: programs, buttons, lists of contents, the source of a formula, numbers beside formulae
SKIPPED = {"script", "style", "button", "nav", "annotation", "math", "svg"}
ADDED = {"anchorjs-link", "math"}
EMPTY = {"img", "br", "hr", "col", "input", "meta", "link", "source", "wbr"}
NUMBER = re.compile(r"\d[\d,.]*")
#: The number of a formula: beside it in one renderer, within it in the other
OF_FORMULA = re.compile(r"\(\d+\)")


def read_content(html: str) -> dict[str, list[str]]:
    """Read the main part of a page.

    Returns
    -------
    dict of str to list of str
        ``headings, captions, cells, text, code, alts`` in the order of the page, blanks squeezed, and ``numbers``: all
        numbers of the text, captions and cells.
    """
    reader = _Reader()
    reader.feed(html[html.index("<main") : html.index("</main>")])
    squeezed = {kind: map(_squeeze, texts) for kind, texts in reader.found.items()}
    found = {kind: [t for t in texts if t and not OF_FORMULA.fullmatch(t)] for kind, texts in squeezed.items()}
    said = [each for kind in ("text", "captions", "cells") for each in found[kind]]
    return {**found, "numbers": [number.rstrip(".,") for each in said for number in NUMBER.findall(each)]}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {kind: [] for kind in (*dict.fromkeys(KINDS.values()), "alts")}
        self.open: list[tuple[str, bool]] = []  # element, whether it is skipped
        self.blocks: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        values = dict(attrs)
        if tag == "img" and not self._skipping():
            self.found["alts"].append(values.get("alt") or "")
        if tag in EMPTY:
            return
        skipped = tag in SKIPPED or not ADDED.isdisjoint((values.get("class") or "").split())
        self.open.append((tag, skipped or self._skipping()))
        if tag in KINDS and not self._skipping():
            place: list[str] = []
            self.found[KINDS[tag]].append("")
            self.blocks.append((tag, place))
            place.append(str(len(self.found[KINDS[tag]]) - 1))

    def handle_endtag(self, tag: str) -> None:
        while self.open and tag in [name for name, _ in self.open]:
            closed, skipped = self.open.pop()
            if self.blocks and self.blocks[-1][0] == closed and not skipped:
                _, (place, *texts) = self.blocks.pop()
                self.found[KINDS[closed]][int(place)] = "".join(texts)
            if closed == tag:
                return

    def handle_data(self, data: str) -> None:
        if self.blocks and not self._skipping():
            self.blocks[-1][1].append(data)

    def _skipping(self) -> bool:
        return bool(self.open) and self.open[-1][1]


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\N{NO-BREAK SPACE}", " ")).strip()


def list_differences(first: dict[str, list[str]], second: dict[str, list[str]]) -> Iterable[str]:
    """List where two pages differ: the kind, the place, and both texts."""
    for kind in first:
        ours, theirs = first[kind], second[kind]
        if len(ours) != len(theirs):
            yield f"{kind}: {len(ours)} and {len(theirs)}"
        for place, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            if one != other:
                yield f"{kind} {place}: {one!r} and {other!r}"
