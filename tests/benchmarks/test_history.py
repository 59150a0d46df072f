"""A world of history stands still as a real one does, its jobs do what they are measured for, and requests are told apart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest

from benchmarks.history import jobs
from benchmarks.history.emulator import Control, Copy, history_emulator
from benchmarks.history.jobs import next_open_day
from benchmarks.history.requests import HttpRequest, Kind, counted, total
from benchmarks.history.template_day import ROWS, file_name
from benchmarks.history.world import WorldSpec, build
from benchmarks.measure import Measured
from benchmarks.suites.history import cpu_of, gets_of, requests_of
from processing import wiring
from processing.domain import blob_names
from processing.domain.stream_state import DayState, StreamState
from processing.domain.streams import Stream
from processing.settings import load_settings
from processing.stored.context import JobContext, Retention
from processing.stored.receipts import list_receipts, read_receipt
from processing.stored.staged_parts import list_parts
from processing.stored.stream_state import load_state

pytestmark = pytest.mark.xdist_group("history")

SPEC = WorldSpec(days=5, files=2, open_days=3)
RETENTION = Retention(uploads=6, staged=6)
"""So short that the oldest of those days have lost their uploads, and some their staged rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    context: JobContext
    control: Control
    stream: Stream

    @property
    def state(self) -> StreamState:
        return load_state(self.context, self.stream).state


@pytest.fixture(scope="module")
def control() -> Iterator[Control]:
    with history_emulator() as control:
        accounts = dict.fromkeys(("AzureWebJobsStorage", "DROP_STORAGE", "LAKE_STORAGE"), control.connection)
        settings = {"DROPZONE_SETTLE_SECONDS": "0", "DROPZONE_FIRST_DAY_WAIT_SECONDS": "0"}
        with patch.dict(os.environ, {**accounts, **settings}):
            wiring.prepare_storage(load_settings())
            yield control


@pytest.fixture(scope="module")
def world(control: Control) -> World:
    context = replace(wiring.build_app(load_settings()), retention=RETENTION)
    return World(context=context, control=control, stream=build(context, control, SPEC))


def test_a_world_has_all_its_days_published_and_the_oldest_closed(world: World) -> None:
    state = world.state
    today = world.context.zone.day_of(world.context.drop.service_time())
    history = [today - timedelta(days=ago) for ago in range(SPEC.open_days + 1, SPEC.open_days + SPEC.days + 1)]
    assert state.first_day == min(history)
    assert state.closed_through == today - timedelta(days=RETENTION.staged + 1)
    open_history = [day for day in history if not state.is_closed(day)]
    assert {state.days[day].state for day in open_history} == {DayState.PROCESSED}
    assert {each.rows for day in open_history if (each := state.days[day].published)} == {SPEC.files * ROWS}
    assert (state.seq, state.pending, state.stopped) == (SPEC.days, None, None)


def test_a_copied_upload_has_a_receipt_and_parts_of_its_own(world: World) -> None:
    context, customer = world.context, world.stream.customer
    day = next_open_day(world.state) - timedelta(days=2)
    names = [file_name(day, number) for number in range(SPEC.files)]
    attempts = set()
    for name in names:
        info = context.drop.head(blob_names.drop_container(customer), name)
        found = read_receipt(context.drop, customer, name)
        assert info is not None
        assert found is not None
        receipt = found[0]
        listed = list_receipts(context.drop, customer, blob_names.receipt_name(name)).popitem()[1].summary
        assert listed.answers(info.etag)
        assert (receipt.blob, receipt.etag, receipt.days) == (name, info.etag, {day: ROWS})
        assert receipt.in_force is not None
        assert receipt.in_force.last_modified == info.last_modified == listed.in_force_modified
        for part in receipt.in_force.parts:
            assert context.lake.head(blob_names.STAGED_CONTAINER, part.name) is not None
        attempts.add(receipt.in_force.attempt)
    assert len(attempts) == SPEC.files
    parts = [each for each in list_parts(context.lake, world.stream, day) if each.part.attempt in attempts]
    assert {each.receipt for each in parts} == {blob_names.receipt_name(name) for name in names}


