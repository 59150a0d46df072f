"""Racing, repeated, crashing workers over the same names answer every upload once and never go back (protocol, Ingest).

Each worker is the real job in a thread whose storage calls wait, so that any order of the calls of several workers is
tried. The same machine is run against programs that leave out one step of the protocol, and must find each of them out.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from processing.domain import blob_names
from processing.domain.days import PST
from processing.domain.documents import from_json
from processing.domain.errors import DropzoneError
from processing.domain.queue_messages import parse_upload_event, upload_event
from processing.domain.receipts import InForce, Receipt, ReceiptSummary, RowCounts, Upload, UploadStatus
from processing.jobs.uploads import receive_file as receive_file_module
from processing.jobs.uploads.commit_receipt import commit_receipt
from processing.jobs.uploads.draft_receipt import Draft
from processing.jobs.uploads.receive_file import receive_file
from processing.jobs.uploads.reingest import ReingestFilter, reingest
from processing.ports import UNCONDITIONAL, BlobInfo, BlobStore, Condition
from processing.stored.context import JobContext
from processing.stored.customers import add_customer
from processing.stored.receipts import read_receipt
from tests.support.all_customers import sweep_all
from tests.support.in_memory import InMemoryAppendBlobs, InMemoryBlobStore, InMemoryQueue, InMemoryTables, ServiceTime, _Blob
from tests.support.log_settings import own_log_settings
from tests.support.seeded_ids import SEEDED_IDS
from tests.support.soak import times
from tests.support.stepping import Call, CallOutcome, Run, SteppedStore

CUSTOMER = "acme"
DROP = blob_names.drop_container(CUSTOMER)
RECEIPTS = blob_names.receipts_container(CUSTOMER)
NAMES = ("metrics/a.csv", "metrics/b/a.csv")
START = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORKERS = 3
HEADER = "unit_id,id_type,date,metric_name,metric_value,numerator,denominator\n"

Row = tuple[str, str, str]
"""Unit, day, value."""
SOUND: dict[str, list[Row]] = {
    "one": [("u1", "2026-11-18", "1")],
    "two days": [("u1", "2026-11-18", "2"), ("u2", "2026-11-19", "3")],
    "bad rows": [("u1", "2026-11-18", "4"), ("u2", "2026-11-18", "x"), ("u3", "2026-11-19", "5"), ("u4", "2026-11-19", "y")],
    "from tomorrow on": [("u1", "2026-11-19", "6"), ("u5", "2026-11-22", "7")],
    "none": [],
}
CONTENTS = {name: (HEADER + "".join(f"{u},user_id,{d},m,{v},,\n" for u, d, v in rows)).encode() for name, rows in SOUND.items()}
CONTENTS |= {"empty": b"", "refused": b"unit_id,date\nu1,2026-11-18\n"}
CONFIGS = {
    "all": b"{}",
    "without u2": b"datasets:\n  metrics:\n    where: unit_id <> 'u2'\n",
    "withdraw": b"on_delete: withdraw\n",
    "broken": b"no_such_key: 1\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an upload, as the customer wrote it."""

    etag: str
    content: str
    last_modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is to come of a version that is not refused."""

    rows: RowCounts
    accepted: frozenset[tuple[str, date, float]]


def expected(version: Version, config: str) -> Expected:
    rows = SOUND.get(version.content, [])
    latest = PST.day_of(version.last_modified) + timedelta(days=1)
    kept = [row for row in rows if config != "without u2" or row[0] != "u2"]
    sound = [
        (unit, date.fromisoformat(day), float(value))
        for unit, day, value in kept
        if value.isdigit() and date.fromisoformat(day) <= latest
    ]
    counts = RowCounts(read=len(rows), accepted=len(sound), rejected=len(kept) - len(sound), filtered=len(rows) - len(kept))
    return Expected(rows=counts, accepted=frozenset(sound))


@dataclass(frozen=True, slots=True)
class HostClock:
    """The host's clock goes with the service's."""

    time: ServiceTime

    def now(self) -> datetime:
        return self.time()


@dataclass(slots=True)
class World:
    """The storage of an installation with one customer, and what the customer did."""

    time: ServiceTime = field(default_factory=lambda: ServiceTime(START))
    drop: InMemoryBlobStore = field(init=False)
    lake: InMemoryBlobStore = field(init=False)
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    versions: dict[str, list[Version]] = field(default_factory=lambda: {name: [] for name in NAMES})
    configs: dict[str | None, str] = field(default_factory=lambda: {None: "all"})
    """Version of the config to what it says; that of none says what the defaults say."""

    def __post_init__(self) -> None:
        self.drop, self.lake = InMemoryBlobStore(self.time), InMemoryBlobStore(self.time)
        for container in blob_names.LAKE_CONTAINERS:
            self.lake.create_container(container)
        add_customer(self.context(), CUSTOMER)

    def context(self, drop: BlobStore | None = None, lake: BlobStore | None = None) -> JobContext:
        return JobContext(
            drop=drop or self.drop,
            lake=lake or self.lake,
            tables=InMemoryTables(),
            append_blobs=InMemoryAppendBlobs(self.drop),
            drop_events=self.queue,
            stream_work=InMemoryQueue(),
            customer_work=InMemoryQueue(),
            clock=HostClock(self.time),
            program="1",
        )

    def write(self, name: str, content: str) -> None:
        etag = self.drop.put(DROP, name, CONTENTS[content])
        self.versions[name].append(Version(etag=etag, content=content, last_modified=self.time()))

    def write_config(self, config: str) -> str:
        etag = self.lake.put(blob_names.CONFIG_CONTAINER, blob_names.config_name(CUSTOMER), CONFIGS[config])
        self.configs[etag] = config
        return etag

    def present(self, name: str) -> Version | None:
        info = self.drop.head(DROP, name)
        return None if info is None else self.version(name, info.etag)

    def version(self, name: str, etag: str) -> Version:
        return self.versions[name][self.age(name, etag)]

    def age(self, name: str, etag: str) -> int:
        """The place of a version among those of its name; fails when it is not one of them."""
        return [version.etag for version in self.versions[name]].index(etag)

    def receipt(self, name: str) -> tuple[Receipt, BlobInfo] | None:
        found = self.drop.get(RECEIPTS, blob_names.receipt_name(name))
        return None if found is None else (from_json(Receipt, found[0]), found[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A call before which a worker stands still."""

    method: str | None
    """Of a receipt or an upload; None for the first call of all."""
    times: int = 1
    """How many of them come before it, itself included."""

    def is_at(self, call: Call) -> bool:
        return self.method is None or (
            call.method == self.method and (call.container == DROP or blob_names.is_receipt(call.name))
        )


