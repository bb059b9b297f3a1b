"""The reading engine: raw files in, canonical tables and a data-quality log out.

Readers say what is to be done (:mod:`naome.extract.reader`). Tables are lazy views
over the files; each canonical table is written once, to a temporary folder that
takes its place when everything is right.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from naome.core.atomic import PRIVATE_FILE, make_private_folder, replace_folder, scratch_folder, sweep
from naome.core.definitions import Definitions, project_definitions
from naome.core.errors import ExtractError
from naome.core.seal import check_is_folder, read_note
from naome.extract.absent import Absent, add_empty, find_absent, list_missing
from naome.extract.ages import say_ages_apart
from naome.extract.areas import settle_areas
from naome.extract.candidates import CANDIDATES, Signs, find_candidates, keep_rows
from naome.extract.cut_off import say_full_sheet
from naome.extract.exchanged import check_exchanged, say_exchanged_in_part
from naome.extract.files import Part, explain_damage, is_no_room, locate_row
from naome.extract.folder import list_inputs
from naome.extract.hospital_deaths import say_deaths_apart
from naome.extract.implausible import check_implausible
from naome.extract.improbable_events import say_improbable_events
from naome.extract.improbable_tumours import say_improbable_tumours
from naome.extract.linkage import Linkage, leave_strangers_out, measure_linkage
from naome.extract.many_rows import say_many_rows, say_many_unknown
from naome.extract.periods import (
    Period,
    find_periods,
    find_traced,
    say_early,
    say_late,
    say_months_missing,
    say_one_day,
    say_untraced,
    say_years_missing,
)
from naome.extract.problems import Problems, say_rows
from naome.extract.provider_codes import read_organisations
from naome.extract.quality import Log, log_rows
from naome.extract.raw_tables import FileNote, choose_version, clean_table, note_file, open_raw_tables
from naome.extract.reader import Reader
from naome.extract.schema import CANONICAL
from naome.extract.settle import find_tables, settle_table
from naome.extract.single_values import say_single_values
from naome.extract.source_files import SourceFiles
from naome.extract.sql import is_pattern, quote_name, quote_text
from naome.extract.table_checks import find_wrong
from naome.extract.traced_columns import name_raw_columns
from naome.extract.values import check_unique
from naome.extract.vocabulary import Vocabulary, check_shares


def _choose_memory_limit() -> str:
    """Return a quarter of the machine's memory, or of the container's, but 1.5 GB at least, as DuckDB writes it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no container, or one without a limit
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return f"{max(1500, memory // 4_000_000)}MB"


#: DuckDB spills to the scratch folder beyond this; reading then takes longer but not more memory. England needs
#: less than a gigabyte.
MEMORY_LIMIT = _choose_memory_limit()
#: Files of so many bytes in all are read as quickly by one thread as by several
SMALL = 5_000_000
#: Raw table of the organisations
PROVIDERS = "organisations"
#: Name of the folder for what is only needed while an extract is read
SCRATCH = "naome-reading"
#: So many admissions cannot all be without a diagnosis, or without an operation
ADMISSIONS_WITHOUT = {"diagnoses": 20, "procedures": 200}
#: Errors of DuckDB that no file is to blame for.
NOT_THE_FILE = (
    duckdb.CatalogException,
    duckdb.BinderException,
    duckdb.ParserException,
    duckdb.OutOfMemoryException,
)


