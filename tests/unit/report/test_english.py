"""What readers see is standard English with the terms of medical statistics, and can be read with ease.

``pytest tests/unit/report/test_english.py -s`` prints the reading ease of every results page.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from naome.core.paths import project_root
from naome.workflow.pages import list_notebooks

ROOT = project_root()
NOTEBOOKS = list_notebooks()

#: Words and phrases that are not used, as regular expressions between word boundaries, and what is written instead
BANNED = {
    r"stands?(?! for\b)|standing|stood": "is, is given, is listed, remains",
    r"tells?|told|telling": "shows, says; distinguishes; is known",
    r"doors?": "statistical disclosure control",
    r"whoever": "anyone who, people who",
    r"whatever": "any, regardless of",
    r"habits?": "recording practice; variation between organisations",
    r"gifts?": "immortal time bias",
    r"bends?|bent": "restricted cubic spline; non-linear term",
    r"pull(s|ed)? in|outer tenths?": "winsorised (the highest and lowest 10%)",
    r"lends?": "provides",
    r"people followed|signs? of metasta\w+": "people retained at extraction; record suggestive of metastatic disease",
    r"switch(es|ed|ing)?": "option, sensitivity analysis; changed",
    r"clocks?": "time origin",
    r"(?<!time )origins?": "time origin",
    r"horizons?": "time point",
    r"truths?": "true value",
    r"lanes?": "connection",
    r"(?-i:Of these)$": "Numerator",
    r"left out|leaves? out|leaving out": "excluded",
    r"very own|the very (people|ones|lines)": "own, these",
    r"carried along|carries them along": "re-based on the rounded counts",
    r"ours": "this run",
    r"verdicts?": "agreement, result of the comparison",
    r"nobody|somebody|anybody|everybody": "no one, a person, anyone, everyone",
    r"(imputation|models?|equations?|methods?) (that )?(knows?|sees?|says?)": "includes, uses",
    r"windows? on": "data source",
    r"(allow(s|ed|ing|ance)?|limits?) for (the )?spread|spread (is |may be )?allowed|spread between": (
        "adjusted for overdispersion; variation between organisations"
    ),
    r"judged?": "compared with control limits, assessed",
    r"blame(s|d|less)?": "with no true difference",
    r"reason to look|where to learn|to look into": "calls for review; good practice",
    r"believed?": "reliable, used as evidence",
    r"(sources?|records?) (saw|sees?)|seen by (an?|any|each|no|the) (source|record)s?|who sees": "identified by",
    r"rests? on|resting on": "is based on, uses",
    r"promises?": "nominal rate",
    r"strip": "banner",
    r"lived through": "cumulative hazard to exit",
    r"comes? out": "is",
    r"half as long again": "150% of the default",
    r"must be broken|rules? (that )?(is|are) broken|rules? broken": "rule is met",
    r"every rule leaves": "number remaining after each criterion",
    r"mean square of (the )?z( scores?)?": "mean squared z-score",
    r"with gaps|gaps in (the )?case mix": "with missing values",
    r"(?-i:[Hh]idden)": "suppressed",
    r"people missed|those missed|who (is|are) missed": "incomplete ascertainment",
    r"as found": "observed",
    r"never a blank": "missing results are listed with the reason",
}
PATTERNS = {re.compile(rf"(?<![\w-])(?:{words})(?!\w)", re.I): instead for words, instead in BANNED.items()}

#: Text that is not prose: code, addresses, embedded results, names of files, formulas, citations
CODE = re.compile(r"`[^`]*`|\]\([^)]*\)|\{\{<.*?>\}\}|\{#?[\w.,: #-]*\}|https?://\S+|\$\$?[^$]*\$\$?|@[\w:-]+")
IDENTIFIER = re.compile(r"[a-z0-9_.*+\[\]()^$?/\\%-]+")

#: Pages whose words come from docstrings of the whole package, or from the tests
GENERATED = ("api.qmd", "rules-as-examples.qmd")

#: Packages whose messages readers meet in a terminal or as the reason of a result
PACKAGES = ("cohort", "core", "extract", "measures", "release", "stats", "workflow")

#: Values in the data-quality log, not words on a page
VALUES = ("left out",)

#: Flesch reading ease that the prose of a results page reaches: the aim, and one page that consists of names of
#: treatments and indicators (measured 44.4)
READING_EASE = 50
READING_EASE_OF = {"03-treatment-indicators": 43}


class Prose(NamedTuple):
    """A piece of text that readers see.

    Attributes
    ----------
    file : Path
    line : int
    text : str
    """

    file: Path
    line: int
    text: str


def find_dialect(text: str) -> list[tuple[int, str, str]]:
    """Return the phrases of a text that are not used: the lines before each, the phrase, and what to write instead."""
    prose = CODE.sub(lambda code: " " + "\n" * code[0].count("\n"), text)
    return [
        (prose.count("\n", 0, hit.start()), hit[0], instead)
        for pattern, instead in PATTERNS.items()
        for hit in pattern.finditer(prose)
    ]


def read_lines(file: Path) -> Iterator[Prose]:
    """Yield the paragraphs of a text file; blocks of code and formulas are not prose."""
    text = re.sub(r"(?ms)^```.*?^```$", lambda block: "\n" * block[0].count("\n"), file.read_text(encoding="utf-8"))
    text = re.sub(r"(?s)\$\$.*?\$\$", lambda block: "\n" * block[0].count("\n"), text)
    for paragraph in re.finditer(r"(?:.+\n?)+", text):
        yield Prose(file, text.count("\n", 0, paragraph.start()) + 1, paragraph[0])


def read_strings(file: Path, source: str, first: int = 1) -> Iterator[Prose]:
    """Yield the texts that are written in Python source, with the values of an f-string as dots."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if id(node) in inside:
            continue
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            text = "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if not IDENTIFIER.fullmatch(text):
            yield Prose(file, first + node.lineno - 1, text)


