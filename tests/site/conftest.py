"""The sample project: every construct of the portable subset, with an executed notebook made on the spot."""

import contextlib
import functools
import hashlib
import io
import json
import shutil
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import pandas as pd
import pytest
from matplotlib import pyplot

from naome.atomic import write_frame
from naome.disclosure import declare_not_counts
from naome.marking import MARKINGS
from naome.publish import display
from naome.render import render_site
from naome.results import make_results
from naome.seal import file_digest

SAMPLE = Path(__file__).parent / "sample"


@contextlib.contextmanager
def capture_outputs():
    """Collect what display functions show, as notebook outputs."""
    shown = []
    original = display.display
    display.display = lambda data, raw: shown.append({"output_type": "display_data", "data": data, "metadata": {}})
    try:
        yield shown
    finally:
        display.display = original


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


def draw_curve():
    with pyplot.style.context("default"):
        fig, axis = pyplot.subplots(figsize=(5, 3))
        axis.step([0, 1, 2, 3], [1.0, 0.8, 0.6, 0.5], where="post")
        axis.set_xlabel("Years since diagnosis")
    return fig


def show_table(frame, **layout):
    """Show a made-up table."""
    display.show(display.Table(frame, declare_not_counts(frame, "Numbers of a test."), **layout))


def show_svg(alt):
    buffer = io.StringIO()
    figure = draw_curve()
    with matplotlib.rc_context({"svg.hashsalt": "naome", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    display.display({"image/svg+xml": buffer.getvalue(), "text/plain": f"Figure: {alt}"}, raw=True)


@functools.cache
def sample_cells():
    made = declare_not_counts("", "Numbers of a test.")
    with capture_outputs() as curve:
        display.show(display.Figure(draw_curve(), "A curve", made))
    with capture_outputs() as halves:
        display.show(display.Figure(draw_curve(), "Left", made))
        show_svg("Right")
    frame = pd.DataFrame(
        {
            "Cohort": ["De novo", "Recurrent *all*", "1. Wales"],
            "n": [1234, 98765, 4],
            "median": [2.55, 1.0, 9.9],
            "share": [0.1234, None, 0.5],
            "status": ["", "too_few", "not_derivable"],
            "reason": ["", "", "no regimen-level feed"],
        }
    )
    with capture_outputs() as table:
        show_table(
            frame, formats={"n": "count", "median": "years", "share": "percent1"}, headings={"median": "Median (years)"}
        )
    with capture_outputs() as sentence:
        display.show(display.Sentence("Of **1,234** women, 12.3% survived; see @fig-km.", made))
    with capture_outputs() as banner:
        display.show_banner("synthetic", "**Synthetic data.** Nobody here exists.")
    stream = {"output_type": "stream", "name": "stdout", "text": "a *plain* line\n"}
    noise = {"output_type": "stream", "name": "stderr", "text": "a warning that is not shown\n"}
    value = {"output_type": "execute_result", "data": {"text/plain": "42"}, "metadata": {}, "execution_count": 9}
    return [
        raw_cell("---\ntitle: Kaplan–Meier survival, England\n---"),
        code_cell("#| echo: false\nshow_banner()", banner),
        code_cell('audit = "england"', tags=["parameters"]),
        code_cell("#| include: false\nimport secret_setup"),
        markdown_cell(
            "## Curve\n\nThe method is on [its page](../../methodology/survival.qmd#kaplan-meier) [@kaplan1958]."
        ),
        code_cell(
            '#| label: fig-km\n#| fig-cap: "Survival, with $S(t)$ [see *methods*]"\n'
            '#| fig-alt: A falling "step" curve\n#| code-summary: Draw\ndraw(curve)',
            curve,
        ),
        code_cell(
            "#| label: fig-halves\n#| fig-cap: Two halves\n#| fig-subcap: [Left, Right]\n"
            "#| fig-alt: [Left curve, Right curve]\n#| layout-ncol: 2\n#| echo: false\ndraw(both)",
            halves,
        ),
        code_cell("#| label: tbl-median\n#| tbl-cap: Median survival\n#| echo: false\nshow(table)", table),
        code_cell("#| label: sentence\n#| echo: false\nsay()", [*sentence, noise]),
        code_cell("#| code-fold: false\nprint('x')", [stream]),
        code_cell("#| output: asis\n#| echo: false\nprint('*x*')", [stream]),
        code_cell("6 * 7", [value]),
        markdown_cell("@fig-halves-1 and @fig-halves; @tbl-median."),
    ]


def make_run(
    folder, audit="mersey-2022", marking="real", *, title=None, notebooks=("00-cohort", "04-kaplan-meier-survival")
):
    """Make the folder of a finished run: executed notebooks, one released frame, and a manifest that lists them."""
    run_id = f"{audit}-{hashlib.sha256(str(folder).encode()).hexdigest()[:10]}"
    title = title or audit.title()
    labels = {
        "00-cohort": "tbl-attrition",
        "04-kaplan-meier-survival": "tbl-survival",
        "11-simulation-study": "tbl-reflection",
    }
    with capture_outputs() as banner:
        words = MARKINGS[marking]
        display.show_banner(words.kind, f"**{words.name}.** {words.page}")
    with capture_outputs() as table:
        show_table(pd.DataFrame({"Rule": ["EL1"], "Remaining": [1234]}), formats={"Remaining": "count"})
    with capture_outputs() as curve:
        made = declare_not_counts("", "Numbers of a test.")
        display.show(display.Figure(draw_curve(), "A curve", made))
    for name in notebooks:
        cells = [
            raw_cell(f'---\ntitle: "{name}: {title}"\n---'),
            code_cell("#| label: banner\n#| echo: false\nshow_marking(run)", banner),
            code_cell(f"#| label: {labels.get(name, 'tbl-any')}\n#| tbl-cap: Of {title}\nshow(table)", table),
            markdown_cell(f"::: {{.provenance}}\nRun `{run_id}`.\n:::"),
        ]
        if name.startswith("04"):
            cells.append(
                code_cell("#| label: fig-survival\n#| fig-cap: Survival\n#| fig-alt: A falling curve\ndraw()", curve)
            )
        write_notebook(folder / "notebooks" / f"{name}.ipynb", cells)
    row = {"measure": ["m"], "level": "nation", "unit": [audit], "estimate": [0.5], "method": "wilson"}
    named = {"audit": audit, "nation": audit, "cohort": "denovo", "run_id": run_id}
    write_frame(make_results(pd.DataFrame(row), **named), folder / "release" / "indicators.parquet")
    manifest = {
        "audit": audit, "title": title, "nation": "england", "marking": marking, "run_id": run_id,
        "commit": "0123456789abcdef0123", "dirty": None, "period": ["2020-01-01", "2022-12-31"],
        "pages": digests(folder, "notebooks/*.ipynb"), "files": digests(folder, "release/*.parquet"),
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def digests(folder, pattern):
    return {f.relative_to(folder).as_posix(): file_digest(f) for f in sorted(folder.glob(pattern))}


def make_sample(folder):
    """Make the sample project in a folder."""
    shutil.copytree(SAMPLE, folder)
    shutil.copy(SAMPLE.parents[2] / "assets" / "naome.css", folder / "assets" / "naome.css")
    write_notebook(folder / "runs" / "england" / "04-survival.ipynb", sample_cells())
    return folder


@pytest.fixture
def sample(tmp_path):
    """A fresh sample project that a test may break."""
    return make_sample(tmp_path / "project")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The sample project, drawn once by the preview renderer: project and report."""
    project = make_sample(tmp_path_factory.mktemp("site") / "project")
    rows = []
    report = render_site(project, renderer="preview", progress=rows.append)
    return project, report, rows
