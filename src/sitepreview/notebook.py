"""Executed notebooks as Markdown: cell options read, outputs taken by mime order, images kept aside."""

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

from sitepreview.problems import Problem
from sitepreview.source import FRONT_MATTER, Line, split_lines

MIME_ORDER = ("image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/latex", "text/plain")
IMAGE_SUFFIX = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg"}
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CROSSREF_CELL = re.compile(r"(fig|tbl)-")


@dataclass
class Cell:
    """One notebook cell, its `#|` options read."""

    number: int
    kind: str
    source: str
    options: dict = field(default_factory=dict)
    code: str = ""
    option_lines: dict[str, int] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    outputs: tuple[dict, ...] = ()
    execution_count: int | None = None

    @property
    def label(self) -> str:
        """The cell's label, or an empty text."""
        return str(self.options.get("label", ""))


@dataclass
class Notebook:
    """A notebook: its front matter, cells and language."""

    path: str
    front: dict
    front_cell: int | None
    cells: list[Cell]
    language: str

    def find(self, label: str) -> Cell | None:
        """Find the code cell with a label."""
        return next((c for c in self.cells if c.kind == "code" and c.label == label), None)


def read_notebook(root: Path, path: str, problems: list[Problem]) -> Notebook | None:
    """Read a notebook of the project.

    Parameters
    ----------
    root : Path
        The project's folder.
    path : str
        The notebook, relative to it.
    problems : list of Problem
        Unreadable JSON, front matter or cell options are added here.

    Returns
    -------
    Notebook or None
        None when the file cannot be read as a notebook at all.
    """
    try:
        data = json.loads((root / path).read_text(encoding="utf-8"))
        raw_cells = data["cells"]
    except (ValueError, KeyError, UnicodeDecodeError) as error:
        problems.append(Problem(path, None, f"not a notebook: {error!r}", "save it as nbformat 4 JSON"))
        return None
    cells = [_read_cell(path, n, raw, problems) for n, raw in enumerate(raw_cells, 1)]
    front, front_cell = {}, None
    if cells and cells[0].kind in ("raw", "markdown") and (found := FRONT_MATTER.match(cells[0].source + "\n")):
        front_cell = 1
        front = _read_yaml(found[1] or "", Line("", path, 1, 1), problems)
        cells[0].source = (cells[0].source + "\n")[found.end() :].rstrip("\n")
    metadata = data.get("metadata", {})
    language = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name", "python")
    return Notebook(path, front, front_cell, cells, language)


def lower_notebook(notebook: Notebook, defaults: dict, images: dict[str, bytes]) -> list[Line]:
    """Write a whole notebook as Markdown lines.

    Parameters
    ----------
    notebook : Notebook
        An executed notebook.
    defaults : dict
        Cell options that hold unless a cell says otherwise (`echo`, `warning`, `code-fold`, ...).
    images : dict
        Image outputs are added here: path in the project -> bytes.

    Returns
    -------
    list of Line
    """
    lines: list[Line] = []
    for cell in notebook.cells:
        if cell.kind == "markdown" or (cell.kind == "raw" and cell.number == notebook.front_cell):
            lines += split_lines(cell.source, notebook.path, cell=cell.number)
        elif cell.kind == "code":
            lines += lower_cell(notebook, cell, defaults, images)
        lines.append(Line("", notebook.path, None, cell.number))
    return lines


def lower_cell(
    notebook: Notebook, cell: Cell, defaults: dict, images: dict[str, bytes], *, embedded: bool = False
) -> list[Line]:
    """Write one code cell and its outputs as Markdown lines.

    An embedded cell ignores `include: false`: a cell may be hidden on its own page and shown on another.
    """
    options = {**defaults, **cell.options}
    if not embedded and (options.get("include") is False or "remove-cell" in cell.tags):
        return []
    body = "" if options.get("output") is False else "\n\n".join(_lower_outputs(notebook, cell, options, images))
    body = _wrap_crossref(cell, options, body)
    code = _lower_code(notebook, cell, options)
    if not body and not code:
        return []
    identifier = f"#{cell.label} " if cell.label and not CROSSREF_CELL.match(cell.label) else ""
    text = "\n".join(part for part in (f":::::::: {{{identifier}.cell}}", code, body, "::::::::") if part)
    return [Line(row, notebook.path, 1, cell.number) for row in text.split("\n")]


def choose_mime(data: dict) -> str | None:
    """Choose the form of an output that a page shows; None when there is no static one."""
    return next((mime for mime in MIME_ORDER if mime in data), None)


def join_text(value: str | list[str]) -> str:
    """Join notebook text, which is a text or a list of lines."""
    return value if isinstance(value, str) else "".join(value)


