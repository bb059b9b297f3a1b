"""Reading delimited text into Parquet: what separates its values, how it is encoded and where its lines end.

Everything is told by the header and by bytes that have one meaning; nothing is guessed from values. Values stay
text. A file is looked at once, byte by byte in blocks; it is copied only where DuckDB cannot read it as it is.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import duckdb
from duckdb import DuckDBPyConnection

from naome.core.errors import ExtractError
from naome.extract.column_names import name_expected
from naome.extract.folder import Source
from naome.extract.problems import DAMAGED_GZIP, DAMAGED_ZIP
from naome.extract.sql import quote_name, quote_path, quote_text

MAX_LINE_BYTES = 2_000_000
READ_BLOCK = 1 << 20
#: What may stand between values, as messages call it
DELIMITERS = {",": "commas", "|": "vertical bars", ";": "semicolons", "\t": "tabs"}
#: Names of columns that a view adds or that DuckDB gives to rows of Parquet; a column of such a name is not read
RESERVED = frozenset({"ROW_", "FILE_ROW_NUMBER", "FILE_INDEX", "FILENAME"})
#: UTF-8 sequences that nobody writes on purpose in a single-byte encoding (an accented capital A before a sign, or
#: what typographic quotation marks become)
UTF8_PAIR = re.compile(rb"[\xc2\xc3][\x80-\xbf]|\xe2[\x80-\x82][\x80-\xbf]")
#: Bytes that are letters and signs in Windows-1252 and nothing in latin-1, and those that are nothing in either
WINDOWS_ONLY = re.compile(rb"[\x80-\x9f]")
UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
UTF32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
LINE_END = re.compile("\r\n|\n|\r")
#: A line by which Excel is told the delimiter; it stands before the header
EXCEL_LINE = re.compile('(\r\n|\n|\r)*"?sep=."?(\r\n|\n|\r)', re.IGNORECASE)
#: First bytes of files that are no text -> what they are, and what to do
OTHER_KINDS = {
    b"PK\x03\x04": ("a spreadsheet or a zip file", "save the sheet as comma-separated text, or name the file .zip"),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet", "save the sheet as comma-separated text"),
    b"\x1f\x8b": ("packed by gzip", "let its name end in .gz"),
    b"PAR1": ("Parquet", "let its name end in .parquet"),
}
#: What is said of a file without a byte
EMPTY_FILE = "the file is empty (0 bytes); allowed: a header line and records. Hint: was the copy cut off?"
#: Lines in which a header is looked for that is not the first: titles, a date and blank lines are above it
TITLE_LINES = 30
#: A way on for whoever has a file that is not understood
EXPORT = "export it again as comma-separated text in UTF-8, with one header line"


@dataclass(frozen=True)
class Header:
    """The header line of a file: what separates the names, the names as they stand there, lines before them."""

    delimiter: str
    names: tuple[str, ...]
    lines_before: int = 0


@dataclass
class Look:
    """What the bytes of a file are.

    Attributes
    ----------
    encoding : str
        ``utf-8``, ``utf-8 with byte-order mark``, ``latin-1`` or ``windows-1252``.
    line_ends : set of str
        Those that occur, of carriage return and line feed together, line feed, and carriage return.
    delimiters : int
        Delimiters in the whole file, quoted ones among them.
    ends_with_delimiter : bool
        Whether a line may end with a delimiter, or with one and an empty pair of quotation marks.
    """

    encoding: str = "utf-8"
    line_ends: set[str] = field(default_factory=set)
    delimiters: int = 0
    ends_with_delimiter: bool = False

    @property
    def line_ends_differ(self) -> bool:
        """Whether lines end in several ways, or as on old Macs, which is made one way before DuckDB reads."""
        return len(self.line_ends) > 1 or self.line_ends == {"\r"}


def pack_text(
    connection: DuckDBPyConnection,
    source: Source,
    target: Path,
    expected: frozenset[str],
    check: Callable[[list[str]], None],
) -> tuple[list[str], str]:
    """Read delimited text into a Parquet file, every column as text.

    Parameters
    ----------
    source : Source
    target : Path
        The Parquet file; copies of the text are made beside it and removed.
    expected : frozenset of str
        Column names in capitals, by which the header tells the delimiter.
    check : callable
        Receives the names in the header before any row is read, and refuses those of another file.

    Returns
    -------
    names : list of str
        Of the columns read: those that have a name.
    encoding : str

    Raises
    ------
    ExtractError
        If the text is not understood, naming what it is and how to export it.
    """
    copies = [target.with_suffix(f".{number}.txt") for number in range(3)]
    try:
        text, packed, utf16 = source.path, source.packed, False
        if source.member:
            text = _unpack(source, copies[0])
        if is_utf16(source, text, packed):
            text, packed, utf16 = _decode_utf16(source, text, packed, copies[1]), False, True
        header = read_header(source, text, packed, expected)
        look = _look_at_bytes(source, text, packed, header.delimiter)
        header = _decode_header(header, look.encoding, expected)
        _check_above_header(source, text, packed, header, expected)
        check(list(header.names))
        # DuckDB reads no row where a byte-order mark stands before a quoted line that is passed over
        marked_before = look.encoding.endswith("mark") and header.lines_before > 0
        if look.encoding == "windows-1252" or look.line_ends_differ or marked_before:
            text, packed = _copy_as_utf8(source, text, packed, look, copies[2]), False
        try:
            _write_parquet(connection, text, packed, target, header, look.encoding)
        except duckdb.Error:
            _check_delimiter_of_values(source, text, packed, header)
            raise
        _check_extra_fields(connection, source, text, packed, target, header, look)
    finally:
        for copy in copies:
            copy.unlink(missing_ok=True)
    return [name for name in header.names if is_readable(name)], "utf-16" if utf16 else look.encoding


def is_readable(name: str) -> bool:
    """Return whether a column of this name can be read: it has one, which no view needs for itself."""
    return bool(name.strip()) and name.strip().upper() not in RESERVED


def read_header(source: Source, path: Path, packed: bool, expected: frozenset[str]) -> Header:
    """Read the header line: the delimiter is the one under which the columns of the table stand in it.

    Names beyond ASCII are not decoded yet.

    Raises
    ------
    ExtractError
        If no delimiter or more than one gives columns of the table.
    """
    whole = _read_start(source, path, packed)
    first = _skip_to_header(whole)
    read = {sign: _split_header(first, sign) for sign in DELIMITERS}
    fits = {sign: names for sign, names in read.items() if expected & {*name_expected(names, expected)}}
    mixed = [
        other
        for names in fits.values()
        for other in DELIMITERS
        if other not in fits and any(_hides_column(name, other, expected) for name in names)
    ]
    if len(fits) + len(mixed) > 1:
        signs = " and ".join(DELIMITERS[sign] for sign in dict.fromkeys([*fits, *mixed]))
        raise ExtractError(
            f"{source.name}: {signs} both separate column names in the header; allowed: one of them. Hint: {EXPORT}."
        )
    sign = next(iter(fits), ",")
    return Header(sign, tuple(read[sign]), len(LINE_END.findall(whole[: len(whole) - len(first)])))


def _check_above_header(source: Source, path: Path, packed: bool, header: Header, expected: frozenset[str]) -> None:
    """Refuse a text whose header is below other lines, such as a title; one line with several known names is it."""
    if expected & {*header.names}:
        return
    lines = io.StringIO(_read_start(source, path, packed), newline=None).read().split("\n")[:TITLE_LINES]
    for number, line in enumerate(lines, start=1):
        for sign in DELIMITERS:
            names = expected & {*name_expected(_split_header(line, sign), expected)}
            if len(names) > 1:
                raise ExtractError(
                    f"{source.name}: the names of the columns are in line {number}, below other lines; allowed: the "
                    "header in the first line. Hint: delete the lines above it: are they a title, or a note of the "
                    "program that wrote the file?"
                )


def _read_start(source: Source, path: Path, packed: bool) -> str:
    return next(_blocks(source, path, packed), b"").removeprefix(codecs.BOM_UTF8).decode("latin-1")


def _skip_to_header(text: str) -> str:
    """Return the text from its header on: without blank lines, and without the line by which Excel is told a delimiter.

    Examples
    --------
    >>> _skip_to_header("sep=;\\nA;B\\n1;2")
    'A;B\\n1;2'
    """
    told = EXCEL_LINE.match(text)
    return (text[told.end() :] if told else text).lstrip("\r\n")


def _split_header(text: str, delimiter: str) -> list[str]:
    """Return the names in the first line of a text; those in quotation marks may hold anything."""
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _hides_column(name: str, delimiter: str, expected: frozenset[str]) -> bool:
    pieces = {*name_expected(name.split(delimiter), expected)}
    return name_expected([name], expected)[0] not in expected and bool(pieces & expected)


def _decode_header(header: Header, encoding: str, expected: frozenset[str]) -> Header:
    names = [name.encode("latin-1").decode(_codec(encoding), errors="replace") for name in header.names]
    return replace(header, names=tuple(name_expected(names, expected)))


def _codec(encoding: str) -> str:
    return {"windows-1252": "cp1252"}.get(encoding, encoding.split()[0])


@contextmanager
def _opened(source: Source, path: Path, packed: bool) -> Iterator[BinaryIO]:
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as handle:
            yield handle
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ExtractError(f"{source.name}: {DAMAGED_GZIP}.") from None


def _blocks(source: Source, path: Path, packed: bool) -> Iterator[bytes]:
    """Go through a file in blocks; none ends between CR and LF."""
    with _opened(source, path, packed) as handle:
        while block := handle.read(READ_BLOCK):
            while block.endswith(b"\r") and (more := handle.read(1)):
                block += more
            yield block


def is_utf16(source: Source, path: Path, packed: bool) -> bool:
    """Return whether a text begins with the mark of UTF-16; an empty one, UTF-32 and what is no text are refused."""
    with _opened(source, path, packed) as handle:
        first = handle.read(4)
    if first.startswith(UTF32_MARKS):
        raise ExtractError(f"{source.name}: is UTF-32; allowed: UTF-8. Hint: {EXPORT}.")
    if not first:
        raise ExtractError(f"{source.name}: {EMPTY_FILE}")
    for mark, (kind, hint) in OTHER_KINDS.items():
        if first.startswith(mark):
            raise ExtractError(f"{source.name}: is {kind}; allowed: delimited text. Hint: {hint}.")
    return first.startswith(UTF16_MARKS)


def _unpack(source: Source, target: Path) -> Path:
    """Write a member of a zip file to a file of its own."""
    try:
        with zipfile.ZipFile(source.path) as archive, archive.open(source.member) as member, target.open("wb") as copy:
            while block := member.read(READ_BLOCK):
                copy.write(block)
    except (zipfile.BadZipFile, EOFError, zlib.error):
        raise ExtractError(f"{source.name}: {DAMAGED_ZIP}.") from None
    except (NotImplementedError, RuntimeError):
        raise ExtractError(
            f"{source.name}: the zip file is packed in a way that is not understood; allowed: the usual one (deflate). "
            "Hint: unpack it and put its text files into the folder."
        ) from None
    return target


def _decode_utf16(source: Source, path: Path, packed: bool, target: Path) -> Path:
    """Write UTF-16 as UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        with target.open("wb") as copy:
            for block in itertools.chain(_blocks(source, path, packed), [b""]):
                copy.write(decoder.decode(block, final=not block).encode("utf-8"))
    except UnicodeError:
        raise ExtractError(
            f"{source.name}: begins as UTF-16 and is not UTF-16 to its end; allowed: one encoding. Hint: is it cut "
            f"off, so that it must be copied again? Else {EXPORT}."
        ) from None
    return target


