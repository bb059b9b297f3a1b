"""The runs of a site: their executed notebooks are copied, each to the folder of its run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from naome.core.errors import RunError
from naome.report.finished import FinishedRun
from naome.report.marking import MARKINGS
from naome.workflow.pages import Page, load_pages
from sitepreview.notebook import join_text, read_notebook

STRIP = re.compile(r'class="banner-(\w+)"')


@dataclass(frozen=True)
class SiteRun:
    """A run as a site shows it.

    Attributes
    ----------
    run : FinishedRun
    name : str
        How menus and strips name it: the audit's title, with the run's identifier where two runs have one title.
    key : str
        Its folder in the site, ``runs/<key>``.
    pages : tuple of Page
        Its pages on the site, in order.
    cells : mapping of str to set of str
        Notebook -> labels of its cells that show something.
    """

    run: FinishedRun
    name: str
    key: str
    pages: tuple[Page, ...]
    cells: Mapping[str, set[str]]

    def locate(self, page: Page) -> str:
        """Return where a page lies in the project of the site."""
        return f"runs/{self.key}/notebooks/{page.notebook}.ipynb"

    def locate_frames(self) -> dict[str, str]:
        """Return released file -> place of the page whose notebook wrote it."""
        return {frame: self.locate(page) for page in self.pages for frame in page.saves}


def place_runs(runs: list[FinishedRun], folder: Path) -> list[SiteRun]:
    """Copy the executed notebooks; a page that stands with the first audit of a site is taken once.

    Parameters
    ----------
    runs : list of FinishedRun
        Each once, in the order of the site.
    folder : Path
        Of the project of the site.

    Returns
    -------
    list of SiteRun
        In the same order.

    Raises
    ------
    RunError
        For a run with a page that is missing or was changed, or whose banner is not that of its data.
    """
    shown: list[SiteRun] = []
    titles = [run.title for run in runs]
    for run in runs:
        run.check_pages()
        name = run.title if titles.count(run.title) == 1 else f"{run.title} ({run.run_id})"
        key = run.run_id if run.audit in {each.key for each in shown} else run.audit
        taken = {page.notebook for each in shown for page in each.pages}
        pages = [load_pages().find(name) for name in run.pages]
        pages = [page for page in pages if page.audits == "each" or page.notebook not in taken]
        placed = SiteRun(run, name, key, tuple(pages), {})
        for page in pages:
            data = run.read_page(page.notebook)
            file = folder / placed.locate(page)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            placed.cells[page.notebook] = _check_page(folder, placed, page)
        shown.append(placed)
    return shown


def _check_page(folder: Path, shown: SiteRun, page: Page) -> set[str]:
    """Return the labels of cells that show something; refuse a page of an audit whose strip is not that of the run."""
    path = shown.locate(page)
    problems: list = []
    notebook = read_notebook(folder, path, problems)
    if notebook is None:
        raise RunError(f"{shown.run.folder / 'notebooks' / page.notebook}.ipynb: {problems[0].what}")
    shows = [join_text(o.get("data", {}).get("text/markdown", "")) for cell in notebook.cells for o in cell.outputs]
    found = set(STRIP.findall("\n".join(shows)))
    if page.audits == "each" and found != {MARKINGS[shown.run.marking].kind}:
        strip = " and ".join(sorted(found)) or "no"
        raise RunError(
            f"{shown.run.folder / 'notebooks' / page.notebook}.ipynb has the banner of {strip} data, "
            f"but run {shown.run.run_id} is marked {shown.run.marking}. "
            f"Hint: run the chain of {shown.run.audit} again."
        )
    return {cell.label for cell in notebook.cells if cell.label and cell.outputs}
