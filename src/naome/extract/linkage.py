"""Whether the tables of an extract belong together: how many rows and people of each link, and why others do not.

A table whose pseudonyms are spelt in another way, or are those of another project,
looks right by itself: every row is read, and nobody is treated. So the link of
each table to the people of the registry is counted, rows of no known person are
left out by a named rule, and too few links stop the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from duckdb import DuckDBPyConnection

from naome.extract.cut_off import BY_PSEUDONYM, count_beyond
from naome.extract.duplicates import FEW_ROWS
from naome.extract.files import RawFile
from naome.extract.problems import Problems, say_rows, show_shape
from naome.extract.quality import Log, log_rows
from naome.extract.reader import Belongs, Reader, find_children
from naome.extract.settle import RowRule
from naome.extract.sql import may_hold_blanks, quote_name
from naome.extract.uneven import UNEVEN_ROWS, find_uneven
from naome.extract.values import GIVEN, note_mangled

#: Rule and meaning in the data-quality log.
NO_SUCH_PERSON = (
    "no_such_person",
    "Records of people who are in no registration of the extract are excluded.",
)
NO_SUCH_RECORD = (
    "no_such_record",
    "Records that belong to no record of the table above them are excluded.",
)
#: What may differ between two spellings of one pseudonym, and SQL that makes it equal, of a key ``{k}``
SPELLINGS = {
    # a key of several columns has a blank between them
    "leading zeros": r"regexp_replace({k}, '(^| )0+', '\1', 'g')",
    "capital letters": "upper({k})",
    "a decimal point and zeros behind it": r"regexp_replace({k}, '\.0*( |$)', '\1', 'g')",
    "the site behind the code of an organisation": r"regexp_replace({k}, '^(\w{{3}})\w{{2}} ', '\1 ')",
    "hyphens, blanks and other marks": "regexp_replace({k}, '[^A-Za-z0-9]', '', 'g')",
    "letters before the number": "regexp_replace({k}, '^[A-Za-z]+', '')",
    "what follows an underscore or a hyphen": r"regexp_replace({k}, '[_-].*$', '')",
    "leading zeros, capitals, marks and letters before the number": (
        r"ltrim(regexp_replace(regexp_replace(upper({k}), '\.0*$', ''), '[^0-9]', '', 'g'), '0')"
    ),
}
#: Rows that another spelling would link: so many, and so much of all that do not link, are no accident
TELLING_ROWS, TELLING_SHARE = 5, 0.5
#: Few rows that do not link are passed over where as many do
FEW_SHARE = 0.5
#: People who do not link have fewer rows each than those who do: of people, the share may be so much less than of rows
FEWER_PEOPLE = 0.15
#: Share of the rows above a table that usually have a row in it; of fewer a warning is given
COMPLETE = 0.95


#: What programs and clerks write where they have no pseudonym, in SQL of a key ``{k}``
DUMMY = (
    r"regexp_full_match(upper({k}), '0+|-\d|9{{3,}}|X{{2,}}|UNKNOWN|UNK|NOT[ _]?(KNOWN|RECORDED|APPLICABLE|STATED)"
    r"|MISSING|DUMMY|TEST|DEFAULT|ANON(YMOUS)?|\?+|--+|12345(6(7(8(90?)?)?)?)?')"
)
#: A pseudonym may by chance be 0 or 999, and its owner then has one or two registrations, some of them repeated. Such
#: a pseudonym in more registrations, or in more rows of a table of events, is that of everybody without one
DUMMY_REGISTRATIONS, DUMMY_ROWS = 3, 20
#: Nobody has more tumours of the breast registered, repeats and provisional registrations included
MOST_REGISTRATIONS = 20


@dataclass(frozen=True)
class Linkage:
    """How the rows of a raw table link.

    Attributes
    ----------
    table, column : str
        Raw table and the column, or columns, by which its rows belong to people or to rows of another table.
    to : str
        Raw table to which they link: that of the people of the registry, or one between.
    rows, linked : int
        Rows with an identifier, and those of them that link.
    without : int
        Rows without an identifier, where a source may leave it empty.
    people, linked_people : int or None
        Different people, and those of them that link; None where the rows link to rows of a table between.
    uneven : tuple of str
        Organisations and years of which less than half of the rows link (:mod:`naome.extract.uneven`).
    above, above_with : int or None
        Rows of the table between, or people of the extract, and those that have a row here; None where that is not
        asked.
    usual : float
        Share of them that usually have one.
    beyond : int
        People at one end of the pseudonyms, or rows at one end of the table between, that have no row here, where that
        is no accident.
    """

    table: str
    column: str
    to: str
    rows: int
    linked: int
    without: int
    people: int | None = None
    linked_people: int | None = None
    uneven: tuple[str, ...] = ()
    above: int | None = None
    above_with: int | None = None
    beyond: int = 0
    usual: float = COMPLETE

    @property
    def of_people(self) -> bool:
        """Whether the identifier is that of a person."""
        return self.people is not None

    @property
    def unlinked_people(self) -> int | None:
        """People who do not link; None where the rows link to rows of a table between."""
        return None if self.people is None else self.people - (self.linked_people or 0)

    @property
    def share(self) -> float:
        """Share of the rows that link; 1 where there are none."""
        return self.linked / (self.rows + self.without) if self.rows + self.without else 1.0

    @property
    def people_share(self) -> float:
        """Share of the people who link; 1 where the rows link to rows of a table between, or there are none."""
        return (self.linked_people or 0) / self.people if self.people else 1.0

    @property
    def above_share(self) -> float:
        """Share of the rows of the table between, or of the people, with a row here; 1 where that is not asked."""
        return (self.above_with or 0) / self.above if self.above else 1.0

    def say_few_above(self) -> str:
        """Return a sentence about rows above, or people, without a row here; an empty text where they are few."""
        if self.above_share >= self.usual:
            return ""
        which, where = ("people", "of fewer people") if self.of_people else ("rows", "cut off")
        return (
            f"{self.table}: {self.above_share:.0%} of the {which} of {self.to} have a row here, by {self.column}. "
            f"Is the table {where}?"
        )

    def say_cut_off(self) -> str:
        """Return a sentence about people or rows at one end without rows here; an empty text without such."""
        if not self.beyond:
            return ""
        which = "people first or last by pseudonym" if self.of_people else f"first or last rows of {self.to}"
        return (
            f"{self.table}: none of the {self.beyond:,} {which} has a row here, and many of the others have. Is the "
            "table cut off, or of fewer people?"
        )

    def say_uneven(self) -> str:
        """Return a sentence about organisations and years that do not link; an empty text where there are none."""
        if not self.uneven:
            return ""
        return (
            f"{self.table}, column {self.column}: less than half of the rows link to {self.to} of "
            f"{', '.join(self.uneven)}. Are identifiers spelt in another way there?"
        )


def measure_linkage(
    connection: DuckDBPyConnection,
    reader: Reader,
    files: Mapping[str, RawFile],
    minimum: Mapping[str, float],
    problems: Problems,
) -> tuple[Linkage, ...]:
    """Count how the rows of each table link; note a problem where too few do, or where another spelling would.

    Makes the table ``known_people``.

    Parameters
    ----------
    minimum : mapping of str to float
        Raw table -> least share of its rows that must link; what the reader says otherwise.

    Returns
    -------
    tuple of Linkage
        In the order of the reader's tables; empty for a source of one table, and where the identifiers of people were
        turned into numbers.
    """
    connection.execute("CREATE TABLE known_people (key VARCHAR)")
    people = [name for name in reader.people_tables if name in files]
    if not people:
        return ()
    found = []
    for name in people:
        belongs = reader.raw[name].belongs
        if name != people[0]:  # a second table that says who is in the extract: it links to the first like any other
            least = minimum.get(name, belongs.minimum)
            found.append(_link_people(connection, reader, files[name], belongs, people[0], least, problems))
        _keep_keys(connection, "people_keys", files[name], belongs.columns)
        if name == people[0]:
            if note_mangled(connection, files[name], belongs.columns[0], "SELECT * FROM people_keys", problems):
                return ()  # nothing would link to them, which says no more
            _check_dummies(connection, reader, files[name], belongs.columns[0], "people_keys", problems)
        new = "key <> '' AND key NOT IN (SELECT key FROM known_people)"
        connection.execute(f"INSERT INTO known_people SELECT key FROM people_keys WHERE {new}")
        connection.execute("DROP TABLE people_keys")
        connection.execute(f"CREATE OR REPLACE TABLE people_in_order AS {BY_PSEUDONYM}")
    for name, file in files.items():
        links = [each for each in _links(reader, name) if not each.of or each.of in files]
        for belongs in links:
            least = minimum.get(name, belongs.minimum)
            if belongs.of:
                link = _link_records(connection, reader, file, belongs, files[belongs.of], least, problems)
                if belongs is links[-1] and not belongs.each_has:
                    link = replace(link, beyond=_count_rows_beyond(connection, belongs, file, files[belongs.of]))
                found.append(link)
            else:
                found.append(_link_people(connection, reader, file, belongs, people[0], least, problems))
    return tuple(found)


def leave_strangers_out(
    connection: DuckDBPyConnection, reader: Reader, file: RawFile, links: tuple[Linkage, ...], log: Log
) -> RawFile:
    """Return a file without the rows of people who are not known, which are counted in the log.

    Rows to which rows of other tables belong stay: those are left out with them (:func:`no_such_person`). So do the
    rows of a table that says itself who is in the extract.
    """
    tables = reader.raw
    belongs = tables[file.table].belongs
    if file.table in reader.people_tables:
        return file
    for link in links:
        if link.table != file.table or link.linked == link.rows:
            continue
        left = link.rows - link.linked
        rule, meaning = NO_SUCH_PERSON if link.of_people else NO_SUCH_RECORD
        log_rows(log, rule, file.table, link.column, left, meaning, "left out")
        if link.of_people and belongs is not None and not find_children(tables, file.table):
            key, view = file.identifier(belongs.columns[0]), f"{file.view}_linked"
            connection.execute(
                f"CREATE VIEW {view} AS SELECT * FROM {file.view} "
                f"WHERE {key} IN (SELECT key FROM known_people) OR NOT {GIVEN.format(k=key)}"
            )
            file = replace(file, view=view, left_out=file.left_out + left)
    return file


def no_such_person(table: str) -> RowRule:
    """Return the rule that leaves rows of a canonical table out whose person is in no registration."""
    rule, meaning = NO_SUCH_PERSON
    # how many may be is said by the least share that links, which parameters may set
    return RowRule(rule, meaning, table, "t.person_id NOT IN (SELECT key FROM known_people)", at_most=1.0)


def _links(reader: Reader, name: str) -> list[Belongs]:
    table = reader.raw[name]
    if table.belongs is None or name in reader.people_tables:
        return []
    return [table.belongs, *table.also_belongs]


def _link_people(
    connection, reader: Reader, file: RawFile, belongs: Belongs, people: str, least: float, problems: Problems
) -> Linkage:
    _keep_keys(connection, "keys", file, belongs.columns)
    given = GIVEN.format(k="key")
    rows, distinct, linked, linked_people = connection.execute(
        "SELECT coalesce(sum(n), 0), count(*), coalesce(sum(n) FILTER (there), 0), count_if(there) "
        f"FROM (SELECT n, key IN (SELECT key FROM known_people) AS there FROM keys WHERE {given})"
    ).fetchone()
    without = connection.execute(f"SELECT coalesce(sum(n), 0) FROM keys WHERE NOT {given}").fetchone()[0]
    beyond = count_beyond(connection) if linked else 0
    link = Linkage(
        file.table, belongs.columns[0], people, rows, linked, without, distinct, linked_people, beyond=beyond
    )
    if belongs.usual and linked:
        (everyone,) = connection.execute("SELECT count(*) FROM known_people").fetchone()
        link = replace(link, above=everyone, above_with=linked_people, usual=belongs.usual)
    link = _find_uneven(connection, reader, file, belongs, link, "known_people")
    _check_link(connection, file, belongs.columns[:1], link, "known_people", least, problems)
    _check_dummies(connection, reader, file, belongs.columns[0], "keys", problems)
    connection.execute("DROP TABLE keys")
    return link


def _find_uneven(connection, reader: Reader, file: RawFile, belongs: Belongs, link: Linkage, known: str) -> Linkage:
    if link.rows + link.without - link.linked < UNEVEN_ROWS:
        return link
    return replace(link, uneven=find_uneven(connection, reader.raw[file.table], file, belongs.columns, known))


def _link_records(
    connection, reader: Reader, file: RawFile, belongs: Belongs, to: RawFile, least: float, problems: Problems
) -> Linkage:
    column = " + ".join(belongs.columns)
    raw, there = file.written(belongs.columns), to.written(belongs.names)
    above = f"(SELECT count(*) FROM {to.view}), count(DISTINCT hash({raw}))" if belongs.each_has else "NULL, NULL"
    rows, linked, *above = connection.execute(
        f"SELECT count(*), coalesce(count_if({raw} IN (SELECT {there} FROM {to.view})), 0), {above} FROM {file.view}"
    ).fetchone()
    # Where all of them link, as many rows above have one as there are different keys here
    link = Linkage(file.table, column, to.table, rows, linked, 0, above=above[0], above_with=above[1])
    if linked < rows:  # as they are written: now without blanks around them
        _keep_keys(connection, "keys", file, belongs.columns)
        _keep_keys(connection, "parents", to, belongs.names)
        (linked,) = connection.execute(
            "SELECT coalesce(sum(n), 0) FROM keys WHERE key IN (SELECT key FROM parents)"
        ).fetchone()
        link = _find_uneven(connection, reader, file, belongs, replace(link, linked=linked), "parents")
        if belongs.each_has:
            above = connection.execute(
                "SELECT sum(n), coalesce(sum(n) FILTER (key IN (SELECT key FROM keys)), 0) FROM parents"
            ).fetchone()
            link = replace(link, above=above[0], above_with=above[1])
        _check_link(connection, file, belongs.columns, link, "parents", least, problems)
        connection.execute("DROP TABLE keys; DROP TABLE parents")
    if link.linked == link.rows or link.share >= least:
        link = _check_above(connection, belongs, file, to, link, problems)
    return link


def _count_rows_beyond(connection, belongs: Belongs, file: RawFile, to: RawFile) -> int:
    """Return how many rows at one end of the table above have no row here, in its file's order or in that of keys."""
    connection.execute(f"CREATE TABLE keys AS SELECT DISTINCT {file.written(belongs.columns)} AS key FROM {file.view}")
    orders = ("row_", "length(key), key")
    rows = f"SELECT {to.written(belongs.names)} AS key, min(row_) AS row_ FROM {to.view} GROUP BY 1"
    found = (f"SELECT key, row_number() OVER (ORDER BY {order}) AS place FROM ({rows})" for order in orders)
    beyond = max(count_beyond(connection, above) for above in found)
    connection.execute("DROP TABLE keys")
    return beyond


