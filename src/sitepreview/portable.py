"""The portable subset: what both renderers draw alike, and the check that names everything outside it.

Some constructs are refused although one renderer could draw them: a page looks and says the same in both.
"""

import re
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from sitepreview.notebook import CROSSREF_CELL, Cell, Notebook, choose_mime
from sitepreview.problems import Problem, Refused, sort_problems
from sitepreview.project import (
    CONFIG,
    Page,
    Project,
    find_citation_files,
    output_path,
    read_page,
    read_project,
)
from sitepreview.source import Fence, Line, walk_blocks, walk_prose

THEMES = {
    "cerulean", "cosmo", "cyborg", "darkly", "flatly", "journal", "litera", "lumen", "lux", "materia", "minty",
    "morph", "pulse", "quartz", "sandstone", "simplex", "sketchy", "slate", "solar", "spacelab", "superhero",
    "united", "vapor", "yeti", "zephyr",
}  # fmt: skip
ANY = None
ENTRY: dict = {"text": ANY, "href": ANY, "file": ANY, "section": ANY, "auto": ANY, "target": ANY, "aria-label": ANY}
ENTRY["menu"] = ENTRY
ENTRY["contents"] = ENTRY
SIDEBAR = {
    "id": ANY, "title": ANY, "style": ANY, "contents": ENTRY, "search": ANY, "collapse-level": ANY,
    "background": ANY, "border": ANY,
}  # fmt: skip
# The addresses and the rights of a site: its head and its menus, which a preview leaves out
ABOUT = {"citation": ANY, "license": ANY}
SHARED = {"lang": ANY, "date-format": ANY, "toc": ANY, "toc-depth": ANY, "toc-title": ANY}
CONFIG_KEYS: dict = {
    "project": {"type": ANY, "output-dir": ANY, "render": ANY, "resources": ANY},
    "website": {
        "title": ANY, "description": ANY, "search": ANY, "page-navigation": ANY, "favicon": ANY,
        "back-to-top-navigation": ANY, "bread-crumbs": ANY, "site-url": ANY, "repo-url": ANY, "repo-branch": ANY,
        "repo-subdir": ANY, "repo-actions": ANY,
        "navbar": {"title": ANY, "background": ANY, "left": ENTRY, "right": ENTRY, "search": ANY},
        "sidebar": SIDEBAR,
        "page-footer": {"left": ANY, "center": ANY, "right": ANY, "border": ANY},
    },
    "format": {
        "html": {
            **SHARED, "theme": ANY, "css": ANY, "include-after-body": ANY, "code-fold": ANY, "code-summary": ANY,
            "code-copy": ANY,
            "code-overflow": ANY, "html-math-method": ANY, "page-layout": ANY, "smooth-scroll": ANY,
            "anchor-sections": ANY, "link-external-newwindow": ANY, "respect-user-color-scheme": ANY,
            "grid": {"body-width": ANY, "margin-width": ANY, "sidebar-width": ANY},
        },
    },
    "execute": {"enabled": ANY, "echo": ANY, "warning": ANY, "include": ANY, "output": ANY},
    "bibliography": ANY, "csl": ANY, "notebook-links": ANY, "link-citations": ANY, "from": ANY, **ABOUT, **SHARED,
}  # fmt: skip
KEY_INSTEAD = {
    "filters": "leave it out; the preview renderer runs no filters",
    "crossref": "leave it out; figures and tables are numbered page by page",
    "listing": "write links in a table or list",
    "engine": "execute notebooks before rendering; pages hold no code that runs",
    "abstract": "use description",
    "number-sections": "leave it out; refer to a section by a link, [text](#id)",
    "icon": "give text:",
}
# Options of Quarto that a page must not set; other front matter keys are the page's own, for {{< meta >}}
PAGE_KEYS_REFUSED = {
    "abstract", "about", "aliases", "appendix-style", "categories", "citeproc", "code-annotations",
    "code-fold", "code-summary", "code-tools", "comments", "copyright", "crossref", "crossrefs", "css", "csl",
    "date-modified", "draft", "echo", "embed-resources", "engine", "execute-dir", "extensions",
    "fig-cap-location", "fig-height", "fig-width", "filters", "format", "highlight-style", "html-math-method",
    "image", "include-after-body", "include-before-body", "include-in-header", "jupyter", "keywords", "knitr",
    "lightbox", "listing", "nocite", "number-depth", "number-sections", "order", "other-links",
    "output", "page-navigation", "pagetitle", "params", "reference-location", "references", "repo-actions",
    "self-contained", "shortcodes", "tbl-cap-location", "template", "theme", "title-block-banner",
    "toc-expand", "toc-location",
}  # fmt: skip
CELL_OPTIONS = {
    "label", "fig-cap", "fig-alt", "fig-subcap", "layout-ncol", "tbl-cap", "echo", "include", "output",
    "warning", "code-fold", "code-summary",
}  # fmt: skip
TAGS_REFUSED = {
    "remove-input": "#| echo: false", "hide-input": "#| code-fold: true", "remove-code": "#| echo: false",
    "remove-output": "#| output: false", "hide-output": "#| output: false", "hide-cell": "#| include: false",
}  # fmt: skip
CLASSES_REFUSED = {
    "grid": "a table, or figures with layout-ncol", "columns": "a table, or figures with layout-ncol",
    "column": "a table, or figures with layout-ncol", "content-hidden": '{.content-visible when-format="html"}',
    "lightbox": "a plain figure", "panel-input": "a plain div", "panel-sidebar": "a plain div",
    "aside": "::: {.column-margin}", "listing": "a list of links",
}  # fmt: skip
HTML_MATHS = "mathml"
# Files that navigation may offer beside pages
FILES_LINKED = (".csv", ".xlsx", ".docx", ".pdf", ".svg", ".png", ".json", ".bib", ".ods")
Report = Callable[..., None]
FLOAT_LABEL = re.compile(r"(?:fig|tbl|eq)-")
LABEL_KINDS_REFUSED = re.compile(r"(?:lst|thm|lem|cor|prp|cnj|def|exm|exr|sol|rem|alg|nte|tip|wrn|imp|cau)-")
ATTRIBUTE_ID = re.compile(r"\{[^{}]*?#([A-Za-z][\w.:-]*)[^{}]*\}")
REFERENCE = re.compile(r"(?<![\w@\\/.&])@(\{[^{}\s]+\}|[A-Za-z0-9_](?:[\w:.#$%&+?<>~/-]*[\w/])?)")
DIV = re.compile(r"^\s*:{3,}\s*(?:\{([^}]*)\}|([\w-]+))\s*:*\s*$")
SPAN_CLASS = re.compile(r"\]\{([^}]*)\}")
REMOTE_IMAGE = re.compile(r"!\[[^\]]*\]\(\s*<?((?:https?:)?//[^)\s>]+)")
REMOTE_TAG = re.compile(
    r"<(?:img|script|link|iframe|video|audio|source|embed|object)\b[^>]*?(?:src|href|data)=\"?'?((?:https?:)?//[^\s\"'>]+)",
    re.I,
)
ACTIVE_TAG = re.compile(r"<(iframe|object|embed|form)\b", re.I)
SCRIPT = re.compile(r"<script\b([^>]*)(>?)", re.I)
SCRIPT_DATA = re.compile(r"\btype=([\"']?)application/json\1(?=\s|$)", re.I)
SCRIPT_FILE = re.compile(r"\bsrc=([\"']?)[^\s\"'>]+\1", re.I)
# A tag that acts when something happens to it, or a link that is a program
HANDLER = re.compile(r"<[a-z][^>]*?\s(on[a-z]+)\s*=|<[a-z][^>]*?\s(?:href|src)\s*=\s*[\"']?\s*(javascript):", re.I)
READER = re.compile(r"markdown(?:[+-]\w+)*")
RAW_HTML = "{=html}"
# The table of contents shows headings as plain text
HEADING_MARKUP = re.compile(r"#{1,6}\s.*(?:\$[^$]+\$|\]\()")
ENGINE_CELL = re.compile(r"^\{(\w+)")
DIAGRAMS = ("mermaid", "dot")
ANNOTATION = re.compile(r"(?:#|//|--|;)\s*<\d+>\s*$")