PAUSES = (
    Pause(method=None),
    Pause(method="get", times=2),  # step 4
    Pause(method="head", times=2),  # step 6
    Pause(method="put"),  # step 7
)
Mutant = Callable[[SteppedStore], BlobStore]


class IngestMachine(RuleBasedStateMachine):
    """Customers, the platform and up to three workers, each storage call a step."""

    mutant: Mutant | None = None
    """What the store of each run is wrapped in; None for the program as it is."""

    def __init__(self) -> None:
        super().__init__()
        SEEDED_IDS.begin()
        self.world = World()
        self.runs: list[Run] = []
        self.messages: list[str] = []
        self.asked: set[str | None] = set()
        """ETags of the receipts that a reingest asked to replace."""
        self.seen: dict[str, tuple[Receipt, str]] = {}
        self.answers: dict[str, list[tuple[str, UploadStatus, datetime, RowCounts]]] = {}
        """What was answered to each name, the newest first."""
        self.deleted: dict[str, _Blob] = {}
        self.withdrawn: set[str] = set()
        """Attempts that stand for the rows of an upload that was deleted."""
        self.sound_parts: dict[str, frozenset[tuple[str, date, float]]] = {}
        self.is_sound = True

    # What customers and operators do

    @rule(name=st.sampled_from(NAMES), content=st.sampled_from(sorted(CONTENTS)), pause=st.sampled_from([None, *PAUSES]))
    def upload(self, name: str, content: str, pause: Pause | None) -> None:
        """A new version, of which a worker may hear at once."""
        self.world.write(name, content)
        self.messages.append(upload_event(DROP, name, self.world.versions[name][-1].etag))
        if pause is not None and len(self.runs) < WORKERS:
            self.deliver(-1, is_repeated=False, pause=pause)

    @rule(name=st.sampled_from(NAMES))
    def set_metadata(self, name: str) -> None:
        """The same bytes get another ETag and Last-Modified, and no event is sent."""
        present = self.world.present(name)
        if present is not None:
            self.world.write(name, present.content)

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        held = self.world.drop._containers[DROP].get(name)
        if held is not None:
            self.deleted[name] = held
        self.world.drop.delete(DROP, name)

    @rule(name=st.sampled_from(NAMES))
    def undelete(self, name: str) -> None:
        """What was deleted last comes back as the same version, unless another one is there."""
        if name in self.deleted and self.world.present(name) is None:
            held = self.deleted[name]
            if held.info.etag == self.world.versions[name][-1].etag:
                self.world.drop._containers[DROP][name] = held

    @rule(config=st.sampled_from(sorted(CONFIGS)))
    def change_config(self, config: str) -> None:
        self.world.write_config(config)

    @precondition(lambda self: len(self.runs) < WORKERS)
    @rule()
    def reingest(self) -> None:
        self.start(lambda context: reingest(context, CUSTOMER, ReingestFilter()))

    # What the platform does

    @precondition(lambda self: len(self.runs) < WORKERS)
    @rule()
    def sweep(self) -> None:
        self.start(sweep_all)

    @rule(hours=st.sampled_from([0, 1, 24]))
    def let_time_pass(self, hours: int) -> None:
        self.world.time.advance(timedelta(hours=hours, minutes=2, seconds=1))

    @precondition(lambda self: self.messages and len(self.runs) < WORKERS)
    @rule(which=st.integers(0, 5), is_repeated=st.booleans(), pause=st.sampled_from(PAUSES))
    def deliver(self, which: int, is_repeated: bool, pause: Pause) -> None:
        """Any message, and perhaps not for the last time."""
        which %= len(self.messages)
        self.answer(self.messages[which] if is_repeated else self.messages.pop(which))
        self.go_on_until(len(self.runs) - 1, pause)

    @precondition(lambda self: self.messages)
    @rule(which=st.integers(0, 5))
    def lose(self, which: int) -> None:
        self.messages.pop(which % len(self.messages))

    # What happens to the workers

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, WORKERS - 1), calls=st.integers(1, 9))
    def go_on(self, which: int, calls: int) -> None:
        """A worker makes some calls."""
        run = self.runs[which % len(self.runs)]
        for _ in range(calls):
            if not run.ended:
                run.step()
                self.check_receipts()

    @precondition(lambda self: self.runs)
    @rule(
        which=st.integers(0, WORKERS - 1),
        outcome=st.sampled_from([outcome for outcome in CallOutcome if outcome is not CallOutcome.DONE]),
    )
    def fail(self, which: int, outcome: CallOutcome) -> None:
        """The waiting call of a worker meets its fate."""
        self.runs[which % len(self.runs)].step(outcome)

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, WORKERS - 1), pause=st.sampled_from(PAUSES))
    def go_on_until(self, which: int, pause: Pause) -> None:
        """A worker goes on to a call at which much is decided."""
        run = self.runs[which % len(self.runs)]
        times = pause.times
        while run.waiting is not None:
            times -= pause.is_at(run.waiting)
            if times <= 0:
                return
            run.step()
            self.check_receipts()

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, WORKERS - 1))
    def crash(self, which: int) -> None:
        self.runs.pop(which % len(self.runs)).abandon()

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, WORKERS - 1), content=st.sampled_from(["one", "two days", "empty", "refused"]))
    def overtake(self, which: int, content: str) -> None:
        """While a worker stands still, another version of its upload comes and is answered."""
        waiting = self.runs[which % len(self.runs)].waiting
        name = next((name for name in NAMES if waiting is not None and waiting.name.startswith(name)), NAMES[0])
        self.world.write(name, content)
        self.start(lambda context: receive_file(context, DROP, name))
        run = self.runs.pop()
        while not run.ended:
            run.step()
            self.check_receipts()
        check_end(run)

    @invariant()
    def ended_runs_leave(self) -> None:
        for run in [run for run in self.runs if run.ended]:
            self.runs.remove(run)
            check_end(run)
        self.messages += self.queued()

    @invariant()
    def check_receipts(self) -> None:
        self.is_sound = False
        for name in NAMES:
            found = self.world.receipt(name)
            before = self.seen.get(name)
            if found is None:
                assert before is None, "a receipt is gone"
            elif before is None or before[1] != found[1].etag:
                self.check_receipt(name, *found, before=before[0] if before else None)
                self.seen[name] = found[0], found[1].etag
        receipts = {blob_names.receipt_name(name) for name in NAMES}
        listed = {info.name for info in self.world.drop.list_blobs(RECEIPTS) if blob_names.is_receipt(info.name)}
        assert listed <= receipts
        self.is_sound = True

    def is_of_deletion(self, name: str, receipt: Receipt, before: Receipt) -> bool:
        """Whether a receipt says nothing new but that its upload is gone, and maybe that its rows are withdrawn."""
        if receipt.deleted_at is None:
            return False
        assert name in self.deleted, "an upload is said to be gone that nobody deleted"
        told = replace(receipt, deleted_at=before.deleted_at, in_force=before.in_force, warnings=before.warnings)
        assert told == before, "a deletion changed what was answered"
        if receipt.in_force != before.in_force:
            assert "withdraw" in self.world.configs.values(), "rows were withdrawn, and no config says so"
            assert receipt.in_force is not None
            assert (receipt.in_force.days, receipt.in_force.parts) == ({}, ())
            self.withdrawn.add(receipt.in_force.attempt)
        return True

    def check_receipt(self, name: str, receipt: Receipt, info: BlobInfo, *, before: Receipt | None) -> None:
        """A receipt that was just written, and the one that it replaced."""
        world = self.world
        assert receipt.blob == name, "a receipt speaks of another upload"
        assert ReceiptSummary.from_metadata(info.metadata) == ReceiptSummary.of(receipt)
        version = world.version(name, receipt.etag)
        rows = receipt.rows
        assert rows.read == rows.accepted + rows.rejected + rows.filtered
        if before is not None:
            assert world.age(name, receipt.etag) >= world.age(name, before.etag), "a receipt went back to an earlier version"
            is_another = receipt.etag != before.etag or not before.status.is_answer or before.deleted_at is not None
            is_another = is_another or self.is_of_deletion(name, receipt, before)
            assert is_another or self.seen[name][1] in self.asked, "an answer was replaced, and nobody had asked for that"
        in_force_before = before.in_force if before else None
        if before is not None and self.is_of_deletion(name, receipt, before):
            return
        self.check_earlier_answers(name, receipt)
        if receipt.status in (UploadStatus.ACCEPTED, UploadStatus.ACCEPTED_WITH_REJECTS):
            assert version.content != "refused"
            assert receipt.in_force is not None
            assert receipt.in_force.etag == receipt.etag
            assert rows == expected(version, world.configs[receipt.config]).rows
            assert (receipt.status is UploadStatus.ACCEPTED) == (rows.rejected == 0)
            check_same_bytes(receipt.in_force, in_force_before)
        else:
            assert receipt.in_force == in_force_before, "a version that replaces nothing changed what is in force"
            if receipt.status is UploadStatus.REJECTED:
                assert version.content == "refused"
            elif receipt.status is UploadStatus.IGNORED:
                assert version.content == "empty"
                assert receipt.in_force is None
        if receipt.status is UploadStatus.FAILED:
            assert before is None or before.etag != receipt.etag or receipt.retry is not None
        self.check_rejected(receipt)
        if receipt.in_force is not None:
            self.check_in_force(name, receipt.in_force)

    def check_earlier_answers(self, name: str, receipt: Receipt) -> None:
        answers = self.answers.setdefault(name, [])
        told = [(each.etag, each.status, each.finished_at, each.rows) for each in receipt.earlier_answers]
        if receipt.status.is_answer:
            answers.insert(0, (receipt.etag, receipt.status, receipt.finished_at, receipt.rows))
            assert told == answers[1:20], "an earlier answer is lost, or told twice"
        else:
            assert told == answers[:20], "an earlier answer is lost, or told twice"

    def check_rejected(self, receipt: Receipt) -> None:
        assert (receipt.rejected_blob is not None) == (receipt.rows.rejected > 0)
        if receipt.rejected_blob is not None:
            found = self.world.drop.get(RECEIPTS, receipt.rejected_blob)
            assert found is not None, "the rejected rows are not there"
            assert len(found[0].splitlines()) == receipt.rows.rejected

    def check_in_force(self, name: str, in_force: InForce) -> None:
        if in_force.attempt in self.withdrawn:
            assert not in_force.parts
            return
        rows: list[tuple[str, date, float]] = []
        for part in in_force.parts:
            parsed = blob_names.PartName.parse(part.name)
            assert parsed is not None
            assert (parsed.customer, parsed.attempt) == (CUSTOMER, in_force.attempt)
            if part.name not in self.sound_parts:  # a part never changes
                found = self.world.lake.get(blob_names.STAGED_CONTAINER, part.name)
                assert found is not None, "a part in force is not there"
                self.sound_parts[part.name] = part_rows(found[0], parsed.day)
            assert len(self.sound_parts[part.name]) == part.rows
            rows += self.sound_parts[part.name]
        assert {day: sum(row[1] == day for row in rows) for day in {row[1] for row in rows}} == dict(in_force.days)
        wanted = expected(self.world.version(name, in_force.etag), self.world.configs[in_force.config])
        assert frozenset(rows) == wanted.accepted

    def teardown(self) -> None:
        try:
            if self.is_sound:
                self.check_quiescence()
        finally:
            for run in self.runs:
                run.abandon()

    def check_quiescence(self) -> None:
        """Once everything stands still, every upload has its answer; and once it was asked for, by the config of now."""
        for run in self.runs:
            run.finish()
            self.check_receipts()
        self.ended_runs_leave()
        self.settle()
        self.check_answers()
        self.world.write_config("without u2")
        self.answer_all(self.sent(lambda context: reingest(context, CUSTOMER, ReingestFilter())) * 2)
        self.settle()
        self.check_answers()
        for name in NAMES:
            found, present = self.world.receipt(name), self.world.present(name)
            if found is not None and present is not None and present.content not in ("empty", "refused"):
                assert found[0].in_force is not None
                # By this text or by another that means the same.
                assert self.world.configs[found[0].in_force.config] == "without u2"

    def check_answers(self) -> None:
        for name in NAMES:
            present = self.world.present(name)
            if present is None:
                continue
            found = self.world.receipt(name)
            assert found is not None, "an upload has no receipt"
            receipt, _ = found
            assert receipt.etag == present.etag, "the receipt of an upload is not current"
            assert receipt.status.is_answer
            # What is in force follows from check_receipt: this version's rows where it was accepted, else what was before.
            accepted = receipt.status in (UploadStatus.ACCEPTED, UploadStatus.ACCEPTED_WITH_REJECTS)
            assert accepted == (present.content != "refused" and receipt.status is not UploadStatus.IGNORED)

    def settle(self) -> None:
        """Sweep and deliver until nothing is announced."""
        for _ in range(5):
            self.world.time.advance(timedelta(hours=2))
            messages = self.sent(sweep_all)
            if not messages:
                return
            self.answer_all(messages)
        raise AssertionError("the sweep never stops")

    def sent(self, work: Callable[[JobContext], object]) -> list[str]:
        self.start(work)
        self.runs.pop().finish()
        return self.queued()

    def queued(self) -> list[str]:
        """Take what the jobs put on the queue."""
        messages = []
        while (message := self.world.queue.take()) is not None:
            messages.append(message)
            event = parse_upload_event(message.encode())
            assert event is not None
            self.asked.add(event.replaces_receipt)
        return messages

    def answer_all(self, messages: list[str]) -> None:
        for message in messages:
            self.answer(message)
            run = self.runs.pop()
            while not run.ended:
                run.step()
                self.check_receipts()
            check_end(run)

    def answer(self, message: str) -> None:
        event = parse_upload_event(message.encode())
        assert event is not None
        self.start(lambda context: receive_file(context, event.container, event.name, replaces_receipt=event.replaces_receipt))

    def start(self, work: Callable[[JobContext], object]) -> None:
        def in_steps(run: Run) -> object:
            drop, lake = SteppedStore(self.world.drop, run), SteppedStore(self.world.lake, run)
            if self.mutant is None:
                return work(self.world.context(drop, lake))
            return work(self.world.context(self.mutant(drop), self.mutant(lake)))

        self.runs.append(Run(in_steps))