def _look_at_bytes(source: Source, path: Path, packed: bool, delimiter: str) -> Look:
    """Look at every byte once: encoding, line ends, NUL bytes, endless lines, delimiters."""
    look, seen = Look(), _Encoding(source.name)
    sign = delimiter.encode()
    ends = tuple(sign + rest for rest in (b"\n", b"\r", b'""\n', b'""\r'))
    open_ends = (sign, sign + b'"', sign + b'""')
    offset, line_start, lines = 0, 0, 1
    for block in _blocks(source, path, packed):
        if b"\x00" in block:
            raise ExtractError(
                f"{source.name}: holds a NUL byte; allowed: text. Hint: is it another kind of file, or UTF-16 without "
                f"a byte-order mark? {EXPORT[0].upper()}{EXPORT[1:]}."
            )
        line_start = _check_lines(source, block, offset, line_start)
        both, feeds, returns = block.count(b"\r\n"), block.count(b"\n"), block.count(b"\r")
        found = (("\r\n", both), ("\n", feeds - both), ("\r", returns - both))
        look.line_ends |= {end for end, count in found if count}
        look.delimiters += block.count(sign)
        if not look.ends_with_delimiter:
            look.ends_with_delimiter = any(end in block for end in ends) or block.endswith(open_ends)
        seen.look_at(block, lines)
        lines += feeds + returns - both
        offset += len(block)
    look.encoding = seen.name_encoding()
    return look