def check_portable(project_dir: str | Path) -> list[Problem]:
    """List every construct that the two renderers would not draw alike, or not at all.

    Looks at `_quarto.yml`, at every page of its render list and at the notebooks under `notebooks/`.

    Parameters
    ----------
    project_dir : str or Path
        The folder with `_quarto.yml`.

    Returns
    -------
    list of Problem
        Sorted by file and line; empty when the project is portable.

    Raises
    ------
    FileNotFoundError
        When there is no `_quarto.yml`.

    Examples
    --------
    >>> for problem in check_portable("."):  # doctest: +SKIP
    ...     print(problem)
    """
    return read_checked(project_dir)[2]


def check_sources(project_dir: str | Path) -> None:
    """Refuse a project with anything that `check_portable` lists.

    Raises
    ------
    Refused
        With every problem.
    """
    problems = check_portable(project_dir)
    if problems:
        raise Refused(problems)


def read_checked(project_dir: str | Path) -> tuple[Project, list[Page], list[Problem]]:
    """Read a project and check it: the project, its readable pages, and all problems."""
    problems: list[Problem] = []
    project = read_project(Path(project_dir), problems)
    _check_config(project, problems)
    pages = []
    for path in project.page_paths:
        page = read_page(project, path, problems)
        if page is not None:
            pages.append(page)
            _check_page(project, page, problems, rendered=True)
    for file in sorted((project.root / "notebooks").glob("*.ipynb")):
        path = file.relative_to(project.root).as_posix()
        if path not in project.page_paths and (page := read_page(project, path, problems)) is not None:
            _check_page(project, page, problems, rendered=False)
    return project, pages, sort_problems(problems)


