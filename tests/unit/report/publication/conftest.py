"""A report of a few results."""

from __future__ import annotations

import pytest
from made_audits import make_audit

from naome.report.publication.audits import list_populations
from naome.report.publication.report_page import ReportPage
from naome.report.publication.source_lists import Sources


@pytest.fixture
def report(tmp_path):
    """Make audits and populations from rows by nation: `audits, populations, page`."""

    def make(**rows):
        audits = [make_audit(nation, own, tmp_path) for nation, own in rows.items()]
        page = ReportPage("report/page.qmd", "Title", "What it is", Sources())
        return audits, list_populations(audits), page

    return make
