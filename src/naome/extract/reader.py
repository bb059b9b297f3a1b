"""What a reader of extracts says; the engine that does it is in :mod:`naome.extract.read`.

A reader (England, Wales, Simulacrum ...) says which raw tables and columns there
are, how each column is cleaned, how the rows of canonical tables are selected
from the cleaned ones, and by which named rules rows are left out or refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from naome.core.definitions import Definitions
from naome.extract.ages import AgeAt
from naome.extract.areas import AreaColumn
from naome.extract.clean import OPTIONAL_IDENTIFIER, Cleaner, Coded
from naome.extract.drug_names import DrugColumn
from naome.extract.duplicates import Duplicates
from naome.extract.hospital_deaths import HospitalDeaths
from naome.extract.provider_codes import ProviderColumn
from naome.extract.settle import RowRule, Selection
from naome.extract.table_checks import Check

#: A cleaner that is made when definitions are there
Unbound = Coded | DrugColumn | ProviderColumn | AreaColumn
#: Codes of a list in the SQL of a reader: ``@codes(icd10_breast)`` or ``@codes(icd10_breast.breast_invasive)``
CODES = re.compile(r"@codes\((\w+)(?:\.(\w+))?\)")


@dataclass(frozen=True)
class Belongs:
    """How the rows of a raw table belong to people.

    Attributes
    ----------
    columns : tuple of str
        The person's pseudonym, or what identifies a row of the table `of`.
    of : str
        Raw table whose columns of the same names identify the row; empty where the column is the pseudonym.
    minimum : float
        Least share of the rows that must link, where the parameters say nothing else.
    named : tuple of str
        What the columns are called in the table `of`, where they have other names there.
    each_has : float
        Least share of the rows of the table `of` that must have a row here: a cycle has drugs, an episode has
        diagnoses, so a table that was cut off leaves rows without any.
    usual : float
        Share of all people who usually have a row here; where fewer have one a warning is given.
    """

    columns: tuple[str, ...]
    of: str = ""
    minimum: float = 0.95
    named: tuple[str, ...] = ()
    each_has: float = field(default=0.0, compare=False)
    usual: float = field(default=0.0, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns as the table `of` calls them."""
        return self.named or self.columns


@dataclass(frozen=True)
class Repeated:
    """Columns of a raw table that repeat (diagnosis 1 to 20); they become rows.

    Attributes
    ----------
    columns : tuple of str
    cleaner : Cleaner
    seconds : tuple of str
        Columns that go with them one by one (the date of each operation).
    second_cleaner : Cleaner or None
    """

    columns: tuple[str, ...]
    cleaner: Cleaner | Coded
    seconds: tuple[str, ...] = ()
    second_cleaner: Cleaner | Coded | None = None

    def bind(self, definitions: Definitions) -> Repeated:
        """Return the same columns with codings as cleaners."""
        cleaners = {"cleaner": self.cleaner, "second_cleaner": self.second_cleaner}
        return replace(self, **{key: _bind(cleaner, definitions) for key, cleaner in cleaners.items()})

    def parts(self) -> Iterator[tuple[tuple[str, ...], Cleaner]]:
        """Go through the groups of columns with their cleaners."""
        yield self.columns, self.cleaner
        if self.second_cleaner is not None:
            yield self.seconds, self.second_cleaner


