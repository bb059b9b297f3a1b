"""What must be right in all of a cleaned table together, and what of it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from naome.extract.duplicates import FEW_ROWS

#: So few rows are no sign of a fault in a whole column
FEW_WRONG = 5


@dataclass(frozen=True)
class FewWrong:
    """A condition that few rows may fulfil: :data:`FEW_WRONG`, or a share of them.

    A column of which rows are not read belongs into the condition and not behind a WHERE, which may look at it before
    rows of people who are not known are left out, and their values are not clean.

    Attributes
    ----------
    wrong : str
        The condition, in SQL.
    rows : str
        The rows, as they stand behind FROM.
    at_most : float
        Share of them.
    row : str
        Their column with the number of the row.
    """

    wrong: str
    rows: str
    at_most: float
    row: str = "row_"

    @property
    def counts(self) -> str:
        """SQL of the rows that fulfil it, and of the first of them."""
        return f"count(*) FILTER ({self.wrong}), min({self.row}) FILTER ({self.wrong})"


@dataclass(frozen=True)
class Check:
    """What must be right in all of a table together.

    Attributes
    ----------
    table, about : str
        Raw table and columns, as messages begin.
    look : FewWrong or str
        A condition; or SQL that gives the number of rows that are wrong and ``row_`` of the first of them, and no row
        where the table is right.
    message : str
        What is wrong with ``{n}`` rows, what is allowed, and a hint.
    warn : bool
        Whether it is a warning, because what is wrong is possible, in words without a number, which are on a page; the
        table is refused otherwise.
    filled : str
        The column that must be filled, where that is what is looked for.
    """

    table: str
    about: str
    look: FewWrong | str
    message: str
    warn: bool = False
    filled: str = ""

    @property
    def sql(self) -> str:
        """SQL with all tables and columns that the check reads."""
        return self.look if isinstance(self.look, str) else f"SELECT {self.look.counts} FROM {self.look.rows}"


def count_in_groups(groups: str, table: str, at_most: float) -> str:
    """Return the SQL of a check that few rows of a table are in groups that are wrong.

    Parameters
    ----------
    groups : str
        SQL of these groups: their rows ``n``, and ``row_`` of the ``first``.
    table : str
        Raw table.
    at_most : float
        Share of its rows that may be in them.
    """
    most = f"greatest({FEW_ROWS}, {at_most} * (SELECT count(*) FROM clean_{table}))"
    return f"SELECT sum(n), min(first) FROM ({groups}) HAVING sum(n) > {most}"


def find_wrong(connection: DuckDBPyConnection, checks: Iterable[Check]) -> dict[Check, tuple[int, int]]:
    """Return the checks that find something, in their order, with the number of rows that are wrong and the first.

    Conditions of the same rows are looked at in one query.
    """
    checks = list(checks)
    found: dict[Check, tuple[int, int]] = {}
    together: dict[str, list[tuple[Check, FewWrong]]] = {}
    for check in checks:
        if isinstance(check.look, FewWrong):
            together.setdefault(check.look.rows, []).append((check, check.look))
        elif rows := connection.execute(check.look).fetchall():
            (found[check],) = rows
    for rows, conditions in together.items():
        counts = ", ".join(each.counts for _, each in conditions)
        all_, *counted = connection.execute(f"SELECT count(*), {counts} FROM {rows}").fetchall()[0]
        for (check, each), wrong, first in zip(conditions, counted[::2], counted[1::2], strict=True):
            if wrong > max(FEW_WRONG, each.at_most * all_):
                found[check] = wrong, first
    return {check: found[check] for check in checks if check in found}
