"""Every computing cell that is shown leads to its functions and to the section of the methods that explains them."""

import ast
import itertools
import re

import nbformat
import pytest

from naome.core.paths import project_root
from naome.measures.survival import estimate_survival
from naome.report.sources import METHOD_SECTIONS, REFERENCE, cite_functions, make_anchor, make_slug

ROOT = project_root()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def _read(path):
    return [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def _functions(source, imported):
    names = {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}
    return {n for n in names & set(imported) if n[0].islower()}


def _imported(cells):
    nodes = [n for cell in cells for n in ast.walk(ast.parse(cell)) if isinstance(n, ast.ImportFrom)]
    return {a.asname or a.name: n.module for n in nodes if n.module.startswith("naome.") for a in n.names}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_shown_cell_is_followed_by_links_to_all_its_functions(path):
    cells = _read(path)
    imported = _imported(cells)
    for cell, after in itertools.pairwise(cells):
        if "code-fold: false" in cell:
            assert "cite_functions(" in after, cell
            assert _functions(cell, imported) <= _functions(after, imported), cell


def test_most_pages_show_a_computing_cell():
    assert sum(any("code-fold: false" in cell for cell in _read(path)) for path in NOTEBOOKS) >= 11


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_function_that_is_linked_is_in_the_api_reference(path):
    cells = _read(path)
    reference = (ROOT / REFERENCE).read_text(encoding="utf-8")
    imported = _imported(cells)
    for cell in cells:
        if "show(cite_functions(" in cell:
            for name in _functions(cell, imported) - {"show", "cite_functions"}:
                assert f"{{#{make_anchor(imported[name], name)}}}" in reference


@pytest.mark.parametrize(("page", "title"), sorted(set(METHOD_SECTIONS.values())))
def test_a_section_of_the_methods_that_is_linked_exists(page, title):
    text = (ROOT / "methodology" / f"{page}.qmd").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^#+ (.+)$", text).count(title) == 1


def test_the_links_are_from_the_top_of_the_site():
    assert cite_functions(estimate_survival).text == (
        "Functions: [`estimate_survival`](/methodology/api.qmd#naome-measures-survival-estimate_survival). "
        "Methods: [Kaplan-Meier](/methodology/survival.qmd#kaplan-meier)."
    )
    assert make_slug("Check against other programs") == "check-against-other-programs"
