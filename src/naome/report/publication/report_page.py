"""One page of the report while it is written: text, tables and figures in which every number leads to its source."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd
from matplotlib.figure import Figure as Drawing

from naome.core.atomic import write_text
from naome.report.display import (
    LONG_HEADING,
    TO_THE_RIGHT,
    escape_markup,
    format_number,
    frame_table,
    letter_notes,
    write_png,
)
from naome.report.names import find_definition
from naome.report.publication.audits import Population, Row
from naome.report.publication.source_lists import Sources

STATUS_TEXT = {"suppressed": "suppressed", "too_few": "too few", "not_derivable": "not derivable"}
STATUS_CLASS = {"suppressed": "suppressed", "too_few": "too-few", "not_derivable": "not-derivable"}
NUMERIC = f' class="num"{TO_THE_RIGHT}'
#: A population that has no such result at all
NO_RESULT = "not measured"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: a text, and the result from which it comes.

    Attributes
    ----------
    text : str
    row : mapping, optional
        The released result.
    population : Population, optional
        Whose result it is.
    css : str
    note : str
        Why the number is missing.
    interval : str
        Limits, in smaller type below the number.
    href : str
        Page of the site to which the text leads, where it is not the source of a result.
    result : str
        Identifier of the result, where it is in the table of all results only.
    """

    text: str
    row: Row | None = None
    population: Population | None = None
    css: str = "num"
    note: str = ""
    interval: str = ""
    href: str = ""
    result: str = ""


