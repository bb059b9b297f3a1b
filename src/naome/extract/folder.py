"""Finding the files of a table in the folder of an extract: one, or several that are its parts.

A table is ``<table>`` or ``sim_<table>`` in any case, as a file, as one file a year or part, as a folder of parts or
as a zip file. Names are held to what they can mean: where there are two meanings, nothing is read.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from naome.core.errors import ExtractError, say_some, suggest
from naome.core.seal import PACKED, list_files
from naome.extract.column_names import show_file
from naome.extract.problems import DAMAGED_ZIP

#: How the name of a file ends that can be read; text may be packed by zip too
TEXT_ENDING = r"\.(?:csv|txt|tsv|dat|psv|tab)"
READABLE = re.compile(rf"(\.parquet|{TEXT_ENDING})(\.gz)?$|({TEXT_ENDING})?\.zip$", re.IGNORECASE)
#: And those of them that a zip file may hold
TEXT_FILE = re.compile(rf"{TEXT_ENDING}(\.gz)?$", re.IGNORECASE)
#: What a folder of parts may be named after the table
FOLDER_SUFFIX = re.compile(rf"\.parquet$|{TEXT_ENDING}$", re.IGNORECASE)
#: What programs leave beside the parts: Spark's marks and checksums, hidden files, those of file managers
NOT_A_PART = re.compile(
    r"[._~].*|.*\.crc|thumbs\.db|desktop\.ini|__MACOSX|read_?me(\.(txt|md|pdf|docx?))?", re.IGNORECASE
)
#: Names that mark another copy of a file
COPY = re.compile(r"\(\d+\)|(?<![a-z])(copy|old|backup|bak|tmp|orig|previous)(?![a-z])", re.IGNORECASE)
_BETWEEN = r"[_\-. ]?"
YEARS = rf"(?:fy|y|year)?{_BETWEEN}(?P<year>\d{{4}})(?:{_BETWEEN}(?P<second>\d{{4}}|\d\d))?"
QUARTER = rf"{_BETWEEN}q(?P<quarter>[1-4])"
NUMBER = rf"(?:part|pt|p|chunk|file|split)?{_BETWEEN}(?P<number>\d{{1,3}})(?:{_BETWEEN}of{_BETWEEN}(?P<of>\d{{1,3}}))?"
ALONE = NUMBER.replace("<number>", "<alone>").replace("<of>", "<of_all>")
#: What may follow the name of a table in that of a part: a year, a number, or both
TAG = re.compile(rf"{_BETWEEN}(?:{YEARS}(?:{QUARTER})?(?:[_\-. ]{NUMBER})?|{ALONE})", re.IGNORECASE)
#: Parts as Spark and its kind number them: gaps mean nothing, for a part without rows is not written
ENGINE_TAG = re.compile(r"[_\-. ]?(part|data)[_\-.](?P<number>\d+)([_\-.][\w\-.]*)?", re.IGNORECASE)
#: A folder for the parts of one time, inside that of the table: 2019, 2019-20, YEAR=2019
TIME_FOLDER = re.compile(rf"(?:\w+=)?(?P<tag>{YEARS}(?:{QUARTER})?)", re.IGNORECASE)
SHOWN_FILES = 6


@dataclass(frozen=True)
class Source:
    """Where the records of a table, or of a part of it, stand: a file, or a member of a zip file.

    Attributes
    ----------
    path : Path
    name : str
        As messages call it.
    member : str
        Name inside a zip file; empty for a file of its own.
    """

    path: Path
    name: str
    member: str = ""

    @property
    def suffix(self) -> str:
        """What the content is: ``.parquet``, or how the name of a text ends, in small letters."""
        name = (self.member or self.path.name).lower().removesuffix(".gz")
        return Path(name).suffix

    @property
    def packed(self) -> bool:
        """Whether the content is packed by gzip."""
        return (self.member or self.path.name).lower().endswith(".gz")


@dataclass(frozen=True)
class TableFiles:
    """The files of a table, in the order in which they are read.

    Attributes
    ----------
    table : str
    path : Path
        The file, the folder of parts, or the folder of the extract where parts lie there.
    sources : tuple of Source
    """

    table: str
    path: Path
    sources: tuple[Source, ...]

    @property
    def name(self) -> str:
        """As messages call the table's files together."""
        if len(self.sources) == 1:
            return self.sources[0].name
        return f"{self.table} ({len(self.sources)} files)"


