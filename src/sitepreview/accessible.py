"""Mends to a page that smalldocs drew, for people who use a keyboard or a screen reader."""

import re

NAV = re.compile(r"<nav\b([^>]*)>")
# A mark of each navigation in its attributes -> the attribute that names it
NAMES = {
    'class="navbar ': 'aria-label="Main"',
    'id="quarto-sidebar"': 'aria-label="Pages"',
    'class="quarto-secondary-nav': 'aria-label="Sections"',
    'class="page-navigation"': 'aria-label="Previous and next page"',
    'id="TOC"': 'aria-labelledby="toc-title"',
}
TOGGLE = re.compile(
    r'<a (class="quarto-color-scheme-toggle[^"]*") href="" title="([^"]*)" (onclick="[^"]*")>(.*?)</a>', re.S
)
BODY = re.compile(r"<body\b[^>]*>")
MAIN = '<main class="content" id="quarto-document-content"'
SKIP = '<a class="skip-link" href="#quarto-document-content">Skip to the text</a>'
#: Gives a box that scrolls a name and a place in the order of the keyboard
SCRIPT = "scroll-boxes.js"


def mend_page(text: str, offset: str) -> str:
    """Name the navigations, begin with a link to the text, make the colour switch a button, and bring `SCRIPT`.

    Parameters
    ----------
    text : str
        The page.
    offset : str
        The way from the page to the top of the site: empty, or `../` as often as needed.

    Returns
    -------
    str

    Examples
    --------
    >>> mend_page('<nav id="TOC"></nav>', "")
    '<nav id="TOC" aria-labelledby="toc-title"></nav>'
    """
    text = NAV.sub(_name_navigation, text)
    text = TOGGLE.sub(r'<button type="button" \1 title="\2" aria-label="\2" \3>\4</button>', text)
    text = BODY.sub(lambda match: match[0] + SKIP, text, count=1)
    text = text.replace(MAIN, f'{MAIN} tabindex="-1"', 1)
    return text.replace("</head>", f'<script src="{offset}site_libs/{SCRIPT}" defer></script></head>', 1)


def _name_navigation(match: re.Match) -> str:
    attributes = match[1]
    if "quarto-title-breadcrumbs" in attributes:  # the same as in the bar of narrow screens
        return match[0].replace('aria-label="breadcrumb"', 'aria-label="Place of this page"')
    if "aria-label" in attributes:
        return match[0]
    name = next((name for mark, name in NAMES.items() if mark in attributes), None)
    return f"<nav{attributes} {name}>" if name else match[0]
