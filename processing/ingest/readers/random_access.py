"""A file that is read at any offset, a few large ranges at a time (for formats whose index stands at the end)."""

from __future__ import annotations

import io
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, Self

WINDOW: Final = 16 * 1024 * 1024
"""Bytes that one request asks for at most beyond what was wanted, and the size of request that needs no window."""
_KEPT_WINDOWS: Final = 3
_SMALL_FILE: Final = 4 * 1024 * 1024
"""Bytes; a file of at most this size is fetched at once."""
_WORTH_KEEPING: Final = 4 * 1024


class RandomAccess(Protocol):
    """The bytes of one version of a file; they do not change while they are read."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length), fewer only at the end of the file."""
        ...


class LocalFile:
    """A file on this machine as a RandomAccess, open for the length of a `with` block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._file = self._path.open("rb")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length), fewer only at the end of the file."""
        self._file.seek(offset)
        return self._file.read(length)


class InMemoryFile:
    """Bytes as a RandomAccess."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length), fewer only at the end."""
        return self._data[offset : offset + length]


class RangeFile(io.RawIOBase):
    """A RandomAccess as a seekable file object, for readers that know only those.

    What `reach` says will be read next is fetched together with what is read now, so that many small neighbouring reads
    become one request. `on_read` sees all that is handed out. The first error of either is kept in `error`, because a
    reader in another language passes on only its text.
    """

    def __init__(self, source: RandomAccess) -> None:
        super().__init__()
        self._source = source
        self._position = 0
        self._windows: OrderedDict[int, bytes] = OrderedDict()
        self.error: Exception | None = None
        self.reach: Callable[[int, int], int] = _no_reach
        """From a read's offset and end to the end of what may be fetched with it."""
        self.on_read: Callable[[int, bytes], None] | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The present offset."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to an offset; nothing is read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes, fewer only at the end of the file."""
        rest = max(0, self._source.size - self._position)
        data = self._read(self._position, rest if size < 0 else min(size, rest))
        self._position += len(data)
        return data

    def peek(self, offset: int, length: int) -> bytes:
        """Bytes at an offset, past `on_read` and without moving."""
        return self._fetch(offset, min(length, max(0, self._source.size - offset)))

    def _read(self, offset: int, length: int) -> bytes:
        try:
            data = self._fetch(offset, length)
            if self.on_read is not None:
                self.on_read(offset, data)
        except Exception as error:
            self.error = self.error or error
            raise
        return data

    def _fetch(self, offset: int, length: int) -> bytes:
        if length <= 0:
            return b""
        for start, window in self._windows.items():
            if start <= offset and offset + length <= start + len(window):
                self._windows.move_to_end(start)
                return window[offset - start : offset - start + length]
        if self._source.size <= _SMALL_FILE:
            whole = self._ask(0, self._source.size)
            self._windows[0] = whole
            return whole[offset : offset + length]
        end = min(max(self.reach(offset, offset + length), offset + length), self._source.size)
        data = self._ask(offset, end - offset)
        if _WORTH_KEEPING <= len(data) <= WINDOW:
            self._windows[offset] = data
            while len(self._windows) > _KEPT_WINDOWS:
                self._windows.popitem(last=False)
        return data[:length]

    def _ask(self, offset: int, length: int) -> bytes:
        data = self._source.read(offset, length)
        if len(data) != length:
            raise EOFError(f"{len(data):,} of {length:,} bytes at {offset:,}: the source is not as long as its size")
        return data


def _no_reach(_offset: int, end: int) -> int:
    return end
