"""smalldocs with the sidebar that Quarto would show: of several, the one that has the page, and no other."""

import sys

from smalldocs import cli, layout


def find_sidebar(nav: layout.SiteNav, page: object) -> dict | None:
    """Return the sidebar of a page: the only one, or of several the first that has the page."""
    if len(nav.sidebars) == 1:
        return nav.sidebars[0]
    return next((bar for bar in nav.sidebars if any(item.contains(page) for item in bar["items"])), None)


if __name__ == "__main__":
    layout.SiteNav.sidebar_for = find_sidebar
    sys.exit(cli.main())
