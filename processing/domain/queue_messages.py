"""The queues and their messages: BlobCreated, as Event Grid and the sweep write it, and work on a stream or a customer.

Both Event Grid schemas are read, plain and base64. A message is a hint: it tells where to look and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from processing.domain.blob_names import is_customer_name
from processing.domain.datasets import Dataset
from processing.domain.streams import Stream
from processing.domain.telemetry_names import is_traceparent

DROP_EVENTS: Final = "drop-events"
STREAM_WORK: Final = "stream-work"
CUSTOMER_WORK: Final = "customer-work"
QUEUES: Final = (DROP_EVENTS, STREAM_WORK, CUSTOMER_WORK)
"""Every queue of an installation; each has a poison queue beside it."""
MOST_WAITING: Final = 10_000
"""Messages on `drop-events` beyond which nothing more is announced."""
BLOB_CREATED: Final = "Microsoft.Storage.BlobCreated"
_SUBJECT_START: Final = "/blobServices/default/containers/"
_BLOBS: Final = "/blobs/"
_TRACEPARENT: Final = "traceparent"
"""The name that CloudEvents gives it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadEvent:
    """A blob that was written."""

    container: str
    name: str
    etag: str | None
    """The version that was written, without quotes; by now there may be another."""
    size: int | None = None
    """Its bytes, if the message says."""
    replaces_receipt: str | None = None
    """ETag of the receipt that is to be replaced although it answers the upload; None unless that was asked for."""
    traceparent: str | None = None
    """The span that announced the upload, if the message says."""


def parse_upload_event(body: bytes) -> UploadEvent | None:
    """The upload that a message speaks of; None for an event of another type.

    Raises ValueError for a body that is no event at all.
    """
    event = _decoded(body)
    kind, subject, data = event.get("eventType") or event.get("type"), event.get("subject"), event.get("data")
    if not isinstance(kind, str) or not isinstance(subject, str):  # the content is wrong, not a type of ours
        raise ValueError("the message is neither an Event Grid event nor a CloudEvent")  # noqa: TRY004
    if kind != BLOB_CREATED:
        return None
    container, found, name = subject.removeprefix(_SUBJECT_START).partition(_BLOBS)
    if not subject.startswith(_SUBJECT_START) or not found or not container or not name:
        raise ValueError("the subject of the event names no blob")
    details = data if isinstance(data, dict) else {}
    etag, replaces_receipt, size = details.get("eTag"), details.get("replacesReceipt"), details.get("contentLength")
    return UploadEvent(
        container=container,
        name=name,
        etag=etag.strip('"') if isinstance(etag, str) else None,
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        replaces_receipt=replaces_receipt if isinstance(replaces_receipt, str) else None,
        traceparent=_traceparent(event),
    )


def upload_event(
    container: str,
    name: str,
    etag: str,
    *,
    size: int | None = None,
    replaces_receipt: str | None = None,
    traceparent: str | None = None,
) -> str:
    """A message of our own about an upload, as Event Grid writes them; `replaces_receipt` asks for another answer.

    Without a `size`, its bytes, it is worked on alone.
    """
    given = {"eTag": etag, "contentLength": size, "replacesReceipt": replaces_receipt}
    data = {key: value for key, value in given.items() if value is not None}
    event = {"eventType": BLOB_CREATED, "subject": f"{_SUBJECT_START}{container}{_BLOBS}{name}", "data": data}
    return json.dumps(event | _with_traceparent(traceparent))


def stream_work(stream: Stream, *, traceparent: str | None = None) -> str:
    """A message that asks a worker to look after one stream; `traceparent` is the span that asks."""
    return json.dumps({"customer": stream.customer, "dataset": stream.dataset} | _with_traceparent(traceparent))


def parse_stream_work(body: bytes) -> Stream:
    """The inverse of `stream_work`; ValueError for anything else."""
    work = _decoded(body)
    customer = _customer(work)
    dataset = Dataset(str(work.get("dataset")))
    if dataset is Dataset.SIGNALS:
        raise ValueError("signals are no stream")
    return Stream(customer, dataset)


class CustomerTask(StrEnum):
    """What there is to do for a customer as a whole."""

    SWEEP = "sweep"
    HOUSEKEEPING = "housekeeping"
    ROLL = "roll"
    """What came over HTTP and lies in segments whose writers left them becomes uploads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerWork:
    """One task for one customer."""

    customer: str
    task: CustomerTask
    most: int = 0
    """How many uploads a sweep may announce; the others announce none."""


def customer_work(work: CustomerWork, *, traceparent: str | None = None) -> str:
    """A message that asks a worker to do one task for one customer; `traceparent` is the span that asks."""
    limit = {"most": work.most} if work.task is CustomerTask.SWEEP else {}
    return json.dumps({"customer": work.customer, "work": work.task} | limit | _with_traceparent(traceparent))


def parse_customer_work(body: bytes) -> CustomerWork:
    """The inverse of `customer_work`; ValueError for anything else."""
    work = _decoded(body)
    customer = _customer(work)
    task = CustomerTask(str(work.get("work")))
    if task is not CustomerTask.SWEEP:
        return CustomerWork(customer=customer, task=task)
    most = work.get("most")
    # What a sweep may announce it holds in memory.
    if not isinstance(most, int) or isinstance(most, bool) or not 0 <= most <= MOST_WAITING:
        raise ValueError(f"the message does not say how many uploads, at most {MOST_WAITING:,}, may be announced")
    return CustomerWork(customer=customer, task=task, most=most)


def traceparent_of(body: bytes) -> str | None:
    """The span that sent a readable message, if the message says."""
    return _traceparent(_decoded(body))


def _customer(work: dict[str, Any]) -> str:
    customer = work.get("customer")
    if not isinstance(customer, str) or not is_customer_name(customer):
        raise ValueError("the message names no customer")
    return customer


def _with_traceparent(traceparent: str | None) -> dict[str, str]:
    return {} if traceparent is None else {_TRACEPARENT: traceparent}


def _traceparent(event: dict[str, Any]) -> str | None:
    traceparent = event.get(_TRACEPARENT)
    return traceparent if is_traceparent(traceparent) else None


def _decoded(body: bytes) -> dict[str, Any]:
    text = _without_mark(body)
    if not text.startswith((b"{", b"[")):
        try:
            text = _without_mark(base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise ValueError("the message is neither JSON nor base64") from error
    try:
        event = json.loads(text)
    except RecursionError as error:
        raise ValueError("the message is nested too deep") from error
    if isinstance(event, list) and len(event) == 1:
        event = event[0]
    if not isinstance(event, dict):
        raise ValueError("the message is not one event")  # noqa: TRY004
    return event


def _without_mark(text: bytes) -> bytes:
    """Without blanks and byte order marks at its ends, which .NET writes before what it calls UTF-8."""
    return text.strip().removeprefix(codecs.BOM_UTF8).strip()
