"""Chunks of any size as bytes to be taken from the front, each of them copied once at most."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator


class ByteQueue:
    """The bytes of `chunks`, of which as many are fetched as are asked for.

    Errors of `chunks` pass through.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held: deque[bytes] = deque()
        self._taken = 0
        """Bytes of the first held chunk that were taken already."""
        self._size = 0
        self.is_all_here = False
        """Whether no more will come than what is held."""

    def __len__(self) -> int:
        return self._size

    def fill(self, size: int) -> None:
        """Hold at least `size` bytes, fewer only where no more come."""
        while self._size < size and not self.is_all_here:
            chunk = next(self._chunks, None)
            if chunk is None:
                self.is_all_here = True
            elif chunk:
                self._held.append(chunk)
                self._size += len(chunk)

    def take(self, size: int) -> bytes:
        """The first `size` bytes, or all that are held; they are held no more."""
        pieces: list[bytes] = []
        left = min(size, self._size)
        self._size -= left
        while left:
            first = self._held[0]
            piece = first[self._taken : self._taken + left]
            pieces.append(piece)
            left -= len(piece)
            self._taken += len(piece)
            if self._taken == len(first):
                self._held.popleft()
                self._taken = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def rest(self, size: int) -> Iterator[bytes]:
        """All that is held and still comes, in chunks of at most `size` bytes; it is held no more."""
        while True:
            self.fill(1)
            if not self._size:
                return
            yield self.take(size)

    def put_back(self, data: bytes) -> None:
        """Hold `data` before everything else."""
        if not data:
            return
        rest = self.take(len(self._held[0]) - self._taken) if self._taken else b""
        for each in (rest, data):
            if each:
                self._held.appendleft(each)
                self._size += len(each)

    def append(self, data: bytes) -> None:
        """Hold `data` behind everything else; only once all is here."""
        self._held.append(data)
        self._size += len(data)

    def find(self, byte: bytes, size: int) -> int:
        """Offset of the first such byte among the first `size`, -1 without one."""
        offset = -self._taken
        for chunk in self._held:
            found = chunk.find(byte, max(0, -offset), max(0, size - offset))
            if found >= 0:
                return offset + found
            offset += len(chunk)
        return -1

    def rfind(self, byte: bytes, size: int) -> int:
        """Offset of the last such byte among the first `size`, -1 without one."""
        end = self._size
        for chunk in reversed(self._held):
            offset = end - len(chunk)
            found = chunk.rfind(byte, max(0, -offset), max(0, size - offset))
            if found >= 0:
                return offset + found
            end = offset
        return -1
