"""The data-quality log of an extract: how many rows were repaired or left out, by which rule."""

from __future__ import annotations

from naome.extract.clean import CLEANING_RULES

Log = list[dict[str, object]]


def log_rows(log: Log, rule: str, table: str, column: str, rows: int, meaning: str, kind: str = "repair") -> None:
    """Add an entry, unless no row is concerned; `kind` is ``repair`` or ``left out``."""
    if rows:
        log.append({"rule": rule, "table": table, "column": column, "rows": rows, "kind": kind, "meaning": meaning})


def count_logged(entry: dict[str, object]) -> int:
    """Return the number of rows of an entry of the log.

    Examples
    --------
    >>> count_logged({"rule": "duplicate_episode", "rows": 3})
    3
    """
    return int(str(entry["rows"]))


def log_repairs(log: Log, table: str, repairs: dict[tuple[str, str], int]) -> None:
    """Add the repairs of a file in the order of the columns.

    Parameters
    ----------
    repairs : dict
        ``(label of the column, rule)`` -> rows.
    """
    for (label, rule), rows in sorted(repairs.items()):
        log_rows(log, rule, table, label, rows, CLEANING_RULES[rule])
