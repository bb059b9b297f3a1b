"""Show tables, figures and sentences in a notebook so that both renderers, JupyterLab and nbval agree on them.

A page that holds a `text/html` output makes Quarto fetch scripts from the network, so everything here is
`text/markdown` or an image, with a fixed `text/plain` beside it for nbval.
"""

import base64
import io
import json
import math
import numbers
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd
from IPython.display import display

from naome.core.spreadsheets import SIGNED_NUMBER, escape_formula
from naome.release import Declared, Released, is_hidden
from naome.release.types import HOW
from naome.report.names import find_definition

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


EN_DASH = "–"
MINUS = "−"
FORMATS = ("text", "count", "int", "percent0", "percent1", "decimal1", "decimal2", "decimal3", "years", "pvalue")
# What a status says where a number is missing, and the class that styles it; any other status says nothing
STATUS_WORDS = {
    "suppressed": ("suppressed", "suppressed"),
    "not_derivable": ("not derivable", "not-derivable"),
    "too_few": ("too few", "too-few"),
}
HIDING = ("suppressed", "not_derivable")
# Numbers are to the right in every format, also where no style sheet is read (PDF, Word)
TO_THE_RIGHT = ' style="text-align:right"'
# Classes of cells that are not merged with an equal neighbour
NEVER_MERGED = ("", "count", "num", "num count", "num suppressed")
# Columns of a table that say something of its rows and are not shown themselves
BESIDE = ("status", "reason", "mark")
# Styles a row may have
MARKS = ("", "differs")
#: How the plain text of a figure begins
SAYS = "Figure: "
BANNERS = ("synthetic", "real", "neutral")
FIGURE_DPI = 150
#: Colours of a figure: a third of the size of a picture in all colours, and no difference to the eye
FIGURE_COLOURS = 128
# Row headings of more characters get room, so that they do not become a column of single words
LONG_HEADING = 24
# ASCII punctuation but commas, per cent signs and decimal points
MARKUP = re.compile(r"(?![,%])(?!(?<=\d)\.(?=\d))[!-/:-@\[-`{-~]")


class CountText(str):
    """A count of people in a column of texts."""


MadeFrom = Released | Declared | tuple[Released | Declared, ...]


@dataclass(frozen=True, eq=False)
class Table:
    """A table for readers, made from what is released or declared; its first column holds row headings.

    Attributes
    ----------
    frame : DataFrame
        One row of the table each; the index is not shown. Three columns are not shown themselves: ``status`` says why
        numbers are missing (`suppressed`, `not_derivable`, `too_few`; other values say nothing); ``reason`` is shown
        where numbers are missing, and becomes a note under the table for a row that is `ok`; ``mark`` is the style of
        each row: `differs`, or an empty text (a word in the row must say the same).
    made_from : Released, Declared, or tuple of them
        Where every number comes from.
    formats : mapping of str to str
        Column -> one of `FORMATS`: `text`; `count` (of people: a whole number); `int` (a whole number of other
        things); `percent0`, `percent1` (a share between 0 and 1, shown in per cent); `decimal1`, `decimal2`,
        `decimal3`; `years` (a duration in years, one decimal place); `pvalue` (three places, `<0.001` below). Columns
        of texts need not be named.
    headings : mapping of str to str
        Column -> heading; default the column's name with underscores as spaces.

    Raises
    ------
    TypeError
        When it is made from a bare frame.
    ValueError
        When the frame has no column to show, formats name unknown columns or formats, or a column of numbers has none.

    Notes
    -----
    A missing number is shown as its status in words and its reason, or as an en dash when there is neither: never as a
    blank or a zero. Under `suppressed` and `not_derivable` no number of the row is shown even if the frame holds one,
    so that a value meant to be suppressed cannot slip through. Halves are rounded by Python's formatting, to even.
    """

    frame: pd.DataFrame
    made_from: "MadeFrom"
    formats: Mapping[str, str] = field(default_factory=dict)
    headings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_source(self.made_from, "a table")
        _complete_formats(self.frame, self.columns, dict(self.formats))

    @property
    def columns(self) -> list[str]:
        """The columns that are shown."""
        return [str(c) for c in self.frame.columns if c not in BESIDE]


