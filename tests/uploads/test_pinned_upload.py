"""The bytes of one version of an upload, as ingest reads them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from processing.domain.errors import LaterError
from processing.domain.receipts import Upload
from processing.jobs.uploads.pinned_upload import PinnedUpload
from tests.support.in_memory import InMemoryBlobStore


class Silent(InMemoryBlobStore):
    """A store that has nothing to send, and is not asked for ever."""

    asked = 0

    def get_range(self, *_: object, **__: object) -> bytes:
        self.asked += 1
        assert self.asked < 100
        return b""


def test_hashing_ends_when_storage_sends_nothing() -> None:
    upload = Upload(
        customer="acme",
        name="metrics/a.csv",
        etag="0x1",
        size=5,
        last_modified=datetime(2026, 11, 20, tzinfo=UTC),
    )
    with pytest.raises(LaterError, match="from byte 0 on"):
        PinnedUpload(Silent(), upload).sha256()
