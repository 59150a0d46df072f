"""What only looks like a marker marks nothing, and its receipt says what would have (contract section 4, signals)."""

from __future__ import annotations

import gzip
import json
from datetime import date

import pytest

from processing.domain.stream_state import DayState
from processing.ports import ARCHIVED
from tests.support.memory import Memory, metrics

D1, D2, D3 = date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19)


@pytest.fixture
def world() -> Memory:
    world = Memory()
    for day in (D1, D2, D3):
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
    return world


def codes(world: Memory, name: str) -> list[str]:
    return [warning["code"] for warning in world.receipt(name)["warnings"]]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        (f"signals/{D1}/", f"signals/{D1}"),
        (f"signals/{D1}/_success", f"signals/{D1}"),
        (f"signals/date={D1}/_SUCCESS", f"signals/{D1}"),
        ("signals/20261117", f"signals/{D1}"),
        ("signals/20261117.csv", f"signals/{D1}"),
        ("signals/metrics/20261117.csv", f"signals/metrics/{D1}"),
        (f"signals/{D1} ", f"signals/{D1}"),
        ("signals/_SUCCESS", "signals/YYYY-MM-DD"),
        (f"metrics/{D1}/_SUCCESS", f"signals/metrics/{D1}"),
        (f"metrics/signals/{D1}", f"signals/metrics/{D1}"),
        (f"metrics/{D1}", f"signals/metrics/{D1}"),
        (f"Signals/{D1}", f"signals/{D1}"),
        (f"{D1}", f"signals/{D1}"),
        ("_SUCCESS", "signals/YYYY-MM-DD"),
    ],
)
def test_an_empty_blob_that_misses_the_name_of_a_marker_is_told_that_name_and_marks_nothing(
    world: Memory, name: str, right: str
) -> None:
    assert world.upload(name) == "rejected"
    assert right in world.receipt(name)["error"]["message"]
    world.settle()
    assert world.states() == {}
    world.sweep()
    assert world.events.take() is None


def test_what_a_job_leaves_beside_its_rows_holds_up_no_day(world: Memory) -> None:
    world.config("on_refused: wait")
    world.upload(f"metrics/{D1}/_SUCCESS")
    world.upload(f"signals/{D1}")
    world.put(f"metrics/{D1}/_temporary/0/part-0.csv", metrics(D1, {"v": 1}))
    world.put(f"metrics/{D2}/_SUCCESS")  # nobody has answered it
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    assert world.status(D1)["refused"] == []


@pytest.mark.parametrize("kind", ["inode/directory", "application/x-directory"])
def test_a_folder_that_a_gateway_makes_marks_nothing_and_is_told_so(world: Memory, kind: str) -> None:
    name = f"signals/{D1}"
    world.put(name)
    world.drop.set_content_type(world.container, name, kind)
    world.put(f"metrics/{D1}")
    world.drop.set_content_type(world.container, f"metrics/{D1}", kind)
    world.pass_time(hours=1)
    world.sweep()
    error = world.receipt(name)["error"]
    assert error["code"] == "not_a_marker"
    assert name in error["message"]
    with pytest.raises(AssertionError, match="is not there"):
        world.receipt(f"metrics/{D1}")
    world.settle()
    assert world.states() == {}


@pytest.mark.parametrize("ending", ["", ".csv", ".csv.gz", ".txt", ".json", "/_SUCCESS"])
def test_finished_dates_win_over_the_name_of_their_file(world: Memory, ending: str) -> None:
    name = f"signals/{D2}{ending}"
    data = f"finished_date\n{D1} 00:00:00\n".encode()
    if ending == ".json":
        data = json.dumps({"finished_date": D1.isoformat()}).encode()
    assert world.upload(name, gzip.compress(data) if ending.endswith(".gz") else data) == "accepted"
    assert world.receipt(name)["marks"] == [f"metrics/{D1}"]
    assert "date_differs_from_name" in codes(world, name)
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}


def test_a_file_that_names_its_own_day_too_is_not_warned(world: Memory) -> None:
    world.upload(f"signals/{D2}.csv", f"finished_date\n{D1}\n{D2}\n".encode())
    assert codes(world, f"signals/{D2}.csv") == []
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.PROCESSED}


def test_a_file_of_dates_marks_nothing_before_it_is_answered(world: Memory) -> None:
    world.config(f"first_day: {D1}")
    world.put(f"signals/{D2}.csv", f"finished_date\n{D1}\n".encode())
    world.settle()
    assert D2 not in world.states()
    world.sweep()
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}


@pytest.mark.parametrize("data", [b"done\n", b"{}", b'{"note": 1}', b"a,b\n1,2\n"])
def test_other_bytes_in_a_marker_change_nothing(world: Memory, data: bytes) -> None:
    assert world.upload(f"signals/{D1}.csv", data) == "accepted"
    assert world.receipt(f"signals/{D1}.csv")["marks"] == [f"metrics/{D1}"]
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}


def test_a_marker_in_the_place_of_dates_marks_by_its_name_alone(world: Memory) -> None:
    name = f"signals/{D2}.csv"
    world.config(f"first_day: {D1}")
    world.upload(name, f"finished_date\n{D1}\n".encode())
    world.upload(name, b"done")
    assert world.receipt(name)["in_force"] is None
    world.upload(f"signals/{D1}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.PROCESSED}


@pytest.mark.parametrize("name", [f"signals/{date(2026, 11, 20)}", "signals/done.csv"])
def test_a_marker_of_a_day_that_has_not_ended_says_when_it_takes_effect(world: Memory, name: str) -> None:
    day = date(2026, 11, 20)
    assert world.upload(name, f"finished_date\n{day}\n".encode() if name.endswith(".csv") else b"") == "accepted"
    receipt = world.receipt(name)
    assert receipt["takes_effect"] == "2026-11-21T08:00:00Z"
    assert codes(world, name) == ["day_not_ended"]
    assert "2026-11-20 at 2026-11-21T08:00:00Z" in receipt["warnings"][0]["message"]


def test_a_marker_of_a_day_that_is_over_takes_effect_once_it_has_settled(world: Memory) -> None:
    world.upload(f"signals/{D1}")
    receipt = world.receipt(f"signals/{D1}")
    assert (receipt["takes_effect"], receipt["warnings"]) == ("2026-11-20T12:01:00Z", [])


def test_a_marker_that_storage_will_not_read_is_refused_and_holds_up_no_other_day(world: Memory) -> None:
    world.config(f"first_day: {D1}\n")
    manifest = json.dumps({"files": [{"name": f"metrics/{D2}.csv"}]}).encode()
    world.put(f"signals/{D2}.json", manifest)
    world.drop.make_unreadable(world.container, f"signals/{D2}.json", ARCHIVED)
    world.put(f"signals/{D1}")
    world.pass_time(hours=1)
    world.sweep()
    error = world.receipt(f"signals/{D2}.json")["error"]
    assert error["code"] == "unreadable_blob"
    assert "archive" in error["message"]
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
