"""Objects and arrays inside JSON objects as slices of the lines in which they stand, where that is certain.

The engine would print them anew, and taking them out of the text costs more than reading it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from processing.ingest.readers.ndjson.nesting import Flags, Offsets, Text, nested_values

_LF: Final = ord("\n")
_SPACE: Final = ord(" ")
_WORD: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
# A view of Arrow: the size, then all of a short text, or of a long one its first bytes, its buffer's number and its offset.
_VIEW: Final = 16
_SIZE: Final = 4
_INLINE: Final = 12
_PREFIX: Final = 4
_TAIL: Final = 8


def sliced_columns(data: bytes, names: Sequence[str]) -> dict[str, pl.Series]:
    """The columns among `names` whose values are objects or arrays or null or absent in every line, as written.

    `data` must be lines of JSON objects, none of them blank, which the engine has yet to agree to. A name is left out where
    its values are not certain: where it may stand twice in a line, or anywhere else than at the top of one, or be spelt with
    escapes.
    """
    # To look for two bytes is slow; most text has not even the first of them.
    if b"\\" in data and b"\\u" in data:
        return {}
    text = np.frombuffer(data, np.uint8)
    starts, ends = nested_values(text)
    if not len(starts) or len(starts) != len(ends):
        return {}
    behind = starts - 1 - (text[starts - 1] == _SPACE)
    tails = _tails(text, behind)
    line_ends = np.flatnonzero(text == _LF)
    count = len(line_ends) + (not data.endswith(b"\n"))
    found: dict[str, pl.Series] = {}
    for name in names:
        if not _WORD.fullmatch(name):
            continue
        key = b'"%s":' % name.encode()
        own = _ends_with(text, behind, tails, key)
        lines = np.searchsorted(line_ends, starts[own])
        if len(own) and _is_all(data, key, lines, line_ends):
            found[name] = _slices(data, starts[own], ends[own], lines, count)
    return found


def _tails(text: Text, behind: Offsets) -> Offsets:
    """The eight bytes up to `behind`, as one number each."""
    places = np.maximum(behind[:, None] + np.arange(1 - _TAIL, 1), 0)
    tails: Offsets = text[places].view(np.int64)[:, 0]
    return tails


def _ends_with(text: Text, behind: Offsets, tails: Offsets, key: bytes) -> Offsets:
    """Which values stand behind the key."""
    short = key[-_TAIL:].rjust(_TAIL, b"\0")
    mask = np.frombuffer(b"\0" * (_TAIL - len(key)) + b"\xff" * min(_TAIL, len(key)), np.int64)
    own = np.flatnonzero((tails & mask) == np.frombuffer(short, np.int64))
    places = behind[own, None] + np.arange(1 - len(key), 1)
    is_same: Flags = (places[:, 0] >= 0) & np.all(text[places] == np.frombuffer(key, np.uint8), axis=1)
    return own[is_same]


def _is_all(data: bytes, key: bytes, lines: Offsets, line_ends: Offsets) -> bool:
    """Whether the key stands at most once in a line, and only before the values of `lines` and before nulls.

    Quotes without a backslash are never part of a string, so that each place of the key is a key.
    """
    total = data.count(key)
    # Blanks may stand between a key and its colon; mostly the quoted name is a key wherever it stands.
    if data.count(key[:-1]) != total and re.search(re.escape(key[:-1]) + rb"[ \t\r]+:", data) is not None:
        return False
    if total == len(lines):
        return bool(np.all(np.diff(lines) > 0))
    if total != len(lines) + data.count(key + b"null") + data.count(key + b" null"):
        return False
    places = np.array([match.start() for match in re.finditer(re.escape(key), data)], np.int64)
    return bool(np.all(np.diff(np.searchsorted(line_ends, places)) > 0))


def _slices(data: bytes, starts: Offsets, ends: Offsets, lines: Offsets, count: int) -> pl.Series:
    """Text for `count` lines, null but for those of `lines`: slices of `data`."""
    text = np.frombuffer(data, np.uint8)
    size = ends - starts
    views = np.zeros((count, _VIEW), np.uint8)
    views[lines, :_SIZE] = size.astype("<u4")[:, None].view(np.uint8)
    held = starts[:, None] + np.arange(_INLINE)
    first = np.where(np.arange(_INLINE) < size[:, None], text[np.minimum(held, len(text) - 1)], 0)
    is_long = size > _INLINE
    first[is_long, _PREFIX:] = np.concatenate(
        (np.zeros((int(is_long.sum()), _SIZE), np.uint8), starts[is_long].astype("<u4")[:, None].view(np.uint8)), axis=1
    )
    views[lines, _SIZE:] = first
    is_given = np.zeros(count, np.bool_)
    is_given[lines] = True
    validity = None if len(lines) == count else pa.py_buffer(np.packbits(is_given, bitorder="little"))
    array = pa.Array.from_buffers(pa.string_view(), count, [validity, pa.py_buffer(views), pa.py_buffer(data)])
    # A copy of the slices alone: what is kept of a block must not keep all of it.
    return pl.Series(array.cast(pa.large_string()))
