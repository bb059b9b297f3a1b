"""The preview renderer: pandoc lowers each page, smalldocs draws it, and the parts are put together again.

Pandoc is the Markdown reader that Quarto itself uses, so text, tables, maths and citations mean the same. smalldocs
reads the same `_quarto.yml` and draws navigation, contents, callouts, tabsets and code. Between the two, everything
that smalldocs need not understand travels as a comment of hexadecimal digits (see lower.lua), so no second Markdown
reader can misread it.
"""

import glob
import hashlib
import html
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pypandoc
import yaml

from sitepreview.accessible import SCRIPT, mend_page
from sitepreview.problems import Problem, Refused
from sitepreview.project import CONFIG, Page, Project, find_citation_files, output_path
from sitepreview.search import read_names, write_search
from sitepreview.source import join_lines

HERE = Path(__file__).parent
PANDOC_JOBS = 2
# Attributes stay, but nothing that markdown-it would read differently: no smart quotes, no dollars, no raw attributes
WRITE = "commonmark_x-smart-tex_math_dollars-raw_attribute+raw_html"
HIDDEN = re.compile(r"<!--sitepreview-html:([0-9a-f]*)-->")
LINK = re.compile(r'(<[a-zA-Z][^<>]*?\s(?:href|src)=")([^"]*)(")')
SCHEME = re.compile(r"^(?:[a-zA-Z][a-zA-Z0-9+.-]*:|//)")
# The address of a font may hold semicolons, so the end of the rule is sought after the closing bracket or quote
REMOTE_IMPORT = re.compile(r"""@import\s*(?:url\(\s*(?:https?:)?//[^)]*\)|(["'])(?:https?:)?//.*?\1)[^;]*;""")
NOTICE = "Drawn by the preview renderer ({versions}), not by Quarto."
WEBSITE_KEYS = (
    "title", "description", "search", "page-navigation", "navbar", "sidebar", "page-footer", "favicon",
    "back-to-top-navigation", "bread-crumbs",
)  # fmt: skip
HTML_KEYS = (
    "theme", "css", "toc", "toc-depth", "toc-title", "code-fold", "code-summary", "code-copy", "code-overflow",
    "page-layout", "smooth-scroll", "anchor-sections", "link-external-newwindow", "lang", "date-format",
)  # fmt: skip
# Quarto takes these at the top of _quarto.yml too
SHARED_KEYS = ("toc", "toc-depth", "toc-title", "lang", "date-format")
PAGE_KEYS = (
    "title",
    "subtitle",
    "author",
    "date",
    "description",
    "toc",
    "toc-depth",
    "page-layout",
    "lang",
    "date-format",
)


def list_versions() -> dict[str, str]:
    """Name the programs that draw a preview, with their versions."""
    return {"pandoc": pypandoc.get_pandoc_version(), "smalldocs": version("smalldocs")}


def build_preview(project: Project, pages: list[Page], build: Path, say: Callable[[str], None]) -> Path:
    """Build the site of checked pages in a folder of its own.

    Parameters
    ----------
    project : Project
        The project.
    pages : list of Page
        Its pages, checked and with shortcodes expanded.
    build : Path
        An empty folder, used for the stage and the site.
    say : callable
        Takes a line of progress.

    Returns
    -------
    Path
        The folder of the finished site, inside `build`.

    Raises
    ------
    Refused
        When pandoc or smalldocs find something that the check of the sources did not.
    """
    stage = build / "stage"
    site = stage / "_site"
    stage.mkdir(parents=True)
    problems: list[Problem] = []
    say(f"pandoc: {len(pages)} pages")
    with ThreadPoolExecutor(PANDOC_JOBS) as pool:
        lowered = list(pool.map(lambda page: lower_page(project, page), pages))
    for page, (text, found) in zip(pages, lowered, strict=True):
        problems += found
        _stage_page(stage, page, text)
    if problems:
        raise Refused(problems)
    _stage_project(project, pages, stage)
    say("smalldocs: drawing")
    _draw(stage, site)
    _finish_site(project, pages, site)
    return site


