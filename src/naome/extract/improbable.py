"""What is possible and improbable in an extract: it is read, and a warning asks whether it is meant.

Each value is allowed, and even all of them together are (:mod:`naome.extract.implausible` refuses what cannot be). But
most extracts are not of one stage or of young people, and few rows are excluded or hold a day that stands for none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from duckdb import DuckDBPyConnection

from naome.extract.candidates import NOT_CANDIDATES
from naome.extract.linkage import NO_SUCH_PERSON, NO_SUCH_RECORD
from naome.extract.quality import Log
from naome.extract.vocabulary import Vocabulary

#: Fewer tumours, or rows, tell nothing
TELLING_TUMOURS, TELLING_ROWS = 100, 20
#: Of tumours of the breast with a stage 1 in 17 is of stage 4
MOST_OF_STAGE_4 = 0.5
#: Of people with breast cancer 1 in 1,000 is so young, and 1 in 150 so old
YOUNG, MOST_YOUNG, OLD, MOST_OLD = 25, 0.01, 95, 0.03
#: Share of the rows of a table that a rule may exclude, or whose date may be a day that stands for none
MANY_ROWS = 0.05
#: Share of the rows whose value may be in no list before they are a warning; of more, a column is refused
MANY_UNKNOWN = 0.01
#: Rules that exclude rows by design, or of which the table of links says more
NO_SIGN = ("other_site", NOT_CANDIDATES[0], NO_SUCH_PERSON[0], NO_SUCH_RECORD[0])
#: What may be behind many rows that a rule excludes, by a word in its name
LIKELY_CAUSES = {"duplicate": "Was the table exported or pasted twice?", "without_date": "Were dates lost?"}
#: Rules that exclude deaths
OF_DEATHS = ("death_without_date", "duplicate_death")
#: Rules that read a day as not recorded
NO_DAY = ("sentinel_date", "truncated_date")


def say_improbable_tumours(connection: DuckDBPyConnection, table: str) -> tuple[str, ...]:
    """Return a sentence about the stages, and one about the ages, of tumours as few extracts have them.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the canonical tumours.
    table : str
        The raw table of the tumours, as messages call it.
    """
    staged, four, aged, young, old = connection.execute(
        f"SELECT count(stage), count_if(stage = '4'), count(age), count_if(age <= {YOUNG}), count_if(age >= {OLD}) "
        "FROM canon_tumours"
    ).fetchall()[0]
    said = []
    if staged >= TELLING_TUMOURS and four > MOST_OF_STAGE_4 * staged:
        said.append(
            f"{table}: {four / staged:.0%} of the tumours with a stage are of stage 4. Is this an extract of stage 4? "
            "Recurrent disease is that of people whose first diagnosis was of another stage, who are then not in it."
        )
    for rows, most, which in ((young, MOST_YOUNG, f"{YOUNG} or younger"), (old, MOST_OLD, f"{OLD} or older")):
        if aged >= TELLING_TUMOURS and rows > most * aged:
            said.append(
                f"{table}: {rows / aged:.0%} of the people were {which} at diagnosis, where at most {most:.0%} are "
                "expected. Is this the age at diagnosis, in years?"
            )
    return tuple(said)


def say_many_rows(log: Log, rows: Mapping[str, int], deaths: int = 0) -> list[str]:
    """Return a sentence for each rule that concerns many rows of a table and few elsewhere.

    Parameters
    ----------
    log : Log
        The data-quality log.
    rows : mapping of str to int
        Raw table -> its rows.
    deaths : int
        Deaths that are read; where registrations say of a person that they have died, few rows of the table do.

    Examples
    --------
    >>> entry = {"rule": "duplicate_episode", "table": "hes", "column": "", "kind": "left out", "rows": 50}
    >>> say_many_rows([{**entry, "meaning": "One is kept."}], {"hes": 100})
    ['hes: 50% of the rows are excluded (duplicate_episode). One is kept. Was the table exported or pasted twice?']
    """
    unread = {str(entry["table"]): _count(entry) for entry in log if entry["rule"] == NOT_CANDIDATES[0]}
    said = []
    for entry in log:
        table, rule, column, count = str(entry["table"]), str(entry["rule"]), str(entry["column"]), _count(entry)
        read = deaths + count if rule in OF_DEATHS else rows.get(table, 0) - unread.get(table, 0)
        if count < TELLING_ROWS or count <= MANY_ROWS * read or rule in NO_SIGN:
            continue
        share = min(count / read, 1.0) if read else 1.0
        if entry["kind"] == "left out":
            causes = " ".join(cause for word, cause in LIKELY_CAUSES.items() if word in rule)
            which = "deaths" if rule in OF_DEATHS else "rows"
            sentence = f"{table}: {share:.0%} of the {which} are excluded ({rule}). {entry['meaning']} {causes}"
            said.append(sentence.strip())
        elif rule in NO_DAY and ".." not in column:  # of an operation that was not, the date is often such a day
            said.append(
                f"{table}, column {column}: {share:.0%} of the rows hold a day that stands for none, such as "
                "1900-01-01, and are read without a date. Were dates lost?"
            )
    return said


def say_many_unknown(vocabularies: Sequence[Vocabulary]) -> list[str]:
    """Return a sentence for each column of which more than a few rows hold a value that is in no list."""
    return [
        f"{found.table}, column {found.column}: {found.unknown_rows / found.rows:.1%} of the rows hold a value that is "
        f"in no list: {found.say_unknown()}. They count in no group. Is a list older than the extract?"
        for found in vocabularies
        if found.unknown_rows >= TELLING_ROWS and found.unknown_rows > MANY_UNKNOWN * found.rows
    ]


def _count(entry: Mapping[str, object]) -> int:
    return int(str(entry["rows"]))
