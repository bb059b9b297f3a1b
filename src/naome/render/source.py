"""Page sources as lines that remember where they came from; shortcodes expanded, code told from prose."""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from naome.render.problems import Problem

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
SHORTCODE = re.compile(r"\{\{<\s*([\w-]+)\s*(.*?)\s*>\}\}")
FENCE = re.compile(r"^\s*(`{3,}|~{3,})(.*)$")
INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
COMMENT = re.compile(r"<!--.*?(?:-->|$)")
DEEPEST_INCLUDE = 5
SHORTCODES = ("include", "embed", "var", "meta", "pagebreak")


@dataclass(frozen=True)
class Line:
    """One line of a page and the place it was written: file, line and, in a notebook, cell."""

    text: str
    file: str
    number: int | None
    cell: int | None = None

    def problem(self, what: str, instead: str) -> Problem:
        """Report a problem at this line."""
        return Problem(self.file, self.number, what, instead, self.cell)


@dataclass(frozen=True)
class Fence:
    """The opening line of a fenced code block."""

    line: Line
    info: str
    body: tuple[Line, ...]


def split_lines(text: str, file: str, *, first: int = 1, cell: int | None = None) -> list[Line]:
    """Number the lines of a text."""
    return [Line(row, file, first + n, cell) for n, row in enumerate(text.split("\n"))]


def join_lines(lines: list[Line]) -> str:
    """Put lines together again."""
    return "\n".join(line.text for line in lines)


def walk_blocks(lines: list[Line]) -> Iterator[Line | Fence]:
    """Give each line outside code, and each fenced code block as one `Fence`."""
    position = 0
    while position < len(lines):
        line = lines[position]
        opened = FENCE.match(line.text)
        if not opened or ("`" in opened[2] and opened[1][0] == "`"):
            yield line
            position += 1
            continue
        end = position + 1
        while end < len(lines) and not closes_fence(lines[end].text, opened[1]):
            end += 1
        yield Fence(line, opened[2].strip(), tuple(lines[position + 1 : end]))
        position = end + 1


def closes_fence(text: str, opened: str) -> bool:
    """Tell whether a line closes the fence that was opened with `opened`."""
    stripped = text.strip()
    return len(stripped) >= len(opened) and set(stripped) == {opened[0]}


def walk_prose(lines: list[Line]) -> Iterator[Line]:
    """Give the lines outside code, with inline code and comments blanked: what Markdown will read as text."""
    comment = False
    for block in walk_blocks(lines):
        if isinstance(block, Fence):
            continue
        text = block.text
        if comment:
            if "-->" not in text:
                continue
            text, comment = text.split("-->", 1)[1], False
        text = INLINE_CODE.sub(lambda m: " " * len(m[0]), text)
        comment = bool(re.search(r"<!--(?!.*-->)", text))
        yield replace(block, text=COMMENT.sub("", text))


def expand_shortcodes(
    lines: list[Line],
    *,
    page: str,
    read_include: Callable[[str], str | None],
    read_embed: Callable[[str, str, bool, Line], list[Line] | Problem],
    variables: dict,
    metadata: dict,
    problems: list[Problem],
    depth: int = 0,
) -> list[Line]:
    """Expand `include`, `embed`, `var`, `meta` and `pagebreak` outside code; report every other shortcode.

    Parameters
    ----------
    lines : list of Line
        The page as written.
    page : str
        The page's path in the project: relative paths start in its folder.
    read_include : callable
        Takes a path in the project, gives its text or None.
    read_embed : callable
        Takes notebook, label, whether code is wanted and the line; gives the cell's lines or a problem.
    variables, metadata : dict
        What `var` and `meta` look up.
    problems : list of Problem
        Problems are added here.
    depth : int
        How many includes deep `lines` are.

    Returns
    -------
    list of Line
        The page with shortcodes expanded; each line still names the file it was written in.
    """
    out: list[Line] = []
    for block in walk_blocks(lines):
        if isinstance(block, Fence):
            out += _keep_fence(block, lines, problems)
            continue
        whole = SHORTCODE.fullmatch(block.text.strip())
        if whole and whole[1] == "include":
            out += _include(block, whole[2], page, read_include, problems, depth, (read_embed, variables, metadata))
        elif whole and whole[1] == "embed":
            out += _embed(block, whole[2], page, read_embed, problems)
        else:
            out.append(replace(block, text=_expand_inline(block, variables, metadata, problems)))
    return out


