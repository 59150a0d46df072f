"""Walks over Thrift's compact encoding, in which Parquet writes its footer and its page headers.

Only what is asked for is kept. Every claim is held against the bytes that are there, so that no input makes it allocate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(13)
_INTEGERS: Final = (I16, I32, I64)
# A truth value stands in the type of its field.
_SIZES: Final = {TRUE: 0, FALSE: 0, BYTE: 1, DOUBLE: 8}
_LONGEST_VARINT: Final = 10
_LONG_LIST: Final = 15
_DEEPEST: Final = 12


class BrokenThriftError(ValueError):
    """What is there is no Thrift."""


class Cursor:
    """A place in encoded bytes; IndexError where they end too early, BrokenThriftError where they make no sense."""

    def __init__(self, data: bytes, *, most_elements: int = 0) -> None:
        self._data = data
        self._elements_left = most_elements
        self.at = 0
        """Offset of the next byte."""

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and type of each field of the struct here; the caller reads or skips each value before the next."""
        number = 0
        while True:
            head = self._byte()
            kind = head & 0x0F
            if kind == STOP:
                return
            if kind > STRUCT:
                raise BrokenThriftError
            step = head >> 4
            number = number + step if step else self.integer()
            yield number, kind

    def elements(self) -> tuple[int, int]:
        """Count and type of the elements of the list here."""
        head = self._byte()
        count, kind = head >> 4, head & 0x0F
        if count == _LONG_LIST:
            count = self._varint()
        self._spend(count)
        return count, kind

    def integer(self) -> int:
        """The whole number here."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def integers(self, wanted: frozenset[int]) -> dict[int, int]:
        """The wanted integer fields of the struct here; its other fields are passed over."""
        found: dict[int, int] = {}
        for number, kind in self.fields():
            if number in wanted and kind in _INTEGERS:
                found[number] = self.integer()
            else:
                self.skip(kind)
        return found

    def skip(self, kind: int, depth: int = 0) -> None:
        """Pass over a field's value."""
        if depth > _DEEPEST:
            raise BrokenThriftError
        if kind in _INTEGERS:
            self._varint()
        elif kind == BINARY:
            self._pass(self._varint())
        elif kind == STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        elif kind in (LIST, SET):
            count, inner = self.elements()
            for _ in range(count):
                self._skip_element(inner, depth + 1)
        elif kind in _SIZES:
            self._pass(_SIZES[kind])
        else:
            # Parquet has no maps.
            raise BrokenThriftError

    def _skip_element(self, kind: int, depth: int) -> None:
        # Truth values are one byte in a list and none in a field.
        self.skip(BYTE if kind in (TRUE, FALSE) else kind, depth)

    def _spend(self, count: int) -> None:
        self._elements_left -= count
        if self._elements_left < 0:
            raise BrokenThriftError

    def _byte(self) -> int:
        value = self._data[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        value = 0
        for place in range(_LONGEST_VARINT):
            byte = self._data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:  # noqa: PLR2004 - the continuation bit
                return value
        raise BrokenThriftError

    def _pass(self, size: int) -> None:
        self.at += size
        if self.at > len(self._data):
            raise IndexError