def _read_cell(path: str, number: int, raw: dict, problems: list[Problem]) -> Cell:
    cell = Cell(number, raw.get("cell_type", ""), join_text(raw.get("source", "")))
    cell.tags = tuple(raw.get("metadata", {}).get("tags", ()))
    if cell.kind != "code":
        return cell
    rows = cell.source.split("\n")
    own = []
    while rows and rows[0].startswith("#|"):
        own.append(rows.pop(0)[2:].removeprefix(" "))
    cell.options = _read_yaml("\n".join(own), Line("", path, 1, number), problems)
    cell.option_lines = {m[1]: n for n, row in enumerate(own, 1) if (m := re.match(r"([\w-]+):", row))}
    cell.code = "\n".join(rows).strip("\n")
    cell.outputs = tuple(raw.get("outputs", ()))
    cell.execution_count = raw.get("execution_count")
    return cell


def _read_yaml(text: str, line: Line, problems: list[Problem]) -> dict:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        number = mark.line + 1 if mark else 1
        problems.append(Problem(line.file, number, f"cannot read YAML: {error!s:.80}", "write key: value", line.cell))
        return {}
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.append(line.problem("options are not key: value pairs", "write key: value"))
        return {}
    return value


def _lower_outputs(notebook: Notebook, cell: Cell, options: dict, images: dict[str, bytes]) -> list[str]:
    parts: list[str] = []
    shown = 0
    for position, output in enumerate(cell.outputs):
        if output["output_type"] == "stream":
            parts += _lower_stream(output, options)
            continue
        mime = choose_mime(output.get("data", {}))
        if mime is None:
            continue  # reported by the check of portable sources
        value = join_text(output["data"][mime])
        if mime in IMAGE_SUFFIX:
            url = _keep_image(notebook, cell, position, mime, value, images)
            parts.append(_write_image(cell, options, url, shown))
            shown += 1
        elif mime == "text/plain":
            parts.append(_fence(value, ".cell-output"))
        else:
            parts.append(value.rstrip())
    return parts


def _lower_stream(output: dict, options: dict) -> list[str]:
    text = ANSI.sub("", join_text(output["text"])).rstrip()
    if output["name"] == "stderr" and options.get("warning") is False:
        return []
    return [text if options.get("output") == "asis" else _fence(text, f".cell-output .cell-output-{output['name']}")]


def _keep_image(notebook: Notebook, cell: Cell, position: int, mime: str, value: str, images: dict[str, bytes]) -> str:
    path = PurePosixPath(notebook.path)
    name = f"{cell.label or f'cell-{cell.number}'}-{position + 1}.{IMAGE_SUFFIX[mime]}"
    target = (path.parent / f"{path.stem}_files" / name).as_posix()
    images[target] = value.encode() if mime == "image/svg+xml" else base64.b64decode(value)
    return "/" + target


def _write_image(cell: Cell, options: dict, url: str, shown: int) -> str:
    captions, alts = options.get("fig-subcap"), options.get("fig-alt", "")
    alt = (alts[shown] if shown < len(alts) else "") if isinstance(alts, list) else alts
    image = f'![](<{url}>){{fig-alt="{_escape_attribute(alt)}"}}'
    if not captions:
        return image
    caption = _one_line(captions[shown]) if shown < len(captions) else ""
    return f"::::: {{#{cell.label}-{shown + 1}}}\n{image}\n\n{caption}\n:::::"


def _wrap_crossref(cell: Cell, options: dict, body: str) -> str:
    found = CROSSREF_CELL.match(cell.label)
    if not body or not found:
        return body
    caption = _one_line(options.get("tbl-cap" if found[1] == "tbl" else "fig-cap", ""))
    columns = f" layout-ncol={options['layout-ncol']}" if "layout-ncol" in options else ""
    return f":::::: {{#{cell.label}{columns}}}\n{body}\n\n{caption}\n::::::"


def _lower_code(notebook: Notebook, cell: Cell, options: dict) -> str:
    if options.get("echo", True) is False or not cell.code:
        return ""
    attributes = "".join(
        f' {key}="{_escape_attribute(str(options[key]).lower() if isinstance(options[key], bool) else options[key])}"'
        for key in ("code-fold", "code-summary")
        if key in options
    )
    return _fence(cell.code, f".{notebook.language} .cell-code{attributes}", bare=True) + "\n"


def _fence(text: str, attributes: str, *, bare: bool = False) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    if bare:
        return f"{ticks} {{{attributes}}}\n{text}\n{ticks}"
    return f":::: {{{attributes}}}\n{ticks}\n{text}\n{ticks}\n::::"


def _one_line(value: object) -> str:
    return " ".join(str(value).split())


def _escape_attribute(value: object) -> str:
    return _one_line(value).replace("\\", "\\\\").replace('"', '\\"')
