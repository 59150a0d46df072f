"""Files that were sound once: cut, flipped, spliced, stuffed and repeated, before and after they were packed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from hypothesis import strategies as st

from processing.ingest.readers.formats import Packing
from tests.support.uploads import packed

_TAIL: Final = 8
"""Bytes behind the footer of Parquet: its length, and PAR1."""
_MAGIC: Final = b"PAR1"
TOKENS: Final = (
    # What text formats give a meaning to, and what only looks like it.
    *(b'"', b'""', b'"""', b"'", b",", b"\t", b" ", b"\n", b"\r", b"\r\n", b"\n\n\n", b"\x00", b"\xff", b"\xef\xbb\xbf"),
    *(b"{", b"}", b"[", b"]", b"{}", b"[]", b"{}\n", b"null", b":", b"\\", b"\\u", b"\\ud800", b"\\u0000", b"\\udc00\\ud800"),
    *(
        b'{"a":{"b":[',
        b"true",
        b"event",
        b"userId",
        b"unit_id",
        b"user,user",
        b"1e999",
        b"-1e-999",
        b"-0",
        b"NaN",
        b"1.",
        b".5",
    ),
    *(b"9" * 10, b"9" * 13, b"9" * 19, b"9" * 39, b"Infinity", b"0000-00-00", b"2026-02-30", b"9999-12-31T23:59:59Z"),
    *("é🙂\u2028\u0085\ufeff".encode(), b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"),
    # What archives and binary formats give a meaning to: magic words, extreme lengths and counts.
    *(b"PAR1", b"PARE", b"\x1f\x8b", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18\x04\x00\x00\x00", b"\x00" * 4),
    *(b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80" * 9, b"\xff" * 9 + b"\x01", b"\xfe\xff\xff\xff\x0f"),
    *(b"\x15\x00", b"\x15\x01", b"\x19\xfc", b"\x19\xf5\xff\xff\xff\xff\x0f", b"\x1c" * 40, b"\x18\x80\x80\x80\x80\x08"),
)
_Stroke = Callable[[st.DrawFn, bytes, int], bytes]
"""What becomes of bytes that something happens to at a place."""


def _flip(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    bit = 1 << draw(st.integers(0, 7))
    return data[:at] + bytes(byte ^ bit for byte in data[at : at + 1]) + data[at + 1 :]


def _put(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    token = draw(st.sampled_from(TOKENS) | st.binary(min_size=1, max_size=4))[: len(data) - at]
    return data[:at] + token + data[at + len(token) :]


def _stuff(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    return data[:at] + draw(st.sampled_from(TOKENS)) + data[at:]


def _repeat(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    end = at + draw(_SIZES)
    return data[:at] + data[at:end] * draw(st.integers(2, 40)) + data[end:]


_SIZES: Final = st.integers(1, 8) | st.integers(1, 400)
_IN_PLACE: Final[Sequence[_Stroke]] = (_flip, _put)
"""Those after which everything else is where it was."""
_STROKES: Final[Sequence[_Stroke]] = (
    *_IN_PLACE,
    _stuff,
    _repeat,
    lambda draw, data, at: data[:at] + data[at + draw(_SIZES) :],
    lambda _, data, at: data[:at],
    lambda _, data, at: data[at:],
    lambda draw, data, at: data[:at] + draw(st.binary(max_size=64)),
)


@st.composite
def damaged(
    draw: st.DrawFn, data: bytes, others: Sequence[bytes], *, spared: int = 0, strokes: Sequence[_Stroke] = _STROKES
) -> bytes:
    """`data` after 1 to 3 strokes, none of which is in the first `spared` bytes.

    Where strokes are not limited, it may also go on as one of `others`.
    """
    head, data = data[:spared], data[spared:]
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        at = draw(_places(len(data)))
        if strokes is _STROKES and draw(st.integers(0, 7)) == 7:
            other = draw(st.sampled_from(others))
            data = data[:at] + other[draw(_places(len(other))) :]
        else:
            data = draw(st.sampled_from(strokes))(draw, data, at)
    return head + data


@st.composite
def damaged_parquet(draw: st.DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    """A Parquet file, damaged anywhere, or in its pages or in its footer with the rest as it should be around them."""
    body, footer = _body_and_footer(data)
    match draw(st.sampled_from(["anywhere", "pages", "pages", "pages", "footer", "footer", "footer of another"])):
        case "anywhere":
            return draw(damaged(data, others))
        case "pages":
            body = draw(damaged(body, others, spared=len(_MAGIC), strokes=_IN_PLACE))
        case "footer":
            strokes = draw(st.sampled_from([_IN_PLACE, _STROKES]))
            footer = draw(damaged(footer, [_body_and_footer(each)[1] for each in others], strokes=strokes))
        case _:
            footer = _body_and_footer(draw(st.sampled_from(others)))[1]
    return body + footer + len(footer).to_bytes(4, "little") + _MAGIC


@st.composite
def damaged_text(draw: st.DrawFn, data: bytes, others: Sequence[bytes], packing: Packing) -> bytes:
    """A text file damaged anywhere or behind its first line, before it was packed, after it, or both times."""
    when = draw(st.sampled_from(["before", "before", "after", "both"])) if packing is not Packing.PLAIN else "before"
    if when != "after":
        spared = draw(st.sampled_from([0, data.find(b"\n") + 1]))
        data = draw(damaged(data, others, spared=spared))
    data = packed(data, packing)
    if when == "before":
        return data
    return draw(damaged(data, [packed(other, packing) for other in others]))


def _places(size: int) -> st.SearchStrategy[int]:
    """From 0 to `size`, and more often than others the places near both ends."""
    near = min(size, 16)
    anywhere = st.integers(0, size)
    return st.one_of(anywhere, anywhere, anywhere, st.integers(0, near) | st.integers(size - near, size))


def _body_and_footer(data: bytes) -> tuple[bytes, bytes]:
    """A Parquet file without the length and the magic at its end."""
    size = int.from_bytes(data[-_TAIL:-4], "little")
    return data[: -_TAIL - size], data[-_TAIL - size : -_TAIL]
