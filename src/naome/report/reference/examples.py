"""The cohort rules as examples: every case that the rules are tested on, as a page a clinician can read.

The cases are in the docstrings of ``tests/spec/cohort``: small tables of records, and the expected result.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pandas as pd

from naome.core.definitions import project_definitions
from naome.core.paths import project_root
from naome.report.markdown import write_pipe_table

PAGE = "methodology/rules-as-examples.qmd"
CASES = Path("tests/spec/cohort")
#: Files of cases, in the order of the page, and what their cases are about
FILES = {
    "rules": "Numbered rules",
    "options": "Options of the rules: the default, and every other allowed value",
    "features": "Columns of the analysis table: first and last days of each window, ties, missing values",
    "lists": "Code lists",
    "living_and_missed": "Prevalence and ascertainment",
}
FRONT = """---
title: The rules as examples
description: Every case on which the cohort rules and features are tested, with the records and the expected result
---"""
BANNER = """::: {.banner-neutral}
**No results.** The records on this page were made up for the tests; they describe no one.
:::"""
INTRODUCTION = """Each example is a test: the records are read, the rules are applied, and the result must be the
one shown. A dash means not recorded. A table called *codes* holds admissions with one diagnosis code each. Columns that
an example does not name have ordinary values: a woman aged 60 with histologically confirmed invasive breast cancer.
Where a table is headed *expected if*, the rules are applied again with that option."""
#: What a line with a table's name looks like: one of these, with an option at most
TABLE = re.compile(r"(codes|expected( if .+)?|[a-z]+)")


def write_examples() -> str:
    """Return the examples as a page in Markdown."""
    parts = [FRONT, BANNER, INTRODUCTION]
    for name, heading in FILES.items():
        file = project_root() / CASES / f"test_spec_{name}.py"
        module = ast.parse(file.read_text(encoding="utf-8"))
        cases = [
            (node.name, ast.get_docstring(node) or "") for node in module.body if isinstance(node, ast.FunctionDef)
        ]
        written = [write_case(name, text) for name, text in cases if "\nexpected" in text]
        if written:
            parts += [f"## {heading}", *written]
    return "\n\n".join(parts) + "\n"


def write_case(name: str, text: str) -> str:
    """Write one case: what it says in words, then its tables.

    Parameters
    ----------
    name : str
        Of the test; it becomes the heading.
    text : str
        The docstring.

    Examples
    --------
    >>> print(write_case("test_el3_adults", "EL3: adults.\\n\\nexpected\\nperson  age\\na       18"))
    ### EL3 adults
    <BLANKLINE>
    EL3: adults.
    <BLANKLINE>
    *expected*
    <BLANKLINE>
    | Person | Age |
    |:--------|--------:|
    | a | 18 |
    """
    parts = [f"### {_title(name)}"]
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in block.splitlines()]
        if len(lines) > 1 and TABLE.fullmatch(lines[0]):
            heading, *rows = (re.split(r"\s{2,}", line) for line in lines[1:])
            names = [column.replace("_", " ") for column in heading]
            parts += [f"*{lines[0]}*", write_pipe_table(pd.DataFrame(rows, columns=names).replace("-", "–"))]
        else:
            parts.append(" ".join(lines).replace("``", "`"))
    return "\n\n".join(parts)


def _title(name: str) -> str:
    """Return the name of a test as a heading: a rule by its number, an option by its title."""
    if name.startswith("test_option_"):
        return project_definitions().rules().option(name.removeprefix("test_option_")).title
    words = name.removeprefix("test_").split("_")
    first = words[0].upper() if re.fullmatch(r"(el|dn|rc)\d", words[0]) else words[0].capitalize()
    return " ".join([first, *words[1:]])
