"""What rules did with the rows of an extract, in the same words whether it is read or checked."""

from __future__ import annotations

from naome.extract.candidates import NOT_CANDIDATES
from naome.extract.quality import Log, count_logged

#: What a rule did with a row, as people are told
REPAIRED, EXCLUDED, NOT_READ = "repaired", "excluded", "not read"


def name_kind(entry: dict[str, object]) -> str:
    """Return what a rule did with its rows: repaired, excluded, or not read because the person is no candidate.

    Examples
    --------
    >>> name_kind({"rule": "no_sign_of_metastasis", "kind": "left out"})
    'not read'
    """
    if entry["rule"] == NOT_CANDIDATES[0]:
        return NOT_READ
    return REPAIRED if entry["kind"] == "repair" else EXCLUDED


def say_log(log: Log) -> str:
    """Say in one phrase how many rows were excluded, repaired and not read.

    Parameters
    ----------
    log : Log
        Of an extract that was read or checked; both are told in the same words.

    Examples
    --------
    >>> say_log([{"rule": "event_after_death", "kind": "left out", "rows": 4}])
    '4 rows excluded by 1 rule, 0 rows repaired by 0 rules'
    """
    said = [f"{_count(log, EXCLUDED, 'excluded by')}, {_count(log, REPAIRED, 'repaired by')}"]
    unread = sum(count_logged(entry) for entry in log if name_kind(entry) == NOT_READ)
    if unread:
        said.append(
            f"{unread:,} rows not read (events of people without a record suggestive of metastatic disease; these are "
            "not exclusions)"
        )
    return "; ".join(said)


def _count(log: Log, kind: str, what: str) -> str:
    mine = [entry for entry in log if name_kind(entry) == kind]
    rows, rules = sum(map(count_logged, mine)), len({entry["rule"] for entry in mine})
    return f"{rows:,} row{'s' * (rows != 1)} {what} {rules} rule{'s' * (rules != 1)}"
