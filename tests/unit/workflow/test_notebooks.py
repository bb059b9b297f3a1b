"""Pages are declared once, the declaration is what the notebooks do, and parameters choose among them."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from functools import cache

import nbformat
import pytest
import yaml

from naome.core.errors import DefinitionError, ParamsError, RunError
from naome.core.params import load_params
from naome.core.paths import project_root
from naome.workflow import pages as notebooks
from naome.workflow.pages import (
    PAGES,
    check_frame,
    find_notebook,
    list_notebooks,
    load_pages,
    notebooks_of,
    reads_from,
    saved_by,
)

ROOT = project_root()


# ---- what notebooks do, by their code


@cache
def used_by(notebook: str) -> tuple[set[str], set[str], set[str]]:
    """Frames that a notebook saves and loads, in its cells or in functions that it gives its run to, and these."""
    cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
    tree = ast.parse("\n".join(cell.source for cell in cells if cell.cell_type == "code"))
    saved, loaded, called = set(), set(), set()
    collect(tree, names_of(tree), saved, loaded, called)
    return saved, loaded, called


def names_of(tree: ast.AST) -> dict[str, object]:
    """What a notebook's imports from the project mean."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("naome"):
            module = importlib.import_module(node.module)
            found |= {alias.asname or alias.name: getattr(module, alias.name, None) for alias in node.names}
    return found


def collect(tree: ast.AST, names: dict, saved: set[str], loaded: set[str], called: set[str]) -> None:
    for node in ast.walk(tree):
        # `cohorts.analysis` is what notebook 00 has just derived, not a frame of a run
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(("run.analysis", "each.analysis")):
            loaded.add("analysis")
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("save", "load"):
            named = [a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            (saved if node.func.attr == "save" else loaded).update(named)
        given_run = any(isinstance(argument, ast.Name) and argument.id == "run" for argument in node.args)
        function = names.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if given_run and inspect.isfunction(function):
            source = ast.parse(textwrap.dedent(inspect.getsource(function)))
            called.add(function.__name__)
            collect(source, vars(inspect.getmodule(function)), saved, loaded, called)


@pytest.mark.parametrize("page", load_pages().notebooks, ids=lambda page: page.notebook)
def test_a_notebook_saves_and_loads_what_is_declared(page):
    saved, loaded, called = used_by(page.notebook)
    assert saved == set(page.saves)
    assert loaded - saved == set(page.needs)
    assert ("open_companions" in called) == page.companions


def test_what_a_function_does_for_a_notebook_counts():
    saved, loaded, called = used_by("09-agreement")
    assert (saved, loaded) == ({"england_wales"}, {"analysis", "primary"})
    assert {"replicate", "open_companions"} <= called


def test_every_notebook_of_the_folder_is_declared_and_every_declared_one_is_there():
    assert sorted((ROOT / "notebooks").glob("*.ipynb")) == list_notebooks()


def test_every_page_beside_the_notebooks_is_declared():
    declared = {page.file for page in load_pages().methods if not (page.with_truth or page.made_of)}
    assert declared == {path.relative_to(ROOT).as_posix() for path in (ROOT / "methodology").glob("*.qmd")}


# ---- the questions that others ask


def test_what_a_notebook_reads_and_writes():
    assert reads_from(find_notebook("06")) == [find_notebook("00"), find_notebook("03")]
    assert reads_from("10-case-mix-model") == [find_notebook("00"), find_notebook("05")]
    assert reads_from(find_notebook("00")) == []
    assert saved_by("09-agreement") == ("england_wales",)
    assert saved_by(find_notebook("11")) == ()


def test_a_frame_that_nobody_declares_is_refused():
    check_frame("indicators")
    check_frame("data_quality")
    with pytest.raises(RunError, match="does not say that a notebook saves 'indicatrs' .did you mean 'indicators'"):
        check_frame("indicatrs")


@pytest.mark.parametrize("file", sorted((ROOT / "params").glob("*.yaml")), ids=lambda f: f.stem)
def test_shipped_parameters_name_notebooks_that_can_run_together(file):
    chosen = notebooks_of(load_params(file.stem))
    assert chosen == sorted(chosen) and chosen[0] == find_notebook("00")


def test_the_site_shows_audits_that_have_parameters():
    assert load_pages().site
    assert all((ROOT / "params" / f"{audit}.yaml").is_file() for audit in load_pages().site)


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


# ---- a declaration that cannot hold


def drop(key):
    return lambda declared: declared["notebooks"][3].pop(key)


def change(key, value, number=3):
    return lambda declared: declared["notebooks"][number].update({key: value})


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (drop("menu"), "missing key 'notebooks.4.menu'"),
        (change("need", ["x"]), "unknown key 'notebooks.4.need' .did you mean 'needs'"),
        (change("needs", ["adjusted"]), "03-treatment-indicators needs 'adjusted', which nothing before it saves"),
        (change("saves", ["completeness"]), "03-treatment-indicators saves 'completeness', which is saved before it"),
        (change("audits", "both"), "key 'notebooks.4.audits': found 'both'; allowed: each, first"),
        (change("notebook", "99-late"), "in the order of their numbers"),
        (change("notebook", "three"), "key 'notebooks.4.notebook'.*found 'three'"),
        (lambda declared: declared["methods"][0].update(with_notebook="55-x"), "with_notebook names '55-x'"),
        (lambda declared: declared.pop("site"), "missing key 'site'"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_key(tmp_path, edit, message):
    declared = yaml.safe_load((ROOT / PAGES).read_text(encoding="utf-8"))
    edit(declared)
    file = tmp_path / "pages.yaml"
    file.write_text(yaml.safe_dump(declared), encoding="utf-8")
    with pytest.raises(DefinitionError, match=f"(?s)pages.yaml.*{message}"):
        notebooks.read_pages(file)


def test_a_declaration_that_is_not_there_or_not_yaml(tmp_path):
    with pytest.raises(DefinitionError, match="none.yaml: no such file"):
        notebooks.read_pages(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(DefinitionError, match="bad.yaml:2: not readable as YAML"):
        notebooks.read_pages(tmp_path / "bad.yaml")
