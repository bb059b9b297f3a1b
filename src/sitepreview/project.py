"""The project as both renderers see it: `_quarto.yml` with line numbers, the render list, and pages ready to lower."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from sitepreview.notebook import Cell, Notebook, lower_cell, lower_notebook, read_notebook
from sitepreview.problems import Problem
from sitepreview.source import FRONT_MATTER, Context, Line, expand_shortcodes, resolve_path, split_lines, walk_prose

CONFIG = "_quarto.yml"
CELL_DEFAULTS = ("echo", "warning", "include", "output")
CODE_DEFAULTS = ("code-fold", "code-summary")
RELATIVE_LINK = re.compile(r"\]\((<?(?!<?[/#]|<?[a-zA-Z][\w+.-]*:)[^)\s>]+)")


@dataclass
class Page:
    """One page: its front matter, its lines with every shortcode expanded, and the images it brings."""

    path: str
    front: dict
    front_lines: dict[tuple, int]
    lines: list[Line]
    images: dict[str, bytes] = field(default_factory=dict)
    notebook: Notebook | None = None
    embedded: list[tuple[Notebook, Cell]] = field(default_factory=list)

    @property
    def output(self) -> str:
        """The page's path in the built site."""
        return output_path(self.path)


@dataclass
class Project:
    """A website project and what reading it found."""

    root: Path
    config: dict
    config_lines: dict[tuple, int]
    variables: dict
    page_paths: list[str]
    notebooks: dict[str, Notebook | None] = field(default_factory=dict)

    def section(self, *keys: str) -> dict:
        """Give a mapping inside `_quarto.yml`, empty when it is missing or something else."""
        value: object = self.config
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}

    @property
    def output_dir(self) -> Path:
        """The folder that the built site goes to."""
        return self.root / str(self.section("project").get("output-dir") or "_site")


def output_path(path: str) -> str:
    """Turn a page source path into the path of the page: `a/b.ipynb` becomes `a/b.html`."""
    return re.sub(r"\.(qmd|ipynb)$", ".html", path)


def read_project(project_dir: Path, problems: list[Problem]) -> Project:
    """Read `_quarto.yml`, `_variables.yml` and the render list.

    Parameters
    ----------
    project_dir : Path
        The folder with `_quarto.yml`.
    problems : list of Problem
        What cannot be read is added here.

    Returns
    -------
    Project

    Raises
    ------
    FileNotFoundError
        When there is no `_quarto.yml`.
    """
    root = Path(project_dir).resolve()
    if not (root / CONFIG).is_file():
        raise FileNotFoundError(f"no {CONFIG} in {root}; give the folder of the project")
    config, lines = read_yaml_lines((root / CONFIG).read_text(encoding="utf-8"), CONFIG, problems)
    variables = {}
    if (root / "_variables.yml").is_file():
        text = (root / "_variables.yml").read_text(encoding="utf-8")
        variables, _ = read_yaml_lines(text, "_variables.yml", problems)
    project = Project(root, config, lines, variables, [])
    project.page_paths = _list_pages(project, problems)
    return project


def read_page(project: Project, path: str, problems: list[Problem]) -> Page | None:
    """Read one page and expand its shortcodes; None when it cannot be read.

    Parameters
    ----------
    project : Project
        The project.
    path : str
        A `.qmd` or `.ipynb` file, relative to the project.
    problems : list of Problem
        Problems of the page are added here.

    Returns
    -------
    Page or None
    """
    page = Page(path, {}, {}, [])
    if path.endswith(".ipynb"):
        notebook = get_notebook(project, path, problems)
        if notebook is None:
            return None
        page.notebook, page.front = notebook, notebook.front
        defaults = {**_cell_defaults(project), **_pick(page.front.get("execute"), CELL_DEFAULTS)}
        page.lines = lower_notebook(notebook, defaults, page.images)
    else:
        text = (project.root / path).read_text(encoding="utf-8")
        found = FRONT_MATTER.match(text)
        if found:
            page.front, page.front_lines = read_yaml_lines(found[1] or "", path, problems, first=2)
        start = found.end() if found else 0
        page.lines = split_lines(text[start:], path, first=1 + text[:start].count("\n"))
    page.front = {key: _expand_front(project, page, key, value, problems) for key, value in page.front.items()}
    page.lines = _expand(project, page, page.lines, problems)
    return page


def get_notebook(project: Project, path: str, problems: list[Problem]) -> Notebook | None:
    """Read a notebook once, whoever asks."""
    if path not in project.notebooks:
        project.notebooks[path] = read_notebook(project.root, path, problems)
    return project.notebooks[path]


def find_citation_files(project: Project, page: Page) -> list[tuple[str, Line]]:
    """List the bibliography files of a page, as project paths, each with the line that names it."""
    own = page.front.get("bibliography")
    if own:
        line = Line("", page.path, page.front_lines.get(("bibliography",)))
        names = [resolve_path(str(name), page.path) for name in _as_list(own)]
    else:
        line = Line("", CONFIG, project.config_lines.get(("bibliography",)))
        names = [str(name) for name in _as_list(project.config.get("bibliography"))]
    return [(name, line) for name in names]


