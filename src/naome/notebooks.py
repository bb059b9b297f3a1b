"""Which notebooks there are, which of them an audit runs, and what each reads from the others.

The runner, the workflow and the site's navigation all ask here, so that no page is missing and none is extra.
"""

from __future__ import annotations

import re
from pathlib import Path

from naome.errors import ChainError, ParamsError, suggest
from naome.params import Params
from naome.paths import project_root

# As they stand in the notebook's JSON, where quotation marks are escaped
SAVED, LOADED = re.compile(r'run\.save\(\\"(\w+)'), re.compile(r'run\.load\(\\"(\w+)')


def list_notebooks() -> list[Path]:
    """Return the notebooks of the project in the order in which they run."""
    return sorted((project_root() / "notebooks").glob("[0-9][0-9]-*.ipynb"))


def find_notebook(name: str) -> Path:
    """Return the notebook with this number or name.

    Raises
    ------
    ChainError
        If there is none; the message lists them.
    """
    known = {path.stem: path for path in list_notebooks()}
    stem = Path(name).stem
    matches = [path for key, path in known.items() if key == stem or key.split("-")[0] == stem]
    if len(matches) != 1:
        raise ChainError(f"no notebook {name!r}{suggest(stem, list(known))}; there are: {', '.join(known)}")
    return matches[0]


def notebooks_of(params: Params) -> list[Path]:
    """Return the notebooks that an audit runs, in order: those its parameters name, or all.

    Raises
    ------
    ParamsError
        If ``notebooks`` names one that does not exist or one twice, leaves out the first (which makes the analysis
        table), or leaves out one whose results another needs.

    Examples
    --------
    >>> from naome.params import load_params
    >>> [path.stem for path in notebooks_of(load_params("england"))][0]
    '00-cohort'
    """
    known = {path.stem.split("-")[0]: path for path in list_notebooks()}
    chosen = params.notebooks or tuple(known)
    where = f"{params.audit}.yaml: key 'notebooks'"
    for number in chosen:
        if number not in known:
            raise ParamsError(f"{where}: there is no notebook {number!r}; allowed: {', '.join(known)}.")
    if len(set(chosen)) < len(chosen):
        raise ParamsError(f"{where}: {', '.join(chosen)} names a notebook twice.")
    first = next(iter(known))
    if first not in chosen:
        raise ParamsError(
            f"{where}: {first!r} is not among {', '.join(chosen)}; it makes the table that all others read."
        )
    paths = [known[number] for number in sorted(chosen)]
    for path in paths:
        for needed in reads_from(path):
            if needed not in paths:
                raise ParamsError(f"{where}: {path.stem} reads what {needed.stem} writes; add it, or leave both out.")
    return paths


def reads_from(notebook: Path) -> list[Path]:
    """Return the other notebooks that write what this one loads, as their code says with run.save and run.load."""
    loaded = set(LOADED.findall(notebook.read_text(encoding="utf-8")))
    return [path for path in list_notebooks() if path != notebook and loaded & set(saved_by(path))]


def saved_by(notebook: Path) -> list[str]:
    """Return the names of the frames that a notebook writes."""
    return SAVED.findall(notebook.read_text(encoding="utf-8"))
