"""A day that the program itself received and published, file by file: what every other day of a history is a copy of."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.publications import Manifest
from processing.domain.receipts import UploadStatus
from processing.domain.stream_state import DayRecord
from processing.domain.streams import Stream
from processing.jobs.days.work_stream import WorkOutcome, work_stream
from processing.jobs.uploads.receive_file import receive_file
from processing.ports import BlobInfo
from processing.stored.context import JobContext
from processing.stored.manifests import read_manifest
from processing.stored.receipts import read_receipt
from processing.stored.stream_state import load_state

ROWS: Final = 20
"""Of each file, which make about a kilobyte."""
SETTLED: Final = 1.1
"""Seconds: a marker takes effect once it lies in the past of a clock that counts seconds."""
_THREADS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUpload:
    """An upload that is answered, with all that belongs to it."""

    name: str
    etag: str
    modified: datetime
    receipt: BlobInfo
    attempt: str | None
    """None for a marker, which has no rows."""
    parts: tuple[BlobInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDay:
    """A published day."""

    stream: Stream
    day: date
    files: tuple[TemplateUpload, ...]
    marker: TemplateUpload
    record: DayRecord
    manifest: Manifest


def make_template(context: JobContext, stream: Stream, day: date, files: int) -> TemplateDay:
    """Upload, receive, mark and publish a day."""
    names = [file_name(day, number) for number in range(files)]
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda name: upload(context, stream.customer, name, rows_of(name, day)), names))
    publish(context, stream, day)
    state = load_state(context, stream).state
    manifest = read_manifest(context.lake, state, day)
    if manifest is None or len(manifest.inputs) != files:
        raise RuntimeError(f"the template day was not published as it was made: {state.days.get(day)}")
    parts = _parts(context, stream, day)
    return TemplateDay(
        stream=stream,
        day=day,
        files=tuple(_answered(context, stream.customer, name, parts) for name in names),
        marker=_answered(context, stream.customer, marker_name(day), parts),
        record=state.days[day],
        manifest=manifest,
    )


def publish(context: JobContext, stream: Stream, day: date) -> None:
    """Mark a day whose files are answered, and have it published."""
    mark(context, stream, day)
    outcome = work_stream(context, stream)
    record = load_state(context, stream).state.days.get(day)
    if outcome is not WorkOutcome.DONE or record is None or record.published is None:
        raise RuntimeError(f"{day} was not published: {outcome}, {record}")


def mark(context: JobContext, stream: Stream, day: date) -> None:
    """Mark a day, and wait until that is in effect."""
    upload(context, stream.customer, marker_name(day), b"")
    time.sleep(SETTLED)


def upload(context: JobContext, customer: str, name: str, body: bytes) -> None:
    """Put a file into the drop container and have it received."""
    container = blob_names.drop_container(customer)
    context.drop.put(container, name, body)
    status = receive_file(context, container, name)
    if status is not UploadStatus.ACCEPTED:
        raise RuntimeError(f"{name} was not accepted: {status}")


def file_name(day: date, number: int) -> str:
    """Of an upload of metrics."""
    return f"{Dataset.METRICS}/{day.isoformat()}/part-{number:05d}.csv"


def marker_name(day: date) -> str:
    """Of the marker of a day of metrics."""
    return f"{Dataset.SIGNALS}/{Dataset.METRICS}/{day.isoformat()}"


def rows_of(name: str, day: date) -> bytes:
    """A file of metrics whose units no other file has."""
    lines = (f"{name}-{number},user_id,{day.isoformat()},revenue,{number}.5" for number in range(ROWS))
    return "\n".join(("unit_id,id_type,date,metric_name,metric_value", *lines, "")).encode()


def _parts(context: JobContext, stream: Stream, day: date) -> Mapping[str, list[BlobInfo]]:
    """Attempt to its staged parts."""
    parts: dict[str, list[BlobInfo]] = {}
    prefix = blob_names.parts_prefix(stream, day)
    for info in context.lake.list_blobs(blob_names.STAGED_CONTAINER, prefix, metadata=True):
        parsed = blob_names.PartName.parse(info.name)
        if parsed is not None:
            parts.setdefault(parsed.attempt, []).append(info)
    return parts


def _answered(context: JobContext, customer: str, name: str, parts: Mapping[str, list[BlobInfo]]) -> TemplateUpload:
    found = context.drop.head(blob_names.drop_container(customer), name)
    receipt = context.drop.head(blob_names.receipts_container(customer), blob_names.receipt_name(name))
    answer = read_receipt(context.drop, customer, name)
    if found is None or receipt is None or answer is None:
        raise RuntimeError(f"{name} has no answer")
    attempt = answer[0].in_force.attempt if answer[0].in_force else None
    return TemplateUpload(
        name=name,
        etag=found.etag,
        modified=found.last_modified,
        receipt=receipt,
        attempt=attempt,
        parts=tuple(parts.get(attempt or "", ())),
    )
