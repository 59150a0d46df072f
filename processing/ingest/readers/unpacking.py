"""Compressed chunks become plain chunks of bounded size; a broken archive becomes a refusal (contract section 3)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from isal import igzip, igzip_lib

from processing.domain.errors import CustomerError
from processing.domain.reasons import RefusalCode
from processing.ingest.bounds import LARGEST_UNPACKED
from processing.ingest.readers.formats import Packing

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_OUTPUT_CHUNK: Final = 4 * 1024 * 1024
_FREE_UNPACKED: Final = 1024**3
_WORST_RATIO: Final = 1_000
# How the zstd library says that a frame wants more than 128 MiB to unpack.
_WINDOW_TOO_LARGE: Final = "too much memory"


def unpack(chunks: Iterator[bytes], packing: Packing) -> Iterator[bytes]:
    """The plain bytes of `chunks`, in chunks of at most 4 MiB where they were packed.

    Several archives end to end are one file, as for `gzip` and `zstd` themselves. Raises CustomerError for a truncated
    or broken archive, for one that needs more than 128 MiB of memory to unpack, and for one that unpacks beyond 1,000:1
    after the first GiB.
    """
    if packing is Packing.PLAIN:
        return chunks
    packed = _ChunkReader(chunks)
    return _bounded(packed, _gunzip(packed) if packing is Packing.GZIP else _unzstd(packed))


def _bounded(packed: _ChunkReader, plain: Iterator[bytes]) -> Iterator[bytes]:
    unpacked = 0
    for chunk in plain:
        unpacked += len(chunk)
        if unpacked > max(_FREE_UNPACKED, packed.taken * _WORST_RATIO):
            raise CustomerError(
                RefusalCode.UNPACKS_TOO_LARGE,
                "the archive unpacks to more than 1,000 times its size: upload smaller or plain files",
            )
        if unpacked > LARGEST_UNPACKED:
            raise CustomerError(RefusalCode.UNPACKS_TOO_LARGE, "the archive unpacks to more than 100 GB: upload several files")
        yield chunk


def _gunzip(packed: _ChunkReader) -> Iterator[bytes]:
    # Zero padding after the last archive is allowed.
    with igzip.GzipFile(fileobj=packed, mode="rb") as plain:  # type: ignore[no-untyped-call]  # isal has no types
        try:
            yield from _pieces(plain.read)
        except (EOFError, igzip.BadGzipFile, igzip_lib.IsalError) as error:  # type: ignore[misc]  # isal has no types
            packed.raise_own_failure()
            raise _damaged("gzip") from error


def _unzstd(packed: _ChunkReader) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(packed, "r"), "zstd") as plain:
        try:
            yield from _pieces(plain.read)
        except OSError as error:
            packed.raise_own_failure()
            if _WINDOW_TOO_LARGE in str(error):
                raise CustomerError(
                    RefusalCode.DAMAGED_ARCHIVE,
                    "the zstd archive needs more than 128 MiB to unpack: compress it without --long or --ultra and upload it",
                ) from error
            raise _damaged("zstd") from error


def _pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while chunk := read(_OUTPUT_CHUNK):
        yield chunk


def _damaged(kind: str) -> CustomerError:
    return CustomerError(
        RefusalCode.DAMAGED_ARCHIVE, f"the {kind} archive is truncated or damaged: compress the file again and upload it"
    )


class _ChunkReader(io.RawIOBase):
    """An iterator of chunks as the raw file that decompressors read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")
        self._failure: Exception | None = None
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
            except Exception as error:
                self._failure = error
                raise
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self.taken += size
        return size

    def raise_own_failure(self) -> None:
        """Raise what the chunks themselves raised, if they did: an upload that cannot be read is not a broken archive."""
        if self._failure is not None:
            raise self._failure
