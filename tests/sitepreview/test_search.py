"""What the search of a preview finds, and in what order."""

import json

import pytest
from sample_project import make_sample, read_index

from sitepreview import render_site
from sitepreview.search import read_names

GLOSSARY = """event time
: The time to death. Also: time to event,
  survival time.

cohort
: People followed together.
"""
PAGE = (
    "---\ntitle: {title}\n{more}---\n\nKaplan and the organisation ZUH; CDK4/6 inhibitors.\n\n```\nsecret_code\n```\n"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The sample with two pages of equal words, one that is not to be found, and a glossary."""
    project = make_sample(tmp_path_factory.mktemp("searched") / "project")
    (project / "GLOSSARY.md").write_text(GLOSSARY)
    (project / "a.qmd").write_text(PAGE.format(title="Second in the menu", more=""))
    (project / "b.qmd").write_text(PAGE.format(title="First in the menu", more=""))
    (project / "c.qmd").write_text(PAGE.format(title="Not to be found", more="search: false\n"))
    (project / "d.qmd").write_text(PAGE.format(title="Names", more="").replace("Kaplan", "The *event time* of Kaplan"))
    config = project / "_quarto.yml"
    text = config.read_text().replace("    - index.qmd\n", "    - index.qmd\n    - '*.qmd'\n", 1)
    menu = "      - text: Home\n        href: index.qmd\n"
    entries = "".join(f"      - text: {page}\n        href: {page}.qmd\n" for page in "ba")
    config.write_text(text.replace(menu, menu + entries))
    render_site(project, renderer="preview")
    return project / "_site"


@pytest.fixture
def search(browser, site):
    """Type words on the front page and return the pages found, in order."""

    def find(words):
        browser.open((site / "index.html").as_uri())
        browser.run(
            f"document.querySelector('.smalldocs-search input').value = {json.dumps(words)};"
            "document.querySelector('.smalldocs-search input').dispatchEvent(new Event('input'))"
        )
        found = browser.run(
            "new Promise((done) => setTimeout(() => done([...document.querySelectorAll('.search-result')]"
            ".map((link) => new URL(link.href).pathname)), 600))"
        )
        return [path.removeprefix(site.as_posix() + "/") for path in found]

    return find


def test_pages_are_in_the_order_of_the_menus_and_code_is_not_among_the_words(site):
    entries = read_index(site)
    order = list(dict.fromkeys(entry["href"].split("#")[0] for entry in entries))
    assert order[:3] == ["index.html", "b.html", "a.html"]
    assert "c.html" not in order and "d.html" in order
    assert not any("secret_code" in entry["text"] or "draw(curve)" in entry["text"] for entry in entries)


def test_other_names_of_a_thing_are_those_of_the_glossary(tmp_path, site):
    (tmp_path / "GLOSSARY.md").write_text(GLOSSARY)
    assert read_names(tmp_path) == [{"event time", "time to event", "survival time"}]
    assert read_names(site) == []
    entries = read_index(site)
    named = [entry for entry in entries if entry["href"] == "d.html"]
    assert [entry["also"] for entry in named] == ["survival time, time to event"]


def test_equal_results_are_in_the_order_of_the_menus(search):
    assert search("organisation zuh")[:2] == ["b.html", "a.html"]
    assert search("CDK4/6")[:3] == ["b.html", "a.html", "d.html"]


def test_a_code_is_found_by_itself_and_nothing_that_only_resembles_it(search):
    assert search("ZUH") == ["b.html", "a.html", "d.html"]
    assert search("ZUX") == []


def test_a_thing_is_found_by_its_other_names(search):
    assert search("survival time")[0] == "d.html"
    assert search("time to event") == ["d.html"]


def test_a_page_that_is_not_to_be_found_still_has_the_search(site, search):
    assert search("not to be found") == []
    assert "search-file.js" in (site / "c.html").read_text(encoding="utf-8")
