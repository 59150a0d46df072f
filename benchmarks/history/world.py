"""Builds a stream with a history: each of its days published by the program's own projection, and standing still at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from deltalake import DeltaTable

from benchmarks.emulated import new_customer
from benchmarks.history.day_copy import DayCopy, Kept
from benchmarks.history.emulator import Control
from benchmarks.history.kept_tables import KeptTables
from benchmarks.history.template_day import TemplateDay, make_template
from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.documents import to_json
from processing.domain.queue_messages import MOST_WAITING
from processing.domain.stream_state import DayRecord
from processing.domain.streams import Stream
from processing.jobs.days.project_tables import project_pending
from processing.jobs.days.work_stream import work_stream
from processing.jobs.housekeeping.run_housekeeping import clean_up_customer
from processing.jobs.uploads.sweep import sweep_customer
from processing.publication.compute_day import TABLES_OF
from processing.storage.connections import Connection
from processing.stored.change_notes import write_change
from processing.stored.context import JobContext
from processing.stored.stream_state import StoredState, load_state, store_state
from processing.stored.write_once import write_once

_MARGIN: Final = 1
"""Days before retention's end that nothing is made of, so that no round of housekeeping has them to delete."""
_VERSION_DIGITS: Final = 20
"""Of a commit in the log of a Delta table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSpec:
    """What a history is made of."""

    days: int
    """That are published."""
    files: int
    """Uploads a day."""
    open_days: int
    """The newest, whose uploads are answered and which nobody has marked."""


def build(context: JobContext, control: Control, spec: WorldSpec) -> Stream:
    """The metrics of a new customer; all work that is due on the way to standing still is done."""
    stream = Stream(new_customer(context), Dataset.METRICS)
    today = context.zone.day_of(context.drop.service_time())
    newest = today - timedelta(days=spec.open_days + 1)
    template = make_template(context, stream, newest, spec.files)
    for ago in range(1, spec.open_days + 1):
        copy = DayCopy(template, today - timedelta(days=ago))
        control.copy(copy.blobs(Kept(uploads=True, staged=True), marked=False))
        for change in copy.changes():
            write_change(context.lake, stream, change)
    publishing = replace(context, tables=KeptTables(context.tables))
    history = _History(context=publishing, control=control, template=template, today=today, records={newest: template.record})
    stored = load_state(context, stream)
    for number in range(spec.days - 1, 0, -1):
        stored = history.publish(stored, newest - timedelta(days=number))
    history.finish(stored)
    for _ in range(2):  # what the first finds to do the second no longer does
        clean_up_customer(context, stream.customer)
        sweep_customer(context, stream.customer, MOST_WAITING)
        work_stream(context, stream)
    return stream


@dataclass(slots=True, kw_only=True)
class _History:
    context: JobContext
    control: Control
    template: TemplateDay
    today: date
    records: dict[date, DayRecord]
    """Of the days that are published."""

    def publish(self, stored: StoredState, day: date) -> StoredState:
        """Have one more day of the past published, by the manifest of a copy."""
        copy, stream = DayCopy(self.template, day), self.template.stream
        self.control.copy((*copy.blobs(self._kept(day), marked=True), *copy.files()))
        manifest = copy.manifest(stored.state.seq + 1)
        attempt = blob_names.new_attempt()
        name = blob_names.manifest_name(stream, day, seq=manifest.seq, epoch=manifest.epoch, attempt=attempt)
        write_once(self.context.lake, blob_names.STATE_CONTAINER, name, to_json(manifest))
        published = self.template.record.published
        if published is None:
            raise RuntimeError("the template day is not published")
        # The other days are left out meanwhile: nothing of the projection looks at them, and it writes the state twice.
        record = copy.record(published, manifest, name)
        pending = replace(stored.state, seq=manifest.seq, pending=day, days={day: record})
        done = project_pending(self.context, store_state(self.context, stored, pending), stored.state.epoch)
        self.records[day] = done.state.days[day]
        return done

    def finish(self, stored: StoredState) -> None:
        """Write the state with all days, and let everything be as old as it would be."""
        days = dict(sorted(self.records.items()))
        store_state(self.context, stored, replace(stored.state, first_day=min(days), days=days))
        self.control.set_times(self._times())
        for table in TABLES_OF[self.template.stream.dataset]:
            delta_table(self.control.connection, self.template.stream, table.name).cleanup_metadata()

    def _kept(self, day: date) -> Kept:
        age = (self.today - day).days + _MARGIN
        return Kept(uploads=age <= self.context.retention.uploads, staged=age <= self.context.retention.staged)

    def _times(self) -> Iterator[tuple[str, str, datetime]]:
        """When each manifest, day document and commit would have been written."""
        stream = self.template.stream
        for day, record in self.records.items():
            if record.published is not None:
                yield blob_names.STATE_CONTAINER, record.published.manifest, _published_at(day)
        receipts = blob_names.receipts_container(stream.customer)
        for info in self.context.drop.list_blobs(receipts, blob_names.days_prefix(stream.dataset)):
            if document := blob_names.DayDocument.parse(info.name):
                yield receipts, info.name, _published_at(document.day)
        days = sorted(self.records)
        results = blob_names.results_container(stream.customer)
        for table in TABLES_OF[stream.dataset]:
            for info in self.context.lake.list_blobs(results, f"{table.name}/_delta_log/"):
                number = info.name.rpartition("/")[2][:_VERSION_DIGITS]
                if number.isdecimal():
                    yield results, info.name, _published_at(days[min(int(number), len(days) - 1)])


def delta_table(connection: str, stream: Stream, table: str) -> DeltaTable:
    """A table of the stream's customer, opened by a reader that knows nothing of us."""
    options = Connection(connection_string=connection).delta_options()
    return DeltaTable(f"az://{blob_names.results_container(stream.customer)}/{table}", storage_options=options)


def _published_at(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(10), UTC)
