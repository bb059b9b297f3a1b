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
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from naome import __version__
from naome.core.atomic import scratch_folder, sweep, write_text
from naome.core.errors import ChainError
from naome.core.out_folder import check_out
from naome.core.paths import project_root
from naome.core.yaml_files import read_yaml
from naome.report.downloads import write_downloads
from naome.report.finished import FinishedRun, open_all_finished
from naome.report.marking import MARKINGS, name_by_marking, write_banners
from naome.report.publication.report import Report, write_report
from naome.report.reference import definitions as definitions_page
from naome.workflow.egress import write_site_egress
from naome.workflow.pages import MethodPage, Page, load_pages
from sitepreview import HtmlPage, Problem, Refused, RenderReport, check_sources, holds_site, render_site
from sitepreview.documents import write_documents
from sitepreview.notebook import join_text, read_notebook
from sitepreview.project import CONFIG
from sitepreview.source import FRONT_MATTER

HOME = "index.qmd"
DOWNLOADS = "downloads"
#: Downloads beside the table of all results, where there is something to write, and the words of the links
FILES = {
    "results.xlsx": "as a workbook",
    "results.parquet": "as Parquet",
    "organisations.csv": "names and areas of organisations",
    "action-plans.zip": "local action plans",
}
#: The methodology supplement, without an ending
SUPPLEMENT = f"{DOWNLOADS}/methodology-supplement"
SYNTHETIC = "synthetic"
BLOCK = re.compile(r"^::: \{#site-([a-z]+)[^}\n]*\}\n.*?^:::$", re.M | re.S)
EMBED = re.compile(r"^(\{\{< embed (?:\.\./|/)?runs/)[a-z0-9-]+(/notebooks/([\w-]+)\.ipynb#([\w-]+) >\}\})$", re.M)
#: Sections of the report that are not in the first menus
APART = ("sources", "methods", "about")
#: Section of the report -> for whom it is, and the words of the link
READERS = (
    ("report", "Clinicians, commissioners and policy makers", "State of the Nation"),
    ("organisations", "Hospital teams", "results of each organisation"),
    ("public", "Patients and the public", "what the audit found, in plain English"),
    ("indicators", "Anyone with a question about one aspect of care", "the indicators, beginning with the first"),
    ("about", "Methodologists and reviewers", "runs, corrections and how to cite; methods are in the last menu"),
)
STRIPS = ("banner-synthetic", "banner-real", "banner-neutral")
STRIP = re.compile(r'class="banner-(\w+)"')
NOT_SHOWN = "*Not shown here: {run} has no result `{label}` of notebook {notebook}.*"
NEUTRAL = "::: {.banner-neutral}\n**No results.** Nothing on this page comes from data.\n:::"


@dataclass(frozen=True)
class Shown:
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
    ChainError
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
            raise ChainError(str(error)) from None
    write_site_egress(target, opened, {each.locate(page): each.run for each in shown for page in each.pages})
    return report


def write_supplement(site: Path, shown: list[Shown]) -> None:
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
    ChainError
        With every problem.
    """
    try:
        check_sources(project)
    except (Refused, FileNotFoundError) as error:
        raise ChainError(str(error)) from None


def check_strips(pages: Mapping[str, HtmlPage]) -> list[Problem]:
    """List the pages of a built site that have no strip in their main part to say which data they show."""
    problems = []
    for name, page in pages.items():
        classes = {c for e in page.elements if e.in_main for c in e.attributes.get("class", "").split()}
        if not classes.intersection(STRIPS):
            what = "the page has no banner that says which data it shows"
            problems.append(Problem(name, None, what, "::: {.banner-synthetic}"))
    return problems


def compose_site(runs: list[FinishedRun], folder: Path, *, say: Callable[[str], None] | None = None) -> list[Shown]:
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
    list of Shown
        What the site shows of each run.

    Raises
    ------
    ChainError
        For a run that cannot be drawn.
    """
    if not runs:
        raise ChainError("a site needs at least one run; name runs or their folders.")
    root = project_root()
    shown = _place_runs(runs, folder)
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
        "audits": _list_audits(shown),
        "methods": _list_methods(shown, methods, folder),
        "report": report.headlines,
        "readers": _list_readers(report),
    }
    _add_page(HOME, shown, root, folder, blocks)
    config = read_yaml(root / CONFIG)
    _fit_config(config, shown, methods, report)
    write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), folder / CONFIG)
    return shown


# ---- runs and their pages


