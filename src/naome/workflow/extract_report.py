"""What was seen of an extract, as a page that an analyst can send to those who supplied it.

It holds counts, names of files, columns, rules and codes, and shapes of values: nothing of a person.
"""

from __future__ import annotations

import datetime as dt
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from naome.extract import Extract
from naome.extract.absent import FEED, name_thing
from naome.extract.quality import count_logged
from naome.extract.raw_tables import FileNote
from naome.extract.rows_by_rule import name_kind, say_log
from naome.extract.vocabulary import SMALLEST_SAID
from naome.report.markdown import write_pipe_table
from naome.workflow.small_nation import say_people

#: A rule with fewer rows may be suppressed on a page, under any policy
FEWEST_ROWS = 10
#: What the rules of a checked extract are counted over
OVER_ALL = (
    "Counted over all rows. A run counts fewer: it does not read the events of people without a record suggestive of "
    "metastatic disease, and says how many rows these are."
)


def describe_extract(extract: Extract, lacking: Sequence[str] = (), until: dt.date | None = None) -> str:
    """Return the page as Markdown: files, linkage, spellings, repairs and exclusions, and what is absent.

    Parameters
    ----------
    extract : Extract
    lacking : sequence of str
        What the extract lacks, and which results go with it (:func:`naome.workflow.ingest.say_lacking`).
    until : date, optional
        Day to which people are followed; a table that ends early is named.
    """
    parts = [
        ("Files", _lay_out(("File", "Rows", "Columns read", "Not read", "Encoding"), map(_file_row, extract.files))),
        ("Warnings", "\n".join(_wrap(f"- {line}") for line in extract.list_warnings(until)) or "None."),
        ("Time covered", _describe_periods(extract)),
        ("Linkage", _describe_linkage(extract)),
        ("Values that are read by a list", _describe_vocabularies(extract)),
        ("Spellings of dates", _describe_spellings(extract)),
        ("Repairs and exclusions, by rule", _describe_rules(extract)),
        ("Columns that are not read", _list_ignored(extract)),
        ("Absent", _describe_absent(extract, lacking)),
    ]
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts)


def describe_reading(extract: Extract, *, exact: bool = True) -> str:
    """Say in one line how many rows were read or checked, and what became of them.

    A check cleans the rows of everybody, and a run only those of people with a sign of metastatic disease, so that
    the rows that it does not read need no repair.

    Parameters
    ----------
    extract : Extract
    exact : bool
        Whether rules with few rows are counted: not where the run's pages suppress such counts, since all rows less
        those of the other rules would be theirs.
    """
    rows = Counter[str]()
    for entry in extract.quality:
        rows[str(entry["rule"])] += count_logged(entry)
    few = {rule for rule, n in rows.items() if 0 < n < FEWEST_ROWS and not exact}
    log = [entry for entry in extract.quality if entry["rule"] not in few]
    rest = f"; not counted, rules with fewer than {FEWEST_ROWS} rows: {len(few)}" if few else ""
    return f"{sum(extract.raw_rows.values()):,} rows of {len(extract.raw_rows)} tables, {say_log(log)}{rest}"


def describe_sizes(sizes: Mapping[str, int]) -> str:
    """Return the part of the page on the cohorts of the run that these parameters would make."""
    rows = [(cohort, say_people(people)) for cohort, people in sizes.items()]
    table = _lay_out(("Cohort", "Size"), rows) if rows else "No one is in a cohort."
    return f"## Cohorts of the run\n\n{table}"


def _file_row(note: FileNote) -> tuple[str, ...]:
    return (note.name, f"{note.rows:,}", str(len(note.used)), str(len(note.ignored)), note.encoding)


def _describe_periods(extract: Extract) -> str:
    if not extract.periods:
        return "No table has a date."
    rows = []
    for period in extract.periods:
        years = ", ".join(f"{year}: {_say_few(n)}" for year, n in period.years.items())
        rows.append((period.raw, period.date, str(period.first), str(period.last), years))
    return _lay_out(("Table", "Date", "First", "Last", "Rows in each year"), rows)


