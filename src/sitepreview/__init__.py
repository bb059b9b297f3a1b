"""Render a Quarto website with Quarto, or with a preview renderer where Quarto cannot be installed.

Both renderers read the same sources, so pages keep to what both draw alike; `check_portable` names everything else with
file and line. In short:

* `_quarto.yml`: a website, an explicit `render:` list, Bootswatch themes (scss layers: only Quarto reads them) and
  plain css, `html-math-method: mathml`, `execute: {enabled: false}`, `notebook-links: false`.
* Every page has a title in its front matter (in a notebook: the first cell, raw).
* Figures and tables carry a label (`fig-`, `tbl-`), a caption and, for figures, `fig-alt`; `@fig-x` and `@tbl-x` refer
  to labels of the same page, links such as `[text](/methodology/x.qmd#fig-y)` to those of another.
* Results come from executed notebooks: `{{< embed ../notebooks/curves.ipynb#fig-km >}}` brings the output of one cell
  to a page. Links in such an output start at the project's top.
* No page fetches anything from the network, and code that runs on a page is a local script.
"""

from sitepreview.htmlpage import HtmlPage
from sitepreview.portable import check_portable, check_sources
from sitepreview.problems import Problem, Refused
from sitepreview.site import RENDERERS, RenderReport, choose_renderer, holds_site, render_site
from sitepreview.sitecheck import check_site, read_pages

__all__ = [
    "RENDERERS",
    "HtmlPage",
    "Problem",
    "Refused",
    "RenderReport",
    "check_portable",
    "check_site",
    "check_sources",
    "choose_renderer",
    "holds_site",
    "read_pages",
    "render_site",
]