def _place_runs(runs: list[FinishedRun], folder: Path) -> list[Shown]:
    """Copy the executed notebooks; a page that stands with the first audit of a site is taken once."""
    shown: list[Shown] = []
    titles = [run.title for run in runs]
    for run in runs:
        run.check_pages()
        name = run.title if titles.count(run.title) == 1 else f"{run.title} ({run.run_id})"
        key = run.run_id if run.audit in {each.key for each in shown} else run.audit
        taken = {page.notebook for each in shown for page in each.pages}
        pages = [load_pages().find(name) for name in run.pages]
        pages = [page for page in pages if page.audits == "each" or page.notebook not in taken]
        placed = Shown(run, name, key, tuple(pages), {})
        for page in pages:
            data = run.read_page(page.notebook)
            file = folder / placed.locate(page)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            placed.cells[page.notebook] = _check_page(folder, placed, page)
        shown.append(placed)
    return shown


def _check_page(folder: Path, shown: Shown, page: Page) -> set[str]:
    """Return the labels of cells that show something; refuse a page of an audit whose strip is not that of the run."""
    path = shown.locate(page)
    problems: list = []
    notebook = read_notebook(folder, path, problems)
    if notebook is None:
        raise ChainError(f"{shown.run.folder / 'notebooks' / page.notebook}.ipynb: {problems[0].what}")
    shows = [join_text(o.get("data", {}).get("text/markdown", "")) for cell in notebook.cells for o in cell.outputs]
    found = set(STRIP.findall("\n".join(shows)))
    if page.audits == "each" and found != {MARKINGS[shown.run.marking].kind}:
        strip = " and ".join(sorted(found)) or "no"
        raise ChainError(
            f"{shown.run.folder / 'notebooks' / page.notebook}.ipynb has the banner of {strip} data, "
            f"but run {shown.run.run_id} is marked {shown.run.marking}. "
            f"Hint: run the chain of {shown.run.audit} again."
        )
    return {cell.label for cell in notebook.cells if cell.label and cell.outputs}


# ---- pages written in the project


