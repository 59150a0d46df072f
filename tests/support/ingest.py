"""Bytes go through `ingest_file`, and all that comes out is kept in memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from processing.domain.datasets import DATA_DATASETS, Dataset
from processing.domain.days import PST, DayZone
from processing.ingest.ingest_file import IngestOutcome, IngestRequest, ingest_file
from processing.ingest.receipt_warnings import StreamDays
from processing.ingest.staging import LocalPart
from schemas.customer_config import CustomerConfig
from tests.support.bytes_source import Bytes

UPLOAD_DAY = date(2026, 11, 18)
UPLOADED_AT = PST.start_of(UPLOAD_DAY)
"""Last-Modified of the uploads, when a test says nothing else: the first instant of UPLOAD_DAY."""
LENIENT = CustomerConfig(max_rejected_fraction=1.0)
"""A config that refuses no file for its bad rows."""

Row = dict[str, Any]
Reasons = set[tuple[str, str | None]]
"""(rule, column)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedPart:
    """A part as it was emitted."""

    dataset: Dataset
    day: date
    number: int
    frame: pl.DataFrame


@dataclass(slots=True)
class Staged:
    """Keeps the parts of one ingest."""

    parts: list[StagedPart] = field(default_factory=list)

    def __call__(self, dataset: Dataset, part: LocalPart) -> None:
        frame = pl.read_parquet(part.path)
        assert frame.height == part.rows
        self.parts.append(StagedPart(dataset=dataset, day=part.day, number=part.number, frame=frame))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What became of an upload."""

    outcome: IngestOutcome
    parts: list[StagedPart]
    rejected: list[Row]
    """The lines of rejected rows."""
    fixes: bytes | None
    """The fix file."""
    fixes_name: str
    """A name for it by which it is read as the upload was; without a fix file the upload's own."""

    def rows(self, dataset: Dataset) -> dict[date, list[Row]]:
        """The staged rows of each day, part after part."""
        found: dict[date, list[Row]] = {}
        for part in sorted((part for part in self.parts if part.dataset is dataset), key=lambda part: part.number):
            found.setdefault(part.day, []).extend(part.frame.to_dicts())
        return found

    @property
    def refused(self) -> str | None:
        """Code of the refusal; None as well where no row was sound, which says nothing but what the rows say."""
        problem = self.outcome.problem
        return problem.code if problem is not None and problem.code != "nothing_accepted" else None

    def only_row(self, dataset: Dataset) -> Row:
        """The one row that was staged."""
        ((row,),) = self.rows(dataset).values()
        return row

    def reasons(self) -> dict[int, Reasons]:
        """The reasons of each rejected record."""
        found = {line["record"]: {(reason["rule"], reason["column"]) for reason in line["reasons"]} for line in self.rejected}
        assert len(found) == len(self.rejected), "a record was rejected twice"
        return found


def by_day(rows: Mapping[int, Row], zone: DayZone = PST) -> dict[date, list[Row]]:
    """Rows by their record numbers as `Ingested.rows` gives them: those of each day in the order of their records."""
    found: dict[date, list[Row]] = {}
    for _, row in sorted(rows.items()):
        found.setdefault(row["date"] if "date" in row else zone.day_of(row["timestamp"]), []).append(row)
    return found


def ingest(
    data: bytes,
    name: str,
    dataset: Dataset,
    *,
    config: CustomerConfig = LENIENT,
    uploaded_at: datetime = UPLOADED_AT,
    zone: DayZone = PST,
    first_day: date | None = None,
    closed: Collection[date] = (),
) -> Ingested:
    """Ingest `data` as an upload called `name`."""
    staged = Staged()
    streams = {each: StreamDays(first_day=first_day, closed=frozenset(closed)) for each in DATA_DATASETS}
    request = IngestRequest(
        name=name, dataset=dataset, uploaded_at=uploaded_at, zone=zone, config=config, streams=streams, with_fixes=True
    )
    with tempfile.TemporaryDirectory() as scratch:
        outcome = ingest_file(request, Bytes(data), scratch=Path(scratch), emit=staged)
        fixes = outcome.fixes
        fixed = fixes.path.read_bytes() if fixes else None
        text = outcome.rejected.read_text(encoding="utf-8") if outcome.rejected else ""
    # Not splitlines(): values may hold other characters that end lines.
    return Ingested(
        outcome=outcome,
        parts=staged.parts,
        rejected=[json.loads(line) for line in text.split("\n")[:-1]],
        fixes=fixed,
        fixes_name=f"fixed.{fixes.ending}" if fixes else name,
    )
