"""The pages of the report: written one after the other from the audits, then the lists of what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from naome.core.definitions import Definitions
from naome.report.finished import FinishedRun
from naome.report.marking import write_banners
from naome.report.publication.about import write_about, write_manifests
from naome.report.publication.audits import Audit, Population, choose_audits, list_populations
from naome.report.publication.home import write_headlines
from naome.report.publication.indicator import write_indicator
from naome.report.publication.organisations import write_explorer, write_organisation_pages
from naome.report.publication.public import write_public
from naome.report.publication.recommendations import write_recommendations
from naome.report.publication.report_page import ReportPage
from naome.report.publication.source_lists import Sources, locate_family
from naome.report.publication.state_of_the_nation import write_state_of_the_nation
from naome.report.publication.survival import SURVIVAL_INDICATOR, write_survival
from naome.report.publication.upcare import write_upcare


@dataclass(frozen=True)
class Entry:
    """A page of the report in menus.

    Attributes
    ----------
    path : str
    text : str
        How menus name it.
    section : {"report", "indicators", "public", "organisations", "methods", "about", "sources"}
    """

    path: str
    text: str
    section: str


@dataclass(frozen=True)
class Report:
    """What the report adds to a site.

    Attributes
    ----------
    entries : tuple of Entry
        Its pages, in order.
    headlines : str
        The part of the front page that is made from results, in Markdown.
    """

    entries: tuple[Entry, ...] = ()
    headlines: str = ""


def open_audit(run: FinishedRun, pages: dict[str, str]) -> Audit:
    """Open a finished run for the report.

    Parameters
    ----------
    run : FinishedRun
    pages : dict of str to str
        Released file -> path of the page whose notebook wrote it.
    """
    frames = [frame.assign(frame=name) for name, frame in run.read_released() if "result_id" in frame.columns]
    results = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"frame": []})
    return Audit(run, run.nation, run.params, run.definitions, results, pages)


def write_report(
    runs: Sequence[tuple[FinishedRun, dict[str, str]]],
    root: Path,
    folder: Path,
    downloads: Callable[[], Mapping[str, str]],
) -> Report:
    """Write the pages of the report of some runs.

    Parameters
    ----------
    runs : sequence of (FinishedRun, dict)
        Each with the pages of its released files (:func:`open_audit`), in the order of the site's menus.
    root : Path
        Of the project.
    folder : Path
        Of the site's project.
    downloads : callable
        Gives, for the page of organisations, each file of the site to download and what it is.

    Returns
    -------
    Report
        Only with the page about the site where no run has released people and indicators.
    """
    audits = choose_audits(open_audit(run, pages) for run, pages in runs if run.has_inputs)
    shown, sources = [run for run, _ in runs], Sources()
    about = write_about(shown, Definitions(root / "definitions"), root, sources, reported=bool(audits))
    about.write(folder, banner=write_banners((run.marking, run.title) for run in shown), foot=write_foot(shown))
    write_manifests(shown, folder)
    entries, headlines = [Entry(about.path, "About", "about")], ""
    if audits:
        populations = list_populations(audits)
        banner, foot = (
            write_banners((audit.run.marking, audit.name) for audit in audits),
            write_foot([a.run for a in audits]),
        )
        written = list(_write_pages(audits, populations, sources, downloads))
        headlines = write_headlines(audits, populations, sources)
        written += [(_write_sources(family, sources), "", "sources") for family in sources.families]
        for page, _, _ in written:
            page.write(folder, banner=banner, foot=foot)
        write_explorer(audits, populations, folder)
        entries = [*(Entry(page.path, text, section) for page, text, section in written), *entries]
    return Report(tuple(entries), headlines)


def _write_sources(family: str, sources: Sources) -> ReportPage:
    title, parts = sources.write(family)
    page = ReportPage(
        locate_family(family), title, "Every number of the report about this measure", sources, searched=False
    )
    page.add(*parts)
    return page


def write_foot(runs: Sequence[FinishedRun]) -> str:
    """Write which runs made the results of a page of the report."""
    return f"::: {{.provenance}}\nResults on this page: {'; '.join(run.describe() for run in runs)}.\n:::"


def _write_pages(
    audits: list[Audit], populations: list[Population], sources: Sources, downloads: Callable[[], Mapping[str, str]]
) -> Iterator[tuple[ReportPage, str, str]]:
    """Yield each page with its text in menus and its section."""
    yield write_state_of_the_nation(audits, populations, sources), "State of the Nation", "report"
    first = audits[0]
    for indicator in first.wording:
        if indicator == SURVIVAL_INDICATOR:
            page = write_survival(audits, populations, sources)
        else:
            page = write_indicator(indicator, audits, populations, sources)
        yield page, first.wording[indicator].short, "indicators"
    yield write_recommendations(audits, populations, sources), "Recommendations", "report"
    for page, text in write_public(audits, populations, sources):
        yield page, text, "public"
    yield write_upcare(audits, sources), "UPCARE summary", "methods"
    for page, text in write_organisation_pages(audits, populations, sources, downloads()):
        yield page, text, "organisations"
