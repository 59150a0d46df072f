"""Our ingest of a local file: the path of an upload from its bytes to staged parts, rejected rows and the fix file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.samples import UPLOADED_AT
from processing.domain.datasets import Dataset
from processing.ingest.ingest_file import IngestOutcome, IngestRequest, ingest_file
from processing.ingest.readers.random_access import LocalFile
from schemas.customer_config import CustomerConfig


def prepare(task: dict[str, Any], scratch: Path) -> Callable[[], dict[str, Any]]:
    """The work: ingest `path` as `dataset`. Parts are taken away at once, as an upload would take them."""
    path = Path(task["path"])
    request = request_for(path, task["dataset"])

    def work() -> dict[str, Any]:
        written: list[int] = []

        def drop(rejected: Path) -> None:
            written.append(rejected.stat().st_size)
            rejected.unlink()

        with LocalFile(path) as source:
            outcome = ingest_file(
                request,
                source,
                scratch=scratch,
                emit=lambda _dataset, part: written.append(part.path.stat().st_size),
                spill=drop,
                spill_fixes=lambda fixes: drop(fixes.path),
            )
            size = source.size
        if outcome.fixes is not None:
            written.append(outcome.fixes.path.stat().st_size)
        if outcome.rejected is not None:
            written.append(outcome.rejected.stat().st_size)
        return {**found(outcome), "bytes_in": size, "bytes_out": sum(written)}

    return work


def request_for(path: Path, dataset: str) -> IngestRequest:
    """The request for a sample, which is not refused however bad it is."""
    return IngestRequest(
        name=path.name,
        dataset=Dataset(dataset),
        uploaded_at=UPLOADED_AT,
        config=CustomerConfig(max_rejected_fraction=1.0),
        with_fixes=True,
    )


def found(outcome: IngestOutcome) -> dict[str, Any]:
    """The counts, to be held against those that the sample's maker knows."""
    if outcome.problem is not None:
        raise SystemExit(outcome.problem.message)
    return {
        "read": outcome.rows.read,
        "accepted": outcome.rows.accepted,
        "rejected": outcome.rows.rejected,
        "days": {day.isoformat(): count for day, count in outcome.days.items()},
        "rules": dict(sorted((f"{rule.rule}:{rule.column or ''}", rule.count) for rule in outcome.rules)),
    }
