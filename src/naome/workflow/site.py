"""A site of finished runs: a Quarto project is composed from them in a folder of its own, and rendered.

Navigation, front page, strips, footers, embedded results and downloads are written from the manifests of the runs.
From the project come the look (``_quarto.yml``, ``assets/``), the pages on methods and the words of the front page; in
these, what depends on the runs stands in blocks named ``site-...``, which are filled here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import yaml

from naome import __version__
from naome.core.atomic import scratch_folder, sweep, write_text
from naome.core.errors import RunError
from naome.core.out_folder import check_out
from naome.core.paths import project_root
from naome.core.yaml_files import read_yaml
from naome.report.downloads import write_downloads
from naome.report.finished import FinishedRun, open_all_finished
from naome.report.marking import write_banners
from naome.report.publication.home import HOME
from naome.report.publication.report import write_report
from naome.report.reference import definitions as definitions_page
from naome.workflow.egress import check_site_egress, write_site_egress
from naome.workflow.navigation import DOWNLOADS, SUPPLEMENT, fit_config, write_audits, write_methods, write_readers
from naome.workflow.pages import MethodPage, load_pages
from naome.workflow.site_runs import SiteRun, place_runs
from sitepreview import HtmlPage, Problem, Refused, RenderReport, check_sources, holds_site, render_site
from sitepreview.documents import write_documents
from sitepreview.project import CONFIG
from sitepreview.source import FRONT_MATTER

#: Downloads beside the table of all results, where there is something to write, and the words of the links
FILES = {
    "results.xlsx": "as a workbook",
    "results.parquet": "as Parquet",
    "organisations.csv": "names and areas of organisations",
    "action-plans.zip": "local action plans",
}
SYNTHETIC = "synthetic"
BLOCK = re.compile(r"^::: \{#site-([a-z]+)[^}\n]*\}\n.*?^:::$", re.M | re.S)
EMBED = re.compile(r"^(\{\{< embed (?:\.\./|/)?runs/)[a-z0-9-]+(/notebooks/([\w-]+)\.ipynb#([\w-]+) >\}\})$", re.M)
STRIPS = ("banner-synthetic", "banner-real", "banner-neutral")
NOT_SHOWN = "*Not shown here: {run} has no result `{label}` of notebook {notebook}.*"
NEUTRAL = "::: {.banner-neutral}\n**No results.** Nothing on this page comes from data.\n:::"


def render_runs(
    runs: Iterable[str | Path | FinishedRun],
    out: str | Path,
    renderer: str = "auto",
    progress: Callable[[str], None] | None = None,
) -> RenderReport:
    """Draw a site of some finished runs; nothing but `out`, and the egress sheet beside it, is written.

    Parameters
    ----------
    runs : iterable of str, Path or FinishedRun
        Names under the folder of all runs, or run folders. The first is the one whose results the pages on methods
        show, unless it lacks them.
    out : str or Path
        Folder of the site: new, empty, or one that holds a site, which is replaced at the very end.
    renderer : {"auto", "quarto", "preview"}
        `auto` takes Quarto where it is.
    progress : callable, optional
        Takes each line of progress.

    Returns
    -------
    RenderReport

    Raises
    ------
    RunError
        For a run that cannot be drawn, by name: no such run, no manifest, a page that is missing or was changed; and
        with every problem of the pages.

    Examples
    --------
    >>> print(render_runs(["england", "wales"], "_site"))  # doctest: +SKIP
    """
    given = list(runs)
    opened = [run for run in given if isinstance(run, FinishedRun)]
    opened += open_all_finished(run for run in given if not isinstance(run, FinishedRun))
    target = Path(out).resolve()
    check_out(target, holds_site)
    check_site_egress(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent)
    with scratch_folder(target.parent, f"{target.name}-pages") as folder:
        shown = compose_site(opened, folder, say=progress)
        try:
            report = render_site(
                folder,
                renderer=renderer,
                out_dir=target,
                own_check=check_strips,
                finish=partial(write_supplement, shown=shown),
                progress=progress,
            )
        except (Refused, FileNotFoundError, ValueError) as error:
            raise RunError(str(error)) from None
    sheet = write_site_egress(target, opened, {each.locate(page): each.run for each in shown for page in each.pages})
    if progress:
        progress(f"{sheet}: every file of the site, for the person who checks what leaves")
    return report


def write_supplement(site: Path, shown: list[SiteRun]) -> None:
    """Write the methodology supplement of a built site, the pages on methods as one Word file and one PDF."""
    pages = [page.file for page in load_pages().methods if page.supplement]
    of_runs = {page.notebook: each.locate(page) for each in reversed(shown) for page in each.pages if page.supplement}
    chapters = [str(Path(page).with_suffix(".html")) for page in [*pages, *(of_runs[n] for n in sorted(of_runs))]]
    chapters = [chapter for chapter in chapters if (site / chapter).is_file()]
    note = f"naome {__version__}. " + "; ".join(f"{each.name}: run {each.run.run_id}" for each in shown)
    write_documents(site, chapters, "Methodology supplement", note, site / SUPPLEMENT)


def check_pages(project: Path) -> None:
    """Refuse pages of the project that Quarto and the preview renderer would not draw alike.

    Raises
    ------
    RunError
        With every problem.
    """
    try:
        check_sources(project)
    except (Refused, FileNotFoundError) as error:
        raise RunError(str(error)) from None


def check_strips(pages: Mapping[str, HtmlPage]) -> list[Problem]:
    """List the pages of a built site that have no strip in their main part to say which data they show."""
    problems = []
    for name, page in pages.items():
        classes = {c for e in page.elements if e.in_main for c in e.attributes.get("class", "").split()}
        if not classes.intersection(STRIPS):
            what = "the page has no banner that says which data it shows"
            problems.append(Problem(name, None, what, "::: {.banner-synthetic}"))
    return problems


def compose_site(runs: list[FinishedRun], folder: Path, *, say: Callable[[str], None] | None = None) -> list[SiteRun]:
    """Write the Quarto project of a site.

    Parameters
    ----------
    runs : list of FinishedRun
        At least one, each once.
    folder : Path
        Where to write; nothing else is touched.
    say : callable, optional
        Takes a line for each page on methods that the site leaves out.

    Returns
    -------
    list of SiteRun
        What the site shows of each run.

    Raises
    ------
    RunError
        For a run that cannot be drawn.
    """
    if not runs:
        raise RunError("a site needs at least one run; name runs or their folders.")
    root = project_root()
    shown = place_runs(runs, folder)
    methods = [page for page in load_pages().methods if _add_method(page, shown, root, folder, say)]
    for file in [*root.glob("assets/**/*"), *root.glob("*.bib"), *root.glob("GLOSSARY.md")]:
        if file.is_file():  # copied without its permissions: the project may be read-only
            target = folder / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    with ProcessPoolExecutor(1) as pool:  # on the other core while the report is written
        writing = pool.submit(write_downloads, runs, folder / DOWNLOADS)

        def list_downloads() -> dict[str, str]:
            writing.result()
            return _list_downloads(folder)

        report = write_report([(e.run, e.locate_frames()) for e in shown], root, folder, list_downloads)
        writing.result()
    blocks = {
        "audits": write_audits(shown),
        "methods": write_methods(shown, methods, _list_downloads(folder)),
        "report": report.headlines,
        "readers": write_readers(report),
    }
    _add_page(HOME, shown, root, folder, blocks)
    config = fit_config(read_yaml(root / CONFIG), shown, methods, report)
    write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), folder / CONFIG)
    return shown


# ---- pages written in the project


def _add_method(
    page: MethodPage, shown: list[SiteRun], root: Path, folder: Path, say: Callable[[str], None] | None
) -> bool:
    """Add a page on methods where the site has what it is about; say why not otherwise."""
    if page.made_of:
        _add_record(page, shown, root, folder)
        return True
    if page.with_truth:
        return _add_truth(page, shown, folder, say)
    if page.with_notebook and not any(page.with_notebook in each.cells for each in shown):
        if say:
            say(f"excluded: {page.file} (no run of the site has notebook {page.with_notebook})")
        return False
    _add_page(page.file, shown, root, folder, {})
    return True


def _add_record(page: MethodPage, shown: list[SiteRun], root: Path, folder: Path) -> None:
    """Add a page that is made of records of the project: one file, or each file of a folder as a section."""
    place = root / page.made_of
    if place.is_file():
        body = place.read_text(encoding="utf-8").partition("\n")[2]
    else:
        texts = [file.read_text(encoding="utf-8") for file in sorted(place.glob("[0-9]*.md"))]
        body = re.sub("^#", "##", "\n\n".join(texts), flags=re.M)
    body = re.sub(r"\[([^\]]*)\]\([^)]*\.md\)", r"\1", body)  # its links are those of the project's folders
    front = f'---\ntitle: {page.menu}\ndescription: "From {page.made_of} of the project"\n---'
    write_text("\n\n".join([front, NEUTRAL, body.strip(), _write_foot([], shown)]) + "\n", folder / page.file)


def _add_truth(page: MethodPage, shown: list[SiteRun], folder: Path, say: Callable[[str], None] | None) -> bool:
    """Add the comparison with the truth where all runs it speaks of are synthetic runs of this site."""
    synthetic = {each.run.run_id: each.run.folder for each in shown if each.run.marking == SYNTHETIC}
    for place in sorted({run_folder.parent for run_folder in synthetic.values()}):
        file = place / Path(page.file).relative_to("runs")
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8")
        front = FRONT_MATTER.match(text)
        about = (yaml.safe_load(front[1] or "") or {}).get("runs") if front else None
        if about and set(about) <= synthetic.keys():
            speaks_of = [each for each in shown if each.run.run_id in about]
            write_text(f"{text.rstrip()}\n\n{_write_foot(speaks_of, shown)}\n", folder / page.file)
            return True
        if say:
            say(f"excluded: {file} (it is not only about synthetic runs of this site)")
    return False


def _add_page(path: str, shown: list[SiteRun], root: Path, folder: Path, blocks: dict[str, str]) -> None:
    """Copy a page: its blocks filled, its results those of one run, that run at its foot."""
    text = _read_method(path, shown[0], root)
    own = BLOCK.sub("", text)
    wanted = [(name, label) for _, _, name, label in EMBED.findall(own)]
    source = max(shown, key=lambda each: sum(label in each.cells.get(name, ()) for name, label in wanted))
    found = [(name, label) for name, label in wanted if label in source.cells.get(name, ())]
    everyone = path == HOME
    speaks_of = shown if everyone else [source] if found else []
    filled = {
        "banner": write_banners((each.run.marking, each.name) for each in speaks_of) or NEUTRAL,
        "source": f"{source.name}, {source.run.describe()}." if found else "",
        **blocks,
    }
    unknown = set(BLOCK.findall(text)) - filled.keys()
    if unknown:
        raise RunError(f"{path}: block site-{min(unknown)} is not known; use one of {', '.join(sorted(filled))}.")
    text = BLOCK.sub(lambda match: filled[match[1]], text)
    text = EMBED.sub(lambda match: _embed(match, source), text)
    write_text(f"{text.rstrip()}\n\n{_write_foot(speaks_of, shown)}\n", folder / path)


def _read_method(path: str, first: SiteRun, root: Path) -> str:
    """Read a page of the project; the definitions are those of the first run, under its options."""
    if path != definitions_page.PAGE or not first.run.has_inputs:
        return (root / path).read_text(encoding="utf-8")
    return definitions_page.write_definitions(first.run.definitions, first.run.params.rules)


def _embed(match: re.Match, source: SiteRun) -> str:
    start, end, name, label = match.groups()
    if label in source.cells.get(name, ()):
        return f"{start}{source.key}{end}"
    return NOT_SHOWN.format(run=f"the run of {source.name}", label=label, notebook=name)


def _write_foot(speaks_of: list[SiteRun], shown: list[SiteRun]) -> str:
    """Write which runs made the results of a page; on a page without results, which runs the site shows."""
    if speaks_of:
        text = f"Results on this page: {'; '.join(each.run.describe() for each in speaks_of)}."
    else:
        runs = ", ".join(f"`{each.run.run_id}`" for each in shown)
        text = f"There are no results of a run on this page. Runs of this site: {runs}."
    return f"::: {{.provenance}}\n{text}\n:::"


def _list_downloads(folder: Path) -> dict[str, str]:
    """Return those of ``FILES`` that the site has."""
    found = {f"{DOWNLOADS}/{name}": text for name, text in FILES.items()}
    return {file: text for file, text in found.items() if (folder / file).is_file()}