class _Encoding:
    """Tells the encoding of a file from its blocks; blocks of ASCII only are passed over."""

    def __init__(self, name: str) -> None:
        self.name, self.marked, self.started = name, False, False
        self.decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        self.found: dict[re.Pattern[bytes], bytes] = {}
        self.undefined_line = 0

    def look_at(self, block: bytes, line: int) -> None:
        if not self.started:
            self.started, self.marked = True, block.startswith(codecs.BOM_UTF8)
            block = block.removeprefix(codecs.BOM_UTF8)
        if block.isascii():
            self._decode(block[:1])
            return
        for pattern in (UTF8_PAIR, WINDOWS_ONLY, UNDEFINED):
            if pattern not in self.found and (match := pattern.search(block)):
                self.found[pattern] = match[0]
                if pattern is UNDEFINED:
                    before = block[: match.start()]
                    self.undefined_line = line + len(re.findall(rb"\r\n|\n|\r", before))
        self._decode(block)

    def _decode(self, block: bytes, *, final: bool = False) -> None:
        if self.decoder is not None:
            try:
                self.decoder.decode(block, final)
            except UnicodeDecodeError:
                self.decoder = None

    def name_encoding(self) -> str:
        self._decode(b"", final=True)
        if self.decoder is not None:
            return "utf-8 with byte-order mark" if self.marked else "utf-8"
        if self.marked or UTF8_PAIR in self.found:
            raise ExtractError(
                f"{self.name}: mixes UTF-8 and latin-1 or Windows-1252; allowed: one of them. "
                f"Hint: were two files pasted together? {EXPORT[0].upper()}{EXPORT[1:]}."
            )
        if UNDEFINED in self.found:
            raise ExtractError(
                f"{self.name}: holds byte 0x{self.found[UNDEFINED].hex()} in line {self.undefined_line:,}, which is "
                f"neither UTF-8 nor Windows-1252; allowed: UTF-8. Hint: {EXPORT}."
            )
        return "windows-1252" if WINDOWS_ONLY in self.found else "latin-1"


