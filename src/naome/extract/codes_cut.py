"""Codes that are each allowed and together cannot be whole: without their last character, or the first of each only."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from naome.extract.problems import Problems, say_rows
from naome.extract.source_files import SourceFiles
from naome.extract.sql import quote_text

#: Fewer codes tell nothing of what is missing of all of them
TELLING_CODES = 30
#: Share of the codes that may be cut to three characters: of metastatic disease, where every one has four, and of all
CUT_METASTATIC, CUT_OF_ALL = 0.05, 0.5
#: Share of the operations whose code may be that of a diagnosis of the same episode, by chance
SAME_CODES = 0.2
#: Of so many operations, those of some episodes are looked at
ENOUGH_OPERATIONS = 200_000


def check_last_character(
    connection: DuckDBPyConnection, source: SourceFiles, needing: list[str], problems: Problems
) -> None:
    """Refuse codes that have lost their last character: the site of metastases, and which operation it was."""
    of_list = "list_contains(CAST(? AS VARCHAR[]), {})"
    codes, cut, all_needing, cut_needing = connection.execute(
        "SELECT count(*), count(*) FILTER (length(code) = 3), "
        f"count(*) FILTER ({of_list.format('left(code, 3)')}), count(*) FILTER ({of_list.format('code')}) "
        f"FROM canon_{source.table}",
        [needing, needing],
    ).fetchone()
    if codes >= TELLING_CODES and cut > CUT_OF_ALL * codes:
        rows, of, most, which, where = cut, codes, CUT_OF_ALL, "codes", "length(code) = 3"
    elif all_needing >= TELLING_CODES and cut_needing > CUT_METASTATIC * all_needing:
        rows, of, most, which = cut_needing, all_needing, CUT_METASTATIC, f"codes of {', '.join(needing)}"
        where = f"code IN ({', '.join(map(quote_text, needing))})"
    else:
        return
    problems.add(
        f"{source.find_place(connection, where, 'code')}: {rows:,} of {of:,} {which} have three characters; allowed: "
        f"at most {most:.0%}, four characters in the others. Hint: was the fourth cut off, or is this the column of "
        "three-character codes?"
    )


def check_operations(connection: DuckDBPyConnection, procedures: SourceFiles, problems: Problems) -> None:
    """Refuse operations that are the diagnoses of their episode: ICD-10 and OPCS-4 have codes of one form."""
    some = f"WHERE episode % (SELECT 1 + count(*) // {ENOUGH_OPERATIONS} FROM canon_procedures) = 0"
    rows, same = connection.execute(
        f"SELECT count(*), count(*) FILTER ((episode, code) IN (SELECT (episode, code) FROM canon_diagnoses {some})) "
        f"FROM canon_procedures {some}"
    ).fetchone()
    if rows >= TELLING_CODES and same > SAME_CODES * rows:
        problems.add(
            f"{procedures.name_place('code')}: {same:,} of {rows:,} codes are those of diagnoses of the same episode; "
            f"allowed: at most {SAME_CODES:.0%}. Hint: does one of the columns hold the codes of the other?"
        )


def check_further_codes(connection: DuckDBPyConnection, source: SourceFiles, problems: Problems) -> None:
    """Refuse codes of which only the first of each record are there."""
    rows, last = connection.execute(f"SELECT count(*), max(position) FROM canon_{source.table}").fetchone()
    if rows >= TELLING_CODES and last == 1:
        problems.add(
            f"{source.name_place('position')}: the first in all of {say_rows(rows)}; allowed: further codes in some. "
            "Hint: are the columns after the first empty, or only the first codes exported? Most metastases are among "
            "the others."
        )
