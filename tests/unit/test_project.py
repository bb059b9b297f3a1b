"""The project holds together: one truth for versions, documents that exist, rooms that import downwards only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache

import pytest
import yaml

import naome
from naome.core import durations
from naome.core.paths import project_root
from naome.stats import pohar_perme

ROOT = project_root()
PINNED = re.compile(r"^([a-z0-9][A-Za-z0-9_.-]*)(?:\[[^]]*\])?==([^ \\]+)", re.M)  # with or without extras
LOCK = dict(PINNED.findall((ROOT / "requirements.lock").read_text(encoding="utf-8")))
CONDA_NAMES = {"python-duckdb": "duckdb", "snakemake-minimal": "snakemake"}
NOT_IN_LOCK = {"python", "quarto", "pip"}
PACKAGES = ["naome", "naome_synthetic", "sitepreview"]


def test_environment_yml_agrees_with_the_lock():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pinned = [d for d in dependencies if isinstance(d, str)]
    pinned += [d.replace("==", "=") for d in next(d for d in dependencies if isinstance(d, dict))["pip"] if "==" in d]
    checked = 0
    for entry in pinned:
        name, _, version = entry.partition("=")
        if name not in NOT_IN_LOCK:
            assert LOCK[CONDA_NAMES.get(name, name)] == version, entry
            checked += 1
    assert checked >= 20


def test_quarto_is_named_the_same_everywhere():
    version = re.search(r"quarto=([\d.]+)", (ROOT / "environment.yml").read_text(encoding="utf-8"))[1]
    assert f"quarto-cli=={version}" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_direct_dependencies_are_locked():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("spark =")[0]
    names = re.findall(r'^    "([A-Za-z0-9_.-]+)', text, re.M)
    assert {n.lower().replace("_", "-") for n in names} <= {n.lower().replace("_", "-") for n in LOCK}
    assert LOCK["pandas"].startswith("2.") and LOCK["ipykernel"].startswith("6.")


def test_the_lock_names_no_address():
    assert not re.search(r"https?://|--(extra-)?index-url", (ROOT / "requirements.lock").read_text(encoding="utf-8"))


def test_readme_is_short_and_its_commands_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    used = set(re.findall(r"\bmake ([a-z]+)", text)) - {"alone"}
    assert used <= set(targets), used - set(targets)
    for path in re.findall(r"`([a-z_]+(?:/[a-z_.]+)*/?)`", text):
        if "/" in path and not path.startswith(("runs", "_site", "downloads")):
            assert (ROOT / path).exists(), path


def test_make_lists_every_command():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in ("site", "test", "lab", "audit", "check", "bench", "clean"):
        assert f"make {name}" in listed


#: From the ground up: a room imports itself and rooms before it; statistics import nothing of the analysis
ROOMS = ("core", "extract", "cohort", "stats", "measures", "release", "report", "workflow")


@cache
def list_imports(package):
    """Return ``file, module, names`` of every import in a package; names are empty for ``import module``."""
    found = []
    for file in sorted((ROOT / "src" / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{file}: a relative import hides where it leads"
                found.append((file, node.module, [alias.name for alias in node.names]))
            elif isinstance(node, ast.Import):
                found += [(file, alias.name, []) for alias in node.names]
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_downwards_only(room):
    allowed = {"stats"} if room == "stats" else set(ROOMS[: ROOMS.index(room) + 1])
    imports = [each for each in list_imports("naome") if each[0].relative_to(ROOT / "src" / "naome").parts[0] == room]
    assert imports
    for file, module, names in imports:
        targets = names if module == "naome" else [module.split(".")[1]] if module.startswith("naome.") else []
        assert set(targets) <= allowed | {"__version__"}, f"{file} imports {module}: {names}"
        assert room == "workflow" or not module.startswith("sitepreview"), f"{file} imports {module}"


def list_definitions(tree):
    """Return the public functions, classes and constants of a module."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))


#: What modules of one kind each have: readers their tables, pages that are made their path
OF_A_KIND = {"RAW", "READER", "PAGE"}


def test_a_name_has_one_meaning():
    """No two modules have a public function or class of one name; a constant that is imported has a name of its own."""
    package, modules = ROOT / "src" / "naome", {}
    for file in sorted(package.rglob("*.py")):
        module = ".".join(file.relative_to(ROOT / "src").with_suffix("").parts)
        modules[module] = [name for name in list_definitions(ast.parse(file.read_text("utf-8"))) if name[0] != "_"]
    imported = {name for _, module, names in list_imports("naome") if module in modules for name in names}
    places = {}
    for module, names in modules.items():
        for name in set(names) - OF_A_KIND:
            if name in imported or not name.isupper():
                places.setdefault(name, []).append(module)
    assert len(places) > 1000
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


