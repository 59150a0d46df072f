"""What must be true after every storage call of every job: the invariants of the protocol, and what they rest on.

A watch looks at storage before and after each call, so that it knows what a run had listed when it decided something.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from processing.domain import blob_names
from processing.domain.blob_names import PartName
from processing.domain.documents import from_json
from processing.domain.marker_manifest import folders_of
from processing.domain.records import DayRecord, Manifest, Receipt, Status, StreamState
from tests.property.day_machine.contents import EMPTY, REFUSED, Given, Row, Stream, read_rows
from tests.property.day_machine.world import CUSTOMER, DROP, RECEIPTS, RESULTS, World
from tests.support.stepping import Call


@dataclass(slots=True)
class Notes:
    """What one run has seen of one stream, and when."""

    uploads: dict[str, tuple[int, Mapping[str, str]]] = field(default_factory=dict)
    """Folder to its last listing: when, and name to ETag."""
    receipts: dict[str, tuple[int, Mapping[str, Receipt]]] = field(default_factory=dict)
    """Folder to its last listing: when, and upload to receipt."""
    known: StreamState | None = None
    """The stream's state as the run read or wrote it last."""
    known_at: int = 0
    epoch: int | None = None
    """Of the claim that the run made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a run knew when it wrote a manifest."""

    known: StreamState
    listed_at: int
    receipts: Mapping[str, Receipt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The listing that a cut of a day was taken from."""

    listed_at: int
    uploads: Mapping[str, str]


class Watch:
    """The invariants of one stream."""

    def __init__(self, world: World, stream: Stream) -> None:
        self.world = world
        self.stream = stream
        self.state, self._etag = world.state(stream)
        self.cuts: dict[tuple[date, int], Cut] = {}
        """Day and round to the cut."""
        self.prepared: dict[str, Prepared] = {}
        self.publications = 0
        self._folders = folders_of(stream.dataset)
        self._manifests: dict[str, Manifest] = {}
        self._commits: dict[str, int] = {}
        self._sound: set[str] = set()
        self._shown: dict[str, Mapping[tuple[str, str], object]] = {}

    def before(self, notes: Notes, call: Call) -> None:
        """A call is about to be let through."""
        if call.method == "list" and call.name in self._folders:
            if call.container == DROP:
                notes.uploads[call.name] = (self.world.number, self.world.uploads(call.name))
            elif call.container == RECEIPTS:
                notes.receipts[call.name] = (self.world.number, self.world.receipts(call.name))

    def after(self, notes: Notes, call: Call) -> None:
        """A call was let through."""
        before, etag_before = self.state, self._etag
        self.state, self._etag = self.world.state(self.stream)
        if self._etag != etag_before:
            self._check_transition(before, self.state, notes)
        if call.container == blob_names.STATE_CONTAINER:
            if call.name == blob_names.state_name(CUSTOMER, self.stream.dataset):
                if call.method == "get" or self._etag != etag_before:
                    notes.known, notes.known_at = self.state, self.world.number
            elif call.method == "put" and call.name.startswith(blob_names.manifests_prefix(CUSTOMER, self.stream.dataset)):
                self._prepare(notes, call.name)
        if call.method == "replace":
            self._check_commits()
        if self.state.pending is None and (self._etag != etag_before or call.method == "replace"):
            self.check_tables()

    def manifest(self, name: str) -> Manifest:
        if name not in self._manifests:
            found = self.world.lake.get(blob_names.STATE_CONTAINER, name)
            assert found is not None, "the manifest of a publication is gone"
            self._manifests[name] = from_json(Manifest, found[0])
        return self._manifests[name]

    def live(self) -> dict[date, Manifest]:
        """The manifests of the published days."""
        days = self.state.days.items()
        return {day: self.manifest(record.published.manifest) for day, record in days if record.published is not None}

    def check_deleted(self, name: str) -> None:
        """Invariant 8, of a staged part that is about to be deleted."""
        named = {each.part for manifest in self.live().values() for each in manifest.inputs}
        assert name not in named, "a part of a live manifest was deleted"
        receipts = (receipt for folder in self._folders for receipt in self.world.receipts(folder).values())
        assert name not in {part.name for each in receipts if each.in_force for part in each.in_force.parts}

    def _prepare(self, notes: Notes, name: str) -> None:
        if name in self.prepared or self.world.lake.head(blob_names.STATE_CONTAINER, name) is None:
            return
        assert notes.known is not None
        self.prepared[name] = Prepared(
            known=notes.known,
            listed_at=min(notes.receipts[folder][0] for folder in self._folders),
            receipts={key: each for folder in self._folders for key, each in notes.receipts[folder][1].items()},
        )

    # One write of the stream's state

    def _check_transition(self, before: StreamState, after: StreamState, notes: Notes) -> None:
        assert after.revision == before.revision + 1
        assert after.epoch - before.epoch in (0, 1)
        if after.epoch > before.epoch:
            notes.epoch = after.epoch
        assert after.seq - before.seq in (0, 1), "the publication number jumps or falls"
        assert before.days.keys() <= after.days.keys(), "a day was forgotten"
        for day, record in after.days.items():
            self._check_record(day, before.days.get(day, DayRecord()), record, notes)
            is_new = after.seq > before.seq and day == after.pending
            assert is_new or record.published == before.days.get(day, DayRecord()).published, "a publication was changed"
        if after.seq > before.seq:
            self._check_publication(before, after, notes)
        elif after.pending != before.pending:
            assert after.pending is None
            assert notes.epoch == before.epoch, "a worker whose claim is over finished a publication"

    def _check_record(self, day: date, before: DayRecord, after: DayRecord, notes: Notes) -> None:
        assert after.round >= before.round
        # Our own errors are sentences; anything else was an error that nobody thought of.
        assert after.error is None or " " in after.error, after.error
        if after.round > before.round:
            cut = Cut(
                listed_at=min(notes.uploads[folder][0] for folder in self._folders),
                uploads={name: etag for folder in self._folders for name, etag in notes.uploads[folder][1].items()},
            )
            assert cut.listed_at >= notes.known_at, "a cut was taken without a look at the uploads"
            self.cuts[day, after.round] = cut
            for ref in set(after.markers) - set(before.markers):
                written = self.world.version(ref.name, ref.etag).number
                assert written <= cut.listed_at, "a cut was taken from a listing that is older than the day's marker"
        elif before.cut is not None and after.cut is not None:
            assert set(after.cut) <= set(before.cut), "a cut has grown"

    def _check_publication(self, before: StreamState, after: StreamState, notes: Notes) -> None:
        day = after.pending
        assert day is not None
        assert before.pending is None, "a publication was committed before the one before it was in the tables"
        record = after.days[day]
        assert record.published is not None
        manifest = self.manifest(record.published.manifest)
        assert notes.epoch == before.epoch == manifest.epoch, "a worker whose claim is over published"
        assert (manifest.day, manifest.seq, record.published.seq) == (day, after.seq, after.seq)
        prepared = self.prepared[record.published.manifest]
        self._check_order(before, day, after)
        self._check_cut(day, prepared.known.days[day].round, prepared)
        if record.reprocess is None:
            self._check_cut(day, record.round, prepared)
        self._check_inputs(manifest, prepared)
        self._check_rows(manifest, prepared)
        self.publications += 1

    def _check_order(self, before: StreamState, day: date, after: StreamState) -> None:
        """Invariant 5."""
        assert after.first_day is not None
        is_first_time = before.days.get(day, DayRecord()).published is None
        assert not is_first_time or day >= after.first_day
        earlier = after.first_day
        while is_first_time and earlier < day:
            assert before.days.get(earlier, DayRecord()).published is not None, "a day was published before an earlier one"
            earlier += timedelta(days=1)

    def _check_cut(self, day: date, round_: int, prepared: Prepared) -> None:
        """Invariant 3: what the cut's listing showed was answered when the publication's receipts were listed."""
        cut = self.cuts[day, round_]
        assert cut.listed_at <= prepared.listed_at, "a day is not to be processed again though it was computed before its cut"
        for name, etag in cut.uploads.items():
            versions = self.world.versions[name]
            age = self.world.age(name, etag)
            replaced = versions[age + 1].number <= prepared.listed_at if age + 1 < len(versions) else False
            if replaced or self.world.gone_at(name, age) <= prepared.listed_at:
                continue
            receipt = prepared.receipts.get(name)
            assert receipt is not None, f"{name} lay there before {day} was cut and is not in it"
            assert receipt.etag == etag, f"{name} lay there before {day} was cut and is not in it"
            assert receipt.status.is_answer, f"{name} lay there before {day} was cut and is not in it"

    def _check_inputs(self, manifest: Manifest, prepared: Prepared) -> None:
        """Invariant 2."""
        in_force = (receipt.in_force for receipt in prepared.receipts.values() if receipt.in_force is not None)
        parts = {part.name: part.rows for each in in_force for part in each.parts if self.is_of(part.name, manifest.day)}
        found = {each.part: each.rows for each in manifest.inputs}
        assert found == parts, "a publication is not made of the parts that its receipts hold in force"
        assert len(found) == len(manifest.inputs)

    def is_of(self, part: str, day: date) -> bool:
        """Whether a staged part holds rows of a day of this stream."""
        parsed = PartName.parse(part)
        assert parsed is not None
        return (parsed.dataset, parsed.day) == (self.stream.dataset, day)

    def _check_rows(self, manifest: Manifest, prepared: Prepared) -> None:
        """Invariant 9, and that what is published is what the uploads say."""
        assert manifest.rows_in == sum(each.rows for each in manifest.inputs)
        assert manifest.rows == manifest.rows_in - manifest.superseded - manifest.test_rows
        earlier = [each for each, record in prepared.known.days.items() if each < manifest.day and record.published is not None]
        manifests = [self.manifest(prepared.known.days[each].published.manifest) for each in earlier]  # type: ignore[union-attr]
        expected = self.stream.shown(
            self.rows_in_force(manifest.day, prepared.receipts),
            Given(
                ratios={name for each in manifests for name in each.ratios},
                keys={key for each in manifests for key in self._shown_by(each)},
            ),
        )
        assert self._shown_by(manifest) == expected, "a publication shows something else than was uploaded"

    def rows_in_force(self, day: date, receipts: Mapping[str, Receipt]) -> list[Row]:
        """The rows of a day in the order of their uploads, from what was uploaded."""
        found = [(name, receipt.in_force) for name, receipt in receipts.items() if receipt.in_force is not None]
        rows: list[Row] = []
        for name, in_force in sorted(found, key=lambda each: (each[1].last_modified, each[0])):
            version = self.world.version(name, in_force.etag)
            read = read_rows(self.stream, version.content, version.last_modified, self.world.configs[in_force.config])
            rows += (each for each in read.accepted if each.day == day)
        return rows

    def _shown_by(self, manifest: Manifest) -> Mapping[tuple[str, str], object]:
        shown: dict[tuple[str, str], object] = {}
        for output in manifest.outputs:
            for file in output.files if output.table == self.stream.table else ():
                shown |= self._read(f"{output.table}/{file.path}")
        return shown

    def _read(self, name: str) -> Mapping[tuple[str, str], object]:
        if name not in self._shown:
            self._shown[name] = self.stream.read(pl.read_parquet(io.BytesIO(self._file(name))))
        return self._shown[name]

    def _file(self, name: str) -> bytes:
        found = self.world.lake.get(RESULTS, name)
        assert found is not None, "a file of a table is gone"
        return found[0]

    # Tables

    def _check_commits(self) -> None:
        """Invariant 4."""
        app = str(self.stream.dataset)
        for (container, table), log in self.world.tables._logs.items():
            assert container == RESULTS
            seen = self._commits.get(table, 0)
            for before, version in zip(log[seen:], log[seen + 1 :], strict=False):
                if version.app == app:
                    assert version.seqs[app] > before.seqs.get(app, 0), "a table took a publication twice, or an older one"
            self._commits[table] = len(log) - 1

    def check_tables(self) -> None:
        """Invariant 6: every table shows each published day exactly as its manifest says."""
        files: dict[tuple[str, frozenset[tuple[str, str]]], set[str]] = {}
        for _, table in self.world.tables._logs:
            for file in self.world.tables.files(RESULTS, table):
                files.setdefault((table, frozenset(file.partition.items())), set()).add(file.path)
        for day, manifest in self.live().items():
            for output in manifest.outputs:
                shown = files.get((output.table, frozenset(output.partition.items())), set())
                assert shown == {file.path for file in output.files}, f"{output.table} does not show {day} as it was published"
            partition = frozenset({"dataset": str(self.stream.dataset), "pst_date": day.isoformat()}.items())
            assert len(files.get(("days", partition), set())) == 1
            (path,) = files["days", partition]
            self._check_versions(manifest, f"days/{path}")

    def _check_versions(self, manifest: Manifest, path: str) -> None:
        """The versions that the row of `days` names show the publication, each in its table."""
        if path in self._sound:
            return
        (row,) = pl.read_parquet(io.BytesIO(self._file(path))).to_dicts()
        assert row["seq"] == manifest.seq
        for output in manifest.outputs:
            files = self.world.tables.files(RESULTS, output.table, row[f"{output.table}_version"])
            shown = {file.path for file in files if file.partition == output.partition}
            assert shown == {file.path for file in output.files}, "table `days` names a version of another publication"
        self._sound.add(path)


def check_receipt(world: World, name: str, receipt: Receipt, before: Receipt | None) -> None:
    """Invariants 1 and 9, of a receipt that was just written and the one that it replaced."""
    age = world.age(name, receipt.etag)
    rows = receipt.rows
    assert rows.read == rows.accepted + rows.rejected + rows.filtered
    if before is not None:
        assert age >= world.age(name, before.etag), "a receipt went back to an earlier version"
    stream = next((each for each in world.streams if name in each.names), None)
    if stream is None:
        return
    content = world.version(name, receipt.etag).content
    if receipt.status in (Status.ACCEPTED, Status.ACCEPTED_WITH_REJECTS):
        assert receipt.in_force is not None
        assert receipt.in_force.etag == receipt.etag
        read = read_rows(stream, content, world.version(name, receipt.etag).last_modified, world.configs[receipt.config])
        assert (rows.read, rows.filtered, rows.accepted) == (read.read, read.filtered, len(read.accepted))
    else:
        assert receipt.status is Status.FAILED or content in (EMPTY, REFUSED)
        assert receipt.in_force == (before.in_force if before else None), (
            "a version that replaces nothing changed what is in force"
        )
