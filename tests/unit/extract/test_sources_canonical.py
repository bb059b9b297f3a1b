"""Settling one canonical table: which of several rows is kept, and what the contract refuses."""

import pytest

from naome.core.errors import ExtractError
from naome.extract.duplicates import Duplicates
from naome.extract.files import Part
from naome.extract.problems import Problems
from naome.extract.settle import Selection, settle_table
from naome.extract.source_files import SourceFiles

SELECTION = Selection("av_patient", "SELECT * FROM clean_av_patient")
SOURCE = SourceFiles("people", "av_patient.parquet", (Part("av_patient.parquet", 0, 1),))
LATEST = Duplicates("repeated_person", "The latest is kept.", "people", key="person_id", order=("vital_date DESC",))


@pytest.fixture
def settle(connection, tmp_path):
    """Settle people given as rows of SQL; return the rows kept, the problems and the quality log."""

    def settle_people(*rows: str, rules=(), write=True):
        columns = "row_, person_id, sex, ethnic_group, vital_status, vital_date"
        values = ", ".join(f"({number}, {row})" for number, row in enumerate(rows))
        connection.execute(f"CREATE VIEW clean_av_patient AS SELECT * FROM (VALUES {values}) people ({columns})")
        problems, quality = Problems(tmp_path), []
        settle_table(connection, "people", SELECTION, rules, SOURCE, tmp_path if write else None, problems, quality, [])
        kept = connection.execute("SELECT person_id, vital_date::VARCHAR FROM canon_people ORDER BY ALL").fetchall()
        return kept, problems, quality

    return settle_people


def _person(identifier: str, *, sex: str = "'female'", status: str = "'alive'", date: str = "2023-06-01") -> str:
    return f"{identifier}, {sex}, 'white', {status}, DATE '{date}'"


@pytest.mark.parametrize("write", [True, False], ids=["written", "only checked"])
def test_rows_that_keep_the_contract_pass(settle, write):
    kept, problems, _ = settle(_person("'a'"), _person("'b'", sex="NULL"), write=write)

    assert [person for person, _ in kept] == ["a", "b"]
    assert not problems.count


@pytest.mark.parametrize("write", [True, False], ids=["written", "only checked"])
def test_another_value_than_those_allowed_is_a_problem_with_its_rows(settle, write):
    _, problems, _ = settle(
        _person("'a'", status="'gone'"), _person("'b'"), _person("'c'", status="'moved'"), write=write
    )

    with pytest.raises(
        ExtractError, match="column people.vital_status, row 1: another value in 2 rows; allowed: alive, dead, lost"
    ):
        problems.raise_if_any()


def test_a_missing_value_where_one_must_stand_is_a_problem_with_its_first_row(settle):
    _, problems, _ = settle(_person("'a'"), _person("NULL"), _person("NULL"))

    with pytest.raises(ExtractError, match=r"column people.person_id, row 2: not recorded \(2 rows\)"):
        problems.raise_if_any()


def test_of_rows_with_the_same_key_one_is_kept_and_the_others_are_counted(settle):
    kept, problems, quality = settle(
        _person("'a'"),
        _person("'b'", date="2020-01-01"),
        _person("'b'", date="2021-01-01"),
        _person("'b'", date="2019-01-01"),
        rules=(LATEST,),
    )

    assert kept == [("a", "2023-06-01"), ("b", "2021-01-01")]
    assert not problems.count
    assert [(row["rule"], row["rows"]) for row in quality] == [("repeated_person", 2)]


def test_rows_without_a_key_are_not_the_same(settle):
    """A missing key is the contract's to refuse; that two are missing does not make them one."""
    kept, problems, quality = settle(_person("NULL"), _person("NULL"), rules=(LATEST,))

    assert len(kept) == 2
    assert problems.count
    assert not quality


def test_two_rules_for_repeated_rows_of_one_table_do_not_meet(settle):
    dates = Duplicates("repeated_date", "The first is kept.", "people", key="vital_date", order=("person_id",))
    kept, _, quality = settle(
        _person("'a'"), _person("'b'", date="2020-01-01"), _person("'c'", date="2020-01-01"), rules=(LATEST, dates)
    )

    assert kept == [("a", "2023-06-01"), ("b", "2020-01-01")]
    assert [(row["rule"], row["rows"]) for row in quality] == [("repeated_date", 1)]
