"""What a blob under `signals/` is answered: what it marks, what is ignored, and why (contract section 4, signals)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from processing.domain.blob_names import Marker, SignalFile
from processing.domain.datasets import Dataset
from processing.domain.marker_names import is_bare_day, right_name
from processing.domain.reasons import RefusalCode, WarningCode
from processing.domain.receipts import Receipt, ReceiptError, ReceiptWarning, Upload, UploadStatus
from processing.domain.stream_state import ExpectedFile, StreamState
from processing.domain.streams import Stream
from processing.ingest.ingest_file import IngestOutcome, IngestRequest, ingest_file
from processing.jobs.uploads.ingest_receipt import with_outcome
from processing.jobs.uploads.pinned_upload import PinnedUpload
from processing.jobs.uploads.rejected_rows import RejectedRows
from processing.stored.context import JobContext
from processing.stored.policies import readiness_policy
from processing.stored.stream_state import StoredState, load_state
from processing.stored.streams import begin_stream, streams_of

_SHOWN: Final = 20


def answer_marker(
    context: JobContext, upload: Upload, marker: Marker, receipt: Receipt, files: tuple[ExpectedFile, ...]
) -> Receipt:
    """The receipt of a blob whose name marks a day, and which may name files of it."""
    if context.zone.is_far_ahead(marker.day, upload.last_modified):
        return _refused(
            receipt,
            RefusalCode.MARKER_TOO_EARLY,
            f"{marker.day.isoformat()} is more than a day ahead: mark it once it has begun",
        )
    receipt = _marking(context, upload.customer, marker.dataset, [marker.day], receipt)
    if files:
        message = f"the day also waits until the {len(files):,} files of the manifest are in"
        receipt = replace(
            receipt,
            warnings=(*receipt.warnings, ReceiptWarning(code=WarningCode.WAITS_FOR_FILES, message=message, count=len(files))),
        )
    return receipt


def answer_missed(receipt: Receipt, right_name: str, *, is_folder: bool = False) -> Receipt:
    """The receipt of a blob that was meant as a marker and marks nothing."""
    found = "it stands for a folder, which marks nothing" if is_folder else "a blob of this name marks nothing"
    return _refused(receipt, RefusalCode.NOT_A_MARKER, f"{found}: name the marker {right_name}")


def empty_answer(receipt: Receipt) -> Receipt:
    """The receipt of an empty file that replaces nothing: ignored, unless it can only have been meant as a marker."""
    message = "the file is empty and replaces nothing"
    if receipt.dataset == Dataset.SIGNALS or is_bare_day(receipt.blob):
        return _refused(receipt, RefusalCode.NOT_A_MARKER, f"{message}: name the marker {right_name(receipt.blob)}")
    return replace(receipt, status=UploadStatus.IGNORED, error=ReceiptError(code=RefusalCode.EMPTY_FILE, message=message))


def answer_finished_dates(
    context: JobContext,
    upload: Upload,
    signal: SignalFile | Marker,
    receipt: Receipt,
    outlet: tuple[Path, RejectedRows],
    *,
    read_as: str | None = None,
) -> tuple[Receipt, IngestOutcome, PinnedUpload]:
    """The receipt of a file that names finished days in its column `finished_date`, and how it was read.

    `outlet` is the scratch folder, and who takes rejected rows where they do not fit there any longer; `read_as` a name whose
    ending tells the format where the upload's own does not.

    Raises Superseded when the version is gone, LaterError and OperatorError when storage fails.
    """
    pinned = PinnedUpload(context.drop, upload)
    request = IngestRequest(
        name=read_as or upload.name,
        dataset=Dataset.SIGNALS,
        uploaded_at=upload.last_modified,
        zone=context.zone,
        with_fixes=True,
        deadline=context.deadline(),
    )
    scratch, rejected = outlet
    outcome = ingest_file(
        request,
        pinned,
        scratch=scratch,
        emit=lambda _dataset, _part: None,
        spill=rejected.spill,
        spill_fixes=rejected.spill_fixes,
    )
    if outcome.problem is None and outcome.rows.read and not outcome.rows.accepted:
        outcome = replace(
            outcome, problem=ReceiptError(code=RefusalCode.NOT_A_MARKER, message="no record names a day"), fixes=None
        )
    receipt = with_outcome(receipt, outcome, problem_of_config=None, config=None)
    if outcome.problem is not None:
        if outcome.problem.code == RefusalCode.EMPTY_FILE:
            return receipt, outcome, pinned
        named = right_name(upload.name)
        message = f"name the marker {named}, or give the file a column finished_date ({outcome.problem.message})"
        return _refused(replace(receipt, days={}), RefusalCode.NOT_A_MARKER, message), outcome, pinned
    days = sorted(outcome.days)
    receipt = _marking(context, upload.customer, signal.dataset, days, receipt)
    if isinstance(signal, Marker) and signal.day not in days:
        message = f"the dates in the file count, and not the {signal.day.isoformat()} of its name: it marks {_listed(days)}"
        warning = ReceiptWarning(code=WarningCode.DATE_DIFFERS_FROM_NAME, message=message, count=1)
        receipt = replace(receipt, warnings=(*receipt.warnings, warning))
    return receipt, outcome, pinned


def _marking(context: JobContext, customer: str, dataset: Dataset | None, days: list[date], receipt: Receipt) -> Receipt:
    """The receipt with the streams and days that are marked as things are now, and with those that are not."""
    policy = readiness_policy(context, customer)
    window = context.zone.day_of(receipt.received_at) - timedelta(days=policy.first_day_window)
    named = streams_of(context, customer) if dataset is None else _named(context, Stream(customer, dataset))
    marks: list[str] = []
    warnings: list[ReceiptWarning] = []
    for stored in named:
        if stored.etag is None:
            begin_stream(context, stored.state.stream)  # the marker waits for it
        marked = _MarkedStream(state=stored.state, named_first=policy.first_day, window=window)
        marks += [f"{stored.state.dataset}/{day.isoformat()}" for day in days if not marked.ignores(day)]
        warnings += marked.warnings(days)
    if not named:
        message = "no upload has come yet: the marker counts for the streams that begin later"
        warnings.append(ReceiptWarning(code=WarningCode.NO_STREAM_YET, message=message, count=len(days)))
        marks += [f"*/{day.isoformat()}" for day in days]
    settled = receipt.received_at + policy.settle
    open_days = {day: end for day in days if (end := context.zone.end_of(day)) > receipt.received_at}
    if open_days:
        shown = [f"{day.isoformat()} at {end:%Y-%m-%dT%H:%M:%SZ}" for day, end in list(open_days.items())[:_SHOWN]]
        more = f" and {len(open_days) - _SHOWN} more" if len(open_days) > _SHOWN else ""
        message = f"the marker takes effect when its day has ended: {', '.join(shown)}{more}"
        warnings.append(ReceiptWarning(code=WarningCode.DAY_NOT_ENDED, message=message, count=len(open_days)))
    effect = max((settled, *open_days.values())) if marks else None
    return replace(receipt, marks=tuple(marks), takes_effect=effect, warnings=(*receipt.warnings, *warnings))


@dataclass(frozen=True, slots=True, kw_only=True)
class _MarkedStream:
    """What a stream makes of a marker, as things are now."""

    state: StreamState
    named_first: date | None
    """The first day that the config names."""
    window: date
    """The first of the days in which a first day is looked for."""

    @property
    def first(self) -> date | None:
        return self.named_first or self.state.first_day

    def ignores(self, day: date) -> bool:
        return self.state.is_closed(day) or (self.first is not None and day < self.first)

    def warnings(self, days: list[date]) -> Iterator[ReceiptWarning]:
        name = self.state.dataset
        if self.first is None:
            old = [day for day in days if day < self.window]
            yield from _warning(
                WarningCode.MARKER_TOO_OLD, f"{name} looks for its first day from {self.window} on, and not at", old
            )
            return
        early = [day for day in days if day < self.first]
        yield from _warning(WarningCode.BEFORE_FIRST_DAY, f"{name} begins with {self.first}: not marked are", early)
        closed = [day for day in days if day >= self.first and self.state.is_closed(day)]
        yield from _warning(WarningCode.DAY_CLOSED, f"{name} has given up the staged rows, and does not process", closed)
        again = [day for day in days if self.state.is_published(day) and not self.ignores(day)]
        yield from _warning(WarningCode.MARKED_AGAIN, f"{name} has published before", again)


def _warning(code: WarningCode, message: str, days: list[date]) -> Iterator[ReceiptWarning]:
    if days:
        yield ReceiptWarning(code=code, message=f"{message} {_listed(days)}", count=len(days))


def _named(context: JobContext, stream: Stream) -> list[StoredState]:
    """The streams that a marker of one dataset marks: those of `events` mark exposures too, until these have their own."""
    named = load_state(context, stream)
    if stream.dataset is not Dataset.EVENTS:
        return [named]
    others = [each for each in streams_of(context, stream.customer) if each.state.dataset is Dataset.EXPOSURES]
    return [named, *(each for each in others if not each.state.own_markers)]


def _listed(days: list[date]) -> str:
    more = f" and {len(days) - _SHOWN} more" if len(days) > _SHOWN else ""
    return ", ".join(day.isoformat() for day in days[:_SHOWN]) + more


def _refused(receipt: Receipt, code: RefusalCode, message: str) -> Receipt:
    return replace(receipt, status=UploadStatus.REJECTED, error=ReceiptError(code=code, message=message))
