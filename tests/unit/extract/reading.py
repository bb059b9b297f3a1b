"""Readers of some of a source's tables, for tests that are about one of them: what reading costs, it costs by table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from naome.extract import Reader
from naome.extract.read import PROVIDERS
from naome.extract.settle import RowRule


def read_about(reader: Reader, *tables: str) -> Reader:
    """Return a reader of these raw tables and of all that is read together with them.

    That is: what they belong to and what belongs to them, what canonical tables take from both, the people and the
    organisations. Everything belongs to the people, and every table names organisations.
    """
    if set(tables) & {*reader.people_tables, PROVIDERS}:
        return reader
    of = {name: table.belongs.of for name, table in reader.raw.items() if table.belongs and table.belongs.of}
    below = set(tables)
    while more := {name for name, above in of.items() if above in below} - below:
        below |= more
    named = (_name_tables(selection.sql) for selection in reader.canonical.values())
    found = below.union(*(each for each in named if each & below and len(each & {*of, *of.values()}) > 1))
    while more := {of[name] for name in found if name in of} - found:
        found |= more
    return keep_tables(reader, {*found, *reader.people_tables, PROVIDERS})


def read_people(reader: Reader) -> Reader:
    """Return a reader of people, their tumours and deaths, and the organisations: for tests about no events."""
    named = {reader.canonical[table].raw for table in ("tumours", "deaths")}
    return keep_tables(reader, {*named, *reader.people_tables, PROVIDERS})


def keep_tables(reader: Reader, tables: Iterable[str]) -> Reader:
    """Return a reader of some raw tables, and of the canonical tables, rules and checks that need no others."""
    gone = set(reader.raw) - set(tables)
    gone |= {long for name in gone for long in reader.raw[name].long}
    canonical = {
        name: each for name, each in reader.canonical.items() if not gone & {each.raw, *_name_tables(each.sql)}
    }
    lost = {f"canon_{name}" for name in set(reader.canonical) - set(canonical)}

    def stays(sql: str) -> bool:
        return not gone & _name_tables(sql) and not lost & set(re.findall(r"\w+", sql))

    return replace(
        reader,
        raw={name: table for name, table in reader.raw.items() if name not in gone},
        canonical=canonical,
        rows=tuple(e for e in reader.rows if e.table in canonical and (not isinstance(e, RowRule) or stays(e.where))),
        counts=tuple(each for each in reader.counts if each.table not in gone and stays(each.sql)),
        checks=tuple(each for each in reader.checks if stays(each.sql)),
        ages=tuple(each for each in reader.ages if each.table not in gone),
        hospital_deaths=at if (at := reader.hospital_deaths) and at.table not in gone else None,
        country=reader.country if reader.country and reader.country[0] not in gone else None,
    )


def _name_tables(sql: str) -> set[str]:
    return set(re.findall(r"\b(?:clean|raw)_(\w+)", sql))
