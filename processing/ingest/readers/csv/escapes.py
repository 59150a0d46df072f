"""Escapes of CSV that is no RFC 4180, taken out of the way of a scanner that knows none, and put back as what they mean.

An escaped character becomes one byte that no UTF-8 has, so that it neither opens nor ends anything. Where fields may be quoted,
an escape means something inside of quotes alone, as Spark, Redshift and MySQL write it; where none may be, everywhere, as the
text formats of Postgres, Hive, MySQL and ClickHouse have it, with the letters n, r and t for the characters that end
fields and lines. Any other escape is two characters as they stand.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import polars as pl

from processing.ingest.readers.dialect import Dialect

_ESCAPE, _QUOTE, _DELIMITER, NEWLINE, _RETURN, _N, _T = range(0xF8, 0xFF)
_NO_TEXT: Final = 0xFF
_MARKS: Final = bytes(range(_ESCAPE, _NO_TEXT))
_ANY_MARK: Final = re.compile(b"[\xf8-\xfe]")
_AS_ASCII: Final = bytes.maketrans(_MARKS, b"." * len(_MARKS))
_AS_NO_TEXT: Final = bytes.maketrans(_MARKS, bytes([_NO_TEXT]) * len(_MARKS))


class Escapes:
    """The escapes of one dialect that has an escape character."""

    def __init__(self, dialect: Dialect) -> None:
        self._escape = dialect.escape
        self._quote = dialect.quote
        escape, delimiter = dialect.escape, dialect.delimiter
        if dialect.quote:
            self._marks = {_ESCAPE: (escape + escape, escape), _QUOTE: (escape + dialect.quote, dialect.quote)}
        else:
            self._marks = {
                _ESCAPE: (escape + escape, escape),
                _DELIMITER: (escape + delimiter, delimiter),
                NEWLINE: (escape + b"\n", b"\n"),
                _RETURN: (escape + b"r", b"\r"),
                _N: (escape + b"n", b"\n"),
                _T: (escape + b"t", b"\t"),
            }
        # Inside of quotes these end nothing, and a value that holds them was quoted.
        self._within_quotes = [] if not dialect.quote else [escape + delimiter, escape + b"\n"]

    def marked(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks with a byte for each escape; no chunk ends in the middle of one."""
        held = b""
        for chunk in chunks:
            data = held + chunk if held else chunk
            run = len(data) - len(data.rstrip(self._escape))
            held = data[len(data) - 1 :] if run % 2 else b""
            yield self._marked(data[: len(data) - len(held)])
        if held:
            yield held

    def as_text(self, data: bytes) -> bytes:
        """The same length, with ASCII in the place of marks, to see whether the rest is text."""
        return data.translate(_AS_ASCII)

    def as_uploaded(self, raw: bytes) -> bytes:
        """A record as it was written."""
        if _ANY_MARK.search(raw) is None:
            return raw
        for mark, (written, _) in self._marks.items():
            raw = raw.replace(bytes([mark]), written)
        return raw

    def restored(self, fields: Sequence[str]) -> list[str]:
        """Fields, decoded with `surrogateescape`, as what they mean."""
        found = list(fields)
        for mark, (_, meant) in self._marks.items():
            half = bytes([mark]).decode("utf-8", "surrogateescape")
            found = [field.replace(half, meant.decode()) for field in found]
        return found

    def hidden_newlines(self, data: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Offsets of the newlines that end no line of the scanner's, though one of the file."""
        return np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE)

    def readable(self, data: bytes) -> tuple[bytes, dict[str, str]]:
        """Sound records as text for the engine, and what stands in it for what.

        Where quotes mean something, an escape outside of them is none.
        """
        if _ANY_MARK.search(data) is None:
            return data, {}
        stands_for: dict[str, str] = {}
        if self._quote:
            data = self._without_outer_marks(data, stands_for)
        for mark, (_, meant) in self._marks.items():
            byte = bytes([mark])
            if byte in data:
                own = self._stand_in(data)
                data = data.replace(byte, own)
                stands_for[own.decode()] = meant.decode()
        return data, stands_for

    def put_back(self, frame: pl.DataFrame, stands_for: dict[str, str]) -> pl.DataFrame:
        """The values with what their escapes mean."""
        for written in self._within_quotes:
            frame = frame.with_columns(pl.all().str.replace_all(written.decode(), written[1:].decode(), literal=True))
        for own, meant in stands_for.items():
            frame = frame.with_columns(pl.all().str.replace_all(own, meant, literal=True))
        return frame

    def _marked(self, data: bytes) -> bytes:
        if _ANY_MARK.search(data) is not None:
            data = data.translate(_AS_NO_TEXT)
        if self._escape not in data:
            return data
        # The first pair of a run is one: from left to right, as escapes are read.
        for mark, (written, _) in self._marks.items():
            data = data.replace(written, bytes([mark]))
        if not self._quote:
            data = data.replace(self._escape + b"\r", bytes([_RETURN]))
        return data

    def _without_outer_marks(self, data: bytes, stands_for: dict[str, str]) -> bytes:
        """Marks outside of quotes as they were written; the quotes of sound records come in pairs.

        A quote among what was written would open a field for the engine: something else stands for that.
        """
        text = np.frombuffer(data, np.uint8)
        places = np.flatnonzero(text >= _ESCAPE)
        before = np.searchsorted(np.flatnonzero(text == self._quote[0]), places)
        outer = places[before % 2 == 0].tolist()
        if not outer:
            return data
        own = self._stand_in(data)
        stands_for[own.decode()] = self._marks[_QUOTE][0].decode()
        pieces: list[bytes] = []
        done = 0
        for place in outer:
            pieces += [data[done:place], own if data[place] == _QUOTE else self._marks[data[place]][0]]
            done = place + 1
        return b"".join([*pieces, data[done:]])

    def _stand_in(self, data: bytes) -> bytes:
        """A character of the private planes that does not occur in the data and could not be foreseen."""
        while True:
            own = (chr(0xF0000 + secrets.randbelow(0xFFFE)) + chr(0x100000 + secrets.randbelow(0xFFFE))).encode()
            if own not in data:
                return own
