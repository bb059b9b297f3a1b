"""The table of vocabularies on the page of the cohorts."""

from __future__ import annotations

from dataclasses import asdict

from naome.core.params import Disclosure, load_params
from naome.extract.vocabulary import Vocabulary
from naome.measures.study import make_study
from naome.report.pages.cohort import tabulate_vocabularies

FOUND = [
    asdict(Vocabulary("sact_drug_detail", "DRUG_GROUP", 20, 3, {"FOOBARIB": 12, "BARFOOMAB": 3}, 0, 0, 900, 0.1)),
    asdict(Vocabulary("av_tumour", "GRADE", 3, 2, rows=100)),
]


def test_every_column_has_a_row_and_what_no_list_has_is_named():
    table = tabulate_vocabularies(FOUND, make_study(load_params("england"), run_id="r")).frame
    assert table["Column"].tolist() == ["DRUG_GROUP", "GRADE"]
    assert table["In no list"].tolist() == [2, 0]
    assert table["Rows in no list"].tolist() == [15, 0]
    assert table["Which"].tolist() == ["FOOBARIB (12 rows), BARFOOMAB (fewer than 8 rows)", ""]


def test_names_have_no_rows_where_national_numbers_are_suppressed():
    strict = Disclosure(policy="lt10", national="suppress")
    params = load_params("england").model_copy(update={"disclosure": strict})
    table = tabulate_vocabularies(FOUND, make_study(params, run_id="r")).frame
    assert table["Which"].tolist() == ["FOOBARIB, BARFOOMAB", ""]


def test_a_run_that_was_read_before_has_an_empty_table():
    assert tabulate_vocabularies([], make_study(load_params("england"), run_id="r")).frame.empty