# ---- _quarto.yml


def _check_config(project: Project, problems: list[Problem]) -> None:
    _check_keys(project.config, CONFIG_KEYS, (), project, problems)
    wanted = {
        ("project", "type"): "website",
        ("execute", "enabled"): False,
        ("notebook-links",): False,
        ("format", "html", "html-math-method"): HTML_MATHS,
    }
    for path, value in wanted.items():
        found = project.section(*path[:-1]).get(path[-1])
        if found != value:
            shown = "is missing" if found is None else f"is {found!r}"
            text = str(value).lower() if isinstance(value, bool) else value
            problems.append(_at(project, path, f"{'.'.join(path)} {shown}", f"{path[-1]}: {text}"))
    reader = project.config.get("from", "markdown")
    if not READER.fullmatch(str(reader)):
        what = f"from: {reader} is not Pandoc's Markdown"
        problems.append(_at(project, ("from",), what, "markdown, with + or - extensions"))
    _check_look(project, problems)
    _check_navigation(project, problems)
    if project.page_paths and "index.html" not in map(output_path, project.page_paths):
        problems.append(_at(project, ("project", "render"), "the site has no front page", "index.qmd at the top"))
    style = project.config.get("csl")
    if style and not (project.root / str(style)).is_file():
        problems.append(_at(project, ("csl",), f"csl {style!r} is not a file of the project", "name a local file"))
    for name in ("_metadata.yml", "_extensions", "_quarto.yml.local"):
        for folder in {Path("."), *(Path(page).parent for page in project.page_paths)}:
            if (project.root / folder / name).exists():
                what = "only Quarto reads this file"
                problems.append(Problem((folder / name).as_posix(), None, what, f"put it into {CONFIG} or the page"))


def _check_keys(config: dict, known: dict, path: tuple, project: Project, problems: list[Problem]) -> None:
    for key, value in config.items():
        here = (*path, key)
        if key not in known:
            instead = KEY_INSTEAD.get(str(key), f"leave it out; allowed here: {', '.join(sorted(known))}")
            problems.append(_at(project, here, f"{'.'.join(map(str, here))} is outside the portable subset", instead))
        elif isinstance(known[key], dict):
            for position, item in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(item, dict):
                    inner = (*here, position) if isinstance(value, list) else here
                    _check_keys(item, known[key], inner, project, problems)
                elif path == () and key == "format":
                    problems.append(_at(project, here, f"format: {value}", "format: {html: {...}}"))


