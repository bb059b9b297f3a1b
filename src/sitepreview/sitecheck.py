"""The check of a built site, whoever drew it: links, images, and that no page asks the network."""

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

from sitepreview.htmlpage import Element, HtmlPage, read_html
from sitepreview.problems import Problem, sort_problems

REMOTE = re.compile(r"^(?:https?:)?//", re.I)
CSS_TOKEN = re.compile(r"""/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|url\(\s*[^"'\s)][^)]*\)|[;{}]""", re.S | re.I)
CSS_FETCH = re.compile(r"@import|(?:url|src|image-set)\(", re.I)
SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:")
FETCHED = {
    "script": ("src",), "img": ("src", "srcset"), "iframe": ("src",), "source": ("src", "srcset"),
    "video": ("src", "poster"), "audio": ("src",), "embed": ("src",), "object": ("data",), "track": ("src",),
    "input": ("src",), "use": ("href",), "image": ("href",),
}  # fmt: skip
# <link> relations that make a browser fetch; canonical, next and the like do not
FETCHED_LINKS = {
    "stylesheet", "icon", "shortcut", "preload", "prefetch", "modulepreload", "preconnect", "dns-prefetch",
    "manifest",
}  # fmt: skip


def check_site(
    out_dir: str | Path, own_check: Callable[[dict[str, HtmlPage]], list[Problem]] | None = None
) -> list[Problem]:
    """List what is wrong with a built site.

    Broken internal links and anchors, missing images, references to the network (an ordinary link to the web is none),
    images without a text alternative, and identifiers used twice on a page.

    Parameters
    ----------
    out_dir : str or Path
        The folder of the built site.
    own_check : callable, optional
        What else the pages have to satisfy: takes them by their path in the site, gives problems.

    Returns
    -------
    list of Problem
        Files and lines are those of the built pages.

    Raises
    ------
    FileNotFoundError
        When the folder holds no page.
    """
    site = Path(out_dir)
    pages = read_pages(site)
    if not pages:
        raise FileNotFoundError(f"no page in {site}; render the site first")
    anchors = {name: _list_anchors(page) for name, page in pages.items()}
    problems: list[Problem] = []
    for name, page in pages.items():
        for element in page.elements:
            _check_network(name, element, problems)
            _check_targets(site, name, element, anchors, problems)
        for text, line in page.styles:
            problems += [_network_problem(name, line, url) for _, url in find_css_requests(text)]
        _check_identifiers(name, page, problems)
    for sheet in sorted(site.rglob("*.css")):
        text = sheet.read_text(encoding="utf-8", errors="replace")
        for place, url in find_css_requests(text):
            line = text.count("\n", 0, place) + 1
            problems.append(_network_problem(sheet.relative_to(site).as_posix(), line, url))
    return [*sort_problems(problems), *(own_check(pages) if own_check else ())]


def find_css_requests(text: str) -> Iterator[tuple[int, str]]:
    """Find what a style sheet would fetch from the network: imports, fonts and images, however they are written.

    Parameters
    ----------
    text : str
        The style sheet, minified or not.

    Yields
    ------
    (int, str)
        Where in the text, and the address.

    Examples
    --------
    >>> list(find_css_requests('a{}@import"https://fonts.org/x";'))
    [(10, 'https://fonts.org/x')]
    """
    before, end = "", 0
    for token in CSS_TOKEN.finditer(text):
        before += text[end : token.start()]
        end = token.end()
        if token[0] in ";{}":
            before = ""
        elif not token[0].startswith("/*"):
            quoted = token[0][0] in "\"'"
            address = (token[0] if quoted else token[0].partition("(")[2]).strip("\"' \t\n)")
            if REMOTE.match(address) and (not quoted or CSS_FETCH.search(before)):
                yield token.start(), address


def read_pages(site: Path) -> dict[str, HtmlPage]:
    """Read every page of a built site, by its path in it."""
    files = sorted(f for f in site.rglob("*.html") if "site_libs" not in f.relative_to(site).parts)
    return {f.relative_to(site).as_posix(): read_html(f) for f in files}


def _list_anchors(page: HtmlPage) -> set[str]:
    names = {e.attributes["id"] for e in page.elements if e.attributes.get("id")}
    return {"top"} | names | {e.attributes["name"] for e in page.elements if e.tag == "a" and e.attributes.get("name")}


def _network_problem(name: str, line: int, url: str) -> Problem:
    return Problem(name, line, f"the page would fetch {url} from the network", "keep the file in the project")


def _check_network(name: str, element: Element, problems: list[Problem]) -> None:
    keys = FETCHED.get(element.tag, ())
    if element.tag == "link" and FETCHED_LINKS.intersection(element.attributes.get("rel", "").lower().split()):
        keys = ("href",)
    for key in keys:
        for url in element.attributes.get(key, "").split(","):
            if REMOTE.match(url.strip()):
                problems.append(_network_problem(name, element.line, url.strip().split()[0]))
    for _, url in find_css_requests(element.attributes.get("style", "")):
        problems.append(_network_problem(name, element.line, url))


def _check_targets(
    site: Path, name: str, element: Element, anchors: dict[str, set[str]], problems: list[Problem]
) -> None:
    if element.tag == "img":
        _check_image(site, name, element, problems)
        return
    key = {"a": "href", "link": "href", "script": "src"}.get(element.tag)
    url = element.attributes.get(key, "") if key else ""
    if not url or SCHEME.match(url) or REMOTE.match(url) or url == "#":
        return
    path, _, anchor = url.partition("#")
    target = _locate(site, name, path.partition("?")[0])
    if target is None:
        problems.append(Problem(name, element.line, f"broken link {url}", "link to a page or file of the site"))
    elif anchor and target in anchors and unquote(anchor) not in anchors[target]:
        problems.append(
            Problem(name, element.line, f"broken link {url}: no such place on {target}", "a label or heading")
        )


def _check_image(site: Path, name: str, element: Element, problems: list[Problem]) -> None:
    source = element.attributes.get("src", "")
    if not source:
        problems.append(Problem(name, element.line, "an image without a source", "name a file"))
    elif not SCHEME.match(source) and not REMOTE.match(source) and _locate(site, name, source) is None:
        problems.append(Problem(name, element.line, f"missing image {source}", "commit the file"))
    decorative = element.attributes.get("role") == "presentation" or element.attributes.get("aria-hidden") == "true"
    if not element.attributes.get("alt", "").strip() and not decorative:
        problems.append(Problem(name, element.line, f"image {source:.80} has no text alternative", "give fig-alt"))


def _locate(site: Path, name: str, path: str) -> str | None:
    """Find the file of the site that a link means, as a path in the site; None when there is none."""
    if not path:
        return name
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path)))
    if joined.startswith("..") or path.startswith("/"):
        return None
    if (site / joined).is_dir():
        joined = posixpath.normpath(posixpath.join(joined, "index.html"))
    return joined if (site / joined).is_file() else None


def _check_identifiers(name: str, page: HtmlPage, problems: list[Problem]) -> None:
    """Look at the main part only: Quarto's head gives the stylesheets of both themes one identifier."""
    seen: set[str] = set()
    for element in page.elements:
        identifier = element.attributes.get("id") if element.in_main else None
        if identifier and identifier in seen:
            problems.append(Problem(name, element.line, f"identifier {identifier!r} is used twice", "rename one label"))
        seen.add(identifier or "")
