"""What an ingest found out, as the fields of a receipt; the same for an upload and for a check of a local file."""

from __future__ import annotations

from dataclasses import replace

from processing.domain.reasons import WarningCode
from processing.domain.receipts import Receipt, ReceiptWarning, UploadStatus
from processing.ingest.ingest_file import IngestOutcome


def with_outcome(receipt: Receipt, outcome: IngestOutcome, *, problem_of_config: str | None, config: str | None) -> Receipt:
    """The receipt with status, counts, rules and warnings of the outcome; `in_force` and the names of blobs are left alone."""
    problems = (
        [ReceiptWarning(code=WarningCode.CONFIG_NOT_IN_FORCE, message=problem_of_config, count=1)] if problem_of_config else []
    )
    return replace(
        receipt,
        status=_status(outcome),
        format=outcome.format,
        rows=outcome.rows,
        days=outcome.days,
        rules=outcome.rules,
        warnings=(*problems, *outcome.warnings),
        error=outcome.problem,
        rejected_from=outcome.rejected_from,
        fix_from=outcome.fixes.unwritten_from if outcome.fixes is not None else None,
        fix_left_out=outcome.fixes.left_out if outcome.fixes is not None else 0,
        config=config,
    )


def _status(outcome: IngestOutcome) -> UploadStatus:
    if outcome.problem is not None:
        return UploadStatus.REJECTED
    return UploadStatus.ACCEPTED_WITH_REJECTS if outcome.rows.rejected else UploadStatus.ACCEPTED
