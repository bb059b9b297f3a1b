"""What is wrong with a page in a browser: what axe-core finds, requests to other hosts, width."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

AXE = """axe.run({resultTypes: ["violations"]%s}).then((found) => found.violations.flatMap(
  (rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")} ${node.html.slice(0, 120)}`)))"""
#: What can differ in the dark, where a page has the same elements, names and roles in other colours
OF_COLOURS = ', runOnly: ["color-contrast", "link-in-text-block"]'
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


def examine(browser, site, page, axe):
    """List what is wrong with a page: in light and dark, wide and on a phone."""
    found, before = [], None
    for dark in (False, True):
        browser.open(page.as_uri(), width=WIDE, dark=dark)
        assert browser.run("document.documentElement.classList.contains('quarto-dark')") is dark
        browser.run(f"{axe};0")
        elements = browser.run(ELEMENTS)
        rules = OF_COLOURS if elements == before else ""
        before = elements
        found += [("dark" if dark else "light", problem) for problem in browser.run(AXE % rules)]
        width = browser.run("document.documentElement.scrollWidth")
        found += [("width", width)] if width > WIDE else []
        found += [("request", url) for url in browser.requests if not url.startswith(LOCAL)]
    browser.open(page.as_uri(), width=PHONE)
    width = browser.run("document.documentElement.scrollWidth")
    found += [("width", width)] if width > PHONE else []
    return [f"{page.relative_to(site)}: {kind}: {what}" for kind, what in found]