def part_rows(data: bytes, day: date) -> frozenset[tuple[str, date, float]]:
    frame = pl.read_parquet(BytesIO(data))
    return frozenset((unit, day, value) for unit, value in frame.select("unit_id", "metric_value").iter_rows())


def check_same_bytes(now: InForce, before: InForce | None) -> None:
    if before is not None and (before.sha256, before.config, before.days) == (now.sha256, now.config, now.days):
        assert (before.attempt, before.last_modified) == (now.attempt, now.last_modified), "the same bytes changed something"


def check_end(run: Run) -> None:
    """A run may end because storage does not answer, which the message survives; never otherwise by an error."""
    if run.error is not None and not isinstance(run.error, DropzoneError):
        raise run.error


# Programs that leave out a step: each is the real one on a store that lies.


class _Lying(SteppedStore):
    """What a wrapped store says, but for the lie of a subclass; one for each store of each run."""

    def __init__(self, store: SteppedStore) -> None:
        super().__init__(store.store, store.run)


class LooksOnce(_Lying):
    """Step 6 is left out: the upload is what it was when it was first looked at."""

    def __init__(self, store: SteppedStore) -> None:
        super().__init__(store)
        self._first: dict[str, BlobInfo | None] = {}

    def head(self, container: str, name: str) -> BlobInfo | None:
        if container != DROP:
            return super().head(container, name)
        if name not in self._first:
            self._first[name] = super().head(container, name)
        return self._first[name]


