"""Candidates: the people whose events are read, those with any record suggestive of metastatic disease.

An extract holds the hospital records of everybody with breast cancer; analysis
reads those of the few who may have metastatic disease. Records of the others are
not read (data minimisation, decision 0016). Signs say more than any rule of a
cohort: whoever a rule or an option could take has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from duckdb import DuckDBPyConnection

from naome.extract.clean import Cleaner
from naome.extract.files import RawFile
from naome.extract.problems import Problems
from naome.extract.reader import RawTable, find_children
from naome.extract.sql import quote_name, quote_text
from naome.extract.values import clean_columns

#: File beside the canonical tables that says by which signs candidates were found; none where everybody is one.
CANDIDATES = "candidates.json"
#: Rule and meaning in the data-quality log.
NOT_CANDIDATES = (
    "no_sign_of_metastasis",
    "Events of people without any record suggestive of metastatic disease (stage 4, a code that can be evidence, a "
    "reported recurrence, a drug for metastatic disease only) are not read: no analysis uses them.",
)


@dataclass(frozen=True)
class Signs:
    """What is a sign of metastatic disease, beside stage 4 at diagnosis and a reported recurrence.

    Attributes
    ----------
    codes : tuple of str
        First characters of ICD-10 codes in admissions.
    drugs : tuple of str
        SACT drug groups in capitals.
    """

    codes: tuple[str, ...]
    drugs: tuple[str, ...]

    def has(self, kind: str, value: object) -> bool:
        """Return whether a cleaned value is a sign; `kind` is ``stage``, ``recurrence``, ``code`` or ``drug``.

        Examples
        --------
        >>> Signs(("C78", "C79"), ()).has("code", "C795")
        True
        """
        if value is None:
            return False
        if kind == "stage":
            return value == "4"
        if kind == "recurrence":
            return True
        if kind == "code":
            return str(value).startswith(self.codes)
        # Several drugs in one field are a tuple
        return any(drug in self.drugs for drug in (value if isinstance(value, tuple) else (value,)))

    def covers(self, other: Signs) -> bool:
        """Return whether everybody with the other signs has one of these."""
        return all(code.startswith(self.codes) for code in other.codes) and set(other.drugs) <= set(self.drugs)


def find_candidates(
    connection: DuckDBPyConnection,
    tables: Mapping[str, RawTable],
    files: Mapping[str, RawFile],
    signs: Signs,
    problems: Problems,
) -> None:
    """Find the people with a sign, table ``candidates``, and those known to be without one, ``without_people``.

    ``known_people`` are there (:func:`naome.extract.linkage.measure_linkage`).

    Parameters
    ----------
    tables, files : mapping
        By raw table; a table stands after those that its rows belong to.
    problems : Problems
        Receives values that cannot be read where a sign would stand: nobody can be told to be without one then.
    """
    found = []
    for name, file in files.items():
        for place, kind in tables[name].signs.items():
            shown = _say_signs(connection, file, tables[name].cleaned_at(place), kind, signs, problems)
            rows = " UNION ALL ".join(f"SELECT row_ FROM {file.view} WHERE {condition}" for condition in shown)
            if shown:
                condition = shown[0] if len(shown) == 1 else f"row_ IN ({rows})"
                found.append(_people_of(tables, files, name, condition))
    people = " UNION ALL ".join(found) or "SELECT NULL::VARCHAR AS key"
    connection.execute(f"CREATE TABLE candidates AS SELECT DISTINCT key FROM ({people})")
    # A condition in the query itself would be looked at for every row, sign or not
    connection.execute("DELETE FROM candidates WHERE key IS NULL")
    connection.execute(
        "CREATE TABLE without_people AS SELECT key FROM known_people WHERE key NOT IN (SELECT key FROM candidates)"
    )


def _say_signs(connection, file: RawFile, columns: Mapping[str, Cleaner], kind, signs, problems) -> list[str]:
    """Return the SQL conditions, one per column, that a row shows a sign, said of raw values.

    Each is looked for by itself: DuckDB takes half as long again for a row with one sign or another.
    """
    there = [(column, column, cleaner) for column, cleaner in columns.items() if column in file.columns]
    found = clean_columns(connection, file, there, problems, counted=False)
    conditions = []
    for column, _, _ in there:
        raw = [quote_text(value) for value, clean in found.values[column].items() if signs.has(kind, clean)]
        if raw:
            conditions.append(f"CAST({quote_name(column)} AS VARCHAR) IN (SELECT unnest([{', '.join(raw)}]))")
    return conditions


def _people_of(tables, files, name: str, condition: str) -> str:
    """Return the SELECT of the people to whom rows of a table belong, through as many tables as it takes."""
    belongs = tables[name].belongs
    rows = f"SELECT {files[name].key(belongs.columns)} AS key FROM {files[name].view} WHERE {condition}"
    if not belongs.of:
        return rows
    if belongs.of not in files:
        return "SELECT NULL::VARCHAR AS key WHERE false"
    return _people_of(tables, files, belongs.of, f"{files[belongs.of].key(belongs.names)} IN ({rows})")


def keep_rows(connection, tables, file: RawFile) -> RawFile:
    """Hold the rows that are kept, in their order, and return the file with a view of them.

    A row is kept unless it belongs to somebody known to be without a sign.
    What the other rows are called by rows that belong to them is kept in ``without_<table>``.
    """
    table = tables[file.table]
    key = file.key(table.belongs.columns)
    if not table.belongs.of:
        # Trimming takes longer than all else here; a pseudonym with blanks is nobody's, and its rows are kept
        key = f"CAST({quote_name(table.belongs.columns[0])} AS VARCHAR)"
    without = f"without_{table.belongs.of or 'people'}"
    for children in find_children(tables, file.table):
        left = f"SELECT {file.key(children.names)} AS key FROM {file.view} WHERE {key} IN (SELECT key FROM {without})"
        connection.execute(f"CREATE TABLE without_{file.table} AS {left}")
    columns = {column: kind for column, kind in file.columns.items() if column in table.wanted()}
    filled = ", ".join(["row_", *(quote_name(column) for column in columns if column not in file.empty)])
    others = f"{file.view} ANTI JOIN {without} ON {without}.key = {key}"
    connection.execute(f"CREATE TABLE candidates_{file.table} AS SELECT {filled} FROM {others} ORDER BY row_")
    empty = "".join(f", NULL::{columns[column]} AS {quote_name(column)}" for column in columns if column in file.empty)
    view = f"{file.view}_candidates"
    connection.execute(f"CREATE VIEW {view} AS SELECT *{empty} FROM candidates_{file.table}")
    return replace(file, view=view, columns=columns)
