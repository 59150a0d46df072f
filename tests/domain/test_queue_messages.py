"""What is read of a message on a queue, and what is none (protocol: a message is a hint)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.queue_messages import (
    BLOB_CREATED,
    MOST_WAITING,
    CustomerTask,
    CustomerWork,
    UploadEvent,
    customer_work,
    parse_customer_work,
    parse_stream_work,
    parse_upload_event,
    stream_work,
    traceparent_of,
    upload_event,
)
from processing.domain.streams import Stream

CAUSE = f"00-{1:032x}-{2:016x}-01"
SUBJECT = "/blobServices/default/containers/drop-acme/blobs/metrics/a/blobs/b.csv"
EXPECTED = UploadEvent(container="drop-acme", name="metrics/a/blobs/b.csv", etag="0x8D")


@pytest.mark.parametrize("kind", ["eventType", "type"])
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("is_base64", [False, True])
def test_both_schemas_are_read_plain_and_base64_alone_and_in_a_list(kind: str, wrapped: bool, is_base64: bool) -> None:
    event: Any = {kind: BLOB_CREATED, "subject": SUBJECT, "data": {"eTag": '"0x8D"'}}
    body = json.dumps([event] if wrapped else event).encode()
    assert parse_upload_event(base64.b64encode(body) if is_base64 else b" " + body) == EXPECTED


def test_a_message_of_our_own_leads_back() -> None:
    event = parse_upload_event(
        upload_event("drop-acme", "metrics/é.csv", "1", replaces_receipt="2", traceparent=CAUSE).encode()
    )
    assert event == UploadEvent(container="drop-acme", name="metrics/é.csv", etag="1", replaces_receipt="2", traceparent=CAUSE)
    plain = upload_event("drop-acme", "a", "1")
    assert "replacesReceipt" not in plain
    assert "traceparent" not in plain


def test_another_type_of_event_is_none_of_ours() -> None:
    event = {"eventType": "Microsoft.Storage.BlobDeleted", "subject": SUBJECT}
    assert parse_upload_event(json.dumps(event).encode()) is None


@pytest.mark.parametrize("data", [None, 7, {}, {"eTag": 7}])
def test_an_event_without_a_version_names_the_blob_alone(data: object) -> None:
    event = parse_upload_event(json.dumps({"type": BLOB_CREATED, "subject": SUBJECT, "data": data}).encode())
    assert event == UploadEvent(container="drop-acme", name="metrics/a/blobs/b.csv", etag=None)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"%", "neither JSON nor base64"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "not one event"),
        (b"[{}, {}]", "not one event"),
        (b"[7]", "not one event"),
        (b"{}", "neither an Event Grid event nor a CloudEvent"),
        (json.dumps({"type": BLOB_CREATED}).encode(), "neither an Event Grid event"),
        (json.dumps({"type": 7, "subject": SUBJECT}).encode(), "neither an Event Grid event"),
        (json.dumps({"type": BLOB_CREATED, "subject": SUBJECT[1:]}).encode(), "names no blob"),
        (json.dumps({"type": BLOB_CREATED, "subject": SUBJECT.partition("/blobs/")[0]}).encode(), "names no blob"),
        (json.dumps({"type": BLOB_CREATED, "subject": SUBJECT.partition("metrics")[0]}).encode(), "names no blob"),
        (json.dumps({"type": BLOB_CREATED, "subject": SUBJECT.replace("drop-acme", "")}).encode(), "names no blob"),
    ],
)
def test_a_body_that_is_no_event_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_upload_event(body)


@pytest.mark.parametrize("dataset", DATA_DATASETS)
def test_work_on_a_stream_leads_back(dataset: Dataset) -> None:
    body = stream_work(Stream("acme", dataset), traceparent=CAUSE).encode()
    assert parse_stream_work(body) == Stream("acme", dataset)
    assert traceparent_of(body) == CAUSE
    assert traceparent_of(stream_work(Stream("acme", dataset)).encode()) is None
    assert traceparent_of(stream_work(Stream("acme", dataset), traceparent=CAUSE + "0").encode()) is None


@pytest.mark.parametrize(
    "work",
    [
        {},
        {"customer": 7, "dataset": "metrics"},
        {"customer": "A", "dataset": "metrics"},
        {"customer": "acme"},
        {"customer": "acme", "dataset": "signals"},
    ],
)
def test_work_on_what_is_no_stream_is_refused(work: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"customer|Dataset|signals"):
        parse_stream_work(json.dumps(work).encode())


CUSTOMERS = st.from_regex(r"[a-z0-9]{3,50}", fullmatch=True)
WORK = st.builds(
    CustomerWork, customer=CUSTOMERS, task=st.just(CustomerTask.SWEEP), most=st.integers(0, MOST_WAITING)
) | st.builds(CustomerWork, customer=CUSTOMERS, task=st.just(CustomerTask.HOUSEKEEPING))


@given(work=WORK, traceparent=st.sampled_from([None, CAUSE]), is_base64=st.booleans())
def test_work_for_a_customer_leads_back(work: CustomerWork, traceparent: str | None, is_base64: bool) -> None:
    body = customer_work(work, traceparent=traceparent).encode()
    body = base64.b64encode(body) if is_base64 else body
    assert parse_customer_work(body) == work
    assert traceparent_of(body) == traceparent


@pytest.mark.parametrize(
    "work",
    [
        {},
        {"work": "sweep", "most": 1},
        {"customer": "acme"},
        {"customer": "acme", "most": 1},
        {"customer": "acme", "dataset": "metrics"},
        {"customer": "acme", "work": "delete"},
        {"customer": "acme", "work": ["sweep"], "most": 1},
        {"customer": "acme", "work": "SWEEP", "most": 1},
        {"customer": "../acme", "work": "housekeeping"},
        {"customer": "acme/../zeta", "work": "housekeeping"},
        {"customer": ["acme"], "work": "housekeeping"},
        {"customer": "", "work": "housekeeping"},
        {"customer": "acme", "work": "sweep"},
        {"customer": "acme", "work": "sweep", "most": None},
        {"customer": "acme", "work": "sweep", "most": "1"},
        {"customer": "acme", "work": "sweep", "most": True},
        {"customer": "acme", "work": "sweep", "most": 1.0},
        {"customer": "acme", "work": "sweep", "most": -1},
        {"customer": "acme", "work": "sweep", "most": MOST_WAITING + 1},
        {"customer": "acme", "work": "sweep", "most": float("inf")},
    ],
)
def test_work_that_is_none_for_a_customer_is_refused(work: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"customer|CustomerTask|announced"):
        parse_customer_work(json.dumps(work).encode())


@given(body=st.binary() | st.text().map(str.encode) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
       lambda each: st.lists(each) | st.dictionaries(st.sampled_from(["customer", "work", "most"]) | st.text(), each))
       .map(lambda each: json.dumps(each).encode()))  # fmt: skip
def test_any_other_body_is_refused_and_never_breaks(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever part of it is wrong
        parse_customer_work(body)


def test_a_number_too_long_to_read_is_refused() -> None:
    body = b'{"customer": "acme", "work": "sweep", "most": ' + b"9" * 10_000 + b"}"
    with pytest.raises(ValueError):  # noqa: PT011 - the reader's own words
        parse_customer_work(body)
