"""Checks single rows by the engine that reads uploads: what is accepted here is accepted in the upload that they become."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from processing.domain.datasets import Dataset
from processing.domain.receipts import Upload
from processing.ingest.ingest_file import IngestRequest, ingest_file
from processing.ingest.readers.random_access import InMemoryFile
from processing.ingest.staging import LocalPart
from processing.jobs.uploads.stream_days import stream_days
from processing.stored.context import JobContext
from processing.stored.customer_config import for_plain_rows
from schemas.customer_config import CustomerConfig

_NAME: Final = "rows.ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """One reason why a row is not accepted."""

    column: str | None
    """None for a rule on the row as a whole."""
    value: str | None
    """As it was sent, cut to 64 characters, or masked by the config."""
    message: str
    """What to do."""


def check_rows(
    context: JobContext, customer: str, dataset: Dataset, lines: Sequence[bytes], *, config: CustomerConfig, now: datetime
) -> Mapping[int, tuple[BadRow, ...]]:
    """Which of these lines of NDJSON, in the dataset's own columns, would be rejected, by their index from 0, and why.

    `config` is what is in force for the customer, `now` the storage service's time, by which rules against "now" go. Raises
    LaterError when storage is down; CustomerError is none: what a file would be refused for whole is said of each row.
    """
    upload = Upload(customer=customer, name=_NAME, etag="", size=0, last_modified=now)
    request = IngestRequest(
        name=_NAME,
        dataset=dataset,
        uploaded_at=now,
        zone=context.zone,
        config=for_plain_rows(config),
        streams=stream_days(context, upload, dataset, config),
        are_answered=True,
        deadline=context.deadline(),
    )
    with tempfile.TemporaryDirectory(prefix="dropzone-", dir=context.scratch) as scratch:
        outcome = ingest_file(request, InMemoryFile(b"\n".join(lines) + b"\n"), scratch=Path(scratch), emit=_take_away)
        if outcome.problem is not None and outcome.rejected is None:
            refused = BadRow(column=None, value=None, message=outcome.problem.message)
            return dict.fromkeys(range(len(lines)), (refused,))
        found = _bad_rows(outcome.rejected) if outcome.rejected is not None else {}
    if outcome.rejected_from is not None:
        unseen = BadRow(column=None, value=None, message="so many rows are bad that this one was not looked at")
        found |= {index: (unseen,) for index in range(outcome.rejected_from - 1, len(lines)) if index not in found}
    if outcome.rows.read != len(lines) or outcome.rows.accepted + len(found) < len(lines):
        raise AssertionError("rows of a request were lost or doubled")
    return found


def _bad_rows(rejected: Path) -> dict[int, tuple[BadRow, ...]]:
    found: dict[int, tuple[BadRow, ...]] = {}
    with rejected.open(encoding="utf-8") as lines:
        for line in lines:
            told: dict[str, Any] = json.loads(line)
            found[told["record"] - 1] = tuple(
                BadRow(column=each["column"], value=each["value"], message=each["message"]) for each in told["reasons"]
            )
    return found


def _take_away(_dataset: Dataset, _part: LocalPart) -> None:
    """The writer deletes it."""