def _check_look(project: Project, problems: list[Problem]) -> None:
    look = project.section("format", "html")
    theme = look.get("theme")
    for mode, names in (theme if isinstance(theme, dict) else {"": theme}).items():
        path = ("format", "html", "theme", mode) if mode else ("format", "html", "theme")
        first, *layers = names if isinstance(names, list) and names else [names]
        if first is not None and (not isinstance(first, str) or first not in THEMES):
            what = f"theme {first!r} is not one Bootswatch theme"
            problems.append(_at(project, path, what, "a Bootswatch name such as cosmo, then scss layers if any"))
        problems += [
            _at(project, path, f"theme layer {name!r} is not an scss file of the project", "make it")
            for name in layers
            if not str(name).endswith(".scss") or not (project.root / str(name)).is_file()
        ]
    for key in ("css", "include-after-body"):
        files = look.get(key) or []
        for name in [files] if isinstance(files, str) else files:
            if not isinstance(name, str) or not (project.root / name).is_file():
                what = f"{key} {name!r} is not a file of the project"
                problems.append(_at(project, ("format", "html", key), what, "make it"))


def _check_navigation(project: Project, problems: list[Problem]) -> None:
    """Check what the navigation says and where it leads."""
    for path, line in project.config_lines.items():
        if path[0] != "website":
            continue
        value = _dig(project.config, path)
        if isinstance(value, str) and "{{<" in value:
            problems.append(Problem(CONFIG, line, "a shortcode in _quarto.yml", "write the text itself"))
        in_navbar = path[:2] == ("website", "navbar") and isinstance(path[-1], int)
        if in_navbar and not (isinstance(value, dict) and value.get("text")):
            problems.append(Problem(CONFIG, line, "a navbar entry without text", "- text: ... / href: ..."))
        if path[-1] in ("contents", "auto") and isinstance(value, str) and value != "auto":
            if not any(fnmatch(page, value.lstrip("/")) or page.startswith(f"{value}/") for page in project.page_paths):
                what = f"the navigation lists {value!r}, in which there is no page"
                problems.append(Problem(CONFIG, line, what, "a folder of the render list, or folder/*"))
            continue
        is_target = path[-1] in ("href", "file") or (isinstance(path[-1], int) and path[-2] == "contents")
        if not is_target or not isinstance(value, str) or re.match(r"[a-zA-Z][\w+.-]*:|#|---", value):
            continue
        target = value.partition("#")[0].lstrip("/")
        linked_file = target.endswith(FILES_LINKED) and (project.root / target).is_file()
        if target not in project.page_paths and not linked_file:
            what = f"the navigation leads to {value!r}, which is no page"
            problems.append(Problem(CONFIG, line, what, "a path of the render list"))


def _dig(value: object, path: tuple) -> object:
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _at(project: Project, path: tuple, what: str, instead: str) -> Problem:
    """Report a problem at a key, or at the nearest key around it that exists."""
    while path and path not in project.config_lines:
        path = path[:-1]
    return Problem(CONFIG, project.config_lines.get(path), what, instead)


# ---- pages


def _check_page(project: Project, page: Page, problems: list[Problem], *, rendered: bool) -> None:
    _check_front(page, problems)
    if page.notebook is not None:
        _check_notebook(page.notebook, problems, rendered=rendered)
    for notebook, cell in page.embedded:
        _check_run(notebook, [cell], problems)
        _check_code_cell(notebook, cell, problems)
    _check_fences(page, problems)
    labels: dict[str, Line] = {}
    for line in walk_prose(page.lines):
        _check_text(line, problems)
        _note_labels(line, labels, problems)
    _check_references(project, page, labels, problems)


def _check_front(page: Page, problems: list[Problem]) -> None:
    cell = page.notebook.front_cell if page.notebook else None
    if page.notebook is not None and cell is None:
        problems.append(Problem(page.path, None, "no front matter", "begin with a raw cell: --- / title: ... / ---"))
    elif not page.front.get("title"):
        problems.append(Problem(page.path, 1, "no title", "title: in the front matter", cell))
    for key, value in page.front.items():
        line = page.front_lines.get((key,), 1)
        if key in PAGE_KEYS_REFUSED:
            instead = KEY_INSTEAD.get(key, "leave it out, or set it for all pages in _quarto.yml")
            problems.append(
                Problem(page.path, line, f"front matter {key}: is outside the portable subset", instead, cell)
            )
        if key == "search" and value is not False:
            problems.append(Problem(page.path, line, f"search: {value} says nothing", "search: false", cell))
        if key == "author" and not isinstance(value, str):
            problems.append(Problem(page.path, line, "author is not a text", "author: Name", cell))
        if key == "date" and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(value)):
            problems.append(Problem(page.path, line, f"date {value!r} is not a day", "date: 2026-11-21", cell))


