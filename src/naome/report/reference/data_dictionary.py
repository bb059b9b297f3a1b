"""The data dictionary: canonical tables, what each source gives them, and every rule of reading.

All of it is taken from the code that reads, so that it cannot be out of date: ``naome docs`` writes
``methodology/data-dictionary.qmd`` again, and a test holds the page to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from naome.core.definitions import project_definitions
from naome.core.params import list_shipped, load_params
from naome.extract import READERS
from naome.extract.absent import find_absent, name_thing
from naome.extract.areas import AREA_RULES as AREAS
from naome.extract.candidates import NOT_CANDIDATES
from naome.extract.clean import CLEANING_RULES, OPTIONAL_IDENTIFIER, Cleaner
from naome.extract.reader import RawTable, Reader
from naome.extract.schema import CANONICAL
from naome.extract.settle import RowRule, Selection
from naome.extract.traced_columns import trace_columns
from naome.report.markdown import write_anchor, write_pipe_table

PAGE = "methodology/data-dictionary.qmd"
DEFINITIONS = project_definitions()
TYPES = {"VARCHAR": "text", "INTEGER": "whole number", "BIGINT": "whole number", "BOOLEAN": "yes or no", "DATE": "date"}


FRONT = """---
title: Data dictionary
description: Canonical tables, where each source fills them from, and every data-cleaning rule
---"""
BANNER = """::: {.banner-neutral}
**No results.** This page says how extracts are read; nothing on it comes from data.
:::"""
INTRODUCTION = """This page is made from the code that reads (`naome docs`). Extracts are read into one set of canonical
tables; all analysis starts from these. A value that is not recorded is missing, and missing never means no. Each repair
of a value and each excluded row is counted by its rule in `data_quality.parquet`. A value that no rule covers stops the
run, with the file, the column, the row, the shape of the value and what is allowed. Tables of events (admissions,
diagnoses, procedures, drugs, radiotherapy) hold the events of people with a record suggestive of metastatic disease.
They hold the events of everyone where a cohort of the run needs no such record."""
FILES = """## Files of an extract

A table is a file that is named as the table, in any case, with or without `sim_` before it: Parquet (`.parquet`) or
delimited text (`.csv`, `.txt`, `.tsv`, `.dat`, `.psv`, `.tab`), as it is or packed by gzip (`.gz`); text may be packed
by zip too (`.zip`).

- **Parts.** A table may be several files: one a year (`hes_apc_2019.txt`, `hes_apc_201920.csv`) or numbered
  (`hes_apc_part1.csv`); members of one zip file named in the same ways; or the files of a folder named as the table
  (`hes_apc/`, `hes_apc.parquet/`), as Spark writes it. Parts have the same columns, in any order. A whole table beside
  parts, a missing number, or another copy beside the table (`av_tumour_old.csv`) is refused, because it may not
  belong to the delivery.
- **Delimiter.** Commas, vertical bars, semicolons or tabs: the one under which the table's columns are in the header.
- **Encoding.** UTF-8, UTF-16 with a byte-order mark, Windows-1252 and latin-1; a mixture is refused.
- **Columns.** Names may be in any case and order. Columns that are not in the tables below are not read, nor are
  columns without a name. A record with more or fewer fields than the header is refused, even if the field too
  many is empty.

