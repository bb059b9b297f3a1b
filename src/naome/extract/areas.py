"""Regions and cancer alliances of organisations: their codes are the units of results, their names are for readers.

A name is written in many ways and a code in one, so other tables are joined by codes. A list of organisations may have
both, or only one of them: a region without a code is known by its name, and one without a name is called by its code.
A code and a name belong together in all rows.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from naome.core.definitions import Definitions
from naome.extract.clean import Cleaner, Refused
from naome.extract.files import RawFile
from naome.extract.problems import Problems, say_rows
from naome.extract.provider_codes import DEFAULT_CODES, clean_by
from naome.extract.quality import Log, log_rows

#: Columns of the code and the name, in the order in which they are looked at
AREA_COLUMNS = (("REGION_CODE", "REGION_NAME"), ("ALLIANCE_CODE", "ALLIANCE_NAME"))
AREA_RULES = {
    "name_spelling": "Names that differ in capitals and blanks only are one name.",
    "name_of_code": "Names of one region or alliance, by its code, are read as the most frequent of them.",
    "area_filled": "The blank code of a region or alliance, or its blank name, is read from rows of the same one.",
    "name_as_code": "A region or alliance that has no code is known by its name.",
    "code_as_name": "A region or alliance that has no name is called by its code.",
}
ALLOWED = "up to nine letters and digits, a default code, or nothing"
#: What the code of a region may look like: E40000003, Y56, A
CODE = re.compile(r"[A-Z0-9]{1,9}")

#: Code and name of an organisation's region or alliance, as one row has them
Pair = tuple[str | None, str | None]


@dataclass(frozen=True)
class AreaColumn:
    """A column with codes of regions or alliances; it becomes a cleaner when definitions are there."""

    def bind(self, definitions: Definitions) -> Cleaner:
        """Return the cleaner that knows the default codes.

        Examples
        --------
        >>> from naome.core.definitions import project_definitions
        >>> cleaner = AREA.bind(project_definitions())
        >>> cleaner.clean("e40000003"), cleaner.clean("UNKNOWN")
        (('E40000003', ('lower_case',)), (None, ('organisation_default',)))
        """
        read = clean_by(frozenset(definitions.coding(DEFAULT_CODES).values)).clean

        def clean(value: object) -> tuple[object, tuple[str, ...]]:
            code, rules = read(value)
            if code is not None and not CODE.fullmatch(str(code)):
                raise Refused(ALLOWED, "is this the name, or is the row cut or shifted?")
            return code, rules

        return Cleaner("VARCHAR", clean, ALLOWED)


AREA = AreaColumn()


def fold_name(name: str) -> str:
    """Return a name without its differences in capitals and blanks.

    Examples
    --------
    >>> fold_name("NORTH  West") == fold_name("North West")
    True
    """
    return re.sub(r"\s+", " ", name).lower()


def unite_areas(pairs: Sequence[Pair]) -> list[Pair]:
    """Give every organisation the one code and the one name of its region.

    Parameters
    ----------
    pairs : sequence of (str or None, str or None)
        Code and name, one for each organisation.

    Returns
    -------
    list of (str or None, str or None)
        In the same order. A code has its most frequent name everywhere, of equally frequent ones the first by the
        alphabet. A blank code is that of the same name in another row, and stays blank where no row has one. Of
        spellings that differ in capitals and blanks only it is the last by the alphabet, which has small letters: where
        a name is the unit, it does not depend on how often it is written in which way.

    Examples
    --------
    >>> unite_areas([("Y62", "North West"), ("Y62", "NORTH WEST"), (None, "NORTH  WEST"), ("Y62", None)])
    [('Y62', 'North West'), ('Y62', 'North West'), ('Y62', 'North West'), ('Y62', 'North West')]
    >>> unite_areas([(None, "London"), ("Y58", None), (None, None)])
    [(None, 'London'), ('Y58', None), (None, None)]
    """
    spelt: dict[str, str] = {}
    for _, name in pairs:
        if name is not None:
            spelt[fold_name(name)] = max(spelt.get(fold_name(name), ""), name)
    named = {code: spelt[min(names, key=lambda n: (-names[n], n))] for code, names in _count_names(pairs).items()}
    coded = {name: min(codes) for name, codes in _list_codes(pairs).items()}
    united: list[Pair] = []
    for code, name in pairs:
        code = code or (coded.get(fold_name(name)) if name is not None else None)
        name = spelt[fold_name(name)] if name is not None else None
        united.append((code, named.get(code) if code is not None else name))
    return united


def find_ambiguous(pairs: Sequence[Pair]) -> list[int]:
    """Return the places of the pairs whose name, which may be a code that is written as one, has several codes.

    Examples
    --------
    >>> find_ambiguous([("Y62", "North West"), ("Y60", "Midlands"), ("E12000002", "NORTH WEST")])
    [0, 2]
    """
    codes = _list_codes(pairs)
    return [
        place for place, (_, name) in enumerate(pairs) if name is not None and len(codes.get(fold_name(name), ())) > 1
    ]


def settle_areas(connection: DuckDBPyConnection, file: RawFile, problems: Problems, quality: Log) -> None:
    """Make the codes and names of regions and alliances of open organisations one to one in ``clean_organisations``.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the view of the cleaned organisations; a table with the changes takes its place.
    file : RawFile
        Their file, for messages.
    problems : Problems
        Receives names with several codes, and codes that stand for several names in most rows.
    quality : Log
        Receives what was changed or is missing, by ``RULES``.
    """
    there = {row[0] for row in connection.execute("DESCRIBE clean_organisations").fetchall()}
    connection.execute("CREATE TABLE settled_organisations AS FROM clean_organisations")
    for code, name in AREA_COLUMNS:
        if code in there:
            _settle_area(connection, file, code, name, problems, quality)
    connection.execute("DROP VIEW clean_organisations")
    connection.execute("ALTER TABLE settled_organisations RENAME TO clean_organisations")


def _settle_area(
    connection: DuckDBPyConnection, file: RawFile, code: str, name: str, problems: Problems, quality: Log
) -> None:
    # Codes of organisations that have closed may be those of an earlier list
    found = connection.execute(
        f"SELECT row_, {code}, {name} FROM clean_organisations WHERE SUCCESSOR_CODE IS NULL ORDER BY row_"
    ).fetchall()
    rows, pairs = [row[0] for row in found], [row[1:] for row in found]
    united = unite_areas(pairs)
    counts = _count_changes(pairs, united, code, name)
    _check_codes(file, code, name, rows, pairs, counts["name_of_code", name], problems)
    for (rule, column), n in sorted(counts.items()):
        log_rows(quality, rule, file.table, column, n, AREA_RULES[rule])
    changed = [(*new, row) for row, old, new in zip(rows, pairs, united, strict=True) if old != new]
    if changed:
        connection.executemany(f"UPDATE settled_organisations SET {code} = ?, {name} = ? WHERE row_ = ?", changed)


def _count_names(pairs: Sequence[Pair]) -> dict[str, Counter[str]]:
    """Return code -> its names and their rows; codes without any name are left out."""
    names: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for code, name in pairs:
        if code is not None and name is not None:
            names[code][fold_name(name)] += 1
    return names


def _list_codes(pairs: Sequence[Pair]) -> dict[str, set[str]]:
    """Return name -> its codes; a code is a name of itself, since it may be written in the place of one."""
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for code, name in pairs:
        if code is not None:
            codes[fold_name(code)].add(code)
            codes[fold_name(name or code)].add(code)
    return codes


def _count_changes(
    pairs: Sequence[Pair], united: Sequence[Pair], code_column: str, name_column: str
) -> Counter[tuple[str, str]]:
    """Count the rows of every rule by the column that it concerns."""
    counts: Counter[tuple[str, str]] = Counter()
    for (code, name), (new_code, new_name) in zip(pairs, united, strict=True):
        if code is None and name is not None:
            counts["name_as_code" if new_code is None else "area_filled", code_column] += 1
        if name is None and code is not None:
            counts["code_as_name" if new_name is None else "area_filled", name_column] += 1
        if name is not None and new_name is not None and name != new_name:
            counts["name_spelling" if fold_name(name) == fold_name(new_name) else "name_of_code", name_column] += 1
    return counts


def _check_codes(
    file: RawFile, code: str, name: str, rows: list[int], pairs: list[Pair], renamed: int, problems: Problems
) -> None:
    """Refuse names with several codes, and codes most rows of which have another name than the most frequent."""
    if places := find_ambiguous(pairs):
        problems.add(
            f"{file.locate(rows[places[0]], f'column {code}')}: the name in {name} has another code in other rows "
            f"({say_rows(len(places))}); allowed: one code for one name. Hint: is this the code of another edition? "
            "Take all codes from one; if these are two areas, give each a name of its own."
        )
    both = sum(None not in pair for pair in pairs)
    if 2 * renamed > both:
        problems.add(
            f"{file.name}: column {code}: most rows ({renamed:,} of {both:,}) have another name in {name} than the "
            "most frequent one of their code; allowed: one code for one name. Hint: are these codes of larger areas, "
            "such as the nation's?"
        )
