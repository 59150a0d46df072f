"""The rejected rows of an upload, some at a time, and its fix file: whatever their size, a bounded stretch is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from processing.domain import blob_names
from processing.domain.receipts import Receipt
from processing.ports import BlobInfo
from processing.stored.context import JobContext

PART: Final = 32 * 1024 * 1024
"""Bytes of a part to download, about: parts end with a line."""
_CHUNK: Final = 512 * 1024
_LONGEST: Final = 64 * 1024 * 1024
"""Bytes that are read for one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRows:
    """Some of them, in the order of the file."""

    rows: Sequence[dict[str, Any]]
    """As contract section 5 has them."""
    following: int | None
    """The byte at which those begin that follow; None at the end."""


def read_rejected(context: JobContext, receipt: Receipt, *, start: int, limit: int) -> RejectedRows | None:
    """At most `limit` rows from the byte `start` on; None where the blob is gone, or no row begins at that byte."""
    info = _head(context, receipt)
    if info is None or not 0 <= start <= info.size:
        return None
    lines, at = _lines(context, receipt, info, start, limit), start
    rows = []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            return None
        if not isinstance(row, dict) or "record" not in row:
            return None
        rows.append(row)
        at += len(line)
    return RejectedRows(rows=rows, following=at if at < info.size else None)


def count_parts(context: JobContext, receipt: Receipt) -> int:
    """In how many parts the rejected rows can be had; 0 where they are gone."""
    info = _head(context, receipt)
    return 0 if info is None else -(-info.size // PART)


def read_part(context: JobContext, receipt: Receipt, number: int) -> bytes | None:
    """The lines that begin within a part, counted from 0; None where there is no such part."""
    info = _head(context, receipt)
    if info is None or not 0 <= number * PART < info.size:
        return None
    start = _line_start(context, receipt, info, number * PART)
    end = _line_start(context, receipt, info, min((number + 1) * PART, info.size))
    return _range(context, receipt, info, start, end - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixBlob:
    """A fix file that is there."""

    name: str
    """The blob, in the customer's receipts container."""
    ending: str
    """By which it is read as the upload was, such as `csv.gz`."""
    size: int
    """Bytes."""
    is_small: bool
    """Whether `read_fix` gives it."""


def find_fix(context: JobContext, receipt: Receipt) -> FixBlob | None:
    """The fix file of an upload; None where there is none, or none any longer."""
    name = receipt.fix_blob
    info = None if name is None else context.drop.head(blob_names.receipts_container(receipt.customer), name)
    if name is None or info is None:
        return None
    return FixBlob(name=name, ending=name.rpartition(".rejected.")[2], size=info.size, is_small=info.size <= PART)


def read_fix(context: JobContext, receipt: Receipt) -> tuple[FixBlob, bytes] | None:
    """The fix file of an upload and its bytes; None where it is not there, or has more bytes than a part."""
    found = find_fix(context, receipt)
    if found is None or not found.is_small:
        return None
    stored = context.drop.get(blob_names.receipts_container(receipt.customer), found.name)
    return None if stored is None else (found, stored[0])


def _lines(context: JobContext, receipt: Receipt, info: BlobInfo, start: int, limit: int) -> list[bytes]:
    """The first whole lines of a chunk, at least one where there is any."""
    size = _CHUNK
    while True:
        data = _range(context, receipt, info, start, size)
        is_all = start + len(data) >= info.size
        lines = _split(data)
        if lines and not is_all and not lines[-1].endswith(b"\n"):
            lines.pop()
        if lines or is_all or size >= _LONGEST:
            return lines[:limit]
        size *= 4


def _split(data: bytes) -> list[bytes]:
    """By line feeds alone, as NDJSON is."""
    found = data.split(b"\n")
    return [each + b"\n" for each in found[:-1]] + ([found[-1]] if found[-1] else [])


def _line_start(context: JobContext, receipt: Receipt, info: BlobInfo, at: int) -> int:
    """Where the first line begins at a byte or behind it."""
    if at in (0, info.size):
        return at
    position = at - 1
    while position < info.size:
        data = _range(context, receipt, info, position, _CHUNK)
        found = data.find(b"\n")
        if found >= 0:
            return position + found + 1
        position += len(data)
    return info.size


def _head(context: JobContext, receipt: Receipt) -> BlobInfo | None:
    if receipt.rejected_blob is None:
        return None
    return context.drop.head(blob_names.receipts_container(receipt.customer), receipt.rejected_blob)


def _range(context: JobContext, receipt: Receipt, info: BlobInfo, offset: int, length: int) -> bytes:
    container = blob_names.receipts_container(receipt.customer)
    return context.drop.get_range(container, info.name, etag=info.etag, offset=offset, length=length)
