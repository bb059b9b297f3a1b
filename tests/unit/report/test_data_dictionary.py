"""The data dictionary says what the code does, and the page is what the dictionary says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from naome.core.paths import project_root
from naome.extract import READERS
from naome.extract.clean import CLEANING_RULES
from naome.extract.schema import CANONICAL
from naome.measures.indicators import MISSING
from naome.report.reference.data_dictionary import (
    PAGE,
    describe_canonical,
    describe_raw,
    describe_repairs,
    describe_row_rules,
    describe_sources,
    list_cleaning_rules,
    write_data_dictionary,
)

ALL = {name: reader for name, reader in READERS.items() if not reader.versions} | {
    f"{name}-{marker}": version for name, reader in READERS.items() for marker, version in reader.versions
}


def test_the_page_is_up_to_date():
    page = (project_root() / PAGE).read_text(encoding="utf-8")
    assert page == write_data_dictionary(), "run `make docs`"


def test_every_canonical_column_is_described():
    frame = describe_canonical()
    assert len(frame) == sum(len(table.columns) for table in CANONICAL.values())
    assert (frame["meaning"].str.len() > 5).all()


@pytest.mark.parametrize("reader", ALL.values(), ids=ALL)
def test_every_column_read_serves_a_canonical_column_a_link_or_a_rule(reader):
    used = set(", ".join(describe_sources(reader)["raw columns"]).replace(" to ", ", ").split(", "))
    sql = " ".join(selection.sql for selection in reader.canonical.values()) + " ".join(c.sql for c in reader.counts)
    held = {(each.table, each.age) for each in reader.ages}
    held |= {(at.table, at.method)} if (at := reader.hospital_deaths) else set()
    for file, column in describe_raw(reader)[["file", "column"]].itertuples(index=False):
        first = column.split(" to ")[0]
        key = reader.raw[file].columns.get(column, "") is None
        assert first in used or first in sql or key or (file, first) in held, f"{file}.{column} is read for nothing"


@pytest.mark.parametrize("reader", ALL.values(), ids=ALL)
def test_required_columns_have_a_source(reader):
    given = describe_sources(reader).groupby("table")["column"].agg(set)
    for table, columns in given.items():
        required = {column.name for column in CANONICAL[table].columns if column.required}
        assert required <= columns, table


def test_rules_are_named_once_and_explained():
    repairs = describe_repairs()
    assert repairs["rule"].is_unique
    for reader in ALL.values():
        rules = describe_row_rules(reader)
        assert not set(rules["rule"]) & set(repairs["rule"])
        assert rules["meaning"].str.endswith(".").all()
        assert rules.groupby("rule")["meaning"].nunique().max() in (1, float("nan")) or rules.empty


def test_where_a_column_comes_from():
    england = describe_sources(READERS["ncrd"]).set_index(["table", "column"])["raw columns"]
    assert england["diagnoses", "code"] == "DIAG_01 to DIAG_20"
    assert england["procedures", "procedure_date"] == "OPDATE_01 to OPDATE_24, EPISTART, ADMIDATE"
    assert england["tumours", "eligible_registration"] == "STATUSOFREGISTRATION, CTRY_CODE, DEDUP_FLAG"
    wales = describe_sources(READERS["wcn"]).set_index(["table", "column"])["raw columns"]
    assert wales["people", "vital_date"] == "another canonical table"


def test_a_source_that_no_shipped_audit_reads_has_its_name(monkeypatch):
    """A new nation's reader is in the dictionary, and its rules can be named, before it has a parameter file."""
    monkeypatch.setitem(READERS, "scot", replace(READERS["wcn"], name="scot"))
    assert "## scot\n" in write_data_dictionary() and list_cleaning_rules()


def test_no_rule_of_data_cleaning_is_called_as_a_group_is():
    """A table links a rule by its name: a group of the same words would lead there."""
    assert MISSING not in {name.replace("_", " ") for name in CLEANING_RULES}