def _check_lines(source: Source, block: bytes, offset: int, line_start: int) -> int:
    """Refuse a line longer than any record can be; return where the last line of the block starts."""
    start = max(line_start - offset, 0)
    while True:
        # Jumping to the last newline that is still in reach costs one step per block, not one per line.
        end = line_start + MAX_LINE_BYTES - offset
        newline = max(block.rfind(b"\n", start, end), block.rfind(b"\r", start, end))
        if newline < 0:
            if len(block) >= end:
                raise ExtractError(f"{source.name}: {say_too_long('a line')}")
            return line_start
        start = newline + 1
        line_start = offset + start


def say_too_long(what: str) -> str:
    """Return what is said of a line, or a record, that no table has."""
    return (
        f"{what} is longer than {MAX_LINE_BYTES:,} bytes; allowed: shorter ones. Hint: is a quotation mark not closed, "
        "or is this another kind of file?"
    )


def _copy_as_utf8(source: Source, path: Path, packed: bool, look: Look, target: Path) -> Path:
    """Write a text as UTF-8 with one kind of line end; line ends inside quotation marks stay as they are.

    Quotation marks come in pairs around values and inside them, so every other piece between them is outside.
    """
    codec, outside = _codec(look.encoding), True
    with target.open("wb") as copy:
        for number, block in enumerate(_blocks(source, path, packed)):
            text = block.removeprefix(codecs.BOM_UTF8) if number == 0 else block
            if look.line_ends_differ:
                pieces = text.split(b'"')
                for place, piece in enumerate(pieces):
                    if outside == (place % 2 == 0) and b"\r" in piece:
                        pieces[place] = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                outside = outside == (len(pieces) % 2 == 1)
                text = b'"'.join(pieces)
            # Single bytes are decoded here; UTF-8 may be cut in two between blocks and needs nothing
            copy.write(text.decode(codec).encode("utf-8") if codec == "cp1252" else text)
    return target


