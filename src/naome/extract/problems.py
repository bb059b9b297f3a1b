"""Collecting what is wrong with an extract, without ever repeating an identifier."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from naome.core.errors import ExtractError

SHOWN_PROBLEMS, KEPT_PROBLEMS = 20, 1000
SHOWN_SHAPES = 5  # of values that are refused for one reason, so that one bad column does not hide the others
LONGEST_SHAPE = 40
#: Fewer things are not counted in a warning, which is on a page
FEW_SHOWN = 20
#: A shape in a message, and what is said once where there is one
SHAPE = re.compile(r"'(?=[^']*[9Aa])(?:[9Aa]|[^\w'])+'")
LEGEND = "In a shape, 9 stands for any digit, and A or a for any letter."
#: What to do about a file that was cut off on its way
COPY_AGAIN = "Hint: copy the file again, and compare its size or checksum with those of the original"
#: How a reason ends that copying the file again may remove
CUT_OFF = "cut off; allowed: a whole file"
DAMAGED_GZIP = f"not readable: the gzip file is damaged or {CUT_OFF}. {COPY_AGAIN}"
DAMAGED_ZIP = f"not readable: the zip file is damaged or {CUT_OFF}. {COPY_AGAIN}"


class Problems:
    """All problems of an extract: some of each file are shown, all are counted.

    Examples
    --------
    >>> problems = Problems(Path("extract"))
    >>> problems.add("av_tumour.csv: column AGE is missing.")
    >>> problems.count
    1
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.causes: list[str] = []
        self.others: list[str] = []
        self.count = 0
        self._alike: dict[str, tuple[str, list[str]]] = {}

    @property
    def messages(self) -> list[str]:
        """What is kept of the problems, causes of others first."""
        return [*self.causes, *self.others][:KEPT_PROBLEMS]

    def add(self, message: str, *, cause: bool = False) -> None:
        """Note a problem, once; before the others where it may be the cause of them."""
        if message in self.causes or message in self.others:
            return
        self.count += 1
        if self.count <= KEPT_PROBLEMS:
            (self.causes if cause else self.others).append(message)

    def add_alike(self, cause: str, table: str, message: str) -> None:
        """Note a problem that several tables have for one cause: the first in full, with the names of the others."""
        if cause not in self._alike:
            self._alike[cause] = (message, [])
            self.add(message)
            return
        first, others = self._alike[cause]
        said = _name_others(first, others)
        others.append(table)
        self.others = [_name_others(first, others) if each == said else each for each in self.others]

    def include(self, other: Problems) -> None:
        """Note the problems that work on a part of the extract found."""
        self.count += other.count
        self.causes += other.causes
        self.others += other.others

    def raise_if_any(self) -> None:
        """Raise ExtractError with what has been noted so far, if anything has; some of each file's where it is much."""
        if not self.count:
            return
        messages = self._choose()
        shown = "\n".join(f"  - {message}" for message in messages)
        rest = self.count - len(messages)
        more = f"\n  ... and {rest:,} more" if rest > 0 else ""
        more += f"\n  {LEGEND}" if SHAPE.search(shown) else ""
        word = "problem" if self.count == 1 else "problems"
        raise ExtractError(f"{self.folder}: {self.count:,} {word}; nothing was written\n{shown}{more}")

    def _choose(self) -> list[str]:
        """Return the messages that are shown, in their order: every file's first, then every file's second, ..."""
        seen: Counter[str] = Counter()
        ranked = []
        for place, message in enumerate(messages := self.messages):
            file = message.partition(":")[0]
            ranked.append((seen[file], place))
            seen[file] += 1
        return [messages[place] for place in sorted(place for _, place in sorted(ranked)[:SHOWN_PROBLEMS])]


def _name_others(message: str, tables: list[str]) -> str:
    return f"{message} The same is so of the tables {', '.join(tables)}." if tables else message


def say_rows(count: int) -> str:
    """Return a number of rows in words.

    Examples
    --------
    >>> say_rows(1), say_rows(1200)
    ('1 row', '1,200 rows')
    """
    return f"{count:,} row{'' if count == 1 else 's'}"


def say_part(n: int, of: int, form: str = ".1%") -> str:
    """Return a share for a warning, which is on a page: few are not counted there.

    Examples
    --------
    >>> say_part(30, 400), say_part(3, 400), say_part(0, 400)
    ('7.5%', 'a few', 'none')
    """
    return f"{n / of:{form}}" if n >= FEW_SHOWN else "a few" if n else "none"


def show_shape(value: object) -> str:
    """Return the shape of an offending value in quotation marks; the value itself is never shown.

    A column shifted by one puts a name, a postcode or an identifier where a code is
    expected.

    Examples
    --------
    >>> show_shape("28-Feb-19")
    "'99-Aaa-99'"
    """
    return f"'{find_shape(value)}'"


def find_shape(value: object) -> str:
    """Return the shape of a value: 9 for a digit, A or a for a letter.

    Examples
    --------
    >>> find_shape("Müller, 9"), find_shape("a.person@nhs.net")
    ('Aaaaaa, 9', 'a.aaaaaa@aaa.aaa')
    """
    text = str(value)
    return "".join(map(_show_character, text[:LONGEST_SHAPE])) + ("…" if len(text) > LONGEST_SHAPE else "")


#: A postcode, whatever stands between its halves
POSTCODE = re.compile(r"(?<![A-Z])[A-Z]{1,2}\d[A-Z\d]?[^A-Z\d]*\d[A-Z]{2}(?![A-Z])", re.IGNORECASE)


#: The letters with which postcodes begin; ZZ is the NHS's for no address
POSTCODE_AREAS = (
    "AB|AL|BA|BB|BD|BF|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|EC|EH|EN|EX|FK|FY|GL"
    "|GU|GY|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU|ME|MK|ML|NE|NG|NN|NP|NR|NW|OL|OX"
    "|PA|PE|PH|PL|PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|WA|WC|WD|WF|WN"
    "|WR|WS|WV|YO|ZE|ZZ|[BEGLMNSW]"
)
#: What may be a postcode, its district or its sector, written without a blank: SW1A1AA, LS14AP, SW1A1, LS14
PART_OF_POSTCODE = re.compile(rf"({POSTCODE_AREAS})\d[A-Z\d]?(\d[A-Z]{{0,2}})?", re.IGNORECASE)


def _show_character(character: str) -> str:
    if character.isalpha():
        return "a" if character.islower() else "A"
    if character.isnumeric():
        return "9"
    return character if character.isprintable() and character.isascii() else "\N{REPLACEMENT CHARACTER}"
