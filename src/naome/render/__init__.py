"""Render the website with Quarto, or with the preview renderer where Quarto cannot be installed.

Both renderers read the same sources, so pages keep to what both draw alike; `check_portable` names everything else with
file and line. In short:

* `_quarto.yml`: a website, an explicit `render:` list, Bootswatch themes and plain css, `html-math-method: mathml`,
  `execute: {enabled: false}`, `notebook-links: false`.
* Every page has a title in its front matter (in a notebook: the first cell, raw) and says which data it shows, with
  `::: {.banner-synthetic}`, `::: {.banner-real}` or `::: {.banner-neutral}` where no result stands on it.
* Figures and tables carry a label (`fig-`, `tbl-`), a caption and, for figures, `fig-alt`; `@fig-x` and `@tbl-x` refer
  to labels of the same page, links such as `[text](/methodology/x.qmd#fig-y)` to those of another.
* Results come from executed notebooks: `{{< embed /runs/england/04.ipynb#fig-km >}}` brings the output of one cell to
  a page. Links in such an output start at the project's top.
* No page fetches anything from the network, and no page holds code that runs.
"""

from naome.render.portable import check_portable, check_sources
from naome.render.problems import Problem, Refused
from naome.render.site import RENDERERS, RenderReport, render_site
from naome.render.sitecheck import check_site

__all__ = [
    "RENDERERS",
    "Problem",
    "Refused",
    "RenderReport",
    "check_portable",
    "check_site",
    "check_sources",
    "render_site",
]
