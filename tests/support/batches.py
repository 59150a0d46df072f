"""The batches of a reader, one after another."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import polars.selectors as cs

from processing.ingest.readers.raw_batches import RAW, Numbering, RawBatch, RawReader, renumbered


def batches_of(reader: RawReader) -> Iterator[RawBatch]:
    """All batches of a reader, one after another, counted from the beginning of the file; each keeps what readers promise."""
    numbering = Numbering(reader.lines_before)
    for task in reader.batch_tasks():
        batch = task()
        texts = batch.frame.select(cs.string().exclude(RAW))
        assert reader.has_empty_text or not texts.select(pl.any_horizontal((pl.all() == "").any())).to_series().any()
        by = (0, 0) if batch.lines is None else numbering.next(batch.read, batch.lines)
        yield RawBatch(frame=renumbered(batch.frame, *by), broken=batch.broken.renumbered(*by))
