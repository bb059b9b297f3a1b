"""Which pages there are: the notebooks, what each takes from the others and leaves behind, and how menus name them.

``definitions/pages.yaml`` declares it. The runner, the workflow and the site all ask here, so that no page is missing
and none is extra.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from naome.core.errors import DefinitionError, ParamsError, RunError, suggest
from naome.core.params import Params
from naome.core.paths import project_root
from naome.core.yaml_files import FrozenModel, find_line, read_model

PAGES = "definitions/pages.yaml"
Stem = Annotated[str, Field(pattern=r"^[0-9]{2}-[a-z0-9-]+$")]
Frame = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Frames = Annotated[tuple[Frame, ...], Field(strict=False)]


class Page(FrozenModel):
    """A notebook as ``pages.yaml`` declares it; the meaning of each key stands there."""

    notebook: Stem
    menu: str
    group: str
    needs: Frames = ()
    saves: Frames = ()
    companions: bool = False
    audits: Literal["each", "first"] = "each"
    supplement: bool = False

    @property
    def number(self) -> str:
        """The notebook's number, as parameters name it."""
        return self.notebook.split("-")[0]


class MethodPage(FrozenModel):
    """A page beside the notebooks."""

    file: str
    menu: str
    with_notebook: Stem | None = None
    with_truth: bool = False
    made_of: str = ""
    supplement: bool = True


class Pages(FrozenModel):
    """Everything that ``pages.yaml`` says."""

    site: tuple[str, ...] = Field(strict=False, min_length=1)
    reading_saves: Frames
    notebooks: tuple[Page, ...] = Field(strict=False, min_length=1)
    methods: tuple[MethodPage, ...] = Field(strict=False)

    def find(self, notebook: str) -> Page:
        """Return the page of a notebook.

        Raises
        ------
        RunError
            If it is not declared.
        """
        known = {page.notebook: page for page in self.notebooks}
        if notebook not in known:
            raise RunError(f"{PAGES} declares no notebook {notebook!r}{suggest(notebook, list(known))}.")
        return known[notebook]

    @model_validator(mode="after")
    def _in_order(self) -> Pages:
        names = [page.notebook for page in self.notebooks]
        if names != sorted(set(names)) or len({page.number for page in self.notebooks}) < len(names):
            raise ValueError(f"notebooks must be in the order of their numbers, each once; found {', '.join(names)}")
        unknown = [m.with_notebook for m in self.methods if m.with_notebook and m.with_notebook not in names]
        if unknown:
            raise ValueError(f"with_notebook names {unknown[0]!r}, which is not among the notebooks")
        return self

    @model_validator(mode="after")
    def _every_need_is_saved_before(self) -> Pages:
        saved = set(self.reading_saves)
        for page in self.notebooks:
            missing = [frame for frame in page.needs if frame not in saved]
            if missing:
                near = suggest(missing[0], [*saved])
                raise ValueError(f"{page.notebook} needs {missing[0]!r}, which nothing before it saves{near}")
            twice = saved.intersection(page.saves)
            if twice:
                raise ValueError(f"{page.notebook} saves {min(twice)!r}, which is saved before it")
            saved.update(page.saves)
        return self


def load_pages() -> Pages:
    """Return the declared pages of the project.

    Raises
    ------
    DefinitionError
        Naming file, key, what was found and what is allowed; all problems at once.

    Examples
    --------
    >>> load_pages().find("09-agreement").companions
    True
    """
    return read_pages(project_root() / PAGES)


@cache
def read_pages(file: Path) -> Pages:
    """Read and check one file of pages; see :func:`load_pages`."""
    return read_model(file, Pages, error=DefinitionError)


def list_notebooks() -> list[Path]:
    """Return the notebooks of the project in the order in which they run."""
    return _list_files(load_pages().notebooks)


def _list_files(pages: Iterable[Page]) -> list[Path]:
    folder = project_root() / "notebooks"
    return [folder / f"{page.notebook}.ipynb" for page in pages]


def find_notebook(name: str) -> Path:
    """Return the notebook with this number or name.

    Raises
    ------
    RunError
        If there is none; the message lists them.
    """
    known = {path.stem: path for path in list_notebooks()}
    stem = Path(name).stem
    matches = [path for key, path in known.items() if key == stem or key.split("-")[0] == stem]
    if len(matches) != 1:
        raise RunError(
            f"no notebook {name!r}{suggest(stem, list(known))}; there are: {', '.join(known)}. "
            f"Hint: a new notebook needs an entry in {PAGES}."
        )
    return matches[0]


def notebooks_of(params: Params, file: Path | None = None) -> list[Path]:
    """Return the notebooks that an audit runs, in order: those its parameters name, or all.

    Parameters
    ----------
    params : Params
    file : Path, optional
        The parameter file, which errors name with the line; by default that of the audit's name.

    Raises
    ------
    ParamsError
        If ``notebooks`` names one that does not exist or one twice, leaves out the first (which makes the analysis
        table), or leaves out one whose results another needs.

    Examples
    --------
    >>> from naome.core.params import load_params
    >>> [path.stem for path in notebooks_of(load_params("england"))][0]
    '00-cohort'
    """
    known = {path.stem.split("-")[0]: path for path in list_notebooks()}
    chosen = params.notebooks or tuple(known)
    file = file or Path(f"{params.audit}.yaml")
    where = f"{file}{find_line(file, 'notebooks') if params.notebooks else ''}: key 'notebooks'"
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


def reads_from(notebook: Path | str) -> list[Path]:
    """Return the other notebooks that write what this one loads."""
    pages = load_pages()
    needed = set(pages.find(Path(notebook).stem).needs)
    return _list_files(page for page in pages.notebooks if needed.intersection(page.saves))


def list_chained() -> frozenset[str]:
    """Return the names of the notebooks that read what another than the first writes, and of those that write it.

    They are begun first: one that is read begins in time, and no core waits at the end for what reads it.
    """
    first, *others = list_notebooks()
    read = {path: {*reads_from(path)} - {first} for path in others}
    reading = {path for path in others if read[path]}
    return frozenset(path.stem for path in reading.union(*read.values()))


def saved_by(notebook: Path | str) -> tuple[str, ...]:
    """Return the names of the frames that a notebook writes."""
    return load_pages().find(Path(notebook).stem).saves


def list_frames() -> list[str]:
    """List the frames that reading an extract and notebooks write."""
    pages = load_pages()
    return [*pages.reading_saves, *(frame for page in pages.notebooks for frame in page.saves)]


def check_frame(name: str) -> None:
    """Refuse a frame that no page declares, so that nothing is left behind that the clean-up does not know.

    Raises
    ------
    RunError
        Naming the frame and the nearest declared one.
    """
    declared = list_frames()
    if name not in declared:
        raise RunError(
            f"{PAGES} does not say that a notebook saves {name!r}{suggest(name, declared)}. Hint: add it under "
            "`saves` of the notebook that does."
        )
