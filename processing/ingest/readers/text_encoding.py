"""Text of any encoding becomes UTF-8, a chunk at a time; what is no text of it stays visible as such (contract section 3)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

from processing.ingest.readers.upload_form import TextForm

BOM: Final = codecs.BOM_UTF8
"""The byte order mark of UTF-8."""
_MARKS: Final = (
    # The longer ones first: that of UTF-32 begins as that of UTF-16 does.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LONGEST_MARK: Final = 4
"""Bytes."""
_MOST_MARKS: Final = 2
_BEYOND_ASCII: Final = 0x80
_RUN: Final = re.compile(rb"[\x80-\xff]+")
_WIDE: Final = (("shift_jis", "Shift_JIS"), ("gb18030", "GB18030"), ("euc_kr", "EUC-KR"))
_PIECE: Final = 1024 * 1024
_NO_TEXT: Final = "dropzone-no-text"
_END_OF_FILE: Final = b"\x1a"
_LONGEST_END: Final = 64
"""Bytes."""


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a byte order mark tells, None without one and for UTF-8."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def form_of(head: bytes, encoding: str | None = None) -> TextForm:
    """How text is written that begins so: as its byte order mark tells, else in the encoding that is given."""
    if head.startswith(BOM):
        return TextForm(mark=BOM)
    marks = (TextForm(mark=mark, encoding=name) for mark, name in _MARKS if head.startswith(mark))
    return next(marks, TextForm(encoding=encoding))


def as_utf8(chunks: Iterator[bytes], encoding: str | None = None) -> Iterator[bytes]:
    """The same text in UTF-8: of the encoding that its byte order mark tells, else of the one that is given, else as it is.

    What is no text of the encoding becomes a byte that no UTF-8 has, so that its record alone is bad.
    """
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= LONGEST_MARK:
            break
    if head.startswith(BOM):
        own = None
    else:
        own = marked_encoding(head)
        head = head.removeprefix(next((mark for mark, name in _MARKS if name == own), b""))
        own = own or encoding
    return _joined(head, chunks) if own is None else _decoded(_joined(head, chunks), own)


def guess_encoding(data: bytes) -> str | None:
    """The likeliest encoding of text that is no UTF-8, None where nothing is likely."""
    high = [byte for byte in data if byte >= _BEYOND_ASCII]
    if not high or b"\0" in data:
        return None
    # Letters with accents stand alone among ASCII; other scripts write whole words of high bytes.
    runs = _RUN.findall(data)
    if len(high) < 2 * len(runs):
        return "Windows-1252" if _is_text(data, "cp1252") else "ISO-8859-1"
    for name, shown in _WIDE:
        if _is_text(data, name):
            return shown
    return "Windows-1251" if _is_text(data, "cp1251") else "Windows-1252"


def _is_text(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def without_bom(head: bytes) -> bytes:
    """The bytes behind the byte order mark, of which tools that take one for text write another."""
    for _ in range(_MOST_MARKS):
        head = head.removeprefix(BOM)
    return head


def without_end_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks without the 0x1A at the end of the last, by which DOS ends text."""
    # What may be the last: to hold every chunk until the next comes would be to hold two of them.
    held = behind = b""
    for chunk in chunks:
        if held and len(behind) + len(chunk) <= _LONGEST_END and not chunk.strip(b"\r\n"):
            behind += chunk
            continue
        if held:
            yield held + behind
            held = behind = b""
        if _end(chunk).endswith(_END_OF_FILE):
            held = chunk
        else:
            yield chunk
    if held:
        yield held[: len(held) - min(len(held), _LONGEST_END)] + _end(held).rstrip(_END_OF_FILE)


def _end(chunk: bytes) -> bytes:
    """Its last bytes without line ends; to strip a large chunk is to copy it."""
    return chunk[-_LONGEST_END:].rstrip(b"\r\n")


def _joined(head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from chunks


def _decoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    # Known to the whole process by its name; to do it again changes nothing.
    codecs.register_error(_NO_TEXT, _marked)
    decoder = codecs.getincrementaldecoder(encoding)(_NO_TEXT)
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE):
            text = decoder.decode(chunk[start : start + _PIECE])
            if text:
                yield text.encode("utf-8", "surrogateescape")
    rest = decoder.decode(b"", final=True)
    if rest:
        yield rest.encode("utf-8", "surrogateescape")


def _marked(error: UnicodeError) -> tuple[str, int]:
    """In the place of bytes that are no text, those half characters which are written as 0xFF."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff" * (error.end - error.start), error.end
