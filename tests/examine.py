"""What is wrong with a page in a browser: what axe-core finds, requests to other hosts, width."""

from __future__ import annotations

import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

#: A rule that failed has no nodes: that it found nothing says nothing
AXE = """axe.run(%s, {resultTypes: ["violations"]%s}).then((found) => found.violations.flatMap(
  (rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")} ${node.html.slice(0, 120)}`)).concat(
  found.incomplete.filter((rule) => !rule.nodes.length).map((rule) => `${rule.id}: failed: ${rule.message}`)))"""
#: axe-core before 4.8 cannot read a mixed colour, and no version sees the colour behind text on the shadow that shows
#: that a table can be scrolled: mixed colours are written as others are, without a transition, and the shadow goes.
#: What is folded is opened, so that it is looked at too
PREPARE = r"""document.querySelectorAll("details").forEach((each) => { each.open = true; });
document.head.insertAdjacentHTML("beforeend", `<style>
  * { transition: none !important; animation: none !important }
  .table-scroll { background-image: none !important } </style>`);
const plain = [];
for (const each of document.querySelectorAll("body, body *")) {
  const style = getComputedStyle(each);
  for (const name of ["color", "background-color"]) {
    const mixed = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.e-]+))?\)$/.exec(style[name]);
    if (mixed) plain.push([each, name, mixed.slice(1, 4).map((part) => Math.round(255 * part)), mixed[4] ?? 1]);
  }
}
for (const [each, name, [red, green, blue], opacity] of plain) {
  each.style.setProperty(name, `rgba(${red}, ${green}, ${blue}, ${opacity})`, "important");
} 0"""
#: Contrast follows from colours and size: of a thousand cells that have the same, one is looked at
CONTRAST, OTHERS = ', runOnly: ["color-contrast"]', ', rules: {"color-contrast": {enabled: false}}'
ONE_OF_EACH_COLOUR = """(() => {
  const grounds = new Map([[null, ""]]), found = new Map();
  const behind = (each) => {
    if (!grounds.has(each)) {
      const style = getComputedStyle(each), own = [style.backgroundColor, style.backgroundImage, style.opacity].join();
      grounds.set(each, behind(each.parentElement) + (own === "rgba(0, 0, 0, 0),none,1" ? "" : `|${own}`));
    }
    return grounds.get(each);
  };
  for (const each of document.querySelectorAll("body *")) {
    if (!Array.from(each.childNodes).some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
    if (!each.checkVisibility({visibilityProperty: true}) || !each.getClientRects().length) continue;
    const style = getComputedStyle(each);
    const key = [style.color, style.fontSize, style.fontWeight, style.textShadow, behind(each)].join();
    if (!found.has(key)) found.set(key, each);
  }
  return Array.from(found.values());
})()"""
#: What else can differ in the dark, where a page has the same elements, names and roles in other colours
OTHERS_IN_THE_DARK = ', runOnly: ["link-in-text-block"]'
#: Elements of a page with what is said of them; charts are drawn later
ELEMENTS = """Array.from(document.querySelectorAll("body *:not(.explorer *)")).map(
  (each) => [each.tagName, each.id, each.getAttribute("role"), each.getAttribute("aria-label")].join(" ")).join("|")"""
LOCAL = ("file:", "data:", "blob:", "about:")
WIDE, PHONE = 1300, 390


def read_axe():
    """Read axe-core: a newer one than the environment's where NAOME_AXE names its file."""
    if own := os.environ.get("NAOME_AXE"):
        return Path(own).read_text(encoding="utf-8")
    found = importlib.util.find_spec("axe_core_python")
    if found is None:
        pytest.skip("axe-core-python is not installed")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def list_pages(site):
    return sorted(page for page in site.rglob("*.html") if "site_libs" not in page.relative_to(site).parts)


def examine_all(browsers, site, pages, axe):
    """List what is wrong with some pages, looked at in several browsers at once."""
    free = SimpleQueue()
    for browser in browsers:
        free.put(browser)

    def examine_one(page):
        browser = free.get()
        try:
            return examine(browser, site, page, axe)
        finally:
            free.put(browser)

    with ThreadPoolExecutor(len(browsers)) as pool:
        return [problem for found in pool.map(examine_one, pages) for problem in found]


def examine(browser, site, page, axe):
    """List what is wrong with a page: in light and dark, wide and on a phone."""
    found, before = [], None
    for dark in (False, True):
        browser.open(page.as_uri(), width=WIDE, dark=dark)
        assert browser.run("document.documentElement.classList.contains('quarto-dark')") is dark
        browser.run(f"{axe};0")
        browser.run(PREPARE)
        elements = browser.run(ELEMENTS)
        others = OTHERS_IN_THE_DARK if elements == before else OTHERS
        before = elements
        wrong = browser.run(AXE % ("document", others)) + browser.run(AXE % (ONE_OF_EACH_COLOUR, CONTRAST))
        found += [("dark" if dark else "light", problem) for problem in wrong]
        width = browser.run("document.documentElement.scrollWidth")
        found += [("width", width)] if width > WIDE else []
        found += [("request", url) for url in browser.requests if not url.startswith(LOCAL)]
    browser.resize(PHONE)  # with what is folded opened
    width = browser.run("document.documentElement.scrollWidth")
    found += [("width", width)] if width > PHONE else []
    return [f"{page.relative_to(site)}: {kind}: {what}" for kind, what in found]
