"""The sample project: every construct of the portable subset, with an executed notebook made on the spot."""

import base64
import functools
import io
import json
import shutil
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

SAMPLE = Path(__file__).parent / "sample"
# Escaped as a program would write it, so that no Markdown reader takes text for markup
TABLE = """<table class="table">
<thead>
<tr><th scope="col">Cohort</th><th scope="col">n</th>
<th scope="col">Median &#40;years&#41;</th><th scope="col">share</th></tr>
</thead>
<tbody>
<tr><th scope="row">De novo</th><td>1,234</td><td>2.5</td><td>12.3%</td></tr>
<tr><th scope="row">Recurrent &#42;all&#42;</th><td>98,765</td><td>1.0</td><td>too few</td></tr>
<tr><th scope="row">1&#46; Wales</th><td colspan="3">not derivable&#58; no regimen&#45;level feed</td></tr>
</tbody>
</table>"""


def markdown_cell(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def raw_cell(source):
    return {"cell_type": "raw", "metadata": {}, "source": source}


def code_cell(source, outputs=(), *, count=1, tags=()):
    return {
        "cell_type": "code",
        "metadata": {"tags": list(tags)},
        "source": source,
        "outputs": list(outputs),
        "execution_count": count,
    }


def write_notebook(path, cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))


def show(mime, data):
    return {"output_type": "display_data", "data": {mime: data, "text/plain": "An output"}, "metadata": {}}


@functools.cache
def draw_curve(kind):
    """Draw a figure as a notebook holds it: PNG in base64, SVG as text."""
    buffer = io.BytesIO()
    with pyplot.style.context("default"), matplotlib.rc_context({"svg.hashsalt": "sample", "svg.fonttype": "none"}):
        figure, axis = pyplot.subplots(figsize=(5, 3))
        axis.step([0, 1, 2, 3], [1.0, 0.8, 0.6, 0.5], where="post")
        figure.savefig(buffer, format=kind, metadata={"Date": None, "Creator": None} if kind == "svg" else {})
        pyplot.close(figure)
    if kind == "svg":
        return show("image/svg+xml", buffer.getvalue().decode())
    return show("image/png", base64.b64encode(buffer.getvalue()).decode())


def sample_cells():
    stream = {"output_type": "stream", "name": "stdout", "text": "a *plain* line\n"}
    noise = {"output_type": "stream", "name": "stderr", "text": "a warning that is not shown\n"}
    value = {"output_type": "execute_result", "data": {"text/plain": "42"}, "metadata": {}, "execution_count": 9}
    sentence = show("text/markdown", "Of **1,234** women, 12.3% survived; see @fig-km.")
    banner = show("text/markdown", '<div class="banner">\n**Synthetic data.** Nobody here exists.\n</div>')
    return [
        raw_cell("---\ntitle: Kaplan–Meier survival, England\n---"),
        code_cell("#| echo: false\nshow_banner()", [banner]),
        code_cell('audit = "england"', tags=["parameters"]),
        code_cell("#| include: false\nimport secret_setup"),
        markdown_cell(
            "## Curve\n\nThe method is on [its page](../../methodology/survival.qmd#kaplan-meier) [@kaplan1958]."
        ),
        code_cell(
            '#| label: fig-km\n#| fig-cap: "Survival, with $S(t)$ [see *methods*]"\n'
            '#| fig-alt: A falling "step" curve\n#| code-summary: Draw\ndraw(curve)',
            [draw_curve("png")],
        ),
        code_cell(
            "#| label: fig-halves\n#| fig-cap: Two halves\n#| fig-subcap: [Left, Right]\n"
            "#| fig-alt: [Left curve, Right curve]\n#| layout-ncol: 2\n#| echo: false\ndraw(both)",
            [draw_curve("png"), draw_curve("svg")],
        ),
        code_cell(
            "#| label: tbl-median\n#| tbl-cap: Median survival\n#| echo: false\nshow(table)",
            [show("text/markdown", TABLE)],
        ),
        code_cell("#| label: sentence\n#| echo: false\nsay()", [sentence, noise]),
        code_cell("#| code-fold: false\nprint('x')", [stream]),
        code_cell("#| output: asis\n#| echo: false\nprint('*x*')", [stream]),
        code_cell("6 * 7", [value]),
        markdown_cell("@fig-halves-1 and @fig-halves; @tbl-median."),
    ]


def make_sample(folder):
    """Make the sample project in a folder."""
    shutil.copytree(SAMPLE, folder)
    write_notebook(folder / "runs" / "england" / "04-survival.ipynb", sample_cells())
    return folder


def read_index(site: Path) -> list[dict]:
    """Read the search index of a built site."""
    script = (site / "site_libs" / "search-index.js").read_text(encoding="utf-8")
    return json.loads(script.removeprefix("window.sitepreviewSearchIndex = ").rstrip(";\n").replace("<\\/", "</"))