Messages name the file of the part, and the row in it: the header of a text is row 1. The record of a run
(`inputs/read.json`) holds a digest of every file that was read; a file that changes meanwhile stops the run."""


def describe_canonical() -> pd.DataFrame:
    """Return the canonical contract: ``table, column, type, required, allowed, meaning``.

    Examples
    --------
    >>> describe_canonical().query("table == 'deaths'")["column"].tolist()
    ['person_id', 'death_date', 'underlying_cause', 'causes']
    """
    rows = [
        (
            table.name,
            column.name,
            TYPES[column.type],
            "yes" if column.required else "",
            ", ".join(column.allowed),
            column.meaning,
        )
        for table in CANONICAL.values()
        for column in table.columns
    ]
    return pd.DataFrame(rows, columns=["table", "column", "type", "required", "allowed", "meaning"])


def describe_raw(reader: Reader) -> pd.DataFrame:
    """Return what a reader reads: ``file, column, read as, allowed``.

    Examples
    --------
    >>> describe_raw(READERS["wcn"]).query("column == 'SEX_AT_BIRTH'")["allowed"].item()[:10]
    'F, M, I, Z'
    """
    rows = []
    for name, table in reader.bind(DEFINITIONS).raw.items():
        rows += [(name, column, *_kind(cleaner)) for column, cleaner in table.columns.items()]
        for repeated in table.long.values():
            rows += [(name, _span(columns), *_kind(cleaner)) for columns, cleaner in repeated.parts()]
    return pd.DataFrame(rows, columns=["file", "column", "read as", "allowed"])


def describe_sources(reader: Reader) -> pd.DataFrame:
    """Return where each canonical column comes from: ``table, column, file, raw columns``.

    Raw columns are those that the column's expression names; a column that
    follows from none of them (a constant) has none.

    Examples
    --------
    >>> found = describe_sources(READERS["ncrd"]).query("table == 'tumours' and column == 'stage'")
    >>> found["raw columns"].item()
    'STAGE_BEST'
    """
    rows = []
    for table, contract in CANONICAL.items():
        selection = reader.canonical.get(table)
        if selection is None:
            continue
        used = _columns_of(reader, selection)
        rows += [(table, c.name, selection.raw, used[c.name]) for c in contract.columns if c.name in used]
    return pd.DataFrame(rows, columns=["table", "column", "file", "raw columns"])


def describe_repairs() -> pd.DataFrame:
    """Return the rules that clean one value: ``rule, meaning``."""
    return pd.DataFrame(list(CLEANING_RULES.items()), columns=["rule", "meaning"])


def describe_coding(name: str) -> pd.DataFrame:
    """Return what the codes of an item mean: ``code, read as, term, status, source``.

    Examples
    --------
    >>> describe_coding("gender")[["code", "read as"]].head(3).to_numpy().tolist()
    [['1', 'male'], ['2', 'female'], ['9', 'not recorded']]
    """
    lines = DEFINITIONS.coding(name).lines
    rows = [(line.code, line.value or "not recorded", line.term, line.status, line.source) for line in lines]
    return pd.DataFrame(rows, columns=["code", "read as", "term", "status", "source"])


def say_absent(reader: Reader) -> str:
    """Say which canonical tables and columns a feed never fills.

    Examples
    --------
    >>> say_absent(READERS["wcn"]).split(",")[0]
    'The feed never has: endocrine flag'
    """
    return f"The feed never has: {', '.join(name_thing(name) for name in find_absent(reader).things)}."


def describe_row_rules(reader: Reader) -> pd.DataFrame:
    """Return the rules on rows and references: ``rule, table, what happens, meaning``."""
    rows, reader = [], reader.bind(DEFINITIONS)
    for rule in reader.rows:
        stops = isinstance(rule, RowRule) and rule.refuse
        meaning = rule.meaning[0].upper() + rule.meaning[1:]
        rows.append((rule.rule, rule.table, "stops the run" if stops else "excluded", meaning.rstrip(".") + "."))
    rows += [(t.only_rule[0], name, "excluded", t.only_rule[1]) for name, t in reader.raw.items() if t.only_rule[0]]
    rows += [(NOT_CANDIDATES[0], name, "not read", NOT_CANDIDATES[1]) for name, t in reader.raw.items() if t.events]
    rows += [
        (rule, name, "repaired", meaning)
        for name, t in reader.raw.items()
        if t.either
        for rule, meaning in AREAS.items()
    ]
    rows += [(c.rule, c.table, "repaired" if c.kind == "repair" else "excluded", c.meaning) for c in reader.counts]
    return pd.DataFrame(rows, columns=["rule", "table", "what happens", "meaning"])


def list_cleaning_rules() -> dict[str, str]:
    """Return the data-cleaning rules, as pages of results name them, and the address of each.

    Examples
    --------
    >>> list_cleaning_rules()["code dot"]
    '/methodology/data-dictionary.qmd#cleaning-code_dot'
    """
    tables = [describe_repairs(), *(describe_row_rules(reader) for _, reader in _versions())]
    rules = [rule for table in tables for rule in table["rule"]]
    return {rule.replace("_", " "): f"/{PAGE}#cleaning-{rule}" for rule in rules}


def _name_rules(table: pd.DataFrame, named: set[str]) -> pd.DataFrame:
    """Let links lead to the first row of every rule on the page."""
    names = []
    for rule in table["rule"]:
        names.append(rule if rule in named else write_anchor(rule, f"cleaning-{rule}"))
        named.add(rule)
    return table.assign(rule=names)


def write_data_dictionary() -> str:
    """Return the data dictionary as a page in Markdown."""
    parts = [
        FRONT,
        BANNER,
        INTRODUCTION,
        FILES,
        "## Canonical tables",
    ]
    canonical, named = describe_canonical(), set[str]()
    for table in CANONICAL.values():
        key = f" Key: {', '.join(table.key)}." if table.key else ""
        shown = canonical[canonical["table"] == table.name].drop(columns="table")
        parts += [f"### {table.name}", f"{table.meaning}{key}", write_pipe_table(shown)]
    parts += ["## Repairs of a value", write_pipe_table(_name_rules(describe_repairs(), named))]
    parts += ["## Codings", "What each code is read as. *Inferred*: no public document says so."]
    for name in DEFINITIONS.codings:
        parts += [f"### {name}", write_pipe_table(describe_coding(name))]
    for name, reader in _versions(name_sources()):
        parts += [
            f"## {name}",
            f"### Columns read: {name}",
            write_pipe_table(describe_raw(reader)),
            f"### Where canonical columns come from: {name}",
            write_pipe_table(describe_sources(reader)),
            say_absent(reader),
        ]
        rules = describe_row_rules(reader)
        if len(rules):
            parts += [f"### Rules on rows: {name}", write_pipe_table(_name_rules(rules, named))]
    return "\n\n".join(parts) + "\n"


def name_sources() -> dict[str, str]:
    """Return source -> the title of the first shipped audit that reads it.

    Examples
    --------
    >>> name_sources()["rcrd"]
    'England, rapid registration'
    """
    audits = [load_params(name) for name in list_shipped()]
    return {audit.source: audit.title for audit in reversed(audits)}


def _versions(titles: Mapping[str, str] | None = None) -> list[tuple[str, Reader]]:
    """List all readers by their titles, a source that has none by its name."""
    named = []
    for name, reader in READERS.items():
        title = (titles or {}).get(name, name)
        if reader.versions:
            # Versions are told apart by a column; the newest stands last.
            named += [(f"{title}, version {n}", r) for n, (_, r) in enumerate(reader.versions, start=1)]
        else:
            named.append((title, reader))
    return named


def _kind(cleaner: Cleaner | None) -> tuple[str, str]:
    if cleaner is None:
        return "identifier", "in every row"
    if cleaner is OPTIONAL_IDENTIFIER:
        return "identifier", "may be missing"
    return TYPES[cleaner.sql_type], cleaner.allowed


def _span(columns: tuple[str, ...]) -> str:
    return f"{columns[0]} to {columns[-1]}"


def _columns_of(reader: Reader, selection: Selection) -> dict[str, str]:
    """Return canonical column -> raw columns as text."""
    spans = _long_columns(reader.raw[selection.raw], selection.sql)
    used = {}
    for column, raw in trace_columns(reader, selection).items():
        names = [spans.get(name, name) for name in raw]
        used[column] = ", ".join(names or (["another canonical table"] if "canon_" in selection.sql else []))
    return used


def _long_columns(table: RawTable, sql: str) -> dict[str, str]:
    """Return what ``position``, ``code`` and ``second`` stand for in a selection from a long table."""
    for name, repeated in table.long.items():
        if f"clean_{name}" in sql:
            spans = {"position": f"place in {_span(repeated.columns)}", "code": _span(repeated.columns)}
            return spans | ({"second": _span(repeated.seconds)} if repeated.seconds else {})
    return {}
