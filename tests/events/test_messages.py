"""Each message in the shape that Event Grid sends it is taken or ignored as it should be, in whatever wrapping it comes."""

from __future__ import annotations

import base64
import codecs
import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from processing.domain.queue_messages import UploadEvent, parse_upload_event
from tests.support.bicep import INFRA

MESSAGES: Final = {path.name.removesuffix(".json"): path for path in sorted(Path(__file__).parent.glob("*.json"))}
ETAG: Final = "0x8D4BCC2E4835CD0"
"""Without the quotes that events carry."""
FILE: Final = UploadEvent(container="drop-acme", name="metrics/2026-11-18/revenue.csv", etag=ETAG, size=524_288)
MARKER: Final = UploadEvent(container="drop-acme", name="signals/2026-11-18", etag=ETAG, size=0)
TAKEN: Final = {
    "created_put_block_list.eventgrid": FILE,
    "created_put_block_list.cloudevents": FILE,
    "created_put_blob.eventgrid.array": replace(FILE, size=74),
    "created_put_blob.cloudevents.array": replace(FILE, size=74),
    "created_copy_blob.eventgrid": FILE,
    "created_marker.eventgrid": MARKER,
    # Of accounts with a hierarchical namespace. A file that was only created is empty yet: what the subscription lets
    # through is a hint all the same, and the present blob is what is read.
    "created_flush_with_close.eventgrid": FILE,
    "created_flush_with_close.cloudevents": FILE,
    "created_create_file.eventgrid": replace(FILE, size=0),
    "created_sftp_commit.eventgrid": FILE,
}
IGNORED: Final = {
    "renamed.eventgrid",
    "renamed.cloudevents",
    "directory_created.eventgrid",
    "directory_created.cloudevents",
    "directory_renamed.eventgrid",
    "deleted.eventgrid",
    "tier_changed.eventgrid",
    "validation.eventgrid.array",
}
REFUSED: Final = {"two_at_once.eventgrid.array"}
"""A message of a queue holds one event; of two, one would be lost without a word."""


def wrapped(path: Path) -> dict[str, bytes]:
    """The message as it may lie in the queue."""
    text = path.read_bytes()
    compact = json.dumps(json.loads(text), separators=(",", ":")).encode()
    return {
        "plain": text,
        "compact": compact,
        "base64": base64.b64encode(compact),
        "base64 with a line end": base64.b64encode(text) + b"\n",
        "with a byte order mark": codecs.BOM_UTF8 + text,
        "base64 with a byte order mark": base64.b64encode(codecs.BOM_UTF8 + text),
        "a byte order mark before base64": codecs.BOM_UTF8 + base64.b64encode(text),
    }


def test_every_message_has_its_place() -> None:
    assert set(MESSAGES) == set(TAKEN) | IGNORED | REFUSED


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_an_upload_is_taken_with_its_name_and_version(name: str) -> None:
    for wrapping, body in wrapped(MESSAGES[name]).items():
        assert parse_upload_event(body) == TAKEN[name], wrapping


@pytest.mark.parametrize("name", sorted(IGNORED))
def test_what_is_no_upload_is_ignored(name: str) -> None:
    for wrapping, body in wrapped(MESSAGES[name]).items():
        assert parse_upload_event(body) is None, wrapping


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_would_lose_an_event_is_refused(name: str) -> None:
    for body in wrapped(MESSAGES[name]).values():
        with pytest.raises(ValueError, match="not one event"):
            parse_upload_event(body)


def test_the_subscription_lets_through_what_ends_a_write_and_nothing_else() -> None:
    """The message of a file that was only created comes before its bytes."""
    subscription = (INFRA / "modules" / "upload_events.bicep").read_text(encoding="utf-8")
    for name in TAKEN:
        (event,) = found if isinstance(found := json.loads(MESSAGES[name].read_bytes()), list) else [found]
        api = event["data"]["api"]
        assert (f"'{api}'" in subscription) == (api != "CreateFile"), api
