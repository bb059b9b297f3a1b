"""From which columns of an extract the columns of a canonical table follow; nothing of this is written down twice.

It is taken from the reader's own selections, as DuckDB parses them.
"""

from __future__ import annotations

import json
import re
from functools import cache

import duckdb

from naome.extract.reader import Reader
from naome.extract.schema import CANONICAL
from naome.extract.settle import RowRule, Selection

#: Columns of the rows that repeated columns become
LONG = ("position", "code", "second")


def trace_columns(reader: Reader, selection: Selection) -> dict[str, tuple[str, ...]]:
    """Return canonical column -> the raw columns that its expression names, from the parsed SELECT.

    Columns that are NULL in every row are left out; a column that follows from no raw column has none.
    """
    table = reader.raw[selection.raw]
    raw = {column for each in reader.raw.values() for column in each.columns}
    raw |= {*LONG} if selection.reads & {*table.long} else set()
    used = {}
    for item in _parse_select_list(selection.sql):
        if _is_null(item):
            continue
        used[_name_item(item)] = tuple(name for name in dict.fromkeys(_references(item)) if name in raw)
    return used


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Return a database without tables: to open one takes longer than to parse a query."""
    return duckdb.connect()


@cache
def _parse_select_list(sql: str) -> list[dict]:
    """Return what the first SELECT of a query gives, as DuckDB parses it."""
    tree = json.loads(_parser().execute("SELECT json_serialize_sql(?)", [sql]).fetchone()[0])
    node = tree["statements"][0]["node"]
    while "select_list" not in node:
        node = node.get("left") or node["children"][0]
    return node["select_list"]


def name_raw_columns(reader: Reader, selection: Selection) -> dict[str, tuple[str, ...]]:
    """Return column of a selection -> the columns of the extract that it follows from, as messages call them.

    Repeated columns are named by the first and the last, those of another table than the selection's with its name.
    """
    own = reader.raw[selection.raw]
    families = {}
    for long in (each for name, each in own.long.items() if name in selection.reads):
        families |= {"position": long.columns, "code": long.columns, "second": long.seconds}

    def name(column: str) -> str:
        if column in families:
            family = families[column]
            return f"{family[0]} to {family[-1]}" if len(family) > 1 else family[0]
        table = _find_table(reader, selection, column)
        return column if table == selection.raw else f"{column} of {table}"

    return {column: tuple(map(name, raw)) for column, raw in trace_columns(reader, selection).items()}


def _find_table(reader: Reader, selection: Selection, column: str) -> str:
    """Return the raw table, the selection's own first, whose column a selection names."""
    named = (table for table, each in reader.raw.items() if selection.reads & {table, *each.long})
    return next((table for table in (selection.raw, *named) if column in reader.raw[table].columns), selection.raw)


def list_necessary(reader: Reader) -> set[tuple[str, str]]:
    """List the raw tables and columns of which nearly every record needs a value, so that an empty one is refused.

    That is: from which canonical columns follow that must be filled, which a check asks for, and without which a rule
    excludes a record. Where one of several columns will do, none of them is necessary.
    """
    found = {(check.table, check.filled) for check in reader.checks if check.filled}
    for table, selection in reader.canonical.items():
        without = {
            column
            for rule in reader.rules_of(table)
            if isinstance(rule, RowRule)
            for column in re.findall(r"\bt\.(\w+) IS (?:NULL|NOT TRUE)", rule.where)
        }
        required = without.union(column.name for column in CANONICAL[table].columns if column.required)
        raw = {column for each in reader.raw.values() for column in each.columns}
        for item in _parse_select_list(selection.sql):
            if _name_item(item) in required:
                needed = {*_references(item, alternatives=False)} & raw
                found |= {(_find_table(reader, selection, column), column) for column in needed}
    return found


def _is_null(item: dict) -> bool:
    while item.get("class") == "CAST":
        item = item["child"]
    return item.get("literal", {}).get("kind") == "NULL_LITERAL"


def _name_item(item: dict) -> str:
    return item.get("alias") or (item.get("column_names") or [""])[-1]


def _references(node: object, *, alternatives: bool = True) -> list[str]:
    """List the columns that an expression names; with or without those of which one will do (``coalesce``)."""
    if isinstance(node, list):
        return [name for value in node for name in _references(value, alternatives=alternatives)]
    if not isinstance(node, dict):
        return []
    if node.get("class") == "COLUMN_REF":
        return [node["column_names"][-1]]
    children = [value for key, value in node.items() if key != "order_bys"]
    if not alternatives and node.get("type") == "OPERATOR_COALESCE":
        children = [child for child in node["children"] if _references(child)]
        children = children if len(children) == 1 else []
    return [name for value in children for name in _references(value, alternatives=alternatives)]
