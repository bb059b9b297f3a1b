"""Tables that are held: computed once, in order, also while the next expressions are being written."""

import gc
from contextlib import suppress

import duckdb
import ibis
import pandas as pd
import pytest

from naome.cohort.materialise import hold, hold_rows, working_ahead


@pytest.fixture
def numbers():
    connection = ibis.duckdb.connect()
    connection.raw_sql("CREATE TABLE numbers AS SELECT * FROM (VALUES (1, '4'), (2, 'five'), (3, '6')) AS t (n, text)")
    return connection.table("numbers")


def test_a_table_held_from_another_held_table_is_computed_after_it(numbers):
    with working_ahead():
        doubled = hold(numbers.mutate(n=numbers.n * 2))
        total = hold(doubled.aggregate(total=doubled.n.sum()))

    assert total.execute()["total"].tolist() == [12]


def test_a_table_is_computed_once(numbers):
    with working_ahead():
        held = hold(numbers)
    numbers.get_backend().raw_sql("DELETE FROM numbers")

    assert held.count().execute() == 3


def test_a_table_held_under_the_same_name_takes_its_place(numbers):
    first = hold(numbers, "mine")
    assert first.count().execute() == 3

    second = hold(numbers.filter(numbers.n > 1), "mine")

    assert first.count().execute() == second.count().execute() == 2


def test_the_first_statement_that_fails_is_raised_at_the_end_of_the_block(numbers):
    reached = False
    with pytest.raises(duckdb.ConversionException, match="five"), working_ahead():
        wrong = hold(numbers.mutate(n=numbers.text.cast("int64")))
        hold(wrong.filter(wrong.n > 0))
        reached = True

    assert reached


def test_an_error_inside_the_block_is_not_covered_by_one_of_a_statement(numbers):
    with pytest.raises(KeyError), working_ahead():
        hold(numbers.mutate(n=numbers.text.cast("int64")))
        raise KeyError("of the block")

    assert hold(numbers).count().execute() == 3, "after the block tables are computed at once again"


def test_texts_are_put_beside_a_table_as_they_are(numbers):
    frame = pd.DataFrame({"text": ["4", "it's"], "group": ["four", "quoted"]})

    listed = hold_rows(frame, beside=numbers)

    pd.testing.assert_frame_equal(listed.execute(), frame, check_dtype=False)
    assert numbers.inner_join(listed, "text").count().execute() == 1


@pytest.mark.parametrize("fails", [False, True])
def test_garbage_is_collected_again_after_working_ahead(fails):
    with suppress(ValueError), working_ahead():
        assert not gc.isenabled()
        if fails:
            raise ValueError("an expression that cannot be written")

    assert gc.isenabled()
