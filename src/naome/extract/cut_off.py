"""Tables that end before their people do: what shows that a file was cut off at the end of a line.

Such a file looks whole. But most tables are sorted by person, so that nobody of one end of the pseudonyms has a row; or
they have as many rows as a program can hold.
"""

from __future__ import annotations

import math

from duckdb import DuckDBPyConnection

#: SQL of everybody in the extract, in the order of their pseudonyms; it is looked up for each table
BY_PSEUDONYM = "SELECT key, row_number() OVER (ORDER BY length(key), key) AS place FROM known_people"
IN_ORDER = "FROM people_in_order"
#: So many people would have rows if they were like the others: that none has is no accident
EXPECTED_PEOPLE = 20
#: Share of all people that they must be: few may be alike because of the order in which pseudonyms were given
LEAST_BEYOND = 0.05
#: Rows that spreadsheets can hold, with and without a header line
SPREADSHEET_ROWS = frozenset({65_535, 65_536, 1_048_575, 1_048_576})


def count_beyond(connection: DuckDBPyConnection, above: str = IN_ORDER) -> int:
    """Return how many before the first or behind the last with a row have none; 0 where that may be chance.

    The table ``people_in_order`` holds :data:`BY_PSEUDONYM`.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the table ``keys``, the identifiers of a table (:mod:`naome.extract.linkage`).
    above : str
        SQL of those who may have rows, in an order in which the rows may be: ``key`` and ``place``.
    """
    all_, with_rows, first, last = connection.execute(
        "SELECT count(*), count(*) FILTER (there), min(place) FILTER (there), max(place) FILTER (there) FROM ("
        f"SELECT place, key IN (SELECT key FROM keys) AS there FROM ({above}))"
    ).fetchone()
    if not with_rows:
        return 0
    beyond = max(first - 1, all_ - last)
    return beyond if is_no_accident(all_, with_rows, beyond) else 0


def is_no_accident(people: int, with_rows: int, beyond: int) -> bool:
    """Return whether so many who follow each other have so rarely no row that the table must be cut off there.

    Examples
    --------
    >>> is_no_accident(1000, 500, 5), is_no_accident(1000, 500, 500), is_no_accident(1000, 20, 500)
    (False, True, False)
    """
    share = with_rows / people
    return share < 1 and beyond >= LEAST_BEYOND * people and -math.log1p(-share) * beyond >= EXPECTED_PEOPLE


def say_full_sheet(table: str, rows: int) -> str:
    """Return a sentence about a table with as many rows as a spreadsheet holds; an empty text where it has others.

    Examples
    --------
    >>> say_full_sheet("hes_apc", 1048575)
    'hes_apc has 1,048,575 rows, as many as a spreadsheet holds. Is it cut off?'
    """
    if rows not in SPREADSHEET_ROWS:
        return ""
    return f"{table} has {rows:,} rows, as many as a spreadsheet holds. Is it cut off?"
