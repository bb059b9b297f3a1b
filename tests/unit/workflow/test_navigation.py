"""Menus of a site: what every reader needs is on one line, and every page of a run is in a menu."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest

from naome.workflow.navigation import DIVIDER, fit_config, write_methods, write_readers
from naome.workflow.pages import load_pages
from naome.workflow.site_runs import SiteRun

PAGES = tuple(load_pages().find(name) for name in ("00-cohort", "03-treatment-indicators", "11-simulation-study"))
ENTRIES = [
    ("report", "State of the Nation", "report/state.qmd"),
    ("report", "Recommendations", "report/recommendations.qmd"),
    ("indicators", "Biopsy", "report/indicators/biopsy.qmd"),
    ("public", "For patients", "report/patients.qmd"),
    ("sources", "Biopsy", "report/sources/biopsy.qmd"),
    ("about", "About", "report/about.qmd"),
]
REPORT = SimpleNamespace(entries=[SimpleNamespace(section=s, text=text, path=path) for s, text, path in ENTRIES])
NO_REPORT = SimpleNamespace(entries=[])


def make_runs(*names):
    shown, period = [], (dt.date(2019, 1, 1), dt.date(2021, 12, 31))
    for name in names:
        run = SimpleNamespace(marking="synthetic", nation="England", run_id=name, period=period)
        shown.append(SiteRun(run, name, name.lower(), PAGES[: 2 if shown else 3], {}))
    return shown


def fit(names, report=REPORT):
    config = {"website": {"title": "naome", "page-footer": {"left": "not the audit"}}, "lang": "en-GB"}
    return fit_config(config, make_runs(*names), [], report)


@pytest.mark.parametrize(
    ("names", "menus"),
    [
        (("A",), ["A"]),
        (("A", "B", "C"), ["A", "B", "C"]),
        (("A", "B", "C", "D"), ["A", "B", "Other runs"]),
    ],
)
def test_runs_after_the_second_share_a_menu_where_they_are_several(names, menus):
    left = fit(names)["website"]["navbar"]["left"]
    assert [menu["text"] for menu in left] == ["Report", "Indicators", "For patients", *menus, "Methods", "About"]
    listed = [entry.get("href") for menu in left for entry in menu.get("menu", [])]
    for name in names:
        assert {f"runs/{name.lower()}/notebooks/{page.notebook}.ipynb" for page in PAGES[:2]} <= set(listed)


def test_in_a_shared_menu_the_first_page_of_a_run_has_its_name():
    shared = fit(("A", "B", "C", "D"))["website"]["navbar"]["left"][5]["menu"]
    first, second = (page.menu for page in PAGES[:2])
    assert [entry["text"] for entry in shared] == [f"C: {first}", second, "---", f"D: {first}", second]
    assert shared[2] == DIVIDER


def test_a_site_without_a_report_has_menus_of_runs_and_methods_only():
    config = fit(("A",), NO_REPORT)
    assert [menu["text"] for menu in config["website"]["navbar"]["left"]] == ["A", "Methods"]
    assert config["project"]["render"][0] == "index.qmd" and write_readers(NO_REPORT) == ""


def test_what_the_project_says_of_its_look_is_kept():
    config = fit(("A",))
    assert config["lang"] == "en-GB" and config["website"]["title"] == "naome"
    assert config["website"]["page-footer"] == {"left": "not the audit", "right": "Synthetic data: A"}


def test_sources_and_methods_are_in_no_menu_of_the_report():
    config = fit(("A",))
    assert "report/sources/biopsy.qmd" in config["project"]["render"]
    assert "sources" not in str(config["website"])


def test_the_front_page_names_the_downloads_that_there_are():
    text = write_methods(make_runs("A"), [], {"downloads/results.xlsx": "as a workbook"})
    assert "[as a workbook](downloads/results.xlsx)" in text and "Parquet" not in text
    assert f"[{PAGES[2].menu}](runs/a/notebooks/11-simulation-study.ipynb)" in text
