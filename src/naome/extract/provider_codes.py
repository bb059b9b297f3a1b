"""Codes of organisations: sites are read as their trust, trusts that have merged as the one that is open today."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from duckdb import DuckDBPyConnection

from naome.core.definitions import Definitions
from naome.core.errors import say_some
from naome.extract.clean import Cleaner, tidy
from naome.extract.files import RawFile
from naome.extract.problems import Problems, say_rows
from naome.extract.vocabulary import GROUPED, NOT_COUNTED, UNKNOWN, show_code

#: Coding of what stands in place of an organisation
DEFAULT_CODES = "organisation_default"
#: A site's code is its trust's with two characters more
SITE_LENGTH, TRUST_LENGTH = 5, 3
#: Share of the rows of a table whose organisation may be in no row of organisations: independent hospitals, mainly
UNKNOWN_CODES = 0.10
ALLOWED = "the code of an organisation or of one of its sites, or a default code"
#: What a code of the Organisation Data Service may look like
CODE = re.compile(r"[A-Z0-9]{2,9}", re.IGNORECASE)
SEVERAL = re.compile(r"[;,/|+& ]")
#: What stands for no successor, where a cell should be empty
NO_SUCCESSOR = re.compile(r"-+|\?+|0+|X+|UNKNOWN|UNK|NOT ?APPLICABLE|NO|OPEN", re.IGNORECASE)


@dataclass(frozen=True)
class Organisations:
    """The organisations of an extract.

    Attributes
    ----------
    today : mapping of str to str
        Code in capitals -> code of the organisation that has its records today.
    defaults : frozenset of str
        What stands in place of an organisation.
    """

    today: Mapping[str, str]
    defaults: frozenset[str] = frozenset()

    def cleaner(self) -> Cleaner:
        """Return the cleaner of codes of sites."""
        return clean_by(self.defaults, sites=True).among(self)


@dataclass(frozen=True)
class ProviderCleaner(Cleaner):
    """Cleans codes of organisations; which there are is known once their table has been read."""

    defaults: frozenset[str] = frozenset()
    sites: bool = False

    def among(self, organisations: Organisations) -> Cleaner:
        """Return the cleaner that knows the organisations of an extract.

        Examples
        --------
        >>> cleaner = clean_by(frozenset({"89999"})).among(Organisations({"RXX": "RYY", "RYY": "RYY"}))
        >>> cleaner.clean("rxx01")
        ('RYY', ('lower_case', 'site_code', 'merged_provider'))
        >>> cleaner.clean("89999"), cleaner.clean("AB123")
        ((None, ('organisation_default',)), ('AB123', ()))
        """
        today, opened = organisations.today, frozenset(organisations.today.values())

        def clean(value: object) -> tuple[str | None, tuple[str, ...]]:
            code, rules = self.clean(value)
            if code is not None and code not in today:
                if len(code) != SITE_LENGTH or code[:TRUST_LENGTH] not in today:
                    return code, rules
                code, rules = code[:TRUST_LENGTH], rules if self.sites else (*rules, "site_code")
            if code is None or today[code].upper() == code:
                return code if code is None else today[code], rules
            return today[code], (*rules, "merged_provider")

        def place(value: object, rules: tuple[str, ...]) -> str:
            return NOT_COUNTED if value is None else GROUPED if value in opened else UNKNOWN

        return replace(Cleaner(self.sql_type, clean, self.allowed), place=place, limit=UNKNOWN_CODES, show=show_code)


@dataclass(frozen=True)
class ProviderColumn:
    """A column with codes of organisations; it becomes a cleaner when definitions are there.

    Attributes
    ----------
    sites : bool
        Whether the codes are those of sites by the item's own definition: reading them as their trust's is no repair.
    """

    sites: bool = False

    def bind(self, definitions: Definitions) -> ProviderCleaner:
        """Return the cleaner that knows the default codes."""
        return clean_by(frozenset(definitions.coding(DEFAULT_CODES).values), sites=self.sites)


def clean_by(defaults: frozenset[str], *, sites: bool = False) -> ProviderCleaner:
    """Return the cleaner that knows these default codes, and no organisation yet."""

    def clean(value: object) -> tuple[str | None, tuple[str, ...]]:
        text, rules = tidy(value)
        if re.fullmatch(r"\d+\.0+", text):
            text, rules = text.split(".")[0], (*rules, "float_text")
        code = text.upper()
        if code in defaults:
            return None, (*rules, "organisation_default")
        return code or None, (*rules, "lower_case") if code != text else rules

    return ProviderCleaner("VARCHAR", clean, ALLOWED, defaults=defaults, sites=sites)


PROVIDER_CODE = ProviderColumn()
PROVIDER_SITE = ProviderColumn(sites=True)


def read_organisations(
    connection: DuckDBPyConnection, file: RawFile, definitions: Definitions, problems: Problems
) -> Organisations:
    """Read the organisations of an extract from their cleaned table, and check them.

    Chains of successors are followed to the organisation that is open today.

    Parameters
    ----------
    file : RawFile
        Their file, for messages.
    problems : Problems
        Receives codes that are none, rows without a name, organisations that were split, successors that lead in a
        circle or to no open organisation.
    """
    rows = connection.execute("SELECT row_, ORG_CODE, ORG_NAME, SUCCESSOR_CODE FROM clean_organisations").fetchall()
    for column, place, allowed in (
        ("ORG_CODE", lambda row: not CODE.fullmatch(row[1] or ""), "two to nine letters and digits"),
        ("ORG_NAME", lambda row: row[2] is None, "the name of the organisation in every row"),
    ):
        wrong = [row for row in rows if place(row)]
        if wrong:
            what = "not recorded" if column == "ORG_NAME" else "no code of an organisation"
            problems.add(
                f"{file.locate(min(row[0] for row in wrong), f'column {column}')}: {what} "
                f"({say_rows(len(wrong))}); allowed: {allowed}. Hint: is the table cut off or shifted?"
            )
    times = Counter(code.upper() for code in {str(code) for _, code, _, _ in rows})
    twins = sorted(code for code, n in times.items() if n > 1)
    if twins:
        problems.add(
            f"{file.name}: column ORG_CODE: {_list(twins)} is there in capitals and in small letters; allowed: each "
            "organisation once. Hint: were two lists joined?"
        )
    merged: dict[str, set[str]] = {}
    spelt = {str(code).upper(): str(code) for _, code, _, _ in rows}
    for _, code, _, successor in rows:
        merged.setdefault(str(code).upper(), set()).add("" if successor is None else str(successor).upper())
    _check_splits(file, merged, problems)
    today = {code: _follow(code, merged) for code in merged}
    _check_ends(file, merged, today, problems)
    defaults = frozenset(definitions.coding(DEFAULT_CODES).values)
    # A site with a row of its own is read as its trust, like one without
    trusts = {code: end for code, end in today.items() if end != code or not _is_site(code, merged)}
    return Organisations({code: spelt.get(end, end) for code, end in trusts.items()}, defaults)


def _is_site(code: str, merged: Mapping[str, set[str]]) -> bool:
    return len(code) == SITE_LENGTH and code[:TRUST_LENGTH] in merged


def _follow(code: str, merged: Mapping[str, set[str]]) -> str:
    """Return the last organisation of a chain; of one that leads in a circle, the code itself."""
    seen = [code]
    while following := sorted(merged.get(seen[-1], set()) - {""}):
        if following[0] in seen:
            return code
        seen.append(following[0])
    return seen[-1]


def _check_splits(file: RawFile, merged: Mapping[str, set[str]], problems: Problems) -> None:
    split = sorted(
        code for code, after in merged.items() if len(after - {""}) > 1 or any(SEVERAL.search(one) for one in after)
    )
    if split:
        problems.add(
            f"{file.name}: column SUCCESSOR_CODE: {_list(split)} became more than one organisation; allowed: one "
            "successor for an organisation. Hint: nothing in the records says which of them has a person's today; "
            "name the one that took over the cancer services."
        )


def _check_ends(file: RawFile, merged: Mapping[str, set[str]], today: Mapping[str, str], problems: Problems) -> None:
    """Refuse successors that lead in a circle, or to an organisation that is in no row."""
    circles = sorted(code for code, end in today.items() if end == code and merged[code] - {""})
    if circles:
        chains = [f"{show_code(code)} -> {show_code(min(merged[code] - {''}))}" for code in circles]
        problems.add(
            f"{file.name}: column SUCCESSOR_CODE: the successors lead in a circle: {_list(chains, str)}; allowed: a "
            "chain that ends at an open organisation, which has no successor. Hint: leave the successor of the open "
            "organisation empty."
        )
    empty = sorted(code for code, end in today.items() if end not in merged and NO_SUCCESSOR.fullmatch(end))
    if empty:
        problems.add(
            f"{file.name}: column SUCCESSOR_CODE: {_list(empty)} has a word or sign for none ({say_rows(len(empty))}); "
            "allowed: an empty cell for an open organisation. Hint: empty these cells."
        )
    lost = sorted(
        code for code, end in today.items() if end not in merged and not SEVERAL.search(end) and code not in empty
    )
    if lost:
        problems.add(
            f"{file.name}: column SUCCESSOR_CODE: the successor of {_list(lost)} is not an open organisation "
            f"({say_rows(len(lost))}); allowed: the code of a row without a successor, or of one whose own successors "
            "lead to it. Hint: name the organisation that is open today."
        )


def _list(codes: list[str], show: Callable[[str], str] = show_code) -> str:
    return say_some([show(code) for code in codes])
