"""The API reference as a page: what every public function says of itself, read from the source and not imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from naome.core.paths import project_root
from naome.report.sources import make_anchor

FRONT = """---
title: API reference
description: Every public function and class of the analysis, with what it takes, returns and raises
---"""
BANNER = """::: {.banner-neutral}
**No results.** This page is made from the docstrings of the code; nothing on it comes from data.
:::"""
INTRODUCTION = """Estimators, measures, disclosure control and the derivation of the cohorts are given in full; for
the other packages, what each function does."""
#: Packages in the order of the page; those in full, and those as a list
ROOMS = {
    "stats": True, "measures": True, "release": True, "report": False, "cohort": True, "extract": False,
    "core": False, "workflow": False,
}  # fmt: skip
SECTION = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", re.M)
ROLE = re.compile(r":(?:func|class|mod|data|meth|attr):`~?(?:[\w.]*\.)?(\w+)`")
#: Sections of a docstring that are entries with a name and a type
ENTRIES = ("Parameters", "Attributes", "Returns", "Raises", "Warns")

Documented = ast.FunctionDef | ast.ClassDef


def write_api() -> str:
    """Return the reference as a page in Markdown."""
    package = project_root() / "src" / "naome"
    parts = [FRONT, BANNER, INTRODUCTION]
    for room, in_full in ROOMS.items():
        for file in sorted((package / room).rglob("*.py")):
            module = ast.parse(file.read_text(encoding="utf-8"))
            documented = list(list_public(module))
            if documented:
                name = ".".join(file.relative_to(package.parent).with_suffix("").parts)
                parts += [f"## {name}", format_docstring(SECTION.sub(r"**\1**\n\n", ast.get_docstring(module) or ""))]
                parts += [write_entry(node, name) for node in documented] if in_full else [write_overview(documented)]
    return "\n\n".join(filter(None, parts)) + "\n"


def list_public(module: ast.Module) -> Iterator[Documented]:
    """Yield the functions and classes of a module that have a docstring and no underscore before their name."""
    for node in module.body:
        if isinstance(node, Documented) and not node.name.startswith("_") and ast.get_docstring(node):
            yield node


def write_entry(node: Documented, module: str) -> str:
    """Write a function or class of a module: how it is called, and its docstring with its sections."""
    head, *sections = SECTION.split(ast.get_docstring(node) or "")
    parts = [
        f"### {node.name} {{#{make_anchor(module, node.name)}}}",
        f"```python\n{sign(node)}\n```",
        format_docstring(head),
    ]
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        if title == "Examples":
            body = f"```python\n{text.strip()}\n```"
        else:
            body = write_entries(text) if title in ENTRIES else format_docstring(text)
        parts += [f"**{title}**", body]
    return "\n\n".join(filter(None, parts))


def write_overview(nodes: list[Documented]) -> str:
    """Write the first sentence of each, as a list."""
    said = [(node.name, (ast.get_docstring(node) or "").split("\n\n")[0]) for node in nodes]
    return "\n".join(f"- `{name}`: {' '.join(format_docstring(text).split())}" for name, text in said)


def write_entries(text: str) -> str:
    """Write a section of names, types and meanings as a list.

    Examples
    --------
    >>> print(write_entries("at : list of float\\n    Days.\\nDataFrame"))
    - `at : list of float` Days.
    - `DataFrame`
    """
    entries: list[str] = []
    for line in text.strip("\n").splitlines():
        if line.startswith((" ", "\t")) and entries:
            entries[-1] += f" {line.strip()}"
        elif line.strip():
            entries.append(f"- `{line.strip()}`")
    return format_docstring("\n".join(entries))


def sign(node: Documented) -> str:
    """Return how a function is called, or a class is made.

    Examples
    --------
    >>> sign(ast.parse("def chapman(n1: int, n2: int, *, m: int = 0) -> float: ...").body[0])
    'chapman(n1, n2, *, m=0)'
    """
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}"
    arguments = ast.parse(f"def f({ast.unparse(node.args)}): ...").body[0].args  # type: ignore[attr-defined]
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        argument.annotation = None
    return f"{node.name}({ast.unparse(arguments)})"


def format_docstring(text: str) -> str:
    """Return a docstring's text as Markdown: names of code as code, roles without their path.

    Examples
    --------
    >>> format_docstring("As :func:`naome.stats.pseudo.pseudo_observations`; ``at`` in days.")
    'As `pseudo_observations`; `at` in days.'
    """
    return ROLE.sub(r"`\1`", text).replace("``", "`").strip()
