"""The files of the project that are written from code and definitions, so that they cannot be out of date."""

from __future__ import annotations

from pathlib import Path

from naome.core.atomic import write_text
from naome.core.params import write_reference
from naome.core.paths import project_root
from naome.report.reference import api as api_page
from naome.report.reference import data_dictionary
from naome.report.reference import definitions as definitions_page
from naome.report.reference import examples as examples_page
from naome.report.sources import REFERENCE

#: Each file, and what returns its text
DOCS = {
    "params/README.md": write_reference,
    definitions_page.PAGE: definitions_page.write_definitions,
    data_dictionary.PAGE: data_dictionary.write_data_dictionary,
    examples_page.PAGE: examples_page.write_examples,
    REFERENCE: api_page.write_api,
}


def write_docs() -> list[str]:
    """Write the files that are out of date; return their names."""
    folder = project_root()
    stale = find_stale_docs(folder)
    for name in stale:
        write_text(DOCS[name](), folder / name)
    return stale


def find_stale_docs(root: Path | None = None) -> list[str]:
    """Return the names of files that are missing, or that differ from what code and definitions say today."""
    folder = root or project_root()
    return [name for name, write in DOCS.items() if _read(folder / name) != write()]


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None
