"""Objects and arrays inside JSON objects, taken out of the text and put back as values, for an engine of flat objects.

The engine would print them anew, without the escapes that make them JSON.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_COLON: Final = ord(":")
_BLANK: Final = np.zeros(256, np.bool_)
_BLANK[[ord(" "), ord("\t"), ord("\r")]] = True
_MOST_BLANKS: Final = 64
_HEAD: Final = 4_096
_NESTING: Final = re.compile(rb'[^\\]":[{\[]')
STEP: Final = np.zeros(256, np.int8)
STEP[[ord("{"), ord("[")]] = 1
STEP[[ord("}"), ord("]")]] = -1

# Stands for a value that was taken out; no upload can foresee it.
_TOKEN: Final = f"taken-{secrets.token_hex(8)}-"

Text = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Offsets = npt.NDArray[np.int64]


def may_nest(data: bytes) -> bool:
    """Whether lines of JSON objects may hold objects or arrays as values; False is certain.

    The brackets of JSON that is kept in a string stand behind escaped quotes, those of real values behind plain ones.
    """
    # Where values nest, those of the first records mostly do.
    if _NESTING.search(data, 0, _HEAD) is not None:
        return True
    text = np.frombuffer(data, np.uint8)
    # With this bit set, opening brackets look like opening braces.
    at = np.flatnonzero((text | 0x20) == ord("{"))
    before = _before(text, at[at >= len('{"":')])
    ends = _before(text, before[text[before] == _COLON])
    if np.any(_BLANK[text[before]]) or np.any(_BLANK[text[ends]]):
        return True
    quotes = ends[text[ends] == _QUOTE]
    # Behind two backslashes a quote may be plain again.
    return bool(np.any((text[quotes - 1] != _BACKSLASH) | (text[quotes - 2] == _BACKSLASH)))


def nested_values(text: Text) -> tuple[Offsets, Offsets]:
    """Where the values that are objects or arrays begin and end."""
    quotes = plain_quotes(text)
    # All four brackets have these bits, and a few letters, which take no step.
    marks = np.flatnonzero((text & 0xD9) == 0x59)  # noqa: PLR2004
    marks = marks[STEP[text[marks]] != 0]
    marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    steps = STEP[text[marks]]
    depth = np.cumsum(steps, dtype=np.int32)
    starts = marks[(steps == 1) & (depth == 2)]  # noqa: PLR2004  # one is the record itself
    ends = marks[(steps == -1) & (depth == 1)] + 1
    return starts, ends


def take_nested(data: bytes) -> tuple[bytes, pl.Series]:
    """`data` with a short string for each object and array that is a value, and the texts of these in their order.

    `data` must be lines of valid JSON objects.
    """
    text = np.frombuffer(data, np.uint8)
    starts, ends = nested_values(text)
    kept = zip([0, *ends.tolist()], [*starts.tolist(), len(data)], strict=True)
    pieces = [b""] * (2 * len(starts) + 1)
    pieces[::2] = [data[start:end] for start, end in kept]
    pieces[1::2] = [b'"%s%d"' % (_TOKEN.encode(), number) for number in range(len(starts))]
    values = [data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(ends - starts)])
    taken = pa.LargeStringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(values)))
    return b"".join(pieces), pl.Series("taken", taken, pl.String)


def put_nested(frame: pl.DataFrame, taken: pl.Series) -> pl.DataFrame:
    """`frame`, which has text columns, with the taken texts in their places."""
    columns = []
    for column in frame:
        is_taken = column.str.starts_with(_TOKEN)
        if is_taken.any():
            number = column.set(~is_taken, None).str.slice(len(_TOKEN)).cast(pl.UInt32)
            columns.append(taken.gather(number).zip_with(is_taken.fill_null(value=False), column).alias(column.name))
        else:
            columns.append(column)
    return pl.DataFrame(columns)


def _before(text: Text, at: Offsets) -> Offsets:
    """The last characters before `at` that are not blank, or a blank one when that is far away."""
    at = at - 1
    for _ in range(_MOST_BLANKS):
        blank = _BLANK[text[at]]
        if not blank.any():
            break
        at = at - blank
    return at


def plain_quotes(text: Text) -> Offsets:
    """Offsets of the quotes that begin or end strings: those behind an even number of backslashes."""
    quotes = np.flatnonzero(text == _QUOTE)
    behind: Flags = text[quotes - 1] == _BACKSLASH
    if not behind.any():
        return quotes
    if not np.any(text[quotes[behind] - 2] == _BACKSLASH):
        return quotes[~behind]
    slashes = np.flatnonzero(text == _BACKSLASH)
    run_starts = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
    run_ends = np.append(run_starts[1:], len(slashes)) - 1
    after_odd = slashes[run_ends[(run_ends - run_starts) % 2 == 0]] + 1
    return quotes[~np.isin(quotes, after_odd, assume_unique=True)]