def lower_page(project: Project, page: Page) -> tuple[str, list[Problem]]:
    """Lower one page with pandoc: cross-references, citations and everything else that is not the site's to draw.

    Returns
    -------
    (str, list of Problem)
        CommonMark with hidden HTML, and what pandoc or the filters complained of.
    """
    command = [
        pypandoc.get_pandoc_path(), "--from", str(project.config.get("from", "markdown")), "--to", WRITE,
        "--wrap", "none",
        "--lua-filter", str(HERE / "crossref.lua"), "--citeproc", "--lua-filter", str(HERE / "lower.lua"),
        "--metadata", "link-citations=true", "--metadata", f"lang={_language(project, page)}",
    ]  # fmt: skip
    for name, _ in find_citation_files(project, page):
        command += ["--bibliography", str(project.root / name)]
    if style := project.config.get("csl"):
        command += ["--csl", str(project.root / str(style))]
    done = subprocess.run(command, input=join_lines(page.lines), capture_output=True, text=True, encoding="utf-8")
    complaints = [row for row in done.stderr.splitlines() if row.strip()]
    if done.returncode and not complaints:
        complaints = [f"pandoc ended with code {done.returncode}"]
    return done.stdout, [_place_complaint(page, row) for row in complaints]


def _place_complaint(page: Page, row: str) -> Problem:
    """Find the line of the source that pandoc means; it counts the lines that it was given."""
    what = row.removeprefix("CROSSREF ").removeprefix("[WARNING] ")
    found = re.search(r"\bline (\d+)", what)
    if found and 0 < int(found[1]) <= len(page.lines):
        return page.lines[int(found[1]) - 1].problem(what, "mend the page")
    return Problem(page.path, None, what, "mend the page")


def _language(project: Project, page: Page) -> str:
    return str(
        page.front.get("lang") or project.config.get("lang") or project.section("format", "html").get("lang") or "en"
    )


def _stage_page(stage: Path, page: Page, text: str) -> None:
    front = {key: page.front[key] for key in PAGE_KEYS if key in page.front}
    front.setdefault("title", Path(page.path).stem)
    target = stage / re.sub(r"\.ipynb$", ".qmd", page.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    target.write_text(f"---\n{head}---\n\n{text}", encoding="utf-8")


def _stage_project(project: Project, pages: list[Page], stage: Path) -> None:
    website = {k: v for k, v in project.section("website").items() if k in WEBSITE_KEYS}
    for key in ("navbar", "sidebar", "page-footer"):
        if key in website:
            website[key] = _point_to_stage(website[key])
    look = {k: v for k, v in project.section("format", "html").items() if k in HTML_KEYS}
    look["theme"] = _name_themes(look.get("theme"))
    styles = look.get("css") or []
    look["css"] = ["preview.css", *([styles] if isinstance(styles, str) else styles)]
    for key in SHARED_KEYS:
        value = look.get(key, project.config.get(key))
        if value is not None:
            look[key] = value
    pages_staged = [re.sub(r"\.ipynb$", ".qmd", page.path) for page in pages]
    config = {
        "project": {"type": "website", "output-dir": "_site", "render": pages_staged},
        "website": website,
        "format": {"html": look},
    }
    (stage / CONFIG).write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    (stage / "preview.css").write_text(_write_grid(project) + (HERE / "preview.css").read_text("utf-8"), "utf-8")
    favicon = [website["favicon"]] if "favicon" in website else []
    for name in [*look["css"][1:], *favicon]:
        target = stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project.root / name, target)


def _write_grid(project: Project) -> str:
    """Write the widths of a page's columns as smalldocs names them."""
    widths = project.section("format", "html", "grid")
    return "".join(f"#quarto-content {{ --sd-{name}: {width}; }}\n" for name, width in widths.items())


def _name_themes(theme: object) -> object:
    """Leave out the scss layers of a theme: they mend what Quarto makes of it."""
    if isinstance(theme, dict):
        return {mode: _name_themes(names) for mode, names in theme.items()}
    return theme[0] if isinstance(theme, list) else theme