def _write_parquet(
    connection: DuckDBPyConnection, path: Path, packed: bool, target: Path, header: Header, encoding: str
) -> None:
    columns = [f"c{number}" for number in range(len(header.names))]
    named = ", ".join(
        f"{column} AS {quote_name(name)}"
        for column, name in zip(columns, header.names, strict=True)
        if is_readable(name)
    )
    read = _read_csv(path, packed, header, encoding, columns)
    # Spreadsheets write lines of delimiters below a table: like blank lines, they are no records
    held = f" WHERE coalesce({', '.join(columns)}) IS NOT NULL" if len(columns) > 1 else ""
    connection.execute(
        f"COPY (SELECT {named} FROM {read}{held}) TO {quote_text(target)} "
        "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )


def _read_csv(
    path: Path, packed: bool, header: Header, encoding: str, columns: list[str], *, padded: bool = False
) -> str:
    """Return the table function that reads a text; `padded` keeps empty fields apart from those that are not there."""
    types = ", ".join(f"{quote_text(name)}: 'VARCHAR'" for name in columns)
    charset = "latin-1" if encoding == "latin-1" else "utf-8"
    # DuckDB pads records whose values hold line ends only where it reads a file from one end to the other
    empty, padding = ("'\x01'", "true, parallel = false") if padded else ("''", "false")
    return (
        f"read_csv({quote_path(path)}, columns = {{{types}}}, auto_detect = false, header = true, "
        f"skip = {header.lines_before}, sep = {quote_text(header.delimiter)}, quote = '\"', escape = '\"', "
        f"nullstr = {empty}, encoding = '{charset}', compression = '{'gzip' if packed else 'none'}', "
        f"strict_mode = true, null_padding = {padding}, ignore_errors = false, max_line_size = {MAX_LINE_BYTES})"
    )


def _check_delimiter_of_values(source: Source, path: Path, packed: bool, header: Header) -> None:
    """Refuse a text whose first record has as many fields as the header by another delimiter than the header's."""
    first = _skip_to_header(_read_start(source, path, packed))
    for sign in DELIMITERS:
        if sign != header.delimiter:
            # The header need not be understood by this delimiter, only where it ends
            record = _split_header(LINE_END.sub("\n", first).partition("\n")[2], sign)
            if len(record) == len(header.names):
                raise ExtractError(
                    f"{source.name}: {DELIMITERS[header.delimiter]} separate the names in the header and "
                    f"{DELIMITERS[sign]} the values; allowed: one of them. Hint: {EXPORT}."
                )


def _check_extra_fields(
    connection: DuckDBPyConnection, source: Source, path: Path, packed: bool, target: Path, header: Header, look: Look
) -> None:
    """Refuse a record with more fields than the header; DuckDB drops those that are empty.

    No record has fewer delimiters than the header, so where there are no more of them in all, none has more. Where
    there are, some may stand in quotation marks: then the fields after the last column are looked for.
    """
    rows = connection.execute(f"SELECT count(*) FROM read_parquet({quote_path(target)})").fetchone()[0]
    if not look.ends_with_delimiter or look.delimiters <= (rows + 1) * (len(header.names) - 1):
        return
    columns = [f"c{number}" for number in range(len(header.names) + 1)]
    read = _read_csv(path, packed, header, look.encoding, columns, padded=True)
    extra = connection.execute(f"SELECT count(*) FROM {read} WHERE {columns[-1]} IS NOT NULL").fetchone()[0]
    if extra:
        row = _find_long_record(source, path, packed, header)
        raise ExtractError(
            f"{source.name}: row {row:,}: one field more than the {len(header.names)} of the header ({extra:,} "
            f"{'row' if extra == 1 else 'rows'}); allowed: as many. Hint: is a value that holds one of the "
            f"{DELIMITERS[header.delimiter]} not in quotation marks, or a delimiter written after the last value?"
        )


def _find_long_record(source: Source, path: Path, packed: bool, header: Header) -> int:
    """Return the number of the first record with too many fields; that of the header is 1."""
    with _opened(source, path, packed) as handle, io.TextIOWrapper(handle, "latin-1", newline="") as text:
        reader = csv.reader(text, delimiter=header.delimiter)
        for number, record in enumerate((each for each in reader if each), start=1):
            if len(record) > len(header.names):
                return number
    return 0