def read_messages(file: Path) -> Iterator[Prose]:
    """Yield the texts of Python source that are not docstrings and not values of the data-quality log."""
    source = file.read_text(encoding="utf-8")
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, documented)]
    docstrings = {node.body[0].lineno for node in nodes if ast.get_docstring(node, clean=False) is not None}
    for each in read_strings(file, source):
        if each.line not in docstrings and each.text not in VALUES:
            yield each


def read_yaml(file: Path) -> Iterator[Prose]:
    """Yield the sentences of a YAML file: values of more than one word, and comments."""
    text = file.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            yield Prose(file, number, line)
    for node in _scalars(yaml.compose(text)):
        if " " in node.value:
            yield Prose(file, node.start_mark.line + 1, node.value)


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _scalars(each)
    else:
        for _, each in node.value:
            yield from _scalars(each)


def read_notebook(file: Path) -> Iterator[tuple[str, Prose]]:
    """Yield the prose of a notebook's source and its kind: raw, markdown, caption, alt or text."""
    raw = file.read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(raw, 1) if re.fullmatch(r'\s+"source": \[\]?,?', line)]
    for cell, start in zip(json.loads("\n".join(raw))["cells"], starts, strict=True):
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            yield cell["cell_type"], Prose(file, start + 1, source)
            continue
        for number, line in enumerate(cell["source"], 1):
            if caption := re.match(r'#\| (?:tbl-cap|fig-cap|fig-alt): "(.*)"', line):
                yield "alt" if "fig-alt" in line else "caption", Prose(file, start + number, caption[1])
            elif comment := re.search(r"  # (.+)", line):
                yield "text", Prose(file, start + number, comment[1])
        for each in read_strings(file, source, start + 1):
            yield "text", each


@cache
def list_prose() -> dict[str, list[Prose]]:
    """Return everything that readers see, by the part of the project that it belongs to."""
    pages = [page for page in sorted((ROOT / "methodology").glob("*.qmd")) if page.name not in GENERATED]
    papers = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "GLOSSARY.md", "index.qmd")]
    papers += sorted((ROOT / "docs").rglob("*.md"))
    code = sorted((ROOT / "src" / "naome" / "report").rglob("*.py"))
    code += [ROOT / "src" / "naome" / "workflow" / "simulation_study.py"]
    packages = [file for name in PACKAGES for file in sorted((ROOT / "src" / "naome" / name).rglob("*.py"))]
    files = [*(ROOT / "definitions").glob("*.yaml"), *(ROOT / "params").glob("*.yaml")]
    return {
        "notebooks": [prose for file in NOTEBOOKS for _, prose in read_notebook(file)],
        "methodology": [prose for file in pages for prose in read_lines(file)],
        "documents": [prose for file in papers for prose in read_lines(file)],
        "report": [prose for file in code for prose in read_strings(file, file.read_text(encoding="utf-8"))],
        "messages": [prose for file in packages for prose in read_messages(file)],
        "definitions": [prose for file in sorted(files) for prose in read_yaml(file)],
    }


