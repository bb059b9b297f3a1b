"""Values of an extract that are each allowed and together cannot be: a day that stands for none, most people men.

Codes of another list and defaults of a program look right one by one. What people with breast cancer are
like tells them: nearly all are women, few are younger than 15, and no date stands alone years before all others.
"""

from __future__ import annotations

from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from naome.core.definitions import Definitions
from naome.extract.codes_cut import check_further_codes, check_last_character, check_operations
from naome.extract.problems import Problems, say_rows
from naome.extract.reader import Reader
from naome.extract.schema import CANONICAL
from naome.extract.source_files import SourceFiles
from naome.extract.tumour_items import check_both_values, check_items_agree, check_some_eligible

#: One day with so many rows, and no other date so near to it, stands for none
DEFAULT_ROWS, ALONE_DAYS = 20, 3 * 365
#: Of people with breast cancer 1 in 100 is a man; of fewer people nothing can be told
TELLING_PEOPLE, FEW_MEN, MOST_MEN = 100, 5, 0.1
#: Ages at which breast cancer is not diagnosed, but that stand for none: below the first, above the last
USUAL_AGES, ODD_AGES, AGE_ROWS = (15, 105), 0.01, 8


def check_implausible(
    connection: DuckDBPyConnection,
    reader: Reader,
    sources: Mapping[str, SourceFiles],
    definitions: Definitions,
    problems: Problems,
) -> None:
    """Refuse canonical tables whose values cannot be right together.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the canonical tables.
    reader : Reader
    sources : mapping of str to SourceFiles
        What stands behind each canonical table.
    definitions : Definitions
        Their code list of metastatic disease says which codes have a fourth character.
    problems : Problems
        Receives one message per column.
    """
    _check_days(connection, reader, sources, problems)
    if {"people", "tumours"} <= set(reader.canonical):
        _check_sex(connection, sources["people"], problems)
        _check_age(connection, sources["tumours"], problems)
        check_both_values(connection, sources["tumours"], problems)
        # a value that was lost contradicts others, and items of artificial records are drawn apart from each other
        if not problems.count and not reader.open_names:
            check_items_agree(connection, sources["tumours"], problems)
        check_some_eligible(connection, sources["tumours"], definitions, problems)
    metastatic = sorted({code[:3] for code in definitions.codelist("icd10_metastatic").prefixes() if len(code) > 3})
    for table, needing in (("diagnoses", metastatic), ("procedures", [])):
        if table in reader.canonical:
            check_last_character(connection, sources[table], needing, problems)
            check_further_codes(connection, sources[table], problems)
    if {"diagnoses", "procedures"} <= set(reader.canonical):
        check_operations(connection, sources["procedures"], problems)


def _check_days(connection, reader: Reader, sources: Mapping[str, SourceFiles], problems: Problems) -> None:
    alone: dict[str, dict[str, str]] = {}
    for table in reader.canonical:
        for column in CANONICAL[table].columns:
            if column.type == "DATE" and (days := _find_alone(connection, table, column.name)):
                source = sources[table]
                alone.setdefault(source.name, {})[source.name_columns(column.name)] = days
    for file, columns in alone.items():
        problems.add(
            f"{file}: {'; '.join(f'{column}: {days}' for column, days in columns.items())}: no other date is within "
            f"{ALONE_DAYS // 365} years of it, so it stands for none; allowed: dates of events, or nothing. Hint: "
            "where a date is not known, programs write the first day of their calendar, some systems a day of their "
            "own; export such dates as empty."
        )


def _find_alone(connection, table: str, column: str) -> str:
    """Name the days of many rows that are far from all other days; an empty text where there is none."""
    gaps = ("day - lag(day) OVER one", "lead(day) OVER one - day")
    far = " AND ".join(f"coalesce({gap} > {ALONE_DAYS}, TRUE)" for gap in gaps)
    days = f"SELECT {column} AS day, count(*) AS n FROM canon_{table} WHERE {column} IS NOT NULL GROUP BY 1"
    found = connection.execute(
        f"SELECT year(day), n FROM ({days}) WINDOW one AS (ORDER BY day) "
        f"QUALIFY n >= {DEFAULT_ROWS} AND count(*) OVER () > 1 AND {far} ORDER BY day"
    ).fetchall()
    return " and ".join(f"one day of {year} ({say_rows(rows)})" for year, rows in found)


def _check_sex(connection, people: SourceFiles, problems: Problems) -> None:
    everybody, known, men = connection.execute(
        "SELECT count(*), count(sex), count(*) FILTER (sex = 'male') FROM canon_people "
        "WHERE person_id IN (SELECT person_id FROM canon_tumours)"
    ).fetchone()
    if everybody >= TELLING_PEOPLE and men >= FEW_MEN and men > MOST_MEN * known:
        problems.add(
            f"{people.name_place('sex')}: {men / known:.0%} of the people with breast cancer are men; allowed: at most "
            f"{MOST_MEN:.0%}. Hint: are the codes exchanged, or of another list (0 and 1), or is this the extract of "
            "another cancer?"
        )


def _check_age(connection, tumours: SourceFiles, problems: Problems) -> None:
    first, last = USUAL_AGES
    other = f"age NOT BETWEEN {first} AND {last}"
    rows, odd = connection.execute(f"SELECT count(age), count(*) FILTER ({other}) FROM canon_tumours").fetchone()
    if odd >= AGE_ROWS and odd > ODD_AGES * rows:
        problems.add(
            f"{tumours.find_place(connection, other, 'age')}: {say_rows(odd)} of {rows:,} are below {first} or above "
            f"{last}; allowed: at most {ODD_AGES:.0%}. Hint: does 0, 1 or 120 mean that the age is not "
            "known? Leave the records out, or ask for the ages."
        )
