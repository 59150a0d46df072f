"""One customer's markers, manifests and stray files cost others nothing, and itself no more than is bounded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.readiness.inherited import shown_ratios
from processing.domain.readiness.marker_manifest import MOST_FILES
from processing.domain.stream_state import DayState, StreamState
from processing.domain.streams import Stream
from processing.jobs.days import work_stream as process_day
from processing.jobs.days.advance_days import advance_days
from processing.jobs.days.work_stream import work_stream
from processing.jobs.operate import ask_reprocess
from processing.jobs.uploads.receive_file import receive_file
from processing.stored.customers import add_customer
from tests.support.all_customers import clean_up_all
from tests.support.counting import counted
from tests.support.in_memory import InMemoryQueue
from tests.support.memory import Memory, metrics

D1, D2 = date(2026, 11, 17), date(2026, 11, 18)


def manifest(*files: Mapping[str, object]) -> bytes:
    return json.dumps({"files": list(files)}).encode()


def test_the_timer_looks_at_no_stream_itself() -> None:
    world = Memory()
    add_customer(world.context, "zeta")
    for customer in ("acme", "zeta"):
        world.drop.put(blob_names.drop_container(customer), "metrics/a.csv", metrics(D1, {"u": 1}))
        for number in range(50):
            world.drop.put(
                blob_names.drop_container(customer), f"signals/{D1}.{number}.json", manifest({"name": "metrics/a.csv"})
            )
        receive_file(world.context, blob_names.drop_container(customer), "metrics/a.csv")
    drop, _ = counted(world)
    assert advance_days(world.context) == 2
    assert drop.calls["get", "drop-acme"] == drop.calls["head", "drop-acme"] == 0
    assert drop.calls["list", "drop-zeta"] == drop.calls["list", "drop-acme"] <= 10


def test_messages_do_not_pile_up_behind_workers_that_are_late() -> None:
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    assert [advance_days(world.context) for _ in range(5)] == [1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("signals/2030-01-01.{}", b""),
        ("signals/2030-01-02.{}.json", b"{"),
        ("signals/2026-11-18.{}.json", b'{"files": 1}'),
        ("signals/2026-11-20.{}.json", b'{"files": [{"name": "metrics/b.csv"}]}'),
        ("signals/2026-11-17.{}", b""),
    ],
    ids=["far ahead", "far ahead, unreadable", "unreadable", "not in effect yet", "of a day that is known"],
)
def test_markers_that_decide_nothing_cost_no_request_each(name: str, data: bytes) -> None:
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}")
    world.settle()
    for number in range(100):
        world.upload(name.format(number), data)
    world.pass_time(minutes=2)
    world.tick()
    drop, _ = counted(world)
    work_stream(world.context, Stream("acme", Dataset.METRICS))
    assert drop.calls["head", "drop-acme"] + drop.calls["get", "drop-acme"] == 0


def test_refused_markers_go_with_the_retention_of_uploads() -> None:
    world = Memory()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}")
    world.settle()
    for number in range(10):
        world.upload(f"signals/2030-01-01.{number}")
        world.upload(f"signals/{D1}.{number}.json", b"{")
    world.pass_time(days=31)
    clean_up_all(world.context)
    assert not list(world.drop.list_blobs(world.container, "signals/"))


def test_manifests_are_read_up_to_a_bound_in_one_look_and_the_rest_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processing.stored.markers._MOST_READ", 10_000)
    world = Memory()
    world.config(f"first_day: {D1 - timedelta(days=40)}\ngap_policy: infer\n")
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    days = [D1 - timedelta(days=each) for each in range(20)]
    for day in days:
        files = [{"name": f"metrics/{day}-{number:04d}.csv"} for number in range(100)]
        world.put(f"signals/metrics/{day}.json", manifest(*files))
    world.pass_time(hours=2)
    drop, _ = counted(world)
    world.look()
    assert drop.calls["get", "drop-acme"] <= 3
    for _ in range(12):
        world.look()
    assert all(world.day(day).expected_files for day in days)


def test_a_manifest_names_ten_thousand_files_at_most() -> None:
    world = Memory()
    files = [{"name": f"metrics/{number}.csv"} for number in range(MOST_FILES + 1)]
    assert world.upload(f"signals/{D1}.json", manifest(*files)) == "rejected"
    assert "more than 10,000" in world.receipt(f"signals/{D1}.json")["error"]["message"]
    assert world.upload(f"signals/{D1}.json", manifest(*files[1:])) == "accepted"


def test_the_names_of_long_manifests_are_not_in_the_state_and_the_day_waits_for_each() -> None:
    world = Memory()
    world.config(f"first_day: {D1}\n")
    names = [f"metrics/{number:05d}.csv" for number in range(300)]
    world.upload("metrics/a.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/{D1}.json", manifest(*({"name": name, "rows": 0} for name in names)))
    world.settle()
    found = world.lake.get(blob_names.STATE_CONTAINER, blob_names.state_name(Stream("acme", Dataset.METRICS)))
    assert found is not None
    assert len(found[0]) < 20_000
    assert world.states() == {D1: DayState.WAITING}
    assert len(world.status(D1)["waiting_for"]) == 100
    assert world.status(D1)["history"][-1]["cause"] == "300 uploads are not in yet"
    for name in names[:-1]:
        world.upload(name, metrics(D1, {}))
    world.tick()
    assert world.status(D1)["waiting_for"] == [f"{names[-1]} (named by the manifest)"]
    world.upload(names[-1], metrics(D1, {"w": 1}))
    world.tick()
    assert "has 1 rows where the manifest says 0" in world.status(D1)["error"]
    world.upload(names[-1], metrics(D1, {}))
    world.tick()
    assert world.values(D1) == {"u": 1}
    world.pass_time(days=3)
    assert clean_up_all(world.context)["expected_files"] >= 1


def test_hashes_that_a_manifest_asks_for_are_those_of_the_receipt() -> None:
    world = Memory()
    data = metrics(D1, {f"u{number}": 1 for number in range(1_000)})
    world.upload("metrics/a.csv", data)
    assert world.receipt("metrics/a.csv")["md5"] == hashlib.md5(data, usedforsecurity=False).hexdigest()
    world.upload(f"signals/{D1}.json", manifest({"name": "metrics/a.csv", "md5": "0" * 32}))
    world.pass_time(hours=2)
    drop, _ = counted(world)
    world.tick()
    assert drop.calls["get_range", "drop-acme"] == 0
    assert drop.read < len(data)
    assert "another MD5" in world.status(D1)["error"]


def test_days_that_are_marked_while_a_history_is_read_share_one_list() -> None:
    world = Memory()
    days = [D1 - timedelta(days=each) for each in range(100)]
    world.config(f"first_day: {days[-1]}\ngap_policy: infer\n")
    for number in range(300):
        world.put(f"metrics/backfill/part-{number:05d}-3f1c2a9b-8f7e-4d2a-9c1b-5e6f7a8b9c0d.csv", metrics(D1, {"u": 1}))
    world.upload(f"signals/metrics/{D1}")
    world.settle()
    state = world.state()
    assert {len(record.cut or ()) for record in state.days.values()} == {300}
    info = world.lake.head(blob_names.STATE_CONTAINER, blob_names.state_name(Stream("acme", Dataset.METRICS)))
    assert info is not None
    assert info.size < 300 * 200 + 100 * 1_500


def test_a_reprocess_does_not_ask_a_manifest_again_that_was_asked_before() -> None:
    world = Memory()
    data = metrics(D1, {"u": 1})
    world.upload("metrics/a.csv", data)
    world.upload(f"signals/{D1}.json", manifest({"name": "metrics/a.csv", "rows": 1}))
    world.settle()
    world.upload("metrics/a.csv", metrics(D1, {"u": 1, "v": 2}))
    ask_reprocess(world.context, Stream("acme", Dataset.METRICS), D1)
    world.tick()
    assert world.values(D1) == {"u": 1, "v": 2}
    # A marker that is uploaded again is another manifest.
    world.upload(f"signals/{D1}.json", manifest({"name": "metrics/a.csv", "rows": 1}))
    world.pass_time(minutes=2)
    world.tick()
    assert "has 2 rows where the manifest says 1" in world.status(D1)["error"]


def test_the_next_worker_is_sent_for_when_the_stream_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Memory()
    world.config(f"first_day: {D1}\n")
    for day in (D1, D2):
        world.upload(f"signals/metrics/{day}")
    world.pass_time(hours=2)
    monkeypatch.setattr(process_day, "LONGEST_TURN", timedelta(seconds=-1))
    free: list[bool] = []

    class Queue(InMemoryQueue):
        def send(self, body: str, *, delay_seconds: int = 0) -> None:
            name = blob_names.lease_name(Stream("acme", Dataset.METRICS))
            lease = world.lake.lease(blob_names.STATE_CONTAINER, name, seconds=15)
            free.append(lease is not None)
            super().send(body, delay_seconds=delay_seconds)

    object.__setattr__(world.context, "stream_work", Queue())
    work_stream(world.context, Stream("acme", Dataset.METRICS))
    assert free == [True]


def test_a_commit_of_many_ratio_metrics_looks_each_up_once() -> None:
    class Names(tuple[str, ...]):
        __slots__ = ()
        looked = 0

        def index(self, *_: Any) -> int:
            Names.looked += 1
            return 0

        def __contains__(self, _: object) -> bool:
            Names.looked += 1
            return False

    known = Names(f"m{number}" for number in range(1_000))
    state = StreamState(customer="acme", dataset=Dataset.METRICS, ratio_names=known)
    names, bits = shown_ratios(state, [f"m{number}" for number in range(500, 1_500)])
    assert Names.looked == 0
    assert len(names) == 1_500
    assert [place for place in range(1_500) if bits >> place & 1] == list(range(500, 1_500))