@dataclass(frozen=True)
class Tag:
    """What the name of a part says: `kind` of numbering, and its place in it."""

    kind: str
    key: tuple[int, ...]
    of: int = 0


def find_table(
    folder: Path, table: str, others: Iterable[str] = (), holds: Callable[[Source], bool] = lambda source: False
) -> TableFiles | None:
    """Return the files of a raw table; None if there are none.

    Parameters
    ----------
    folder : Path
        Of the extract.
    table : str
    others : iterable of str
        The other tables of the extract: a file of theirs is none of this one.
    holds : callable, optional
        Says whether a file that is named as neither the table nor a part of it (``av_tumour_old.csv``) holds this
        table's columns: which of the two is meant cannot be told then.

    Raises
    ------
    ExtractError
        If names have two meanings (several whole tables, a whole table beside parts, numbers that lack one), or
        an entry is no file.
    """
    whole, parts, doubtful = [], {}, []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        rest = _name_after(path, table)
        if rest is None:
            continue
        tag = read_tag(rest)
        if rest == "":
            whole.append(path)
        elif tag is not None:
            parts[path] = tag
        elif rest[0] in "_-. (" and not _is_of_another(path, table, others):
            doubtful.append(path)
            continue
        _check_file(path)
    found = [*whole, *parts]
    if not found:
        return None
    _check_meaning(table, whole, list(parts))
    _check_tags(table, parts, within_folder=False)
    _check_doubtful(table, found, doubtful, holds)
    ordered = whole or sorted(parts, key=lambda path: (parts[path].key, path.name))
    sources = tuple(source for path in ordered for source in _open_up(path, table))
    return TableFiles(table, ordered[0] if len(ordered) == 1 else folder, sources)


def check_extract_folder(folder: Path, tables: Iterable[str]) -> None:
    """Refuse a folder that is not there, or in which nothing is named as a table: another was meant.

    Raises
    ------
    ExtractError
        With what was looked for and what is there.
    """
    tables = list(tables)
    list_files(folder)
    there = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if not any(_name_after(path, table) is not None for path in there for table in tables):
        packed = [path for path in there if path.suffix.lower() in PACKED]
        unpack = f"unpack {'it' if packed == there else _list(packed)}; " if packed else ""
        raise ExtractError(
            f"{folder}: is no folder of an extract: nothing in it is named as a table; tables: {', '.join(tables)}. "
            f"Hint: it holds {_list(there) or 'nothing'}; {unpack}--data, or data_dir in the parameters, names the "
            "folder in which the files lie."
        )


def list_inputs(folder: Path, tables: Iterable[str]) -> list[Path]:
    """Return the files that are read of an extract, each once; a table whose files have two meanings has none yet.

    Reading refuses such a table, with all that is wrong beside it.
    """
    tables = list(tables)
    paths = []
    for table in tables:
        try:
            found = find_table(folder, table, tables)
        except (ExtractError, OSError):
            continue
        paths += [source.path for source in found.sources] if found else []
    return list(dict.fromkeys(paths))


def read_tag(rest: str) -> Tag | None:
    """Read what follows the name of a table in that of a file; None if it is not the mark of a part.

    Examples
    --------
    >>> read_tag("_201920"), read_tag("_part2").key, read_tag("_old")
    (Tag(kind='year', key=(2019,), of=0), (2,), None)
    """
    match = TAG.fullmatch(rest)
    if match is None:
        engine = ENGINE_TAG.fullmatch(rest)
        return Tag("engine", (int(engine["number"]),)) if engine and not COPY.search(rest) else None
    if match["year"] is None:
        return Tag("number", (int(match["alone"]),), int(match["of_all"] or 0))
    kind, key = _read_years(match["year"], match["second"])
    if kind == "":
        return None
    for name in ("quarter", "number"):
        if match[name]:
            kind, key = f"{kind} and {name}", (*key, int(match[name]))
    return Tag(kind, key, int(match["of"] or 0))


def _read_years(year: str, second: str | None) -> tuple[str, tuple[int, ...]]:
    """Tell a year or a financial year from a month and a day, which may as well be the date of a delivery."""
    first = int(year)
    if second is None or int(second) == (first + 1) % 10 ** len(second):
        return "year", (first,)
    if len(second) == 2 and 1 <= int(second) <= 12:
        return "month", (first, int(second))
    with suppress(ValueError):
        day = dt.date(first, int(second[:2]), int(second[2:] or 0))
        return "day", (day.year, day.month, day.day)
    return "", ()