@dataclass(frozen=True)
class Extract:
    """What reading an extract gave.

    Attributes
    ----------
    folder : Path
        Folder of canonical Parquet files, one per table (of the raw files, when only checked).
    rows : dict of str to int
        Rows of each canonical table.
    raw_rows : dict of str to int
        Rows of each raw file.
    quality : list of dict
        The data-quality log: ``rule, table, column, rows, kind, meaning``.
    synthetic : bool
        Whether the extract says of itself that it is synthetic.
    files : tuple of FileNote
    linkage : tuple of Linkage
    absent : Absent
        Canonical tables and columns that the feed never has, or that are not in this extract.
    vocabularies : tuple of Vocabulary
        What was found of the columns whose values are names or codes of a list.
    periods : tuple of Period
        The time that each table covers; where events are read of few people, that of their events.
    diagnosed : tuple of date, optional
        First and last day of the run's diagnoses.
    traced : date or None
        Day on which half of the living were known to be alive.
    improbable : tuple of str
        A sentence for each thing that is possible and improbable in the canonical tables.
    """

    folder: Path
    rows: dict[str, int]
    raw_rows: dict[str, int]
    quality: Log
    synthetic: bool
    files: tuple[FileNote, ...] = ()
    linkage: tuple[Linkage, ...] = ()
    absent: Absent = field(default_factory=Absent)
    vocabularies: tuple[Vocabulary, ...] = ()
    periods: tuple[Period, ...] = ()
    diagnosed: tuple[dt.date, dt.date] | None = None
    traced: dt.date | None = None
    improbable: tuple[str, ...] = ()

    def list_warnings(self, until: dt.date | None = None) -> list[str]:
        """Return a sentence for each thing that is read, but looks incomplete or improbable.

        Parameters
        ----------
        until : date, optional
            Day to which people are followed; by default, the day on which the last table ends.
        """
        empty = [f"{table} has no rows." for table, rows in self.raw_rows.items() if not rows]
        full = (say_full_sheet(note.table, part) for note in self.files for part in note.rows_of_parts())
        about_links = (
            line for link in self.linkage for line in (link.say_few_above(), link.say_cut_off(), link.say_uneven())
        )
        about_time = [
            *say_years_missing(self.periods, self.diagnosed),
            *say_late(self.periods),
            *say_months_missing(self.periods),
            *say_early(self.periods, until),
            *say_untraced(self.traced, until),
            *say_one_day(self.periods),
            *self.improbable,
        ]
        many = say_many_rows(self.quality, self.raw_rows, self.rows.get("deaths", 0))
        about_values = [*many, *say_many_unknown(self.vocabularies)]
        columns = (note.say_empty() for note in self.files)
        whole = [*empty, *filter(None, full), *filter(None, columns)]
        return [*whole, *about_time, *about_values, *filter(None, about_links)]


def read_extract(
    reader: Reader,
    folder: Path,
    out: Path | None,
    *,
    diagnosed: tuple[dt.date, dt.date] | None = None,
    signs: Signs | None = None,
    definitions: Definitions | None = None,
    minimum_linkage: Mapping[str, float] | None = None,
    unknown_share: float | None = None,
    look: Callable[[DuckDBPyConnection], None] | None = None,
    progress: Callable[[str], None] = print,
) -> Extract:
    """Read, check and repair an extract and write its canonical tables.

    Parameters
    ----------
    reader : Reader
    folder : Path
        Folder of the raw files.
    out : Path or None
        Folder to write to; replaced whole. None checks only.
    diagnosed : tuple of date, optional
        First and last day of the run's diagnoses; an extract with none between them is of other years.
    signs : Signs, optional
        Read the events only of people with a sign of metastatic disease; everybody's by default.
    definitions : Definitions, optional
        They say what codes mean; the project's by default.
    minimum_linkage : mapping of str to float, optional
        Raw table -> least share of its rows that must link; as the reader says otherwise.
    unknown_share : float, optional
        Largest share of the rows of a column whose values may be in no group; by default, as the column says.
    look : callable, optional
        Is given the database, with a view ``canon_<name>`` for each canonical table, when everything is right.
    progress : callable
        Receives one line per raw table.

    Raises
    ------
    ExtractError
        With every problem of the extract: file, column, row, value, what was
        allowed and a hint. Nothing is written then.
    """
    check_is_folder(folder)
    note = read_note(folder)
    problems = Problems(folder)
    quality: Log = []
    definitions = definitions or project_definitions()
    with (
        _open_scratch(out) as room,
        _without_pattern(room) as scratch,
        _connect(scratch, list_inputs(folder, reader.tables)) as connection,
    ):
        make_private_folder(scratch / "canonical")
        _check_kind(reader, note, problems)
        reader = choose_version(connection, reader, folder, scratch).bind(definitions)
        files = open_raw_tables(connection, reader, folder, scratch, problems)
        links = _link_tables(connection, reader, files, minimum_linkage or {}, problems)
        notes, vocabularies = _clean_tables(
            connection, reader, files, links, signs, definitions, problems, quality, progress
        )
        _check_note(note, notes, problems)
        if unknown_share is not None:
            vocabularies = [replace(found, limit=unknown_share) for found in vocabularies]
        names = {name: each.name for name, each in notes.items()}
        check_shares(vocabularies, names, problems)
        problems.raise_if_any()
        doubts = _run_checks(connection, reader, notes, problems)
        sources = {table: _find_source(reader, table, notes) for table in CANONICAL}
        where = scratch / "canonical" if out else None
        rows = _settle_tables(connection, reader, sources, where, problems, quality, doubts)
        _check_years(connection, sources["tumours"], diagnosed, problems)
        check_exchanged(connection, reader, problems)
        check_implausible(connection, reader, sources, definitions, problems)
        _check_codes(reader, rows, problems)
        for count in reader.counts:
            found = connection.execute(count.sql).fetchone()[0]
            log_rows(quality, count.rule, count.table, count.column, found, count.meaning, count.kind)
        problems.raise_if_any()
        periods, traced = find_periods(connection, reader, sources), find_traced(connection)
        improbable = (*doubts, *_say_improbable(connection, reader, sources, definitions, periods))
        absent = _find_absent(connection, reader, notes)
        if look is not None:
            look(connection)
        if out is not None:
            if signs is not None:
                (scratch / "canonical" / CANDIDATES).write_text(json.dumps(asdict(signs)) + "\n", encoding="utf-8")
            for file in (scratch / "canonical").iterdir():  # DuckDB writes them as the umask has it
                file.chmod(PRIVATE_FILE)
            replace_folder(scratch / "canonical", out)
    return Extract(
        out or folder, rows, {n.table: n.rows for n in notes.values()}, quality, note.get("synthetic", False) is True,
        tuple(notes.values()), links or (), absent, tuple(vocabularies), periods,
        diagnosed, traced, improbable,
    )  # fmt: skip