def _say_few(rows: int) -> str:
    return f"{rows:,}" if rows == 0 or rows >= SMALLEST_SAID else f"<{SMALLEST_SAID}"


def _describe_linkage(extract: Extract) -> str:
    if not extract.linkage:
        return "This source has one table of people."
    rows = []
    for link in extract.linkage:
        people = "–" if link.people is None else f"{link.people:,}"
        unlinked = "–" if link.unlinked_people is None else f"{link.unlinked_people:,}"
        share = f"{100 * link.share:.1f}%" if link.rows + link.without else "–"
        above = "–" if link.above is None else f"{100 * link.above_share:.1f}%"
        numbers = (f"{link.rows:,}", f"{link.rows - link.linked:,}", share, f"{link.without:,}")
        rows.append((link.table, f"{link.column} to {link.to}", *numbers, people, unlinked, above))
    head = ("Table", "By", "Rows", "Without a match", "Linked", "No identifier", "People", "Without a match")
    head += ("Rows above with a row here",)
    return _lay_out(head, rows)


def _describe_vocabularies(extract: Extract) -> str:
    if not extract.vocabularies:
        return "This source has none."
    rows, named = [], []
    for found in extract.vocabularies:
        unknown = len(found.unknown) + found.others
        rows.append((f"{found.table} {found.column}", str(found.grouped), str(found.not_counted), str(unknown)))
        if unknown:
            named.append(f"- {found.table} {found.column}, in no list: {found.say_unknown()}")
    table = _lay_out(("Column", "Counted", "Known, not counted", "In no list"), rows)
    keys = "Counted: values of a list that results count. Known, not counted: values of a list that no result counts."
    return "\n".join(
        [table, "", _wrap(f"{keys} In no list: values that no list has."), *([""] if named else []), *map(_wrap, named)]
    )


def _wrap(line: str) -> str:
    return textwrap.fill(line, width=118, subsequent_indent="  ", break_on_hyphens=False)


def _describe_spellings(extract: Extract) -> str:
    rows = [
        (note.name, column, ", ".join(f"{shape} ({n:,} rows)" for shape, n in spellings.most_common(5)))
        for note in extract.files
        for column, spellings in note.spellings.items()
    ]
    return _lay_out(("File", "Column", "Shapes"), rows) if rows else "Dates are stored as dates."


def _describe_rules(extract: Extract) -> str:
    rows = [
        (f"{entry['table']} {entry['column']}".rstrip(), str(entry["rule"]), name_kind(entry), f"{entry['rows']:,}")
        for entry in extract.quality
    ]
    if not rows:
        return "No rule was needed."
    return "\n\n".join([_wrap(OVER_ALL), _lay_out(("Column", "Rule", "Rows are", "Rows"), rows)])


def _list_ignored(extract: Extract) -> str:
    lines = [f"- {note.name}: {', '.join(note.ignored)}" for note in extract.files if note.ignored]
    return "\n".join(map(_wrap, lines)) or "None."


def _describe_absent(extract: Extract, lacking: Sequence[str]) -> str:
    """Say what the extract lacks, and apart from it what its source never has, which nobody need look for."""
    lines = [f"- {sentence}" for sentence in lacking] or ["Nothing is missing that this source could supply."]
    never = [_name_with_table(name) for name, known in extract.absent.things.items() if known == FEED]
    if never:
        lines += ["", f"This source never has: {', '.join(never)}."]
    return "\n".join(map(_wrap, lines))


def _name_with_table(name: str) -> str:
    table, _, column = name.partition(".")
    return f"{name_thing(name)} ({name_thing(table)})" if column else name_thing(name)


def _lay_out(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return write_pipe_table(pd.DataFrame(rows, columns=list(head)), aligned=True)
