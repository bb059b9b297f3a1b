"""Tables that are computed once and kept."""

import ibis
import pandas as pd
import pytest

from naome.cohort.materialise import hold, hold_rows


@pytest.fixture
def numbers():
    connection = ibis.duckdb.connect()
    connection.raw_sql("CREATE TABLE numbers AS SELECT * FROM (VALUES (1, '4'), (2, 'five'), (3, '6')) AS t (n, text)")
    return connection.table("numbers")


def test_a_table_held_from_another_held_table_is_computed_after_it(numbers):
    doubled = hold(numbers.mutate(n=numbers.n * 2))
    total = hold(doubled.aggregate(total=doubled.n.sum()))

    assert total.execute()["total"].tolist() == [12]


def test_a_table_is_computed_once(numbers):
    held = hold(numbers)
    numbers.get_backend().raw_sql("DELETE FROM numbers")

    assert held.count().execute() == 3


def test_a_table_held_under_the_same_name_takes_its_place(numbers):
    first = hold(numbers, "mine")
    assert first.count().execute() == 3

    second = hold(numbers.filter(numbers.n > 1), "mine")

    assert first.count().execute() == second.count().execute() == 2


def test_texts_are_put_beside_a_table_as_they_are(numbers):
    frame = pd.DataFrame({"text": ["4", "it's"], "group": ["four", "quoted"]})

    listed = hold_rows(frame, beside=numbers)

    pd.testing.assert_frame_equal(listed.execute(), frame, check_dtype=False)
    assert numbers.inner_join(listed, "text").count().execute() == 1