@dataclass(frozen=True)
class Sentence:
    """Markdown text for readers: sentences, lists, references such as `@tbl-x`, links.

    Attributes
    ----------
    text : str
    made_from : Released, Declared, or tuple of them, optional
        Where its numbers come from; a text without digits needs none.

    Raises
    ------
    TypeError
        When it holds a digit and does not say what it is made from.
    """

    text: str
    made_from: "MadeFrom" = ()

    def __post_init__(self) -> None:
        words_alone = isinstance(self.made_from, tuple) and not self.made_from
        if not words_alone or re.search(r"\d", self.text):
            _check_source(self.made_from, "a sentence with numbers")


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure for readers.

    Attributes
    ----------
    drawing : matplotlib.figure.Figure
    alt : str
        What it shows, in a sentence with its main values; it is the notebook's plain text, and the runner puts it into
        the page as text alternative, in place of the cell's `fig-alt`.
    made_from : Released, Declared, or tuple of them

    Raises
    ------
    TypeError
        When it is made from a bare frame.
    ValueError
        For an empty text alternative.
    """

    drawing: "Drawing"
    alt: str
    made_from: "MadeFrom"

    def __post_init__(self) -> None:
        _check_source(self.made_from, "a figure")
        if not self.alt.strip():
            raise ValueError("alt is empty; say in a sentence what the figure shows")


def show(what: Table | Figure | Sentence) -> None:
    """Show a table, figure or sentence; a cell's `tbl-cap` or `fig-cap` is its caption.

    A figure is closed; two runs give the same bytes.

    Raises
    ------
    TypeError
        For anything else: a bare frame or text has not passed disclosure control.

    Examples
    --------
    >>> show(Sentence("Organisations are not ranked."))  # doctest: +SKIP
    """
    if isinstance(what, Table):
        data = _write_table(what)
    elif isinstance(what, Figure):
        data = _write_figure(what.drawing, what.alt)
    elif isinstance(what, Sentence):
        text = what.text.strip()
        data = {"text/markdown": text, "text/plain": text}
    else:
        raise TypeError(f"{type(what).__name__} cannot be shown; show a Table, Figure or Sentence. {HOW}")
    display(data, raw=True, metadata=_list_declared(what.made_from))


def _list_declared(made_from: object) -> dict:
    """Return why something that did not pass disclosure control may be shown, to lie beside the output."""
    sources = made_from if isinstance(made_from, tuple) else (made_from,)
    reasons = list(dict.fromkeys(source.why for source in sources if isinstance(source, Declared)))
    return {"naome": {"declared": reasons}} if reasons else {}


def _write_table(table: Table) -> dict[str, str]:
    frame, columns = table.frame, table.columns
    formats = _complete_formats(frame, columns, dict(table.formats))
    heads = [_guard(table.headings.get(c, c.replace("_", " "))) for c in columns]
    statuses, reasons, marks = (list(frame[c]) if c in frame else [None] * len(frame) for c in BESIDE)
    notes = _find_notes(statuses, reasons)
    rows = []
    for position in range(len(frame)):
        word, css = _explain_missing(statuses[position], None if notes[position] else reasons[position])
        hidden = str(statuses[position]).replace(" ", "_") in HIDING
        values = (frame[c].iloc[position] for c in columns)
        rows.append([_write_cell(v, formats[c], word, css, hidden) for v, c in zip(values, columns, strict=True)])
    numeric = [formats[c] != "text" for c in columns]
    return {
        "text/markdown": _write_html(heads, numeric, rows, [_check_mark(mark) for mark in marks], notes),
        "text/plain": _write_plain(heads, numeric, rows, notes),
    }


def show_banner(kind: str, text: str) -> None:
    """Show the banner at the top of a page that says which data it shows.

    Parameters
    ----------
    kind : {"synthetic", "real", "neutral"}
        Which data.
    text : str
        What the banner says, in Markdown, on one line.

    Raises
    ------
    ValueError
        For another kind.
    """
    if kind not in BANNERS:
        raise ValueError(f"banner {kind!r} is not known; use one of {', '.join(BANNERS)}")
    line = " ".join(text.split())
    display({"text/markdown": f'<div class="banner-{kind}">\n{line}\n</div>', "text/plain": line}, raw=True)


def write_png(drawing: "Drawing") -> bytes:
    """Write a figure as a PNG file of at most :data:`FIGURE_COLOURS` colours, without time or program; it is closed.

    Labels that are longer than their axis are broken into lines.

    Parameters
    ----------
    drawing : matplotlib.figure.Figure
    """
    from matplotlib import pyplot
    from PIL import Image

    from naome.report.axes import fit_labels

    fit_labels(drawing)
    drawn, file = io.BytesIO(), io.BytesIO()
    drawing.savefig(drawn, format="png", dpi=FIGURE_DPI, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(drawing)
    picture = Image.open(drawn)
    resolution = picture.info["dpi"]
    picture = picture.convert("RGB").quantize(FIGURE_COLOURS, dither=Image.Dither.NONE)
    picture.save(file, "PNG", optimize=True, dpi=resolution)
    return file.getvalue()


def _write_figure(drawing: "Drawing", alt: str) -> dict[str, str]:
    image = base64.b64encode(write_png(drawing)).decode("ascii")
    return {"image/png": image, "text/plain": f"{SAYS}{' '.join(alt.split())}"}


def find_alt(outputs: Iterable[Mapping]) -> str:
    """Return what the figure among the outputs of a cell says of itself; an empty text where there is none."""
    texts = ["".join(each["data"]["text/plain"]) for each in outputs if "image/png" in each.get("data", {})]
    return texts[0].removeprefix(SAYS) if texts else ""


def put_alt(source: str, alt: str) -> str:
    """Put a text alternative into the options of a cell, in place of the general one that its author wrote.

    Examples
    --------
    >>> put_alt("#| label: fig-a\\n#| fig-alt: A curve\\ndraw()", "Survival: 70% after 1 year")
    '#| label: fig-a\\n#| fig-alt: "Survival: 70% after 1 year"\\ndraw()'
    """
    line = f"#| fig-alt: {json.dumps(alt, ensure_ascii=False)}"
    return re.sub(r"(?m)^#\| fig-alt:.*$", lambda _: line, source, count=1) if alt else source


def format_number(value: object, name: str) -> str:
    """Format one number by the name of a format.

    Parameters
    ----------
    value : number, or missing
        A missing value (None, NaN, NA) gives an en dash.
    name : str
        One of `FORMATS`.

    Returns
    -------
    str
        Thousands are separated by commas; a minus is the sign U+2212; a zero has no sign.

    Raises
    ------
    ValueError
        For an unknown format.

    Examples
    --------
    >>> format_number(0.1234, "percent1"), format_number(-1234567, "int"), format_number(None, "int")
    ('12.3%', '−1,234,567', '–')
    """
    if name not in FORMATS:
        raise ValueError(f"format {name!r} is not known; use one of {', '.join(FORMATS)}")
    if _is_missing(value):
        return EN_DASH
    if name == "text":
        return str(value)
    number = float(value)
    if math.isinf(number):
        return f"{MINUS if number < 0 else ''}∞"
    if name == "pvalue":
        return "<0.001" if number < 0.001 else f"{number:.3f}"
    if name in ("count", "int"):
        text = f"{value:,d}" if isinstance(value, numbers.Integral) else f"{number:,.0f}"
    elif name.startswith("percent"):
        text = f"{100 * number:,.{name[-1]}f}%"
    else:
        places = 1 if name == "years" else int(name[-1])
        text = f"{number:,.{places}f}"
    negative = text.startswith("-") and re.search(r"[1-9]", text)
    return (MINUS if negative else "") + text.lstrip("-")


def _check_source(made_from: object, what: str) -> None:
    sources = made_from if isinstance(made_from, tuple) else (made_from,)
    for source in sources or (None,):
        if not isinstance(source, Released | Declared):
            raise TypeError(
                f"{what} is made from {type(source).__name__}, not from what is released or declared. {HOW}"
            )


def _complete_formats(frame: pd.DataFrame, columns: list[str], formats: dict[str, str]) -> dict[str, str]:
    if not columns:
        raise ValueError("the table has no column to show")
    unknown = sorted(set(formats) - set(columns))
    if unknown:
        raise ValueError(f"formats name no column of the table: {', '.join(unknown)}; columns are {', '.join(columns)}")
    wrong = sorted({name for name in formats.values() if name not in FORMATS})
    if wrong:
        raise ValueError(f"format {', '.join(wrong)} is not known; use one of {', '.join(FORMATS)}")
    complete = {}
    for column in columns:
        kind = frame[column]
        if column in formats:
            complete[column] = formats[column]
        elif pd.api.types.is_bool_dtype(kind):
            complete[column] = "text"
        elif pd.api.types.is_numeric_dtype(kind) or any(map(_is_number, kind)):
            raise ValueError(f"column {column!r} holds numbers and has no format; name one of {', '.join(FORMATS)}")
        else:
            complete[column] = "text"
    return complete


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Number) and not isinstance(value, bool) and not _is_missing(value)


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _is_status(value: object) -> bool:
    return isinstance(value, str) and value.replace(" ", "_") in STATUS_WORDS


def _explain_missing(status: object, reason: object) -> tuple[str, str]:
    """Say why a row's numbers are missing: the words and their class."""
    word, css = STATUS_WORDS[str(status).replace(" ", "_")] if _is_status(status) else ("", "missing")
    why = "" if _is_missing(reason) else str(reason).strip()
    if word and why:
        return f"{word}: {why}", css
    return word or why or EN_DASH, css


