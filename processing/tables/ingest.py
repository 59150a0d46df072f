"""One upload, from its bytes to staged parts, rejected rows and exact counts; no storage and no clock in it.

The same function serves the functions app and a check of a local file, so that both give the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.errors import CustomerError
from processing.domain.records import BrokenRule, Notice, Problem, RowCounts
from processing.tables.batches import RawReader
from processing.tables.catalogue import kind_of, schema_of
from processing.tables.csv_reader import CsvReader
from processing.tables.formats import FileFormat, Layout, detect_format
from processing.tables.header import match_header
from processing.tables.rejects import RejectWriter
from processing.tables.staging import LocalPart, PartWriter
from processing.tables.unpacking import unpack
from processing.tables.validation import Validator

_FEWEST_ROWS_FOR_BUDGET: Final = 100

_READERS: Final[Mapping[Layout, Callable[[Iterator[bytes]], RawReader]]] = {
    Layout.CSV: CsvReader,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """What decides the outcome besides the bytes."""

    name: str
    """The upload's name; its ending tells the layout."""
    dataset: Dataset
    upload_day: date
    """The day of the upload, for rules against "now"."""
    max_rejected_fraction: float = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOutcome:
    """What an upload turned out to hold."""

    format: str | None
    rows: RowCounts
    days: Mapping[date, int]
    """Accepted rows of each day; empty for a refused file."""
    rules: tuple[BrokenRule, ...]
    warnings: tuple[Notice, ...]
    rejected: Path | None
    """NDJSON of all rejected rows, None when there are none."""
    problem: Problem | None
    """Why the file is refused as a whole, None when it is not."""


def ingest_file(
    request: IngestRequest, chunks: Iterator[bytes], *, scratch: Path, emit: Callable[[LocalPart], None]
) -> IngestOutcome:
    """Read, validate and stage one upload; a refusal is an outcome, not an exception.

    `emit` is called for each finished part, and must have moved it away when it returns. Errors of `chunks` and `emit`
    pass through.
    """
    found = None
    try:
        head = next((chunk for chunk in chunks if chunk), b"")
        found = detect_format(request.name, head)
        return _read(request, found, chain([head], chunks), scratch, emit)
    except CustomerError as error:
        return IngestOutcome(
            format=str(found) if found else None,
            rows=RowCounts(),
            days={},
            rules=(),
            warnings=(),
            rejected=None,
            problem=Problem(code=error.code, message=error.message),
        )


def _read(
    request: IngestRequest, found: FileFormat, chunks: Iterator[bytes], scratch: Path, emit: Callable[[LocalPart], None]
) -> IngestOutcome:
    kind = kind_of(request.dataset)
    schema = schema_of(kind, request.upload_day)
    reader = _READERS[found.layout](unpack(chunks, found.packing))
    match = match_header(reader.header, schema)
    validator = Validator(schema, reader.header, match.positions)
    parts = PartWriter(scratch, kind.day(), emit)
    rejected = scratch / "rejected.ndjson"
    rejects = RejectWriter(rejected, validator)
    read = accepted_count = 0
    try:
        for batch in reader.batches():
            accepted, bad = validator.split(batch)
            if accepted.height + bad.height + len(batch.broken) != batch.read:
                raise AssertionError("rows of a batch were lost or doubled")
            parts.add(accepted)
            rejects.add(bad, batch.broken)
            read += batch.read
            accepted_count += accepted.height
        parts.flush()
    finally:
        rejects.close()
    problem = _over_budget(read, rejects.count, request.max_rejected_fraction)
    rows = RowCounts(read=read, accepted=accepted_count, rejected=rejects.count)
    if problem is not None:
        # Nothing of a refused file counts as accepted: its sound rows are rejected with it.
        rows = RowCounts(read=read, rejected=read)
    return IngestOutcome(
        format=str(found),
        rows=rows,
        days={} if problem else dict(sorted(parts.days.items())),
        rules=rejects.rules(),
        warnings=match.warnings,
        rejected=rejected if rejects.count else None,
        problem=problem,
    )


def _over_budget(read: int, rejected: int, most: float) -> Problem | None:
    if read < _FEWEST_ROWS_FOR_BUDGET or rejected <= most * read:
        return None
    return Problem(
        code="too_many_rejected_rows",
        message=f"{rejected:,} of {read:,} rows break rules, more than {most:.0%}: mend the file and upload it again",
    )
