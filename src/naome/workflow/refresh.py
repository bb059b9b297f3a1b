"""Executing the committed notebooks again with their defaults, so that their stored outputs are today's.

``naome refresh`` is for the person who changed a notebook or the code
behind it; nbval then holds the outputs against a fresh execution. Only what a
reader or nbval needs is kept: no timings, no kernel versions.
"""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from naome.core.atomic import scratch_folder
from naome.core.paths import runs_root
from naome.workflow.kernels import use_warm_kernels
from naome.workflow.pages import find_notebook, list_notebooks
from naome.workflow.warm import keep_warm


def refresh_notebook(path: Path) -> None:
    """Execute a notebook with its defaults from its own folder, as nbval does, and store its outputs."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata["language_info"] = {"name": "python"}
    temporary = path.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    os.replace(temporary, path)


def refresh_notebooks(names: list[str]) -> None:
    """Refresh the notebooks named (number or name), or all."""
    chosen = [find_notebook(Path(name).stem) for name in names] or list_notebooks()
    with scratch_folder(runs_root(), "warm") as scratch, keep_warm(scratch / "parent"):
        use_warm_kernels()
        for path in chosen:
            refresh_notebook(path)
            print(f"{path.name}: outputs refreshed", flush=True)