def count_syllables(word: str) -> int:
    """Count the syllables of an English word: groups of vowels, without a silent e at the end."""
    word = re.sub(r"[^a-z]", "", word.lower())
    silent = r"(?<=[^aeiouy])(?<![^aeiouy]l)e$|(?<=[^aeiouytd])ed$|(?<=[^aeiouyscxzh])(?<![^aeiouy]l)es$"
    return max(1, len(re.findall(r"[aeiouy]+", re.sub(silent, "", word))))


def reading_ease(text: str) -> float:
    """Return the Flesch reading ease of a text (Flesch 1948): about 60 is plain English, below 30 is hard."""
    sentences = [each for each in re.split(r"[.!?](?:\s|$)|\n\s*\n", text) if re.search(r"[A-Za-z]{2}", each)]
    words = re.findall(r"[A-Za-z][A-Za-z'’]*", text)
    syllables = sum(map(count_syllables, words))
    return 206.835 - 1.015 * len(words) / len(sentences) - 84.6 * syllables / len(words)


def read_page(file: Path) -> str:
    """Return the prose of a results page: paragraphs and captions, without headings."""
    pieces = []
    for kind, prose in read_notebook(file):
        text = re.sub(r"(?m)^#+ .*$", "", prose.text).strip()
        if kind in ("markdown", "caption") and text:
            pieces.append(text)
    return re.sub(r"[*`_]", "", "\n\n".join(pieces))


def read_results(file: Path) -> str:
    """Return the sentences that a committed run of a notebook shows, without tables and the banner."""
    outputs = [out for cell in json.loads(file.read_text(encoding="utf-8"))["cells"] for out in cell.get("outputs", [])]
    texts = ["".join(out.get("data", {}).get("text/markdown", "")) for out in outputs]
    return re.sub(r"[*`_]|(?m:^- )", "", "\n\n".join(text for text in texts if not text.startswith("<")))


@pytest.mark.parametrize("part", ["notebooks", "methodology", "documents", "report", "messages", "definitions"])
def test_no_private_dialect(part):
    found = [
        f"{prose.file.relative_to(ROOT)}:{prose.line + below}: {phrase!r}; write: {instead}"
        for prose in list_prose()[part]
        for below, phrase, instead in find_dialect(prose.text)
    ]
    assert not found, f"{len(found)} phrases:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "Standard errors, understood standards, yours and outdoor work.",
        "A code that stands for a missing date; the original time origin; `clock: origin`.",
        "See [the rule](0017-a-fact-stands-once.md) and {{< embed a.ipynb#tbl-habits >}}.",
    ],
)
def test_ordinary_words_and_code_are_no_dialect(text):
    assert find_dialect(text) == []


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("The rule stands in one file.", "stands"),
        ("Age at origin", "origin"),
        ("Whoever is left out", "Whoever"),
        ("Of these", "Of these"),
    ],
)
def test_dialect_is_found(text, phrase):
    assert phrase in [found for _, found, _ in find_dialect(text)]


def test_reading_ease_is_flesch():
    words = ("people", "organisation", "completed", "based", "rule")
    assert [count_syllables(word) for word in words] == [2, 5, 3, 1, 1]
    assert reading_ease("The cat sat on the mat.") == pytest.approx(206.835 - 1.015 * 6 - 84.6)


def test_messages_are_read_without_docstrings(tmp_path):
    file = tmp_path / "module.py"
    file.write_text(
        '"""It stands."""\n\n\ndef f():\n    """It stands."""\n    raise ValueError(f"row {1} stands twice")\n'
    )
    found = [(each.line, phrase) for each in read_messages(file) for _, phrase, _ in find_dialect(each.text)]
    assert found == [(6, "stands")]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=[file.stem for file in NOTEBOOKS])
def test_results_pages_can_be_read_with_ease(file):
    ease, least = reading_ease(read_page(file)), READING_EASE_OF.get(file.stem, READING_EASE)
    shown = reading_ease("\n\n".join([read_page(file), read_results(file)]))
    print(f"\n{file.stem}: {ease:.1f}, with the sentences of the run {shown:.1f}")
    assert ease >= least, f"{file.name}: reading ease {ease:.1f}; shorten sentences and words"
