"""Finished runs made on the spot, with what display functions show as the outputs of their notebooks."""

import contextlib
import hashlib
import json

import matplotlib

matplotlib.use("Agg")
import pandas as pd
from matplotlib import pyplot

from naome.core.atomic import write_frame
from naome.core.results import make_results
from naome.core.seal import file_digest
from naome.release import declare_not_counts
from naome.report import display
from naome.report.marking import MARKINGS
from naome.workflow.organisation_names import list_organisations


@contextlib.contextmanager
def capture_outputs():
    """Collect what display functions show, as notebook outputs."""
    shown = []
    original = display.display
    display.display = lambda data, raw, metadata=None: shown.append(
        {"output_type": "display_data", "data": data, "metadata": metadata or {}}
    )
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
    write_frame(list_organisations([], pd.DataFrame(), "england"), folder / "release" / "organisations.parquet")
    manifest = {
        "audit": audit, "title": title, "nation": "england", "marking": marking, "run_id": run_id,
        "code_sha256": "f" * 64, "commit": "0123456789abcdef0123", "dirty": False,
        "period": ["2020-01-01", "2022-12-31"], "finished": "2024-05-06T07:08:09+00:00",
        "pages": digests(folder, "notebooks/*.ipynb"),
        "files": digests(folder, "release/*.parquet"), "attack": {"verdict": "pass"},
        "params_sha256": "", "definitions_sha256": "",
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def digests(folder, pattern):
    return {f.relative_to(folder).as_posix(): file_digest(f) for f in sorted(folder.glob(pattern))}
