"""Every page in a browser: nothing that axe-core finds, no request to another host, no page that scrolls sideways."""

import pytest
from examine import PHONE, examine, examine_all, list_pages, read_axe
from made_pages import make_run

from naome.workflow.site import render_runs

DARK = "matchMedia('(prefers-color-scheme: dark)').matches"
FOLLOWS_THE_SYSTEM = f"document.documentElement.classList.toggle('quarto-dark', {DARK})"


@pytest.fixture(scope="module")
def small_site(tmp_path_factory):
    """The site of two runs with one page of each kind, and the pages on methods."""
    base = tmp_path_factory.mktemp("examined")
    runs = [make_run(base / "runs" / f"{name}-2022", f"{name}-2022", marking) for name, marking in
            (("mersey", "real"), ("tyne", "synthetic"))]  # fmt: skip
    render_runs(runs, base / "site", "preview")
    return base / "site"


@pytest.mark.timeout(600)
def test_every_page_of_a_small_site_is_accessible_and_asks_nobody(browsers, small_site):
    # the pages on methods are the same on the site of the shipped audits, where each is looked at
    pages = [page for page in list_pages(small_site) if "methodology" not in page.parts]
    assert examine_all(browsers, small_site, pages, read_axe()) == []


def test_a_fault_of_each_kind_is_found(browsers, tmp_path):
    page = tmp_path / "bad.html"
    (tmp_path / "bad.js").write_text(FOLLOWS_THE_SYSTEM)
    page.write_text(
        '<html lang="en"><head><script src="bad.js"></script><title>Bad</title></head>'
        '<body><main><h1>Bad</h1><img src="x.png">'
        '<p id="pale" style="color:#bbb;background:#fff">pale</p>'
        '<p id="mixed" style="color:color-mix(in srgb, #000 20%, #fff);background:#fff">pale</p>'
        '<div class="table-scroll" style="background:linear-gradient(90deg, #000, transparent 1em) #fff">'
        '<p id="scrolled" style="color:#bcb">pale</p></div><div style="width:900px">wide</div>'
        '<script src="http://localhost:9/x.js"></script></main></body></html>'
    )
    found = "\n".join(examine_all(browsers, tmp_path, [page], read_axe()))
    for fault in (
        "light: image-alt",
        *(f"{each}: color-contrast: #{pale} " for each in ("light", "dark") for pale in ("pale", "mixed", "scrolled")),
        "request: http://localhost:9/x.js",
        "width: 9",
    ):
        assert fault in found


def test_a_rule_that_failed_is_no_rule_that_was_kept(browser, tmp_path):
    page = tmp_path / "page.html"
    (tmp_path / "dark.js").write_text(FOLLOWS_THE_SYSTEM)
    text = '<script src="dark.js"></script><title>Page</title></head><body><main><h1>Page</h1></main></body></html>'
    page.write_text(f'<html lang="en"><head>{text}')
    breaks = "axe.configure({checks: [{id: 'color-contrast', evaluate: () => { throw Error('broken') }}]})"
    found = examine(browser, tmp_path, page, f"{read_axe()};{breaks}")
    assert len([problem for problem in found if "color-contrast: failed: broken" in problem]) == 2


def test_the_keyboard_reaches_the_text_first_and_the_colour_switch(browser, small_site):
    browser.open((small_site / "index.html").as_uri())
    assert browser.run("document.body.firstElementChild.textContent") == "Skip to the text"
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "skip-link"
    browser.press("Enter")
    assert browser.run("document.activeElement.tagName") == "MAIN"
    switch = "document.querySelector('button.quarto-color-scheme-toggle')"
    browser.run(f"{switch}.focus()")
    browser.press("Enter")
    assert browser.run("document.documentElement.dataset.scheme") == "alternate"
    browser.run("localStorage.clear()")


def test_a_table_wider_than_a_phone_has_a_name_and_is_reached_by_the_keyboard(browser, small_site):
    page = small_site / "methodology" / "data-dictionary.html"
    browser.open(page.as_uri(), width=PHONE)
    boxes = browser.run(
        "[...document.querySelectorAll('.table-scroll')].map((box) => [box.scrollWidth > box.clientWidth + 1,"
        " box.tabIndex, box.getAttribute('aria-label')])"
    )
    wide = [box for box in boxes if box[0]]
    assert wide and all(place == 0 and name for _, place, name in wide)
    assert all(place == -1 for scrolls, place, _ in boxes if not scrolls)
