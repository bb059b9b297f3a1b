"""Values of an extract that are each allowed and together cannot be: a day that stands for none, most people men.

Codes of another list and defaults of a program look right one by one. What people with breast cancer are
like tells them: nearly all are women, few are younger than 15, and no date stands alone years before all others. What
is not there at all looks right too: codes without their last character, diagnoses after the first.
"""

from __future__ import annotations

from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from naome.core.definitions import Definitions
from naome.extract.problems import Problems, say_rows
from naome.extract.reader import Reader
from naome.extract.schema import CANONICAL

#: One day with so many rows, and no other date so near to it, stands for none
DEFAULT_ROWS, ALONE_DAYS = 20, 3 * 365
#: Of people with breast cancer 1 in 100 is a man; of fewer people nothing can be told
TELLING_PEOPLE, FEW_MEN, MOST_MEN = 100, 5, 0.1
#: Ages at which breast cancer is not diagnosed, but that stand for none: below the first, above the last
USUAL_AGES, ODD_AGES, AGE_ROWS = (15, 105), 0.01, 8
#: Share of the registrations that must be eligible; where few are, the extract is provisional or a code is wrong
LEAST_ELIGIBLE = 0.1
#: Items of a tumour of which each value is found among so many, the rarest (nobody seen by a nurse) in 3 of 100. An
#: extract may be of stage 4 only
BOTH_FOUND = ("er", "pr", "her2", "cns", "basis", "chemotherapy_flag", "radiotherapy_flag")
ONE_OF_MANY = 300
#: Share of the tumours of stage 4 without metastases, or of those with metastases of another stage; fewer tell nothing
CONTRADICTED, TELLING_TUMOURS = 0.5, 30
#: Fewer codes tell nothing of what is missing of all of them
TELLING_CODES = 30
#: Share of the codes that may be cut to three characters: of metastatic disease, where every one has four, and of all
CUT_METASTATIC, CUT_OF_ALL = 0.05, 0.5


def check_implausible(
    connection: DuckDBPyConnection,
    reader: Reader,
    names: Mapping[str, str],
    definitions: Definitions,
    problems: Problems,
) -> None:
    """Refuse canonical tables whose values cannot be right together.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the canonical tables.
    reader : Reader
    names : mapping of str to str
        Raw table -> its file, as messages call it.
    definitions : Definitions
        Their code list of metastatic disease says which codes have a fourth character.
    problems : Problems
        Receives one message per column.
    """

    def name(table: str) -> str:
        raw = reader.canonical[table].raw
        return names.get(raw, raw)

    alone: dict[str, dict[str, str]] = {}
    for table in reader.canonical:
        for column in CANONICAL[table].columns:
            if column.type == "DATE" and (days := _find_alone(connection, table, column.name)):
                alone.setdefault(name(table), {})[f"{table}.{column.name}"] = days
    for file, columns in alone.items():
        problems.add(
            f"{file}: {'; '.join(f'{column}: {days}' for column, days in columns.items())}: no other date is within "
            f"{ALONE_DAYS // 365} years of it, so it stands for none; allowed: dates of events, or nothing. Hint: "
            "where a date is not known, programs write the first day of their calendar, some systems a day of their "
            "own; export such dates as empty."
        )
    if {"people", "tumours"} <= set(reader.canonical):
        _check_sex(connection, name("people"), problems)
        _check_age(connection, name("tumours"), problems)
        _check_both(connection, name("tumours"), problems)
        # a value that was lost contradicts others, and items of artificial records are drawn apart from each other
        if not problems.count and not reader.open_names:
            _check_items(connection, name("tumours"), problems)
        _check_eligible(connection, name("tumours"), definitions, problems)
    metastatic = sorted({code[:3] for code in definitions.codelist("icd10_metastatic").prefixes() if len(code) > 3})
    for table, needing in (("diagnoses", metastatic), ("procedures", [])):
        if table in reader.canonical:
            _check_cut(connection, table, name(table), needing, problems)
            _check_first_only(connection, table, name(table), problems)


