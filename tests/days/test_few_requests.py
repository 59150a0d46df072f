"""What stands still costs little: a marker and an idle tick of one customer take few requests, and a known number of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.queue_messages import parse_stream_work
from processing.domain.streams import Stream
from processing.jobs.days.advance_days import advance_days
from processing.jobs.days.work_stream import work_stream
from processing.jobs.uploads.receive_file import receive_file
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.stored.recent import Recent
from processing.stored.streams import known_streams
from tests.support.all_customers import clean_up_all
from tests.support.counting import counted
from tests.support.memory import Memory, metrics

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)
MOST = 11


@pytest.fixture
def world() -> Memory:
    """A customer with metrics, of which a day is published and another has rows."""
    world = Memory()
    for day in (D1, D2):
        world.upload(f"metrics/{day}.csv", metrics(day, {"u": 1}))
    world.upload(f"signals/{D1}")
    world.settle()
    world.pass_time(hours=2)
    world.tick()
    return world


def test_a_tick_sends_nobody_to_a_stream_at_rest(world: Memory) -> None:
    drop, lake = counted(world)
    assert advance_days(world.context) == 0
    requests = drop.requests + lake.requests
    assert sorted(each.partition(" ")[0] for each in requests) == [
        "get",
        "get",
        "get",
        "list",
        "list_containers",
        "service_time",
    ]


def test_an_idle_look_at_one_customer(world: Memory) -> None:
    world.pass_time(hours=1)
    drop, lake = counted(world)
    assert advance_days(world.context) == 1
    while (body := world.work.take()) is not None:
        work_stream(world.context, parse_stream_work(body.encode()))
    requests = drop.requests + lake.requests
    assert len(requests) <= MOST + 6, requests  # once an hour a sample of the newest day is asked for
    assert not any(each.endswith(" metrics/") for each in requests), "no upload and no receipt is listed"


def test_a_marker(world: Memory) -> None:
    world.put(f"signals/{D2}")
    drop, lake = counted(world)
    assert receive_file(world.context, world.container, f"signals/{D2}") == "accepted"
    assert world.receipt(f"signals/{D2}")["marks"] == [f"metrics/{D2}"]
    requests = drop.requests + lake.requests
    assert len(requests) <= MOST, requests


def test_a_small_file(world: Memory) -> None:
    """Two to look at it, the first with its bytes, two at its receipt, its rows, and notes of the work and of the change."""
    object.__setattr__(world.context, "recent", Recent(keep=timedelta(minutes=1)))
    world.upload("metrics/first.csv", metrics(D2, {"u": 1}))
    world.put("metrics/next.csv", metrics(D2, {"u": 2}))
    drop, lake = counted(world)
    assert receive_file(world.context, world.container, "metrics/next.csv") == "accepted"
    asked = [each.partition(" ")[0] for each in drop.requests + lake.requests]
    assert sorted(asked) == sorted(["peek", "get", "put", "put", "put", "head", "put"])


def test_a_config_is_remembered_for_a_minute_and_not_for_a_reingest(world: Memory) -> None:
    object.__setattr__(world.context, "recent", Recent(keep=timedelta(minutes=1)))
    world.upload("metrics/a.csv", metrics(D2, {"u": 1}))
    world.config("id_types: [another]\n")
    assert world.upload("metrics/b.csv", metrics(D2, {"u": 1})) == "accepted"
    reingest(world.context, "acme", ReingestFilter())
    world.answer_events()
    assert world.receipt("metrics/a.csv")["status"] == "rejected"
    world.pass_time(minutes=1)
    assert world.upload("metrics/c.csv", metrics(D2, {"u": 1})) == "rejected"


@pytest.mark.parametrize(("seconds", "reads"), [(0, 1), (59, 1), (60, 2), (-1, 2)])
def test_what_is_remembered_is_read_again_when_it_is_old_or_the_clock_was_set_back(seconds: int, reads: int) -> None:
    recent, read = Recent(keep=timedelta(minutes=1)), []
    now = datetime(2026, 11, 20, tzinfo=UTC)
    for moment in (now, now + timedelta(seconds=seconds)):
        recent.get("key", moment, lambda: read.append(1))
    assert len(read) == reads


def test_the_first_rows_and_the_first_marker_make_a_stream_known() -> None:
    world = Memory()
    assert known_streams(world.context, "acme") == []
    world.upload("metrics/a.csv", b"no,columns\nof,ours\n")
    assert known_streams(world.context, "acme") == [], "a refused upload makes no stream"
    world.upload("metrics/b.csv", metrics(D1, {"u": 1}))
    assert known_streams(world.context, "acme") == [Stream("acme", Dataset.METRICS)]
    world.put("events/e.ndjson", b'{"event":"e"}\n')
    world.upload(f"signals/{D1}")
    assert known_streams(world.context, "acme") == [Stream("acme", each) for each in (Dataset.METRICS, Dataset.EVENTS)]


def test_a_stream_of_an_older_program_is_known_after_a_night() -> None:
    world = Memory()
    world.upload("metrics/b.csv", metrics(D1, {"u": 1}))
    world.lake.delete(blob_names.STATE_CONTAINER, blob_names.state_name(Stream("acme", Dataset.METRICS)))
    clean_up_all(world.context)
    assert known_streams(world.context, "acme") == [Stream("acme", Dataset.METRICS)]
