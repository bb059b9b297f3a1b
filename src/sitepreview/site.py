"""Render the site with the renderer that there is, say which and why, and swap the finished site in at the end."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sitepreview.folders import build_folder
from sitepreview.htmlpage import HtmlPage
from sitepreview.portable import read_checked
from sitepreview.preview import build_preview, list_versions
from sitepreview.problems import Problem, Refused
from sitepreview.project import Page, Project
from sitepreview.quarto import find_quarto, run_quarto
from sitepreview.sitecheck import check_site

RENDERERS = ("auto", "quarto", "preview")


@dataclass(frozen=True)
class RenderReport:
    """What was rendered.

    Parameters
    ----------
    renderer : str
        `quarto` or `preview`.
    version : str
        The renderer's version; for the preview, those of pandoc and smalldocs.
    why : str
        Why this renderer, in a few words.
    pages : int
        Number of pages.
    seconds : float
        Time taken, in seconds.
    out_dir : Path
        The folder of the site.
    """

    renderer: str
    version: str
    why: str
    pages: int
    seconds: float
    out_dir: Path

    def __str__(self) -> str:
        return f"{self.pages} pages in {self.out_dir} by {self.renderer} ({self.version}) in {self.seconds:.1f} s"


def render_site(
    project_dir: str | Path,
    *,
    renderer: str = "auto",
    out_dir: str | Path | None = None,
    own_check: Callable[[dict[str, HtmlPage]], list[Problem]] | None = None,
    finish: Callable[[Path], None] | None = None,
    progress: Callable[[str], None] | None = None,
) -> RenderReport:
    """Render a project's website.

    The sources are checked first (`check_portable`) and the built pages afterwards (`check_site`). The site appears
    only when both find nothing; until then an earlier site stays as it is.

    Parameters
    ----------
    project_dir : str or Path
        The folder with `_quarto.yml`.
    renderer : {"auto", "quarto", "preview"}
        `auto` takes Quarto 1.9 or later, on PATH or in `.venv/bin`, and otherwise the preview renderer.
    out_dir : str or Path, optional
        The folder of the site; default `project.output-dir`, or `_site`.
    own_check : callable, optional
        What else the built pages have to satisfy: takes them by their path in the site, gives problems.
    finish : callable, optional
        What else is made from the built pages, before they are checked: takes the folder of the site.
    progress : callable, optional
        Takes each line of progress; the first says which renderer and why. Nothing is printed without it.

    Returns
    -------
    RenderReport

    Raises
    ------
    Refused
        With every problem found.
    ValueError
        For an unknown renderer, or an `out_dir` that holds something else than a site.
    FileNotFoundError
        When there is no `_quarto.yml`, or no usable Quarto was found for `renderer="quarto"`.

    Examples
    --------
    >>> print(render_site(".", progress=print))  # doctest: +SKIP
    """
    started = time.monotonic()
    say = progress or (lambda row: None)
    root = Path(project_dir).resolve()
    program, number, why = choose_renderer(root, renderer)
    name = "quarto" if program else "preview"
    versions = number or ", ".join(f"{k} {v}" for k, v in list_versions().items())
    say(f"renderer: {name} ({why})")
    project, pages, problems = read_checked(root)
    if problems:
        raise Refused(problems)
    target = Path(out_dir).resolve() if out_dir is not None else project.output_dir
    _guard_target(target)
    check = partial(_refuse_broken, own_check=own_check, finish=finish)
    if program:
        _render_quarto(program, project, target, check, say)
    else:
        _render_preview(project, pages, target, check, say)
    return RenderReport(name, versions, why, len(pages), time.monotonic() - started, target)


def choose_renderer(root: Path, renderer: str) -> tuple[Path | None, str, str]:
    """Choose Quarto or the preview renderer.

    Returns
    -------
    (Path or None, str, str)
        Quarto's program and version, or None and an empty text for the preview; and the reason.
    """
    if renderer not in RENDERERS:
        raise ValueError(f"renderer {renderer!r} is not known; use one of {', '.join(RENDERERS)}")
    if renderer == "preview":
        return None, "", "asked for"
    program, number, why = find_quarto(root)
    if program is None and renderer == "quarto":
        raise FileNotFoundError(f"{why}; install Quarto 1.9 or later, or use renderer='preview'")
    return program, number, why


def _render_preview(
    project: Project, pages: list[Page], target: Path, check: Callable[[Path], None], say: Callable[[str], None]
) -> None:
    """Build beside the target, on the same file system, so that the swap is a rename."""
    with build_folder(target) as build:
        site = build_preview(project, pages, build, say)
        check(site)
        _swap(site, target)


def holds_site(folder: Path) -> bool:
    """Return whether a folder holds a built site."""
    return (folder / "site_libs").is_dir()


def _guard_target(target: Path) -> None:
    if target.is_dir() and any(target.iterdir()) and not holds_site(target):
        raise ValueError(f"{target} holds something else than a built site; name an empty or new folder")


def _refuse_broken(
    site: Path,
    own_check: Callable[[dict[str, HtmlPage]], list[Problem]] | None,
    finish: Callable[[Path], None] | None,
) -> None:
    if finish:
        finish(site)
    problems = check_site(site, own_check)
    if problems:
        raise Refused(problems)


def _swap(site: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.previous")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.replace(target, old)
    shutil.move(site, target)
    shutil.rmtree(old, ignore_errors=True)


def _render_quarto(
    program: Path, project: Project, target: Path, check: Callable[[Path], None], say: Callable[[str], None]
) -> None:
    """Let Quarto write its output folder, the old site set aside; on any failure the old site comes back."""
    output = project.output_dir
    old = output.with_name(f".{output.name}.previous")
    if old.exists() and not output.exists():
        os.replace(old, output)  # an earlier run was killed half-way
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        os.replace(output, old)
    try:
        run_quarto(program, project.root, say)
        check(output)
    except BaseException:
        shutil.rmtree(output, ignore_errors=True)
        if old.exists():
            os.replace(old, output)
        raise
    if target != output:
        target.parent.mkdir(parents=True, exist_ok=True)
        _swap(output, target)
        if old.exists():
            os.replace(old, output)
    shutil.rmtree(old, ignore_errors=True)