def resolve_path(target: str, page: str) -> str:
    """Find the project path that a path written on a page means: `/x` from the project, else from the page's folder."""
    target = target.strip("\"'")
    joined = target.lstrip("/") if target.startswith("/") else posixpath.join(posixpath.dirname(page), target)
    return posixpath.normpath(joined)


def _keep_fence(fence: Fence, lines: list[Line], problems: list[Problem]) -> list[Line]:
    start = next(i for i, line in enumerate(lines) if line is fence.line)
    block = lines[start : start + len(fence.body) + 2]
    problems += [
        line.problem(
            f"shortcode {m[0]!r} inside a code block", "write it outside the block (Quarto would expand it, others not)"
        )
        for line in fence.body
        if (m := re.search(r"(?<!\{)\{\{<.*?>\}\}", line.text))
    ]
    return block


def _include(
    line: Line,
    argument: str,
    page: str,
    read_include: Callable[[str], str | None],
    problems: list[Problem],
    depth: int,
    rest: tuple,
) -> list[Line]:
    path = resolve_path(argument, page)
    if depth >= DEEPEST_INCLUDE:
        problems.append(
            line.problem(f"include of {path} is nested deeper than {DEEPEST_INCLUDE}", "include it higher up")
        )
        return []
    text = None if path.startswith("..") else read_include(path)
    if text is None:
        problems.append(
            line.problem(
                f"include of {argument!r}: no such file in the project",
                "name a file, from the project's top as /folder/file.qmd",
            )
        )
        return []
    front = FRONT_MATTER.match(text)
    first = 1 + (front[0].count("\n") if front else 0)
    body = text[front.end() :] if front else text
    read_embed, variables, metadata = rest
    return expand_shortcodes(
        split_lines(body.rstrip("\n"), path, first=first),
        page=page,
        read_include=read_include,
        read_embed=read_embed,
        variables=variables,
        metadata=metadata,
        problems=problems,
        depth=depth + 1,
    )


def _embed(line: Line, argument: str, page: str, read_embed: Callable, problems: list[Problem]) -> list[Line]:
    words = argument.split()
    target, _, label = (words[0] if words else "").strip("\"'").partition("#")
    options = dict(word.partition("=")[::2] for word in words[1:])
    if page.endswith(".ipynb"):
        problems.append(line.problem("embed inside a notebook", "embed from a .qmd page"))
        return []
    if not label or set(options) - {"echo"}:
        problems.append(
            line.problem(f"embed {argument!r} is not of a known form", "{{< embed path/notebook.ipynb#label >}}")
        )
        return []
    found = read_embed(resolve_path(target, page), label, options.get("echo", "false").strip("\"'") == "true", line)
    if isinstance(found, Problem):
        problems.append(found)
        return []
    return found


def _expand_inline(line: Line, variables: dict, metadata: dict, problems: list[Problem]) -> str:
    code = [m.span() for m in INLINE_CODE.finditer(line.text)]

    def expand(match: re.Match) -> str:
        name, argument = match[1], match[2].strip("\"'")
        if any(start <= match.start() < end for start, end in code):
            return match[0]
        if name == "pagebreak":
            return ""
        if name in ("var", "meta"):
            value = _look_up(variables if name == "var" else metadata, argument)
            if value is None:
                where = "_variables.yml" if name == "var" else "the front matter"
                problems.append(line.problem(f"{name} {argument!r} is not defined", f"define it in {where}"))
                return ""
            return value
        if name in ("include", "embed"):
            problems.append(line.problem(f"{name} within a line of text", "put the shortcode on a line of its own"))
            return ""
        problems.append(line.problem(f"unknown shortcode {name!r}", f"only {', '.join(SHORTCODES)} are supported"))
        return ""

    return SHORTCODE.sub(expand, line.text)


def _look_up(data: object, key: str) -> str | None:
    for part in key.split("."):
        if not isinstance(data, dict) or part not in data:
            return None
        data = data[part]
    return None if isinstance(data, dict | list) or data is None else str(data)
