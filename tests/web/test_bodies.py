"""Whatever a body is, it ends in an answer of the contract, and nothing of a refused request is kept (contract section 7)."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processing.web.bodies import LARGEST_SENT, LARGEST_UNPACKED, Body
from processing.web.problems import Refused
from tests.support.soak import times
from tests.support.web import Answer, WebStory

ROW = {"unit_id": "u", "id_type": "user_id", "metric_name": "m", "metric_value": 1}
GOOD = json.dumps({"metrics": [ROW]}).encode()
JSON = {"content-type": "application/json"}


def send(story: WebStory, data: bytes, **headers: str) -> Answer:
    sent = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return story.client().send("POST", "/v1/log_custom_metric", data, sent)


def row_of(text: str) -> bytes:
    """A body whose row has one further field, written as it is."""
    return GOOD.replace(b'"unit_id"', f'"more": {text}, "unit_id"'.encode("utf-8", "surrogatepass"), 1)


REFUSED: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "blanks": (b"  \n", 400),
    "no JSON": (b"unit_id,id_type\n", 400),
    "cut off": (GOOD[:-3], 400),
    "more behind it": (GOOD + b"{}", 400),
    "no UTF-8": (GOOD.replace(b'"u"', b'"\xff"'), 400),
    "UTF-16": (GOOD.decode().encode("utf-16"), 400),
    "half a character as bytes": (row_of('"\ud800"'), 400),
    "NaN": (row_of("NaN"), 400),
    "infinity": (row_of("-Infinity"), 400),
    "too large a float": (row_of("1e999"), 400),
    "too large a whole number": (row_of("9" * 5_000), 400),
    "a name twice": (row_of('1, "more": 2'), 400),
    "deep lists": (row_of("[" * 40 + "]" * 40), 400),
    "very deep lists": (row_of("[" * 100_000 + "]" * 100_000), 400),
    "very deep objects": (row_of('{"a":' * 90_000 + "1" + "}" * 90_000), 400),
    "many lists": (row_of("[" + "[]," * 1_300_000 + "[]]"), 413),
    "many values": (row_of("[" + "1," * 2_090_000 + "1]"), 413),
    "too large": (b'{"metrics": "' + b"x" * LARGEST_SENT + b'"}', 413),
    "too many rows": (json.dumps({"metrics": [{}] * 10_001}).encode(), 413),
    "no rows": (b'{"metrics": []}', 400),
    "rows under another name": (b'{"events": [{}]}', 400),
    "rows that are none": (b'{"metrics": {"a": 1}}', 400),
    "a list": (b"[]", 400),
    "a text": (b'"metrics"', 400),
    "isTest that is no truth value": (b'{"metrics": [{}], "isTest": "yes"}', 400),
    "a user that is none": (b'{"metrics": [{}], "user": "u"}', 400),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_body_that_cannot_be_meant_is_refused_with_a_problem_document(kind: str) -> None:
    data, status = REFUSED[kind]
    story = WebStory()
    answer = send(story, data)
    assert answer.status == status, answer.data[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json) == {"type", "title", "status", "detail", "errors"}
    assert len(answer.data) < 2_000
    assert story.rows() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/csv"}, 415),
        ({"content_type": ""}, 415),
        ({"content_type": "application/json; charset=latin-1"}, 415),
        ({"content_type": "application/json; charset=utf-16"}, 415),
        ({"content_type": "application/json;"}, 200),
        ({"content_type": 'application/json; charset="UTF-8"'}, 200),
        ({"content_type": "application/vnd.api+json"}, 200),
        ({"content_type": "application/json; charset = latin-1"}, 415),
        ({"content_type": "application/json; charset=utf-8; charset=utf-16"}, 200),
        ({"content_type": "application/json; charset*" + "1" * 5_000 + "=x"}, 200),
        ({"content_type": "application/json; x*0*=1; x*0=2; x*=3"}, 200),
        ({"content_encoding": "br"}, 415),
        ({"content_encoding": "gzip, gzip"}, 415),
        ({"content_encoding": "deflate"}, 415),
        ({"content_encoding": "identity"}, 200),
        ({"content_encoding": "gzip"}, 400),
        ({"content_length": "7"}, 400),
        ({"content_length": str(len(GOOD) + 1)}, 400),
        ({"content_length": "-1"}, 400),
        ({"content_length": "٣"}, 400),
        ({"content_length": "9" * 100}, 413),
        ({"content_length": str(LARGEST_SENT + 1)}, 413),
    ],
)
def test_what_headers_say_is_believed_only_where_it_is_so(headers: dict[str, str], status: int) -> None:
    story = WebStory()
    assert send(story, GOOD, **headers).status == status
    assert bool(story.rows()) == (status == 200)


def test_gzip_is_unpacked_within_bounds() -> None:
    story = WebStory()
    padded = GOOD[:-1] + b" " * (LARGEST_UNPACKED - len(GOOD)) + b"}"
    assert send(story, gzip.compress(padded), content_encoding="gzip").status == 200
    halves = gzip.compress(GOOD[:20]) + gzip.compress(GOOD[20:])
    assert send(story, halves, content_encoding="GZIP").status == 200, "a file of gzip may be several"
    assert len(story.rows()) == 2
    bomb = gzip.compress(bytes(1024**3))
    assert len(bomb) < LARGEST_SENT
    assert send(story, bomb, content_encoding="gzip").status == 413
    assert send(story, gzip.compress(padded + b" "), content_encoding="gzip").status == 413
    for damaged in (gzip.compress(GOOD)[:-4], gzip.compress(GOOD) + b"x", zlib.compress(GOOD), b"", GOOD):
        assert send(story, damaged, content_encoding="gzip").status == 400
    assert len(story.rows()) == 2


def test_gzip_of_very_many_members_is_refused() -> None:
    story = WebStory()
    empty = gzip.compress(b"")
    assert send(story, empty * 99 + gzip.compress(GOOD), content_encoding="gzip").status == 200
    assert send(story, empty * 100 + gzip.compress(GOOD), content_encoding="gzip").status == 413


def test_a_name_that_comes_twice_is_found_in_one_pass() -> None:
    story = WebStory()
    names = ",".join(f'"{number}":0' for number in range(300_000))
    # Looked for one by one it would outlast the test's time by far.
    answer = send(story, f'{{{names},"299999":0}}'.encode())
    assert (answer.status, "'299999' twice" in answer.json["detail"]) == (400, True)


def test_a_bomb_takes_no_more_memory_than_a_body_may() -> None:
    body = Body(data=gzip.compress(bytes(256 * 1024**2)), is_gzip=True, content_type="application/json")
    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            body.unpacked()
        assert tracemalloc.get_traced_memory()[1] < 4 * LARGEST_UNPACKED
    finally:
        tracemalloc.stop()


def test_a_bom_is_dropped_and_half_a_character_is_the_rows_own_affair() -> None:
    story = WebStory()
    assert send(story, b"\xef\xbb\xbf" + GOOD).status == 200
    assert len(story.rows()) == 1
    answer = send(story, GOOD.replace(b'"u"', b'"\\ud800"'))
    assert (answer.status, answer.messages[0][0]) == (400, 0)


@settings(max_examples=times(40))
@given(st.binary(max_size=200), st.sampled_from(["", "gzip"]), st.booleans())
def test_any_bytes_are_answered(data: bytes, encoding: str, is_inside: bool) -> None:
    story = WebStory()
    body = b'{"metrics": [' + data + b"]}" if is_inside else data
    answer = send(story, gzip.compress(body) if encoding and is_inside else body, content_encoding=encoding)
    assert answer.status in (200, 400, 413, 415)
    assert bool(story.rows()) == (answer.status == 200)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=times(40))
@given(JSON_VALUES, st.sampled_from(["log_custom_metric", "log_event", "log_custom_exposure", "mark_data_ready"]))
def test_any_json_is_answered(value: Any, call: str) -> None:
    key = {"log_event": "events", "log_custom_exposure": "exposures"}.get(call, "metrics")
    story = WebStory()
    for body in (value, {key: value}, {key: [value]}, {"timestamp": value, "type": "metrics"}, {"timestamp": 1, "type": value}):
        answer = story.client().post(f"/v1/{call}", body)
        assert answer.status in (200, 400)


def asked(story: WebStory, receive: Callable[[], Awaitable[dict[str, Any]]], *headers: tuple[bytes, bytes]) -> int:
    """The status of the answer to rows of events, of which a server hands over the body piece by piece."""
    sent: list[MutableMapping[str, Any]] = []

    async def send_back(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/log_event",
        "raw_path": b"/v1/log_event",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "client": ("192.0.2.9", 1),
        "server": ("dropzone.test", 80),
        "headers": [(b"content-type", b"application/json"), *headers],
    }
    asyncio.run(story.app(scope, receive, send_back))
    status: int = sent[0]["status"]
    return status


def test_a_body_that_never_ends_is_not_read_on() -> None:
    """A server that hands over bodies piece by piece is told no at 4 MiB, and not at the end."""
    story = WebStory()
    key = str(story.client().key)
    pieces = 0

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    assert asked(story, receive, (b"x-api-key", key.encode())) == 413
    assert pieces <= LARGEST_SENT // 65_536 + 2


def test_without_a_right_key_no_byte_of_the_body_is_read() -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was asked for")

    assert asked(WebStory(), receive) == 401
