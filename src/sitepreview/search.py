"""The search index of a preview, made from the finished pages; it works from file:// too."""

import json
import re
import shutil
from pathlib import Path

from sitepreview.htmlpage import read_html

SCRIPT = Path(__file__).parent / "search.js"
GLOSSARY = "GLOSSARY.md"
ENTRY = re.compile(r"^(\S[^\n]*)\n+:[ \t]+((?:.+\n?)+)", re.M)
ALSO = re.compile(r"\bAlso:\s*([^.]+)\.")


def write_search(site: Path, pages: list[str], left_out: set[str], names: list[set[str]]) -> None:
    """Write the index, a script so that it works from file:// too, and the script that searches it.

    Parameters
    ----------
    site : Path
        The built site.
    pages : list of str
        Its pages, relative to it: of results that are equal, those of the first page are first.
    left_out : set of str
        Pages that have the search and are not found by it.
    names : list of set of str
        Names of one thing (`read_names`): a text with one of them is found by the others too.
    """
    entries = [entry for page in pages if page not in left_out for entry in _index_page(site, page, names)]
    text = json.dumps(entries, ensure_ascii=False)
    (site / "search.json").unlink(missing_ok=True)
    script = "window.sitepreviewSearchIndex = " + text.replace("</", "<\\/") + ";\n"
    (site / "site_libs" / "search-index.js").write_text(script, encoding="utf-8")
    shutil.copyfile(SCRIPT, site / "site_libs" / "search-file.js")
    for page in pages:
        file = site / page
        tag = f'<script src="{"../" * page.count("/")}site_libs/search-file.js"></script></head>'
        file.write_text(file.read_text(encoding="utf-8").replace("</head>", tag, 1), encoding="utf-8")


def read_names(root: Path) -> list[set[str]]:
    """Read which words mean one thing: a term of the project's `GLOSSARY.md`, and what its entry gives after "Also:".

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    list of set of str
        Empty when there is no glossary.
    """
    file = root / GLOSSARY
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = ((term, ALSO.search(words)) for term, words in ENTRY.findall(text))
    return [
        {name.strip() for name in (*term.split(","), *also[1].replace("\n", " ").split(","))}
        for term, also in found
        if also
    ]


def _index_page(site: Path, page: str, names: list[set[str]]) -> list[dict]:
    found = read_html(site / page)
    entries = []
    for section in found.sections:
        text = " ".join("".join(section.words).split())
        if text or section.heading:
            href = f"{page}#{section.anchor}" if section.anchor else page
            entry = {"objectID": href, "href": href, "title": found.title, "section": section.heading, "text": text}
            for field, said in (("names", f"{found.title} {section.heading}"), ("also", text)):
                if others := _find_other_names(said, names):
                    entry[field] = others
            entries.append(entry)
    return entries


def _find_other_names(text: str, names: list[set[str]]) -> str:
    others: set[str] = set()
    for same in names:
        said = {name for name in same if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.I)}
        others |= same - said if said else set()
    return ", ".join(sorted(others))