def _point_to_stage(value: object) -> object:
    """Change links to notebooks into links to the staged pages, in any depth of navigation."""
    if isinstance(value, dict):
        return {k: _point_to_stage(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_point_to_stage(v) for v in value]
    return re.sub(r"\.ipynb(?=$|#)", ".qmd", value) if isinstance(value, str) else value


def _draw(stage: Path, site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sitepreview.draw", "render", str(stage), "--quiet"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    rows = [row.removeprefix("warning: ") for row in done.stderr.splitlines() if row.strip()]
    if done.returncode or rows or not site.is_dir():
        raise Refused([Problem(CONFIG, None, f"smalldocs: {row}", _advise(row)) for row in rows or ["failed"]])


def _advise(row: str) -> str:
    """Return what to do about something that smalldocs found: a disk that is full is not for the configuration.

    Examples
    --------
    >>> _advise("OSError: [Errno 28] No space left on device"), _advise("unknown key")
    ('make room on the disk of the site, and draw it again', 'mend the configuration')
    """
    full = "No space left" in row or "quota exceeded" in row
    return "make room on the disk of the site, and draw it again" if full else "mend the configuration"


def _finish_site(project: Project, pages: list[Page], site: Path) -> None:
    """Put the hidden HTML back, resolve links, add the footer line, images, search index and manifest."""
    versions = " and ".join(f"{name} {number}" for name, number in list_versions().items())
    notice = NOTICE.format(versions=versions)
    wanted: set[str] = set()
    outputs = {page.path: page.output for page in pages}
    for page in pages:
        file = site / page.output
        text = file.read_text(encoding="utf-8")
        text = HIDDEN.sub(lambda m, page=page: _restore(m[1], page, outputs, wanted), text)
        text = mend_page(text, "../" * page.output.count("/"))
        file.write_text(_add_notice(text, notice), encoding="utf-8")
    shutil.copyfile(HERE / SCRIPT, site / "site_libs" / SCRIPT)
    images = {name: data for page in pages for name, data in page.images.items()}
    for name in sorted(wanted | images.keys()):
        _publish(project, site, name, images)
    for pattern in project.section("project").get("resources") or []:
        for found in sorted(glob.glob(str(pattern).lstrip("/"), root_dir=project.root, recursive=True)):
            _publish(project, site, found, images)
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        if REMOTE_IMPORT.search(text):
            sheet.write_text(REMOTE_IMPORT.sub("", text), encoding="utf-8")
    if project.section("website").get("search", True) is not False:
        sorted_pages = [page.output for page in _sort_by_menus(project, pages)]
        left_out = {page.output for page in pages if page.front.get("search") is False}
        write_search(site, sorted_pages, left_out, read_names(project.root))
    else:
        (site / "search.json").unlink(missing_ok=True)
    _write_manifest(project, pages, site)


def _sort_by_menus(project: Project, pages: list[Page]) -> list[Page]:
    """Order pages: the one the title leads to, then as the menus name them, then as in the render list."""
    named = ["index.qmd", *(project.section("website").get(key) for key in ("navbar", "sidebar"))]
    places = {path: n for n, path in reversed(list(enumerate(_walk_text(named))))}
    return sorted(pages, key=lambda page: places.get(page.path, len(places)))


def _walk_text(value: object) -> Iterator[str]:
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _walk_text(part)
    elif isinstance(value, str):
        yield value.lstrip("/")


def _restore(digits: str, page: Page, outputs: dict[str, str], wanted: set[str]) -> str:
    text = bytes.fromhex(digits).decode("utf-8")
    return LINK.sub(lambda m: m[1] + html.escape(_resolve(html.unescape(m[2]), page, outputs, wanted)) + m[3], text)


def _resolve(url: str, page: Page, outputs: dict[str, str], wanted: set[str]) -> str:
    """Turn a link as written into the link in the site; a file that is no page is noted for publication."""
    if not url or url.startswith(("#", "?")) or SCHEME.match(url):
        return url
    path, mark, anchor = url.partition("#")
    folder = posixpath.dirname(page.path)
    target = posixpath.normpath(path.lstrip("/") if path.startswith("/") else posixpath.join(folder, path))
    if target in outputs:
        target = outputs[target]
    elif target.endswith((".qmd", ".ipynb")):
        target = output_path(target)  # not a page of the site: the check of the built site will say so
    elif not target.startswith(".."):
        wanted.add(target)
    return posixpath.relpath(target, folder or ".") + mark + anchor


def _publish(project: Project, site: Path, name: str, images: dict[str, bytes]) -> None:
    target = site / name
    if target.exists():
        return
    if name in images:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(images[name])
    elif (project.root / name).is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project.root / name, target)


def _add_notice(text: str, notice: str) -> str:
    line = f'<p class="preview-notice">{html.escape(notice)}</p>'
    before, footer, after = text.rpartition("</footer>")
    if not footer:
        before, footer, after = text.rpartition("</body>")
        return f'{before}<footer class="footer">{line}</footer>{footer}{after}'
    return before + line + footer + after


def _write_manifest(project: Project, pages: list[Page], site: Path) -> None:
    sources = {CONFIG: None, **{page.path: page.output for page in pages}}
    manifest = {
        "renderer": "preview",
        "versions": list_versions(),
        "pages": [
            {"source": source, "page": page, "sha256": hashlib.sha256((project.root / source).read_bytes()).hexdigest()}
            for source, page in sources.items()
        ],
    }
    (site / "render.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