def _check_above(
    connection, belongs: Belongs, file: RawFile, to: RawFile, link: Linkage, problems: Problems
) -> Linkage:
    """Refuse a table without rows for many rows of the table above it, to which its own rows may all link.

    A row that is above more than once counts once: it is told by itself.
    """
    least = belongs.each_has
    if (link.above or 0) - (link.above_with or 0) >= FEW_ROWS and link.above_share < COMPLETE:
        (above,) = connection.execute(f"SELECT count(DISTINCT hash({to.key(belongs.names)})) FROM {to.view}").fetchone()
        link = replace(link, above=above, above_with=min(above, link.above_with or 0))
    without = (link.above or 0) - (link.above_with or 0)
    if without < FEW_ROWS or link.above_share >= least:
        return link
    problems.add(
        f"{file.name}: {link.above_with:,} of {say_rows(link.above or 0)} of {link.to} "
        f"({_say_share(link.above_share)}) have a row here, by column {link.column}; allowed: {_say_share(least)} at "
        "least. Hint: is the file cut off, or is a part of it missing?"
    )
    return link


def _check_dummies(connection, reader: Reader, file: RawFile, column: str, keys: str, problems: Problems) -> None:
    """Refuse a pseudonym that stands for everybody without one: of no form of one, or of too many registrations.

    In a table of events it matters only where the registrations have it too: its rows are nobody's otherwise.
    """
    registrations = "tumours" in reader.canonical and file.table == reader.canonical["tumours"].raw
    if registrations:
        which = f"n > {DUMMY_REGISTRATIONS} AND ({DUMMY.format(k='key')} OR n > {MOST_REGISTRATIONS})"
    else:
        which = f"n > {DUMMY_ROWS} AND {DUMMY.format(k='key')} AND key IN (SELECT key FROM known_people)"
    found = connection.execute(
        f"SELECT key, n FROM {keys} WHERE {which} AND {GIVEN.format(k='key')} ORDER BY n DESC, key"
    ).fetchall()
    if found:
        more = len(found) - 1
        several = f", and {more:,} other{'s have' if more > 1 else ' has'} too many" if more else ""
        limit = f"at most {MOST_REGISTRATIONS} registrations of one person, and " if registrations else ""
        problems.add(
            f"{file.name}: column {column}: one identifier, written {show_shape(found[0][0])}, has "
            f"{say_rows(found[0][1])}{several}: it seems to mean that there is none; allowed: {limit}a pseudonym of "
            "their own for every person. Hint: is it a default such as 0, -1, 999 or UNKNOWN? Link the records anew, "
            "or ask for an extract without these rows."
        )