def _write_cell(value: object, name: str, word: str, css: str, hidden: bool) -> tuple[str, str]:
    """Give a cell's text and class; a text column keeps its text under a status."""
    if name == "text":
        text = _write_text(value)
        return text or EN_DASH, "count" if isinstance(value, CountText) else ""
    if hidden or _is_missing(value):
        return word, css
    if is_hidden(value):
        return str(value), "num suppressed"
    return format_number(value, name), "num count" if name == "count" else "num"


def _write_text(value: object) -> str:
    """Write a text, a category, or a day, which is a timestamp at midnight; missing gives an empty text."""
    if _is_missing(value):
        return ""
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return value.date().isoformat()
    return _guard(str(value).strip())


def _guard(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run, since tables are copied into spreadsheets."""
    return text if SIGNED_NUMBER.fullmatch(text) else escape_formula(text)


def _check_mark(value: object) -> str:
    text = "" if _is_missing(value) else str(value)
    if text not in MARKS:
        raise ValueError(f"mark {text!r} is not known; use one of {', '.join(map(repr, MARKS))}")
    return text


def _find_notes(statuses: list[object], reasons: list[object]) -> list[str]:
    """Return the note each row carries: the reason of a row that is `ok`, else an empty text."""
    shown = (str(s) == "ok" and not _is_missing(r) for s, r in zip(statuses, reasons, strict=True))
    return [str(reason).strip() if show else "" for show, reason in zip(shown, reasons, strict=True)]


def letter_notes(notes: list[str]) -> dict[str, str]:
    """Give every different note a letter, in the order of the rows; a note that all rows share needs none."""
    different = list(dict.fromkeys(note for note in notes if note))
    if len(different) == 1 and all(notes):
        return {different[0]: ""}
    return {note: string.ascii_lowercase[n % 26] * (n // 26 + 1) for n, note in enumerate(different)}


def _write_html(
    heads: list[str], numeric: list[bool], rows: list[list[tuple[str, str]]], marks: list[str], notes: list[str]
) -> str:
    letters = letter_notes(notes)
    number = f' class="num"{TO_THE_RIGHT}'
    top = "".join(
        f'<th scope="col"{number if n else ""}>{_link_name(h)}</th>' for h, n in zip(heads, numeric, strict=True)
    )
    out = []
    for row, mark, note in zip(rows, marks, notes, strict=True):
        head = row[0][0]
        letter = f"<sup>{letters[note]}</sup>" if letters.get(note) else ""
        long = ' class="long"' if len(head) > LONG_HEADING else ""
        cells = [f'<th scope="row"{long}>{_link_name(head)}{letter}</th>', *_merge_missing(row[1:])]
        out.append(f"<tr{f' class={chr(34)}{mark}{chr(34)}' if mark else ''}>" + "".join(cells) + "</tr>")
    return frame_table(top, out, letters, len(heads))


def frame_table(heads: str, rows: Iterable[str], notes: Mapping[str, str], columns: int) -> str:
    """Write a table as HTML without blank lines or indents, so that Markdown readers leave it alone.

    Parameters
    ----------
    heads : str
        Cells of the head, as HTML.
    rows : iterable of str
        Rows of the body, as HTML.
    notes : mapping of str to str
        Note -> its letter, or an empty text (:func:`letter_notes`); they are written below the table.
    columns : int
    """
    out = [
        '<table class="table naome-table">',
        "<thead>",
        f"<tr>{heads}</tr>",
        "</thead>",
        "<tbody>",
        *rows,
        "</tbody>",
    ]
    if notes:
        lines = [f"<sup>{letter}</sup> " * bool(letter) + escape_markup(note) for note, letter in notes.items()]
        out += ["<tfoot>", *(f'<tr><td colspan="{columns}">{line}</td></tr>' for line in lines), "</tfoot>"]
    return "\n".join([*out, "</table>"])


def _merge_missing(cells: list[tuple[str, str]]) -> list[str]:
    """Write cells; neighbours that are missing for the same reason become one cell that says it once."""
    out, position = [], 0
    while position < len(cells):
        text, css = cells[position]
        span = 1
        while (
            css not in NEVER_MERGED
            and text != EN_DASH
            and cells[position + span : position + span + 1] == [(text, css)]
        ):
            span += 1
        attributes = (f' colspan="{span}"' if span > 1 else "") + (f' class="{css}"' if css else "")
        attributes += TO_THE_RIGHT if css.startswith("num") else ""
        out.append(f"<td{attributes}>{escape_markup(text) if css else _link_name(text)}</td>")
        position += span
    return out


def _link_name(text: str) -> str:
    """Write the text of a cell or heading; a name that is defined on a page is a link to its definition."""
    address = find_definition(text)
    return f'<a href="{address}">{escape_markup(text)}</a>' if address else escape_markup(text)


def escape_markup(text: str) -> str:
    """Escape text for HTML that passes through a Markdown reader: nothing may start emphasis, a list or a citation."""
    safe = " ".join(str(text).split())
    return MARKUP.sub(lambda m: f"&#{ord(m[0])};", safe)


def _write_plain(heads: list[str], numeric: list[bool], rows: list[list[tuple[str, str]]], notes: list[str]) -> str:
    letters = letter_notes(notes)
    grid = [heads, *[[text for text, _ in row] for row in rows]]
    for line, note in zip(grid[1:], notes, strict=True):
        line[0] += f" [{letters[note]}]" if letters.get(note) else ""
    widths = [max(len(row[i]) for row in grid) for i in range(len(heads))]
    lines = [
        "  ".join(v.rjust(w) if n else v.ljust(w) for v, w, n in zip(row, widths, numeric, strict=True)).rstrip()
        for row in grid
    ]
    return "\n".join([*lines, *(f"[{letter}] {note}" if letter else note for note, letter in letters.items())])