#: A module of these folders is named after the page that it makes, and may share its name with the module of the page's
#: subject: the page of inequalities shows what `measures/inequalities.py` measures
PAGE_FOLDERS = ("report/pages/", "report/publication/", "report/reference/")
NAMED_AFTER_THEIR_PAGE = {
    *("agreement", "definitions", "inequalities", "organisations", "prevalence"),
    *("recommendations", "sensitivity", "simulation_study", "survival"),
}


def test_a_module_has_a_name_of_its_own():
    """Measures of a subject, where `stats` has its estimator: that is named after its method (`pohar_perme`)."""
    package = ROOT / "src" / "naome"
    places = {}
    for file in sorted(package.rglob("*.py")):
        if file.stem != "__init__":
            places.setdefault(file.stem, []).append(file.relative_to(package).as_posix())
    shared = {name: found for name, found in places.items() if len(found) > 1}
    assert len(places) > 150 and set(shared) == NAMED_AFTER_THEIR_PAGE
    for name, found in shared.items():
        assert sum(not file.startswith(PAGE_FOLDERS) for file in found) <= 1, f"{name}: {found}"


def test_a_year_has_the_same_days_everywhere():
    assert durations.YEAR_DAYS == pohar_perme.TABLE_YEAR_DAYS


def test_every_file_stands_in_a_room():
    package = ROOT / "src" / "naome"
    assert {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ROOMS)
    assert [path.name for path in package.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize(
    ("package", "others"),
    [
        ("naome", {"naome_synthetic"}),
        ("naome_synthetic", {"sitepreview"}),
        ("sitepreview", {"naome", "naome_synthetic"}),
    ],
)
def test_packages_import_downwards_only(package, others):
    imports = list_imports(package)
    assert imports
    for file, module, _ in imports:
        assert module.split(".")[0] not in others, f"{file} imports {module}"


def test_the_generator_imports_public_names_of_the_analysis():
    imports = [each for each in list_imports("naome_synthetic") if each[1].split(".")[0] == "naome"]
    assert imports
    for file, module, names in imports:
        private = [name for name in (*module.split("."), *names) if name.startswith("_") and name != "__version__"]
        assert not private, f"{file} imports {module}: {private}"


def test_the_renderer_knows_nothing_of_the_audit():
    for file in sorted((ROOT / "src" / "sitepreview").iterdir()):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            found = re.search(r"naome|audit|england|wales|rotterdam|cohort|denovo|recurrent|synthetic", text, re.I)
            assert not found, f"{file.name}: {found[0]}"


def test_the_wheel_holds_every_file_of_every_package(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packages = sorted(path.name for path in (ROOT / "src").iterdir() if path.name.isidentifier())
    files = {
        path.relative_to(ROOT / "src").as_posix()
        for package in packages
        for path in (ROOT / "src" / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        assert files <= set(archive.namelist())
    assert wheel.name.startswith(f"naome-{naome.__version__}-") and packages == PACKAGES


def test_the_version_stands_in_one_place():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert citation["version"] == naome.__version__
    assert "version" not in project["project"] and "version" in project["project"]["dynamic"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\d+\.\d+\.\d+) ", changes, re.M)[1] == naome.__version__


def test_no_analysis_reads_a_published_number():
    """Published values calibrate the generator and stand on the agreement page; nothing else may open them."""
    for file in (ROOT / "src" / "naome").rglob("*.py"):
        if file.name == "agreement.py":
            continue
        text = file.read_text(encoding="utf-8")
        assert "synthetic.yaml" not in text and "published/" not in text and "sotn2024" not in text, file


def test_nothing_committed_names_a_path_of_a_machine():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in files:
        if name.endswith((".py", ".md", ".qmd", ".yml", ".yaml", ".ipynb", ".toml", "Makefile", "Snakefile", ".sh")):
            text = (ROOT / name).read_text(encoding="utf-8")
            assert not re.search(r"(?<![\w.])/(work|root|home/\w+)/", text), name


#: Files of a run and of a site, and names with a placeholder: no file of the project has them
MADE = re.compile(r"runs/|inputs/|release/\*|.*[<*]")


@pytest.mark.parametrize("paper", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_documents_name_exist(paper):
    text = (ROOT / paper).read_text(encoding="utf-8")
    named = [name for name in re.findall(r"`([\w<>*./-]+)`", text) if "/" in name or name.endswith((".py", ".yaml"))]
    files = {path.name for path in (ROOT / "src" / "naome").rglob("*")}
    missing = [
        name
        for name in named
        if not MADE.match(name)
        and not any((folder / name).exists() for folder in (ROOT, ROOT / "src" / "naome"))
        and not ("/" not in name.rstrip("/") and name.rstrip("/") in files)
    ]
    assert len(named) > 5 and missing == []
