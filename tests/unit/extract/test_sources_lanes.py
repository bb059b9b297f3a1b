"""Lanes to one database: work side by side, with the same variables."""

import threading
import time

import duckdb
import pytest

from naome.extract.lanes import LANES


def test_results_come_in_the_order_of_the_items(lanes):
    def work(lane, number):
        return lane.execute(f"SELECT {number} * 2").fetchone()[0]

    assert list(lanes.map(work, range(9)).items()) == [(number, number * 2) for number in range(9)]


def test_work_stands_side_by_side_on_connections_of_its_own(lanes):
    meeting = threading.Barrier(LANES, timeout=20)  # breaks unless all are there at once

    def work(lane, _):
        meeting.wait()
        return id(lane)

    assert len(set(lanes.map(work, range(LANES)).values())) == LANES


def test_a_variable_set_on_one_lane_is_known_on_all(lanes):
    meeting = threading.Barrier(LANES, timeout=20)

    def set_or_wait(lane, number):
        if number == 0:
            lane.set_variable("codes", "['C50', 'D05']")
        meeting.wait()
        return lane.execute("SELECT getvariable('codes')[2]").fetchone()[0]

    assert set(lanes.map(set_or_wait, range(LANES)).values()) == {"D05"}


def test_tables_of_one_lane_are_there_for_the_others(lanes):
    lanes.map(lambda lane, number: lane.execute(f"CREATE TABLE t{number} AS SELECT {number} AS n"), range(4))

    assert lanes.first.execute("SELECT t0.n + t1.n + t2.n + t3.n FROM t0, t1, t2, t3").fetchone() == (6,)


def test_an_item_waits_for_those_it_comes_after(lanes):
    done = []

    def work(lane, name):
        lane.execute("SELECT sum(i) FROM range(1000000) r(i)" if name == "deaths" else "SELECT 1")
        done.append(name)

    lanes.map(
        work, ["deaths", "people", "tumours", "drugs"], after={"tumours": {"deaths", "people"}, "people": {"deaths"}}
    )

    assert done.index("deaths") < done.index("people") < done.index("tumours")


def test_items_that_wait_for_each_other_are_refused(lanes):
    with pytest.raises(ValueError, match="wait for each other"):
        lanes.map(lambda lane, name: name, ["a", "b"], after={"a": {"b"}, "b": {"a"}})


def test_an_error_stops_all_lanes_and_is_raised(lanes):
    begun, ended = [], []

    def work(lane, number):
        begun.append(number)
        if number == 0:
            lane.execute("SELECT error('broken')")
        for _ in range(1000):
            lane.execute("SELECT sum(i) FROM range(10000000) r(i)")
        ended.append(number)

    with pytest.raises(duckdb.InvalidInputException, match="broken"):
        lanes.map(work, range(100))

    assert len(begun) <= LANES
    assert not ended


def test_there_is_one_thread_for_every_core(lanes):
    cores = lanes.first.execute("SELECT current_setting('threads')").fetchone()[0]
    expected = {number: max(1, cores + 1 - (LANES - number)) for number in range(LANES)}
    meeting = threading.Barrier(LANES, timeout=20)

    def sees(lane, threads):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if lane.execute("SELECT current_setting('threads')").fetchone()[0] == threads:
                return True
        return False

    def work(lane, number):
        all_busy = sees(lane, expected[0])
        meeting.wait()
        return all_busy and sees(lane, expected[number])  # the lanes end one after the other

    assert all(lanes.map(work, range(LANES)).values())
    assert lanes.first.execute("SELECT current_setting('threads')").fetchone()[0] == cores
