"""The site's navigation and the workflow agree with the parameters: no page is missing, none is extra."""

from __future__ import annotations

import re

import pytest
import yaml

from naome.errors import ParamsError
from naome.notebooks import find_notebook, list_notebooks, notebooks_of, reads_from
from naome.params import load_params
from naome.paths import project_root

ROOT = project_root()
CONFIG = yaml.safe_load((ROOT / "_quarto.yml").read_text(encoding="utf-8"))
PAGE = re.compile(r"runs/([a-z0-9-]+)/notebooks/(.+)\.ipynb")


def links(menu: list[dict]) -> list[tuple[str, str]]:
    """Every text and page of the navigation, menus included."""
    found = [(entry["text"], entry["href"]) for entry in menu if "href" in entry]
    return found + [link for entry in menu for link in links(entry.get("menu", []))]


LINKS = links(CONFIG["website"]["navbar"]["left"])
ON_SITE = {match[1] for entry in CONFIG["project"]["render"] if (match := PAGE.match(entry))}


def test_the_site_shows_the_quarterly_audit_too():
    assert {"england", "wales", "england-rcrd", "rotterdam"} == ON_SITE


@pytest.mark.parametrize("audit", sorted(ON_SITE))
def test_navigation_lists_the_notebooks_of_the_parameters_once_each_and_no_other(audit):
    listed = [match[2] for _, href in LINKS if (match := PAGE.match(href)) and match[1] == audit]
    assert sorted(listed) == [path.stem for path in notebooks_of(load_params(audit))]


def test_every_listed_run_is_rendered_and_every_page_named_in_the_render_list_is_in_the_navigation():
    assert {match[1] for _, href in LINKS if (match := PAGE.match(href))} == ON_SITE
    pages = {entry for entry in CONFIG["project"]["render"] if entry.endswith(".qmd")}
    assert pages <= {href for _, href in LINKS}


def test_a_notebook_has_the_same_name_in_every_menu():
    names: dict[str, set[str]] = {}
    for text, href in LINKS:
        if match := PAGE.match(href):
            names.setdefault(match[2], set()).add(text)
    assert {stem: texts for stem, texts in names.items() if len(texts) > 1} == {}


@pytest.mark.parametrize("file", sorted((ROOT / "params").glob("*.yaml")), ids=lambda f: f.stem)
def test_shipped_parameters_name_notebooks_that_can_run_together(file):
    chosen = notebooks_of(load_params(file.stem))
    assert chosen == sorted(chosen) and chosen[0] == find_notebook("00")


def test_all_run_where_the_parameters_name_none():
    assert load_params("england").notebooks == ()
    assert notebooks_of(load_params("england")) == list_notebooks()


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (("00", "55"), "no notebook '55'; allowed: 00, 01"),
        (("01", "03"), "'00' is not among 01, 03"),
        (("00", "01", "01"), "names a notebook twice"),
        (("00", "06"), "06-organisations reads what 03-treatment-indicators writes"),
    ],
)
def test_a_list_that_cannot_run_is_refused(numbers, message):
    params = load_params("england").model_copy(update={"notebooks": numbers})
    with pytest.raises(ParamsError, match=f"england.yaml: key 'notebooks'.*{message}"):
        notebooks_of(params)


def test_what_a_notebook_reads_is_known_from_its_code():
    assert reads_from(find_notebook("06")) == [find_notebook("03")]
    assert find_notebook("00") in reads_from(find_notebook("02"))
