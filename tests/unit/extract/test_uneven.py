"""One organisation or year whose records do not link is named, although the table as a whole links well enough."""

from __future__ import annotations

import datetime as dt

import pytest

from naome.extract import READERS, read_extract
from naome.report.pages.cohort import say_warnings


def read(source, folder):
    return read_extract(READERS[source], folder, None, progress=lambda line: None)


@pytest.mark.parametrize("audit", ["clean-england", "clean-wales"])
def test_an_extract_that_links_alike_has_no_warning(extracts, audit):
    source = {"clean-england": "ncrd", "clean-wales": "wcn"}[audit]
    assert read(source, extracts[audit]).list_warnings() == []


def test_an_organisation_with_other_pseudonyms_is_named(copy):
    """Of another project, so that no spelling links them; 3% of the rows."""
    folder = copy("clean-england")
    folder.edit(
        "hes_apc",
        "SELECT * REPLACE (CASE WHEN PROCODE3 = (SELECT mode(PROCODE3) FROM t) THEN md5(STUDY_ID) ELSE STUDY_ID END "
        "AS STUDY_ID) FROM t",
    )
    extract = read("ncrd", folder.path)
    (warning,) = extract.list_warnings()
    assert warning.startswith("hes_apc, column STUDY_ID: less than half of the rows link to av_patient of organisation")
    (link,) = (link for link in extract.linkage if link.table == "hes_apc")
    assert len(link.uneven) == 1 and link.share > 0.9
    shown = say_warnings([warning]).text
    assert warning in shown


def test_a_year_with_other_pseudonyms_is_named(copy):
    folder = copy("clean-england")
    folder.edit(
        "sact_regimen",
        "SELECT * REPLACE (CASE WHEN contains(START_DATE_OF_REGIMEN::VARCHAR, '2015') THEN md5(ENCORE_PATIENT_ID) "
        "ELSE ENCORE_PATIENT_ID END AS ENCORE_PATIENT_ID) FROM t",
    )
    extract = read_extract(
        READERS["ncrd"], folder.path, None, minimum_linkage={"sact_regimen": 0.5}, progress=lambda line: None
    )
    assert any("of year 2015" in line for line in extract.list_warnings())


def test_a_table_that_ends_early_is_a_warning_of_reading_too(copy, tmp_path):
    folder = copy("clean-england")
    (folder.path / "extract.json").unlink()
    folder.edit("hes_apc", "SELECT * FROM t WHERE NOT regexp_matches(EPISTART::VARCHAR, '20(19|2[0-9])')")
    extract = read_extract(READERS["ncrd"], folder.path, tmp_path / "out", progress=lambda line: None)
    assert any(line.startswith("hes_apc ends on 2018") for line in extract.list_warnings(dt.date(2022, 12, 31)))
