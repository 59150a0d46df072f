"""Compressed chunks become plain chunks of bounded size; a broken archive becomes a refusal (contract section 3)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from isal import igzip, igzip_lib

from processing.domain.errors import CustomerError
from processing.tables.formats import Packing

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_OUTPUT_CHUNK = 4 * 1024 * 1024
_FREE_UNPACKED = 1024**3
_WORST_RATIO = 1_000


def unpack(chunks: Iterator[bytes], packing: Packing) -> Iterator[bytes]:
    """The plain bytes of `chunks`, in chunks of at most 4 MiB where they were packed.

    Raises CustomerError for a truncated or broken archive, and for one that unpacks beyond 1,000:1 after the first GiB.
    """
    if packing is Packing.PLAIN:
        return chunks
    return _gunzip(_ChunkReader(chunks))


def _gunzip(packed: _ChunkReader) -> Iterator[bytes]:
    unpacked = 0
    # Several archives end to end are one file, as for gzip itself; zero padding after the last is allowed.
    with igzip.GzipFile(fileobj=packed, mode="rb") as plain:  # type: ignore[no-untyped-call]  # isal has no types
        while True:
            try:
                chunk = plain.read(_OUTPUT_CHUNK)
            except (EOFError, igzip.BadGzipFile, igzip_lib.IsalError) as error:  # type: ignore[misc]  # isal has no types
                raise CustomerError(
                    "damaged_archive", "the gzip archive is truncated or damaged: compress the file again and upload it"
                ) from error
            if not chunk:
                return
            unpacked += len(chunk)
            if unpacked > max(_FREE_UNPACKED, packed.taken * _WORST_RATIO):
                raise CustomerError(
                    "unpacks_too_large", "the archive unpacks to more than 1,000 times its size: upload smaller or plain files"
                )
            yield chunk


class _ChunkReader(io.RawIOBase):
    """An iterator of chunks as the raw file that decompressors read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")
        self.taken = 0
        """Bytes handed out so far."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        while not self._rest:
            try:
                self._rest = memoryview(next(self._chunks))
            except StopIteration:
                return 0
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self.taken += size
        return size