def _name_after(path: Path, table: str) -> str | None:
    """Return what follows the table's name in that of a file or folder, in small letters; None if it is another's."""
    name = path.name.lower()
    if path.is_dir():
        stem = FOLDER_SUFFIX.sub("", name)
    elif READABLE.search(name):
        stem = READABLE.sub("", name)
    else:
        return None
    stem = stem.removeprefix("sim_") if not table.startswith("sim_") else stem
    return stem[len(table) :] if _spell(stem, table) == table else None


def _spell(stem: str, table: str) -> str:
    """Return the beginning of a file's name that may be a table's, with its blanks and hyphens as underscores."""
    return re.sub("[- ]", "_", stem[: len(table)])


def _is_of_another(path: Path, table: str, others: Iterable[str]) -> bool:
    name = path.name.lower().removeprefix("sim_")
    return any(len(other) > len(table) and _spell(name, other) == other for other in others)


def _check_file(path: Path) -> None:
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ExtractError(f"{show_file(path.name)}: is not a file but a pipe or a device; allowed: files.")


def _check_meaning(table: str, whole: list[Path], parts: list[Path]) -> None:
    if len(whole) > 1:
        raise ExtractError(
            f"{whole[0].name}: {len(whole)} files for table {table}: {_list(whole)}; allowed: one, or parts such as "
            f"{table}_2019.csv and {table}_2020.csv. Hint: keep the one that is meant."
        )
    if whole and parts:
        raise ExtractError(
            f"{whole[0].name}: the whole table {table} and parts of it: {_list([*whole, *parts])}; allowed: one or the "
            "other. Hint: are the parts in the whole already? Move out of the folder what is not to be read."
        )


def _check_tags(table: str, parts: dict[Path, Tag], *, within_folder: bool) -> None:
    """Check that parts are numbered in one way, each number once and none left out."""
    if len(parts) < 2 and not any(tag.of or "number" in tag.kind for tag in parts.values()):
        return
    names, hint = _list(parts), f"Hint: name all parts in one way ({table}_part1, {table}_part2 ...)"
    kinds = sorted({tag.kind for tag in parts.values()})
    if len(kinds) > 1:
        raise ExtractError(
            f"{table}: parts are named by {' and by '.join(kinds)}: {names}; whether they hold the same rows is not "
            f"known; allowed: one way for all. {hint}, or keep the ones that are meant."
        )
    if kinds[0] in ("month", "day") and not within_folder:
        raise ExtractError(
            f"{table}: {len(parts)} files named by {kinds[0]}: {names}; they may be parts of the table, or the whole "
            f"table delivered anew each time. Hint: put parts into a folder named {table}; of deliveries, keep one."
        )
    if kinds[0] == "engine":
        return
    keys = [tag.key for tag in parts.values()]
    twice = [path for path, tag in parts.items() if keys.count(tag.key) > 1]
    if twice:
        raise ExtractError(
            f"{table}: {_list(twice)} are the same part by their names; allowed: each part once. "
            "Hint: keep the one that is meant."
        )
    if kinds[0].endswith("number"):
        _check_gaps(table, parts, hint)
    _check_times(table, parts)


#: No records of an audit are older; such a number is a financial year of two and two digits
EARLIEST_YEAR = 1950
#: What the names of parts say of time -> how many of it are in a year
IN_A_YEAR = {"year": 1, "year and number": 1, "year and quarter": 4, "year and quarter and number": 4, "month": 12}


