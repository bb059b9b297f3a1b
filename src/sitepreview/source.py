"""Page sources as lines that remember where they came from; shortcodes expanded, code told from prose."""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sitepreview.problems import Problem

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
SHORTCODE = re.compile(r"\{\{<\s*([\w-]+)\s*(.*?)\s*>\}\}")
FENCE = re.compile(r"^\s*(`{3,}|~{3,})(.*)$")
INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
COMMENT = re.compile(r"<!--.*?(?:-->|$)")
# Data that a script of the page reads, and what opens and closes it
DATA = re.compile(r"(<script\b[^>]*>).*?(</script>|$)", re.I)
DATA_OPENED = re.compile(r"<script\b[^>]*>(?!.*</script)", re.I)
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
    """A fenced code block: its lines with both fences, and what stands behind the opening one."""

    lines: tuple[Line, ...]
    info: str

    @property
    def opening(self) -> Line:
        """The opening line."""
        return self.lines[0]


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
        yield Fence(tuple(lines[position : end + 1]), opened[2].strip())
        position = end + 1


def closes_fence(text: str, opened: str) -> bool:
    """Tell whether a line closes the fence that was opened with `opened`."""
    stripped = text.strip()
    return len(stripped) >= len(opened) and set(stripped) == {opened[0]}


def walk_prose(lines: list[Line]) -> Iterator[Line]:
    """Give the lines outside code and data, with inline code and comments blanked: what Markdown will read as text."""
    comment = data = False
    for block in walk_blocks(lines):
        if isinstance(block, Fence):
            continue
        text = block.text
        if data:
            data = "</script" not in text.lower()
            continue
        data = bool(DATA_OPENED.search(text))
        text = DATA.sub(r"\1\2", text)
        if comment:
            if "-->" not in text:
                continue
            text, comment = text.split("-->", 1)[1], False
        text = INLINE_CODE.sub(lambda m: " " * len(m[0]), text)
        comment = bool(re.search(r"<!--(?!.*-->)", text))
        yield replace(block, text=COMMENT.sub("", text))


@dataclass(frozen=True)
class Context:
    """What the shortcodes of a page may look at.

    Parameters
    ----------
    page : str
        The page's path in the project: relative paths start in its folder.
    read_include : callable
        Takes a path in the project, gives its text or None.
    read_embed : callable
        Takes notebook, label, whether code is wanted, and the line; gives the cell's lines or a problem.
    variables, metadata : dict
        What `var` and `meta` look up.
    """

    page: str
    read_include: Callable[[str], str | None]
    read_embed: Callable[[str, str, bool, Line], list[Line] | Problem]
    variables: dict
    metadata: dict


def expand_shortcodes(lines: list[Line], context: Context, problems: list[Problem], *, depth: int = 0) -> list[Line]:
    """Expand `include`, `embed`, `var`, `meta` and `pagebreak` outside code; report every other shortcode.

    Parameters
    ----------
    lines : list of Line
        The page as written.
    context : Context
        What shortcodes may look at.
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
            _check_fence(block, problems)
            out += block.lines
            continue
        whole = SHORTCODE.fullmatch(block.text.strip())
        if whole and whole[1] in ("include", "embed"):
            if depth and not whole[2].strip("\"'").startswith("/"):
                problems.append(block.problem(f"{whole[0]}: a relative path inside an included file", "/folder/file"))
            elif whole[1] == "include":
                out += _include(block, whole[2], context, problems, depth)
            else:
                out += _embed(block, whole[2], context, problems)
        else:
            out.append(replace(block, text=_expand_inline(block, context, problems)))
    return out


def resolve_path(target: str, page: str) -> str:
    """Find the project path that a path written on a page means: `/x` from the project, else from the page's folder."""
    target = target.strip("\"'")
    joined = target.lstrip("/") if target.startswith("/") else posixpath.join(posixpath.dirname(page), target)
    return posixpath.normpath(joined)


def _check_fence(fence: Fence, problems: list[Problem]) -> None:
    problems += [
        line.problem(
            f"shortcode {m[0]!r} inside a code block", "write it outside the block (Quarto would expand it, others not)"
        )
        for line in fence.lines[1:]
        if (m := re.search(r"(?<!\{)\{\{<.*?>\}\}", line.text))
    ]


def _include(line: Line, argument: str, context: Context, problems: list[Problem], depth: int) -> list[Line]:
    path = resolve_path(argument, context.page)
    if depth >= DEEPEST_INCLUDE:
        problems.append(
            line.problem(f"include of {path} is nested deeper than {DEEPEST_INCLUDE}", "include it higher up")
        )
        return []
    text = None if path.startswith("..") else context.read_include(path)
    if text is None:
        what = f"include of {argument!r}: no such file in the project"
        problems.append(line.problem(what, "a file, named from the project's top: /folder/file.qmd"))
        return []
    front = FRONT_MATTER.match(text)
    first = 1 + (front[0].count("\n") if front else 0)
    body = (text[front.end() :] if front else text).rstrip("\n")
    return expand_shortcodes(split_lines(body, path, first=first), context, problems, depth=depth + 1)


def _embed(line: Line, argument: str, context: Context, problems: list[Problem]) -> list[Line]:
    words = argument.split()
    target, _, label = (words[0] if words else "").strip("\"'").partition("#")
    options = dict(word.partition("=")[::2] for word in words[1:])
    if context.page.endswith(".ipynb"):
        problems.append(line.problem("embed inside a notebook", "embed from a .qmd page"))
        return []
    if target.startswith("/"):
        what = f"embed {argument!r} starts at the project's top, where Quarto would draw the notebook a second time"
        problems.append(line.problem(what, "a path from the folder of the page"))
        return []
    if not label or set(options) - {"echo"}:
        what = f"embed {argument!r} is not of a known form"
        problems.append(line.problem(what, "{{< embed path/notebook.ipynb#label >}}"))
        return []
    echo = options.get("echo", "false").strip("\"'") == "true"
    found = context.read_embed(resolve_path(target, context.page), label, echo, line)
    if isinstance(found, Problem):
        problems.append(found)
        return []
    return found


def _expand_inline(line: Line, context: Context, problems: list[Problem]) -> str:
    code = [m.span() for m in INLINE_CODE.finditer(line.text)]

    def expand(match: re.Match) -> str:
        name, argument = match[1], match[2].strip("\"'")
        if any(start <= match.start() < end for start, end in code):
            return match[0]
        if name == "pagebreak":
            return ""
        if name in ("var", "meta"):
            value = _look_up(context.variables if name == "var" else context.metadata, argument)
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