@dataclass
class ReportPage:
    """A page of the report.

    Attributes
    ----------
    path : str
        Where it lies in the project of the site, e.g. ``report/state-of-the-nation.qmd``.
    title, description : str
    sources : Sources
        Collects the results that the pages of the report show.
    searched : bool
        Whether the search of the site finds it.
    """

    path: str
    title: str
    description: str
    sources: Sources
    searched: bool = True
    parts: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, *texts: str) -> None:
        """Add paragraphs, headings or lists in Markdown; an empty text adds nothing."""
        self.parts += [text for text in texts if text]

    def add_messages(self, sentences: Iterable[str]) -> None:
        """Add a box of key messages; an empty sentence is no message, and without any there is no box."""
        said = [f"- {text}" for text in sentences if text]
        if said:
            self.parts.append("::: {.key-messages}\n" + "\n".join(said) + "\n:::")

    def link(self, path: str) -> str:
        """Return the address of another page of the site, from this one."""
        target, _, anchor = path.partition("#")
        relative = os.path.relpath(target, PurePosixPath(self.path).parent.as_posix())
        return f"{relative}#{anchor}" if anchor else relative

    def name(self, name: str, text: str = "") -> str:
        """Write a name as a link to its definition; as a text where it has none."""
        address = find_definition(name).removeprefix("/")
        return f"[{text or name}]({self.link(address)})" if address else text or name

    def cite(self, text: str, row: Row, population: Population) -> str:
        """Write a number in a sentence as a link to its source (:meth:`Sources.add`)."""
        return f"[{text}]({self.link(self.sources.add(row, population))}){{.result}}"

    def percent(self, row: Row, population: Population, digits: int = 1) -> str:
        """Write the estimate of a result as a percentage, with its source."""
        return self.cite(format_number(row["estimate"], f"percent{digits}"), row, population)

    def count(self, row: Row, population: Population) -> str:
        """Write the number of people of a result, with its source."""
        return self.cite(format_number(int(row["denominator"]), "count"), row, population)

    def table(self, label: str, caption: str, heads: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> None:
        """Add a table; the first column holds row headings, and what is missing is explained in notes below.

        Parameters
        ----------
        label : str
            ``tbl-...``.
        caption : str
            Markdown.
        heads : sequence of str
        rows : iterable of sequence of str or Cell
            A row of one text is a heading over the rows that follow.
        """
        body = self._write_table(heads, [list(row) for row in rows])
        self.parts.append(f"::: {{#{label}}}\n{body}\n\n{caption}\n:::")

    def figure(self, label: str, caption: str, alt: str, drawing: Drawing) -> None:
        """Add a figure, drawn from released results; it is closed."""
        name = f"figures/{PurePosixPath(self.path).stem}-{label.removeprefix('fig-')}.png"
        self.files[(PurePosixPath(self.path).parent / name).as_posix()] = write_png(drawing)
        text = " ".join(alt.split()).replace('"', "'")
        self.parts.append(f'![{caption}]({name}){{#{label} fig-alt="{text}"}}')

    def write(self, folder: Path, *, banner: str, foot: str) -> None:
        """Write the page and its figures.

        Parameters
        ----------
        folder : Path
            Of the site's project.
        banner, foot : str
            Markdown at the top, which data it shows, and at the end, which runs made it.
        """
        search = "" if self.searched else "search: false\n"
        front = f"---\ntitle: {quote(self.title)}\ndescription: {quote(self.description)}\n{search}---"
        write_text("\n\n".join([front, banner, *self.parts, foot]) + "\n", folder / self.path)
        for name, data in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

    def _write_table(self, heads: Sequence[str], rows: list[list[str | Cell]]) -> str:
        cells = [cell for row in rows for cell in row if isinstance(cell, Cell)]
        letters = letter_notes([cell.note for cell in cells])
        numeric = {n for row in rows for n, cell in enumerate(row) if n and isinstance(cell, Cell)}
        top = "".join(
            f'<th scope="col"{NUMERIC if n in numeric else ""}>{escape_markup(head)}</th>' if head else "<td></td>"
            for n, head in enumerate(heads)
        )
        out = []
        for row in rows:
            if len(row) == 1:
                out.append(
                    f'<tr class="group"><th scope="rowgroup" colspan="{len(heads)}">{self._text(row[0])}</th></tr>'
                )
                continue
            written = "".join(self._write_cell(cell, letters) for cell in row[1:])
            out.append(f"<tr>{self._write_head(row[0])}{written}</tr>")
        return frame_table(top, out, letters, len(heads))

    def _write_head(self, cell: str | Cell) -> str:
        text = cell.text if isinstance(cell, Cell) else cell
        long = ' class="long"' if len(text) > LONG_HEADING else ""
        named = cell if isinstance(cell, Cell) else Cell(cell, href=find_definition(cell).removeprefix("/"))
        return f'<th scope="row"{long}>{self._text(named)}</th>'

    def _write_cell(self, cell: str | Cell, letters: dict[str, str]) -> str:
        if isinstance(cell, str):
            return f"<td>{escape_markup(cell)}</td>"
        mark = letters.get(cell.note, "")
        mark = f"<sup>{mark}</sup>" if mark else ""
        limits = f'<span class="interval">{escape_markup(cell.interval)}</span>' if cell.interval else ""
        identifier = f' data-result="{cell.result}"' if cell.result else ""
        return f'<td class="{cell.css}"{TO_THE_RIGHT}{identifier}>{self._text(cell)}{mark}{limits}</td>'

    def _text(self, cell: str | Cell) -> str:
        if isinstance(cell, str):
            return escape_markup(cell)
        if cell.row is not None and cell.population is not None:
            address = self.link(self.sources.add(cell.row, cell.population)).replace(".qmd", ".html")
            return f'<a class="result" href="{address}">{escape_markup(cell.text)}</a>'
        if cell.href:
            return f'<a href="{self.link(cell.href).replace(".qmd", ".html")}">{escape_markup(cell.text)}</a>'
        return escape_markup(cell.text)


def quote(text: str) -> str:
    """Quote a text for front matter."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def show_percent(population: Population, row: Row | None, *, interval: bool = False, people: bool = False) -> Cell:
    """Return a cell with a proportion, or why there is none.

    Parameters
    ----------
    population : Population
    row : mapping or None
        The released result.
    interval : bool
        Whether the interval is given below it.
    people : bool
        Whether the number of people is given with the interval.
    """
    if row is None:
        return Cell("–", css="missing", note=NO_RESULT)
    if row["status"] != "ok":
        status = row["status"]
        return Cell(STATUS_TEXT[status], row, population, STATUS_CLASS[status], say_reason(row))
    text = format_number(row["estimate"], "percent1")
    if interval:
        limits = f"{format_number(row['lower'], 'percent1')} to {format_number(row['upper'], 'percent1')}"
        limits += f"; n = {format_number(int(row['denominator']), 'count')}" if people else ""
        return Cell(text, row, population, interval=limits)
    return Cell(text, row, population)


def show_people(population: Population, row: Row | None) -> Cell:
    """Return a cell with the number of people of a result, or why there is none."""
    if row is None:
        return Cell("–", css="missing", note=NO_RESULT)
    if row["status"] not in ("ok", "too_few") or pd.isna(row["denominator"]):
        status = row["status"] if row["status"] in STATUS_TEXT else "suppressed"
        return Cell(STATUS_TEXT[status], row, population, STATUS_CLASS[status], say_reason(row))
    return Cell(format_number(int(row["denominator"]), "count"), row, population)


def say_reason(row: Row) -> str:
    """Say why there is no number; of several nations together, without the name of the nation whose reason it is.

    Examples
    --------
    >>> say_reason({"reason": "Wales: no cycle dates.", "nation": "england+wales"})
    'No cycle dates.'
    """
    reason = row["reason"].strip()
    name, colon, rest = reason.partition(": ")
    if colon and name.lower() in str(row["nation"]).split("+"):
        reason = rest
    return reason[:1].upper() + reason[1:]
