"""The search index of a preview, made from the finished pages; it works from file:// too."""

import json
from pathlib import Path

from sitepreview.htmlpage import read_html

# A browser refuses to fetch() a neighbour of a file:// page, but runs it as a script. Only then is the script loaded,
# and only when the reader searches.
SHIM = """(function () {
  if (location.protocol !== "file:") return;
  var fetched = window.fetch, index = null;
  window.fetch = function (url) {
    if (!/search\\.json$/.test(String(url))) return fetched.apply(this, arguments);
    if (!index) index = new Promise(function (resolve, reject) {
      var script = document.createElement("script");
      script.src = String(url).replace(/search\\.json$/, "site_libs/search-index.js");
      script.onload = function () { resolve(window.sitepreviewSearchIndex); };
      script.onerror = reject;
      document.head.appendChild(script);
    });
    return index.then(function (entries) {
      return { ok: true, json: function () { return Promise.resolve(entries); } };
    });
  };
})();
"""


def write_search(site: Path, pages: list[str]) -> None:
    """Write `search.json`, its copy for file://, and the script that chooses between them.

    Parameters
    ----------
    site : Path
        The built site.
    pages : list of str
        Its pages, relative to it, in the order of the render list.
    """
    entries = [entry for page in pages for entry in _index_page(site, page)]
    text = json.dumps(entries, ensure_ascii=False)
    (site / "search.json").write_text(text, encoding="utf-8")
    script = "window.sitepreviewSearchIndex = " + text.replace("</", "<\\/") + ";\n"
    (site / "site_libs" / "search-index.js").write_text(script, encoding="utf-8")
    (site / "site_libs" / "search-file.js").write_text(SHIM, encoding="utf-8")
    for page in pages:
        file = site / page
        tag = f'<script src="{"../" * page.count("/")}site_libs/search-file.js"></script></head>'
        file.write_text(file.read_text(encoding="utf-8").replace("</head>", tag, 1), encoding="utf-8")


def _index_page(site: Path, page: str) -> list[dict]:
    found = read_html(site / page)
    entries = []
    for section in found.sections:
        text = " ".join("".join(section.words).split())
        if text or section.heading:
            href = f"{page}#{section.anchor}" if section.anchor else page
            entries.append(
                {"objectID": href, "href": href, "title": found.title, "section": section.heading, "text": text}
            )
    return entries