class LooksBeforeReading(_Lying):
    """Step 6 comes before step 4: whenever the receipt is read, the upload was looked at just before.

    What was read of the receipt before the upload was read does no harm by that: only what is read after it.
    """

    @staticmethod
    def patch(patch: pytest.MonkeyPatch) -> None:
        """The receipt is read when the upload was."""

        def afresh(context: JobContext, upload: Upload, draft: Draft, **asked: Any) -> Any:
            earlier = read_receipt(context.drop, upload.customer, upload.name)
            return commit_receipt(context, upload, draft, **{**asked, "earlier": earlier})

        patch.setattr(receive_file_module, "commit_receipt", afresh)

    def __init__(self, store: SteppedStore) -> None:
        super().__init__(store)
        self._looked: dict[str, BlobInfo | None] = {}

    def get(self, container: str, name: str) -> tuple[bytes, BlobInfo] | None:
        upload = blob_names.upload_of_receipt(name)
        if container == RECEIPTS and upload is not None:
            self._looked[upload] = super().head(DROP, upload)
        return super().get(container, name)

    def head(self, container: str, name: str) -> BlobInfo | None:
        return self._looked.pop(name) if container == DROP and name in self._looked else super().head(container, name)


class WritesWithoutCondition(_Lying):
    """Step 7 forgets what step 4 read."""

    def put(
        self,
        container: str,
        name: str,
        data: bytes | Path,
        *,
        when: Condition = UNCONDITIONAL,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        when = UNCONDITIONAL if blob_names.is_receipt(name) else when
        return super().put(container, name, data, when=when, metadata=metadata)


class TakesFailuresForAnswers(_Lying):
    """A version that could not be answered yet is answered by a refusal."""

    def put(
        self,
        container: str,
        name: str,
        data: bytes | Path,
        *,
        when: Condition = UNCONDITIONAL,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        if blob_names.is_receipt(name) and metadata is not None and metadata["status"] == UploadStatus.FAILED:
            assert isinstance(data, bytes)
            data = json.dumps({**json.loads(data), "status": UploadStatus.REJECTED}).encode()
            metadata = {**metadata, "status": UploadStatus.REJECTED}
        return super().put(container, name, data, when=when, metadata=metadata)


class ForgetsWhatIsInForce(_Lying):
    """A refused version takes the rows of the accepted one with it."""

    def put(
        self,
        container: str,
        name: str,
        data: bytes | Path,
        *,
        when: Condition = UNCONDITIONAL,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        if blob_names.is_receipt(name) and metadata is not None and metadata["status"] == UploadStatus.REJECTED:
            assert isinstance(data, bytes)
            data = json.dumps({**json.loads(data), "in_force": None}).encode()
            metadata = {key: value for key, value in metadata.items() if key not in ("attempt", "modified")}
        return super().put(container, name, data, when=when, metadata=metadata)


class CommitsBeforeStaging(_Lying):
    """Step 7 comes before step 3: the parts are written once the receipt is."""

    def __init__(self, store: SteppedStore) -> None:
        super().__init__(store)
        self._later: list[tuple[str, bytes]] = []

    def put(
        self,
        container: str,
        name: str,
        data: bytes | Path,
        *,
        when: Condition = UNCONDITIONAL,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        if container == blob_names.STAGED_CONTAINER:
            self._later.append((name, data if isinstance(data, bytes) else data.read_bytes()))
            return "later"
        return super().put(container, name, data, when=when, metadata=metadata)


MUTANTS = (
    LooksOnce,
    LooksBeforeReading,
    WritesWithoutCondition,
    TakesFailuresForAnswers,
    ForgetsWhatIsInForce,
    CommitsBeforeStaging,
)
EVERY_RUN = settings(stateful_step_count=30, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """The jobs' lines would be the bulk of the time."""
    with own_log_settings():
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        yield


@pytest.fixture(autouse=True)
def ids_are_the_same_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    SEEDED_IDS.patch(monkeypatch)


def test_racing_workers_answer_every_upload_and_never_go_back() -> None:
    run_state_machine_as_test(IngestMachine, settings=settings(EVERY_RUN, max_examples=times(200)))


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_program_that_leaves_out_a_step_is_found_out(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    if mutant is LooksBeforeReading:
        LooksBeforeReading.patch(monkeypatch)
    machine = type("MutantMachine", (IngestMachine,), {"mutant": staticmethod(mutant)})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=settings(EVERY_RUN, max_examples=2_000, phases=[Phase.generate]))
