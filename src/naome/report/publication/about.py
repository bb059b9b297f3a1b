"""The page about a site: what it is, its runs, corrections, how to cite it, licence and accessibility."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from pydantic import Field

from naome import __version__
from naome.core.atomic import write_text
from naome.core.definitions import Definitions, read_once
from naome.core.errors import DefinitionError
from naome.core.yaml_files import FrozenModel, Text, read_model
from naome.report.finished import FinishedRun
from naome.report.marking import MARKINGS
from naome.report.prose import say_count, say_day
from naome.report.publication.public import LANGUAGES, read_summaries
from naome.report.publication.report_page import ReportPage
from naome.report.publication.source_lists import Sources

PATH = "report/about.qmd"
RUNS = "report/runs"
#: What is published of a manifest: how a run was made, and no counts of an extract
PUBLISHED = (
    *("run_id", "audit", "title", "nation", "period", "marking", "finished", "code_sha256", "commit", "dirty"),
    *("params_sha256", "definitions_sha256", "inputs_sha256", "packages", "python", "steps", "pages", "files"),
)


class Correction(FrozenModel):
    """A correction of released results; the meaning of each key is in ``corrections.yaml``."""

    date: dt.date
    what: Text
    why: Text
    since: Text
    guard: Text


class _CorrectionsFile(FrozenModel):
    corrections: tuple[Correction, ...] = Field(strict=False)


@read_once
def read_corrections(definitions: Definitions) -> tuple[Correction, ...]:
    """Return the corrections of released results, the latest first.

    Raises
    ------
    DefinitionError
        Naming file, key, what was found and what is allowed.

    Examples
    --------
    >>> from naome.core.definitions import project_definitions
    >>> dates = [each.date for each in read_corrections(project_definitions())]
    >>> dates == sorted(dates, reverse=True)
    True
    """
    found = read_model(definitions.folder / "corrections.yaml", _CorrectionsFile, error=DefinitionError).corrections
    return tuple(sorted(found, key=lambda each: each.date, reverse=True))


def write_about(
    runs: Sequence[FinishedRun], definitions: Definitions, root: Path, sources: Sources, *, reported: bool = True
) -> ReportPage:
    """Write the page.

    Parameters
    ----------
    runs : sequence of FinishedRun
        All runs of the site.
    definitions : Definitions
        For the corrections.
    root : Path
        Of the project, for ``CITATION.cff``.
    sources : Sources
    reported : bool
        Whether the site has a report, and with it the summary for patients.
    """
    page = ReportPage(PATH, "About this site", "Runs, corrections, citation, licence and accessibility", sources)
    cite = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    page.add(
        f"Results of {say_day(max(run.finished for run in runs))}, naome {__version__}. This is not the National Audit "
        "of Metastatic Breast Cancer, and is not endorsed by it.",
        "## Runs",
    )
    rows = [
        [run.title, MARKINGS[run.marking].name, run.run_id, say_day(run.period[0]), say_day(run.period[1])]
        for run in runs
    ]
    page.table("tbl-runs", "The runs of this site.", ["Audit", "Data", "Run", "From", "To"], rows)
    page.add(
        "How each run was made, with digests of its inputs and files: "
        + ", ".join(f"[{run.run_id}]({page.link(locate_run(run))})" for run in runs)
        + "."
    )
    page.add("## Corrections", "Results that were released and later found wrong.")
    lines = [[say_day(c.date), c.what, c.why, c.since, c.guard] for c in read_corrections(definitions)]
    heads = ["Date", "What", "Why", "Right since", "What keeps it right"]
    page.table("tbl-corrections", "Corrections, the latest first.", heads, [list(line) for line in lines])
    authors = ", ".join(author.get("name", "") for author in cite["authors"])
    page.add(
        "## Cite",
        f"{authors} ({cite['date-released'].year}). *{cite['title']}*, version {cite['version']}. Please name the run "
        "as well, as it is written at the foot of each page.",
        "## Licence",
        f"Program and text: {cite['license']}. Data of real patients are not part of the project.",
        "## Contact and corrections",
        "Report an error or ask a question where you obtained this site: the analyst whose run it is answers for the "
        "results, the developers of naome for the program.",
        *(["## Languages", "\n\n".join(_say_languages(definitions))] if reported else []),
        "## Accessibility",
        "Pages are written for screen readers, keyboard and print: headings in order, tables with headings and "
        "captions, a text alternative with the values of each figure, a light and a dark theme. The charts of the "
        "organisations need JavaScript; the tables below them hold the same results. Nothing is fetched from another "
        "address, and no visit is counted.",
    )
    return page


def _say_languages(definitions: Definitions) -> Iterator[str]:
    """Say in which languages the summary for patients is, and what is missing of the others."""
    for summary in read_summaries(definitions):
        name = LANGUAGES[summary.language]
        if not summary.stale:
            yield f"The summary *{name}* is up to date."
        else:
            yield (
                f"The summary *{name}* is not shown: {say_count(len(summary.stale), 'text')} of the English one "
                "have no translation, or one of a text that has changed."
            )


def locate_run(run: FinishedRun) -> str:
    """Return the place, within the site, of what is published about a run."""
    return f"{RUNS}/{run.run_id}.json"


def write_manifests(runs: Sequence[FinishedRun], folder: Path) -> None:
    """Write what is published of each run's manifest: how it was made, without counts of its extract."""
    for run in runs:
        held = {name: run.manifest[name] for name in PUBLISHED if name in run.manifest}
        write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", folder / locate_run(run))
