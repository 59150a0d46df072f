"""JSON objects that stand end to end, as streams such as Firehose write them, each on a line of its own (contract section 3).

A newline ends whatever is open, as no string of JSON holds one, so that one broken record does not swallow the next line.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from processing.ingest.bounds import LONGEST_RECORD
from processing.ingest.readers.ndjson.nesting import STEP, Offsets, Text, plain_quotes

_NEXT: Final = re.compile(rb"\}[ \t\r]*\{")
_LF: Final = ord("\n")
_CLOSING: Final = ord("}")
_OPENING: Final = ord("{")
_BLANKS: Final = b" \t\r\n"
_SAME_LINE: Final = np.frombuffer(b" \t\r", np.uint8)
_MOST_BLANKS: Final = 64
# Stands before a newline that is not the file's; no upload can foresee it.
_MARK: Final = f"put-{secrets.token_hex(8)}".encode()
_MARKED_END: Final = _MARK + b"\n"


def are_end_to_end(head: bytes) -> bool:
    """Whether a line of these first bytes of a file holds more than one object."""
    if _NEXT.search(head) is None:
        return False
    text = np.frombuffer(head, np.uint8)
    return len(_ends_before_another(text)) > 0


def on_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same with a marked newline between two objects that stand end to end; a line of anything else stays as it is."""
    held = b""
    for chunk in chunks:
        data = held + chunk
        text = np.frombuffer(data, np.uint8)
        ends = _ends_before_another(text)
        # What is behind the last of them, or behind the last line, may go on with the next chunk.
        cut = max(data.rfind(b"\n"), int(ends[-1]) if len(ends) else -1) + 1
        if cut:
            yield _with_marks(data[:cut], ends + 1)
        elif len(data) > LONGEST_RECORD:
            cut = len(data)
            yield data
        held = data[cut:]
    if held.strip(_BLANKS):
        yield held


def _with_marks(data: bytes, places: Offsets) -> bytes:
    cuts = [0, *places.tolist(), len(data)]
    return _MARKED_END.join(data[start:end] for start, end in pairwise(cuts))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLines:
    """The lines of a file that lines of our own making come from."""

    before: Offsets
    """How many newlines of the file stand before each of ours."""
    count: int
    """Newlines of the file among all of them; one more where the last line has none."""

    def numbers(self, own: pl.Series) -> pl.Series:
        """The file's numbers of lines, of ours counted from 1."""
        return pl.Series(own.name, self.before[own.to_numpy() - 1] + 1, pl.Int64)


def without_marks(block: bytes) -> tuple[bytes, FileLines]:
    """Lines as they were put, without the marks that tell which newlines are not the file's."""
    lines = block.removesuffix(b"\n").split(b"\n")
    # The mark of the last line may have been cut off with its newline.
    ends_in_file = np.array([not line.endswith(_MARK) for line in lines], np.int64)
    before = np.cumsum(ends_in_file) - ends_in_file
    return block.replace(_MARK, b""), FileLines(before=before, count=int(ends_in_file.sum()))


def _ends_before_another(text: Text) -> Offsets:
    """Offsets of the brackets that end an object behind which another begins on the same line."""
    ends = _ends(text)
    at = ends + 1
    for _ in range(_MOST_BLANKS):
        is_blank = (at < len(text)) & np.isin(text[np.minimum(at, len(text) - 1)], _SAME_LINE)
        if not is_blank.any():
            break
        at = at + is_blank
    followed: Offsets = ends[(at < len(text)) & (text[np.minimum(at, len(text) - 1)] == _OPENING)]
    return followed


def _ends(text: Text) -> Offsets:
    """Offsets of the brackets that end an object which is no value of another."""
    newlines = np.flatnonzero(text == _LF)
    starts = np.append(0, newlines + 1)
    quotes = plain_quotes(text)
    # All four brackets have these bits, and a few letters, which take no step.
    marks = np.flatnonzero((text & 0xD9) == 0x59)  # noqa: PLR2004
    marks = marks[STEP[text[marks]] != 0]
    if not len(marks):
        return np.zeros(0, np.int64)
    line = np.searchsorted(newlines, marks)
    inside = (np.searchsorted(quotes, marks) - np.searchsorted(quotes, starts[line])) % 2 == 1
    marks, line = marks[~inside], line[~inside]
    if not len(marks):
        return np.zeros(0, np.int64)
    steps = STEP[text[marks]].astype(np.int64)
    depth = np.cumsum(steps)
    first = np.flatnonzero(np.diff(line, prepend=-1))
    before = np.repeat((depth - steps)[first], np.diff(np.append(first, len(marks))))
    ends: Offsets = marks[(text[marks] == _CLOSING) & (depth == before)]
    return ends