def _keep_keys(connection, table: str, file: RawFile, columns: tuple[str, ...]) -> None:
    """Count the rows of each identifier: first as they are written, and where blanks may be around any, without."""
    raw = ", ".join(map(quote_name, columns))
    counted = f"SELECT {raw}, count(*) AS n FROM {file.view} GROUP BY {raw}"
    connection.execute(f"CREATE TABLE {table} AS SELECT {file.written(columns)} AS key, n FROM ({counted})")
    if connection.execute(f"SELECT 1 FROM {table} WHERE {may_hold_blanks('key')} LIMIT 1").fetchone():
        connection.execute(
            f"CREATE OR REPLACE TABLE {table} AS SELECT {file.key(columns)} AS key, sum(n)::BIGINT AS n "
            f"FROM ({counted}) GROUP BY 1"
        )


def _check_link(
    connection, file: RawFile, columns: tuple[str, ...], link: Linkage, known: str, least: float, problems: Problems
) -> None:
    """Note a problem where too few of the ``keys`` of a file are in a table, or others would be in another spelling."""
    left = link.rows - link.linked
    # Where every row must have an identifier, an empty one is told by itself
    if not left and (not link.without or least == 1):
        return
    there = f"SELECT key FROM {known} WHERE key IS NOT NULL"
    others = f"SELECT * FROM keys WHERE {GIVEN.format(k='key')} AND key NOT IN ({there})"
    if link.of_people and note_mangled(connection, file, link.column, others, problems):
        return
    difference, recovered = _find_difference(connection, others, known) if left else ("", 0)
    told = recovered >= max(TELLING_ROWS, TELLING_SHARE * left)
    # Of fewer rows nothing can be told, unless they are most of a table of as many
    few = left + link.without < FEW_ROWS and least < 1
    few = few and (link.share >= FEW_SHARE or link.rows + link.without < FEW_ROWS)
    enough = link.share >= least and link.people_share >= least - FEWER_PEOPLE
    if not told and (enough or few):
        return
    named = f"column{'s' * (len(columns) > 1)} {link.column}"
    if not told and 0 < left < FEW_ROWS and link.without < FEW_ROWS and link.share >= FEW_SHARE:
        query = f"SELECT min(row_) FROM {file.view} WHERE {file.key(columns)} IN (SELECT key FROM ({others}))"
        problems.add(
            f"{file.locate(connection.execute(query).fetchone()[0], named)}: an identifier that is in no row of "
            f"{link.to} ({say_rows(left)}); allowed: those of {link.to}. Hint: is it a line of totals, or a person of "
            f"another extract? Leave such rows out; or are rows missing in {link.to}?"
        )
        return
    people = f", and {_say_share(link.people_share)} of their people," if link.share >= least and not enough else ""
    counts = (
        f"{file.name}: {named}: {link.linked:,} of {say_rows(link.rows + link.without)} ({_say_share(link.share)})"
        f"{people} link to {link.to}; allowed: {_say_share(least)} at least, and one spelling of identifiers. "
    )
    shapes = [_show_usual_shape(connection, rows) for rows in (f"({others})" if left else "keys", known)]
    if told:
        problems.add_alike(
            f"{link.to} {difference}",
            link.table,
            f"{counts}The others are usually written {shapes[0]} here, and {shapes[1]} in {link.to}; "
            f"{say_rows(recovered)} of them would link if {difference} did not count. Hint: export both tables with "
            "the identifier as text from one source.",
        )
        return
    if link.without > left:
        reason = f"{say_rows(link.without)} have no identifier: the linkage of this table failed, or was not done."
    elif link.of_people:
        reason = (
            "no other spelling of the identifiers links the others: they are of another project, or of other people, "
            f"or {link.to} is cut off."
        )
    else:
        reason = (
            "no usual difference of spelling explains the others: a column is written in another way in one of the "
            f"tables, or these rows are of another extract, or {link.to} is cut off."
        )
    problems.add(
        f"{counts}{_compare_shapes(*shapes, link.to)}; {reason} Hint: export both tables with the identifier as text "
        "from one source; if so few rows are right, say so in the parameters, such as minimum_linkage: "
        f"{{{link.table}: {max(link.share - 0.005, 0):.2f}}}."
    )


