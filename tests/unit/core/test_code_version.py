"""Code counts as changed where that of which the analysis is made differs from the commit, and nowhere else."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import nbformat
import pytest

from naome.core import code_version
from naome.core.paths import project_root


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A project under git with a commit."""
    for file in (*code_version.MADE_OF, "params/england.yaml"):
        place = tmp_path / file / "file.py" if (project_root() / file).is_dir() else tmp_path / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("committed\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("committed\n", encoding="utf-8")
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for arguments in (["init"], ["add", "."], [*author, "commit", "-m", "First"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setenv("NAOME_PROJECT", str(tmp_path))
    code_version.code_version.cache_clear()
    yield tmp_path
    code_version.code_version.cache_clear()


@pytest.mark.parametrize("name", ["mersey-2022.yaml", "params/mersey-2022.yaml", "README.md", "notes/a.txt"])
def test_what_is_no_code_does_not_count(checkout, name):
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text("mine\n", encoding="utf-8")
    found = code_version.code_version()
    assert found.dirty is False and found.describe() == f"code `{found.commit[:12]}`"


@pytest.mark.parametrize("name", ["src/new.py", "notebooks/99-new.ipynb", "definitions/file.py", "requirements.lock"])
def test_what_the_analysis_is_made_of_counts(checkout, name):
    (checkout / name).write_text("other\n", encoding="utf-8")
    assert code_version.code_version().describe().endswith("with uncommitted changes")


def test_all_of_it_is_there():
    assert [name for name in code_version.MADE_OF if not (project_root() / name).exists()] == []


def test_no_code_that_is_no_part_of_a_runs_version_is_imported_by_what_makes_its_pages():
    package, counted = code_version.PACKAGE, set(code_version.list_code())
    cells = [c for path in project_root().glob("notebooks/*.ipynb") for c in nbformat.read(path, as_version=4).cells]
    cells = [cell.source for cell in cells if cell.cell_type == "code"]
    found, open_ends = set[Path](), {file for source in cells for file in list_imported(source, package)}
    while open_ends:
        file = open_ends.pop()
        found.add(file)
        open_ends |= list_imported(file.read_text(encoding="utf-8"), package) - found
    assert len(found) > 100
    assert {path.relative_to(package).as_posix() for path in found - counted} == set()


def list_imported(source: str, package: Path) -> set[Path]:
    """List the modules of the package that a source imports where it is loaded itself."""
    names = set[str]()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("naome"):
            names |= {str(node.module), *(f"{node.module}.{each.name}" for each in node.names)}
    files = (package.parent / f"{name.replace('.', '/')}.py" for name in names)
    return {file for file in files if file.is_file()}