def _check_fences(page: Page, problems: list[Problem]) -> None:
    for block in walk_blocks(page.lines):
        if not isinstance(block, Fence):
            continue
        if block.info == RAW_HTML:
            for line in block.lines[1:-1]:
                _check_html(line, problems)
        engine = ENGINE_CELL.match(block.info)
        if engine and engine[1] in DIAGRAMS:
            problems.append(
                block.opening.problem(f"a {engine[1]} diagram", "commit an SVG and show it with a fig- label")
            )
        elif engine:
            problems.append(
                block.opening.problem(
                    f"a cell that runs, {{{engine[1]}}}",
                    "put it into a notebook and embed it; to show code: {." + engine[1] + "}",
                )
            )
        problems += [
            line.problem(f"a code annotation, {m[0].strip()!r}", "say it in the text")
            for line in block.lines[1:]
            if (m := ANNOTATION.search(line.text))
        ]


def _check_html(line: Line, problems: list[Problem]) -> None:
    """Refuse what acts or fetches; a script is a file of the project or a block of data."""
    for found in REMOTE_TAG.findall(line.text):
        problems.append(line.problem(f"{found} would be fetched from the network", "commit the file and link to it"))
    for found in ACTIVE_TAG.findall(line.text):
        problems.append(line.problem(f"a <{found}> tag", "a static figure or table"))
    for attributes, end in SCRIPT.findall(line.text):
        if not end:
            problems.append(line.problem("a <script> tag over several lines", "write the tag on one line"))
        elif not SCRIPT_DATA.search(attributes) and not SCRIPT_FILE.search(attributes):
            instead = 'a local file, <script src="...">, or data, <script type="application/json">'
            problems.append(line.problem("a <script> with its code on the page", instead))
    for event, program in HANDLER.findall(line.text):
        problems.append(line.problem(f"an inline program, {event or program}", "a listener in a local script"))


def _check_text(line: Line, problems: list[Problem]) -> None:
    for found in REMOTE_IMAGE.findall(line.text):
        problems.append(line.problem(f"{found} would be fetched from the network", "commit the file and link to it"))
    _check_html(line, problems)
    if HEADING_MARKUP.match(line.text):
        problems.append(line.problem("maths or a link in a heading", "say it in words, and in the text below"))
    if "](attachment:" in line.text:
        problems.append(line.problem("an attachment image", "commit the image file and link to it"))
    div = DIV.match(line.text)
    attributes = [div[1] or "." + div[2]] if div else []
    for text in attributes + SPAN_CLASS.findall(line.text):
        _check_attributes(line, text, problems)


def _check_attributes(line: Line, text: str, problems: list[Problem]) -> None:
    for name in re.findall(r"\.([\w-]+)", re.sub(r'"[^"]*"', "", text)):
        if name in CLASSES_REFUSED:
            problems.append(line.problem(f"class .{name}", CLASSES_REFUSED[name]))
    for key in re.findall(r"(?<![\w-])(layout|layout-nrow|when-profile|when-meta|unless-\w+)=", text):
        instead = "layout-ncol=2" if key.startswith("layout") else 'when-format="html"'
        problems.append(line.problem(f"attribute {key}=", instead))


def _note_labels(line: Line, labels: dict[str, Line], problems: list[Problem]) -> None:
    for name in ATTRIBUTE_ID.findall(line.text):
        if name in labels:
            first = labels[name]
            where = f"cell {first.cell}" if first.cell else f"line {first.number}"
            problems.append(line.problem(f"label {name!r} is used twice on the page (first at {where})", "rename one"))
        labels.setdefault(name, line)
        if LABEL_KINDS_REFUSED.match(name):
            problems.append(line.problem(f"label {name!r} is of a kind that is not numbered here", "fig-, tbl- or eq-"))