def _find_difference(connection, others: str, known: str) -> tuple[str, int]:
    """Return what two spellings of identifiers differ in, and the rows that would link without it."""
    best = ("", 0)
    for difference, sql in SPELLINGS.items():
        same = f"SELECT {sql.format(k='key')} AS key FROM {known}"
        (rows,) = connection.execute(
            f"SELECT coalesce(sum(n), 0) FROM ({others}) "
            f"WHERE {sql.format(k='key')} <> '' AND {sql.format(k='key')} IN ({same})"
        ).fetchone()
        if rows > best[1]:
            best = (difference, int(rows))
    return best


def _compare_shapes(here: str, there: str, to: str) -> str:
    if here == there:
        return f"Identifiers are usually written {here} in both"
    return f"Those that do not link are usually written {here} here, and {there} in {to}"


def _show_usual_shape(connection, rows: str) -> str:
    found = connection.execute(
        f"SELECT any_value(key) FROM {rows} WHERE coalesce(key, '') <> '' "
        "GROUP BY regexp_replace(regexp_replace(key, '[0-9]', '9', 'g'), '[A-Za-z]', 'A', 'g') "
        "ORDER BY count(*) DESC, 1 LIMIT 1"
    ).fetchone()
    return show_shape(found[0] if found else "")


def _say_share(share: float) -> str:
    """Return a share as a percentage that is 100% only when all link."""
    percent = f"{100 * share:.1f}%"
    return "less than 100%" if percent == "100.0%" and share < 1 else percent