def read_yaml_lines(text: str, file: str, problems: list[Problem], *, first: int = 1) -> tuple[dict, dict[tuple, int]]:
    """Read a YAML mapping together with the line of every key.

    Parameters
    ----------
    text : str
        The YAML.
    file : str
        The file it stands in, for problems.
    problems : list of Problem
        What cannot be read is added here.
    first : int
        The line of the file in which the text begins.

    Returns
    -------
    (dict, dict)
        The data, and a mapping from the path of keys and positions, such as `("website", "title")`, to the line.
    """
    try:
        node = yaml.compose(text)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problems.append(
            Problem(file, mark.line + first if mark else None, f"cannot read YAML: {error!s:.80}", "mend it")
        )
        return {}, {}
    if data is None:
        return {}, {}
    if not isinstance(data, dict):
        problems.append(Problem(file, first, "not a mapping of keys", "write key: value"))
        return {}, {}
    lines: dict[tuple, int] = {}
    _note_lines(node, (), lines, first)
    return data, lines


def _note_lines(node: yaml.Node, path: tuple, lines: dict[tuple, int], first: int) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*path, key.value)] = key.start_mark.line + first
            _note_lines(value, (*path, key.value), lines, first)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            lines[(*path, position)] = value.start_mark.line + first
            _note_lines(value, (*path, position), lines, first)


def _list_pages(project: Project, problems: list[Problem]) -> list[str]:
    entries = project.section("project").get("render")
    here = Line("", CONFIG, project.config_lines.get(("project", "render")))
    if not isinstance(entries, list) or not entries:
        problems.append(here.problem("project.render is not a list of pages", "list every page and notebook to render"))
        return []
    kept: list[str] = []
    dropped: set[str] = set()
    for position, entry in enumerate(entries):
        line = Line("", CONFIG, project.config_lines.get(("project", "render", position)))
        pattern = str(entry)
        found = sorted(
            f.relative_to(project.root).as_posix()
            for f in project.root.glob(pattern.lstrip("!/"))
            if f.suffix in (".qmd", ".ipynb")
        )
        if not found:
            problems.append(
                line.problem(f"project.render names {pattern!r}, which is no .qmd or .ipynb file", "make it")
            )
        if pattern.startswith("!"):
            dropped.update(found)
        else:
            kept += [path for path in found if path not in kept]
    pages = [path for path in kept if path not in dropped]
    outputs: dict[str, str] = {}
    for path in pages:
        other = outputs.setdefault(output_path(path), path)
        if other != path:
            problems.append(
                Problem(path, None, f"{other} makes the same page {output_path(path)}", "rename one of them")
            )
    return pages


def _expand(project: Project, page: Page, lines: list[Line], problems: list[Problem]) -> list[Line]:
    def read_include(path: str) -> str | None:
        file = project.root / path
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def read_embed(path: str, label: str, echo: bool, line: Line) -> list[Line] | Problem:
        return _embed_cell(project, page, (path, label, echo), line, problems)

    metadata = {**project.config, **page.front}
    context = Context(page.path, read_include, read_embed, project.variables, metadata)
    return expand_shortcodes(lines, context, problems)


def _embed_cell(
    project: Project, page: Page, wanted: tuple[str, str, bool], line: Line, problems: list[Problem]
) -> list[Line] | Problem:
    path, label, echo = wanted
    if path.startswith("..") or not (project.root / path).is_file():
        return line.problem(f"embed: no notebook {path}", "name an executed notebook of the project")
    notebook = get_notebook(project, path, problems)
    cell = notebook.find(label) if notebook else None
    if cell is None:
        labels = ", ".join(c.label for c in notebook.cells if c.label) if notebook else ""
        return line.problem(f"embed: {path} has no cell labelled {label!r}", f"use one of: {labels or 'none yet'}")
    page.embedded.append((notebook, cell))
    bare = replace(cell, options={key: value for key, value in cell.options.items() if key != "echo"})
    lowered = lower_cell(notebook, bare, {**_cell_defaults(project), "echo": echo}, page.images, embedded=True)
    if not lowered:
        return line.problem(f"embed: {path}#{label} has no output", "embed a cell that shows something")
    # Links in the output were written for the notebook's own page
    problems += [
        row.problem(
            f"relative link {found} in an output that {page.path} embeds", "write it from the top: /folder/page.qmd"
        )
        for row in walk_prose(lowered)
        for found in RELATIVE_LINK.findall(row.text)
    ]
    return lowered


def _expand_front(project: Project, page: Page, key: str, value: object, problems: list[Problem]) -> object:
    if not isinstance(value, str) or "{{<" not in value:
        return value
    line = Line(value, page.path, page.front_lines.get((key,)), 1 if page.notebook else None)
    return "\n".join(x.text for x in _expand(project, page, [line], problems))


def _cell_defaults(project: Project) -> dict:
    return {
        **_pick(project.config.get("execute"), CELL_DEFAULTS),
        **_pick(project.section("format", "html"), CODE_DEFAULTS),
    }


def _pick(mapping: object, keys: tuple[str, ...]) -> dict:
    return {k: v for k, v in mapping.items() if k in keys} if isinstance(mapping, dict) else {}


def _as_list(value: object) -> list:
    return [] if value is None else value if isinstance(value, list) else [value]