@dataclass(frozen=True)
class RawTable:
    """A raw table as a reader expects it.

    Attributes
    ----------
    columns : mapping of str to Cleaner, Coded, DrugColumn, ProviderColumn, AreaColumn or None
        Raw column -> how it is cleaned; None marks an identifier, which must be
        present in every row and is kept as it is.
    unique : tuple of str
        Identifiers that no two rows share, because other tables are joined by them.
    optional : frozenset of str
        Columns that may be absent (read as not recorded).
    either : tuple of tuple of str
        Columns of which one at least must be there (a code and its name); the others are read as not recorded.
    aliases : mapping of str to str
        Another name in the file's header -> the column it is.
    long : mapping of str to Repeated
        Name of the long table -> its columns.
    only : str
        SQL condition on the raw columns; other rows are not this audit's and are not read.
    only_rule : tuple of str
        Name and meaning of that condition in the data-quality log.
    may_be_absent : bool
        Whether the whole file may be absent or without rows.
    belongs : Belongs or None
        How its rows belong to people.
    also_belongs : tuple of Belongs
        Other tables whose rows its rows belong to.
    signs : mapping of str to str
        Column or long table -> kind of sign of metastatic disease that its values may be.
    events : bool
        Whether rows of people without any sign are not read, where a run follows people by signs.
    provider : str
        Identifier that is the code of an organisation as well; ``provider_of`` reads it in selections.
    """

    columns: Mapping[str, Cleaner | Unbound | None]
    unique: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    either: tuple[tuple[str, ...], ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    long: Mapping[str, Repeated] = field(default_factory=dict)
    only: str = ""
    only_rule: tuple[str, str] = ("", "")
    may_be_absent: bool = False
    belongs: Belongs | None = None
    also_belongs: tuple[Belongs, ...] = ()
    signs: Mapping[str, str] = field(default_factory=dict)
    events: bool = False
    provider: str = ""

    def bind(self, definitions: Definitions) -> RawTable:
        """Return the same table with codings as cleaners and the codes of code lists in its condition."""
        columns = {column: _bind(cleaner, definitions) for column, cleaner in self.columns.items()}
        long = {name: repeated.bind(definitions) for name, repeated in self.long.items()}
        rule, meaning = self.only_rule
        told = (rule, write_codes(meaning, definitions, ", "))
        return replace(self, columns=columns, long=long, only=write_codes(self.only, definitions), only_rule=told)

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Columns that are identifiers."""
        return tuple(column for column, cleaner in self.columns.items() if cleaner is None)

    @property
    def optional_identifiers(self) -> tuple[str, ...]:
        """Columns that are identifiers and may be empty."""
        return tuple(column for column, cleaner in self.columns.items() if cleaner is OPTIONAL_IDENTIFIER)

    def cleaned(self) -> Iterator[tuple[str, str, Cleaner]]:
        """Go through all columns that are cleaned: column, label in the log, cleaner."""
        for column, cleaner in self.columns.items():
            if cleaner is not None and cleaner is not OPTIONAL_IDENTIFIER:
                yield column, column, cleaner
        for repeated in self.long.values():
            for columns, cleaner in repeated.parts():
                yield from ((column, f"{columns[0]}..{columns[-1]}", cleaner) for column in columns)

    def cleaned_at(self, place: str) -> dict[str, Cleaner]:
        """Return the columns, with their cleaners, that a column or the codes of a long table stand for."""
        if place in self.long:
            return dict.fromkeys(self.long[place].columns, self.long[place].cleaner)
        return {place: self.columns[place]}

    def expected(self) -> frozenset[str]:
        """Return every name that a column of the file may have."""
        return frozenset((*self.wanted(), *self.aliases))

    def needed(self) -> frozenset[str]:
        """Return every column that must be there by itself."""
        return frozenset(self.wanted()) - self.optional - {column for columns in self.either for column in columns}

    def wanted(self) -> tuple[str, ...]:
        """Return every column that is read."""
        return (*self.columns, *(c for r in self.long.values() for columns, _ in r.parts() for c in columns))


@dataclass(frozen=True)
class Count:
    """What the selection of a canonical table repairs or leaves out, counted by its own SQL; `kind` as in the log."""

    rule: str
    meaning: str
    table: str
    column: str
    sql: str
    kind: str = "repair"


@dataclass(frozen=True)
class Reader:
    """A source of extracts.

    Attributes
    ----------
    name : str
    nation : str
        Whose people the source holds, as parameters name it.
    raw : mapping of str to RawTable
    canonical : mapping of str to Selection
    rows : tuple of RowRule or Duplicates
        In the order in which they are applied; a row counts under the first that applies.
    counts : tuple of Count
    ages : tuple of AgeAt
        Columns of ages that are held against those at diagnosis.
    hospital_deaths : HospitalDeaths, optional
        Columns of deaths in hospital that are held against the registered deaths.
    country : tuple of str
        ``(raw table, column, code)``: a file without a single such code is another nation's.
    checks : tuple of Check
    versions : tuple of (str, Reader)
        For a source with versions: a column that only this version of the first raw table has, and its reader.
    judgements : mapping of str to str
        What the source's records cannot bear although they are there: indicator, data item or canonical column -> why.
    about : str
        Of data that are published for everybody's use: a sentence on what they are, for the banner of every page.
    open_names : str
        How the files of such data are named, as a regular expression; under other names they count as real.
    """

    name: str
    nation: str
    raw: Mapping[str, RawTable]
    canonical: Mapping[str, Selection]
    rows: tuple[RowRule | Duplicates, ...] = ()
    counts: tuple[Count, ...] = ()
    country: tuple[str, str, str] | None = None
    checks: tuple[Check, ...] = ()
    ages: tuple[AgeAt, ...] = ()
    hospital_deaths: HospitalDeaths | None = None
    versions: tuple[tuple[str, Reader], ...] = ()
    judgements: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    open_names: str = ""

    @property
    def tables(self) -> tuple[str, ...]:
        """The raw tables, of all versions."""
        versions = (self, *(version for _, version in self.versions))
        return tuple(dict.fromkeys(table for version in versions for table in version.raw))

    @property
    def people_tables(self) -> tuple[str, ...]:
        """The raw tables that say who is in the extract: those from which the people are selected."""
        selection = self.canonical.get("people")
        named = re.findall(r"clean_(\w+)", selection.sql) if selection else []
        return tuple(name for name in dict.fromkeys(named) if name in self.raw and self.raw[name].belongs)

    def holds_open_data(self, names: Iterable[str]) -> bool:
        """Return whether files of these names are data that are published for everybody's use."""
        return bool(self.about) and all(re.fullmatch(self.open_names, name, re.IGNORECASE) for name in names)

    def bind(self, definitions: Definitions) -> Reader:
        """Return the reader with the meanings that definitions give to codes.

        Parameters
        ----------
        definitions : Definitions
            Their codings and code lists.

        Raises
        ------
        DefinitionError
            If a coding or code list is not there or not right.
        """
        selections = {
            table: replace(selection, sql=write_codes(selection.sql, definitions))
            for table, selection in self.canonical.items()
        }
        raw = {name: table.bind(definitions) for name, table in self.raw.items()}
        versions = tuple((marker, version.bind(definitions)) for marker, version in self.versions)
        return replace(self, raw=raw, canonical=selections, versions=versions)

    def rules_of(self, table: str) -> tuple[RowRule | Duplicates, ...]:
        """Return the rules of a canonical table, in order."""
        return tuple(rule for rule in self.rows if rule.table == table)


def find_children(tables: Mapping[str, RawTable], name: str) -> set[Belongs]:
    """Return the ways in which rows of other tables belong to those of a table."""
    return {table.belongs for table in tables.values() if table.belongs is not None and table.belongs.of == name}


def write_codes(text: str, definitions: Definitions, between: str = "|") -> str:
    """Write the codes of code lists where a text names them; a code that a shorter one covers is left out.

    Examples
    --------
    >>> from naome.core.definitions import project_definitions
    >>> write_codes("site SIMILAR TO '(@codes(icd10_breast)).*'", project_definitions())
    "site SIMILAR TO '(C50|D05).*'"
    """

    def write(match: re.Match[str]) -> str:
        codes = definitions.codelist(match[1]).prefixes(*filter(None, [match[2]]))
        shortest = [code for code in codes if not any(code != other and code.startswith(other) for other in codes)]
        return between.join(dict.fromkeys(shortest))

    return CODES.sub(write, text)


def _bind(cleaner: Cleaner | Unbound | None, definitions: Definitions) -> Cleaner | None:
    return cleaner if cleaner is None or isinstance(cleaner, Cleaner) else cleaner.bind(definitions)
