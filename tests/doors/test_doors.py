"""Messages at the doors: readable ones are finished, unreadable ones raise and so reach the poison queue."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from processing.domain.datasets import Dataset
from processing.domain.queue_messages import (
    UploadEvent,
    parse_customer_work,
    parse_stream_work,
    parse_upload_event,
    stream_work,
    upload_event,
)
from processing.domain.streams import Stream
from processing.local.messages import BlobCreated
from tests.support.doors import open_door

CREATED = BlobCreated(
    container="drop-acme",
    name="metrics/a b/é.csv",
    etag="0x8D",
    size=1,
    at=datetime(2026, 11, 18, tzinfo=UTC),
    sequencer="1",
)
EVENT = UploadEvent(container="drop-acme", name="metrics/a b/é.csv", etag="0x8D")


@pytest.mark.parametrize("body", [CREATED.event_grid(), CREATED.cloud_event(), [CREATED.event_grid()]])
@pytest.mark.parametrize("packed", [False, True])
def test_both_schemas_are_read_plain_and_base64(body: object, packed: bool) -> None:
    text = json.dumps(body).encode()
    assert parse_upload_event(base64.b64encode(text) if packed else text) == replace(EVENT, size=1)


@pytest.mark.parametrize("size", ["1", -1, True, 1.0, None])
def test_a_size_that_is_none_is_not_known(size: object) -> None:
    event = CREATED.event_grid()
    parsed = parse_upload_event(json.dumps(event | {"data": {**event["data"], "contentLength": size}}).encode())
    assert parsed == EVENT


def test_the_sweeps_own_message_is_read() -> None:
    assert parse_upload_event(upload_event("drop-acme", "metrics/a b/é.csv", "0x8D").encode()) == EVENT


def test_an_event_of_another_type_is_finished_without_work() -> None:
    assert parse_upload_event(b'{"eventType": "Microsoft.Storage.BlobDeleted", "subject": "/x", "data": {}}') is None
    open_door("fileuploaded", '{"eventType": "Microsoft.Storage.BlobDeleted", "subject": "/x", "data": {}}')


UNREADABLE = ["", "not json", "{", "[]", "[1]", "17", '"text"', "{}", '{"eventType": 1, "subject": "/x"}', "eyJhIg=="]


@pytest.mark.parametrize("body", UNREADABLE)
def test_an_unreadable_message_raises(body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever part of it is wrong
        open_door("fileuploaded", body)
    with pytest.raises(ValueError):  # noqa: PT011
        open_door("dayworker", body)
    with pytest.raises(ValueError):  # noqa: PT011
        open_door("customerworker", body)


@pytest.mark.parametrize(
    "subject", ["/x", "/blobServices/default/containers/drop-acme", "/blobServices/default/containers//blobs/"]
)
def test_a_subject_that_names_no_blob_raises(subject: str) -> None:
    with pytest.raises(ValueError, match="names no blob"):
        parse_upload_event(json.dumps({"eventType": "Microsoft.Storage.BlobCreated", "subject": subject}).encode())


def test_work_on_a_stream_is_read_back() -> None:
    assert parse_stream_work(stream_work(Stream("acme", Dataset.METRICS)).encode()) == Stream("acme", Dataset.METRICS)


@pytest.mark.parametrize(
    "work",
    [
        {"customer": "../x", "dataset": "metrics"},
        {"customer": "acme", "dataset": "other"},
        {"customer": "acme", "dataset": "signals"},
        {},
    ],
)
def test_work_that_names_no_stream_raises(work: dict[str, str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_stream_work(json.dumps(work).encode())


@pytest.mark.parametrize("parse", [parse_customer_work, parse_stream_work, parse_upload_event])
def test_a_message_that_is_nested_very_deep_is_unreadable_like_any_other(parse: Callable[[bytes], object]) -> None:
    with pytest.raises(ValueError, match="nested"):
        parse(b"[" * 30_000)
