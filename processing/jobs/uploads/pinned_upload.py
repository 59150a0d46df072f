"""The bytes of one version of an upload, read in ranges that all belong to that version (protocol, ingest 2)."""

from __future__ import annotations

import hashlib
from typing import Final

from processing.domain import blob_names
from processing.domain.errors import ConditionNotMet, LaterError, Superseded
from processing.domain.receipts import Upload
from processing.ports import BlobStore

_RANGE: Final = 16 * 1024 * 1024
_KEPT: Final = 64 * 1024 * 1024
"""Bytes; an upload of at most this size is fetched once and kept."""


class PinnedUpload:
    """Reads at any offset; what is read from the front on is hashed on the way.

    Every read raises Superseded once the blob has another version.
    """

    def __init__(self, store: BlobStore, upload: Upload, first: bytes = b"") -> None:
        """`first` are the first bytes of that version as they were read already; they serve a version that they are all of."""
        self._store = store
        self._upload = upload
        self._digest = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._hashed = 0
        self._whole: bytes | None = None
        if len(first) == upload.size:
            self._whole = self._noted(0, first)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._upload.size

    def read(self, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length), fewer only at the end."""
        if self.size <= _KEPT:
            if self._whole is None:
                ranges = (self._fetch(start, _RANGE) for start in range(0, self.size, _RANGE))
                self._whole = b"".join(ranges)
            return self._whole[offset : offset + length]
        return self._fetch(offset, length)

    def sha256(self) -> str:
        """The hash of all bytes; fetches those that were not read in order."""
        while (before := self._hashed) < self.size:
            self._fetch(before, min(_RANGE, self.size - before))
            if self._hashed == before:
                raise LaterError(f"storage sent nothing of {self._upload.name} from byte {before:,} on")
        return self._digest.hexdigest()

    def md5(self) -> str | None:
        """The MD5 of all bytes, by which customers' manifests name a file; None while not all were read in order."""
        return self._md5.hexdigest() if self._hashed == self.size else None

    def _fetch(self, offset: int, length: int) -> bytes:
        container = blob_names.drop_container(self._upload.customer)
        try:
            data = self._store.get_range(
                container, self._upload.name, etag=self._upload.etag, offset=offset, length=min(length, self.size - offset)
            )
        except ConditionNotMet as error:
            raise Superseded(f"{container}/{self._upload.name} has a newer version") from error
        return self._noted(offset, data)

    def _noted(self, offset: int, data: bytes) -> bytes:
        if offset <= self._hashed < offset + len(data):
            fresh = memoryview(data)[self._hashed - offset :]
            self._digest.update(fresh)
            self._md5.update(fresh)
            self._hashed = offset + len(data)
        return data
