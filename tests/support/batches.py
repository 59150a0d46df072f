"""The batches of a reader, one after another."""

from __future__ import annotations

from collections.abc import Iterator

from processing.ingest.readers.raw_batches import Numbering, RawBatch, RawReader, renumbered


def batches_of(reader: RawReader) -> Iterator[RawBatch]:
    """All batches of a reader, one after another, counted from the beginning of the file."""
    numbering = Numbering(reader.lines_before)
    for task in reader.batch_tasks():
        batch = task()
        by = (0, 0) if batch.lines is None else numbering.next(batch.read, batch.lines)
        yield RawBatch(frame=renumbered(batch.frame, *by), broken=batch.broken.renumbered(*by))
