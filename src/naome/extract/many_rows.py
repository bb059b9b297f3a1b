"""Rules that concern many rows of a table, and values that are in no list: a warning asks whether it is meant.

In most extracts few rows are excluded, hold a day that stands for none, or a value that no list has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from naome.extract.candidates import NOT_CANDIDATES
from naome.extract.linkage import NO_SUCH_PERSON, NO_SUCH_RECORD
from naome.extract.quality import Log, count_logged
from naome.extract.vocabulary import Vocabulary

#: Fewer rows tell nothing
FEW_CONCERNED = 20
#: Share of the rows of a table that a rule may exclude, or whose date may be a day that stands for none
MANY_ROWS = 0.05
#: Share of the rows whose value may be in no list before they are a warning; of more, a column is refused
MANY_UNKNOWN = 0.01
#: Rules that exclude rows by design, or of which the table of links says more. Records that are not linked are no
#: one's, so they are many beside those of the few people of whom events are read
NO_SIGN = ("other_site", "unlinked_record", NOT_CANDIDATES[0], NO_SUCH_PERSON[0], NO_SUCH_RECORD[0])
#: What may be behind many rows that a rule excludes, by a word in its name
LIKELY_CAUSES = {"duplicate": "Was the table exported or pasted twice?", "without_date": "Were dates lost?"}
#: Rules that exclude deaths
DEATH_RULES = ("death_without_date", "duplicate_death")
#: Rules that read a value as not recorded, and what it is
NOT_RECORDED_BY = {
    "sentinel_date": "a day that stands for none, such as 1900-01-01, and are read without a date. Were dates lost?",
    "truncated_date": "a date that is cut off, and are read without one. Were dates lost?",
    "organisation_default": "a code that stands for no organisation, and count in none. Were codes lost?",
}


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
    unread = {str(entry["table"]): count_logged(entry) for entry in log if entry["rule"] == NOT_CANDIDATES[0]}
    said = []
    for entry in log:
        table, rule, column, count = str(entry["table"]), str(entry["rule"]), str(entry["column"]), count_logged(entry)
        read = deaths + count if rule in DEATH_RULES else rows.get(table, 0) - unread.get(table, 0)
        if count < FEW_CONCERNED or count <= MANY_ROWS * read or rule in NO_SIGN:
            continue
        share = min(count / read, 1.0) if read else 1.0
        if entry["kind"] == "left out":
            causes = " ".join(cause for word, cause in LIKELY_CAUSES.items() if word in rule)
            which = "deaths" if rule in DEATH_RULES else "rows"
            sentence = f"{table}: {share:.0%} of the {which} are excluded ({rule}). {entry['meaning']} {causes}"
            said.append(sentence.strip())
        elif rule in NOT_RECORDED_BY and ".." not in column:  # the date of no operation is often such a day
            said.append(f"{table}, column {column}: {share:.0%} of the rows hold {NOT_RECORDED_BY[rule]}")
    return said


def say_many_unknown(vocabularies: Sequence[Vocabulary]) -> list[str]:
    """Return a sentence for each column of which more than a few rows hold a value that is in no list."""
    return [
        f"{found.table}, column {found.column}: {found.unknown_rows / found.rows:.1%} of the rows hold a value that is "
        f"in no list: {found.say_unknown()}. They count in no group. Is a list older than the extract?"
        for found in vocabularies
        if found.unknown_rows >= FEW_CONCERNED and found.unknown_rows > MANY_UNKNOWN * found.rows
    ]