def _find_alone(connection, table: str, column: str) -> str:
    """Name the days of many rows that are far from all other days; an empty text where there is none."""
    days = connection.execute(
        f"SELECT {column}, count(*) FROM canon_{table} WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    found = []
    for place, (day, rows) in enumerate(days):
        near = [other for other, _ in days[max(place - 1, 0) : place + 2] if 0 < abs((other - day).days) <= ALONE_DAYS]
        if rows >= DEFAULT_ROWS and len(days) > 1 and not near:
            found.append(f"one day of {day.year} ({say_rows(rows)})")
    return " and ".join(found)


def _check_sex(connection, file: str, problems: Problems) -> None:
    everybody, people, men = connection.execute(
        "SELECT count(*), count(sex), count(*) FILTER (sex = 'male') FROM canon_people "
        "WHERE person_id IN (SELECT person_id FROM canon_tumours)"
    ).fetchone()
    if everybody >= TELLING_PEOPLE and men >= FEW_MEN and men > MOST_MEN * people:
        problems.add(
            f"{file}: people.sex: {men / people:.0%} of the people with breast cancer are men; allowed: at most "
            f"{MOST_MEN:.0%}. Hint: are the codes exchanged, or of another list (0 and 1), or is this the extract of "
            "another cancer?"
        )


def _check_age(connection, file: str, problems: Problems) -> None:
    first, last = USUAL_AGES
    rows, odd = connection.execute(
        f"SELECT count(age), count(*) FILTER (age NOT BETWEEN {first} AND {last}) FROM canon_tumours"
    ).fetchone()
    if odd >= AGE_ROWS and odd > ODD_AGES * rows:
        problems.add(
            f"{file}: tumours.age: {say_rows(odd)} of {rows:,} are below {first} or above {last}; allowed: at most "
            f"{ODD_AGES:.0%}. Hint: does 0, 1 or 120 mean that the age is not known? Leave the records out, or ask for "
            "the ages."
        )


def _check_both(connection, file: str, problems: Problems) -> None:
    """Refuse items of which only one value is recorded: an empty cell means another one."""
    counted = ", ".join(f"count({item}), count(DISTINCT {item}), any_value({item})" for item in BOTH_FOUND)
    found = connection.execute(f"SELECT {counted} FROM canon_tumours").fetchone()
    for place, item in enumerate(BOTH_FOUND):
        rows, values, value = found[3 * place : 3 * place + 3]
        if rows >= ONE_OF_MANY and values == 1:
            problems.add(
                f"{file}: tumours.{item}: {str(value).lower()} in all {rows:,} rows that have one; allowed: each value "
                "in some rows. Hint: does an empty cell mean another value, or was a value lost? Export each as a code."
            )


def _check_items(connection, file: str, problems: Problems) -> None:
    """Refuse items that contradict each other: shifted by a row, exchanged, or of another list."""
    four, four_without, spread, spread_without, er, er_positive, her2, her2_positive = connection.execute(
        "SELECT count(*) FILTER (stage = '4' AND m1 IS NOT NULL), count(*) FILTER (stage = '4' AND NOT m1), "
        "count(*) FILTER (m1 AND stage IS NOT NULL), count(*) FILTER (m1 AND stage <> '4'), "
        "count(er), count(*) FILTER (er = 'positive'), count(her2), count(*) FILTER (her2 = 'positive') "
        "FROM canon_tumours"
    ).fetchone()
    for rows, wrong, what in (
        (four, four_without, "of stage 4 have no metastases by the M category"),
        (spread, spread_without, "with metastases by the M category are of another stage than 4"),
    ):
        if rows >= TELLING_TUMOURS and wrong > CONTRADICTED * rows:
            problems.add(
                f"{file}: tumours.stage and tumours.m1: {wrong:,} of {rows:,} tumours {what}; allowed: at most "
                f"{CONTRADICTED:.0%}. Hint: is one of the columns shifted against the other, or of another list?"
            )
            return
    if min(er, her2) >= TELLING_PEOPLE and her2_positive / her2 > er_positive / er:
        problems.add(
            f"{file}: tumours.er and tumours.her2: more are positive for HER2 ({her2_positive / her2:.0%}) than for "
            f"ER ({er_positive / er:.0%}); allowed: fewer. Hint: are the two columns exchanged, or their codes?"
        )


def _check_eligible(connection, file: str, definitions: Definitions, problems: Problems) -> None:
    breast = "|".join(definitions.codelist("icd10_breast").prefixes())
    tumours, eligible = connection.execute(
        f"SELECT count(*) FILTER (site SIMILAR TO '({breast}).*'), count(*) FILTER (eligible_registration) "
        "FROM canon_tumours"
    ).fetchone()
    if problems.count:  # a country that is not there has been named
        return
    if not tumours:
        problems.add(
            f"{file}: tumours.site: none is of the breast; allowed: {breast.replace('|', ', ')} in some rows. Hint: is "
            "this the extract of another cancer?"
        )
    elif eligible < LEAST_ELIGIBLE * tumours:
        problems.add(
            f"{file}: tumours.eligible_registration: {eligible or 'none'} of {say_rows(tumours)}; allowed: a final "
            f"registration of this nation, once each, in {LEAST_ELIGIBLE:.0%} at least. Hint: are the columns of "
            "status and deduplication filled, are their codes right, and is the extract final?"
        )


def _check_cut(connection, table: str, file: str, needing: list[str], problems: Problems) -> None:
    """Refuse codes that have lost their last character: the site of metastases, and which operation it was."""
    of_list = "list_contains(CAST(? AS VARCHAR[]), {})"
    codes, cut, all_needing, cut_needing = connection.execute(
        "SELECT count(*), count(*) FILTER (length(code) = 3), "
        f"count(*) FILTER ({of_list.format('left(code, 3)')}), count(*) FILTER ({of_list.format('code')}) "
        f"FROM canon_{table}",
        [needing, needing],
    ).fetchone()
    if codes >= TELLING_CODES and cut > CUT_OF_ALL * codes:
        rows, of, most, which = cut, codes, CUT_OF_ALL, "codes"
    elif all_needing >= TELLING_CODES and cut_needing > CUT_METASTATIC * all_needing:
        rows, of, most, which = cut_needing, all_needing, CUT_METASTATIC, f"codes of {', '.join(needing)}"
    else:
        return
    problems.add(
        f"{file}: {table}.code: {rows:,} of {of:,} {which} have three characters; allowed: at most {most:.0%}, four "
        "characters in the others. Hint: was the fourth cut off, or is this the column of three-character codes?"
    )


def _check_first_only(connection, table: str, file: str, problems: Problems) -> None:
    rows, last = connection.execute(f"SELECT count(*), max(position) FROM canon_{table}").fetchone()
    if rows >= TELLING_CODES and last == 1:
        problems.add(
            f"{file}: {table}.position: the first in all of {say_rows(rows)}; allowed: further codes in some. Hint: "
            "are the columns after the first empty, or only the first codes exported? Most metastases are among the "
            "others."
        )
