"""No coded meaning stands in the code that analyses: codes are lists in ``definitions/`` with a source."""

from __future__ import annotations

import ast
import csv
import re

import pytest

from naome.core.definitions import project_definitions
from naome.core.paths import project_root

SOURCE = project_root() / "src" / "naome"
#: ICD-10, OPCS-4 and their site codes: a letter and two to four digits
CODE = re.compile(r"(?<![A-Za-z0-9_])[A-Z]\d{2,4}[A-Z]?(?![A-Za-z0-9_])")
FILES = sorted(SOURCE.rglob("*.py"))


def list_drugs() -> set[str]:
    return {code.code for code in project_definitions().codelist("sact_drugs").codes}


def list_raw_codes(*codings: str) -> set[str]:
    """Return the raw codes of items that have no meaning of their own to a reader (not Y, N, 0, 1 ...)."""
    return {line.code for name in codings for line in project_definitions().coding(name).lines if len(line.code) > 1}


WORDS = list_drugs() | list_raw_codes("ethnic_group", "cns_indicator", "vital_status", "recurrence_indicator")


def list_texts(tree: ast.AST) -> list[tuple[int, str]]:
    """Return every text in a module but its docstrings, with its line."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_code_of_a_classification_and_no_drug_stands_in_the_analysing_code(file):
    found = [
        f"{file.name}:{line}: {text!r}"
        for line, text in list_texts(ast.parse(file.read_text(encoding="utf-8")))
        if CODE.search(text) or text in WORDS
    ]
    assert not found, "give it a list in definitions/: " + "; ".join(found)


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ('x = "C50"', True),
        ("x = f'{a} Z63'", True),
        ('x = "PALBOCICLIB"', True),
        ('x = "NN"', True),
        ('"C50 is"', False),
    ],
)
def test_the_scan_sees_what_it_looks_for(code, seen):
    texts = [text for _, text in list_texts(ast.parse(code))]
    assert any(CODE.search(text) or text in WORDS for text in texts) == seen


@pytest.mark.parametrize("file", sorted((project_root() / "definitions").glob("cod*/*.csv")), ids=lambda f: f.stem)
def test_every_code_has_a_status_and_a_source(file):
    with file.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows and all(row["status"] in ("sourced", "inferred") and row["source"] for row in rows)
