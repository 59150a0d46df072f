"""What the jobs tell of uploads and days is what their documents say, and nothing of a customer's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import pytest

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import LaterError
from processing.domain.queue_messages import QUEUES, parse_upload_event, traceparent_of
from processing.domain.receipts import ReceiptSummary
from processing.domain.streams import Stream
from processing.domain.telemetry_names import (
    ANSWER_LAG,
    BYTES,
    DAY_LAG,
    DAYS,
    OLDEST_UNANSWERED,
    QUEUE_AGE,
    QUEUE_LENGTH,
    REJECTS,
    ROWS,
    UPLOADS,
    Attribute,
    SpanName,
)
from processing.jobs.days.advance_days import advance_days
from processing.jobs.days.work_stream import work_stream
from processing.jobs.housekeeping.run_housekeeping import run_housekeeping
from processing.jobs.journal.journal import Journal
from processing.jobs.uploads.receive_file import receive_file
from processing.jobs.uploads.sweep import sweep
from processing.ports import BlobInfo
from processing.stored.customers import list_customers
from processing.stored.receipts import read_receipt
from tests.support.all_customers import sweep_all
from tests.support.in_memory import InMemoryBlobStore, InMemoryQueue
from tests.support.memory import HEADER, Memory, metrics
from tests.support.recorded_telemetry import RecordedTelemetry

DAY = date(2026, 11, 18)
MARKER = f"signals/metrics/{DAY}"
NAME = "Kunigunde-4711"
FILE = f"metrics/{NAME}-zahlen.csv"
BAD = f"{HEADER}{NAME},user_id,{DAY},{NAME},1,,\n{NAME},user_id,{DAY},{NAME},{NAME},,\n,user_id,{NAME},m,1,,\n"


@dataclass(slots=True)
class Watched(Memory):
    """An installation whose telemetry is kept."""

    recorded: RecordedTelemetry = field(default_factory=RecordedTelemetry)

    def __post_init__(self) -> None:
        Memory.__post_init__(self)
        self.context = replace(self.context, telemetry=self.recorded)


@pytest.fixture
def house() -> Watched:
    return Watched()


def test_an_upload_gives_the_counts_of_its_receipt(house: Watched) -> None:
    house.upload(FILE, BAD.encode())
    receipt = house.receipt(FILE)
    assert receipt["rows"] == {"read": 3, "accepted": 1, "rejected": 2, "filtered": 0}
    assert house.recorded.by(ROWS, Attribute.OUTCOME) == {"accepted": 1, "rejected": 2}
    assert house.recorded.of(BYTES) == [receipt["size"]]
    assert house.recorded.by(UPLOADS, Attribute.OUTCOME) == {receipt["status"]: 1}
    (span,) = house.recorded.named(SpanName.RECEIVE_FILE)
    assert span.attributes == {Attribute.CUSTOMER: "acme", Attribute.DATASET: "metrics", Attribute.OUTCOME: receipt["status"]}


def test_rejects_by_rule_are_the_rules_of_the_receipt(house: Watched) -> None:
    house.upload(FILE, BAD.encode())
    rules: Counter[str] = Counter()
    for each in house.receipt(FILE)["rules"]:
        rules[each["rule"]] += each["count"]
    assert len(rules) > 1
    assert house.recorded.by(REJECTS, Attribute.RULE) == dict(rules)


def test_an_upload_that_is_answered_already_is_not_counted_again(house: Watched) -> None:
    house.upload(FILE, BAD.encode())
    before = list(house.recorded.values)
    receive_file(house.context, house.container, FILE)
    assert house.recorded.values == before


def test_the_time_to_an_answer_runs_from_the_writing_of_the_upload(house: Watched) -> None:
    house.put(FILE, metrics(DAY, {"u": 1}))
    house.pass_time(seconds=90)
    receive_file(house.context, house.container, FILE)
    assert house.recorded.of(ANSWER_LAG) == [90]


def test_an_answer_that_was_asked_for_again_has_no_such_time(house: Watched) -> None:
    house.upload(FILE, metrics(DAY, {"u": 1}))
    found = read_receipt(house.drop, house.customer, FILE)
    assert found is not None
    receive_file(house.context, house.container, FILE, replaces_receipt=found[1])
    assert len(house.recorded.of(UPLOADS)) == 2
    assert len(house.recorded.of(ANSWER_LAG)) == 1


def test_a_processed_day_gives_the_time_since_its_marker_once(house: Watched) -> None:
    house.upload(FILE, metrics(DAY, {"u": 1}))
    house.upload(MARKER)
    house.settle()
    assert house.states() == {DAY: "processed"}
    assert house.recorded.of(DAY_LAG) == [3720]
    house.upload("metrics/more.csv", metrics(DAY, {"v": 1}))
    house.upload(MARKER, b" ")
    house.settle()
    assert house.day(DAY).published is not None
    assert house.state().seq == 2
    assert house.recorded.of(DAY_LAG) == [3720]


def test_each_look_tells_how_many_days_are_in_each_state(house: Watched) -> None:
    house.upload(FILE, metrics(DAY, {"u": 1}))
    house.upload(MARKER)
    house.settle()
    house.recorded.values.clear()
    house.pass_time(hours=1)  # until then nobody looks at a stream at rest
    house.tick()
    assert house.recorded.by(DAYS, Attribute.STATE) == {"processed": 1}


def test_the_sweep_tells_the_age_of_the_oldest_upload_without_an_answer(house: Watched) -> None:
    house.put(FILE, metrics(DAY, {"u": 1}))
    house.pass_time(minutes=10)
    house.sweep()
    sweep_all(house.context)
    assert house.recorded.of(OLDEST_UNANSWERED) == [600, 0]


def test_every_timer_tells_how_full_the_queues_are_and_how_long_the_next_message_has_waited(house: Watched) -> None:
    house.events.send("one")
    house.pass_time(minutes=7)
    house.events.send("another")
    for timer in (sweep, advance_days, run_housekeeping):
        house.recorded.values.clear()
        timer(house.context)
        assert house.recorded.by(QUEUE_LENGTH, Attribute.QUEUE)["drop-events"] == 2
        assert house.recorded.by(QUEUE_AGE, Attribute.QUEUE)["drop-events"] == 420
        assert set(house.recorded.by(QUEUE_AGE, Attribute.QUEUE)) == set(QUEUES)
    house.pass_time(minutes=3)
    house.recorded.values.clear()
    sweep(house.context)
    assert house.recorded.by(QUEUE_AGE, Attribute.QUEUE) == {"drop-events": 600, "stream-work": 0, "customer-work": 180}


class _Unreachable(InMemoryQueue):
    """A queue that cannot be asked how long its messages wait."""

    def waiting_since(self) -> datetime | None:
        raise LaterError("storage is down")


def test_a_queue_that_cannot_be_measured_holds_up_neither_the_others_nor_the_timer(house: Watched) -> None:
    context = replace(house.context, drop_events=_Unreachable(house.time))
    assert sweep(context) == 1
    assert set(house.recorded.by(QUEUE_LENGTH, Attribute.QUEUE)) == {"stream-work", "customer-work"}


class _Unlistable(InMemoryBlobStore):
    """A store that is down for listings."""

    def list_blobs(self, *_: object, **__: object) -> Iterator[BlobInfo]:
        raise LaterError("storage is down")


def test_a_customer_that_cannot_be_listed_is_not_told_to_have_no_open_upload(house: Watched) -> None:
    store = _Unlistable(house.time)
    store.create_container(house.container)
    context = replace(house.context, drop=store)
    assert list_customers(context) == [house.customer]
    sweep_all(context)
    assert len(house.recorded.named(SpanName.SWEEP)) == 1
    assert house.recorded.of(OLDEST_UNANSWERED) == []


def test_the_receipt_names_the_span_that_wrote_it_and_its_listing_the_one_that_staged_the_rows(house: Watched) -> None:
    house.upload(FILE, metrics(DAY, {"u": 1}))
    house.upload(FILE, b"no header at all\n\x00")
    first, second = house.recorded.named(SpanName.RECEIVE_FILE)
    found = read_receipt(house.drop, house.customer, FILE)
    assert found is not None
    receipt, _ = found
    assert receipt.trace == second.traceparent
    summary = ReceiptSummary.of(receipt)
    assert summary.trace == first.traceparent
    assert ReceiptSummary.from_metadata(summary.to_metadata()) == summary


def test_a_day_names_the_uploads_that_it_was_made_of_each_once(house: Watched) -> None:
    for number in range(3):
        house.upload(f"metrics/{number}.csv", metrics(DAY, {f"u{number}": 1}))
    house.upload(MARKER)
    house.settle()
    uploads = [span.traceparent for span in house.recorded.named(SpanName.RECEIVE_FILE)][:3]
    (day,) = house.recorded.named(SpanName.PROCESS_DAY)
    assert sorted(day.links) == sorted(uploads)
    assert day.attributes[Attribute.DAY] == DAY.isoformat()
    assert day.attributes[Attribute.OUTCOME] == "processed"
    (turn,) = house.recorded.named(SpanName.WORK_STREAM)
    assert day.parent == turn.traceparent


def test_a_customers_work_names_the_timers_run_that_sent_it(house: Watched) -> None:
    house.sweep()
    house.clean_up()
    for timer, work in ((SpanName.SEND_SWEEPS, SpanName.SWEEP), (SpanName.SEND_HOUSEKEEPING, SpanName.CLEAN_UP)):
        (sent,), (done,) = house.recorded.named(timer), house.recorded.named(work)
        assert done.links == [sent.traceparent]
        assert done.attributes == {Attribute.CUSTOMER: house.customer}


def test_messages_carry_the_span_that_sent_them(house: Watched) -> None:
    house.put(FILE, metrics(DAY, {"u": 1}))
    house.upload(MARKER)
    house.pass_time(hours=1, minutes=2)
    sweep_all(house.context)
    body = house.events.take()
    assert body is not None
    event = parse_upload_event(body.encode())
    assert event is not None
    assert event.traceparent == house.recorded.named(SpanName.SWEEP)[0].traceparent
    receive_file(house.context, event.container, event.name, traceparent=event.traceparent)
    assert house.recorded.named(SpanName.RECEIVE_FILE)[-1].links == [event.traceparent]
    advance_days(house.context)
    work = house.work.take()
    assert work is not None
    assert traceparent_of(work.encode()) == house.recorded.named(SpanName.ADVANCE_DAYS)[0].traceparent
    work_stream(house.context, Stream(house.customer, house.state().dataset), traceparent=traceparent_of(work.encode()))
    assert house.recorded.named(SpanName.WORK_STREAM)[0].links == [traceparent_of(work.encode())]


@pytest.mark.parametrize("traceparent", ["", "x", 7, None, "00-" + "0" * 32 + "-" + "1" * 16 + "-01", NAME])
def test_a_message_with_another_text_for_a_span_has_no_cause(traceparent: object) -> None:
    body = json.dumps({"customer": "acme", "dataset": "metrics", "traceparent": traceparent}).encode()
    assert traceparent_of(body) is None


def test_a_day_that_fails_says_so_without_the_words_of_the_error(house: Watched) -> None:
    house.upload(FILE, metrics(DAY, {"u": 1}))
    house.upload(MARKER)
    for part in list(house.lake.list_blobs(blob_names.STAGED_CONTAINER)):
        house.lake.put(blob_names.STAGED_CONTAINER, part.name, f"no Parquet but {NAME}".encode())
    house.settle()
    (day,) = house.recorded.named(SpanName.PROCESS_DAY)
    assert day.error is not None
    assert house.recorded.named(SpanName.WORK_STREAM)[0].attributes[Attribute.OUTCOME] == "failed"
    assert NAME not in house.recorded.everything()


def test_neither_a_blob_nor_a_value_is_told(house: Watched) -> None:
    house.upload(FILE, BAD.encode())
    house.upload(f"{NAME}/outside.csv", b"x")
    house.upload(f"metrics/{NAME}.parquet", NAME.encode())
    house.upload(MARKER, NAME.encode())
    house.put(f"metrics/{NAME}2.csv", metrics(DAY, {NAME: 1}, metric=NAME))
    house.settle()
    house.sweep()
    house.clean_up()
    house.tick()
    Journal(house.context).append("acme", Dataset.METRICS, f'{{"unit_id": "{NAME}"}}\n'.encode())
    house.pass_time(minutes=3)
    house.sweep()
    assert {span.name for span in house.recorded.spans} == set(SpanName)
    recorded = house.recorded.everything()
    assert "acme" in recorded
    assert NAME not in recorded
    assert "zahlen" not in recorded
    assert ".csv" not in recorded
