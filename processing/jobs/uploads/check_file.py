"""Checks a local file as an upload would be, without any storage (contract section 10, `dropzone check`)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from processing.domain.datasets import Dataset
from processing.domain.days import PST, DayZone
from processing.domain.errors import OperatorError
from processing.domain.reasons import RefusalCode
from processing.domain.receipts import Receipt, ReceiptError, UploadStatus
from processing.ingest.columns.dataset_schemas import SchemaContext
from processing.ingest.fixes.open_fixes import every_ending
from processing.ingest.ingest_file import FixFileWritten, IngestOutcome, IngestRequest, ingest_file
from processing.ingest.readers.random_access import LocalFile, RandomAccess
from processing.ingest.staging import LocalPart
from processing.jobs.uploads.ingest_receipt import with_outcome
from processing.jobs.uploads.second_opinion import SecondOpinion
from schemas.customer_config import CustomerConfig

REJECTED: Final = "rejected.ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """What to check, and by which rules."""

    path: Path
    """Of `check_source` only a name."""
    dataset: Dataset
    config: CustomerConfig
    program: str
    """Version of the program, for the receipt."""
    zone: DayZone = PST
    out: Path | None = None
    """Where accepted rows go as Parquet by day, rejected rows as NDJSON, and the fix file; None keeps nothing."""
    with_pandera: bool = False
    """Whether pandera is to validate the accepted rows too."""


def check_file(request: CheckRequest) -> Receipt:
    """The receipt that the file would get as an upload made when the file was last changed.

    Same rows, rules and counts; what needs the history of a stream is left out. Raises OperatorError for a file that
    cannot be read, or that the check would write over, and OpinionsDiffer when pandera is asked and does not take what was
    accepted.
    """
    if request.out is not None and request.path.resolve() in {(request.out / name).resolve() for name in _written_names()}:
        raise OperatorError(f"{request.path} lies where the check writes: name another folder, or move the file")
    try:
        changed = datetime.fromtimestamp(request.path.stat().st_mtime, UTC)
        with LocalFile(request.path) as source:
            return check_source(request, source, _upload_name(request.path), changed)
    except OSError as error:
        raise OperatorError(f"{request.path} cannot be checked: {error.strerror}") from error


def check_source(
    request: CheckRequest,
    source: RandomAccess,
    name: str,
    changed: datetime,
    *,
    deadline: Callable[[], bool] | None = None,
    scratch: Path | None = None,
) -> Receipt:
    """The same for any bytes, as an upload called `name` below the dataset's folder and made at `changed`.

    `deadline` says whether the time for it is over, `scratch` where temporary files lie while it is read.
    """
    with tempfile.TemporaryDirectory(prefix="dropzone-", dir=scratch) as folder:
        receipt = _blank(request, changed, source.size)
        if source.size == 0:
            problem = ReceiptError(code=RefusalCode.EMPTY_FILE, message="the file is empty and replaces nothing")
            return replace(receipt, status=UploadStatus.IGNORED, error=problem)
        kept = _Kept(request.out)
        ingest = IngestRequest(
            name=name,
            dataset=request.dataset,
            uploaded_at=changed,
            zone=request.zone,
            config=request.config,
            with_fixes=request.out is not None,
            deadline=deadline,
        )
        outcome = ingest_file(
            ingest,
            source,
            scratch=Path(folder),
            emit=_emit(request, ingest, kept),
            spill=kept.take_rejected,
            spill_fixes=kept.take_fixes,
        )
        kept.finish(outcome)
    receipt = with_outcome(receipt, outcome, problem_of_config=None, config=None)
    if outcome.problem is not None and outcome.problem.code == RefusalCode.EMPTY_FILE:
        receipt = replace(receipt, status=UploadStatus.IGNORED)  # as one of no bytes at all
    if request.out is None:
        return receipt
    fixes = outcome.fixes
    return replace(
        receipt,
        rejected_blob=REJECTED if outcome.rejected is not None else None,
        fix_blob=_fixes_name(fixes.ending) if fixes is not None else None,
    )


def _upload_name(path: Path) -> str:
    """The file with the folders above it that tell columns, as an upload of them all would be called."""
    parts = [path.name]
    for folder in path.absolute().parent.parts[::-1]:
        if "=" not in folder:
            break
        parts.insert(0, folder)
    return "/".join(parts)


def _emit(request: CheckRequest, ingest: IngestRequest, kept: _Kept) -> Callable[[Dataset, LocalPart], None]:
    if not request.with_pandera:
        return kept.take
    opinion = SecondOpinion(
        context=SchemaContext(
            uploaded_at=ingest.uploaded_at, zone=ingest.zone, id_types=ingest.config.id_types, kinds=ingest.config.fitting
        )
    )

    def take(dataset: Dataset, part: LocalPart) -> None:
        opinion.take(dataset, part)
        kept.take(dataset, part)

    return take


def _written_names() -> tuple[str, ...]:
    """What a check may write into a folder, besides Parquet in folders of days."""
    return (REJECTED, *map(_fixes_name, every_ending()))


def _fixes_name(ending: str) -> str:
    return f"rejected.{ending}"


class _Kept:
    """The files below `--out`."""

    def __init__(self, out: Path | None) -> None:
        self._out = out
        if out is not None:
            for name in _written_names():
                (out / name).unlink(missing_ok=True)  # of an earlier check
        self._parts: list[Path] = []

    def take(self, dataset: Dataset, part: LocalPart) -> None:
        if self._out is None:
            return
        target = self._out / str(dataset) / f"pst_date={part.day.isoformat()}" / f"part-{part.number:05d}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(part.path, target)
        self._parts.append(target)

    def take_rejected(self, path: Path) -> None:
        self._append(REJECTED, path)

    def take_fixes(self, written: FixFileWritten) -> None:
        self._append(_fixes_name(written.ending), written.path)

    def _append(self, name: str, path: Path) -> None:
        if self._out is None:
            return
        self._out.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as rows, (self._out / name).open("ab") as kept:
            shutil.copyfileobj(rows, kept)

    def finish(self, outcome: IngestOutcome) -> None:
        if self._out is None:
            return
        if outcome.rejected is not None:
            self.take_rejected(outcome.rejected)
        else:
            (self._out / REJECTED).unlink(missing_ok=True)  # of a file that was refused on the way
        if outcome.fixes is not None:
            self.take_fixes(outcome.fixes)
        else:
            for ending in every_ending():
                (self._out / _fixes_name(ending)).unlink(missing_ok=True)  # of a file that was refused in the end
        if outcome.problem is not None:
            for part in self._parts:  # nothing of a refused file is accepted
                part.unlink()


def _blank(request: CheckRequest, changed: datetime, size: int) -> Receipt:
    return Receipt(
        blob=request.path.name,
        customer="",
        dataset=str(request.dataset),
        etag="",
        size=size,
        format=None,
        status=UploadStatus.ACCEPTED,
        received_at=changed,
        finished_at=datetime.now(UTC),
        in_force=None,
        program=request.program,
    )
