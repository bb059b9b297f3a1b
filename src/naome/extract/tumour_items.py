"""Items of tumours that are each allowed and together cannot be: of one value only, or contradicting each other.

An empty cell that means another value, a column shifted by a row and codes of another list look right row by row.
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from naome.core.definitions import Definitions
from naome.extract.problems import Problems, say_rows
from naome.extract.source_files import SourceFiles

#: Share of the registrations that must be eligible; where few are, the extract is provisional or a code is wrong
LEAST_ELIGIBLE = 0.1
#: Items of a tumour of which each value is found among so many, the rarest (nobody seen by a nurse) in 3 of 100. An
#: extract may be of stage 4 only
BOTH_FOUND = ("er", "pr", "her2", "cns", "basis", "chemotherapy_flag", "radiotherapy_flag")
ONE_OF_MANY = 300
#: Share of the tumours of stage 4 without metastases, or of those with metastases of another stage; fewer tell nothing
CONTRADICTED, TELLING_TUMOURS = 0.5, 30
#: Fewer tumours tell nothing of two receptors
TELLING_RECEPTORS = 100


def check_both_values(connection: DuckDBPyConnection, tumours: SourceFiles, problems: Problems) -> None:
    """Refuse items of which only one value is recorded: an empty cell means another one."""
    counted = ", ".join(f"count({item}), count(DISTINCT {item}), any_value({item})" for item in BOTH_FOUND)
    found = connection.execute(f"SELECT {counted} FROM canon_tumours").fetchone()
    for place, item in enumerate(BOTH_FOUND):
        rows, values, value = found[3 * place : 3 * place + 3]
        if rows >= ONE_OF_MANY and values == 1:
            problems.add(
                f"{tumours.name_place(item)}: {str(value).lower()} in all {rows:,} rows that have one; allowed: each "
                "value in some rows. Hint: does an empty cell mean another value, or was a value lost? Export each as "
                "a code."
            )


def check_items_agree(connection: DuckDBPyConnection, tumours: SourceFiles, problems: Problems) -> None:
    """Refuse items that contradict each other: shifted by a row, exchanged, or of another list."""
    four, four_without, spread, spread_without, er, er_positive, her2, her2_positive = connection.execute(
        "SELECT count(*) FILTER (stage = '4' AND m1 IS NOT NULL), count(*) FILTER (stage = '4' AND NOT m1), "
        "count(*) FILTER (m1 AND stage IS NOT NULL), count(*) FILTER (m1 AND stage <> '4'), "
        "count(er), count(*) FILTER (er = 'positive'), count(her2), count(*) FILTER (her2 = 'positive') "
        "FROM canon_tumours"
    ).fetchone()
    for rows, wrong, which, what in (
        (four, four_without, "stage = '4' AND NOT m1", "of stage 4 have no metastases by the M category"),
        (spread, spread_without, "m1 AND stage <> '4'", "with metastases by the M category are not of stage 4"),
    ):
        if rows >= TELLING_TUMOURS and wrong > CONTRADICTED * rows:
            problems.add(
                f"{tumours.find_place(connection, which, 'stage', 'm1')}: {wrong:,} of {rows:,} tumours {what}; "
                f"allowed: at most {CONTRADICTED:.0%}. Hint: is one of the columns shifted against the other, or of "
                "another list?"
            )
            return
    if min(er, her2) >= TELLING_RECEPTORS and her2_positive / her2 > er_positive / er:
        problems.add(
            f"{tumours.name_place('er', 'her2')}: more are positive for HER2 ({her2_positive / her2:.0%}) than for "
            f"ER ({er_positive / er:.0%}); allowed: fewer. Hint: are the two columns exchanged, or their codes?"
        )


def check_some_eligible(
    connection: DuckDBPyConnection, tumours: SourceFiles, definitions: Definitions, problems: Problems
) -> None:
    """Refuse registrations of which none is of the breast, or few are eligible."""
    breast = "|".join(definitions.codelist("icd10_breast").prefixes())
    found, eligible = connection.execute(
        f"SELECT count(*) FILTER (site SIMILAR TO '({breast}).*'), count(*) FILTER (eligible_registration) "
        "FROM canon_tumours"
    ).fetchone()
    if problems.count:  # a country that is not there has been named
        return
    if not found:
        problems.add(
            f"{tumours.name_place('site')}: none is of the breast; allowed: {breast.replace('|', ', ')} in some rows. "
            "Hint: is this the extract of another cancer?"
        )
    elif eligible < LEAST_ELIGIBLE * found:
        problems.add(
            f"{tumours.find_place(connection, 'NOT eligible_registration', 'eligible_registration')}: "
            f"{eligible or 'none'} of {say_rows(found)} are eligible; allowed: a final registration of this nation, "
            f"once each, in {LEAST_ELIGIBLE:.0%} at least. Hint: are the columns filled, are their codes right, and is "
            "the extract final?"
        )
