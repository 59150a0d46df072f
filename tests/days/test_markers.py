"""Every form of marker marks its days, and every marker is answered (contract section 4, signals)."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta

import pytest

from processing.domain.datasets import Dataset
from processing.domain.stream_state import DayState
from tests.support.memory import Memory, metrics

D1, D2, D3 = date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19)
EXPOSURE = b"timestamp,experiment,group_id,unit_id\n1763460000,e,a,u1\n"
SEGMENT = json.dumps(
    {
        "event": "statsig::experiment_exposure",
        "userId": "u1",
        "originalTimestamp": "2026-11-18T12:00:00Z",
        "properties": {"experiment": "e", "group": "a"},
    }
).encode()


@pytest.fixture
def world() -> Memory:
    return Memory()


def test_a_file_of_finished_dates_marks_each_of_them(world: Memory) -> None:
    for day in (D1, D2, D3):
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
    status = world.upload("signals/done.csv", f"finished_date\n{D1}\n{D2}\nyesterday\n".encode())
    assert status == "accepted_with_rejects"
    receipt = world.receipt("signals/done.csv")
    assert receipt["marks"] == [f"metrics/{D1}", f"metrics/{D2}"]
    assert receipt["rows"] == {"read": 3, "accepted": 2, "rejected": 1, "filtered": 0}
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.PROCESSED}


@pytest.mark.parametrize("name", ["done.ndjson", "metrics/done.ndjson"])
def test_finished_dates_come_in_other_formats_and_below_a_dataset(world: Memory, name: str) -> None:
    world.upload(f"metrics/{D1}.csv", metrics(D1, {"u": 1}))
    assert world.upload(f"signals/{name}", json.dumps({"finished_date": str(D1)}).encode() + b"\n") == "accepted"
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}


def test_more_finished_dates_than_metadata_can_hold_are_all_marked(world: Memory) -> None:
    days = [D3 - timedelta(days=back) for back in range(100)]
    world.config(f"first_day: {min(days)}")
    for day in days:
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
    world.upload("signals/done.csv", ("finished_date\n" + "".join(f"{day}\n" for day in days)).encode())
    world.settle()
    assert set(world.states().values()) == {DayState.PROCESSED}
    assert len(world.states()) == 100


def test_a_file_without_finished_dates_is_refused_and_says_what_a_marker_is(world: Memory) -> None:
    for name, data in (("notes.txt", b"hello"), ("a.csv", b"day\n2026-11-18\n"), ("a.ndjson", b'{"day": "2026-11-18"}\n')):
        assert world.upload(f"signals/{name}", data) == "rejected"
        error = world.receipt(f"signals/{name}")["error"]
        assert error["code"] == "not_a_marker"
        assert "signals/YYYY-MM-DD" in error["message"]


def test_a_deleted_marker_marks_no_more_and_an_emptied_file_of_dates_neither(world: Memory) -> None:
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}")
    world.upload("signals/done.csv", f"finished_date\n{D1}\n".encode())
    world.drop.delete(world.container, f"signals/{D1}")
    world.upload("signals/done.csv", b"finished_date\n")
    world.settle()
    assert world.states() == {}


def test_a_marker_too_far_ahead_is_refused_and_one_before_the_first_day_is_reported(world: Memory) -> None:
    world.upload(f"metrics/{D2}.csv", metrics(D2, {"u": 1}))
    assert world.upload("signals/2026-11-30") == "rejected"
    assert world.receipt("signals/2026-11-30")["error"]["code"] == "marker_too_early"
    world.upload(f"signals/{D2}")
    world.settle()
    world.upload(f"signals/{D1}")
    receipt = world.receipt(f"signals/{D1}")
    assert (receipt["marks"], [each["code"] for each in receipt["warnings"]]) == ([], ["before_first_day"])
    world.settle()
    assert world.states() == {D2: DayState.PROCESSED}


def test_a_marker_of_one_stream_marks_no_other_and_one_of_events_marks_exposures(world: Memory) -> None:
    world.upload("exposures/e.csv", EXPOSURE.replace(b"1763460000", b"1795003200"))
    world.upload("metrics/m.csv", metrics(D2, {"u": 1}))
    world.upload("events/e.ndjson", SEGMENT)
    assert world.upload(f"signals/events/{D2}") == "accepted"
    assert world.receipt(f"signals/events/{D2}")["marks"] == [f"events/{D2}", f"exposures/{D2}"]
    world.settle()
    assert world.states() == {}
    assert world.states(Dataset.EVENTS) == {D2: DayState.PROCESSED_EMPTY}
    assert world.states(Dataset.EXPOSURES) == {D2: DayState.PROCESSED}


def test_once_exposures_have_had_markers_of_their_own_those_of_events_mark_them_no_more(world: Memory) -> None:
    world.upload("events/e.ndjson", SEGMENT)
    world.upload(f"signals/exposures/{D1}")
    world.settle()
    assert world.states(Dataset.EXPOSURES) == {D1: DayState.PROCESSED_EMPTY}
    world.drop.delete(world.container, f"signals/exposures/{D1}")
    world.upload(f"signals/events/{D2}")
    world.settle()
    assert world.states(Dataset.EXPOSURES) == {D1: DayState.PROCESSED_EMPTY}
    assert world.states(Dataset.EVENTS) == {D2: DayState.PROCESSED_EMPTY}


def test_exposures_wait_for_uploads_of_events_too(world: Memory) -> None:
    world.upload("events/e.ndjson", SEGMENT)
    world.put("events/late.ndjson", SEGMENT)
    world.upload(f"signals/events/{D2}")
    world.settle()
    assert world.day(D2, Dataset.EXPOSURES).waiting_for == ("events/late.ndjson",)
    world.sweep()
    world.tick()
    assert world.states(Dataset.EXPOSURES) == {D2: DayState.PROCESSED}


def manifest(*files: dict[str, object]) -> bytes:
    return json.dumps({"files": list(files)}).encode()


def test_a_day_waits_for_every_file_of_its_manifest(world: Memory) -> None:
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    data = metrics(D1, {"v": 2, "w": 3})
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    marker = f"signals/{D1}.json"
    world.upload(marker, manifest({"name": "metrics/a.csv", "rows": 1}, {"name": "metrics/b.csv", "rows": 2, "md5": md5}))
    assert [each["code"] for each in world.receipt(marker)["warnings"]] == ["manifest"]
    world.settle()
    assert world.states() == {D1: DayState.WAITING}
    assert world.day(D1).waiting_for == ("metrics/b.csv (named by the manifest)",)
    world.upload("metrics/b.csv", data)
    world.tick()
    assert world.states() == {D1: DayState.PROCESSED}
    assert world.values(D1) == {"u": 1, "v": 2, "w": 3}


@pytest.mark.parametrize(
    ("entry", "difference"),
    [
        ({"rows": 2}, "has 1 rows where the manifest says 2"),
        ({"md5": "0" * 32}, "has another MD5 than the manifest says"),
    ],
)
def test_a_day_whose_files_differ_from_the_manifest_fails_until_they_agree(
    world: Memory, entry: dict[str, object], difference: str
) -> None:
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}.json", manifest({"name": "metrics/a.csv", **entry}))
    world.settle()
    assert world.states() == {D1: DayState.FAILED}
    assert world.status(D1)["error"] == f"metrics/a.csv {difference}"
    world.upload(f"signals/{D1}.json", manifest({"name": "metrics/a.csv"}))
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}


def test_a_refused_file_of_a_manifest_fails_the_day(world: Memory) -> None:
    world.upload("metrics/a.csv", b"no,columns\n")
    world.upload("metrics/b.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}.json", manifest({"name": "metrics/a.csv"}))
    world.settle()
    assert world.status(D1)["error"] == "metrics/a.csv was refused"
    world.upload("metrics/a.csv", metrics(D1, {"v": 1}))
    world.tick()
    assert world.states() == {D1: DayState.PROCESSED}


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b'{"files": {}}',
        b'{"files": [{"rows": 1}]}',
        b'{"files": [{"name": "a.csv"}]}',
        b'{"files": [{"name": "metrics/a.csv", "rows": -1}]}',
        b'{"files": [{"name": "metrics/a.csv", "md5": "zz"}]}',
        b'{"files": [{"name": "metrics/a.csv"}, {"name": "metrics/a.csv"}]}',
    ],
)
def test_an_unreadable_manifest_is_refused_marks_nothing_and_is_in_nobodys_way(world: Memory, data: bytes) -> None:
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}) + metrics(D2, {"u": 2}).split(b"\n", 1)[1])
    world.upload(f"signals/{D1}")
    assert world.upload(f"signals/{D2}.json", data) == "rejected"
    assert world.receipt(f"signals/{D2}.json")["error"]["code"] == "manifest_unreadable"
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}
    world.upload(f"signals/{D2}")
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED, D2: DayState.PROCESSED}


@pytest.mark.parametrize("data", [b'{"rows": 5}', b"done", b"{done}", b"[]"])
def test_what_is_no_manifest_is_a_plain_marker(world: Memory, data: bytes) -> None:
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    assert world.upload(f"signals/{D1}.done", data) == "accepted"
    world.settle()
    assert world.states() == {D1: DayState.PROCESSED}


def restless(world: Memory, rounds: int) -> None:
    """A scheduler that writes the marker again and again, faster than it settles, while the timer goes on looking."""
    for _ in range(rounds):
        world.upload(f"signals/{D1}")
        world.pass_time(seconds=20)
        world.tick()


def test_a_marker_that_is_rewritten_all_the_time_takes_effect_once_it_was_seen_for_as_long_as_it_settles(world: Memory) -> None:
    world.config(f"first_day: {D1}")
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    restless(world, rounds=3)
    assert world.state().seq == 0
    restless(world, rounds=3)
    assert world.states() == {D1: DayState.PROCESSED}


def test_a_first_day_is_found_by_a_marker_that_is_rewritten_all_the_time(world: Memory) -> None:
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    restless(world, rounds=200)
    assert world.states() == {D1: DayState.PROCESSED}


def test_a_day_that_is_marked_again_with_nothing_new_is_not_published_again(world: Memory) -> None:
    world.config(f"first_day: {D1}")
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    restless(world, rounds=10)
    history = world.status(D1)["history"]
    restless(world, rounds=30)
    world.settle()
    assert world.state().seq == 1
    assert world.states() == {D1: DayState.PROCESSED}
    assert world.status(D1)["history"] == history


def test_what_is_new_is_published_though_the_marker_is_rewritten_all_the_time(world: Memory) -> None:
    world.config(f"first_day: {D1}\nlate_policy: hold")
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    restless(world, rounds=10)
    world.upload("metrics/b.csv", metrics(D1, {"v": 2}))
    restless(world, rounds=10)
    assert world.values(D1) == {"u": 1, "v": 2}
    assert world.state().seq == 2
