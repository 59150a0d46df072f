"""Segments of the journal become uploads: sealed, copied, deleted, as often as it takes (protocol, Journal).

Anybody may do it at any time, several at once too. A sealed segment never changes again, its upload is written only where
there is none of that name, and the segment goes only when its upload is there.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from processing.domain import blob_names
from processing.domain.datasets import Dataset
from processing.domain.errors import ConditionNotMet, LaterError, OperatorError
from processing.domain.journal_names import Segment
from processing.ports import IF_ABSENT, BlobInfo
from processing.stored.context import JobContext
from processing.stored.tries import tries

_LEFT: Final = timedelta(minutes=2)
_SEGMENT: Final = "segment"
"""Metadata of an upload that was a segment: its id."""
_MOST_NAMES: Final = 10
"""Under so many names an upload is tried: each that is taken was guessed by somebody."""


def customers_with_journal(context: JobContext) -> list[str]:
    """Those that ever sent rows over HTTP."""
    return [each.removeprefix(blob_names.JOURNAL_PREFIX) for each in context.drop.list_containers(blob_names.JOURNAL_PREFIX)]


def has_journal(context: JobContext, customer: str) -> bool:
    """Whether the customer ever sent rows over HTTP."""
    container = blob_names.journal_container(customer)
    return container in context.drop.list_containers(container)


def left_segments(context: JobContext, customer: str) -> list[Segment]:
    """The segments that have not been written to for longer than their own process leaves them; the customer has a journal."""
    before = context.drop.service_time() - _LEFT
    return [segment for segment, info in _listed(context, customer) if info.last_modified <= before]


def read_tails(
    context: JobContext, customer: str, dataset: Dataset | None, *, segments: int, length: int
) -> Iterator[tuple[Segment, BlobInfo, bytes]]:
    """The last whole lines of the segments that were written to last, as many bytes of each; the customer has a journal."""
    listed = _listed(context, customer, "" if dataset is None else f"{dataset}/")
    newest = heapq.nlargest(segments, (each for each in listed if each[1].size), key=lambda each: each[1].last_modified)
    for segment, info in newest:
        start = max(info.size - length, 0)
        try:
            data = context.drop.get_range(
                segment.container, str(segment), etag=info.etag, offset=start, length=info.size - start
            )
        except ConditionNotMet:
            continue  # it was added to, or became an upload, this moment
        yield segment, info, data.partition(b"\n")[2] if start else data


def roll_segments(context: JobContext, customer: str, datasets: Iterable[Dataset]) -> int:
    """Make uploads of all rows of some datasets that were answered until now; returns of how many segments."""
    if not has_journal(context, customer):
        return 0
    rolled = 0
    for dataset in datasets:
        for segment, info in list(_listed(context, customer, f"{dataset}/")):
            # Of one that is still empty nothing was answered, and its writer is left to it.
            rolled += info.size > 0 and roll_segment(context, segment) is not None
    return rolled


def _listed(context: JobContext, customer: str, prefix: str = "") -> Iterator[tuple[Segment, BlobInfo]]:
    for info in context.drop.list_blobs(blob_names.journal_container(customer), prefix):
        segment = Segment.parse(customer, info.name)
        if segment is not None:
            yield segment, info


def roll_segment(context: JobContext, segment: Segment) -> str | None:
    """Make it an upload and return its name; None when it has become one meanwhile, or holds nothing.

    Its writer cannot add to it any more. Killed anywhere, it is done again.
    """
    if not context.append_blobs.seal(segment.container, str(segment)):
        return None
    found = context.drop.get(segment.container, str(segment))
    if found is None:
        return None
    rows, _ = found
    upload = _upload(context, segment, rows) if rows else None
    context.drop.delete(segment.container, str(segment))
    return upload


def holds(context: JobContext, segment: Segment, length: int) -> bool:
    """Whether a segment came to be `length` bytes long, whose last append had no answer.

    Nobody can add to it afterwards, so that the request that had no answer cannot arrive later. LaterError when it became an
    upload that is not there any more, and nobody can tell.
    """
    if context.append_blobs.seal(segment.container, str(segment)):
        found = context.drop.head(segment.container, str(segment))
        if found is not None:
            return found.size >= length
    for number in range(_MOST_NAMES):
        found = context.drop.head(blob_names.drop_container(segment.customer), segment.upload(number))
        if found is None:
            break
        if found.metadata.get(_SEGMENT) == segment.id:
            return found.size >= length
    raise LaterError(f"nobody can tell what became of the last rows of segment {segment}")


def _upload(context: JobContext, segment: Segment, rows: bytes) -> str:
    """Write the upload where it is not written yet, under a name that is nobody else's."""
    for number in range(_MOST_NAMES):
        name = segment.upload(number)
        if _is_written(context, segment, name, rows):
            return name
    raise OperatorError(
        f"every name for the rows of segment {segment} is taken: look at {segment.upload()} of {segment.customer}"
    )


def _is_written(context: JobContext, segment: Segment, name: str, rows: bytes) -> bool:
    """Write the rows, or see that they stand there: then they were written from the same segment. False for anything else."""
    container = blob_names.drop_container(segment.customer)
    for _ in tries(context):
        try:
            context.drop.put(container, name, rows, when=IF_ABSENT, metadata={_SEGMENT: segment.id})
        except ConditionNotMet:
            info = context.drop.head(container, name)
            if info is None:
                continue  # it was deleted this moment
            if info.size != len(rows) or info.unreadable is not None:
                return False
            found = context.drop.get(container, name)
            return found is not None and found[0] == rows
        return True
    raise LaterError(f"{container}/{name} comes and goes")
