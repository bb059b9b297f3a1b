"""Navigation of a site: its menus, sidebars, lists of pages and footer, made from its runs, report and methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from naome.report.marking import MARKINGS, name_by_marking
from naome.report.publication.home import HOME
from naome.report.publication.report import Report
from naome.workflow.pages import MethodPage
from naome.workflow.site_runs import SiteRun

DOWNLOADS = "downloads"
#: The methodology supplement, without an ending
SUPPLEMENT = f"{DOWNLOADS}/methodology-supplement"
#: Section of the report -> title of the menu of its pages; pages of other sections stand beside the menus
MENUS = {"report": "Report", "indicators": "Indicators", "organisations": "Organisations"}
#: Sections of the report that are not in the first menus
APART = ("sources", "methods", "about")
#: So many runs have a menu each; those after them share one where they are several, so that menus fit on one line
OWN_MENUS = 2
DIVIDER = {"text": "---"}
#: Section of the report -> for whom it is, and the words of the link
READERS = (
    ("report", "Clinicians, commissioners and policy makers", "State of the Nation"),
    ("organisations", "Hospital teams", "results of each organisation"),
    ("public", "Patients and the public", "what the audit found, in plain English"),
    ("indicators", "Anyone with a question about one aspect of care", "the indicators, beginning with the first"),
    ("about", "Methodologists and reviewers", "runs, corrections and how to cite; methods are in the last menu"),
)

MenuEntry = dict[str, Any]


def fit_config(config: Mapping[str, Any], shown: list[SiteRun], methods: list[MethodPage], report: Report) -> MenuEntry:
    """Return the project's configuration with the render list, navigation and footer of a site.

    Parameters
    ----------
    config : mapping
        ``_quarto.yml`` of the project.
    shown : list of SiteRun
    methods : list of MethodPage
        Pages on methods that the site has.
    report : Report
        Pages of the report; none where the site has no report.
    """
    pages = [
        HOME,
        *(entry.path for entry in report.entries),
        *(method.file for method in methods),
        *(each.locate(page) for each in shown for page in each.pages),
    ]
    menus = [
        *_list_report_menus(report),
        *_list_run_menus(shown),
        {"text": "Methods", "menu": [*list_methods(shown, methods), *_list_entries(report, "methods")]},
        *_list_entries(report, "about"),
    ]
    named = name_by_marking((each.run.marking, each.name) for each in shown)
    data = ". ".join(f"{MARKINGS[marking].name}: {'; '.join(names)}" for marking, names in named.items())
    website = config["website"]
    return {
        **config,
        "project": {"type": "website", "output-dir": "_site", "render": pages, "resources": [f"{DOWNLOADS}/*"]},
        "website": {
            **website,
            "sidebar": _list_sidebars(shown, methods, report),
            "navbar": {"left": menus},
            "page-footer": {**website.get("page-footer", {}), "right": data},
        },
    }


def _list_report_menus(report: Report) -> list[MenuEntry]:
    """List the pages of the report by section: in a menu, or by themselves."""
    menus: list[MenuEntry] = []
    for section in dict.fromkeys(entry.section for entry in report.entries if entry.section not in APART):
        pages = _list_entries(report, section)
        menus += [{"text": MENUS[section], "menu": pages}] if section in MENUS else pages
    return menus


def _list_run_menus(shown: list[SiteRun]) -> list[MenuEntry]:
    """List a menu of pages for each run; those of the last ones share a menu, where each begins with its name."""
    own = shown if len(shown) <= OWN_MENUS + 1 else shown[:OWN_MENUS]
    menus: list[MenuEntry] = [{"text": each.name, "menu": _list_run(each)} for each in own]
    shared: list[MenuEntry] = []
    for each in shown[len(own) :]:
        first, *others = _list_run(each)
        shared += [DIVIDER] * bool(shared) + [first | {"text": f"{each.name}: {first['text']}"}, *others]
    return menus + ([{"text": "Other runs", "menu": shared}] if shared else [])


def _list_run(each: SiteRun) -> list[MenuEntry]:
    """List the pages of a run that are about its data."""
    return [{"text": page.menu, "href": each.locate(page)} for page in each.pages if page.audits == "each"]


def list_methods(shown: list[SiteRun], methods: list[MethodPage]) -> list[MenuEntry]:
    """List the pages on methods; a notebook that uses no data of an audit follows the page that is about it."""
    entries = [{"text": page.menu, "href": page.file} for page in methods]
    about = {page.with_notebook: n for n, page in enumerate(methods) if page.with_notebook}
    for each in shown:
        for page in each.pages:
            if page.audits == "first":
                entry = {"text": page.menu, "href": each.locate(page)}
                entries.insert(about.get(page.notebook, len(entries)) + 1, entry)
    return entries


def _list_sidebars(shown: list[SiteRun], methods: list[MethodPage], report: Report) -> list[MenuEntry]:
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
        "methods": [*list_methods(shown, methods), *_list_entries(report, "methods")],
    }
    return [{"id": name, "contents": entries} for name, entries in parts.items() if len(entries) > 1]


def _list_entries(report: Report, section: str) -> list[MenuEntry]:
    """List the pages of a section of the report."""
    return [{"text": entry.text, "href": entry.path} for entry in report.entries if entry.section == section]


# ---- lists on the front page


def write_audits(shown: list[SiteRun]) -> str:
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


def write_methods(shown: list[SiteRun], methods: list[MethodPage], files: Mapping[str, str]) -> str:
    """Write where the pages on methods, the supplement and the downloads are; `files`: place -> words of the link."""
    links = ", ".join(f"[{entry['text']}]({entry['href']})" for entry in list_methods(shown, methods))
    return (
        f"- **Methods:** {links}\n- **Methodology supplement**, the pages on methods as one document: "
        f"[PDF]({SUPPLEMENT}.pdf), [Word]({SUPPLEMENT}.docx)\n"
        f"- **Data:** [all released results]({DOWNLOADS}/results.csv) as one table, with its "
        f"[data dictionary]({DOWNLOADS}/datapackage.json); also "
        f"{', '.join(f'[{text}]({file})' for file, text in files.items())}"
    )


def write_readers(report: Report) -> str:
    """Write which page is for whom; nothing where the site has no report."""
    places = {entry.section: entry.path for entry in reversed(report.entries)}
    lines = [f"- **{who}:** [{text}]({places[section]})" for section, who, text in READERS if section in places]
    return "\n".join(["## Where to start", "", *lines]) if len(lines) > 1 else ""