def _check_times(table: str, parts: dict[Path, Tag]) -> None:
    """Refuse files by year, quarter or month of which one in the middle is not there: nothing else shows a hole."""
    kind = next(iter(parts.values())).kind
    each = IN_A_YEAR.get(kind)
    if each is None:
        return
    years = {tag.key[0] for tag in parts.values()}
    if min(years) < EARLIEST_YEAR:  # two digits for each half of a financial year: 1819, 1920, 2021
        if each > 1:
            return
        places = {2000 + year // 100 for year in years}
    else:
        places = {tag.key[0] if each == 1 else tag.key[0] * each + tag.key[1] - 1 for tag in parts.values()}
    gone = [place for place in range(min(places), max(places)) if place not in places]
    if gone:
        said = [str(place) if each == 1 else f"{place // each} {'Q' * (each == 4)}{place % each + 1}" for place in gone]
        raise ExtractError(
            f"{table}: no file for {say_some(said)}, only {_list(parts)}; allowed: every "
            f"{({1: 'year', 4: 'quarter', 12: 'month'})[each]} from the first to the last. Hint: copy the file that is "
            "missing; if it has no records, put one with the header line only."
        )


def _check_gaps(table: str, parts: dict[Path, Tag], hint: str) -> None:
    groups: dict[tuple[int, ...], list[int]] = {}
    for tag in parts.values():
        groups.setdefault(tag.key[:-1], []).append(tag.key[-1])
    said = max(tag.of for tag in parts.values())
    for numbers in groups.values():
        first = min(min(numbers), 1)
        expected = range(first, max(max(numbers), first - 1 + said) + 1)
        gone = [number for number in expected if number not in numbers]
        if gone:
            lost = f"part {gone[0]} is" if len(gone) == 1 else f"parts {say_some([*map(str, gone)])} are"
            raise ExtractError(
                f"{table}: {lost} not there, only {_list(parts)}; allowed: all parts. {hint}, or copy what is missing."
            )


def _check_doubtful(table: str, found: list[Path], doubtful: list[Path], holds: Callable[[Source], bool]) -> None:
    same = []
    for path in doubtful:
        _check_file(path)
        if path.is_dir():
            # Whether they hold the table would have to be looked for inside
            another = any(READABLE.search(inside.name) for inside in path.iterdir())
        else:
            another = path.name.lower().endswith(".zip") or holds(Source(path, path.name))
        if another:
            same.append(path)
    if same:
        raise ExtractError(
            f"{show_file(same[0].name)}: is neither named as table {table} nor as a part of it, but "
            f"{_list([*found, *same])} are beside each other. Hint: move out of the folder what is not to be read, or, "
            f"if all are parts, put them into a folder named {table}."
        )


def _open_up(path: Path, table: str) -> Iterator[Source]:
    """Go through the parts in a folder or a zip file; a file is its only one."""
    if path.is_dir():
        yield from _list_folder(path, table)
    elif path.name.lower().endswith(".zip"):
        yield from _list_zip(path, table)
    else:
        yield Source(path, show_file(path.name))


def _list_folder(folder: Path, table: str) -> Iterator[Source]:
    if (folder / "_temporary").exists():
        raise ExtractError(
            f"{folder.name}: holds _temporary: the program that wrote the parts has not finished. Hint: write it again."
        )
    files = list(_list_parts(folder, folder))
    if not files:
        raise ExtractError(
            f"{folder.name}: is a folder without a part of table {table}; allowed: Parquet or delimited text in it. "
            "Hint: name the folder that holds the files of the extract, or copy the parts."
        )
    _check_parts(folder.name, table, files)
    yield from (Source(path, show_file(f"{folder.name}/{path.relative_to(folder).as_posix()}")) for path in files)


def _list_parts(folder: Path, within: Path) -> Iterator[Path]:
    """Go through the files of a folder, and of those inside it that are named by a time."""
    for path in sorted(within.iterdir(), key=lambda path: path.name):
        if NOT_A_PART.fullmatch(path.name):
            continue
        _check_file(path)
        if path.is_dir() and within == folder and TIME_FOLDER.fullmatch(path.name):
            yield from _list_parts(folder, path)
            continue
        if path.is_dir() or not READABLE.search(path.name) or path.name.lower().endswith(".zip"):
            raise ExtractError(
                f"{folder.name}: is a folder that holds {show_file(path.name)}, which is no part of the table; "
                "allowed: Parquet or delimited text, side by side or in folders by year (2019, YEAR=2019). Hint: move "
                "it out; put files of further folders beside the others."
            )
        yield path


def _list_zip(path: Path, table: str) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile:
        raise ExtractError(f"{path.name}: {DAMAGED_ZIP}.") from None
    if any(".." in info.filename.split("/") for info in members):
        raise ExtractError(
            f"{path.name}: the zip file names a file outside itself (../); allowed: names inside it. "
            "Hint: pack it again."
        )
    members = [info for info in members if not any(NOT_A_PART.fullmatch(piece) for piece in info.filename.split("/"))]
    names = [Path(info.filename) for info in members]
    if any(info.flag_bits & 1 for info in members):
        raise ExtractError(
            f"{path.name}: the zip file is encrypted; allowed: one without a password. Hint: unpack it and put "
            f"its file into the folder as {table}.csv."
        )
    other = [name for name in names if not TEXT_FILE.search(name.name)]
    by_time = len(names) > 1 and _tag_folders(names) is not None
    marked = [name for name in names if len(names) > 1 and not by_time and _inner_tag(name, table) is None]
    if not names or other or marked:
        shown = _list(other or marked) or "nothing"
        raise ExtractError(
            f"{path.name}: the zip file holds {shown}, which is no part of table {table}; allowed: one text file, or "
            f"parts such as {table}_2019.csv and {table}_2020.csv. Hint: unpack it, and leave only files of the table."
        )
    _check_parts(path.name, table, names)
    for info in sorted(members, key=lambda info: info.filename):
        name = f"{path.name}/{info.filename}" if len(members) > 1 else path.name
        yield Source(path, show_file(name), info.filename)


def _check_parts(name: str, table: str, files: list[Path]) -> None:
    """Check the parts inside a folder or zip file, which may lie in folders by time."""
    folders = _tag_folders(files)
    if folders is None:
        _check_parts_inside(name, table, files)
        return
    _check_tags(table, folders, within_folder=True)
    for folder in folders:
        _check_parts_inside(f"{name}/{folder.name}", table, [file for file in files if file.parent == folder])


def _tag_folders(files: list[Path]) -> dict[Path, Tag] | None:
    """Return the time that the folder of each file is named by; None where one is not."""
    tags = {}
    for folder in dict.fromkeys(file.parent for file in files):
        named = TIME_FOLDER.fullmatch(folder.name)
        tag = read_tag(named["tag"]) if named else None
        if tag is None:
            return None
        tags[folder] = tag
    return tags


def _inner_tag(path: Path, table: str) -> Tag | str | None:
    """Return the tag of a part inside a folder or zip file; ``whole`` where it is named as the table itself."""
    stem = READABLE.sub("", path.name.lower()).removeprefix("sim_").removeprefix(table)
    return "whole" if stem == "" else read_tag(stem)


def _check_parts_inside(name: str, table: str, files: list[Path]) -> None:
    """Check the names of parts inside a folder or zip file: there everything is meant to be a part."""
    if len(files) == 1:
        return
    doubtful = [file for file in files if _inner_tag(file, table) == "whole" or COPY.search(file.name)]
    if doubtful:
        raise ExtractError(
            f"{name}: holds {_list(doubtful)} beside other parts of table {table}; allowed: parts only, each once. "
            "Hint: move out what is not to be read."
        )
    stems = [READABLE.sub("", file.name.lower()) for file in files]
    twice = [file for file, stem in zip(files, stems, strict=True) if stems.count(stem) > 1]
    if twice:
        raise ExtractError(
            f"{name}: {_list(twice)} are the same part by their names; allowed: each part once. "
            "Hint: keep the one that is meant."
        )
    tags = {file: _inner_tag(file, table) for file in files}
    if all(isinstance(tag, Tag) for tag in tags.values()):
        _check_tags(table, {file: tag for file, tag in tags.items() if isinstance(tag, Tag)}, within_folder=True)


def _list(paths: Iterable[Path]) -> str:
    return say_some([show_file(path.name) for path in paths], SHOWN_FILES)


def explain_missing(folder: Path, table: str, *, with_listing: bool) -> str:
    """Return the message about a missing file: what was looked for and, on request, what is there."""
    there = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    stems = [name.split(".")[0].lower() for name in there]
    rests = {name: _name_after(folder / name, table) for name in there}
    unmarked = [Path(name) for name, rest in rests.items() if rest and rest[0] in "_-. (" and read_tag(rest) is None]
    near = "" if unmarked else suggest(table, [stem for stem in stems if stem != table])
    unread = [name for name in there if name.lower().split(".")[0].removeprefix("sim_") == table]
    shown = ", ".join(map(show_file, there[:15])) + (f" and {len(there) - 15} more" if len(there) > 15 else "")
    names = f"{table}.parquet, {table}.csv or {table}.txt (or .tsv, .dat, .gz, .zip), parts such as {table}_2019.csv"
    hints = [f"{show_file(unread[0])} is of a kind that is not read; save it as one of these."] if unread else []
    if unmarked:
        hints.append(f"what follows the table's name in {_list(unmarked)} is neither a year nor a number of a part.")
    hints += [f"the folder holds {shown or 'nothing'}."] if with_listing else []
    hint = f" Hint: {' '.join([hints[0], *(each[0].upper() + each[1:] for each in hints[1:])])}" if hints else ""
    return f"no file for table {table}{near}; allowed: {names}, or a folder of parts; sim_ before it is optional.{hint}"
