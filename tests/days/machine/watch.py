"""What must be true of one stream after every storage call of every job: the invariants of the protocol.

A watch looks at storage before and after each call, so that it knows what a run had listed when it decided something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.documents import from_json
from processing.domain.publications import Manifest
from processing.domain.readiness.marker_manifest import folders_of
from processing.domain.receipts import Receipt
from processing.domain.stream_state import DayRecord, StreamState
from processing.domain.streams import Stream
from tests.days.machine import first_day
from tests.days.machine.contents import STUB, Feed, Given, Row
from tests.days.machine.customer import Customer
from tests.days.machine.projection import Projection
from tests.days.machine.tally import Tally
from tests.support.stepping import Call, Run

T = TypeVar("T")


@dataclass(slots=True)
class Listed(Generic[T]):
    """A listing as a run saw it, page by page."""

    since: int
    """When its first page was asked for."""
    until: int
    """When its last one so far was."""
    found: dict[str, T] = field(default_factory=dict)


@dataclass(slots=True)
class Notes:
    """What one run has seen of one stream, and when."""

    there: dict[str, Listed[str]] = field(default_factory=dict)
    """Folder to name and ETag of what lay there when its last listing began."""
    markers: Listed[str] | None = None
    """Name to ETag of what its last listing of signals showed."""
    receipts: Listed[Receipt] | None = None
    """Upload to receipt: as they were when it listed notes of changes last, and as it saw them after that."""
    now: datetime | None = None
    """The service's time as the run asked for it last before it listed markers."""
    asked: datetime | None = None
    """The same, at any time."""
    known: StreamState | None = None
    """The stream's state as the run read or wrote it last."""
    known_at: int = 0
    epoch: int | None = None
    """Of the claim that the run made."""
    names_first_day: bool = False
    """Whether the run sets the stream's first day for an operator."""
    manifest: str | None = None
    """The last one that it wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a run knew when it wrote a manifest."""

    known: StreamState
    since: int
    until: int
    """When its receipts were listed."""
    receipts: Mapping[str, Receipt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The listing that a cut of a day was taken from."""

    since: int
    uploads: Mapping[str, str]


class Watch:
    """The invariants of one stream."""

    def __init__(self, customer: Customer, stream: Feed, tally: Tally) -> None:
        self.customer = customer
        self.world = customer.world
        self.stream = stream
        self.named = Stream(customer.name, stream.dataset)
        self.tally = tally
        self.state, self._etag = self.world.state(customer.name, stream)
        self.cuts: dict[tuple[date, int], Cut] = {}
        """Day and round to the cut."""
        self.prepared: dict[str, Prepared] = {}
        self.publications = 0
        self.closings: dict[date, int] = {}
        """Closed days, and when each was closed first."""
        self.folders = folders_of(stream.dataset)
        self.saved: list[tuple[int, date | None, bytes]] = []
        """Every version of the state, with its last publication and what was pending."""
        self.newest: StreamState | None = None
        """While the state is one from before: the one that it should be."""
        self._projection = Projection(customer, stream)
        self._manifests: dict[str, Manifest] = {}

    def before(self, notes: Notes, call: Call) -> None:
        """A call is about to be let through."""
        if call.method == "list" and call.page == 1 and call.container == self.customer.drop and call.name in self.folders:
            number = self.world.number
            notes.there[call.name] = Listed(number, number, self.customer.uploads(call.name))
        elif call.method == "list" and call.page == 1 and call.name == blob_names.changes_prefix(self.named):
            # What came before needs no other sign than its note.
            there = {name: each for folder in self.folders for name, each in self.customer.receipts_in(folder).items()}
            notes.receipts = Listed(self.world.number, self.world.number, there)

    def after(self, notes: Notes, call: Call, run: Run) -> None:
        """A call was let through."""
        if call.method == "list":
            self._note_listing(notes, call, run)
        elif call.method == "head" and call.container == self.customer.receipts:
            self._note_receipt(notes, call)
        elif call.method == "service_time":
            notes.asked = self.world.drop.service_time()
        elif call.container == blob_names.STATE_CONTAINER:
            self._note_state(notes, call)
        elif call.method == "replace" and call.container == self.customer.results:
            self._projection.check_commits()
            if self.state.pending is None:
                self.check_tables()

    def roll_back(self) -> None:
        """The state was exchanged for one from before."""
        self.newest = self.state
        self._look_again()

    def roll_forward(self) -> None:
        """The newest state was put back."""
        self.newest = None
        self._look_again()

    def manifest(self, name: str) -> Manifest:
        """A manifest, as it was written: it may be lost by now."""
        if name not in self._manifests:
            found = self.world.lake.get(blob_names.STATE_CONTAINER, name)
            assert found is not None, "the manifest of a publication is gone"
            self._manifests[name] = from_json(Manifest, found[0])
        return self._manifests[name]

    def live(self) -> dict[date, Manifest]:
        """The manifests of the published days."""
        days = (self.newest or self.state).days.items()
        return {day: self.manifest(record.published.manifest) for day, record in days if record.published is not None}

    def live_names(self) -> set[str]:
        """The manifests that the state names, or should name."""
        days = (self.newest or self.state).days.values()
        return {record.published.manifest for record in days if record.published is not None}

    def was_overtaken(self, manifest: str) -> bool:
        """Whether a day was computed and not published, because it has a newer cut."""
        if manifest in self.live_names():
            return False
        day = self.manifest(manifest).day
        return self.state.days[day].round > self.prepared[manifest].known.days[day].round

    def check_tables(self) -> None:
        """Invariant 6; a state from before knows less than the tables."""
        if self.newest is None:
            self._projection.check(self.live())

    def check_part_deleted(self, name: str) -> None:
        """Invariant 8, of a staged part of this stream that was deleted."""
        part = PartName.parse(name)
        assert part is not None
        if self.state.is_closed(part.day):
            self.tally.hit("a part of a closed day deleted")
            return
        named = {each.part for manifest in self.live().values() for each in manifest.inputs}
        assert name not in named, "a part of a live manifest was deleted"
        receipts = (receipt for folder in self.folders for receipt in self.customer.receipts_in(folder).values())
        in_force = {each.name for receipt in receipts if receipt.in_force for each in receipt.in_force.parts}
        is_early = self.state.first_day is not None and part.day < self.state.first_day
        assert name not in in_force or is_early, "a part in force was deleted"
        self.tally.hit("a superseded part deleted")

    def rows_in_force(self, day: date, receipts: Mapping[str, Receipt]) -> list[Row]:
        """The rows of a day in the order of their uploads, from what was uploaded."""
        found = [(name, receipt.in_force) for name, receipt in receipts.items() if receipt.in_force is not None]
        rows: list[Row] = []
        for name, in_force in sorted(found, key=lambda each: (each[1].last_modified, each[0])):
            version = self.customer.version(name, in_force.etag)
            config = self.customer.configs[in_force.config]
            read = self.customer.rows_read(name, version.content, in_force.last_modified, config)
            kept = {part.day for each in in_force.parts if (part := PartName.parse(each.name)) is not None}
            rows += (row for its, row in read.accepted if its == day and row.dataset is self.stream.dataset and day in kept)
        return rows

    def is_given_up(self, receipt: Receipt, state: StreamState, day: date) -> bool:
        """Whether the rows of a day that a receipt holds in force were deleted by retention, while nobody waited for them."""
        expired, in_force = state.given_up, receipt.in_force
        if expired is None or in_force is None or day >= expired.before or in_force.last_modified > expired.arrived:
            return False
        names = [part.name for part in in_force.parts if self.is_of(part.name, day)]
        return all(self.world.lake.head(blob_names.STAGED_CONTAINER, name) is None for name in names)

    def is_of(self, part: str, day: date | None = None) -> bool:
        """Whether a staged part holds rows of this stream, and of a day."""
        parsed = PartName.parse(part)
        assert parsed is not None
        is_ours = (parsed.customer, parsed.dataset) == (self.customer.name, self.stream.dataset)
        return is_ours and day in (None, parsed.day)

    # What a run has seen

    def _look_again(self) -> None:
        self.state, self._etag = self.world.state(self.customer.name, self.stream)

    def _note_listing(self, notes: Notes, call: Call, run: Run) -> None:
        if run.page is None:
            return
        number = self.world.number
        if call.container == self.customer.drop and call.name == "signals/":
            if call.page == 1:
                notes.markers, notes.now = Listed(number, number), notes.asked
            if notes.markers is not None:
                notes.markers.until = number
                notes.markers.found |= {info.name: info.etag for info in run.page}
        elif call.container == self.customer.receipts and call.name in self.folders and notes.receipts is not None:
            notes.receipts.until = number
            notes.receipts.found |= self.customer.parsed(run.page)

    def _note_receipt(self, notes: Notes, call: Call) -> None:
        name = blob_names.upload_of_receipt(call.name)
        if name is None or notes.receipts is None or not name.startswith(self.folders):
            return
        notes.receipts.until = self.world.number
        found = self.customer.receipt(name)
        notes.receipts.found.pop(name, None)
        notes.receipts.found |= {name: found[0]} if found is not None else {}

    def _note_state(self, notes: Notes, call: Call) -> None:
        if call.name == blob_names.state_name(self.named):
            before, etag_before = self.state, self._etag
            if call.method == "put":
                self._look_again()
                if self._etag != etag_before:
                    self._check_transition(before, self.state, notes)
                    apart = [self.world.days_apart.get(etag or "", 0) for etag in (etag_before, self._etag)]
                    self.tally.hit("a closed day left the state", max(apart[1] - apart[0], 0))
            if call.method == "get" or self._etag != etag_before:
                notes.known, notes.known_at = self.state, self.world.number
            if self._etag != etag_before and self.state.pending is None and before.pending is not None:
                self.check_tables()
        elif call.method == "put" and call.name.startswith(blob_names.manifests_prefix(self.named)):
            self._prepare(notes, call.name)

    def _prepare(self, notes: Notes, name: str) -> None:
        if name in self.prepared or self.world.lake.head(blob_names.STATE_CONTAINER, name) is None:
            return
        assert notes.known is not None
        assert notes.receipts is not None
        self.prepared[name] = Prepared(
            known=notes.known, since=notes.receipts.since, until=notes.receipts.until, receipts=notes.receipts.found
        )
        notes.manifest = name

    # One write of the stream's state

    def _check_transition(self, before: StreamState, after: StreamState, notes: Notes) -> None:
        found = self.world.lake.get(blob_names.STATE_CONTAINER, blob_names.state_name(self.named))
        assert found is not None
        if self.newest is None:
            self.saved.append((after.seq, after.pending, found[0]))
        assert after.revision == before.revision + 1
        assert after.epoch - before.epoch in (0, 1)
        if after.epoch > before.epoch:
            notes.epoch = after.epoch
            self.tally.hit("a claim")
        assert after.seq - before.seq in (0, 1), "the publication number jumps or falls"
        kept = {day for day, record in before.days.items() if record.cut is not None or before.first_day is not None}
        assert kept <= after.days.keys(), "a day was forgotten"
        for day, record in after.days.items():
            self._check_record(day, before.days.get(day, DayRecord()), record, notes)
            is_new = after.seq > before.seq and day == after.pending
            assert is_new or _same(record, before.days.get(day, DayRecord())), "a publication was changed"
        if after.seq > before.seq:
            self._check_publication(before, after, notes)
        elif after.pending != before.pending:
            assert after.pending is None
            assert notes.epoch == before.epoch, "a worker whose claim is over finished a publication"
        if after.closed_days() != before.closed_days():
            self._check_closing(before, after)
        if after.first_day != before.first_day:
            self._check_first_day(before, after, notes)

    def _check_closing(self, before: StreamState, after: StreamState) -> None:
        closed = after.closed_days() - before.closed_days()
        self.closings = {**dict.fromkeys(closed, self.world.number), **self.closings}
        self.tally.hit("a day closed", sum(after.days[day].published is not None for day in closed))
        for day in closed:
            is_early = after.first_day is not None and day < after.first_day
            assert is_early or after.days[day].published is not None, "a day was closed that was never published"

    def _check_first_day(self, before: StreamState, after: StreamState, notes: Notes) -> None:
        if notes.names_first_day or self.customer.named_first_day(after.first_day):
            return
        assert before.first_day is None, "the first day was moved by nobody"
        self.tally.hit("a first day found")
        first_day.check_found(self, notes, before, after)

    def _check_record(self, day: date, before: DayRecord, after: DayRecord, notes: Notes) -> None:
        assert after.round >= before.round
        # Our own errors are sentences; anything else was an error that nobody thought of.
        assert after.error is None or " " in after.error, after.error
        self._count(before, after)
        if after.round > before.round:
            cut = Cut(
                since=min(notes.there[folder].since for folder in self.folders),
                uploads={name: etag for folder in self.folders for name, etag in notes.there[folder].found.items()},
            )
            assert cut.since >= notes.known_at, "a cut was taken without a look at the uploads"
            self.cuts[day, after.round] = cut
            for ref in set(after.markers) - set(before.markers):
                written = self.customer.version(ref.name, ref.etag).number
                assert written <= cut.since, "a cut was taken from a listing that is older than the day's marker"
                for name, answered in self.customer.logged.items():
                    is_before = name.startswith(self.folders) and answered < written
                    assert not is_before or name in self.customer.versions, (
                        "a marker overtook rows that were answered before it"
                    )
        elif before.cut is not None and after.cut is not None:
            assert set(after.cut) <= set(before.cut), "a cut has grown"

    def _count(self, before: DayRecord, after: DayRecord) -> None:
        """What of the program a change of a day went through."""
        if after.failures > before.failures:
            self.tally.hit("a day failed")
        if after.mismatch and not before.mismatch:
            self.tally.hit("a manifest that does not match")
        if after.round > before.round and after.cut:
            self.tally.hit("a cut with names")
        if before.cut and after.cut == ():
            self.tally.hit("a cut emptied")
        if after.reprocess is not None and before.reprocess is None:
            self.tally.hit("a day sent back")

    def _check_publication(self, before: StreamState, after: StreamState, notes: Notes) -> None:
        day = after.pending
        assert day is not None
        assert before.pending is None, "a publication was committed before the one before it was in the tables"
        record = after.days[day]
        assert record.published is not None
        manifest = self.manifest(record.published.manifest)
        assert notes.epoch == before.epoch == manifest.epoch, "a worker whose claim is over published"
        assert (manifest.day, manifest.seq, record.published.seq) == (day, after.seq, after.seq)
        ahead = {table: seq for table, seq in self.world.seqs(self.customer.name, self.stream).items() if seq > before.seq}
        assert not ahead, "something was published on a state that is older than the tables"
        prepared = self.prepared[record.published.manifest]
        self._check_due(before, day)
        self._check_cut(day, prepared.known.days[day].round, prepared)
        self._check_inputs(manifest, prepared)
        self._check_rows(manifest, prepared)
        self.publications += 1
        self._count_publication(before.days.get(day, DayRecord()), manifest)

    def _count_publication(self, before: DayRecord, manifest: Manifest) -> None:
        self.tally.hit("a publication")
        if before.published is not None:
            self.tally.hit("a publication in place of another")
        if not manifest.rows_in:
            self.tally.hit("a publication without rows")
        if {each.blob.partition("/")[0] for each in manifest.inputs} > {self.stream.dataset.value}:
            self.tally.hit("exposures among events published")

    def _check_due(self, before: StreamState, day: date) -> None:
        """Invariants 5 and 10, of the state that a publication replaces."""
        record = before.days[day]
        assert record.cut == (), f"{day} was published while its cut was {record.cut}"
        assert not record.expected_files, f"{day} was published while files of its manifest were awaited"
        assert before.first_day is not None
        if record.published is not None:
            assert record.reprocess is not None, f"{day} was published again though nothing asked for it"
            return
        assert day >= before.first_day, f"{day} was published though it lies before the first day"
        for earlier in (before.first_day + timedelta(days=each) for each in range((day - before.first_day).days)):
            assert before.days.get(earlier, DayRecord()).published is not None, "a day was published before an earlier one"

    def _check_cut(self, day: date, round_: int, prepared: Prepared) -> None:
        """Invariant 3: what the cut's listing showed was answered when the publication's receipts were listed."""
        assert self.state.days[day].round == round_, f"{day} was published though it has a newer cut"
        cut = self.cuts[day, round_]
        assert cut.since <= prepared.since, "a day was computed before its cut"
        for name, etag in cut.uploads.items():
            version = self.customer.version(name, etag)
            if version.content == STUB or self.customer.ended_at(name, etag) <= prepared.until:
                continue
            # One that is lost was an answer: of what it held on the day a note still tells.
            receipt = prepared.receipts.get(name) or self.customer.lost.get(name)
            is_in = receipt is not None and receipt.etag == etag and receipt.status.is_answer
            assert is_in, f"{name} lay there before {day} was cut and is not in it"

    def _known(self, prepared: Prepared, day: date) -> Mapping[str, Receipt]:
        """The receipts that a run listed, and those that it should have missed: the day was published from their parts."""
        published = prepared.known.days[day].published
        named = {each.part for each in self.manifest(published.manifest).inputs} if published is not None else set()
        lost = {
            name: receipt
            for name, receipt in self.customer.lost.items()
            if receipt.in_force is not None and any(part.name in named for part in receipt.in_force.parts)
        }
        found = {name: each for name, each in prepared.receipts.items() if each.in_force is not None or name not in lost}
        return {name: each for name, each in {**lost, **found}.items() if not self.is_given_up(each, prepared.known, day)}

    def _check_inputs(self, manifest: Manifest, prepared: Prepared) -> None:
        """Invariants 2 and 12."""
        in_force = (
            receipt.in_force for receipt in self._known(prepared, manifest.day).values() if receipt.in_force is not None
        )
        parts = {part.name: part.rows for each in in_force for part in each.parts if self.is_of(part.name, manifest.day)}
        found = {each.part: each.rows for each in manifest.inputs}
        assert found == parts, "a publication is not made of the parts that its receipts hold in force"
        assert len(found) == len(manifest.inputs)

    def _check_rows(self, manifest: Manifest, prepared: Prepared) -> None:
        """Invariant 9, and that what is published is what the uploads say."""
        assert manifest.rows_in == sum(each.rows for each in manifest.inputs)
        assert manifest.rows == manifest.rows_in - manifest.superseded - manifest.test_rows
        earlier = [each for each, record in prepared.known.days.items() if each < manifest.day and record.published is not None]
        manifests = [self.manifest(prepared.known.days[each].published.manifest) for each in earlier]  # type: ignore[union-attr]
        expected = self.stream.days.shown(
            self.rows_in_force(manifest.day, self._known(prepared, manifest.day)),
            Given(
                ratios={name for each in manifests for name in each.ratios},
                keys={key for each in manifests for key in self._projection.shown_by(each)},
            ),
        )
        assert self._projection.shown_by(manifest) == expected, "a publication shows something else than was uploaded"


def _same(record: DayRecord, before: DayRecord) -> bool:
    """Whether the same publication stands; what it is said to have been given may be found to come to the same."""
    names = [
        each.published and (each.published.seq, each.published.manifest, each.published.inputs) for each in (record, before)
    ]
    return names[0] == names[1]