def _check_references(project: Project, page: Page, labels: dict[str, Line], problems: list[Problem]) -> None:
    keys, found_all = _read_citation_keys(project, page, problems)
    for line in walk_prose(page.lines):
        for raw in REFERENCE.findall(line.text):
            key = raw.strip("{}")
            if FLOAT_LABEL.match(key):
                if key not in labels:
                    what = f"@{key}: no such label on this page"
                    problems.append(line.problem(what, f"label it, or link to the other page: [text](page.qmd#{key})"))
            elif key.startswith("sec-") or LABEL_KINDS_REFUSED.match(key):
                problems.append(line.problem(f"@{key}: references of this kind are not portable", f"[text](#{key})"))
            elif key not in keys and found_all:
                problems.append(
                    line.problem(f"@{key}: no such entry in the bibliography", "add it, or write \\@ for a plain @")
                )


def _read_citation_keys(project: Project, page: Page, problems: list[Problem]) -> tuple[set[str], bool]:
    keys: set[str] = set()
    complete = True
    for name, line in find_citation_files(project, page):
        file = project.root / name
        if not file.is_file():
            problems.append(
                line.problem(f"bibliography {name!r} is not a file of the project", "name a local .bib file")
            )
            complete = False
        elif file.suffix != ".bib":
            problems.append(line.problem(f"bibliography {name!r} is not BibTeX", "a .bib file"))
            complete = False
        else:
            keys.update(re.findall(r"^\s*@\w+\s*\{\s*([^,\s]+)\s*,", file.read_text(encoding="utf-8"), re.M))
    return keys, complete


# ---- notebooks


def _check_notebook(notebook: Notebook, problems: list[Problem], *, rendered: bool) -> None:
    if rendered:
        _check_run(notebook, notebook.cells, problems)
    for cell in notebook.cells:
        if cell.kind == "code":
            _check_code_cell(notebook, cell, problems)
        elif cell.kind == "raw" and cell.number != notebook.front_cell:
            problems.append(Problem(notebook.path, None, "a raw cell after the first", "a Markdown cell", cell.number))


def _check_run(notebook: Notebook, cells: list[Cell], problems: list[Problem]) -> None:
    unrun = [c.number for c in cells if c.kind == "code" and c.source.strip() and c.execution_count is None]
    if unrun:
        what = (
            "a cell that was not run" if len(unrun) == 1 else f"cells that were not run: {', '.join(map(str, unrun))}"
        )
        problems.append(
            Problem(notebook.path, None, what, "execute the notebook before it is rendered or embedded", unrun[0])
        )


def _check_code_cell(notebook: Notebook, cell: Cell, problems: list[Problem]) -> None:
    def report(what: str, instead: str, line: int | None = None) -> None:
        problems.append(Problem(notebook.path, line, what, instead, cell.number))

    for name in sorted(map(str, cell.options)):
        if name not in CELL_OPTIONS:
            report(f"cell option {name}", f"one of {', '.join(sorted(CELL_OPTIONS))}", cell.option_lines.get(name))
    for tag in cell.tags:
        if tag in TAGS_REFUSED:
            report(f"cell tag {tag!r}", TAGS_REFUSED[tag])
    for output in cell.outputs:
        _check_output(output, report)
    _check_caption(cell, report)


def _check_output(output: dict, report: Report) -> None:
    if output["output_type"] == "error":
        report(f"an error output, {output.get('ename', 'Error')}", "mend the notebook and run it again")
        return
    data = output.get("data", {})
    if output["output_type"] == "stream":
        return
    for mime in ("text/html", "application/javascript"):
        if mime in data:
            report(
                f"a {mime} output, for which Quarto fetches scripts from the network",
                "text/markdown, image/svg+xml or image/png",
            )
            return
    if choose_mime(data) is None:
        report(f"an output with no static form ({', '.join(sorted(data))})", "show a PNG or SVG figure, or Markdown")


def _check_caption(cell: Cell, report: Report) -> None:
    images = [o for o in cell.outputs if (choose_mime(o.get("data", {})) or "").startswith("image/")]
    line = cell.option_lines.get("label")
    name = cell.label or "the cell"
    if images and "fig-alt" not in cell.options:
        report(f"{name} shows a figure without a text alternative", "#| fig-alt: what it shows, in a sentence", line)
    found = CROSSREF_CELL.match(cell.label)
    if not found:
        return
    option = f"{found[1]}-cap"
    if option not in cell.options:
        report(f"{name} has no caption", f"#| {option}: ...", line)
    if found[1] == "fig" and len(images) > 1 and "fig-subcap" not in cell.options:
        report(f"{name} shows {len(images)} figures", "one figure a cell, or #| fig-subcap: a list", line)