def _open_scratch(out: Path | None) -> AbstractContextManager[Path]:
    """Return a folder for what is only needed meanwhile: beside the output so that it can be renamed, or temporary."""
    beside = out.parent if out else Path(tempfile.gettempdir())
    sweep(beside, SCRATCH)
    return scratch_folder(beside, SCRATCH)


@contextmanager
def _without_pattern(folder: Path) -> Iterator[Path]:
    """Return the folder by a name that is no pattern, where its own is one."""
    if not is_pattern(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as names:
        link = Path(names) / "scratch"
        link.symlink_to(folder.resolve())
        yield link


@contextmanager
def _connect(scratch: Path, inputs: Collection[Path]) -> Iterator[DuckDBPyConnection]:
    """Open a database that can reach the input files, where they really are, and the scratch folder, and nothing else.

    Names of columns come from files that others made; whatever might be written in them, no other file is in reach.
    """
    config = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(scratch / "spill"),
        "preserve_insertion_order": "true",
        "autoinstall_known_extensions": "false",
    }
    if sum(path.stat().st_size for path in inputs if path.is_file()) < SMALL:
        config["threads"] = "1"
    connection = duckdb.connect(config=config)
    reachable = ", ".join(quote_text(os.path.realpath(path)) for path in inputs)
    connection.execute(f"SET allowed_paths = [{reachable}]")
    connection.execute(f"SET allowed_directories = [{quote_text(scratch.resolve())}, {quote_text(scratch)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    try:
        yield connection
    except RuntimeError as error:
        # What DuckDB makes of an interruption from the keyboard while it works for the main thread
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        reason = "the disk is full" if is_no_room(error) else type(error).__name__
        raise ExtractError(
            f"{scratch.parent}: reading stopped: {reason}; nothing was written. Hint: reading needs {MEMORY_LIMIT} of "
            "memory, and room on the disk for the canonical tables and, meanwhile, for rows that memory does not hold."
        ) from None
    finally:
        connection.close()


def _is_not_the_file(error: duckdb.Error) -> bool:
    return isinstance(error, NOT_THE_FILE) or is_no_room(error)


def _link_tables(connection, reader: Reader, files, minimum, problems: Problems) -> tuple[Linkage, ...] | None:
    """Measure how the tables link; None where a file cannot be read to its end."""
    try:
        return measure_linkage(connection, reader, files, minimum, problems)
    except duckdb.Error as error:
        if _is_not_the_file(error):
            raise
        return None  # cleaning finds which file it is, and says so


def _clean_tables(
    connection: DuckDBPyConnection, reader: Reader, files, links, signs, definitions, problems: Problems, quality,
    progress,
) -> tuple[dict[str, FileNote], list[Vocabulary]]:  # fmt: skip
    # What is wrong with an extract is best looked for everywhere, so nobody is left out of one with a problem
    right = links is not None and not problems.count
    only = right and signs is not None and _find_candidates(connection, reader, files, signs, progress)
    notes: dict[str, FileNote] = {}
    vocabularies: list[Vocabulary] = []
    organisations = None
    for name, file in files.items():
        table = reader.raw[name]
        try:
            kept = leave_strangers_out(connection, reader, file, links or (), quality)
            kept = keep_rows(connection, reader.raw, kept) if only and table.events else kept
            # Which row belongs to which is checked of all rows, values of those that are read
            if table.unique:
                check_unique(connection, file, table.unique, problems)
            spellings, empty, found = clean_table(connection, kept, table, problems, quality, organisations)
            notes[name] = note_file(file, table, spellings, empty)
            vocabularies += found
            if name == PROVIDERS:  # the first table of a reader that has it
                organisations = read_organisations(connection, file, definitions, problems)
                settle_areas(connection, file, problems, quality)
        except duckdb.Error as error:
            if _is_not_the_file(error):
                raise
            problems.add(explain_damage(file.name, error))
            only = False  # which rows belong to those of this file cannot be told any more
            continue
        progress(f"  {name}: {file.rows:,} rows")
    return notes, vocabularies


def _find_candidates(connection: DuckDBPyConnection, reader: Reader, files, signs: Signs, progress) -> bool:
    """Find the people whose events are read; return whether signs could be looked for."""
    unreadable = Problems(Path())
    try:
        find_candidates(connection, reader.raw, files, signs, unreadable)
    except duckdb.Error as error:
        if _is_not_the_file(error):
            raise
        return False  # cleaning finds what it is, and says so
    if unreadable.count:
        return False
    people = connection.execute("SELECT count(*) FROM candidates").fetchone()[0]
    progress(f"  {people:,} people have a record suggestive of metastatic disease; the events of others are not read")
    return True


def _find_source(reader: Reader, table: str, notes: Mapping[str, FileNote]) -> SourceFiles:
    """Return what stands behind a canonical table; its own name where no file does."""
    selection = reader.canonical.get(table)
    note = notes.get(selection.raw) if selection else None
    if selection is None or note is None:
        return SourceFiles(table, table, (Part(table, 0, 1),))
    return SourceFiles(table, note.name, note.parts, name_raw_columns(reader, selection))


def _settle_tables(
    connection: DuckDBPyConnection, reader: Reader, sources, folder: Path | None, problems: Problems, quality, doubts
) -> dict[str, int]:
    after = {name: find_tables(reader.canonical.get(name), reader.rules_of(name)) for name in CANONICAL}
    rows: dict[str, int] = {}
    found: dict[str, tuple[Problems, Log, list[str]]] = {}
    for name in TopologicalSorter(after).static_order():
        selection = reader.canonical.get(name)
        found[name] = Problems(problems.folder), [], []
        rows[name] = settle_table(
            connection, name, selection, reader.rules_of(name), sources[name], folder, *found[name]
        )
    for name in CANONICAL:
        problems.include(found[name][0])
        quality += found[name][1]
        doubts += found[name][2]
    return {name: rows[name] for name in CANONICAL}


def _check_kind(reader: Reader, note: dict, problems: Problems) -> None:
    kind = note.get("kind", reader.name)
    if kind != reader.name:
        problems.add(
            f"extract.json: kind is {kind!r}; allowed: {reader.name!r}. "
            "Hint: this folder is another nation's or feed's extract; choose the audit whose parameters read it."
        )


def _check_note(note: dict, notes: Mapping[str, FileNote], problems: Problems) -> None:
    """Compare with the rows that the extract says it has: a file cut off at the end of a line looks whole."""
    said = note.get("rows")
    for table, rows in said.items() if isinstance(said, dict) else ():
        if not isinstance(rows, int):
            problems.add(f"extract.json: rows of {table} is of type {type(rows).__name__}; allowed: a whole number.")
        elif table in notes and notes[table].rows != rows:
            problems.add(
                f"{notes[table].name}: {notes[table].rows:,} rows; allowed: the {rows:,} that extract.json says. "
                "Hint: was the file cut off? If it was changed on purpose, remove extract.json: the data then count as "
                "real."
            )


def _run_checks(connection, reader: Reader, notes: Mapping[str, FileNote], problems: Problems) -> list[str]:
    """Refuse what a reader's checks find; return the warnings among it, which are on a page and so name no row."""
    doubts = []
    for check, (rows, first) in find_wrong(connection, reader.checks).items():
        said = check.message.format(n=say_rows(rows))
        if check.warn:
            doubts.append(f"{check.table}, {check.about}: {said}")
        else:
            problems.add(f"{locate_row(notes[check.table].parts, first, check.about)}: {said}")
    if reader.country is not None and not problems.count:
        table, column, code = reader.country
        sql = f"SELECT 1 FROM clean_{table} WHERE {quote_name(column)} = {quote_text(code)} LIMIT 1"
        if not connection.execute(sql).fetchone():
            problems.add(
                f"{table}: column {column}: no row has {code!r}; allowed: an extract with rows of this nation. "
                "Hint: is this another nation's extract?"
            )
    return doubts


def _say_improbable(connection, reader: Reader, sources, definitions: Definitions, periods) -> tuple[str, ...]:
    names = {table: selection.raw for table, selection in reader.canonical.items()}
    # Dates are compared with other dates of the person, which says nothing where those are not the events' own
    said = () if any(each.one_day for each in periods) else say_exchanged_in_part(connection, reader, sources)
    if reader.open_names or not {"people", "tumours", "deaths"} <= set(names):
        return said
    return (
        *said,
        *say_improbable_tumours(connection, names["tumours"]),
        *say_improbable_events(connection, names, definitions),
        *say_single_values(connection, names, sources),
        *say_ages_apart(connection, reader.ages, names["tumours"]),
        *(say_deaths_apart(connection, at, names["deaths"]) if (at := reader.hospital_deaths) else ()),
    )


def _find_absent(connection, reader: Reader, notes: Mapping[str, FileNote]) -> Absent:
    there = {name: {*note.used} for name, note in notes.items()}
    filled = {name: columns - {*notes[name].empty} for name, columns in there.items()}
    without, empty = (find_absent(reader, list_missing(reader.raw, columns)) for columns in (there, filled))
    return add_empty(without, connection, empty)


def _check_codes(reader: Reader, rows: Mapping[str, int], problems: Problems) -> None:
    for table, most in ADMISSIONS_WITHOUT.items():
        if table in reader.canonical and rows["admissions"] >= most and not rows[table]:
            problems.add(
                f"{table}: none in {rows['admissions']:,} admissions; allowed: codes in many of them. "
                "Hint: are the columns of the codes empty, or another table's?"
            )


def _check_years(
    connection, tumours: SourceFiles, diagnosed: tuple[dt.date, dt.date] | None, problems: Problems
) -> None:
    if diagnosed is None:
        return
    first, last, within = connection.execute(
        f"SELECT min(diagnosis_date), max(diagnosis_date), count_if(diagnosis_date BETWEEN DATE '{diagnosed[0]}' "
        f"AND DATE '{diagnosed[1]}') FROM canon_tumours"
    ).fetchone()
    if not within:
        held = f"{first} to {last}" if first else "no date"
        problems.add(
            f"{tumours.name_place('diagnosis_date')}: no diagnosis within the run; the extract has {held}; allowed: "
            f"some from {diagnosed[0]} to {diagnosed[1]}. Hint: is this the extract of another year?"
        )
