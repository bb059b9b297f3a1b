"""The project holds together: one truth for versions, documents that exist, rooms that import downwards only."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest
import yaml

from naome.paths import project_root

ROOT = project_root()
LOCK = dict(
    re.findall(r"^([a-z0-9][A-Za-z0-9_.-]*)==([^ \\]+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.M)
)
CONDA_NAMES = {"python-duckdb": "duckdb", "snakemake-minimal": "snakemake"}
NOT_IN_LOCK = {"python", "quarto", "pip"}


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


ROOMS = {
    "stats": set(),
    "sources": {"errors", "sources", "paths", "codings", "definitions"},
    "cohort": {"cohort", "codings", "definitions", "params", "sources", "errors", "paths", "yaml_files"},
    "measures": {
        "measures",
        "sources",
        "cohort",
        "definitions",
        "errors",
        "params",
        "paths",
        "results",
        "stats",
        "study",
        "yaml_files",
    },
    "disclosure": {"disclosure", "params", "stats", "results", "study"},
}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_downwards_only(room):
    for file in (ROOT / "src" / "naome" / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.startswith("naome."):
                    target = name.split(".")[1]
                    assert target in ROOMS[room] | {room}, f"{file.name} of {room} imports {name}"


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
