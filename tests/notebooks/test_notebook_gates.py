"""Gates of the committed notebooks: thin, parameterised, executed, portable, and no typed numbers."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from naome.workflow.execute import declared_parameters
from naome.workflow.pages import list_notebooks

NOTEBOOKS = list_notebooks()
ids = [path.stem for path in NOTEBOOKS]


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def code_lines(source: str) -> list[str]:
    return [line for line in source.splitlines() if line.strip() and not line.startswith("#|")]


def test_the_chain_has_its_notebooks():
    assert len(NOTEBOOKS) >= 6
    assert [path.stem.split("-")[0] for path in NOTEBOOKS] == sorted(path.stem.split("-")[0] for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_one_parameters_cell_that_names_the_run(path):
    assert declared_parameters(path) == {"audit": "england", "run_dir": ""}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_thin(path):
    cells = code_cells(path)
    assert sum(len(code_lines(cell.source)) for cell in cells) <= 120
    for cell in cells:
        assert len(cell.source.splitlines()) <= 15, cell.source
        assert not re.search(r"^\s*(def|class|lambda) ", cell.source, re.M), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_executed_in_order_with_outputs_kept(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell.outputs for cell in cells)
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type in ("display_data", "execute_result"), output
            assert "text/html" not in output.get("data", {}), "text/html pulls scripts from a network into the page"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_no_volatile_metadata(path):
    notebook = nbformat.read(path, as_version=4)
    assert "papermill" not in notebook.metadata
    assert set(notebook.metadata.get("language_info", {})) <= {"name"}
    for cell in notebook.cells:
        assert not {"papermill", "execution", "collapsed"} & set(cell.metadata), cell.metadata


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_no_relative_or_absolute_paths(path):
    for cell in code_cells(path):
        assert not re.search(r"""["'](\.{1,2}/|/|data/|runs/)""", cell.source), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_no_number_in_markdown_that_a_run_could_change(path):
    """Percentages, decimals and counts belong to results; names of things (Table 2, 95%, 30 days) may stand."""
    allowed = (
        r"(Figure|Table|Rule|rule|ABC|under|over|p <) ?\d+|\b(95|99\.8)%|\b\d+ (days|months|years)"
        r"|C\d\d|(DN|RC|EL)\d|CDK4/6|HER2|PD-L1"
    )
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            rest = re.sub(allowed, "", cell.source)
            assert not re.search(r"\d", rest), f"typed number in: {cell.source}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_every_figure_and_table_has_label_caption_and_alt_text(path):
    labels = {"fig-": ("#| fig-cap:", "#| fig-alt:"), "tbl-": ("#| tbl-cap:",)}
    for cell in code_cells(path):
        if re.search(r"\b(tabulate|draw)_\w+\(", cell.source) and "show(" in cell.source:
            assert re.search(r"#\| label: (fig|tbl)-", cell.source), cell.source
        for label, needed in labels.items():
            if f"#| label: {label}" in cell.source:
                assert "show(" in cell.source and all(each in cell.source for each in needed), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_pages_show_nothing_but_tables_figures_and_sentences(path):
    for cell in code_cells(path):
        assert not re.search(r"\b(display|print|show_table|show_text|show_figure)\(", cell.source), cell.source
        for output in cell.outputs:
            assert output.output_type == "display_data", f"{cell.id}: a bare value is shown"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_every_name_that_a_notebook_takes_from_a_module_exists(path):
    modules, taken = {}, []
    for node in (each for cell in code_cells(path) for each in ast.walk(ast.parse(cell.source))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("naome"):
            for alias in node.names:
                names = vars(importlib.import_module(node.module))
                found = (
                    names[alias.name] if alias.name in names else importlib.import_module(f"{node.module}.{alias.name}")
                )
                modules[alias.asname or alias.name] = found
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            taken.append((node.value.id, node.attr))
    assert modules
    for name, attribute in taken:
        assert not isinstance(modules.get(name), ModuleType) or hasattr(modules[name], attribute), f"{name}.{attribute}"