def test_each_job_does_in_a_world_what_it_is_measured_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_ENOUGH", 0.001)
    for constant in ("_FILES", "BACKFILL_DAYS", "BACKFILL_FILES"):
        monkeypatch.setattr(jobs, constant, 2)
    for name, job in jobs.JOBS.items():
        outcomes = {str(call()) for call in job.prepare(world.context, world.stream)}
        expected = "2" if name == "backfill" else job.outcome or str(world.state.seq)
        assert (name, outcomes) == (name, {expected})
    days = world.state.days
    cut = [day for day, record in days.items() if record.cut]
    published = [day for day, record in days.items() if record.published is not None]
    assert cut == [max(published) + timedelta(days=1)]


def test_requests_are_counted_wherever_they_come_from(world: World) -> None:
    before = world.control.requests_made()
    list(world.context.drop.list_blobs(blob_names.drop_container(world.stream.customer)))
    world.context.drop_events.length()
    calls = jobs.JOBS["days table"].prepare(world.context, world.stream)
    mine = counted(world.control.requests_since(before))
    assert (mine["list"] >= 1, mine["queue"]) == (True, 1)
    assert mine["by delta-rs"] == total(mine) - 2
    assert len(calls) == 1


def test_copies_are_listed_in_order_over_several_pages(control: Control) -> None:
    context = wiring.build_app(load_settings())
    context.drop.create_container("drop-copies")
    context.drop.put("drop-copies", "template", b"day 1 of 1", metadata={"kept": "yes"})
    at = datetime(2026, 1, 2, 3, tzinfo=UTC)
    names = [f"copies/{number:05d}" for number in range(5_003)]
    copies = [Copy(template="drop-copies/template", container="drop-copies", name=name, modified=at) for name in names]
    changed = replace(copies[7], etag="0x8DE0000000000AB", metadata={"other": "yes"}, replace={"day 1": "day 12"})
    assert control.copy([*reversed(copies), changed]) == len(names) + 1
    context.drop.delete("drop-copies", names[0])
    assert [info.name for info in context.drop.list_blobs("drop-copies", "copies/")] == names[1:]
    plain, other = (context.drop.get("drop-copies", name) for name in (names[1], names[7]))
    assert plain is not None
    assert (plain[0], plain[1].last_modified, plain[1].metadata) == (b"day 1 of 1", at, {"kept": "yes"})
    assert other is not None
    assert (other[0], other[1].etag, other[1].metadata) == (b"day 12 of 1", "0x8DE0000000000AB", {"other": "yes"})
    later = at + timedelta(days=1)
    control.set_times([("drop-copies", names[1], later)])
    moved = context.drop.head("drop-copies", names[1])
    assert moved is not None
    assert moved.last_modified == later


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("GET", "/drop-acme?restype=container&comp=list&prefix=metrics%2F", Kind.LIST),
        ("GET", "/?comp=list&maxresults=1", Kind.LIST),
        ("GET", "/drop-acme/metrics/a.csv", Kind.GET),
        ("GET", "/drop-acme/metrics/comp=list", Kind.GET),
        ("HEAD", "/drop-acme/metrics/a.csv", Kind.HEAD),
        ("PUT", "/state/leases/acme/metrics?comp=lease", Kind.PUT),
        ("DELETE", "/state/a.json", Kind.DELETE),
        ("GET", "/drop-events?comp=metadata", Kind.QUEUE),
        ("POST", "/stream-work/messages", Kind.QUEUE),
    ],
)
def test_a_request_is_counted_by_what_it_does(method: str, target: str, kind: Kind) -> None:
    assert HttpRequest(method=method, target=target, agent="azsdk").kind is kind


def test_what_delta_rs_asked_is_counted_once() -> None:
    requests = [
        HttpRequest(method="GET", target="/results-acme/days/a", agent=agent) for agent in ("object_store/0.13", "azsdk")
    ]
    assert counted(requests) == {"get": 2, "by delta-rs": 1}
    assert total(counted(requests)) == 2


def test_figures_are_those_of_one_call() -> None:
    found = {"times": 4, "requests": {"list": 4, "get": 8, "by delta-rs": 8}}
    measured = Measured(title="sweep", rows=0, cpu_seconds=2.0, found=found)
    assert (requests_of(measured), gets_of(measured), cpu_of(measured)) == (3, 2, 0.5)
    failed = Measured(title="sweep", rows=0, note="failed")
    assert (requests_of(failed), gets_of(failed), cpu_of(failed)) == (None, None, None)