def _add_method(
    page: MethodPage, shown: list[Shown], root: Path, folder: Path, say: Callable[[str], None] | None
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


def _add_record(page: MethodPage, shown: list[Shown], root: Path, folder: Path) -> None:
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


def _add_truth(page: MethodPage, shown: list[Shown], folder: Path, say: Callable[[str], None] | None) -> bool:
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


def _add_page(path: str, shown: list[Shown], root: Path, folder: Path, blocks: dict[str, str]) -> None:
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
        raise ChainError(f"{path}: block site-{min(unknown)} is not known; use one of {', '.join(sorted(filled))}.")
    text = BLOCK.sub(lambda match: filled[match[1]], text)
    text = EMBED.sub(lambda match: _embed(match, source), text)
    write_text(f"{text.rstrip()}\n\n{_write_foot(speaks_of, shown)}\n", folder / path)


def _read_method(path: str, first: Shown, root: Path) -> str:
    """Read a page of the project; the definitions are those of the first run, under its options."""
    if path != definitions_page.PAGE or not first.run.has_inputs:
        return (root / path).read_text(encoding="utf-8")
    return definitions_page.write_page(first.run.definitions, first.run.params.rules)


def _embed(match: re.Match, source: Shown) -> str:
    start, end, name, label = match.groups()
    if label in source.cells.get(name, ()):
        return f"{start}{source.key}{end}"
    return NOT_SHOWN.format(run=f"the run of {source.name}", label=label, notebook=name)


def _write_foot(speaks_of: list[Shown], shown: list[Shown]) -> str:
    """Write which runs made the results of a page; on a page without results, which runs the site shows."""
    if speaks_of:
        text = f"Results on this page: {'; '.join(each.run.describe() for each in speaks_of)}."
    else:
        runs = ", ".join(f"`{each.run.run_id}`" for each in shown)
        text = f"There are no results of a run on this page. Runs of this site: {runs}."
    return f"::: {{.provenance}}\n{text}\n:::"


# ---- front page and navigation


def _list_audits(shown: list[Shown]) -> str:
    """Write what each run is and where its pages are."""
    parts = []
    for each in shown:
        first, last = each.run.period
        where = "" if each.run.nation in each.name else f" ({each.run.nation})"
        lines = [
            f"### {each.name}{where}",
            f"Metastatic disease diagnosed from {first:%-d %B %Y} to {last:%-d %B %Y}. "
            f"{MARKINGS[each.run.marking].name}. Run `{each.run.run_id}`.",
        ]
        groups: dict[str, list[str]] = {}
        for page in each.pages:
            if page.audits == "each":
                groups.setdefault(page.group, []).append(f"[{page.menu}]({each.locate(page)})")
        lines.append("\n".join(f"- **{group}:** {', '.join(links)}" for group, links in groups.items()))
        parts += lines
    return "\n\n".join(parts)


def _list_methods(shown: list[Shown], methods: list[MethodPage], folder: Path) -> str:
    links = ", ".join(f"[{entry['text']}]({entry['href']})" for entry in _methods_menu(shown, methods))
    files = [f"[{text}]({file})" for file, text in _list_downloads(folder).items()]
    return (
        f"- **Methods:** {links}\n- **Methodology supplement**, the pages on methods as one document: "
        f"[PDF]({SUPPLEMENT}.pdf), [Word]({SUPPLEMENT}.docx)\n"
        f"- **Data:** [all released results]({DOWNLOADS}/results.csv) as one table, with its "
        f"[data dictionary]({DOWNLOADS}/datapackage.json); also {', '.join(files)}"
    )


def _list_downloads(folder: Path) -> dict[str, str]:
    """Return those of ``FILES`` that the site has."""
    found = {f"{DOWNLOADS}/{name}": text for name, text in FILES.items()}
    return {file: text for file, text in found.items() if (folder / file).is_file()}


def _methods_menu(shown: list[Shown], methods: list[MethodPage]) -> list[dict[str, str]]:
    """List the pages on methods; a notebook that uses no data of an audit follows the page that is about it."""
    entries = [{"text": page.menu, "href": page.file} for page in methods]
    about = {page.with_notebook: n for n, page in enumerate(methods) if page.with_notebook}
    for each in shown:
        for page in each.pages:
            if page.audits == "first":
                entry = {"text": page.menu, "href": each.locate(page)}
                entries.insert(about.get(page.notebook, len(entries)) + 1, entry)
    return entries


def _report_menus(report: Report) -> list[dict]:
    """List the pages of the report: those to read first by themselves, the indicators in a menu."""
    sections: dict[str, list[dict]] = {}
    for entry in report.entries:
        sections.setdefault(entry.section, []).append({"text": entry.text, "href": entry.path})
    menus = {"indicators": "Indicators", "organisations": "Organisations"}
    listed = [
        [{"text": menus[name], "menu": pages}] if name in menus else pages
        for name, pages in sections.items()
        if name not in APART
    ]
    return [entry for entries in listed for entry in entries]


def _list_sidebars(shown: list[Shown], methods: list[MethodPage], report: Report) -> list[dict]:
    """List a sidebar for readers of the report, of organisations and of methods; pages of a run need the width."""
    read = [
        {"text": "Home", "href": HOME},
        *_list_entries(report, "report"),
        *_list_entries(report, "indicators"),
        *_list_entries(report, "public"),
    ]
    parts = {
        "report": read,
        "organisations": _list_entries(report, "organisations"),
        "methods": [*_methods_menu(shown, methods), *_list_entries(report, "methods")],
    }
    return [{"id": name, "contents": entries} for name, entries in parts.items() if len(entries) > 1]


def _list_entries(report: Report, section: str) -> list[dict]:
    """List the pages of a section of the report."""
    return [{"text": entry.text, "href": entry.path} for entry in report.entries if entry.section == section]


def _list_readers(report: Report) -> str:
    """Write which page is for whom; nothing where the site has no report."""
    places = {entry.section: entry.path for entry in reversed(report.entries)}
    lines = [f"- **{who}:** [{text}]({places[section]})" for section, who, text in READERS if section in places]
    return "\n".join(["## Where to start", "", *lines]) if len(lines) > 1 else ""


def _fit_config(config: dict, shown: list[Shown], methods: list[MethodPage], report: Report) -> None:
    """Put render list, navigation and footer of the site into the project's configuration."""
    menus = [
        {
            "text": each.name,
            "menu": [{"text": p.menu, "href": each.locate(p)} for p in each.pages if p.audits == "each"],
        }
        for each in shown
    ]
    config["project"] = {
        "type": "website",
        "output-dir": "_site",
        "render": [
            HOME,
            *(entry.path for entry in report.entries),
            *(m.file for m in methods),
            *(each.locate(page) for each in shown for page in each.pages),
        ],
        "resources": [f"{DOWNLOADS}/*"],
    }
    website = config["website"]
    website["sidebar"] = _list_sidebars(shown, methods, report)
    website["navbar"] = {
        "left": [
            {"text": "Home", "href": HOME},
            *_report_menus(report),
            *menus,
            {"text": "Methods", "menu": [*_methods_menu(shown, methods), *_list_entries(report, "methods")]},
            *_list_entries(report, "about"),
        ]
    }
    named = name_by_marking((each.run.marking, each.name) for each in shown)
    data = ". ".join(f"{MARKINGS[marking].name}: {'; '.join(names)}" for marking, names in named.items())
    website["page-footer"] = {**website.get("page-footer", {}), "right": data}
